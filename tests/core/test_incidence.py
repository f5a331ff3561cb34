"""Incidences of outputs and inputs, compared with plain loops over the table of the axis."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.core.axis import Axis
from convmatrix.core.incidence import border_reads, composed, inputs_read, outputs_reading
from strategies import convs, share


def reads(axis):
    """All reads of an axis as triples (output, input, tap)."""
    table = axis.table()
    return [
        (output, table[output, tap], tap)
        for output in range(axis.output_size)
        for tap in range(axis.kernel_size)
        if table[output, tap] >= 0
    ]


def triples(incidences):
    return sorted(zip(*(part.tolist() for part in incidences), strict=True))


def axes():
    return convs(ndims=(1,)).map(lambda layer: layer.axes[0])


def some(data, size):
    """Some numbers below a size, in order and without repetition."""
    return np.array(sorted(data.draw(st.sets(st.integers(0, size - 1)))), dtype=np.int64)


@share(0.4)
@given(axis=axes(), data=st.data())
def test_the_inputs_that_outputs_read_are_those_of_the_table(axis, data):
    outputs = some(data, axis.output_size)
    expected = [(row, i, tap) for row, output in enumerate(outputs) for o, i, tap in reads(axis) if o == output]
    result = inputs_read(axis, outputs)
    assert triples(result) == sorted(expected)
    assert (np.diff(result.row) >= 0).all()


@share(0.4)
@given(axis=axes(), data=st.data())
def test_the_outputs_that_read_inputs_are_those_of_the_table(axis, data):
    inputs = some(data, axis.input_size)
    expected = [(row, o, tap) for row, number in enumerate(inputs) for o, i, tap in reads(axis) if i == number]
    assert triples(outputs_reading(axis, inputs, border_reads(axis))) == sorted(expected)


@share(0.4)
@given(axis=axes())
def test_reads_at_the_border_are_those_beyond_the_ends(axis):
    positions = axis.positions(np.arange(axis.output_size))
    beyond = (positions < 0) | (positions >= axis.dilated_size)
    result = border_reads(axis)
    assert triples(result) == sorted((i, o, tap) for o, i, tap in reads(axis) if beyond[o, tap])
    assert (np.diff(result.row) >= 0).all()


@share(0.4)
@given(axis=axes())
def test_composed_incidences_are_pairs_of_taps_with_a_column_in_common(axis):
    outputs = np.arange(axis.output_size)
    border = border_reads(axis)
    result = composed(inputs_read(axis, outputs), lambda i: outputs_reading(axis, i, border), axis.kernel_size)
    expected = [(o, p, t * axis.kernel_size + u) for o, i, t in reads(axis) for p, j, u in reads(axis) if i == j]
    assert triples(result) == sorted(expected)


def test_taps_that_read_nothing_take_no_memory():
    axis = Axis(3, 10**9, before=10**9, after=10**9, dilation=2)
    result = inputs_read(axis, np.array([0, 10**9 - 1, 10**9]))
    half = 10**9 // 2
    assert triples(result) == [(0, 0, half), (0, 2, half + 1), (1, 1, 1), (2, 0, 0), (2, 2, 1)]


def test_residues_of_a_large_modulus_do_not_wrap_around():
    stride, dilation = 2**32 - 5, 2**32 - 17
    axis = Axis(2**34, 3, stride=stride, dilation=dilation, before=dilation)
    inputs = np.array([0, dilation, stride])
    expected = [
        (row, output, tap)
        for row, i in enumerate(inputs.tolist())
        for output in range(axis.output_size)
        for tap in range(3)
        if output * stride + tap * dilation - dilation == i
    ]
    assert triples(outputs_reading(axis, inputs, border_reads(axis))) == expected
    assert len(expected) == 3
    assert_array_equal(border_reads(axis).row, [])
