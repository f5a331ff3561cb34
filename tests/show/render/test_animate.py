"""Animations: what each step lights up, against the definition; then the same, read back from every format."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, features

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Label, label_size, lines_of
from convmatrix.show.model.palette import THEMES, over, rgb, tap_colours
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Scene, number_label, tap_label
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import LEADING, TINT, Style
from convmatrix.show.render import animate as animations
from convmatrix.show.render.animate import ENDINGS, animate, images, save
from convmatrix.show.render.glyphs import placed
from convmatrix.show.render.svg import moving, page
from helpers import dense
from strategies import convs, integers, layers, seeds, share, transposes
from symbols import taps_by_definition

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = (".gif", ".png", ".apng", ".webp")


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


# -- SVG -------------------------------------------------------------------------------------------------------------


def on_at(group, moment):
    """Check whether a group is visible at a moment from 0 to 1, by the rules of SMIL's discrete animations."""
    animation = group.find(f"{SVG}animate")
    if animation is None:
        return True
    assert animation.get("attributeName") == "visibility"
    assert animation.get("calcMode") == "discrete"
    times = [float(time) for time in animation.get("keyTimes").split(";")]
    values = animation.get("values").split(";")
    assert times[0] == 0
    assert len(times) == len(values)
    assert sorted(times) == times
    return [value for time, value in zip(times, values, strict=True) if time <= moment][-1] == "visible"


def seen_at(root, moment):
    """Colour and texts of every cell at a moment: what is painted last."""
    seen = {}

    def walk(element):
        cell = None
        for child in element:
            if child.tag == f"{SVG}g" and not child.get("data-text"):
                if on_at(child, moment):
                    walk(child)
            elif child.tag == f"{SVG}rect" and (child.get("id") or child.get("data-cell")):
                cell = child.get("id") or child.get("data-cell")
                seen[cell] = (child.get("fill"), [])
            elif child.tag == f"{SVG}rect" and child.get("fill") == "none":  # the frame of a window
                cell = None
            elif child.get("data-text") and cell is not None:
                seen[cell][1].append((child.get("data-text"), child.get("fill")))

    walk(root)
    return seen


def expected_at(made, step):
    """The same from the film."""
    seen = {}
    for key, look in made.still(step).items():
        texts = [*([look.second] if look.second else []), *lines_of(look.text)] if look.text else []
        if not made.panels[key[0]].labelled:
            texts = []
        seen[made.cell_id(key)] = (look.paper, [(text, look.ink) for text in texts])
    for panel in made.panels:
        if not panel.bordered:
            seen[f"{panel.name}-frame"] = ("none", [])
    return seen


FILMS = {
    "windows": film(Conv(4, 3, padding=1)),
    "values": film(Conv(4, 3, stride=2), np.arange(9).reshape(3, 3) - 4, np.arange(16).reshape(4, 4)),
    "stamps": film(Conv(5, 3, stride=2, padding=1).T),
    "folded": film(Conv((5,), 3, padding=1, padding_mode="circular").T, [1, 2, 3], [4, 5, 6, 7, 8]),
    "inserted": film(Conv(5, 3, stride=2).T, view="windows", title="zeros <inserted> & turned"),
    "channels": film(Conv((4,), 2, in_channels=4, out_channels=2, groups=2)),
    "one step": film(Conv((2,), 2)),
    "no axis": film(Conv((), (), ndim=0)),
    "both": film(Conv((4,), 3), [1, 2, 3], [4, 5, 6, 7], style=Style(labels="both", theme="dark", text="text")),
}


@pytest.mark.parametrize("name", FILMS)
def test_svg_shows_each_step(name):
    made = FILMS[name]
    root = ET.fromstring(moving(made))
    total = len(made.frames)
    for step in range(total):
        # Somewhat after its begin, and before its end; the times are rounded.
        for within in (0.01, 0.5, 0.99):
            assert seen_at(root, (step + within) / (total + 1)) == expected_at(made, step)
    assert seen_at(root, 0.99) == expected_at(made, total - 1)  # the last step rests
    assert total == 1 or expected_at(made, 0) != expected_at(made, total - 1)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", FILMS)
