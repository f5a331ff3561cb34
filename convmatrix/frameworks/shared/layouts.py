"""Shapes and layouts of arrays, and conversions from a framework's layout to ours.

A layout is a string with a letter for each axis, such as ``NHWC``. A ``*`` stands for all spatial axes in their order,
as in ``N*C`` and ``*IO``. Our layouts are ``NC*`` for data and ``OI*`` for weights.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers.arguments import array_of as numpy_array
from convmatrix.layers.arguments import entries_of, integer, positive

__all__ = ["array_of", "moved", "shape_of", "sizes_in", "weight_of", "widened"]


def shape_of(name: str, value: Any, *, unknown: bool = False) -> tuple[int | None, ...]:
    """Return the shape of an array, or check a shape.

    Parameters
    ----------
    name : str
        The framework's name of the argument.
    value : array_like or sequence of int
        An object with a shape, or a shape.
    unknown : bool, default False
        Allow None for an unknown length, such as that of a batch.

    Returns
    -------
    tuple of int
        With None for an unknown length.

    Raises
    ------
    WrongTypeError
        If it is neither; also a TypeError.
    ValueError
        If a length is negative.

    Examples
    --------
    >>> shape_of("input", (1, 28, 28, 3)), shape_of("input", np.zeros((1, 4)))
    ((1, 28, 28, 3), (1, 4))
    """
    entries = entries_of(tuple(value.shape) if hasattr(value, "shape") else value)
    if entries is None:
        raise WrongTypeError(f"{name} must be an array or a shape, got {short(value)} ({type(value).__name__})")
    lengths = [
        None if unknown and entry is None else integer(f"{name}, axis {axis},", entry)
        for axis, entry in enumerate(entries)
    ]
    for axis, length in enumerate(lengths):
        if length is not None and length < 0:
            raise ValueError(f"{name} has length {length} on axis {axis}: give a length of at least 0")
    return tuple(lengths)


def sizes_in(name: str, shape: Sequence[Any], places: Iterable[int]) -> tuple[int, ...]:
    """Return some lengths of a shape after checking that they are known and at least 1.

    Parameters
    ----------
    name : str
        The framework's name of the argument.
    shape : sequence of int or None
    places : iterable of int

    Returns
    -------
    tuple of int

    Raises
    ------
    WrongTypeError
        If a length is unknown; also a TypeError.
    ValueError
        If a length is less than 1.

    Examples
    --------
    >>> sizes_in("input", (None, 28, 28, 3), [1, 2])
    (28, 28)
    """
    lengths = []
    for place in places:
        if shape[place] is None:
            raise WrongTypeError(f"{name}[{place}] is None, but the matrix depends on it: give a number")
        lengths.append(positive(f"{name}[{place}]", shape[place]))
    return tuple(lengths)


def array_of(value: Any) -> NDArray[Any]:
    """Convert a tensor or a variable of any framework to a NumPy array."""
    if hasattr(value, "asnumpy"):  # MXNet's
        value = value.asnumpy()
    for name in ("detach", "cpu"):  # torch converts no tensor that requires a gradient or is on another device
        if hasattr(value, name):
            value = getattr(value, name)()
    return numpy_array("the array", value)


def weight_of(value: Any) -> NDArray[Any]:
    """Convert a weight or a bias of any framework to a NumPy array; half precision becomes float32, without loss.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> weight_of(np.array([[[0.1, 2]]], dtype=np.float16)).dtype
    dtype('float32')
    """
    if str(getattr(value, "dtype", "")) in ("torch.float16", "torch.bfloat16") and hasattr(value, "float"):
        value = value.float()  # NumPy has no bfloat16
    return widened(array_of(value))


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Convert float16 and bfloat16, which scipy.sparse cannot hold, to float32, without loss.

    Returns
    -------
    ndarray
        The array itself if it has another dtype.

    Examples
    --------
    >>> widened(np.array([0.1], dtype=np.float16))
    array([0.09997559], dtype=float32)
    """
    return array.astype(np.float32) if array.dtype.name in ("float16", "bfloat16") else array


def moved(array: NDArray[Any], source: str, target: str) -> NDArray[Any]:
    """Transpose an array from one layout to another; both have the same letters.

    Parameters
    ----------
    array : ndarray
    source, target : str
        Layouts; a ``*`` stands for all axes that have no letter.

    Returns
    -------
    ndarray
        A view.

    Raises
    ------
    ValueError
        If the array has too few axes for the layout, or another number of them where the layout has no ``*``.

    Examples
    --------
    >>> moved(np.zeros((3, 5, 1, 2)), "*IO", "OI*").shape
    (2, 1, 3, 5)
    """
    letters = len(source.replace("*", ""))
    if array.ndim < letters or (array.ndim > letters and "*" not in source):
        raise ValueError(
            f"an array of layout {source} has {letters} axes{' or more' if '*' in source else ''}, got "
            f"shape {array.shape}"
        )
    spread = array.ndim - letters
    places = _places(source, spread)
    return array.transpose([place for letter in target for place in places[letter]])


def _places(layout: str, spread: int) -> dict[str, Sequence[int]]:
    """Map each letter of a layout to its axes."""
    places: dict[str, Sequence[int]] = {}
    first = 0
    for letter in layout:
        count = spread if letter == "*" else 1
        places[letter] = range(first, first + count)
        first += count
    return places
