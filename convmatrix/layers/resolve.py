"""Resolution of named paddings, output_padding and output_size to numbers, and checks that the kernel fits.

Each function works on one axis whose padding is not known yet. Its error messages have the axis, the arithmetic and a
remedy.
"""

from collections.abc import Iterable, Mapping

from convmatrix.core.axis import PADDING_MODES, Axis, input_sizes, named_padding, split_same
from convmatrix.core.errors import pluralize
from convmatrix.layers.arguments import (
    Padding,
    PaddingEntry,
    PerAxis,
    check_word,
    count_axes,
    padding_entries,
    per_axis,
    positive,
)
from convmatrix.layers.rules import LEAST, check

__all__ = ["axes_and_pads", "check_fit", "columns_of", "conv_padding", "transposed_padding"]

_COLUMNS = ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
"""Fields of a layer that have one integer for each axis."""


# -- what Conv and ConvTranspose have in common ----------------------------------------------------------------------


def axes_and_pads(
    numbers: Mapping[str, PerAxis],
    padding: Padding,
    ndim: int | None,
    padding_mode: str,
    groups: int,
    in_channels: int,
    out_channels: int,
) -> tuple[list[Axis], list[PaddingEntry]]:
    """Check the common arguments of `Conv` and `ConvTranspose`, and count their axes.

    Parameters
    ----------
    numbers : mapping of str to int or sequence of int
        The arguments that have one integer for each axis, by their names.
    padding, ndim, padding_mode, groups, in_channels, out_channels
        As in the layers.

    Returns
    -------
    list of Axis
        Without padding yet.
    list of str or (int, int)
        The padding of each axis, a name or a pair.

    Raises
    ------
    ValueError
        If an argument is no such number, if they have different numbers of axes, or do not go together.

    Examples
    --------
    >>> numbers = {"input_size": (5,), "kernel_size": 3, "stride": 2, "dilation": 1, "input_dilation": 1}
    >>> axes, pads = axes_and_pads(numbers, "same", None, "zeros", 1, 1, 1)
    >>> axes[0].input_size, axes[0].stride, pads
    (5, 2, ['same'])
    """
    count = count_axes({**numbers, "padding": padding}, ndim)
    columns = [per_axis(name, numbers[name], count, LEAST[name]) for name in _COLUMNS]
    check_word("padding_mode", padding_mode, PADDING_MODES)
    axes = [
        Axis(input_size=n, kernel_size=k, stride=s, dilation=d, input_dilation=a, mode=padding_mode)
        for n, k, s, d, a in zip(*columns, strict=True)
    ]
    pads = padding_entries(padding, count)
    for number, (axis, pad) in enumerate(zip(axes, pads, strict=True)):
        _check_input_dilation(number, axis, pad)
    _check_channels(groups, in_channels, out_channels)
    return axes, pads


def columns_of(axes: Iterable[Axis]) -> dict[str, tuple[int, ...]]:
    """The fields of a layer that have one integer for each axis, by their names.

    Returns
    -------
    dict of str to tuple of int

    Examples
    --------
    >>> columns_of([Axis(5, 3, stride=2), Axis(4, 2)])["stride"]
    (2, 1)
    """
    axes = list(axes)
    return {name: tuple(getattr(axis, name) for axis in axes) for name in _COLUMNS}


def _check_channels(groups: int, in_channels: int, out_channels: int) -> None:
    groups = positive("groups", groups)
    for name, argument in (("in_channels", in_channels), ("out_channels", out_channels)):
        channels = positive(name, argument)
        check("groups", {"groups": groups, "name": name, "channels": channels, "remainder": channels % groups})


def _check_input_dilation(number: int, axis: Axis, pad: PaddingEntry) -> None:
    if axis.input_dilation == 1:  # the usual case
        return
    values = {"axis": number, "input_dilation": axis.input_dilation, "padding_mode": axis.mode, "padding": pad}
    check("input_dilation", values)


# -- the padding of a convolution, and of a pool ---------------------------------------------------------------------


def conv_padding(axis: Axis, pad: PaddingEntry) -> tuple[int, int]:
    """Resolve the padding of one axis of a convolution, or of a pool.

    Parameters
    ----------
    axis : Axis
        Without padding.
    pad : str or (int, int)
        One of `PADDING_NAMES`, or the numbers.

    Returns
    -------
    (int, int)
        Before and after.

    Examples
    --------
    >>> conv_padding(Axis(5, 3, stride=2), "causal")
    (2, 0)
    """
    return named_padding(pad, axis.span, axis.stride, axis.input_size) if isinstance(pad, str) else pad


def check_fit(number: int, axis: Axis, before: int, after: int, *, beyond: int = 0) -> None:
    """Check that the kernel fits on an axis; it may extend `beyond` positions beyond the padded end."""
    span, padded = axis.span, axis.dilated_size + before + after
    values = {
        "axis": number,
        "input_size": axis.input_size,
        "kernel_size": axis.kernel_size,
        "dilation": axis.dilation,
        "input_dilation": axis.input_dilation,
        "before": before,
        "after": after,
        "span": span,
        "padded_size": padded,
        "beyond": beyond,
        "reach": padded + beyond,
        "missing": span - padded - beyond,
    }
    check("fit", values)


# -- the padding of a transposed convolution -------------------------------------------------------------------------


