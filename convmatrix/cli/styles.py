"""The style of pictures as options: the fields of `convmatrix.show.Style`, under their names."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from convmatrix.cli.arguments import Parser, UsageError
from convmatrix.show.model.style import Style, style

__all__ = ["OPTIONS", "add_style", "given_options", "style_of", "styled"]

OPTIONS = ("theme", "size", "labels", "fill", "text", "captions", "transparent")
"""The options, under argparse's names."""

_EDITABLE = (".svg", ".html")
"""Endings of files whose text can be text."""


def add_style(parser: Parser) -> None:
    """Add the options for the style of pictures."""
    group = parser.add_argument_group("style of the picture")
    group.add_argument(
        "--theme", metavar="THEME", help="light, dark, or print, which is safe in greyscale; default: light"
    )
    group.add_argument(
        "--size",
        type=_size,
        metavar="SIZE",
        help="slide (13.33x7.5 inches), half (of a slide), column (3.4 inches wide), page (6.5 inches wide), a width "
        "in inches, or width and height as in 8x4.5; default: as large as the contents need",
    )
    group.add_argument(
        "--labels",
        metavar="LABELS",
        help="text in the cells: symbols, values, both or none; default: auto, which is values where there are some",
    )
    group.add_argument("--fill", metavar="FILL", help="colours of weights: by tap, or by value, around 0; default: tap")
    group.add_argument(
        "--text",
        metavar="TEXT",
        help="in .svg and .html: paths, which look the same everywhere, or text, which can be edited; default: paths",
    )
    group.add_argument("--captions", metavar="CAPTIONS", help="on or off; default: on, except at the size of a slide")
    group.add_argument("--transparent", action="store_true", default=None, help="leave out the colour of the ground")


def _size(text: str) -> Any:
    """A number, or two joined by x; a name as it is."""
    numbers = text.split("x")
    if len(numbers) > 2 or not all(re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", number) for number in numbers):
        return text
    inches = tuple(map(float, numbers))
    return inches if len(inches) == 2 else inches[0]


def given_options(arguments: argparse.Namespace) -> list[str]:
    """Return the options of the style that are given, as they are typed."""
    return [f"--{name}" for name in OPTIONS if getattr(arguments, name) is not None]


def style_of(arguments: argparse.Namespace, ending: str) -> Style:
    """Return the style that is described, for a file with an ending.

    Returns
    -------
    Style

    Raises
    ------
    UsageError
        If an option changes nothing in such a file.
    """
    fields = {name: getattr(arguments, name) for name in OPTIONS if getattr(arguments, name) is not None}
    if fields.pop("transparent", False):
        fields["ground"] = "transparent"
    chosen = Style(**fields)
    if arguments.text is not None and ending not in _EDITABLE:
        raise UsageError(f"--text is for {' and '.join(_EDITABLE)} files, whose text can be edited: leave it out")
    if arguments.transparent and ending == ".mp4":
        raise UsageError("--transparent is not for .mp4, which has no transparency: save .gif, .webp or .svg")
    if arguments.fill == "value" and arguments.weight is None:
        raise UsageError("--fill value colours weights by their values, and there are none: give --weight")
    return chosen


@contextmanager
def styled(arguments: argparse.Namespace, ending: str) -> Iterator[Style]:
    """Draw all pictures of a block in the style that is described.

    Yields
    ------
    Style
    """
    with style(style_of(arguments, ending)) as chosen:
        yield chosen
