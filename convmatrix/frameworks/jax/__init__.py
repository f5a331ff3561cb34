"""JAX: jax.lax.conv_general_dilated and conv_transpose as calls; Flax's Conv and ConvTranspose, also as objects."""

from convmatrix.frameworks.jax.convolutions import conv, conv_transpose
from convmatrix.frameworks.jax.flax import flax_conv, flax_conv_transpose, from_layer
from convmatrix.frameworks.jax.framework import FRAMEWORK

__all__ = [
    "FRAMEWORK",
    "RULES",
    "conv",
    "conv_transpose",
    "flax_conv",
    "flax_conv_transpose",
    "flax_weight",
    "from_layer",
    "weight",
]

RULES = FRAMEWORK.rules
weight, flax_weight = (interface.weight for interface in FRAMEWORK.interfaces)


def __dir__() -> list[str]:
    return __all__
