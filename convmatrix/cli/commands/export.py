"""`export`: the matrix as a file, or as a folder of files."""

import argparse
from collections.abc import Sequence
from typing import Any

from convmatrix import export
from convmatrix.cli.arguments import Commands, UsageError, add_layer, add_weight, integer, layer_of, weight_of
from convmatrix.cli.sentences import findings, matrix_described
from convmatrix.cli.terminal import Bar, one_line, print_lines, typeset
from convmatrix.core.errors import pluralize
from convmatrix.core.memory import require_memory
from convmatrix.layers import Layer

__all__ = ["add_to"]

_ENDINGS = (*export.ENDINGS, ".tex", ".blocks")

_MOST_NAMES = 10
"""File names in a line of notes."""

_DESCRIPTION = f"""\
Write a layer's matrix to a file, by its ending:
{" ".join(_ENDINGS)}

.tex is an array of any width, to \\input in math mode; convmatrix show --save
C.tex writes a document around it.

Rows and columns are outputs and inputs flattened in row-major order, as NumPy
does. --order F flattens them in column-major order instead, so that
C * A(:) is B(:) in MATLAB, Octave and Julia.

.blocks is a folder of .npz files, one for
each block of rows, with an index; the same command again goes on where it was
interrupted. Matrices for .blocks and .mtx may be larger than memory.
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("export", help="write the matrix to a file", description=_DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help="where to; written under a temporary name, then renamed")
    parser.add_argument(
        "--rows",
        metavar="N",
        type=integer,
        help="for .blocks and .mtx: rows in memory at a time; default: about 64 MiB",
    )
    parser.add_argument(
        "--order",
        choices=("C", "F"),
        default="C",
        help="how arrays are flattened: C, row-major, or F, column-major as A(:) in MATLAB; default: C",
    )
    add_layer(parser)
    add_weight(parser, default="arange")
    parser.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> None:
    ending = export.ending_of(arguments.file, _ENDINGS)
    if arguments.rows is not None and ending not in export.BLOCK_ENDINGS:
        raise UsageError(
            f"--rows {arguments.rows} is for .blocks and .mtx, but a {ending} file is written whole: "
            "leave it out, or write .blocks, a folder of .npz files"
        )
    if arguments.order == "F":
        _require_permutable(ending, arguments.rows)
    layer = layer_of(arguments)
    weight = weight_of(arguments, layer)
    notes: list[str] = []
    if ending == ".tex":
        from convmatrix.show.render import latex

        export.write_text(latex.array(layer, weight) + "\n", arguments.file)
    elif ending in export.BLOCK_ENDINGS and arguments.order == "C":
        with Bar("export") as bar:
            report = export.export_blocks(layer, arguments.file, weight, rows=arguments.rows, progress=bar)
        notes = _notes(report)
    else:
        _require_memory(layer, weight)
        results = findings(layer, weight, any_size=False) if ending == ".json" else {}
        export.export(layer.matrix(weight), arguments.file, layer=layer, order=arguments.order, **results)
    print_lines([f"{arguments.file}: {typeset(matrix_described(layer))}, weight {arguments.weight}", *notes])


def _notes(report: export.BlocksReport) -> list[str]:
    """Notes on the files found in a folder of blocks that already existed."""
    groups = (("damaged, written again", report.damaged), ("not part of it, ignored", report.strays))
    return [f"  {what}: {_listed(names)}" for what, names in groups if names]


def _listed(names: Sequence[str]) -> str:
    """File names, the first of many; without control characters."""
    more = f", and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(one_line, names[:_MOST_NAMES])) + more


def _require_permutable(ending: str, rows: int | None) -> None:
    """Raise an error for column-major order where the matrix is not built as a whole."""
    if ending not in export.ENDINGS:
        raise UsageError(
            f"--order F is for {' '.join(export.ENDINGS)}, but a {ending} file has row-major order: "
            "leave it out, or write another file"
        )
    if rows is not None:
        raise UsageError(
            f"--order F permutes the whole matrix, but --rows {rows} builds it block by block: leave one of them out"
        )


def _require_memory(layer: Layer, weight: Any) -> None:
    """Raise an error if the matrix does not fit, with a remedy of this command."""
    rows, cols = layer.matrix_shape
    require_memory(
        layer.nbytes(weight.dtype),
        f"the matrix of {rows} x {cols} with {pluralize(layer.nnz, 'entry')}",
        "write .blocks or .mtx, for which --rows N of it are in memory at a time",
    )
