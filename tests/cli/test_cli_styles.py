"""The style of pictures on the command line: the fields of `convmatrix.show.Style`, for each format and each kind."""

import dataclasses
import re
import shutil
import xml.etree.ElementTree as ET

import pytest
from matplotlib import pyplot as plt
from PIL import Image

from commandline import TELLING, good, refused, run
from convmatrix import Conv
from convmatrix.cli import kinds, styles
from convmatrix.show import Style, model
from convmatrix.show.model.style import current_style
from convmatrix.show.render import latex

LAYER = ("--i", 3, "--k", 2, "--ndim", 1, "--weight", "1,-2")
CHANGES = {
    "theme": ("dark",),
    "size": ("4x3",),
    "labels": ("none",),
    "fill": ("value",),
    "text": ("text",),
    "captions": ("off",),
    "transparent": (),
}
"""For each option, a value that is not its default."""
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in TELLING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert plt.get_fignums() == []
    assert current_style() == Style()


def drawn(command, *options, ending=".svg", layer=LAYER):
    """The file that a command writes."""
    good(command, *layer, *options, "--save", f"f{ending}")
    with open(f"f{ending}", "rb") as file:  # noqa: PTH123
        return file.read()


def points_of(svg):
    """Width and height of a picture."""
    root = ET.fromstring(svg)
    return tuple(float(root.get(side).removesuffix("pt")) for side in ("width", "height"))


def ids(svg):
    return {node.get("id") for node in ET.fromstring(svg).iter() if node.get("id")}


def test_the_options_are_the_fields_of_a_style():
    fields = [field.name for field in dataclasses.fields(Style)]
    assert [*styles.OPTIONS] == [*CHANGES] == [*fields[:-1], "transparent"]
    assert fields[-1] == "ground"


@pytest.mark.parametrize("command", ["show", "figure", "animate"])
def test_the_help_has_every_option(command):
    shown = re.findall(
        r"^  (--[a-z]+)", good(command, "--help").split("style of the picture:")[1].split("examples:")[0], re.MULTILINE
    )
    assert shown == [f"--{name}" for name in styles.OPTIONS]


FORMATS = [
    pytest.param("figure", ".svg", marks=pytest.mark.full),
    *(pytest.param("figure", ending, marks=pytest.mark.full) for ending in (".pdf", ".png")),
    ("figure", ".tex"),
    ("show", ".tex"),
    pytest.param("show", ".svg", marks=pytest.mark.full),
    pytest.param("animate", ".gif", marks=pytest.mark.full),
    *(pytest.param("animate", ending, marks=pytest.mark.full) for ending in (".png", ".apng", ".webp")),
    pytest.param("animate", ".mp4", marks=[pytest.mark.full, needs_ffmpeg]),
    ("animate", ".svg"),
    pytest.param("animate", ".html", marks=pytest.mark.full),
]


@pytest.mark.parametrize(("command", "ending"), FORMATS)
def test_each_option_changes_a_picture_of_each_format_or_is_refused(command, ending):
    plain = drawn(command, ending=ending)
    assert drawn(command, ending=ending) == plain
    changed = {}
    for name, value in CHANGES.items():
        if (name == "text" and ending not in (".svg", ".html")) or (name == "transparent" and ending == ".mp4"):
            message = refused(command, *LAYER, f"--{name}", *value, "--save", f"f{ending}")
            assert message.startswith(f"convmatrix {command}: error: --{name} is ")
            continue
        # TikZ draws no ground where that is white: there, a dark one is left out.
        before = ("--theme", "dark") if (name, ending) == ("transparent", ".tex") else ()
        changed[name] = drawn(command, *before, f"--{name}", *value, ending=ending)
        assert changed[name] not in (plain, changed["theme"] if before else b""), name
    assert len(set(changed.values())) == len(changed) >= 5


@pytest.mark.parametrize("command", ["figure", "animate"])
def test_each_option_changes_its_part(command):
    themes = model.palette.THEMES
    plain = drawn(command).decode()
    assert themes["light"].ground in plain
    assert {"matrix-0-0", "matrix-0-0-text", "caption"} <= ids(plain) or command == "animate"
    for theme in ("dark", "print"):
        svg = drawn(command, "--theme", theme).decode()
        assert themes[theme].map in svg
        assert (themes["light"].map in svg) == (themes["light"].map == themes[theme].map)
    first, second = model.palette.tap_colours((2,))
    by_value = model.palette.value_colours([1, -2], limit=2, theme=themes["light"]).tolist()
    svg = drawn(command, "--fill", "value").decode()
    assert {first, second} <= set(re.findall("#[0-9a-f]{6}", plain))
    assert set(by_value) <= set(re.findall("#[0-9a-f]{6}", svg))
    assert not set(by_value) & set(re.findall("#[0-9a-f]{6}", plain))
    assert "<text" not in plain
    texts = [node for node in ET.fromstring(drawn(command, "--text", "text")).iter() if node.tag.endswith("}text")]
    assert len(texts) > 10


@pytest.mark.parametrize("name", ["slide", "column", "page", "half", "5"])
def test_a_size_is_the_most_that_a_picture_takes(name):
    page = Style(size=float(name) if name.isdigit() else name).page
    wide, tall = points_of(drawn("figure", "--size", name))
    assert wide <= 72 * page.wide + 0.1
    assert tall <= 72 * page.tall + 0.1
    assert wide >= 0.5 * 72 * page.wide


def test_width_and_height_are_exact():
    assert points_of(drawn("figure", "--size", "4x3")) == pytest.approx((288, 216), abs=0.1)
    assert "size must be one of" in refused("figure", *LAYER, "--size", ".5e1", "--save", "f.svg")


