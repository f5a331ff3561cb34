"""Shared parts of the functions of all frameworks: conversion of the weight, and argument names in errors.

A framework's function makes a layer of the framework's arguments. If a weight is given, the function returns both, with
the weight converted to the layout of the layer. Errors of the layer are raised with the framework's argument names.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, cast, overload

from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import shortened
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Layer
from convmatrix.layers.arguments import positive

__all__ = [
    "LayerFunction",
    "WithWeight",
    "argument_names",
    "check_groups",
    "in_our_names",
    "named",
    "takes_weight",
    "with_weight",
]

Arguments = ParamSpec("Arguments")
L = TypeVar("L", bound=Layer)
L_co = TypeVar("L_co", bound=Layer, covariant=True)


# -- the weight beside the layer -------------------------------------------------------------------------------------


class WithWeight(NamedTuple, Generic[L_co]):
    """A layer and its weight, as a framework's function returns them.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : ndarray
        Of shape ``layer.weight_shape``; ``layer.matrix(weight)`` is the matrix of the framework's layer.
    """

    layer: L_co
    weight: NDArray[Any]


class LayerFunction(Protocol[Arguments, L_co]):
    """A function that returns a layer, and with ``weight=`` a `WithWeight`.

    The latter is annotated as Any, since a type checker cannot know whether unpacked keywords contain a weight.
    """

    @overload
    def __call__(self, *args: Any, weight: ArrayLike, **kwargs: Any) -> Any: ...
    @overload
    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> L_co: ...


def takes_weight(function: Callable[Arguments, L | WithWeight[L]]) -> LayerFunction[Arguments, L]:
    """Annotate a function for type checkers as one that returns the pair only with ``weight=``; return it unchanged."""
    return cast("LayerFunction[Arguments, L]", function)


def with_weight(layer: L, weight: ArrayLike | None, layout: WeightLayout) -> L | WithWeight[L]:
    """Return the layer of a call, together with its weight if there is one.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : array_like or None
        In the framework's layout.
    layout : WeightLayout

    Returns
    -------
    Conv or ConvTranspose
        If there is no weight.
    WithWeight
        If there is one.

    Raises
    ------
    ValueError
        If the weight does not have the shape that the call describes, or has a dtype that scipy.sparse cannot hold
        (also a TypeError).
    """
    if weight is None:
        return layer
    array = weight_of(weight)
    expected = layout.shape_of(layer.weight_shape)
    if array.shape != expected:
        raise ValueError(
            f"weight has shape {array.shape} but the other arguments describe a weight of shape {expected}, "
            "its axes in the order of this call: give the array that the framework is given"
        )
    return WithWeight(layer, layer.checked_weight(layout.convert(array)))


# -- errors in the arguments of the call -----------------------------------------------------------------------------


@contextmanager
def argument_names(names: Mapping[str, str]) -> Iterator[None]:
    """Replace the argument names in errors of a block by those of a framework's call.

    Parameters
    ----------
    names : mapping
        From the names in errors to those of the call. A name that ends with `` #`` is replaced only before a number or
        a pair: in "padding 2", but not in "less padding". A ``#`` inside a name stands for any number.

    Yields
    ------
    None
        While names in errors are replaced.

    Raises
    ------
    ValueError
        The error of the block, of the same class, with the names replaced.

    Examples
    --------
    >>> with argument_names({"stride": "strides", "padding #": "pads"}):
    ...     raise ValueError("stride 3 with padding 2: use less padding")
    Traceback (most recent call last):
    ValueError: strides 3 with pads 2: use less padding
    """
    try:
        yield
    except ValueError as error:
        longest_first = sorted(names, key=len, reverse=True)
        pattern = "|".join(f"({_pattern_of(name)})" for name in longest_first)
        replacements = [names[name] for name in longest_first]
        sentence = re.sub(
            rf"(?<![A-Za-z_])(?:{pattern})(?![A-Za-z_])",
            lambda found: replacements[(found.lastindex or 0) - 1],
            str(error),
        )
        raise type(error)(shortened(sentence)) from None


@contextmanager
def named(name: str) -> Iterator[None]:
    """Prefix the errors of a block with a name, such as that of a node or a layer.

    Parameters
    ----------
    name : str

    Yields
    ------
    None
        While errors get the name before them.

    Raises
    ------
    ValueError
        The error of the block, of the same class, with the name before it.

    Examples
    --------
    >>> with named("node 3"):
    ...     raise ValueError("it has no output")
    Traceback (most recent call last):
    ValueError: node 3: it has no output
    """
    try:
        yield
    except ValueError as error:
        raise type(error)(f"{name}: {error}") from error


def _pattern_of(name: str) -> str:
    if " # " in name:
        return re.escape(name).replace(re.escape("#"), r"-?\d+")
    before_number = name.removesuffix(" #")
    return re.escape(before_number) + ("" if before_number == name else r"(?= [\d(-])")


def in_our_names(error: ValueError) -> str:
    """Return the message of an error before `argument_names` replaced names in it."""
    original = error.__context__
    return str(original if isinstance(original, ValueError) else error)


def check_groups(name: str, groups: Any, channels: Mapping[str, Any]) -> int:
    """Check that a number of groups divides all numbers of channels.

    Parameters
    ----------
    name : str
        The framework's name of the number of groups.
    groups : int
    channels : mapping
        From the framework's name of a number of channels to that number.

    Returns
    -------
    int
        The number of groups.

    Raises
    ------
    ValueError
        If a number is less than 1, or not divisible by the groups; also a TypeError if it is not an integer.
    """
    number = positive(name, groups)
    for what, count in channels.items():
        remainder = positive(what, count) % number
        if remainder:
            raise ValueError(
                f"{name}={number} does not divide {what}, {count} (remainder {remainder}): every group needs as many "
                f"channels, so that it must be a multiple of {number}"
            )
    return number
