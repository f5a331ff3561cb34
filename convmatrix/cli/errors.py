"""Exceptions that end a command early, other than Python's."""

__all__ = ["ReaderGoneError", "UsageError"]


class UsageError(Exception):
    """Invalid arguments; the message is shown to the user."""


class ReaderGoneError(Exception):
    """The standard output is a pipe that nobody reads any more, as in ``| head``."""
