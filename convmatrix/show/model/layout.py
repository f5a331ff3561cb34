"""Places of the parts of a picture: maps in a row with signs between them, the matrix as an equation, all on one page.

The cells of maps have one size. A matrix has the same one where it fits; where it does not, its cells alone get
smaller, and lose their labels before these become too small to be read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np

from convmatrix.show.model.film import Film, Panel, Sign
from convmatrix.show.model.printable import ems, wrapped
from convmatrix.show.model.style import (
    ABOVE_GAP,
    BARE_ABOVE_GAP,
    BARE_EQUALS_GAP,
    BLOCK_GAP,
    BOLD,
    CAPTION_DROP,
    EQUALS_GAP,
    FOOT,
    HEAD,
    HEADING,
    LABEL,
    LABEL_IN_C,
    LEAST_TITLE,
    PART_GAP,
    QUIET,
    SIDE_GAP,
    SIGN,
    SIGN_GAP,
    TITLE,
    TITLE_GAP,
    TITLE_LINE,
    TITLE_RISE,
    VECTOR,
    Page,
    Style,
)

__all__ = [
    "Arrangement",
    "Column",
    "Equation",
    "Group",
    "Part",
    "Row",
    "arrange",
    "compose",
    "floating",
    "grid",
    "heading",
]

_ALMOST = 0.999
"""Part of the smallest text that is large enough, since lengths are rounded."""
_UNITS = (1.0, 0.85, 2 / 3, 0.55, 0.45, 0.35, 0.28)
"""Sides of a matrix's cells that are tried while they have labels."""
_BARE_CELLS = (64, 48, 36, 28, 22, 17, 13, 10, 7.5, 5.5)
"""Lengths of the longer side of a matrix that are tried where its cells have no labels."""


class Group(NamedTuple):
    """Panels that stand one below the other, as the channels of a map do, and the sign before them."""

    name: str
    panels: tuple[Panel, ...]
    sign: str = ""


class Equation(NamedTuple):
    """A matrix with the flattened maps beside it: above its columns, and beside its rows.

    `above` and `beside` may be missing. `smallest` is the height of the matrix's longest label, by its cell.
    """

    matrix: Panel
    above: Panel | None
    beside: Panel | None
    smallest: float


class Row(NamedTuple):
    """Parts side by side: with a `Group`, which has its sign before it, on one centre line; else from the top."""

    parts: "tuple[Part, ...]"


class Column(NamedTuple):
    """Parts one below the other, on one vertical centre line."""

    parts: "tuple[Part, ...]"


Part = Group | Equation | Row | Column


@dataclass(frozen=True)
class Arrangement:
    """Panels with their places, in the order in which they were given, and the page around them.

    Parameters
    ----------
    panels : tuple of Panel
    signs : tuple of Sign
    width, height, cell : float
        As for `convmatrix.show.model.film.Film`.
    top, foot, text : float
        As for `convmatrix.show.model.film.Film`.
    """

    panels: tuple[Panel, ...]
    signs: tuple[Sign, ...]
    width: float
    height: float
    cell: float
    top: float
    foot: tuple[float, float, float] | None
    text: float


