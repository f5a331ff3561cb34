"""The same map as the matrix, without the matrix: one multiply-add for each tap and each run of rows it serves."""

from collections.abc import Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from convmatrix.core.pattern import Pattern

__all__ = ["ConvolutionOperator"]


class ConvolutionOperator(LinearOperator):
    """The linear operator of the given patterns and weight; what `assemble` makes a matrix of.

    Parameters
    ----------
    patterns : sequence of Pattern
        One for each axis, outermost first.
    weight : (row_channels, col_channels_per_group, *number_of_symbols) ndarray
        As for `assemble`.
    groups : int
        Number of diagonal blocks.
    """

    def __init__(self, patterns: Sequence[Pattern], weight: NDArray[Any], groups: int) -> None:
        row_channels, col_channels = weight.shape[:2]
        self._patterns = tuple(patterns)
        # shape (groups, row channels of a group, column channels of a group, *symbols)
        self._weight = weight.reshape(groups, row_channels // groups, *weight.shape[1:])
        self._rows = (groups, row_channels // groups, *(p.n_rows for p in patterns))
        self._cols = (groups, col_channels, *(p.n_cols for p in patterns))
        shape = (prod(self._rows), prod(self._cols))
        super().__init__(weight.dtype, shape)  # type: ignore[call-arg]  # scipy-stubs know __new__ only

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._applied(x, self._cols, self._rows, adjoint=False)

    def _rmatmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._applied(x, self._rows, self._cols, adjoint=True)

    def _applied(
        self, x: NDArray[Any], domain: tuple[int, ...], target: tuple[int, ...], *, adjoint: bool
    ) -> NDArray[Any]:
        """Apply to the columns of x, shape (prod(domain), batch); the result has shape (prod(target), batch)."""
        dtype = np.result_type(self.dtype, x.dtype)
        if dtype == np.float16:  # as scipy.sparse does, which has no float16
            dtype = np.dtype(np.float32)
        weight = self._weight.astype(dtype, copy=False)
        if adjoint:
            weight = np.swapaxes(weight, 1, 2)
            weight = weight.conj() if dtype.kind == "c" else weight
        batch = x.shape[1]
        source = np.ascontiguousarray(x.T, dtype=dtype).reshape(batch, *domain)
        out = np.zeros((batch, *target), dtype=dtype)
        for symbols, rows, cols in self._runs():
            here, there = (cols, rows) if adjoint else (rows, cols)
            taps = weight[_last(symbols)]  # shape (groups, target channels, domain channels)
            _accumulate(out[_last(here)], taps, source[_last(there)])
        return out.reshape(batch, prod(target)).T

    def _runs(self) -> Iterable[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
        for runs in product(*(pattern.runs for pattern in self._patterns)):
            symbols = tuple(symbol for symbol, _ in runs)
            yield symbols, tuple(run.row_slice() for _, run in runs), tuple(run.col_slice() for _, run in runs)


def _last(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index into the last axes."""
    return (..., *index)


def _accumulate(out: NDArray[Any], taps: NDArray[Any], source: NDArray[Any]) -> None:
    """Add taps (groups, to, from) times source (batch, groups, from, ...) to out (batch, groups, to, ...).

    Where one side has a single position for many of the other (a border value that several rows read), it serves
    all of them, or collects all of them.
    """
    gathered = tuple(axis for axis in range(3, out.ndim) if out.shape[axis] == 1 < source.shape[axis])
    if gathered:
        source = np.add.reduce(source, axis=gathered, keepdims=True, dtype=source.dtype)
    flat = source.reshape(*source.shape[:3], prod(source.shape[3:]))
    # With one channel to read from there is no sum: a column times a row.
    terms = taps * flat if taps.shape[2] == 1 else np.matmul(taps, flat)
    out += terms.reshape(*terms.shape[:3], *source.shape[3:])
