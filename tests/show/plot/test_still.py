"""One step of a film on axes, read back from its artists, and its text, which fits its cells at any size."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.film import lines_of
from convmatrix.show.model.palette import WINDOW
from convmatrix.show.model.stage import film
from strategies import integers, layers, seeds, share


@pytest.fixture(autouse=True, scope="module")
def _without_a_screen():
    plt.switch_backend("agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def by_gid(artists):
    named = [artist for artist in artists if artist.get_gid()]
    found = {artist.get_gid(): artist for artist in named}
    assert len(found) == len(named)  # they are the ids of an SVG
    return found


def box(patch):
    return pytest.approx((patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()))


@share(0.03)
@given(
    layer=layers(ndims=(0, 1, 2)).filter(lambda layer: np.prod(layer.matrix_shape) <= 400), seed=seeds(), data=st.data()
)
def test_linked_is_the_film(layer, seed, data):
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    values = data.draw(st.sampled_from([(), (weight,), (weight, x)]))
    view = data.draw(st.sampled_from(["windows", "stamps"] if isinstance(layer, ConvTranspose) else ["windows"]))
    if view == "windows" and isinstance(layer, ConvTranspose) and layer.padding_mode != "zeros":
        view = "stamps"
    made = film(layer, *values, view=view)
    step = data.draw(st.integers(0, len(made.frames) - 1))
    figure = plt.figure("drawn", clear=True)
    ax = figure.add_axes((0, 0, 1, 1))
    assert plot.linked(layer, *values, view=view, step=step, ax=ax) is ax
    patches, texts = by_gid(ax.patches), by_gid(ax.texts)
    for key, look in made.still(step).items():
        panel, name = made.panels[key[0]], made.cell_id(key)
        if not panel.labelled:
            continue
        patch = patches.pop(name)
        assert to_hex(patch.get_facecolor()) == look.paper
        assert box(patch) == (*panel.at(*key[1:]), panel.unit, panel.unit)
        for kind, text in (("text", "\n".join(lines_of(look.text))), ("note", look.note)):
            found = texts.pop(f"{name}-{kind}", None)
            assert (found.get_text() if found else "") == text
    for number, outline in enumerate(made.frames[step].outlines):
        panel, patch = made.panels[outline.panel], patches.pop(f"outline-{number}")
        assert box(patch) == (*panel.at(outline.row, outline.col), outline.cols * panel.unit, outline.rows * panel.unit)
        assert to_hex(patch.get_edgecolor()) == WINDOW
        assert not patch.get_fill()
    assert texts.pop("caption").get_text() == made.frames[step].caption
    assert set(patches) == {f"{panel.name}-frame" for panel in made.panels}
    assert {name: text.get_text() for name, text in texts.items()} == {
        f"{panel.name}-title": panel.title for panel in made.panels
    }


def test_the_row_of_the_4x16_example_is_lit():
    ax = plot.linked(Conv(4, 3), step=2, title="4 x 16")
    patches = by_gid(ax.patches)
    window = {name for name, patch in patches.items() if to_hex(patch.get_facecolor()) == "#ffa90e"}
    assert window == {"input-1-1", "kernel-0-1", "matrix-2-5"}
    assert by_gid(ax.texts)["title"].get_text() == "4 x 16"
    assert not ax.axison


@pytest.mark.parametrize("inches", [3, 12])
def test_text_stays_in_its_cell_at_any_size(inches):
    figure = plt.figure(figsize=(inches, inches))
    ax = plot.linked(Conv((5,), 3, padding=1), [100, -200, 300], step=1, ax=figure.add_axes((0.1, 0.2, 0.6, 0.6)))
    figure.draw_without_rendering()
    patches = by_gid(ax.patches)
    for name, text in by_gid(ax.texts).items():
        if name.endswith(("-text", "-note")):
            cell, inside = patches[name[:-5]].get_window_extent(), text.get_window_extent()
            assert cell.x0 <= inside.x0 < inside.x1 <= cell.x1
            assert cell.y0 <= inside.y0 < inside.y1 <= cell.y1
    text = by_gid(ax.texts)["input-0-1-text"]
    assert text.get_window_extent().height > 0.2 * patches["input-0-1"].get_window_extent().height


def test_a_title_is_no_markup():
    ax = plot.linked(Conv((3,), 2), title=r"$\frac{1$ & <b>")
    ax.figure.canvas.draw()
    assert by_gid(ax.texts)["title"].get_text() == r"$\frac{1$ & <b>"


@pytest.mark.full
def test_cells_too_small_for_text_are_an_image():
    ax = plot.linked(Conv((12, 12), 3), step=17)
    assert not [name for name in by_gid(ax.patches) if name.startswith("matrix-") and name != "matrix-frame"]
    (image,) = ax.images
    made = film(Conv((12, 12), 3))
    panel = made.panels[-1]
    assert image.get_gid() == "matrix-cells"
    assert image.get_extent() == pytest.approx(
        [panel.x, panel.x + 144 * panel.unit, panel.y + 100 * panel.unit, panel.y]
    )
    pixels = image.get_array()
    assert pixels.shape == (100, 144, 3)
    looks = {key[1:]: look.paper for key, look in made.still(17).items() if made.panels[key[0]].name == "matrix"}
    for place in np.ndindex(100, 144):
        assert "#" + bytes(pixels[place]).hex() == looks.get(place, "#ffffff")
    assert ax.get_xlim() == (0, made.width)


def test_nothing_is_singled_out_without_a_step():
    ax = plot.linked(Conv((4,), 3), step=None)
    assert not [name for name in by_gid(ax.patches) if name.startswith("outline")]
    assert "caption" not in by_gid(ax.texts)
    assert to_hex(by_gid(ax.patches)["matrix-1-1"].get_facecolor()) == "#3f90da"


def test_a_step_that_is_not_there():
    with pytest.raises(ValueError, match=r"^step 2 is not there: the layer has steps 0 to 1$"):
        plot.linked(Conv((4,), 3), step=2)
    assert not plt.get_fignums()


def test_rulers_cut_the_matrix_into_image_rows_and_channels():
    layer = Conv((2, 3), 1, in_channels=2)
    ax = plot.linked(layer)
    (panel,) = [panel for panel in film(layer).panels if panel.name == "matrix"]
    (rulers,) = ax.collections
    assert rulers.get_gid() == "matrix-rulers"
    down = {
        round((start[0] - panel.x) / panel.unit): width
        for (start, end), width in zip(rulers.get_segments(), rulers.get_linewidths(), strict=True)
        if start[0] == end[0]
    }
    assert sorted(down) == [0, 3, 6, 9, 12]
    assert down[0] == down[6] == down[12] > down[3] == down[9]
