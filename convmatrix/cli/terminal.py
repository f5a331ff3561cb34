"""Output of the command line: the standard output, with its width and colours, and a progress bar on stderr.

The only module of the package that touches a stream. Either stream may be closed, full, or a pipe without a reader:
what cannot be written to the standard output is an error, and what cannot be written to stderr is dropped, since the
exit status says the same.
"""

import contextlib
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from convmatrix.cli.errors import ReaderGoneError

if TYPE_CHECKING:
    from convmatrix.show.render import text as drawing

__all__ = [
    "Bar",
    "one_line",
    "print_error",
    "print_lines",
    "some_stderr",
    "style",
    "terminal_height",
    "typeset",
    "write",
]

_PATIENCE = 2.0
"""Seconds before a progress bar appears."""


class Bar:
    """A progress bar on stderr: for people at a terminal, once the work has taken two seconds.

    Parameters
    ----------
    what : str
        The work, in a few letters.
    clock : callable, default time.monotonic
        Returns seconds.
    """

    def __init__(self, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._clock, self._start, self._drawn = what, clock, clock(), False

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            _write_to_stderr("\r\x1b[K")

    def __call__(self, done: int, total: int) -> None:
        """Draw the progress of the work."""
        taken = self._clock() - self._start
        if taken < _PATIENCE or sys.stderr is None or not sys.stderr.isatty():
            return
        left, space = _remaining(taken, done, total), shutil.get_terminal_size().columns - len(self._what) - 10
        end = f" {100 * done // max(total, 1):3d}%{left if len(left) < space else ''}"
        width = max(min(space - len(end) + 5, 40), 1)
        full = width * done // max(total, 1)
        _write_to_stderr(f"\r{self._what} [{'#' * full}{'.' * (width - full)}]{end}\x1b[K")
        self._drawn = True


def _remaining(taken: float, done: int, total: int) -> str:
    """The time that is left, if the rest is as fast as what is done."""
    if not 0 < done < total:
        return ""
    seconds = math.ceil(taken * (total - done) / done)
    if seconds < 60:
        return f", {seconds} s left"
    if seconds < 3600:
        return f", {seconds // 60} min {seconds % 60:02d} s left"
    return f", {seconds // 3600} h {seconds % 3600 // 60:02d} min left"


def print_lines(lines: Sequence[str]) -> None:
    """Write lines to the standard output; a file name in them may have characters that command the terminal."""
    write("\n".join(map(_visible, "\n".join(lines).split("\n"))) + "\n")


def write(text: str) -> None:
    """Write to the standard output; a file name may have characters that it cannot encode.

    Raises
    ------
    ReaderGoneError
        If it is a pipe whose reader has closed it.
    OSError
        If it is closed, or cannot be written to.
    """
    if sys.stdout is None:
        raise OSError("the standard output is closed")
    try:
        _write(text, sys.stdout)
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except OSError as error:
        raise OSError(f"cannot write to the standard output: {error.strerror or error}") from error


def print_error(message: str) -> None:
    """Write one line to stderr."""
    _write_to_stderr(one_line(message) + "\n")


@contextlib.contextmanager
def some_stderr() -> Iterator[None]:
    """A standard error where there is none: older NumPys take its `write` while they are imported.

    Yields
    ------
    None
    """
    with contextlib.ExitStack() as stack:
        if sys.stderr is None:
            sink = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123
            stack.enter_context(contextlib.redirect_stderr(sink))
        yield


def _write_to_stderr(text: str) -> None:
    """Write to stderr, if there is one that takes it."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            _write(text, sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    encoding = _encoding(stream)
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError:
        _drop(stream)
        raise


def _drop(stream: TextIO) -> None:
    """Discard what is left in the buffer: Python would try to write it when it exits, and then exit with status 120."""
    with contextlib.suppress(OSError):  # a stream that is no file has nothing to be dropped
        number = stream.fileno()
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, number)
        os.close(sink)


def one_line(message: str) -> str:
    """A message without line breaks and control characters."""
    return _visible(" ".join(message.split()))


def _visible(line: str) -> str:
    """A line with escapes in place of unprintable characters, so that a name in it can be typed."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def style(color: str) -> "drawing.Terminal":
    """Capabilities of the standard output, from its encoding, the environment and the user's option."""
    from convmatrix.show.render import text as drawing

    try:
        "│·▀⠿₀ᵀ≠×→−⌊".encode(_encoding(sys.stdout))
        unicode = True
    except (UnicodeEncodeError, LookupError):
        unicode = False
    return drawing.Terminal(
        width=shutil.get_terminal_size().columns,
        colours=_colours() if _wants_colour(sys.stdout, color) else 0,
        unicode=unicode,
    )


def terminal_height() -> int | None:
    """Lines of the terminal that the standard output is, without the one of the prompt; None if it is none."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size().lines - 1, 1)


def typeset(text: str) -> str:
    """A text of the library's own with its mathematics set, in the signs that the standard output can encode."""
    return style("never").set_label(text)


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "ascii"


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
