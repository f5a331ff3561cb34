"""Windows times a weight, piece by piece: each piece is laid out in the processor's cache and multiplied there.

Arrays have the shape (images, groups, channels, *size); a weight has (groups, to, from, *kernel_size). A piece is a box
of outputs that lie side by side in memory, so that the products are written where they belong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convmatrix.core.axis import Axis
from convmatrix.core.line import Line, line_of

__all__ = ["banded", "gathered", "has_band", "mirrored", "scattered"]

Array = NDArray[Any]

_PIECE = 2**19
"""Bytes of the windows that are laid out at once: about half of a second-level cache."""

_BAND = 32
"""Outputs of the last axis that one row of windows serves where there is a single channel."""


def gathered(axes: Sequence[Axis], weight: Array, x: Array) -> Array:
    """Multiply all windows of x by the weight.

    Parameters
    ----------
    axes : sequence of Axis
        One for each axis, outermost first.
    weight : (groups, to, from, *kernel_size) ndarray
    x : (images, groups, from, *input_size) ndarray
        Of the weight's dtype, in any memory order.

    Returns
    -------
    (images, groups, to, *output_size) ndarray
    """
    groups, to, channels, *kernel = weight.shape
    sizes = [axis.output_size for axis in axes]
    rows = weight.reshape(groups, to, channels * prod(kernel))
    out = np.empty((len(x), groups, to, prod(sizes)), dtype=x.dtype)
    for box in _boxes((len(x), groups, *sizes), _PIECE // (rows[0, 0].nbytes)):
        images, these, *ranges = box
        windows = _windows(x[images, these], _lines(axes, ranges), kernel, ranges)
        here = _side_by_side(sizes, ranges)
        columns = windows.reshape(*windows.shape[:2], rows.shape[2], here.stop - here.start)
        _multiply(rows[these], columns, out[images, these, :, here])
    return out.reshape(len(x), groups, to, *sizes)


def scattered(axes: Sequence[Axis], weight: Array, y: Array) -> Array:
    """Add up what every output sends back to its window: the transpose of `gathered`.

    Parameters
    ----------
    axes : sequence of Axis
        As for `gathered`.
    weight : (groups, to, from, *kernel_size) ndarray
        As for `gathered`, whose result has `to` channels.
    y : (images, groups, to, *output_size) ndarray
        Of the weight's dtype.

    Returns
    -------
    (images, groups, from, *input_size) ndarray
    """
    groups, to, channels, *kernel = weight.shape
    sizes = [axis.output_size for axis in axes]
    rows = np.swapaxes(weight.reshape(groups, to, channels * prod(kernel)), 1, 2)
    flat = y.reshape(len(y), groups, to, prod(sizes))
    out = np.zeros((len(y), groups, channels, *(axis.input_size for axis in axes)), dtype=y.dtype)
    for box in _boxes((len(y), groups, *sizes), _PIECE // (rows.shape[1] * weight.itemsize)):
        images, these, *ranges = box
        here = _side_by_side(sizes, ranges)
        sent = flat[images, these, :, here]
        columns = np.empty((*sent.shape[:2], rows.shape[1], sent.shape[3]), dtype=y.dtype)
        _multiply(rows[these], sent, columns)
        lines = _lines(axes, ranges)
        spread = np.zeros((*sent.shape[:2], channels, *map(_length, lines, kernel, ranges)), dtype=y.dtype)
        targets = _view(spread, lines, kernel, ranges, writeable=True)
        columns = columns.reshape(targets.shape)
        for tap in product(*map(range, kernel)):
            targets[:, :, :, *tap] += columns[:, :, :, *tap]
        _add_back(out[images, these], spread, lines, 3)
    return out


def mirrored(axes: Sequence[Axis], weight: Array) -> tuple[list[Axis], Array] | None:
    """The axes and the weight with which `gathered` does what `scattered` does with the given ones, if there are any.

    There are where windows overlap in steps of one and borders are zeros. The kernel is turned by 180 degrees.
    """
    if any((axis.mode, axis.stride, axis.input_dilation) != ("zeros", 1, 1) for axis in axes):
        return None
    turned = [
        replace(axis, input_size=axis.output_size, before=axis.span - 1 - axis.before, after=axis.input_size
                - axis.output_size + axis.before) for axis in axes
    ]  # fmt: skip
    return turned, np.swapaxes(np.flip(weight, tuple(range(3, weight.ndim))), 1, 2)


# -- a single channel ----------------------------------------------------------------------------------------------


def has_band(axes: Sequence[Axis], weight: Array) -> bool:
    """Whether `banded` takes these axes and is faster: one channel, and windows that overlap on a long last axis."""
    if weight.shape[:3] != (1, 1, 1) or weight.dtype.kind not in "fc" or not axes:
        return False
    last = axes[-1]
    return last.output_size >= _BAND and (_BAND - 1) * last.stride + last.span <= 16 * last.kernel_size


def banded(axes: Sequence[Axis], weight: Array, x: Array) -> Array | None:
    """Do what `gathered` does for a single channel, many outputs at once: the last axis times a band matrix.

    Outputs of the last axis are taken in blocks. All outputs of a block read the same stretch, so a row of windows is
    copied once for all of them, and the taps become a band matrix (stretch, block).

    Returns
    -------
    (images, 1, 1, *output_size) ndarray or None
        None where a number is not finite, which the zeros beside the band would spread to its neighbours.
    """
    *outer, last = axes
    size, stretch = last.output_size, (_BAND - 1) * last.stride + last.span
    band = _band(weight[0, 0, 0], last, stretch)
    out = np.empty((len(x), 1, 1, *(axis.output_size for axis in axes)), dtype=x.dtype)
    whole = size - size % _BAND
    # What is left over at the end is done as one more block, which begins within the one before.
    for start, stop in ((0, whole), (size - _BAND, size))[: 1 if whole == size else 2]:
        blocks = replace(last, kernel_size=stretch, stride=_BAND * last.stride, dilation=1,
                         before=last.before - start * last.stride)  # fmt: skip
        target = out[..., start:stop].reshape(*out.shape[:-1], -1, _BAND)
        if not _multiply_by_band([*outer, blocks], band, x, target):
            return None
    return out


def _band(taps: Array, last: Axis, stretch: int) -> Array:
    """The weight of one channel as a matrix from what a block reads to its outputs, shape (reads, block)."""
    band = np.zeros((*taps.shape[:-1], stretch, _BAND), dtype=taps.dtype)
    outputs = np.arange(_BAND)
    for tap in range(last.kernel_size):
        band[..., outputs * last.stride + tap * last.dilation, outputs] = taps[..., tap, None]
    return band.reshape(-1, _BAND)


def _multiply_by_band(axes: Sequence[Axis], band: Array, x: Array, out: Array) -> bool:
    """Fill out (images, 1, 1, *sizes, block) block by block; stop where a result is not finite."""
    kernel = [axis.kernel_size for axis in axes]
    for images, *ranges in _boxes((len(x), *out.shape[3:-1]), _PIECE // (len(band) * band.itemsize)):
        windows = _windows(x[images], _lines(axes, ranges), kernel, ranges)
        ndim = len(axes)
        by_block = windows.transpose(0, 1, 2, *range(3 + ndim, 3 + 2 * ndim), *range(3, 3 + ndim))
        with np.errstate(invalid="ignore", over="ignore"):
            product_ = by_block.reshape(-1, len(band)) @ band
        if not np.isfinite(product_).all():
            return False
        here = out[images, :, :, *ranges]
        here[:] = product_.reshape(here.shape)
    return True


# -- pieces --------------------------------------------------------------------------------------------------------


def _boxes(shape: tuple[int, ...], cells: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array into boxes of about equal sizes, of at most `cells` cells (at least 1) that are consecutive."""
    ranges: list[list[slice]] = []
    for size in reversed(shape):
        pieces = -(-size // max(min(cells, size), 1))
        step = -(-size // max(pieces, 1))
        ranges.append([slice(start, min(start + step, size)) for start in range(0, size, max(step, 1))])
        cells = cells // size if pieces == 1 else 1
    return product(*reversed(ranges))


def _side_by_side(sizes: Sequence[int], ranges: Sequence[slice]) -> slice:
    """The flat indices of a box of consecutive cells."""
    first = 0
    for size, here in zip(sizes, ranges, strict=True):
        first = first * size + here.start
    return slice(first, first + prod(here.stop - here.start for here in ranges))


def _lines(axes: Sequence[Axis], ranges: Sequence[slice]) -> list[Line]:
    return [line_of(axis, here.start, here.stop) for axis, here in zip(axes, ranges, strict=True)]


def _length(line: Line, taps: int, windows: slice) -> int:
    return (windows.stop - windows.start - 1) * line.stride + (taps - 1) * line.dilation + 1


def _windows(x: Array, lines: Sequence[Line], kernel: Sequence[int], ranges: Sequence[slice]) -> Array:
    """The windows of a box of outputs, shape (images, groups, channels, *kernel_size, *box)."""
    for axis, line in enumerate(lines, start=3):
        x = line.read(x, axis)
    return _view(x, lines, kernel, ranges, writeable=False)


def _view(x: Array, lines: Sequence[Line], kernel: Sequence[int], ranges: Sequence[slice], *, writeable: bool) -> Array:
    shape = (*x.shape[:3], *kernel, *(here.stop - here.start for here in ranges))
    taps = [step * line.dilation for step, line in zip(x.strides[3:], lines, strict=True)]
    steps = [step * line.stride for step, line in zip(x.strides[3:], lines, strict=True)]
    return as_strided(x, shape, (*x.strides[:3], *taps, *steps), writeable=writeable)


def _multiply(rows: Array, columns: Array, out: Array) -> None:
    """Multiply (groups, to, from) by (images, groups, from, cells)."""
    if out.dtype.kind in "fc":
        np.matmul(rows, columns, out=out)
    else:  # without BLAS, einsum's loops are several times faster
        np.einsum("gtf,igfc->igtc", rows, columns, out=out)


def _add_back(out: Array, values: Array, lines: Sequence[Line], axis: int) -> None:
    """Add values on lines to the inputs that stand there."""
    if not lines:
        out += values
        return
    for inputs, part in lines[0].returns(values, axis):
        _add_back(out[(*(slice(None),) * axis, inputs)], part, lines[1:], axis + 1)
