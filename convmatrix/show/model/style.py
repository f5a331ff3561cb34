"""The style of pictures: theme, size, labels, fill, text, captions and ground, the same for every renderer.

A `Style` is passed as ``style=`` to a plot function, a film or an exporter, or set for a block by `style`. The type
scale and the distances of all pictures are the constants below; colours stand in `convmatrix.show.model.palette`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple, get_args

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers.arguments import entries_of, real_number
from convmatrix.show.model.palette import THEMES, Theme

__all__ = ["Page", "Style", "current_style", "style"]

ThemeName = Literal["light", "dark", "print"]
SizeName = Literal["auto", "slide", "half", "column", "page"]
Labels = Literal["auto", "symbols", "values", "both", "none"]
Fill = Literal["tap", "value"]
Text = Literal["paths", "text"]
Captions = Literal["auto", "on", "off"]
Ground = Literal["colour", "transparent"]

# -- the type scale, in heights of text by the side of a map's cell ----------------------------------------------------

LABEL = 0.37
"""Labels of cells, at most."""
LABEL_IN_C = 0.5
"""Labels of a matrix's cells by the side of such a cell, at most: they are smaller than those of maps."""
HEADING = 0.36
"""Names of parts, captions and titles."""
TITLE = 0.41
"""The title of a picture."""
QUIET = 0.29
"""Sizes beside the names of parts, and notes."""
SIGN = 0.52
"""Signs between parts, such as ∗ and =."""
SECOND_OF_TWO = 0.34
"""The symbol above a value in one cell, and the value, at most."""
LEADING = 1.15
"""From one line of a cell to the next, by the height of its text."""
FILLED = (0.9, 0.94)
"""Part of a cell's width, and of its height, that its label may take."""
LEAST_CAPTION = 0.85
"""Part of their size to which captions shrink before they lose terms."""
CHART_TEXT, CHART_TITLE = 8.0, 1.15
"""Text of a chart, in points, at least; its title, by its text."""
TITLE_POINTS = 10.0
"""Title of a figure of matplotlib's own, in points."""
CARD_TEXT, CARD_PROSE, CARD_SIGN = 12.0, 13.0, 17.0
"""Names in the picture of a layer's card, the prose around it, and the signs between its parts, in pixels."""

# -- distances and lines, by the side of a map's cell ------------------------------------------------------------------

BLOCK_GAP = 0.25
"""Between blocks of a matrix, which are rows of a map, by the side of the matrix's cells."""
NOTE_GAP = 0.2
"""Between the name of a part and what stands beside it."""
PART_GAP = 0.6
"""Between parts of a picture, one below the other."""
SIDE_GAP = 0.84
"""Between parts side by side that have no sign between them."""
SIGN_GAP = 1.2
"""Between parts that have a sign between them."""
ARROW, NAME_RISE = 0.7, 0.42
"""Size of an arrow that has a name, and of the middle of the name above it."""
HEAD, TITLE_RISE = 0.78, 0.42
"""Height of a panel's title, and of its middle above the first row."""
FOOT, CAPTION_DROP = 0.85, 0.527
"""Height of a caption with the gap above it, and of its middle below the picture."""
TITLE_LINE, TITLE_GAP = 0.6, 0.3
"""Height of a line of a picture's title or of several captions, and the gap below the title."""
LEAST_TITLE = 12.0
"""Width that a picture's title is wrapped to at least, in cells."""
EQUALS_GAP, ABOVE_GAP = 0.8, 0.3
"""Between a matrix and the output beside it, which leaves space for =, and the input above it, by its cells."""
BARE_EQUALS_GAP, BARE_ABOVE_GAP = 0.35, 0.2
"""The same by the cells of maps, where the matrix has no labels."""
VECTOR = 0.3
"""Width of a flattened map beside a matrix that has no labels."""
CHANNEL_GAP = 0.12
"""Between channels that stand one below the other as one panel."""
HAIRLINE, BORDER, WINDOW_LINE = 0.012, 0.019, 0.055
"""Widths of lines: faint ones, borders of cells, and the outline of a window."""
CORNER = 0.04
"""Radius of the corners of a window."""
STROKE, STROKE_LINE = 0.11, 1.8
"""Distance of the strokes that show a tap's depth, by the side of its cell; their width by that of a border."""
FLAT, SHEAR = 0.58, 0.5
"""Height of the cells of a map that floats above another, and how far each row is moved, by their width."""
FLOAT_RISE = 0.25
"""How far the name of a floating map stands from its edge."""
SCALE_WIDE, SCALE_TALL = 1.5, 0.9
"""Cells of a colour bar."""
THIN_WINDOW = 0.7
"""Width of the outline around cells without borders, by that of a window."""
DOT, DOT_IN_CORNER = 0.06, (0.86, 0.14)
"""Side of the dot that stands for a zero, and its place beside text."""
SLASH = 0.72
"""Where the diagonal in the corner of a cell begins."""
SYMBOL_RISE, VALUE_DROP = 0.2, 0.22
"""From the middle of a cell to a symbol and to the value below it."""
MARKERS = (1.5, 6.0)
"""Smallest and largest marker of a chart, in points."""
CHART_WIDE, CHART_SHAPE = 6.4, 0.62
"""Largest width of a chart in inches, on a page that is not filled, and its height by its width."""
TINT = 0.3
"""Opacity of a tap's colour over the cell of a map that it meets."""
STRONG, PALE = 0.75, 0.3
"""The same where no kernel is shown beside the map: over its cells, and over the zeros around and between them."""


