"""A layer of any class at a glance: its maps with one window, and its matrix as pixels, in a few milliseconds.

The matrix is not built. Each line of pixels shows one row of it, the middle one of those that the line stands for, so
that the time depends on the number of pixels and not on the size of the layer.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.axis import Axis, require_countable
from convmatrix.layers import (
    AvgPool,
    Conv,
    ConvTranspose,
    LayerBase,
    MaxPool,
    Transposed,
    Unfold,
    Upsample,
)

__all__ = ["NONE", "Cell", "Map", "Overview", "Pixels", "overview"]

NONE = -1
"""Value of a pixel without an entry."""

_SIDES = (160, 112, 80, 56, 40, 28)
"""Most pixels on a side of the matrix that are tried, until there are few enough runs of one colour."""
_RUNS = 1_200
"""Most runs: 15 bytes or so for each."""
_TAPS = 2**11
"""Most taps of a window."""
_ENTRIES = 10**5
"""Most entries of the rows that are computed: some 10 milliseconds."""
_CHANNELS = 2 * _SIDES[0]
"""Most channels in which the entries of a row are computed: as many as can be distinguished."""
_LARGEST = 2**63 // _SIDES[0]
"""Largest number of rows or columns whose pixels are computed in 64 bits."""
_CELLS = 2**10
"""Most cells of a window that are listed."""
_POSITIONS = 10**5
"""Most outputs on an axis of a resized image, whose table is written out: a millisecond."""

Ints = NDArray[np.int64]
Reader = Callable[[Ints], tuple[Ints, Ints]]
"""For outputs of one axis, the place of each tap on the padded map, and the input that it reads there, or -1."""


class Cell(NamedTuple):
    """A cell of a map that the window meets: row, column, and flat number of the tap."""

    row: int
    col: int
    tap: int


class Map(NamedTuple):
    """The last two axes of a map.

    Parameters
    ----------
    shape : tuple of int
        Channels, if there are several, and the size on each axis: for its label.
    rows, cols : int
        Cells with the padding.
    top, left : int
        Rows and columns of padding before the elements.
    height, width : int
        Rows and columns that the elements take, with zeros inserted between them.
    steps : tuple of int
        Distances from one element to the next.
    planes : int
        Number of planes: channels times sizes of further axes.
    window : tuple of int or None
        Row, column, rows and columns of the window's frame.
    cells : tuple of Cell
        The cells of the window, where these are not too many.
    """

    shape: tuple[int, ...]
    rows: int
    cols: int
    top: int = 0
    left: int = 0
    height: int = 1
    width: int = 1
    steps: tuple[int, int] = (1, 1)
    planes: int = 1
    window: tuple[int, int, int, int] | None = None
    cells: tuple[Cell, ...] = ()


class Pixels(NamedTuple):
    """The matrix: taps of the pixels, whether each is one entry, and the framed row or column of pixels, if any."""

    taps: NDArray[np.int64]
    exact: bool
    row: int | None = None
    col: int | None = None


class Overview(NamedTuple):
    """Contents of the picture of a layer.

    Parameters
    ----------
    input, output : Map
    kernel : tuple of int
        Size of the window; empty for a single tap.
    position : tuple of int
        The output whose window is shown, or of a transposed layer the input whose stamp.
    transposed : bool
        Whether inputs stamp: the window lies on the output.
    pixels : Pixels or None
        None where the layer is too large for it, or reads no windows.
    """

    input: Map
    output: Map
    kernel: tuple[int, ...]
    position: tuple[int, ...]
    transposed: bool
    pixels: Pixels | None


def overview(layer: LayerBase) -> Overview:
    """Compute the contents of the picture of a layer.

    Parameters
    ----------
    layer : LayerBase
        Of any class: one that reads no windows has no window and no pixels.

    Returns
    -------
    Overview

    Examples
    --------
    >>> seen = overview(Conv((4,), 3, padding=1))
    >>> seen.input.cols, seen.input.window, seen.position
    (6, (0, 2, 1, 3), (2,))
    >>> print(seen.pixels.taps)
    [[ 1  2 -1 -1]
     [ 0  1  2 -1]
     [-1  0  1  2]
     [-1 -1  0  1]]
    """
    forward, transposed = _forward(layer)
    readers, kernel = _readers(forward)
    position = _middle(forward.output_size)
    reads, points = _plain_map(forward.input_shape), _plain_map(forward.output_shape)
    pixels = None
    if readers is not None:
        places = [reader(np.array([one]))[0][0] for reader, one in zip(readers, position, strict=True)]
        reads = _with_window(forward, kernel, places)
        points = _point(points, position)
        pixels = _pixels(forward, readers, kernel, position)
    if pixels is not None and transposed:
        pixels = Pixels(pixels.taps.T, pixels.exact, pixels.col, pixels.row)
    ends = (points, reads) if transposed else (reads, points)
    return Overview(*ends, kernel, position, transposed, pixels)


def _forward(layer: LayerBase) -> tuple[LayerBase, bool]:
    """The layer that reads windows, and whether the given one is its transpose."""
    transposed = False
    while isinstance(layer, ConvTranspose | Transposed):
        layer, transposed = layer.T, not transposed
    return layer, transposed


def _readers(layer: LayerBase) -> tuple[list[Reader] | None, tuple[int, ...]]:
    """A reader for each axis, and the size of the windows; none where there are no windows, or very large ones."""
    if isinstance(layer, Upsample):
        if max((*layer.output_size, *layer.input_size), default=1) > _POSITIONS:
            return None, ()
        patterns = layer.axis_patterns()
        kernel = tuple(int(np.diff(pattern.indptr).max()) for pattern in patterns)
        return [partial(_looked_up, _table(pattern, k)) for pattern, k in zip(patterns, kernel, strict=True)], kernel
    if not isinstance(layer, Conv | AvgPool | MaxPool | Unfold) or prod(layer.kernel_size) > _TAPS:
        return None, ()
    try:
        for axis in layer.axes:
            require_countable(axis)
    except ValueError:  # positions beyond 64 bits
        return None, ()
    return [partial(_read, axis) for axis in layer.axes], layer.kernel_size


def _read(axis: Axis, outputs: Ints) -> tuple[Ints, Ints]:
    places = axis.positions(outputs)
    return places, axis.extend(places)


def _looked_up(table: Ints, outputs: Ints) -> tuple[Ints, Ints]:
    return table[outputs], table[outputs]


def _table(pattern: sparse.csr_array, most: int) -> Ints:
    """The inputs that each output reads, and -1 for taps that it does not have."""
    counts = np.diff(pattern.indptr)
    table = np.full((len(counts), most), NONE, dtype=np.int64)
    table[np.arange(most) < counts[:, None]] = pattern.indices
    return table


def _middle(size: tuple[int, ...]) -> tuple[int, ...]:
    """A position in the middle; of an even number of places along the last axis the one after it."""
    return tuple((n - (axis < len(size) - 1)) // 2 for axis, n in enumerate(size))


# -- maps ------------------------------------------------------------------------------------------------------------


def _last_two(values: Sequence[int], filler: int) -> tuple[int, int]:
    """Values of the last two axes; where there are fewer, the filler stands for the rest."""
    first, second = (filler, filler, *values)[-2:]
    return first, second


def _plain_map(shape: tuple[int, ...]) -> Map:
    """A map without padding, of channels and sizes."""
    rows, cols = _last_two(shape[1:], 1)
    planes = prod(shape) // (rows * cols)
    return Map(shape if shape[0] > 1 else shape[1:], rows, cols, height=rows, width=cols, planes=planes)


def _point(plain: Map, position: tuple[int, ...]) -> Map:
    """A map with one framed cell."""
    return plain._replace(window=(*_last_two(position, 0), 1, 1))


def _with_window(layer: LayerBase, kernel: tuple[int, ...], places: Sequence[Ints]) -> Map:
    """The input with its padding and a window: of axes before the last two, with the middle taps."""
    plain = _plain_map(layer.input_shape)
    if isinstance(layer, Upsample):
        starts, ends, steps = (0, 0), (plain.rows, plain.cols), (1, 1)
    else:
        axes: tuple[Axis, ...] = layer.axes  # type: ignore[attr-defined]  # `_readers` took it
        starts = _last_two([-max(axis.before, 0) for axis in axes], 0)
        ends = _last_two([axis.dilated_size + max(axis.after, 0) for axis in axes], 1)
        steps = _last_two([axis.input_dilation for axis in axes], 1)
    sizes, one = _last_two(kernel, 1), np.zeros(1, dtype=np.int64)
    down, across = [one, one, *places][-2:]
    middle = 0
    for size in kernel[:-2]:
        middle = middle * size + size // 2
    (top, left), (bottom, right) = starts, ends
    down, across = down[down >= top] - top, across[across >= left] - left  # a tap that an edge does not have is -1
    cells = tuple(
        Cell(row, col, middle * prod(sizes) + r * sizes[1] + c)
        for r, row in enumerate(down.tolist())
        for c, col in enumerate(across.tolist())
        if prod(sizes) <= _CELLS
    )
    frame = (int(down[0]), int(across[0]), int(np.ptp(down)) + 1, int(np.ptp(across)) + 1)
    return plain._replace(
        rows=bottom - top,
        cols=right - left,
        top=-top,
        left=-left,
        height=(plain.rows - 1) * steps[0] + 1,
        width=(plain.cols - 1) * steps[1] + 1,
        steps=steps,
        window=frame,
        cells=cells,
    )


# -- the matrix ------------------------------------------------------------------------------------------------------


def _pixels(
    layer: LayerBase, readers: Sequence[Reader], kernel: tuple[int, ...], position: tuple[int, ...]
) -> Pixels | None:
    """The most pixels that have few enough runs of one colour."""
    rows, cols = layer.matrix_shape
    if max(rows, cols) >= _LARGEST:
        return None
    shown, size = 0, layer.output_size
    for one, n in zip(position, size, strict=True):
        shown = shown * n + one
    channels = min(layer.in_channels // layer.groups, _CHANNELS) if isinstance(layer, Conv) else 1
    sides = [side for side in _SIDES if min(rows, side) * channels * prod(kernel) <= _ENTRIES]
    for side in sides or _SIDES[-1:]:
        height, width = min(rows, side), min(cols, side)
        framed = shown * height // rows
        # Framed is the line of the row whose window is shown: where it stands for many, it shows that row.
        begins = [-(-line * rows // height) for line in range(height + 1)]
        lines = np.array([(begin + end - 1) // 2 for begin, end in pairwise(begins)], dtype=np.int64)
        lines[framed] = shown
        number, columns, met = _entries(layer, size, readers, kernel, lines)
        exact = width == cols
        across = columns * width // cols
        taps = np.full((height, width), NONE, dtype=np.int64)
        _put(taps.reshape(-1), number * width + across, met, first=exact)
        if _runs(taps) <= _RUNS:
            break
    return Pixels(taps, (height, width) == (rows, cols), row=framed)


def _entries(
    layer: LayerBase, size: tuple[int, ...], readers: Sequence[Reader], kernel: tuple[int, ...], rows: Ints
) -> tuple[Ints, Ints, Ints]:
    """Entries of some rows of the matrix: number of the row among these, column and tap."""
    channel, at = np.divmod(rows, prod(size))
    position: list[Ints] = []
    for n in reversed(size):
        at, one = np.divmod(at, n)
        position.insert(0, one)
    inputs = np.zeros((len(rows), 1), dtype=np.int64)
    taps, reads = inputs[0], inputs == 0
    for reader, one, n, k in zip(readers, position, layer.input_size, kernel, strict=True):
        _, sources = reader(one)  # shape (rows, k)
        inputs = (inputs[:, :, None] * n + sources[:, None]).reshape(len(rows), -1)
        reads = (reads[:, :, None] & (sources != NONE)[:, None]).reshape(len(rows), -1)
        taps = np.add.outer(taps * k, np.arange(k)).ravel()
    if isinstance(layer, Unfold):
        channel, own = np.divmod(channel, prod(kernel))
        reads &= taps == own[:, None]
    number, tap = np.nonzero(reads)
    columns, met, plane = inputs[number, tap], taps[tap], prod(layer.input_size)
    if not isinstance(layer, Conv):
        return number, channel[number] * plane + columns, met
    each = layer.in_channels // layer.groups
    kept = np.arange(each) if each <= _CHANNELS else np.arange(_CHANNELS) * each // _CHANNELS
    first = channel // (layer.out_channels // layer.groups) * each
    columns = (first[number, None] + kept) * plane + columns[:, None]
    return np.repeat(number, len(kept)), columns.ravel(), np.repeat(met, len(kept))


def _put(line: Ints, pixels: Ints, taps: Ints, *, first: bool) -> None:
    """Set the pixels of entries: of several taps in one pixel the first decides, or the one in the middle."""
    order = np.lexsort((taps, pixels))
    places, begins, count = np.unique(pixels[order], return_index=True, return_counts=True)
    line[places] = taps[order][begins + (0 if first else (count - 1) // 2)]


def _runs(taps: Ints) -> int:
    """Number of runs of one colour in the lines."""
    begins = np.ones(taps.shape, dtype=bool)
    begins[:, 1:] = taps[:, 1:] != taps[:, :-1]
    return int((begins & (taps != NONE)).sum())
