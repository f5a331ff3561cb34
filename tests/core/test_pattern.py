"""Patterns of an axis: their entries against plain loops over the table, and parts of them against the whole."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.core.axis import Axis
from convmatrix.core.pattern import (
    gram_pattern_of,
    pattern_of,
    transposed_gram_pattern_of,
    transposed_pattern_of,
    windows_of,
)
from strategies import convs, share

KINDS = (pattern_of, transposed_pattern_of, gram_pattern_of, transposed_gram_pattern_of)


@st.composite
def axes(draw, modes=("zeros", "reflect", "replicate", "circular", "symmetric")):
    """An axis, in half of the cases so long that its interior repeats."""
    axis = draw(convs(ndims=(1,), modes=modes)).axes[0]
    return replace(axis, input_size=axis.input_size + draw(st.sampled_from((0, 0, 7, 40))))


def expected_entries(kind, axis):
    """For each row and column the taps, or pairs of taps, that connect them: of a Gram matrix once for each window."""
    table, size = axis.table(), axis.kernel_size
    reads = [(o, table[o, t], t) for o in range(axis.output_size) for t in range(size) if table[o, t] >= 0]
    entries = defaultdict(list)
    for o, i, t in reads:
        if kind is pattern_of:
            entries[o, i].append(t)
        elif kind is transposed_pattern_of:
            entries[i, o].append(t)
        else:
            for p, j, u in reads:
                if kind is gram_pattern_of and p == o:
                    entries[i, j].append(t * size + u)
                elif kind is transposed_gram_pattern_of and j == i:
                    entries[o, p].append(t * size + u)
    return entries


def entries_of(pattern):
    return list(zip(*(part.tolist() for part in pattern.entries()), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@share(0.4)
@given(axis=axes())
def test_its_entries_are_those_of_the_table(kind, axis):
    pattern, expected = kind(axis), expected_entries(kind, axis)
    result = entries_of(pattern)
    assert [(row, col) for row, col, _ in result] == sorted(expected)
    for row, col, symbol in result:
        assert sorted(pattern.symbols[symbol]) == sorted(expected[row, col])
    shape = [axis.output_size, axis.input_size]
    rows, cols = {
        pattern_of: shape,
        transposed_pattern_of: shape[::-1],
        gram_pattern_of: [axis.input_size] * 2,
        transposed_gram_pattern_of: [axis.output_size] * 2,
    }[kind]
    assert (pattern.n_rows, pattern.n_cols, pattern.nnz) == (rows, cols, len(expected))


@pytest.mark.parametrize("kind", [pattern_of, transposed_pattern_of])
@share(0.4)
@given(axis=axes())
def test_single_taps_are_the_first_symbols(kind, axis):
    assert kind(axis).symbols[: axis.kernel_size] == tuple((tap,) for tap in range(axis.kernel_size))


@share(0.4)
@given(axis=axes(modes=("zeros",)))
def test_windows_are_the_pattern_without_its_taps(axis):
    rows, cols, symbols = windows_of(axis).entries()
    assert_array_equal(np.stack([rows, cols]), np.stack(pattern_of(axis).entries()[:2]))
    assert_array_equal(symbols, 0)


@pytest.mark.parametrize("kind", KINDS)
@share(0.4)
@given(axis=axes(), data=st.data())
def test_a_part_has_the_rows_of_the_whole(kind, axis, data):
    pattern = kind(axis)
    start = data.draw(st.integers(0, pattern.n_rows))
    stop = data.draw(st.integers(start, pattern.n_rows))
    part = pattern.part(start, stop)
    assert part.n_rows == stop - start
    assert entries_of(part) == [(row - start, col, s) for row, col, s in entries_of(pattern) if start <= row < stop]


@pytest.mark.parametrize("kind", KINDS)
@share(0.4)
@given(axis=axes())
def test_sums_and_counts_are_those_of_its_entries(kind, axis):
    pattern = kind(axis)
    entries = entries_of(pattern)
    assert pattern.column_sum == sum(col for _, col, _ in entries)
    assert pattern.stored_symbols.tolist() == sorted({symbol for _, _, symbol in entries})
    by_row = np.zeros((pattern.n_rows, len(pattern.symbols)), dtype=int)
    by_col = np.zeros((pattern.n_cols, len(pattern.symbols)), dtype=int)
    for row, col, symbol in entries:
        by_row[row, symbol] += 1
        by_col[col, symbol] += 1
    assert_array_equal(pattern.symbol_counts()[0], by_row)
    assert_array_equal(pattern.symbol_counts()[1], by_col)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
def test_an_interior_is_written_out_once(kind, mode):
    axis = Axis(10**7, 5, stride=2, before=2, after=2, mode=mode)
    pattern = kind(axis)
    assert pattern.repeats > 4 * 10**6
    assert sum(len(rows.cols) for rows, _ in pattern.parts) < 200


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_of_short_axes_are_remembered(kind):
    axis, long = Axis(50, 3, before=1, after=1), Axis(10**6, 3)
    assert kind(axis) is kind(replace(axis))
    assert kind(long) is not kind(long)
