"""One axis against brute force: the table is NumPy's padding and sliding window, the counts are counted."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal

from convmatrix.core.axis import Axis, input_sizes, named_padding, split_same
from convmatrix.core.counting import axis_nnz
from strategies import MODES, convs, covers, layers, share

NUMPY_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
    "symmetric": "symmetric",
}


def table_by_numpy(axis):
    """Spread, pad and crop the indices 1, 2, ... as data would be, slide the window over them; 0 is a zero."""
    dilated = np.zeros(axis.dilated_size, dtype=int)
    dilated[:: axis.input_dilation] = np.arange(1, axis.input_size + 1)
    pads = (max(axis.before, 0), max(axis.after, 0))
    padded = np.pad(dilated, pads, mode=NUMPY_MODES[axis.mode])
    padded = padded[max(-axis.before, 0) : len(padded) - max(-axis.after, 0)]
    return sliding_window_view(padded, axis.span)[:: axis.stride, :: axis.dilation] - 1


def distinct_reads(table):
    return sum(len(set(row) - {-1}) for row in table.tolist())


@given(layer=layers())
@covers()
def test_the_table_is_that_of_numpys_padding_and_window(layer):
    for axis in layer.axes:
        table = table_by_numpy(axis)
        assert_array_equal(axis.table(), table)
        assert axis.output_size == len(table)
        assert axis_nnz(axis) == distinct_reads(table)


@given(layer=convs(ndims=(1,)))
@covers(without=("2-D", "3-D"))
def test_sizes_are_numbers_of_windows(layer):
    (axis,) = layer.axes
    inputs = range(0, axis.input_size * axis.input_dilation, axis.input_dilation)
    starts = range(0, axis.padded_size - axis.span + 1, axis.stride)
    assert axis.dilated_size == inputs[-1] + 1
    assert axis.output_size == len(starts)
    assert axis.leftover == axis.padded_size - (starts[-1] + axis.span)


@given(layer=layers())
@covers()
def test_input_sizes_are_all_sizes_with_this_output(layer):
    for axis in layer.axes:
        pads = axis.before + axis.after
        result = []
        for size in range(1, axis.input_size + axis.stride + 2):
            padded = (size - 1) * axis.input_dilation + 1 + pads
            if padded >= axis.span and (padded - axis.span) // axis.stride + 1 == axis.output_size:
                result.append(size)
        assert list(axis.input_sizes()) == result
        assert axis.input_size in result


def test_input_sizes_are_none_where_input_dilation_leaves_none():
    assert list(input_sizes(outputs=2, span=1, stride=1, pads=0, input_dilation=3)) == []
    assert list(input_sizes(outputs=1, span=1, stride=1, pads=5, input_dilation=1)) == []


@given(layer=layers())
@covers()
def test_the_interior_of_outputs_reads_inputs_where_they_stand(layer):
    for axis in layer.axes:
        lo, hi = axis.interior_outputs()
        inside = [
            o
            for o, start in enumerate(range(-axis.before, axis.output_size * axis.stride - axis.before, axis.stride))
            if start >= 0 and start + axis.span <= axis.dilated_size
        ]
        assert (lo, hi) == ((inside[0], inside[-1] + 1) if inside else (axis.output_size, axis.output_size))
        table = axis.table()
        for o in range(lo, hi - axis.period):
            assert_array_equal(table[o + axis.period], np.where(table[o] < 0, -1, table[o] + axis.shift))


@given(layer=layers())
@covers()
def test_the_interior_of_inputs_is_read_only_where_it_stands(layer):
    for axis in layer.axes:
        lo, hi = axis.interior_inputs()
        assert 0 <= lo <= hi <= axis.input_size
        readers = [set() for _ in range(axis.input_size)]
        for (o, tap), source in np.ndenumerate(table_by_numpy(axis)):
            if source >= 0:
                readers[source].add((o, tap))
        for i in range(lo, hi):
            places = [i * axis.input_dilation + axis.before - tap * axis.dilation for tap in range(axis.kernel_size)]
            assert readers[i] == {(p // axis.stride, tap) for tap, p in enumerate(places) if p % axis.stride == 0}
        for i in range(lo, hi - axis.shift):
            assert readers[i + axis.shift] == {(o + axis.period, tap) for o, tap in readers[i]}


@pytest.mark.parametrize("mode", MODES)
def test_the_interior_of_a_long_axis_is_all_but_the_borders(mode):
    axis = Axis(1000, 5, stride=2, before=3, after=4, dilation=2, mode=mode)
    for (lo, hi), size in ((axis.interior_outputs(), axis.output_size), (axis.interior_inputs(), axis.input_size)):
        assert 0 < lo < 20
        assert size - 20 < hi < size


@pytest.mark.parametrize("mode", MODES)
@given(data=st.data())
@share(0.4)
def test_nnz_where_pads_and_kernels_are_many_times_the_input(mode, data):
    n, kernel, stride, dilation = (data.draw(st.integers(1, most)) for most in (6, 20, 9, 12))
    spread = data.draw(st.integers(1, 9)) if mode == "zeros" else 1
    before, outputs = data.draw(st.integers(-20, 40)), data.draw(st.integers(1, 30))
    covered = (outputs - 1) * stride + dilation * (kernel - 1) + 1
    axis = Axis(n, kernel, stride, before, covered - before - (n - 1) * spread - 1, dilation, spread, mode)
    table = table_by_numpy(axis)
    assert_array_equal(axis.table(), table)
    assert axis_nnz(axis) == distinct_reads(table)


@pytest.mark.parametrize("mode", MODES)
def test_nnz_of_every_small_axis(mode):
    """All sizes to 6, kernels to 4, strides and dilations to 3, crops, and pads larger than the input."""
    outputs = (1, 2, 3, 7)
    spreads = (1, 2, 3, 4) if mode == "zeros" else (1,)
    for n, spread in product(range(1, 7), spreads):
        dilated = np.zeros((n - 1) * spread + 1, dtype=int)
        dilated[::spread] = np.arange(1, n + 1)
        far = np.pad(dilated, 40, mode=NUMPY_MODES[mode]).tolist()
        for kernel, stride, dilation, before in product((1, 2, 3, 4), (1, 2, 3), (1, 2, 3), (-4, -1, 0, 1, 3, 8)):
            reads = [len({far[40 - before + o * stride + t * dilation] for t in range(kernel)} - {0}) for o in range(7)]
            for count in outputs:
                after = (count - 1) * stride + dilation * (kernel - 1) + 1 - before - len(dilated)
                axis = Axis(n, kernel, stride, before, after, dilation, spread, mode)
                assert axis.output_size == count
                assert axis_nnz(axis) == sum(reads[:count]), axis


def test_nnz_of_what_no_loop_can_count():
    # Of three taps on a mirror, the outer two read the same; here there are two mirrors, and one at each end more.
    for n in (10, 10**9, 10**30):
        assert axis_nnz(Axis(n, 3, before=n // 2, after=n // 2, mode="reflect")) == 3 * (2 * n - 2) - 2
        assert axis_nnz(Axis(n, 3, before=n, after=n, mode="reflect")) == 3 * (3 * n - 2) - 4
        # With its centre between the two copies of an end, no window lies; beside them, two of its taps meet.
        assert axis_nnz(Axis(n, 3, before=n // 2, after=n // 2, mode="symmetric")) == 3 * (2 * n - 2) - 4
        # A window as long as the input, at every place beside it: either it or its image reaches farther.
        m = n // 2
        assert axis_nnz(Axis(n, n, before=n - 1, after=n - 1, mode="reflect")) == 2 * m * (3 * m + 1) - n
        # Whatever the period, taps 0, 1 and 2 reach the first four inputs, the inner three, and the last four.
        assert axis_nnz(Axis(5, 3, input_dilation=n)) == 11
        # A stride less by one: the first three windows meet an input, each with its next tap.
        assert axis_nnz(Axis(5, 3, stride=n - 1, input_dilation=n)) == 3


def test_the_table_of_the_smallest_padded_case():
    assert_array_equal(Axis(4, 3, before=1, after=1).table(), [[-1, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, -1]])


@pytest.mark.parametrize(
    ("mode", "extended"),
    [
        ("zeros", [-1, -1, -1, -1, 0, 1, 2, -1, -1, -1, -1]),
        ("reflect", [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]),
        ("replicate", [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]),
        ("circular", [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]),
        ("symmetric", [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]),
    ],
)
def test_a_border_mode_extends_the_axis_endlessly(mode, extended):
    axis = Axis(3, 1, before=4, after=4, mode=mode)
    assert_array_equal(axis.table().ravel(), extended)
    assert_array_equal(axis.extend(np.arange(-4, 7)), extended)


@pytest.mark.parametrize("mode", MODES)
def test_a_negative_pad_crops_what_the_mode_has_extended(mode):
    whole = Axis(4, 1, before=6, after=6, mode=mode).table()
    assert_array_equal(Axis(4, 1, before=-2, after=6, mode=mode).table(), whole[8:])
    assert_array_equal(Axis(4, 1, before=6, after=-3, mode=mode).table(), whole[:-9])
    assert_array_equal(Axis(4, 1, before=-5, after=6, mode=mode).table(), whole[11:])  # nothing but extension


@pytest.mark.parametrize(
    ("name", "pads"),
    [
        ("valid", [(0, 0)] * 6),
        ("full", [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]),
        ("half", [(0, 0), (1, 1), (1, 1), (2, 2), (2, 2), (3, 3)]),
        ("causal", [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]),
        ("same", [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3)]),
        ("same_lower", [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)]),
    ],
)
def test_a_name_is_numbers_for_each_span(name, pads):
    assert [named_padding(name, span, 1, 20) for span in range(1, 7)] == pads


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [
        (224, 7, 2, (2, 3)),
        (224, 3, 2, (0, 1)),
        (6, 3, 2, (0, 1)),
        (5, 3, 2, (1, 1)),
        (7, 1, 3, (0, 0)),
        (3, 2, 5, (0, 0)),
    ],
)
def test_same_with_a_stride_is_tensorflows(size, kernel, stride, pads):
    assert named_padding("same", kernel, stride, size) == pads
    assert named_padding("same_lower", kernel, stride, size) == pads[::-1]


@given(span=st.integers(1, 12), stride=st.integers(1, 6), size=st.integers(1, 20))
def test_same_gives_the_ceiling_with_as_little_padding_as_possible(span, stride, size):
    before, after = named_padding("same", span, stride, size)
    outputs = len(range(0, size, stride))
    assert (size + before + after - span) // stride + 1 == outputs
    assert 0 <= after - before <= 1
    if before + after:
        assert (size + before + after - 1 - span) // stride + 1 < outputs
    assert named_padding("same_lower", span, stride, size) == (after, before)


def test_split_same_puts_the_odd_element_last_or_first():
    assert [split_same(total, lower=False) for total in range(5)] == [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]
    assert [split_same(total, lower=True) for total in range(5)] == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]
