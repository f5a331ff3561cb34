"""The scene on matplotlib axes: functions that draw on one Axes and return it; they never show and never save.

Artists carry gids (``cell-3-7``, ``input-1-2``, ``tap-0-1``, ``output-0-0``), so that pictures can be read back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from convmatrix.layers import Conv, ConvTranspose
from convmatrix.show.palette import INPUT, OUTPUT, SEEN, WINDOW, ink_on, tap_colours
from convmatrix.show.scene import Scene, number_label, tap_label
from convmatrix.show.still import film_frame, linked

__all__ = ["film_frame", "input_map", "kernel", "linked", "matrix", "output_map"]

_GRID = "#c9c9c9"
_PADDING = "#f4f4f4"
_SEEN_PADDING = "#d5d9dd"


def matrix(
    layer: Conv | ConvTranspose, weight: ArrayLike | None = None, *, ax: Axes | None = None, row: int | None = None
) -> Axes:
    """Draw a layer's matrix: each entry in the colour of its tap, with its label, or its value if there is a weight.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
    ax : Axes, optional
        A new one by default.
    row : int, optional
        A row to frame: the window of one output.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the matrix has more than 4,096 places, too many to be labelled.

    Examples
    --------
    >>> ax = matrix(Conv((3,), 2))
    >>> [text.get_text() for text in ax.texts]
    ['w0', 'w1', 'w0', 'w1']
    """
    scene = Scene(layer, weight)
    rows, cols = scene.shape
    if rows * cols > 4096:
        raise ValueError(
            f"the matrix has {rows} x {cols} = {rows * cols} places but at most 4096 can be labelled: draw its pattern "
            "with matplotlib's spy(layer.matrix(weight))"
        )
    ax = _axes(ax, rows, cols)
    cells = zip(scene.rows.tolist(), scene.cols.tolist(), strict=True)
    for cell, place in enumerate(cells):
        _cell(ax, place, scene.colour(cell), scene.text(cell), gid=f"cell-{place[0]}-{place[1]}")
    ax.hlines(np.arange(0, rows + 1, scene.row_block), 0, cols, colors="black", linewidths=0.8)
    ax.vlines(np.arange(0, cols + 1, scene.col_block), 0, rows, colors="black", linewidths=0.8)
    if row is not None:
        ax.add_patch(Rectangle((0, row), cols, 1, fill=False, edgecolor=WINDOW, linewidth=2.5, zorder=3,
                               gid=f"row-{row}"))  # fmt: skip
    ax.set_yticks(np.arange(rows) + 0.5, [scene.row_name(r) for r in range(rows)])
    ax.set_xticks(np.arange(cols) + 0.5, [scene.col_name(c) for c in range(cols)])
    return ax


def input_map(
    layer: Conv, x: ArrayLike | None = None, *, ax: Axes | None = None, output: tuple[int, ...] | None = None
) -> Axes:
    """Draw one channel of a convolution's input with its padding, and the window of one output on it.

    Parameters
    ----------
    layer : Conv
        With one or two axes.
    x : (*input_size) array_like, optional
        Values to write; names of the inputs by default.
    ax : Axes, optional
        A new one by default.
    output : tuple of int, optional
        Position on the output map whose window to shade.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer has not one or two axes.

    Examples
    --------
    >>> ax = input_map(Conv(2, 2, padding=1), output=(0, 0))
    >>> len(ax.patches)  # 4 x 4 places and the frame of the window
    17
    """  # noqa: DOC502  `_plane` refuses, for all maps
    scene = Scene(layer)
    frame = _plane(scene.frame(), (0, 1))
    rows, cols = (range(lo, hi) for lo, hi in frame)
    size = _plane(layer.input_size, 1)
    stretch = _plane(layer.input_dilation, 1)
    labels = _labels("x", size, layer.ndim, x)
    window = {_plane(reading.place, 0) for reading in scene.window(output)} if output is not None else set()
    ax = _axes(ax, len(rows), len(cols))
    for place in ((row, col) for row in rows for col in cols):
        source = tuple(p // s for p, s in zip(place, stretch, strict=True))
        real = all(p % s == 0 and 0 <= q < n for p, s, q, n in zip(place, stretch, source, size, strict=True))
        here = (place[0] - rows[0], place[1] - cols[0])
        text = labels[source] if real else "0" if layer.padding_mode == "zeros" else ""
        paper = (SEEN if place in window else INPUT) if real else _SEEN_PADDING if place in window else _PADDING
        _cell(ax, here, paper, text, gid=f"input-{place[0]}-{place[1]}")
    if window:
        _frame(ax, [(p - rows[0], q - cols[0]) for p, q in window])
    return ax


def kernel(layer: Conv | ConvTranspose, weight: ArrayLike | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the kernel between the first input and the first output channel, its taps in their colours.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With one or two axes.
    weight : weight_shape array_like, optional
        Values to write; the taps' names by default. A bare kernel will do.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer has not one or two axes.

    Examples
    --------
    >>> [text.get_text() for text in kernel(Conv((4,), 3)).texts]
    ['w0', 'w1', 'w2']
    """  # noqa: DOC502  `_plane` refuses, for all maps
    size = _plane(layer.kernel_size, 1)
    colours = tap_colours(int(np.prod(size)))
    values = None if weight is None else np.asarray(weight).reshape(-1, *size)[0]
    ax = _axes(ax, *size)
    for tap, place in enumerate(np.ndindex(*size)):
        text = tap_label((1, 1, *layer.kernel_size), tap) if values is None else number_label(values[place])
        _cell(ax, place, colours[tap], text, gid=f"tap-{place[0]}-{place[1]}")
    return ax