def test_svg_frames_and_describes_each_step(name):
    made = FILMS[name]
    root = ET.fromstring(moving(made, seconds_per_step=0.5))
    total = len(made.frames)
    if total == 1:
        assert list(root.iter(f"{SVG}animate")) == []
        assert made.frames[0].caption in [element.get("data-text") for element in root.iter()]
        return
    (stands,) = (group for group in root.findall(f"{SVG}g") if group.get("class") == "steps")
    steps = [f"{step} {step + 1}" for step in range(total)]
    assert [group.get("data-steps") for group in stands] == steps
    for group, frame in zip(stands, made.frames, strict=True):
        boxes = [drawing.outline(made, outline, "") for outline in frame.outlines]
        pixels = made.cell * 96
        assert [float(rect.get("x")) for rect in group.findall(f"{SVG}rect")] == pytest.approx(
            [box.x * pixels for box in boxes], abs=0.01
        )
    captions = list(root.findall(f"{SVG}g")[-1])
    assert [group.get("data-steps") for group in captions] == steps
    assert [group[-1].get("data-text") for group in captions] == [frame.caption for frame in made.frames]
    assert {animation.get("dur") for animation in root.iter(f"{SVG}animate")} == {f"{(total + 1) * 0.5:g}s"}
    assert {animation.get("repeatCount") for animation in root.iter(f"{SVG}animate")} == {"indefinite"}


def moved(root):
    """For each moving outline and each of its attributes, the values and the times."""
    (moves,) = (group for group in root.findall(f"{SVG}g") if group.get("class") == "moves")
    return [
        {
            each.get("attributeName"): (
                [float(value) for value in each.get("values").split(";")],
                [float(time) for time in each.get("keyTimes").split(";")],
            )
            for each in rect.findall(f"{SVG}animate")
        }
        for rect in moves
    ]


def test_svg_windows_move_between_steps():
    made = FILMS["windows"]
    total = len(made.frames)
    found = moved(ET.fromstring(moving(made)))
    assert len(found) == len(made.frames[0].outlines)
    for number, attributes in enumerate(found):
        boxes = [drawing.outline(made, frame.outlines[number], "") for frame in made.frames]
        for attribute, (values, times) in attributes.items():
            places = [getattr(box, attribute) * made.cell * 96 for box in boxes]
            for step in range(total):
                here = [
                    value
                    for value, time in zip(values, times, strict=True)
                    if -0.01 <= time * (total + 1) - step < 0.99
                ]
                assert here[:2] == pytest.approx([places[step]] * 2, abs=0.01)  # it stands, then it leaves
            assert values[-1] == pytest.approx(places[-1], abs=0.01)
            assert times[-1] == 1
    assert set(found[0]) == {"x", "y"}
    text = moving(made)
    assert "@media (prefers-reduced-motion:reduce){.moves{display:none}.steps{display:inline}}" in text
    still = ET.fromstring(moving(made, smooth=False))
    assert not [group for group in still.findall(f"{SVG}g") if group.get("class")]
    assert {each.get("attributeName") for each in still.iter(f"{SVG}animate")} == {"visibility"}


@pytest.mark.parametrize("text", ["paths", "text"])
def test_svg_text_is_outlines_or_text(text):
    made = film(Conv(4, 3), title="A <title>", style=Style(text=text))
    root = ET.fromstring(moving(made))
    labels = [element for element in root.iter() if element.get("data-text")]
    assert {element.tag for element in labels} == {f"{SVG}text" if text == "text" else f"{SVG}g"}
    shown = Counter(element.get("data-text") for element in labels)
    assert shown["A <title>"] == 1
    assert shown["w00"] == 1 + 4  # in the kernel, and in each row
    (first, *_) = (element for element in labels if element.get("data-text") == "w01")
    if text == "text":
        assert [(part.text, part.get("font-style")) for part in first] == [("w", "italic"), ("01", None)]
        assert not list(root.iter(f"{SVG}path"))
    else:
        known = {path.get("id"): path.get("d") for path in root.iter(f"{SVG}path")}
        used = [use.get("{http://www.w3.org/1999/xlink}href")[1:] for use in first.iter(f"{SVG}use")]
        assert used == ["i77", "r30", "r31"]
        assert set(used) <= set(known)