def test_labels_and_captions():
    names = ids(drawn("figure", "--labels", "none"))
    assert not [name for name in names if name.startswith(("matrix", "kernel")) and name.endswith("-text")]
    names = ids(drawn("figure", "--labels", "symbols"))
    assert {"matrix-0-0-text", "kernel-0-1-text", "caption"} <= names
    assert "caption" not in ids(drawn("figure", "--captions", "off"))
    assert "caption" not in ids(drawn("figure", "--size", "slide"))
    assert "caption" in ids(drawn("figure", "--size", "slide", "--captions", "on"))


@pytest.mark.full
def test_a_transparent_ground():
    for command, ending in (("figure", ".png"), ("animate", ".gif"), ("animate", ".webp")):
        for options, alpha in ((("--transparent",), 0), ((), 255)):
            drawn(command, *options, ending=ending)
            with Image.open(f"f{ending}") as picture:
                assert picture.convert("RGBA").getpixel((0, 0))[3] == alpha, (command, ending)


def test_tikz_on_the_terminal_takes_a_style():
    layer = Conv(3, 2, ndim=1)
    shown = good("show", *LAYER, "--format", "tikz", "--theme", "dark", "--labels", "symbols")
    assert shown == latex.tikz(layer, [1, -2], step=1, style=Style(theme="dark", labels="symbols")) + "\n"
    assert shown != good("show", *LAYER, "--format", "tikz")


@pytest.mark.full
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_each_option_changes_each_kind_or_is_refused(kind):
    takes = kinds.KINDS[kind].takes
    layer = ["--i", 4, "--k", 3, "--ndim", 1, *(("--p", 1) if kind == "crop" else ())]
    layer += ["--transpose"] * (kind != "same_output") + ["--weight", "1,2,3"] * ("weight" in takes)
    options = ("figure", *layer, "--kind", kind)
    plain = drawn(*options, layer=())
    for name, value in CHANGES.items():
        if name in kinds.OPTIONS and name not in takes:
            assert refused(*options, f"--{name}", *value, "--save", "f.svg") == (
                f"convmatrix figure: error: --kind {kind} does not take --{name}: leave it out"
            )
        else:
            assert drawn(*options, f"--{name}", *value, layer=()) != plain, name


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "figure --i 3 --k 2 --theme blue --save f.svg",
            "theme must be one of 'light', 'dark', 'print', got 'blue'",
        ),
        (
            "figure --i 3 --k 2 --size big --save f.svg",
            "size must be one of 'auto', 'slide', 'half', 'column', 'page', or inches, got 'big'",
        ),
        ("figure --i 3 --k 2 --size 0.5 --save f.svg", "size must be from 1 to 60 inches, got 0.5"),
        ("figure --i 3 --k 2 --size -3 --save f.svg", "size must be from 1 to 60 inches, got -3.0"),
        ("animate --i 3 --k 2 --size 3x99 --save f.gif", "size must be from 1 to 60 inches, got 99.0"),
        (
            "figure --i 3 --k 2 --size 3x --save f.svg",
            "size must be one of 'auto', 'slide', 'half', 'column', 'page', or inches, got '3x'",
        ),
        (
            "animate --i 3 --k 2 --labels all --save f.gif",
            "labels must be one of 'auto', 'symbols', 'values', 'both', 'none', got 'all'",
        ),
        ("show --i 3 --k 2 --fill row --save f.svg", "fill must be one of 'tap', 'value', got 'row'"),
        ("show --i 3 --k 2 --text font --save f.svg", "text must be one of 'paths', 'text', got 'font'"),
        ("show --i 3 --k 2 --captions no --save f.svg", "captions must be one of 'auto', 'on', 'off', got 'no'"),
        (
            "figure --i 3 --k 2 --text text --save f.pdf",
            "--text is for .svg and .html files, whose text can be edited: leave it out",
        ),
        (
            "animate --i 3 --k 2 --text paths --save f.gif",
            "--text is for .svg and .html files, whose text can be edited: leave it out",
        ),
        (
            "animate --i 3 --k 2 --transparent --save f.mp4",
            "--transparent is not for .mp4, which has no transparency: save .gif, .webp or .svg",
        ),
        (
            "figure --i 3 --k 2 --fill value --save f.svg",
            "--fill value colours weights by their values, and there are none: give --weight",
        ),
        (
            "figure --i 3 --k 2 --kind gram --fill value --save f.svg",
            "--kind gram does not take --fill: leave it out",
        ),
        ("show --i 3 --k 2 --theme dark", "--theme is for pictures, and text has no such style: leave it out"),
        (
            "show --i 3 --k 2 --size slide --format latex",
            "--size is for pictures, and text has no such style: leave it out",
        ),
        (
            "show --i 3 --k 2 --transparent --save f.txt",
            "--transparent is for pictures, and text has no such style: leave it out",
        ),
        (
            "show --i 3 --k 2 --theme dark --save f.html",
            "--theme is for pictures, and a page, which follows the browser's theme, has no such style: leave it out",
        ),
    ],
)
def test_styles_that_are_refused(folder, command, message):
    arguments = command.split()
    assert refused(*arguments) == f"convmatrix {arguments[0]}: error: {message}"
    assert list(folder.iterdir()) == []


def test_a_page_has_no_style(folder):
    assert run("explore", "--theme", "dark", "--save", "page.html") == (
        2,
        "",
        "convmatrix explore: error: unrecognized arguments: --theme (see convmatrix explore --help)\n",
    )
    assert list(folder.iterdir()) == []
