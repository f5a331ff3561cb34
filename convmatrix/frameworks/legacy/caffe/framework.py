"""The record of Caffe, as of its last version, 1.0: its calls, the layouts of its weights and its rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from convmatrix.frameworks.legacy.caffe.convolutions import CONV_WEIGHT, TRANSPOSED_WEIGHT, conv, conv_transpose
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall, PaddingFormat, pads_as_list
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, axes_text, impossible

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size), channels first, any number of axes; `axis` says which one is the channels' "
    "(caffe.proto, ConvolutionParameter).",
    "weight": "(num_output, channels // group, *kernel_size) (base_conv_layer.cpp).",
    "transposed weight": "(channels, num_output // group, *kernel_size), that of the convolution which is transposed "
    "(base_conv_layer.cpp).",
    "kernel": "Not flipped. Deconvolution is the exact transpose of Convolution.",
    "padding": "pad: one number for both ends of each axis, for all axes or one for each.",
    "same": "There is none: pad = dilation * (kernel_size - 1) // 2, for an odd kernel and stride 1.",
    "transposed padding": "pad is that of the convolution: it crops both ends (deconv_layer.cpp).",
    "output size": "stride * (size - 1) + k_e - 2 * pad, with k_e = dilation * (kernel_size - 1) + 1, and no output "
    "padding: other sizes are left to a Crop layer and its offset (deconv_layer.cpp, crop_layer.cpp).",
    "groups": "group divides channels and num_output; a block of consecutive channels is a group.",
    "refused": "kernel_size beside kernel_h and kernel_w, and so on; these outside 2-D; fields given neither once nor "
    "for each axis; a crop that does not fit.",
}

_BY_AXIS = {
    f"{name}_{letter}": meaning
    for name, meaning in (("kernel", "kernel_size"), ("stride", "stride"), ("pad", "padding"))
    for letter in "hw"
}

_CONVOLUTION = LayerCall(
    template="caffe.layers.Convolution(x, {arguments})",
    function=conv,
    arrays={"bottom": "input_shape"},
    arguments={
        "num_output": "out_channels",
        "kernel_size": "kernel_size",
        "stride": "stride",
        "pad": "padding",
        "dilation": "dilation",
        "group": "groups",
    },
    aliases=_BY_AXIS,
    padding=PaddingFormat(names=None, numbers=pads_as_list),
    entries=list,
    weight=CONV_WEIGHT,
)
_TRANSPOSED = replace(
    _CONVOLUTION,
    template="caffe.layers.Deconvolution(x, convolution_param=dict({arguments}))",
    function=conv_transpose,
    weight=TRANSPOSED_WEIGHT,
    transpose=True,
)


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer_name = "caffe Deconvolution"
    why = window.unsupported("caffe")
    if why:
        yield from impossible("caffe", layer_name, why)
        return
    call, kwargs = partial(OutputSizeCall, "caffe", layer_name), window.kwargs(_TRANSPOSED)
    if not any(window.beyond) and min(window.before, default=0) >= 0:
        yield call(f"pad: {axes_text(window.before)}", kwargs={**kwargs, "pad": window.before})
        return
    not_contained = window.not_contained((0,) * window.ndim)
    if not_contained:
        yield from impossible("caffe", layer_name, f"it has no output padding, and {not_contained}")
        return
    yield call(
        f"pad: 0, and a Crop layer to {'x'.join(map(str, window.result))} at offset "
        f"{'x'.join(map(str, window.before))}, since it has no output padding",
        kwargs=kwargs,
        crop=window.before,
    )


FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="caffe", title="Caffe", convolution=_CONVOLUTION, transposed=_TRANSPOSED, output_sizes=_output_sizes
        ),
    ),
)
"""Everything that is known of Caffe."""
