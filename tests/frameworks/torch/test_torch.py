"""PyTorch's words: cases of its documentation by hand, objects that look like its modules, and every refusal."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.algebra.stack.network import Network
from convmatrix.frameworks import torch
from convmatrix.frameworks.shared.loaded import Chain
from convmatrix.layers import AvgPool, MaxPool, PixelShuffle, PixelUnshuffle, Upsample

KEYS = ["data", "weight", "transposed weight", "kernel", "padding", "same", "transposed padding", "output size",
        "groups", "refused"]  # fmt: skip


def test_rules_have_the_common_keys():
    assert list(torch.RULES) == KEYS
    assert all(rule.endswith(".") for rule in torch.RULES.values())


# -- conv ------------------------------------------------------------------------------------------------------------


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
    assert layer == Conv((9, 8), 3, in_channels=2, out_channels=4, stride=2, padding=1, dilation=2, groups=2,
                         padding_mode="circular")  # fmt: skip
    up = torch.conv_transpose((4, 5), 2, 4, 3, 3, 1, 2, 2, False, 2, "zeros")
    assert up == ConvTranspose((4, 5), 3, in_channels=2, out_channels=4, stride=3, padding=1, output_padding=2,
                               groups=2, dilation=2)  # fmt: skip


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
    """The corner s <= output_padding < d: nine outputs, of which the last reads nothing."""
    up = torch.conv_transpose((4,), 1, 1, 3, output_padding=1, dilation=2)
    C = up.matrix(torch.weight_transpose([[[1, 2, 3]]]))
    assert up.output_size == (9,)
    assert_array_equal(C.toarray()[-1], 0)
    assert_array_equal(C.toarray()[:, 0], [1, 0, 2, 0, 3, 0, 0, 0, 0])


def test_output_padding_is_not_looked_at_beside_an_output_size():
    assert torch.conv_transpose((3,), 1, 1, 3, 2, 1, output_padding=99, output_size=(6,)).output_size == (6,)


def test_weights_stay_as_they_are():
    w = np.arange(24).reshape(4, 2, 3)
    assert_array_equal(torch.weight(w), w)
    assert_array_equal(torch.weight_transpose(w), w)
    assert torch.conv((5,), 4, 4, 3, groups=2).weight_shape == torch.weight(w).shape
    assert torch.conv_transpose((5,), 4, 4, 3, groups=2).weight_shape == torch.weight_transpose(w).shape


CONV_REFUSALS = {
    "a mode": ({"padding_mode": "symmetric"}, "padding_mode 'symmetric' is not one of zeros, reflect, replicate, "
               "circular"),
    "a mode of others": ({"padding_mode": "constant"}, "padding_mode 'constant' is not one of .*did you mean 'zeros'"),
    "a name": ({"padding": "full"}, "padding 'full' is not one of same, valid"),
    "same and a stride": ({"padding": "same", "stride": (1, 2), "kernel_size": 4},
                          "padding 'same' needs stride 1 in PyTorch, got 2 on axis 1: give the padding in numbers, "
                          "such as 1"),
    "different ends": ({"padding": ((1, 1), (0, 1))}, r"padding on axis 0 is \(1, 1\), but PyTorch pads both ends of "
                       "an axis alike: give one integer, and pad beforehand where the ends differ, as nn.ZeroPad2d "
                       "does"),
    "a crop": ({"padding": (1, -1)}, "padding -1 on axis 1 is negative, which PyTorch refuses with padding_mode "
               "'zeros': crop the input beforehand, as nn.ZeroPad2d does"),
    "reflect": ({"padding": 5, "padding_mode": "reflect"}, "padding 5 on axis 0 is too large for padding_mode "
                "'reflect', which reflects the input without its end: with input_size 5 it can be 4 at most"),
    "same and reflect": ({"padding": "same", "padding_mode": "reflect", "input_size": (2, 9), "kernel_size": 4},
                         "padding 2 on axis 0 is too large for padding_mode 'reflect', .* input_size 2 it can be 1"),
    "circular": ({"padding": (0, 7), "padding_mode": "circular"}, "padding 7 on axis 1 is too large for padding_mode "
                 "'circular', which wraps around the input once: with input_size 6 it can be 6 at most"),
    "one number for all": ({"padding": (1,), "padding_mode": "circular"},
                           r"input_size has 2 but padding has 1 entry, \(1,\): give one entry for each axis"),
    "dilations of same": ({"padding": "same", "dilation": (2,), "padding_mode": "circular"},
                          r"input_size has 2 but dilation has 1 entry, \(2,\)"),
    "a float": ({"padding": (1.0, 1)}, r"padding on axis 0 must be an integer, got 1.0 \(float\): write 1"),
    "a bool": ({"stride": True}, r"stride on axis 0 must be an integer, got True \(a bool\): write 1"),
    "no axis": ({"input_size": (), "kernel_size": ()}, "the arguments are for 0 axes, but PyTorch has convolutions of "
                "1, 2 and 3: give a size for each of these"),
    "four axes": ({"input_size": (5, 5, 5, 5)}, "the arguments are for 4 axes, but PyTorch has convolutions of 1, 2 "
                                                "and 3"),
    "kernel of other axes": ({"kernel_size": (3,)}, r"input_size has 2 but kernel_size has 1 entry, \(3,\)"),
    "kernel too large": ({"kernel_size": 6}, r"kernel does not fit on axis 0: it spans 6 .* the padded input has 5"),
    "groups": ({"groups": 2, "in_channels": 4, "out_channels": 5}, r"groups=2 does not divide out_channels=5 "
               r"\(remainder 1\)"),
    "no channel": ({"out_channels": 0}, "out_channels must be at least 1, got 0"),
}  # fmt: skip


@pytest.mark.parametrize("words", CONV_REFUSALS)
def test_refusals_of_conv(words):
    asked, message = CONV_REFUSALS[words]
    with pytest.raises(ValueError, match=message):
        torch.conv(**{"input_size": (5, 6), "in_channels": 1, "out_channels": 1, "kernel_size": 3} | asked)


TRANSPOSE_REFUSALS = {
    "a mode": ({"padding_mode": "reflect"}, "padding_mode 'reflect' is none of a transposed convolution in PyTorch, "
               r"which knows only 'zeros': transpose the matrix of the convolution, conv\(...\).T"),
    "no mode": ({"padding_mode": "zero"}, "padding_mode 'zero' is not one of .*did you mean 'zeros'"),
    "a name": ({"padding": "same"}, "padding 'same' is none of a transposed convolution in PyTorch, which takes "
               "numbers only: give the elements to crop at both ends"),
    "a negative pad": ({"padding": -1}, "padding -1 on axis 0 is negative, which PyTorch refuses: pad the result by 1 "
                       "afterwards, as nn.ZeroPad2d does"),
    "different ends": ({"padding": ((1, 2), 0)}, r"padding on axis 0 is \(1, 2\), but PyTorch pads both ends"),
    "output_padding": ({"output_padding": 2, "stride": 2}, r"output_padding 2 on axis 0 is too large: it must be less "
                       r"than max\(stride 2, dilation 1\) = 2"),
    "a negative output_padding": ({"output_padding": -1}, "output_padding on axis 0 must be at least 0, got -1"),
    "empty": ({"padding": 4}, "output is empty on axis 0: its size would be -1 .*reduce the padding by 2"),
    "output_size": ({"output_size": (13, 12), "stride": 2}, "output_size 13 on axis 0 cannot come from input_size 5 "
                    "with kernel_size 3, stride 2, padding 0: a convolution gives 5 outputs only for 11 or 12 inputs"),
    "an int": ({"output_size": 12, "stride": 2}, "output_size must be a sequence, as in the call of PyTorch's module, "
               r"got 12: write \(12, 12\)"),
    "too few": ({"output_size": (12,), "stride": 2}, r"output_size has 1 entry, \(12,\), but needs 2, one for each "
                "axis, or 3 with the channels in front, or 4 with batch and channels"),
    "a float": ({"output_size": (12, 12.0), "stride": 2}, r"output_size on axis 1 must be an integer, got 12.0 "
                                                          r"\(float\)"),
    "one stride for all": ({"output_size": (12, 12), "stride": (2,)}, r"input_size has 2 but stride has 1 entry, "
                                                                      r"\(2,\)"),
    "five axes": ({"input_size": 5, "output_size": (1,) * 6}, "the arguments are for 4 axes, but PyTorch has"),
    "groups": ({"groups": 2, "in_channels": 3, "out_channels": 4}, "groups=2 does not divide in_channels=3"),
}  # fmt: skip


@pytest.mark.parametrize("words", TRANSPOSE_REFUSALS)
def test_refusals_of_conv_transpose(words):
    asked, message = TRANSPOSE_REFUSALS[words]
    with pytest.raises(ValueError, match=message):
        torch.conv_transpose(**{"input_size": (5, 5), "in_channels": 1, "out_channels": 1, "kernel_size": 3} | asked)


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.ones((3, 3)), r"weight has shape \(3, 3\) but PyTorch's is \(.*\), with 1 to 3 axes beside the channels"),
        (np.ones((1,) * 6), r"weight has shape \(1, 1, 1, 1, 1, 1\) but PyTorch's is"),
        (SimpleNamespace(dtype="torch.float8_e5m2"), r"weight has dtype torch.float8_e5m2, which scipy.sparse cannot"),
        (SimpleNamespace(dtype="torch.qint8", is_quantized=True), r"weight is a quantised tensor of dtype "
         r"torch.qint8: give what \.dequantize\(\) makes of it"),
        (SimpleNamespace(is_meta=True), "weight is on the device 'meta', where tensors have no values: load them "
                                        "first"),
    ],
)  # fmt: skip
def test_refusals_of_weights(w, message):
    for function in (torch.weight, torch.weight_transpose):
        with pytest.raises(ValueError, match=message):
            function(w)


def test_half_weights_are_widened():
    w = np.array([[[1.5, 2 / 3]]], dtype="float16")
    for function in (torch.weight, torch.weight_transpose):
        assert function(w).dtype == np.float32
        assert_array_equal(function(w), w)


# -- objects that look like PyTorch's --------------------------------------------------------------------------------


class Module(SimpleNamespace):
    """Whatever has the attributes."""


def kind(name):
    """A class of this name."""
    return type(name, (Module,), {})


class Tensor:
    """An array that has to be asked for, as those of PyTorch."""

    def __init__(self, values):
        self.values, self.dtype = np.asarray(values), "torch.float64"

    def detach(self):
        return SimpleNamespace(cpu=lambda: self.values)

    shape = (1,)


def convolution(ndim=2, transposed=False, **changes):
    """A torch.nn.Conv2d, or another one of the family, as its attributes are after construction."""
    fields = {"in_channels": 1, "out_channels": 1, "kernel_size": (2,) * ndim, "stride": (1,) * ndim,
              "padding": (0,) * ndim, "dilation": (1,) * ndim, "groups": 1, "padding_mode": "zeros",
              "transposed": transposed, "output_padding": (0,) * ndim, "bias": None} | changes  # fmt: skip
    first, second = fields["in_channels"], fields["out_channels"]
    rows, cols = (first, second) if transposed else (second, first)
    shape = (rows, cols // fields["groups"], *fields["kernel_size"])
    fields.setdefault("weight", Tensor(np.arange(1, 1 + np.prod(shape)).reshape(shape)))
    return kind(f"Conv{'Transpose' if transposed else ''}{ndim}d")(**fields)


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


def test_refusals_of_layers():
    def refused(module, message, size=4, error=ValueError):
        with pytest.raises(error, match=message):
            torch.from_layer(module, size)

    refused(kind("Linear")(), "^Linear is not a torch convolution: it has no attribute 'in_channels'; give the layer",
            error=TypeError)  # fmt: skip
    refused("Conv2d", "^str is not a torch convolution", error=TypeError)
    lazy = type("UninitializedParameter", (), {})()
    refused(convolution(weight=lazy), "^Conv2d has no weight yet: call it once on data, from which it learns its "
            "in_channels, and give it again")  # fmt: skip
    half_complex = SimpleNamespace(dtype="torch.complex32", shape=(1, 1, 2, 2))
    refused(convolution(weight=half_complex), "^the weight of Conv2d has dtype torch.complex32, which NumPy does not "
            r"have: cast it with \.to\(torch.complex64\)", error=TypeError)  # fmt: skip
    refused(convolution(bias=half_complex), "^the bias of Conv2d has dtype torch.complex32", error=TypeError)
    refused(convolution(weight=np.ones((1, 1, 3, 3))), r"^weight has shape \(1, 1, 3, 3\) but "
            r"kernel_size=\(2, 2\) needs \(out_channels, in_channels // groups, "
            r"\*kernel_size\) = \(1, 1, 2, 2\)")  # fmt: skip
    refused(convolution(), r"ndim is 2 but input_size has 1 entry, \(4,\)", size=(4,))
    refused(convolution(), "kernel does not fit on axis 0: it spans 2 .* the padded input has 1", size=1)
    own = type("Blurred", (type(convolution()),), {"forward": lambda self: None})
    refused(own(**vars(convolution())), "^Blurred has a forward of its own, so that its numbers do not say what it "
            "computes: give a plain module of torch.nn that computes the same", error=TypeError)  # fmt: skip
    patched = convolution(forward=lambda x: x)
    refused(patched, "^Conv2d has a forward of its own", error=TypeError)


# -- models ----------------------------------------------------------------------------------------------------------


def sequential(*modules, **named):
    return kind("Sequential")(_modules={str(n): module for n, module in enumerate(modules)} | named)


def pool(name, ndim=2, **changes):
    fields = {"kernel_size": 2, "stride": 2, "padding": 0, "ceil_mode": False}
    more = {"return_indices": False, "dilation": 1} if name == "MaxPool" else {"count_include_pad": True}
    return kind(f"{name}{ndim}d")(**(fields | more | changes))


def upsample(**changes):
    return kind("Upsample")(
        **({"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None} | changes)
    )


def test_a_model_becomes_layers_and_notes():
    model = sequential(
        sequential(convolution(in_channels=3, out_channels=4, padding=(1, 1)), kind("BatchNorm2d")(num_features=4)),
        kind("ReLU")(),
        pool("MaxPool", kernel_size=3, ceil_mode=True),
        kind("Dropout2d")(),
        head=sequential(convolution(in_channels=4, bias=Tensor([7])), kind("Identity")(), kind("Flatten")(start_dim=1)),
    )
    chain = torch.from_model(model, 8)
    assert isinstance(chain, Chain)
    assert chain == [
        Conv(8, 2, in_channels=3, out_channels=4, padding=1),
        MaxPool(9, 3, stride=2, ceil_mode=True, channels=4),
        Conv(4, 2, in_channels=4),
    ]
    assert Network(chain).output_shape == (1, 3, 3)
    assert [None if weight is None else weight.shape for weight in chain.weights] == [(4, 3, 2, 2), None, (1, 4, 2, 2)]
    assert [None if bias is None else bias.tolist() for bias in chain.biases] == [None, None, [7]]
    assert chain.left_out == (
        "0.1 (BatchNorm2d): a normalisation, which scales and shifts what it is given and changes no size",
        "1 (ReLU): an activation, which is not linear and changes no size",
        "3 (Dropout2d): dropout, which does nothing outside training",
        "head.1 (Identity): it does nothing",
        "head.2 (Flatten): a flatten, which keeps the order that the rows of the matrix have",
    )


def test_every_module_that_becomes_a_layer():
    def alone(module, size, channels=None):
        (layer,) = torch.from_model(module, size, channels)
        return layer

    assert alone(pool("AvgPool", 1, divisor_override=3), 6) == AvgPool((6,), 2, divisor_override=3)
    assert alone(pool("AvgPool", kernel_size=(3,), stride=None, padding=(1,)), 6) == AvgPool(6, 3, padding=1)
    assert alone(pool("MaxPool", 3, dilation=(2,)), 6) == MaxPool((6, 6, 6), 2, dilation=2)
    assert alone(kind("AdaptiveAvgPool2d")(output_size=(None, 2)), (5, 6), 3) == AvgPool((5, 6), (1, 3), channels=3)
    assert alone(kind("AdaptiveAvgPool3d")(output_size=1), (2, 3, 4)) == AvgPool((2, 3, 4), (2, 3, 4))
    assert alone(upsample(scale_factor=2.0), (3, 4)) == Upsample((3, 4), scale=2)
    assert alone(upsample(size=5, mode="trilinear", align_corners=True), 3) == Upsample(
        (3, 3, 3), output_size=5, mode="linear", align_corners=True
    )
    assert alone(upsample(scale_factor=1.7, mode="bilinear", recompute_scale_factor=True), 5) == Upsample(
        5, output_size=8, mode="linear"
    )
    bilinear = kind("UpsamplingBilinear2d")(size=(4, 6), scale_factor=None, mode="bilinear", align_corners=True)
    assert alone(bilinear, 2) == Upsample(2, output_size=(4, 6), mode="linear", align_corners=True)
    assert alone(kind("PixelShuffle")(upscale_factor=2), 3) == PixelShuffle(3, 2)
    assert alone(kind("PixelUnshuffle")(downscale_factor=2), 4, 3) == PixelUnshuffle(4, 2, channels=3)


def test_pads_say_the_last_axis_first():
    def padded(name, padding, ndim=2, channels=1, **more):
        chain = torch.from_model(kind(name)(padding=padding, **more), (4,) * ndim, channels)
        assert_array_equal(chain.weights[0], np.ones((channels, 1, *(1,) * ndim)))
        return chain[0]

    layer = padded("ReflectionPad2d", (0, 1, 2, 3), channels=3)
    assert layer == Conv(
        4, 1, padding=((2, 3), (0, 1)), padding_mode="reflect", groups=3, in_channels=3, out_channels=3
    )
    assert padded("ZeroPad2d", (-1, 1)) == Conv(4, 1, padding=((0, 0), (-1, 1)))
    assert padded("ConstantPad1d", 1, 1, value=0.0) == Conv((4,), 1, padding=1)
    assert padded("ReplicationPad3d", (9, 0, -1, 0, 0, 0), 3).padding == ((0, 0), (-1, 0), (9, 0))
    assert padded("CircularPad1d", (4, 4), 1).padding_mode == "circular"


def test_channels_of_the_input():
    def channels(*modules):
        return torch.from_model(sequential(*modules), 8)[0].input_shape[0]

    shuffle, unshuffle = kind("PixelShuffle")(upscale_factor=2), kind("PixelUnshuffle")(downscale_factor=2)
    wide = convolution(in_channels=8)
    assert channels(pool("AvgPool")) == 1
    assert channels(pool("AvgPool"), wide) == 8
    assert channels(pool("AvgPool"), kind("GroupNorm")(num_channels=6)) == 6
    assert channels(unshuffle, wide) == 2
    assert channels(shuffle, wide) == 32
    assert channels(shuffle, shuffle) == 16
    assert channels(unshuffle, shuffle) == 1


def refused(model, message, size=8, channels=None, error=ValueError):
    with pytest.raises(error, match=message):
        torch.from_model(model, size, channels)


@pytest.mark.parametrize(
    "name", ["Linear", "LPPool2d", "MaxUnpool2d", "GLU", "Unfold", "Fold", "Embedding", "Bilinear"]
)
def test_anything_else_is_refused_by_its_name(name):
    message = (rf"^1 \({name}\): {name} is no convolution, pool, resize, pixel shuffle or pad that has a layer here: "
               "end the model before it")  # fmt: skip
    refused(sequential(convolution(), kind(name)()), message, error=TypeError)


def test_refusals_of_models():
    refused(kind("Net")(_modules={"a": convolution()}), "^Net: Net is no Sequential, and what it does with its "
            "modules is not known: give them as one", error=TypeError)  # fmt: skip
    own = type("Residual", (type(sequential()),), {"forward": lambda self: None})
    refused(own(_modules={}), "^Residual: Residual has a forward of its own", error=TypeError)
    refused(sequential(kind("ReLU")()), "^there is no layer in the model that has a matrix")
    refused(sequential(convolution(), kind("Flatten")(), kind("Linear")()), r"^2 \(Linear\): Linear is no convolution",
            error=TypeError)  # fmt: skip
    refused(sequential(convolution(), kind("Flatten")(), convolution()), r"^2 \(Conv2d\): Conv2d stands behind a "
            "Flatten, where there are no axes left: end the model at the Flatten")  # fmt: skip
    refused(sequential(convolution(), kind("Flatten")(start_dim=0)), r"^1 \(Flatten\): Flatten has start_dim 0, which "
            "joins the batch to the rest: use start_dim 1")  # fmt: skip
    refused(sequential(convolution(), kind("Flatten")(start_dim=-4)), "Flatten has start_dim -4, which joins")
    chain = torch.from_model(sequential(convolution(), kind("Flatten")(start_dim=-3), kind("Dropout")()), 8)
    assert len(chain.left_out) == 2  # what is passed over may stand there
    refused(sequential(convolution(in_channels=2)), r"^0 \(Conv2d\): Conv2d has in_channels=2 but is given 3 "
            "channels: let the one before it give 2", channels=3)  # fmt: skip
    refused(sequential(convolution(), kind("BatchNorm2d")(num_features=5)), r"^1 \(BatchNorm2d\): BatchNorm2d has "
            "num_features=5 but is given 1 channel: let the one before it give 5")  # fmt: skip
    refused(sequential(convolution(), kind("LayerNorm")(normalized_shape=(9,))), r"LayerNorm has normalized_shape "
            r"\(9,\) but is given \(1, 7, 7\) \(channels, \*size\), which does not end in it")  # fmt: skip
    refused(sequential(convolution(), pool("MaxPool", 1)), r"^1 \(MaxPool1d\): MaxPool1d takes 1 axis but is given "
            r"size \(7, 7\), which has 2: use the module for 2 axes")  # fmt: skip
    refused(convolution(1), "^Conv1d: Conv1d takes 1 axis but is given", size=(4, 4))
    refused(convolution(), "in_channels must be at least 1, got 0", channels=0)
    refused(convolution(), "input_size on axis 0 must be at least 1, got 0", size=0)


def test_refusals_of_pools():
    refused(pool("MaxPool", padding=2, kernel_size=3), "^MaxPool2d: padding 2 on axis 0 is more than half of "
            "kernel_size 3, which a pool of PyTorch refuses: use at most 1")  # fmt: skip
    refused(pool("MaxPool", return_indices=True), "^MaxPool2d: MaxPool has return_indices=True, so that it gives a "
            "pair, which no module behind it takes: use return_indices=False")  # fmt: skip
    refused(pool("AvgPool", padding=-1), "padding on axis 0 must be at least 0, got -1")
    refused(pool("AvgPool", 3, kernel_size=(1, 3, 1), padding=(0, 1, 0)), "^AvgPool3d: kernel_size 3 on axis 1 is "
            "larger than input_size 2, which AvgPool3d refuses whatever the padding: use a smaller "
            "one", size=2)  # fmt: skip
    refused(pool("AvgPool", kernel_size=9), "^AvgPool2d: kernel does not fit on axis 0")
    refused(kind("AdaptiveAvgPool2d")(output_size=(2, 3)), "^AdaptiveAvgPool2d: output_size 3 does not divide "
            r"input_size 8 on axis 1 \(remainder 2\), so that the windows of the adaptive pool need not be alike: use "
            "a size that it divides, or AvgPool")  # fmt: skip
    refused(kind("AdaptiveAvgPool2d")(output_size=(2,)), "output_size has 1 entry but the input has 2 axes")
    refused(
        kind("AdaptiveAvgPool1d")(output_size=None), "output_size is None, but AdaptiveAvgPool1d takes no None: write 8"
    )


def test_refusals_of_resizes_and_shuffles():
    refused(upsample(), "^Upsample: Upsample needs a size or a scale_factor, got neither: give one of the two")
    refused(upsample(size=3, scale_factor=2.0), "Upsample needs a size or a scale_factor, got both")
    refused(upsample(size=3, mode="bicubic"), "mode 'bicubic' is not one of nearest, nearest-exact, linear")
    refused(upsample(size=3, align_corners=False), "align_corners=False with mode 'nearest', which PyTorch refuses: "
            "leave it out")  # fmt: skip
    refused(upsample(size=3, recompute_scale_factor=True), "recompute_scale_factor=True with a size, which PyTorch "
            "refuses: leave one of the two out")  # fmt: skip
    refused(upsample(size=3, mode="linear"), "Upsample takes 1 axis but is given size .8, 8., which has 2", size=(8, 8))
    refused(upsample(size=(3,)), "input_size has 2 but output_size has 1 entry", size=(8, 8))
    refused(upsample(scale_factor=(2.0,), recompute_scale_factor=True), "scale_factor has 1 entry but the input has 2 "
                                                                        "axes",
            size=(8, 8))  # fmt: skip
    shuffle = kind("PixelShuffle")(upscale_factor=2)
    refused(
        shuffle, r"^PixelShuffle: upscale_factor 2 needs a multiple of 4 channels \(= 2\*\*2\), is given 6", channels=6
    )
    refused(shuffle, "PixelShuffle takes 2 axes but is given size .8,., which has 1", size=(8,))
    refused(kind("PixelUnshuffle")(downscale_factor=3), "factor 3 does not divide input_size 8 on axis 0")


def test_refusals_of_pads():
    refused(kind("ConstantPad2d")(padding=1, value=2.0), "^ConstantPad2d: the pad has value 2.0, which adds to what is "
            "linear: use value 0")  # fmt: skip
    refused(kind("ReflectionPad2d")(padding=(0, 0, 8, 0)), "^ReflectionPad2d: padding 8 on axis 0 is too large for "
            "padding_mode 'reflect', .* input_size 8 it can be 7 at most")  # fmt: skip
    refused(kind("CircularPad1d")(padding=(9, 0)), "padding 9 on axis 0 is too large for padding_mode 'circular'")
    refused(kind("CircularPad1d")(padding=(-1, 1)), r"padding \(-1, 1\) on axis 0 crops one end and wraps the other, "
            "where CircularPad does not give the periodic extension: crop in a module of its own")  # fmt: skip
    refused(kind("ZeroPad1d")(padding=(-9, 9)), r"padding \(-9, 9\) on axis 0 crops 9 of input_size 8, which PyTorch "
            "refuses: crop 8 at most")  # fmt: skip
    refused(kind("ReplicationPad2d")(padding=(1, 1)), "padding has 2 entries but needs 4, two for each axis, the last "
            "one first")  # fmt: skip
    refused(kind("ZeroPad1d")(padding=(1, 1, 1)), "padding has 3 entries but needs 2")
    refused(kind("ZeroPad1d")(padding=(1.5, 1)), r"padding must be an integer, got 1.5 \(float\)")


@pytest.mark.parametrize(
    ("name", "missing"),
    [("AvgPool2d", "kernel_size"), ("MaxPool1d", "dilation"), ("AdaptiveAvgPool3d", "output_size"),
     ("Upsample", "size"), ("PixelShuffle", "upscale_factor"), ("PixelUnshuffle", "downscale_factor"),
     ("ZeroPad2d", "padding"), ("LayerNorm", "normalized_shape"), ("Conv2d", "in_channels")],
)  # fmt: skip
def test_a_module_without_its_attributes(name, missing):
    refused(kind(name)(), rf"{name} is not a torch .*: it has no attribute '{missing}'", error=TypeError)


def test_no_padding_that_differs_at_the_ends_is_advised():
    with pytest.raises(ValueError, match=r"; no padding alike at both ends would make it 5$"):
        torch.conv_transpose((4,), 3, 1, 3, output_size=(5,))
    with pytest.raises(ValueError, match=r"; padding 1 on this axis would make it 4$"):
        torch.conv_transpose((4,), 3, 1, 3, output_size=(4,))
