"""tf.nn's functions: `convolution`, `conv1d` to `conv3d`, `conv_transpose` and `depthwise_conv2d`.

Data is channels last unless `data_format` says otherwise, kernels are (*kernel, in // groups, out), those of transposed
layers (*kernel, out // groups, in), and no kernel is flipped. A SAME padding puts the odd element at the end.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from convmatrix.core.axis import input_sizes
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in
from convmatrix.frameworks.tensorflow.arguments import range_text, refuse_stride_beside_dilation
from convmatrix.frameworks.tensorflow.weights import FILTERS, TRANSPOSED_FILTERS, depthwise_filters
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, integer, per_axis

__all__ = ["conv", "conv1d", "conv2d", "conv3d", "conv_transpose", "depthwise_conv"]

_DATA_FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
_PADDINGS = {"SAME": "same", "VALID": "valid"}

_NAMES: Mapping[str, str] = {
    "input_size": "size of input",
    "kernel_size": "size of filters",
    "stride": "strides",
    "dilation": "dilations",
    "output_size": "output_shape",
    "padding 'same'": "padding 'SAME'",
    "padding 'valid'": "padding 'VALID'",
}
"""Names of a layer's arguments in tf.nn."""


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
        With `weight`, the pair of the layer and filters in its layout.

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
    """
    together = not isinstance(padding, str)
    layer = _forward(input, filters, strides, padding, data_format, dilations, together=together)
    return with_weight(layer, weight, FILTERS)


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
        As for `conv`, of one axis.

    Returns
    -------
    Conv
        Of one axis.
    WithWeight
        With `weight`, as for `conv` of one axis.

    Raises
    ------
    ValueError
        As for `conv`, and if the filters are not those of one axis.

    Examples
    --------
    >>> conv1d((1, 8, 1), (3, 1, 1), 2, "SAME", dilations=2).padding
    ((1, 2),)
    """
    with argument_names({"strides": "stride"}):
        layer = _forward(input, filters, stride, padding, data_format, dilations, ndim=1)
    return with_weight(layer, weight, FILTERS)


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
        As for `conv`, of two axes.

    Returns
    -------
    Conv
        Of two axes.
    WithWeight
        With `weight`, as for `conv` of two axes.

    Raises
    ------
    ValueError
        As for `conv`, and if the filters are not those of two axes.

    Examples
    --------
    >>> conv2d((1, 4, 4, 1), (3, 3, 1, 1), 1, [[0, 0], [1, 0], [0, 1], [0, 0]]).output_size
    (3, 3)
    """
    return with_weight(_forward(input, filters, strides, padding, data_format, dilations, ndim=2), weight, FILTERS)


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
        As for `conv`, of three axes.

    Returns
    -------
    Conv
        Of three axes.
    WithWeight
        With `weight`, as for `conv` of three axes.

    Raises
    ------
    WrongTypeError
        Where strides or dilations have other than five entries.
    ValueError
        As for `conv`, and if the filters are not those of three axes.

    Examples
    --------
    >>> conv3d((1, 4, 4, 4, 1), (3, 3, 3, 1, 1), [1, 2, 2, 2, 1], "SAME").output_size
    (2, 2, 2)
    """
    for name, value in (("strides", strides), ("dilations", [1] * 5 if dilations is None else dilations)):
        if len(entries_of(value) or ()) != 5:
            raise WrongTypeError(f"{name} of tf.nn.conv3d must have five entries, [1, d, h, w, 1], got {short(value)}")
    return with_weight(_forward(input, filters, strides, padding, data_format, dilations, ndim=3), weight, FILTERS)


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
        With `weight`, the pair of the layer and the transposed filters in its layout.

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
    first = _channels_first(data_format, ndim, allow_2d_names=False)
    batch, size, channels = _split("input", input, ndim, first)
    if len(batch) != 1:
        raise ValueError(
            f"input of a transposed convolution must have {ndim + 2} axes, one of them for the batch, got "
            f"{ndim + 1 + len(batch)}"
        )
    if channels != in_channels:
        raise ValueError(
            f"input has {pluralize(channels, 'channel')} but filters, (*kernel, out, in), are for "
            f"{in_channels}: the last axis of transposed filters is that of the input"
        )
    wanted, output_size, out_channels = _split("output_shape", output_shape, ndim, first)
    if None not in (*batch, *wanted) and batch != wanted:
        raise ValueError(
            f"output_shape has a batch of {', '.join(map(str, wanted))} but input has {batch[0]}: give the same"
        )
    if out_channels % per_group:
        raise ValueError(
            f"output_shape has {pluralize(out_channels, 'channel')} but filters, (*kernel, out, in), have "
            f"{per_group}: give a multiple of that"
        )
    stride, dilation = _spatial("strides", strides, ndim, first), _spatial("dilations", dilations, ndim, first)
    pads = _padding(padding, ndim, first)
    groups = out_channels // per_group
    if channels % groups:
        raise ValueError(
            f"input has {pluralize(channels, 'channel')}, which is no multiple of {groups} (= {out_channels} channels "
            f"of output_shape / {per_group} of filters, (*kernel, out, in)): give filters with a larger out"
        )
    if isinstance(pads, str):
        for axis, numbers in enumerate(zip(size, kernel, stride, dilation, output_size, strict=True)):
            _check_output_shape(axis, pads, *numbers)
    with argument_names(_NAMES):
        layer = ConvTranspose(
            size,
            kernel,
            stride=stride,
            padding=pads,
            dilation=dilation,
            output_size=output_size,
            groups=groups,
            in_channels=in_channels,
            out_channels=out_channels,
        )
    return with_weight(layer, weight, TRANSPOSED_FILTERS)


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
        Its weight is that of ``weight(w, depthwise=True)``.
    WithWeight
        With `weight`, the pair of the layer and the depthwise filter in its layout.

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
        raise ValueError(
            f"input has {pluralize(channels, 'channel')} but filter, (height, width, in, multiplier), is "
            f"for {in_channels}"
        )
    if len(entries_of(strides) or ()) != 4:
        raise WrongTypeError(
            f"strides of tf.nn.depthwise_conv2d must have four entries, [1, s, s, 1], got {short(strides)}"
        )
    stride = _spatial("strides", strides, 2, first)
    if dilations is not None and len(entries_of(dilations) or ()) != 2:
        raise WrongTypeError(f"dilations of tf.nn.depthwise_conv2d must have two entries, got {short(dilations)}")
    dilation = _spatial("dilations", dilations, 2, first)
    refuse_stride_beside_dilation("tf.nn.depthwise_conv2d", stride, dilation)
    pads = _padding(padding, 2, first)
    with argument_names({**_NAMES, "kernel_size": "size of filter", **_instead_of_numbers(padding)}):
        layer = Conv(
            size,
            kernel,
            stride=stride,
            padding=pads,
            dilation=dilation,
            groups=in_channels,
            in_channels=in_channels,
            out_channels=in_channels * multiplier,
        )
    return with_weight(layer, weight, depthwise_filters(in_channels))


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
    """Make a convolution; with `together` a stride and a dilation may both be more than 1."""
    (*kernel, per_group, out_channels), ndim = _filters_of(filters, only=ndim)
    first = _channels_first(data_format, ndim)
    _, size, channels = _split("input", input, ndim, first)
    if channels % per_group:
        raise ValueError(
            f"input has {pluralize(channels, 'channel')} but filters, (*kernel, in, out), are for "
            f"{per_group}: give a multiple of that"
        )
    stride, dilation = _spatial("strides", strides, ndim, first), _spatial("dilations", dilations, ndim, first)
    if not together:
        also = f": tf.nn.conv{ndim}d does take it, as conv{ndim}d" if ndim < 3 else ""
        refuse_stride_beside_dilation("tf.nn.convolution", stride, dilation, also)
    groups = channels // per_group
    if out_channels % groups:
        raise ValueError(
            f"filters, (*kernel, in, out), have {out_channels} outputs, which is no multiple of {groups} (= {channels} "
            f"channels of input / {per_group} of filters): give filters with a multiple of {groups}"
        )
    pads = _padding(padding, ndim, first)
    with argument_names({**_NAMES, **_instead_of_numbers(padding)}):
        return Conv(
            size,
            kernel,
            stride=stride,
            padding=pads,
            dilation=dilation,
            groups=groups,
            in_channels=channels,
            out_channels=out_channels,
        )


