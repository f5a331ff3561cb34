"""Theano, by its successor aesara: conv2d, conv3d and their gradients with respect to the input."""

from convmatrix.frameworks.legacy.theano.convolutions import causal_conv1d, conv, conv_transpose, deconvolution_layer
from convmatrix.frameworks.legacy.theano.framework import FRAMEWORK

__all__ = ["FRAMEWORK", "RULES", "causal_conv1d", "conv", "conv_transpose", "deconvolution_layer", "weight"]

RULES = FRAMEWORK.rules
weight = FRAMEWORK.interfaces[0].weight


def __dir__() -> list[str]:
    return __all__
