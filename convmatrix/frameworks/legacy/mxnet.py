"""MXNet: Convolution and Deconvolution, upsampling by a bilinear Deconvolution, and Gluon's blocks.

A transposed layer crops by its `pad`; `adj` adds less than a stride at the end, and a `target_shape` decides both. Its
weight is the array of the convolution that it transposes.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, counted, short
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import moved, shape_of, sizes_in, weight_of
from convmatrix.frameworks.shared.loaded import Chain, LeftOut, Loaded, MissingValues, Values, attributes_of, chained
from convmatrix.frameworks.shared.overrides import base_of, comes_from, override_of, patch_of, what_to_give
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, flag, integer, per_axis, positive

__all__ = [
    "RULES",
    "bilinear",
    "conv",
    "conv_transpose",
    "from_layer",
    "from_model",
    "upsampling",
    "weight",
    "weight_transpose",
]

RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size): NCW, NCHW, NCDHW; also NHWC and NDHWC, computed on GPUs only "
    "(mxnet.ndarray.Convolution).",
    "weight": "(num_filter, channels // num_group, *kernel); (num_filter, *kernel, channels // num_group) with "
    "channels last.",
    "transposed weight": "(channels, num_filter // num_group, *kernel), the array of the convolution that is "
    "transposed (mxnet.ndarray.Deconvolution); (channels, *kernel, num_filter // num_group) with channels last.",
    "kernel": "Not turned. Deconvolution is the exact transpose of Convolution.",
    "padding": "pad: one number for both ends of each axis.",
    "same": "There is none: pad = dilate * (kernel - 1) // 2, for an odd kernel and stride 1.",
    "transposed padding": "pad is that of the convolution: it crops both ends.",
    "output size": "stride * (size - 1) + k_e - 2 * pad + adj, with k_e = dilate * (kernel - 1) + 1 and adj less than "
    "the stride. A target_shape overrides both: total = stride * (size - 1) + k_e - target, pad = ceil(total / 2), "
    "adj = total mod 2.",
    "groups": "num_group divides channels and num_filter; a block of consecutive channels is a group.",
    "refused": "adj of a stride or more, a target_shape beyond the full result or with an odd total at stride 1, one "
    "number for several axes, dilate in a Deconvolution of 3 axes, four axes, layouts NWC and others.",
}
"""What MXNet means by the words, as of version 1.9.1."""

LAYOUTS = {"NCW": 1, "NCHW": 2, "NHWC": 2, "NCDHW": 3, "NDHWC": 3}
"""The layouts that both operators know, and how many axes each has."""

_NAMES: Mapping[str, str] = {
    "input_size": "size of data", "kernel_size": "kernel", "padding": "pad", "dilation": "dilate",
    "groups": "num_group", "output_padding": "adj",
}  # fmt: skip
"""What MXNet calls the arguments of a layer."""


# -- convolutions ----------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    data: Any,
    kernel: PerAxis,
    num_filter: int,
    stride: PerAxis | None = None,
    dilate: PerAxis | None = None,
    pad: PerAxis | None = None,
    num_group: int = 1,
    layout: str | None = None,
    workspace: int = 1024,
    no_bias: bool = False,
    cudnn_tune: str | None = None,
    cudnn_off: bool = False,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer that ``mxnet.nd.Convolution`` is for this data; 1 to 3 axes.

    Parameters
    ----------
    data : array or shape
        (batch, channels, *size), or as `layout` has it. The batch may be None.
    kernel : int or sequence of int
        One entry for each axis; a number alone is for the one axis of a 1-D convolution.
    num_filter : int
        Number of output channels.
    stride, dilate, pad : int or sequence of int, optional
        One entry for each axis; without them ones, ones and zeros.
    num_group : int, default 1
    layout : str, optional
        ``NCW``, ``NCHW``, ``NCDHW``, or channels last: ``NHWC``, ``NDHWC``.
    workspace, no_bias, cudnn_tune, cudnn_off
        As in MXNet; the matrix does not depend on them.
    weight : array_like, optional
        As MXNet is given it: (num_filter, channels // num_group, *kernel), or as `layout` has it.

    Returns
    -------
    Conv
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        Where MXNet refuses; a TypeError as well where an argument is of a wrong kind.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.Convolution.

    Examples
    --------
    >>> conv((1, 3, 8, 8), kernel=(3, 3), num_filter=4, stride=(2, 2), pad=(1, 1)).output_shape
    (4, 4, 4)
    """  # noqa: DOC502  raised by the checks below and by the layer
    count, channels, numbers = _numbers(data, kernel, stride, dilate, layout)
    pads = _pads(pad, count)
    groups = _checked_groups(num_filter, channels, num_group)
    with argument_names(_NAMES):
        layer = Conv(**numbers, padding=[(p, p) for p in pads], groups=groups, in_channels=channels,
                     out_channels=num_filter)  # fmt: skip
    return with_weight(layer, weight, _in_layout, layout=layout)