def _instead_of_numbers(padding: Any) -> dict[str, str]:
    """Return the remedy for a padding given by name, to which no number can be added."""
    return {"add # to the padding": "use padding 'SAME'"} if isinstance(padding, str) else {}


def _filters_of(filters: Any, only: int | None = None, name: str = "filters") -> tuple[tuple[int, ...], int]:
    """Return the shape of filters, and their number of spatial axes."""
    shape = shape_of(name, filters)
    ndim = len(shape) - 2
    allowed = (1, 2, 3) if only is None else (only,)
    if ndim not in allowed:
        wanted = " or ".join(filter(None, [", ".join(str(n + 2) for n in allowed[:-1]), str(allowed[-1] + 2)]))
        raise ValueError(f"{name} must have {wanted} axes, those of the kernel and two for channels, got shape {shape}")
    return sizes_in(name, shape, range(len(shape))), ndim


def _channels_first(data_format: str | None, ndim: int, *, allow_2d_names: bool = True) -> bool:
    """Check whether a data format has the channels before the spatial axes."""
    formats = _DATA_FORMATS[ndim]
    if data_format is None:
        return False
    if ndim == 1 and allow_2d_names and data_format in _DATA_FORMATS[2]:
        formats = _DATA_FORMATS[2]
    check_word(f"data_format of {ndim}-d data", data_format, formats)
    return data_format == formats[1]


