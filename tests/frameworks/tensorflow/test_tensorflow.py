"""TensorFlow's and Keras' words: what TensorFlow was recorded to do, documented numbers, objects, and each refusal."""

from collections import Counter
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, Upsample
from convmatrix.algebra.stack.network import Network
from convmatrix.frameworks import tensorflow as words
from recording import filled, read, result

VERSIONS, CASES = read("tensorflow")
KERAS = tuple(f"{kind}{n}D{end}" for kind, end in (("Conv", ""), ("Conv", "Transpose"), ("DepthwiseConv", ""))
              for n in (1, 2, 3)[: 2 if kind == "DepthwiseConv" else 3])  # fmt: skip
CALLS = ("convolution", "conv1d", "conv2d", "conv3d", "conv_transpose", "conv1d_transpose", "conv2d_transpose",
         "conv3d_transpose", "depthwise_conv2d", *KERAS)  # fmt: skip


# -- as recorded -----------------------------------------------------------------------------------------------------


def layer_of(case):
    """Our layer for a recorded call, what brings its kernel into our layout, and the kernel's shape there."""
    call, said = case["call"], case["words"]
    if call in KERAS:
        transposed, depthwise = call.endswith("Transpose"), call.startswith("Depthwise")
        make = words.keras_depthwise_conv if depthwise else words.keras_conv
        layer = (words.keras_conv_transpose if transposed else make)(case["input_shape"], **said)
        if depthwise:
            multiplier = layer.out_channels // layer.in_channels
            return layer, words.depthwise_weight, (*layer.kernel_size, layer.in_channels, multiplier)
        if transposed:
            return layer, words.weight_transpose, (*layer.kernel_size, layer.out_channels, layer.in_channels)
        return layer, words.weight, (*layer.kernel_size, layer.in_channels // layer.groups, layer.out_channels)
    if call == "depthwise_conv2d":
        return words.depthwise_conv(case["input"], case["filter"], **said), words.depthwise_weight, case["filter"]
    if call.endswith("transpose"):
        return words.conv_transpose(case["input"], case["filters"], **said), words.weight_transpose, case["filters"]
    make = words.conv if call == "convolution" else getattr(words, call)
    return make(case["input"], case["filters"], **said), words.weight, case["filters"]


def is_channels_first(case):
    return str(case["words"].get("data_format")).startswith(("NC", "channels_first"))


def by_matrix(case, layer, into_ours, kernel_shape):
    """The recorded call's result, by our matrix, in the layout of the call."""
    keras, first, seed = case["call"] in KERAS, is_channels_first(case), case["seed"]
    x = filled([case["batch"], *case["input_shape"]] if keras else case["input"], seed)
    y = layer.matrix(into_ours(filled(kernel_shape, seed + 1))) @ layer.vec(x if first else np.moveaxis(x, -1, 1))
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
    """Enough of everything that the words can say, and that they can say wrong."""
    assert VERSIONS["tensorflow"].split(".")[0] == "2"
    seen = Counter()
    for case in CASES:
        said, refused = case["words"], "error" in case
        kind = "keras" if case["call"] in KERAS else "tf"
        seen[kind, "refused" if refused else "given"] += 1
        seen["no kernel for CPUs"] += "kernel" in case and not refused
        seen["channels first"] += is_channels_first(case) and not refused
        seen["explicit"] += isinstance(said["padding"], list) and not refused
        if refused or "Transpose" not in case["call"] or said["padding"].lower() != "same":
            continue
        extra = said.get("output_padding")
        seen["output_padding", "none" if extra is None else "zero" if not np.any(extra) else "more"] += 1
    wanted = {("tf", "given"): 300, ("tf", "refused"): 100, ("keras", "given"): 200, ("keras", "refused"): 80,
              "no kernel for CPUs": 100, "channels first": 80, "explicit": 50, ("output_padding", "none"): 25,
              ("output_padding", "zero"): 8, ("output_padding", "more"): 12}  # fmt: skip
    assert {what: seen[what] for what in wanted if seen[what] < wanted[what]} == {}


# -- as documented ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [(224, 7, 2, (2, 3)), (224, 3, 2, (0, 1)), (6, 3, 2, (0, 1)), (5, 3, 2, (1, 1))],
)
def test_same_puts_the_odd_element_at_the_end(size, kernel, stride, pads):
    layer = words.conv((1, size, 3), (kernel, 3, 8), stride, "SAME")
    assert layer.padding == (pads,)
    assert layer.output_size == (-(-size // stride),)
    assert words.keras_conv((size, 3), 8, kernel, stride, "same") == layer


def test_arrays_stand_for_their_shapes_and_batches_may_be_unknown():
    layer = Conv((5, 6), 3, in_channels=4, out_channels=8, groups=2)
    assert words.conv(np.zeros((2, 5, 6, 4)), np.zeros((3, 3, 2, 8))) == layer
    assert words.conv((None, 5, 6, 4), (3, 3, 2, 8)) == layer
    assert words.conv((None, 4, 5, 6), (3, 3, 2, 8), data_format="NCHW") == layer
    assert words.conv((7, 2, 5, 6, 4), (3, 3, 2, 8)) == layer  # TensorFlow takes any number of batch axes


@pytest.mark.parametrize("strides", [2, [2], [2, 2], [1, 2, 2, 1]])
def test_strides_and_dilations_can_be_said_in_four_ways(strides):
    assert words.conv((1, 9, 9, 1), (3, 3, 1, 1), strides).stride == (2, 2)
    assert words.conv((1, 9, 9, 1), (3, 3, 1, 1), dilations=strides).dilation == (2, 2)
    up = words.conv_transpose((1, 4, 4, 1), (3, 3, 1, 1), (1, 8, 8, 1), strides)
    assert up.stride == (2, 2)


def test_one_input_may_come_from_several_output_shapes():
    seven, eight = (words.conv_transpose((1, 4, 1), (3, 1, 1), (1, n, 1), 2) for n in (7, 8))
    assert seven == ConvTranspose((4,), 3, stride=2, padding="same", output_size=7)
    assert (seven.padding, eight.padding) == (((1, 1),), ((0, 1),))


def test_a_transposed_layer_is_the_transpose_of_the_convolution_with_its_filters():
    w = filled((3, 2, 2, 6), 1)
    down = words.conv((1, 7, 8, 4), w, 2, "SAME")
    up = words.conv_transpose((1, *down.output_size, 6), w, (1, 7, 8, 4), 2)
    assert up == down.T
    assert_array_equal(up.matrix(words.weight_transpose(w)).toarray(), down.matrix(words.weight(w)).toarray().T)


@pytest.mark.parametrize(
    ("padding", "kernel", "stride", "output_padding", "size", "first"),
    [
        ("same", 3, 2, None, 8, 0), ("same", 3, 2, 0, 7, 1), ("same", 3, 2, 1, 8, 0), ("same", 4, 2, None, 8, 1),
        ("same", 4, 2, 1, 7, 1), ("same", 2, 3, None, 12, 0), ("valid", 3, 2, None, 9, 0), ("valid", 2, 3, None, 12, 0),
        ("valid", 2, 3, 0, 11, 0), ("valid", 2, 3, 2, 13, 0),
    ],
)  # fmt: skip
def test_keras_chooses_sizes_and_output_padding_shifts_them(padding, kernel, stride, output_padding, size, first):
    up = words.keras_conv_transpose((4, 1), 1, kernel, stride, padding, output_padding)
    assert up.output_size == (size,)
    assert up.padding[0][0] == first


def test_output_padding_none_is_no_zero_and_shifts():
    """Odd spans: None has the size of the largest number, and even ones the pixel elsewhere than zero has it."""
    none, zero = (words.keras_conv_transpose((3, 1), 1, 5, 3, "same", extra) for extra in (None, 0))
    assert (none.output_size, zero.output_size) == ((9,), (7,))
    assert (none.padding[0][0], zero.padding[0][0]) == (1, 2)


def test_depthwise_multiples_of_a_channel_follow_each_other():
    w = np.arange(6).reshape(1, 1, 3, 2)
    layer = words.depthwise_conv((1, 1, 1, 3), w, [1, 1, 1, 1], "VALID")
    assert_array_equal(layer.matrix(words.depthwise_weight(w)).toarray(),
                       [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 3, 0], [0, 0, 4], [0, 0, 5]])  # fmt: skip


def test_explicit_padding_and_both_of_stride_and_dilation():
    pairs = [[0, 0], [1, 2], [0, 3], [0, 0]]
    layer = Conv((7, 8), 3, stride=2, dilation=2, padding=((1, 2), (0, 3)))
    assert words.conv((1, 7, 8, 1), (3, 3, 1, 1), 2, pairs, dilations=2) == layer
    assert words.conv2d((1, 1, 7, 8), (3, 3, 1, 1), 2, [[0, 0], *pairs[:3]], "NCHW", 2) == layer
    assert words.conv3d((1, 5, 5, 5, 1), (2, 2, 2, 1, 1), [1, 2, 2, 2, 1], "VALID").output_size == (2, 2, 2)


def test_rules_say_each_thing_once():
    assert list(words.RULES) == ["data", "weight", "transposed weight", "kernel", "padding", "same",
                                 "transposed padding", "output size", "groups", "refused"]  # fmt: skip
    assert all(len(rule) > 20 and rule.endswith(".") for rule in words.RULES.values())


# -- refusals --------------------------------------------------------------------------------------------------------

X, W = (1, 7, 8, 4), (3, 3, 4, 2)
UP, V = (1, 4, 5, 4), (3, 3, 2, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: words.conv(X, (3, 3, 3, 2)), "input has 4 channels but filters, (*kernel, in, out), are for 3: give a "
         "multiple of that"),
        (lambda: words.conv(X, (3, 3, 2, 3)), "filters, (*kernel, in, out), have 3 outputs, which "
         "is no multiple of 2 (= 4 channels of input / 2 of filters): give filters with a multiple of 2"),
        (lambda: words.conv(X, (3, 3)), "filters must have 3, 4 or 5 axes, those of the kernel and two for channels, "
         "got shape (3, 3)"),
        (lambda: words.conv2d(X, (3, 4, 2), 1, "SAME"), "filters must have 4 axes, those of the kernel and two for "
         "channels, got shape (3, 4, 2)"),
        (lambda: words.conv((7, 8, 4), W), "input must have at least 4 axes, NHWC, got shape (7, 8, 4)"),
        (lambda: words.conv((4, 7, 8), W, data_format="NCHW"), "at least 4 axes, NCHW, got shape (4, 7, 8)"),
        (lambda: words.conv((1, None, 8, 4), W), "input[1] is None, but the matrix depends on it: give a number"),
        (lambda: words.conv((1, 7, 8, None), W), "input[3] is None, but the matrix depends on it: give a number"),
        (lambda: words.conv(X, W, data_format="NWC"), "data_format of 2-d data 'NWC' is not one of NHWC, NCHW"),
        (lambda: words.conv(X, W, padding="same"), "padding 'same' is not one of SAME, VALID"),
        (lambda: words.conv(X, W, [2, 1], "SAME", dilations=[1, 2]), "tf.nn.convolution takes no strides above 1 "
         "beside dilations above 1, also not on different axes, got strides (2, 1) and dilations (1, 2): tf.nn.conv2d "
         "does take it, as conv2d"),
        (lambda: words.conv(X, W, [2, 2, 2]), "strides must have 1, 2 or 4 entries, got 3, [2, 2, 2]"),
        (lambda: words.conv(X, W, [2, 2, 2, 1]), "strides of batch and channels must be 1, got 2 and 1 in [2, "
         "2, 2, 1]"),
        (lambda: words.conv(X, W, dilations=[1, 2, 2, 2]), "dilations of batch and channels must be 1, got 1 and 2"),
        (lambda: words.conv(X, W, 0), "strides on axis 0 must be at least 1, got 0"),
        (lambda: words.conv(X, (9, 3, 4, 2)), "kernel does not fit on axis 0: it spans 9"),
        (lambda: words.conv((1, 7, 4), (3, 4, 2), 1, [[0, 0], [1, 1], [0, 0]]), "padding must be 'SAME' or 'VALID' for "
         "1 spatial axes, got [[0, 0], [1, 1], [0, 0]]: TensorFlow takes pairs for two axes alone"),
        (lambda: words.conv2d(X, W, 1, [[1, 1], [1, 1]]), "padding must have four pairs, those of batch and channels "
         "too, got [[1, 1], [1, 1]]"),
        (lambda: words.conv2d(X, W, 1, [[0, 0], [-1, 1], [1, 1], [0, 0]]), "padding must not be negative, got [[0, 0], "
         "[-1, 1]"),
        (lambda: words.conv2d(X, W, 1, [[0, 0], [1, 1], [1, 1], [0, 1]]), "padding of batch and channels must be (0, "
         "0), got (0, 0) and (0, 1)"),
        (lambda: words.conv3d((1, 5, 5, 5, 1), (2, 2, 2, 1, 1), 2, "SAME"), "strides of tf.nn.conv3d must have five "
         "entries, [1, d, h, w, 1], got 2"),
        (lambda: words.conv_transpose(UP, V, (1, 9, 10, 2), 2), "output_shape 9 on axis 0 is none of the sizes "
         "that a convolution with size of filters 3, strides 2 and padding 'SAME' maps to the 4 of input: with 'SAME' "
         "those are 7 to 8, with 'VALID' 9 to 10"),
        (lambda: words.conv_transpose((1, 4, 5, 3), (3, 3, 1, 3), (1, 8, 10, 2), 2), "input has 3 channels, which is "
         "no multiple of 2 (= 2 channels of output_shape / 1 of filters, (*kernel, out, in)): give filters with"),
        (lambda: words.conv_transpose(UP, V, (2, 8, 10, 2), 2), "output_shape has a batch of 2 but input has 1"),
        (lambda: words.conv_transpose(UP, V, (1, 8, 10, 3), 2), "output_shape has 3 channels but filters, (*kernel, "
         "out, in), have 2: give a multiple of that"),
        (lambda: words.conv_transpose((1, 4, 5, 2), V, (1, 8, 10, 2), 2), "input has 2 channels but filters, (*kernel, "
         "out, in), are for 4: the last axis of transposed filters is that of the input"),
        (lambda: words.conv_transpose((1, 1, 4, 5, 4), V, (1, 8, 10, 2), 2), "input of a transposed convolution must "
         "have 4 axes, one of them for the batch, got 5"),
        (lambda: words.conv_transpose(UP, V, (8, 10, 2), 2), "output_shape must have at least 4 axes, NHWC, got shape"),
        (lambda: words.conv_transpose((1, 4, 4), (3, 2, 4), (1, 8, 2), 2, data_format="NHWC"), "data_format of 1-d "
         "data 'NHWC' is not one of NWC, NCW"),
        (lambda: words.depthwise_conv(X, (3, 3, 3, 1), [1, 1, 1, 1], "SAME"), "input has 4 channels but filter, "
         "(height, width, in, multiplier), is for 3"),
        (lambda: words.depthwise_conv(X, W, 2, "SAME"), "strides of tf.nn.depthwise_conv2d must have four entries, [1, "
         "s, s, 1], got 2"),
        (lambda: words.depthwise_conv(X, W, [1, 1, 1, 1], "SAME", dilations=2), "dilations of tf.nn.depthwise_conv2d "
         "must have two entries, got 2"),
        (lambda: words.depthwise_conv(X, W, [1, 2, 2, 1], "SAME", dilations=[2, 2]), "tf.nn.depthwise_conv2d takes no "
         "strides above 1 beside dilations above 1"),
        (lambda: words.weight(np.zeros(3)), "an array of layout *IO has 2 axes or more, got shape (3,)"),
        (lambda: words.keras_conv((None, 8, 8, 3), 2, 3), "input_shape has None on axis 0, (None, 8, 8, 3): give "
         "sizes, without a batch"),
        (lambda: words.keras_conv((3,), 2, 3), "input_shape must have 1 to 3 sizes and the channels, without a batch, "
         "got (3,)"),
        (lambda: words.keras_conv((8, 8, 3), 2, (3, 3, 3)), "kernel_size must be one integer or one for each of 2 "
         "axes, got 3, (3, 3, 3)"),
        (lambda: words.keras_conv((8, 8, 3), 2, 3, padding="causal"), "padding 'causal' is not one of valid, same"),
        (lambda: words.keras_conv((8, 8, 3), 2, 3, padding=1), "padding 1 is not one of valid, same"),
        (lambda: words.keras_conv((8, 8, 3), 2, 3, data_format="NHWC"), "data_format 'nhwc' is not one of "
         "channels_last, channels_first"),
        (lambda: words.keras_conv((8, 8, 3), 2, 3, 2, dilation_rate=2), "Keras' Conv2D takes no strides above 1 beside "
         "dilation_rate above 1, also not on different axes, got strides (2, 2) and dilation_rate (2, 2)"),
        (lambda: words.keras_conv((8, 8, 3), 4, 3, groups=2), "groups=2 does not divide the channels of "
         "input_shape, 3 (remainder 1): every group needs as many channels"),
        (lambda: words.keras_conv((8, 8, 3), 0, 3), "filters must be at least 1, got 0"),
        (lambda: words.keras_conv_transpose((4, 1), 1, 3, 2, output_padding=2), "output_padding 2 on axis 0 must be "
         "less than strides, 2: give 0 to 1, or larger strides, or leave it out"),
        (lambda: words.keras_conv_transpose((4, 1), 1, 4, 2, "same", 0), "output_padding 0 on axis 0 gives 6 outputs "
         "(= (input_shape 4 - 1) * strides 2 + span 4 % 2 + output_padding 0), of which the convolution makes 3, "
         "so that TensorFlow refuses it: leave output_padding out, which gives 8 outputs, or give 1"),
        (lambda: words.keras_conv_transpose((4, 1), 1, 3, 2, dilation_rate=2), "Keras' Conv1DTranspose takes "
         "no strides above 1 beside dilation_rate above 1"),
        (lambda: words.keras_depthwise_conv((5, 5, 5, 1), 3), "input_shape must have 1 to 2 sizes and the channels"),
        (lambda: words.keras_depthwise_conv((5, 5, 1), 3, depth_multiplier=0), "depth_multiplier must be at least 1"),
    ],
    ids=count(),
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  compared below
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("call", [
    lambda: words.conv((1, 7, 4), (3, 4, 2), 1, [[0, 0], [1, 1], [0, 0]]),
    lambda: words.conv3d((1, 5, 5, 5, 1), (2, 2, 2, 1, 1), 2, "SAME"),
    lambda: words.depthwise_conv(X, W, 2, "SAME"),
    lambda: words.conv(3, W),
], ids=count())  # fmt: skip
def test_wrong_kinds_are_type_errors(call):
    with pytest.raises(TypeError):
        call()


