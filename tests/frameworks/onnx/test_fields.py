"""Any field of a model may hold any value: it is read, or the error is one sentence."""

from fractions import Fraction
from types import SimpleNamespace as Fake

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix.frameworks.onnx import (
    from_layer,
    from_model,
)
from onnx_fakes import W, check_sentence, graph, node, tensor
from strategies import share

HOSTILE = [
    None,
    3,
    -1,
    2.5,
    float("nan"),
    float("inf"),
    "",
    "abc",
    b"\xff",
    [],
    [None],
    [3],
    {},
    {"a": 1},
    object(),
    10**400,
    True,
    np.zeros(3),
    (),
    [[1], [2, 3]],
    Fake(),
    [Fake()],
    Fraction(1, 3),
    1j,
    "\0",
    "a\nb",
    float,
    lambda: None,
    [10**400],
    ["x"] * 3,
    "\ud800",
]


def places(value, path=()):
    """Yield every field of a message, in lists as well."""
    if isinstance(value, Fake):
        for name, each in vars(value).items():
            yield (*path, name)
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield (*path, number)
            yield from places(each, (*path, number))


def whole():
    nodes = [
        node("Constant", "", "k", value_ints=[0, 0, 1, 1, 0, 0, 1, 1]),
        node("Pad", "x,k", "a", mode="edge"),
        node("Conv", "a,w", "b", strides=[1, 2], pads=[0, 1, 0, 1], group=1),
        node("Relu", "b", "c"),
        node("Resize", "c,,s", "d", mode="nearest", coordinate_transformation_mode="asymmetric"),
        node("AveragePool", "d", "e", kernel_shape=[2, 2], auto_pad="VALID"),
        node("Cast", "e", "f", to=1),
        node("SpaceToDepth", "f", "y", blocksize=1),
    ]
    typed = [tensor("s", np.array([1, 1, 2, 2], "float32"), raw_data=b"", float_data=[1.0, 1.0, 2.0, 2.0])]
    return graph(nodes, typed=typed, w=W)


PLACES = list(places(whole()))
FIELDS = [*HOSTILE, np.zeros((2, 2))]  # whose repr has two lines


def spoiled(place, value):
    model = whole()
    *way, last = place
    owner = model
    for step in way:
        owner = vars(owner)[step] if isinstance(owner, Fake) else owner[step]
    if isinstance(owner, Fake):
        setattr(owner, last, value)
    else:
        owner[last] = value
    return model


def test_the_whole_model_is_read():
    assert len(from_model(whole())) == 5
    assert len(PLACES) > 150


@share(4)
@given(place=st.sampled_from(PLACES), value=st.sampled_from(FIELDS))
def test_a_hostile_field_is_read_or_refused_in_one_sentence(place, value):
    try:
        from_model(spoiled(place, value))
    except (ValueError, TypeError) as error:
        check_sentence(error)


@pytest.mark.full
@pytest.mark.parametrize("number", range(len(FIELDS)))
def test_all_hostile_fields(number):
    for place in PLACES:
        try:
            from_model(spoiled(place, FIELDS[number]))
        except (ValueError, TypeError) as error:
            check_sentence(error)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_arguments(value):
    made, sound = node("Conv", "x,w"), graph([node("Conv", "x,w")], w=W)
    for call in (
        lambda: from_model(value),
        lambda: from_layer(value, 6, {"w": W}),
        lambda: from_layer(made, 6, value),
        lambda: from_layer(made, value, {"w": W}),
        lambda: from_layer(made, 6, {"w": value}),
        lambda: from_model(sound, value),
        lambda: from_model(sound, None, value),
    ):
        try:
            call()
        except (ValueError, TypeError) as error:
            check_sentence(error)
