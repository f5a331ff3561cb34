"""Does the transpose undo the convolution? Rank and Gram matrices of one layer, for a weight or for a generic one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.algebra.laws import Check, gram_is_identity
from convmatrix.algebra.ranks import PRIMES, Progress, Rank, rank
from convmatrix.layers import Conv, ConvTranspose

__all__ = ["RANK_LIMIT", "Verdict", "generic_weight", "verdict"]

RANK_LIMIT = 2000
"""Most rows and columns that a rank is computed for unasked."""

_PRODUCTS = 5 * 10**7
"""Most multiplications that a whole Gram matrix is computed for unasked."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a layer's matrix M and its transpose.

    Parameters
    ----------
    rank : Rank or None
        None where the matrix is too large to compute it unasked.
    gram, cogram : Check or None
        The findings ``M^H M = I`` and ``M M^H = I``; None where the product is too large to say.
    generic : bool
        Whether they are those of a weight that was drawn, since none was given.
    """

    rank: Rank | None
    gram: Check | None
    cogram: Check | None
    generic: bool


def generic_weight(layer: Conv | ConvTranspose, largest: int = 9) -> NDArray[np.int64]:
    """Draw integers from 1 to `largest` as a weight, always the same for the same layer.

    Returns
    -------
    weight_shape ndarray

    Examples
    --------
    >>> generic_weight(Conv((3,), 3))
    array([[[8, 6, 5]]])
    """
    return np.random.default_rng(0).integers(1, largest + 1, size=layer.weight_shape)


def verdict(
    layer: Conv | ConvTranspose,
    weight: ArrayLike | None = None,
    *,
    any_size: bool = False,
    progress: Progress | None = None,
) -> Verdict:
    """Find the rank of a layer's matrix, and whether its transpose is its inverse on either side.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
        Without it, that of a generic weight: integers below a large prime for the rank, which is computed modulo
        that prime, and integers from 1 to 9 for the products.
    any_size : bool
        Compute the rank however large the matrix is.
    progress : callable, optional
        Told (done, total) while the rank is computed; raising in it ends the work.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> found = verdict(Conv(4, 3))
    >>> found.rank.value, found.gram.holds, found.generic
    (4, False, True)
    """
    generic = weight is None
    weight = generic_weight(layer) if weight is None else np.asarray(weight)
    found = None
    if any_size or max(layer.matrix_shape) <= RANK_LIMIT:
        # A larger range than the weight's makes an accidental zero of a minor improbable.
        found = rank(
            layer.matrix(generic_weight(layer, PRIMES[0] - 1) if generic else weight), limit=None, progress=progress
        )
    first, second = ("C^T C = I", "C C^T = I") if isinstance(layer, Conv) else ("C C^T = I", "C^T C = I")
    return Verdict(found, _finding(layer, weight, first), _finding(layer.T, weight, second, conjugate=True), generic)


def _finding(layer: Conv | ConvTranspose, weight: NDArray[Any], name: str, *, conjugate: bool = False) -> Check | None:
    """Whether M^H M is the identity; for large matrices only its diagonal is looked at, which can only say no."""
    if layer.nnz <= _PRODUCTS:
        matrix = layer.matrix(weight.conj() if conjugate and weight.dtype.kind == "c" else weight)
        counts = np.diff(matrix.indptr).astype(float)
        if counts @ counts <= _PRODUCTS:
            return gram_is_identity(matrix, name)
    if layer.padding_mode != "zeros":
        return None  # taps that meet on one input are summed before they are squared
    squares = _squares(weight, terms=max(layer.matrix_shape))
    diagonal = layer.operator(squares).rmatvec(np.ones(layer.matrix_shape[0], dtype=squares.dtype))
    worst = int(np.argmax(np.abs(diagonal - 1)))
    measured = abs(diagonal[worst].item() - 1)
    bound = 0.0 if squares.dtype.kind == "i" else float(np.finfo(squares.dtype).eps) * layer.matrix_shape[0]
    if measured <= bound:
        return None
    return Check(f"{name} on the diagonal", "finding", False, measured, bound, (worst, worst))


def _squares(weight: NDArray[Any], terms: int) -> NDArray[Any]:
    """Squared absolute values; of integers as integers, where `terms` of them add up within 64 bits."""
    if weight.dtype.kind not in "biu":
        return np.asarray(np.abs(weight) ** 2)
    largest = max(abs(int(weight.max())), abs(int(weight.min())))
    fits = largest**2 * terms <= np.iinfo(np.int64).max
    return np.asarray(weight.astype(np.int64 if fits else np.float64) ** 2)
