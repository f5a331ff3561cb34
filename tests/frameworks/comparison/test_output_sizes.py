"""Test the calls for an output size: each framework's module makes a layer with our matrix of them."""

import importlib
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks.comparison.output_sizes import Size, output_size_options
from selection import some
from strategies import covers, layers, share

# -- sizes, and why padding does not determine them ------------------------------------------------------------------


def test_sizes_5_and_6_with_stride_2():
    """Kernel 3, stride 2, padding 1: 5 and 6 both give 3."""
    options = output_size_options(Conv((5,), 3, stride=2, padding=1))
    assert options.sizes == ((Size(5, 0), Size(6, 1)),)
    assert options.reason == (
        "padding alone does not decide: (5 + 2*1 - 3) / 2 + 1 is 3, rounded down, and so is (6 + 2*1 - 3) / 2 + 1; "
        "with kernel_size 3, stride 2 and padding 1, both 5 and 6 give 3",
    )
    assert [str(call) for call in options.calls(6)] == [
        "torch.nn.ConvTranspose1d: padding=1, output_padding=1",
        "torch.nn.ConvTranspose1d: padding=1, and output_size=[6] in the call",
        "tf.nn.conv1d_transpose: padding='VALID', output_shape=[batch, 7, 1], and the slice [:, 1:7, :] of it",
        "keras.layers.Conv1DTranspose: padding='valid', output_padding=0 gives 7, and Cropping1D((1, 0)) the 6",
        "jax.lax.conv_transpose: padding=[(1, 2)], transpose_kernel=True: these pads decide the size",
        "ONNX ConvTranspose: pads=[1, 1], output_padding=[1]",
        "ONNX ConvTranspose: output_shape=[6], without pads",
        "theano conv1d_grad_wrt_inputs: cannot: no layer of theano has 1 axis",
        "mxnet Deconvolution: pad=(1,), adj=(1,)",
        "mxnet Deconvolution: target_shape=(6,), whatever pad and adj are",
        "caffe Deconvolution: pad: 0, and a Crop layer to 6 at offset 1, since it has no output padding",
    ]
    assert str(options.calls(5)[-1]) == "caffe Deconvolution: pad: 1"


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (Conv((4,), 3), "padding alone decides: with kernel_size 3, stride 1 and padding 0, only 4 gives 2"),
        (
            Conv((9,), 3, stride=3, dilation=2, padding=((1, 0),)),
            "padding alone does not decide: (7 + 1 + 0 - 5) / 3 + 1 is 2, rounded down, and so is "
            "(9 + 1 + 0 - 5) / 3 + 1; with kernel_size 3, stride 3, dilation 2 and padding (1, 0), all sizes "
            "from 7 to 9 "
            "give 2",
        ),
        (
            Conv((3,), 2, stride=4, input_dilation=2),
            "padding alone does not decide: (2*(2 - 1) + 1 + 2*0 - 2) / 4 + 1 is 1, rounded down, and so is "
            "(2*(3 - 1) + 1 + 2*0 - 2) / 4 + 1; with kernel_size 2, stride 4, input_dilation 2 and padding 0, both 2 "
            "and 3 give 1",
        ),
    ],
)
def test_why_in_numbers(layer, why):
    assert output_size_options(layer).reason == (why,)
    assert output_size_options(layer.T).reason == (why,)


