"""The record of ONNX, as of its operators Conv-22 and ConvTranspose-22 (onnx 1.23)."""

from collections.abc import Iterator, Mapping
from functools import partial

from convmatrix.frameworks.onnx.convolutions import (
    CONV_WEIGHT,
    TRANSPOSED_WEIGHT,
    checked_layout,
    conv,
    conv_transpose,
    from_layer,
    from_model,
    read_weight,
)
from convmatrix.frameworks.shared.arguments import ConvArguments
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall, PaddingFormat
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, impossible

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size), channels first (operator Conv).",
    "weight": "(M, C / group, *kernel_shape): output channels, input channels of a group (operator Conv).",
    "transposed weight": "(C, M / group, *kernel_shape), the array of the convolution that is transposed (operator "
    "ConvTranspose).",
    "kernel": "Not flipped: cross-correlation. The transposed layer is the exact transpose of it.",
    "padding": "pads, all begins and then all ends, each at least 0; or auto_pad, never both.",
    "same": "ceil(size / stride) outputs; the odd element at the end for SAME_UPPER, at the start for SAME_LOWER. "
    "onnxruntime refuses it beside a dilation.",
    "transposed padding": "What pads says is cropped. With output_shape, or SAME, the total follows from it, and its "
    "larger part is at the end for SAME_UPPER and else at the start. A negative total of SAME adds zeros at both ends, "
    "as the text has it; onnxruntime adds none at the start, and without output_shape none at all.",
    "output size": "strides * (size - 1) + output_padding + dilations * (kernel_shape - 1) + 1 - pads; SAME: size * "
    "strides, also where the kernel is smaller than the stride; output_shape says it itself, and pads are then not "
    "looked at. Beside these two, output_padding moves the crop.",
    "groups": "group divides both channel counts; a block of consecutive channels is a group.",
    "refused": "pads beside auto_pad, negative pads, an output_padding of the stride or more, and without SAME an "
    "output_shape that is a stride or more larger than without pads.",
}


# -- the calls -------------------------------------------------------------------------------------------------------


def _begins_and_ends(arguments: ConvArguments) -> list[int | str]:
    """Return the pads before all axes, then those after; onnx.conv raises an error for a name among numbers."""
    ends = [entry if isinstance(entry, tuple) else (entry, entry) for entry in arguments.padding]
    return [*(before for before, _ in ends), *(after for _, after in ends)]


_PADDING = PaddingFormat(
    names={"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}, numbers=_begins_and_ends
)
_ATTRIBUTES = {
    "auto_pad": "padding_name",
    "strides": "stride",
    "dilations": "dilation",
    "group": "groups",
    "pads": "padding_ends",
}

_CONVOLUTION = LayerCall(
    template="onnx Conv({arguments})",
    function=conv,
    arrays={"X": "input_shape", "W": "weight_shape"},
    arguments=_ATTRIBUTES,
    aliases={"kernel_shape": "kernel_size"},
    padding=_PADDING,
    weight=CONV_WEIGHT,
    weight_layout=lambda shape, _inverse: checked_layout(shape, CONV_WEIGHT),
)
_TRANSPOSED = LayerCall(
    template="onnx ConvTranspose({arguments})",
    function=conv_transpose,
    arrays={"X": "input_shape", "W": "weight_shape"},
    arguments={**_ATTRIBUTES, "output_padding": "output_padding", "output_shape": "output_size"},
    aliases={"kernel_shape": "kernel_size"},
    padding=_PADDING,
    weight=TRANSPOSED_WEIGHT,
    weight_layout=lambda shape, _inverse: checked_layout(shape, TRANSPOSED_WEIGHT),
    transpose=True,
)


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer_name = "ONNX ConvTranspose"
    negative = window.negative_pad()
    why = window.unsupported("onnx") or (window.not_contained(window.most_added) and negative)
    if why:
        yield from impossible("onnx", layer_name, why)
        return
    call, kwargs = partial(OutputSizeCall, "onnx", layer_name), window.kwargs(_TRANSPOSED)
    if negative:
        yield call(
            f"output_padding={list(window.added)} without pads, and a Slice to [:, :, {window.slices}]",
            kwargs={**kwargs, "output_padding": window.added},
            crop=window.before,
        )
        return
    extra = tuple(sum(pair) - total for total, pair in zip(window.totals, window.pads, strict=True))
    ends = (*window.before, *(after for _, after in window.pads))
    yield call(
        f"pads={list(ends)}, output_padding={list(extra)}",
        kwargs={**kwargs, "pads": ends, "output_padding": extra},
    )
    totals = window.totals
    for auto_pad in ("NOTSET", "SAME_UPPER"):
        starts = tuple(total // 2 if auto_pad == "SAME_UPPER" else total - total // 2 for total in totals)
        if starts == window.before and min(totals, default=0) >= 0:
            by_shape = {**kwargs, "output_shape": window.result}
            also = "" if auto_pad == "NOTSET" else f", auto_pad={auto_pad}"
            yield call(
                f"output_shape={list(window.result)}{also}, without pads",
                kwargs=by_shape if auto_pad == "NOTSET" else {**by_shape, "auto_pad": auto_pad},
            )
            return


FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="onnx",
            title="ONNX",
            convolution=_CONVOLUTION,
            transposed=_TRANSPOSED,
            read_weight=read_weight,
            output_sizes=_output_sizes,
        ),
    ),
    from_layer=from_layer,
    from_model=from_model,
)
"""Everything that is known of ONNX."""
