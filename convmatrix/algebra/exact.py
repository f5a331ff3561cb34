"""Sums and products of integers of any dtype, exact: by digits small enough for them to fit in 64 bits.

A check that adds up numbers in their own dtype would report a broken law where only a sum has wrapped around. So
linear maps are computed for each digit of the numbers, and the results are combined in Python's integers.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["digit_bits", "digits", "exact_product", "from_digits", "gram_entries", "largest_magnitude"]

_VALUE_BITS = 63
"""Bits of an int64 beside its sign."""


def largest_magnitude(values: NDArray[Any]) -> int:
    """Compute the largest absolute value of some integers, as a Python integer: for -128 in int8 it is 128.

    Returns
    -------
    int

    Examples
    --------
    >>> largest_magnitude(np.array([-128, 127], dtype=np.int8))
    128
    """
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def digit_bits(factor: int) -> int:
    """Number of bits of a digit such that its products with numbers that add up to `factor` fit in 64 bits.

    Returns
    -------
    int
        At least 1.
    """
    return max(_VALUE_BITS - factor.bit_length(), 1)


def digits(values: NDArray[Any], bits: int) -> list[NDArray[np.int64]]:
    """Write integers to the base ``2**bits``.

    Parameters
    ----------
    values : ndarray of integers or bool
    bits : int
        From 1 to 63.

    Returns
    -------
    list of ndarray of int64
        The lowest digits first; one array where all values are less than the base. Only the highest are negative.

    Examples
    --------
    >>> [part.tolist() for part in digits(np.array([5, -3, 260]), 8)]
    [[5, 253, 4], [0, -1, 1]]
    """
    if largest_magnitude(values) < 2**bits:
        return [values.astype(np.int64)]
    rest, parts = values.astype(object), []
    while largest_magnitude(rest) >= 2**bits:
        parts.append((rest % 2**bits).astype(np.int64))
        rest = rest // 2**bits
    return [*parts, rest.astype(np.int64)]


def from_digits(parts: Sequence[NDArray[Any]], bits: int) -> NDArray[Any]:
    """Combine the results that were computed for each digit.

    Parameters
    ----------
    parts : sequence of array_like
        The lowest first.
    bits : int

    Returns
    -------
    ndarray
        As it is where there is one part; else of Python's integers, with at least one axis.

    Examples
    --------
    >>> from_digits([np.array([5, 253, 4]), np.array([0, -1, 1])], 8)
    array([5, -3, 260], dtype=object)
    """
    if len(parts) == 1:
        return np.asarray(parts[0])
    whole = [np.atleast_1d(part).astype(object) for part in reversed(parts)]
    return reduce(lambda high, low: high * 2**bits + low, whole)


def exact_product(matrix: sparse.csr_array, x: NDArray[Any]) -> NDArray[Any]:
    """Multiply integers by a matrix of integers, in Python's integers; other numbers as NumPy does.

    Parameters
    ----------
    matrix : (m, n) csr_array
    x : (n,) ndarray

    Returns
    -------
    (m,) ndarray

    Examples
    --------
    >>> exact_product(sparse.csr_array(np.array([[2**62, 2**62]])), np.array([2, 2]))
    array([18446744073709551616], dtype=object)
    """
    if matrix.dtype.kind not in "biu":
        return np.asarray(matrix @ x)
    product = np.zeros(matrix.shape[0], dtype=object)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.add.at(product, rows, matrix.data.astype(object) * x.astype(object)[matrix.indices])
    return product


def gram_entries(matrix: sparse.csr_array) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Compute the entries of ``C^T C`` of integers, however large these are.

    Parameters
    ----------
    matrix : (m, n) csr_array of integers

    Returns
    -------
    rows, cols : ndarray
    values : ndarray of int64 or of Python's integers
        One for each place; places with 0 may be among them.

    Examples
    --------
    >>> gram_entries(sparse.csr_array(np.array([[2**40, 1]])))[2].tolist()
    [1208925819614629174706176, 1099511627776, 1099511627776, 1]
    """
    terms = int(np.bincount(matrix.indices, minlength=1).max(initial=1))
    bits = (_VALUE_BITS - terms.bit_length()) // 2
    parts = [
        sparse.csr_array((part, matrix.indices, matrix.indptr), shape=matrix.shape)
        for part in digits(matrix.data, bits)
    ]
    products = [
        ((one.T @ other).tocoo(), bits * (low + high))
        for low, one in enumerate(parts)
        for high, other in enumerate(parts)
    ]
    if len(products) == 1:
        gram = products[0][0]
        return gram.coords[0], gram.coords[1], gram.data
    size = matrix.shape[1]
    places = np.concatenate([gram.coords[0].astype(np.int64) * size + gram.coords[1] for gram, _ in products])
    kinds, where = np.unique(places, return_inverse=True)
    values = np.zeros(len(kinds), dtype=object)
    np.add.at(values, where, np.concatenate([gram.data.astype(object) << shift for gram, shift in products]))
    return kinds // size, kinds % size, values
