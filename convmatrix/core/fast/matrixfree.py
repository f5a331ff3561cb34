"""Linear operators that are equivalent to the matrix, without building it.

`convmatrix.core.equation` is the reference; this module is faster.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from convmatrix.core.axis import Axis
from convmatrix.core.fast import tuning
from convmatrix.core.fast.runs import runs_of
from convmatrix.core.fast.weights import extended_weight
from convmatrix.core.fast.windows import banded, gathered, has_band, mirrored, scattered
from convmatrix.core.memory import require_product_memory
from convmatrix.core.pattern import Pattern, pattern_of

__all__ = ["ConvolutionOperator", "ScaledOperator"]


class ConvolutionOperator(LinearOperator):
    """The linear operator of a convolution or of its transpose, equivalent to the matrix of `assemble`.

    Parameters
    ----------
    axes : sequence of Axis
        Those of the convolution, outermost first.
    weight : (row_channels, col_channels_per_group, *kernel_size) ndarray
        That of the convolution.
    groups : int
        Number of diagonal blocks.
    transpose : bool, default False
        Whether this is the plain transpose of the convolution.

    Raises
    ------
    SumOverflowError
        If the sum of integer weights on the same input is beyond the range of their dtype.
    """

    def __init__(self, axes: Sequence[Axis], weight: NDArray[Any], groups: int, *, transpose: bool = False) -> None:
        row_channels, col_channels = weight.shape[:2]
        self._axes, self._groups, self._transposed = tuple(axes), groups, transpose
        self._patterns = [pattern_of(axis) for axis in axes]
        extended = extended_weight(weight, self._patterns)
        # Whole windows multiply padded zeros, and add taps on the same input: this is wrong for inf, nan and "or".
        exact = bool(np.isfinite(weight).all()) and (weight.dtype.kind != "b" or extended is weight)
        self._whole_windows = exact and len(self._axes) <= tuning.MOST_AXES
        self._rows = (groups, row_channels // groups, *(axis.output_size for axis in axes))
        self._cols = (groups, col_channels, *(axis.input_size for axis in axes))
        # shape (groups, row channels of a group, column channels of a group, *taps), and with *symbols for *taps
        self._weight, self._extended = (w.reshape(*self._rows[:2], *w.shape[1:]) for w in (weight, extended))
        shape = (prod(self._rows), prod(self._cols))
        super().__init__(weight.dtype, shape[::-1] if transpose else shape)  # type: ignore[call-arg]  # scipy-stubs know __new__ only

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._applied(x, back=self._transposed, conjugate=False)

    def _rmatmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._applied(x, back=not self._transposed, conjugate=True)

    def _transpose(self) -> "ConvolutionOperator":
        return self._twin(self._weight)

    def _adjoint(self) -> "ConvolutionOperator":
        return self._twin(_conjugate(self._weight))

    def _twin(self, weight: NDArray[Any]) -> "ConvolutionOperator":
        flat = weight.reshape(-1, *weight.shape[2:])
        return ConvolutionOperator(self._axes, flat, self._groups, transpose=not self._transposed)

    def _require_memory(self, x: NDArray[Any], n: int, dtype: np.dtype[Any]) -> None:
        """Refuse a product that does not fit: its result, the columns in the order that they are read, and sums."""
        cells = n * x.shape[1]
        copied = x.size if x.dtype != dtype or not x.flags.forc else 0
        if not self._whole_windows:
            cells, copied = 2 * cells, 2 * x.size
        require_product_memory((n, x.shape[1]), (cells + copied) * dtype.itemsize)

    def _applied(self, x: NDArray[Any], *, back: bool, conjugate: bool) -> NDArray[Any]:
        """Apply to the columns of x, shape (n, batch); `back` is from the convolution's outputs to its inputs."""
        x = np.asarray(x)
        dtype = np.result_type(self.dtype, x.dtype)
        if dtype == np.float16:  # as scipy.sparse does, which has no float16
            dtype = np.dtype(np.float32)
        domain, target = (self._rows, self._cols) if back else (self._cols, self._rows)
        n, batch = prod(target), x.shape[1]
        self._require_memory(x, n, dtype)
        weight = (self._weight if self._whole_windows else self._extended).astype(dtype, copy=False)
        weight = _conjugate(weight) if conjugate else weight
        if self._whole_windows and batch > 1 and x.flags.c_contiguous:
            # Columns that lie side by side are one more axis, of a kernel with one tap.
            axes, images = (*self._axes, Axis(batch, 1)), x.astype(dtype, copy=False).reshape(1, *domain, batch)
            return _along_windows(axes, weight[..., None], images, back=back).reshape(n, batch)
        images = np.ascontiguousarray(x.T, dtype=dtype).reshape(batch, *domain)
        if self._whole_windows:
            return _along_windows(self._axes, weight, images, back=back).reshape(batch, n).T
        return _along_runs(self._patterns, weight, images, target, back=back).reshape(batch, n).T


