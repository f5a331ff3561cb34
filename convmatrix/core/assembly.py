"""From the patterns of the axes and a weight to the three arrays of a CSR matrix, written once and in order.

A row of the matrix is an outer product: (channels it reads) x (entries of axis 0) x (entries of axis 1) x ... .
So the rows that share one row of axis 0, a *line*, are built once from the inner axes and written wherever axis 0
repeats, with the column shift added. All rows of a channel group have the same columns; only their weights differ.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise, product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.errors import SumOverflowError
from convmatrix.core.pattern import Pattern, Rows
from convmatrix.core.small import Arrays, is_small, refill_small, write_small

__all__ = ["assemble", "count_entries", "extended_weight", "index_dtype", "refill", "taps_of_places"]

_BLOCK = 4096
"""Blocks of fewer elements make NumPy's broadcasting add several times slower per element."""

_GATHERED = 8 * _BLOCK
"""About as many weights are gathered at once for many channels, before they are copied: what the caches keep."""

_IMAGE = 2**16
"""Most entries of one output channel whose columns are written at once, for all channels."""

_WORTH_A_THREAD = 10**7
"""Fewest entries that several threads write faster than one."""


_NO_PLACES = np.zeros(0, dtype=np.intp)

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
    flat, sizes = [], []
    kernel = [len([s for s in pattern.symbols if len(s) == 1]) for pattern in patterns]
    steps = [prod(kernel[axis + 1 :]) for axis in range(len(kernel))]
    for symbols in product(*(pattern.symbols for pattern in patterns)):
        taps = [sum(t * step for t, step in zip(tap, steps, strict=True)) for tap in product(*symbols)]
        flat += taps
        sizes.append(len(taps))
    ptr = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=ptr[1:])
    return ptr, np.array(flat, dtype=np.int64)


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
    parts = [rows] if threads == 1 else _shares(patterns, len(weight), rows, threads)
    boxes = [box for part in parts for box in _boxes(patterns, weight, groups, part)]
    shape = (sum(box.n_rows for box in boxes), n_cols)
    nnz = sum(box.nnz for box in boxes)
    dtype = index_dtype(*shape, nnz)
    data = np.empty(nnz, dtype=weight.dtype)
    indices = np.empty(nnz, dtype=dtype)
    indptr = np.zeros(shape[0] + 1, dtype=dtype)

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
    cols = prod(pattern.n_cols for pattern in box.patterns)
    dtype = np.dtype(np.int64) if indices is None else indices.dtype
    weights = np.ascontiguousarray(box.weight).reshape(row_channels, -1)  # shape (row_channels, places)
    by_channel = data.reshape(row_channels, -1)
    by_group = None if indices is None else indices.reshape(box.groups, row_channels // box.groups, -1)
    first_cols = (box.first_col + np.arange(box.groups) * (col_channels * cols)).astype(dtype)

    channels = np.arange(col_channels)
    prefix = ((channels * cols).astype(dtype), channels * prod(box.weight.shape[2:]))
    lines: Iterable[_Line] = _lines(_levels(box.patterns), *prefix)
    if by_group is not None and row_channels > 1 and by_channel.shape[1] <= _IMAGE:
        lines = list(lines)
        _write_images(lines, first_cols, by_group)
        by_group = None
    for whole in lines:
        if by_group is not None:
            for line in whole.unrolled(_BLOCK):
                shifts = first_cols[:, None, None, None] + line.shifts(dtype)[:, None]  # shape (groups, 1, repeats, 1)
                np.add(line.cols, shifts, out=line.view(by_group))
        # What is copied for many channels is gathered for all of them first, so it should not be long.
        for line in whole.unrolled(min(_BLOCK // min(row_channels, 8), _GATHERED // row_channels)):
            # take, not weights[:, places]: that would lay the result out column by column
            np.copyto(line.view(by_channel), np.take(weights, line.places, axis=1)[:, None, :])


def _write_images(
    lines: Iterable["_Line"], first_cols: NDArray[np.signedinteger], by_group: NDArray[np.signedinteger]
) -> None:
    """Write the columns of short images, whole: their lines would be too short to be written into every channel."""
    image = np.empty(by_group.shape[-1], dtype=by_group.dtype)
    for line in lines:
        line.write_cols(image)
    np.add(image, first_cols[:, None, None], out=by_group)


def _write_starts(box: _Box, before: int, ends: NDArray[np.signedinteger]) -> None:
    """Write where each row of a box ends, `before` being where the first one starts."""
    row_channels, col_channels = box.weight.shape[:2]
    by_channel = ends.reshape(row_channels, -1)
    for line in _ends(_levels(box.patterns), col_channels, before, ends.dtype):
        line.write_cols(by_channel[0])
    every = box.nnz // row_channels
    np.add(by_channel[0], (np.arange(1, row_channels) * every).astype(ends.dtype)[:, None], out=by_channel[1:])


def _ends(
    levels: Sequence["_Level"], channels: int, before: int, dtype: np.dtype[np.signedinteger]
) -> Iterator["_Line"]:
    """Where the rows of an image end, as columns of lines: an interior that repeats moves on by its entries."""
    if not levels:
        yield _Line(np.full(1, before + channels, dtype=dtype), _NO_PLACES, 0, 0, 1)
        return
    level, inner = levels[0], levels[1:]
    within = np.empty(prod(each.pattern.n_rows for each in inner), dtype=np.int64)  # a row of this axis of one entry
    for line in _ends(inner, channels, 0, within.dtype):
        line.write_cols(within)
    start = 0
    for part, repeats in level.pattern.parts:
        each = channels * level.inner_nnz
        block = (np.diff(part.ptr)[:, None] * within + (before + part.ptr[:-1] * each)[:, None]).ravel()
        yield _Line(block.astype(dtype), _NO_PLACES, start, 0, len(block), repeats, len(part.cols) * each)
        start += len(block) * repeats
        before += len(part.cols) * each * repeats


class _Level(NamedTuple):
    """An axis within the image: its pattern, and what one step along it means for everything inside."""

    pattern: Pattern
    col_step: int
    place_step: int
    inner_nnz: int


def _levels(patterns: Sequence[Pattern]) -> list[_Level]:
    inner = [patterns[axis + 1 :] for axis in range(len(patterns))]
    return [
        _Level(p, prod(q.n_cols for q in rest), prod(len(q.symbols) for q in rest), prod(q.nnz for q in rest))
        for p, rest in zip(patterns, inner, strict=True)
    ]


class _Line(NamedTuple):
    """A block of entries, to be written `repeats` times, `every` entries apart, with columns moved on by `shift`."""

    cols: NDArray[np.signedinteger]
    places: NDArray[np.intp]
    start: int
    offset: int
    every: int
    repeats: int = 1
    shift: int = 0

    def view(self, out: NDArray[Any]) -> NDArray[Any]:
        """The part of `out` (..., nnz) that this line fills, shape (..., repeats, len(cols))."""
        part = out[..., self.start : self.start + self.repeats * self.every]
        whole = part.reshape(*out.shape[:-1], self.repeats, self.every)
        return whole[..., self.offset : self.offset + len(self.cols)]

    def shifts(self, dtype: np.dtype[np.signedinteger], repeats: int | None = None) -> NDArray[np.signedinteger]:
        """Column shift of each repetition, or of the first ones, shape (repeats,)."""
        # A shift that is not taken may be larger than any column.
        return (np.arange(self.repeats if repeats is None else repeats) * self.shift).astype(dtype)

    def write_cols(self, out: NDArray[np.signedinteger]) -> None:
        """Write the columns of all repetitions into `out` (nnz,)."""
        # Unrolling a line that is written but once would be most of the work, if it is short.
        for line in self.unrolled(_BLOCK) if self.is_long else (self,):
            np.add(line.cols, line.shifts(out.dtype)[:, None], out=line.view(out))

    @property
    def is_long(self) -> bool:
        """Whether all repetitions together are worth writing in blocks."""
        return self.repeats * len(self.cols) > _BLOCK

    def unrolled(self, size: int) -> "Iterator[_Line]":
        """The same entries in blocks of about that size, or more: long enough to be written fast."""
        times = min(-(-size // max(len(self.cols), 1)), self.repeats)
        if times < 2 or len(self.cols) < self.every:
            yield self
            return
        cols = (self.shifts(self.cols.dtype, times)[:, None] + self.cols).ravel()
        places = np.repeat(self.places[None, :], times, axis=0).ravel()
        repeats, rest = divmod(self.repeats, times)
        every = times * self.every
        yield _Line(cols, places, self.start, 0, every, repeats, times * self.shift)
        if rest:
            cut = rest * self.every
            moved = cols[:cut] + cols.dtype.type(repeats * times * self.shift)
            yield _Line(moved, places[:cut], self.start + repeats * every, 0, cut)


def _lines(levels: Sequence[_Level], cols: NDArray[np.signedinteger], places: NDArray[np.intp]) -> Iterator[_Line]:
    """All entries of an image, line by line; every row of it is an outer product that begins with the given prefix."""
    if not levels:
        yield _Line(cols, places, 0, 0, len(cols))
        return
    level, inner = levels[0], levels[1:]
    pattern = level.pattern
    start = 0
    for part, repeats in pattern.parts:
        every = len(cols) * len(part.cols) * level.inner_nnz
        rows = _rows_of_lines(part, level, inner, cols, places, start, every, repeats)
        if repeats > 1 and part.n_rows > 1 and every < _BLOCK:
            rows = iter((_joined(list(rows)),))
        yield from rows
        start += every * repeats


def _rows_of_lines(
    part: Rows,
    level: _Level,
    inner: Sequence[_Level],
    cols: NDArray[np.signedinteger],
    places: NDArray[np.intp],
    start: int,
    every: int,
    repeats: int,
) -> Iterator[_Line]:
    offset = 0
    if repeats:
        for row in range(part.n_rows):
            here = slice(part.ptr[row], part.ptr[row + 1])
            block = _block(
                inner,
                (cols[:, None] + (part.cols[here] * level.col_step).astype(cols.dtype)).ravel(),
                (places[:, None] + part.symbols[here] * level.place_step).ravel(),
            )
            yield _Line(*block, start, offset, every, repeats, level.pattern.shift * level.col_step)
            offset += len(block[0])


def _joined(lines: list[_Line]) -> _Line:
    """The rows of one short period as one line."""
    cols, places = (np.concatenate([line[part] for line in lines]) for part in (0, 1))
    return lines[0]._replace(cols=cols, places=places)


def _block(
    levels: Sequence[_Level], cols: NDArray[np.signedinteger], places: NDArray[np.intp]
) -> tuple[NDArray[np.signedinteger], NDArray[np.intp]]:
    """Columns and weight places of all rows of an image that begin with the given prefix."""
    if not levels:
        return cols, places
    size = len(cols) * levels[0].pattern.nnz * levels[0].inner_nnz
    out_cols, out_places = np.empty(size, dtype=cols.dtype), np.empty(size, dtype=places.dtype)
    for whole in _lines(levels, cols, places):
        whole.write_cols(out_cols)
        for line in whole.unrolled(_BLOCK) if whole.is_long else (whole,):
            np.copyto(line.view(out_places), line.places)
    return out_cols, out_places
