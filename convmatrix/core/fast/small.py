"""The arrays of a small matrix in one vectorised pass: for thousands of entries, calls cost more than arithmetic.

`convmatrix.core.equation` is the reference; this module is faster.

Every row gets the same number of slots for its entries, so that rows and slots are a rectangle; slots without an entry
are left out at the end. For one axis of input size 3 and padding 1, and the kernel (a, b, c)::

    slots     columns    is there an entry?   values
    row 0     -  0  1        no  yes yes      a b c      indices  0 1 0 1 2 1 2
    row 1     0  1  2        yes yes yes      a b c      data     b c a b c a b
    row 2     1  2  -        yes yes no       a b c      indptr   0 2 5 7

Several axes are outer products. Row (i, j) has a slot for each slot of row i of the outer axis and each of row j of the
inner one; its column is that of the outer axis times the inner axis's number of columns, plus that of the inner axis. A
missing column is so negative that every sum with it is negative: one comparison finds all slots without an entry.

Where many rows of the outermost axis are alike, those of one repetition go through this, and are then copied.
"""

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.fast import tuning
from convmatrix.core.fast.table import Table, one_repetition, row_counts, table_of
from convmatrix.core.pattern import Pattern

__all__ = ["Arrays", "is_small", "refill_small", "write_small"]

Arrays = tuple[NDArray[Any], NDArray[np.signedinteger], NDArray[np.signedinteger]]
"""Data, indices and indptr."""


def is_small(patterns: Sequence[Pattern], row_channels: int, col_channels: int, n_cols: int) -> bool:
    """Check whether `write_small` is the faster way to write a matrix.

    Parameters
    ----------
    patterns : sequence of Pattern
        One for each axis, outermost first.
    row_channels : int
        Number of all row channels.
    col_channels : int
        Number of column channels in each group.
    n_cols : int
        Number of columns of the matrix.

    Returns
    -------
    bool
    """
    entries = col_channels  # of one row channel
    for pattern in patterns:
        entries *= pattern.nnz
    if entries * row_channels > tuning.SMALL_ENTRIES or n_cols > -_no_column(len(patterns)):
        return False
    computed = _Repetitions.of(patterns, col_channels).patterns
    if entries > tuning.SMALL_SLOTS and col_channels * prod(pattern.nnz for pattern in computed) > tuning.SMALL_SLOTS:
        return False  # there are at least as many slots as entries: so much is known without the tables
    slots = col_channels
    for pattern in computed:
        slots *= table_of(pattern).columns.size
    return slots <= tuning.SMALL_SLOTS


