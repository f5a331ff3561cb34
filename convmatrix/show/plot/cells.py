"""Panels of cells on matplotlib axes, whose units are the cells' own: colours, text that stays in its cell, rulers.

Artists have gids: a cell its panel's name, row and column (``matrix-0-15``), what is written in it that and ``-text``
or ``-note``; ``matrix-title``, ``matrix-frame``, ``matrix-rulers``. A panel whose cells are too small to be labelled is
one image, ``matrix-cells``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from convmatrix.show.model.film import (
    FAINT,
    GRID,
    HEADING_SIZE,
    LINE,
    PAPER,
    TITLE_SIZE,
    Look,
    Panel,
    lines_of,
    note_size,
    text_size,
)
from convmatrix.show.model.palette import WINDOW, ink_on, rgb
from convmatrix.show.model.printable import printable
from convmatrix.show.render.lettering import FONT, in_font

__all__ = ["SizedText", "blank", "box", "cell", "draw", "draw_rulers", "image", "outline", "write", "write_heading"]


def blank(ax: Axes, wide: float, tall: float) -> Axes:
    """Set up empty axes with y downwards; the unit is the side of a map's cell."""
    ax.set(xlim=(0, wide), ylim=(tall, 0), aspect="equal")
    ax.set_axis_off()
    return ax


def draw(ax: Axes, panel: Panel, looks: Mapping[tuple[int, int], Look] | NDArray[np.uint8]) -> None:
    """Draw a panel with its title and names: cells by their looks, or by their colours (rows, cols, 3 or 4)."""
    write(ax, panel.x, panel.title_y, TITLE_SIZE, panel.title, gid=f"{panel.name}-title", ha="left")
    for x, y, name, anchor in panel.names():
        write(ax, x, y, panel.name_size, name, ha="right" if anchor == "end" else "center")
    box(ax, panel, (0, 0, panel.rows, panel.cols), gid=f"{panel.name}-frame", edgecolor=GRID, linewidth=0.6)
    if isinstance(looks, np.ndarray):
        image(ax, panel, looks)
    elif panel.labelled:
        for (row, col), look in looks.items():
            cell(ax, panel, (row, col), look)
    else:
        image(ax, panel, _pixels(panel, looks))
    draw_rulers(ax, panel)


def cell(ax: Axes, panel: Panel, place: tuple[int, int], look: Look, gid: str = "") -> None:
    """Draw one cell, with its text."""
    gid = gid or "-".join(map(str, (panel.name, *place)))
    box(ax, panel, (*place, 1, 1), gid=gid, facecolor=look.paper, edgecolor=GRID, linewidth=0.6)
    (x, y), unit = panel.at(*place), panel.unit
    ink = FAINT if look.faint else ink_on(look.paper)
    # One artist for all lines, so that what is read back is the whole text.
    write(
        ax,
        x + unit / 2,
        y + unit * (0.42 if look.note else 0.5),
        text_size(look.text) * unit,
        "\n".join(lines_of(look.text)),
        gid=f"{gid}-text",
        color=ink,
        linespacing=LINE,
    )
    write(
        ax,
        x + 0.95 * unit,
        y + 0.82 * unit,
        note_size(look.note) * unit,
        look.note,
        gid=f"{gid}-note",
        color=ink,
        ha="right",
    )


def image(ax: Axes, panel: Panel, pixels: NDArray[np.uint8]) -> None:
    """Colours (rows, cols, 3 or 4) on the place of a panel, which they fill however many they are."""
    (left, top), (right, bottom) = panel.at(0, 0), panel.at(panel.rows, panel.cols)
    # Without interpolation a file holds the pixels as they are, few and sharp.
    artist = AxesImage(
        ax, extent=(left, right, bottom, top), interpolation="none", zorder=0.9, gid=f"{panel.name}-cells"
    )
    artist.set_data(pixels)
    # Not `imshow`, which sets the limits and the aspect of the axes.
    ax.add_image(artist)
    artist.set_clip_path(ax.patch)


