"""Colours: hue names the kernel's row and lightness its column, maps are neutral, and each role has its paper and mark.

They are defined as numbers here, so that text output needs no matplotlib.

The family of the taps is seven ramps from dark to light, one for each row: amber, teal, violet, plum, green, indigo and
rust. They were found by a search for all sizes at once, over lightness, chroma and hue in OKLCH with hues near these
seven (CMA-ES, nine minutes on two cores). It maximized the smallest distance of any two taps in CAM02-UCS, relative to
18 for 3x3, 12 for 4x4, 8 for 5x5 and 5 for 7x7, under normal vision, protanopia, deuteranopia and tritanopia (Machado
et al. 2009, severity 1), with ground and map of the light and the dark theme as further colours; of the families that
reach these, one of calm chroma was chosen by eye. Smallest distances of the 8-bit colours under all four, and in the
last column of any two taps of one row in greyscale:

====  =======  =================  ====================  ==================  =========
size  any two  neighbours in row  neighbours in column  tap and ground/map  greyscale
====  =======  =================  ====================  ==================  =========
1x1                                                                   42.6
2x2      21.1               28.2                  21.1                22.2       28.7
3x3      18.4               18.4                  19.2                18.4       18.7
4x4      12.6               13.3                  12.8                13.4       13.4
5x5       8.5               10.4                  12.4                12.2       10.7
6x6       6.5                8.3                   9.1                11.1        8.8
7x7       5.3                7.1                   9.0                10.3        7.3
====  =======  =================  ====================  ==================  =========

Within a row the hue stays within 11 degrees, as CAM02-UCS has it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers.arguments import array_of, check_kind, check_text, entries_of, integer, per_axis, real_number

__all__ = [
    "BLACK",
    "GUIDE_INPUT",
    "GUIDE_OUTPUT",
    "GUIDE_SEEN",
    "GUIDE_WINDOW",
    "PAPERS",
    "THEMES",
    "WHITE",
    "Theme",
    "family",
    "ink_on",
    "largest",
    "over",
    "rgb",
    "tap_colours",
    "value_colours",
    "value_scale",
]

BLACK, WHITE = "#000000", "#ffffff"

GUIDE_INPUT = "#9ec9ea"
GUIDE_SEEN = "#6aa5d8"
GUIDE_OUTPUT = "#9fdfd8"
GUIDE_WINDOW = "#1f5f99"
"""The guide's code, for its own figures alone: input blue, darker under the window, output cyan, the window's frame."""

PAPERS = ("map", "padding", "inserted", "copied", "cropped", "added", "muted")
"""Roles of a cell that are no tap, each a field of :class:`Theme`: its paper."""

_MARKS = MappingProxyType(
    {
        "map": "",
        "padding": "dashed",
        "inserted": "dot",
        "copied": "dashed",
        "cropped": "slash",
        "added": "dot",
        "muted": "",
    }
)


@dataclass(frozen=True)
class Theme:
    """Colours of everything but the taps, each named by its role and written ``#rrggbb``.

    Two of the papers always differ in their mark, or are 4 apart in CAM02-UCS for every reader.
    """

    ground: str
    """Background of the picture; a zero of the matrix has no other paper."""

    ink: str
    """Text on the ground and on every paper."""

    quiet: str
    """Secondary text on the ground or a map, such as sizes: 4.5:1."""

    line: str
    """Borders of cells."""

    soft: str
    """Faint borders, of the matrix's zeros."""

    map: str
    """Paper of an input's or output's cell."""

    padding: str
    """Paper of a zero around the input."""

    inserted: str
    """Paper of a zero between the elements of the input."""

    copied: str
    """Paper of a border cell that repeats an element of the input, as in reflection."""

    cropped: str
    """Paper of a cell that is computed and then cut off."""

    added: str
    """Paper of an output cell that ``output_padding`` adds."""

    muted: str
    """Paper of a cell that steps back while others are shown."""

    muted_ink: str
    """Text on the paper of muted cells: 4.5:1."""

    zero: str
    """Ink of the matrix's zeros: faint, 1.7:1."""

    window: str
    """Outline of the window, and of what belongs to it."""

    mark: str
    """Ink of the marks."""

    negative: str
    """Paper of the most negative value, where cells are filled by value; 0 has the ground."""

    positive: str
    """Paper of the most positive value."""

    marks: Mapping[str, str] = field(default_factory=lambda: _MARKS)
    """Mark of each of the PAPERS: ``"slash"`` (a diagonal), ``"dot"``, ``"dashed"`` (its border) or none, ``""``."""


