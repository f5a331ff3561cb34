"""Which of the sizes that one convolution maps to the same output is meant, and how each framework is asked for it.

A convolution's floor forgets what is left over at the end of an axis, so its transpose has to be told. A transposed
layer is a window of the full result, from `before` on and as long as the output; a framework can say it if its own
words describe that window.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convmatrix.core.axis import named_padding
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import PerAxis, check_kind, per_axis

__all__ = ["Asking", "Size", "Ways", "output_size_options"]


@dataclass(frozen=True)
class Size:
    """One of the sizes of an axis that the convolution maps to the same output.

    Parameters
    ----------
    size : int
    leftover : int
        Positions at the end that no window reaches: the output_padding that asks for this size.
    """

    size: int
    leftover: int


@dataclass(frozen=True)
class Asking:
    """How one framework is asked for a size, or why it cannot be.

    Parameters
    ----------
    framework : str
        The module of convmatrix.frameworks that `words` are for.
    says : str
        What the framework calls the layer.
    asks : str
        The words that decide the size, as they are typed; or why there are none.
    function : str
        The function in that module.
    words : mapping, optional
        Its arguments; None where the framework cannot say this layer.
    crop : tuple of int, optional
        For each axis, from where on the result has to be cropped to the size, by a layer or a slice of its own.
    """

    framework: str
    says: str
    asks: str
    function: str = "conv_transpose"
    words: Mapping[str, Any] | None = None
    crop: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """The words, or why there are none."""
        return f"{self.says}: {self.asks}"


@dataclass(frozen=True)
class Ways:
    """All sizes that give one output, why padding does not decide among them, and the words for each.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    sizes : tuple of tuple of Size
        For each axis, ascending.
    why : tuple of str
        For each axis, in one sentence with the numbers.
    """

    layer: Layer
    sizes: tuple[tuple[Size, ...], ...]
    why: tuple[str, ...]

    @property
    def forward(self) -> Conv:
        """The convolution that maps all these sizes to one."""
        return self.layer.convolution

    def transposed(self, output_size: PerAxis) -> ConvTranspose:
        """The transposed layer that gives a size; `ConvTranspose` refuses one that leads to another output.

        Parameters
        ----------
        output_size : int or sequence of int

        Returns
        -------
        ConvTranspose
        """
        one = self.forward
        return ConvTranspose(
            one.output_size,
            one.kernel_size,
            stride=one.stride,
            padding=one.padding,
            dilation=one.dilation,
            groups=one.groups,
            in_channels=one.out_channels,
            out_channels=one.in_channels,
            padding_mode=one.padding_mode,
            input_dilation=one.input_dilation,
            output_size=per_axis("output_size", output_size, one.ndim),
            ndim=one.ndim,
        )

    def ask(self, output_size: PerAxis) -> tuple[Asking, ...]:
        """The words by which each framework is asked for a size, or why it cannot be; some have two ways.

        Parameters
        ----------
        output_size : int or sequence of int
            One of `sizes` on each axis.

        Returns
        -------
        tuple of Asking
        """
        window = _Window(self.transposed(output_size))
        return tuple(asking for framework in _FRAMEWORKS for asking in framework(window))


def output_size_options(layer: Layer) -> Ways:
    """Tell all sizes that a convolution maps to the same output, and how its transpose is asked for each.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        The convolution, or the transposed layer whose size is in question.

    Returns
    -------
    Ways

    Examples
    --------
    >>> ways = output_size_options(Conv((5,), 3, stride=2, padding=1))
    >>> print(ways.why[0].partition("; ")[2])
    with kernel_size 3, stride 2 and padding 1, both 5 and 6 give 3
    >>> for asking in ways.ask(6)[:2]:
    ...     print(asking)
    torch.nn.ConvTranspose1d: padding=1, output_padding=1
    torch.nn.ConvTranspose1d: padding=1, and output_size=[6] in the call
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    forward = layer.convolution
    sizes = []
    for axis in forward.axes:
        smallest = (axis.output_size - 1) * axis.stride + axis.span - axis.before - axis.after
        sizes.append(tuple(Size(n, (n - 1) * axis.input_dilation + 1 - smallest) for n in axis.input_sizes()))
    return Ways(layer, tuple(sizes), tuple(_why(forward, number, one) for number, one in enumerate(sizes)))


