"""Reader of arrays and matrices from files: by ending, without pickle, and with one sentence for each fault.

========== ==============================================================================================
ending     what is read
========== ==============================================================================================
``.npy``   an array of numbers
``.npz``   a sparse matrix of ``scipy.sparse.save_npz``; or an array of ``numpy.savez``, by ``FILE:NAME``
``.csv``   numbers joined by commas, semicolons or tabs, a line for each row; ``#`` begins a comment
``.mtx``   Matrix Market, sparse or dense
``.mat``   a variable of a MATLAB 5 file, by ``FILE:NAME`` where there are several
``.json``  numbers in lists; or a matrix as convmatrix exports it
``.png``   an image, in grey from 0 to 255; also ``.jpg``
========== ==============================================================================================

Sizes are compared with the memory before an array is made.
"""

import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.errors import TooLargeError, pluralize, short, short_name
from convmatrix.core.memory import require_memory
from convmatrix.core.npy import ENDING, open_array

__all__ = ["ENDINGS", "is_file_name", "read_array", "read_array_of"]

AnyArray = NDArray[Any] | sparse.csr_array

_NAMED = (".npz", ".mat")
"""Endings of files that have several arrays, each with a name."""

_TEXT_BYTES = 120
"""Bytes of Python's objects for each byte of a text of numbers, in the worst case: a column of digits, measured."""
_ENTRY_BYTES = 40
"""Bytes of an entry of a sparse matrix while it is read and converted: two copies of value, row and column."""
_NPZ_COPIES = 3
"""Copies of the arrays of a .npz file at most: as they are read, and of a sparse matrix before and after."""
_PIXEL_BYTES = 12
"""Bytes of a pixel: as it is decoded, in grey, and as an integer of 64 bits."""
_ZLIB = 1032
"""Largest ratio of zlib's output and input, by which a .mat file can be compressed."""

_LONGEST_REASON = 200
"""Most characters of another reader's message."""


class _DamagedError(Exception):
    """A file that is not what its ending says: the reason."""


def is_file_name(text: str) -> bool:
    """Check whether a text is the name of a file that can be read, by its ending.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_file_name("w.npz:kernel"), is_file_name("W.PNG"), is_file_name("1,2,3")
    (True, True, False)
    """
    path, name = _parted(text)
    return Path(path).suffix.lower() in (_NAMED if name else ENDINGS)


