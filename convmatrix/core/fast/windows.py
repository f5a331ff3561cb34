"""Windows times a weight, piece by piece: each piece is laid out in a workspace, and multiplied while it is in cache.

`convmatrix.core.equation` is the reference; this module is faster.

Arrays have the shape (images, groups, channels, *size); a weight has (groups, to, from, *kernel_size). A piece is a box
of outputs that lie side by side in memory, so that the products are written where they belong.

The windows of a piece are a view of the padded input, in which tap t and output o of an axis are the position
o*stride + t*dilation. Of a padded axis 0 1 2 3 4 and three taps::

    tap 0   0 1 2
    tap 1   1 2 3
    tap 2   2 3 4      outputs from left to right

With a row for every channel and tap and a column for every output, this is a matrix; the weight times it is the result.
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
from convmatrix.core.fast import tuning
from convmatrix.core.fast.padding import PaddedAxis, at, padded, padded_axis

__all__ = ["banded", "gathered", "has_band", "mirrored", "scattered"]

Array = NDArray[Any]


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
    matrix = weight.reshape(groups, to, channels * prod(kernel))
    out = np.empty((len(x), groups, to, prod(sizes)), dtype=x.dtype)
    workspace = _Workspace(x.dtype)
    for images, some_groups, *outputs in _pieces((len(x), groups, *sizes), tuning.PIECE_BYTES // matrix[0, 0].nbytes):
        padded_axes = _padded_axes(axes, outputs)
        source = padded(x[images, some_groups], padded_axes)
        windows = _windows(source, padded_axes, kernel, outputs, writeable=False)
        target = out[images, some_groups, :, _flat_range(sizes, outputs)]
        period = _row_period(windows) if to == 1 and len(axes) > 1 else 0
        if period:
            _multiply_joined_rows(matrix[some_groups], windows, period, workspace, target)
        else:
            if _has_short_rows(windows, padded_axes, kernel):
                windows = _windows_by_last_tap(source, padded_axes, kernel, outputs)
            columns = workspace.copy(windows).reshape(*windows.shape[:2], matrix.shape[2], -1)
            _multiply(matrix[some_groups], columns, target)
    return out.reshape(len(x), groups, to, *sizes)


def scattered(axes: Sequence[Axis], weight: Array, y: Array) -> Array:
    """Multiply by the transpose of `gathered`: add each output, times the weight, to the inputs of its window.

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
    matrix = np.swapaxes(weight.reshape(groups, to, channels * prod(kernel)), 1, 2)
    flat = y.reshape(len(y), groups, to, prod(sizes))
    out = np.zeros((len(y), groups, channels, *(axis.input_size for axis in axes)), dtype=y.dtype)
    workspace = _Workspace(y.dtype)
    cells = tuning.PIECE_BYTES // (matrix.shape[1] * y.itemsize)
    for images, some_groups, *outputs in _pieces((len(y), groups, *sizes), cells):
        sent = flat[images, some_groups, :, _flat_range(sizes, outputs)]
        columns = workspace.empty((*sent.shape[:2], matrix.shape[1], sent.shape[3]))
        _multiply(matrix[some_groups], sent, columns)
        padded_axes = _padded_axes(axes, outputs)
        sums = np.zeros((*sent.shape[:2], channels, *(axis.length for axis in padded_axes)), dtype=y.dtype)
        windows = _windows(sums, padded_axes, kernel, outputs, writeable=True)
        columns = columns.reshape(windows.shape)
        for tap in product(*map(range, kernel)):  # outputs of one tap never share a position
            windows[at(3, *tap)] += columns[at(3, *tap)]
        _add_to_inputs(out[images, some_groups], sums, padded_axes, 3)
    return out


