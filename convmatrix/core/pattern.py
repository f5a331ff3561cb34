"""One axis as a small matrix of its own: border rows written out, and an interior that repeats with a shift.

The rows of the interior are one *period*, repeated; each repetition reads `shift` columns further on. So a pattern
of a million rows is a handful of arrays. Where border modes bring several taps onto one column, the set of these
taps becomes one *symbol*; the first `kernel_size` symbols are the single taps. Entries of a row are sorted by column.
A Gram matrix has patterns too: there all symbols are sets of pairs of taps, through which two inputs meet.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, wraps
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import NOTHING, Axis, require_countable
from convmatrix.core.counting import axis_nnz, count_multiples
from convmatrix.core.errors import counted, short
from convmatrix.core.memory import require_memory

__all__ = [
    "Pattern",
    "Rows",
    "Run",
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


class Table(NamedTuple):
    """Rows padded to one width: `empty` says which slots have no entry, None that all have.

    `symbols` has the symbol of each slot; where all rows have the same, it is a slice of all symbols.
    """

    cols: NDArray[np.int32]
    empty: NDArray[np.bool_] | None
    symbols: Ints | slice


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

    def row_counts(self, dtype: np.dtype[np.signedinteger]) -> NDArray[np.signedinteger]:
        """Number of entries in each row, as an array of `dtype`."""
        counts = np.empty(self.n_rows, dtype=dtype)
        first, last = self.head.n_rows, self.n_rows - self.tail.n_rows
        counts[:first] = np.diff(self.head.ptr)
        period = self.body.n_rows
        if period > self.repeats:
            counts[first:last].reshape(self.repeats, period)[:] = np.diff(self.body.ptr)
        else:
            for row, count in enumerate(np.diff(self.body.ptr)):  # not all at once: that would be as many small copies
                counts[first + row : last : period] = count
        counts[last:] = np.diff(self.tail.ptr)
        return counts

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

    def entries(self) -> tuple[Ints, Ints, Ints]:
        """Rows, columns and symbols of all entries."""
        found, first = [], 0
        for part, repeats in self.parts:
            rows = np.repeat(np.arange(part.n_rows), np.diff(part.ptr))
            again = np.arange(repeats)[:, None]
            found.append(((rows + again * part.n_rows + first).ravel(), (part.cols + again * self.shift).ravel(),
                          np.tile(part.symbols, repeats)))  # fmt: skip
            first += repeats * part.n_rows
        rows, cols, symbols = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, cols, symbols

    @cached_property
    def table(self) -> Table:
        """All rows written out at one width, for patterns of few entries and of columns that 32 bits can count."""
        rows, cols, symbols = self.entries()
        kinds, width = len(self.symbols), int(self.counts.max(initial=0))
        same_row = rows[1:] == rows[:-1]
        # Where every row has its symbols in order, each has a slot of its own, the same one in all rows.
        for slots, order in ((symbols, slice(None)), (kinds - 1 - symbols, slice(None, None, -1))):
            if kinds <= 2 * width and (np.diff(slots)[same_row] > 0).all():
                return Table(*_tabled(rows, slots, cols, (self.n_rows, kinds)), order)
        slots = np.arange(len(rows)) - np.searchsorted(rows, rows)
        own = np.zeros((self.n_rows, width), dtype=np.int64)
        own[rows, slots] = symbols
        return Table(*_tabled(rows, slots, cols, own.shape), own)

    @cached_property
    def counts(self) -> NDArray[np.int32]:
        """Number of entries in each row, for the patterns that have a `table`."""
        counts: NDArray[np.int32] = self.row_counts(np.dtype(np.int32))
        return counts

    @cached_property
    def once(self) -> "Pattern":
        """The pattern with one repetition of its interior."""
        return replace(self, repeats=1)

    def spread_table(self, step: int, nothing: int) -> NDArray[np.int32]:
        """The columns of `table`, so many apart, and a number for slots that have no entry; not to be written to."""
        known = self._spread.get((step, nothing))
        if known is None:
            known = self.table.cols * np.int32(step)
            if self.table.empty is not None:
                np.putmask(known, self.table.empty, nothing)
            known.flags.writeable = False
            # One for each axis of a square image, and not those of all layers that have such an axis.
            if len(self._spread) >= _SPREAD:
                self._spread.clear()
            self._spread[step, nothing] = known
        return known

    @cached_property
    def _spread(self) -> dict[tuple[int, int], NDArray[np.int32]]:
        return {}

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


def _tabled(
    rows: Ints, slots: Ints, cols: Ints, shape: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.bool_] | None]:
    """Columns in their slots, and which slots have none."""
    out, empty = np.zeros(shape, dtype=np.int32), np.ones(shape, dtype=bool)
    out[rows, slots] = cols
    empty[rows, slots] = False
    return out, empty if empty.any() else None


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


class Meetings(NamedTuple):
    """Triples: row number `row` meets column `col` through tap `tap`."""

    row: Ints
    col: Ints
    tap: Ints


# -- the four patterns of an axis ------------------------------------------------------------------------------------


def _remembered(make: Callable[[Axis], Pattern]) -> Callable[[Axis], Pattern]:
    """Make the pattern of an axis once: in a small matrix that is most of the work. Large ones are not kept."""
    known = lru_cache(maxsize=64)(make)

    @wraps(make)
    def pattern(axis: Axis) -> Pattern:
        return known(axis) if axis.output_size * axis.kernel_size <= _KEPT else make(axis)

    return pattern


_SPREAD = 4
"""Most step lengths whose columns are remembered for an axis."""

_KEPT = 2**15
"""Most entries of an axis whose pattern is remembered: less than a megabyte."""


@_remembered
def pattern_of(axis: Axis) -> Pattern:
    """Pattern of the convolution along one axis: rows are outputs, columns inputs."""
    repeating = _checked(axis, axis.output_size, *axis.interior_outputs(), axis.period)
    return _pattern(
        lambda outputs: _inputs_of(axis, outputs),
        (axis.output_size, axis.input_size),
        repeating,
        (axis.period, axis.shift),
        _Symbols(axis.kernel_size),
        _meeting(axis, axis.reading_outputs, axis.output_size),
    )


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
    taps = min(axis.kernel_size, (axis.stretched_size - 1 + axis.before) // axis.dilation + 1)
    if (stride, taps) != (axis.stride, axis.kernel_size):
        span = axis.dilation * (taps - 1) + 1
        after = (outputs - 1) * stride + span - axis.before - axis.stretched_size
        axis = replace(axis, kernel_size=taps, stride=stride, after=after)
    return _windows_of(axis)


@_remembered
def _windows_of(axis: Axis) -> Pattern:
    repeating = _checked(axis, axis.output_size, *axis.interior_outputs(), axis.period, symbols=1)

    def reads(outputs: Ints) -> Meetings:
        meetings = _inputs_of(axis, outputs)
        return meetings._replace(tap=np.zeros_like(meetings.tap))

    return _pattern(
        reads,
        (axis.output_size, axis.input_size),
        repeating,
        (axis.period, axis.shift),
        _Symbols(1),
        _meeting(axis, axis.reading_outputs, axis.output_size),
    )


@_remembered
def transposed_pattern_of(axis: Axis) -> Pattern:
    """Pattern of the transposed convolution along one axis: rows are the convolution's inputs, columns its outputs."""
    repeating = _checked(axis, axis.input_size, *axis.interior_inputs(), axis.shift)
    beside = _pairs_beside(axis)
    return _pattern(
        lambda inputs: _outputs_of(axis, inputs, beside),
        (axis.input_size, axis.output_size),
        repeating,
        (axis.shift, axis.period),
        _Symbols(axis.kernel_size),
        _meeting(axis, axis.read_inputs, axis.input_size),
    )


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
    repeating, beside = _checked(axis, axis.input_size, lo, hi, axis.shift), _pairs_beside(axis)
    return _pattern(
        lambda inputs: _joined(_outputs_of(axis, inputs, beside), lambda o: _inputs_of(axis, o), axis.kernel_size),
        (axis.input_size, axis.input_size),
        repeating,
        (axis.shift, axis.shift),
        _Symbols(0),
        _meeting(axis, axis.read_inputs, axis.input_size),
    )


