"""What a refusal is, how it counts, and how it repeats a value.

Every refusal of convmatrix is a ``ValueError``, so that one ``except`` catches them all; where Python has a
more telling class, the refusal is that as well.
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
"""Most digits of an integer that a refusal writes out."""

_LINE_BREAK = re.compile(r"\s*\n\s*")
"""Between the rows of an array; strings have theirs escaped."""

_ENDS = 6
"""Digits that are shown of both ends of a longer one."""

_MOST_LETTERS = 300
"""Most letters of a value that a refusal writes out."""

_LONGEST_NAME = 400
"""Letters of a word, such as the name of a file, that a refusal repeats."""

_LONG_WORD = re.compile(r"\S{%d,}" % (_LONGEST_NAME + 1))  # noqa: UP031  braces
_WORD_ENDS = 40
"""Letters that are shown of both ends of a longer word."""

P = ParamSpec("P")
R = TypeVar("R")


class WrongTypeError(TypeError, ValueError):
    """A value of a kind that cannot be used, such as a float where a size belongs."""


class TooLargeError(MemoryError, ValueError):
    """A result that does not fit into the memory that is available."""


class SumOverflowError(OverflowError, ValueError):
    """Weights that meet on one input and whose sum leaves their integer dtype."""


def pluralize(number: int, noun: str) -> str:
    """Write a number of things, of a regular noun: one has no plural.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "entry"), counted(2, "entry"), counted(0, "layer")
    ('1 entry', '2 entries', '0 layers')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{short(number)} {noun[:-1]}ies" if noun.endswith("y") else f"{short(number)} {noun}s"


def short_name(name: str) -> str:
    """Write the name of a file as it is; of one that is very long, both ends, in quotes.

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
    """A sentence in which words that are very long, as a user may have typed them, have their two ends alone.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened_text(f"{'9' * 5000} is not an integer")[30:]
    '9999999999...9999999999999999999999999999999999999999 (5000 letters) is not an integer'
    """
    return _LONG_WORD.sub(
        lambda found: f"{found[0][:_WORD_ENDS]}...{found[0][-_WORD_ENDS:]} ({len(found[0])} letters)", sentence
    )


# -- values in refusals ----------------------------------------------------------------------------------------------


def short(value: Any) -> str:
    """Write a value as it was typed; of one that is very long, the beginning, or both ends.

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
    """The repr of values of any size and of any class, also of one whose own repr fails."""

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
        # An object without a repr of its own is known by its class: its address says nothing to anybody.
        return re.sub(r" (object|instance) at 0x[0-9a-f]+>", r" \1>", text)


_repr = _ShortRepr()


def _short_digits(digits: str) -> str:
    return digits if len(digits) <= _MOST_DIGITS else f"{digits[:_ENDS]}...{digits[-_ENDS:]} ({len(digits)} digits)"


def shortens_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Shorten the integers in the refusals of a function, those that were given and those computed from them."""

    @wraps(function)
    def refusing_briefly(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            if len(error.args) == 1 and isinstance(error.args[0], str):
                error.args = (shortened(error.args[0]),)
            raise

    return refusing_briefly


def shortened(sentence: str) -> str:
    """A sentence whose long integers have their first and last digits alone.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened(f"stride {10**99} is too large")
    'stride 100000...000000 (100 digits) is too large'
    """
    return _LONG_INTEGER.sub(lambda found: _short_digits(found[0]), sentence)


_LONG_INTEGER = re.compile(rf"\d{{{_MOST_DIGITS + 1},}}")
