"""Interrupts from the keyboard while modules are imported."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["held_back", "is_interrupt"]


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
    """Whether an error comes from an interrupt, as an ImportError does that a compiled module makes of it.

    Returns
    -------
    bool
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
