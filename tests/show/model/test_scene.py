"""The scene: cells with their taps and names, rulers, windows, and numbers in few letters."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given

from convmatrix import Conv, ConvTranspose
from convmatrix.show import Scene
from convmatrix.show.model.palette import tap_colours
from convmatrix.show.model.scene import number_label, tap_label
from helpers import dense
from strategies import covers, integers, layers, seeds, share, transposes
from symbols import taps_by_definition


def cells(scene):
    return zip(range(scene.matrix.nnz), scene.rows.tolist(), scene.cols.tolist(), strict=True)


@share(0.4)
@given(layer=layers(), seed=seeds())
@covers()
def test_cells_are_the_entries_of_the_matrix(layer, seed):
    weight = integers(layer.weight_shape, seed)
    scene, bare = Scene(layer, weight), Scene(layer)
    C, table = dense(layer, weight), taps_by_definition(layer)
    assert scene.shape == bare.shape == C.shape
    assert len(scene.rows) == len(scene.cols) == sum(bool(taps) for row in table for taps in row)
    palette = tap_colours(layer.kernel_size)
    for cell, row, col in cells(scene):
        taps = table[row][col]
        assert sorted(scene.taps(cell)) == sorted(bare.taps(cell)) == taps
        assert scene.text(cell) == str(C[row, col])
        assert bare.text(cell) == scene.label(cell) == "+".join(tap_label(layer.weight_shape, tap) for tap in taps)
        assert scene.colour(cell) == bare.colour(cell) == palette[taps[0] % len(palette)]


@share(0.2)
@given(layer=layers())
def test_the_transposed_scene_has_the_same_cells(layer):
    scene, transposed = Scene(layer), Scene(layer.T)
    there = {(row, col): (scene.label(cell), scene.colour(cell)) for cell, row, col in cells(scene)}
    back = {(col, row): (transposed.label(cell), transposed.colour(cell)) for cell, row, col in cells(transposed)}
    assert there == back


def test_colours_follow_the_place_in_the_kernel_not_the_channel():
    scene = Scene(Conv((2,), 2, in_channels=2, out_channels=2))
    assert [scene.label(cell) for cell in range(8)] == [f"w{o}{i}.{t}" for o in (0, 1) for i in (0, 1) for t in (0, 1)]
    assert [scene.colour(cell) for cell in range(8)] == tap_colours((2,)) * 4


@pytest.mark.parametrize(
    ("shape", "tap", "name"),
    [
        ((1, 1, 3, 3), 5, "w12"),
        ((1, 1, 3), 2, "w2"),
        ((1, 1, 2, 2, 2), 6, "w110"),
        ((1, 1), 0, "w"),
        ((2, 3), 5, "w12"),
        ((2, 1, 3, 3), 14, "w10.12"),
        ((1, 2, 3), 3, "w01.0"),
        ((1, 1, 11), 10, "w10"),
        ((1, 1, 11, 2), 21, "w10,1"),
        ((12, 1, 2, 2), 47, "w11,0.11"),
        ((12, 1, 11, 11), 12 * 121 - 1, "w11,0.10,10"),
    ],
)
def test_names_of_taps(shape, tap, name):
    assert tap_label(shape, tap) == name


def test_names_of_taps_are_their_own():
    for shape in ((1, 1, 3, 3), (2, 3, 2, 2), (3, 12, 2), (1, 1, 12, 3), (11, 11, 1)):
        assert len({tap_label(shape, tap) for tap in range(np.prod(shape))}) == np.prod(shape)


def test_names_of_rows_and_columns():
    scene = Scene(Conv((3, 4), 3, padding=1))
    assert [scene.row_name(0), scene.row_name(5), scene.col_name(11)] == ["y00", "y11", "x23"]
    scene = Scene(Conv((3, 12), 3, in_channels=2, out_channels=3))
    assert [scene.row_name(0), scene.row_name(29), scene.col_name(71)] == ["y0.00", "y2.09", "x1.2,11"]
    assert Scene(Conv((3,), 3, in_channels=2)).col_name(5) == "x1.2"
    scene = Scene(Conv(1, 1, ndim=0, in_channels=2))
    assert [scene.row_name(0), scene.col_name(0), scene.col_name(1)] == ["y", "x0", "x1"]


def test_rulers_cut_image_rows():
    scene = Scene(Conv((4, 5), (2, 3)))
    assert (scene.row_block, scene.col_block) == (3, 5)
    scene = Scene(ConvTranspose((4, 5), (2, 3)))
    assert (scene.row_block, scene.col_block) == (7, 5)
    assert (Scene(Conv(1, 1, ndim=0)).row_block, Scene(Conv(1, 1, ndim=0)).col_block) == (1, 1)


# -- the window ------------------------------------------------------------------------------------------------------


def by_numpy(layer):
    """The index behind each place of the padded map of one axis, by numpy.pad; -1 where there is a zero."""
    (axis,) = layer.axes
    dilated = np.full(axis.dilated_size, -1)
    dilated[:: axis.input_dilation] = np.arange(axis.input_size)
    pads = max(axis.before, 0), max(axis.after, 0)
    mode = {"zeros": "constant", "circular": "wrap", "replicate": "edge"}.get(layer.padding_mode, layer.padding_mode)
    return np.pad(dilated, pads, mode, **({"constant_values": -1} if mode == "constant" else {})), pads[0]


@share(0.4)
@given(layer=layers(ndims=(1,)))
@covers(without=("2-D", "3-D"))
def test_windows_of_one_axis(layer):
    scene = Scene(layer)
    (axis,) = layer.axes
    padded, before = by_numpy(layer)
    ((low, high),) = scene.frame()
    assert (low, high - low) == (-before, len(padded))
    for output in range(axis.output_size):
        readings = scene.window((output,))
        assert [reading.tap for reading in readings] == [(tap,) for tap in range(axis.kernel_size)]
        places = [reading.place[0] for reading in readings]
        assert places == [output * axis.stride + tap * axis.dilation - axis.before for tap in range(axis.kernel_size)]
        assert low <= min(places) <= max(places) < high
        sources = [-1 if reading.source is None else reading.source[0] for reading in readings]
        assert sources == padded[np.array(places) + before].tolist()


@share(0.4)
@given(layer=layers())
@covers()
def test_the_window_of_an_output_is_its_row_of_the_matrix(layer):
    """One channel of each group: the row of an output, in the forward convolution, holds what its window meets."""
    conv = layer if isinstance(layer, Conv) else layer.T
    table, scene = taps_by_definition(conv), Scene(layer)
    size = conv.input_size
    for flat, output in enumerate(np.ndindex(conv.output_size)):
        met = {}
        for tap, reading in enumerate(scene.window(output)):
            if reading.source is not None:
                met.setdefault(int(np.ravel_multi_index(reading.source, size)) if size else 0, []).append(tap)
        row = table[flat][: int(np.prod(size))]  # the first input channel
        assert met == {col: taps for col, taps in enumerate(row) if taps}


def test_a_window_at_a_border():
    scene = Scene(Conv(3, 3, padding=1, padding_mode="replicate"))
    assert [reading.source for reading in scene.window((0, 1))] == [
        (0, 0), (0, 1), (0, 2), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert [reading.place for reading in scene.window((0, 1))][:3] == [(-1, 0), (-1, 1), (-1, 2)]
    assert scene.frame() == [(-1, 4), (-1, 4)]
    assert Scene(Conv(4, 2, padding=((-1, 0), (0, 2)))).frame() == [(0, 4), (0, 6)]


@share(0.3)
@given(layer=layers())
def test_places_of_the_map(layer):
    """Each place of the map with its padding, and in it what every window that covers it reads there."""
    scene, axes = Scene(layer), layer.axes
    places = scene.places()
    assert [place.place for place in places] == list(product(*(range(low, high) for low, high in scene.frame())))
    by_place = {place.place: place for place in places}
    conv = layer if isinstance(layer, Conv) else layer.T
    for output in np.ndindex(conv.output_size):
        for reading in scene.window(output):
            assert by_place[reading.place].source == reading.source
            assert by_place[reading.place].seen
    for place, kind, source, seen in places:
        inside = all(0 <= p < axis.dilated_size for p, axis in zip(place, axes, strict=True))
        dilated = all(p % axis.input_dilation == 0 for p, axis in zip(place, axes, strict=True))
        if inside and dilated:
            assert source == tuple(p // axis.input_dilation for p, axis in zip(place, axes, strict=True))
        assert kind == (
            "input"
            if inside and dilated
            else "copy"
            if layer.padding_mode != "zeros"
            else "inserted"
            if inside
            else "zero"
        )
        assert (source is None) is (kind in ("zero", "inserted"))
        assert seen is all(p in covered(axis) for p, axis in zip(place, axes, strict=True))


def covered(axis):
    """The places from the first tap to the last of each window of one axis."""
    starts = [output * axis.stride - axis.before for output in range(axis.output_size)]
    return {place for start in starts for place in range(start, start + axis.span)}


def test_what_lies_between_the_windows_is_not_seen():
    def seen(layer):
        return "".join("x" if place.seen else "." for place in Scene(layer).places())

    assert seen(Conv((8,), 2, stride=3)) == "xx.xx.xx"
    assert seen(Conv((9,), 1, stride=4, padding=((2, 1),))) == "x...x...x..."
    assert seen(Conv((8,), 2, stride=4, dilation=2)) == "xxx.xxx."  # between two taps, but in the window
    assert seen(Conv((5,), 2, padding=-1)) == ".xxx."


@share(0.2)
@given(layer=layers())
def test_cells_by_row_and_by_column(layer):
    scene = Scene(layer)
    by_row = [cell for row in range(scene.shape[0]) for cell in scene.row_cells(row)]
    assert by_row == [*range(scene.matrix.nnz)]
    assert all(scene.rows[cell] == row for row in range(scene.shape[0]) for cell in scene.row_cells(row))
    columns = [scene.col_cells(col) for col in range(scene.shape[1])]
    assert sorted(cell for cells in columns for cell in cells) == by_row
    assert all(scene.cols[cell] == col for col, cells in enumerate(columns) for cell in cells)
    assert [scene.row_position(row) for row in range(scene.shape[0])] == list(np.ndindex(layer.output_shape))
    assert [scene.col_position(col) for col in range(scene.shape[1])] == list(np.ndindex(layer.input_shape))


@share(0.3)
@given(layer=transposes(modes=("zeros",)), seed=seeds())
def test_the_zero_inserted_view_has_the_same_cells_by_the_same_names(layer, seed):
    weight = integers(layer.weight_shape, seed)
    scene = Scene(layer, weight)
    direct = scene.inserted()
    assert direct.layer == layer.as_conv()
    there = {(row, col): (scene.label(cell), scene.text(cell)) for cell, row, col in cells(scene)}
    assert {(row, col): (direct.label(cell), direct.text(cell)) for cell, row, col in cells(direct)} == there
    assert Scene(layer).inserted().weight is None


def test_only_a_transposed_convolution_inserts_zeros():
    with pytest.raises(ValueError, match=r"^only a transposed convolution inserts zeros: take the scene of layer\.T$"):
        Scene(Conv(4, 3)).inserted()
    with pytest.raises(ValueError, match=r"^padding_mode 'replicate' has no direct convolution for its transpose"):
        Scene(Conv(4, 3, padding=1, padding_mode="replicate").T).inserted()


def test_other_names():
    scene = Scene(Conv((3,), 2), names=("a", "b"))
    assert [scene.label(cell) for cell in range(4)] == [scene.text(cell) for cell in range(4)] == ["a", "b", "a", "b"]
    assert Scene(Conv((3,), 2), [5, 6], ("a", "b")).text(1) == "6"


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (np.int64(-12), "-12"),
        (2**62, str(2**62)),
        (np.uint64(2**64 - 1), str(2**64 - 1)),
        (np.int8(-128), "-128"),
        (True, "1"),
        (np.bool_(False), "0"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (np.float64(1 / 3), "0.333"),
        (np.float32(0.1), "0.1"),
        (2.0, "2"),
        (12345.678, "1.23e+04"),
        (1e-9, "1e-09"),
        (float("nan"), "nan"),
        (1 + 2j, "1+2j"),
        (np.complex64(-0.5 - 1j), "-0.5-1j"),
        (1j / 3, "0+0.333j"),
    ],
)
def test_numbers_in_few_letters(value, label):
    assert number_label(value) == label
