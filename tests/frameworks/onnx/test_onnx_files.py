"""ONNX graphs and files that contradict themselves, lead nowhere, or are huge: one sentence each, and soon.

No package of ONNX is needed: the messages are fakes with the same fields.
"""

import os
import re
import sys
import time
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from types import ModuleType
from types import SimpleNamespace as Fake

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, MaxPool, Upsample
from convmatrix.core import memory
from convmatrix.core.errors import TooLargeError, WrongTypeError
from convmatrix.frameworks.onnx import conv, conv_transpose, from_layer, from_model
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.frameworks.onnx.files import ModelFileError, NeedsOnnxError, external_bytes
from convmatrix.frameworks.onnx.constants import Constants
from strategies import share

# -- fakes of ONNX's messages ----------------------------------------------------------------------------------------

TYPES = {"float32": 1, "int64": 7, "float64": 11, "float16": 10, "bool": 9}


def attribute(name, value):
    if isinstance(value, list):
        return Fake(name=name, type=7, ints=value)
    if isinstance(value, str):
        return Fake(name=name, type=3, s=value.encode())
    return Fake(name=name, type=2, i=value)


def node(op_type, reads, writes="y", *, name="", **attributes):
    return Fake(op_type=op_type, name=name, domain="", input=reads.split(",") if reads else [],
                output=writes.split(",") if writes else [],
                attribute=[attribute(*each) for each in attributes.items()])  # fmt: skip


def tensor(name, array, **changes):
    array = np.asarray(array)
    fields = {"name": name, "dims": list(array.shape), "data_type": TYPES[str(array.dtype)],
              "raw_data": array.tobytes(), "data_location": 0}  # fmt: skip
    return Fake(**fields | changes)


def value_info(name, lengths):
    dims = [Fake(dim_value=length) for length in lengths]
    return Fake(name=name, type=Fake(tensor_type=Fake(shape=Fake(dim=dims))))


def graph(nodes, shape=(1, 2, 6, 6), *, outputs="y", typed=(), **constants):
    return Fake(node=list(nodes), input=[value_info("x", shape)],
                initializer=[*typed, *(tensor(*each) for each in constants.items())],
                output=[Fake(name=name) for name in outputs.split(",")] if outputs else [])  # fmt: skip


W = np.arange(36, dtype="float32").reshape(2, 2, 3, 3)


def refused(message, model, *args, kind=ValueError):
    with pytest.raises(kind, match=re.escape(message)) as caught:
        from_model(model, *args)
    assert "\n" not in str(caught.value)


# -- graphs that are no chain from the input to the output -----------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Conv", "x,w", "x")], "'x' is written by the graph's input and by node 0 (Conv): in a graph each name "
                                     "stands for one tensor"),
        ([node("Conv", "b,w", "a"), node("Conv", "a,w", "b"), node("Relu", "x")],
         "the graph has a cycle: node 0 (Conv), node 1 (Conv) need what they write themselves"),
        ([node("Conv", "y,w")], "the graph has a cycle: node 0 (Conv) needs what it writes itself"),
        ([node("Relu", "x", "a"), node("Conv", "a,w", "a")], "'a' is written by node 0 (Relu) and by node 1 (Conv)"),
        ([node("Relu", "x", "w")], "'w' is written by an initializer and by node 0 (Relu)"),
        ([node("Conv", "x,w", "a")],
         "the chain from input 'x' does not reach the graph's output 'y': only a chain from the input to the one "
         "output is read"),
        ([node("Conv", "x,w", "a"), node("Exotic", "k", "y")],
         "the chain from input 'x' does not reach the graph's output 'y'"),
        ([node("Conv", "x,w", "")], "node 0 (Conv) has no output: every node writes a tensor"),
        ([node("Conv", "x,w,,", ",")], "node 0 (Conv) has no output: every node writes a tensor"),
        ([node("Identity", "", "v")], "node 0 (Identity) has no input: an Identity copies one"),
        ([node("Constant", "", "")], "node 0 (Constant) has no output"),
        ([node("Constant", "", "v"), node("Conv", "x,v")],
         "node 1 (Conv): node 0 (Constant): a Constant has one attribute, one of value, value_float, value_floats, "
         "value_int, value_ints, got []"),
        ([node("Constant", "", "v", value=3), node("Conv", "x,v")],
         "attribute 'value' of Constant is of type INT, 3, but needs TENSOR"),
        ([node("MaxPool", "x", "a", kernel_shape=[2, 2]), node("Conv", "a,w", name="last")] * 2,
         "'a' is written by node 0 (MaxPool) and by node 2 (MaxPool)"),
    ],
)  # fmt: skip
def test_graphs_that_are_no_chain(nodes, message):
    refused(message, graph(nodes, w=W))


