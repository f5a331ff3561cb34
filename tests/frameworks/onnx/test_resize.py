"""ONNX's resizes: the specification of the operator, for any size, and every error."""

import re
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix import Upsample
from convmatrix.core import memory
from convmatrix.core.errors import TooLargeError
from convmatrix.frameworks.onnx import (
    from_model,
)
from onnx_fakes import graph, node, refused
from strategies import share


def resized(scales=None, sizes=None, op="Resize", reads="x,,s", **attributes):
    constants = {"s": np.array(scales, "float32")} if scales is not None else {"z": np.array(sizes)}
    if sizes is not None:
        reads = "x,,,z"
    (layer,) = from_model(graph([node(op, reads, **attributes)], (1, 2, 4, 5), **constants))
    return layer


ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric"}


def test_resizes():
    doubled = Upsample((4, 5), scale=2, channels=2)
    assert resized([1, 1, 2, 2], op="Upsample", reads="x,s", mode="nearest") == doubled
    assert resized([1, 1, 2, 2], reads="x,s") == doubled  # version 10
    assert from_model(graph([node("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0])], (1, 2, 4, 5))) == [doubled]  # 7
    assert resized([1, 1, 2, 2], nearest_mode="floor", **ASYMMETRIC) == doubled
    assert resized([1, 1, 2, 2], **ASYMMETRIC) == doubled  # halves are rounded down
    assert resized([2, 3], axes=[2, 3]) == resized([3, 2], axes=[-1, -2]) == Upsample((4, 5), scale=(2, 3), channels=2)
    assert resized([1, 1, 2, 2], mode="linear") == Upsample((4, 5), scale=2, mode="linear", channels=2)
    aligned = resized(sizes=[1, 2, 7, 9], mode="linear", coordinate_transformation_mode="align_corners")
    assert aligned == Upsample((4, 5), output_size=(7, 9), mode="linear", align_corners=True, channels=2)
    exact = resized([1, 1, 1.5, 1.4], nearest_mode="round_prefer_ceil")
    assert exact == Upsample((4, 5), scale=(1.5, 1.4), mode="nearest-exact", channels=2)
    assert resized([1, 1, 0.75, 0.6], nearest_mode="floor", **ASYMMETRIC).output_size == (3, 3)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"scales": [1, 1, 2, 2], "mode": "cubic"}, "mode 'cubic' is not one of nearest, linear"),
        (
            {"scales": [1, 1, 2, 2], "coordinate_transformation_mode": "tf_crop_and_resize"},
            "coordinate_transformation_mode 'tf_crop_and_resize' is not one of half_pixel, half_pixel_symmetric",
        ),
        (
            {"scales": [1, 1, 2, 2], "mode": "linear", **ASYMMETRIC},
            "mode 'linear' with coordinate_transformation_mode 'asymmetric' from size (4, 5) to (8, 10) reads other "
            "entries than any mode of Upsample",
        ),
        (
            {"scales": [1, 1, 2, 2], "nearest_mode": "ceil"},
            "mode 'nearest' with coordinate_transformation_mode 'half_pixel' and nearest_mode 'ceil' from size (4, 5)",
        ),
        ({"scales": [1, 1, 2, 2], "nearest_mode": "round"}, "nearest_mode 'round' is not one of round_prefer_floor"),
        (
            {"scales": [1, 1, 0.5, 1], "mode": "linear", "antialias": 1},
            "antialias=1 spreads the filter where the image",
        ),
        (
            {"sizes": [1, 2, 8, 8], "keep_aspect_ratio_policy": "not_larger"},
            "keep_aspect_ratio_policy 'not_larger' is not one of stretch",
        ),
        (
            {"scales": [1, 2, 2, 2]},
            "scales [1.0, 2.0, 2.0, 2.0] resize the batch or the channels: only spatial axes are",
        ),
        ({"sizes": [1, 3, 8, 8]}, "sizes [1, 3, 8, 8] change the 2 channels: only spatial axes are resized here"),
        ({"scales": [2, 2]}, "scales has 2 entries, [2.0, 2.0], but there are 4 axes: give one for each"),
        (
            {"scales": [1, 1, 0.6, 0.6], "mode": "linear", "coordinate_transformation_mode": "align_corners"},
            "scale 0.6 makes 2.4 of size 4 on axis 0, no integer, and with 'align_corners' it is not agreed "
            "whether the "
            "last output stands on the last input: give sizes",
        ),
        (
            {"scales": [1, 1, 0.1, 1]},
            "output is empty on axis 0: its size would be 0 (= floor(4 * scale 0.1)); use a scale of at least 0.25",
        ),
    ],
)
def test_errors_of_resizes(kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        resized(**kwargs)


# -- resizes of any size ---------------------------------------------------------------------------------------------

ROUNDINGS = {
    "round_prefer_floor": lambda at: ceil(at - Fraction(1, 2)),
    "round_prefer_ceil": lambda at: floor(at + Fraction(1, 2)),
    "floor": floor,
    "ceil": ceil,
}
COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")


def resize(sizes, shape, **attributes):
    return graph([node("Resize", "x,,,z", **attributes)], (1, 1, *shape), z=np.array([1, 1, *sizes]))


def test_huge_resizes_are_answered_by_the_numbers():
    sizes, shape = (2 * 10**9, 8), (8, 8)
    assert from_model(resize(sizes, shape, mode="linear")) == [Upsample(shape, output_size=sizes, mode="linear")]
    floors = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    assert from_model(resize(sizes, shape, **floors)) == [Upsample(shape, output_size=sizes)]
    aligned = from_model(resize(sizes, shape, mode="linear", coordinate_transformation_mode="align_corners"))
    assert aligned == [Upsample(shape, output_size=sizes, mode="linear", align_corners=True)]
    doubled = resize((2 * 10**9, 8), (10**9, 4), coordinate_transformation_mode="asymmetric")
    assert from_model(doubled) == [Upsample((10**9, 4), scale=2)]  # halves are rounded down
    refused("reads other entries than any mode of Upsample", resize(sizes, shape, nearest_mode="ceil"))
    refused("reads other entries", resize(sizes, shape, mode="linear", coordinate_transformation_mode="asymmetric"))
    one = from_model(resize((2 * 10**9,), (1,), mode="linear", coordinate_transformation_mode="asymmetric"))
    assert one == [Upsample((1,), output_size=(2 * 10**9,), mode="linear")]
    refused("scales on axis 0 must be between 1/2**31 and 2**31", resize((10**18,), (8,), mode="linear"))


def test_the_matrix_of_a_huge_resize_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    layer = Upsample((8,), output_size=2 * 10**9)
    message = "the matrix of axis 0, 2000000000 x 8, needs 238 GiB but 1 GiB of memory is available"
    for build in (layer.axis_matrices, layer.axis_patterns, layer.operator):
        with pytest.raises(TooLargeError, match=re.escape(message)):
            build()


def positions(coordinates, inputs, outputs):
    """Compute the positions of the outputs, one by one, from the specification of the operator."""
    scale = Fraction(outputs, inputs)
    for o in range(outputs):
        if coordinates == "align_corners":
            yield Fraction(o * (inputs - 1), max(outputs - 1, 1))
        elif coordinates == "asymmetric":
            yield o / scale
        elif coordinates == "pytorch_half_pixel" and outputs == 1:
            yield Fraction(0)
        else:
            yield (o + Fraction(1, 2)) / scale - Fraction(1, 2)


@share(1)
@given(
    coordinates=st.sampled_from(COORDINATES),
    rounding=st.sampled_from([*ROUNDINGS, None]),
    inputs=st.integers(1, 12),
    outputs=st.integers(1, 40),
)
def test_resizes_read_the_entries_of_the_specification(coordinates, rounding, inputs, outputs):
    kwargs = {"mode": "linear"} if rounding is None else {"mode": "nearest", "nearest_mode": rounding}
    read = [
        min(max(at if rounding is None else ROUNDINGS[rounding](at), 0), inputs - 1)
        for at in positions(coordinates, inputs, outputs)
    ]
    wanted = np.zeros((outputs, inputs))
    for output, at in enumerate(read):
        wanted[output, floor(at)] += 1 - at % 1
        wanted[output, ceil(at)] += at % 1
    candidates = [
        Upsample((inputs,), output_size=(outputs,), **each)
        for each in (
            {"mode": "nearest"},
            {"mode": "nearest-exact"},
            {"mode": "linear"},
            {"mode": "linear", "align_corners": True},
        )
        if each["mode"].startswith(kwargs["mode"])
    ]
    same = [layer for layer in candidates if np.allclose(layer.matrix().toarray(), wanted, atol=1e-12)]
    try:
        chain = from_model(resize((outputs,), (inputs,), coordinate_transformation_mode=coordinates, **kwargs))
    except ValueError:
        assert not same
    else:
        assert chain == same[:1]
