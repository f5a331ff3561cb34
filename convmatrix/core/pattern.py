"""The sparsity pattern of the matrix of one axis: the rows and columns of its entries, without values.

Along one axis a convolution is a small sparse matrix. Its rows differ at the borders, where windows extend beyond the
input; in the interior, rows repeat, moved to the right. A `Pattern` therefore stores the border rows as `head` and
`tail`, and only one period of the interior as `body`. A few short arrays thus describe any number of rows:

>>> from convmatrix.core.axis import Axis
>>> pattern = pattern_of(Axis(input_size=7, kernel_size=3, before=1, after=1))
>>> pattern.head  # row 0: inputs 0 and 1, through taps 1 and 2
Rows(ptr=array([0, 2]), cols=array([0, 1]), symbols=array([1, 2]))
>>> pattern.body  # row 1; rows 2 to 5 repeat it, each `shift` columns further right
Rows(ptr=array([0, 3]), cols=array([0, 1, 2]), symbols=array([0, 1, 2]))
>>> pattern.repeats, pattern.shift
(5, 1)
>>> pattern.tail  # row 6: inputs 5 and 6, through taps 0 and 1
Rows(ptr=array([0, 2]), cols=array([5, 6]), symbols=array([0, 1]))

The *symbol* of an entry is the number of the set of taps through which the output reads the input. Symbols below
`kernel_size` are single taps; larger ones occur where a padding mode makes several taps read the same input:

>>> pattern = pattern_of(Axis(input_size=7, kernel_size=3, before=1, after=1, mode="replicate"))
>>> pattern.head  # row 0: input 0 through taps 0 and 1, which is symbol 3, and input 1 through tap 2
Rows(ptr=array([0, 2]), cols=array([0, 1]), symbols=array([3, 2]))
>>> pattern.symbols
((0,), (1,), (2,), (0, 1), (1, 2))

In the patterns of Gram matrices, C^H C and C C^H, symbols are numbers of sets of pairs of taps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, wraps
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import Axis, require_countable
from convmatrix.core.counting import axis_nnz, count_multiples
from convmatrix.core.errors import pluralize, short
from convmatrix.core.incidence import Incidences, border_reads, composed, inputs_read, outputs_reading
from convmatrix.core.memory import require_memory

__all__ = [
    "Pattern",
    "Rows",
    "gram_pattern_of",
    "pattern_of",
    "transposed_gram_pattern_of",
    "transposed_pattern_of",
    "windows_of",
]

Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Consecutive rows in compressed form, as in a CSR matrix: row r has the entries ptr[r] to ptr[r+1] - 1."""

    ptr: Ints
    cols: Ints
    symbols: Ints

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.ptr) - 1

    def part(self, start: int, stop: int) -> "Rows":
        """Return rows start to stop - 1."""
        here = slice(self.ptr[start], self.ptr[stop])
        return Rows(self.ptr[start : stop + 1] - self.ptr[start], self.cols[here], self.symbols[here])

    def moved(self, shift: int) -> "Rows":
        """Return the same rows, `shift` columns further right."""
        return self._replace(cols=self.cols + shift)

    def entries(self) -> Iterator[tuple[int, int, int]]:
        """Yield all entries as (row, column, symbol), in order."""
        rows = np.repeat(np.arange(self.n_rows), np.diff(self.ptr))
        yield from zip(rows.tolist(), self.cols.tolist(), self.symbols.tolist(), strict=True)