class _Block(NamedTuple):
    """Panels and signs, their positions counted from the corner; `axis` is the height of the centre line.

    `reads` says that the maps stand in a row, with signs between them; `caption` is the place of a caption: its
    middle, and the greatest width.
    """

    panels: tuple[Panel, ...]
    signs: tuple[Sign, ...]
    wide: float
    tall: float
    axis: float
    reads: bool = False
    caption: tuple[float, float, float] | None = None

    def moved(self, dx: float, dy: float) -> "_Block":
        panels = tuple(
            panel._replace(
                x=panel.x + dx,
                y=panel.y + dy,
                title_x=None if panel.title_x is None else panel.title_x + dx,
                title_y=None if panel.title_y is None else panel.title_y + dy,
            )
            for panel in self.panels
        )
        signs = tuple(sign._replace(x=sign.x + dx, y=sign.y + dy) for sign in self.signs)
        caption = self.caption and (self.caption[0] + dx, self.caption[1] + dy, self.caption[2])
        return self._replace(panels=panels, signs=signs, caption=caption)

    def coverage(self, head: float = 0.0, wide: float = 0.0, tall: float = 0.0) -> float:
        """Part of a page that the panels cover, each widened by one gap; of one of the block's own size by default."""
        text = self.panels[0].text
        gap = (SIGN_GAP if any(not sign.quiet for sign in self.signs) else PART_GAP * 1.4) * text
        wide, tall = max(wide, self.wide), max(tall, self.tall + head)
        dx, dy = (wide - self.wide) / 2, (tall - self.tall - head) / 2 + head
        xs, ys = (np.linspace(0, side, _SAMPLES) for side in (wide, tall))
        covered = ys[:, None] * np.zeros(_SAMPLES) > 0
        if head:
            covered |= (ys <= dy + gap)[:, None]
        for left, top, right, bottom in self._boxes():
            inside = (xs >= left + dx - gap) & (xs <= right + dx + gap)
            covered |= ((ys >= top + dy - gap) & (ys <= bottom + dy + gap))[:, None] & inside
        return float(covered.mean())

    def _boxes(self) -> Iterator[tuple[float, float, float, float]]:
        """Panels with their titles, and the caption."""
        for panel in self.panels:
            yield panel.x, panel.y, panel.x + panel.wide, panel.y + panel.tall
            if panel.title_width:
                middle, y = panel.x + panel.wide / 2, panel.y - 0.42 * panel.text
                y = y if panel.title_y is None else panel.title_y
                yield middle - panel.title_width / 2, y, middle + panel.title_width / 2, y
        if self.caption:
            x, y, wide = self.caption
            yield x - wide / 4, y, x + wide / 4, y

    def captioned(self, space: "_Space") -> "_Block":
        """The block with space for a caption below it, if there is to be one."""
        if not space.foot:
            return self
        caption = (self.wide / 2, self.tall + CAPTION_DROP * space.text, self.wide)
        return self._replace(tall=self.tall + space.foot, caption=caption)


def arrange(
    groups: Sequence[Group],
    equation: Equation | None,
    *,
    style: Style,
    title: str = "",
    caption: bool = False,
    scale: Panel | None = None,
) -> Arrangement:
    """Place the parts of a picture on its page.

    Parameters
    ----------
    groups : sequence of Group
        Maps and kernel, in the order of reading.
    equation : Equation, optional
        The matrix with its vectors.
    style : Style
    title : str, optional
        Printable.
    caption : bool, default False
        Whether to leave space for a caption below.
    scale : Panel, optional
        A colour bar, on the right of all.

    Returns
    -------
    Arrangement
        Its panels are those of the groups, then the matrix, the panel above, the panel beside it, and the colour bar.
    """

    def candidates(space: _Space) -> Iterator[_Block]:
        for shape in _candidates(groups, equation, space):
            yield _with_scale(shape, scale, space.text)

    return _fitted(candidates, _title_ems(groups, equation), style.page, title, int(caption))


def _fitted(
    candidates: Callable[["_Space"], Iterable[_Block]],
    title_ems: float,
    page: Page,
    title: str,
    captions: int,
    *,
    reading: bool = False,
) -> Arrangement:
    """The best candidate, with the smallest factor of the type scale for which its text can be read.

    With `reading` the first candidate is taken wherever its labels can be read and it fills its page.

    Returns
    -------
    Arrangement
    """
    for text in _TEXTS:
        space = _Space(page, text, wrapped(title, title_ems / text, 3), captions)
        blocks = list(candidates(space))
        readable = reading and space.labelled(blocks[0]) and blocks[0].coverage(space.head) >= _COVERED
        best = blocks[0] if readable else space.best(blocks)
        if space.points(best, QUIET * text) >= page.smallest_text:
            break
    return _on_page(best, space)


def _with_scale(block: _Block, scale: Panel | None, text: float) -> _Block:
    """A colour bar on the right, whose cells grow with the text."""
    if scale is None:
        return block
    bar = _panel(scale._replace(unit=scale.unit * text, height=scale.height * text, text=text))
    whole = _beside([block, bar], ["", ""], text, centred=True)
    return whole._replace(reads=block.reads, caption=block.caption and whole.caption)


