"""Sizes as sentences: relationships by number, arithmetic that comes out right, and sizes that share an output."""

import re
from math import floor

import pytest
from hypothesis import given

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model.sizes import relationship
from strategies import covers, layers, share

# Number, layer, formula, arithmetic: Dumoulin & Visin, arXiv:1603.07285; the settings are those of its figures.
RELATIONSHIPS = [
    (1, Conv(4, 3), "o = (i - k) + 1", "(4 - 3) + 1 = 2"),
    (2, Conv(5, 4, padding=2), "o = (i - k) + 2p + 1", "(5 - 4) + 2*2 + 1 = 6"),
    (2, Conv(5, 4, padding=1), "o = (i - k) + 2p + 1", "(5 - 4) + 2*1 + 1 = 4"),  # an even kernel has no half padding
    (3, Conv(5, 3, padding="half"), "o = i", "5"),
    (4, Conv(5, 3, padding="full"), "o = i + (k - 1)", "5 + (3 - 1) = 7"),
    (5, Conv(5, 3, stride=2), "o = floor((i - k) / s) + 1", "floor((5 - 3) / 2) + 1 = 2"),
    (6, Conv(6, 3, stride=2, padding=1), "o = floor((i + 2p - k) / s) + 1", "floor((6 + 2*1 - 3) / 2) + 1 = 3"),
    (8, Conv(4, 3).T, "o' = i' + (k - 1)", "2 + (3 - 1) = 4"),
    (9, Conv(5, 4, padding=2).T, "o' = i' + (k - 1) - 2p", "6 + (4 - 1) - 2*2 = 5"),
    (9, Conv(5, 4, padding=1).T, "o' = i' + (k - 1) - 2p", "4 + (4 - 1) - 2*1 = 5"),
    (10, Conv(5, 3, padding="half").T, "o' = i'", "5"),
    (11, Conv(5, 3, padding="full").T, "o' = i' - (k - 1)", "7 - (3 - 1) = 5"),
    (12, Conv(5, 3, stride=2).T, "o' = s(i' - 1) + k", "2*(2 - 1) + 3 = 5"),
    (13, Conv(5, 3, stride=2, padding=1).T, "o' = s(i' - 1) + k - 2p", "2*(3 - 1) + 3 - 2*1 = 5"),
    (14, Conv(6, 3, stride=2, padding=1).T, "o' = s(i' - 1) + a + k - 2p", "2*(3 - 1) + 1 + 3 - 2*1 = 6"),
    (
        15,
        Conv(7, 3, dilation=2),
        "o = floor((i + 2p - k - (k - 1)(d - 1)) / s) + 1",
        "floor((7 + 2*0 - 3 - (3 - 1)*(2 - 1)) / 1) + 1 = 3",
    ),
]


@pytest.mark.parametrize(("number", "layer", "formula", "arithmetic"), RELATIONSHIPS)
def test_relationships_by_number(number, layer, formula, arithmetic):
    for axis in (0, 1):
        result = relationship(layer, axis)
        assert (result.number, result.formula, result.arithmetic) == (number, formula, arithmetic)


def test_relationship_7_is_poolings():
    """It repeats number 5: no convolution is assigned to it, and each one has a relationship."""
    assert sorted({number for number, *_ in RELATIONSHIPS} | {7}) == [*range(1, 16)]


@pytest.mark.parametrize(
    ("layer", "note"),
    [
        (Conv(5, 3, padding="half"), "half padding, p = floor(k / 2), k odd"),
        (Conv(5, 3, padding="full"), "full padding, p = k - 1"),
        (Conv(5, 3, padding="half").T, "transposed half padding"),
        (Conv(5, 3, padding="full").T, "transposed full padding"),
        (Conv(6, 3, stride=2, padding=1).T, "a = op"),
        (Conv(4, 3), ""),
        (Conv(7, 3, dilation=2), ""),
        (Conv(7, 3, dilation=2).T, "with k_e = d(k - 1) + 1 = 5 for k"),
        (Conv(8, 3, dilation=2, stride=2).T, "a = op; with k_e = d(k - 1) + 1 = 5 for k"),
    ],
)
def test_notes(layer, note):
    assert relationship(layer, 0).note == note


@pytest.mark.parametrize(
    "layer",
    [
        Conv(5, 3, padding=((0, 1), (0, 1))),
        Conv(5, 3, padding=-1),
        Conv(5, 3, input_dilation=2),
        Conv(5, 3, padding="causal"),
    ],
)
def test_what_the_guide_does_not_state_has_no_number(layer):
    result = relationship(layer, 0)
    assert result.number is None
    assert result.formula == "o = floor((a(i - 1) + 1 + p_b + p_e - k_e) / s) + 1, k_e = d(k - 1) + 1"
    assert result.note == "relationship 15, for any pads and a dilated input"
    result = relationship(layer.T, 0)
    assert result.number is None
    assert result.formula == "o' = (s(i' - 1) + k_e - p_b - p_e + op - 1) / a + 1, k_e = d(k - 1) + 1"
    assert result.note == "relationship 14, for any pads and a dilated output"


def test_an_output_padding_beyond_the_stride_has_no_number():
    up = ConvTranspose(3, 3, dilation=2, output_padding=1)
    assert relationship(up, 0).number is None
    assert relationship(up, 0).arithmetic == "(1*(3 - 1) + 5 - 0 - 0 + 1 - 1) / 1 + 1 = 8"


def test_axes_have_relationships_of_their_own():
    layer = Conv((6, 5), 3, stride=(2, 1), padding=(1, 0))
    assert [relationship(layer, axis).number for axis in (0, 1)] == [6, 1]


@share(0.4)
@given(layer=layers(ndims=(1, 2, 3)))
@covers()
def test_the_arithmetic_comes_out_right(layer):
    for axis in range(layer.ndim):
        result = relationship(layer, axis)
        left, _, right = result.arithmetic.rpartition(" = ")
        assert int(right) == layer.output_size[axis]
        assert eval(left or right, {"floor": floor}) == layer.output_size[axis]
        assert result.number is not None or result.note
        # Every number of the layer that the formula names stands in the arithmetic.
        numbers = set(map(int, re.findall(r"\d+", left or right)))
        named = {"i": layer.input_size, "k": layer.kernel_size, "s": layer.stride, "d": layer.dilation}
        if result.note.endswith(f"{layer.axes[axis].span} for k") or result.number is None:
            named["k"] = tuple(other.span for other in layer.axes)  # and `d` is in it
            named["d"] = named["k"]
        for letter in re.findall(r"\b[iksd]\b", result.formula.partition(",")[0].replace("(", " ")):
            assert named[letter][axis] in numbers
