"""Matrices that are too large for labels: pixels of taps, counted by hand, and in little memory."""

import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.palette import rgb, tap_colours
from convmatrix.show.render.raster import tap_raster
from strategies import layers, share
from symbols import taps_by_definition


@pytest.fixture(autouse=True, scope="module")
def _without_a_screen():
    plt.switch_backend("agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


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
    (image,) = ax.images
    assert image.get_array().shape == (600, 600, 4)
    assert (image.get_array()[..., 3].diagonal() == 255).all()


def test_the_colours_of_the_pixels_are_those_of_the_taps():
    layer = Conv((100,), 3)
    ax = plot.matrix(layer, row=40, col=7)
    (image,) = ax.images
    pixels, colours = image.get_array(), tap_colours(3)
    for row in range(98):
        for tap in range(3):
            assert tuple(pixels[row, row + tap]) == (*rgb(colours[tap]), 255)
    assert np.count_nonzero(pixels[..., 3]) == layer.nnz
    assert image.get_extent() == (0, 100, 98, 0)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 100), (98, 0))
    framed = {patch.get_gid(): (patch.get_xy(), patch.get_width(), patch.get_height()) for patch in ax.patches}
    assert framed == {"row-40": ((0, 40), 100, 1), "col-7": ((7, 0), 1, 98)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("100 inputs", "98 outputs")


def key_of(ax):
    """The colour key: what is written on which colour."""
    (inset,) = ax.child_axes
    texts = {text.get_gid(): text.get_text() for text in inset.texts}
    return {
        texts.get(f"{patch.get_gid()}-text", ""): to_hex(patch.get_facecolor())
        for patch in inset.patches
        if patch.get_gid() != "tap-frame"
    }


def test_a_key_names_the_taps_where_there_are_no_labels():
    names = ["w00", "w01", "w10", "w11"]
    assert key_of(plot.matrix(Conv(20, 2, in_channels=2))) == dict(zip(names, tap_colours(4), strict=True))
    assert key_of(plot.matrix(Conv(4, 2), key=True)) == dict(zip(names, tap_colours(4), strict=True))
    assert not plot.matrix(Conv(4, 2)).child_axes
    assert not plot.matrix(Conv(20, 2), key=False).child_axes


def test_the_key_lies_on_the_figure():
    for layer in (Conv(20, 3), Conv((3000,), 9, stride=50), Conv((8, 8, 8), 3)):
        figure = plot.matrix(layer).figure
        figure.draw_without_rendering()
        (inset,) = figure.axes[0].child_axes
        edge = inset.get_tightbbox()
        assert edge.x1 <= figure.bbox.x1 + 1
        assert edge.y0 >= -1


def test_where_labels_end():
    assert plot.matrix(Conv((64,), 1)).texts
    assert plot.matrix(Conv((65,), 1)).images


def test_rulers_of_a_large_matrix_are_few():
    few = plot.matrix(Conv(20, 1, in_channels=2))
    (rulers,) = few.collections
    assert len(rulers.get_segments()) == 21 + 41
    many = plot.matrix(Conv(100, 1, in_channels=2))
    (rulers,) = many.collections
    starts = sorted(start for (start, end) in (map(tuple, segment) for segment in rulers.get_segments()))
    assert starts == [(0, 0), (0, 0), (0, 10000), (10000, 0), (20000, 0)]


def test_a_matrix_that_is_too_large_even_for_that():
    message = r"^the matrix has 9000000000 entries but at most 1000000000 are drawn: draw a layer with fewer channels"
    with pytest.raises(ValueError, match=message):
        plot.matrix(Conv((1000, 1000), 1, in_channels=90, out_channels=100))


def test_the_weight_is_checked_even_where_only_taps_are_drawn():
    with pytest.raises(ValueError, match=r"^weight has shape \(2,\) but"):
        plot.matrix(Conv((100,), 3), [1, 2])


def test_on_axes_that_are_given_the_key_has_its_place_in_the_layout():
    figure, (left, right) = plt.subplots(1, 2, layout="constrained", figsize=(8, 3))
    plot.matrix(Conv(20, 3), ax=left)
    plot.matrix(Conv(4, 3), ax=right)
    figure.draw_without_rendering()
    assert left.child_axes[0].get_tightbbox().x1 <= right.get_tightbbox().x0 + 1


def test_one_is_singular():
    assert plot.matrix(Conv((), (), ndim=0)).alt.startswith("The matrix C, 1 x 1, with 1 entry, ")
    assert plot.matrix(Conv((70,), 70)).get_ylabel() == "1 output"
