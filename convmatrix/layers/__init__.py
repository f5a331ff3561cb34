"""Layers, described by their sizes without any data: convolutions, and layers without a weight."""

from convmatrix.layers.base import FixedLayer, LayerBase, Transposed
from convmatrix.layers.convolution import Conv, ConvTranspose, Layer, flip
from convmatrix.layers.matrix_check import MatrixCheck
from convmatrix.layers.pooling import AvgPool, MaxPool, Pool
from convmatrix.layers.rearrange import Fold, PixelShuffle, PixelUnshuffle, Unfold
from convmatrix.layers.resize import UPSAMPLE_MODES, Upsample
from convmatrix.layers.weighted import WeightedLayer

__all__ = [
    "UPSAMPLE_MODES",
    "AvgPool",
    "Conv",
    "ConvTranspose",
    "FixedLayer",
    "Fold",
    "Layer",
    "LayerBase",
    "MatrixCheck",
    "MaxPool",
    "NetworkLayer",
    "PixelShuffle",
    "PixelUnshuffle",
    "Pool",
    "Transposed",
    "Unfold",
    "Upsample",
    "WeightedLayer",
    "flip",
]

NetworkLayer = Layer | FixedLayer | MaxPool
"""A layer of any class: what a network is made of, and what the frameworks' readers return."""


def __dir__() -> list[str]:
    return __all__