def test_layers_that_no_framework_has():
    calls = output_size_options(Conv((6,), 2, stride=2, padding=1, padding_mode="reflect")).calls(6)
    assert len(calls) == 8
    assert all(call.kwargs is None for call in calls[:5])
    assert str(calls[0]) == (
        "torch.nn.ConvTranspose1d: cannot: no transposed layer of torch has the padding mode 'reflect'"
    )
    spread = output_size_options(Conv((3,), 2, stride=4, input_dilation=2)).calls(3)
    assert "no transposed layer of onnx has an input dilation" in str(spread[4])
    grouped = output_size_options(Conv((5, 5), 3, stride=2, in_channels=2, out_channels=2, groups=2)).calls(5)
    assert [call.layer_name for call in grouped if call.kwargs is None] == [
        "keras.layers.Conv2DTranspose",
        "jax.lax.conv_transpose",
    ]
    negative = [str(call) for call in output_size_options(Conv((6,), 2, padding=-1)).calls(6)]
    assert "torch.nn.ConvTranspose1d: cannot: padding (-1, -1) on axis 0 is negative" in negative
    assert "ONNX ConvTranspose: cannot: padding (-1, -1) on axis 0 is negative" in negative
    with pytest.raises(ValueError, match="output_size 7 on axis 0 cannot come from input_size 3"):
        output_size_options(Conv((5,), 3, stride=2, padding=1)).calls(7)


# -- every framework's module makes our layer of the kwargs ----------------------------------------------------------

MODULES = ("torch", "tensorflow", "jax", "onnx", "legacy.theano", "legacy.mxnet", "legacy.caffe")


def drawn(rng):
    """Draw a small convolution."""
    ndim = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2]))
    size, kernel, stride = (tuple(map(int, rng.integers(1, most, ndim))) for most in (7 - ndim, 4, 4))
    dilation = tuple(map(int, rng.choice([1, 1, 2], ndim)))
    kind = rng.choice(["even", "same", "valid", "uneven", "uneven", "beyond"])
    pads = {
        "even": [(int(p), int(p)) for p in rng.integers(0, 3, ndim)],
        "uneven": [tuple(map(int, rng.integers(-1, 3, 2))) for _ in range(ndim)],
        "beyond": [
            (int(before), int(after))
            for before, after in zip(rng.integers(0, 2, ndim), rng.integers(-2, 1, ndim), strict=True)
        ],
    }.get(str(kind), str(kind))
    try:
        return Conv(
            size,
            kernel,
            stride=stride,
            padding=pads,
            dilation=dilation,
            groups=groups,
            in_channels=groups,
            out_channels=groups * int(rng.integers(1, 3)),
        )
    except ValueError:
        return None


def laid_out(call, weight):
    """Convert a kernel from our layout to the framework's."""
    channels_last = (*range(2, weight.ndim), 1, 0)
    return weight.transpose(channels_last) if call.framework in ("tensorflow", "jax") else weight


@pytest.mark.parametrize("name", some(MODULES, "onnx", "tensorflow"))
def test_the_kwargs_make_our_matrix(name):
    module, rng, counts = importlib.import_module(f"convmatrix.frameworks.{name}"), np.random.default_rng(7), Counter()
    while counts["layers"] < 200:
        conv = drawn(rng)
        if conv is None:
            continue
        counts["layers"] += 1
        options = output_size_options(conv)
        size = tuple(int(rng.choice([one.size for one in sizes])) for sizes in options.sizes)
        up = options.transposed(size)
        weight = rng.integers(-9, 10, up.weight_shape)
        expected = up.matrix(weight).toarray()
        for call in options.calls(size):
            if call.framework != name.rpartition(".")[2]:
                continue
            if call.kwargs is None:
                assert call.arguments.startswith("cannot: ")
                counts["cannot"] += 1
                continue
            layer, converted = getattr(module, call.function)(**call.kwargs, weight=laid_out(call, weight))
            matrix = layer.matrix(converted).toarray()
            if call.crop is not None:
                shape = (layer.out_channels, *layer.output_size, -1)
                window = tuple(slice(at, at + n) for at, n in zip(call.crop, size, strict=True))
                matrix = matrix.reshape(shape)[(slice(None), *window)].reshape(expected.shape)
                counts["cropped"] += 1
            assert layer.output_size == size or call.crop is not None
            np.testing.assert_array_equal(matrix, expected, err_msg=f"{conv!r} {call}")
            counts[re.sub(r"\d[dD]", "", call.layer_name)] += 1
    assert counts["cannot"] > 10
    assert min(counts.values()) > 10, counts


