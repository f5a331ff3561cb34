"""One axis as a small matrix of its own: border rows written out, and an interior that repeats with a shift.

The rows of the interior are one *period*, repeated; each repetition reads `shift` columns further on. So a pattern
of a million rows is a handful of arrays. Where border modes bring several taps onto one column, the set of these
taps becomes one *symbol*; the first `kernel_size` symbols are the single taps. Entries of a row are sorted by column.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import NOTHING, Axis

__all__ = ["Pattern", "Rows", "Run", "pattern_of", "transposed_pattern_of"]

Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Some consecutive rows in compressed form: row r holds entries ptr[r] to ptr[r+1]."""

    ptr: Ints
    cols: Ints
    symbols: Ints

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.ptr) - 1

    def entries(self) -> Iterator[tuple[int, int, int]]:
        """All entries as (row, column, symbol), in order."""
        rows = np.repeat(np.arange(self.n_rows), np.diff(self.ptr))
        yield from zip(rows.tolist(), self.cols.tolist(), self.symbols.tolist(), strict=True)


class Run(NamedTuple):
    """Entries of one symbol in arithmetic progression: (row + j*row_step, col + j*col_step) for j in range(length)."""

    row: int
    col: int
    row_step: int
    col_step: int
    length: int

    def followed_by(self, other: "Run") -> "Run | None":
        """The two runs as one, or None where they do not continue each other."""
        step = (other.row - self.row, other.col - self.col) if self.length == 1 else (self.row_step, self.col_step)
        continues = (self.row + self.length * step[0], self.col + self.length * step[1]) == (other.row, other.col)
        if not continues or (other.length > 1 and (other.row_step, other.col_step) != step):
            return None
        return Run(self.row, self.col, *step, self.length + other.length)

    def row_slice(self) -> slice:
        """The rows as a slice; of length 1 where all entries share one row."""
        return _slice(self.row, self.row_step, self.length)

    def col_slice(self) -> slice:
        """The columns as a slice; of length 1 where all entries share one column."""
        return _slice(self.col, self.col_step, self.length)


def _slice(start: int, step: int, count: int) -> slice:
    if step == 0:
        return slice(start, start + 1)
    stop = start + step * count
    return slice(start, None if stop < 0 else stop, step)