def test_a_second_output_of_the_graph_is_a_branch():
    nodes = [node("Relu", "x"), node("Relu", "y", "z")]
    refused("'y' goes to node 1 (Relu) and to the graph's output", graph(nodes, outputs="y,z"))
    refused("does not reach the graph's output 'k'", graph([node("Conv", "x,w")], outputs="y,k", w=W))
    refused("the graph has no output: give it the tensor", graph([node("Conv", "x,w")], outputs="", w=W))


def test_names_are_given_once():
    twice = graph([node("Conv", "x,w")], w=W, typed=[tensor("w", W)])
    refused("two initializers have the name 'w': which one is meant is not settled", twice)
    twice = graph([node("Conv", "x,w", strides=[2, 2])], w=W)
    twice.node[0].attribute.append(attribute("strides", [1, 1]))
    refused("node 0 (Conv): attribute 'strides' of Conv is there twice: give it once", twice)
    twice.input.append(twice.input[0])
    refused("two inputs of the graph have the name 'x': give each its own", twice)


@pytest.mark.parametrize(
    "dead",
    [
        [node("Relu", "x", "unused")],
        [node("Exotic", "a", "b"), node("Exotic", "b,x", "c")],
        [node("MaxPool", "a", "b,c", kernel_shape=[2, 2])],
        [node("Identity", "a", "b")],
        [node("Exotic", "k", "b"), node("Exotic", "b", "c", name="more")],
    ],
)
def test_nodes_that_lead_to_no_output_are_left_aside(dead):
    nodes = [node("Relu", "x", "a"), node("Conv", "a,w")]
    (layer,) = from_model(graph([*nodes, *dead], w=W))
    assert layer == Conv((6, 6), 3, in_channels=2, out_channels=2)
    assert from_model(graph([*dead, *nodes[::-1]], w=W)) == [layer]


def test_constants_are_found_in_any_order():
    nodes = [node("Conv", "x,v"), node("Identity", "u", "v"), node("Identity", "w", "u")]
    (weight,) = from_model(graph(nodes, w=W)).weights
    assert_array_equal(weight, W)


class Counting:
    """A node that counts how often its fields are read."""

    reads = 0

    def __init__(self, fake):
        self._fake = fake

    def __getattr__(self, name):
        Counting.reads += 1
        return getattr(self._fake, name)


@pytest.mark.parametrize("kind", ["chain", "dead", "copies"])
def test_the_work_is_linear_in_the_nodes(kind):
    def reads(count):
        names = ["x", *(f"a{number}" for number in range(count - 1)), "y"]
        nodes = [node("Conv", f"{before},w", after) for before, after in pairwise(names)]
        if kind == "dead":
            nodes = [node("Conv", "x,w"), *(node("Relu", "x", name) for name in names[1:-1])]
        if kind == "copies":
            nodes = [node("Identity", before, after) for before, after in pairwise(["w", *names[1:-1]])]
            nodes.append(node("Conv", f"x,{names[-2]}"))
        Counting.reads = 0
        from_model(graph(map(Counting, nodes), (1, 1, 5), w=np.ones((1, 1, 1), "float32")))
        return Counting.reads

    assert 100 * 4 < reads(400) <= 4 * reads(100) + 100


def test_a_chain_of_copies_is_walked_once():
    class Watched(dict):
        steps = 0

        def __getitem__(self, name):
            Watched.steps += 1
            return super().__getitem__(name)

    names = ["w", *map(str, range(100))]
    constants = Constants({"w": W}, aliases=Watched({after: before for before, after in pairwise(names)}))
    for _ in range(50):
        assert constants.array("99", "W") is W
    assert Watched.steps < 200


