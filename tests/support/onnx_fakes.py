"""Fakes of ONNX's messages, with the same fields; the package onnx is not needed."""

import re
from types import SimpleNamespace as Fake

import numpy as np
import pytest

from convmatrix.frameworks.onnx import from_model

TYPES = {"float32": 1, "int32": 6, "int64": 7, "float64": 11, "float16": 10, "bool": 9}
W = np.arange(36, dtype="float32").reshape(2, 2, 3, 3)


def attribute(name, value):
    if isinstance(value, str):
        return Fake(name=name, type=3, s=value.encode())
    if isinstance(value, list):
        kind, place = (6, "floats") if value and isinstance(value[0], float) else (7, "ints")
        return Fake(name=name, type=kind, **{place: value})
    if isinstance(value, Fake):
        return Fake(name=name, type=4, t=value)
    return Fake(name=name, type=1, f=value) if isinstance(value, float) else Fake(name=name, type=2, i=value)


def node(op_type, reads, writes="y", *, name="", domain="", **attributes):
    return Fake(
        op_type=op_type,
        name=name,
        domain=domain,
        input=reads.split(",") if reads else [],
        output=writes.split(",") if writes else [],
        attribute=[attribute(*each) for each in attributes.items()],
    )


def tensor(name, array, **changes):
    array = np.asarray(array)
    fields = {
        "name": name,
        "dims": list(array.shape),
        "data_type": TYPES[str(array.dtype)],
        "raw_data": array.tobytes(),
        "data_location": 0,
    }
    return Fake(**fields | changes)


def value_info(name, lengths):
    """Make a ValueInfoProto; None is a length that has only a name."""
    dims = [Fake(dim_value=0, dim_param="n") if n is None else Fake(dim_value=n, dim_param="") for n in lengths]
    return Fake(name=name, type=Fake(tensor_type=Fake(shape=Fake(dim=dims))))


def graph(nodes, shape=(1, 2, 6, 6), *, outputs="y", typed=(), **constants):
    return Fake(
        node=list(nodes),
        input=[value_info("x", shape)],
        initializer=[*typed, *(tensor(*each) for each in constants.items())],
        output=[Fake(name=name) for name in outputs.split(",")] if outputs else [],
    )


def one(op_type, shape=(1, 2, 6, 6), reads="x", **attributes):
    """Read a model of one node without constants."""
    return from_model(graph([node(op_type, reads, **attributes)], shape))


def refused(message, model, *args, kind=ValueError):
    with pytest.raises(kind, match=re.escape(message)) as caught:
        from_model(model, *args)
    assert "\n" not in str(caught.value)


def check_sentence(error):
    assert str(error), repr(error)
    assert "\n" not in str(error), error
    assert len(str(error)) < 900, error
