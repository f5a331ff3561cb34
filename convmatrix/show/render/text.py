"""The scene as text: a grid with labels, half-blocks, braille, plain ASCII, or a Markdown table."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import pluralize, short
from convmatrix.layers.arguments import check_kind
from convmatrix.show.model.palette import ink_on, rgb
from convmatrix.show.model.scene import Scene, tap_label
from convmatrix.show.model.typeset import as_ascii, as_unicode

__all__ = ["FORMS", "Terminal", "around_middle", "draw", "fitting_grid", "markdown", "visible_width"]

FORMS = ("grid", "narrow", "half", "braille")
"""From the largest to the smallest."""

_ROWS = {"grid": 64, "narrow": 64, "half": 200, "braille": 200}
"""Most rows of a matrix for each form that is chosen by default."""
_LARGEST = 2 * 10**7
"""Most rows, columns and entries of a matrix that is drawn: some seconds."""
_PLACES = 4 * 10**6
"""Most rows times columns of one that has a place for each."""
_LINES = 48
"""Most lines of braille."""
_MIDDLE = 8
"""Most rows around the middle of a matrix that does not fit."""
_ENOUGH = 4
"""Fewest of them that show more than the whole matrix in dots does, where they have names and no numbers."""
_NAMED = 100
"""Most taps whose names are written below half-blocks."""

_LEVELS = (0, 95, 135, 175, 215, 255)
_XTERM = dict(enumerate(product(_LEVELS, repeat=3), 16)) | {
    number: (level, level, level) for number, level in enumerate(range(8, 248, 10), 232)
}
"""xterm's colours by number: a cube of 6 x 6 x 6, and greys."""

_UNICODE = {"nothing": "·", "across": "─", "down": "│", "corners": "┌┬┐├┼┤└┴┘", "half": " ▀▄█"}
_ASCII = {"nothing": ".", "across": "-", "down": "|", "corners": "+++++++++", "half": " '.#"}


@dataclass(frozen=True)
class Terminal:
    """Capabilities of the output that text is written to.

    Parameters
    ----------
    width : int
        Characters in a line.
    colours : {0, 256, 16777216}
        Number of colours; 0 for none.
    unicode : bool
        Whether it can encode box-drawing characters and braille.
    height : int, optional
        Most lines of a picture whose form is not chosen; by default as many as it takes.
    """

    width: int = 80
    colours: Literal[0, 256, 16777216] = 0
    unicode: bool = True
    height: int | None = None

    @property
    def signs(self) -> dict[str, str]:
        """The characters to draw with."""
        return _UNICODE if self.unicode else _ASCII

    def set_label(self, label: str) -> str:
        """A label as text: with Unicode's indices, or in ASCII."""
        return as_unicode(label) if self.unicode else as_ascii(label)

    def paint(self, text: str, ink: str | None = None, paper: str | None = None) -> str:
        """Text in a colour, on a colour; unchanged without colours."""
        if not self.colours or not (ink or paper):
            return text
        codes = [f"{base};{self._code(colour)}" for base, colour in ((38, ink), (48, paper)) if colour]
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"

    def label(self, text: str, paper: str) -> str:
        """Text on a colour, in the ink that is readable on what is shown of it."""
        return self.paint(text, ink_on(_closest(paper)[1] if self.colours == 256 else paper), paper)

    def faint(self, text: str) -> str:
        """Text that stays in the background."""
        return f"\x1b[2m{text}\x1b[0m" if self.colours else text

    def _code(self, colour: str) -> str:
        if self.colours == 256:
            return f"5;{_closest(colour)[0]}"
        return "2;{};{};{}".format(*rgb(colour))


def visible_width(line: str) -> int:
    """Characters of a line, without the codes of its colours.

    Parameters
    ----------
    line : str

    Returns
    -------
    int

    Examples
    --------
    >>> visible_width(Terminal(colours=256).paint("w00", "#000000"))
    3
    """
    return len(re.sub(r"\x1b\[[0-9;]*m", "", line))


@cache
def _closest(colour: str) -> tuple[int, str]:
    """Of xterm's 256 colours the one that is closest, its number and what it is."""
    number = min(_XTERM, key=lambda other: sum((a - b) ** 2 for a, b in zip(_XTERM[other], rgb(colour), strict=True)))
    return number, "#" + bytes(_XTERM[number]).hex()


