"""The figures: each is reproducible and has a caption, and the committed pictures are up to date."""

import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from itertools import pairwise, product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model.stage import film
from guide import SETTINGS, W, X

ROOT = Path(__file__).parents[1]


def loaded(path):
    spec = importlib.util.spec_from_file_location(f"figures.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = loaded(ROOT / "figures" / "build.py")
SOURCES = list(BUILD.sources())
GUIDE = loaded(ROOT / "figures" / "guide.py")
STILLS = {entry.still.name: entry for entry in GUIDE.ENTRIES}
ANIMATIONS = {entry.stem: entry for entry in GUIDE.ENTRIES if entry.stem}
# Those with one figure each.
SINGLE = [path for path in SOURCES if path.stem != "guide"]
# Those of matrices so large that they are drawn as pixels, not as cells with names of their own.
PIXELS = {"alexnet_halves", "fcn_crop", "groups_as_blocks"}


@pytest.fixture(autouse=True)
def _closed():
    plt.switch_backend("agg")
    yield
    plt.close("all")


# One of them stands for all where tests have to be quick.
SOME = [path if path.stem == "conv_matrix_4x16" else pytest.param(path, marks=pytest.mark.full) for path in SINGLE]


@pytest.fixture(params=SOME, ids=lambda path: path.stem)
def source(request):
    return request.param


@cache
def drawn(path):
    """A figure's file, and what it draws; drawn once for all tests that only look at it."""
    module = loaded(path)
    return module, module.figure()


def gids(figure):
    return [artist.get_gid() for artist in figure.findobj() if artist.get_gid()]


def ids(picture):
    return [node.get("id") for node in ET.fromstring(picture).iter() if node.get("id")]


def titles(picture):
    return [node.text for node in ET.fromstring(picture).iter() if node.tag.rpartition("}")[2] == "title" and node.text]


def by_ending(path):
    return {name.rpartition(".")[2]: content for name, _, content in BUILD.rendered(path)}


def test_every_figure_is_found():
    named = {path.stem for path in (ROOT / "figures").glob("*.py")} - {"build"}
    assert {path.stem for path in SOURCES} == named
    assert {"conv_matrix_4x16", "guide"} <= named
    assert {path.stem for path in (ROOT / "figures").glob("*.svg")} == named - {"guide"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_importing_a_figure_draws_nothing(path, monkeypatch):
    monkeypatch.setattr(plt, "figure", lambda *_, **__: pytest.fail("drawn"))
    monkeypatch.setattr(plt, "subplots", lambda *_, **__: pytest.fail("drawn"))
    loaded(path)
    assert plt.get_fignums() == []


def test_a_figure_is_a_figure_with_a_caption(source):
    module, figure = drawn(source)
    assert isinstance(figure, Figure)
    caption, _, rest = module.__doc__.strip().partition("\n\n")
    assert "\n" not in caption
    assert rest.strip()
    assert any(ax.get_title() or "title" in gids(ax) for ax in figure.axes)
    found = set(gids(figure))
    assert found & {"cell-cells", "kept"} if source.stem in PIXELS else len(found) > 10


@pytest.mark.full
def test_built_twice_it_has_the_same_bytes(source):
    first, second = (by_ending(source) for _ in range(2))
    assert list(first) == ["svg", "pdf", "png"]
    assert first == second
    assert first["pdf"].startswith(b"%PDF")
    assert first["png"].startswith(b"\x89PNG")


def test_the_committed_picture_is_the_figures(source):
    picture = source.with_suffix(".svg").read_bytes()
    found = ids(picture)
    module, figure = drawn(source)
    assert set(gids(figure)) <= set(found)
    caption = module.__doc__.strip().partition("\n\n")[0]
    assert caption in titles(picture)
    (made,) = BUILD.rendered(source, only_committed=True)
    assert ids(made.content).count("cell-0-0") == found.count("cell-0-0")


def test_the_4x16_figure_shows_the_4x16_matrix():
    path = ROOT / "figures" / "conv_matrix_4x16.py"
    # Cells and rows, not what is written in them.
    found = [name for name in ids(path.with_suffix(".svg").read_bytes()) if re.fullmatch(r"[a-z]+(-\d+)+", name)]
    cells = {
        f"cell-{r * 2 + c}-{(r + p) * 4 + c + q}" for r in (0, 1) for c in (0, 1) for p in range(3) for q in range(3)
    }
    assert {name for name in found if name.startswith("cell-")} == cells
    assert len([name for name in found if name.startswith("cell-")]) == 36
    for kind, count in (("input-", 16), ("tap-", 9), ("output-", 4), ("row-", 1)):
        assert len([name for name in found if name.startswith(kind)]) == count
    texts = [text.get_text() for ax in drawn(path)[1].axes for text in ax.texts]
    assert sorted(set(texts)) == sorted(
        {f"{letter}{p}{q}" for letter, size in (("x", 4), ("w", 3), ("y", 2)) for p in range(size) for q in range(size)}
    )


def figure_of(stem):
    """A figure's file, and what it draws."""
    return drawn(ROOT / "figures" / f"{stem}.py")


def texts_of(ax):
    """All that is written on some axes."""
    return [text.get_text() for text in ax.findobj(Text) if text.get_text()]


def test_fcn_keeps_the_scores_from_19_to_518_and_no_score_reads_padding_only():
    module, figure = figure_of("fcn_crop")
    pattern = module.chain().pattern()
    assert pattern.shape == (544, 500)
    assert (pattern.sum(axis=1) > 0).all()
    (kept,) = (artist for artist in figure.findobj() if artist.get_gid() == "kept")
    assert kept.get_bbox().extents.tolist() == [-0.5, 18.5, 499.5, 518.5]
    assert "544 scores, kept from 19 to 518" in figure.axes[0].get_title()


def test_padding_modes_say_what_numpy_reads_beyond_the_ends():
    module, figure = figure_of("padding_modes")
    inputs = np.array([f"x{n}" for n in range(6)], dtype=object)
    modes = {"circular": "wrap", "replicate": "edge", "reflect": "reflect", "symmetric": "symmetric"}
    for (mode, expected), ax in zip(module.READS.items(), figure.axes, strict=False):
        padded = np.pad(inputs, 2, mode=modes[mode]) if mode in modes else np.array(["0", "0", *inputs, "0", "0"])
        assert expected.split() == [*padded[:2], "|", *padded[2:8], "|", *padded[8:]]
        assert ax.get_title() == f"{mode}:  {expected}"


def test_groups_halve_and_quarter_the_entries():
    _, figure = figure_of("groups_as_blocks")
    for ax, entries in zip(figure.axes, (4096, 2048, 1024), strict=True):
        assert ax.get_title().endswith(f": 144 x 144, {entries} entries")
    _, figure = figure_of("alexnet_halves")
    assert [ax.get_title() for ax in figure.axes] == ["groups=1: 409 million entries", "groups=2: 204 million entries"]


def test_three_views_give_one_output():
    """By plain loops: what the stamps add up to, and what the window gives where it stands."""
    _, figure = figure_of("three_views")
    total = np.zeros((5, 5), dtype=int)
    for row, col in product(range(2), repeat=2):
        for p, q in product(range(3), repeat=2):
            total[2 * row + p, 2 * col + q] += (2 * row + col + 1) * (3 * p + q + 1)
    matrix, stamps, insertion = figure.axes
    assert matrix.get_title() == "1. C^T, 25 x 4"
    for row, col in product(range(5), repeat=2):
        assert str(total[row, col]) in texts_of(stamps)
    assert f"y22 = 9·1 + 7·2 + 3·3 + 1·4 = {total[2, 2]}" in texts_of(insertion)


@pytest.mark.full
def test_only_the_haar_kernels_are_undone_by_their_transpose():
    _, figure = figure_of("not_an_inverse")
    ordinary, haar = figure.axes
    assert "the largest deviation is 4, at row 5 and column 6" in texts_of(ordinary)
    assert "C^T C = I" in texts_of(haar)


def test_the_checkerboards_counts_are_those_of_plain_loops():
    _, figure = figure_of("checkerboard")
    for ax, (k, d) in zip(figure.axes, ((3, 1), (4, 1), (4, 2)), strict=True):
        counts = np.zeros(4 * 2 + d * (k - 1) + 1, dtype=int)
        for i, tap in product(range(5), range(k)):
            counts[2 * i + d * tap] += 1
        both = np.multiply.outer(counts, counts)
        assert f"taps that reach an output: {both.min()} to {both.max()}" in texts_of(ax)
        assert sorted(int(text) for text in texts_of(ax) if text.isdigit()) == sorted(both.ravel())


def test_the_sizes_5_and_6_come_from_one_size_and_go_back_to_both():
    _, figure = figure_of("which_size")
    assert [ax.get_title() for ax in figure.axes] == [
        "C: 5 inputs, 3 outputs, leftover 0",
        "C: 6 inputs, 3 outputs, leftover 1",
        "C^T with output_padding=0: 3 inputs, 5 outputs",
        "C^T with output_padding=1: 3 inputs, 6 outputs",
    ]
    assert {name for name in gids(figure) if name.startswith("row-")} == {"row-5"}


def test_the_factors_names_and_sizes_fit_together():
    _, figure = figure_of("factors")
    products = (["C", "weights", "im2col", "padding"], ["C", "selection", "stride 1", "padding"])
    for ax, names in zip(figure.axes, products, strict=True):
        found = [re.fullmatch(r"(.*), (\d+) x (\d+)", text) for text in texts_of(ax)]
        found = [match.groups() for match in found if match]
        assert [name for name, _, _ in found] == names
        shapes = [(int(rows), int(cols)) for _, rows, cols in found]
        assert shapes[0] == (shapes[1][0], shapes[-1][1])
        assert all(one[1] == other[0] for one, other in pairwise(shapes[1:]))


@pytest.mark.full
def test_building_writes_what_differs_and_leaves_the_rest_alone(tmp_path, capsys, monkeypatch):
    here = tmp_path / "figures"
    here.mkdir()
    (here / "one.py").write_text(
        '"""One.\n\nIt is one.\n"""\nimport matplotlib.pyplot as plt\n\n\ndef figure():\n    return plt.figure()\n'
    )
    monkeypatch.setattr(BUILD, "HERE", here)
    monkeypatch.setattr(BUILD, "OTHERS", tmp_path / "build" / "figures")
    BUILD.build()
    assert capsys.readouterr().out.split() == [
        "wrote",
        "figures/one.svg",
        "wrote",
        "build/figures/one.pdf",
        "wrote",
        "build/figures/one.png",
    ]
    BUILD.build()
    assert capsys.readouterr().out == ""
    (here / "one.svg").write_text("stale")
    BUILD.build()
    assert capsys.readouterr().out.split() == ["wrote", "figures/one.svg"]


# -- the guide -------------------------------------------------------------------------------------------------------

TWINS = {name: facts for name, facts in SETTINGS.items() if name != "dilation"}
NUMERICAL = {
    "numerical_no_padding_no_strides": [[12, 12, 17], [10, 17, 19], [9, 6, 14]],
    "numerical_padding_strides": [[6, 17, 3], [8, 17, 13], [6, 4, 4]],
    "numerical_average_pooling": [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]],
    "numerical_max_pooling": [[3, 3, 3], [3, 3, 3], [3, 2, 3]],
}


def panel(made, name):
    (found,) = [one for one in made.panels if one.name == name]
    return found


def texts(made, name, step=None):
    """Return the texts of a panel at a step, as rows; None where there is no cell."""
    number = made.panels.index(panel(made, name))
    rows = [[None] * made.panels[number].cols for _ in range(made.panels[number].rows)]
    for (where, row, col), look in made.still(step).items():
        if where == number:
            rows[row][col] = look.text
    return rows


def cells(made, name):
    number = made.panels.index(panel(made, name))
    return {key[1:]: look for key, look in made.base.items() if key[0] == number}


def framed(made, name):
    """Rows, columns and sizes of the frames in a panel of a still."""
    number = made.panels.index(panel(made, name))
    return [tuple(outline[1:]) for outline in made.frames[0].outlines if outline.panel == number]


@pytest.mark.full
def test_every_figure_and_animation_of_the_guide_is_there():
    numbers = [
        *(f"1_{n}" for n in range(1, 7)),
        *(f"2_{n}" for n in range(1, 8)),
        "2_8a",
        "2_8b",
        *(f"4_{n}" for n in range(1, 8)),
        "5_1",
    ]
    assert list(STILLS) == [*(f"figure_{number}" for number in numbers), "printed_matrix"]
    assert len(ANIMATIONS) == 19
    assert set(ANIMATIONS) == {*SETTINGS, *(f"{name}_transposed" for name in TWINS), *NUMERICAL}
    made = list(GUIDE.pictures())
    assert {name for name, one in made if len(one.frames) == 1} == set(STILLS)
    assert {name for name, one in made if len(one.frames) > 1} == set(ANIMATIONS)
    assert len(made) == len(STILLS) + len(ANIMATIONS)


@pytest.mark.parametrize("name", SETTINGS)
def test_animations_of_convolutions(name):
    (i, k, s, p, d), o, frames, shape, nnz, *_ = SETTINGS[name]
    entry = ANIMATIONS[name]
    made = entry.animation.film
    assert len(made.frames) == frames
    assert (panel(made, "input").rows, panel(made, "input").cols) == (i + 2 * p,) * 2
    assert (panel(made, "kernel").rows, panel(made, "output").rows) == (k, o)
    assert (panel(made, "matrix").rows, panel(made, "matrix").cols) == shape
    assert len(cells(made, "matrix")) == nnz
    dilation = f", d={d}" if d > 1 else ""
    assert entry.title.endswith(f": i={i}, k={k}, s={s}, p={p}{dilation}: o={o}")
    assert entry.about.endswith(f"; C is {shape[0]} x {shape[1]} with {nnz} entries.")
    assert made.frames[0].outlines[0][1:] == (0, 0, d * (k - 1) + 1, d * (k - 1) + 1)


@pytest.mark.parametrize("name", TWINS)
def test_animations_of_their_twins(name):
    (i, k, s, p, _), _, _, shape, nnz, _, frames, (small, dilated, border, a) = TWINS[name]
    entry = ANIMATIONS[f"{name}_transposed"]
    made = entry.animation.film
    assert isinstance(entry.layer, ConvTranspose)
    assert len(made.frames) == frames
    assert panel(made, "input").title == f"input x, {small} x {small}"
    assert panel(made, "input").rows == panel(made, "input").cols == dilated + 2 * border + a
    shown = [[text != "0" for text in row] for row in texts(made, "input")]
    inputs = [border + (s if dilated > small else 1) * n for n in range(small)]
    assert shown == [[row in inputs and col in inputs for col in range(len(shown))] for row in range(len(shown))]
    assert texts(made, "kernel") == [[f"w{row}{col}" for col in reversed(range(k))] for row in reversed(range(k))]
    assert (panel(made, "matrix").cols, panel(made, "matrix").rows) == shape
    assert len(cells(made, "matrix")) == nnz
    with_zeros = f" (with zeros {dilated})" if s > 1 else ""
    leftover = f", a={a}" if a else ""
    assert entry.title.endswith(
        f": transpose of i={i}, k={k}, s={s}, p={p}: i'={small}{with_zeros}, p'={border}{leftover}: o'={i}"
    )
    assert entry.about.endswith(f"; C is {shape[1]} x {shape[0]} with {nnz} entries.")
    forward = ANIMATIONS[name].animation.film
    assert {(col, row): look.text for (row, col), look in cells(made, "matrix").items()} == {
        at: look.text for at, look in cells(forward, "matrix").items()
    }
    number = {entry.stem: entry.number for entry in GUIDE.ENTRIES}[name]
    assert entry.summary.startswith(f"The transpose of figure {number}, ")
    assert entry.number == f"4.{number[-1]}"


@pytest.mark.parametrize("name", NUMERICAL)
def test_animations_of_the_numerical_examples(name):
    made = ANIMATIONS[name].animation.film
    last = np.array(texts(made, "output", len(made.frames) - 1), dtype=float)
    assert len(made.frames) == 9
    np.testing.assert_array_equal(last.round(1), NUMERICAL[name])
    pad = 1 if "padding_strides" in name and "no_" not in name else 0
    np.testing.assert_array_equal(np.array(texts(made, "input"), dtype=int), np.pad(X, pad))
    C = np.array([[float(eval_fraction(text)) for text in row] for row in texts(made, "matrix")])
    np.testing.assert_allclose((C @ np.ravel(X)).reshape(3, 3), last, rtol=3e-3)
    pool = "pooling" in name
    assert [one.name for one in made.panels if one.name == "kernel"] == ([] if pool else ["kernel"])
    assert pool or texts(made, "kernel") == [[str(value) for value in row] for row in W]
    assert np.count_nonzero(C.any(axis=1)) == 9


def eval_fraction(text):
    over, _, under = (text or "0").partition("/")
    return float(over) / float(under or 1)


def test_figure_1_3_has_a_kernel_for_each_pair_of_maps():
    entry = STILLS["figure_1_3"]
    made = entry.still.film
    assert entry.layer.weight_shape == (3, 2, 3, 3)
    used = {1}
    for of, within in product(range(3), range(2)):
        expected = [[f"w{of}{within}.{row}{col}" for col in range(3)] for row in range(3)]
        assert texts(made, f"kernel{of}{within}") == expected
        assert {look.faint for look in cells(made, f"kernel{of}{within}").values()} == {of not in used}
    assert [one.name for one in made.panels if one.name.startswith(("input", "output"))] == [
        "input0",
        "input1",
        "output0",
        "output1",
        "output2",
    ]
    assert framed(made, "output1") == [(0, 1, 1, 1)]
    assert framed(made, "matrix") == [(5, 0, 1, 32)]
    assert made.frames[0].caption.startswith("y1.01 = w10.00·x0.01 + ")


def test_figure_1_4_keeps_every_other_output_of_stride_1():
    made = STILLS["figure_1_4"].still.film
    kept = [row * 3 + col for row in (0, 2) for col in (0, 2)]
    assert texts(made, "matrix2") == [texts(made, "matrix1")[row] for row in kept]
    assert {at[0] for at, look in cells(made, "matrix1").items() if not look.faint} == set(kept)
    assert {at for at, look in cells(made, "output1").items() if not look.faint} == {
        (r, c) for r in (0, 2) for c in (0, 2)
    }
    assert framed(made, "matrix1") == [(row, 0, 1, 25) for row in kept]
    assert made.frames[0].caption == "stride 2 keeps rows 0, 2, 6, 8 of the matrix at stride 1"


@pytest.mark.parametrize(("name", "stride", "count"), [("figure_2_8a", 1, 3), ("figure_2_8b", 2, 2)])
def test_figure_2_8_counts_the_positions_of_the_kernel(name, stride, count):
    made = STILLS[name].still.film
    maps = [one.name for one in made.panels if one.name.startswith("input")]
    assert len(maps) == count
    for number, one in enumerate(maps):
        assert framed(made, one) == [(0, number * stride, 3, 3)]
        noted = {at for at, look in cells(made, one).items() if look.note}
        assert noted == {(row, number * stride + col) for row in range(3) for col in range(3)}
    assert {at[0] for at, look in cells(made, "matrix").items() if not look.faint} == set(range(count))
    assert framed(made, "matrix") == [(0, 0, count, 25)]
    expected = f"the first position, and {count - 1} step{'s' * (count > 2)} of {stride}: o = "
    assert made.frames[0].caption.startswith(expected)
    assert made.frames[0].caption.endswith(f" + 1 = {count}")


def test_the_printed_matrix_has_its_zeros():
    shown = texts(STILLS["printed_matrix"].still.film, "matrix")
    first = ["w00", "w01", "w02", "0", "w10", "w11", "w12", "0", "w20", "w21", "w22", "0", "0", "0", "0", "0"]
    assert shown == [np.roll(first, shift).tolist() for shift in (0, 1, 4, 5)]


@pytest.mark.parametrize("name", STILLS)
def test_stills_of_the_guide(name):
    """The committed picture has these bytes, all parts of the film, and a caption."""
    entry = STILLS[name]
    made = entry.still.film
    picture = (ROOT / "figures" / "guide" / f"{name}.svg").read_bytes()
    assert picture == BUILD.moving(made).encode()
    assert made.waiting == {}
    assert titles(picture) == [entry.title]
    root = ET.fromstring(picture)
    assert root.get("role") == "img"
    described = [node.text for node in root if node.get("id") == "description"]
    assert described == [entry.about]
    assert entry.about.startswith(entry.summary)
    assert len(entry.summary) > 20
    found = ids(picture)
    assert len(found) == len(set(found))
    assert {made.cell_id(key) for key in made.base} <= set(found)
    assert b"<animate" not in picture
    assert any(one.name.startswith("matrix") for one in made.panels)  # its matrix stands beside it
    if entry.compose is None:
        step = entry.layer.output_size[1] // 2
        assert framed(made, "output") == [(0, step, 1, 1)]
        assert framed(made, "matrix") == [(step, 0, 1, entry.layer.matrix_shape[1])]
        assert made.frames[0].caption == entry.animation.film.frames[step].caption
        assert not any(look.faint for look in cells(made, "matrix").values())


@pytest.mark.full
def test_the_committed_pictures_of_the_guide_are_its_stills():
    folder = ROOT / "figures" / "guide"
    assert {path.name for path in folder.iterdir()} == {f"{name}.svg" for name in STILLS}
    assert [
        name for name, committed, _ in BUILD.rendered(folder.with_suffix(".py"), only_committed=True) if committed
    ] == [f"guide/{name}.svg" for name in STILLS]


def test_no_two_captions_are_the_same_and_one_has_the_erratum():
    summary = [entry.about for entry in GUIDE.ENTRIES]
    assert len(set(summary)) == len(summary)
    assert [entry.number for entry in GUIDE.ENTRIES if "Erratum" in entry.about] == ["4.7"]
    assert GUIDE.ENTRIES[-3].layer.input_size == (3, 3)
    assert [entry.number for entry in GUIDE.ENTRIES if "kernel is flipped" in entry.about] == [
        f"4.{n}" for n in range(1, 8)
    ]


# -- films as files --------------------------------------------------------------------------------------------------

FILMS = '''"""Two films."""

from typing import NamedTuple

from convmatrix import Conv
from convmatrix.show.model.film import Film
from convmatrix.show.model.stage import film


class Picture(NamedTuple):
    name: str
    film: Film


def pictures():
    yield Picture("still", film(Conv((3,), 3), title="one step"))
    yield Picture("moves", film(Conv((3,), 2), title="two steps"))
'''


@pytest.mark.full
def test_films_are_built_the_same_in_another_process(tmp_path, monkeypatch):
    here = tmp_path / "figures"
    here.mkdir()
    shutil.copy(ROOT / "figures" / "build.py", here)
    (here / "films.py").write_text(FILMS)
    command = [sys.executable, str(here / "build.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "5"}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    names = {
        "figures/films/still.svg",
        "build/figures/films/still.pdf",
        "build/figures/films/still.png",
        "build/figures/films/moves.svg",
        "build/figures/films/moves.gif",
    }
    assert set(made.stdout.split()) - {"wrote"} == names
    monkeypatch.setattr(BUILD, "HERE", here)
    for name, committed, content in BUILD.rendered(here / "films.py"):
        assert content == (tmp_path / ("figures" if committed else "build/figures") / name).read_bytes()
        if name.endswith(".gif"):
            with Image.open(io.BytesIO(content)) as picture:
                assert picture.n_frames == 2
        if name.endswith("still.svg"):
            assert content == BUILD.moving(film(Conv((3,), 3), title="one step")).encode()
    assert [name for name, *_ in BUILD.rendered(here / "films.py", only_committed=True)] == ["films/still.svg"]
