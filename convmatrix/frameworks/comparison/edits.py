"""Edits of a trial: each converts a trial in the convention of another framework to ours.

An edit takes a trial and returns an edited one, or None if it would change nothing or does not apply. Edits of arrays
consist of two functions, as in ``edit_x(move_channels_first, trial)``: the first selects an array of the trial, and the
second changes it, given the array and the trial. Further parameters, such as axes, a layout or a padding mode, come
first, so that `functools.partial` can bind them. Axes are spatial and counted from 0.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from convmatrix.frameworks.comparison.trials import Array, Target, Trial, layer_of
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
    "pad_dilated_input",
    "reshape_channels_first",
    "shift_pads",
    "swap_axes",
    "swap_channels",
    "swap_channels_in_groups",
    "swap_pads",
    "with_padding_mode",
]

Change = Callable[[Array, Trial], Array | None]
"""A function of an array of a trial, and of the trial; returns the changed array, or None if nothing changes."""


# -- one array of the trial ------------------------------------------------------------------------------------------


def edit_x(change: Change, trial: Trial) -> Trial | None:
    """Change x."""
    x = change(trial.x, trial)
    return None if x is None else replace(trial, x=x)


def edit_y(change: Change, trial: Trial) -> Trial | None:
    """Change the target."""
    y = change(trial.target.array, trial)
    return None if y is None else replace(trial, target=Target(y, trial.target.zeros))


def edit_x_and_y(change: Change, trial: Trial) -> Trial | None:
    """Change both x and the target; return None if one of them is unchanged."""
    edited = edit_y(change, trial)
    return None if edited is None else edit_x(change, edited)


def edit_weight(change: Change, trial: Trial) -> Trial | None:
    """Change the weight."""
    weight = change(trial.weight, trial)
    return None if weight is None else replace(trial, weight=weight)


# -- changes of data and of weights ----------------------------------------------------------------------------------


def move_channels_first(array: Array, trial: Trial) -> Array | None:
    """Move the last axis before the spatial axes."""
    ndim = trial.ndim
    if array.ndim <= ndim or array.shape[-1] == prod(array.shape[-ndim - 1 :]):  # unchanged in memory
        return None
    return np.moveaxis(array, -1, -ndim - 1)


def reshape_channels_first(array: Array, trial: Trial) -> Array | None:
    """Read the memory of (..., channels, *size) as (..., *size, channels)."""
    ndim = trial.ndim
    if array.ndim <= ndim:
        return None
    *lead, channels = array.shape[:-ndim]
    size = array.shape[-ndim:]
    if channels == 1 or prod(size) == 1:
        return None
    return np.moveaxis(array.reshape(*lead, *size, channels), -1, -ndim - 1)


def swap_axes(a: int, b: int, array: Array, trial: Trial) -> Array | None:
    """Swap two of the spatial axes, which are the last ones; return None if the array has too few axes."""
    ndim = trial.ndim
    if array.ndim < ndim or array.shape[a - ndim] == array.shape[b - ndim] == 1:
        return None
    return array.swapaxes(a - ndim, b - ndim)


def group_channels(array: Array, trial: Trial) -> Array | None:
    """Reorder the channels of data from [member, group] to [group, member]."""
    return _grouped(array, -trial.ndim - 1, trial.groups)


def group_filters(weight: Array, trial: Trial) -> Array | None:
    """Reorder the filters of a weight, its first axis, from [member, group] to [group, member]."""
    return _grouped(weight, -weight.ndim, trial.groups)


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


def as_layout(layout: str, weight: Array, trial: Trial) -> Array:
    """Convert a weight from another layout to ours."""
    return moved(weight, layout, "IO*" if trial.transpose else "OI*")


def as_depthwise(layout: str, weight: Array, trial: Trial) -> Array | None:
    """Convert a depthwise weight, where M is the channel multiplier, to the layout of a weight with groups."""
    by_channels = moved(weight, layout, "IM*")
    if trial.transpose or trial.groups == 1 or len(by_channels) != trial.groups:
        return None
    return by_channels.reshape(-1, 1, *by_channels.shape[2:])


def swap_channels(weight: Array, trial: Trial) -> Array | None:
    """Swap the two axes of channels."""
    return None if weight.shape[:2] == (1, 1) else weight.swapaxes(0, 1)


def swap_channels_in_groups(weight: Array, trial: Trial) -> Array | None:
    """Swap the two axes of channels within each group."""
    rows, cols, *kernel = weight.shape
    groups = trial.groups
    if groups == 1 or rows % groups or rows // groups == cols == 1:
        return None
    blocks = weight.reshape(groups, -1, cols, *kernel).swapaxes(1, 2)
    return blocks.reshape(groups * cols, -1, *kernel)


def flip_axes(axes: Iterable[int], weight: Array, trial: Trial) -> Array | None:
    """Flip the kernel along some of the spatial axes."""
    from_the_end = tuple(axis - trial.ndim for axis in axes)
    return None if all(weight.shape[axis] == 1 for axis in from_the_end) else np.flip(weight, from_the_end)


# -- arguments of the layer ------------------------------------------------------------------------------------------


def with_padding_mode(mode: str, trial: Trial) -> Trial | None:
    """Replace the padding mode."""
    layer = layer_of(trial)
    if layer is None or layer.padding_mode == mode or all(before <= 0 >= after for before, after in layer.padding):
        return None
    return trial.with_arguments(padding_mode=mode)


def swap_pads(axes: Iterable[int], trial: Trial) -> Trial | None:
    """Swap the pads before and after on some axes."""
    return _with_pads(trial, {axis: (after, before) for axis, before, after in _pads(trial, axes)})


def shift_pads(axes: Iterable[int], by: int, trial: Trial) -> Trial | None:
    """Move a part of the padding from the end of some axes to their start."""
    return _with_pads(trial, {axis: (before + by, after - by) for axis, before, after in _pads(trial, axes)})


def add_output_padding_first(trial: Trial) -> Trial | None:
    """Add the output_padding at the start of each axis."""
    layer = layer_of(trial)
    if not isinstance(layer, ConvTranspose) or not any(layer.output_padding):
        return None
    pads = [(before - op, after) for (before, after), op in zip(layer.padding, layer.output_padding, strict=True)]
    return _with_pads(trial, dict(enumerate(pads)), output_padding=0)


def fill_output_padding_with_zeros(trial: Trial) -> Trial | None:
    """Split off the elements that output_padding adds to the target, where they have to be zeros."""
    layer = layer_of(trial)
    if not isinstance(layer, ConvTranspose) or not any(layer.output_padding):
        return None
    if any(a > 1 for a in layer.input_dilation) or trial.target.array.ndim < trial.ndim:
        return None
    y, zeros = trial.target.array, list(trial.target.zeros)
    for axis, op in enumerate(layer.output_padding, start=y.ndim - trial.ndim):
        if op:
            y, beyond = np.split(y, [max(y.shape[axis] - op, 0)], axis=axis)
            zeros.append(beyond)
    without = trial.with_arguments(padding=layer.padding, output_padding=0, output_size=None)
    return replace(without, target=Target(y, tuple(zeros)))


def pad_dilated_input(trial: Trial) -> Trial | None:
    """Use the pads of a transposed layer as those of the direct convolution over the dilated input."""
    layer = layer_of(trial)
    if not isinstance(layer, ConvTranspose):
        return None
    pads = [
        (axis.span - 1 - before, axis.span - 1 - after)
        for axis, (before, after) in zip(layer.axes, layer.padding, strict=True)
    ]
    return _with_pads(trial, dict(enumerate(pads)))


def change_direction(trial: Trial) -> Trial:
    """Use the layer of the other direction with the same numbers."""
    arguments = {name: value for name, value in trial.arguments if name not in ("output_padding", "output_size")}
    return replace(trial, arguments=tuple(arguments.items()), transpose=not trial.transpose)


def _pads(trial: Trial, axes: Iterable[int]) -> list[tuple[int, int, int]]:
    layer = layer_of(trial)
    return [] if layer is None else [(axis, *layer.padding[axis]) for axis in axes]


def _with_pads(trial: Trial, pads: dict[int, tuple[int, int]], **arguments: Any) -> Trial | None:
    """Return the trial with other pads on some axes; None if they are the same."""
    layer = layer_of(trial) if pads else None
    if layer is None:
        return None
    padding = tuple(pads.get(axis, pair) for axis, pair in enumerate(layer.padding))
    if padding == layer.padding:
        return None
    if isinstance(layer, ConvTranspose):
        arguments = {"output_padding": layer.output_padding, "output_size": None, **arguments}
    return trial.with_arguments(padding=padding, **arguments)
