"""Films by the name of their view, and what each renderer makes of planes and projections."""

import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from convmatrix import Conv, ConvTranspose, MaxPool
from convmatrix.show import plot
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Line
from convmatrix.show.model.films import film_of
from convmatrix.show.model.journeys import null_space_film, round_trip_film
from convmatrix.show.model.palette import rgb
from convmatrix.show.model.stacked import bare_film, stacked_film
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style
from convmatrix.show.render.animate import animate, images, save
from convmatrix.show.render.latex import document, tikz_frame
from convmatrix.show.render.svg import moving
from selection import some

SVG = "{http://www.w3.org/2000/svg}"
PADDED = Conv(5, 3, stride=2, padding=1)
ONE_AXIS = Conv((3,), 2)
VALUES = {"weight": [1, 2], "x": [5, 6, 7]}
VIEWS = {"bare": {}, "stacked": {}, "round-trip": {}, "null-space": {**VALUES, "vector": [4, -2, 1]}}


def test_each_view_is_its_film():
    vector = [4, -2, 1]
    style = Style(theme="dark")
    weight, x = VALUES["weight"], VALUES["x"]
    rest = {"title": "a film", "style": style}
    assert film_of(ONE_AXIS, weight, x, **rest) == film(ONE_AXIS, weight, x, **rest)
    assert film_of(ONE_AXIS, weight, x, matrix=False, **rest) == film(ONE_AXIS, weight, x, matrix=False, **rest)
    assert film_of(ONE_AXIS.T, weight, [1, 2], view="stamps") == film(ONE_AXIS.T, weight, [1, 2], view="stamps")
    assert film_of(ONE_AXIS, weight, x, view="bare", **rest) == bare_film(ONE_AXIS, weight, x, **rest)
    assert film_of(ONE_AXIS, weight, x, view="stacked", **rest) == stacked_film(ONE_AXIS, weight, x, **rest)
    assert film_of(ONE_AXIS, weight, x, view="round-trip", **rest) == round_trip_film(ONE_AXIS, weight, x, **rest)
    made = film_of(ONE_AXIS, weight, x, view="null-space", vector=vector, **rest)
    assert made == null_space_film(ONE_AXIS, weight, x, vector, **rest)


def test_errors():
    with pytest.raises(
        ValueError,
        match=r"^view must be one of 'windows', 'stamps', 'bare', 'stacked', 'round-trip', 'null-space', got 'side'$",
    ):
        film_of(ONE_AXIS, view="side")
    with pytest.raises(TypeError, match=r"^view must be a text, got 3 \(int\)$"):
        film_of(ONE_AXIS, view=3)
    with pytest.raises(ValueError, match=r"^view 'null-space' needs a vector that C takes to 0: pass vector=$"):
        film_of(ONE_AXIS, **VALUES, view="null-space")
    with pytest.raises(ValueError, match=r"^only view 'null-space' takes a vector, got 'stacked'$"):
        film_of(ONE_AXIS, view="stacked", vector=[4, -2, 1])
    with pytest.raises(ValueError, match=r"^view 'null-space' shows numbers and weight is missing: pass weight=$"):
        film_of(ONE_AXIS, view="null-space", vector=[4, -2, 1])
    with pytest.raises(ValueError, match=r"^view 'null-space' shows numbers and x is missing: pass x=$"):
        film_of(ONE_AXIS, [1, 2], view="null-space", vector=[4, -2, 1])
    with pytest.raises(TypeError, match=r"^view 'round-trip' begins with a Conv, got ConvTranspose: take layer.T$"):
        film_of(ConvTranspose(2, 3), view="round-trip")
    with pytest.raises(TypeError, match=r"^view 'round-trip' begins with a Conv, got MaxPool$"):
        film_of(MaxPool(4, 2), view="round-trip")
    with pytest.raises(TypeError, match=r"^matrix must be"):
        film_of(ONE_AXIS, view="bare", matrix="no")


