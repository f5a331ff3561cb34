"""Films of layers: what each step lights up, against the definition; where things stand; and errors."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Label
from convmatrix.show.model.palette import THEMES, over, tap_colours
from convmatrix.show.model.scene import Scene, number_label, tap_label
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import TINT, Style
from helpers import dense
from strategies import convs, integers, layers, seeds, share, transposes
from symbols import taps_by_definition


def drawn(layer, *args, **keywords):
    """A film, if the layer is not too large for one."""
    try:
        return film(layer, *args, **keywords)
    except ValueError as error:
        assume("at most" not in str(error))
        raise


def panels(made, word):
    return {number for number, panel in enumerate(made.panels) if panel.name.rstrip("0123456789") == word}


def changed(made, frame, word):
    """Cells of some panels that a step changes."""
    return {key: look for key, look in frame.looks.items() if key[0] in panels(made, word)}


def pairs_by_definition(layer):
    """For each row and column of the matrix, the taps' names there, and the first tap's colour."""
    colours = tap_colours(layer.kernel_size)
    return [
        [
            ([tap_label(layer.weight_shape, tap) for tap in place], [colours[tap % len(colours)] for tap in place])
            for place in row
        ]
        for row in taps_by_definition(layer)
    ]


def assert_written(layer, made, row, col, names, colours):
    """An entry of the matrix has its taps' names, if they are large enough, and its first tap's colour."""
    (matrix,) = panels(made, "matrix")
    look = made.base.get((matrix, row, col))
    if not names:
        assert look is None or (look.text, look.paper) == ("", THEMES["light"].ground)
        return
    assert look.text.split("+") == (names if max(layer.matrix_shape) <= 64 else [""])
    assert look.paper == colours[0]


def assert_tinted(made, lit, expected):
    """Cells have the tint of the taps that meet them: `expected` has, by label, the taps' colours."""
    found = {}
    for key, look in lit.items():
        found.setdefault(made.base[key].text, []).append((look.paper, made.base[key].paper))
    assert found.keys() == {name for name, colours in expected.items() if colours}
    for name, papers in found.items():
        colours = expected[name]
        assert len(papers) == len(colours)
        for paper, ground in papers:
            assert paper in {over(colour, ground, TINT) for colour in colours}
        if len({ground for _, ground in papers}) == 1:
            assert sorted(papers) == sorted((over(colour, papers[0][1], TINT), papers[0][1]) for colour in colours)


# -- what each step lights up ----------------------------------------------------------------------------------------


@share(0.15)
@given(layer=st.one_of(convs(ndims=(0, 1, 2)), transposes(modes=("zeros",), ndims=(0, 1, 2))))
def test_windows_read_the_entries_of_the_row(layer):
    made, scene = drawn(layer, view="windows"), Scene(layer)
    table = pairs_by_definition(layer)
    assert len(made.frames) == len(table)
    for row, (frame, taps) in enumerate(zip(made.frames, table, strict=True)):
        for col, (names, colours) in enumerate(taps):
            assert_written(layer, made, row, col, names, colours)
        by_name = {scene.col_name(col): colours for col, (_, colours) in enumerate(taps)}
        assert_tinted(made, changed(made, frame, "input"), by_name)
        assert_tinted(made, changed(made, frame, "above"), {name: each[:1] for name, each in by_name.items()})
        (output,) = changed(made, frame, "output").values()
        assert output.text == scene.row_name(row)
        framed = {made.panels[outline.panel].name: outline[1:] for outline in frame.outlines}
        assert framed["matrix"] == (row, 0, 1, scene.shape[1])
        assert framed["beside"] == (row, 0, 1, 1)


