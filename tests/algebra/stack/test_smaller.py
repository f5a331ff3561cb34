"""A layer on a shorter input: its Gram matrices have the entries of the whole ones, no more and no fewer."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.algebra.stack.smaller import shortened
from strategies import MODES, integers, seeds, share

KERNELS = [[3], [3, -7], [3, -7, 5]]
PAIRS = 60
"""Most pairs of each product whose place is looked up: enough for all of a short axis but its middle."""


def products(conv, weight):
    """``C^T C`` and ``C C^T``, from the axes' tables."""
    C = conv.matrix(weight, method="equation")
    return (C.T @ C).toarray(), (C @ C.T).toarray()


def assert_same_entries(conv, weight):
    found = shortened(conv)
    whole, short = products(conv, weight), products(found.short, weight)
    for large, small, mapped in zip(whole, short, (found.inputs, found.outputs), strict=True):
        assert_array_equal(np.union1d(large, [0]), np.union1d(small, [0]))
        assert_array_equal(np.unique(large.diagonal()), np.unique(small.diagonal()))
        pairs = np.argwhere(small + np.eye(len(small), dtype=int))
        some = np.random.default_rng(0).permutation(len(pairs))[:PAIRS]
        for pair in map(tuple, pairs[some].tolist()):
            there = mapped(pair)
            assert large[there] == small[pair]
            assert (there[0] == there[1]) is (pair[0] == pair[1])
    return found


@pytest.mark.full
@pytest.mark.parametrize("mode", MODES)
def test_every_small_axis(mode):
    """All strides, dilations and pads of small kernels, on the first sizes that can be shortened."""
    seen = 0
    spreads = (1, 2, 3) if mode == "zeros" else (1,)
    for kernel, stride, dilation, spread, before, after in product(
        KERNELS, (1, 2, 3), (1, 2), spreads, (-3, 0, 4), (-2, 3)
    ):
        conv = Conv(
            (60,),
            len(kernel),
            stride=stride,
            dilation=dilation,
            input_dilation=spread,
            padding=((before, after),),
            padding_mode=mode,
        )
        (axis,) = conv.axes
        # A period more than the shortest, and two with another leftover.
        least = shortened(conv).short.input_size[0]
        for size in (least + axis.shift, least + 2 * axis.shift + 1):
            longer = replace(conv, input_size=(size,))
            found = assert_same_entries(longer, np.array([[kernel]]))
            seen += found.short != longer
    assert seen > 150


@share(0.1)
@given(
    data=st.data(),
    mode=st.sampled_from(MODES),
    groups=st.sampled_from((1, 2)),
    seed=seeds(),
)
def test_drawn_planes(data, mode, groups, seed):
    axes = [[data.draw(st.integers(*ends)) for ends in ((1, 2), (1, 2), (-1, 2), (-1, 2), (0, 3))] for _ in range(2)]
    conv = Conv(
        [9 + 3 * stride + before + slack for _, stride, before, _, slack in axes],
        [kernel for kernel, *_ in axes],
        stride=[stride for _, stride, *_ in axes],
        padding=[(before, after) for _, _, before, after, _ in axes],
        groups=groups,
        in_channels=groups,
        out_channels=2 * groups,
        padding_mode=mode,
    )
    assert_same_entries(conv, integers(conv.weight_shape, seed))


def test_what_is_short_stays_as_it_is():
    for conv in (Conv(4, 3), Conv((5,), 3, padding=9, padding_mode="reflect"), Conv((), ())):
        found = shortened(conv)
        assert found.short == conv
        assert found.inputs((0, 0)) == found.outputs((0, 0)) == (0, 0)


def test_a_long_axis_is_left_with_its_borders_and_three_spans():
    found = shortened(Conv((10**18,), 5, stride=2, padding=((1, 3),), dilation=3, padding_mode="symmetric"))
    assert 3 * 13 < found.short.input_size[0] < 3 * 13 + 2 * 13
    assert (found.whole.input_size[0] - found.short.input_size[0]) % 2 == 0
    last = found.short.matrix_shape[0] - 1
    assert found.outputs((last, last - 1)) == (5 * 10**17 - 5, 5 * 10**17 - 6)
    assert found.outputs((last, 0)) == (5 * 10**17 - 5, 0)


def test_the_example_of_the_module():
    found = shortened(Conv((100,), 3, padding=1))
    assert found.short == Conv((12,), 3, padding=1)
    assert [found.inputs((index, index))[0] for index in range(12)] == [0, 1, 2, *range(91, 100)]
    pairs = {(2, 3): (2, 3), (3, 2): (91, 90), (3, 0): (91, 0)}
    assert {pair: found.inputs(pair) for pair in pairs} == pairs
