"""Reader of ``.npy`` files: first the header, then, after checks of shape, dtype and file size, the data.

The header is matched, not evaluated, and nothing is unpickled: a damaged file is a ``ValueError`` with one sentence,
whatever its bytes are, and allocates no more than its own size.
"""

import os
import re
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import pluralize, short_name
from convmatrix.core.memory import require_memory

__all__ = ["ENDING", "ArrayFile", "open_array"]

ENDING = ".npy"
"""Ending of the files, in upper or lower case."""

_NOT_NUMBERS = "it is not a .npy file of numbers, as numpy.save writes it without pickled objects"

_MAGIC = b"\x93NUMPY"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
"""First bytes of zip archives, with and without files in them."""

_LENGTHS = {b"\x01\x00": "<H", b"\x02\x00": "<I", b"\x03\x00": "<I"}
"""Versions of the format, and how each writes the length of its header."""

_LONGEST_HEADER = 10_000
"""Largest length of a header in bytes, as in numpy.load for untrusted files. The header of numbers has about 100."""

_MOST_AXES = 64
"""Largest number of axes of a NumPy array."""

_WRITTEN_AXES = 8
"""Most sizes of a shape that an error writes out."""

_MOST_DIGITS = len(str(sys.maxsize))
"""Largest number of digits of a size of an array."""

_SPACE = " \t\n"
_FIELD = re.compile(
    r"""(['"])(?P<name>descr|fortran_order|shape)\1[ \t\n]*:[ \t\n]*"""
    r"""(?:(['"])(?P<descr>[^'"\\\n]*)\3|(?P<fortran_order>True|False)|\((?P<shape>[0-9L, \t\n]*)\))"""
    r"""[ \t\n]*(?:,[ \t\n]*|\Z)"""
)
_SIZE = re.compile("(0|[1-9][0-9]*)L?")  # the L is Python 2's
_NUMBERS = re.compile("[<>=|]?[biufc][0-9]{1,2}")


@dataclass(frozen=True)
class ArrayFile:
    """An open ``.npy`` file whose header has been read, and whose data has not.

    Parameters
    ----------
    what : str
        What the array is, in errors.
    path : str
    shape : tuple of int
    dtype : dtype
        Of numbers: bool, integer, float or complex.
    fortran_order : bool
        Whether the data is in Fortran order.
    file : BufferedReader
        At the beginning of the data.
    """

    what: str
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    file: BufferedReader

    @property
    def nbytes(self) -> int:
        """Size of the data."""
        return prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """Read the data; this can be done only once.

        Returns
        -------
        (*shape) ndarray

        Raises
        ------
        ValueError
            If the data cannot be read, or ends too early.
        TooLargeError
            If it does not fit in memory. Also a ValueError.
        """
        what = f"{self.what} in {short_name(self.path)}, of shape {_written(self.shape)} and {self.dtype},"
        require_memory(self.nbytes, what, "save a smaller array")
        array = np.empty(prod(self.shape), self.dtype)
        left = array.view(np.uint8).data
        try:
            while count := self.file.readinto(left):
                left = left[count:]
        except OSError as error:
            raise ValueError(_unreadable(self.what, self.path, error.strerror or str(error))) from error
        if len(left):
            raise ValueError(_unreadable(self.what, self.path, _too_short(self, self.nbytes - len(left))))
        if self.dtype.kind == "b":
            array = array.view(np.uint8) != 0  # any other byte than 0 and 1 makes sums of NumPy's go wrong
        return array.reshape(self.shape, order="F" if self.fortran_order else "C")


@contextmanager
def open_array(path: str | os.PathLike[str], what: str) -> Iterator[ArrayFile]:
    """Open a ``.npy`` file of numbers and read its header.

    Parameters
    ----------
    path : str or path-like
        A pipe will do: it is waited for.
    what : str
        What the array is, in errors.

    Yields
    ------
    ArrayFile

    Raises
    ------
    ValueError
        If the file cannot be opened; if it is no ``.npy`` file, or its header is damaged; if it holds no numbers; if
        its size is not the one that the header says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/w.npy", [[1, 2], [3, 4]])
    ...     with open_array(f"{folder}/w.npy", "the weight") as found:
    ...         print(found.shape, found.dtype, found.read().tolist())
    (2, 2) int64 [[1, 2], [3, 4]]
    """
    path = os.fspath(path)
    try:
        file = open(path, "rb")  # noqa: PTH123, SIM115  closed below; Path changes the path in messages
    except OSError as error:
        raise ValueError(_unreadable(what, path, error.strerror or str(error))) from error
    except ValueError as error:  # null characters, and letters that no file system encodes
        raise ValueError(_unreadable(what, path, "no file can have this name")) from error
    with file:
        try:
            array_file = ArrayFile(what, path, *_header(file), file)
            status = os.fstat(file.fileno())
            size = status.st_size - file.tell() if stat.S_ISREG(status.st_mode) else None
        except OSError as error:
            raise ValueError(_unreadable(what, path, error.strerror or str(error))) from error
        except _DamagedError as error:
            raise ValueError(_unreadable(what, path, str(error))) from error
        if size is not None and size != array_file.nbytes:
            raise ValueError(
                _unreadable(
                    what,
                    path,
                    _too_short(array_file, size) if size < array_file.nbytes else _too_long(array_file, size),
                )
            )
        yield array_file


