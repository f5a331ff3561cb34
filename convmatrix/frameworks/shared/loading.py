"""Layers, weights and biases that are read from a framework's objects, and chains of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.frameworks.shared.calls import named
from convmatrix.layers import NetworkLayer
from convmatrix.layers.arguments import PerAxis

__all__ = [
    "Chain",
    "LeftOut",
    "Loaded",
    "MissingValues",
    "attributes_of",
    "chained",
    "convert_values",
    "require_input_size",
    "require_values",
]

Piece = TypeVar("Piece")


@dataclass(frozen=True)
class MissingValues:
    """A placeholder for a weight or a bias whose values cannot be read, with its shape and the reason.

    Sizes and receptive fields can be computed without values. Functions that need the values, such as
    ``layer.matrix(weight)``, raise an error with the reason.

    Parameters
    ----------
    reason : str
        What is missing, and the remedy.
    shape : tuple of int
        In our layout.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> weight = MissingValues("the weight is on the device 'meta': load it first", (1, 1, 3))
    >>> weight.shape
    (1, 1, 3)
    >>> Conv((5,), 3).matrix(weight)
    Traceback (most recent call last):
    convmatrix.core.errors.WrongTypeError: the weight is on the device 'meta': load it first
    """

    reason: str
    shape: tuple[int, ...]

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        """Raise an error with the reason.

        Raises
        ------
        WrongTypeError
            Always; also a TypeError.
        """
        raise WrongTypeError(self.reason)


Values = NDArray[Any] | MissingValues


def require_values(values: Values) -> NDArray[Any]:
    """Return the values, or raise an error if they are missing.

    Returns
    -------
    ndarray
        The values that were given.

    Raises
    ------
    WrongTypeError
        If they are missing; also a TypeError.
    """
    if isinstance(values, MissingValues):
        raise WrongTypeError(values.reason)
    return values


def convert_values(values: Values, shape: tuple[int, ...], convert: Callable[[NDArray[Any]], NDArray[Any]]) -> Values:
    """Convert values to our layout; missing values stay missing, with the same reason.

    Parameters
    ----------
    values : ndarray or MissingValues
        In the framework's layout.
    shape : tuple of int
        In our layout.
    convert : callable
        From the framework's layout to ours.

    Returns
    -------
    ndarray or MissingValues

    Examples
    --------
    >>> convert_values(MissingValues("not loaded", (3, 1, 1)), (1, 1, 3), lambda array: array.T).shape
    (1, 1, 3)
    """
    return MissingValues(values.reason, shape) if isinstance(values, MissingValues) else convert(values)


class Loaded(NamedTuple):
    """A layer with its weight and bias, read from a framework's object.

    Parameters
    ----------
    layer : Conv, ConvTranspose, or a layer with a fixed weight
    weight : ndarray, MissingValues or None
        In our layout, of shape ``layer.weight_shape``; None if the layer has no weight.
    bias : ndarray, MissingValues or None
        One number for each output channel; None if there is no bias.
    """

    layer: NetworkLayer
    weight: Values | None = None
    bias: Values | None = None


class LeftOut(NamedTuple):
    """The reason why a part of a model is skipped: it is not linear, or does not change sizes."""

    reason: str


class Chain(list[NetworkLayer]):
    """A list of layers, each of which takes the output of the one before it; an argument of `Network`.

    Parameters
    ----------
    loaded : iterable of Loaded
        The first one takes the input.
    left_out : iterable of str, optional
        What was skipped, and why.

    Attributes
    ----------
    weights, biases : tuple
        One entry for each layer: None if it has no weight or bias, a `MissingValues` if the values cannot be read.
    left_out : tuple of str
        A note for each part that was skipped.
    """

    def __init__(self, loaded: Iterable[Loaded], left_out: Iterable[str] = ()) -> None:
        loaded = list(loaded)
        super().__init__(each.layer for each in loaded)
        self.weights = tuple(each.weight for each in loaded)
        self.biases = tuple(each.bias for each in loaded)
        self.left_out = tuple(left_out)


def chained(
    pieces: Iterable[tuple[str, Piece]],
    input_shape: tuple[int, ...],
    read: Callable[[Piece, tuple[int, ...]], Loaded | LeftOut],
) -> Chain:
    """Read parts of a model in order, each for the output shape of the one before it.

    Parameters
    ----------
    pieces : iterable of (str, object)
        The name of each part in notes and errors, and the part.
    input_shape : tuple of int
        (channels, *size) of the input of the first part.
    read : callable
        A function of a part and the (channels, *size) of its input; raises a ValueError if it cannot read the part.

    Returns
    -------
    Chain
        Of the parts that are layers, with a note for each other part.

    Raises
    ------
    ValueError
        If a part cannot be read, with its name; or if there is no layer among the parts.
    """
    shape, loaded, left_out = input_shape, [], []
    for name, piece in pieces:
        with named(name):
            result = read(piece, shape)
        if isinstance(result, LeftOut):
            left_out.append(f"{name}: {result.reason}")
            continue
        loaded.append(result)
        shape = result.layer.output_shape
    if not loaded:
        raise ValueError(
            "there is no layer in the model that has a matrix: give one with a convolution, a pool or a resize"
        )
    return Chain(loaded, left_out)


def require_input_size(input_size: PerAxis | None, what: str) -> PerAxis:
    """Check that the size of the input is given, for a model that does not store it.

    Parameters
    ----------
    input_size : int, sequence of int, or None
    what : str
        Name of such objects in the plural.

    Returns
    -------
    int or sequence of int

    Raises
    ------
    WrongTypeError
        If it is None: a TypeError as well.
    """
    if input_size is None:
        raise WrongTypeError(
            f"input_size is not given, and {what} do not store the size of their input: give the spatial size, such as "
            "(224, 224)"
        )
    return input_size


def attributes_of(obj: Any, names: Iterable[str], what: str) -> tuple[Any, ...]:
    """Return attributes of an object that is expected to be a framework's layer.

    Parameters
    ----------
    obj : object
    names : iterable of str
    what : str
        The kind of object that is expected, with its article: ``a torch convolution``.

    Returns
    -------
    tuple

    Raises
    ------
    WrongTypeError
        If one of them is missing; also a TypeError.
    """
    missing = [name for name in names if not hasattr(obj, name)]
    if missing:
        raise WrongTypeError(
            f"{type(obj).__name__} is not {what}: it has no attribute {short(missing[0])}; give the layer object itself"
        )
    return tuple(getattr(obj, name) for name in names)
