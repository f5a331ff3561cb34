"""The transposed convolution in its views, read back and compared with loops that add up stamps one by one."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.palette import THEMES, tap_colours
from convmatrix.show.model.scene import Scene
from convmatrix.show.model.style import Style
from helpers import by_definition
from strategies import integers, seeds, share, transposes

LIGHT = THEMES["light"]
OUTPUT, ADDED = LIGHT.map, LIGHT.added
LARGE = Style(size=(60, 60))
"""A page on which every label fits."""
ODD = ConvTranspose(3, 3, stride=2, padding=1, output_padding=1)


def drawn(draw, *args, **keywords):
    """Draw on one Axes that is used again and again."""
    ax = plt.figure("drawn", clear=True).add_axes((0, 0, 1, 1))
    assert draw(*args, ax=ax, **keywords) is ax
    return ax


def panels(ax):
    """Panels by name: text and colour of each cell, by place."""
    texts = {text.get_gid(): text.label for text in ax.texts}
    found = {}
    for patch in ax.patches:
        name, _, place = (patch.get_gid() or "").rpartition("-")
        name, _, row = name.rpartition("-")
        if row.isdigit() and place.isdigit():
            look = texts.get(f"{patch.get_gid()}-text", ""), to_hex(patch.get_facecolor())
            found.setdefault(name, {})[int(row), int(place)] = look
    return found


def scattered(layer, weight, x):
    """All stamps, added up on a sheet that is large enough, and where on it the first output lies, on every axis."""
    base = 1 + max((abs(pad) for pair in layer.padding for pad in pair), default=0)
    sizes = [2 * base + a.output_size * a.stride + a.span + a.dilated_size for a in layer.axes]
    sheet = np.zeros((layer.out_channels, *sizes), dtype=np.int64)
    group_in, group_out = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    for channel, to in np.ndindex(layer.in_channels, group_out):
        for place in np.ndindex(layer.input_size):
            for tap in np.ndindex(layer.kernel_size):
                where = [
                    base + p * a.stride + t * a.dilation - a.before
                    for p, t, a in zip(place, tap, layer.axes, strict=True)
                ]
                out = channel // group_in * group_out + to
                sheet[(out, *where)] += weight[(channel, to, *tap)] * x[(channel, *place)]
    return base, sheet


# -- cropping --------------------------------------------------------------------------------------------------------


@share(0.05)
@given(
    layer=transposes(modes=("zeros",), ndims=(0, 1, 2)).filter(lambda up: np.prod(up.matrix_shape) <= 600),
    seed=seeds(),
    data=st.data(),
)
def test_crop_shows_the_values_of_the_stamps_everywhere(layer, seed, data):
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    channel = data.draw(st.integers(0, layer.out_channels - 1))
    whole = Scene(layer, weight).uncropped()
    values = (whole.matrix @ x.ravel()).reshape(whole.layer.output_shape)[channel]
    base, sheet = scattered(layer, weight, x)
    # The frame begins `before` places before the first output, unless the padding is negative.
    corner = [base - max(axis.before, 0) for axis in layer.axes]
    part = tuple(slice(at, at + size) for at, size in zip(corner, values.shape, strict=True))
    assert np.array_equal(values, sheet[(channel, *part)])
    found = panels(drawn(plot.crop, layer, weight, x, channel=channel, style=LARGE))
    y = by_definition(layer, x, weight)[channel].reshape((1, 1, *layer.output_size)[-2:])
    assert {place: int(text) for place, (text, _) in found["output"].items()} == dict(np.ndenumerate(y))
    flat = values.reshape((1, 1, *values.shape)[-2:])
    for place, (text, _) in found["whole"].items():
        assert int(text) == flat[place]


def test_output_padding_has_its_real_values():
    w, x = np.arange(1, 10).reshape(3, 3), np.arange(1, 10).reshape(3, 3)
    ax = plot.crop(ODD, w, x)
    found = panels(ax)
    last = {place: text for place, (text, paper) in found["whole"].items() if paper == ADDED}
    assert set(last) == {place for place in np.ndindex(7, 7) if 6 in place and min(place) > 0}
    assert last[6, 6] == str(9 * 9)
    assert [found["output"][5, col][0] for col in range(6)] == ["56", "119", "64", "135", "72", "81"]
    corners = {(line.get_xdata()[1], line.get_ydata()[0]) for line in ax.lines}
    ends = {patch.get_gid(): (patch.get_x() + 1, patch.get_y() + 1) for patch in ax.patches}
    crossed = [place for place in found["whole"] if ends["whole-{}-{}".format(*place)] in corners]
    assert len(crossed) == len(ax.lines)
    cropped = {place: found["whole"][place][0] for place in crossed}
    assert set(cropped) == {place for place in np.ndindex(7, 7) if 0 in place}
    assert cropped[0, 0] == "1"


def test_output_padding_beyond_all_stamps_is_zero():
    found = panels(plot.crop(ConvTranspose((2,), 1, stride=3, output_padding=2), [5], [1, 2]))
    assert found["whole"] == {
        (0, 0): ("5", OUTPUT),
        (0, 1): ("0", OUTPUT),
        (0, 2): ("0", OUTPUT),
        (0, 3): ("10", OUTPUT),
        (0, 4): ("0", ADDED),
        (0, 5): ("0", ADDED),
    }


def test_names_where_there_are_no_values():
    ax = plot.crop(ConvTranspose((2,), 3, padding=1))
    found = panels(ax)
    assert [text for text, _ in found["whole"].values()] == ["", "x0", "x1", ""]
    assert [text for text, _ in found["output"].values()] == ["x0", "x1"]
    (frame,) = [patch for patch in ax.patches if patch.get_gid() == "whole-outline"]
    assert frame.get_width() == pytest.approx(2)
    captions = [text.label for text in ax.texts if text.get_gid().startswith("caption")]
    assert captions == ["crossed corners: cropped by padding"]
    assert [text.label for text in ax.texts if text.get_gid() == "sign-0"] == ["→"]


def test_small_integers_do_not_overflow():
    w = np.array([100, 100], dtype=np.int8)
    found = panels(plot.crop(ConvTranspose((2,), 2), w, np.array([100, 100], dtype=np.int8)))
    assert [text for text, _ in found["output"].values()] == ["10000", "20000", "10000"]


# -- stamps ----------------------------------------------------------------------------------------------------------


@share(0.1)
@given(
    layer=transposes(ndims=(0, 1, 2)).filter(
        lambda up: np.prod(up.matrix_shape) <= 300 and np.prod(up.input_shape) <= 12
    ),
    seed=seeds(),
    data=st.data(),
)
def test_stamps_add_up_to_the_output(layer, seed, data):
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    channel = data.draw(st.integers(0, layer.out_channels - 1))
    ax = drawn(plot.stamps, layer, weight, x, channel=channel, style=LARGE)
    found = panels(ax)
    y = by_definition(layer, x, weight)[channel].ravel().tolist()
    total = found.pop("sum")
    forward = Scene(layer.T)
    corner = [start for start, _ in forward.frame()]
    shifted = [
        [p - c for p, c in zip(each.place, corner, strict=True)] for each in forward.places() if each.kind == "input"
    ]
    places = [tuple((0, 0, *place)[-2:]) for place in shifted]
    assert [int(total[place][0]) for place in places] == y
    if layer.padding_mode == "zeros":  # elsewhere, copies beyond the border are added as well
        for place, value in zip(places, y, strict=True):
            assert sum(int(cells[place][0] or 0) for cells in found.values() if place in cells) == value
        for cells in found.values():
            assert {place for place, (text, _) in cells.items() if text} <= set(places)
    group = layer.in_channels // layer.groups * int(np.prod(layer.input_size))
    assert len(found) == group
    signs = [text.label for text in ax.texts if text.get_gid().startswith("sign")]
    assert signs == ["+"] * (group - 1) + ["="]


def test_stamps_have_the_names_and_colours_of_the_taps():
    found = panels(plot.stamps(ConvTranspose((2,), 3, stride=2)))
    lit = [{place[1]: look for place, look in found[f"stamp-{step}"].items() if look[0]} for step in range(2)]
    names = list(zip(["w0", "w1", "w2"], tap_colours((3,)), strict=True))
    assert lit == [dict(enumerate(names)), dict(enumerate(names, start=2))]
    assert [text for text, _ in found["sum"].values()] == ["x0", "x1", "x2", "x3", "x4"]


def test_stamps_skip_the_places_between_outputs_that_are_apart():
    layer = ConvTranspose(2, 1, stride=2, input_dilation=2)
    found = panels(plot.stamps(layer, [[3]], [[1, 2], [4, 5]]))
    texts = {name: {place: text for place, (text, _) in cells.items() if text} for name, cells in found.items()}
    assert texts == {
        "stamp-0": {(0, 0): "3"},
        "stamp-1": {(0, 2): "6"},
        "stamp-2": {(2, 0): "12"},
        "stamp-3": {(2, 2): "15"},
        "sum": {(0, 0): "3", (0, 2): "6", (2, 0): "12", (2, 2): "15"},
    }


# -- zero insertion --------------------------------------------------------------------------------------------------


def test_insertion_has_the_flipped_kernel_and_the_window():
    ax = plot.insertion(ODD, output=(2, 3))
    found = panels(ax)
    assert [text for text, _ in found["kernel"].values()] == [f"w{r}{c}" for r in (2, 1, 0) for c in (2, 1, 0)]
    assert [paper for _, paper in found["kernel"].values()] == tap_colours((3, 3))[::-1]
    inputs = {place: text for place, (text, _) in found["input"].items() if text != "0"}
    assert inputs == {(1 + 2 * row, 1 + 2 * col): f"y{row}{col}" for row in range(3) for col in range(3)}
    (caption,) = [text.label for text in ax.texts if text.get_gid() == "caption"]
    assert caption == "x23 = w12·y11 + w10·y12"


def test_insertion_of_another_channel():
    layer = ConvTranspose((2,), 2, out_channels=2)
    weight, x = np.arange(4).reshape(1, 2, 2), [10, 1]
    (caption,) = [
        text.label
        for text in plot.insertion(layer, weight, x, output=(1,), channel=1).texts
        if text.get_gid() == "caption"
    ]
    assert caption == "x1.1 = 3·10 + 2·1 = 32"


@pytest.mark.parametrize("draw", [plot.stamps, plot.insertion, plot.crop])
def test_a_convolution_has_none_of_these_views(draw):
    message = r"^this picture is one of a ConvTranspose, got Conv\(.*\): take layer.T$"
    with pytest.raises(ValueError, match=message) as caught:
        draw(Conv(4, 3))
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: plot.crop(ConvTranspose(3, 3, padding=1, padding_mode="replicate")),
            r"^padding_mode 'replicate' folds the border back onto the result and crops nothing: draw the stamps$",
        ),
        (
            lambda: plot.crop(ConvTranspose((2, 2, 2), 2)),
            r"^maps are drawn for at most 2 axes, got 3: draw a layer of 2",
        ),
        (
            lambda: plot.crop(ConvTranspose((300,), 2)),
            r"^the whole result is 301 but at most 256 places on an axis are",
        ),
        (lambda: plot.crop(ODD, channel=1), r"^channel 1 is not there: the output has channels 0 to 0$"),
        (
            lambda: plot.stamps(ConvTranspose(9, 2)),
            r"^81 inputs reach this channel, a stamp for each, but at most 64 are",
        ),
        (lambda: plot.insertion(ODD, output=(6, 0)), r"^output \(6, 0\) is not there: the output map is 6 × 6$"),
        (
            lambda: Scene(Conv(3, 2)).uncropped(),
            r"^only a transposed convolution crops its result: take the scene of lay",
        ),
    ],
)
def test_what_the_views_refuse(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
    assert not plt.get_fignums()
