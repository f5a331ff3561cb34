"""`Check`, a claim with its measurement; and the check whether the transpose of a matrix is its inverse."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.algebra.exact import gram_entries
from convmatrix.algebra.stack.arguments import as_matrix
from convmatrix.core.numbers import require_finite, scaled

__all__ = ["Check", "gram_is_identity", "product_names"]


@dataclass(frozen=True)
class Check:
    """One claim about a layer, and its measurement.

    Parameters
    ----------
    name : str
        The claim, such as ``C^T C = I``.
    kind : {"law", "finding"}
        A law is a theorem and must hold; a finding is reported, yes or no.
    holds : bool
    measured, bound : float
        The claim holds where measured <= bound.
    where : tuple of int, optional
        Row and column of the measured entry.
    """

    name: str
    kind: Literal["law", "finding"]
    holds: bool
    measured: float
    bound: float
    where: tuple[int, ...] | None = None


def product_names(dtype: np.dtype[Any]) -> tuple[str, str]:
    """Name the claims that the transpose is a left inverse, and a right inverse; for complex numbers, ``C^H``.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> product_names(np.dtype(float)), product_names(np.dtype(complex))
    (('C^T C = I', 'C C^T = I'), ('C^H C = I', 'C C^H = I'))
    """
    sign = "H" if dtype.kind == "c" else "T"
    return f"C^{sign} C = I", f"C C^{sign} = I"


def gram_is_identity(matrix: sparse.csr_array, *, name: str | None = None) -> Check:
    """Check whether the transpose is a left inverse: the largest entry of ``C^H C - I``, and its place.

    For complex matrices the conjugate transpose is used. Integers are multiplied exactly, also where their products
    exceed 64 bits.

    Parameters
    ----------
    matrix : (m, n) csr_array
        Or another form of a matrix, or a stack of layers that knows its weights; see
        `convmatrix.algebra.stack.arguments.as_matrix`.
    name : str, optional
        Name of the claim; without it, ``C^T C = I``, or ``C^H C = I`` for complex numbers.

    Returns
    -------
    Check
        A finding. Its bound is 0 for integers and a few roundings of the largest entry for floats.

    Examples
    --------
    >>> C = sparse.csr_array([[1, 2, 0], [0, 1, 2]])
    >>> check = gram_is_identity(C)
    >>> check.holds, check.measured, check.where
    (False, 4, (1, 1))
    """
    matrix = as_matrix(matrix)
    name = product_names(matrix.dtype)[0] if name is None else name
    if matrix.dtype.kind in "biu":
        return _found_identity(name, *_deviations_of_integers(matrix))
    require_finite("the matrix", matrix)
    data, scale = scaled(matrix.data, down=True)  # a large float may have no square
    matrix = sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    gram = matrix.conj().T @ matrix
    one = gram.dtype.type(1 / scale / scale)
    deviation = abs(gram - one * sparse.eye_array(matrix.shape[1], dtype=gram.dtype, format="csr")).tocoo()
    terms = int(np.bincount(matrix.indices, minlength=1).max()) if matrix.nnz else 0
    bound = 4 * terms * float(np.finfo(gram.dtype).eps)
    rows, cols = deviation.coords
    return _found_identity(name, rows, cols, deviation.data, bound, scale)


def _deviations_of_integers(matrix: sparse.csr_array) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Rows, columns and absolute values of the entries of ``C^T C - I``, exact."""
    rows, cols, values = gram_entries(matrix)
    values = values - (rows == cols)
    # A column of zeros has no entry on the diagonal.
    absent = np.setdiff1d(np.arange(matrix.shape[1]), rows[rows == cols])
    return (
        np.concatenate([rows, absent]),
        np.concatenate([cols, absent]),
        np.concatenate([np.abs(values), np.ones(len(absent), dtype=values.dtype)]),
    )


def _found_identity(
    name: str, rows: NDArray[Any], cols: NDArray[Any], deviation: NDArray[Any], bound: float = 0, scale: float = 1
) -> Check:
    """The finding from the absolute values of the entries of ``C^H C - I``, divided by the square of the scale."""
    most = int(np.argmax(deviation)) if deviation.size else None
    measured: Any = 0 if most is None else deviation[most]
    measured = measured.item() if isinstance(measured, np.generic) else measured
    if scale > 1:
        measured = measured * scale * scale  # infinite where a float cannot hold it
    where = None if most is None or measured <= bound else (int(rows[most]), int(cols[most]))
    return Check(name, "finding", measured <= bound, measured, bound, where)