def _why(forward: Conv, number: int, sizes: Sequence[Size]) -> str:
    axis = forward.axes[number]
    pads = f"2*{axis.before}" if axis.before == axis.after else f"{axis.before} + {axis.after}"
    said = str(axis.before) if axis.before == axis.after else f"({axis.before}, {axis.after})"
    span = f", dilation {axis.dilation}" if axis.dilation > 1 else ""
    span += f", input_dilation {axis.input_dilation}" if axis.input_dilation > 1 else ""
    words = f"with kernel_size {axis.kernel_size}, stride {axis.stride}{span} and padding {said}"

    def formula(n: int) -> str:
        dilated = str(n) if axis.input_dilation == 1 else f"{axis.input_dilation}*({n} - 1) + 1"
        return f"({dilated} + {pads} - {axis.span}) / {axis.stride} + 1"

    first, last = sizes[0].size, sizes[-1].size
    if len(sizes) == 1:
        return f"padding alone decides: {words}, only {first} gives {axis.output_size}"
    which = f"both {first} and {last}" if len(sizes) == 2 else f"all sizes from {first} to {last}"
    return (
        f"padding alone does not decide: {formula(first)} is {axis.output_size}, rounded down, and so is "
        f"{formula(last)}; {words}, {which} give {axis.output_size}"
    )


# -- what each framework can say -------------------------------------------------------------------------------------


class _Window:
    """A transposed layer as a window of the full result: what it begins with, and how long it is."""

    def __init__(self, up: ConvTranspose) -> None:
        self.up = up
        self.ndim, self.size, self.result = up.ndim, up.input_size, up.output_size
        self.before = tuple(axis.before for axis in up.axes)
        self.pads = tuple((axis.before, axis.after) for axis in up.axes)
        self.spans = tuple(axis.span for axis in up.axes)
        self.full = tuple((n - 1) * s + span for n, s, span in zip(up.input_size, up.stride, self.spans, strict=True))
        self.beyond = tuple(o - (f - 2 * b) for o, f, b in zip(self.result, self.full, self.before, strict=True))
        """What has to be added at the end where the same number is cropped at both ends."""
        ends = tuple(b + o for b, o in zip(self.before, self.result, strict=True))
        self.whole = tuple(max(f, end) for f, end in zip(self.full, ends, strict=True))
        """The full result, and what has to be added at its end for the window to lie on it."""
        self.added = tuple(whole - f for whole, f in zip(self.whole, self.full, strict=True))
        self.cut = tuple((b, whole - end) for b, whole, end in zip(self.before, self.whole, ends, strict=True))
        """What has to be cropped of that before and after."""

    def unsaid(self, framework: str, *, groups: bool = True, ndims: Sequence[int] = (1, 2, 3)) -> str | None:
        """Why the framework has no words for the layer at all."""
        up = self.up
        if self.ndim not in ndims:
            return f"no layer of {framework} has {self.ndim} {'axis' if self.ndim == 1 else 'axes'}"
        if up.padding_mode != "zeros":
            return f"no transposed layer of {framework} has the padding mode {up.padding_mode!r}"
        if any(a > 1 for a in up.input_dilation):
            return f"no transposed layer of {framework} has an input dilation"
        if up.groups > 1 and not groups:
            return f"no transposed layer of {framework} has groups"
        return None

    def negative_pad(self) -> str | None:
        """Why a framework whose pads are not negative cannot say the layer."""
        bad = [(axis, pair) for axis, pair in enumerate(self.pads) if min(pair) < 0]
        return f"padding {bad[0][1]} on axis {bad[0][0]} is negative" if bad else None

    def out_of_reach(self, spare: Sequence[int]) -> str | None:
        """Why the window lies on no full result, at whose end there may be as much as `spare`."""
        for axis, (before, added, most) in enumerate(zip(self.before, self.added, spare, strict=True)):
            if before < 0 or added > most:
                return (
                    f"on axis {axis} the result without padding has positions 0 to {self.full[axis] + most - 1} at "
                    f"most, of {before} to {before + self.result[axis] - 1} that are wanted"
                )
        return None

    @property
    def slices(self) -> str:
        """The window on the whole result, as the spatial entries of an index."""
        return ", ".join(f"{b}:{b + o}" for b, o in zip(self.before, self.result, strict=True))

    @property
    def sizes(self) -> tuple[str, str]:
        """The sizes of the whole result and of the window, as they are read."""
        return "x".join(map(str, self.whole)), "x".join(map(str, self.result))

    def uneven(self, most: Sequence[int], word: str) -> str | None:
        """Why one number for both ends, and as much as `most` at the end, does not describe the window."""
        for axis, (before, beyond, limit) in enumerate(zip(self.before, self.beyond, most, strict=True)):
            if before < 0:
                return f"padding {self.pads[axis]} on axis {axis} is negative"
            if not 0 <= beyond < limit:
                return (
                    f"pads {self.pads[axis]} on axis {axis} need padding={before} and {word} {beyond}, which has "
                    f"to be from 0 to {limit - 1}"
                )
        return None


