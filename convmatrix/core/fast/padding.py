"""One axis of the input as some windows read it: padded, cropped and dilated, and summed back onto the inputs.

`convmatrix.core.equation` is the reference; this module is faster.

On a padded axis a window is a start and a step. All padding modes, pads, crops and input dilations are therefore one
case for the functions that multiply: they differ only in the input at each position, and in the sums added back to it.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import NOTHING, Axis
from convmatrix.core.fast import tuning

__all__ = ["PaddedAxis", "at", "padded", "padded_axis"]

Array = NDArray[Any]
Ints = NDArray[np.int64]


class PaddedAxis(NamedTuple):
    """The input at each position of a padded axis: `before`, then a slice of the inputs, then `after`.

    Tap t of window o is at position o*stride + t*dilation.

    Parameters
    ----------
    before, after : ndarray of int64
        Numbers of inputs, `NOTHING` for a zero.
    inside : slice
        Range of consecutive inputs.
    stride, dilation : int
        Positions between neighbouring windows, and between neighbouring taps.
    """

    before: Ints
    inside: slice
    after: Ints
    stride: int
    dilation: int

    @property
    def length(self) -> int:
        """Number of positions."""
        return len(self.before) + _size(self.inside) + len(self.after)

    @property
    def has_zeros_only(self) -> bool:
        """True if there are only zeros before and after the inputs."""
        return bool((self.before == NOTHING).all() and (self.after == NOTHING).all())

    def pad(self, x: Array, axis: int) -> Array:
        """Pad one axis of x; the result is a view where there is no padding."""
        middle: Array = x[at(axis, self.inside)]
        if not len(self.before) and not len(self.after):
            return middle
        parts = (_taken(x, self.before, axis), middle, _taken(x, self.after, axis))
        return np.concatenate(parts, axis=axis, dtype=x.dtype)

    def sums_by_input(self, values: Array, axis: int) -> Iterator[tuple[slice, Array]]:
        """Apply the transpose of `pad`: yield ranges of inputs, and the sums of the values at their positions."""
        first = len(self.before)
        last = first + _size(self.inside)
        if first < last:
            yield self.inside, values[at(axis, slice(first, last))]
        yield from _summed(values[at(axis, slice(0, first))], self.before, axis)
        yield from _summed(values[at(axis, slice(last, None))], self.after, axis)


def padded(x: Array, axes: Sequence[PaddedAxis]) -> Array:
    """Pad the last axes of an array.

    Parameters
    ----------
    x : (..., *input_size) ndarray
    axes : sequence of PaddedAxis

    Returns
    -------
    (..., *lengths) ndarray
        A view where there is no padding.

    Examples
    --------
    >>> padded(np.array([1, 2, 3]), [padded_axis(Axis(3, 3, before=1, after=1, mode="circular"), 0, 3)])
    array([3, 1, 2, 3, 1])
    """
    first = x.ndim - len(axes)
    if all(axis.has_zeros_only for axis in axes):  # then one copy is enough, or none
        inside: Array = x[at(first, *(axis.inside for axis in axes))]
        shape = (*x.shape[:first], *(axis.length for axis in axes))
        if inside.shape == shape:
            return inside
        out = np.zeros(shape, dtype=x.dtype)
        out[at(first, *(slice(len(axis.before), axis.length - len(axis.after)) for axis in axes))] = inside
        return out
    for number, axis in enumerate(axes, start=first):
        x = axis.pad(x, number)
    return x


@lru_cache(maxsize=tuning.PADDED_AXES_KEPT)
def padded_axis(axis: Axis, start: int, stop: int) -> PaddedAxis:
    """The positions that some windows of an axis look at.

    Parameters
    ----------
    axis : Axis
    start, stop : int
        The outputs from `start` to `stop`, at least one.

    Returns
    -------
    PaddedAxis
        Where windows have gaps much longer than themselves, it holds what each tap of each window reads instead, window
        by window: its stride is then the kernel size, and its dilation 1.
    """
    first = start * axis.stride - axis.before
    end = first + (stop - 1 - start) * axis.stride + axis.span
    # Steps that are not used may exceed 64 bits.
    stride = axis.stride if stop - start > 1 else 1
    dilation = axis.dilation if axis.kernel_size > 1 else 1
    if end - first > tuning.SPARSE_POSITIONS * (stop - start) * axis.kernel_size:
        reads = axis.extend(axis.positions(np.arange(start, stop, dtype=np.int64)))
        return PaddedAxis(reads.ravel(), slice(0, 0), _NONE, axis.kernel_size, 1)
    if axis.input_dilation > 1:
        return PaddedAxis(_inputs_at(axis, first, end), slice(0, 0), _NONE, stride, dilation)
    size = axis.input_size
    lo = min(max(first, 0), size)
    inside = slice(lo, max(min(end, size), lo))
    before, after = _inputs_at(axis, first, min(end, 0)), _inputs_at(axis, max(first, size), end)
    return PaddedAxis(before, inside, after, stride, dilation)


_NONE = np.zeros(0, dtype=np.int64)


def _inputs_at(axis: Axis, start: int, stop: int) -> Ints:
    """The inputs at some positions of the extended axis."""
    return axis.extend(np.arange(start, stop, dtype=np.int64)) if start < stop else _NONE


def _size(inside: slice) -> int:
    return int(inside.stop) - int(inside.start)


def at(axis: int, *index: Any) -> tuple[Any, ...]:
    """An index into the axes from `axis` on.

    Returns
    -------
    tuple

    Examples
    --------
    >>> at(2, 7)
    (slice(None, None, None), slice(None, None, None), 7)
    """
    return (*(slice(None),) * axis, *index)


def _taken(x: Array, inputs: Ints, axis: int) -> Array:
    """Some inputs along one axis of x, with zeros for `NOTHING`."""
    nothing = inputs == NOTHING
    if nothing.all():
        return np.zeros((*x.shape[:axis], len(inputs), *x.shape[axis + 1 :]), dtype=x.dtype)
    taken = x.take(inputs, axis, mode="wrap")  # the values taken for NOTHING are overwritten
    taken[at(axis, nothing)] = 0
    return taken


def _summed(values: Array, inputs: Ints, axis: int) -> Iterator[tuple[slice, Array]]:
    """Sum the values of each input, for the range of inputs that have any."""
    order = np.argsort(inputs, kind="stable")[np.count_nonzero(inputs == NOTHING) :]
    if not len(order):
        return
    indices, starts = np.unique(inputs[order], return_index=True)
    sums = np.add.reduceat(values.take(order, axis), starts, axis=axis, dtype=values.dtype)
    first, stop = int(indices[0]), int(indices[-1]) + 1
    by_input = np.zeros((*values.shape[:axis], stop - first, *values.shape[axis + 1 :]), dtype=values.dtype)
    by_input[at(axis, indices - first)] = sums
    yield slice(first, stop), by_input
