"""Laws (theorems) and findings (facts about one layer) as checks that carry their numbers."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse

__all__ = ["Check", "gram_is_identity"]


@dataclass(frozen=True)
class Check:
    """One claim about a layer, and what was measured.

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
        Row and column of what was measured.
    """

    name: str
    kind: Literal["law", "finding"]
    holds: bool
    measured: float
    bound: float
    where: tuple[int, ...] | None = None


def gram_is_identity(matrix: sparse.csr_array, name: str = "C^T C = I") -> Check:
    """Find out whether the transpose undoes a matrix: the largest entry of ``C^H C - I``, and where it stands.

    For complex matrices the conjugate transpose is meant. Integers are multiplied exactly, in 64 bits, unless their
    products could leave these.

    Parameters
    ----------
    matrix : (m, n) csr_array
    name : str
        Name of the claim.

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
    exact = matrix.dtype.kind in "biu"
    if exact:
        largest = max((abs(int(matrix.data.min())), abs(int(matrix.data.max()))), default=0) if matrix.nnz else 0
        dtype = np.int64 if largest**2 * max(matrix.shape) < np.iinfo(np.int64).max else np.float64
        matrix = matrix.astype(dtype)
        exact = dtype is np.int64
    gram = matrix.conj().T @ matrix
    deviation = abs(gram - sparse.eye_array(matrix.shape[1], dtype=gram.dtype, format="csr")).tocoo()
    most = int(np.argmax(deviation.data)) if deviation.nnz else None
    measured: Any = 0 if most is None else deviation.data[most].item()
    rows, cols = deviation.coords
    terms = int(np.bincount(matrix.indices, minlength=1).max()) if matrix.nnz else 0
    bound = 0 if exact else 4 * terms * float(np.finfo(gram.dtype).eps)
    return Check(
        name,
        "finding",
        measured <= bound,
        measured,
        bound,
        None if most is None or measured <= bound else (int(rows[most]), int(cols[most])),
    )