def _no(framework: str, says: str, why: str | None) -> Iterator[Asking]:
    yield Asking(framework, says, f"cannot: {why}")


def _torch(window: _Window) -> Iterator[Asking]:
    up, says = window.up, f"torch.nn.ConvTranspose{window.ndim}d"
    most = [max(s, d) for s, d in zip(up.stride, up.dilation, strict=True)]
    uneven = window.uneven(most, "output_padding")
    why = window.unsaid("torch") or (window.out_of_reach([n - 1 for n in most]) and uneven)
    if why:
        yield from _no("torch", says, why)
        return
    words = {
        "input_size": window.size,
        "in_channels": up.in_channels,
        "out_channels": up.out_channels,
        "kernel_size": up.kernel_size,
        "stride": up.stride,
        "padding": window.before,
        "dilation": up.dilation,
        "groups": up.groups,
    }
    if uneven:
        whole, result = window.sizes
        ends = tuple(-number for pair in reversed(window.cut) for number in pair)  # the last axis first
        yield Asking(
            "torch",
            says,
            f"padding=0, output_padding={_short(window.added)} gives {whole}, and "
            f"nn.ZeroPad{window.ndim}d({ends}) the {result}",
            words={**words, "padding": 0, "output_padding": window.added},
            crop=window.before,
        )
        return
    pads = f"padding={_short(window.before)}"
    yield Asking(
        "torch",
        says,
        f"{pads}, output_padding={_short(window.beyond)}",
        words={**words, "output_padding": window.beyond},
    )
    if all(beyond < s for beyond, s in zip(window.beyond, up.stride, strict=True)):
        yield Asking(
            "torch",
            says,
            f"{pads}, and output_size={list(window.result)} in the call",
            words={**words, "output_size": window.result},
        )


