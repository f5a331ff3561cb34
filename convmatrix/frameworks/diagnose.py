"""Whose convention is it? The same words gave the right shape and other values: which convention explains them.

A question is what the engineer has: x, the other framework's y, the weight, and the words of a layer. A convention is
an edit of such a question, after which our layer has to give their y. The search knows nothing of conventions: it edits
by none, by each one, by each two, and compares.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.axis import PADDING_MODES, Axis
from convmatrix.core.errors import WrongTypeError, counted
from convmatrix.frameworks.layouts import array_of, moved
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import (
    Padding,
    PerAxis,
    check_word,
    count_axes,
    entries_of,
    flag,
    integer,
    padding_entries,
    per_axis,
    positive,
)

__all__ = ["Convention", "Diagnosis", "Explanation", "Question", "conventions", "diagnose"]

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
    """Swap two of the last `ndim` axes."""
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
    return np.take(array, np.arange(length).reshape(-1, groups).T.ravel(), axis=axis)


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
    layer = _layer_of(question)
    if layer is None or layer.padding_mode == mode or all(before <= 0 >= after for before, after in layer.padding):
        return None
    return question.says(padding_mode=mode)


def _pads_swapped(axes: Iterable[int], question: Question) -> Question | None:
    return _padded(question, {axis: (after, before) for axis, before, after in _pads(question, axes)})


def _shifted(axes: Iterable[int], by: int, question: Question) -> Question | None:
    return _padded(question, {axis: (before + by, after - by) for axis, before, after in _pads(question, axes)})


def _output_padding_first(question: Question) -> Question | None:
    layer = _layer_of(question)
    if not isinstance(layer, ConvTranspose) or not any(layer.output_padding):
        return None
    pads = [(before - op, after) for (before, after), op in zip(layer.padding, layer.output_padding, strict=True)]
    return _padded(question, dict(enumerate(pads)), output_padding=0)


def _output_padding_zeros(question: Question) -> Question | None:
    layer = _layer_of(question)
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
    layer = _layer_of(question)
    if not isinstance(layer, ConvTranspose):
        return None
    pads = [(axis.span - 1 - before, axis.span - 1 - after)
            for axis, (before, after) in zip(layer.axes, layer.padding, strict=True)]  # fmt: skip
    return _padded(question, dict(enumerate(pads)))


def _other_direction(question: Question) -> Question:
    words = {name: value for name, value in question.words if name not in ("output_padding", "output_size")}
    return replace(question, words=tuple(words.items()), transpose=not question.transpose)


def _layer_of(question: Question) -> Conv | ConvTranspose | None:
    try:
        return question.layer
    except ValueError:
        return None


def _pads(question: Question, axes: Iterable[int]) -> list[tuple[int, int, int]]:
    layer = _layer_of(question)
    return [] if layer is None else [(axis, *layer.padding[axis]) for axis in axes]


def _padded(question: Question, pads: dict[int, tuple[int, int]], **words: Any) -> Question | None:
    """The question with other pads on some axes, unless they are the same pads."""
    layer = _layer_of(question)
    if layer is None:
        return None
    padding = tuple(pads.get(axis, pair) for axis, pair in enumerate(layer.padding))
    if padding == layer.padding:
        return None
    if isinstance(layer, ConvTranspose):
        words = {"output_padding": layer.output_padding, "output_size": None, **words}
    return question.says(padding=padding, **words)


# -- whether our layer gives their values ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Precision:
    """How exactly values are compared: in exact integers, or up to what rounding may have done to theirs.

    `unit` is the unit roundoff of the coarsest dtype, 0 where all sums are exact.
    """

    unit: float

    @classmethod
    def of(cls, x: Array, y: Array, weight: Array, bias: Array | None) -> "Precision":
        """That of arrays as they were given."""
        floats = [array.dtype for array in (x, y, weight) if array.dtype.kind in "fc"]
        unit = max([float(np.finfo(dtype).eps) / 2 for dtype in floats] or [2.0**-53])
        bias = np.zeros(1) if bias is None else bias
        largest = 2 * _largest(x) * _largest(weight) * weight.size + _largest(bias)  # 2: a complex product is two
        whole = all(bool(np.all(array == np.rint(array))) for array in (x, y, weight, bias))
        return cls(0.0 if whole and max(largest, _largest(y)) <= 1 / unit else unit)

    def allowed(self, sums: Array, terms: int) -> Array | float:
        """How far a sum of so many products may be off, by the sum of their absolute values; fast ways cost more."""
        return 4 * (terms + 2) * self.unit * sums if self.unit else 0.0


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array.astype(complex if array.dtype.kind == "c" else float))))


def _terms(layer: Conv | ConvTranspose) -> int:
    return layer.in_channels // layer.groups * prod(layer.kernel_size)


def _explains(question: Question, precision: Precision) -> float | None:
    """The largest deviation if the question's layer gives their y, else None; a few outputs are looked at first."""
    try:
        wanted = question.wanted
    except ValueError:
        return None
    if wanted is None or question.images is None or any(np.any(part) for part in question.theirs.zeros):
        return None
    if not _agrees_at_some(question, question.images, wanted, precision):
        return None
    ours, sums = _values(question, bool(precision.unit))
    deviation = np.abs(ours - wanted)
    return float(np.max(deviation)) if np.all(deviation <= precision.allowed(sums, _terms(question.layer))) else None


