"""ONNX's nodes: attributes that are inconsistent or that the operator does not have."""

import re
from types import SimpleNamespace as Fake

import numpy as np
import pytest

from convmatrix.frameworks.onnx import (
    from_layer,
)
from onnx_fakes import W, attribute, graph, node, refused, tensor


def broken(**changes):
    return {"w": Fake(**{**vars(tensor("w", np.ones((1, 1, 3), "float32"))), **changes})}


@pytest.mark.parametrize(
    ("proto", "constants", "message"),
    [
        (
            node("Relu", "x"),
            {},
            "Relu is neither Conv nor ConvTranspose: give such a node, or read the whole model with",
        ),
        (node("Conv", "x"), {}, "Conv has 1 input, ['x'], and none that is W (input 1)"),
        (node("Conv", "x,w"), {"v": W}, "W is 'w', which is none of the initializers, which are ['v']"),
        (
            node("Conv", "x,w"),
            graph([node("DequantizeLinear", "q,s", "w")]),
            (
                "W is 'w', which is none of the initializers, but what a DequantizeLinear node computes: fold the "
                "constants"
            ),
        ),
        (node("Conv", "x,w,b"), {"w": W, "b": np.ones(3)}, "B has shape (3,) but must have shape (2,), one number for"),
        (
            node("Conv", "x,w", stride=[2, 2]),
            {"w": W},
            "attribute of Conv, 'stride' is not one of auto_pad, dilations, group, kernel_shape, pads, strides: "
            "did you "
            "mean 'strides'?",
        ),
        (node("Conv", "x,w", output_padding=[0, 0]), {"w": W}, "attribute of Conv, 'output_padding' is not one of"),
        (node("Conv", "x,w", strides=2), {"w": W}, "attribute 'strides' of Conv is of type INT, 2, but needs INTS"),
        (node("Conv", "x,w", domain="com.microsoft"), {"w": W}, "Conv is of the domain 'com.microsoft', not of ONNX's"),
        (
            Fake(op_type="Conv", input=["x"], output=["y"], attribute=[Fake(name="body", type=5)]),
            {},
            "attribute 'body' is of type 5, a graph or a reference: give a model whose functions are inlined",
        ),
        (
            node("Conv", "x,w"),
            broken(data_location=1),
            "tensor 'w' has its values in a file of their own: load the model",
        ),
        (
            node("Conv", "x,w"),
            broken(raw_data=b"1234"),
            "tensor 'w' has 4 bytes but its dims [1, 1, 3] of float32 need 12",
        ),
        (
            node("Conv", "x,w"),
            broken(raw_data=b"", float_data=[1.0]),
            "tensor 'w' has 1 value in float_data but its dims [1, 1, 3] need 3",
        ),
    ],
)
def test_errors_of_nodes(proto, constants, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_layer(proto, 6, constants)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op_type": b"\xff"}, "node 0: its op_type is b'\\xff', which is no UTF-8 text: write the model again"),
        ({"op_type": None}, "node 0: its op_type must be a string, got None (NoneType)"),
        ({"op_type": ""}, "node 0: its op_type is '', which is no name of an operator"),
        ({"op_type": "a\nb"}, "node 0: its op_type is 'a\\nb', which is no name of an operator"),
        ({"name": b"\xfe"}, "node 0: its name is b'\\xfe', which is no UTF-8 text"),
        ({"input": ["x", b"\xff"]}, "node 0: an input is b'\\xff', which is no UTF-8 text"),
        ({"output": "y"}, "node 0: its outputs must be a sequence, got 'y' (str)"),
        ({"input": [3]}, "node 0: an input must be a string, got 3 (int)"),
        ({"domain": b"\xff"}, "node 0 (Conv 'one'): Conv is of the domain b'\\xff', not of ONNX's own operators"),
        ({"attribute": [Fake(name=b"\xff", type=2, i=1)]}, "the name of an attribute is b'\\xff', which is no UTF-8"),
        ({"attribute": [Fake(name="group", type="INT", i=1)]}, "the type of attribute 'group' must be an integer"),
        ({"attribute": [Fake(name="group", type=2, i="1")]}, "attribute 'group' must be an integer, got '1'"),
        ({"attribute": [Fake(name="group", type=1, f=1.0)]}, "attribute 'group' of Conv is of type FLOAT, 1.0, but ne"),
        ({"attribute": [Fake(name="group", type=0, i=1)]}, "attribute 'group' is of type 0, which is not read here"),
        ({"attribute": [Fake(name="pads", type=7, ints=3)]}, "attribute 'pads' must be a sequence, got 3 (int)"),
        ({"attribute": [Fake(name="pads", type=7, ints=[1.5] * 4)]}, "attribute 'pads' must be an integer, got 1.5"),
        ({"attribute": [Fake(name="auto_pad", type=3, s=b"\xff")]}, "attribute 'auto_pad' is b'\\xff', which is no"),
        (
            {"attribute": [Fake(name="group", type=2)]},
            "node 0 (Conv 'one'): SimpleNamespace is not an ONNX attribute of type INT: it has no attribute 'i'",
        ),
        ({"attribute": [attribute("group", 0)]}, "node 0 (Conv 'one'): group must be at least 1, got 0"),
        (
            {"attribute": [attribute("strides", [1] * 10**5)]},
            "a list of 100000 entries is no argument for each axis, (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ...): a layer "
            "has at most 61 axes",
        ),
        ({"input": ["x", "w", "", "w"]}, "Conv has 4 inputs, ['x', 'w', '', 'w'], but takes at most 3"),
    ],
)
def test_nodes_that_contradict_themselves(change, message):
    made = node("Conv", "x,w", name="one")
    vars(made).update(change)
    refused(message, graph([made], w=W))


