"""`show`: sizes, the matrix, its transpose and the verdict, as text; or the matrix and its window as a picture."""

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convmatrix import export
from convmatrix.cli import pictures
from convmatrix.cli.arguments import (
    Commands,
    UsageError,
    add_layer,
    add_values,
    add_weight,
    layer_of,
    values_of,
    weight_of,
)
from convmatrix.cli.kinds import PictureOptions
from convmatrix.cli.overview import Overview
from convmatrix.cli.styles import add_style, given_options, styled
from convmatrix.cli.terminal import print_lines, style, terminal_height, write
from convmatrix.cli.verdicts import answer_of, as_dict
from convmatrix.layers import Layer
from convmatrix.show.render import text as drawing

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["add_to", "text_of"]

_PAGE = 120
"""Characters in a line of a file."""

_FORMS = (*drawing.FORMS, "json", "md", "latex", "tikz")

_ENDINGS: Mapping[str, tuple[str, ...]] = {
    ".json": ("json",),
    ".md": ("md",),
    ".txt": _FORMS,
    ".tex": ("latex", "tikz"),
    ".html": (),
    **dict.fromkeys(pictures.ENDINGS, ()),
}
"""The formats that a file of each ending may hold, for --format; `_saved` has its default."""

_WELCOME = "All commands: convmatrix help"

_DESCRIPTION = f"""\
Show a layer's matrix, its transpose, and whether one undoes the other: as much
as the terminal's height holds, or all of it with --full and in a pipe. Without
sizes, of a 4 x 4 input and a 3 x 3 kernel.

--format latex prints the matrix as an array of any width, for math mode; tikz
prints a picture of it with its window, for a document with the package tikz.

--save writes, by the file's ending:
  .txt .md .json       what is printed
  .tex                 a document that compiles by itself, with the picture and
                       the array; with --format, one of them to \\input
  {" ".join(pictures.ENDINGS):<20} the matrix linked with its window, kernel and output;
                       the matrix alone, where the layer is too large for them
  .html                a page that reacts, as of convmatrix explore
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "show",
        help="sizes, the matrix with its taps, its transpose, and the verdict on C^T C",
        description=_DESCRIPTION,
    )
    add_layer(parser)
    add_weight(parser)
    add_values(parser)
    parser.add_argument(
        "--format", choices=_FORMS, help=f"default: the largest of {', '.join(drawing.FORMS)} that fits the terminal"
    )
    parser.add_argument("--save", metavar="FILE", help="write to a file instead, by its ending; see above")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="default: auto, which honours NO_COLOR and FORCE_COLOR",
    )
    parser.add_argument("--full", action="store_true", help="C, its transpose and the verdict, however many lines")
    parser.add_argument(
        "--verbose", action="store_true", help="all of it, and how the rank is known, with primes, seeds and bounds"
    )
    parser.add_argument("--rank", action="store_true", help="compute the rank however large the matrix is")
    add_style(parser)
    parser.add_argument("--welcome", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> None:
    layer = layer_of(arguments, input_size=4, kernel_size=3)
    weight = weight_of(arguments, layer)
    if arguments.save is None:
        write(_text(layer, weight, arguments, arguments.format))
        if arguments.welcome:
            print_lines([_WELCOME])
    else:
        _save(layer, weight, arguments)


def text_of(layer: Layer, weight: "NDArray[Any] | None", arguments: argparse.Namespace) -> str:
    """The text that is printed of a layer, in the form that fits."""
    return _text(layer, weight, arguments, None)


def _require_plain(arguments: argparse.Namespace, what: str) -> None:
    """Raise an error for a style of what has none."""
    for option in given_options(arguments):
        raise UsageError(f"{option} is for pictures, and {what} has no such style: leave it out")


def _save(layer: Layer, weight: "NDArray[Any] | None", arguments: argparse.Namespace) -> None:
    path, form = arguments.save, arguments.format
    ending = export.ending_of(path, tuple(_ENDINGS))
    if form is not None and form not in _ENDINGS[ending]:
        raise UsageError(f"--format {form} does not go into a {ending} file: leave it out, or name a .txt file")
    reason = ""
    if ending in pictures.ENDINGS:
        with styled(arguments, ending):
            reason = pictures.save_default(PictureOptions(layer, weight), path)
    elif ending == ".tex" and form is None:
        with styled(arguments, ending):
            text, reason = _document(layer, weight)
        export.write_text(text, path)
    elif ending == ".html":
        from convmatrix.show import explorer

        _require_plain(arguments, "a page, which follows the browser's theme,")
        explorer.save(layer, path, weight)
    else:
        form = form or {".json": "json", ".md": "md"}.get(ending)
        export.write_text(_text(layer, weight, arguments, form), path)
    if reason:
        print_lines([f"{path}: the matrix alone, since {reason}"])


# -- text ------------------------------------------------------------------------------------------------------------


def _text(layer: Layer, weight: "NDArray[Any] | None", arguments: argparse.Namespace, form: str | None) -> str:
    if form == "tikz":
        from convmatrix.show.render import latex

        with styled(arguments, ".tex"):
            return latex.tikz(layer, weight, step=PictureOptions(layer).shown) + "\n"
    _require_plain(arguments, "text")
    if form == "json":
        return json.dumps(_as_dict(layer, weight, arguments)) + "\n"
    if form == "latex":
        from convmatrix.show.render import latex

        return latex.array(layer, weight) + "\n"
    return "\n".join(_described(layer, weight, arguments, form)) + "\n"


def _as_dict(layer: Layer, weight: "NDArray[Any] | None", arguments: argparse.Namespace) -> dict[str, Any]:
    """The layer, its matrix, and what is known of it, with what is not printed: how it is known, and the seed."""
    answer = answer_of(layer, weight, any_size=arguments.rank)
    found = answer.verdict
    described = export.matrix_as_dict(
        layer,
        weight,
        rank=None if found.rank is None else found.rank.value,
        gram_is_identity=None if found.gram is None else found.gram.holds,
    )
    return {**described, "verdict": as_dict(answer)}


def _document(layer: Layer, weight: "NDArray[Any] | None") -> tuple[str, str]:
    """The picture and the array; the array and a reason where the layer has no picture."""
    from convmatrix.show.render import latex

    array = latex.array(layer, weight)
    try:
        return latex.document(latex.tikz(layer, weight, step=PictureOptions(layer).shown), array), ""
    except ValueError as error:
        return latex.document(array), str(error)


def _described(
    layer: Layer, weight: "NDArray[Any] | None", arguments: argparse.Namespace, form: str | None
) -> list[str]:
    x = values_of(arguments, layer)
    if x is not None and weight is None:
        raise UsageError(f"--x {arguments.x} needs --weight, since y = C x has no numbers without: add --weight arange")
    shown = style(arguments.color) if arguments.save is None else drawing.Terminal(width=_PAGE)
    if form == "md":
        shown = drawing.Terminal(width=_PAGE, unicode=False)  # as its table, which other programs set
    answer = answer_of(layer, weight, any_size=arguments.rank)
    overview = Overview(layer, weight, x, answer, shown, form, arguments.verbose)
    height = terminal_height()
    if height is None or arguments.full or arguments.verbose or form is not None or arguments.save is not None:
        return overview.whole()
    return overview.fitting(height)
