"""Odd ONNX graphs: each becomes layers with onnxruntime's values, or an error of one sentence."""

from collections import Counter

import numpy as np
import pytest

from convmatrix.frameworks.onnx import from_model
from onnx_models import W, model_of, outcome, tensor

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx import helper, numpy_helper  # noqa: E402

HUGE = 2**62
node = helper.make_node


def changed(change, *, shape=(1, 2, 6, 7)):
    """Make a model of a convolution and a pool, and change it."""
    model = model_of(
        [node("Conv", ["x", "w"], ["a"], name="one"), node("MaxPool", ["a"], ["y"], kernel_shape=[2, 2])], shape, w=W
    )
    change(model.graph)
    return model


def rename(graph, old, new):
    for made in graph.node:
        for names in (made.input, made.output):
            names[:] = [new if name == old else name for name in names]


ODD = {
    "no nodes": lambda g: g.ClearField("node"),
    "no inputs": lambda g: g.ClearField("input"),
    "no outputs": lambda g: g.ClearField("output"),
    "no initializers": lambda g: g.ClearField("initializer"),
    "a node without inputs": lambda g: g.node[0].ClearField("input"),
    "a node without outputs": lambda g: g.node[0].ClearField("output"),
    "a last node without outputs": lambda g: g.node[1].ClearField("output"),
    "empty names": lambda g: rename(g, "a", ""),
    "a node without op_type": lambda g: g.node[0].ClearField("op_type"),
    "an unknown op_type": lambda g: setattr(g.node[0], "op_type", "Coonv"),
    "another domain": lambda g: setattr(g.node[0], "domain", "org.pytorch"),
    "a cycle of one": lambda g: rename(g, "a", "x"),
    "a cycle of two": lambda g: rename(g, "x", "y"),
    "the output is the input": lambda g: setattr(g.output[0], "name", "x"),
    "the output is a weight": lambda g: setattr(g.output[0], "name", "w"),
    "the output is unknown": lambda g: setattr(g.output[0], "name", "nowhere"),
    "the output is in between": lambda g: setattr(g.output[0], "name", "a"),
    "two outputs": lambda g: g.output.add(name="a"),
    "an output twice": lambda g: g.output.add(name="y"),
    "an unknown second output": lambda g: g.output.add(name="nowhere"),
    "an initializer twice": lambda g: g.initializer.append(g.initializer[0]),
    "an input twice": lambda g: g.input.append(g.input[0]),
    "two inputs": lambda g: g.input.add(name="z"),
    "a weight that is an input too": lambda g: g.input.add(name="w"),
    "nodes in reverse": lambda g: g.node.sort(key=lambda made: made.op_type, reverse=True),
    "a node twice": lambda g: g.node.append(g.node[0]),
    "a name is written twice": lambda g: g.node.add(op_type="Relu", input=["x"], output=["a"]),
    "a weight is written": lambda g: g.node.add(op_type="Relu", input=["x"], output=["w"]),
    "a dead branch": lambda g: g.node.add(op_type="Relu", input=["x"], output=["unused"]),
    "a dead end of two": lambda g: g.node.extend([node("Exotic", ["a"], ["b"]), node("Exotic", ["b"], ["c"])]),
    "a dead cycle": lambda g: g.node.extend([node("Relu", ["b"], ["c"]), node("Relu", ["c"], ["b"])]),
    "a dead node of another domain": lambda g: g.node.append(node("Exotic", ["x"], ["b"], domain="org")),
    "an Identity without inputs": lambda g: g.node.add(op_type="Identity", output=["b"]),
    "an Identity without outputs": lambda g: g.node.add(op_type="Identity", input=["w"]),
    "a Constant without outputs": lambda g: g.node.add(op_type="Constant"),
    "a Constant without values": lambda g: g.node.add(op_type="Constant", output=["b"]),
    "the weight is a Constant without values": lambda g: (
        g.ClearField("initializer"),
        g.node.add(op_type="Constant", output=["w"]),
    ),
    "the weight is text": lambda g: (
        g.ClearField("initializer"),
        g.node.append(node("Constant", [], ["w"], value_string="w")),
    ),
    "the weight is a number": lambda g: (
        g.ClearField("initializer"),
        g.node.append(node("Constant", [], ["w"], value_float=1.0)),
    ),
    "the weight is a line": lambda g: (
        g.ClearField("initializer"),
        g.node.append(node("Constant", [], ["w"], value_ints=[1, 2])),
    ),
    "the weight is copied, later": lambda g: (rename(g, "w", "v"), g.node.append(node("Identity", ["w"], ["v"]))),
    "the weight is copied in a ring": lambda g: (
        rename(g, "w", "v"),
        g.node.append(node("Identity", ["u"], ["v"])),
        g.node.append(node("Identity", ["v"], ["u"])),
    ),
    "the weight is computed": lambda g: (rename(g, "w", "v"), g.node.append(node("Relu", ["w"], ["v"]))),
    "the weight is the input": lambda g: rename(g, "w", "x"),
    "too many inputs": lambda g: g.node[0].input.extend(["w", "w"]),
    "an empty bias": lambda g: g.node[0].input.append(""),
    "a second output": lambda g: g.node[0].output.append("b"),
    "a second output that is read": lambda g: (
        g.node[1].output.append("i"),
        g.node.append(node("Exotic", ["i", "y"], ["q"])),
        setattr(g.output[0], "name", "q"),
    ),
    "no first output": lambda g: (g.node[1].ClearField("output"), g.node[1].output.extend(["", "y"])),
    "no type": lambda g: g.input[0].ClearField("type"),
    "no dims": lambda g: g.input[0].type.tensor_type.shape.ClearField("dim"),
    "two dims": lambda g: g.input[0].type.tensor_type.shape.dim.pop(),
    "a sequence": lambda g: g.input[0].type.sequence_type.elem_type.tensor_type.SetInParent(),
    "a join": lambda g: (g.node.append(node("Add", ["y", "x"], ["q"])), setattr(g.output[0], "name", "q")),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_graphs(name):
    sound = {
        "an unknown second output": 0,
        "the output is in between": 1,
        "a dead branch": 1,
        "a dead end of two": 0,
        "a dead node of another domain": 0,
        "nodes in reverse": 1,
        "the weight is copied, later": 1,
        "an empty bias": 1,
        "a weight that is an input too": 1,
    }
    found = outcome(changed(ODD[name]))
    assert (found == "same values") if sound.get(name) else True, found
    if name.startswith(("no ", "a cycle", "an Identity", "a Constant without o", "two", "a name is", "an init")):
        assert found == "refused"


def test_odd_lengths():
    counts = Counter()
    for axis in range(4):
        for length in (0, -1, -2, 1, 3, HUGE, 2**63 - 1, 10**18, 2**31):
            shape = [1, 2, 6, 7]
            shape[axis] = length
            counts[outcome(changed(lambda graph: None, shape=shape))] += 1
    assert counts["refused"] >= 15, counts
    assert counts["same values"] >= 2, counts


@pytest.mark.parametrize("name", ["x", "w", "a", "y", "one", "Conv", "kernel_shape"])
def test_names_that_are_no_text(name):
    """A name in the file may be any bytes; protobuf returns bytes for a name that is not UTF-8."""
    data = changed(lambda graph: None).SerializeToString()
    old = bytes([len(name)]) + name.encode()
    new = bytes([len(name)]) + b"\xff" * len(name)
    for place in range(data.count(old)):
        parts = data.split(old)
        bad = old.join(parts[: place + 1]) + new + old.join(parts[place + 1 :])
        assert outcome(onnx.load_model_from_string(bad)) == "refused", place
    assert old in data


def weight_by(op, reads=("v",), writes=("w",), **attributes):
    """Make a model of a convolution whose weight is the output of a node."""
    made = node(op, list(reads), list(writes), **attributes)
    return model_of([made, node("Conv", ["x", "w"], ["y"])], v=W, u=W)


def with_function(name, domain=""):
    model = changed(lambda graph: None)
    double = node("Add", ["X", "X"], ["Y"])
    model.functions.append(helper.make_function(domain, name, ["X"], ["Y"], [double], model.opset_import))
    return model


def in_segments():
    made = tensor(W.shape, raw_data=W.tobytes())
    made.segment.begin, made.segment.end = 0, 4
    return model_of([node("Conv", ["x", "w"], ["y"])], typed=[made])


NOT_AS_NAMED = {
    "an Identity of another domain": (lambda: weight_by("Identity", domain="org.mine"), "but what a Identity node"),
    "an Identity of two": (lambda: weight_by("Identity", ("v", "u")), r"has 2 inputs, \['v', 'u'\], but takes 1$"),
    "a Constant of another": (
        lambda: weight_by("Constant", ("v",), value=numpy_helper.from_array(W)),
        r"has 1 input, \['v'\], but takes none$",
    ),
    "a Constant with two outputs": (
        lambda: weight_by("Constant", (), ("w", "z"), value=numpy_helper.from_array(W)),
        r"has 2 outputs, \['w', 'z'\], but takes 1$",
    ),
    "a function Conv": (lambda: with_function("Conv"), "the model has a function of its own that is named Conv"),
    "a function MaxPool": (lambda: with_function("MaxPool", "ai.onnx"), "a function of its own that is named MaxPool"),
    "a segment": (in_segments, "tensor 'w' is one segment of a larger tensor"),
}


@pytest.mark.parametrize("name", NOT_AS_NAMED)
def test_nodes_and_tensors_whose_name_is_misleading(name):
    make, message = NOT_AS_NAMED[name]
    with pytest.raises(ValueError, match=message):
        from_model(make())


def test_functions_of_another_name_or_domain_change_nothing():
    for model in (with_function("Double"), with_function("Conv", "org.mine")):
        assert from_model(model) == from_model(changed(lambda graph: None))


def test_the_error_of_a_pad_that_crops_all():
    model = model_of([node("Pad", ["x", "p"], ["y"])], p=np.array([0, 0, -4, 0, 0, 0, -5, 0]))
    with pytest.raises(ValueError, match=r"pads -4 and -5 on axis 0 leave nothing of size 6: add at least 4$"):
        from_model(model)
    model = model_of([node("Pad", ["x", "p"], ["y"])], p=np.array([0, 0, -4, 0, 0, 0, -1, 0]))
    assert from_model(model)[0].output_size == (1, 7)
