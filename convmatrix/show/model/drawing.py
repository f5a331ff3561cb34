"""The marks that every renderer draws: boxes, lines and labels, in units of one cell of a map, y downwards.

A `convmatrix.show.model.film.Film` becomes a sequence of these marks; a renderer knows nothing of panels, styles or
convolutions. The order of the marks is the order in which they are drawn.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from convmatrix.show.model.film import Film, Frame, Key, Link, Look, Outline, Panel
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
    STROKE,
    STROKE_LINE,
    SYMBOL_RISE,
    THIN_WINDOW,
    TITLE,
    TITLE_RISE,
    VALUE_DROP,
    WINDOW_LINE,
    Style,
)
from convmatrix.show.model.typeset import width

__all__ = [
    "Box",
    "Label",
    "Line",
    "Mark",
    "around_panel",
    "around_step",
    "caption",
    "cell",
    "cells",
    "ground",
    "label_size",
    "lines_of",
    "moving",
    "outline",
    "smallest_label",
    "still",
    "tween",
]

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


Point = tuple[float, float]


class Line(NamedTuple):
    """A line through points: a polygon where it is closed or has a fill."""

    points: tuple[Point, ...]
    colour: str
    stroke: float = BORDER
    fill: str = ""
    name: str = ""
    closed: bool = False


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

_STROKES = 6
"""Most strokes that show a tap's depth."""


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


def label_size(text: str, largest: float = LABEL, wide: float = 1.0) -> float:
    """Height of a cell's label, by the height of the cell, which is some times as wide.

    Returns
    -------
    float

    Examples
    --------
    >>> label_size("w0"), round(label_size("-12.75"), 3)
    (0.37, 0.271)
    """
    lines = lines_of(text)
    return min(largest, FILLED[0] * wide / max(*map(width, lines), 1.0), FILLED[1] / (LEADING * len(lines)))


def smallest_label(looks: Iterable[Look], largest: float = LABEL) -> float:
    """Height of the smallest label of some cells, by the side of a cell.

    Returns
    -------
    float
    """
    pairs = {(look.text, look.second) for look in looks}
    sizes = [min(label_size(text, largest), SECOND_OF_TWO if second else largest) for text, second in pairs if text]
    return min([*sizes, *(label_size(second, SECOND_OF_TWO) for _, second in pairs if second)], default=largest)


# -- parts of a film --------------------------------------------------------------------------------------------------


def ground(film: Film) -> Iterator[Mark]:
    """Fixed parts: title and signs; the ground itself is the renderer's."""
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
    left = panel.x + panel.wide / 2 - panel.title_width / 2 if panel.title_x is None else panel.title_x
    y = panel.y - TITLE_RISE * panel.text if panel.title_y is None else panel.title_y
    if panel.title:
        yield Label(left, y, HEADING * panel.text, panel.title, colours.ink, "start", f"{panel.name}-title")
    if panel.note:
        left += panel.text * (width(panel.title) * HEADING + (NOTE_GAP if panel.title else 0.0))
        yield Label(left, y, QUIET * panel.text, panel.note, colours.quiet, "start", f"{panel.name}-note")
    if panel.bordered:
        return
    name = f"{panel.name}-frame"
    if panel.shear:
        sides = quadrangle(panel, 0, 0, panel.rows, panel.cols)
        yield Line(sides, colours.line, BORDER * panel.text, name=name, closed=True)
    else:
        yield Box(
            panel.x,
            panel.y,
            panel.wide,
            panel.tall,
            line=colours.line,
            stroke=BORDER * panel.text,
            name=name,
        )


def quadrangle(panel: Panel, row: int, col: int, rows: int, cols: int) -> tuple[Point, ...]:
    """Corners of some cells of a panel, clockwise from the upper left one."""
    last_row, last_col = row + rows - 1, col + cols - 1
    return (
        panel.at(row, col),
        panel.within(row, last_col, 0.0, 1.0),
        panel.until(last_row, last_col),
        panel.within(last_row, col, 1.0, 0.0),
    )


def cell(panel: Panel, place: tuple[int, int], look: Look, name: str, style: Style) -> Iterator[Mark]:
    """A cell: its colour and border, its mark, and its text."""
    yield _paper(panel, place, look, name, style)
    if not panel.bordered:
        return
    if look.mark == "slash":
        ends = panel.within(*place, 1.0, SLASH), panel.within(*place, SLASH, 1.0)
        yield Line(ends, style.colours.mark, BORDER)
    elif look.mark == "dot":
        side = DOT * min(panel.unit, panel.cell_height)
        # Beside text it stands in the corner.
        along, down = DOT_IN_CORNER if look.text and panel.labelled else (0.5, 0.5)
        x, y = panel.within(*place, down, along)
        yield Box(x - side / 2, y - side / 2, side, side, look.ink, corner=side / 2, name=f"{name}-dot")
    for number in range(min(look.depth, _STROKES)):
        part = STROKE * (number + 1)
        ends = panel.within(*place, part, 0.0), panel.within(*place, 0.0, part)
        yield Line(ends, look.ink, STROKE_LINE * BORDER * min(panel.unit, panel.cell_height))
    if look.text and panel.labelled:
        yield from _text(panel, panel.within(*place, 0.5, 0.5), look, name)


