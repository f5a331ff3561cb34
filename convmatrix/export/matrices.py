"""Export of matrices to files, which are written completely or not at all, with reproducible bytes.

========== ================================================== =============================================
ending     holds                                              read with
========== ================================================== =============================================
``.npz``   the csr_array                                      ``scipy.sparse.load_npz``
``.mtx``   Matrix Market, with the layer in a comment         ``scipy.io.mmread``, MATLAB, Julia, ...
``.mat``   variable ``C``, as float64 or complex128           ``scipy.io.loadmat``, MATLAB, Octave
``.csv``   the dense matrix, as text                          ``numpy.loadtxt``, a spreadsheet
``.npy``   the dense matrix                                   ``numpy.load``
``.json``  the layer, the matrix and the taps of each entry   anything
========== ================================================== =============================================

Rows and columns are those of the library: outputs and inputs flattened in C order, the last axis fastest (row-major).
MATLAB, Octave, Julia and Fortran flatten the first axis fastest (column-major), as in ``A(:)``: for them ``order="F"``
permutes rows and columns. The header of a ``.mat`` file names the order.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, TypeVar, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.core.memory import require_memory
from convmatrix.export.files import replacing, write_text
from convmatrix.layers import ConvTranspose, FixedLayer, WeightedLayer
from convmatrix.layers.arguments import check_kind, flag, integer

__all__ = ["ENDINGS", "Order", "ending_of", "export", "layer_as_dict", "matrix_as_dict"]

ENDINGS = (".npz", ".mtx", ".mat", ".csv", ".npy", ".json")
"""Endings of the files that `export` can write."""

Order: TypeAlias = Literal["C", "F"]
"""Order in which inputs and outputs are flattened: the last axis varies fastest ("C"), or the first ("F")."""

_MAT_END = 2**32
"""Largest size of a variable of a MATLAB 5 file in bytes."""

_JSON_BYTES = 450
"""Bytes per entry while a matrix is converted to JSON, as Python lists and text; measured, rounded up."""

Matrix = sparse.sparray | sparse.spmatrix
Csr: TypeAlias = "sparse.csr_array[Any, tuple[int, int]]"  # in quotes: no subscripts at run time before SciPy 1.16
Coo: TypeAlias = "sparse.coo_array[Any, tuple[int, int]]"
AnyMatrix = TypeVar("AnyMatrix", "Csr", "Coo")


def export(
    matrix: Matrix,
    path: str | os.PathLike[str],
    *,
    layer: WeightedLayer | None = None,
    order: Order = "C",
    rank: int | None = None,
    gram_is_identity: bool | None = None,
) -> None:
    """Write a matrix to a file whose ending names the format.

    ``.npz``, ``.npy``, ``.csv`` keep the dtype. ``.mat`` has float64 or complex128, since Octave reads no sparse
    integers; larger ones than float64 can hold are refused. ``.mtx`` knows int64, uint64, float64 and complex128, JSON
    only numbers. A file is there when it is complete; if anything fails, what was there before stays.

    Parameters
    ----------
    matrix : sparse array
    path : str or path-like
        Ends in one of `ENDINGS`.
    layer : Conv or ConvTranspose, optional
        Whose matrix it is: named in ``.mtx``, needed for ``.json`` and for ``order="F"``.
    order : {"C", "F"}, default "C"
        How inputs and outputs are flattened. ``C`` is row-major, the order of `matrix`: it multiplies ``x.ravel()``.
        ``F`` is column-major: rows and columns are permuted so that ``C * A(:)`` is ``B(:)`` in MATLAB, Octave and
        Julia, where A has the shape ``layer.input_shape`` and B ``layer.output_shape``, channels first. With one
        channel, arrays without that axis have the same vectors.
    rank, gram_is_identity : int and bool, optional
        For ``.json``: findings to hand on.

    Raises
    ------
    ValueError
        If the ending or `order` is unknown, the format cannot hold the matrix, it is not the layer's, or there is no
        layer to permute it by. A MemoryError as well
        if it does not fit in the available memory; a TypeError if it is no sparse matrix of numbers.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from convmatrix.layers import Conv
    >>> layer = Conv((3,), 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(layer.matrix([5, -7]), f"{folder}/C.csv")
    ...     print(Path(folder, "C.csv").read_text(), end="")
    5,-7,0
    0,5,-7

    The same matrix for vectors of MATLAB's order:

    >>> layer = Conv((2, 2), (2, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for order in ("C", "F"):
    ...         export(layer.matrix([[1], [2]]), f"{folder}/C.csv", layer=layer, order=order)
    ...         print(Path(folder, "C.csv").read_text())
    1,0,2,0
    0,1,0,2
    <BLANKLINE>
    1,2,0,0
    0,0,1,2
    <BLANKLINE>
    """
    ending = ending_of(path)
    if order not in get_args(Order):
        raise ValueError(f"order must be 'C' or 'F', got {short(order)}")
    checked = _checked(matrix, layer)
    if ending == ".json":
        if layer is None:
            raise ValueError("a .json file describes the layer as well, but none is given: pass it as layer=")
        check_kind("layer", layer, WeightedLayer)
        write_text(json.dumps(_described(layer, checked, rank, gram_is_identity, order)) + "\n", path)
        return
    if order == "F":
        if layer is None:
            raise ValueError(
                "order 'F' permutes rows and columns by the layer's shapes, but no layer is given: pass it as layer="
            )
        checked = _column_major(checked, layer)
    _require_copies(checked, ending)
    named: dict[str, Order] = {"order": order} if ending in _SAYING_ORDER else {}
    with replacing(path) as file:
        _WRITERS[ending](checked, file, layer, **named)


def ending_of(path: str | os.PathLike[str], known: Sequence[str] = ENDINGS) -> str:
    """Return the ending of a file name, which determines its format; an error if it is not a known one.

    Parameters
    ----------
    path : str or path-like
    known : sequence of str, default `ENDINGS`
        Endings that name a format.

    Returns
    -------
    str
        One of `known`, in lower case.

    Raises
    ------
    ValueError
        If the ending is none of these.

    Examples
    --------
    >>> ending_of("matrices/C.NPZ")
    '.npz'
    """
    ending = Path(path).suffix.lower()
    if ending not in known:
        fault = f"ends in {ending!r}" if ending else "has no ending"
        raise ValueError(f"file name {short(os.fspath(path))} {fault}, which names no format: use {', '.join(known)}")
    return ending


# -- a layer and its matrix as plain data ----------------------------------------------------------------------------


def layer_as_dict(layer: WeightedLayer) -> dict[str, Any]:
    """Describe a layer in types that JSON supports: dictionaries, lists, numbers and strings.

    Parameters
    ----------
    layer : Conv or ConvTranspose

    Returns
    -------
    dict
        Every field, resolved, as the constructor takes it; then ``input_shape``, ``output_shape``, ``matrix_shape``,
        ``nnz``, and ``transpose``: true for a ConvTranspose.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> described = layer_as_dict(Conv(4, 3, padding="same"))
    >>> described["padding"], described["matrix_shape"], described["nnz"]
    ([[1, 1], [1, 1]], [16, 16], 100)
    """
    check_kind("layer", layer, WeightedLayer)
    return {
        **{field.name: _listed(getattr(layer, field.name)) for field in fields(layer)},
        "input_shape": list(layer.input_shape),
        "output_shape": list(layer.output_shape),
        "matrix_shape": list(layer.matrix_shape),
        "nnz": layer.nnz,
        "transpose": isinstance(layer, ConvTranspose),
    }


def matrix_as_dict(
    layer: WeightedLayer,
    weight: ArrayLike | None = None,
    *,
    rank: int | None = None,
    gram_is_identity: bool | None = None,
) -> dict[str, Any]:
    """Describe a layer and its matrix in types that JSON supports: dictionaries, lists, numbers and strings.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : layer.weight_shape array_like, optional
        Without it, ``data`` is None.
    rank, gram_is_identity : int and bool, optional
        Findings to hand on.

    Returns
    -------
    dict
        The items of `layer_as_dict`, and ``indptr``, ``indices``, ``data`` (complex numbers as [re, im]), ``taps`` (for
        each stored entry the flat indices of the weights that it is the sum of), ``rank``, ``gram_is_identity``.

    Raises
    ------
    ValueError
        If the weight is not the layer's, or an entry is not finite; a MemoryError as well if the lists do not fit in
        the available memory.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> described = matrix_as_dict(Conv((3,), 2), [1.5, -1])
    >>> described["indptr"], described["indices"], described["data"], described["taps"]
    ([0, 2, 4], [0, 1, 1, 2], [1.5, -1.0, 1.5, -1.0], [[0], [1], [0], [1]])
    """
    check_kind("layer", layer, WeightedLayer)
    return _described(layer, None if weight is None else layer.matrix(weight), rank, gram_is_identity)


def _described(
    layer: WeightedLayer, matrix: "Csr | None", rank: int | None, gram_is_identity: bool | None, order: Order = "C"
) -> dict[str, Any]:
    require_memory(layer.nnz * _JSON_BYTES, f"JSON of {layer.nnz} entries", "save .npz or .mtx")
    pattern = layer.matrix(np.ones(layer.weight_shape, dtype=bool))
    if matrix is not None:
        same = np.array_equal(matrix.indptr, pattern.indptr) and np.array_equal(matrix.indices, pattern.indices)
        if not same:
            raise ValueError(
                f"matrix stores {matrix.nnz} entries, but not at the positions of the layer's {pattern.nnz}: give it "
                "as layer.matrix(weight) builds it, with its stored zeros"
            )
    starts, ids = (array.tolist() for array in layer.taps())
    taps = [ids[start:stop] for start, stop in pairwise(starts)]
    data = None if matrix is None else _finite(matrix.data)
    if order == "F":
        entries: Csr = sparse.csr_array((np.arange(pattern.nnz), pattern.indices, pattern.indptr), shape=pattern.shape)
        pattern = _column_major(entries, layer)  # its values are the indices of the entries of the layer's matrix
        taps = [taps[entry] for entry in pattern.data]
        data = None if data is None else [data[entry] for entry in pattern.data]
    described = layer_as_dict(layer)
    transpose = described.pop("transpose")
    return {
        **described,
        "indptr": pattern.indptr.tolist(),
        "indices": pattern.indices.tolist(),
        "data": data,
        "taps": taps,
        "rank": None if rank is None else integer("rank", rank),
        "gram_is_identity": None if gram_is_identity is None else flag("gram_is_identity", gram_is_identity),
        "transpose": transpose,
        **({"order": order} if order != "C" else {}),
    }


def _listed(value: Any) -> Any:
    return [_listed(entry) for entry in value] if isinstance(value, tuple) else value


def _finite(data: NDArray[Any]) -> list[Any]:
    """Convert the data to JSON numbers, true and false, or pairs of numbers."""
    finite = np.isfinite(data)
    if not finite.all():
        place = int(np.argmin(finite))
        raise ValueError(f"stored entry {place} is {data[place]}, for which JSON has no number: save .npz or .mtx")
    plain = np.stack([data.real, data.imag], axis=-1) if data.dtype.kind == "c" else data
    return cast("list[Any]", plain.tolist())


# -- one writer for each format --------------------------------------------------------------------------------------


def _checked(matrix: Matrix, layer: WeightedLayer | None) -> Csr:
    """Convert a matrix to a csr_array, and check that its dtype is supported and its shape is that of the layer."""
    if not sparse.issparse(matrix):
        raise WrongTypeError(
            f"matrix must be sparse, got {type(matrix).__name__}: pass what layer.matrix(weight) gives, or wrap it in "
            "scipy.sparse.csr_array"
        )
    checked: Csr = sparse.csr_array(cast("Any", matrix))
    if checked.dtype.char not in np.typecodes["AllInteger"] + "?fdFD":
        wide = "complex128" if checked.dtype.kind == "c" else "float64"
        raise WrongTypeError(
            f"matrix has dtype {checked.dtype}, which no format can hold: cast it with .astype({wide!r})"
        )
    if layer is not None:
        check_kind("layer", layer, WeightedLayer, FixedLayer)
    if layer is not None and checked.shape != layer.matrix_shape:
        raise ValueError(f"matrix has shape {checked.shape} but that of the layer has {layer.matrix_shape}")
    return checked


def _column_major(matrix: Csr, layer: WeightedLayer) -> Csr:
    """The matrix between vectors in Fortran order: rows and columns permuted, in canonical format."""
    # Rows are taken first, then columns: a copy each.
    require_memory(
        2 * (matrix.data.nbytes + matrix.indices.nbytes),
        f"a column-major copy of the matrix with {pluralize(matrix.nnz, 'entry')}",
        "export it in order 'C'",
    )
    rows, cols = (
        np.arange(np.prod(shape, dtype=int)).reshape(shape).ravel(order="F")
        for shape in (layer.output_shape, layer.input_shape)
    )
    permuted = matrix[rows][:, cols]
    permuted.sort_indices()
    return permuted


def write_npz(matrix: Csr, file: IO[bytes], layer: WeightedLayer | None) -> None:
    """Write a .npz file."""
    sparse.save_npz(file, matrix)


def write_mtx(matrix: AnyMatrix, file: IO[bytes], layer: WeightedLayer | None, order: Order = "C") -> None:
    """Write a .mtx file, entries in the order that the matrix has them."""
    from scipy.io import mmwrite  # not needed to describe a layer, so not when the command line starts

    # A float32 is written with as many digits as tell it from its neighbours, and would be read as another float64.
    mmwrite(
        file,
        matrix if matrix.dtype.kind in "biu" else _widened(matrix),
        comment="" if layer is None else repr(layer) + (", rows and columns in Fortran order" if order == "F" else ""),
        symmetry="general",
    )


_MAT_HEADERS: Mapping[Order, bytes] = {
    "C": b"MATLAB 5.0 MAT-file, written by convmatrix: vectors are in row-major order, A(:) needs order='F'",
    "F": b"MATLAB 5.0 MAT-file, written by convmatrix: vectors are in column-major order, as A(:) is",
}
"""Text at the start of a .mat file; MATLAB requires that it begins with "MATLAB 5.0 MAT-file"."""


def _write_mat(matrix: Csr, file: IO[bytes], layer: WeightedLayer | None, order: Order = "C") -> None:
    from scipy.io import savemat

    _require_exact(matrix)
    wide = _widened(matrix)
    size = wide.nnz * (wide.dtype.itemsize + 4) + (wide.shape[1] + 1) * 4
    if size >= _MAT_END:
        raise ValueError(
            f"matrix of {wide.nnz} entries needs {size} bytes but a variable of a .mat file ends at {_MAT_END}: save "
            ".npz or .mtx"
        )
    savemat(cast("Any", file), {"C": wide})
    file.seek(0)
    file.write(_MAT_HEADERS[order].ljust(116))  # over a text that has the date in it


def _require_exact(matrix: Csr) -> None:
    if matrix.dtype.kind not in "iu" or not matrix.nnz:
        return
    worst = max(int(matrix.data.max()), int(matrix.data.min()), key=abs)
    if abs(worst) > 2**53:
        raise ValueError(
            f"matrix has the entry {worst} but a .mat file has float64, exact up to 2**53 = {2**53}: save .npz or .mtx"
        )


def _widened(matrix: AnyMatrix) -> AnyMatrix:
    return matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64, copy=False)


def _require_copies(matrix: Csr, ending: str) -> None:
    """Check that the copies that SciPy makes to write a matrix fit in memory: measured, rounded up."""
    wide = 16 if matrix.dtype.kind == "c" else 8
    each = {".mtx": 8 + wide, ".mat": 2 * (wide + 4) + 8}.get(ending, 0)
    require_memory(matrix.nnz * each, f"the {ending} file of {pluralize(matrix.nnz, 'entry')}", "save .npz")


def _write_csv(matrix: Csr, file: IO[bytes], layer: WeightedLayer | None) -> None:
    dense = _dense(matrix)
    if dense.dtype == bool:
        dense = dense.view(np.uint8)  # numpy.loadtxt reads no True
    for row in dense:
        # As str, a number is the shortest text that reads back the same; a complex one has parentheses around it.
        cells = (text.strip("()") for text in row.astype(str).tolist())
        file.write(",".join(cells).encode() + b"\n")


def _write_npy(matrix: Csr, file: IO[bytes], layer: WeightedLayer | None) -> None:
    np.save(file, _dense(matrix), allow_pickle=False)


def _dense(matrix: Csr) -> NDArray[Any]:
    rows, cols = matrix.shape
    require_memory(
        rows * cols * matrix.dtype.itemsize,
        f"dense matrix of {rows} x {cols}",
        "save .npz, .mtx or .mat, which hold the stored entries only",
    )
    return matrix.toarray()


_SAYING_ORDER = (".mat", ".mtx")
"""Files with a header that names the order of rows and columns; their writers take it."""

_WRITERS: Mapping[str, Callable[..., None]] = {
    ".npz": write_npz,
    ".mtx": write_mtx,
    ".mat": _write_mat,
    ".csv": _write_csv,
    ".npy": _write_npy,
}