def output_map(
    layer: Conv | ConvTranspose, y: ArrayLike | None = None, *, ax: Axes | None = None,
    output: tuple[int, ...] | None = None,
) -> Axes:  # fmt: skip
    """Draw one channel of a layer's output.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With one or two axes.
    y : (*output_size) array_like, optional
        Values to write; names of the outputs by default.
    ax : Axes, optional
        A new one by default.
    output : tuple of int, optional
        Position to frame.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer has not one or two axes.

    Examples
    --------
    >>> [text.get_text() for text in output_map(Conv((4,), 3), [7, 8]).texts]
    ['7', '8']
    """  # noqa: DOC502  `_plane` refuses, for all maps
    size = _plane(layer.output_size, 1)
    labels = _labels("y", size, layer.ndim, y)
    ax = _axes(ax, *size)
    for place in np.ndindex(*size):
        _cell(ax, place, OUTPUT, labels[place], gid=f"output-{place[0]}-{place[1]}")
    if output is not None:
        _frame(ax, [_plane(output, 0)])
    return ax


def _plane(values: Iterable[Any], missing: Any) -> tuple[Any, Any]:
    """One value for each of two axes; a single axis is drawn as a row."""
    known = tuple(values)
    if len(known) not in (1, 2):
        raise ValueError(f"maps are drawn for 1 or 2 axes, got {len(known)}: draw slices of them")
    return known if len(known) == 2 else (missing, known[0])


def _labels(letter: str, size: tuple[int, int], ndim: int, values: ArrayLike | None) -> Mapping[Any, str]:
    if values is not None:
        array = np.asarray(values).reshape(size)
        return {place: number_label(array[place]) for place in np.ndindex(*size)}
    comma = "," if max(size) > 10 else ""
    return {place: letter + comma.join(map(str, place[2 - ndim :])) for place in np.ndindex(*size)}


def _axes(ax: Axes | None, rows: int, cols: int) -> Axes:
    """Axes with one unit for each cell, the first row on top, and no ticks but those that are set later."""
    if ax is None:
        _, ax = plt.subplots(figsize=(0.4 * cols + 0.8, 0.4 * rows + 0.8), layout="constrained")
    ax.set(xlim=(0, cols), ylim=(rows, 0), aspect="equal", xticks=[], yticks=[])
    ax.tick_params(length=0, labelsize=7, top=True, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for col in range(cols + 1):
        ax.axvline(col, color=_GRID, linewidth=0.5, zorder=0.5)
    for row in range(rows + 1):
        ax.axhline(row, color=_GRID, linewidth=0.5, zorder=0.5)
    return ax


def _cell(ax: Axes, place: tuple[int, ...], colour: str, text: str, *, gid: str) -> None:
    row, col = place
    ax.add_patch(Rectangle((col, row), 1, 1, facecolor=colour, edgecolor=_GRID, linewidth=0.5, gid=gid))
    if text:
        small = 8 if len(text) <= 4 else 8 * 4 / len(text)
        ax.text(col + 0.5, row + 0.5, text, ha="center", va="center_baseline", fontsize=small, color=ink_on(colour))


def _frame(ax: Axes, places: list[tuple[int, int]]) -> None:
    """A frame around all of `places`."""
    rows, cols = zip(*places, strict=True)
    ax.add_patch(Rectangle((min(cols), min(rows)), max(cols) - min(cols) + 1, max(rows) - min(rows) + 1, fill=False,
                           edgecolor=WINDOW, linewidth=2.5, zorder=3, gid="window"))  # fmt: skip
