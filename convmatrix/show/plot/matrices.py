"""A layer's matrix on matplotlib axes: cells with their labels, or where there are too many, a picture of its taps."""

from collections.abc import Sequence
from math import prod

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from convmatrix.core.errors import short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import check_kind, flag, integer
from convmatrix.show import explorer
from convmatrix.show.model.film import GRID, Look, Panel
from convmatrix.show.model.palette import WINDOW, rgb, tap_colours
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Scene, tap_label
from convmatrix.show.plot.cells import blank, box, cell, draw, draw_rulers, image
from convmatrix.show.plot.picture import described, new_picture, titled
from convmatrix.show.render import latex, text
from convmatrix.show.render.lettering import LINE_INCHES, title_inches, write_title
from convmatrix.show.render.raster import tap_raster

__all__ = ["matrix"]

_LABELLED = 64
"""Most rows and columns of a matrix whose cells are labelled."""
_TEXT_ENTRIES = 10**6
"""Most entries of a matrix that is built to be written as text."""
_RULERS = 64
"""Most lines between blocks; more would hide what they cut."""
_CELL = 0.4
"""Inches of a labelled cell, and of names and titles beside them."""
_WIDE, _TALLEST, _LOWEST = 6.5, 9.0, 2.0
"""Inches of a matrix without labels."""
_FLATTEST = 8
"""Largest aspect ratio of a matrix whose cells are drawn as squares."""
_KEY_NAMED = 12
"""Most rows and columns of a colour key with names."""


