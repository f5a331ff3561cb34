"""Bases of the null space of a matrix, orthonormal or of integers."""

from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.algebra.elimination.ranks import decomposed, require_small
from convmatrix.algebra.stack.arguments import as_matrix
from convmatrix.core.errors import SumOverflowError
from convmatrix.layers.arguments import flag

__all__ = ["MOST_MULTIPLICATIONS", "integer_basis", "null_space"]

Array = NDArray[Any]

MOST_MULTIPLICATIONS = 2 * 10**7
"""Most multiplications, rows * columns * smaller side, of an elimination in Python's integers: some seconds."""


def null_space(matrix: sparse.csr_array, *, exact: bool = False) -> Array:
    """Find a basis of the null space of a matrix: all x with ``C @ x = 0``.

    `rank` decides the number of its columns, exactly for integers. The basis is orthonormal, from singular vectors; an
    exact one consists of integers without common factors, from elimination without fractions.

    Parameters
    ----------
    matrix : (m, n) csr_array
        Or another form of a matrix, or a stack of layers that knows its weights; see
        `convmatrix.algebra.stack.arguments.as_matrix`.
    exact : bool
        For integer matrices.

    Returns
    -------
    (n, nullity) ndarray
        Of floats (complex ones for a complex matrix), or of int64.

    Raises
    ------
    ValueError
        If the matrix is too large, if its rank is not what its singular values show in double precision, or if an exact
        basis is requested of floats, takes too long, or exceeds int64 (also an OverflowError).

    References
    ----------
    .. [1] E. H. Bareiss, Math. Comp. 22 (1968): elimination that keeps integers; rows are divided by their gcd here.

    Examples
    --------
    >>> null_space(sparse.csr_array([[1, 2, 0], [0, 2, 4]]), exact=True).T
    array([[ 4, -2,  1]])
    """
    matrix = as_matrix(matrix)
    if flag("exact", exact):
        return _integer_null_space(matrix)
    rows, cols = matrix.shape
    require_small(
        matrix.shape,
        cols,
        f"a basis of what a {rows} x {cols} matrix cannot see is dense",
        "same_output_pair finds one image in it",
    )
    _, _, vh, matrix_rank = decomposed(matrix, full=True)
    return vh[matrix_rank:].conj().T


def _integer_null_space(matrix: sparse.csr_array) -> NDArray[np.int64]:
    rows, cols = matrix.shape
    if matrix.dtype.kind not in "biu":
        raise ValueError(
            f"an exact basis needs integers, got {matrix.dtype}: scale the weight to integers, or leave out exact=True"
        )
    work = rows * cols * min(rows, cols)
    if work > MOST_MULTIPLICATIONS:
        raise ValueError(
            f"an exact basis of what a {rows} x {cols} matrix cannot see takes {work:.2g} multiplications of long "
            f"integers, above {MOST_MULTIPLICATIONS:.2g}: leave out exact=True for floats, or use same_output_pair for "
            "one vector"
        )
    basis = integer_basis(matrix)
    largest = int(np.abs(basis).max(initial=0))
    if largest > np.iinfo(np.int64).max:
        raise SumOverflowError(
            f"the exact basis has entries of {largest.bit_length()} bits, which leaves int64: leave out exact=True"
        )
    return basis.astype(np.int64)


def integer_basis(matrix: sparse.csr_array) -> Array:
    """Find one vector for each column without a pivot, in Python's integers without common factors.

    Returns
    -------
    (n, nullity) ndarray of object
    """
    cols = matrix.shape[1]
    rows, pivots = _eliminated((matrix.astype(np.int64) if matrix.dtype == bool else matrix).toarray().astype(object))
    free = np.setdiff1d(np.arange(cols), pivots).tolist()
    basis = np.zeros((cols, len(free)), dtype=object)
    for number, column in enumerate(free):
        pivot_entries = [
            (pivot, row[pivot], row[column]) for pivot, row in zip(pivots, rows, strict=False) if row[column]
        ]
        scale = lcm(*(int(diagonal) // gcd(int(diagonal), int(entry)) for _, diagonal, entry in pivot_entries))
        basis[column, number] = scale
        for pivot, diagonal, entry in pivot_entries:
            basis[pivot, number] = -entry * scale // diagonal
    return basis


def _eliminated(rows: Array) -> tuple[Array, list[int]]:
    """Reduce rows in place, without fractions, until no pivot's column has another entry; return these columns."""
    pivots: list[int] = []
    for column in range(rows.shape[1]):
        top = len(pivots)
        nonzero = top + np.flatnonzero(rows[top:, column])
        if not len(nonzero):
            continue
        pivot_row = nonzero[np.argmin(np.abs(rows[nonzero, column]))]  # a small pivot keeps the others small
        rows[[top, pivot_row]] = rows[[pivot_row, top]]
        others = np.flatnonzero(rows[:, column])
        others = others[others != top]
        if len(others):
            reduced = rows[others] * rows[top, column] - rows[others, column, None] * rows[top]
            rows[others] = reduced // np.maximum(np.gcd.reduce(reduced, axis=1), 1)[:, None]
        pivots.append(column)
    return rows, pivots
