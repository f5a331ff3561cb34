"""Proofs that a rank modulo primes is exact: the pattern, Hadamard's bound, and matrices made to fool both primes."""

import re
import sys
from itertools import combinations, islice

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import Conv
from convmatrix.algebra.elimination import ranks
from convmatrix.algebra.elimination.ranks import PRIMES, Rank, is_small, nullity, primes, rank, rank_modulo
from strategies import seeds, share

P, Q = PRIMES
BOX = np.ones((3, 3), dtype=int)


def csr(entries, dtype=np.int64):
    return sparse.csr_array(np.array(entries, dtype=dtype))


FOOLING = {
    "first prime": ([[P, 0], [0, P]], 2, 2),
    "both primes": ([[P * Q, 0], [0, 1]], 2, 3),
    "both primes, all entries": ([[P * Q, P * Q], [P * Q, -P * Q]], 2, 3),
    "both primes, deficient": ([[P * Q, P * Q], [P * Q, P * Q]], 1, 5),
    "a determinant that both divide": ([[P, 1], [0, Q]], 2, 3),
    "one and the other": ([[P, 0], [0, Q]], 2, 3),
    "the second prime": ([[1, 1, 0], [1, 1, 0], [0, 0, Q]], 2, 2),
}


@pytest.mark.parametrize("name", list(FOOLING))
def test_multiples_of_the_primes_do_not_fool(name):
    entries, value, used = FOOLING[name]
    found = rank(csr(entries))
    assert (found.value, found.proven) == (value, True)
    clause = {1: f"the prime {P}", 2: f"the primes {P} and {Q}"}.get(used, f"{used} primes from {P} down")
    assert found.reason.startswith(f"modulo {clause}; proven, since ")


@pytest.mark.parametrize(
    "layer",
    [
        Conv(4, 3),
        Conv(4, 3).T,
        Conv((5,), 2, stride=3),  # the third input and the last are read by no window
        Conv((4,), 1, padding=((3, -1),)),  # three rows of zeros, and one column
    ],
)
def test_a_full_rank_takes_no_matching(layer, monkeypatch):
    """It is a slow import, a fifth of the time that a small `show` takes."""
    monkeypatch.setitem(sys.modules, "scipy.sparse.csgraph", None)  # so that importing it fails
    matrix = layer.matrix(np.arange(2, 2 + np.prod(layer.weight_shape)).reshape(layer.weight_shape))
    assert rank(matrix).reason == f"modulo the prime {P}; proven, since the pattern allows no more"
    with pytest.raises(ImportError):
        rank(csr([[1, 0, 0], [2, 0, 0], [0, 3, 4]]))


def test_a_convolution_whose_weights_are_multiples_of_the_primes():
    weight = P * Q * np.array([[1, 0, -1], [1, 0, 1], [0, 0, 1]])
    layer = Conv(5, 3)
    assert rank_modulo(layer.matrix(weight), P) == rank_modulo(layer.matrix(weight), Q) == 0
    found = rank(layer.matrix(weight))
    assert (found.value, found.proven) == (9, True)


def test_the_proof_is_named_with_its_numbers():
    assert rank(Conv(4, 3).matrix(BOX)) == Rank(
        4, "modulo the prime 2147483647; proven, since the pattern allows no more", proven=True
    )
    assert rank(Conv(5, 3, padding=1).matrix(BOX)) == Rank(
        16, "modulo the prime 2147483647; proven, since it exceeds Hadamard's bound 2**24.6 on minors of order 17", True
    )
    assert rank(Conv(8, 3, padding=1).matrix(BOX)) == Rank(
        49,
        "modulo 3 primes from 2147483647 down; proven, since their product exceeds Hadamard's bound 2**75.2 on minors "
        "of order 50",
        True,
    )
    assert rank(csr([[0, 0]])) == Rank(0, "no entries but zeros", True)


def test_a_missing_proof_is_named_with_its_cost(monkeypatch):
    monkeypatch.setattr(ranks, "_PROOF", 64**3 * 2)
    assert rank(Conv(8, 3, padding=1).matrix(BOX)) == Rank(
        49,
        "modulo the primes 2147483647 and 2147483629; not proven, which takes 3 primes, to exceed Hadamard's bound "
        "2**75.2 on minors of order 50",
        False,
    )
    monkeypatch.setattr(ranks, "_PROOF", 64**3 * 3)
    assert rank(Conv(8, 3, padding=1).matrix(BOX)).proven


def test_rows_of_zeros_are_no_reason_to_doubt():
    # Windows that lie in the padding see nothing, whatever the weight is.
    C = Conv(5, 3, padding=4).matrix(np.random.default_rng(0).integers(1, P, (3, 3)))
    assert C.shape == (121, 25)
    found = rank(C)
    assert (found.value, found.proven) == (25, True)
    stored = csr([[1, 0], [1, 0]])
    stored = sparse.csr_array(([1, 0, 1, 0], [0, 1, 0, 1], [0, 2, 4]), shape=(2, 2))  # zeros that are stored
    assert rank(stored) == Rank(1, f"modulo the prime {P}; proven, since the pattern allows no more", proven=True)


