"""Conversion of ONNX's tensors to arrays: data_types, and values that are raw, in a field, or in a separate file."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, pluralize
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.frameworks.onnx.fields import as_float, as_integer, as_list, as_text
from convmatrix.frameworks.onnx.files import external_bytes
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.loading import attributes_of
from convmatrix.layers.arguments import MOST_AXES

__all__ = ["as_floats", "decoded"]

_TENSORS = {
    1: ("float32", "float_data"),
    2: ("uint8", "int32_data"),
    3: ("int8", "int32_data"),
    4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"),
    6: ("int32", "int32_data"),
    7: ("int64", "int64_data"),
    9: ("bool", "int32_data"),
    10: ("float16", "int32_data"),
    11: ("float64", "double_data"),
    12: ("uint32", "uint64_data"),
    13: ("uint64", "uint64_data"),
    16: ("bfloat16", "int32_data"),
}
"""Names of TensorProto.data_type, and the fields with the values unless they are raw."""

_STORED = {"bool": "uint8", "float16": "uint16", "bfloat16": "uint16"}
"""NumPy dtypes of the stored values, if they differ from those of the names."""

_OTHER_TENSORS = {
    8: "string",
    14: "complex64",
    15: "complex128",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
}
_EXTERNAL = 1
"""TensorProto.data_location of values in a separate file."""

_MOST_DIMS = MOST_AXES + 2
"""Largest number of axes of a weight: those of a layer, and two of channels."""


def decoded(name: str, tensor: Any, folder: Path | None = None) -> NDArray[Any]:
    """Return the values of a TensorProto or an array. Half precision is widened to float32, without loss.

    Parameters
    ----------
    name : str
        How errors call it.
    tensor : onnx.TensorProto or array_like
    folder : Path, optional
        Of the model, beside which files with values stand.

    Returns
    -------
    ndarray

    Raises
    ------
    WrongTypeError
        If its values are of a kind that scipy.sparse cannot hold; also a TypeError.
    ValueError
        If they stand in a file that is not read, or are more or fewer than its dims need, or a part of others.
    """
    if not hasattr(tensor, "data_type"):
        return _plain_array(name, tensor)
    what = f"tensor {shortened(name)}"
    dims, number = attributes_of(tensor, ("dims", "data_type"), "an ONNX tensor")
    number = as_integer(number, f"the data_type of {what}")
    if number not in _TENSORS:
        kind = _OTHER_TENSORS.get(number, f"of data_type {number}")
        raise WrongTypeError(
            f"{what} is {kind}, which scipy.sparse cannot hold: cast it to float32 first, as "
            "onnx.numpy_helper.to_array(tensor).astype('float32')"
        )
    kind, place = _TENSORS[number]
    shape = _shape_of_dims(what, dims)
    stored = np.dtype(_STORED.get(kind, kind))
    segment = getattr(tensor, "segment", None)
    if getattr(segment, "begin", 0) or getattr(segment, "end", 0):
        raise ValueError(
            f"{what} is one segment of a larger tensor, which is read only as a whole: save the model again"
        )
    external = getattr(tensor, "data_location", 0) == _EXTERNAL
    raw = getattr(tensor, "raw_data", b"")
    if external:
        raw = _external(name, tensor, folder, prod(shape) * stored.itemsize)
    if not isinstance(raw, bytes):
        raise WrongTypeError(f"raw_data of {what} must be bytes, got {shortened(raw)} ({type(raw).__name__})")
    if raw or external:
        values = _from_raw(what, raw, shape, stored, kind)
    else:
        (entries,) = attributes_of(tensor, (place,), f"an ONNX tensor of {kind}")
        values = _from_field(what, entries, place, shape, stored)
    if kind == "bool":
        values = values != 0
    elif kind == "float16":
        values = values.view(np.float16).astype(np.float32)
    elif kind == "bfloat16":  # the upper half of a float32
        values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.reshape(shape)


def _plain_array(name: str, value: Any) -> NDArray[Any]:
    try:
        array = weight_of(value)
    except (ValueError, TypeError) as error:
        raise WrongTypeError(f"tensor {shortened(name)} is no array: {error}") from None
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(
            f"tensor {shortened(name)} must be an array of numbers or a TensorProto, got "
            f"{shortened(value)} ({type(value).__name__})"
        )
    return array


def _shape_of_dims(what: str, dims: Any) -> tuple[int, ...]:
    """Return the dims of a tensor, if an array can have them."""
    shape = tuple(as_integer(each, f"a dim of {what}") for each in as_list(dims, f"the dims of {what}"))
    if len(shape) > _MOST_DIMS:
        raise ValueError(f"{what} has {len(shape)} dims, but a weight has at most {_MOST_DIMS}")
    if any(length < 0 for length in shape):
        raise ValueError(f"{what} has dims {list(shape)}, but none can be less than 0")
    if prod(length or 1 for length in shape) >= 2**60:  # as an array, whatever it holds: 8 bytes each in 63 bits
        raise ValueError(f"{what} has dims {list(shape)}, which no array can have")
    return shape


def _from_raw(what: str, raw: bytes, shape: tuple[int, ...], stored: np.dtype[Any], kind: str) -> NDArray[Any]:
    count, needed = len(raw), prod(shape) * stored.itemsize
    if count != needed:
        raise ValueError(f"{what} has {count} bytes but its dims {list(shape)} of {kind} need {needed}")
    return np.frombuffer(raw, stored.newbyteorder("<")).astype(stored)


def _from_field(what: str, entries: Any, place: str, shape: tuple[int, ...], stored: np.dtype[Any]) -> NDArray[Any]:
    """Return the values of a field with one number for each entry."""
    listed = as_list(entries, f"{place} of {what}")
    if len(listed) != prod(shape):
        raise ValueError(
            f"{what} has {pluralize(len(listed), 'value')} in {place} but its dims {list(shape)} need {prod(shape)}"
        )
    if stored.kind == "f":
        return as_floats([as_float(each, f"{place} of {what}") for each in listed], stored)
    numbers = [as_integer(each, f"{place} of {what}") for each in listed]
    limits = np.iinfo(stored)
    for number in numbers:
        if not limits.min <= number <= limits.max:
            raise ValueError(f"{what} has {number} in {place}, but its values are from {limits.min} to {limits.max}")
    return np.array(numbers, dtype=stored)


def as_floats(values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert numbers to floats of a precision; those that are too large become infinite.

    Parameters
    ----------
    values : float or sequence of float
    dtype : dtype

    Returns
    -------
    ndarray

    Examples
    --------
    >>> as_floats([0.5, 1e300], np.dtype(np.float32))
    array([0.5, inf], dtype=float32)
    """
    with np.errstate(over="ignore"):  # what single precision cannot hold is infinite, as in a file
        return np.asarray(np.asarray(values, dtype=np.float64), dtype=dtype)


def _external(name: str, tensor: Any, folder: Path | None, needed: int) -> bytes:
    """Return the bytes of a tensor that are stored in a file beside the model."""
    if folder is None:
        raise ValueError(
            f"tensor {shortened(name)} has its values in a file of their own: load the model with "
            "onnx.load, which reads them, or give from_model the path of the model"
        )
    entries = {}
    for entry in as_list(getattr(tensor, "external_data", ()), f"external_data of tensor {shortened(name)}"):
        key, value = attributes_of(entry, ("key", "value"), "an entry of external_data")
        entries[as_text(key, "a key of external_data")] = as_text(value, "a value of external_data")
    return external_bytes(name, entries, folder, needed)
