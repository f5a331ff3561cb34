"""Kronecker products of one small matrix for each axis, as a matrix and as an operator.

The matrix is ``I (x) A_0 (x) A_1 (x) ...``, a Kronecker product with the identity for the channels. Without it, each
small matrix is applied along its own axis, one after the other.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from convmatrix.core.memory import require_product_memory

__all__ = ["KroneckerOperator", "kronecker"]


def kronecker(factors: Sequence[sparse.csr_array], channels: int, dtype: np.dtype[Any]) -> sparse.csr_array:
    """Build the Kronecker product of one matrix for each axis, the same in every channel.

    Parameters
    ----------
    factors : sequence of (outputs, inputs) csr_array
        One for each axis, outermost first.
    channels : int
    dtype : dtype
        Of the matrix.

    Returns
    -------
    (channels * prod(outputs), channels * prod(inputs)) csr_array
        Canonical.

    Examples
    --------
    >>> print(kronecker([sparse.csr_array([[1, 2]]), sparse.csr_array([[1, 10]])], 1, np.dtype(int)).toarray())
    [[ 1 10  2 20]]
    """
    matrix = reduce(_kron, [factor.astype(dtype) for factor in factors], sparse.csr_array(np.ones((1, 1), dtype)))
    if channels > 1:
        matrix = _kron(sparse.csr_array(sparse.eye_array(channels, dtype=dtype)), matrix)
    return matrix


def _kron(left: sparse.csr_array, right: sparse.csr_array) -> sparse.csr_array:
    product = sparse.csr_array(sparse.kron(left, right, format="csr"))
    product.data = product.data.astype(left.dtype, copy=False)  # float64 where there are no entries
    return product


class KroneckerOperator(LinearOperator):
    """Linear operator that is equivalent to the matrix of `kronecker`.

    Parameters
    ----------
    factors, channels, dtype
        As for `kronecker`.

    Examples
    --------
    >>> factors = [sparse.csr_array([[1, 2]]), sparse.csr_array([[1, 10]])]
    >>> KroneckerOperator(factors, 1, np.dtype(int)) @ np.array([1, 1, 1, 0])
    array([13])
    """

    def __init__(self, factors: Sequence[sparse.csr_array], channels: int, dtype: np.dtype[Any]) -> None:
        self._factors = [factor.astype(dtype) for factor in factors]
        self._channels = channels
        shape = (channels * prod(f.shape[0] for f in factors), channels * prod(f.shape[1] for f in factors))
        super().__init__(dtype, shape)  # type: ignore[call-arg]  # scipy-stubs know __new__ only

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._applied(x, self._factors)

    def _rmatmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._applied(x, [factor.conj().T.tocsr() for factor in self._factors])

    def _applied(self, x: NDArray[Any], factors: Sequence[sparse.csr_array]) -> NDArray[Any]:
        """Apply to the columns of x, one axis after the other; all other axes are columns meanwhile."""
        batch = x.shape[1]
        outer, inner = self._channels, prod(factor.shape[1] for factor in factors)
        dtype = np.result_type(self.dtype, x.dtype)
        sizes = [x.size]
        for factor in factors:
            sizes.append(sizes[-1] // factor.shape[1] * factor.shape[0])
        # What an axis is applied to and its result, both once more in another order of axes.
        cells = max(map(sum, pairwise(sizes)), default=x.size)
        require_product_memory((sizes[-1] // max(batch, 1), batch), 2 * cells * dtype.itemsize)
        x = x.astype(dtype, copy=False)
        for factor in factors:
            rows, cols = factor.shape
            inner //= cols
            blocks = np.moveaxis(x.reshape(outer, cols, inner * batch), 1, 0)  # shape (cols, outer, inner * batch)
            applied = (factor @ blocks.reshape(cols, -1)).reshape(rows, outer, inner * batch)
            x = np.moveaxis(applied, 0, 1)
            outer *= rows
        return np.ascontiguousarray(x).reshape(outer, batch)