@pytest.mark.full
def test_twenty_thousand_nodes():
    names = ["x", *(f"a{number}" for number in range(19_999)), "y"]
    nodes = [node("Conv", f"{before},w", after) for before, after in pairwise(names)]
    start = time.process_time()
    assert len(from_model(graph(nodes, (1, 1, 5), w=np.ones((1, 1, 1), "float32")))) == 20_000
    assert time.process_time() - start < 10  # it was quadratic


# -- tensors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": [2, 2, -3, -3]}, "tensor 'w' has dims [2, 2, -3, -3], but none can be less than 0"),
        ({"dims": [10**18] * 4}, "tensor 'w' has dims [1000000000000000000, 1000000000000000000, 1000000000000000000, "
                                 "1000000000000000000], which no array can have"),
        ({"dims": [0, 10**18, 10**18, 3]}, "which no array can have"),
        ({"dims": [1] * 70}, "tensor 'w' has 70 dims, but a weight has at most 63"),
        ({"dims": [36]}, "W has shape (36,) but needs (M, C / group, *kernel_shape), at least 3 axes"),
        ({"dims": None}, "the dims of tensor 'w' must be a sequence, got None (NoneType)"),
        ({"dims": [2.5]}, "a dim of tensor 'w' must be an integer, got 2.5 (float)"),
        ({"raw_data": "text"}, "raw_data of tensor 'w' must be bytes, got 'text' (str)"),
        ({"raw_data": b"", "float_data": [1, "2"] * 18}, "float_data of tensor 'w' must be a number, got '2' (str)"),
        ({"raw_data": b"", "float_data": [10**400] * 36}, "which is larger than any floating point number"),
        ({"raw_data": b"", "float_data": 3}, "float_data of tensor 'w' must be a sequence, got 3 (int)"),
        ({"raw_data": b"", "data_type": 2, "int32_data": [300] * 36},
         "tensor 'w' has 300 in int32_data, but its values are from 0 to 255"),
        ({"raw_data": b"", "data_type": 3, "int32_data": [-129] * 36},
         "tensor 'w' has -129 in int32_data, but its values are from -128 to 127"),
        ({"raw_data": b"", "data_type": 7, "int64_data": [2**63] * 36}, "tensor 'w' has 9223372036854775808 in "
                                                                        "int64_data, but its values are from"),
        ({"dims": [10**400]}, "a dim of tensor 'w' has more than 64 bits: give a smaller integer"),
        ({"raw_data": b"", "data_type": 7, "int64_data": [1.5] * 36}, "int64_data of tensor 'w' must be an integer"),
        ({"data_type": "float"}, "the data_type of tensor 'w' must be an integer, got 'float' (str)"),
        ({"raw_data": bytes(30)}, "tensor 'w' has 30 bytes but its dims [2, 2, 3, 3] of float32 need 144"),
        ({"data_type": 10}, "tensor 'w' has 144 bytes but its dims [2, 2, 3, 3] of float16 need 72"),
        ({"data_type": 0}, "tensor 'w' is of data_type 0, which scipy.sparse cannot hold"),
        ({"name": b"\xffw"}, "the name of an initializer is b'\\xffw', which is no UTF-8 text"),
    ],
)  # fmt: skip
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


