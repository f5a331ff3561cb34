"""The base class of Conv and ConvTranspose: from a weight to the matrix, its rows, new values, C^H C, and the operator.

Subclasses define the axes and the layout of the weight, which determine the entries of the matrix and their order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from convmatrix.core import equation
from convmatrix.core.axis import Axis
from convmatrix.core.channels import channels_last as permuted
from convmatrix.core.counting import axis_nnz
from convmatrix.core.errors import WrongTypeError, pluralize, short, shortens_errors
from convmatrix.core.fast.assembly import assemble, count_entries, index_dtype, refill, sum_columns
from convmatrix.core.fast.gram import gram_weight
from convmatrix.core.fast.weights import extended_weight, taps_of_places
from convmatrix.core.memory import require_memory
from convmatrix.core.pattern import Pattern
from convmatrix.layers.arguments import (
    array_of,
    cast_for,
    check_word,
    consecutive,
    flag,
    integer,
    positive,
    storable_dtype,
)
from convmatrix.layers.base import LayerBase
from convmatrix.layers.index_check import EXACT_ENTRIES, StoredIndices, require_filled_by, sample_indices, sample_rows
from convmatrix.layers.matrix_check import weighted
from convmatrix.layers.rules import DEFAULTS
from convmatrix.layers.shown import Shown

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["WeightedLayer"]

_Method = Literal["fast", "equation"]

_EQUATION_BYTES = 100
"""Bytes of one read while the terms of the equation are concatenated and sorted."""


@dataclass(frozen=True, init=False, repr=False)
class WeightedLayer(Shown, LayerBase):
    """Abstract base class of `Conv` and `ConvTranspose`.

    A subclass defines the axes of its forward convolution and the layout of its weight. The rows of the matrix are the
    outputs of these axes for a `Conv`, and their inputs for a `ConvTranspose`.
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

    # -- defined by subclasses -------------------------------------------------------------------------------------

    _transposed = False
    """True if the matrix is the transpose of the one that `axes` and the weight describe."""

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
        """A weight, or one number for each pair of channels, with channels as (out_channels, in_channels // groups)."""
        raise NotImplementedError

    # -- sizes -----------------------------------------------------------------------------------------------------

    @cached_property
    def nnz(self) -> int:
        """Number of entries the matrix stores; known without building it."""
        return prod(axis_nnz(axis) for axis in self.axes) * self.out_channels * self.in_channels // self.groups

    def nbytes(self, dtype: DTypeLike = np.float64) -> int:
        """Bytes of the matrix for weights of a dtype: data, indices and indptr; known without building it.

        Returns
        -------
        int

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> Conv(4, 3).nbytes("float32")
        308
        """
        return self._nbytes(self.nnz, storable_dtype(dtype))

    # -- matrix and operator ---------------------------------------------------------------------------------------

    def matrix(
        self,
        weight: ArrayLike | None = None,
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
            Of shape kernel_size where there is one channel in and out. `pattern` is the matrix without a weight.
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
            If there is no weight, or its shape or dtype is not the layer's (also a TypeError), if the matrix does not
            fit in the available memory (also a MemoryError), if an integer sum overflows (also an OverflowError), or
            if `rows` is given with `channels_last`.

        Examples
        --------
        >>> from convmatrix.layers import Conv
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
            return whole if rows is None else whole[slice(*consecutive(rows, self.matrix_shape[0]))]
        if rows is not None:
            return self._rows(*self._prepared(weight), range(*consecutive(rows, self.matrix_shape[0])), threads)
        self._require_memory(self.nbytes(weight.dtype), "the matrix", self.nnz)
        return assemble(*self._prepared(weight), self.groups, threads=threads)

    def pattern(self, *, rows: slice | None = None, channels_last: bool = False) -> sparse.csr_array:
        """Build the matrix as a pattern: true where an output reads an input, whatever the weight.

        Parameters
        ----------
        rows, channels_last
            As for `matrix`.

        Returns
        -------
        matrix_shape csr_array of bool
            Canonical, with the indices that the matrix has for any weight.

        Raises
        ------
        ValueError
            If it does not fit in the available memory (also a MemoryError), or if `rows` is given with
            `channels_last`.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> print(Conv((4,), 3, padding=1).pattern().astype(int).toarray())
        [[1 1 0 0]
         [1 1 1 0]
         [0 1 1 1]
         [0 0 1 1]]
        """
        return self.matrix(np.broadcast_to(np.True_, self.weight_shape), rows=rows, channels_last=channels_last)

    def row_blocks(self, weight: ArrayLike, *, rows: int, first: int = 0) -> Iterator[tuple[slice, sparse.csr_array]]:
        """Build the matrix in blocks of rows, for a matrix that does not fit in memory or is distributed.

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
        >>> from convmatrix.layers import Conv
        >>> for rows, block in Conv((4,), 2).row_blocks([1, 2], rows=2):
        ...     print(rows, block.toarray().tolist())
        slice(0, 2, None) [[1, 2, 0, 0], [0, 1, 2, 0]]
        slice(2, 3, None) [[0, 0, 1, 2]]
        """
        rows, total = positive("rows", rows), self.matrix_shape[0]
        blocks = -(-total // rows)
        first = integer("first", first)
        if not 0 <= first <= blocks:
            raise ValueError(
                f"first={short(first)} but there are {blocks} blocks (= {total} rows / {rows}, rounded "
                "up), numbered from 0"
            )
        prepared = self._prepared(self.checked_weight(weight, copy=True))
        ranges = (range(start, min(start + rows, total)) for start in range(first * rows, total, rows))
        # A generator expression, so that arguments are checked at the call and not when the first block is requested.
        return ((slice(block.start, block.stop), self._rows(*prepared, block)) for block in ranges)

    def refill(self, matrix: sparse.csr_array, weight: ArrayLike) -> sparse.csr_array:
        """Overwrite the values of a matrix of this layer by those for another weight.

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
            be written to, or if the weight does not fit this layer; the matrix is then unchanged.
        WrongTypeError
            If it is no CSR matrix, or the two have different dtypes; also a TypeError.

        Examples
        --------
        >>> from convmatrix.layers import Conv
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

        Two inputs have an entry wherever a window reads both. For a real weight it is C^T C; in the interior it is the
        convolution with the kernel's autocorrelation, at the borders it is exact in every padding mode.

        Parameters
        ----------
        weight : weight_shape array_like
            As for `matrix`.

        Returns
        -------
        (n, n) csr_array
            n = prod(input_shape). Of the weight's dtype, canonical, with an entry for any two inputs in a window,
            whatever its value.

        Raises
        ------
        ValueError
            As for `matrix`.

        Examples
        --------
        >>> from convmatrix.layers import Conv
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
        """Return the entries of the weight of which each stored entry of the matrix is the sum.

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
        >>> from convmatrix.layers import Conv
        >>> indptr, ids = Conv((3,), 3, padding=1, padding_mode="replicate").taps()
        >>> [ids[a:b].tolist() for a, b in zip(indptr, indptr[1:])]
        [[0, 1], [2], [0], [1], [2], [0], [1, 2]]
        """
        count = self.nnz
        if self.padding_mode != "zeros":  # several ids where several taps read the same input
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
        # If each weight is the number of its place, the entries of the matrix are the numbers of their places.
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
        """Return a linear operator that is equivalent to `matrix`, without building it.

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
        >>> from convmatrix.layers import Conv
        >>> layer = Conv(4, 3)
        >>> weight = np.arange(9).reshape(3, 3)
        >>> layer.operator(weight) @ np.arange(16)
        array([258, 294, 402, 438])
        """
        from convmatrix.core.fast.matrixfree import ConvolutionOperator  # scipy.sparse.linalg is slow to import

        own = self.checked_weight(weight, copy=True)
        return ConvolutionOperator(self.axes, own, self.groups, transpose=self._transposed)

    # -- biases ----------------------------------------------------------------------------------------------------

    @shortens_errors
    def bias_vector(self, bias: ArrayLike) -> NDArray[Any]:
        """Return the vector to add to ``C @ x`` for one bias per output channel.

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
        >>> from convmatrix.layers import Conv
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
            f"the bias of {pluralize(places * len(bias), 'output')}",
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
        n_bytes = nnz * (weight.dtype.itemsize + index) + (len(rows) + 1) * index
        require_memory(n_bytes, f"{len(rows)} rows of the matrix, with {nnz} entries,", "take fewer rows at a time")
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
        # The permuted copies of all arrays are in memory together with the original matrix.
        self._require_memory(3 * self.nbytes(weight.dtype), "the matrix with channels last", self.nnz)
        if method == "equation":
            matrix = self._equation(weight)
        else:
            matrix = assemble(*self._prepared(weight), self.groups, threads=threads)
        return permuted(matrix, self.output_shape, self.input_shape)

    # -- checks ----------------------------------------------------------------------------------------------------

    _expected = weighted

    @shortens_errors
    def checked_weight(self, weight: ArrayLike | None, *, copy: bool = False) -> NDArray[Any]:
        """Return a weight in the shape `weight_shape` and in native byte order, if it fits this layer.

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
            If there is none, or scipy.sparse does not support its dtype: a TypeError as well.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> Conv((4,), 2).checked_weight([1, 2])
        array([[[1, 2]]])
        """
        one_channel = self.in_channels == self.out_channels == 1
        if weight is None:
            shape = short(self.kernel_size if one_channel else self.weight_shape)
            raise WrongTypeError(
                f"the weight is missing: give one of shape {shape}, as in .matrix(numpy.ones({shape})); .pattern() is "
                "the matrix without one, true where it has entries"
            )
        weight = array_of("weight", weight)
        cast = cast_for(weight.dtype)
        if cast is not None:
            raise WrongTypeError(
                f"weight has dtype {weight.dtype}, which scipy.sparse cannot hold: cast it with .astype({cast!r})"
            )
        if weight.shape == self.kernel_size and one_channel:
            weight = weight.reshape(self.weight_shape)
        if weight.shape != self.weight_shape:
            raise ValueError(self._wrong_shape(weight.shape))
        return weight.astype(weight.dtype.newbyteorder("="), copy=copy)

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        raise NotImplementedError

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return DEFAULTS

    @property
    def _remedy(self) -> str:
        return (
            "use .operator(weight), which applies the same map without it, or .row_blocks(weight, rows=...), which "
            "builds it block by block"
        )
