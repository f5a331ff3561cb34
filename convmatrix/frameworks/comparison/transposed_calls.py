"""The call of a transposed convolution in each framework."""

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
from convmatrix.layers import ConvTranspose

__all__ = ["TRANSPOSED"]


def _convmatrix(arguments: ConvArguments) -> Call:
    supported = frozenset(arguments.non_default())
    shapes = (arguments.input_shape, arguments.weight_shape(transpose=True))
    return Call("ConvTranspose({})", ConvTranspose, convmatrix_kwargs(arguments), keep_layout, supported, shapes)


def _torch(arguments: ConvArguments) -> Call:
    kwargs = {
        **torch_module_kwargs(arguments),
        "padding": arguments.padding_name({}) or arguments.padding_numbers,
        "output_padding": arguments.output_padding,
        "output_size": arguments.output_size,
    }
    supported = COMMON | {"output_padding", "output_size", "padding_mode"}
    size_argument = "" if arguments.output_size is None else f", output_size={list(arguments.output_size)}"
    return Call(
        f"torch.nn.ConvTranspose{arguments.ndim}d({{}})(x{size_argument})",
        torch.conv_transpose,
        torch_kwargs(kwargs, arguments, supported),
        keep_layout,
        supported,
        (arguments.input_shape, arguments.weight_shape(transpose=True)),
        frozenset({"input_size", "output_size"}),
    )


def _tensorflow(arguments: ConvArguments) -> Call:
    output = None if arguments.output_size is None else (1, *arguments.output_size, arguments.out_channels)
    kwargs = {
        "input": arguments.input_shape_channels_last,
        "filters": (*arguments.kernel_size, arguments.out_channels, arguments.in_channels),
        "output_shape": output,
        "strides": arguments.stride,
        "padding": tensorflow_padding(arguments),
        "dilations": arguments.dilation,
    }
    kwargs = omit(kwargs, output_shape=None, dilations=(1,) * arguments.ndim)
    name = f"conv{arguments.ndim}d" if arguments.ndim in CHANNELS_LAST else "conv"
    return Call(
        f"tf.nn.{name}_transpose(x, w, {{}})",
        tensorflow.conv_transpose,
        kwargs,
        to_layout("*OI", "IO*"),
        frozenset({"dilation", "output_size"}),
        (kwargs["input"], kwargs["filters"]),
        frozenset({"input", "filters"}),
        size_keyword="output_shape",
    )


def _keras(arguments: ConvArguments) -> Call:
    kwargs = {
        "input_shape": arguments.input_shape_channels_last[1:],
        "filters": arguments.out_channels,
        "kernel_size": arguments.kernel_size,
        "strides": arguments.stride,
        "padding": keras_padding(arguments),
        "output_padding": arguments.output_padding,
        "dilation_rate": arguments.dilation,
    }
    kwargs = omit(kwargs, dilation_rate=(1,) * arguments.ndim, output_padding=(0,) * arguments.ndim)
    return Call(
        f"keras.layers.Conv{arguments.ndim}DTranspose({{}})(x)",
        tensorflow.keras_conv_transpose,
        kwargs,
        to_layout("*OI", "IO*"),
        frozenset({"dilation", "output_padding"}),
        (arguments.input_shape_channels_last, (*arguments.kernel_size, arguments.out_channels, arguments.in_channels)),
        frozenset({"input_shape"}),
    )


def _jax(arguments: ConvArguments, transpose_kernel: bool = False) -> Call:
    channels = (
        (arguments.out_channels, arguments.in_channels)
        if transpose_kernel
        else (arguments.in_channels, arguments.out_channels)
    )
    kwargs: dict[str, Any] = {
        "lhs": arguments.input_shape_channels_last,
        "rhs": (*arguments.kernel_size, *channels),
        "strides": arguments.stride,
        "padding": arguments.padding_name(CAPITALS) or arguments.padding,
        "rhs_dilation": arguments.dilation,
    }
    kwargs = omit(kwargs, rhs_dilation=(1,) * arguments.ndim)
    if transpose_kernel:
        kwargs["transpose_kernel"] = True
    weight = to_layout("*OI" if transpose_kernel else "*IO", "IO*")
    return Call(
        "jax.lax.conv_transpose(x, w, {})",
        jax.conv_transpose,
        kwargs,
        weight,
        frozenset({"dilation"}),
        (kwargs["lhs"], kwargs["rhs"]),
        frozenset({"lhs", "rhs"}),
    )