class _Space:
    """The page of a picture, less its title and its caption; `text` is the factor of the type scale."""

    def __init__(self, page: Page, text: float, lines: Sequence[str], captions: int) -> None:
        self.page, self.text, self.lines = page, text, lines
        self.head = (TITLE_LINE * len(lines) + (TITLE_GAP if lines else 0.0)) * text
        self.foot = (FOOT + TITLE_LINE * (captions - 1)) * text if captions else 0.0

    def cell(self, block: "_Block") -> float:
        """Side of a map's cell in inches, such that the block fits."""
        page, free = self.page, 1 - 2 * self.page.margin
        wide, tall = max(block.wide, _EMPTY), max(block.tall + self.head, _EMPTY)
        return min(page.wide * free / wide, page.tall * free / tall, page.largest_cell)

    def points(self, block: "_Block", size: float) -> float:
        """Height of a text, given by the side of a map's cell, in points."""
        return self.cell(block) * size * 72

    def best(self, blocks: Iterable["_Block"]) -> "_Block":
        """The block of the best score among those that leave little of their page empty, if there are some."""
        ordered = sorted(blocks, key=self.score, reverse=True)
        return next((block for block in ordered if block.coverage(self.head) >= _COVERED), ordered[0])

    def labelled(self, block: "_Block") -> bool:
        """Check whether labels of all maps can be read."""
        sizes = [panel.cell_height * panel.label for panel in block.panels if not panel.of_matrix]
        return self.points(block, min(sizes)) >= self.page.smallest_text * 0.999

    def score(self, block: "_Block") -> tuple[float, float]:
        """Size of the cells of maps and matrix, and signs between them; then how much of the page is used."""
        cell = self.cell(block)
        units = {panel.unit for panel in block.panels if panel.of_matrix and panel.name == "matrix"}
        maps = [panel for panel in block.panels if not panel.of_matrix]
        weight = 1.0 if not units else 0.0 if not maps else _KEY if maps[0].name == "key" else 1.0
        size = weight * log(cell) + sum(log(unit * cell) for unit in units) + (_SIGNS if block.reads else 0.0)
        size += _LABELS if maps and self.labelled(block) else 0.0
        shape = (self.page.wide / self.page.tall) / (block.wide / (block.tall + self.head))
        return round(size, 6), -abs(log(shape))


_SAMPLES = 100
"""Points on each side of a page at which its coverage is measured."""
_COVERED = 0.68
"""Part of a page to be covered: two thirds, and what the sampling may be wrong by."""
_TEXTS = (1.0, 1.25, 1.5, 1.8, 2.2, 2.7, 3.3, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0, 16.0, *(20 * 1.26**n for n in range(50)))
"""Factors of the type scale that are tried."""
_KEY = 0.2
"""Worth of the size of a kernel that only explains the colours of a matrix."""
_LABELS = 0.7
"""Worth of labels in the cells of maps."""
_SIGNS = 0.3
"""Worth of an arrangement in which the maps stand in a row, with signs between them."""


def _title_ems(groups: Sequence[Group], equation: Equation | None) -> float:
    cells = max([sum(group.panels[0].wide for group in groups), equation.matrix.cols if equation else 0, LEAST_TITLE])
    return cells / HEADING


def _candidates(groups: Sequence[Group], equation: Equation | None, space: _Space) -> Iterator[_Block]:
    """Arrangements of the maps, with the matrix below them or beside them, its cells as large as can be."""
    text = space.text
    groups = [group._replace(panels=tuple(panel._replace(text=text) for panel in group.panels)) for group in groups]
    shapes = list(_map_shapes(groups, text)) if groups else []
    if equation is None:
        yield from (shape.captioned(space) for shape in shapes)
        return
    equation = equation._replace(matrix=equation.matrix._replace(text=text))
    labelled = [
        whole
        for unit in (_UNITS if equation.smallest else ())  # a matrix of thousands of rows has no labels
        for whole in _with_matrix(shapes, _equation(equation, unit, text, labelled=True), space)
        if space.points(whole, min(unit * equation.smallest, LABEL)) >= space.page.smallest_text * _ALMOST
    ]
    if labelled:
        yield from labelled
        return
    longest = max(equation.matrix.rows, equation.matrix.cols)
    for length in _BARE_CELLS:
        unit = min(length / longest, 1.0)
        yield from _with_matrix(shapes, _equation(equation, unit, text, labelled=False), space)


