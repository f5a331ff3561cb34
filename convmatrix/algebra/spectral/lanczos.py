"""The largest and the smallest singular value of a convolution by Lanczos' method.

The largest comes from products with C^H C, of which the matrix-free operator is capable. There the smallest would be
hidden among its neighbours; it comes from products with the inverse, by one elimination of a banded matrix. Where that
is too much work, it comes from products too, if it stands apart.
"""

from collections.abc import Callable
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.algebra.progress import Progress
from convmatrix.algebra.stack.arguments import dtype_of, most_entries
from convmatrix.algebra.stack.network import Network
from convmatrix.layers import Conv

if TYPE_CHECKING:
    from scipy import sparse
    from scipy.sparse.linalg import LinearOperator

__all__ = ["PRODUCTS", "SUBSPACE", "Found", "TallConv"]

Array = NDArray[Any]

SUBSPACE = 40
"""Vectors that the method keeps; for a matrix of not many more rows or columns there is nothing to iterate."""

PRODUCTS = 10_000
"""Most products before the method gives up."""

_MATRIX_BYTES = 2**28
"""Most bytes of a matrix that is built to be eliminated."""

_BAND_BYTES = 2**30
"""Most bytes of its band."""

_ELIMINATION = 5 * 10**10
"""Most multiplications of its elimination: some seconds, which nothing can interrupt."""

_TOLERANCE = 1e-7
"""Largest relative residual of an eigenvalue, the square of a singular value or the inverse of that."""

_REFINEMENTS = 4
"""Most corrections of a solution by its residual."""

_BACKWARD = 1e-15
"""Largest residual of a solution, in units of the norms of the matrix and of the solution."""

_FIRST_SHIFT = 1e-4
"""The shift of a rectangular matrix, as part of the largest value, until the smallest is roughly known."""

UNRESOLVED = 1e-12
"""Smallest values below this part of the largest are returned as 0: rounding errors of the elimination are as large."""

_HUGE = 1e100
"""A solution of this size shows that the matrix is singular in double precision."""


class Found(NamedTuple):
    """A value, and how it was found."""

    value: float
    reason: str


