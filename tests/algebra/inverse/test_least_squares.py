"""Deconvolution against dense least squares, honest about what it lost, and on a real photograph."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from circles import block_circulants, mirrors, mirrors_beside_patches, spread_patches
from convmatrix import Conv, ConvTranspose
from convmatrix.algebra.inverse import least_squares as solve
from convmatrix.algebra.inverse.least_squares import deconvolve
from convmatrix.layers import WeightedLayer
from photograph import BLUR, GRID, best, camera, photograph, psnr
from strategies import covers, integers, layers, seeds, share

BOX = np.ones((3, 3)) / 9


def differences(layer, penalty):
    """The penalty's matrix from its definition, all channels and axes: what wraps around wraps, all else ends."""
    size, circular = layer.input_size, layer.padding_mode == "circular"
    cells = np.arange(np.prod(size, dtype=int)).reshape(size)
    pairs = []
    for axis in range(layer.ndim):
        after = np.roll(cells, -1, axis)
        keep = np.arange(size[axis]) < (size[axis] if circular else size[axis] - 1)
        pairs.append(np.stack([cells.compress(keep, axis).ravel(), after.compress(keep, axis).ravel()]))
    here, there = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), dtype=int)
    first = np.zeros((len(here), cells.size))
    np.add.at(first, (np.arange(len(here)), here), -1)
    np.add.at(first, (np.arange(len(here)), there), 1)
    one = {"identity": np.eye(cells.size), "gradient": first, "laplacian": first.T @ first}[penalty]
    return np.kron(np.eye(layer.in_channels), one)


def by_least_squares(layer, weight, y, damping=0.0, penalty="identity"):
    """The same by dense least squares; the singular values too, one for each column."""
    A = layer.matrix(weight).toarray()
    if damping:
        A = np.concatenate([A, np.sqrt(damping) * differences(layer, penalty)])
    right = np.concatenate([y.ravel(), np.zeros(len(A) - y.size)])
    values = np.zeros(A.shape[1])
    values[: min(A.shape)] = np.linalg.svd(A, compute_uv=False)
    return np.linalg.lstsq(A, right, rcond=None)[0].reshape(layer.input_shape), values


def noise(shape, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(shape)
    return y + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else y


# -- against dense least squares -------------------------------------------------------------------------------------

DTYPES = st.sampled_from((np.float64, np.complex128))
PENALTIES = st.sampled_from(("identity", "gradient", "laplacian"))


@share(0.6)
@given(layer=layers(), seed=seeds(), dtype=DTYPES, method=st.sampled_from(("lsmr", "lsqr")))
@covers()
def test_damped_iteration_is_least_squares(layer, seed, dtype, method):
    weight, y = integers(layer.weight_shape, seed, dtype), noise(layer.output_shape, seed, dtype)
    found = deconvolve(layer, weight, y, method=method, damping=2.0, tolerance=1e-12)
    wanted, _ = by_least_squares(layer, weight, y, 2.0)
    assert found.converged
    assert_allclose(found.x, wanted, atol=1e-7)
    residual = np.linalg.norm(layer.matrix(weight) @ found.x.ravel() - y.ravel())
    assert_allclose(found.residual, residual, atol=1e-9)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "symmetric", "circular"])
@pytest.mark.parametrize("size", [(4,), (1,), (3, 4), (1, 3), (2, 2, 3)])
def test_the_penalties_are_differences_of_each_channel(mode, size):
    layer = Conv(size, 1, in_channels=2, padding_mode=mode)
    for penalty in ("gradient", "laplacian"):
        wanted = differences(layer, penalty)
        parts = [part.matmat(np.eye(wanted.shape[1])) for part in solve._penalties(layer, penalty)]
        found = np.concatenate([np.zeros_like(wanted[:0]), *parts])
        assert_allclose(found.T @ found, wanted.T @ wanted, atol=1e-12)


@share(0.2)
@given(layer=layers(ndims=(1, 2, 3)), seed=seeds(), penalty=PENALTIES)
@covers()
def test_every_penalty_matches_its_name(layer, seed, penalty):
    weight, y = integers(layer.weight_shape, seed), noise(layer.output_shape, seed)
    D, C = differences(layer, penalty), layer.matrix(weight)

    def cost(x):
        return np.linalg.norm(C @ x.ravel() - y.ravel()) ** 2 + 3 * np.linalg.norm(D @ x.ravel()) ** 2

    found = deconvolve(layer, weight, y, damping=3.0, penalty=penalty, tolerance=1e-10)
    least = cost(by_least_squares(layer, weight, y, 3.0, penalty)[0])
    assert found.converged
    assert cost(found.x) <= least + 1e-7 * np.linalg.norm(y) ** 2