def test_weights_that_cannot_fit_are_refused_before_they_are_built(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    deep = (1, 40_000, 8, 8)
    refused("node 0 (DepthToSpace): the weight of DepthToSpace in mode DCR, of 40000 x 40000 taps, needs 11.9 GiB but "
            "1 GiB of memory is available: export the model with mode CRD, whose layer has no weight",
            graph([node("DepthToSpace", "x", blocksize=2)], deep), kind=TooLargeError)  # fmt: skip
    refused("a weight of shape (1000000000000000000, 1, 1, 1) needs", kind=TooLargeError,
            model=graph([node("Pad", "x,p")], (1, 10**18, 8, 8), p=np.zeros(8, int)))  # fmt: skip
    (layer,) = from_model(graph([node("DepthToSpace", "x", blocksize=2, mode="CRD")], deep))
    assert layer.out_channels == 10_000


# -- attributes ------------------------------------------------------------------------------------------------------


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
        ({"attribute": [Fake(name="group", type=2, i="1")]}, "attribute 'group' must be an integer, got '1' (str)"),
        ({"attribute": [Fake(name="group", type=1, f=1.0)]}, "attribute 'group' of Conv is of type FLOAT, 1.0, but ne"),
        ({"attribute": [Fake(name="group", type=0, i=1)]}, "attribute 'group' is of type 0, which is not read here"),
        ({"attribute": [Fake(name="pads", type=7, ints=3)]}, "attribute 'pads' must be a sequence, got 3 (int)"),
        ({"attribute": [Fake(name="pads", type=7, ints=[1.5] * 4)]}, "attribute 'pads' must be an integer, got 1.5"),
        ({"attribute": [Fake(name="auto_pad", type=3, s=b"\xff")]}, "attribute 'auto_pad' is b'\\xff', which is no"),
        ({"attribute": [Fake(name="group", type=2)]},
         "node 0 (Conv 'one'): SimpleNamespace is not an ONNX attribute of type INT: it has no attribute 'i'"),
        ({"attribute": [attribute("group", 0)]}, "node 0 (Conv 'one'): group must be at least 1, got 0"),
        ({"attribute": [attribute("strides", [1] * 10**5)]},
         "a list of 100000 entries is no argument for each axis, (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ...): a layer "
         "has at most 61 axes"),
        ({"input": ["x", "w", "", "w"]}, "Conv has 4 inputs, ['x', 'w', '', 'w'], but takes at most 3"),
    ],
)  # fmt: skip
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
        (node("Dropout", "x,r,t"), {"r": np.float32(0.5), "t": np.array(True)},
         "node 0 (Dropout): its training_mode is true, so that it drops entries at random"),
        (node("Resize", "x,,s"), {"s": np.array([1, 1, np.inf, 1])},
         "node 0 (Resize): scales, entry 2, must be a finite number above 0, got inf"),
        (node("Resize", "x,,s"), {"s": np.array([1, 1, -2.0, 1])}, "scales, entry 2, must be a finite number above 0"),
        (node("Resize", "x,,s"), {"s": np.array([1, 1, np.nan, 1])}, "above 0, got nan"),
        (node("Resize", "x,,s"), {"s": np.ones((2, 2))}, "scales has shape (2, 2) but must have one axis"),
        (node("Resize", "x,,s"), {"s": np.ones(4, bool)}, "scales must hold real numbers, got bool"),
        (node("Resize", "x,,s,z"), {"s": np.ones(4), "z": np.array([1, 2, 6, 6])},
         "scales [1.0, 1.0, 1.0, 1.0] and sizes [1, 2, 6, 6] are both given: leave one of them out"),
        (node("Resize", "x,,,z"), {"z": np.array([1, 2, 0, 6])}, "sizes, entry 2, must be at least 1, got 0"),
        (node("Resize", "x,,,z"), {"z": np.array([3, 2, 6, 6])}, "sizes [3, 2, 6, 6] change the batch of 1: only"),
        (node("Resize", "x,,,z"), {"z": np.ones(4)}, "sizes must hold integers, got float64"),
        (node("Resize", "x,,,z", axes=[2, 9]), {"z": np.array([6, 6])},
         "axes has 9, but X has 4 axes: use -4 to 3"),
        (node("Resize", "x,,,z", axes=[2, -2]), {"z": np.array([6, 6])}, "axes [2, -2] list an axis twice"),
        (node("Pad", "x,p,,a"), {"p": np.ones(2, int), "a": np.array([7])}, "axes has 7, but X has 4 axes"),
        (node("Pad", "x,p"), {"p": np.zeros(8)}, "pads must hold integers, got float64"),
        (node("Pad", "x,p,c"), {"p": np.zeros(8, int), "c": np.zeros(2, "float32")},
         "constant_value has shape (2,) but must be one number"),
        (node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2], strides=[2, 2], ceil_mode=1), {},
         "and ceil_mode=1, is no layer of ours: leave out ceil_mode; or leave out the dilations"),
        (node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2], pads=[1, 0, 0, 0]), {},
         "is no layer of ours: leave out the pads, or set count_include_pad=1; or leave out the dilations"),
    ],
)  # fmt: skip
def test_operators_that_contradict_themselves(made, constants, message):
    refused(message, graph([made], **constants))