@pytest.mark.parametrize("scale", [2.0**-1060, 1e-308, 1e-160, 1.0, 1e154, 1e200, 1e308])
def test_the_rank_does_not_depend_on_the_unit(scale):
    """Singular values of large numbers are infinite, and so would the tolerance be; those of small ones, zero."""
    for layer, value in ((Conv(5, 3, padding=1), 16), (Conv(4, 3).T, 4), (Conv((6,), 2, padding=1), 6)):
        weight = np.full(layer.weight_shape, scale)
        assert rank(layer.matrix(weight)).value == value
        assert rank(layer.matrix(weight * (0.5 + 0.5j))).value == value
    assert rank(csr([[scale, 0], [0, scale / 2**10]], float)).value == 2
    found = rank(csr([[1e308, 0], [0, 1e291]], float))
    assert found == Rank(1, "singular values above 4.4e+292")


def test_floats_are_a_decision_by_a_stated_tolerance():
    found = rank(Conv(5, 3, padding=1).matrix(BOX / 9))
    assert (found.value, found.proven) == (16, False)
    assert re.fullmatch(r"singular values above 4\.\de-15", found.reason)
    assert rank(csr([[1, 0], [0, 1e-15]], float)).value == 2
    assert rank(csr([[1, 0], [0, 1e-16]], float)).value == 1
    assert rank(csr([[1, 0], [0, 1e-8]], np.float32)).value == 1


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint64])
def test_every_integer_dtype_has_an_exact_rank(dtype):
    found = rank(csr([[1, 1, 0], [1, 1, 0], [0, 1, 1]], dtype))
    assert (found.value, found.proven) == (2, True)
    top = np.iinfo(np.int8 if dtype is bool else dtype).max
    if dtype is not bool:
        assert rank(csr([[top, 1], [1, 0]], dtype)).value == 2
    wide = sparse.csr_array(csr([[1, 1], [1, 1]], dtype))
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert rank(wide).value == 1


def test_what_is_not_finite_has_no_rank():
    for refused in (rank, nullity, ranks.decomposed):
        with pytest.raises(ValueError, match=r"^the matrix has nan at \(0, 1\): nothing can be"):
            refused(csr([[1, np.nan], [1, 0]], float))


def test_the_primes_are_the_largest_below_two_to_the_31():
    def by_division(odd):
        return all(odd % divisor for divisor in range(3, int(odd**0.5) + 1, 2))

    first = list(islice(primes(), 4))
    assert first[:2] == list(PRIMES)
    below = (odd for odd in range(2**31 - 1, 0, -2) if by_division(odd))
    assert first == list(islice(below, 4))
    assert all(ranks._is_prime(odd) == by_division(odd) for odd in range(11, 4000, 2))
    assert not ranks._is_prime(2047)  # a strong pseudoprime to base 2
    assert not ranks._is_prime(1_373_653)  # and to 3
    assert not ranks._is_prime(25_326_001)  # and to 5


@given(seed=seeds())
@share(0.1)
def test_no_minor_is_above_hadamards_bound(seed):
    matrix = np.random.default_rng(seed).integers(-9, 10, (4, 4))
    for order in range(1, 5):
        bound = ranks._hadamard_squared(sparse.csr_array(matrix), order)
        for rows in combinations(range(4), order):
            for cols in combinations(range(4), order):
                assert round(np.linalg.det(matrix[np.ix_(rows, cols)])) ** 2 <= bound
    hadamard = np.array([[1, 1], [1, -1]])  # which reaches it
    assert ranks._hadamard_squared(sparse.csr_array(np.kron(hadamard, hadamard)), 4) == 16**2


def test_a_large_rank_is_refused_with_its_price():
    huge = sparse.eye_array(10**6, dtype=np.int64, format="csr")
    message = (
        "the rank of a 1000000 x 1000000 matrix is not computed above a smaller side of 4096: elimination takes 1e+18 "
        "multiplications on 1e+12 numbers; it is at most 1000000, exact from the singular values by FFT where the "
        "layer is block-circulant, and limit=None computes it anyway"
    )
    for refused in (rank, nullity):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            refused(huge)
    with pytest.raises(
        MemoryError, match=r"^the rank of a 1000000 x 1000000 matrix, which is found on dense copies, n"
    ):
        rank(huge, limit=None)
    with pytest.raises(ValueError, match=r"above a smaller side of 3: elimination takes 64 multiplications on 16 num"):
        rank(csr(np.eye(4)), limit=3)
    assert rank(csr(np.eye(4)), limit=4).value == 4
    assert rank(sparse.csr_array(([1, 1], ([0, 1], [7, 99_999])), shape=(2, 100_000))).value == 2
    assert is_small((2000, 2000))
    assert not is_small((3000, 3000))


def test_progress_counts_panels_of_all_primes():
    calls = []
    found = rank(Conv(11, 3, padding=1).matrix(BOX), progress=lambda *counts: calls.append(counts))
    # 121 columns are two panels; that five primes are needed is known after the first.
    assert found.reason.startswith("modulo 5 primes")
    assert calls == [(1, 2), (2, 2), *((done, 10) for done in range(3, 11))]


def test_an_interrupt_gets_through():
    def interrupt(*_):
        raise KeyboardInterrupt

    C = Conv(12, 3, padding=1).matrix(BOX)
    before = C.copy()
    with pytest.raises(KeyboardInterrupt):
        rank(C, progress=interrupt)
    assert_array_equal(C.toarray(), before.toarray())
    assert rank(C).value == rank(before).value
