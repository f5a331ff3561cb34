"""Upsample against its definition in exact fractions, axis by axis."""

from fractions import Fraction
from itertools import product
from math import floor, prod

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import (
    Conv,
    Upsample,
)
from helpers import assert_canonical
from strategies import integers
from strategies_fixed import (
    fraction,
    upsample_arguments,
    upsamples,
)


def shares(arguments, axis):
    """For each output of one axis, the inputs it reads and their weights, in fractions."""
    n, mode = arguments["input_size"][axis], arguments["mode"]
    if "output_size" in arguments:
        outputs = arguments["output_size"][axis]
        step = Fraction(n, outputs)
    else:
        scale = arguments["scale"][axis]
        outputs = floor(n * scale)
        step = 1 / fraction(scale)
        if outputs == n or (outputs == 2 * n and mode == "nearest"):
            step = Fraction(n, outputs)
    for o in range(outputs):
        if mode == "nearest":
            yield {min(floor(o * step), n - 1): Fraction(1)}
        elif mode == "nearest-exact":
            yield {min(floor((o + Fraction(1, 2)) * step), n - 1): Fraction(1)}
        else:
            if arguments["align_corners"]:
                position = o * Fraction(n - 1, outputs - 1) if outputs > 1 else Fraction(0)
            else:
                position = (o + Fraction(1, 2)) * step - Fraction(1, 2)
            position = min(max(position, Fraction(0)), Fraction(n - 1))
            weights = {floor(position): 1 - position % 1, floor(position) + 1: position % 1}
            yield {place: weight for place, weight in weights.items() if weight}


def resized(arguments):
    """The matrix of one channel, as a dense array, and its pattern."""
    axes = [list(shares(arguments, axis)) for axis in range(len(arguments["input_size"]))]
    sizes = arguments["input_size"]
    matrix = np.zeros((prod(map(len, axes)), prod(sizes)))
    for row, reads in enumerate(product(*axes)):
        for cell in product(*reads):
            weight = prod((read[place] for read, place in zip(reads, cell, strict=True)), start=Fraction(1))
            matrix[row, np.ravel_multi_index(cell, sizes) if cell else 0] = float(weight)
    return matrix


@given(upsample_arguments())
def test_upsampling_is_its_definition(arguments):
    up = Upsample(**arguments)
    expected = np.kron(np.eye(up.channels), resized(arguments))
    C = up.matrix()
    assert C.shape == expected.shape
    assert up.nnz == np.count_nonzero(expected)
    assert_array_equal(C.toarray() != 0, expected != 0)  # which inputs are read, exactly
    assert_allclose(C.toarray(), expected, rtol=1e-15, atol=0)
    assert_allclose(C @ np.ones(C.shape[1]), 1, rtol=1e-15)


@given(upsamples())
def test_the_matrix_of_upsampling_is_a_kronecker_product(up):
    whole = np.eye(up.channels)
    for matrix in up.axis_matrices():
        assert_canonical(matrix)
        whole = np.kron(whole, matrix.toarray())
    assert_array_equal(up.matrix().toarray(), whole)


@pytest.mark.parametrize(
    ("keywords", "rows"),
    [
        ({"scale": 2}, [[1, 0], [1, 0], [0, 1], [0, 1]]),
        ({"output_size": 3}, [[1, 0], [1, 0], [0, 1]]),
        ({"output_size": 3, "mode": "nearest-exact"}, [[1, 0], [0, 1], [0, 1]]),
        ({"output_size": 3, "mode": "linear", "align_corners": True}, [[1, 0], [0.5, 0.5], [0, 1]]),
        ({"output_size": 1, "mode": "linear", "align_corners": True}, [[1, 0]]),
        ({"output_size": 1, "mode": "linear"}, [[0.5, 0.5]]),
        ({"scale": 1.5, "mode": "linear"}, [[1, 0], [0.5, 0.5], [0, 1]]),
        ({"scale": 1.9, "mode": "linear"}, [[1, 0], [1 - 11 / 38, 11 / 38], [1 - 31 / 38, 31 / 38]]),
        ({"scale": 1.9, "mode": "linear", "align_corners": True}, [[1, 0], [0.5, 0.5], [0, 1]]),
        ({"scale": 1.4, "mode": "linear"}, [[1, 0], [0, 1]]),
    ],
)
def test_upsampling_by_hand(keywords, rows):
    assert_allclose(Upsample((2,), **keywords).matrix().toarray(), rows, rtol=1e-15, atol=0)


def test_a_scale_and_a_size_that_say_the_same_make_equal_layers():
    assert Upsample(4, scale=2) == Upsample((4, 4), output_size=(8, 8)) == Upsample(4, scale=2.0, output_size=8)
    assert Upsample((10,), scale=1.7) == Upsample((10,), output_size=17)
    assert Upsample((10,), scale=0.1) == Upsample((10,), scale=Fraction(1, 10)) == Upsample((10,), output_size=1)
    assert Upsample((5,), scale=1.5) != Upsample((5,), output_size=7)  # positions 1/1.5 apart, not 5/7
    assert Upsample((5,), scale=1.5, output_size=8) != Upsample((5,), scale=1.5)
    assert Upsample((5,), scale=1.5, mode="linear", align_corners=True) == Upsample(
        (5,), output_size=7, mode="linear", align_corners=True
    )
    assert Upsample((5,), scale=1.05) == Upsample((5,), output_size=5)


@pytest.mark.parametrize(("name", "mode"), [("nearest", "nearest"), ("linear", "linear")])
def test_a_resize_convolution_is_the_product_of_two_matrices(name, mode):
    up = Upsample((3, 4), scale=2, mode=mode)
    smooth = Conv(up.output_size, 3, padding=1)
    weight = np.arange(1, 10).reshape(3, 3)
    x = integers((3, 4), 0)
    y = smooth.operator(weight) @ (up.operator() @ x.ravel())
    assert_allclose(smooth.matrix(weight) @ up.matrix() @ x.ravel(), y, rtol=1e-14)