@pytest.mark.parametrize("ending", some(["gif", "svg", "html", "webp", "png"], "gif"))
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_becomes_a_file(tmp_path, view, ending):
    path = tmp_path / f"film.{ending}"
    animate(ONE_AXIS, path, view=view, **VIEWS[view])
    made = film_of(ONE_AXIS, view=view, **VIEWS[view])
    if ending in ("svg", "html"):
        text = path.read_text()
        assert text.count('class="moves"') == 1
        assert made.about.replace("'", "&#x27;") in text
    else:
        # Between two steps with as many outlines there are three pictures; between others, only of what stays.
        with Image.open(path) as picture:
            assert len(made.frames) < picture.n_frames <= 4 * len(made.frames)
    before = path.read_bytes()
    animate(ONE_AXIS, path, view=view, **VIEWS[view])
    assert path.read_bytes() == before


def test_planes_on_matplotlib_are_the_marks_of_the_film():
    made = stacked_film(PADDED)
    ax = plot.film_frame(made, 4)
    patches = {patch.get_gid(): patch for patch in ax.patches}
    for key, look in made.still(4).items():
        patch = patches.pop(made.cell_id(key))
        assert to_hex(patch.get_facecolor()) == look.paper
        corners = drawing.quadrangle(made.panels[key[0]], *key[1:], 1, 1)
        assert patch.get_xy()[:4] == pytest.approx(np.asarray(corners))
    assert set(patches) == {"outline-0", "outline-1"}
    assert all(not patch.get_fill() or patch.get_facecolor()[3] == 0 for patch in patches.values())
    assert [line.get_gid() for line in ax.lines] == [f"link-0-{corner}" for corner in range(4)]
    # Cells lie below the lines, and these below the outlines.
    cell = next(patch for patch in ax.patches if patch.get_gid() == "input-0-0")
    assert cell.get_zorder() < ax.lines[0].get_zorder() < patches["outline-0"].get_zorder()
    assert made.about in ax.alt


def test_frames_of_films_describe_their_step():
    made = null_space_film(ONE_AXIS, *VALUES.values(), [4, -2, 1])
    assert plot.film_frame(made, 1).alt == (
        "n is added to x, of 3. It changes 3 of 3 places, but C n = 0, so that C (x + n) is the same y as C x. "
        "Step 1 of 0 to 4: C n at y0: 1·4 + 2·(-2) = 0."
    )


def animated(element):
    return {animation.get("attributeName"): animation for animation in element.findall(f"{SVG}animate")}


def test_planes_in_svg_move_as_paths():
    made = stacked_film(PADDED)
    root = ET.fromstring(moving(made))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    cell = next(element for element in root.iter() if element.get("id") == "input-2-3")
    corners = drawing.quadrangle(made.panels[0], 2, 3, 1, 1)
    numbers = [float(number) for number in re.findall(r"[\d.]+", cell.get("d"))]
    assert numbers == pytest.approx(np.ravel(corners) * 96 * made.cell, abs=0.006)
    (moves,) = (element for element in root.iter() if element.get("class") == "moves")
    assert [element.tag for element in moves] == [SVG + "path"] * 6  # four lines and two windows
    for element in moves:
        (way,) = animated(element).values()
        places = way.get("values").split(";")
        assert len(places) == 2 * 9 + 1
        times = [float(time) for time in way.get("keyTimes").split(";")]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (0, 1)
        assert len(times) == len(places)


