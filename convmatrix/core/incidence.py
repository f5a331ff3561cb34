"""Which outputs of an axis read which inputs, through which taps: arrays of triples, by output or by input.

The table of an axis has a cell for every output and tap, most of them empty where the input is dilated or the padding
is wide. Here are the cells that read an input, and they take memory for no others.
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
    """Triples: the row number `row` of those that were given has column `col` through tap `tap`."""

    row: Ints
    col: Ints
    tap: Ints


def inputs_read(axis: Axis, outputs: Ints) -> Incidences:
    """Which inputs some outputs read: rows are outputs, columns inputs.

    Parameters
    ----------
    axis : Axis
    outputs : (n,) ndarray of int64

    Returns
    -------
    Incidences
        Sorted by row; `row` counts the given outputs, from 0 to n - 1.

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
    """Which outputs read some inputs: rows are inputs, columns outputs.

    Parameters
    ----------
    axis : Axis
    inputs : (n,) ndarray of int64
    border : Incidences
        What `border_reads` returns for the axis; it serves any number of calls.

    Returns
    -------
    Incidences
        `row` counts the given inputs, from 0 to n - 1.

    Examples
    --------
    >>> axis = Axis(3, 3, before=1, after=1, mode="replicate")
    >>> for triple in zip(*outputs_reading(axis, np.array([0]), border_reads(axis)), strict=True):
    ...     print("row %d is read by output %d through tap %d" % triple)
    row 0 is read by output 1 through tap 0
    row 0 is read by output 0 through tap 1
    row 0 is read by output 0 through tap 0
    """
    # Where an input itself stands, tap t brings it to output (i*a + before - t*d) / s.
    first, last = -axis.before, (axis.output_size - 1) * axis.stride
    row, col, tap = _multiples_within(first - inputs * axis.input_dilation, axis, (-last, 0), axis.stride)
    if not len(border.row):
        return Incidences(row, -col, tap)
    start, stop = (np.searchsorted(border.row, inputs, side) for side in ("left", "right"))
    copied, read = _joined_ranges(start, stop - start)
    columns = np.concatenate([-col, border.col[read]])
    return Incidences(np.concatenate([row, copied]), columns, np.concatenate([tap, border.tap[read]]))


def border_reads(axis: Axis) -> Incidences:
    """Which inputs are read beyond the ends, where the padding mode has copied them: rows are inputs, columns outputs.

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
    read = axis.extend(output * axis.stride + through * axis.dilation - axis.before)
    order = np.argsort(read, kind="stable")
    return Incidences(read[order], output[order], through[order])


def composed(first: Incidences, second: Callable[[Ints], Incidences], kernel_size: int) -> Incidences:
    """Which rows of `first` have a column in common with which others, through which pairs of taps.

    Parameters
    ----------
    first : Incidences
    second : callable
        Takes the columns of `first` as its rows.
    kernel_size : int

    Returns
    -------
    Incidences
        Rows of `first`, columns of `second`; the taps t of the one and u of the other are ``t * kernel_size + u``.
    """
    between, col, tap = second(first.col)
    return Incidences(first.row[between], col, first.tap[between] * kernel_size + tap)


def _multiples_within(starts: Ints, axis: Axis, bounds: tuple[int, int], divisor: int) -> Incidences:
    """Where start + tap*dilation is a multiple of `divisor` within bounds: number of the start, quotient, and tap."""
    # It takes as much memory as there are triples, not that of a table of all starts and taps.
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
    """The ranges from `starts` on, one after the other: for each number in them, that of its range, and itself."""
    # Starts (5, 8) and counts (2, 3) give the ranges (0, 0, 1, 1, 1) and the numbers (5, 6, 8, 9, 10).
    own = np.repeat(np.arange(len(counts)), counts)
    return own, np.arange(len(own)) + np.repeat(starts - np.cumsum(counts) + counts, counts)
