"""Signals that end a process: interrupts from the keyboard, and requests to terminate."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["TerminatedError", "catching_termination", "held_back", "is_interrupt"]

_TERMINATING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a process to end, and by default end it without any clean-up; Windows has no SIGHUP."""


@contextmanager
def held_back() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done; the second one interrupts at once.

    Compiled modules turn an interrupt of their import into an ImportError, and Python's import system prints one that
    falls into its own callbacks and goes on: neither would end the process in the way that an interrupt does.

    Yields
    ------
    None

    Raises
    ------
    KeyboardInterrupt
        After the block, if there was one in it.
    """
    python = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not python:
        yield  # only the main thread sets handlers; and whoever ignores or handles interrupts goes on doing so
        return
    caught: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        if caught:
            python(number, frame)
        caught.append(number)

    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, python)
        if caught:
            raise KeyboardInterrupt


def is_interrupt(error: BaseException | None) -> bool:
    """Check whether an error comes from an interrupt, such as an ImportError that a compiled module raises for it.

    Returns
    -------
    bool
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


class TerminatedError(BaseException):
    """The process has to end by a signal; as KeyboardInterrupt, it passes handlers of errors."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number
        """The exit status that shells give a process that a signal ended."""


@contextmanager
def catching_termination() -> Iterator[None]:
    """Raise TerminatedError where a signal asks to end, so that temporary files and child processes are cleaned up.

    A signal that is ignored, as by ``nohup``, or that has a handler already, is left as it is; so are all of them
    outside the main thread, where Python sets no handlers.
    """
    caught: list[int] = []
    if threading.current_thread() is threading.main_thread():
        caught += [number for number in _TERMINATING if signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in caught:
            signal.signal(number, _terminate)
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise TerminatedError(number)