@pytest.mark.parametrize(
    ("made", "constants", "message"),
    [
        (node("MaxPool", "x", kernel_shape=[2, 2], ceil_mode=2), {}, "ceil_mode of MaxPool must be 0 or 1, got 2"),
        (node("GlobalMaxPool", "x", kernel_shape=[2, 2]), {}, "GlobalMaxPool has no attributes, got 'kernel_shape'"),
        (node("Cast", "x", to="float"), {}, "attribute 'to' of Cast is of type STRING, 'float', but needs INT"),
        (
            node("Dropout", "x,r,t"),
            {"r": np.float32(0.5), "t": np.array(True)},
            "node 0 (Dropout): its training_mode is true, so that it drops entries at random",
        ),
        (
            node("Resize", "x,,s"),
            {"s": np.array([1, 1, np.inf, 1])},
            "node 0 (Resize): scales, entry 2, must be a finite number above 0, got inf",
        ),
        (node("Resize", "x,,s"), {"s": np.array([1, 1, -2.0, 1])}, "scales, entry 2, must be a finite number above 0"),
        (node("Resize", "x,,s"), {"s": np.array([1, 1, np.nan, 1])}, "above 0, got nan"),
        (node("Resize", "x,,s"), {"s": np.ones((2, 2))}, "scales has shape (2, 2) but must have one axis"),
        (node("Resize", "x,,s"), {"s": np.ones(4, bool)}, "scales must hold real numbers, got bool"),
        (
            node("Resize", "x,,s,z"),
            {"s": np.ones(4), "z": np.array([1, 2, 6, 6])},
            "scales [1.0, 1.0, 1.0, 1.0] and sizes [1, 2, 6, 6] are both given: leave one of them out",
        ),
        (node("Resize", "x,,,z"), {"z": np.array([1, 2, 0, 6])}, "sizes, entry 2, must be at least 1, got 0"),
        (node("Resize", "x,,,z"), {"z": np.array([3, 2, 6, 6])}, "sizes [3, 2, 6, 6] change the batch of 1: only"),
        (node("Resize", "x,,,z"), {"z": np.ones(4)}, "sizes must hold integers, got float64"),
        (node("Resize", "x,,,z", axes=[2, 9]), {"z": np.array([6, 6])}, "axes has 9, but X has 4 axes: use -4 to 3"),
        (node("Resize", "x,,,z", axes=[2, -2]), {"z": np.array([6, 6])}, "axes [2, -2] list an axis twice"),
        (node("Pad", "x,p,,a"), {"p": np.ones(2, int), "a": np.array([7])}, "axes has 7, but X has 4 axes"),
        (node("Pad", "x,p"), {"p": np.zeros(8)}, "pads must hold integers, got float64"),
        (
            node("Pad", "x,p,c"),
            {"p": np.zeros(8, int), "c": np.zeros(2, "float32")},
            "constant_value has shape (2,) but must be one number",
        ),
        (
            node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2], strides=[2, 2], ceil_mode=1),
            {},
            "and ceil_mode=1, is no layer of ours: leave out ceil_mode; or leave out the dilations",
        ),
        (
            node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2], pads=[1, 0, 0, 0]),
            {},
            "is no layer of ours: leave out the pads, or set count_include_pad=1; or leave out the dilations",
        ),
    ],
)
def test_operators_that_contradict_themselves(made, constants, message):
    refused(message, graph([made], **constants))
