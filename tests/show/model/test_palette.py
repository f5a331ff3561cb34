"""Colours: the family of the taps and its distances for every reader, roles that differ, readable labels, values."""

import dataclasses
import itertools
import re
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.core.errors import WrongTypeError
from convmatrix.show.model.palette import (
    GUIDE_INPUT,
    GUIDE_OUTPUT,
    GUIDE_SEEN,
    GUIDE_WINDOW,
    PAPERS,
    THEMES,
    ink_on,
    over,
    rgb,
    tap_colours,
    value_colours,
    value_scale,
)
from tests.support.colour_vision import (
    VISIONS,
    contrast,
    distances,
    greyscale,
    linear,
    luminance,
    parts,
    seen,
    smallest_distance,
    uniform,
)

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
SQUARES = range(1, 8)
SIZES = [(), *((k,) for k in range(1, 12)), *((k, k) for k in SQUARES), (1, 5), (5, 1), (3, 7), (7, 3), (9, 2), (2, 64)]
THEME_NAMES = ("light", "dark", "print")


def square(k, vision="normal"):
    """Taps of a k x k kernel in CAM02-UCS: shape (k, k, 3)."""
    return uniform(seen(linear(parts(tap_colours((k, k)))), vision)).reshape(k, k, 3)


def neighbours(k, axis):
    """Smallest distance of neighbouring taps along an axis, for every reader."""
    return min(np.linalg.norm(np.diff(square(k, vision), axis=axis), axis=-1).min() for vision in VISIONS)


def from_papers(colours, roles, themes=("light", "dark")):
    """Smallest distance of any colour from any of some papers, for every reader."""
    papers = [getattr(THEMES[theme], role) for theme in themes for role in roles]
    return min(distances([*papers, *colours], vision)[: len(papers), len(papers) :].min() for vision in VISIONS)


def hues(points):
    return np.degrees(np.arctan2(points[..., 2], points[..., 1]))


def turn(degrees):
    """An angle as the turn to it: -180 to 180."""
    return (degrees + 180) % 360 - 180


# colorspacious 1.1.2, cspace_convert from "sRGB1" to "CAM02-UCS", the deficiencies by "sRGB1+CVD" of severity 100.
@pytest.mark.parametrize(
    ("colour", "vision", "wanted"),
    [
        ("#000000", "normal", (0.000, 0.000, 0.000)),
        ("#ffffff", "normal", (99.999, -1.912, -1.151)),
        ("#d95f02", "normal", (60.157, 21.647, 25.983)),
        ("#1f5fa8", "protanopia", (44.237, -7.166, -25.176)),
        ("#2f9380", "deuteranopia", (56.062, -1.290, -2.033)),
        ("#8d71e0", "tritanopia", (58.313, -4.248, -12.201)),
        ("#808080", "tritanopia", (56.229, -1.265, -0.762)),
    ],
)
def test_the_measure_agrees_with_another(colour, vision, wanted):
    assert uniform(seen(linear(parts([colour])), vision))[0] == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize(
    ("k", "any_two", "in_row", "in_column", "from_ground", "grey"),
    [
        (2, 21.1, 28.2, 21.1, 22.2, 28.7),
        (3, 18.4, 18.4, 19.2, 18.4, 18.7),
        (4, 12.6, 13.3, 12.8, 13.4, 13.4),
        (5, 8.5, 10.4, 12.4, 12.2, 10.7),
        (6, 6.5, 8.3, 9.1, 11.1, 8.8),
        (7, 5.3, 7.1, 9.0, 10.3, 7.3),
    ],
)
def test_distances_of_squares_are_the_stated_ones(k, any_two, in_row, in_column, from_ground, grey):
    colours = tap_colours((k, k))
    assert smallest_distance(colours) == pytest.approx(any_two, abs=0.051)
    assert neighbours(k, axis=1) == pytest.approx(in_row, abs=0.051)
    assert neighbours(k, axis=0) == pytest.approx(in_column, abs=0.051)
    assert from_papers(colours, ("ground", "map")) == pytest.approx(from_ground, abs=0.051)
    rows = [greyscale(colours[start : start + k]) for start in range(0, k * k, k)]
    assert min(smallest_distance(row, "normal") for row in rows) == pytest.approx(grey, abs=0.051)


