"""ONNX: the attributes of the operators Conv and ConvTranspose, for the arrays X and W or their shapes."""

from convmatrix.frameworks.onnx.convolutions import (
    RULES,
    conv,
    conv_transpose,
    from_layer,
    from_model,
    weight,
    weight_transpose,
)

__all__ = [
    "RULES",
    "conv",
    "conv_transpose",
    "from_layer",
    "from_model",
    "weight",
    "weight_transpose",
]


def __dir__() -> list[str]:
    return __all__
