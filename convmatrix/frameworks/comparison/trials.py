"""A trial of a diagnosis: arrays and the arguments of a layer, whose output is compared with a target.

The arrays are the input x, the output y of the other framework, which is the target, and the weight.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.layers import Conv, ConvTranspose, Layer

__all__ = ["Array", "Target", "Trial", "layer_of"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Target:
    """The other framework's result, and parts that have been split off from it because they have to be zeros."""

    array: Array
    zeros: tuple[Array, ...] = ()

    @cached_property
    def peak(self) -> int:
        """Flat index, in C order, of the largest absolute value."""
        return int(np.argmax(np.abs(self.array)))


@dataclass(frozen=True, eq=False)
class Trial:
    """Arrays and the arguments of a layer, whose output for x should be equal to the target.

    Parameters
    ----------
    x : (batch, channels, *size), (channels, *size) or (*size) ndarray
    target : Target
        The result to compare with; its shape has the same axes as that of x.
    weight : ndarray
        With two axes of channels and those of the kernel; in our layout after all edits.
    arguments : tuple of (str, value)
        Keyword arguments of the layer.
    ndim : int
        Number of spatial axes, the last ones of x.
    transpose : bool
    bias : (out_channels,) ndarray, optional
    """

    x: Array
    target: Target
    weight: Array
    arguments: tuple[tuple[str, Any], ...]
    ndim: int
    transpose: bool = False
    bias: Array | None = None

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(dict(self.arguments)["groups"])

    @cached_property
    def layer(self) -> Layer:
        """The layer of these arguments and arrays; raises a ValueError if they are inconsistent."""
        return _layer(self.transpose, self.x.shape[-self.ndim :], self.weight.shape, self.arguments)

    @cached_property
    def images(self) -> Array | None:
        """X as (batch, channels, *size); None if it does not have the channels of the layer."""
        return _as_batch(self.x, self.layer.in_channels, None, self.ndim)

    @cached_property
    def expected(self) -> Array | None:
        """The target as (batch, channels, *size); None if the output of the layer has another shape."""
        if self.images is None or (self.bias is not None and len(self.bias) != self.layer.out_channels):
            return None
        expected = _as_batch(self.target.array, self.layer.out_channels, len(self.images), self.ndim)
        return expected if expected is not None and expected.shape[2:] == self.layer.output_size else None

    def with_arguments(self, **arguments: Any) -> "Trial":
        """Return a trial of the same arrays with some arguments replaced."""
        return replace(self, arguments=tuple({**dict(self.arguments), **arguments}.items()))


def layer_of(trial: Trial) -> Layer | None:
    """Return the layer of a trial; None if its arguments are inconsistent."""
    try:
        return trial.layer
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _layer(
    transpose: bool, size: tuple[int, ...], weight: tuple[int, ...], arguments: tuple[tuple[str, Any], ...]
) -> Layer:
    kwargs = dict(arguments)
    rows, cols, *kernel = weight
    cols *= kwargs["groups"]
    kwargs["in_channels"], kwargs["out_channels"] = (rows, cols) if transpose else (cols, rows)
    return (ConvTranspose if transpose else Conv)(size, kernel, **kwargs)


def _as_batch(array: Array, channels: int, batch: int | None, ndim: int) -> Array | None:
    """Return an array as (batch, channels, *size); None if it has other channels, or another known batch."""
    lead, size = array.shape[: array.ndim - ndim], array.shape[array.ndim - ndim :]
    for shape in (lead, (1, *lead), (*lead, 1), (1, 1, *lead)):
        if len(shape) == 2 and shape[1] == channels and shape[0] == (batch or shape[0]):
            return array.reshape(*shape, *size)
    return None
