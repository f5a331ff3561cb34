"""The arithmetic of sizes as sentences: formula, numbers, and the relationship of the guide that states it."""

from typing import NamedTuple

from convmatrix.core.axis import Axis
from convmatrix.core.errors import counted, short
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import check_kind, integer

__all__ = ["Relationship", "SizeChoice", "relationship", "size_choices"]

_LISTED = 10_000
"""Most input sizes that are listed."""


class Relationship(NamedTuple):
    """The size of one axis as arithmetic.

    `number` is the relationship's in Dumoulin & Visin, arXiv:1603.07285; None where the guide states none.
    """

    number: int | None
    formula: str
    arithmetic: str
    note: str = ""


class SizeChoice(NamedTuple):
    """One of the input sizes of a convolution that give the same output size."""

    size: int
    leftover: int
    output_padding: int


def _axis_of(layer: Conv | ConvTranspose, axis: int) -> Axis:
    """The axis of that number, which may count from the end."""
    number = integer("axis", axis)
    if not -layer.ndim <= number < layer.ndim:
        raise ValueError(f"axis {short(number)} is not there: the layer has {counted(layer.ndim, 'spatial dimension')}")
    return layer.axes[number]


def relationship(layer: Conv | ConvTranspose, axis: int) -> Relationship:
    """Say how the output size of one axis comes about.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    axis : int

    Returns
    -------
    Relationship

    Examples
    --------
    >>> relationship(Conv(4, 3), 0)
    Relationship(number=1, formula='o = (i - k) + 1', arithmetic='(4 - 3) + 1 = 2', note='')
    >>> relationship(Conv(6, 3, stride=2, padding=1).T, 0)[:3]
    (14, "o' = s(i' - 1) + a + k - 2p", '2*(3 - 1) + 1 + 3 - 2*1 = 6')
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    forward = _axis_of(layer, axis)
    if isinstance(layer, Conv):
        return _of_convolution(forward)
    return _of_transpose(forward, layer.input_size[axis], *layer.padding[axis], layer.output_padding[axis])


def _of_convolution(axis: Axis) -> Relationship:
    i, k, s, p, o = axis.input_size, axis.kernel_size, axis.stride, axis.before, axis.output_size
    if axis.input_dilation > 1 or axis.before != axis.after or p < 0:
        formula = "o = floor((a(i - 1) + 1 + p_b + p_e - k_e) / s) + 1, k_e = d(k - 1) + 1"
        arithmetic = (
            f"floor(({axis.input_dilation}*({i} - 1) + 1 + {axis.before} + {axis.after} - {axis.span}) / {s}) + 1 = {o}"
        )
        return Relationship(None, formula, arithmetic, "relationship 15, for any pads and a stretched input")
    if axis.dilation > 1:
        d = axis.dilation
        return Relationship(
            15,
            "o = floor((i + 2p - k - (k - 1)(d - 1)) / s) + 1",
            f"floor(({i} + 2*{p} - {k} - ({k} - 1)*({d} - 1)) / {s}) + 1 = {o}",
        )
    if s > 1:
        if p == 0:
            return Relationship(5, "o = floor((i - k) / s) + 1", f"floor(({i} - {k}) / {s}) + 1 = {o}")
        return Relationship(6, "o = floor((i + 2p - k) / s) + 1", f"floor(({i} + 2*{p} - {k}) / {s}) + 1 = {o}")
    if p == 0:
        return Relationship(1, "o = (i - k) + 1", f"({i} - {k}) + 1 = {o}")
    if k == 2 * p + 1:
        return Relationship(3, "o = i", f"{o}", "half padding, p = floor(k / 2), k odd")
    if p == k - 1:
        return Relationship(4, "o = i + (k - 1)", f"{i} + ({k} - 1) = {o}", "full padding, p = k - 1")
    return Relationship(2, "o = (i - k) + 2p + 1", f"({i} - {k}) + 2*{p} + 1 = {o}")


def _of_transpose(axis: Axis, i: int, before: int, after: int, extra: int) -> Relationship:
    """`axis` is the forward convolution's; the rest is the transposed layer's own."""
    k, s, p, o = axis.span, axis.stride, before, axis.input_size
    if axis.input_dilation > 1 or before != after or p < 0 or extra >= s:
        formula = "o' = (s(i' - 1) + k_e - p_b - p_e + op - 1) / a + 1, k_e = d(k - 1) + 1"
        arithmetic = f"({s}*({i} - 1) + {k} - {before} - {after} + {extra} - 1) / {axis.input_dilation} + 1 = {o}"
        return Relationship(None, formula, arithmetic, "relationship 14, for any pads and a stretched output")
    note = f"with k_e = d(k - 1) + 1 = {k} for k" if axis.dilation > 1 else ""
    if extra:
        arithmetic = f"{s}*({i} - 1) + {extra} + {k} - 2*{p} = {o}"
        said = f"a = op; {note}" if note else "a = op"
        return Relationship(14, "o' = s(i' - 1) + a + k - 2p", arithmetic, said)
    if s > 1:
        if p == 0:
            return Relationship(12, "o' = s(i' - 1) + k", f"{s}*({i} - 1) + {k} = {o}", note)
        return Relationship(13, "o' = s(i' - 1) + k - 2p", f"{s}*({i} - 1) + {k} - 2*{p} = {o}", note)
    if p == 0:
        return Relationship(8, "o' = i' + (k - 1)", f"{i} + ({k} - 1) = {o}", note)
    if k == 2 * p + 1:
        return Relationship(10, "o' = i'", f"{o}", note or "transposed half padding")
    if p == k - 1:
        return Relationship(11, "o' = i' - (k - 1)", f"{i} - ({k} - 1) = {o}", note or "transposed full padding")
    return Relationship(9, "o' = i' + (k - 1) - 2p", f"{i} + ({k} - 1) - 2*{p} = {o}", note)


def size_choices(layer: Conv | ConvTranspose, axis: int) -> list[SizeChoice]:
    """List the input sizes of the (forward) convolution that give the same output size, and what tells them apart.

    Returns
    -------
    list of SizeChoice
        In ascending order; `output_padding` is what a transposed convolution needs to give that size.

    Raises
    ------
    ValueError
        If there are more than 10,000, as for a stride of that size.

    Examples
    --------
    >>> size_choices(Conv(5, 3, stride=2, padding=1), 0)
    [SizeChoice(size=5, leftover=0, output_padding=0), SizeChoice(size=6, leftover=1, output_padding=1)]
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    forward = _axis_of(layer, axis)
    sizes = forward.input_sizes()
    if (count := sizes.stop - sizes.start) > _LISTED:
        raise ValueError(
            f"on axis {axis}, {count} input sizes, from {sizes.start} to {sizes.stop - 1}, have the output size "
            f"{forward.output_size}: too many to list, at most {_LISTED} are"
        )
    smallest = (forward.output_size - 1) * forward.stride + forward.span - forward.before - forward.after
    leftovers = ((n, (n - 1) * forward.input_dilation + 1 - smallest) for n in sizes)
    return [SizeChoice(n, leftover, leftover) for n, leftover in leftovers]
