"""Validation of arguments, and their conversion to one number per axis.

Every argument of a layer is an integer for all axes or a sequence with one entry per axis. Error messages are one
sentence with the axis, the value as it was typed, and a value that would be valid.
"""

import difflib
import operator
from collections.abc import Mapping, Sequence
from math import inf, isfinite
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convmatrix.core.axis import PADDING_NAMES
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.layers.rules import SENTENCES, SYNONYMS

__all__ = [
    "Padding",
    "PaddingEntry",
    "PerAxis",
    "array_of",
    "cast_for",
    "check_kind",
    "check_text",
    "check_word",
    "consecutive",
    "count_axes",
    "entries_of",
    "flag",
    "integer",
    "padding_entries",
    "per_axis",
    "positive",
    "real_number",
    "storable_dtype",
]

PerAxis = int | Sequence[int]
"""One integer for all axes, or one for each."""
Padding = int | str | Sequence[int | str | tuple[int, int]]
"""One entry for all axes, or one for each: a number for both ends, a (before, after) pair, or a name."""
PaddingEntry = str | tuple[int, int]
"""The padding of one axis: a name, or the numbers (before, after)."""

_MOST_ENTRIES = 1000
"""Largest number of entries of a sequence that is copied: many more than a layer has axes."""

_LONGEST_REASON = 200
"""Number of letters of a message of NumPy that are repeated."""

LONGEST_WORD = 40
"""Number of letters up to which a wrong word is compared with the known ones."""

_CASTS = {"e": "float32", "g": "float64", "G": "complex128", "O": "float64"}
"""dtypes that scipy.sparse cannot hold, by NumPy's character, and what to cast them to."""


MOST_AXES = 61
"""Axes that a layer can have: NumPy's arrays have 64 at most, of which groups and channels take three."""

_AXES_AT_MOST = f"a layer has at most {MOST_AXES} axes: NumPy's arrays have 64, three of them for groups and channels"


MOST_DIGITS = 1000
"""Digits that a number can have: more than any layer needs, and few enough for products of several to be printed."""

_MOST = 10**MOST_DIGITS


# -- one value -------------------------------------------------------------------------------------------------------


def integer(what: str, value: Any) -> int:
    """Convert an integer of Python or NumPy to int; floats and bools are errors."""
    number = value if type(value) is int else _index(what, value)  # the usual case takes a tenth of the time
    if not -_MOST < number < _MOST:
        raise ValueError(f"{what} must have at most {MOST_DIGITS} digits, got {short(number)}")
    return number


def _index(what: str, value: Any) -> int:
    if isinstance(value, bool | np.bool_):
        raise WrongTypeError(f"{what} must be an integer, got {value} (a bool): write {int(value)} if that is meant")
    try:
        return operator.index(value)
    except Exception as error:
        kind = type(value).__name__
        if not isinstance(error, TypeError):  # raised by a class of the user, which may raise any error
            raise WrongTypeError(
                f"{what} must be an integer, got {short(value)} ({kind}), whose __index__ raises {type(error).__name__}"
            ) from error
        # Numbers and strings show their type themselves.
        shown = short(value) if type(value) in (float, str) else f"{short(value)} ({kind})"
        if isinstance(value, float | np.floating) and float(value).is_integer():
            remedy = short(int(value))
            sentence = SENTENCES["whole_float"].format(what=what, value=shown, integer=remedy)
        else:
            sentence = SENTENCES["not_integer"].format(what=what, value=shown)
        raise WrongTypeError(sentence) from None


def positive(what: str, value: Any) -> int:
    """Convert an integer of at least 1 to int."""
    return _at_least(1, what, value)