def test_lengths_of_the_input():
    nodes = [node("Conv", "x,w")]
    assert from_model(graph(nodes, (1, 2, -1, 6), w=W), 6)[0].input_size == (6, 6)
    refused("input 'x' has no length on spatial axis 0 in the graph: give input_size", graph(nodes, (1, 2, -1, 6), w=W))
    refused("the length of input 'x' on axis 2 is -5: give one of at least 1", graph(nodes, (1, 2, -5, 6), w=W))
    refused("the length of input 'x' on axis 3 must be an integer", graph(nodes, (1, 2, 6, "6"), w=W))
    (layer,) = from_model(graph(nodes, (1, 2, 10**18, 6), w=W))
    assert layer.output_size == (10**18 - 2, 4)


# -- terms -----------------------------------------------------------------------------------------------------------

OURS = re.compile(r"kernel_size|groups|in_channels|out_channels|input_size|output_size|padding_mode|"
                  r"\b(stride|padding|dilation) [\d(-]")  # fmt: skip
"""What a user of ONNX's operators never wrote."""


@pytest.mark.parametrize(
    ("make", "args", "words", "message"),
    [
        (conv, ((1, 1, 3), (1, 1, 4)), {},
         "kernel does not fit on axis 0: it spans 4 (= dilations 1 * (kernel_shape 4 - 1) + 1) but the padded input "
         "has 3 (= size of X 3 + pads 0 + 0); add 1 to the pads, or use a smaller kernel or dilations"),
        (conv, ((1, 4, 3), (3, 2, 2)), {"group": 2},
         "group=2 does not divide the first axis of W, 3 (remainder 1): every group needs as many channels, so that it "
         "must be a multiple of 2"),
        (conv_transpose, ((1, 1, 3), (1, 1, 3)), {"pads": [2, 3]},
         "its size would be 0 (= (size of X 3 - 1) * strides 1 + dilations 1 * (kernel_shape 3 - 1) + 1 - pads 2 - 3 + "
         "output_padding 0)"),
    ],
)  # fmt: skip
def test_errors_speak_of_the_attributes(make, args, words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(*args, **words)


small = st.integers(-1, 4)


@given(
    make=st.sampled_from([conv, conv_transpose]),
    shapes=st.tuples(st.lists(small, min_size=3, max_size=4), st.lists(small, min_size=3, max_size=4)),
    words=st.fixed_dictionaries({}, optional={
        "strides": st.lists(small, max_size=2), "dilations": st.lists(small, max_size=2), "group": small,
        "pads": st.lists(small, max_size=4), "auto_pad": st.sampled_from(["SAME_UPPER", "VALID", "same"]),
        "kernel_shape": st.lists(small, max_size=2)}),
)  # fmt: skip
def test_no_error_speaks_of_our_arguments(make, shapes, words):
    message = ""
    try:
        make(*shapes, **words)
    except ValueError as error:
        message = str(error)
    assert not OURS.search(message), message


def test_a_note_where_onnxruntime_differs():
    up = [node("ConvTranspose", "x,w", auto_pad="SAME_UPPER", strides=[4, 1])]
    chain = from_model(graph(up, w=W))
    assert chain.left_out == (
        "node 0 (ConvTranspose): auto_pad 'SAME_UPPER' with a kernel_shape [3, 3] that spans less than the "
        "output_shape needs for strides [4, 1] adds zeros, as the text of the operator has it; onnxruntime differs: it "
        "adds none at the start, and without output_shape none at all",
    )
    vars(up[0])["attribute"][1].ints = [3, 1]
    assert from_model(graph(up, w=W)).left_out == ()
    pool = node("AveragePool", "x", auto_pad="SAME_LOWER", kernel_shape=[1, 1], strides=[4, 4])
    refused("onnxruntime leaves out entries at the start or at the end", graph([pool], (1, 2, 6, 7)))


# -- resizes of any size ---------------------------------------------------------------------------------------------

ROUNDINGS = {"round_prefer_floor": lambda at: ceil(at - Fraction(1, 2)),
             "round_prefer_ceil": lambda at: floor(at + Fraction(1, 2)), "floor": floor, "ceil": ceil}  # fmt: skip
COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")


def resize(sizes, shape, **attributes):
    return graph([node("Resize", "x,,,z", **attributes)], (1, 1, *shape), z=np.array([1, 1, *sizes]))


def test_huge_resizes_are_answered_by_the_numbers():
    sizes, shape = (2 * 10**9, 8), (8, 8)
    assert from_model(resize(sizes, shape, mode="linear")) == [Upsample(shape, output_size=sizes, mode="linear")]
    floors = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    assert from_model(resize(sizes, shape, **floors)) == [Upsample(shape, output_size=sizes)]
    aligned = from_model(resize(sizes, shape, mode="linear", coordinate_transformation_mode="align_corners"))
    assert aligned == [Upsample(shape, output_size=sizes, mode="linear", align_corners=True)]
    doubled = resize((2 * 10**9, 8), (10**9, 4), coordinate_transformation_mode="asymmetric")
    assert from_model(doubled) == [Upsample((10**9, 4), scale=2)]  # halves are rounded down
    refused("reads other entries than any mode of Upsample", resize(sizes, shape, nearest_mode="ceil"))
    refused("reads other entries", resize(sizes, shape, mode="linear", coordinate_transformation_mode="asymmetric"))
    one = from_model(resize((2 * 10**9,), (1,), mode="linear", coordinate_transformation_mode="asymmetric"))
    assert one == [Upsample((1,), output_size=(2 * 10**9,), mode="linear")]
    refused("scales on axis 0 must be between 1/2**31 and 2**31", resize((10**18,), (8,), mode="linear"))


def test_the_matrix_of_a_huge_resize_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    layer = Upsample((8,), output_size=2 * 10**9)
    message = "the matrix of axis 0, 2000000000 x 8, needs 238 GiB but 1 GiB of memory is available"
    for build in (layer.axis_matrices, layer.axis_patterns, layer.operator):
        with pytest.raises(TooLargeError, match=re.escape(message)):
            build()


def positions(coordinates, inputs, outputs):
    """Where outputs stand, from the text of the operator, one by one."""
    scale = Fraction(outputs, inputs)
    for o in range(outputs):
        if coordinates == "align_corners":
            yield Fraction(o * (inputs - 1), max(outputs - 1, 1))
        elif coordinates == "asymmetric":
            yield o / scale
        elif coordinates == "pytorch_half_pixel" and outputs == 1:
            yield Fraction(0)
        else:
            yield (o + Fraction(1, 2)) / scale - Fraction(1, 2)


@share(1)
@given(
    coordinates=st.sampled_from(COORDINATES),
    rounding=st.sampled_from([*ROUNDINGS, None]),
    inputs=st.integers(1, 12),
    outputs=st.integers(1, 40),
)
def test_resizes_read_what_the_text_says(coordinates, rounding, inputs, outputs):
    words = {"mode": "linear"} if rounding is None else {"mode": "nearest", "nearest_mode": rounding}
    read = [min(max(at if rounding is None else ROUNDINGS[rounding](at), 0), inputs - 1)
            for at in positions(coordinates, inputs, outputs)]  # fmt: skip
    wanted = np.zeros((outputs, inputs))
    for output, at in enumerate(read):
        wanted[output, floor(at)] += 1 - at % 1
        wanted[output, ceil(at)] += at % 1
    candidates = [Upsample((inputs,), output_size=(outputs,), **each) for each in (
        {"mode": "nearest"}, {"mode": "nearest-exact"}, {"mode": "linear"}, {"mode": "linear", "align_corners": True})
        if each["mode"].startswith(words["mode"])]  # fmt: skip
    same = [layer for layer in candidates if np.allclose(layer.matrix().toarray(), wanted, atol=1e-12)]
    try:
        chain = from_model(resize((outputs,), (inputs,), coordinate_transformation_mode=coordinates, **words))
    except ValueError:
        assert not same
    else:
        assert chain == same[:1]


# -- hostile objects -------------------------------------------------------------------------------------------------

HOSTILE = [None, 3, -1, 2.5, float("nan"), float("inf"), "", "abc", b"\xff", [], [None], [3], {}, {"a": 1}, object(),
           10**400, True, np.zeros(3), (), [[1], [2, 3]], Fake(), [Fake()], Fraction(1, 3), 1j,
           "\0", "a\nb", float, lambda: None, [10**400], ["x"] * 3, "\ud800"]  # fmt: skip


def places(value, path=()):
    """Every field of a message, in lists as well."""
    if isinstance(value, Fake):
        for name, each in vars(value).items():
            yield (*path, name)
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield (*path, number)
            yield from places(each, (*path, number))


def whole():
    nodes = [node("Constant", "", "k", value_ints=[0, 0, 1, 1, 0, 0, 1, 1]), node("Pad", "x,k", "a", mode="edge"),
             node("Conv", "a,w", "b", strides=[1, 2], pads=[0, 1, 0, 1], group=1), node("Relu", "b", "c"),
             node("Resize", "c,,s", "d", mode="nearest", coordinate_transformation_mode="asymmetric"),
             node("AveragePool", "d", "e", kernel_shape=[2, 2], auto_pad="VALID"), node("Cast", "e", "f", to=1),
             node("SpaceToDepth", "f", "y", blocksize=1)]  # fmt: skip
    typed = [tensor("s", np.array([1, 1, 2, 2], "float32"), raw_data=b"", float_data=[1.0, 1.0, 2.0, 2.0])]
    return graph(nodes, typed=typed, w=W)


PLACES = list(places(whole()))
FIELDS = [*HOSTILE, np.zeros((2, 2))]  # whose repr has two lines


def spoiled(place, value):
    model = whole()
    *way, last = place
    owner = model
    for step in way:
        owner = vars(owner)[step] if isinstance(owner, Fake) else owner[step]
    if isinstance(owner, Fake):
        setattr(owner, last, value)
    else:
        owner[last] = value
    return model


def check_sentence(error):
    assert str(error), repr(error)
    assert "\n" not in str(error), error
    assert len(str(error)) < 900, error


def test_the_whole_model_is_read():
    assert len(from_model(whole())) == 5
    assert len(PLACES) > 150


@share(4)
@given(place=st.sampled_from(PLACES), value=st.sampled_from(FIELDS))
def test_a_hostile_field_is_read_or_refused_in_one_sentence(place, value):
    try:
        from_model(spoiled(place, value))
    except (ValueError, TypeError) as error:
        check_sentence(error)


@pytest.mark.full
@pytest.mark.parametrize("number", range(len(FIELDS)))
def test_all_hostile_fields(number):
    for place in PLACES:
        try:
            from_model(spoiled(place, FIELDS[number]))
        except (ValueError, TypeError) as error:
            check_sentence(error)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_arguments(value):
    made, sound = node("Conv", "x,w"), graph([node("Conv", "x,w")], w=W)
    for call in (lambda: from_model(value), lambda: from_layer(value, 6, {"w": W}), lambda: from_layer(made, 6, value),
                 lambda: from_layer(made, value, {"w": W}), lambda: from_layer(made, 6, {"w": value}),
                 lambda: from_model(sound, value), lambda: from_model(sound, None, value)):  # fmt: skip
        try:
            call()
        except (ValueError, TypeError) as error:
            check_sentence(error)


def test_long_values_are_shortened():
    assert shortened([1, 2]) == "[1, 2]"
    assert len(shortened("a" * 10**6)) < 100
    assert len(shortened([["a" * 1000] * 1000] * 1000)) <= 400
    assert "\n" not in shortened("a\nb")
    many = graph([node("Conv", "x,w", name="n" * 10**5, strides=[0, 0])], w=W)
    with pytest.raises(ValueError, match=r"node 0 \(Conv 'nnn") as caught:
        from_model(many)
    assert len(str(caught.value)) < 300


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)


