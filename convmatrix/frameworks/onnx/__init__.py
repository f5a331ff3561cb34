"""ONNX: the attributes of the operators Conv and ConvTranspose, for the arrays X and W or their shapes."""

from convmatrix.frameworks.onnx.convolutions import conv, conv_transpose, from_layer, from_model
from convmatrix.frameworks.onnx.framework import FRAMEWORK

__all__ = ["FRAMEWORK", "RULES", "conv", "conv_transpose", "from_layer", "from_model", "weight"]

RULES = FRAMEWORK.rules
weight = FRAMEWORK.interfaces[0].weight


def __dir__() -> list[str]:
    return __all__
