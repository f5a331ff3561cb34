"""Error classes, and functions that write numbers, names and values in error messages.

Every error that convmatrix raises is a ``ValueError``, so that one ``except`` catches them all. Where Python has a more
specific class, such as ``TypeError``, the error is an instance of that as well.
"""

import re
import reprlib
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

__all__ = [
    "SumOverflowError",
    "TooLargeError",
    "WrongTypeError",
    "pluralize",
    "short",
    "short_name",
    "shortened_text",
    "shortens_errors",
]

_MOST_DIGITS = 40
"""Number of digits up to which an error message has the whole integer."""

_LINE_BREAK = re.compile(r"\s*\n\s*")
"""Line break between the rows of an array; in the repr of a string, line breaks are escaped."""

_ENDS = 6
"""Number of digits that are shown of each end of a longer integer."""

_MOST_LETTERS = 300
"""Number of characters up to which an error message has the whole value."""

_LONGEST_NAME = 400
"""Number of characters up to which an error message has a whole word, such as a file name."""

_LONG_WORD = re.compile(r"\S{%d,}" % (_LONGEST_NAME + 1))  # noqa: UP031  braces
_WORD_ENDS = 40
"""Number of characters that are shown of each end of a longer word."""

P = ParamSpec("P")
R = TypeVar("R")


class WrongTypeError(TypeError, ValueError):
    """A value of a type that cannot be used, such as a float for a size."""


class TooLargeError(MemoryError, ValueError):
    """A result that does not fit in the available memory."""


class SumOverflowError(OverflowError, ValueError):
    """Weights of several taps on the same input, whose sum is beyond the range of their integer dtype."""


def pluralize(number: int, noun: str) -> str:
    """Write a number and a regular noun, in the plural unless the number is 1.

    Returns
    -------
    str

    Examples
    --------
    >>> pluralize(1, "entry"), pluralize(2, "entry"), pluralize(0, "array")
    ('1 entry', '2 entries', '0 arrays')
    """
    if number == 1:
        return f"1 {noun}"
    changes = noun.endswith("y") and noun[-2:-1] not in "aeiou"
    return f"{short(number)} {noun[:-1]}ies" if changes else f"{short(number)} {noun}s"


def short_name(name: str) -> str:
    """Return the name of a file unchanged, or shortened and in quotes if it is very long.

    Returns
    -------
    str

    Examples
    --------
    >>> short_name("C.npz"), short_name("x" * 401)[-14:]
    ('C.npz', "xxxxxxxxxxxxx'")
    """
    return name if len(name) <= _LONGEST_NAME else short(name)


def shortened_text(sentence: str) -> str:
    """Replace the middle of every very long word of a text with three dots.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened_text(f"{'9' * 5000} is not an integer")[30:]
    '9999999999...9999999999999999999999999999999999999999 (5000 letters) is not an integer'
    """
    return _LONG_WORD.sub(
        lambda match: f"{match[0][:_WORD_ENDS]}...{match[0][-_WORD_ENDS:]} ({len(match[0])} letters)", sentence
    )


# -- values in error messages ----------------------------------------------------------------------------------------


def short(value: Any) -> str:
    """Return the repr of a value, shortened if it is very long.

    Returns
    -------
    str

    Examples
    --------
    >>> short((2, 3)), short("same"), short(10**400)
    ('(2, 3)', "'same'", '100000...000000 (401 digits)')
    >>> short([0] * 10**6)
    '[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...]'
    """
    text = _LINE_BREAK.sub(" ", _repr.repr(value))
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."


class _ShortRepr(reprlib.Repr):
    """Short repr of any object, even if its own ``__repr__`` raises an error."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = self.maxarray = 12
        self.maxstring = self.maxother = 160

    def repr_int(self, x: int, level: int) -> str:
        try:
            digits = str(abs(x))
        except ValueError:  # Python does not write out thousands of digits
            return f"an integer of about {x.bit_length() * 30103 // 100000 + 1} digits"
        return ("-" if x < 0 else "") + _short_digits(digits)

    def repr_instance(self, x: Any, level: int) -> str:
        text = super().repr_instance(x, level)
        # The default repr of an object ends with its address, which is of no use in a message.
        return re.sub(r" (object|instance) at 0x[0-9a-f]+>", r" \1>", text)


_repr = _ShortRepr()


def _short_digits(digits: str) -> str:
    return digits if len(digits) <= _MOST_DIGITS else f"{digits[:_ENDS]}...{digits[-_ENDS:]} ({len(digits)} digits)"


def shortens_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Shorten long integers in the messages of the errors that a function raises."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            if len(error.args) == 1 and isinstance(error.args[0], str):
                error.args = (shortened(error.args[0]),)
            raise

    return wrapper


def shortened(sentence: str) -> str:
    """Replace the middle digits of long integers in a text with three dots.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened(f"stride {10**99} is too large")
    'stride 100000...000000 (100 digits) is too large'
    """
    return _LONG_INTEGER.sub(lambda match: _short_digits(match[0]), sentence)


_LONG_INTEGER = re.compile(rf"\d{{{_MOST_DIGITS + 1},}}")
