"""The figures: each is reproducible and has a caption, and the committed pictures are up to date."""

import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model.palette import (
    GUIDE_INPUT,
    GUIDE_OUTPUT,
    GUIDE_SEEN,
    THEMES,
    over,
    rgb,
    tap_colours,
    value_colours,
)
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import TINT
from guide import SETTINGS, W, X
from selection import some

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
# Those whose cells are so small that they are drawn as pixels, not as cells with names of their own.
PIXELS = {"alexnet_halves", "fcn_crop", "groups_as_blocks", "photograph_and_back"}
# Those with a sentence below: all others are for slides, which have their own.
CAPTIONED = {"checkerboard", "equation_with_numbers", "fcn_crop", "haar_is_undone", "not_an_inverse"}
LIGHT = THEMES["light"]


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


def drawn(path):
    """The figure of a file."""
    return loaded(path).figure().get_figure(root=True)


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
    module = loaded(source)
    figure = drawn(source)
    assert isinstance(figure, Figure)
    caption, _, rest = module.__doc__.strip().partition("\n\n")
    assert "\n" not in caption
    assert rest.strip()
    found = set(gids(figure))
    assert any(name.endswith("-title") for name in found)
    pixels = {name for name in found if name.endswith("-cells")}
    assert pixels if source.stem in PIXELS else len(found) > 10
    assert any(name.startswith("caption") for name in found) == (source.stem in CAPTIONED)


@pytest.mark.full
def test_built_twice_it_has_the_same_bytes(source):
    first, second = (by_ending(source) for _ in range(2))
    assert list(first) == ["svg", "pdf", "png"]
    assert first == second
    assert first["pdf"].startswith(b"%PDF")
    assert first["png"].startswith(b"\x89PNG")


def test_the_committed_picture_is_the_figures(source):
    picture = source.with_suffix(".svg").read_bytes()
    assert len(picture) < 300_000
    found = ids(picture)
    names = gids(drawn(source))
    assert set(names) <= set(found)
    caption = loaded(source).__doc__.strip().partition("\n\n")[0]
    assert caption in titles(picture)
    (made,) = BUILD.rendered(source, only_committed=True)
    again = Counter(ids(made.content))
    assert {name: again[name] for name in names} == {name: Counter(found)[name] for name in names}


def figure_of(stem):
    """A figure's file, and the axes that it draws on."""
    module = loaded(ROOT / "figures" / f"{stem}.py")
    return module, module.figure()


def labels(ax):
    """All that is written on some axes, before it is set as mathematics, by its id."""
    return {text.get_gid(): text.label for text in ax.texts}


def table(ax, name, rows, cols):
    """The labels of a panel as integers; None for a cell without one."""
    found = labels(ax)
    cells = [[found.get(f"{name}-{row}-{col}-text") for col in range(cols)] for row in range(rows)]
    return [[None if text is None else int(text) for text in row] for row in cells]


def papers(ax):
    """Colours of all cells, by their ids."""
    return {
        patch.get_gid(): to_hex(patch.get_facecolor())
        for patch in ax.patches
        if patch.get_gid() and re.search(r"-\d+-\d+$", patch.get_gid())
    }


def extents(ax, name):
    """Left, top, right and bottom of a patch, in cells of a map."""
    (patch,) = (patch for patch in ax.patches if patch.get_gid() == name)
    (left, top), (right, bottom) = patch.get_path().get_extents(patch.get_patch_transform()).get_points()
    return [left, top, right, bottom]


