"""ONNX's graphs that are inconsistent, lead nowhere, or are huge: an error of one sentence, in little time."""

import time
from itertools import pairwise

import numpy as np
import pytest

from convmatrix import Conv
from convmatrix.frameworks.onnx import (
    from_model,
)
from onnx_fakes import W, attribute, graph, node, refused, tensor


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [node("Conv", "x,w", "x")],
            "'x' is written by the graph's input and by node 0 (Conv): in a graph each name stands for one tensor",
        ),
        (
            [node("Conv", "b,w", "a"), node("Conv", "a,w", "b"), node("Relu", "x")],
            "the graph has a cycle: node 0 (Conv), node 1 (Conv) need what they write themselves",
        ),
        ([node("Conv", "y,w")], "the graph has a cycle: node 0 (Conv) needs what it writes itself"),
        ([node("Relu", "x", "a"), node("Conv", "a,w", "a")], "'a' is written by node 0 (Relu) and by node 1 (Conv)"),
        ([node("Relu", "x", "w")], "'w' is written by an initializer and by node 0 (Relu)"),
        (
            [node("Conv", "x,w", "a")],
            "the chain from input 'x' does not reach the graph's output 'y': only a chain from the input to the one "
            "output is read",
        ),
        (
            [node("Conv", "x,w", "a"), node("Exotic", "k", "y")],
            "the chain from input 'x' does not reach the graph's output 'y'",
        ),
        ([node("Conv", "x,w", "")], "node 0 (Conv) has no output: every node writes a tensor"),
        ([node("Conv", "x,w,,", ",")], "node 0 (Conv) has no output: every node writes a tensor"),
        ([node("Identity", "", "v")], "node 0 (Identity) has no input: an Identity copies one"),
        ([node("Constant", "", "")], "node 0 (Constant) has no output"),
        (
            [node("Constant", "", "v"), node("Conv", "x,v")],
            "node 1 (Conv): node 0 (Constant): a Constant has one attribute, one of value, value_float, value_floats, "
            "value_int, value_ints, got []",
        ),
        (
            [node("Constant", "", "v", value=3), node("Conv", "x,v")],
            "attribute 'value' of Constant is of type INT, 3, but needs TENSOR",
        ),
        (
            [node("MaxPool", "x", "a", kernel_shape=[2, 2]), node("Conv", "a,w", name="last")] * 2,
            "'a' is written by node 0 (MaxPool) and by node 2 (MaxPool)",
        ),
    ],
)
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
def test_nodes_that_lead_to_no_output_are_ignored(dead):
    nodes = [node("Relu", "x", "a"), node("Conv", "a,w")]
    (layer,) = from_model(graph([*nodes, *dead], w=W))
    assert layer == Conv((6, 6), 3, in_channels=2, out_channels=2)
    assert from_model(graph([*dead, *nodes[::-1]], w=W)) == [layer]


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


@pytest.mark.full
def test_twenty_thousand_nodes():
    names = ["x", *(f"a{number}" for number in range(19_999)), "y"]
    nodes = [node("Conv", f"{before},w", after) for before, after in pairwise(names)]
    start = time.process_time()
    assert len(from_model(graph(nodes, (1, 1, 5), w=np.ones((1, 1, 1), "float32")))) == 20_000
    assert time.process_time() - start < 10  # it was quadratic


def test_lengths_of_the_input():
    nodes = [node("Conv", "x,w")]
    assert from_model(graph(nodes, (1, 2, -1, 6), w=W), 6)[0].input_size == (6, 6)
    refused("input 'x' has no length on spatial axis 0 in the graph: give input_size", graph(nodes, (1, 2, -1, 6), w=W))
    refused("the length of input 'x' on axis 2 is -5: give one of at least 1", graph(nodes, (1, 2, -5, 6), w=W))
    refused("the length of input 'x' on axis 3 must be an integer", graph(nodes, (1, 2, 6, "6"), w=W))
    (layer,) = from_model(graph(nodes, (1, 2, 10**18, 6), w=W))
    assert layer.output_size == (10**18 - 2, 4)
