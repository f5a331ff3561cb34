"""The operator is the matrix: on every drawn configuration, from both sides, for vectors and columns, exactly."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from scipy.sparse.linalg import LinearOperator, aslinearoperator, lsqr

from convmatrix import Conv, ConvTranspose
from strategies import convs, covers, integers, layers, seeds, share, transposes


def assert_same_map(layer, weight, x, y):
    """Compare operator and matrix on columns x of the domain and y of the range, values and dtypes."""
    A, C = layer.operator(weight), layer.matrix(weight)
    assert A.shape == C.shape
    assert A.dtype == C.dtype
    adjoint = C.T.conj() if C.dtype.kind == "c" else C.T
    for mine, theirs in [
        (A @ x, C @ x),
        (A.matmat(x), C @ x),
        (A @ x[:, 0], C @ x[:, 0]),
        (A.matvec(x[:, 0]), C @ x[:, 0]),
        (A.matvec(x[:, :1]), C @ x[:, :1]),
        (A.rmatmat(y), adjoint @ y),
        (A.rmatvec(y[:, 0]), adjoint @ y[:, 0]),
        (A.H @ y, adjoint @ y),
        (A.T @ y, C.T @ y),
    ]:
        assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


@given(layer=convs(), seed=seeds())
@covers()
def test_the_operator_of_a_convolution_is_its_matrix(layer, seed):
    x, y = (integers((n, 3), seed + 1) for n in layer.matrix_shape[::-1])
    assert_same_map(layer, integers(layer.weight_shape, seed), x, y)


@given(layer=transposes(), seed=seeds())
@covers()
def test_the_operator_of_a_transposed_convolution_is_its_matrix(layer, seed):
    x, y = (integers((n, 3), seed + 1) for n in layer.matrix_shape[::-1])
    assert_same_map(layer, integers(layer.weight_shape, seed), x, y)


@given(layer=layers(), seed=seeds())
@covers()
def test_complex_weights_are_conjugated_from_the_left(layer, seed):
    x, y = (integers((n, 2), seed + 1, complex) for n in layer.matrix_shape[::-1])
    weight = integers(layer.weight_shape, seed, complex)
    assert_same_map(layer, weight, x, y)
    A = layer.operator(weight)
    assert_array_equal(np.vdot(y[:, 0], A @ x[:, 0]), np.vdot(A.rmatvec(y[:, 0]), x[:, 0]))


@given(layer=layers(), seed=seeds())
@covers()
def test_the_operator_of_a_bool_weight_is_its_matrix(layer, seed):
    weight = integers(layer.weight_shape, seed, bool)
    A, C = layer.operator(weight), layer.matrix(weight)
    for dtype in (bool, np.int64):
        x, y = (integers((n, 2), seed + 1, dtype) for n in layer.matrix_shape[::-1])
        for mine, theirs in [(A @ x, C @ x), (A @ x[:, 0], C @ x[:, 0]), (A.rmatmat(y), C.T @ y)]:
            assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype


@pytest.mark.parametrize("of_x", ["bool", "int8", "int64", "uint8", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    "of_weight", ["bool", "int8", "int64", "uint8", "float32", "float64", "complex64", "complex128"]
)
def test_dtypes_meet_as_in_the_matrix(of_weight, of_x):
    layer = Conv((4, 5), 3, padding=2, padding_mode="reflect", in_channels=2, out_channels=4, groups=2)
    for twin in (layer, layer.T):
        weight = integers(twin.weight_shape, 1, of_weight)
        A, C = twin.operator(weight), twin.matrix(weight)
        x = integers((C.shape[1], 2), 2, of_x)
        assert_array_equal(A @ x, C @ x)
        assert (A @ x).dtype == (C @ x).dtype


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "float32", "complex64"])
def test_float16_vectors_become_what_scipy_makes_of_them(dtype):
    layer = Conv((5,), 3, padding=1)
    weight = np.array([1, 0, 1], dtype)
    x = np.arange(5, dtype=np.float16)
    expected = layer.matrix(weight) @ x
    assert_array_equal(expected, [1, 2, 4, 6, 3])
    assert_array_equal(layer.operator(weight) @ x, expected)
    assert (layer.operator(weight) @ x).dtype == expected.dtype == np.result_type(dtype, np.float32)


@given(layer=layers(), seed=seeds())
@share(0.3)
def test_the_transposed_layer_is_the_transposed_operator(layer, seed):
    weight = integers(layer.weight_shape, seed)
    y = integers(layer.matrix_shape[0], seed + 1)
    assert_array_equal(layer.T.operator(weight) @ y, layer.operator(weight).T @ y)


@pytest.mark.parametrize(
    "layer",
    [
        Conv((300, 200), 3, padding=1),
        Conv((3000,), 7, stride=4, padding=9, dilation=3, input_dilation=6, in_channels=4, out_channels=2, groups=2),
        Conv((90, 70), (3, 5), stride=(2, 1), padding=((1, 2), (4, 3)), dilation=(1, 2), padding_mode="symmetric"),
        Conv((5, 6, 4, 7), (2, 1, 3, 2), stride=(1, 2, 1, 3), padding=1, dilation=(2, 1, 1, 2), padding_mode="reflect"),
        Conv((3,), 40, padding=50, padding_mode="replicate"),
        ConvTranspose((40, 30), 5, stride=3, padding=2, output_padding=1, in_channels=3, out_channels=2),
    ],
    ids=repr,
)
def test_longer_axes_and_more_of_them(layer):
    x, y = (integers((n, 2), 5) for n in layer.matrix_shape[::-1])
    assert_same_map(layer, integers(layer.weight_shape, 4), x, y)


def test_no_columns_give_no_columns():
    A = Conv(4, 3).operator(np.ones((3, 3)))
    assert (A @ np.ones((16, 0))).shape == (4, 0)
    assert A.rmatmat(np.ones((4, 0))).shape == (16, 0)


def test_columns_in_any_memory_order():
    layer = Conv((6,), 3, stride=2, padding=1)
    weight = [1, 20, 300]
    A, C = layer.operator(weight), layer.matrix(weight)
    wide = np.arange(60).reshape(6, 10)
    for x in (np.asfortranarray(wide), wide[:, ::3], wide[::-1], wide.astype(">i4")):
        assert_array_equal(A @ x, C @ x)


def test_the_operator_does_not_change_what_it_is_given():
    layer = Conv((4,), 3, padding=1, padding_mode="circular")
    weight, x = np.array([1, 2, 3]), np.arange(4)
    A = layer.operator(weight)
    first = A @ x
    first[:] = 0
    assert_array_equal(A @ x, layer.matrix(weight) @ x)
    assert_array_equal(weight, [1, 2, 3])
    assert_array_equal(x, [0, 1, 2, 3])


def test_scipy_computes_with_it():
    A = Conv(4, 3).operator(np.ones((3, 3)))
    assert isinstance(A, LinearOperator)
    assert aslinearoperator(A) is A
    assert_array_equal((2 * A + A) @ np.ones(16), [27] * 4)
    assert_array_equal((A @ A.T) @ np.ones(4), [9 + 6 + 6 + 4] * 4)  # what two windows have in common
    x = lsqr(A, np.full(4, 9.0), atol=1e-12, btol=1e-12)[0]
    np.testing.assert_allclose(A @ x, [9] * 4, rtol=1e-9)


@pytest.mark.parametrize("length", [15, 17])
def test_a_vector_of_another_length_is_refused(length):
    A = Conv(4, 3).operator(np.ones((3, 3)))
    with pytest.raises(ValueError, match="dimension mismatch"):
        A @ np.ones(length)


def test_an_operator_where_the_matrix_would_take_gigabytes():
    layer = Conv((300,), 1, in_channels=2000, out_channels=2000)
    assert layer.nbytes() > 14e9
    weight, x = integers((2000, 2000), 1, float), integers((2000, 300), 2, float)
    y = layer.operator(weight[:, :, None]) @ layer.vec(x)
    assert_array_equal(layer.unvec(y), weight @ x)