THEMES: Mapping[str, Theme] = MappingProxyType(
    {
        "light": Theme(
            ground="#ffffff",
            ink="#1b1f24",
            quiet="#5b6470",
            line="#c8ced8",
            soft="#eceff3",
            map="#eef1f5",
            padding="#ffffff",
            inserted="#ffffff",
            copied="#dfe4eb",
            cropped="#eef1f5",
            added="#dfe4eb",
            muted="#ffffff",
            muted_ink="#6b7480",
            zero="#b9c1cc",
            window="#1b1f24",
            mark="#7f8997",
            negative="#b45f06",
            positive="#1f5fa8",
        ),
        "dark": Theme(
            ground="#14171c",
            ink="#e9edf2",
            quiet="#9aa5b3",
            line="#3c444f",
            soft="#1f252d",
            map="#222932",
            padding="#14171c",
            inserted="#14171c",
            copied="#2a333e",
            cropped="#222932",
            added="#2a333e",
            muted="#14171c",
            muted_ink="#818c9a",
            zero="#4a5460",
            window="#ffffff",
            mark="#7f8997",
            negative="#f3a14f",
            positive="#6cb0f5",
        ),
        "print": Theme(
            ground="#ffffff",
            ink="#000000",
            quiet="#4d4d4d",
            line="#9e9e9e",
            soft="#dedede",
            map="#f0f0f0",
            padding="#ffffff",
            inserted="#ffffff",
            copied="#e4e4e4",
            cropped="#f0f0f0",
            added="#e4e4e4",
            muted="#ffffff",
            muted_ink="#6b6b6b",
            zero="#b0b0b0",
            window="#000000",
            mark="#6b6b6b",
            negative="#b45f06",
            positive="#1f5fa8",
        ),
    }
)
"""Themes by name. Taps are the same in all of them; print's own colours are greys, for paper without colour."""

# Each row is a ramp in OKLCH: lightness at its dark and light end; chroma at the dark end, the middle and the light
# end; hue at both ends, in degrees.
_RAMPS = np.array(
    [
        [0.375, 0.862, 0.084, 0.129, 0.126, 58, 74],  # amber
        [0.371, 0.854, 0.052, 0.095, 0.092, 183, 170],  # teal
        [0.381, 0.877, 0.149, 0.162, 0.063, 295, 292],  # violet
        [0.322, 0.803, 0.100, 0.090, 0.066, 325, 331],  # plum
        [0.319, 0.929, 0.047, 0.085, 0.111, 144, 144],  # green
        [0.336, 0.805, 0.099, 0.095, 0.067, 274, 270],  # indigo
        [0.267, 0.780, 0.067, 0.127, 0.130, 35, 44],  # rust
    ]
)

_CIRCLE = (0, 4, 1, 5, 2, 3, 6)
"""The ramps by hue, from amber on."""

_LINE = (0.32, 0.82)
"""Lightness of the ends of a kernel of one axis."""

_MOST_COLOURS = 2**16
"""Most colours; more than anybody can distinguish."""

_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_DARK = "#1b1f24"

