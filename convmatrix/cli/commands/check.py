"""`check`: compare matrices that were made by other means, and name the mistake of each."""

import argparse
import json
from typing import Any

from convmatrix.cli.arguments import Commands, add_layer, add_weight, layer_of, weight_of
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.terminal import one_line, print_lines, typeset

__all__ = ["add_to"]

_DESCRIPTION = """\
Compare matrices, made by hand or by other programs, with the layer's: right;
transposed; the kernel flipped; rows or columns in another order; or the first
row that is wrong, and how. Without --weight, the matrix of any weight is right.

Files: .npy, .npz (dense or sparse), .csv, .mtx, .mat, .json; FILE:NAME for one
of several arrays. Exit status: 0 if all are right, 1 if one is not, 2 if one
cannot be read.
"""

_EXAMPLES = """\
examples:
  convmatrix check C.npy --i 4 --k 3
  convmatrix check C.mtx --i 4 --k 3 --weight sobel
  convmatrix check students/*.csv --i 5 --k 3 --s 2 --p 1 --format json
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="compare matrices in files with the layer's: right, or which mistake",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a matrix")
    add_layer(parser)
    add_weight(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    with held_back():
        from convmatrix.core.array_files import read_array
    layer = layer_of(arguments)
    weight = weight_of(arguments, layer)
    code, results = 0, list[dict[str, Any]]()
    for file in arguments.files:
        try:
            found = layer.check_matrix(read_array(file, "the matrix"), weight)
        except ValueError as error:
            if len(arguments.files) == 1:
                raise
            code = 2
            results.append({"file": file, "ok": False, "kind": "unreadable", "reason": str(error)})
            continue
        code = max(code, int(not found.ok))
        results.append(
            {"file": file, "ok": found.ok, "kind": found.kind, "reason": found.reason}
            | ({} if found.row is None else {"row": found.row, "column": found.column})
        )
    if arguments.format == "json":
        print_lines([json.dumps(results)])
    else:
        for each in results:
            sentence = f"right: {each['reason']}" if each["ok"] else each["reason"]
            print_lines([f"{one_line(each['file'])}: {typeset(sentence)}"])
    return code
