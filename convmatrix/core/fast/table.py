"""A pattern with all of its rows at one width, as rectangular arrays: what small matrices are made of.

`convmatrix.core.equation` is the reference; this module is faster.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.fast import tuning
from convmatrix.core.fast.per_pattern import once_per_pattern
from convmatrix.core.pattern import Ints, Pattern

__all__ = ["Table", "one_repetition", "row_counts", "table_of"]


@dataclass(frozen=True, eq=False)
class Table:
    """All rows of a pattern, with as many *slots* for entries as the longest row needs.

    Parameters
    ----------
    columns : (n_rows, slots) ndarray of int32
        The column of each slot's entry; 0 where it has none.
    empty : (n_rows, slots) ndarray of bool, or None
        Which slots have no entry; None where all have one.
    symbols : slice or (n_rows, slots) ndarray of int64
        The symbol of each slot's entry. Where every row has its symbols in the same slots, it is a slice of all
        symbols instead.
    n_cols, n_symbols : int
        Number of columns and of symbols of the pattern.

    Examples
    --------
    >>> from convmatrix.core.axis import Axis
    >>> from convmatrix.core.pattern import pattern_of
    >>> table = table_of(pattern_of(Axis(3, 3, before=1, after=1)))
    >>> table.columns
    array([[0, 0, 1],
           [0, 1, 2],
           [1, 2, 0]], dtype=int32)
    >>> table.empty.astype(int)
    array([[1, 0, 0],
           [0, 0, 0],
           [0, 0, 1]])
    >>> table.symbols  # slot t is for tap t
    slice(None, None, None)
    """

    columns: NDArray[np.int32]
    empty: NDArray[np.bool_] | None
    symbols: Ints | slice
    n_cols: int
    n_symbols: int
    _apart: dict[tuple[int, int], NDArray[np.int32]] = field(default_factory=dict)

    def columns_apart(self, step: int, nothing: int) -> NDArray[np.int32]:
        """The columns times `step`, as those of an axis with others inside of it; not to be written to.

        Parameters
        ----------
        step : int
            How far neighbouring columns are apart.
        nothing : int
            Number in slots that have no entry.

        Returns
        -------
        (n_rows, slots) ndarray of int32
        """
        known = self._apart.get((step, nothing))
        if known is None:
            known = self.columns * np.int32(step)
            if self.empty is not None:
                np.putmask(known, self.empty, nothing)
            known.flags.writeable = False
            if len(self._apart) >= tuning.STEPS_KEPT:
                self._apart.clear()
            self._apart[step, nothing] = known
        return known


@once_per_pattern
def table_of(pattern: Pattern) -> Table:
    """The table of a pattern of few entries, whose columns 32 bits can count.

    Parameters
    ----------
    pattern : Pattern

    Returns
    -------
    Table
    """
    rows, cols, symbols = pattern.entries()
    kinds, width = len(pattern.symbols), int(row_counts(pattern).max(initial=0))
    same_row = rows[1:] == rows[:-1]
    # Where every row has its symbols in order, each has a slot of its own, the same one in all rows.
    for slots, order in ((symbols, slice(None)), (kinds - 1 - symbols, slice(None, None, -1))):
        if kinds <= tuning.WIDEST_TABLE * width and (np.diff(slots)[same_row] > 0).all():
            return Table(*_in_slots(rows, slots, cols, (pattern.n_rows, kinds)), order, pattern.n_cols, kinds)
    slots = np.arange(len(rows)) - np.searchsorted(rows, rows)
    by_slot = np.zeros((pattern.n_rows, width), dtype=np.int64)
    by_slot[rows, slots] = symbols
    return Table(*_in_slots(rows, slots, cols, by_slot.shape), by_slot, pattern.n_cols, kinds)


def _in_slots(
    rows: Ints, slots: Ints, cols: Ints, shape: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.bool_] | None]:
    """Columns in their slots, and which slots have none."""
    columns, empty = np.zeros(shape, dtype=np.int32), np.ones(shape, dtype=bool)
    columns[rows, slots] = cols
    empty[rows, slots] = False
    return columns, empty if empty.any() else None


@once_per_pattern
def row_counts(pattern: Pattern) -> NDArray[np.int32]:
    """Number of entries in each row of a pattern, shape (n_rows,)."""
    counts = np.empty(pattern.n_rows, dtype=np.int32)
    first, last = pattern.head.n_rows, pattern.n_rows - pattern.tail.n_rows
    counts[:first] = np.diff(pattern.head.ptr)
    period = pattern.body.n_rows
    if period > pattern.repeats:
        counts[first:last].reshape(pattern.repeats, period)[:] = np.diff(pattern.body.ptr)
    else:
        for row, count in enumerate(np.diff(pattern.body.ptr)):  # not all at once: that would be as many small copies
            counts[first + row : last : period] = count
    counts[last:] = np.diff(pattern.tail.ptr)
    return counts


@once_per_pattern
def one_repetition(pattern: Pattern) -> Pattern:
    """The pattern with its interior once instead of `repeats` times."""
    return replace(pattern, repeats=1)
