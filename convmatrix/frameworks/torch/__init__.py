"""PyTorch: layers by the arguments of torch.nn.Conv1d to 3d and ConvTranspose1d to 3d, after the input size."""

from convmatrix.frameworks.torch.convolutions import (
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
