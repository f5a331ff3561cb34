"""The command line: arguments to layers, layers to text and files. The only room that prints or exits.

Each command is a module with its options and what they do; what it draws with is imported when it draws.
"""

import sys
from collections.abc import Sequence

from convmatrix.cli import animate, explore, export, figure, frameworks, presets, show, size, verify
from convmatrix.cli.arguments import Parser, RefusedError, glued
from convmatrix.cli.terminal import TerminatedError, catching_termination, complain, leave
from convmatrix.core import __version__

__all__ = ["main"]

_COMMANDS = (show, size, verify, frameworks, figure, animate, explore, export, presets)


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
        128 + N: ended by signal N, as by SIGINT (130) or SIGTERM (143); what was half-written is removed.
    """
    arguments = _parser().parse_args(glued(sys.argv[1:] if argv is None else argv))
    name = f"convmatrix {arguments.command}"
    try:
        with catching_termination():
            return int(arguments.run(arguments) or 0)
    except BrokenPipeError:
        leave()
        return 0
    except (RefusedError, ValueError, OverflowError, MemoryError) as error:
        complain(f"{name}: error: {str(error) or 'out of memory'}")
        return 2
    except OSError as error:
        complain(f"{name}: error: {error}")
        return 1
    except KeyboardInterrupt:
        complain(f"{name}: interrupted")
        return 130
    except TerminatedError as stop:
        complain(f"{name}: terminated")
        return stop.status


def _parser() -> Parser:
    parser = Parser(prog="convmatrix", description="See a convolution as the sparse matrix it is.")
    parser.add_argument("--version", action="version", version=f"convmatrix {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser
