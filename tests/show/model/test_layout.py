"""Panels on a page: one cell size, equal gaps, rows on one centre line, and nothing clipped, at each size."""

from itertools import pairwise

import pytest

from convmatrix.show.model.film import Panel
from convmatrix.show.model.layout import grid
from convmatrix.show.model.style import Style


@pytest.mark.parametrize("size", ["auto", "slide", "half", "column", "page"])
@pytest.mark.parametrize("title", ["", "A title"])
def test_panels_in_a_grid(size, title):
    style = Style(size=size)
    panels = [Panel(f"p{number}", "x", "", 3, 3) for number in range(6)]
    made = grid(panels, [""] * 6, columns=3, style=style, title=title)
    assert [panel.name for panel in made.panels] == [panel.name for panel in panels]
    assert {(panel.unit, panel.cell_height) for panel in made.panels} == {(1.0, 1.0)}
    assert made.width * made.cell <= style.page.wide + 1e-6
    assert made.height * made.cell <= style.page.tall + 1e-6
    rows = made.panels[:3], made.panels[3:]
    gaps = [two.x - one.x - one.wide for row in rows for one, two in pairwise(row)]
    assert gaps == pytest.approx(gaps[:1] * 4)
    assert gaps[0] > 0
    assert [len({round(panel.y, 9) for panel in row}) for row in rows] == [1, 1]
    assert rows[1][0].y > rows[0][0].y + rows[0][0].tall
    margin = style.page.margin * min(style.page.wide, style.page.tall) / made.cell - 1e-9
    assert min(panel.x for panel in made.panels) >= margin
    assert min(panel.y for panel in made.panels) >= margin
    assert max(panel.x + panel.wide for panel in made.panels) <= made.width - margin
    assert max(panel.y + panel.tall for panel in made.panels) <= made.height - margin
