"""Factors multiply to the matrix, structure has its name, and the dual takes the weight for the input."""

from functools import reduce

import numpy as np
import pytest
import scipy
from hypothesis import given
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import Conv, ConvTranspose, presets
from convmatrix.algebra import factors
from strategies import convs, covers, integers, layers, seeds, share


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
    one = type(layer)(
        layer.input_size, layer.kernel_size, stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
        padding_mode=layer.padding_mode, input_dilation=layer.input_dilation, ndim=layer.ndim,
        **({"output_padding": layer.output_padding} if isinstance(layer, ConvTranspose) else {}),
    )  # fmt: skip
    vectors = [integers(size, seed + axis) for axis, size in enumerate(layer.kernel_size)]
    weight = reduce(np.multiply.outer, vectors, np.array(1))
    found = factors.kronecker(one, weight)
    assert len(found) == layer.ndim
    assert all(factor.dtype == np.int64 for factor in found)
    assert_same(reduce(sparse.kron, found), one.matrix(weight))


@share(0.5)
@given(layer=convs(ndims=(1,)))
def test_one_axis_has_the_structure_it_is_named_for(layer):
    one = Conv(layer.input_size, layer.kernel_size, stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
               padding_mode=layer.padding_mode, input_dilation=layer.input_dilation)  # fmt: skip
    for each in (one, one.T):
        name, matrix = factors.structure(each).name, with_primes(each)
        if name == "circulant":
            assert is_circulant(matrix)
        elif name == "Toeplitz":
            assert is_toeplitz(matrix)


def with_primes(layer):
    """The matrix of a layer of one axis whose taps and sums of taps all differ."""
    return layer.matrix(np.array([2, 3, 5, 11, 23, 47])[: layer.kernel_size[0]]).toarray()


def is_toeplitz(matrix):
    return (matrix[1:, 1:] == matrix[:-1, :-1]).all()


def is_circulant(matrix):
    return matrix.shape[0] == matrix.shape[1] and (matrix == scipy.linalg.circulant(matrix[:, 0])).all()


def test_the_names_of_two_axes_and_of_channels():
    assert factors.structure(Conv(4, 3)).name == "doubly block Toeplitz"
    assert factors.structure(Conv(4, 3, padding=1, padding_mode="circular")).name == "doubly block circulant"
    assert factors.structure(Conv((4, 4, 4), 3)).name == "triply block Toeplitz"
    assert factors.structure(Conv(4, 3, out_channels=2)).name == "channel blocks, each doubly block Toeplitz"
    assert factors.structure(Conv((4,), 3, padding=1)).name == "Toeplitz"
    assert factors.structure(Conv((5,), 3, stride=2, padding=1).T).name == "sparse, with rows that repeat"


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Conv((9,), 3, stride=3),
         "axis 0: stride 3 keeps every 3rd row of a Toeplitz matrix, so that rows move on by 3 columns"),
        (Conv((8,), 3, stride=2, padding=1, padding_mode="circular"),
         "axis 0: stride 2 keeps every 2nd row of a circulant matrix, so that rows move on by 2 columns"),
        (Conv((4,), 3, input_dilation=2), "axis 0: rows move on by stride 1 where columns move on by input_dilation 2"),
        (Conv((4,), 3, padding=1, padding_mode="reflect"),
         "axis 0: reflect folds the border back: Toeplitz plus Hankel entries"),
        (Conv((4,), 3, padding=1, padding_mode="replicate"),
         "axis 0: replicate adds the border's taps to the first and last column of a Toeplitz matrix"),
        (Conv((4,), 3, padding=2, padding_mode="circular"),
         "axis 0: output_size 6 differs from input_size 4, so that the rows do not come around"),
    ],
)  # fmt: skip
def test_what_breaks_the_structure_is_said(layer, reason):
    assert factors.structure(layer) == ("sparse, with rows that repeat", reason)
    matrix = with_primes(layer)
    assert not is_circulant(matrix)
    assert not is_toeplitz(matrix) or "come around" in reason


def test_one_axis_is_scipys_toeplitz_and_circulant():
    taps = np.array([1, 2, 3])
    full = Conv((5,), 3, padding="full")
    assert_array_equal(full.matrix(taps[::-1]).toarray(), scipy.linalg.convolution_matrix(taps, 5))
    around = Conv((5,), 3, padding=((2, 0),), padding_mode="circular")
    assert_array_equal(around.matrix(taps[::-1]).toarray(), scipy.linalg.circulant([1, 2, 3, 0, 0]))


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
