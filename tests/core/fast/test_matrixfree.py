"""The operator is the matrix: on every drawn configuration, from both sides, for vectors and columns, exactly."""

import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, lsmr, lsqr, svds

from convmatrix import Conv, ConvTranspose
from convmatrix.core.fast import matrixfree, tuning
from selection import some
from strategies import convs, covers, integers, layers, seeds, share, transposes


def assert_same_map(layer, weight, x, y):
    """Compare operator and matrix on columns x of the domain and y of the range, values and dtypes."""
    A, C = layer.operator(weight), layer.matrix(weight)
    assert A.shape == C.shape
    assert A.dtype == C.dtype
    adjoint = C.T.conj() if C.dtype.kind == "c" else C.T
    for result, expected in [
        (A @ x, C @ x),
        (A.matmat(x), C @ x),
        (A @ x[:, 0], C @ x[:, 0]),
        (A.matvec(x[:, 0]), C @ x[:, 0]),
        (A @ x[:, :1], C @ x[:, :1]),  # not A.matvec: SciPy 1.18 deprecates it for a column
        (A.matmat(x[:, :1]), C @ x[:, :1]),
        (A.rmatmat(y), adjoint @ y),
        (A.rmatvec(y[:, 0]), adjoint @ y[:, 0]),
        (A.H @ y, adjoint @ y),
        (A.T @ y, C.T @ y),
    ]:
        assert_array_equal(result, expected)
        assert result.dtype == expected.dtype


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
        for result, expected in [(A @ x, C @ x), (A @ x[:, 0], C @ x[:, 0]), (A.rmatmat(y), C.T @ y)]:
            assert_array_equal(result, expected)
            assert result.dtype == expected.dtype


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


@given(
    layer=layers(),
    seed=seeds(),
    dtype=st.sampled_from((np.float32, np.float64, np.complex128, np.int32)),
    piece=st.sampled_from((1, 40, 300, 2000)),
    block=st.integers(1, 4),
    worth_rows=st.sampled_from((0, 10**6)),
    order=st.sampled_from("CF"),
)
@covers()
def test_the_operator_is_its_matrix_however_it_is_cut_into_pieces(layer, seed, dtype, piece, block, worth_rows, order):
    x, y = (np.asarray(integers((n, 3), seed + 1, dtype), order=order) for n in layer.matrix_shape[::-1])
    with mock.patch.multiple(tuning, PIECE_BYTES=piece, BAND_OUTPUTS=block, SHORT_ROWS_BYTES=worth_rows):
        assert_same_map(layer, integers(layer.weight_shape, seed, dtype), x, y)


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


IMAGE = {"padding": 1, "in_channels": 4, "out_channels": 6}


