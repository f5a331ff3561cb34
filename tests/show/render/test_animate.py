"""Animations: what each step lights up, against the definition; then the same, read back from every format."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, features

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model.film import FAINT, lines_of, note_size, text_size
from convmatrix.show.model.palette import ink_on, rgb
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Scene, number_label, tap_label
from convmatrix.show.model.stage import film
from convmatrix.show.render import animate as animations
from convmatrix.show.render.animate import ENDINGS, animate, images, save
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
    """Cells of some panels that a step singles out, but for those that stand for a zero."""
    return {key: look for key, look in frame.looks.items() if key[0] in panels(made, word) and not look.faint}


def pairs_by_definition(layer):
    """For each row and column of the matrix, the taps' names there."""
    return [
        [[tap_label(layer.weight_shape, tap) for tap in place] for place in row] for row in taps_by_definition(layer)
    ]


def written(lit, axis):
    """Texts in the cells of a row or column; nothing, where the matrix is too large for labels."""
    return {key[axis]: look.text.split("+") for key, look in lit.items()}


def expected(layer, taps):
    small = max(layer.matrix_shape) <= 64
    return {number: names if small else [""] for number, names in enumerate(taps) if names}


# -- what each step lights up ----------------------------------------------------------------------------------------


@share(0.15)
@given(layer=st.one_of(convs(ndims=(0, 1, 2)), transposes(modes=("zeros",), ndims=(0, 1, 2))))
def test_windows_read_the_entries_of_the_row(layer):
    made, scene = drawn(layer, view="windows"), Scene(layer)
    table = pairs_by_definition(layer)
    assert len(made.frames) == len(table)
    for row, (frame, taps) in enumerate(zip(made.frames, table, strict=True)):
        lit = changed(made, frame, "matrix")
        assert {key[1] for key in lit} <= {row}
        assert written(lit, 2) == expected(layer, taps)
        met = sorted((made.base[key].text, look.note) for key, look in changed(made, frame, "input").items())
        assert met == sorted((scene.col_name(col), tap) for col, names in enumerate(taps) for tap in names)
        (output,) = changed(made, frame, "output").values()
        assert output.text == scene.row_name(row)


@share(0.15)
@given(layer=transposes(ndims=(0, 1, 2)))
def test_stamps_reach_the_entries_of_the_column(layer):
    made, scene = drawn(layer), Scene(layer)
    table = pairs_by_definition(layer)
    assert len(made.frames) == layer.matrix_shape[1]
    terms = np.zeros(len(table), dtype=int)
    names = {number: scene.row_name(number) for number in range(len(table))}
    for col, frame in enumerate(made.frames):
        taps = [row[col] for row in table]
        lit = changed(made, frame, "matrix")
        assert {key[2] for key in lit} <= {col}
        assert written(lit, 1) == expected(layer, taps)
        reached = {key: look for key, look in changed(made, frame, "output").items() if look.note}
        stamped = sorted((made.base[key].text, look.note) for key, look in reached.items())
        assert stamped == sorted((names[row], tap) for row, found in enumerate(taps) for tap in found)
        terms += [len(found) for found in taps]
        for key, look in reached.items():
            row = next(number for number, name in names.items() if name == made.base[key].text)
            assert look.text == str(terms[row])
        (put,) = changed(made, frame, "input").values()
        assert put.text == scene.col_name(col)


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
    notes = [look.note for look in made.frames[0].looks.values() if look.note]
    assert notes == ["+200", "+200"]


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
    assert long == "y01 = w00·x01 + w01·x02 + w02·x03 + w10·x11 + … + w22·x23"
    up = Conv(4, 3).T
    assert film(up).frames[2].caption == "the stamp of x10 is added: column 2 of C"
    assert film(up, None, [[5, 6], [7, 8]]).frames[2].caption == "the stamp of x10 = 7 is added: column 2 of C"


def test_outlines_frame_window_point_and_row():
    made = film(Conv(5, 3, padding=1))
    outlines = {made.panels[outline.panel].name: outline[1:] for outline in made.frames[7].outlines}
    assert outlines == {"input": (1, 2, 3, 3), "output": (1, 2, 1, 1), "matrix": (7, 0, 1, 25)}
    made = film(Conv(5, 3, stride=2, padding=1).T)
    outlines = {made.panels[outline.panel].name: outline[1:] for outline in made.frames[4].outlines}
    assert outlines == {"output": (2, 2, 3, 3), "input": (1, 1, 1, 1), "matrix": (0, 4, 25, 1)}


