"""The same layer on a small input: as many borders, less of the interior that repeats.

Far from the borders a convolution does the same everywhere. So what is asked of all pairs of inputs, or of outputs,
such as the entries of a Gram matrix, can be asked of a layer whose interior is just long enough, however large the
true one is.
"""

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from convmatrix.algebra.stack.arguments import Stack, one_layer
from convmatrix.core.axis import Axis
from convmatrix.layers import Conv

__all__ = ["Shortened", "shortened"]

Pair = tuple[int, int]


class _Cut(NamedTuple):
    """From which index on some are missing along one axis, and how many; indices up to `reach` apart can meet."""

    at: int = 0
    missing: int = 0
    reach: int = 0

    def mended(self, one: int, other: int) -> Pair:
        """Where two indices stand on the whole axis; those that meet stay as far apart as they are."""
        moved = self.missing if one >= self.at else 0
        together = abs(one - other) <= self.reach
        return one + moved, other + (moved if together else self.missing if other >= self.at else 0)


@dataclass(frozen=True)
class Shortened:
    """A convolution, and the same on a shorter input.

    Each entry but zero of ``C^H C``, and of ``C C^H``, of one of them is an entry of the other's.

    Parameters
    ----------
    whole, short : Conv
    """

    whole: Conv
    short: Conv

    def inputs(self, pair: Pair) -> Pair:
        """Two columns of the whole matrix that meet as these columns of the short one do."""
        cuts = map(_input_cut, self.short.axes, self.whole.axes)
        return _mended(pair, self.short.input_shape, self.whole.input_shape, [_Cut(), *cuts])

    def outputs(self, pair: Pair) -> Pair:
        """Two rows of the whole matrix that meet as these rows of the short one do."""
        cuts = map(_output_cut, self.short.axes, self.whole.axes)
        return _mended(pair, self.short.output_shape, self.whole.output_shape, [_Cut(), *cuts])


def shortened(conv: Stack) -> Shortened:
    """Shorten a convolution's input as far as its inputs, and its outputs, still meet in all the ways they do.

    Returns
    -------
    Shortened

    Examples
    --------
    >>> found = shortened(Conv((10**12,), 3, padding=1))
    >>> found.short.matrix_shape
    (12, 12)
    >>> found.inputs((0, 1)), found.inputs((11, 10))
    ((0, 1), (999999999999, 999999999998))
    """
    layer = one_layer(conv, "a shortened input")
    conv = layer.convolution
    short = Conv(
        [axis.input_size - axis.spare_periods * axis.shift for axis in conv.axes],
        conv.kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        in_channels=conv.in_channels,
        out_channels=conv.out_channels,
        padding_mode=conv.padding_mode,
        input_dilation=conv.input_dilation,
    )
    return Shortened(conv, short)


# The interior that is left is three spans long. Both cuts are a span behind its beginning: whatever meets the left
# border is before them, and whatever meets the right border behind them.


def _input_cut(short: Axis, whole: Axis) -> _Cut:
    reach = (short.span - 1) // short.input_dilation
    return _Cut(short.interior_inputs()[0] + reach, whole.input_size - short.input_size, reach)


def _output_cut(short: Axis, whole: Axis) -> _Cut:
    start = short.interior_inputs()[0] * short.input_dilation + short.span - 1  # of the first window behind the cut
    reach = (short.span - 1) // short.stride
    return _Cut(-((-start - short.before) // short.stride), whole.output_size - short.output_size, reach)


def _mended(pair: Pair, short: tuple[int, ...], whole: tuple[int, ...], cuts: list[_Cut]) -> Pair:
    """Flat indices into the shape `whole` for flat indices into the shape `short`, with a cut on each axis."""
    one, other = (map(int, np.unravel_index(flat, short)) for flat in pair)
    places = [cut.mended(*indices) for cut, *indices in zip(cuts, one, other, strict=True)]
    first, second = (
        # Python's integers: a whole layer may have more places than 64 bits can count.
        reduce(lambda flat, step: flat * step[1] + step[0], zip(index, whole, strict=True), 0)
        for index in zip(*places, strict=True)
    )
    return first, second
