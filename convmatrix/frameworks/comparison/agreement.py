"""One set of words, said to every framework: who makes the same layer of them, and who another one?"""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.frameworks.comparison.calls import FORWARD, TRANSPOSED, Words
from convmatrix.frameworks.shared.calls import in_our_names
from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers import ConvTranspose, Layer
from convmatrix.layers.arguments import Padding, PerAxis, count_axes, flag, padding_entries, per_axis, positive

__all__ = ["DIFFERENT_SHAPE", "DIFFERENT_VALUES", "EQUAL", "REFUSED", "Row", "compare"]

EQUAL = "equal"
DIFFERENT_VALUES = "same shape, different values"
DIFFERENT_SHAPE = "different shape"
REFUSED = "refused"

_INPUTS = 3
"""Random inputs to which two layers have to give the same outputs to be called equal; in floats, since those are fast,
that hold integers so small that every sum is exact."""

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Row:
    """What one framework makes of the words.

    Parameters
    ----------
    framework : str
        Its name; with a keyword where a framework has two conventions.
    call : str
        The words as its call, with x for the input and w for the weight.
    verdict : str
        `EQUAL`, `DIFFERENT_VALUES`, `DIFFERENT_SHAPE` or `REFUSED`, beside the first row that is not refused.
    output_size : tuple of int, optional
        None where it refuses, as are the next three.
    pads : tuple of (int, int), optional
        For each axis what it adds before and after the input; of a transposed layer, what it crops from the full
        result, where a negative number adds.
    turned : bool, optional
        Whether its windows read the kernel turned by 180 degrees; None too where no kernel is larger than one tap.
    layer : Conv or ConvTranspose, optional
    message : str
        Why it refuses; an error of the layer names the arguments of `compare`.
    arrays : str
        The shapes of x and w in the call, as the framework has them.
    """

    framework: str
    call: str
    verdict: str
    output_size: tuple[int, ...] | None = None
    pads: Pads | None = None
    turned: bool | None = None
    layer: Layer | None = None
    message: str = ""
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
    """Say the same words to every framework, with the same kernel, and compare what comes out.

    The words are given as they are: where the same number means another thing, as JAX's pads of a transposed layer do,
    the row shows it. The kernel's axes are laid out as each framework has them; its taps are never turned for it.

    Parameters
    ----------
    input_size, kernel_size, stride, padding, dilation, groups, in_channels, out_channels, padding_mode
        As for `Conv`. A name of a padding is said in the framework's spelling where it has one.
    transpose : bool, default False
        Whether a transposed layer is meant; `input_size` is its own input.
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
    """  # noqa: DOC502  raised where the words are read
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
    words = Words(
        **columns,
        padding=tuple(padding_entries(padding, count)),
        groups=groups,
        in_channels=in_channels,
        out_channels=out_channels,
        padding_mode=padding_mode,
    )
    transpose = flag("transpose", transpose)
    kernel = np.random.default_rng(0).integers(1, 10**6, words.weight_shape(transpose)).astype(np.float64)
    rows: list[Row] = []
    first: _First | None = None
    for framework, speak in (TRANSPOSED if transpose else FORWARD).items():
        call = speak(words)
        try:
            call.check_supported(words)
            layer, weight = call.layer_and_weight(kernel)
        except ValueError as error:
            rows.append(Row(framework, call.text, REFUSED, message=in_our_names(error), arrays=call.arrays))
            continue
        first = first or _First(layer, weight)
        rows.append(
            Row(
                framework,
                call.text,
                first.verdict(layer, weight),
                layer.output_size,
                _pads_of(layer, transpose),
                _turned(layer, weight, kernel, transpose),
                layer,
                arrays=call.arrays,
            )
        )
    return rows


def _check_channels(groups: int, in_channels: int, out_channels: int) -> None:
    """Refuse what no framework can say: some of them count groups, and would find others."""
    numbers = {"groups": groups, "in_channels": in_channels, "out_channels": out_channels}
    for name, value in numbers.items():
        if positive(name, value) % groups:
            raise ValueError(
                f"groups={groups} does not divide {name}={value} (remainder {value % groups}): make {name} a multiple "
                f"of {groups}"
            )


@dataclass(frozen=True, eq=False)
class _First:
    """The layer and weight that the others are compared with."""

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
    """The pads of a convolution; of a transposed layer, or what stands for one, what it crops from the full result."""
    if isinstance(layer, ConvTranspose):
        pads = zip(layer.padding, layer.output_padding, strict=True)
        return tuple((before, after - op) for (before, after), op in pads)
    if not transpose:
        return layer.padding
    return tuple((axis.span - 1 - axis.before, axis.span - 1 - axis.after) for axis in layer.axes)


def _turned(layer: Layer, weight: NDArray[Any], kernel: NDArray[Any], transpose: bool) -> bool | None:
    """Whether the windows of the direct convolution read the kernel turned."""
    if prod(layer.kernel_size) == 1:
        return None
    if isinstance(layer, ConvTranspose):  # whose windows read its weight turned
        return np.array_equal(weight, kernel)
    return not np.array_equal(weight, moved(kernel, "IO*", "OI*") if transpose else kernel)
