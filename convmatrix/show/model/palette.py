"""Colours: one for each tap, distinct under the common colour-vision deficiencies; text that stays readable on them.

They are defined as numbers here, so that text output needs no matplotlib.
"""

import re

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import short
from convmatrix.layers.arguments import check_text, integer, real_number

__all__ = ["INPUT", "OUTPUT", "SEEN", "WINDOW", "ink_on", "rgb", "tap_colours", "tint"]

INPUT = "#9ec9ea"
SEEN = "#6aa5d8"
OUTPUT = "#9fdfd8"
WINDOW = "#1f5f99"
"""The field's code: input blue, darker where the window lies, output cyan; and the frame of the window."""

# Petroff, arXiv:2107.02270: matplotlib's "petroff10". All ten are 14.5 apart or more in CAM02-UCS, and 17.3 or more in
# CIE L*a*b*, also under protanopia, deuteranopia and tritanopia.
_PETROFF = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)

# Nunez, Anderton & Renslow, doi:10.1371/journal.pone.0199239: matplotlib's "cividis" at 0, 1/16, ..., 1.
_CIVIDIS = (
    "#00224e",
    "#002e6a",
    "#1a386f",
    "#32436d",
    "#434e6c",
    "#535a6d",
    "#61656f",
    "#6f7073",
    "#7d7c78",
    "#8c8878",
    "#9b9476",
    "#aba072",
    "#bcae6c",
    "#cdbb63",
    "#dec958",
    "#f0d846",
    "#fee838",
)


_MOST_COLOURS = 2**16
"""Most colours; more than anybody can distinguish."""

_COLOUR = re.compile("#[0-9a-fA-F]{6}")


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, 0 to 255; anything else is a ValueError."""
    check_text("colour", colour)
    if not _COLOUR.fullmatch(colour):
        raise ValueError(f"a colour is written #rrggbb, got {short(colour)}")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def tint(colour: str, part: float) -> str:
    """A colour, thinned with white to a part of it.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the part is not from 0 to 1, or the colour none.

    Examples
    --------
    >>> tint("#004080", 0.5)
    '#80a0c0'
    """
    if not 0 <= real_number("part", part) <= 1:
        raise ValueError(f"part must be from 0 to 1, got {short(part)}")
    return "#" + bytes(round(255 + (value - 255) * part) for value in rgb(colour)).hex()


def tap_colours(count: int) -> list[str]:
    """One colour for each tap of a kernel, as ``#rrggbb``: ten that differ, or a sequence where there are more.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If the count is less than 0 or more than 65,536; a TypeError as well if it is no integer.

    Examples
    --------
    >>> tap_colours(2)
    ['#3f90da', '#ffa90e']
    """
    if not 0 <= integer("count", count) <= _MOST_COLOURS:
        raise ValueError(f"count must be from 0 to {_MOST_COLOURS}, got {short(count)}")
    if count <= len(_PETROFF):
        return list(_PETROFF[:count])
    return [f"#{number:06x}" for number in _sequence(np.arange(count) / (count - 1)).tolist()]


def _sequence(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """The sequential colours at positions from 0 to 1, as numbers of which each byte is a part."""
    colours = np.array([rgb(colour) for colour in _CIVIDIS], dtype=np.float64)
    steps = positions * (len(colours) - 1)
    low = np.minimum(steps.astype(np.int64), len(colours) - 2)
    parts = colours[low] + (colours[low + 1] - colours[low]) * (steps - low)[:, None]  # shape (positions, 3)
    numbers: NDArray[np.int64] = np.rint(parts).astype(np.int64) @ np.array([2**16, 2**8, 1])
    return numbers


def ink_on(colour: str) -> str:
    """Black or white, whichever stands out more on a colour (WCAG 2.1, contrast ratio).

    Returns
    -------
    str

    Examples
    --------
    >>> ink_on("#ffa90e"), ink_on("#832db6")
    ('#000000', '#ffffff')
    """
    # Contrast with white is 1.05 / (l + 0.05), with black (l + 0.05) / 0.05.
    return "#000000" if (_luminance(colour) + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def _luminance(colour: str) -> float:
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in rgb(colour))
    )
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
