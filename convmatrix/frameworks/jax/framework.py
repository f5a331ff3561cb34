"""The record of JAX 0.10 and Flax 0.12: their calls, layouts of weights, rules and readers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from convmatrix.frameworks.jax.convolutions import conv, conv_transpose, rhs_layout
from convmatrix.frameworks.jax.flax import (
    KERNEL,
    flax_conv,
    flax_conv_transpose,
    from_layer,
    layout_of_transposed_kernel,
)
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import CAPITALS, LayerCall, PaddingFormat
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, impossible, not_listed, pads_text
from convmatrix.layers.arguments import flag

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size) in conv_general_dilated, (batch, *size, channels) in conv_transpose and Flax; "
    "any order by dimension_numbers, whose kernel says which axis is the first (jax.lax.conv_general_dilated).",
    "weight": "(out_channels, in_channels // groups, *kernel_size) in conv_general_dilated, (*kernel_size, in_channels "
    "// groups, out_channels) in Flax (flax.nnx.Conv).",
    "transposed weight": "(*kernel_size, in_channels, out_channels); with transpose_kernel=True (*kernel_size, "
    "out_channels, in_channels), the array of the convolution that is transposed (jax.lax.conv_transpose).",
    "kernel": "Not flipped: cross-correlation. Neither is it by conv_transpose, whose result is the transpose of a "
    "convolution with the kernel flipped; with transpose_kernel=True it is that of the convolution itself.",
    "padding": "A (low, high) pair for each axis, negative ones crop, or a name; Flax also takes one number for both "
    "ends, CIRCULAR and REFLECT with (k_e - 1) // 2 before and k_e // 2 after, and CAUSAL on one axis.",
    "same": "ceil(input_size / stride) outputs, the odd element at the end; SAME_LOWER at the start. Only without "
    "dilation of the input.",
    "transposed padding": "Pairs are added to the spread input, or with use_consistent_padding=True cropped from the "
    "result; of SAME's crop the odd element is at the end. Flax's CIRCULAR wraps the whole result around, the odd "
    "element at the end, or at the start with transpose_kernel=True (flax.nnx.ConvTranspose).",
    "output size": "SAME and CIRCULAR give input_size * stride, VALID (input_size - 1) * stride + max(k_e, stride); no "
    "other one can be asked for but by pairs.",
    "groups": "feature_group_count divides both channel counts, a block of consecutive channels is a group; transposed "
    "layers have none.",
    "refused": "A name of a padding with lhs_dilation, other names than SAME and VALID with strides in conv_transpose, "
    "REFLECT and CAUSAL transposed. Here also what JAX lets pass: an output that is empty since the kernel does not "
    "fit, and batch_group_count, which makes one image of several.",
}


# -- jax.lax ---------------------------------------------------------------------------------------------------------


def _layout(shape: tuple[int, ...], _inverse: bool, dimension_numbers: Any = None) -> WeightLayout:
    """Return the layout of rhs of conv_general_dilated."""
    _require_numbers(dimension_numbers, "('NCHW', 'OIHW', 'NCHW')", "conv")
    return rhs_layout(dimension_numbers, len(shape))


def _transposed_layout(
    shape: tuple[int, ...], _inverse: bool, dimension_numbers: Any = None, transpose_kernel: bool = False
) -> WeightLayout:
    """Return the layout of rhs of conv_transpose; transpose_kernel does not change it, but the layer."""
    flag("transpose_kernel", transpose_kernel)
    _require_numbers(dimension_numbers, "('NHWC', 'HWIO', 'NHWC')", "conv_transpose")
    return rhs_layout(dimension_numbers, len(shape), channels_last=True)


def _require_numbers(dimension_numbers: Any, default: str, function: str) -> None:
    if dimension_numbers is None:
        raise ValueError(
            f"dimension_numbers are not given, but decide the order of the axes: give them as JAX is "
            f"called ({default} is its default for two axes), or let {function}(..., weight=w) give the "
            "weight beside the layer"
        )


_PADDING = PaddingFormat(names=CAPITALS, numbers=lambda arguments: arguments.padding)

_CONVOLUTION = LayerCall(
    template="jax.lax.conv_general_dilated(x, w, {arguments})",
    function=conv,
    arrays={"lhs": "input_shape", "rhs": "weight_shape"},
    arguments={
        "window_strides": "stride",
        "padding": "padding",
        "lhs_dilation": "input_dilation",
        "rhs_dilation": "dilation",
        "feature_group_count": "groups",
    },
    padding=_PADDING,
    weight_layout=_layout,
)
_TRANSPOSED = LayerCall(
    template="jax.lax.conv_transpose(x, w, {arguments})",
    function=conv_transpose,
    arrays={"lhs": "input_shape", "rhs": "weight_shape"},
    arguments={"strides": "stride", "padding": "padding", "rhs_dilation": "dilation"},
    padding=_PADDING,
    data="N*C",
    weight=WeightLayout("*IO"),
    weight_layout=_transposed_layout,
    transpose=True,
)
_TRANSPOSE_KERNEL = replace(_TRANSPOSED, fixed={"transpose_kernel": True}, weight=WeightLayout("*OI", "IO*"))


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, "jax.lax.conv_transpose"
    why = window.unsupported("jax's conv_transpose", groups=False)
    if why:
        also = "; jax.lax.conv_general_dilated has them" if layer.padding_mode == "zeros" and window.ndim < 4 else ""
        yield from impossible("jax", layer_name, why + also)
        return
    pads = tuple(
        (span - 1 - before, o - (n - 1) * s - 1 + before)
        for span, before, o, n, s in zip(
            window.spans, window.before, window.result, window.size, layer.stride, strict=True
        )
    )
    yield OutputSizeCall(
        "jax",
        layer_name,
        f"padding={pads_text(pads)}, transpose_kernel=True: these pads decide the size",
        kwargs=window.kwargs(_TRANSPOSE_KERNEL, padding=pads),
    )


# -- Flax ------------------------------------------------------------------------------------------------------------

_FEATURES = {
    "in_features": "in_channels",
    "out_features": "out_channels",
    "kernel_size": "kernel_size",
    "strides": "stride",
    "padding": "padding",
}
_FLAX = LayerCall(
    template="flax.nnx.Conv({arguments}, rngs=rngs)(x)",
    function=flax_conv,
    arrays={"input_size": "input_size"},
    arguments={
        **_FEATURES,
        "input_dilation": "input_dilation",
        "kernel_dilation": "dilation",
        "feature_group_count": "groups",
    },
    written=frozenset({"strides", "padding"}),
    padding=replace(
        _PADDING,
        names={**CAPITALS, "causal": "CAUSAL"},
        modes={"circular": "CIRCULAR", "reflect": "REFLECT"},
    ),
    data="N*C",
    weight=KERNEL,
)
_FLAX_TRANSPOSED = replace(
    _FLAX,
    template="flax.nnx.ConvTranspose({arguments}, rngs=rngs)(x)",
    function=flax_conv_transpose,
    arguments={**_FEATURES, "kernel_dilation": "dilation"},
    padding=replace(_PADDING, modes={"circular": "CIRCULAR"}),
    weight_layout=layout_of_transposed_kernel,
    transpose=True,
)

FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="jax",
            title="JAX",
            convolution=_CONVOLUTION,
            transposed=_TRANSPOSED,
            transposed_variants={"transpose_kernel": _TRANSPOSE_KERNEL},
            output_sizes=_output_sizes,
        ),
        Interface(name="flax", title="Flax", convolution=_FLAX, transposed=_FLAX_TRANSPOSED, output_sizes=not_listed),
    ),
    from_layer=from_layer,
)
"""Everything that is known of JAX and Flax."""
