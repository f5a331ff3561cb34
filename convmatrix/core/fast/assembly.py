"""From the patterns of the axes and a weight to the three arrays of a CSR matrix, written once and in order.

Correct is `convmatrix.core.equation`; this is the same, faster.

A row of the matrix is an outer product: (channels it reads) x (entries of axis 0) x (entries of axis 1) x ... .
So the rows that share one row of axis 0, a *line*, are built once from the inner axes and written wherever axis 0
repeats, with the column shift added. All rows of a channel group have the same columns; only their weights differ.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain, pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.errors import SumOverflowError
from convmatrix.core.fast.small import Arrays, is_small, refill_small, write_small
from convmatrix.core.pattern import Pattern, Rows

__all__ = ["assemble", "count_entries", "extended_weight", "index_dtype", "refill", "taps_of_places"]

_BLOCK = 4096
"""Blocks of fewer elements make NumPy's broadcasting add several times slower per element."""

_SHORT = 8 * _BLOCK
"""Blocks of many channels are made longer up to about as many weights."""

_GATHERED = 2**20 - 2**16
"""About as many bytes of weights are gathered at once before they are copied: what the caches keep."""

_PERIOD = 2**19
"""Most entries of a period that is written as one line: its rows apart would be written to every page once each."""

_PAGE = 2**19
"""Fewest entries of an image that is written channel by channel: as many as a huge page holds, for 4 bytes each."""

_WORTH_KEEPING = 8
"""At most the inverse of this of an image's entries is kept as lines while it is written."""

_IMAGE = 2**16
"""Most entries of one output channel whose columns are written at once, for all channels."""

_ALIGNED = 64
"""Bytes of a line of the cache, to which arrays in one piece of memory are aligned."""

_MOST_THREADS = 256
"""More threads than this are never faster, and each has its share of the rows."""

_WORTH_A_THREAD = 10**7
"""Fewest entries that several threads write faster than one."""

_INT32, _INT64 = np.dtype(np.int32), np.dtype(np.int64)
_INT32_MAX = np.iinfo(np.int32).max


def index_dtype(rows: int, cols: int, nnz: int) -> np.dtype[np.signedinteger]:
    """int32 where every index and count fits, else int64."""
    return _INT32 if max(rows, cols, nnz) <= _INT32_MAX else _INT64


def extended_weight(weight: NDArray[Any], patterns: Sequence[Pattern]) -> NDArray[Any]:
    """Extend each spatial axis of a weight from taps to symbols: the sums of the taps that meet on one input.

    Parameters
    ----------
    weight : (row_channels, col_channels_per_group, *kernel_size) ndarray
    patterns : sequence of Pattern
        One for each axis.

    Returns
    -------
    (row_channels, col_channels_per_group, *number_of_symbols) ndarray
        Of the dtype of `weight`; for bool the sum is "or".

    Raises
    ------
    SumOverflowError
        If a sum leaves the range of an integer dtype.
    """  # noqa: DOC502  raised where the sums are made
    if all(len(pattern.symbols) == size for pattern, size in zip(patterns, weight.shape[2:], strict=True)):
        return weight
    if weight.dtype.kind in "iu":
        most = prod(max(map(len, pattern.symbols)) for pattern in patterns)
        if max(int(weight.max()), -int(weight.min())) * most > np.iinfo(weight.dtype.str).max:
            return _summed_exactly(weight, patterns)
    return _summed(weight, patterns)


def _summed_exactly(weight: NDArray[Any], patterns: Sequence[Pattern]) -> NDArray[Any]:
    """Add up in Python's integers, and refuse an entry that the dtype cannot hold."""
    sums = _summed(weight.astype(object), patterns)
    # Only sums that the matrix stores count: where taps always meet, none of them stands alone.
    stored = [np.arange(size) for size in sums.shape[:2]] + [pattern.stored_symbols for pattern in patterns]
    sums = sums[np.ix_(*stored)]
    limits = np.iinfo(weight.dtype.str)
    smallest, largest = sums.min(), sums.max()
    if largest > limits.max:
        worst, limit = largest, limits.max
    elif smallest < limits.min:
        worst, limit = smallest, limits.min
    else:
        return _summed(weight, patterns)  # what wraps around on the way comes back
    wider = (np.iinfo(name) for name in ("int16", "int32", "int64"))
    fits = [str(wide.dtype) for wide in wider if wide.min <= smallest and largest <= wide.max]
    raise SumOverflowError(
        f"weights that meet on one input add up to {worst}, but {weight.dtype} ends at {limit}: cast the weight with "
        f".astype({(fits or ['float64'])[0]!r})"
    )


