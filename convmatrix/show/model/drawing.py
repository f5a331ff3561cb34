"""What every renderer draws: boxes, lines and label, in units of one cell of a map, y downwards.

A `convmatrix.show.model.film.Film` becomes a sequence of these marks; a renderer knows nothing of panels, styles or
convolutions. The order of the marks is the order in which they are drawn.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from convmatrix.show.model.film import Film, Frame, Key, Look, Outline, Panel
from convmatrix.show.model.layout import heading
from convmatrix.show.model.printable import printable
from convmatrix.show.model.style import (
    BORDER,
    CORNER,
    DOT,
    DOT_IN_CORNER,
    FILLED,
    HEADING,
    LABEL,
    LABEL_IN_C,
    LEADING,
    NOTE_GAP,
    QUIET,
    SECOND_OF_TWO,
    SLASH,
    SYMBOL_RISE,
    THIN_WINDOW,
    TITLE,
    TITLE_RISE,
    VALUE_DROP,
    WINDOW_LINE,
    Style,
)
from convmatrix.show.model.typeset import width

__all__ = ["Box", "Label", "Line", "Mark", "around_panel", "caption", "cell", "ground", "label_size", "outline"]

Anchor = Literal["start", "middle", "end"]


class Box(NamedTuple):
    """A rectangle: corner, width and height, fill and border, each empty for none.

    Parameters
    ----------
    x, y, wide, tall : float
    fill, line : str
        Colours.
    stroke : float
        Width of the border.
    name : str
        Id of what it shows.
    corner : float
        Radius of the corners.
    dashed : bool
    """

    x: float
    y: float
    wide: float
    tall: float
    fill: str = ""
    line: str = ""
    stroke: float = BORDER
    name: str = ""
    corner: float = 0.0
    dashed: bool = False


class Line(NamedTuple):
    """A line through points; closed and filled where it has a fill."""

    points: tuple[tuple[float, float], ...]
    colour: str
    stroke: float = BORDER
    fill: str = ""
    name: str = ""


class Label(NamedTuple):
    """Text on one line.

    Parameters
    ----------
    x, y : float
        The anchor, and the middle of the line.
    size : float
        Height of the text.
    text : str
    ink : str
    anchor : {"start", "middle", "end"}
    name : str
        Id.
    math : bool
        Whether it is a label, which is set as mathematics; text of a user's is not.
    bold : bool
    """

    x: float
    y: float
    size: float
    text: str
    ink: str
    anchor: Anchor = "middle"
    name: str = ""
    math: bool = True
    bold: bool = False


Mark = Box | Line | Label


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


def label_size(text: str, largest: float = LABEL) -> float:
    """Height of a cell's label, by the side of the cell.

    Returns
    -------
    float

    Examples
    --------
    >>> label_size("w0"), round(label_size("-12.75"), 3)
    (0.37, 0.271)
    """
    lines = lines_of(text)
    return min(largest, FILLED[0] / max(*map(width, lines), 1.0), FILLED[1] / (LEADING * len(lines)))


# -- parts of a film --------------------------------------------------------------------------------------------------


def ground(film: Film) -> Iterator[Mark]:
    """What never changes: title, signs, and names of the panels; the ground itself is the renderer's."""
    colours = film.style.colours
    for number, (y, line) in enumerate(heading(film)):
        name = f"title-{number}" if number else "title"
        yield Label(film.width / 2, y, TITLE * film.text, line, colours.ink, name=name, math=False, bold=True)
    for number, sign in enumerate(film.signs):
        yield Label(
            sign.x, sign.y, sign.size, sign.text, colours.quiet if sign.quiet else colours.ink, name=f"sign-{number}"
        )


def around_panel(panel: Panel, style: Style) -> Iterator[Mark]:
    """Title of a panel, its note beside it, and a frame around cells that are too small for borders."""
    colours = style.colours
    left = panel.x + panel.wide / 2 - panel.title_width / 2
    y = panel.y - TITLE_RISE * panel.text if panel.title_y is None else panel.title_y
    if panel.title:
        yield Label(left, y, HEADING * panel.text, panel.title, colours.ink, "start", f"{panel.name}-title")
    if panel.note:
        left += panel.text * (width(panel.title) * HEADING + (NOTE_GAP if panel.title else 0.0))
        yield Label(left, y, QUIET * panel.text, panel.note, colours.quiet, "start", f"{panel.name}-note")
    if not panel.bordered:
        yield Box(
            panel.x,
            panel.y,
            panel.wide,
            panel.tall,
            line=colours.line,
            stroke=BORDER * panel.text,
            name=f"{panel.name}-frame",
        )