def matrix(
    layer: Layer,
    weight: ArrayLike | None = None,
    *,
    row: int | None = None,
    col: int | None = None,
    key: bool | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a layer's matrix, each entry in the colour of its tap, with rulers between image rows and, bold, channels.

    Up to 64 rows and columns, entries have labels, or their values if there is a weight. Larger matrices are drawn as
    an image: a pixel then has the colour of the tap that most of its entries have. They are not built for that, and
    may have many millions of entries.

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
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the weight is not the layer's, if there is no such row or column, or if the matrix has more than a thousand
        million entries.

    Examples
    --------
    >>> ax = matrix(Conv((3,), 2))
    >>> [text.get_text() for text in ax.texts]
    ['w0', 'w1', 'w0', 'w1']
    >>> matrix(Conv(200, 3)).images[0].get_array().shape
    (594, 598, 4)
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    rows, cols = layer.matrix_shape
    _require_line("row", row, rows)
    _require_line("column", col, cols)
    if weight is not None:
        layer.checked_weight(weight)
    labelled, given_axes = max(rows, cols) <= _LABELLED, ax
    with_key = not labelled if key is None else flag("key", key)
    beside = 0.05 + _key_part(layer) if with_key else 0.0
    title = printable(title)
    ax = _labelled(layer, weight, ax, beside, title) if labelled else _pixels(layer, ax, beside)
    if title:
        lines = write_title(ax, title, part=1 / (1 + beside))
        if given_axes is None:
            _add_space_above(ax, (lines - 1) * LINE_INCHES)
    panel = Panel("cell", "", rows, cols)
    wide = 2.5 if labelled else 1.2
    if row is not None:
        box(ax, panel, (row, 0, 1, cols), gid=f"row-{row}", edgecolor=WINDOW, linewidth=wide, zorder=3, clip_on=False)
    if col is not None:
        box(ax, panel, (0, col, rows, 1), gid=f"col-{col}", edgecolor=WINDOW, linewidth=wide, zorder=3, clip_on=False)
    if with_key:
        _key(layer, ax, own=given_axes is None)
    kind = "C" if isinstance(layer, Conv) else "C^T"
    entries = _number_of(layer.nnz, "entry", "entries")
    alt = f"The matrix {kind}, {rows} x {cols}, with {entries}, each in the colour of its tap."
    return described(
        ax,
        titled(title, alt),
        plain=lambda: _text(layer, weight),
        html=lambda: explorer.table(layer, weight, title=title or None),
        latex=lambda: f"${latex.array(layer, weight, rulers=True)}$",
    )


def _add_space_above(ax: Axes, inches: float) -> None:
    """Make space above the axes of a figure of our own."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    wide, tall = figure.get_size_inches()
    figure.set_size_inches(wide, tall + inches)


def _labelled(layer: Layer, weight: ArrayLike | None, ax: Axes | None, beside: float, title: str) -> Axes:
    scene = Scene(layer, weight)
    rows, cols = scene.shape
    if ax is None:
        # A title may make a small picture wider, up to the width of a large one.
        wide = max(_CELL * (cols + 2), min(title_inches(title), _WIDE))
        ax = new_picture(wide, _CELL * (rows + 2), beside=beside)
    panel = _begun(ax, scene)
    ax.set_aspect("equal")
    for number, place in enumerate(zip(scene.rows.tolist(), scene.cols.tolist(), strict=True)):
        cell(ax, panel, place, Look(scene.colour(number), scene.text(number)))
    for at in range(rows + 1):
        ax.axhline(at, color=GRID, linewidth=0.5, zorder=0.5)
    for at in range(cols + 1):
        ax.axvline(at, color=GRID, linewidth=0.5, zorder=0.5)
    ax.set_yticks(np.arange(rows) + 0.5, [scene.row_name(r) for r in range(rows)])
    ax.set_xticks(np.arange(cols) + 0.5, [scene.col_name(c) for c in range(cols)])
    return ax


def _pixels(layer: Layer, ax: Axes | None, beside: float) -> Axes:
    taps = tap_raster(layer)
    rows, cols = layer.matrix_shape
    if ax is None:
        ax = new_picture(_WIDE, min(max(_WIDE * rows / cols, _LOWEST), _TALLEST), beside=beside)
    panel = _begun(ax, Scene(layer))
    square = max(rows, cols) <= _FLATTEST * min(rows, cols)
    ax.set_aspect("equal" if square else "auto")
    colours = np.array([(*rgb(colour), 255) for colour in tap_colours(prod(layer.kernel_size))] + [(255, 255, 255, 0)])
    image(ax, panel, colours.astype(np.uint8)[taps])  # the last colour, of -1, is none
    ax.set_xlabel(_number_of(cols, "input", "inputs"))
    ax.set_ylabel(_number_of(rows, "output", "outputs"))
    ax.xaxis.set_label_position("top")
    return ax


def _begun(ax: Axes, scene: Scene) -> Panel:
    """Limits and rulers; a cell is one unit, and the first row is on top."""
    rows, cols = scene.shape
    ax.set(xlim=(0, cols), ylim=(rows, 0), xticks=[], yticks=[])
    ax.tick_params(length=0, labelsize=7, top=True, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    layer = scene.layer
    panel = Panel(
        "cell",
        "",
        rows,
        cols,
        row_blocks=_blocks(scene.row_block, layer.output_size, rows),
        col_blocks=_blocks(scene.col_block, layer.input_size, cols),
    )
    draw_rulers(ax, panel, faint=max(rows, cols) > _LABELLED)
    return panel


def _blocks(image_row: int, size: Sequence[int], count: int) -> tuple[int, ...]:
    """Positions of the lines: at image rows and channels, at channels alone, or around the whole, to have few."""
    channel = prod(size)
    step = next((block for block in (image_row, channel) if count // block <= _RULERS), count)
    return (step, channel if step < count else count)


def _key_part(layer: Layer) -> float:
    """Width of the key, as part of the width of the matrix."""
    return min(0.5, 0.1 * (1, *layer.kernel_size)[-1])


def _key(layer: Layer, ax: Axes, *, own: bool) -> None:
    """The kernel, its taps in their colours, right of the axes; a figure of our own has kept the place free."""
    size = (1, 1, *layer.kernel_size)
    rows, cols = prod(size[:-1]), size[-1]  # a volume's slices one below the other
    inset = blank(ax.inset_axes((1.03, 0.0, _key_part(layer), 1.0), anchor="NW"), cols, rows + 0.7)
    named = max(rows, cols) <= _KEY_NAMED
    colours = tap_colours(rows * cols)
    names = [tap_label((1, 1, *layer.kernel_size), tap) if named else "" for tap in range(rows * cols)]
    inset.set_in_layout(not own)
    looks = {divmod(tap, cols): Look(colours[tap], names[tap]) for tap in range(rows * cols)}
    draw(inset, Panel("tap", "taps", rows, cols, y=0.7), looks)


def _text(layer: Layer, weight: ArrayLike | None) -> str | None:
    if layer.nnz > _TEXT_ENTRIES:
        return None
    return "\n".join(text.draw(Scene(layer, weight), text.Style()))


def _number_of(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _require_line(what: str, at: int | None, count: int) -> None:
    if at is not None and not 0 <= integer(what, at) < count:
        raise ValueError(f"{what} {short(at)} is not there: the matrix has {what}s 0 to {count - 1}")
