"""Upsample: every output has a position between two inputs, and reads the nearest one or both.

Output o of an axis is at the input position (slope * o + offset) / unit, three integers: no position is rounded.
The axes are independent, so that the matrix is a Kronecker product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd, prod
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse

from convmatrix.core.errors import WrongTypeError, short, shortens_errors
from convmatrix.core.fast.assembly import index_dtype
from convmatrix.core.memory import UNCHECKED, require_memory
from convmatrix.layers.arguments import PerAxis, check_word, count_axes, entries_of, flag, per_axis, positive
from convmatrix.layers.base import ChannelwiseLayer, FixedLayer, require_indices

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["UPSAMPLE_MODES", "Positions", "Upsample"]

UPSAMPLE_MODES = ("nearest", "nearest-exact", "linear")

_LARGEST_DENOMINATOR = 2**31
"""A scale is the closest fraction with no larger denominator, as 1.7 is 17/10: so positions are exact, in 64 bits."""


_LARGEST_EXACT = 2**53
"""Largest integer up to which floats represent all integers."""

_MOST_COMPARED = 2**16
"""Largest number of outputs that are compared one by one, in some hundredths of a second."""

_PEAK = 128
"""Bytes for each output that building the matrix of an axis takes at most; measured with tracemalloc, rounded up."""


class _Resolved(Fraction):
    """A scale that has been checked and rounded, which the constructor takes unchanged."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Fraction({self.numerator}, {self.denominator})"


