"""Record TensorFlow's results in ``data/tensorflow.json.gz``: run by the Python of an environment that has it.

If TensorFlow lacks a kernel for CPUs, the case is compiled, as Keras does it; ``kernel`` is the error without that.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ.update(
    TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", KERAS_BACKEND="tensorflow", TF_ENABLE_ONEDNN_OPTS="0"
)
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import keras
import numpy as np
import tensorflow as tf

from recording import filled, outcome, write

FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
NO_KERNEL = (
    "only supports the NHWC",
    "on the CPU",
    "CPU implementation",
    "not supported on CPU",
    "on CPU is only supported",
    "only supports NHWC",
    "equal length strides",
    "must match last dimension of input",
    "NHWC tensor format",
    "only supports NDHWC",
    "Current CPU implementations",
    "channels_first",
    "Conv2DCustomBackpropInputOp only",
    "input and filter_sizes must have",
)
"""Parts of TensorFlow's errors for a missing kernel, while the arguments are valid."""


class Draw:
    """Random numbers from a seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def int(self, low, high):
        return int(self.random.integers(low, high + 1))

    def one(self, *values):
        return values[int(self.random.integers(len(values)))]

    def chance(self, share):
        return bool(self.random.random() < share)

    def each(self, ndim, low, high):
        return [self.int(low, high) for _ in range(ndim)]


def placed(entries, first, one=1):
    """Add the entries of batch and channels to the spatial ones."""
    return [one, one, *entries] if first else [one, *entries, one]


def in_one_form(draw, entries, first, wrong=0.05):
    """Return strides or dilations in one of the forms that TensorFlow accepts."""
    way = draw.int(0, 3)
    if way == 0 and len(set(entries)) == 1:
        return entries[0]
    if way == 1 and len(set(entries)) == 1:
        return entries[:1]
    if way == 2:
        return placed(entries, first) if not draw.chance(wrong) else placed(entries, first, 2)
    return entries


def layer_arguments(draw, ndim, function):
    """Draw stride, dilation, padding and layout of one call."""
    strides, dilations = draw.each(ndim, 1, 3), [1] * ndim
    if draw.chance(0.4):
        strides = [draw.int(1, 3)] * ndim
    if draw.chance(0.35):
        dilations = draw.each(ndim, 1, 3)
        if draw.chance(0.6):
            strides = [1] * ndim
    first = draw.chance(0.2)
    padding = draw.one("SAME", "SAME", "VALID")
    if draw.chance(0.5 if ndim == 2 else 0.06) and function != "convolution":
        pairs = [[draw.int(0, 3), draw.int(0, 3)] for _ in range(ndim)]
        if draw.chance(0.1):
            pairs[0][0] = -1
        padding = placed(pairs, first, [1, 0] if draw.chance(0.05) else [0, 0])
    elif draw.chance(0.03):
        padding = draw.one("same", "FULL")
    data_format = FORMATS[ndim][first] if first or draw.chance(0.5) else None
    if draw.chance(0.03):
        data_format = draw.one("NXC", FORMATS[ndim % 3 + 1][0])
    return strides, dilations, padding, first, data_format


def shape(batch, size, channels, first):
    return [batch, channels, *size] if first else [batch, *size, channels]


def forward(draw, function):
    ndim = {"conv1d": 1, "conv2d": 2, "conv3d": 3}.get(function) or draw.one(1, 2, 2, 3)
    strides, dilations, padding, first, data_format = layer_arguments(draw, ndim, function)
    groups = draw.one(1, 1, 1, 2, 3)
    per_group, out = draw.int(1, 2), groups * draw.int(1, 2)
    channels = groups * per_group
    if draw.chance(0.05):
        channels, out = channels + draw.int(0, 1), out + draw.int(0, 1)
    size = draw.each(ndim, 1, 9 - 2 * ndim + (ndim == 1) * 2)
    kernel = draw.each(ndim, 1, 4 - (ndim == 3))
    if function == "conv3d":
        strides, dilations = placed(strides, first), placed(dilations, first)
    else:
        dilated = max(dilations) > 1  # beside which TensorFlow overlooks the entries of batch and channels
        strides = in_one_form(draw, strides, first, 0 if dilated else 0.05)
        dilations = in_one_form(draw, dilations, first, 0)
    kwargs = {"stride" if function == "conv1d" else "strides": strides, "padding": padding, "data_format": data_format}
    if np.any(np.array(dilations) != 1) or draw.chance(0.2):
        kwargs["dilations"] = dilations
    if function == "convolution" and strides == 1 and draw.chance(0.5):
        del kwargs["strides"]
    return kwargs, {"input": shape(draw.int(1, 2), size, channels, first), "filters": [*kernel, per_group, out]}


def depthwise(draw, function):
    strides, dilations, padding, first, data_format = layer_arguments(draw, 2, function)
    if draw.chance(0.7):
        strides = [strides[0]] * 2
    if any(d > 1 for d in dilations):  # beside it TensorFlow warns of strides, and gives another shape than it should
        strides = [1, 1]
        if isinstance(padding, list):
            padding = placed(padding[1 + first : 3 + first], first, [0, 0])
    channels = draw.int(1, 3)
    kwargs = {"strides": placed(strides, first), "padding": padding, "data_format": data_format}
    if draw.chance(0.05):
        kwargs["strides"] = draw.one(strides, strides[0])
    if any(d > 1 for d in dilations):
        kwargs["dilations"] = dilations
    size, kernel = draw.each(2, 1, 7), draw.each(2, 1, 3)
    filters = [*kernel, channels + draw.chance(0.05), draw.int(1, 2)]
    return kwargs, {"input": shape(draw.int(1, 2), size, channels, first), "filter": filters}


def transposed(draw, function):
    ndim = {"conv1d_transpose": 1, "conv2d_transpose": 2, "conv3d_transpose": 3}.get(function) or draw.one(1, 2, 3)
    strides, dilations, padding, first, data_format = layer_arguments(draw, ndim, function)
    groups = draw.one(1, 1, 1, 1, 2)
    per_group, channels = draw.int(1, 2), groups * draw.int(1, 2)
    size, kernel = draw.each(ndim, 1, 5 - ndim + (ndim == 1)), draw.each(ndim, 1, 4 - (ndim == 3))
    output = []
    for axis in range(ndim):  # any size that the convolution may have come from, and now and then one beside them
        n, s, span = size[axis], strides[axis], dilations[axis] * (kernel[axis] - 1) + 1
        lowest = (n - 1) * s
        if padding == "SAME":
            lowest += 1
        elif padding == "VALID":
            lowest += span
        elif isinstance(padding, list):
            lowest += span - sum(padding[axis + 1 + first])
        output.append(max(lowest + draw.int(0, s - 1) + (draw.one(-s, s, 1) if draw.chance(0.12) else 0), 0))
    batch, out = draw.int(1, 2), groups * per_group
    if draw.chance(0.04):
        out += 1
    kwargs = {
        "output_shape": shape(batch + draw.chance(0.03), output, out, first),
        "padding": padding,
        "strides": in_one_form(draw, strides, first),
        "data_format": data_format,
    }
    if any(d > 1 for d in dilations):
        kwargs["dilations"] = in_one_form(draw, dilations, first)
    filters = [*kernel, per_group, channels + draw.chance(0.04)]
    return kwargs, {"input": shape(batch, size, channels, first), "filters": filters}


def run_tf(function, kwargs, shapes, seed):
    arrays = [tf.constant(filled(s, seed + i), tf.float32) for i, s in enumerate(shapes.values())]
    names = list(shapes)

    def call(*given):
        return getattr(tf.nn, function)(**dict(zip(names, given, strict=True)), **kwargs)

    def compiled():
        signature = [tf.TensorSpec(a.shape, a.dtype) for a in arrays]
        return tf.function(call, input_signature=signature, jit_compile=True, autograph=False)(*arrays)

    case = outcome(lambda: call(*arrays))
    message = case.get("error", "")
    if any(phrase in message for phrase in NO_KERNEL):
        case = {**outcome(compiled), "kernel": plain(message)}
    elif "y" in case and len(shapes["input"]) == 5 and outcome(compiled) != case:
        case = {**outcome(compiled), "kernel": OTHER_VALUES}
    return case


OTHER_VALUES = "without being compiled, other values: SAME crops on both sides where a stride exceeds the kernel"


def plain(message):
    """Return an error of TensorFlow without internals, and without Keras' sets, whose order varies."""
    return message.split("}} ")[-1].split(" [Op:")[0].split(" one of {")[0][:100]


