"""What some consecutive windows read along one axis, side by side: the inputs themselves, and what stands beyond them.

Correct is `convmatrix.core.equation`; this is the same, faster.

On such a line a window is a start and a step. So all padding modes, pads, crops and input dilations are one case for
those who multiply: they differ in what is put on the line, and in what is added back from it.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import NOTHING, Axis

__all__ = ["Line", "at", "laid_out", "line_of"]

Ints = NDArray[np.int64]

_SPARSE = 4
"""A line with this many positions for each that a tap reads is mostly gaps: it holds the reads alone instead."""


class Line(NamedTuple):
    """Inputs by number, `NOTHING` for a zero: those in `before`, those of the slice `inside`, those in `after`.

    Tap t of window o is at o*stride + t*dilation.
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
    def is_blank(self) -> bool:
        """Whether zeros alone stand beyond the inputs."""
        return bool((self.before == NOTHING).all() and (self.after == NOTHING).all())

    def read(self, x: NDArray[Any], axis: int) -> NDArray[Any]:
        """Put one axis of x on the line: a view where nothing stands beyond the inputs."""
        middle: NDArray[Any] = x[at(axis, self.inside)]
        if not len(self.before) and not len(self.after):
            return middle
        parts = (_picked(x, self.before, axis), middle, _picked(x, self.after, axis))
        return np.concatenate(parts, axis=axis, dtype=x.dtype)

    def returns(self, values: NDArray[Any], axis: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        """What values on the line add to the inputs that stand there: ranges of inputs, and what each is to get."""
        first = len(self.before)
        last = first + _size(self.inside)
        if first < last:
            yield self.inside, values[at(axis, slice(first, last))]
        yield from _gathered(values[at(axis, slice(0, first))], self.before, axis)
        yield from _gathered(values[at(axis, slice(last, None))], self.after, axis)


def laid_out(x: NDArray[Any], lines: Sequence[Line]) -> NDArray[Any]:
    """Put the last axes of x on their lines."""
    first = x.ndim - len(lines)
    if all(line.is_blank for line in lines):  # then one copy is enough, or none
        inside: NDArray[Any] = x[at(first, *(line.inside for line in lines))]
        shape = (*x.shape[:first], *(line.length for line in lines))
        if inside.shape == shape:
            return inside
        out = np.zeros(shape, dtype=x.dtype)
        out[at(first, *(slice(len(line.before), line.length - len(line.after)) for line in lines))] = inside
        return out
    for axis, line in enumerate(lines, start=first):
        x = line.read(x, axis)
    return x


@lru_cache(maxsize=16)  # pieces of an array have the same lines on most axes
def line_of(axis: Axis, start: int, stop: int) -> Line:
    """The line of the windows from `start` to `stop`."""
    first = start * axis.stride - axis.before
    end = first + (stop - 1 - start) * axis.stride + axis.span
    # Steps that are never taken may be larger than an array's.
    stride = axis.stride if stop - start > 1 else 1
    dilation = axis.dilation if axis.kernel_size > 1 else 1
    if end - first > _SPARSE * (stop - start) * axis.kernel_size:
        reads = axis.extend(axis.positions(np.arange(start, stop, dtype=np.int64)))
        return Line(reads.ravel(), slice(0, 0), _NONE, axis.kernel_size, 1)
    if axis.input_dilation > 1:
        return Line(_standing(axis, first, end), slice(0, 0), _NONE, stride, dilation)
    size = axis.input_size
    lo = min(max(first, 0), size)
    inside = slice(lo, max(min(end, size), lo))
    before, after = _standing(axis, first, min(end, 0)), _standing(axis, max(first, size), end)
    return Line(before, inside, after, stride, dilation)


_NONE = np.zeros(0, dtype=np.int64)


def _standing(axis: Axis, start: int, stop: int) -> Ints:
    """The inputs at some positions."""
    return axis.extend(np.arange(start, stop, dtype=np.int64)) if start < stop else _NONE


def _size(inside: slice) -> int:
    return int(inside.stop) - int(inside.start)


def at(axis: int, *index: Any) -> tuple[Any, ...]:
    """An index into the axes from `axis` on."""
    return (*(slice(None),) * axis, *index)


def _picked(x: NDArray[Any], inputs: Ints, axis: int) -> NDArray[Any]:
    nothing = inputs == NOTHING
    if nothing.all():
        return np.zeros((*x.shape[:axis], len(inputs), *x.shape[axis + 1 :]), dtype=x.dtype)
    picked = x.take(inputs, axis, mode="wrap")  # whatever NOTHING picks is overwritten
    picked[at(axis, nothing)] = 0
    return picked


def _gathered(values: NDArray[Any], inputs: Ints, axis: int) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Sum the values of each input; nothing where none stands for one."""
    order = np.argsort(inputs, kind="stable")[np.count_nonzero(inputs == NOTHING) :]
    if not len(order):
        return
    found, starts = np.unique(inputs[order], return_index=True)
    sums = np.add.reduceat(values.take(order, axis), starts, axis=axis, dtype=values.dtype)
    first, stop = int(found[0]), int(found[-1]) + 1
    spread = np.zeros((*values.shape[:axis], stop - first, *values.shape[axis + 1 :]), dtype=values.dtype)
    spread[at(axis, found - first)] = sums
    yield slice(first, stop), spread
