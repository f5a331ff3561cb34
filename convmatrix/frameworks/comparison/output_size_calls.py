"""The arguments by which each framework gives a transposed layer with a certain output size.

A transposed layer is a window of the full result, which begins at the pad before it and has the length of the output. A
framework has the layer if its arguments describe that window.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convmatrix.core.axis import named_padding
from convmatrix.layers import ConvTranspose

__all__ = ["OutputSizeCall", "output_size_calls"]


@dataclass(frozen=True)
class OutputSizeCall:
    """The call by which one framework gives an output size, or the reason why it cannot.

    Parameters
    ----------
    framework : str
        The module of convmatrix.frameworks that has `function`.
    layer_name : str
        The framework's name of the layer.
    arguments : str
        Source text of the arguments that determine the size; or the reason why there are none.
    function : str
        The name of the function that makes the layer.
    kwargs : mapping, optional
        Keyword arguments of the function; None if the framework does not have this layer.
    crop : tuple of int, optional
        For each axis the first element that is kept, where a separate layer or slice has to crop the result.
    """

    framework: str
    layer_name: str
    arguments: str
    function: str = "conv_transpose"
    kwargs: Mapping[str, Any] | None = None
    crop: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """The name of the layer, and the arguments or the reason."""
        return f"{self.layer_name}: {self.arguments}"


def output_size_calls(layer: ConvTranspose) -> tuple[OutputSizeCall, ...]:
    """Return the calls of all frameworks that give a transposed layer, or the reasons why they cannot.

    Parameters
    ----------
    layer : ConvTranspose

    Returns
    -------
    tuple of OutputSizeCall
        Some frameworks have two calls.
    """
    window = _Window(layer)
    return tuple(call for calls_of in _FRAMEWORKS for call in calls_of(window))


class _Window:
    """A transposed layer as a window of the full result, with its first element and its length on each axis."""

    def __init__(self, layer: ConvTranspose) -> None:
        self.layer = layer
        self.ndim, self.size, self.result = layer.ndim, layer.input_size, layer.output_size
        self.before = tuple(axis.before for axis in layer.axes)
        self.pads = tuple((axis.before, axis.after) for axis in layer.axes)
        self.spans = tuple(axis.span for axis in layer.axes)
        self.full = tuple(
            (n - 1) * s + span for n, s, span in zip(layer.input_size, layer.stride, self.spans, strict=True)
        )
        self.beyond = tuple(o - (f - 2 * b) for o, f, b in zip(self.result, self.full, self.before, strict=True))
        """Elements that are added at the end if the same number is cropped at both ends."""
        ends = tuple(b + o for b, o in zip(self.before, self.result, strict=True))
        self.whole = tuple(max(f, end) for f, end in zip(self.full, ends, strict=True))
        """Length of the full result with `added` elements at its end, so that it contains the window."""
        self.added = tuple(whole - f for whole, f in zip(self.whole, self.full, strict=True))
        self.cut = tuple((b, whole - end) for b, whole, end in zip(self.before, self.whole, ends, strict=True))
        """Elements of that which are cropped before and after the window."""

    def unsupported(self, framework: str, *, groups: bool = True, ndims: Sequence[int] = (1, 2, 3)) -> str | None:
        """Return the reason why the framework does not have the layer at all, else None."""
        layer = self.layer
        if self.ndim not in ndims:
            return f"no layer of {framework} has {self.ndim} {'axis' if self.ndim == 1 else 'axes'}"
        if layer.padding_mode != "zeros":
            return f"no transposed layer of {framework} has the padding mode {layer.padding_mode!r}"
        if any(a > 1 for a in layer.input_dilation):
            return f"no transposed layer of {framework} has an input dilation"
        if layer.groups > 1 and not groups:
            return f"no transposed layer of {framework} has groups"
        return None

    def negative_pad(self) -> str | None:
        """Return the reason why a framework without negative pads does not have the layer, else None."""
        bad = [(axis, pair) for axis, pair in enumerate(self.pads) if min(pair) < 0]
        return f"padding {bad[0][1]} on axis {bad[0][0]} is negative" if bad else None

    def not_contained(self, most_added: Sequence[int]) -> str | None:
        """Return the reason why no full result, with up to `most_added` elements at its end, contains the window."""
        for axis, (before, added, most) in enumerate(zip(self.before, self.added, most_added, strict=True)):
            if before < 0 or added > most:
                return (
                    f"on axis {axis} the result without padding has positions 0 to {self.full[axis] + most - 1} at "
                    f"most, of {before} to {before + self.result[axis] - 1} that are wanted"
                )
        return None

    @property
    def slices(self) -> str:
        """Source text of the slices that cut the window out of the full result."""
        return ", ".join(f"{b}:{b + o}" for b, o in zip(self.before, self.result, strict=True))

    @property
    def sizes(self) -> tuple[str, str]:
        """Sizes of the full result and of the window as text."""
        return "x".join(map(str, self.whole)), "x".join(map(str, self.result))

    def uneven(self, most: Sequence[int], name: str) -> str | None:
        """Return the reason why one pad, and fewer than `most` elements at the end, do not give the window."""
        for axis, (before, beyond, limit) in enumerate(zip(self.before, self.beyond, most, strict=True)):
            if before < 0:
                return f"padding {self.pads[axis]} on axis {axis} is negative"
            if not 0 <= beyond < limit:
                return (
                    f"pads {self.pads[axis]} on axis {axis} need padding={before} and {name} {beyond}, which has "
                    f"to be from 0 to {limit - 1}"
                )
        return None


def _impossible(framework: str, layer_name: str, why: str | None) -> Iterator[OutputSizeCall]:
    yield OutputSizeCall(framework, layer_name, f"cannot: {why}")


def _torch(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"torch.nn.ConvTranspose{window.ndim}d"
    most = [max(s, d) for s, d in zip(layer.stride, layer.dilation, strict=True)]
    uneven = window.uneven(most, "output_padding")
    why = window.unsupported("torch") or (window.not_contained([n - 1 for n in most]) and uneven)
    if why:
        yield from _impossible("torch", layer_name, why)
        return
    kwargs = {
        "input_size": window.size,
        "in_channels": layer.in_channels,
        "out_channels": layer.out_channels,
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "padding": window.before,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }
    if uneven:
        whole, result = window.sizes
        ends = tuple(-number for pair in reversed(window.cut) for number in pair)  # the last axis first
        yield OutputSizeCall(
            "torch",
            layer_name,
            f"padding=0, output_padding={_axes_text(window.added)} gives {whole}, and "
            f"nn.ZeroPad{window.ndim}d({ends}) the {result}",
            kwargs={**kwargs, "padding": 0, "output_padding": window.added},
            crop=window.before,
        )
        return
    pads = f"padding={_axes_text(window.before)}"
    yield OutputSizeCall(
        "torch",
        layer_name,
        f"{pads}, output_padding={_axes_text(window.beyond)}",
        kwargs={**kwargs, "output_padding": window.beyond},
    )
    if all(beyond < s for beyond, s in zip(window.beyond, layer.stride, strict=True)):
        yield OutputSizeCall(
            "torch",
            layer_name,
            f"{pads}, and output_size={list(window.result)} in the call",
            kwargs={**kwargs, "output_size": window.result},
        )


def _tensorflow(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"tf.nn.conv{window.ndim}d_transpose"
    padding = _tensorflow_padding(window)
    why = window.unsupported("tensorflow")
    if why is None and padding is None and window.not_contained([s - 1 for s in layer.stride]):
        why = window.negative_pad() if window.ndim == 2 else None
        why = why or (
            f"pads {_pads_text(window.pads)} are neither those of SAME, {_pads_text(_same_pads(window))}, nor of "
            f"VALID{'' if window.ndim == 2 else ', and only two axes have explicit ones'}"
        )
    if why:
        yield from _impossible("tensorflow", layer_name, why)
        return
    size = window.whole if padding is None else window.result
    kwargs = {
        "input": (1, *window.size, layer.in_channels),
        "filters": (*layer.kernel_size, layer.out_channels // layer.groups, layer.in_channels),
        "output_shape": (1, *size, layer.out_channels),
        "strides": layer.stride,
        "padding": padding or "VALID",
        "dilations": layer.dilation,
    }
    shape = f"[batch, {', '.join(map(str, size))}, {layer.out_channels}]"
    if padding is None:
        yield OutputSizeCall(
            "tensorflow",
            layer_name,
            f"padding='VALID', output_shape={shape}, and the slice [:, {window.slices}, :] of it",
            kwargs=kwargs,
            crop=window.before,
        )
        return
    argument = padding if isinstance(padding, str) else [list(pair) for pair in padding]
    yield OutputSizeCall("tensorflow", layer_name, f"padding={argument!r}, output_shape={shape}", kwargs=kwargs)


def _tensorflow_padding(window: _Window) -> str | tuple[tuple[int, int], ...] | None:
    """Return the name or the pairs of the padding that gives the window; None if there is no such padding."""
    for name, pads in (("VALID", ((0, 0),) * window.ndim), ("SAME", _same_pads(window))):
        if _gives_same_convolution(window, pads):
            return name
    if window.ndim == 2 and all(min(pair) >= 0 for pair in window.pads):
        return ((0, 0), *window.pads, (0, 0))
    return None


def _same_pads(window: _Window) -> tuple[tuple[int, int], ...]:
    return tuple(
        named_padding("same", span, s, n)
        for span, s, n in zip(window.spans, window.layer.stride, window.result, strict=True)
    )


def _gives_same_convolution(window: _Window, pads: Sequence[tuple[int, int]]) -> bool:
    """Return whether other pads give the same convolution: the same pad before, and the same number of outputs."""
    return all(
        pair[0] == before and (n + sum(pair) - span) // s + 1 == outputs
        for pair, before, n, span, s, outputs in zip(
            pads, window.before, window.result, window.spans, window.layer.stride, window.size, strict=True
        )
    )


def _keras(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"keras.layers.Conv{window.ndim}DTranspose"
    why = window.unsupported("keras", groups=False)
    if why is None and any(s > 1 for s in layer.stride) and any(d > 1 for d in layer.dilation):
        why = "its strides and dilations cannot both be above 1"
    if why:
        yield from _impossible("tensorflow", layer_name, why)
        return
    kwargs = {
        "input_shape": (*window.size, layer.in_channels),
        "filters": layer.out_channels,
        "kernel_size": layer.kernel_size,
        "strides": layer.stride,
        "dilation_rate": layer.dilation,
    }
    padding = _tensorflow_padding(window)
    if isinstance(padding, str):
        extra, why = _keras_output_padding(window, padding)
    else:
        extra = None
        why = (
            f"pads {_pads_text(window.pads)} are neither those of same, {_pads_text(_same_pads(window))}, nor of valid"
        )
    if why is None:
        name = str(padding).lower()
        output_padding = "None" if extra is None else _axes_text(extra)
        yield OutputSizeCall(
            "tensorflow",
            layer_name,
            f"padding={name!r}, output_padding={output_padding}",
            "keras_conv_transpose",
            {**kwargs, "padding": name, "output_padding": extra},
        )
    elif window.not_contained([s - 1 for s in layer.stride]):
        yield from _impossible("tensorflow", layer_name, why)
    else:
        whole, result = window.sizes
        pairs = window.cut[0] if window.ndim == 1 else window.cut
        yield OutputSizeCall(
            "tensorflow",
            layer_name,
            f"padding='valid', output_padding={_axes_text(window.added)} gives {whole}, and "
            f"Cropping{window.ndim}D({pairs}) the {result}",
            "keras_conv_transpose",
            {**kwargs, "padding": "valid", "output_padding": window.added},
            window.before,
        )


def _keras_output_padding(window: _Window, padding: str) -> tuple[tuple[int, ...] | None, str | None]:
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


def _jax(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, "jax.lax.conv_transpose"
    why = window.unsupported("jax's conv_transpose", groups=False)
    pads = tuple(
        (span - 1 - before, o - (n - 1) * s - 1 + before)
        for span, before, o, n, s in zip(
            window.spans, window.before, window.result, window.size, layer.stride, strict=True
        )
    )
    if why:
        also = "; jax.lax.conv_general_dilated has them" if layer.padding_mode == "zeros" and window.ndim < 4 else ""
        yield from _impossible("jax", layer_name, why + also)
        return
    kwargs = {
        "lhs": (1, *window.size, layer.in_channels),
        "rhs": (*layer.kernel_size, layer.out_channels, layer.in_channels),
        "strides": layer.stride,
        "padding": pads,
        "rhs_dilation": layer.dilation,
        "transpose_kernel": True,
    }
    yield OutputSizeCall(
        "jax",
        layer_name,
        f"padding={_pads_text(pads)}, transpose_kernel=True: these pads decide the size",
        kwargs=kwargs,
    )


def _onnx(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, "ONNX ConvTranspose"
    negative = window.negative_pad()
    why = window.unsupported("onnx") or (window.not_contained([s - 1 for s in layer.stride]) and negative)
    if why:
        yield from _impossible("onnx", layer_name, why)
        return
    extra = tuple(o - (f - b - a) for o, f, (b, a) in zip(window.result, window.full, window.pads, strict=True))
    kwargs: dict[str, Any] = {
        "X": (1, layer.in_channels, *window.size),
        "W": layer.weight_shape,
        "strides": layer.stride,
        "dilations": layer.dilation,
        "group": layer.groups,
    }
    if negative:
        yield OutputSizeCall(
            "onnx",
            layer_name,
            f"output_padding={list(window.added)} without pads, and a Slice to [:, :, {window.slices}]",
            kwargs={**kwargs, "output_padding": window.added},
            crop=window.before,
        )
        return
    ends = (*window.before, *(after for _, after in window.pads))
    yield OutputSizeCall(
        "onnx",
        layer_name,
        f"pads={list(ends)}, output_padding={list(extra)}",
        kwargs={**kwargs, "pads": ends, "output_padding": extra},
    )
    totals = [f - o for f, o in zip(window.full, window.result, strict=True)]
    for auto_pad in ("NOTSET", "SAME_UPPER"):
        starts = tuple(total // 2 if auto_pad == "SAME_UPPER" else total - total // 2 for total in totals)
        if starts == window.before and min(totals, default=0) >= 0:
            by_shape = {**kwargs, "output_shape": window.result}
            also = "" if auto_pad == "NOTSET" else f", auto_pad={auto_pad}"
            yield OutputSizeCall(
                "onnx",
                layer_name,
                f"output_shape={list(window.result)}{also}, without pads",
                kwargs=by_shape if auto_pad == "NOTSET" else {**by_shape, "auto_pad": auto_pad},
            )
            return


def _theano(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, f"theano conv{window.ndim}d_grad_wrt_inputs"
    why = window.negative_pad()
    even = why is None and _gives_same_convolution(window, [(before, before) for before in window.before])
    if why is None and not even and window.ndim != 2:
        why = f"pads {_pads_text(window.pads)} differ at the two ends, which only two axes may have"
    reason = window.unsupported("theano", ndims=(2, 3)) or (window.not_contained([s - 1 for s in layer.stride]) and why)
    if reason:
        yield from _impossible("theano", layer_name, reason)
        return
    border: Any = "valid" if why else window.before if even else window.pads
    shape = (None, layer.out_channels, *(window.whole if why else window.result))
    kwargs = {
        "output_grad": (None, layer.in_channels, *window.size),
        "filters": layer.weight_shape,
        "input_shape": shape,
        "border_mode": border,
        "subsample": layer.stride,
        "filter_flip": False,
        "filter_dilation": layer.dilation,
        "num_groups": layer.groups,
    }
    if why:
        yield OutputSizeCall(
            "theano",
            layer_name,
            f"input_shape={shape}, border_mode='valid', filter_flip=False, and the slice [:, :, {window.slices}] of it",
            kwargs=kwargs,
            crop=window.before,
        )
        return
    yield OutputSizeCall(
        "theano", layer_name, f"input_shape={shape}, border_mode={border}, filter_flip=False", kwargs=kwargs
    )


def _mxnet(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, "mxnet Deconvolution"
    unsupported = window.unsupported("mxnet")
    if unsupported is None and window.ndim == 3 and any(d > 1 for d in layer.dilation):
        unsupported = "no Deconvolution of 3 axes has a dilation"
    uneven = window.uneven(layer.stride, "adj")
    why = unsupported or (window.not_contained([s - 1 for s in layer.stride]) and uneven)
    kwargs = {
        "data": (1, layer.in_channels, *window.size),
        "kernel": layer.kernel_size,
        "stride": layer.stride,
        "dilate": layer.dilation,
        "num_filter": layer.out_channels,
        "num_group": layer.groups,
    }
    if why:
        yield from _impossible("mxnet", layer_name, why)
    elif uneven:
        yield OutputSizeCall(
            "mxnet",
            layer_name,
            f"adj={window.added} without pad, and the slice [:, :, {window.slices}] of it",
            kwargs={**kwargs, "adj": window.added},
            crop=window.before,
        )
    else:
        yield OutputSizeCall(
            "mxnet",
            layer_name,
            f"pad={window.before}, adj={window.beyond}",
            kwargs={**kwargs, "pad": window.before, "adj": window.beyond},
        )
    totals = [f - o for f, o in zip(window.full, window.result, strict=True)]
    fits = all(
        total >= 0 and -(-total // 2) == before and total % 2 < s
        for total, before, s in zip(totals, window.before, layer.stride, strict=True)
    )
    if fits and unsupported is None:
        yield OutputSizeCall(
            "mxnet",
            layer_name,
            f"target_shape={window.result}, whatever pad and adj are",
            kwargs={**kwargs, "target_shape": window.result},
        )


def _caffe(window: _Window) -> Iterator[OutputSizeCall]:
    layer, layer_name = window.layer, "caffe Deconvolution"
    why = window.unsupported("caffe")
    if why:
        yield from _impossible("caffe", layer_name, why)
        return
    kwargs = {
        "bottom": (1, layer.in_channels, *window.size),
        "num_output": layer.out_channels,
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "dilation": layer.dilation,
        "group": layer.groups,
    }
    if not any(window.beyond) and min(window.before, default=0) >= 0:
        yield OutputSizeCall(
            "caffe", layer_name, f"pad: {_axes_text(window.before)}", kwargs={**kwargs, "pad": window.before}
        )
        return
    not_contained = window.not_contained((0,) * window.ndim)
    if not_contained:
        yield from _impossible("caffe", layer_name, f"it has no output padding, and {not_contained}")
        return
    yield OutputSizeCall(
        "caffe",
        layer_name,
        f"pad: 0, and a Crop layer to {'x'.join(map(str, window.result))} at offset "
        f"{'x'.join(map(str, window.before))}, since it has no output padding",
        kwargs={**kwargs, "pad": (0,) * window.ndim},
        crop=window.before,
    )


_FRAMEWORKS: tuple[Callable[[_Window], Iterator[OutputSizeCall]], ...] = (
    _torch,
    _tensorflow,
    _keras,
    _jax,
    _onnx,
    _theano,
    _mxnet,
    _caffe,
)


def _axes_text(numbers: Sequence[int]) -> str:
    """Source text of numbers for the axes: a single number if all are the same."""
    return str(numbers[0]) if len(set(numbers)) == 1 else str(tuple(numbers))


def _pads_text(pads: Sequence[tuple[int, int]]) -> str:
    return f"[{', '.join(map(str, pads))}]"
