"""Whose convention is it? The same words gave the right shape and other values: which convention explains them.

A convention is an edit of a question, after which our layer has to give their y. The search knows nothing of what
conventions say: it edits by none, by each one, by each two, and compares.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import prod
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from convmatrix.core.axis import PADDING_MODES, Axis
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.core.memory import require_memory
from convmatrix.core.npy import ArrayFile
from convmatrix.frameworks.comparison.conventions import Convention, conventions
from convmatrix.frameworks.comparison.questions import Array, Question, Theirs, layer_of
from convmatrix.frameworks.shared.layouts import array_of
from convmatrix.layers import ConvTranspose, Layer
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

Shape = tuple[int, ...]

_BYTES_PER_VALUE = 40
"""What a diagnosis takes at its peak for each value of x, y and the weight, with the arrays themselves (measured with
tracemalloc: 24 to 33 of float32 and float64, 40 of complex128)."""


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


def _terms(layer: Layer) -> int:
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
    places = [
        tuple(sorted({0, max(at - 1, 0), int(at), min(at + 1, n - 1), n - 1}))
        for at, n in zip(peak, wanted.shape[2:], strict=True)
    ]
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


def _at_places(layer: Layer, weight: Array, patches: Array) -> Array:
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
    layer: Layer
    deviation: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the conventions."""
        return tuple(convention.name for convention in self.conventions)

    def __str__(self) -> str:
        """What theirs does, and the remedy."""
        return "; and ".join(
            f"{each.name}: {each.sentence}; to get theirs: {_remedy(each, self.layer)}" for each in self.conventions
        )


def _remedy(convention: Convention, layer: Layer) -> str:
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
    x: ArrayLike | ArrayFile,
    y: ArrayLike | ArrayFile,
    weight: ArrayLike | ArrayFile,
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
        As the engineer has it; a bare kernel will do for one channel. Each of the three may be an `ArrayFile`, which
        is read only where its shape can fit.
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
        raise ValueError(f"most must be at least 0, got {short(most)}")
    check_word("padding_mode", padding_mode, PADDING_MODES)
    given = {"x": _numbers("x", x), "y": _numbers("y", y), "weight": _numbers("weight", weight)}
    shapes = {name: array.shape for name, array in given.items()}
    said = {
        "stride": stride,
        "dilation": dilation,
        "input_dilation": input_dilation,
        "output_padding": output_padding,
        "output_size": output_size,
    }
    axes = _axes_of({**said, "padding": padding}, ndim, shapes["x"], shapes["weight"])
    asked = partial(
        _asked,
        said=said,
        padding=padding,
        ndim=axes,
        transpose=flag("transpose", transpose),
        groups=positive("groups", groups),
        padding_mode=padding_mode,
        bias=bias,
    )
    table = conventions(axes)
    most = min(most, len(table))
    # Zeros that take no memory: shapes that cannot fit are found before files are read.
    outline = asked({name: np.broadcast_to(0.0, shape) for name, shape in shapes.items()})
    if not _any_of_their_shape(outline, most):
        return Diagnosis((), _misfit(outline, shapes))
    _require_memory(shapes)
    arrays = {
        name: _numbers(name, array.read()) if isinstance(array, ArrayFile) else array for name, array in given.items()
    }
    question = asked(arrays)
    precision = Precision.of(arrays["x"], arrays["y"], arrays["weight"], question.bias)
    for count in range(most + 1):
        found = []
        for chosen, edited in _edited(question, table, count):
            deviation = _explains(edited, precision)
            if deviation is not None:
                found.append(Explanation(chosen, edited.layer, deviation))
        if found:
            found.sort(key=lambda one: sum(convention.rank for convention in one.conventions))
            return _answer(question, found, precision)
    return Diagnosis((), _nothing(question, shapes, len(table), most, precision))


@overload
def _numbers(name: str, value: ArrayFile) -> ArrayFile: ...
@overload
def _numbers(name: str, value: ArrayLike) -> Array: ...
def _numbers(name: str, value: ArrayLike | ArrayFile) -> Array | ArrayFile:
    """An array of numbers, none of them infinite, in its own dtype; a file is not read yet."""
    array = value if isinstance(value, ArrayFile) else array_of(value)
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(
            f"{name} has dtype {array.dtype}, which holds no numbers of NumPy's: cast it with .astype('float64')"
        )
    if prod(array.shape) == 0 or not array.shape:
        raise ValueError(f"{name} has shape {array.shape}: give an array with at least one spatial axis and one value")
    if isinstance(array, ArrayFile):
        return array
    if not np.all(np.isfinite(array)):
        bad = np.argwhere(~np.isfinite(array))
        raise ValueError(
            f"{name} has {pluralize(len(bad), 'value')} that are not finite, the first at "
            f"{tuple(bad[0].tolist())}: nothing can be compared with them"
        )
    return array


def _require_memory(shapes: Mapping[str, Shape]) -> None:
    """Refuse arrays that cannot be compared in memory, before they are read."""
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    require_memory(
        _BYTES_PER_VALUE * sum(sizes.values()),
        f"a diagnosis of x, y and weight, of {' + '.join(map(str, sizes.values()))} values,",
        "cut the arrays down to a few positions and channels, where conventions show as well",
    )


