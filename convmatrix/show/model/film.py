"""Animations, independent of renderers: panels of cells, their positions, and the changes of each step.

`convmatrix.show.model.stage` makes it of a layer. It is drawn as pixels (`convmatrix.show.render.animate`), as SVG
(`convmatrix.show.render.svg`), and one step of it as TikZ (`convmatrix.show.render.latex`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from convmatrix.core.errors import short
from convmatrix.layers.arguments import integer
from convmatrix.show.model.printable import ems, printable, wrapped

__all__ = [
    "Film",
    "Frame",
    "Key",
    "Look",
    "Outline",
    "Panel",
    "arranged",
    "heading",
    "heading_height",
    "heading_width",
    "lines_of",
    "note_size",
    "text_size",
]

Key = tuple[int, int, int]
"""A cell: number of its panel, row and column."""

PAPER, GRID, FAINT = "#ffffff", "#c9c9c9", "#696969"
"""The picture's ground, the lines between cells, and faint text."""


class Look(NamedTuple):
    """Appearance of a cell: its colour, its text, a note in its corner; `faint` before its step or without a window."""

    paper: str
    text: str = ""
    note: str = ""
    faint: bool = False


class Panel(NamedTuple):
    """A grid of cells somewhere in the picture, in units of one cell of a map; `unit` is the side of its own cells.

    (x, y) is the corner of its first cell. Rulers cut the rows and columns of a matrix into image rows and channels:
    `row_blocks` are the rows of the matrix in either, `col_blocks` the columns; empty for a map.
    """

    name: str
    title: str
    rows: int
    cols: int
    unit: float = 1.0
    row_names: tuple[str, ...] = ()
    col_names: tuple[str, ...] = ()
    row_blocks: tuple[int, ...] = ()
    col_blocks: tuple[int, ...] = ()
    x: float = 0.0
    y: float = 0.0

    @property
    def labelled(self) -> bool:
        """Check whether its cells are large enough for text."""
        return self.unit >= 0.5

    def rulers(self) -> Iterator[tuple[bool, int, bool]]:
        """Lines across the cells: horizontal (or vertical), before which row or column, and whether bold."""
        for across, count, blocks in ((True, self.rows, self.row_blocks), (False, self.cols, self.col_blocks)):
            if not blocks:
                continue
            image_row, channel = blocks
            for at in range(0, count + 1, channel if image_row == 1 else image_row):
                yield across, at, at % channel == 0

    @property
    def name_size(self) -> float:
        """Height of the names of its rows and columns; 0 where they would not fit."""
        longest = max(map(ems, (*self.row_names, *self.col_names)), default=0.0)
        size = min(0.3, 0.76 * self.unit / longest) if longest else 0.0
        return size if size >= SMALLEST * 0.7 else 0.0

    def at(self, row: int, col: int) -> tuple[float, float]:
        """Position of the corner of a cell."""
        return self.x + col * self.unit, self.y + row * self.unit

    @property
    def title_y(self) -> float:
        """Middle of the title, which begins above the first cell."""
        return self.y - 1.5 * self.name_size - 0.3

    def names(self) -> Iterator[tuple[float, float, str, Literal["middle", "end"]]]:
        """Names of rows and columns: the position of the anchor, the name, and the part of it that is anchored."""
        for row, name in enumerate(self.row_names if self.name_size else ()):
            yield self.x - 0.12, self.y + (row + 0.5) * self.unit, name, "end"
        for col, name in enumerate(self.col_names if self.name_size else ()):
            yield self.x + (col + 0.5) * self.unit, self.y - 0.7 * self.name_size, name, "middle"

    @property
    def left(self) -> float:
        """Space for the names of the rows."""
        return max(map(ems, self.row_names), default=0.0) * self.name_size + (0.15 if self.name_size else 0.0)

    @property
    def top(self) -> float:
        """Space for the title and for the names of the columns."""
        return (0.6 if self.title else 0.0) + 1.5 * self.name_size

    @property
    def wide(self) -> float:
        """Width with the names, and of the title if that is wider."""
        return max(self.left + self.cols * self.unit, self.left + ems(self.title) * TITLE_SIZE)

    @property
    def tall(self) -> float:
        """Height with title and names."""
        return self.top + self.rows * self.unit


class Outline(NamedTuple):
    """A frame around some cells of a panel."""

    panel: int
    row: int
    col: int
    rows: int
    cols: int