class TallConv:
    """C, or C^H where that has more rows: the squares of its singular values are all eigenvalues of its Gram matrix.

    Parameters
    ----------
    conv : Conv or Network
        With min(matrix_shape) above `SUBSPACE` + 1.
    weight : weight_shape ndarray of float64 or complex128, or a list with one entry for each layer
        Of entries of about 1.
    scale : float
        Factor from this weight to the true one, which error messages refer to.
    progress : callable, optional
        Called with (done, `PRODUCTS`).
    """

    def __init__(self, conv: Conv | Network, weight: Any, scale: float = 1.0, progress: Progress | None = None) -> None:
        rows, cols = conv.matrix_shape
        forward = conv.operator(weight)
        self._conv, self._weight, self._scale, self._progress = conv, weight, scale, progress
        self._operator: LinearOperator = forward.H if rows < cols else forward
        self._size = min(rows, cols)

    def largest(self) -> Found:
        """Find the largest singular value.

        Returns
        -------
        Found

        Raises
        ------
        numpy.linalg.LinAlgError
            If `PRODUCTS` are not enough.
        """
        if not self._gram(self._start()).any():
            return Found(0.0, "C is zero")
        products = self._counting_map(
            self._gram,
            "the largest singular values lie too close together; use the layer on a smaller input, or norm_bound "
            "where that holds",
        )
        value, _ = self._top(products, _TOLERANCE)
        return Found(sqrt(value), f"largest by Lanczos' method, {products.done} products with C^H C")

    def smallest(self, largest: float) -> Found:
        """Find the smallest singular value, given the largest.

        Returns
        -------
        Found
            By elimination where that is quick, else by products.

        Raises
        ------
        numpy.linalg.LinAlgError
            If `PRODUCTS` are not enough, or cannot separate the value from its neighbours or from 0.
        """
        if largest == 0:
            return Found(0.0, "C is zero")
        try:
            result = self._smallest_by_elimination(largest)
        except _UnstableError:
            result = None
        return result or self._smallest_by_products(largest)

    def _smallest_by_elimination(self, largest: float) -> Found | None:
        """The smallest singular value from the inverse; None where that is too much work."""
        rows, cols = self._conv.matrix_shape
        part, shift, done = 0.0, _FIRST_SHIFT, 0  # as parts of the largest
        for _ in range(1 if rows == cols else 3):
            result = self._smallest_part(largest, shift)
            if result is None:
                return None
            part, products = result
            done += products
            if shift / 100 < part and (part < 100 * shift or shift == _FIRST_SHIFT):
                break
            shift = max(part, UNRESOLVED)
        if part < UNRESOLVED:
            return Found(
                0.0, f"smallest below {UNRESOLVED:g} of the largest, where elimination cannot separate it from 0"
            )
        return Found(part * largest, f"smallest by Lanczos' method, {done} products with (C^H C)^-1")

    def _smallest_part(self, largest: float, shift: float) -> tuple[float, int] | None:
        """The smallest value as part of the largest, 0 if roundings hide it, and the number of products."""
        limit = 1 / (UNRESOLVED * largest) ** 2
        try:
            inverse = _gram_inverse(self._conv, self._weight, largest, shift * largest)
            if inverse is None:
                return None

            def inverse_map(x: Array) -> Array:
                image = inverse(x)
                # Where C is singular, roundings decide what this map is, and even signs of its eigenvalues.
                if not np.linalg.norm(image) <= limit * np.linalg.norm(x):
                    raise ZeroDivisionError
                return image

            products = self._counting_map(
                inverse_map, "the smallest singular values lie too close together; use the layer on a smaller input"
            )
            value, _ = self._top(products, _TOLERANCE)
        except ZeroDivisionError:
            return 0.0, 0
        return 1 / sqrt(value) / largest if value > 0 else 0.0, products.done

    def _smallest_by_products(self, largest: float) -> Found:
        remedy = (
            "the smallest singular values lie too close together for it, and an elimination would take too long; use "
            'the layer on a smaller input, or with padding_mode "circular" where the FFT finds all values'
        )
        bound = (1 + 1e-6) * largest**2
        products = self._counting_map(lambda x: bound * x - self._gram(x), remedy)
        _, vector = self._top(products, 1e-14)
        # Not from the eigenvalue, a difference of large numbers. That the residual is small proves it right.
        image = self._gram(vector)
        square = float(np.vdot(vector, image).real)
        if not np.linalg.norm(image - square * vector) <= 1e-6 * square:
            most = float(np.linalg.norm(self._operator.matvec(vector))) * self._scale
            raise np.linalg.LinAlgError(
                f"Lanczos' method only shows that the smallest singular value is at most {most:.3g}: {remedy}"
            )
        return Found(sqrt(square), f"smallest by Lanczos' method, {products.done} products with C^H C")

    def _gram(self, x: Array) -> Array:
        return np.asarray(self._operator.rmatvec(self._operator.matvec(x)))

    def _start(self) -> Array:
        """The same vector on every run, with a share of every eigenvector."""
        return np.random.default_rng(0).standard_normal(self._size).astype(dtype_of(self._conv, self._weight))

    def _counting_map(self, apply: Callable[[Array], Array], remedy: str) -> "_CountingMap":
        return _CountingMap(apply, remedy, self._progress)

    def _top(self, products: "_CountingMap", tolerance: float) -> tuple[float, Array]:
        """Largest eigenvalue of a positive map, to `tolerance` of itself, and its eigenvector."""
        from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh  # slow to import

        start = self._start()
        operator = LinearOperator((self._size, self._size), matvec=products, dtype=start.dtype)
        try:
            values, vectors = eigsh(operator, k=1, which="LM", v0=start, ncv=SUBSPACE, tol=tolerance, maxiter=PRODUCTS)
        except ArpackError as error:
            raise products.failure(f"stopped: {error}") from None
        return float(values[0]), vectors[:, 0]


