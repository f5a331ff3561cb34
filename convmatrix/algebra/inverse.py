"""What a matrix cannot see, and what undoing it costs; so far its rank."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["PRIMES", "Rank", "rank", "rank_modulo"]

PRIMES = (2**31 - 1, 2**31 - 19)
"""Large primes below 2**31: products of residues fit in 64 bits."""

_PANEL = 64
"""Columns eliminated at once: 16-bit halves times 31-bit residues, 64 of them added up, are exact in a float64."""


class Rank(NamedTuple):
    """A rank and how it was found.

    `how` is one clause: the tolerance for floats, the prime for integers.
    """

    value: int
    how: str


def rank(matrix: sparse.csr_array) -> Rank:
    """Compute the rank of a matrix; meant for some thousand rows and columns, since it works on a dense copy.

    Integers are eliminated modulo a large prime, which gives the true rank unless every largest minor happens to be a
    multiple of that prime; a deficient one is confirmed with a second prime. For floats, singular values above
    max(m, n) * eps * the largest one count (NumPy's ``matrix_rank``).

    Parameters
    ----------
    matrix : (m, n) csr_array

    Returns
    -------
    Rank

    Examples
    --------
    >>> rank(sparse.csr_array([[1, 2, 0], [2, 4, 0]])).value
    1
    """
    if min(matrix.shape) == 0 or matrix.nnz == 0:
        return Rank(0, "no entries")
    if matrix.dtype.kind not in "biu":
        values = np.linalg.svd(matrix.toarray(), compute_uv=False)
        tolerance = float(values[0]) * max(matrix.shape) * float(np.finfo(values.dtype).eps)
        return Rank(int(np.count_nonzero(values > tolerance)), f"singular values above {tolerance:.2g}")
    value = rank_modulo(matrix, PRIMES[0])
    if value == min(matrix.shape):
        return Rank(value, f"modulo the prime {PRIMES[0]}")
    return Rank(max(value, rank_modulo(matrix, PRIMES[1])), f"modulo the primes {PRIMES[0]} and {PRIMES[1]}")


def rank_modulo(matrix: sparse.csr_array, prime: int) -> int:
    """Rank of an integer matrix over the integers modulo a prime, by blocked elimination.

    Parameters
    ----------
    matrix : (m, n) csr_array of integers or bool
    prime : int
        Below 2**31.

    Returns
    -------
    int
        Never more than the rank over the rationals.
    """
    dense = _residues(matrix, prime)
    if dense.shape[0] < dense.shape[1]:
        dense = np.ascontiguousarray(dense.T)  # fewer panels
    found = 0
    for start in range(0, dense.shape[1], _PANEL):
        rows = dense[found:]
        if not len(rows):
            break
        pivots = _eliminate_panel(rows, start, min(start + _PANEL, dense.shape[1]), prime)
        found += pivots
    return found


def _residues(matrix: sparse.csr_array, prime: int) -> NDArray[np.int64]:
    residues = matrix.copy()
    data = matrix.data.astype(np.int64) if matrix.dtype == bool else matrix.data
    residues.data = (data % np.asarray(prime, dtype=np.result_type(data.dtype, np.uint32))).astype(np.int64)
    return np.asarray(residues.toarray(), dtype=np.int64)


def _eliminate_panel(rows: NDArray[np.int64], start: int, stop: int, prime: int) -> int:
    """Eliminate columns start to stop of `rows` in place, pivot rows moved to the top; return how many there are."""
    panel = rows[:, start:stop]
    pivots: list[int] = []
    for column in range(stop - start):
        top = len(pivots)
        nonzero = np.flatnonzero(panel[top:, column])
        if not len(nonzero):
            continue
        found = top + int(nonzero[0])
        if found != top:
            rows[[top, found]] = rows[[found, top]]
        factors = panel[top + 1 :, column] * pow(int(panel[top, column]), -1, prime) % prime
        below = panel[top + 1 :, column + 1 :]
        below -= factors[:, None] * panel[top, column + 1 :] % prime
        below %= prime
        panel[top + 1 :, column] = factors  # kept where the eliminated entries were
        pivots.append(column)
    count = len(pivots)
    if count and stop < rows.shape[1]:
        factors = panel[:, pivots]  # shape (rows, pivots), unit lower triangular at the top
        right = rows[:, stop:]
        for pivot in range(count - 1):
            block = right[pivot + 1 : count]
            block -= factors[pivot + 1 : count, pivot, None] * right[pivot] % prime
            block %= prime
        touched = count + np.flatnonzero(factors[count:].any(axis=1))
        cols = np.flatnonzero(right[:count].any(axis=0))
        where = np.ix_(touched, cols)
        right[where] = (right[where] - _product(factors[touched], right[:count, cols], prime)) % prime
    return count


def _product(a: NDArray[np.int64], b: NDArray[np.int64], prime: int) -> NDArray[Any]:
    """Matrix product modulo a prime by two exact float64 products of 16-bit halves."""
    b_float = b.astype(np.float64)
    high, low = ((half.astype(np.float64) @ b_float).astype(np.int64) % prime for half in (a >> 16, a & 0xFFFF))
    return ((high << 16) + low) % prime
