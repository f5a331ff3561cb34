"""JAX: jax.lax.conv_general_dilated and conv_transpose as calls; Flax's Conv and ConvTranspose, also as objects."""

from convmatrix.frameworks.jax.convolutions import (
    RULES,
    conv,
    conv_transpose,
    flax_conv,
    flax_conv_transpose,
    flax_weight,
    flax_weight_transpose,
    from_layer,
    weight,
    weight_transpose,
)

__all__ = [
    "RULES",
    "conv",
    "conv_transpose",
    "flax_conv",
    "flax_conv_transpose",
    "flax_weight",
    "flax_weight_transpose",
    "from_layer",
    "weight",
    "weight_transpose",
]


def __dir__() -> list[str]:
    return __all__
