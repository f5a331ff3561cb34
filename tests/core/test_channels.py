"""Channels last: the same map on data whose channels are its last axis."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import AvgPool, Conv, ConvTranspose, PixelShuffle
from helpers import assert_canonical, by_definition
from strategies import covers, integers, layers, seeds, share
from strategies_fixed import fixed_layers


def last(image):
    """Channels from the first axis to the last one."""
    return np.moveaxis(image, 0, -1)


@given(layer=layers(), seed=seeds())
@covers()
@share(0.6)
def test_the_matrix_acts_on_flattened_data_with_channels_last(layer, seed):
    x, weight = integers(layer.input_shape, seed), integers(layer.weight_shape, seed + 1)
    C = layer.matrix(weight, channels_last=True)
    assert_canonical(C)
    assert (C.nnz, C.dtype, C.shape) == (layer.nnz, weight.dtype, layer.matrix_shape)
    y = (C @ last(x).ravel()).reshape(*layer.output_size, layer.out_channels)
    assert_array_equal(y, last(by_definition(layer, x, weight)))


@given(layer=fixed_layers(), seed=seeds())
@share(0.4)
def test_layers_without_a_weight(layer, seed):
    x = integers(layer.input_shape, seed).astype(float)
    C = layer.matrix(channels_last=True)
    assert_canonical(C)
    assert C.dtype == layer.matrix().dtype
    y = (C @ last(x).ravel()).reshape(*layer.output_size, layer.out_channels)
    assert_array_equal(np.sort(C.data), np.sort(layer.matrix().data))
    np.testing.assert_allclose(y, last(layer.unvec(layer.matrix() @ layer.vec(x))), rtol=1e-12, atol=1e-12)


def test_a_matrix_by_hand():
    """Two channels in, two out, kernel 1: the weight itself at each of two places, instead of in four blocks."""
    layer = Conv((2,), 1, in_channels=2, out_channels=2)
    weight = np.array([[[1], [2]], [[3], [4]]])
    assert layer.matrix(weight).toarray().tolist() == [[1, 0, 2, 0], [0, 1, 0, 2], [3, 0, 4, 0], [0, 3, 0, 4]]
    assert layer.matrix(weight, channels_last=True).toarray().tolist() == [
        [1, 2, 0, 0],
        [3, 4, 0, 0],
        [0, 0, 1, 2],
        [0, 0, 3, 4],
    ]


def test_a_stored_zero_stays_and_nothing_else_changes():
    layer = ConvTranspose((3, 2), 3, stride=2, in_channels=4, out_channels=2, groups=2)
    weight = np.zeros(layer.weight_shape, dtype=np.int8)
    C = layer.matrix(weight, channels_last=True)
    assert (C.nnz, C.dtype) == (layer.nnz, np.int8)
    assert_array_equal(C.toarray(), 0)


def test_one_channel_is_the_matrix_itself():
    layer, weight = Conv(4, 3), np.arange(9).reshape(3, 3)
    C, D = layer.matrix(weight), layer.matrix(weight, channels_last=True)
    for part in ("data", "indices", "indptr"):
        assert_array_equal(getattr(C, part), getattr(D, part))


@pytest.mark.parametrize("layer", [AvgPool(4, 2, channels=3), PixelShuffle(2, 2)])
def test_the_transpose_is_the_transposed_layer_s(layer):
    C = layer.matrix(channels_last=True)
    assert_array_equal(layer.T.matrix(channels_last=True).toarray(), C.T.toarray())


def test_rows_are_refused_beside_it():
    with pytest.raises(
        ValueError,
        match=r"^rows=slice\(0, 2, None\) cannot stand beside channels_last=True, whose "
        r"consecutive rows are far apart in the matrix that is built: take "
        r"matrix\(weight, channels_last=True\)\[rows\]$",
    ):
        Conv(4, 3).matrix(np.ones((3, 3)), rows=slice(0, 2), channels_last=True)


def test_it_is_a_flag():
    for build in (
        lambda word: Conv(4, 3).matrix(np.ones((3, 3)), channels_last=word),
        lambda word: AvgPool(4, 2).matrix(channels_last=word),
    ):
        with pytest.raises(TypeError, match=r"^channels_last must be True or False, got 'NHWC' \(str\)$"):
            build("NHWC")


def test_memory_of_the_permuted_copies_is_required_as_well(monkeypatch):
    from convmatrix.core import memory

    monkeypatch.setattr(memory, "available_memory", lambda: 2**28)
    layer = Conv(256, 3, padding=1, in_channels=4, out_channels=4)  # 0.11 GiB as float64, 0.33 with the copies
    assert layer.nbytes() < 2**28 < 3 * layer.nbytes()
    with pytest.raises(
        MemoryError,
        match=r"^the matrix with channels last of 262144 x 262144 with 9388096 entries "
        r"needs 0\.318 GiB but 0\.25 GiB of memory is available: ",
    ):
        layer.matrix(np.ones(layer.weight_shape), channels_last=True)


def test_a_real_layer_in_the_order_of_tensorflow():
    """A stem of a small network, beside SciPy's product of the permutations themselves."""
    layer = Conv((9, 8), 3, stride=2, padding="same", in_channels=3, out_channels=4)
    weight = integers(layer.weight_shape, 5)

    def permutation(shape):
        count = int(np.prod(shape))
        order = last(np.arange(count).reshape(shape)).ravel()
        return sparse.csr_array((np.ones(count, dtype=np.int64), (np.arange(count), order)), shape=(count, count))

    expected = permutation(layer.output_shape) @ layer.matrix(weight) @ permutation(layer.input_shape).T
    assert_array_equal(layer.matrix(weight, channels_last=True).toarray(), expected.toarray())
