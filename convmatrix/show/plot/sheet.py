"""Several panels on one Axes, in rows, with signs such as = between them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Label, smallest_label
from convmatrix.show.model.film import Look, Outline, Panel
from convmatrix.show.model.layout import Arrangement, grid
from convmatrix.show.model.printable import printable, wrapped
from convmatrix.show.model.style import HEADING, QUIET, TITLE_LINE, Style
from convmatrix.show.model.typeset import width
from convmatrix.show.plot.cells import blank, draw, put
from convmatrix.show.plot.picture import new_picture

__all__ = ["Looks", "Tile", "draw_tiles", "sheet"]

Looks = Mapping[tuple[int, int], Look] | NDArray[np.uint8]
"""Looks of the cells of a panel, by row and column; or their colours alone."""

_CAPTION_LINES = 6
"""Most lines of a caption below a narrow picture."""


class Tile(NamedTuple):
    """A panel, the looks of its cells, the sign before it, and frames: first row and column, rows and columns."""

    panel: Panel
    looks: Looks
    sign: str = ""
    framed: tuple[tuple[int, int, int, int], ...] = ()


def sheet(
    tiles: Sequence[Tile],
    *,
    style: Style,
    columns: int | None = None,
    title: str = "",
    caption: str = "",
    scale: Tile | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw tiles in rows of some columns.

    Parameters
    ----------
    tiles : sequence of Tile
        The positions of their panels are set here.
    style : Style
    columns : int, optional
        As many as make the cells large by default.
    title, caption : str, optional
        Above and below. A long title is shown on three lines at most; a caption may have several lines.
    scale : Tile, optional
        A colour bar, on the right of all.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> one = {(0, 0): Look("#ffffff", "1")}
    >>> ax = sheet([Tile(Panel("a", "A", "", 1, 1), one), Tile(Panel("b", "B", "", 1, 1), one, "=")], style=Style())
    >>> [text.get_text() for text in ax.texts]
    ['=', 'A', '1', 'B', '1']
    """
    title = printable(title)
    tiles = [_sized(tile) for tile in tiles]
    lines = printable(caption, "caption", lines=True).split("\n") if caption and style.captioned else []
    panels, signs = [tile.panel for tile in tiles], [tile.sign for tile in tiles]

    def placed() -> Arrangement:
        return grid(
            panels,
            signs,
            columns=columns,
            style=style,
            title=title,
            captions=len(lines),
            scale=scale and scale.panel,
        )

    place = placed()
    if place.foot:
        most = place.foot[2] / (QUIET * place.text)
        if max(map(width, lines)) > most:
            lines = [part for line in lines for part in wrapped(line, most, _CAPTION_LINES)]
            place = placed()
    tiles = [*tiles, scale] if scale else tiles
    return draw_tiles(tiles, place, style=style, title=title, lines=lines, ax=ax)


def _sized(tile: Tile) -> Tile:
    """The tile, its panel with the size of its smallest label."""
    if isinstance(tile.looks, np.ndarray):
        return tile
    return tile._replace(panel=tile.panel._replace(label=smallest_label(tile.looks.values())))


def draw_tiles(
    tiles: Sequence[Tile],
    place: Arrangement,
    *,
    style: Style,
    title: str = "",
    lines: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw tiles at the places of an arrangement, in its order."""
    film = place.film({}, {}, (), title=title, style=style)
    inches = place.width * place.cell, place.height * place.cell
    ax = blank(new_picture(*inches, bare=True) if ax is None else ax, place.width, place.height, style)
    put(ax, drawing.ground(film))
    for number, (panel, tile) in enumerate(zip(place.panels, tiles, strict=True)):
        draw(ax, panel, tile.looks, style)
        for other, box in enumerate(tile.framed):
            name = f"{panel.name}-outline" + (f"-{other}" if other else "")
            put(ax, [drawing.outline(film, Outline(number, *box), name)])
    if place.foot and lines:
        x, y, wide = place.foot
        size = min(HEADING * place.text, wide / max(*map(width, lines), 1.0))
        for number, line in enumerate(lines):
            put(
                ax,
                [
                    Label(
                        x, y + number * TITLE_LINE * place.text, size, line, style.colours.ink, name=f"caption-{number}"
                    )
                ],
            )
    return ax
