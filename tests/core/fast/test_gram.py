"""The weight of C^H C: the matrix that is assembled of it against a product of matrices of the equation."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.core import equation
from convmatrix.core.errors import SumOverflowError
from convmatrix.core.fast.assembly import assemble
from convmatrix.core.fast.gram import gram_weight
from convmatrix.core.pattern import gram_pattern_of
from helpers import assert_canonical
from strategies import convs, integers, seeds, share


def gram(layer, weight):
    patterns = [gram_pattern_of(axis) for axis in layer.axes]
    return assemble(patterns, gram_weight(weight, patterns, layer.groups), layer.groups)


@share(0.4)
@given(layer=convs(), seed=seeds(), dtype=st.sampled_from((np.int64, np.float64, np.complex128, bool)))
def test_the_gram_matrix_is_the_product(layer, seed, dtype):
    weight = integers(layer.weight_shape, seed, dtype)
    C = equation.matrix(layer.axes, weight, layer.groups).toarray()
    G = gram(layer, weight)
    assert G.dtype == dtype
    assert_canonical(G)
    assert_array_equal(G.toarray(), (C.conj().T.astype(int) @ C.astype(int) > 0) if dtype is bool else C.conj().T @ C)


@share(0.4)
@given(layer=convs(), seed=seeds())
def test_its_weight_sums_the_products_of_pairs_of_taps(layer, seed):
    weight = integers(layer.weight_shape, seed)
    patterns = [gram_pattern_of(axis) for axis in layer.axes]
    out, channels, *kernel = weight.shape
    result = gram_weight(weight, patterns, layer.groups)
    symbols = [len(pattern.symbols) for pattern in patterns]
    assert result.shape == (layer.groups * channels, channels, *symbols)
    if not result.size:
        return
    rng = np.random.default_rng(seed)
    place = tuple(int(rng.integers(size)) for size in result.shape)
    group, row = divmod(place[0], channels)
    total = 0
    pairs = [pattern.symbols[symbol] for pattern, symbol in zip(patterns, place[2:], strict=True)]
    for choice in np.ndindex(*map(len, pairs)):
        taps = [divmod(axis[n], size) for axis, n, size in zip(pairs, choice, kernel, strict=True)]
        for channel in range(group * out // layer.groups, (group + 1) * out // layer.groups):
            first = weight[(channel, row, *(pair[0] for pair in taps))]
            second = weight[(channel, place[1], *(pair[1] for pair in taps))]
            total += int(first) * int(second)
    assert result[place] == total


def test_a_sum_of_products_that_overflows_is_refused():
    layer = Conv((5,), 2)
    weight = np.array([[[8, 8]]], np.int8)
    message = (
        "products of weights add up to 128 in C^T C, but int8 ends at 127: cast the weight with .astype('float64')"
    )
    with pytest.raises(SumOverflowError, match=f"^{re.escape(message)}$"):
        gram(layer, weight)
    assert gram(layer, np.array([[[8, 7]]], np.int8)).max() == 113


def test_where_no_window_reads_anything_there_are_no_entries():
    layer = Conv((2,), 1, padding=((5, -5),))
    assert gram(layer, np.ones((1, 1, 1), int)).nnz == 0
