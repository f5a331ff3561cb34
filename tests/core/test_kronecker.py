"""A product over the axes, as a matrix and as an operator: against numpy.kron."""

from functools import reduce

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix.core.kronecker import KroneckerOperator, kronecker
from strategies import integers, seeds

shapes = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=3)
dtypes = st.sampled_from(["int64", "float32", "complex128"])


def factors_of(shapes, seed, dtype):
    return [sparse.csr_array(integers(shape, [seed, axis], dtype)) for axis, shape in enumerate(shapes)]


@given(shapes, st.integers(1, 3), seeds(), dtypes)
def test_the_matrix_is_numpys(shapes, channels, seed, dtype):
    factors = factors_of(shapes, seed, dtype)
    expected = reduce(np.kron, [factor.toarray() for factor in factors], np.eye(channels))
    K = kronecker(factors, channels, np.dtype(dtype))
    assert type(K) is sparse.csr_array
    assert K.dtype == dtype
    assert K.indices.dtype == K.indptr.dtype == np.int32
    assert K.has_canonical_format
    assert_array_equal(K.toarray(), expected)


@given(shapes, st.integers(1, 3), seeds(), dtypes)
def test_the_operator_is_the_matrix(shapes, channels, seed, dtype):
    factors = factors_of(shapes, seed, dtype)
    K = kronecker(factors, channels, np.dtype(dtype))
    operator = KroneckerOperator(factors, channels, np.dtype(dtype))
    assert (operator.shape, operator.dtype) == (K.shape, dtype)
    rows, cols = K.shape
    x, X = integers(cols, seed), integers((cols, 3), seed, "complex128")
    y, Y = integers(rows, seed), integers((rows, 2), seed, "complex128")
    assert_array_equal(operator @ x, K @ x)
    assert_array_equal(operator @ X, K @ X)
    assert_array_equal(operator.rmatvec(y), K.conj().T @ y)
    assert_array_equal(operator.rmatmat(Y), K.conj().T @ Y)
    assert_array_equal(operator.T @ y, K.T @ y)


def test_nothing_is_added_up_in_a_dtype_that_is_too_small():
    """The operator works in the wider dtype of matrix and vector."""
    ones = sparse.csr_array(np.ones((1, 3), dtype=np.int8))
    operator = KroneckerOperator([ones, ones], 1, np.dtype(np.int8))
    assert_array_equal(operator @ np.full(9, 100), [900])
