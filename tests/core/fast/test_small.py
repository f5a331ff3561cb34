"""Small matrices in one pass: their three arrays against the equation, however rows are copied and slots summed."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.core import equation
from convmatrix.core.axis import Axis
from convmatrix.core.fast import tuning
from convmatrix.core.fast.small import is_small, refill_small, write_small
from convmatrix.core.fast.table import row_counts, table_of
from convmatrix.core.fast.weights import extended_weight
from convmatrix.core.pattern import pattern_of, transposed_pattern_of
from strategies import convs, integers, seeds, share


def assert_arrays(layer, weight, arrays):
    """Compare data, indices and indptr with the equation, whose entries are in the same order once they are sorted."""
    expected = equation.matrix(layer.axes, weight, layer.groups)
    expected.sort_indices()
    data, indices, indptr = arrays
    assert (data.dtype, indices.dtype, indptr.dtype) == (weight.dtype, np.int32, np.int32)
    assert_array_equal(indptr, expected.indptr)
    assert_array_equal(indices, expected.indices)
    assert_array_equal(data, expected.data)


def prepared(layer, weight):
    patterns = [pattern_of(axis) for axis in layer.axes]
    return patterns, extended_weight(weight, patterns)


@share(0.4)
@given(layer=convs(), seed=seeds(), copied=st.sampled_from((0, 10**9)), summed=st.sampled_from((0, 1024, 10**9)))
def test_the_arrays_are_those_of_the_equation(layer, seed, copied, summed):
    weight = integers(layer.weight_shape, seed)
    with mock.patch.multiple(tuning, COPIED_ENTRIES=copied, COPIED_REPEATS=2, SHORT_SUM_SLOTS=summed):
        assert_arrays(layer, weight, write_small(*prepared(layer, weight), layer.groups))


LONG = [
    Conv((40, 30), 3, padding=1),
    Conv((40, 9), (5, 3), stride=(2, 1), padding=2, padding_mode="reflect", in_channels=4, out_channels=2, groups=2),
    Conv((90,), 3, padding=2, input_dilation=2, in_channels=2),
    Conv((30, 30), 3, padding=1, padding_mode="circular", out_channels=3),
    Conv((64, 7), (1, 7), padding=((3, 5), (0, 0))),
]


@pytest.mark.parametrize("layer", LONG, ids=repr)
@pytest.mark.parametrize("copied", [1, 128, 10**9])
def test_repetitions_that_are_copied_are_those_that_are_computed(layer, copied):
    weight = integers(layer.weight_shape, 1)
    with mock.patch.object(tuning, "COPIED_ENTRIES", copied):
        arrays = write_small(*prepared(layer, weight), layer.groups)
        assert_arrays(layer, weight, arrays)
        other = integers(layer.weight_shape, 2)
        patterns, extended = prepared(layer, other)
        refill_small(patterns, extended, arrays[0])
        assert_arrays(layer, other, arrays)


@given(layer=convs(), seed=seeds())
@share(0.5)
def test_the_arrays_share_no_memory_with_what_others_read(layer, seed):
    weight = integers(layer.weight_shape, seed)
    patterns, extended = prepared(layer, weight)
    for array in write_small(patterns, extended, layer.groups):
        array[:] = -1
    assert_arrays(layer, integers(layer.weight_shape, seed), write_small(patterns, extended, layer.groups))


def test_what_is_small():
    def small(layer):
        patterns = [pattern_of(axis) for axis in layer.axes]
        return is_small(patterns, *layer.weight_shape[:2], layer.matrix_shape[1])

    assert small(Conv((), (), ndim=0))
    assert small(Conv((28, 28), 5, padding=2, out_channels=6))
    assert not small(Conv((28, 28), 5, padding=2, out_channels=12))  # more than 200,000 entries
    assert small(Conv((200, 200), 1, padding=1))  # 40,000 entries: most rows are copied
    assert not small(Conv((1, 70_000), 1, padding=((0, 0), (40_000, 0))))  # more than 80,000 slots
    assert small(Conv((2**30,), 1, stride=2**29))
    assert not small(Conv((2**31,), 1, stride=2**30))  # columns that no 32 bits could add up


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pattern_of, transposed_pattern_of])
@share(0.4)
@given(axis=convs(ndims=(1,)).map(lambda layer: layer.axes[0]), widest=st.sampled_from((0, 2, 10**9)))
def test_a_table_has_the_entries_of_its_pattern(kind, axis, widest):
    pattern = kind(axis)
    pattern.results.clear()
    with mock.patch.object(tuning, "WIDEST_TABLE", widest):
        table = table_of(pattern)
    pattern.results.clear()
    has_entry = np.ones(table.columns.shape, dtype=bool) if table.empty is None else ~table.empty
    symbols = table.symbols
    if isinstance(symbols, slice):
        symbols = np.broadcast_to(np.arange(len(pattern.symbols))[symbols], table.columns.shape)
    rows, cols, expected = pattern.entries()
    assert_array_equal(np.nonzero(has_entry)[0], rows)
    assert_array_equal(table.columns[has_entry], cols)
    assert_array_equal(symbols[has_entry], expected)
    assert_array_equal(row_counts(pattern), has_entry.sum(axis=1))
    apart = table.columns_apart(7, -5)
    assert_array_equal(apart, np.where(has_entry, 7 * table.columns, -5))
    assert not apart.flags.writeable
    assert table.columns_apart(7, -5) is apart


def test_few_step_lengths_are_kept():
    table = table_of(pattern_of(Axis(11, 3, before=1)))
    first = table.columns_apart(1, -1)
    assert all(table.columns_apart(1, -1) is first for _ in range(3))
    for step in range(2, 2 + tuning.STEPS_KEPT):
        table.columns_apart(step, -1)
    assert table.columns_apart(1, -1) is not first
    assert_array_equal(table.columns_apart(1, -1), first)
