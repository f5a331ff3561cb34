"""One axis of a convolution: which input does output ``o`` read through tap ``t``?

Everything here follows from one line: tap ``t`` of output ``o`` looks at position ``o*stride + t*dilation - before`` of
the axis, after the input has been spread by ``input_dilation`` and extended beyond its ends by the padding mode.
Sizes and counts are integer arithmetic; only `Axis.extend` and `Axis.table` make arrays.
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
"""The entry of a table that reads a zero, not an input."""

_MOST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a convolution whose kernel fits; the layers check that before they make one.

    Parameters
    ----------
    input_size, kernel_size, stride, dilation, input_dilation : int
        As in the layers, at least 1.
    before, after : int
        Padding at the two ends; negative crops, after the extension that `mode` describes.
    mode : str
        One of `PADDING_MODES`.

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
        """Number of positions from the first tap to the last, k_e = dilation*(kernel_size-1)+1."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def dilated_size(self) -> int:
        """Input size with the zeros that `input_dilation` inserts."""
        return (self.input_size - 1) * self.input_dilation + 1

    @property
    def padded_size(self) -> int:
        """Number of positions that windows may cover."""
        return self.dilated_size + self.before + self.after

    @property
    def output_size(self) -> int:
        """Number of windows (Dumoulin & Visin, arXiv:1603.07285, relationships 6 and 15)."""
        return (self.padded_size - self.span) // self.stride + 1

    @property
    def leftover(self) -> int:
        """Positions at the end that no window reaches, the guide's ``a = (i + 2p - k) mod s``."""
        return (self.padded_size - self.span) % self.stride

    @property
    def reading_outputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the outputs of which some tap looks at the stretched input, not beyond its ends."""
        lo = -((self.span - 1 - self.before) // self.stride)
        return _clamped(lo, (self.dilated_size - 1 + self.before) // self.stride + 1, self.output_size)

    @property
    def read_inputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the inputs that lie between the first position and the last that any tap looks at."""
        last = (self.output_size - 1) * self.stride + self.span - 1 - self.before
        return _clamped(-(self.before // self.input_dilation), last // self.input_dilation + 1, self.input_size)

    def input_sizes(self) -> range:
        """All input sizes that give this axis's output size with the same numbers: why floor makes a size ambiguous.

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

    # -- reads ---------------------------------------------------------------------------------------------------

    def positions(self, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions that the taps of `outputs` look at, on the stretched input; shape (len(outputs), kernel_size)."""
        taps = np.arange(self.kernel_size, dtype=np.int64)
        return outputs[:, None] * self.stride + taps * self.dilation - self.before

    def extend(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Input index behind each position of the endlessly extended axis, or -1 where there is a zero.

        The extension is what ``numpy.pad`` gives, repeated as often as needed (``zeros`` is ``constant``,
        ``circular`` is ``wrap``, ``replicate`` is ``edge``; ``reflect`` and ``symmetric`` share their names).

        Returns
        -------
        ndarray of the shape of `positions`
        """
        n = self.input_size
        if self.mode == "zeros":
            index, between = np.divmod(positions, self.input_dilation)
            return np.where((between == 0) & (index >= 0) & (index < n), index, NOTHING)
        if self.mode == "circular":
            return positions % n
        if self.mode == "replicate" or n == 1:
            return np.clip(positions, 0, n - 1)
        period, mirror = self.mirrors()
        folded = positions % period
        return np.where(folded < n, folded, period - mirror - folded)

    def table(self) -> NDArray[np.int64]:
        """The whole table *output o, tap t -> input index* (-1: a zero), shape (output_size, kernel_size)."""
        require_countable(self)
        return self.extend(self.positions(np.arange(self.output_size, dtype=np.int64)))

    def mirrors(self) -> tuple[int, int]:
        """Period of a mirrored extension, and c of its mirror image q -> -c - q."""
        return (2 * self.input_size, 1) if self.mode == "symmetric" else (2 * self.input_size - 2, 0)

    # -- the interior: rows that repeat --------------------------------------------------------------------------

    @property
    def period(self) -> int:
        """Every `period` outputs, the interior's rows repeat, `shift` inputs further on."""
        return self.input_dilation // gcd(self.stride, self.input_dilation)

    @property
    def shift(self) -> int:
        """Every `shift` inputs, the interior's columns repeat, `period` outputs further on."""
        return self.stride // gcd(self.stride, self.input_dilation)

    def interior_outputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the outputs whose whole window lies on the stretched input."""
        lo = -(-self.before // self.stride)
        hi = (self.dilated_size - self.span + self.before) // self.stride + 1
        return _clamped(lo, hi, self.output_size)

    def interior_inputs(self) -> tuple[int, int]:
        """Range [lo, hi) of the inputs that every tap reads exactly once, and that no border copies."""
        a, last_output = self.input_dilation, (self.output_size - 1) * self.stride
        # Input i stands at position i*a. The first tap reaches positions up to that of the last output, the last tap
        # those from the span of the first output on.
        lo = -((self.before - self.span + 1) // a)
        hi = (last_output + self.stride - 1 - self.before) // a + 1
        if self.mode != "zeros":
            copied_lo, copied_hi = self._inputs_without_copy(
                left=max(self.before, 0), right=max(last_output + self.span - self.before - self.input_size, 0)
            )
            lo, hi = max(lo, copied_lo), min(hi, copied_hi)
        return _clamped(lo, hi, self.input_size)

    def _inputs_without_copy(self, left: int, right: int) -> tuple[int, int]:
        """Range [lo, hi) of the inputs that are repeated nowhere on so many positions beyond the two ends."""
        n = self.input_size
        if self.mode == "circular":  # beyond one end stands what is at the other
            return right, n - left
        if self.mode == "replicate":  # beyond an end stands the input at that end
            return min(left, 1), n - min(right, 1)
        if self.mode == "symmetric":  # the mirror stands behind the last input, which is repeated
            return left, n - right
        return (left + 1 if left else 0), (n - 1 - right if right else n)  # reflect: the mirror stands on it


def require_countable(axis: Axis) -> None:
    """Refuse an axis of which no arrays can be made, since they hold positions in 64 bits.

    Raises
    ------
    ValueError
        If numbers of the axis lead to larger ones.
    """
    numbers = {  # what is added up on the way to a position, some of it twice
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
    """All input sizes of an axis with which a convolution gives `outputs`; `pads` is the sum of both ends."""
    smallest = (outputs - 1) * stride + span - pads
    first = -((1 - smallest) // input_dilation) + 1
    last = (smallest + stride - 2) // input_dilation + 1
    return range(max(first, 1), last + 1)


def _clamped(lo: int, hi: int, size: int) -> tuple[int, int]:
    """[lo, hi) cut to [0, size); (size, size) where nothing is left, so that all rows are border rows."""
    lo, hi = max(lo, 0), min(hi, size)
    return (lo, hi) if lo < hi else (size, size)


def split_same(total: int, *, lower: bool) -> tuple[int, int]:
    """Split a total padding into (before, after); the odd element goes to the end, or with `lower` to the start.

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
    """Resolve a padding name on one axis of a convolution into (before, after).

    ``same`` is TensorFlow's and ONNX's SAME_UPPER: as many outputs as ceil(input_size / stride). Outputs of a
    ``causal`` convolution read nothing later, those of an ``anticausal`` one nothing earlier; transposition exchanges
    the two.

    Parameters
    ----------
    name : str
        One of `PADDING_NAMES`.
    span : int
        k_e = dilation*(kernel_size-1)+1.
    stride, input_size : int
        Needed by ``same`` and ``same_lower`` only.

    Returns
    -------
    tuple of int
        (before, after)

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