class Frame(NamedTuple):
    """One step: looks of cells during it, looks from then on, frames, and a caption."""

    looks: Mapping[Key, Look]
    lasting: Mapping[Key, Look]
    outlines: tuple[Outline, ...]
    caption: str


@dataclass(frozen=True)
class Film:
    """Panels of cells, and the steps.

    Parameters
    ----------
    panels : tuple of Panel
    base : dict of Key to Look
        Every cell, in the still picture.
    waiting : dict of Key to Look
        Looks of some cells before their step.
    frames : tuple of Frame
    width, height : float
        In cells of a map.
    title : str
        Of any length; the picture shows the lines of `heading`.
    about : str, optional
        Alternative text.
    """

    panels: tuple[Panel, ...]
    base: Mapping[Key, Look]
    waiting: Mapping[Key, Look]
    frames: tuple[Frame, ...]
    width: float
    height: float
    title: str
    about: str = ""

    def still(self, step: int | None = None) -> dict[Key, Look]:
        """Return the appearance of every cell at a step; without one, of the still picture.

        Parameters
        ----------
        step : int, optional

        Returns
        -------
        dict of Key to Look

        Raises
        ------
        ValueError
            If there is no such step.

        Examples
        --------
        >>> pale, lit = Look("#eeeeee"), Look("#3f90da", "w0")
        >>> frames = [Frame({(0, 0, col): lit}, {}, (), "") for col in range(2)]
        >>> film = Film((Panel("row", "", 1, 2),), {(0, 0, 0): pale, (0, 0, 1): pale}, {}, tuple(frames), 2, 1, "")
        >>> [look.text for look in film.still(1).values()]
        ['', 'w0']
        """
        if step is None:
            return dict(self.base)
        step = integer("step", step)
        if not 0 <= step < len(self.frames):
            raise ValueError(f"step {short(step)} is not there: the layer has steps 0 to {len(self.frames) - 1}")
        looks = {**self.base, **self.waiting}
        for frame in self.frames[:step]:
            looks.update(frame.lasting)
        looks.update(self.frames[step].looks)
        return looks

    def heading(self) -> Iterator[tuple[float, str]]:
        """Lines of the title in the picture: the middle of each, and its text."""
        yield from zip(HEADING_PLACES, heading(self.title, self.width - 2 * _MARGIN), strict=False)

    def caption_size(self, caption: str) -> float:
        """Height of a caption that fits below the picture."""
        return min(0.3, (self.width - 2 * _MARGIN) / max(ems(caption), 1))

    def cell_id(self, key: Key) -> str:
        """Name of a cell, such as ``matrix-0-15``."""
        return f"{self.panels[key[0]].name}-{key[1]}-{key[2]}"


# -- text and space --------------------------------------------------------------------------------------------------

SMALLEST = 0.22
"""Smallest height of a cell's text, in cells of a map, which sets the size of a matrix's cells."""
TITLE_SIZE = 0.3
LINE = 1.15
"""From one line of a cell to the next, by the height of its text."""
FOOT = 0.6
"""Space for a caption below the picture."""


def lines_of(text: str) -> list[str]:
    """Lines of a cell's text: a long sum has each term on a line of its own.

    Returns
    -------
    list of str

    Examples
    --------
    >>> lines_of("w10+w12"), lines_of("1e+06")
    (['w10', '+w12'], ['1e+06'])
    """
    text = printable(text)
    return [text] if len(text) <= 5 else re.split(r"(?<![eE])(?=(?<!^)\+)", text)


def text_size(text: str) -> float:
    """Height of a cell's text, by the side of the cell.

    Returns
    -------
    float

    Examples
    --------
    >>> text_size("w0"), round(text_size("-12.75"), 3)
    (0.36, 0.271)
    """
    lines = lines_of(text)
    return min(0.36, 0.9 / max(*map(ems, lines), 1.0), 0.94 / (LINE * len(lines)))


def note_size(note: str) -> float:
    """Height of a cell's note, by the side of the cell."""
    return min(0.24, 0.9 / max(ems(note), 1.0))


_GAP = 0.7
_MARGIN = 0.35

_HEADING_WIDE = 16.0
"""Width up to which a title makes its picture wider, in cells of a map."""
HEADING_SIZE = TITLE_SIZE * 1.3
HEADING_PLACES = (0.65, 1.15, 1.65)
"""Middle of each line of a title; there are no more lines."""
_BOLD_WIDTHS = (
    dict.fromkeys("W", 1.1)
    | dict.fromkeys("mM@%—…", 1.05)
    | dict.fromkeys("w", 0.93)
    | dict.fromkeys("#&<>^~+=", 0.88)
    | dict.fromkeys(" .,:;'|/\\()[]ijlIJ!", 0.46)
)
"""Widths in bold DejaVu Sans by the height of the text, where they differ from the width of most letters."""


