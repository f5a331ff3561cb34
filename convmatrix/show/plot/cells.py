"""The marks of `convmatrix.show.model.drawing` on matplotlib axes, whose units are the cells' own.

Artists have gids: a cell its panel's name, row and column (``matrix-0-15``), its text that and ``-text``;
``matrix-title``, ``matrix-note``, ``matrix-frame``. A panel whose cells are too small for text is one image,
``matrix-cells``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch, Polygon, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Label, Line, Mark
from convmatrix.show.model.film import Look, Panel
from convmatrix.show.model.palette import rgb
from convmatrix.show.model.printable import printable
from convmatrix.show.model.style import Style
from convmatrix.show.model.typeset import as_mathtext
from convmatrix.show.render.lettering import FONT, in_font, set_ground

__all__ = ["SizedText", "blank", "draw", "image", "put"]


def blank(ax: Axes, wide: float, tall: float, style: Style) -> Axes:
    """Set up empty axes with y downwards; the unit is the side of a map's cell."""
    ax.set(xlim=(0, wide), ylim=(tall, 0), aspect="equal")
    ax.set_axis_off()
    figure = ax.get_figure(root=True)
    assert figure is not None
    set_ground(figure, style)
    return ax


def draw(ax: Axes, panel: Panel, looks: Mapping[tuple[int, int], Look] | NDArray[np.uint8], style: Style) -> None:
    """Draw a panel with its title: cells by their looks, or by their colours (rows, cols, 3 or 4)."""
    if isinstance(looks, np.ndarray):
        image(ax, panel, looks)
    elif not (panel.bordered or panel.shear):
        image(ax, panel, _pixels(panel, looks, style))
    put(ax, drawing.around_panel(panel, style))
    if (panel.bordered or panel.shear) and not isinstance(looks, np.ndarray):
        for (row, col), look in looks.items():
            put(ax, drawing.cell(panel, (row, col), look, f"{panel.name}-{row}-{col}", style))


def put(ax: Axes, marks: Iterable[Mark]) -> None:
    """Draw marks, one after the other; each lies above those before it."""
    scale = _points_per_unit(ax)
    for mark in marks:
        match mark:
            case Box():
                ax.add_artist(_box(mark, scale))
            case Line():
                ax.add_artist(_line(mark, scale))
            case Label():
                _write(ax, mark)


def _points_per_unit(ax: Axes) -> float:
    """Points of a unit of the axes, as they are now."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    (left, _), (right, _) = ax.transData.transform([(0, 0), (1, 0)])
    return float(abs(right - left) * 72 / figure.dpi)


def _box(mark: Box, scale: float) -> Patch:
    looks: dict[str, Any] = {
        "facecolor": mark.fill or "none",
        "edgecolor": mark.line or "none",
        "linewidth": mark.stroke * scale if mark.line else 0.0,
        "linestyle": (0, (3, 2)) if mark.dashed else "solid",
        "gid": mark.name or None,
        "joinstyle": "miter",
        "clip_on": False,
        # The frame of a window lies above all cells, also those of panels that are drawn later.
        "zorder": 3 if mark.line and not mark.fill else 1,
    }
    if mark.corner:
        rounded = f"round,pad=0,rounding_size={mark.corner}"
        return FancyBboxPatch(
            (mark.x, mark.y), mark.wide, mark.tall, boxstyle=rounded, **looks | {"joinstyle": "round"}
        )
    return Rectangle((mark.x, mark.y), mark.wide, mark.tall, **looks)


def _line(mark: Line, scale: float) -> Line2D | Polygon:
    width = mark.stroke * scale
    if mark.fill or mark.closed:
        return Polygon(
            mark.points,
            facecolor=mark.fill or "none",
            edgecolor=mark.colour or "none",
            linewidth=width,
            joinstyle="round",
            gid=mark.name or None,
            clip_on=False,
            zorder=1 if mark.fill else 3,
        )
    xs, ys = zip(*mark.points, strict=True)
    return Line2D(xs, ys, color=mark.colour, linewidth=width, gid=mark.name or None, clip_on=False, zorder=2)


def _write(ax: Axes, mark: Label) -> None:
    text = in_font(printable(mark.text, "text", lines=True))
    if text:
        shown = as_mathtext(text) if mark.math else text
        anchor = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
        ax.add_artist(
            SizedText(
                mark.x,
                mark.y,
                shown,
                size=mark.size,
                label=text,
                ha=anchor,
                color=mark.ink,
                gid=mark.name or None,
                weight="bold" if mark.bold else "normal",
                parse_math=mark.math and "$" in shown,
                zorder=4,
            )
        )


def image(ax: Axes, panel: Panel, pixels: NDArray[np.uint8]) -> None:
    """Colours (rows, cols, 3 or 4) on the place of a panel, which they fill however many they are."""
    (left, top), (right, bottom) = panel.at(0, 0), panel.until(panel.rows - 1, panel.cols - 1)
    # Without interpolation a file holds the pixels as they are, few and sharp.
    artist = AxesImage(
        ax, extent=(left, right, bottom, top), interpolation="none", zorder=0.9, gid=f"{panel.name}-cells"
    )
    artist.set_data(pixels)
    # Not `imshow`, which sets the limits and the aspect of the axes.
    ax.add_image(artist)
    artist.set_clip_path(ax.patch)


def _pixels(panel: Panel, looks: Mapping[tuple[int, int], Look], style: Style) -> NDArray[np.uint8]:
    pixels = np.full((panel.rows, panel.cols, 3), rgb(style.colours.ground), dtype=np.uint8)
    for place, look in looks.items():
        pixels[place] = rgb(look.paper)
    return pixels


class SizedText(Text):
    """Text whose height is a length on its axes: it grows and shrinks with them, so that it stays in its cell.

    `label` is the plain label, of which the text is made.
    """

    def __init__(self, x: float, y: float, text: str, *, size: float, label: str, **looks: Any) -> None:
        super().__init__(
            x, y, text, usetex=False, family=FONT, math_fontfamily="dejavusans", va="center_baseline", **looks
        )
        self.label = label
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
