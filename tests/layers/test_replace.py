"""`dataclasses.replace` on every class of layers: what the constructor makes of the new arguments and the fields."""

import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from inspect import signature

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix import (
    AvgPool,
    Conv,
    ConvTranspose,
    Fold,
    MaxPool,
    PixelShuffle,
    PixelUnshuffle,
    Transposed,
    Unfold,
    Upsample,
)
from strategies import conv_arguments, share, transpose_arguments
from strategies_fixed import (
    avg_pool_arguments,
    fixed_layers,
    made,
    pool_arguments,
    shuffle_arguments,
    unfold_arguments,
    upsample_arguments,
)

ARGUMENTS = {
    Conv: conv_arguments(),
    ConvTranspose: transpose_arguments(),
    AvgPool: avg_pool_arguments(),
    MaxPool: pool_arguments(dilation=True),
    Upsample: upsample_arguments(),
    Unfold: unfold_arguments(),
    Fold: unfold_arguments().map(
        lambda drawn: {
            {"input_size": "output_size", "in_channels": "out_channels"}.get(name, name): value
            for name, value in drawn.items()
        }
    ),
    PixelShuffle: shuffle_arguments(),
    PixelUnshuffle: shuffle_arguments().map(
        lambda drawn: (
            drawn | {"input_size": tuple(n * r for n, r in zip(drawn["input_size"], drawn["factor"], strict=True))}
        )
    ),
    Transposed: fixed_layers().filter(lambda layer: not isinstance(layer, Transposed)).map(lambda one: {"layer": one}),
}
KINDS = pytest.mark.parametrize("kind", ARGUMENTS, ids=lambda kind: kind.__name__)


def layers():
    """Valid layers of every class."""
    return st.one_of(made(kind, arguments) for kind, arguments in ARGUMENTS.items())


def resolved(layer):
    """The fields that are arguments of the constructor, as they are in the layer."""
    names = [name for name in signature(type(layer)).parameters if name not in ("ndim", "output_size")]
    if isinstance(layer, Fold | Upsample):
        names.append("output_size")
    return {name: getattr(layer, name) for name in names}


def outcome(make):
    """The layer, or how it is refused."""
    try:
        return make()
    except ValueError as error:
        return type(error), str(error)


# -- every class -----------------------------------------------------------------------------------------------------


@KINDS
@share(0.2)
@given(data=st.data())
def test_without_changes_and_with_an_argument_given_anew_the_layer_is_equal(kind, data):
    """Numbers of a layer itself fit whatever else it has."""
    layer = kind(**data.draw(ARGUMENTS[kind]))
    same = replace(layer)
    assert type(same) is kind
    assert same == layer
    assert hash(same) == hash(layer)
    assert repr(same) == repr(layer)
    assert eval(repr(same)) == layer
    assert pickle.loads(pickle.dumps(same)) == layer
    for name, value in resolved(layer).items():
        assert replace(layer, **{name: value}) == layer


@KINDS
@share(0.2)
@given(data=st.data())
def test_changes_are_arguments_of_the_constructor_beside_the_resolved_fields(kind, data):
    """Changes come from another valid layer, so that some fit, and others are refused as the constructor does."""
    arguments, others = data.draw(ARGUMENTS[kind]), data.draw(ARGUMENTS[kind])
    layer = kind(**arguments)
    names = data.draw(st.lists(st.sampled_from(sorted(others)), min_size=1, unique=True))
    changes = {name: others[name] for name in names}
    assert outcome(lambda: replace(layer, **changes)) == outcome(lambda: kind(**(resolved(layer) | changes)))


@KINDS
def test_fields_to_replace_are_the_arguments(kind):
    arguments = set(signature(kind).parameters) - {"ndim"}
    if kind is ConvTranspose:
        arguments.remove("output_size")  # another way to say output_padding
    assert {field.name for field in fields(kind) if field.init} == arguments


@share(0.2)
@given(layer=layers())
def test_the_layer_itself_stays_as_it_was(layer):
    before = repr(layer)
    changed = replace(layer, **({"layer": AvgPool(3, 1)} if type(layer) is Transposed else {}))
    assert repr(layer) == before
    with pytest.raises(FrozenInstanceError):
        changed.layer = changed