def _with_matrix(shapes: Sequence[_Block], matrix: _Block, space: _Space) -> Iterator[_Block]:
    """The matrix alone, or below the maps, or beside them; a caption stands below all, or below the maps."""
    if not shapes:
        yield matrix.captioned(space)
    for shape in shapes:
        yield _below([shape, matrix], space.text)._replace(reads=shape.reads).captioned(space)
        captioned = shape.captioned(space)
        beside = _beside([captioned, matrix], ["", ""], space.text, centred=True)
        yield beside._replace(reads=shape.reads)


def _map_shapes(groups: Sequence[Group], text: float) -> Iterator[_Block]:
    """All groups in a row; one below the other; and the first above the others."""
    stacks = [_below([_panel(panel) for panel in group.panels], text) for group in groups]
    signs = [group.sign for group in groups]
    yield _beside(stacks, signs, text)._replace(reads=True)
    if len(groups) > 1:
        yield _below(stacks, text)
        if len(groups) == 3:
            yield _below([stacks[0], _beside(stacks[1:], ["", ""], text)], text)


def _panel(panel: Panel) -> _Block:
    head = HEAD * panel.text if panel.title or panel.note else 0.0
    wide = max(panel.wide, panel.title_width)
    placed = panel._replace(x=(wide - panel.wide) / 2, y=head)
    return _Block((placed,), (), wide, head + panel.tall, head + panel.tall / 2)


def _below(blocks: Sequence[_Block], text: float, *, left: bool = False) -> _Block:
    """Blocks one below the other, on one vertical centre line, or with their left sides on one line."""
    wide = max(block.wide for block in blocks)
    placed: list[Panel] = []
    signs: list[Sign] = []
    y = 0.0
    for block in blocks:
        moved = block.moved(0.0 if left else (wide - block.wide) / 2, y)
        placed += moved.panels
        signs += moved.signs
        y += block.tall + PART_GAP * text
    tall = y - PART_GAP * text
    return _Block(tuple(placed), tuple(signs), wide, tall, blocks[0].axis if len(blocks) == 1 else tall / 2)


def _beside(blocks: Sequence[_Block], signs: Sequence[str], text: float, *, centred: bool = False) -> _Block:
    """Blocks one beside the other on one centre line, with signs between them, their titles at one height."""
    axis = max((block.tall / 2 if centred else block.axis) for block in blocks)
    placed: list[Panel] = []
    shown: list[Sign] = []
    caption = None
    x = tall = 0.0
    for number, (block, sign) in enumerate(zip(blocks, signs, strict=True)):
        if number:
            # An arrow is wider than other signs.
            gap = (max(SIGN_GAP, ems(sign) * SIGN + PART_GAP) if sign else SIDE_GAP) * text
            if sign:
                shown.append(Sign(x + gap / 2, axis, sign, SIGN * text))
            x += gap
        y = axis - (block.tall / 2 if centred else block.axis)
        moved = block.moved(x, y)
        placed += moved.panels
        shown += moved.signs
        caption = moved.caption or caption
        x, tall = x + block.wide, max(tall, y + block.tall)
    whole = _Block(tuple(placed), tuple(shown), x, tall, axis, caption=caption)
    return whole if centred or any(len(block.panels) > 1 for block in blocks) else _titles_aligned(whole)


