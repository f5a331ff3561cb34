"""Singular values: exact where frequencies have blocks, by Lanczos' method elsewhere; what is taken for the norm."""

import re
from math import inf, pi, sin, sqrt

import numpy as np
import pytest
import scipy.fft
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from circles import mirrors, mirrors_beside_patches
from convmatrix import Conv, ConvTranspose
from convmatrix.algebra.spectral import lanczos, spectrum
from convmatrix.algebra.spectral.spectrum import (
    condition_number,
    extreme_singular_values,
    operator_norm,
    singular_values,
)
from selection import some
from strategies import MODES, covers, layers, seeds, share

SOBEL = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
BOX = np.ones((3, 3)) / 9
LAPLACE = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]


def decomposed(layer, weight):
    """Singular values by LAPACK for the whole matrix, in double precision."""
    weight = np.asarray(weight)
    return np.linalg.svd(layer.matrix(weight.astype(np.result_type(weight, float))).toarray(), compute_uv=False)


def drawn_weight(layer, seed):
    """Numbers of each kind that is computed with."""
    rng = np.random.default_rng(seed)
    dtype = rng.choice(["int8", "int64", "float32", "float64", "complex64", "complex128"])
    weight = rng.integers(-9, 10, layer.weight_shape) if "int" in dtype else rng.standard_normal(layer.weight_shape)
    return (weight + 1j * rng.standard_normal(layer.weight_shape) if "complex" in dtype else weight).astype(dtype)


def assert_whole(found, layer, weight):
    """Compare all values with LAPACK's, to 1e-10 of the largest, and check how they are given."""
    values = decomposed(layer, weight)
    assert found.values.shape == (min(layer.matrix_shape),)
    assert found.values.dtype == np.float64
    assert not found.values.flags.writeable
    assert (np.diff(found.values) <= 0).all()
    assert_allclose(found.values, values, rtol=0, atol=1e-10 * values[0])


# -- block-circulant: exact by FFT -----------------------------------------------------------------------------------


@st.composite
def rings(draw):
    """Layers whose windows go around the input once: the padding is drawn, and how it is split."""
    ndim = draw(st.integers(1, 3))
    small = {1: (7, 4, 7, 4), 2: (4, 3, 4, 3), 3: (3, 2, 3, 2)}[ndim]  # outputs, stride, kernel_size, dilation
    axes = [[draw(st.integers(1, most)) for most in small] for _ in range(ndim)]
    padding = []
    for _, stride, kernel, dilation in axes:
        total = dilation * (kernel - 1) + 1 - draw(st.integers(1, stride))
        before = draw(st.integers(-3, 9))
        padding.append((before, total - before))
    groups, into, out = (draw(st.integers(1, 3)) for _ in range(3))
    conv = Conv(
        [outputs * stride for outputs, stride, _, _ in axes],
        [kernel for _, _, kernel, _ in axes],
        stride=[stride for _, stride, _, _ in axes],
        padding=padding,
        dilation=[dilation for _, _, _, dilation in axes],
        groups=groups,
        in_channels=groups * into,
        out_channels=groups * out,
        padding_mode="circular",
    )
    return conv.T if draw(st.booleans()) else conv


@given(layer=rings(), seed=seeds())
@covers(without=("zero", "refl", "repl", "symm", "indl", "opad", "op>s"))
def test_the_fft_finds_what_lapack_finds_on_every_ring(layer, seed):
    weight = drawn_weight(layer, seed)
    found = singular_values(layer, weight)
    assert found.method == "fft"
    assert_whole(found, layer, weight)


@given(layer=layers(), seed=seeds())
@covers()
def test_the_fft_is_used_if_and_only_if_there_is_a_block_for_each_frequency(layer, seed):
    weight = drawn_weight(layer, seed)
    found = singular_values(layer, weight)
    assert found.method == ("fft" if is_diagonalizable(layer, weight) else "dense")
    if found.method == "dense":
        assert_true_reason(found.reason)
    assert_whole(found, layer, weight)


