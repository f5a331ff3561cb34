"""Pictures put together from parts of films: cells of one size, nothing beyond the page, every piece with its cells."""

from itertools import combinations, product

import numpy as np
import pytest

from convmatrix import Conv
from convmatrix.show.model import drawing
from convmatrix.show.model.palette import THEMES, value_colours
from convmatrix.show.model.pieces import Matrix, Stack, below, beside, numbers, pieces, together
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style
from convmatrix.show.model.typeset import width

SIZES = ("auto", "slide", "half", "page", 13.333, (13.333, 6.2))
LAYERS = [Conv((size,), 3, stride=2, padding=1) for size in (5, 6)]


def equation(layer, suffix, style):
    found = pieces(film(layer, maps=False, moving=False, style=style))
    return Matrix(found["matrix"], found["above"], found["beside"]).named(suffix, note="a note that is rather long")


def page(size):
    """Two columns, each of a matrix and its transpose, below a row of maps."""
    style = Style(size=size, captions="on")
    columns = [
        below(equation(layer, f"-{number}", style), equation(layer.T, f"-{number}-back", style))
        for number, layer in enumerate(LAYERS)
    ]
    maps = [numbers(name, name, np.arange(6).reshape(2, 3), style=style) for name in ("x", "y")]
    row = beside(Stack((maps[0],)), Stack((maps[1],), "→"))
    return together(below(row, beside(*columns)), style=style, title="all of it", caption="a caption")


def boxes(made):
    return [(panel.x, panel.y, panel.x + panel.wide, panel.y + panel.tall) for panel in made.panels]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_overlaps_and_nothing_leaves_the_page(size):
    made = page(size)
    for (one, box), (two, other) in combinations(zip(made.panels, boxes(made), strict=True), 2):
        apart = box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
        assert apart, f"{one.name} and {two.name}"
    for mark in drawing.still(made, 0):
        if isinstance(mark, drawing.Label):
            before = {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * width(mark.text) * mark.size
            assert mark.x - before >= 0
            assert mark.x - before + width(mark.text) * mark.size <= made.width
            assert mark.size / 2 <= mark.y <= made.height - mark.size / 2
        elif isinstance(mark, drawing.Box):
            assert 0 <= mark.x <= mark.x + mark.wide <= made.width
            assert 0 <= mark.y <= mark.y + mark.tall <= made.height


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_cells_of_maps_have_one_size_and_cells_of_matrices_another(size):
    made = page(size)
    assert {panel.unit for panel in made.panels if panel.name in ("x", "y")} == {1.0}
    assert len({(panel.unit, panel.cell_height) for panel in made.panels if panel.name.startswith("matrix")}) == 1
    assert made.style.page.smallest_text <= min(
        mark.size * made.cell * 72
        for mark in drawing.still(made, 0)
        if isinstance(mark, drawing.Label) and mark.name.endswith("-note")
    )


def test_matrices_side_by_side_begin_at_one_height():
    made = page("slide")
    top = {panel.name: panel.y for panel in made.panels}
    assert top["matrix-0"] == top["matrix-1"]
    assert top["matrix-0-back"] == top["matrix-1-back"]
    assert top["above-0"] == top["above-1"] < top["matrix-0"]


def test_pieces_are_those_of_the_film_at_a_step():
    layer = Conv(4, 3)
    made = film(layer, np.ones((3, 3), dtype=int), np.arange(16).reshape(4, 4))
    found = pieces(made, 3)
    assert [found[name].panel.name for name in found] == ["input", "kernel", "output", "matrix", "above", "beside"]
    assert found["input"].framed == ((1, 1, 3, 3),)
    assert found["matrix"].framed == ((3, 0, 1, 16),)
    # Titles do not stay where they stood in the film.
    assert any(panel.title_y is not None for panel in made.panels)
    assert {piece.panel.title_y for piece in found.values()} == {None}
    # Nothing waits for its turn.
    assert [found["output"].looks[at].text for at in product(range(2), repeat=2)] == ["45", "54", "81", "90"]
    still = made.still(3)
    for number, piece in enumerate(found.values()):
        for at, look in piece.looks.items():
            assert still[(number, *at)].paper == look.paper
    renamed = found["kernel"].named("other", note="flipped")
    assert (renamed.panel.name, renamed.panel.title, renamed.panel.note) == ("other", "w", "flipped")
    assert renamed.looks == found["kernel"].looks


def test_what_is_put_together_is_drawn_whole():
    made = page("slide")
    names = [panel.name for panel in made.panels]
    assert names[:5] == ["x", "y", "matrix-0", "above-0", "beside-0"]
    assert len(names) == len(set(names)) == 2 + 4 * 3
    for panel in made.panels:
        number = made.panels.index(panel)
        assert {key[1:] for key in made.base if key[0] == number} == set(product(range(panel.rows), range(panel.cols)))
    texts = [mark.text for mark in drawing.still(made, 0) if isinstance(mark, drawing.Label)]
    assert texts.count("→") == 1
    assert {"all of it", "a caption"} <= set(texts)
    assert (
        together(Stack((numbers("x", "x", [[1]], style=Style()),)), style=Style(captions="off"), caption="no").foot
        is None
    )


@pytest.mark.parametrize("theme", THEMES)
def test_numbers_are_a_map_or_are_coloured_by_value(theme):
    style, values = Style(theme=theme), np.array([[-2, 0], [1, 4]])
    plain = numbers("a", "A", values, style=style)
    assert {look.paper for look in plain.looks.values()} == {THEMES[theme].map}
    assert [look.text for look in plain.looks.values()] == ["-2", "0", "1", "4"]
    assert plain.panel.note == "2 × 2"
    coloured = numbers("a", "A", values, style=style, limit=4, note="", unit=0.5)
    expected = value_colours(values, limit=4, theme=THEMES[theme])
    assert {at: look.paper for at, look in coloured.looks.items()} == dict(np.ndenumerate(expected))
    assert coloured.looks[0, 1].ink == THEMES[theme].zero
    assert (coloured.panel.unit, coloured.panel.note) == (0.5, "")


@pytest.mark.parametrize("sign", ["⟶ C", "⟶ a name that is longer than the arrow"])
def test_names_of_arrows_stand_above_them_between_the_maps(sign):
    style = Style(size="slide")
    maps = [numbers(name, name, np.arange(9).reshape(3, 3), style=style) for name in ("x", "y")]
    made = together(beside(Stack((maps[0],)), Stack((maps[1],), sign)), style=style)
    (x, y), (arrow, name) = made.panels, made.signs
    assert (arrow.text, name.text) == ("⟶", sign.removeprefix("⟶ "))
    assert arrow.x == name.x == pytest.approx((x.x + x.wide + y.x) / 2)
    assert arrow.y == pytest.approx(x.y + x.tall / 2)
    assert name.y + name.size / 2 < arrow.y < y.y + y.tall
    for each in made.signs:
        half = width(each.text) * each.size / 2
        assert x.x + x.wide < each.x - half
        assert each.x + half < y.x
