"""`show`: sizes, the matrix, its transpose and the verdict, as text; or the matrix and its window as a picture."""

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convmatrix import export
from convmatrix.cli import pictures
from convmatrix.cli.arguments import Commands, UsageError, add_layer, add_weight, layer_of, weight_of
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.kinds import PictureOptions
from convmatrix.cli.sentences import findings, matrix_described, sizes_described
from convmatrix.cli.styles import add_style, given_options, styled
from convmatrix.cli.terminal import Bar, print_lines, style, write
from convmatrix.layers import Conv, Layer
from convmatrix.show.model.scene import Scene
from convmatrix.show.render import text as drawing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convmatrix.algebra import Check

__all__ = ["add_to", "text_of"]

_DRAWN = 2 * 10**7
"""Most entries of a matrix that is built for display."""

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

_WELCOME = (
    "Another layer: convmatrix show 5 3 --stride 2      as a picture: convmatrix figure 5 3 --save C.svg",
    "See it move: convmatrix explore --save page.html   all commands: convmatrix help",
)

_DESCRIPTION = f"""\
Show a layer's matrix, its transpose, and whether one undoes the other; without
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
    parser.add_argument(
        "--format", choices=_FORMS, help="default: the largest of grid, half and braille that fits the terminal"
    )
    parser.add_argument("--save", metavar="FILE", help="write to a file instead, by its ending; see above")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="default: auto, which honours NO_COLOR and FORCE_COLOR",
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
            print_lines(["", *_WELCOME])
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
        results = findings(layer, weight, any_size=arguments.rank)
        return json.dumps(export.matrix_as_dict(layer, weight, **results)) + "\n"
    if form == "latex":
        from convmatrix.show.render import latex

        return latex.array(layer, weight) + "\n"
    return "\n".join(_described(layer, weight, arguments, form)) + "\n"


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
    # In Markdown, sentences with signs in them are code, and a table begins after an empty line.
    fence, gap = (["```"], [""]) if form == "md" else ([], [])
    shown = style(arguments.color) if arguments.save is None else drawing.Terminal(width=10**6)
    if form == "md":
        shown = drawing.Terminal(unicode=False)  # as its table, which other programs set
    lines = [*fence, *sizes_described(layer), *fence]
    name, other = ("C", "C^T") if isinstance(layer, Conv) else ("C^T", "C")
    rows, cols = layer.matrix_shape
    lines += ["", shown.set_label(f"{name}: {matrix_described(layer)}"), *gap]
    large = max(layer.nnz, rows, cols) > _DRAWN
    if large:
        lines.append(f"too large to draw: {layer.nbytes() / 2**30:.3g} GiB as float64 (convmatrix export writes it)")
    else:
        lines += _picture(layer, weight, shown, form)
    lines += ["", shown.set_label(f"{other}: {cols} x {rows}, the transpose"), *gap]
    # A tall transpose says little that its shape does not: the lines above are its columns.
    if not large and (cols <= 64 or form is not None):
        lines += _picture(layer.T, weight, shown, form)
    verdict = map(shown.set_label, _verdict_described(layer, weight, any_size=arguments.rank))
    return [*lines, "", *fence, *verdict, *fence]


def _picture(layer: Layer, weight: "NDArray[Any] | None", shown: drawing.Terminal, form: str | None) -> list[str]:
    scene = Scene(layer, weight)
    if form == "md":
        return drawing.markdown(scene, drawing.Terminal(unicode=False))
    return drawing.draw(scene, shown, form)


def _verdict_described(layer: Layer, weight: "NDArray[Any] | None", *, any_size: bool) -> list[str]:
    with held_back():
        from convmatrix.algebra import verdict
    with Bar("rank") as bar:
        result = verdict(layer, weight, any_size=any_size, progress=bar)
    conv = isinstance(layer, Conv)
    first, second = (result.gram, result.cogram) if conv else (result.cogram, result.gram)
    rows, cols = layer.matrix_shape if conv else layer.matrix_shape[::-1]
    is_complex = weight is not None and weight.dtype.kind == "c"
    sign, transposed = ("H", "its conjugate transpose") if is_complex else ("T", "the transposed convolution")
    lines = [
        *_finding_described(f"C^{sign} C", first, transposed, "the convolution"),
        *_finding_described(f"C C^{sign}", second, "the convolution", transposed),
    ]
    if result.rank is None:
        lines.append(f"rank not computed for {rows} x {cols}, above 2000; --rank computes it")
    else:
        rank, nullity = result.rank.value, cols - result.rank.value
        lost = f"cannot distinguish inputs along {nullity} of {cols} directions"
        lines.append(f"rank {rank}, nullity {nullity}: C {lost if nullity else 'distinguishes all inputs'}")
        lines.append(f"  how: {result.rank.reason}")
    if result.generic:
        lines.append("  generic: of integers drawn with seed 0, since no --weight is given")
    return lines


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _finding_described(product: str, check: "Check | None", inverse: str, operand: str) -> list[str]:
    if check is None:
        return [f"{product} not computed: it takes too many products"]
    if check.holds:
        return [f"{product} = I: {inverse} undoes {operand}"]
    where = f"{check.name.partition(' = I')[2]} = {_number(check.measured)}, at {check.where}"
    return [f"{product} != I: {inverse} does not undo {operand}", f"  largest deviation |{product} - I|{where}"]
