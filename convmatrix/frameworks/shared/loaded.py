"""What is read from a framework's objects: a layer with its weight and bias, and a chain of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.frameworks.shared.calls import named
from convmatrix.layers import FixedLayer, Layer, MaxPool

__all__ = [
    "Chain",
    "LeftOut",
    "Loaded",
    "MissingValues",
    "attributes_of",
    "chained",
    "convert_values",
    "require_values",
]

AnyOfOurs = Layer | FixedLayer | MaxPool
Piece = TypeVar("Piece")


@dataclass(frozen=True)
class MissingValues:
    """A weight or a bias whose values cannot be read, in the place of the array: its shape is known, and the reason.

    Sizes and receptive fields need no weight, so that a layer without values has them. Whatever needs the values, such
    as ``layer.matrix(weight)``, raises the reason.

    Parameters
    ----------
    reason : str
        What is missing, and what to do about it.
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
        """Raise the reason.

        Raises
        ------
        WrongTypeError
            Always; also a TypeError.
        """
        raise WrongTypeError(self.reason)


Values = NDArray[Any] | MissingValues


def require_values(values: Values) -> NDArray[Any]:
    """The array, where values are needed.

    Returns
    -------
    ndarray

    Raises
    ------
    WrongTypeError
        If they are missing, with the reason; also a TypeError.
    """
    if isinstance(values, MissingValues):
        raise WrongTypeError(values.reason)
    return values


def convert_values(values: Values, shape: tuple[int, ...], convert: Callable[[NDArray[Any]], NDArray[Any]]) -> Values:
    """The values in our layout; missing ones stay missing, for the same reason.

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
    """A layer as a framework's object describes it.

    Parameters
    ----------
    layer : Conv, ConvTranspose, or a layer with a fixed weight
    weight : ndarray, MissingValues or None
        In our layout, of shape ``layer.weight_shape``; None where the layer has none.
    bias : ndarray, MissingValues or None
        One number for each output channel; None where there is none.
    """

    layer: AnyOfOurs
    weight: Values | None = None
    bias: Values | None = None


class LeftOut(NamedTuple):
    """Something that is passed over since it is no linear map of its own, or does nothing to sizes; and why."""

    why: str


class Chain(list[AnyOfOurs]):
    """Layers, each taking what the one before it gives; `Network` takes them as they are.

    Parameters
    ----------
    loaded : iterable of Loaded
        The first one takes the input.
    left_out : iterable of str, optional
        What was passed over, and why.

    Attributes
    ----------
    weights, biases : tuple
        One entry for each layer, None where it has none, and a `MissingValues` where its values cannot be read.
    left_out : tuple of str
        A note for each thing that was passed over.
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
    """Read pieces one after the other, each for the shape that the one before it gives.

    Parameters
    ----------
    pieces : iterable of (str, object)
        The name by which notes and refusals call a piece, and the piece.
    input_shape : tuple of int
        (channels, *size) of what the first piece takes.
    read : callable
        Is given a piece and the (channels, *size) that it takes; refuses by a ValueError what it does not know.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        If a piece is refused, with its name; or if there is no layer among them.
    """
    shape, loaded, left_out = input_shape, [], []
    for name, piece in pieces:
        with named(name):
            got = read(piece, shape)
        if isinstance(got, LeftOut):
            left_out.append(f"{name}: {got.why}")
            continue
        loaded.append(got)
        shape = got.layer.output_shape
    if not loaded:
        raise ValueError(
            "there is no layer in the model that has a matrix: give one with a convolution, a pool or a resize"
        )
    return Chain(loaded, left_out)


def attributes_of(obj: Any, names: Iterable[str], what: str) -> tuple[Any, ...]:
    """The attributes of an object that is taken for some framework's layer.

    Parameters
    ----------
    obj : object
    names : iterable of str
    what : str
        What it is taken for, with its article: ``a torch convolution``.

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