class _CountingMap:
    """A map that counts and reports its calls, and raises an error after too many."""

    def __init__(self, apply: Callable[[Array], Array], remedy: str, progress: Progress | None) -> None:
        self._apply = apply
        self._remedy = remedy
        self._progress = progress
        self.done = 0

    def __call__(self, x: Array) -> Array:
        if self.done == PRODUCTS:
            raise self.failure("has not converged")
        self.done += 1
        if self._progress is not None:
            self._progress(self.done, PRODUCTS)
        return self._apply(x.reshape(-1))

    def failure(self, what: str) -> np.linalg.LinAlgError:
        """The error to raise where the method does not converge."""
        return np.linalg.LinAlgError(f"Lanczos' method {what} after {self.done} products: {self._remedy}")


# -- the inverse -----------------------------------------------------------------------------------------------------


def _gram_inverse(conv: Conv | Network, weight: Any, largest: float, shift: float) -> Callable[[Array], Array] | None:
    """The map b -> (C^H C)^-1 b of the tall C, by one elimination; None where that is too much work."""
    dtype = dtype_of(conv, weight)
    if most_entries(conv) * (dtype.itemsize + 4) > _MATRIX_BYTES:
        return None
    matrix, (row_keys, col_keys) = conv.matrix(weight).astype(dtype, copy=False), _keys(conv)
    rows, cols = matrix.shape
    if rows == cols:
        band = _Band(matrix, row_keys, col_keys, largest)
        return (lambda b: band.solve(band.solve(b, adjoint=True))) if band.eliminated() else None
    if rows < cols:
        matrix, row_keys, col_keys = matrix.T.tocsr(), col_keys, row_keys  # C^H has the same singular values
        rows = len(row_keys[0])
    # C^H C would lose small values in roundings of the largest one's square. Instead find r and x with
    # shift*r + C x = 0 and C^H r = -b/shift. To a singular value s of C belong two eigenvalues of this system whose
    # product is -s**2 and whose sum is the shift: if that is near the smallest s, none is much smaller than s.
    from scipy import sparse

    parts: list[list[Any]] = [[shift * sparse.eye_array(rows), matrix], [matrix.conj().T, None]]
    keys = np.concatenate([row_keys, col_keys], axis=1)
    band = _Band(sparse.block_array(parts, format="csr"), keys, keys, largest)

    def solve(b: Array) -> Array:
        return band.solve(np.concatenate([np.zeros(rows, dtype=b.dtype), -b / shift]))[rows:]

    return solve if band.eliminated() else None


