"""Layouts of weights: each element of an array stands where the letters of the layout place it."""

import re
from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix.frameworks.shared.weights import DEPTHWISE, WeightLayout
from strategies import integers

LENGTHS = {"O": 4, "I": 3, "H": 2, "W": 5}


def place(axes, **index):
    """Return the index of an element in an array with these axes; ``*`` stands for H and W."""
    return tuple(index[letter] for letter in axes.replace("*", "HW"))


@pytest.mark.parametrize("axes", ["".join(letters) for letters in permutations("OI*")])
@pytest.mark.parametrize("layer", ["OI*", "IO*"])
@pytest.mark.parametrize("flipped", [False, True])
def test_each_element_has_its_place(axes, layer, flipped):
    layout = WeightLayout(axes, layer, flipped)
    array = integers(tuple(LENGTHS[letter] for letter in axes.replace("*", "HW")), 0)
    weight = layout.convert(array)
    for o, i, h, w in np.ndindex(*LENGTHS.values()):
        tap = {"H": 1 - h, "W": 4 - w} if flipped else {"H": h, "W": w}
        assert weight[place(layer, O=o, I=i, H=h, W=w)] == array[place(axes, O=o, I=i, **tap)]
    assert_array_equal(layout.convert(weight, inverse=True), array)
    assert layout.shape_of(weight.shape) == array.shape


@pytest.mark.parametrize("flipped", [False, True])
def test_each_element_of_a_depthwise_weight_has_its_place(flipped):
    layout = WeightLayout("*IM", DEPTHWISE, flipped, in_channels=3)
    array = integers((5, 3, 2), 0)
    weight = layout.convert(array)
    assert weight.shape == (6, 1, 5)
    for k, i, m in np.ndindex(5, 3, 2):
        assert weight[2 * i + m, 0, 4 - k if flipped else k] == array[k, i, m]
    assert_array_equal(layout.convert(weight, inverse=True), array)


@pytest.mark.parametrize(
    ("layout", "shape", "inverse", "message"),
    [
        (WeightLayout("*IO"), (3,), False, "an array of layout *IO has 2 axes or more, got shape (3,)"),
        (
            WeightLayout("*IM", DEPTHWISE, in_channels=4),
            (6, 1, 5),
            True,
            "weight has shape (6, 1, 5) but a depthwise layer of 4 input channels has (a multiple of 4, 1, *kernel",
        ),
    ],
)
def test_arrays_that_do_not_have_the_layout(layout, shape, inverse, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        layout.convert(np.zeros(shape), inverse=inverse)