# -- objects ---------------------------------------------------------------------------------------------------------


class Made:
    """A stand-in for a Keras object: a class of the name, with attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def made(kind, **attributes):
    return type(kind, (Made,), {})(**{"name": kind.lower(), **attributes})


def convolution(kind, kernel, *, padding="valid", **others):
    ndim = kernel.ndim - 2
    common = {"kernel": kernel, "bias": None, "kernel_size": kernel.shape[:ndim], "strides": (1,) * ndim,
              "dilation_rate": (1,) * ndim, "padding": padding, "data_format": "channels_last",
              "built": True}  # fmt: skip
    own = {"Conv": {"groups": 1}, "Depthwise": {"depth_multiplier": kernel.shape[-1]}}
    extra = {"output_padding": None} if "Transpose" in kind else own["Depthwise" if "Depth" in kind else "Conv"]
    return made(kind, **{**common, **extra, **others})


def test_from_layer_reads_kernel_and_bias():
    kernel, bias = filled((3, 3, 2, 4), 1), filled((4,), 2)
    loaded = words.from_layer(convolution("Conv2D", kernel, strides=(2, 1), groups=2, bias=bias), (7, 8))
    assert loaded.layer == Conv((7, 8), 3, stride=(2, 1), groups=2, in_channels=4, out_channels=4)
    assert_array_equal(loaded.weight, kernel.transpose(3, 2, 0, 1))
    assert_array_equal(loaded.bias, bias)
    loaded = words.from_layer(convolution("Conv2DTranspose", kernel, strides=(2, 2), padding="same"), 4)
    assert loaded.layer == ConvTranspose(4, 3, stride=2, padding="same", in_channels=4, out_channels=2)
    assert loaded.weight.shape == loaded.layer.weight_shape
    assert loaded.bias is None
    loaded = words.from_layer(convolution("DepthwiseConv2D", kernel, padding="same"), 5)
    assert loaded.layer == Conv(5, 3, padding="same", in_channels=2, out_channels=8, groups=2)
    assert_array_equal(loaded.weight[:, 0], kernel.transpose(2, 3, 0, 1).reshape(8, 3, 3))


def test_from_layer_reads_what_only_tensorflow_refuses():
    kernel = filled((4, 1, 1), 1)
    loaded = words.from_layer(
        convolution("Conv1DTranspose", kernel, padding="same", strides=(2,), output_padding=(0,)), 4
    )
    assert loaded.layer == ConvTranspose((4,), 4, stride=2, padding=2)


def sequential(*layers, **others):
    return made("Sequential", layers=list(layers), **others)


def pool(kind, size, stride=None, padding="valid", **others):
    return made(kind, pool_size=size, strides=stride or size, padding=padding, data_format="channels_last", **others)


def test_from_model_walks_through_what_follows_each_other():
    kernel = np.ones((3, 3, 1, 2), dtype=np.float32)
    inner = sequential(
        made("ZeroPadding2D", padding=((1, 0), (2, 1)), data_format="channels_last"),
        convolution("Conv2D", kernel, activation=SimpleNamespace(__name__="relu"), bias=np.ones(2)),
        made("BatchNormalization"), made("ReLU"), made("SpatialDropout2D"),
    )  # fmt: skip
    model = sequential(
        made("InputLayer"), inner, pool("MaxPooling2D", (2, 2), padding="same"),
        pool("AveragePooling2D", (3, 3), (1, 1), "same"),
        made("UpSampling2D", size=(2, 1), interpolation="bilinear", data_format="channels_last"),
        made("Cropping2D", cropping=((0, 1), (1, 0)), data_format="channels_last"),
        made("GlobalAveragePooling2D", keepdims=False, data_format="channels_last"), made("Flatten"), made("Dropout"),
    )  # fmt: skip
    chain = words.from_model(model, (6, 7))
    two = {"in_channels": 2, "out_channels": 2, "groups": 2}
    assert list(chain) == [
        Conv((6, 7), 1, padding=((1, 0), (2, 1))), Conv((7, 10), 3, out_channels=2),
        MaxPool((5, 8), 2, padding="same", channels=2),
        AvgPool((3, 4), 3, stride=1, padding="same", count_include_pad=False, channels=2),
        Upsample((3, 4), output_size=(6, 4), mode="linear", channels=2),
        Conv((6, 4), 1, padding=((0, -1), (-1, 0)), **two), AvgPool((5, 3), (5, 3), channels=2),
    ]  # fmt: skip
    assert [note.split(":")[0] for note in chain.left_out] == [
        "inputlayer", "conv2d", "batchnormalization", "relu", "spatialdropout2d", "flatten", "dropout",
    ]  # fmt: skip
    assert "conv2d: the activation relu is not linear" in chain.left_out
    assert_array_equal(chain.biases[1], np.ones(2))
    assert Network(chain).output_shape == (2, 1, 1)


def test_from_model_takes_the_input_shape_that_the_model_tells():
    layers = made("UpSampling1D", size=2), pool("GlobalMaxPooling1D", None, 1, keepdims=True)
    assert list(words.from_model(sequential(*layers, input_shape=(None, 5, 3)))) == [
        Upsample((5,), output_size=10, channels=3), MaxPool((10,), 10, channels=3),
    ]  # fmt: skip
    crop = made("Cropping1D", cropping=(1, 2))
    assert list(words.from_model(sequential(crop), 9, 3)) == [
        Conv((9,), 1, padding=((-1, -2),), in_channels=3, out_channels=3, groups=3)
    ]
    first = made("ZeroPadding1D", padding=(1, 2), data_format="channels_first")
    assert list(words.from_model(sequential(first, input_shape=(None, 3, 9)))) == [
        Conv((9,), 1, padding=((1, 2),), in_channels=3, out_channels=3, groups=3)
    ]
    up = convolution("Conv1DTranspose", np.ones((2, 3, 5)))
    assert words.from_model(sequential(pool("MaxPooling1D", (2,)), up), 6)[0].in_channels == 5


KERNEL = np.ones((3, 3, 1, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: words.from_layer(convolution("Conv2D", KERNEL, built=False), 5), "Conv2D is not built, so it has no "
         "kernel yet: call it once, or its build(input_shape)"),
        (lambda: np.asarray(words.from_layer(convolution("Conv2D", KERNEL, quantization_mode="int8"), 5).weight),
         "Conv2D is quantized (int8)"),
        (lambda: words.from_layer(made("SeparableConv2D", pointwise_kernel=KERNEL), 5), "SeparableConv2D is two "
         "convolutions, a depthwise one and one of single taps: give each of them"),
        (lambda: words.from_layer(made("Dense", kernel=KERNEL), 5), "Dense is not a Keras convolution: it has no "
         "attribute 'kernel_size'; give the layer object itself"),
        (lambda: words.from_layer(convolution("Conv2D", KERNEL), (5, 5, 5)), "input_size must be one integer or one "
         "for each of 2 axes, got 3, (5, 5, 5)"),
        (lambda: words.from_layer(convolution("Conv2D", KERNEL, data_format="x"), 5), "data_format 'x' is not one of"),
        (lambda: words.from_model(made("Functional", layers=[]), 5), "Functional is no Sequential, whose layers follow "
         "each other: give one, or read each layer by from_layer"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), made("Dense")), 5), "dense: Dense is none "
         "of the layers that have a matrix here, nor one that may be passed over"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), made("Flatten"), made("Dense")), 5),
         "dense: Dense comes after Flatten, which leaves no axes: end the model before it"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), made("GlobalMaxPooling2D"),
         made("UpSampling2D", size=2)), 5), "upsampling2d: UpSampling2D comes after GlobalMaxPooling2D"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), convolution("Conv2D", np.ones((1, 1, 2,
         1)))), 5), "conv2d: Conv2D takes 2 channels but is given 1"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), pool("MaxPooling1D", (2,))), 5),
         "maxpooling1d: MaxPooling1D is given 2 spatial axes, of sizes (3, 3)"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), made("ZeroPadding2D",
         data_format="channels_first")), 5), "conv2d has data_format 'channels_last' but zeropadding2d has "
         "'channels_first': between them channels would be taken for an axis"),
        (lambda: words.from_model(sequential(made("ZeroPadding1D", padding=1, data_format="channels_first"),
         made("Cropping1D", cropping=1)), 5, 1), "zeropadding1d has data_format 'channels_first' but cropping1d has "
         "'channels_last'"),
        (lambda: words.from_model(sequential(pool("MaxPooling2D", (2, 2))), 5), "no layer of the model tells the "
         "channels of its input: give in_channels"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL))), "the model does not tell the sizes of "
         "its input: give input_size"),
        (lambda: words.from_model(sequential(convolution("Conv2D", KERNEL), input_shape=(None, None, None, 1))), "does "
         "not tell the sizes"),
        (lambda: words.from_model(sequential(made("UpSampling2D", size=2, interpolation="bicubic")), 5, 1),
         "upsampling2d: interpolation 'bicubic' is not one of nearest, bilinear"),
        (lambda: words.from_model(sequential(made("ReLU")), (5, 5), 1), "there is no layer in the model"),
    ],
    ids=count(),
)  # fmt: skip
def test_objects_that_are_refused(call, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  compared below
        call()
    assert message in str(caught.value)


# -- whose code computes ---------------------------------------------------------------------------------------------


def of_class(obj, *, package="keras.src.layers", name=None, **methods):
    """The object, as one of a class below its own that is defined in that package, with these methods."""
    own = {method: lambda self, *inputs: None for method in methods}
    return type(name or type(obj).__name__, (type(obj),), {"__module__": package, **own})(**vars(obj))


COMPUTED = {
    "convolution": lambda: convolution("Conv2D", KERNEL),
    "transposed": lambda: convolution("Conv2DTranspose", KERNEL),
    "depthwise": lambda: convolution("DepthwiseConv2D", KERNEL),
    "pool": lambda: pool("AveragePooling2D", (2, 2)),
    "upsampling": lambda: made("UpSampling2D", size=2),
    "padding": lambda: made("ZeroPadding2D", padding=((1, 1), (1, 1))),
    "activation": lambda: made("ReLU"),
    "flatten": lambda: made("Flatten"),
}


def refused_call(call, message):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message + (
        ", so that its numbers do not say what it computes: give a plain layer of Keras that computes the same"
    )


@pytest.mark.parametrize("kind", COMPUTED)
@pytest.mark.parametrize("package", ["keras.src.layers", "tf_keras.src.layers", "tensorflow.python.keras.layers"])
def test_a_call_outside_keras_is_refused_in_a_model(kind, package):
    layer, others = COMPUTED[kind](), [convolution("Conv2D", np.ones((1, 1, 1, 1)))]
    keras_own = of_class(layer, package=package, call=True, __call__=True)
    read = words.from_model(sequential(*others, keras_own), 5)
    assert list(read) == list(words.from_model(sequential(*others, layer), 5))
    below = of_class(of_class(keras_own, package="mine", name="Mine", call=True), package="mine.too", name="Deeper")
    refused_call(lambda: words.from_model(sequential(*others, below), 5),
                 f"{layer.name}: Deeper has a call of its own, that of mine.Mine")  # fmt: skip


@pytest.mark.parametrize("kind", ["convolution", "transposed", "depthwise"])
@pytest.mark.parametrize("method", ["call", "__call__", "convolution_op"])
def test_a_call_outside_keras_is_refused_in_a_layer(kind, method):
    keras_own = of_class(COMPUTED[kind](), call=True, __call__=True, convolution_op=True)
    name = type(keras_own).__name__
    plain = of_class(keras_own, package="kerasmine", name="Mine")
    assert words.from_layer(plain, 5).layer == words.from_layer(COMPUTED[kind](), 5).layer
    same_name = of_class(keras_own, package="kerasmine", **{method: True})
    refused_call(lambda: words.from_layer(same_name, 5), f"{name} has a {method} of its own, that of kerasmine.{name}")
    if method != "__call__":  # which Python takes from the class alone
        setattr(keras_own, method, lambda *inputs: None)
        refused_call(lambda: words.from_layer(keras_own, 5), f"{name} has a {method} of its own, that of the object")


@pytest.mark.parametrize("name", ["Sequential", "Functional", "Residual"])
def test_a_model_with_a_call_outside_keras_is_refused(name):
    model = of_class(sequential(convolution("Conv2D", KERNEL)), package="keras.src.models", call=True)
    assert len(words.from_model(model, 5)) == 1
    its_own, message = of_class(model, package="mine", name=name, call=True), f"{name} has a call of its own, that of "
    refused_call(lambda: words.from_model(its_own, 5), f"{message}mine.{name}")
    refused_call(lambda: words.from_model(sequential(its_own), 5, 1), f"sequential: {message}mine.{name}")


@pytest.mark.parametrize("obj", [5, np.ones(3), Made, len, Counter()])
def test_what_is_no_layer_at_all_has_no_call_of_its_own(obj):
    with pytest.raises(TypeError, match="is not a Keras convolution: it has no attribute 'kernel'"):
        words.from_layer(obj, 5)
    with pytest.raises(TypeError, match="is no Sequential"):
        words.from_model(obj, 5)


def test_what_has_a_call_but_no_attributes_is_refused_too():
    slotted = type("Slotted", (), {"__slots__": (), "__module__": "mine", "call": lambda self, x: x})()
    refused_call(lambda: words.from_layer(slotted, 5), "Slotted has a call of its own, that of mine.Slotted")
