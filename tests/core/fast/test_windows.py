"""Products with windows: each way against the matrix of the equation, in exact integers."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.core import equation
from convmatrix.core.fast import tuning
from convmatrix.core.fast.windows import banded, gathered, has_band, mirrored, scattered
from strategies import convs, integers, seeds, share

DTYPES = st.sampled_from((np.int64, np.float64, np.complex128))
PIECES = st.sampled_from((1, 40, 300, 2**22))


def matrix_of(layer, weight):
    return equation.matrix(layer.axes, weight, layer.groups)


def grouped(layer, weight):
    """A weight as windows take it, shape (groups, to, from, *kernel_size)."""
    return weight.reshape(layer.groups, -1, *weight.shape[1:])


def images(layer, shape, seed, dtype, count=2):
    """Arrays of shape (images, groups, channels, *size) for the inputs or outputs of a layer."""
    channels, *size = shape
    return integers((count, layer.groups, channels // layer.groups, *size), seed, dtype)


def applied(C, x):
    """The matrix times each image, shape (images, rows)."""
    return (C @ x.reshape(len(x), -1).T).T


@share(0.4)
@given(layer=convs(), seed=seeds(), dtype=DTYPES, piece=PIECES, joined=st.sampled_from((0, 10**6)), short=st.booleans())
def test_gathered_windows_are_the_matrix(layer, seed, dtype, piece, joined, short):
    weight = integers(layer.weight_shape, seed, dtype)
    x = images(layer, layer.input_shape, seed + 1, dtype)
    with (
        mock.patch.multiple(tuning, PIECE_BYTES=piece, JOINED_ROWS_LENGTH=joined),
        mock.patch.multiple(tuning, SHORT_ROWS_BYTES=0, SHORT_ROW_BYTES=10**6 if short else 0),
    ):
        y = gathered(layer.axes, grouped(layer, weight), x)
    assert y.dtype == dtype
    assert y.shape == (2, layer.groups, layer.out_channels // layer.groups, *layer.output_size)
    assert_array_equal(y.reshape(2, -1), applied(matrix_of(layer, weight), x))


@share(0.4)
@given(layer=convs(), seed=seeds(), dtype=DTYPES, piece=PIECES)
def test_scattered_windows_are_the_transposed_matrix(layer, seed, dtype, piece):
    weight = integers(layer.weight_shape, seed, dtype)
    y = images(layer, layer.output_shape, seed + 1, dtype)
    with mock.patch.object(tuning, "PIECE_BYTES", piece):
        x = scattered(layer.axes, grouped(layer, weight), y)
    assert x.shape == (2, layer.groups, layer.in_channels // layer.groups, *layer.input_size)
    assert_array_equal(x.reshape(2, -1), applied(matrix_of(layer, weight).T, y))


@share(0.4)
@given(
    layer=convs(ndims=(1, 2)),
    seed=seeds(),
    dtype=st.sampled_from((np.float64, np.complex128)),
    piece=PIECES,
    block=st.integers(1, 5),
)
def test_a_band_matrix_is_the_last_axis_of_the_matrix(layer, seed, dtype, piece, block):
    alone = Conv(
        **{name: getattr(layer, name) for name in layer.__dataclass_fields__}
        | {"in_channels": 1, "out_channels": 1, "groups": 1}
    )
    weight = integers(alone.weight_shape, seed, dtype)
    x = images(alone, alone.input_shape, seed + 1, dtype)
    with mock.patch.multiple(tuning, PIECE_BYTES=piece, BAND_OUTPUTS=block, BAND_WORK=10**6):
        assume(has_band(alone.axes, grouped(alone, weight)))
        y = banded(alone.axes, grouped(alone, weight), x)
    assert_array_equal(y.reshape(2, -1), applied(matrix_of(alone, weight), x))


@pytest.mark.parametrize("number", [np.inf, np.nan])
def test_a_band_matrix_refuses_what_is_not_finite(number):
    layer = Conv((64,), 9)
    x = np.ones((1, 1, 1, 64))
    weight = grouped(layer, np.ones(layer.weight_shape))
    assert has_band(layer.axes, weight)
    assert banded(layer.axes, weight, x) is not None
    x[..., 40] = number
    assert banded(layer.axes, weight, x) is None


@share(0.4)
@given(layer=convs(modes=("zeros",), spread=False), seed=seeds())
def test_the_mirrored_layer_gathers_what_this_one_scatters(layer, seed):
    unit = Conv(**{name: getattr(layer, name) for name in layer.__dataclass_fields__} | {"stride": (1,) * layer.ndim})
    weight = integers(unit.weight_shape, seed)
    y = images(unit, unit.output_shape, seed + 1, np.int64)
    flipped = mirrored(unit.axes, grouped(unit, weight))
    many = unit.out_channels > 2 * unit.in_channels
    assert (flipped is None) == many
    if not many:
        assert_array_equal(gathered(*flipped, y), scattered(unit.axes, grouped(unit, weight), y))


@pytest.mark.parametrize(
    "layer", [Conv(9, 3, stride=2), Conv((9,), 3, input_dilation=2), Conv(9, 3, padding=1, padding_mode="circular")]
)
def test_other_layers_have_no_mirrored_one(layer):
    assert mirrored(layer.axes, grouped(layer, np.ones(layer.weight_shape))) is None
