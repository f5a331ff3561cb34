"""ONNX's constants: found in any order, and by any number of copies."""

from itertools import pairwise

from numpy.testing import assert_array_equal

from convmatrix.frameworks.onnx import (
    from_model,
)
from convmatrix.frameworks.onnx.constants import Constants
from onnx_fakes import W, graph, node


def test_constants_are_found_in_any_order():
    nodes = [node("Conv", "x,v"), node("Identity", "u", "v"), node("Identity", "w", "u")]
    (weight,) = from_model(graph(nodes, w=W)).weights
    assert_array_equal(weight, W)


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
