"""Blocks: runs of entries that are written again and again, as they are (values) or moved on each time (columns).

`convmatrix.core.equation` is the reference; this module is faster.

Where the rows of an axis repeat, so do all entries of the matrix in them. They are worked out once, as a block of
cells, and written to each of its places. A block of two cells, ``a b``, start 3, offset 1, period 4 and 3 repeats::

    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14
    .  .  .  .  a  b  .  .  a  b  .  .  a  b  .
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.fast import tuning

__all__ = ["Block", "CopiedBlock", "Place", "ShiftedBlock"]

Array = NDArray[Any]


class Place(NamedTuple):
    """Positions of a block and its repetitions among the entries of a row channel."""

    start: int
    """Start of the first period."""
    offset: int
    """Start of the block within a period."""
    period: int
    """Entries from one repetition to the next."""
    repeats: int = 1
    """Number of repetitions."""

    def view(self, out: Array, length: int) -> Array:
        """The part of an array that a block fills.

        Parameters
        ----------
        out : (channels, entries) ndarray
        length : int
            Entries of the block.

        Returns
        -------
        (channels, repeats, length) ndarray

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

    @abstractmethod
    def write(self, out: Array) -> None:
        """Write all repetitions into `out`, shape (channels, entries of a channel)."""

    @abstractmethod
    def of_channels(self, channels: slice) -> Self:
        """The block of some channels."""

    def write_unrolled(self, out: Array) -> None:
        """Write all repetitions, several of them at a time where this is faster."""
        if self.place.repeats * self.cells.shape[1] > tuning.BLOCK_ENTRIES:
            for block in self.unrolled(tuning.BLOCK_ENTRIES):
                block.write(out)
        else:
            self.write(out)

    def unrolled(self, entries: int) -> Iterator[Self]:
        """Yield the same entries in longer blocks, which are written faster."""
        channels, length = self.cells.shape
        start, _, period, repeats = self.place
        times = min(-(-entries // max(length, 1)), repeats)
        if times < 2 or length < period:
            yield self
            return
        cells = np.empty((channels, times * length), dtype=self.cells.dtype)
        self._at(Place(0, 0, period, times), self.cells).write(cells)
        whole, rest = divmod(repeats, times)
        longer = times * period
        yield self._at(Place(start, 0, longer, whole), cells, times=times)
        if rest:
            place = Place(start + whole * longer, 0, rest * period)
            yield self._at(place, cells[:, : rest * period], skipped=whole * times)

    @abstractmethod
    def _at(self, place: Place, cells: Array, *, times: int = 1, skipped: int = 0) -> Self:
        """A block of `times` repetitions of this one at another place, after so many that are `skipped`.

        The cells are those of repetitions from the first one on.
        """


class CopiedBlock(Block):
    """A block whose repetitions are all the same, as the values of a matrix are."""

    __slots__ = ()

    def write(self, out: Array) -> None:
        """Write all repetitions into `out`, shape (channels, entries of a channel)."""
        cells, place = self.cells, self.place
        length = cells.shape[1]
        if place.repeats == 1:
            begin = place.start + place.offset
            out[:, begin : begin + length] = cells
        else:
            np.copyto(place.view(out, length), cells[:, None, :])

    def of_channels(self, channels: slice) -> "CopiedBlock":
        """The block of some channels."""
        return CopiedBlock(self.cells[channels], self.place)

    def _at(self, place: Place, cells: Array, *, times: int = 1, skipped: int = 0) -> "CopiedBlock":
        return CopiedBlock(cells, place)


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
        cells, place = self.cells, self.place
        length = cells.shape[1]
        if place.repeats == 1 and self.first is None:
            begin = place.start + place.offset
            out[:, begin : begin + length] = cells
            return
        shifts = (np.arange(place.repeats)[:, None] * self.shift).astype(cells.dtype)  # shape (repeats, 1)
        np.add(cells[:, None, :], shifts if self.first is None else self.first + shifts, out=place.view(out, length))

    def of_channels(self, channels: slice) -> "ShiftedBlock":
        """The block of some channels, all of which have the same cells."""
        first = None if self.first is None else self.first[channels]
        return ShiftedBlock(self.cells, self.place, self.shift, first)

    def moved_on(self, first: Array) -> "ShiftedBlock":
        """The block with so much added in each channel, shape (channels, 1, 1)."""
        return ShiftedBlock(self.cells, self.place, self.shift, first)

    def _at(self, place: Place, cells: Array, *, times: int = 1, skipped: int = 0) -> "ShiftedBlock":
        if skipped and self.shift:
            cells = cells + cells.dtype.type(skipped * self.shift)
        return ShiftedBlock(cells, place, times * self.shift)
