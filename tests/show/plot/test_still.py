"""One step of a film on axes, read back from its artists, and its text, which fits its cells at any size."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.drawing import lines_of
from convmatrix.show.model.palette import THEMES, over, tap_colours, value_colours
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import TINT, Style
from strategies import integers, layers, seeds, share

LIGHT = THEMES["light"]
LARGE = Style(size=(60, 60))
"""A page on which every label fits."""


def by_gid(artists):
    named = [artist for artist in artists if artist.get_gid()]
    found = {artist.get_gid(): artist for artist in named}
    assert len(found) == len(named)  # they are the ids of an SVG
    return found


def lines_by_gid(ax):
    """Lines of each text; those after the first have no gid."""
    found, last = {}, None
    for text in ax.texts:
        last = text.get_gid() or last
        found.setdefault(last, []).append(text.label)
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
    made = film(layer, *values, view=view, style=LARGE)
    step = data.draw(st.integers(0, len(made.frames) - 1))
    figure = plt.figure("drawn", clear=True)
    ax = figure.add_axes((0, 0, 1, 1))
    assert plot.linked(layer, *values, view=view, step=step, style=LARGE, ax=ax) is ax
    patches, texts = by_gid(ax.patches), by_gid(ax.texts)
    written = lines_by_gid(ax)
    for key, look in made.still(step).items():
        panel, name = made.panels[key[0]], made.cell_id(key)
        assert panel.labelled
        patch = patches.pop(name)
        if look.mark == "dot":
            dot = patches.pop(f"{name}-dot")
            assert to_hex(dot.get_facecolor()) == look.ink
        assert (patch.get_linestyle() != "solid") == (look.mark == "dashed")
        assert to_hex(patch.get_facecolor()) == look.paper
        assert box(patch) == (*panel.at(*key[1:]), panel.unit, panel.unit)
        lines = lines_of(look.text) if look.text else []
        assert written.pop(f"{name}-text", []) == lines
        found = texts.pop(f"{name}-text", None)
        assert found is None or to_hex(found.get_color()) == look.ink
    for number, outline in enumerate(made.frames[step].outlines):
        panel, patch = made.panels[outline.panel], patches.pop(f"outline-{number}")
        (left, top), last = panel.at(outline.row, outline.col), (outline.row + outline.rows, outline.col + outline.cols)
        right, bottom = panel.until(last[0] - 1, last[1] - 1)
        assert box(patch) == (left, top, right - left, bottom - top)
        assert to_hex(patch.get_edgecolor()) == LIGHT.window
        assert patch.get_facecolor()[3] == 0
    assert texts.pop("caption").label == made.frames[step].caption
    assert not patches
    signs = {name: texts.pop(name).label for name in list(texts) if name.startswith("sign")}
    assert signs == {f"sign-{number}": sign.text for number, sign in enumerate(made.signs)}
    headings = {f"{panel.name}-title": panel.title for panel in made.panels}
    headings |= {f"{panel.name}-note": panel.note for panel in made.panels}
    assert {name: text.label for name, text in texts.items()} == {name: each for name, each in headings.items() if each}


def test_the_row_of_the_4x16_example_is_lit():
    ax = plot.linked(Conv(4, 3), step=2, title="4 x 16")
    patches = by_gid(ax.patches)
    window = {name for name, patch in patches.items() if to_hex(patch.get_facecolor()) == tap_colours((3, 3))[1]}
    assert window == {"kernel-0-1", *(f"matrix-{row}-{col}" for row, col in [(0, 1), (1, 2), (2, 5), (3, 6)])}
    met = over(tap_colours((3, 3))[1], LIGHT.map, TINT)
    tinted = {name for name, patch in patches.items() if to_hex(patch.get_facecolor()) == met}
    assert tinted == {"input-1-1", "above-0-5"}
    frames = {"outline-0": ("input-1-0", "input-3-2"), "outline-1": ("output-1-0", "output-1-0")}
    frames |= {"outline-2": ("matrix-2-0", "matrix-2-15"), "outline-3": ("beside-2-0", "beside-2-0")}
    for name, (first, last) in frames.items():
        (left, top), end = patches[first].get_xy(), patches[last]
        size = end.get_x() + end.get_width() - left, end.get_y() + end.get_height() - top
        assert box(patches[name]) == (left, top, *size)
    assert by_gid(ax.texts)["title"].get_text() == "4 x 16"
    assert not ax.axison


@pytest.mark.parametrize("inches", [3, 12])
def test_text_stays_in_its_cell_at_any_size(inches):
    figure = plt.figure(figsize=(inches, inches))
    ax = plot.linked(Conv((5,), 3, padding=1), [100, -200, 300], step=1, ax=figure.add_axes((0.1, 0.2, 0.6, 0.6)))
    figure.draw_without_rendering()
    patches = by_gid(ax.patches)
    for name, text in by_gid(ax.texts).items():
        if name.endswith("-text"):
            cell, inside = patches[name.removesuffix("-text")].get_window_extent(), text.get_window_extent()
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
    (image,) = [image for image in ax.images if image.get_gid() == "matrix-cells"]
    made = film(Conv((12, 12), 3))
    (panel,) = [panel for panel in made.panels if panel.name == "matrix"]
    assert image.get_extent() == pytest.approx(
        [panel.x, panel.x + 144 * panel.unit, panel.y + 100 * panel.cell_height, panel.y]
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
    assert to_hex(by_gid(ax.patches)["matrix-1-1"].get_facecolor()) == tap_colours((3,))[0]


def test_a_step_that_is_not_there():
    with pytest.raises(ValueError, match=r"^step 2 is not there: the layer has steps 0 to 1$"):
        plot.linked(Conv((4,), 3), step=2)
    assert not plt.get_fignums()


def test_gaps_part_the_matrix_into_rows_of_the_map_and_channels():
    ax = plot.linked(Conv((2, 3), 1, in_channels=2), style=LARGE)
    patches = by_gid(ax.patches)
    side = patches["matrix-0-0"].get_width()
    across = np.diff([patches[f"matrix-0-{col}"].get_x() for col in range(12)]) / side - 1
    assert across == pytest.approx([0, 0, 0.25, 0, 0, 0.5, 0, 0, 0.25, 0, 0])
    down = np.diff([patches[f"matrix-{row}-0"].get_y() for row in range(6)]) / side - 1
    assert down == pytest.approx([0, 0, 0.25, 0, 0])


def test_symbols_with_their_values_below():
    ax = plot.linked(Conv((3,), 2), [1, -2], [5, 6, 7], step=1, style=Style(labels="both", size=(20, 20)))
    texts = {name: text.label for name, text in by_gid(ax.texts).items()}
    assert [texts[f"kernel-0-{col}-text"] for col in range(2)] == ["w0", "w1"]
    assert [texts[f"kernel-0-{col}-value"] for col in range(2)] == ["1", "-2"]
    assert [texts[f"above-0-{col}-value"] for col in range(3)] == ["5", "6", "7"]
    assert texts["output-0-1-value"] == "-8"
    patches = by_gid(ax.patches)
    for name, text in by_gid(ax.texts).items():
        if name.endswith("-value"):
            cell, symbol = patches[name.removesuffix("-value")], by_gid(ax.texts)[name.replace("value", "text")]
            assert symbol.get_position()[1] < text.get_position()[1] < cell.get_y() + cell.get_height()


def test_weights_by_value_have_a_colour_bar():
    ax = plot.linked(Conv((3,), 2), [1, -2], [5, 6, 7], style=Style(fill="value"))
    patches, texts = by_gid(ax.patches), by_gid(ax.texts)
    assert [texts[f"scale-{row}-0-text"].label for row in range(5)] == ["2", "1", "0", "-1", "-2"]
    bar = [to_hex(patches[f"scale-{row}-0"].get_facecolor()) for row in range(5)]
    assert bar == [LIGHT.positive, value_colours([1], limit=2, theme=LIGHT)[0], LIGHT.ground, bar[3], LIGHT.negative]
    assert to_hex(patches["kernel-0-0"].get_facecolor()) == to_hex(patches["matrix-1-1"].get_facecolor()) == bar[1]
    assert to_hex(patches["kernel-0-1"].get_facecolor()) == to_hex(patches["matrix-0-1"].get_facecolor()) == bar[4]
    right = max(patch.get_x() + patch.get_width() for name, patch in patches.items() if not name.startswith("scale"))
    assert patches["scale-0-0"].get_x() > right
    assert not [
        name for name in by_gid(plot.linked(Conv((3,), 2), style=Style(fill="value")).patches) if "scale" in name
    ]