class Page(NamedTuple):
    """Space that a picture is given.

    Parameters
    ----------
    wide, tall : float
        Width and greatest height, in inches.
    fixed : float
        Part of a side that the contents have to fill for the picture to have exactly that side: 0 for always, 1 for
        never. Where they fill less, or where the parts would cover less than two thirds of the page, the picture is as
        wide, or as tall, as its contents.
    largest_cell : float
        Largest side of a map's cell, in inches.
    smallest_text : float
        Smallest height of text, in points; labels that would be smaller are left out.
    margin : float
        Part of the width, and of the height, that stays free on each side.
    """

    wide: float
    tall: float
    fixed: float
    largest_cell: float
    smallest_text: float
    margin: float


_PAGES = {
    "auto": Page(10.0, 7.5, 1.0, 0.5, 7.0, 0.02),
    "slide": Page(13.333, 7.5, 0.75, 1.5, 12.0, 0.05),
    "half": Page(6.4, 6.4, 1.0, 0.9, 10.0, 0.02),
    "column": Page(3.4, 4.5, 1.0, 0.4, 5.5, 0.01),
    "page": Page(6.5, 8.5, 1.0, 0.5, 5.5, 0.01),
}


@dataclass(frozen=True)
class Style:
    """The look of pictures.

    Parameters
    ----------
    theme : {"light", "dark", "print"}, default "light"
        Colours of the ground, of lines and of text; ``print`` is safe in greyscale.
    size : str, float or tuple of float, default "auto"
        ``slide`` (16:9, 13.33 x 7.5 inches, less where the contents leave too much of it empty), ``half`` of a slide,
        ``column`` (3.4 inches wide), ``page`` (6.5 inches wide), a width in inches, or width and height in inches;
        ``auto`` takes what the contents need.
    labels : {"auto", "symbols", "values", "both", "none"}, default "auto"
        Text in the cells: symbols such as w with indices, values, or the symbol above its value; ``auto`` writes values
        where there are some, else symbols.
    fill : {"tap", "value"}, default "tap"
        Colour of weights: that of their tap (hue by the kernel's row, lightness by its column), or of their value,
        diverging around 0 with symmetric limits.
    text : {"paths", "text"}, default "paths"
        Text in SVG: outlines, which look the same everywhere, also on slides; or text that can be edited in Inkscape
        and PowerPoint, and needs the font DejaVu Sans to look the same.
    captions : {"auto", "on", "off"}, default "auto"
        Whether a caption stands below: ``auto`` leaves it out at the size of a slide.
    ground : {"colour", "transparent"}, default "colour"

    Raises
    ------
    ValueError
        If a field has another value; a TypeError as well if it is of another kind.

    Examples
    --------
    >>> Style(theme="dark", size="slide").page.wide
    13.333
    >>> Style(size=5.0).page.wide, Style(size=(4, 3)).page.tall
    (5.0, 3.0)
    """

    theme: ThemeName = "light"
    size: SizeName | float | tuple[float, float] = "auto"
    labels: Labels = "auto"
    fill: Fill = "tap"
    text: Text = "paths"
    captions: Captions = "auto"
    ground: Ground = "colour"

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                kind = ValueError if isinstance(value, str) else WrongTypeError
                raise kind(f"{name} must be one of {', '.join(map(repr, allowed))}, got {short(value)}")
        _ = self.page  # raises the error for a size that is none

    @property
    def page(self) -> Page:
        """Page of the picture's size."""
        if isinstance(self.size, str):
            if self.size not in _PAGES:
                raise ValueError(
                    f"size must be one of {', '.join(map(repr, _PAGES))}, or inches, got {short(self.size)}"
                )
            return _PAGES[self.size]
        if isinstance(self.size, tuple):
            sides = entries_of(self.size)
            if sides is None or len(sides) != 2:
                raise WrongTypeError(f"size must be a name, a width, or width and height, got {short(self.size)}")
            wide, tall = (_inches(each) for each in sides)
            return Page(wide, tall, 0.0, min(wide, tall), 5.5, 0.02)
        wide = _inches(self.size)
        return Page(wide, max(1.4 * wide, 1.0), 1.0, wide, 5.5, 0.01)

    @property
    def colours(self) -> Theme:
        """Colours of the theme."""
        return THEMES[self.theme]

    @property
    def captioned(self) -> bool:
        """Check whether a caption stands below."""
        return self.captions == "on" or (self.captions == "auto" and self.size != "slide")


