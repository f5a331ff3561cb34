"""The layout of a framework's weights, and the conversion of arrays between it and ours."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers.arguments import flag, positive

__all__ = ["DEPTHWISE", "WeightLayout"]

DEPTHWISE = "IM*"
"""Our layout of a depthwise weight before its first two axes are joined; M is the channel multiplier."""


@dataclass(frozen=True)
class WeightLayout:
    """The layout of a weight in a framework, and that of the weight of our layer.

    Parameters
    ----------
    axes : str, default "OI*"
        Letters of the framework's axes: O and I are the channels of output and input, those in one group where there
        are groups, M the channel multiplier of a depthwise weight, and ``*`` all spatial axes.
    layer : str, default "OI*"
        The same for our layer: ``OI*`` for a `Conv`, ``IO*`` for a `ConvTranspose`, ``IM*`` for a depthwise `Conv`.
    flipped : bool, default False
        Whether the kernel has to be flipped along all spatial axes.
    in_channels : int, optional
        Channels of the input of a depthwise layer, on which the conversion back depends.

    Examples
    --------
    >>> WeightLayout("*IO").convert(np.zeros((3, 5, 1, 2))).shape
    (2, 1, 3, 5)
    >>> WeightLayout(flipped=True).convert(np.array([[[1, 2, 3]]]))
    array([[[3, 2, 1]]])
    """

    axes: str = "OI*"
    layer: str = "OI*"
    flipped: bool = False
    in_channels: int | None = None

    def convert(self, array: NDArray[Any], *, inverse: bool = False) -> NDArray[Any]:
        """Convert an array from the framework's layout to ours, or back.

        Parameters
        ----------
        array : ndarray
        inverse : bool, default False
            Convert from our layout to the framework's instead.

        Returns
        -------
        ndarray
            A view, except for depthwise weights.

        Raises
        ------
        ValueError
            If the array has too few axes for the layout, or in_channels do not divide the first axis of a depthwise
            weight; also a TypeError if `inverse` is not a bool.
        """
        if flag("inverse", inverse):
            return self._moved(self._split(self._flip(array)), self.layer, self.axes)
        return self._flip(self._joined(self._moved(array, self.axes, self.layer)))

    def shape_of(self, weight_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the framework's shape of a weight with a shape in our layout.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> WeightLayout("*OI", "IO*").shape_of((8, 2, 3, 5))
        (3, 5, 2, 8)
        """
        return self.convert(np.broadcast_to(np.int8(0), weight_shape), inverse=True).shape

    def _moved(self, array: NDArray[Any], source: str, target: str) -> NDArray[Any]:
        return array if source == target else moved(array, source, target)

    def _flip(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.flip(array, axis=tuple(range(2, array.ndim))) if self.flipped else array

    def _joined(self, array: NDArray[Any]) -> NDArray[Any]:
        return array.reshape(prod(array.shape[:2]), 1, *array.shape[2:]) if self.layer == DEPTHWISE else array

    def _split(self, array: NDArray[Any]) -> NDArray[Any]:
        """Split the first axis of a depthwise weight into the input channels and their multiples."""
        if self.layer != DEPTHWISE:
            return array
        channels = positive("in_channels", 1 if self.in_channels is None else self.in_channels)
        if array.ndim < 2 or array.shape[1] != 1 or array.shape[0] % channels:
            raise ValueError(
                f"weight has shape {array.shape} but a depthwise layer of {channels} input channels has "
                f"(a multiple of {channels}, 1, *kernel_size)"
            )
        return array.reshape(channels, -1, *array.shape[2:])
