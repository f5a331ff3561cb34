"""Find the convention that explains why another framework gave other values of the same shape.

A convention is an edit of a trial, after which our layer has to give the target, y. The search tries no
convention, each one, and each two of them, and compares the values.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from convmatrix.core.axis import PADDING_MODES
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.core.memory import require_memory
from convmatrix.core.npy import ArrayFile
from convmatrix.frameworks.comparison.conventions import Convention, conventions
from convmatrix.frameworks.comparison.matching import BYTES_PER_VALUE, Precision, explains, terms_of, values_of
from convmatrix.frameworks.comparison.trials import Array, Target, Trial, layer_of
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

__all__ = ["Convention", "Diagnosis", "Explanation", "Trial", "conventions", "diagnose"]

Shape = tuple[int, ...]


# -- comparing a layer's output with the target ----------------------------------------------------------------------


# -- the search ------------------------------------------------------------------------------------------------------

Conventions = tuple[Convention, ...]


def _edited_trials(
    trial: Trial, table: Conventions, count: int, taken: frozenset[str] = frozenset()
) -> Iterator[tuple[Conventions, Trial]]:
    """Yield each set of `count` compatible conventions, and the trial edited by it."""
    if count == 0:
        yield (), trial
        return
    for number, convention in enumerate(table):
        edited = None if convention.slots & taken else convention.edit(trial)
        if edited is not None:
            rest = _edited_trials(edited, table[number + 1 :], count - 1, taken | convention.slots)
            yield from (((convention, *selection), final) for selection, final in rest)


@dataclass(frozen=True)
class Explanation:
    """A set of conventions that explains the target.

    Parameters
    ----------
    conventions : tuple of Convention
        In the order in which they are applied; empty if none is needed.
    layer : Conv or ConvTranspose
        The layer that gives the target's values.
    deviation : float
        The largest remaining difference; 0 for exact integers.
    """

    conventions: tuple[Convention, ...]
    layer: Layer
    deviation: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the conventions."""
        return tuple(convention.name for convention in self.conventions)

    def __str__(self) -> str:
        """The names, sentences and remedies of the conventions."""
        return "; and ".join(
            f"{each.name}: {each.sentence}; to get y: {_remedy(each, self.layer)}" for each in self.conventions
        )


def _remedy(convention: Convention, layer: Layer) -> str:
    return convention.remedy.replace("{ours}", repr("IO*" if isinstance(layer, ConvTranspose) else "OI*"))


