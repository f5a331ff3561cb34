"""Laws hold for the largest and the smallest numbers of every dtype, and what fails still fails."""

import json
from functools import reduce
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from commandline import run
from convmatrix import Conv, ConvTranspose
from convmatrix.algebra import checks, gram_is_identity, laws, rank, verdict
from convmatrix.algebra.exact import digits, from_digits, gram_entries
from convmatrix.algebra.factors import dual, product, selected, separated, unfolded
from convmatrix.algebra.inverse.same_output import same_output_pair
from convmatrix.algebra.stack.overlaps import checkerboard
from convmatrix.core.errors import SumOverflowError
from strategies import layers, seeds, share

INTEGERS = tuple(np.dtype(kind + str(size)) for kind in "iu" for size in (1, 2, 4, 8))


def extremes(shape, seed, dtype):
    """The smallest and the largest number of a dtype, its neighbours, and zero."""
    limits = np.iinfo(dtype)
    numbers = [limits.min, limits.min + 1, 0, 1, limits.max - 1, limits.max]
    return np.random.default_rng(seed).choice(np.array(numbers, dtype=dtype), shape)


def exact(C):
    """The dense matrix in Python's integers."""
    return C.toarray().astype(object)


# -- the digits ----------------------------------------------------------------------------------------------------


@share(0.3)
@given(seed=seeds(), dtype=st.sampled_from(INTEGERS), bits=st.integers(1, 62))
def test_digits_are_put_together_again(seed, dtype, bits):
    numbers = extremes((5,), seed, dtype)
    parts = digits(numbers, bits)
    assert all(part.dtype == np.int64 and np.abs(part).max() < 2**bits for part in parts)
    assert from_digits(parts, bits).tolist() == numbers.tolist()


@pytest.mark.parametrize("dtype", INTEGERS)
@share(0.3)
@given(seed=seeds())
def test_gram_entries_are_exact(dtype, seed):
    C = sparse.csr_array(extremes((4, 3), seed, dtype))
    rows, cols, values = gram_entries(C)
    found = np.zeros((3, 3), dtype=object)
    found[rows, cols] = values
    assert (found == exact(C).T @ exact(C)).all()
    check = gram_is_identity(C)
    deviation = np.abs(exact(C).T @ exact(C) - np.eye(3, dtype=int))
    assert check.measured == deviation.max()
    assert check.holds == (deviation.max() == 0)
    assert check.where is None or deviation[check.where] == deviation.max()


# -- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
@share(0.1)
@given(layer=layers(), seed=seeds())
def test_laws_hold_for_the_extremes_of_every_integer_type(dtype, layer, seed):
    weight = extremes(layer.weight_shape, seed, dtype)
    try:
        layer.matrix(weight)
    except SumOverflowError:  # there is no such matrix, as checks report in the same sentence
        with pytest.raises(SumOverflowError, match=r"add up to .*: cast the weight with"):
            checks(layer, weight)
        return
    for check in checks(layer, weight)[:8]:
        assert check.holds, (layer, check)
        assert check.measured == check.bound == 0


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("layer", [Conv(4, 3), ConvTranspose(3, 2, stride=2)])
def test_a_wrong_matrix_is_found_for_the_extremes_of_every_integer_type(layer, dtype):
    right = Conv.matrix

    def wrong(self, weight):
        matrix = right(self, weight)
        matrix.data[-1] -= 1
        return matrix

    weight = np.full(layer.weight_shape, np.iinfo(dtype).max)
    with mock.patch.object(Conv, "matrix", wrong):
        for law in (laws.adjoint, laws.sliding_window, laws.stamps, laws.linear_in_weight):
            found = law(layer, weight)
            assert not found.holds
            assert 1 <= found.measured <= 81


@pytest.mark.parametrize("dtype", INTEGERS)
def test_findings_say_yes_and_no_for_the_extremes_of_every_integer_type(dtype):
    largest = np.iinfo(dtype).max
    layer = Conv((5,), 3, stride=2, padding=1)
    assert laws.unflipped_insertion(layer, np.array([largest, 1, largest], dtype=dtype)).holds
    assert not laws.unflipped_insertion(layer, np.array([largest, 1, largest - 1], dtype=dtype)).holds


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("of", ["max", "tiny", "smallest_subnormal"])
@pytest.mark.parametrize("layer", [Conv(4, 3), Conv((6,), 3, padding=2, padding_mode="replicate").T])
def test_laws_hold_for_the_largest_and_the_smallest_floats(layer, of, dtype):
    pattern = np.random.default_rng(0).choice([-1.0, 0.5, 1.0], layer.weight_shape)
    weight = (pattern * float(getattr(np.finfo(dtype), of))).astype(dtype)
    for law in (
        laws.adjoint,
        laws.sliding_window,
        laws.stamps,
        laws.zero_insertion,
        laws.linear_in_weight,
        laws.weight_gradient,
        laws.backward,
    ):
        assert law(layer, weight).holds, law


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_no_law_holds_for_are_refused(number):
    weight = np.array([1.0, number])
    for law in (checks, laws.adjoint, laws.stamps, laws.weight_gradient):
        with pytest.raises(ValueError, match=rf"^weight has {number} at \(.*1,?\): nothing can be solved"):
            law(Conv((4,), 2), weight)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_the_command_line_exits_with_success_where_laws_hold(dtype, tmp_path):
    np.save(tmp_path / "w.npy", np.full((3, 3), np.iinfo(dtype).max))
    done = run("verify", "--i", "4", "--k", "3", "--weight", str(tmp_path / "w.npy"), "--format", "json")
    assert done.code == 0
    assert json.loads(done.out)["laws_hold"] is True


