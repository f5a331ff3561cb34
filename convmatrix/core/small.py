"""The arrays of a small matrix in one vectorised pass: for thousands of entries, calls cost more than arithmetic.

Rows and entries of the matrix are outer products of those of the axes' tables. Each axis adds its share to a column;
one that has no entry in a slot makes the sum negative, and such slots are left out at the end.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.pattern import Pattern

__all__ = ["is_small", "write_small"]

_ENTRIES = 2 * 10**5
"""Most entries of a matrix that is small."""

_COLUMNS = 4 * 10**4
"""Most of them in the rows of one channel, for which columns are computed; twice as many slots."""

Arrays = tuple[NDArray[Any], NDArray[np.signedinteger], NDArray[np.signedinteger]]


def is_small(patterns: Sequence[Pattern], row_channels: int, col_channels: int, n_cols: int) -> bool:
    """Tell whether a matrix is written faster by `write_small`."""
    entries = slots = col_channels
    for pattern in patterns:
        entries *= pattern.nnz
    if entries > _COLUMNS or entries * row_channels > _ENTRIES or n_cols > -_empty(len(patterns)):
        return False
    for pattern in patterns:
        slots *= pattern.table.cols.size
    return slots <= 2 * _COLUMNS


def _empty(axes: int) -> int:
    """What stands for a column of an axis where there is none: whatever the others add, the sum is negative."""
    return -(2**31 // (axes + 1))


def write_small(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int) -> Arrays:
    """Write data, indices and indptr of the matrix that `assemble` makes of the same arguments."""
    row_channels, col_channels = weight.shape[:2]
    tables = [pattern.table for pattern in patterns]
    step = prod(pattern.n_cols for pattern in patterns)
    first_cols = np.arange(groups) * (col_channels * step)
    cols: NDArray[Any] = np.arange(col_channels, dtype=np.int32)[None, :] * np.int32(step)
    counts = np.full(1, col_channels, dtype=np.int32)
    for number, (pattern, table) in enumerate(zip(patterns, tables, strict=True)):
        step //= pattern.n_cols
        own = table.cols * np.int32(step)
        if table.empty is not None:
            np.putmask(own, table.empty, _empty(len(patterns)))
        cols = _outer(cols, own) if number or col_channels > 1 else own
        counts = np.multiply.outer(counts, table.counts).ravel()
    values, indices = _in_all_rows(_values(patterns, weight), len(cols)), cols.ravel()
    if all(table.empty is None for table in tables):
        data = values.copy().reshape(row_channels, -1)
    else:
        stored = cols >= 0
        indices = cols[stored]
        # A mask takes from values that no memory holds, but many times slower from those of several channels.
        data = (
            values[0][stored]
            if row_channels == 1
            else values.reshape(row_channels, -1).compress(stored.ravel(), axis=1)
        )
    indptr = np.zeros(len(cols) * row_channels + 1, dtype=np.int32)
    ends = indptr[1:].reshape(row_channels, -1)
    np.cumsum(counts, out=ends[0])
    if row_channels > 1:
        ends[1:] = ends[0] + np.arange(1, row_channels)[:, None] * len(indices)
        shifts = np.repeat(first_cols, row_channels // groups)[:, None].astype(np.int32)
        indices = (indices + shifts).ravel()
    return data.ravel(), indices, indptr


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
    # Both at the full width of a row: so the innermost loop is as long as a row, not as one axis of it.
    wide = outer.repeat(inner.shape[1], axis=1)
    tiled = inner[:, None, :].repeat(outer.shape[1], axis=1).reshape(len(inner), -1)
    both: NDArray[Any] = wide[:, None, :] + tiled
    return both.reshape(len(outer) * len(inner), -1)
