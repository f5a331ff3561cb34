"""Calls of tf.nn and Keras: recorded results of TensorFlow, numbers from its documentation, and every error."""

from collections import Counter
from functools import partial
from itertools import count

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import tensorflow
from helpers import assert_refused
from recording import filled, read, result

VERSIONS, CASES = read("tensorflow")
TRANSPOSED_WEIGHT, DEPTHWISE_WEIGHT = (
    partial(tensorflow.weight, **{kind: True}) for kind in ("transpose", "depthwise")
)
KERAS = tuple(
    f"{kind}{n}D{end}"
    for kind, end in (("Conv", ""), ("Conv", "Transpose"), ("DepthwiseConv", ""))
    for n in (1, 2, 3)[: 2 if kind == "DepthwiseConv" else 3]
)
CALLS = (
    "convolution",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose",
    "conv1d_transpose",
    "conv2d_transpose",
    "conv3d_transpose",
    "depthwise_conv2d",
    *KERAS,
)

# -- as recorded -----------------------------------------------------------------------------------------------------


def layer_of(case):
    """Make the layer of a recorded call; return it, the function that converts its kernel, and the kernel's shape."""
    call, kwargs = case["call"], case["words"]
    if call in KERAS:
        transposed, depthwise = call.endswith("Transpose"), call.startswith("Depthwise")
        make = tensorflow.keras_depthwise_conv if depthwise else tensorflow.keras_conv
        layer = (tensorflow.keras_conv_transpose if transposed else make)(case["input_shape"], **kwargs)
        if depthwise:
            multiplier = layer.out_channels // layer.in_channels
            return layer, DEPTHWISE_WEIGHT, (*layer.kernel_size, layer.in_channels, multiplier)
        if transposed:
            return layer, TRANSPOSED_WEIGHT, (*layer.kernel_size, layer.out_channels, layer.in_channels)
        return layer, tensorflow.weight, (*layer.kernel_size, layer.in_channels // layer.groups, layer.out_channels)
    if call == "depthwise_conv2d":
        return (
            tensorflow.depthwise_conv(case["input"], case["filter"], **kwargs),
            DEPTHWISE_WEIGHT,
            case["filter"],
        )
    if call.endswith("transpose"):
        return (
            tensorflow.conv_transpose(case["input"], case["filters"], **kwargs),
            TRANSPOSED_WEIGHT,
            case["filters"],
        )
    make = tensorflow.conv if call == "convolution" else getattr(tensorflow, call)
    return make(case["input"], case["filters"], **kwargs), tensorflow.weight, case["filters"]


def is_channels_first(case):
    return str(case["words"].get("data_format")).startswith(("NC", "channels_first"))


def by_matrix(case, layer, convert_weight, kernel_shape):
    """Compute the result of a recorded call by the matrix of the layer, in the layout of the call."""
    keras, first, seed = case["call"] in KERAS, is_channels_first(case), case["seed"]
    x = filled([case["batch"], *case["input_shape"]] if keras else case["input"], seed)
    y = layer.matrix(convert_weight(filled(kernel_shape, seed + 1))) @ layer.vec(x if first else np.moveaxis(x, -1, 1))
    if keras and not first:
        y += layer.bias_vector(filled((layer.out_channels,), seed + 2))[:, None]
    return layer.unvec(y) if first else np.moveaxis(layer.unvec(y), 1, -1)


@pytest.mark.parametrize("call", CALLS)
def test_recorded_calls_have_the_same_values_or_are_refused(call):
    cases = [case for case in CASES if case["call"] == call]
    seen = Counter()
    for case in cases:
        y = result(case)
        if y is None or y.size == 0:  # an empty result is none that a layer can have
            with pytest.raises(ValueError):  # noqa: PT011  the messages are matched below
                layer_of(case)
            seen["refused" if y is None else "empty"] += 1
            continue
        assert_array_equal(by_matrix(case, *layer_of(case)), y, err_msg=str(case["words"]))
        seen["equal"] += 1
    assert seen["equal"] >= len(cases) // 3
    assert seen["refused"] >= 2


def test_what_was_recorded():
    """The recorded cases have enough of each kind of argument, valid and invalid."""
    assert VERSIONS["tensorflow"].split(".")[0] == "2"
    seen = Counter()
    for case in CASES:
        kwargs, refused = case["words"], "error" in case
        kind = "keras" if case["call"] in KERAS else "tf"
        seen[kind, "refused" if refused else "given"] += 1
        seen["no kernel for CPUs"] += "kernel" in case and not refused
        seen["channels first"] += is_channels_first(case) and not refused
        seen["explicit"] += isinstance(kwargs["padding"], list) and not refused
        if refused or "Transpose" not in case["call"] or kwargs["padding"].lower() != "same":
            continue
        extra = kwargs.get("output_padding")
        seen["output_padding", "none" if extra is None else "zero" if not np.any(extra) else "more"] += 1
    wanted = {
        ("tf", "given"): 300,
        ("tf", "refused"): 100,
        ("keras", "given"): 200,
        ("keras", "refused"): 80,
        "no kernel for CPUs": 100,
        "channels first": 80,
        "explicit": 50,
        ("output_padding", "none"): 25,
        ("output_padding", "zero"): 8,
        ("output_padding", "more"): 12,
    }
    assert {what: seen[what] for what in wanted if seen[what] < wanted[what]} == {}


# -- as documented ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [(224, 7, 2, (2, 3)), (224, 3, 2, (0, 1)), (6, 3, 2, (0, 1)), (5, 3, 2, (1, 1))],
)
def test_same_puts_the_odd_element_at_the_end(size, kernel, stride, pads):
    layer = tensorflow.conv((1, size, 3), (kernel, 3, 8), stride, "SAME")
    assert layer.padding == (pads,)
    assert layer.output_size == (-(-size // stride),)
    assert tensorflow.keras_conv((size, 3), 8, kernel, stride, "same") == layer


def test_arrays_stand_for_their_shapes_and_batches_may_be_unknown():
    layer = Conv((5, 6), 3, in_channels=4, out_channels=8, groups=2)
    assert tensorflow.conv(np.zeros((2, 5, 6, 4)), np.zeros((3, 3, 2, 8))) == layer
    assert tensorflow.conv((None, 5, 6, 4), (3, 3, 2, 8)) == layer
    assert tensorflow.conv((None, 4, 5, 6), (3, 3, 2, 8), data_format="NCHW") == layer
    assert tensorflow.conv((7, 2, 5, 6, 4), (3, 3, 2, 8)) == layer  # TensorFlow takes any number of batch axes


@pytest.mark.parametrize("strides", [2, [2], [2, 2], [1, 2, 2, 1]])
def test_strides_and_dilations_have_four_forms(strides):
    assert tensorflow.conv((1, 9, 9, 1), (3, 3, 1, 1), strides).stride == (2, 2)
    assert tensorflow.conv((1, 9, 9, 1), (3, 3, 1, 1), dilations=strides).dilation == (2, 2)
    up = tensorflow.conv_transpose((1, 4, 4, 1), (3, 3, 1, 1), (1, 8, 8, 1), strides)
    assert up.stride == (2, 2)


def test_one_input_may_come_from_several_output_shapes():
    seven, eight = (tensorflow.conv_transpose((1, 4, 1), (3, 1, 1), (1, n, 1), 2) for n in (7, 8))
    assert seven == ConvTranspose((4,), 3, stride=2, padding="same", output_size=7)
    assert (seven.padding, eight.padding) == (((1, 1),), ((0, 1),))


def test_a_transposed_layer_is_the_transpose_of_the_convolution_with_its_filters():
    w = filled((3, 2, 2, 6), 1)
    down = tensorflow.conv((1, 7, 8, 4), w, 2, "SAME")
    up = tensorflow.conv_transpose((1, *down.output_size, 6), w, (1, 7, 8, 4), 2)
    assert up == down.T
    assert_array_equal(
        up.matrix(tensorflow.weight(w, transpose=True)).toarray(), down.matrix(tensorflow.weight(w)).toarray().T
    )


def test_depthwise_multiples_of_a_channel_follow_each_other():
    w = np.arange(6).reshape(1, 1, 3, 2)
    layer = tensorflow.depthwise_conv((1, 1, 1, 3), w, [1, 1, 1, 1], "VALID")
    assert_array_equal(
        layer.matrix(tensorflow.weight(w, depthwise=True)).toarray(),
        [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 3, 0], [0, 0, 4], [0, 0, 5]],
    )


def test_explicit_padding_and_both_of_stride_and_dilation():
    pairs = [[0, 0], [1, 2], [0, 3], [0, 0]]
    layer = Conv((7, 8), 3, stride=2, dilation=2, padding=((1, 2), (0, 3)))
    assert tensorflow.conv((1, 7, 8, 1), (3, 3, 1, 1), 2, pairs, dilations=2) == layer
    assert tensorflow.conv2d((1, 1, 7, 8), (3, 3, 1, 1), 2, [[0, 0], *pairs[:3]], "NCHW", 2) == layer
    assert tensorflow.conv3d((1, 5, 5, 5, 1), (2, 2, 2, 1, 1), [1, 2, 2, 2, 1], "VALID").output_size == (2, 2, 2)


# -- errors ----------------------------------------------------------------------------------------------------------

X, W = (1, 7, 8, 4), (3, 3, 4, 2)
UP, V = (1, 4, 5, 4), (3, 3, 2, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tensorflow.conv(X, (3, 3, 3, 2)),
            "input has 4 channels but filters, (*kernel, in, out), are for 3: give a multiple of that",
        ),
        (
            lambda: tensorflow.conv(X, (3, 3, 2, 3)),
            "filters, (*kernel, in, out), have 3 outputs, which "
            "is no multiple of 2 (= 4 channels of input / 2 of filters): give filters with a multiple of 2",
        ),
        (
            lambda: tensorflow.conv(X, (3, 3)),
            "filters must have 3, 4 or 5 axes, those of the kernel and two for channels, got shape (3, 3)",
        ),
        (
            lambda: tensorflow.conv2d(X, (3, 4, 2), 1, "SAME"),
            "filters must have 4 axes, those of the kernel and two for channels, got shape (3, 4, 2)",
        ),
        (lambda: tensorflow.conv((7, 8, 4), W), "input must have at least 4 axes, NHWC, got shape (7, 8, 4)"),
        (lambda: tensorflow.conv((4, 7, 8), W, data_format="NCHW"), "at least 4 axes, NCHW, got shape (4, 7, 8)"),
        (lambda: tensorflow.conv((1, None, 8, 4), W), "input[1] is None, but the matrix depends on it: give a number"),
        (lambda: tensorflow.conv((1, 7, 8, None), W), "input[3] is None, but the matrix depends on it: give a number"),
        (lambda: tensorflow.conv(X, W, data_format="NWC"), "data_format of 2-d data 'NWC' is not one of NHWC, NCHW"),
        (lambda: tensorflow.conv(X, W, padding="same"), "padding 'same' is not one of SAME, VALID"),
        (
            lambda: tensorflow.conv(X, W, [2, 1], "SAME", dilations=[1, 2]),
            "tf.nn.convolution takes no strides above 1 "
            "beside dilations above 1, also not on different axes, got strides (2, 1) and dilations (1, 2): "
            "tf.nn.conv2d "
            "does take it, as conv2d",
        ),
        (lambda: tensorflow.conv(X, W, [2, 2, 2]), "strides must have 1, 2 or 4 entries, got 3, [2, 2, 2]"),
        (
            lambda: tensorflow.conv(X, W, [2, 2, 2, 1]),
            "strides of batch and channels must be 1, got 2 and 1 in [2, 2, 2, 1]",
        ),
        (
            lambda: tensorflow.conv(X, W, dilations=[1, 2, 2, 2]),
            "dilations of batch and channels must be 1, got 1 and 2",
        ),
        (lambda: tensorflow.conv(X, W, 0), "strides on axis 0 must be at least 1, got 0"),
        (lambda: tensorflow.conv(X, (9, 3, 4, 2)), "kernel does not fit on axis 0: it spans 9"),
        (
            lambda: tensorflow.conv((1, 7, 4), (3, 4, 2), 1, [[0, 0], [1, 1], [0, 0]]),
            "padding must be 'SAME' or 'VALID' for "
            "1 spatial axes, got [[0, 0], [1, 1], [0, 0]]: TensorFlow takes pairs for two axes alone",
        ),
        (
            lambda: tensorflow.conv2d(X, W, 1, [[1, 1], [1, 1]]),
            "padding must have four pairs, those of batch and channels too, got [[1, 1], [1, 1]]",
        ),
        (
            lambda: tensorflow.conv2d(X, W, 1, [[0, 0], [-1, 1], [1, 1], [0, 0]]),
            "padding must not be negative, got [[0, 0], [-1, 1]",
        ),
        (
            lambda: tensorflow.conv2d(X, W, 1, [[0, 0], [1, 1], [1, 1], [0, 1]]),
            "padding of batch and channels must be (0, 0), got (0, 0) and (0, 1)",
        ),
        (
            lambda: tensorflow.conv3d((1, 5, 5, 5, 1), (2, 2, 2, 1, 1), 2, "SAME"),
            "strides of tf.nn.conv3d must have five entries, [1, d, h, w, 1], got 2",
        ),
        (
            lambda: tensorflow.conv_transpose(UP, V, (1, 9, 10, 2), 2),
            "output_shape 9 on axis 0 is none of the sizes "
            "that a convolution with size of filters 3, strides 2 and padding 'SAME' maps to the 4 of input: "
            "with 'SAME' "
            "those are 7 to 8, with 'VALID' 9 to 10",
        ),
        (
            lambda: tensorflow.conv_transpose((1, 4, 5, 3), (3, 3, 1, 3), (1, 8, 10, 2), 2),
            "input has 3 channels, which is "
            "no multiple of 2 (= 2 channels of output_shape / 1 of filters, (*kernel, out, in)): give filters with",
        ),
        (lambda: tensorflow.conv_transpose(UP, V, (2, 8, 10, 2), 2), "output_shape has a batch of 2 but input has 1"),
        (
            lambda: tensorflow.conv_transpose(UP, V, (1, 8, 10, 3), 2),
            "output_shape has 3 channels but filters, (*kernel, out, in), have 2: give a multiple of that",
        ),
        (
            lambda: tensorflow.conv_transpose((1, 4, 5, 2), V, (1, 8, 10, 2), 2),
            "input has 2 channels but filters, (*kernel, "
            "out, in), are for 4: the last axis of transposed filters is that of the input",
        ),
        (
            lambda: tensorflow.conv_transpose((1, 1, 4, 5, 4), V, (1, 8, 10, 2), 2),
            "input of a transposed convolution must have 4 axes, one of them for the batch, got 5",
        ),
        (
            lambda: tensorflow.conv_transpose(UP, V, (8, 10, 2), 2),
            "output_shape must have at least 4 axes, NHWC, got shape",
        ),
        (
            lambda: tensorflow.conv_transpose((1, 4, 4), (3, 2, 4), (1, 8, 2), 2, data_format="NHWC"),
            "data_format of 1-d data 'NHWC' is not one of NWC, NCW",
        ),
        (
            lambda: tensorflow.depthwise_conv(X, (3, 3, 3, 1), [1, 1, 1, 1], "SAME"),
            "input has 4 channels but filter, (height, width, in, multiplier), is for 3",
        ),
        (
            lambda: tensorflow.depthwise_conv(X, W, 2, "SAME"),
            "strides of tf.nn.depthwise_conv2d must have four entries, [1, s, s, 1], got 2",
        ),
        (
            lambda: tensorflow.depthwise_conv(X, W, [1, 1, 1, 1], "SAME", dilations=2),
            "dilations of tf.nn.depthwise_conv2d must have two entries, got 2",
        ),
        (
            lambda: tensorflow.depthwise_conv(X, W, [1, 2, 2, 1], "SAME", dilations=[2, 2]),
            "tf.nn.depthwise_conv2d takes no strides above 1 beside dilations above 1",
        ),
    ],
    ids=count(),
)
def test_errors(call, message):
    assert_refused(call, message)


@pytest.mark.parametrize(
    "call",
    [
        lambda: tensorflow.conv((1, 7, 4), (3, 4, 2), 1, [[0, 0], [1, 1], [0, 0]]),
        lambda: tensorflow.conv3d((1, 5, 5, 5, 1), (2, 2, 2, 1, 1), 2, "SAME"),
        lambda: tensorflow.depthwise_conv(X, W, 2, "SAME"),
        lambda: tensorflow.conv(3, W),
    ],
    ids=count(),
)
def test_wrong_kinds_are_type_errors(call):
    with pytest.raises(TypeError):
        call()
