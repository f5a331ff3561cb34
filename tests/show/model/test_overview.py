"""What there is to see of a layer at a glance: pixels of the matrix, and a window, compared with plain loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, Transposed, Unfold, Upsample
from convmatrix.layers import FixedLayer
from convmatrix.show.model import overview as module
from convmatrix.show.model.overview import NONE, Cell, overview
from convmatrix.show.model.scene import Scene
from helpers import dense
from strategies import layers, share
from strategies_fixed import fixed_layers, max_pools


def is_small(layer):
    return max(layer.matrix_shape) <= 28


@share(0.5)
@given(layer=layers().filter(is_small))
def test_pixels_of_a_small_matrix_are_its_entries_by_their_first_tap(layer):
    pixels = overview(layer).pixels
    assert pixels.exact
    assert_array_equal(pixels.taps != NONE, dense(layer, np.ones(layer.weight_shape, dtype=np.int64)) != 0)
    indptr, ids = layer.taps()
    first = np.array([ids[a:b].min() for a, b in itertools.pairwise(indptr)], dtype=np.int64)
    rows, cols = Scene(layer).rows, Scene(layer).cols
    assert_array_equal(pixels.taps[rows, cols], first % np.prod(layer.kernel_size, dtype=int))


@share(0.3)
@given(layer=st.one_of(fixed_layers(), max_pools()).filter(is_small))
def test_pixels_of_other_layers_are_their_pattern(layer):
    assert_array_equal(overview(layer).pixels.taps != NONE, layer.pattern().toarray())


@share(0.3)
@given(layer=layers(), side=st.integers(1, 9))
def test_a_line_of_pixels_is_one_row_of_the_matrix(layer, side):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_SIDES", (side,))
        pixels = overview(layer).pixels
    taps, C = pixels.taps, layer.pattern().toarray()
    if pixels.row is None:
        taps, C = taps.T, C.T
    rows, cols = C.shape
    for line, drawn in enumerate(taps):
        lines = [row for row in range(rows) if row * len(taps) // rows == line]
        shown = [{col * len(drawn) // cols for col in np.flatnonzero(C[row])} for row in lines]
        assert set(np.flatnonzero(drawn != NONE).tolist()) in shown


@share(0.5)
@given(layer=layers(ndims=(1, 2)))
def test_the_window_is_that_of_the_scene(layer):
    seen = overview(layer)
    forward = Scene(layer.convolution)
    assert seen.transposed == isinstance(layer, ConvTranspose)
    starts = [start for start, _ in forward.frame()]
    readings = forward.window(seen.position)
    wanted = [tuple(place - start for place, start in zip(one.place, starts, strict=True)) for one in readings]
    cells = (seen.output if seen.transposed else seen.input).cells
    assert [(cell.row, cell.col)[-layer.ndim :] for cell in cells] == wanted
    assert [cell.tap for cell in cells] == list(range(len(readings)))


def test_the_framed_row_is_that_of_the_window():
    seen = overview(Conv(4, 3))
    assert (seen.position, seen.pixels.row, seen.output.window) == ((0, 1), 1, (0, 1, 1, 1))
    stamps = overview(Conv(4, 3).T)
    assert (stamps.position, stamps.pixels.col, stamps.pixels.row) == ((0, 1), 1, None)
    assert stamps.input.window == (0, 1, 1, 1)
    assert overview(Transposed(Transposed(AvgPool(4, 2)))).pixels.row == 1


def test_three_axes_show_the_middle_plane():
    seen = overview(Conv((4, 4, 4), 3, in_channels=2))
    assert (seen.input.planes, seen.input.rows, seen.input.cols) == (8, 4, 4)
    assert seen.input.cells[0] == Cell(0, 1, 9)


@pytest.mark.parametrize(
    "layer",
    [
        Conv(224, 7, stride=2, padding=3, in_channels=3, out_channels=64),
        Conv(28, 3, padding=1, in_channels=10**4, out_channels=10**4),
        Conv((10**12,), 3, padding=1, padding_mode="circular"),
        Conv(40, 40, padding="same"),
        MaxPool(10**5, 3, stride=2, channels=100),
        Unfold(10**4, 3, in_channels=5),
        PixelShuffle(10**4, 2, channels=3),
        Upsample(10**4, scale=2.5, mode="linear", channels=7),
    ],
)
def test_large_layers_take_few_pixels_and_few_entries(layer):
    pixels = overview(layer).pixels
    assert not pixels.exact
    assert max(pixels.taps.shape) <= 160
    assert (pixels.taps != NONE).any()
    drawn = np.diff(pixels.taps, axis=1, prepend=NONE) != 0
    assert (drawn & (pixels.taps != NONE)).sum() <= 1_200


@pytest.mark.parametrize("layer", [Conv(224, 224, padding="same"), Conv((10**30,), 3), Upsample((10**6,), scale=2)])
def test_the_largest_have_maps_without_pixels(layer):
    seen = overview(layer)
    assert seen.pixels is None
    assert seen.input.cols == layer.input_size[-1] + sum(getattr(layer, "padding", ((0, 0),))[-1]) * (seen.kernel != ())


def test_a_class_of_a_users_has_maps_alone():
    class Identity(FixedLayer):
        input_size = output_size = (3, 4)
        in_channels = out_channels = 2

    seen = overview(Identity())
    assert (seen.pixels, seen.input.window, seen.input.shape, seen.output.planes) == (None, None, (2, 3, 4), 2)
