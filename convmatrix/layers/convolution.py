"""Conv and ConvTranspose: what a convolution layer is, before there is any data.

A layer is frozen and valid from the moment it exists: its fields hold resolved numbers, one for each axis, its sizes
are integer arithmetic, and nobody checks shapes again. The matrix, the operator and the transpose come from it.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from convmatrix.core import equation
from convmatrix.core.axis import PADDING_MODES, Axis, input_sizes, named_padding, split_same
from convmatrix.core.channels import channels_last as permuted
from convmatrix.core.errors import WrongTypeError, counted, short, shortens_refusals
from convmatrix.core.fast.assembly import assemble, count_entries, index_dtype, refill, sum_columns
from convmatrix.core.fast.gram import gram_weight
from convmatrix.core.fast.weights import extended_weight, taps_of_places
from convmatrix.core.memory import require_memory
from convmatrix.core.pattern import (
    Pattern,
    gram_pattern_of,
    pattern_of,
    transposed_gram_pattern_of,
    transposed_pattern_of,
)
from convmatrix.layers.arguments import (
    Padding,
    PerAxis,
    array_of,
    cast_for,
    check_fit,
    check_word,
    count_axes,
    flag,
    integer,
    padding_entries,
    per_axis,
    positive,
    storable_dtype,
)
from convmatrix.layers.base import AnyLayer
from convmatrix.layers.index_check import (
    EXACT_ENTRIES,
    StoredIndices,
    require_filled_by,
    sample_indices,
    sample_rows,
)

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["Conv", "ConvTranspose", "Layer", "flip"]

_Method = Literal["fast", "equation"]

_EQUATION_BYTES = 100
"""Of one read in the terms of the equation, which are concatenated and sorted."""


@dataclass(frozen=True, init=False, repr=False)
class Layer(AnyLayer):
    """What `Conv` and `ConvTranspose` share; never made itself.

    A subclass says which axes its forward convolution has and how its weight is laid out; the matrix of a `Conv` has
    the outputs of these axes as rows, that of a `ConvTranspose` their inputs.
    """

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    in_channels: int
    out_channels: int
    padding_mode: str
    input_dilation: tuple[int, ...]

    # -- what a subclass says --------------------------------------------------------------------------------------

    _transposed = False
    """Whether the layer's own matrix is the transpose of the one that `axes` and the weight describe."""

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the forward convolution, outermost first."""
        raise NotImplementedError

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis."""
        raise NotImplementedError

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight."""
        raise NotImplementedError

    def _patterns(self) -> list[Pattern]:
        """The pattern of each axis, with this layer's outputs as rows."""
        raise NotImplementedError

    def _gram_patterns(self) -> list[Pattern]:
        """The pattern of each axis of C^H C, C being this layer's own matrix."""
        raise NotImplementedError

    def _by_rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        """A weight as (out_channels, in_channels // groups, *kernel_size)."""
        raise NotImplementedError

    # -- sizes -----------------------------------------------------------------------------------------------------

    @cached_property
    def nnz(self) -> int:
        """Number of entries the matrix stores; known without building it."""
        return prod(axis.nnz for axis in self.axes) * self.out_channels * self.in_channels // self.groups

    def nbytes(self, dtype: DTypeLike = np.float64) -> int:
        """Bytes of the matrix for weights of a dtype: data, indices and indptr; known without building it.

        Returns
        -------
        int

        Examples
        --------
        >>> Conv(4, 3).nbytes("float32")
        308
        """
        return self._nbytes(self.nnz, storable_dtype(dtype))

    # -- the matrix and its kin ------------------------------------------------------------------------------------

    def matrix(
        self,
        weight: ArrayLike,
        *,
        rows: slice | None = None,
        threads: int = 1,
        channels_last: bool = False,
        method: _Method = "fast",
    ) -> sparse.csr_array:
        """Build the sparse matrix C of this layer such that ``y = C @ x`` for flattened x and y.

        Cross-correlation (the kernel is not flipped); C order, channels first. Structure does not depend on values:
        a weight of zero is stored. Where a border mode brings several taps onto one input, their weights are summed
        (for bool: "or").

        Parameters
        ----------
        weight : weight_shape array_like
            A bare array of shape kernel_size will do when there is one channel in and out.
        rows : slice, optional
            Consecutive rows to build; all by default. Columns stay those of the whole matrix.
        threads : int, default 1
            How many write a matrix of ten million entries or more, each its own rows.
        channels_last : bool, default False
            Permute rows and columns for data whose channels are its last axis (NHWC):
            ``(C @ x.ravel()).reshape(*output_size, out_channels)`` is then the output of an x of shape
            (*input_size, in_channels). The weight stays as it is.
        method : {"fast", "equation"}, default "fast"
            ``equation`` is the definition, ``C = sum_t W[:, :, t] (x) T_t``, as `convmatrix.core.equation` writes it:
            the same matrix, for reading and checking; slower, and with more memory.

        Returns
        -------
        C : matrix_shape csr_array
            Or as many rows as `rows` has. Of the weight's dtype, canonical, with int32 indices wherever they fit.

        Raises
        ------
        ValueError
            If the weight's shape or dtype is not the layer's (a dtype also is a TypeError), if the matrix does not
            fit in the available memory (also a MemoryError), if an integer sum overflows (also an OverflowError), or
            if `rows` is given with `channels_last`.

        Examples
        --------
        >>> print(Conv((2, 3), 2).matrix([[1, 2], [3, 4]]).toarray())
        [[1 2 0 3 4 0]
         [0 1 2 0 3 4]]
        """
        weight, threads = self.checked_weight(weight), positive("threads", threads)
        check_word("method", method, get_args(_Method))
        if flag("channels_last", channels_last):
            return self._channels_last(weight, rows, threads, method)
        if method == "equation":
            whole = self._equation(weight)
            return whole if rows is None else whole[slice(*self._ends(rows))]
        if rows is not None:
            return self._rows(*self._prepared(weight), range(*self._ends(rows)), threads)
        self._require_memory(self.nbytes(weight.dtype), "the matrix", self.nnz)
        return assemble(*self._prepared(weight), self.groups, threads=threads)

    def row_blocks(self, weight: ArrayLike, *, rows: int, first: int = 0) -> Iterator[tuple[slice, sparse.csr_array]]:
        """Build the matrix block by block of rows: what does not fit in memory at once, or goes to several machines.

        Parameters
        ----------
        weight : weight_shape array_like
            As for `matrix`.
        rows : int
            Rows of a block; the last one may have fewer.
        first : int, default 0
            Number of the block to begin with: where to go on after an interruption.

        Returns
        -------
        iterator of (slice, csr_array)
            Which rows of C a block has, and the block as ``matrix(weight)[rows]`` has it; indices are int32 wherever
            the block allows it.

        Raises
        ------
        ValueError
            As for `matrix`; and if `rows` is less than 1, or there is no block `first`.

        Examples
        --------
        >>> for rows, block in Conv((4,), 2).row_blocks([1, 2], rows=2):
        ...     print(rows, block.toarray().tolist())
        slice(0, 2, None) [[1, 2, 0, 0], [0, 1, 2, 0]]
        slice(2, 3, None) [[0, 0, 1, 2]]
        """
        rows, total = positive("rows", rows), self.matrix_shape[0]
        blocks = -(-total // rows)
        first = integer("first", first)
        if not 0 <= first <= blocks:
            raise ValueError(f"first={short(first)} but there are {blocks} blocks (= {total} rows / {rows}, rounded "
                             "up), numbered from 0")  # fmt: skip
        prepared = self._prepared(self.checked_weight(weight, copy=True))
        wanted = (range(start, min(start + rows, total)) for start in range(first * rows, total, rows))
        # Arguments are checked when this is called, not when the first block is asked for.
        return ((slice(block.start, block.stop), self._rows(*prepared, block)) for block in wanted)

    def refill(self, matrix: sparse.csr_array, weight: ArrayLike) -> sparse.csr_array:
        """Write the values of another weight over those of a matrix of this layer, whose pattern they share.

        Parameters
        ----------
        matrix : matrix_shape csr_array
            What `matrix` returned for this layer, with its indices as they were; a csr_matrix of the same arrays will
            do. Indices are compared with the layer's: all of them up to 2**18 entries, above that those of some rows,
            and the sum of all columns.
        weight : weight_shape array_like
            Of the matrix' dtype.

        Returns
        -------
        csr_array
            The same object, with new values in ``matrix.data``.

        Raises
        ------
        ValueError
            If the matrix has another shape, number of entries or other indices than this layer's, if its data cannot
            be written to, or if the weight is none of this layer's; the matrix is left as it was.
        WrongTypeError
            If it is no CSR matrix, or the two have different dtypes; also a TypeError.

        Examples
        --------
        >>> layer = Conv((3,), 2)
        >>> C = layer.matrix([1, 2])
        >>> layer.refill(C, [3, 4]).toarray()
        array([[3, 4, 0],
               [0, 3, 4]])
        """
        weight = self.checked_weight(weight)
        require_filled_by(matrix, self.matrix_shape, self.nnz, weight.dtype, lambda: self._stored_indices)
        if np.may_share_memory(weight, matrix.data):  # which is written over while the weight is read
            weight = weight.copy()
        refill(*self._prepared(weight), self.groups, matrix.data)
        return matrix

    def gram(self, weight: ArrayLike) -> sparse.csr_array:
        """Build C^H C, the matrix of the normal equations, without a product of sparse matrices.

        Two inputs meet in it wherever a window reads both. For a real weight it is C^T C; in the interior it is the
        convolution with the kernel's autocorrelation, at the borders it is exact in every padding mode.

        Parameters
        ----------
        weight : weight_shape array_like
            As for `matrix`.

        Returns
        -------
        (n, n) csr_array
            n = prod(input_shape). Of the weight's dtype, canonical, with an entry wherever two inputs meet, whatever
            its value.

        Raises
        ------
        ValueError
            As for `matrix`.

        Examples
        --------
        >>> print(Conv((4,), 2).gram([1, 2]).toarray())
        [[1 2 0 0]
         [2 5 2 0]
         [0 2 5 2]
         [0 0 2 4]]
        """
        weight = self.checked_weight(weight)
        patterns = self._gram_patterns()
        channels = self.in_channels // self.groups
        nnz = prod(pattern.nnz for pattern in patterns) * self.in_channels * channels
        n = self.matrix_shape[1]
        index = index_dtype(n, n, nnz).itemsize
        taps = prod(
            max(size**2, len(pattern.symbols)) for size, pattern in zip(self.kernel_size, patterns, strict=True)
        )
        pairs = 3 * self.in_channels * channels * taps * weight.dtype.itemsize
        require_memory(
            nnz * (weight.dtype.itemsize + index) + pairs,
            f"the Gram matrix of {n} x {n} with {nnz} entries",
            "multiply by .operator(weight) and its .H, or solve by scipy's lsmr, which does",
        )
        return assemble(patterns, gram_weight(self._by_rows(weight), patterns, self.groups), self.groups)

    def taps(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tell which weight entries each stored entry of the matrix is the sum of.

        Returns
        -------
        indptr : (nnz + 1,) ndarray of int64
        ids : ndarray of int64
            Entry j of ``C.data`` is the sum of ``weight.ravel()[ids[indptr[j]:indptr[j + 1]]]``.

        Raises
        ------
        ValueError
            If the arrays do not fit in the available memory (also a MemoryError).

        Examples
        --------
        >>> indptr, ids = Conv((3,), 3, padding=1, padding_mode="replicate").taps()
        >>> [ids[a:b].tolist() for a, b in zip(indptr, indptr[1:])]
        [[0, 1], [2], [0], [1], [2], [0], [1, 2]]
        """
        count = self.nnz
        if self.padding_mode != "zeros":  # several ids where taps meet on one input
            taps = prod(axis.output_size * axis.kernel_size for axis in self.axes)
            count += taps * self.out_channels * self.in_channels // self.groups
        self._require_memory(4 * count * np.dtype(np.int64).itemsize, "the table of taps", self.nnz)
        patterns = self._patterns()
        ptr, kernel_taps = taps_of_places(patterns)
        channels = self._by_rows(np.arange(prod(self.weight_shape[:2])).reshape(self.weight_shape[:2]))
        # For each place of the extended weight, which entries of the weight it is the sum of.
        ids = (channels.reshape(-1, 1) * prod(self.kernel_size) + kernel_taps).ravel()
        starts = (np.arange(channels.size)[:, None] * ptr[-1] + ptr[:-1]).ravel()
        sizes = np.tile(np.diff(ptr), channels.size)
        # With the number of its place for a weight, the matrix says which place each of its entries has.
        numbers = np.arange(len(sizes)).reshape(*channels.shape, *(len(pattern.symbols) for pattern in patterns))
        places = assemble(patterns, numbers, self.groups).data
        if len(ids) == len(sizes):
            return np.arange(len(places) + 1), ids[places]
        lengths = sizes[places]
        indptr = np.zeros(len(places) + 1, dtype=np.int64)
        np.cumsum(lengths, out=indptr[1:])
        within = np.arange(indptr[-1])
        within += np.repeat(starts[places] - indptr[:-1], lengths)
        return indptr, ids[within]

    def operator(self, weight: ArrayLike) -> "LinearOperator":
        """Make the same map as `matrix` without building it.

        Parameters
        ----------
        weight : weight_shape array_like
            As for `matrix`.

        Returns
        -------
        LinearOperator of shape matrix_shape
            With matvec, rmatvec (the conjugate transpose), matmat and rmatmat; scipy's solvers take it.

        Raises
        ------
        ValueError
            If the weight's shape or dtype is not the layer's, or if an integer sum overflows; as for `matrix`.

        Examples
        --------
        >>> layer = Conv(4, 3)
        >>> weight = np.arange(9).reshape(3, 3)
        >>> layer.operator(weight) @ np.arange(16)
        array([258, 294, 402, 438])
        """
        from convmatrix.core.fast.matrixfree import ConvolutionOperator  # scipy.sparse.linalg is slow to import

        own = self.checked_weight(weight, copy=True)
        return ConvolutionOperator(self.axes, own, self.groups, transposed=self._transposed)

    # -- biases ----------------------------------------------------------------------------------------------------

    @shortens_refusals
    def bias_vector(self, bias: ArrayLike) -> NDArray[Any]:
        """Spread one bias per output channel over the map: what to add to ``C @ x``.

        Parameters
        ----------
        bias : (out_channels,) array_like

        Returns
        -------
        (m,) ndarray
            m = prod(output_shape).

        Raises
        ------
        ValueError
            If there is not one bias for each output channel, or the vector does not fit in the available memory (also
            a MemoryError).

        Examples
        --------
        >>> Conv((3,), 2, out_channels=2).bias_vector([10, 20])
        array([10, 10, 20, 20])
        """
        bias = array_of("bias", bias)
        if bias.shape != (self.out_channels,):
            raise ValueError(
                f"bias has shape {bias.shape} but must have shape ({self.out_channels},), one number for each output "
                f"channel (out_channels={self.out_channels})"
            )
        places = prod(self.output_size)
        require_memory(
            places * bias.nbytes,
            f"the bias of {counted(places * len(bias), 'output')}",
            "add the number of each channel to the outputs of that channel",
        )
        return np.repeat(bias, places)

    # -- parts -----------------------------------------------------------------------------------------------------

    @cached_property
    def _stored_indices(self) -> StoredIndices:
        """The indices of this layer's matrix, or of some rows of it where it is large."""
        patterns = self._patterns()
        pairs = (self.out_channels, self.in_channels // self.groups)
        weight = np.broadcast_to(np.True_, (*pairs, *(len(pattern.symbols) for pattern in patterns)))
        if self.nnz <= EXACT_ENTRIES:
            matrix = assemble(patterns, weight, self.groups)
            return StoredIndices(slice(None), matrix.indptr.copy(), slice(None), matrix.indices.copy())
        return sample_indices(
            sample_rows(self.output_shape),
            self.nnz,
            lambda row: count_entries(patterns, weight, self.groups, range(row)),
            lambda row: assemble(patterns, weight, self.groups, range(row, row + 1)).indices,
            sum_columns(patterns, weight, self.groups),
        )

    def _prepared(self, weight: NDArray[Any]) -> tuple[list[Pattern], NDArray[Any]]:
        """The patterns of the axes, and a checked weight extended for them."""
        patterns = self._patterns()
        return patterns, extended_weight(self._by_rows(weight), patterns)

    def _rows(self, patterns: list[Pattern], weight: NDArray[Any], rows: range, threads: int = 1) -> sparse.csr_array:
        """Consecutive rows of the matrix."""
        nnz = count_entries(patterns, weight, self.groups, rows)
        index = index_dtype(len(rows), self.matrix_shape[1], nnz).itemsize
        needed = nnz * (weight.dtype.itemsize + index) + (len(rows) + 1) * index
        require_memory(needed, f"{len(rows)} rows of the matrix, with {nnz} entries,", "take fewer rows at a time")
        return assemble(patterns, weight, self.groups, rows, threads)

    def _equation(self, weight: NDArray[Any]) -> sparse.csr_array:
        """The whole matrix of a checked weight by the equation."""
        reads = weight.size * prod(axis.output_size for axis in self.axes)  # one for each weight at each window
        require_memory(_EQUATION_BYTES * reads, f"the equation of {reads} reads", 'leave out method="equation"')
        self._prepared(weight)  # which refuses sums that overflow
        matrix = self._in_our_direction(equation.matrix(self.axes, weight, self.groups))
        index = index_dtype(*matrix.shape, matrix.nnz)
        return sparse.csr_array(
            (matrix.data, matrix.indices.astype(index), matrix.indptr.astype(index)), shape=matrix.shape
        )

    def _in_our_direction(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """The matrix of the layer, from that of the convolution on its axes."""
        raise NotImplementedError

    def _channels_last(
        self, weight: NDArray[Any], rows: slice | None, threads: int, method: _Method
    ) -> sparse.csr_array:
        """The matrix for data whose channels are its last axis."""
        if rows is not None:
            raise ValueError(
                f"rows={rows} cannot stand beside channels_last=True, whose consecutive rows are far apart in the "
                "matrix that is built: take matrix(weight, channels_last=True)[rows]"
            )
        # The permuted copies of all arrays stand beside the matrix that they come from.
        self._require_memory(3 * self.nbytes(weight.dtype), "the matrix with channels last", self.nnz)
        if method == "equation":
            matrix = self._equation(weight)
        else:
            matrix = assemble(*self._prepared(weight), self.groups, threads=threads)
        return permuted(matrix, self.output_shape, self.input_shape)

    def _ends(self, rows: slice) -> tuple[int, int]:
        """The first of consecutive rows, and one past the last."""
        if not isinstance(rows, slice):
            raise WrongTypeError(
                f"rows is {short(rows)} but has to be a slice of consecutive rows, such as slice(0, 100)"
            )
        wanted = range(*rows.indices(self.matrix_shape[0]))
        if wanted.step != 1:
            raise ValueError(f"rows={rows} has step {wanted.step}, but only consecutive rows are built: take "
                             f"matrix(weight)[{rows.start}:{rows.stop}:{rows.step}]")  # fmt: skip
        return wanted.start, max(wanted.start, wanted.stop)

    # -- checks ----------------------------------------------------------------------------------------------------

    @shortens_refusals
    def checked_weight(self, weight: ArrayLike, *, copy: bool = False) -> NDArray[Any]:
        """Give a weight the shape `weight_shape` and the machine's byte order, if it is this layer's.

        Parameters
        ----------
        weight : weight_shape array_like
            As for `matrix`.
        copy : bool, default False
            Whether the result keeps its values when `weight` is written to afterwards.

        Returns
        -------
        weight_shape ndarray

        Raises
        ------
        ValueError
            If the weight's shape is not the layer's.
        WrongTypeError
            If its dtype is none that scipy.sparse can hold: a TypeError as well.

        Examples
        --------
        >>> Conv((4,), 2).checked_weight([1, 2])
        array([[[1, 2]]])
        """
        weight = array_of("weight", weight)
        cast = cast_for(weight.dtype)
        if cast is not None:
            raise WrongTypeError(
                f"weight has dtype {weight.dtype}, which scipy.sparse cannot hold: cast it with .astype({cast!r})"
            )
        if weight.shape == self.kernel_size and self.in_channels == self.out_channels == 1:
            weight = weight.reshape(self.weight_shape)
        if weight.shape != self.weight_shape:
            raise ValueError(self._wrong_shape(weight.shape))
        return weight.astype(weight.dtype.newbyteorder("="), copy=copy)

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        raise NotImplementedError

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return _DEFAULTS

    @property
    def _remedy(self) -> str:
        return (
            "use .operator(weight), which applies the same map without it, or .row_blocks(weight, rows=...), which "
            "builds it block by block"
        )


_DEFAULTS: Mapping[str, Any] = {
    "stride": 1, "padding": (0, 0), "dilation": 1, "groups": 1, "in_channels": 1, "out_channels": 1,
    "padding_mode": "zeros", "input_dilation": 1, "output_padding": 0,
}  # fmt: skip


@dataclass(frozen=True, init=False, repr=False)
class Conv(Layer):
    """A convolution layer (cross-correlation, as in deep-learning frameworks), as numbers.

    Parameters
    ----------
    input_size, kernel_size : int or sequence of int
        One int for all axes, or one for each. The first sequence among the arguments says how many axes there are;
        if there is none, 2.
    stride, dilation : int or sequence of int, default 1
    padding : int, str, or sequence, default 0
        An int for both ends of every axis, or one entry for each axis: an int or a (before, after) pair; negative
        numbers crop. Or a name: ``valid`` (0, 0), ``full`` (k_e-1 twice), ``half`` (k_e//2 twice), ``causal``
        (k_e-1, 0), ``anticausal`` (0, k_e-1), ``same`` (ceil(input_size/stride) outputs, the odd element at the end),
        ``same_lower`` (at the start); k_e = dilation*(kernel_size-1)+1.
    groups, in_channels, out_channels : int, default 1
    padding_mode : str, default "zeros"
        ``zeros``, ``reflect``, ``replicate``, ``circular`` (PyTorch's words) or ``symmetric``. All but zeros extend
        the axis endlessly; `padding` says which part of it the windows see.
    input_dilation : int or sequence of int, default 1
        Spreads the input with zeros first; 1 where the padding mode is not zeros, or the padding ``same``.
    ndim : int, optional
        Number of axes, where no argument tells it.

    Raises
    ------
    ValueError
        For numbers that make no layer, in one sentence with the arithmetic; a TypeError as well where an argument is
        not an integer.

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, relationships 6 and 15.

    Examples
    --------
    >>> conv = Conv(input_size=(4, 4), kernel_size=(3, 3))
    >>> conv.output_size, conv.matrix_shape, conv.nnz
    ((2, 2), (4, 16), 36)
    >>> conv.T
    ConvTranspose(input_size=(2, 2), kernel_size=(3, 3))
    """

    @shortens_refusals
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        in_channels: int = 1,
        out_channels: int = 1,
        padding_mode: str = "zeros",
        input_dilation: PerAxis = 1,
        ndim: int | None = None,
    ) -> None:
        numbers = {"input_size": input_size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation,
                   "input_dilation": input_dilation}  # fmt: skip
        axes, pads = _common(numbers, padding, ndim, padding_mode, groups, in_channels, out_channels)
        pairs = []
        for number, (axis, pad) in enumerate(zip(axes, pads, strict=True)):
            pair = named_padding(pad, axis.span, axis.stride, axis.input_size) if isinstance(pad, str) else pad
            pairs.append(pair)
            check_fit(number, axis, *pair)
        self._set(**_columns(axes), padding=tuple(pairs), groups=operator.index(groups), padding_mode=padding_mode,
                  in_channels=operator.index(in_channels), out_channels=operator.index(out_channels))  # fmt: skip

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the convolution, outermost first."""
        return tuple(
            Axis(n, k, s, before, after, d, a, self.padding_mode)
            for n, k, s, (before, after), d, a in zip(
                self.input_size, self.kernel_size, self.stride, self.padding, self.dilation, self.input_dilation,
                strict=True,
            )
        )  # fmt: skip

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis: floor((padded - k_e) / stride) + 1."""
        return tuple(axis.output_size for axis in self.axes)

    @property
    def leftover(self) -> tuple[int, ...]:
        """Positions at the end of each axis that no window reaches, the guide's ``a = (i + 2p - k) mod s``."""
        return tuple(axis.leftover for axis in self.axes)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels // groups, *kernel_size)."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def convolution(self) -> "Conv":
        """The layer itself; of a `ConvTranspose` the convolution that it transposes.

        Examples
        --------
        >>> conv = Conv(4, 3)
        >>> conv.convolution == conv == conv.T.convolution
        True
        """
        return self

    @property
    def T(self) -> "ConvTranspose":
        """The transposed convolution, whose matrix is this layer's transposed; ``conv.T.T == conv``."""
        return ConvTranspose(
            self.output_size,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            in_channels=self.out_channels,
            out_channels=self.in_channels,
            padding_mode=self.padding_mode,
            input_dilation=self.input_dilation,
            output_padding=self.leftover,
        )

    def _patterns(self) -> list[Pattern]:
        return [pattern_of(axis) for axis in self.axes]

    def _gram_patterns(self) -> list[Pattern]:
        return [gram_pattern_of(axis) for axis in self.axes]

    def _by_rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        return weight

    def _in_our_direction(self, matrix: sparse.csr_array) -> sparse.csr_array:
        return matrix

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        return _shape_sentence(self, shape, "out_channels", "in_channels")


@dataclass(frozen=True, init=False, repr=False)
class ConvTranspose(Layer):
    """A transposed convolution layer: the matrix of the forward convolution, transposed.

    Every keyword describes the forward convolution that it transposes, but sizes and channels are the layer's own:
    `input_size` is what the forward convolution gives. On each axis
    D = (input_size-1)*stride + k_e - before - after + output_padding, output_size = (D-1)/input_dilation + 1.

    Parameters
    ----------
    input_size, kernel_size, stride, dilation, groups, in_channels, out_channels, padding_mode, input_dilation, ndim
        As for `Conv`.
    padding : int, str, or sequence, default 0
        As for `Conv`, of the forward convolution. ``valid`` adds output_padding max(stride-k_e, 0); ``same`` and
        ``same_lower`` give input_size*stride (Keras' sizes). With `output_size`, the pads of a name come from it
        (TensorFlow's rule). ``causal`` makes the forward convolution causal, and this layer not: its outputs read
        inputs that come later. ``anticausal`` is the causal trim: it crops at the end alone, to input_size*stride
        outputs, none of which reads an input that comes later.
    output_padding : int or sequence of int, default 0
        Which of the sizes that the forward convolution maps to one output is meant; no zeros are added by it. Less
        than max(stride, dilation).
    output_size : int or sequence of int, optional
        The same said as a size.

    Raises
    ------
    ValueError
        For numbers that make no layer, in one sentence with the arithmetic; a TypeError as well where an argument is
        not an integer.

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, relationship 14.
    .. [2] PyTorch, documentation of ConvTranspose2d: the size formula and the bound of output_padding.

    Examples
    --------
    >>> up = ConvTranspose(input_size=(2, 2), kernel_size=(3, 3))
    >>> up.output_size, up.matrix_shape
    ((4, 4), (16, 4))
    >>> ConvTranspose(3, 3, stride=2, padding=1, output_size=6).output_padding
    (1, 1)
    >>> print(ConvTranspose((3,), 3, padding="anticausal").matrix([1, 2, 3]).toarray())
    [[1 0 0]
     [2 1 0]
     [3 2 1]]
    """

    output_padding: tuple[int, ...]
    _transposed = True

    @shortens_refusals
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
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
    ) -> None:
        numbers = {"input_size": input_size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation,
                   "input_dilation": input_dilation, "output_padding": output_padding}  # fmt: skip
        if output_size is not None:
            numbers["output_size"] = output_size
        axes, pads = _common(numbers, padding, ndim, padding_mode, groups, in_channels, out_channels)
        extra = per_axis("output_padding", output_padding, len(axes), least=0)
        sizes = [None] * len(axes) if output_size is None else per_axis("output_size", output_size, len(axes))
        resolved = [
            _transposed_axis(number, axis, pad, op, size)
            for number, (axis, pad, op, size) in enumerate(zip(axes, pads, extra, sizes, strict=True))
        ]
        self._set(**_columns(axes), padding=tuple(pair for pair, _ in resolved), groups=operator.index(groups),
                  padding_mode=padding_mode, in_channels=operator.index(in_channels),
                  out_channels=operator.index(out_channels),
                  output_padding=tuple(op for _, op in resolved))  # fmt: skip

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the forward convolution, outermost first.

        An output_padding of a stride or more would make the forward convolution's output larger than this layer's
        input; the windows end earlier instead.
        """
        return tuple(
            Axis(n, k, s, before, after - (op if op >= s else 0), d, a, self.padding_mode)
            for n, k, s, (before, after), d, a, op in zip(
                self.output_size, self.kernel_size, self.stride, self.padding, self.dilation, self.input_dilation,
                self.output_padding, strict=True,
            )
        )  # fmt: skip

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis."""
        return tuple(
            ((n - 1) * s + d * (k - 1) - before - after + op) // a + 1
            for n, k, s, (before, after), d, a, op in zip(
                self.input_size, self.kernel_size, self.stride, self.padding, self.dilation, self.input_dilation,
                self.output_padding, strict=True,
            )
        )  # fmt: skip

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(in_channels, out_channels // groups, *kernel_size): the array that the forward convolution has."""
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    @property
    def convolution(self) -> Conv:
        """The convolution that this layer transposes, `T`; of a `Conv` the layer itself."""
        return self.T

    @property
    def T(self) -> Conv:
        """The convolution that this layer transposes: its matrix is this layer's transposed.

        ``up.T.T == up`` but where output_padding is a stride or more: then the trailing padding of ``up.T`` is less by
        it, and ``up.T.T`` has this layer's matrix but not its fields.
        """
        return Conv(
            self.output_size,
            self.kernel_size,
            stride=self.stride,
            padding=[(axis.before, axis.after) for axis in self.axes],
            dilation=self.dilation,
            groups=self.groups,
            in_channels=self.out_channels,
            out_channels=self.in_channels,
            padding_mode=self.padding_mode,
            input_dilation=self.input_dilation,
        )

    def as_conv(self) -> Conv:
        """Make the direct convolution with the same matrix: zero insertion, and a kernel turned by 180 degrees.

        Returns
        -------
        Conv
            ``up.as_conv().matrix(up.turn(weight))`` equals ``up.matrix(weight)``.

        Raises
        ------
        ValueError
            If the padding mode is not zeros: then there is no such convolution in general.

        References
        ----------
        .. [1] Dumoulin & Visin, arXiv:1603.07285, relationships 8 to 14, with k_e for k, any padding, and groups.

        Examples
        --------
        >>> ConvTranspose(2, 3).as_conv()
        Conv(input_size=(2, 2), kernel_size=(3, 3), padding=((2, 2), (2, 2)))
        """
        if self.padding_mode != "zeros":
            raise ValueError(
                f"padding_mode {self.padding_mode!r} has no direct convolution for its transpose in general: border "
                "entries of the matrix add up several taps (replicate, kernel_size 3, padding 1: its first row is "
                "(w0+w1, w0, 0, ...), which no window gives); use the layer with padding_mode 'zeros' onto the "
                "padded frame, and fold the border back"
            )
        return Conv(
            self.input_size,
            self.kernel_size,
            stride=self.input_dilation,
            padding=[
                (axis.span - 1 - before, axis.span - 1 - after + op)
                for axis, (before, after), op in zip(self.axes, self.padding, self.output_padding, strict=True)
            ],
            dilation=self.dilation,
            groups=self.groups,
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            input_dilation=self.stride,
        )

    def turn(self, weight: ArrayLike) -> NDArray[Any]:
        """Turn a weight by 180 degrees and swap its channels within the groups: the weight of `as_conv`.

        Parameters
        ----------
        weight : (in_channels, out_channels // groups, *kernel_size) array_like

        Returns
        -------
        (out_channels, in_channels // groups, *kernel_size) ndarray

        Raises
        ------
        ValueError
            If the weight's shape or dtype is not the layer's.

        Examples
        --------
        >>> ConvTranspose((2,), 3).turn([1, 2, 3])
        array([[[3, 2, 1]]])
        """
        return flip(self._by_rows(self.checked_weight(weight)), ndim=self.ndim)

    def _patterns(self) -> list[Pattern]:
        return [transposed_pattern_of(axis) for axis in self.axes]

    def _gram_patterns(self) -> list[Pattern]:
        return [transposed_gram_pattern_of(axis) for axis in self.axes]

    def _by_rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        blocks = weight.reshape(self.groups, self.in_channels // self.groups, *weight.shape[1:])
        return np.swapaxes(blocks, 1, 2).reshape(self.out_channels, -1, *weight.shape[2:])

    def _in_our_direction(self, matrix: sparse.csr_array) -> sparse.csr_array:
        return sparse.csr_array(matrix.T)

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        return _shape_sentence(self, shape, "in_channels", "out_channels")


def flip(weight: ArrayLike, ndim: int | None = None) -> NDArray[Any]:
    """Reverse a weight along its spatial axes: the layer with the flipped weight is mathematical convolution.

    Parameters
    ----------
    weight : (out_channels, in_channels // groups, *kernel_size) or (*kernel_size) array_like
    ndim : int, optional
        Number of spatial axes, the last ones. Without it an array of one or two axes is a bare kernel, and a larger
        one has two channel axes first; say ``ndim=3`` for a bare kernel of three axes.

    Returns
    -------
    ndarray
        Of the shape of `weight`.

    Raises
    ------
    ValueError
        If the weight has fewer axes than `ndim`, or if an argument is of a kind that does not do (also a TypeError).

    Examples
    --------
    >>> flip([[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    weight = array_of("weight", weight)
    if ndim is None:
        ndim = weight.ndim if weight.ndim <= 2 else weight.ndim - 2
    elif not 0 <= integer("ndim", ndim) <= weight.ndim:
        raise ValueError(f"ndim is {short(integer('ndim', ndim))} but the weight has shape {weight.shape}: give the "
                         "number of its spatial axes, the last ones")  # fmt: skip
    return np.flip(weight, axis=tuple(range(weight.ndim - ndim, weight.ndim)))


def _shape_sentence(layer: Layer, shape: tuple[int, ...], first: str, second: str) -> str:
    """Say which numbers of a layer the shape of a weight does not go with; `first` and `second` name its channels."""
    wanted = layer.weight_shape
    if len(shape) != len(wanted) or shape[1] != wanted[1]:
        numbers = f"groups={layer.groups} and {second}={getattr(layer, second)} need"
        form = f"({first}, {wanted[1]}, *kernel_size)"
    elif shape[0] != wanted[0]:
        numbers, form = f"{first}={wanted[0]} needs", f"({wanted[0]}, {second} // groups, *kernel_size)"
    else:
        numbers = f"kernel_size={layer.kernel_size} needs"
        form = f"({first}, {second} // groups, *kernel_size)"
    return f"weight has shape {shape} but {numbers} {form} = {wanted}"


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _common(
    numbers: Mapping[str, PerAxis],
    padding: Padding,
    ndim: int | None,
    padding_mode: str,
    groups: int,
    in_channels: int,
    out_channels: int,
) -> tuple[list[Axis], list[str | tuple[int, int]]]:
    """Check what both layers have in common: axes without padding yet, and the padding entry of each."""
    count = count_axes({**numbers, "padding": padding}, ndim)
    columns = {
        name: per_axis(name, numbers[name], count)
        for name in ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
    }
    check_word("padding_mode", padding_mode, PADDING_MODES)
    axes = [
        Axis(input_size=n, kernel_size=k, stride=s, dilation=d, input_dilation=a, mode=padding_mode)
        for n, k, s, d, a in zip(*columns.values(), strict=True)
    ]
    pads = padding_entries(padding, count)
    for number, (axis, pad) in enumerate(zip(axes, pads, strict=True)):
        _check_input_dilation(number, axis, pad)
    _check_channels(groups, in_channels, out_channels)
    return axes, pads


def _columns(axes: Iterable[Axis]) -> dict[str, tuple[int, ...]]:
    names = ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
    return {name: tuple(getattr(axis, name) for axis in axes) for name in names}


def _check_channels(groups: int, in_channels: int, out_channels: int) -> None:
    groups = positive("groups", groups)
    for name, given in (("in_channels", in_channels), ("out_channels", out_channels)):
        value = positive(name, given)
        if value % groups:
            raise ValueError(
                f"groups={groups} does not divide {name}={value} (remainder {value % groups}): every group needs as "
                f"many channels, so {name} must be a multiple of {groups}"
            )


def _check_input_dilation(number: int, axis: Axis, pad: str | tuple[int, int]) -> None:
    if axis.input_dilation == 1:
        return
    if axis.mode != "zeros":
        raise ValueError(
            f"input_dilation {axis.input_dilation} on axis {number} needs padding_mode 'zeros', got {axis.mode!r}: "
            "a border that extends the input has no rule for the zeros between its entries"
        )
    if pad in ("same", "same_lower"):
        raise ValueError(
            f"padding {pad!r} needs input_dilation 1, got {axis.input_dilation} on axis {number}: give the padding "
            "in numbers"
        )


def _transposed_axis(
    number: int, axis: Axis, pad: str | tuple[int, int], output_padding: int, output_size: int | None
) -> tuple[tuple[int, int], int]:
    """Resolve (before, after) and output_padding of one axis of a transposed convolution, whose input `axis` has."""
    if output_padding and (output_size is not None or pad in ("valid", "anticausal", "same", "same_lower")):
        other = f"output_size {output_size}" if output_size is not None else f"padding {pad!r}"
        raise ValueError(
            f"output_padding {output_padding} on axis {number} cannot stand beside {other}, which decides the output "
            "size already: give one of the two"
        )
    if output_size is not None:
        return _from_output_size(number, axis, pad, output_size)
    spare = max(axis.stride - axis.span, 0)
    if pad in ("same", "same_lower"):
        pair, output_padding = split_same(max(axis.span - axis.stride, 0), lower=pad == "same_lower"), spare
    elif isinstance(pad, str):
        pair = named_padding(pad, axis.span, axis.stride, axis.input_size)
        output_padding = {"valid": spare, "anticausal": axis.stride - 1}.get(pad, output_padding)
    else:
        pair = pad
    most = max(axis.stride, axis.dilation)
    if output_padding >= most:
        raise ValueError(
            f"output_padding {output_padding} on axis {number} is too large: it must be less than max(stride "
            f"{axis.stride}, dilation {axis.dilation}) = {most}, since it only chooses among the sizes that one "
            "convolution maps to the same output"
        )
    base = (axis.input_size - 1) * axis.stride + axis.span - sum(pair)
    stretched = base + output_padding
    arithmetic = (
        f"(= (input_size {axis.input_size} - 1) * stride {axis.stride} + dilation {axis.dilation} * (kernel_size "
        f"{axis.kernel_size} - 1) + 1 - padding {pair[0]} - {pair[1]} + output_padding {output_padding})"
    )
    if stretched < 1:
        raise ValueError(
            f"output is empty on axis {number}: its size would be {stretched} {arithmetic}; reduce "
            f"the padding by {1 - stretched}"
        )
    if (stretched - 1) % axis.input_dilation:
        least = max(1 - base, 0)
        fitting = least + -(base + least - 1) % axis.input_dilation
        if fitting < most:
            numbers = {"valid": " with padding=0", "anticausal": f" with padding {pair}"}
            remedy = f"output_padding {fitting} would fit{numbers.get(str(pad), '')}"
        else:
            remedy = f"no output_padding below {most} would fit; change the padding"
        raise ValueError(
            f"axis {number} gives {stretched} positions {arithmetic}, which is not 1 modulo input_dilation "
            f"{axis.input_dilation}: {remedy}"
        )
    return pair, output_padding


def _from_output_size(
    number: int, axis: Axis, pad: str | tuple[int, int], output_size: int
) -> tuple[tuple[int, int], int]:
    """The pads and the output_padding that give `output_size`, if a convolution of it gives the input size."""
    outputs, stride = axis.input_size, axis.stride
    if pad in ("same", "same_lower"):
        fits = range((outputs - 1) * stride + 1, outputs * stride + 1)
        pair = named_padding(pad, axis.span, stride, output_size) if output_size in fits else (0, 0)
    else:
        pair = named_padding(pad, axis.span, stride, output_size) if isinstance(pad, str) else pad
        fits = input_sizes(outputs, axis.span, stride, sum(pair), axis.input_dilation)
    if output_size not in fits:
        said = repr(pad) if isinstance(pad, str) else str(pad[0]) if pad[0] == pad[1] else str(pad)
        also = f", dilation {axis.dilation}" if axis.dilation > 1 else ""
        also += f", input_dilation {axis.input_dilation}" if axis.input_dilation > 1 else ""
        raise ValueError(
            f"output_size {output_size} on axis {number} cannot come from input_size {outputs} with kernel_size "
            f"{axis.kernel_size}, stride {stride}, padding {said}{also}: a convolution gives "
            f"{counted(outputs, 'output')} {_only_for(fits)}; padding "
            f"{_padding_reaching(axis, output_size, sum(pair))} on this axis would make it {output_size}"
        )
    stretched = (output_size - 1) * axis.input_dilation + 1
    return pair, stretched - ((outputs - 1) * stride + axis.span - sum(pair))


def _padding_reaching(axis: Axis, output_size: int, pads: int) -> int | tuple[int, int]:
    """A padding with which a convolution of `output_size` gives the input size: both ends alike, where that does."""
    stretched = (output_size - 1) * axis.input_dilation + 1
    least = (axis.input_size - 1) * axis.stride + axis.span - stretched  # more leaves over up to stride - 1 positions
    nearest = min(max(pads, least), least + axis.stride - 1)
    totals = [total for total in (nearest, nearest + 1, nearest - 1) if least <= total < least + axis.stride]
    total = min(totals, key=lambda total: total % 2)
    return total // 2 if total % 2 == 0 else split_same(total, lower=False)


def _only_for(sizes: range) -> str:
    if not sizes:
        return "for no size"
    if sizes[4:]:  # there may be more than Python counts
        return f"only for {sizes[0]} to {sizes[-1]} inputs"
    return "only for " + " or ".join(filter(None, [", ".join(map(str, sizes[:-1])), counted(sizes[-1], "input")]))
