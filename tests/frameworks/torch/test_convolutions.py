"""Calls of PyTorch: cases of its documentation by hand, layers by their attributes, and every error."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import torch
from torch_stand_ins import Tensor, convolution, kind

# -- conv and conv_transpose -----------------------------------------------------------------------------------------


def test_the_examples_of_the_documentation():
    """torch.nn.Conv2d and ConvTranspose2d, Examples: of an input (20, 16, 50, 100), or (20, 16, 12, 12)."""
    assert torch.conv((50, 100), 16, 33, 3, stride=2).output_shape == (33, 24, 49)
    layer = torch.conv((50, 100), 16, 33, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1))
    assert layer.output_shape == (33, 26, 100)
    down = torch.conv(12, 16, 16, 3, stride=2, padding=1)
    assert down.output_size == (6, 6)
    up = torch.conv_transpose(6, 16, 16, 3, stride=2, padding=1, output_size=(20, 16, 12, 12))
    assert up == down.T


def test_positions_of_the_arguments():
    layer = torch.conv((9, 8), 2, 4, 3, 2, 1, 2, 2, False, "circular")
    assert layer == Conv(
        (9, 8), 3, in_channels=2, out_channels=4, stride=2, padding=1, dilation=2, groups=2, padding_mode="circular"
    )
    up = torch.conv_transpose((4, 5), 2, 4, 3, 3, 1, 2, 2, False, 2, "zeros")
    assert up == ConvTranspose(
        (4, 5), 3, in_channels=2, out_channels=4, stride=3, padding=1, output_padding=2, groups=2, dilation=2
    )


def test_numbers_of_axes():
    assert torch.conv(5, 1, 1, 3).input_size == (5, 5)
    assert torch.conv(5, 1, 1, 3, ndim=3).input_size == (5, 5, 5)
    assert torch.conv(5, 1, 1, (3,)).input_size == (5,)
    assert torch.conv(5, 1, 1, 3, stride=(2,)).input_size == (5,)
    assert torch.conv((5, 5), 1, 1, 3, stride=(2,), padding=[1], dilation=(1,)) == Conv(5, 3, stride=2, padding=1)
    assert torch.conv_transpose((5, 5), 1, 1, 3, stride=(2,), output_padding=(1,)).output_size == (12, 12)
    assert torch.conv_transpose(5, 1, 1, 3, output_size=(7,)).input_size == (5,)
    assert torch.conv_transpose(5, 1, 1, 3, output_size=(1, 1, 7, 7)).input_size == (5, 5)
    assert torch.conv_transpose(5, 1, 1, 3, output_size=(7, 7, 7)).input_size == (5, 5, 5)
    assert torch.conv_transpose(5, 1, 1, 3, output_size=(1, 7, 7), ndim=2).input_size == (5, 5)


def test_same_puts_the_smaller_half_first_in_every_mode():
    for mode in ("zeros", "reflect", "replicate", "circular"):
        assert torch.conv((6,), 1, 1, 4, padding="same", padding_mode=mode).padding == ((1, 2),)
    assert torch.conv((6, 6), 1, 1, (2, 3), padding="same", dilation=(3, 1)).padding == ((1, 2), (1, 1))
    assert torch.conv((6,), 1, 1, 4, stride=3, padding="valid") == Conv((6,), 4, stride=3)


def test_a_negative_pad_of_a_border_mode_crops():
    C = torch.conv((4,), 1, 1, 1, padding=-1, padding_mode="reflect").matrix([1])
    assert_array_equal(C.toarray(), [[0, 1, 0, 0], [0, 0, 1, 0]])


def test_output_padding_beyond_the_stride():
    """Corner case s <= output_padding < d: nine outputs, of which the last reads nothing."""
    up = torch.conv_transpose((4,), 1, 1, 3, output_padding=1, dilation=2)
    C = up.matrix(torch.weight([[[1, 2, 3]]], transpose=True))
    assert up.output_size == (9,)
    assert_array_equal(C.toarray()[-1], 0)
    assert_array_equal(C.toarray()[:, 0], [1, 0, 2, 0, 3, 0, 0, 0, 0])


def test_output_padding_is_not_looked_at_beside_an_output_size():
    assert torch.conv_transpose((3,), 1, 1, 3, 2, 1, output_padding=99, output_size=(6,)).output_size == (6,)


def test_weights_stay_as_they_are():
    w = np.arange(24).reshape(4, 2, 3)
    assert_array_equal(torch.weight(w), w)
    assert_array_equal(torch.weight(w, transpose=True), w)
    assert torch.conv((5,), 4, 4, 3, groups=2).weight_shape == torch.weight(w).shape
    assert torch.conv_transpose((5,), 4, 4, 3, groups=2).weight_shape == torch.weight(w, transpose=True).shape


CONV_ERRORS = {
    "a mode": (
        {"padding_mode": "symmetric"},
        "padding_mode 'symmetric' is not one of zeros, reflect, replicate, circular",
    ),
    "a mode of others": ({"padding_mode": "constant"}, "padding_mode 'constant' is not one of .*did you mean 'zeros'"),
    "a name": ({"padding": "full"}, "padding 'full' is not one of same, valid"),
    "same and a stride": (
        {"padding": "same", "stride": (1, 2), "kernel_size": 4},
        "padding 'same' needs stride 1 in PyTorch, got 2 on axis 1: give the padding in numbers, such as 1",
    ),
    "different ends": (
        {"padding": ((1, 1), (0, 1))},
        r"padding on axis 0 is \(1, 1\), but PyTorch pads both ends of "
        "an axis alike: give one integer, and pad beforehand where the ends differ, as nn.ZeroPad2d "
        "does",
    ),
    "a crop": (
        {"padding": (1, -1)},
        "padding -1 on axis 1 is negative, which PyTorch refuses with padding_mode "
        "'zeros': crop the input beforehand, as nn.ZeroPad2d does",
    ),
    "reflect": (
        {"padding": 5, "padding_mode": "reflect"},
        "padding 5 on axis 0 is too large for padding_mode "
        "'reflect', which reflects the input without its end: with input_size 5 it can be 4 at most",
    ),
    "same and reflect": (
        {"padding": "same", "padding_mode": "reflect", "input_size": (2, 9), "kernel_size": 4},
        "padding 2 on axis 0 is too large for padding_mode 'reflect', .* input_size 2 it can be 1",
    ),
    "circular": (
        {"padding": (0, 7), "padding_mode": "circular"},
        "padding 7 on axis 1 is too large for padding_mode "
        "'circular', which wraps around the input once: with input_size 6 it can be 6 at most",
    ),
    "one number for all": (
        {"padding": (1,), "padding_mode": "circular"},
        r"input_size has 2 but padding has 1 entry, \(1,\): give one entry for each axis",
    ),
    "dilations of same": (
        {"padding": "same", "dilation": (2,), "padding_mode": "circular"},
        r"input_size has 2 but dilation has 1 entry, \(2,\)",
    ),
    "a float": ({"padding": (1.0, 1)}, r"padding on axis 0 must be an integer, got 1.0: write 1"),
    "a bool": ({"stride": True}, r"stride on axis 0 must be an integer, got True \(a bool\): write 1"),
    "no axis": (
        {"input_size": (), "kernel_size": ()},
        "the arguments are for 0 axes, but PyTorch has convolutions of 1, 2 and 3: give a size for each of these",
    ),
    "four axes": (
        {"input_size": (5, 5, 5, 5)},
        "the arguments are for 4 axes, but PyTorch has convolutions of 1, 2 and 3",
    ),
    "kernel of other axes": ({"kernel_size": (3,)}, r"input_size has 2 but kernel_size has 1 entry, \(3,\)"),
    "kernel too large": ({"kernel_size": 6}, r"kernel does not fit on axis 0: it spans 6 .* the padded input has 5"),
    "groups": (
        {"groups": 2, "in_channels": 4, "out_channels": 5},
        r"groups=2 does not divide out_channels=5 "
        r"\(remainder 1\)",
    ),
    "no channel": ({"out_channels": 0}, "out_channels must be at least 1, got 0"),
}


@pytest.mark.parametrize("name", CONV_ERRORS)
def test_errors_of_conv(name):
    kwargs, message = CONV_ERRORS[name]
    with pytest.raises(ValueError, match=message):
        torch.conv(**{"input_size": (5, 6), "in_channels": 1, "out_channels": 1, "kernel_size": 3} | kwargs)


TRANSPOSE_ERRORS = {
    "a mode": (
        {"padding_mode": "reflect"},
        "padding_mode 'reflect' is none of a transposed convolution in PyTorch, "
        r"which knows only 'zeros': transpose the matrix of the convolution, conv\(...\).T",
    ),
    "no mode": ({"padding_mode": "zero"}, "padding_mode 'zero' is not one of .*did you mean 'zeros'"),
    "a name": (
        {"padding": "same"},
        "padding 'same' is none of a transposed convolution in PyTorch, which takes "
        "numbers only: give the elements to crop at both ends",
    ),
    "a negative pad": (
        {"padding": -1},
        "padding -1 on axis 0 is negative, which PyTorch refuses: pad the result by 1 afterwards, as nn.ZeroPad2d does",
    ),
    "different ends": ({"padding": ((1, 2), 0)}, r"padding on axis 0 is \(1, 2\), but PyTorch pads both ends"),
    "output_padding": (
        {"output_padding": 2, "stride": 2},
        r"output_padding 2 on axis 0 is too large: it must be less "
        r"than max\(stride 2, dilation 1\) = 2",
    ),
    "a negative output_padding": ({"output_padding": -1}, "output_padding on axis 0 must be at least 0, got -1"),
    "empty": ({"padding": 4}, "output is empty on axis 0: its size would be -1 .*reduce the padding by 2"),
    "output_size": (
        {"output_size": (13, 12), "stride": 2},
        "output_size 13 on axis 0 cannot come from input_size 5 "
        "with kernel_size 3, stride 2, padding 0: a convolution gives 5 outputs only for 11 or 12 inputs",
    ),
    "an int": (
        {"output_size": 12, "stride": 2},
        "output_size must be a sequence, as in the call of PyTorch's module, "
        r"got 12: write \(12, 12\)",
    ),
    "too few": (
        {"output_size": (12,), "stride": 2},
        r"output_size has 1 entry, \(12,\), but needs 2, one for each "
        "axis, or 3 with the channels in front, or 4 with batch and channels",
    ),
    "a float": (
        {"output_size": (12, 12.0), "stride": 2},
        r"output_size on axis 1 must be an integer, got 12.0: "
        r"write 12",
    ),
    "one stride for all": (
        {"output_size": (12, 12), "stride": (2,)},
        r"input_size has 2 but stride has 1 entry, "
        r"\(2,\)",
    ),
    "five axes": ({"input_size": 5, "output_size": (1,) * 6}, "the arguments are for 4 axes, but PyTorch has"),
    "groups": ({"groups": 2, "in_channels": 3, "out_channels": 4}, "groups=2 does not divide in_channels=3"),
}


@pytest.mark.parametrize("name", TRANSPOSE_ERRORS)
def test_errors_of_conv_transpose(name):
    kwargs, message = TRANSPOSE_ERRORS[name]
    with pytest.raises(ValueError, match=message):
        torch.conv_transpose(**{"input_size": (5, 5), "in_channels": 1, "out_channels": 1, "kernel_size": 3} | kwargs)


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.ones((3, 3)), r"weight has shape \(3, 3\) but PyTorch's is \(.*\), with 1 to 3 axes beside the channels"),
        (np.ones((1,) * 6), r"weight has shape \(1, 1, 1, 1, 1, 1\) but PyTorch's is"),
        (SimpleNamespace(dtype="torch.float8_e5m2"), r"weight has dtype torch.float8_e5m2, which scipy.sparse cannot"),
        (
            SimpleNamespace(dtype="torch.qint8", is_quantized=True),
            r"weight is a quantised tensor of dtype "
            r"torch.qint8: give what \.dequantize\(\) makes of it",
        ),
        (
            SimpleNamespace(is_meta=True),
            "weight is on the device 'meta', where tensors have no values: load them first",
        ),
    ],
)
def test_errors_of_weights(w, message):
    for function in (torch.weight, partial(torch.weight, transpose=True)):
        with pytest.raises(ValueError, match=message):
            function(w)


def test_half_weights_are_widened():
    w = np.array([[[1.5, 2 / 3]]], dtype="float16")
    for function in (torch.weight, partial(torch.weight, transpose=True)):
        assert function(w).dtype == np.float32
        assert_array_equal(function(w), w)


def test_no_padding_that_differs_at_the_ends_is_advised():
    with pytest.raises(ValueError, match=r"; no padding alike at both ends would make it 5$"):
        torch.conv_transpose((4,), 3, 1, 3, output_size=(5,))
    with pytest.raises(ValueError, match=r"; padding 1 on this axis would make it 4$"):
        torch.conv_transpose((4,), 3, 1, 3, output_size=(4,))


# -- layers by their attributes --------------------------------------------------------------------------------------


def test_layers_are_read_by_their_attributes():
    module = convolution(1, in_channels=4, out_channels=4, groups=4, padding=(1,), bias=Tensor([1, 2, 3, 4]))
    loaded = torch.from_layer(module, 3)
    assert loaded.layer == Conv((3,), 2, padding=1, in_channels=4, out_channels=4, groups=4)  # depthwise
    assert_array_equal(loaded.weight, np.arange(1, 9).reshape(4, 1, 2))
    assert_array_equal(loaded.bias, [1, 2, 3, 4])
    up = torch.from_layer(convolution(3, True, stride=(2, 2, 2), output_padding=(1, 0, 1)), (2, 3, 4))
    assert up.layer == ConvTranspose((2, 3, 4), 2, stride=2, output_padding=(1, 0, 1))
    assert up.bias is None
    assert torch.from_layer(convolution(padding="same"), (3, 4)).layer == Conv((3, 4), 2, padding=((0, 1), (0, 1)))


def test_errors_of_layers():
    def refused(module, message, size=4, error=ValueError):
        with pytest.raises(error, match=message):
            torch.from_layer(module, size)

    refused(
        kind("Linear")(),
        "^Linear is not a torch convolution: it has no attribute 'in_channels'; give the layer",
        error=TypeError,
    )
    refused("Conv2d", "^str is not a torch convolution", error=TypeError)
    lazy = type("UninitializedParameter", (), {})()
    refused(
        convolution(weight=lazy),
        "^Conv2d has no weight yet: call it once on data, from which it learns its in_channels, and give it again",
    )
    half_complex = SimpleNamespace(dtype="torch.complex32", shape=(1, 1, 2, 2))
    refused(
        convolution(weight=half_complex),
        "^the weight of Conv2d has dtype torch.complex32, which NumPy does not "
        r"have: cast it with \.to\(torch.complex64\)",
        error=TypeError,
    )
    refused(convolution(bias=half_complex), "^the bias of Conv2d has dtype torch.complex32", error=TypeError)
    refused(
        convolution(weight=np.ones((1, 1, 3, 3))),
        r"^weight has shape \(1, 1, 3, 3\) but "
        r"kernel_size=\(2, 2\) needs \(out_channels, in_channels // groups, "
        r"\*kernel_size\) = \(1, 1, 2, 2\)",
    )
    refused(convolution(), r"ndim is 2 but input_size has 1 entry, \(4,\)", size=(4,))
    refused(convolution(), "kernel does not fit on axis 0: it spans 2 .* the padded input has 1", size=1)
    own = type("Blurred", (type(convolution()),), {"forward": lambda self: None})
    refused(
        own(**vars(convolution())),
        "^Blurred has a forward of its own, so that its numbers do not say what it "
        "computes: give a plain module of torch.nn that computes the same",
        error=TypeError,
    )
    patched = convolution(forward=lambda x: x)
    refused(patched, "^Conv2d has a forward of its own", error=TypeError)
