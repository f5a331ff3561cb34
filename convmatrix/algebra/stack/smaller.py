"""A shorter input for a convolution whose Gram matrices have the same entries, and the places of these in the whole.

Far from the borders the rows of C repeat, moved on by some columns. So every entry of ``C^H C``, which belongs to two
inputs that one window reads, occurs near a border, or again and again in between; likewise every entry of ``C C^H``,
which belongs to two outputs that read one input. To find out whether these matrices are the identity, it is enough to
see each entry once: then an input of 12 does as well as one of 10**12.

What is cut out of an axis is a stretch of its interior, and what stands on both sides of it is joined. With kernel_size
3 and padding 1, of 100 inputs 12 are left::

    whole   0  1  2  3  4  5 ... 89 90 91 92 93 ... 99
    short   0  1  2                     3  4  5 ... 11     the cut is before 3, and 88 are missing

Why this is enough:

- The stretch is a multiple of `Axis.shift` inputs and of `Axis.period` outputs, after which rows and columns repeat:
  the windows across the cut read what other windows of the interior read.
- Two inputs in one window are less than the span of a kernel apart, and so are two windows that read one input. What is
  left of the interior is at least three spans and a period long, so that such a pair never touches both borders, as on
  the whole axis. Each pair at a border is left, and of those in between one of each kind.

Hence an index of the short axis stands for one of the whole axis: for the same before the cut, and for one that is
larger by as many as are missing behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from convmatrix.algebra.stack.arguments import Stack, one_layer
from convmatrix.core.axis import Axis
from convmatrix.layers import Conv

__all__ = ["Shortened", "shortened"]

Pair = tuple[int, int]
"""Two inputs, or two outputs: an entry of a Gram matrix."""


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
        """Two columns of the whole matrix with the same product as these two columns of the short one."""
        cuts = list(map(_input_cut, self.short.axes, self.whole.axes))
        return _pair_in_whole(pair, self.short.input_shape, self.whole.input_shape, cuts)

    def outputs(self, pair: Pair) -> Pair:
        """Two rows of the whole matrix with the same product as these two rows of the short one."""
        cuts = list(map(_output_cut, self.short.axes, self.whole.axes))
        return _pair_in_whole(pair, self.short.output_shape, self.whole.output_shape, cuts)


def shortened(conv: Stack) -> Shortened:
    """Shorten a convolution's input as far as its Gram matrices keep every entry that they have.

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
    whole = one_layer(conv, "a shortened input").convolution
    sizes = tuple(axis.input_size - _removable_periods(axis) * axis.shift for axis in whole.axes)
    return Shortened(whole, replace(whole, input_size=sizes))


def _removable_periods(axis: Axis) -> int:
    """Count the periods of the interior that can be removed from an axis without losing any kind of connected pair.

    A period is `shift` inputs and `period` outputs. What is left of the interior is so long that no two outputs which
    share an input touch both ends of it, and that all reads of a period in its middle have their like.

    Returns
    -------
    int
    """
    first, end = axis.interior_inputs()
    interior = (end - first) * axis.input_dilation  # in positions, as the span
    period = axis.shift * axis.input_dilation
    return max((interior - 3 * axis.span - period) // period, 0)


# -- from the short axis to the whole one ----------------------------------------------------------------------------
#
# The cut is a span behind the beginning of the interior, and so at least two spans before its end: the partner of
# whatever touches the left border stands before the cut, the partner of whatever touches the right border behind it.


class _Cut(NamedTuple):
    """The place along one axis where indices are missing: before the index `at` of the short one."""

    at: int
    missing: int
    reach: int
    """Largest distance of two indices whose rows or columns have a product that is not zero by its pattern."""

    def in_whole(self, index: int) -> int:
        """The index on the whole axis for an index on the short one."""
        return index + self.missing if index >= self.at else index

    def pair_in_whole(self, one: int, other: int) -> Pair:
        """The indices on the whole axis for two on the short one; if within reach, they keep their distance."""
        # In the picture above, (2, 3) are (2, 3) of the whole, and (3, 2) are (91, 90): the second index moves with the
        # first one, onto an equal neighbour of it. (3, 0) are (91, 0), which no window reads together in either.
        if abs(one - other) <= self.reach:
            moved_by = self.in_whole(one) - one
            return one + moved_by, other + moved_by
        return self.in_whole(one), self.in_whole(other)


def _input_cut(short: Axis, whole: Axis) -> _Cut:
    """The cut between inputs; those in one window are less than a span of positions apart."""
    reach = (short.span - 1) // short.input_dilation
    first, _ = short.interior_inputs()
    return _Cut(first + reach, whole.input_size - short.input_size, reach)


def _output_cut(short: Axis, whole: Axis) -> _Cut:
    """The same cut between outputs; windows that share an input begin less than a span of positions apart."""
    reach = (short.span - 1) // short.stride
    first, _ = short.interior_inputs()
    position = first * short.input_dilation + short.span - 1
    first_window_behind = -((-position - short.before) // short.stride)  # rounded up
    return _Cut(first_window_behind, whole.output_size - short.output_size, reach)


def _pair_in_whole(pair: Pair, short: tuple[int, ...], whole: tuple[int, ...], cuts: Sequence[_Cut]) -> Pair:
    """Flat indices into the shape `whole`, (channels, *size), for flat indices into the shape `short`."""
    one, other = ([int(index) for index in np.unravel_index(flat, short)] for flat in pair)
    places = [cut.pair_in_whole(*indices) for cut, *indices in zip(cuts, one[1:], other[1:], strict=True)]
    return (
        _flat([one[0], *(place for place, _ in places)], whole),
        _flat([other[0], *(place for _, place in places)], whole),
    )


def _flat(indices: Sequence[int], shape: Sequence[int]) -> int:
    """A flat index, in Python's integers: a whole layer may have more places than 64 bits can count."""
    return reduce(lambda flat, axis: flat * axis[1] + axis[0], zip(indices, shape, strict=True), 0)