def _jax_transpose_kernel(arguments: ConvArguments) -> Call:
    return _jax(arguments, transpose_kernel=True)


def _flax(arguments: ConvArguments) -> Call:
    padding: Any = arguments.padding_name(CAPITALS) or arguments.padding
    if arguments.padding_mode == "circular" and padding == "SAME":
        padding = "CIRCULAR"
    kwargs = {
        "input_size": arguments.input_size,
        "in_features": arguments.in_channels,
        "out_features": arguments.out_channels,
        "kernel_size": arguments.kernel_size,
        "strides": arguments.stride,
        "padding": padding,
        "kernel_dilation": arguments.dilation,
    }
    kwargs = omit(kwargs, kernel_dilation=(1,) * arguments.ndim)
    supported = frozenset({"dilation"} | ({"padding_mode"} if padding == "CIRCULAR" else set()))
    return Call(
        "flax.nnx.ConvTranspose({}, rngs=rngs)(x)",
        jax.flax_conv_transpose,
        kwargs,
        to_layout("*IO", "IO*"),
        supported,
        (arguments.input_shape_channels_last, (*arguments.kernel_size, arguments.in_channels, arguments.out_channels)),
        frozenset({"input_size"}),
    )


def _onnx(arguments: ConvArguments) -> Call:
    kwargs = {
        "X": arguments.input_shape,
        "W": arguments.weight_shape(transpose=True),
        **onnx_kwargs(arguments),
        "output_padding": arguments.output_padding,
        "output_shape": arguments.output_size,
    }
    kwargs = omit(kwargs, output_padding=(0,) * arguments.ndim, output_shape=None)
    supported = COMMON | {"output_padding", "output_size"}
    return Call(
        "onnx ConvTranspose({})",
        onnx.conv_transpose,
        kwargs,
        keep_layout,
        supported,
        (kwargs["X"], kwargs["W"]),
        frozenset("XW"),
    )


def _theano(arguments: ConvArguments) -> Call:
    shapes = (arguments.input_shape, arguments.weight_shape(transpose=True))
    output = None if arguments.output_size is None else (1, arguments.out_channels, *arguments.output_size)
    kwargs = {
        "output_grad": arguments.input_shape,
        "filters": arguments.weight_shape(transpose=True),
        "input_shape": output,
        **theano_kwargs(arguments),
    }
    kwargs = omit(kwargs, input_shape=None)
    return Call(
        f"theano.tensor.nnet.abstract_conv.conv{arguments.ndim}d_grad_wrt_inputs(x, w, {{}})",
        theano.conv_transpose,
        kwargs,
        keep_layout,
        COMMON | {"output_size"},
        shapes,
        frozenset({"output_grad", "filters"}),
        size_keyword="input_shape",
    )


def _mxnet(arguments: ConvArguments) -> Call:
    kwargs = {**mxnet_kwargs(arguments), "adj": arguments.output_padding, "target_shape": arguments.output_size}
    kwargs = omit(kwargs, adj=(0,) * arguments.ndim, target_shape=None)
    return Call(
        "mxnet.nd.Deconvolution(x, w, {})",
        mxnet.conv_transpose,
        kwargs,
        keep_layout,
        COMMON | {"output_padding", "output_size"},
        (arguments.input_shape, arguments.weight_shape(transpose=True)),
        frozenset({"data"}),
        padding_names=False,
    )


def _caffe(arguments: ConvArguments) -> Call:
    return Call(
        "caffe.layers.Deconvolution(x, convolution_param=dict({}))",
        caffe.conv_transpose,
        caffe_kwargs(arguments),
        keep_layout,
        COMMON,
        (arguments.input_shape, arguments.weight_shape(transpose=True)),
        frozenset({"bottom"}),
        padding_names=False,
    )


TRANSPOSED: Mapping[str, Callable[[ConvArguments], Call]] = {
    "convmatrix": _convmatrix,
    "torch": _torch,
    "tensorflow": _tensorflow,
    "keras": _keras,
    "jax": _jax,
    "jax, transpose_kernel": _jax_transpose_kernel,
    "flax": _flax,
    "onnx": _onnx,
    "theano": _theano,
    "mxnet": _mxnet,
    "caffe": _caffe,
}
"""For each framework, and each of its conventions, the function that makes its call of a transposed convolution."""
