"""What ends a command early, without an error of Python's."""

__all__ = ["ReaderGoneError", "UsageError"]


class UsageError(Exception):
    """Arguments that make no sense; the message is for the user."""


class ReaderGoneError(Exception):
    """The standard output is a pipe that nobody reads any more, as in ``| head``."""