@share(0.3)
@given(layer=layers(), seed=seeds(), method=st.sampled_from(("lsmr", "lsqr")))
@covers()
def test_plain_iteration_is_the_pseudo_inverse_where_that_is_well_conditioned(layer, seed, method):
    weight, y = integers(layer.weight_shape, seed), noise(layer.output_shape, seed)
    wanted, values = by_least_squares(layer, weight, y)
    kept = values[values > values[0] * 1e-12]
    if not len(kept) or kept[-1] < 1e-3 * kept[0]:
        wanted = None  # only that it says what it did
    found = deconvolve(layer, weight, y, method=method, tolerance=1e-13)
    assert found.converged or found.reason in ("out of iterations", "the condition is beyond machine precision")
    if wanted is not None:
        assert_allclose(found.x, wanted, atol=1e-6 * max(np.abs(wanted).max(), 1))


@share(0.6)
@given(layer=block_circulants(), seed=seeds(), dtype=DTYPES, penalty=PENALTIES)
def test_damped_fft_is_least_squares(layer, seed, dtype, penalty):
    assert_fft_is_least_squares(layer, integers(layer.weight_shape, seed, dtype), seed, dtype, penalty)


@share(0.4)
@given(drawn=mirrors(), seed=seeds(), dtype=DTYPES, penalty=PENALTIES)
def test_damped_cosines_are_least_squares(drawn, seed, dtype, penalty):
    assert_fft_is_least_squares(*drawn, seed, dtype, penalty)


@pytest.mark.parametrize("penalty", ["identity", "gradient", "laplacian"])
def test_a_symmetric_axis_that_is_circulant_too_has_cosines(penalty):
    """Each of two pixels reads both in the same way, through taps two apart: differences end at the border still."""
    layer = Conv((2, 3), 3, padding=((2, 2), (1, 1)), dilation=(2, 1), padding_mode="symmetric")
    weight = np.outer([7, 6, 7], [1, 3, 1])
    assert_fft_is_least_squares(layer, weight[None, None], 0, np.float64, penalty)


@share(0.2)
@given(layer=spread_patches(), seed=seeds(), dtype=DTYPES)
def test_damped_fft_is_least_squares_of_a_spread_input(layer, seed, dtype):
    assert_fft_is_least_squares(layer, integers(layer.weight_shape, seed, dtype), seed, dtype, "identity")


@share(0.2)
@given(drawn=mirrors_beside_patches(), seed=seeds(), dtype=DTYPES)
def test_damped_cosines_beside_fourier_modes_are_least_squares(drawn, seed, dtype):
    assert_fft_is_least_squares(*drawn, seed, dtype, "identity")


def assert_fft_is_least_squares(layer, weight, seed, dtype, penalty):
    y = noise(layer.output_shape, seed, dtype)
    wanted, values = by_least_squares(layer, weight, y, 3.0, penalty)
    if values[-1] <= 1e-9 * values[0]:
        with pytest.raises(ValueError, match=r"the penalty does not hold what the matrix loses: .*; use penalty='iden"):
            deconvolve(layer, weight, y, method="fft", damping=3.0, penalty=penalty)
        assert penalty != "identity"
        return
    found = deconvolve(layer, weight, y, method="fft", damping=3.0, penalty=penalty)
    assert_allclose(found.x, wanted, atol=1e-10 * max(1, values[0] / values[-1]))
    assert_allclose(found.condition, values[0] / values[-1], rtol=1e-6)
    assert (found.iterations, found.converged) == (0, True)
    assert found.x.dtype == np.result_type(weight, y, np.float64)


