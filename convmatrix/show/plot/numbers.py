"""Arrays of numbers as panels: cells with their numbers in colours by value, or images where there are many."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import WrongTypeError
from convmatrix.layers.arguments import array_of
from convmatrix.show.model.film import Look, Panel
from convmatrix.show.model.looks import scale
from convmatrix.show.model.palette import ink_on, rgb, value_scale
from convmatrix.show.model.scene import number_label
from convmatrix.show.model.style import CHANNEL_GAP, Style
from convmatrix.show.plot.sheet import Tile

__all__ = ["Matrix", "Shades", "columns_of", "numbers_of", "reduced", "slices_of", "sparse_of", "stacked", "tile_of"]

_ACROSS = 26
"""Most cells side by side: what fits on a slide."""
_PIXELS = 512
"""Most pixels on a side of a picture whose cells are too small to be labelled."""
_LEAST, _ROUNDING = 0.15, 1e-9
"""In units of the largest number: the colour of the smallest that is not zero, and the bound below which it is zero."""
_MOST_NUMBERS = 10**8
"""Of an array that is drawn."""
_SLICES = 32
"""Most slices of a volume."""

Matrix = ArrayLike | sparse.sparray


class Shades:
    """Colours of numbers: diverging around 0, with symmetric limits, in a style."""

    def __init__(self, style: Style, *matrices: Any, most: float | None = None) -> None:
        self.style = style
        real = [_real(each.data if isinstance(each, sparse.coo_array) else each) for each in matrices]
        self.most = most or max((float(np.abs(each).max()) for each in real if each.size), default=0.0) or 1.0
        self.signed = any(each.size and each.min() < 0 for each in real)
        scale = value_scale(1.0, style.colours, 2 * _STEPS + 1)
        self._table = np.array([rgb(colour) for _, colour in scale], dtype=np.uint8)

    def pixels(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """Colours, of one more axis of length 3."""
        part = np.clip(_real(numbers) / self.most, -1, 1)
        # Beside large numbers, a one would be as pale as a zero.
        part = np.where(np.abs(part) > _ROUNDING, np.sign(part) * (_LEAST + (1 - _LEAST) * np.abs(part)), 0.0)
        return self._table[np.rint(part * _STEPS).astype(np.int64) + _STEPS]

    def key(self, cells: int) -> Tile | None:
        """A colour bar, where cells are too small for numbers."""
        return Tile(*scale(self.style, self.most, signed=self.signed)) if cells > _NUMBERED else None


_STEPS = 255
"""Steps of a scale of colours, from 0 to its end."""
_NUMBERED = 40
"""Most rows and columns whose numbers are written, where the style's size leaves space for them."""


def tile_of(
    name: str,
    title: str,
    note: str,
    matrix: Any,
    shades: Shades,
    sign: str = "",
    *,
    zeros: bool = True,
    block: int = 0,
) -> Tile:
    """A matrix as cells with their numbers, or where there are many, as an image; cut after each `block` rows."""
    rows, cols = matrix.shape
    small = max(rows, cols) > _NUMBERED
    panel = Panel(name, title, note, rows, cols, labelled=not small, bordered=not small)
    if block and not small:
        panel = panel._replace(row_blocks=(rows + 1, block), gap=CHANNEL_GAP)
    if small:
        return Tile(panel, shades.pixels(reduced(matrix)), sign)
    array = matrix.toarray() if isinstance(matrix, sparse.coo_array) else matrix
    papers, colours = shades.pixels(array), shades.style.colours
    looks = {}
    for row, col in np.ndindex(rows, cols):
        value, paper = array[row, col], "#" + bytes(papers[row, col]).hex()
        text = number_label(value) if array.dtype != bool and (zeros or value != 0) else ""
        text = "" if shades.style.labels in ("none", "symbols") else text
        looks[row, col] = Look(paper, text, colours.zero if value == 0 else ink_on(paper), colours.line)
    return Tile(panel, looks, sign)


def slices_of(name: str, array: NDArray[Any], shades: Shades) -> list[Tile]:
    """A map, or the slices of a volume."""
    if array.ndim > 3:
        raise ValueError(f"maps are drawn for at most 3 axes, got {array.ndim}: draw slices of them")
    if array.ndim < 3:
        return [tile_of(name, "", "", array.reshape((1, 1, *array.shape)[-2:]), shades)]
    if len(array) > _SLICES:
        raise ValueError(f"the volume has {len(array)} slices but at most {_SLICES} are drawn: draw some of them")
    return [tile_of(f"{name}-{depth}", "", f"depth {depth}", each, shades) for depth, each in enumerate(array)]


def columns_of(array: NDArray[Any]) -> int | None:
    """Slices of a volume in a row."""
    return max(1, int(_ACROSS // (array.shape[-1] + 1))) if array.ndim == 3 else None


def stacked(image: ArrayLike, what: str) -> NDArray[Any]:
    """An image as rows and columns, its channels one below the other."""
    array = numbers_of(what, image)
    if array.ndim > 3:
        raise ValueError(f"an {what} is drawn with at most 3 axes, channels first, got {array.ndim}: draw one slice")
    return array.reshape(-1, array.shape[-1] if array.ndim else 1)


def numbers_of(name: str, values: Any) -> NDArray[Any]:
    """An array of numbers that is not too large to be looked at."""
    array = array_of(name, values)
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    if array.size > _MOST_NUMBERS:
        raise ValueError(f"{name} of shape {array.shape} has more than {_MOST_NUMBERS} numbers: give a part of it")
    return array


def sparse_of(matrix: Any, name: str) -> Any:
    """Its entries, as a coo_array."""
    array: Any = matrix if sparse.issparse(matrix) else numbers_of(name, matrix)
    entries: Any = sparse.coo_array(array) if len(array.shape) == 2 else None
    if entries is None or entries.dtype.kind not in "biufc" or not np.all(np.isfinite(entries.data)):
        raise ValueError(
            f"{name} has to be a matrix of finite numbers, got shape {array.shape} and dtype {array.dtype}"
        )
    if max(entries.shape) > _MOST_NUMBERS:
        raise ValueError(
            f"{name} of shape {entries.shape} has more than {_MOST_NUMBERS} rows or columns: give a part of it"
        )
    return entries


def _real(numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers that have a sign; of complex ones, the size."""
    return np.asarray(np.abs(numbers) if numbers.dtype.kind == "c" else numbers, dtype=np.float64)


def reduced(matrix: Any) -> NDArray[np.float64]:
    """A matrix as at most 512 x 512 numbers: of each block, the one of the largest size."""
    entries = sparse.coo_array(matrix)
    rows, cols = entries.shape
    steps = [-(-size // _PIXELS) for size in (rows, cols)]
    pixels = np.zeros((-(-rows // steps[0]), -(-cols // steps[1])))
    data = _real(entries.data)
    order = np.argsort(np.abs(data), kind="stable")
    pixels[entries.row[order] // steps[0], entries.col[order] // steps[1]] = data[order]  # the last one stays
    return pixels