@pytest.fixture
def with_onnx(monkeypatch):
    """A package that parses one file: the bytes b"model"."""

    class DecodeError(Exception):
        pass

    def parse(data):
        if data != b"model":
            raise DecodeError
        external = [Fake(key="location", value="w.bin"), Fake(key="offset", value="8")]
        w = tensor("w", W, raw_data=b"", data_location=1, external_data=external)
        return Fake(graph=graph([node("Conv", "x,w")], typed=[w]))

    onnx, message = ModuleType("onnx"), ModuleType("google.protobuf.message")
    onnx.ModelProto, message.DecodeError = Fake(FromString=parse), DecodeError
    for name, module in {"onnx": onnx, "google": ModuleType("google"), "google.protobuf": ModuleType("protobuf"),
                         "google.protobuf.message": message}.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_model_and_its_weights_are_read_from_a_path(with_onnx, tmp_path, as_path):
    (tmp_path / "m.onnx").write_bytes(b"model")
    (tmp_path / "w.bin").write_bytes(bytes(8) + W.tobytes() + b"more")
    chain = from_model(as_path(tmp_path / "m.onnx"))
    assert chain == [Conv((6, 6), 3, in_channels=2, out_channels=2)]
    assert_array_equal(chain.weights[0], W)


def test_what_is_no_model_file(with_onnx, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "text").write_bytes(b"no model")
    path = str(tmp_path)
    for name, message, kind in [
        ("", "is a folder: give the file itself", ModelFileError),
        ("/missing.onnx", "does not exist: check the path", ModelFileError),
        ("/pipe", "is no regular file: give the file itself", ModelFileError),
        ("/loop", "cannot be read: Too many levels of symbolic links", ModelFileError),
        ("/nul\0", "embedded null", ModelFileError),
        ("/text", "of 8 bytes is not a serialized ONNX model: give the .onnx file", ValueError),
    ]:
        refused(message, path + name, kind=kind)
    assert issubclass(ModelFileError, OSError)