@given(layer=block_circulants(), seed=seeds())
def test_plain_fft_inverts_what_is_regular_and_refuses_the_rest(layer, seed):
    weight, x = integers(layer.weight_shape, seed), noise(layer.input_shape, seed)
    C = layer.matrix(weight).toarray()
    values = np.linalg.svd(C, compute_uv=False)
    rows, cols = C.shape
    y = C @ x.ravel()
    if rows < cols:
        with pytest.raises(ValueError, match=r"^plain inversion has no single answer: each of \d+ frequencies has "):
            deconvolve(layer, weight, y, method="fft")
    elif values[-1] < 1e-12 * values[0] or values[0] == 0:
        with pytest.raises(ValueError, match=r"^the matrix is singular: at frequency \("):
            deconvolve(layer, weight, y, method="fft")
    else:
        assume(values[-1] > 1e-6 * values[0])  # integers make few of the cases between
        found = deconvolve(layer, weight, y, method="fft")
        assert_allclose(found.x, x, atol=1e-8)
        assert_allclose(found.condition, values[0] / values[-1], rtol=1e-6)


# -- what it says of itself ------------------------------------------------------------------------------------------


def test_the_box_is_inverted_where_it_is_regular():
    x = np.random.default_rng(0).integers(0, 256, (4, 4))
    layer = Conv(4, 3, padding="same")
    found = deconvolve(layer, BOX, layer.matrix(BOX) @ x.ravel(), tolerance=1e-13)
    assert_allclose(found.x[0], x, atol=1e-8)
    assert found.converged
    assert found.residual < 1e-10
    assert found.condition == pytest.approx(np.linalg.cond(layer.matrix(BOX).toarray()), rel=1e-6)
    assert round(found.condition) == 47
    by_lsqr = deconvolve(layer, BOX, layer.matrix(BOX) @ x.ravel(), method="lsqr", tolerance=1e-13)
    assert_allclose(by_lsqr.x[0], x, atol=1e-8)
    assert by_lsqr.condition == pytest.approx(found.condition, rel=1e-6)


def test_a_singular_circulant_is_refused_with_the_frequency_and_the_way_out():
    layer = Conv(6, 3, padding=1, padding_mode="circular")
    y = layer.operator(BOX) @ np.arange(36.0)
    message = (
        r"^the matrix is singular: at frequency \(\d, \d\) of 6 x 6 the smallest singular value is [\de.-]+, zero to "
        r"the tolerance of 8e-15 \(the largest is 1\); 20 of 36 frequencies are lost; give a damping > 0 "
        r"\(Tikhonov\), or use method='lsmr', which finds the smallest of all least-squares solutions$"
    )
    with pytest.raises(ValueError, match=message) as refused:
        deconvolve(layer, BOX, y, method="fft")
    frequency = [int(digit) for digit in re.findall(r"\d", str(refused.value))[:2]]
    assert 2 in frequency or 4 in frequency  # thirds of a circle of six, where 1 + 2 cos vanishes
    damped = deconvolve(layer, BOX, y, method="fft", damping=1e-6)
    least = deconvolve(layer, BOX, y)
    assert damped.converged
    assert least.converged
    assert_allclose(damped.x, least.x, atol=1e-3)
    assert damped.condition == pytest.approx(np.sqrt((1 + 1e-6) / 1e-6))
    regular = deconvolve(Conv(5, 3, padding=1, padding_mode="circular"), BOX, np.ones((5, 5)), method="fft")
    golden = (1 + np.sqrt(5)) / 2  # 1 + 2 cos(4 pi / 5) = -1 / golden
    assert regular.condition == pytest.approx((3 * golden) ** 2)


def test_a_cosine_that_a_circle_twice_as_long_loses_is_no_loss():
    # 1 2 1 has no Nyquist frequency, which is none of the cosines of a symmetric border.
    weight = np.array([1.0, 2.0, 1.0])
    layer = Conv((6,), 3, padding=1, padding_mode="symmetric")
    x = np.arange(6.0)
    assert_allclose(deconvolve(layer, weight, layer.matrix(weight) @ x, method="fft").x[0], x, atol=1e-12)
    circle = Conv((6,), 3, padding=1, padding_mode="circular")
    with pytest.raises(ValueError, match=r"at frequency \(3,\) of 6 .* 1 of 6 frequencies are lost"):
        deconvolve(circle, weight, x, method="fft")


def test_iteration_reports_when_it_has_not_converged():
    layer = Conv((40,), 3, padding=1)
    y = np.random.default_rng(0).standard_normal(40)
    found = deconvolve(layer, [1.0, 2.0, 1.0], y, iterations=3, tolerance=1e-14)
    assert (found.iterations, found.converged, found.reason) == (3, False, "out of iterations")
    found = deconvolve(layer, [1.0, 2.0, 1.0], y, tolerance=1e-10)
    assert found.converged
    assert found.condition == pytest.approx(np.linalg.cond(layer.matrix([1.0, 2.0, 1.0]).toarray()), rel=1e-6)
    nothing = deconvolve(layer, [1.0, 2.0, 1.0], np.zeros(40))
    assert (nothing.iterations, nothing.converged) == (0, True)
    assert np.isnan(nothing.condition)