class Positions(NamedTuple):
    """Positions of the outputs of one axis on its inputs: output o is at (slope * o + offset) / unit, clipped to them.

    Parameters
    ----------
    inputs, outputs : int
    slope, offset, unit : int
        The slope at least 0, the unit at least 1.
    interpolates : bool
        Whether an output reads both inputs around its position; else the one at or below it.
    """

    inputs: int
    outputs: int
    slope: int
    offset: int
    unit: int
    interpolates: bool

    @property
    def nnz(self) -> int:
        """Number of entries: one input for each output, and a second one if it is between two."""
        if not self.interpolates or self.inputs == 1:
            return self.outputs
        # Outputs from lo to hi - 1 are within the ends, and every `every`-th of these is on an input.
        lo = max(-self.offset // self.slope + 1, 0)
        hi = min(-(-((self.inputs - 1) * self.unit - self.offset) // self.slope), self.outputs)
        common = gcd(self.slope, self.unit)
        on_inputs = 0
        if self.offset % common == 0:
            every = self.unit // common
            first = -(self.offset // common) * pow(self.slope // common, -1, every) % every
            on_inputs = max(-((lo + (first - lo) % every - hi) // every), 0)
        return self.outputs + max(hi - lo, 0) - on_inputs

    def equals(self, other: "Positions") -> bool:
        """Check whether all outputs read the same inputs with the same weights as those of another axis of this size.

        Parameters
        ----------
        other : Positions

        Returns
        -------
        bool
            False as well where it takes more than the numbers to decide, for more than 2**16 outputs.

        Examples
        --------
        >>> nearest = Positions(4, 2 * 10**9, 1, 0, 5 * 10**8, interpolates=False)
        >>> nearest.equals(nearest._replace(offset=1)), nearest.equals(nearest._replace(slope=2, offset=1, unit=10**9))
        (False, True)
        """
        if self[:2] != other[:2] or self.interpolates != other.interpolates:
            return False
        if self.inputs == 1:  # whose only entry is what all positions are moved to
            return True
        if self.slope * other.unit == other.slope * self.unit:
            # Over a common unit, slope * o is a multiple of `step`: without interpolation no smaller difference counts.
            step = 1 if self.interpolates else gcd(self.slope * other.unit, self.unit * other.unit)
            if self.offset * other.unit // step == other.offset * self.unit // step:
                return True
        return self.outputs <= _MOST_COMPARED and all(
            self._read(output, other.unit) == other._read(output, self.unit) for output in range(self.outputs)
        )

    def _read(self, output: int, factor: int) -> int:
        """Return the position of an output in units of 1 / (unit * factor), or the single input that it reads."""
        position = min(max(self.slope * output + self.offset, 0), (self.inputs - 1) * self.unit)
        return position * factor if self.interpolates else position // self.unit

    def matrix(self, what: str = "the matrix of an axis") -> sparse.csr_array:
        """Build the matrix of the axis: the weight of each input in each output.

        Parameters
        ----------
        what : str
            By which an error calls it.

        Returns
        -------
        (outputs, inputs) csr_array of float64

        Raises
        ------
        TooLargeError
            If it does not fit in the available memory; a MemoryError as well.
        """
        if (n_bytes := _PEAK * self.outputs) > UNCHECKED:
            require_memory(n_bytes, f"{what}, {self.outputs} x {self.inputs},", "take a smaller output")
        last = (self.inputs - 1) * self.unit
        # In Python's integers where 64 bits do not hold a position: sizes and scales may have little in common.
        wide = max(last, self.outputs * self.slope + abs(self.offset), self.unit) >= 2**63
        outputs = np.arange(self.outputs, dtype=np.int64)
        position = np.clip((outputs.astype(object) if wide else outputs) * self.slope + self.offset, 0, last)
        below = position // self.unit
        beyond = position - below * self.unit
        if not self.interpolates:
            beyond[:] = 0
        cols = np.stack([below, below + 1], axis=1)  # shape (outputs, 2)
        weights = np.stack([self.unit - beyond, beyond], axis=1)
        reads = weights > 0
        index = index_dtype(self.outputs, self.inputs, self.nnz)
        indptr = np.zeros(self.outputs + 1, dtype=index)
        np.cumsum(reads.sum(axis=1), out=indptr[1:])
        arrays = ((weights[reads] / self.unit).astype(np.float64), cols[reads].astype(index), indptr)
        return sparse.csr_array(arrays, shape=(self.outputs, self.inputs))


@dataclass(frozen=True, init=False, repr=False)
class Upsample(ChannelwiseLayer, FixedLayer):
    """Resize every channel, as PyTorch's `interpolate`; a scale below 1 reduces the size.

    Parameters
    ----------
    input_size : int or sequence of int
        One int for all axes, or one for each. The first sequence among the arguments determines the number of axes;
        if there is none, 2.
    scale : number or sequence of numbers, optional
        Gives output_size floor(input_size * scale), and the distance 1 / scale between the outputs' positions, also
        where the floor took something away. A float is replaced by the closest fraction with a denominator up to 2**31.
    output_size : int or sequence of int, optional
        In place of `scale`: then the distance is input_size / output_size. Beside it, the size alone.
    mode : str, default "nearest"
        ``nearest``: output o reads input floor(o / scale). ``nearest-exact``: floor((o + 1/2) / scale), whose centre is
        nearest to the output's. ``linear`` (PyTorch's linear, bilinear or trilinear): the two inputs around
        (o + 1/2) / scale - 1/2; beyond the outermost inputs only these.
    align_corners : bool, default False
        For ``linear``: the outermost outputs are on the outermost inputs, for any scale.
    channels : int, default 1
    ndim : int, optional
        Number of axes, where no argument tells it.

    Raises
    ------
    ValueError
        As for `Conv`; a TypeError as well where an argument is not of its kind.

    Notes
    -----
    Positions are exact fractions. PyTorch rounds those of ``nearest`` to float32 for images, and so reads another
    input in rare cases: of outputs 0 to 81 from 2 inputs, output 41 reads input 0 there, and 1 here. A scale with
    which a size stays as it is, or with ``nearest`` just doubles, is taken for 1, or 2, as PyTorch does for images.

    `dataclasses.replace` keeps both `output_size` and `scale`: beside a new `input_size`, or a new one of these two,
    give None for the one that is to follow from the others.

    References
    ----------
    .. [1] PyTorch, documentation of `torch.nn.functional.interpolate`; its positions are those of the code,
       aten/src/ATen/native/UpSample.h.
    .. [2] Odena, Dumoulin & Olah, *Deconvolution and checkerboard artifacts*, Distill, 2016: resize-convolution.

    Examples
    --------
    >>> print(Upsample((2,), scale=2).matrix().toarray())
    [[1 0]
     [1 0]
     [0 1]
     [0 1]]
    >>> print(Upsample((2,), scale=2, mode="linear").matrix().toarray())
    [[1.   0.  ]
     [0.75 0.25]
     [0.25 0.75]
     [0.   1.  ]]

    A resize-convolution, the usual way around checkerboards, is the product of two matrices:

    >>> from convmatrix.layers import Conv
    >>> up = Upsample((2,), scale=2)
    >>> smooth = Conv(up.output_size, 3, padding=1)
    >>> print((smooth.matrix([1, 1, 1]) @ up.matrix()).toarray())
    [[2 0]
     [2 1]
     [1 2]
     [0 2]]
    """

    input_size: tuple[int, ...]
    output_size: tuple[int, ...]
    scale: tuple[Fraction, ...]
    mode: str
    align_corners: bool
    channels: int

    @shortens_errors
    def __init__(
        self,
        input_size: PerAxis,
        *,
        scale: float | Fraction | Sequence[float | Fraction] | None = None,
        output_size: PerAxis | None = None,
        mode: str = "nearest",
        align_corners: bool = False,
        channels: int = 1,
        ndim: int | None = None,
    ) -> None:
        if scale is None and output_size is None:
            raise ValueError("a resize needs a scale or an output_size, got neither: give one of the two")
        count = count_axes({"input_size": input_size, "output_size": output_size, "scale": scale}, ndim)
        inputs = per_axis("input_size", input_size, count)
        check_word("mode", mode, UPSAMPLE_MODES)
        if flag("align_corners", align_corners) and mode != "linear":
            raise ValueError(
                f"align_corners needs mode 'linear', got {mode!r}: with one input for each output there is nothing to "
                "align"
            )
        if scale is None:
            outputs = per_axis("output_size", output_size, count)
            scales = [_Resolved(o, n) for n, o in zip(inputs, outputs, strict=True)]
        else:
            ratios = _ratios(inputs, output_size)
            factors = _scales(scale, ratios)
            scaled = [floor(_times(n, f)) for n, f in zip(inputs, factors, strict=True)]
            outputs = scaled if output_size is None else per_axis("output_size", output_size, count)
            scales = []
            for axis, (n, o, f, ratio) in enumerate(zip(inputs, outputs, factors, ratios, strict=True)):
                _check_scaled(axis, n, o, f)
                # `is`: only where a layer gave it, since what a user gives is rounded to a smaller denominator.
                follows = f is ratio or align_corners or o == n or (mode == "nearest" and o == 2 * n)
                scales.append(
                    _Resolved(o, n) if follows else _Resolved(Fraction(f).limit_denominator(_LARGEST_DENOMINATOR))
                )
        self._set(
            input_size=tuple(inputs),
            output_size=tuple(outputs),
            scale=tuple(scales),
            mode=mode,
            align_corners=bool(align_corners),
            channels=positive("channels", channels),
        )

    # -- sizes -----------------------------------------------------------------------------------------------------

    @property
    def nnz(self) -> int:
        """Number of entries the matrix stores; known without building it."""
        return self.channels * prod(positions.nnz for positions in self.positions)

    # -- matrix and operator ---------------------------------------------------------------------------------------

    def axis_matrices(self, dtype: DTypeLike | None = None) -> tuple[sparse.csr_array, ...]:
        """Build the matrix of each axis: that of the layer is their Kronecker product, in every channel.

        Parameters
        ----------
        dtype : dtype, optional
            Of each matrix, as for `matrix`.

        Returns
        -------
        tuple of (outputs, inputs) csr_array

        Raises
        ------
        ValueError
            If the dtype cannot hold the entries (also a TypeError), or if a matrix does not fit in the available memory
            (also a MemoryError).

        Examples
        --------
        >>> rows, columns = Upsample((2, 3), output_size=(3, 2)).axis_matrices()
        >>> print(rows.toarray())
        [[1 0]
         [1 0]
         [0 1]]
        >>> print(columns.toarray())
        [[1 0 0]
         [0 1 0]]
        """
        checked = self._checked(dtype)
        for axis, (rows, cols) in enumerate(zip(self.output_size, self.input_size, strict=True)):
            require_indices(f"the matrix of axis {axis}", rows, cols)
        return tuple(
            positions.matrix(f"the matrix of axis {axis}").astype(checked)
            for axis, positions in enumerate(self.positions)
        )

    def axis_patterns(self) -> tuple[sparse.csr_array, ...]:
        """Build a matrix for each axis that is true where an output reads an input.

        Returns
        -------
        tuple of (outputs, inputs) csr_array of bool
            One for each axis.
        """
        return self.axis_matrices(bool)

    @property
    def _fractional(self) -> bool:
        return self.mode == "linear"

    @property
    def _remedy(self) -> str:
        return "use .operator(), which applies the same map without it"

    @property
    def positions(self) -> tuple[Positions, ...]:
        """Positions of the outputs on the inputs, for each axis, outermost first."""
        interpolates = self.mode == "linear"
        positions = []
        for n, o, f in zip(self.input_size, self.output_size, self.scale, strict=True):
            p, q = f.numerator, f.denominator
            if self.align_corners:
                line = (n - 1, 0, max(o - 1, 1))
            else:
                line = {
                    "nearest": (q, 0, p),
                    "nearest-exact": (2 * q, q, 2 * p),
                    "linear": (2 * q, q - p, 2 * p),
                }[self.mode]
            positions.append(Positions(n, o, *line, interpolates))
        return tuple(positions)

    def _matrix(self, dtype: np.dtype[Any]) -> sparse.csr_array:
        from convmatrix.core.kronecker import kronecker  # scipy.sparse.linalg is slow to import

        return kronecker(self.axis_matrices(dtype), self.channels, dtype)

    def _operator(self, dtype: np.dtype[Any]) -> "LinearOperator":
        from convmatrix.core.kronecker import KroneckerOperator  # scipy.sparse.linalg is slow to import

        return KroneckerOperator(self.axis_matrices(dtype), self.channels, dtype)

    def _peak(self, dtype: np.dtype[Any]) -> int:
        index = index_dtype(*self.matrix_shape, self.nnz).itemsize
        # What scipy.sparse.kron allocates, through COO; measured, rounded up.
        return self.nnz * (2 * dtype.itemsize + 9 * index) + 2 * (self.matrix_shape[0] + 1) * index

    # -- fields ----------------------------------------------------------------------------------------------------

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {"mode": "nearest", "align_corners": False, "channels": 1}

    def _arguments(self) -> dict[str, Any]:
        """The sizes, and the scale where the positions do not follow from these."""
        arguments = super()._arguments()
        if all(f == Fraction(o, n) for n, o, f in zip(self.input_size, self.output_size, self.scale, strict=True)):
            del arguments["scale"]
        else:
            arguments["scale"] = tuple(map(_as_number, self.scale))
        return arguments


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _scales(scale: Any, ratios: Sequence[Fraction | None]) -> list[float | Fraction]:
    """One scale for each axis; where a layer held the ratio of the same sizes, it may be any."""
    entries = entries_of(scale)
    if entries is None:
        entries = [scale] * len(ratios) if ratios else [_checked_scale("scale", scale)][:0]
    return [
        ratio if isinstance(entry, _Resolved) and entry == ratio else _checked_scale(f"scale on axis {axis}", entry)
        for axis, (entry, ratio) in enumerate(zip(entries, ratios, strict=True))
    ]


def _ratios(inputs: Sequence[int], output_size: Any) -> list[Fraction | None]:
    """Output size by input size on each axis, where it is a number."""
    outputs = entries_of(output_size)
    if outputs is None:
        outputs = [output_size] * len(inputs)
    return [Fraction(o, n) if type(o) is int else None for n, o in zip(inputs, outputs, strict=True)]


def _checked_scale(what: str, value: Any) -> float | Fraction:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise WrongTypeError(f"{what} must be a number, got {short(value)} ({type(value).__name__})")
    # In Python's numbers, since one of NumPy's cannot be compared with what its own type does not hold.
    number: float | Fraction
    if isinstance(value, _Resolved):
        number = value
    else:
        number = _fraction(value) if isinstance(value, Rational) else float(value)
    if not 1 / _LARGEST_DENOMINATOR < number < _LARGEST_DENOMINATOR:
        text = short(int(value)) if isinstance(value, Integral) else str(value)
        raise ValueError(f"{what} must be between 1/2**31 and 2**31, got {text}")
    return number


def _fraction(value: Rational) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def _times(size: int, scale: float | Fraction) -> float | Fraction:
    """A size times a scale: rounded, as in PyTorch, where a float holds the size."""
    return size * (Fraction(scale) if size > _LARGEST_EXACT else scale)


def _check_scaled(axis: int, inputs: int, outputs: int, scale: float | Fraction) -> None:
    if outputs < 1:
        raise ValueError(
            f"output is empty on axis {axis}: its size would be {outputs} (= floor(input_size {inputs} * scale "
            f"{_as_number(scale)})); use a scale of at least {1 / inputs:.3g}"
        )
    # The scale of a layer was rounded, by half of 1 / _LARGEST_DENOMINATOR at most: that matters for gigantic sizes.
    rounding = inputs // _LARGEST_DENOMINATOR if isinstance(scale, _Resolved) else 0
    if abs(outputs - _times(inputs, scale)) > 1 + rounding:
        raise ValueError(
            f"output_size {outputs} on axis {axis} does not go with scale {_as_number(scale)}, which makes "
            f"{floor(_times(inputs, scale))} of input_size {inputs}: give one of the two"
        )


def _as_number(scale: float | Fraction) -> int | float:
    return int(scale) if scale == int(scale) else float(scale)
