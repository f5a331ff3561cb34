"""The question that a diagnosis asks: arrays and the arguments of a layer, whose output is compared with theirs.

It is what the engineer has: x, the other framework's y, the weight, and the keyword arguments of a layer.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.layers import Conv, ConvTranspose, Layer

__all__ = ["Array", "Question", "Theirs", "layer_of"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Theirs:
    """The other framework's result, and the parts of it that have been split off because they have to be zeros."""

    array: Array
    zeros: tuple[Array, ...] = ()

    @cached_property
    def peak(self) -> int:
        """Where the largest value is, counted in C order."""
        return int(np.argmax(np.abs(self.array)))


@dataclass(frozen=True, eq=False)
class Question:
    """Arrays and words: whether the layer that the words describe gives `theirs`.

    Parameters
    ----------
    x : (batch, channels, *size), (channels, *size) or (*size) ndarray
    theirs : Theirs
        The result to compare with, of such a shape too.
    weight : ndarray
        Of two axes of channels and the kernel's, in our layout once all edits are made.
    words : tuple of (str, value)
        Keyword arguments of the layer.
    ndim : int
        Number of spatial axes, the last ones of x.
    transpose : bool
    bias : (out_channels,) ndarray, optional
    """

    x: Array
    theirs: Theirs
    weight: Array
    words: tuple[tuple[str, Any], ...]
    ndim: int
    transpose: bool = False
    bias: Array | None = None

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(dict(self.words)["groups"])

    @cached_property
    def layer(self) -> Layer:
        """The layer that the words describe for these arrays; a ValueError where there is none."""
        return _layer(self.transpose, self.x.shape[-self.ndim :], self.weight.shape, self.words)

    @cached_property
    def images(self) -> Array | None:
        """X as (batch, channels, *size); None where its shape is not of this layer."""
        return _as_batch(self.x, self.layer.in_channels, None, self.ndim)

    @cached_property
    def wanted(self) -> Array | None:
        """Their result as (batch, channels, *size); None where the layer gives another shape."""
        if self.images is None or (self.bias is not None and len(self.bias) != self.layer.out_channels):
            return None
        wanted = _as_batch(self.theirs.array, self.layer.out_channels, len(self.images), self.ndim)
        return wanted if wanted is not None and wanted.shape[2:] == self.layer.output_size else None

    def says(self, **words: Any) -> "Question":
        """The same arrays, and other words."""
        return replace(self, words=tuple({**dict(self.words), **words}.items()))


def layer_of(question: Question) -> Layer | None:
    """The layer of a question; None where its words make none."""
    try:
        return question.layer
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _layer(
    transpose: bool, size: tuple[int, ...], weight: tuple[int, ...], words: tuple[tuple[str, Any], ...]
) -> Layer:
    keywords = dict(words)
    rows, cols, *kernel = weight
    cols *= keywords["groups"]
    keywords["in_channels"], keywords["out_channels"] = (rows, cols) if transpose else (cols, rows)
    return (ConvTranspose if transpose else Conv)(size, kernel, **keywords)


def _as_batch(array: Array, channels: int, batch: int | None, ndim: int) -> Array | None:
    """An array as (batch, channels, *size), if it has so many channels and, where that is known, such a batch."""
    lead, size = array.shape[: array.ndim - ndim], array.shape[array.ndim - ndim :]
    for shape in (lead, (1, *lead), (*lead, 1), (1, 1, *lead)):
        if len(shape) == 2 and shape[1] == channels and shape[0] == (batch or shape[0]):
            return array.reshape(*shape, *size)
    return None
