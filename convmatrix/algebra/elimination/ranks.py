"""Ranks and nullities of matrices, with a statement whether these numbers are proven."""

from collections.abc import Iterator
from math import log2, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.algebra.progress import Progress
from convmatrix.algebra.stack.arguments import as_matrix
from convmatrix.core.errors import short
from convmatrix.core.memory import require_memory
from convmatrix.core.numbers import require_finite, scaled
from convmatrix.layers.arguments import integer

__all__ = [
    "PRIMES",
    "SIDE",
    "Rank",
    "decomposed",
    "is_small",
    "nullity",
    "primes",
    "rank",
    "rank_modulo",
    "require_small",
    "rounding",
]

Array = NDArray[Any]

PRIMES = (2**31 - 1, 2**31 - 19)
"""The largest primes below 2**31: products of residues fit in 64 bits."""

SIDE = 4096
"""Largest smaller side of a matrix that dense algebra accepts by default."""

_PANEL = 64
"""Columns eliminated at once: 16-bit halves times 31-bit residues, 64 of them added up, are exact in a float64."""

_PROOF = 10**9
"""Most multiplications, rows * columns * smaller side for each prime, that a proof takes by default."""

_SECONDS = 10**10
"""Most multiplications, rows * columns * smaller side, of dense algebra that takes some seconds."""


class Rank(NamedTuple):
    """A rank, or a nullity, and how it was found.

    `reason` is one clause: the tolerance for floats, the primes for integers and what they prove. A rank that is not
    `proven` is a decision by tolerance for floats, and a lower bound that is almost surely the rank for integers.
    """

    value: int
    reason: str
    proven: bool = False


def rank(matrix: sparse.csr_array, *, limit: int | None = SIDE, progress: Progress | None = None) -> Rank:
    """Compute the rank of a matrix; meant for some thousand rows and columns, since it works on a dense copy.

    Integers are eliminated modulo a large prime, which never gives more than the rank. It is the rank if the pattern of
    the matrix allows no more, or if the primes with this rank, multiplied, exceed Hadamard's bound on every larger
    minor: a multiple of them all is then zero. Where that takes too many primes, two are used, and `reason` says so.
    For floats, singular values above max(m, n) * eps * the largest one count (NumPy's ``matrix_rank``).

    Parameters
    ----------
    matrix : (m, n) csr_array
        Or another form of a matrix, or a stack of layers that knows its weights; see
        `convmatrix.algebra.stack.arguments.as_matrix`.
    limit : int or None
        Largest smaller side; None for any.
    progress : callable, optional
        Called with (done, total) panels of the eliminations; the total grows where a proof takes more primes.

    Returns
    -------
    Rank

    Raises
    ------
    ValueError
        If entries are not finite, if the smaller side is above `limit`, or if the dense copy does not fit in memory
        (also a MemoryError).

    References
    ----------
    .. [1] J. Hadamard, Resolution d'une question relative aux determinants, Bull. Sci. Math. 17 (1893): a determinant
       is at most the product of the Euclidean norms of its rows, and of its columns.

    Examples
    --------
    >>> found = rank(sparse.csr_array([[1, 2, 0], [2, 4, 0]]))
    >>> found.value, found.proven
    (1, True)
    """
    matrix = as_matrix(matrix)
    if limit is not None:
        integer("limit", limit)
    require_finite("the matrix", matrix)
    if min(matrix.shape) == 0 or matrix.nnz == 0 or not matrix.data.any():
        return Rank(0, "no entries but zeros", proven=True)
    _require_feasible(matrix, limit)
    if matrix.dtype.kind not in "biu":
        dense, scale = scaled(matrix.toarray())
        values = np.linalg.svd(dense, compute_uv=False)
        tolerance = rounding(values, matrix.shape)
        return Rank(int(np.count_nonzero(values > tolerance)), f"singular values above {tolerance * scale:.2g}")
    return _rank_of_integers(matrix, progress)


def nullity(matrix: sparse.csr_array, *, limit: int | None = SIDE, progress: Progress | None = None) -> Rank:
    """Compute the dimension of the null space of a matrix: its columns less its rank.

    Parameters
    ----------
    matrix : (m, n) csr_array
    limit : int or None
    progress : callable, optional
        As for `rank`.

    Returns
    -------
    Rank
        The nullity, and how the rank was found.

    Examples
    --------
    >>> nullity(sparse.csr_array([[1, 2, 0], [2, 4, 0]])).value
    2
    """
    matrix = as_matrix(matrix)
    result = rank(matrix, limit=limit, progress=progress)
    return result._replace(value=matrix.shape[1] - result.value)


def is_small(shape: tuple[int, int]) -> bool:
    """Check whether dense algebra on a matrix of this shape takes seconds at most."""
    return shape[0] * shape[1] * min(shape) <= _SECONDS


