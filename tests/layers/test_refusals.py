"""Errors of the constructors with their whole messages, and drawn invalid arguments, none of which is accepted."""

import ast
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from strategies import MODES, invalid_conv_arguments, invalid_transpose_arguments, layers, seeds, share

LAYERS = pytest.mark.parametrize("layer", [Conv, ConvTranspose])
SIZES = ("input_size", "kernel_size", "stride", "dilation", "input_dilation")


def refused(message, error=ValueError):
    """Expect this very sentence."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def arguments(**changes):
    return {"input_size": 8, "kernel_size": 3} | changes


# -- numbers that are no integers, or too small -----------------------------------------------------------------------


@LAYERS
@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "on axis 0 must be an integer, got True (a bool): write 1 if that is meant"),
        ((1, False), "on axis 1 must be an integer, got False (a bool): write 0 if that is meant"),
        (np.True_, "on axis 0 must be an integer, got True (a bool): write 1 if that is meant"),
        (2.0, "on axis 0 must be an integer, got 2.0: write 2"),
        ((1, 1.5), "on axis 1 must be an integer, got 1.5"),
        (np.float32(3), f"on axis 0 must be an integer, got {np.float32(3)!r} (float32): write 3"),
        (float("nan"), "on axis 0 must be an integer, got nan"),
        (float("inf"), "on axis 0 must be an integer, got inf"),
        (1j, "on axis 0 must be an integer, got 1j (complex)"),
        ("3", "on axis 0 must be an integer, got '3'"),
        ((1, None), "on axis 1 must be an integer, got None (NoneType)"),
        ((1, (2, 2)), "on axis 1 must be an integer, got (2, 2) (tuple)"),
        (np.array([1.0, 2.5]), "on axis 0 must be an integer, got 1.0: write 1"),
        ({1, 2}, "on axis 0 must be an integer, got {1, 2} (set)"),
    ],
)
def test_sizes_are_integers(layer, name, value, message):
    for error in (ValueError, TypeError):
        with pytest.raises(error, match=f"^{re.escape(f'{name} {message}')}$"):
            layer(**arguments(**{name: value}))


@LAYERS
def test_axes_are_no_more_than_arrays_can_have(layer):
    limit = "but a layer has at most 61 axes: NumPy's arrays have 64, three of them for groups and channels"
    for ndim in (62, 100_000, 10**30):
        with refused(f"ndim is {ndim}, {limit}"):
            layer(3, 3, ndim=ndim)
    with refused(f"input_size has 62 entries, one for each axis, {limit}"):
        layer((3,) * 62, 3)
    most = layer(1, 1, ndim=61)
    weight = np.full(most.weight_shape, 7)
    assert most.matrix(weight).toarray() == most.operator(weight) @ np.eye(1) == most.T.operator(weight) @ [1] == 7
    assert layer(3, 3, padding=1, ndim=61).matrix_shape == (3**61, 3**61)


@LAYERS
@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(("value", "axis", "got"), [(0, 0, 0), (-1, 0, -1), ((1, 0), 1, 0), ((1, -5), 1, -5)])
def test_sizes_are_at_least_one(layer, name, value, axis, got):
    with refused(f"{name} on axis {axis} must be at least 1, got {got}"):
        layer(**arguments(**{name: value}))


@LAYERS
@pytest.mark.parametrize("name", SIZES)
def test_numbers_without_an_axis_to_stand_on_are_integers_too(layer, name):
    with refused(f"{name} must be an integer, got 1.5", TypeError):
        layer(**arguments(**{name: 1.5}), ndim=0)


@LAYERS
@pytest.mark.parametrize("name", SIZES)
def test_numbers_without_an_axis_to_stand_on_are_at_least_one_too(layer, name):
    with pytest.raises(ValueError, match=f"{name} .*must be at least 1, got 0"):
        layer(**arguments(**{name: 0}), ndim=0)


@LAYERS
@pytest.mark.parametrize("name", ["groups", "in_channels", "out_channels"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "must be at least 1, got 0"),
        (-2, "must be at least 1, got -2"),
        (2.0, "must be an integer, got 2.0: write 2"),
        (True, "must be an integer, got True (a bool): write 1 if that is meant"),
        (None, "must be an integer, got None (NoneType)"),
        ((1, 1), "must be an integer, got (1, 1) (tuple)"),
    ],
)
def test_channels_and_groups_are_positive_integers(layer, name, value, message):
    with refused(f"{name} {message}"):
        layer(8, 3, **{name: value})


@LAYERS
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "ndim must be at least 0, got -1"),
        (2.0, "ndim must be an integer, got 2.0: write 2"),
        (True, "ndim must be an integer, got True (a bool): write 1 if that is meant"),
    ],
)
def test_ndim_is_a_count(layer, value, message):
    with refused(message):
        layer(8, 3, ndim=value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "output_padding on axis 0 must be at least 0, got -1"),
        ((0, -2), "output_padding on axis 1 must be at least 0, got -2"),
        (1.0, "output_padding on axis 0 must be an integer, got 1.0: write 1"),
        (True, "output_padding on axis 0 must be an integer, got True (a bool): write 1 if that is meant"),
        (None, "output_padding on axis 0 must be an integer, got None (NoneType)"),
    ],
)
def test_output_padding_is_a_count(value, message):
    with refused(message):
        ConvTranspose(8, 3, stride=3, output_padding=value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "output_size on axis 0 must be at least 1, got 0"),
        ((10, -1), "output_size on axis 1 must be at least 1, got -1"),
        (10.0, "output_size on axis 0 must be an integer, got 10.0: write 10"),
        ((10, True), "output_size on axis 1 must be an integer, got True (a bool): write 1 if that is meant"),
        ("same", "output_size on axis 0 must be an integer, got 'same'"),
    ],
)
def test_output_size_is_a_size(value, message):
    with refused(message):
        ConvTranspose(8, 3, output_size=value)


# -- lengths -------------------------------------------------------------------------------------------------------


@LAYERS
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"input_size": (8, 8), "kernel_size": (3,)},
            "input_size has 2 but kernel_size has 1 entry, (3,): give one entry for each axis, or one number for all",
        ),
        (
            {"kernel_size": (3,), "stride": [1, 2]},
            "kernel_size has 1 but stride has 2 entries, [1, 2]: give one entry for each axis, or one number for all",
        ),
        (
            {"stride": (1, 1, 1), "padding": (1, 2)},
            "stride has 3 but padding has 2 entries, (1, 2): give one entry for each axis, or one number for all",
        ),
        (
            {"input_size": (8,), "padding": (1, 2)},
            "input_size has 1 but padding has 2 entries, (1, 2): give one entry for each axis, or one number for all "
            "(a pair on one axis is written ((before, after),))",
        ),
        (
            {"padding": ((1, 2),), "dilation": (1, 1)},
            "padding has 1 but dilation has 2 entries, (1, 1): give one entry for each axis, or one number for all",
        ),
        (
            {"dilation": (1, 1), "input_dilation": ()},
            "dilation has 2 but input_dilation has 0 entries, (): give one entry for each axis, or one number for all",
        ),
        (
            {"ndim": 3, "input_size": (8, 8)},
            "ndim is 3 but input_size has 2 entries, (8, 8): give one entry for each axis, or one number for all",
        ),
        (
            {"ndim": 1, "padding": (1, 2)},
            "ndim is 1 but padding has 2 entries, (1, 2): give one entry for each axis, or one number for all "
            "(a pair on one axis is written ((before, after),))",
        ),
    ],
)
def test_lengths_that_differ_are_refused_naming_both(layer, changes, message):
    with refused(message):
        layer(**arguments(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stride": (1, 1), "output_padding": (0,)}, "stride has 2 but output_padding has 1 entry, (0,)"),
        ({"output_padding": (0,), "output_size": (8, 8)}, "output_padding has 1 but output_size has 2 entries, (8, 8)"),
        ({"ndim": 2, "output_size": (8,)}, "ndim is 2 but output_size has 1 entry, (8,)"),
    ],
)
def test_lengths_of_what_only_a_transposed_convolution_has(changes, message):
    with refused(f"{message}: give one entry for each axis, or one number for all"):
        ConvTranspose(**arguments(**changes))


# -- padding and its mode --------------------------------------------------------------------------------------------


@LAYERS
@pytest.mark.parametrize(
    ("padding", "message"),
    [
        (1.0, "padding on axis 0 must be an integer, got 1.0: write 1"),
        (True, "padding on axis 0 must be an integer, got True (a bool): write 1 if that is meant"),
        (None, "padding on axis 0 must be an integer, got None (NoneType)"),
        ((1, 1.5), "padding on axis 1 must be an integer, got 1.5"),
        (
            ((1, 2), (True, 0)),
            "padding on axis 1, before, must be an integer, got True (a bool): write 1 if that is meant",
        ),
        (((1, 2.0), (0, 0)), "padding on axis 0, after, must be an integer, got 2.0: write 2"),
        (
            (1, (1, 2, 3)),
            "padding on axis 1 must be an int, a (before, after) pair or a name, got 3 entries, (1, 2, 3)",
        ),
        (((1,), 1), "padding on axis 0 must be an int, a (before, after) pair or a name, got 1 entry, (1,)"),
        (((), 1), "padding on axis 0 must be an int, a (before, after) pair or a name, got 0 entries, ()"),
        (
            ((("same", 1), 1)),
            "padding on axis 0, before, must be an integer, got 'same'",
        ),
        ("SAME", "padding 'SAME' is not one of {names}: did you mean 'same'?"),
        ("same_upper", "padding 'same_upper' is not one of {names}: did you mean 'same'?"),
        ("SAME_UPPER", "padding 'SAME_UPPER' is not one of {names}: did you mean 'same'?"),
        ("SAME_LOWER", "padding 'SAME_LOWER' is not one of {names}: did you mean 'same_lower'?"),
        ("vaild", "padding 'vaild' is not one of {names}: did you mean 'valid'?"),
        (("same", "ful"), "padding 'ful' is not one of {names}: did you mean 'full'?"),
        ("zeros", "padding 'zeros' is not one of {names}"),
        ("reflect", "padding 'reflect' is not one of {names}"),
        ("", "padding '' is not one of {names}"),
    ],
)
def test_padding_is_an_int_a_pair_or_a_name(layer, padding, message):
    with refused(message.format(names="valid, full, half, causal, anticausal, same, same_lower")):
        layer(8, 3, padding=padding)


@LAYERS
@pytest.mark.parametrize("padding", [1.5, "no"])
def test_padding_without_an_axis_to_stand_on_is_checked_too(layer, padding):
    with pytest.raises(ValueError, match=r"^padding "):
        layer(8, 3, padding=padding, ndim=0)


@LAYERS
@pytest.mark.parametrize(
    ("mode", "end"),
    [
        ("constant", ": did you mean 'zeros'?"),
        ("zero", ": did you mean 'zeros'?"),
        ("wrap", ": did you mean 'circular'?"),
        ("periodic", ": did you mean 'circular'?"),
        ("edge", ": did you mean 'replicate'?"),
        ("nearest", ": did you mean 'replicate'?"),
        ("mirror", ": did you mean 'reflect'?"),
        ("Reflect", ": did you mean 'reflect'?"),
        ("symetric", ": did you mean 'symmetric'?"),
        ("CIRCULAR", ": did you mean 'circular'?"),
        ("same", ""),
        ("", ""),
        (None, ""),
        (0, ""),
        (("zeros", "zeros"), ""),
    ],
)
def test_a_padding_mode_is_one_of_five(layer, mode, end):
    with refused(f"padding_mode {mode!r} is not one of zeros, reflect, replicate, circular, symmetric{end}"):
        layer(8, 3, padding_mode=mode)


@LAYERS
@pytest.mark.parametrize("mode", MODES[1:])
def test_borders_have_no_rule_for_inserted_zeros(layer, mode):
    message = (
        f"input_dilation 2 on axis 1 needs padding_mode 'zeros', got '{mode}': a border that extends the input has no "
        "rule for the zeros between its entries"
    )
    with refused(message):
        layer(8, 3, input_dilation=(1, 2), padding_mode=mode)


@LAYERS
@pytest.mark.parametrize("name", ["same", "same_lower"])
def test_same_needs_an_input_that_is_not_spread(layer, name):
    with refused(f"padding '{name}' needs input_dilation 1, got 3 on axis 1: give the padding in numbers"):
        layer(8, 3, input_dilation=(2, 3), padding=("valid", name))


# -- channels ------------------------------------------------------------------------------------------------------


@LAYERS
@pytest.mark.parametrize(
    ("channels", "message"),
    [
        (
            {"groups": 2},
            "groups=2 does not divide in_channels=1 (remainder 1): every group needs as many channels, so in_channels "
            "must be a multiple of 2",
        ),
        (
            {"groups": 4, "in_channels": 4, "out_channels": 6},
            "groups=4 does not divide out_channels=6 (remainder 2): every group needs as many channels, so "
            "out_channels must be a multiple of 4",
        ),
    ],
)
def test_groups_divide_the_channels(layer, channels, message):
    with refused(message):
        layer(8, 3, **channels)


# -- Conv: the kernel fits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"input_size": (9, 4), "kernel_size": 3, "dilation": 2},
            "kernel does not fit on axis 1: it spans 5 (= dilation 2 * (kernel_size 3 - 1) + 1) but the padded input "
            "has 4 (= input_size 4 + padding 0 + 0); add 1 to the padding, or use a smaller kernel or dilation",
        ),
        (
            {"input_size": (2,), "kernel_size": 3, "stride": 2},
            "kernel does not fit on axis 0: it spans 3 (= dilation 1 * (kernel_size 3 - 1) + 1) but the padded input "
            "has 2 (= input_size 2 + padding 0 + 0); add 1 to the padding, or use a smaller kernel or dilation",
        ),
        (
            {"input_size": (4,), "kernel_size": 2, "padding": ((-3, -4),)},
            "kernel does not fit on axis 0: it spans 2 (= dilation 1 * (kernel_size 2 - 1) + 1) but the padded input "
            "has -3 (= input_size 4 + padding -3 + -4); add 5 to the padding, or use a smaller kernel or dilation",
        ),
        (
            {"input_size": (3,), "kernel_size": 7, "padding": ((0, 1),), "input_dilation": 2},
            "kernel does not fit on axis 0: it spans 7 (= dilation 1 * (kernel_size 7 - 1) + 1) but the padded input "
            "has 6 (= input_dilation 2 * (input_size 3 - 1) + 1 + padding 0 + 1); add 1 to the padding, or use a "
            "smaller kernel or dilation",
        ),
        (
            {"input_size": 3, "kernel_size": 4, "padding": "valid", "padding_mode": "circular"},
            "kernel does not fit on axis 0: it spans 4 (= dilation 1 * (kernel_size 4 - 1) + 1) but the padded input "
            "has 3 (= input_size 3 + padding 0 + 0); add 1 to the padding, or use a smaller kernel or dilation",
        ),
    ],
)
def test_the_kernel_fits_at_least_once(layer, message):
    with refused(message):
        Conv(**layer)


def test_the_kernel_that_just_fits_is_accepted():
    assert Conv((3,), 3, stride=5).output_size == (1,)
    assert Conv((4,), 2, padding=((-3, 1),)).output_size == (1,)


@pytest.mark.parametrize("name", ["output_padding", "output_size"])
def test_a_convolution_has_neither_output_padding_nor_output_size(name):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        Conv(8, 3, **{name: 0})


# -- ConvTranspose: the sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"output_padding": 1},
            "output_padding 1 on axis 0 is too large: it must be less than max(stride 1, dilation 1) = 1",
        ),
        (
            {"output_padding": (1, 3), "stride": (2, 3)},
            "output_padding 3 on axis 1 is too large: it must be less than max(stride 3, dilation 1) = 3",
        ),
        (
            {"output_padding": 9, "stride": 2, "dilation": 4, "padding": "full"},
            "output_padding 9 on axis 0 is too large: it must be less than max(stride 2, dilation 4) = 4",
        ),
    ],
)
def test_output_padding_is_less_than_stride_or_dilation(keywords, message):
    with refused(f"{message}, since it only chooses among the sizes that one convolution maps to the same output"):
        ConvTranspose(8, 3, **keywords)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"padding": "same"}, "output_padding 1 on axis 0 cannot stand beside padding 'same'"),
        ({"padding": ("full", "same_lower")}, "output_padding 1 on axis 1 cannot stand beside padding 'same_lower'"),
        ({"padding": "valid"}, "output_padding 1 on axis 0 cannot stand beside padding 'valid'"),
        ({"output_size": 18}, "output_padding 1 on axis 0 cannot stand beside output_size 18"),
        ({"output_size": 18, "padding": "same"}, "output_padding 1 on axis 0 cannot stand beside output_size 18"),
    ],
)
def test_one_word_decides_the_output_size(keywords, message):
    with refused(f"{message}, which decides the output size already: give one of the two"):
        ConvTranspose(8, 3, stride=2, output_padding=1, **keywords)


@pytest.mark.parametrize(
    ("up", "message"),
    [
        (
            {"input_size": 1, "kernel_size": 1, "padding": 1},
            "output is empty on axis 0: its size would be -1 (= (input_size 1 - 1) * stride 1 + dilation 1 * "
            "(kernel_size 1 - 1) + 1 - padding 1 - 1 + output_padding 0); reduce the padding by 2",
        ),
        (
            {"input_size": (9, 2), "kernel_size": 3, "stride": 2, "padding": (0, (4, 2)), "output_padding": (0, 1)},
            "output is empty on axis 1: its size would be 0 (= (input_size 2 - 1) * stride 2 + dilation 1 * "
            "(kernel_size 3 - 1) + 1 - padding 4 - 2 + output_padding 1); reduce the padding by 1",
        ),
        (
            {"input_size": 2, "kernel_size": 5, "padding": "full"},
            "output is empty on axis 0: its size would be -2 (= (input_size 2 - 1) * stride 1 + dilation 1 * "
            "(kernel_size 5 - 1) + 1 - padding 4 - 4 + output_padding 0); reduce the padding by 3",
        ),
    ],
)
def test_an_empty_output_is_refused(up, message):
    with refused(message):
        ConvTranspose(**up)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"input_size": (3,), "kernel_size": 2, "stride": 3, "input_dilation": 3},
            "axis 0 gives 8 positions (= (input_size 3 - 1) * stride 3 + dilation 1 * (kernel_size 2 - 1) + 1 - "
            "padding 0 - 0 + output_padding 0), which is not 1 modulo input_dilation 3: output_padding 2 would fit",
        ),
        (
            {"input_size": (3,), "kernel_size": 2, "stride": 3, "input_dilation": 3, "padding": "valid"},
            "axis 0 gives 9 positions (= (input_size 3 - 1) * stride 3 + dilation 1 * (kernel_size 2 - 1) + 1 - "
            "padding 0 - 0 + output_padding 1), which is not 1 modulo input_dilation 3: output_padding 2 would fit "
            "with padding=0",
        ),
        (
            {"input_size": (2,), "kernel_size": 3, "input_dilation": 4},
            "axis 0 gives 4 positions (= (input_size 2 - 1) * stride 1 + dilation 1 * (kernel_size 3 - 1) + 1 - "
            "padding 0 - 0 + output_padding 0), which is not 1 modulo input_dilation 4: no output_padding below 1 "
            "would fit; change the padding",
        ),
    ],
)
def test_a_size_between_two_is_refused_with_the_output_padding_that_would_fit(keywords, message):
    with refused(message):
        ConvTranspose(**keywords)


def test_the_output_padding_that_would_fit_fits():
    assert ConvTranspose((3,), 2, stride=3, input_dilation=3, output_padding=2).output_size == (4,)
    assert ConvTranspose((3,), 2, stride=2, input_dilation=3, output_padding=1).output_size == (3,)


@pytest.mark.parametrize(
    ("keywords", "settings", "sizes"),
    [
        ({"stride": 2, "padding": 1, "output_size": 8}, "stride 2, padding 1", "only for 5 or 6 inputs"),
        ({"stride": 2, "padding": 1, "output_size": (5, 4)}, "stride 2, padding 1", "only for 5 or 6 inputs"),
        ({"output_size": 8}, "stride 1, padding 0", "only for 5 inputs"),
        ({"stride": 3, "output_size": 8}, "stride 3, padding 0", "only for 9, 10 or 11 inputs"),
        ({"stride": 5, "output_size": 8}, "stride 5, padding 0", "only for 13 to 17 inputs"),
        ({"stride": 2, "padding": "same", "output_size": 4}, "stride 2, padding 'same'", "only for 5 or 6 inputs"),
        (
            {"stride": 2, "padding": "same_lower", "output_size": 7},
            "stride 2, padding 'same_lower'",
            "only for 5 or 6 inputs",
        ),
        ({"stride": 2, "padding": "valid", "output_size": 9}, "stride 2, padding 'valid'", "only for 7 or 8 inputs"),
        ({"stride": 2, "padding": ((1, 0), 0), "output_size": 8}, "stride 2, padding (1, 0)", "only for 6 or 7 inputs"),
        ({"dilation": 2, "padding": "full", "output_size": 8}, "stride 1, padding 'full', dilation 2", "for no size"),
        (
            {"stride": 3, "padding": 1, "input_dilation": 2, "output_size": 8},
            "stride 3, padding 1, input_dilation 2",
            "only for 4 or 5 inputs",
        ),
        ({"input_dilation": 3, "output_size": 8}, "stride 1, padding 0, input_dilation 3", "for no size"),
    ],
)
def test_an_output_size_that_no_convolution_came_from_is_refused_with_those_that_fit(keywords, settings, sizes):
    axis, size = (1, 4) if keywords["output_size"] == (5, 4) else (0, keywords["output_size"])
    message = f"output_size {size} on axis {axis} cannot come from input_size 3 with kernel_size 3, {settings}: "
    message += f"a convolution gives 3 outputs {sizes}"
    with pytest.raises(ValueError, match=rf"^{re.escape(message)}; padding .* on this axis would make it {size}$"):
        ConvTranspose(3, 3, **keywords)


@share(0.6)
@given(
    numbers=st.tuples(st.integers(1, 9), *[st.integers(1, 4)] * 4),
    pads=st.tuples(st.integers(-3, 4), st.integers(-3, 4)),
    output_size=st.integers(1, 30),
)
def test_the_padding_that_is_named_makes_the_output_size(numbers, pads, output_size):
    size, kernel, stride, dilation, spread = numbers
    keywords = {"stride": stride, "dilation": dilation, "input_dilation": spread, "output_size": (output_size,)}
    try:
        up = ConvTranspose((size,), kernel, padding=(pads,), **keywords)
    except ValueError as error:
        result = re.search(r"; padding (.*) on this axis would make it (\d+)$", str(error))
        up = ConvTranspose((size,), kernel, padding=(ast.literal_eval(result[1]),), **keywords)
        assert int(result[2]) == output_size
    assert up.output_size == (output_size,)
    assert up.T.output_size == (size,)


# -- weights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ["matrix", "operator"])
@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv(4, 3, in_channels=4, out_channels=8, groups=2),
            (8, 3, 3, 3),
            "weight has shape (8, 3, 3, 3) but groups=2 and in_channels=4 need (out_channels, 2, *kernel_size) = (8, "
            "2, 3, 3)",
        ),
        (
            Conv(4, 3),
            (3, 4),
            "weight has shape (3, 4) but groups=1 and in_channels=1 need (out_channels, 1, *kernel_size) = (1, 1, 3, "
            "3)",
        ),
        (
            Conv((4,), 3, out_channels=2),
            (3,),
            "weight has shape (3,) but groups=1 and in_channels=1 need (out_channels, 1, *kernel_size) = (2, 1, 3)",
        ),
        (
            Conv((), (), in_channels=2),
            (),
            "weight has shape () but groups=1 and in_channels=2 need (out_channels, 2, *kernel_size) = (1, 2)",
        ),
        (
            ConvTranspose(4, 3, in_channels=4, out_channels=6, groups=2),
            (6, 2, 3, 3),
            "weight has shape (6, 2, 3, 3) but groups=2 and out_channels=6 need (in_channels, 3, *kernel_size) = (4, "
            "3, 3, 3)",
        ),
        (
            ConvTranspose((4,), 3, in_channels=2),
            (3, 1, 3),
            "weight has shape (3, 1, 3) but in_channels=2 needs (2, out_channels // groups, *kernel_size) = (2, 1, 3)",
        ),
        (
            Conv((4,), 3, out_channels=2),
            (3, 1, 3),
            "weight has shape (3, 1, 3) but out_channels=2 needs (2, in_channels // groups, *kernel_size) = (2, 1, 3)",
        ),
        (
            Conv((4,), 3),
            (1, 1, 2),
            "weight has shape (1, 1, 2) but kernel_size=(3,) needs (out_channels, in_channels // groups, *kernel_size) "
            "= (1, 1, 3)",
        ),
        (
            ConvTranspose((4,), 3),
            (1, 3),
            "weight has shape (1, 3) but groups=1 and out_channels=1 need (in_channels, 1, *kernel_size) = (1, 1, 3)",
        ),
    ],
)
def test_a_weight_has_the_layers_shape(make, layer, shape, message):
    with refused(message):
        getattr(layer, make)(np.ones(shape))


@pytest.mark.parametrize("layer", [Conv(4, 3), ConvTranspose(4, 3)])
@pytest.mark.parametrize(
    ("weight", "dtype", "cast"),
    [
        (np.ones((3, 3), np.float16), "float16", "float32"),
        (np.ones((3, 3), object), "object", "float64"),
        (np.full((3, 3), "w"), "<U1", "float64"),
        (np.zeros((3, 3), "M8[s]"), "datetime64[s]", "float64"),
        (np.ones((3, 3), np.longdouble), str(np.dtype(np.longdouble)), "float64"),
        (np.ones((3, 3), np.clongdouble), str(np.dtype(np.clongdouble)), "complex128"),
    ],
)
def test_a_dtype_that_no_sparse_matrix_has_is_refused_with_a_cast(layer, weight, dtype, cast):
    if dtype in ("float64", "complex128"):
        pytest.skip("long double is double on this machine")
    message = f"weight has dtype {dtype}, which scipy.sparse cannot hold: cast it with .astype('{cast}')"
    for make in (layer.matrix, layer.operator):
        for error in (ValueError, TypeError):
            with pytest.raises(error, match=f"^{re.escape(message)}$"):
                make(weight)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv(4, 3), "(3, 3)"),
        (ConvTranspose((4,), 3), "(3,)"),
        (Conv((), ()), "()"),
        (Conv(4, 3, in_channels=4, out_channels=6, groups=2), "(6, 2, 3, 3)"),
        (ConvTranspose(4, 3, in_channels=4, out_channels=6, groups=2), "(4, 3, 3, 3)"),
    ],
)
def test_a_missing_weight_is_refused_with_an_example_that_runs(layer, shape):
    example = f"numpy.ones({shape})"
    message = (
        f"the weight is missing: give one of shape {shape}, as in .matrix({example}); .pattern() is the matrix "
        "without one, true where it has entries"
    )
    for make in (layer.matrix, lambda: layer.operator(None), lambda: layer.gram(None)):
        for error in (ValueError, TypeError):
            with pytest.raises(error, match=f"^{re.escape(message)}$"):
                make()
    matrix = layer.matrix(eval(example, {"numpy": np}))
    assert_array_equal(matrix.indices, layer.pattern().indices)


def test_the_cast_that_is_proposed_works():
    weight = np.array([[1, 2], [3, 4]], np.float16)
    assert Conv(3, 2).matrix(weight.astype("float32")).dtype == np.float32


def test_turn_refuses_what_matrix_refuses():
    up = ConvTranspose((4,), 3, in_channels=2)
    with refused(
        "weight has shape (3,) but groups=1 and out_channels=1 need (in_channels, 1, *kernel_size) = (2, 1, 3)"
    ):
        up.direct_weight([1, 2, 3])
    with refused("weight has dtype object, which scipy.sparse cannot hold: cast it with .astype('float64')"):
        up.direct_weight(np.ones((2, 1, 3), object))


# -- vectors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv(4, 3), (4, 5), "x has shape (4, 5) but this layer's input needs (..., *(1, 4, 4)) or (..., *(4, 4))"),
        (Conv(4, 3), (16,), "x has shape (16,) but this layer's input needs (..., *(1, 4, 4)) or (..., *(4, 4))"),
        (Conv((4,), 3, in_channels=2), (4,), "x has shape (4,) but this layer's input needs (..., *(2, 4))"),
        (Conv((4,), 3, in_channels=2), (4, 2), "x has shape (4, 2) but this layer's input needs (..., *(2, 4))"),
        (Conv(4, 3).T, (4, 4), "x has shape (4, 4) but this layer's input needs (..., *(1, 2, 2)) or (..., *(2, 2))"),
        (Conv((4,), 3), (), "x has shape () but this layer's input needs (..., *(1, 4)) or (..., *(4,))"),
    ],
)
def test_vec_refuses_what_is_not_the_layers_input(layer, shape, message):
    with refused(message):
        layer.vec(np.zeros(shape))


@pytest.mark.parametrize(
    ("shape", "got"),
    [((7,), "(7,)"), ((2, 8), "(2, 8)"), ((8, 1, 1), "(8, 1, 1)"), ((), "()"), ((2, 2, 2), "(2, 2, 2)")],
)
def test_unvec_refuses_what_is_not_the_layers_output(shape, got):
    with refused(f"y has shape {got} but this layer's output (2, 2, 2) needs (8,) or (8, batch)"):
        Conv(4, 3, out_channels=2).unvec(np.zeros(shape))


@pytest.mark.parametrize(("bias", "got"), [([1, 2], "(2,)"), (1, "()"), ([[1, 2, 3]], "(1, 3)")])
def test_bias_vector_needs_one_bias_for_each_output_channel(bias, got):
    message = "must have shape (3,), one number for each output channel (out_channels=3)"
    with refused(f"bias has shape {got} but {message}"):
        Conv(4, 3, out_channels=3).bias_vector(bias)


@pytest.mark.parametrize("mode", MODES[1:])
def test_borders_have_no_direct_convolution_for_their_transpose(mode):
    message = (
        f"padding_mode '{mode}' has no direct convolution for its transpose in general: border entries of the matrix "
        "add up several taps (replicate, kernel_size 3, padding 1: its first row is (w0+w1, w0, 0, ...), which no "
        "window gives); use the layer with padding_mode 'zeros' onto the padded frame, and fold the border back"
    )
    with refused(message):
        Conv(4, 3, padding=1, padding_mode=mode).T.as_conv()


# -- drawn ---------------------------------------------------------------------------------------------------------

REASONS = {
    "not positive": r"on axis \d must be at least 1, got (0|-\d)$",
    "no integer": r"on axis \d must be an integer, got ",
    "lengths": r"(has|is) \d but \w+ has \d entr(y|ies), .*: give one entry for each axis, or one number for all$",
    "ndim": r"^ndim is \d but \w+ has \d entr(y|ies), ",
    "pad": r"^padding on axis \d must be an int",
    "name": r"^padding '.*' is not one of valid, full, half, causal, anticausal, same, same_lower",
    "mode": r"^padding_mode .* is not one of zeros, reflect, replicate, circular, symmetric",
    "mode and input_dilation": r"^input_dilation 2 on axis \d needs padding_mode 'zeros', got '[a-z]+': ",
    "same and input_dilation": r"^padding 'same' needs input_dilation 1, got 2 on axis \d: ",
    "groups": r"^groups=\d+ does not divide (in|out)_channels=\d \(remainder \d\): ",
    "channels": r"^(in|out)_channels must be (at least 1, got|an integer, got) ",
    "kernel too large": r"^kernel does not fit on axis \d: it spans \d+ .* the padded input has -?\d+ .*; add \d+ to ",
    "output_padding too large": r"^output_padding \d+ on axis \d is too large: it must be less than max\(stride \d, ",
    "output_padding negative": r"^output_padding on axis \d must be at least 0, got -\d$",
    "empty": r"^output is empty on axis \d: its size would be (0|-\d+) .*; reduce the padding by \d+$",
    "output_size too large": r"^output_size \d+ on axis \d cannot come from input_size \d+ .* outputs? (only )?for ",
    "output_size too small": r"^output_size \d+ on axis \d cannot come from input_size \d+ .* outputs? (only )?for ",
    "beside": r"^output_padding 1 on axis \d cannot stand beside padding '(same|same_lower|valid|anticausal)', ",
    "beside output_size": r"^output_padding 1 on axis \d cannot stand beside output_size \d+, ",
    "between": r"^axis \d gives \d+ positions .*, which is not 1 modulo input_dilation \d: (no )?output_padding ",
}


@given(drawn=invalid_conv_arguments())
def test_nothing_invalid_makes_a_convolution(drawn):
    kind, spoilt = drawn
    with pytest.raises(ValueError, match=REASONS[kind]):
        Conv(**spoilt)


@given(drawn=invalid_transpose_arguments())
def test_nothing_invalid_makes_a_transposed_convolution(drawn):
    kind, spoilt = drawn
    with pytest.raises(ValueError, match=REASONS[kind]):
        ConvTranspose(**spoilt)


@given(layer=layers(), seed=seeds())
@share(0.4)
def test_no_weight_of_another_shape_is_accepted(layer, seed):
    axis = seed % len(layer.weight_shape)
    first = "out_channels" if isinstance(layer, Conv) else "in_channels"
    wrong = [f"{first}={layer.weight_shape[0]} needs", f"groups={layer.groups} and "]
    wrong += [f"kernel_size={layer.kernel_size} needs"] * layer.ndim
    for size in (layer.weight_shape[axis] + 1, layer.weight_shape[axis] - 1):
        shape = (*layer.weight_shape[:axis], size, *layer.weight_shape[axis + 1 :])
        with pytest.raises(ValueError, match="^" + re.escape(f"weight has shape {shape} but {wrong[axis]}")):
            layer.matrix(np.ones(shape))
    with pytest.raises(ValueError, match=r"^weight has shape "):
        layer.matrix(np.ones((1, *layer.weight_shape)))


def test_one_entry_has_no_plural():
    with pytest.raises(ValueError, match=r"^the matrix of 20000000001 x 1 with 1 entry needs 149 GiB but "):
        Conv((1,), 1, padding=10**10).matrix([7])