def transposed_padding(
    number: int, axis: Axis, pad: PaddingEntry, output_padding: int, output_size: int | None
) -> tuple[tuple[int, int], int]:
    """Resolve padding and output_padding of one axis of a transposed convolution.

    Parameters
    ----------
    number : int
        Of the axis, for errors.
    axis : Axis
        With the input size of the transposed convolution, and without padding.
    pad : str or (int, int)
        One of `PADDING_NAMES`, or the numbers.
    output_padding : int
    output_size : int or None

    Returns
    -------
    (int, int)
        Before and after.
    int
        The output_padding, which names and `output_size` decide as well.

    Raises
    ------
    ValueError
        If two arguments decide the output size, or if no convolution has it as its input size.

    Examples
    --------
    >>> transposed_padding(0, Axis(3, 3, stride=2), "same", 0, None)
    ((0, 1), 0)
    >>> transposed_padding(0, Axis(3, 3, stride=2), (1, 1), 0, 6)
    ((1, 1), 1)
    """
    values = {"axis": number, "output_padding": output_padding, "output_size": output_size or 0, "padding": pad}
    check("output_padding", values)
    if output_size is not None:
        return _from_output_size(number, axis, pad, output_size)
    pair, output_padding = _from_name(axis, pad, output_padding) if isinstance(pad, str) else (pad, output_padding)
    _check_output(number, axis, pad, pair, output_padding)
    return pair, output_padding


def _from_name(axis: Axis, name: str, output_padding: int) -> tuple[tuple[int, int], int]:
    """Return the pads of a named padding, and the output_padding, which some names determine."""
    longer_stride = max(axis.stride - axis.span, 0)
    if name in ("same", "same_lower"):
        return split_same(max(axis.span - axis.stride, 0), lower=name == "same_lower"), longer_stride
    pair = named_padding(name, axis.span, axis.stride, axis.input_size)
    return pair, {"valid": longer_stride, "anticausal": axis.stride - 1}.get(name, output_padding)


def _check_output(number: int, axis: Axis, pad: PaddingEntry, pair: tuple[int, int], output_padding: int) -> None:
    """Check output_padding, and that the output has positions, the last of which is not between two outputs."""
    without_output_padding = (axis.input_size - 1) * axis.stride + axis.span - sum(pair)
    dilated = without_output_padding + output_padding
    least = max(1 - without_output_padding, 0)
    values = {
        "axis": number,
        "input_size": axis.input_size,
        "kernel_size": axis.kernel_size,
        "stride": axis.stride,
        "dilation": axis.dilation,
        "input_dilation": axis.input_dilation,
        "padding": pad,
        "before": pair[0],
        "after": pair[1],
        "output_padding": output_padding,
        "bound": max(axis.stride, axis.dilation),
        "dilated_size": dilated,
        "missing": 1 - dilated,
        "remainder": (dilated - 1) % axis.input_dilation,
        "fitting": least + -(without_output_padding + least - 1) % axis.input_dilation,
    }
    check("output", values)


def _from_output_size(number: int, axis: Axis, pad: PaddingEntry, output_size: int) -> tuple[tuple[int, int], int]:
    """The pads and the output_padding that give `output_size`, if a convolution of it gives the input size."""
    outputs, stride = axis.input_size, axis.stride
    if pad in ("same", "same_lower"):
        fits = range((outputs - 1) * stride + 1, outputs * stride + 1)
        pair = named_padding(pad, axis.span, stride, output_size) if output_size in fits else (0, 0)
    else:
        pair = named_padding(pad, axis.span, stride, output_size) if isinstance(pad, str) else pad
        fits = input_sizes(outputs, axis.span, stride, sum(pair), axis.input_dilation)
    if output_size not in fits:
        padding = repr(pad) if isinstance(pad, str) else str(pad[0]) if pad[0] == pad[1] else str(pad)
        also = f", dilation {axis.dilation}" if axis.dilation > 1 else ""
        also += f", input_dilation {axis.input_dilation}" if axis.input_dilation > 1 else ""
        raise ValueError(
            f"output_size {output_size} on axis {number} cannot come from input_size {outputs} with kernel_size "
            f"{axis.kernel_size}, stride {stride}, padding {padding}{also}: a convolution gives "
            f"{pluralize(outputs, 'output')} {_only_for(fits)}; padding "
            f"{_padding_reaching(axis, output_size, sum(pair))} on this axis would make it {output_size}"
        )
    dilated = (output_size - 1) * axis.input_dilation + 1
    return pair, dilated - ((outputs - 1) * stride + axis.span - sum(pair))


def _padding_reaching(axis: Axis, output_size: int, pads: int) -> int | tuple[int, int]:
    """Find a padding with which a convolution of `output_size` gives the input size, if possible a symmetric one."""
    dilated = (output_size - 1) * axis.input_dilation + 1
    least = (axis.input_size - 1) * axis.stride + axis.span - dilated  # more leaves over up to stride - 1 positions
    nearest = min(max(pads, least), least + axis.stride - 1)
    totals = [total for total in (nearest, nearest + 1, nearest - 1) if least <= total < least + axis.stride]
    total = min(totals, key=lambda total: total % 2)
    return total // 2 if total % 2 == 0 else split_same(total, lower=False)


def _only_for(sizes: range) -> str:
    if not sizes:
        return "for no size"
    if sizes[4:]:  # there may be more than Python counts
        return f"only for {sizes[0]} to {sizes[-1]} inputs"
    return "only for " + " or ".join(filter(None, [", ".join(map(str, sizes[:-1])), pluralize(sizes[-1], "input")]))
