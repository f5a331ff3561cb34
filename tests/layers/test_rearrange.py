"""Unfold, Fold and the pixel shuffles against convolutions of one-hot kernels, and pixel by pixel."""

from math import prod

import numpy as np
from hypothesis import given
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import (
    Conv,
    PixelShuffle,
    PixelUnshuffle,
    Unfold,
)
from helpers import dense
from strategies import integers, seeds, share
from strategies_fixed import (
    shuffle_arguments,
    shuffles,
    unfolds,
)


def shuffled(x, factor):
    """Depth to space, pixel by pixel."""
    taps = prod(factor)
    y = np.empty((len(x) // taps, *(n * r for n, r in zip(x.shape[1:], factor, strict=True))), dtype=x.dtype)
    for c, *pixel in np.ndindex(*y.shape):
        tap = 0
        for p, r in zip(pixel, factor, strict=True):
            tap = tap * r + p % r
        y[c, *pixel] = x[c * taps + tap, *(p // r for p, r in zip(pixel, factor, strict=True))]
    return y


def convolution_of(unfold, **others):
    """The convolution with the windows of an unfolding."""
    names = ("input_size", "kernel_size", "stride", "padding", "dilation", "padding_mode", "input_dilation")
    return Conv(**{name: getattr(unfold, name) for name in names}, in_channels=unfold.in_channels, **others)


def one_hot(unfold):
    """The convolution that gives each tap a channel of its own, and its weight."""
    taps = prod(unfold.kernel_size)
    conv = convolution_of(unfold, groups=unfold.in_channels, out_channels=unfold.in_channels * taps)
    weight = np.tile(np.eye(taps, dtype=int), (unfold.in_channels, 1)).reshape(conv.weight_shape)
    return conv, weight


@share(0.2)
@given(unfolds())
def test_unfolding_is_the_convolution_of_one_hot_kernels(unfold):
    conv, weight = one_hot(unfold)
    assert unfold.output_shape == conv.output_shape
    assert_array_equal(unfold.matrix().toarray(), dense(conv, weight))


@share(0.5)
@given(unfolds(), seeds())
def test_a_convolution_is_its_weight_times_the_unfolding(unfold, seed):
    conv = convolution_of(unfold, out_channels=2)
    weight = integers(conv.weight_shape, seed)
    block = sparse.kron(weight.reshape(2, -1), sparse.eye_array(prod(conv.output_size), dtype=int))
    assert_array_equal((block @ unfold.matrix()).toarray(), conv.matrix(weight).toarray())


def test_unfolding_and_folding_by_hand():
    unfold = Unfold((2, 2), (1, 2), padding=((0, 0), (1, 0)), padding_mode="replicate")
    assert unfold.output_shape == (2, 2, 2)
    assert_array_equal(unfold.matrix() @ [1, 2, 3, 4], [1, 1, 3, 3, 1, 2, 3, 4])
    assert_array_equal(unfold.T.matrix() @ [10, 20, 30, 40, 1, 2, 3, 4], [31, 2, 73, 4])
    crop = Unfold((5,), 2, stride=2, padding=((-1, 0),))
    assert_array_equal(crop.matrix() @ [1, 2, 3, 4, 5], [2, 4, 3, 5])


def test_folding_what_was_unfolded_counts_the_windows():
    unfold = Unfold(4, 3, padding=1)
    F, U = unfold.T.matrix(), unfold.matrix()
    counts = (F @ U).toarray()
    assert_array_equal(counts, np.diag(np.multiply.outer([2, 3, 3, 2], [2, 3, 3, 2]).ravel()))
    apart = Unfold(4, 2, stride=2)
    assert_array_equal((apart.T.matrix() @ apart.matrix()).toarray(), np.eye(16))


@given(shuffle_arguments(), seeds())
def test_a_pixel_shuffle_is_its_definition(arguments, seed):
    layer = PixelShuffle(**arguments)
    x = integers(layer.input_shape, seed)
    expected = shuffled(x, layer.factor)
    assert layer.output_shape == expected.shape
    assert_array_equal(layer.unvec(layer.matrix() @ layer.vec(x)), expected)


@share(0.5)
@given(shuffles())
def test_pixel_shuffles_undo_each_other(layer):
    P, Q = layer.matrix(), layer.T.matrix()
    assert isinstance(layer.T, PixelUnshuffle)
    assert_array_equal(Q.toarray(), P.toarray().T)
    assert_array_equal((P @ Q).toarray(), np.eye(len(P.indptr) - 1))


@share(0.5)
@given(shuffles())
def test_space_to_depth_is_an_unfolding(layer):
    unshuffle = layer.T
    unfold = Unfold(unshuffle.input_size, unshuffle.factor, stride=unshuffle.factor, in_channels=unshuffle.channels)
    assert_array_equal(unshuffle.matrix().toarray(), unfold.matrix().toarray())
    assert (unshuffle.channels, layer.channels) == (unfold.in_channels, layer.out_channels)
    assert unshuffle.factor == layer.factor
