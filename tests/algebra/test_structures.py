"""The structure of a matrix has the name that its entries show, and what breaks it is named."""

from dataclasses import replace

import numpy as np
import pytest
import scipy
from hypothesis import given
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.algebra.structures import structure
from strategies import ONE_CHANNEL, convs, share


@share(0.5)
@given(layer=convs(ndims=(1,)))
def test_one_axis_has_the_structure_it_is_named_for(layer):
    one = replace(layer, **ONE_CHANNEL)
    for each in (one, one.T):
        name, matrix = structure(each).name, with_primes(each)
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
    assert structure(Conv(4, 3)).name == "doubly block Toeplitz"
    assert structure(Conv(4, 3, padding=1, padding_mode="circular")).name == "doubly block circulant"
    assert structure(Conv((4, 4, 4), 3)).name == "triply block Toeplitz"
    assert structure(Conv(4, 3, out_channels=2)).name == "channel blocks, each doubly block Toeplitz"
    assert structure(Conv((4,), 3, padding=1)).name == "Toeplitz"
    assert structure(Conv((5,), 3, stride=2, padding=1).T).name == "sparse, with rows that repeat"


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            Conv((9,), 3, stride=3),
            "axis 0: stride 3 keeps every 3rd row of a Toeplitz matrix, so that rows move on by 3 columns",
        ),
        (
            Conv((8,), 3, stride=2, padding=1, padding_mode="circular"),
            "axis 0: stride 2 keeps every 2nd row of a circulant matrix, so that rows move on by 2 columns",
        ),
        (Conv((4,), 3, input_dilation=2), "axis 0: rows move on by stride 1 where columns move on by input_dilation 2"),
        (
            Conv((4,), 3, padding=1, padding_mode="reflect"),
            "axis 0: reflect folds the border back: Toeplitz plus Hankel entries",
        ),
        (
            Conv((4,), 3, padding=1, padding_mode="replicate"),
            "axis 0: replicate adds the border's taps to the first and last column of a Toeplitz matrix",
        ),
        (
            Conv((4,), 3, padding=2, padding_mode="circular"),
            "axis 0: output_size 6 differs from input_size 4, so that the rows do not come around",
        ),
    ],
)
def test_what_breaks_the_structure_is_named(layer, reason):
    assert structure(layer) == ("sparse, with rows that repeat", reason)
    matrix = with_primes(layer)
    assert not is_circulant(matrix)
    assert not is_toeplitz(matrix) or "come around" in reason


def test_one_axis_is_scipys_toeplitz_and_circulant():
    taps = np.array([1, 2, 3])
    full = Conv((5,), 3, padding="full")
    assert_array_equal(full.matrix(taps[::-1]).toarray(), scipy.linalg.convolution_matrix(taps, 5))
    around = Conv((5,), 3, padding=((2, 0),), padding_mode="circular")
    assert_array_equal(around.matrix(taps[::-1]).toarray(), scipy.linalg.circulant([1, 2, 3, 0, 0]))
