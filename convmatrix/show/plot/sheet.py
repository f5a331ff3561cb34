"""Several small pictures on one Axes, in rows, with signs such as = between them."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from convmatrix.show.model.film import HEADING_PLACES, Look, Panel, heading, heading_height, heading_width
from convmatrix.show.model.printable import ems, printable
from convmatrix.show.plot.cells import blank, draw, outline, write, write_heading
from convmatrix.show.plot.picture import new_picture
from convmatrix.show.plot.still import sheet_size

__all__ = ["Looks", "Tile", "sheet", "unit_for"]

Looks = Mapping[tuple[int, int], Look] | NDArray[np.uint8]
"""Looks of the cells of a panel, by row and column; or their colours alone."""

_GAP, _MARGIN = 0.6, 0.35
_SIGN = 0.7
"""Height of a sign."""
_CAPTION = 0.3


class Tile(NamedTuple):
    """A panel, the looks of its cells, the sign before it, and a frame: first row and column, rows and columns."""

    panel: Panel
    looks: Looks
    sign: str = ""
    framed: tuple[int, int, int, int] | None = None


def unit_for(cells: float, most: float = 24.0) -> float:
    """Side of cells so that some in a row are not wider than `most` cells of a map."""
    return min(1.0, most / max(cells, 1))


def sheet(
    tiles: Sequence[Tile], *, columns: int | None = None, title: str = "", caption: str = "", ax: Axes | None = None
) -> Axes:
    """Draw tiles in rows of some columns.

    Parameters
    ----------
    tiles : sequence of Tile
        The positions of their panels are set here.
    columns : int, optional
        All in one row by default.
    title, caption : str, optional
        Above and below. A long title is shown on three lines at most; a caption may have several lines.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = sheet([Tile(Panel("a", "A", 1, 1), {(0, 0): Look("#ffffff", "1")}),
    ...             Tile(Panel("b", "B", 1, 1), {(0, 0): Look("#ffffff", "1")}, "=")])
    >>> [text.get_text() for text in ax.texts]
    ['A', '1', 'B', '1', '=']
    """
    columns = columns or len(tiles)
    stacks = [tiles[col::columns] for col in range(min(columns, len(tiles)))]
    sign_widths = [max(map(_sign_width, stack)) for stack in stacks]
    wides = [sign + max(tile.panel.wide for tile in stack) for sign, stack in zip(sign_widths, stacks, strict=True)]
    talls = [max(tile.panel.tall for tile in tiles[row : row + columns]) for row in range(0, len(tiles), columns)]
    lefts = [_MARGIN, *(_MARGIN + end + _GAP * number for number, end in enumerate(accumulate(wides), start=1))]
    lines = printable(caption, "caption", lines=True).split("\n") if caption else []
    texts = [ems(line) * _CAPTION for line in lines]
    titled = heading(printable(title), max([lefts[-1] - _GAP - _MARGIN, *texts]))
    texts += map(heading_width, titled)
    header = heading_height(titled)
    tops = [_MARGIN + header, *(_MARGIN + header + end + _GAP * n for n, end in enumerate(accumulate(talls), start=1))]
    wide = max([lefts[-1] - _GAP, *(_MARGIN + text for text in texts)]) + _MARGIN
    shift = (wide - (lefts[-1] - _GAP + _MARGIN)) / 2
    tall = tops[-1] - _GAP + _MARGIN + 1.5 * _CAPTION * len(lines)
    ax = blank(new_picture(*sheet_size(wide, tall), bare=True) if ax is None else ax, wide, tall)
    write_heading(ax, wide / 2, zip(HEADING_PLACES, titled, strict=False))
    for number, tile in enumerate(tiles):
        row, col = divmod(number, columns)
        top = tops[row] + (talls[row] - tile.panel.tall) / 2
        _place(ax, tile, lefts[col] + shift + sign_widths[col], top)
        if tile.sign:
            between = sign_widths[col] + (_GAP if col else 0.0)
            middle = top + tile.panel.top + tile.panel.rows * tile.panel.unit / 2
            write(
                ax, lefts[col] + shift + sign_widths[col] - between / 2, middle, _SIGN, tile.sign, gid=f"sign-{number}"
            )
    for number, line in enumerate(lines):
        y = tall - _MARGIN - (1.5 * (len(lines) - 1 - number) + 0.2) * _CAPTION
        write(ax, wide / 2, y, _CAPTION, line, gid=f"caption-{number}")
    return ax


def _sign_width(tile: Tile) -> float:
    """Width that the sign takes."""
    return ems(tile.sign) * _SIGN + 0.5 if tile.sign else 0.0


def _place(ax: Axes, tile: Tile, left: float, top: float) -> None:
    """Draw a tile, its corner there."""
    panel = tile.panel._replace(x=left + tile.panel.left, y=top + tile.panel.top)
    draw(ax, panel, tile.looks)
    if tile.framed:
        outline(ax, panel, tile.framed, f"{panel.name}-outline")
