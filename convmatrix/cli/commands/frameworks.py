"""The command `frameworks`: the layers that frameworks make of the same arguments, and the diagnosis of arrays."""

import argparse
import dataclasses
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from convmatrix.cli.arguments import Commands, UsageError, add_layer, layer_arguments
from convmatrix.cli.sentences import pair
from convmatrix.cli.terminal import print_lines, style
from convmatrix.core.npy import ENDING, ArrayFile, open_array

if TYPE_CHECKING:
    from convmatrix.frameworks.comparison.agreement import Row
    from convmatrix.frameworks.comparison.diagnosis import Diagnosis

__all__ = ["add_to", "markdown"]

_ARRAYS = ("x", "y", "weight")
_FROM_ARRAYS = {
    "setting": "--setting",
    "input_size": "--i",
    "kernel_size": "--k",
    "in_channels": "--cin",
    "out_channels": "--cout",
}
_HEADINGS = ("framework", "output", "pads", "kernel", "values")
_STAYS = "\0"  # a space at which lines are not broken
_KERNEL = {True: "flipped", False: "as it is", None: "one tap"}


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "frameworks",
        help="what each framework makes of these arguments; or, from arrays, whose convention it is",
        description="Pass the same arguments, and the same kernel, to every framework. Or give three\n"
        "arrays: x, the weight, and the y that another framework made of them; and find\n"
        "out which convention lies between its y and ours.",
    )
    add_layer(parser)
    arrays = parser.add_argument_group("whose convention? (.npy files; sizes and channels are those of the arrays)")
    arrays.add_argument("--x", metavar="FILE", help="the input")
    arrays.add_argument("--y", metavar="FILE", help="what the other framework made of it")
    arrays.add_argument("--weight", metavar="FILE", help="the weight, as that framework has it")
    parser.add_argument("--format", choices=("text", "json", "md"), default="text")
    parser.set_defaults(run=_frameworks)


def _frameworks(arguments: argparse.Namespace) -> None:
    files = {name: getattr(arguments, name) for name in _ARRAYS}
    if any(file is not None for file in files.values()):
        _diagnose(arguments, files)
        return
    from convmatrix.frameworks.comparison.agreement import compare  # slow to import: it uses all frameworks

    kwargs = layer_arguments(arguments)
    transpose = kwargs.get("transpose", False)
    rows = compare(**kwargs)
    if arguments.format == "json":
        print_lines([json.dumps([_as_dict(row) for row in rows])])
    elif arguments.format == "md":
        print_lines(list(markdown(rows, transpose)))
    else:
        print_lines(list(_text(rows, transpose, style("never").width)))


# -- a table ---------------------------------------------------------------------------------------------------------


def _text(rows: "Sequence[Row]", transpose: bool, width: int) -> Iterator[str]:
    """Format the table, and below it each call or error."""
    cells = [list(_headings(transpose)), *(_cells(row) for row in rows)]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield "  ".join(cell.ljust(size) for cell, size in zip(line, wide, strict=True)).rstrip()
    yield ""
    for cell in _calls(rows):
        lines = textwrap.wrap(cell, max(width, 20), subsequent_indent="    ", break_on_hyphens=False)
        yield from (line.replace(_STAYS, " ") for line in lines)
    yield ""
    yield from textwrap.wrap(_legend(transpose), max(width, 20))


def _calls(rows: "Sequence[Row]") -> Iterator[str]:
    """Yield each call, and each error once, in the place of the first framework with it."""
    frameworks: dict[str, list[str]] = {}
    for row in rows:
        frameworks.setdefault(row.reason, []).append(row.framework)
    for row in rows:
        if not row.reason:
            yield _unbroken(row)
        elif (names := frameworks[row.reason])[0] == row.framework:
            yield f"{' / '.join(names)}: {row.reason}"