def heading(title: str, wide: float) -> list[str]:
    """Break a picture's title into lines: at most three, shortened where it is longer.

    Parameters
    ----------
    title : str
        Printable.
    wide : float
        Width of what stands below it, in cells of a map.

    Returns
    -------
    list of str

    Examples
    --------
    >>> [len(line) for line in heading("a" * 1000, 10)], heading("a title", 5)
    ([55, 55, 55], ['a title'])
    """
    return wrapped(title, max(wide, _HEADING_WIDE), len(HEADING_PLACES), heading_width)


def heading_width(line: str) -> float:
    """Width of a line of a title, in bold type, in cells of a map."""
    # The first is generous with small letters, and the second is right for capital ones.
    return max(ems(line) * TITLE_SIZE * 1.5, sum(map(_bold_width, line)) * HEADING_SIZE)


def _bold_width(char: str) -> float:
    """Width of a character in bold type by its height, rounded up; less precise for alphabets other than Latin."""
    if char in _BOLD_WIDTHS:
        return _BOLD_WIDTHS[char]
    return max(ems(char), 0.84 if char.isupper() or "\u024f" < char < "\u2000" else 0.7) if ems(char) else 0.0


def heading_height(lines: Sequence[str]) -> float:
    """Height of the lines of a title, with the gap below them."""
    return HEADING_PLACES[len(lines) - 1] + 0.25 if lines else 0.0


# -- layout of the panels ------------------------------------------------------------------------------------------


class _Box(NamedTuple):
    """Panels of one group, with positions from the box's corner."""

    placed: tuple[tuple[int, float, float], ...]
    wide: float
    tall: float


def _below(boxes: Iterable[_Box], *, beside: bool = False) -> _Box:
    """Boxes one below the other, or one beside the other."""
    placed: list[tuple[int, float, float]] = []
    wide = tall = at = 0.0
    for box in boxes:
        dx, dy = (at, 0.0) if beside else (0.0, at)
        placed += [(panel, x + dx, y + dy) for panel, x, y in box.placed]
        wide, tall = max(wide, dx + box.wide), max(tall, dy + box.tall)
        at = (wide if beside else tall) + _GAP
    return _Box(tuple(placed), wide, tall)


def arranged(panels: Sequence[tuple[str, Panel]], title: str) -> tuple[tuple[Panel, ...], float, float]:
    """Place panels: the maps in rows or columns, the matrix beside or below, whichever suits a slide.

    Parameters
    ----------
    panels : sequence of (str, Panel)
        Group and panel: panels of one group stand one below the other; the matrix's group is ``matrix``.
    title : str
        Printable.

    Returns
    -------
    tuple of Panel, width, height
        In cells of a map.
    """
    groups: dict[str, list[_Box]] = {}
    for number, (group, panel) in enumerate(panels):
        groups.setdefault(group, []).append(_Box(((number, 0.0, 0.0),), panel.wide, panel.tall))
    stacks = {group: _below(boxes) for group, boxes in groups.items()}
    matrix = [stacks.pop("matrix")] if "matrix" in stacks else []
    maps = list(stacks.values())
    shapes = [_below(maps, beside=True), _below(maps)]
    if len(maps) == 3:
        shapes += [_below([maps[0], _below(maps[1:], beside=True)]), _below([_below(maps[:2], beside=True), maps[2]])]
    wholes = [_below([shape] * bool(maps) + matrix, beside=beside) for shape in shapes for beside in (True, False)]
    best = min(wholes, key=lambda whole: (round(max(whole.wide / 16, whole.tall / 9), 6), whole.wide * whole.tall))
    lines = heading(title, best.wide)
    header = heading_height(lines)
    shown = [panel for _, panel in panels]
    wide = max([best.wide, *map(heading_width, lines)])
    shift = (wide - best.wide) / 2 if len(lines) > 1 else 0.0  # below a block of text, the middle
    for number, x, y in best.placed:
        panel = shown[number]
        shown[number] = panel._replace(x=x + shift + panel.left + _MARGIN, y=y + panel.top + header + _MARGIN)
    return tuple(shown), wide + 2 * _MARGIN, best.tall + header + 2 * _MARGIN
