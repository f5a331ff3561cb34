"""The pseudo-inverse is one, the transpose is not; the results name the exceptions."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse

from convmatrix import Conv
from convmatrix.algebra.elimination import nullity, rank
from convmatrix.algebra.elimination.null_spaces import null_space
from convmatrix.algebra.findings import gram_is_identity
from convmatrix.algebra.inverse import compare_inverses, pseudo_inverse
from strategies import covers, integers, layers, seeds, share

ONES = np.ones((3, 3), dtype=int)
HALVES = np.array([[1, 1], [1, 1]]) / 2
HAAR = np.array([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]])[:, None] / 2
SPACE_TO_DEPTH = np.eye(4, dtype=int).reshape(4, 1, 2, 2)


# -- numbers that are known ------------------------------------------------------------------------------------------


def test_a_generic_wide_convolution_has_rank_4_and_nullity_12():
    C = Conv(4, 3).matrix(np.random.default_rng(0).integers(1, 10, (3, 3)))
    assert C.shape == (4, 16)
    assert (rank(C).value, nullity(C).value) == (4, 12)
    assert rank(C).proven
    assert nullity(C).proven


def test_the_pseudo_inverse_of_a_wide_matrix_is_not_the_formula_that_is_often_quoted():
    C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3))
    dense = C.toarray()
    assert_allclose(pseudo_inverse(C), dense.T @ np.linalg.inv(dense @ dense.T), atol=1e-12)
    assert rank(C.T @ C).value == 4  # of 16: (C^T C)^-1 C^T does not exist
    # Of a tall matrix, the transposed one, it is the formula.
    assert_allclose(pseudo_inverse(C.T.tocsr()), np.linalg.inv(dense @ dense.T) @ dense, atol=1e-12)


def test_halves_are_undone_by_their_transpose_on_one_side_only():
    C = Conv(4, 2, stride=2).matrix(HALVES)
    assert gram_is_identity(C.T.tocsr(), name="C C^T = I").holds
    assert not gram_is_identity(C).holds
    assert_allclose(pseudo_inverse(C), C.T.toarray(), atol=1e-14)
    assert nullity(C).value == 12
    found = compare_inverses(Conv(4, 2, stride=2), HALVES, np.arange(16).reshape(4, 4))
    assert found.transpose == pytest.approx(found.pseudo_inverse)
    assert found.transpose > 0.1


@pytest.mark.parametrize("weight", [HAAR, SPACE_TO_DEPTH], ids=["Haar", "space to depth"])
def test_an_orthonormal_bank_is_undone_by_its_transpose(weight):
    layer = Conv(4, 2, stride=2, out_channels=4)
    C = layer.matrix(weight)
    assert gram_is_identity(C).holds
    assert_allclose(pseudo_inverse(C), C.T.toarray(), atol=1e-14)
    found = compare_inverses(layer, weight, np.arange(16).reshape(4, 4), method="fft")
    assert max(found.transpose, found.scaled_transpose, found.pseudo_inverse, found.deconvolution) < 1e-14
    assert found.scale == pytest.approx(1)


@pytest.mark.parametrize(("size", "found"), [(5, 16), (8, 49)])
def test_the_box_is_singular_for_5_and_8(size, found):
    C = Conv(size, 3, padding="same").matrix(ONES)
    assert rank(C).value == found
    assert rank(C).proven
    assert nullity(C).value == size**2 - found
    assert rank(Conv(size, 3, padding="same").matrix(ONES / 9)).value == found


def test_the_box_is_regular_for_4_and_its_transpose_is_no_inverse():
    layer = Conv(4, 3, padding="same")
    C = layer.matrix(ONES / 9)
    assert rank(C).value == 16
    assert round(np.linalg.cond(C.toarray())) == 47
    assert_allclose(pseudo_inverse(C) @ C.toarray(), np.eye(16), atol=1e-12)
    found = compare_inverses(layer, ONES / 9, np.random.default_rng(0).random((4, 4)))
    assert found.transpose > 0.2
    assert found.scaled_transpose > 0.2
    assert max(found.pseudo_inverse, found.deconvolution) < 1e-10


@pytest.mark.parametrize(
    ("mode", "found"), [("zeros", 16), ("circular", 25), ("replicate", 25), ("reflect", 25)], ids=lambda each: str(each)
)
def test_the_rank_of_the_box_by_padding_mode(mode, found):
    layer = Conv(5, 3, padding=1, padding_mode=mode)
    assert rank(layer.matrix(ONES)).value == rank(layer.matrix(ONES / 9)).value == found
    assert rank(layer.matrix(ONES)).proven


# -- the pseudo-inverse ----------------------------------------------------------------------------------------------


@share(0.6)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from((np.int64, np.float64, np.complex128)))
@covers()
def test_penroses_four_equations(layer, seed, dtype):
    C = layer.matrix(integers(layer.weight_shape, seed, dtype)).toarray()
    P = pseudo_inverse(sparse.csr_array(C))
    error = 1e-11 * max(np.linalg.norm(C, 2) * np.linalg.norm(P, 2), 1)  # the condition of what is kept
    assert P.shape == C.shape[::-1]
    assert_allclose(C @ P @ C, C, atol=error * max(abs(C).max(), 1))
    assert_allclose(P @ C @ P, P, atol=error * max(abs(P).max(), 1))
    assert_allclose((C @ P).conj().T, C @ P, atol=error)
    assert_allclose((P @ C).conj().T, P @ C, atol=error)


def test_a_rank_that_double_precision_does_not_show_is_refused():
    # -10 below a diagonal of ones: regular, with a smallest singular value of about 1e-20.
    layer = Conv((20,), 2, padding="causal")
    C = layer.matrix([-10, 1])
    assert rank(C) == (20, "modulo the prime 2147483647; proven, since the pattern allows no more", True)
    message = (
        r"^the rank is 20 \(modulo the prime 2147483647; proven, since the pattern allows no more\) but only 19 "
        r"singular values are above [\de.-]+, the rounding error of double precision, in which this matrix therefore "
        r"cannot be inverted; use deconvolve with a damping, or null_space with exact=True$"
    )
    for refused in (pseudo_inverse, null_space):
        with pytest.raises(ValueError, match=message):
            refused(C)
    assert null_space(C, exact=True).shape == (20, 0)


def test_the_pseudo_inverse_of_a_million_columns_is_refused():
    message = (
        "the pseudo-inverse of a 1000000 x 1000000 matrix is dense: 1000000 * 1000000 = 1e+12 numbers (7.45e+03 GiB) "
        "to begin with, and its side of 1000000 is above the limit of 4096; deconvolve(layer, weight, y) applies it to "
        "one y without building it"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        pseudo_inverse(sparse.eye_array(10**6, format="csr"))
    wide = sparse.csr_array((np.ones(3), ([0, 1, 2], [0, 5, 99_999])), shape=(3, 100_000))
    assert pseudo_inverse(wide).shape == (100_000, 3)  # it is the smaller side that counts


def test_the_pseudo_inverse_that_does_not_fit_in_memory_is_refused():
    message = r"numbers \(2\.79e\+05 GiB\) to begin with, and with its singular vectors it needs [\de.+]+ GiB but "
    with pytest.raises(MemoryError, match=message):
        pseudo_inverse(sparse.csr_array((4000, 9_363_000_000 + 1)))


# -- side by side ----------------------------------------------------------------------------------------------------


@share(0.4)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from((np.int64, np.float64, np.complex128)))
@covers()
def test_the_errors_are_those_of_the_images(layer, seed, dtype):
    weight = integers(layer.weight_shape, seed, dtype)
    x = np.random.default_rng(seed).standard_normal(layer.input_shape)
    C = layer.matrix(weight).toarray()
    y = C @ x.ravel()
    found = compare_inverses(layer, weight, x, damping=1.0)

    def error(image):
        return np.linalg.norm(image - x.ravel()) / np.linalg.norm(x)

    back = C.conj().T @ y
    assert found.transpose == pytest.approx(error(back))
    assert found.scaled_transpose == pytest.approx(error(found.scale * back))
    for other in (0.99, 1.01, 1 + 0.01j):
        assert found.scaled_transpose <= error(other * found.scale * back) + 1e-12
    assert found.pseudo_inverse == pytest.approx(error(pseudo_inverse(sparse.csr_array(C)) @ y), abs=1e-9)
    damped = np.linalg.solve(C.conj().T @ C + np.eye(len(x.ravel())), back)
    assert found.deconvolution == pytest.approx(error(damped), abs=1e-7)
    # No map of C x comes nearer than the projection; what is lost is lost.
    assert found.pseudo_inverse <= min(found.transpose, found.scaled_transpose, found.deconvolution) + 1e-7


def test_noise_is_what_the_damping_is_for():
    layer = Conv(12, 3, padding=1, padding_mode="circular")
    rng = np.random.default_rng(0)
    x, weight = rng.random((12, 12)), np.array([[1, 2, 1], [2, 4.5, 2], [1, 2, 1]]) / 16.5
    y = layer.operator(weight) @ x.ravel() + 0.05 * rng.standard_normal(144)
    plain = compare_inverses(layer, weight, x, y, method="fft")
    damped = compare_inverses(layer, weight, x, layer.unvec(y), method="fft", damping=0.02)
    assert plain.pseudo_inverse == pytest.approx(plain.deconvolution)
    assert damped.deconvolution < damped.scaled_transpose < plain.deconvolution
    assert (plain.method, plain.reason) == ("fft", "one block of 1 x 1 for each of 144 frequencies")


def test_the_scale_is_the_best_of_complex_ones_too():
    rng = np.random.default_rng(0)
    layer, weight = Conv((6,), 2), np.array([1, 2j])
    x, y = rng.standard_normal(6), rng.standard_normal(5) + 1j * rng.standard_normal(5)
    found = compare_inverses(layer, weight, x, y)
    back = layer.matrix(weight).toarray().conj().T @ y
    assert found.scale == pytest.approx(np.linalg.lstsq(back[:, None], x.astype(complex))[0][0])
    assert abs(found.scale.imag) > 0.01


def test_a_large_comparison_does_without_the_pseudo_inverse():
    layer = Conv(64, 3, padding=1, padding_mode="circular")
    found = compare_inverses(layer, [[0, 1, 0], [1, 8, 1], [0, 1, 0]], np.random.default_rng(0).random((64, 64)))
    assert found.pseudo_inverse is None
    assert found.deconvolution < 1e-9 < found.scaled_transpose


def test_comparisons_that_mean_nothing_are_refused():
    message = r"^x, of size 16, has only zeros, for which no relative error is defined: give another image$"
    with pytest.raises(ValueError, match=message):
        compare_inverses(Conv(4, 3), ONES, np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"^x has shape \(3, 4, 4\), a batch of 3: give one image$"):
        compare_inverses(Conv(4, 3), ONES, np.ones((3, 4, 4)))
    with pytest.raises(ValueError, match=r"^y has shape \(5,\) but one output of this layer has \(1, 2, 2\)"):
        compare_inverses(Conv(4, 3), ONES, np.ones((4, 4)), np.ones(5))


def test_nothing_comes_back_of_nothing():
    found = compare_inverses(Conv((3,), 1), [0], [1, 2, 3])
    assert (found.transpose, found.scaled_transpose, found.pseudo_inverse, found.deconvolution) == (1, 1, 1, 1)
    assert found.scale == 0
