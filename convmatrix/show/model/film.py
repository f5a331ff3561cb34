"""Films, independent of renderers: panels of cells, their places on a page, and what each step changes.

`convmatrix.show.model.stage` makes a film of a layer. It is drawn as pixels (`convmatrix.show.render.animate`), as SVG
(`convmatrix.show.render.svg`), on matplotlib (`convmatrix.show.plot`), and one step of it as TikZ
(`convmatrix.show.render.latex`). All of them draw the marks of `convmatrix.show.model.drawing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from convmatrix.core.errors import short
from convmatrix.layers.arguments import integer
from convmatrix.show.model.palette import BLACK
from convmatrix.show.model.style import HEADING, LABEL, NOTE_GAP, QUIET, STANDARD, Style
from convmatrix.show.model.typeset import width

__all__ = ["Film", "Frame", "Key", "Link", "Look", "Mark", "Outline", "Panel", "Sign"]

Key = tuple[int, int, int]
"""A cell: number of its panel, row and column."""

Mark = Literal["", "slash", "dot", "dashed"]


class Look(NamedTuple):
    """Appearance of a cell.

    Parameters
    ----------
    paper : str
        Colour of the cell.
    text : str
        Label, set as mathematics.
    ink : str
        Colour of the text.
    line : str
        Colour of the border; empty for none.
    mark : {"", "slash", "dot", "dashed"}
        What is drawn beside the colour, so that a cell is recognised without it.
    second : str
        A second, smaller line of text below: a value below its symbol.
    depth : int
        Position on the axes of the kernel before the last two, shown by that many strokes across a corner.
    """

    paper: str
    text: str = ""
    ink: str = BLACK
    line: str = ""
    mark: Mark = ""
    second: str = ""
    depth: int = 0


class Panel(NamedTuple):
    """A grid of cells somewhere in the picture, in units of one cell of a map.

    Parameters
    ----------
    name : str
        Prefix of the cells' ids.
    title : str
        Name of the part, set as mathematics.
    note : str
        What stands beside the title in quieter text, such as the size.
    rows, cols : int
    unit : float
        Width of the panel's cells.
    row_blocks, col_blocks : tuple of int
        Numbers of rows (columns) in a block and in a channel; after each block stands a gap. Empty for none.
    gap : float
        Width of that gap; it is twice as wide between channels.
    height : float
        Height of the cells; 0 for squares.
    labelled, bordered : bool
        Whether the cells are large enough for text, and for borders.
    label : float
        Height of the smallest label, by the height of the cells.
    text : float
        Factor of the type scale: 1 where text has the size that fits the cells of maps, more where these are small.
    x, y : float
        Corner of the first cell.
    title_y : float or None
        Middle of the title; by default it stands above the first row.
    title_x : float or None
        Start of the title; by default it is centred.
    shear : float
        How far each row stands to the left of the one above it: the panel is a plane seen from the side. It has no
        blocks then.
    """

    name: str
    title: str
    note: str
    rows: int
    cols: int
    unit: float = 1.0
    row_blocks: tuple[int, ...] = ()
    col_blocks: tuple[int, ...] = ()
    gap: float = 0.0
    height: float = 0.0
    labelled: bool = True
    bordered: bool = True
    label: float = LABEL
    text: float = 1.0
    x: float = 0.0
    y: float = 0.0
    title_y: float | None = None
    title_x: float | None = None
    shear: float = 0.0

    @property
    def of_matrix(self) -> bool:
        """Check whether it is a matrix with named blocks, or a flattened map beside one."""
        return bool(self.row_blocks and self.col_blocks)

    @property
    def cell_height(self) -> float:
        """Height of a cell."""
        return self.height or self.unit

    def at(self, row: int, col: int) -> tuple[float, float]:
        """Position of the upper left corner of a cell."""
        return (
            self.x + col * self.unit + self.gap * _gaps(col, self.col_blocks) - row * self.shear,
            self.y + row * self.cell_height + self.gap * _gaps(row, self.row_blocks),
        )

    def until(self, row: int, col: int) -> tuple[float, float]:
        """Position of the lower right corner of a cell."""
        return self.within(row, col, 1.0, 1.0)

    def within(self, row: int, col: int, down: float, along: float) -> tuple[float, float]:
        """Position in a cell, down and along from its upper left corner, as parts of its sides."""
        x, y = self.at(row, col)
        return x + along * self.unit - down * self.shear, y + down * self.cell_height

    @property
    def wide(self) -> float:
        """Width of the cells of a row."""
        return self.at(0, self.cols - 1)[0] + self.unit - self.x

    @property
    def tall(self) -> float:
        """Height of the cells."""
        return self.until(self.rows - 1, 0)[1] - self.y

    @property
    def title_width(self) -> float:
        """Width of the title and of the note beside it."""
        parts = [part for part in (self.title, self.note) if part]
        wide = width(self.title) * HEADING + width(self.note) * QUIET + NOTE_GAP * (len(parts) - 1)
        return wide * self.text if parts else 0.0


def _gaps(index: int, blocks: tuple[int, ...]) -> int:
    """Number of gaps before a row or a column."""
    if not blocks:
        return 0
    block, channel = blocks
    return (index // block if block > 1 else 0) + index // channel


class Sign(NamedTuple):
    """A sign between parts, such as ∗ or =: its middle, its height, and whether it stands back."""

    x: float
    y: float
    text: str
    size: float
    quiet: bool = False


class Outline(NamedTuple):
    """A frame around some cells of a panel."""

    panel: int
    row: int
    col: int
    rows: int
    cols: int


class Link(NamedTuple):
    """Cells of one panel, and the cells of another that they are projected onto: lines join their corners."""

    source: Outline
    target: Outline


class Frame(NamedTuple):
    """One step: looks of cells during it, looks from then on, frames, a caption, and what is projected onto what."""

    looks: Mapping[Key, Look]
    lasting: Mapping[Key, Look]
    outlines: tuple[Outline, ...]
    caption: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Film:
    """Panels of cells on a page, and the steps.

    Parameters
    ----------
    panels : tuple of Panel
    base : dict of Key to Look
        Every cell, in the still picture.
    waiting : dict of Key to Look
        Looks of some cells before their step.
    frames : tuple of Frame
    width, height : float
        Of the page, in cells of a map.
    title : str
        Of any length; the picture shows the lines of `convmatrix.show.model.layout.heading`.
    about : str, optional
        Alternative text.
    signs : tuple of Sign, optional
    style : Style, optional
    cell : float, default 0.5
        Side of a map's cell in inches.
    top : float, default 0
        Middle of the first line of the title, from the top of the page.
    foot : tuple of float, optional
        Place of the caption: its middle, across and down, and its greatest width; none for no caption.
    text : float, default 1
        Factor of the type scale, as for `Panel`.
    lines : tuple of str, optional
        The title as it is shown, line by line; by default it is broken into lines that fit.
    """

    panels: tuple[Panel, ...]
    base: Mapping[Key, Look]
    waiting: Mapping[Key, Look]
    frames: tuple[Frame, ...]
    width: float
    height: float
    title: str
    about: str = ""
    signs: tuple[Sign, ...] = ()
    style: Style = STANDARD
    cell: float = 0.5
    top: float = 0.0
    foot: tuple[float, float, float] | None = None
    text: float = 1.0
    lines: tuple[str, ...] = ()

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
        >>> panel = Panel("row", "", "", 1, 2)
        >>> film = Film((panel,), {(0, 0, 0): pale, (0, 0, 1): pale}, {}, tuple(frames), 2, 1, "")
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

    def cell_id(self, key: Key) -> str:
        """Name of a cell, such as ``matrix-0-15``."""
        return f"{self.panels[key[0]].name}-{key[1]}-{key[2]}"