def _values(question: Question, with_sums: bool) -> tuple[Array, Array]:
    """Our y, and for each of its values the sum of absolute products, where that is wanted."""
    layer, images = question.layer, question.images
    assert images is not None, "a question without a layer for its x"
    bias = np.zeros(1) if question.bias is None else question.bias
    bias = bias.reshape(-1, *[1] * layer.ndim)  # shape (out_channels, 1, ...)
    ours = layer.unvec(layer.operator(question.weight) @ layer.vec(images)) + bias  # shape (batch, out_channels, *size)
    if not with_sums:
        return ours, ours
    sums = layer.unvec(layer.operator(np.abs(question.weight)) @ layer.vec(np.abs(images))) + np.abs(bias)
    return ours, sums


def _agrees_at_some(question: Question, images: Array, wanted: Array, precision: Precision) -> bool:
    """Whether our layer gives their values at their largest one, its neighbours, and the ends of each axis."""
    layer = question.layer
    number, _, *peak = np.unravel_index(question.theirs.peak, wanted.shape)
    places = [tuple(sorted({0, max(at - 1, 0), int(at), min(at + 1, n - 1), n - 1}))
              for at, n in zip(peak, wanted.shape[2:], strict=True)]  # fmt: skip
    patches = images[number]  # shape (in_channels, *size)
    for axis, (one, at) in enumerate(zip(layer.axes, places, strict=True)):
        inputs, reads = _reads(one, at, isinstance(layer, ConvTranspose))
        patches = np.take(patches, inputs, axis=axis + 1)
        patches = np.moveaxis(np.tensordot(patches, reads, (axis + 1, 2)), -1, axis + 1)
    # shape (in_channels, *places, *taps), since each axis has left its taps at the end
    ours = _at_places(layer, question.weight, patches)
    theirs = wanted[number][(slice(None), *np.ix_(*places))]
    bias = 0 if question.bias is None else question.bias.reshape(-1, *[1] * layer.ndim)
    if not precision.unit:
        return np.array_equal(ours + bias, theirs)
    sums = _at_places(layer, np.abs(question.weight), np.abs(patches)) + np.abs(bias)
    return bool(np.all(np.abs(ours + bias - theirs) <= precision.allowed(sums, _terms(layer))))


@lru_cache(maxsize=4096)
def _reads(axis: Axis, places: tuple[int, ...], transposed: bool) -> tuple[Array, Array]:
    """Inputs of an axis that outputs at some places read, and how often they do: shape (taps, places, inputs)."""
    if transposed:
        table = axis.table()  # shape (inputs, taps), of outputs
        reads = (table.T[:, None, :] == np.array(places)[:, None]).astype(float)
    else:
        table = axis.extend(axis.positions(np.array(places, dtype=np.int64)))  # shape (places, taps), of inputs
        reads = (table.T[:, :, None] == np.arange(axis.input_size)).astype(float)
    inputs = np.flatnonzero(reads.any(axis=(0, 1)))
    return inputs, reads[:, :, inputs]


