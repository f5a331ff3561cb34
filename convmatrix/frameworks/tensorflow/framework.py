"""The record of TensorFlow 2.21 and Keras 3.15: their calls, layouts of weights, rules and readers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from convmatrix.frameworks.shared.arguments import ConvArguments
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import CAPITALS, LayerCall, PaddingFormat
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, axes_text, impossible, pads_text
from convmatrix.frameworks.tensorflow.convolutions import conv, conv1d, conv2d, conv3d, conv_transpose
from convmatrix.frameworks.tensorflow.keras import keras_conv, keras_conv_transpose
from convmatrix.frameworks.tensorflow.objects import from_layer, from_model
from convmatrix.frameworks.tensorflow.weights import FILTERS, TRANSPOSED_FILTERS, layout_of_filters

__all__ = ["FRAMEWORK"]

_RULES: Mapping[str, str] = {
    "data": "NWC, NHWC or NDHWC; with data_format NCW, NCHW or NCDHW channels first (tf.nn.convolution). Keras: "
    "channels_last or channels_first.",
    "weight": "(*kernel, in // groups, out), whatever the data_format (tf.nn.convolution); depthwise (*kernel, in, "
    "multiplier).",
    "transposed weight": "(*kernel, out // groups, in), the array of the forward convolution (tf.nn.conv2d_transpose).",
    "kernel": "Not flipped: a convolution is a cross-correlation, and a transposed one has the transposed matrix.",
    "padding": "SAME or VALID; explicit pairs, with those of batch and channels, for two axes alone (tf.nn.conv2d). "
    "Keras: same, valid, and causal for one axis.",
    "same": "Output size ceil(i / s), for any stride; of the pads max((o - 1) * s + k_e - i, 0) the odd element goes "
    "to the end (tf.nn, notes on padding).",
    "transposed padding": "The pads of the forward convolution from output_shape to the input: they crop. SAME "
    "computes them from output_shape.",
    "output size": "output_shape has to be given, and must lead back to the input (tf.nn.conv_transpose). Keras "
    "chooses i * s for same and (i - 1) * s + max(k_e, s) for valid; with output_padding (i - 1) * s + "
    "k_e % 2 + output_padding and (i - 1) * s + k_e + output_padding.",
    "groups": "Not said but counted: channels of the input by those of the filters (tf.nn.convolution). Keras says "
    "groups, for its forward layers.",
    "refused": "Strides and dilations both above 1 in tf.nn.convolution and Keras' layers, but not in tf.nn.conv2d; a "
    "Keras output_padding of a stride or more; with same, an even span and output_padding 0.",
}


# -- tf.nn -----------------------------------------------------------------------------------------------------------


def _pairs_of_all_axes(arguments: ConvArguments) -> list[Any]:
    """Return pairs for all axes of the input, of which the first is the batch and the last the channels."""
    pairs = [list(entry) if isinstance(entry, tuple) else entry for entry in arguments.padding]
    return [[0, 0], *pairs, [0, 0]]


_FORWARD = LayerCall(
    template="tf.nn.convolution(x, w, {arguments})",
    function=conv,
    arrays={"input": "input_shape", "filters": "weight_shape"},
    arguments={"strides": "stride", "padding": "padding", "dilations": "dilation"},
    written=frozenset({"strides"}),
    from_shapes=frozenset({"groups"}),
    padding=PaddingFormat(names=CAPITALS, none="VALID", numbers=_pairs_of_all_axes),
    data="N*C",
    weight=FILTERS,
    weight_layout=layout_of_filters,
)
_BY_AXES = {
    1: replace(
        _FORWARD,
        template="tf.nn.conv1d(x, w, {arguments})",
        function=conv1d,
        arguments={"stride": "stride", "padding": "padding", "dilations": "dilation"},
    ),
    2: replace(_FORWARD, template="tf.nn.conv2d(x, w, {arguments})", function=conv2d),
    3: replace(_FORWARD, template="tf.nn.conv3d(x, w, {arguments})", function=conv3d),
}

_TRANSPOSED = LayerCall(
    template="tf.nn.conv{ndim}d_transpose(x, w, {arguments})",
    function=conv_transpose,
    arrays={"input": "input_shape", "filters": "weight_shape"},
    arguments={"output_shape": "output_shape", "strides": "stride", "padding": "padding", "dilations": "dilation"},
    padding=_FORWARD.padding,
    data="N*C",
    weight=TRANSPOSED_FILTERS,
    transpose=True,
)
_TRANSPOSED_OF_OTHER_AXES = replace(_TRANSPOSED, template="tf.nn.conv_transpose(x, w, {arguments})")


def _output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"tf.nn.conv{window.ndim}d_transpose"
    padding = _padding_of(window)
    why = window.unsupported("tensorflow")
    if why is None and padding is None and window.not_contained(window.most_added):
        why = window.negative_pad() if window.ndim == 2 else None
        why = why or (
            f"pads {pads_text(window.pads)} are neither those of SAME, {pads_text(window.same_pads)}, nor of "
            f"VALID{'' if window.ndim == 2 else ', and only two axes have explicit ones'}"
        )
    if why:
        yield from impossible("tensorflow", layer_name, why)
        return
    size = window.whole if padding is None else window.result
    kwargs = window.kwargs(
        _TRANSPOSED,
        filters=(*layer.kernel_size, layer.out_channels // layer.groups, layer.in_channels),
        output_shape=(1, *size, layer.out_channels),
        padding=padding or "VALID",
    )
    call = partial(OutputSizeCall, "tensorflow", layer_name, kwargs=kwargs)
    shape = f"[batch, {', '.join(map(str, size))}, {layer.out_channels}]"
    if padding is None:
        yield call(
            f"padding='VALID', output_shape={shape}, and the slice [:, {window.slices}, :] of it", crop=window.before
        )
        return
    argument = padding if isinstance(padding, str) else [list(pair) for pair in padding]
    yield call(f"padding={argument!r}, output_shape={shape}")


def _padding_of(window: Window) -> str | tuple[tuple[int, int], ...] | None:
    """Return the name or the pairs of the padding that gives the window; None if there is no such padding."""
    for name, pads in (("VALID", ((0, 0),) * window.ndim), ("SAME", window.same_pads)):
        if window.is_given_by(pads):
            return name
    if window.ndim == 2 and all(min(pair) >= 0 for pair in window.pads):
        return ((0, 0), *window.pads, (0, 0))
    return None


# -- Keras -----------------------------------------------------------------------------------------------------------

_SIZES = {"filters": "out_channels", "kernel_size": "kernel_size", "strides": "stride", "padding": "padding"}
_KERAS = LayerCall(
    template="keras.layers.Conv{ndim}D({arguments})(x)",
    function=keras_conv,
    arrays={"input_shape": "image_shape"},
    arguments={**_SIZES, "dilation_rate": "dilation", "groups": "groups"},
    written=frozenset({"strides"}),
    padding=PaddingFormat(none="valid"),
    data="N*C",
    weight=FILTERS,
    weight_layout=layout_of_filters,
)
_KERAS_TRANSPOSED = replace(
    _KERAS,
    template="keras.layers.Conv{ndim}DTranspose({arguments})(x)",
    function=keras_conv_transpose,
    arguments={**_SIZES, "output_padding": "output_padding", "dilation_rate": "dilation"},
    weight=TRANSPOSED_FILTERS,
    weight_layout=None,
    transpose=True,
)


def _keras_output_sizes(window: Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"keras.layers.Conv{window.ndim}DTranspose"
    why = window.unsupported("keras", groups=False)
    if why is None and any(s > 1 for s in layer.stride) and any(d > 1 for d in layer.dilation):
        why = "its strides and dilations cannot both be above 1"
    if why:
        yield from impossible("tensorflow", layer_name, why)
        return
    padding = _padding_of(window)
    extra = None
    if isinstance(padding, str):
        extra, why = _keras_output_padding(window, padding)
    else:
        why = f"pads {pads_text(window.pads)} are neither those of same, {pads_text(window.same_pads)}, nor of valid"
    call = partial(OutputSizeCall, "tensorflow", layer_name, function="keras_conv_transpose")
    if why is None:
        name = str(padding).lower()
        output_padding = "None" if extra is None else axes_text(extra)
        yield call(
            f"padding={name!r}, output_padding={output_padding}",
            kwargs=window.kwargs(_KERAS_TRANSPOSED, padding=name, output_padding=extra),
        )
    elif window.not_contained(window.most_added):
        yield from impossible("tensorflow", layer_name, why)
    else:
        whole, result = window.sizes
        pairs = window.cut[0] if window.ndim == 1 else window.cut
        yield call(
            f"padding='valid', output_padding={axes_text(window.added)} gives {whole}, and "
            f"Cropping{window.ndim}D({pairs}) the {result}",
            kwargs=window.kwargs(_KERAS_TRANSPOSED, padding="valid", output_padding=window.added),
            crop=window.before,
        )


def _keras_output_padding(window: Window, padding: str) -> tuple[tuple[int, ...] | None, str | None]:
    """Return the output_padding of Keras, None if none is needed, and the reason if there is no such number."""
    same = padding == "SAME"
    axes = list(zip(window.size, window.layer.stride, window.spans, window.result, strict=True))
    if all(o == (n * s if same else (n - 1) * s + max(span, s)) for n, s, span, o in axes):
        return None, None
    extra = tuple(o - (n - 1) * s - (span % 2 if same else span) for n, s, span, o in axes)
    for axis, (number, (_, s, span, o)) in enumerate(zip(extra, axes, strict=True)):
        if not 0 <= number < s or (same and span % 2 == 0 and number == 0):
            return None, f"size {o} on axis {axis} needs output_padding {number}, which has to be from 0 to {s - 1}"
    return extra, None


FRAMEWORK = Framework(
    rules=_RULES,
    interfaces=(
        Interface(
            name="tensorflow",
            title="TensorFlow",
            convolution=replace(_FORWARD, variant=lambda arguments: _BY_AXES.get(arguments.ndim)),
            transposed=replace(
                _TRANSPOSED,
                variant=lambda arguments: None if arguments.ndim in _BY_AXES else _TRANSPOSED_OF_OTHER_AXES,
            ),
            output_sizes=_output_sizes,
        ),
        Interface(
            name="keras",
            title="Keras",
            convolution=_KERAS,
            transposed=_KERAS_TRANSPOSED,
            output_sizes=_keras_output_sizes,
        ),
    ),
    from_layer=from_layer,
    from_model=from_model,
)
"""Everything that is known of TensorFlow and Keras."""
