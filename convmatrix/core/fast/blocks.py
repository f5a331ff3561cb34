"""Blocks: runs of entries that are written again and again, as they are (values) or moved on each time (columns).

Correct is `convmatrix.core.equation`; this is the same, faster.

Where the rows of an axis repeat, so do all entries of the matrix in them. They are worked out once, as a block of cells,
and written to each of its places. A block of the two cells ``a b`` with start 3, period 4, offset 1 and 3 repeats::

    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14
    .  .  .  .  a  b  .  .  a  b  .  .  a  b  .
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.fast import tuning

__all__ = ["Block", "CopiedBlock", "Place", "ShiftedBlock"]

Array = NDArray[Any]


class Place(NamedTuple):
    """Where a block is written within the entries of a row channel."""

    start: int
    """Where the first period begins."""
    offset: int
    """Where the block begins within a period."""
    period: int
    """Entries from one repetition to the next."""
    repeats: int = 1
    """Number of repetitions."""

    def view(self, out: Array, length: int) -> Array:
        """The part of `out`, shape (channels, entries), that a block of some length fills: (channels, repeats, length).

        Examples
        --------
        >>> Place(start=3, offset=1, period=4, repeats=3).view(np.arange(16)[None, :], 2).tolist()
        [[[4, 5], [8, 9], [12, 13]]]
        """
        periods = out[:, self.start : self.start + self.repeats * self.period]
        return periods.reshape(len(out), self.repeats, self.period)[..., self.offset : self.offset + length]


@dataclass(slots=True, eq=False)
class Block(ABC):
    """Cells, and where they are written.

    Parameters
    ----------
    cells : (channels, entries) ndarray
        A block that is written into many channels may have one for all of them.
    place : Place
    """

    cells: Array
    place: Place

    @property
    def length(self) -> int:
        """Number of entries of one repetition."""
        length: int = self.cells.shape[1]
        return length

    @abstractmethod
    def write(self, out: Array) -> None:
        """Write all repetitions into `out`, shape (channels, entries of a channel)."""

    @abstractmethod
    def of_channels(self, channels: slice) -> Self:
        """The block of some channels."""

    @abstractmethod
    def from_repetition(self, number: int, cells: Array, place: Place) -> Self:
        """A block of cells that were taken at the start, for a place that begins at a later repetition."""

    def write_unrolled(self, out: Array) -> None:
        """Write all repetitions, of several repetitions at a time where there are so many that this is worth it."""
        if self.place.repeats * self.length > tuning.BLOCK_ENTRIES:
            for block in self.unrolled(tuning.BLOCK_ENTRIES):
                block.write(out)
        else:
            self.write(out)

    def unrolled(self, entries: int) -> Iterator[Self]:
        """The same entries in blocks of about so many, or more: long enough to be written fast."""
        start, _, period, repeats = self.place
        times = min(-(-entries // max(self.length, 1)), repeats)
        if times < 2 or self.length < period:
            yield self
            return
        cells = np.empty((len(self.cells), times * period), dtype=self.cells.dtype)
        self.from_repetition(0, self.cells, Place(0, 0, period, times)).write(cells)
        whole, rest = divmod(repeats, times)
        yield self._longer(cells, Place(start, 0, times * period, whole), times)
        if rest:
            place = Place(start + whole * times * period, 0, rest * period)
            yield self.from_repetition(whole * times, cells[:, : rest * period], place)

    @abstractmethod
    def _longer(self, cells: Array, place: Place, times: int) -> Self:
        """A block whose cells are those of so many repetitions of this one."""


@dataclass(slots=True, eq=False)
class CopiedBlock(Block):
    """A block whose repetitions are all the same, as the values of a matrix are."""

    def write(self, out: Array) -> None:
        """Write all repetitions into `out`, shape (channels, entries of a channel)."""
        if self.place.repeats == 1:
            begin = self.place.start + self.place.offset
            out[:, begin : begin + self.length] = self.cells
        else:
            np.copyto(self.place.view(out, self.length), self.cells[:, None, :])

    def of_channels(self, channels: slice) -> Self:
        """The block of some channels."""
        return replace(self, cells=self.cells[channels])

    def from_repetition(self, number: int, cells: Array, place: Place) -> Self:
        """A block of cells that were taken at the start, for a place that begins at a later repetition."""
        return replace(self, cells=cells, place=place)

    def _longer(self, cells: Array, place: Place, times: int) -> Self:
        return replace(self, cells=cells, place=place)


@dataclass(slots=True, eq=False)
class ShiftedBlock(Block):
    """A block that each repetition adds `shift` to, as to the columns of a matrix, or to the ends of its rows.

    Parameters
    ----------
    cells : (channels or 1, entries) ndarray of integers
    place : Place
    shift : int
    first : (channels, 1, 1) ndarray of integers, optional
        What is added to all cells of each channel.
    """

    shift: int
    first: Array | None = None

    def write(self, out: Array) -> None:
        """Write all repetitions into `out`, shape (channels, entries of a channel)."""
        if self.place.repeats == 1 and self.first is None:
            begin = self.place.start + self.place.offset
            out[:, begin : begin + self.length] = self.cells
            return
        shifts = (np.arange(self.place.repeats)[:, None] * self.shift).astype(self.cells.dtype)  # shape (repeats, 1)
        added = shifts if self.first is None else self.first + shifts
        np.add(self.cells[:, None, :], added, out=self.place.view(out, self.length))

    def of_channels(self, channels: slice) -> Self:
        """The block of some channels, all of which have the same cells."""
        return self if self.first is None else replace(self, first=self.first[channels])

    def from_repetition(self, number: int, cells: Array, place: Place) -> Self:
        """A block of cells that were taken at the start, for a place that begins at a later repetition."""
        moved = cells + cells.dtype.type(number * self.shift) if number * self.shift else cells
        return replace(self, cells=moved, place=place)

    def moved_on(self, first: Array) -> Self:
        """The block with so much added in each channel, shape (channels, 1, 1)."""
        return replace(self, first=first)

    def _longer(self, cells: Array, place: Place, times: int) -> Self:
        return replace(self, cells=cells, place=place, shift=times * self.shift)
