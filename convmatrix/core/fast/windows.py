"""Windows times a weight, piece by piece: each piece is laid out in a workspace, and multiplied while it is in cache.

Correct is `convmatrix.core.equation`; this is the same, faster.

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
from convmatrix.core.fast.line import Line, at, laid_out, line_of

__all__ = ["banded", "gathered", "has_band", "mirrored", "scattered"]

Array = NDArray[Any]

_PIECE = 2**22
"""Bytes of the windows that are laid out at once."""

_BAND = 16
"""Outputs of the last axis that one row of windows serves where there is a single channel."""

_WORTH = 4
"""A band matrix multiplies at most this many times as often as its taps would."""

_SHORT_ROW = 2**7
"""Bytes up to which a row of windows takes longer to begin than to copy."""

_WORTH_ROWS = 2**19
"""Bytes of windows from which that matters."""

_WIDEST = 1.25
"""Rows of windows are laid out as one where this makes them at most so many times longer."""


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
    columns = _Workspace(x.dtype)
    for images, these, *ranges in _boxes((len(x), groups, *sizes), _PIECE // rows[0, 0].nbytes):
        lines = _lines(axes, ranges)
        laid = laid_out(x[images, these], lines)
        windows = _view(laid, lines, kernel, ranges, writeable=False)
        target = out[images, these, :, _side_by_side(sizes, ranges)]
        every = _row_step(windows) if to == 1 and len(axes) > 1 else 0
        if every:
            _multiply_in_rows(rows[these], windows, every, columns, target)
        else:
            if _has_short_rows(windows, lines, kernel):
                windows = _windows_of_rows(laid, lines, kernel, ranges)
            _multiply(rows[these], columns.filled(windows).reshape(*windows.shape[:2], rows.shape[2], -1), target)
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
    work = _Workspace(y.dtype)
    for images, these, *ranges in _boxes((len(y), groups, *sizes), _PIECE // (rows.shape[1] * y.itemsize)):
        sent = flat[images, these, :, _side_by_side(sizes, ranges)]
        columns = work.empty((*sent.shape[:2], rows.shape[1], sent.shape[3]))
        _multiply(rows[these], sent, columns)
        lines = _lines(axes, ranges)
        spread = np.zeros((*sent.shape[:2], channels, *(line.length for line in lines)), dtype=y.dtype)
        targets = _view(spread, lines, kernel, ranges, writeable=True)
        columns = columns.reshape(targets.shape)
        for tap in product(*map(range, kernel)):
            targets[at(3, *tap)] += columns[at(3, *tap)]
        _add_back(out[images, these], spread, lines, 3)
    return out


def mirrored(axes: Sequence[Axis], weight: Array) -> tuple[list[Axis], Array] | None:
    """The axes and the weight with which `gathered` does what `scattered` does with the given ones.

    The kernel is turned by 180 degrees.

    Returns
    -------
    tuple or None
        None where strides, input dilations or borders other than zeros allow no such thing, and where the windows of
        many channels would be laid out to make few.
    """
    if any((axis.mode, axis.stride, axis.input_dilation) != ("zeros", 1, 1) for axis in axes):
        return None
    if weight.shape[1] > 2 * weight.shape[2]:
        return None
    turned = [
        replace(axis, input_size=axis.output_size, before=axis.span - 1 - axis.before, after=axis.input_size
                - axis.output_size + axis.before) for axis in axes
    ]  # fmt: skip
    # A view would be read backwards, which BLAS does not.
    return turned, np.ascontiguousarray(np.swapaxes(np.flip(weight, tuple(range(3, weight.ndim))), 1, 2))


# -- a single channel ----------------------------------------------------------------------------------------------


def has_band(axes: Sequence[Axis], weight: Array) -> bool:
    """Whether `banded` takes these axes and is faster: one channel, and windows that overlap on a long last axis."""
    if weight.shape[:3] != (1, 1, 1) or weight.dtype.kind not in "fc" or not axes:
        return False
    last = axes[-1]
    stretch = (_BAND - 1) * last.stride + last.span
    return last.output_size >= _BAND and stretch <= _WORTH * last.kernel_size


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
            results = by_block.reshape(-1, len(band)) @ band
            # A sum is not finite if one of its terms is not, and costs less than looking at each.
            if not np.isfinite(results.sum()):
                return False
        here = out[images][at(3, *ranges)]
        here[:] = results.reshape(here.shape)
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


def _windows(x: Array, lines: Sequence[Line], kernel: Sequence[int], ranges: Sequence[slice]) -> Array:
    """The windows of a box of outputs, shape (images, groups, channels, *kernel_size, *box)."""
    return _view(laid_out(x, lines), lines, kernel, ranges, writeable=False)


def _has_short_rows(windows: Array, lines: Sequence[Line], kernel: Sequence[int]) -> bool:
    """Whether windows are better copied by `_windows_of_rows`."""
    if windows.shape[-1] * windows.itemsize > _SHORT_ROW or windows.nbytes < _WORTH_ROWS:
        return False
    return prod(kernel[:-1]) > 1 and all(line.stride == 1 for line in lines[:-1])


def _windows_of_rows(x: Array, lines: Sequence[Line], kernel: Sequence[int], ranges: Sequence[slice]) -> Array:
    """The same windows of what is laid out, read from a copy in which those of the last axis are rows already."""
    # Where the other axes have stride 1, such rows follow each other without a gap, and are then copied as one.
    last, sizes = lines[-1], [here.stop - here.start for here in ranges]
    shape = (*x.shape[:3], kernel[-1], *x.shape[3:-1], sizes[-1])
    steps = (*x.strides[:3], last.dilation * x.strides[-1], *x.strides[3:-1], last.stride * x.strides[-1])
    rows = as_strided(x, shape, steps, writeable=False).copy()
    *leading, tap, cell = (*rows.strides[:4], rows.strides[-1])
    outer = list(zip(rows.strides[4:-1], lines, strict=False))
    taps, jumps = [step * line.dilation for step, line in outer], [step * line.stride for step, line in outer]
    return as_strided(rows, (*x.shape[:3], *kernel, *sizes), (*leading, *taps, tap, *jumps, cell), writeable=False)


def _view(x: Array, lines: Sequence[Line], kernel: Sequence[int], ranges: Sequence[slice], *, writeable: bool) -> Array:
    shape = (*x.shape[:3], *kernel, *(here.stop - here.start for here in ranges))
    taps = [step * line.dilation for step, line in zip(x.strides[3:], lines, strict=True)]
    steps = [step * line.stride for step, line in zip(x.strides[3:], lines, strict=True)]
    return as_strided(x, shape, (*x.strides[:3], *taps, *steps), writeable=writeable)


class _Workspace:
    """Memory for one piece after the other: fresh pages cost more than what is done in them."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._cells = np.empty(0, dtype=dtype)

    def empty(self, shape: tuple[int, ...]) -> Array:
        """An array that may hold anything, until the next one is asked for."""
        size = prod(shape)
        if size > len(self._cells):
            self._cells = np.empty(size, dtype=self._cells.dtype)
        return self._cells[:size].reshape(shape)

    def filled(self, values: Array) -> Array:
        """A copy that is contiguous."""
        copy = self.empty(values.shape)
        np.copyto(copy, values)
        return copy


