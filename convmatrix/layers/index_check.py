"""Check that a matrix has its entries where those of a layer are, before `refill` overwrites their values.

The indices of a small matrix are all compared with those of the layer. Of a large matrix some rows are compared: those
at both ends of every axis, where layers differ, and a random sample. A column index that was changed in another row
changes the sum of all column indices, which is compared as well.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.errors import WrongTypeError

__all__ = ["EXACT_ENTRIES", "StoredIndices", "require_filled_by", "sample_indices", "sample_rows"]

EXACT_ENTRIES = 2**18
"""Largest number of entries whose indices are all compared; a layer then caches them, 1 MiB."""

_BORDER_ROWS = 2
"""Outputs at each end of an axis whose rows are compared."""

_DRAWN_ROWS = 16
"""Number of random rows that are compared as well."""

_ROW_ENTRIES = 2**10
"""Most entries of a row that are compared, evenly spaced."""

_SAMPLED_SHARE = 8
"""At most the inverse of this of a large matrix's entries is built to be sampled, but one row in any case."""

_MODULUS = 2**32
"""Sums of columns are taken in the dtype of the indices, which is fast, and wraps around here or further on."""

_REMEDY = "build it with this layer's matrix()"


class StoredIndices(NamedTuple):
    """Some or all of the indices of a layer's matrix, and their positions in its `indptr` and its `indices`.

    Where they are some, `column_sum` is what 32 bits keep of the sum of all columns.
    """

    pointers: NDArray[np.int64] | slice
    indptr: NDArray[np.signedinteger]
    places: NDArray[np.int64] | slice
    indices: NDArray[np.signedinteger]
    column_sum: int | None = None

    def require_same(self, matrix: sparse.csr_array) -> None:
        """Check that a matrix has its entries where the matrix of this layer has them.

        Parameters
        ----------
        matrix : csr_array
            Of the layer's shape, with as many entries.

        Raises
        ------
        ValueError
            If an entry is in another row, or in another column; it gives the first one that is known.
        """
        rising = matrix.indptr[1:] >= matrix.indptr[:-1]
        if not (np.array_equal(matrix.indptr[self.pointers], self.indptr) and rising.all()):
            raise ValueError(
                f"the rows of the matrix do not have as many entries as those of this layer's: it is the matrix of "
                f"another layer, or its indptr was changed; {_REMEDY}"
            )
        indices = matrix.indices[self.places]
        if not np.array_equal(indices, self.indices):
            first = int(np.flatnonzero(indices != self.indices)[0])
            place = first if isinstance(self.places, slice) else int(self.places[first])
            row = int(np.searchsorted(matrix.indptr, place, side="right")) - 1
            raise ValueError(
                f"stored entry {place} of the matrix, in row {row}, is in column {indices[first]} but that of this "
                f"layer's is in column {self.indices[first]}: it is the matrix of another layer, or its indices were "
                f"changed; {_REMEDY}"
            )
        if self.column_sum is not None and int(matrix.indices.sum(dtype=matrix.indices.dtype)) % _MODULUS != (
            self.column_sum
        ):
            raise ValueError(
                f"the columns of the matrix' {matrix.nnz} entries do not have the sum that those of this layer's have: "
                f"its indices were changed, or it is the matrix of another layer; {_REMEDY}"
            )
        # SciPy remembers this of the matrices that are built here, and looks at every entry of others.
        if not isinstance(self.places, slice) and not matrix.has_canonical_format:
            raise ValueError(
                f"the matrix has rows whose columns are not in rising order: its indices were changed; {_REMEDY}"
            )