def _at_places(layer: Conv | ConvTranspose, weight: Array, patches: Array) -> Array:
    """Multiply what the outputs at some places read by the weight; shape (out_channels, *places)."""
    ndim, groups = layer.ndim, layer.groups
    places, taps = patches.shape[1 : 1 + ndim], patches.shape[1 + ndim :]
    blocks = weight.reshape(groups, -1, weight.shape[1], prod(taps))
    if not isinstance(layer, ConvTranspose):
        blocks = blocks.swapaxes(1, 2)  # shape (groups, in, out, taps)
    read = patches.reshape(groups, blocks.shape[1], prod(places), prod(taps))
    left = blocks.transpose(0, 2, 1, 3).reshape(groups, blocks.shape[2], -1)
    right = read.transpose(0, 1, 3, 2).reshape(groups, -1, prod(places))
    product: Array = (left @ right).reshape(-1, *places)
    return product


# -- the search ------------------------------------------------------------------------------------------------------

Chosen = tuple[Convention, ...]


def _edited(
    question: Question, table: Chosen, count: int, taken: frozenset[str] = frozenset()
) -> Iterator[tuple[Chosen, Question]]:
    """The question after each set of so many conventions that can hold together, with the set."""
    if count == 0:
        yield (), question
        return
    for number, convention in enumerate(table):
        edited = None if convention.slots & taken else convention.edit(question)
        if edited is not None:
            rest = _edited(edited, table[number + 1 :], count - 1, taken | convention.slots)
            yield from (((convention, *chosen), final) for chosen, final in rest)


