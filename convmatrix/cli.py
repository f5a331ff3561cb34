"""The command line: arguments to layers, layers to text and files. The only room that prints or exits."""

import argparse
import contextlib
import dataclasses
import difflib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from convmatrix import export, presets
from convmatrix.core import __version__
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.show import text as drawing
from convmatrix.show.scene import Scene
from convmatrix.show.sizes import relationship, size_choices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convmatrix.algebra import Check

__all__ = ["main"]

_DRAWN = 2 * 10**7
"""Most entries of a matrix that is built to be looked at."""

_PATIENCE = 2.0
"""Seconds before a progress bar appears."""

_EXAMPLES = """\
examples:
  convmatrix show --i 4 --k 3
  convmatrix show --i 5 --k 3 --s 2 --p 1 --weight sobel
  convmatrix show --i 3 --k 3 --s 2 --p 1 --op 1 --transpose
  convmatrix size --i 6 --k 3 --s 2 --p 1
  convmatrix export C.npz --i 28 --k 5 --cout 6 --weight random:0

Axes are joined by x, a (before, after) pair by a comma:
  --i 4x6 --p 1,2x0,1
"""


class _RefusedError(Exception):
    """Arguments that make no sense; the message is for the user."""


class _Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {_one_line(message)} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is unknown here, where the command is known whose help tells more."""
        for word in args or ():
            if word.endswith("=--"):  # from which argparse makes an empty list
                self.error(f"argument {word[:-3]}: expected one argument")
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0: good. 1: a law failed, or a file could not be written. 2: bad arguments, or an impossible configuration.
    """
    parser = _parser()
    arguments = parser.parse_args(_glued(sys.argv[1:] if argv is None else argv))
    name = f"convmatrix {arguments.command}"
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough, as in `| head`. Python would try to flush once more when it exits.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (_RefusedError, ValueError, OverflowError, MemoryError) as error:
        print(f"{name}: error: {_one_line(str(error) or 'out of memory')}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{name}: error: {_one_line(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return int(code or 0)


# -- arguments -------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="convmatrix", description="See a convolution as the sparse matrix it is.", epilog=_EXAMPLES)
    parser.add_argument("--version", action="version", version=f"convmatrix {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    show = commands.add_parser("show", help="sizes, the matrix with its taps, its transpose, and the verdict on C^T C",
                               description="Show a layer's matrix, its transpose, and whether one undoes the other.",
                               epilog=_EXAMPLES)  # fmt: skip
    _add_layer(show)
    _add_weight(show)
    show.add_argument("--format", choices=(*drawing.FORMS, "json", "md"),
                      help="default: the largest of grid, half and braille that fits the terminal")  # fmt: skip
    show.add_argument("--save", metavar="FILE", help="write to a file instead: .json, .md or .txt")
    show.add_argument("--color", choices=("auto", "always", "never"), default="auto",
                      help="default: auto, which honours NO_COLOR and FORCE_COLOR")  # fmt: skip
    show.add_argument("--rank", action="store_true", help="compute the rank however large the matrix is")
    show.set_defaults(run=_show)

    size = commands.add_parser("size", help="only the arithmetic: output size, leftover, what output_padding is for",
                               description="Work out sizes.", epilog=_EXAMPLES)  # fmt: skip
    _add_layer(size)
    size.add_argument("--format", choices=("text", "json"), default="text")
    size.set_defaults(run=_size)

    verify = commands.add_parser("verify", help="every law and finding for this layer, one line each",
                                 description="Check every law; exit 0 if all hold, 1 if one fails.\nFindings and "
                                 "controls are reported beside them.", epilog=_EXAMPLES)  # fmt: skip
    _add_layer(verify)
    _add_weight(verify, default="arange")
    verify.add_argument("--format", choices=("text", "json"), default="text")
    verify.set_defaults(run=_verify)

    exports = commands.add_parser("export", help="write the matrix to a file",
                                  description=f"Write a layer's matrix to a file, by its ending: "
                                  f"{' '.join(export.ENDINGS)}.", epilog=_EXAMPLES)  # fmt: skip
    exports.add_argument("file", metavar="FILE", help="where to; written under a temporary name, then renamed")
    _add_layer(exports)
    _add_weight(exports, default="arange")
    exports.set_defaults(run=_export)

    listing = commands.add_parser("presets", help="the named kernels and settings",
                                  description="List the named kernels and settings, or show one.")  # fmt: skip
    listing.add_argument("name", nargs="?", metavar="NAME", help="one kernel or setting")
    listing.set_defaults(run=_presets)
    return parser


def _add_layer(parser: argparse.ArgumentParser) -> None:
    layer = parser.add_argument_group("layer (axes joined by x, as in 4x6)")
    layer.add_argument("--setting", metavar="NAME", help="a named setting instead of numbers; see convmatrix presets")
    layer.add_argument("--i", "--input-size", dest="input_size", metavar="I", type=_sizes)
    layer.add_argument("--k", "--kernel-size", dest="kernel_size", metavar="K", type=_sizes)
    layer.add_argument("--s", "--stride", dest="stride", metavar="S", type=_sizes, help="default: 1")
    layer.add_argument("--p", "--padding", dest="padding", metavar="P", type=_padding,
                       help="numbers, before,after pairs, or a name such as same or full; default: 0")  # fmt: skip
    layer.add_argument("--d", "--dilation", dest="dilation", metavar="D", type=_sizes, help="default: 1")
    layer.add_argument("--a", "--input-dilation", dest="input_dilation", metavar="A", type=_sizes,
                       help="spreads the input with zeros; default: 1")  # fmt: skip
    layer.add_argument("--g", "--groups", dest="groups", metavar="G", type=_integer, help="default: 1")
    layer.add_argument("--cin", "--in-channels", dest="in_channels", metavar="C", type=_integer, help="default: 1")
    layer.add_argument("--cout", "--out-channels", dest="out_channels", metavar="C", type=_integer, help="default: 1")
    layer.add_argument("--mode", "--padding-mode", dest="padding_mode", metavar="MODE",
                       help="zeros, reflect, replicate, circular or symmetric; default: zeros")  # fmt: skip
    layer.add_argument("--ndim", dest="ndim", metavar="N", type=_integer,
                       help="number of axes, where no argument tells it; default: 2")  # fmt: skip
    layer.add_argument("--transpose", action="store_true",
                       help="the transposed convolution; --i is then its own input")  # fmt: skip
    layer.add_argument("--op", "--output-padding", dest="output_padding", metavar="OP", type=_sizes,
                       help="with --transpose; default: 0")  # fmt: skip
    layer.add_argument("--o", "--output-size", dest="output_size", metavar="O", type=_sizes, help="with --transpose")


def _add_weight(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    parser.add_argument("--weight", metavar="W", default=default,
                        help="ones, arange (1, 2, 3, ...), random:SEED, a kernel's name (see convmatrix presets), "
                        "numbers in C order joined by commas, or a .npy file"
                        + (f"; default: {default}" if default else "; default: symbols"))  # fmt: skip


def _glued(argv: Sequence[str]) -> list[str]:
    """Join an option and a value that begins with a minus sign, which argparse would take for an option."""
    glued: list[str] = []
    for word in argv:
        if glued and re.fullmatch(r"--[a-z-]+", glued[-1]) and re.match(r"-[\d.]", word):
            glued[-1] += f"={word}"
        else:
            glued.append(word)
    return glued


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer")
    return int(text)


def _sizes(text: str) -> int | tuple[int, ...]:
    numbers = tuple(_integer(part) for part in text.split("x"))
    return numbers if "x" in text else numbers[0]


def _padding(text: str) -> Any:
    """Entries for each axis, or one for all; a pair for all axes stays a list until their number is known."""
    entries = [_padding_entry(part) for part in text.split("x")]
    return tuple(entries) if len(entries) > 1 else entries[0]


def _padding_entry(text: str) -> Any:
    if "," not in text:
        return _integer(text) if re.search(r"\d", text) else text
    pair = tuple(_integer(part) for part in text.split(","))
    if len(pair) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a before,after pair")
    return list(pair)


_LAYER = ("input_size", "kernel_size", "stride", "padding", "dilation", "input_dilation", "groups", "in_channels",
          "out_channels", "padding_mode", "ndim", "output_padding", "output_size")  # fmt: skip


def _layer(arguments: argparse.Namespace) -> Conv | ConvTranspose:
    given = {name: getattr(arguments, name) for name in _LAYER if getattr(arguments, name) is not None}
    if arguments.setting is not None:
        if given or arguments.transpose:
            raise _RefusedError(f"--setting {arguments.setting} is a whole layer and stands alone: leave out the other "
                           "numbers, or give them all without --setting")  # fmt: skip
        return presets.setting(arguments.setting)
    for name, option in (("input_size", "--i"), ("kernel_size", "--k")):
        if name not in given:
            raise _RefusedError(f"{option} is missing: give --i and --k, as in --i 4 --k 3, or a --setting")
    if not arguments.transpose:
        for name, option in (("output_padding", "--op"), ("output_size", "--o")):
            if name in given:
                raise _RefusedError(f"{option} needs --transpose: a convolution has only one output size")
    if isinstance(given.get("padding"), list):
        given["padding"] = [given["padding"]] * _axes(given)
    return ConvTranspose(**given) if arguments.transpose else Conv(**given)


def _axes(given: dict[str, Any]) -> int:
    """Number of axes of a configuration whose padding is one pair for all."""
    lengths = [len(value) for value in given.values() if isinstance(value, tuple)]
    return int(given.get("ndim", lengths[0] if lengths else 2))


# -- show ------------------------------------------------------------------------------------------------------------


def _show(arguments: argparse.Namespace) -> None:
    layer = _layer(arguments)
    weight = None if arguments.weight is None else presets.parse_weight(arguments.weight, layer)
    form = arguments.format
    if arguments.save is not None:
        form = _saved_form(arguments.save, form)
    if form == "json":
        found = _findings(layer, weight, any_size=arguments.rank)
        text = json.dumps(export.matrix_as_dict(layer, weight, **found)) + "\n"
    else:
        text = "\n".join(_described(layer, weight, arguments, form)) + "\n"
    if arguments.save is None:
        _write(text)
    else:
        export.write_text(text, arguments.save)


def _saved_form(path: str, form: str | None) -> str | None:
    """What to write to a file, by its ending; text in the form that was asked for."""
    endings = {".json": "json", ".md": "md", ".txt": form}
    ending = Path(path).suffix.lower()
    if ending not in endings:
        raise _RefusedError(f"cannot tell from {path!r} what to write: its ending must be one of {', '.join(endings)}")
    if form is not None and endings[ending] != form:
        raise _RefusedError(f"--format {form} does not go into a {ending} file: leave it out, or name a .txt file")
    return endings[ending]


def _findings(layer: Conv | ConvTranspose, weight: "NDArray[Any] | None", *, any_size: bool) -> dict[str, Any]:
    """Rank and Gram finding as JSON has them: null where they are not computed."""
    from convmatrix.algebra import verdict

    with _Bar("rank") as bar:
        found = verdict(layer, weight, any_size=any_size, progress=bar)
    return {
        "rank": None if found.rank is None else found.rank.value,
        "gram_is_identity": None if found.gram is None else found.gram.holds,
    }


def _described(
    layer: Conv | ConvTranspose, weight: "NDArray[Any] | None", arguments: argparse.Namespace, form: str | None
) -> list[str]:
    # In Markdown, sentences with signs in them are code, and a table begins after an empty line.
    fence, gap = (["```"], [""]) if form == "md" else ([], [])
    lines = [*fence, *_sizes_described(layer), *fence]
    name, other = ("C", "C^T") if isinstance(layer, Conv) else ("C^T", "C")
    rows, cols = layer.matrix_shape
    lines += ["", f"{name}: {rows} x {cols}, {layer.nnz} entries", *gap]
    style = _style(sys.stdout, arguments.color) if arguments.save is None else drawing.Style(width=10**6)
    large = max(layer.nnz, rows, cols) > _DRAWN
    if large:
        lines.append(f"too large to draw: {layer.nbytes() / 2**30:.3g} GiB as float64 (convmatrix export writes it)")
    else:
        lines += _picture(layer, weight, style, form)
    lines += ["", f"{other}: {cols} x {rows}, the transpose", *gap]
    # A tall transpose says little that its shape does not: the lines above are its columns.
    if not large and (cols <= 64 or form is not None):
        lines += _picture(layer.T, weight, style, form)
    return [*lines, "", *fence, *_verdict_described(layer, weight, any_size=arguments.rank), *fence]


def _picture(
    layer: Conv | ConvTranspose, weight: "NDArray[Any] | None", style: drawing.Style, form: str | None
) -> list[str]:
    scene = Scene(layer, weight)
    return drawing.markdown(scene) if form == "md" else drawing.draw(scene, style, form)


def _sizes_described(layer: Conv | ConvTranspose) -> list[str]:
    """The settings in the guide's letters, and how the output size comes about."""
    kind = "convolution" if isinstance(layer, Conv) else "transposed convolution"
    words = [f"i={_joined(layer.input_size)}", f"k={_joined(layer.kernel_size)}",
             f"s={_joined(layer.stride, same=True)}",
             f"p={_joined([_pair(*pair) for pair in layer.padding], same=True)}",
             f"d={_joined(layer.dilation, same=True)}"]  # fmt: skip
    if any(a > 1 for a in layer.input_dilation):
        words.append(f"a={_joined(layer.input_dilation, same=True)}")
    if isinstance(layer, ConvTranspose) and any(layer.output_padding):
        words.append(f"op={_joined(layer.output_padding, same=True)}")
    for name, value, default in (("g", layer.groups, 1), ("cin", layer.in_channels, 1), ("cout", layer.out_channels, 1),
                                 ("mode", layer.padding_mode, "zeros")):  # fmt: skip
        if value != default:
            words.append(f"{name}={value}")
    lines = [f"{kind}  {'  '.join(words)}  ->  o={_joined(layer.output_size)}"]
    stated = [relationship(layer, axis) for axis in range(layer.ndim)]
    for axis, said in enumerate(stated):
        if axis and all(one == said for one in stated):
            break
        where = "" if all(one == said for one in stated) else f"axis {axis}: "
        number = "" if said.number is None else f"relationship {said.number}"
        source = "; ".join(filter(None, (number, said.note)))
        line = f"  {where}{said.formula} = {said.arithmetic}   [{source}]"
        broken = [f"  {where}{said.formula}", f"    = {said.arithmetic}", f"    [{source}]"]
        lines += [line] if len(line) <= 120 else broken
    return lines


def _joined(values: Sequence[Any], *, same: bool = False) -> str:
    """Values of the axes joined by x; one of them where all are the same, if that is wanted."""
    if not values:
        return "()"
    if same and len(set(values)) == 1:
        return str(values[0])
    return "x".join(map(str, values))


def _pair(before: int, after: int) -> str:
    return str(before) if before == after else f"{before},{after}"


def _verdict_described(layer: Conv | ConvTranspose, weight: "NDArray[Any] | None", *, any_size: bool) -> list[str]:
    from convmatrix.algebra import verdict

    with _Bar("rank") as bar:
        found = verdict(layer, weight, any_size=any_size, progress=bar)
    conv = isinstance(layer, Conv)
    first, second = (found.gram, found.cogram) if conv else (found.cogram, found.gram)
    rows, cols = layer.matrix_shape if conv else layer.matrix_shape[::-1]
    is_complex = weight is not None and weight.dtype.kind == "c"
    sign, transposed = ("H", "its conjugate transpose") if is_complex else ("T", "the transposed convolution")
    lines = [
        *_finding_described(f"C^{sign} C", first, transposed, "the convolution"),
        *_finding_described(f"C C^{sign}", second, "the convolution", transposed),
    ]
    if found.rank is None:
        lines.append(f"rank not computed for {rows} x {cols}, above 2000; --rank computes it")
    else:
        rank, nullity = found.rank.value, cols - found.rank.value
        unseen = f"cannot tell apart inputs along {nullity} of {cols} directions"
        lines.append(f"rank {rank}, nullity {nullity}: C {unseen if nullity else 'tells all inputs apart'}")
        lines.append(f"  how: {found.rank.how}")
    if found.generic:
        lines.append("  generic: of integers drawn with seed 0, since no --weight is given")
    return lines


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _finding_described(product: str, check: "Check | None", undoing: str, undone: str) -> list[str]:
    if check is None:
        return [f"{product} not computed: it takes too many products"]
    if check.holds:
        return [f"{product} = I: {undoing} undoes {undone}"]
    where = f"{check.name.partition(' = I')[2]} = {_number(check.measured)}, at {check.where}"
    return [f"{product} != I: {undoing} does not undo {undone}", f"  largest deviation |{product} - I|{where}"]


# -- the other commands ----------------------------------------------------------------------------------------------


def _size(arguments: argparse.Namespace) -> None:
    layer = _layer(arguments)
    if arguments.format == "json":
        _print([json.dumps(_size_as_dict(layer))])
        return
    lines = _sizes_described(layer)
    forward = layer if isinstance(layer, Conv) else layer.T
    for axis in range(layer.ndim):
        choices = size_choices(layer, axis)
        output = forward.output_size[axis]
        lines.append("")
        pads = f" with padding {_pair(*forward.padding[axis])}" if forward.padding != layer.padding else ""
        lines.append(f"axis {axis}: a convolution{pads} gives {output} for {len(choices)} input "
                     f"size{'s' if len(choices) > 1 else ''}; leftover here {forward.axes[axis].leftover}")  # fmt: skip
        for choice in choices:
            mark = "  <- this layer" if choice.size == forward.input_size[axis] else ""
            lines.append(f"  input size {choice.size}: leftover {choice.leftover}, "
                         f"transposed with output_padding {choice.output_padding}{mark}")  # fmt: skip
    rows, cols = layer.matrix_shape
    lines += ["", f"matrix: {rows} x {cols}, {layer.nnz} entries, {layer.nbytes()} bytes as float64"]
    _print(lines)


def _size_as_dict(layer: Conv | ConvTranspose) -> dict[str, Any]:
    stated = [relationship(layer, axis) for axis in range(layer.ndim)]
    forward = layer if isinstance(layer, Conv) else layer.T
    return {
        **export.layer_as_dict(layer),
        "output_size": list(layer.output_size),
        "leftover": [axis.leftover for axis in forward.axes],
        "relationship": [said.number for said in stated],
        "formula": [said.formula for said in stated],
        "input_sizes": [[choice._asdict() for choice in size_choices(layer, axis)] for axis in range(layer.ndim)],
        "nbytes": layer.nbytes(),
    }


def _verify(arguments: argparse.Namespace) -> int:
    """Exit code 1 if a law fails: then the package is wrong, not the layer."""
    from convmatrix.algebra import checks, controls

    layer = _layer(arguments)
    found = [*checks(layer, presets.parse_weight(arguments.weight, layer)), *controls()]
    failed = sum(check.kind == "law" and not check.holds for check in found)
    if arguments.format == "json":
        _print([json.dumps({"laws_hold": not failed, "checks": [dataclasses.asdict(check) for check in found]})])
        return int(failed > 0)
    wide = max(len(check.name) for check in found)
    lines = _sizes_described(layer)
    for check in found:
        word = {("law", True): "holds", ("law", False): "FAILS", ("finding", True): "yes", ("finding", False): "no"}
        where = f", at {check.where}" if check.where else ""
        lines.append(f"{check.kind:<7}  {check.name:<{wide}}  {word[check.kind, check.holds]:<5}  "
                     f"{check.measured:.6g} (bound {check.bound:.6g}){where}")  # fmt: skip
    laws = sum(check.kind == "law" for check in found)
    lines.append(f"{laws - failed} of {laws} laws hold")
    _print(lines)
    return int(failed > 0)


def _export(arguments: argparse.Namespace) -> None:
    ending = export.ending_of(arguments.file)
    layer = _layer(arguments)
    weight = presets.parse_weight(arguments.weight, layer)
    found = _findings(layer, weight, any_size=False) if ending == ".json" else {}
    export.export(layer.matrix(weight), arguments.file, layer=layer, **found)
    rows, cols = layer.matrix_shape
    _print([f"{arguments.file}: {rows} x {cols}, {layer.nnz} entries, weight {arguments.weight}"])


def _presets(arguments: argparse.Namespace) -> None:
    kernels, settings = presets.kernels(), presets.settings()
    name = None if arguments.name is None else arguments.name.lower().replace("-", "_")
    if name is None:
        lines = ["kernels, for --weight:", *_table(kernels), "", "settings, for --setting:", *_table(settings)]
    elif name in kernels:
        lines = [f"{name}: {kernels[name]}", str(presets.kernel(name))]
    elif name in settings:
        layer = presets.setting(name)
        lines = [f"{name}: {settings[name]}", repr(layer), *_sizes_described(layer)]
    else:
        close = difflib.get_close_matches(name, [*kernels, *settings])
        remedy = f"did you mean {' or '.join(close)}?" if close else "convmatrix presets lists them"
        raise _RefusedError(f"there is no kernel or setting {arguments.name!r}: {remedy}")
    _print(lines)


def _table(entries: Mapping[str, str]) -> list[str]:
    wide = max(map(len, entries))
    return [f"  {name:<{wide}}  {about}" for name, about in entries.items()]


# -- progress --------------------------------------------------------------------------------------------------------


class _Bar:
    """A progress bar on stderr: for people at a terminal, once the work has taken two seconds."""

    def __init__(self, what: str) -> None:
        self._what, self._start, self._drawn = what, time.monotonic(), False

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._start < _PATIENCE or not sys.stderr.isatty():
            return
        width = max(min(shutil.get_terminal_size().columns - len(self._what) - 10, 40), 1)
        full = width * done // max(total, 1)
        sys.stderr.write(f"\r{self._what} [{'#' * full}{'.' * (width - full)}] {100 * done // max(total, 1):3d}%")
        sys.stderr.flush()
        self._drawn = True


# -- output ----------------------------------------------------------------------------------------------------------


def _print(lines: Sequence[str]) -> None:
    _write("\n".join(lines) + "\n")


def _write(text: str) -> None:
    """Write to the standard output; a file name may have characters that it cannot encode."""
    if sys.stdout is None:
        raise OSError("the standard output is closed")
    encoding = _encoding(sys.stdout)
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _one_line(message: str) -> str:
    """A message with nothing in it that would break the line or command the terminal, whatever was typed."""
    words = " ".join(message.split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "ascii"


def _style(stream: TextIO | None, color: str) -> drawing.Style:
    """What a stream can show, by its encoding, the environment and the user's word."""
    try:
        "│·▀⠿".encode(_encoding(stream))
        unicode = True
    except (UnicodeEncodeError, LookupError):
        unicode = False
    return drawing.Style(
        width=shutil.get_terminal_size().columns,
        colours=_colours() if _wants_colour(stream, color) else 0,
        unicode=unicode,
    )


def _wants_colour(stream: TextIO | None, color: str) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _colours() -> Any:
    return 1 << 24 if os.environ.get("COLORTERM") in ("truecolor", "24bit") else 256
