"""`export`: the matrix as a file."""

import argparse

from convmatrix import export
from convmatrix.cli.arguments import Commands, add_layer, add_weight, layer_of, weight_of
from convmatrix.cli.sentences import findings, matrix_described
from convmatrix.cli.terminal import print_lines

__all__ = ["add_to"]

_ENDINGS = (*export.ENDINGS, ".tex")

_DESCRIPTION = f"""\
Write a layer's matrix to a file, by its ending:
{" ".join(_ENDINGS)}

.tex is an array of any width, to \\input in math mode; convmatrix show --save
C.tex writes a document around it.
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("export", help="write the matrix to a file", description=_DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help="where to; written under a temporary name, then renamed")
    add_layer(parser)
    add_weight(parser, default="arange")
    parser.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> None:
    ending = export.ending_of(arguments.file, _ENDINGS)
    layer = layer_of(arguments)
    weight = weight_of(arguments, layer)
    if ending == ".tex":
        from convmatrix.show import latex

        export.write_text(latex.array(layer, weight) + "\n", arguments.file)
    else:
        found = findings(layer, weight, any_size=False) if ending == ".json" else {}
        export.export(layer.matrix(weight), arguments.file, layer=layer, **found)
    print_lines([f"{arguments.file}: {matrix_described(layer)}, weight {arguments.weight}"])