@pytest.mark.parametrize(("k", "floor"), [(3, 18), (4, 12), (5, 8), (7, 5)])
def test_any_two_taps_are_distinct_for_everybody(k, floor):
    assert smallest_distance(tap_colours((k, k))) >= floor
    assert from_papers(tap_colours((k, k)), ("ground", "map")) >= floor


def test_a_single_tap_is_distinct_from_ground_and_map():
    assert tap_colours(()) == tap_colours((1,)) == tap_colours((1, 1)) == tap_colours((1, 1, 1))
    assert from_papers(tap_colours(()), ("ground", "map")) == pytest.approx(42.6, abs=0.051)


@pytest.mark.parametrize("k", SQUARES)
def test_taps_are_distinct_from_every_paper(k):
    assert from_papers(tap_colours((k, k)), PAPERS, THEME_NAMES) >= {1: 40, 2: 17, 3: 13, 4: 9, 5: 8, 6: 7, 7: 6}[k]


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("k", SQUARES)
def test_lightness_names_the_column(k, vision):
    """It grows along every row, for every reader, by about the same steps."""
    steps = np.diff(square(k, vision)[..., 0], axis=1)
    assert (steps >= 40 / k).all()
    assert steps.max(initial=0) <= 2 * steps.min(initial=100)


@pytest.mark.parametrize("k", SQUARES[1:])
def test_hue_names_the_row(k):
    """It stays within 11.5 degrees in a row, and no other row comes nearer than 15."""
    angles = hues(square(k))
    assert np.ptp(turn(angles - angles[:, :1]), axis=1).max() <= 11.5
    for one, other in itertools.combinations(range(k), 2):
        assert np.abs(turn(angles[one][:, None] - angles[other][None, :])).min() >= 15


