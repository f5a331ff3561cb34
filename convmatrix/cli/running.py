"""A run of the command line: which errors end it, with which message and exit status."""

import sys
from collections.abc import Sequence

from convmatrix.cli.errors import ReaderGoneError, UsageError
from convmatrix.cli.interrupts import TerminatedError, catching_termination, held_back, is_interrupt
from convmatrix.cli.terminal import print_error, some_stderr

__all__ = ["run"]


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see `convmatrix.cli.main`.

    Returns
    -------
    int
    """  # noqa: DOC501  an ImportError that is one goes on
    name = "convmatrix"
    try:
        with held_back(), some_stderr():  # for about a second, in which NumPy and SciPy are imported
            from convmatrix.cli.commands import parse
            from convmatrix.core.errors import shortened_text
        arguments = parse(sys.argv[1:] if argv is None else argv)
        name = f"convmatrix {arguments.command}"
        with catching_termination():
            return int(arguments.run(arguments) or 0)
    except ReaderGoneError:
        return 0
    except (UsageError, ValueError, OverflowError, MemoryError) as error:
        print_error(f"{name}: error: {shortened_text(str(error)) or 'out of memory'}")
        return 2
    except OSError as error:
        print_error(f"{name}: error: {shortened_text(str(error))}")
        return 1
    except (KeyboardInterrupt, ImportError, SystemError) as error:
        if not is_interrupt(error):
            raise
        print_error(f"{name}: interrupted")
        return 130
    except TerminatedError as stop:
        print_error(f"{name}: terminated")
        return stop.status