@takes_weight
def conv_transpose(
    data: Any,
    kernel: PerAxis,
    num_filter: int,
    stride: PerAxis | None = None,
    dilate: PerAxis | None = None,
    pad: PerAxis | None = None,
    adj: PerAxis | None = None,
    target_shape: PerAxis | None = None,
    num_group: int = 1,
    layout: str | None = None,
    workspace: int = 512,
    no_bias: bool = True,
    cudnn_tune: str | None = None,
    cudnn_off: bool = False,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer that ``mxnet.nd.Deconvolution`` is for this data; 1 to 3 axes.

    It is the transpose of the Convolution with these words. So is MXNet's with oneDNN; its own code for CPUs gives
    other values where stride and dilate are both more than 1 on an axis.

    Parameters
    ----------
    data, kernel, num_filter, stride, dilate, pad, num_group, layout
        As for `conv`.
    adj : int or sequence of int, optional
        What is added to the output at its end, less than the stride; zeros without it.
    target_shape : int or sequence of int, optional
        The size of the output. `pad` and `adj` are then not looked at: of what the full result has too much, half is
        cropped at each end, the larger half at the start. The build with oneDNN, the default on CPUs, computes it only
        if `pad` says the same.
    workspace, no_bias, cudnn_tune, cudnn_off
        As in MXNet; the matrix does not depend on them.
    weight : array_like, optional
        As MXNet is given it: (channels, num_filter // num_group, *kernel), or as `layout` has it.

    Returns
    -------
    ConvTranspose
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        Where MXNet refuses, and where the output would be empty; a TypeError as well where an argument is of a wrong
        kind.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.Deconvolution; the rule of target_shape is that of the code,
       src/operator/nn/deconvolution-inl.h.

    Examples
    --------
    >>> conv_transpose((1, 1, 3), kernel=4, num_filter=1, stride=2, target_shape=5)
    ConvTranspose(input_size=(3,), kernel_size=(4,), stride=(2,), padding=((2, 2),), output_padding=(1,))
    """
    count, channels, numbers = _numbers(data, kernel, stride, dilate, layout)
    pads = _pads(pad, count)
    adjs = _one_for_each("adj", adj, count, 0)
    targets = _one_for_each("target_shape", target_shape, count, 0)
    if count == 3 and prod(numbers["dilation"]) > 1:
        raise ValueError(f"dilate is {tuple(numbers['dilation'])}, but MXNet has no dilation in a Deconvolution of 3 "
                         "axes: transpose the matrix of the convolution, conv(...).T")  # fmt: skip
    full = [s * (n - 1) + d * (k - 1) + 1 for n, k, s, d in zip(*numbers.values(), strict=True)]
    if any(targets):
        totals = [_total(axis, *each) for axis, each in enumerate(zip(full, targets, strict=True))]
        pads, adjs = [(total + 1) // 2 for total in totals], [total % 2 for total in totals]
    for axis, (size, s) in enumerate(zip(adjs, numbers["stride"], strict=True)):
        _check_adj(axis, size, s, totals[axis] if any(targets) else None)
    groups = _checked_groups(num_filter, channels, num_group)
    with argument_names(_NAMES):
        layer = ConvTranspose(**numbers, padding=[(p, p) for p in pads], output_padding=adjs, groups=groups,
                              in_channels=channels, out_channels=num_filter)  # fmt: skip
    return with_weight(layer, weight, _in_layout, layout=layout)


def upsampling(data: Any, scale: int) -> ConvTranspose:
    """Make the layer that ``mxnet.nd.UpSampling(..., sample_type="bilinear")`` is: a Deconvolution of each channel.

    Its kernel is 2 * scale - scale mod 2 and its pad ceil((scale - 1) / 2); its weight is `bilinear`, if it is
    initialised as the documentation says.

    Parameters
    ----------
    data : (batch, channels, height, width) array or shape
        The batch may be None.
    scale : int

    Returns
    -------
    ConvTranspose

    Raises
    ------
    ValueError
        If data has other than four axes, or scale is less than 1; a TypeError as well where it is no integer.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.UpSampling and mxnet.initializer.Bilinear.

    Examples
    --------
    >>> layer = upsampling((1, 3, 8, 6), 2)
    >>> layer.output_shape, bilinear(layer.weight_shape)[0, 0, 1].tolist()
    ((3, 16, 12), [0.1875, 0.5625, 0.5625, 0.1875])
    """  # noqa: DOC502  raised by the checks below and by the layer
    shape = _data_shape(data, 2, None)
    f, channels = positive("scale", scale), shape[1]
    return conv_transpose(shape, kernel=(2 * f - f % 2,) * 2, num_filter=channels, stride=(f, f),
                          pad=(ceil((f - 1) / 2),) * 2, num_group=channels)  # fmt: skip


# -- weights ---------------------------------------------------------------------------------------------------------


def weight(w: ArrayLike, layout: str | None = None, *, inverse: bool = False) -> NDArray[Any]:
    """Bring a weight of Convolution into the layout of `conv`.

    Parameters
    ----------
    w : (num_filter, channels // num_group, *kernel) array_like
        Or (num_filter, *kernel, channels // num_group) where the layout has the channels last.
    layout : str
        That of the operator, whose default is NCW, NCHW or NCDHW. It may be left out for one axis, which has only one.
    inverse : bool, default False
        Bring a weight of `conv` into the layout of the operator instead.

    Returns
    -------
    (num_filter, channels // num_group, *kernel) ndarray
        With `inverse`, in the order of the layout.

    Raises
    ------
    ValueError
        If the layout is none of MXNet's, or not given although there are several, or the array has another number of
        axes.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.Convolution.

    Examples
    --------
    >>> weight(np.zeros((4, 3, 3, 2)), layout="NHWC").shape
    (4, 2, 3, 3)
    """
    array = weight_of(w)
    known = [name for name, axes in LAYOUTS.items() if axes == array.ndim - 2]
    if layout is None and len(known) > 1:
        raise ValueError(f"layout is not given, but decides where a weight of shape {array.shape} has its channels: "
                         f"give {' or '.join(map(repr, known))} as MXNet is called ({short(known[0])} is its default), "
                         "or let conv(..., weight=w) give the weight beside the layer")  # fmt: skip
    return _in_layout(array, layout=layout, inverse=inverse)


def weight_transpose(w: ArrayLike, layout: str | None = None, *, inverse: bool = False) -> NDArray[Any]:
    """Bring a weight of Deconvolution into the layout of `conv_transpose`.

    Parameters
    ----------
    w : (channels, num_filter // num_group, *kernel) array_like
        Or (channels, *kernel, num_filter // num_group) where the layout has the channels last.
    layout, inverse
        As for `weight`.

    Returns
    -------
    (channels, num_filter // num_group, *kernel) ndarray
        With `inverse`, in the order of the layout.

    Raises
    ------
    ValueError
        As for `weight`.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.Deconvolution.

    Examples
    --------
    >>> weight_transpose([[[1, 2, 3]]], "NCW").tolist()
    [[[1, 2, 3]]]
    """  # noqa: DOC502  raised by what both share
    return weight(w, layout, inverse=inverse)


def _in_layout(w: NDArray[Any], *, layout: str | None, inverse: bool = False) -> NDArray[Any]:
    """A weight of either operator in the layout of the layer, or back."""
    _check_layout(layout, w.ndim - 2)
    if w.ndim < 3:
        raise ValueError(f"weight has shape {w.shape} but MXNet's has two axes of channels and 1 to 3 of the kernel")
    order = "O*I" if layout is not None and layout.endswith("C") else "OI*"
    return moved(w, "OI*", order) if flag("inverse", inverse) else moved(w, order, "OI*")


def bilinear(shape: Sequence[int]) -> NDArray[np.float64]:
    """Make the weight that ``mxnet.initializer.Bilinear`` makes: the same tent in every channel.

    Parameters
    ----------
    shape : (channels, 1, height, width)
        Of the weight. The width decides the tent on both axes.

    Returns
    -------
    ndarray of that shape

    Raises
    ------
    ValueError
        If it has other than four axes.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.initializer.Bilinear.

    Examples
    --------
    >>> bilinear((1, 1, 4, 4))[0, 0, 1].tolist()
    [0.1875, 0.5625, 0.5625, 0.1875]
    """
    sizes = [positive(f"shape, axis {axis},", size) for axis, size in enumerate(shape_of("shape", shape))]
    if len(sizes) != 4:
        raise ValueError(f"shape has {counted(len(sizes), 'entry')}, {tuple(sizes)}, but a bilinear weight needs 4: "
                         "channels, 1, height and width")  # fmt: skip
    f = -(-sizes[3] // 2)
    centre = (2 * f - 1 - f % 2) / (2 * f)
    tents = [1 - np.abs(np.arange(size) / f - centre) for size in sizes[2:]]
    return np.broadcast_to(np.multiply.outer(*tents), sizes).copy()


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _numbers(data: Any, kernel: Any, stride: Any, dilate: Any, layout: Any) -> tuple[int, int, dict[str, Any]]:
    """How many axes there are, how many channels, and the numbers of each axis."""
    entries = entries_of(kernel)
    count = 1 if entries is None else len(entries)
    if not 1 <= count <= 3:
        raise ValueError(f"kernel has {counted(count, 'entry')}, {kernel}, but MXNet has convolutions of 1, 2 and 3 "
                         "axes")  # fmt: skip
    shape = _data_shape(data, count, layout)
    last = layout is not None and layout.endswith("C")
    size = shape[1:-1] if last else shape[2:]
    numbers = {
        "input_size": list(size),
        "kernel_size": per_axis("kernel", kernel, count),
        "stride": _one_for_each("stride", stride, count, 1),
        "dilation": _one_for_each("dilate", dilate, count, 1),
    }
    return count, shape[-1 if last else 1], numbers


def _data_shape(data: Any, count: int, layout: Any) -> tuple[Any, ...]:
    """The shape of data, of which only the batch may be unknown."""
    _check_layout(layout, count)
    shape = shape_of("data", data, unknown=True)
    if len(shape) != count + 2:
        raise ValueError(f"data has {counted(len(shape), 'entry')}, {shape}, but a convolution of {count} "
                         f"{'axis' if count == 1 else 'axes'} needs {count + 2}, with batch and channels")  # fmt: skip
    sizes_in("data", shape, range(1, len(shape)))
    return shape


def _check_layout(layout: Any, count: int) -> None:
    if layout is None:
        return
    check_word("layout", layout, tuple(LAYOUTS))
    if LAYOUTS[layout] != count:
        fits = " or ".join(word for word, axes in LAYOUTS.items() if axes == count)
        remedy = f"write {fits}" if fits else "MXNet has convolutions of 1, 2 and 3 axes"
        raise ValueError(f"layout {short(layout)} has {counted(LAYOUTS[layout], 'spatial letter')} but kernel has "
                         f"{count} {'axis' if count == 1 else 'axes'}: {remedy}")  # fmt: skip


def _one_for_each(name: str, value: Any, count: int, default: int, least: int | None = None) -> list[int]:
    """One integer for each axis; nothing, or an empty sequence, stands for the default."""
    entries = [] if value is None else entries_of(value)
    if entries is None:
        entries = [value]
    if not entries:
        return [default] * count
    if len(entries) != count:
        needed = f"{count} entries, one for each axis of the kernel" if count > 1 else "1 entry, as the kernel"
        spread = type(value) is int and value >= default
        remedy = f": MXNet spreads no number over the axes, write {short((value,) * count)}" if spread else ""
        raise ValueError(f"{name} must have {needed}, got {len(entries)}, {short(value)}{remedy}")
    return per_axis(name, entries, count, least=default if least is None else least)


def _pads(pad: Any, count: int) -> list[int]:
    return _one_for_each("pad", pad, count, 0)


def _total(axis: int, full: int, target: int) -> int:
    """What the full result has more than the target."""
    if target < 1:
        raise ValueError(f"target_shape is {target} on axis {axis}, an empty output: give at least 1 on every axis, or "
                         "no target_shape")  # fmt: skip
    if target > full:
        raise ValueError(
            f"target_shape {target} on axis {axis} is too big: the full result has {full} (= stride * (size - 1) + "
            f"dilate * (kernel - 1) + 1), and it is only cropped; give at most {full}"
        )
    return full - target


def _check_adj(axis: int, adj: int, stride: int, total: int | None) -> None:
    if adj < stride:
        return
    if total is None:
        raise ValueError(f"adj {adj} on axis {axis} must be less than stride {stride}: it chooses among the {stride} "
                         "sizes that one convolution maps to the same output")  # fmt: skip
    raise ValueError(
        f"target_shape on axis {axis} crops {total}, an odd number, for which MXNet takes pad {(total + 1) // 2} and "
        f"adj 1, but adj must be less than stride {stride}: give a size that is 1 more or less, or a larger stride"
    )


def _checked_groups(num_filter: Any, channels: int, num_group: Any) -> int:
    return check_groups("num_group", num_group, {"the channels of data": channels, "num_filter": num_filter})


# -- Gluon's blocks --------------------------------------------------------------------------------------------------

_POOL_WORDS = ("kernel", "stride", "pad", "global_pool", "pool_type", "pooling_convention")
_WORDS = ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "layout")


def from_layer(obj: Any, input_size: PerAxis) -> Loaded:
    """Read a gluon.nn.Conv1D to Conv3D, or Conv1DTranspose to Conv3DTranspose, by the names of its attributes.

    An activation that the block applies afterwards is not part of it.

    Parameters
    ----------
    obj : gluon block
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each.

    Returns
    -------
    Loaded
        Weights of float16 are widened to float32, without loss. A block that is not initialised has `MissingValues` in
        place of a weight, and its sizes all the same.

    Raises
    ------
    ValueError
        If the block does not take an input of this size, or does not know its channels yet.
    WrongTypeError
        If it is no convolution, has a forward of its own, or a hook: a TypeError as well.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.gluon.nn.Conv2D and Conv2DTranspose.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> words = {"kernel": (2,), "stride": (1,), "dilate": (1,), "pad": (0,), "num_filter": 1, "num_group": 1,
    ...     "layout": "NCW"}
    >>> obj = SimpleNamespace(_op_name="Convolution", _kwargs=words, weight=np.array([[[1, 2]]]), bias=None)
    >>> layer, w, bias = from_layer(obj, 3)
    >>> layer.matrix(w).toarray()
    array([[1, 2, 0],
           [0, 1, 2]])
    """  # noqa: DOC502  raised by the checks below and by the layer
    return _read(obj, input_size)


def _read(obj: Any, input_size: PerAxis, channels: int | None = None) -> Loaded:
    """A convolution, and one that does not know its channels by those that it is given."""
    operator, parameter, bias = attributes_of(obj, ("_op_name", "weight", "bias"), "a Gluon convolution")
    name = type(obj).__name__
    _refuse_other_code(obj)
    if operator not in ("Convolution", "Deconvolution"):
        raise WrongTypeError(f"{name} applies {operator}, which is no convolution: give a Conv or ConvTranspose block")
    said = _said(obj, _WORDS, "a Gluon convolution")
    words = {word: said[word] for word in _WORDS}
    layout = words["layout"]
    array = _parameter(parameter, name, None if channels is None else _weight_shape(operator, words, channels))
    entries = entries_of(words["kernel"])
    size = _spatial(input_size, 1 if entries is None else len(entries))
    layer: Conv | ConvTranspose
    rows, cols, *_ = _laid_out_as_ours(array.shape, layout)
    if operator == "Deconvolution":
        layer = conv_transpose(_laid_out(rows, size, layout), **words, adj=said.get("adj"),
                               target_shape=said.get("target_shape"))  # fmt: skip
    else:
        layer = conv(_laid_out(cols * integer("num_group", words["num_group"]), size, layout), **words)
    biases = None if bias is None else _parameter(bias, name, (layer.out_channels,))
    if isinstance(array, MissingValues):
        return Loaded(layer, MissingValues(array.reason, layer.weight_shape), biases)
    return Loaded(layer, layer.checked_weight(weight(array, layout)), biases)


def _laid_out_as_ours(shape: tuple[int, ...], layout: str | None) -> tuple[int, ...]:
    """The shape of a weight with the channels in front."""
    _check_layout(layout, len(shape) - 2)
    first, second, *kernel = (shape[0], shape[-1], *shape[1:-1]) if _is_last(layout) else shape
    return (first, second, *kernel)


def _weight_shape(operator: str, words: Mapping[str, Any], channels: int) -> tuple[int, ...]:
    """The shape that a weight will have for data with these channels."""
    entries, groups = entries_of(words["kernel"]), integer("num_group", words["num_group"])
    kernel = (words["kernel"],) if entries is None else tuple(entries)
    rows, cols = (channels, words["num_filter"]) if operator == "Deconvolution" else (words["num_filter"], channels)
    return (rows, *kernel, cols // groups) if _is_last(words["layout"]) else (rows, cols // groups, *kernel)


def _is_last(layout: str | None) -> bool:
    """Whether a layout has the channels last."""
    return layout is not None and layout.endswith("C")


def _said(block: Any, words: Sequence[str], what: str) -> Mapping[str, Any]:
    """The words with which a block calls its operator, if none of these is missing."""
    said: Mapping[str, Any] = attributes_of(block, ("_kwargs",), what)[0]
    missing = [word for word in words if word not in said]
    if missing:
        raise WrongTypeError(f"{type(block).__name__} says no {short(missing[0])} in its _kwargs: give a block of "
                             "mxnet.gluon.nn")  # fmt: skip
    return said


def _laid_out(channels: int, size: Sequence[int], layout: str | None) -> tuple[int | None, ...]:
    """The shape of data with an unknown batch."""
    return (None, *size, channels) if layout is not None and layout.endswith("C") else (None, channels, *size)


def _spatial(input_size: PerAxis, count: int) -> list[int]:
    sizes = per_axis("input_size", input_size, count)
    if len(sizes) != count:
        raise ValueError(f"input_size has {counted(len(sizes), 'entry')}, {tuple(sizes)}, but the block has {count} "
                         f"{'axis' if count == 1 else 'axes'}: give one entry for each")  # fmt: skip
    return sizes


def _parameter(parameter: Any, name: str, shape_when_known: tuple[int, ...] | None = None) -> Values:
    """The values of a parameter, float16 widened to float32; or its shape, where it has no values yet."""
    if not callable(getattr(parameter, "data", None)):
        return weight_of(parameter)
    shape = getattr(parameter, "shape", None)
    if shape is None or any(length is None or length < 1 for length in shape):
        reason = (f"{name} does not know its in_channels yet (its parameter has shape {shape}): give them when it is "
                  "made, or call it once on data")  # fmt: skip
        if shape_when_known is None:
            raise ValueError(reason)
        return MissingValues(reason, shape_when_known)
    try:
        return weight_of(parameter.data())
    except RuntimeError:  # MXNet's own, which says so in a paragraph
        reason = f"{name} has no values yet: call .initialize() on it, or load its parameters"
        return MissingValues(reason, tuple(shape))


_PACKAGES = ("mxnet",)

_COMPUTING = ("__call__", "forward", "hybrid_forward")
"""Methods by which Gluon's blocks make a result of their attributes."""


def _refuse_other_code(block: Any) -> None:
    """Refuse a block that computes by code other than MXNet's: of its class, set on the object, or in a hook."""
    name = type(block).__name__
    found = override_of(block, _COMPUTING, lambda cls: comes_from(cls, _PACKAGES))
    if found is not None:
        raise WrongTypeError(f"{name} has a {found.method} of its own, that of {found.owner}, so that its numbers do "
                             "not say what it computes: "
                             + what_to_give(getattr(block, "_children", None), "block", "Gluon"))  # fmt: skip
    patched = patch_of(type(block), _COMPUTING, _PACKAGES)
    if patched is not None:
        raise WrongTypeError(f"{patched}: read the block where the class is MXNet's own")
    for kind, when in (("_forward_pre_hooks", "pre-hook"), ("_forward_hooks", "hook")):
        for hook in dict(getattr(block, "__dict__", {}).get(kind) or {}).values():
            said = getattr(hook, "__qualname__", type(hook).__name__).rpartition("<locals>.")[-1]
            raise WrongTypeError(f"{name} has a forward {when}, {said}, which may change what it computes: detach it, "
                                 "by the handle that its registration returned")  # fmt: skip


# -- Gluon's models --------------------------------------------------------------------------------------------------

_SEQUENTIAL = ("HybridSequential", "Sequential")
_PASSED = {
    **dict.fromkeys(("Activation", "LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "Swish", "SiLU"),
                    "an activation, which is not linear"),
    **dict.fromkeys(("BatchNorm", "SyncBatchNorm", "BatchNormReLU", "InstanceNorm", "LayerNorm", "GroupNorm"),
                    "a normalisation, which keeps sizes"),
    "Dropout": "dropout, which does nothing in use",
    "Identity": "does nothing",
    "Flatten": "a flatten at the end, which the rows of a matrix are already",
}  # fmt: skip
_CONVOLUTIONS = tuple(f"Conv{axes}D{kind}" for axes in (1, 2, 3) for kind in ("", "Transpose"))
_POOLS = tuple(f"{kind}Pool{axes}D" for axes in (1, 2, 3) for kind in ("Max", "Avg", "GlobalMax", "GlobalAvg"))
_SHUFFLES = tuple(f"PixelShuffle{axes}D" for axes in (1, 2, 3))
_KNOWN = frozenset((*_SEQUENTIAL, *_PASSED, *_CONVOLUTIONS, *_POOLS, *_SHUFFLES))


def from_model(obj: Any, input_size: PerAxis, in_channels: int | None = None) -> Chain:
    """Read a gluon.nn.HybridSequential or Sequential, also of others, or a single block, as layers in a row.

    Convolutions, average and max pools and pixel shuffles become layers; activations, normalisation, dropout and a
    flatten at the end are passed over with a note.

    Parameters
    ----------
    obj : gluon block
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each.
    in_channels : int, optional
        Channels of the input, where the first layer does not tell them.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        If there is no layer in it, one does not take what comes before it, or the number of channels is not known.
    WrongTypeError
        If it has a block that is none of these, which is named: a TypeError as well.

    Examples
    --------
    >>> words = {"kernel": (2,), "stride": (1,), "dilate": (1,), "pad": (0,), "num_filter": 1, "num_group": 1,
    ...     "layout": "NCW"}
    >>> values = {"_op_name": "Convolution", "_kwargs": words, "weight": np.array([[[1, 2]]]), "bias": None}
    >>> block = type("Conv1D", (), values)()
    >>> from_model(type("Sequential", (), {"_children": {"0": block, "1": block}})(), 5)[1].output_size
    (3,)
    """  # noqa: DOC502  raised by the checks below
    pieces = list(_pieces(obj, ""))
    first = next((piece for _, piece in pieces if _kind(piece) in (*_CONVOLUTIONS, *_POOLS, *_SHUFFLES)), None)
    if first is None:
        raise ValueError(f"there is no layer in {type(obj).__name__} that has a matrix: give one with a convolution or "
                         "a pool")  # fmt: skip
    size = _spatial(input_size, int(_kind(first).removesuffix("Transpose")[-2]))
    channels = _first_channels(pieces) if in_channels is None else positive("in_channels", in_channels)
    return chained(pieces, (channels, *size), _Reader())


class _Reader:
    """Reads one block after the other; after a flatten there is no layer of ours."""

    def __init__(self) -> None:
        self.flat = False

    def __call__(self, block: Any, shape: tuple[int, ...]) -> Loaded | LeftOut:
        kind = _kind(block)
        if kind in _PASSED:
            self.flat |= kind == "Flatten"
            return LeftOut(_PASSED[kind])
        if self.flat:
            raise WrongTypeError(f"{type(block).__name__} comes after a Flatten, where no axes are left: end before it")
        if kind in _CONVOLUTIONS:
            return _convolution(block, shape)
        if kind in _POOLS:
            return Loaded(_pool(block, shape))
        return Loaded(_shuffle(block, shape))


def _kind(block: Any) -> str:
    """The class of Gluon's that a block is of, unless it computes in another way."""
    _refuse_other_code(block)
    base = base_of(block, _KNOWN, _PACKAGES, _PACKAGES)
    if base is not None:
        return base.__name__
    raise WrongTypeError(f"{type(block).__name__} is no block that is read as a layer: those are convolutions, pools, "
                         "pixel shuffles and sequences of them; read its parts one by one with from_layer")  # fmt: skip


def _pieces(block: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All blocks in their order, and an activation as one of its own."""
    own = name or type(block).__name__
    try:
        kind = _kind(block)
    except WrongTypeError as error:
        raise WrongTypeError(f"{own}: {error}") from None
    if kind in _SEQUENTIAL:
        for key, child in attributes_of(block, ("_children",), "a Gluon sequence")[0].items():
            yield from _pieces(child, f"{name}.{key}".removeprefix("."))
        return
    yield own, block
    if getattr(block, "act", None) is not None and kind in _CONVOLUTIONS:
        yield f"{own}.act", block.act


def _first_channels(pieces: Sequence[tuple[str, Any]]) -> int:
    """The channels of the input, which the first convolution tells: pools keep them."""
    for name, block in pieces:
        kind = _kind(block)
        if kind in _CONVOLUTIONS:
            (parameter,) = attributes_of(block, ("weight",), "a Gluon convolution")
            said = _said(block, _WORDS, "a Gluon convolution")
            shape = _laid_out_as_ours(_parameter(parameter, f"{name}: {kind}").shape, said["layout"])
            return shape[0] if kind.endswith("Transpose") else shape[1] * integer("num_group", said["num_group"])
        if kind in _SHUFFLES:
            break
    raise ValueError("the first layer with a weight does not tell how many channels the input has: say in_channels")


def _convolution(block: Any, shape: tuple[int, ...]) -> Loaded:
    loaded = _read(block, shape[1:], shape[0])
    if loaded.layer.in_channels != shape[0]:
        raise ValueError(f"{type(block).__name__} takes {counted(loaded.layer.in_channels, 'channel')} but what comes "
                         f"before it gives {shape[0]}")  # fmt: skip
    return loaded


def _pool(block: Any, shape: tuple[int, ...]) -> AvgPool | MaxPool:
    said = _said(block, _POOL_WORDS, "a Gluon pool")
    convention, channels, size = said["pooling_convention"], shape[0], shape[1:]
    if said["pool_type"] not in ("max", "avg") or convention not in ("valid", "full"):
        raise WrongTypeError(f"{type(block).__name__} has pool_type {short(said['pool_type'])} and pooling_convention "
                             f"{convention!r}, but only 'max' and 'avg' with 'valid' and 'full' are read")  # fmt: skip
    if said["global_pool"]:
        kernel, stride, pads, ceil_mode = size, (1,) * len(size), (0,) * len(size), False
    else:
        kernel, stride, pads, ceil_mode = said["kernel"], said["stride"], said["pad"], convention == "full"
    words: dict[str, Any] = {"stride": stride, "padding": pads, "ceil_mode": ceil_mode, "channels": channels}
    pool: AvgPool | MaxPool
    if said["pool_type"] == "max":
        pool = MaxPool(size, kernel, **words)
    else:
        pool = AvgPool(size, kernel, **words, count_include_pad=said.get("count_include_pad", True))
    if ceil_mode:
        _check_windows(pool)
    return pool


def _check_windows(pool: AvgPool | MaxPool) -> None:
    """Refuse windows beyond all input, which MXNet's 'full' convention has."""
    for axis, (n, k, s, (pad, _), o) in enumerate(
        zip(pool.input_size, pool.kernel_size, pool.stride, pool.padding, pool.output_size, strict=True)
    ):
        theirs = -((k - n - 2 * pad) // s) + 1
        if theirs != o:
            raise ValueError(
                f"MXNet's pooling_convention 'full' has {theirs} windows on axis {axis} (= ceil((size {n} + 2 * pad "
                f"{pad} - kernel {k}) / stride {s}) + 1), of which {theirs - o} would see no input: use 'valid', or "
                "less stride or padding"
            )


def _shuffle(block: Any, shape: tuple[int, ...]) -> PixelShuffle:
    factors = block._factors if hasattr(block, "_factors") else attributes_of(block, ("_factor",), "a PixelShuffle")[0]
    size = shape[1:]
    each = per_axis("factor", factors, len(size))
    if shape[0] % prod(each):
        raise ValueError(f"{type(block).__name__} needs a multiple of {prod(each)} channels (the product of its "
                         f"factors {tuple(each)}), but {shape[0]} come")  # fmt: skip
    return PixelShuffle(size, tuple(each), channels=shape[0] // prod(each))