def test_the_4x16_figure_shows_the_4x16_matrix():
    _, ax = figure_of("conv_matrix_4x16")
    colours, found, taps = papers(ax), labels(ax), tap_colours((3, 3))
    entries = {
        (2 * r + c, 4 * (r + p) + c + q): (p, q)
        for r, c in product(range(2), repeat=2)
        for p, q in product(range(3), repeat=2)
    }
    assert len(entries) == 36
    for row, col in product(range(4), range(16)):
        tap = entries.get((row, col))
        name = f"matrix-{row}-{col}"
        assert colours[name] == (LIGHT.ground if tap is None else taps[3 * tap[0] + tap[1]])
        assert found.get(f"{name}-text") == (None if tap is None else f"w{tap[0]}{tap[1]}")
    for name, letter, size in (("input", "x", 4), ("kernel", "w", 3), ("output", "y", 2)):
        for p, q in product(range(size), repeat=2):
            assert found[f"{name}-{p}-{q}-text"] == f"{letter}{p}{q}"
    assert [found[f"above-0-{n}-text"] for n in range(16)] == [f"x{n // 4}{n % 4}" for n in range(16)]
    assert [found[f"beside-{n}-0-text"] for n in range(4)] == ["y00", "y01", "y10", "y11"]
    # The window of y01: the same tints on the map and on the flattened input, the frame around row 1.
    met = {(p, q + 1): over(taps[3 * p + q], LIGHT.map, TINT) for p, q in product(range(3), repeat=2)}
    for p, q in product(range(4), repeat=2):
        assert colours[f"input-{p}-{q}"] == colours[f"above-0-{4 * p + q}"] == met.get((p, q), LIGHT.map)
    for outline, first, last in (("outline-0", "input-0-1", "input-2-3"), ("outline-2", "matrix-1-0", "matrix-1-15")):
        np.testing.assert_allclose(extents(ax, outline), [*extents(ax, first)[:2], *extents(ax, last)[2:]])


def test_the_cells_of_the_4x16_figure_have_one_size():
    _, ax = figure_of("conv_matrix_4x16")
    sizes = {
        (round(right - left, 6), round(bottom - top, 6))
        for left, top, right, bottom in (extents(ax, name) for name in papers(ax))
    }
    assert sizes == {(1.0, 1.0)}
    assert ax.figure.get_size_inches().tolist() == [13.333, 7.5]


def test_the_equation_holds_for_the_numbers_in_it():
    module, ax = figure_of("equation_with_numbers")
    C, x, y = table(ax, "matrix", 4, 16), table(ax, "above", 1, 16)[0], table(ax, "beside", 4, 1)
    assert np.ravel(module.X).tolist() == x == np.ravel(table(ax, "input", 4, 4)).tolist()
    assert [[sum(c * each for c, each in zip(row, x, strict=True))] for row in C] == y == [[9], [9], [6], [9]]
    assert np.ravel(table(ax, "output", 2, 2)).tolist() == np.ravel(y).tolist()
    shown = labels(ax)["caption"]
    assert shown == "y01 = 1·1 + 0·0 + 2·2 + 0·2 + 1·1 + 0·1 + 2·0 + 0·2 + 1·3 = 9"
    assert shown.removeprefix("y01 = ") in " ".join(module.__doc__.split())
    assert to_hex(ax.figure.get_facecolor()) == THEMES["dark"].ground


def test_each_block_has_one_hue_and_each_of_its_diagonals_one_shade():
    _, ax = figure_of("blocks_by_hue")
    colours, taps = papers(ax), tap_colours((3, 3))
    for of, within in product(range(3), range(5)):
        block = {(r, c): colours[f"matrix-{3 * of + r}-{5 * within + c}"] for r, c in product(range(3), range(5))}
        row = within - of
        expected = taps[3 * row : 3 * row + 3] if row in range(3) else []
        for (r, c), paper in block.items():
            assert paper == (expected[c - r] if expected and c - r in range(3) else LIGHT.ground)
    assert [colours[f"key-{p}-{q}"] for p, q in product(range(3), repeat=2)] == taps


def test_the_photograph_is_blurred_twice_by_the_transpose_and_given_back_by_the_inverse():
    module, ax = figure_of("photograph_and_back")
    found = module.there_and_back()
    x, y, back, inverse = found.values()

    def roughness(picture):
        return np.abs(np.diff(picture, axis=1)).mean()

    assert roughness(back) < 0.9 * roughness(y) < 0.8 * roughness(x)
    np.testing.assert_allclose(inverse, x, atol=1e-9)
    assert 0 <= x.min() < x.max() <= 1
    for number, (name, picture) in enumerate(found.items()):
        (image,) = (image for image in ax.images if image.get_gid() == f"picture-{number}-cells")
        np.testing.assert_array_equal(image.get_array()[..., 1], np.rint(255 * np.clip(picture, 0, 1)))
        assert labels(ax)[f"picture-{number}-title"] == name
    assert labels(ax)["picture-3-note"] == "to 9 digits"