def assert_true_reason(why):
    """Whatever the reason is, its numbers must be one."""
    assert why.startswith("no FFT, since C is not block-circulant: ")
    if "does not divide" in why:
        stride, spread, n = re.search(
            r"stride (\d+)(?: / input_dilation (\d+))? does not divide input_size (\d+)", why
        ).groups()
        assert int(n) % (int(stride) // int(spread or 1))
    elif "is not input_size" in why:
        size, wanted = re.search(r"output_size (\d+) on .* = (\d+);", why).groups()
        assert size != wanted
    elif "kinds of outputs" in why:
        assert int(re.search(r"makes (\d+) kinds", why)[1]) > 1
    elif "mixes its cosines" in why:
        assert int(re.search(r"stride (\d+) on axis \d+ with padding_mode 'symmetric'", why)[1]) > 1
    elif "is off the centre" in why:
        before, after = re.search(r"padding \((-?\d+), (-?\d+)\) on axis \d+ with padding_mode 'symm", why).groups()
        assert before != after
    elif "mirror image" not in why:
        assert re.search("padding_mode '(zeros|reflect|replicate)': beyond an end of axis", why)


def is_diagonalizable(layer, weight):
    """Check whether each axis is block-circulant, or has a matrix that is diagonal in cosines."""
    conv = layer if isinstance(layer, Conv) else layer.T
    for number, axis in enumerate(conv.axes):
        n, m = axis.input_size, axis.output_size
        alone = Conv(
            (n,),
            axis.kernel_size,
            stride=axis.stride,
            padding=((axis.before, axis.after),),
            dilation=axis.dilation,
            padding_mode=axis.mode,
            input_dilation=axis.input_dilation,
        )
        C = alone.matrix(2 ** np.arange(axis.kernel_size)).toarray()  # powers of two show which taps a sum is of
        # Rows moved on by one, and columns by as many as there are for one row, are the same matrix.
        circulant = n % m == 0 and np.array_equal(np.roll(C, (1, n // m), (0, 1)), C)
        if not circulant and not (np.array_equal(weight, np.flip(weight, 2 + number)) and has_cosines(alone)):
            return False
    return True


def has_cosines(alone):
    """Check whether cosines diagonalise the matrix of any kernel that is its own mirror image."""
    taps = 2 ** np.arange(alone.kernel_size[0])
    C = alone.matrix(taps + taps[::-1]).toarray()
    if C.shape[0] != C.shape[1]:
        return False
    between = scipy.fft.dct(scipy.fft.dct(C, axis=0, norm="ortho"), axis=1, norm="ortho")
    return np.allclose(between, np.diag(np.diag(between)), atol=1e-10 * np.abs(C).max(initial=1e-300))


@share(0.4)
@given(drawn=st.one_of(mirrors(), mirrors_beside_patches()))
def test_cosines_find_what_lapack_finds(drawn):
    layer, weight = drawn
    found = singular_values(layer, weight)
    assert found.method == "fft"
    assert_whole(found, layer, weight)
    ends = extreme_singular_values(layer, weight)
    assert (ends.method, ends.reason) == ("fft", found.reason)
    assert_array_equal(ends.values, found.values[[0, -1]])
    assert operator_norm(layer, weight) == found.values[0]


def test_a_symmetric_border_needs_no_dense_matrix(monkeypatch):
    monkeypatch.setattr("convmatrix.layers.weighted.assemble", lambda *_, **__: pytest.fail("a matrix was built"))
    layer = Conv(512, 3, padding=1, padding_mode="symmetric")
    found = singular_values(layer, LAPLACE)
    # 4 sin(i pi / 2n)^2 + 4 sin(j pi / 2n)^2, the eigenvalues of the Neumann Laplacian
    line = 4 * np.sin(np.arange(512) * pi / 1024) ** 2
    assert_allclose(found.values, np.sort(np.add.outer(line, line).ravel())[::-1], atol=1e-13)
    assert condition_number(layer, LAPLACE) == inf


def test_the_reasons_about_cosines():
    layer = Conv((4, 6), 3, padding=1, padding_mode="symmetric")
    why = (
        "the border and the kernel are symmetric on axes 0 and 1, where the frequencies are cosines: a block for "
        "each of 4 x 6 frequencies"
    )
    assert singular_values(layer, BOX).reason == singular_values(layer, BOX, method="fft").reason == why
    beside = Conv((4, 6), (3, 2), stride=(1, 3), padding=((1, 1), (0, 0)), padding_mode="symmetric")
    why = (
        "the border and the kernel are symmetric on axis 0, where the frequencies are cosines: a block for each of "
        "4 x 2 frequencies"
    )
    assert singular_values(beside, np.ones((3, 2))).reason == why
    assert singular_values(layer, SOBEL).reason == (
        "no FFT, since C is not block-circulant: padding_mode 'symmetric' needs a kernel that is its own mirror image, "
        "on axis 0 it is not; dense decomposition of 24 x 24"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "kwargs", [{"kernel_size": 1}, {"kernel_size": 2, "stride": 3}, {"kernel_size": 2, "stride": 3, "padding": -1}]
)
def test_windows_that_do_not_overlap_need_no_ring(kwargs, mode):
    layer = Conv((6, 9), **kwargs, in_channels=2, out_channels=4, groups=2, padding_mode=mode)
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    found = singular_values(layer, weight)
    assert found.method == ("dense" if kwargs.get("padding") else "fft")  # -1: output_size (2, 3) -> (1, 2)
    assert_whole(found, layer, weight)


def test_a_tap_that_reaches_the_input_only_in_the_middle():
    """The first outputs and the last read nothing, as all would on a ring whose tap reads zeros."""
    layer = Conv((5,), 1, stride=3, padding=4)
    assert singular_values(layer, [7]).method == "dense"
    assert_array_equal(singular_values(layer, [7]).values, [7, 0, 0, 0, 0])


def test_four_axes_and_none():
    layer = Conv((2, 3, 2, 4), 2, stride=(1, 1, 2, 2), padding="causal", padding_mode="circular", ndim=4)
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    found = singular_values(layer, weight)
    assert found.method == "fft"
    assert_whole(found, layer, weight)
    point = Conv((), (), in_channels=4, out_channels=6, groups=2)
    weight = np.random.default_rng(1).standard_normal((6, 2))
    found = singular_values(point, weight)
    assert found.method == "fft"
    assert_whole(found, point, weight)
    assert found.reason == "C is block-circulant: 1 turns by 1 inputs each, and a block for each frequency"


@pytest.mark.parametrize("transposed", [False, True])
def test_no_matrix_is_built_for_the_spectrum_of_a_large_ring(monkeypatch, transposed):
    """64 channels of 32 x 32: 65,536 values, from blocks of 64 x 64 and not from 38 million entries."""

    def refuse(*_, **__):
        raise AssertionError("a matrix was built")

    shapes = []

    def recorded(blocks, *, compute_uv):
        shapes.append(blocks.shape)
        return decompose(blocks, compute_uv=compute_uv)

    decompose = np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", recorded)
    monkeypatch.setattr("convmatrix.layers.weighted.assemble", refuse)
    layer = Conv(32, 3, padding=1, in_channels=64, out_channels=64, padding_mode="circular")
    layer = layer.T if transposed else layer
    assert layer.nnz == 37_748_736
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    found = singular_values(layer, weight)
    assert found.values.shape == (65_536,)
    assert {shape[1:] for shape in shapes} == {(64, 64)}
    assert sum(shape[0] for shape in shapes) == 32 * 17  # half of the frequencies, as the weight is real
    assert_allclose(np.square(found.values).sum(), 1024 * np.square(weight).sum())  # the square of the Frobenius norm


def test_one_block_serves_all_frequencies_of_patches(monkeypatch):
    shapes = []
    decompose = np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", lambda b, **k: shapes.append(b.shape) or decompose(b, **k))
    layer = Conv(64, 4, stride=4, in_channels=3, out_channels=8)
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    found = singular_values(layer, weight)
    assert shapes == [(1, 8, 48)]
    assert_allclose(found.values, np.repeat(decompose(weight.reshape(8, 48), compute_uv=False), 256))


REASONS = {
    "zeros": (
        Conv((8,), 3, padding=1),
        "padding_mode 'zeros': beyond an end of axis 0, windows read zeros, not the other end",
    ),
    "reflect": (
        Conv((8, 8), 3, padding=((0, 0), (1, 1)), stride=(8, 1), padding_mode="reflect"),
        "padding_mode 'reflect': beyond an end of axis 1, windows read inputs of that end again, not the other end",
    ),
    "valid": (Conv((8,), 3), "output_size 6 on axis 0 is not input_size 8 / stride 1 = 8"),
    "full": (
        Conv((8,), 3, padding="full", padding_mode="circular"),
        "output_size 10 on axis 0 is not input_size 8 / stride 1 = 8",
    ),
    "stride": (
        Conv((9,), 3, stride=2, padding=1, padding_mode="circular"),
        "stride 2 does not divide input_size 9 on axis 0 (remainder 1)",
    ),
    "transposed": (ConvTranspose((4,), 3, stride=2), "stride 2 does not divide input_size 9 on axis 0 (remainder 1)"),
    "kinds": (
        Conv((5,), 2, input_dilation=2, padding=-1),
        "input_dilation 2 with stride 1 on axis 0 makes 2 kinds of outputs, which read different taps",
    ),
    "spread": (
        Conv((5,), 2, input_dilation=2, stride=2),
        "output_size 4 on axis 0 is not input_size 5 / stride 2 / input_dilation 2 = 5",
    ),
    "spread, stride": (
        Conv((5,), 2, input_dilation=2, stride=4),
        "stride 4 / input_dilation 2 does not divide input_size 5 on axis 0 (remainder 1)",
    ),
    "symmetric": (
        Conv((8,), 2, padding=((1, 0),), padding_mode="symmetric"),
        "padding (1, 0) on axis 0 with padding_mode 'symmetric' is off the centre",
    ),
}


@pytest.mark.parametrize(("layer", "reason"), REASONS.values(), ids=REASONS)
def test_each_reason_why_c_is_not_block_circulant(layer, reason):
    rows, cols = layer.matrix_shape
    weight = np.arange(1.0, 1 + np.prod(layer.weight_shape)).reshape(layer.weight_shape)
    reason = f"no FFT, since C is not block-circulant: {reason}"
    assert singular_values(layer, weight).reason == f"{reason}; dense decomposition of {rows} x {cols}"
    with pytest.raises(ValueError) as refused:  # noqa: PT011  matched below, whole
        singular_values(layer, weight, method="fft")
    assert str(refused.value) == f'{reason}; use method="dense" or None, or the layer with padding_mode "circular"'


def test_the_reasons_about_the_fft():
    layer = Conv((8, 6), 3, stride=(2, 3), padding=((1, 0), (0, 0)), padding_mode="circular")
    why = "C is block-circulant: 4 x 2 turns by 2 x 3 inputs each, and a block for each frequency"
    assert singular_values(layer, BOX).reason == singular_values(layer, BOX, method="fft").reason == why
    assert extreme_singular_values(layer, BOX).reason == why
    dense = singular_values(layer, BOX, method="dense")
    assert (dense.method, dense.reason) == ("dense", "dense was requested; dense decomposition of 8 x 48")
    assert_whole(dense, layer, BOX)


# -- numbers of the field --------------------------------------------------------------------------------------------


def test_the_all_ones_4x16_matrix():
    assert_allclose(singular_values(Conv(4, 3), np.ones((3, 3))).values, [5, sqrt(5), sqrt(5), 1])


@pytest.mark.parametrize(("n", "rank"), [(5, 16), (8, 49)])
def test_the_box_that_is_singular(n, rank):
    values = singular_values(Conv(n, 3, padding="same"), np.ones((3, 3))).values
    assert (values > 1e-12 * values[0]).sum() == rank
    assert condition_number(Conv(n, 3, padding="same"), np.ones((3, 3))) == inf


def test_the_box_that_is_not():
    assert condition_number(Conv(4, 3, padding="same"), np.ones((3, 3))) == pytest.approx(46.9787, abs=1e-4)
    assert round(condition_number(Conv(4, 3, padding="same"), np.ones((3, 3)))) == 47


@pytest.mark.parametrize(
    ("mode", "rank", "norm"), [("zeros", 16, 0.829), ("circular", 25, 1), ("replicate", 25, 1), ("reflect", 25, 1.096)]
)
def test_the_box_by_padding_mode(mode, rank, norm):
    layer = Conv(5, 3, padding=1, padding_mode=mode)
    found = singular_values(layer, BOX)
    assert found.method == ("fft" if mode == "circular" else "dense")
    assert (found.values > 1e-12 * found.values[0]).sum() == rank
    assert found.values[0] == pytest.approx(norm, abs=5e-4)
    assert operator_norm(layer, BOX) == found.values[0]


HAAR = np.array([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]])[:, None] / 2
SPACE_TO_DEPTH = np.eye(4, dtype=int).reshape(4, 1, 2, 2)


@pytest.mark.parametrize("bank", [HAAR, SPACE_TO_DEPTH], ids=["haar", "space to depth"])
@pytest.mark.parametrize("method", [None, "dense", "lanczos"])
def test_orthonormal_banks_stretch_nothing(bank, method):
    layer = Conv(16, 2, stride=2, out_channels=4)
    found = extreme_singular_values(layer, bank, method=method)
    assert found.method == (method or "fft")
    assert_allclose(found.values, [1, 1], rtol=1e-14)
    assert condition_number(layer, bank, method=method) == pytest.approx(1, rel=1e-14)


# -- Lanczos -----------------------------------------------------------------------------------------------------------


@st.composite
def larger_layers(draw):
    """Layers with more rows and columns than Lanczos' method keeps vectors."""
    ndim = draw(st.integers(1, 2))
    sizes = [draw(st.integers(*{1: (100, 150), 2: (14, 17)}[ndim])) for _ in range(ndim)]
    groups, into, out = draw(st.sampled_from([(1, 1, 1), (1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1), (2, 1, 2)]))
    conv = Conv(
        sizes,
        [draw(st.integers(1, 4)) for _ in range(ndim)],
        stride=[draw(st.sampled_from((1, 1, 2))) for _ in range(ndim)],
        padding=[(draw(st.integers(-1, 4)), draw(st.integers(-1, 4))) for _ in range(ndim)],
        dilation=[draw(st.integers(1, 2)) for _ in range(ndim)],
        groups=groups,
        in_channels=groups * into,
        out_channels=groups * out,
        padding_mode=draw(st.sampled_from(MODES)),
    )
    return conv.T if draw(st.booleans()) else conv


def assert_extremes(found, values):
    """Compare with LAPACK's, which are right to some roundings of the largest."""
    assert found.method == "lanczos"
    if found.values[-1] == 0 and "cannot separate it from 0" in found.reason:
        assert values[-1] < 2 * lanczos.UNRESOLVED * values[0]
        values = np.append(values[:-1], 0)
    assert_allclose(found.values, values[[0, -1]], rtol=1e-6, atol=1e-13 * values[0])


@given(layer=larger_layers(), seed=seeds())
@share(0.6)
def test_lanczos_finds_the_extreme_values(layer, seed):
    assume(min(layer.matrix_shape) > lanczos.SUBSPACE + 1)
    weight = drawn_weight(layer, seed)
    values = decomposed(layer, weight)
    assert_extremes(extreme_singular_values(layer, weight, method="lanczos"), values)


@given(layer=larger_layers(), seed=seeds())
@share(0.1)
def test_without_elimination_the_smallest_is_right_or_refused(layer, seed):
    assume(min(layer.matrix_shape) > lanczos.SUBSPACE + 1)
    weight = drawn_weight(layer, seed)
    values = decomposed(layer, weight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanczos, "_ELIMINATION", 0)
        patch.setattr(lanczos, "PRODUCTS", 500)
        try:
            found = extreme_singular_values(layer, weight, method="lanczos")
        except np.linalg.LinAlgError as error:
            assert "smallest singular value" in str(error)  # noqa: PT017  both ends are right
            return
    assert_extremes(found, values)


@pytest.mark.parametrize("by_products", [False, True])
@pytest.mark.parametrize(
    "layer",
    [
        Conv(20, 3, padding="full", out_channels=2),
        Conv(40, 3, stride=2, padding=1),
        Conv((500,), 5, stride=2, padding=2, out_channels=3, padding_mode="reflect").T,
        Conv(16, 2, in_channels=2, out_channels=6, groups=2, padding_mode="symmetric", padding=1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", some([float, complex], complex))
def test_tall_and_wide_layers_have_a_smallest_value_on_both_ways(monkeypatch, layer, by_products, dtype):
    rng = np.random.default_rng(3)
    weight = rng.standard_normal(layer.weight_shape).astype(dtype)
    if dtype is complex:
        weight += 1j * rng.standard_normal(layer.weight_shape)
    if by_products:
        monkeypatch.setattr(lanczos, "_ELIMINATION", 0)
    found = extreme_singular_values(layer, weight)
    assert ("(C^H C)^-1" in found.reason) != by_products
    assert_extremes(found, decomposed(layer, weight))


def test_ill_conditioned_and_still_right():
    """A blur whose condition is 3e10: the square of a singular value is far below the roundings of C^H C."""
    layer, weight = Conv(40, 5, padding=2), np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
    values = decomposed(Conv((40,), 5, padding=2), [1, 4, 6, 4, 1])  # its products are the blur's
    found = extreme_singular_values(layer, weight)
    assert_allclose(found.values, values[[0, -1]] ** 2, rtol=1e-6)
    assert 1e9 < condition_number(layer, weight) < 1e11
    tall = Conv(20, 5, padding="full")
    values = decomposed(Conv((20,), 5, padding="full"), [1, 4, 6, 4, 1])
    found = extreme_singular_values(tall, weight, method="lanczos")
    assert_allclose(found.values, values[[0, -1]] ** 2, rtol=1e-6)


@pytest.mark.parametrize("refinements", [4, 0])
def test_an_elimination_around_a_ring_is_refined_or_not_believed(monkeypatch, refinements):
    """Its roundings grow on the way around: without refinement the smallest value is wrong in the sixth digit."""
    monkeypatch.setattr(lanczos, "_REFINEMENTS", refinements)
    layer = Conv(24, 3, padding=1, padding_mode="circular")
    weight = np.random.default_rng(0).standard_normal((3, 3))
    found = extreme_singular_values(layer, weight, method="lanczos")
    assert_allclose(found.values, singular_values(layer, weight).values[[0, -1]], rtol=1e-9)
    assert found.reason.endswith(" (C^H C)^-1" if refinements else " C^H C")


def test_a_value_that_is_zero_several_times():
    """Roundings decide the sign of what the inverse has there, and it is beyond 1e30."""
    layer = Conv((146,), 1, padding=((2, 1),), in_channels=2, padding_mode="reflect")
    for seed in range(150, 170):
        weight = np.random.default_rng(seed).standard_normal((1, 2, 1)).astype(np.float32)
        assert extreme_singular_values(layer, weight, method="lanczos").values[1] < 1e-14


@pytest.mark.full
@pytest.mark.parametrize("n", [40, 100])
def test_the_laplacian_by_its_formula(n):
    """Its values are 4 * sin(i*pi/2(n+1))**2 + 4 * sin(j*pi/2(n+1))**2, the matrix has up to 10,000 rows."""
    found = extreme_singular_values(Conv(n, 3, padding=1), LAPLACE)
    ends = [8 * sin(k * pi / (2 * n + 2)) ** 2 for k in (n, 1)]
    assert_allclose(found.values, ends, rtol=1e-6)
    assert condition_number(Conv(n, 3, padding=1), LAPLACE) == pytest.approx(ends[0] / ends[1], rel=1e-6)


def test_the_largest_needs_no_matrix(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a matrix was built")

    monkeypatch.setattr("convmatrix.layers.weighted.assemble", refuse)
    found = extreme_singular_values(Conv(60, 3, padding=1), LAPLACE, which="largest")
    assert_allclose(found.values, [8 * sin(60 * pi / 122) ** 2], rtol=1e-6)
    assert found.reason.startswith("no FFT, since C is not block-circulant: padding_mode 'zeros'")
    assert found.reason.split("; ")[1].startswith("3600 x 3600: largest by Lanczos' method, ")


@pytest.mark.full
@pytest.mark.parametrize(
    ("layer", "band"),
    [
        (Conv((10, 160), 3, padding=1), 11),
        (Conv((80, 10), 3, padding=1, in_channels=2, out_channels=2), 31),
        (Conv((100, 10), 3, padding=1, in_channels=3, out_channels=3, groups=3), 11),
        (Conv((10, 160), 3, padding="full"), 40),
    ],
)
def test_unknowns_are_sorted_along_the_longest_axis(monkeypatch, layer, band):
    """A band of 10 pixels and their neighbours; in the order of the matrix it would be of hundreds."""
    rows, cols = layer.matrix_shape
    monkeypatch.setattr(lanczos, "_ELIMINATION", 2 * band**2 * (rows if rows == cols else rows + cols))
    weight = 0.05 * np.random.default_rng(0).standard_normal(layer.weight_shape)
    out = np.arange(layer.out_channels)
    weight[out, out % layer.weight_shape[1], 1, 1] += 1  # nearly the identity, and well conditioned
    found = extreme_singular_values(layer, weight)
    assert found.reason.endswith("products with (C^H C)^-1")
    assert_extremes(found, decomposed(layer, weight))


@pytest.mark.parametrize(("limit", "value"), [("_MATRIX_BYTES", 100), ("_BAND_BYTES", 1000), ("_ELIMINATION", 1000)])
def test_what_is_too_much_to_eliminate_is_not(monkeypatch, limit, value):
    monkeypatch.setattr(lanczos, limit, value)
    found = extreme_singular_values(Conv(40, 3, stride=2, padding=1), LAPLACE)
    assert found.reason.endswith("products with C^H C")


def test_which_end():
    layer, weight = Conv(30, 3, padding=1), np.arange(9).reshape(3, 3)
    for method in ("dense", "lanczos"):
        both = extreme_singular_values(layer, weight, method=method).values
        assert both.shape == (2,)
        for which, value in (("largest", both[0]), ("smallest", both[1])):
            assert_array_equal(extreme_singular_values(layer, weight, which=which, method=method).values, [value])
    ring = Conv(6, 3, padding=1, padding_mode="circular")
    values = singular_values(ring, weight).values
    assert_array_equal(extreme_singular_values(ring, weight).values, values[[0, -1]])
    assert_array_equal(extreme_singular_values(ring, weight, which="smallest").values, values[-1:])


def test_the_same_values_on_every_run():
    layer = Conv(30, 3, padding=1, padding_mode="reflect")
    first, second = (extreme_singular_values(layer, SOBEL, method="lanczos") for _ in range(2))
    assert_array_equal(first.values, second.values)
    assert first.reason == second.reason


def test_dense_where_lanczos_would_keep_all_vectors():
    layer = Conv((41,), 3, padding=1)
    found = extreme_singular_values(layer, [1, 2, 3], method="lanczos")
    assert found.method == "dense"
    assert found.reason == (
        "lanczos was requested; dense decomposition of 41 x 41, as Lanczos' method would keep 40 vectors"
    )
    assert extreme_singular_values(Conv((42,), 3, padding=1), [1, 2, 3], method="lanczos").method == "lanczos"


@pytest.mark.parametrize("kernel", [[0, 0, 1], [1, 0, 0]])
def test_a_shift_forgets_one_value(kernel):
    layer = Conv((600,), 3, padding=1)
    found = extreme_singular_values(layer, kernel)
    assert_allclose(found.values, [1, 0], atol=1e-15)
    assert found.reason.endswith("; smallest below 1e-12 of the largest, where elimination cannot separate it from 0")
    assert condition_number(layer, kernel) == inf


@pytest.mark.full
def test_values_that_grow_out_of_range_in_the_inverse():
    """x[o] + 4 x[o+1] = y[o] is solved backwards with factors of 4: the inverse has entries of 4**600 and more."""
    found = extreme_singular_values(Conv((1200,), 2, padding=((0, 1),)), [1, 4])
    assert found.values[1] < 1e-300
    assert condition_number(Conv((1200,), 2, padding=((0, 1),)), [1, 4]) == inf


@pytest.mark.parametrize("method", [None, "dense", "lanczos"])
@pytest.mark.parametrize("layer", [Conv(30, 3, padding=1), Conv(30, 3, padding=1, padding_mode="circular")])
def test_nothing_is_zero(layer, method):
    found = extreme_singular_values(layer, np.zeros((3, 3)), method=method)
    assert_array_equal(found.values, [0, 0])
    assert condition_number(layer, np.zeros((3, 3)), method=method) == inf
    if method == "lanczos":
        assert found.reason == "lanczos was requested; 900 x 900: C is zero; C is zero"


def test_a_matrix_of_zeros_whose_weight_is_none():
    """Every window lies beyond the input, but for a tap that is zero."""
    layer = Conv((600,), 2, dilation=600, padding=((600, 599),))
    found = extreme_singular_values(layer, [1, 0])
    assert layer.matrix([1, 0]).toarray().any()
    assert_allclose(found.values, decomposed(layer, [1, 0])[[0, -1]])
    beyond = Conv((50,), 1, padding=((60, -50),))
    assert_array_equal(extreme_singular_values(beyond, [2.0], method="lanczos").values, [0, 0])


@pytest.mark.parametrize("scale", some([1e-300, 1e-160, 1e160, 1e300], 1e-300, 1e300))
@pytest.mark.parametrize("mode", some(["zeros", "circular"], "zeros"))
def test_very_large_and_very_small_weights(scale, mode):
    layer = Conv(24, 3, padding=1, padding_mode=mode)
    weight = np.random.default_rng(0).standard_normal((3, 3))
    for method in (None, "dense", "lanczos"):
        one, many = (extreme_singular_values(layer, w, method=method).values for w in (weight, weight * scale))
        assert_allclose(many / scale, one, rtol=1e-9, atol=1e-15)
    assert_allclose(
        singular_values(layer, weight * scale).values / scale,
        singular_values(layer, weight).values,
        rtol=1e-9,
        atol=1e-15,
    )


def test_integers_are_not_summed_in_their_own_range():
    """Three taps of 100 meet on the one input of a ring: 300 is no int8."""
    layer = Conv((1,), 3, padding=1, padding_mode="circular")
    weight = np.array([100, 100, 100], dtype=np.int8)
    with pytest.raises(OverflowError):
        layer.matrix(weight)
    assert_array_equal(singular_values(layer, weight).values, [300])
    assert_array_equal(singular_values(layer, weight, method="dense").values, [300])


# -- progress and errors ---------------------------------------------------------------------------------------------


def test_progress_of_the_fft():
    layer = Conv(32, 3, padding=1, in_channels=32, out_channels=32, padding_mode="circular")
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    calls = []
    singular_values(layer, weight, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (544, 544)
    assert len(calls) > 0
    assert calls == sorted(calls)
    many = Conv(64, 3, padding=1, in_channels=32, out_channels=32, padding_mode="circular")
    calls = []
    singular_values(many, weight, progress=lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == [1024, 2048, 2112]
    assert {total for _, total in calls} == {2112}


def test_progress_of_lanczos():
    calls = []
    found = extreme_singular_values(Conv(40, 3, padding=1), LAPLACE, progress=lambda *call: calls.append(call))
    dones = [done for done, _ in calls]
    restart = dones.index(1, 1)
    assert dones == [*range(1, restart + 1), *range(1, len(dones) - restart + 1)]
    assert f"largest by Lanczos' method, {restart} products" in found.reason
    assert f"smallest by Lanczos' method, {len(dones) - restart} products with (C^H C)^-1" in found.reason
    assert {total for _, total in calls} == {10_000}
    calls.clear()
    for function in (operator_norm, condition_number):
        function(Conv(40, 3, padding=1), LAPLACE, progress=lambda *call: calls.append(call))
        assert calls
        calls.clear()


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_an_interrupt_passes_through_and_leaves_nothing_behind(mode):
    layer = Conv(20, 3, padding=1, in_channels=2, out_channels=2, padding_mode=mode)
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    before = extreme_singular_values(layer, weight).values

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extreme_singular_values(layer, weight, progress=interrupt)
    assert_array_equal(extreme_singular_values(layer, weight).values, before)


def test_a_million_columns_are_refused_with_the_way_out():
    weight = np.ones((3, 3))
    with pytest.raises(ValueError) as refused:  # noqa: PT011  matched below, whole
        singular_values(Conv(1000, 3, padding=1), weight)
    assert str(refused.value) == (
        "a 1000000 x 1000000 matrix is too large to be decomposed by default (no FFT, since C is not block-circulant: "
        "padding_mode 'zeros': beyond an end of axis 0, windows read zeros, not the other end): use "
        'extreme_singular_values or operator_norm, which need no dense matrix, or do it with method="dense"'
    )
    with pytest.raises(
        MemoryError,
        match=r"^the decomposition of a dense 1000000 x 1000000 matrix needs "
        r"1.49e\+04 GiB but .* use extreme_singular_values or operator_norm, or the layer on a "
        "smaller input$",
    ):
        singular_values(Conv(1000, 3, padding=1), weight, method="dense")
    assert singular_values(Conv(1000, 3, padding=1, padding_mode="circular"), weight).values.shape == (10**6,)


def test_the_limits_of_what_is_decomposed_by_default(monkeypatch):
    layer = Conv((20,), 3, padding=1)
    monkeypatch.setattr(spectrum, "_ALL", 400)
    assert singular_values(layer, [1, 2, 3]).method == "dense"
    monkeypatch.setattr(spectrum, "_ALL", 399)
    with pytest.raises(ValueError, match="a 20 x 20 matrix is too large to be decomposed by default"):
        singular_values(layer, [1, 2, 3])
    assert singular_values(layer, [1, 2, 3], method="dense").method == "dense"
    assert extreme_singular_values(Conv((500,), 3, padding=1), [1, 2, 3]).method == "dense"
    assert extreme_singular_values(Conv((501,), 3, padding=1), [1, 2, 3]).method == "lanczos"


def test_blocks_that_do_not_fit_in_memory_are_refused(monkeypatch):
    monkeypatch.setattr("convmatrix.core.memory.available_memory", lambda: 2**27)
    layer = Conv(32, 3, padding=1, in_channels=128, out_channels=64, padding_mode="circular")
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape)
    message = (
        r"the transform of 1024 blocks needs 0.188 GiB but 0.125 GiB of memory is available: use "
        "extreme_singular_values with method='lanczos', or the layer on a smaller input"
    )
    with pytest.raises(MemoryError, match=message):
        singular_values(layer, weight)


def test_lanczos_gives_up_with_a_sentence(monkeypatch):
    monkeypatch.setattr(lanczos, "PRODUCTS", 60)
    message = (
        "Lanczos' method has not converged after 60 products: the {} singular values lie too close together; use the "
        "layer on a smaller input{}"
    )
    with pytest.raises(np.linalg.LinAlgError) as refused:
        operator_norm(Conv(60, 3, padding=1), LAPLACE)
    assert str(refused.value) == message.format("largest", ", or norm_bound where that holds")
    assert isinstance(refused.value, ValueError)
    tall = lanczos.TallConv(Conv((3000,), 3, padding=1), np.array([[[1.0, 5.0, 1.0]]]))
    with pytest.raises(np.linalg.LinAlgError) as refused:
        tall.smallest(largest=7)
    assert str(refused.value) == message.format("smallest", "")


def test_the_smallest_value_is_refused_where_products_cannot_find_it(monkeypatch):
    monkeypatch.setattr(lanczos, "_ELIMINATION", 0)
    remedy = (
        "the smallest singular values lie too close together for it, and an elimination would take too long; use "
        'the layer on a smaller input, or with padding_mode "circular" where the FFT finds all values'
    )
    monkeypatch.setattr(lanczos, "PRODUCTS", 400)
    with pytest.raises(np.linalg.LinAlgError) as refused:
        extreme_singular_values(Conv(60, 3, padding=1), np.ones((3, 3)))
    assert str(refused.value) == f"Lanczos' method has not converged after 400 products: {remedy}"
    with pytest.raises(np.linalg.LinAlgError) as refused:
        extreme_singular_values(Conv((600,), 3, padding=1), [0, 0, 2])
    text = "Lanczos' method only shows that the smallest singular value is at most "
    assert str(refused.value).startswith(text)
    assert str(refused.value).endswith(f": {remedy}")
    assert 0 <= float(str(refused.value).removeprefix(text).split(":")[0]) < 1e-6


def test_the_bound_in_an_error_is_the_bound_of_the_original_weight(monkeypatch):
    import scipy.sparse.linalg

    def first_unit_vector(operator, **_):
        return np.ones(1), np.eye(operator.shape[0], 1)

    tall = lanczos.TallConv(Conv((100,), 3), np.array([[[1.0, 1.0, 0.5]]]), scale=64)
    monkeypatch.setattr(lanczos, "_ELIMINATION", 0)
    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", first_unit_vector)
    with pytest.raises(np.linalg.LinAlgError, match=r"only shows that the smallest singular value is at most 96: "):
        tall.smallest(largest=2.5)  # the first row of C has the norm 64 * 1.5


def test_a_failure_inside_arpack_is_a_sentence(monkeypatch):
    import scipy.sparse.linalg

    def broken(*_, **__):
        raise scipy.sparse.linalg.ArpackError(3)

    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", broken)
    with pytest.raises(
        np.linalg.LinAlgError,
        match=r"^Lanczos' method stopped: ARPACK error 3: .* after 0 products: "
        "the largest singular values lie too close together; ",
    ):
        operator_norm(Conv(30, 3, padding=1), LAPLACE)


ALL = [singular_values, extreme_singular_values, operator_norm, condition_number]


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("layer", [Conv((5,), 3, padding=1), ConvTranspose((5,), 3)])
def test_what_is_no_weight_is_refused_as_by_the_layer(function, layer):
    for weight, error in [
        (np.ones(4), r"weight has shape \(4,\)"),
        (np.ones(3, dtype=object), "dtype object, which scipy.sparse cannot hold"),
        (np.ones(3, dtype=np.float16), "dtype float16, which scipy.sparse cannot hold"),
        (np.ones(3, dtype=bool), "dtype bool, whose matrix is a pattern without singular values: cast it with "),
        (np.array([1, np.nan, 1]), r"^weight has nan at \(.*1\): nothing can be"),
        (np.array([1, 1, inf]), r"^weight has inf at \(.*2\): nothing can be solved or decided with it$"),
    ]:
        with pytest.raises(ValueError, match=error):
            function(layer, weight)
    with pytest.raises(TypeError):
        function(layer, np.ones(3, dtype=bool))


def test_unknown_names_are_errors():
    layer = Conv((5,), 3)
    with pytest.raises(ValueError, match=r"^method 'svd' is not one of fft, dense$"):
        singular_values(layer, [1, 2, 3], method="svd")
    with pytest.raises(ValueError, match=r"^method 'FFT' is not one of fft, dense, lanczos$"):
        operator_norm(layer, [1, 2, 3], method="FFT")
    with pytest.raises(ValueError, match=r"^which='least' is not one of both, largest, smallest$"):
        extreme_singular_values(layer, [1, 2, 3], which="least")
