"""The pattern of a convolution: the places that plain loops reach, whatever the weight."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, Unfold
from convmatrix.core import memory
from convmatrix.core.channels import channels_last
from helpers import assert_canonical, dense
from strategies import integers, layers, seeds, share


@share(0.5)
@given(layer=layers(), seed=seeds(), data=st.data())
def test_it_is_where_plain_loops_read(layer, seed, data):
    reads = dense(layer, np.ones(layer.weight_shape, dtype=np.int64)) != 0
    pattern = layer.pattern()
    assert_canonical(pattern)
    assert pattern.dtype == bool
    assert pattern.data.all()
    assert_array_equal(pattern.toarray(), reads)
    assert pattern.nnz == layer.nnz
    matrix = layer.matrix(integers(layer.weight_shape, seed))
    assert_array_equal(matrix.indices, pattern.indices)
    assert_array_equal(matrix.indptr, pattern.indptr)
    ends = st.integers(0, len(reads))
    start, stop = sorted((data.draw(ends), data.draw(ends)))
    assert_array_equal(layer.pattern(rows=slice(start, stop)).toarray(), reads[start:stop])
    assert_array_equal(layer.T.pattern().toarray(), reads.T)


@share(0.2)
@given(layer=layers())
def test_channels_last(layer):
    permuted = channels_last(layer.pattern(), layer.output_shape, layer.input_shape)
    result = layer.pattern(channels_last=True)
    assert_array_equal(result.toarray(), permuted.toarray())
    assert result.dtype == bool


def test_taps_that_meet_are_one_entry():
    layer = Conv((2,), 5, padding=2, padding_mode="circular")
    assert_array_equal(layer.pattern().toarray(), np.ones((2, 2), dtype=bool))
    assert layer.pattern().nnz == 4


@pytest.mark.parametrize("pool", [AvgPool((6, 7), 3, stride=2, padding=1), MaxPool((6, 7), 3, stride=2, padding=1)])
def test_a_pool_has_the_pattern_of_its_windows_under_the_same_name(pool):
    windows = Conv(pool.input_size, 3, stride=2, padding=1)
    assert_array_equal(pool.pattern().toarray(), windows.pattern().toarray())


def test_an_unfolding_has_another_pattern():
    assert Unfold(4, 3).pattern().shape != Conv(4, 3).pattern().shape


@pytest.mark.parametrize("layer", [Conv(4, 3), ConvTranspose(2, 3)])
def test_wrong_options(layer):
    message = f"rows={slice(0, 2)} cannot stand beside channels_last=True"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        layer.pattern(rows=slice(0, 2), channels_last=True)
    with pytest.raises(
        TypeError, match=r"^rows is 3 but has to be a slice of consecutive rows, such as slice\(0, 100\)$"
    ):
        layer.pattern(rows=3)


def test_one_that_does_not_fit_in_memory_is_refused_before_anything_is_built(monkeypatch):
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    with pytest.raises(MemoryError, match=r"^the matrix of [0-9.e+]+ x [0-9.e+]+ with "):
        Conv(2**20, 3).pattern()
