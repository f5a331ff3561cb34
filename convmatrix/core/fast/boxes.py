"""Consecutive rows of a matrix as boxes: some channels by some rows of each axis, one box for all rows, few for any."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from numpy.typing import NDArray

from convmatrix.core.fast.entries import Level, levels_of
from convmatrix.core.pattern import Pattern

__all__ = ["Box", "boxes_of", "index_ranges"]


@dataclass(frozen=True, eq=False)
class Box:
    """Consecutive rows of the matrix that are themselves rows of some channels by rows of each axis.

    Parameters
    ----------
    patterns : sequence of Pattern
        One for each axis, outermost first.
    weight : (row_channels, col_channels_per_group, *number_of_symbols) ndarray
        That of these channels.
    groups : int
        Number of groups that they belong to.
    first_col : int
        The column of the matrix where the columns of their groups begin.
    """

    patterns: Sequence[Pattern]
    weight: NDArray[Any]
    groups: int
    first_col: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.weight) * prod(pattern.n_rows for pattern in self.patterns)

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return prod(self.weight.shape[:2]) * prod(pattern.nnz for pattern in self.patterns)

    @cached_property
    def levels(self) -> list[Level]:
        """Its axes, outermost first."""
        return levels_of(self.patterns)


def boxes_of(
    patterns: Sequence[Pattern], weight: NDArray[Any], groups: int, rows: range | None = None
) -> Iterator[Box]:
    """The boxes that a matrix consists of, or some of its rows.

    Parameters
    ----------
    patterns, weight, groups, rows
        As for `convmatrix.core.fast.assembly.assemble`.

    Yields
    ------
    Box
        In order.
    """
    if rows is None:
        yield Box(patterns, weight, groups, 0)
        return
    per_group = len(weight) // groups
    cols = weight.shape[1] * prod(pattern.n_cols for pattern in patterns)
    shape = (groups, per_group, *(pattern.n_rows for pattern in patterns))
    for (group, last_group), (first, last), *ranges in index_ranges(shape, rows.start, rows.stop):
        channels = weight[group * per_group + first : (last_group - 1) * per_group + last]
        parts = [pattern.part(start, stop) for pattern, (start, stop) in zip(patterns, ranges, strict=True)]
        yield Box(parts, channels, last_group - group, group * cols)


def index_ranges(shape: tuple[int, ...], start: int, stop: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Consecutive flat indices of an array as products of ranges.

    Parameters
    ----------
    shape : tuple of int
    start, stop : int
        The flat indices from `start` to `stop`, in C order.

    Yields
    ------
    tuple of (int, int)
        A range of indices for each axis; in order, and none where there are no indices.

    Examples
    --------
    >>> list(index_ranges((3, 4), 2, 9))  # what is left of row 0, all of row 1, and the start of row 2
    [((0, 1), (2, 4)), ((1, 2), (0, 4)), ((2, 3), (0, 1))]
    """
    if start == stop:
        return
    if not shape:
        yield ()
        return
    inner = prod(shape[1:])
    (first, above), (last, below) = divmod(start, inner), divmod(stop, inner)
    if above and first < last:
        yield from (((first, first + 1), *rest) for rest in index_ranges(shape[1:], above, inner))
        first, above = first + 1, 0
    if first < last:
        yield ((first, last), *((0, size) for size in shape[1:]))
    yield from (((last, last + 1), *rest) for rest in index_ranges(shape[1:], above if first == last else 0, below))