def real_number(what: str, value: Any) -> float:
    """Convert a finite real number to float."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise WrongTypeError(f"{what} must be a number, got {short(value)} ({type(value).__name__})")
    try:
        real = float(value)
    except OverflowError:
        real = inf
    if not isfinite(real):
        raise ValueError(f"{what} must be a finite number, got {short(value)}")
    return real


def check_kind(what: str, value: Any, *kinds: type) -> None:
    """Check that a value is an instance of one of some classes."""
    if not isinstance(value, kinds):
        *others, last = (f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}" for kind in kinds)
        types = f"{', '.join(others)} or {last}" if others else last
        raise WrongTypeError(f"{what} must be {types}, got {short(value)} ({type(value).__name__})")


def check_text(what: str, value: Any) -> None:
    """Check that a value is a string."""
    if not isinstance(value, str):
        raise WrongTypeError(f"{what} must be a text, got {short(value)} ({type(value).__name__})")


def consecutive(rows: slice, count: int) -> tuple[int, int]:
    """The first of consecutive rows of some, and one past the last."""
    if not isinstance(rows, slice):
        raise WrongTypeError(f"rows is {short(rows)} but has to be a slice of consecutive rows, such as slice(0, 100)")
    chosen = range(*rows.indices(count))
    if chosen.step != 1:
        raise ValueError(
            f"rows={rows} has step {chosen.step}, but only consecutive rows are built: take "
            f"matrix(weight)[{rows.start}:{rows.stop}:{rows.step}]"
        )
    return chosen.start, max(chosen.start, chosen.stop)


def flag(what: str, value: Any) -> bool:
    """Convert a bool of Python or NumPy to bool."""
    if not isinstance(value, bool | np.bool_):
        raise WrongTypeError(f"{what} must be True or False, got {short(value)} ({type(value).__name__})")
    return bool(value)


def check_word(what: str, word: Any, known: Sequence[str]) -> None:
    """Check that a word is one of the known ones; the error message suggests the closest of them."""
    if not isinstance(word, str) or word not in known:
        suggestion = _suggestion(word, known)
        sentence = SENTENCES["misspelt" if suggestion else "unknown"]
        raise ValueError(
            sentence.format(what=what, word=short(word), known=", ".join(known), suggestion=repr(suggestion))
        )


def _suggestion(word: Any, known: Sequence[str]) -> str | None:
    """Return the known word that is closest to a wrong one, if one is close."""
    if not isinstance(word, str) or len(word) > LONGEST_WORD:
        return None
    lower = word.lower()
    close = [SYNONYMS[lower]] if lower in SYNONYMS else []
    close += difflib.get_close_matches(lower, known, n=1)
    return close[0] if close and close[0] in known else None


def array_of(what: str, value: Any) -> NDArray[Any]:
    """Convert a value to a NumPy array."""
    try:
        return np.asarray(value)
    except (MemoryError, WrongTypeError):  # a WrongTypeError of a missing value, whose message is the reason
        raise
    except Exception as error:  # lists of lists of different lengths, and objects of any class
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise WrongTypeError(f"{what} is {short(value)}, of which NumPy makes no array ({reason})") from error


def cast_for(dtype: np.dtype[Any]) -> str | None:
    """Return the dtype to cast to if scipy.sparse does not support this one, None if it does."""
    if dtype.kind in "biufc" and dtype.char not in _CASTS:
        return None
    return _CASTS.get(dtype.char, "float64")


def storable_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return a NumPy dtype in native byte order, if scipy.sparse supports it."""
    try:
        result = np.dtype(dtype)
    except Exception as error:  # NumPy reads objects of any class
        raise WrongTypeError(f"dtype {short(dtype)} is none that NumPy knows: use 'float64', say") from error
    cast = cast_for(result)
    if cast is not None:
        raise WrongTypeError(f"dtype {result} is none that scipy.sparse can hold: use {cast!r}")
    return result.newbyteorder("=")


# -- one value for each axis -----------------------------------------------------------------------------------------


