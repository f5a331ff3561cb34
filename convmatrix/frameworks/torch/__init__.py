"""PyTorch: layers by the arguments of torch.nn.Conv1d to 3d and ConvTranspose1d to 3d, after the input size."""

from convmatrix.frameworks.torch.convolutions import conv, conv_transpose, from_layer, from_model
from convmatrix.frameworks.torch.framework import FRAMEWORK

__all__ = ["FRAMEWORK", "RULES", "conv", "conv_transpose", "from_layer", "from_model", "weight"]

RULES = FRAMEWORK.rules
weight = FRAMEWORK.interfaces[0].weight


def __dir__() -> list[str]:
    return __all__
