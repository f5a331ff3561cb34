"""Drawn axes, read back from their artists: places, colours, texts, frames. No pixels are compared."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.palette import INPUT, OUTPUT, SEEN, WINDOW, ink_on, tap_colours
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
    texts = {}
    for text in ax.texts:
        col, row = (place - 0.5 for place in text.get_position())
        assert (row, col) not in texts
        texts[row, col] = (text.get_text(), to_hex(text.get_color()))
    found = {}
    for patch in ax.patches:
        name, _, index = (patch.get_gid() or "").partition("-")
        if name != kind or not isinstance(patch, Rectangle):
            continue
        assert (patch.get_width(), patch.get_height()) == (1, 1)
        paper = to_hex(patch.get_facecolor())
        text, ink = texts.get((patch.get_y(), patch.get_x()), ("", ink_on(paper)))
        assert ink == ink_on(paper)
        found[index] = (int(patch.get_y()), int(patch.get_x())), paper, text
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


# -- the matrix ------------------------------------------------------------------------------------------------------


@share(0.05)  # an Axes with its artists is a hundred times as slow as a line of text
@given(layer=layers(ndims=(0, 1, 2)).filter(lambda layer: np.prod(layer.matrix_shape) <= 600), seed=seeds())
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
    assert frames(ax, "row") == [((2, 0), (1, 16))]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["y00", "y01", "y10", "y11"]
    names = [f"x{row}{col}" for row in range(4) for col in range(4)]
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert ax.get_yticks().tolist() == [0.5, 1.5, 2.5, 3.5]
    assert ax.get_aspect() == 1


def test_rulers_of_the_matrix():
    ax = plot.matrix(Conv((4, 5), (2, 3)))
    black = [lines for lines in ax.collections if to_hex(lines.get_color()[0]) == "#000000"]
    rows, cols = ([segment[0] for segment in lines.get_segments()] for lines in black)
    assert [start[1] for start in rows] == [0, 3, 6, 9]
    assert [start[0] for start in cols] == [0, 5, 10, 15, 20]


def test_long_labels_are_small():
    ax = plot.matrix(Conv((3,), 3, padding=1, padding_mode="replicate"))
    sizes = {text.get_text(): text.get_fontsize() for text in ax.texts}
    assert sizes["w0"] == 8
    assert sizes["w0+w1"] == pytest.approx(8 * 4 / 5)


def test_a_matrix_too_large_to_be_labelled():
    assert plot.matrix(Conv((64,), 1)).get_xlim() == (0, 64)
    said = (
        r"^the matrix has 65 x 64 = 4160 places but at most 4096 can be labelled: draw its pattern with matplotlib's "
        r"spy\(layer.matrix\(weight\)\)$"
    )
    with pytest.raises(ValueError, match=said):
        plot.matrix(Conv((64,), 1, padding=((0, 1),)))


# -- maps ------------------------------------------------------------------------------------------------------------


@share(0.05)
@given(conv=convs(ndims=(1, 2)), data=st.data())
def test_input_map_reads_back(conv, data):
    output = data.draw(st.tuples(*(st.integers(0, size - 1) for size in conv.output_size)))
    ax = drawn(plot.input_map, conv, output=output)
    found = cells(ax, "input")
    axes = conv.axes
    low = [-max(axis.before, 0) for axis in axes]
    high = [axis.stretched_size + max(axis.after, 0) for axis in axes]
    window = set()
    for tap in np.ndindex(conv.kernel_size):
        window.add(tuple(o * a.stride + t * a.dilation - a.before for o, t, a in zip(output, tap, axes, strict=True)))
    places = [tuple(int(i) + lo for i, lo in zip(index, low, strict=True)) for index in np.ndindex(*(
        hi - lo for lo, hi in zip(low, high, strict=True)))]  # fmt: skip
    lead = (0,) * (2 - conv.ndim)
    assert list(found) == ["-".join(map(str, lead + place)) for place in places]
    for place, (where, paper, text) in zip(places, found.values(), strict=True):
        assert where == lead + tuple(p - lo for p, lo in zip(place, low, strict=True))
        real = all(p % a.input_dilation == 0 and 0 <= p < a.stretched_size for p, a in zip(place, axes, strict=True))
        if real:
            source = [str(p // a.input_dilation) for p, a in zip(place, axes, strict=True)]
            assert text == "x" + ("," if conv.ndim > 1 and max(conv.input_size) > 10 else "").join(source)
            assert paper == (SEEN if place in window else INPUT)
        else:
            assert text == ("0" if conv.padding_mode == "zeros" else "")
            assert paper == (SEEN_PADDING if place in window else PADDING)
    corner = tuple(min(place[axis] for place in window) - low[axis] for axis in range(conv.ndim))
    span = tuple(axis.span for axis in axes)
    assert frames(ax, "window") == [(lead + corner, (1,) * (2 - conv.ndim) + span)]


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


def test_kernel_of_several_channels_is_the_first():
    weight = np.arange(2 * 3 * 4).reshape(2, 3, 2, 2)
    found = cells(plot.kernel(Conv(2, 2, in_channels=3, out_channels=2), weight), "tap")
    assert [text for *_, text in found.values()] == ["0", "1", "2", "3"]


def test_output_map():
    ax = plot.output_map(Conv((4, 5), 3), output=(1, 2))
    found = cells(ax, "output")
    assert [text for *_, text in found.values()] == ["y00", "y01", "y02", "y10", "y11", "y12"]
    assert {paper for _, paper, _ in found.values()} == {OUTPUT}
    assert frames(ax, "window") == [((1, 2), (1, 1))]
    assert limits(ax) == (2, 3)
    assert list(cells(plot.output_map(ConvTranspose((2,), 3)), "output")) == ["0-0", "0-1", "0-2", "0-3"]


@pytest.mark.parametrize("draw", [plot.input_map, plot.kernel, plot.output_map])
@pytest.mark.parametrize("ndim", [0, 3])
def test_maps_have_one_or_two_axes(draw, ndim):
    with pytest.raises(ValueError, match=rf"^maps are drawn for 1 or 2 axes, got {ndim}: draw slices of them$"):
        draw(Conv(1, 1, ndim=ndim))


@pytest.mark.parametrize("draw", [plot.matrix, plot.input_map, plot.kernel, plot.output_map])
def test_each_draws_on_the_axes_it_is_given_and_shows_nothing(draw, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    _, (left, right) = plt.subplots(1, 2)
    assert draw(Conv(3, 2), ax=right) is right
    assert not left.patches
    assert right.patches
    assert draw(Conv(3, 2)).figure is not right.figure
