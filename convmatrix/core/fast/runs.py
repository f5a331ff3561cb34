"""The entries of a pattern as runs: arithmetic progressions of rows and columns, each applied by one slice.

`convmatrix.core.equation` is the reference; this module is faster.
"""

from collections.abc import Iterator
from typing import NamedTuple

from convmatrix.core.fast.per_pattern import once_per_pattern
from convmatrix.core.pattern import Pattern

__all__ = ["Run", "runs_of"]


class Run(NamedTuple):
    """Entries of one symbol in arithmetic progression: (row + j*row_step, col + j*col_step) for j in range(length)."""

    row: int
    col: int
    row_step: int
    col_step: int
    length: int

    def followed_by(self, other: "Run") -> "Run | None":
        """The two runs as one, or None where they do not continue each other."""
        step = (other.row - self.row, other.col - self.col) if self.length == 1 else (self.row_step, self.col_step)
        continues = (self.row + self.length * step[0], self.col + self.length * step[1]) == (other.row, other.col)
        if not continues or (other.length > 1 and (other.row_step, other.col_step) != step):
            return None
        return Run(self.row, self.col, *step, self.length + other.length)

    def row_slice(self) -> slice:
        """The rows as a slice; of length 1 where all entries share one row."""
        return _slice(self.row, self.row_step, self.length)

    def col_slice(self) -> slice:
        """The columns as a slice; of length 1 where all entries share one column."""
        return _slice(self.col, self.col_step, self.length)


def _slice(start: int, step: int, count: int) -> slice:
    if step == 0:
        return slice(start, start + 1)
    stop = start + step * count
    return slice(start, None if stop < 0 else stop, step)


@once_per_pattern
def runs_of(pattern: Pattern) -> tuple[tuple[int, Run], ...]:
    """Every entry of a pattern once, as runs: what an operator applies without a matrix.

    Parameters
    ----------
    pattern : Pattern

    Returns
    -------
    tuple of (int, Run)
        The symbol of each run, and the run; those of one symbol follow each other.

    Examples
    --------
    >>> from convmatrix.core.axis import Axis
    >>> from convmatrix.core.pattern import pattern_of
    >>> for symbol, run in runs_of(pattern_of(Axis(7, 2, before=1))):
    ...     print(symbol, run)
    1 Run(row=0, col=0, row_step=1, col_step=1, length=7)
    0 Run(row=1, col=0, row_step=1, col_step=1, length=6)
    """
    by_symbol: dict[int, list[Run]] = {}
    for symbol, run in _unjoined(pattern):
        runs = by_symbol.setdefault(symbol, [])
        longer = runs[-1].followed_by(run) if runs else None
        if longer is None:
            runs.append(run)
        else:
            runs[-1] = longer
    return tuple((symbol, run) for symbol, runs in by_symbol.items() for run in runs)


def _unjoined(pattern: Pattern) -> Iterator[tuple[int, Run]]:
    """A run for each entry of the border rows and of the rows that repeat."""
    for row, col, symbol in pattern.head.entries():
        yield symbol, Run(row, col, 1, 1, 1)
    if pattern.repeats:
        for row, col, symbol in pattern.body.entries():
            yield symbol, Run(pattern.head.n_rows + row, col, pattern.body.n_rows, pattern.shift, pattern.repeats)
    first = pattern.n_rows - pattern.tail.n_rows
    for row, col, symbol in pattern.tail.entries():
        yield symbol, Run(first + row, col, 1, 1, 1)