@dataclass(frozen=True, eq=False)
class Pattern:
    """The pattern of one axis: the rows of `head`, then those of `body` `repeats` times, then those of `tail`.

    Parameters
    ----------
    n_cols : int
        Number of columns.
    head, body, tail : Rows
        Columns are sorted within each row; those of `body` are the columns of its first repetition.
    repeats, shift : int
        Number of repetitions of `body`, and number of columns by which each is further right than the previous one.
    symbols : tuple of tuple of int
        The taps of each symbol. In Gram matrices, a pair (t, u) of taps is the number ``t * kernel_size + u``.
    """

    n_cols: int
    head: Rows
    body: Rows
    repeats: int
    shift: int
    tail: Rows
    symbols: tuple[tuple[int, ...], ...]
    results: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)
    """Cache of functions that compute something from the pattern."""

    @cached_property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.head.n_rows + self.repeats * self.body.n_rows + self.tail.n_rows

    @cached_property
    def nnz(self) -> int:
        """Number of entries."""
        return len(self.head.cols) + self.repeats * len(self.body.cols) + len(self.tail.cols)

    @property
    def parts(self) -> tuple[tuple[Rows, int], ...]:
        """The three parts in order, each with its number of repetitions."""
        return (self.head, 1), (self.body, self.repeats), (self.tail, 1)

    @property
    def column_sum(self) -> int:
        """Sum of the column indices of all entries; exact unless the sum of a single part exceeds 64 bits."""
        columns = sum(count * int(part.cols.sum(dtype=np.int64)) for part, count in self.parts)
        return columns + self.shift * len(self.body.cols) * (self.repeats * (self.repeats - 1) // 2)

    @property
    def stored_symbols(self) -> Ints:
        """The symbols that occur, sorted."""
        return np.unique(np.concatenate([part.symbols for part, _ in self.parts]))

    def entries(self) -> tuple[Ints, Ints, Ints]:
        """Return the rows, the columns and the symbols of all entries, in order."""
        pieces, first = [], 0
        for part, repeats in self.parts:
            repetition = np.arange(repeats)[:, None]
            rows = np.repeat(np.arange(part.n_rows), np.diff(part.ptr)) + first + repetition * part.n_rows
            cols = part.cols + repetition * self.shift
            pieces.append((rows.ravel(), cols.ravel(), np.tile(part.symbols, repeats)))
            first += repeats * part.n_rows
        rows, cols, symbols = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
        return rows, cols, symbols

    def symbol_counts(self) -> tuple[Ints, Ints]:
        """Count each symbol in each row and in each column, shapes (n_rows, symbols) and (n_cols, symbols)."""
        rows, cols, symbols = self.entries()
        n_symbols = len(self.symbols)
        by_row = np.bincount(rows * n_symbols + symbols, minlength=self.n_rows * n_symbols)
        by_col = np.bincount(cols * n_symbols + symbols, minlength=self.n_cols * n_symbols)
        return by_row.reshape(self.n_rows, n_symbols), by_col.reshape(self.n_cols, n_symbols)

    def part(self, start: int, stop: int) -> "Pattern":
        """Return the pattern of rows start to stop - 1."""
        if (start, stop) == (0, self.n_rows):
            return self
        first, last, period = self.head.n_rows, self.n_rows - self.tail.n_rows, max(self.body.n_rows, 1)
        # Repetitions begin to end - 1 are wholly among these rows and stay the body.
        begin = min(max(-(-(start - first) // period), 0), self.repeats)
        end = max(min((stop - first) // period, self.repeats), begin)

        def rows(lo: int, hi: int) -> list[Rows]:
            """Copy rows lo to hi - 1: a piece of the head, one of each repetition, and a piece of the tail."""
            pieces = [self.head.part(min(lo, first), min(hi, first))]
            for repeat in range(max(lo - first, 0) // period, max(-(-(min(hi, last) - first) // period), 0)):
                top = first + repeat * period
                piece = self.body.part(max(lo - top, 0), min(hi - top, period))
                pieces.append(piece.moved(repeat * self.shift))
            return [*pieces, self.tail.part(max(lo, last) - last, max(hi, last) - last)]

        if begin == end:
            return replace(self, head=_stacked(rows(start, stop)), repeats=0, tail=_NO_ROWS)
        head, tail = rows(start, first + begin * period), rows(first + end * period, stop)
        body = self.body.moved(begin * self.shift)
        return replace(self, head=_stacked(head), body=body, repeats=end - begin, tail=_stacked(tail))


_NO_ROWS = Rows(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def _stacked(pieces: list[Rows]) -> Rows:
    ends = np.cumsum([0, *(piece.ptr[-1] for piece in pieces)])
    ptr = [piece.ptr[1:] + end for piece, end in zip(pieces, ends, strict=False)]
    cols, symbols = (np.concatenate([piece[part] for piece in pieces]) for part in (1, 2))
    return Rows(np.concatenate([np.zeros(1, dtype=np.int64), *ptr]), cols, symbols)


class _Symbols:
    """Numbers of the sets of taps found so far; numbers 0 to `single` - 1 are reserved for the single taps."""

    def __init__(self, single: int) -> None:
        self._single = single
        self._numbers: dict[tuple[int, ...], int] = {(tap,): tap for tap in range(single)}

    def rows(self, count: int, rows: Ints, cols: Ints, taps: Ints) -> Rows:
        """Build `count` rows from (row, column, tap) triples; taps with the same row and column become one symbol."""
        order = np.lexsort((taps, cols, rows))
        rows, cols, taps = rows[order], cols[order], taps[order]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]) | (cols[1:] != cols[:-1])
        starts = np.flatnonzero(new)
        symbols = taps[starts]
        sizes = np.diff(starts, append=len(rows))
        for entry in np.flatnonzero((sizes > 1) | (symbols >= self._single)).tolist():
            tap_set = tuple(taps[starts[entry] : starts[entry] + sizes[entry]].tolist())
            symbols[entry] = self._numbers.setdefault(tap_set, len(self._numbers))
        ptr = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows[starts], minlength=count), out=ptr[1:])
        return Rows(ptr, cols[starts], symbols)

    def sets(self) -> tuple[tuple[int, ...], ...]:
        """Return the set of taps of each symbol."""
        return tuple(self._numbers)


def _cached(build: Callable[[Axis], Pattern]) -> Callable[[Axis], Pattern]:
    """Cache the patterns of small axes: building them takes most of the time of building a small matrix."""
    cached_build = lru_cache(maxsize=64)(build)

    @wraps(build)
    def pattern(axis: Axis) -> Pattern:
        small = axis.output_size * axis.kernel_size <= _MAX_CACHED_ENTRIES
        return cached_build(axis) if small else build(axis)

    return pattern


_MAX_CACHED_ENTRIES = 2**15
"""Largest number of entries of an axis whose pattern is cached: it takes less than a megabyte."""


@_cached
def pattern_of(axis: Axis) -> Pattern:
    """Return the pattern of a convolution along one axis: rows are outputs, columns are inputs."""
    interior = _interior(axis, axis.output_size, axis.interior_outputs(), (axis.period, axis.shift))
    reading = _rows_with_entries(axis, axis.reading_outputs, axis.output_size)
    shape = axis.output_size, axis.input_size
    return _build(shape, interior, reading, _Symbols(axis.kernel_size), lambda outputs: inputs_read(axis, outputs))


def windows_of(axis: Axis) -> Pattern:
    """Return the pattern of the windows of an axis in mode ``zeros``: `pattern_of`, but with symbol 0 for every tap."""
    outputs = axis.output_size
    # The stride and the kernel size of a pool may exceed 64 bits. With a single output, the stride has no effect:
    # replace it by 1. Remove the taps that are beyond the end of the input in all windows.
    stride = axis.stride if outputs > 1 else 1
    taps = min(axis.kernel_size, (axis.dilated_size - 1 + axis.before) // axis.dilation + 1)
    if (stride, taps) != (axis.stride, axis.kernel_size):
        span = axis.dilation * (taps - 1) + 1
        after = (outputs - 1) * stride + span - axis.before - axis.dilated_size
        axis = replace(axis, kernel_size=taps, stride=stride, after=after)
    return _windows_of(axis)


@_cached
def _windows_of(axis: Axis) -> Pattern:
    interior = _interior(axis, axis.output_size, axis.interior_outputs(), (axis.period, axis.shift), symbols=1)
    reading = _rows_with_entries(axis, axis.reading_outputs, axis.output_size)

    def reads(outputs: Ints) -> Incidences:
        incidences = inputs_read(axis, outputs)
        return incidences._replace(tap=np.zeros_like(incidences.tap))

    return _build((axis.output_size, axis.input_size), interior, reading, _Symbols(1), reads)


@_cached
def transposed_pattern_of(axis: Axis) -> Pattern:
    """Return the transpose of `pattern_of`: rows are the inputs of the convolution, columns are its outputs."""
    interior = _interior(axis, axis.input_size, axis.interior_inputs(), (axis.shift, axis.period))
    read = _rows_with_entries(axis, axis.read_inputs, axis.input_size)
    border = border_reads(axis)
    shape = axis.input_size, axis.output_size
    return _build(shape, interior, read, _Symbols(axis.kernel_size), lambda i: outputs_reading(axis, i, border))


@_cached
def gram_pattern_of(axis: Axis) -> Pattern:
    """Return the pattern of C^H C along one axis: pairs of inputs in the same window. Symbols are sets of tap pairs."""
    # In the interior a symbol has all pairs (t, u) with the same difference u - t: there, C^H C is the convolution with
    # the autocorrelation of the kernel.
    a = axis.input_dilation
    lo, hi = axis.interior_inputs()
    first, last = axis.interior_outputs()
    # Keep the inputs that are read by interior outputs only.
    lo = max(lo, -((axis.before - axis.span + 1 - first * axis.stride) // a))
    hi = min(hi, ((last - 1) * axis.stride - axis.before) // a + 1)
    interior = _interior(axis, axis.input_size, (lo, hi), (axis.shift, axis.shift))
    read = _rows_with_entries(axis, axis.read_inputs, axis.input_size)
    border = border_reads(axis)

    def sharing(inputs: Ints) -> Incidences:
        return composed(outputs_reading(axis, inputs, border), lambda o: inputs_read(axis, o), axis.kernel_size)

    return _build((axis.input_size, axis.input_size), interior, read, _Symbols(0), sharing)


@_cached
def transposed_gram_pattern_of(axis: Axis) -> Pattern:
    """Return the pattern of C C^H along one axis: pairs of outputs that read the same input; symbols as in C^H C."""
    a = axis.input_dilation
    lo, hi = axis.interior_outputs()
    first, last = axis.interior_inputs()
    # Keep the outputs that read interior inputs only.
    lo = max(lo, -((-first * a - axis.before) // axis.stride))
    hi = min(hi, ((last - 1) * a + axis.before - axis.span + 1) // axis.stride + 1)
    interior = _interior(axis, axis.output_size, (lo, hi), (axis.period, axis.period))
    reading = _rows_with_entries(axis, axis.reading_outputs, axis.output_size)
    border = border_reads(axis)

    def sharing(outputs: Ints) -> Incidences:
        return composed(inputs_read(axis, outputs), lambda i: outputs_reading(axis, i, border), axis.kernel_size)

    return _build((axis.output_size, axis.output_size), interior, reading, _Symbols(0), sharing)


class _Interior(NamedTuple):
    """Rows that repeat: `period` rows from row `first` on, `repeats` times, each time `shift` columns further right."""

    first: int
    repeats: int
    period: int
    shift: int


def _interior(
    axis: Axis, n_rows: int, rows: tuple[int, int], steps: tuple[int, int], *, symbols: int | None = None
) -> _Interior:
    """Return the interior of a range of rows; an error if the pattern of the axis needs too much memory."""
    require_countable(axis)
    (lo, hi), (period, shift) = rows, steps
    repeats = (hi - lo) // period
    if repeats < 2:  # nothing repeats: all rows are border rows
        lo, repeats = max(hi, 0), 0
    _require_memory(axis, n_rows, repeats, period, axis.kernel_size if symbols is None else symbols)
    return _Interior(lo, repeats, period, shift)


def _rows_with_entries(axis: Axis, reading: tuple[int, int], size: int) -> tuple[int, int]:
    """Return the range of rows that may have entries: all of them where the padding repeats inputs."""
    return reading if axis.mode == "zeros" else (0, size)


def _build(
    shape: tuple[int, int],
    interior: _Interior,
    with_entries: tuple[int, int],
    symbols: _Symbols,
    incidences: Callable[[Ints], Incidences],
) -> Pattern:
    """Build a pattern from a function that returns the incidences of rows; rows outside `with_entries` are empty."""

    def rows(first: int, stop: int) -> Rows:
        start = min(max(first, with_entries[0]), stop)
        row, col, tap = incidences(np.arange(start, max(min(stop, with_entries[1]), start), dtype=np.int64))
        return symbols.rows(stop - first, row + (start - first), col, tap)

    lo, repeats, period, shift = interior
    head, tail = rows(0, lo), rows(lo + repeats * period, shape[0])
    body = rows(lo, lo + period if repeats else lo)
    return Pattern(shape[1], head, body, repeats, shift, tail, symbols.sets())


def _require_memory(axis: Axis, n_rows: int, repeats: int, period: int, symbols: int) -> None:
    """Check that there is enough memory for a pattern: for its border rows and one period of its interior."""
    rows = n_rows - max(repeats - 1, 0) * period
    incidences = axis_nnz(axis) if axis.mode == "zeros" else axis.output_size * axis.kernel_size
    # Within a period, each tap reads one input or none.
    common = gcd(axis.stride, axis.input_dilation)
    incidences -= max(repeats - 1, 0) * count_multiples(-axis.before, axis.dilation, axis.kernel_size, common)
    require_memory(
        rows * _ROW_BYTES + incidences * _INCIDENCE_BYTES + symbols * _SYMBOL_BYTES,
        f"the pattern of {short(n_rows)} rows along an axis, {short(rows)} of which do not repeat others, for a kernel "
        f"of {pluralize(axis.kernel_size, 'tap')}",
        "use less padding, or a smaller kernel",
    )


_ROW_BYTES = 40
"""Bytes per row while a pattern and its matrix are built: five copies of the row's entry in `Rows.ptr`."""

_SYMBOL_BYTES = 192
"""Bytes per symbol: a tuple, its tap, and its entry in a dict."""

_INCIDENCE_BYTES = 128
"""Bytes per (row, column, tap) triple while a pattern is built: measured."""
