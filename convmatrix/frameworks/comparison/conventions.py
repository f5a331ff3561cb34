"""The conventions in which frameworks differ, each as an edit of a question.

A question is what the engineer has: x, the other framework's y, the weight, and the words of a layer. A convention
turns one that is asked by theirs into one by ours, after which our layer has to give their y.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import PADDING_MODES
from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers import Conv, ConvTranspose

__all__ = ["Array", "Convention", "Question", "Theirs", "conventions", "layer_of"]

Array = NDArray[Any]

_SHIFTS = (1, -1, 2, -2, 3, -3)
"""By how many positions pads may have moved from one end to the other."""


# -- what is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Theirs:
    """The other framework's result, and the parts of it that have been split off because they have to be zeros."""

    array: Array
    zeros: tuple[Array, ...] = ()

    @cached_property
    def peak(self) -> int:
        """Where the largest value is, counted in C order."""
        return int(np.argmax(np.abs(self.array)))


@dataclass(frozen=True, eq=False)
class Question:
    """Arrays and words: whether the layer that the words describe gives `theirs`.

    Parameters
    ----------
    x : (batch, channels, *size), (channels, *size) or (*size) ndarray
    theirs : Theirs
        The result to compare with, of such a shape too.
    weight : ndarray
        Of two axes of channels and the kernel's, in our layout once all edits are made.
    words : tuple of (str, value)
        Keyword arguments of the layer.
    ndim : int
        Number of spatial axes, the last ones of x.
    transpose : bool
    bias : (out_channels,) ndarray, optional
    """

    x: Array
    theirs: Theirs
    weight: Array
    words: tuple[tuple[str, Any], ...]
    ndim: int
    transpose: bool = False
    bias: Array | None = None

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(dict(self.words)["groups"])

    @cached_property
    def layer(self) -> Conv | ConvTranspose:
        """The layer that the words describe for these arrays; a ValueError where there is none."""
        return _layer(self.transpose, self.x.shape[-self.ndim :], self.weight.shape, self.words)

    @cached_property
    def images(self) -> Array | None:
        """X as (batch, channels, *size); None where its shape is not of this layer."""
        return _as_batch(self.x, self.layer.in_channels, None, self.ndim)

    @cached_property
    def wanted(self) -> Array | None:
        """Their result as (batch, channels, *size); None where the layer gives another shape."""
        if self.images is None or (self.bias is not None and len(self.bias) != self.layer.out_channels):
            return None
        wanted = _as_batch(self.theirs.array, self.layer.out_channels, len(self.images), self.ndim)
        return wanted if wanted is not None and wanted.shape[2:] == self.layer.output_size else None

    def says(self, **words: Any) -> "Question":
        """The same arrays, and other words."""
        return replace(self, words=tuple({**dict(self.words), **words}.items()))


@lru_cache(maxsize=4096)
def _layer(
    transpose: bool, size: tuple[int, ...], weight: tuple[int, ...], words: tuple[tuple[str, Any], ...]
) -> Conv | ConvTranspose:
    keywords = dict(words)
    rows, cols, *kernel = weight
    cols *= keywords["groups"]
    keywords["in_channels"], keywords["out_channels"] = (rows, cols) if transpose else (cols, rows)
    return (ConvTranspose if transpose else Conv)(size, kernel, **keywords)


def _as_batch(array: Array, channels: int, batch: int | None, ndim: int) -> Array | None:
    """An array as (batch, channels, *size), if it has so many channels and, where that is known, such a batch."""
    lead, size = array.shape[: array.ndim - ndim], array.shape[array.ndim - ndim :]
    for shape in (lead, (1, *lead), (*lead, 1), (1, 1, *lead)):
        if len(shape) == 2 and shape[1] == channels and shape[0] == (batch or shape[0]):
            return array.reshape(*shape, *size)
    return None


# -- conventions -----------------------------------------------------------------------------------------------------