@share(0.15)
@given(layer=transposes(ndims=(0, 1, 2)), seed=seeds())
def test_stamps_reach_the_entries_of_the_column(layer, seed):
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    made, numbers, scene = drawn(layer), drawn(layer, weight, x), Scene(layer)
    table, matrix = pairs_by_definition(layer), dense(layer, weight)
    assert len(made.frames) == layer.matrix_shape[1]
    sums = np.zeros(len(table), dtype=int)
    for col, (frame, summed) in enumerate(zip(made.frames, numbers.frames, strict=True)):
        taps = [row[col] for row in table]
        for row, (names, colours) in enumerate(taps):
            assert_written(layer, made, row, col, names, colours)
        by_name = {scene.row_name(row): colours for row, (_, colours) in enumerate(taps)}
        if layer.padding_mode == "zeros":
            assert_tinted(made, changed(made, frame, "output"), by_name)
        assert_tinted(made, changed(made, frame, "beside"), {name: each[:1] for name, each in by_name.items()})
        sums += matrix[:, col] * x.ravel()[col]
        reached = changed(numbers, summed, "output")
        assert {made.base[key].text for key in reached} == {name for name, each in by_name.items() if each}
        for key, look in reached.items():
            row = next(number for number in range(len(table)) if scene.row_name(number) == made.base[key].text)
            assert look.text == str(sums[row])
        framed = {made.panels[outline.panel].name.rstrip("0123456789"): outline[1:] for outline in frame.outlines}
        assert framed["matrix"] == (0, col, scene.shape[0], 1)
        (point,) = (outline for outline in frame.outlines if outline.panel in panels(made, "input"))
        assert made.base[point.panel, point.row, point.col].text == scene.col_name(col)


@share(0.1)
@given(layer=layers(ndims=(0, 1, 2)), seed=seeds(), stamps=st.booleans())
def test_in_the_end_the_output_has_its_values(layer, seed, stamps):
    stamps = stamps and isinstance(layer, ConvTranspose)
    assume(stamps or isinstance(layer, Conv) or layer.padding_mode == "zeros")
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    made = drawn(layer, weight, x, view="stamps" if stamps else "windows")
    y = dense(layer, weight) @ x.ravel()
    last = {**made.base, **made.waiting}
    for frame in made.frames:
        last |= frame.lasting
    names = film(layer, view="stamps" if stamps else "windows", moving=False).base
    shown = {key: look.text for key, look in last.items() if key[0] in panels(made, "output") and names[key].text}
    assert {names[key].text for key in shown} == {Scene(layer).row_name(row) for row in range(len(y))}
    by_name = dict(zip(map(Scene(layer).row_name, range(len(y))), y.tolist(), strict=True))
    assert all(text == number_label(by_name[names[key].text]) for key, text in shown.items())
    if not stamps:
        for frame, value in zip(made.frames, y.tolist(), strict=True):
            assert frame.caption.endswith(f" = {number_label(value)}")


def test_sums_of_small_integers_exceed_their_dtype():
    up = ConvTranspose((2,), 2)
    made = film(up, np.array([100, 100], dtype=np.int8), np.array([2, 1], dtype=np.int8))
    texts = [look.text for frame in made.frames for look in frame.lasting.values()]
    assert texts == ["200", "200", "300", "100"]
    assert [look.text for look in changed(made, made.frames[1], "output").values()] == ["300", "100"]


def test_a_flipped_tap_keeps_its_name_and_its_colour():
    up = Conv(4, 3, in_channels=2, out_channels=4, groups=2).T
    stamps, windows = film(up), film(up, view="windows")

    def kernels(made):
        looks = [made.base, *(frame.looks for frame in made.frames)]
        return {
            look.text: look.paper for each in looks for key, look in each.items() if key[0] in panels(made, "kernel")
        }

    assert kernels(stamps) == kernels(windows)
    assert len(kernels(windows)) == 4 * 9
    first = [look.text for key, look in windows.base.items() if key[0] == min(panels(windows, "kernel"))]
    assert first == [f"w00.{row}{col}" for row in (2, 1, 0) for col in (2, 1, 0)]


