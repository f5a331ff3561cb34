"""The call of a convolution in each framework."""

from collections.abc import Callable, Mapping
from typing import Any

from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.comparison.calls import (
    CAPITALS,
    CHANNELS_LAST,
    COMMON,
    Call,
    ConvArguments,
    caffe_kwargs,
    convmatrix_kwargs,
    keep_layout,
    keras_padding,
    mxnet_kwargs,
    omit,
    onnx_kwargs,
    tensorflow_padding,
    theano_kwargs,
    to_layout,
    torch_kwargs,
    torch_module_kwargs,
)
from convmatrix.frameworks.legacy import caffe, mxnet, theano
from convmatrix.layers import Conv

__all__ = ["FORWARD"]


def _convmatrix(arguments: ConvArguments) -> Call:
    kwargs = convmatrix_kwargs(arguments)
    supported = frozenset(arguments.non_default()) - {"output_padding", "output_size"}
    return Call("Conv({})", Conv, kwargs, keep_layout, supported, (arguments.input_shape, arguments.weight_shape()))


def _torch(arguments: ConvArguments) -> Call:
    kwargs = {**torch_module_kwargs(arguments), "padding": arguments.padding_name({}) or arguments.padding_numbers}
    supported = COMMON | {"padding_mode"}
    return Call(
        f"torch.nn.Conv{arguments.ndim}d({{}})(x)",
        torch.conv,
        torch_kwargs(kwargs, arguments, supported),
        keep_layout,
        supported,
        (arguments.input_shape, arguments.weight_shape()),
        frozenset({"input_size"}),
    )


def _tensorflow(arguments: ConvArguments) -> Call:
    rows, cols = arguments.out_channels, arguments.in_channels // arguments.groups
    kwargs = {
        "input": arguments.input_shape_channels_last,
        "filters": (*arguments.kernel_size, cols, rows),
        "strides": arguments.stride,
        "padding": tensorflow_padding(arguments),
        "dilations": arguments.dilation,
    }
    kwargs = omit(kwargs, dilations=(1,) * arguments.ndim)
    functions: Mapping[int, Callable[..., Conv]]
    functions = {1: tensorflow.conv1d, 2: tensorflow.conv2d, 3: tensorflow.conv3d}
    function = functions.get(arguments.ndim, tensorflow.conv)
    if arguments.ndim == 1:
        kwargs = {{"strides": "stride"}.get(name, name): value for name, value in kwargs.items()}
    name = f"conv{arguments.ndim}d" if arguments.ndim in CHANNELS_LAST else "convolution"
    return Call(
        f"tf.nn.{name}(x, w, {{}})",
        function,
        kwargs,
        to_layout("*IO"),
        COMMON,
        (kwargs["input"], kwargs["filters"]),
        frozenset({"input", "filters"}),
    )


def _keras(arguments: ConvArguments) -> Call:
    kwargs = {
        "input_shape": arguments.input_shape_channels_last[1:],
        "filters": arguments.out_channels,
        "kernel_size": arguments.kernel_size,
        "strides": arguments.stride,
        "padding": keras_padding(arguments),
        "dilation_rate": arguments.dilation,
        "groups": arguments.groups,
    }
    kwargs = omit(kwargs, dilation_rate=(1,) * arguments.ndim, groups=1)
    return Call(
        f"keras.layers.Conv{arguments.ndim}D({{}})(x)",
        tensorflow.keras_conv,
        kwargs,
        to_layout("*IO"),
        COMMON,
        (arguments.input_shape_channels_last, arguments.weight_shape_channels_last),
        frozenset({"input_shape"}),
    )


def _jax(arguments: ConvArguments) -> Call:
    kwargs: dict[str, Any]
    kwargs = {
        "lhs": arguments.input_shape,
        "rhs": arguments.weight_shape(),
        "window_strides": arguments.stride,
        "padding": arguments.padding_name(CAPITALS) or arguments.padding,
        "lhs_dilation": arguments.input_dilation,
        "rhs_dilation": arguments.dilation,
        "feature_group_count": arguments.groups,
    }
    ones = (1,) * arguments.ndim
    kwargs = omit(kwargs, lhs_dilation=ones, rhs_dilation=ones, feature_group_count=1)
    return Call(
        "jax.lax.conv_general_dilated(x, w, {})",
        jax.conv,
        kwargs,
        keep_layout,
        COMMON | {"input_dilation"},
        (kwargs["lhs"], kwargs["rhs"]),
        frozenset({"lhs", "rhs"}),
    )


