"""Strategies of calls of every framework's layer functions, with the layouts of their weights as index functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from convmatrix import Conv
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.legacy import caffe, mxnet, theano

FIRST = {1: ("NCW", "OIW", "NCW"), 2: ("NCHW", "OIHW", "NCHW"), 3: ("NCDHW", "OIDHW", "NCDHW")}
LAST = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


@dataclass(frozen=True)
class Numbers:
    """The numbers of a drawn call: one entry for each axis, and channels."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    per_in: int
    per_out: int
    switch: bool
    other_switch: bool
    name: str

    @property
    def ndim(self):
        return len(self.size)

    @property
    def ins(self):
        return self.groups * self.per_in

    @property
    def outs(self):
        return self.groups * self.per_out

    @property
    def full(self):
        """Output size of a transposed layer without padding."""
        return tuple(
            (n - 1) * s + d * (k - 1) + 1
            for n, k, s, d in zip(self.size, self.kernel, self.stride, self.dilation, strict=True)
        )


@dataclass(frozen=True)
class Drawn:
    """A call, the shape of its weight, and the index of each kernel element in the weight.

    `at` maps output channel o, input channel i and tap t to an index of the weight. For a convolution i is counted
    within its group, for a transposed one o.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    weight_shape: tuple[int, ...]
    at: Callable[[int, int, tuple[int, ...]], tuple[int, ...]]
    convert: Callable[..., Any]
    switches: Mapping[str, Any]
    """Arguments of `convert`."""

    def layer(self):
        return self.function(**self.arguments)


def _first(o, i, t):
    return (o, i, *t)


def _first_transposed(o, i, t):
    return (i, o, *t)


def _last(o, i, t):
    return (*t, i, o)


def _last_transposed(o, i, t):
    return (*t, o, i)


def _flipped(at, kernel):
    return lambda o, i, t: at(o, i, tuple(k - 1 - tap for k, tap in zip(kernel, t, strict=True)))


def _torch_arguments(n):
    return {
        "input_size": n.size,
        "in_channels": n.ins,
        "out_channels": n.outs,
        "kernel_size": n.kernel,
        "stride": n.stride,
        "dilation": n.dilation,
        "groups": n.groups,
    }


def _torch(n):
    arguments = {**_torch_arguments(n), "padding": 1}
    return Drawn(torch.conv, arguments, (n.outs, n.per_in, *n.kernel), _first, torch.weight, {})


def _torch_transposed(n):
    shape = (n.ins, n.per_out, *n.kernel)
    return Drawn(torch.conv_transpose, _torch_arguments(n), shape, _first_transposed, torch.weight, {"transpose": True})


def _tensorflow(n):
    function = {1: tensorflow.conv1d, 2: tensorflow.conv2d}.get(n.ndim, tensorflow.conv)
    stride = "stride" if n.ndim == 1 else "strides"
    dilation = (1,) * 3 if n.ndim == 3 else n.dilation  # where no stride may stand beside one
    shape = (*n.kernel, n.per_in, n.outs)
    arguments = {
        "input": (1, *n.size, n.ins),
        "filters": shape,
        stride: n.stride,
        "padding": "SAME",
        "dilations": dilation,
    }
    return Drawn(function, arguments, shape, _last, tensorflow.weight, {})


def _tensorflow_3d(n):
    shape = (*n.kernel, n.per_in, n.outs)
    arguments = {
        "input": (1, *n.size, n.ins),
        "filters": shape,
        "strides": (1, *n.stride, 1),
        "padding": "SAME",
        "dilations": (1, *n.dilation, 1),
    }
    return Drawn(tensorflow.conv3d, arguments, shape, _last, tensorflow.weight, {})


def _tensorflow_transposed(n):
    shape = (*n.kernel, n.per_out, n.ins)
    arguments = {
        "input": (1, *n.size, n.ins),
        "filters": shape,
        "output_shape": (1, *n.full, n.outs),
        "strides": n.stride,
        "padding": "VALID",
        "dilations": n.dilation,
    }
    convert, switches = tensorflow.weight, {"transpose": True}
    return Drawn(tensorflow.conv_transpose, arguments, shape, _last_transposed, convert, switches)


def _depthwise(n):
    shape = (*n.kernel, n.ins, n.per_out)
    arguments = {"input": (1, *n.size, n.ins), "filter": shape, "strides": (1, *n.stride, 1), "padding": "SAME"}

    def at(o, _, t):
        return (*t, o // n.per_out, o % n.per_out)

    switches = {"depthwise": True, "in_channels": n.ins}
    return Drawn(tensorflow.depthwise_conv, arguments, shape, at, tensorflow.weight, switches)


def _keras(n):
    arguments = {
        "input_shape": (*n.size, n.ins),
        "filters": n.outs,
        "kernel_size": n.kernel,
        "padding": "same",
        "groups": n.groups,
    }
    arguments |= {"strides": n.stride} if n.switch else {"dilation_rate": n.dilation}
    return Drawn(tensorflow.keras_conv, arguments, (*n.kernel, n.per_in, n.outs), _last, tensorflow.weight, {})


def _keras_transposed(n):
    arguments = {"input_shape": (*n.size, n.ins), "filters": n.outs, "kernel_size": n.kernel}
    arguments |= {"strides": n.stride} if n.switch else {"dilation_rate": n.dilation}
    convert, shape, switches = tensorflow.weight, (*n.kernel, n.outs, n.ins), {"transpose": True}
    return Drawn(tensorflow.keras_conv_transpose, arguments, shape, _last_transposed, convert, switches)


def _keras_depthwise(n):
    drawn = _depthwise(n)
    arguments = {
        "input_shape": (*n.size, n.ins),
        "kernel_size": n.kernel,
        "padding": "same",
        "depth_multiplier": n.per_out,
    }
    arguments |= {"strides": n.stride} if n.switch else {"dilation_rate": n.dilation}
    return Drawn(
        tensorflow.keras_depthwise_conv, arguments, drawn.weight_shape, drawn.at, drawn.convert, drawn.switches
    )


def _jax(n):
    numbers = (LAST if n.switch else FIRST)[n.ndim]
    shape = (*n.kernel, n.per_in, n.outs) if n.switch else (n.outs, n.per_in, *n.kernel)
    lhs = (1, *n.size, n.ins) if n.switch else (1, n.ins, *n.size)
    arguments = {
        "lhs": lhs,
        "rhs": shape,
        "window_strides": n.stride,
        "padding": [(1, 2)] * n.ndim,
        "rhs_dilation": n.dilation,
        "lhs_dilation": n.stride,
        "feature_group_count": n.groups,
    }
    if n.switch or n.other_switch:
        arguments["dimension_numbers"] = numbers
    return Drawn(jax.conv, arguments, shape, _last if n.switch else _first, jax.weight, {"dimension_numbers": numbers})


def _jax_transposed(n):
    flipped, channels = n.switch, (n.outs, n.ins) if n.switch else (n.ins, n.outs)
    shape = (*n.kernel, *channels)
    arguments = {
        "lhs": (1, *n.size, n.ins),
        "rhs": shape,
        "strides": n.stride,
        "padding": n.name,
        "rhs_dilation": n.dilation,
        "transpose_kernel": flipped,
    }
    numbers = LAST[n.ndim]
    if n.other_switch:
        numbers = arguments["dimension_numbers"] = FIRST[n.ndim]
        shape = arguments["rhs"] = (channels[1], channels[0], *n.kernel)
        arguments["lhs"] = (1, n.ins, *n.size)
        at = _first_transposed if flipped else _first
    else:
        at = _last_transposed if flipped else _last
    switches = {"transpose": True, "dimension_numbers": numbers}
    return Drawn(jax.conv_transpose, arguments, shape, at, jax.weight, switches)


def _flax_arguments(n):
    return {
        "input_size": n.size,
        "in_features": n.ins,
        "out_features": n.outs,
        "kernel_size": n.kernel,
        "strides": n.stride,
        "kernel_dilation": n.dilation,
    }


def _flax(n):
    padding = "CIRCULAR" if n.switch else "SAME"
    arguments = {**_flax_arguments(n), "padding": padding, "feature_group_count": n.groups}
    return Drawn(jax.flax_conv, arguments, (*n.kernel, n.per_in, n.outs), _last, jax.flax_weight, {})


def _flax_transposed(n):
    padding = "CIRCULAR" if n.other_switch else n.name
    switches = {"transpose_kernel": n.switch, "padding": padding}
    arguments = {**_flax_arguments(n), **switches}
    shape = (*n.kernel, n.outs, n.ins) if n.switch else (*n.kernel, n.ins, n.outs)
    at = _last_transposed if n.switch else _last
    if padding == "CIRCULAR" and not n.switch:  # a ConvTranspose, whose windows flip the kernel once more
        at = _flipped(at, n.kernel)
    return Drawn(jax.flax_conv_transpose, arguments, shape, at, jax.flax_weight, {"transpose": True, **switches})


def _onnx(n):
    shape = (n.outs, n.per_in, *n.kernel)
    arguments = {
        "X": (1, n.ins, *n.size),
        "W": shape,
        "auto_pad": "SAME_UPPER",
        "strides": n.stride,
        "dilations": n.dilation,
        "group": n.groups,
    }
    return Drawn(onnx.conv, arguments, shape, _first, onnx.weight, {})


def _onnx_transposed(n):
    shape = (n.ins, n.per_out, *n.kernel)
    arguments = {"X": (1, n.ins, *n.size), "W": shape, "strides": n.stride, "dilations": n.dilation, "group": n.groups}
    return Drawn(onnx.conv_transpose, arguments, shape, _first_transposed, onnx.weight, {"transpose": True})


def _theano(n):
    shape, flips = (n.outs, n.per_in, *n.kernel), {"filter_flip": n.switch} if n.other_switch or not n.switch else {}
    arguments = {
        "input_shape": (1, n.ins, *n.size),
        "filter_shape": shape,
        "border_mode": "half",
        "subsample": n.stride,
        "filter_dilation": n.dilation,
        "num_groups": n.groups,
        **flips,
    }
    at = _flipped(_first, n.kernel) if n.switch else _first
    return Drawn(theano.conv, arguments, shape, at, theano.weight, {"filter_flip": n.switch})


def _theano_causal(n):
    shape = (n.outs, n.per_in, *n.kernel)
    arguments = {
        "input_shape": (1, n.ins, *n.size),
        "filter_shape": shape,
        "subsample": n.stride[0],
        "filter_dilation": n.dilation[0],
        "num_groups": n.groups,
        "filter_flip": n.switch,
    }
    at = _flipped(_first, n.kernel) if n.switch else _first
    return Drawn(theano.causal_conv1d, arguments, shape, at, theano.weight, {"filter_flip": n.switch})


def _theano_transposed(n):
    shape = (n.ins, n.per_out, *n.kernel)
    arguments = {
        "output_grad": (1, n.ins, *n.size),
        "filters": shape,
        "input_shape": (1, None, *n.full),
        "subsample": n.stride,
        "filter_dilation": n.dilation,
        "num_groups": n.groups,
        "filter_flip": n.switch,
    }
    at = _flipped(_first_transposed, n.kernel) if n.switch else _first_transposed
    return Drawn(
        theano.conv_transpose, arguments, shape, at, theano.weight, {"transpose": True, "filter_flip": n.switch}
    )


def _theano_deconvolution(n):
    shape = (n.ins, n.outs, *n.kernel)
    arguments = {"input_shape": (1, n.ins, *n.size), "filter_shape": shape, "stride": n.stride, "filter_flip": n.switch}
    at = _flipped(_first_transposed, n.kernel) if n.switch else _first_transposed
    return Drawn(
        theano.deconvolution_layer, arguments, shape, at, theano.weight, {"transpose": True, "filter_flip": n.switch}
    )


def _mxnet_layout(n, rows, cols):
    """Return the layout, the shapes of data and of the weight in it, and the index function."""
    if n.ndim == 1 or not n.switch:
        return FIRST[n.ndim][0], (1, n.ins, *n.size), (rows, cols, *n.kernel), lambda row, col, t: (row, col, *t)
    return LAST[n.ndim][0], (1, *n.size, n.ins), (rows, *n.kernel, cols), lambda row, col, t: (row, *t, col)


def _mxnet(n):
    layout, data, shape, order = _mxnet_layout(n, n.outs, n.per_in)
    arguments = {
        "data": data,
        "kernel": n.kernel,
        "num_filter": n.outs,
        "stride": n.stride,
        "dilate": n.dilation,
        "pad": (1,) * n.ndim,
        "num_group": n.groups,
        "layout": layout,
    }
    return Drawn(mxnet.conv, arguments, shape, order, mxnet.weight, {"layout": layout})


def _mxnet_transposed(n):
    layout, data, shape, order = _mxnet_layout(n, n.ins, n.per_out)
    dilate = n.dilation if n.ndim < 3 else (1,) * 3
    arguments = {
        "data": data,
        "kernel": n.kernel,
        "num_filter": n.outs,
        "stride": n.stride,
        "dilate": dilate,
        "num_group": n.groups,
        "layout": layout,
    }

    def at(o, i, t):
        return order(i, o, t)

    return Drawn(mxnet.conv_transpose, arguments, shape, at, mxnet.weight, {"transpose": True, "layout": layout})


def _caffe_arguments(n):
    return {
        "bottom": (1, n.ins, *n.size),
        "num_output": n.outs,
        "kernel_size": n.kernel,
        "stride": n.stride,
        "dilation": n.dilation,
        "group": n.groups,
    }


def _caffe(n):
    arguments = {**_caffe_arguments(n), "pad": 1}
    return Drawn(caffe.conv, arguments, (n.outs, n.per_in, *n.kernel), _first, caffe.weight, {})


def _caffe_transposed(n):
    shape = (n.ins, n.per_out, *n.kernel)
    return Drawn(caffe.conv_transpose, _caffe_arguments(n), shape, _first_transposed, caffe.weight, {"transpose": True})


CALLS: Mapping[str, tuple[Callable[[Numbers], Drawn], tuple[int, ...], bool]] = {
    "torch.conv": (_torch, (1, 2, 3), True),
    "torch.conv_transpose": (_torch_transposed, (1, 2, 3), True),
    "tensorflow.conv": (_tensorflow, (1, 2, 3), True),
    "tensorflow.conv3d": (_tensorflow_3d, (3,), True),
    "tensorflow.conv_transpose": (_tensorflow_transposed, (1, 2, 3), True),
    "tensorflow.depthwise_conv": (_depthwise, (2,), True),
    "keras_conv": (_keras, (1, 2, 3), True),
    "keras_conv_transpose": (_keras_transposed, (1, 2, 3), False),
    "keras_depthwise_conv": (_keras_depthwise, (1, 2), True),
    "jax.conv": (_jax, (1, 2, 3), True),
    "jax.conv_transpose": (_jax_transposed, (1, 2, 3), False),
    "flax_conv": (_flax, (1, 2, 3), True),
    "flax_conv_transpose": (_flax_transposed, (1, 2, 3), False),
    "onnx.conv": (_onnx, (1, 2, 3), True),
    "onnx.conv_transpose": (_onnx_transposed, (1, 2, 3), True),
    "theano.conv": (_theano, (2, 3), True),
    "theano.causal_conv1d": (_theano_causal, (1,), True),
    "theano.conv_transpose": (_theano_transposed, (2, 3), True),
    "theano.deconvolution_layer": (_theano_deconvolution, (2, 3), False),
    "mxnet.conv": (_mxnet, (1, 2, 3), True),
    "mxnet.conv_transpose": (_mxnet_transposed, (1, 2, 3), True),
    "caffe.conv": (_caffe, (1, 2, 3), True),
    "caffe.conv_transpose": (_caffe_transposed, (1, 2, 3), True),
}
"""For each function what makes its call, its possible numbers of axes, and whether it has groups."""


@st.composite
def calls(draw, name):
    """Draw a valid call of the function with a name in `CALLS`."""
    make, ndims, grouped = CALLS[name]
    ndim = draw(st.sampled_from(ndims))
    largest = {1: 3, 2: 3, 3: 2}[ndim]

    def each(least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(ndim))

    kernel, stride, dilation = each(1, largest), each(1, 2), each(1, 2)
    if name == "tensorflow.depthwise_conv":
        dilation = (1, 1)
    if name.endswith(("jax.conv_transpose", "flax_conv_transpose")):
        stride = each(1, 3)
    span = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    size = tuple(draw(st.integers(0, 1)) + n for n in span)
    channels = st.integers(1, 2)
    numbers = Numbers(
        size,
        kernel,
        stride,
        dilation,
        draw(channels) if grouped else 1,
        draw(channels),
        draw(channels),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(("SAME", "VALID"))),
    )
    return make(numbers)


def matrix_by_definition(layer, weight, at):
    """Compute the matrix of a layer tap by tap from a weight in the framework's layout with index function `at`."""
    forward = isinstance(layer, Conv)
    outs, ins = layer.out_channels, layer.in_channels
    C = np.zeros((outs, *layer.output_size, ins, *layer.input_size), dtype=weight.dtype)
    windows, reads = (layer.output_size, layer.input_size) if forward else (layer.input_size, layer.output_size)
    for place in np.ndindex(*windows):
        for tap in np.ndindex(*layer.kernel_size):
            where = []
            for q, t, s, d, (before, _), a, n in zip(
                place, tap, layer.stride, layer.dilation, layer.padding, layer.input_dilation, reads, strict=True
            ):
                position = q * s + t * d - before
                if layer.padding_mode == "circular":
                    position %= n
                where.append(position // a if position % a == 0 and 0 <= position // a < n else None)
            if None in where:
                continue
            output, read = (place, tuple(where)) if forward else (tuple(where), place)
            for o in range(outs):
                for i in range(ins):
                    group = o // (outs // layer.groups)
                    if group == i // (ins // layer.groups):
                        within = (o, i % (ins // layer.groups)) if forward else (o % (outs // layer.groups), i)
                        C[(o, *output, i, *read)] += weight[at(*within, tap)]
    return C.reshape(layer.matrix_shape)