def entries_of(value: Any) -> list[Any] | None:
    """Return the entries of a per-axis argument, or None for one value for all axes."""
    if value is None or type(value) is int:  # the usual case: to ask for a Sequence takes longer
        return None
    if isinstance(value, np.ndarray):
        if value.size > _MOST_ENTRIES:
            raise ValueError(f"an array of shape {value.shape} is no argument for each axis: {_AXES_AT_MOST}")
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return None
    try:
        size = len(value)
        entries = list(value) if size <= _MOST_ENTRIES else None
    except Exception as error:  # a class of the user's, or a range that is longer than Python counts
        raise WrongTypeError(f"{short(value)} is no list of numbers: it raises {type(error).__name__}") from error
    if entries is None:
        raise ValueError(f"a list of {size} entries is no argument for each axis, {short(value)}: {_AXES_AT_MOST}")
    return entries


def count_axes(arguments: Mapping[str, Any], ndim: int | None) -> int:
    """Return the number of axes, from the arguments that have one entry per axis."""
    source: tuple[str, int] | None = None
    if ndim is not None:
        source = ("ndim", integer("ndim", ndim))
        if source[1] < 0:
            raise ValueError(f"ndim must be at least 0, got {short(source[1])}")
    order = (
        "input_size",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "input_dilation",
        "output_padding",
        "output_size",
        "scale",
        "factor",
    )
    for name in order:
        entries = entries_of(arguments.get(name))
        if entries is None:
            continue
        if source is None:
            source = (name, len(entries))
        elif source[1] != len(entries):
            first = f"ndim is {short(source[1])}" if source[0] == "ndim" else f"{source[0]} has {source[1]}"
            hint = " (a pair on one axis is written ((before, after),))" if name == "padding" and source[1] == 1 else ""
            raise ValueError(
                f"{first} but {name} has {pluralize(len(entries), 'entry')}, {short(arguments[name])}: give one entry "
                f"for each axis, or one number for all{hint}"
            )
    if source is not None and source[1] > MOST_AXES:
        first = (
            f"ndim is {short(source[1])}"
            if source[0] == "ndim"
            else f"{source[0]} has {source[1]} entries, one for each axis"
        )
        raise ValueError(f"{first}, but {_AXES_AT_MOST}")
    return 2 if source is None else source[1]


def per_axis(name: str, value: Any, ndim: int, least: int = 1) -> list[int]:
    """Return one integer of at least `least` for each axis."""
    entries = entries_of(value)
    if entries is None and ndim and type(value) is int and least <= value < _MOST:
        return [value] * ndim  # the usual case, without composing an error message for each axis
    if entries is not None:
        return [_at_least(least, _on_axis(name, axis), entry) for axis, entry in enumerate(entries)]
    if ndim == 0:
        _at_least(least, name, value)  # without axes, an invalid value is an error too
    return [_at_least(least, _on_axis(name, axis), value) for axis in range(ndim)]


def _on_axis(name: str, axis: int) -> str:
    return SENTENCES["on_axis"].format(name=name, axis=axis)


def _at_least(least: int, what: str, value: Any) -> int:
    number = integer(what, value)
    if number < least:
        raise ValueError(SENTENCES["too_small"].format(what=what, least=least, value=short(number)))
    return number


def padding_entries(padding: Any, ndim: int) -> list[PaddingEntry]:
    """Return a name or a (before, after) pair for each axis."""
    entries = entries_of(padding)
    if entries is None:
        entries = [padding] * ndim if ndim else [_padding_entry("padding", padding)][:0]
    return [_padding_entry(_on_axis("padding", axis), entry) for axis, entry in enumerate(entries)]


def _padding_entry(what: str, entry: Any) -> PaddingEntry:
    if isinstance(entry, str):
        check_word("padding", entry, PADDING_NAMES)
        return entry
    pair = entries_of(entry)
    if pair is None:
        number = integer(what, entry)
        return (number, number)
    if len(pair) != 2:
        entries = pluralize(len(pair), "entry")
        raise ValueError(f"{what} must be an int, a (before, after) pair or a name, got {entries}, {short(entry)}")
    before, after = (SENTENCES["end"].format(what=what, end=end) for end in ("before", "after"))
    return (integer(before, pair[0]), integer(after, pair[1]))
