"""Drawn axes, read back from their artists: places, colours, texts, frames. No pixels are compared."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.palette import THEMES, ink_on, over, tap_colours
from convmatrix.show.model.style import TINT, Style
from helpers import dense
from strategies import convs, integers, layers, seeds, share
from symbols import taps_by_definition

LIGHT = THEMES["light"]
LARGE = Style(size=(60, 60))
"""A page on which every label fits."""


def drawn(draw, *args, **keywords):
    """Draw on one Axes that is used again and again: making one takes longer than all else."""
    fig = plt.figure("drawn", clear=True)
    ax = fig.add_axes((0, 0, 1, 1))
    assert draw(*args, ax=ax, **keywords) is ax
    return ax


def labels(ax):
    """Labels by gid, those on several lines joined."""
    found, last = {}, None
    for text in ax.texts:
        last = text.get_gid() or last
        found[last] = found.get(last, "") + text.label
    return found


def cells(ax, kind):
    """Places that are drawn, each with its colour and its text, by gid; each stands where its gid says."""
    texts, artists, known = labels(ax), {text.get_gid(): text for text in ax.texts}, {}
    patches = {patch.get_gid(): patch for patch in ax.patches}
    first = patches[f"{kind}-0-0"]
    for gid, patch in patches.items():
        name, _, index = (gid or "").partition("-")
        if name != kind or not re.fullmatch(r"\d+-\d+", index):
            continue
        assert (patch.get_width(), patch.get_height()) == pytest.approx((first.get_width(), first.get_height()))
        row, col = map(int, index.split("-"))
        if kind not in ("matrix", "above"):  # whose blocks are parted by gaps
            corner = patch.get_x() - first.get_x(), patch.get_y() - first.get_y()
            assert corner == pytest.approx((col, row))
        paper, text = to_hex(patch.get_facecolor()), artists.get(f"{gid}-text")
        if text is not None:
            x, y = text.get_position()
            assert x == pytest.approx(patch.get_x() + patch.get_width() / 2)
            assert patch.get_y() < y < patch.get_y() + patch.get_height()
            assert to_hex(text.get_color()) in (ink_on(paper), LIGHT.ink, LIGHT.quiet, LIGHT.zero)
        known[index] = (row, col), paper, texts.get(f"{gid}-text", "")
    return known


def frames(ax, kind, cell):
    """First row and column, and numbers of rows and columns, of the frames of a kind around cells like one."""
    first = next(patch for patch in ax.patches if patch.get_gid() == cell)
    return [
        tuple(
            round(side, 6)
            for side in (
                patch.get_y() - first.get_y(),
                patch.get_x() - first.get_x(),
                patch.get_height(),
                patch.get_width(),
            )
        )
        for patch in ax.patches
        if re.fullmatch(kind, patch.get_gid() or "")
    ]


def drawable(layer):
    """Check whether the matrix has few places, and labels."""
    return np.prod(layer.matrix_shape) <= 600 and max(layer.matrix_shape) <= 64


# -- the matrix ------------------------------------------------------------------------------------------------------


@share(0.05)  # an Axes with its artists is a hundred times as slow as a line of text
@given(layer=layers(ndims=(0, 1, 2)).filter(drawable), seed=seeds())
def test_matrix_reads_back(layer, seed):
    weight = integers(layer.weight_shape, seed)
    C, table, palette = dense(layer, weight), taps_by_definition(layer), tap_colours(layer.kernel_size)
    for given_weight in (None, weight):
        ax = drawn(plot.matrix, layer, given_weight, style=LARGE)
        found = cells(ax, "matrix")
        expected = {(row, col): taps for row, line in enumerate(table) for col, taps in enumerate(line) if taps}
        assert {place for place, _, _ in found.values()} == set(np.ndindex(C.shape))
        for place, paper, text in found.values():
            taps = expected.get(place)
            assert paper == (palette[taps[0] % len(palette)] if taps else LIGHT.ground)
            if given_weight is None:
                assert text.count("w") == (len(taps) if taps else 0)
            else:
                assert text == (str(C[place]) if taps else "0")
        assert len(cells(ax, "above")) == C.shape[1]
        assert len({place for place in labels(ax) if place.startswith("beside")}) == C.shape[0]


def test_matrix_of_the_4x16_example():
    ax = plot.matrix(Conv(4, 3), row=2)
    found = cells(ax, "matrix")
    assert sum(text != "" for *_, text in found.values()) == 36
    assert found["2-4"] == ((2, 4), tap_colours((3, 3))[0], "w00")
    assert found["3-15"] == ((3, 15), tap_colours((3, 3))[8], "w22")
    patches = {patch.get_gid(): patch for patch in ax.patches}
    row, last = patches["row-2"], patches["matrix-2-15"]
    assert row.get_x() == pytest.approx(patches["matrix-2-0"].get_x())
    assert row.get_x() + row.get_width() == pytest.approx(last.get_x() + last.get_width())
    assert (row.get_y(), row.get_height()) == pytest.approx((last.get_y(), last.get_height()))
    assert [labels(ax)[f"beside-{row}-0-text"] for row in range(4)] == ["y00", "y01", "y10", "y11"]
    names = [f"x{row}{col}" for row in range(4) for col in range(4)]
    assert [labels(ax)[f"above-0-{col}-text"] for col in range(16)] == names
    for col in range(16):
        assert patches[f"above-0-{col}"].get_x() == pytest.approx(patches[f"matrix-0-{col}"].get_x())
    for row in range(4):
        assert patches[f"beside-{row}-0"].get_y() == pytest.approx(patches[f"matrix-{row}-0"].get_y())
    assert ax.get_aspect() == 1


def test_the_transpose_takes_y_to_x():
    texts = labels(plot.matrix(ConvTranspose((2,), 3)))
    assert texts["matrix-title"] == "x = C^T y"
    assert texts["matrix-note"] == "C^T is 4 × 2"
    assert [texts[f"above-0-{col}-text"] for col in range(2)] == ["y0", "y1"]
    assert [texts[f"beside-{row}-0-text"] for row in range(4)] == ["x0", "x1", "x2", "x3"]


def test_gaps_part_rows_of_the_maps_and_wider_ones_channels():
    ax = plot.matrix(Conv((4, 5), (2, 3), in_channels=2), style=LARGE)
    patches = {patch.get_gid(): patch for patch in ax.patches}
    side = patches["matrix-0-0"].get_width()
    across = [patches[f"matrix-0-{col}"].get_x() for col in range(40)]
    down = [patches[f"matrix-{row}-0"].get_y() for row in range(9)]
    gaps = {col: round(gap, 2) for col, gap in enumerate(np.diff(across) / side - 1, 1) if gap > 1e-6}
    assert gaps == {col: 0.5 if col == 20 else 0.25 for col in range(5, 40, 5)}
    assert {row: round(gap, 2) for row, gap in enumerate(np.diff(down) / side - 1, 1) if gap > 1e-6} == {
        3: 0.25,
        6: 0.25,
    }


def test_a_stamp_is_framed():
    ax = plot.matrix(Conv(4, 3), col=5)
    patches = {patch.get_gid(): patch for patch in ax.patches}
    top, bottom, frame = patches["matrix-0-5"], patches["matrix-3-5"], patches["col-5"]
    assert (frame.get_x(), frame.get_y()) == pytest.approx((top.get_x(), top.get_y()))
    assert frame.get_width() == pytest.approx(top.get_width())
    assert frame.get_y() + frame.get_height() == pytest.approx(bottom.get_y() + bottom.get_height())
    assert patches["input-5"].get_x() == pytest.approx(patches["above-0-5"].get_x())
    assert not [name for name in patches if name.startswith("row")]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"row": 4}, r"^row 4 is not there: the matrix has rows 0 to 3$"),
        ({"col": -1}, r"^column -1 is not there: the matrix has columns 0 to 15$"),
    ],
)
def test_a_row_or_column_that_is_not_there(keywords, message):
    with pytest.raises(ValueError, match=message):
        plot.matrix(Conv(4, 3), **keywords)


# -- maps ------------------------------------------------------------------------------------------------------------


@share(0.05)
@given(conv=convs(ndims=(0, 1, 2)), data=st.data())
def test_input_map_reads_back(conv, data):
    output = data.draw(st.tuples(*(st.integers(0, size - 1) for size in conv.output_size)))
    channel = data.draw(st.integers(0, conv.in_channels - 1))
    ax = drawn(plot.input_map, conv, output=output, channel=channel, style=LARGE)
    found = cells(ax, "input")
    axes = conv.axes
    low = [-max(axis.before, 0) for axis in axes]
    high = [axis.dilated_size + max(axis.after, 0) for axis in axes]
    window = {}
    for number, tap in enumerate(np.ndindex(conv.kernel_size)):
        window.setdefault(
            tuple(o * a.stride + t * a.dilation - a.before for o, t, a in zip(output, tap, axes, strict=True)), number
        )
    lead = (0,) * (2 - conv.ndim)
    indices = list(np.ndindex(*(hi - lo for lo, hi in zip(low, high, strict=True))))
    assert list(found) == ["-".join(map(str, lead + index)) for index in indices]
    reads, taps = conv.padding_mode != "zeros", tap_colours(conv.kernel_size)
    for index, (where, paper, text) in zip(indices, found.values(), strict=True):
        assert where == lead + index
        place = tuple(i + lo for i, lo in zip(index, low, strict=True))
        real = all(p % a.input_dilation == 0 and 0 <= p < a.dilated_size for p, a in zip(place, axes, strict=True))
        if real:
            source = [str(p // a.input_dilation) for p, a in zip(place, axes, strict=True)]
            name = ("," if conv.ndim > 1 and max(conv.input_size) > 10 else "").join(source)
            before = "" if conv.in_channels == 1 else f"{channel}." if conv.ndim else str(channel)
            assert text == f"x{before}{name}"
            own = LIGHT.map
        elif reads and text[0] == "x":
            own = LIGHT.copied
        else:
            assert text == "0"
            own = LIGHT.padding
        met = place in window and text != "0"
        assert paper == (over(taps[window[place]], own, TINT) if met else own)
    corner = tuple(min(place[axis] for place in window) - low[axis] for axis in range(conv.ndim))
    span = tuple(axis.span for axis in axes)
    assert frames(ax, "input-outline", "input-0-0") == [(*lead, *corner, *(1,) * (2 - conv.ndim), *span)]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_copies_beyond_a_border_have_the_values_that_numpy_pads(mode):
    x = np.arange(12).reshape(3, 4)
    found = cells(plot.input_map(Conv((3, 4), 3, padding=2, padding_mode=mode), x), "input")
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}
    assert [text for *_, text in found.values()] == [str(value) for value in np.pad(x, 2, names[mode]).ravel()]


def test_input_map_without_a_window():
    ax = plot.input_map(Conv(2, 2, padding=1))
    assert frames(ax, ".*outline.*", "input-0-0") == []
    assert {paper for _, paper, _ in cells(ax, "input").values()} == {LIGHT.map, LIGHT.padding}
    dashed = {patch.get_gid() for patch in ax.patches if patch.get_linestyle() != "solid"}
    assert dashed == {f"input-{row}-{col}" for row, col in np.ndindex(4, 4) if not (0 < row < 3 and 0 < col < 3)}


def test_the_frame_of_a_window_stands_out():
    (frame,) = [
        patch for patch in plot.input_map(Conv(4, 3), output=(1, 0)).patches if patch.get_gid() == "input-outline"
    ]
    assert to_hex(frame.get_edgecolor()) == LIGHT.window
    assert frame.get_facecolor()[3] == 0
    assert frame.get_zorder() > 2


def test_values_on_the_maps():
    x = np.arange(-2, 2).reshape(2, 2)
    assert [text for *_, text in cells(plot.input_map(Conv(2, 2), x), "input").values()] == ["-2", "-1", "0", "1"]
    y = np.arange(4) / 3
    texts = [text for *_, text in cells(plot.output_map(Conv((4,), 1), y), "output").values()]
    assert texts == ["0", "0.333", "0.667", "1"]
    w = [[1, 2], [3, -4]]
    assert [text for *_, text in cells(plot.kernel(Conv(2, 2), w), "tap").values()] == ["1", "2", "3", "-4"]


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (Conv(3, 2), ["w00", "w01", "w10", "w11"]),
        (Conv((3,), 3), ["w0", "w1", "w2"]),
        (ConvTranspose(3, (1, 2)), ["w00", "w01"]),
        (Conv(12, (11, 2)), [f"w{row},{col}" for row in range(11) for col in range(2)]),
    ],
)
def test_kernel(layer, names):
    found = cells(plot.kernel(layer, style=LARGE), "tap")
    assert [text for *_, text in found.values()] == names
    assert [paper for _, paper, _ in found.values()] == tap_colours(layer.kernel_size)
    places = np.ndindex((1,) * (2 - layer.ndim) + layer.kernel_size)
    assert [place for place, *_ in found.values()] == list(places)


def test_kernel_of_several_channels():
    weight = np.arange(2 * 3 * 4).reshape(2, 3, 2, 2)
    layer = Conv(2, 2, in_channels=3, out_channels=2)
    assert [text for *_, text in cells(plot.kernel(layer, weight), "tap").values()] == ["0", "1", "2", "3"]
    found = cells(plot.kernel(layer, weight, channels=(1, 2)), "tap")
    assert [text for *_, text in found.values()] == ["20", "21", "22", "23"]
    found = cells(plot.kernel(layer, channels=(1, 2)), "tap")
    assert [text for *_, text in found.values()] == ["w12.00", "w12.01", "w12.10", "w12.11"]
    found = cells(plot.kernel(layer, [[9, 8], [7, 6]]), "tap")
    assert [text for *_, text in found.values()] == ["9", "8", "7", "6"]


def test_output_map():
    ax = plot.output_map(Conv((4, 5), 3), output=(1, 2))
    found = cells(ax, "output")
    assert [text for *_, text in found.values()] == ["y00", "y01", "y02", "y10", "y11", "y12"]
    assert {paper for _, paper, _ in found.values()} == {LIGHT.map}
    assert frames(ax, "output-outline", "output-0-0") == [(1, 2, 1, 1)]
    found = cells(plot.output_map(ConvTranspose((2,), 3)), "output")
    assert [(index, text) for index, (*_, text) in found.items()] == [(f"0-{col}", f"x{col}") for col in range(4)]


@pytest.mark.parametrize("draw", [plot.input_map, plot.kernel, plot.output_map])
def test_maps_have_up_to_three_axes(draw):
    with pytest.raises(ValueError, match=r"^maps are drawn for at most 3 axes, got 4: draw a layer of 3 of them$"):
        draw(Conv(1, 1, ndim=4))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda layer: plot.input_map(layer, channel=2), r"^channel 2 is not there: the input has channels 0 to 1$"),
        (
            lambda layer: plot.output_map(layer, channel=-1),
            r"^channel -1 is not there: the output has channels 0 to 0$",
        ),
        (
            lambda layer: plot.kernel(layer, channels=(0, 5)),
            r"^channel 5 is not there: the second axis of the weight has channels 0 to 1$",
        ),
        (
            lambda layer: plot.input_map(layer, output=(2, 0)),
            r"^output \(2, 0\) is not there: the output map is 2 × 2$",
        ),
        (lambda layer: plot.output_map(layer, output=(0,)), r"^output \(0,\) is not there: the output map is 2 × 2$"),
        (
            lambda layer: plot.input_map(layer, np.zeros((3, 4))),
            r"^x has shape \(3, 4\) but the layer's is \(2, 3, 3\), or \(3, 3\) for one channel of it$",
        ),
        (
            lambda layer: plot.input_map(layer.T, output=(0, 0)),
            r"^the windows of a transposed convolution lie on its input with zeros inserted: draw insertion",
        ),
        (
            lambda layer: plot.windows(layer.T),
            r"^the windows of a transposed convolution .* draw windows\(layer.as_conv",
        ),
        (lambda layer: plot.windows(Conv(14, 2)), r"^the layer has 169 output positions, .* but at most 144 are drawn"),
        (
            lambda layer: plot.input_map(Conv((300, 2), 2)),
            r"^a map of 300 × 2 places is too large .* at most 256 on an",
        ),
        (lambda layer: plot.output_map(Conv((33, 2, 2), 1)), r"^the volume has 33 slices but at most 32 are drawn: "),
    ],
)
def test_what_maps_refuse(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(Conv(3, 2, in_channels=2))
    assert not plt.get_fignums()


def slices(ax, name):
    """Cells of a volume by depth: text and colour, by place; each is as large as the others, and none overlap."""
    texts = {text.get_gid(): text.label for text in ax.texts}
    found, corners = {}, set()
    for patch in ax.patches:
        parts = patch.get_gid().split("-")
        if parts[0] == name and len(parts) == 4:
            depth, *place = map(int, parts[1:])
            found.setdefault(depth, {})[tuple(place)] = (
                texts.get(f"{patch.get_gid()}-text"),
                to_hex(patch.get_facecolor()),
            )
            corners.add((round(patch.get_x(), 6), round(patch.get_y(), 6)))
    assert len(corners) == sum(map(len, found.values()))
    return found


def test_volumes_are_drawn_slice_by_slice():
    layer = Conv((3, 4, 5), 2, padding=((1, 0), (0, 0), (0, 0)), in_channels=2)
    x = np.arange(2 * 60).reshape(2, 3, 4, 5)
    ax = plot.input_map(layer, x, output=(0, 1, 2), channel=1)
    found = slices(ax, "input")
    assert sorted(found) == [0, 1, 2, 3]
    assert {text for text, _ in found[0].values()} == {"0"}
    for depth in range(3):
        for place, (text, paper) in found[depth + 1].items():
            assert text == str(x[1, depth][place])
            seen = {(1, 2): 4, (1, 3): 5, (2, 2): 6, (2, 3): 7}.get(place) if depth == 0 else None
            met = LIGHT.map if seen is None else over(tap_colours((2, 2, 2))[seen], LIGHT.map, TINT)
            assert paper == met
    notes = [text.label for text in ax.texts if text.get_gid().endswith("note")]
    assert notes == ["depth -1", "depth 0", "depth 1", "depth 2"]
    framed = [patch.get_gid() for patch in ax.patches if patch.get_gid().endswith("outline")]
    assert framed == ["input-0-outline", "input-1-outline"]


def test_a_kernel_of_three_axes():
    ax = plot.kernel(Conv((3, 3, 3), (2, 1, 3)))
    found = slices(ax, "tap")
    assert {depth: [text for text, _ in cells.values()] for depth, cells in found.items()} == {
        0: ["w000", "w001", "w002"],
        1: ["w100", "w101", "w102"],
    }
    assert [paper for cells in found.values() for _, paper in cells.values()] == tap_colours((2, 1, 3))
    # Both slices have the same colours: a stroke across the corner tells the second.
    corners = [(patch.get_x(), patch.get_y()) for patch in ax.patches if patch.get_gid().startswith("tap-1")]
    strokes = [(line.get_xdata(), line.get_ydata()) for line in ax.lines]
    for (xs, ys), (left, top) in zip(strokes, corners, strict=True):
        assert (xs[0], ys[1]) == pytest.approx((left, top))
    assert all(0 < xs[1] - xs[0] < 0.2 and 0 < ys[0] - ys[1] < 0.2 for xs, ys in strokes)
    assert sorted(slices(plot.output_map(Conv((3, 3, 3), 2)), "output")) == [0, 1]


# -- windows ---------------------------------------------------------------------------------------------------------


@share(0.03)
@given(conv=convs(ndims=(0, 1, 2)).filter(lambda conv: np.prod(conv.output_size) <= 16))
def test_every_window_has_a_map(conv):
    ax = drawn(plot.windows, conv, style=LARGE)
    patches = {patch.get_gid(): patch for patch in ax.patches}
    corner = [-max(axis.before, 0) for axis in conv.axes]
    colours = tap_colours(conv.kernel_size)
    for step, output in enumerate(np.ndindex(conv.output_size)):
        for number, tap in enumerate(np.ndindex(conv.kernel_size)):
            place = [
                o * a.stride + t * a.dilation - a.before - low
                for o, t, a, low in zip(output, tap, conv.axes, corner, strict=True)
            ]
            row, col = (0, 0, *place)[-2:]
            patch = patches[f"window-{step}-{row}-{col}"]
            source = [a.extend(np.array(p + low)) for p, low, a in zip(place, corner, conv.axes, strict=True)]
            paper = to_hex(patch.get_facecolor())
            assert (paper == colours[number]) == (min(source, default=0) >= 0)
    outlines = [patch for gid, patch in patches.items() if gid.endswith("outline")]
    assert len(outlines) == np.prod(conv.output_size)


@pytest.mark.parametrize("draw", [plot.matrix, plot.input_map, plot.kernel, plot.output_map])
def test_each_draws_on_the_axes_it_is_given_and_shows_nothing(draw, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    _, (left, right) = plt.subplots(1, 2)
    assert draw(Conv(3, 2), ax=right) is right
    assert not left.patches
    assert right.patches
    assert draw(Conv(3, 2)).figure is not right.figure
