r"""Text that users give (titles, names, descriptions), such that every renderer can print it.

`printable` is the one function that decides what may be printed. Each renderer calls it where text enters the picture:
matplotlib, the SVG and the pages of films, the explorer and its widget, LaTeX, pixels, and the metadata of files. All
of them therefore show the same text, whatever the file's format could hold.

====================================================== ============================================================
text                                                   becomes
====================================================== ============================================================
white space: line breaks, tabs, no-break spaces, ...   one space; none at the ends
control characters, lone surrogates, noncharacters     U+FFFD, since no format can hold all of them
controls of the direction of writing                   nothing: they would act on the text that follows
more than four combining marks on one letter           the first four, which stay within the line
more than eight invisible format characters in a row   the first eight: joiners of letters and emoji are not as many
everything else: ``$``, backslashes, ``<``, emoji      itself; a renderer escapes what it would take for markup
====================================================== ============================================================

`wrapped` and `shortened` fit a text into a width; they never cut a letter from its marks.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator

from convmatrix.core.errors import WrongTypeError

__all__ = ["REPLACEMENT", "bold_ems", "ems", "printable", "shortened", "wrapped"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Replacement for characters that cannot be printed."""

_ELLIPSIS = "…"

_NONCHARACTERS = "".join(chr(plane + last) for plane in range(0, sys.maxunicode, 0x10000) for last in (0xFFFE, 0xFFFF))
_UNPRINTABLE = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_MARKS = 4
"""Most combining marks on a letter: as many as Hebrew with its accents has."""

_FORMATS = 8
"""Most invisible characters in a row, such as joiners: a flag of emoji has six."""
_LETTER = 16
"""Most characters that are kept together as one letter."""

_SPACE = re.compile(r"[^\S ]")
_LINE_BREAK = re.compile("\r\n?|\n")


def printable(text: str, what: str = "title", *, lines: bool = False) -> str:
    r"""Make a text printable in every format: on one line, and without what a format cannot hold.

    Parameters
    ----------
    text : str
    what : str, default "title"
        Name of the text, for the error.
    lines : bool, default False
        Whether line breaks and repeated spaces stay, as in text that is laid out.

    Returns
    -------
    str
        Valid in XML, HTML and PDF, and encodable in UTF-8. A text that was printable is returned unchanged.

    Raises
    ------
    WrongTypeError
        If it is no str.

    Examples
    --------
    >>> printable("  50% of $x_1$,\n\t<b> "), printable("a\x00b\ud800"), printable("\u202eabc")
    ('50% of $x_1$, <b>', 'a�b�', 'abc')
    """
    if not isinstance(text, str):
        raise WrongTypeError(f"{what} must be a str, got {type(text).__name__}")
    if lines:
        return "\n".join(_clean(_SPACE.sub(" ", line)) for line in _LINE_BREAK.split(text))
    # Where a direction stood between two spaces, two of them are left.
    return " ".join(_clean(" ".join(text.split())).split())


def _clean(line: str) -> str:
    """A printable line without white space other than spaces."""
    if line.isascii() and line.isprintable():
        return line
    return "".join(_without_storms(_UNPRINTABLE.sub(REPLACEMENT, _DIRECTIONS.sub("", line))))


def _without_storms(text: str) -> Iterator[str]:
    """The characters, without excessive combining marks and invisible characters in a row."""
    marks = formats = 0
    for char in text:
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            marks += 1
        elif category == "Cf":
            formats += 1
        else:
            marks = formats = 0
        if marks <= _MARKS and formats <= _FORMATS:
            yield char


# -- width -----------------------------------------------------------------------------------------------------------

_WIDTHS = dict.fromkeys("w+=·…mM", 0.84) | dict.fromkeys("W@%", 1.0) | dict.fromkeys("., -'|iljt()", 0.38) | {"⟶": 1.44}
"""Widths of characters in DejaVu Sans by the height of the text, where they differ from the width of a digit."""
_WIDE = 1.0
"""The same of a character that is as wide as tall, such as an ideograph."""


