"""Pseudo-inverses of convolutions, compared with the transpose that is often mistaken for one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.algebra.elimination.ranks import (
    PRIMES,
    Rank,
    decomposed,
    is_small,
    nullity,
    rank,
    rank_modulo,
    require_small,
)
from convmatrix.algebra.inverse.least_squares import Method, Penalty, deconvolve, floating
from convmatrix.algebra.stack.arguments import Stack, as_matrix, with_weights
from convmatrix.algebra.stack.network import Weights
from convmatrix.layers.arguments import array_of

__all__ = [
    "PRIMES",
    "Rank",
    "Recovery",
    "compare_inverses",
    "deconvolve",
    "nullity",
    "pseudo_inverse",
    "rank",
    "rank_modulo",
]

Array = NDArray[Any]


def pseudo_inverse(matrix: sparse.csr_array) -> Array:
    """Compute the pseudo-inverse C^+, dense: of all x that bring C x nearest to y, ``C^+ @ y`` is the smallest.

    Where the rows are independent, as for most convolutions without padding, it is ``C^H (C C^H)^-1``; the often quoted
    ``(C^H C)^-1 C^H`` needs independent columns, which a matrix wider than it is tall does not have.

    Parameters
    ----------
    matrix : (m, n) csr_array

    Returns
    -------
    (n, m) ndarray
        Singular values up to `rank`'s tolerance count as zero; for integers the rank itself is exact.

    Raises
    ------
    ValueError
        If the matrix is too large, or if its rank is not what its singular values show in double precision.

    References
    ----------
    .. [1] R. Penrose, A generalized inverse for matrices, Proc. Camb. Phil. Soc. 51 (1955).

    Examples
    --------
    >>> pseudo_inverse(sparse.csr_array([[1, 1]]))
    array([[0.5],
           [0.5]])
    """
    matrix = as_matrix(matrix)
    rows, cols = matrix.shape
    require_small(
        matrix.shape,
        min(rows, cols),
        f"the pseudo-inverse of a {rows} x {cols} matrix is dense",
        "deconvolve(layer, weight, y) applies it to one y without building it",
    )
    u, values, vh, matrix_rank = decomposed(matrix)
    return (vh[:matrix_rank].conj().T / values[:matrix_rank]) @ u[:, :matrix_rank].conj().T


@dataclass(frozen=True)
class Recovery:
    """Errors of the transpose, the pseudo-inverse and a deconvolution as estimates of the image behind an output.

    Parameters
    ----------
    transpose : float
        ``|C^H y - x| / |x|``; all errors are relative, in the Euclidean norm.
    scaled_transpose : float
        The error of ``scale * C^H y``, with the scale that makes it smallest.
    scale : complex
    pseudo_inverse : float or None
        The error of ``C^+ y``; None where the matrix is too large for it.
    deconvolution : float
    method, reason : str
        Of the deconvolution.
    """

    transpose: float
    scaled_transpose: float
    scale: complex
    pseudo_inverse: float | None
    deconvolution: float
    method: Method
    reason: str


def compare_inverses(
    layer: Stack,
    weight: Weights | ArrayLike | None,
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    method: Method = "lsmr",
    damping: float = 0.0,
    penalty: Penalty = "identity",
    tolerance: float = 1e-12,
) -> Recovery:
    """Compare C^T y, C^+ y and a deconvolution of y with the image behind y: the transpose is not an inverse.

    Parameters
    ----------
    layer, weight
        As for `deconvolve`.
    x : input_shape array_like
        The true image.
    y : output_shape array_like, optional
        Its output, perhaps with noise; C x by default.
    method, damping, penalty, tolerance
        As for `deconvolve`.

    Returns
    -------
    Recovery

    Raises
    ------
    ValueError
        If x is zero, so that relative errors are undefined; or as for `deconvolve`.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> found = compare_inverses(Conv((4,), 3, padding=1), [1, 3, 1], [1, 2, 3, 4])
    >>> round(found.transpose, 2), round(found.scaled_transpose, 2), round(found.pseudo_inverse, 2)
    (18.71, 0.23, 0.0)
    """
    stack, weights = with_weights(layer, weight)
    image = floating(stack.vec(x))
    if image.ndim == 2:
        raise ValueError(f"x has shape {np.shape(x)}, a batch of {image.shape[1]}: give one image")
    size = np.linalg.norm(image)
    if not size:
        raise ValueError(
            f"x, of size {image.size}, has only zeros, for which no relative error is defined: give another image"
        )
    operator = stack.operator(weights)
    output = operator @ image if y is None else array_of("y", y)
    solved = deconvolve(stack, weights, output, method=method, damping=damping, penalty=penalty, tolerance=tolerance)
    back = operator.rmatvec(output.ravel())
    square = np.vdot(back, back).real
    scale = np.vdot(back, image) / square if square else 0.0
    small = is_small(stack.matrix_shape)
    recovered = pseudo_inverse(stack.matrix(weights)) @ output.ravel() if small else None

    def error(estimate: Array) -> float:
        return float(np.linalg.norm(estimate - image) / size)

    return Recovery(
        transpose=error(back),
        scaled_transpose=error(scale * back),
        scale=scale,
        pseudo_inverse=None if recovered is None else error(recovered),
        deconvolution=error(solved.x.ravel()),
        method=method,
        reason=solved.reason,
    )
