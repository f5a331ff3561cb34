"""The weight of every entry: the weights of taps, and the sums of those that a padding mode brings onto one input.

`convmatrix.core.equation` is the reference; this module is faster.
"""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import SumOverflowError
from convmatrix.core.pattern import Pattern

__all__ = ["extended_weight", "taps_of_places"]


def extended_weight(weight: NDArray[Any], patterns: Sequence[Pattern]) -> NDArray[Any]:
    """Extend each spatial axis of a weight from taps to symbols: the sums of the taps that read one input.

    Parameters
    ----------
    weight : (row_channels, col_channels_per_group, *kernel_size) ndarray
    patterns : sequence of Pattern
        One for each axis.

    Returns
    -------
    (row_channels, col_channels_per_group, *number_of_symbols) ndarray
        Of the dtype of `weight`; for bool the sum is "or".

    Raises
    ------
    SumOverflowError
        If a sum leaves the range of an integer dtype.

    Examples
    --------
    >>> from convmatrix.core.axis import Axis
    >>> from convmatrix.core.pattern import pattern_of
    >>> pattern = pattern_of(Axis(4, 3, before=1, after=1, mode="replicate"))
    >>> pattern.symbols
    ((0,), (1,), (2,), (0, 1), (1, 2))
    >>> extended_weight(np.array([[[1, 20, 300]]]), [pattern])
    array([[[  1,  20, 300,  21, 320]]])
    """
    if all(len(pattern.symbols) == size for pattern, size in zip(patterns, weight.shape[2:], strict=True)):
        return weight
    if weight.dtype.kind in "iu":
        most = prod(max(map(len, pattern.symbols)) for pattern in patterns)
        if max(int(weight.max()), -int(weight.min())) * most > np.iinfo(weight.dtype.str).max:
            return _summed_exactly(weight, patterns)
    return _summed(weight, patterns)


def _summed_exactly(weight: NDArray[Any], patterns: Sequence[Pattern]) -> NDArray[Any]:
    """Add up in Python integers; an error if an entry is beyond the range of the dtype."""
    sums = _summed(weight.astype(object), patterns)
    # Check only the sums that the matrix stores: taps that are always added to others have no entry by themselves.
    stored = [np.arange(size) for size in sums.shape[:2]] + [pattern.stored_symbols for pattern in patterns]
    sums = sums[np.ix_(*stored)]
    limits = np.iinfo(weight.dtype.str)
    smallest, largest = sums.min(), sums.max()
    if largest > limits.max:
        worst, limit = largest, limits.max
    elif smallest < limits.min:
        worst, limit = smallest, limits.min
    else:
        return _summed(weight, patterns)  # what wraps around on the way comes back
    wider = (np.iinfo(name) for name in ("int16", "int32", "int64"))
    fits = [str(wide.dtype) for wide in wider if wide.min <= smallest and largest <= wide.max]
    raise SumOverflowError(
        f"weights that meet on one input add up to {worst}, but {weight.dtype} ends at {limit}: cast the weight with "
        f".astype({(fits or ['float64'])[0]!r})"
    )


@np.errstate(over="ignore", invalid="ignore")  # a sum of floats that is too large is infinite
def _summed(weight: NDArray[Any], patterns: Sequence[Pattern]) -> NDArray[Any]:
    """The weight with the sums of all symbols that are more than one tap, axis by axis."""
    for axis, pattern in enumerate(patterns, start=2):
        sums = [
            np.add.reduce(weight.take(taps, axis), axis=axis, keepdims=True, dtype=weight.dtype)
            for taps in pattern.symbols[weight.shape[axis] :]
        ]
        weight = np.concatenate([weight, *sums], axis=axis)
    return weight


def taps_of_places(patterns: Sequence[Pattern]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the taps of which each spatial element of an extended weight is the sum.

    Parameters
    ----------
    patterns : sequence of Pattern
        One for each axis.

    Returns
    -------
    ptr, taps : ndarray of int64
        Place p is the sum of the taps ``taps[ptr[p]:ptr[p + 1]]``, as flat indices into the kernel.

    Examples
    --------
    >>> from convmatrix.core.axis import Axis
    >>> from convmatrix.core.pattern import pattern_of
    >>> ptr, taps = taps_of_places([pattern_of(Axis(4, 3, before=1, after=1, mode="replicate"))])
    >>> [taps[start:stop].tolist() for start, stop in zip(ptr[:-1], ptr[1:])]
    [[0], [1], [2], [0, 1], [1, 2]]
    """
    ptr, taps = np.array([0, 1]), np.zeros(1, dtype=np.int64)  # of no axes: one place, and one tap
    for pattern in patterns:
        kernel_size = sum(len(symbol) == 1 for symbol in pattern.symbols)
        axis_ptr = np.zeros(len(pattern.symbols) + 1, dtype=np.int64)
        np.cumsum([len(symbol) for symbol in pattern.symbols], out=axis_ptr[1:])
        axis_taps = np.fromiter(chain.from_iterable(pattern.symbols), dtype=np.int64, count=int(axis_ptr[-1]))
        # Each place combines a place of the previous axes with a symbol of this axis, and each of its taps combines a
        # tap of that place with a tap of that symbol, the taps of this axis innermost.
        place, symbol = np.divmod(np.arange((len(ptr) - 1) * len(pattern.symbols)), len(pattern.symbols))
        widths = np.diff(axis_ptr)[symbol]
        ends = np.concatenate([[0], np.cumsum(np.diff(ptr)[place] * widths)])
        pair = np.repeat(np.arange(len(place)), np.diff(ends))
        outer, inner = np.divmod(np.arange(ends[-1]) - ends[pair], widths[pair])
        taps = taps[ptr[place][pair] + outer] * kernel_size + axis_taps[axis_ptr[symbol][pair] + inner]
        ptr = ends
    return ptr, taps
