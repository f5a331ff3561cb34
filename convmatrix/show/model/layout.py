"""Places of the parts of a picture: maps in a row with signs between them, the matrix as an equation, all on one page.

The cells of maps have one size. A matrix has the same one where it fits; where it does not, its cells alone get
smaller, and lose their labels before these become too small to be read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from convmatrix.show.model.blocks import (
    ALMOST,
    COVERED,
    Block,
    Equation,
    Group,
    Space,
    below,
    beside_each_other,
    equation_block,
    panel_block,
    signs_at,
    widened,
)
from convmatrix.show.model.film import Film, Frame, Key, Look, Panel, Sign
from convmatrix.show.model.printable import bold_ems, printable, wrapped
from convmatrix.show.model.style import (
    FLAT,
    FLOAT_RISE,
    LABEL,
    LABEL_IN_C,
    LEAST_TITLE,
    PART_GAP,
    QUIET,
    SHEAR,
    SIGN_GAP,
    TITLE,
    TITLE_LINE,
    Page,
    Style,
)

__all__ = [
    "Arrangement",
    "Column",
    "Part",
    "Row",
    "arrange",
    "compose",
    "floating",
    "grid",
    "heading",
]

_UNITS = (1.0, 0.85, 2 / 3, 0.55, 0.45, 0.35, 0.28)
"""Sides of a matrix's cells that are tried while they have labels."""
_BARE_CELLS = (64, 48, 36, 28, 22, 17, 13, 10, 7.5, 5.5)
"""Lengths of the longer side of a matrix that are tried where its cells have no labels."""


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
    top, foot, text, lines
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
    lines: tuple[str, ...] = ()

    def film(
        self,
        base: Mapping[Key, Look],
        waiting: Mapping[Key, Look],
        frames: Iterable[Frame],
        *,
        title: str,
        about: str = "",
        style: Style,
    ) -> Film:
        """Make the film of these panels and this page."""
        page = {field.name: getattr(self, field.name) for field in fields(self)}
        return Film(base=base, waiting=waiting, frames=tuple(frames), title=title, about=about, style=style, **page)


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

    def candidates(space: Space) -> Iterator[Block]:
        for shape in _candidates(groups, equation, space):
            yield _with_scale(shape, scale, space.text)

    return _fitted(candidates, _title_width(groups, equation), style.page, title, int(caption))


def _fitted(
    candidates: Callable[["Space"], Iterable[Block]],
    title_width: float,
    page: Page,
    title: str,
    captions: int,
    *,
    reading: bool = False,
) -> Arrangement:
    """The best candidate, with the smallest factor of the type scale for which its text can be read.

    The title is as wide as `title_width`, in cells. With `reading` the first candidate is taken wherever its labels can
    be read and it fills its page.

    Returns
    -------
    Arrangement
    """
    for text in _TEXTS:
        space = Space(page, text, wrapped(title, title_width / TITLE / text, 3, bold_ems), captions)
        blocks = list(candidates(space))
        readable = reading and space.labelled(blocks[0]) and blocks[0].coverage(space.head) >= COVERED
        best = blocks[0] if readable else space.best(blocks)
        if space.points(best, QUIET * text) >= page.smallest_text:
            break
    return _on_page(best, space)


def _with_scale(block: Block, scale: Panel | None, text: float) -> Block:
    """A colour bar on the right, whose cells grow with the text."""
    if scale is None:
        return block
    bar = panel_block(scale._replace(unit=scale.unit * text, height=scale.height * text, text=text))
    whole = beside_each_other([block, bar], ["", ""], text, centred=True)
    return whole._replace(reads=block.reads, caption=block.caption and whole.caption)


_TEXTS = (1.0, 1.25, 1.5, 1.8, 2.2, 2.7, 3.3, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0, 16.0, *(20 * 1.26**n for n in range(50)))
"""Factors of the type scale that are tried."""


def _title_width(groups: Sequence[Group], equation: Equation | None) -> float:
    """Width for the title, in cells."""
    return max(
        [
            sum(group.panels[0].wide for group in groups),
            equation.matrix.cols if equation and equation.smallest else 0,
            LEAST_TITLE,
        ]
    )


