"""A layer of any class as a card for notebooks: its sizes as text, and a small picture of its maps and its matrix.

The card is HTML with inline SVG, made in a few milliseconds, without matplotlib and whatever the layer's size. Its
colours follow Jupyter's theme, or else the browser's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from math import log10, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.layers import ConvTranspose, LayerBase, MaxPool, PixelShuffle, PixelUnshuffle, Transposed, WeightedLayer
from convmatrix.layers.arguments import check_kind
from convmatrix.layers.rules import DEFAULTS
from convmatrix.show.model.overview import NONE, Map, Overview, Pixels, overview
from convmatrix.show.model.palette import THEMES, tap_colours
from convmatrix.show.model.style import BLOCK_GAP, CARD_PROSE, CARD_SIGN, CARD_TEXT, TINT
from convmatrix.show.model.typeset import as_unicode

__all__ = ["html", "sentence"]

_CELL, _LEAST_CELL = 14.0, 4.0
"""Side of a cell at most, and at least where cells have borders, in pixels."""
_MAP, _KERNEL, _MATRIX = 112.0, 56.0, (280.0, 140.0)
"""Most pixels on a side of a map and of a kernel, and of the matrix across and down."""
_THIN = 8.0
"""Least height, and width, of what is long, in pixels."""
_SHEET = 3.0
"""How far one plane stands out from behind another."""
_SIGN, _GAP, _MARGIN = 30.0, 40.0, 2.0
"""Space for a sign between maps, between them and the matrix, and around the picture."""
_HEAD, _DROP, _LETTER = 20.0, 8.0, 6.7
"""Height of the line of labels, of its baseline, and width of a letter, rather more than it takes."""
_WINDOW = 5.0
"""Least side of a window's frame."""
_LEAST_TINTED, _INSET = 1.5, 0.5
"""Least side of a cell that is tinted under the window, and half of the line of the ground between coloured cells."""
_MOST_CELLS = 2**10
"""Most cells of a kernel that are drawn one by one."""
_LEGIBLE = 10**15
"""Numbers below it are written in full."""

_DEFAULTS = {
    **DEFAULTS,
    "ceil_mode": False,
    "count_include_pad": True,
    "divisor_override": None,
    "align_corners": False,
}
_NAMES = {"kernel_size": "kernel", "padding_mode": "border", "divisor_override": "divisor"}
"""Names of settings where they are not that of the field."""
_SETTINGS = ("kernel_size", "mode", *(name for name in _DEFAULTS if "channels" not in name))
"""Arguments that are written, in this order; channels stand beside the sizes."""


def html(layer: LayerBase) -> str:
    """Write the card of a layer.

    Parameters
    ----------
    layer : LayerBase
        Of any class.

    Returns
    -------
    str
        HTML, at most some tens of thousands of bytes. Where nothing can be drawn, it has the sizes alone.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> card = html(Conv(4, 3))
    >>> card.count("<svg"), len(card) < 10_000, "kernel 3 × 3" in card
    (1, True, True)
    """
    check_kind("layer", layer, LayerBase)
    settings = f"<span>{escape(_settings(layer))}</span>"
    return (
        f'<div class="convmatrix-layer"><style>{_STYLE}</style>'
        f"<div><b>{type(layer).__name__}</b> {_sizes(layer)}{settings}</div>{_picture(layer)}"
        f"<div><span>{_matrix(layer)}</span></div></div>"
    )


def _picture(layer: LayerBase) -> str:
    """The picture, or nothing: an error in a repr would hide the layer."""
    try:
        return _Picture(layer, overview(layer)).svg()
    except Exception:  # whatever a class of a user's raises, or numbers that no array holds: sizes are in the text
        return ""


def sentence(layer: LayerBase) -> str:
    """Describe a layer in a sentence, as the alternative text of its picture.

    Parameters
    ----------
    layer : LayerBase

    Returns
    -------
    str

    Examples
    --------
    >>> from convmatrix import Conv
    >>> sentence(Conv((5,), 3, stride=2, padding=1))
    'Conv, 5 → 3, kernel 3, stride 2, padding 1; the matrix C is 3 × 5, with 7 entries.'
    """
    named = ", ".join(filter(None, (type(layer).__name__, _sizes(layer), _settings(layer))))
    return f"{named}; the matrix {_matrix(layer)}."


# -- text ------------------------------------------------------------------------------------------------------------


