"""One axis of one layer of a stack: the window of an output, its period, and the pattern.

The matrix of every layer is a product over the axes, channels aside, and so is the matrix of a stack. Properties
of a whole stack are therefore computed for one axis at a time, from layer to layer.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, gcd, lcm
from typing import NamedTuple, Protocol

import numpy as np
from scipy import sparse

from convmatrix.core.axis import Axis
from convmatrix.core.counting import axis_nnz
from convmatrix.core.errors import WrongTypeError
from convmatrix.core.fast.assembly import assemble
from convmatrix.core.fast.weights import extended_weight
from convmatrix.core.memory import require_memory
from convmatrix.core.pattern import pattern_of, transposed_pattern_of
from convmatrix.layers import (
    ConvTranspose,
    NetworkLayer,
    Pool,
    Transposed,
    Unfold,
    Upsample,
    WeightedLayer,
)

__all__ = ["Step", "Window", "joint_period", "steps_of"]


class Window(NamedTuple):
    """The window of output o on an axis: the input positions from ``stride*o + first`` to ``stride*o + last``.

    Exact fractions, as if the axis had no ends. Where an output stands between inputs, as behind a transposed layer,
    the positions do so too, and the inputs among them are those that may be read.
    """

    stride: Fraction
    first: Fraction
    last: Fraction

    @property
    def size(self) -> Fraction:
        """Positions from the first to the last, both counted."""
        return self.last - self.first + 1

    @property
    def centre(self) -> Fraction:
        """The position in the middle of what output 0 looks at."""
        return (self.first + self.last) / 2

    @property
    def T(self) -> "Window":
        """The window of the transposed layer: the outputs that look at an input."""
        return Window(1 / self.stride, -self.last / self.stride, -self.first / self.stride)

    def at(self, output: int) -> tuple[Fraction, Fraction]:
        """First and last position that one output looks at."""
        return self.stride * output + self.first, self.stride * output + self.last

    def after(self, earlier: "Window") -> "Window":
        """Compose the window with an earlier layer's.

        Returns
        -------
        Window

        References
        ----------
        .. [1] Araujo, Norris & Sim, *Computing receptive fields of convolutional neural networks*, Distill, 2019.

        Examples
        --------
        >>> conv, pool = Window(Fraction(1), Fraction(-1), Fraction(1)), Window(Fraction(2), Fraction(0), Fraction(1))
        >>> print(*pool.after(conv))
        2 -1 2
        """
        return Window(
            earlier.stride * self.stride,
            earlier.stride * self.first + earlier.first,
            earlier.stride * self.last + earlier.last,
        )


class Step(Protocol):
    """One axis of one layer."""

    @property
    def window(self) -> Window:
        """The window of an output."""

    @property
    def period(self) -> tuple[int, int]:
        """(p, q): p outputs further on, the interior's rows are the same, q inputs further on."""

    @property
    def interior(self) -> range:
        """The outputs that no border touches."""

    @property
    def taps(self) -> sparse.csr_array:
        """Number of taps through which an output reads an input, (outputs, inputs) csr_array of int64."""


@dataclass(frozen=True)
class _Slid:
    """Windows that slide over an axis, or the transpose of that."""

    axis: Axis
    transpose: bool

    @property
    def window(self) -> Window:
        axis = self.axis
        ends = (-axis.before, axis.span - 1 - axis.before)
        window = Window(*(Fraction(number, axis.input_dilation) for number in (axis.stride, *ends)))
        return window.T if self.transpose else window

    @property
    def period(self) -> tuple[int, int]:
        period = (self.axis.period, self.axis.shift)
        return period[::-1] if self.transpose else period

    @property
    def interior(self) -> range:
        return range(*(self.axis.interior_inputs() if self.transpose else self.axis.interior_outputs()))

    @cached_property
    def taps(self) -> sparse.csr_array:
        size, entries = f"{self.axis.output_size} x {self.axis.input_size}", axis_nnz(self.axis)
        require_memory(
            entries * 12,  # an int64 and an int32
            f"the matrix of the taps of an axis, {size} with {entries} entries,",
            "take a smaller input, since away from the borders the taps repeat",
        )
        patterns = [transposed_pattern_of(self.axis) if self.transpose else pattern_of(self.axis)]
        ones = np.ones((1, 1, self.axis.kernel_size), dtype=np.int64)
        return assemble(patterns, extended_weight(ones, patterns), 1)