@pytest.mark.parametrize("theme", THEMES)
def test_svg_ground(theme):
    ground = THEMES[theme].ground
    root = ET.fromstring(moving(film(Conv(4, 3), style=Style(theme=theme))))
    assert (root.find(f"{SVG}rect").get("fill"), root.find(f"{SVG}rect").get("width")) == (ground, root.get("width"))
    root = ET.fromstring(moving(film(Conv(4, 3), style=Style(theme=theme, ground="transparent"))))
    assert root.get("width") not in [rect.get("width") for rect in root.iter(f"{SVG}rect")]


def test_svg_without_smil_shows_the_first_step():
    groups = [group for group in ET.fromstring(moving(FILMS["windows"])).iter(f"{SVG}g") if group.get("data-steps")]
    first = [group for group in groups if group.get("data-steps").startswith("0 ")]
    assert len(first) == 3  # what passes, the windows, and the caption; what lasts from the first step on is in none
    assert all(group.get("visibility") is None for group in first)
    assert {group.get("visibility") for group in groups if group not in first} == {"hidden"}


TITLES = [
    "</svg><script>alert(1)</script>",
    "\"><image href='x' onerror='alert(1)'/>",
    "]]> &lt; &#x3c; <!-- -->",
    "a\nb\tc",
    "nul\0 bell\a \ud800 \ufffe",
    "$svg ${data} $$",
    "caf\u00e9 \u732b \U0001f600",
]


@pytest.mark.parametrize("title", TITLES)
def test_titles_stay_text(title):
    shown = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(title.split()))
    outlined = ET.fromstring(moving(film(Conv((3,), 2), title=title)).encode())
    assert shown in [element.get("data-text") for element in outlined.iter()]
    style = Style(text="text")
    made, other = (film(Conv((3,), 2), title=each, style=style) for each in (title, "plain"))
    root, plain = (ET.fromstring(moving(each).encode()) for each in (made, other))
    assert root.find(f"{SVG}title").text == shown
    assert shown in [element.text for element in root.iter(f"{SVG}text")]
    assert [element.tag for element in root.iter()] == [element.tag for element in plain.iter()]
    read, known = Page(page(made)), Page(page(other))
    assert read.tags == known.tags
    assert shown in read.texts["title"]
    assert len(list(images(made))) == 2


# -- the page --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags in order with the names of their attributes, and the texts of each tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open, self.values = [], {}, [], []
        text.encode()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        self.values += [value for name, value in attrs if name in {"src", "href", "xlink:href", "style", "action"}]
        self.open.append(tag)

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_page_carries_all_it_needs():
    made = FILMS["inserted"]
    html = page(made, seconds_per_step=0.25)
    read = Page(html)
    assert all(re.fullmatch("#[a-z][0-9a-f]+", value) for value in read.values)  # letters within the page
    script, style = "".join(read.texts["script"]), "".join(read.texts["style"])
    assert not re.search(r"https?://|url\(|@import|fetch|XMLHttp|innerHTML|eval", script + style)
    assert html.count("http") == html.count("http://www.w3.org/") == 2  # the namespaces of SVG
    data = json.loads(re.search(r"const film = (\{.*\});", script)[1])
    assert data == {"seconds": 0.25, "rest": 1, "captions": [frame.caption for frame in made.frames]}
    assert re.search(r'type="range" min="0" max="24"', html)
    svg = html[html.index("<svg") : html.index("</svg>") + 6]
    assert svg == moving(made, seconds_per_step=0.25).strip()