def test_caption_has_the_sum_as_far_as_it_fits():
    assert film(Conv((4,), 3, padding=1)).frames[0].caption == "y0 = w1·x0 + w2·x1"
    assert film(Conv((3,), 2), [2, -1.5], [1, -1, 0]).frames[0].caption == "y0 = 2·1 + (-1.5)·(-1) = 3.5"
    assert film(Conv((1,), 2, padding=3)).frames[0].caption == "y0 = 0"
    replicated = Conv((3,), 3, padding=1, padding_mode="replicate")
    assert film(replicated).frames[0].caption == "y0 = (w0+w1)·x0 + w2·x1"
    long = film(Conv(4, 3)).frames[1].caption
    assert long == "y01 = " + " + ".join(f"w{row}{col}·x{row}{col + 1}" for row in range(3) for col in range(3))
    narrow = film(Conv(4, 3), style=Style(size="column")).frames[1].caption
    assert re.fullmatch(r"y01 = w00·x01 \+ (w\d\d·x\d\d \+ )*… \+ w22·x23", narrow)
    up = Conv(4, 3).T
    assert film(up).frames[2].caption == "the stamp of y10 is added: column 2 of C^T"
    assert film(up, None, [[5, 6], [7, 8]]).frames[2].caption == "the stamp of y10 = 7 is added: column 2 of C^T"


def test_outlines_frame_window_point_and_row():
    made = film(Conv(5, 3, padding=1))
    outlines = {made.panels[outline.panel].name: outline[1:] for outline in made.frames[7].outlines}
    assert outlines == {
        "input": (1, 2, 3, 3),
        "output": (1, 2, 1, 1),
        "matrix": (7, 0, 1, 25),
        "beside": (7, 0, 1, 1),
    }
    made = film(Conv(5, 3, stride=2, padding=1).T)
    outlines = {made.panels[outline.panel].name: outline[1:] for outline in made.frames[4].outlines}
    assert outlines == {
        "output": (2, 2, 3, 3),
        "input": (1, 1, 1, 1),
        "matrix": (0, 4, 25, 1),
        "above": (0, 4, 1, 1),
    }


def test_without_maps_or_without_the_matrix():
    assert [panel.name for panel in film(Conv(4, 3), matrix=False).panels] == ["input", "kernel", "output"]
    alone = film(Conv(4, 3), maps=False)
    assert [panel.name for panel in alone.panels] == ["matrix", "above", "beside"]
    assert [set(frame.looks) for frame in alone.frames] == [
        {(1, 0, col) for col in np.flatnonzero(Conv(4, 3).matrix(np.ones((3, 3))).toarray()[row])} for row in range(4)
    ]


def gaps(panel, axis):
    """Gaps before the rows, or the columns, of a panel, in units of the panel's gap."""
    count = panel.cols if axis == 0 else panel.rows
    places = [(index, 0) if axis else (0, index) for index in range(count)]
    return {
        index: round((panel.at(*place)[axis] - panel.until(*before)[axis]) / panel.gap)
        for index, (before, place) in enumerate(pairwise(places), start=1)
        if panel.at(*place)[axis] > panel.until(*before)[axis] + 1e-9
    }


def test_gaps_part_image_rows_and_channels():
    made = film(Conv((2, 3), (1, 2), in_channels=2, out_channels=2), maps=False)
    matrix, above, beside = made.panels
    assert matrix.gap == pytest.approx(0.25 * matrix.unit)
    assert gaps(matrix, 1) == gaps(beside, 1) == {2: 1, 4: 2, 6: 1}
    assert gaps(matrix, 0) == gaps(above, 0) == {3: 1, 6: 2, 9: 1}
    assert [matrix.at(row, 0)[1] for row in range(8)] == pytest.approx([beside.at(row, 0)[1] for row in range(8)])
    assert [matrix.at(0, col)[0] for col in range(12)] == pytest.approx([above.at(0, col)[0] for col in range(12)])
    thin = film(Conv((3, 1), (2, 1), out_channels=2), maps=False).panels[0]
    assert gaps(thin, 1) == {2: 1}


# -- where things stand ----------------------------------------------------------------------------------------------


