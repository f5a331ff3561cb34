"""The operator norm, the three numbers that are taken for it, and the bound: where it holds, and that it does not."""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.algebra.spectral.norm_bounds import norm_bound, norms
from convmatrix.algebra.spectral.spectrum import operator_norm
from strategies import ONE_CHANNEL, convs, covers, layers, seeds, share

SOBEL = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]


def test_five_numbers_called_the_norm_of_sobel():
    found = norms(Conv(8, 3, padding=1), SOBEL)
    assert [round(estimate.value, 3) for estimate in found] == [7.291, 3.464, 8.000, 7.608]
    assert round(operator_norm(Conv(8, 3), SOBEL), 3) == 7.054
    assert operator_norm(Conv(8, 3, padding=1, padding_mode="circular"), SOBEL) == pytest.approx(8, abs=1e-12)
    assert norm_bound(Conv(8, 3, padding=1), SOBEL) == found.fft_bound.value
    assert norm_bound(Conv(8, 3), SOBEL) == found.fft_bound.value
    errors = [round(estimate.error, 3) for estimate in found]
    assert errors == [0, -0.525, 0.097, 0.044]
    assert [estimate.reason for estimate in found[1:]] == [
        "kernel as a matrix of 1 x 9",
        "circular on the grid 8 x 8",
        "circular on the grid 10 x 10",
    ]
    assert str(found).splitlines()[1:] == [
        "reshaped       3.464   -52.5%  kernel as a matrix of 1 x 9",
        "circular           8    +9.7%  circular on the grid 8 x 8",
        "fft bound      7.608    +4.4%  circular on the grid 10 x 10",
    ]


@given(layer=layers(modes=("zeros",)), seed=seeds())
@covers(without=("refl", "repl", "circ", "symm"))
def test_the_fft_bound_is_a_bound_with_zeros_beyond_the_border(layer, seed):
    weight = np.random.default_rng(seed).standard_normal(layer.weight_shape)
    norm = np.linalg.svd(layer.matrix(weight).toarray(), compute_uv=False)[0]
    assert norm_bound(layer, weight) >= norm * (1 - 1e-12)
    # And for every value: a part of a matrix has none that exceeds the whole one's of the same number.


@given(layer=convs(modes=("zeros",), ndims=(1, 2)), seed=seeds())
@share(0.3)
def test_c_is_a_part_of_the_circulant_on_the_larger_grid(layer, seed):
    """Row by row: what the bound's proof claims, for one channel and for any stride, padding, crop and dilation."""
    alone = replace(layer, **ONE_CHANNEL)
    kernel = np.random.default_rng(seed).integers(1, 10**6, alone.kernel_size)
    grid = [axis.dilated_size + axis.span - 1 for axis in alone.axes]
    ring = Conv(grid, alone.kernel_size, dilation=alone.dilation, padding="causal", padding_mode="circular")
    whole = ring.matrix(kernel).toarray().reshape(*grid, *grid)
    rows, cols = [], []
    for axis, size in zip(alone.axes, grid, strict=True):
        first = np.arange(axis.output_size) * axis.stride - axis.before  # position of each window's first tap
        touches = (first > -axis.span) & (first < axis.dilated_size)
        place = (first + axis.span - 1) % size  # as the ring's windows begin at -(span-1)
        assert len(set(place[touches])) == touches.sum()
        rows.append(np.where(touches, place, -1))
        cols.append(np.arange(axis.input_size) * axis.input_dilation)
    part = whole[np.ix_(*rows, *cols)]
    for axis, places in enumerate(rows):
        part[(slice(None),) * axis + (places < 0,)] = 0
    assert_array_equal(alone.matrix(kernel).toarray().reshape(part.shape), part)


def test_the_bound_is_close_for_a_large_input_and_far_with_stride():
    assert norm_bound(Conv(64, 3, padding=1), SOBEL) / operator_norm(Conv(64, 3, padding=1), SOBEL) < 1.003
    assert norm_bound(Conv(64, 3, padding=1), SOBEL) >= operator_norm(Conv(64, 3, padding=1), SOBEL)
    assert norm_bound(Conv(8, 3, stride=3), SOBEL) / operator_norm(Conv(8, 3, stride=3), SOBEL) > 2


@pytest.mark.parametrize(
    ("mode", "kernel"), [("reflect", [1, 1, 1]), ("replicate", [1, 0, 0]), ("symmetric", [0, 0, 1])]
)
def test_the_bound_is_refused_where_the_border_copies_inputs(mode, kernel):
    layer = Conv((5,), 3, padding=1, padding_mode=mode)
    reason = (
        f"padding_mode {mode!r} reads inputs again beyond the border, so C is no part of the circulant on the larger "
        "grid, and its norm may exceed that: use operator_norm"
    )
    with pytest.raises(ValueError) as refused:  # noqa: PT011  matched below, whole
        norm_bound(layer, kernel)
    assert str(refused.value) == reason
    estimate = norms(layer, kernel).fft_bound
    assert estimate == (None, None, reason)
    # It would be none: the norm does exceed it.
    assert operator_norm(layer, kernel) > norm_bound(Conv((5,), 3, padding=1), kernel) + 0.05


def test_the_bound_holds_for_any_mode_that_no_window_uses():
    layer = Conv(8, 3, padding_mode="reflect")
    assert norm_bound(layer, SOBEL) == norm_bound(Conv(8, 3), SOBEL)