def test_without_maps_or_without_the_matrix():
    assert [panel.name for panel in film(Conv(4, 3), matrix=False).panels] == ["input", "kernel", "output"]
    alone = film(Conv(4, 3), maps=False)
    assert [panel.name for panel in alone.panels] == ["matrix"]
    assert [set(frame.looks) for frame in alone.frames] == [
        {(0, row, col) for col in np.flatnonzero(Conv(4, 3).matrix(np.ones((3, 3))).toarray()[row])} for row in range(4)
    ]


def test_rulers_cut_image_rows_and_channels():
    made = film(Conv((2, 3), (1, 2), in_channels=2, out_channels=2), maps=False)
    rulers = list(made.panels[0].rulers())
    assert [(at, bold) for across, at, bold in rulers if across] == [
        (0, True),
        (2, False),
        (4, True),
        (6, False),
        (8, True),
    ]
    assert [(at, bold) for across, at, bold in rulers if not across] == [
        (0, True),
        (3, False),
        (6, True),
        (9, False),
        (12, True),
    ]
    thin = film(Conv((3, 1), (2, 1), out_channels=2), maps=False).panels[0]
    assert [at for across, at, _ in thin.rulers() if across] == [0, 2, 4]


# -- where things stand ----------------------------------------------------------------------------------------------


@share(0.1)
@given(layer=layers(ndims=(0, 1, 2)), title=st.text(max_size=60))
def test_panels_stand_apart_and_within_the_picture(layer, title):
    assume(not isinstance(layer, ConvTranspose) or layer.padding_mode == "zeros")
    made = drawn(layer, view="windows", moving=False, title=title)
    places = [
        (panel.x - panel.left, panel.y - panel.top, panel.x - panel.left + panel.wide, panel.y - panel.top + panel.tall)
        for panel in made.panels
    ]
    for left, top, right, bottom in places:
        assert left >= 0.3
        assert top >= (0.9 if made.title else 0.3)
        assert right <= made.width - 0.3
        assert bottom <= made.height - 0.3
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
    def extent(text, size):
        font = animations._font(100, bold=False)
        return font.getlength(text) / 100 * size

    size = text_size(label)
    assert all(extent(line, size) <= 0.96 for line in lines_of(label))
    assert len(lines_of(label)) * size <= 0.95
    assert "".join(lines_of(label)) == label
    assert extent(label, note_size(label)) <= 0.94


def test_labels_of_merged_taps_make_the_matrix_larger():
    units = [
        film(layer, maps=False, moving=False).panels[0].unit
        for layer in (Conv(4, 3), Conv(4, 3, padding=1, padding_mode="reflect"))
    ]
    assert units[0] == 0.62
    assert units[1] > 0.9


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
            if child.tag == f"{SVG}g" and on_at(child, moment):
                walk(child)
            elif child.tag == f"{SVG}rect":
                cell = child.get("id") or child.get("data-cell")
                if cell is not None:
                    seen[cell] = (child.get("fill"), [])
            elif child.tag == f"{SVG}text" and cell is not None:
                seen[cell][1].append((child.text, child.get("fill")))

    walk(root)
    return seen


def expected_at(made, step):
    """The same from the film."""
    seen = {}
    for key, look in made.still(step).items():
        ink = FAINT if look.faint else ink_on(look.paper)
        texts = [*(lines_of(look.text) if look.text else []), *([look.note] if look.note else [])]
        seen[made.cell_id(key)] = (look.paper, [(text, ink) for text in texts])
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
}


@pytest.mark.parametrize("name", FILMS)
def test_svg_shows_each_step(name):
    made = FILMS[name]
    root = ET.fromstring(moving(made))
    total = len(made.frames)
    for step in range(total):
        # Somewhat after its begin, and before its end; the times are rounded.
        for within in (0.01, 0.5, 0.99):
            assert seen_at(root, (step + within) / total) == expected_at(made, step)
    assert total == 1 or expected_at(made, 0) != expected_at(made, total - 1)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", FILMS)
def test_svg_frames_and_describes_each_step(name):
    made = FILMS[name]
    root = ET.fromstring(moving(made, seconds_per_step=0.5))
    total = len(made.frames)
    groups = [
        group
        for group in root.findall(f"{SVG}g")
        if group.find(f"{SVG}rect[@fill='none']") is not None and group.get("id") is None
    ] or [root]
    if total > 1:
        assert [group.get("data-steps") for group in groups] == [f"{step} {step + 1}" for step in range(total)]
        assert [group.findall(f"{SVG}text")[-1].text for group in groups] == [frame.caption for frame in made.frames]
        for group, frame in zip(groups, made.frames, strict=True):
            assert len(group.findall(f"{SVG}rect")) == len(frame.outlines)
        assert {animation.get("dur") for animation in root.iter(f"{SVG}animate")} == {f"{total * 0.5:g}s"}
        assert {animation.get("repeatCount") for animation in root.iter(f"{SVG}animate")} == {"indefinite"}
    else:
        assert list(root.iter(f"{SVG}animate")) == []