def _axes_of(said: dict[str, Any], ndim: int | None, x: Shape, weight: Shape) -> int:
    """The number of spatial axes: that of the words where they have one entry for each, else by the weight."""
    if ndim is not None or any(entries_of(value) is not None for value in said.values()):
        axes = count_axes(said, ndim)
    else:
        bare = len(weight) <= 2 or len(x) > len(weight)
        axes = len(weight) if bare else len(weight) - 2
    if axes < 1 or len(weight) not in (axes, axes + 2) or not axes <= len(x) <= axes + 2:
        raise ValueError(
            f"x has shape {x} and weight {weight}, which do not have {axes} spatial "
            f"{'axis' if axes == 1 else 'axes'}: x needs (batch, channels, *size), (channels, *size) or (*size), the "
            "weight two axes of channels and the kernel's, or the kernel's alone; say ndim= where there are others"
        )
    return axes


def _asked(
    arrays: dict[str, Array],
    said: dict[str, Any],
    padding: Padding,
    ndim: int,
    transpose: bool,
    groups: int,
    padding_mode: str,
    bias: ArrayLike | None,
) -> Question:
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
    x, y, weight = (
        array.astype(complex if array.dtype.kind == "c" else float, copy=False) for array in arrays.values()
    )
    if weight.ndim == ndim:
        weight = weight.reshape(1, 1, *weight.shape)
    question = Question(x, Theirs(y), weight, tuple(words.items()), ndim, transpose)
    if bias is not None:
        question = replace(question, bias=_numbers("bias", bias).reshape(-1))
    layer = layer_of(question)
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
    proof = "exact in all values" if not precision.unit else f"largest deviation {deviation:.3g}, which rounding allows"
    if not found[0].conventions:
        hidden = _hidden(question, precision)
        sentence = f"none needed: our values are theirs already ({proof})."
        if hidden:
            sentence += (
                f" But {_joined([one.names for one in hidden])} would not show in these data: "
                f"{_why(question, [found[0], *hidden])}"
            )
        return Diagnosis(tuple(found), sentence, bool(hidden))
    if len(found) == 1:
        return Diagnosis(tuple(found), f"{found[0]} ({proof}).")
    lines = [
        f"{pluralize(len(found), 'answer')} of {pluralize(len(found[0].conventions), 'convention')} "
        f"{'each ' if len(found[0].conventions) > 1 else ''}turn our values into theirs ({proof}):"
    ]
    lines += [f"- {explanation}" for explanation in found]
    ambiguous = len(_maps(question, found)) > 1
    lines.append(_why(question, found) if ambiguous else "they are one and the same map, said in different words.")
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
        return (
            "these data cannot tell them apart, since with this weight (its symmetry) they are one and the same "
            "map: repeat with a weight of random numbers."
        )
    if len(_maps(question, found, x=False)) == 1:
        return (
            "these data cannot tell them apart, since this x (constant, or symmetric) shows no difference: repeat "
            "with an x of random numbers."
        )
    return "these data cannot tell them apart: repeat with random numbers for x and for the weight."


def _joined(names: Iterable[tuple[str, ...]]) -> str:
    said = [" with ".join(each) for each in names]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _misfit(question: Question, shapes: Mapping[str, Shape]) -> str:
    """Why no convention gives an output of their y's shape."""
    layer, given = layer_of(question), _given(shapes)
    if layer is None:
        return f"the words make no layer of {given}: {_refusal(question)}"
    if question.images is None:
        return (
            f"{given} do not belong together: the words need {layer.in_channels} input channels, x of shape "
            f"(..., *{layer.input_shape}), and no convention changes that"
        )
    if question.bias is not None and len(question.bias) != layer.out_channels:
        return (
            f"bias has {pluralize(len(question.bias), 'entry')} but the words give "
            f"{pluralize(layer.out_channels, 'output channel')} for {given}: give one number for "
            "each"
        )
    return (
        f"y has shape {shapes['y']} but the words give (..., *{layer.output_shape}) for {given}, and no "
        "convention gives y's shape: look at stride, padding, dilation and the output size first"
    )


def _given(shapes: Mapping[str, Shape]) -> str:
    return f"x of shape {shapes['x']} and weight of shape {shapes['weight']}"


def _nothing(question: Question, shapes: Mapping[str, Shape], number: int, most: int, precision: Precision) -> str:
    """Why nothing explains the values of their y, whose shape something does."""
    layer = layer_of(question)
    tried = f"none of {pluralize(number, 'convention')}" + (f", and no {most} of them together," if most > 1 else "")
    sentence = f"{tried} turns our values into theirs"
    if layer is None or question.wanted is None:
        return (
            f"{sentence}; without any, y of shape {shapes['y']} is not of the shape that the words give for "
            f"{_given(shapes)}"
        )
    ours, sums = _values(question, bool(precision.unit))
    off = np.abs(ours - question.wanted)
    where = tuple(int(at) for at in np.unravel_index(np.argmax(off), off.shape))
    wrong = int(np.sum(off > precision.allowed(sums, _terms(layer))))
    return (
        f"{sentence}: ours differ in {wrong} of {pluralize(off.size, 'value')}, most at (batch, channel, *place) = "
        f"{where}, where ours is {ours[where]:.6g} and theirs {question.wanted[where]:.6g}"
    )


def _refusal(question: Question) -> str:
    try:
        return f"{question.layer}"
    except ValueError as error:
        return str(error)


def _any_of_their_shape(question: Question, most: int) -> bool:
    for count in range(most + 1):
        for _, edited in _edited(question, conventions(question.ndim), count):
            if layer_of(edited) is not None and edited.wanted is not None:
                return True
    return False