@dataclass(frozen=True)
class Explanation:
    """One set of conventions that turns our values into theirs.

    Parameters
    ----------
    conventions : tuple of Convention
        In the order in which they are applied; empty where none is needed.
    layer : Conv or ConvTranspose
        Our layer that gives their values.
    deviation : float
        The largest difference that is left; 0 in exact integers.
    """

    conventions: tuple[Convention, ...]
    layer: Conv | ConvTranspose
    deviation: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the conventions."""
        return tuple(convention.name for convention in self.conventions)

    def __str__(self) -> str:
        """What theirs does, and the remedy."""
        return "; and ".join(f"{each.name}: {each.sentence}; to get theirs: {_remedy(each, self.layer)}"
                             for each in self.conventions)  # fmt: skip


def _remedy(convention: Convention, layer: Conv | ConvTranspose) -> str:
    return convention.remedy.replace("{ours}", repr("IO*" if isinstance(layer, ConvTranspose) else "OI*"))


@dataclass(frozen=True)
class Diagnosis:
    """Whose convention it is.

    Parameters
    ----------
    explanations : tuple of Explanation
        All of the smallest that explain their y, likeliest first; none where nothing does.
    sentence : str
        The same in words.
    ambiguous : bool
        Whether these data leave more than one map as the answer.
    """

    explanations: tuple[Explanation, ...]
    sentence: str
    ambiguous: bool = False

    @property
    def found(self) -> tuple[tuple[str, ...], ...]:
        """The explanations as tuples of convention names; ``((),)`` where our values are theirs already."""
        return tuple(explanation.names for explanation in self.explanations)

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence


def diagnose(
    x: ArrayLike,
    y: ArrayLike,
    weight: ArrayLike,
    *,
    transpose: bool = False,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    input_dilation: PerAxis = 1,
    output_padding: PerAxis = 0,
    output_size: PerAxis | None = None,
    bias: ArrayLike | None = None,
    ndim: int | None = None,
    most: int = 2,
) -> Diagnosis:
    """Name the convention that turns our y into theirs: the right shape, and other values.

    Our y is that of the layer which the words describe, applied to x with the weight in our layout. Each convention,
    then each two of them, edit the question; an answer is checked on all values.

    Parameters
    ----------
    x : (batch, channels, *size), (channels, *size) or (*size) array_like
    y : array_like
        What the other framework gave, of such a shape, or flattened.
    weight : array_like
        As the engineer has it; a bare kernel will do for one channel.
    transpose : bool, default False
        Whether the words describe a transposed convolution.
    stride, padding, dilation, groups, padding_mode, input_dilation, output_padding, output_size, ndim
        As for `Conv` and `ConvTranspose`. Without `ndim`, a weight of three axes or more has two for channels.
    bias : (out_channels,) array_like, optional
        What theirs adds to each output channel.
    most : int, default 2
        How many conventions may differ at once.

    Returns
    -------
    Diagnosis
        In exact integers where all values are whole and sums fit; else up to the rounding of the coarsest dtype,
        4 * (terms + 2) * eps/2 * (sum of absolute products).

    Raises
    ------
    ValueError
        If an array is empty or has values that are not finite, or if the words contradict one another or the arrays;
        a TypeError as well for arrays of no numbers.

    Examples
    --------
    >>> theirs = np.convolve([1, 0, 0, 4], [1, 2, 3], "valid")
    >>> diagnose([1, 0, 0, 4], theirs, [1, 2, 3]).found
    (('kernel_turned',),)
    """
    if integer("most", most) < 0:
        raise ValueError(f"most must be at least 0, got {most}")
    check_word("padding_mode", padding_mode, PADDING_MODES)
    arrays = {"x": _numbers("x", x), "y": _numbers("y", y), "weight": _numbers("weight", weight)}
    said = {"stride": stride, "dilation": dilation, "input_dilation": input_dilation, "output_padding": output_padding,
            "output_size": output_size}  # fmt: skip
    axes = _axes_of({**said, "padding": padding}, ndim, arrays["x"], arrays["weight"])
    question = _asked(arrays, said, padding, axes, flag("transpose", transpose), positive("groups", groups),
                      padding_mode, bias)  # fmt: skip
    precision = Precision.of(arrays["x"], arrays["y"], arrays["weight"], question.bias)
    table = conventions(axes)
    for count in range(most + 1):
        found = []
        for chosen, edited in _edited(question, table, count):
            deviation = _explains(edited, precision)
            if deviation is not None:
                found.append(Explanation(chosen, edited.layer, deviation))
        if found:
            found.sort(key=lambda one: sum(convention.rank for convention in one.conventions))
            return _answer(question, found, precision)
    return Diagnosis((), _nothing(question, arrays, len(table), most, precision))


def _numbers(name: str, value: Any) -> Array:
    """An array of numbers, none of them infinite; in its own dtype."""
    array = array_of(value)
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(f"{name} has dtype {array.dtype}, which holds no numbers of NumPy's: cast it with "
                             ".astype('float64')")  # fmt: skip
    if array.size == 0 or array.ndim == 0:
        raise ValueError(f"{name} has shape {array.shape}: give an array with at least one spatial axis and one value")
    if not np.all(np.isfinite(array)):
        bad = np.argwhere(~np.isfinite(array))
        raise ValueError(f"{name} has {counted(len(bad), 'value')} that are not finite, the first at "
                         f"{tuple(bad[0].tolist())}: nothing can be compared with them")  # fmt: skip
    return array


def _axes_of(said: dict[str, Any], ndim: int | None, x: Array, weight: Array) -> int:
    """The number of spatial axes: that of the words where they have one entry for each, else by the weight."""
    if ndim is not None or any(entries_of(value) is not None for value in said.values()):
        axes = count_axes(said, ndim)
    else:
        bare = weight.ndim <= 2 or x.ndim > weight.ndim
        axes = weight.ndim if bare else weight.ndim - 2
    if axes < 1 or weight.ndim not in (axes, axes + 2) or not axes <= x.ndim <= axes + 2:
        raise ValueError(
            f"x has shape {x.shape} and weight {weight.shape}, which do not have {axes} spatial "
            f"{'axis' if axes == 1 else 'axes'}: x needs (batch, channels, *size), (channels, *size) or (*size), the "
            "weight two axes of channels and the kernel's, or the kernel's alone; say ndim= where there are others"
        )
    return axes


def _asked(
    arrays: dict[str, Array], said: dict[str, Any], padding: Padding, ndim: int, transpose: bool, groups: int,
    padding_mode: str, bias: ArrayLike | None,
) -> Question:  # fmt: skip
    """The question that arrays and words are, with one entry for each axis."""
    least = {"output_padding": 0}
    words: dict[str, Any] = {
        name: tuple(per_axis(name, value, ndim, least.get(name, 1)))
        for name, value in said.items()
        if value is not None
    }
    if not transpose:
        extra = words.pop("output_padding")
        if any(extra) or "output_size" in words:
            name = "output_size" if "output_size" in words else "output_padding"
            raise ValueError(f"{name}={said[name]} needs transpose=True: a convolution has only one output size")
    words |= {"padding": tuple(padding_entries(padding, ndim)), "groups": groups, "padding_mode": padding_mode}
    x, y, weight = (array.astype(complex if array.dtype.kind == "c" else float) for array in arrays.values())
    if weight.ndim == ndim:
        weight = weight.reshape(1, 1, *weight.shape)
    question = Question(x, Theirs(y), weight, tuple(words.items()), ndim, transpose)
    if bias is not None:
        question = replace(question, bias=_numbers("bias", bias).reshape(-1))
    layer = _layer_of(question)
    if layer is None or question.images is None:
        return question
    flat = prod(layer.output_shape)
    if question.wanted is None and y.shape in ((len(question.images) * flat,), (len(question.images), flat)):
        return replace(question, theirs=Theirs(y.reshape(-1, *layer.output_shape)))
    return question


# -- the answer ------------------------------------------------------------------------------------------------------


def _answer(question: Question, found: list[Explanation], precision: Precision) -> Diagnosis:
    """What is found, in words, and whether the data tell the answers apart from one another."""
    deviation = max(explanation.deviation for explanation in found)
    proof = ("exact in all values" if not precision.unit else
             f"largest deviation {deviation:.3g}, which rounding allows")  # fmt: skip
    if not found[0].conventions:
        hidden = _hidden(question, precision)
        sentence = f"none needed: our values are theirs already ({proof})."
        if hidden:
            sentence += (f" But {_joined([one.names for one in hidden])} would not show in these data: "
                         f"{_why(question, [found[0], *hidden])}")  # fmt: skip
        return Diagnosis(tuple(found), sentence, bool(hidden))
    if len(found) == 1:
        return Diagnosis(tuple(found), f"{found[0]} ({proof}).")
    lines = [f"{counted(len(found), 'answer')} of {counted(len(found[0].conventions), 'convention')} "
             f"{'each ' if len(found[0].conventions) > 1 else ''}turn our values into theirs ({proof}):"]  # fmt: skip
    lines += [f"- {explanation}" for explanation in found]
    ambiguous = len(_maps(question, found)) > 1
    lines.append(_why(question, found) if ambiguous else
                 "they are one and the same map, said in different words.")  # fmt: skip
    return Diagnosis(tuple(found), "\n".join(lines), ambiguous)


def _hidden(question: Question, precision: Precision) -> list[Explanation]:
    """Single conventions that change the layer but not its values for these data."""
    hidden = []
    nothing = Explanation((), question.layer, 0.0)
    for chosen, edited in _edited(question, conventions(question.ndim), 1):
        deviation = _explains(edited, precision)
        if deviation is not None:
            one = Explanation(chosen, edited.layer, deviation)
            if len(_maps(question, [nothing, one])) > 1:
                hidden.append(one)
    return sorted(hidden, key=lambda one: one.conventions[0].rank)


def _maps(question: Question, found: list[Explanation], *, x: bool = True, weight: bool = True) -> set[bytes]:
    """The results of explanations for drawn data in place of x or the weight; a map that differs gives another one."""
    rng = np.random.default_rng(0)
    labels = np.arange(question.theirs.array.size, dtype=float).reshape(question.theirs.array.shape)
    drawn = replace(
        question,
        x=rng.integers(-99, 100, question.x.shape).astype(float) if x else question.x,
        weight=rng.integers(-99, 100, question.weight.shape).astype(float) if weight else question.weight,
        theirs=Theirs(labels),
    )
    results = set()
    for explanation in found:
        edited: Question | None = drawn
        for convention in explanation.conventions:
            edited = edited and convention.edit(edited)
        if edited is None or edited.wanted is None:
            continue
        result = np.zeros(labels.size, dtype=np.result_type(edited.x, edited.weight))
        result[edited.wanted.ravel().astype(np.int64)] = _values(edited, False)[0].ravel()
        results.add(result.tobytes())
    return results


def _why(question: Question, found: list[Explanation]) -> str:
    """Why the data cannot tell answers apart, and what would."""
    if len(_maps(question, found, weight=False)) == 1:
        return ("these data cannot tell them apart, since with this weight (its symmetry) they are one and the same "
                "map: repeat with a weight of random numbers.")  # fmt: skip
    if len(_maps(question, found, x=False)) == 1:
        return ("these data cannot tell them apart, since this x (constant, or symmetric) shows no difference: repeat "
                "with an x of random numbers.")  # fmt: skip
    return "these data cannot tell them apart: repeat with random numbers for x and for the weight."


def _joined(names: Iterable[tuple[str, ...]]) -> str:
    said = [" with ".join(each) for each in names]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _nothing(question: Question, arrays: dict[str, Array], number: int, most: int, precision: Precision) -> str:
    """Why nothing explains their y: its shape, or its values."""
    layer = _layer_of(question)
    given = f"x of shape {arrays['x'].shape} and weight of shape {arrays['weight'].shape}"
    if not _any_of_their_shape(question, most):
        if layer is None:
            return f"the words make no layer of {given}: {_refusal(question)}"
        if question.images is None:
            return (f"{given} do not belong together: the words need {layer.in_channels} input channels, x of shape "
                    f"(..., *{layer.input_shape}), and no convention changes that")  # fmt: skip
        if question.bias is not None and len(question.bias) != layer.out_channels:
            return (f"bias has {counted(len(question.bias), 'entry')} but the words give "
                    f"{counted(layer.out_channels, 'output channel')} for {given}: give one number for "
                    "each")  # fmt: skip
        return (f"y has shape {arrays['y'].shape} but the words give (..., *{layer.output_shape}) for {given}, and no "
                "convention gives y's shape: look at stride, padding, dilation and the output size first")  # fmt: skip
    tried = f"none of {counted(number, 'convention')}" + (f", and no {most} of them together," if most > 1 else "")
    sentence = f"{tried} turns our values into theirs"
    if layer is None or question.wanted is None:
        return (
            f"{sentence}; without any, y of shape {arrays['y'].shape} is not of the shape that the words give for "
            f"{given}"
        )
    ours, sums = _values(question, bool(precision.unit))
    off = np.abs(ours - question.wanted)
    where = tuple(int(at) for at in np.unravel_index(np.argmax(off), off.shape))
    wrong = int(np.sum(off > precision.allowed(sums, _terms(layer))))
    return (f"{sentence}: ours differ in {wrong} of {counted(off.size, 'value')}, most at (batch, channel, *place) = "
            f"{where}, where ours is {ours[where]:.6g} and theirs {question.wanted[where]:.6g}")  # fmt: skip


def _refusal(question: Question) -> str:
    try:
        return f"{question.layer}"
    except ValueError as error:
        return str(error)


def _any_of_their_shape(question: Question, most: int) -> bool:
    for count in range(most + 1):
        for _, edited in _edited(question, conventions(question.ndim), count):
            if _layer_of(edited) is not None and edited.wanted is not None:
                return True
    return False
