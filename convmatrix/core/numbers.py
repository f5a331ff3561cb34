"""Checks and scaling for numerical stability: finite numbers, small enough that their squares are finite too."""

from math import frexp, ldexp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["require_finite", "scaled"]


def require_finite(what: str, values: NDArray[Any] | sparse.csr_array) -> None:
    """Check that all numbers are finite.

    Parameters
    ----------
    what : str
        Name of the numbers, for the error message.
    values : ndarray or csr_array

    Raises
    ------
    ValueError
        If there are infinities or nan among them; it says where the first is.
    """
    data = values.data if isinstance(values, sparse.csr_array) else values
    if data.dtype.kind not in "fc":
        return
    wrong = np.flatnonzero(~np.isfinite(data))
    if not len(wrong):
        return
    if isinstance(values, sparse.csr_array):
        place = tuple(int(along[wrong[0]]) for along in values.tocoo().coords)
    else:
        place = tuple(int(index) for index in np.unravel_index(wrong[0], values.shape))
    more = f", the first of {len(wrong)} entries that are not finite" if len(wrong) > 1 else ""
    raise ValueError(f"{what} has {data.flat[wrong[0]]} at {place}{more}: nothing can be solved or decided with it")


def scaled(values: NDArray[Any], *, down: bool = False) -> tuple[NDArray[Any], float]:
    """Divide floats by a power of two, so that the largest part of one is from 1 to 2 and none is rounded.

    Parameters
    ----------
    values : ndarray
        Integers stay as they are.
    down : bool
        Never to multiply: small numbers stay as they are too.

    Returns
    -------
    values : ndarray
    scale : float
        ``values * scale`` are the numbers given; 1 where these are all zero.

    Examples
    --------
    >>> scaled(np.array([6.0, -3e-9]))
    (array([ 1.5e+00, -7.5e-10]), 4.0)
    """
    if values.dtype.kind not in "fc":
        return values, 1.0
    parts = np.ascontiguousarray(values).view(values.real.dtype)  # real and imaginary ones side by side
    largest = float(np.abs(parts).max(initial=0))
    exponent = frexp(largest)[1] - 1 if largest else 0
    if down and exponent <= 0:
        return values, 1.0
    return np.ldexp(parts, -exponent).view(values.dtype), ldexp(1.0, exponent)
