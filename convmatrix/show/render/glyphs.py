"""Letters of DejaVu Sans, which matplotlib brings along: their outlines, and the places of a label's letters."""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib as mpl
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextPath

from convmatrix.show.model.printable import REPLACEMENT
from convmatrix.show.model.typeset import SMALL, Run, runs

__all__ = ["Face", "Letter", "Placed", "face_file", "letters", "outline", "placed"]

Face = Literal["regular", "italic", "bold"]
_FILES: dict[Face, str] = {
    "regular": "DejaVuSans.ttf",
    "italic": "DejaVuSans-Oblique.ttf",
    "bold": "DejaVuSans-Bold.ttf",
}
_SUB, _SUP = 0.17, -0.34
"""How far indices stand below, and exponents above, the line, by the height of the text."""
_UNITS = 100
"""Units of an outline in an em."""


class Letter(NamedTuple):
    """A character in a face."""

    char: str
    face: Face


class Placed(NamedTuple):
    """A run of letters of one face: where it begins, along and below the line, and its height; all in ems."""

    text: str
    face: Face
    x: float
    y: float
    size: float
    wide: float


@cache
def face_file(face: Face) -> str:
    """Path of a face's file."""
    return str(Path(mpl.get_data_path(), "fonts", "ttf", _FILES[face]))


@lru_cache(maxsize=2048)
def _advance(char: str, face: Face) -> float:
    """Width of a character, in ems."""
    font = _font(face)
    return float(font.load_char(ord(char)).linearHoriAdvance / 65536 / _UNITS)


@lru_cache(maxsize=2048)
def _has(char: str, face: Face) -> bool:
    """Check whether a face has a character: matplotlib would warn of each that it has not."""
    return _font(face).get_char_index(ord(char)) != 0


@cache
def _font(face: Face) -> FT2Font:
    font = FT2Font(face_file(face))
    font.set_size(_UNITS, 72)
    return font


def placed(label: str, *, math: bool = True, face: Face = "regular") -> tuple[list[Placed], float]:
    """Place the runs of a label on a line that begins at 0; characters that a face does not have are replaced.

    Parameters
    ----------
    label : str
    math : bool, default True
        Whether it is set as mathematics.
    face : {"regular", "italic", "bold"}, default "regular"
        Face of what is not mathematics.

    Returns
    -------
    list of Placed
    width : float
        Of the whole line, in ems.

    Examples
    --------
    >>> [(run.text, run.face, run.size) for run in placed("w01")[0]]
    [('w', 'italic', 1.0), ('01', 'regular', 0.7)]
    """
    shown, x = [], 0.0
    for run in runs(label) if math else (Run(label),):
        its_face: Face = "italic" if run.italic else face
        size = SMALL if run.shift else 1.0
        text = "".join(char if _has(char, its_face) else REPLACEMENT for char in run.text)
        wide = size * sum(_advance(char, its_face) for char in text)
        shown.append(Placed(text, its_face, x, {"": 0.0, "sub": _SUB, "sup": _SUP}[run.shift], size, wide))
        x += wide
    return shown, x


def letters(run: Placed) -> Iterator[tuple[Letter, float]]:
    """The letters of a run, and where each begins, in ems."""
    x = run.x
    for char in run.text:
        if not char.isspace():
            yield Letter(char, run.face), x
        x += run.size * _advance(char, run.face)


@lru_cache(maxsize=2048)
def outline(letter: Letter) -> str:
    """Outline of a letter as the path of an SVG, 100 units to an em, y downwards.

    Parameters
    ----------
    letter : Letter

    Returns
    -------
    str

    Examples
    --------
    >>> outline(Letter("-", "regular"))
    'M4.9 -31.4L31.2 -31.4L31.2 -23.4L4.9 -23.4L4.9 -31.4Z'
    """
    if unicodedata.category(letter.char) == "Cf":
        return ""  # such as a soft hyphen, which shows nothing
    path = TextPath((0, 0), letter.char, size=_UNITS, prop=_properties(letter.face))
    parts, commands = [], {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}
    for points, code in path.iter_segments(simplify=False, curves=True):
        if code == 79:
            parts.append("Z")
        else:
            parts.append(commands[int(code)] + " ".join(_number(part) for part in _flipped(points)))
    return "".join(parts)


def _flipped(points: Iterable[float]) -> Iterator[float]:
    for number, part in enumerate(points):
        yield -part if number % 2 else part


def _number(part: float) -> str:
    text = f"{part:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


@cache
def _properties(face: Face) -> FontProperties:
    return FontProperties(fname=face_file(face))
