"""Stacks of layers against dense products of the reference's matrices, and every error with its numbers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.algebra.stack import network as module
from convmatrix.algebra.stack.network import Network
from convmatrix.core.errors import SumOverflowError, TooLargeError, WrongTypeError
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, PixelUnshuffle, Unfold, Upsample
from helpers import raises_error
from stacks import collapsed_pattern, dense_pattern, dense_product, stacks, weights_of
from strategies import integers, seeds, share

WITHOUT_SHUFFLES = ("convs", "transposes", "pools", "upsamples", "transposed fixed")
INTEGERS = ("convs", "transposes", "shuffles")


# -- the product ---------------------------------------------------------------------------------------------------


@share(0.6)
@given(network=stacks(), seed=seeds())
def test_matrix_is_the_product_of_the_layers(network, seed):
    weights = weights_of(network, seed)
    M = network.matrix(weights)
    assert M.shape == network.matrix_shape
    assert M.has_sorted_indices
    assert_allclose(M.toarray(), dense_product(network, weights), rtol=1e-12, atol=1e-9)


@share(0.6)
@given(network=stacks(kinds=INTEGERS), seed=seeds())
def test_integers_are_exact(network, seed):
    weights = weights_of(network, seed)
    M = network.matrix(weights)
    assert M.dtype == np.int64
    assert_array_equal(M.toarray(), dense_product(network, weights))


@share(0.6)
@given(network=stacks(), seed=seeds(), dtype=st.sampled_from((np.int64, np.float64, np.complex128)))
def test_operator_is_the_same_map(network, seed, dtype):
    weights = weights_of(network, seed, dtype)
    M, operator = network.matrix(weights), network.operator(weights)
    rows, cols = network.matrix_shape
    x, y = integers((cols, 2), seed + 1), integers((rows, 2), seed + 2)
    assert operator.shape == M.shape
    assert_allclose(operator @ x, M @ x, rtol=1e-12, atol=1e-8)
    assert_allclose(operator.matvec(x[:, 0]), M @ x[:, 0], rtol=1e-12, atol=1e-8)
    assert_allclose(operator.rmatmat(y), M.conj().T @ y, rtol=1e-12, atol=1e-8)


@share(0.6)
@given(network=stacks(kinds=("convs", "transposes", "upsamples", "transposed fixed", "shuffles")), seed=seeds())
def test_transposed_network_has_the_transposed_matrix(network, seed):
    weights = weights_of(network, seed)
    M, up = network.matrix(weights), network.T
    assert (up.input_shape, up.output_shape) == (network.output_shape, network.input_shape)
    assert_allclose(up.matrix(weights[::-1]).toarray(), M.T.toarray(), rtol=1e-12, atol=1e-9)


# -- patterns ------------------------------------------------------------------------------------------------------


@share(0.6)
@given(network=stacks())
def test_pattern_is_the_boolean_product(network):
    pattern = network.pattern()
    assert pattern.dtype == bool
    assert_array_equal(pattern.toarray(), dense_pattern(network))


@share(0.6)
@given(network=stacks(kinds=WITHOUT_SHUFFLES))
def test_pattern_is_a_product_over_the_axes(network):
    product = np.ones((), dtype=bool)
    for pattern in network.axis_patterns():
        assert pattern.dtype == bool
        assert pattern.has_sorted_indices
        product = np.multiply.outer(product, pattern.toarray())
    # (outputs, inputs, outputs, inputs, ...) to (outputs, ..., inputs, ...)
    order = [*range(0, product.ndim, 2), *range(1, product.ndim, 2)]
    assert_array_equal(product.transpose(order), collapsed_pattern(network))


@share(0.6)
@given(network=stacks())
def test_entries_are_bounded_before_they_are_multiplied(network):
    needs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "UNCHECKED", 0)
        patch.setattr(module, "require_memory", lambda needed, what, _: needs.append((needed, what)))
        found = network.pattern().nnz
    products = [(needed, what) for needed, what in needs if what.startswith("the product")]
    assert len(products) == len(network.layers) - 1
    for count, (needed, what) in enumerate(products, start=2):
        entries = int(re.search(r"up to (\d+) entries", what)[1])
        assert what.startswith(f"the product of the first {count} layers, ")
        assert needed == entries * (1 + 4)  # a bool and an int32
    if products:
        moves = any(isinstance(layer, Unfold | PixelShuffle) for layer in network.layers)
        assert found <= entries if moves else found == entries


def test_channel_pairs_follow_groups():
    # Two groups of two, then two depthwise multipliers: every output reads a group of two channels.
    layers = [
        Conv((1,), 1, in_channels=4, out_channels=4, groups=2),
        Conv((1,), 1, in_channels=4, out_channels=8, groups=4),
    ]
    assert Network(layers).pattern().nnz == 16
    assert list(module._channel_pairs(layers)) == [8, 16]


def test_no_axes():
    network = Network([Conv((), (), in_channels=2, out_channels=3), Conv((), (), in_channels=3)])
    assert_array_equal(network.matrix([[[1, 2], [3, 4], [5, 6]], [[1, 1, 1]]]).toarray(), [[9, 12]])
    assert network.windows == network.axis_patterns() == ()


# -- kinds of numbers ----------------------------------------------------------------------------------------------


def test_weights_are_multiplied_in_the_dtype_that_holds_them_all():
    conv = Conv((2,), 1)
    network = Network([conv, conv])
    assert network.matrix([np.ones(1, np.int8), np.ones(1, np.int16)]).dtype == np.int16
    assert network.matrix([np.ones(1, bool), np.ones(1, np.int8)]).dtype == np.int8
    assert network.matrix([np.ones(1, np.float32), np.ones(1, np.complex64)]).dtype == np.complex64


def test_a_bool_weight_among_integers_is_a_one():
    network = Network([Conv((2,), 2), Conv((1,), 1)])
    assert_array_equal(network.matrix([np.array([True, True]), [7]]).toarray(), [[7, 7]])


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, bool])
def test_layers_without_a_weight_take_the_dtype(dtype):
    up = Upsample((2,), scale=2, mode="linear")
    pool = MaxPool((3,), 2)
    network = Network([up, Conv((4,), 2), pool])
    x = np.arange(3)
    assert network.matrix([None, np.ones(2, dtype), x]).dtype == dtype
    assert network.operator([None, np.ones(2, dtype), x]).dtype == dtype


def test_fractions_among_integers_are_floats():
    network = Network([Conv((4,), 1), AvgPool((4,), 2)])
    assert_array_equal(network.matrix([np.array([3], np.int8), None]).toarray(), [[1.5, 1.5, 0, 0], [0, 0, 1.5, 1.5]])


def test_a_network_without_weights():
    network = Network([PixelUnshuffle((4,), 2), PixelShuffle((2,), 2)])
    assert_array_equal(network.matrix([None, None]).toarray(), np.eye(4))
    assert_array_equal(network.operator([None, None]) @ np.arange(4), np.arange(4))


def test_max_pool_selects_at_its_input():
    network = Network([Conv((4,), 1), MaxPool((4,), 2)])
    x = np.array([1, 5, 7, 2])
    M = network.matrix([[-1], -x])
    assert_array_equal(M.toarray(), [[-1, 0, 0, 0], [0, 0, 0, -1]])
    assert_array_equal(network.operator([[-1], -x]) @ x, M @ x)


def test_integers_that_fit_in_the_end_are_exact():
    # 100 * 2 leaves int8 on the way, and comes back.
    network = Network([Conv((1,), 1), Conv((1,), 1, out_channels=2), Conv((1,), 1, in_channels=2)])
    weights = [np.full(shape, value, np.int8) for shape, value in (((1,), 100), ((2, 1, 1), 2), ((1, 2, 1), 1))]
    weights[2][0, 1] = -1
    M = network.matrix(weights)
    assert M.dtype == np.int8
    assert M.nnz == 0  # entries that cancel are not stored
    assert network.pattern().nnz == 1


@pytest.mark.parametrize(("second", "reached", "end"), [(2, 200, 127), (-2, -200, -128)])
def test_overflow_of_small_integers_is_refused(second, reached, end):
    network = Network([Conv((1,), 1), Conv((1,), 1)])
    message = f"entries of the product reach {reached}, but int8 ends at {end}: cast a weight with .astype('int64')"
    with raises_error(SumOverflowError, message):
        network.matrix([np.array([100], np.int8), np.array([second], np.int8)])
    weights = [np.array([100], np.int64), np.array([second], np.int8)]
    assert network.matrix(weights).toarray() == reached


def test_overflow_of_64_bits_is_refused():
    network = Network([Conv((2,), 2), Conv((1,), 1)])
    weights = [np.array([2**40, 2**40]), np.array([2**23])]
    message = (
        "entries of the product may reach 9.2e+18, but int64 ends at 9.2e+18: cast a weight with .astype('float64')"
    )
    with raises_error(SumOverflowError, message):
        network.matrix(weights)
    assert_array_equal(network.matrix([weights[0].astype(float), weights[1]]).toarray(), [[2.0**63, 2.0**63]])
    assert_array_equal(network.matrix([weights[0], weights[1] // 2]).toarray(), [[2**62, 2**62]])


# -- errors --------------------------------------------------------------------------------------------------------


def test_an_empty_network_is_refused():
    with raises_error(ValueError, "a network needs at least one layer, got none"):
        Network([])


def test_what_is_no_layer_is_refused():
    with raises_error(WrongTypeError, "layer 1 is 'relu', of type str, which is no layer"):
        Network([Conv(4, 3), "relu"])


def test_layers_that_do_not_chain_are_refused():
    message = (
        "layers 1 and 2 do not chain: layer 1, MaxPool, gives (1, 2, 2) (channels, *size) but layer 2, Conv, takes "
        "(3, 2, 2)"
    )
    with raises_error(ValueError, message):
        Network([Conv(6, 3), MaxPool(4, 2), Conv(2, 2, in_channels=3)])
    with pytest.raises(ValueError, match=r"layer 0, Conv, gives \(1, 4\) .* but layer 1, Conv, takes \(1, 4, 4\)"):
        Network([Conv((4,), 1), Conv(4, 1)])


def test_the_number_of_weights():
    network = Network([Conv((4,), 1), AvgPool((4,), 2), Conv((2,), 2)])
    message = "Network has 3 layers but got 2 weights: give one entry for each, None for a layer without a weight"
    for call in (network.matrix, network.operator):
        with raises_error(ValueError, message):
            call([[1], [1, 1]])
        with raises_error(ValueError, "layer 1, AvgPool, has no weight: give None, got shape (2,)"):
            call([[1], [1, 1], [1, 1]])
        with raises_error(ValueError, "layer 2, Conv, needs a weight of shape (1, 1, 2), got None"):
            call([[1], None, None])
        with pytest.raises(ValueError, match=r"weight has shape \(3,\) but"):
            call([[1], None, [1, 2, 3]])


def test_max_pool_without_an_input_is_refused():
    network = Network([MaxPool((4,), 2)])
    for call in (network.matrix, network.operator):
        with pytest.raises(WrongTypeError, match=r"^max pooling is not linear"):
            call([None])
    message = (
        "layer 0, MaxPool, has no transpose: it is linear only at a given input; transpose the result of "
        ".matrix(weights)"
    )
    with raises_error(ValueError, message):
        _ = network.T


def test_a_product_too_large_is_refused_before_anything_is_built():
    convs = [Conv((10**6,), 3, padding=1, in_channels=c, out_channels=512) for c in (1, 512, 512)]
    weights = [np.ones(conv.weight_shape, np.float32) for conv in convs]
    # 10**6 * 512 rows; 5 taps but 6 less at the borders
    message = (
        r"^the product of the first 2 layers, 512000000 x 1000000 with up to 2559996928 entries, needs 28\.\d GiB but "
        r".* use \.operator\(weights\), which applies one layer after the other, or \.axis_patterns\(\)$"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convmatrix.core.memory.available_memory", lambda: 2**30)
        with pytest.raises(TooLargeError, match=message):
            Network(convs).matrix(weights)
        assert Network(convs).operator(weights).shape == (512 * 10**6, 10**6)


@pytest.mark.full
def test_a_pattern_too_large_is_refused():
    wide = Conv((10**6,), 20, padding="same")
    message = (
        r"^the pattern of axis 0, 1000000 x 1000000 with up to \d+ entries, needs 1\.\d+ GiB but 1 GiB of memory is "
        r"available: take fewer layers or a smaller input, since away from the borders the pattern repeats$"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convmatrix.core.memory.available_memory", lambda: 2**30)
        with pytest.raises(TooLargeError, match=message):
            Network([wide, wide]).axis_patterns()


def test_equality_and_repr():
    network = Network([Conv((4,), 2), AvgPool((3,), 3)])
    assert network == Network((Conv((4,), 2), AvgPool((3,), 3)))
    assert len({network, Network(network.layers)}) == 1
    names = {"Network": Network, "Conv": Conv, "AvgPool": AvgPool}
    assert eval(repr(network), names) == network
    assert ConvTranspose((3,), 2) in Network([ConvTranspose((3,), 2)]).layers
