"""Null spaces: each basis is mapped to zero, and is complete."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from convmatrix import Conv
from convmatrix.algebra.elimination.null_spaces import integer_basis, null_space
from convmatrix.algebra.elimination.ranks import nullity, rank
from strategies import covers, integers, layers, seeds, share


@share(0.6)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from((np.int64, np.float64, np.complex128)))
@covers()
def test_the_basis_is_orthonormal_complete_and_mapped_to_zero(layer, seed, dtype):
    C = layer.matrix(integers(layer.weight_shape, seed, dtype))
    basis = null_space(C)
    scale = max(abs(C.data).max(initial=0), 1)
    assert_allclose(abs(C @ basis), 0, atol=1e-12 * scale * C.shape[1])
    assert_allclose(basis.conj().T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    assert basis.shape == (C.shape[1], C.shape[1] - rank(C).value)
    assert basis.dtype == (dtype if dtype is np.complex128 else np.float64)


@share(0.4)
@given(layer=layers(), seed=seeds())
@covers()
def test_the_exact_basis_proves_the_rank(layer, seed):
    # C N = 0 in integers, and N has a column's own entry for each of its columns: the nullity is at least their
    # number. The rank modulo a prime is a lower bound. Together they are the proof.
    C = layer.matrix(integers(layer.weight_shape, seed))
    basis = integer_basis(C)
    assert not (C.toarray().astype(object) @ basis).any()
    own = [np.flatnonzero(basis[:, column])[-1] for column in range(basis.shape[1])]
    assert len(set(own)) == basis.shape[1]
    assert np.count_nonzero(basis[own]) == basis.shape[1]
    found = rank(C)
    assert basis.shape[1] + found.value == C.shape[1]
    assert found.proven
    assert nullity(C) == found._replace(value=basis.shape[1])
    for column in basis.T:
        assert np.gcd.reduce(column) == 1
    if np.abs(basis).max(initial=0) < 2**63:
        assert_array_equal(null_space(C, exact=True), basis.astype(np.int64))


def test_a_wide_convolution_cannot_see_twelve_of_sixteen():
    C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3))
    assert rank(C).value == 4
    assert null_space(C).shape == null_space(C, exact=True).shape == (16, 12)


def test_the_box_cannot_see_what_sums_to_zero_in_every_window():
    C = Conv(5, 3, padding="same").matrix(np.ones((3, 3), dtype=int))
    basis = null_space(C, exact=True)
    assert basis.shape == (25, 9)
    assert not (C @ basis).any()
    assert set(np.unique(basis)) <= {-1, 0, 1}
    assert null_space(Conv(4, 3, padding="same").matrix(np.ones((3, 3), dtype=int)), exact=True).shape == (16, 0)


def test_bool_and_unsigned_matrices_have_exact_bases():
    for dtype in (bool, np.uint8, np.uint64):
        assert_array_equal(null_space(sparse.csr_array(np.ones((1, 2), dtype=dtype)), exact=True).T, [[-1, 1]])
    large = sparse.csr_array(np.array([[2**63, 2**63 + 1]], dtype=np.uint64))
    with pytest.raises(OverflowError, match=r"^the exact basis has entries of 64 bits, which leaves int64: leave out"):
        null_space(large, exact=True)


def test_bases_that_are_no_use_are_refused_in_a_sentence():
    huge = sparse.eye_array(10**6, dtype=np.int64, format="csr")
    message = (
        "a basis of what a 1000000 x 1000000 matrix cannot see is dense: 1000000 * 1000000 = 1e+12 numbers (7.45e+03 "
        "GiB) to begin with, and its side of 1000000 is above the limit of 4096; same_output_pair finds one image in it"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        null_space(huge)
    message = (
        "an exact basis of what a 1000000 x 1000000 matrix cannot see takes 1e+18 multiplications of long integers, "
        "above 2e+07: leave out exact=True for floats, or use same_output_pair for one vector"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        null_space(huge, exact=True)
    message = "an exact basis needs integers, got float64: scale the weight to integers, or leave out exact=True"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        null_space(huge.astype(float), exact=True)