def test_a_crop_of_the_whole_result_where_no_padding_gives_the_size():
    calls = [
        str(one)
        for one in output_size_options(ConvTranspose((4, 4), 3, stride=2, padding=((1, 0), (0, 2)))).calls((8, 7))
    ]
    assert (
        "keras.layers.Conv2DTranspose: padding='valid', output_padding=0 gives 9x9, and Cropping2D(((1, 0), (0, "
        "2))) the 8x7" in calls
    )
    assert (
        "torch.nn.ConvTranspose2d: padding=0, output_padding=0 gives 9x9, and nn.ZeroPad2d((0, -2, -1, 0)) the 8x7"
        in calls
    )
    assert "mxnet Deconvolution: adj=(0, 0) without pad, and the slice [:, :, 1:9, 0:7] of it" in calls
    calls = [
        str(one)
        for one in output_size_options(ConvTranspose((2, 2, 2), 3, stride=2, padding=((0, 1),) * 3)).calls((4,) * 3)
    ]
    assert (
        "theano conv3d_grad_wrt_inputs: input_shape=(None, 1, 5, 5, 5), border_mode='valid', filter_flip=False, "
        "and the slice [:, :, 0:4, 0:4, 0:4] of it" in calls
    )
    calls = [str(one) for one in output_size_options(ConvTranspose((3,), 2, stride=4, padding=((0, -2),))).calls((12,))]
    assert "ONNX ConvTranspose: output_padding=[2] without pads, and a Slice to [:, :, 0:12]" in calls


@pytest.mark.parametrize("kwargs", [{"dilation": 2}, {"stride": 2, "padding": 1}])
def test_a_transposed_layer_with_its_own_size(kwargs):
    """Test also an output_padding of a stride or more, which is not a leftover."""
    module, up = (
        importlib.import_module("convmatrix.frameworks.torch"),
        ConvTranspose((4,), 3, output_padding=1, **kwargs),
    )
    call = output_size_options(up).calls(up.output_size)[0]
    assert call.kwargs["output_padding"] == (1,)
    np.testing.assert_array_equal(
        module.conv_transpose(**call.kwargs).matrix([[[1, 2, 3]]]).toarray(), up.matrix([1, 2, 3]).toarray()
    )


# -- all sizes of an axis ----------------------------------------------------------------------------------------


@share(0.4)
@given(layer=layers(ndims=(1, 2)))
@covers(without=("3-D",))
def test_choices_against_all_input_sizes(layer):
    """Every size up to beyond the largest is tried."""
    forward = layer.T if isinstance(layer, ConvTranspose) else layer
    options = output_size_options(layer)
    for axis in range(layer.ndim):
        names = ("kernel_size", "stride", "padding", "dilation", "input_dilation")
        fields = {name: getattr(forward, name)[axis : axis + 1] for name in names}
        choices = options.sizes[axis]
        found = []
        for size in range(1, choices[-1].size + 20):
            try:
                conv = Conv((size,), **fields, padding_mode=layer.padding_mode)
            except ValueError:
                continue  # the kernel does not fit
            if conv.output_size == forward.output_size[axis : axis + 1]:
                assert conv.leftover == conv.T.output_padding
                found.append(Size(size, conv.leftover[0]))
        assert choices == tuple(found)
        assert forward.input_size[axis] in [choice.size for choice in choices]
        for choice in choices:
            up = ConvTranspose(
                forward.output_size[axis : axis + 1],
                **fields,
                padding_mode=layer.padding_mode,
                output_padding=choice.leftover,
            )
            assert up.output_size == (choice.size,)


def test_too_many_choices():
    assert len(output_size_options(Conv((30_000,), 1, stride=10_000)).sizes[0]) == 10_000
    message = (
        "^on axis 0, 10001 input sizes, from 20003 to 30003, have the output size 3: too many to list, at most 10000 "
        "are$"
    )
    with pytest.raises(ValueError, match=message):
        output_size_options(Conv((30_003,), 1, stride=10_001))