def ems(text: str) -> float:
    """Estimate the width of a text, by its height.

    Returns
    -------
    float

    Examples
    --------
    >>> round(ems("w0"), 2), ems("\N{CJK UNIFIED IDEOGRAPH-56FE}"), ems("")
    (1.48, 1.0, 0)
    """
    return sum(map(_width_of, text))


def _width_of(char: str) -> float:
    if char.isascii():
        return _WIDTHS.get(char, 0.64)
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return _WIDE
    return _WIDTHS.get(char, 0.64)


_BOLD_WIDTHS = (
    dict.fromkeys("W", 1.12)
    | dict.fromkeys("mM@%—…", 1.06)
    | dict.fromkeys("w", 0.94)
    | dict.fromkeys("#&<>^~+=", 0.9)
    | dict.fromkeys(" .,:;'|/\\()[]ijlIJ!-", 0.48)
)
"""Widths in bold DejaVu Sans by the height of the text, where they differ from the width of most letters."""


def bold_ems(text: str) -> float:
    """Estimate the width of a text in bold type, by its height: rounded up.

    Returns
    -------
    float

    Examples
    --------
    >>> bold_ems("NO") > ems("NO"), bold_ems("")
    (True, 0)
    """
    return sum(map(_bold_width, text))


def _bold_width(char: str) -> float:
    """Width of a character in bold type; less precise for alphabets other than Latin."""
    if char in _BOLD_WIDTHS:
        return _BOLD_WIDTHS[char]
    wide = _width_of(char)
    return max(wide, 0.86 if char.isupper() or "\u024f" < char < "\u2000" else 0.72) if wide else 0.0


def wrapped(text: str, width_limit: float, most: int, width: Callable[[str], float] = ems) -> list[str]:
    """Break a text into lines that fit into a width; what does not fit on the last line is shortened.

    Parameters
    ----------
    text : str
        Printable, on one line.
    width_limit : float
        Width of a line.
    most : int
        Number of lines.
    width : callable, default `ems`
        Returns the width of a text; the widths of its parts add up.

    Returns
    -------
    list of str
        None of them empty; an empty text has no lines.

    Examples
    --------
    >>> wrapped("the matrix of a convolution, and its transpose", 10, 2)
    ['the matrix of a', 'convolution, and…']
    """
    lines: list[str] = []
    while text and len(lines) < most - 1 and (fitting := _fitting(text, width_limit, width)) < len(text):
        space = text.rfind(" ", 0, fitting + 1)
        end = space if space > 0 else fitting
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, shortened(text, width_limit, width)] if text else lines


def shortened(text: str, width_limit: float, width: Callable[[str], float] = ems) -> str:
    """Cut a text so that it fits into a width, with an ellipsis in place of what is cut.

    Parameters
    ----------
    text : str
        Printable, on one line.
    width_limit : float
    width : callable, default `ems`
        As for `wrapped`.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened("convolution", 4), shortened("convolution", 8)
    ('conv…', 'convolution')
    """
    if _fitting(text, width_limit, width) == len(text):
        return text
    return text[: _fitting(text, width_limit - width(_ELLIPSIS), width)].rstrip() + _ELLIPSIS


def _fitting(text: str, width_limit: float, width: Callable[[str], float]) -> int:
    """Number of characters that fit, in whole letters; at least one letter."""
    end, used_width = 0, 0.0
    for letter in _letters(text):
        width_with_letter = used_width + width(letter)
        if end and width_with_letter > width_limit + 1e-9:
            break
        end, used_width = end + len(letter), width_with_letter
    return end


def _letters(text: str) -> Iterator[str]:
    """Characters with their marks and with what is joined to them."""
    start = 0
    for at in range(1, len(text)):
        joined = unicodedata.category(text[at]) in ("Mn", "Me", "Mc", "Cf") or text[at - 1] == "\N{ZERO WIDTH JOINER}"
        if not joined or at - start == _LETTER:
            yield text[start:at]
            start = at
    if text:
        yield text[start:]
