"""TensorFlow's and Keras' words: `tf.nn.convolution` and its kin, Keras' layers, and models of these.

Data is channels last unless `data_format` says otherwise, kernels are (*kernel, in // groups, out), those of transposed
layers (*kernel, out // groups, in), and no kernel is turned. A SAME padding puts the odd element at the end.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np  # noqa: F401  the examples use it
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.axis import input_sizes, split_same
from convmatrix.core.errors import WrongTypeError, counted, short
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import moved, shape_of, sizes_in, weight_of
from convmatrix.frameworks.shared.loaded import Chain, Loaded, MissingValues, Values, attributes_of
from convmatrix.frameworks.tensorflow.models import check_call, keras_padding, one_each, read_model
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, flag, integer, per_axis, positive

__all__ = [
    "RULES",
    "conv",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose",
    "depthwise_conv",
    "depthwise_weight",
    "from_layer",
    "from_model",
    "keras_conv",
    "keras_conv_transpose",
    "keras_depthwise_conv",
    "weight",
    "weight_transpose",
]

RULES: Mapping[str, str] = {
    "data": "NWC, NHWC or NDHWC; with data_format NCW, NCHW or NCDHW channels first (tf.nn.convolution). Keras: "
            "channels_last or channels_first.",
    "weight": "(*kernel, in // groups, out), whatever the data_format (tf.nn.convolution); depthwise (*kernel, in, "
              "multiplier).",
    "transposed weight": "(*kernel, out // groups, in), the array of the forward convolution (tf.nn.conv2d_transpose).",
    "kernel": "Not turned: a convolution is a cross-correlation, and a transposed one has the transposed matrix.",
    "padding": "SAME or VALID; explicit pairs, with those of batch and channels, for two axes alone (tf.nn.conv2d). "
               "Keras: same, valid, and causal for one axis.",
    "same": "Output size ceil(i / s), for any stride; of the pads max((o - 1) * s + k_e - i, 0) the odd element goes "
            "to the end (tf.nn, notes on padding).",
    "transposed padding": "The pads of the forward convolution from output_shape to the input: they crop. SAME "
                          "computes them from output_shape.",
    "output size": "output_shape has to be given, and must lead back to the input (tf.nn.conv_transpose). Keras "
                   "chooses i * s for same and (i - 1) * s + max(k_e, s) for valid; with output_padding (i - 1) * s + "
                   "k_e % 2 + output_padding and (i - 1) * s + k_e + output_padding.",
    "groups": "Not said but counted: channels of the input by those of the filters (tf.nn.convolution). Keras says "
              "groups, for its forward layers.",
    "refused": "Strides and dilations both above 1 in tf.nn.convolution and Keras' layers, but not in tf.nn.conv2d; a "
               "Keras output_padding of a stride or more; with same, an even span and output_padding 0.",
}  # fmt: skip
"""TensorFlow 2.21 and Keras 3.15 in short sentences."""

_DATA_FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
_PADDINGS = {"SAME": "same", "VALID": "valid"}

_NAMES: Mapping[str, str] = {
    "input_size": "size of input", "kernel_size": "size of filters", "stride": "strides", "dilation": "dilations",
    "output_size": "output_shape", "padding 'same'": "padding 'SAME'", "padding 'valid'": "padding 'VALID'",
}  # fmt: skip
"""What tf.nn calls the arguments of a layer."""

_NAMES_OF_KERAS: Mapping[str, str] = {
    "input_size": "input_shape", "stride": "strides", "dilation": "dilation_rate", "out_channels": "filters",
    "add # to the padding": "use padding 'same'",
}  # fmt: skip


# -- tf.nn -----------------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    input: Any,
    filters: Any,
    strides: PerAxis | None = None,
    padding: Any = "VALID",
    data_format: str | None = None,
    dilations: PerAxis | None = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of `tf.nn.convolution`.

    Parameters
    ----------
    input : (*batch, *size, in_channels) array_like, or its shape
        Channels stand after the batch where data_format begins with NC.
    filters : (*kernel_size, in_channels // groups, out_channels) array_like, or its shape
    strides, dilations : int or sequence of int, optional
        For all axes, for each, or for each with those of batch and channels, which are 1.
    padding : {"VALID", "SAME"}, or pairs
        Pairs of batch and channels are (0, 0); only `tf.nn.conv2d` takes pairs.
    data_format : str, optional
    weight : (*kernel_size, in_channels // groups, out_channels) array_like, optional
        The values of filters.

    Returns
    -------
    Conv
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        For what TensorFlow refuses; a TypeError as well where an argument is not of its kind. An empty output too.

    References
    ----------
    .. [1] TensorFlow, documentation of tf.nn.convolution and tf.nn.conv2d.

    Examples
    --------
    >>> conv((1, 224, 224, 3), (7, 7, 3, 64), strides=2, padding="SAME").padding
    ((2, 3), (2, 3))
    """  # noqa: DOC502  raised by the checks below and by the layer
    together = not isinstance(padding, str)
    layer = _forward(input, filters, strides, padding, data_format, dilations, together=together)
    return with_weight(layer, weight, _laid_out)


