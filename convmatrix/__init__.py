"""convmatrix: see, and compute with, a convolution as the sparse matrix it is.

>>> from convmatrix import Conv
>>> C = Conv(input_size=(4, 4), kernel_size=(3, 3)).matrix([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
>>> C.shape, C.nnz
((4, 16), 36)
"""

from convmatrix.core import __version__
from convmatrix.layers import (
    AvgPool,
    Conv,
    ConvTranspose,
    Fold,
    MaxPool,
    PixelShuffle,
    PixelUnshuffle,
    Transposed,
    Unfold,
    Upsample,
    flip,
)

__all__ = [
    "AvgPool",
    "Conv",
    "ConvTranspose",
    "Fold",
    "MaxPool",
    "PixelShuffle",
    "PixelUnshuffle",
    "Transposed",
    "Unfold",
    "Upsample",
    "__version__",
    "flip",
]