# -- factors, and what else adds up integers -----------------------------------------------------------------------


@share(0.3)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from((*INTEGERS, np.dtype(bool))))
def test_factors_multiply_to_the_matrix_in_every_integer_type(layer, seed, dtype):
    weight = extremes(layer.weight_shape, seed, dtype) if dtype.kind != "b" else np.ones(layer.weight_shape, dtype)
    for factors_of in (unfolded, selected):
        try:
            C = layer.matrix(weight)
        except SumOverflowError:
            with pytest.raises(SumOverflowError, match="add up to"):
                factors_of(layer, weight)
        else:
            assert (exact(product(factors_of(layer, weight))) == exact(C)).all()


def is_outer_product(matrix):
    """Check whether all rows are multiples of one, in integers of any size."""
    row, col = np.unravel_index(int(np.argmax(matrix != 0)), matrix.shape)
    return not (matrix * matrix[row, col] - np.outer(matrix[:, col], matrix[row])).any()


@share(0.3)
@given(
    seed=seeds(), dtype=st.sampled_from((*INTEGERS, np.dtype(bool))), shape=st.sampled_from([(2, 3), (3, 1), (2, 2, 2)])
)
def test_kernels_are_separated_exactly_or_refused_in_every_integer_type(seed, dtype, shape):
    limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    rng = np.random.default_rng(seed)
    vectors = [rng.choice([-1, 0, 1] if limits[0] else [0, 1], size).astype(object) for size in shape]
    vectors[0] = vectors[0] * int(limits[rng.integers(2)])
    kernel = reduce(np.multiply.outer, vectors)
    kernel = np.clip(kernel, *map(int, limits)).astype(dtype)
    try:
        found = separated(kernel)
    except ValueError:
        unfolded = [np.moveaxis(kernel, axis, 0).reshape(size, -1).astype(object) for axis, size in enumerate(shape)]
        assert not all(map(is_outer_product, unfolded))
        return
    assert (reduce(np.multiply.outer, [vector.astype(object) for vector in found]) == kernel.astype(object)).all()


def test_a_kernel_that_is_an_outer_product_only_modulo_256_is_refused():
    kernel = np.array([[16, 1], [0, 0]], dtype=np.uint8)
    kernel[1] = [16 * 16 % 256, 16]  # 16 times the row above, but for 256
    with pytest.raises(ValueError, match=r"^kernel is not an outer product of one vector per axis: the "):
        separated(kernel)


@share(0.3)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from((*INTEGERS, np.dtype(bool))))
def test_the_dual_matrix_holds_its_sums_in_every_integer_type(layer, seed, dtype):
    x = extremes(layer.input_shape, seed, dtype) if dtype.kind != "b" else np.ones(layer.input_shape, dtype)
    unit = np.zeros(layer.weight_shape, dtype=np.int64)
    unit.ravel()[seed % unit.size] = 1
    expected = exact(layer.matrix(unit)) @ x.ravel().astype(object)
    try:
        X = dual(layer, x)
    except SumOverflowError:
        assert np.dtype(dtype).itemsize == 8
        return
    assert (exact(X)[:, seed % unit.size] == expected).all()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ranks_verdicts_and_pairs_of_the_extremes(dtype):
    limits = np.iinfo(dtype)
    layer = Conv((4,), 2)
    for weight in (np.array([limits.max, limits.max], dtype), np.array([limits.min, limits.max], dtype)):
        found = verdict(layer, weight)
        assert found.rank.value == rank(layer.matrix(weight)).value == 3
        C = exact(layer.matrix(weight))
        assert found.gram.measured == np.abs(C.T @ C - np.eye(4, dtype=int)).max()
        pair = same_output_pair(layer, weight)
        if pair.first.dtype == np.int64:  # a patch of integers that are not too large was found
            assert pair.difference == 0
            assert not (C @ (pair.second - pair.first).ravel().astype(object)).any()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_gains_are_sums_that_fit(dtype):
    largest = int(np.iinfo(dtype).max)
    found = checkerboard(Conv((3,), 3), [np.full(3, largest, dtype)])
    np.testing.assert_allclose(found.gain, [[3.0 * largest]], rtol=1e-15)
    np.testing.assert_allclose(found.energy, [[3.0 * largest**2]], rtol=1e-15)
