"""Small blocks, one for each frequency, are the whole matrix: its singular values, between the waves of both sides."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from circles import block_circulants, mirrors, mirrors_beside_patches, spread_patches
from convmatrix import Conv
from convmatrix.algebra.spectral.frequencies import Frequencies, ring_values, why_not_diagonalizable
from convmatrix.algebra.spectral.spectrum import singular_values
from strategies import convs, integers, seeds, share


def assert_is_the_matrix(layer, weight, seed):
    waves = Frequencies(layer, weight)
    C = layer.matrix(weight).toarray()
    values = np.linalg.svd(C, compute_uv=False)
    found = np.sort(np.linalg.svd(waves.blocks, compute_uv=False).ravel())[::-1]
    assert len(found) == len(values)
    assert_allclose(found, values, rtol=0, atol=1e-10 * max(values[0], 1e-300))
    few = ring_values(
        waves.forward, weight.astype(np.result_type(weight, np.float64)), waves.rings
    )  # of half of the blocks, or of one in place of many
    assert few.shape == values.shape
    assert_allclose(np.sort(few)[::-1], values, rtol=0, atol=1e-10 * max(values[0], 1e-300))
    x = np.random.default_rng(seed).standard_normal(layer.input_shape)
    seen = waves.analyse(x, "input")
    assert_allclose(np.linalg.norm(seen), np.linalg.norm(x))
    assert_allclose(waves.synthesise(seen, "input"), x, atol=1e-12)
    y = layer.unvec(C @ layer.vec(x))
    assert_allclose(np.linalg.norm(waves.analyse(y, "output")), np.linalg.norm(y), atol=1e-12)
    assert_allclose(waves.synthesise(waves.analyse(y, "output"), "output"), y, atol=1e-12 * max(values[0], 1))
    assert_allclose(
        waves.analyse(y, "output")[..., None], waves.blocks @ seen[..., None], atol=1e-10 * max(values[0], 1)
    )


@given(layer=block_circulants(), seed=seeds(), dtype=st.sampled_from((np.float64, np.complex128)))
def test_circular_blocks_are_the_matrix(layer, seed, dtype):
    assert_is_the_matrix(layer, integers(layer.weight_shape, seed, dtype), seed)


@share(0.4)
@given(drawn=mirrors(), seed=seeds())
def test_cosine_blocks_are_the_matrix(drawn, seed):
    assert_is_the_matrix(*drawn, seed)


@share(0.4)
@given(layer=spread_patches(), seed=seeds(), dtype=st.sampled_from((np.float64, np.complex128)))
def test_patches_of_a_spread_input_are_blocks(layer, seed, dtype):
    assert_is_the_matrix(layer, integers(layer.weight_shape, seed, dtype), seed)


@share(0.4)
@given(drawn=mirrors_beside_patches(), seed=seeds())
def test_cosines_of_one_axis_stand_beside_fourier_modes_of_the_other(drawn, seed):
    assert_is_the_matrix(*drawn, seed)


@share(0.4)
@given(layer=convs(), seed=seeds())
def test_every_layer_has_blocks_or_a_reason_against_them(layer, seed):
    weight = integers(layer.weight_shape, seed)
    reason = why_not_diagonalizable(layer, weight)
    if reason is None:
        assert_is_the_matrix(layer, weight, seed)
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
            Frequencies(layer, weight)


@share(0.4)
@given(layer=block_circulants(), seed=seeds())
def test_the_spectrum_has_the_values_of_all_blocks(layer, seed):
    weight = integers(layer.weight_shape, seed)
    known = singular_values(layer, weight)
    found = np.sort(np.linalg.svd(Frequencies(layer, weight).blocks, compute_uv=False).ravel())[::-1]
    assert known.method == "fft"
    assert_allclose(found, known.values, rtol=0, atol=1e-10 * max(known.values[0], 1e-300))


def test_what_does_not_fit_in_memory_is_refused():
    layer = Conv(4000, 3, padding=1, padding_mode="circular", in_channels=512, out_channels=512)
    message = (
        r"^the transform of 16000000 blocks, 4194304000000 numbers, needs 2\.5e\+05 GiB but .*: solve by method='lsmr'$"
    )
    with pytest.raises(MemoryError, match=message):
        Frequencies(layer, np.ones(layer.weight_shape)).blocks  # noqa: B018  the property makes them


@pytest.mark.parametrize(
    "layer",
    [
        Conv((5,), 3, padding=1, padding_mode="circular"),
        Conv((6, 7), 3, padding=1, padding_mode="circular", in_channels=2, out_channels=3),
        Conv((10, 4), 3, stride=(2, 1), padding=((1, 0), (1, 1)), padding_mode="circular", in_channels=2),
        Conv((2,), 5, padding=2, padding_mode="symmetric"),  # two taps in the middle of the ring of 4
        Conv((3, 2), 7, padding=3, padding_mode="symmetric", out_channels=2),  # more taps than the ring has places
        Conv((2,), 2, padding=2, dilation=4, padding_mode="symmetric"),
    ],
    ids=repr,
)
def test_conjugate_pairs_and_taps_that_meet_on_the_ring(layer):
    weight = integers(layer.weight_shape, 2)
    if layer.padding_mode == "symmetric":
        for axis in range(layer.ndim):
            weight = weight + np.flip(weight, 2 + axis)
    assert_is_the_matrix(layer, weight, 3)
    assert_is_the_matrix(layer.T, weight * (1 + 2j), 3)


def test_windows_that_tile_the_image_need_no_circle():
    for mode in ("zeros", "reflect", "circular"):
        layer = Conv(6, 2, stride=2, out_channels=4, padding_mode=mode)
        assert_is_the_matrix(layer, np.random.default_rng(0).standard_normal(layer.weight_shape), 1)
    assert_is_the_matrix(Conv((), (), in_channels=2, out_channels=3), np.arange(6).reshape(3, 2), 1)


def test_the_box_has_the_frequencies_of_a_box():
    # cos(2 pi f / 6) * 2 + 1 for f = 0 to 5, each axis for itself
    line = np.array([3, 2, 0, -1, 0, 2])
    waves = Frequencies(Conv(6, 3, padding=1, padding_mode="circular"), np.ones((1, 1, 3, 3)))
    assert_allclose(waves.blocks.ravel(), np.outer(line, line).ravel(), atol=1e-14)
    assert waves.name(7) == (1, 1)


@pytest.mark.parametrize("mode", ["circular", "symmetric"])
def test_differences_are_those_of_the_waves(mode):
    layer = Conv((4, 3), 3, padding=1, padding_mode=mode)
    waves = Frequencies(layer, np.ones((1, 1, 3, 3)))
    assert waves.mirrored == (mode == "symmetric")
    second = layer.matrix([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    x = np.random.default_rng(0).standard_normal(layer.input_shape)
    bent = waves.analyse(layer.unvec(second @ layer.vec(x)), "input")
    assert_allclose(bent, waves.analyse(x, "input") * waves.differences(), atol=1e-13)


REASONS = [
    (Conv(5, 3), "output_size 3 on axis 0 is not input_size 5 / stride 1 = 5"),
    (
        Conv(5, 3, stride=(1, 2), padding=1, padding_mode="circular"),
        "stride 2 does not divide input_size 5 on axis 1 (remainder 1)",
    ),
    (
        Conv((3,), 2, input_dilation=2),
        "input_dilation 2 with stride 1 on axis 0 makes 2 kinds of outputs, which read different taps",
    ),
    (
        Conv((4,), 3, padding=1, padding_mode="reflect"),
        "padding_mode 'reflect': beyond an end of axis 0, windows read inputs of that end again, not the other end",
    ),
    (
        Conv((4,), 3, stride=2, padding=1, padding_mode="symmetric"),
        "stride 2 on axis 0 with padding_mode 'symmetric' mixes its cosines",
    ),
    (
        Conv((4,), 3, padding=2, padding_mode="symmetric"),
        "output_size 6 on axis 0 is not input_size 4 / stride 1 = 4",
    ),
    (
        Conv((4,), 3, padding=((2, 0),), padding_mode="symmetric"),
        "padding (2, 0) on axis 0 with padding_mode 'symmetric' is off the centre",
    ),
    (
        Conv((4,), 3, padding=1, padding_mode="symmetric"),
        "padding_mode 'symmetric' needs a kernel that is its own mirror image, on axis 0 it is not",
    ),
]


@pytest.mark.parametrize(("layer", "reason"), REASONS, ids=[reason[:30] for _, reason in REASONS])
def test_the_reason_has_its_numbers(layer, reason):
    weight = np.arange(layer.kernel_size[0] ** layer.ndim).reshape(layer.weight_shape)
    assert why_not_diagonalizable(layer, weight) == reason
    assert why_not_diagonalizable(layer.T, weight) == reason
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        Frequencies(layer, weight)