def cell(panel: Panel, place: tuple[int, int], look: Look, name: str, style: Style) -> Iterator[Mark]:
    """A cell: its colour and border, its mark, and its text."""
    (x, y), wide, tall = panel.at(*place), panel.unit, panel.cell_height
    if not panel.bordered:
        yield Box(x, y, wide, tall, look.paper, name=name)
        return
    dashed = look.mark == "dashed"
    yield Box(x, y, wide, tall, look.paper, look.line, BORDER, name, dashed=dashed)
    if look.mark == "slash":
        yield Line(((x + SLASH * wide, y + tall), (x + wide, y + SLASH * tall)), style.colours.mark, BORDER)
    elif look.mark == "dot":
        side = DOT * min(wide, tall)
        # Beside text it stands in the corner.
        along, down = DOT_IN_CORNER if look.text and panel.labelled else (0.5, 0.5)
        corner = (x + along * wide - side / 2, y + down * tall - side / 2)
        yield Box(*corner, side, side, look.ink, corner=side / 2, name=f"{name}-dot")
    if look.text and panel.labelled:
        yield from _text(panel, (x + wide / 2, y + tall / 2), look, name)


def _text(panel: Panel, middle: tuple[float, float], look: Look, name: str) -> Iterator[Mark]:
    """The label of a cell, on as many lines as it needs, and a second one below it."""
    (x, y), tall = middle, panel.cell_height
    largest = min(LABEL_IN_C, LABEL / panel.unit) if panel.row_blocks or panel.col_blocks else LABEL
    size = label_size(look.text, largest) * tall
    lines = lines_of(look.text)
    step = LEADING * size
    first = y - (len(lines) - 1) / 2 * step
    if look.second:
        first -= SYMBOL_RISE * tall
        size = min(size, SECOND_OF_TWO * tall)
        below = min(label_size(look.second), SECOND_OF_TWO) * tall
        yield Label(x, y + VALUE_DROP * tall, below, look.second, look.ink, name=f"{name}-value")
    for number, line in enumerate(lines):
        yield Label(x, first + number * step, size, line, look.ink, name=f"{name}-text" if number == 0 else "")


def outline(film: Film, framed: Outline, name: str) -> Box:
    """The frame of a window, or of a row or a column of the matrix."""
    panel = film.panels[framed.panel]
    (left, top), (right, bottom) = (
        panel.at(framed.row, framed.col),
        panel.until(framed.row + framed.rows - 1, framed.col + framed.cols - 1),
    )
    stroke = WINDOW_LINE * film.text * (1.0 if panel.bordered else THIN_WINDOW)
    slack = 0.0 if panel.bordered else stroke
    return Box(
        left - slack,
        top - slack,
        right - left + 2 * slack,
        bottom - top + 2 * slack,
        line=film.style.colours.window,
        stroke=stroke,
        name=name,
        corner=CORNER,
    )


def caption(film: Film, frame: Frame) -> Iterator[Mark]:
    """The line of label below the picture."""
    if film.foot is None or not frame.caption:
        return
    x, y, wide = film.foot
    size = min(HEADING * film.text, wide / max(width(frame.caption), 1.0))
    yield Label(x, y, size, frame.caption, film.style.colours.ink, name="caption")


def cells(film: Film, looks: Mapping[Key, Look]) -> Iterator[Mark]:
    """Cells of a film with some looks."""
    for key, look in looks.items():
        yield from cell(film.panels[key[0]], key[1:], look, film.cell_id(key), film.style)


def still(film: Film, step: int | None) -> Iterator[Mark]:
    """All marks of a film at a step; without one, of the still picture."""
    looks = film.still(step)
    yield from ground(film)
    for panel in film.panels:
        yield from around_panel(panel, film.style)
    yield from cells(film, looks)
    if step is not None:
        yield from around_step(film, film.frames[step])


def around_step(film: Film, frame: Frame) -> Iterator[Mark]:
    """Outlines and caption of a step."""
    yield from outlines(film, frame.outlines)
    yield from caption(film, frame)


def outlines(film: Film, framed: Iterable[Outline]) -> Iterator[Mark]:
    """Outlines, whose names are ``outline-0`` and so on."""
    for number, each in enumerate(framed):
        yield outline(film, each, f"outline-{number}")