# -- Keras -----------------------------------------------------------------------------------------------------------

KINDS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
)


def drawn_layer(draw, kind):
    """Draw the arguments and the input shape of a Keras layer."""
    ndim = int(kind.replace("Transpose", "")[-2])
    up, depthwise = kind.endswith("Transpose"), kind.startswith("Depthwise")
    strides, dilations = draw.each(ndim, 1, 3), [1] * ndim
    if draw.chance(0.3):
        dilations = draw.each(ndim, 1, 3)
        if draw.chance(0.8):
            strides = [1] * ndim
    kwargs = {
        "kernel_size": draw.each(ndim, 1, 4 - (ndim == 3)),
        "padding": draw.one("same", "same", "valid", "SAME"),
        "strides": strides,
    }
    if draw.chance(0.5) and len(set(strides)) == 1:
        kwargs["strides"] = strides[0]
    if any(d > 1 for d in dilations):
        kwargs["dilation_rate"] = dilations
    if draw.chance(0.15 if ndim == 1 and not up else 0.03):
        kwargs["padding"] = "causal"
    channels = draw.int(1, 3)
    if depthwise:
        kwargs["depth_multiplier"] = draw.int(1, 2)
    elif up:
        kwargs["filters"] = draw.int(1, 2)
        if draw.chance(0.65):
            extra = [draw.int(0, s - 1) + draw.chance(0.06) for s in strides]
            kwargs["output_padding"] = extra[0] if len(set(extra)) == 1 and draw.chance(0.5) else extra
    else:
        groups = draw.one(1, 1, 2)
        channels, kwargs["filters"] = groups * draw.int(1, 2), groups * draw.int(1, 2) + draw.chance(0.04)
        if groups > 1:
            kwargs["groups"] = groups
            channels += draw.chance(0.06)
    if draw.chance(0.03):
        kwargs["strides"] = draw.one(0, [1] * (ndim + 1))
    first = draw.chance(0.15)
    if first or draw.chance(0.2):
        kwargs["data_format"] = "channels_first" if first else "channels_last"
    size = draw.each(ndim, 1, (5 if up else 8) - ndim)
    return kwargs, [channels, *size] if first else [*size, channels]


