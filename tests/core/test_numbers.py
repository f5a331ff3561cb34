"""Finite numbers: an error names the first that is not finite, and a power of two scales the others."""

import re
from math import frexp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix.core.numbers import require_finite, scaled

mantissas = st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=6)
exponents = st.integers(-900, 900)


def parts_of(values):
    return [float(part) for value in values for part in (value.real, value.imag)]


@given(mantissas, exponents, st.sampled_from([np.float64, np.complex128]))
def test_scaling_is_exact_and_reversible(mantissas, exponent, dtype):
    values = np.ldexp(np.array(mantissas, dtype=np.float64), exponent).astype(dtype)
    if dtype is np.complex128:
        values = values * (3 + 5j)  # at most 23 bits more: still exact
    result, scale = scaled(values)
    assert result.dtype == dtype
    assert frexp(scale)[0] == 0.5  # a power of two
    assert_array_equal(result * scale, values)
    largest = max(map(abs, parts_of(result)))
    assert 1 <= largest < 2 or (largest == 0 and scale == 1)


@given(mantissas, exponents)
def test_down_leaves_small_numbers_alone(mantissas, exponent):
    values = np.ldexp(np.array(mantissas, dtype=np.float64), exponent)
    result, scale = scaled(values, down=True)
    assert scale >= 1
    if np.abs(values).max() < 2:
        assert result is values
    else:
        assert 1 <= np.abs(result).max() < 2
    assert_array_equal(result * scale, values)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64])
def test_integers_stay_as_they_are(dtype):
    values = np.array([0, 1, 1], dtype=dtype)
    result, scale = scaled(values)
    assert result is values
    assert scale == 1


def test_single_precision_stays_single():
    result, scale = scaled(np.array([3e38, -1.0], dtype=np.float32))
    assert result.dtype == np.float32
    assert scale == 2.0**127
    assert_array_equal(result * np.float32(scale), np.array([3e38, -1.0], dtype=np.float32))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_first_number_that_is_not_finite_is_named(wrong):
    values = np.zeros((2, 3))
    values[1, 2] = wrong
    with pytest.raises(ValueError, match=re.escape(f"x has {wrong} at (1, 2): nothing can be solved")):
        require_finite("x", values)
    with pytest.raises(ValueError, match=re.escape(f"C has {wrong} at (1, 2): nothing can be solved")):
        require_finite("C", sparse.csr_array(values))


def test_the_message_has_the_number_of_several():
    with pytest.raises(ValueError, match=r"x has nan at \(0,\), the first of 3 entries that are not finite: nothing"):
        require_finite("x", np.array([np.nan, 1.0, np.inf, np.nan]))
    with pytest.raises(ValueError, match=r"x has \(?nan\+1j\)? at \(1,\): nothing"):
        require_finite("x", np.array([1.0, complex(np.nan, 1)]))


@pytest.mark.parametrize("values", [np.array([]), np.array([1, 2]), np.array([1e308]), sparse.csr_array((2, 2))])
def test_finite_numbers_pass(values):
    require_finite("x", values)