@_remembered
def transposed_gram_pattern_of(axis: Axis) -> Pattern:
    """Pattern of C C^H along one axis: outputs whose windows share an input; symbols as for `gram_pattern_of`."""
    a = axis.input_dilation
    lo, hi = axis.interior_outputs()
    first, last = axis.interior_inputs()
    # All inputs in a window of the interior are read by every tap.
    lo = max(lo, -((-first * a - axis.before) // axis.stride))
    hi = min(hi, ((last - 1) * a + axis.before - axis.span + 1) // axis.stride + 1)
    repeating, beside = _checked(axis, axis.output_size, lo, hi, axis.period), _pairs_beside(axis)
    return _pattern(
        lambda outputs: _joined(_inputs_of(axis, outputs), lambda i: _outputs_of(axis, i, beside), axis.kernel_size),
        (axis.output_size, axis.output_size),
        repeating,
        (axis.period, axis.period),
        _Symbols(0),
        _meeting(axis, axis.reading_outputs, axis.output_size),
    )


def _pattern(
    meetings: Callable[[Ints], Meetings],
    shape: tuple[int, int],
    repeating: tuple[int, int],
    steps: tuple[int, int],
    symbols: _Symbols,
    meeting: tuple[int, int],
) -> Pattern:
    """The pattern of some rows, of which those from `lo` on repeat, and every `period` of them move on by `shift`."""
    # Rows outside of the range `meeting` meet nothing.
    (lo, repeats), (period, shift) = repeating, steps
    hi = lo + repeats * period

    def rows(first: int, stop: int) -> Rows:
        start = min(max(first, meeting[0]), stop)
        row, col, tap = meetings(np.arange(start, max(min(stop, meeting[1]), start), dtype=np.int64))
        return symbols.rows(stop - first, row + (start - first), col, tap)

    head, tail = rows(0, lo), rows(hi, shape[0])
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
        f"of {counted(axis.kernel_size, 'tap')}",
        "use less padding, or a smaller kernel",
    )


_ROW_BYTES = 40
"""Bytes that a row takes while a pattern is built, and a matrix of it: its start, five times."""

_SYMBOL_BYTES = 192
"""Bytes of a symbol: a tuple, its tap, and its place among the others."""

_MEETING_BYTES = 128
"""Bytes that what a tap reads takes while a pattern is built: row, column and tap, in four versions; measured."""


def _meeting(axis: Axis, reading: tuple[int, int], size: int) -> tuple[int, int]:
    """The rows that meet something: where borders copy the input, all may."""
    return reading if axis.mode == "zeros" else (0, size)


def _checked(axis: Axis, n_rows: int, lo: int, hi: int, period: int, *, symbols: int | None = None) -> tuple[int, int]:
    """First row and number of repetitions of an interior, if a pattern of the axis can be built."""
    require_countable(axis)
    first, repeats = _repeating(lo, hi, period)
    _require_memory(axis, n_rows, repeats, period, axis.kernel_size if symbols is None else symbols)
    return first, repeats


def _repeating(lo: int, hi: int, period: int) -> tuple[int, int]:
    """First row and number of repetitions of an interior; none unless it repeats at least once."""
    repeats = (hi - lo) // period
    return (lo, repeats) if repeats > 1 else (max(hi, 0), 0)


# -- who meets whom --------------------------------------------------------------------------------------------------


def _inputs_of(axis: Axis, outputs: Ints) -> Meetings:
    """What the windows of some outputs read."""
    if axis.mode == "zeros":
        first, last = -axis.before, axis.stretched_size - 1
        return _meetings(outputs * axis.stride + first, axis, (0, last), axis.input_dilation)
    inputs = axis.extend(axis.positions(outputs))
    row, tap = np.nonzero(inputs != NOTHING)
    return Meetings(row, inputs[row, tap], tap)


def _outputs_of(axis: Axis, inputs: Ints, beside: Meetings) -> Meetings:
    """Which outputs read some inputs; `beside` is what `_pairs_beside` returns."""
    # Where an input itself stands, tap t brings it to output (i*a + before - t*d) / s.
    first, last = -axis.before, (axis.output_size - 1) * axis.stride
    row, col, tap = _meetings(first - inputs * axis.input_dilation, axis, (-last, 0), axis.stride)
    if not len(beside.row):
        return Meetings(row, -col, tap)
    start, stop = (np.searchsorted(beside.row, inputs, side) for side in ("left", "right"))
    copied, pair = _spread(start, stop - start)
    columns = np.concatenate([-col, beside.col[pair]])
    return Meetings(np.concatenate([row, copied]), columns, np.concatenate([tap, beside.tap[pair]]))


def _meetings(starts: Ints, axis: Axis, within: tuple[int, int], every: int) -> Meetings:
    """Where start + tap*dilation is a multiple of `every` within bounds: the number of the start, multiple, and tap."""
    # It takes as much memory as there are meetings, not that of a table of all starts and taps.
    low, high = within
    first = np.maximum(-((starts - low) // axis.dilation), 0)
    stop = np.minimum((high - starts) // axis.dilation + 1, axis.kernel_size)
    step = 1
    if every > 1:
        common = gcd(axis.dilation, every)
        step = every // common
        # tap * dilation = -start (mod every)
        quotients, remainders = np.divmod(-starts, common)
        inverse = pow(axis.dilation // common, -1, step)
        wide = quotients.astype(object) if step > _WIDE else quotients
        solutions = (wide % step * inverse % step).astype(np.int64)
        first += (solutions - first) % step
        stop[remainders != 0] = 0
    row, number = _spread(np.zeros_like(first), np.maximum(-((first - stop) // step), 0))
    tap = first[row] + number * step
    return Meetings(row, (starts[row] + tap * axis.dilation) // every, tap)


_WIDE = 2**31
"""Residues of a larger modulus have products beyond 64 bits."""


def _joined(first: Meetings, second: Callable[[Ints], Meetings], kernel_size: int) -> Meetings:
    """Rows meet what the columns of `first` meet in `second`, through pairs of taps."""
    between, col, tap = second(first.col)
    return Meetings(first.row[between], col, first.tap[between] * kernel_size + tap)


def _spread(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """For each range, its own number and the numbers in it, as two arrays."""
    own = np.repeat(np.arange(len(counts)), counts)
    return own, np.arange(len(own)) + np.repeat(starts - np.cumsum(counts) + counts, counts)


def _pairs_beside(axis: Axis) -> Meetings:
    """Which inputs are read beyond the ends, where a border mode has copied them, by which output and tap; sorted."""
    if axis.mode == "zeros":
        nothing = np.zeros(0, dtype=np.int64)
        return Meetings(nothing, nothing, nothing)
    outputs, taps = [], []
    for tap in range(axis.kernel_size):
        start = tap * axis.dilation - axis.before
        below = min(max(-(start // axis.stride), 0), axis.output_size)
        above = min(max(-((start - axis.input_size) // axis.stride), below), axis.output_size)
        outputs += [np.arange(below), np.arange(above, axis.output_size)]
        taps.append(np.full(below + axis.output_size - above, tap))
    output, through = np.concatenate(outputs), np.concatenate(taps)
    read = axis.extend(output * axis.stride + through * axis.dilation - axis.before)
    order = np.argsort(read, kind="stable")
    return Meetings(read[order], output[order], through[order])