def _tensorflow(window: _Window) -> Iterator[Asking]:
    up, says = window.up, f"tf.nn.conv{window.ndim}d_transpose"
    padding = _tensorflow_padding(window)
    why = window.unsaid("tensorflow")
    if why is None and padding is None and window.out_of_reach([s - 1 for s in up.stride]):
        why = window.negative_pad() if window.ndim == 2 else None
        why = why or (
            f"pads {_listed(window.pads)} are neither those of SAME, {_listed(_same_pads(window))}, nor of "
            f"VALID{'' if window.ndim == 2 else ', and only two axes have explicit ones'}"
        )
    if why:
        yield from _no("tensorflow", says, why)
        return
    size = window.whole if padding is None else window.result
    words = {
        "input": (1, *window.size, up.in_channels),
        "filters": (*up.kernel_size, up.out_channels // up.groups, up.in_channels),
        "output_shape": (1, *size, up.out_channels),
        "strides": up.stride,
        "padding": padding or "VALID",
        "dilations": up.dilation,
    }
    shape = f"[batch, {', '.join(map(str, size))}, {up.out_channels}]"
    if padding is None:
        yield Asking(
            "tensorflow",
            says,
            f"padding='VALID', output_shape={shape}, and the slice [:, {window.slices}, :] of it",
            words=words,
            crop=window.before,
        )
        return
    said = padding if isinstance(padding, str) else [list(pair) for pair in padding]
    yield Asking("tensorflow", says, f"padding={said!r}, output_shape={shape}", words=words)


def _tensorflow_padding(window: _Window) -> str | tuple[tuple[int, int], ...] | None:
    """The word, or the pairs, whose pads are these; None where there are none."""
    for word, pads in (("VALID", ((0, 0),) * window.ndim), ("SAME", _same_pads(window))):
        if _leads_back(window, pads):
            return word
    if window.ndim == 2 and all(min(pair) >= 0 for pair in window.pads):
        return ((0, 0), *window.pads, (0, 0))
    return None


def _same_pads(window: _Window) -> tuple[tuple[int, int], ...]:
    return tuple(
        named_padding("same", span, s, n)
        for span, s, n in zip(window.spans, window.up.stride, window.result, strict=True)
    )


def _leads_back(window: _Window, pads: Sequence[tuple[int, int]]) -> bool:
    """Whether the convolution with other pads is the same one: it begins alike, and gives as many outputs."""
    return all(
        pair[0] == before and (n + sum(pair) - span) // s + 1 == outputs
        for pair, before, n, span, s, outputs in zip(
            pads, window.before, window.result, window.spans, window.up.stride, window.size, strict=True
        )
    )


def _keras(window: _Window) -> Iterator[Asking]:
    up, says = window.up, f"keras.layers.Conv{window.ndim}DTranspose"
    why = window.unsaid("keras", groups=False)
    if why is None and any(s > 1 for s in up.stride) and any(d > 1 for d in up.dilation):
        why = "its strides and dilations cannot both be above 1"
    if why:
        yield from _no("tensorflow", says, why)
        return
    words = {
        "input_shape": (*window.size, up.in_channels),
        "filters": up.out_channels,
        "kernel_size": up.kernel_size,
        "strides": up.stride,
        "dilation_rate": up.dilation,
    }
    padding = _tensorflow_padding(window)
    if isinstance(padding, str):
        extra, why = _keras_output_padding(window, padding)
    else:
        extra = None
        why = f"pads {_listed(window.pads)} are neither those of same, {_listed(_same_pads(window))}, nor of valid"
    if why is None:
        name = str(padding).lower()
        said = "None" if extra is None else _short(extra)
        yield Asking(
            "tensorflow",
            says,
            f"padding={name!r}, output_padding={said}",
            "keras_conv_transpose",
            {**words, "padding": name, "output_padding": extra},
        )
    elif window.out_of_reach([s - 1 for s in up.stride]):
        yield from _no("tensorflow", says, why)
    else:
        whole, result = window.sizes
        pairs = window.cut[0] if window.ndim == 1 else window.cut
        yield Asking(
            "tensorflow",
            says,
            f"padding='valid', output_padding={_short(window.added)} gives {whole}, and "
            f"Cropping{window.ndim}D({pairs}) the {result}",
            "keras_conv_transpose",
            {**words, "padding": "valid", "output_padding": window.added},
            window.before,
        )


def _keras_output_padding(window: _Window, padding: str) -> tuple[tuple[int, ...] | None, str | None]:
    """Keras' number for the size, None where it needs none; and why there is no such number."""
    same = padding == "SAME"
    axes = list(zip(window.size, window.up.stride, window.spans, window.result, strict=True))
    if all(o == (n * s if same else (n - 1) * s + max(span, s)) for n, s, span, o in axes):
        return None, None
    extra = tuple(o - (n - 1) * s - (span % 2 if same else span) for n, s, span, o in axes)
    for axis, (number, (_, s, span, o)) in enumerate(zip(extra, axes, strict=True)):
        if not 0 <= number < s or (same and span % 2 == 0 and number == 0):
            return None, f"size {o} on axis {axis} needs output_padding {number}, which has to be from 0 to {s - 1}"
    return extra, None


def _jax(window: _Window) -> Iterator[Asking]:
    up, says = window.up, "jax.lax.conv_transpose"
    why = window.unsaid("jax's conv_transpose", groups=False)
    pads = tuple(
        (span - 1 - before, o - (n - 1) * s - 1 + before)
        for span, before, o, n, s in zip(
            window.spans, window.before, window.result, window.size, up.stride, strict=True
        )
    )
    if why:
        also = "; jax.lax.conv_general_dilated has them" if up.padding_mode == "zeros" and window.ndim < 4 else ""
        yield from _no("jax", says, why + also)
        return
    words = {
        "lhs": (1, *window.size, up.in_channels),
        "rhs": (*up.kernel_size, up.out_channels, up.in_channels),
        "strides": up.stride,
        "padding": pads,
        "rhs_dilation": up.dilation,
        "transpose_kernel": True,
    }
    yield Asking(
        "jax", says, f"padding={_listed(pads)}, transpose_kernel=True: these pads decide the size", words=words
    )


def _onnx(window: _Window) -> Iterator[Asking]:
    up, says = window.up, "ONNX ConvTranspose"
    negative = window.negative_pad()
    why = window.unsaid("onnx") or (window.out_of_reach([s - 1 for s in up.stride]) and negative)
    if why:
        yield from _no("onnx", says, why)
        return
    extra = tuple(o - (f - b - a) for o, f, (b, a) in zip(window.result, window.full, window.pads, strict=True))
    words: dict[str, Any] = {
        "X": (1, up.in_channels, *window.size),
        "W": up.weight_shape,
        "strides": up.stride,
        "dilations": up.dilation,
        "group": up.groups,
    }
    if negative:
        yield Asking(
            "onnx",
            says,
            f"output_padding={list(window.added)} without pads, and a Slice to [:, :, {window.slices}]",
            words={**words, "output_padding": window.added},
            crop=window.before,
        )
        return
    ends = (*window.before, *(after for _, after in window.pads))
    yield Asking(
        "onnx",
        says,
        f"pads={list(ends)}, output_padding={list(extra)}",
        words={**words, "pads": ends, "output_padding": extra},
    )
    totals = [f - o for f, o in zip(window.full, window.result, strict=True)]
    for auto_pad in ("NOTSET", "SAME_UPPER"):
        starts = tuple(total // 2 if auto_pad == "SAME_UPPER" else total - total // 2 for total in totals)
        if starts == window.before and min(totals, default=0) >= 0:
            asked = {**words, "output_shape": window.result}
            also = "" if auto_pad == "NOTSET" else f", auto_pad={auto_pad}"
            yield Asking(
                "onnx",
                says,
                f"output_shape={list(window.result)}{also}, without pads",
                words=asked if auto_pad == "NOTSET" else {**asked, "auto_pad": auto_pad},
            )
            return


def _theano(window: _Window) -> Iterator[Asking]:
    up, says = window.up, f"theano conv{window.ndim}d_grad_wrt_inputs"
    why = window.negative_pad()
    even = why is None and _leads_back(window, [(before, before) for before in window.before])
    if why is None and not even and window.ndim != 2:
        why = f"pads {_listed(window.pads)} differ at the two ends, which only two axes may have"
    unsaid = window.unsaid("theano", ndims=(2, 3)) or (window.out_of_reach([s - 1 for s in up.stride]) and why)
    if unsaid:
        yield from _no("theano", says, unsaid)
        return
    border: Any = "valid" if why else window.before if even else window.pads
    shape = (None, up.out_channels, *(window.whole if why else window.result))
    words = {
        "output_grad": (None, up.in_channels, *window.size),
        "filters": up.weight_shape,
        "input_shape": shape,
        "border_mode": border,
        "subsample": up.stride,
        "filter_flip": False,
        "filter_dilation": up.dilation,
        "num_groups": up.groups,
    }
    if why:
        yield Asking(
            "theano",
            says,
            f"input_shape={shape}, border_mode='valid', filter_flip=False, and the slice [:, :, {window.slices}] of it",
            words=words,
            crop=window.before,
        )
        return
    yield Asking("theano", says, f"input_shape={shape}, border_mode={border}, filter_flip=False", words=words)


def _mxnet(window: _Window) -> Iterator[Asking]:
    up, says = window.up, "mxnet Deconvolution"
    unsaid = window.unsaid("mxnet")
    if unsaid is None and window.ndim == 3 and any(d > 1 for d in up.dilation):
        unsaid = "no Deconvolution of 3 axes has a dilation"
    uneven = window.uneven(up.stride, "adj")
    why = unsaid or (window.out_of_reach([s - 1 for s in up.stride]) and uneven)
    words = {
        "data": (1, up.in_channels, *window.size),
        "kernel": up.kernel_size,
        "stride": up.stride,
        "dilate": up.dilation,
        "num_filter": up.out_channels,
        "num_group": up.groups,
    }
    if why:
        yield from _no("mxnet", says, why)
    elif uneven:
        yield Asking(
            "mxnet",
            says,
            f"adj={window.added} without pad, and the slice [:, :, {window.slices}] of it",
            words={**words, "adj": window.added},
            crop=window.before,
        )
    else:
        yield Asking(
            "mxnet",
            says,
            f"pad={window.before}, adj={window.beyond}",
            words={**words, "pad": window.before, "adj": window.beyond},
        )
    totals = [f - o for f, o in zip(window.full, window.result, strict=True)]
    fits = all(
        total >= 0 and -(-total // 2) == before and total % 2 < s
        for total, before, s in zip(totals, window.before, up.stride, strict=True)
    )
    if fits and unsaid is None:
        yield Asking(
            "mxnet",
            says,
            f"target_shape={window.result}, whatever pad and adj are",
            words={**words, "target_shape": window.result},
        )


def _caffe(window: _Window) -> Iterator[Asking]:
    up, says = window.up, "caffe Deconvolution"
    why = window.unsaid("caffe")
    if why:
        yield from _no("caffe", says, why)
        return
    words = {
        "bottom": (1, up.in_channels, *window.size),
        "num_output": up.out_channels,
        "kernel_size": up.kernel_size,
        "stride": up.stride,
        "dilation": up.dilation,
        "group": up.groups,
    }
    if not any(window.beyond) and min(window.before, default=0) >= 0:
        yield Asking("caffe", says, f"pad: {_short(window.before)}", words={**words, "pad": window.before})
        return
    out_of_reach = window.out_of_reach((0,) * window.ndim)
    if out_of_reach:
        yield from _no("caffe", says, f"it has no output padding, and {out_of_reach}")
        return
    yield Asking(
        "caffe",
        says,
        f"pad: 0, and a Crop layer to {'x'.join(map(str, window.result))} at offset "
        f"{'x'.join(map(str, window.before))}, since it has no output padding",
        words={**words, "pad": (0,) * window.ndim},
        crop=window.before,
    )


_FRAMEWORKS: tuple[Callable[[_Window], Iterator[Asking]], ...] = (
    _torch,
    _tensorflow,
    _keras,
    _jax,
    _onnx,
    _theano,
    _mxnet,
    _caffe,
)


def _short(numbers: Sequence[int]) -> str:
    """Numbers of the axes as they are typed: one where all are the same."""
    return str(numbers[0]) if len(set(numbers)) == 1 else str(tuple(numbers))


def _listed(pads: Sequence[tuple[int, int]]) -> str:
    return f"[{', '.join(map(str, pads))}]"
