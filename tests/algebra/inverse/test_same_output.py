"""Two images with one output, from the null space of a layer."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose, presets
from convmatrix.algebra.elimination.ranks import rank
from convmatrix.algebra.inverse.same_output import same_output_pair
from helpers import by_definition
from strategies import covers, integers, layers, seeds, share


@share(0.6)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from((np.int64, np.int8, np.uint8)))
@covers()
def test_two_images_have_the_same_output_by_definition(layer, seed, dtype):
    weight = integers(layer.weight_shape, seed, dtype)
    C = layer.matrix(weight)
    if rank(C).value == C.shape[1]:
        message = f"^no two images have the same output: the {C.shape[0]} x {C.shape[1]} matrix has rank {C.shape[1]}, "
        with pytest.raises(ValueError, match=message):
            same_output_pair(layer, weight)
        return
    pair = same_output_pair(layer, weight)
    assert pair.first.shape == pair.second.shape == layer.input_shape
    if pair.first.dtype == np.int64:
        assert pair.second.dtype == np.int64
        assert (pair.first != pair.second).any()
        assert pair.difference == 0
        images = [np.array(image.tolist(), dtype=object).reshape(layer.input_shape) for image in pair[:2]]
        wide = np.array(weight.tolist(), dtype=object).reshape(layer.weight_shape)
        assert_array_equal(by_definition(layer, images[0], wide), by_definition(layer, images[1], wide))
    else:  # no small integers were found
        assert np.abs(pair.first - pair.second).max() == pytest.approx(max(np.ptp(pair.first), 1))
        assert pair.difference < 1e-9 * max(abs(C.data).max(), 1) * C.shape[1]


def test_integers_are_found_for_the_lectures_kernels():
    for name in ("sobel", "laplacian", "binomial", "box"):
        layer = Conv(8, 3, stride=2)
        pair = same_output_pair(layer, presets.kernel(name, 3 if name in ("binomial", "box") else None))
        assert pair.second.dtype == np.int64
        assert pair.reason == "a patch of integers that the layer maps to zero"
        assert np.abs(pair.first - pair.second).max() <= 2


def test_the_patch_is_small_and_short():
    weight = np.random.default_rng(0).integers(1, 10, (3, 3))
    pair = same_output_pair(Conv(4, 3), weight)
    changed = (pair.second - pair.first)[0]
    assert changed.any()
    assert not changed[3].any()  # nine pixels, seen by four windows, are enough
    assert not changed[:, 3].any()
    assert np.abs(changed).max() == 16


def test_unsigned_weights_of_64_bits_meet_no_floats():
    pair = same_output_pair(Conv((3,), 2), np.array([2**62 + 1, 2**61], dtype=np.uint64), [1, 2, 3])
    assert pair.second.dtype == np.float64  # no patch fits
    pair = same_output_pair(Conv((3,), 2), np.array([2**53 - 1] * 2, dtype=np.uint64), [7, 5, 9])
    assert (pair.second.dtype, pair.difference) == (np.int64, 0)
    assert_array_equal(pair.second - pair.first, [[1, -1, 1]])


def test_a_given_image_is_the_first():
    x = np.arange(16, dtype=np.uint8).reshape(4, 4)
    pair = same_output_pair(Conv(4, 3), np.ones((3, 3), dtype=int), x)
    assert_array_equal(pair.first[0], x)
    assert pair.first.dtype == np.int64
    with pytest.raises(ValueError, match=r"^x has shape \(2, 4, 4\), a batch of 2: give one image$"):
        same_output_pair(Conv(4, 3), np.ones((3, 3), dtype=int), np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match=r"^x has shape \(5,\) but this layer's input needs"):
        same_output_pair(Conv(4, 3), np.ones((3, 3), dtype=int), np.ones(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_floats_differ_by_the_images_range_and_their_outputs_by_roundings(dtype):
    weight = integers((3, 3), 5, dtype) / 3
    x = np.random.default_rng(0).random((4, 4))
    pair = same_output_pair(Conv(4, 3), weight, x)
    assert np.abs(pair.first - pair.second).max() == pytest.approx(np.ptp(x))
    assert pair.difference < (1e-5 if dtype is np.float32 else 1e-13)
    assert pair.reason == "noise, projected onto the 12 dimensions that are lost"


def test_integers_too_large_for_a_patch_fall_back_to_floats():
    weight = np.array([2**40 + 1, 2**41 + 3])
    pair = same_output_pair(Conv((3,), 2), weight)
    assert pair.second.dtype == np.float64
    assert pair.reason == "noise, projected onto the 1 dimensions that are lost"
    assert pair.difference < 1e-3 * 2**10  # of 2**40
    image = np.array([2**63, 0, 0], dtype=np.uint64)  # too large to add a patch
    assert same_output_pair(Conv((3,), 2), [1, 1], image).second.dtype == np.float64


def test_a_large_image_takes_no_rank():
    layer = Conv(1000, 3, stride=2)
    exact = same_output_pair(layer, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert exact.difference == 0
    assert exact.second.dtype == np.int64
    small = Conv(200, 3, stride=2)
    calls = []
    pair = same_output_pair(
        small, np.random.default_rng(0).random((3, 3)), progress=lambda *counts: calls.append(counts)
    )
    assert re.fullmatch(r"noise less what \d+ iterations of lsmr recovered of it", pair.reason)
    assert pair.difference < 1e-9
    assert np.abs(pair.first - pair.second).max() == pytest.approx(9)
    assert calls[-1] == (1000, 1000)


def test_a_large_image_that_hides_nothing_is_refused_without_a_rank():
    message = (
        r"^no two images with the same output were found: \d+ iterations of lsmr recovered random noise from its "
        r"output up to [\de.-]+ of its norm, and the output of the remainder has norm [\de.-]+; the 40000 x 40000 "
        r"matrix is too large to compute its rank, which would decide it$"
    )
    with pytest.raises(ValueError, match=message):
        same_output_pair(Conv(200, 1), [[2.5]])


def test_the_error_for_full_rank_names_the_method():
    message = (
        "no two images have the same output: the 16 x 4 matrix has rank 4, so every difference of two images shows "
        "(rank modulo the prime 2147483647; proven, since the pattern allows no more)"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        same_output_pair(ConvTranspose(2, 3), np.arange(1, 10).reshape(3, 3))
    with pytest.raises(ValueError, match=r"has rank 4, so .* \(rank singular values above [\de.-]+\)$"):
        same_output_pair(ConvTranspose(2, 3), np.arange(1, 10).reshape(3, 3) / 9)


def test_the_haar_bank_hides_nothing_and_one_of_its_filters_does():
    haar = presets.kernel("haar")
    with pytest.raises(ValueError, match="the 16 x 16 matrix has rank 16"):
        same_output_pair(Conv(4, 2, stride=2, out_channels=4), haar)
    assert same_output_pair(Conv(4, 2, stride=2), haar[:1]).difference < 1e-14
