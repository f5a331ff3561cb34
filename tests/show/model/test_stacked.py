"""Films of the maps alone: places and colours by definition, planes as polygons, and what is projected onto what."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Label, Line
from convmatrix.show.model.palette import over, tap_colours, value_colours
from convmatrix.show.model.stacked import bare_film, stacked_film
from convmatrix.show.model.style import HEADING, Style
from convmatrix.show.render.glyphs import placed
from selection import some
from strategies import integers, layers, seeds, share

SIZES = ("auto", "slide", "half", "column", "page", 4.0, (9, 4))
PADDED = Conv(5, 3, stride=2, padding=1)


def of(looks, panel):
    return {key[1:]: look for key, look in looks.items() if key[0] == panel}


@pytest.mark.parametrize("make", [stacked_film, bare_film])
@pytest.mark.parametrize(
    ("i", "k", "s", "p", "d"), [(5, 3, 2, 1, 1), (4, 3, 1, 0, 1), (7, 2, 2, 1, 3), (3, 3, 1, 2, 1)]
)
def test_taps_lie_where_the_definition_puts_them_paler_over_padding(make, i, k, s, p, d):
    made = make(Conv(i, k, stride=s, padding=p, dilation=d))
    colours, theme, o = tap_colours((k, k)), made.style.colours, (i + 2 * p - d * (k - 1) - 1) // s + 1
    assert [(panel.rows, panel.cols) for panel in made.panels] == [(i + 2 * p,) * 2, (o, o)]
    assert len(made.frames) == o * o
    for step, frame in enumerate(made.frames):
        row, col = divmod(step, o)
        expected = {}
        for a in range(k):
            for b in range(k):
                place = row * s + a * d, col * s + b * d
                inside = all(p <= at < p + i for at in place)
                paper, part = (theme.map, 0.75) if inside else (theme.padding, 0.3)
                expected[place] = over(colours[a * k + b], paper, part)
        assert {place: look.paper for place, look in of(frame.looks, 0).items()} == expected
        span = d * (k - 1) + 1
        assert [tuple(each) for each in frame.outlines] == [(0, row * s, col * s, span, span), (1, row, col, 1, 1)]


def test_a_transposed_convolution_has_its_input_above_and_stamps_it_onto_the_output():
    made = stacked_film(ConvTranspose(2, 3, stride=2), np.ones((3, 3), int), [[1, 2], [3, 4]])
    above, below = made.panels
    assert (above.name, above.title, below.name, below.title) == ("input", "y", "output", "x")
    assert above.y + above.tall < below.y
    assert [tuple(link.source) for link in made.frames[3].links] == [(1, 2, 2, 3, 3)]
    assert [tuple(link.target) for link in made.frames[3].links] == [(0, 1, 1, 1, 1)]
    # The four stamps add up in the middle.
    totals = [of(made.still(step), 1)[2, 2].text for step in range(4)]
    assert totals == ["1", "3", "6", "10"]


def test_every_window_is_projected_onto_the_place_that_belongs_to_it():
    made = stacked_film(Conv((4, 4), 3, in_channels=4, out_channels=2, groups=2))
    for step, frame in enumerate(made.frames):
        group = step // 4
        assert [link.source.panel for link in frame.links] == [2 * group, 2 * group + 1]
        assert {link.target for link in frame.links} == {frame.outlines[-1]}
        assert frame.outlines[-1][:3] == (4 + group, step % 4 // 2, step % 2)
    assert made.panels[3].note == "4 × 4, 4 channels"
    assert [panel.title for panel in made.panels] == ["", "", "", "x", "", "y"]


def test_cells_of_a_plane_are_parallelograms_that_share_their_sides():
    made = stacked_film(PADDED)
    panel = made.panels[0]
    cells = {key: next(drawing.cell(panel, key[1:], look, "c", made.style)) for key, look in made.base.items()}
    for (number, row, col), mark in cells.items():
        if number:
            continue
        assert isinstance(mark, Line)
        left = panel.x + col - 0.5 * row
        top = panel.y + 0.58 * row
        expected = [(left, top), (left + 1, top), (left + 0.5, top + 0.58), (left - 0.5, top + 0.58)]
        assert np.asarray(mark.points) == pytest.approx(np.asarray(expected))
        if col + 1 < panel.cols:
            right = cells[0, row, col + 1]
            assert np.asarray(right.points)[[0, 3]] == pytest.approx(np.asarray(mark.points)[[1, 2]])
    window = drawing.outline(made, made.frames[4].outlines[0], "")
    assert window.closed
    assert not window.fill
    corners = [cells[0, 2, 2].points[0], cells[0, 2, 4].points[1], cells[0, 4, 4].points[2], cells[0, 4, 2].points[3]]
    assert np.asarray(window.points) == pytest.approx(np.asarray(corners))


def on_a_side(point, polygon):
    """Distance of a point from the nearest side of a polygon."""
    best = np.inf
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        start, side = np.asarray(start), np.subtract(end, start)
        part = np.clip(np.subtract(point, start) @ side / (side @ side), 0, 1)
        best = min(best, np.linalg.norm(start + part * side - point))
    return best


@pytest.mark.parametrize("layer", [PADDED, Conv((9,), 4), ConvTranspose(3, 2, stride=2), Conv(6, 5, padding=2)])
@pytest.mark.parametrize("size", ["auto", "slide"])
def test_lines_run_from_the_window_towards_its_place_and_end_where_the_upper_map_hides_them(layer, size):
    made = stacked_film(layer, style=Style(size=size))
    for frame in made.frames:
        ((source, target),) = frame.links
        panel = made.panels[target.panel]
        whole = list(drawing.quadrangle(panel, 0, 0, panel.rows, panel.cols))
        starts = drawing.quadrangle(made.panels[source.panel], *source[1:])
        ends = drawing.quadrangle(panel, *target[1:])
        lines = [mark for mark in drawing.moving(made, frame) if mark.name.startswith("link")]
        assert [line.name for line in lines] == [f"link-0-{corner}" for corner in range(4)]
        for line, start, end in zip(lines, starts, ends, strict=True):
            assert line.points[0] == start
            way, seen = np.subtract(end, start), np.subtract(line.points[1], start)
            assert way[0] * seen[1] - way[1] * seen[0] == pytest.approx(0, abs=1e-9)
            assert 0 < seen @ way <= way @ way * (1 + 1e-9)
            assert on_a_side(line.points[1], whole) == pytest.approx(0, abs=1e-9)


def boxes(made, marks):
    """The boxes that all marks need, as left, top, right, bottom."""
    for mark in marks:
        match mark:
            case Box():
                yield mark.x, mark.y, mark.x + mark.wide, mark.y + mark.tall
            case Line():
                xs, ys = zip(*mark.points, strict=True)
                yield min(xs), min(ys), max(xs), max(ys)
            case Label():
                wide = placed(mark.text, math=mark.math)[1] * mark.size
                left = mark.x - {"start": 0, "middle": 0.5, "end": 1}[mark.anchor] * wide
                yield left, mark.y - 0.5 * mark.size, left + wide, mark.y + 0.5 * mark.size


@pytest.mark.parametrize("size", some(SIZES, "slide", "column"))
@pytest.mark.parametrize("title", ["", "A stacked film with a title that is long enough for several lines"])
@pytest.mark.parametrize("make", [stacked_film, bare_film])
def test_everything_lies_on_the_page_and_can_be_read(make, size, title):
    for layer in (PADDED, Conv((7,), 3), Conv((3, 3), 2, in_channels=2), ConvTranspose(3, 3, stride=2)):
        values = np.ones(layer.weight_shape, int), np.ones(layer.input_shape, int)
        made = make(layer, *values, title=title, style=Style(size=size))
        for step in (None, 0, len(made.frames) // 2, len(made.frames) - 1):
            marks = list(drawing.still(made, step))
            for left, top, right, bottom in boxes(made, marks):
                assert left > -0.02
                assert top > -0.02
                assert right < made.width + 0.02
                assert bottom < made.height + 0.02
            smallest = made.style.page.smallest_text
            sizes = [mark.size * made.cell * 72 for mark in marks if isinstance(mark, Label) and mark.name != "caption"]
            assert not sizes or min(sizes) > 0.6 * smallest  # wide numbers are smaller than their cell's
            titles = [mark.size * made.cell * 72 for mark in marks if isinstance(mark, Label) and "note" in mark.name]
            assert not titles or min(titles) >= smallest * 0.999


def crosses(line, left, top, right, bottom):
    """Check whether a segment meets a box, by sampling it finely."""
    (x, y), (u, v) = line.points
    parts = np.linspace(0, 1, 400)
    xs, ys = x + (u - x) * parts, y + (v - y) * parts
    return bool(np.any((left <= xs) & (xs <= right) & (top <= ys) & (ys <= bottom)))


@pytest.mark.parametrize("size", some(SIZES, "slide"))
def test_no_line_crosses_the_names_of_the_maps(size):
    for layer in (PADDED, Conv(9, 2), Conv(8, 3, stride=3, padding=2), ConvTranspose(3, 3, stride=2)):
        made = stacked_film(layer, style=Style(size=size))
        for panel in made.panels:
            tall = HEADING * panel.text / 2
            box = panel.title_x, panel.title_y - tall, panel.title_x + panel.title_width, panel.title_y + tall
            for frame in made.frames:
                lines = [mark for mark in drawing.moving(made, frame) if mark.name.startswith("link")]
                assert not any(crosses(line, *box) for line in lines)


def test_text_is_what_the_style_wants():
    weight, x = np.arange(9).reshape(3, 3) - 4, np.arange(16).reshape(4, 4)
    layer = Conv(4, 3)

    def texts(*values, **fields):
        return [look.text for look in stacked_film(layer, *values, style=Style(**fields)).base.values() if look.text]

    assert texts() == []
    assert texts(weight) == []
    assert texts(labels="symbols")[:2] == ["x00", "x01"]
    y = [int((weight * x[row : row + 3, col : col + 3]).sum()) for row in range(2) for col in range(2)]
    assert texts(weight, x) == [str(value) for value in [*range(16), *y]]
    assert texts(weight, x, labels="none") == []
    waiting = stacked_film(layer, weight, x)
    assert [look.text for look in of(waiting.still(2), 1).values()] == [*map(str, y[:3]), ""]


def test_taps_have_the_colours_of_their_values_where_weights_are_filled_by_value():
    weight = np.arange(9).reshape(3, 3) - 4
    made = stacked_film(Conv(3, 3), weight, style=Style(fill="value"))
    theme = made.style.colours
    colours = value_colours(weight, limit=4, theme=theme).ravel()
    expected = [over(colour, theme.map, 0.75) for colour in colours]
    assert [look.paper for look in of(made.frames[0].looks, 0).values()] == expected


def test_a_bare_film_has_no_text_but_its_title():
    for layer in (PADDED, ConvTranspose(3, 3, stride=2, padding=1)):
        values = np.ones(layer.weight_shape, int), np.ones(layer.input_shape, int)
        made = bare_film(layer, *values, title="Padded", style=Style(labels="both", captions="on"))
        for step in (None, *range(len(made.frames))):
            texts = [mark.text for mark in drawing.still(made, step) if isinstance(mark, Label)]
            assert texts == ["Padded", "→"]


def test_films_describe_themselves():
    assert bare_film(PADDED).about == (
        "A window of 3 × 3 moves over the input of 5 × 5, with its frame, and each of its places belongs to one of the "
        "output, of 3 × 3."
    )
    assert stacked_film(ConvTranspose(3, 3, stride=2, padding=1)).about == (
        "A stamp of 3 × 3 moves over the output of 5 × 5, with its frame, and each of its places belongs to one of the "
        "input, of 3 × 3."
    )


def test_the_note_holds_padding_stride_and_dilation():
    def note(layer):
        return stacked_film(layer).panels[0].note

    assert note(PADDED) == "5 × 5, padding 1, stride 2"
    assert note(Conv(5, 3)) == "5 × 5"
    assert note(Conv((9, 9), 3, stride=(1, 2), dilation=2, padding=((1, 0), (0, 1)))) == (
        "9 × 9, padding, stride, dilation 2"
    )


def test_pools_are_stacked_as_well():
    made = stacked_film(MaxPool(4, 2), None, [[1, 2, 0, 0], [3, 4, 0, 9], [0, 0, 0, 0], [0, 0, 0, 5]])
    assert [look.text for look in of(made.base, 1).values()] == ["4", "9", "0", "5"]
    assert list(of(made.frames[1].looks, 0)) == [(1, 3)]  # the greatest of the window
    assert len(stacked_film(AvgPool(4, 2)).frames) == 4


@share(0.03)
@given(
    layer=layers(ndims=(0, 1, 2)).filter(lambda layer: np.prod(layer.matrix_shape) <= 400), seed=seeds(), data=st.data()
)
def test_any_layer_is_stacked_in_the_steps_of_the_linked_film(layer, seed, data):
    values = data.draw(
        st.sampled_from([(), (integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1))])
    )
    make = data.draw(st.sampled_from([stacked_film, bare_film]))
    try:
        made = make(layer, *values)
    except ValueError as error:
        assume("at most" not in str(error))
        raise
    stamps = isinstance(layer, ConvTranspose)
    assert len(made.frames) == layer.matrix_shape[1 if stamps else 0]
    for step, frame in enumerate(made.frames):
        assert set(frame.looks) <= set(made.base)
        assert len(list(drawing.still(made, step))) > len(made.base)
        for outline in frame.outlines:
            panel = made.panels[outline.panel]
            assert 0 <= outline.row <= outline.row + outline.rows <= panel.rows
            assert 0 <= outline.col <= outline.col + outline.cols <= panel.cols


@pytest.mark.parametrize("make", [stacked_film, bare_film])
def test_errors(make):
    with pytest.raises(ValueError, match=r"^maps are drawn for at most 2 axes, got 3: draw a layer of 2 of them$"):
        make(Conv((3, 3, 3), 2))
    with pytest.raises(ValueError, match=r"^the layer has 441 outputs, a step for each, but at most 400 steps"):
        make(Conv((21, 21), 1))
    with pytest.raises(ValueError, match=r"^view must be one of 'windows', 'stamps', got 'upside'"):
        make(Conv(4, 3), view="upside")
    with pytest.raises(ValueError, match=r"^MaxPool has no weight"):
        make(MaxPool(4, 2), np.ones((2, 2)), np.ones((4, 4)))
