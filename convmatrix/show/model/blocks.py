"""Blocks of panels: maps in rows and columns with signs between them, and a matrix as an equation."""

from collections.abc import Iterable, Iterator, Sequence
from math import log
from typing import NamedTuple

import numpy as np

from convmatrix.show.model.film import Panel, Sign
from convmatrix.show.model.printable import ems
from convmatrix.show.model.style import (
    ABOVE_GAP,
    ARROW,
    BARE_ABOVE_GAP,
    BARE_EQUALS_GAP,
    BLOCK_GAP,
    CAPTION_DROP,
    EQUALS_GAP,
    FOOT,
    HEAD,
    HEADING,
    LABEL,
    LABEL_IN_C,
    NAME_RISE,
    PART_GAP,
    SIDE_GAP,
    SIGN,
    SIGN_GAP,
    TITLE_GAP,
    TITLE_LINE,
    TITLE_RISE,
    VECTOR,
    Page,
)

__all__ = [
    "ALMOST",
    "COVERED",
    "Block",
    "Equation",
    "Group",
    "Space",
    "below",
    "beside_each_other",
    "equation_block",
    "panel_block",
    "titles_aligned",
    "widened",
]


ALMOST = 0.999
"""Part of the smallest text that is large enough, since lengths are rounded."""
_SAMPLES = 100
"""Points on each side of a page at which its coverage is measured."""
COVERED = 0.68
"""Part of a page to be covered: two thirds, and what the sampling may be wrong by."""
_KEY = 0.2
"""Worth of the size of a kernel that only explains the colours of a matrix."""
_LABELS = 0.7
"""Worth of labels in the cells of maps."""
_SIGNS = 0.3
"""Worth of an arrangement in which the maps stand in a row, with signs between them."""
_FLATTEST = 8
"""Largest ratio of the sides of a matrix whose cells are squares, where these have no labels."""
_EMPTY = 0.5
"""Least side of a picture, by the side of a map's cell: of one without any cells."""


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


class Block(NamedTuple):
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

    def moved(self, dx: float, dy: float) -> "Block":
        """The block elsewhere."""
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
        gap = (SIGN_GAP if any(not sign.quiet for sign in self.signs) else SIDE_GAP) * text
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
                middle, y = panel.x + panel.wide / 2, panel.y - TITLE_RISE * panel.text
                y = y if panel.title_y is None else panel.title_y
                yield middle - panel.title_width / 2, y, middle + panel.title_width / 2, y
        if self.caption:
            x, y, wide = self.caption
            yield x - wide / 4, y, x + wide / 4, y

    def captioned(self, space: "Space") -> "Block":
        """The block with space for a caption below it, if there is to be one."""
        if not space.foot:
            return self
        caption = (self.wide / 2, self.tall + CAPTION_DROP * space.text, self.wide)
        return self._replace(tall=self.tall + space.foot, caption=caption)


class Space:
    """The page of a picture, less its title and its caption; `text` is the factor of the type scale."""

    def __init__(self, page: Page, text: float, lines: Sequence[str], captions: int) -> None:
        self.page, self.text, self.lines = page, text, lines
        self.head = (TITLE_LINE * len(lines) + (TITLE_GAP if lines else 0.0)) * text
        self.foot = (FOOT + TITLE_LINE * (captions - 1)) * text if captions else 0.0

    def cell(self, block: "Block") -> float:
        """Side of a map's cell in inches, such that the block fits."""
        page, free = self.page, 1 - 2 * self.page.margin
        wide, tall = max(block.wide, _EMPTY), max(block.tall + self.head, _EMPTY)
        return min(page.wide * free / wide, page.tall * free / tall, page.largest_cell)

    def points(self, block: "Block", size: float) -> float:
        """Height of a text, given by the side of a map's cell, in points."""
        return self.cell(block) * size * 72

    def best(self, blocks: Iterable["Block"]) -> "Block":
        """The block of the best score among those that leave little of their page empty, if there are some."""
        ordered = sorted(blocks, key=self.score, reverse=True)
        return next((block for block in ordered if block.coverage(self.head) >= COVERED), ordered[0])

    def labelled(self, block: "Block") -> bool:
        """Check whether labels of all maps can be read."""
        sizes = [panel.cell_height * panel.label for panel in block.panels if not panel.of_matrix]
        return self.points(block, min(sizes)) >= self.page.smallest_text * ALMOST

    def score(self, block: "Block") -> tuple[float, float]:
        """Size of the cells of maps and matrix, and signs between them; then how much of the page is used."""
        cell = self.cell(block)
        units = {panel.unit for panel in block.panels if panel.of_matrix and panel.name == "matrix"}
        maps = [panel for panel in block.panels if not panel.of_matrix]
        weight = 1.0 if not units else 0.0 if not maps else _KEY if maps[0].name == "key" else 1.0
        size = weight * log(cell) + sum(log(unit * cell) for unit in units) + (_SIGNS if block.reads else 0.0)
        size += _LABELS if maps and self.labelled(block) else 0.0
        shape = (self.page.wide / self.page.tall) / (max(block.wide, _EMPTY) / max(block.tall + self.head, _EMPTY))
        return round(size, 6), -abs(log(shape))


