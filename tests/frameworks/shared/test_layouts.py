"""Test that arrays of half precision are converted without loss, and that others are unchanged."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.frameworks.shared.layouts import widened
from strategies import share


@share(0.5)
@given(st.sampled_from(["float16", "float32", "float64", "int8", "complex64"]), st.integers(0, 4))
def test_widened(dtype, count):
    array = np.arange(count).astype(dtype) / 3 if "int" not in dtype else np.arange(count).astype(dtype)
    array = array.astype(dtype)
    assert widened(array).dtype == ("float32" if dtype == "float16" else dtype)
    assert_array_equal(widened(array), array)
