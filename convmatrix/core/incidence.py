"""Incidences of an axis: (output, input, tap) triples of all reads, by output or by input.

`Axis.table` has an entry for each output and tap. Most of them read a zero where the input is dilated or the padding is
wide. The functions of this module find the other ones only, and take memory for no more than these.
"""

from collections.abc import Callable
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import NOTHING, Axis

__all__ = ["Incidences", "border_reads", "composed", "inputs_read", "outputs_reading"]

Ints = NDArray[np.int64]


class Incidences(NamedTuple):
    """Arrays of (row, column, tap) triples; `row` is an index into the outputs or inputs passed to the function."""

    row: Ints
    col: Ints
    tap: Ints


def inputs_read(axis: Axis, outputs: Ints) -> Incidences:
    """Return the inputs that the given outputs read: rows are outputs, columns are inputs.

    Parameters
    ----------
    axis : Axis
    outputs : (n,) ndarray of int64

    Returns
    -------
    Incidences
        Sorted by row, an index into `outputs`.

    Examples
    --------
    >>> for triple in zip(*inputs_read(Axis(5, 3, stride=2, before=1, after=1), np.array([0, 2])), strict=True):
    ...     print("row %d reads input %d through tap %d" % triple)
    row 0 reads input 0 through tap 1
    row 0 reads input 1 through tap 2
    row 1 reads input 3 through tap 0
    row 1 reads input 4 through tap 1
    """
    if axis.mode == "zeros":
        first, last = -axis.before, axis.dilated_size - 1
        return _multiples_within(outputs * axis.stride + first, axis, (0, last), axis.input_dilation)
    inputs = axis.extend(axis.positions(outputs))
    row, tap = np.nonzero(inputs != NOTHING)
    return Incidences(row, inputs[row, tap], tap)


def outputs_reading(axis: Axis, inputs: Ints, border: Incidences) -> Incidences:
    """Return the outputs that read the given inputs: rows are inputs, columns are outputs.

    Parameters
    ----------
    axis : Axis
    inputs : (n,) ndarray of int64
    border : Incidences
        Result of `border_reads` for the axis.

    Returns
    -------
    Incidences
        Not sorted; `row` is an index into `inputs`.

    Examples
    --------
    >>> axis = Axis(3, 3, before=1, after=1, mode="replicate")
    >>> for triple in zip(*outputs_reading(axis, np.array([0]), border_reads(axis)), strict=True):
    ...     print("row %d is read by output %d through tap %d" % triple)
    row 0 is read by output 1 through tap 0
    row 0 is read by output 0 through tap 1
    row 0 is read by output 0 through tap 0
    """
    # Without padding, tap t of output (i*a + before - t*d) / s reads input i.
    first, last = -axis.before, (axis.output_size - 1) * axis.stride
    row, col, tap = _multiples_within(first - inputs * axis.input_dilation, axis, (-last, 0), axis.stride)
    if not len(border.row):
        return Incidences(row, -col, tap)
    start, stop = (np.searchsorted(border.row, inputs, side) for side in ("left", "right"))
    copy_row, entry = _joined_ranges(start, stop - start)
    columns = np.concatenate([-col, border.col[entry]])
    return Incidences(np.concatenate([row, copy_row]), columns, np.concatenate([tap, border.tap[entry]]))


def border_reads(axis: Axis) -> Incidences:
    """Return the reads of inputs that the padding repeats beyond the ends: rows are inputs, columns are outputs.

    Parameters
    ----------
    axis : Axis

    Returns
    -------
    Incidences
        Sorted by row, the number of the input; empty for padding mode ``zeros``.

    Examples
    --------
    >>> border_reads(Axis(3, 3, before=1, after=1, mode="replicate"))
    Incidences(row=array([0, 2]), col=array([0, 2]), tap=array([0, 2]))
    """
    if axis.mode == "zeros":
        none = np.zeros(0, dtype=np.int64)
        return Incidences(none, none, none)
    outputs, taps = [], []
    for tap in range(axis.kernel_size):
        start = tap * axis.dilation - axis.before
        below = min(max(-(start // axis.stride), 0), axis.output_size)
        above = min(max(-((start - axis.input_size) // axis.stride), below), axis.output_size)
        outputs += [np.arange(below), np.arange(above, axis.output_size)]
        taps.append(np.full(below + axis.output_size - above, tap))
    output, through = np.concatenate(outputs), np.concatenate(taps)
    inputs = axis.extend(output * axis.stride + through * axis.dilation - axis.before)
    order = np.argsort(inputs, kind="stable")
    return Incidences(inputs[order], output[order], through[order])


def composed(first: Incidences, second: Callable[[Ints], Incidences], kernel_size: int) -> Incidences:
    """Connect rows that have a column in common, as in the product of two sparse matrices.

    Parameters
    ----------
    first : Incidences
    second : callable
        Returns the incidences of given rows, which are the columns of `first`.
    kernel_size : int

    Returns
    -------
    Incidences
        Rows of `first`, columns of `second`; tap t of `first` and tap u of `second` become ``t * kernel_size + u``.
    """
    between, col, tap = second(first.col)
    return Incidences(first.row[between], col, first.tap[between] * kernel_size + tap)


def _multiples_within(starts: Ints, axis: Axis, bounds: tuple[int, int], divisor: int) -> Incidences:
    """Find the multiples start + tap*dilation of `divisor` within bounds: rows are starts, columns are quotients."""
    # The memory is proportional to the number of triples, not to that of all starts and taps.
    low, high = bounds
    first = np.maximum(-((starts - low) // axis.dilation), 0)
    stop = np.minimum((high - starts) // axis.dilation + 1, axis.kernel_size)
    step = 1
    if divisor > 1:
        common = gcd(axis.dilation, divisor)
        step = divisor // common
        # tap * dilation = -start (mod divisor)
        quotients, remainders = np.divmod(-starts, common)
        inverse = pow(axis.dilation // common, -1, step)
        wide = quotients.astype(object) if step > _LARGEST_MODULUS else quotients
        solutions = (wide % step * inverse % step).astype(np.int64)
        first += (solutions - first) % step
        stop[remainders != 0] = 0
    row, number = _joined_ranges(np.zeros_like(first), np.maximum(-((first - stop) // step), 0))
    tap = first[row] + number * step
    return Incidences(row, (starts[row] + tap * axis.dilation) // divisor, tap)


_LARGEST_MODULUS = 2**31
"""Residues of a larger modulus have products beyond 64 bits."""


def _joined_ranges(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Concatenate the ranges of `counts` numbers from `starts` on; return the index of the range, and the number."""
    # Starts (5, 8) and counts (2, 3) give the ranges (0, 0, 1, 1, 1) and the numbers (5, 6, 8, 9, 10).
    own = np.repeat(np.arange(len(counts)), counts)
    return own, np.arange(len(own)) + np.repeat(starts - np.cumsum(counts) + counts, counts)