@share(0.4)
@given(
    captions=st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(
                ["</script><script>alert(1)</script>", "<!-- <script>", "</SCRIPT\t>", "]]>", "\\u003c", "\u2028"]
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_captions_stay_data_of_the_script(captions):
    """Whatever is in the JSON of a page, the script does not end in it, and reads what was put in."""
    made = film(Conv((len(captions) + 1,), 2), matrix=False)
    frames = [frame._replace(caption=caption) for frame, caption in zip(made.frames, captions, strict=True)]
    html = page(dataclasses.replace(made, frames=frames))
    script = "".join(Page(html[html.index("<script>") :]).texts["script"])
    (line,) = re.findall(r"^const film = (.*);$", script, re.MULTILINE)
    assert json.loads(line)["captions"] == [printable(caption, "caption") for caption in captions]
    assert "<" not in line
    assert script.rstrip().endswith("matches);")


def test_page_without_scripts_shows_no_buttons_that_do_nothing():
    assert '<nav hidden aria-label="steps">' in page(FILMS["windows"])


# -- pixels ----------------------------------------------------------------------------------------------------------


def assert_shows(picture, made, step, cell, tolerance=0):
    """Each cell has its colour, read near its corner, where no text stands and no line is drawn."""
    picture = picture.convert("RGB")
    for key, look in made.still(step).items():
        panel = made.panels[key[0]]
        x, y = panel.at(key[1], key[2])
        along = 0.16 if panel.bordered else 0.5
        place = (int((x + along * panel.unit) * cell), int((y + along * panel.cell_height) * cell))
        distances = np.subtract(picture.getpixel(place), rgb(look.paper))
        assert np.abs(distances).max() <= tolerance, (step, made.cell_id(key))


@pytest.mark.parametrize("name", FILMS)
def test_pictures_show_each_step(name):
    made = FILMS[name]
    pictures = list(images(made, cell=80))
    assert len(pictures) == len(made.frames)
    window = rgb(made.style.colours.window)
    for step, picture in enumerate(pictures):
        assert_shows(picture, made, step, 80)
        for outline in made.frames[step].outlines:
            box = drawing.outline(made, outline, "")
            assert picture.getpixel((round(box.x * 80), round((box.y + box.tall / 2) * 80))) == window


def test_windows_move_between_pictures():
    """Between two steps the outline is on its way, while cells and caption are still those of the step before."""
    made = FILMS["windows"]
    pictures = list(animations._pictures(made, 80, 3))
    assert [is_step for _, is_step in pictures] == [True, *[False, False, False, True] * 15]
    for number in (1, 2, 3):
        picture = pictures[number][0]
        start, end = (drawing.outline(made, made.frames[step].outlines[0], "") for step in (0, 1))
        x = start.x + (end.x - start.x) * [0.15625, 0.5, 0.84375][number - 1]  # quicker in the middle
        assert end.x - start.x == 1
        assert picture.getpixel((round(x * 80), round((start.y + 1.1) * 80))) == rgb(THEMES["light"].window)
        below = round((made.foot[1] - 0.3) * 80)
        box = (0, below, picture.width, picture.height)
        assert picture.crop(box).tobytes() == pictures[0][0].crop(box).tobytes()


def test_pictures_are_no_larger_than_a_screen():
    (wide, *_), (tall, *_) = images(film(Conv((60,), 59))), images(film(Conv((30,), 30, in_channels=10)))
    assert wide.width <= 1920
    assert tall.height <= 1500
    assert all(side % 2 == 0 for picture in (wide, tall) for side in picture.size)


@pytest.mark.parametrize("ending", PICTURES)
@pytest.mark.parametrize("name", ["windows", "folded", "one step"])
@pytest.mark.parametrize("smooth", [True, False])
def test_pictures_in_files(tmp_path, ending, name, smooth):
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    made, path = FILMS[name], tmp_path / f"film{ending}"
    total, between = len(made.frames), 3 if smooth else 0
    save(made, path, seconds_per_step=0.5, smooth=smooth)
    cell = animations._cell_of(made)
    with Image.open(path) as picture:
        assert picture.format == {".gif": "GIF", ".webp": "WEBP"}.get(ending, "PNG")
        assert getattr(picture, "n_frames", 1) == (total - 1) * (between + 1) + 1
        durations = []
        for number in range((total - 1) * (between + 1) + 1):
            picture.seek(number)
            picture.load()
            durations.append(picture.info.get("duration"))
            if number % (between + 1) == 0:
                assert_shows(picture, made, number // (between + 1), cell)
    if total > 1:
        step = [380, 40, 40, 40] if smooth else [500]
        assert durations == [*step * (total - 1), 1000]  # the last step rests
    again = tmp_path / f"again{ending}"
    save(made, again, seconds_per_step=0.5, smooth=smooth)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("ending", PICTURES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_transparent_grounds(tmp_path, ending, theme):
    """Around the panels nothing is opaque; on the theme's ground, the film is as it is with that ground."""
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    made, whole = (film(Conv((4,), 3), title="T", style=Style(theme=theme, ground=each)) for each in GROUNDS)
    path = tmp_path / f"film{ending}"
    save(made, path, seconds_per_step=0.1)
    with Image.open(path) as picture:
        for step, opaque in enumerate(images(whole)):
            picture.seek(step)
            shown = picture.convert("RGBA")
            assert shown.getpixel((1, 1))[3] == 0
            assert (np.asarray(shown)[..., 3] == 0).mean() > 0.3
            assert_shows(shown, made, step, animations._cell_of(made))
            ground = Image.new("RGBA", shown.size, made.style.colours.ground)
            ground.alpha_composite(shown)
            distances = np.abs(np.subtract(ground.convert("RGB"), opaque, dtype=int)).max(axis=2)
            assert (distances > (2 if ending != ".gif" else 130)).mean() < 0.001


GROUNDS = ("transparent", "colour")


@pytest.mark.parametrize("ending", [".gif", ".png", ".webp"])
def test_colours_in_files_are_exact(tmp_path, ending):
    """The ground of a light film is white, also where a palette has a shade beside it."""
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    save(FILMS["values"], tmp_path / f"film{ending}")
    with Image.open(tmp_path / f"film{ending}") as picture:
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("ending", PICTURES)
def test_pictures_play_for_ever(tmp_path, ending):
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    save(FILMS["folded"], tmp_path / f"film{ending}")
    with Image.open(tmp_path / f"film{ending}") as picture:
        assert picture.info["loop"] == 0
    if ending == ".gif":
        content = (tmp_path / "film.gif").read_bytes()
        assert b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0" in content  # as often as wanted: 0 is without end


@pytest.mark.full
def test_more_colours_than_a_gif_has(tmp_path):
    made = film(Conv((40,), (20,), padding=10), matrix=False)
    many = film(Conv((150,), (140,), padding=3))
    counts = [
        len({look.paper for looks in (each.base, *(frame.looks for frame in each.frames)) for look in looks.values()})
        for each in (made, many)
    ]
    assert counts[0] > 40
    assert counts[1] > 256
    for number, each in enumerate((made, many)):
        save(each, tmp_path / f"{number}.gif")
        with Image.open(tmp_path / f"{number}.gif") as picture:
            assert picture.n_frames == 4 * len(each.frames) - 3


# -- films -----------------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not installed")
@pytest.mark.parametrize("seconds", [0.1, 1])
def test_mp4(tmp_path, seconds):
    made = FILMS["folded"]
    path, again = tmp_path / "film.mp4", tmp_path / "again.mp4"
    for each in (path, again):
        save(made, each, seconds_per_step=seconds)
    assert path.read_bytes() == again.read_bytes()
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    probed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (stream,) = probed["streams"]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"]) == next(images(made)).size
    assert float(stream["duration"]) == pytest.approx(6 * seconds, abs=0.02 * seconds)
    at = 3 * seconds - 0.01  # ffmpeg takes the first picture that begins after it
    command = ["ffmpeg", "-v", "error", "-ss", f"{at}", "-i", str(path), "-frames:v", "1", str(tmp_path / "3.png")]
    subprocess.run(command, check=True)
    with Image.open(tmp_path / "3.png") as picture:
        shown = np.asarray(picture.convert("RGB"), dtype=int)
    distances = [np.abs(shown - np.asarray(each, dtype=int)).mean() for each in images(made)]
    assert np.argmin(distances) == 3
    assert distances[3] < 6


def fake_ffmpeg(folder, monkeypatch, script):
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ffmpeg is a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo one >&2; echo Unknown encoder libx264 >&2; exit 3", "Unknown encoder libx264"),
        ("exec 0<&-; exit 4", "code 4"),
    ],
)
def test_ffmpeg_fails(tmp_path, monkeypatch, script, message):
    fake_ffmpeg(tmp_path, monkeypatch, script)
    target = tmp_path / "film.mp4"
    target.write_bytes(b"before")
    with pytest.raises(OSError, match=rf"^cannot write .*film\.mp4: ffmpeg could not make the film: {message}$"):
        animate(Conv(4, 3), target)
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffmpeg", "film.mp4"]


def test_ffmpeg_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = "^an .mp4 file needs ffmpeg, which is not installed here: install it, or save .gif, .webp or .html"
    with pytest.raises(FileNotFoundError, match=message):
        animate(Conv(4, 3), tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_webp_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(animations.features, "check", lambda name: name != "webp")
    with pytest.raises(OSError, match=r"^a \.webp file needs a Pillow with WebP, which the installed one has not"):
        animate(Conv(4, 3), tmp_path / "film.webp")


# -- files, whole or not at all --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_progress_and_what_a_failure_leaves(tmp_path, ending):
    if ending == ".mp4" and shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    calls, path = [], tmp_path / f"film{ending}"
    animate(Conv(4, 3), path, progress=lambda done, total: calls.append((done, total)))
    assert calls == ([(4, 4)] if ending in {".svg", ".html"} else [(1, 4), (2, 4), (3, 4), (4, 4)])
    before = path.read_bytes()

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        animate(Conv(4, 3, padding=1), path, progress=stop)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_animate_hands_everything_on(tmp_path):
    up = Conv(5, 3, stride=2).T
    weight, x = np.arange(9).reshape(3, 3), [[1, 2], [3, 4]]
    animate(
        up, tmp_path / "film.SVG", weight=weight, x=x, view="windows", matrix=False, title="up", seconds_per_step=0.5
    )
    made = film(up, weight, x, view="windows", matrix=False, title="up")
    assert (tmp_path / "film.SVG").read_text(encoding="utf-8") == moving(made, seconds_per_step=0.5)
    animate(up, str(tmp_path / "film.html"))
    assert (tmp_path / "film.html").read_text(encoding="utf-8") == page(film(up, view="stamps"))


# -- errors ----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("name", "message"), [("film.avi", "ends in '.avi'"), ("film", "has no ending")])
def test_unknown_endings(tmp_path, name, message):
    with pytest.raises(
        ValueError, match=rf"^file name '.*{name}' {message}, which names no animation: use \.gif, \.png"
    ):
        animate(Conv(4, 3), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (0, "seconds_per_step must be from 0.02 to 60, got 0"),
        (61, "got 61"),
        (float("nan"), "got nan"),
        (True, "must be a number, got True"),
        ("1", "must be a number, got '1'"),
    ],
)
def test_impossible_speeds(tmp_path, seconds, message):
    with pytest.raises(ValueError, match=message):
        animate(Conv(4, 3), tmp_path / "film.gif", seconds_per_step=seconds)
    assert list(tmp_path.iterdir()) == []


def test_only_pixels_need_pillow_and_matplotlib():
    script = (
        "import sys; import convmatrix.show.model.stage, convmatrix.show.render.svg, convmatrix.show.render.latex; "
        "print([name for name in ('PIL', 'matplotlib') if name in sys.modules]); "
        "import convmatrix.show.render.animate; print('PIL' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True False"]