def test_fcn_keeps_the_scores_from_19_to_518_and_no_score_reads_padding_only():
    module, ax = figure_of("fcn_crop")
    pattern = module.chain().pattern().toarray() != 0
    assert pattern.shape == (544, 500)
    assert pattern.any(axis=1).all()
    (image,) = ax.images
    pixels = np.asarray(image.get_array())
    strong, pale = rgb(LIGHT.positive), rgb(over(LIGHT.positive, LIGHT.ground, TINT))
    for score in range(544):
        expected = np.where(pattern[score, :, None], strong if 19 <= score <= 518 else pale, rgb(LIGHT.ground))
        np.testing.assert_array_equal(pixels[score], expected)
    assert labels(ax)["caption-0"] == "framed are the scores that are kept: 19 to 518"
    assert labels(ax)["scores-note"] == "544 scores × 500 inputs"
    # The frame stands around the rows 19 to 518, a line's width outside.
    left, right, bottom, top = image.get_extent()
    unit = (right - left) / 500
    frame = extents(ax, "scores-outline")
    np.testing.assert_allclose(frame, [left, top + 19 * unit, right, top + 519 * unit], atol=4 * unit)
    assert bottom == pytest.approx(top + 544 * unit)


def test_padding_modes_say_what_numpy_reads_beyond_the_ends():
    module, ax = figure_of("padding_modes")
    inputs = np.array([f"x{n}" for n in range(6)], dtype=object)
    modes = {"circular": "wrap", "replicate": "edge", "reflect": "reflect", "symmetric": "symmetric"}
    found = labels(ax)
    for mode, expected in module.READS.items():
        padded = np.pad(inputs, 2, mode=modes[mode]) if mode in modes else np.array(["0", "0", *inputs, "0", "0"])
        assert expected.split() == [*padded[:2], "|", *padded[2:8], "|", *padded[8:]]
        assert (found[f"matrix-{mode}-title"], found[f"matrix-{mode}-note"]) == (mode, expected)
        # Each output reads five of them, and its row of the matrix has their taps.
        for row in range(6):
            taps = {name: [f"w{tap}" for tap in range(5) if padded[row + tap] == name] for name in inputs}
            for col, name in enumerate(inputs):
                lines = [text.label for text in ax.texts if text.get_gid() == f"matrix-{mode}-{row}-{col}-text"]
                assert lines == taps[name][:1] or "+".join(taps[name]).startswith(lines[0])


def test_groups_halve_and_quarter_the_entries():
    _, ax = figure_of("groups_as_blocks")
    found = labels(ax)
    shown = {image.get_gid(): np.asarray(image.get_array()) for image in ax.images}
    for groups, entries in ((1, 4096), (2, 2048), (4, 1024)):
        name = f"matrix{groups}"
        assert (found[f"{name}-title"], found[f"{name}-note"]) == (f"groups={groups}", f"{entries} entries")
        pixels = shown[f"{name}-cells"]
        assert pixels.shape == (144, 144, 3)
        assert np.count_nonzero((pixels != 255).any(axis=2)) == entries
    _, ax = figure_of("alexnet_halves")
    found = labels(ax)
    for groups, entries in ((1, 409), (2, 204)):
        assert found[f"matrix{groups}-title"] == f"groups={groups}"
        assert found[f"matrix{groups}-note"] == f"{entries} million entries"


def test_three_views_give_one_output():
    """By plain loops: what the stamps add up to, and what the windows give."""
    _, ax = figure_of("three_views")
    total, stamps = np.zeros((5, 5), dtype=int), np.zeros((4, 5, 5), dtype=int)
    C = np.zeros((25, 4), dtype=int)
    for row, col in product(range(2), repeat=2):
        for p, q in product(range(3), repeat=2):
            C[5 * (2 * row + p) + 2 * col + q, 2 * row + col] = 3 * p + q + 1
            stamps[2 * row + col, 2 * row + p, 2 * col + q] = (2 * row + col + 1) * (3 * p + q + 1)
    total = stamps.sum(axis=0)
    found = labels(ax)
    assert (found["matrix-title"], found["matrix-note"]) == ("x = C^T y", "C^T is 25 × 4")
    assert table(ax, "matrix", 25, 4) == C.tolist()
    assert table(ax, "beside", 25, 1) == total.reshape(25, 1).tolist()
    for number, stamp in enumerate(stamps):
        assert table(ax, f"stamp{number}", 5, 5) == stamp.tolist()
        assert found[f"stamp{number}-title"] == f"y{number // 2}{number % 2} = {number + 1}"
    assert table(ax, "sum", 5, 5) == table(ax, "output-windows", 5, 5) == total.tolist()
    assert table(ax, "kernel-windows", 3, 3) == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    assert Counter(text for name, text in found.items() if name.startswith("sign-"))["+"] == 3


