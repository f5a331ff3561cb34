"""The record of Theano, as of aesara 2.9.4: its calls, the layouts of its filters and its rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from operator import itemgetter
from typing import Any

from convmatrix.frameworks.legacy.theano.convolutions import causal_conv1d, conv, conv_transpose, filters_layout
from convmatrix.frameworks.shared.arguments import ConvArguments
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall, PaddingFormat
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, impossible, pads_text

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size), channels first; 2 or 3 axes of size (theano.tensor.nnet.conv2d, conv3d).",
    "weight": "(output channels, input channels // num_groups, *filter size) (theano.tensor.nnet.conv2d).",
    "transposed weight": "The array of the convolution: (channels of output_grad, channels of the result // "
    "num_groups, *filter size) (conv2d_grad_wrt_inputs).",
    "kernel": "Turned, unless filter_flip=False; in the gradient too.",
    "padding": "border_mode: 'valid' 0, 'half' k_e // 2, 'full' k_e - 1 at both ends, with k_e = filter_dilation * "
    "(filter size - 1) + 1; an integer, or a tuple of integers; in 2-D also of (before, after) pairs.",
    "same": "There is none. 'half' is it for odd filters and stride 1; an even one gives one output more.",
    "transposed padding": "border_mode is that of the convolution whose gradient it is: it crops.",
    "output size": "input_shape says it, and there is no default. It is refused unless the convolution maps it to the "
    "size of output_grad, as `subsample` sizes do.",
    "groups": "num_groups divides both channel counts; a block of consecutive channels is a group.",
    "refused": "unshared=True, lists and other names as border_mode, negative pads, pairs in 3-D, single numbers for "
    "subsample and filter_dilation, 1-D but for causal_conv1d.",
}


# -- weights ---------------------------------------------------------------------------------------------------------


def _layout(shape: tuple[int, ...], transpose: bool, filter_flip: bool | None) -> WeightLayout:
    """Return the layout of filters; filter_flip may be left out for filters of a single tap."""
    if len(shape) < 3:
        raise ValueError(
            f"filters have shape {shape} but Theano's are (output channels, channels // num_groups, *filter size)"
        )
    if filter_flip is None and prod(shape[2:]) != 1:
        raise ValueError(
            f"filter_flip is not given, but decides whether filters of shape {shape} are turned: give it as "
            "Theano is called (True is its default), or let conv(..., weight=w) do both"
        )
    return filters_layout(False if filter_flip is None else filter_flip, transpose=transpose)


# -- the calls -------------------------------------------------------------------------------------------------------

_ARGUMENTS = {
    "border_mode": "padding",
    "subsample": "stride",
    "filter_dilation": "dilation",
    "num_groups": "groups",
}
_PADDING = PaddingFormat(none="valid")

_CONVOLUTION = LayerCall(
    template="theano.tensor.nnet.conv{ndim}d(x, w, {arguments})",
    function=conv,
    arrays={"input_shape": "input_shape", "filter_shape": "weight_shape"},
    arguments=_ARGUMENTS,
    padding=_PADDING,
    weight=filters_layout(True),
    weight_layout=lambda shape, _inverse, filter_flip=None: _layout(shape, False, filter_flip),
)
_CAUSAL = replace(
    _CONVOLUTION,
    template="theano.tensor.nnet.abstract_conv.causal_conv1d(x, w, {arguments})",
    function=causal_conv1d,
    arrays={"input_shape": "input_shape"},
    arguments={
        "filter_shape": "weight_shape",
        "subsample": "stride",
        "filter_dilation": "dilation",
        "num_groups": "groups",
    },
    entries=itemgetter(0),
)
_TRANSPOSED = LayerCall(
    template="theano.tensor.nnet.abstract_conv.conv{ndim}d_grad_wrt_inputs(x, w, {arguments})",
    function=conv_transpose,
    arrays={"output_grad": "input_shape", "filters": "weight_shape"},
    arguments={"input_shape": "output_shape", **_ARGUMENTS},
    aliases={"filter_shape": "kernel_size"},
    padding=_PADDING,
    weight=filters_layout(True, transpose=True),
    weight_layout=lambda shape, _inverse, filter_flip=None: _layout(shape, True, filter_flip),
    transpose=True,
)


def _causal(arguments: ConvArguments) -> LayerCall | None:
    """Return the only convolution of one axis, which is causal."""
    return _CAUSAL if arguments.ndim == 1 and arguments.padding_name({}) == "causal" else None


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"theano conv{window.ndim}d_grad_wrt_inputs"
    why = window.negative_pad()
    even = why is None and window.is_given_by([(before, before) for before in window.before])
    if why is None and not even and window.ndim != 2:
        why = f"pads {pads_text(window.pads)} differ at the two ends, which only two axes may have"
    reason = window.unsupported("theano", ndims=(2, 3)) or (window.not_contained(window.most_added) and why)
    if reason:
        yield from impossible("theano", layer_name, reason)
        return
    border: Any = "valid" if why else window.before if even else window.pads
    shape = (None, layer.out_channels, *(window.whole if why else window.result))
    kwargs = window.kwargs(_TRANSPOSED, input_shape=shape, border_mode=border, filter_flip=False)
    call = partial(OutputSizeCall, "theano", layer_name, kwargs=kwargs)
    if why:
        yield call(
            f"input_shape={shape}, border_mode='valid', filter_flip=False, and the slice [:, :, {window.slices}] of it",
            crop=window.before,
        )
        return
    yield call(f"input_shape={shape}, border_mode={border}, filter_flip=False")


FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="theano",
            title="Theano",
            convolution=replace(_CONVOLUTION, variant=_causal),
            transposed=_TRANSPOSED,
            output_sizes=_output_sizes,
        ),
    ),
)
"""Everything that is known of Theano."""