@contextmanager
def paths_taken():
    """Collect the ways in which operators are applied."""
    names, taken = ("gathered", "scattered", "banded", "_along_runs"), []
    original = {name: getattr(matrixfree, name) for name in names}

    def recorded(name):
        def call(*args, **kwargs):
            taken.append(name)
            return original[name](*args, **kwargs)

        return call

    with mock.patch.multiple(matrixfree, **{name: recorded(name) for name in names}):
        yield taken


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular", "symmetric"])
@pytest.mark.parametrize(
    ("layer", "forward", "adjoint"),
    [
        (Conv(40, 3, **IMAGE), "gathered", "gathered"),
        (Conv(40, 3, dilation=2, groups=2, **IMAGE), "gathered", "gathered"),
        (Conv(40, 3, stride=2, **IMAGE), "gathered", "scattered"),
        (Conv(40, 3, padding=1, out_channels=5), "gathered", "scattered"),
        (Conv((200, 9), 3, padding=1, in_channels=8, out_channels=8, groups=8), "gathered", "gathered"),
        (Conv((9, 50), (2, 6), padding=3), "banded", "banded"),
        (Conv((500,), 31, padding=15), "banded", "banded"),
        (Conv((500,), 31, padding=15, stride=2), "banded", "scattered"),
        (Conv((12, 11, 40), 3, padding=1), "gathered", "gathered"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", some([np.float32, np.complex64], np.complex64))
def test_the_way_suits_the_axes_and_the_channels(layer, mode, forward, adjoint, dtype):
    layer = replace(layer, padding_mode=mode)
    weight = integers(layer.weight_shape, 1, dtype)
    x, y = (integers((n, 2), 2, dtype) for n in layer.matrix_shape[::-1])
    A, C = layer.operator(weight), layer.matrix(weight)
    for columns in (x[:, 0], np.asfortranarray(x)):
        with paths_taken() as taken:
            assert_array_equal(A @ columns, C @ columns)
        assert taken == [forward]
    for columns in (y[:, 0], np.asfortranarray(y)):
        with paths_taken() as taken:
            assert_array_equal(A.rmatmat(columns.reshape(len(y), -1)), C.conj().T @ columns.reshape(len(y), -1))
        assert taken == [adjoint if mode == "zeros" else "scattered"]
    assert_same_map(layer, weight, x, y)
    assert_same_map(layer.T, weight, y, x)


def test_integers_take_no_way_through_floats():
    layer = Conv((40,), 31, padding=15)
    weight, x = np.full(31, 2**31 - 1), np.full(40, 2**26 + 1)
    with paths_taken() as taken:
        assert_array_equal(layer.operator(weight) @ x, layer.matrix(weight) @ x)
    assert taken == ["gathered"]


@pytest.mark.parametrize("number", [np.inf, np.nan])
@pytest.mark.parametrize("layer", [Conv((40,), 9, padding=4), Conv(9, 3, padding=1, in_channels=2, out_channels=2)])
def test_what_is_not_finite_stays_where_it_is(layer, number):
    weight, x = np.ones(layer.weight_shape), np.ones(layer.matrix_shape[1])
    wrong_weight, wrong_x = weight.copy(), x.copy()
    wrong_weight[0, 0].flat[0] = wrong_x[11] = number
    for w, v in ((weight, wrong_x), (wrong_weight, x)):
        A, C = layer.operator(w), layer.matrix(w)
        assert not np.isfinite(C @ v).all()
        assert np.isfinite(C @ v).any()
        assert_array_equal(A @ v, C @ v)
        assert_array_equal(A.H @ v[: C.shape[0]], C.T @ v[: C.shape[0]])


def test_or_of_taps_that_meet_is_not_their_sum():
    layer = Conv((3,), 3, padding=1, padding_mode="replicate")
    with paths_taken() as taken:
        assert_array_equal(layer.operator(np.ones(3, bool)) @ [10, 20, 30], [30, 60, 50])
    assert taken == ["_along_runs"]


@pytest.mark.full
@pytest.mark.parametrize(
    "layer",
    [
        Conv(96, 5, padding=2, in_channels=8, out_channels=8),
        Conv(96, 5, padding=2, in_channels=8, out_channels=8, padding_mode="circular"),
        Conv(96, 5, padding=2, stride=2, in_channels=8, out_channels=16),
        Conv((10**6,), 5, padding=2),
        Conv((10**6,), 31, padding=30, dilation=2, padding_mode="reflect"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("layout", ["vector", "images", "columns"])
def test_memory_is_that_of_inputs_outputs_and_pieces(layer, layout):
    batch = 1 if layout == "vector" else 4
    A = layer.operator(np.ones(layer.weight_shape))
    for apply, n in ((A.matmat, A.shape[1]), (A.rmatmat, A.shape[0])):
        x = np.ones((n, batch), order="C" if layout == "columns" else "F")
        tracemalloc.start()
        y = apply(x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most <= y.nbytes + 4 * tuning.PIECE_BYTES


@pytest.mark.parametrize("layer", [Conv(12, 3, in_channels=2, out_channels=2), Conv((60,), 9)], ids=repr)
def test_transposes_are_operators_of_the_same_kind(layer):
    weight = integers(layer.weight_shape, 1, complex)
    A, C = layer.operator(weight), layer.matrix(weight)
    y = integers(C.shape[0], 2, complex)
    for twin, matrix in ((A.T, C.T), (A.H, C.conj().T), (A.T.T, C), (A.H.H, C), (A.T.H, C.conj())):
        assert type(twin) is type(A)
        v = y if matrix.shape[1] == len(y) else np.resize(y, matrix.shape[1])
        assert_array_equal(twin @ v, matrix @ v)


@pytest.mark.parametrize("ndim", [29, 30, 61])
def test_many_axes(ndim):
    layer = Conv((1,) * (ndim - 2) + (5, 5), (1,) * (ndim - 2) + (3, 3), padding=((0, 0),) * (ndim - 2) + ((1, 1),) * 2)
    weight = integers(layer.weight_shape, 1, float)
    x = integers((25, 3), 2, float)
    A = layer.operator(weight)
    expected = Conv(5, 3, padding=1).matrix(weight.reshape(3, 3))
    with paths_taken() as taken:
        for columns in (x, np.asfortranarray(x)):
            assert_array_equal(A @ columns, expected @ x)
            assert_array_equal(A.H @ columns, expected.T @ x)
    assert set(taken) == {"gathered" if ndim == 29 else "_along_runs"}


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


@pytest.mark.parametrize(
    "layer",
    [Conv(12, 3, padding=1, in_channels=2, out_channels=2, padding_mode="reflect"), Conv((200,), 7, padding=3)],
    ids=repr,
)
def test_solvers_run_on_it(layer):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal(layer.weight_shape)
    A, C = layer.operator(weight), layer.matrix(weight)
    b = rng.standard_normal(C.shape[0])
    damped = (C.T @ C).toarray() + np.eye(C.shape[1])
    expected = np.linalg.solve(damped, C.T @ b)
    np.testing.assert_allclose(lsmr(A, b, damp=1, atol=1e-12, btol=1e-12)[0], expected, atol=1e-9)
    normal = A.H @ A + aslinearoperator(np.eye(C.shape[1]))
    np.testing.assert_allclose(cg(normal, A.H @ b, rtol=1e-12)[0], expected, atol=1e-9)
    largest = svds(A, k=3, return_singular_vectors=False, rng=0)
    np.testing.assert_allclose(np.sort(largest)[::-1], np.linalg.svd(C.toarray(), compute_uv=False)[:3], rtol=1e-9)


@pytest.mark.parametrize("length", [15, 17])
def test_a_vector_of_another_length_is_refused(length):
    A = Conv(4, 3).operator(np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"(?i)^dimension mismatch"):
        A @ np.ones(length)


def test_an_operator_where_the_matrix_would_take_gigabytes():
    layer = Conv((300,), 1, in_channels=2000, out_channels=2000)
    assert layer.nbytes() > 14e9
    weight, x = integers((2000, 2000), 1, float), integers((2000, 300), 2, float)
    y = layer.operator(weight[:, :, None]) @ layer.vec(x)
    assert_array_equal(layer.unvec(y), weight @ x)