def write_small(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int) -> Arrays:
    """Write data, indices and indptr of the matrix that `assemble` returns for the same arguments.

    Parameters
    ----------
    patterns : sequence of Pattern
    weight : (row_channels, col_channels_per_group, *number_of_symbols) ndarray
    groups : int

    Returns
    -------
    data, indices, indptr : ndarray
        Of the weight's dtype, int32 and int32; none shares memory with the arguments.
    """
    row_channels, col_channels = weight.shape[:2]
    repetitions = _Repetitions.of(patterns, col_channels)
    tables = [table_of(pattern) for pattern in repetitions.patterns]
    columns = _columns_of_slots(tables, col_channels)
    has_entry = _has_entry(tables, columns)
    data = repetitions.all_values(_values(tables, weight, len(columns), has_entry))
    # A copy in any case: where all slots have entries, these may be the columns of a table, which others read.
    indices = repetitions.all_columns(columns.flatten() if has_entry is None else columns[has_entry])
    counts = reduce(np.multiply.outer, [row_counts(pattern) for pattern in patterns] or [np.ones(1, dtype=np.int32)])
    if col_channels > 1:
        counts = counts * np.int32(col_channels)
    indptr = np.zeros(counts.size * row_channels + 1, dtype=np.int32)
    if row_channels == 1:
        np.cumsum(counts, out=indptr[1:])
        return data.ravel(), indices, indptr
    # So far indices are those of one row channel: the others have as many entries, each group further to the right.
    ends = indptr[1:].reshape(row_channels, -1)
    np.cumsum(counts, out=ends[0])
    np.add(ends[0], np.arange(1, row_channels, dtype=np.int32)[:, None] * np.int32(len(indices)), out=ends[1:])
    first_cols = np.arange(groups) * (col_channels * prod(pattern.n_cols for pattern in patterns))
    shifts = np.repeat(first_cols, row_channels // groups)[:, None].astype(np.int32)
    return data.ravel(), (indices + shifts).ravel(), indptr


def refill_small(patterns: Sequence[Pattern], weight: NDArray[Any], data: NDArray[Any]) -> None:
    """Overwrite the data of a matrix by those that `write_small` returns for the same arguments."""
    row_channels, col_channels = weight.shape[:2]
    repetitions = _Repetitions.of(patterns, col_channels)
    tables = [table_of(pattern) for pattern in repetitions.patterns]
    columns = _columns_of_slots(tables, col_channels)
    values = _values(tables, weight, len(columns), _has_entry(tables, columns))
    repetitions.all_values(values, data.reshape(row_channels, -1))


# -- rows that are computed once and copied ----------------------------------------------------------------------------


class _Repetitions(NamedTuple):
    """Patterns with the interior of the outermost axis but once, and how its other repetitions follow from that one.

    Of the entries of a row channel, those from `first` to `last` stand for `repeats` repetitions::

        head | first repetition | tail   ->   head | first | second, moved by shift | third, moved by 2*shift | tail
    """

    patterns: Sequence[Pattern]
    first: int = 0
    last: int = 0
    repeats: int = 1
    shift: int = 0

    @classmethod
    def of(cls, patterns: Sequence[Pattern], col_channels: int) -> Self:
        """Return the patterns with one repetition of the outermost axis, or unchanged if that is not faster."""
        if not patterns or patterns[0].repeats < tuning.COPIED_REPEATS:
            return cls(patterns)
        outermost, inner = patterns[0], patterns[1:]
        per_entry, col_step = col_channels, 1  # of the outermost axis: entries of the matrix, and columns
        for pattern in inner:
            per_entry *= pattern.nnz
            col_step *= pattern.n_cols
        first, body = len(outermost.head.cols) * per_entry, len(outermost.body.cols) * per_entry
        if body < tuning.COPIED_ENTRIES:
            return cls(patterns)
        once = [one_repetition(outermost), *inner]
        return cls(once, first, first + body, outermost.repeats, outermost.shift * col_step)

    def all_values(self, values: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """From the values of one repetition, shape (row_channels, entries), those of all, in `out` if it is given."""
        if self.repeats == 1 and out is None:
            return values
        if out is None:
            out = np.empty((len(values), self._size(values)), dtype=values.dtype)
        if self.repeats == 1:
            out[...] = values
        else:
            self._copy_borders(values, out)[...] = values[:, None, self.first : self.last]
        return out

    def all_columns(self, columns: NDArray[np.int32]) -> NDArray[np.int32]:
        """From the columns of one repetition of a row channel, shape (entries,), those of all."""
        if self.repeats == 1:
            return columns
        out = np.empty(self._size(columns), dtype=columns.dtype)
        shifts = (np.arange(self.repeats) * self.shift).astype(columns.dtype)
        np.add(columns[self.first : self.last], shifts[:, None], out=self._copy_borders(columns, out))
        return out

    def _size(self, once: NDArray[Any]) -> int:
        size: int = once.shape[-1] + (self.repeats - 1) * (self.last - self.first)
        return size

    def _copy_borders(self, once: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """Copy what does not repeat, and return where the rest goes, shape (..., repeats, entries)."""
        first, last, size = self.first, self.last, self.last - self.first
        stop = first + self.repeats * size
        out[..., :first] = once[..., :first]
        out[..., stop:] = once[..., last:]
        return out[..., first:stop].reshape(*out.shape[:-1], self.repeats, size)


# -- slots -------------------------------------------------------------------------------------------------------------


def _no_column(n_axes: int) -> int:
    """Return the number that marks a missing column of an axis: its sum with columns of other axes is negative."""
    return -(2**31 // (n_axes + 1))


def _columns_of_slots(tables: Sequence[Table], col_channels: int) -> NDArray[np.int32]:
    """Columns in all slots of a row channel, shape (rows, slots), negative where there is none; read only."""
    step = prod([table.n_cols for table in tables])
    factors: list[NDArray[np.int32]] = []
    if col_channels > 1 or not tables:
        factors.append((np.arange(col_channels) * step).astype(np.int32)[None, :])
    for table in tables:
        step //= table.n_cols
        factors.append(table.columns_apart(step, _no_column(len(tables))))
    return reduce(_outer_sum, factors)


def _has_entry(tables: Sequence[Table], columns: NDArray[np.int32]) -> NDArray[np.bool_] | None:
    """Return a mask of the slots that have an entry, None if all have one."""
    return None if all(table.empty is None for table in tables) else columns >= 0


def _values(
    tables: Sequence[Table], weight: NDArray[Any], rows: int, has_entry: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Values of all slots that have an entry, shape (row_channels, entries); no view of the weight."""
    in_slots = _in_all_rows(_values_of_slots(tables, weight), rows)
    if has_entry is None:
        return in_slots.copy().reshape(len(in_slots), -1)
    # A mask takes from values that no memory holds, but many times slower from those of several channels.
    values: NDArray[Any]
    if len(in_slots) == 1:
        values = in_slots[0][has_entry][None, :]
    else:
        values = in_slots.reshape(len(in_slots), -1).compress(has_entry.ravel(), axis=1)
    return values


def _values_of_slots(tables: Sequence[Table], weight: NDArray[Any]) -> NDArray[Any]:
    """Values in all slots, shape (row_channels, rows, slots); of one row where all rows have the same."""
    row_channels, col_channels = weight.shape[:2]
    orders = [table.symbols for table in tables if isinstance(table.symbols, slice)]
    if len(orders) == len(tables):
        return np.ascontiguousarray(weight[(slice(None), slice(None), *orders)]).reshape(row_channels, 1, -1)
    # Where each slot's value is among the weights of a row channel, in C order: of (channel, symbol, symbol, ...).
    places = np.arange(col_channels)[None, :]
    for table in tables:
        symbols = table.symbols
        if isinstance(symbols, slice):
            symbols = np.broadcast_to(np.arange(table.n_symbols)[symbols], table.columns.shape)
        places = _outer_sum(places * table.n_symbols, symbols)
    return weight.reshape(row_channels, -1).take(places, axis=1)


def _in_all_rows(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Values of shape (channels, rows or 1, slots) as if they were of all rows."""
    if values.shape[1] == rows:
        return values
    channels, _, slots = values.shape
    steps = values.strides
    # What numpy.broadcast_to returns, in a tenth of its time.
    return np.ndarray((channels, rows, slots), values.dtype, values, strides=(steps[0], 0, steps[2]))


def _outer_sum(outer: NDArray[Any], inner: NDArray[Any]) -> NDArray[Any]:
    """Every row of `outer` with every row of `inner`, each entry of the one plus each entry of the other."""
    # Rows (0, 10) and (20, 30) with the one row (1, 2, 3) give (1, 2, 3, 11, 12, 13) and (21, 22, 23, 31, 32, 33).
    sums: NDArray[Any]
    if outer.size * inner.size <= tuning.SHORT_SUM_SLOTS:
        sums = outer[:, None, :, None] + inner[:, None, :]
    else:
        # Both at the full width of a row: so the innermost loop is as long as a row, not as one axis of it.
        wide = outer.repeat(inner.shape[1], axis=1)
        sums = wide[:, None, :] + inner[:, None, :].repeat(outer.shape[1], axis=1).reshape(len(inner), -1)
    return sums.reshape(len(outer) * len(inner), outer.shape[1] * inner.shape[1])
