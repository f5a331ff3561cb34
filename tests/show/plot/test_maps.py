"""Drawn axes, read back from their artists: places, colours, texts, frames. No pixels are compared."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.film import FAINT
from convmatrix.show.model.palette import INPUT, OUTPUT, SEEN, WINDOW, ink_on, tap_colours
from helpers import dense
from strategies import convs, integers, layers, seeds, share
from symbols import taps_by_definition

PADDING, SEEN_PADDING = "#f4f4f4", "#d5d9dd"


@pytest.fixture(autouse=True, scope="module")
def _without_a_screen():
    plt.switch_backend("agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def drawn(draw, *args, **keywords):
    """Draw on one Axes that is used again and again: making one takes longer than all else."""
    fig = plt.figure("drawn", clear=True)
    ax = fig.add_axes((0, 0, 1, 1))
    assert draw(*args, ax=ax, **keywords) is ax
    return ax


def cells(ax, kind):
    """Places that are drawn, each with its colour and its text, by gid; each stands where its gid says."""
    texts = {text.get_gid(): text for text in ax.texts}
    found = {}
    for patch in ax.patches:
        gid = patch.get_gid()
        name, _, index = gid.partition("-")
        if name != kind or index == "frame":
            continue
        assert (patch.get_width(), patch.get_height()) == (1, 1)
        place = int(patch.get_y()), int(patch.get_x())
        assert index == "{}-{}".format(*place)
        paper, text = to_hex(patch.get_facecolor()), texts.pop(f"{gid}-text", None)
        if text is not None:
            col, row = text.get_position()
            assert (row, col) == (place[0] + 0.5, place[1] + 0.5)
            assert to_hex(text.get_color()) in (ink_on(paper), FAINT)
        found[index] = place, paper, text.get_text().replace("\n", "") if text else ""
    assert not texts
    return found


def frames(ax, kind):
    """Corner and size of the frames of a kind: (row, column), (rows, columns)."""
    return [
        ((patch.get_y(), patch.get_x()), (patch.get_height(), patch.get_width()))
        for patch in ax.patches
        if (patch.get_gid() or "").startswith(kind)
    ]


def limits(ax):
    """Rows and columns that fit; the first row is on top."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert (left, top) == (0, 0)
    return bottom, right


def drawable(layer):
    """Check whether the matrix has few places, and labels."""
    return np.prod(layer.matrix_shape) <= 600 and max(layer.matrix_shape) <= 64


# -- the matrix ------------------------------------------------------------------------------------------------------


@share(0.05)  # an Axes with its artists is a hundred times as slow as a line of text
@given(layer=layers(ndims=(0, 1, 2)).filter(drawable), seed=seeds())
def test_matrix_reads_back(layer, seed):
    weight = integers(layer.weight_shape, seed)
    C, table, palette = dense(layer, weight), taps_by_definition(layer), tap_colours(int(np.prod(layer.kernel_size)))
    for given_weight in (None, weight):
        ax = drawn(plot.matrix, layer, given_weight)
        found = cells(ax, "cell")
        expected = {(row, col): taps for row, line in enumerate(table) for col, taps in enumerate(line) if taps}
        assert [place for place, _, _ in found.values()] == list(expected)
        assert list(found) == [f"{row}-{col}" for row, col in expected]
        for place, paper, text in found.values():
            taps = expected[place]
            assert paper == palette[taps[0] % len(palette)]
            assert text.count("w") == (len(taps) if given_weight is None else 0)
            assert given_weight is None or text == str(C[place])
        assert limits(ax) == C.shape


def test_matrix_of_the_4x16_example():
    ax = plot.matrix(Conv(4, 3), row=2)
    found = cells(ax, "cell")
    assert len(found) == 36
    assert found["2-4"] == ((2, 4), tap_colours(9)[0], "w00")
    assert found["3-15"] == ((3, 15), tap_colours(9)[8], "w22")
    assert frames(ax, "row-2") == [((2, 0), (1, 16))]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["y00", "y01", "y10", "y11"]
    names = [f"x{row}{col}" for row in range(4) for col in range(4)]
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert ax.get_yticks().tolist() == [0.5, 1.5, 2.5, 3.5]
    assert ax.get_aspect() == 1


def test_rulers_cut_image_rows_and_bold_channels():
    ax = plot.matrix(Conv((4, 5), (2, 3), in_channels=2))
    (rulers,) = ax.collections
    segments = [(start, end) for start, end in rulers.get_segments()]
    across = {
        start[1]: width
        for (start, end), width in zip(segments, rulers.get_linewidths(), strict=True)
        if start[1] == end[1]
    }
    down = {
        start[0]: width
        for (start, end), width in zip(segments, rulers.get_linewidths(), strict=True)
        if start[0] == end[0]
    }
    assert sorted(across) == [0, 3, 6, 9]
    assert sorted(down) == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    assert across[0] == across[9] == down[0] == down[20] == down[40] > across[3] == down[5] == down[35]