Edit = Callable[[Question], Question | None]


@dataclass(frozen=True)
class Convention:
    """One way in which frameworks differ.

    Parameters
    ----------
    name : str
        What `Diagnosis.found` calls it.
    sentence : str
        What theirs does otherwise, and where that is known from.
    remedy : str
        What to write to get theirs.
    edit : callable
        Turns a question by their convention into one by ours; None where it would change nothing, or has no meaning.
    slots : frozenset of str
        What it decides; of conventions that decide the same thing, one holds.
    rank : int
        How far down it stands among answers of the same length.
    """

    name: str
    sentence: str
    remedy: str
    edit: Edit
    slots: frozenset[str]
    rank: int


@lru_cache(maxsize=8)
def conventions(ndim: int) -> tuple[Convention, ...]:
    """The conventions that are searched for layers of so many axes, in the order in which edits are made.

    Data comes first, then the weight's layout, then the kernel in our layout, then the words: what is said of axes and
    channels of the kernel holds once it is in our layout.

    Parameters
    ----------
    ndim : int

    Returns
    -------
    tuple of Convention

    Examples
    --------
    >>> [convention.name for convention in conventions(1) if "kernel" in convention.slots]
    ['kernel_turned']
    """
    return (*_of_data(ndim), *_of_layouts(ndim), *_of_kernels(ndim), *_of_words(ndim))


def _of_data(ndim: int) -> Iterator[Convention]:
    pairs = list(combinations(range(ndim), 2))
    yield Convention(
        "data_channels_last", "x and y both have their channels as the last axis (TensorFlow, Keras and Flax: NHWC)",
        "move them: np.moveaxis(x, -1, 1), or build matrix(weight, channels_last=True)",
        lambda q: _x_last(p) if (p := _y_last(q)) else None, frozenset({"x layout", "y layout"}), 2,
    )  # fmt: skip
    yield Convention(
        "y_channels_last", "y has its channels as the last axis (TensorFlow, Keras and Flax: NHWC)",
        "move them: np.moveaxis(y, -1, 1)", _y_last, frozenset({"y layout"}), 3,
    )  # fmt: skip
    yield Convention(
        "y_flattened_channels_last", "y is channels last in memory, and was reshaped to channels first, not transposed",
        "reshape y to (batch, *size, channels) and move the last axis: np.moveaxis(y, -1, 1)",
        _y_flattened, frozenset({"y layout"}), 4,
    )  # fmt: skip
    yield Convention(
        "output_channels_interleaved",
        "the channels of y are counted [multiplier, group], those of one group far apart (depthwise outputs counted "
        "[mult, in], or a channel shuffle)",
        "y.reshape(batch, -1, groups, *size).swapaxes(1, 2).reshape(y.shape)",
        _y_interleaved, frozenset({"y order"}), 4,
    )  # fmt: skip
    for a, b in pairs:
        yield Convention(
            f"y_axes_{a}_{b}_swapped", f"axes {a} and {b} of y are swapped (width first, as in Julia's Flux)",
            f"y.swapaxes({a - ndim}, {b - ndim})", partial(_y_swapped, a, b), frozenset({f"y axes {a} {b}"}), 4,
        )  # fmt: skip
    yield Convention(
        "x_channels_last", "x has its channels as the last axis (TensorFlow, Keras and Flax: NHWC)",
        "move them: np.moveaxis(x, -1, 1)", _x_last, frozenset({"x layout"}), 3,
    )  # fmt: skip
    yield Convention(
        "x_flattened_channels_last", "x is channels last in memory, and was reshaped to channels first, not transposed",
        "reshape x to (batch, *size, channels) and move the last axis: np.moveaxis(x, -1, 1)",
        _x_flattened, frozenset({"x layout"}), 4,
    )  # fmt: skip
    yield Convention(
        "input_channels_interleaved",
        "the channels of x are counted [channel, group], those of one group far apart (a channel shuffle)",
        "x.reshape(batch, -1, groups, *size).swapaxes(1, 2).reshape(x.shape)",
        _x_interleaved, frozenset({"x order"}), 5,
    )  # fmt: skip
    for a, b in pairs:
        yield Convention(
            f"x_axes_{a}_{b}_swapped", f"axes {a} and {b} of x are swapped (width first, as in Julia's Flux)",
            f"x.swapaxes({a - ndim}, {b - ndim})", partial(_x_swapped, a, b), frozenset({f"x axes {a} {b}"}), 4,
        )  # fmt: skip