@np.errstate(over="ignore", invalid="ignore")  # a sum of floats that is too large is infinite
def _summed(weight: NDArray[Any], patterns: Sequence[Pattern]) -> NDArray[Any]:
    for axis, pattern in enumerate(patterns, start=2):
        sums = [
            np.add.reduce(weight.take(taps, axis), axis=axis, keepdims=True, dtype=weight.dtype)
            for taps in pattern.symbols[weight.shape[axis] :]
        ]
        weight = np.concatenate([weight, *sums], axis=axis)
    return weight


def taps_of_places(patterns: Sequence[Pattern]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which taps each spatial place of an extended weight is the sum of.

    Returns
    -------
    ptr, taps : ndarray of int64
        Place p is the sum of the taps ``taps[ptr[p]:ptr[p + 1]]``, as flat indices into the kernel.
    """
    ptr, taps = np.array([0, 1]), np.zeros(1, dtype=np.int64)
    for pattern in patterns:
        size = sum(len(symbol) == 1 for symbol in pattern.symbols)
        more = np.zeros(len(pattern.symbols) + 1, dtype=np.int64)
        np.cumsum([len(symbol) for symbol in pattern.symbols], out=more[1:])
        own = np.fromiter(chain.from_iterable(pattern.symbols), dtype=np.int64, count=int(more[-1]))
        # A place is a pair of symbols, and its taps are all pairs of theirs, those of this axis innermost.
        first, last = (part.ravel() for part in np.meshgrid(np.arange(len(ptr) - 1), np.arange(len(more) - 1),
                                                            indexing="ij"))  # fmt: skip
        widths = np.diff(more)[last]
        ends = np.concatenate([[0], np.cumsum(np.diff(ptr)[first] * widths)])
        place = np.repeat(np.arange(len(first)), np.diff(ends))
        outer, inner = np.divmod(np.arange(ends[-1]) - ends[place], widths[place])
        taps = taps[ptr[first][place] + outer] * size + own[more[last][place] + inner]
        ptr = ends
    return ptr, taps


def assemble(
    patterns: Sequence[Pattern], weight: NDArray[Any], groups: int, rows: range | None = None, threads: int = 1
) -> sparse.csr_array:
    """Build the matrix of the given patterns and weight, or some of its rows, in canonical CSR form.

    Parameters
    ----------
    patterns : sequence of Pattern
        One for each axis, outermost first.
    weight : (row_channels, col_channels_per_group, *number_of_symbols) ndarray
        What `extended_weight` returns.
    groups : int
        Number of diagonal blocks; `row_channels` is a multiple of it.
    rows : range, optional
        Consecutive rows of the matrix; all by default.
    threads : int, default 1
        How many write a large matrix, each its own rows.

    Returns
    -------
    C : (row_channels * prod(rows), groups * col_channels_per_group * prod(cols)) csr_array
        Rows and columns flattened in C order, channels first; int32 indices wherever they fit.
    """
    row_channels, col_channels = weight.shape[:2]
    n_cols = groups * col_channels * prod(pattern.n_cols for pattern in patterns)
    if rows is None and is_small(patterns, row_channels, col_channels, n_cols):
        n_rows = row_channels * prod(pattern.n_rows for pattern in patterns)
        if index_dtype(n_rows, n_cols, 0) == np.int32:
            return _canonical(write_small(patterns, weight, groups), (n_rows, n_cols))
    threads = min(threads, _MOST_THREADS)
    parts = [rows] if threads == 1 else _shares(patterns, len(weight), rows, threads)
    boxes = [box for part in parts for box in _boxes(patterns, weight, groups, part)]
    shape = (sum(box.n_rows for box in boxes), n_cols)
    nnz = sum(box.nnz for box in boxes)
    dtype = index_dtype(*shape, nnz)
    data, indices, indptr = _allocated((nnz, weight.dtype), (nnz, dtype), (shape[0] + 1, dtype))
    indptr[0] = 0

    def write(box: _Box, row: int, entry: int) -> None:
        here = slice(entry, entry + box.nnz)
        _write(box, data[here], indices[here])
        _write_starts(box, entry, indptr[row + 1 : row + 1 + box.n_rows])

    first_rows, first_entries = (list(accumulate(sizes, initial=0))[:-1]
                                 for sizes in ([box.n_rows for box in boxes], [box.nnz for box in boxes]))  # fmt: skip
    if threads == 1 or nnz < _WORTH_A_THREAD:
        for job in zip(boxes, first_rows, first_entries, strict=True):
            write(*job)
    else:
        with ThreadPoolExecutor(threads) as pool:  # NumPy lets go of the interpreter while it writes
            list(pool.map(write, boxes, first_rows, first_entries))
    return _canonical((data, indices, indptr), shape)


def _allocated(*arrays: tuple[int, np.dtype[Any]]) -> list[NDArray[Any]]:
    """Empty arrays of so many cells of a dtype, in one piece of memory."""
    # The system takes longer to clear three pieces, at their ends, and may not keep them for the next matrix.
    cells = [-(-size * dtype.itemsize // _ALIGNED) for size, dtype in arrays]
    ends = list(accumulate(cells, initial=0))
    # Of so large cells, since SciPy copies what it takes for a small part of an array that has many more.
    memory = np.empty(ends[-1], dtype=np.dtype((np.void, _ALIGNED)))
    return [
        memory[start:stop].view(dtype)[:size]
        for (size, dtype), (start, stop) in zip(arrays, pairwise(ends), strict=True)
    ]


def _shares(patterns: Sequence[Pattern], channels: int, rows: range | None, count: int) -> list[range]:
    """The rows in consecutive shares of about one size."""
    rows = range(channels * prod(pattern.n_rows for pattern in patterns)) if rows is None else rows
    cuts = [len(rows) * share // count for share in range(count + 1)]
    return [rows[start:stop] for start, stop in pairwise(cuts)]


def _canonical(arrays: Arrays, shape: tuple[int, int]) -> sparse.csr_array:
    matrix = sparse.csr_array(arrays, shape=shape)
    matrix.has_canonical_format = True
    return matrix


def count_entries(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int, rows: range | None) -> int:
    """Count the entries that `assemble` would write."""
    return sum(box.nnz for box in _boxes(patterns, weight, groups, rows))


def sum_columns(patterns: list[Pattern], weight: NDArray[Any], groups: int) -> int:
    """Add up the columns of the entries that `assemble` would write, or what 32 bits keep of the sum."""
    row_channels, col_channels = weight.shape[:2]
    every = prod(pattern.nnz for pattern in patterns)
    image = sum(
        level.col_step * level.pattern.column_sum * prod(other.nnz for other in patterns[:axis] + patterns[axis + 1 :])
        for axis, level in enumerate(_levels(patterns))
    )
    channels = groups * col_channels
    first_cols = row_channels // groups * (channels * (channels - 1) // 2) * prod(each.n_cols for each in patterns)
    return int(row_channels * col_channels * image + every * first_cols) % 2**32


def refill(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int, data: NDArray[Any]) -> None:
    """Write the values of another weight over those of a matrix that `assemble` has made of the same patterns."""
    row_channels, col_channels = weight.shape[:2]
    n_cols = groups * col_channels * prod(pattern.n_cols for pattern in patterns)
    if is_small(patterns, row_channels, col_channels, n_cols):
        refill_small(patterns, weight, data)
        return
    for box in _boxes(patterns, weight, groups, None):
        _write(box, data, None)


class _Box(NamedTuple):
    """Consecutive rows of the matrix that are themselves rows of some channels by rows of each axis.

    `weight` is that of these channels; the columns of their groups begin at `first_col`.
    """

    patterns: Sequence[Pattern]
    weight: NDArray[Any]
    groups: int
    first_col: int

    @property
    def n_rows(self) -> int:
        return len(self.weight) * prod(pattern.n_rows for pattern in self.patterns)

    @property
    def nnz(self) -> int:
        return prod(self.weight.shape[:2]) * prod(pattern.nnz for pattern in self.patterns)


def _boxes(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int, rows: range | None) -> Iterator[_Box]:
    """The boxes that some rows of a matrix consist of: one for all of them, few for any."""
    if rows is None:
        yield _Box(patterns, weight, groups, 0)
        return
    per_group = len(weight) // groups
    cols = weight.shape[1] * prod(pattern.n_cols for pattern in patterns)
    shape = (groups, per_group, *(pattern.n_rows for pattern in patterns))
    for (group, last_group), (first, last), *ranges in _ranges(shape, rows.start, rows.stop):
        channels = weight[group * per_group + first : (last_group - 1) * per_group + last]
        parts = [pattern.part(start, stop) for pattern, (start, stop) in zip(patterns, ranges, strict=True)]
        yield _Box(parts, channels, last_group - group, group * cols)


def _ranges(shape: tuple[int, ...], start: int, stop: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Consecutive flat indices of an array as products of ranges, in order; none where there are none."""
    if start == stop:
        return
    if not shape:
        yield ()
        return
    inner = prod(shape[1:])
    (first, above), (last, below) = divmod(start, inner), divmod(stop, inner)
    if above and first < last:
        yield from (((first, first + 1), *rest) for rest in _ranges(shape[1:], above, inner))
        first, above = first + 1, 0
    if first < last:
        yield ((first, last), *((0, size) for size in shape[1:]))
    yield from (((last, last + 1), *rest) for rest in _ranges(shape[1:], above if first == last else 0, below))


def _write(box: _Box, data: NDArray[Any], indices: NDArray[np.signedinteger] | None) -> None:
    """Write the values of all entries of a box, and their columns where these are wanted."""
    row_channels, col_channels = box.weight.shape[:2]
    levels = _levels(box.patterns)
    if indices is not None:
        _write_columns(levels, box, indices.reshape(row_channels, -1))
    by_channel = data.reshape(row_channels, -1)
    # The lines of some channels at a time: what is copied many times has to stay in the caches.
    most = max(_GATHERED // (col_channels * _longest(levels) * data.itemsize), 1)
    some = -(-row_channels // -(-row_channels // most))  # so that all times have about as many
    for first in range(0, row_channels, some):
        weight, out = box.weight[first : first + some], by_channel[first : first + some]
        size = min(_BLOCK // min(len(weight), 8), _SHORT // len(weight))
        _write_lines(levels, _lines(levels, weight, _taken), out, size)


def _write_columns(levels: Sequence["_Level"], box: _Box, by_channel: NDArray[np.signedinteger]) -> None:
    """Write the columns of all entries, shape (row_channels, nnz), those of every group moved on."""
    row_channels, col_channels = box.weight.shape[:2]
    cols, dtype = prod(pattern.n_cols for pattern in box.patterns), by_channel.dtype
    lines = _lines(levels, (np.arange(col_channels) * cols).astype(dtype)[None, :], _moved)
    first_cols = (box.first_col + np.arange(box.groups) * (col_channels * cols)).astype(dtype)
    first_cols = np.repeat(first_cols, row_channels // box.groups)[:, None, None]
    if row_channels > 1 and by_channel.shape[1] <= _IMAGE:
        # Lines of short images would be too short to be written into every channel: these are written whole.
        image = np.empty((1, by_channel.shape[1]), dtype=dtype)
        for line in lines:
            line.write_all(image)
        np.add(image, first_cols[..., 0], out=by_channel)
    else:
        _write_lines(levels, lines, by_channel, _BLOCK, first_cols)


def _write_lines(
    levels: Sequence["_Level"],
    lines: Iterable["_Line"],
    out: NDArray[Any],
    size: int,
    first_cols: NDArray[np.signedinteger] | None = None,
) -> None:
    """Write the lines of all channels into `out` (channels, nnz), in blocks of about that size."""
    blocks = (block for line in lines for block in line.unrolled(size))
    if len(out) == 1 or out.shape[1] < _PAGE or not _repeats(levels):
        for block in blocks:
            block.write(out, first_cols)
        return
    # Large images in the order of memory: a page that is come back to is no longer in the caches.
    kept = list(blocks)
    for channel in range(len(out)):
        only = slice(channel, channel + 1)
        for block in kept:
            block.of(only).write(out[only], None if first_cols is None else first_cols[only])


def _repeats(levels: Sequence["_Level"]) -> bool:
    """Whether the lines of an image are together much shorter than the image."""
    return bool(levels) and _WORTH_KEEPING * sum(len(part.cols) for part, _ in levels[0].pattern.parts) < (
        levels[0].pattern.nnz
    )


def _write_starts(box: _Box, before: int, ends: NDArray[np.signedinteger]) -> None:
    """Write where each row of a box ends, `before` being where the first one starts."""
    row_channels, col_channels = box.weight.shape[:2]
    by_channel = ends.reshape(row_channels, -1)
    for line in _ends(_levels(box.patterns), col_channels, before, ends.dtype):
        line.write_all(by_channel[:1])
    every = box.nnz // row_channels
    np.add(by_channel[0], (np.arange(1, row_channels) * every).astype(ends.dtype)[:, None], out=by_channel[1:])


def _ends(
    levels: Sequence["_Level"], channels: int, before: int, dtype: np.dtype[np.signedinteger]
) -> Iterator["_Line"]:
    """Where the rows of an image end, as columns of lines: an interior that repeats moves on by its entries."""
    if not levels:
        yield _Line(np.full((1, 1), before + channels, dtype=dtype), 0, 0, 1, shift=0)
        return
    level, inner = levels[0], levels[1:]
    # The ends in a row of this axis that has one entry.
    within = np.empty((1, prod(each.pattern.n_rows for each in inner)), dtype=np.int64)
    for line in _ends(inner, channels, 0, within.dtype):
        line.write_all(within)
    start = 0
    for part, repeats in level.pattern.parts:
        each = channels * level.inner_nnz
        block = (np.diff(part.ptr)[:, None] * within + (before + part.ptr[:-1] * each)[:, None]).reshape(1, -1)
        yield _Line(block.astype(dtype), start, 0, block.size, repeats, len(part.cols) * each)
        start += block.size * repeats
        before += len(part.cols) * each * repeats


class _Level(NamedTuple):
    """An axis within the image: its pattern, and what one step along it means for everything inside."""

    pattern: Pattern
    col_step: int
    inner_nnz: int


def _levels(patterns: Sequence[Pattern]) -> list[_Level]:
    inner = [patterns[axis + 1 :] for axis in range(len(patterns))]
    return [
        _Level(pattern, prod(each.n_cols for each in rest), prod(each.nnz for each in rest))
        for pattern, rest in zip(patterns, inner, strict=True)
    ]


def _longest(levels: Sequence[_Level]) -> int:
    """Most entries of one row of the outermost axis, of one input channel."""
    if not levels:
        return 1
    widest = max(int(np.diff(part.ptr).max(initial=1)) for part, _ in levels[0].pattern.parts)
    return max(widest * levels[0].inner_nnz, 1)


class _Line(NamedTuple):
    """A block of entries, to be written `repeats` times, `every` entries apart.

    `cells`, of shape (channels, entries), are their values; or their columns, shape (1, entries), which every
    repetition moves on by `shift`.
    """

    cells: NDArray[Any]
    start: int
    offset: int
    every: int
    repeats: int = 1
    shift: int | None = None

    def write(self, out: NDArray[Any], first: NDArray[Any] | None = None) -> None:
        """Write all repetitions into `out` (channels, nnz), columns moved on by `first` (channels, 1, 1)."""
        length = self.cells.shape[1]
        if self.repeats == 1 and first is None:
            begin = self.start + self.offset
            out[:, begin : begin + length] = self.cells
            return
        part = out[:, self.start : self.start + self.repeats * self.every]
        view = part.reshape(len(out), self.repeats, self.every)[..., self.offset : self.offset + length]
        if self.shift is None:
            np.copyto(view, self.cells[:, None, :])
        else:
            shifts = self._shifts(self.repeats)
            np.add(self.cells[:, None, :], shifts if first is None else first + shifts, out=view)

    def of(self, channels: slice) -> "_Line":
        """The line of some channels; columns are the same for all."""
        return self if self.shift is not None else self._replace(cells=self.cells[channels])

    def write_all(self, out: NDArray[Any]) -> None:
        """The same, in blocks if they are worth it: unrolling a line that is written but once is most of the work."""
        for line in self.unrolled(_BLOCK) if self.repeats * self.cells.shape[1] > _BLOCK else (self,):
            line.write(out)

    def unrolled(self, size: int) -> "Iterator[_Line]":
        """The same entries in blocks of about that size, or more: long enough to be written fast."""
        channels, length = self.cells.shape
        times = min(-(-size // max(length, 1)), self.repeats)
        if times < 2 or length < self.every:
            yield self
            return
        cells = np.empty((channels, times * length), dtype=self.cells.dtype)
        self._replace(start=0, repeats=times).write(cells)
        repeats, rest = divmod(self.repeats, times)
        every = times * self.every
        yield _Line(cells, self.start, 0, every, repeats, None if self.shift is None else times * self.shift)
        if rest:
            cells = cells[:, : rest * length]
            if self.shift:
                cells = cells + cells.dtype.type(repeats * times * self.shift)
            yield _Line(cells, self.start + repeats * every, 0, rest * length, shift=self.shift)

    def _shifts(self, repeats: int) -> NDArray[np.signedinteger]:
        """How far each repetition is moved on, shape (repeats, 1)."""
        # A shift that is not taken may be larger than any column.
        shifts: NDArray[np.signedinteger] = np.arange(repeats)[:, None] * (self.shift or 0)
        return shifts.astype(self.cells.dtype)


Extended = Callable[[NDArray[Any], Rows, slice, _Level], NDArray[Any]]


def _moved(cols: NDArray[Any], part: Rows, here: slice, level: _Level) -> NDArray[Any]:
    """The columns (1, n) that all entries begin with, by those of one row of an axis."""
    moved: NDArray[Any] = cols[:, :, None] + (part.cols[here] * level.col_step).astype(cols.dtype)
    return moved.reshape(len(cols), -1)


def _taken(weight: NDArray[Any], part: Rows, here: slice, level: _Level) -> NDArray[Any]:
    """The weights (channels, n, *symbols of this axis and those inside) by the symbols of one row of the axis."""
    taken: NDArray[Any] = weight.take(part.symbols[here], axis=2)
    return taken.reshape(len(weight), taken.shape[1] * taken.shape[2], *taken.shape[3:])


def _lines(levels: Sequence[_Level], prefix: NDArray[Any], extended: Extended) -> Iterator[_Line]:
    """All entries of an image, line by line; every row of it is an outer product that begins with the given prefix."""
    # Extended by a row of an axis, the prefix is that of everything inside; where no axis is left, the line itself.
    if not levels:
        yield _Line(prefix, 0, 0, prefix.shape[1], shift=None if extended is _taken else 0)
        return
    level = levels[0]
    start = 0
    for part, repeats in level.pattern.parts:
        every = prefix.shape[1] * len(part.cols) * level.inner_nnz
        if repeats:
            rows = _rows_of_lines(part, levels, prefix, extended)
            shift = None if extended is _taken else level.pattern.shift * level.col_step
            if repeats > 1 and part.n_rows > 1 and 0 < every <= _PERIOD:
                rows = iter((np.concatenate(list(rows), axis=1),))
            offset = 0
            for cells in rows:
                yield _Line(cells, start, offset, every, repeats, shift)
                offset += cells.shape[1]
        start += every * repeats


def _rows_of_lines(
    part: Rows, levels: Sequence[_Level], prefix: NDArray[Any], extended: Extended
) -> Iterator[NDArray[Any]]:
    """The cells of the rows of one part of the outermost axis, row by row, or of several rows side by side."""
    level, inner = levels[0], levels[1:]
    if not inner and _is_ragged(part):
        yield from _ragged(part, level, prefix, extended)
        return
    for first, stop in _alike(part, len(prefix) * prefix.shape[1] * level.inner_nnz):
        here = slice(part.ptr[first], part.ptr[stop])
        cells = extended(prefix, part, here, level)
        if stop - first > 1:
            yield _rows_at_once(cells, prefix.shape[1], stop - first, inner, extended)
        else:
            yield _block(inner, cells, extended)


def _is_ragged(part: Rows) -> bool:
    """Whether there are many rows, and few of them have as many entries as the next one, as between inserted zeros."""
    if part.n_rows <= _FEW_ROWS:
        return False
    return int(np.count_nonzero(np.diff(part.ptr, 2))) * _FEW_ROWS > part.n_rows


def _ragged(part: Rows, level: _Level, prefix: NDArray[Any], extended: Extended) -> Iterator[NDArray[Any]]:
    """The cells of the rows of one part of the innermost axis, several rows side by side, whatever their lengths."""
    entries = prefix.shape[1]
    size = max(len(prefix) * entries * len(part.cols) // part.n_rows, 1)
    step = max(_BLOCK // size, 1)
    for first in range(0, part.n_rows, step):
        ptr = part.ptr[first : first + step + 1]
        if ptr[0] == ptr[-1]:
            continue
        cells = extended(prefix, part, slice(ptr[0], ptr[-1]), level)
        yield cells if entries == 1 else cells.take(_by_row(ptr, entries), axis=1)


def _by_row(ptr: NDArray[np.int64], entries: int) -> NDArray[np.int64]:
    """Where the cells of each row are, in order, among those of each entry of the prefix, in order."""
    counts, every = np.diff(ptr), ptr[-1] - ptr[0]
    starts = ((ptr[:-1] - ptr[0])[:, None] + np.arange(entries) * every).ravel()
    lengths = np.repeat(counts, entries)
    moved: NDArray[np.int64] = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return np.arange(entries * every) + moved


def _alike(part: Rows, cells: int) -> Iterator[tuple[int, int]]:
    """Ranges of consecutive rows with equally many entries, each of which takes so many cells; no empty rows."""
    # Ranges of more than one row are for many short ones, as in a wide border.
    counts = np.diff(part.ptr)
    if len(counts) <= _FEW_ROWS:
        yield from ((row, row + 1) for row in np.flatnonzero(counts).tolist())
        return
    cuts = np.flatnonzero(np.diff(counts)) + 1
    for first, stop in pairwise([0, *cuts.tolist(), len(counts)]):
        size = int(counts[first]) * cells
        if size:
            step = max(_BLOCK // size, 1)
            yield from ((row, min(row + step, stop)) for row in range(first, stop, step))


def _rows_at_once(
    cells: NDArray[Any], entries: int, rows: int, inner: Sequence[_Level], extended: Extended
) -> NDArray[Any]:
    """The cells of rows of equally many entries, as if each row were a channel of its own."""
    # What `extended` returns has the entries of the prefix, and within each those of all rows, shape
    # (channels, entries * rows * entries of a row, *symbols); the rows go outwards.
    channels, _, *symbols = cells.shape
    apart = cells.reshape(channels, entries, rows, -1, *symbols)
    by_row = np.moveaxis(apart, 2, 1).reshape(channels * rows, -1, *symbols)
    return _block(inner, by_row, extended).reshape(channels, -1)


_FEW_ROWS = 32
"""Rows up to which each is written by itself."""


def _block(levels: Sequence[_Level], prefix: NDArray[Any], extended: Extended) -> NDArray[Any]:
    """The cells of all rows of an image that begin with the given prefix."""
    if not levels:
        return prefix
    out = np.empty((len(prefix), prefix.shape[1] * levels[0].pattern.nnz * levels[0].inner_nnz), dtype=prefix.dtype)
    for line in _lines(levels, prefix, extended):
        line.write_all(out)
    return out