def _sizes(layer: LayerBase) -> str:
    """Input and output: sizes, with their channels where there are several."""
    one = layer.in_channels == layer.out_channels == 1
    ends = (layer.input_size, layer.output_size) if one else (layer.input_shape, layer.output_shape)
    return " → ".join(map(_size, ends))


def _size(size: Iterable[int]) -> str:
    return " × ".join(map(_number, size)) or "1"


def _number(number: int) -> str:
    """A number with commas, or from some length on its first digits and its power of ten."""
    if number < _LEGIBLE:
        return f"{number:,}"
    exponent = log10(number)
    return f"{10 ** (exponent % 1):.3g}e{int(exponent)}"


def _settings(layer: LayerBase) -> str:
    """The arguments other than sizes and channels; defaults are left out."""
    parts = []
    for name in ("factor",) if isinstance(layer, PixelShuffle | PixelUnshuffle) else _SETTINGS:
        value = getattr(layer, name, _DEFAULTS.get(name))
        if value is None or (name in _DEFAULTS and _is_everywhere(value, _DEFAULTS[name])):
            continue
        parts.append(f"{_NAMES.get(name, name.replace('_', ' '))} {_value(value, name)}")
    return ", ".join(parts)


def _is_everywhere(value: Any, default: Any) -> bool:
    return bool(value == default) or (isinstance(value, tuple) and all(entry == default for entry in value))


def _value(value: Any, name: str) -> str:
    """A setting: one number where it is the same on all axes, but for sizes."""
    if not isinstance(value, tuple):
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
    if name in ("kernel_size", "factor"):
        return _size(value)
    entries = [_pair(*entry) if isinstance(entry, tuple) else _number(entry) for entry in value]
    return entries[0] if len(set(entries)) == 1 else f"({', '.join(entries)})"


def _pair(before: int, after: int) -> str:
    """The padding of one axis."""
    return _number(before) if before == after else f"{_number(before)} before {_number(after)} after"


def _matrix(layer: LayerBase) -> str:
    """Shape and entries of the matrix."""
    rows, cols = map(_number, layer.matrix_shape)
    entries = "1 entry" if layer.nnz == 1 else f"{_number(layer.nnz)} entries"
    if isinstance(layer, MaxPool):
        entries += ": the largest input of each window"
    return f"{as_unicode(_letters(layer)[1])} is {rows} × {cols}, with {entries}"


def _letters(layer: LayerBase) -> tuple[str, str, str]:
    """Letters of the output, of the matrix and of the input, as scenes have them."""
    if isinstance(layer, MaxPool):
        return ("y", "S", "x")
    transposed = isinstance(layer, ConvTranspose) or type(layer) is Transposed
    return ("x", "C^T", "y") if transposed else ("y", "C", "x")


# -- the picture -----------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A part of the picture: its letter and the note beside it, its size in pixels, and the elements at a place."""

    letter: str
    note: str
    wide: float
    tall: float
    draw: Callable[[float, float], Iterator[str]]

    @property
    def width(self) -> float:
        """Of the part, or of its label where that is wider."""
        return max(self.wide, _LETTER * (len(self.letter) + 1 + len(self.note)))