def _keys(conv: Conv | Network) -> tuple[Array, Array]:
    """Sort keys of outputs and inputs that put neighbours together: group, and place along one axis."""
    if isinstance(conv, Network):
        return _keys_of_network(conv)
    axes = conv.axes  # the keys have shapes (2, number of outputs) and (2, number of inputs), the last key first
    if not axes:
        return np.zeros((2, conv.out_channels)), np.zeros((2, conv.in_channels))
    number, axis = max(enumerate(axes), key=lambda pair: pair[1].dilated_size / pair[1].span)
    centres = np.arange(axis.output_size) * axis.stride - axis.before + (axis.span - 1) / 2
    places = np.arange(axis.input_size) * axis.input_dilation

    def keys(shape: tuple[int, ...], along: Array) -> Array:
        along = along.reshape(-1, *(1,) * (len(axes) - number - 1))
        group = np.arange(conv.groups).repeat(shape[0] // conv.groups).reshape(-1, *(1,) * len(axes))
        return np.array([np.broadcast_to(key, shape).ravel() for key in (along, group)])

    return keys(conv.output_shape, centres), keys(conv.input_shape, places)


def _keys_of_network(network: Network) -> tuple[Array, Array]:
    """The same of a stack, whose outputs stand at the centres of their windows; it is taken for one group."""
    windows, sizes = network.windows, network.input_size
    if not sizes:
        return np.zeros((1, network.out_channels)), np.zeros((1, network.in_channels))
    number = max(range(len(sizes)), key=lambda axis: sizes[axis] / float(windows[axis].size))
    stride, centre = float(windows[number].stride), float(windows[number].centre)

    def keys(shape: tuple[int, ...], along: Array) -> Array:
        return np.broadcast_to(along.reshape(-1, *(1,) * (len(sizes) - number - 1)), shape).reshape(1, -1)

    outputs = np.arange(network.output_size[number]) * stride + centre
    return keys(network.output_shape, outputs), keys(network.input_shape, np.arange(float(sizes[number])))


class _Band:
    """A square matrix whose rows and columns are sorted so that its entries stand in a band; LAPACK eliminates it.

    A general sparse elimination fills less, but SuperLU is not to be trusted with a matrix that is singular.

    Parameters
    ----------
    matrix : (n, n) sparse array
    row_keys, col_keys : (k, n) ndarray
        What to sort by, the last key first.
    norm : float
        Its largest singular value, or about that: what residuals are compared with.
    """

    def __init__(self, matrix: "sparse.csr_array", row_keys: Array, col_keys: Array, norm: float) -> None:
        entries = matrix.tocoo()
        self._matrix, self._norm = matrix, norm
        self._data = entries.data
        self._orders = np.lexsort(row_keys), np.lexsort(col_keys)
        rows, self._cols = (np.argsort(order)[at] for order, at in zip(self._orders, entries.coords, strict=True))
        self._below = rows - self._cols
        self._lower, self._upper = max(int(self._below.max()), 0), max(-int(self._below.min()), 0)
        # LAPACK needs space for the rows that pivoting moves up.
        self._shape = (2 * self._lower + self._upper + 1, matrix.shape[0])

    def eliminated(self) -> bool:
        """Eliminate, unless that is too much work."""
        work = self._shape[1] * self._lower * (self._lower + self._upper)
        if work > _ELIMINATION or prod(self._shape) * self._data.itemsize > _BAND_BYTES:
            return False
        from scipy.linalg import get_lapack_funcs  # slow to import

        band = np.zeros(self._shape, dtype=self._data.dtype, order="F")
        band[self._lower + self._upper + self._below, self._cols] = self._data
        functions: Any = get_lapack_funcs(("gbtrf", "gbtrs"), (band,))
        eliminate, self._solve = functions
        # A pivot of zero is no error here: it makes solutions infinite.
        self._factors, self._pivots, _ = eliminate(band, self._lower, self._upper, overwrite_ab=True)
        return True

    def solve(self, right: Array, *, adjoint: bool = False) -> Array:
        """The solution x of A x = right, or of A^H x = right.

        Returns
        -------
        (n,) ndarray

        Raises
        ------
        ZeroDivisionError
            If x is beyond all bounds.
        _UnstableError
            If pivoting has failed: known of matrices that close a ring, whose roundings may grow on the way around.
        """
        matrix = self._matrix.conj().T if adjoint else self._matrix
        solution = self._raw_solution(right, adjoint)
        for _ in range(_REFINEMENTS):
            if not np.abs(solution).max() < _HUGE:
                raise ZeroDivisionError
            residual = right - matrix @ solution
            if np.linalg.norm(residual) <= _BACKWARD * self._norm * np.linalg.norm(solution):
                return solution
            solution = solution + self._raw_solution(residual, adjoint)
        raise _UnstableError

    def _raw_solution(self, right: Array, adjoint: bool) -> Array:
        here, there = self._orders[::-1] if adjoint else self._orders
        found, _ = self._solve(
            self._factors, self._lower, self._upper, right[here], self._pivots, trans=2 if adjoint else 0
        )
        solution: Array = np.empty_like(found)
        solution[there] = found
        return solution


class _UnstableError(Exception):
    """An elimination whose roundings have grown too much."""