def require_small(shape: tuple[int, int], side: int, what: str, remedy: str) -> None:
    """Raise an error if a dense computation is too large.

    Parameters
    ----------
    shape : tuple of int
        Of the matrix.
    side : int
        The side that determines the cost.
    what, remedy : str
        The computation, and what to do instead.

    Raises
    ------
    ValueError
        If the side is above `SIDE`, or if it does not fit in memory (also a MemoryError).
    """
    numbers = shape[0] * shape[1]
    what = f"{what}: {shape[0]} * {shape[1]} = {numbers:.3g} numbers ({numbers * 8 / 2**30:.3g} GiB) to begin with"
    if side > SIDE:
        raise ValueError(f"{what}, and its side of {side} is above the limit of {SIDE}; {remedy}")
    require_memory((3 * numbers + side**2) * 16, f"{what}, and with its singular vectors it", remedy)


def decomposed(matrix: sparse.csr_array, *, full: bool = False) -> tuple[Array, Array, Array, int]:
    """Compute singular vectors and values, and the rank: exact for integers, where the singular values show it too.

    Parameters
    ----------
    matrix : (m, n) csr_array
    full : bool
        Whether to include the right singular vectors of the null space, if the matrix is wider than tall.

    Returns
    -------
    u, values, vh : ndarray
        ``C = u * values @ vh``.
    rank : int

    Raises
    ------
    ValueError
        If double precision does not show the rank of an integer matrix.
    """
    matrix = as_matrix(matrix)
    require_finite("the matrix", matrix)
    rows, cols = matrix.shape
    dense = matrix.toarray()
    if matrix.dtype.kind in "biu":
        dense = dense.astype(np.float64)
    u, values, vh = np.linalg.svd(dense, full_matrices=full and cols > rows)
    tolerance = rounding(values, matrix.shape)
    significant = int(np.count_nonzero(values > tolerance))
    if matrix.dtype.kind in "biu":
        result = rank(matrix, limit=None)
        if result.value != significant:
            raise ValueError(
                f"the rank is {result.value} ({result.reason}) but only {significant} singular values are above "
                f"{tolerance:.2g}, the rounding error of double precision, in which this matrix therefore cannot "
                "be inverted; use deconvolve with a damping, or null_space with exact=True"
            )
    return u, values, vh, significant


def rounding(values: NDArray[Any], shape: tuple[int, ...]) -> float:
    """The tolerance of every rank decision on floats: singular values up to it may be roundings of zero.

    Returns
    -------
    float
        max(shape) * eps * the largest of `values`, as in NumPy's ``matrix_rank``.
    """
    return float(values.max(initial=0.0)) * max(shape) * float(np.finfo(values.dtype).eps)


# -- integers: elimination modulo primes -----------------------------------------------------------------------------


def _rank_of_integers(matrix: sparse.csr_array, progress: Progress | None) -> Rank:
    """Eliminate modulo one prime after the other until the largest rank found is proven, or two have been used."""
    candidates = primes()
    most = None
    used: list[int] = []
    largest, needed = 0, 1
    while len(used) < needed:
        used.append(next(candidates))
        largest = max(largest, rank_modulo(matrix, used[-1], progress=_shifted(progress, len(used) - 1, needed)))
        reason = f"modulo {_listed(used)}"
        most = _structural_rank(matrix, at_least=largest) if most is None else most
        if largest == most:
            return Rank(largest, f"{reason}; proven, since the pattern allows no more", proven=True)
        squared = _hadamard_squared(matrix, largest + 1)
        bound = f"Hadamard's bound 2**{log2(squared) / 2:.1f} on minors of order {largest + 1}"
        if prod(used) ** 2 > squared:
            exceeds = "it exceeds" if len(used) == 1 else "their product exceeds"
            return Rank(largest, f"{reason}; proven, since {exceeds} {bound}", proven=True)
        proof = int(log2(squared) / 2 / 31) + 1  # a prime has at most 31 bits, and not much less
        feasible = proof * prod(matrix.shape) * min(matrix.shape) <= _PROOF
        needed = max(len(used) + 1, proof) if feasible else 2
    return Rank(largest, f"{reason}; not proven, which takes {proof} primes, to exceed {bound}")


def _structural_rank(matrix: sparse.csr_array, at_least: int) -> int:
    """The largest rank that any numbers in the places of the nonzeros have."""
    pattern = _pattern(matrix)
    full = min(np.count_nonzero(np.diff(pattern.indptr)), len(np.unique(pattern.indices)))
    if at_least == full:
        return at_least  # which most layers have, and which spares them a slow import
    from scipy.sparse.csgraph import structural_rank

    return int(structural_rank(pattern))


def _listed(used: list[int]) -> str:
    if len(used) == 1:
        return f"the prime {used[0]}"
    return f"the primes {used[0]} and {used[1]}" if len(used) == 2 else f"{len(used)} primes from {used[0]} down"