@dataclass(frozen=True)
class Diagnosis:
    """The result of `diagnose`.

    Parameters
    ----------
    explanations : tuple of Explanation
        All smallest sets of conventions that explain y, the likeliest first; empty if there are none.
    reason : str
        The explanations as text.
    ambiguous : bool
        Whether the explanations are different linear maps, between which these data do not decide.
    """

    explanations: tuple[Explanation, ...]
    reason: str
    ambiguous: bool = False

    @property
    def found(self) -> tuple[tuple[str, ...], ...]:
        """The explanations as tuples of convention names; ``((),)`` if our values are equal to y already."""
        return tuple(explanation.names for explanation in self.explanations)

    def __str__(self) -> str:
        """The reason."""
        return self.reason


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
    """Find the conventions that explain why another framework's y differs from ours in its values.

    Our y is the output for x of the layer with these arguments, and with the weight in our layout. Each convention,
    then each two of them, are tried; an answer is checked on all values.

    Parameters
    ----------
    x : (batch, channels, *size), (channels, *size) or (*size) array_like
    y : array_like
        The other framework's output, with axes as in x, or flattened.
    weight : array_like
        In any layout; a kernel without axes of channels is enough for one channel. Each of the three arrays may be an
        `ArrayFile`, which is read only if its shape can fit.
    transpose : bool, default False
        Whether the arguments describe a transposed convolution.
    stride, padding, dilation, groups, padding_mode, input_dilation, output_padding, output_size, ndim
        As for `Conv` and `ConvTranspose`. Without `ndim`, a weight of three axes or more has two for channels.
    bias : (out_channels,) array_like, optional
        Bias of the other framework's layer.
    most : int, default 2
        Largest number of conventions that are tried together.

    Returns
    -------
    Diagnosis
        Values are compared exactly if all are integers and sums fit; else up to rounding errors of the coarsest dtype,
        4 * (terms + 2) * eps/2 * (sum of absolute products).

    Raises
    ------
    ValueError
        If an array is empty or has values that are not finite, or if the arguments contradict one another or the
        arrays; also a TypeError for arrays without numbers.

    Examples
    --------
    >>> y = np.convolve([1, 0, 0, 4], [1, 2, 3], "valid")
    >>> diagnose([1, 0, 0, 4], y, [1, 2, 3]).found
    (('kernel_flipped',),)
    """
    if integer("most", most) < 0:
        raise ValueError(f"most must be at least 0, got {short(most)}")
    check_word("padding_mode", padding_mode, PADDING_MODES)
    given = {"x": _numbers("x", x), "y": _numbers("y", y), "weight": _numbers("weight", weight)}
    shapes = {name: array.shape for name, array in given.items()}
    numbers = {
        "stride": stride,
        "dilation": dilation,
        "input_dilation": input_dilation,
        "output_padding": output_padding,
        "output_size": output_size,
    }
    axes = _axes_of({**numbers, "padding": padding}, ndim, shapes["x"], shapes["weight"])
    make_trial = partial(
        _trial,
        numbers=numbers,
        padding=padding,
        ndim=axes,
        transpose=flag("transpose", transpose),
        groups=positive("groups", groups),
        padding_mode=padding_mode,
        bias=bias,
    )
    table = conventions(axes)
    most = min(most, len(table))
    # Zeros that take no memory, to find shapes that cannot fit before files are read.
    outline = make_trial({name: np.broadcast_to(0.0, shape) for name, shape in shapes.items()})
    if not _any_of_their_shape(outline, most):
        return Diagnosis((), _misfit(outline, shapes))
    _require_memory(shapes)
    arrays = {
        name: _numbers(name, array.read()) if isinstance(array, ArrayFile) else array for name, array in given.items()
    }
    trial = make_trial(arrays)
    precision = Precision.of(arrays["x"], arrays["y"], arrays["weight"], trial.bias)
    for count in range(most + 1):
        explanations = []
        for selection, edited in _edited_trials(trial, table, count):
            deviation = explains(edited, precision)
            if deviation is not None:
                explanations.append(Explanation(selection, edited.layer, deviation))
        if explanations:
            explanations.sort(key=lambda one: sum(convention.rank for convention in one.conventions))
            return _answer(trial, explanations, precision)
    return Diagnosis((), _nothing(trial, shapes, len(table), most, precision))


@overload
def _numbers(name: str, value: ArrayFile) -> ArrayFile: ...
@overload
def _numbers(name: str, value: ArrayLike) -> Array: ...
def _numbers(name: str, value: ArrayLike | ArrayFile) -> Array | ArrayFile:
    """Return an array after checking its dtype, shape and values; a file is checked without reading its values."""
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
    """Check that the memory suffices for a comparison of arrays, before they are read."""
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    require_memory(
        BYTES_PER_VALUE * sum(sizes.values()),
        f"a diagnosis of x, y and weight, of {' + '.join(map(str, sizes.values()))} values,",
        "cut the arrays down to a few positions and channels, where conventions show as well",
    )


def _axes_of(numbers: dict[str, Any], ndim: int | None, x: Shape, weight: Shape) -> int:
    """Return the number of spatial axes: that of arguments with one entry for each axis, else that of the weight."""
    if ndim is not None or any(entries_of(value) is not None for value in numbers.values()):
        axes = count_axes(numbers, ndim)
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