def grid(
    panels: Sequence[Panel],
    signs: Sequence[str],
    *,
    columns: int | None = None,
    style: Style,
    title: str = "",
    captions: int = 0,
    aligned: bool = False,
    scale: Panel | None = None,
) -> Arrangement:
    """Place panels in rows, with signs before them.

    Parameters
    ----------
    panels : sequence of Panel
    signs : sequence of str
        The sign before each panel; empty for none.
    columns : int, optional
        Panels in a row; by default as many as make the cells large.
    style : Style
    title : str, optional
        Printable.
    captions : int, default 0
        Captions to leave space for below.
    aligned : bool, default False
        Whether panels below each other stand on one vertical centre line.
    scale : Panel, optional
        A colour bar, on the right of all.

    Returns
    -------
    Arrangement
    """
    count = len(panels)
    choices = [columns] if columns else sorted({-(-count // rows) for rows in range(1, count + 1)}, reverse=True)

    def candidates(space: _Space) -> Iterator[_Block]:
        scaled = [panel._replace(text=space.text) for panel in panels]
        for number in choices:
            block = _grid(scaled, signs, number, space.text, aligned=aligned).captioned(space)
            yield _with_scale(block, scale, space.text)

    ems_wide = max(sum(panel.wide for panel in panels[: choices[0]]), LEAST_TITLE) / HEADING
    return _fitted(candidates, ems_wide, style.page, title, captions, reading=any(signs))


def compose(whole: Part, *, style: Style, title: str = "", captions: int = 0) -> Arrangement:
    """Place parts in rows and columns as they are given; cells of maps have one size, those of matrices another.

    Parameters
    ----------
    whole : Group, Equation, Row or Column
    style : Style
    title : str, optional
        Printable.
    captions : int, default 0
        Captions to leave space for below.

    Returns
    -------
    Arrangement
        Its panels are in the order of the parts; an equation's are the matrix, then the panels above and beside it.
    """
    page, equations = style.page, list(_equations(whole))
    for text in _TEXTS:
        wide = _composed(whole, 1.0, text, labelled=True).wide
        space = _Space(page, text, wrapped(title, max(wide, LEAST_TITLE) / HEADING / text, 3), captions)
        smallest = min((each.smallest for each in equations), default=LABEL_IN_C)
        labelled = [
            block
            for unit in (_UNITS if equations else (1.0,))
            for block in [_composed(whole, unit, text, labelled=True).captioned(space)]
            if not equations or space.points(block, min(unit * smallest, LABEL)) >= page.smallest_text * _ALMOST
        ]
        longest = max((max(each.matrix.rows, each.matrix.cols) for each in equations), default=1)
        best = max(
            labelled
            or [
                _composed(whole, min(length / longest, 1.0), text, labelled=False).captioned(space)
                for length in _BARE_CELLS
            ],
            key=space.score,
        )
        if space.points(best, QUIET * text) >= page.smallest_text:
            break
    return _on_page(best, space)


def _equations(part: Part) -> Iterator[Equation]:
    match part:
        case Equation():
            yield part
        case Row() | Column():
            for each in part.parts:
                yield from _equations(each)


def _composed(part: Part, unit: float, text: float, *, labelled: bool) -> _Block:
    match part:
        case Group():
            return _below([_panel(panel._replace(text=text)) for panel in part.panels], text)
        case Equation():
            return _equation(part._replace(matrix=part.matrix._replace(text=text)), unit, text, labelled=labelled)
        case Row():
            blocks = [_composed(each, unit, text, labelled=labelled) for each in part.parts]
            signs = [each.sign if isinstance(each, Group) else "" for each in part.parts]
            if any(isinstance(each, Group) for each in part.parts):
                maps = all(isinstance(each, Group) for each in part.parts)
                return _beside(blocks, signs, text, centred=not maps)._replace(reads=True)
            # Matrices of unequal heights, or columns of them, begin at one height.
            row = _beside([block._replace(axis=0.0) for block in blocks], signs, text)
            return row._replace(axis=row.tall / 2, reads=True)
        case Column():
            return _below([_composed(each, unit, text, labelled=labelled) for each in part.parts], text)


def _grid(panels: Sequence[Panel], signs: Sequence[str], columns: int, text: float, *, aligned: bool) -> _Block:
    """Rows of panels; where a row begins with a sign, all rows leave space for one."""
    starts = range(0, len(panels), columns)
    indent = SIGN_GAP * text if any(signs[start] for start in starts) else 0.0
    blocks = [_panel(panel) for panel in panels]
    if aligned:
        widths = [max(block.wide for block in blocks[column::columns]) for column in range(columns)]
        blocks = [_widened(block, widths[number % columns]) for number, block in enumerate(blocks)]
    rows = []
    for start in starts:
        row = _beside(blocks[start : start + columns], signs[start : start + columns], text)
        row = row.moved(indent, 0.0)._replace(wide=row.wide + indent)
        first = (Sign(indent / 2, row.axis, signs[start], SIGN * text),) if signs[start] else ()
        rows.append(row._replace(signs=first + row.signs))
    # Rows of unequal panels, such as a matrix below a map, stand on one centre line.
    same = len({panel.cols for panel in panels}) == 1 and len(starts) > 1
    return _below(rows, text, left=same)._replace(reads=len(rows) == 1)


def _widened(block: _Block, wide: float) -> _Block:
    return block.moved((wide - block.wide) / 2, 0.0)._replace(wide=wide)


def _titles_aligned(block: _Block) -> _Block:
    """Titles of panels that stand side by side, at the height of the highest."""
    highest = min(panel.y - TITLE_RISE * panel.text for panel in block.panels)
    return block._replace(panels=tuple(panel._replace(title_y=highest) for panel in block.panels))


def _equation(equation: Equation, unit: float, text: float, *, labelled: bool) -> _Block:
    """The matrix, the flattened input above it and the flattened output beside it."""
    gap = BLOCK_GAP * unit if labelled else 0.0
    thin = 0.0 if labelled else VECTOR * text
    rows, cols = equation.matrix.rows, equation.matrix.cols
    # A matrix that would be a thread has cells that are no squares.
    wide = unit if labelled else max(unit, unit * rows / (_FLATTEST * cols))
    tall = unit if labelled else max(unit, unit * cols / (_FLATTEST * rows))

    def sized(panel: Panel, width: float, height: float) -> Panel:
        return panel._replace(unit=width, height=height, gap=gap, labelled=labelled, bordered=labelled)

    matrix = sized(equation.matrix, wide, tall)
    above = equation.above and sized(equation.above, wide, thin or tall)
    beside = equation.beside and sized(equation.beside, thin or wide, tall)
    between = EQUALS_GAP * unit if labelled else BARE_EQUALS_GAP * text
    left = (beside.wide + between) if beside else 0.0
    head = HEAD * text if matrix.title or matrix.note else 0.0
    top = head + (above.cell_height + (ABOVE_GAP * unit if labelled else BARE_ABOVE_GAP * text) if above else 0.0)
    # The title stands above the middle of the matrix, and may be wider.
    over = max((matrix.title_width - matrix.wide) / 2, 0.0)
    shift = max(over - left, 0.0)
    panels = [matrix._replace(x=left + shift, y=top, title_y=head - TITLE_RISE * text)]
    signs: list[Sign] = []
    if above:
        panels.append(above._replace(x=left + shift, y=head))
    if beside:
        panels.append(beside._replace(x=shift, y=top))
        if labelled:
            x = shift + beside.wide + between / 2
            signs = [
                Sign(x, panels[0].at(row, 0)[1] + unit / 2, "=", min(LABEL_IN_C * unit, LABEL), quiet=True)
                for row in range(matrix.rows)
            ]
    whole = shift + left + matrix.wide + over, top + matrix.tall
    return _Block(tuple(panels), tuple(signs), *whole, whole[1] / 2)


# -- planes -----------------------------------------------------------------------------------------------------------


def floating(
    lower: Sequence[Panel], upper: Sequence[Panel], *, style: Style, title: str = "", caption: bool = False
) -> Arrangement:
    """Place panels as planes seen from the side: some beside each other, and others that float above them.

    Parameters
    ----------
    lower, upper : sequence of Panel
        The channels of a map each. The title of the last one stands beside them.
    style : Style
    title : str, optional
        Printable.
    caption : bool, default False
        Whether to leave space for a caption below.

    Returns
    -------
    Arrangement
        Its panels are those of the lower map, then those of the upper one.
    """

    def candidates(space: _Space) -> Iterator[_Block]:
        for gap in _FLOATS:
            yield _floating(lower, upper, gap, space.text).captioned(space)

    ems_wide = max(sum(panel.cols for panel in lower), sum(panel.cols for panel in upper), 12) / HEADING
    return _fitted(candidates, ems_wide, style.page, title, int(caption))


def _floating(lower: Sequence[Panel], upper: Sequence[Panel], gap: float, text: float) -> _Block:
    below, above = _planes(lower, text, last=True), _planes(upper, text, last=False)
    middle = max(below.axis, above.axis)
    below = below.moved(middle - below.axis, above.tall + gap)
    above = above.moved(middle - above.axis, 0.0)
    *others, named = above.panels
    assert named.title_x is not None
    # The window's lines go down to the right, past the title of the upper map.
    (x, y), (u, v) = (plane.within(0, plane.cols - 1, 0.0, 1.0) for plane in (named, below.panels[-1]))
    slope = max((u - x) / (v - y), 0.0)
    left = named.title_x + slope * (_FLAT / 2 + 0.25 * text)
    wide = max(middle + below.wide - below.axis, middle + above.axis, left + named.title_width)
    tall = above.tall + gap + below.tall
    return _Block((*below.panels, *others, named._replace(title_x=left)), (), wide, tall, tall / 2)


def _planes(panels: Sequence[Panel], text: float, *, last: bool) -> _Block:
    """Planes beside each other, their title on the right of the last row or the first; `axis` is across."""
    placed, x = [], 0.0
    for panel in panels:
        plane = panel._replace(height=_FLAT, shear=_SHEAR, text=text, title="", note="")
        placed.append(plane._replace(x=x + plane.rows * _SHEAR, y=0.0))
        x += plane.cols + plane.rows * _SHEAR + PART_GAP * text
    end = placed[-1]
    right, tall = x - PART_GAP * text, end.tall
    row = end.rows - 1 if last else 0
    left = end.within(row, end.cols - 1, 0.5, 1.0)[0] + 0.5 * text
    named = end._replace(title=panels[-1].title, note=panels[-1].note, title_x=left, title_y=(row + 0.5) * _FLAT)
    return _Block((*placed[:-1], named), (), max(right, left + named.title_width), tall, right / 2)


_FLAT, _SHEAR = 0.58, 0.5
"""Height of a plane's rows, and how far each stands to the left of the one above it, by the width of a cell."""
_FLOATS = (4.4, 4.0, 3.6, 3.2, 2.8, 2.4, 2.0, 1.6)
"""Distances between planes that are tried, by the width of a cell."""


# -- the page ---------------------------------------------------------------------------------------------------------


def _on_page(block: _Block, space: _Space) -> Arrangement:
    page, text, head = space.page, space.text, space.head
    cell = space.cell(block)
    titles = max((ems(line) * TITLE * BOLD * text for line in space.lines), default=0.0)
    wide, tall = max(block.wide, titles), block.tall + head
    margin = page.margin * min(page.wide, page.tall) / cell
    width = _side(wide, margin, page.wide / cell, page.fixed)
    height = _side(tall, margin, page.tall / cell, page.fixed)
    if page.fixed > 0 and block.coverage(head, width, height) < _COVERED:
        width, height = wide + 2 * margin, tall + 2 * margin
    moved = block.moved((width - block.wide) / 2, (height - tall) / 2 + head)
    panels = tuple(_readable(panel, cell, page.smallest_text) for panel in moved.panels)
    return Arrangement(
        panels,
        moved.signs,
        width,
        height,
        cell,
        top=(height - tall) / 2 + TITLE_LINE * text / 2,
        foot=moved.caption,
        text=text,
    )


def _side(contents: float, margin: float, whole: float, fixed: float) -> float:
    """A side of the picture: that of the page, where the contents fill enough of it."""
    return whole if contents + 2 * margin >= fixed * whole and fixed < 1 else contents + 2 * margin


def _readable(panel: Panel, cell: float, smallest: float) -> Panel:
    """A map without labels where these would be too small, and without borders where its cells are."""
    if panel.of_matrix:
        return panel
    points = panel.cell_height * cell * 72
    return panel._replace(labelled=points * panel.label >= smallest * _ALMOST, bordered=points >= _BORDERED)


_FLATTEST = 8
"""Largest ratio of the sides of a matrix whose cells are squares, where these have no labels."""
_EMPTY = 0.5
"""Least side of a picture, by the side of a map's cell: of one without any cells."""
_BORDERED = 5.0
"""Least side of a cell that has a border, in points."""


def heading(film: Film) -> Iterator[tuple[float, str]]:
    """Lines of a film's title: the middle of each, and its text."""
    for number, line in enumerate(wrapped(film.title, max(film.width / TITLE / BOLD / film.text, 1.0), 3)):
        yield film.top + number * TITLE_LINE * film.text, line
