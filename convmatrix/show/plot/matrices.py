"""A layer's matrix on matplotlib axes: the equation y = C x, or where it is too large for it, a picture of its taps."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import check_kind, flag, integer
from convmatrix.show import explorer
from convmatrix.show.model import drawing
from convmatrix.show.model.blocks import Equation, Group
from convmatrix.show.model.drawing import smallest_label
from convmatrix.show.model.film import Film, Look, Outline, Panel
from convmatrix.show.model.layout import arrange
from convmatrix.show.model.looks import Looks, kernel_panel, scale
from convmatrix.show.model.palette import largest, rgb
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Scene, size_label, tap_label
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style, current_style
from convmatrix.show.plot.cells import put
from convmatrix.show.plot.numbers import reduced
from convmatrix.show.plot.picture import described, titled
from convmatrix.show.plot.sheet import Tile, draw_tiles
from convmatrix.show.plot.still import draw_film
from convmatrix.show.render import latex, text
from convmatrix.show.render.raster import tap_raster

__all__ = ["matrix"]

_LABELLED = 64
"""Most rows and columns of a matrix whose cells are drawn one by one."""
_TEXT_ENTRIES = 10**6
"""Most entries of a matrix that is built to be written as text."""
_KEY_NAMED = 12
"""Most rows and columns of a kernel whose taps are named."""


def matrix(
    layer: Layer,
    weight: ArrayLike | None = None,
    *,
    row: int | None = None,
    col: int | None = None,
    key: bool | None = None,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a layer's matrix as the equation y = C x: x flattened above its columns, y beside its rows.

    Blocks of rows of the maps, and of channels, are parted by gaps. Up to 64 rows and columns, entries have labels, or
    their values if there is a weight, where these can be read at the style's size. Larger matrices are drawn as an
    image: a pixel then has the colour of the tap that most of its entries have. They are not built for that, and may
    have many millions of entries. Filled by value, a pixel has the colour of the weight of this tap; with more than one
    channel, that of the entry of largest magnitude, for which a matrix of at most a million entries is built.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
    row : int, optional
        A row to frame: the window of one output.
    col : int, optional
        A column to frame: the stamp of one input.
    key : bool, optional
        Whether to draw the kernel beside it, which shows the tap of each colour; by default, where there are no labels.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the weight is not the layer's, if there is no such row or column, or if the matrix has more than a thousand
        million entries, or more than a million where values of several channels give the colours.

    Examples
    --------
    >>> ax = matrix(Conv((3,), 2))
    >>> [text.label for text in ax.texts if text.get_gid().startswith("matrix") and "w" in text.label]
    ['w0', 'w1', 'w0', 'w1']
    >>> [picture.get_array().shape for picture in matrix(Conv(200, 3)).images if picture.get_gid() == "matrix-cells"]
    [(594, 598, 4)]
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    rows, cols = layer.matrix_shape
    _require_line("row", row, rows)
    _require_line("column", col, cols)
    if weight is not None:
        layer.checked_weight(weight)
    title, style = printable(title), current_style(style)
    with_key = None if key is None else flag("key", key)
    if max(rows, cols) <= _LABELLED:
        ax = _by_cells(layer, weight, with_key, title, style, (row, col), ax)
    else:
        ax = _by_pixels(layer, weight, with_key is not False, title, style, (row, col), ax)
    kind = Scene(layer).letters[1]
    entries = f"{layer.nnz} {'entry' if layer.nnz == 1 else 'entries'}"
    colour = "value" if weight is not None and style.fill == "value" else "tap"
    alt = f"The matrix {kind}, {rows} × {cols}, with {entries}, each in the colour of its {colour}."
    return described(
        ax,
        titled(title, alt),
        plain=lambda: _text(layer, weight),
        html=lambda: explorer.table(layer, weight, title=title or None),
        latex=lambda: f"${latex.array(layer, weight, rulers=True, plain=True)}$",
    )


Framed = tuple[int | None, int | None]
"""A row and a column to frame."""


def _by_cells(
    layer: Layer,
    weight: ArrayLike | None,
    key: bool | None,
    title: str,
    style: Style,
    framed: Framed,
    ax: Axes | None,
) -> Axes:
    made = film(layer, weight, maps=False, key=bool(key), title=title, moving=False, style=style)
    if key is None and not _matrix_of(made).labelled:
        made = film(layer, weight, maps=False, key=True, title=title, moving=False, style=style)
    ax = draw_film(made, None, ax)
    _frame(ax, made, framed)
    return ax


def _by_pixels(
    layer: Layer, weight: ArrayLike | None, key: bool, title: str, style: Style, framed: Framed, ax: Axes | None
) -> Axes:
    scene, (rows, cols) = Scene(layer), layer.matrix_shape
    values = layer.checked_weight(weight) if weight is not None and style.fill == "value" else None
    limit = 0.0 if values is None else largest(values)
    looks = Looks(style, layer.kernel_size, limit)
    panel = Panel(
        "matrix",
        scene.equation,
        f"{scene.letters[1]} is {rows} × {cols}",
        rows,
        cols,
        row_blocks=(rows, rows),
        col_blocks=(cols, cols),
    )
    above, beside = (
        Panel("above", "", "", 1, cols, row_blocks=(1, 1), col_blocks=(cols, cols)),
        Panel("beside", "", "", rows, 1, row_blocks=(rows, rows), col_blocks=(1, 1)),
    )
    neutral = np.array([[rgb(style.colours.map)]], dtype=np.uint8)
    groups, tiles = [], []
    if key:
        kernel, cells = _kernel(layer, looks, values)
        kernel = kernel._replace(label=smallest_label(cells.values()))
        groups, tiles = [Group("key", (kernel,))], [Tile(kernel, cells)]
    pixels = _pixels_by_tap(layer, scene.colours) if values is None else _pixels_by_value(layer, values, looks)
    tiles += [Tile(panel, pixels), Tile(above, neutral), Tile(beside, neutral)]
    bar = Tile(*scale(style, limit)) if limit else None
    place = arrange(groups, Equation(panel, above, beside, 0.0), style=style, title=title, scale=bar and bar.panel)
    ax = draw_tiles([*tiles, bar] if bar else tiles, place, style=style, title=title, ax=ax)
    made = Film(place.panels, {}, {}, (), place.width, place.height, "", style=style, cell=place.cell, text=place.text)
    _frame(ax, made, framed)
    return ax


def _pixels_by_tap(layer: Layer, colours: Sequence[str]) -> NDArray[np.uint8]:
    """Pixels in the colours of taps, (height, width, 4)."""
    taps = [(*rgb(colour), 255) for colour in colours] + [(255, 255, 255, 0)]
    # The last colour, of -1, is none.
    return np.array(taps, dtype=np.uint8)[tap_raster(layer)]


def _pixels_by_value(layer: Layer, weight: NDArray[Any], looks: Looks) -> NDArray[np.uint8]:
    """Pixels in the colours of weights, (height, width, 4)."""
    if prod(layer.weight_shape) == prod(layer.kernel_size):
        return _pixels_by_tap(layer, looks.by_value(weight.ravel()))
    if layer.nnz > _TEXT_ENTRIES:
        raise ValueError(
            f"colours by value need the entries of the matrix, {layer.nnz}, and at most {_TEXT_ENTRIES} are drawn: "
            "draw it with fill='tap', or with one channel"
        )
    pixels = reduced(layer.matrix(weight))
    known = np.array([rgb(colour) for colour in looks.by_value(pixels.ravel())], dtype=np.uint8)
    opaque = np.where(pixels.ravel() != 0, 255, 0).astype(np.uint8)
    return np.concatenate([known, opaque[:, None]], axis=1).reshape(*pixels.shape, 4)


def _kernel(layer: Layer, looks: Looks, weight: NDArray[Any] | None) -> tuple[Panel, dict[tuple[int, int], Look]]:
    """The kernel between the first two channels, its taps in their colours, or in those of their values."""
    rows, cols = layer.matrix_shape
    panel, places = kernel_panel("key", size_label(layer.kernel_size), layer.kernel_size, wide=cols > rows)
    named = max(panel.rows, panel.cols) <= _KEY_NAMED
    cells = {
        place: looks.tap(
            tap,
            tap_label((1, 1, *layer.kernel_size), tap) if named else "",
            None if weight is None else weight.ravel()[tap],
        )
        for tap, place in enumerate(places)
    }
    return panel, cells


def _matrix_of(made: Film) -> Panel:
    return next(panel for panel in made.panels if panel.name == "matrix")


def _frame(ax: Axes, made: Film, framed: Framed) -> None:
    """Frames around a row and a column, and around the output or input that belongs to each."""
    row, col = framed
    rows, cols = _matrix_of(made).rows, _matrix_of(made).cols
    numbers = {panel.name: number for number, panel in enumerate(made.panels)}
    boxes = []
    if row is not None:
        boxes += [
            (Outline(numbers["matrix"], row, 0, 1, cols), f"row-{row}"),
            (Outline(numbers["beside"], row, 0, 1, 1), f"output-{row}"),
        ]
    if col is not None:
        boxes += [
            (Outline(numbers["matrix"], 0, col, rows, 1), f"col-{col}"),
            (Outline(numbers["above"], 0, col, 1, 1), f"input-{col}"),
        ]
    put(ax, [drawing.outline(made, box, name) for box, name in boxes])


def _text(layer: Layer, weight: ArrayLike | None) -> str | None:
    if layer.nnz > _TEXT_ENTRIES:
        return None
    return "\n".join(text.draw(Scene(layer, weight), text.Terminal()))


def _require_line(what: str, at: int | None, count: int) -> None:
    if at is not None and not 0 <= integer(what, at) < count:
        raise ValueError(f"{what} {short(at)} is not there: the matrix has {what}s 0 to {count - 1}")
