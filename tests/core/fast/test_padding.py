"""A padded axis carries what the axis's table says, and its sums go back to the inputs that stand on it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.core.axis import Axis
from convmatrix.core.fast.padding import padded, padded_axis
from strategies import convs, integers, seeds


@st.composite
def parts_of_axes(draw):
    """An axis, and some of its outputs."""
    axis = draw(convs(ndims=(1,))).axes[0]
    start = draw(st.integers(0, axis.output_size - 1))
    return axis, start, draw(st.integers(start + 1, axis.output_size))


def windows_of(axis, count, taps, values):
    """Return the values of each window on a padded axis."""
    windows = np.arange(count)[:, None] * axis.stride + np.arange(taps) * axis.dilation
    return values[windows]


@example(part=(Axis(4, 2, input_dilation=3, before=1, after=1), 0, 11), seed=0)  # zeros between the inputs
@given(part=parts_of_axes(), seed=seeds())
def test_windows_on_the_padded_axis_read_what_the_table_has(part, seed):
    axis, start, stop = part
    x = integers(axis.input_size, seed) + 100
    positions = padded_axis(axis, start, stop)
    table = axis.table()[start:stop]
    expected = np.where(table < 0, 0, x[table])
    seen = positions.pad(np.stack([x, 2 * x]), 1)
    assert seen.shape == (2, positions.length)
    assert_array_equal(windows_of(positions, stop - start, axis.kernel_size, seen[0]), expected)
    assert_array_equal(seen[1], 2 * seen[0])
    assert_array_equal(padded(x, [positions]), seen[0])
    assert_array_equal(padded(np.multiply.outer(x, x), [positions, positions]), np.multiply.outer(seen[0], seen[0]))


@given(part=parts_of_axes(), seed=seeds())
def test_what_comes_back_is_the_transpose_of_what_is_read(part, seed):
    axis, start, stop = part
    positions = padded_axis(axis, start, stop)
    reads = positions.pad(np.eye(axis.input_size, dtype=int), 1)  # what each input contributes to each position
    values = integers(positions.length, seed)
    total = np.zeros(axis.input_size, dtype=int)
    for inputs, sums in positions.sums_by_input(np.stack([values, values]), 1):
        assert_array_equal(*sums)
        total[inputs] += sums[0]
    assert_array_equal(total, reads @ values)


@pytest.mark.parametrize(
    ("axis", "length"),
    [
        (Axis(10, 3, before=1, after=1), 12),
        (Axis(10**9, 2, dilation=10**8, stride=10**8), 18),  # the reads alone, not the gaps between them
        (Axis(3, 2, stride=10**6, before=10**7, after=10**7, mode="circular"), 42),
    ],
)
def test_gaps_are_not_padded(axis, length):
    positions = padded_axis(axis, 0, axis.output_size)
    assert positions.length == length


def test_an_interior_is_read_in_place():
    x = np.arange(20)
    positions = padded_axis(Axis(20, 3, before=5, after=5, mode="reflect"), 6, 10)
    assert positions.pad(x, 0).base is x
    assert padded(x, [positions]).base is x
    assert_array_equal(positions.pad(x, 0), x[1:7])