# -- by hand ---------------------------------------------------------------------------------------------------------


CONV = Conv((7,), 3, stride=2, padding="same")
UP = ConvTranspose((4,), 3, stride=2, padding="same")
POOL = AvgPool((6,), 2)


@pytest.mark.parametrize(
    ("layer", "changes", "expected"),
    [
        (Conv(4, 3), {"stride": 2}, Conv(4, 3, stride=2)),
        (
            Conv(4, 3),
            {"in_channels": 4, "groups": 2, "out_channels": 2},
            Conv(4, 3, in_channels=4, groups=2, out_channels=2),
        ),
        (
            Conv(4, 3),
            {"input_size": (9,), "kernel_size": 2, "stride": 1, "padding": 0, "dilation": 1, "input_dilation": 1},
            Conv((9,), 2),
        ),
        (Conv((5,), 3, padding=1), {"padding_mode": "circular"}, Conv((5,), 3, padding=1, padding_mode="circular")),
        (CONV, {"input_size": 8}, Conv((8,), 3, stride=2, padding=1)),
        (CONV, {"input_size": 8, "padding": "same"}, Conv((8,), 3, stride=2, padding=((0, 1),))),
        (Conv((9,), 3, padding="full"), {"dilation": 2}, Conv((9,), 3, padding=2, dilation=2)),
        (UP, {"kernel_size": 5}, ConvTranspose((4,), 5, stride=2, padding=((0, 1),))),
        (
            ConvTranspose((4,), 3, stride=2, padding=1, output_size=8),
            {"input_size": 5},
            ConvTranspose((5,), 3, stride=2, padding=1, output_padding=1),
        ),
        (
            ConvTranspose((4,), 3, stride=2, padding=1, output_size=8),
            {"output_size": 7, "output_padding": 0},
            ConvTranspose((4,), 3, stride=2, padding=1),
        ),
        (
            ConvTranspose((4,), 1, stride=3, padding="valid"),
            {"stride": 4},
            ConvTranspose((4,), 1, stride=4, output_padding=2),
        ),
        (POOL, {"kernel_size": 3}, AvgPool((6,), 3, stride=2)),
        (POOL, {"kernel_size": 3, "stride": None}, AvgPool((6,), 3)),
        (
            POOL,
            {"padding": 1, "count_include_pad": False, "divisor_override": 3, "channels": 2, "ceil_mode": True},
            AvgPool((6,), 2, padding=1, count_include_pad=False, divisor_override=3, channels=2, ceil_mode=True),
        ),
        (AvgPool((6,), 3, padding="half"), {"kernel_size": 5}, AvgPool((6,), 5, stride=3, padding=1)),
        (
            MaxPool((6,), 3, stride=1),
            {"padding": "same", "channels": 2},
            MaxPool((6,), 3, stride=1, padding=1, channels=2),
        ),
        (Upsample((5,), scale=1.5), {"mode": "linear"}, Upsample((5,), scale=1.5, mode="linear")),
        (Upsample((5,), scale=1.5), {"input_size": 6, "output_size": None}, Upsample((6,), scale=1.5)),
        (Upsample((5,), scale=1.5), {"input_size": 6, "scale": None}, Upsample((6,), output_size=7)),
        (Upsample((5,), scale=1.5), {"output_size": 8}, Upsample((5,), scale=1.5, output_size=8)),
        (Unfold((5,), 3), {"padding": "same", "in_channels": 2}, Unfold((5,), 3, padding=1, in_channels=2)),
        (Fold((5,), 3), {"stride": 2}, Fold((5,), 3, stride=2)),
        (
            Fold((5,), 3, padding="same"),
            {"output_size": 9, "kernel_size": 5, "out_channels": 2},
            Fold((9,), 5, padding=1, out_channels=2),
        ),
        (
            Unfold((5,), 3).T,
            {"dilation": 2, "padding_mode": "reflect"},
            Fold((5,), 3, dilation=2, padding_mode="reflect"),
        ),
        (PixelShuffle(2, 2), {"channels": 3}, PixelShuffle(2, 2, channels=3)),
        (PixelShuffle(2, 2), {"factor": (1, 3)}, PixelShuffle(2, (1, 3))),
        (PixelUnshuffle(6, 2), {"factor": 3}, PixelUnshuffle(6, 3)),
        (PixelUnshuffle((6,), 2), {"input_size": 8, "channels": 2}, PixelUnshuffle((8,), 2, channels=2)),
        (PixelShuffle(2, 3, channels=2).T, {"channels": 1}, PixelUnshuffle(6, 3)),
        (POOL.T, {"layer": Upsample(2, scale=2)}, Upsample(2, scale=2).T),
    ],
    ids=str,
)
def test_by_hand(layer, changes, expected):
    result = replace(layer, **changes)
    assert result == expected
    assert repr(result) == repr(expected)
    assert (result.input_shape, result.output_shape) == (expected.input_shape, expected.output_shape)
    assert result.nnz == expected.nnz


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        (Conv(4, 3), {"stride": 0}, "stride on axis 0 must be at least 1, got 0"),
        (
            Conv(4, 3),
            {"input_size": (9,)},
            (
                "input_size has 1 but kernel_size has 2 entries, (3, 3): give one entry for each axis, or one number "
                "for all"
            ),
        ),
        (
            ConvTranspose((4,), 3, stride=2, padding=1, output_size=8),
            {"output_size": 7},
            "output_padding 1 on axis 0 cannot stand beside output_size 7, which decides the output size already: give "
            "one of the two",
        ),
        (
            Upsample((5,), scale=1.5),
            {"input_size": 6},
            "output_size 7 on axis 0 does not go with scale 1.5, which makes 9 of input_size 6: give one of the two",
        ),
        (
            PixelUnshuffle(6, 2),
            {"factor": 4},
            "factor 4 does not divide input_size 6 on axis 0 (remainder 2): blocks of 4 fit into a size of 4 or 8",
        ),
    ],
    ids=str,
)
def test_what_makes_no_layer_is_refused_as_by_the_constructor(layer, changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(layer, **changes)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (PixelUnshuffle(6, 2), "kernel_size"),
        (PixelShuffle(2, 2), "layer"),
        (Fold(4, 2), "layer"),
        (Conv(4, 3), "output_padding"),
        (Fold(4, 2), "input_size"),
    ],
)
def test_what_is_no_argument_cannot_be_replaced(layer, name):
    with pytest.raises((ValueError, TypeError), match=name):
        replace(layer, **{name: 1})