@pytest.mark.parametrize(("row", "low", "high"), [(0, 60, 80), (1, 165, 190), (2, 280, 295)])
def test_the_first_rows_are_amber_teal_and_violet_in_all_sizes(row, low, high):
    for k in range(row + 1, 8):
        assert ((low <= hues(square(k))[row] % 360) & (hues(square(k))[row] % 360 <= high)).all()


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (3, 7), (7, 3), (5, 2), (1, 5)])
def test_rectangles_are_cut_from_the_squares_ramps(rows, columns):
    """Row r of any kernel has the hue of row r in a square, and the lightness of the square of as many columns."""
    most = max(rows, columns)
    square_of = np.array(tap_colours((most, most))).reshape(most, most)
    colours = np.array(tap_colours((rows, columns))).reshape(rows, columns)
    if columns == most:
        assert_array_equal(colours, square_of[:rows])
    angles = hues(uniform(linear(parts(colours.ravel())))).reshape(rows, columns)
    assert np.abs(turn(angles[:, columns // 2] - hues(square(most))[:rows, most // 2])).max() <= 6


@pytest.mark.parametrize(("size", "floor"), [((2, 3), 18), ((1, 5), 10), ((3, 7), 7), ((7, 3), 4), ((5, 1), 19)])
def test_taps_of_rectangles_are_distinct_for_everybody(size, floor):
    assert smallest_distance(tap_colours(size)) >= floor


@pytest.mark.parametrize(
    ("k", "any_two", "grey"),
    [
        (2, 35.3, 32.2),
        (3, 26.3, 16.7),
        (4, 21.9, 11.5),
        (5, 19.7, 9.3),
        (6, 11.2, 6.8),
        (7, 8.6, 5.2),
        (8, 5.8, 6.2),
        (9, 4.9, 5.0),
    ],
)
def test_a_kernel_of_one_axis_steps_through_hue_and_lightness(k, any_two, grey):
    colours = tap_colours((k,))
    assert smallest_distance(colours) == pytest.approx(any_two, abs=0.051)
    assert smallest_distance(greyscale(colours), "normal") == pytest.approx(grey, abs=0.051)
    assert (np.diff(luminance(colours)) > 0).all()
    assert tap_colours((k, 1)) == colours


def test_depth_repeats_the_colours():
    assert tap_colours((4, 3, 3)) == 4 * tap_colours((3, 3))
    assert tap_colours((2, 3, 1, 2)) == 6 * tap_colours((1, 2))


@pytest.mark.parametrize("size", [(8, 8), (9, 5), (64, 64), (300, 200), (2, 4000), (65536,), (1, 65536), (16, 64, 64)])
def test_large_kernels_cycle_through_the_hues(size):
    colours = tap_colours(size)
    assert len(colours) == prod(size)
    rows, columns = size[-2:] if len(size) > 1 else (size[0], 1)
    points = uniform(linear(parts(colours[: rows * columns]))).reshape(rows, columns, 3)
    if columns > 1:
        assert (np.diff(points[..., 0], axis=1) > -0.5).all()  # of 8 bits
        assert (points[:, -1, 0] - points[:, 0, 0]).min() > 40
    if rows > 64:  # smooth: no row is far from the next, and the last is beside the first
        middle = points[:, columns // 2]
        assert np.linalg.norm(np.diff(middle, axis=0), axis=-1).max() < 3
        assert columns == 1 or np.linalg.norm(middle[-1] - middle[0]) < 3


@given(st.lists(st.integers(1, 12), max_size=4))
def test_each_tap_has_a_colour_and_a_readable_label(size):
    colours = tap_colours(size)
    assert len(colours) == prod(size)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    assert min(contrast(ink_on(colour), colour) for colour in set(colours)) >= 4.5


@pytest.mark.parametrize(
    ("size", "error", "sentence"),
    [
        (3, WrongTypeError, "kernel_size must have an integer for each axis, got 3: write a tuple"),
        ("33", WrongTypeError, "kernel_size must have an integer for each axis, got '33': write a tuple"),
        ((3, 0), ValueError, "kernel_size on axis 1 must be at least 1, got 0"),
        (
            (2.0, 3),
            WrongTypeError,
            "kernel_size on axis 0 must be an integer, got 2.0: write 2",
        ),
        (
            (300, 300),
            ValueError,
            "a kernel of 300 x 300 taps has 90000, but there are colours for 65536 at most: colour its cells by value",
        ),
        (
            (2**70,),
            ValueError,
            "a kernel of 1180591620717411303424 taps has 1180591620717411303424, but there are colours for 65536 at"
            " most: colour its cells by value",
        ),
    ],
)
def test_no_colours_for_what_is_no_kernel_size(size, error, sentence):
    with pytest.raises(error) as caught:
        tap_colours(size)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", THEME_NAMES)
def test_two_papers_differ_in_mark_or_tint(name):
    theme = THEMES[name]
    assert set(theme.marks) == set(PAPERS)
    assert set(theme.marks.values()) <= {"", "slash", "dot", "dashed"}
    for one, other in itertools.combinations(PAPERS, 2):
        if theme.marks[one] == theme.marks[other]:
            assert smallest_distance([getattr(theme, one), getattr(theme, other)]) >= 4, (one, other)


@pytest.mark.parametrize("name", THEME_NAMES)
def test_text_lines_and_marks_of_a_theme_are_readable(name):
    theme = THEMES[name]
    papers = [getattr(theme, role) for role in ("ground", *PAPERS)]
    assert min(contrast(theme.ink, paper) for paper in papers) >= 7
    assert min(contrast(theme.window, paper) for paper in papers) >= 7
    assert min(contrast(theme.mark, paper) for paper in papers) >= 2.5
    assert min(contrast(theme.quiet, paper) for paper in (theme.ground, theme.map)) >= 4.5
    assert contrast(theme.muted_ink, theme.muted) >= 4.5
    assert 1.7 <= contrast(theme.zero, theme.ground) <= 3
    assert contrast(theme.soft, theme.ground) < contrast(theme.line, theme.ground)
    assert contrast(theme.line, theme.map) >= 1.35
    assert min(contrast(ink_on(paper), paper) for paper in papers) >= 4.5


@pytest.mark.parametrize("name", THEME_NAMES)
def test_labels_are_readable_on_a_tap_laid_over_the_map(name):
    """The window tints the cells that it meets with 30 % of their taps; the theme's own ink reads there."""
    theme = THEMES[name]
    for size in SIZES:
        tints = [over(colour, theme.map, 0.3) for colour in tap_colours(size)]
        assert min(contrast(theme.ink, tint) for tint in tints) >= 4.5
        assert min(contrast(ink_on(tint), tint) for tint in tints) >= 4.5


@pytest.mark.parametrize("name", THEME_NAMES)
def test_a_tinted_cell_of_a_small_kernel_differs_from_the_map(name):
    theme = THEMES[name]
    tints = [over(colour, theme.map, 0.3) for colour in tap_colours((3, 3))]
    assert min(smallest_distance([tint, theme.map]) for tint in tints) >= 5


def test_print_is_grey_but_for_taps_and_values():
    fields = [
        part.name for part in dataclasses.fields(THEMES["print"]) if part.name not in ("marks", "negative", "positive")
    ]
    assert len(fields) == 16
    for name in fields:
        assert len(set(rgb(getattr(THEMES["print"], name)))) == 1, name


def test_themes_cannot_be_changed():
    theme = THEMES["light"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        theme.ground = "#000000"
    with pytest.raises(TypeError):
        theme.marks["map"] = "slash"
    with pytest.raises(TypeError):
        THEMES["light"] = THEMES["dark"]


@pytest.mark.parametrize("vision", VISIONS)
def test_the_guides_code(vision):
    """The window's frame stands out from the guide's blue and cyan, and the seen part of the input from the rest."""
    for paper in (GUIDE_INPUT, GUIDE_OUTPUT, "#ffffff"):
        assert smallest_distance([GUIDE_WINDOW, paper], vision) > 30
    assert smallest_distance([GUIDE_INPUT, GUIDE_SEEN], vision) > 10
    assert min(contrast(ink_on(paper), paper) for paper in (GUIDE_INPUT, GUIDE_SEEN, GUIDE_OUTPUT)) >= 4.5


@given(COLOURS)
def test_ink_reads_on_every_colour(colour):
    ink = ink_on(colour)
    assert contrast(ink, colour) >= 4.5
    if ink == "#000000":  # only where neither of the inks of the themes reads
        assert max(contrast("#ffffff", colour), contrast("#1b1f24", colour)) < 4.5
    else:
        other = {"#ffffff": "#1b1f24", "#1b1f24": "#ffffff"}[ink]
        assert contrast(ink, colour) >= contrast(other, colour) - 1e-9


@given(COLOURS, COLOURS)
def test_over_goes_from_the_ground_to_the_colour(colour, ground):
    assert over(colour, ground, 0) == ground
    assert over(colour, ground, 1) == colour
    mixed, ends = rgb(over(colour, ground, 0.25)), zip(rgb(colour), rgb(ground), strict=True)
    for part, (above, below) in zip(mixed, ends, strict=True):
        assert abs(Fraction(part) - (Fraction(above) + 3 * below) / 4) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: over("#000000", "#ffffff", 1.5), ValueError, "part must be from 0 to 1, got 1.5"),
        (lambda: over("#000000", "white", 0.5), ValueError, "a colour is written #rrggbb, got 'white'"),
        (lambda: ink_on("#12345"), ValueError, "a colour is written #rrggbb, got '#12345'"),
        (lambda: rgb(0), WrongTypeError, "colour must be a text, got 0 (int)"),
    ],
)
def test_no_colour(call, error, sentence):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", THEME_NAMES)
@pytest.mark.parametrize("vision", VISIONS)
def test_values_go_from_the_ground_to_two_colours_in_equal_steps(name, vision):
    theme = THEMES[name]
    values, colours = zip(*value_scale(2, theme, 33), strict=True)
    assert_array_equal(values, np.arange(-16, 17) / 8)
    assert (colours[0], colours[16], colours[32]) == (theme.negative, theme.ground, theme.positive)
    points = uniform(seen(linear(parts(colours)), vision))
    for side in (points[16::-1], points[16:]):  # from 0 outwards: away from the ground's lightness, step by step
        steps = np.diff(side[:, 0]) * (-1 if name != "dark" else 1)
        assert steps.min() > 0.5
    assert np.linalg.norm(points[0] - points[-1]) >= 45
    for step in range(4, 17):
        assert np.linalg.norm(points[16 - step] - points[16 + step]) >= 10  # the sign, for everybody


@pytest.mark.parametrize("name", THEME_NAMES)
def test_labels_are_readable_on_every_value(name):
    colours = [colour for _, colour in value_scale(1, THEMES[name], 301)]
    assert min(contrast(ink_on(colour), colour) for colour in colours) >= 4.5


def test_limits_are_symmetric():
    light = THEMES["light"]
    colours = value_colours([[-1, 0], [4, 2]], theme=light)
    assert colours.shape == (2, 2)
    assert_array_equal(colours, value_colours([[-1, 0], [4, 2]], limit=4, theme=light))
    assert_array_equal(colours.ravel(), [dict(value_scale(4, light, 9))[value] for value in (-1, 0, 4, 2)])
    assert_array_equal(value_colours([-9, 9], limit=3, theme=light), [light.negative, light.positive])


def test_values_of_every_numeric_type_have_colours():
    light = THEMES["light"]
    assert_array_equal(value_colours(np.zeros((2, 3)), theme=light), np.full((2, 3), light.ground))
    assert value_colours([], theme=light).shape == (0,)
    assert_array_equal(value_colours([True, False], theme=light), [light.positive, light.ground])
    assert_array_equal(value_colours([3 + 4j, -5, 0], theme=light), value_colours([5, 5, 0], theme=light))
    extremes = np.array([np.finfo(np.float64).max, 0, np.finfo(np.float64).min])
    assert_array_equal(value_colours(extremes, theme=light), [light.positive, light.ground, light.negative])
    assert value_colours(5, theme=light).item() == light.positive


@pytest.mark.parametrize(
    ("values", "limit", "error", "sentence"),
    [
        ([[0, 1], [float("nan"), 2]], None, ValueError, "values must be finite to have colours, but (1, 0) has nan"),
        ([1, -float("inf")], None, ValueError, "values must be finite to have colours, but (1,) has -inf"),
        (float("nan"), None, ValueError, "values must be finite to have colours, but () has nan"),
        ([1, 2], 0, ValueError, "limit must be above 0, got 0"),
        ([1, 2], float("inf"), ValueError, "limit must be a finite number, got inf"),
        (["a"], None, WrongTypeError, "values must be numbers, got an array of dtype <U1"),
    ],
)
def test_no_colours_for_values(values, limit, error, sentence):
    with pytest.raises(error) as caught:
        value_colours(values, limit=limit, theme=THEMES["light"])
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: value_scale(-1, THEMES["dark"], 3), ValueError, "limit must be above 0, got -1"),
        (lambda: value_scale(1, THEMES["dark"], 1), ValueError, "count must be from 2 to 65536, got 1"),
        (lambda: value_scale(1, "dark", 3), WrongTypeError, "theme must be a Theme, got 'dark' (str)"),
    ],
)
def test_no_colour_bar(call, error, sentence):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == sentence
