"""AvgPool and MaxPool: pooling of each channel separately, without a weight.

Average pooling is linear, and therefore a matrix. Max pooling is a matrix only for a given input, which determines the
largest entry of each window: the matrix selects these entries, and its transpose puts values back to their positions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from convmatrix.core.axis import Axis, require_countable
from convmatrix.core.counting import axis_nnz
from convmatrix.core.errors import WrongTypeError, short, shortens_errors
from convmatrix.core.fast.assembly import assemble, index_dtype
from convmatrix.core.memory import require_memory
from convmatrix.core.pattern import Pattern, windows_of
from convmatrix.layers.arguments import (
    Padding,
    PerAxis,
    array_of,
    count_axes,
    flag,
    integer,
    padding_entries,
    per_axis,
    positive,
    storable_dtype,
)
from convmatrix.layers.base import ChannelwiseLayer, FixedLayer, reads_of
from convmatrix.layers.resolve import check_fit, conv_padding

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["AvgPool", "MaxPool", "Pool"]

_MOST_INT64 = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, init=False, repr=False)
class Pool(ChannelwiseLayer):
    """Abstract base class of `AvgPool` and `MaxPool`, with their windows."""

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil_mode: bool
    channels: int

    _padding_alone = "a window of padding alone has nothing to pool"
    """Reason, in an error message, that every window has to contain an input."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The windows on each axis, outermost first; each axis ends with its last window.

        With `ceil_mode` that is beyond the padding, where there is nothing to see.
        """
        return tuple(
            Axis(n, k, s, before, (o - 1) * s + d * (k - 1) + 1 - before - n, d)
            for n, k, s, (before, _), d, o in zip(
                self.input_size,
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
                self.output_size,
                strict=True,
            )
        )

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis: floor((padded - k_e) / stride) + 1.

        With `ceil_mode` it is rounded up, but the last window has to start on the input or before it.
        """
        return tuple(
            min(-((span - n - before - after) // s) + 1, -(-(n + before) // s))
            if self.ceil_mode
            else (n + before + after - span) // s + 1
            for n, s, (before, after), span in zip(
                self.input_size, self.stride, self.padding, _spans(self.kernel_size, self.dilation), strict=True
            )
        )

    def axis_patterns(self) -> tuple[sparse.csr_array, ...]:
        """Build a matrix for each axis that is true where a window contains an input.

        Returns
        -------
        tuple of (outputs, inputs) csr_array of bool
            One for each axis.

        Examples
        --------
        >>> print(MaxPool((4,), 2, ceil_mode=True, padding=1).axis_patterns()[0].astype(int).toarray())
        [[1 0 0 0]
         [0 1 1 0]
         [0 0 0 1]]
        """
        return tuple(map(reads_of, self.axes))

    def _patterns(self) -> list[Pattern]:
        return [windows_of(axis) for axis in self.axes]

    def _ones(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The weight for the patterns of `windows_of`, in which all taps have the same symbol."""
        return np.ones((self.channels, 1, *(1,) * self.ndim), dtype=dtype)

    @property
    def _windows_nnz(self) -> int:
        return self.channels * prod(axis_nnz(axis) for axis in self.axes)

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {"stride": self.kernel_size, "padding": (0, 0), "dilation": 1, "ceil_mode": False, "channels": 1}

    def _set_windows(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        stride: PerAxis | None,
        padding: Padding,
        dilation: PerAxis,
        ceil_mode: bool,
        channels: int,
        ndim: int | None,
    ) -> None:
        """Resolve and check the common arguments of both pools."""
        numbers = {
            "input_size": input_size,
            "kernel_size": kernel_size,
            "stride": kernel_size if stride is None else stride,
            "dilation": dilation,
        }
        count = count_axes({**numbers, "stride": stride, "padding": padding}, ndim)
        columns = {name: tuple(per_axis(name, number, count)) for name, number in numbers.items()}
        for number, step in enumerate(columns["dilation"]):
            if step > _MOST_INT64:
                raise ValueError(f"dilation on axis {number} must be less than 2**63, got {step}")
        axes = [Axis(n, k, s, dilation=d) for n, k, s, d in zip(*columns.values(), strict=True)]
        ceil_mode = flag("ceil_mode", ceil_mode)
        pads = []
        for number, (axis, pad) in enumerate(zip(axes, padding_entries(padding, count), strict=True)):
            pair = conv_padding(axis, pad)
            _check_pads(number, axis, pair, self._padding_alone)
            check_fit(number, axis, *pair, beyond=axis.stride - 1 if ceil_mode else 0)
            pads.append(pair)
        self._set(**columns, padding=tuple(pads), ceil_mode=ceil_mode, channels=positive("channels", channels))
        for number, axis in enumerate(self.axes):
            _check_sight(number, axis)


@dataclass(frozen=True, init=False, repr=False)
class AvgPool(Pool, FixedLayer):
    """Average pooling, with the numbers and the divisors of PyTorch.

    Each output is the sum over its window, divided by the number of cells it counts: those between the ends of the
    padding, or with ``count_include_pad=False`` those of the input. Cells that `ceil_mode` reaches beyond the padding
    are never counted.

    Parameters
    ----------
    input_size, kernel_size : int or sequence of int
        One int for all axes, or one for each. The first sequence among the arguments determines the number of axes;
        if there is none, 2.
    stride : int or sequence of int, optional
        Without it, `kernel_size`.
    padding : int, str, or sequence, default 0
        As for `Conv`, but less than the kernel on each side, and not negative. TensorFlow's SAME is
        ``padding="same", count_include_pad=False``.
    dilation : int or sequence of int, default 1
        Distance between the cells of a window, as in `MaxPool` and ONNX; PyTorch's average pools have none.
    ceil_mode : bool, default False
        Round the output size up. A last window that would start beyond the input is left out.
    count_include_pad : bool, default True
    divisor_override : int, optional
        What every sum is divided by: any integer of 64 bits but 0.
    channels : int, default 1
    ndim : int, optional
        Number of axes, where no argument tells it.

    Raises
    ------
    ValueError
        For numbers that make no layer, in one sentence with the arithmetic; a TypeError as well where an argument is
        not of its kind.

    Notes
    -----
    A name of a padding, and a stride that is that of the kernel, become numbers when the layer is made:
    `dataclasses.replace` keeps these numbers, also beside a new `kernel_size`.

    References
    ----------
    .. [1] PyTorch, documentation of AvgPool2d: sizes and `ceil_mode`; its divisors are those of the code,
       aten/src/ATen/native/cpu/AvgPoolKernel.cpp.

    Examples
    --------
    >>> print((6 * AvgPool((5,), 3, stride=2, padding=1).matrix()).toarray())
    [[2. 2. 0. 0. 0.]
     [0. 2. 2. 2. 0.]
     [0. 0. 0. 2. 2.]]
    >>> print((6 * AvgPool((5,), 3, stride=2, padding=1, count_include_pad=False).matrix()).toarray())
    [[3. 3. 0. 0. 0.]
     [0. 2. 2. 2. 0.]
     [0. 0. 0. 3. 3.]]
    """

    count_include_pad: bool
    divisor_override: int | None

    _padding_alone = "a window of padding alone has no input to average"

    @shortens_errors
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        channels: int = 1,
        ndim: int | None = None,
    ) -> None:
        self._set_windows(input_size, kernel_size, stride, padding, dilation, ceil_mode, channels, ndim)
        divisor = None if divisor_override is None else _divisor(divisor_override)
        self._set(count_include_pad=flag("count_include_pad", count_include_pad), divisor_override=divisor)

    @property
    def nnz(self) -> int:
        """Number of entries the matrix stores; known without building it."""
        return self._windows_nnz

    def divisors(self) -> NDArray[np.int64]:
        """Return the divisor of each output.

        Returns
        -------
        output_size ndarray of int64

        Raises
        ------
        ValueError
            If there are more than fit in the available memory (also a MemoryError), or one is beyond 64 bits.

        Examples
        --------
        >>> AvgPool((4,), 3, stride=2, padding=1, ceil_mode=True).divisors()
        array([3, 3, 2])
        """
        outputs = prod(self.output_size)
        require_memory(2 * 8 * outputs, f"an array of {short(outputs)} divisors", "take a smaller input")
        if self.divisor_override is not None:
            return np.full(self.output_size, self.divisor_override, dtype=np.int64)
        counts = self._counts()
        largest = prod(int(count.max()) for count in counts)
        if largest > _MOST_INT64:
            raise ValueError(f"a divisor is {short(largest)}, which 64 bits do not hold: take a smaller kernel")
        return reduce(np.multiply.outer, counts, np.ones((), dtype=np.int64))

    def _counts(self) -> list[NDArray[np.int64]]:
        """Return, for each axis, the number of cells of each window that count; their products are the divisors."""
        return [self._axis_counts(axis, *pads) for axis, pads in zip(self.axes, self.padding, strict=True)]

    def _axis_counts(self, axis: Axis, before: int, after: int) -> NDArray[np.int64]:
        """Count the taps of each window of one axis that lie on the input, or on the padding if it is included."""
        first, last = (-before, axis.input_size + after - 1) if self.count_include_pad else (0, axis.input_size - 1)
        if axis.output_size == 1:  # without arrays, since a single window may be larger than what 64 bits count
            starts: Any = np.array([-before], dtype=object)
        else:
            require_countable(axis)
            starts = np.arange(axis.output_size, dtype=np.int64) * axis.stride - before
        taps = np.minimum((last - starts) // axis.dilation, axis.kernel_size - 1)
        counts = taps - np.maximum(-((starts - first) // axis.dilation), 0) + 1
        if counts.max() > _MOST_INT64:
            raise ValueError(
                f"a window counts {short(int(counts.max()))} cells, which 64 bits do not hold: take a smaller kernel"
            )
        in_64_bits: NDArray[np.int64] = counts.astype(np.int64)
        return in_64_bits

    def _scale(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The reciprocal of every row's divisor."""
        rows = self.matrix_shape[0]
        require_memory(3 * 8 * rows, f"an array of {short(rows)} divisors", "take a smaller input")
        if self.divisor_override is not None:
            return np.full(rows, 1 / self.divisor_override).astype(dtype)
        # As floats, since a product of counts may be larger than any integer of 64 bits.
        counts = [count.astype(np.float64) for count in self._counts()]
        return np.tile(1 / reduce(np.multiply.outer, counts, np.ones(())).ravel(), self.channels).astype(dtype)

    def _matrix(self, dtype: np.dtype[Any]) -> sparse.csr_array:
        C = assemble(self._patterns(), self._ones(dtype), self.channels)
        if dtype.kind != "b":
            C.data *= np.repeat(self._scale(dtype), np.diff(C.indptr))
        return C

    def _operator(self, dtype: np.dtype[Any]) -> "LinearOperator":
        from convmatrix.core.fast.matrixfree import ScaledOperator  # scipy.sparse.linalg is slow to import

        sums = self._sums(dtype)
        return sums if dtype.kind == "b" else ScaledOperator(sums, self._scale(dtype))

    def _sums(self, dtype: np.dtype[Any]) -> "LinearOperator":
        """The sum over each window."""
        from convmatrix.core.fast.matrixfree import ConvolutionOperator
        from convmatrix.core.kronecker import KroneckerOperator  # scipy.sparse.linalg is slow to import

        if any(axis.kernel_size > axis.input_size for axis in self.axes):
            # A kernel may be too large for memory even if the input is not; axis by axis it is not written out.
            return KroneckerOperator(self.axis_patterns(), self.channels, dtype)
        taps = self.channels * prod(self.kernel_size)
        require_memory(taps * dtype.itemsize, f"a weight of {short(taps)} ones", "take fewer channels at a time")
        ones = np.ones((self.channels, 1, *self.kernel_size), dtype=dtype)
        return ConvolutionOperator(self.axes, ones, self.channels)

    @property
    def _fractional(self) -> bool:
        return True

    @property
    def _remedy(self) -> str:
        return "use .operator(), which applies the same map without it"

    def _peak(self, dtype: np.dtype[Any]) -> int:
        return self.nbytes(dtype) + self.nnz * dtype.itemsize + 3 * self.matrix_shape[0] * np.dtype(np.int64).itemsize

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {**super()._defaults, "count_include_pad": True, "divisor_override": None}


@dataclass(frozen=True, init=False, repr=False)
class MaxPool(Pool):
    """Max pooling: the windows, and at a given input the matrix that selects the largest entry of each.

    It is not linear, so there is no matrix without an input; `pattern` is what the windows see. Padding is never
    selected. Unpooling is the transpose of the selection: ``S.T @ y`` puts each value where it came from, and zeros
    elsewhere. Where windows overlap and select the same input, it adds their values up; PyTorch's `max_unpool` then
    keeps one of them. The columns of the selection are PyTorch's indices, counted on through the channels.

    Parameters
    ----------
    input_size, kernel_size, stride, padding, dilation, ceil_mode, channels, ndim
        As for `AvgPool`.

    Raises
    ------
    ValueError
        As for `AvgPool`.

    Notes
    -----
    `dataclasses.replace` keeps the numbers of `padding` and `stride`, as of an `AvgPool`.

    References
    ----------
    .. [1] PyTorch, documentation of MaxPool2d and MaxUnpool2d.

    Examples
    --------
    >>> pool = MaxPool((4,), 2)
    >>> S = pool.matrix([3, 1, 4, 4])
    >>> print(S.toarray())
    [[1 0 0 0]
     [0 0 1 0]]
    >>> S @ [3, 1, 4, 4], S.T @ [3, 4]
    (array([3, 4]), array([3, 0, 4, 0]))
    """

    _padding_alone = "a window of padding alone has no largest entry"

    @shortens_errors
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        ceil_mode: bool = False,
        channels: int = 1,
        ndim: int | None = None,
    ) -> None:
        self._set_windows(input_size, kernel_size, stride, padding, dilation, ceil_mode, channels, ndim)

    @property
    def nnz(self) -> int:
        """Number of entries of a selection: one for each output."""
        return self.matrix_shape[0]

    def nbytes(self, dtype: DTypeLike = np.int64) -> int:
        """Bytes of a selection for a dtype: data, indices and indptr; known without building it.

        Parameters
        ----------
        dtype : dtype, default int64

        Returns
        -------
        int
        """
        return self._nbytes(self.nnz, dtype)

    def pattern(self) -> sparse.csr_array:
        """Build the pattern of the windows: true for the inputs of which an output is the largest.

        Returns
        -------
        matrix_shape csr_array of bool
            Canonical.

        Raises
        ------
        ValueError
            If it does not fit in the available memory (also a MemoryError).

        Examples
        --------
        >>> print(MaxPool((5,), 3, stride=2).pattern().astype(int).toarray())
        [[1 1 1 0 0]
         [0 0 1 1 1]]
        """
        self._require_memory(self._nbytes(self._windows_nnz, bool), "the pattern", self._windows_nnz)
        return assemble(self._patterns(), self._ones(np.dtype(bool)), self.channels)

    def matrix(self, x: ArrayLike | None = None, *, dtype: DTypeLike = np.int64) -> sparse.csr_array:
        """Build the matrix S that selects the largest entries of one input: ``S @ vec(x)`` is the pooled x.

        Of equal entries the first in C order is selected, and a NaN before all numbers, as PyTorch does (but of
        several NaNs also the first).

        Parameters
        ----------
        x : (channels, *input_size) array_like
            Or of shape input_size when there is one channel. Real numbers.
        dtype : dtype, default int64
            Of the ones.

        Returns
        -------
        S : matrix_shape csr_array
            One entry in each row; canonical.

        Raises
        ------
        ValueError
            If x is not one input of this layer, if x or dtype are of a kind that does not do (also a TypeError), or
            if the pattern of the windows does not fit in the available memory (also a MemoryError).

        Examples
        --------
        >>> print(MaxPool((2, 3), 2, stride=1).matrix([[1, 5, 2], [8, 3, 4]]).toarray())
        [[0 0 0 1 0 0]
         [0 1 0 0 0 0]]
        """
        values, kind = self._values(x), storable_dtype(dtype)
        windows_and_values = self._nbytes(self._windows_nnz, bool) + self._windows_nnz * (2 * values.itemsize + 3)
        self._require_memory(windows_and_values + 3 * self.nbytes(kind), "the selection", self.nnz)
        windows = assemble(self._patterns(), self._ones(np.dtype(bool)), self.channels)
        window_values, starts = values[windows.indices], windows.indptr[:-1]  # no window is empty
        largest = np.maximum.reduceat(window_values, starts)
        is_largest = np.flatnonzero(_equal(window_values, np.repeat(largest, np.diff(windows.indptr))))
        first = is_largest[np.searchsorted(is_largest, starts)]
        rows, cols = self.matrix_shape
        index = index_dtype(rows, cols, rows)
        S = sparse.csr_array(
            (np.ones(rows, dtype=kind), windows.indices[first].astype(index), np.arange(rows + 1, dtype=index)),
            shape=(rows, cols),
        )
        S.has_canonical_format = True
        return S

    @property
    def _remedy(self) -> str:
        return "take fewer channels at a time: they all have the same windows"

    def _values(self, x: ArrayLike | None) -> NDArray[Any]:
        if x is None:
            raise WrongTypeError(
                "max pooling is not linear: what each window selects depends on the input, so say which, as in "
                ".matrix(x); .pattern() is what the windows see"
            )
        x = array_of("x", x)
        if x.dtype.kind not in "biuf":
            raise WrongTypeError(f"x has dtype {x.dtype}, of which no entry is the largest: give real numbers")
        values = self.vec(x)
        if values.ndim > 1:
            raise ValueError(
                f"x has shape {x.shape} but a selection is that of one input, {self.input_shape}: build one for each "
                "entry of the batch"
            )
        return values


def _equal(values: NDArray[Any], largest: NDArray[Any]) -> NDArray[np.bool_]:
    """Return a mask of the values that equal the largest; where the largest is NaN, of those that are NaN."""
    same: NDArray[np.bool_] = values == largest
    return same | np.isnan(values) if values.dtype.kind == "f" else same


# -- checks ----------------------------------------------------------------------------------------------------------


def _spans(kernel_size: Iterable[int], dilation: Iterable[int]) -> list[int]:
    return [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]


def _divisor(divisor_override: int) -> int:
    """A divisor, which PyTorch takes of either sign and in 64 bits."""
    divisor = integer("divisor_override", divisor_override)
    if divisor == 0:
        raise ValueError("divisor_override must not be 0, by which no sum can be divided: leave it out for the mean")
    if not -_MOST_INT64 <= divisor <= _MOST_INT64:
        raise ValueError(f"divisor_override must be between -2**63 and 2**63, got {short(divisor)}")
    return divisor


def _check_pads(number: int, axis: Axis, pads: tuple[int, int], padding_alone: str) -> None:
    spans = f"kernel_size {axis.kernel_size}"
    if axis.dilation > 1:
        arithmetic = f"= dilation {axis.dilation} * (kernel_size {axis.kernel_size} - 1) + 1"
        spans = f"the {axis.span} that a window spans ({arithmetic})"
    for where, pad in zip(("before", "after"), pads, strict=True):
        if pad < 0:
            raise ValueError(
                f"padding on axis {number}, {where}, must be at least 0 in a pool, got {pad}: crop the input instead"
            )
        if pad >= axis.span:
            raise ValueError(
                f"padding {pad} on axis {number}, {where}, must be less than {spans}: {padding_alone}; use at most "
                f"{axis.span - 1}"
            )


def _check_sight(number: int, axis: Axis) -> None:
    """Check that every window contains an input: none has taps on both sides of the input only."""
    if axis.dilation <= axis.input_size:
        return
    for output in range(min(-(-axis.before // axis.stride), axis.output_size)):
        if (output * axis.stride - axis.before) % axis.dilation >= axis.input_size:
            raise ValueError(
                f"window {output} on axis {number} sees no input: its {axis.kernel_size} taps are dilation "
                f"{axis.dilation} apart and step over the whole input_size {axis.input_size}; use a smaller dilation "
                "or less padding"
            )
