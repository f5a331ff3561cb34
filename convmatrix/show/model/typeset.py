r"""Labels set as mathematics: letters in italics, indices below, exponents above, in every medium.

A label is a plain string such as ``w01``, ``y2,10``, ``C^T C`` or ``y0 = w0·x0 + w1·x1``. `runs` splits it into
pieces of one style, and each renderer sets these pieces in its own way: matplotlib's mathtext, ``tspan`` elements,
HTML, LaTeX, or Unicode's subscripts where the terminal can encode them. In the names that users give to
matrices, as in ``gram(weight, name="A^T A")``, the same letters are symbols, and nothing else is markup; titles are
never parsed.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from typing import Literal, NamedTuple

from convmatrix.show.model.printable import ems, printable

__all__ = ["SMALL", "Run", "as_ascii", "as_html", "as_mathtext", "as_unicode", "runs", "width"]

Shift = Literal["", "sub", "sup"]


class Run(NamedTuple):
    """A piece of a label in one style: its text, whether it is italic, and whether it stands lower or higher."""

    text: str
    italic: bool = False
    shift: Shift = ""


SMALL = 0.7
"""Height of an index by the height of the text around it."""

_SYMBOL = re.compile(r"(?<![A-Za-z])(?!(?<=\d)x\d)([wxynCISNX])(?:(\d(?:[\d.,]*\d)?)|\^(-1|[TH+]))?(?![A-Za-z])")
"""A letter of the mathematics, with its indices or its exponent: no letter may stand before or behind it, and the x of
a size such as 1x1 is none."""


@lru_cache(maxsize=4096)
def runs(label: str) -> tuple[Run, ...]:
    """Split a label into pieces of one style.

    Parameters
    ----------
    label : str

    Returns
    -------
    tuple of Run

    Examples
    --------
    >>> [(run.text, run.italic, run.shift) for run in runs("C^T is 16 × 4")]
    [('C', True, ''), ('T', False, 'sup'), (' is 16 × 4', False, '')]
    >>> [run.text for run in runs("w2,10+w00")]
    ['w', '2,10', '+', 'w', '00']
    """
    return tuple(_runs(printable(label, "label")))


def _runs(label: str) -> Iterator[Run]:
    end = 0
    for match in _SYMBOL.finditer(label):
        if match.start() > end:
            yield Run(label[end : match.start()])
        letter, index, exponent = match.groups()
        yield Run(letter, italic=True)
        if index:
            yield Run(index, shift="sub")
        if exponent:
            yield Run(exponent, shift="sup")
        end = match.end()
    if end < len(label):
        yield Run(label[end:])


def width(label: str) -> float:
    """Estimate the width of a label, by the height of its text.

    Parameters
    ----------
    label : str

    Returns
    -------
    float

    Examples
    --------
    >>> round(width("w00"), 2), round(width("1.5"), 2)
    (1.74, 1.66)
    """
    # As an exponent, a hyphen is set as a minus sign, which is wider.
    return sum(ems(run.text.replace("-", "−")) * SMALL if run.shift else ems(run.text) for run in runs(label))


# -- media -----------------------------------------------------------------------------------------------------------

_MATHTEXT_SPECIAL = re.compile(r"([\\$%&#_{}^~])")


def as_mathtext(label: str) -> str:
    r"""Write a label for matplotlib's mathtext; text without symbols is left as it is.

    Parameters
    ----------
    label : str
        Any text; its symbols become mathematics.

    Returns
    -------
    str
        It holds dollar signs if and only if it has to be parsed.

    Examples
    --------
    >>> as_mathtext("w01"), as_mathtext("C^T C"), as_mathtext("12")
    ('$w_{01}$', '$C^{\\mathrm{T}}$ $C$', '12')
    """
    pieces = runs(label)
    if not any(run.italic for run in pieces):
        return label
    text, within = "", False
    for run in pieces:
        math = run.italic or bool(run.shift)
        if math != within:
            text, within = text + "$", math
        sign = {"": "", "sub": "_", "sup": "^"}[run.shift]
        if run.shift:
            text += f"{sign}{{{run.text}}}" if run.shift == "sub" else rf"{sign}{{\mathrm{{{run.text}}}}}"
        elif run.italic and text.endswith("}") and within:
            text += run.text
        else:
            text += run.text if math else _MATHTEXT_SPECIAL.sub(r"\\\1", run.text)
    return text + "$" * within


def as_html(label: str, *, italic: bool = True) -> str:
    """Write a label in HTML, with ``<i>``, ``<sub>`` and ``<sup>``.

    Parameters
    ----------
    label : str
    italic : bool, default True
        Whether letters are in italics; without them a table of many labels takes fewer bytes.

    Returns
    -------
    str

    Examples
    --------
    >>> as_html("w01"), as_html("C^T")
    ('<i>w</i><sub>01</sub>', '<i>C</i><sup>T</sup>')
    """
    parts = []
    for run in runs(label):
        tag = ("i" if italic else "") if run.italic else run.shift
        text = escape(run.text)
        parts.append(f"<{tag}>{text}</{tag}>" if tag else text)
    return "".join(parts)


_SUBSCRIPTS = {**{str(digit): chr(0x2080 + digit) for digit in range(10)}, ",": ",", ".": "."}
_SUPERSCRIPTS = {"T": "ᵀ", "H": "ᴴ", "+": "⁺", "-": "⁻", "1": "¹"}


@lru_cache(maxsize=4096)
def as_unicode(label: str) -> str:
    """Write a label with Unicode's subscripts and superscripts, for terminals that can encode them.

    Parameters
    ----------
    label : str
        Or a line of text, whose spaces stay: it may be indented.

    Returns
    -------
    str
        One character for each of the label's, without the sign ``^``.

    Examples
    --------
    >>> as_unicode("w01"), as_unicode("C^T C != I"), as_unicode("  4 x 16"), as_unicode("1x1")
    ('w₀₁', 'Cᵀ C ≠ I', '  4 × 16', '1x1')
    """
    tables = {"": None, "sub": _SUBSCRIPTS, "sup": _SUPERSCRIPTS}
    text = ""
    for run in _runs(printable(label, "label", lines=True)):
        table = tables[run.shift]
        text += run.text if table is None else "".join(table[char] for char in run.text)
    return re.sub(r"(?<=\d) x (?=\d)", " × ", text.replace("!=", "≠"))


_ASCII = {
    "×": "x",
    "≠": "!=",
    "·": "*",
    "…": "...",
    "→": "->",
    "⟶": "->",
    "−": "-",
    "–": "-",
    "∗": "*",
    "ᵀ": "^T",
    "ᴴ": "^H",
    "⁺": "^+",
}


def as_ascii(label: str) -> str:
    """Write a label in ASCII, for media that have no more.

    Parameters
    ----------
    label : str

    Returns
    -------
    str

    Examples
    --------
    >>> as_ascii("C is 4 × 16"), as_ascii("y0 = w0·x0")
    ('C is 4 x 16', 'y0 = w0*x0')
    """
    return "".join(_ASCII.get(char, char) for char in label)