def test_neither_of_the_other_two_is_a_bound():
    """The circular norm sees the frequencies of its own grid only: none is the fastest change where n is odd."""
    odd = norms(Conv((3,), 3, padding=1), [-1, 2, -1])
    assert odd.circular.value == pytest.approx(3)
    assert odd.operator.value == pytest.approx(2 + sqrt(2))
    assert odd.circular.error < 0
    assert odd.reshaped.error < 0
    few = norms(Conv((1,), 3, padding=1), [3, 1, 3])
    assert few.reshaped.value == pytest.approx(sqrt(19))
    assert few.operator.value == 1
    assert few.reshaped.error == pytest.approx(sqrt(19) - 1)


def test_norms_of_a_ring_agree():
    found = norms(Conv((6, 4), 3, stride=(1, 2), padding=((1, 1), (1, 0)), padding_mode="circular"), SOBEL)
    assert found.circular.value == found.operator.value
    assert found.circular.error == 0
    assert found.circular.reason == "circular on the grid 6 x 4"
    assert found.fft_bound.value is None


def test_the_circular_norm_keeps_the_stride_and_needs_it_to_divide():
    weight = np.random.default_rng(0).standard_normal((4, 2, 3, 3))
    kwargs = {"stride": 2, "in_channels": 2, "out_channels": 4}
    found = norms(Conv(6, 3, padding=1, **kwargs), weight)
    ring = Conv(6, 3, padding=((1, 0), (1, 0)), padding_mode="circular", **kwargs)
    assert found.circular.value == pytest.approx(operator_norm(ring, weight), rel=1e-12)
    found = norms(Conv((6, 7), 3, padding=1, **kwargs), weight)
    assert found.circular == (None, None, "stride 2 does not divide input_size 7 on axis 1")
    assert (
        str(found).splitlines()[2] == "circular           -           stride 2 does not divide input_size 7 on axis 1"
    )
    found = norms(Conv((6,), 3, padding=1, input_dilation=2), [1, 2, 3])
    assert found.circular == (None, None, "input_dilation 2 on axis 0 has no circular layer")
    assert found.fft_bound.reason == "circular on the grid 13"
    assert found.fft_bound.value == pytest.approx(6)


def test_a_transposed_layer_is_reshaped_by_its_own_channels():
    weight = np.random.default_rng(0).standard_normal((2, 3, 4, 4))
    up = ConvTranspose(5, 4, stride=2, padding=1, in_channels=2, out_channels=3)
    found = norms(up, weight)
    assert found.reshaped.value == pytest.approx(np.linalg.norm(np.moveaxis(weight, 1, 0).reshape(3, -1), 2))
    assert found.reshaped.reason == "kernel as a matrix of 3 x 32"
    assert found.operator.value == pytest.approx(operator_norm(up.T, weight))
    assert [found.circular, found.fft_bound] == [*norms(up.T, weight)[2:]] or found.circular.value == pytest.approx(
        norms(up.T, weight).circular.value
    )
    assert norms(up.T, weight).reshaped.reason == "kernel as a matrix of 2 x 48"
    assert norms(up.T, weight).reshaped.value == pytest.approx(np.linalg.norm(weight.reshape(2, -1), 2))


def test_norms_of_nothing():
    found = norms(Conv(4, 3, padding=1), np.zeros((3, 3)))
    assert [estimate[:2] for estimate in found] == [(0, 0)] * 4
    assert norms(Conv((1,), 3, padding=1), [1, 0, 1]).reshaped.error == inf


def test_progress_of_one_stage_after_the_other():
    calls = []
    ring = Conv(8, 3, padding=1, in_channels=2, out_channels=2)
    weight = np.random.default_rng(0).standard_normal(ring.weight_shape)
    norm_bound(ring, weight, progress=lambda *call: calls.append(call))
    assert calls == [(60, 60)]
    norms(ring, weight, progress=lambda *call: calls.append(call))
    assert calls[-2:] == [(40, 40), (60, 60)]


@pytest.mark.full
def test_a_number_that_does_not_fit_in_memory_is_none(monkeypatch):
    monkeypatch.setattr("convmatrix.core.memory.available_memory", lambda: 2**26)
    valid = Conv(32, 3, in_channels=64, out_channels=64)
    found = norms(valid, np.random.default_rng(0).standard_normal(valid.weight_shape))
    message = (
        "the transform of {} blocks needs {} GiB but 0.0625 GiB of memory is available: use extreme_singular_values "
        "with method='lanczos', or the layer on a smaller input"
    )
    assert found.circular == (None, None, message.format(1024, 0.0938))
    assert found.fft_bound == (None, None, message.format(1156, 0.106))
    assert found.operator.value > found.reshaped.value > 0


@pytest.mark.parametrize("function", [norm_bound, norms])
def test_what_is_no_weight_is_refused(function):
    for weight, error in [
        (np.ones(4), r"weight has shape \(4,\)"),
        (np.ones(3, dtype=bool), "dtype bool, whose matrix is a pattern without singular values"),
        (np.array([1, np.nan, 1]), r"^weight has nan at \(0, 0, 1\): nothing can be"),
    ]:
        with pytest.raises(ValueError, match=error):
            function(Conv((5,), 3, padding=1), weight)
