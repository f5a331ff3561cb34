"""The weight of upsampling by bilinear interpolation, equal to that of Caffe's filler and MXNet's initialiser."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import pluralize
from convmatrix.frameworks.shared.layouts import shape_of
from convmatrix.layers.arguments import positive

__all__ = ["bilinear_weight", "weight_sizes"]


def weight_sizes(shape: Any, needed: str) -> list[int]:
    """Check the shape of a weight of two spatial axes.

    Parameters
    ----------
    shape : array or sequence of int
    needed : str
        The end of the error for another number of entries.

    Returns
    -------
    list of int
        Its four lengths.

    Raises
    ------
    ValueError
        If it has other than four entries, or one is less than 1; also a TypeError if it is no shape.

    Examples
    --------
    >>> weight_sizes((2, 1, 4, 4), "the filler needs 4")
    [2, 1, 4, 4]
    """
    sizes = [positive(f"shape, axis {axis},", size) for axis, size in enumerate(shape_of("shape", shape))]
    if len(sizes) != 4:
        raise ValueError(f"shape has {pluralize(len(sizes), 'entry')}, {tuple(sizes)}, but {needed}")
    return sizes


def bilinear_weight(shape: Sequence[int]) -> NDArray[np.float64]:
    """Make a weight with the same triangle filter in every channel.

    Parameters
    ----------
    shape : (out_channels, in_channels, height, width)
        Of the weight. The width determines the filter on both axes.

    Returns
    -------
    ndarray of that shape

    Examples
    --------
    >>> bilinear_weight((1, 1, 4, 4))[0, 0, 1].tolist()
    [0.1875, 0.5625, 0.5625, 0.1875]
    """
    factor = -(-shape[3] // 2)
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    filters = [1 - np.abs(np.arange(size) / factor - centre) for size in shape[2:]]
    return np.broadcast_to(np.multiply.outer(*filters), tuple(shape)).copy()