# Ottosson 2020: OKLab's cube roots of cones from L, a, b, and linear red, green and blue from their cubes.
_TO_ROOTS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
)
_TO_LIGHT = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.707614701],
    ]
)


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, 0 to 255; anything else is a ValueError."""
    check_text("colour", colour)
    if not _COLOUR.fullmatch(colour):
        raise ValueError(f"a colour is written #rrggbb, got {short(colour)}")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def over(colour: str, ground: str, part: float) -> str:
    """Lay a colour over a ground with an opacity, as SVG does.

    Returns
    -------
    str
        As ``#rrggbb``: what one sees.

    Raises
    ------
    ValueError
        If the part is not from 0 to 1, or a colour none.

    Examples
    --------
    >>> over("#004080", "#ffffff", 0.5)
    '#80a0c0'
    """
    if not 0 <= real_number("part", part) <= 1:
        raise ValueError(f"part must be from 0 to 1, got {short(part)}")
    pairs = zip(rgb(colour), rgb(ground), strict=True)
    return "#" + bytes(round(below + (above - below) * part) for above, below in pairs).hex()


def ink_on(colour: str) -> str:
    """Ink that reads on a colour with a contrast of 4.5:1 or more (WCAG 2.1): white or near black, else black.

    Returns
    -------
    str
        As ``#rrggbb``.

    Raises
    ------
    ValueError
        If the colour is none.

    Examples
    --------
    >>> ink_on("#e9b478"), ink_on("#3e1e70")
    ('#1b1f24', '#ffffff')
    """
    paper = _luminance(colour) + 0.05
    bright, dark = 1.05 / paper, paper / (_luminance(_DARK) + 0.05)
    if max(bright, dark) < 4.5:
        return BLACK
    return WHITE if bright >= dark else _DARK


def tap_colours(kernel_size: Sequence[int]) -> list[str]:
    """One colour for each tap of a kernel, in C order: hue by row, lightness by column.

    Kernels of all sizes share one family: up to seven rows have its seven hues in order, more go once round the circle
    of hues. A kernel of one axis, or of one column, steps through hue and lightness at once, so that greyscale
    separates its taps as well. Axes before the last two repeat the colours: depth is for a mark to tell.

    Parameters
    ----------
    kernel_size : sequence of int
        Taps along each axis; none for a kernel of a single tap.

    Returns
    -------
    list of str
        ``#rrggbb`` for each of prod(kernel_size) taps.

    Raises
    ------
    ValueError
        If an entry is less than 1, or there are more than 65,536 taps.
    WrongTypeError
        If it is no list of integers; a TypeError and a ValueError.

    Examples
    --------
    >>> tap_colours((2, 2))
    ['#8f5104', '#e09a3f', '#1e6f62', '#5ebda3']
    >>> tap_colours((2, 1, 2)) == 2 * tap_colours((1, 2))
    True
    """
    entries = entries_of(kernel_size)
    if entries is None:
        raise WrongTypeError(f"kernel_size must have an integer for each axis, got {short(kernel_size)}: write a tuple")
    size = per_axis("kernel_size", entries, len(entries))
    if prod(size) > _MOST_COLOURS:
        taps = f"{' x '.join(map(short, size))} taps has {short(prod(size))}"
        raise ValueError(
            f"a kernel of {taps}, but there are colours for {_MOST_COLOURS} at most: colour its cells by value"
        )
    *depth, rows, columns = [*size, 1] if len(size) == 1 else size or [1, 1]
    ramps = _ramps(rows)
    if columns == 1:
        levels = _LINE[0] + (_LINE[1] - _LINE[0]) * _middles(rows)
        along = (levels - ramps[:, 0]) / (ramps[:, 1] - ramps[:, 0])
        colours = _on_ramps(ramps, along[:, None])
    else:
        colours = _on_ramps(ramps, _middles(columns)[None, :])
    return prod(depth) * _hex(colours).ravel().tolist()


def family() -> dict[str, Any]:
    """Numbers from which `tap_colours` makes the colours of a kernel, for code in other languages.

    Returns
    -------
    dict
        ``ramps``, one for each row: lightness at both ends, three chromas, hue at both ends in degrees; ``circle``,
        their order by hue; ``line``, lightness of the ends of a kernel of one axis; ``roots`` and ``light``, the
        matrices from OKLab to cube roots and from their cubes to linear light.

    Examples
    --------
    >>> sorted(family())
    ['circle', 'light', 'line', 'ramps', 'roots']
    """
    return {
        "ramps": _RAMPS.tolist(),
        "circle": list(_CIRCLE),
        "line": list(_LINE),
        "roots": _TO_ROOTS.tolist(),
        "light": _TO_LIGHT.tolist(),
    }


def value_colours(values: ArrayLike, *, limit: float | None = None, theme: Theme) -> NDArray[np.str_]:
    """Colour by value: orange below 0, the theme's ground at 0, blue above, with the same limit on both sides.

    Complex values have the colours of their magnitudes.

    Parameters
    ----------
    values : array_like of numbers
    limit : float, optional
        Magnitude of the strongest colours, which larger values have as well; by default the largest magnitude.
    theme : Theme

    Returns
    -------
    array of str
        ``#rrggbb`` for each value, of the shape of `values`.

    Raises
    ------
    ValueError
        If a value is no finite number, or the limit none above 0; a TypeError as well for what is no number at all.

    Examples
    --------
    >>> value_colours([-2, 0, 1, 2], theme=THEMES["light"])
    array(['#b45f06', '#ffffff', '#8faed6', '#1f5fa8'], dtype='<U7')
    """
    check_kind("theme", theme, Theme)
    numbers = _finite(values)
    if limit is None:
        limit = largest(numbers)
    parts = np.clip(numbers / _above_zero(limit), -1, 1)[..., None]
    zero, negative, positive = (_lab(colour) for colour in (theme.ground, theme.negative, theme.positive))
    ends = np.where(parts < 0, negative, positive)
    return _hex(_light(zero + (ends - zero) * np.abs(parts)))


def largest(*values: ArrayLike) -> float:
    """The largest magnitude of some values, or 1 where there is none above 0: a limit for their colours.

    Returns
    -------
    float

    Examples
    --------
    >>> largest([1, -3], [2]), largest([0, 0]), largest()
    (3.0, 1.0, 1.0)
    """
    return max((float(np.abs(each).max(initial=0)) for each in values), default=0.0) or 1.0


def value_scale(limit: float, theme: Theme, count: int = 255) -> list[tuple[float, str]]:
    """Values from -limit to limit in equal steps, each with its colour: a colour bar.

    Returns
    -------
    list of (float, str)

    Raises
    ------
    ValueError
        If the limit is not above 0, or the count not from 2 to 65,536; a TypeError as well for what is no number.

    Examples
    --------
    >>> value_scale(4, THEMES["dark"], 3)
    [(-4.0, '#f3a14f'), (0.0, '#14171c'), (4.0, '#6cb0f5')]
    """
    check_kind("theme", theme, Theme)
    limit = _above_zero(limit)
    if not 2 <= integer("count", count) <= _MOST_COLOURS:
        raise ValueError(f"count must be from 2 to {_MOST_COLOURS}, got {short(count)}")
    values = limit * np.linspace(-1, 1, count)
    return list(zip(values.tolist(), value_colours(values, limit=limit, theme=theme).tolist(), strict=True))


def _above_zero(limit: float) -> float:
    if real_number("limit", limit) <= 0:
        raise ValueError(f"limit must be above 0, got {short(limit)}")
    return float(limit)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    """Values as float64, complex ones as their magnitudes; a ValueError names the first that is not finite."""
    array = array_of("values", values)
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(f"values must be numbers, got an array of dtype {array.dtype}")
    with np.errstate(over="ignore"):  # which gives inf
        numbers: NDArray[np.float64] = (np.abs(array) if array.dtype.kind == "c" else array).astype(np.float64)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        index = tuple(wrong[0].tolist())
        raise ValueError(f"values must be finite to have colours, but {index} has {short(array[index].item())}")
    return numbers


def _middles(count: int) -> NDArray[np.float64]:
    """Middles of equal parts of 0 to 1."""
    return (np.arange(count) + 0.5) / count


def _ramps(rows: int) -> NDArray[np.float64]:
    """Ramps of a kernel's rows, shape (rows, 7): in order, or once round the circle of hues for more than there are."""
    count = len(_RAMPS)
    if rows <= count:
        return _RAMPS[:rows]
    knots = np.vstack([_RAMPS[list(_CIRCLE)], _RAMPS[:1]])
    wrapped = np.maximum.accumulate(knots[:, 5]) > knots[:, 5]  # hues grow round the circle
    knots[wrapped, 5:] += 360
    position = np.arange(rows) * count / rows
    before = position.astype(np.int64)
    between: NDArray[np.float64] = knots[before] + (knots[before + 1] - knots[before]) * (position - before)[:, None]
    return between