def _x_last(question: Question) -> Question | None:
    x = _channels_first(question.x, question.ndim)
    return None if x is None else replace(question, x=x)


def _y_last(question: Question) -> Question | None:
    y = _channels_first(question.theirs.array, question.ndim)
    return None if y is None else replace(question, theirs=Theirs(y, question.theirs.zeros))


def _channels_first(array: Array, ndim: int) -> Array | None:
    if array.ndim <= ndim or array.shape[-1] == prod(array.shape[-ndim - 1 :]):  # then nothing moves
        return None
    return np.moveaxis(array, -1, -ndim - 1)


def _x_flattened(question: Question) -> Question | None:
    x = _unflattened(question.x, question.ndim)
    return None if x is None else replace(question, x=x)


def _y_flattened(question: Question) -> Question | None:
    y = _unflattened(question.theirs.array, question.ndim)
    return None if y is None else replace(question, theirs=Theirs(y, question.theirs.zeros))


def _unflattened(array: Array, ndim: int) -> Array | None:
    """Read the memory of (..., channels, *size) as (..., *size, channels)."""
    if array.ndim <= ndim:
        return None
    *lead, channels = array.shape[:-ndim]
    size = array.shape[-ndim:]
    if channels == 1 or prod(size) == 1:
        return None
    return np.moveaxis(array.reshape(*lead, *size, channels), -1, -ndim - 1)


def _x_swapped(a: int, b: int, question: Question) -> Question | None:
    x = _swapped(question.x, a, b, question.ndim)
    return None if x is None else replace(question, x=x)


def _y_swapped(a: int, b: int, question: Question) -> Question | None:
    y = _swapped(question.theirs.array, a, b, question.ndim)
    return None if y is None else replace(question, theirs=Theirs(y, question.theirs.zeros))


def _swapped(array: Array, a: int, b: int, ndim: int) -> Array | None:
    """Swap two of the last `ndim` axes; None where there are not so many, or nothing changes."""
    if array.ndim < ndim:
        return None
    swapped = array.swapaxes(a - ndim, b - ndim)
    return None if array.shape[a - ndim] == array.shape[b - ndim] == 1 else swapped


def _x_interleaved(question: Question) -> Question | None:
    x = _regrouped(question.x, -question.ndim - 1, question.groups)
    return None if x is None else replace(question, x=x)


def _y_interleaved(question: Question) -> Question | None:
    y = _regrouped(question.theirs.array, -question.ndim - 1, question.groups)
    return None if y is None else replace(question, theirs=Theirs(y, question.theirs.zeros))


