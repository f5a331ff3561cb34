"""One step of a film on matplotlib axes: matrix, window, kernel and output, linked, in one picture.

The axes' units are the film's. Artists have gids: a cell that of the film (``matrix-0-15``), what is written in it
that and ``-text`` or ``-note``; ``outline-0`` and so on, ``caption``, ``title``, ``matrix-title``. A panel whose cells
are too small to be labelled is one image, with its name and ``-cells``.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

from convmatrix.layers import Conv, ConvTranspose
from convmatrix.show.film import (
    FAINT,
    FOOT,
    GRID,
    LINE,
    PAPER,
    TITLE_SIZE,
    Film,
    Look,
    Panel,
    lines_of,
    note_size,
    text_size,
)
from convmatrix.show.palette import WINDOW, ink_on, rgb
from convmatrix.show.stage import View, film

__all__ = ["SizedText", "film_frame", "linked"]

_INCHES = 0.5
"""Side of a map's cell, unless the picture would be wider or taller than the next two."""
_WIDEST, _TALLEST = 24.0, 18.0


def linked(
    layer: Conv | ConvTranspose,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    view: View | None = None,
    step: int | None = 0,
    matrix: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one step of a layer's sliding window: what it covers, the kernel, the output, and its row of the matrix.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With at most two axes.
    weight : weight_shape array_like, optional
        Values for the kernel and the matrix; names without it. With `x`, the output has values too.
    x : input_shape array_like, optional
        Values for the input.
    view : {"windows", "stamps"}, optional
        As for `convmatrix.show.stage.film`: for a transposed convolution, ``stamps`` is the default.
    step : int or None, default 0
        Which output's window, or which input's stamp. With None, nothing is singled out.
    matrix : bool, default True
        Whether to show the matrix.
    title : str, optional
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer cannot be drawn, or has no such step.

    Examples
    --------
    >>> ax = linked(Conv((3,), 2), [1, 2], [5, 6, 7], step=1)
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "caption"]
    ['y1 = 1·6 + 2·7 = 20']
    """  # noqa: DOC502  what `film` and `still` raise is documented here, where the user meets it
    made = film(layer, weight, x, view=view, matrix=matrix, title=title, moving=step is not None)
    return film_frame(made, step, ax=ax)


def film_frame(film: Film, step: int | None = 0, *, ax: Axes | None = None) -> Axes:
    """Draw one step of a film on one Axes, in the film's units.

    Parameters
    ----------
    film : Film
    step : int or None, default 0
        With None, nothing is singled out.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the film has no such step.

    Examples
    --------
    >>> ax = film_frame(film(Conv((3,), 2), matrix=False))
    >>> [patch.get_gid() for patch in ax.patches if patch.get_gid().startswith("kernel")]
    ['kernel-frame', 'kernel-0-0', 'kernel-0-1']
    """  # noqa: DOC502  `still` refuses
    still = film.still(step)
    frame = None if step is None else film.frames[step]
    tall = film.height + (FOOT if frame else 0.0)
    ax = _new_axes(film.width, tall) if ax is None else ax
    ax.set(xlim=(0, film.width), ylim=(tall, 0), aspect="equal")
    ax.set_axis_off()
    _write(ax, film.width / 2, 0.65, TITLE_SIZE * 1.3, film.title, gid="title", weight="bold")
    for number, panel in enumerate(film.panels):
        _around(ax, panel)
        looks = {(key[1], key[2]): look for key, look in still.items() if key[0] == number}
        (_cells if panel.labelled else _image)(ax, panel, looks)
        _rulers(ax, panel)
    for number, (panel_number, *box) in enumerate(frame.outlines if frame else ()):
        _box(ax, film.panels[panel_number], *box, gid=f"outline-{number}", edgecolor=WINDOW, linewidth=2.5, zorder=3)
    if frame:
        size = film.caption_size(frame.caption)
        _write(ax, film.width / 2, film.height + 0.15, size, frame.caption, gid="caption")
    return ax


def _new_axes(wide: float, tall: float) -> Axes:
    inches = min(_INCHES, _WIDEST / wide, _TALLEST / tall)
    figure = plt.figure(figsize=(wide * inches, tall * inches))
    return figure.add_axes((0, 0, 1, 1))


def _around(ax: Axes, panel: Panel) -> None:
    """Title, names and border."""
    _write(ax, panel.x, panel.title_y, TITLE_SIZE, panel.title, gid=f"{panel.name}-title", ha="left")
    for x, y, name, anchor in panel.names():
        _write(ax, x, y, panel.name_size, name, ha="right" if anchor == "end" else "center")
    _box(ax, panel, 0, 0, panel.rows, panel.cols, gid=f"{panel.name}-frame", edgecolor=GRID, linewidth=0.6)


def _cells(ax: Axes, panel: Panel, looks: Mapping[tuple[int, int], Look]) -> None:
    for (row, col), look in looks.items():
        gid = f"{panel.name}-{row}-{col}"
        _box(ax, panel, row, col, 1, 1, gid=gid, facecolor=look.paper, edgecolor=GRID, linewidth=0.6)
        _label(ax, panel, (row, col), look, gid)


def _label(ax: Axes, panel: Panel, place: tuple[int, int], look: Look, gid: str) -> None:
    """What is written in a cell."""
    (x, y), unit = panel.at(*place), panel.unit
    ink = FAINT if look.faint else ink_on(look.paper)
    # One artist for all lines, so that what is read back is the whole text.
    _write(ax, x + unit / 2, y + unit * (0.42 if look.note else 0.5), text_size(look.text) * unit,
           "\n".join(lines_of(look.text)), gid=f"{gid}-text", color=ink, linespacing=LINE)  # fmt: skip
    _write(ax, x + 0.95 * unit, y + 0.82 * unit, note_size(look.note) * unit, look.note, gid=f"{gid}-note", color=ink,
           ha="right")  # fmt: skip


def _image(ax: Axes, panel: Panel, looks: Mapping[tuple[int, int], Look]) -> None:
    """Cells without text, one pixel for each."""
    pixels = np.empty((panel.rows, panel.cols, 3), dtype=np.uint8)
    pixels[:] = rgb(PAPER)
    for place, look in looks.items():
        pixels[place] = rgb(look.paper)
    (left, top), (right, bottom) = panel.at(0, 0), panel.at(panel.rows, panel.cols)
    # `imshow` would set the limits of the axes.
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(pixels, extent=(left, right, bottom, top), interpolation="nearest", aspect="equal", zorder=1,
              gid=f"{panel.name}-cells")  # fmt: skip
    ax.set(xlim=limits[0], ylim=limits[1])


def _rulers(ax: Axes, panel: Panel) -> None:
    lines, widths = [], []
    for across, at, bold in panel.rulers():
        ends = ((at, 0), (at, panel.cols)) if across else ((0, at), (panel.rows, at))
        lines.append([panel.at(*end) for end in ends])
        widths.append(1.6 if bold else 0.8)
    if lines:
        ax.add_artist(LineCollection(lines, colors="black", linewidths=widths, zorder=2.5, gid=f"{panel.name}-rulers"))


def _box(ax: Axes, panel: Panel, row: int, col: int, rows: int, cols: int, **looks: Any) -> None:
    looks.setdefault("fill", "facecolor" in looks)
    ax.add_artist(Rectangle(panel.at(row, col), cols * panel.unit, rows * panel.unit, **looks))


def _write(ax: Axes, x: float, y: float, size: float, text: str, *, ha: str = "center", **looks: Any) -> None:
    """Text whose middle is at y."""
    if text:
        ax.add_artist(SizedText(x, y, text, size=size, ha=ha, va="center_baseline", **looks))


class SizedText(Text):
    """Text whose height is a length on its axes: it grows and shrinks with them, so that it stays in its cell."""

    def __init__(self, x: float, y: float, text: str, *, size: float, **looks: Any) -> None:
        # No text is markup: a title may have a dollar sign. The sizes are made for this font.
        super().__init__(x, y, text, parse_math=False, usetex=False, family="DejaVu Sans", **looks)
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