def draw(scene: Scene, terminal: Terminal, form: str | None = None) -> list[str]:
    r"""Draw the matrix of a scene.

    Parameters
    ----------
    scene : Scene
    terminal : Terminal
    form : {"grid", "narrow", "half", "braille"}, optional
        Without it, the largest that fits the terminal, up to the number of rows that it suits; and where numbers do
        not fit, the rows around the middle.

    Returns
    -------
    list of str
        Lines.

    Raises
    ------
    ValueError
        If the matrix is too large to be drawn, or to be drawn in this form.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> print(*draw(Scene(Conv((4,), 3)), Terminal(unicode=False)), sep="\n")
         x0 x1 x2 x3
       +-------------+
    y0 | w0 w1 w2  . |
    y1 |  . w0 w1 w2 |
       +-------------+
    """
    check_kind("scene", scene, Scene)
    check_kind("terminal", terminal, Terminal)
    _require_drawable(scene, form)
    if form is None:
        return _fitting(scene, terminal)
    if form in ("grid", "narrow"):
        return _Grid(scene, terminal, narrow=form == "narrow").lines()
    return _half_blocks(scene, terminal) if form == "half" else _dots(scene, terminal)


def _fitting(scene: Scene, terminal: Terminal) -> list[str]:
    """The largest form that fits the terminal."""
    if grid := fitting_grid(scene, terminal):
        return grid
    middle = around_middle(scene, terminal) if scene.has_values or terminal.height is not None else []
    if terminal.height is not None:
        return middle or _overview(scene, terminal)
    return _overview(scene, terminal) + middle


def fitting_grid(scene: Scene, terminal: Terminal) -> list[str]:
    """Draw a matrix as a grid, wide or narrow, if it fits the terminal; see `draw`.

    Parameters
    ----------
    scene : Scene
    terminal : Terminal

    Returns
    -------
    list of str
        Lines; none if it does not fit.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> len(fitting_grid(Scene(Conv(4, 3)), Terminal(width=80))), fitting_grid(Scene(Conv(4, 3)), Terminal(width=60))
    (8, [])
    """
    check_kind("scene", scene, Scene)
    check_kind("terminal", terminal, Terminal)
    rows, cols = scene.shape
    most = _ROWS["grid"] if terminal.height is None else min(_ROWS["grid"], terminal.height)
    for narrow in (False, True) if rows <= most and cols <= terminal.width else ():
        grid = _Grid(scene, terminal, narrow=narrow)
        if grid.width <= terminal.width and (terminal.height is None or grid.height <= terminal.height):
            return grid.lines()
    return []


def _overview(scene: Scene, terminal: Terminal) -> list[str]:
    """The whole matrix without labels, in half-blocks if they fit, else in dots."""
    rows, cols = scene.shape
    if rows <= _ROWS["half"] and cols + 2 <= terminal.width:
        lines = _half_blocks(scene, terminal)
        if terminal.height is None or len(lines) <= terminal.height:
            return lines
    return _dots(scene, terminal)