def _unbroken(row: "Row") -> str:
    """Format a call, whose tuples and lists are not broken over lines, and its arrays as a comment."""
    inner = r"[(\[](?:[^()\[\]=]|[(\[][^()\[\]]*[)\]])*[)\]]"  # a tuple or a list, perhaps nested
    call = re.sub(inner, lambda match: match[0].replace(" ", _STAYS), row.call)
    return call + "  " + f"# {row.arrays}".replace(" ", _STAYS)


def markdown(rows: "Sequence[Row]", transpose: bool) -> Iterator[str]:
    """Yield the lines of the table in Markdown, with each call or error.

    Parameters
    ----------
    rows : sequence of Row
    transpose : bool
        Whether the rows are of a transposed layer.

    Yields
    ------
    str
    """
    headings = (*_headings(transpose), "call, or why it is refused")
    yield f"| {' | '.join(headings)} |"
    yield f"| {' | '.join('---' for _ in headings)} |"
    for row in rows:
        cell = (row.reason or f"`{row.call}` with {row.arrays}").replace("|", "\\|")
        yield f"| {' | '.join((*_cells(row), cell))} |"


def _headings(transpose: bool) -> tuple[str, ...]:
    return tuple("cropped" if transpose and name == "pads" else name for name in _HEADINGS)


def _cells(row: "Row") -> list[str]:
    if row.output_size is None or row.pads is None:
        return [row.framework, "-", "-", "-", row.verdict]
    pads = [pair(*ends) for ends in row.pads]
    pads_text = pads[0] if len(set(pads)) == 1 else "x".join(pads)
    return [row.framework, "x".join(map(str, row.output_size)) or "()", pads_text, _KERNEL[row.flipped], row.verdict]


def _legend(transpose: bool) -> str:
    if transpose:
        return (
            "cropped: what the full result loses before and after on each axis; a negative number adds. kernel: as the "
            "windows between the inserted zeros read it; C^T reads it flipped along all axes. values: beside the first "
            "row, with the same kernel. x and w: input and weight in the framework's layout."
        )
    return (
        "pads: before and after on each axis. kernel: as the windows read it. values: beside the first row, with "
        "the same kernel. x and w: input and weight in the framework's layout."
    )


def _as_dict(row: "Row") -> dict[str, Any]:
    """Convert a row to JSON: null where the framework raises an error; the layer as the call that makes it."""
    return {
        **{name: value for name, value in dataclasses.asdict(row).items() if name != "layer"},
        "layer": None if row.layer is None else repr(row.layer),
    }


# -- from arrays -----------------------------------------------------------------------------------------------------


def _diagnose(arguments: argparse.Namespace, files: dict[str, str | None]) -> None:
    from convmatrix.frameworks.comparison.diagnosis import diagnose

    missing = [f"--{name}" for name, file in files.items() if file is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: a convention is "
            "found from three arrays, --x, --y and --weight"
        )
    options = [option for name, option in _FROM_ARRAYS.items() if getattr(arguments, name) is not None]
    if options:
        raise UsageError(f"{options[0]} cannot stand beside arrays, whose shapes decide it: leave it out")
    kwargs = layer_arguments(arguments, needed=())
    with ExitStack() as stack:
        arrays = [stack.enter_context(_opened(name, str(file))) for name, file in files.items()]
        diagnosis = diagnose(*arrays, **kwargs)
    if arguments.format == "json":
        print_lines([json.dumps(_diagnosis_as_dict(diagnosis))])
    else:
        width = style("never").width
        print_lines(
            [
                line
                for sentence in str(diagnosis).splitlines()
                for line in textwrap.wrap(sentence, max(width, 20), break_on_hyphens=False) or [""]
            ]
        )


def _opened(name: str, file: str) -> AbstractContextManager[ArrayFile]:
    if not file.lower().endswith(ENDING):
        raise UsageError(f"--{name} {file} is no .npy file: write the array with numpy.save")
    return open_array(file, "the weight" if name == "weight" else name)


def _diagnosis_as_dict(diagnosis: "Diagnosis") -> dict[str, Any]:
    return {"found": [list(names) for names in diagnosis.found], "sentence": str(diagnosis)}