def test_only_the_haar_kernels_are_undone_by_their_transpose():
    """By plain loops: an image there and back, C^T C, and its rank."""
    module, ax = figure_of("not_an_inverse")
    y, back = np.zeros((2, 2), dtype=int), np.zeros((4, 4), dtype=int)
    places = list(product(range(2), range(2), range(3), range(3)))
    for r, c, p, q in places:
        y[r, c] += module.X[r + p, c + q] * module.WEIGHT[p, q]
    for r, c, p, q in places:
        back[r + p, c + q] += y[r, c] * module.WEIGHT[p, q]
    assert (table(ax, "x", 4, 4), table(ax, "y", 2, 2)) == (module.X.tolist(), y.tolist())
    assert table(ax, "back", 4, 4) == back.tolist()
    C = np.zeros((4, 16), dtype=int)
    for r, c, p, q in places:
        C[2 * r + c, 4 * (r + p) + c + q] = module.WEIGHT[p, q]
    product_, colours = C.T @ C, papers(ax)
    expected = value_colours(product_, theme=LIGHT)
    assert {(at): colours[f"gram-{at[0]}-{at[1]}"] for at in np.ndindex(16, 16)} == {
        at: expected[at] for at in np.ndindex(16, 16)
    }
    found = labels(ax)
    assert "≠" in found.values()
    assert found["caption"] == "rank 4 of 16: twelve directions of x are lost, and the transpose cannot bring them back"

    module, ax = figure_of("haar_is_undone")
    found, colours = labels(ax), papers(ax)
    assert "≠" not in found.values()
    assert list(found.values()).count("=") == 1
    assert all(colours[f"gram-{r}-{c}"] == colours[f"identity-{r}-{c}"] for r, c in product(range(16), repeat=2))
    assert {colours[f"gram-{r}-{c}"] for r, c in product(range(16), repeat=2)} == {LIGHT.ground, LIGHT.positive}
    for number, kernel in enumerate(module.HAAR):
        shown = [[float(found[f"kernel{number}-{r}-{c}-text"]) for c in range(2)] for r in range(2)]
        assert shown == kernel.tolist()
    assert found["caption"].startswith("rank 16 of 16: ")


def test_the_checkerboards_counts_are_those_of_plain_loops():
    _, ax = figure_of("checkerboard")
    for number, (k, d) in enumerate(((3, 1), (4, 1), (3, 2))):
        counts = np.zeros(2 * 2 + d * (k - 1) + 1, dtype=int)
        for i, tap in product(range(3), range(k)):
            counts[2 * i + d * tap] += 1
        both = np.multiply.outer(counts, counts)
        assert table(ax, f"count{number}", *both.shape) == both.tolist()
        assert labels(ax)[f"count{number}-note"] == f"{both.min()} to {both.max()} taps"


def test_the_sizes_5_and_6_come_from_one_size_and_go_back_to_both():
    _, ax = figure_of("which_size")
    found = labels(ax)
    notes = {
        "matrix-5": ("y = C x", "5 to 3, leftover 0"),
        "matrix-6": ("y = C x", "6 to 3, leftover 1"),
        "matrix-5-back": ("x = C^T y", "output_padding=0: 3 to 5"),
        "matrix-6-back": ("x = C^T y", "output_padding=1: 3 to 6"),
    }
    for name, title_and_note in notes.items():
        assert (found[f"{name}-title"], found[f"{name}-note"]) == title_and_note
    np.testing.assert_allclose(
        extents(ax, "outline-0"),
        [*extents(ax, "matrix-6-back-5-0")[:2], *extents(ax, "matrix-6-back-5-2")[2:]],
    )
    assert [found.get(f"matrix-6-back-5-{col}-text") for col in range(3)] == [None, None, "w2"]
    for size in (5, 6):
        for row, col in product(range(3), range(size)):
            back = found.get(f"matrix-{size}-back-{col}-{row}-text")
            assert found.get(f"matrix-{size}-{row}-{col}-text") == back