def _regrouped(array: Array, axis: int, groups: int) -> Array | None:
    """Count an axis [group, member] that is counted [member, group]."""
    if array.ndim < -axis:
        return None
    length = array.shape[axis]
    if groups == 1 or length % groups or length == groups:
        return None
    place = array.ndim + axis
    members = array.reshape(*array.shape[:place], length // groups, groups, *array.shape[place + 1 :])
    return members.swapaxes(place, place + 1).reshape(array.shape)


def _of_layouts(ndim: int) -> Iterator[Convention]:
    letters = "DHW"[-ndim:] if ndim <= 3 else "*"
    known = {
        "*IO": "TensorFlow, Keras, Flax",
        "*OI": "TensorFlow's and Keras' transposed layers",
        "O*I": "TFLite, and MXNet with layout NHWC",
        "I*O": "MXNet's Deconvolution with layout NHWC",
    }
    for layout, where in known.items():
        said = layout.replace("*", letters)
        yield Convention(
            f"weight_{said}", f"the weight is laid out {said} ({where})", f"moved(weight, {layout!r}, {{ours}})",
            partial(_laid_out, layout), frozenset({"layout"}), 1,
        )  # fmt: skip
    for layout, where in {
        "*IM": "TensorFlow's depthwise_conv2d, Keras' DepthwiseConv2D",
        "IM*": "",
        "MI*": "",
        "*MI": "",
    }.items():
        said = layout.replace("*", letters)
        yield Convention(
            f"weight_{said}",
            f"the depthwise weight is laid out {said}, M being the channel multiplier{where and f' ({where})'}",
            f"moved(weight, {layout!r}, 'IM*').reshape(-1, 1, *kernel_size)",
            partial(_depthwise, layout), frozenset({"layout"}), 2,
        )  # fmt: skip
    yield Convention(
        "channels_swapped",
        "the weight's in and out channels are swapped (torch keeps (in, out) for its transposed layers and (out, in) "
        "for the others; TensorFlow too swaps them)",
        "weight.swapaxes(0, 1)", _channels_swapped, frozenset({"channels"}), 1,
    )  # fmt: skip
    yield Convention(
        "channels_swapped_in_groups",
        "the weight's in and out channels are swapped within each group, (out, in/groups) for (in, out/groups)",
        "weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2), its first two axes joined",
        _channels_swapped_in_groups, frozenset({"channels"}), 2,
    )  # fmt: skip
    yield Convention(
        "filters_interleaved",
        "the filters are counted [multiplier, group], those of one group far apart (depthwise weights counted "
        "[mult, in])",
        "weight.reshape(-1, groups, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)",
        _filters_interleaved, frozenset({"filters"}), 3,
    )  # fmt: skip


def _laid_out(layout: str, question: Question) -> Question:
    return replace(question, weight=moved(question.weight, layout, "IO*" if question.transpose else "OI*"))


def _depthwise(layout: str, question: Question) -> Question | None:
    weight = moved(question.weight, layout, "IM*")
    if question.transpose or question.groups == 1 or len(weight) != question.groups:
        return None
    return replace(question, weight=weight.reshape(-1, 1, *weight.shape[2:]))


def _channels_swapped(question: Question) -> Question | None:
    if question.weight.shape[:2] == (1, 1):
        return None
    return replace(question, weight=question.weight.swapaxes(0, 1))


def _channels_swapped_in_groups(question: Question) -> Question | None:
    rows, cols, *kernel = question.weight.shape
    groups = question.groups
    if groups == 1 or rows % groups or rows // groups == cols == 1:
        return None
    blocks = question.weight.reshape(groups, -1, cols, *kernel).swapaxes(1, 2)
    return replace(question, weight=blocks.reshape(groups * cols, -1, *kernel))


def _filters_interleaved(question: Question) -> Question | None:
    weight = _regrouped(question.weight, -question.weight.ndim, question.groups)
    return None if weight is None else replace(question, weight=weight)


def _of_kernels(ndim: int) -> Iterator[Convention]:
    for a, b in combinations(range(ndim), 2):
        yield Convention(
            f"kernel_axes_{a}_{b}_swapped", f"axes {a} and {b} of the kernel are swapped (kw, kh in place of kh, kw)",
            f"weight.swapaxes({a - ndim}, {b - ndim})", partial(_kernel_swapped, a, b),
            frozenset({f"kernel axes {a} {b}"}), 3,
        )  # fmt: skip
    yield Convention(
        "kernel_turned",
        "theirs turns the kernel by 180 degrees (mathematical convolution: scipy.signal, Theano's filter_flip=True; "
        "jax.lax.conv_transpose without transpose_kernel=True)",
        "flip(weight)", partial(_flipped, range(ndim)), frozenset({"kernel"}), 0,
    )  # fmt: skip
    for axis in range(ndim if ndim > 1 else 0):
        yield Convention(
            f"kernel_flipped_on_axis_{axis}", f"theirs flips the kernel along axis {axis} only",
            f"np.flip(weight, {axis - ndim})", partial(_flipped, [axis]), frozenset({f"kernel {axis}"}), 4,
        )  # fmt: skip


def _kernel_swapped(a: int, b: int, question: Question) -> Question | None:
    weight = _swapped(question.weight, a, b, question.ndim)
    return None if weight is None else replace(question, weight=weight)


def _flipped(axes: Iterable[int], question: Question) -> Question | None:
    axes = tuple(axis - question.ndim for axis in axes)
    if all(question.weight.shape[axis] == 1 for axis in axes):
        return None
    return replace(question, weight=np.flip(question.weight, axes))


def _of_words(ndim: int) -> Iterator[Convention]:
    for mode in PADDING_MODES:
        known = {
            "zeros": "zeros, as frameworks do by default",
            "symmetric": "its mirror image, numpy.pad's symmetric",
        }
        yield Convention(
            f"padding_mode_{mode}", f"theirs extends the border by {known.get(mode, f'padding mode {mode}')}",
            f"padding_mode={mode!r}", partial(_mode, mode), frozenset({"mode"}), 4,
        )  # fmt: skip
    yield Convention(
        "pads_swapped",
        "the larger pad is at the other end (SAME_LOWER in place of SAME_UPPER in ONNX; TensorFlow puts SAME's odd "
        "element at the end, Theano's and Caffe's symmetric pads have none)",
        "padding=[(after, before), ...], such as 'same_lower' for 'same'",
        partial(_pads_swapped, range(ndim)), frozenset({"pads"}), 1,
    )  # fmt: skip
    for axis in range(ndim if ndim > 1 else 0):
        yield Convention(
            f"pads_swapped_on_axis_{axis}", f"the larger pad is at the other end of axis {axis} only",
            f"swap (before, after) of axis {axis} in padding", partial(_pads_swapped, [axis]),
            frozenset({f"pads {axis}"}), 4,
        )  # fmt: skip
    for by in _SHIFTS:
        source, target = ("end", "start") if by > 0 else ("start", "end")
        way = f"{abs(by)} of the padding stands at the {target} that we have at the {source}"
        remedy = f"padding=[(before {'+' if by > 0 else '-'} {abs(by)}, after {'-' if by > 0 else '+'} {abs(by)})]"
        if ndim > 1:
            yield Convention(
                f"shift_all_axes_by_{by}", f"on every axis, {way} (a shift by {by})",
                f"{remedy} on every axis", partial(_shifted, range(ndim), by), frozenset({"shift"}), 4 + abs(by),
            )  # fmt: skip
        for axis in range(ndim):
            yield Convention(
                f"shift_axis_{axis}_by_{by}", f"on axis {axis}, {way} (a shift by {by})", f"{remedy} on axis {axis}",
                partial(_shifted, [axis], by), frozenset({f"shift {axis}"}), 5 + abs(by),
            )  # fmt: skip
    yield Convention(
        "output_padding_first", "theirs adds output_padding at the start of the axis, not at its end (ONNX's "
        "output_shape may split its pads so, by auto_pad)",
        "padding=[(before - output_padding, after), ...], output_padding=0",
        _output_padding_first, frozenset({"output padding"}), 2,
    )  # fmt: skip
    yield Convention(
        "output_padding_zeros", "theirs fills what output_padding adds with zeros; in torch and here it holds values "
        "of the full result",
        "output_padding=0, and pad the result with zeros at the end", _output_padding_zeros,
        frozenset({"output padding"}), 2,
    )  # fmt: skip
    yield Convention(
        "pads_of_stretched_input",
        "their pads of the transposed layer are those of the direct convolution over the stretched input "
        "(jax.lax.conv_transpose and Flax with explicit pads)",
        "padding=[(k_e - 1 - before, k_e - 1 - after), ...] with k_e = dilation*(kernel_size-1)+1",
        _pads_of_stretched_input, frozenset({"whose pads"}), 2,
    )  # fmt: skip
    yield Convention(
        "other_direction",
        "theirs is the transpose: a transposed convolution where a convolution is said, or the other way round, with "
        "the same numbers and the same array (Caffe and MXNet call it Deconvolution)",
        "ConvTranspose in place of Conv, or Conv in place of ConvTranspose",
        _other_direction, frozenset({"direction"}), 3,
    )  # fmt: skip


def _mode(mode: str, question: Question) -> Question | None:
    layer = layer_of(question)
    if layer is None or layer.padding_mode == mode or all(before <= 0 >= after for before, after in layer.padding):
        return None
    return question.says(padding_mode=mode)


def _pads_swapped(axes: Iterable[int], question: Question) -> Question | None:
    return _padded(question, {axis: (after, before) for axis, before, after in _pads(question, axes)})


def _shifted(axes: Iterable[int], by: int, question: Question) -> Question | None:
    return _padded(question, {axis: (before + by, after - by) for axis, before, after in _pads(question, axes)})


def _output_padding_first(question: Question) -> Question | None:
    layer = layer_of(question)
    if not isinstance(layer, ConvTranspose) or not any(layer.output_padding):
        return None
    pads = [(before - op, after) for (before, after), op in zip(layer.padding, layer.output_padding, strict=True)]
    return _padded(question, dict(enumerate(pads)), output_padding=0)


def _output_padding_zeros(question: Question) -> Question | None:
    layer = layer_of(question)
    if not isinstance(layer, ConvTranspose) or not any(layer.output_padding):
        return None
    if any(a > 1 for a in layer.input_dilation) or question.theirs.array.ndim < question.ndim:
        return None
    y, zeros = question.theirs.array, list(question.theirs.zeros)
    for axis, op in enumerate(layer.output_padding, start=y.ndim - question.ndim):
        if op:
            y, beyond = np.split(y, [max(y.shape[axis] - op, 0)], axis=axis)
            zeros.append(beyond)
    said = question.says(padding=layer.padding, output_padding=0, output_size=None)
    return replace(said, theirs=Theirs(y, tuple(zeros)))


def _pads_of_stretched_input(question: Question) -> Question | None:
    layer = layer_of(question)
    if not isinstance(layer, ConvTranspose):
        return None
    pads = [(axis.span - 1 - before, axis.span - 1 - after)
            for axis, (before, after) in zip(layer.axes, layer.padding, strict=True)]  # fmt: skip
    return _padded(question, dict(enumerate(pads)))


def _other_direction(question: Question) -> Question:
    words = {name: value for name, value in question.words if name not in ("output_padding", "output_size")}
    return replace(question, words=tuple(words.items()), transpose=not question.transpose)


def layer_of(question: Question) -> Conv | ConvTranspose | None:
    """The layer of a question; None where its words make none."""
    try:
        return question.layer
    except ValueError:
        return None


def _pads(question: Question, axes: Iterable[int]) -> list[tuple[int, int, int]]:
    layer = layer_of(question)
    return [] if layer is None else [(axis, *layer.padding[axis]) for axis in axes]


def _padded(question: Question, pads: dict[int, tuple[int, int]], **words: Any) -> Question | None:
    """The question with other pads on some axes, unless they are the same pads."""
    layer = layer_of(question)
    if layer is None:
        return None
    padding = tuple(pads.get(axis, pair) for axis, pair in enumerate(layer.padding))
    if padding == layer.padding:
        return None
    if isinstance(layer, ConvTranspose):
        words = {"output_padding": layer.output_padding, "output_size": None, **words}
    return question.says(padding=padding, **words)
