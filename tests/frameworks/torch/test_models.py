"""PyTorch's models: modules that become layers, modules that are left out, and errors for all others."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.algebra.stack.network import Network
from convmatrix.frameworks import torch
from convmatrix.frameworks.shared.loading import Chain
from convmatrix.layers import AvgPool, MaxPool, PixelShuffle, PixelUnshuffle, Upsample
from torch_stand_ins import Tensor, convolution, kind


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
    message = (
        rf"^1 \({name}\): {name} is no convolution, pool, resize, pixel shuffle or pad that has a layer here: "
        "end the model before it"
    )
    refused(sequential(convolution(), kind(name)()), message, error=TypeError)


def test_errors_of_models():
    refused(
        kind("Net")(_modules={"a": convolution()}),
        "^Net: Net is no Sequential, and what it does with its modules is not known: give them as one",
        error=TypeError,
    )
    own = type("Residual", (type(sequential()),), {"forward": lambda self: None})
    refused(own(_modules={}), "^Residual: Residual has a forward of its own", error=TypeError)
    refused(sequential(kind("ReLU")()), "^there is no layer in the model that has a matrix")
    refused(
        sequential(convolution(), kind("Flatten")(), kind("Linear")()),
        r"^2 \(Linear\): Linear is no convolution",
        error=TypeError,
    )
    refused(
        sequential(convolution(), kind("Flatten")(), convolution()),
        r"^2 \(Conv2d\): Conv2d stands behind a "
        "Flatten, where there are no axes left: end the model at the Flatten",
    )
    refused(
        sequential(convolution(), kind("Flatten")(start_dim=0)),
        r"^1 \(Flatten\): Flatten has start_dim 0, which "
        "joins the batch to the rest: use start_dim 1",
    )
    refused(sequential(convolution(), kind("Flatten")(start_dim=-4)), "Flatten has start_dim -4, which joins")
    chain = torch.from_model(sequential(convolution(), kind("Flatten")(start_dim=-3), kind("Dropout")()), 8)
    assert len(chain.left_out) == 2  # what is passed over may stand there
    refused(
        sequential(convolution(in_channels=2)),
        r"^0 \(Conv2d\): Conv2d has in_channels=2 but is given 3 "
        "channels: let the one before it give 2",
        channels=3,
    )
    refused(
        sequential(convolution(), kind("BatchNorm2d")(num_features=5)),
        r"^1 \(BatchNorm2d\): BatchNorm2d has "
        "num_features=5 but is given 1 channel: let the one before it give 5",
    )
    refused(
        sequential(convolution(), kind("LayerNorm")(normalized_shape=(9,))),
        r"LayerNorm has normalized_shape "
        r"\(9,\) but is given \(1, 7, 7\) \(channels, \*size\), which does not end in it",
    )
    refused(
        sequential(convolution(), pool("MaxPool", 1)),
        r"^1 \(MaxPool1d\): MaxPool1d takes 1 axis but is given "
        r"size \(7, 7\), which has 2: use the module for 2 axes",
    )
    refused(convolution(1), "^Conv1d: Conv1d takes 1 axis but is given", size=(4, 4))
    refused(convolution(), "in_channels must be at least 1, got 0", channels=0)
    refused(convolution(), "input_size on axis 0 must be at least 1, got 0", size=0)


def test_errors_of_pools():
    refused(
        pool("MaxPool", padding=2, kernel_size=3),
        "^MaxPool2d: padding 2 on axis 0 is more than half of "
        "kernel_size 3, which a pool of PyTorch refuses: use at most 1",
    )
    refused(
        pool("MaxPool", return_indices=True),
        "^MaxPool2d: MaxPool has return_indices=True, so that it gives a "
        "pair, which no module behind it takes: use return_indices=False",
    )
    refused(pool("AvgPool", padding=-1), "padding on axis 0 must be at least 0, got -1")
    refused(
        pool("AvgPool", 3, kernel_size=(1, 3, 1), padding=(0, 1, 0)),
        "^AvgPool3d: kernel_size 3 on axis 1 is "
        "larger than input_size 2, which AvgPool3d refuses whatever the padding: use a smaller "
        "one",
        size=2,
    )
    refused(pool("AvgPool", kernel_size=9), "^AvgPool2d: kernel does not fit on axis 0")
    refused(
        kind("AdaptiveAvgPool2d")(output_size=(2, 3)),
        "^AdaptiveAvgPool2d: output_size 3 does not divide "
        r"input_size 8 on axis 1 \(remainder 2\), so that the windows of the adaptive pool need not be alike: use "
        "a size that it divides, or AvgPool",
    )
    refused(kind("AdaptiveAvgPool2d")(output_size=(2,)), "output_size has 1 entry but the input has 2 axes")
    refused(
        kind("AdaptiveAvgPool1d")(output_size=None), "output_size is None, but AdaptiveAvgPool1d takes no None: write 8"
    )


def test_errors_of_resizes_and_shuffles():
    refused(upsample(), "^Upsample: Upsample needs a size or a scale_factor, got neither: give one of the two")
    refused(upsample(size=3, scale_factor=2.0), "Upsample needs a size or a scale_factor, got both")
    refused(upsample(size=3, mode="bicubic"), "mode 'bicubic' is not one of nearest, nearest-exact, linear")
    refused(
        upsample(size=3, align_corners=False),
        "align_corners=False with mode 'nearest', which PyTorch refuses: leave it out",
    )
    refused(
        upsample(size=3, recompute_scale_factor=True),
        "recompute_scale_factor=True with a size, which PyTorch refuses: leave one of the two out",
    )
    refused(upsample(size=3, mode="linear"), "Upsample takes 1 axis but is given size .8, 8., which has 2", size=(8, 8))
    refused(upsample(size=(3,)), "input_size has 2 but output_size has 1 entry", size=(8, 8))
    refused(
        upsample(scale_factor=(2.0,), recompute_scale_factor=True),
        "scale_factor has 1 entry but the input has 2 axes",
        size=(8, 8),
    )
    shuffle = kind("PixelShuffle")(upscale_factor=2)
    refused(
        shuffle, r"^PixelShuffle: upscale_factor 2 needs a multiple of 4 channels \(= 2\*\*2\), is given 6", channels=6
    )
    refused(shuffle, "PixelShuffle takes 2 axes but is given size .8,., which has 1", size=(8,))
    refused(kind("PixelUnshuffle")(downscale_factor=3), "factor 3 does not divide input_size 8 on axis 0")


def test_errors_of_pads():
    refused(
        kind("ConstantPad2d")(padding=1, value=2.0),
        "^ConstantPad2d: the pad has value 2.0, which adds to what is linear: use value 0",
    )
    refused(
        kind("ReflectionPad2d")(padding=(0, 0, 8, 0)),
        "^ReflectionPad2d: padding 8 on axis 0 is too large for "
        "padding_mode 'reflect', .* input_size 8 it can be 7 at most",
    )
    refused(kind("CircularPad1d")(padding=(9, 0)), "padding 9 on axis 0 is too large for padding_mode 'circular'")
    refused(
        kind("CircularPad1d")(padding=(-1, 1)),
        r"padding \(-1, 1\) on axis 0 crops one end and wraps the other, "
        "where CircularPad does not give the periodic extension: crop in a module of its own",
    )
    refused(
        kind("ZeroPad1d")(padding=(-9, 9)),
        r"padding \(-9, 9\) on axis 0 crops 9 of input_size 8, which PyTorch "
        "refuses: crop 8 at most",
    )
    refused(
        kind("ReplicationPad2d")(padding=(1, 1)),
        "padding has 2 entries but needs 4, two for each axis, the last one first",
    )
    refused(kind("ZeroPad1d")(padding=(1, 1, 1)), "padding has 3 entries but needs 2")
    refused(kind("ZeroPad1d")(padding=(1.5, 1)), r"padding must be an integer, got 1.5")


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("AvgPool2d", "kernel_size"),
        ("MaxPool1d", "dilation"),
        ("AdaptiveAvgPool3d", "output_size"),
        ("Upsample", "size"),
        ("PixelShuffle", "upscale_factor"),
        ("PixelUnshuffle", "downscale_factor"),
        ("ZeroPad2d", "padding"),
        ("LayerNorm", "normalized_shape"),
        ("Conv2d", "in_channels"),
    ],
)
def test_a_module_without_its_attributes(name, missing):
    refused(kind(name)(), rf"{name} is not a torch .*: it has no attribute '{missing}'", error=TypeError)


def test_the_input_size_is_required():
    message = (
        "input_size is not given, and PyTorch's modules do not store the size of their input: give the spatial size, "
        "such as (224, 224)"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        torch.from_model(sequential(convolution()))