def _on_ramps(ramps: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light at places from 0 to 1 along ramps, shape (ramps, places, 3); some ends need clipping."""
    dark, light, *chromas, first, last = ramps.T[:, :, None]  # each of shape (ramps, 1)
    weights = ((1 - along) * (1 - 2 * along), 4 * along * (1 - along), along * (2 * along - 1))  # Lagrange's
    chroma = np.sum([part * weight for part, weight in zip(chromas, weights, strict=True)], axis=0)
    hue = np.radians(first + (last - first) * along)
    lightness = np.broadcast_to(dark + (light - dark) * along, hue.shape)
    direction = np.stack([np.cos(hue), np.sin(hue)], axis=-1)
    return _light(np.concatenate([lightness[..., None], chroma[..., None] * direction], axis=-1))


def _light(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear red, green and blue of OKLab."""
    light: NDArray[np.float64] = (lab @ _TO_ROOTS.T) ** 3 @ _TO_LIGHT.T
    return light


def _lab(colour: str) -> NDArray[np.float64]:
    """OKLab of a colour."""
    lab: NDArray[np.float64] = np.linalg.solve(_TO_ROOTS, np.cbrt(np.linalg.solve(_TO_LIGHT, _linear(colour))))
    return lab


def _hex(light: NDArray[np.float64]) -> NDArray[np.str_]:
    """Colours of linear light, ``#rrggbb``: the shape without the last axis."""
    light = np.clip(light, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    digits = np.rint(255 * encoded).astype(np.uint8).tobytes().hex()
    colours = [f"#{digits[start : start + 6]}" for start in range(0, len(digits), 6)]
    return np.array(colours, dtype="<U7").reshape(light.shape[:-1])


def _linear(colour: str) -> NDArray[np.float64]:
    """Linear red, green and blue of a colour."""
    parts = np.array(rgb(colour)) / 255
    linear: NDArray[np.float64] = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear


def _luminance(colour: str) -> float:
    return float(_linear(colour) @ [0.2126, 0.7152, 0.0722])
