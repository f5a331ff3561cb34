"""The record of MXNet: its calls, the layouts of its weights, its rules and its readers."""

from collections.abc import Iterator, Mapping
from functools import partial

from convmatrix.frameworks.legacy.mxnet.convolutions import conv, conv_transpose
from convmatrix.frameworks.legacy.mxnet.gluon import from_layer, from_model
from convmatrix.frameworks.legacy.mxnet.weights import layout_of_weight, weight_layout
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall, PaddingFormat
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, impossible

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size): NCW, NCHW, NCDHW; also NHWC and NDHWC, computed on GPUs only "
    "(mxnet.ndarray.Convolution).",
    "weight": "(num_filter, channels // num_group, *kernel); (num_filter, *kernel, channels // num_group) with "
    "channels last.",
    "transposed weight": "(channels, num_filter // num_group, *kernel), the array of the convolution that is "
    "transposed (mxnet.ndarray.Deconvolution); (channels, *kernel, num_filter // num_group) with channels last.",
    "kernel": "Not flipped. Deconvolution is the exact transpose of Convolution.",
    "padding": "pad: one number for both ends of each axis.",
    "same": "There is none: pad = dilate * (kernel - 1) // 2, for an odd kernel and stride 1.",
    "transposed padding": "pad is that of the convolution: it crops both ends.",
    "output size": "stride * (size - 1) + k_e - 2 * pad + adj, with k_e = dilate * (kernel - 1) + 1 and adj less than "
    "the stride. A target_shape overrides both: total = stride * (size - 1) + k_e - target, pad = ceil(total / 2), "
    "adj = total mod 2.",
    "groups": "num_group divides channels and num_filter; a block of consecutive channels is a group.",
    "refused": "adj of a stride or more, a target_shape beyond the full result or with an odd total at stride 1, one "
    "number for several axes, dilate in a Deconvolution of 3 axes, four axes, layouts NWC and others.",
}

_ARGUMENTS = {
    "kernel": "kernel_size",
    "num_filter": "out_channels",
    "stride": "stride",
    "dilate": "dilation",
    "pad": "padding",
    "num_group": "groups",
}
_PADDING = PaddingFormat(names=None)

_CONVOLUTION = LayerCall(
    template="mxnet.nd.Convolution(x, w, {arguments})",
    function=conv,
    arrays={"data": "input_shape"},
    arguments=_ARGUMENTS,
    fixed={"no_bias": True},
    padding=_PADDING,
    weight=weight_layout(None),
    other_weights={"layout NHWC": weight_layout("NHWC")},
    weight_layout=lambda shape, _inverse, layout=None: layout_of_weight(shape, layout),
)
_TRANSPOSED = LayerCall(
    template="mxnet.nd.Deconvolution(x, w, {arguments})",
    function=conv_transpose,
    arrays={"data": "input_shape"},
    arguments={**_ARGUMENTS, "adj": "output_padding", "target_shape": "output_size"},
    padding=_PADDING,
    weight=weight_layout(None, transpose=True),
    other_weights={"layout NHWC": weight_layout("NHWC", transpose=True)},
    weight_layout=lambda shape, _inverse, layout=None: layout_of_weight(shape, layout, transpose=True),
    transpose=True,
)


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, "mxnet Deconvolution"
    unsupported = window.unsupported("mxnet")
    if unsupported is None and window.ndim == 3 and any(d > 1 for d in layer.dilation):
        unsupported = "no Deconvolution of 3 axes has a dilation"
    uneven = window.uneven(layer.stride, "adj")
    why = unsupported or (window.not_contained(window.most_added) and uneven)
    call, kwargs = partial(OutputSizeCall, "mxnet", layer_name), window.kwargs(_TRANSPOSED)
    if why:
        yield from impossible("mxnet", layer_name, why)
    elif uneven:
        yield call(
            f"adj={window.added} without pad, and the slice [:, :, {window.slices}] of it",
            kwargs={**kwargs, "adj": window.added},
            crop=window.before,
        )
    else:
        yield call(
            f"pad={window.before}, adj={window.beyond}",
            kwargs={**kwargs, "pad": window.before, "adj": window.beyond},
        )
    fits = all(
        total >= 0 and -(-total // 2) == before and total % 2 < s
        for total, before, s in zip(window.totals, window.before, layer.stride, strict=True)
    )
    if fits and unsupported is None:
        yield call(
            f"target_shape={window.result}, whatever pad and adj are",
            kwargs={**kwargs, "target_shape": window.result},
        )


FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="mxnet", title="MXNet", convolution=_CONVOLUTION, transposed=_TRANSPOSED, output_sizes=_output_sizes
        ),
    ),
    from_layer=from_layer,
    from_model=from_model,
)
"""Everything that is known of MXNet."""