@takes_weight
def conv1d(
    input: Any,
    filters: Any,
    stride: PerAxis,
    padding: str,
    data_format: str | None = "NWC",
    dilations: PerAxis | None = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of `tf.nn.conv1d`, where a stride may stand beside a dilation.

    Parameters
    ----------
    input, filters, stride, padding, data_format, dilations, weight
        As for `conv`.

    Returns
    -------
    Conv
    WithWeight
        As for `conv`.

    Raises
    ------
    ValueError
        As for `conv`.

    Examples
    --------
    >>> conv1d((1, 8, 1), (3, 1, 1), 2, "SAME", dilations=2).padding
    ((1, 2),)
    """  # noqa: DOC502  raised by the checks below and by the layer
    with argument_names({"strides": "stride"}):
        layer = _forward(input, filters, stride, padding, data_format, dilations, ndim=1)
    return with_weight(layer, weight, _laid_out)


@takes_weight
def conv2d(
    input: Any,
    filters: Any,
    strides: PerAxis,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: PerAxis | None = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of `tf.nn.conv2d`, where a stride may stand beside a dilation, and padding may be pairs.

    Parameters
    ----------
    input, filters, strides, padding, data_format, dilations, weight
        As for `conv`.

    Returns
    -------
    Conv
    WithWeight
        As for `conv`.

    Raises
    ------
    ValueError
        As for `conv`.

    Examples
    --------
    >>> conv2d((1, 4, 4, 1), (3, 3, 1, 1), 1, [[0, 0], [1, 0], [0, 1], [0, 0]]).output_size
    (3, 3)
    """  # noqa: DOC502  raised by the checks below and by the layer
    return with_weight(_forward(input, filters, strides, padding, data_format, dilations, ndim=2), weight, _laid_out)


@takes_weight
def conv3d(
    input: Any,
    filters: Any,
    strides: PerAxis,
    padding: str,
    data_format: str | None = "NDHWC",
    dilations: PerAxis | None = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of `tf.nn.conv3d`, whose strides and dilations have an entry for batch and channels too.

    Parameters
    ----------
    input, filters, strides, padding, data_format, dilations, weight
        As for `conv`.

    Returns
    -------
    Conv
    WithWeight
        As for `conv`.

    Raises
    ------
    WrongTypeError
        Where strides or dilations have other than five entries.
    ValueError
        As for `conv`.

    Examples
    --------
    >>> conv3d((1, 4, 4, 4, 1), (3, 3, 3, 1, 1), [1, 2, 2, 2, 1], "SAME").output_size
    (2, 2, 2)
    """  # noqa: DOC502  raised by the checks below and by the layer
    for name, value in (("strides", strides), ("dilations", [1] * 5 if dilations is None else dilations)):
        if len(entries_of(value) or ()) != 5:
            raise WrongTypeError(f"{name} of tf.nn.conv3d must have five entries, [1, d, h, w, 1], got {short(value)}")
    return with_weight(_forward(input, filters, strides, padding, data_format, dilations, ndim=3), weight, _laid_out)


@takes_weight
def conv_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: PerAxis,
    padding: Any = "SAME",
    data_format: str | None = None,
    dilations: PerAxis | None = None,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer of `tf.nn.conv_transpose`: `conv1d_transpose`, `conv2d_transpose` and `conv3d_transpose`.

    Parameters
    ----------
    input : (batch, *size, in_channels) array_like, or its shape
    filters : (*kernel_size, out_channels // groups, in_channels) array_like, or its shape
    output_shape : (batch, *output_size, out_channels) sequence of int
        Of the result; the forward convolution has to lead from it to the input.
    strides, padding, data_format, dilations
        As for `conv`; all of the forward convolution.
    weight : (*kernel_size, out_channels // groups, in_channels) array_like, optional
        The values of filters.

    Returns
    -------
    ConvTranspose
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        For what TensorFlow refuses; a TypeError as well where an argument is not of its kind.

    References
    ----------
    .. [1] TensorFlow, documentation of tf.nn.conv_transpose and tf.nn.conv2d_transpose.

    Examples
    --------
    >>> conv_transpose((1, 4, 1), (3, 1, 1), (1, 8, 1), 2).padding
    ((0, 1),)
    >>> conv_transpose((1, 4, 1), (3, 1, 1), (1, 7, 1), 2).padding
    ((1, 1),)
    """
    (*kernel, per_group, in_channels), ndim = _filters_of(filters)
    first = _channels_first(data_format, ndim, old_words=False)
    batch, size, channels = _split("input", input, ndim, first)
    if len(batch) != 1:
        raise ValueError(f"input of a transposed convolution must have {ndim + 2} axes, one of them for the batch, got "
                         f"{ndim + 1 + len(batch)}")  # fmt: skip
    if channels != in_channels:
        raise ValueError(f"input has {counted(channels, 'channel')} but filters, (*kernel, out, in), are for "
                         f"{in_channels}: the last axis of transposed filters is that of the input")  # fmt: skip
    wanted, output_size, out_channels = _split("output_shape", output_shape, ndim, first)
    if None not in (*batch, *wanted) and batch != wanted:
        raise ValueError(f"output_shape has a batch of {', '.join(map(str, wanted))} but input has {batch[0]}: give "
                         "the same")  # fmt: skip
    if out_channels % per_group:
        raise ValueError(f"output_shape has {counted(out_channels, 'channel')} but filters, (*kernel, out, in), have "
                         f"{per_group}: give a multiple of that")  # fmt: skip
    stride, dilation = _spatial("strides", strides, ndim, first), _spatial("dilations", dilations, ndim, first)
    pads = _padding(padding, ndim, first)
    groups = out_channels // per_group
    if channels % groups:
        raise ValueError(
            f"input has {counted(channels, 'channel')}, which is no multiple of {groups} (= {out_channels} channels "
            f"of output_shape / {per_group} of filters, (*kernel, out, in)): give filters with a larger out"
        )
    if isinstance(pads, str):
        for axis, numbers in enumerate(zip(size, kernel, stride, dilation, output_size, strict=True)):
            _check_output_shape(axis, pads, *numbers)
    with argument_names(_NAMES):
        layer = ConvTranspose(size, kernel, stride=stride, padding=pads, dilation=dilation, output_size=output_size,
                              groups=groups, in_channels=in_channels, out_channels=out_channels)  # fmt: skip
    return with_weight(layer, weight, _laid_out_transposed)


@takes_weight
def depthwise_conv(
    input: Any,
    filter: Any,
    strides: PerAxis,
    padding: Any,
    data_format: str | None = None,
    dilations: PerAxis | None = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of `tf.nn.depthwise_conv2d`: groups of one channel.

    Parameters
    ----------
    input : (batch, height, width, in_channels) array_like, or its shape
    filter : (height, width, in_channels, multiplier) array_like, or its shape
    strides : sequence of four int
        Those of batch and channels are 1. Two unequal ones TensorFlow computes only where it compiles.
    padding, data_format
        As for `conv`.
    dilations : sequence of two int, optional
    weight : (height, width, in_channels, multiplier) array_like, optional
        The values of filter.

    Returns
    -------
    Conv
        Its weight is that of `depthwise_weight`.
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    WrongTypeError
        Where strides or dilations are no sequences of four and two.
    ValueError
        For what else TensorFlow refuses.

    References
    ----------
    .. [1] TensorFlow, documentation of tf.nn.depthwise_conv2d.

    Examples
    --------
    >>> depthwise_conv((1, 8, 8, 3), (3, 3, 3, 2), [1, 2, 2, 1], "SAME").output_shape
    (6, 4, 4)
    """
    (*kernel, in_channels, multiplier), _ = _filters_of(filter, only=2, name="filter")
    first = _channels_first(data_format, 2)
    _, size, channels = _split("input", input, 2, first)
    if channels != in_channels:
        raise ValueError(f"input has {counted(channels, 'channel')} but filter, (height, width, in, multiplier), is "
                         f"for {in_channels}")  # fmt: skip
    if len(entries_of(strides) or ()) != 4:
        raise WrongTypeError(
            f"strides of tf.nn.depthwise_conv2d must have four entries, [1, s, s, 1], got {short(strides)}"
        )
    stride = _spatial("strides", strides, 2, first)
    if dilations is not None and len(entries_of(dilations) or ()) != 2:
        raise WrongTypeError(f"dilations of tf.nn.depthwise_conv2d must have two entries, got {short(dilations)}")
    dilation = _spatial("dilations", dilations, 2, first)
    _refuse_both("tf.nn.depthwise_conv2d", stride, dilation)
    pads = _padding(padding, 2, first)
    with argument_names({**_NAMES, "kernel_size": "size of filter", **_instead_of_numbers(padding)}):
        layer = Conv(size, kernel, stride=stride, padding=pads, dilation=dilation, groups=in_channels,
                     in_channels=in_channels, out_channels=in_channels * multiplier)  # fmt: skip
    return with_weight(layer, weight, _laid_out_depthwise, in_channels=in_channels)


def weight(w: ArrayLike, *, inverse: bool = False) -> NDArray[Any]:
    """Bring filters, or a Keras kernel, into our layout.

    Parameters
    ----------
    w : (*kernel_size, in_channels // groups, out_channels) array_like
    inverse : bool, default False
        Bring a weight of ours into the layout of filters instead.

    Returns
    -------
    (out_channels, in_channels // groups, *kernel_size) ndarray
        With `inverse`, of the shape that `w` has without it.

    Raises
    ------
    ValueError
        If it has fewer than two axes.

    Examples
    --------
    >>> weight(np.zeros((3, 5, 2, 8))).shape
    (8, 2, 3, 5)
    """  # noqa: DOC502  raised by the checks below and by the layer
    return _laid_out(weight_of(w), inverse=inverse)


def weight_transpose(w: ArrayLike, *, inverse: bool = False) -> NDArray[Any]:
    """Bring the filters of a transposed convolution, or a Keras kernel, into our layout.

    Parameters
    ----------
    w : (*kernel_size, out_channels // groups, in_channels) array_like
    inverse : bool, default False
        Bring a weight of ours into the layout of filters instead.

    Returns
    -------
    (in_channels, out_channels // groups, *kernel_size) ndarray
        With `inverse`, of the shape that `w` has without it.

    Raises
    ------
    ValueError
        If it has fewer than two axes.

    Examples
    --------
    >>> weight_transpose(np.zeros((3, 5, 2, 8))).shape
    (8, 2, 3, 5)
    """  # noqa: DOC502  raised by the checks below and by the layer
    return _laid_out_transposed(weight_of(w), inverse=inverse)


def depthwise_weight(w: ArrayLike, *, in_channels: int | None = None, inverse: bool = False) -> NDArray[Any]:
    """Bring a depthwise filter, or a Keras kernel, into our layout: a channel's multiples follow each other.

    Parameters
    ----------
    w : (*kernel_size, in_channels, multiplier) array_like
    in_channels : int, optional
        Needed by the inverse, since our weight has the channels and their multiples on one axis.
    inverse : bool, default False
        Bring a weight of ours into the layout of the filter instead.

    Returns
    -------
    (in_channels * multiplier, 1, *kernel_size) ndarray
        With `inverse`, of the shape that `w` has without it.

    Raises
    ------
    ValueError
        If it has fewer than two axes, or in_channels are not given for the inverse, or do not divide its first axis.

    Examples
    --------
    >>> depthwise_weight(np.zeros((3, 5, 4, 2))).shape
    (8, 1, 3, 5)
    """
    array = weight_of(w)
    if flag("inverse", inverse) and in_channels is None and array.ndim and array.shape[0] > 1:
        raise ValueError(f"in_channels are not given, but decide how the {array.shape[0]} channels on axis 0 of a "
                         f"weight of shape {array.shape} are in_channels and their multiples: give the number of "
                         "channels of the input")  # fmt: skip
    return _laid_out_depthwise(array, in_channels=1 if in_channels is None else in_channels, inverse=inverse)


def _laid_out(w: NDArray[Any], *, inverse: bool = False) -> NDArray[Any]:
    """Filters in the layout of a `Conv`, or back."""
    return moved(w, "OI*", "*IO") if flag("inverse", inverse) else moved(w, "*IO", "OI*")


def _laid_out_transposed(w: NDArray[Any], *, inverse: bool = False) -> NDArray[Any]:
    """Filters of a transposed convolution in the layout of a `ConvTranspose`, or back."""
    return moved(w, "IO*", "*OI") if flag("inverse", inverse) else moved(w, "*OI", "IO*")


def _laid_out_depthwise(w: NDArray[Any], *, in_channels: int, inverse: bool = False) -> NDArray[Any]:
    """A depthwise filter in the layout of a `Conv`, or back."""
    if not inverse:
        by_channels = moved(w, "*IM", "IM*")
        return by_channels.reshape(by_channels.shape[0] * by_channels.shape[1], 1, *by_channels.shape[2:])
    if w.ndim < 2 or w.shape[1] != 1 or w.shape[0] % positive("in_channels", in_channels):
        raise ValueError(f"weight has shape {w.shape} but a depthwise layer of {in_channels} input channels has "
                         f"(a multiple of {in_channels}, 1, *kernel_size)")  # fmt: skip
    return moved(w.reshape(in_channels, -1, *w.shape[2:]), "IM*", "*IM")


# -- Keras' words ----------------------------------------------------------------------------------------------------


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
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

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
    """  # noqa: DOC502  raised by the checks below and by the layer
    size, channels = _keras_input(input_shape, data_format, most=3)
    ndim = len(size)
    stride, dilation = one_each("strides", strides, ndim), one_each("dilation_rate", dilation_rate, ndim)
    _refuse_both(f"Keras' Conv{ndim}D", stride, dilation, name="dilation_rate")
    kernel, name = one_each("kernel_size", kernel_size, ndim), keras_padding(padding, causal=ndim == 1)
    checked = check_groups("groups", groups, {"the channels of input_shape": channels, "filters": filters})
    with argument_names(_NAMES_OF_KERAS):
        layer = Conv(size, kernel, stride=stride, dilation=dilation, padding=name, groups=checked,
                     in_channels=channels, out_channels=filters)  # fmt: skip
    return with_weight(layer, weight, _laid_out)


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
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

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
    up = _keras_transposed(
        input_shape, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate
    )
    if output_padding is not None and keras_padding(padding) == "same":
        for number, (axis, size, outputs) in enumerate(zip(up.axes, up.input_size, up.output_size, strict=True)):
            if outputs == (size - 1) * axis.stride:
                raise ValueError(f"output_padding 0 on axis {number} gives {outputs} outputs (= (input_shape {size} - "
                                 f"1) * strides {axis.stride} + span {axis.span} % 2 + output_padding 0), of which the "
                                 f"convolution makes {size - 1}, so that TensorFlow refuses it: leave "
                                 f"output_padding out, which gives {size * axis.stride} outputs"
                                 + (f", or give {_from_to(range(1, axis.stride))}" if axis.stride > 1 else "")
                )  # fmt: skip
    return with_weight(up, weight, _laid_out_transposed)


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
        Its weight is that of `depthwise_weight`.
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        For what Keras refuses; a TypeError as well where an argument is not of its kind.

    References
    ----------
    .. [1] Keras, documentation of DepthwiseConv1D and DepthwiseConv2D.

    Examples
    --------
    >>> keras_depthwise_conv((8, 8, 3), 3, strides=2, padding="same", depth_multiplier=2).output_shape
    (6, 4, 4)
    """  # noqa: DOC502  raised by the checks below and by the layer
    size, channels = _keras_input(input_shape, data_format, most=2)
    ndim = len(size)
    kernel, stride = one_each("kernel_size", kernel_size, ndim), one_each("strides", strides, ndim)
    dilation, name = one_each("dilation_rate", dilation_rate, ndim), keras_padding(padding)
    outputs = channels * positive("depth_multiplier", depth_multiplier)
    with argument_names(_NAMES_OF_KERAS):
        layer = Conv(size, kernel, stride=stride, padding=name, dilation=dilation, groups=channels,
                     in_channels=channels, out_channels=outputs)  # fmt: skip
    return with_weight(layer, weight, _laid_out_depthwise, in_channels=channels)


def _check_output_shape(axis: int, name: str, outputs: int, k: int, s: int, d: int, wanted: int) -> None:
    """Refuse a size that no convolution leads to the input, with the sizes that both names of a padding allow."""
    same, valid = range((outputs - 1) * s + 1, outputs * s + 1), input_sizes(outputs, d * (k - 1) + 1, s, 0, 1)
    if min(outputs, k, s, d) >= 1 and wanted not in (same if name == "same" else valid):
        also = f", dilations {d}" if d > 1 else ""
        raise ValueError(
            f"output_shape {wanted} on axis {axis} is none of the sizes that a convolution with size of filters {k}, "
            f"strides {s}{also} and padding {name.upper()!r} maps to the {outputs} of input: with 'SAME' those are "
            f"{_from_to(same)}, with 'VALID' {_from_to(valid)}"
        )


def _from_to(sizes: range) -> str:
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"


# -- Keras' objects --------------------------------------------------------------------------------------------------


def from_layer(obj: Any, input_size: PerAxis) -> Loaded:
    """Read a Keras convolution, transposed or depthwise convolution, on any of its backends.

    Its activation is not a part of the layer. Kernels of float16 and bfloat16 are widened to float32, without loss. A
    transposed layer that TensorFlow alone refuses, for an output_padding of 0, is read as the other backends compute
    it. Our matrix is channels first, whatever the object's data_format.

    Parameters
    ----------
    obj : Keras layer
        Built.
    input_size : int or sequence of int
        For all axes, or one for each; without channels.

    Returns
    -------
    Loaded
        The layer, its weight in our layout, and its bias; `MissingValues` in place of both if it is quantised.

    Raises
    ------
    ValueError
        If the object is none of these layers or has a call of its own (also a TypeError), is not built, or is refused
        by its words.

    References
    ----------
    .. [1] Keras, documentation of the convolution layers.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> layer = SimpleNamespace(kernel=np.ones((3, 1, 1)), bias=None, kernel_size=(3,), strides=(1,), padding="same",
    ...                         dilation_rate=(1,), data_format="channels_last", groups=1, filters=1)
    >>> from_layer(layer, 4).layer
    Conv(input_size=(4,), kernel_size=(3,), padding=((1, 1),))
    """
    if not getattr(obj, "built", True):
        check_call(obj)
        raise ValueError(_not_built(obj))
    return _read(obj, input_size)


def _not_built(obj: Any) -> str:
    return f"{type(obj).__name__} is not built, so it has no kernel yet: call it once, or its build(input_shape)"


def _read(obj: Any, input_size: PerAxis, channels: int | None = None) -> Loaded:
    """A convolution, and one that is not built by the channels that it is given."""
    kind = type(obj).__name__
    check_call(obj)
    if hasattr(obj, "pointwise_kernel"):
        raise ValueError(f"{kind} is two convolutions, a depthwise one and one of single taps: give each of them")
    built = getattr(obj, "built", True)
    names = ("kernel_size", "strides", "padding", "dilation_rate", "data_format")
    *_, taps, strides, padding, dilation, data_format = attributes_of(
        obj, ("kernel", *names) if built else names, "a Keras convolution"
    )
    kernel = _kernel(obj) if built else MissingValues(_not_built(obj), _shape_when_built(obj, channels))
    size = one_each("input_size", input_size, len(kernel.shape) - 2)
    words = {"kernel_size": taps, "strides": strides, "padding": padding, "dilation_rate": dilation}
    _check_data_format(data_format)
    *_, second, first = kernel.shape
    layer: Conv | ConvTranspose
    laid_out: Callable[[ArrayLike], NDArray[Any]]
    if hasattr(obj, "depth_multiplier"):
        layer = keras_depthwise_conv((*size, second), **words, depth_multiplier=first)
        laid_out = depthwise_weight
    elif hasattr(obj, "output_padding"):
        layer = _keras_transposed((*size, first), second, **words, data_format=None, output_padding=obj.output_padding)
        laid_out = weight_transpose
    else:
        (groups,) = attributes_of(obj, ("groups",), "a Keras convolution")
        layer = keras_conv((*size, second * groups), first, **words, groups=groups)
        laid_out = weight
    if isinstance(kernel, MissingValues):
        bias = MissingValues(kernel.reason, (layer.out_channels,)) if getattr(obj, "use_bias", True) else None
        return Loaded(layer, MissingValues(kernel.reason, layer.weight_shape), bias)
    bias = getattr(obj, "bias", None) if getattr(obj, "use_bias", True) else None
    with argument_names(_NAMES_OF_KERAS):
        ours = layer.checked_weight(laid_out(kernel))
    return Loaded(layer, ours, None if bias is None else weight_of(bias))


def _kernel(obj: Any) -> Values:
    """The kernel of a layer that is built, in Keras' layout."""
    mode = getattr(obj, "quantization_mode", None)
    if mode:
        return MissingValues(f"{type(obj).__name__} is quantized ({mode}): give the layer before that, whose kernel "
                             "has the numbers it multiplies", tuple(obj.kernel.shape))  # fmt: skip
    return weight_of(obj.kernel)


def _shape_when_built(obj: Any, channels: int | None) -> tuple[int, ...]:
    """The shape that the kernel will have for an input with these channels."""
    if channels is None:
        raise ValueError(_not_built(obj))
    taps = tuple(entries_of(obj.kernel_size) or ())
    if hasattr(obj, "depth_multiplier"):
        return (*taps, channels, obj.depth_multiplier)
    if hasattr(obj, "output_padding"):
        return (*taps, obj.filters, channels)
    return (*taps, channels // obj.groups, obj.filters)


def from_model(obj: Any, input_size: PerAxis | None = None, in_channels: int | None = None) -> Chain:
    """Read a Keras Sequential: its convolutions, pools, upsampling, zero padding and cropping.

    Activations, normalisation and dropout are passed over with a note, as is what flattens at the end. Zero padding and
    cropping are depthwise convolutions of a single tap.

    Parameters
    ----------
    obj : Sequential
        Sequentials in it are walked through. Layers that are not built have `MissingValues` in place of a weight.
    input_size : int or sequence of int, optional
        For all axes, or one for each; without it, that of the model's input_shape.
    in_channels : int, optional
        Where neither a convolution at the beginning nor the model's input_shape tells it.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        If the object is no Sequential or has a call of its own (also a TypeError), if a layer is refused, with its
        name, or if layers have different data formats.

    References
    ----------
    .. [1] Keras, documentation of the Sequential model and its layers.

    Examples
    --------
    >>> class AveragePooling1D:
    ...     name, pool_size, strides, padding, data_format = "mean", (2,), (2,), "valid", "channels_last"
    >>> class Sequential:
    ...     layers = (AveragePooling1D(),)
    >>> list(from_model(Sequential(), 6, in_channels=1))
    [AvgPool(input_size=(6,), kernel_size=(2,))]
    """  # noqa: DOC502  raised by the checks below and by the layer
    return read_model(obj, input_size, in_channels, _read)


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _forward(
    input: Any,
    filters: Any,
    strides: PerAxis | None,
    padding: Any,
    data_format: str | None,
    dilations: PerAxis | None,
    *,
    together: bool = True,
    ndim: int | None = None,
) -> Conv:
    """The convolution; `together` says whether a stride may stand beside a dilation."""
    (*kernel, per_group, out_channels), ndim = _filters_of(filters, only=ndim)
    first = _channels_first(data_format, ndim)
    _, size, channels = _split("input", input, ndim, first)
    if channels % per_group:
        raise ValueError(f"input has {counted(channels, 'channel')} but filters, (*kernel, in, out), are for "
                         f"{per_group}: give a multiple of that")  # fmt: skip
    stride, dilation = _spatial("strides", strides, ndim, first), _spatial("dilations", dilations, ndim, first)
    if not together:
        also = f": tf.nn.conv{ndim}d does take it, as conv{ndim}d" if ndim < 3 else ""
        _refuse_both("tf.nn.convolution", stride, dilation, also)
    groups = channels // per_group
    if out_channels % groups:
        raise ValueError(
            f"filters, (*kernel, in, out), have {out_channels} outputs, which is no multiple of {groups} (= {channels} "
            f"channels of input / {per_group} of filters): give filters with a multiple of {groups}"
        )
    pads = _padding(padding, ndim, first)
    with argument_names({**_NAMES, **_instead_of_numbers(padding)}):
        return Conv(size, kernel, stride=stride, padding=pads, dilation=dilation, groups=groups, in_channels=channels,
                    out_channels=out_channels)  # fmt: skip


def _instead_of_numbers(padding: Any) -> dict[str, str]:
    """What to advise where the padding is a name, to which no number can be added."""
    return {"add # to the padding": "use padding 'SAME'"} if isinstance(padding, str) else {}


def _filters_of(filters: Any, only: int | None = None, name: str = "filters") -> tuple[tuple[int, ...], int]:
    """The shape of filters, and their number of spatial axes."""
    shape = shape_of(name, filters)
    ndim = len(shape) - 2
    allowed = (1, 2, 3) if only is None else (only,)
    if ndim not in allowed:
        wanted = " or ".join(filter(None, [", ".join(str(n + 2) for n in allowed[:-1]), str(allowed[-1] + 2)]))
        raise ValueError(f"{name} must have {wanted} axes, those of the kernel and two for channels, got shape {shape}")
    return sizes_in(name, shape, range(len(shape))), ndim


def _channels_first(data_format: str | None, ndim: int, *, old_words: bool = True) -> bool:
    """Whether data has channels before its spatial axes."""
    words = _DATA_FORMATS[ndim]
    if data_format is None:
        return False
    if ndim == 1 and old_words and data_format in _DATA_FORMATS[2]:
        words = _DATA_FORMATS[2]
    check_word(f"data_format of {ndim}-d data", data_format, words)
    return data_format == words[1]


def _split(
    name: str, value: Any, ndim: int, channels_first: bool
) -> tuple[tuple[int | None, ...], tuple[int, ...], int]:
    """The lengths of batch axes, of spatial axes, and the channels of an array or a shape."""
    shape = shape_of(name, value, unknown=True)
    batch = len(shape) - ndim - 1
    if batch < 1:
        order = _DATA_FORMATS[ndim][channels_first]
        raise ValueError(f"{name} must have at least {ndim + 2} axes, {order}, got shape {shape}")
    at = batch if channels_first else len(shape) - 1
    first = batch + channels_first
    *spatial, channels = sizes_in(name, shape, (*range(first, first + ndim), at))
    return shape[:batch], tuple(spatial), channels


def _spatial(name: str, value: Any, ndim: int, channels_first: bool) -> list[int]:
    """The spatial entries of strides or dilations: for all axes, for each, or with those of batch and channels."""
    if value is None:
        return [1] * ndim
    entries = entries_of(value)
    if entries is None or len(entries) == 1:
        return per_axis(name, value if entries is None else entries[0], ndim)
    if len(entries) not in (ndim, ndim + 2):
        counts = "1 or 3" if ndim == 1 else f"1, {ndim} or {ndim + 2}"
        raise ValueError(f"{name} must have {counts} entries, got {len(entries)}, {short(value)}")
    if len(entries) == ndim + 2:
        at = (0, 1) if channels_first else (0, ndim + 1)
        if any(integer(f"an entry of {name}", entries[place]) != 1 for place in at):
            raise ValueError(f"{name} of batch and channels must be 1, got {entries[at[0]]} and {entries[at[1]]} in "
                             f"{short(value)}: give entries for the spatial axes alone")  # fmt: skip
        entries = entries[2:] if channels_first else entries[1:-1]
    return per_axis(name, entries, ndim)


def _padding(padding: Any, ndim: int, channels_first: bool) -> Any:
    """Our padding for TensorFlow's."""
    pairs = entries_of(padding)
    if pairs is None:
        check_word("padding", padding, tuple(_PADDINGS))
        return _PADDINGS[padding]
    if ndim != 2:
        raise WrongTypeError(f"padding must be 'SAME' or 'VALID' for {ndim} spatial axes, got {short(padding)}: "
                             "TensorFlow takes pairs for two axes alone")  # fmt: skip
    if len(pairs) != 4 or any(len(entries_of(pair) or ()) != 2 for pair in pairs):
        raise ValueError(f"padding must have four pairs, those of batch and channels too, got {short(padding)}")
    numbers = [tuple(integer(f"padding, axis {axis},", n) for n in pair) for axis, pair in enumerate(pairs)]
    if min(map(min, numbers)) < 0:
        raise ValueError(f"padding must not be negative, got {short(padding)}: TensorFlow crops by slices of the input")
    at = (0, 1) if channels_first else (0, 3)
    if any(any(numbers[place]) for place in at):
        raise ValueError(f"padding of batch and channels must be (0, 0), got {numbers[at[0]]} and {numbers[at[1]]} in "
                         f"{short(padding)}")  # fmt: skip
    return numbers[2:] if channels_first else numbers[1:-1]


def _refuse_both(who: str, stride: list[int], dilation: list[int], also: str = "", name: str = "dilations") -> None:
    if max(stride) > 1 and max(dilation) > 1:
        raise ValueError(f"{who} takes no strides above 1 beside {name} above 1, also not on different axes, got "
                         f"strides {tuple(stride)} and {name} {tuple(dilation)}{also or ': give ones for either'}"
                         )  # fmt: skip


def _keras_input(input_shape: Any, data_format: str | None, most: int) -> tuple[tuple[int, ...], int]:
    """Size and channels of one input."""
    shape = shape_of("input_shape", input_shape, unknown=True)
    if None in shape:
        raise ValueError(f"input_shape has None on axis {shape.index(None)}, {shape}: give sizes, without a batch")
    if not 2 <= len(shape) <= most + 1:
        raise ValueError(f"input_shape must have 1 to {most} sizes and the channels, without a batch, got {shape}")
    numbers = [positive(f"input_shape, axis {axis},", length) for axis, length in enumerate(shape)]
    if _check_data_format(data_format) == "channels_first":
        return tuple(numbers[1:]), numbers[0]
    return tuple(numbers[:-1]), numbers[-1]


def _check_data_format(data_format: Any) -> str:
    if data_format is None:
        return "channels_last"
    word = data_format.lower() if isinstance(data_format, str) else data_format
    check_word("data_format", word, ("channels_last", "channels_first"))
    return str(word)


def _keras_transposed(
    input_shape: Any,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis,
    padding: str,
    output_padding: PerAxis | None,
    data_format: str | None,
    dilation_rate: PerAxis,
) -> ConvTranspose:
    """The transposed layer as some backend of Keras computes it."""
    size, channels = _keras_input(input_shape, data_format, most=3)
    ndim = len(size)
    kernel, stride = one_each("kernel_size", kernel_size, ndim), one_each("strides", strides, ndim)
    dilation, name = one_each("dilation_rate", dilation_rate, ndim), keras_padding(padding)
    _refuse_both(f"Keras' Conv{ndim}DTranspose", stride, dilation, name="dilation_rate")
    crops: Any = name
    beyond = [0] * ndim
    if output_padding is not None:
        extra = one_each("output_padding", output_padding, ndim, least=0)
        for axis, (more, s) in enumerate(zip(extra, stride, strict=True)):
            if more >= s:
                remedy = f"give 0 to {s - 1}, or larger strides" if s > 1 else "give 0, or larger strides"
                raise ValueError(f"output_padding {more} on axis {axis} must be less than strides, {s}: {remedy}, or "
                                 "leave it out")  # fmt: skip
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        # What is cropped of the full result; where that is less than nothing, zeros follow it.
        kept = [span + more if name == "valid" else span % 2 + more for span, more in zip(spans, extra, strict=True)]
        crops = [split_same(max(span - k, 0), lower=False) for span, k in zip(spans, kept, strict=True)]
        beyond = [max(k - span, 0) for span, k in zip(spans, kept, strict=True)]
    outputs = positive("filters", filters)
    with argument_names(_NAMES_OF_KERAS):
        return ConvTranspose(size, kernel, stride=stride, padding=crops, dilation=dilation, in_channels=channels,
                             out_channels=outputs, output_padding=beyond)  # fmt: skip
