"""The scene as text: a grid with labels, half-blocks, braille, plain ASCII, or a Markdown table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import pluralize, short
from convmatrix.layers.arguments import check_kind
from convmatrix.show.model.palette import ink_on, rgb
from convmatrix.show.model.scene import Scene, tap_label
from convmatrix.show.model.typeset import as_ascii, as_unicode

__all__ = ["FORMS", "Terminal", "draw", "markdown"]

FORMS = ("grid", "half", "braille")
"""From the largest to the smallest."""

_ROWS = {"grid": 64, "half": 200, "braille": 200}
"""Most rows of a matrix for each form that is chosen by default."""
_LARGEST = 2 * 10**7
"""Most rows, columns and entries of a matrix that is drawn: some seconds."""
_PLACES = 4 * 10**6
"""Most rows times columns of one that has a place for each."""
_LINES = 48
"""Most lines of braille."""
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
    """

    width: int = 80
    colours: Literal[0, 256, 16777216] = 0
    unicode: bool = True

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
    form : {"grid", "half", "braille"}, optional
        Without it, the largest that fits the width, up to the number of rows that it suits.

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
    rows, cols = scene.shape
    if form == "grid" or (form is None and rows <= _ROWS["grid"] and cols <= terminal.width):
        grid = _Grid(scene, terminal)
        if form == "grid" or grid.width <= terminal.width:
            return grid.lines()
    if form == "half" or (form is None and rows <= _ROWS["half"] and cols + 2 <= terminal.width):
        return _half_blocks(scene, terminal)
    return _dots(scene, terminal)


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


_PLACED = {"grid": "grids", "half": "half-blocks", "markdown": "tables"}
"""Forms that have a place for each possible entry."""


# -- grid ------------------------------------------------------------------------------------------------------------


class _Grid:
    """One cell of text for each entry, with rulers between the image rows."""

    def __init__(self, scene: Scene, terminal: Terminal) -> None:
        rows, cols = scene.shape
        self.scene, self.terminal = scene, terminal
        self.texts = [terminal.set_label(scene.text(cell)) for cell in range(len(scene.cols))]
        self.col_names = [terminal.set_label(scene.col_name(col)) for col in range(cols)]
        self.row_names = [terminal.set_label(scene.row_name(row)) for row in range(rows)]
        self.left = max(map(len, self.row_names))
        self.wide = max(map(len, (*self.texts, *self.col_names)))
        self.blocks = [slice(start, min(start + scene.col_block, cols)) for start in range(0, cols, scene.col_block)]

    @property
    def width(self) -> int:
        return len(self.rule(0))

    def lines(self) -> list[str]:
        rows, block = self.scene.shape[0], self.scene.row_block
        header = " " * (self.left + 2) + self.joined([name.rjust(self.wide) for name in self.col_names], " ")
        lines = [header.rstrip(), self.rule(0)]
        for row in range(rows):
            if row and 1 < block < rows and row % block == 0:
                lines.append(self.rule(3))
            lines.append(self.row(row))
        return [*lines, self.rule(6)]

    def row(self, row: int) -> str:
        scene, terminal = self.scene, self.terminal
        parts = [terminal.faint(terminal.signs["nothing"].rjust(self.wide))] * scene.shape[1]
        for cell in range(scene.matrix.indptr[row], scene.matrix.indptr[row + 1]):
            colour = scene.colour(cell)
            parts[scene.cols[cell]] = terminal.label(self.texts[cell].rjust(self.wide), colour)
        down = terminal.signs["down"]
        return f"{self.row_names[row]:>{self.left}} {down}{self.joined(parts, down)}{down}"

    def joined(self, parts: Sequence[str], separator: str) -> str:
        return separator.join(f" {' '.join(parts[block])} " for block in self.blocks)

    def rule(self, corner: int) -> str:
        """A horizontal line; `corner` counts in the terminal's nine corners."""
        first, middle, last = list(self.terminal.signs["corners"][corner : corner + 3])
        bars = (
            self.terminal.signs["across"] * ((block.stop - block.start) * (self.wide + 1) + 1) for block in self.blocks
        )
        return " " * (self.left + 1) + first + middle.join(bars) + last


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
    return drawn + _legend(scene, terminal)


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
    row_step = -(-rows // (tall * _LINES))
    col_step = -(-cols // (wide * max(terminal.width - 2, 1)))
    lines, chars = -(-rows // (row_step * tall)), -(-cols // (col_step * wide))
    canvas = np.zeros((lines * tall, chars * wide), dtype=bool)
    canvas[scene.rows // row_step, scene.cols // col_step] = True
    cells = canvas.reshape(lines, tall, chars, wide).transpose(0, 2, 1, 3)  # shape (lines, chars, tall, wide)
    drawn = _framed((_braille(row) if terminal.unicode else _hashes(row) for row in cells), chars, terminal)
    if (row_step, col_step) != (1, 1):
        dot = "dot" if terminal.unicode else "#"
        drawn.append(terminal.set_label(f"one {dot} for {row_step} × {col_step} entries"))
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