@dataclass(frozen=True, eq=False)
class _Resized:
    """An axis that is resized: output o stands at input position slope*o + offset; or the transpose of that."""

    pattern: sparse.csr_array
    slope: Fraction
    offset: Fraction
    interpolates: bool
    transpose: bool

    @property
    def _forward(self) -> Window:
        # Positions are multiples of 1/unit. What lies between one and the input below it takes only some values.
        unit = lcm(self.slope.denominator, self.offset.denominator)
        common = gcd(int(self.slope * unit), unit)
        least = int(self.offset * unit) % common
        above = Fraction(unit - (least or common), unit) if self.interpolates else Fraction(-least, unit)
        return Window(self.slope, self.offset - Fraction(unit - common + least, unit), self.offset + above)

    @property
    def window(self) -> Window:
        return self._forward.T if self.transpose else self._forward

    @property
    def period(self) -> tuple[int, int]:
        period = self.slope.as_integer_ratio()
        return period if self.transpose else period[::-1]

    @property
    def interior(self) -> range:
        outputs, inputs = self.taps.shape
        window = self.window
        lo = max(floor((-1 - window.first) / window.stride) + 1, 0)
        hi = min(ceil((inputs - window.last) / window.stride), outputs)
        return range(lo, max(lo, hi))

    @cached_property
    def taps(self) -> sparse.csr_array:
        counts = self.pattern.astype(np.int64)
        return counts.T.tocsr() if self.transpose else counts


def steps_of(layer: NetworkLayer, *, transpose: bool = False) -> tuple[Step, ...]:
    """Take a layer, or its transpose, apart into its axes.

    Returns
    -------
    tuple of Step
        One for each axis, outermost first.

    Raises
    ------
    WrongTypeError
        If it is no layer, or several; also a TypeError.

    Examples
    --------
    >>> (step,) = steps_of(Upsample((4,), scale=2, mode="linear"))
    >>> print(*step.window)
    1/2 -1 1/2
    """
    if isinstance(layer, Transposed):
        return steps_of(layer.layer, transpose=not transpose)
    if isinstance(layer, Upsample):
        return tuple(
            _Resized(pattern, *_line(layer, axis), layer.mode == "linear", transpose)
            for axis, pattern in enumerate(layer.axis_patterns())
        )
    if isinstance(layer, ConvTranspose):
        transpose = not transpose
    if not isinstance(layer, WeightedLayer | Pool | Unfold):
        raise WrongTypeError(f"the axes of one layer are needed, got a {type(layer).__name__}: see Network.steps")
    return tuple(_Slid(axis, transpose) for axis in layer.axes)


def _line(layer: Upsample, axis: int) -> tuple[Fraction, Fraction]:
    """Slope and offset of the positions on one axis."""
    inputs, outputs = layer.input_size[axis], layer.output_size[axis]
    slope = 1 / layer.scale[axis]
    if layer.align_corners and outputs == 1:
        return slope, Fraction(0)  # one output stands on the first input; any slope is right
    if layer.align_corners and inputs > 1:
        return Fraction(inputs - 1, outputs - 1), Fraction(0)
    return slope, {"nearest": Fraction(0), "nearest-exact": slope / 2, "linear": (slope - 1) / 2}[layer.mode]


def joint_period(earlier: tuple[int, int], later: tuple[int, int]) -> tuple[int, int]:
    """Find the period of two layers: as many of each one's as make them agree on the positions between.

    Returns
    -------
    tuple of int
        (outputs, inputs)

    Examples
    --------
    >>> joint_period((1, 2), (3, 1))  # every second of the inputs, each spread over three outputs
    (3, 2)
    """
    between = lcm(earlier[0], later[1])
    return later[0] * between // later[1], earlier[1] * between // earlier[0]
