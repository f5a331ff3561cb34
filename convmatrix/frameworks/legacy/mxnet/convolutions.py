"""MXNet's operators: Convolution, Deconvolution, and UpSampling by a bilinear Deconvolution.

A transposed layer crops by its `pad`; `adj` adds less than a stride at the end, and a `target_shape` decides both. Its
weight is the array of the convolution that it transposes.
"""

from collections.abc import Mapping
from math import ceil, prod
from typing import Any

from numpy.typing import ArrayLike

from convmatrix.core.errors import pluralize, short
from convmatrix.frameworks.legacy.mxnet.weights import check_layout, is_channels_last, weight_layout
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import PerAxis, entries_of, per_axis, positive

__all__ = ["conv", "conv_transpose", "upsampling"]

_NAMES: Mapping[str, str] = {
    "input_size": "size of data",
    "kernel_size": "kernel",
    "padding": "pad",
    "dilation": "dilate",
    "groups": "num_group",
    "output_padding": "adj",
}
"""Names of a layer's arguments in MXNet."""


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
        With `weight`, the pair of the layer and the weight of Convolution in its layout.

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
    """
    count, channels, numbers = _numbers(data, kernel, stride, dilate, layout)
    pads = _pads(pad, count)
    groups = _checked_groups(num_filter, channels, num_group)
    with argument_names(_NAMES):
        layer = Conv(
            **numbers, padding=[(p, p) for p in pads], groups=groups, in_channels=channels, out_channels=num_filter
        )
    return with_weight(layer, weight, weight_layout(layout))


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

    It is the transpose of the Convolution with these arguments. So is MXNet's with oneDNN; its own code for CPUs gives
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
        With `weight`, the pair of the layer and the weight of Deconvolution in its layout.

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
        raise ValueError(
            f"dilate is {tuple(numbers['dilation'])}, but MXNet has no dilation in a Deconvolution of 3 "
            "axes: transpose the matrix of the convolution, conv(...).T"
        )
    full = [s * (n - 1) + d * (k - 1) + 1 for n, k, s, d in zip(*numbers.values(), strict=True)]
    if any(targets):
        totals = [_total(axis, *each) for axis, each in enumerate(zip(full, targets, strict=True))]
        pads, adjs = [(total + 1) // 2 for total in totals], [total % 2 for total in totals]
    for axis, (size, s) in enumerate(zip(adjs, numbers["stride"], strict=True)):
        _check_adj(axis, size, s, totals[axis] if any(targets) else None)
    groups = _checked_groups(num_filter, channels, num_group)
    with argument_names(_NAMES):
        layer = ConvTranspose(
            **numbers,
            padding=[(p, p) for p in pads],
            output_padding=adjs,
            groups=groups,
            in_channels=channels,
            out_channels=num_filter,
        )
    return with_weight(layer, weight, weight_layout(layout, transpose=True))


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
        With a group for each channel.

    Raises
    ------
    ValueError
        If data has other than four axes, or scale is less than 1; a TypeError as well where it is no integer.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.UpSampling and mxnet.initializer.Bilinear.

    Examples
    --------
    >>> from convmatrix.frameworks.legacy.mxnet import bilinear
    >>> layer = upsampling((1, 3, 8, 6), 2)
    >>> layer.output_shape, bilinear(layer.weight_shape)[0, 0, 1].tolist()
    ((3, 16, 12), [0.1875, 0.5625, 0.5625, 0.1875])
    """
    shape = _data_shape(data, 2, None)
    f, channels = positive("scale", scale), shape[1]
    return conv_transpose(
        shape,
        kernel=(2 * f - f % 2,) * 2,
        num_filter=channels,
        stride=(f, f),
        pad=(ceil((f - 1) / 2),) * 2,
        num_group=channels,
    )


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _numbers(data: Any, kernel: Any, stride: Any, dilate: Any, layout: Any) -> tuple[int, int, dict[str, Any]]:
    """Return the number of axes, the number of channels, and the integers of each axis."""
    entries = entries_of(kernel)
    count = 1 if entries is None else len(entries)
    if not 1 <= count <= 3:
        raise ValueError(
            f"kernel has {pluralize(count, 'entry')}, {kernel}, but MXNet has convolutions of 1, 2 and 3 axes"
        )
    shape = _data_shape(data, count, layout)
    last = is_channels_last(layout)
    size = shape[1:-1] if last else shape[2:]
    numbers = {
        "input_size": list(size),
        "kernel_size": per_axis("kernel", kernel, count),
        "stride": _one_for_each("stride", stride, count, 1),
        "dilation": _one_for_each("dilate", dilate, count, 1),
    }
    return count, shape[-1 if last else 1], numbers


def _data_shape(data: Any, count: int, layout: Any) -> tuple[Any, ...]:
    """Return the shape of data, of which only the batch may be unknown."""
    check_layout(layout, count)
    shape = shape_of("data", data, unknown=True)
    if len(shape) != count + 2:
        raise ValueError(
            f"data has {pluralize(len(shape), 'entry')}, {shape}, but a convolution of {count} "
            f"{'axis' if count == 1 else 'axes'} needs {count + 2}, with batch and channels"
        )
    sizes_in("data", shape, range(1, len(shape)))
    return shape


def _one_for_each(name: str, value: Any, count: int, default: int, least: int | None = None) -> list[int]:
    """Return one integer for each axis; None or an empty sequence is the default."""
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
    """Return the number of elements of the full result that the target crops."""
    if target < 1:
        raise ValueError(
            f"target_shape is {target} on axis {axis}, an empty output: give at least 1 on every axis, or "
            "no target_shape"
        )
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
        raise ValueError(
            f"adj {adj} on axis {axis} must be less than stride {stride}: it chooses among the {stride} "
            "sizes that one convolution maps to the same output"
        )
    raise ValueError(
        f"target_shape on axis {axis} crops {total}, an odd number, for which MXNet takes pad {(total + 1) // 2} and "
        f"adj 1, but adj must be less than stride {stride}: give a size that is 1 more or less, or a larger stride"
    )


def _checked_groups(num_filter: Any, channels: int, num_group: Any) -> int:
    return check_groups("num_group", num_group, {"the channels of data": channels, "num_filter": num_filter})