_CHOICES: dict[str, tuple[str, ...]] = {
    "theme": get_args(ThemeName),
    "labels": get_args(Labels),
    "fill": get_args(Fill),
    "text": get_args(Text),
    "captions": get_args(Captions),
    "ground": get_args(Ground),
}


def _inches(value: Any) -> float:
    inches = real_number("size", value)
    if not _NARROWEST <= inches <= _WIDEST:
        raise ValueError(f"size must be from {_NARROWEST:g} to {_WIDEST:g} inches, got {short(value)}")
    return inches


_NARROWEST, _WIDEST = 1.0, 60.0

STANDARD = Style()
"""The style of all pictures for which no other is set."""

_current: ContextVar[Style] = ContextVar("convmatrix style", default=STANDARD)


def current_style(given: Style | None = None) -> Style:
    """Return the style to draw with: the one given, or else the one that `style` has set.

    Parameters
    ----------
    given : Style, optional

    Returns
    -------
    Style

    Raises
    ------
    WrongTypeError
        If it is no `Style`.

    Examples
    --------
    >>> current_style().theme
    'light'
    """
    if given is None:
        return _current.get()
    if not isinstance(given, Style):
        raise WrongTypeError(f"style must be a Style, got {short(given)}: write Style(theme='dark')")
    return given


@contextmanager
def style(given: Style | None = None, **changes: Any) -> Iterator[Style]:
    """Draw all pictures of a block in a style.

    Parameters
    ----------
    given : Style, optional
        By default the current one.
    **changes
        Fields of `Style` that are to differ from it.

    Yields
    ------
    Style

    Raises
    ------
    WrongTypeError
        If a field does not exist.
    ValueError
        If a field has an impossible value.

    Examples
    --------
    >>> with style(theme="dark", size="slide"):
    ...     current_style().theme
    'dark'
    """
    known = [field.name for field in fields(Style)]
    for name in changes:
        if name not in known:
            raise WrongTypeError(f"a style has no field {name!r}, only {', '.join(known)}")
    token = _current.set(replace(current_style(given), **changes))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
