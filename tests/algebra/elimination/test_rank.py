"""Ranks: of integers modulo primes, against NumPy's and exact fractions; of floats; and where a prime misleads."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from convmatrix import Conv
from convmatrix.algebra import rank
from convmatrix.algebra.elimination.ranks import PRIMES, rank_modulo
from strategies import integers, layers, seeds, share

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")


def by_fractions(rows):
    """Rank by elimination in fractions: exact, and slow."""
    rows = [[Fraction(int(entry)) for entry in row] for row in rows]
    found = 0
    for col in range(len(rows[0])):
        pivot = next((row for row in range(found, len(rows)) if rows[row][col]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for row in range(found + 1, len(rows)):
            factor = rows[row][col] / rows[found][col]
            rows[row] = [a - factor * b for a, b in zip(rows[row], rows[found], strict=True)]
        found += 1
    return found


@st.composite
def matrices(draw, side):
    """Integer matrices, tall, wide and square, of a rank that is drawn too; some rows and columns are zero."""
    shape = draw(st.tuples(st.integers(1, side), st.integers(1, side)))
    inner = draw(st.integers(1, min(shape)))
    rng = np.random.default_rng(draw(seeds()))
    left, right = rng.integers(-3, 4, (shape[0], inner)), rng.integers(-3, 4, (inner, shape[1]))
    left[rng.random(shape[0]) < draw(st.sampled_from((0, 0.3)))] = 0
    right[:, rng.random(shape[1]) < draw(st.sampled_from((0, 0.3)))] = 0
    return left @ right


@share(0.3)
@given(matrices(7), st.sampled_from(PRIMES))
def test_rank_of_small_matrices_against_fractions(dense, prime):
    matrix = sparse.csr_array(dense)
    assert rank_modulo(matrix, prime) == rank(matrix).value == by_fractions(dense)


@share(0.06)  # up to three panels of 64 columns take a hundred times as long as the small ones
@given(matrices(150))
def test_rank_beyond_one_panel_against_numpy(dense):
    """Panels have 64 columns: here are up to three, of wide matrices too."""
    matrix = sparse.csr_array(dense)
    assert rank_modulo(matrix, PRIMES[0]) == rank(matrix).value == np.linalg.matrix_rank(dense)


@pytest.mark.parametrize("cols", [1, 2, 63, 64, 65, 127, 128, 129, 192, 193])
@pytest.mark.parametrize("deficit", [0, 1, 40])
def test_rank_at_the_borders_of_panels(cols, deficit):
    rng = np.random.default_rng(1)
    inner = max(cols - deficit, 1)
    dense = rng.integers(-9, 10, (cols + 30, inner)) @ rng.integers(-9, 10, (inner, cols))
    assert np.linalg.matrix_rank(dense) == inner
    for matrix in (dense, dense.T):
        assert rank_modulo(sparse.csr_array(matrix), PRIMES[0]) == inner


@share(0.2)
@given(matrices(9), st.integers(0, 2**31 - 2), seeds())
def test_large_residues(dense, scale, seed):
    """Entries of 31 bits, after rows were multiplied and added up: what is modulo a prime stays modulo a prime."""
    rng = np.random.default_rng(seed)
    prime = PRIMES[0]
    mixed = [[int(entry) for entry in row] for row in dense]
    for _ in range(6):
        into, other = rng.integers(0, len(mixed), 2)
        if into != other:
            mixed[into] = [(a + (scale + 1) * b) % prime for a, b in zip(mixed[into], mixed[other], strict=True)]
    assert rank_modulo(sparse.csr_array(np.array(mixed)), prime) == by_fractions(dense)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_every_integer_dtype(dtype):
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 2, (70, 12)) @ rng.integers(0, 2, (12, 80))
    dense = (dense if dtype != "bool" else rng.integers(0, 2, (12, 80))[rng.integers(0, 12, 70)]).astype(dtype)
    expected = np.linalg.matrix_rank(dense.astype(float))
    assert 5 < expected <= 12
    assert rank(sparse.csr_array(dense)).value == expected


@pytest.mark.parametrize(
    ("entries", "dtype"),
    [
        ([[2**64 - 1, 2**64 - 1], [2**64 - 1, 2**64 - 2]], "uint64"),
        ([[2**63, 0], [0, 2**63]], "uint64"),
        ([[-(2**63), 2**63 - 1], [2**63 - 1, -(2**63)]], "int64"),
        ([[-(2**63), -(2**63)], [1, 1]], "int64"),
        ([[2**64 - 1, 1], [2**64 - 1, 1]], "uint64"),
        ([[-128, 127], [127, -128]], "int8"),
        ([[255, 254], [1, 1]], "uint8"),
        ([[True, True], [True, False]], "bool"),
        ([[True, True], [True, True]], "bool"),
    ],
)
def test_the_ends_of_the_dtypes(entries, dtype):
    dense = np.array(entries, dtype=dtype)
    assert rank(sparse.csr_array(dense)).value == by_fractions(dense.tolist())


# -- where a prime misleads ------------------------------------------------------------------------------------------


def test_modulo_its_own_prime_a_multiple_is_nothing():
    for prime in PRIMES:
        assert rank_modulo(sparse.csr_array(prime * np.eye(3, dtype=np.int64)), prime) == 0
    assert rank_modulo(sparse.csr_array(np.diag([1, PRIMES[0], 2])), PRIMES[0]) == 2


@pytest.mark.parametrize(
    "dense",
    [
        PRIMES[0] * np.eye(3, dtype=np.int64),
        PRIMES[1] * np.eye(3, dtype=np.int64),
        np.diag(PRIMES),
        np.diag([PRIMES[0], 1, 0]),
        np.diag([PRIMES[0] * PRIMES[1]]),
        np.diag([PRIMES[0] * PRIMES[1], 1, PRIMES[0]]),
        np.array([[1, 1], [1, 1 + PRIMES[0]]]),
        np.array([[2, 3], [4, 6 + PRIMES[0]], [4, 6]]),
    ],
    ids=lambda dense: str(dense.tolist()),
)
def test_multiples_of_a_prime_are_found_out(dense):
    assert rank(sparse.csr_array(dense)).value == by_fractions(dense.tolist())


# -- what else there is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (3, 0), (1, 1)])
@pytest.mark.parametrize("dtype", ["int64", "float64", "bool", "complex128"])
def test_no_entries(shape, dtype):
    assert rank(sparse.csr_array(shape, dtype=dtype)).value == 0


@pytest.mark.parametrize("dtype", ["int64", "float64", "bool", "complex128"])
def test_stored_zeros_are_zeros(dtype):
    matrix = sparse.csr_array((np.array([0, 1, 0], dtype=dtype), ([0, 1, 2], [0, 1, 2])), shape=(3, 3))
    assert matrix.nnz == 3
    assert rank(matrix).value == 1


@share(0.3)
@given(matrices(12), st.sampled_from(("float32", "float64", "complex64", "complex128")))
def test_rank_of_floats(dense, dtype):
    matrix = sparse.csr_array(dense.astype(dtype) / 8)
    found = rank(matrix)
    assert found.value == by_fractions(dense)
    if matrix.nnz:
        largest = np.linalg.svd(matrix.toarray(), compute_uv=False)[0]
        tolerance = largest * max(dense.shape) * np.finfo(dtype).eps
        assert found.reason == f"singular values above {tolerance:.2g}"


def test_complex_ranks():
    dense = np.array([[1, 1j], [1j, -1]])
    assert rank(sparse.csr_array(dense)).value == 1
    assert rank(sparse.csr_array(dense.conj() * [[1], [2j]])).value == 1
    assert rank(sparse.csr_array([[1, 1j], [1j, 1]])).value == 2


def test_how_names_the_method():
    assert rank(sparse.csr_array([[1, 2], [3, 4]])).reason.startswith(f"modulo the prime {PRIMES[0]}")
    assert rank(sparse.csr_array([[1.0, 2], [2, 4]])).reason.startswith("singular values above ")
    assert rank(sparse.csr_array((2, 2), dtype=int)).reason.startswith("no entries")


def test_the_matrix_is_left_as_it_was():
    """Its stored zeros too."""
    layer = Conv(6, 3, padding=1)
    matrix, same = (layer.matrix([[0, 1, 0], [2, 0, 2], [0, -1, 0]]) for _ in range(2))
    rank(matrix)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(matrix, name), getattr(same, name))


@share(0.2)
@given(layer=layers(), seed=seeds())
def test_rank_of_drawn_layers(layer, seed):
    C = layer.matrix(integers(layer.weight_shape, seed))
    assert rank(C).value == rank(C.T.tocsr()).value == np.linalg.matrix_rank(C.toarray())


@pytest.mark.full
def test_rank_of_a_real_layer():
    """900 x 1024: some seconds in fractions, a blink modulo a prime."""
    C = Conv(32, 3).matrix(np.random.default_rng(0).integers(1, 10, (3, 3)))
    assert rank(C).value == 900
    circular = Conv(16, 3, padding=1, padding_mode="circular")
    laplacian = circular.matrix([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    assert rank(laplacian).value == 255  # a constant is all that it cannot see
