"""Compare the layers that all frameworks make of the same arguments."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.frameworks.comparison.registry import CONVMATRIX, interfaces
from convmatrix.frameworks.shared.arguments import ConvArguments
from convmatrix.frameworks.shared.calls import in_our_names
from convmatrix.frameworks.shared.layer_calls import LayerCall
from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import Padding, PerAxis, count_axes, flag, padding_entries, per_axis, positive

__all__ = ["DIFFERENT_SHAPE", "DIFFERENT_VALUES", "EQUAL", "REFUSED", "Row", "compare"]

EQUAL = "equal"
DIFFERENT_VALUES = "same shape, different values"
DIFFERENT_SHAPE = "different shape"
REFUSED = "refused"

_INPUTS = 3
"""Number of random inputs for which equal layers have to give the same outputs. They are floats, for speed, and hold
integers so small that every sum is exact."""

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Row:
    """The layer that one framework makes of the arguments.

    Parameters
    ----------
    framework : str
        Its name, followed by a keyword where a framework has two conventions.
    call : str
        Source text of the framework's call, with x for the input and w for the weight.
    verdict : str
        `REFUSED`, or `EQUAL`, `DIFFERENT_VALUES` or `DIFFERENT_SHAPE` in comparison with the first row with a layer.
    output_size : tuple of int, optional
        None if the framework raises an error, as are the next three.
    pads : tuple of (int, int), optional
        For each axis the elements added before and after the input; of a transposed layer, those cropped from the
        full result, where a negative number adds.
    flipped : bool, optional
        Whether the kernel is flipped along all axes when windows are multiplied by it; also None for a kernel of one
        tap.
    layer : Conv or ConvTranspose, optional
    reason : str
        The framework's error, else empty. Errors of the layer name the arguments of `compare`.
    arrays : str
        The shapes of x and w in the framework's layout.
    """

    framework: str
    call: str
    verdict: str
    output_size: tuple[int, ...] | None = None
    pads: Pads | None = None
    flipped: bool | None = None
    layer: Layer | None = None
    reason: str = ""
    arrays: str = ""


def compare(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    transpose: bool = False,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    in_channels: int = 1,
    out_channels: int = 1,
    padding_mode: str = "zeros",
    input_dilation: PerAxis = 1,
    output_padding: PerAxis = 0,
    output_size: PerAxis | None = None,
    ndim: int | None = None,
) -> list[Row]:
    """Pass the same arguments and the same kernel to every framework, and compare the results.

    Numbers are passed on unchanged. Where a framework gives them another meaning, such as JAX to the pads of a
    transposed layer, its row shows that. The kernel is converted to the layout of each framework, but never flipped.

    Parameters
    ----------
    input_size, kernel_size, stride, padding, dilation, groups, in_channels, out_channels, padding_mode
        As for `Conv`. Names of paddings are translated to the spelling of the framework.
    transpose : bool, default False
        Compare transposed layers, whose input `input_size` is.
    input_dilation, output_padding, output_size, ndim
        As for `ConvTranspose`.

    Returns
    -------
    list of Row
        convmatrix first.

    Raises
    ------
    ValueError
        If the numbers are no integers, or have different numbers of axes; or if the groups do not divide the channels.

    Examples
    --------
    >>> for row in compare((6,), 3, stride=2, padding="same")[:3]:
    ...     print(row.framework, row.output_size, row.pads, row.verdict)
    convmatrix (3,) ((0, 1),) equal
    torch None None refused
    tensorflow (3,) ((0, 1),) equal
    """
    numbers = {
        "input_size": input_size,
        "kernel_size": kernel_size,
        "stride": stride,
        "dilation": dilation,
        "input_dilation": input_dilation,
        "output_padding": output_padding,
        "output_size": output_size,
    }
    count = count_axes({**numbers, "padding": padding}, ndim)
    columns: dict[str, Any] = {
        name: tuple(per_axis(name, value, count, least=0 if name == "output_padding" else 1))
        for name, value in numbers.items()
        if value is not None
    }
    columns.setdefault("output_size", None)
    _check_channels(groups, in_channels, out_channels)
    arguments = ConvArguments(
        **columns,
        padding=tuple(padding_entries(padding, count)),
        groups=groups,
        in_channels=in_channels,
        out_channels=out_channels,
        padding_mode=padding_mode,
    )
    transpose = flag("transpose", transpose)
    kernel = np.random.default_rng(0).integers(1, 10**6, arguments.weight_shape(transpose)).astype(np.float64)
    rows: list[Row] = []
    reference: _Reference | None = None
    calls = {
        name: call for interface in (CONVMATRIX, *interfaces()) for name, call in interface.calls(transpose).items()
    }
    for framework, general in calls.items():
        call = general.for_arguments(arguments)
        text, arrays = call.text(arguments), _arrays_text(call, arguments)
        try:
            call.check(arguments)
            layer, weight = _layer_and_weight(call, arguments, kernel)
        except ValueError as error:
            rows.append(Row(framework, text, REFUSED, reason=in_our_names(error), arrays=arrays))
            continue
        reference = reference or _Reference(layer, weight)
        rows.append(
            Row(
                framework,
                text,
                reference.verdict(layer, weight),
                layer.output_size,
                _pads_of(layer, transpose),
                _is_flipped(layer, weight, kernel, transpose),
                layer,
                arrays=arrays,
            )
        )
    return rows


def _arrays_text(call: LayerCall, arguments: ConvArguments) -> str:
    """Return the shapes of x and w in a call as text."""
    return ", ".join(f"{name} {shape}" for name, shape in zip("xw", call.shapes(arguments), strict=True))


def _layer_and_weight(call: LayerCall, arguments: ConvArguments, kernel: NDArray[Any]) -> tuple[Layer, NDArray[Any]]:
    """Return the layer of a call, and a kernel given in our layout as the weight of that layer; it is not flipped."""
    kwargs = call.kwargs(arguments)
    if call.make in (Conv, ConvTranspose):
        return call.make(**kwargs), kernel
    weight = moved(kernel, "IO*" if call.transpose else "OI*", call.weight.axes)
    layer, converted = call.make(**kwargs, weight=weight)
    return layer, converted


def _check_channels(groups: int, in_channels: int, out_channels: int) -> None:
    """Check that the groups divide the channels; frameworks that compute groups from shapes would find others."""
    numbers = {"groups": groups, "in_channels": in_channels, "out_channels": out_channels}
    for name, value in numbers.items():
        if positive(name, value) % groups:
            raise ValueError(
                f"groups={groups} does not divide {name}={value} (remainder {value % groups}): make {name} a multiple "
                f"of {groups}"
            )


@dataclass(frozen=True, eq=False)
class _Reference:
    """The layer and weight with which those of other frameworks are compared."""

    layer: Layer
    weight: NDArray[Any]

    @cached_property
    def inputs(self) -> NDArray[Any]:
        shape = (prod(self.layer.input_shape), _INPUTS)
        return np.random.default_rng(1).integers(-(10**3), 10**3, shape).astype(np.float64)

    @cached_property
    def outputs(self) -> NDArray[Any]:
        return self.layer.operator(self.weight) @ self.inputs

    def verdict(self, layer: Layer, weight: NDArray[Any]) -> str:
        if (layer.input_shape, layer.output_shape) != (self.layer.input_shape, self.layer.output_shape):
            return DIFFERENT_SHAPE
        if layer == self.layer and np.array_equal(weight, self.weight):
            return EQUAL
        return EQUAL if np.array_equal(layer.operator(weight) @ self.inputs, self.outputs) else DIFFERENT_VALUES


def _pads_of(layer: Layer, transpose: bool) -> Pads:
    """Pads of a convolution; for `transpose`, the elements that are cropped from the full result."""
    if isinstance(layer, ConvTranspose):
        pads = zip(layer.padding, layer.output_padding, strict=True)
        return tuple((before, after - op) for (before, after), op in pads)
    if not transpose:
        return layer.padding
    return tuple((axis.span - 1 - axis.before, axis.span - 1 - axis.after) for axis in layer.axes)


def _is_flipped(layer: Layer, weight: NDArray[Any], kernel: NDArray[Any], transpose: bool) -> bool | None:
    """Return whether the direct convolution flips the kernel; None for a kernel of one tap."""
    if prod(layer.kernel_size) == 1:
        return None
    if isinstance(layer, ConvTranspose):  # as a direct convolution it flips its weight
        return np.array_equal(weight, kernel)
    return not np.array_equal(weight, moved(kernel, "IO*", "OI*") if transpose else kernel)