def test_the_factors_names_sizes_and_numbers_fit_together():
    _, ax = figure_of("factors")
    found = labels(ax)
    products = (["C", "weights", "im2col", "padding"], ["C", "selection", "stride 1", "padding"])
    for row, names in enumerate(products):
        assert [found[f"row{row}-factor{number}-title"] for number in range(4)] == names
        shapes = [tuple(map(int, found[f"row{row}-factor{number}-note"].split(" × "))) for number in range(4)]
        whole, *parts = (np.array(table(ax, f"row{row}-factor{number}", *shape)) for number, shape in enumerate(shapes))
        assert shapes[0] == (shapes[1][0], shapes[-1][1])
        assert all(one[1] == other[0] for one, other in pairwise(shapes[1:]))
        np.testing.assert_array_equal(parts[0] @ parts[1] @ parts[2], whole)


@pytest.mark.full
def test_building_writes_what_differs_and_leaves_the_rest_alone(tmp_path, capsys, monkeypatch):
    here = tmp_path / "figures"
    here.mkdir()
    (here / "one.py").write_text(
        '"""One.\n\nIt is one.\n"""\nimport matplotlib.pyplot as plt\n\n\ndef figure():\n    return plt.figure()\n'
    )
    monkeypatch.setattr(BUILD, "HERE", here)
    monkeypatch.setattr(BUILD, "OTHERS", tmp_path / "build" / "figures")
    BUILD.build(only_committed=True)
    assert capsys.readouterr().out.split() == ["wrote", "figures/one.svg"]
    BUILD.build()
    assert capsys.readouterr().out.split() == [
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


def entries(made, name):
    """The cells of a matrix that are no zeros, which have the ground's colour."""
    return {at: look for at, look in cells(made, name).items() if look.paper != LIGHT.ground}


def strong(made, name):
    """The cells of a kernel or a matrix in the full colour of their taps."""
    return {at for at, look in cells(made, name).items() if look.paper in tap_colours((3, 3))}


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
    assert len(entries(made, "matrix")) == nnz
    dilation = f", d={d}" if d > 1 else ""
    assert entry.title.endswith(f": i={i}, k={k}, s={s}, p={p}{dilation}: o={o}")
    assert entry.about.endswith(f"; C is {shape[0]} × {shape[1]} with {nnz} entries.")
    assert made.frames[0].outlines[0][1:] == (0, 0, d * (k - 1) + 1, d * (k - 1) + 1)


@pytest.mark.parametrize("name", TWINS)
def test_animations_of_their_twins(name):
    (i, k, s, p, _), _, _, shape, nnz, _, frames, (small, dilated, border, a) = TWINS[name]
    entry = ANIMATIONS[f"{name}_transposed"]
    made = entry.animation.film
    assert isinstance(entry.layer, ConvTranspose)
    assert len(made.frames) == frames
    assert (panel(made, "input").title, panel(made, "output").title) == ("y", "x")
    assert panel(made, "input").note.startswith(f"{small} × {small}")
    assert panel(made, "output").note == f"{i} × {i}"
    assert (panel(made, "matrix").title, panel(made, "matrix").note) == ("x = C^T y", f"C^T is {shape[1]} × {shape[0]}")
    above, beside = texts(made, "above")[0], [row[0] for row in texts(made, "beside")]
    assert above == [f"y{row}{col}" for row, col in product(range(small), repeat=2)]
    assert beside == [f"x{row}{col}" for row, col in product(range(i), repeat=2)]
    assert panel(made, "input").rows == panel(made, "input").cols == dilated + 2 * border + a
    shown = [[text != "0" for text in row] for row in texts(made, "input")]
    inputs = [border + (s if dilated > small else 1) * n for n in range(small)]
    assert shown == [[row in inputs and col in inputs for col in range(len(shown))] for row in range(len(shown))]
    assert texts(made, "kernel") == [[f"w{row}{col}" for col in reversed(range(k))] for row in reversed(range(k))]
    assert (panel(made, "matrix").cols, panel(made, "matrix").rows) == shape
    assert len(entries(made, "matrix")) == nnz
    with_zeros = f" (with zeros {dilated})" if s > 1 else ""
    leftover = f", a={a}" if a else ""
    assert entry.title.endswith(
        f": transpose of i={i}, k={k}, s={s}, p={p}: i'={small}{with_zeros}, p'={border}{leftover}: o'={i}"
    )
    assert entry.about.endswith(f"; C^T is {shape[1]} × {shape[0]} with {nnz} entries.")
    forward = ANIMATIONS[name].animation.film
    assert {(col, row): look for (row, col), look in entries(made, "matrix").items()} == entries(forward, "matrix")
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
        assert len(strong(made, f"kernel{of}{within}")) == (9 if of in used else 0)
        assert panel(made, f"kernel{of}{within}").note == f"map {within} to map {of}"
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
    assert {at[0] for at in strong(made, "matrix1")} == set(kept)
    assert len(entries(made, "matrix1")) == 81
    assert len(strong(made, "matrix1")) == 36
    assert {at for at, look in cells(made, "output1").items() if look.paper == GUIDE_OUTPUT} == {
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
        seen = {at for at, look in cells(made, one).items() if look.paper == GUIDE_SEEN}
        assert seen == {(row, number * stride + col) for row in range(3) for col in range(3)}
    assert {at[0] for at in strong(made, "matrix")} == set(range(count))
    assert framed(made, "matrix") == [(0, 0, count, 25)]
    expected = f"the first position, and {count - 1} step{'s' * (count > 2)} of {stride}: o = "
    assert made.frames[0].caption.startswith(expected)
    assert made.frames[0].caption.endswith(f" + 1 = {count}")


def test_the_printed_matrix_has_its_zeros():
    shown = texts(STILLS["printed_matrix"].still.film, "matrix")
    first = ["w00", "w01", "w02", "0", "w10", "w11", "w12", "0", "w20", "w21", "w22", "0", "0", "0", "0", "0"]
    assert shown == [np.roll(first, shift).tolist() for shift in (0, 1, 4, 5)]


@pytest.mark.parametrize("name", some(STILLS, *list(STILLS)[::4]))
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
    described = [node.text for node in root if node.get("id") == "film-description"]
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
        taps = set(tap_colours(entry.layer.kernel_size))
        assert {look.paper for look in entries(made, "matrix").values()} <= taps
        assert len(entries(made, "matrix")) == entry.layer.nnz


@pytest.mark.full
def test_the_committed_pictures_of_the_guide_are_its_stills():
    folder = ROOT / "figures" / "guide"
    assert {path.name for path in folder.iterdir()} == {f"{name}.svg" for name in STILLS}
    assert [
        name for name, committed, _ in BUILD.rendered(folder.with_suffix(".py"), only_committed=True) if committed
    ] == [f"guide/{name}.svg" for name in STILLS]


@pytest.mark.parametrize("name", [name for name, entry in STILLS.items() if entry.compose is None])
def test_the_guides_maps_are_blue_and_cyan_and_darker_where_the_row_has_entries(name):
    entry = STILLS[name]
    made, step = entry.still.film, entry.layer.output_size[1] // 2
    read = {col for row, col in entries(made, "matrix") if row == step}
    size = entry.layer.input_size[1]
    maps = {GUIDE_INPUT, GUIDE_SEEN}
    assert {at[1] for at, look in cells(made, "above").items() if look.paper == GUIDE_SEEN} == read
    assert {look.paper for look in cells(made, "above").values()} <= maps
    inputs = [look for _, look in sorted(cells(made, "input").items()) if look.paper in maps]
    assert len(inputs) == size**2
    assert {number for number, look in enumerate(inputs) if look.paper == GUIDE_SEEN} == read
    assert {look.paper for look in cells(made, "output").values()} == {GUIDE_OUTPUT}
    assert {look.paper for look in cells(made, "beside").values()} == {GUIDE_OUTPUT}


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
    command = [sys.executable, str(here / "build.py"), "films"]
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
                lasting = [frame.info["duration"] for frame in ImageSequence.Iterator(picture)]
            # A second for each of two steps, in which the window moves on, and a rest.
            assert sum(lasting) == 3000
            assert len([duration for duration in lasting if duration > 500]) == 2
        if name.endswith("still.svg"):
            assert content == BUILD.moving(film(Conv((3,), 3), title="one step")).encode()
    assert [name for name, *_ in BUILD.rendered(here / "films.py", only_committed=True)] == ["films/still.svg"]
