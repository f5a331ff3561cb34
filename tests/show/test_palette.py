"""Colours: those of matplotlib that they are said to be, apart from each other, and readable."""

import colorsys

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb

from convmatrix.show.palette import INPUT, OUTPUT, SEEN, WINDOW, ink_on, rgb, tap_colours

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
COUNTS = (1, 2, 9, 10, 11, 12, 25, 49, 121, 1000)


def luminance(colour):
    """Relative luminance, WCAG 2.1."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_up_to_ten_taps_have_petroffs_colours():
    petroff = [to_hex(colour) for colour in mpl.color_sequences["petroff10"]]
    for count in range(11):
        assert tap_colours(count) == petroff[:count]


def test_more_taps_have_samples_of_cividis():
    cividis = mpl.colormaps["cividis"]
    assert tap_colours(17) == [to_hex(cividis(sample / 16)) for sample in range(17)]
    assert tap_colours(11)[::10] == [to_hex(cividis(0.0)), to_hex(cividis(1.0))]
    for count in (11, 25, 49, 256):
        for tap, colour in enumerate(tap_colours(count)):
            wanted = cividis(tap / (count - 1))
            # Between the 17 it is mixed; the map bends most where its blue ends to grow.
            assert max(abs(part / 255 - want) for part, want in zip(rgb(colour), wanted[:3], strict=True)) <= 12 / 255


@pytest.mark.parametrize("count", COUNTS)
def test_each_tap_has_a_colour(count):
    colours = tap_colours(count)
    assert len(colours) == count
    if count <= 121:
        assert len(set(colours)) == count
    brightness = [luminance(colour) for colour in colours]
    if count > 10:
        assert brightness[0] == min(brightness)
        assert brightness[-1] == max(brightness)


@pytest.mark.parametrize("count", COUNTS)
def test_ink_is_readable_on_every_tap(count):
    assert min(contrast(ink_on(colour), colour) for colour in tap_colours(count)) >= 4.5


@pytest.mark.parametrize("colour", [INPUT, OUTPUT, SEEN])
def test_ink_is_readable_on_every_map(colour):
    assert contrast(ink_on(colour), colour) >= 4.5


@given(COLOURS)
def test_ink_is_the_better_of_the_two(colour):
    other = {"#000000": "#ffffff", "#ffffff": "#000000"}[ink_on(colour)]
    assert contrast(ink_on(colour), colour) >= contrast(other, colour) - 1e-9
    assert contrast(ink_on(colour), colour) >= 4.5


@given(COLOURS)
def test_rgb(colour):
    assert tuple(part / 255 for part in rgb(colour)) == to_rgb(colour)


def test_the_code_of_the_field():
    """Input blue, darker under the window, output cyan; the window's frame stands out from both."""
    hues = {name: colorsys.rgb_to_hls(*to_rgb(colour))[0] * 360 for name, colour in
            (("input", INPUT), ("seen", SEEN), ("output", OUTPUT), ("window", WINDOW))}  # fmt: skip
    assert all(195 <= hues[name] <= 230 for name in ("input", "seen", "window"))
    assert 165 <= hues["output"] <= 190
    assert luminance(WINDOW) < luminance(SEEN) < luminance(INPUT)
    assert min(contrast(WINDOW, INPUT), contrast(WINDOW, OUTPUT)) >= 3
