"""Caffe: layers Convolution, Deconvolution, Crop and Pooling by the fields of caffe.proto, and the bilinear filler."""

from convmatrix.frameworks.legacy.caffe.convolutions import bilinear_filler, conv, conv_transpose, crop, pooling
from convmatrix.frameworks.legacy.caffe.framework import FRAMEWORK

__all__ = ["FRAMEWORK", "RULES", "bilinear_filler", "conv", "conv_transpose", "crop", "pooling", "weight"]

RULES = FRAMEWORK.rules
weight = FRAMEWORK.interfaces[0].weight


def __dir__() -> list[str]:
    return __all__