@dataclass(frozen=True)
class Pattern:
    """Rows of one axis: `head`, then `body` `repeats` times with columns moving on by `shift`, then `tail`."""

    n_cols: int
    head: Rows
    body: Rows
    repeats: int
    shift: int
    tail: Rows
    symbols: tuple[tuple[int, ...], ...]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.head.n_rows + self.repeats * self.body.n_rows + self.tail.n_rows

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return len(self.head.cols) + self.repeats * len(self.body.cols) + len(self.tail.cols)

    @property
    def stored_symbols(self) -> Ints:
        """The symbols that some row has."""
        return np.unique(np.concatenate([part.symbols for part in (self.head, self.body, self.tail)]))

    def row_counts(self, dtype: np.dtype[np.signedinteger]) -> NDArray[np.signedinteger]:
        """Number of entries in each row, as an array of `dtype`."""
        counts = np.empty(self.n_rows, dtype=dtype)
        first, last = self.head.n_rows, self.n_rows - self.tail.n_rows
        counts[:first] = np.diff(self.head.ptr)
        counts[first:last].reshape(self.repeats, self.body.n_rows)[:] = np.diff(self.body.ptr)
        counts[last:] = np.diff(self.tail.ptr)
        return counts

    def symbol_counts(self) -> tuple[Ints, Ints]:
        """How often each row, and each column, has each symbol: shapes (n_rows, symbols) and (n_cols, symbols)."""
        rows, cols, symbols = map(np.concatenate, zip(*self._entries(), strict=True))
        kinds = len(self.symbols)
        by_row = np.bincount(rows * kinds + symbols, minlength=self.n_rows * kinds)
        by_col = np.bincount(cols * kinds + symbols, minlength=self.n_cols * kinds)
        return by_row.reshape(self.n_rows, kinds), by_col.reshape(self.n_cols, kinds)

    def _entries(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Rows, columns and symbols of the entries of head, body and tail."""
        first = 0
        for part, repeats in ((self.head, 1), (self.body, self.repeats), (self.tail, 1)):
            rows = np.repeat(np.arange(part.n_rows), np.diff(part.ptr))
            again = np.arange(repeats)[:, None]
            yield (
                (rows + again * part.n_rows + first).ravel(),
                (part.cols + again * self.shift).ravel(),
                np.tile(part.symbols, repeats),
            )
            first += repeats * part.n_rows

    @cached_property
    def runs(self) -> tuple[tuple[int, Run], ...]:
        """Every entry once, as (symbol, run): what the operator applies without a matrix."""
        runs: dict[int, list[Run]] = {}
        for symbol, run in self._raw_runs():
            known = runs.setdefault(symbol, [])
            longer = known[-1].followed_by(run) if known else None
            if longer is None:
                known.append(run)
            else:
                known[-1] = longer
        return tuple((symbol, run) for symbol, known in runs.items() for run in known)

    def _raw_runs(self) -> Iterator[tuple[int, Run]]:
        for row, col, symbol in self.head.entries():
            yield symbol, Run(row, col, 1, 1, 1)
        if self.repeats:
            for row, col, symbol in self.body.entries():
                yield symbol, Run(self.head.n_rows + row, col, self.body.n_rows, self.shift, self.repeats)
        first = self.n_rows - self.tail.n_rows
        for row, col, symbol in self.tail.entries():
            yield symbol, Run(first + row, col, 1, 1, 1)


class _Symbols:
    """The sets of taps seen so far, numbered; single taps keep their own number."""

    def __init__(self, kernel_size: int) -> None:
        self._numbers: dict[tuple[int, ...], int] = {(tap,): tap for tap in range(kernel_size)}

    def rows(self, count: int, rows: Ints, cols: Ints, taps: Ints) -> Rows:
        """Compress `count` rows given as triples; taps that share a row and a column become one symbol."""
        order = np.lexsort((taps, cols, rows))
        rows, cols, taps = rows[order], cols[order], taps[order]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]) | (cols[1:] != cols[:-1])
        starts = np.flatnonzero(new)
        symbols = taps[starts]
        sizes = np.diff(starts, append=len(rows))
        for entry in np.flatnonzero(sizes > 1).tolist():
            met = tuple(taps[starts[entry] : starts[entry] + sizes[entry]].tolist())
            symbols[entry] = self._numbers.setdefault(met, len(self._numbers))
        ptr = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows[starts], minlength=count), out=ptr[1:])
        return Rows(ptr, cols[starts], symbols)

    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The set of taps behind each symbol."""
        return tuple(self._numbers)


def pattern_of(axis: Axis) -> Pattern:
    """Pattern of the convolution along one axis: rows are outputs, columns inputs."""
    symbols = _Symbols(axis.kernel_size)

    def rows(first: int, stop: int) -> Rows:
        inputs = axis.extend(axis.positions(np.arange(first, stop, dtype=np.int64)))
        row, tap = np.nonzero(inputs != NOTHING)
        return symbols.rows(stop - first, row, inputs[row, tap], tap)

    lo, repeats = _repeating(*axis.interior_outputs(), axis.period)
    hi = lo + repeats * axis.period
    head, tail = rows(0, lo), rows(hi, axis.output_size)
    body = rows(lo, lo + axis.period if repeats else lo)
    return Pattern(axis.input_size, head, body, repeats, axis.shift, tail, symbols.sets())


def transposed_pattern_of(axis: Axis) -> Pattern:
    """Pattern of the transposed convolution along one axis: rows are the convolution's inputs, columns its outputs."""
    symbols = _Symbols(axis.kernel_size)
    lo, repeats = _repeating(*axis.interior_inputs(), axis.shift)
    hi = lo + repeats * axis.shift

    # In the interior an input is read only where it stands: tap t brings it to output (i*a + before - t*d) / s.
    inputs = np.arange(lo, lo + axis.shift if repeats else lo, dtype=np.int64)
    taps = np.arange(axis.kernel_size, dtype=np.int64)
    outputs, between = np.divmod(
        inputs[:, None] * axis.input_dilation + axis.before - taps * axis.dilation, axis.stride
    )
    row, tap = np.nonzero(between == 0)
    body = symbols.rows(len(inputs), row, outputs[row, tap], tap)

    outputs, tap = _pairs_beside(axis, lo * axis.input_dilation, hi * axis.input_dilation)
    read = axis.extend(outputs * axis.stride + tap * axis.dilation - axis.before)
    at_head, at_tail = (read >= 0) & (read < lo), read >= hi
    head = symbols.rows(lo, read[at_head], outputs[at_head], tap[at_head])
    tail = symbols.rows(axis.input_size - hi, read[at_tail] - hi, outputs[at_tail], tap[at_tail])
    return Pattern(axis.output_size, head, body, repeats, axis.period, tail, symbols.sets())


def _repeating(lo: int, hi: int, period: int) -> tuple[int, int]:
    """First row and number of repetitions of an interior; none unless it repeats at least once."""
    repeats = (hi - lo) // period
    return (lo, repeats) if repeats > 1 else (hi, 0)


def _pairs_beside(axis: Axis, lo: int, hi: int) -> tuple[Ints, Ints]:
    """All pairs (output, tap) whose position is not in [lo, hi), as two arrays."""
    outputs, taps = [], []
    for tap in range(axis.kernel_size):
        start = tap * axis.dilation - axis.before
        below = min(max(-((start - lo) // axis.stride), 0), axis.output_size)
        above = min(max(-((start - hi) // axis.stride), below), axis.output_size)
        outputs += [np.arange(below), np.arange(above, axis.output_size)]
        taps.append(np.full(below + axis.output_size - above, tap))
    return np.concatenate(outputs), np.concatenate(taps)
