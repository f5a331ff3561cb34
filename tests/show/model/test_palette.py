"""Colours: the named ones of matplotlib, apart from each other, and readable."""

import colorsys
import itertools

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb

from convmatrix.show.model.palette import INPUT, OUTPUT, SEEN, WINDOW, ink_on, rgb, tap_colours

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


# Machado, Oliveira & Fernandes 2009, severity 1: what is left of linear red, green and blue.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TO_LAB = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]])


def smallest_distance(colours, deficiency):
    """CIE 1976: the smallest distance of two colours in L*a*b*, of white D65, as somebody sees them."""
    parts = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(DEFICIENCIES[deficiency]), 0, 1)
    lab = np.cbrt(seen @ TO_XYZ.T / TO_XYZ.sum(axis=1)) @ TO_LAB.T
    return min(np.linalg.norm(one - other) for one, other in itertools.combinations(lab, 2))


@pytest.mark.parametrize(
    ("deficiency", "distance"), [("none", 19.3), ("protanopia", 18.5), ("deuteranopia", 17.6), ("tritanopia", 17.3)]
)
def test_ten_taps_are_distinct_for_everybody(deficiency, distance):
    assert smallest_distance(tap_colours(10), deficiency) == pytest.approx(distance, abs=0.5)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_window_is_distinct_from_its_background(deficiency):
    for map_colour in (INPUT, OUTPUT, "#ffffff"):
        assert smallest_distance((WINDOW, map_colour), deficiency) > 35
    assert smallest_distance((INPUT, SEEN), deficiency) > 13


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
    hues = {
        name: colorsys.rgb_to_hls(*to_rgb(colour))[0] * 360
        for name, colour in (("input", INPUT), ("seen", SEEN), ("output", OUTPUT), ("window", WINDOW))
    }
    assert all(195 <= hues[name] <= 230 for name in ("input", "seen", "window"))
    assert 165 <= hues["output"] <= 190
    assert luminance(WINDOW) < luminance(SEEN) < luminance(INPUT)
    assert min(contrast(WINDOW, INPUT), contrast(WINDOW, OUTPUT)) >= 3