def test_no_method_builds_the_matrix(monkeypatch):
    def refuse(*_):
        raise AssertionError("the matrix was built")

    monkeypatch.setattr(WeightedLayer, "matrix", refuse)
    layer = Conv((6, 4), 3, padding=1, padding_mode="circular")
    for method in ("lsmr", "lsqr", "fft"):
        for penalty in ("identity", "gradient", "laplacian"):
            assert deconvolve(layer, BOX, np.ones((6, 4)), method=method, damping=1.0, penalty=penalty).converged


def test_y_comes_as_an_image_or_flat_and_x_goes_as_an_image():
    layer = Conv((4, 3), 1, in_channels=2, out_channels=2)
    weight = np.array([[2.0, 0], [0, 4]]).reshape(2, 2, 1, 1)
    y = np.arange(24).reshape(2, 4, 3)
    for given_y in (y, y.ravel(), y.tolist()):
        found = deconvolve(layer, weight, given_y, method="fft").x
        assert found.shape == (2, 4, 3)
        assert_allclose(found, y / np.array([2, 4]).reshape(2, 1, 1), atol=1e-14)
    bare = Conv((4, 3), 1)
    assert deconvolve(bare, [[2]], np.ones((4, 3)), method="fft").x.shape == (1, 4, 3)
    up = ConvTranspose((2, 2), 2, stride=2)
    image = np.arange(4.0).reshape(1, 2, 2)
    assert_allclose(deconvolve(up, np.ones((2, 2)), up.matrix(np.ones((2, 2))) @ image.ravel()).x, image, atol=1e-10)


def test_progress_counts_iterations_up_to_all():
    layer, calls = Conv((40,), 3, padding=1), []
    found = deconvolve(
        layer, [1, 2, 1], np.arange(40), iterations=50, tolerance=0, progress=lambda *counts: calls.append(counts)
    )
    steps = [done for done, _ in calls[:-1]]
    assert steps == list(range(1, found.iterations + 1))
    assert {total for _, total in calls} == {50}
    assert calls[-1] == (50, 50)
    calls.clear()
    deconvolve(Conv((4,), 1), [2], np.ones(4), method="fft", progress=lambda *counts: calls.append(counts))
    assert calls == [(1000, 1000)]


REFUSED = {
    "method": ({"method": "cg"}, "method 'cg' is not one of lsmr, lsqr, fft"),
    "penalty": ({"penalty": "tv"}, "penalty 'tv' is not one of identity, gradient, laplacian"),
    "negative": ({"damping": -1.0}, "damping must be at least 0 and finite, got -1.0"),
    "nan": ({"damping": np.nan}, "damping must be a finite number, got nan"),
    "tolerance": ({"tolerance": np.inf}, "tolerance must be a finite number, got inf"),
    "iterations": ({"iterations": 0}, "iterations must be at least 1, got 0"),
    "batch": (
        {"y": np.ones((3, 2, 2))},
        "y has shape (3, 2, 2) but one output of this layer has (1, 2, 2), (2, 2) or (4,): give several one at a time",
    ),
    "finite": (
        {"y": [1, np.nan, np.inf, 2]},
        "y has nan at (0, 0, 1), the first of 2 entries that are not finite: nothing can be solved or decided with it",
    ),
    "infinite": (
        {"weight": np.full((3, 3), np.inf)},
        "weight has inf at (0, 0), the first of 9 entries that are not finite: nothing can be solved or decided",
    ),
    "weight": ({"weight": np.ones((2, 2))}, "weight has shape (2, 2) but groups=1 and in_channels=1 need"),
    "bool": (
        {"weight": np.ones((3, 3), dtype=bool)},
        "weight has dtype bool, a pattern and no equations: cast it with .astype(float)",
    ),
    "fft": (
        {"method": "fft"},
        "method 'fft' is not exact for this layer: output_size 2 on axis 0 is not input_size 4 / stride 1 = 4; "
        "use method='lsmr', which takes any layer",
    ),
}