def read_array(path: str | os.PathLike[str], what: str) -> AnyArray:
    r"""Read an array, or a sparse matrix, from a file.

    Parameters
    ----------
    path : str or path-like
        Ends in one of `ENDINGS`; ``FILE:NAME`` takes one of several arrays.
    what : str
        What the array is, in errors.

    Returns
    -------
    ndarray or csr_array
        Of numbers.

    Raises
    ------
    ValueError
        If there is no such file, or it is damaged, or holds no numbers, or several arrays and no name is given.
    TooLargeError
        If it does not fit in the available memory. Also a ValueError.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = Path(folder, "w.csv").write_text("1,2\n3,-4.5\n")
    ...     read_array(f"{folder}/w.csv", "the weight")
    array([[ 1. ,  2. ],
           [ 3. , -4.5]])
    """
    file, name = _parted(os.fspath(path))
    ending = Path(file).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"cannot read {what} from {short_name(file)}: use a file that ends in {', '.join(ENDINGS)}")
    if ending == ".npy":
        with open_array(file, what) as array:
            return array.read()
    try:
        with _opened(file) as stream:
            result = _READERS[ending](stream, name)
    except (_DamagedError, OSError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ValueError(f"cannot read {what} from {short_name(file)}: {reason}") from error
    except TooLargeError:
        raise
    except Exception as error:  # the readers of SciPy, Pillow and zipfile have errors of any class for damaged files
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        raise ValueError(
            f"cannot read {what} from {short_name(file)}: it is damaged, or no {ending} file of numbers ({reason})"
        ) from error
    if result.dtype.kind not in "biufc":
        raise ValueError(f"cannot read {what} from {short_name(file)}: it has dtype {result.dtype}, but needs numbers")
    return result


def read_array_of(
    path: str | os.PathLike[str], what: str, shape: tuple[int, ...], other: tuple[int, ...] | None = None
) -> NDArray[Any]:
    """Read an array of one shape from a file, or of another shape with as many entries.

    Parameters
    ----------
    path, what
        As for `read_array`.
    shape : tuple of int
    other : tuple of int, optional

    Returns
    -------
    (*shape) ndarray

    Raises
    ------
    ValueError
        If it cannot be read, or has none of these shapes; of a ``.npy`` file the header is enough.
    """

    def require(found: tuple[int, ...]) -> None:
        if found not in (shape, other):
            also = "" if other is None else f" or {other}"
            name = what.removeprefix("the ")
            raise ValueError(
                f"{name} in {short_name(os.fspath(path))} has shape {found} but the layer needs {shape}{also}"
            )

    if os.fspath(path).lower().endswith(ENDING):
        with open_array(path, what) as array:
            require(array.shape)
            return array.read().reshape(shape)
    found = read_array(path, what)
    require(found.shape)
    return (found if isinstance(found, np.ndarray) else found.toarray()).reshape(shape)


def _parted(text: str) -> tuple[str, str]:
    """A path, and the name of an array in its file."""
    path, colon, name = text.rpartition(":")
    return (path, name) if colon and Path(path).suffix.lower() in _NAMED and not Path(text).is_file() else (text, "")


@contextmanager
def _opened(path: str) -> Iterator[io.BufferedReader]:
    try:
        file = open(path, "rb")  # noqa: PTH123, SIM115  closed below; Path changes the path in messages
    except ValueError as error:  # null characters, and letters that no file system encodes
        raise _DamagedError("no file can have this name") from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _DamagedError("it is no regular file")
        yield file


def _chosen(names: list[str], name: str, what: str) -> str:
    """The array of this name, or the only one."""
    if name:
        if name not in names:
            raise _DamagedError(f"it has no {what} {short(name)}; it has {', '.join(names[:10]) or 'none'}")
        return name
    if len(names) != 1:
        raise _DamagedError(
            f"it has {pluralize(len(names), what)}"
            + (f", {', '.join(names[:10])}: name one, as in FILE:{names[0]}" if names else "")
        )
    return names[0]


def _as_array(value: Any) -> AnyArray:
    if not sparse.issparse(value):
        return np.asarray(value)
    matrix: Any = value
    return sparse.csr_array(matrix)


def _require_fit(nbytes: int, what: str) -> None:
    require_memory(nbytes, what, "save a smaller array")


# -- one reader for each format --------------------------------------------------------------------------------------


def _read_npz(stream: io.BufferedReader, name: str) -> AnyArray:
    with zipfile.ZipFile(stream) as archive:
        members = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    _require_fit(_NPZ_COPIES * sum(members.values()), "the arrays of the .npz file")
    stream.seek(0)
    if "format" in members and not name:
        return sparse.csr_array(sparse.load_npz(stream))
    with np.load(stream, allow_pickle=False) as arrays:
        return np.asarray(arrays[_chosen(sorted(members), name, "array")])


def _read_csv(stream: io.BufferedReader, name: str) -> AnyArray:
    _require_fit(_TEXT_BYTES * os.fstat(stream.fileno()).st_size, "the numbers of the .csv file")
    text = stream.read().decode("utf-8-sig")
    lines = {
        number: line
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    if not lines:
        raise _DamagedError("it is empty")
    rows = {number: [cell.strip() for cell in re.split(r"[,;\t]", line)] for number, line in lines.items()}
    first, needed = next((number, len(row)) for number, row in rows.items())
    for number, row in rows.items():
        if len(row) != needed:
            raise _DamagedError(f"line {number} has {pluralize(len(row), 'number')}, but line {first} has {needed}")
        for cell in row:
            if not _is_number(cell):
                raise _DamagedError(f"line {number} has {short(cell)}, which is no number")
    for convert in (int, float):
        try:
            return _numbers([[convert(cell) for cell in row] for row in rows.values()])
        except ValueError:
            continue
    return _numbers([[complex(cell) for cell in row] for row in rows.values()])


def _is_number(cell: str) -> bool:
    """Check whether a text is a number; Python's underscores between digits are more likely a mistake."""
    try:
        complex(cell)
    except ValueError:
        return False
    return "_" not in cell


def _numbers(content: list[Any]) -> NDArray[Any]:
    """An array of lists of numbers."""
    array = np.array(content)
    if array.dtype == object:
        raise _DamagedError("it has an integer beyond 64 bits: write it as a float")
    return array


def _read_mtx(stream: io.BufferedReader, name: str) -> AnyArray:
    from scipy.io import mminfo, mmread  # slow to import

    rows, cols, entries, *_ = mminfo(stream.name)  # SciPy's reader ends the process if it is given a file to seek in
    if entries > os.fstat(stream.fileno()).st_size:
        raise _DamagedError(f"it is cut short: its header has {pluralize(entries, 'entry')}")
    needed = _ENTRY_BYTES * entries + 8 * (rows + 1)
    _require_fit(needed, f"the matrix of {rows} x {cols} with {pluralize(entries, 'entry')}")
    return _as_array(mmread(stream.name, spmatrix=False))


def _read_mat(stream: io.BufferedReader, name: str) -> AnyArray:
    from scipy.io import loadmat, whosmat  # slow to import

    file: Any = stream  # SciPy's annotations know names only
    sizes = {variable: shape for variable, shape, kind in whosmat(file) if kind not in ("char", "cell", "struct")}
    chosen = _chosen(sorted(sizes), name, "variable")
    stream.seek(0)
    size = os.fstat(stream.fileno()).st_size
    _require_fit(min(16 * prod(sizes[chosen]), _ZLIB * size), f"variable {chosen} of shape {sizes[chosen]}")
    value: Any = loadmat(file, variable_names=[chosen], spmatrix=False)[chosen]
    return _as_array(value)


def _read_json(stream: io.BufferedReader, name: str) -> AnyArray:
    _require_fit(_TEXT_BYTES * os.fstat(stream.fileno()).st_size, "the numbers of the .json file")
    content = json.loads(stream.read())
    if isinstance(content, list):
        return _numbers(content)
    parts = ("data", "indices", "indptr", "matrix_shape")
    if not isinstance(content, dict) or any(not isinstance(content.get(part), list) for part in parts):
        raise _DamagedError("it needs numbers in lists, or a matrix as convmatrix exports it")
    data, *places, shape = (np.array(content[part]) for part in parts)
    if data.ndim == 2:  # complex numbers, as pairs
        data = data[:, 0] + 1j * data[:, 1]
    matrix = sparse.csr_array((data, *places), shape=tuple(shape.tolist()))
    matrix.check_format()
    return matrix


def _read_image(stream: io.BufferedReader, name: str) -> AnyArray:
    from PIL import Image  # comes with matplotlib, and is slow to import

    with Image.open(stream, formats=("PNG", "JPEG")) as image:
        wide, tall = image.size
        _require_fit(_PIXEL_BYTES * wide * tall, f"the image of {wide} x {tall} pixels")
        return np.asarray(image.convert("L")).astype(np.int64)


_READERS: Mapping[str, Callable[[io.BufferedReader, str], AnyArray]] = {
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".mtx": _read_mtx,
    ".mat": _read_mat,
    ".json": _read_json,
    ".png": _read_image,
    ".jpg": _read_image,
    ".jpeg": _read_image,
}

ENDINGS = (".npy", *_READERS)
"""Endings of the files that `read_array` can read."""
