"""A picture in a notebook: its forms, made only on demand, and the figure once."""

import base64
import io
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from convmatrix import Conv, ConvTranspose
from convmatrix.show import explorer, plot
from convmatrix.show.plot.picture import Picture, described, new_picture
from selection import some

ALL = {"text/plain", "text/html", "image/png"}
UGLY = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> $\\frac{1$"


PICTURES = {
    "matrix": lambda **given: plot.matrix(Conv(4, 3), **given),
    "large": lambda **given: plot.matrix(Conv(40, 3), **given),
    "linked": lambda **given: plot.linked(Conv(4, 3), **given),
    "input": lambda **given: plot.input_map(Conv(4, 3), **given),
    "volume": lambda **given: plot.input_map(Conv((3, 3, 3), 2), **given),
    "kernel": lambda **given: plot.kernel(Conv(4, 3), **given),
    "output": lambda **given: plot.output_map(Conv(4, 3), **given),
    "windows": lambda **given: plot.windows(Conv(4, 3), **given),
    "stamps": lambda **given: plot.stamps(ConvTranspose(2, 3), **given),
    "insertion": lambda **given: plot.insertion(ConvTranspose(2, 3, stride=2), **given),
    "crop": lambda **given: plot.crop(ConvTranspose(2, 3, stride=2, padding=1), **given),
    "gram": lambda **given: plot.gram(np.eye(3) * 2, **given),
    "same_output": lambda **given: plot.same_output([1, 2], [2, 1], [3], **given),
    "singular": lambda **given: plot.singular_values([3.0, 1.0], **given),
    "overlaps": lambda **given: plot.overlaps([[1, 2]], **given),
    "field": lambda **given: plot.receptive_field(np.eye(2, dtype=bool), **given),
    "factors": lambda **given: plot.factors([np.eye(2)] * 3, "CAB", **given),
}


@pytest.mark.parametrize("kind", some(PICTURES, "linked", "large", "stamps", "singular"))
def test_every_picture_has_its_forms(kind):
    picture = PICTURES[kind]()
    assert isinstance(picture, Picture)
    assert isinstance(picture, Axes)
    bundle = picture._repr_mimebundle_()
    assert set(bundle) >= ALL
    assert picture.alt.endswith(".")
    assert len(picture.alt) > 10
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as image:
        assert image.size == pytest.approx(picture.figure.get_size_inches() * 100, abs=1)
        assert len(image.convert("RGB").getcolors(2**20)) > 3  # there is something on it
    assert len(bundle["text/html"].encode()) < 100_000
    assert bundle["text/plain"].strip()


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_on_axes_that_are_given_they_draw_and_return_these(draw):
    figure, (left, right) = plt.subplots(1, 2)
    assert draw(ax=right) is right
    assert not isinstance(right, Picture)
    assert not [*left.patches, *left.lines, *left.images]
    assert [*right.patches, *right.lines, *right.images]
    assert plt.get_fignums() == [figure.number]


def test_forms_of_a_matrix():
    bundle = plot.matrix(Conv((4,), 3), [5, 6, 7])._repr_mimebundle_()
    assert bundle["text/plain"].splitlines()[2] == "y₀ │  5  6  7  · │"
    assert "<table" in bundle["text/html"]
    assert re.findall(r"<td style=[^>]*>(\d)", bundle["text/html"]) == ["5", "6", "7", "5", "6", "7"]
    assert bundle["text/latex"].startswith(r"$\left[\begin{array}")
    assert bundle["text/latex"].endswith("$")


def test_forms_of_a_matrix_that_is_too_large_to_be_written():
    picture = plot.matrix(Conv(700, 3))
    bundle = picture._repr_mimebundle_()
    assert set(bundle) == ALL
    assert (
        bundle["text/plain"]
        == picture.alt
        == ("The matrix C, 487204 × 490000, with 4384836 entries, each in the colour of its tap.")
    )
    assert bundle["text/html"].startswith('<img src="data:image/png;base64,')


def test_forms_of_the_linked_picture():
    bundle = plot.linked(Conv((4,), 3), step=1)._repr_mimebundle_()
    assert bundle["text/plain"].splitlines()[-1].endswith("Step 1 of 0 to 1: y1 = w0·x1 + w1·x2 + w2·x3.")
    assert "convmatrix-explorer" in bundle["text/html"]
    assert bundle["text/latex"].startswith(r"\begin{tikzpicture}")


def test_a_layer_that_another_renderer_refuses_has_the_other_forms():
    point = plot.linked(Conv((), (), ndim=0))  # the explorer shows one axis or two
    assert point._repr_mimebundle_()["text/html"].startswith("<img ")


def test_only_the_requested_forms():
    picture = PICTURES["linked"]()
    assert set(picture._repr_mimebundle_(include={"text/plain", "image/png", "model/x"})) == {"text/plain", "image/png"}
    assert set(picture._repr_mimebundle_(exclude={"text/html"})) == {"text/plain", "image/png", "text/latex"}
    assert set(picture._repr_mimebundle_(include=["text/html"], exclude=["text/html"])) == set()


def test_forms_are_made_on_request(monkeypatch):
    calls = []
    picture = described(
        new_picture(2, 2),
        "Seen.",
        plain=lambda: calls.append("plain") or "drawn",
        html=lambda: calls.append("html"),
        latex=lambda: calls.append("latex") or "x",
    )
    monkeypatch.setattr(picture.figure, "savefig", lambda *_, **__: calls.append("saved"))
    assert calls == []
    assert picture._repr_mimebundle_(include={"text/plain"}) == {"text/plain": "drawn"}
    assert picture._repr_mimebundle_(include={"text/latex"}) == {"text/latex": "x"}
    assert calls == ["plain", "latex"]


@pytest.mark.parametrize("first", [plot.matrix, plot.kernel])
def test_what_is_drawn_on_a_picture_later_is_on_its_image_and_in_its_text(first):
    second = plot.kernel if first is plot.matrix else plot.matrix
    picture = first(Conv((3,), 2))
    before = picture.alt
    second(Conv((3,), 2), ax=picture)
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == f"{before} {second(Conv((3,), 2)).alt}"
    assert bundle["text/html"].startswith("<img ")
    assert "text/latex" not in bundle


def test_a_rendered_picture_is_not_pyplots_any_more():
    picture = PICTURES["kernel"]()
    assert plt.get_fignums() == [picture.figure.number]
    picture._repr_mimebundle_(include={"text/plain"})
    assert plt.get_fignums() == []
    assert set(picture._repr_mimebundle_()) == ALL  # and can be shown once more


def test_a_figure_with_a_window_stays(monkeypatch):
    picture = PICTURES["kernel"]()
    monkeypatch.setattr(type(picture.figure.canvas), "required_interactive_framework", "qt")
    picture._repr_mimebundle_(include={"text/plain"})
    assert plt.get_fignums() == [picture.figure.number]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.full
@pytest.mark.parametrize(
    "name",
    [
        "linked",
        "windows",
        "stamps",
        "crop",
        "gram",
        "same_output",
        "singular",
        "overlaps",
        "field",
        "factors",
        "insertion",
    ],
)
def test_a_title_cannot_break_out(name):
    picture = PICTURES[name](title=UGLY)
    bundle = picture._repr_mimebundle_()
    tags = Tags(bundle["text/html"]).found
    assert not [tag for tag, attrs in tags if "onerror" in attrs or attrs.get("src") == "x"]
    plain = Tags(PICTURES[name]()._repr_mimebundle_(include={"text/html"})["text/html"]).found
    assert [tag for tag, _ in tags] == [tag for tag, _ in plain]


def test_names_of_factors_cannot_break_out():
    picture = plot.factors([np.eye(2)] * 3, [UGLY, "A", "B"])
    ((tag, attrs),) = Tags(picture._repr_mimebundle_()["text/html"]).found
    assert tag == "img"
    assert set(attrs) == {"src", "alt", "width", "height"}
    assert attrs["alt"] == picture.alt


@pytest.mark.full
def test_a_noisy_picture_is_made_small_enough():
    noise = np.random.default_rng(0).normal(size=(400, 400))
    bundle = plot.overlaps(np.abs(noise))._repr_mimebundle_()
    assert len(bundle["image/png"]) > 100_000
    assert len(bundle["text/html"].encode()) < 100_000


@pytest.mark.full
def test_a_notebook_shows_each_picture_once():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "from convmatrix import Conv\nfrom convmatrix.show import plot",
        "plot.matrix(Conv(4, 3))",
        "plot.linked(Conv(4, 3), step=1)",
        "ax = plot.kernel(Conv(3, 2))\nax.set_title('taps')\nax",
        "plot.kernel(Conv(3, 2)).set_title('not the last value');",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [[(output.output_type, set(output.data)) for output in cell.outputs] for cell in notebook.cells]
    assert shown == [
        [],
        [("execute_result", {*ALL, "text/latex"})],
        [("execute_result", {*ALL, "text/latex"})],
        [("execute_result", ALL)],
        [("display_data", {"text/plain", "image/png"})],
    ]


def test_the_table_of_a_matrix_for_pages_of_ones_own():
    html = explorer.table(Conv((3, 3, 3), 2), title=UGLY)
    assert [tag for tag, _ in Tags(html).found[:4]] == ["p", "strong", "table", "caption"]
    assert len(html) < 40_000
    message = r"^the matrix has 4384836 entries but at most 1000000 are drawn: take a smaller layer$"
    with pytest.raises(ValueError, match=message):
        explorer.table(Conv(700, 3))
