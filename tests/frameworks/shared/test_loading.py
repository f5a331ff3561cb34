"""Test that missing values raise their reason when used, and that chains of layers need no values for sizes."""

import numpy as np
import pytest

from convmatrix import AvgPool, Conv
from convmatrix.algebra.stack.arguments import as_network
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import coordinate_map, crop_offset, outputs_without_input, receptive_field
from convmatrix.frameworks.shared.loading import Loaded, MissingValues, chained

MISSING = MissingValues("the weight is on the device 'meta': load it first", (2, 1, 3))
LAYER = Conv((5,), 3, out_channels=2)
USES = {
    "asarray": np.asarray,
    "asarray of floats": lambda w: np.asarray(w, float),
    "matrix": LAYER.matrix,
    "operator": LAYER.operator,
    "gram": LAYER.gram,
    "bias_vector": LAYER.bias_vector,
    "matrix of a network": lambda w: Network([LAYER]).matrix([w]),
    "operator of a network": lambda w: Network([LAYER]).operator([w]),
    "NumPy's sum": np.sum,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_missing_values_raise_their_reason_in_all_uses(use):
    with pytest.raises(TypeError, match=r"^the weight is on the device 'meta': load it first$"):
        use(MISSING)


def test_missing_values_have_their_shape():
    assert np.shape(MISSING) == MISSING.shape == (2, 1, 3)
    assert MissingValues(MISSING.reason, (2, 1, 3)) == MISSING


def test_a_chain_without_values_has_its_geometry():
    layers = [Conv(9, 3, stride=2, padding=1), AvgPool(5, 2), Conv(2, 2)]
    loaded = [Loaded(layer, MissingValues("none", ()) if isinstance(layer, Conv) else None) for layer in layers]
    chain = chained(((str(n), each) for n, each in enumerate(loaded)), (1, 9, 9), lambda each, _: each)
    network = Network(layers)
    for function in (receptive_field, outputs_without_input, coordinate_map):
        assert function(chain) == function(layers) == function(tuple(layers)) == function(network)
        assert function(layers[0]) == function(Network(layers[:1]))
    assert crop_offset(Conv((8,), 3, padding=2), [Conv((8,), 1)]) == (1,)
    assert as_network(chain) == network
    assert as_network(network) is network


@pytest.mark.parametrize("stack", [3, None, 2.5, "ab", [1]])
def test_arguments_that_are_no_network(stack):
    with pytest.raises(
        TypeError,
        match=r"^layer must be a layer, a Network, or a list of layers, got|^layer 0 is .*, which is no layer",
    ):
        receptive_field(stack)