def rank_modulo(matrix: sparse.csr_array, prime: int, *, progress: Progress | None = None) -> int:
    """Rank of an integer matrix over the integers modulo a prime, by blocked elimination.

    Parameters
    ----------
    matrix : (m, n) csr_array of integers or bool
    prime : int
        Below 2**31.
    progress : callable, optional
        Called with (done, total) panels of columns.

    Returns
    -------
    int
        Never more than the rank over the rationals.

    Raises
    ------
    ValueError
        If the prime is not below 2**31.
    """
    if not 2 <= integer("prime", prime) < 2**31:
        raise ValueError(f"prime must be from 2 to 2**31 - 1, got {short(prime)}")
    dense = _residues(as_matrix(matrix), prime)
    if dense.shape[0] < dense.shape[1]:
        dense = np.ascontiguousarray(dense.T)  # fewer panels
    rank_so_far = 0
    panels = range(0, dense.shape[1], _PANEL)
    for done, start in enumerate(panels, 1):
        rows = dense[rank_so_far:]
        if not len(rows):
            break
        pivots = _eliminate_panel(rows, start, min(start + _PANEL, dense.shape[1]), prime)
        rank_so_far += pivots
        if progress is not None:
            progress(done, len(panels))
    return rank_so_far


def primes() -> Iterator[int]:
    """The primes below 2**31, largest first: `PRIMES`, and those that a longer proof takes."""
    return filter(_is_prime, range(2**31 - 1, 2**30, -2))


def _is_prime(odd: int) -> bool:
    """Miller and Rabin's test; these four bases decide every number below 3,215,031,751 (Jaeschke 1993)."""
    twos = ((odd - 1) & -(odd - 1)).bit_length() - 1
    for base in (2, 3, 5, 7):
        power = pow(base, (odd - 1) >> twos, odd)
        if power != 1 and all(pow(power, 2**step, odd) != odd - 1 for step in range(twos)):
            return False
    return True


def _pattern(matrix: sparse.csr_array) -> sparse.csr_array:
    """Ones where the matrix is not zero."""
    pattern = sparse.csr_array((matrix.data != 0, matrix.indices, matrix.indptr), shape=matrix.shape, copy=True)
    pattern.eliminate_zeros()  # in place
    return pattern


def _shifted(progress: Progress | None, before: int, all_of: int) -> Progress | None:
    """Progress of one of several eliminations."""
    if progress is None:
        return None
    return lambda done, total: progress(before * total + done, all_of * total)


def _hadamard_squared(matrix: sparse.csr_array, order: int) -> int:
    """Square of a bound on all minors of an order, in Python's integers: the largest norms of rows, or of columns."""
    squares = matrix.data.astype(object) ** 2
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    bounds: list[int] = []
    places: tuple[Array, Array] = (rows, matrix.indices)
    for size, index in zip(matrix.shape, places, strict=True):
        norms = np.zeros(size, dtype=object)
        np.add.at(norms, index, squares)
        bounds.append(prod(int(norm) for norm in sorted(norms, reverse=True)[:order]))
    return min(bounds)


def _require_feasible(matrix: sparse.csr_array, limit: int | None) -> None:
    rows, cols = matrix.shape
    side = min(rows, cols)
    if limit is not None and side > limit:
        raise ValueError(
            f"the rank of a {rows} x {cols} matrix is not computed above a smaller side of {limit}: elimination takes "
            f"{rows * cols * side:.2g} multiplications on {rows * cols:.2g} numbers; it is at most {side}, exact from "
            "the singular values by FFT where the layer is block-circulant, and limit=None computes it anyway"
        )
    require_memory(
        rows * cols * (16 if matrix.dtype.kind in "biu" else 3 * matrix.dtype.itemsize),
        f"the rank of a {rows} x {cols} matrix, which is found on dense copies,",
        f"it is at most {side}, and exact from the singular values by FFT where the layer is block-circulant",
    )


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
        pivot_row = top + int(nonzero[0])
        if pivot_row != top:
            rows[[top, pivot_row]] = rows[[pivot_row, top]]
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
        changed_rows = count + np.flatnonzero(factors[count:].any(axis=1))
        cols = np.flatnonzero(right[:count].any(axis=0))
        where = np.ix_(changed_rows, cols)
        right[where] = (right[where] - _product(factors[changed_rows], right[:count, cols], prime)) % prime
    return count


def _product(a: NDArray[np.int64], b: NDArray[np.int64], prime: int) -> NDArray[Any]:
    """Matrix product modulo a prime by two exact float64 products of 16-bit halves."""
    b_float = b.astype(np.float64)
    high, low = ((half.astype(np.float64) @ b_float).astype(np.int64) % prime for half in (a >> 16, a & 0xFFFF))
    return ((high << 16) + low) % prime
