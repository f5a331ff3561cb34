"""Blocks of panels: equal gaps, one centre line, and nothing outside of its block."""

from itertools import pairwise

import pytest

from convmatrix.show.model.blocks import Equation, below, beside_each_other, equation_block, panel_block
from convmatrix.show.model.film import Panel
from convmatrix.show.model.style import EQUALS_GAP, PART_GAP, SIDE_GAP, SIGN_GAP

BLOCKS = [panel_block(Panel(f"p{rows}", "x", "", rows, cols)) for rows, cols in ((4, 4), (3, 3), (2, 5))]


def assert_inside(block):
    for panel in block.panels:
        assert panel.x >= -1e-9
        assert panel.y >= -1e-9
        assert panel.x + panel.wide <= block.wide + 1e-9
        assert panel.y + panel.tall <= block.tall + 1e-9


@pytest.mark.parametrize(("sign", "gap"), [("", SIDE_GAP), ("=", SIGN_GAP)])
def test_blocks_beside_each_other(sign, gap):
    whole = beside_each_other(BLOCKS, ["", sign, sign], 1.5)
    # A panel stands in the middle of its title.
    edges = [(panel.x - old.panels[0].x, old.wide) for panel, old in zip(whole.panels, BLOCKS, strict=True)]
    gaps = [right[0] - left[0] - left[1] for left, right in pairwise(edges)]
    assert gaps == pytest.approx([gap * 1.5] * 2)
    assert {round(panel.y + panel.tall / 2, 9) for panel in whole.panels} == {round(whole.axis, 9)}
    assert {round(each.y, 9) for each in whole.signs} <= {round(whole.axis, 9)}
    assert len({panel.title_y for panel in whole.panels}) == 1
    assert_inside(whole)


@pytest.mark.parametrize("left", [True, False])
def test_blocks_below_each_other(left):
    whole = below(BLOCKS, 2.0, left=left)
    heads = [block.panels[0].y for block in BLOCKS]
    gaps = [two.y - one.y - one.tall - head for (one, two), head in zip(pairwise(whole.panels), heads[1:], strict=True)]
    assert gaps == pytest.approx([PART_GAP * 2] * 2)
    middles = {round(panel.x + panel.wide / 2, 9) for panel in whole.panels}
    assert middles == {round(whole.wide / 2, 9)} or left
    assert_inside(whole)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_matrix_is_an_equation(labelled):
    parts = Panel("matrix", "C", "", 4, 16), Panel("above", "x", "", 1, 16), Panel("beside", "y", "", 4, 1)
    whole = equation_block(Equation(*parts, 0.3), 0.55, 1.0, labelled=labelled)
    matrix, above, beside = whole.panels
    assert [above.at(0, col)[0] for col in range(16)] == pytest.approx([matrix.at(0, col)[0] for col in range(16)])
    assert [beside.at(row, 0)[1] for row in range(4)] == pytest.approx([matrix.at(row, 0)[1] for row in range(4)])
    assert above.y + above.tall <= matrix.y
    assert len(whole.signs) == (4 if labelled else 0)
    if labelled:
        assert matrix.x - beside.x - beside.wide == pytest.approx(EQUALS_GAP * 0.55)
        middles = [matrix.within(row, 0, 0.5, 0.0)[1] for row in range(4)]
        assert [sign.y for sign in whole.signs] == pytest.approx(middles)
    assert_inside(whole)
