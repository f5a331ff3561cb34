"""Layers by the arguments of Keras' Conv, ConvTranspose and DepthwiseConv, after the shape of one input."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from convmatrix.core.axis import split_same
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of
from convmatrix.frameworks.tensorflow.arguments import (
    keras_padding,
    one_each,
    range_text,
    refuse_stride_beside_dilation,
)
from convmatrix.frameworks.tensorflow.weights import FILTERS, TRANSPOSED_FILTERS, depthwise_filters
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import PerAxis, check_word, positive

__all__ = [
    "NAMES",
    "data_format_of",
    "keras_conv",
    "keras_conv_transpose",
    "keras_depthwise_conv",
    "transposed_layer",
]

NAMES: Mapping[str, str] = {
    "input_size": "input_shape",
    "stride": "strides",
    "dilation": "dilation_rate",
    "out_channels": "filters",
    "add # to the padding": "use padding 'same'",
}
"""Names of a layer's arguments in Keras."""


# -- layers ----------------------------------------------------------------------------------------------------------


@takes_weight
def keras_conv(
    input_shape: Any,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of Keras' Conv1D, Conv2D or Conv3D.

    Parameters
    ----------
    input_shape : (*size, in_channels) sequence of int
        Without a batch; channels first where data_format says so.
    filters : int
    kernel_size, strides, dilation_rate : int or sequence of int
    padding : {"valid", "same", "causal"}
        Causal for one axis.
    data_format : {"channels_last", "channels_first"}, optional
    groups : int, default 1
    weight : (*kernel_size, in_channels // groups, filters) array_like, optional
        The kernel of the layer.

    Returns
    -------
    Conv
    WithWeight
        With `weight`, the pair of the layer and Keras' kernel in its layout.

    Raises
    ------
    ValueError
        For what Keras refuses; a TypeError as well where an argument is not of its kind.

    References
    ----------
    .. [1] Keras, documentation of Conv1D, Conv2D and Conv3D.

    Examples
    --------
    >>> keras_conv((10, 4), 8, 3, padding="causal", dilation_rate=2).padding
    ((4, 0),)
    """
    size, channels = _size_and_channels(input_shape, data_format, most=3)
    ndim = len(size)
    stride, dilation = one_each("strides", strides, ndim), one_each("dilation_rate", dilation_rate, ndim)
    refuse_stride_beside_dilation(f"Keras' Conv{ndim}D", stride, dilation, name="dilation_rate")
    kernel, name = one_each("kernel_size", kernel_size, ndim), keras_padding(padding, causal=ndim == 1)
    checked = check_groups("groups", groups, {"the channels of input_shape": channels, "filters": filters})
    with argument_names(NAMES):
        layer = Conv(
            size,
            kernel,
            stride=stride,
            dilation=dilation,
            padding=name,
            groups=checked,
            in_channels=channels,
            out_channels=filters,
        )
    return with_weight(layer, weight, FILTERS)


@takes_weight
def keras_conv_transpose(
    input_shape: Any,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    padding: str = "valid",
    output_padding: PerAxis | None = None,
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer of Keras' Conv1DTranspose, Conv2DTranspose or Conv3DTranspose.

    Without output_padding an axis has i * s outputs for same and (i - 1) * s + max(k_e, s) for valid; with it,
    (i - 1) * s + k_e % 2 + output_padding and (i - 1) * s + k_e + output_padding. The pads of same follow from that, so
    that None and a number may give one size and other values than a shift of zero.

    Parameters
    ----------
    input_shape, filters, kernel_size, strides, data_format, dilation_rate
        As for `keras_conv`.
    padding : {"valid", "same"}
    output_padding : int or sequence of int, optional
        Less than the stride.
    weight : (*kernel_size, filters, in_channels) array_like, optional
        The kernel of the layer.

    Returns
    -------
    ConvTranspose
    WithWeight
        With `weight`, the pair of the layer and the kernel of Keras' transposed layer in its layout.

    Raises
    ------
    ValueError
        For what Keras refuses, on TensorFlow; a TypeError as well where an argument is not of its kind.

    References
    ----------
    .. [1] Keras, documentation of Conv2DTranspose; its sizes are those of the code,
       keras/src/backend/common/backend_utils.py.

    Examples
    --------
    >>> keras_conv_transpose((4, 1), 1, 3, strides=2, padding="same").output_size
    (8,)
    >>> keras_conv_transpose((4, 1), 1, 3, strides=2, padding="same", output_padding=0).output_size
    (7,)
    """
    up = transposed_layer(
        input_shape, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate
    )
    if output_padding is not None and keras_padding(padding) == "same":
        for number, (axis, size, outputs) in enumerate(zip(up.axes, up.input_size, up.output_size, strict=True)):
            if outputs == (size - 1) * axis.stride:
                raise ValueError(
                    f"output_padding 0 on axis {number} gives {outputs} outputs (= (input_shape {size} - "
                    f"1) * strides {axis.stride} + span {axis.span} % 2 + output_padding 0), of which the "
                    f"convolution makes {size - 1}, so that TensorFlow refuses it: leave "
                    f"output_padding out, which gives {size * axis.stride} outputs"
                    + (f", or give {range_text(range(1, axis.stride))}" if axis.stride > 1 else "")
                )
    return with_weight(up, weight, TRANSPOSED_FILTERS)


@takes_weight
def keras_depthwise_conv(
    input_shape: Any,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    padding: str = "valid",
    depth_multiplier: int = 1,
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of Keras' DepthwiseConv1D or DepthwiseConv2D.

    Parameters
    ----------
    input_shape, kernel_size, strides, data_format, dilation_rate
        As for `keras_conv`.
    padding : {"valid", "same"}
    depth_multiplier : int, default 1
    weight : (*kernel_size, in_channels, depth_multiplier) array_like, optional
        The kernel of the layer.

    Returns
    -------
    Conv
        Its weight is that of ``weight(w, depthwise=True)``.
    WithWeight
        With `weight`, the pair of the layer and Keras' depthwise kernel in its layout.

    Raises
    ------
    ValueError
        As for `keras_conv`; also for three axes.

    References
    ----------
    .. [1] Keras, documentation of DepthwiseConv1D and DepthwiseConv2D.

    Examples
    --------
    >>> keras_depthwise_conv((8, 8, 3), 3, strides=2, padding="same", depth_multiplier=2).output_shape
    (6, 4, 4)
    """
    size, channels = _size_and_channels(input_shape, data_format, most=2)
    ndim = len(size)
    kernel, stride = one_each("kernel_size", kernel_size, ndim), one_each("strides", strides, ndim)
    dilation, name = one_each("dilation_rate", dilation_rate, ndim), keras_padding(padding)
    outputs = channels * positive("depth_multiplier", depth_multiplier)
    with argument_names(NAMES):
        layer = Conv(
            size,
            kernel,
            stride=stride,
            padding=name,
            dilation=dilation,
            groups=channels,
            in_channels=channels,
            out_channels=outputs,
        )
    return with_weight(layer, weight, depthwise_filters(channels))


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _size_and_channels(input_shape: Any, data_format: str | None, most: int) -> tuple[tuple[int, ...], int]:
    """Return the size and the channels of one input."""
    shape = shape_of("input_shape", input_shape, unknown=True)
    if None in shape:
        raise ValueError(f"input_shape has None on axis {shape.index(None)}, {shape}: give sizes, without a batch")
    if not 2 <= len(shape) <= most + 1:
        raise ValueError(f"input_shape must have 1 to {most} sizes and the channels, without a batch, got {shape}")
    numbers = [positive(f"input_shape, axis {axis},", length) for axis, length in enumerate(shape)]
    if data_format_of(data_format) == "channels_first":
        return tuple(numbers[1:]), numbers[0]
    return tuple(numbers[:-1]), numbers[-1]


def data_format_of(data_format: Any) -> str:
    """Return the data format in small letters, as Keras checks it; channels last by default.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    str
        One of the two formats.

    Raises
    ------
    ValueError
        If the data format is none of these; a TypeError as well if it is no string.

    Examples
    --------
    >>> data_format_of(None), data_format_of("Channels_First")
    ('channels_last', 'channels_first')
    """
    if data_format is None:
        return "channels_last"
    word = data_format.lower() if isinstance(data_format, str) else data_format
    check_word("data_format", word, ("channels_last", "channels_first"))
    return str(word)


def transposed_layer(
    input_shape: Any,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis,
    padding: str,
    output_padding: PerAxis | None,
    data_format: str | None,
    dilation_rate: PerAxis,
) -> ConvTranspose:
    """Make a transposed layer that some backend of Keras accepts; TensorFlow accepts fewer.

    Parameters
    ----------
    input_shape, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate
        As for `keras_conv_transpose`.

    Returns
    -------
    ConvTranspose

    Raises
    ------
    ValueError
        For what all backends refuse; a TypeError as well where an argument is not of its kind.

    Examples
    --------
    >>> transposed_layer((4, 1), 1, 3, 1, "same", 0, None, 1).output_size
    (4,)
    """
    size, channels = _size_and_channels(input_shape, data_format, most=3)
    ndim = len(size)
    kernel, stride = one_each("kernel_size", kernel_size, ndim), one_each("strides", strides, ndim)
    dilation, name = one_each("dilation_rate", dilation_rate, ndim), keras_padding(padding)
    refuse_stride_beside_dilation(f"Keras' Conv{ndim}DTranspose", stride, dilation, name="dilation_rate")
    crops: Any = name
    beyond = [0] * ndim
    if output_padding is not None:
        extra = one_each("output_padding", output_padding, ndim, least=0)
        for axis, (more, s) in enumerate(zip(extra, stride, strict=True)):
            if more >= s:
                remedy = f"give 0 to {s - 1}, or larger strides" if s > 1 else "give 0, or larger strides"
                raise ValueError(
                    f"output_padding {more} on axis {axis} must be less than strides, {s}: {remedy}, or leave it out"
                )
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        # Elements to crop from the full result; a negative number appends zeros.
        kept = [span + more if name == "valid" else span % 2 + more for span, more in zip(spans, extra, strict=True)]
        crops = [split_same(max(span - k, 0), lower=False) for span, k in zip(spans, kept, strict=True)]
        beyond = [max(k - span, 0) for span, k in zip(spans, kept, strict=True)]
    outputs = positive("filters", filters)
    with argument_names(NAMES):
        return ConvTranspose(
            size,
            kernel,
            stride=stride,
            padding=crops,
            dilation=dilation,
            in_channels=channels,
            out_channels=outputs,
            output_padding=beyond,
        )
