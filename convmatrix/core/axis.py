"""One axis of a convolution: the input that output ``o`` reads through tap ``t``.

Everything here follows from one formula: tap ``t`` of output ``o`` reads position ``o*stride + t*dilation - before``
of the dilated input, which has ``input_dilation - 1`` zeros between neighbours. Position 0 is the first input; beyond
the ends, the padding mode continues the input. Only `Axis.positions`, `Axis.extend` and `Axis.table` return arrays.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import short

__all__ = ["PADDING_MODES", "PADDING_NAMES", "Axis", "input_sizes", "named_padding", "require_countable", "split_same"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular", "symmetric")
PADDING_NAMES = ("valid", "full", "half", "causal", "anticausal", "same", "same_lower")

NOTHING = -1
"""Entry of `Axis.table` for a tap that reads a zero instead of an input."""

_MOST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a convolution. Layers check that the kernel fits before they create it.

    Parameters
    ----------
    input_size, kernel_size, stride, dilation, input_dilation : int
        Each at least 1. An `input_dilation` above 1 requires the mode ``zeros``.
    before, after : int
        Padding before the first and after the last input; a negative number crops.
    mode : str
        One of `PADDING_MODES`. In ``numpy.pad``, ``zeros`` is called ``constant``, ``replicate`` ``edge`` and
        ``circular`` ``wrap``; ``reflect`` and ``symmetric`` have the same names.

    Examples
    --------
    >>> Axis(input_size=4, kernel_size=3, before=1, after=1).table()
    array([[-1,  0,  1],
           [ 0,  1,  2],
           [ 1,  2,  3],
           [ 2,  3, -1]])
    """

    input_size: int
    kernel_size: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    input_dilation: int = 1
    mode: str = "zeros"

    # -- sizes ---------------------------------------------------------------------------------------------------

    @property
    def span(self) -> int:
        """Number of positions from the first to the last tap, both included: k_e = dilation*(kernel_size-1)+1."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def dilated_size(self) -> int:
        """Input size including the zeros that `input_dilation` inserts."""
        return (self.input_size - 1) * self.input_dilation + 1

    @property
    def padded_size(self) -> int:
        """Size of the dilated input including its padding."""
        return self.dilated_size + self.before + self.after

    @property
    def output_size(self) -> int:
        """Number of windows that fit (Dumoulin & Visin, arXiv:1603.07285, relationships 6 and 15)."""
        return (self.padded_size - self.span) // self.stride + 1

    @property
    def leftover(self) -> int:
        """Number of positions after the last window, ``a = (i + 2p - k) mod s`` in the guide by Dumoulin & Visin."""
        return (self.padded_size - self.span) % self.stride

    @property
    def reading_outputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the outputs whose window overlaps the dilated input."""
        lo = -((self.span - 1 - self.before) // self.stride)
        return _clamped(lo, (self.dilated_size - 1 + self.before) // self.stride + 1, self.output_size)

    @property
    def read_inputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the inputs between the first and the last position that any tap reads."""
        last = (self.output_size - 1) * self.stride + self.span - 1 - self.before
        return _clamped(-(self.before // self.input_dilation), last // self.input_dilation + 1, self.input_size)

    def input_sizes(self) -> range:
        """Return all input sizes that give this output size: with a stride there are several, since it is rounded down.

        Returns
        -------
        range

        Examples
        --------
        >>> Axis(5, 3, stride=2, before=1, after=1).input_sizes()
        range(5, 7)
        """
        pads = self.before + self.after
        return input_sizes(self.output_size, self.span, self.stride, pads, self.input_dilation)

    # -- the input that each tap reads ---------------------------------------------------------------------------

    def positions(self, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position that each tap of each output reads, shape (len(outputs), kernel_size)."""
        taps = np.arange(self.kernel_size, dtype=np.int64)
        return outputs[:, None] * self.stride + taps * self.dilation - self.before

    def extend(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the input at each position, however far beyond the ends; -1 for a zero."""
        n = self.input_size
        if self.mode == "zeros":
            index, remainder = np.divmod(positions, self.input_dilation)
            return np.where((remainder == 0) & (index >= 0) & (index < n), index, NOTHING)
        if self.mode == "circular":
            return positions % n
        if self.mode == "replicate" or n == 1:
            return np.clip(positions, 0, n - 1)
        period, c = self.mirrors()
        folded = positions % period
        return np.where(folded < n, folded, period - c - folded)

    def table(self) -> NDArray[np.int64]:
        """Return the index of the input that each tap of each output reads, shape (output_size, kernel_size)."""
        require_countable(self)
        return self.extend(self.positions(np.arange(self.output_size, dtype=np.int64)))

    def mirrors(self) -> tuple[int, int]:
        """Return (period, c) of a mirrored extension: positions q, q + period and -c - q read the same input."""
        return (2 * self.input_size, 1) if self.mode == "symmetric" else (2 * self.input_size - 2, 0)

    # -- the interior, in which rows repeat ----------------------------------------------------------------------

    @property
    def period(self) -> int:
        """Number of outputs after which the rows of the interior repeat, `shift` columns further right."""
        return self.input_dilation // gcd(self.stride, self.input_dilation)

    @property
    def shift(self) -> int:
        """Number of inputs after which the columns of the interior repeat, `period` rows further down."""
        return self.stride // gcd(self.stride, self.input_dilation)

    def interior_outputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the outputs whose whole window lies on the dilated input."""
        lo = -(-self.before // self.stride)
        hi = (self.dilated_size - self.span + self.before) // self.stride + 1
        return _clamped(lo, hi, self.output_size)

    def interior_inputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the inputs whose column has no entry cut off at a border, and none added by the padding."""
        a, last_output = self.input_dilation, (self.output_size - 1) * self.stride
        # Input i is at position i*a. Outputs before the first would read positions below span - 1 - before, and outputs
        # after the last would read positions from last_output + stride - before on.
        lo = -((self.before - self.span + 1) // a)
        hi = (last_output + self.stride - 1 - self.before) // a + 1
        if self.mode != "zeros":
            copied_lo, copied_hi = self._inputs_without_copy(
                left=max(self.before, 0), right=max(last_output + self.span - self.before - self.input_size, 0)
            )
            lo, hi = max(lo, copied_lo), min(hi, copied_hi)
        return _clamped(lo, hi, self.input_size)

    def _inputs_without_copy(self, left: int, right: int) -> tuple[int, int]:
        """Range [lo, hi) of the inputs that the `left` positions before and `right` after all inputs do not repeat."""
        n = self.input_size
        if self.mode == "circular":  # the padding at one end repeats inputs from the other end
            return right, n - left
        if self.mode == "replicate":  # the padding repeats the input at the end
            return min(left, 1), n - min(right, 1)
        if self.mode == "symmetric":  # the padding mirrors the inputs, beginning with the one at the end
            return left, n - right
        return (left + 1 if left else 0), (n - 1 - right if right else n)  # reflect: beginning with the one next to it


def require_countable(axis: Axis) -> None:
    """Check that all positions of an axis fit in the 64-bit integers of arrays.

    Raises
    ------
    ValueError
        If a position, or a number computed on the way to one, may be larger.
    """
    numbers = {  # their sum is an upper bound of all numbers computed on the way
        "input_size": 2 * axis.dilated_size,
        "padding": 2 * (abs(axis.before) + abs(axis.after)),
        "kernel_size": 2 * axis.span,
        "stride": axis.stride,
        "dilation": axis.dilation,
        "output_size": axis.output_size,
    }
    if sum(numbers.values()) <= _MOST_INT64:
        return
    name = max(numbers, key=lambda name: numbers[name])
    if name == "kernel_size" and axis.dilation > axis.kernel_size:
        name = "dilation"
    if name == "input_size" and axis.input_dilation > axis.input_size:
        name = "input_dilation"
    value = (axis.before, axis.after) if name == "padding" else getattr(axis, name)
    raise ValueError(
        f"{name} {short(value)} leads to positions beyond 64 bits, of which neither a matrix nor an operator can be "
        f"built: use a smaller {name}; sizes and numbers of entries are known all the same"
    )


def input_sizes(outputs: int, span: int, stride: int, pads: int, input_dilation: int) -> range:
    """Return all input sizes for which an axis has `outputs` outputs; `pads` is the total padding of both ends."""
    smallest = (outputs - 1) * stride + span - pads
    first = -((1 - smallest) // input_dilation) + 1
    last = (smallest + stride - 2) // input_dilation + 1
    return range(max(first, 1), last + 1)


def _clamped(lo: int, hi: int, size: int) -> tuple[int, int]:
    """Clip the range [lo, hi) to [0, size). An empty range becomes (size, size), so that all rows are border rows."""
    lo, hi = max(lo, 0), min(hi, size)
    return (lo, hi) if lo < hi else (size, size)


def split_same(total: int, *, lower: bool) -> tuple[int, int]:
    """Split a total padding into (before, after); an odd element goes to the end, or to the start if `lower` is true.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> split_same(3, lower=False), split_same(3, lower=True)
    ((1, 2), (2, 1))
    """
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def named_padding(name: str, span: int, stride: int, input_size: int) -> tuple[int, int]:
    """Resolve the name of a padding into (before, after) on one axis.

    ``same`` is SAME in TensorFlow and SAME_UPPER in ONNX: it gives ceil(input_size / stride) outputs. With ``causal``
    no output reads a later input, with ``anticausal`` no earlier one. Transposition exchanges these two.

    Parameters
    ----------
    name : str
        One of `PADDING_NAMES`.
    span : int
        As in `Axis`: dilation*(kernel_size-1)+1.
    stride, input_size : int
        Used by ``same`` and ``same_lower`` only.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> named_padding("same", span=7, stride=2, input_size=224)
    (2, 3)
    """
    if name in ("same", "same_lower"):
        outputs = -(-input_size // stride)
        return split_same(max((outputs - 1) * stride + span - input_size, 0), lower=name == "same_lower")
    return {
        "valid": (0, 0),
        "full": (span - 1, span - 1),
        "half": (span // 2, span // 2),
        "causal": (span - 1, 0),
        "anticausal": (0, span - 1),
    }[name]
