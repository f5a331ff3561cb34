"""`explore`: a page that reacts to the mouse and the keyboard."""

import argparse
from pathlib import Path

from convmatrix.cli.arguments import Commands, add_layer, add_weight, layer_of, weight_of
from convmatrix.cli.terminal import print_lines

__all__ = ["add_to"]

_DESCRIPTION = """\
Write one HTML page, which needs no other file and no network: the matrix, the
window, the kernel and the output, linked; all numbers can be changed on it.
NAME is a published setting, such as padding_strides; or describe the layer
that the page begins with. Without any, that is --i 4 --k 3.
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "explore", help="a page that reacts to the mouse and the keyboard", description=_DESCRIPTION
    )
    add_layer(parser, by_name=True)
    parser.add_argument("--save", metavar="FILE", required=True, help="where to: .html or .htm")
    parser.add_argument("--open", action="store_true", help="open the page in the browser as well")
    add_weight(parser)
    parser.add_argument("--title", metavar="TEXT", help="default: the layer")
    parser.set_defaults(run=_explore)


def _explore(arguments: argparse.Namespace) -> None:
    from convmatrix.show import explorer

    layer = layer_of(arguments, input_size=4, kernel_size=3)
    explorer.save(layer, arguments.save, weight_of(arguments, layer), title=arguments.title)
    print_lines([f"{arguments.save}: {layer!r}"])
    if not arguments.open:
        return
    import webbrowser

    if not webbrowser.open(Path(arguments.save).resolve().as_uri()):
        raise OSError(f"no browser could be opened here: open {arguments.save} in one")