def _flax(arguments: ConvArguments) -> Call:
    padding: Any = arguments.padding_name({**CAPITALS, "causal": "CAUSAL"}) or arguments.padding
    if arguments.padding_mode in ("circular", "reflect"):  # these names replace SAME
        padding = arguments.padding_mode.upper() if padding == "SAME" else padding
    kwargs = {
        "input_size": arguments.input_size,
        "in_features": arguments.in_channels,
        "out_features": arguments.out_channels,
        "kernel_size": arguments.kernel_size,
        "strides": arguments.stride,
        "padding": padding,
        "input_dilation": arguments.input_dilation,
        "kernel_dilation": arguments.dilation,
        "feature_group_count": arguments.groups,
    }
    ones = (1,) * arguments.ndim
    kwargs = omit(kwargs, input_dilation=ones, kernel_dilation=ones, feature_group_count=1)
    supported = COMMON | {"input_dilation"} | ({"padding_mode"} if padding in ("CIRCULAR", "REFLECT") else set())
    return Call(
        "flax.nnx.Conv({}, rngs=rngs)(x)",
        jax.flax_conv,
        kwargs,
        to_layout("*IO"),
        supported,
        (arguments.input_shape_channels_last, arguments.weight_shape_channels_last),
        frozenset({"input_size"}),
    )


def _onnx(arguments: ConvArguments) -> Call:
    kwargs = {"X": arguments.input_shape, "W": arguments.weight_shape(), **onnx_kwargs(arguments)}
    return Call("onnx Conv({})", onnx.conv, kwargs, keep_layout, COMMON, (kwargs["X"], kwargs["W"]), frozenset("XW"))


def _theano(arguments: ConvArguments) -> Call:
    shapes = (arguments.input_shape, arguments.weight_shape())
    kwargs = {
        "input_shape": arguments.input_shape,
        "filter_shape": arguments.weight_shape(),
        **theano_kwargs(arguments),
    }
    if arguments.ndim == 1 and kwargs["border_mode"] == "causal":  # the only one of one axis; it takes single numbers
        kwargs = {
            name: value[0] if name in ("subsample", "filter_dilation") else value
            for name, value in kwargs.items()
            if name != "border_mode"
        }
        return Call(
            "theano.tensor.nnet.abstract_conv.causal_conv1d(x, w, {})",
            theano.causal_conv1d,
            kwargs,
            keep_layout,
            COMMON,
            shapes,
            frozenset({"input_shape"}),
        )
    return Call(
        f"theano.tensor.nnet.conv{arguments.ndim}d(x, w, {{}})",
        theano.conv,
        kwargs,
        keep_layout,
        COMMON,
        shapes,
        frozenset({"input_shape", "filter_shape"}),
    )


def _mxnet(arguments: ConvArguments) -> Call:
    kwargs = {**mxnet_kwargs(arguments), "no_bias": True}
    return Call(
        "mxnet.nd.Convolution(x, w, {})",
        mxnet.conv,
        kwargs,
        keep_layout,
        COMMON,
        (arguments.input_shape, arguments.weight_shape()),
        frozenset({"data"}),
        padding_names=False,
    )


def _caffe(arguments: ConvArguments) -> Call:
    return Call(
        "caffe.layers.Convolution(x, {})",
        caffe.conv,
        caffe_kwargs(arguments),
        keep_layout,
        COMMON,
        (arguments.input_shape, arguments.weight_shape()),
        frozenset({"bottom"}),
        padding_names=False,
    )


FORWARD: Mapping[str, Callable[[ConvArguments], Call]] = {
    "convmatrix": _convmatrix,
    "torch": _torch,
    "tensorflow": _tensorflow,
    "keras": _keras,
    "jax": _jax,
    "flax": _flax,
    "onnx": _onnx,
    "theano": _theano,
    "mxnet": _mxnet,
    "caffe": _caffe,
}
"""For each framework the function that makes its call of a convolution."""