def sample_rows(output_shape: tuple[int, ...]) -> list[int]:
    """Choose the rows of a large matrix that are compared, beginning with those in which layers most likely differ.

    Parameters
    ----------
    output_shape : (channels, *size) tuple of int

    Returns
    -------
    list of int

    Examples
    --------
    >>> sample_rows((1, 10))[:6]
    [0, 9, 5, 1, 8, 6]
    """
    total = prod(output_shape)
    middle = [size // 2 for size in output_shape]
    rows = [0, total - 1]
    for axis, size in enumerate(output_shape):
        step = prod(output_shape[axis + 1 :])
        elsewhere = sum(place * prod(output_shape[number + 1 :]) for number, place in enumerate(middle))
        elsewhere -= middle[axis] * step
        ends = [*range(min(_BORDER_ROWS, size)), *range(size - 1, max(size - 1 - _BORDER_ROWS, -1), -1)]
        rows += [elsewhere + place * step for place in ends]
    rows += np.random.default_rng(0).integers(total, size=_DRAWN_ROWS).tolist()
    return list(dict.fromkeys(rows))


def sample_indices(
    rows: Iterable[int],
    nnz: int,
    entries_before: Callable[[int], int],
    columns_of: Callable[[int], NDArray[Any]],
    column_sum: int,
) -> StoredIndices:
    """Take the indices of some rows of a matrix that is too large to be built for it.

    Parameters
    ----------
    rows : iterable of int
        Those that matter most first; the last ones are left out where they are long.
    nnz : int
        Entries of the whole matrix.
    entries_before, columns_of : callable
        The number of entries in the rows above one, and the columns of its own entries in order.
    column_sum : int
        What 32 bits keep of the sum of all columns.

    Returns
    -------
    StoredIndices
    """
    pointers, indptr, places, indices = [], [], [], []
    left = nnz // _SAMPLED_SHARE
    for row in rows:
        start, columns = entries_before(row), columns_of(row)
        pointers += [row, row + 1]
        indptr += [start, start + len(columns)]
        within = np.unique(np.linspace(0, len(columns) - 1, min(len(columns), _ROW_ENTRIES), dtype=np.int64))
        places.append(start + within)
        indices.append(columns[within])
        left -= len(columns)
        if left <= 0:
            break
    return StoredIndices(
        np.array(pointers), np.array(indptr), np.concatenate(places), np.concatenate(indices), column_sum
    )


def require_filled_by(
    matrix: Any, shape: tuple[int, int], nnz: int, dtype: np.dtype[Any], stored: Callable[[], StoredIndices]
) -> None:
    """Check that new values of a layer can be written into a matrix.

    Parameters
    ----------
    matrix : object
    shape, nnz
        Of the layer's matrix.
    dtype : dtype
        Of the new values.
    stored : callable
        Gives the layer's indices, once all else has been found right.

    Raises
    ------
    WrongTypeError
        If it is no CSR matrix, or has another dtype; also a TypeError.
    ValueError
        If it has another shape or number of entries, cannot be written to, or stores its entries in other places.
    """
    _require_csr(matrix)
    if matrix.shape != shape or matrix.indptr.shape != (shape[0] + 1,) or matrix.nnz != nnz:
        raise ValueError(
            f"the matrix is {' x '.join(map(str, matrix.shape))} with {matrix.nnz} entries but this layer's is "
            f"{shape[0]} x {shape[1]} with {nnz}: make it with this layer's matrix()"
        )
    if matrix.dtype != dtype:
        swapped = matrix.dtype.newbyteorder("=") == dtype
        remedy = (
            f"its numbers are in the other byte order; {_REMEDY}"
            if swapped
            else f"cast the weight with .astype({str(matrix.dtype)!r})"
        )
        raise WrongTypeError(f"the matrix has dtype {matrix.dtype} and the weight {dtype}: {remedy}")
    _require_writable(matrix, nnz)
    stored().require_same(matrix)


def _require_csr(matrix: Any) -> None:
    if not sparse.issparse(matrix) or getattr(matrix, "format", None) != "csr":
        raise WrongTypeError(
            f"refill writes into the csr_array that this layer's matrix() returned, got {_described(matrix)}: {_REMEDY}"
        )
    for name in ("data", "indices", "indptr"):
        array = getattr(matrix, name)
        if not isinstance(array, np.ndarray) or array.ndim != 1:
            raise WrongTypeError(
                f"the {name} of the matrix is {_described(array)}, not an array of one axis: {_REMEDY}"
            )


def _require_writable(matrix: sparse.csr_array, nnz: int) -> None:
    if matrix.data.shape != (nnz,) or matrix.indices.shape != (nnz,):
        raise ValueError(
            f"the matrix has room for {matrix.data.size} numbers and {matrix.indices.size} columns but {nnz} entries: "
            f"call its prune(), or {_REMEDY}"
        )
    if not (matrix.data.flags.writeable and matrix.data.flags.c_contiguous):
        fault = "is not contiguous" if matrix.data.flags.writeable else "is read-only"
        raise ValueError(f"the data of the matrix {fault}, so no values can be written over it: refill a .copy() of it")


def _described(value: Any) -> str:
    """Describe a value that was given in place of a matrix, with an article."""
    if isinstance(value, np.ndarray):
        return f"a dense array of shape {value.shape}"
    kind = type(value).__name__
    if sparse.issparse(value):
        return f"a {kind}, which stores its entries in another order"
    return f"{value!r}" if value is None else f"a {kind}"
