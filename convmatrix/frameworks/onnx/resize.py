"""ONNX's operators Resize and Upsample, as the mode of the layer `Upsample` that reads the same entries."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor, isfinite
from typing import Any, TypeVar

import numpy as np

from convmatrix.core.errors import pluralize
from convmatrix.frameworks.onnx.attributes import NAMES, shortened
from convmatrix.frameworks.onnx.constants import Constants
from convmatrix.frameworks.onnx.nodes import Node, same_kind
from convmatrix.frameworks.shared.calls import argument_names
from convmatrix.frameworks.shared.loading import Loaded
from convmatrix.layers import Upsample
from convmatrix.layers.arguments import check_word
from convmatrix.layers.resize import Positions

__all__ = ["read_axes", "read_resize"]

Entry = TypeVar("Entry")

_COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")
_ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
_RESIZE = {
    "mode": "STRING",
    "coordinate_transformation_mode": "STRING",
    "nearest_mode": "STRING",
    "cubic_coeff_a": "FLOAT",
    "exclude_outside": "INT",
    "extrapolation_value": "FLOAT",
    "antialias": "INT",
    "axes": "INTS",
    "keep_aspect_ratio_policy": "STRING",
    "scales": "FLOATS",
}
_CANDIDATES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "nearest": ({"mode": "nearest"}, {"mode": "nearest-exact"}),
    "linear": ({"mode": "linear"}, {"mode": "linear", "align_corners": True}),
}
"""Arguments of `Upsample` that may match a mode."""


def read_resize(node: Node, shape: tuple[int, ...], constants: Constants, batch: int | None = None) -> Loaded:
    """Read a resize, if one of the modes of `Upsample` reads the same entries.

    Parameters
    ----------
    node : Node
    shape : tuple of int
        (channels, *size) of its input.
    constants : Constants
    batch : int, optional
        Length of the batch, where it is known.

    Returns
    -------
    Loaded

    Raises
    ------
    ValueError
        If none of them does, or ONNX would refuse its numbers.
    """
    same_kind(node, _RESIZE)
    given = node.attributes
    early = node.op_type == "Upsample" or len(node.inputs) == 2  # before version 11, with neither roi nor modes
    mode = {"bilinear": "linear"}.get(given.get("mode", "nearest"), given.get("mode", "nearest"))
    coordinates = given.get("coordinate_transformation_mode", "asymmetric" if early else "half_pixel")
    rounding = given.get("nearest_mode", "floor" if early else "round_prefer_floor")
    check_word("mode", mode, tuple(_CANDIDATES))
    check_word("coordinate_transformation_mode", coordinates, _COORDINATES)
    check_word("nearest_mode", rounding, _ROUNDINGS)
    check_word("keep_aspect_ratio_policy", given.get("keep_aspect_ratio_policy", "stretch"), ("stretch",))
    size = shape[1:]
    scales, outputs = _scales_and_outputs(node, shape, batch, constants, early)
    if node.switch("antialias") and mode == "linear" and any(scale < 1 for scale in scales):
        raise ValueError(
            "antialias=1 spreads the filter where the image becomes smaller, and no layer of ours does: "
            "export the model without it"
        )
    expected = [
        _positions(mode, coordinates, rounding, n, o, scale) for n, o, scale in zip(size, outputs, scales, strict=True)
    ]
    for candidate in _CANDIDATES[mode]:
        with argument_names(NAMES):
            layer = Upsample(size, scale=scales, output_size=outputs, channels=shape[0], **candidate)
        if all(actual.equals(wanted) for actual, wanted in zip(layer.positions, expected, strict=True)):
            return Loaded(layer)
    also = f" and nearest_mode {rounding!r}" if mode == "nearest" else ""
    raise ValueError(
        f"mode {mode!r} with coordinate_transformation_mode {coordinates!r}{also} from size {size} to {tuple(outputs)} "
        "reads other entries than any mode of Upsample: use 'asymmetric' with 'floor' for nearest, 'half_pixel' or "
        "'align_corners' for linear"
    )


def _positions(mode: str, coordinates: str, rounding: str, inputs: int, outputs: int, scale: Fraction) -> Positions:
    """Return the positions of the outputs of one axis on its inputs, and the entries that they read."""
    slope, offset, unit = _line(coordinates, inputs, outputs, scale)
    if mode == "nearest":  # over twice the unit, the rounding of (slope * o + offset) / unit is a floor
        moved = {"floor": 0, "ceil": 2 * unit - 1, "round_prefer_floor": unit - 1, "round_prefer_ceil": unit}[rounding]
        slope, offset, unit = 2 * slope, 2 * offset + moved, 2 * unit
    return Positions(inputs, outputs, slope, offset, unit, mode == "linear")


def _line(coordinates: str, inputs: int, outputs: int, scale: Fraction) -> tuple[int, int, int]:
    """Output o stands at (slope * o + offset) / unit: these three."""
    p, q = scale.numerator, scale.denominator
    if coordinates == "align_corners":
        return inputs - 1, 0, max(outputs - 1, 1)
    if coordinates == "pytorch_half_pixel" and outputs == 1:
        return 0, 0, 1
    if coordinates == "asymmetric":
        return q, 0, p
    moved = inputs * p - outputs * q if coordinates == "half_pixel_symmetric" else 0
    return 2 * q, q - p + moved, 2 * p


# -- sizes -----------------------------------------------------------------------------------------------------------


def _scales_and_outputs(
    node: Node, shape: tuple[int, ...], batch: int | None, constants: Constants, early: bool
) -> tuple[list[Fraction], list[int]]:
    """Return the scale and the output size of each spatial axis."""
    count = len(shape) + 1
    axes = read_axes(node.attributes.get("axes", range(count)), count)
    scales = _given_scales(node, constants, 1 if early else 2)
    sizes = constants.integers(*node.operand(3, "sizes")) if node.has(3) or not scales else []
    if scales and sizes:
        raise ValueError(
            f"scales {shortened(scales)} and sizes {shortened(sizes)} are both given: leave one of them out"
        )
    return _from_scales(node, shape[1:], axes, scales) if scales else _from_sizes(shape, batch, axes, sizes)


def _given_scales(node: Node, constants: Constants, place: int) -> list[float]:
    """Return the scales of an attribute or an input; an empty list if sizes are given instead."""
    if "scales" in node.attributes:
        scales = list(node.attributes["scales"])
    else:
        scales = constants.numbers(*node.operand(place, "scales")) if node.has(place) else []
    for place, scale in enumerate(scales):
        if not (isfinite(scale) and scale > 0):
            raise ValueError(f"scales, entry {place}, must be a finite number above 0, got {scale}")
    return scales


def _from_scales(
    node: Node, size: Sequence[int], axes: Sequence[int], scales: Sequence[float]
) -> tuple[list[Fraction], list[int]]:
    batch, channels, *given = _spread(
        axes, [_as_written(scale) for scale in scales], "scales", [Fraction(1)] * (len(size) + 2)
    )
    if batch != 1 or channels != 1:
        raise ValueError(
            f"scales {shortened(list(scales))} resize the batch or the channels: only spatial axes are resized here"
        )
    outputs = [floor(n * scale) for n, scale in zip(size, given, strict=True)]
    for axis, (n, o, scale) in enumerate(zip(size, outputs, given, strict=True)):
        if o < 1:
            raise ValueError(
                f"output is empty on axis {axis}: its size would be {o} (= floor({n} * scale "
                f"{float(scale)})); use a scale of at least {1 / n:.3g}"
            )
        if node.attributes.get("coordinate_transformation_mode") == "align_corners" and o != n * scale:
            raise ValueError(
                f"scale {float(scale)} makes {_decimal(n * scale)} of size {n} on axis {axis}, no integer, and with "
                f"'align_corners' it is not agreed whether the last output stands on the last input: give sizes"
            )
    return given, outputs


def _from_sizes(
    shape: tuple[int, ...], batch: int | None, axes: Sequence[int], sizes: Sequence[int]
) -> tuple[list[Fraction], list[int]]:
    for place, size in enumerate(sizes):
        if size < 1:
            raise ValueError(f"sizes, entry {place}, must be at least 1, got {size}")
    copies, channels, *spatial = _spread(axes, sizes, "sizes", [batch or 1, *shape])
    for what, length, got in ((f"batch of {batch}", batch, copies), (f"{shape[0]} channels", shape[0], channels)):
        if length not in (None, got):
            raise ValueError(f"sizes {shortened(list(sizes))} change the {what}: only spatial axes are resized here")
    return [Fraction(o, n) for n, o in zip(shape[1:], spatial, strict=True)], spatial


def _decimal(number: Fraction) -> str:
    try:
        return str(float(number))
    except OverflowError:
        return "more than 1e308"


def read_axes(axes: Sequence[int], count: int) -> list[int]:
    """Return the axes that an attribute or an input lists, counted from 0.

    Parameters
    ----------
    axes : sequence of int
        Negative ones count from the last axis.
    count : int
        How many axes there are.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If there is no such axis, or one is listed twice.
    """
    for axis in axes:
        if not -count <= axis < count:
            raise ValueError(f"axes has {axis}, but X has {count} axes: use {-count} to {count - 1}")
    nonnegative = [axis % count for axis in axes]
    if len(set(nonnegative)) < len(nonnegative):
        raise ValueError(f"axes {shortened(list(axes))} list an axis twice: list each once")
    return nonnegative


def _spread(axes: Sequence[int], values: Sequence[Entry], name: str, others: list[Entry]) -> list[Entry]:
    """Extend values for some axes to all axes."""
    if len(values) != len(axes):
        listed = shortened([float(value) for value in values])  # type: ignore[arg-type]  # int or Fraction
        raise ValueError(
            f"{name} has {pluralize(len(values), 'entry')}, {listed}, but there are {len(axes)} axes: give one for each"
        )
    for axis, value in zip(axes, values, strict=True):
        others[axis] = value
    return others


def _as_written(scale: float) -> Fraction:
    """Return the simplest fraction that rounds to a scale in single precision: 0.6 is 3/5."""
    exact = Fraction(scale)
    with np.errstate(over="ignore"):
        single = np.float32(scale)
        for power in range(1, 9):
            simple = exact.limit_denominator(10**power)
            if np.float32(float(simple)) == single:
                return simple
    return exact