def _pixels(panel: Panel, looks: Mapping[tuple[int, int], Look]) -> NDArray[np.uint8]:
    pixels = np.full((panel.rows, panel.cols, 3), rgb(PAPER), dtype=np.uint8)
    for place, look in looks.items():
        pixels[place] = rgb(look.paper)
    return pixels


def draw_rulers(ax: Axes, panel: Panel, *, faint: bool = False) -> None:
    """Lines between image rows and, bold, between channels; many lines between image rows lie below the rest."""
    lines, widths = [], []
    for across, at, bold in sorted(panel.rulers(), key=lambda ruler: ruler[2]):  # bold ones last, above the others
        ends = ((at, 0), (at, panel.cols)) if across else ((0, at), (panel.rows, at))
        lines.append([panel.at(*end) for end in ends])
        widths.append(1.6 if bold else 0.8)
    if lines:
        colours = [GRID if faint and width < 1 else "black" for width in widths]
        ax.add_artist(
            LineCollection(
                lines, colors=colours, linewidths=widths, zorder=0.8 if faint else 2.5, gid=f"{panel.name}-rulers"
            )
        )


def outline(ax: Axes, panel: Panel, place: tuple[int, int, int, int], gid: str) -> None:
    """Frame some cells: first row, first column, rows and columns."""
    box(ax, panel, place, gid=gid, edgecolor=WINDOW, linewidth=2.5 if panel.labelled else 1.2, zorder=3, clip_on=False)


def box(ax: Axes, panel: Panel, place: tuple[int, int, int, int], **looks: Any) -> None:
    """Draw a rectangle: first row, first column, rows and columns; filled if it has a facecolor."""
    row, col, rows, cols = place
    looks.setdefault("fill", "facecolor" in looks)
    ax.add_artist(Rectangle(panel.at(row, col), cols * panel.unit, rows * panel.unit, **looks))


def write(ax: Axes, x: float, y: float, size: float, text: str, *, ha: str = "center", **looks: Any) -> None:
    """Write text, its middle at y; nothing in it is markup."""
    text = in_font(printable(text, "text", lines=True))
    if text:
        ax.add_artist(SizedText(x, y, text, size=size, ha=ha, va="center_baseline", **looks))


def write_heading(ax: Axes, x: float, lines: Iterable[tuple[float, str]]) -> None:
    """Write the lines of a title, whose gids are ``title``, ``title-1`` and so on."""
    for number, (y, line) in enumerate(lines):
        write(ax, x, y, HEADING_SIZE, line, gid=f"title-{number}" if number else "title", weight="bold")


class SizedText(Text):
    """Text whose height is a length on its axes: it grows and shrinks with them, so that it stays in its cell."""

    def __init__(self, x: float, y: float, text: str, *, size: float, **looks: Any) -> None:
        # No text is markup: a title may have a dollar sign. The sizes are made for this font.
        super().__init__(x, y, text, parse_math=False, usetex=False, family=FONT, **looks)
        self._height = size
        # It lies within the axes; a layout that asks for its extent would find it at a size that is not final.
        self.set_in_layout(False)

    def _fit(self) -> None:
        if self.axes is not None and self.figure is not None:
            (_, low), (_, high) = self.axes.transData.transform([(0, 0), (0, self._height)])
            points = max(abs(high - low) * 72 / self.figure.dpi, 0.1)
            if abs(points - self.get_fontsize()) > 1e-3 * points:
                self.set_fontsize(points)

    def draw(self, renderer: RendererBase, *args: Any, **keywords: Any) -> None:
        """Draw it at the size that its height has now."""
        self._fit()
        super().draw(renderer, *args, **keywords)

    def get_window_extent(self, renderer: RendererBase | None = None, dpi: float | None = None) -> Bbox:
        """Extent in pixels, at the size that its height has now."""
        self._fit()
        return super().get_window_extent(renderer, dpi)
