"""Marks of a film: the size of a label in its cell."""

import pytest

from convmatrix.show.model.drawing import label_size, lines_of
from convmatrix.show.model.style import LEADING
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
