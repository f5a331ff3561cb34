"""From the patterns of the axes and a weight to a CSR matrix, or some of its rows; or to new values for a known one.

`convmatrix.core.equation` is the reference; this module is faster.

A small matrix is written in one vectorised pass (`convmatrix.core.fast.small`). A large one is written once, in order,
into its final arrays: its rows are cut into boxes (`convmatrix.core.fast.boxes`), whose values, columns and row ends
`convmatrix.core.fast.writing` writes.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.fast import tuning
from convmatrix.core.fast.boxes import Box, boxes_of
from convmatrix.core.fast.entries import levels_of
from convmatrix.core.fast.small import Arrays, is_small, refill_small, write_small
from convmatrix.core.fast.writing import write_columns, write_row_ends, write_values
from convmatrix.core.pattern import Pattern

__all__ = ["assemble", "count_entries", "index_dtype", "refill", "sum_columns"]

_INT32, _INT64 = np.dtype(np.int32), np.dtype(np.int64)
_INT32_MAX = np.iinfo(np.int32).max


def index_dtype(rows: int, cols: int, nnz: int) -> np.dtype[np.signedinteger]:
    """int32 where every index and count fits, else int64."""
    return _INT32 if max(rows, cols, nnz) <= _INT32_MAX else _INT64


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
    threads = min(threads, tuning.MOST_THREADS)
    parts = [rows] if threads == 1 else _shares(patterns, len(weight), rows, threads)
    boxes = [box for part in parts for box in boxes_of(patterns, weight, groups, part)]
    shape = (sum(box.n_rows for box in boxes), n_cols)
    nnz = sum(box.nnz for box in boxes)
    dtype = index_dtype(*shape, nnz)
    data, indices, indptr = _allocated((nnz, weight.dtype), (nnz, dtype), (shape[0] + 1, dtype))
    indptr[0] = 0

    def write(box: Box, row: int, entry: int) -> None:
        here = slice(entry, entry + box.nnz)
        write_columns(box, indices[here])
        write_values(box, data[here])
        write_row_ends(box, entry, indptr[row + 1 : row + 1 + box.n_rows])

    first_rows = list(accumulate((box.n_rows for box in boxes), initial=0))[:-1]
    first_entries = list(accumulate((box.nnz for box in boxes), initial=0))[:-1]
    if threads == 1 or nnz < tuning.THREADED_ENTRIES:
        for job in zip(boxes, first_rows, first_entries, strict=True):
            write(*job)
    else:
        with ThreadPoolExecutor(threads) as pool:  # NumPy lets go of the interpreter while it writes
            list(pool.map(write, boxes, first_rows, first_entries))
    return _canonical((data, indices, indptr), shape)


def _allocated(*arrays: tuple[int, np.dtype[Any]]) -> list[NDArray[Any]]:
    """Return empty arrays of given numbers of cells and dtypes, in one piece of memory."""
    # The system takes longer to clear three pieces, at their ends, and may not keep them for the next matrix.
    cells = [-(-size * dtype.itemsize // tuning.CACHE_LINE_BYTES) for size, dtype in arrays]
    ends = list(accumulate(cells, initial=0))
    # Of so large cells, since SciPy copies what it takes for a small part of an array that has many more.
    memory = np.empty(ends[-1], dtype=np.dtype((np.void, tuning.CACHE_LINE_BYTES)))
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
    return sum(box.nnz for box in boxes_of(patterns, weight, groups, rows))


def sum_columns(patterns: list[Pattern], weight: NDArray[Any], groups: int) -> int:
    """Add up the columns of the entries that `assemble` would write, or what 32 bits keep of the sum."""
    row_channels, col_channels = weight.shape[:2]
    per_channel = prod(pattern.nnz for pattern in patterns)
    # The columns of one row channel and one column channel, and how far the first columns of the channels are.
    one_channel = sum(
        level.col_step * level.pattern.column_sum * prod(other.nnz for other in patterns[:axis] + patterns[axis + 1 :])
        for axis, level in enumerate(levels_of(patterns))
    )
    channels = groups * col_channels
    first_cols = row_channels // groups * (channels * (channels - 1) // 2) * prod(each.n_cols for each in patterns)
    return int(row_channels * col_channels * one_channel + per_channel * first_cols) % 2**32


def refill(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int, data: NDArray[Any]) -> None:
    """Write the values of another weight over those of a matrix that `assemble` has made of the same patterns."""
    row_channels, col_channels = weight.shape[:2]
    n_cols = groups * col_channels * prod(pattern.n_cols for pattern in patterns)
    if is_small(patterns, row_channels, col_channels, n_cols):
        refill_small(patterns, weight, data)
        return
    for box in boxes_of(patterns, weight, groups):
        write_values(box, data)
