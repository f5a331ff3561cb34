"""The explorer's page, as text: complete, small, harmless whatever is written into it, and readable without scripts."""

import base64
import io
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convmatrix import Conv, ConvTranspose
from convmatrix.show import explorer
from convmatrix.show.explorer import document, widget
from convmatrix.show.explorer.script import script
from convmatrix.show.model.palette import ink_on, rgb, tap_colours
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Scene
from strategies import layers, share

LARGEST = Conv((8, 8), (3, 3))  # 36 x 64, 324 entries: about the largest table
EVIL = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "<b>\"'&amp;</b>",
    "\u2028\u2029",
    "{{7*7}}",
    "</title></h1></caption>",
    '"><img src=x onerror=alert(1)>',
)


class Elements(HTMLParser):
    """All start tags with their attributes, and the text of each kind of script, of the title and of the cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.title, self.rows = [], {}, "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            span = int(dict(attrs).get("colspan", 1))
            style = dict(attrs).get("style")
            self.rows[-1].extend(["", style] for _ in range(span))

    def handle_data(self, data):
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if tag == "script":
            self.scripts[attributes["type"]] = self.scripts.get(attributes["type"], "") + data
        if tag == "title" and not self.title:
            self.title = data
        if tag in ("td", "th", "sub"):
            self.rows[-1][-1][0] += data.strip()


def specification(text):
    """The JSON that the page passes to the module."""
    return json.loads(Elements(text).scripts["application/json"])


# -- a whole page ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "weight"),
    [
        (Conv(4, 3), None),
        (LARGEST, np.arange(9).reshape(3, 3) / 7),
        (Conv((50,), 8), None),
        (Conv(64, 3, padding=1), None),
        (Conv(24, 5, in_channels=3, out_channels=4), None),
        (Conv(512, 11, stride=3, in_channels=3), None),
        (Conv((200,), 100), np.random.default_rng(0).normal(size=100)),
        (Conv(20, 20), np.random.default_rng(0).normal(size=(20, 20))),
        (Conv(6, 3, in_channels=11, out_channels=5), np.random.default_rng(0).normal(size=(5, 11, 3, 3))),
        (ConvTranspose(9, 7, stride=5, padding=3, in_channels=3, out_channels=3, groups=3), None),
    ],
)
def test_page_is_small(layer, weight):
    assert len(explorer.page(layer, weight).encode()) < 110_000


def test_files_are_small_and_cannot_end_their_element():
    assert len(script().partition("\n")[2].encode()) <= 60 * 1024  # the first line is the rules of Python
    for text, end in ((script(), "</script"), (script(), "<!--"), (document.source("explorer.css"), "</style")):
        assert end not in text.lower()


def test_page_needs_nothing_else():
    text = explorer.page(Conv(4, 3), np.arange(9).reshape(3, 3))
    known = ("http://www.w3.org/2000/svg",)  # a name, not an address
    assert [found for found in re.findall(r"https?:[^\s\"'`)]*", text) if found not in known] == []
    assert not re.findall(r"\b(import|fetch|XMLHttpRequest|require|eval|Function)\s*\(", text)
    assert "import " not in script().replace("important", "")
    policy = next(a["content"] for tag, a in Elements(text).tags if a.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert not any("src" in a and not a["src"].startswith("data:") for _, a in Elements(text).tags)


def test_page_is_the_same_every_time():
    layer = Conv((5, 4), 2, padding=1)
    assert explorer.page(layer) == explorer.page(layer)


def test_page_has_the_layer():
    layer = ConvTranspose((3, 2), 3, stride=(2, 1), padding=((1, 0), (0, 1)), output_padding=(1, 0), groups=2,
                          in_channels=4, out_channels=2)  # fmt: skip
    assert specification(explorer.page(layer))["layer"] == {
        "transposed": True,
        "input_size": [3, 2],
        "kernel_size": [3, 3],
        "stride": [2, 1],
        "dilation": [1, 1],
        "input_dilation": [1, 1],
        "padding": [[1, 0], [0, 1]],
        "output_padding": [1, 0],
        "padding_mode": "zeros",
        "in_channels": 4,
        "out_channels": 2,
        "groups": 2,
    }
    assert specification(explorer.page(layer))["link"] is True
    assert "link" not in specification(explorer.fragment(layer))


def test_fragment_is_the_page_s_body():
    layer = Conv((4,), 3)
    text = explorer.fragment(layer, title="a")
    assert "<html" not in text
    assert {
        name: value for name, value in specification(explorer.page(layer, title="a")).items() if name != "link"
    } == specification(text)


# -- what the user writes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", EVIL)
def test_titles_cannot_break_out(title):
    for write in (explorer.page, explorer.fragment):
        plain, evil = (write(Conv(4, 3), title=text) for text in ("title", title))
        assert [tag for tag, _ in Elements(evil).tags] == [tag for tag, _ in Elements(plain).tags]
        assert [tag.keys() for _, tag in Elements(evil).tags] == [tag.keys() for _, tag in Elements(plain).tags]
        assert specification(evil)["title"] == printable(title)
        assert evil.lower().count("</script") == 2
        assert "<!--" not in evil
    assert Elements(explorer.page(Conv(4, 3), title=title)).title.strip() == printable(title)


@share(0.2)
@given(title=st.text())
def test_no_title_breaks_out(title):
    text = explorer.fragment(Conv((1,), 1), title=title)
    assert specification(text)["title"] == printable(title)
    assert [tag for tag, _ in Elements(text).tags] == [
        tag for tag, _ in Elements(explorer.fragment(Conv((1,), 1))).tags
    ]


def test_title_is_the_repr_by_default():
    assert Elements(explorer.page(Conv(4, 3))).title == repr(Conv(4, 3))


@pytest.mark.parametrize(
    ("weight", "labels", "values"),
    [
        (np.array([1, -2, 0]), ["1", "-2", "0"], [1, -2, 0]),
        (np.array([1 / 3, np.inf, np.nan]), ["0.333", "inf", "nan"], [1 / 3, None, None]),
        (np.array([1 + 2j, 0, 1]), ["1+2j", "0+0j", "1+0j"], [None, None, None]),
        (np.array([True, False, True]), ["1", "0", "1"], [1, 0, 1]),
        (np.array([2**60, 1, 2]), [str(2**60), "1", "2"], [None, 1, 2]),
        (np.array([1.5, 2, 3], dtype="float32"), ["1.5", "2", "3"], [1.5, 2, 3]),
    ],
)
def test_weights_are_stored_as_json_represents_them(weight, labels, values):
    entry = specification(explorer.page(Conv((5,), 3), weight))["weight"]
    assert (entry["labels"], entry["values"], entry["shape"]) == (labels, values, [1, 1, 3])
    assert entry["integer"] == (weight.dtype.kind == "i")
    assert entry["boolean"] == (weight.dtype.kind == "b")


def test_errors():
    for layer in (Conv(4, 3, ndim=3), Conv(4, 3, ndim=0)):
        with pytest.raises(ValueError, match=f"^the explorer shows 1 or 2 axes, but the layer has {layer.ndim}$"):
            explorer.page(layer)
    with pytest.raises(ValueError, match=r"^weight has shape \(2, 2\) but groups=1"):
        explorer.fragment(Conv(4, 3), np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"^the weight has 501 entries but a page holds at most 500: leave it out"):
        explorer.page(Conv((501,), 501), np.ones(501))
    assert specification(explorer.page(Conv((500,), 500), np.ones(500)))["weight"]["labels"] == ["1"] * 500


def test_save(tmp_path):
    explorer.save(Conv(4, 3), tmp_path / "a.HTML", title="ü")
    assert (tmp_path / "a.HTML").read_text(encoding="utf-8") == explorer.page(Conv(4, 3), title="ü")
    with pytest.raises(ValueError, match=r"^file name '.*a\.pdf' does not end in \.html or \.htm, as a page must$"):
        explorer.save(Conv(4, 3), tmp_path / "a.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["a.HTML"]


# -- without scripts -------------------------------------------------------------------------------------------------


@share(0.2)
@given(layer=layers(ndims=(1, 2)))
def test_table_remains(layer):
    text = explorer.page(layer)
    rows, cols = layer.matrix_shape
    if rows * cols > 2500 or "<table" not in text:
        assert layer.nnz > 200
        assert '<img src="data:image/png' in text
        return
    scene = Scene(layer)
    found = Elements(text).rows
    assert [cell[0] for cell in found[0]] == ["", *(scene.col_name(col) for col in range(cols))]
    wanted = [[["", None] for _ in range(cols)] for _ in range(rows)]
    for cell, (row, col) in enumerate(zip(scene.rows, scene.cols, strict=True)):
        colour = scene.colour(cell)
        wanted[row][col] = [scene.label(cell), f"background:{colour};color:{ink_on(colour)}"]
    assert [line[1:] for line in found[1:]] == wanted
    assert [line[0][0] for line in found[1:]] == [scene.row_name(row) for row in range(rows)]


def test_table_has_values():
    rows = Elements(explorer.page(Conv((3,), 2), np.array([5, -7]))).rows
    assert [[cell[0] for cell in row] for row in rows] == [
        ["", "x0", "x1", "x2"],
        ["y0", "5", "-7", ""],
        ["y1", "", "5", "-7"],
    ]


def test_table_of_36_x_64_remains():
    assert len(Elements(explorer.page(LARGEST)).rows) == 37


def test_image_remains_of_a_larger_matrix():
    layer = Conv((60, 3), (2, 1))
    source = next(a["src"] for tag, a in Elements(explorer.page(layer)).tags if tag == "img")
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
    scene = Scene(layer)
    wanted = np.full((*layer.matrix_shape, 3), 255)
    wanted[scene.rows, scene.cols] = np.array([rgb(colour) for colour in tap_colours((2, 1))])[scene.kernel_taps]
    np.testing.assert_array_equal(np.asarray(image), wanted)


def test_image_of_a_huge_matrix_is_bounded():
    text = explorer.page(Conv(100, 3))
    image = next(a for tag, a in Elements(text).tags if tag == "img")
    assert int(image["width"]) <= 512
    assert image["alt"].startswith("the matrix C, 9604 × 10000, with 86436 entries")
    assert "<img" not in explorer.page(Conv(1000, 3))


# -- the widget, as far as it goes without its package ---------------------------------------------------------------


def test_widget_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    widget._widget_class.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"^the widget needs anywidget: install convmatrix\[notebook\]"):
        widget.explore(Conv(4, 3))


def test_in_a_notebook_it_is_the_fragment_beside_a_sentence():
    layer, weight = Conv((4,), 3), [1, 2, 3]
    shown = explorer.in_notebook(layer, weight, title="three taps")
    assert shown._repr_mimebundle_() == {
        "text/html": explorer.fragment(layer, weight, title="three taps"),
        "text/plain": "the explorer of three taps",
    }
    assert repr(explorer.in_notebook(layer)) == f"the explorer of {layer!r}"
