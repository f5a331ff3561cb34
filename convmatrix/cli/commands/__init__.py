"""All commands, and the parser of their arguments."""

import argparse
from collections.abc import Sequence
from typing import Any

from convmatrix.cli.arguments import Parser, with_values_attached
from convmatrix.cli.commands import animate, check, explore, export, figure, frameworks, presets, show, size, verify
from convmatrix.cli.guesses import nearest, translated
from convmatrix.cli.terminal import write
from convmatrix.core import __version__
from convmatrix.core.errors import short_name

__all__ = ["parse"]

_COMMANDS = (show, size, verify, check, frameworks, figure, animate, explore, export, presets)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse arguments; `run` of the result is the command to be called with it.

    Returns
    -------
    argparse.Namespace
    """
    parser, names = _parser(), [command.__name__.rpartition(".")[2] for command in _COMMANDS]
    translation = translated(argv)
    if translation and not translation[0].startswith("-") and translation[0] not in names:
        close = nearest(translation[0], names)
        parser.error(
            f"there is no command {short_name(translation[0])!r}: "
            + (f"did you mean {close}?" if close else f"there are {', '.join(names)}")
        )
    return parser.parse_args(with_values_attached(translation or ["show", "--welcome"]))


class _Version(argparse.Action):
    """Print the version and exit."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        write(f"convmatrix {__version__}\n")
        parser.exit()


def _parser() -> Parser:
    parser = Parser(prog="convmatrix", description="See a convolution as the sparse matrix it is.")
    parser.add_argument("--version", action=_Version, help="show program's version number and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


def __dir__() -> list[str]:
    return __all__