def test_a_stamp_is_framed():
    ax = plot.matrix(Conv(4, 3), col=5)
    assert frames(ax, "col-5") == [((0, 5), (4, 1))]
    assert frames(ax, "row") == []


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
    ax = drawn(plot.input_map, conv, output=output, channel=channel)
    found = cells(ax, "input")
    axes = conv.axes
    low = [-max(axis.before, 0) for axis in axes]
    high = [axis.dilated_size + max(axis.after, 0) for axis in axes]
    window = set()
    for tap in np.ndindex(conv.kernel_size):
        window.add(tuple(o * a.stride + t * a.dilation - a.before for o, t, a in zip(output, tap, axes, strict=True)))
    lead = (0,) * (2 - conv.ndim)
    indices = list(np.ndindex(*(hi - lo for lo, hi in zip(low, high, strict=True))))
    assert list(found) == ["-".join(map(str, lead + index)) for index in indices]
    reads = conv.padding_mode != "zeros"
    for index, (where, paper, text) in zip(indices, found.values(), strict=True):
        assert where == lead + index
        place = tuple(i + lo for i, lo in zip(index, low, strict=True))
        real = all(p % a.input_dilation == 0 and 0 <= p < a.dilated_size for p, a in zip(place, axes, strict=True))
        if real:
            source = [str(p // a.input_dilation) for p, a in zip(place, axes, strict=True)]
            name = ("," if conv.ndim > 1 and max(conv.input_size) > 10 else "").join(source)
            before = "" if conv.in_channels == 1 else f"{channel}." if conv.ndim else str(channel)
            assert text == f"x{before}{name}"
            assert paper == (SEEN if place in window else INPUT)
        else:
            assert (text[0] == "x") if reads else (text == "0")
            assert paper == (SEEN_PADDING if place in window else PADDING)
    corner = tuple(min(place[axis] for place in window) - low[axis] for axis in range(conv.ndim))
    span = tuple(axis.span for axis in axes)
    assert frames(ax, "window") == [(lead + corner, (1,) * (2 - conv.ndim) + span)]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_copies_beyond_a_border_have_the_values_that_numpy_pads(mode):
    x = np.arange(12).reshape(3, 4)
    found = cells(plot.input_map(Conv((3, 4), 3, padding=2, padding_mode=mode), x), "input")
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}
    assert [text for *_, text in found.values()] == [str(value) for value in np.pad(x, 2, names[mode]).ravel()]


def test_input_map_without_a_window():
    ax = plot.input_map(Conv(2, 2, padding=1))
    assert frames(ax, "window") == []
    assert {paper for _, paper, _ in cells(ax, "input").values()} == {INPUT, PADDING}
    assert limits(ax) == (4, 4)


def test_the_frame_of_a_window_stands_out():
    (frame,) = [patch for patch in plot.input_map(Conv(4, 3), output=(1, 0)).patches if patch.get_gid() == "window"]
    assert to_hex(frame.get_edgecolor()) == WINDOW
    assert not frame.get_fill()
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
    ("layer", "labels"),
    [
        (Conv(3, 2), ["w00", "w01", "w10", "w11"]),
        (Conv((3,), 3), ["w0", "w1", "w2"]),
        (ConvTranspose(3, (1, 2)), ["w00", "w01"]),
        (Conv(12, (11, 2)), [f"w{row},{col}" for row in range(11) for col in range(2)]),
    ],
)
def test_kernel(layer, labels):
    found = cells(plot.kernel(layer), "tap")
    assert [text for *_, text in found.values()] == labels
    assert [paper for _, paper, _ in found.values()] == tap_colours(len(labels))
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
    assert {paper for _, paper, _ in found.values()} == {OUTPUT}
    assert frames(ax, "window") == [((1, 2), (1, 1))]
    assert limits(ax) == (2, 3)
    assert list(cells(plot.output_map(ConvTranspose((2,), 3)), "output")) == ["0-0", "0-1", "0-2", "0-3"]


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
            r"^output \(2, 0\) is not there: the output map is 2 x 2$",
        ),
        (lambda layer: plot.output_map(layer, output=(0,)), r"^output \(0,\) is not there: the output map is 2 x 2$"),
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
            r"^a map of 300 x 2 places is too large .* at most 256 on an",
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
    texts = {text.get_gid(): text.get_text() for text in ax.texts}
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
            seen = depth == 0 and place in [(1, 2), (1, 3), (2, 2), (2, 3)]
            assert paper == (SEEN if seen else INPUT)
    titles = [text.get_text() for text in ax.texts if text.get_gid().endswith("title")]
    assert titles == ["depth -1", "depth 0", "depth 1", "depth 2"]
    framed = [patch.get_gid() for patch in ax.patches if patch.get_gid().endswith("outline")]
    assert framed == ["input-0-outline", "input-1-outline"]


def test_a_kernel_of_three_axes():
    found = slices(plot.kernel(Conv((3, 3, 3), (2, 1, 3))), "tap")
    assert {depth: [text for text, _ in cells.values()] for depth, cells in found.items()} == {
        0: ["w000", "w001", "w002"],
        1: ["w100", "w101", "w102"],
    }
    assert [paper for cells in found.values() for _, paper in cells.values()] == tap_colours(6)
    assert sorted(slices(plot.output_map(Conv((3, 3, 3), 2)), "output")) == [0, 1]


# -- windows ---------------------------------------------------------------------------------------------------------


@share(0.03)
@given(conv=convs(ndims=(0, 1, 2)).filter(lambda conv: np.prod(conv.output_size) <= 16))
def test_every_window_has_a_map(conv):
    ax = drawn(plot.windows, conv)
    patches = {patch.get_gid(): patch for patch in ax.patches}
    corner = [-max(axis.before, 0) for axis in conv.axes]
    colours = tap_colours(int(np.prod(conv.kernel_size)))
    for step, output in enumerate(np.ndindex(conv.output_size)):
        if f"window-{step}-0-0" not in patches:
            continue  # too small for cells: an image
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