def run_keras(kind, kwargs, input_shape, seed, batch=2):
    def make():
        layer = getattr(keras.layers, kind)(**kwargs)
        layer.build((batch, *input_shape))
        layer.kernel.assign(filled(layer.kernel.shape, seed + 1))
        if kwargs.get("data_format") != "channels_first":  # Keras may take their last axis for the channels' there
            layer.bias.assign(filled(layer.bias.shape, seed + 2))
        return layer

    def compiled():
        return tf.function(make(), jit_compile=True, autograph=False)(tf.constant(x))

    x = filled([batch, *input_shape], seed).astype("float32")
    shapes = {"input_shape": input_shape, "batch": batch}
    case = outcome(lambda: make()(x))
    message = case.get("error", "")
    if any(phrase in message for phrase in NO_KERNEL):
        case = {**outcome(compiled), "kernel": plain(message)}
    elif "y" in case and kind == "Conv3D" and outcome(compiled) != case:
        case = {**outcome(compiled), "kernel": OTHER_VALUES}
    return {**shapes, **case}


def cases():
    made = {
        "convolution": (forward, 120),
        "conv1d": (forward, 30),
        "conv2d": (forward, 80),
        "conv3d": (forward, 25),
        "conv_transpose": (transposed, 90),
        "conv1d_transpose": (transposed, 30),
        "conv2d_transpose": (transposed, 80),
        "conv3d_transpose": (transposed, 25),
        "depthwise_conv2d": (depthwise, 70),
    }
    seed = 0
    for function, (draw_case, count) in made.items():
        for _ in range(count):
            seed += 10
            kwargs, shapes = draw_case(Draw(seed), function)
            case = run_tf(function, kwargs, shapes, seed)
            yield {"call": function, "words": kwargs, "seed": seed, **shapes, **case}
    for kind in KINDS:
        for _ in range(70 if kind.endswith("Transpose") else 35):
            seed += 10
            kwargs, input_shape = drawn_layer(Draw(seed), kind)
            yield {"call": kind, "words": kwargs, "seed": seed, **run_keras(kind, kwargs, input_shape, seed)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    recorded = list(cases())
    for case in recorded:
        if "error" in case:
            case["error"] = plain(case["error"].split("; NodeDef")[0].replace("\n", " "))
    write("tensorflow", {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}, recorded)
    print(len(recorded), sum("error" in case for case in recorded), sum("kernel" in case for case in recorded))
