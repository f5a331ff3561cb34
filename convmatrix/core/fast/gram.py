"""The weight of the Gram matrix C^H C: every product of two taps, summed over what lies between them.

The product of two matrices of `convmatrix.core.equation` is the reference; this module is faster.

With it and the patterns of `convmatrix.core.pattern`, which have the pairs of taps through which an output reads two
inputs of an axis, C^H C is assembled as any matrix is, without a product of sparse matrices.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import SumOverflowError
from convmatrix.core.pattern import Pattern

__all__ = ["gram_weight"]


def gram_weight(weight: NDArray[Any], patterns: Sequence[Pattern], groups: int) -> NDArray[Any]:
    """Sum the products of taps through which two columns have a row in common.

    Parameters
    ----------
    weight : (row_channels, col_channels_per_group, *kernel_size) ndarray
    patterns : sequence of Pattern
        The Gram pattern of each axis.
    groups : int

    Returns
    -------
    (groups * col_channels_per_group, col_channels_per_group, *number_of_symbols) ndarray
        Of the weight's dtype; for bool the sum is "or".

    Raises
    ------
    SumOverflowError
        If a sum leaves the range of an integer dtype.
    """
    if not all(pattern.symbols for pattern in patterns):  # no window reads anything
        return np.zeros((groups * weight.shape[1], weight.shape[1], *(len(p.symbols) for p in patterns)), weight.dtype)
    if weight.dtype.kind not in "iu":
        return _summed(weight, patterns, groups)
    largest = max(int(weight.max()), -int(weight.min()), 1)
    terms = len(weight) // groups * prod(max(map(len, pattern.symbols)) for pattern in patterns)
    limits = np.iinfo(weight.dtype.str)
    if largest**2 * terms <= limits.max:
        return _summed(weight, patterns, groups)
    sums = _summed(weight.astype(object), patterns, groups)
    most = sums.max()  # no entry is larger than the largest on the diagonal, nor smaller than its negative
    if most > limits.max:
        raise SumOverflowError(
            f"products of weights add up to {most} in C^T C, but {weight.dtype} ends at {limits.max}: cast the weight "
            "with .astype('float64')"
        )
    return sums.astype(weight.dtype)


def _summed(weight: NDArray[Any], patterns: Sequence[Pattern], groups: int) -> NDArray[Any]:
    kernel = weight.shape[2:]
    flat = weight.reshape(groups, len(weight) // groups, -1)
    pairs: NDArray[Any] = np.matmul(flat.conj().transpose(0, 2, 1), flat)  # shape (groups, places, places)
    channels = weight.shape[1]
    pairs = pairs.reshape(groups * channels, *kernel, channels, *kernel)
    ndim = len(kernel)
    taps = [axis for first in range(1, ndim + 1) for axis in (first, first + ndim + 1)]
    pairs = pairs.transpose(0, ndim + 1, *taps).reshape(groups * channels, channels, *(size**2 for size in kernel))
    for axis, pattern in enumerate(patterns, start=2):
        starts = np.cumsum([0, *map(len, pattern.symbols[:-1])])
        members = np.concatenate([np.array(symbol) for symbol in pattern.symbols])
        pairs = np.add.reduceat(np.take(pairs, members, axis=axis), starts, axis=axis, dtype=pairs.dtype)
    return pairs
