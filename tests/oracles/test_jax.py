"""XLA's general convolution and its transpose compute the same layers, in exact integers."""

import os

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from convmatrix import Conv
from strategies import BORDERS, convs, covers, integers, seeds, share, transposes

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # almost all the time here goes to compiling
jax = pytest.importorskip("jax")

EXACT = 2**24  # all integers up to here are float32's


def general(layer, weight):
    """Compute the layer's forward convolution by one call of XLA."""

    def convolve(x):
        return jax.lax.conv_general_dilated(
            x,
            np.asarray(weight, np.float32),
            window_strides=layer.stride,
            padding=layer.padding,
            lhs_dilation=layer.input_dilation,
            rhs_dilation=layer.dilation,
            feature_group_count=layer.groups,
            precision=jax.lax.Precision.HIGHEST,
        )

    return convolve


def assert_exactly(y, expected):
    """Compare after asserting that float32 is exact."""
    assert np.abs(expected).max(initial=0) < EXACT
    assert y.dtype == np.float32
    assert_array_equal(expected, np.asarray(y))


@given(layer=convs(modes=("zeros",), ndims=(1, 2, 3)), seed=seeds())
@covers(without=BORDERS)
@share(0.6)
def test_conv_general_dilated(layer, seed):
    x, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    y = general(layer, weight)(np.asarray(x, np.float32))
    assert_exactly(y, layer.unvec(layer.matrix(weight) @ layer.vec(x)))


@given(layer=transposes(modes=("zeros",), ndims=(1, 2, 3)), seed=seeds())
@covers(without=BORDERS)
@share(0.6)
def test_the_linear_transpose_of_the_forward_convolution(layer, seed):
    y, weight = integers((1, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    domain = jax.ShapeDtypeStruct((1, *layer.output_shape), np.float32)
    (x,) = jax.linear_transpose(general(layer.T, weight), domain)(np.asarray(y, np.float32))
    assert_exactly(x, layer.unvec(layer.matrix(weight) @ layer.vec(y)))


@given(layer=transposes(modes=("zeros",), ndims=(1, 2, 3)), seed=seeds())
@covers(without=BORDERS)
@share(0.2)
def test_the_direct_convolution_of_the_spread_input(layer, seed):
    """XLA's input dilation, with a flipped kernel and possibly negative pads, is the transposed convolution."""
    y, weight = integers((1, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    x = general(layer.as_conv(), layer.direct_weight(weight))(np.asarray(y, np.float32))
    assert_exactly(x, layer.unvec(layer.matrix(weight) @ layer.vec(y)))


def test_a_hand_made_case_with_everything_at_once():
    layer = Conv(
        (5, 4),
        (2, 3),
        stride=(2, 1),
        padding=((-1, 3), (2, -2)),
        dilation=(2, 1),
        input_dilation=(2, 3),
        groups=2,
        in_channels=4,
        out_channels=2,
    )
    x, weight = integers((1, *layer.input_shape), 1), integers(layer.weight_shape, 2)
    y = general(layer, weight)(np.asarray(x, np.float32))
    assert y.shape == (1, *layer.output_shape)
    assert_exactly(y, layer.unvec(layer.matrix(weight) @ layer.vec(x)))
