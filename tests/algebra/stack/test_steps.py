"""One axis of one layer: where its rows repeat, and that windows and periods say the same."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.steps import Window, joint_period, steps_of
from convmatrix.layers import AvgPool, Conv, ConvTranspose, Upsample
from stacks import stacks
from strategies import share


def shifted(row, by):
    """A row of taps as a set, moved on."""
    return {(int(i) + by, int(row[i])) for i in np.flatnonzero(row)}


@given(network=stacks(most=1, ndims=(1,), sizes=(1, 14)))
def test_rows_of_the_interior_repeat(network):
    ((step,),) = network.steps
    period, shift = step.period
    rows = step.taps.toarray()
    assert rows.shape == (*network.output_size, *network.input_size)
    assert 0 <= step.interior.start <= step.interior.stop <= len(rows) or not step.interior
    for o in step.interior:
        if o + period in step.interior:
            assert shifted(rows[o], shift) == shifted(rows[o + period], 0)


@share(0.6)
@given(network=stacks(most=1, ndims=(1,), sizes=(1, 14), modes=("zeros",)))
def test_outside_of_the_interior_a_border_is_in_the_window(network):
    # The positive control: where no border is near, outputs do belong to the interior.
    ((step,),) = network.steps
    inputs = step.taps.shape[1]
    for o in range(step.taps.shape[0]):
        first, last = step.window.at(o)
        if first > 0 and last < inputs - 1:
            assert o in step.interior


@share(0.6)
@given(network=stacks(ndims=(1, 2)))
def test_windows_move_on_as_periods_say(network):
    for window, (outputs, inputs) in zip(network.windows, network.periods, strict=True):
        assert window.stride == Fraction(inputs, outputs)


@pytest.mark.parametrize(
    ("layers", "period"),
    [
        ([ConvTranspose((4,), 2, stride=2), Conv((8,), 2, stride=2)], (1, 1)),
        ([Conv((8,), 2, stride=2), ConvTranspose((4,), 2, stride=2)], (2, 2)),
        ([Upsample((4,), scale=1.5, mode="linear"), AvgPool((6,), 2)], (3, 4)),
        ([ConvTranspose((4,), 3, stride=3), ConvTranspose((12,), 2, stride=2)], (6, 1)),
        ([Conv((9,), 1, stride=2, input_dilation=3)], (3, 2)),
    ],
)
def test_periods(layers, period):
    assert Network(layers).periods == (period,)


def test_joint_period_is_the_smallest():
    assert joint_period((2, 1), (1, 4)) == (1, 2)
    assert joint_period((4, 3), (5, 6)) == (10, 9)


def test_windows_of_transposed_layers():
    window = Window(Fraction(2), Fraction(-1), Fraction(1))
    assert (Fraction(1, 2), Fraction(-1, 2), Fraction(1, 2)) == window.T
    assert window == window.T.T
    assert (window.size, window.centre, window.at(3)) == (3, 0, (5, 7))


def test_transposes_of_transposes_are_the_layers():
    pool = AvgPool((6,), 3, stride=2)
    assert steps_of(pool.T.T) == steps_of(pool)
    assert steps_of(Conv((6,), 3, stride=2).T)[0].window == steps_of(pool.T)[0].window
    up = Upsample((4,), scale=2, mode="linear")
    assert steps_of(up.T)[0].window == steps_of(up)[0].window.T
    assert steps_of(up.T)[0].period == (1, 2)