def test_a_path_needs_the_package(without_onnx, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"model")
    refused("m.onnx' can be read only with the package onnx, which is not installed: install it (pip install onnx), or "
            "give the ModelProto in place of its path", tmp_path / "m.onnx", kind=NeedsOnnxError)  # fmt: skip
    refused("does not exist", tmp_path / "other.onnx", kind=ModelFileError)
    assert issubclass(NeedsOnnxError, ImportError)
    assert from_model(graph([node("Conv", "x,w")], w=W))[0].kernel_size == (3, 3)


def test_external_data_stays_in_the_folder_of_the_model(tmp_path):
    folder = tmp_path / "model"
    (folder / "deeper").mkdir(parents=True)
    for place in (tmp_path / "secret", folder / "w.bin", folder / "deeper" / "w.bin"):
        place.write_bytes(bytes(range(16)))
    (folder / "link").symlink_to(folder / "w.bin")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    for location in ("w.bin", "deeper/w.bin", "./w.bin", "deeper/../w.bin", "link"):
        assert external_bytes("w", {"location": location, "offset": "4"}, folder, 8) == bytes(range(4, 12))
    for entries, message in [
        ({"location": "../secret"}, "location '../secret', leads out of the model's folder: only files inside of it"),
        ({"location": str(tmp_path / "secret")}, "leads out of the model's folder"),
        ({"location": "out"}, "leads out of the model's folder"),
        ({"location": "up/secret"}, "leads out of the model's folder"),
        ({"location": "/dev/zero"}, "leads out of the model's folder"),
        ({"location": "missing"}, "does not exist: check the path"),
        ({"location": "pipe"}, "is no regular file: give the file itself"),
        ({"location": "deeper"}, "is a folder: give the file itself"),
        ({"location": "loop"}, "cannot be read"),
        ({}, "location '', is no file name"),
        ({"location": "a\0b"}, "is no file name"),
        ({"location": "a" * 5000}, "cannot be read"),
        ({"location": "w.bin", "offset": "12"}, "ends at byte 20 (= offset 12 + length 8), but the file has 16 bytes"),
        ({"location": "w.bin", "offset": "-4"}, "has offset '-4', which is no number of bytes"),
        ({"location": "w.bin", "offset": "9" * 5000}, "which is no number of bytes"),
        ({"location": "w.bin", "length": "7"}, "has length 7, but the dims of the tensor need 8 bytes"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            external_bytes("w", entries, folder, 8)
        check_sentence(caught.value)


def test_external_data_without_a_path_is_refused():
    w = tensor("w", W, raw_data=b"", data_location=1)
    refused("tensor 'w' has its values in a file of their own: load the model with onnx.load, which reads them, or "
            "give from_model the path of the model", graph([node("Conv", "x,w")], typed=[w]))  # fmt: skip


def test_a_pool_of_the_input_alone():
    """A positive control: what is small and sound stays a layer."""
    assert from_model(graph([node("MaxPool", "x", kernel_shape=[2, 2])])) == [MaxPool((6, 6), 2, stride=1, channels=2)]
    with pytest.raises(
        WrongTypeError, match=r"bytes is not an ONNX model: .*give a path as a str, by os\.fsdecode, or"
    ):
        from_model(b"model")
    for other in (3, None, [], open):
        with pytest.raises(
            WrongTypeError, match=r"is not an ONNX model: .*; give a ModelProto or a GraphProto, as onnx\."
        ):
            from_model(other)
