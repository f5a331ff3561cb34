"""The arrays of a small matrix in one vectorised pass: for thousands of entries, calls cost more than arithmetic.

Correct is `convmatrix.core.equation`; this is the same, faster.

Rows and entries of the matrix are outer products of those of the axes' tables. Each axis adds its share to a column;
one that has no entry in a slot makes the sum negative, and such slots are left out at the end. Where the lines of the
outermost axis are long, those that repeat go through this pass once, and are then copied, their columns moved on.
"""

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.pattern import Pattern

__all__ = ["is_small", "refill_small", "write_small"]

_ENTRIES = 2 * 10**5
"""Most entries of a matrix that is small."""

_SLOTS = 8 * 10**4
"""Most slots in the rows of one channel, of lines that are copied only once."""

_WORTH_A_COPY = 128
"""Fewest entries of a line that is copied, not computed again."""

_FEW = 1024
"""Slots up to which a broadcast sum of short loops takes less time than to make its loops long."""

Arrays = tuple[NDArray[Any], NDArray[np.signedinteger], NDArray[np.signedinteger]]


def is_small(patterns: Sequence[Pattern], row_channels: int, col_channels: int, n_cols: int) -> bool:
    """Tell whether a matrix is written faster by `write_small`."""
    entries = slots = col_channels
    for pattern in patterns:
        entries *= pattern.nnz
    if entries * row_channels > _ENTRIES or n_cols > -_empty(len(patterns)):
        return False
    once = _Copies.of(patterns, col_channels).patterns
    if entries > _SLOTS and col_channels * prod(pattern.nnz for pattern in once) > _SLOTS:
        return False  # each entry has a slot: so much is known without the tables
    for pattern in once:
        slots *= pattern.table.cols.size
    return slots <= _SLOTS


