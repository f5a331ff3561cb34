"""Base classes: `LayerBase` of all layers, `FixedLayer` of those without a weight, and their transposes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from convmatrix.core import memory
from convmatrix.core.axis import Axis
from convmatrix.core.channels import channels_last as permuted
from convmatrix.core.counting import axis_nnz
from convmatrix.core.displays import displays
from convmatrix.core.errors import TooLargeError, WrongTypeError, pluralize, short, shortens_errors
from convmatrix.core.fast.assembly import assemble, index_dtype
from convmatrix.core.fast.weights import extended_weight
from convmatrix.core.pattern import pattern_of, windows_of
from convmatrix.layers.arguments import array_of, flag, storable_dtype
from convmatrix.layers.matrix_check import Expected, MatrixCheck, compare

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["ChannelwiseLayer", "FixedLayer", "LayerBase", "Transposed", "reads_of", "require_indices"]

_MOST_INDICES = 2**63 - 1
"""Largest number of rows or columns with 64-bit indices."""


@dataclass(frozen=True, init=False, repr=False)
class LayerBase:
    """Abstract base class of all layers. The fields of a subclass are resolved numbers, one for each axis.

    Fields have the names of the arguments of the constructor, so that `dataclasses.replace` works. Those with
    ``init=False`` are computed from the others.
    """

    # -- defined by subclasses -------------------------------------------------------------------------------------

    if TYPE_CHECKING:  # where a subclass has a field of the name, a property here would become the field's default

        @property
        def input_size(self) -> tuple[int, ...]:
            """Size of the input on each axis."""

        @property
        def output_size(self) -> tuple[int, ...]:
            """Size of the output on each axis."""

        @property
        def in_channels(self) -> int:
            """Number of channels of the input."""

        @property
        def out_channels(self) -> int:
            """Number of channels of the output."""

    @property
    def nnz(self) -> int:
        """Number of entries the matrix stores; known without building it."""
        raise NotImplementedError

    @property
    def _defaults(self) -> Mapping[str, Any]:
        """Default value of each field, on every axis; the repr omits fields that have it."""
        raise NotImplementedError

    @property
    def _remedy(self) -> str:
        """Alternative to building a matrix that does not fit in memory, for the error message."""
        raise NotImplementedError

    # -- sizes -----------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.input_size)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(in_channels, *input_size)."""
        return (self.in_channels, *self.input_size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(out_channels, *output_size)."""
        return (self.out_channels, *self.output_size)

    @cached_property
    def matrix_shape(self) -> tuple[int, int]:
        """(number of outputs, number of inputs): rows and columns of the matrix."""
        return (prod(self.output_shape), prod(self.input_shape))

    def _nbytes(self, nnz: int, dtype: DTypeLike) -> int:
        """Bytes of a matrix of this layer's shape: data, indices and indptr."""
        index = index_dtype(*self.matrix_shape, nnz).itemsize
        return nnz * (np.dtype(dtype).itemsize + index) + (self.matrix_shape[0] + 1) * index

    def _require_memory(self, needed: int, what: str, nnz: int) -> None:
        rows, cols = self.matrix_shape
        require_indices(what, rows, cols)
        if needed <= min(memory.UNCHECKED, memory.UNCHECKED_BY_PROCESS):
            return
        what = f"{what} of {short(rows)} x {short(cols)} with {pluralize(nnz, 'entry')}"
        memory.require_memory(needed, what, self._remedy)

    # -- arrays and vectors ----------------------------------------------------------------------------------------

    @shortens_errors
    def vec(self, x: ArrayLike) -> NDArray[Any]:
        """Flatten inputs to the vectors that the matrix multiplies.

        Parameters
        ----------
        x : (..., in_channels, *input_size) array_like
            Or (..., `*input_size`) when there is one channel. Leading axes are a batch.

        Returns
        -------
        (n,) ndarray, or (n, batch) ndarray where x has leading axes
            n = prod(input_shape); leading axes are flattened in C order to columns.

        Raises
        ------
        ValueError
            If the last axes of x are not this layer's input.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> Conv(4, 3).vec(np.zeros((10, 4, 4))).shape
        (16, 10)
        """
        x = array_of("x", x)
        for shape in (self.input_shape, self.input_size if self.in_channels == 1 else self.input_shape):
            lead = x.ndim - len(shape)
            if lead >= 0 and x.shape[lead:] == shape:
                return x.reshape(-1) if lead == 0 else x.reshape(prod(x.shape[:lead]), prod(shape)).T
        also = f" or (..., *{self.input_size})" if self.in_channels == 1 else ""
        raise ValueError(f"x has shape {x.shape} but this layer's input needs (..., *{self.input_shape}){also}")

    @shortens_errors
    def unvec(self, y: ArrayLike) -> NDArray[Any]:
        """Reshape a vector of outputs, or columns of them, to images.

        Parameters
        ----------
        y : (m,) or (m, batch) array_like
            m = prod(output_shape).

        Returns
        -------
        (out_channels, *output_size) or (batch, out_channels, *output_size) ndarray

        Raises
        ------
        ValueError
            If y does not have prod(output_shape) rows.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> Conv(4, 3).unvec(np.arange(4))
        array([[[0, 1],
                [2, 3]]])
        """
        y = array_of("y", y)
        m = self.matrix_shape[0]
        if y.ndim not in (1, 2) or len(y) != m:
            raise ValueError(
                f"y has shape {y.shape} but this layer's output {self.output_shape} needs ({m},) or ({m}, batch)"
            )
        return y.reshape(self.output_shape) if y.ndim == 1 else y.T.reshape(y.shape[1], *self.output_shape)

    # -- a matrix made by other means ----------------------------------------------------------------------------------

    @shortens_errors
    def check_matrix(
        self, matrix: Any, weight: ArrayLike | None = None, *, tolerance: float | None = None
    ) -> MatrixCheck:
        """Compare a matrix that was made by other means with this layer's, and name the mistake.

        Transposed, the kernel flipped, columns or rows in another order (column-major, channels last), or else the
        first row that is wrong. Without a weight, the matrix of any weight is right: a place of the weight has the
        value that most of its entries have, so that single mistakes are found where a weight has three or more.

        Parameters
        ----------
        matrix : (rows, cols) array_like or sparse array
            In any format and dtype of numbers; stored zeros do not count.
        weight : weight_shape array_like, optional
            Only for a layer that has one.
        tolerance : float, optional
            Largest deviation that counts as equal. Without it, integers have to be equal, and floats up to 1e-9 of the
            largest entry, 1e-5 for single precision.

        Returns
        -------
        MatrixCheck
            With ``ok``, ``kind`` and ``reason``.

        Raises
        ------
        ValueError
            If the matrix is not one of finite numbers (also a TypeError), the weight is not this layer's, or the
            tolerance is negative.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> layer, weight = Conv(4, 3), np.arange(1, 10).reshape(3, 3)
        >>> C = layer.matrix(weight)
        >>> layer.check_matrix(C, weight).ok
        True
        >>> layer.check_matrix(layer.matrix(weight[::-1, ::-1]), weight).kind
        'kernel flipped'
        >>> layer.check_matrix(C.T).reason
        'it is transposed: 16 x 4 instead of 4 x 16: a row for each output, 2 x 2, and a column for each input, 4 x 4'
        """
        expected = self._expected()
        if weight is not None and expected.checked_weight is None:
            raise ValueError(f"{type(self).__name__} has no weight, but one is given: leave it out")
        return compare(expected, matrix, weight, tolerance)

    def _expected(self) -> Expected:
        """Shapes and functions that `check_matrix` compares a matrix with."""
        raise ValueError(f"{type(self).__name__} has no matrix without an input, so there is none to compare with")

    # -- fields ----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Return the call that creates an equal layer, without arguments that have their defaults."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._arguments().items())
        return f"{type(self).__name__}({arguments})"

    def _repr_html_(self) -> str:
        """Write HTML for notebooks: the sizes as text, and a small picture of the maps and the matrix."""
        return displays().html(self)

    def _arguments(self) -> dict[str, Any]:
        """The fields that differ from the defaults of the constructor, as its keyword arguments."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.init}
        defaults = self._defaults
        return {
            name: value
            for name, value in values.items()
            if name not in defaults or not _is_everywhere(value, defaults[name])
        }

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields without cached properties, which are computed again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _is_everywhere(value: Any, default: Any) -> bool:
    """Check whether a field has the default value, on every axis if it is a tuple."""
    return bool(value == default) or (isinstance(value, tuple) and all(entry == default for entry in value))


@dataclass(frozen=True, init=False, repr=False)
class ChannelwiseLayer(LayerBase):
    """Abstract base class of layers that do the same to each of their `channels`."""

    if TYPE_CHECKING:  # a field of the subclasses, behind their sizes
        channels: int

    @property
    def in_channels(self) -> int:
        """Number of channels of the input."""
        return self.channels

    @property
    def out_channels(self) -> int:
        """Number of channels of the output, which are those of the input."""
        return self.channels


@dataclass(frozen=True, init=False, repr=False)
class FixedLayer(LayerBase):
    """Abstract base class of linear layers without a weight: the sizes alone determine the matrix."""

    # -- defined by subclasses -------------------------------------------------------------------------------------

    def axis_patterns(self) -> tuple[sparse.csr_array, ...]:
        """Build a matrix for each axis that is true where an output reads an input, in any channel.

        Returns
        -------
        tuple of (outputs, inputs) csr_array of bool
            One for each axis.
        """
        raise NotImplementedError

    def _matrix(self, dtype: np.dtype[Any]) -> sparse.csr_array:
        """Build the matrix; the dtype and the available memory have been checked."""
        raise NotImplementedError

    # -- matrix and operator ---------------------------------------------------------------------------------------

    def nbytes(self, dtype: DTypeLike | None = None) -> int:
        """Bytes of the matrix for a dtype: data, indices and indptr; known without building it.

        Parameters
        ----------
        dtype : dtype, optional
            By default that of ``matrix()``.

        Returns
        -------
        int
        """
        return self._nbytes(self.nnz, self._checked(dtype))

    def matrix(self, dtype: DTypeLike | None = None, *, channels_last: bool = False) -> sparse.csr_array:
        """Build the sparse matrix of this layer such that ``y = C @ x`` for flattened x and y.

        C order, channels first. Every stored entry is a read: zeros are not stored.

        Parameters
        ----------
        dtype : dtype, optional
            Without it, int64 where all entries are ones, else float64; bool for the pattern.
        channels_last : bool, default False
            Permute rows and columns for data whose channels are its last axis, as for `Conv.matrix`.

        Returns
        -------
        C : matrix_shape csr_array
            Canonical, with int32 indices wherever they fit.

        Raises
        ------
        ValueError
            If the dtype cannot hold the entries (also a TypeError), or if the matrix does not fit in the available
            memory (also a MemoryError).

        Examples
        --------
        >>> from convmatrix.layers import AvgPool
        >>> print(AvgPool((4,), 2).matrix().toarray())
        [[0.5 0.5 0.  0. ]
         [0.  0.  0.5 0.5]]
        """
        checked, last = self._checked(dtype), flag("channels_last", channels_last)
        self._require_memory(self._peak(checked) + (2 * self.nbytes(checked) if last else 0), "the matrix", self.nnz)
        matrix = self._matrix(checked)
        return permuted(matrix, self.output_shape, self.input_shape) if last else matrix

    def pattern(self) -> sparse.csr_array:
        """Build the matrix as a pattern: true where an output reads an input.

        Returns
        -------
        matrix_shape csr_array of bool

        Raises
        ------
        ValueError
            If it does not fit in the available memory (also a MemoryError).
        """
        return self.matrix(bool)

    def operator(self, dtype: DTypeLike | None = None) -> "LinearOperator":
        """Return a linear operator that is equivalent to `matrix`.

        Where no row has more than one entry the matrix is no larger than a few vectors, and the operator holds it;
        all other layers apply their map without building it.

        Parameters
        ----------
        dtype : dtype, optional
            As for `matrix`.

        Returns
        -------
        LinearOperator of shape matrix_shape
            With matvec, rmatvec, matmat and rmatmat; scipy's solvers take it.

        Raises
        ------
        ValueError
            If the dtype cannot hold the entries (also a TypeError), or, where the matrix is built, if it does not fit
            in the available memory (also a MemoryError).

        Examples
        --------
        >>> from convmatrix.layers import AvgPool
        >>> AvgPool((4,), 2).operator() @ np.arange(4)
        array([0.5, 2.5])
        """
        return self._operator(self._checked(dtype))

    @property
    def T(self) -> "FixedLayer":
        """The layer whose matrix is this layer's transposed; ``layer.T.T == layer``."""
        return Transposed(self)

    # -- subclasses may override -----------------------------------------------------------------------------------

    @property
    def _fractional(self) -> bool:
        """True if the matrix has entries other than 0 and 1."""
        return False

    @property
    def _remedy(self) -> str:
        return "take fewer channels at a time: they all have the same block"

    def _expected(self) -> Expected:
        return Expected(short(self), self.output_shape, self.input_shape, lambda _: self.matrix())

    def _peak(self, dtype: np.dtype[Any]) -> int:
        """Upper bound of the bytes that building the matrix takes."""
        return self.nbytes(dtype)

    def _operator(self, dtype: np.dtype[Any]) -> "LinearOperator":
        from scipy.sparse.linalg import aslinearoperator  # slow to import

        return aslinearoperator(self.matrix(dtype))

    def _checked(self, dtype: DTypeLike | None) -> np.dtype[Any]:
        """Return the dtype of the matrix, if scipy.sparse and the entries of this layer support it."""
        if dtype is None:
            return np.dtype(np.float64 if self._fractional else np.int64)
        checked = storable_dtype(dtype)
        if self._fractional and checked.kind in "iu":
            raise WrongTypeError(
                f"dtype {checked} cannot hold the fractions in the matrix of {self!r}: use float64, or bool for the "
                "pattern"
            )
        return checked


@dataclass(frozen=True, repr=False)
class Transposed(FixedLayer):
    """The transpose of a layer without a weight, `layer.T`, which is its backward pass.

    Parameters
    ----------
    layer : FixedLayer

    Examples
    --------
    >>> from convmatrix.layers import AvgPool
    >>> pool = AvgPool((4,), 2)
    >>> pool.T
    Transposed(layer=AvgPool(input_size=(4,), kernel_size=(2,)))
    >>> print(pool.T.matrix().toarray())
    [[0.5 0. ]
     [0.5 0. ]
     [0.  0.5]
     [0.  0.5]]
    """

    layer: FixedLayer

    # Cached properties, since a subclass may have fields of these names, which no value can be set in for a property.

    @cached_property
    def input_size(self) -> tuple[int, ...]:
        """Size of the input on each axis: of the other layer's output."""
        return self.layer.output_size

    @cached_property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis: of the other layer's input."""
        return self.layer.input_size

    @cached_property
    def in_channels(self) -> int:
        """Number of channels of the input: of the other layer's output."""
        return self.layer.out_channels

    @cached_property
    def out_channels(self) -> int:
        """Number of channels of the output: of the other layer's input."""
        return self.layer.in_channels

    @property
    def nnz(self) -> int:
        """Number of entries the matrix stores; known without building it."""
        return self.layer.nnz

    @property
    def T(self) -> FixedLayer:
        """The layer that this one transposes."""
        return self.layer

    def axis_patterns(self) -> tuple[sparse.csr_array, ...]:
        """Build a matrix for each axis that is true where an input of the other layer is read by its output."""
        return tuple(pattern.T.tocsr() for pattern in self.layer.axis_patterns())

    def _matrix(self, dtype: np.dtype[Any]) -> sparse.csr_array:
        return self.layer._matrix(dtype).T.tocsr()

    def _operator(self, dtype: np.dtype[Any]) -> "LinearOperator":
        return self.layer._operator(dtype).T

    def _peak(self, dtype: np.dtype[Any]) -> int:
        return self.layer._peak(dtype) + self.nbytes(dtype)

    def _checked(self, dtype: DTypeLike | None) -> np.dtype[Any]:
        return self.layer._checked(dtype)

    @property
    def _remedy(self) -> str:
        return self.layer._remedy

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {}


def require_indices(what: str, rows: int, cols: int) -> None:
    """Check that 64-bit indices suffice for the rows and columns of a matrix.

    Raises
    ------
    TooLargeError
        If there are 2**63 or more of them.
    """
    if max(rows, cols) > _MOST_INDICES:
        raise TooLargeError(
            f"{what} has {short(rows)} rows and {short(cols)} columns, of which scipy.sparse numbers at most "
            "2**63 - 1: take a smaller layer"
        )


def reads_of(axis: Axis) -> sparse.csr_array:
    """Build the matrix of one axis that is true where an output reads an input.

    Returns
    -------
    (outputs, inputs) csr_array of bool

    Raises
    ------
    TooLargeError
        If it does not fit in the available memory.

    Examples
    --------
    >>> print(reads_of(Axis(3, 2, before=1)).astype(int).toarray())
    [[1 0 0]
     [1 1 0]
     [0 1 1]]
    """
    rows, cols, entries = axis.output_size, axis.input_size, axis_nnz(axis)
    what = f"the pattern of an axis, {short(rows)} x {short(cols)} with {pluralize(entries, 'entry')},"
    require_indices(what, rows, cols)
    index = index_dtype(rows, cols, entries).itemsize
    memory.require_memory(entries * (1 + index) + (rows + 1) * index, what, "take a smaller input")
    if axis.mode == "zeros":
        return assemble([windows_of(axis)], np.ones((1, 1, 1), dtype=bool), 1)
    patterns = [pattern_of(axis)]
    ones = np.ones((1, 1, axis.kernel_size), dtype=bool)
    return assemble(patterns, extended_weight(ones, patterns), 1)
