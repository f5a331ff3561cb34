"""The weight of upsampling by bilinear interpolation, equal to that of Caffe's filler and MXNet's initialiser."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["bilinear_weight"]


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
