"""Blocks and runs: what they write or stand for, one repetition after the other, in plain loops."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.core.axis import Axis
from convmatrix.core.fast.blocks import CopiedBlock, Place, ShiftedBlock
from convmatrix.core.fast.runs import Run, runs_of
from convmatrix.core.pattern import pattern_of, transposed_pattern_of
from strategies import convs, integers, seeds, share

places = st.builds(
    lambda start, offset, length, after, repeats: (Place(start, offset, offset + length + after, repeats), length),
    *(st.integers(0, 3), st.sampled_from((0, 0, 2)), st.integers(1, 4), st.sampled_from((0, 0, 1)), st.integers(1, 9)),
)


def written(block, entries, place, length, channels, unrolled):
    out = np.full((channels, place.start + place.repeats * place.period + 2), -1)
    for part in block.unrolled(entries) if unrolled else (block,):
        part.write(out)
    return out


@share(0.4)
@given(where=places, seed=seeds(), entries=st.integers(1, 20), unrolled=st.booleans())
def test_copied_blocks_write_the_same_each_time(where, seed, entries, unrolled):
    place, length = where
    cells = integers((2, length), seed)
    expected = np.full((2, place.start + place.repeats * place.period + 2), -1)
    for number in range(place.repeats):
        begin = place.start + place.offset + number * place.period
        expected[:, begin : begin + length] = cells
    block = CopiedBlock(cells, place)
    assert_array_equal(written(block, entries, place, length, 2, unrolled), expected)
    second = block.of_channels(slice(1, 2))
    assert_array_equal(written(second, entries, place, length, 1, unrolled), expected[1:])


@share(0.4)
@given(where=places, seed=seeds(), entries=st.integers(1, 20), unrolled=st.booleans(), shift=st.integers(0, 50))
def test_shifted_blocks_move_on_each_time(where, seed, entries, unrolled, shift):
    place, length = where
    cells, first = integers((1, length), seed), np.array([100, 2000])
    expected = np.full((2, place.start + place.repeats * place.period + 2), -1)
    for number in range(place.repeats):
        begin = place.start + place.offset + number * place.period
        expected[:, begin : begin + length] = cells + number * shift + first[:, None]
    out = np.full_like(expected, -1)
    block = ShiftedBlock(cells, place, shift)
    for part in block.unrolled(entries) if unrolled else (block,):
        part.moved_on(first[:, None, None]).write(out)
    assert_array_equal(out, expected)
    alone = np.full_like(expected[1:], -1)
    block.moved_on(first[:, None, None]).of_channels(slice(1, 2)).write(alone)
    assert_array_equal(alone, expected[1:])


@pytest.mark.parametrize("kind", [pattern_of, transposed_pattern_of])
@example(axis=Axis(5, 1, before=4, mode="reflect"))  # columns that a mirror counts down to 0
@given(axis=convs(ndims=(1,)).map(lambda layer: layer.axes[0]))
def test_runs_are_all_entries_once(kind, axis):
    pattern = kind(axis)
    result = []
    for symbol, run in runs_of(pattern):
        assert isinstance(run, Run)
        result += [(run.row + j * run.row_step, run.col + j * run.col_step, symbol) for j in range(run.length)]
        for numbers, step, size, stretch in (
            (run.row, run.row_step, pattern.n_rows, run.row_slice()),
            (run.col, run.col_step, pattern.n_cols, run.col_slice()),
        ):
            expected = [numbers + j * step for j in range(run.length if step else 1)]
            assert list(range(size))[stretch] == expected
    assert sorted(result) == sorted(zip(*(part.tolist() for part in pattern.entries()), strict=True))
    assert runs_of(pattern) is runs_of(pattern)