def test_windows_move_during_the_steps_that_have_some():
    root = ET.fromstring(moving(round_trip_film(ONE_AXIS, *VALUES.values())))
    (moves,) = (element for element in root.iter() if element.get("class") == "moves")
    assert [group.get("data-steps") for group in moves] == ["1 3", "4 6"]
    for group, first in zip(moves, (1, 4), strict=True):
        for box in group.findall(f"{SVG}rect"):
            way = animated(box)["x"]
            values = way.get("values").split(";")
            times = [float(time) for time in way.get("keyTimes").split(";")]
            assert times == pytest.approx(
                [0, first / 9, (first + 0.78) / 9, (first + 1) / 9, (first + 1.78) / 9, 1], abs=1e-5
            )
            assert values[0] == values[1] == values[2] != values[3] == values[4] == values[5]
    still = ET.fromstring(moving(film(Conv((2,), 2))))
    assert not [element for element in still.iter() if element.get("class") == "moves"]


def test_pixels_of_planes_have_the_colours_of_the_film():
    made = stacked_film(PADDED, style=Style(theme="dark"))
    cell = 40
    for step, picture in enumerate(images(made, cell=cell)):
        for key, look in made.still(step).items():
            # Above the middle, which a line may cross, and beside it.
            panel = made.panels[key[0]]
            points = [panel.within(*key[1:], down, along) for down in (0.3, 0.7) for along in (0.3, 0.7)]
            colours = [picture.getpixel((int(x * cell), int(y * cell))) for x, y in points]
            assert rgb(look.paper) in colours


def test_slanting_lines_have_shades():
    made = stacked_film(PADDED)
    picture = next(iter(images(made, cell=40)))
    flat = {rgb(colour) for look in made.base.values() for colour in (look.paper, look.line) if colour}
    line = next(mark for mark in drawing.moving(made, made.frames[0]) if mark.name == "link-0-0")
    (x, y), (u, v) = line.points
    around = [
        picture.getpixel((round((x + (u - x) * part) * 40) + beside, round((y + (v - y) * part) * 40)))
        for part in np.linspace(0.1, 0.9, 30)
        for beside in (-1, 0, 1)
    ]
    assert len(set(around) - flat) > 3


def test_marks_on_their_way():
    start = Line(((0.0, 0.0), (1.0, 0.0)), "#000000")
    end = Line(((2.0, 0.0), (1.0, 4.0)), "#ffffff", closed=True)
    assert drawing.tween(start, end, 0.5) == Line(((1.0, 0.0), (1.0, 2.0)), "#ffffff", closed=True)
    assert drawing.tween(start, end, 1.0) == end
    # Quicker in the middle: a quarter of the time is less than a quarter of the way.
    assert drawing.tween(Box(0, 0, 1, 1), Box(64, 0, 1, 1), 0.25).x == 10


def test_a_step_of_any_film_as_tikz():
    made = stacked_film(PADDED)
    text = tikz_frame(made, 4)
    for key in made.base:
        assert len(re.findall(rf"--cycle; % {made.cell_id(key)}$", text, re.M)) == 1
    assert len(re.findall(r"; % link-0-\d$", text, re.M)) == 4
    assert len(re.findall(r"line join=round\] .*--cycle; % outline-\d$", text, re.M)) == 2
    assert r"\longrightarrow" in tikz_frame(round_trip_film(ONE_AXIS))
    with pytest.raises(ValueError, match=r"^step 9 is not there: the layer has steps 0 to 8$"):
        tikz_frame(made, 9)
    with pytest.raises(TypeError, match=r"^film must be a Film"):
        tikz_frame(PADDED)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_a_step_of_every_view(tmp_path):
    pages = [tikz_frame(film_of(ONE_AXIS, view=view, **more), 1) for view, more in VIEWS.items()]
    (tmp_path / "films.tex").write_text(document(*pages))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "films.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "(4 pages" in done.stdout


@pytest.mark.full
def test_eighty_frames_of_the_stacked_film_take_seconds(tmp_path):
    before = time.process_time()
    made = stacked_film(Conv((9, 9), 3, padding=1))
    assert len(made.frames) == 81
    done = []
    save(made, tmp_path / "film.gif", smooth=False, progress=lambda step, total: done.append((step, total)))
    assert done[-1] == (81, 81)
    assert time.process_time() - before < 10  # 2.5 measured
