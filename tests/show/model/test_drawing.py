"""Marks of a film: the size of a label in its cell, and all marks within the picture, at each size."""

import pytest

from convmatrix import Conv
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Line, label_size, lines_of
from convmatrix.show.model.films import film_of
from convmatrix.show.model.style import LEADING, Style
from convmatrix.show.render.glyphs import placed

LABELS = [
    "0",
    "w",
    "w0",
    "x00",
    "w00",
    "-49",
    "+49",
    "w10.12",
    "w10,11",
    "w00+w01",
    "w0+w2+w4+w6",
    "-12.75",
    "1e+06",
    "-1.5e-07",
    "1+2j",
    "0.333+0.667j",
    "-109",
    "w2,10.10,11",
]


@pytest.mark.parametrize("label", LABELS)
def test_text_fits_into_its_cell(label):
    size = label_size(label)
    assert all(placed(line)[1] * size <= 0.96 for line in lines_of(label))
    assert (len(lines_of(label)) - 1) * LEADING * size + size <= 0.96
    assert "".join(lines_of(label)) == label


@pytest.mark.parametrize("size", ["slide", "half", "column", "page"])
@pytest.mark.parametrize("view", ["windows", "bare", "stacked", "round-trip"])
def test_marks_lie_within_the_picture(view, size):
    made = film_of(Conv(4, 3), view=view, style=Style(size=size, captions="on"))
    marks = list(drawing.still(made, len(made.frames) - 1))
    for mark in marks:
        if isinstance(mark, Box):
            xs, ys = (mark.x, mark.x + mark.wide), (mark.y, mark.y + mark.tall)
        elif isinstance(mark, Line):
            xs, ys = zip(*mark.points, strict=True)
        else:
            assert mark.size * made.cell * 72 >= made.style.page.smallest_text * 0.99, mark
            wide = placed(mark.text, math=mark.math)[1] * mark.size
            left = mark.x - wide * {"start": 0, "middle": 0.5, "end": 1}[mark.anchor]
            xs, ys = (left, left + wide), (mark.y - mark.size / 2, mark.y + mark.size / 2)
        assert min(xs) >= 0, mark
        assert min(ys) >= 0, mark
        assert max(xs) <= made.width, mark
        assert max(ys) <= made.height, mark
