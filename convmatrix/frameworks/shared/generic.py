"""Layers made of a framework's arguments by its record alone, for frameworks without a function of their own."""

from collections.abc import Mapping
from typing import Any

from convmatrix.core.errors import pluralize
from convmatrix.frameworks.shared.calls import argument_names
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Conv, ConvTranspose, Layer

__all__ = ["make_layer"]

_SHAPES = ("input_shape", "image_shape", "weight_shape", "output_shape")


def make_layer(
    values: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    data: str,
    weight: WeightLayout,
    padding_names: Mapping[str, str],
    transpose: bool,
) -> Layer:
    """Make a layer of arguments that are given by their meanings.

    Parameters
    ----------
    values : mapping
        By meaning: names of arguments of our layers, and shapes of the arrays in the framework's layouts.
    names : mapping of str to str
        The framework's name of each of these, for errors.
    data : str
        The layout of the input, ``NC*`` or ``N*C``.
    weight : WeightLayout
    padding_names : mapping of str to str
        From our names of paddings to the framework's.
    transpose : bool

    Returns
    -------
    Conv or ConvTranspose
        Without a weight.

    Raises
    ------
    ValueError
        If the shapes contradict each other, or our layer has no such arguments; the error has the framework's names.

    Examples
    --------
    >>> values = {"input_shape": (1, 6, 1), "weight_shape": (3, 1, 1), "stride": 2}
    >>> names = {"input_shape": "image", "weight_shape": "taps", "stride": "step"}
    >>> make_layer(values, names, data="N*C", weight=WeightLayout("*IO"), padding_names={}, transpose=False)
    Conv(input_size=(6,), kernel_size=(3,), stride=(2,))
    """
    kwargs = {meaning: value for meaning, value in values.items() if meaning not in _SHAPES and value is not None}
    for meaning in ("input_shape", "image_shape"):
        if meaning in values:
            layout = data if meaning == "input_shape" else data.removeprefix("N")
            sizes = _by_letter(names[meaning], values[meaning], layout)
            kwargs |= {"input_size": sizes["*"], "in_channels": sizes["C"][0]}
    if "weight_shape" in values:
        sizes = _by_letter(names["weight_shape"], values["weight_shape"], weight.axes)
        kwargs |= _channels(kwargs, names, sizes["O"][0], sizes["I"][0], transpose) | {"kernel_size": sizes["*"]}
    if values.get("output_shape") is not None:
        kwargs["output_size"] = _by_letter(names["output_shape"], values["output_shape"], data)["*"]
    spelled = {name: our for our, name in padding_names.items()}
    if isinstance(kwargs.get("padding"), str):
        kwargs["padding"] = spelled.get(kwargs["padding"], kwargs["padding"])
    with argument_names(_names_in_errors(names)):
        return ConvTranspose(**kwargs) if transpose else Conv(**kwargs)


def _by_letter(name: str, value: Any, layout: str) -> dict[str, tuple[int, ...]]:
    """Return the lengths of a shape by the letters of its layout, but for the batch."""
    shape = shape_of(name, value, unknown=True)
    spread = len(shape) - len(layout) + 1
    if spread < 1:
        raise ValueError(f"{name} has shape {shape} but is laid out {layout}, with at least {len(layout)} axes")
    places: dict[str, range] = {}
    first = 0
    for letter in layout:
        count = spread if letter == "*" else 1
        places[letter] = range(first, first + count)
        first += count
    return {letter: sizes_in(name, shape, axes) for letter, axes in places.items() if letter != "N"}


def _channels(
    given: Mapping[str, Any], names: Mapping[str, str], outputs: int, inputs: int, transpose: bool
) -> dict[str, Any]:
    """Return the channels and groups that the weight has, in agreement with those of the input."""
    channels, weight = given["in_channels"], names["weight_shape"]
    groups = given.get("groups", 1 if transpose else max(channels // inputs, 1))
    needed = inputs if transpose else inputs * groups
    if channels != needed:
        raise ValueError(
            f"the input has {pluralize(channels, 'channel')} but {weight} takes {needed}"
            + (f" (= {inputs} * {groups} groups)" if groups > 1 else "")
        )
    return {"groups": groups, "out_channels": outputs * groups if transpose else outputs}


def _names_in_errors(names: Mapping[str, str]) -> dict[str, str]:
    """Return the framework's names of the arguments of our layers."""
    sizes = {"input_size": ("input_shape", "image_shape"), "kernel_size": ("weight_shape",)}
    found = {our: f"size of {names[name]}" for our, shapes in sizes.items() for name in shapes if name in names}
    return {**{our: name for our, name in names.items() if our not in _SHAPES and our != name}, **found}