@pytest.mark.parametrize(
    "layer",
    [
        Upsample((1,), output_size=2**40),
        Upsample((2**40 + 1,), output_size=2**33),
        Upsample((2**50,), scale=1 / 3 + 2**-40),
        Upsample((2**50,), scale=1 / 3 + 2**-40, mode="linear"),
        Upsample((10**12,), output_size=3 * 10**12 + 1, mode="nearest-exact"),
        Fold((10**15,), 3, stride=7),
        PixelUnshuffle((10**15,), 10),
        Conv(10**15, 3, padding="same"),
    ],
    ids=repr,
)
def test_gigantic_layers(layer):
    assert replace(layer) == layer
    assert pickle.loads(pickle.dumps(layer)) == layer
    assert replace(pickle.loads(pickle.dumps(layer))) == layer


def test_a_scale_that_only_a_layer_can_hold_is_refused_where_a_user_gives_it():
    message = r"^scale on axis 0 must be between 1/2\*\*31 and 2\*\*31, got 4294967296"
    for scale in (2.0**32, 2**32, Fraction(2**32)):
        for size in (2**32, 2**33):
            with pytest.raises(ValueError, match=message):
                Upsample((1,), scale=scale, output_size=size)
    with pytest.raises(ValueError, match=message):
        replace(Upsample((1,), output_size=2**32), output_size=2**33)


def test_scales_are_fractions_to_look_at():
    scale = replace(Upsample((5, 4), scale=(1.5, 2))).scale
    assert scale == (Fraction(3, 2), Fraction(2))
    assert repr(scale) == "(Fraction(3, 2), Fraction(2, 1))"
    assert {hash(entry) for entry in scale} == {hash(Fraction(3, 2)), hash(Fraction(2))}