def _trial(
    arrays: dict[str, Array],
    numbers: dict[str, Any],
    padding: Padding,
    ndim: int,
    transpose: bool,
    groups: int,
    padding_mode: str,
    bias: ArrayLike | None,
) -> Trial:
    """Make the trial of arrays and arguments, with one entry for each axis."""
    least = {"output_padding": 0}
    arguments: dict[str, Any] = {
        name: tuple(per_axis(name, value, ndim, least.get(name, 1)))
        for name, value in numbers.items()
        if value is not None
    }
    if not transpose:
        extra = arguments.pop("output_padding")
        if any(extra) or "output_size" in arguments:
            name = "output_size" if "output_size" in arguments else "output_padding"
            raise ValueError(f"{name}={numbers[name]} needs transpose=True: a convolution has only one output size")
    arguments |= {"padding": tuple(padding_entries(padding, ndim)), "groups": groups, "padding_mode": padding_mode}
    x, y, weight = (
        array.astype(complex if array.dtype.kind == "c" else float, copy=False) for array in arrays.values()
    )
    if weight.ndim == ndim:
        weight = weight.reshape(1, 1, *weight.shape)
    trial = Trial(x, Target(y), weight, tuple(arguments.items()), ndim, transpose)
    if bias is not None:
        trial = replace(trial, bias=_numbers("bias", bias).reshape(-1))
    layer = layer_of(trial)
    if layer is None or trial.images is None:
        return trial
    flat = prod(layer.output_shape)
    if trial.expected is None and y.shape in ((len(trial.images) * flat,), (len(trial.images), flat)):
        return replace(trial, target=Target(y.reshape(-1, *layer.output_shape)))
    return trial


# -- the answer ------------------------------------------------------------------------------------------------------


def _answer(trial: Trial, explanations: list[Explanation], precision: Precision) -> Diagnosis:
    """Describe the explanations that were found, and whether these data decide between them."""
    deviation = max(explanation.deviation for explanation in explanations)
    proof = "exact in all values" if not precision.unit else f"largest deviation {deviation:.3g}, which rounding allows"
    if not explanations[0].conventions:
        hidden = _hidden(trial, precision)
        sentence = f"none needed: our values are equal to y already ({proof})."
        if hidden:
            sentence += (
                f" But {_joined([one.names for one in hidden])} would not show in these data: "
                f"{_why(trial, [explanations[0], *hidden])}"
            )
        return Diagnosis(tuple(explanations), sentence, bool(hidden))
    if len(explanations) == 1:
        return Diagnosis(tuple(explanations), f"{explanations[0]} ({proof}).")
    lines = [
        f"{pluralize(len(explanations), 'answer')} of {pluralize(len(explanations[0].conventions), 'convention')} "
        f"{'each ' if len(explanations[0].conventions) > 1 else ''}explain y ({proof}):"
    ]
    lines += [f"- {explanation}" for explanation in explanations]
    ambiguous = len(_maps(trial, explanations)) > 1
    lines.append(_why(trial, explanations) if ambiguous else "they are one and the same map, described differently.")
    return Diagnosis(tuple(explanations), "\n".join(lines), ambiguous)


def _hidden(trial: Trial, precision: Precision) -> list[Explanation]:
    """Find single conventions that change the layer, but not its values for these data."""
    hidden = []
    nothing = Explanation((), trial.layer, 0.0)
    for selection, edited in _edited_trials(trial, conventions(trial.ndim), 1):
        deviation = explains(edited, precision)
        if deviation is not None:
            one = Explanation(selection, edited.layer, deviation)
            if len(_maps(trial, [nothing, one])) > 1:
                hidden.append(one)
    return sorted(hidden, key=lambda one: one.conventions[0].rank)


