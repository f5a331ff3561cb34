"""AvgPool and MaxPool against their definitions in plain loops, which read like the documentation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import (
    AvgPool,
    Conv,
    MaxPool,
)
from helpers import assert_canonical
from strategies import integers, seeds
from strategies_fixed import (
    avg_pools,
    max_pools,
)

GUIDE_X = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]


# -- definitions in plain loops --------------------------------------------------------------------------------------


def windows(size, kernel, stride, pads, dilation, ceil_mode):
    """The windows of one axis, as lists of positions: slid from the start of the padding, one after the other."""
    end = size + pads[1]
    result, start = [], -pads[0]
    while True:
        window = [start + tap * dilation for tap in range(kernel)]
        if window[-1] >= end and not ceil_mode:
            return result
        if result and (result[-1][-1] >= end - 1 or start >= size):
            return result  # rounded up, there is one more window as long as one has not reached the end
        result.append(window)
        start += stride


def all_windows(pool):
    """For each output position, the positions that its window covers."""
    axes = [
        windows(*numbers, pool.ceil_mode)
        for numbers in zip(pool.input_size, pool.kernel_size, pool.stride, pool.padding, pool.dilation, strict=True)
    ]
    return np.array([len(axis) for axis in axes], dtype=int), product(*axes)


def is_in(position, sizes):
    return all(0 <= p < n for p, n in zip(position, sizes, strict=True))


def counts(position, pool):
    if not pool.count_include_pad:
        return is_in(position, pool.input_size)
    bounds = zip(position, pool.input_size, pool.padding, strict=True)
    return all(-before <= p < n + after for p, n, (before, after) in bounds)


def average(pool, x):
    """Sum over the window and divide by the cells that count."""
    sizes, covered = all_windows(pool)
    y = []
    for window in covered:
        cells = list(product(*window))
        total = sum((x[:, *cell] for cell in cells if is_in(cell, pool.input_size)), np.zeros(pool.channels))
        y.append(total / (pool.divisor_override or sum(counts(cell, pool) for cell in cells)))
    return np.moveaxis(np.array(y), 0, 1).reshape(pool.channels, *sizes)


def maximum(pool, x):
    """Largest cell of each window, and the index of the first one that is as large."""
    sizes, covered = all_windows(pool)
    y, places = [], []
    for window in covered:
        cells = [cell for cell in product(*window) if is_in(cell, pool.input_size)]
        best = [max(cells, key=lambda cell, c=c: x[c, *cell]) for c in range(pool.channels)]  # max takes the first one
        y.append([x[c, *cell] for c, cell in enumerate(best)])
        places.append([np.ravel_multi_index((c, *cell), x.shape) for c, cell in enumerate(best)])
    shape = (pool.channels, *sizes)
    return np.array(y).T.reshape(shape), np.array(places).T.reshape(shape)


# -- average pooling -------------------------------------------------------------------------------------------------


@given(avg_pools(), seeds())
def test_average_pooling_is_its_definition(pool, seed):
    x = integers(pool.input_shape, seed)
    expected = average(pool, x)
    assert pool.output_shape == expected.shape
    y = pool.unvec(pool.matrix() @ pool.vec(x))
    assert_allclose(y, expected, rtol=1e-14, atol=1e-14)
    assert_allclose(pool.unvec(pool.operator() @ pool.vec(x)), expected, rtol=1e-14, atol=1e-14)


def test_the_average_of_the_guide():
    """Dumoulin & Visin, figure 1.5."""
    pool = AvgPool(5, 3, stride=1)
    y = pool.unvec(pool.matrix() @ pool.vec(GUIDE_X))
    assert_array_equal(np.round(y, 1), [[[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]]])


def test_an_average_is_a_convolution_where_nothing_is_padded():
    C = Conv((5, 7), 3, stride=2).matrix(np.full((3, 3), 1 / 9))
    A = AvgPool((5, 7), 3, stride=2).matrix()
    assert_array_equal(A.toarray(), C.toarray())  # to the last bit: a row is divided once


@pytest.mark.parametrize(
    ("keywords", "divisors"),
    [
        ({}, [3, 3, 3]),
        ({"count_include_pad": False}, [2, 3, 2]),
        ({"ceil_mode": True}, [3, 3, 3]),
        ({"input_size": (6,)}, [3, 3, 3]),
        ({"input_size": (6,), "ceil_mode": True}, [3, 3, 3, 2]),  # of the last window 5, 6 and 7, the 7 is beyond
        ({"input_size": (6,), "ceil_mode": True, "count_include_pad": False}, [2, 3, 3, 1]),
        ({"input_size": (6,), "ceil_mode": True, "divisor_override": 7}, [7, 7, 7, 7]),
        ({"padding": ((0, 2),), "count_include_pad": True}, [3, 3, 3]),
        ({"padding": ((0, 2),), "count_include_pad": False}, [3, 3, 1]),
    ],
)
def test_divisors(keywords, divisors):
    pool = AvgPool(**{"input_size": (5,), "kernel_size": 3, "stride": 2, "padding": 1} | keywords)
    assert_array_equal(pool.divisors(), divisors)
    assert_allclose(1 / pool.matrix().max(axis=1).toarray(), divisors)


def test_tensorflows_same_average():
    """The number of outputs is ceil(size / stride), and padding does not count."""
    pool = AvgPool((5,), 2, stride=2, padding="same", count_include_pad=False)
    assert_array_equal(pool.matrix() @ [2, 4, 6, 8, 10], [3, 7, 10])


def test_a_window_may_reach_beyond_the_only_inputs_when_sizes_are_rounded_up():
    pool = AvgPool((2,), 3, stride=2, ceil_mode=True)
    assert_array_equal(pool.matrix().toarray(), [[0.5, 0.5]])


# -- max pooling -----------------------------------------------------------------------------------------------------


@given(max_pools(), seeds())
def test_max_pooling_selects_the_first_of_the_largest(pool, seed):
    x = integers(pool.input_shape, seed)
    expected, places = maximum(pool, x)
    assert pool.output_shape == expected.shape
    S = pool.matrix(x)
    assert_canonical(S)
    assert_array_equal(S.indices.reshape(pool.output_shape), places)
    assert_array_equal(np.diff(S.indptr), 1)
    assert_array_equal(pool.unvec(S @ pool.vec(x)), expected)
    assert (S.nnz, S.shape, S.data.dtype) == (pool.nnz, pool.matrix_shape, np.int64)
    assert pool.nbytes() == S.data.nbytes + S.indices.nbytes + S.indptr.nbytes


@given(max_pools())
def test_the_pattern_of_max_pooling_is_what_its_windows_see(pool):
    seen = np.zeros(pool.matrix_shape, dtype=bool)
    rows = np.arange(pool.matrix_shape[0]).reshape(pool.channels, -1)
    for row, window in enumerate(all_windows(pool)[1]):
        for cell in product(*window):
            if is_in(cell, pool.input_size):
                for c in range(pool.channels):
                    seen[rows[c, row], np.ravel_multi_index((c, *cell), pool.input_shape)] = True
    pattern = pool.pattern()
    assert_canonical(pattern)
    assert pattern.dtype == bool
    assert_array_equal(pattern.toarray(), seen)


def test_the_maximum_of_the_guide():
    """Dumoulin & Visin, figure 1.6."""
    pool = MaxPool(5, 3, stride=1)
    assert_array_equal(pool.matrix(GUIDE_X) @ pool.vec(GUIDE_X), [3, 3, 3, 3, 3, 3, 3, 2, 3])


def test_sizes_of_fully_convolutional_networks_are_rounded_up():
    """FCN-32s: an image of 500 pixels with a padding of 100 and five pools."""
    sizes = [698]
    for _ in range(5):
        sizes.append(MaxPool((sizes[-1],), 2, ceil_mode=True).output_size[0])
    assert sizes == [698, 349, 175, 88, 44, 22]


def test_unpooling_puts_values_back_and_adds_them_up_where_windows_share_their_largest():
    apart, overlapping = MaxPool((4,), 2), MaxPool((4,), 3, stride=1)
    x = [1, 5, 3, 2]
    assert_array_equal(apart.matrix(x).T @ [5, 3], [0, 5, 3, 0])
    assert_array_equal(overlapping.matrix(x).T @ [5, 5], [0, 10, 0, 0])


@pytest.mark.parametrize(
    ("x", "place"),
    [
        ([1, np.nan, 7], 1),
        ([np.nan, np.nan, 1], 0),
        ([-np.inf, -np.inf, -9], 2),
        ([-np.inf, -np.inf, -np.inf], 0),
        ([False, True, True], 1),
    ],
)
def test_what_is_largest_among_unusual_values(x, place):
    assert_array_equal(MaxPool((3,), 3).matrix(x).indices, [place])


@pytest.mark.parametrize("dtype", [bool, "int8", "float32", "complex64", ">f8"])
def test_a_selection_of_any_dtype(dtype):
    S = MaxPool((4,), 2).matrix([1, 2, 4, 3], dtype=dtype)
    assert S.dtype == np.dtype(dtype).newbyteorder("=")
    assert_array_equal(S.toarray(), [[0, 1, 0, 0], [0, 0, 1, 0]])
