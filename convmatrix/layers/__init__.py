"""What a layer is, before there is any data: convolutions, and the layers whose weights are fixed."""

from convmatrix.layers.base import AnyLayer, FixedLayer, Transposed
from convmatrix.layers.convolution import Conv, ConvTranspose, flip
from convmatrix.layers.pooling import AvgPool, MaxPool, Pool
from convmatrix.layers.rearrange import Fold, PixelShuffle, PixelUnshuffle, Unfold
from convmatrix.layers.resize import UPSAMPLE_MODES, Upsample
from convmatrix.layers.weighted import Layer

__all__ = [
    "UPSAMPLE_MODES",
    "AnyLayer",
    "AvgPool",
    "Conv",
    "ConvTranspose",
    "FixedLayer",
    "Fold",
    "Layer",
    "MaxPool",
    "PixelShuffle",
    "PixelUnshuffle",
    "Pool",
    "Transposed",
    "Unfold",
    "Upsample",
    "flip",
]
