"""Readers of the fields of ONNX's messages, with checks: strings, lists, integers and numbers.

A file may hold anything: a value that is not of the type in onnx.proto raises an error.
"""

from collections.abc import Mapping
from numbers import Real
from typing import Any

from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.layers.arguments import integer

__all__ = ["as_float", "as_integer", "as_list", "as_text"]


def as_text(value: Any, what: str) -> str:
    """Return a string; protobuf returns bytes for one that is not UTF-8.

    Parameters
    ----------
    value : str or bytes
    what : str
        How errors call it.

    Returns
    -------
    str

    Raises
    ------
    WrongTypeError
        If it is neither; also a TypeError.
    ValueError
        If the bytes are no UTF-8.

    Examples
    --------
    >>> as_text(b"Conv", "its op_type")
    'Conv'
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        raise WrongTypeError(f"{what} must be a string, got {shortened(value)} ({type(value).__name__})")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{what} is {shortened(value)}, which is no UTF-8 text: write the model again") from None


def as_list(value: Any, what: str) -> list[Any]:
    """Return the entries of a repeated field.

    Parameters
    ----------
    value : sequence
    what : str
        How errors call it.

    Returns
    -------
    list

    Raises
    ------
    WrongTypeError
        If it is no sequence; also a TypeError.
    """
    if not isinstance(value, str | bytes | Mapping):
        try:
            return list(value)
        except TypeError:  # protobuf's own sequences have no method by which they could be known before
            pass
    raise WrongTypeError(f"{what} must be a sequence, got {shortened(value)} ({type(value).__name__})")


def as_integer(value: Any, what: str) -> int:
    """Return an integer of at most 64 bits, as all integers in a file are.

    Parameters
    ----------
    value : int
    what : str
        How errors call it.

    Returns
    -------
    int

    Raises
    ------
    WrongTypeError
        If it is no integer; also a TypeError.
    ValueError
        If it has more than 64 bits.

    Examples
    --------
    >>> as_integer(3, "a dim")
    3
    """
    try:
        number = integer(what, value)
    except WrongTypeError:
        raise WrongTypeError(f"{what} must be an integer, got {shortened(value)} ({type(value).__name__})") from None
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"{what} has more than 64 bits: give a smaller integer")
    return number


def as_float(value: Any, what: str) -> float:
    """Return a real number.

    Parameters
    ----------
    value : int or float
    what : str
        How errors call it.

    Returns
    -------
    float

    Raises
    ------
    WrongTypeError
        If it is no number; also a TypeError.
    ValueError
        If it is larger than any floating point number.

    Examples
    --------
    >>> as_float(3, "a scale")
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise WrongTypeError(f"{what} must be a number, got {shortened(value)} ({type(value).__name__})")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is {shortened(value)}, which is larger than any floating point number") from None
