"""The command line: arguments to layers, layers to text and files. The only package that prints or exits.

Each command is a module with its options and what they do; what it draws with is imported when it draws. This module
imports nothing, so that an interrupt from the keyboard is answered from the beginning.
"""

TYPE_CHECKING = False  # as in `typing`, which is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default the arguments of the process.

    Returns
    -------
    int
        0: good. 1: a law failed, or a file or the standard output could not be written. 2: bad arguments, or an
        impossible configuration. 128 + N: ended by signal N, as by SIGINT (130) or SIGTERM (143); what was half-written
        is removed.
    """
    try:
        from convmatrix.cli.running import run
    except KeyboardInterrupt:
        from convmatrix.cli.terminal import print_error

        print_error("convmatrix: interrupted")
        return 130
    return run(argv)


def __dir__() -> list[str]:
    return __all__