def _split(
    name: str, value: Any, ndim: int, channels_first: bool
) -> tuple[tuple[int | None, ...], tuple[int, ...], int]:
    """Split the shape of data into batch axes, spatial axes and channels."""
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
    """Return the spatial entries of strides or dilations, which may list batch and channels too."""
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
            raise ValueError(
                f"{name} of batch and channels must be 1, got {entries[at[0]]} and {entries[at[1]]} in "
                f"{short(value)}: give entries for the spatial axes alone"
            )
        entries = entries[2:] if channels_first else entries[1:-1]
    return per_axis(name, entries, ndim)


def _padding(padding: Any, ndim: int, channels_first: bool) -> Any:
    """Convert TensorFlow's padding to that of a layer."""
    pairs = entries_of(padding)
    if pairs is None:
        check_word("padding", padding, tuple(_PADDINGS))
        return _PADDINGS[padding]
    if ndim != 2:
        raise WrongTypeError(
            f"padding must be 'SAME' or 'VALID' for {ndim} spatial axes, got {short(padding)}: "
            "TensorFlow takes pairs for two axes alone"
        )
    if len(pairs) != 4 or any(len(entries_of(pair) or ()) != 2 for pair in pairs):
        raise ValueError(f"padding must have four pairs, those of batch and channels too, got {short(padding)}")
    numbers = [tuple(integer(f"padding, axis {axis},", n) for n in pair) for axis, pair in enumerate(pairs)]
    if min(map(min, numbers)) < 0:
        raise ValueError(f"padding must not be negative, got {short(padding)}: TensorFlow crops by slices of the input")
    at = (0, 1) if channels_first else (0, 3)
    if any(any(numbers[place]) for place in at):
        raise ValueError(
            f"padding of batch and channels must be (0, 0), got {numbers[at[0]]} and {numbers[at[1]]} in "
            f"{short(padding)}"
        )
    return numbers[2:] if channels_first else numbers[1:-1]


def _check_output_shape(axis: int, name: str, outputs: int, k: int, s: int, d: int, wanted: int) -> None:
    """Check that a convolution maps a size to the input size; errors list the sizes that SAME and VALID allow."""
    same, valid = range((outputs - 1) * s + 1, outputs * s + 1), input_sizes(outputs, d * (k - 1) + 1, s, 0, 1)
    if min(outputs, k, s, d) >= 1 and wanted not in (same if name == "same" else valid):
        also = f", dilations {d}" if d > 1 else ""
        raise ValueError(
            f"output_shape {wanted} on axis {axis} is none of the sizes that a convolution with size of filters {k}, "
            f"strides {s}{also} and padding {name.upper()!r} maps to the {outputs} of input: with 'SAME' those are "
            f"{range_text(same)}, with 'VALID' {range_text(valid)}"
        )