def test_svg_without_smil_shows_the_first_step():
    groups = [group for group in ET.fromstring(moving(FILMS["windows"])).iter(f"{SVG}g") if group.get("data-steps")]
    first = [group for group in groups if group.get("data-steps").startswith("0 ")]
    assert len(first) == 2  # what passes, and the caption; what lasts from the first step on is in no group
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
    made = film(Conv((3,), 2), title=title)
    root = ET.fromstring(moving(made).encode())
    assert root.find(f"{SVG}title").text == shown
    assert shown in [element.text for element in root.iter(f"{SVG}text")]
    plain = ET.fromstring(moving(film(Conv((3,), 2), title="plain")))
    assert [element.tag for element in root.iter()] == [element.tag for element in plain.iter()]
    read, known = Page(page(made)), Page(page(film(Conv((3,), 2), title="plain")))
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
    assert read.values == []
    script, style = "".join(read.texts["script"]), "".join(read.texts["style"])
    assert not re.search(r"https?://|url\(|@import|fetch|XMLHttp|innerHTML|eval", script + style)
    assert html.count("http") == 1  # the namespace of SVG
    data = json.loads(re.search(r"const film = (\{.*\});", script)[1])
    assert data == {"seconds": 0.25, "captions": [frame.caption for frame in made.frames]}
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
    """Each cell has its colour, read beside its left edge, where no text stands and no line is drawn."""
    picture = picture.convert("RGB")
    for key, look in made.still(step).items():
        panel = made.panels[key[0]]
        x, y = panel.at(key[1], key[2])
        place = (round(x * cell) + 3, round((y + 0.2 * panel.unit) * cell))
        distances = np.subtract(picture.getpixel(place), rgb(look.paper))
        assert np.abs(distances).max() <= tolerance, (step, made.cell_id(key))


@pytest.mark.parametrize("name", FILMS)
def test_pictures_show_each_step(name):
    made = FILMS[name]
    pictures = list(images(made, cell=40))
    assert len(pictures) == len(made.frames)
    for step, picture in enumerate(pictures):
        assert_shows(picture, made, step, 40)
        for outline in made.frames[step].outlines:
            x, y = made.panels[outline.panel].at(outline.row, outline.col)
            assert picture.getpixel((round(x * 40), round((y + 0.1) * 40))) == (0x1F, 0x5F, 0x99)


def test_pictures_are_no_larger_than_a_screen():
    (wide, *_), (tall, *_) = images(film(Conv((60,), 59))), images(film(Conv((30,), 30, in_channels=10)))
    assert wide.width <= 1920
    assert tall.height <= 1500
    assert all(side % 2 == 0 for picture in (wide, tall) for side in picture.size)


@pytest.mark.parametrize("ending", PICTURES)
@pytest.mark.parametrize("name", ["windows", "folded", "one step"])
def test_pictures_in_files(tmp_path, ending, name):
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    made, path = FILMS[name], tmp_path / f"film{ending}"
    save(made, path, seconds_per_step=0.3)
    with Image.open(path) as picture:
        assert picture.format == {".gif": "GIF", ".webp": "WEBP"}.get(ending, "PNG")
        assert getattr(picture, "n_frames", 1) == len(made.frames)
        for step in range(len(made.frames)):
            picture.seek(step)
            picture.load()
            assert len(made.frames) == 1 or picture.info["duration"] == 300
            assert_shows(picture, made, step, 44, tolerance=4)  # Pillow looks colours up by their leading bits
    again = tmp_path / f"again{ending}"
    save(made, again, seconds_per_step=0.3)
    assert again.read_bytes() == path.read_bytes()


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
    assert len({look.paper for frame in made.frames for look in frame.looks.values()}) > 40
    many = film(Conv((150,), (140,), padding=3))
    for number, each in enumerate((made, many)):
        save(each, tmp_path / f"{number}.gif")
        with Image.open(tmp_path / f"{number}.gif") as picture:
            assert picture.n_frames == len(each.frames)


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
    assert float(stream["duration"]) == pytest.approx(5 * seconds, abs=0.21 * seconds)
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
        (Conv((4,), 3, in_channels=120), {"matrix": False}, r"the picture would be 12 x 276 cells but at most 250"),
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
    assert film(Conv((512,), 500), moving=False).panels[-1].cols == 512
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
