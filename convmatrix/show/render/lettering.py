"""Text on matplotlib figures: a user's is printable, in characters that the font has; and how an SVG stores it."""

from functools import cache
from weakref import WeakKeyDictionary

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from convmatrix.show.model.printable import REPLACEMENT, ems, printable, wrapped
from convmatrix.show.model.style import TITLE_POINTS, Style, current_style

__all__ = ["FONT", "LINE_INCHES", "in_font", "print_all", "set_ground", "text_as", "title_inches", "write_title"]

FONT = "DejaVu Sans"
"""The font that matplotlib brings along, and in which files are written."""
_LINES = 3
"""Most lines of a title."""
LINE_INCHES = 1.2 * TITLE_POINTS / 72
"""From one line of a title to the next."""
_AXES = 0.6
"""Part of a figure's width that a title may take, for a figure that is made for it."""
_SLACK = 0.85
"""Part of the axes' width that a line takes by the estimate of `ems`, which may be too small."""


def in_font(text: str) -> str:
    """Replace characters that `FONT` does not have: matplotlib would warn of each, and draw boxes.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        With a `REPLACEMENT` for each.

    Examples
    --------
    >>> in_font("é → \N{CJK UNIFIED IDEOGRAPH-56FE}")
    'é → �'
    """
    if text.isascii():
        return text
    return "".join(char if char.isspace() or ord(char) in _characters() else REPLACEMENT for char in text)


@cache
def _characters() -> frozenset[int]:
    return frozenset(font_manager.get_font(font_manager.findfont(FONT)).get_charmap())


def print_all(figure: Figure) -> None:
    """Make all text on a figure printable, also what was written on it by matplotlib's own functions.

    Parameters
    ----------
    figure : Figure
        About to be saved.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        shown = printable(text.get_text(), "text", lines=True) if text.get_text() else ""
        if text.get_fontfamily() == [FONT]:
            shown = in_font(shown)
        if shown != text.get_text():
            text.set_text(shown)


_styles: "WeakKeyDictionary[Figure, Style]" = WeakKeyDictionary()


def set_ground(figure: Figure, style: Style) -> None:
    """Give a figure the ground of a style, and remember how its text is stored in SVG.

    Parameters
    ----------
    figure : Figure
    style : Style
    """
    figure.set_facecolor("none" if style.ground == "transparent" else style.colours.ground)
    _styles[figure] = style


def text_as(figure: Figure) -> str:
    """Text of a figure in SVG: that of the style it was drawn in, else that of the current style.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    {"paths", "text"}

    Examples
    --------
    >>> figure = Figure()
    >>> set_ground(figure, Style(text="text"))
    >>> text_as(figure), text_as(Figure())
    ('text', 'paths')
    """
    return (_styles.get(figure) or current_style()).text


def title_inches(title: str) -> float:
    """Width of a figure whose axes leave space for a title on one line."""
    return ems(title) * TITLE_POINTS / 72 / _AXES


def write_title(ax: Axes, title: str, *below: str, size: float = TITLE_POINTS, part: float = 1.0) -> int:
    """Write a title above axes, on up to three lines as wide as the axes, and lines below it.

    Parameters
    ----------
    ax : Axes
    title : str
        Any text; nothing in it is markup.
    *below : str
    size : float, default 10
        Height of the text, in points.
    part : float, default 1
        The part of the figure's width that the axes share in.

    Returns
    -------
    int
        How many lines the title has.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    width_limit = ax.get_position(original=True).width * figure.get_size_inches()[0] * part * _SLACK * 72 / size
    lines = wrapped(printable(title), width_limit, _LINES)
    ax.set_title("\n".join([*lines, *below]), parse_math=False, usetex=False, fontsize=size)
    return len(lines)