def panel_block(panel: Panel) -> Block:
    """A panel with its title."""
    head = HEAD * panel.text if panel.title or panel.note else 0.0
    wide = max(panel.wide, panel.title_width)
    placed = panel._replace(x=(wide - panel.wide) / 2, y=head)
    return Block((placed,), (), wide, head + panel.tall, head + panel.tall / 2)


def below(blocks: Sequence[Block], text: float, *, left: bool = False) -> Block:
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
    return Block(tuple(placed), tuple(signs), wide, tall, blocks[0].axis if len(blocks) == 1 else tall / 2)


def beside_each_other(blocks: Sequence[Block], signs: Sequence[str], text: float, *, centred: bool = False) -> Block:
    """Blocks one beside the other on one centre line, with signs between them, their titles at one height."""
    axis = max((block.tall / 2 if centred else block.axis) for block in blocks)
    placed: list[Panel] = []
    shown: list[Sign] = []
    caption = None
    x = tall = 0.0
    for number, (block, sign) in enumerate(zip(blocks, signs, strict=True)):
        if number:
            wide, gap = _wide(sign), SIDE_GAP * text
            if sign:
                gap = max(SIGN_GAP, wide + PART_GAP) * text  # an arrow is wider than other signs
                shown += signs_at(x + gap / 2, axis, sign, text)
            x += gap
        y = axis - (block.tall / 2 if centred else block.axis)
        moved = block.moved(x, y)
        placed += moved.panels
        shown += moved.signs
        caption = moved.caption or caption
        x, tall = x + block.wide, max(tall, y + block.tall)
    whole = Block(tuple(placed), tuple(shown), x, tall, axis, caption=caption)
    return whole if centred or any(len(block.panels) > 1 for block in blocks) else titles_aligned(whole)


def _sized(sign: str) -> tuple[str, float, str]:
    """A sign, its size, and the name above it, which only arrows have: ``⟶ C``."""
    symbol, _, name = sign.partition(" ")
    return symbol, ARROW if name else SIGN, name


def _wide(sign: str) -> float:
    symbol, size, name = _sized(sign)
    return max(ems(symbol) * size, ems(name) * HEADING)


def signs_at(x: float, y: float, sign: str, text: float) -> list[Sign]:
    """The sign between two parts, and its name."""
    symbol, size, name = _sized(sign)
    signs = [Sign(x, y, symbol, size * text)]
    return [*signs, Sign(x, y - NAME_RISE * text, name, HEADING * text)] if name else signs


def widened(block: Block, wide: float) -> Block:
    """A block in the middle of a wider one."""
    return block.moved((wide - block.wide) / 2, 0.0)._replace(wide=wide)


def titles_aligned(block: Block) -> Block:
    """Titles of panels that stand side by side, at the height of the highest."""
    highest = min(panel.y - TITLE_RISE * panel.text for panel in block.panels)
    return block._replace(panels=tuple(panel._replace(title_y=highest) for panel in block.panels))


def equation_block(equation: Equation, unit: float, text: float, *, labelled: bool) -> Block:
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
    return Block(tuple(panels), tuple(signs), *whole, whole[1] / 2)