def _candidates(groups: Sequence[Group], equation: Equation | None, space: Space) -> Iterator[Block]:
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
        for whole in _with_matrix(shapes, equation_block(equation, unit, text, labelled=True), space)
        if space.points(whole, min(unit * equation.smallest, LABEL)) >= space.page.smallest_text * ALMOST
    ]
    if labelled:
        yield from labelled
        return
    longest = max(equation.matrix.rows, equation.matrix.cols)
    for length in _BARE_CELLS:
        unit = min(length / longest, 1.0)
        yield from _with_matrix(shapes, equation_block(equation, unit, text, labelled=False), space)


def _with_matrix(shapes: Sequence[Block], matrix: Block, space: Space) -> Iterator[Block]:
    """The matrix alone, or below the maps, or beside them; a caption stands below all, or below the maps."""
    if not shapes:
        yield matrix.captioned(space)
    for shape in shapes:
        yield below([shape, matrix], space.text)._replace(reads=shape.reads).captioned(space)
        captioned = shape.captioned(space)
        beside = beside_each_other([captioned, matrix], ["", ""], space.text, centred=True)
        yield beside._replace(reads=shape.reads)


def _map_shapes(groups: Sequence[Group], text: float) -> Iterator[Block]:
    """All groups in a row; one below the other; and the first above the others."""
    stacks = [below([panel_block(panel) for panel in group.panels], text) for group in groups]
    signs = [group.sign for group in groups]
    yield beside_each_other(stacks, signs, text)._replace(reads=True)
    if len(groups) > 1:
        yield below(stacks, text)
        if len(groups) == 3:
            yield below([stacks[0], beside_each_other(stacks[1:], ["", ""], text)], text)


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

    def candidates(space: Space) -> Iterator[Block]:
        scaled = [panel._replace(text=space.text) for panel in panels]
        for number in choices:
            block = _grid(scaled, signs, number, space.text, aligned=aligned).captioned(space)
            yield _with_scale(block, scale, space.text)

    title_width = max(sum(panel.wide for panel in panels[: choices[0]]), LEAST_TITLE)
    return _fitted(candidates, title_width, style.page, title, captions, reading=any(signs))


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
        space = Space(page, text, wrapped(title, max(wide, LEAST_TITLE) / TITLE / text, 3, bold_ems), captions)
        smallest = min((each.smallest for each in equations), default=LABEL_IN_C)
        labelled = [
            block
            for unit in (_UNITS if equations else (1.0,))
            for block in [_composed(whole, unit, text, labelled=True).captioned(space)]
            if not equations or space.points(block, min(unit * smallest, LABEL)) >= page.smallest_text * ALMOST
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


def _composed(part: Part, unit: float, text: float, *, labelled: bool) -> Block:
    match part:
        case Group():
            return below([panel_block(panel._replace(text=text)) for panel in part.panels], text)
        case Equation():
            return equation_block(part._replace(matrix=part.matrix._replace(text=text)), unit, text, labelled=labelled)
        case Row():
            blocks = [_composed(each, unit, text, labelled=labelled) for each in part.parts]
            signs = [each.sign if isinstance(each, Group) else "" for each in part.parts]
            if any(isinstance(each, Group) for each in part.parts):
                maps = all(isinstance(each, Group) for each in part.parts)
                return beside_each_other(blocks, signs, text, centred=not maps)._replace(reads=True)
            # Matrices of unequal heights, or columns of them, begin at one height.
            row = beside_each_other([block._replace(axis=0.0) for block in blocks], signs, text)
            return row._replace(axis=row.tall / 2, reads=True)
        case Column():
            return below([_composed(each, unit, text, labelled=labelled) for each in part.parts], text)


def _grid(panels: Sequence[Panel], signs: Sequence[str], columns: int, text: float, *, aligned: bool) -> Block:
    """Rows of panels; where a row begins with a sign, all rows leave space for one."""
    starts = range(0, len(panels), columns)
    indent = SIGN_GAP * text if any(signs[start] for start in starts) else 0.0
    blocks = [panel_block(panel) for panel in panels]
    if aligned:
        widths = [max(block.wide for block in blocks[column::columns]) for column in range(columns)]
        blocks = [widened(block, widths[number % columns]) for number, block in enumerate(blocks)]
    rows = []
    for start in starts:
        row = beside_each_other(blocks[start : start + columns], signs[start : start + columns], text)
        row = row.moved(indent, 0.0)._replace(wide=row.wide + indent)
        first = signs_at(indent / 2, row.axis, signs[start], text) if signs[start] else ()
        rows.append(row._replace(signs=(*first, *row.signs)))
    # Rows of unequal panels, such as a matrix below a map, stand on one centre line.
    same = len({panel.cols for panel in panels}) == 1 and len(starts) > 1
    return below(rows, text, left=same)._replace(reads=len(rows) == 1)


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

    def candidates(space: Space) -> Iterator[Block]:
        for gap in _FLOATS:
            yield _floating(lower, upper, gap, space.text).captioned(space)

    title_width = max(sum(panel.cols for panel in lower), sum(panel.cols for panel in upper), 12)
    return _fitted(candidates, title_width, style.page, title, int(caption))


def _floating(lower: Sequence[Panel], upper: Sequence[Panel], gap: float, text: float) -> Block:
    below, above = _planes(lower, text, last=True), _planes(upper, text, last=False)
    middle = max(below.axis, above.axis)
    below = below.moved(middle - below.axis, above.tall + gap)
    above = above.moved(middle - above.axis, 0.0)
    *others, named = above.panels
    assert named.title_x is not None
    # The window's lines go down to the right, past the title of the upper map.
    (x, y), (u, v) = (plane.within(0, plane.cols - 1, 0.0, 1.0) for plane in (named, below.panels[-1]))
    slope = max((u - x) / (v - y), 0.0)
    left = named.title_x + slope * (FLAT / 2 + FLOAT_RISE * text)
    wide = max(middle + below.wide - below.axis, middle + above.axis, left + named.title_width)
    tall = above.tall + gap + below.tall
    return Block((*below.panels, *others, named._replace(title_x=left)), (), wide, tall, tall / 2)


def _planes(panels: Sequence[Panel], text: float, *, last: bool) -> Block:
    """Planes beside each other, their title on the right of the last row or the first; `axis` is across."""
    placed, x = [], 0.0
    for panel in panels:
        plane = panel._replace(height=FLAT, shear=SHEAR, text=text, title="", note="")
        placed.append(plane._replace(x=x + plane.rows * SHEAR, y=0.0))
        x += plane.cols + plane.rows * SHEAR + PART_GAP * text
    end = placed[-1]
    right, tall = x - PART_GAP * text, end.tall
    row = end.rows - 1 if last else 0
    left = end.within(row, end.cols - 1, 0.5, 1.0)[0] + 0.5 * text
    named = end._replace(title=panels[-1].title, note=panels[-1].note, title_x=left, title_y=(row + 0.5) * FLAT)
    return Block((*placed[:-1], named), (), max(right, left + named.title_width), tall, right / 2)


_FLOATS = (4.4, 4.0, 3.6, 3.2, 2.8, 2.4, 2.0, 1.6)
"""Distances between planes that are tried, by the width of a cell."""


# -- the page ---------------------------------------------------------------------------------------------------------


def _on_page(block: Block, space: Space) -> Arrangement:
    page, text, head = space.page, space.text, space.head
    cell = space.cell(block)
    titles = max((bold_ems(line) * TITLE * text for line in space.lines), default=0.0)
    wide, tall = max(block.wide, titles), block.tall + head
    # A title that is wider than the page makes all of it smaller.
    cell = min(cell, page.wide * (1 - 2 * page.margin) / wide)
    margin = page.margin * min(page.wide, page.tall) / cell
    width = _side(wide, margin, page.wide / cell, page.fixed)
    height = _side(tall, margin, page.tall / cell, page.fixed)
    if page.fixed > 0 and block.coverage(head, width, height) < COVERED:
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
        lines=tuple(space.lines),
    )


def _side(contents: float, margin: float, whole: float, fixed: float) -> float:
    """A side of the picture: that of the page, where the contents fill enough of it."""
    return whole if contents + 2 * margin >= fixed * whole and fixed < 1 else contents + 2 * margin


def _readable(panel: Panel, cell: float, smallest: float) -> Panel:
    """A map without labels where these would be too small, and without borders where its cells are."""
    if panel.of_matrix:
        return panel
    points = panel.cell_height * cell * 72
    return panel._replace(labelled=points * panel.label >= smallest * ALMOST, bordered=points >= _BORDERED)


_BORDERED = 5.0
"""Least side of a cell that has a border, in points."""


def heading(film: Film) -> Iterator[tuple[float, str]]:
    """Lines of a film's title: the middle of each, and its text."""
    lines = film.lines or wrapped(printable(film.title), max(film.width / TITLE / film.text, 1.0), 3, bold_ems)
    for number, line in enumerate(lines):
        yield film.top + number * TITLE_LINE * film.text, line