@pytest.mark.parametrize("kind", list(REFUSED))
def test_what_makes_no_sense_is_refused_in_a_sentence(kind):
    arguments, message = REFUSED[kind]
    arguments = {"weight": np.ones((3, 3)), "y": np.ones(4)} | arguments
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        deconvolve(Conv(4, 3), **arguments)


def test_no_axes_no_differences():
    layer = Conv((), ())
    with pytest.raises(
        ValueError, match=r"^penalty 'gradient' needs at least one axis to take differences along, this"
    ):
        deconvolve(layer, 2.0, [1.0], penalty="gradient")
    assert deconvolve(layer, 2.0, [1.0]).x == 0.5


def test_a_penalty_that_ends_at_the_border_of_a_strided_layer_has_no_frequencies():
    layer = Conv(4, 2, stride=2, out_channels=4)
    weight, y = np.eye(4).reshape(4, 1, 2, 2), np.arange(16.0)
    halved = deconvolve(layer, weight, y, method="fft", damping=1.0).x  # of an orthonormal layer
    assert_allclose(halved, deconvolve(layer, weight, y).x / 2, atol=1e-14)
    message = (
        "method 'fft' is not exact for penalty 'gradient' here: with padding_mode 'zeros' its differences end at the "
        "border, with stride (2, 2) the frequencies go around; use method='lsmr'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        deconvolve(layer, weight, y, method="fft", damping=1.0, penalty="gradient")
    ring = Conv(4, 2, stride=2, out_channels=4, padding_mode="circular")
    assert deconvolve(ring, weight, y, method="fft", damping=1.0, penalty="gradient").converged


def test_fewer_equations_than_unknowns_have_no_single_answer():
    message = (
        "plain inversion has no single answer: each of 4 frequencies has 4 unknowns and 1 equation; give a damping > 0 "
        "(Tikhonov), or use method='lsmr'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        deconvolve(Conv(4, 2, stride=2), np.ones((2, 2)), np.ones((2, 2)), method="fft")


# -- a photograph ----------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize(
    ("padding_mode", "blurred", "transposed", "sharp"),
    [("circular", 24.80, 23.10, 27.56), ("symmetric", 25.05, 23.34, 27.80)],
)
def test_a_photograph_is_made_sharp_again(padding_mode, blurred, transposed, sharp):
    x = photograph()
    layer, y = camera(x, padding_mode)
    assert x.shape == (600, 512)
    assert psnr(y, x) == pytest.approx(blurred, abs=0.01)
    assert psnr(layer.operator(BLUR).rmatvec(y.ravel()).reshape(x.shape), x) == pytest.approx(transposed, abs=0.01)

    def damped(damping, penalty="laplacian"):
        return deconvolve(layer, BLUR, y, method="fft", damping=damping, penalty=penalty).x[0]

    found, damping = best(damped, x)
    assert found > sharp
    assert GRID[0] < damping < GRID[-1]  # the best is not at the grid's end
    assert sharp - 0.15 < psnr(damped(0.01, "identity"), x) < found
    plain = deconvolve(layer, BLUR, y, method="fft")
    assert plain.condition > 5e8
    assert plain.residual < 1e-6
    assert psnr(plain.x[0], x) < 5  # the exact inverse of noisy data is noise


def test_iteration_makes_the_photograph_as_sharp_as_the_cosines():
    x = photograph()[100:164, 150:214]
    layer, y = camera(x, "symmetric")
    exact = deconvolve(layer, BLUR, y, method="fft", damping=0.01, penalty="laplacian")
    found = deconvolve(layer, BLUR, y, damping=0.01, penalty="laplacian", tolerance=1e-9)
    assert found.converged
    assert_allclose(found.x, exact.x, atol=1e-6)
    assert psnr(exact.x[0], x) > psnr(y, x) + 1


@pytest.mark.full
def test_a_camera_that_sees_only_the_inside_of_the_photograph():
    x = photograph()
    layer = Conv(x.shape, 9)
    y = layer.unvec(layer.operator(BLUR) @ x.ravel())[0]
    y = y + 0.01 * np.random.default_rng(0).standard_normal(y.shape)
    inside = x[4:-4, 4:-4]
    found = deconvolve(layer, BLUR, y, damping=GRID[7], penalty="laplacian", tolerance=1e-3)
    assert found.converged
    assert psnr(y, inside) < 25
    assert psnr(found.x[0][4:-4, 4:-4], inside) > 27.7
