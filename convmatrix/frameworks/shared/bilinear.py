"""The weight that upsamples by bilinear interpolation, as Caffe's filler and MXNet's initialiser make it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["bilinear_weight"]


def bilinear_weight(shape: Sequence[int]) -> NDArray[np.float64]:
    """Make a weight with the same tent in every channel.

    Parameters
    ----------
    shape : (out_channels, in_channels, height, width)
        Of the weight. The width decides the tent on both axes.

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
    tents = [1 - np.abs(np.arange(size) / factor - centre) for size in shape[2:]]
    return np.broadcast_to(np.multiply.outer(*tents), tuple(shape)).copy()