def _empty(axes: int) -> int:
    """What stands for a column of an axis where there is none: whatever the others add, the sum is negative."""
    return -(2**31 // (axes + 1))


def write_small(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int) -> Arrays:
    """Write data, indices and indptr of the matrix that `assemble` makes of the same arguments."""
    row_channels, col_channels = weight.shape[:2]
    copies = _Copies.of(patterns, col_channels)
    cols = _columns(copies.patterns, col_channels)
    stored = _stored(copies.patterns, cols)
    data = copies.values(_stored_values(copies.patterns, weight, len(cols), stored))
    # A copy in any case: without a mask these may be the columns of a table, which others read.
    indices = copies.columns(cols.flatten() if stored is None else cols[stored])
    counts = reduce(np.multiply.outer, [pattern.counts for pattern in patterns] or [np.ones(1, dtype=np.int32)])
    if col_channels > 1:
        counts = counts * np.int32(col_channels)
    indptr = np.zeros(counts.size * row_channels + 1, dtype=np.int32)
    if row_channels == 1:
        np.cumsum(counts, out=indptr[1:])
        return data.ravel(), indices, indptr
    ends = indptr[1:].reshape(row_channels, -1)
    np.cumsum(counts, out=ends[0])
    np.add(ends[0], np.arange(1, row_channels, dtype=np.int32)[:, None] * np.int32(len(indices)), out=ends[1:])
    first_cols = np.arange(groups) * (col_channels * prod(pattern.n_cols for pattern in patterns))
    shifts = np.repeat(first_cols, row_channels // groups)[:, None].astype(np.int32)
    return data.ravel(), (indices + shifts).ravel(), indptr


def refill_small(patterns: Sequence[Pattern], weight: NDArray[Any], data: NDArray[Any]) -> None:
    """Write the data that `write_small` makes of the same arguments over that of a matrix."""
    row_channels, col_channels = weight.shape[:2]
    copies = _Copies.of(patterns, col_channels)
    cols = _columns(copies.patterns, col_channels)
    values = _stored_values(copies.patterns, weight, len(cols), _stored(copies.patterns, cols))
    copies.values(values, data.reshape(row_channels, -1))


class _Copies(NamedTuple):
    """Patterns whose entries `first` to `last` of a channel stand for so many repetitions, `shift` columns apart."""

    patterns: Sequence[Pattern]
    first: int = 0
    last: int = 0
    repeats: int = 1
    shift: int = 0

    @classmethod
    def of(cls, patterns: Sequence[Pattern], col_channels: int) -> Self:
        """The patterns with one repetition of the outermost axis, if that is worth it, or as they are."""
        if not patterns or patterns[0].repeats < 4:
            return cls(patterns)
        outermost, inner = patterns[0], patterns[1:]
        every, step = col_channels, 1
        for pattern in inner:
            every *= pattern.nnz
            step *= pattern.n_cols
        first, body = len(outermost.head.cols) * every, len(outermost.body.cols) * every
        if body < _WORTH_A_COPY:
            return cls(patterns)
        return cls([outermost.once, *inner], first, first + body, outermost.repeats, outermost.shift * step)

    def values(self, entries: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The values of all entries, shape (row_channels, entries), written to `out` if it is given."""
        if self.repeats == 1 and out is None:
            return entries
        if out is None:
            out = np.empty((len(entries), self._size(entries)), dtype=entries.dtype)
        if self.repeats == 1:
            out[...] = entries
        else:
            self._copy_ends(entries, out)[...] = entries[:, None, self.first : self.last]
        return out

    def columns(self, entries: NDArray[np.int32]) -> NDArray[np.int32]:
        """The columns of all entries of a channel."""
        if self.repeats == 1:
            return entries
        out = np.empty(self._size(entries), dtype=entries.dtype)
        shifts = (np.arange(self.repeats) * self.shift).astype(entries.dtype)
        np.add(entries[self.first : self.last], shifts[:, None], out=self._copy_ends(entries, out))
        return out

    def _size(self, entries: NDArray[Any]) -> int:
        size: int = entries.shape[-1] + (self.repeats - 1) * (self.last - self.first)
        return size

    def _copy_ends(self, entries: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """Copy what does not repeat, and return where the rest goes, shape (..., repeats, entries)."""
        first, last, size = self.first, self.last, self.last - self.first
        stop = first + self.repeats * size
        out[..., :first] = entries[..., :first]
        out[..., stop:] = entries[..., last:]
        return out[..., first:stop].reshape(*out.shape[:-1], self.repeats, size)


def _columns(patterns: Sequence[Pattern], col_channels: int) -> NDArray[np.int32]:
    """Columns in all slots, shape (rows, slots), negative where there is none; not to be written to."""
    step = 1
    for pattern in patterns:
        step *= pattern.n_cols
    factors: list[NDArray[np.int32]] = []
    if col_channels > 1 or not patterns:
        factors.append((np.arange(col_channels) * step).astype(np.int32)[None, :])
    for pattern in patterns:
        step //= pattern.n_cols
        factors.append(pattern.spread_table(step, _empty(len(patterns))))
    return reduce(_outer, factors)


def _stored(patterns: Sequence[Pattern], cols: NDArray[np.int32]) -> NDArray[np.bool_] | None:
    """Which slots have an entry; None where all have one."""
    return None if all(pattern.table.empty is None for pattern in patterns) else cols >= 0


def _stored_values(
    patterns: Sequence[Pattern], weight: NDArray[Any], rows: int, stored: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """What the slots hold that have an entry, shape (row_channels, entries); no view of the weight."""
    values = _in_all_rows(_values(patterns, weight), rows)
    if stored is None:
        return values.copy().reshape(len(values), -1)
    # A mask takes from values that no memory holds, but many times slower from those of several channels.
    taken: NDArray[Any]
    if len(values) == 1:
        taken = values[0][stored][None, :]
    else:
        taken = values.reshape(len(values), -1).compress(stored.ravel(), axis=1)
    return taken


def _values(patterns: Sequence[Pattern], weight: NDArray[Any]) -> NDArray[Any]:
    """What the slots hold, shape (row_channels, rows, slots); of one row where all rows have the same."""
    row_channels, col_channels = weight.shape[:2]
    symbols = [pattern.table.symbols for pattern in patterns]
    alike = [order for order in symbols if isinstance(order, slice)]
    if len(alike) == len(symbols):
        return np.ascontiguousarray(weight[(slice(None), slice(None), *alike)]).reshape(row_channels, 1, -1)
    places = np.arange(col_channels)[None, :]
    for pattern, own in zip(patterns, symbols, strict=True):
        kinds = len(pattern.symbols)
        if isinstance(own, slice):
            own = np.broadcast_to(np.arange(kinds)[own], pattern.table.cols.shape)
        places = _outer(places * kinds, own)
    return weight.reshape(row_channels, -1).take(places, axis=1)


def _in_all_rows(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Values of shape (channels, rows or 1, slots) as if they were of all rows."""
    if values.shape[1] == rows:
        return values
    channels, _, slots = values.shape
    steps = values.strides
    # What numpy.broadcast_to returns, in a tenth of its time.
    return np.ndarray((channels, rows, slots), values.dtype, values, strides=(steps[0], 0, steps[2]))


def _outer(outer: NDArray[Any], inner: NDArray[Any]) -> NDArray[Any]:
    """Every row of `outer` with every row of `inner`, each entry of the one plus each entry of the other."""
    both: NDArray[Any]
    if outer.size * inner.size <= _FEW:
        both = outer[:, None, :, None] + inner[:, None, :]
    else:
        # Both at the full width of a row: so the innermost loop is as long as a row, not as one axis of it.
        wide = outer.repeat(inner.shape[1], axis=1)
        both = wide[:, None, :] + inner[:, None, :].repeat(outer.shape[1], axis=1).reshape(len(inner), -1)
    return both.reshape(len(outer) * len(inner), outer.shape[1] * inner.shape[1])
