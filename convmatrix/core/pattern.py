"""Which row of the matrix of one axis has entries in which columns: its pattern, without any values.

Along one axis a convolution is a small sparse matrix. Its rows differ at the borders, where windows reach beyond the
input; in between they are the same again and again, further to the right each time. A `Pattern` writes out the border
rows, as `head` and `tail`, and of the interior only what repeats, as `body`; so a million rows are a handful of arrays:

>>> from convmatrix.core.axis import Axis
>>> pattern = pattern_of(Axis(input_size=7, kernel_size=3, before=1, after=1))
>>> pattern.head  # row 0 reads inputs 0 and 1, through taps 1 and 2
Rows(ptr=array([0, 2]), cols=array([0, 1]), symbols=array([1, 2]))
>>> pattern.body  # row 1, and `repeats` times in all, `shift` columns further to the right each time
Rows(ptr=array([0, 3]), cols=array([0, 1, 2]), symbols=array([0, 1, 2]))
>>> pattern.repeats, pattern.shift
(5, 1)
>>> pattern.tail  # row 6
Rows(ptr=array([0, 2]), cols=array([5, 6]), symbols=array([0, 1]))

An entry has a *symbol*: the set of taps that it is the sum of, in a Gram matrix of pairs of taps. The first
`kernel_size` symbols are the single taps; others follow where a padding mode brings several taps onto one input:

>>> pattern = pattern_of(Axis(input_size=7, kernel_size=3, before=1, after=1, mode="replicate"))
>>> pattern.head  # input 0 is read through taps 0 and 1
Rows(ptr=array([0, 2]), cols=array([0, 1]), symbols=array([3, 2]))
>>> pattern.symbols
((0,), (1,), (2,), (0, 1), (1, 2))
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
    """Some consecutive rows in compressed form: row r holds entries ptr[r] to ptr[r+1]."""

    ptr: Ints
    cols: Ints
    symbols: Ints

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.ptr) - 1

    def part(self, start: int, stop: int) -> "Rows":
        """Some of the rows."""
        here = slice(self.ptr[start], self.ptr[stop])
        return Rows(self.ptr[start : stop + 1] - self.ptr[start], self.cols[here], self.symbols[here])

    def moved(self, shift: int) -> "Rows":
        """The same rows, reading `shift` columns further on."""
        return self._replace(cols=self.cols + shift)

    def entries(self) -> Iterator[tuple[int, int, int]]:
        """All entries as (row, column, symbol), in order."""
        rows = np.repeat(np.arange(self.n_rows), np.diff(self.ptr))
        yield from zip(rows.tolist(), self.cols.tolist(), self.symbols.tolist(), strict=True)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Rows of one axis: `head`, then `body` so many times, then `tail`.

    Parameters
    ----------
    n_cols : int
        Number of columns.
    head, body, tail : Rows
        Their columns are sorted within each row.
    repeats, shift : int
        How often the rows of `body` follow each other, and how many columns further on each time.
    symbols : tuple of tuple of int
        For each symbol the taps that an entry with it is the sum of; of a Gram matrix, pairs of taps.
    """

    n_cols: int
    head: Rows
    body: Rows
    repeats: int
    shift: int
    tail: Rows
    symbols: tuple[tuple[int, ...], ...]
    results: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)
    """What functions have worked out from the pattern and keep with it."""

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
        """Its rows, and how often they are repeated, in order."""
        return (self.head, 1), (self.body, self.repeats), (self.tail, 1)

    @property
    def column_sum(self) -> int:
        """Sum of the columns of all entries, or what 64 bits keep of it; known without writing them out."""
        columns = sum(count * int(part.cols.sum(dtype=np.int64)) for part, count in self.parts)
        return columns + self.shift * len(self.body.cols) * (self.repeats * (self.repeats - 1) // 2)

    @property
    def stored_symbols(self) -> Ints:
        """The symbols that some row has."""
        return np.unique(np.concatenate([part.symbols for part, _ in self.parts]))

    def entries(self) -> tuple[Ints, Ints, Ints]:
        """Rows, columns and symbols of all entries, in order."""
        found, first = [], 0
        for part, repeats in self.parts:
            rows = np.repeat(np.arange(part.n_rows), np.diff(part.ptr))
            repetition = np.arange(repeats)[:, None]
            found.append(((rows + repetition * part.n_rows + first).ravel(),
                          (part.cols + repetition * self.shift).ravel(), np.tile(part.symbols, repeats)))  # fmt: skip
            first += repeats * part.n_rows
        rows, cols, symbols = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, cols, symbols

    def symbol_counts(self) -> tuple[Ints, Ints]:
        """How often each row, and each column, has each symbol: shapes (n_rows, symbols) and (n_cols, symbols)."""
        rows, cols, symbols = self.entries()
        kinds = len(self.symbols)
        by_row = np.bincount(rows * kinds + symbols, minlength=self.n_rows * kinds)
        by_col = np.bincount(cols * kinds + symbols, minlength=self.n_cols * kinds)
        return by_row.reshape(self.n_rows, kinds), by_col.reshape(self.n_cols, kinds)

    def part(self, start: int, stop: int) -> "Pattern":
        """Some of the rows, again with an interior that repeats."""
        if (start, stop) == (0, self.n_rows):
            return self
        first, last, period = self.head.n_rows, self.n_rows - self.tail.n_rows, max(self.body.n_rows, 1)
        # The repetitions that are wanted whole, and what is wanted of the ones before and after them.
        begin = min(max(-(-(start - first) // period), 0), self.repeats)
        end = max(min((stop - first) // period, self.repeats), begin)

        def rows(lo: int, hi: int) -> list[Rows]:
            """Rows lo to hi, one piece for each part and each repetition that they come from."""
            pieces = [self.head.part(min(lo, first), min(hi, first))]
            for repeat in range(max(lo - first, 0) // period, max(-(-(min(hi, last) - first) // period), 0)):
                top = first + repeat * period
                cut = self.body.part(max(lo - top, 0), min(hi - top, period))
                pieces.append(cut.moved(repeat * self.shift))
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
    """The sets of taps seen so far, numbered; each of the first `single` taps keeps its own number."""

    def __init__(self, single: int) -> None:
        self._single = single
        self._numbers: dict[tuple[int, ...], int] = {(tap,): tap for tap in range(single)}

    def rows(self, count: int, rows: Ints, cols: Ints, taps: Ints) -> Rows:
        """Compress `count` rows given as triples; taps that share a row and a column become one symbol."""
        order = np.lexsort((taps, cols, rows))
        rows, cols, taps = rows[order], cols[order], taps[order]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]) | (cols[1:] != cols[:-1])
        starts = np.flatnonzero(new)
        symbols = taps[starts]
        sizes = np.diff(starts, append=len(rows))
        for entry in np.flatnonzero((sizes > 1) | (symbols >= self._single)).tolist():
            met = tuple(taps[starts[entry] : starts[entry] + sizes[entry]].tolist())
            symbols[entry] = self._numbers.setdefault(met, len(self._numbers))
        ptr = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows[starts], minlength=count), out=ptr[1:])
        return Rows(ptr, cols[starts], symbols)

    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The set of taps behind each symbol."""
        return tuple(self._numbers)


def _remembered(make: Callable[[Axis], Pattern]) -> Callable[[Axis], Pattern]:
    """Make the pattern of an axis once: in a small matrix that is most of the work. Large ones are not kept."""
    known = lru_cache(maxsize=64)(make)

    @wraps(make)
    def pattern(axis: Axis) -> Pattern:
        return known(axis) if axis.output_size * axis.kernel_size <= _KEPT else make(axis)

    return pattern


_KEPT = 2**15
"""Most entries of an axis whose pattern is remembered: less than a megabyte."""


@_remembered
def pattern_of(axis: Axis) -> Pattern:
    """Pattern of the convolution along one axis: rows are outputs, columns inputs."""
    interior = _interior(axis, axis.output_size, axis.interior_outputs(), (axis.period, axis.shift))
    reading = _rows_with_entries(axis, axis.reading_outputs, axis.output_size)
    shape = axis.output_size, axis.input_size
    return _built(shape, interior, reading, _Symbols(axis.kernel_size), lambda outputs: inputs_read(axis, outputs))


def windows_of(axis: Axis) -> Pattern:
    """Pattern of the windows along one axis: which inputs an output reads, whatever the tap; its only symbol is 0.

    It takes no arrays as long as the kernel, which may be much longer than the input.

    Parameters
    ----------
    axis : Axis
        With padding mode ``zeros``, so that no two taps of a window read the same input.

    Returns
    -------
    Pattern
    """
    outputs = axis.output_size
    # A stride that is never taken, and taps that lie beyond the end of the input in every window, are left out: those
    # of a pool may be larger than what can be counted.
    stride = axis.stride if outputs > 1 else 1
    taps = min(axis.kernel_size, (axis.dilated_size - 1 + axis.before) // axis.dilation + 1)
    if (stride, taps) != (axis.stride, axis.kernel_size):
        span = axis.dilation * (taps - 1) + 1
        after = (outputs - 1) * stride + span - axis.before - axis.dilated_size
        axis = replace(axis, kernel_size=taps, stride=stride, after=after)
    return _windows_of(axis)


@_remembered
def _windows_of(axis: Axis) -> Pattern:
    interior = _interior(axis, axis.output_size, axis.interior_outputs(), (axis.period, axis.shift), symbols=1)
    reading = _rows_with_entries(axis, axis.reading_outputs, axis.output_size)

    def reads(outputs: Ints) -> Incidences:
        incidences = inputs_read(axis, outputs)
        return incidences._replace(tap=np.zeros_like(incidences.tap))

    return _built((axis.output_size, axis.input_size), interior, reading, _Symbols(1), reads)


@_remembered
def transposed_pattern_of(axis: Axis) -> Pattern:
    """Pattern of the transposed convolution along one axis: rows are the convolution's inputs, columns its outputs."""
    interior = _interior(axis, axis.input_size, axis.interior_inputs(), (axis.shift, axis.period))
    read = _rows_with_entries(axis, axis.read_inputs, axis.input_size)
    border = border_reads(axis)
    shape = axis.input_size, axis.output_size
    return _built(shape, interior, read, _Symbols(axis.kernel_size), lambda i: outputs_reading(axis, i, border))


@_remembered
def gram_pattern_of(axis: Axis) -> Pattern:
    """Pattern of C^H C along one axis: inputs that share a window; symbols are sets of pairs of taps."""
    # In the interior the pairs of a symbol are those with the same distance tap' - tap, so that C^H C is there the
    # convolution with the kernel's autocorrelation.
    a = axis.input_dilation
    lo, hi = axis.interior_inputs()
    first, last = axis.interior_outputs()
    # All windows on an input of the interior lie on the input themselves.
    lo = max(lo, -((axis.before - axis.span + 1 - first * axis.stride) // a))
    hi = min(hi, ((last - 1) * axis.stride - axis.before) // a + 1)
    interior = _interior(axis, axis.input_size, (lo, hi), (axis.shift, axis.shift))
    read = _rows_with_entries(axis, axis.read_inputs, axis.input_size)
    border = border_reads(axis)

    def sharing(inputs: Ints) -> Incidences:
        return composed(outputs_reading(axis, inputs, border), lambda o: inputs_read(axis, o), axis.kernel_size)

    return _built((axis.input_size, axis.input_size), interior, read, _Symbols(0), sharing)


@_remembered
def transposed_gram_pattern_of(axis: Axis) -> Pattern:
    """Pattern of C C^H along one axis: outputs whose windows share an input; symbols as for `gram_pattern_of`."""
    a = axis.input_dilation
    lo, hi = axis.interior_outputs()
    first, last = axis.interior_inputs()
    # All inputs in a window of the interior are read by every tap.
    lo = max(lo, -((-first * a - axis.before) // axis.stride))
    hi = min(hi, ((last - 1) * a + axis.before - axis.span + 1) // axis.stride + 1)
    interior = _interior(axis, axis.output_size, (lo, hi), (axis.period, axis.period))
    reading = _rows_with_entries(axis, axis.reading_outputs, axis.output_size)
    border = border_reads(axis)

    def sharing(outputs: Ints) -> Incidences:
        return composed(inputs_read(axis, outputs), lambda i: outputs_reading(axis, i, border), axis.kernel_size)

    return _built((axis.output_size, axis.output_size), interior, reading, _Symbols(0), sharing)


class _Interior(NamedTuple):
    """Rows that repeat: from row `first` on, `period` rows `repeats` times, `shift` columns further on each time."""

    first: int
    repeats: int
    period: int
    shift: int


def _interior(
    axis: Axis, n_rows: int, rows: tuple[int, int], steps: tuple[int, int], *, symbols: int | None = None
) -> _Interior:
    """The interior of a range of rows, of given period and shift, if a pattern of the axis can be built."""
    require_countable(axis)
    (lo, hi), (period, shift) = rows, steps
    repeats = (hi - lo) // period
    if repeats < 2:  # nothing repeats: all rows are border rows
        lo, repeats = max(hi, 0), 0
    _require_memory(axis, n_rows, repeats, period, axis.kernel_size if symbols is None else symbols)
    return _Interior(lo, repeats, period, shift)


def _rows_with_entries(axis: Axis, reading: tuple[int, int], size: int) -> tuple[int, int]:
    """The range of rows that may have entries: where borders copy the input, all of them."""
    return reading if axis.mode == "zeros" else (0, size)


def _built(
    shape: tuple[int, int],
    interior: _Interior,
    with_entries: tuple[int, int],
    symbols: _Symbols,
    incidences: Callable[[Ints], Incidences],
) -> Pattern:
    """The pattern whose rows have the columns that `incidences` says, those outside of `with_entries` none."""

    def rows(first: int, stop: int) -> Rows:
        start = min(max(first, with_entries[0]), stop)
        row, col, tap = incidences(np.arange(start, max(min(stop, with_entries[1]), start), dtype=np.int64))
        return symbols.rows(stop - first, row + (start - first), col, tap)

    lo, repeats, period, shift = interior
    head, tail = rows(0, lo), rows(lo + repeats * period, shape[0])
    body = rows(lo, lo + period if repeats else lo)
    return Pattern(shape[1], head, body, repeats, shift, tail, symbols.sets())


def _require_memory(axis: Axis, n_rows: int, repeats: int, period: int, symbols: int) -> None:
    """Refuse an axis of which too many rows are written out, since they do not repeat others."""
    rows = n_rows - max(repeats - 1, 0) * period
    meetings = axis_nnz(axis) if axis.mode == "zeros" else axis.output_size * axis.kernel_size
    # A period reads through each tap once, if at all.
    common = gcd(axis.stride, axis.input_dilation)
    meetings -= max(repeats - 1, 0) * count_multiples(-axis.before, axis.dilation, axis.kernel_size, common)
    require_memory(
        rows * _ROW_BYTES + meetings * _MEETING_BYTES + symbols * _SYMBOL_BYTES,
        f"the pattern of {short(n_rows)} rows along an axis, {short(rows)} of which do not repeat others, for a kernel "
        f"of {pluralize(axis.kernel_size, 'tap')}",
        "use less padding, or a smaller kernel",
    )


_ROW_BYTES = 40
"""Bytes that a row takes while a pattern is built, and a matrix of it: its start, five times."""

_SYMBOL_BYTES = 192
"""Bytes of a symbol: a tuple, its tap, and its place among the others."""

_MEETING_BYTES = 128
"""Bytes that what a tap reads takes while a pattern is built: row, column and tap, in four versions; measured."""