def mirrored(axes: Sequence[Axis], weight: Array) -> tuple[list[Axis], Array] | None:
    """Return the axes and the weight with which `gathered` gives the result of `scattered` with the given ones.

    The kernel is flipped along every axis.

    Returns
    -------
    tuple or None
        None where a stride, an input dilation or a padding mode other than zeros prevents this, and where it would be
        slower, since there are many output channels and few input channels.
    """
    if any((axis.mode, axis.stride, axis.input_dilation) != ("zeros", 1, 1) for axis in axes):
        return None
    if weight.shape[1] > tuning.MIRRORED_CHANNELS * weight.shape[2]:
        return None
    flipped_axes = []
    for axis in axes:
        before, after = axis.span - 1 - axis.before, axis.input_size - axis.output_size + axis.before
        flipped_axes.append(replace(axis, input_size=axis.output_size, before=before, after=after))
    # A contiguous copy, since BLAS does not take the negative strides of a flipped view.
    return flipped_axes, np.ascontiguousarray(np.swapaxes(np.flip(weight, tuple(range(3, weight.ndim))), 1, 2))


# -- a single channel ----------------------------------------------------------------------------------------------


def has_band(axes: Sequence[Axis], weight: Array) -> bool:
    """Check whether `banded` works and is faster: one channel, and overlapping windows on a long last axis."""
    if weight.shape[:3] != (1, 1, 1) or weight.dtype.kind not in "fc" or not axes:
        return False
    last = axes[-1]
    return last.output_size >= tuning.BAND_OUTPUTS and _reads_of_block(last) <= tuning.BAND_WORK * last.kernel_size


def _reads_of_block(last: Axis) -> int:
    """Return the number of positions from the first to the last that a block of outputs reads."""
    return (tuning.BAND_OUTPUTS - 1) * last.stride + last.span


def banded(axes: Sequence[Axis], weight: Array, x: Array) -> Array | None:
    """Compute the result of `gathered` for a single channel, many outputs at once: the last axis times a band matrix.

    Outputs of the last axis are taken in blocks. All outputs of a block read the same positions, so a row of windows is
    copied once for all of them, and the taps become a band matrix (positions, block). For blocks of three outputs and
    the taps (a, b)::

        a . .
        b a .
        . b a
        . . b

    Returns
    -------
    (images, 1, 1, *output_size) ndarray or None
        None where a number is not finite, which the zeros beside the band would carry to its neighbours.
    """
    *outer, last = axes
    size, block, reads = last.output_size, tuning.BAND_OUTPUTS, _reads_of_block(last)
    band = _band(weight[0, 0, 0], last, reads)
    out = np.empty((len(x), 1, 1, *(axis.output_size for axis in axes)), dtype=x.dtype)
    whole = size - size % block
    # The remaining outputs at the end are computed as one more block, which overlaps the previous one.
    for start, stop in ((0, whole), (size - block, size))[: 1 if whole == size else 2]:
        before = last.before - start * last.stride
        blocks = replace(last, kernel_size=reads, stride=block * last.stride, dilation=1, before=before)
        target = out[..., start:stop].reshape(*out.shape[:-1], -1, block)
        if not _multiply_by_band([*outer, blocks], band, x, target):
            return None
    return out


def _band(taps: Array, last: Axis, reads: int) -> Array:
    """The weight of one channel as a matrix from what a block reads to its outputs, shape (reads, block)."""
    band = np.zeros((*taps.shape[:-1], reads, tuning.BAND_OUTPUTS), dtype=taps.dtype)
    outputs = np.arange(tuning.BAND_OUTPUTS)
    for tap in range(last.kernel_size):
        band[..., outputs * last.stride + tap * last.dilation, outputs] = taps[..., tap, None]
    return band.reshape(-1, tuning.BAND_OUTPUTS)