class _Picture:
    """Maps and kernel in a row on one centre line, and the matrix beside them."""

    def __init__(self, layer: LayerBase, seen: Overview) -> None:
        self.layer, self.seen = layer, seen
        self.colours = tap_colours(seen.kernel) if seen.pixels is not None else []
        self.cell = min(_CELL, _MAP / max(seen.input.rows, seen.input.cols, seen.output.rows, seen.output.cols))

    def svg(self) -> str:
        output, matrix, input_ = map(as_unicode, _letters(self.layer))
        parts = [self.map(input_, self.seen.input), self.map(output, self.seen.output)]
        signs = ["", "→"]
        if isinstance(self.layer, WeightedLayer):
            parts.insert(1, self.kernel(self.layer))
            signs = ["", "·", "→"] if self.seen.transposed else ["", "∗", "="]
        highest = max(part.tall for part in parts)
        parts.append(self.matrix(matrix))
        tallest = max(highest, parts[-1].tall)
        # Labels that would stand almost on one line do.
        heights = [tallest, tallest] if abs(highest - parts[-1].tall) < _HEAD else [highest, parts[-1].tall]
        middle = _HEAD + tallest / 2
        elements, x = [], _MARGIN
        for part, sign in zip(parts, [*signs, ""], strict=True):
            if sign:
                elements.append(f'<text x="{_n(x + _SIGN / 2)}" y="{_n(middle + 5)}" class="z">{sign}</text>')
            x += _SIGN if sign else _GAP if elements else 0.0
            centre, rise = x + part.width / 2, heights[part is parts[-1]] / 2
            elements.append(
                f'<text x="{_n(centre)}" y="{_n(middle - rise - _DROP)}"><tspan class="l">{part.letter}</tspan>'
                f'<tspan class="q" dx="5">{part.note}</tspan></text>'
            )
            elements += part.draw(centre - part.wide / 2, middle - part.tall / 2)
            x += part.width
        wide, tall = _n(x + _MARGIN), _n(_HEAD + tallest + _MARGIN)
        about = escape(sentence(self.layer))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}" '
            f'role="img" aria-label="{about}"><title>{about}</title>{"".join(elements)}</svg>'
        )

    # -- maps --------------------------------------------------------------------------------------------------------

    def map(self, letter: str, shown: Map) -> _Part:
        """A map with its planes, its padding and the window."""
        wide, tall = max(shown.cols * self.cell, _THIN), max(shown.rows * self.cell, _THIN)
        sheets = _SHEET * min(shown.planes - 1, 2)
        return _Part(
            letter,
            _size(shown.shape),
            wide + sheets,
            tall + sheets,
            lambda x, y: self.map_at(shown, x, y + sheets, wide / shown.cols, tall / shown.rows),
        )

    def map_at(self, shown: Map, x: float, y: float, wide: float, tall: float) -> Iterator[str]:
        width, height = shown.cols * wide, shown.rows * tall
        yield from _sheets(x, y, width, height, shown.planes)
        padded = (shown.height, shown.width) != (shown.rows, shown.cols) or shown.steps != (1, 1)
        if self.cell >= _LEAST_CELL:
            elements = {
                (shown.top + row, shown.left + col)
                for row in range(0, shown.height, shown.steps[0])
                for col in range(0, shown.width, shown.steps[1])
            }
            every = [(row, col) for row in range(shown.rows) for col in range(shown.cols)]
            boxes = {place: (x + place[1] * wide, y + place[0] * tall, wide, tall) for place in every}
            yield _path([boxes[place] for place in every if place not in elements], "p")
            yield _path([boxes[place] for place in every if place in elements], "m")
        else:
            if padded:
                yield _path([(x, y, width, height)], "p")
            left, top = x + shown.left * wide, y + shown.top * tall
            yield _path([(left, top, shown.width * wide, shown.height * tall)], "m")
        if shown.window is None:
            return
        if self.cell >= _LEAST_TINTED and self.colours:
            tinted: dict[str, list[_Box]] = {}
            for row, col, tap in shown.cells:
                tinted.setdefault(self.colours[tap], []).append((x + col * wide, y + row * tall, wide, tall))
            for colour, boxes_of_tap in tinted.items():
                yield _path(boxes_of_tap, "t", colour)
        row, col, rows, cols = shown.window
        yield _frame(x + col * wide, y + row * tall, cols * wide, rows * tall)

    def kernel(self, layer: WeightedLayer) -> _Part:
        """The taps of the kernel, of more than two axes those in the middle."""
        *depth, rows, cols = (1, 1, *layer.kernel_size)
        cell = self.cell if self.cell >= _LEAST_CELL else min(_CELL / 2, _KERNEL / max(rows, cols))
        shape = layer.weight_shape if layer.in_channels > 1 or layer.out_channels > 1 else layer.kernel_size
        planes = prod(shape) // (rows * cols)
        sheets = _SHEET * min(planes - 1, 2)
        middle = 0
        for size in depth:
            middle = middle * size + size // 2
        colours = self.colours[middle * rows * cols :][: rows * cols]
        wide, tall = max(cols * cell, _THIN), max(rows * cell, _THIN)

        def draw(x: float, y: float) -> Iterator[str]:
            yield from _sheets(x, y + sheets, wide, tall, planes)
            if rows * cols > _MOST_CELLS or not self.colours:
                yield _path([(x, y + sheets, wide, tall)], "m")
                return
            taps = np.arange(rows * cols).reshape(rows, cols)
            inset = _INSET if cell >= _LEAST_CELL else 0.0
            yield from _coloured(_boxes(taps, x, y + sheets, wide / cols, tall / rows), colours, inset)

        return _Part("w", _size(shape), wide + sheets, tall + sheets, draw)

    # -- the matrix --------------------------------------------------------------------------------------------------

    def matrix(self, letter: str) -> _Part:
        """The matrix: cells with gaps between blocks where there is space for them, an image, or its shape alone."""
        rows, cols = self.layer.matrix_shape
        note, pixels = f"{_number(rows)} × {_number(cols)}", self.seen.pixels
        scale = min(_MATRIX[0] / cols, _MATRIX[1] / rows)
        wide, tall = max(cols * scale, 2 * _THIN), max(rows * scale, 2 * _THIN)
        if pixels is None:
            return _Part(letter, note, wide, tall, lambda x, y: iter([_path([(x, y, wide, tall)], "m")]))
        down, across = ([BLOCK_GAP * (at // block) for at in range(n)] for n, block in self.blocks(pixels))
        cell = min(_CELL, _MATRIX[0] / (len(across) + across[-1]), _MATRIX[1] / (len(down) + down[-1]))
        if pixels.exact and cell >= _LEAST_CELL:
            lefts = [cell * (at + gap) for at, gap in enumerate(across)]
            tops = [cell * (at + gap) for at, gap in enumerate(down)]
            return _Part(
                letter,
                note,
                lefts[-1] + cell,
                tops[-1] + cell,
                lambda x, y: self.matrix_of_cells(pixels, x, y, lefts, tops, cell),
            )
        return _Part(letter, note, wide, tall, lambda x, y: self.matrix_as_image(pixels, x, y, wide, tall))

    def blocks(self, pixels: Pixels) -> tuple[tuple[int, int], tuple[int, int]]:
        """For rows and columns of pixels, their number and that of a block: a row of the map."""
        height, width = pixels.taps.shape
        sizes = (self.layer.output_size, self.layer.input_size)
        row_block, col_block = (size[-1] if size and size[-1] > 1 else prod(size) for size in sizes)
        return (height, row_block), (width, col_block)

    def matrix_of_cells(
        self, pixels: Pixels, x: float, y: float, lefts: Sequence[float], tops: Sequence[float], cell: float
    ) -> Iterator[str]:
        places = np.ndindex(pixels.taps.shape)
        boxes = {place: (x + lefts[place[1]], y + tops[place[0]], cell, cell) for place in places}
        if len(boxes) <= _MOST_CELLS:
            yield _path([boxes[place] for place in boxes if pixels.taps[place] == NONE], "o")
        else:
            yield _path([(x, y, lefts[-1] + cell, tops[-1] + cell)], "o")
        yield from _coloured(((boxes[place], int(pixels.taps[place])) for place in boxes), self.colours)
        if pixels.row is not None:
            yield _frame(x, y + tops[pixels.row], lefts[-1] + cell, cell)
        if pixels.col is not None:
            yield _frame(x + lefts[pixels.col], y, cell, tops[-1] + cell)

    def matrix_as_image(self, pixels: Pixels, x: float, y: float, wide: float, tall: float) -> Iterator[str]:
        height, width = pixels.taps.shape
        scale = f"translate({_n(x)} {_n(y)}) scale({wide / width:.5g} {tall / height:.5g})"
        yield f'<g transform="{scale}" shape-rendering="crispEdges">'
        yield from _coloured(_boxes(pixels.taps, 0, 0, 1, 1), self.colours, inset=0.0)
        yield "</g>"
        yield _path([(x, y, wide, tall)], "f")
        if pixels.row is not None:
            yield _frame(x, y + pixels.row * tall / height, wide, tall / height)
        if pixels.col is not None:
            yield _frame(x + pixels.col * wide / width, y, wide / width, tall)


_Box = tuple[float, float, float, float]


def _boxes(taps: NDArray[np.int64], x: float, y: float, wide: float, tall: float) -> Iterator[tuple[_Box, int]]:
    """Runs of one tap in the lines of an array, as boxes."""
    for row, line in enumerate(taps):
        begins = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), len(line)]
        for begin, end in pairwise(begins):
            if line[begin] != NONE:
                yield (x + begin * wide, y + row * tall, (end - begin) * wide, tall), int(line[begin])


def _coloured(boxes: Iterable[tuple[_Box, int]], colours: Sequence[str], inset: float = _INSET) -> Iterator[str]:
    """A path for each colour, its boxes parted by a line of the ground."""
    by_colour: dict[str, list[_Box]] = {}
    for (x, y, wide, tall), tap in boxes:
        if tap != NONE:
            box = (x + inset, y + inset, wide - 2 * inset, tall - 2 * inset)
            by_colour.setdefault(colours[tap], []).append(box)
    for colour, each in by_colour.items():
        yield _path(each, "", colour)


def _path(boxes: Sequence[_Box], kind: str, colour: str = "") -> str:
    """Boxes as one path."""
    if not boxes:
        return ""
    drawn = "".join(f"M{_n(x)} {_n(y)}h{_n(wide)}v{_n(tall)}h{_n(-wide)}z" for x, y, wide, tall in boxes)
    looks = f' class="{kind}"' if kind else ""
    fill = f' fill="{colour}"' if colour else ""
    return f'<path{looks}{fill} d="{drawn}"/>'


def _frame(x: float, y: float, wide: float, tall: float) -> str:
    """The outline of a window, which is never too small to be seen."""
    wider, taller = max(_WINDOW - wide, 0.0), max(_WINDOW - tall, 0.0)
    return (
        f'<rect class="w" x="{_n(x - wider / 2)}" y="{_n(y - taller / 2)}" width="{_n(wide + wider)}" '
        f'height="{_n(tall + taller)}" rx="1"/>'
    )


def _sheets(x: float, y: float, wide: float, tall: float, planes: int) -> Iterator[str]:
    """Edges of the planes behind the first, of which two are shown at most."""
    for number in range(min(planes - 1, 2), 0, -1):
        yield _path([(x + _SHEET * number, y - _SHEET * number, wide, tall)], "m")


def _n(length: float) -> str:
    """A length, in tenths of a pixel."""
    return f"{length:.1f}".removesuffix(".0") if abs(length) >= 0.05 else "0"


# -- the style sheet -------------------------------------------------------------------------------------------------

_ROLES = ("ground", "ink", "quiet", "line", "soft", "map", "window")


def _colours(theme: str) -> str:
    return "".join(f"--{role}:{getattr(THEMES[theme], role)};" for role in _ROLES)


def _sheet() -> str:
    """Rules for the card: Jupyter's theme decides, then that of a page which says its own, then the browser's."""
    light, dark = _colours("light"), _colours("dark")
    card = ".convmatrix-layer"
    dark_pages = ("[data-jp-theme-light=false]", "[data-theme=dark]", ".vscode-dark")
    light_pages = ("[data-jp-theme-light=true]", "[data-theme=light]", ".vscode-light")
    rules = {
        card: "display:inline-block;box-sizing:border-box;max-width:100%;padding:6px 10px;border-radius:4px;"
        f"background:var(--ground);color:var(--ink);font:{CARD_PROSE:g}px/1.6 system-ui,sans-serif;{light}",
        f"{card} svg": "display:block;max-width:100%;height:auto;margin:4px 0",
        f"{card} span": "color:var(--quiet)",
        f"{card} b+span": "margin-left:1em",
        f"{card} text": f"font:{CARD_TEXT:g}px system-ui,sans-serif;text-anchor:middle;fill:var(--ink)",
        f"{card} .z": f"font-size:{CARD_SIGN:g}px",
        f"{card} .l": "font-style:italic",
        f"{card} .q": "fill:var(--quiet)",
        f"{card} .m": "fill:var(--map);stroke:var(--line)",
        f"{card} .p": "fill:var(--ground);stroke:var(--line);stroke-dasharray:2 2",
        f"{card} .o": "fill:none;stroke:var(--soft)",
        f"{card} .f": "fill:none;stroke:var(--line)",
        f"{card} .t": f"fill-opacity:{TINT}",
        f"{card} .w": "fill:none;stroke:var(--window);stroke-width:1.6",
    }
    text = "".join(f"{selector}{{{rule}}}" for selector, rule in rules.items())
    text += f"@media(prefers-color-scheme:dark){{{card}{{{dark}}}}}"
    for pages, colours in ((light_pages, light), (dark_pages, dark)):
        text += ",".join(f"{page} {card}" for page in pages) + f"{{{colours}}}"
    return text


_STYLE = _sheet()
