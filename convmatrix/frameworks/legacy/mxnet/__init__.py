"""MXNet: Convolution and Deconvolution, upsampling by a bilinear Deconvolution, and Gluon's blocks."""

from convmatrix.frameworks.legacy.mxnet.convolutions import RULES, conv, conv_transpose, upsampling
from convmatrix.frameworks.legacy.mxnet.gluon import from_layer, from_model
from convmatrix.frameworks.legacy.mxnet.weights import bilinear, weight, weight_transpose

__all__ = [
    "RULES",
    "bilinear",
    "conv",
    "conv_transpose",
    "from_layer",
    "from_model",
    "upsampling",
    "weight",
    "weight_transpose",
]


def __dir__() -> list[str]:
    return __all__
