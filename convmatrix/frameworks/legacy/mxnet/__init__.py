"""MXNet: Convolution and Deconvolution, upsampling by a bilinear Deconvolution, and Gluon's blocks."""

from convmatrix.frameworks.legacy.mxnet.convolutions import conv, conv_transpose, upsampling
from convmatrix.frameworks.legacy.mxnet.framework import FRAMEWORK
from convmatrix.frameworks.legacy.mxnet.gluon import from_layer, from_model
from convmatrix.frameworks.legacy.mxnet.weights import bilinear

__all__ = [
    "FRAMEWORK",
    "RULES",
    "bilinear",
    "conv",
    "conv_transpose",
    "from_layer",
    "from_model",
    "upsampling",
    "weight",
]

RULES = FRAMEWORK.rules
weight = FRAMEWORK.interfaces[0].weight


def __dir__() -> list[str]:
    return __all__
