"""Readers of ONNX models on disk: a model from its path, and the bytes of tensors in files beside it."""

import importlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convmatrix.core.errors import short
from convmatrix.core.memory import require_memory
from convmatrix.frameworks.onnx.attributes import shortened

__all__ = ["ModelFileError", "NeedsOnnxError", "external_bytes", "model_at"]


class ModelFileError(OSError, ValueError):
    """Raised if a model's file, or one beside it, is missing, is no regular file or cannot be read."""


class NeedsOnnxError(ImportError, ValueError):
    """Raised if the package onnx is not installed, which is needed to parse a file."""


def model_at(path: str | os.PathLike[str]) -> tuple[Any, Path]:
    """Parse a model's file, with the package onnx; tensors in other files are not read yet.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    model : onnx.ModelProto
    folder : Path
        Where the model is.

    Raises
    ------
    ModelFileError
        If there is no such regular file, or it cannot be read; both an OSError and a ValueError.
    NeedsOnnxError
        If onnx is not installed; both an ImportError and a ValueError.
    ValueError
        If the file is no ONNX model.
    TooLargeError
        If it does not fit in memory; also a MemoryError.
    """
    file = Path(path)
    what = f"the model {shortened(str(file))}"
    size = _size_of_regular(file, what)
    try:
        onnx: Any = importlib.import_module("onnx")
        protobuf: Any = importlib.import_module("google.protobuf.message")
    except ImportError:
        raise NeedsOnnxError(
            f"{what} can be read only with the package onnx, which is not installed: install it (pip "
            "install onnx), or give the ModelProto in place of its path"
        ) from None
    require_memory(2 * size, what, "read it where there is more memory")
    try:
        model = onnx.ModelProto.FromString(_bytes_of(file, what, 0, size))
    except protobuf.DecodeError:
        raise ValueError(f"{what} of {size} bytes is not a serialized ONNX model: give the .onnx file") from None
    return model, file.parent


def external_bytes(name: str, entries: Mapping[str, str], folder: Path, needed: int) -> bytes:
    """Return the bytes of a tensor that are stored in a file beside the model; no file outside its folder is read.

    Parameters
    ----------
    name : str
        Of the tensor.
    entries : mapping
        Its external_data: location, and perhaps offset and length.
    folder : Path
        Where the model is.
    needed : int
        How many bytes the tensor's dims and type need.

    Returns
    -------
    bytes

    Raises
    ------
    ModelFileError
        If there is no such regular file, or it cannot be read; both an OSError and a ValueError.
    ValueError
        If the location leads out of the folder, or there are more or fewer bytes than needed.
    TooLargeError
        If the bytes do not fit in memory; also a MemoryError.
    """
    location = entries.get("location", "")
    what = f"the external data of tensor {shortened(name)}, location {shortened(location)},"
    if not location or "\0" in location:
        raise ValueError(f"{what} is no file name: save the model again, with its data beside it")
    try:
        root = folder.resolve()
        file = (root / location).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links: RuntimeError before Python 3.13
        raise ModelFileError(f"{what} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not file.is_relative_to(root):
        raise ValueError(
            f"{what} leads out of the model's folder: only files inside of it are read, so put the data "
            "beside the model"
        )
    offset = _count(what, "offset", entries.get("offset", "0"))
    length = _count(what, "length", entries.get("length", str(needed)))
    if length != needed:
        raise ValueError(f"{what} has length {length}, but the dims of the tensor need {needed} bytes")
    size = _size_of_regular(file, what)
    if offset + needed > size:
        raise ValueError(
            f"{what} ends at byte {offset + needed} (= offset {offset} + length {needed}), but the file "
            f"has {size} bytes"
        )
    require_memory(needed, what.rstrip(","), "read it where there is more memory")
    return _bytes_of(file, what, offset, needed)


def _count(what: str, key: str, text: str) -> int:
    """Return a number of bytes from its decimal digits."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise ValueError(f"{what} has {key} {short(text[:40])}, which is no number of bytes")
    return int(text)


def _size_of_regular(file: Path, what: str) -> int:
    """Return the number of bytes of a file, if it is a regular one: a pipe or a device may never end."""
    try:
        found = file.stat()
    except FileNotFoundError:
        raise ModelFileError(f"{what} does not exist: check the path") from None
    except (OSError, ValueError) as error:  # a loop of links, a null character, no permission
        raise ModelFileError(f"{what} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(found.st_mode):
        raise ModelFileError(
            f"{what} is {'a folder' if stat.S_ISDIR(found.st_mode) else 'no regular file'}: give the file itself"
        )
    return found.st_size


def _bytes_of(file: Path, what: str, offset: int, count: int) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            return stream.read(count)
    except OSError as error:
        raise ModelFileError(f"{what} cannot be read: {error.strerror or error}") from None
