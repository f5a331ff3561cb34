"""Factors multiply to the matrix, and the dual takes the weight for the input."""

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import Conv, presets
from convmatrix.algebra import factors
from strategies import ONE_CHANNEL, covers, integers, layers, seeds, share


def assert_same(left, right):
    """Equal as matrices, whatever zeros are stored."""
    assert left.shape == right.shape
    assert abs(sparse.csr_array(left) - right).sum() == 0


@given(layer=layers(), seed=seeds())
@covers()
def test_the_products_are_the_matrix(layer, seed):
    weight = integers(layer.weight_shape, seed)
    matrix = layer.matrix(weight)
    assert_same(factors.product(factors.unfolded(layer, weight)), matrix)
    assert_same(factors.product(factors.selected(layer, weight)), matrix)
    blocks = factors.blocks(layer, weight)
    assert len(blocks) == layer.groups
    assert_same(sparse.block_diag(blocks, format="csr"), matrix)


@share(0.5)
@given(layer=layers(), seed=seeds())
@covers()
def test_the_dual_takes_the_weight_for_the_input(layer, seed):
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    X = factors.dual(layer, x)
    assert X.shape == (layer.matrix_shape[0], weight.size)
    assert_array_equal(X @ weight.ravel(), layer.matrix(weight) @ layer.vec(x))


@share(0.5)
@given(layer=layers(ndims=(1, 2, 3)), seed=seeds())
@covers()
def test_separable_kernels_give_a_kronecker_product(layer, seed):
    one = replace(layer, **ONE_CHANNEL)
    vectors = [integers(size, seed + axis) for axis, size in enumerate(layer.kernel_size)]
    weight = reduce(np.multiply.outer, vectors, np.array(1))
    found = factors.kronecker(one, weight)
    assert len(found) == layer.ndim
    assert all(factor.dtype == np.int64 for factor in found)
    assert_same(reduce(sparse.kron, found), one.matrix(weight))


def test_fold_is_unfold_transposed_and_padding_transposed_crops_and_folds():
    layer = Conv((4,), 3, padding=1)
    y = np.arange(1, 7)
    assert_array_equal(factors.padding_matrix(layer).T @ y, [2, 3, 4, 5])
    mirror = Conv((4,), 3, padding=1, padding_mode="symmetric")
    assert_array_equal(factors.padding_matrix(mirror).T @ y, [1 + 2, 3, 4, 5 + 6])
    U = factors.unfold_matrix(layer)
    assert_array_equal(U @ np.arange(6), [0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5])
    assert_array_equal(U.T @ np.ones(12, int), [1, 2, 3, 3, 2, 1])


def test_zero_insertion_spreads_the_input():
    up = Conv(5, 3, stride=2).T
    spread = factors.zero_insertion(up) @ np.arange(1, 5)
    assert_array_equal(spread.reshape(3, 3), [[1, 0, 2], [0, 0, 0], [3, 0, 4]])
    assert_array_equal(factors.zero_insertion(Conv((3,), 2, input_dilation=3)) @ [1, 2, 3], [1, 0, 0, 2, 0, 0, 3])
    direct = up.as_conv()
    assert_array_equal(factors.zero_insertion(direct).toarray(), factors.zero_insertion(up).toarray())


def test_sobel_separates_into_integers():
    smooth, slope = [1, 2, 1], [1, 0, -1]
    found = factors.separated(presets.kernel("sobel"))
    assert [vector.tolist() for vector in found] == [slope, smooth]
    assert factors.separated(np.zeros((2, 3), int))[0].tolist() == [0, 0]


def test_a_kernel_that_does_not_separate_is_refused_with_what_is_left():
    with pytest.raises(ValueError, match=r"the closest one differs by 1 at \(1, 1\)"):
        factors.separated([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match=r"^kernel is not an outer product .* use the matrix as it is$"):
        factors.kronecker(Conv(4, 3), presets.kernel("laplacian"))


def test_several_channels_have_no_kronecker_product():
    with pytest.raises(ValueError, match=r"needs one channel, got in_channels=2 and out_channels=1"):
        factors.kronecker(Conv(4, 3, in_channels=2), np.ones((1, 2, 3, 3)))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"^weight has shape \(2, 2\) but groups=1 .* = \(1, 1, 3, 3\)$"):
        factors.unfolded(Conv(4, 3), np.ones((2, 2)))
    with pytest.raises(
        ValueError, match=r"^x has shape \(2, 4, 4\), a batch, but the dual matrix is made of one input$"
    ):
        factors.dual(Conv(4, 3), np.ones((2, 4, 4)))
