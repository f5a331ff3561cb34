"""The arrays of a small matrix in one vectorised pass: for thousands of entries, calls cost more than arithmetic.

Rows and entries of the matrix are outer products of those of the axes' tables, so that columns follow from axis to axis
as numbers follow from digit to digit; slots without an entry are left out at the end.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.pattern import Pattern

__all__ = ["is_small", "write_small"]

_ENTRIES = 10**5
"""Most entries of a matrix that is small; three times as many slots."""

Arrays = tuple[NDArray[Any], NDArray[np.signedinteger], NDArray[np.signedinteger]]


def is_small(patterns: Sequence[Pattern], channels: int) -> bool:
    """Tell whether a matrix is written faster by `write_small`; `channels` is the number of pairs of channels."""
    entries = slots = channels
    for pattern in patterns:
        entries *= pattern.nnz
        if entries > _ENTRIES:
            return False
        slots *= pattern.table.cols.size
    return slots <= 3 * _ENTRIES


def write_small(patterns: Sequence[Pattern], weight: NDArray[Any], groups: int) -> Arrays:
    """Write data, indices and indptr of the matrix that `assemble` makes of the same arguments."""
    row_channels, col_channels = weight.shape[:2]
    tables = [pattern.table for pattern in patterns]
    cols: NDArray[Any] = np.arange(col_channels, dtype=np.int32)[None, :]
    for number, (pattern, table) in enumerate(zip(patterns, tables, strict=True)):
        cols = _outer(cols * pattern.n_cols, table.cols) if number or col_channels > 1 else table.cols
    data = np.empty((row_channels, *cols.shape), dtype=weight.dtype)
    data[:] = _values(patterns, weight)
    indptr = np.zeros(len(cols) * row_channels + 1, dtype=np.int32)
    ends = indptr[1:].reshape(row_channels, -1)
    if all(table.full for table in tables):
        data, indices = data.ravel(), cols.ravel()
        ends[0] = np.arange(1, len(cols) + 1) * cols.shape[1]
    else:
        stored = cols >= 0
        data, indices = data[:, stored].ravel(), cols[stored]
        np.add.reduce(stored, axis=1, dtype=np.int32).cumsum(out=ends[0])
    if row_channels > 1:
        ends[1:] = ends[0] + np.arange(1, row_channels)[:, None] * len(indices)
        first_cols = np.arange(groups) * (col_channels * prod(pattern.n_cols for pattern in patterns))
        indices = (indices + np.repeat(first_cols, row_channels // groups)[:, None]).ravel()
    return data, indices.astype(np.int32, copy=False), indptr


def _values(patterns: Sequence[Pattern], weight: NDArray[Any]) -> NDArray[Any]:
    """What the slots hold, shape (row_channels, rows, slots); of one row where all rows have the same."""
    row_channels, col_channels = weight.shape[:2]
    symbols = [pattern.table.symbols for pattern in patterns]
    alike = [order for order in symbols if isinstance(order, slice)]
    if len(alike) == len(symbols):
        return weight[(slice(None), slice(None), *alike)].reshape(row_channels, 1, -1)
    places = np.arange(col_channels)[None, :]
    for pattern, own in zip(patterns, symbols, strict=True):
        kinds = len(pattern.symbols)
        if isinstance(own, slice):
            own = np.broadcast_to(np.arange(kinds)[own], pattern.table.cols.shape)
        places = _outer(places * kinds, own)
    return weight.reshape(row_channels, -1).take(places, axis=1)


def _outer(outer: NDArray[Any], inner: NDArray[Any]) -> NDArray[Any]:
    """Every row of `outer` with every row of `inner`, each entry of the one plus each entry of the other."""
    both: NDArray[Any] = outer[:, None, :, None] + inner[None, :, None, :]
    return both.reshape(len(outer) * len(inner), -1)
