"""Matrices that are too large for labels: pixels of taps, counted by hand, and in little memory."""

import re
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.palette import rgb, tap_colours, value_colours
from convmatrix.show.model.style import Style
from convmatrix.show.render.raster import tap_raster
from strategies import layers, share
from symbols import taps_by_definition


def pluralize(layer, side):
    """The raster from the table of all entries, one by one."""
    steps = [-(-size // side) for size in layer.matrix_shape]
    places = int(np.prod(layer.kernel_size))
    counts = np.zeros([*(-(-size // step) for size, step in zip(layer.matrix_shape, steps, strict=True)), places], int)
    for row, line in enumerate(taps_by_definition(layer)):
        for col, taps in enumerate(line):
            for tap in taps:
                counts[row // steps[0], col // steps[1], tap % places] += 1
    return np.where(counts.any(axis=2), counts.argmax(axis=2), -1)


@share(0.3)
@given(layer=layers().filter(lambda layer: np.prod(layer.matrix_shape) <= 4000), side=st.sampled_from([5, 12, 600]))
def test_each_pixel_has_the_tap_of_most_of_its_entries(layer, side):
    assert tap_raster(layer, side).tolist() == pluralize(layer, side).tolist()


@pytest.mark.parametrize(
    ("layer", "side"),
    [
        (Conv(9, 3, stride=2, padding=1, in_channels=4, out_channels=6, groups=2), 11),
        (ConvTranspose((5, 3), (2, 3), stride=2, in_channels=2, out_channels=3, output_padding=1), 600),
        (Conv((7,), 3, padding=4, padding_mode="reflect"), 600),
    ],
)
def test_blocks_of_channels_and_of_places_miss_nothing(layer, side, monkeypatch):
    monkeypatch.setattr("convmatrix.show.render.raster._BLOCK", 7)
    assert tap_raster(layer, side).tolist() == pluralize(layer, side).tolist()


@pytest.mark.full
def test_forty_million_entries_take_little_memory():
    layer = Conv(2110, 3, padding=1)
    assert layer.nnz > 40_000_000
    tracemalloc.start()
    try:
        ax = plot.matrix(layer)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40e6  # the matrix alone would take 480 MB
    image = cells_of(ax)
    assert image.get_array().shape == (600, 600, 4)
    assert (image.get_array()[..., 3].diagonal() == 255).all()


def cells_of(ax):
    """The image of the matrix."""
    (found,) = [image for image in ax.images if image.get_gid() == "matrix-cells"]
    return found


def test_the_colours_of_the_pixels_are_those_of_the_taps():
    layer = Conv((100,), 3)
    ax = plot.matrix(layer, row=40, col=7)
    image = cells_of(ax)
    pixels, colours = image.get_array(), tap_colours((3,))
    for row in range(98):
        for tap in range(3):
            assert tuple(pixels[row, row + tap]) == (*rgb(colours[tap]), 255)
    assert np.count_nonzero(pixels[..., 3]) == layer.nnz
    left, right, bottom, top = image.get_extent()
    boxes = {patch.get_gid(): patch for patch in ax.patches}
    wide, tall = (right - left) / 100, (bottom - top) / 98
    row, col = boxes["row-40"], boxes["col-7"]
    # The frames stand just outside the cells, by the width of their line.
    assert row.get_y() + row.get_height() / 2 == pytest.approx(top + 40.5 * tall)
    assert row.get_x() + row.get_width() / 2 == pytest.approx((left + right) / 2)
    assert right - left < row.get_width() < right - left + 4 * wide + 0.2
    assert col.get_x() + col.get_width() / 2 == pytest.approx(left + 7.5 * wide)
    assert col.get_y() + col.get_height() / 2 == pytest.approx((top + bottom) / 2)
    assert boxes["output-40"].get_y() == pytest.approx(row.get_y())
    assert boxes["input-7"].get_x() == pytest.approx(col.get_x())
    assert [text.label for text in ax.texts if text.get_gid() == "matrix-note"] == ["C is 98 × 100"]


def test_by_value_a_pixel_has_the_colour_of_its_weight_and_there_is_a_colour_bar():
    style = Style(fill="value")
    one = cells_of(plot.matrix(Conv((100,), 3), [1, -2, 4], style=style)).get_array()
    expected = value_colours([1, -2, 4], limit=4, theme=style.colours)
    for row in range(98):
        assert ["#" + bytes(one[row, row + tap][:3]).hex() for tap in range(3)] == expected.tolist()
    layer, weight = Conv((100,), 2, in_channels=2), np.array([[[1, -2], [3, 4]]])
    ax = plot.matrix(layer, weight, style=style)
    pixels = cells_of(ax).get_array()
    expected = value_colours([1, -2, 3, 4], limit=4, theme=style.colours)
    found = [pixels[5, col] for col in (5, 6, 105, 106)]
    assert ["#" + bytes(pixel[:3]).hex() for pixel in found] == expected.tolist()
    assert np.count_nonzero(pixels[..., 3]) == layer.nnz
    assert [text.label for text in ax.texts if text.get_gid().startswith("scale")] == ["4", "2", "0", "-2", "-4"]
    layer = Conv((600, 600), 3, in_channels=2)
    message = rf"^colours by value need the entries of the matrix, {layer.nnz}, and at most 1000000 are drawn: draw it"
    with pytest.raises(ValueError, match=message):
        plot.matrix(layer, np.ones(layer.weight_shape), style=style)


def key_of(ax, name="key"):
    """The kernel beside it: what is written on which colour."""
    texts = {text.get_gid(): text.label for text in ax.texts}
    return {
        texts.get(f"{patch.get_gid()}-text", ""): to_hex(patch.get_facecolor())
        for patch in ax.patches
        if re.fullmatch(rf"{name}-\d+-\d+", patch.get_gid() or "")
    }


def test_a_key_names_the_taps_where_there_are_no_labels():
    names = ["w00", "w01", "w10", "w11"]
    assert key_of(plot.matrix(Conv(20, 2, in_channels=2))) == dict(zip(names, tap_colours((2, 2)), strict=True))
    assert key_of(plot.matrix(Conv(4, 2), key=True)) == dict(zip(names, tap_colours((2, 2)), strict=True))
    assert not key_of(plot.matrix(Conv(4, 2)))
    assert not key_of(plot.matrix(Conv(20, 2), key=False))
    many = key_of(plot.matrix(Conv(4, 2, in_channels=2), key=True), "key1")
    assert list(many) == ["w01.00", "w01.01", "w01.10", "w01.11"]


def test_the_key_lies_on_the_figure():
    for layer in (Conv(20, 3), Conv((3000,), 9, stride=50), Conv((8, 8, 8), 3)):
        ax = plot.matrix(layer)
        keys = [patch for patch in ax.patches if patch.get_gid().startswith("key")]
        assert len(keys) >= np.prod(layer.kernel_size)
        for patch in keys:
            assert 0 <= patch.get_x() < patch.get_x() + patch.get_width() <= ax.get_xlim()[1]
            assert 0 <= patch.get_y() < patch.get_y() + patch.get_height() <= ax.get_ylim()[0]


def test_where_labels_end():
    assert plot.matrix(Conv((64,), 1)).texts
    assert plot.matrix(Conv((65,), 1)).images


def test_a_matrix_that_is_too_large_even_for_that():
    message = r"^the matrix has 9000000000 entries but at most 1000000000 are drawn: draw a layer with fewer channels"
    with pytest.raises(ValueError, match=message):
        plot.matrix(Conv((1000, 1000), 1, in_channels=90, out_channels=100))


def test_the_weight_is_checked_even_where_only_taps_are_drawn():
    with pytest.raises(ValueError, match=r"^weight has shape \(2,\) but"):
        plot.matrix(Conv((100,), 3), [1, 2])


def test_on_axes_that_are_given_the_key_stays_within_them():
    figure, (left, right) = plt.subplots(1, 2, layout="constrained", figsize=(8, 3))
    plot.matrix(Conv(20, 3), ax=left)
    plot.matrix(Conv(4, 3), ax=right)
    figure.draw_without_rendering()
    key = [patch.get_window_extent() for patch in left.patches if patch.get_gid().startswith("key")]
    assert len(key) >= 9
    assert left.bbox.x0 - 1 <= min(box.x0 for box in key)
    assert max(box.x1 for box in key) <= left.bbox.x1 + 1
    assert left.bbox.x1 <= right.bbox.x0


def test_one_is_singular():
    assert plot.matrix(Conv((), (), ndim=0)).alt.startswith("The matrix C, 1 × 1, with 1 entry, ")
    texts = {text.get_gid(): text.label for text in plot.matrix(Conv((70,), 70)).texts}
    assert texts["matrix-note"] == "C is 1 × 70"