def around_middle(scene: Scene, terminal: Terminal) -> list[str]:
    r"""Draw the rows around the middle of a matrix, with the columns that have entries in them.

    Parameters
    ----------
    scene : Scene
    terminal : Terminal

    Returns
    -------
    list of str
        Lines, the last of which describes what they show; none if not even one row fits, or four rows of names.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> scene = Scene(Conv((100,), 3), [1, 2, 3])
    >>> print(*around_middle(scene, Terminal(width=20, unicode=False)), sep="\n")
        x
        48 49 50 51 52
       +--------------+
    y48| 1  2  3  .  .|
    y49| .  1  2  3  .|
    y50| .  .  1  2  3|
       +--------------+
    the 3 rows of 98
    around the middle;
    columns without
    entries in them are
    left out
    """
    check_kind("scene", scene, Scene)
    check_kind("terminal", terminal, Terminal)
    rows, _ = scene.shape
    fewest = 1 if scene.has_values else _ENOUGH
    block = scene.row_block
    middle = rows // block // 2 * block + block // 2  # of its image row too, where the kernel's rows stand together
    for count in range(min(rows, _MIDDLE), fewest - 1, -1):
        first = min(max(middle - count // 2, 0), rows - count)
        shown = range(first, first + count)
        columns = np.unique(scene.cols[scene.matrix.indptr[first] : scene.matrix.indptr[first + count]])
        if not columns.size or columns.size > terminal.width:
            continue
        grid = _Grid(scene, terminal, shown, columns.tolist(), narrow=True)
        lines = grid.lines() + textwrap.wrap(_middle_described(count, scene.shape, columns.size), terminal.width)
        if grid.width <= terminal.width and (terminal.height is None or len(lines) <= terminal.height):
            return lines
    return []


def _require_drawable(scene: Scene, form: str | None) -> None:
    """Raise an error for a matrix that is too large to be drawn."""
    rows, cols = scene.shape
    largest = max(rows, cols, scene.layer.nnz)
    if largest > _LARGEST:
        raise ValueError(
            f"the matrix has {short(rows)} x {short(cols)} places and {pluralize(scene.layer.nnz, 'entry')}, but is "
            f"drawn with at most {_LARGEST} rows, columns and entries: draw a smaller layer"
        )
    if form in _PLACED and rows * cols > _PLACES:
        raise ValueError(
            f"the matrix has {rows} x {cols} = {rows * cols} places, but {_PLACED[form]} have at most {_PLACES}: draw "
            "it in braille, or a smaller layer"
        )


def _middle_described(count: int, shape: tuple[int, int], columns: int) -> str:
    """Description of the rows that are drawn."""
    rows = f"the {count} rows of {shape[0]} around the middle" if count > 1 else f"the middle one of {shape[0]} rows"
    they = "them" if count > 1 else "it"
    return rows + (f"; columns without entries in {they} are left out" if columns < shape[1] else "")


_PLACED = {"grid": "grids", "narrow": "grids", "half": "half-blocks", "markdown": "tables"}
"""Forms that have a place for each possible entry."""


# -- grid ------------------------------------------------------------------------------------------------------------


class _Grid:
    """One cell of text for each entry, with rulers between the image rows; some rows and columns, or all of them.

    A narrow one has cells that are as wide as what stands in their image row, no space beside its rulers, and the last
    index of each column's name on a line of its own.
    """

    def __init__(
        self,
        scene: Scene,
        terminal: Terminal,
        rows: Sequence[int] | None = None,
        cols: Sequence[int] | None = None,
        *,
        narrow: bool = False,
    ) -> None:
        self.scene, self.terminal, self.narrow = scene, terminal, narrow
        self.rows = range(scene.shape[0]) if rows is None else rows
        self.cols = range(scene.shape[1]) if cols is None else cols
        self.texts = {cell: terminal.set_label(scene.text(cell)) for row in self.rows for cell in scene.row_cells(row)}
        self.col_names = {col: terminal.set_label(scene.col_name(col)) for col in self.cols}
        self.row_names = {row: terminal.set_label(scene.row_name(row)) for row in self.rows}
        self.space = "" if narrow else " "
        self.left = max(map(len, self.row_names.values())) + len(self.space)
        self.blocks = [list(block) for _, block in groupby(self.cols, lambda col: col // scene.col_block)]
        self.wide = self._narrow_widths() if narrow else self._widths()

    def _widths(self) -> list[int]:
        """Width of the cells in each block: the same for all."""
        return [max(map(len, (*self.texts.values(), *self.col_names.values())))] * len(self.blocks)

    def _narrow_widths(self) -> list[int]:
        """Width of the cells in each block: of their texts and last indices, and such that the block's name fits."""
        longest = dict.fromkeys(self.cols, 1)
        for cell, text in self.texts.items():
            col = int(self.scene.cols[cell])
            longest[col] = max(longest[col], len(text))
        widths = []
        for block in self.blocks:
            prefix, _ = self._split(block[0])
            texts = max(max(longest[col], len(self._split(col)[1])) for col in block)
            widths.append(max(texts, -(-(len(prefix) + 1 - len(block)) // len(block))))
        return widths

    def _split(self, col: int) -> tuple[str, str]:
        """Name of a column as that of its image row, and its last index."""
        name, last = self.col_names[col], str(self.scene.col_position(col)[-1])
        cut = len(name) - len(last) if len(name) > 1 else len(name)
        return name[:cut].rstrip(",."), name[cut:]

    @property
    def width(self) -> int:
        return len(self.rule(0))

    @property
    def height(self) -> int:
        return len(self._header()) + 2 + len(self.rows) + sum(map(self._is_cut, self.rows[1:]))

    def lines(self) -> list[str]:
        lines = [*self._header(), self.rule(0)]
        for number, row in enumerate(self.rows):
            if number and self._is_cut(row):
                lines.append(self.rule(3))
            lines.append(self.row(row))
        return [*lines, self.rule(6)]

    def _is_cut(self, row: int) -> bool:
        """Check whether a row is the first of an image row."""
        block = self.scene.row_block
        return 1 < block < self.scene.shape[0] and row % block == 0

    def _header(self) -> list[str]:
        """The channels, if there are several, and the names of the columns."""
        indent = " " * (self.left + 1)
        if self.narrow:
            pieces = [[self._split(col) for col in block] for block in self.blocks]
            firsts = (block[0][0].ljust(self._inner(number)) for number, block in enumerate(pieces))
            names = [" ".join(firsts), self.joined([[last for _, last in block] for block in pieces], " ")]
        else:
            names = [self.joined([[self.col_names[col] for col in block] for block in self.blocks], " ")]
        return [(indent + line).rstrip() for line in (*self._channels(), *names)]

    def _channels(self) -> list[str]:
        per_channel = max(self.scene.shape[1] // self.scene.layer.input_shape[0], 1)
        channels = [block[0] // per_channel for block in self.blocks]
        spans: dict[int, int] = {}
        for number, channel in enumerate(channels):
            spans[channel] = spans.get(channel, 0) + self._inner(number) + 1
        return _channel_line(spans, self.scene.layer.input_shape[0])

    def row(self, row: int) -> str:
        scene, terminal = self.scene, self.terminal
        cells = {int(scene.cols[cell]): cell for cell in scene.row_cells(row)}
        parts = []
        for block, wide in zip(self.blocks, self.wide, strict=True):
            parts.append(
                [
                    terminal.label(self.texts[cells[col]].rjust(wide), scene.colour(cells[col]))
                    if col in cells
                    else terminal.faint(terminal.signs["nothing"].rjust(wide))
                    for col in block
                ]
            )
        down = terminal.signs["down"]
        name = (self.row_names[row] + self.space).rjust(self.left)
        return f"{name}{down}{self.joined(parts, down)}{down}"

    def _inner(self, number: int) -> int:
        """Characters between the rulers of a block."""
        count = len(self.blocks[number])
        return count * (self.wide[number] + 1) + (-1 if self.narrow else 1)

    def joined(self, parts: Sequence[Sequence[str]], separator: str) -> str:
        """Blocks of cells, those of plain text at the right of their places."""
        return separator.join(
            self.space + " ".join(part.rjust(wide) for part in block) + self.space
            for block, wide in zip(parts, self.wide, strict=True)
        )

    def rule(self, corner: int) -> str:
        """A horizontal line; `corner` counts in the terminal's nine corners."""
        first, middle, last = list(self.terminal.signs["corners"][corner : corner + 3])
        bars = (self.terminal.signs["across"] * self._inner(number) for number in range(len(self.blocks)))
        return " " * self.left + first + middle.join(bars) + last


def _channel_line(spans: Mapping[int, int], channels: int) -> list[str]:
    """Numbers of channels above so many characters each; no line where there is one channel, or they do not fit."""
    if channels == 1:
        return []
    for name in ("channel ", "ch "):
        if all(len(f"{name}{channel}") < span for channel, span in spans.items()):
            return ["".join(f"{name}{channel}".ljust(span) for channel, span in spans.items())]
    return []


# -- half-blocks -----------------------------------------------------------------------------------------------------


def _half_blocks(scene: Scene, terminal: Terminal) -> list[str]:
    """Two rows of the matrix in each line, one column in each character."""
    rows, cols = scene.shape
    taps = np.full((rows + rows % 2, cols), -1)
    taps[scene.rows, scene.cols] = scene.kernel_taps
    drawn = _framed(
        (
            "".join(_half_cell(scene, terminal, *pair) for pair in zip(upper.tolist(), lower.tolist(), strict=True))
            for upper, lower in zip(taps[::2], taps[1::2], strict=True)
        ),
        cols,
        terminal,
    )
    channels = scene.layer.input_shape[0]
    heads = _channel_line(dict.fromkeys(range(channels), cols // channels), channels)
    return [*(" " + line.rstrip() for line in heads), *drawn, *_legend(scene, terminal)]


def _legend(scene: Scene, terminal: Terminal) -> list[str]:
    """The names of the taps on their colours, as many to a line as fit."""
    if not terminal.colours or len(scene.colours) > _NAMED:
        return []
    alone = scene.layer.weight_shape[:2] == (1, 1)
    kernel = (1, 1, *scene.layer.kernel_size)
    names = [scene.tap_name(tap) if alone else tap_label(kernel, tap) for tap in range(len(scene.colours))]
    painted = [
        terminal.label(terminal.set_label(name), colour) for name, colour in zip(names, scene.colours, strict=True)
    ]
    fit = max((terminal.width + 1) // (max(map(len, names)) + 1), 1)
    return [" ".join(painted[start : start + fit]) for start in range(0, len(painted), fit)]


def _half_cell(scene: Scene, terminal: Terminal, upper: int, lower: int) -> str:
    empty, top, bottom, both = list(terminal.signs["half"])
    if upper < 0 and lower < 0:
        return empty
    if upper >= 0 and lower >= 0:
        if not terminal.colours or not terminal.unicode:
            return terminal.paint(both, scene.colours[upper])
        return terminal.paint(top, scene.colours[upper], scene.colours[lower])
    return terminal.paint(top, scene.colours[upper]) if upper >= 0 else terminal.paint(bottom, scene.colours[lower])


def _framed(lines: Iterable[str], width: int, terminal: Terminal) -> list[str]:
    corners, across, down = terminal.signs["corners"], terminal.signs["across"] * width, terminal.signs["down"]
    top, bottom = corners[0] + across + corners[2], corners[6] + across + corners[8]
    return [top, *(f"{down}{line}{down}" for line in lines), bottom]


# -- dots ------------------------------------------------------------------------------------------------------------


def _dots(scene: Scene, terminal: Terminal) -> list[str]:
    """Braille dots where entries are, 4 x 2 to a character, each for as many entries as necessary to fit."""
    tall, wide = (4, 2) if terminal.unicode else (1, 1)
    rows, cols = scene.shape
    most = _LINES if terminal.height is None else min(max(terminal.height - 3, 1), _LINES)
    row_step = -(-rows // (tall * most))
    col_step = -(-cols // (wide * max(terminal.width - 2, 1)))
    lines, chars = -(-rows // (row_step * tall)), -(-cols // (col_step * wide))
    canvas = np.zeros((lines * tall, chars * wide), dtype=bool)
    canvas[scene.rows // row_step, scene.cols // col_step] = True
    cells = canvas.reshape(lines, tall, chars, wide).transpose(0, 2, 1, 3)  # shape (lines, chars, tall, wide)
    drawn = _framed((_braille(row) if terminal.unicode else _hashes(row) for row in cells), chars, terminal)
    if (row_step, col_step) != (1, 1):
        dot = "dot" if terminal.unicode else "#"
        drawn += textwrap.wrap(terminal.set_label(f"one {dot} for {row_step} × {col_step} entries"), terminal.width)
    return drawn


def _braille(cells: NDArray[np.bool_]) -> str:
    # The dots of U+2800 are numbered down the columns, the fourth row last.
    numbers = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    return "".join(chr(0x2800 + code) for code in (cells * numbers).sum(axis=(1, 2)).tolist())


def _hashes(cells: NDArray[np.bool_]) -> str:
    return "".join("#" if cell else " " for cell in cells[:, 0, 0].tolist())


# -- Markdown --------------------------------------------------------------------------------------------------------


def markdown(scene: Scene, terminal: Terminal | None = None) -> list[str]:
    r"""Write the matrix as a Markdown table, a row for each output.

    Parameters
    ----------
    scene : Scene
    terminal : Terminal, optional
        Names have Unicode's indices if it can encode them; by default they have.

    Returns
    -------
    list of str
        The header, the rule, and a line for each output.

    Raises
    ------
    ValueError
        If the matrix is too large for a table.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> print(*markdown(Scene(Conv((3,), 2), [5, 7])), sep="\n")
    |    | x₀ | x₁ | x₂ |
    |----|---:|---:|---:|
    | y₀ |  5 |  7 |    |
    | y₁ |    |  5 |  7 |
    """
    check_kind("scene", scene, Scene)
    terminal = Terminal() if terminal is None else terminal
    check_kind("terminal", terminal, Terminal)
    _require_drawable(scene, "markdown")
    rows, cols = scene.shape
    table = [[terminal.set_label(scene.row_name(row))] + [""] * cols for row in range(rows)]
    for cell, (row, col) in enumerate(zip(scene.rows.tolist(), scene.cols.tolist(), strict=True)):
        table[row][col + 1] = terminal.set_label(scene.text(cell))
    table.insert(0, ["", *(terminal.set_label(scene.col_name(col)) for col in range(cols))])
    wide = [max(len(line[col]) for line in table) for col in range(cols + 1)]

    def joined(line: Sequence[str]) -> str:
        cells = [text.rjust(n) if col else text.ljust(n) for col, (text, n) in enumerate(zip(line, wide, strict=True))]
        return "| " + " | ".join(cells) + " |"

    lines = [joined(line) for line in table]
    rule = "|" + "|".join("-" * (n + 2) if not col else "-" * (n + 1) + ":" for col, n in enumerate(wide)) + "|"
    return [lines[0], rule, *lines[1:]]
