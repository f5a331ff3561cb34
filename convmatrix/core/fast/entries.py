"""The entries of a row channel of the matrix, built axis by axis: their values, or their columns, as blocks.

`convmatrix.core.equation` is the reference; this module is faster.

A row of the matrix is an outer product: (channels it reads) x (entries of axis 0) x (entries of axis 1) x ... . What
the first of these factors make of it is a *partial product*. It begins with the channels, and each axis extends it by
the entries of one of its rows:

- of values it has the shape (row channels, entries, *symbols of the axes that follow): an extension picks symbols;
- of columns it has the shape (1, entries): an extension adds the columns of the axis, times what lies inside of it.

So everything that shares one row of the outermost axis is worked out once, and written wherever that row repeats.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.fast import tuning
from convmatrix.core.fast.blocks import Block, CopiedBlock, Place, ShiftedBlock
from convmatrix.core.pattern import Pattern, Rows

__all__ = ["COLUMNS", "VALUES", "Kind", "Level", "blocks_of", "levels_of", "longest_row"]

Array = NDArray[Any]
AnyBlock = TypeVar("AnyBlock", bound=Block)


class Level(NamedTuple):
    """An axis, and what one step along it means for the axes inside of it."""

    pattern: Pattern
    col_step: int
    """Columns of the matrix from one column of the axis to the next."""
    inner_nnz: int
    """Entries that all axes inside have for each entry of this one."""


def levels_of(patterns: Sequence[Pattern]) -> list[Level]:
    """The levels of a matrix, outermost first."""
    inner = [patterns[axis + 1 :] for axis in range(len(patterns))]
    return [
        Level(pattern, prod(each.n_cols for each in rest), prod(each.nnz for each in rest))
        for pattern, rest in zip(patterns, inner, strict=True)
    ]


def longest_row(levels: Sequence[Level]) -> int:
    """Most entries that one row of the outermost axis has, of one column channel; at least 1."""
    if not levels:
        return 1
    widest = max(int(np.diff(part.ptr).max(initial=1)) for part, _ in levels[0].pattern.parts)
    return max(widest * levels[0].inner_nnz, 1)


class Kind(ABC, Generic[AnyBlock]):
    """Kind of data that is written for the entries: values or columns."""

    @abstractmethod
    def extended(self, partial: Array, rows: Rows, entries: slice, level: Level) -> Array:
        """A partial product with each of its entries times each of some entries of the next axis."""

    @abstractmethod
    def block(self, cells: Array, place: Place, shift: int) -> AnyBlock:
        """A block of cells, whose repetitions are in columns `shift` further on each."""


class _Values(Kind[CopiedBlock]):
    """The weights of the entries: rows that repeat have the same ones."""

    def extended(self, partial: Array, rows: Rows, entries: slice, level: Level) -> Array:
        # shape (channels, entries so far, entries of the axis, *symbols of the axes that follow)
        picked: Array = partial.take(rows.symbols[entries], axis=2)
        return picked.reshape(len(partial), picked.shape[1] * picked.shape[2], *picked.shape[3:])

    def block(self, cells: Array, place: Place, shift: int) -> CopiedBlock:
        return CopiedBlock(cells, place)


class _Columns(Kind[ShiftedBlock]):
    """The columns of the entries: rows that repeat move on."""

    def extended(self, partial: Array, rows: Rows, entries: slice, level: Level) -> Array:
        sums: Array = partial[:, :, None] + (rows.cols[entries] * level.col_step).astype(partial.dtype)
        return sums.reshape(len(partial), -1)

    def block(self, cells: Array, place: Place, shift: int) -> ShiftedBlock:
        return ShiftedBlock(cells, place, shift)


VALUES, COLUMNS = _Values(), _Columns()


def blocks_of(levels: Sequence[Level], partial: Array, kind: Kind[AnyBlock]) -> Iterator[AnyBlock]:
    """All entries whose rows begin with a partial product, as blocks.

    Parameters
    ----------
    levels : sequence of Level
        The axes that extend the product, outermost first.
    partial : (channels, entries, ...) ndarray
    kind : Kind
        `VALUES` or `COLUMNS`, as `partial` is.

    Yields
    ------
    CopiedBlock or ShiftedBlock
    """
    if not levels:
        yield kind.block(partial, Place(0, 0, partial.shape[1]), 0)
        return
    level = levels[0]
    start = 0
    for rows, repeats in level.pattern.parts:
        period = partial.shape[1] * len(rows.cols) * level.inner_nnz
        if repeats:
            pieces = _cells_of_rows(rows, levels, partial, kind)
            if repeats > 1 and rows.n_rows > 1 and 0 < period <= tuning.PERIOD_ENTRIES:
                pieces = iter((np.concatenate(list(pieces), axis=1),))
            # A shift that is not taken may be larger than any column.
            shift = level.pattern.shift * level.col_step if repeats > 1 else 0
            offset = 0
            for cells in pieces:
                yield kind.block(cells, Place(start, offset, period, repeats), shift)
                offset += cells.shape[1]
        start += period * repeats


def _cells_of_rows(rows: Rows, levels: Sequence[Level], partial: Array, kind: Kind[Any]) -> Iterator[Array]:
    """The cells of some rows of the outermost axis, in order: row by row, or of several rows side by side."""
    level, inner = levels[0], levels[1:]
    if not inner and _lengths_vary(rows):
        yield from _cells_of_varying_rows(rows, level, partial, kind)
        return
    for first, stop in _ranges_of_equal_length(rows, len(partial) * partial.shape[1] * level.inner_nnz):
        extended = kind.extended(partial, rows, slice(rows.ptr[first], rows.ptr[stop]), level)
        if stop - first > 1:
            yield _cells_row_by_row(extended, partial.shape[1], stop - first, inner, kind)
        else:
            yield _cells_of(inner, extended, kind)


def _cells_of(levels: Sequence[Level], partial: Array, kind: Kind[Any]) -> Array:
    """The cells of all rows that begin with a partial product."""
    if not levels:
        return partial
    n_entries = partial.shape[1] * levels[0].pattern.nnz * levels[0].inner_nnz
    out = np.empty((len(partial), n_entries), dtype=partial.dtype)
    for block in blocks_of(levels, partial, kind):
        block.write_unrolled(out)
    return out


# -- many short rows at once, as in a wide border ----------------------------------------------------------------------


def _ranges_of_equal_length(rows: Rows, cells_per_entry: int) -> Iterator[tuple[int, int]]:
    """Ranges of consecutive rows with equally many entries, of about a block each; without the empty rows."""
    if rows.n_rows <= tuning.SINGLE_ROWS:
        starts = rows.ptr.tolist()
        yield from ((row, row + 1) for row, ends in enumerate(pairwise(starts)) if ends[0] < ends[1])
        return
    counts = np.diff(rows.ptr)
    cuts = np.flatnonzero(np.diff(counts)) + 1
    for first, stop in pairwise([0, *cuts.tolist(), len(counts)]):
        cells = int(counts[first]) * cells_per_entry
        if cells:
            step = max(tuning.BLOCK_ENTRIES // cells, 1)
            yield from ((row, min(row + step, stop)) for row in range(first, stop, step))


def _cells_row_by_row(extended: Array, n_partial: int, n_rows: int, inner: Sequence[Level], kind: Kind[Any]) -> Array:
    """The cells of rows of equally many entries, from a partial product that all of them have extended at once."""
    # Within each entry of the product there are the entries of all rows, shape (channels, entries * rows * entries of
    # a row, *symbols): the rows go outwards, and each is treated as a channel of its own.
    channels, _, *symbols = extended.shape
    apart = extended.reshape(channels, n_partial, n_rows, -1, *symbols)
    by_row = np.moveaxis(apart, 2, 1).reshape(channels * n_rows, -1, *symbols)
    return _cells_of(inner, by_row, kind).reshape(channels, -1)


def _lengths_vary(rows: Rows) -> bool:
    """Check for many rows of which few have as many entries as the next one, as is the case with inserted zeros."""
    if rows.n_rows <= tuning.SINGLE_ROWS:
        return False
    return int(np.count_nonzero(np.diff(rows.ptr, 2))) * tuning.SINGLE_ROWS > rows.n_rows


def _cells_of_varying_rows(rows: Rows, level: Level, partial: Array, kind: Kind[Any]) -> Iterator[Array]:
    """The cells of some rows of the innermost axis, several rows side by side, whatever their lengths."""
    n_partial = partial.shape[1]
    cells_per_row = max(len(partial) * n_partial * len(rows.cols) // rows.n_rows, 1)
    step = max(tuning.BLOCK_ENTRIES // cells_per_row, 1)
    for first in range(0, rows.n_rows, step):
        ptr = rows.ptr[first : first + step + 1]
        if ptr[0] == ptr[-1]:
            continue
        cells = kind.extended(partial, rows, slice(ptr[0], ptr[-1]), level)
        yield cells if n_partial == 1 else cells.take(_order_by_row(ptr, n_partial), axis=1)


def _order_by_row(ptr: NDArray[np.int64], n_partial: int) -> NDArray[np.int64]:
    """Return the indices that sort cells by row, given that they are sorted by entry of the partial product."""
    counts, every = np.diff(ptr), ptr[-1] - ptr[0]
    starts = ((ptr[:-1] - ptr[0])[:, None] + np.arange(n_partial) * every).ravel()
    lengths = np.repeat(counts, n_partial)
    moved: NDArray[np.int64] = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return np.arange(n_partial * every) + moved
