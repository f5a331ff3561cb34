"""Edits of a question: each turns one that is asked by another framework's convention into one by ours.

An edit takes a question and returns another one, or None where it would change nothing or has no meaning. Edits of
arrays are made of two parts, as ``edit_x(move_channels_first, question)``: which array of the question is changed, and
the change, a function of that array and of the question. What a change or an edit needs beside these comes first, so
that `functools.partial` gives it: axes a and b, a layout, a padding mode. Axes are spatial, counted from 0.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from convmatrix.frameworks.comparison.questions import Array, Question, Theirs, layer_of
from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers import ConvTranspose

__all__ = [
    "add_output_padding_first",
    "as_depthwise",
    "as_layout",
    "change_direction",
    "edit_weight",
    "edit_x",
    "edit_x_and_y",
    "edit_y",
    "fill_output_padding_with_zeros",
    "flip_axes",
    "group_channels",
    "group_filters",
    "move_channels_first",
    "pad_stretched_input",
    "reshape_channels_first",
    "shift_pads",
    "swap_axes",
    "swap_channels",
    "swap_channels_in_groups",
    "swap_pads",
    "with_padding_mode",
]

Change = Callable[[Array, Question], Array | None]
"""From an array of a question, and the question, to the array that it becomes; None where nothing changes."""


# -- one array of the question ---------------------------------------------------------------------------------------


def edit_x(change: Change, question: Question) -> Question | None:
    """Change x."""
    x = change(question.x, question)
    return None if x is None else replace(question, x=x)


def edit_y(change: Change, question: Question) -> Question | None:
    """Change their result."""
    y = change(question.theirs.array, question)
    return None if y is None else replace(question, theirs=Theirs(y, question.theirs.zeros))


def edit_x_and_y(change: Change, question: Question) -> Question | None:
    """Change both x and their result; None where one of them stays as it is."""
    edited = edit_y(change, question)
    return None if edited is None else edit_x(change, edited)


def edit_weight(change: Change, question: Question) -> Question | None:
    """Change the weight."""
    weight = change(question.weight, question)
    return None if weight is None else replace(question, weight=weight)


# -- changes of data and of weights ----------------------------------------------------------------------------------


def move_channels_first(array: Array, question: Question) -> Array | None:
    """Bring the last axis before the spatial axes."""
    ndim = question.ndim
    if array.ndim <= ndim or array.shape[-1] == prod(array.shape[-ndim - 1 :]):  # then nothing moves
        return None
    return np.moveaxis(array, -1, -ndim - 1)


def reshape_channels_first(array: Array, question: Question) -> Array | None:
    """Read the memory of (..., channels, *size) as (..., *size, channels)."""
    ndim = question.ndim
    if array.ndim <= ndim:
        return None
    *lead, channels = array.shape[:-ndim]
    size = array.shape[-ndim:]
    if channels == 1 or prod(size) == 1:
        return None
    return np.moveaxis(array.reshape(*lead, *size, channels), -1, -ndim - 1)


def swap_axes(a: int, b: int, array: Array, question: Question) -> Array | None:
    """Swap two of the spatial axes, the last ones of data and of weights; None where there are not so many."""
    ndim = question.ndim
    if array.ndim < ndim or array.shape[a - ndim] == array.shape[b - ndim] == 1:
        return None
    return array.swapaxes(a - ndim, b - ndim)


def group_channels(array: Array, question: Question) -> Array | None:
    """Count the channels of data [group, member] that are counted [member, group]."""
    return _grouped(array, -question.ndim - 1, question.groups)


def group_filters(weight: Array, question: Question) -> Array | None:
    """Count the filters of a weight, its first axis, [group, member] that are counted [member, group]."""
    return _grouped(weight, -weight.ndim, question.groups)


def _grouped(array: Array, axis: int, groups: int) -> Array | None:
    if array.ndim < -axis:
        return None
    length = array.shape[axis]
    if groups == 1 or length % groups or length == groups:
        return None
    place = array.ndim + axis
    members = array.reshape(*array.shape[:place], length // groups, groups, *array.shape[place + 1 :])
    return members.swapaxes(place, place + 1).reshape(array.shape)


# -- changes of weights alone ----------------------------------------------------------------------------------------


def as_layout(layout: str, weight: Array, question: Question) -> Array:
    """Bring a weight of another layout into ours."""
    return moved(weight, layout, "IO*" if question.transpose else "OI*")


def as_depthwise(layout: str, weight: Array, question: Question) -> Array | None:
    """Bring a depthwise weight, M being the channel multiplier, into the layout of a weight with groups."""
    by_channels = moved(weight, layout, "IM*")
    if question.transpose or question.groups == 1 or len(by_channels) != question.groups:
        return None
    return by_channels.reshape(-1, 1, *by_channels.shape[2:])


def swap_channels(weight: Array, question: Question) -> Array | None:
    """Swap the two axes of channels."""
    return None if weight.shape[:2] == (1, 1) else weight.swapaxes(0, 1)


def swap_channels_in_groups(weight: Array, question: Question) -> Array | None:
    """Swap the two axes of channels within each group."""
    rows, cols, *kernel = weight.shape
    groups = question.groups
    if groups == 1 or rows % groups or rows // groups == cols == 1:
        return None
    blocks = weight.reshape(groups, -1, cols, *kernel).swapaxes(1, 2)
    return blocks.reshape(groups * cols, -1, *kernel)


def flip_axes(axes: Iterable[int], weight: Array, question: Question) -> Array | None:
    """Flip the kernel along some of the spatial axes."""
    from_the_end = tuple(axis - question.ndim for axis in axes)
    return None if all(weight.shape[axis] == 1 for axis in from_the_end) else np.flip(weight, from_the_end)


# -- arguments of the layer ------------------------------------------------------------------------------------------


def with_padding_mode(mode: str, question: Question) -> Question | None:
    """Extend the border by another mode."""
    layer = layer_of(question)
    if layer is None or layer.padding_mode == mode or all(before <= 0 >= after for before, after in layer.padding):
        return None
    return question.says(padding_mode=mode)


def swap_pads(axes: Iterable[int], question: Question) -> Question | None:
    """Swap what stands before and after on some axes."""
    return _with_pads(question, {axis: (after, before) for axis, before, after in _pads(question, axes)})


def shift_pads(axes: Iterable[int], by: int, question: Question) -> Question | None:
    """Move a part of the padding from the end to the start on some axes."""
    return _with_pads(question, {axis: (before + by, after - by) for axis, before, after in _pads(question, axes)})


def add_output_padding_first(question: Question) -> Question | None:
    """Add the output_padding at the start of each axis."""
    layer = layer_of(question)
    if not isinstance(layer, ConvTranspose) or not any(layer.output_padding):
        return None
    pads = [(before - op, after) for (before, after), op in zip(layer.padding, layer.output_padding, strict=True)]
    return _with_pads(question, dict(enumerate(pads)), output_padding=0)


def fill_output_padding_with_zeros(question: Question) -> Question | None:
    """Split off what output_padding adds to their result, where it has to be zeros."""
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
    without = question.says(padding=layer.padding, output_padding=0, output_size=None)
    return replace(without, theirs=Theirs(y, tuple(zeros)))


def pad_stretched_input(question: Question) -> Question | None:
    """Take the pads of a transposed layer for those of the direct convolution over the stretched input."""
    layer = layer_of(question)
    if not isinstance(layer, ConvTranspose):
        return None
    pads = [
        (axis.span - 1 - before, axis.span - 1 - after)
        for axis, (before, after) in zip(layer.axes, layer.padding, strict=True)
    ]
    return _with_pads(question, dict(enumerate(pads)))


def change_direction(question: Question) -> Question:
    """Take the layer of the other direction, with the same numbers."""
    words = {name: value for name, value in question.words if name not in ("output_padding", "output_size")}
    return replace(question, words=tuple(words.items()), transpose=not question.transpose)


def _pads(question: Question, axes: Iterable[int]) -> list[tuple[int, int, int]]:
    layer = layer_of(question)
    return [] if layer is None else [(axis, *layer.padding[axis]) for axis in axes]


def _with_pads(question: Question, pads: dict[int, tuple[int, int]], **words: Any) -> Question | None:
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
