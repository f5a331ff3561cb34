"""The reference itself: cases worked by hand, and what scipy computes where it has the same operation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import linalg, ndimage, signal

from convmatrix.core.reference import convolve, convolve_transposed
from strategies import integers, seeds, share

NDIMAGE_MODES = {
    "zeros": "constant",
    "reflect": "mirror",
    "replicate": "nearest",
    "circular": "wrap",
    "symmetric": "reflect",
}
ONE_AXIS = {"stride": [1], "padding": [(0, 0)], "dilation": [1], "input_dilation": [1]}


def one_axis(x, weight, **keywords):
    """Convolve one channel along one axis."""
    return convolve([x], [[weight]], **ONE_AXIS | keywords)[0].tolist()


def one_axis_transposed(y, weight, size, **keywords):
    """Transposed convolution of one channel along one axis."""
    return convolve_transposed([y], [[weight]], output_size=[size], **ONE_AXIS | keywords)[0].tolist()


def plain(ndim, **keywords):
    """Keywords of a convolution with nothing special."""
    return {
        "stride": [1] * ndim,
        "padding": [(0, 0)] * ndim,
        "dilation": [1] * ndim,
        "input_dilation": [1] * ndim,
        **keywords,
    }


# -- by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "result"),
    [
        ({}, [321, 432, 543]),
        ({"stride": [2]}, [321, 543]),
        ({"dilation": [2]}, [531]),
        ({"padding": [(1, 0)]}, [210, 321, 432, 543]),
        ({"padding": [(0, 2)]}, [321, 432, 543, 54, 5]),
        ({"padding": [(-1, 0)]}, [432, 543]),
        ({"padding": [(0, -2)]}, [321]),
        ({"padding": [(-1, 1)], "stride": [2]}, [432, 54]),
        ({"input_dilation": [2]}, [201, 20, 302, 30, 403, 40, 504]),
        ({"input_dilation": [3], "stride": [2], "padding": [(1, 0)]}, [10, 200, 2, 30, 400, 4]),
        ({"input_dilation": [2], "dilation": [2]}, [321, 0, 432, 0, 543]),
        ({"padding": [(2, 2)], "padding_mode": "reflect"}, [123, 212, 321, 432, 543, 454, 345]),
        ({"padding": [(2, 2)], "padding_mode": "replicate"}, [111, 211, 321, 432, 543, 554, 555]),
        ({"padding": [(2, 2)], "padding_mode": "circular"}, [154, 215, 321, 432, 543, 154, 215]),
        ({"padding": [(2, 2)], "padding_mode": "symmetric"}, [112, 211, 321, 432, 543, 554, 455]),
    ],
)
def test_one_axis_by_hand(keywords, result):
    """Tap 0 counts ones, tap 1 tens, tap 2 hundreds: each output shows which inputs it read."""
    assert one_axis([1, 2, 3, 4, 5], [1, 10, 100], **keywords) == result


@pytest.mark.parametrize(
    ("mode", "left", "right"),
    [
        ("reflect", [2, 3, 2, 1, 2, 3, 2], [2, 1, 2, 3, 2, 1]),
        ("replicate", [1, 1, 1, 1, 1, 1, 1], [3, 3, 3, 3, 3, 3]),
        ("circular", [3, 1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 3]),
        ("symmetric", [1, 1, 2, 3, 3, 2, 1], [3, 2, 1, 1, 2, 3]),
    ],
)
def test_three_inputs_extended_by_more_than_their_number(mode, left, right):
    assert one_axis([1, 2, 3], [1], padding=[(7, 6)], padding_mode=mode) == [*left, 1, 2, 3, *right]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_one_input_extended_is_that_input(mode):
    assert one_axis([7], [1], padding=[(3, 2)], padding_mode=mode) == [7] * 6


@pytest.mark.parametrize(
    ("keywords", "size", "result"),
    [
        ({}, 5, [1, 12, 123, 230, 300]),
        ({"stride": [2]}, 7, [1, 10, 102, 20, 203, 30, 300]),
        ({"stride": [2]}, 8, [1, 10, 102, 20, 203, 30, 300, 0]),
        ({"stride": [2], "padding": [(1, 1)]}, 5, [10, 102, 20, 203, 30]),
        ({"stride": [2], "padding": [(1, 1)]}, 6, [10, 102, 20, 203, 30, 300]),
        ({"dilation": [2]}, 7, [1, 2, 13, 20, 130, 200, 300]),
        ({"padding": [(-1, 0)]}, 6, [0, 1, 12, 123, 230, 300]),
        ({"input_dilation": [2]}, 3, [1, 123, 300]),
        ({"padding": [(1, 1)], "padding_mode": "replicate"}, 3, [12 + 1, 123, 230 + 300]),
        ({"padding": [(1, 1)], "padding_mode": "reflect"}, 3, [12, 123 + 1 + 300, 230]),
        ({"padding": [(1, 1)], "padding_mode": "circular"}, 3, [12 + 300, 123, 230 + 1]),
        ({"padding": [(1, 1)], "padding_mode": "symmetric"}, 3, [12 + 1, 123, 230 + 300]),
    ],
)
def test_one_axis_transposed_by_hand(keywords, size, result):
    """Each input stamps its digit on ones, tens and hundreds; what is cropped is missing, what is folded is added."""
    assert one_axis_transposed([1, 2, 3], [1, 10, 100], size, **keywords) == result


def test_channels_are_summed_and_groups_are_kept_apart():
    x = [[1, 2], [10, 20], [100, 200], [1000, 2000]]
    assert convolve(x, [[[1], [2], [3], [4]]], **ONE_AXIS).tolist() == [[4321, 8642]]
    paired = convolve(x, [[[1], [2]], [[3], [4]], [[5], [6]], [[7], [8]]], groups=2, **ONE_AXIS)
    assert paired.tolist() == [[21, 42], [43, 86], [6500, 13000], [8700, 17400]]
    assert convolve(x, [[[3]], [[5]], [[7]], [[9]]], groups=4, **ONE_AXIS)[:, 0].tolist() == [3, 50, 700, 9000]


def test_groups_of_a_transposed_convolution():
    y = [[1], [10], [100], [1000]]
    weight = [[[1], [2]], [[3], [4]], [[5], [6]], [[7], [8]]]  # (in_channels, out_channels // groups, 1)
    result = convolve_transposed(y, weight, output_size=[1], groups=2, **ONE_AXIS)
    assert result.tolist() == [[1 + 30], [2 + 40], [500 + 7000], [600 + 8000]]


def test_axes_are_independent():
    x = np.arange(12).reshape(1, 3, 4)
    weight = np.array([[[[1, 10], [100, 1000]]]])
    y = convolve(x, weight, **plain(2, stride=[1, 2], padding=[(0, 1), (1, 1)], dilation=[2, 1]))
    assert y.shape == (1, 2, 3)
    assert y[0, 0].tolist() == [0 * 10 + 8 * 1000, 1 + 2 * 10 + 9 * 100 + 10 * 1000, 3 + 11 * 100]
    assert y[0, 1].tolist() == [4 * 10, 5 + 6 * 10, 7]


def test_no_axes_at_all_is_a_product_with_the_channels():
    keywords = plain(0)
    assert convolve([1, 2, 3], [[1, 10, 100], [5, 5, 5]], **keywords).tolist() == [321, 30]
    assert convolve_transposed([1, 2], [[1, 10, 100], [5, 5, 5]], output_size=[], **keywords).tolist() == [11, 20, 110]


# -- scipy ---------------------------------------------------------------------------------------------------------


@st.composite
def sizes_and_kernels(draw, ndims=(1, 2, 3)):
    """A kernel and an input at least as large, on every axis."""
    ndim = draw(st.sampled_from(ndims))
    kernel = tuple(draw(st.integers(1, 4 - ndim // 2)) for _ in range(ndim))
    return tuple(k + draw(st.integers(0, 6 - ndim)) for k in kernel), kernel


@given(drawn=sizes_and_kernels(), seed=seeds())
@share(0.4)
def test_scipy_correlate(drawn, seed):
    size, kernel = drawn
    x, weight = integers(size, seed), integers(kernel, seed + 1)
    full = [(k - 1, k - 1) for k in kernel]
    for mode, padding in (("valid", [(0, 0)] * len(size)), ("full", full)):
        y = convolve(x[None], weight[None, None], **plain(len(size), padding=padding))
        assert_array_equal(y[0], signal.correlate(x, weight, mode, method="direct"))


@given(drawn=sizes_and_kernels(ndims=(2,)), seed=seeds(), mode=st.sampled_from(("valid", "same", "full")))
@share(0.4)
def test_scipy_convolve2d_with_the_flipped_kernel(drawn, seed, mode):
    size, kernel = drawn
    x, weight = integers(size, seed), integers(kernel, seed + 1)
    padding = [{"valid": (0, 0), "full": (k - 1, k - 1), "same": (k // 2, (k - 1) // 2)}[mode] for k in kernel]
    y = convolve(x[None], weight[None, None, ::-1, ::-1], **plain(2, padding=padding))
    assert_array_equal(y[0], signal.convolve2d(x, weight, mode))


@given(drawn=sizes_and_kernels(ndims=(2,)), seed=seeds(), boundary=st.sampled_from(("wrap", "symm")))
@share(0.4)
def test_scipy_correlate2d_with_its_boundaries(drawn, seed, boundary):
    size, kernel = drawn
    x, weight = integers(size, seed), integers(kernel, seed + 1)
    keywords = plain(2, padding=[(k - 1, k - 1) for k in kernel])
    y = convolve(
        x[None], weight[None, None], **keywords, padding_mode={"wrap": "circular", "symm": "symmetric"}[boundary]
    )
    assert_array_equal(y[0], signal.correlate2d(x, weight, "full", boundary))


@given(drawn=sizes_and_kernels(ndims=(1,)), seed=seeds())
@share(0.4)
def test_scipy_convolution_matrix(drawn, seed):
    (size,), (kernel,) = drawn
    weight = integers(kernel, seed)
    padding = {"valid": (0, 0), "full": (kernel - 1, kernel - 1), "same": (kernel // 2, (kernel - 1) // 2)}
    for mode, pair in padding.items():
        matrix = linalg.convolution_matrix(weight, size, mode)
        columns = [one_axis(unit.tolist(), weight[::-1], padding=[pair]) for unit in np.eye(size, dtype=int)]
        assert_array_equal(np.transpose(columns), matrix)
        y = integers(len(matrix), seed + 1)
        assert_array_equal(one_axis_transposed(y, weight[::-1], size, padding=[pair]), matrix.T @ y)


@pytest.mark.parametrize("mode", NDIMAGE_MODES)
@given(drawn=sizes_and_kernels(), seed=seeds())
@share(0.4)
def test_scipy_ndimage_with_its_modes(mode, drawn, seed):
    """All five modes, also where the kernel is larger than the input."""
    kernel, size = drawn if seed % 2 else drawn[::-1]
    x, weight = integers(size, seed), integers(kernel, seed + 1)
    keywords = plain(len(size), padding=[(k // 2, (k - 1) // 2) for k in kernel])
    y = convolve(x[None], weight[None, None], **keywords, padding_mode=mode)
    assert_array_equal(y[0], ndimage.correlate(x, weight, mode=NDIMAGE_MODES[mode]))


@given(drawn=sizes_and_kernels(), seed=seeds())
@share(0.4)
def test_scipy_upfirdn_is_spreading_filtering_and_striding(drawn, seed):
    (size, *_), (kernel, *_) = drawn
    spread, stride = 1 + seed % 4, 1 + seed // 4 % 4
    x, weight = integers(size, seed), integers(kernel, seed + 1)
    expected = signal.upfirdn(weight[::-1], x, spread, stride)
    keywords = {"stride": [stride], "padding": [(kernel - 1, kernel - 1)], "input_dilation": [spread]}
    assert_array_equal(one_axis(x, weight, **keywords), expected)
