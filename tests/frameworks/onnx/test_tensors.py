"""ONNX's tensors: values in every field, and inconsistent tensors."""

import re
from types import SimpleNamespace as Fake

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.onnx import (
    from_layer,
    from_model,
)
from onnx_fakes import W, graph, node, refused, tensor


@pytest.mark.parametrize(
    ("kind", "place", "values"),
    [
        (1, "float_data", [1.5, 2.0, 3.0]),
        (11, "double_data", [1.5, 2.0, 3.0]),
        (6, "int32_data", [1, 2, 3]),
        (3, "int32_data", [1, -2, 3]),
        (9, "int32_data", [1, 0, 1]),
        (7, "int64_data", [1, 2, 3]),
        (12, "uint64_data", [1, 2, 3]),
    ],
)
def test_typed_fields_of_tensors(kind, place, values):
    w = Fake(name="w", dims=[1, 1, 3], data_type=kind, raw_data=b"", **{place: values})
    loaded = from_layer(node("Conv", "x,w"), 4, {"w": w})
    assert loaded.weight.ravel().tolist() == values


def broken(**changes):
    return {"w": Fake(**{**vars(tensor("w", np.ones((1, 1, 3), "float32"))), **changes})}


def test_errors_of_kinds():
    for kind, name in {14: "complex64", 17: "float8e4m3fn", 99: "of data_type 99"}.items():
        message = (
            f"tensor 'w' is {name}, which scipy.sparse cannot hold: cast it to float32 first, as onnx.numpy_helper"
        )
        with pytest.raises(WrongTypeError, match=re.escape(message)):
            from_layer(node("Conv", "x,w"), 6, broken(data_type=kind))
    with pytest.raises(WrongTypeError, match=re.escape("int is not an ONNX node: it has no attribute 'op_type'")):
        from_layer(3, 6, {})
    with pytest.raises(
        WrongTypeError, match="initializers must be a mapping from names to arrays, a graph or a model, got"
    ):
        from_layer(node("Conv", "x,w"), 6, [W])
    with pytest.raises(WrongTypeError, match="int is not an ONNX model: it has no attribute 'node'"):
        from_model(3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": [2, 2, -3, -3]}, "tensor 'w' has dims [2, 2, -3, -3], but none can be less than 0"),
        (
            {"dims": [10**18] * 4},
            "tensor 'w' has dims [1000000000000000000, 1000000000000000000, 1000000000000000000, "
            "1000000000000000000], which no array can have",
        ),
        ({"dims": [0, 10**18, 10**18, 3]}, "which no array can have"),
        ({"dims": [1] * 70}, "tensor 'w' has 70 dims, but a weight has at most 63"),
        ({"dims": [36]}, "W has shape (36,) but needs (M, C / group, *kernel_shape), at least 3 axes"),
        ({"dims": None}, "the dims of tensor 'w' must be a sequence, got None (NoneType)"),
        ({"dims": [2.5]}, "a dim of tensor 'w' must be an integer, got 2.5"),
        ({"raw_data": "text"}, "raw_data of tensor 'w' must be bytes, got 'text' (str)"),
        ({"raw_data": b"", "float_data": [1, "2"] * 18}, "float_data of tensor 'w' must be a number, got '2' (str)"),
        ({"raw_data": b"", "float_data": [10**400] * 36}, "which is larger than any floating point number"),
        ({"raw_data": b"", "float_data": 3}, "float_data of tensor 'w' must be a sequence, got 3 (int)"),
        (
            {"raw_data": b"", "data_type": 2, "int32_data": [300] * 36},
            "tensor 'w' has 300 in int32_data, but its values are from 0 to 255",
        ),
        (
            {"raw_data": b"", "data_type": 3, "int32_data": [-129] * 36},
            "tensor 'w' has -129 in int32_data, but its values are from -128 to 127",
        ),
        (
            {"raw_data": b"", "data_type": 7, "int64_data": [2**63] * 36},
            "tensor 'w' has 9223372036854775808 in int64_data, but its values are from",
        ),
        ({"dims": [10**400]}, "a dim of tensor 'w' has more than 64 bits: give a smaller integer"),
        ({"raw_data": b"", "data_type": 7, "int64_data": [1.5] * 36}, "int64_data of tensor 'w' must be an integer"),
        ({"data_type": "float"}, "the data_type of tensor 'w' must be an integer, got 'float'"),
        ({"raw_data": bytes(30)}, "tensor 'w' has 30 bytes but its dims [2, 2, 3, 3] of float32 need 144"),
        ({"data_type": 10}, "tensor 'w' has 144 bytes but its dims [2, 2, 3, 3] of float16 need 72"),
        ({"data_type": 0}, "tensor 'w' is of data_type 0, which scipy.sparse cannot hold"),
        ({"name": b"\xffw"}, "the name of an initializer is b'\\xffw', which is no UTF-8 text"),
    ],
)
def test_tensors_that_contradict_themselves(changes, message):
    w = tensor("w", W)
    vars(w).update(changes)
    refused(message, graph([node("Conv", "x,w")], typed=[w]))


def test_half_precision_is_widened():
    values = np.array([1.5, -2, 0.25, 65504], "float16").reshape(1, 1, 4)
    bits = values.view("uint16").ravel().tolist()
    upper = (values.astype("float32").view("uint32") >> 16).astype("uint16")
    truncated = (upper.astype("uint32") << 16).view("float32")
    for typed, wanted in [
        (tensor("w", values), values),
        (tensor("w", values, raw_data=b"", int32_data=bits), values),
        (tensor("w", values, raw_data=upper.tobytes(), data_type=16), truncated),
    ]:
        (weight,) = from_model(graph([node("Conv", "x,w")], (1, 1, 6), typed=[typed])).weights
        assert weight.dtype == np.float32
        assert_array_equal(weight, wanted)


def test_bools_are_bools():
    typed = tensor("w", np.ones((1, 1, 3), bool), raw_data=bytes([0, 2, 1]))
    (weight,) = from_model(graph([node("Conv", "x,w")], (1, 1, 6), typed=[typed])).weights
    assert weight.ravel().tolist() == [False, True, True]
