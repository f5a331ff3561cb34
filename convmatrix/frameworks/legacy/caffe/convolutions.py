"""Caffe: Convolution, Deconvolution, Crop and Pooling layers with the fields of caffe.proto, and the bilinear filler.

Sizes of convolutions are rounded down, those of pools up. A Deconvolution has no output padding: what it gives too
much, a Crop layer takes away, with the offset that was computed for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.shared.bilinear import bilinear_weight, weight_sizes
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, flag, integer, per_axis

__all__ = ["CONV_WEIGHT", "TRANSPOSED_WEIGHT", "bilinear_filler", "conv", "conv_transpose", "crop", "pooling"]

_NAMES: Mapping[str, str] = {
    "input_size": "size of bottom",
    "padding #": "pad",
    "the padding": "the pad",
    "groups": "group",
}
"""Names of a layer's arguments in Caffe, where it has another name."""

_NO_OUTPUT_PADDING = {" + output_padding 0": "", **_NAMES}

_BEFORE_SIZE = ("batch", "channels")

_Three = tuple[Any, Any, Any]
"""A field, and its variants for height and width."""


# -- convolutions ----------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    bottom: Any,
    num_output: int,
    kernel_size: PerAxis | None = None,
    stride: PerAxis | None = None,
    pad: PerAxis | None = None,
    dilation: PerAxis | None = None,
    group: int = 1,
    kernel_h: int | None = None,
    kernel_w: int | None = None,
    stride_h: int | None = None,
    stride_w: int | None = None,
    pad_h: int | None = None,
    pad_w: int | None = None,
    axis: int = 1,
    bias_term: bool = True,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer that a Convolution layer of Caffe is for this bottom; any number of axes.

    Parameters
    ----------
    bottom : array or shape
        (batch, channels, *size); the batch may be None.
    num_output : int
        Number of output channels.
    kernel_size, stride, pad, dilation : int or sequence of int, optional
        Repeated fields: given once for all axes, or once for each. Without them stride 1, pad 0 and dilation 1; the
        kernel's size is needed.
    group : int, default 1
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w : int, optional
        In place of these fields, in 2-D.
    axis : int, default 1
        Of the channels; all axes after it are spatial, all before it batches.
    bias_term : bool, default True
        Whether there is a bias; it is no part of the matrix.
    weight : (num_output, channels // group, *kernel_size) array_like, optional
        ``blobs[0]`` of the layer.

    Returns
    -------
    Conv
    WithWeight
        With `weight`, the pair of the layer and the blob in its layout.

    Raises
    ------
    ValueError
        Where Caffe stops, and where the kernel fits nowhere: there its division, which rounds towards zero, leaves one
        output if less than a stride is missing. A TypeError as well where an argument is of a wrong kind.

    References
    ----------
    .. [1] Caffe, caffe.proto, ConvolutionParameter; src/caffe/layers/base_conv_layer.cpp, conv_layer.cpp.

    Examples
    --------
    >>> conv((1, 3, 500, 500), num_output=64, kernel_size=3, pad=100).output_size
    (698, 698)
    """
    flag("bias_term", bias_term)
    fields = (kernel_size, kernel_h, kernel_w), (stride, stride_h, stride_w), (pad, pad_h, pad_w), dilation
    kwargs = _layer_arguments(bottom, axis, num_output, group, *fields)
    with argument_names(_NAMES):
        layer = Conv(**kwargs)
    return with_weight(layer, weight, CONV_WEIGHT)


@takes_weight
def conv_transpose(
    bottom: Any,
    num_output: int,
    kernel_size: PerAxis | None = None,
    stride: PerAxis | None = None,
    pad: PerAxis | None = None,
    dilation: PerAxis | None = None,
    group: int = 1,
    kernel_h: int | None = None,
    kernel_w: int | None = None,
    stride_h: int | None = None,
    stride_w: int | None = None,
    pad_h: int | None = None,
    pad_w: int | None = None,
    axis: int = 1,
    bias_term: bool = True,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer that a Deconvolution layer of Caffe is for this bottom; any number of axes.

    Parameters
    ----------
    bottom, num_output, kernel_size, stride, pad, dilation, group, axis, bias_term
        As for `conv`.
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w : int, optional
        As for `conv`.
    weight : (channels, num_output // group, *kernel_size) array_like, optional
        ``blobs[0]`` of the layer.

    Returns
    -------
    ConvTranspose
        Of the smallest size that the convolution maps to the bottom.
    WithWeight
        With `weight`, the pair of the layer and the blob of a Deconvolution in its layout.

    Raises
    ------
    ValueError
        Where Caffe stops, and where the output would be empty; a TypeError as well where an argument is of a wrong
        kind.

    References
    ----------
    .. [1] Caffe, caffe.proto, ConvolutionParameter; src/caffe/layers/deconv_layer.cpp.

    Examples
    --------
    >>> conv_transpose((1, 21, 16, 16), num_output=21, kernel_size=64, stride=32).output_size
    (544, 544)
    """
    flag("bias_term", bias_term)
    fields = (kernel_size, kernel_h, kernel_w), (stride, stride_h, stride_w), (pad, pad_h, pad_w), dilation
    kwargs = _layer_arguments(bottom, axis, num_output, group, *fields)
    with argument_names(_NO_OUTPUT_PADDING):
        layer = ConvTranspose(**kwargs)
    return with_weight(layer, weight, TRANSPOSED_WEIGHT)


def crop(bottom: Any, reference: Any, axis: int = 2, offset: PerAxis | None = None) -> Conv:
    """Make the layer that a Crop layer of Caffe is: a convolution of each channel with one tap, its pads negative.

    Its weight is ``numpy.ones(layer.weight_shape)``.

    Parameters
    ----------
    bottom, reference : (batch, channels, *size) array or shape
        What is cropped, and what has the size to crop to: the two bottoms of the layer.
    axis : int, default 2
        The first axis that is cropped. Axes before the size have to stay as they are.
    offset : int or sequence of int, optional
        What is taken away at the start: one number for all axes from `axis` on, or one for each; 0 without it.

    Returns
    -------
    Conv

    Raises
    ------
    ValueError
        Where Caffe stops, or where batch or channels would be cropped; a TypeError as well where an argument is of a
        wrong kind.

    References
    ----------
    .. [1] Caffe, caffe.proto, CropParameter; src/caffe/layers/crop_layer.cpp.

    Examples
    --------
    >>> crop((1, 21, 544, 544), (1, 3, 500, 500), offset=19).padding
    ((-19, -25), (-19, -25))
    """
    whole, wanted = shape_of("bottom", bottom, unknown=True), shape_of("reference", reference, unknown=True)
    if len(whole) < 3:
        raise ValueError(
            f"bottom has {pluralize(len(whole), 'entry')}, {whole}, but needs batch, channels and at least "
            "one axis of size"
        )
    if len(wanted) < len(whole):
        raise ValueError(
            f"reference has {pluralize(len(wanted), 'entry')}, {wanted}, but bottom has {len(whole)}: every "
            "axis that is cropped needs the size to crop to"
        )
    first = _canonical("axis", axis, len(whole))
    offsets = [0] * first + _offsets(offset, len(whole) - first)
    for number, name in enumerate(_BEFORE_SIZE[first:], start=first):
        _check_kept(name, whole[number], wanted[number], offsets[number])
    size = _known(whole[2:])
    new_size = _known([(wanted if number >= first else whole)[number] for number in range(2, len(whole))])
    pads = [_crop_pads(number, *each) for number, each in enumerate(zip(size, new_size, offsets[2:], strict=True), 2)]
    channels = integer("the channels of bottom", whole[1])
    return Conv(size, [1] * len(size), padding=pads, groups=channels, in_channels=channels, out_channels=channels)


def pooling(
    bottom: Any,
    pool: str = "MAX",
    kernel_size: int | None = None,
    stride: int | None = None,
    pad: int | None = None,
    kernel_h: int | None = None,
    kernel_w: int | None = None,
    stride_h: int | None = None,
    stride_w: int | None = None,
    pad_h: int | None = None,
    pad_w: int | None = None,
    global_pooling: bool = False,
    round_mode: str = "CEIL",
) -> AvgPool | MaxPool:
    """Make the layer that a Pooling layer of Caffe is for this bottom, which has two axes of size.

    The size is rounded up. With any padding, a last window that starts beyond the input is left out. An average counts
    what its window has of the padded input, but nothing beyond that.

    Parameters
    ----------
    bottom : (batch, channels, height, width) array or shape
        The batch may be None.
    pool : str, default "MAX"
        Or ``AVE``.
    kernel_size, stride, pad : int, optional
        For both axes. Without them stride 1 and pad 0; the kernel's size is needed.
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w : int, optional
        In place of these, always both.
    global_pooling : bool, default False
        One window over the whole input.
    round_mode : str, default "CEIL"
        Or ``FLOOR``.

    Returns
    -------
    MaxPool or AvgPool

    Raises
    ------
    ValueError
        Where Caffe stops, and where it has a window that sees no input, as it can without padding; a TypeError as well
        where an argument is of a wrong kind.

    References
    ----------
    .. [1] Caffe, caffe.proto, PoolingParameter; src/caffe/layers/pooling_layer.cpp.

    Examples
    --------
    >>> pooling((1, 64, 349, 349), kernel_size=2, stride=2).output_size
    (175, 175)
    """
    shape = shape_of("bottom", bottom, unknown=True)
    if len(shape) != 4:
        raise ValueError(
            f"bottom has {pluralize(len(shape), 'entry')}, {shape}, but a pool needs 4: batch, channels, height "
            "and width"
        )
    check_word("pool", pool, ("MAX", "AVE", "STOCHASTIC"))
    check_word("round_mode", round_mode, ("CEIL", "FLOOR"))
    if pool == "STOCHASTIC":
        raise ValueError("pool 'STOCHASTIC' draws what it keeps, so it is no matrix: use 'MAX' or 'AVE'")
    channels, size = _split(shape, 1)
    strides = _both("stride", stride, stride_h, stride_w, 1)
    pads = _both("pad", pad, pad_h, pad_w, 0)
    kernel = _pool_kernel(size, kernel_size, kernel_h, kernel_w, flag("global_pooling", global_pooling))
    if global_pooling and (any(pads) or strides != [1, 1]):
        raise ValueError(
            f"global_pooling allows only pad 0 and stride 1, got pad {tuple(pads)} and stride "
            f"{tuple(strides)}: leave both out"
        )
    kwargs: dict[str, Any] = {
        "stride": strides,
        "padding": pads,
        "ceil_mode": round_mode == "CEIL",
        "channels": channels,
    }
    with argument_names(_NAMES):
        made = (MaxPool if pool == "MAX" else AvgPool)(size, kernel, **kwargs)
    if round_mode == "CEIL" and not any(pads):
        _check_windows(made)
    return made


# -- weights ---------------------------------------------------------------------------------------------------------

CONV_WEIGHT = WeightLayout()
TRANSPOSED_WEIGHT = WeightLayout("IO*", "IO*")


def bilinear_filler(shape: Sequence[int]) -> NDArray[np.float64]:
    """Make the weight that the filler of type ``bilinear`` makes: the same tent in every channel.

    It upsamples by f where the kernel is 2 * f - f mod 2, the stride f, the pad ceil((f - 1) / 2), and group,
    num_output and channels are the same number.

    Parameters
    ----------
    shape : (channels, num_output // group, size, size)
        Of the weight.

    Returns
    -------
    ndarray of that shape
        The filters of all pairs of channels are the same.

    Raises
    ------
    ValueError
        If it has other than four axes, or the kernel is no square.

    References
    ----------
    .. [1] Caffe, include/caffe/filler.hpp, BilinearFiller.

    Examples
    --------
    >>> bilinear_filler((1, 1, 4, 4))[0, 0, 1].tolist()
    [0.1875, 0.5625, 0.5625, 0.1875]
    """
    sizes = weight_sizes(shape, "the bilinear filler needs 4: two for channels, height and width")
    if sizes[2] != sizes[3]:
        raise ValueError(
            f"the bilinear filler needs a square kernel, got {sizes[2]} x {sizes[3]}: give both axes one size"
        )
    return bilinear_weight(sizes)


# -- from fields to numbers ------------------------------------------------------------------------------------------


def _split(bottom: Any, axis: Any) -> tuple[int, list[int]]:
    """Return channels and size of a bottom; the axes before the channels are ignored."""
    shape = shape_of("bottom", bottom, unknown=True)
    place = _canonical("axis", axis, len(shape))
    channels, *size = sizes_in("bottom", shape, range(place, len(shape)))
    return channels, size


def _canonical(name: str, axis: Any, count: int) -> int:
    """Return the axis counted from the front."""
    number = integer(name, axis)
    if not -count <= number < count:
        raise ValueError(
            f"{name} {number} is none of bottom, which has {pluralize(count, 'entry')}: give one from "
            f"{-count} to {count - 1}"
        )
    return number % count


def _layer_arguments(
    bottom: Any, axis: Any, num_output: Any, group: Any, kernel: _Three, stride: _Three, pad: _Three, dilation: Any
) -> dict[str, Any]:
    """Return the arguments of the layer of a convolution, with one number for each axis."""
    channels, size = _split(bottom, axis)
    count = len(size)
    return {
        "input_size": size,
        "kernel_size": _field("kernel_size", *kernel, count, None, 1),
        "stride": _field("stride", *stride, count, 1, 1),
        "padding": [(entry, entry) for entry in _field("pad", *pad, count, 0, 0)],
        "dilation": _field("dilation", dilation, None, None, count, 1, 1),
        "groups": check_groups("group", group, {"the channels of bottom": channels, "num_output": num_output}),
        "in_channels": channels,
        "out_channels": num_output,
        "ndim": count,
    }


def _field(name: str, value: Any, h: Any, w: Any, count: int, default: int | None, least: int) -> list[int]:
    """Return the entries of a repeated field, or of its _h and _w."""
    short = name.removesuffix("_size")
    entries = [] if value is None else entries_of(value)
    if entries is None:
        entries = [value]
    if h is not None or w is not None:
        if count != 2:
            raise ValueError(f"{short}_h and {short}_w are for 2 axes only, but bottom has {count} of size: use {name}")
        if entries:
            raise ValueError(f"{name} {value} stands beside {short}_h or {short}_w: give either the one or the others")
        if None in (h, w) and least > 0:
            missing = f"{short}_h" if h is None else f"{short}_w"
            raise ValueError(f"{missing} is missing, which Caffe takes for 0, but it must be at least 1: give both")
        return [
            _at_least(f"{short}_{letter}", 0 if entry is None else entry, least)
            for letter, entry in (("h", h), ("w", w))
        ]
    if not entries:
        if default is None:
            raise ValueError(f"{name} is missing: give it once, or once for each of {count} axes")
        return [default] * count
    if len(entries) not in (1, count):
        raise ValueError(
            f"{name} must be given once, or once for each of {count} axes, got {len(entries)}: {tuple(entries)}"
        )
    return per_axis(name, entries[0] if len(entries) == 1 else entries, count, least=least)


def _at_least(what: str, value: Any, least: int) -> int:
    number = integer(what, value)
    if number < least:
        raise ValueError(f"{what} must be at least {least}, got {number}")
    return number


def _offsets(offset: Any, count: int) -> list[int]:
    """Return the number of elements to crop at the start of each cropped axis."""
    entries = [] if offset is None else entries_of(offset)
    if entries is None:
        entries = [offset]
    if len(entries) > 1 and len(entries) != count:
        raise ValueError(
            f"offset must be one number, or one for each of the {count} axes from `axis` on, got "
            f"{len(entries)}: {tuple(entries)}"
        )
    numbers = [_at_least("offset", entry, 0) for entry in entries] or [0]
    return numbers * count if len(numbers) == 1 else numbers


def _known(lengths: Sequence[int | None]) -> list[int]:
    for number, length in enumerate(lengths, start=2):
        if length is None:
            raise WrongTypeError(f"the size on axis {number} is None, but the matrix depends on it: give a number")
    return [length for length in lengths if length is not None]


def _crop_pads(number: int, n: int, new: int, start: int) -> tuple[int, int]:
    """Return the negative pads that keep `new` of n entries from `start` on."""
    if new > n:
        raise ValueError(f"the crop of axis {number} does not fit: reference has {new}, but bottom only {n}")
    if start + new > n:
        raise ValueError(
            f"the crop of axis {number} does not fit: offset {start} + {new} of reference = "
            f"{start + new}, but bottom has {n}; use an offset of at most {n - new}"
        )
    return (-start, start + new - n)


def _check_kept(name: str, whole: int | None, wanted: int | None, offset: int) -> None:
    """Check that the crop does not change the batch or the channels."""
    if offset or (whole != wanted and None not in (whole, wanted)):
        raise ValueError(
            f"the crop would change the {name}, offset {offset} and {wanted} of {whole}, which no layer "
            "of ours does: slice the array, or say axis=2"
        )


# -- pools -----------------------------------------------------------------------------------------------------------


def _both(name: str, value: Any, h: Any, w: Any, default: int) -> list[int]:
    """Return a field of a pool for both axes, or its _h and _w, which need each other."""
    if h is None and w is None:
        return [_at_least(name, default if value is None else value, default)] * 2
    if value is not None or h is None or w is None:
        given = ", ".join(
            f"{key} {short(got)}" for key, got in ((name, value), (f"{name}_h", h), (f"{name}_w", w)) if got is not None
        )
        raise ValueError(
            f"a pool has either {name}, or {name}_h and {name}_w, got {given}: give the one or both others"
        )
    return [_at_least(f"{name}_h", h, default), _at_least(f"{name}_w", w, default)]


def _pool_kernel(size: list[int], kernel_size: Any, h: Any, w: Any, whole: bool) -> list[int]:
    given = [
        f"{key} {short(got)}"
        for key, got in (("kernel_size", kernel_size), ("kernel_h", h), ("kernel_w", w))
        if got is not None
    ]
    if whole:
        if given:
            raise ValueError(
                f"global_pooling has the size of bottom as its kernel, got {', '.join(given)}: leave it out"
            )
        return size
    if (kernel_size is not None) == (h is not None and w is not None):
        raise ValueError(
            f"a pool has either kernel_size, or kernel_h and kernel_w, got {', '.join(given) or 'nothing'}"
            ": give the one or both others"
        )
    if kernel_size is not None:
        return [_at_least("kernel_size", kernel_size, 1)] * 2
    return [_at_least("kernel_h", h, 1), _at_least("kernel_w", w, 1)]


def _check_windows(pool: AvgPool | MaxPool) -> None:
    """Check that no window is beyond the input; Caffe omits such windows only if there is padding."""
    for axis, (n, k, s, o) in enumerate(
        zip(pool.input_size, pool.kernel_size, pool.stride, pool.output_size, strict=True)
    ):
        windows = -((k - n) // s) + 1
        if windows != o:
            raise ValueError(
                f"Caffe has {windows} windows on axis {axis} (= ceil((size {n} - kernel {k}) / stride {s}) + 1), of "
                f"which {windows - o} would see no input: use round_mode 'FLOOR', or a stride of at most {k}"
            )