@share(0.1)
@given(layer=layers(ndims=(0, 1, 2)), title=st.text(max_size=60))
def test_panels_stand_apart_and_within_the_picture(layer, title):
    assume(not isinstance(layer, ConvTranspose) or layer.padding_mode == "zeros")
    made = drawn(layer, view="windows", moving=False, title=title)
    below = max((y for y, _ in drawing.heading(made)), default=0.0)
    page = made.style.page
    margin = page.margin * min(page.wide, page.tall) / made.cell - 1e-9
    places = [(panel.x, panel.y, panel.x + panel.wide, panel.y + panel.tall) for panel in made.panels]
    for left, top, right, bottom in places:
        assert left >= margin
        assert top >= max(margin, below + 0.3)
        assert right <= made.width - margin
        assert bottom <= made.height - margin
    for number, one in enumerate(places):
        for other in places[:number]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_labels_of_merged_taps_are_large_enough_or_left_out(mode):
    made = film(Conv(4, 3, padding=1, padding_mode=mode), maps=False, moving=False, style=Style(size=(9, 9)))
    matrix = made.panels[0]
    texts = [look.text for key, look in made.base.items() if key[0] == 0 and look.text]
    assert any("+" in text for text in texts) == (mode == "reflect")
    points = min(mark.size for mark in drawing.still(made, None) if isinstance(mark, Label)) * made.cell * 72
    assert points >= made.style.page.smallest_text * 0.999
    assert matrix.labelled
    assert not film(Conv(8, 3, padding=1, padding_mode=mode), maps=False, moving=False).panels[0].labelled


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "keywords", "message"),
    [
        (Conv((4, 4, 4), 3), {}, r"maps are drawn for at most 2 axes, got 3: draw a layer of 2 of them"),
        (
            Conv(4, 3),
            {"maps": False, "matrix": False},
            r"^maps=False and matrix=False leave nothing to draw: set one",
        ),
        (Conv(4, 3), {"view": "rows"}, r"view must be one of 'windows', 'stamps', got 'rows'"),
        (Conv(4, 3), {"view": "stamps"}, r"view 'stamps' shows .*: take layer\.T, or view 'windows'"),
        (Conv(4, 3, padding=1, padding_mode="reflect").T, {"view": "windows"}, r"padding_mode 'reflect' has no direct"),
        (Conv(26, 26), {}, r"the matrix has 1 x 676 places but at most 512 x 512 are drawn"),
        (Conv((600,), 600), {"matrix": False}, r"a map has 600 places on an axis, with its padding, but at most 512"),
        (Conv((4,), 3, padding=300), {"matrix": False}, r"the layer has 602 outputs, a step for each, but at most 400"),
        (Conv((4,), 3, padding=300), {"matrix": False, "moving": False}, r"a map has 604 places on an axis"),
        (Conv(21, 1).T, {}, r"the layer has 441 inputs, a step for each, but at most 400 steps are drawn"),
        (Conv(4, 3), {"weight": np.ones((2, 2))}, r"weight has shape \(2, 2\)"),
        (Conv(4, 3).T, {"weight": np.ones((2, 2))}, r"weight has shape \(2, 2\)"),
        (Conv(4, 3).T, {"weight": np.ones((2, 2)), "view": "windows"}, r"weight has shape \(2, 2\)"),
        (Conv(4, 3), {"x": np.ones((3, 3))}, r"x has shape \(3, 3\) but this layer's input needs"),
        (Conv(4, 3), {"x": np.ones((7, 4, 4))}, r"x has shape \(7, 4, 4\), a batch of 7, but one input is drawn"),
        (Conv((2,), 2), {"x": ["a", "b"]}, r"x has dtype <U1, which is not numeric: pass an array of numbers"),
    ],
)
def test_what_cannot_be_drawn(layer, keywords, message):
    with pytest.raises(ValueError, match=message) as refused:
        film(layer, **keywords)
    assert "\n" not in str(refused.value)


def test_the_largest_that_can_be_drawn():
    assert len(film(Conv(20, 1, padding=0), matrix=False).frames) == 400
    assert {panel.cols for panel in film(Conv((512,), 500), moving=False).panels if panel.name == "matrix"} == {512}
    assert len(film(Conv((400,), 1)).frames) == 400


@pytest.mark.parametrize("step", [-1, 4])
def test_no_such_step(step):
    with pytest.raises(ValueError, match=f"^step {step} is not there: the layer has steps 0 to 3$"):
        film(Conv(4, 3)).still(step)