def _unreadable(what: str, path: str, reason: str) -> str:
    return f"cannot read {what} from {short_name(path)}: {reason}"


def _too_short(array_file: ArrayFile, size: int) -> str:
    return f"it is cut short, with {_sizes(array_file, size)}: save the array again"


def _too_long(array_file: ArrayFile, size: int) -> str:
    return f"it has {_sizes(array_file, size)}: save one array, with numpy.save"


def _sizes(array_file: ArrayFile, size: int) -> str:
    expected = f"shape {_written(array_file.shape)} of {array_file.dtype} needs {array_file.nbytes}"
    return f"{pluralize(size, 'byte')} of data where {expected}"


def _written(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) <= _WRITTEN_AXES else f"({', '.join(map(str, shape[:_WRITTEN_AXES]))}, ...)"


# -- the header ------------------------------------------------------------------------------------------------------


class _DamagedError(Exception):
    """Raised for a file that is not a .npy file of numbers; its message is the reason."""


def _header(file: BufferedReader) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Read shape, dtype and order."""
    begin = file.read(len(_MAGIC) + 2)
    if not begin:
        raise _DamagedError("it is empty")
    if begin.startswith(_ZIP):
        raise _DamagedError("it begins as an .npz archive: save one of its arrays as .npy")
    if not begin.startswith(_MAGIC):
        raise _DamagedError(_NOT_NUMBERS)
    version = begin[len(_MAGIC) :]
    if len(version) < 2:
        raise _DamagedError("its header is cut short: it ends before its version")
    if version not in _LENGTHS:
        raise _DamagedError(
            f"it has version {'.'.join(map(str, version))} of the .npy format, but versions 1.0, 2.0 "
            "and 3.0 are known: save the array again"
        )
    (length,) = struct.unpack(_LENGTHS[version], _exactly(file, struct.calcsize(_LENGTHS[version])))
    if length > _LONGEST_HEADER:
        raise _DamagedError(
            f"its header has {length} bytes but that of an array of numbers has at most "
            f"{_LONGEST_HEADER}: save the array again"
        )
    fields = _fields(_exactly(file, length).decode("latin-1"))
    dtype = _dtype(fields["descr"])
    return _shape(fields["shape"], dtype.itemsize), dtype, fields["fortran_order"] == "True"


def _exactly(file: BufferedReader, count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise _DamagedError(f"its header is cut short: it ends after {pluralize(len(content), 'byte')} of {count}")
    return content


def _fields(header: str) -> dict[str, str]:
    """The three values of the header, as they are written."""
    text = header.strip(_SPACE)
    fields: dict[str, str] = {}
    if text[:1] == "{" and text[-1:] == "}":
        body, start = text[1:-1].strip(_SPACE), 0
        while start < len(body) and (field := _FIELD.match(body, start)):
            name, start = field["name"], field.end()
            if name in fields or field[name] is None:  # twice, or with the value of another
                break
            fields[name] = field[name]
        else:
            if start == len(body) and len(fields) == 3:
                return fields
    raise _DamagedError("its header is damaged, or that of an array with named fields: save an array of numbers")


def _dtype(descr: str) -> np.dtype[Any]:
    if descr[-1:] == "O":
        raise _DamagedError(_NOT_NUMBERS)
    if _NUMBERS.fullmatch(descr):
        try:
            return np.dtype(descr)
        except TypeError:  # three bytes, say
            pass
    raise _DamagedError(
        f"its entries have dtype {descr[:40]!r}, which holds no numbers of NumPy's: save them as float64"
    )


def _shape(text: str, itemsize: int) -> tuple[int, ...]:
    if not text.strip(_SPACE):
        return ()
    *entries, last = (entry.strip(_SPACE) for entry in text.split(","))
    if last:
        entries.append(last)
        if len(entries) == 1:  # a number in parentheses
            raise _DamagedError("its header is damaged: its shape is no tuple; save the array again")
    matches = [_SIZE.fullmatch(entry) for entry in entries]
    if len(matches) > _MOST_AXES:
        raise _DamagedError(
            f"its header has {len(matches)} sizes but an array has at most {_MOST_AXES} axes: save it again"
        )
    digits = [match[1] for match in matches if match]
    if len(digits) < len(matches):
        raise _DamagedError("its header is damaged: its shape has entries that are no sizes; save the array again")
    longest = max(map(len, digits))
    if longest > _MOST_DIGITS:
        raise _DamagedError(f"its header has a size of {longest} digits, more than any array has: save it again")
    shape = tuple(map(int, digits))
    if prod(max(size, 1) for size in shape) * itemsize > sys.maxsize:
        raise _DamagedError(
            f"its header has shape {_written(shape)}, larger than any array of {itemsize} bytes an entry: save it again"
        )
    return shape