class ScaledOperator(LinearOperator):
    """An operator whose rows are multiplied by real numbers, or the transpose of such a one.

    Parameters
    ----------
    operator : LinearOperator
        Of a real dtype.
    scale : (rows of the operator,) ndarray
    transpose : bool, default False
        Whether this is the transpose: what it is applied to is multiplied, not the result.

    Examples
    --------
    >>> identity = ConvolutionOperator([Axis(2, 1)], np.ones((1, 1, 1)), 1)
    >>> ScaledOperator(identity, np.array([2.0, 3.0])) @ np.array([1, 10])
    array([ 2., 30.])
    """

    def __init__(self, operator: LinearOperator, scale: NDArray[Any], *, transpose: bool = False) -> None:
        self._operator, self._scale, self._transposed = operator, scale, transpose
        shape = operator.shape[::-1] if transpose else operator.shape
        super().__init__(np.result_type(operator.dtype, scale.dtype), shape)  # type: ignore[call-arg]  # as above

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        if self._transposed:
            require_product_memory((self.shape[0], x.shape[1]), 2 * x.size * np.result_type(x, self._scale).itemsize)
            back: NDArray[Any] = self._operator.T @ (self._scale[:, None] * x)
            return back
        result: NDArray[Any] = self._operator @ x
        result *= self._scale[:, None]
        return result

    def _transpose(self) -> "ScaledOperator":
        return ScaledOperator(self._operator, self._scale, transpose=not self._transposed)

    def _adjoint(self) -> "ScaledOperator":
        return self._transpose()  # of real numbers


def _conjugate(weight: NDArray[Any]) -> NDArray[Any]:
    return weight.conj() if weight.dtype.kind == "c" else weight


def _along_windows(axes: Sequence[Axis], weight: NDArray[Any], x: NDArray[Any], *, back: bool) -> NDArray[Any]:
    """Apply the operator by products with whole windows, with the function that is fastest for axes and channels."""
    if back:
        flipped = mirrored(axes, weight)
        if flipped is None:
            return scattered(axes, weight, x)
        axes, weight = flipped
    result = banded(axes, weight, x) if has_band(axes, weight) else None
    return gathered(axes, weight, x) if result is None else result


# -- one multiply-add for each tap and each run of rows: no tap is multiplied by an input that it does not read ------


def _along_runs(
    patterns: Sequence[Pattern], weight: NDArray[Any], x: NDArray[Any], target: tuple[int, ...], *, back: bool
) -> NDArray[Any]:
    """Apply an extended weight to x (images, groups, channels, *size), entry by entry of the matrix."""
    taps = np.swapaxes(weight, 1, 2) if back else weight
    out = np.zeros((len(x), *target), dtype=x.dtype)
    for symbols, rows, cols in _runs(patterns):
        here, there = (cols, rows) if back else (rows, cols)
        # shape (groups, target channels, domain channels)
        _accumulate(out[_last(here)], taps[_last(symbols)], x[_last(there)])
    return out


def _runs(patterns: Sequence[Pattern]) -> Iterable[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
    for runs in product(*map(runs_of, patterns)):
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
    gathered_axes = tuple(axis for axis in range(3, out.ndim) if out.shape[axis] == 1 < source.shape[axis])
    if gathered_axes:
        source = np.add.reduce(source, axis=gathered_axes, keepdims=True, dtype=source.dtype)
    flat = source.reshape(*source.shape[:3], prod(source.shape[3:]))
    # With one channel to read from there is no sum: a column times a row.
    terms = taps * flat if taps.shape[2] == 1 else np.matmul(taps, flat)
    out += terms.reshape(*terms.shape[:3], *source.shape[3:])
