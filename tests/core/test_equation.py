"""The equation is the definition, and what is faster is the equation."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.core import equation, memory
from convmatrix.core.errors import SumOverflowError, TooLargeError
from helpers import assert_canonical, dense
from strategies import integers, layers, seeds, share

DTYPES = ("bool", "int8", "uint16", "int64", "float32", "float64", "complex64")


@given(layer=layers(), seed=seeds(), dtype=st.sampled_from(DTYPES))
def test_the_fast_matrix_is_that_of_the_equation(layer, seed, dtype):
    weight = integers(layer.weight_shape, seed, dtype)
    C, fast = layer.matrix(weight, method="equation"), layer.matrix(weight)
    assert_canonical(C)
    assert C.dtype == fast.dtype
    for name in ("indptr", "indices", "data"):
        assert_array_equal(getattr(C, name), getattr(fast, name))


@share(0.2)
@given(layer=layers(), seed=seeds())
def test_the_equation_is_the_definition(layer, seed):
    weight = integers(layer.weight_shape, seed)
    assert_array_equal(layer.matrix(weight, method="equation").toarray(), dense(layer, weight))


@share(0.2)
@given(layer=layers(), seed=seeds(), data=st.data())
def test_rows_and_channels_last_of_the_equation(layer, seed, data):
    weight = integers(layer.weight_shape, seed)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, layer.matrix_shape[0])] * 2)))
    for keywords in ({"rows": slice(start, stop)}, {"channels_last": True}):
        C, fast = layer.matrix(weight, method="equation", **keywords), layer.matrix(weight, **keywords)
        assert C.shape == fast.shape
        assert not (fast != C).nnz
        assert C.nnz == fast.nnz


def test_what_it_imports():
    tree = ast.parse(Path(equation.__file__).read_text())
    result = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert result <= {"collections.abc", "functools", "typing", "numpy.typing", "scipy", "convmatrix.core.axis"}
    assert len(Path(equation.__file__).read_text().splitlines()) < 110


def test_sums_that_overflow_are_refused_by_both():
    layer = Conv((1,), 2, padding=1, padding_mode="replicate")
    for method in ("fast", "equation"):
        with pytest.raises(SumOverflowError, match=r"add up to 200, but int8 ends at 127"):
            layer.matrix(np.array([100, 100], dtype=np.int8), method=method)


def test_a_layer_that_reads_nothing_keeps_the_dtype():
    layer = Conv((1,), 1, padding=((1, -1),), input_dilation=2)
    assert layer.matrix(np.ones((1, 1, 1), bool), method="equation").dtype == bool


def test_another_method_is_refused():
    with pytest.raises(ValueError, match=r"^method 'slow' is not one of fast, equation$"):
        ConvTranspose(2, 3).matrix(np.ones((3, 3)), method="slow")


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    layer = Conv(300, 3)
    message = "the equation of 799236 reads needs 0.0744 GiB but 0.000977 GiB of memory is available: leave out"
    with pytest.raises(TooLargeError, match=f"^{re.escape(message)}"):
        layer.matrix(np.ones((3, 3)), method="equation")