def _multiply_by_band(axes: Sequence[Axis], band: Array, x: Array, out: Array) -> bool:
    """Fill out (images, 1, 1, *sizes, block) block by block; stop where a result is not finite."""
    kernel = [axis.kernel_size for axis in axes]
    cells = tuning.PIECE_BYTES // (len(band) * band.itemsize)
    for images, *outputs in _pieces((len(x), *out.shape[3:-1]), cells):
        padded_axes = _padded_axes(axes, outputs)
        windows = _windows(padded(x[images], padded_axes), padded_axes, kernel, outputs, writeable=False)
        ndim = len(axes)
        by_block = windows.transpose(0, 1, 2, *range(3 + ndim, 3 + 2 * ndim), *range(3, 3 + ndim))
        with np.errstate(invalid="ignore", over="ignore"):
            results = by_block.reshape(-1, len(band)) @ band
            # A sum is not finite if one of its terms is not, and costs less than looking at each.
            if not np.isfinite(results.sum()):
                return False
        target = out[images][at(3, *outputs)]
        target[:] = results.reshape(target.shape)
    return True


# -- pieces --------------------------------------------------------------------------------------------------------


def _pieces(shape: tuple[int, ...], cells: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array into boxes of about equal sizes, of at most `cells` cells (at least 1) that are consecutive."""
    ranges: list[list[slice]] = []
    for size in reversed(shape):
        pieces = -(-size // max(min(cells, size), 1))
        step = -(-size // max(pieces, 1))
        ranges.append([slice(start, min(start + step, size)) for start in range(0, size, max(step, 1))])
        cells = cells // size if pieces == 1 else 1
    return product(*reversed(ranges))


def _flat_range(sizes: Sequence[int], box: Sequence[slice]) -> slice:
    """The flat indices of a box of consecutive cells."""
    first = 0
    for size, indices in zip(sizes, box, strict=True):
        first = first * size + indices.start
    return slice(first, first + prod(_shape(box)))


def _shape(box: Sequence[slice]) -> tuple[int, ...]:
    return tuple(indices.stop - indices.start for indices in box)


def _padded_axes(axes: Sequence[Axis], outputs: Sequence[slice]) -> list[PaddedAxis]:
    """Return the padded axes that the windows of a box of outputs read."""
    return [padded_axis(axis, some.start, some.stop) for axis, some in zip(axes, outputs, strict=True)]


class _Workspace:
    """Memory that is used for one piece after another: allocating new pages takes longer than the work on them."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._cells = np.empty(0, dtype=dtype)

    def empty(self, shape: tuple[int, ...]) -> Array:
        """Return an uninitialized array, valid until the next call."""
        size = prod(shape)
        if size > len(self._cells):
            self._cells = np.empty(size, dtype=self._cells.dtype)
        return self._cells[:size].reshape(shape)

    def copy(self, values: Array) -> Array:
        """Return a contiguous copy, valid until the next call."""
        copy = self.empty(values.shape)
        np.copyto(copy, values)
        return copy


# -- windows as views --------------------------------------------------------------------------------------------------


def _windows(
    source: Array, axes: Sequence[PaddedAxis], kernel: Sequence[int], outputs: Sequence[slice], *, writeable: bool
) -> Array:
    """Return the windows of a box of outputs as a view, shape (images, groups, channels, *kernel_size, *box)."""
    shape = (*source.shape[:3], *kernel, *_shape(outputs))
    taps = [step * axis.dilation for step, axis in zip(source.strides[3:], axes, strict=True)]
    windows = [step * axis.stride for step, axis in zip(source.strides[3:], axes, strict=True)]
    return as_strided(source, shape, (*source.strides[:3], *taps, *windows), writeable=writeable)


def _has_short_rows(windows: Array, axes: Sequence[PaddedAxis], kernel: Sequence[int]) -> bool:
    """Check whether `_windows_by_last_tap` is faster: it makes long rows, where there are many short ones."""
    row_bytes = windows.shape[-1] * windows.itemsize
    if row_bytes > tuning.SHORT_ROW_BYTES or windows.nbytes < tuning.SHORT_ROWS_BYTES:
        return False
    return prod(kernel[:-1]) > 1 and all(axis.stride == 1 for axis in axes[:-1])


def _windows_by_last_tap(
    source: Array, axes: Sequence[PaddedAxis], kernel: Sequence[int], outputs: Sequence[slice]
) -> Array:
    """Return the same windows as a view of a copy in which the last axis is already unfolded into its windows."""
    # Two outputs and taps on each of two axes, and a padded input of rows "a b c", "d e f" and "g h i", give the copy
    #
    #     last tap 0   a b  d e  g h
    #     last tap 1   b c  e f  h i
    #
    # in which tap t of the first axis, with all outputs, is one piece: "a b d e" for t = 0, "d e g h" for t = 1. In
    # the padded input itself there are gaps after every row.
    *outer, last = axes
    shape = (*source.shape[:3], kernel[-1], *source.shape[3:-1], outputs[-1].stop - outputs[-1].start)
    *leading, cell = source.strides
    steps = (*leading[:3], last.dilation * cell, *leading[3:], last.stride * cell)
    copy = as_strided(source, shape, steps, writeable=False).copy()
    *leading, last_tap = copy.strides[:4]
    *outer_steps, cell = copy.strides[4:]
    taps = [step * axis.dilation for step, axis in zip(outer_steps, outer, strict=True)]
    windows = [step * axis.stride for step, axis in zip(outer_steps, outer, strict=True)]
    strides = (*leading, *taps, last_tap, *windows, cell)
    return as_strided(copy, (*source.shape[:3], *kernel, *_shape(outputs)), strides, writeable=False)


# -- products ----------------------------------------------------------------------------------------------------------


def _row_period(windows: Array) -> int:
    """Return the distance in cells between the starts of rows of a box in memory; 0 if it is much more than a row."""
    (n_rows, n_cells), (row, cell) = windows.shape[-2:], windows.strides[-2:]
    period = row // cell
    return period if n_rows > 1 and row % cell == 0 and period <= tuning.JOINED_ROWS_LENGTH * n_cells else 0


def _multiply_joined_rows(matrix: Array, windows: Array, period: int, workspace: _Workspace, out: Array) -> None:
    """Multiply all rows of a box as one, including the cells between them: long rows are copied several times faster.

    Rows ``a b c`` and ``f g h`` of the padded input ``a b c d e``, ``f g h i j`` are copied as ``a b c d e f g h``. The
    products at ``d`` and ``e`` are left out at the end.
    """
    *outer, height, width = windows.shape
    length = (height - 1) * period + width
    joined = as_strided(windows, (*outer, length), (*windows.strides[:-2], windows.strides[-1]), writeable=False)
    columns = workspace.copy(joined).reshape(*windows.shape[:2], matrix.shape[2], -1)
    products = np.empty((*out.shape[:3], columns.shape[3]), dtype=out.dtype)
    _multiply(matrix, columns, products)
    products = products.reshape(*out.shape[:3], -1, length)
    cell = products.strides[-1]
    shape, strides = (*products.shape[:-1], height, width), (*products.strides[:-1], period * cell, cell)
    out.reshape(shape)[:] = as_strided(products, shape, strides, writeable=False)


def _multiply(matrix: Array, columns: Array, out: Array) -> None:
    """Multiply (groups, to, from) by (images, groups, from, cells)."""
    if out.dtype.kind in "fc":
        np.matmul(matrix, columns, out=out)
    else:  # without BLAS, einsum's loops are several times faster
        np.einsum("gtf,igfc->igtc", matrix, columns, out=out)


def _add_to_inputs(out: Array, values: Array, padded_axes: Sequence[PaddedAxis], axis: int) -> None:
    """Add values at positions to the inputs at these positions."""
    if not padded_axes:
        out += values
        return
    for inputs, sums in padded_axes[0].sums_by_input(values, axis):
        _add_to_inputs(out[at(axis, inputs)], sums, padded_axes[1:], axis + 1)