def _paper(panel: Panel, place: tuple[int, int], look: Look, name: str, style: Style) -> Box | Line:
    """The colour and the border of a cell."""
    dashed = look.mark == "dashed"
    if panel.shear:
        line = "" if not panel.bordered else style.colours.soft if dashed else look.line
        # A polygon without a border would leave threads of the ground between neighbours.
        return Line(quadrangle(panel, *place, 1, 1), line or look.paper, BORDER, look.paper, name)
    corner = panel.at(*place)
    if not panel.bordered:
        return Box(*corner, panel.unit, panel.cell_height, look.paper, name=name)
    return Box(*corner, panel.unit, panel.cell_height, look.paper, look.line, BORDER, name, dashed=dashed)


def _text(panel: Panel, middle: tuple[float, float], look: Look, name: str) -> Iterator[Mark]:
    """The label of a cell, on as many lines as it needs, and a second one below it."""
    (x, y), tall = middle, panel.cell_height
    largest = min(LABEL_IN_C, LABEL / panel.unit) if panel.of_matrix else LABEL
    if panel.shear:
        largest = LABEL_IN_C  # its cells are wider than tall
    aspect = panel.unit / tall
    size = label_size(look.text, largest, aspect) * tall
    lines = lines_of(look.text)
    step = LEADING * size
    first = y - (len(lines) - 1) / 2 * step
    if look.second:
        first -= SYMBOL_RISE * tall
        size = min(size, SECOND_OF_TWO * tall)
        below = label_size(look.second, SECOND_OF_TWO, aspect) * tall
        yield Label(x, y + VALUE_DROP * tall, below, look.second, look.ink, name=f"{name}-value")
    for number, line in enumerate(lines):
        yield Label(x, first + number * step, size, line, look.ink, name=f"{name}-text" if number == 0 else "")


def outline(film: Film, framed: Outline, name: str) -> Box | Line:
    """The frame of a window, or of a row or a column of the matrix."""
    panel = film.panels[framed.panel]
    stroke = WINDOW_LINE * film.text * (1.0 if panel.bordered else THIN_WINDOW)
    if panel.shear:
        return Line(quadrangle(panel, *framed[1:]), film.style.colours.window, stroke, name=name, closed=True)
    (left, top), _, (right, bottom), _ = quadrangle(panel, *framed[1:])
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


def _projection(film: Film, link: Link, name: str) -> Iterator[Line]:
    """Lines between the corners of two windows; what lies behind the upper panel is not seen."""
    lower, upper = (quadrangle(film.panels[each.panel], *each[1:]) for each in link)
    panel = film.panels[link.target.panel]
    screen = quadrangle(panel, 0, 0, panel.rows, panel.cols)
    for number, (start, end) in enumerate(zip(lower, upper, strict=True)):
        part = _entry(start, end, screen)
        seen = tuple(a + (b - a) * part for a, b in zip(start, end, strict=True))
        yield Line((start, (seen[0], seen[1])), film.style.colours.quiet, BORDER, name=f"{name}-{number}")


def _entry(start: Point, end: Point, screen: tuple[Point, ...]) -> float:
    """The part of a line, from outside of a convex polygon to a point in it, at which it enters the polygon."""
    part = 0.0
    for (x, y), (u, v) in zip(screen, (*screen[1:], screen[0]), strict=True):
        # Clockwise corners: distances are negative outside.
        before, after = ((u - x) * (py - y) - (v - y) * (px - x) for px, py in (start, end))
        if before < 0 and after > before:
            part = max(part, before / (before - after))
    return min(part, 1.0)


def moving(film: Film, frame: Frame) -> list[Box | Line]:
    """Lines and outlines of a step, which move on to those of the next: ``link-0-0`` and so on, then ``outline-0``."""
    lines = [line for number, link in enumerate(frame.links) for line in _projection(film, link, f"link-{number}")]
    return [*lines, *(outline(film, each, f"outline-{number}") for number, each in enumerate(frame.outlines))]


def tween(start: Box | Line, end: Box | Line, part: float) -> Box | Line:
    """A box or a line on its way from one place to another, quicker in the middle.

    Parameters
    ----------
    start, end : Box or Line
        Of one kind.
    part : float
        From 0 to 1.

    Returns
    -------
    Box or Line

    Examples
    --------
    >>> tween(Box(0, 0, 1, 1), Box(2, 0, 1, 3), 0.5)[:4]
    (1.0, 0.0, 1.0, 2.0)
    """
    eased = part * part * (3 - 2 * part)
    if isinstance(start, Box):
        assert isinstance(end, Box)
        x, y, wide, tall = (a * (1 - eased) + b * eased for a, b in zip(start[:4], end[:4], strict=True))
        return end._replace(x=x, y=y, wide=wide, tall=tall)
    assert isinstance(end, Line)
    points = (
        (x * (1 - eased) + u * eased, y * (1 - eased) + v * eased)
        for (x, y), (u, v) in zip(start.points, end.points, strict=True)
    )
    return end._replace(points=tuple(points))


def caption(film: Film, frame: Frame) -> Iterator[Mark]:
    """The caption below the picture."""
    if film.foot is None or not frame.caption:
        return
    x, y, wide = film.foot
    size = min(HEADING * film.text, wide / max(width(printable(frame.caption, "caption")), 1.0))
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
    """Lines, outlines and caption of a step."""
    yield from moving(film, frame)
    yield from caption(film, frame)