def _maps(trial: Trial, explanations: list[Explanation], *, x: bool = True, weight: bool = True) -> set[bytes]:
    """Return the outputs of explanations for random x or weight; explanations with equal outputs are one map."""
    rng = np.random.default_rng(0)
    labels = np.arange(trial.target.array.size, dtype=float).reshape(trial.target.array.shape)
    random_trial = replace(
        trial,
        x=rng.integers(-99, 100, trial.x.shape).astype(float) if x else trial.x,
        weight=rng.integers(-99, 100, trial.weight.shape).astype(float) if weight else trial.weight,
        target=Target(labels),
    )
    results = set()
    for explanation in explanations:
        edited: Trial | None = random_trial
        for convention in explanation.conventions:
            edited = edited and convention.edit(edited)
        if edited is None or edited.expected is None:
            continue
        result = np.zeros(labels.size, dtype=np.result_type(edited.x, edited.weight))
        result[edited.expected.ravel().astype(np.int64)] = values_of(edited, False)[0].ravel()
        results.add(result.tobytes())
    return results


def _why(trial: Trial, explanations: list[Explanation]) -> str:
    """Explain why the data do not decide between explanations, and give data that would."""
    if len(_maps(trial, explanations, weight=False)) == 1:
        return (
            "these data cannot tell them apart, since with this weight (its symmetry) they are one and the same "
            "map: repeat with a weight of random numbers."
        )
    if len(_maps(trial, explanations, x=False)) == 1:
        return (
            "these data cannot tell them apart, since this x (constant, or symmetric) shows no difference: repeat "
            "with an x of random numbers."
        )
    return "these data cannot tell them apart: repeat with random numbers for x and for the weight."


def _joined(names: Iterable[tuple[str, ...]]) -> str:
    parts = [" with ".join(each) for each in names]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _misfit(trial: Trial, shapes: Mapping[str, Shape]) -> str:
    """Explain why no convention gives an output of the shape of y."""
    layer, given = layer_of(trial), _given(shapes)
    if layer is None:
        return f"the arguments make no layer of {given}: {_error_of(trial)}"
    if trial.images is None:
        return (
            f"{given} do not belong together: the arguments need {layer.in_channels} input channels, x of shape "
            f"(..., *{layer.input_shape}), and no convention changes that"
        )
    if trial.bias is not None and len(trial.bias) != layer.out_channels:
        return (
            f"bias has {pluralize(len(trial.bias), 'entry')} but the arguments give "
            f"{pluralize(layer.out_channels, 'output channel')} for {given}: give one number for "
            "each"
        )
    return (
        f"y has shape {shapes['y']} but the arguments give (..., *{layer.output_shape}) for {given}, and no "
        "convention gives y's shape: look at stride, padding, dilation and the output size first"
    )


def _given(shapes: Mapping[str, Shape]) -> str:
    return f"x of shape {shapes['x']} and weight of shape {shapes['weight']}"


def _nothing(trial: Trial, shapes: Mapping[str, Shape], number: int, most: int, precision: Precision) -> str:
    """Explain that no convention gives the values of y, although one gives its shape."""
    layer = layer_of(trial)
    subject = f"none of {pluralize(number, 'convention')}" + (f", and no {most} of them together," if most > 1 else "")
    sentence = f"{subject} explains y"
    if layer is None or trial.expected is None:
        return (
            f"{sentence}; without any, y of shape {shapes['y']} is not of the shape that the arguments give for "
            f"{_given(shapes)}"
        )
    result, sums = values_of(trial, bool(precision.unit))
    off = np.abs(result - trial.expected)
    where = tuple(int(at) for at in np.unravel_index(np.argmax(off), off.shape))
    wrong = int(np.sum(off > precision.allowed(sums, terms_of(layer))))
    return (
        f"{sentence}: our values differ in {wrong} of {pluralize(off.size, 'value')}, most at "
        f"(batch, channel, *place) = {where}, where ours is {result[where]:.6g} and y is {trial.expected[where]:.6g}"
    )


def _error_of(trial: Trial) -> str:
    try:
        return f"{trial.layer}"
    except ValueError as error:
        return str(error)


def _any_of_their_shape(trial: Trial, most: int) -> bool:
    for count in range(most + 1):
        for _, edited in _edited_trials(trial, conventions(trial.ndim), count):
            if layer_of(edited) is not None and edited.expected is not None:
                return True
    return False