def _row_step(windows: Array) -> int:
    """How many cells after a row of a box the next begins, in memory; 0 where it is much more than a row."""
    (rows, cells), (row, cell) = windows.shape[-2:], windows.strides[-2:]
    every = row // cell
    return every if rows > 1 and row % cell == 0 and every <= _WIDEST * cells else 0


def _multiply_in_rows(rows: Array, windows: Array, every: int, columns: _Workspace, out: Array) -> None:
    """Lay out all rows of a box as one, with what stands between them: copies of long rows are several times faster."""
    *outer, height, width = windows.shape
    long = as_strided(windows, (*outer, (height - 1) * every + width), (*windows.strides[:-2], windows.strides[-1]),
                      writeable=False)  # fmt: skip
    products = np.empty((*out.shape[:3], out.shape[3] // (height * width) * long.shape[-1]), dtype=out.dtype)
    _multiply(rows, columns.filled(long).reshape(*windows.shape[:2], rows.shape[2], -1), products)
    products = products.reshape(*out.shape[:3], -1, long.shape[-1])
    cell = products.strides[-1]
    wanted = as_strided(products, (*products.shape[:-1], height, width), (*products.strides[:-1], every * cell, cell),
                        writeable=False)  # fmt: skip
    out.reshape(wanted.shape)[:] = wanted


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
        _add_back(out[at(axis, inputs)], part, lines[1:], axis + 1)
