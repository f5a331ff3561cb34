"""The record of PyTorch, as of version 2.13: its calls, the layouts of its weights, its rules and its readers."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from numpy.typing import NDArray

from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall
from convmatrix.frameworks.shared.loading import require_values
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, axes_text, impossible
from convmatrix.frameworks.torch.convolutions import conv, conv_transpose, from_layer, from_model
from convmatrix.frameworks.torch.objects import values_in

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size), channels first; the batch may be left out.",
    "weight": "(out_channels, in_channels // groups, *kernel_size) (torch.nn.Conv2d).",
    "transposed weight": "(in_channels, out_channels // groups, *kernel_size), the array of the convolution that is "
    "transposed (torch.nn.ConvTranspose2d).",
    "kernel": "Not flipped: cross-correlation (torch.nn.Conv2d). The transposed layer is the transpose of that, so "
    "that its windows read the kernel flipped.",
    "padding": "One number of at least 0 for both ends of an axis, or same, or valid; padding_mode zeros, reflect "
    "(less than the input), replicate, or circular (at most the input) (torch.nn.Conv2d). With the last three a "
    "negative number crops.",
    "same": "Only with stride 1 (torch.nn.Conv2d): dilation * (kernel_size - 1) in all, the odd element at the end, in "
    "every padding_mode.",
    "transposed padding": "What the padding of the convolution added is cropped, on both ends; padding_mode zeros, no "
    "names (torch.nn.ConvTranspose2d).",
    "output size": "(input_size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1 + output_padding, where "
    "output_padding is less than stride or dilation; an output_size in the call may be up to stride - 1 larger than "
    "without it, and then output_padding is not looked at (torch.nn.ConvTranspose2d).",
    "groups": "Divides both channel counts; consecutive channels are a group (torch.nn.Conv2d).",
    "refused": "'same' with a stride, other names, different ends of an axis, padding modes of transposed layers, a "
    "pad that reflects or wraps more than the input, more than three axes.",
}

_SIZES = {name: name for name in ("in_channels", "out_channels", "kernel_size", "stride", "padding")}
_OPTIONAL = {name: name for name in ("dilation", "groups", "padding_mode")}


# -- weights ---------------------------------------------------------------------------------------------------------


def _values(weight: Any) -> NDArray[Any]:
    """Return the values of a tensor, on any device and with or without a gradient."""
    return require_values(values_in("weight", weight))


def _layout(shape: tuple[int, ...], _inverse: bool, axes: str = "OI*") -> WeightLayout:
    """Return the layout, which is ours, for an array with 1 to 3 spatial axes."""
    if not 3 <= len(shape) <= 5:
        letters = {"O": "out_channels", "I": "in_channels"}
        first, second = (letters[letter] for letter in axes[:2])
        raise ValueError(
            f"weight has shape {shape} but PyTorch's is ({first}, {second} // groups, *kernel_size), with 1 to 3 axes "
            "beside the channels"
        )
    return WeightLayout(axes, axes)


# -- the calls -------------------------------------------------------------------------------------------------------

_CONVOLUTION = LayerCall(
    template="torch.nn.Conv{ndim}d({arguments})(x)",
    function=conv,
    arrays={"input_size": "input_size"},
    arguments={**_SIZES, **_OPTIONAL},
    weight_layout=lambda shape, inverse: _layout(shape, inverse),
)

_TRANSPOSED = LayerCall(
    template="torch.nn.ConvTranspose{ndim}d({arguments})(x{later})",
    function=conv_transpose,
    arrays={"input_size": "input_size"},
    arguments={**_SIZES, "output_padding": "output_padding", **_OPTIONAL},
    later={"output_size": "output_size"},
    weight=WeightLayout("IO*", "IO*"),
    weight_layout=lambda shape, inverse: _layout(shape, inverse, "IO*"),
    transpose=True,
)


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"torch.nn.ConvTranspose{window.ndim}d"
    most = [max(s, d) for s, d in zip(layer.stride, layer.dilation, strict=True)]
    uneven = window.uneven(most, "output_padding")
    why = window.unsupported("torch") or (window.not_contained([n - 1 for n in most]) and uneven)
    if why:
        yield from impossible("torch", layer_name, why)
        return
    call, kwargs = partial(OutputSizeCall, "torch", layer_name), window.kwargs(_TRANSPOSED)
    if uneven:
        whole, result = window.sizes
        ends = tuple(-number for pair in reversed(window.cut) for number in pair)  # the last axis first
        yield call(
            f"padding=0, output_padding={axes_text(window.added)} gives {whole}, and "
            f"nn.ZeroPad{window.ndim}d({ends}) the {result}",
            kwargs={**kwargs, "padding": 0, "output_padding": window.added},
            crop=window.before,
        )
        return
    kwargs["padding"], pads = window.before, f"padding={axes_text(window.before)}"
    yield call(f"{pads}, output_padding={axes_text(window.beyond)}", kwargs={**kwargs, "output_padding": window.beyond})
    if all(beyond < s for beyond, s in zip(window.beyond, layer.stride, strict=True)):
        yield call(
            f"{pads}, and output_size={list(window.result)} in the call",
            kwargs={**kwargs, "output_size": window.result},
        )


FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="torch",
            title="PyTorch",
            convolution=_CONVOLUTION,
            transposed=_TRANSPOSED,
            read_weight=_values,
            output_sizes=_output_sizes,
        ),
    ),
    from_layer=from_layer,
    from_model=from_model,
)
"""Everything that is known of PyTorch."""
