"""Matrices with one of the usual mistakes, made by loops: the check names the mistake, or finds that there is none."""

import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from convmatrix import AvgPool, Conv, ConvTranspose, Fold, MaxPool, Upsample
from convmatrix.layers import MatrixCheck
from strategies import layers, seeds, share

EXAMPLE, WEIGHT = Conv(4, 3), np.arange(1, 10).reshape(3, 3)
SMALL = layers().filter(lambda layer: np.prod(layer.matrix_shape) <= 20_000 and layer.nnz > 0)


def distinct(layer, seed):
    """A weight of distinct integers, none of them 0."""
    count = int(np.prod(layer.weight_shape))
    return np.random.default_rng(seed).permutation(np.arange(3, count + 3)).reshape(layer.weight_shape)


def flattened(shape, order):
    """Where each entry of an image stands in an order, by loops; entries themselves in row-major order."""
    places = list(np.ndindex(*shape))
    if order == "in F order":
        ranked = sorted(places, key=lambda at: (at[0], at[:0:-1]))
    elif order == "in F order of all axes":
        ranked = sorted(places, key=lambda at: at[::-1])
    elif order == "channels last":
        ranked = sorted(places, key=lambda at: (at[1:], at[0]))
    else:
        ranked = places[::-1]
    rank = {place: number for number, place in enumerate(ranked)}
    return [rank[place] for place in places]


def with_mistake(layer, weight, kind):
    """The matrix with a mistake in all of it."""
    right = layer.matrix(weight).toarray()
    if kind == "transposed":
        return right.T
    if kind == "kernel flipped":
        return layer.matrix(np.flip(weight, tuple(range(2, weight.ndim)))).toarray()
    if kind == "kernel transposed":
        return layer.matrix(weight.transpose(0, 1, *reversed(range(2, weight.ndim)))).toarray()
    if kind == "channels of the weight swapped":
        return layer.matrix(weight.swapaxes(0, 1)).toarray()
    what, _, order = kind.replace("rows and columns", "both").partition(" ")
    rows = flattened(layer.output_shape, order) if what != "columns" else range(right.shape[0])
    cols = flattened(layer.input_shape, order) if what != "rows" else range(right.shape[1])
    wrong = np.zeros_like(right)
    for row, to_row in enumerate(rows):
        for col, to_col in enumerate(cols):
            wrong[to_row, to_col] = right[row, col]
    return wrong


OF_SQUARE_WEIGHTS = ["kernel transposed", "channels of the weight swapped"]
PAIRED = {"in_channels": 2, "out_channels": 2}
KINDS = [
    "transposed",
    "kernel flipped",
    *OF_SQUARE_WEIGHTS,
    *(
        f"{what} {order}"
        for order in ("in F order", "in F order of all axes", "channels last", "in reverse order")
        for what in ("columns", "rows", "rows and columns")
    ),
]


def assert_named(layer, found, weight, wrong):
    """Check that the named mistake makes this matrix: of several with the same result, any."""
    assert found.kind in KINDS, found.reason
    np.testing.assert_allclose(with_mistake(layer, weight, found.kind), wrong, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OF_SQUARE_WEIGHTS])
def test_each_mistake_of_a_layer_on_which_all_differ_is_named(kind):
    layer = Conv((4, 5), (2, 3), in_channels=2, out_channels=3, padding=((1, 0), (0, 0)))
    weight = distinct(layer, 0)
    wrong = with_mistake(layer, weight, kind)
    assert layer.check_matrix(wrong, weight).kind == kind
    read_off = layer.check_matrix(wrong)
    if kind == "kernel flipped":  # another weight
        assert read_off.ok
    else:
        assert (read_off.ok, read_off.kind) == (False, kind)
        np.testing.assert_array_equal(read_off.weight, weight)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OF_SQUARE_WEIGHTS])
@share(0.4)
@given(layer=SMALL, seed=seeds())
def test_mistakes_in_all_of_the_matrix_are_named(kind, layer, seed):
    weight = distinct(layer, seed)
    right, wrong = layer.matrix(weight).toarray(), with_mistake(layer, weight, kind)
    found = layer.check_matrix(wrong, weight)
    assert found.ok == np.array_equal(wrong, right)
    if not found.ok:
        assert_named(layer, found, weight, wrong)


@pytest.mark.parametrize("kind", OF_SQUARE_WEIGHTS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize("layer", [Conv((5, 4), 2, padding=1, **PAIRED), ConvTranspose((3, 4), 3, stride=2, **PAIRED)])
def test_swapped_axes_of_the_weight_are_named(kind, mode, layer):
    layer = replace(layer, padding_mode=mode, padding=((1, 1), (1, 1)))
    weight = distinct(layer, 0)
    found = layer.check_matrix(with_mistake(layer, weight, kind), weight)
    assert (found.ok, found.kind) == (False, kind)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith(("kernel", "channels"))])
@share(0.1)
@given(layer=SMALL, seed=seeds())
def test_mistakes_are_named_without_a_weight(kind, layer, seed):
    wrong = with_mistake(layer, distinct(layer, seed), kind)
    found = layer.check_matrix(sparse.coo_matrix(wrong))
    if found.ok:
        np.testing.assert_allclose(layer.matrix(found.weight).toarray(), wrong, atol=1e-6)
    else:
        assert_named(layer, found, found.weight, wrong)


@share(0.6)
@given(layer=SMALL, seed=seeds(), dtype=st.sampled_from([np.int64, np.float64, np.float32, np.complex128, np.uint8]))
def test_the_matrix_is_right_with_its_weight_and_with_any(layer, seed, dtype):
    weight = distinct(layer, seed) % 100
    matrix = layer.matrix(weight.astype(dtype))
    assert layer.check_matrix(matrix, weight).ok
    found = layer.check_matrix(matrix.toarray())
    assert found.ok
    np.testing.assert_allclose(layer.matrix(found.weight).toarray(), matrix.toarray(), rtol=1e-5, atol=1e-5)


@share(0.6)
@given(layer=SMALL, seed=seeds(), data=st.data())
def test_one_wrong_entry_is_found(layer, seed, data):
    weight = distinct(layer, seed)
    matrix = layer.matrix(weight).toarray()
    row, col = (data.draw(st.integers(0, size - 1)) for size in matrix.shape)
    matrix[row, col] = -2
    found = layer.check_matrix(matrix, weight)
    if found.kind == "row":
        assert (found.ok, found.row, found.column) == (False, row, col)
    else:  # a matrix of few entries may be another mistake's
        np.testing.assert_array_equal(with_mistake(layer, weight, found.kind), matrix)
    # Where each weight stands alone in three or more places, the others show what it is.
    counts = np.bincount(layer.taps()[1], minlength=weight.size)
    if layer.padding_mode == "zeros" and counts.min() >= 3:
        found = layer.check_matrix(matrix)
        assert (found.ok, found.kind, found.row, found.column) == (False, "row", row, col)


SENTENCES = {
    "row 2 is shifted one column to the right: it has the entries of row 3": lambda C: np.roll(C[2], 1),
    "row 2 is shifted 2 columns to the left": lambda C: np.roll(C[2], -2),
    "row 2 is empty, but needs 9 entries": lambda C: 0 * C[2],
    "row 2 has its entries in reverse order": lambda C: np.where(C[2] != 0, 10 - C[2], 0),
    "row 2 is -1 times what it should be": lambda C: -C[2],
    "row 2 is shifted 3 columns to the left: it has the entries of row 1": lambda C: C[1],
    "row 2, column 5 is 7, but needs 2 = weight[0, 0, 0, 1]": lambda C: np.where(np.arange(16) == 5, 7, C[2]),
    "row 2, column 5 is empty, but needs 2 = weight[0, 0, 0, 1]": lambda C: np.where(np.arange(16) == 5, 0, C[2]),
    "row 2, column 0 is 7, but needs 0": lambda C: np.where(np.arange(16) == 0, 7, C[2]),
    "row 2, column 0 is 7, but needs 0, and 1 entry more of this row": lambda C: np.where(
        np.arange(16) % 11 == 0, 7, C[2]
    ),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_first_wrong_row_is_described(sentence):
    C = EXAMPLE.matrix(WEIGHT).toarray()
    C[2] = SENTENCES[sentence](C)
    for found in (EXAMPLE.check_matrix(C, WEIGHT), EXAMPLE.check_matrix(sparse.csc_array(C))):
        assert (found.ok, found.kind, found.row) == (False, "row", 2)
        assert found.reason == sentence
    C[3] = 5
    assert EXAMPLE.check_matrix(C, WEIGHT).reason == f"{sentence}; 2 of 4 rows are wrong"


def test_a_row_that_is_no_shift_of_its_own_has_the_entries_of_another():
    layer = Conv((3,), 3, padding=1)
    C = layer.matrix([1, 2, 3]).toarray()
    C[2] = C[0]
    assert layer.check_matrix(C, [1, 2, 3]).reason == "row 2 has the entries of row 0"


def test_sentences_of_mistakes_in_the_whole():
    C, sizes = EXAMPLE.matrix(WEIGHT), "4 x 16: a row for each output, 2 x 2, and a column for each input, 4 x 4"
    right = "it is the matrix of Conv(input_size=(4, 4), kernel_size=(3, 3))"
    assert EXAMPLE.check_matrix(C, WEIGHT) == MatrixCheck(True, "right", right, weight=EXAMPLE.checked_weight(WEIGHT))
    assert EXAMPLE.check_matrix(C).reason == (
        f"{right}, with the weight [[1, 2, 3], [4, 5, 6], [7, 8, 9]]; whether that is flipped shows only beside a "
        "weight that is given"
    )
    assert EXAMPLE.check_matrix(C.T).reason == f"it is transposed: 16 x 4 instead of {sizes}"
    assert EXAMPLE.check_matrix(C[:3]).reason == f"it is 3 x 16 but needs {sizes}"
    back = C.T.toarray()
    back[5, 2] = 50
    assert EXAMPLE.check_matrix(back, WEIGHT).reason == (
        f"it is 16 x 4 but needs {sizes}; transposed, row 2, column 5 is 50, but needs 2 = weight[0, 0, 0, 1]"
    )
    same = Conv(5, 3, padding=1)
    assert same.check_matrix(same.matrix(WEIGHT).T, WEIGHT).reason == (
        "it is transposed: rows and columns have changed places; for this layer, that is the same as kernel flipped"
    )


@pytest.mark.parametrize("layer", [AvgPool(5, 2), Upsample(3, scale=2), Fold((4, 4), 2), AvgPool(5, 2).T], ids=repr)
def test_layers_without_a_weight(layer):
    matrix = layer.matrix().toarray()
    assert layer.check_matrix(matrix).ok
    assert layer.check_matrix(matrix.T).kind == "transposed"
    matrix[1, 0] = 9
    found = layer.check_matrix(matrix)
    assert (found.kind, found.row, found.column) == ("row", 1, 0)
    with pytest.raises(ValueError, match=rf"^{type(layer).__name__} has no weight, but one is given: leave it out$"):
        layer.check_matrix(matrix, [1, 2])


def test_rounding():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((3, 3))
    C = EXAMPLE.matrix(weight).toarray()
    largest = np.abs(C).max()
    for matrix, part, ok in (
        (C, 0.9e-9, True),
        (C, 1.1e-9, False),
        (C.astype(np.float32), 0.9e-5, True),
        (C.astype(np.float32), 1.2e-5, False),
    ):
        matrix = matrix.copy()
        matrix[3, 15] += part * largest
        assert EXAMPLE.check_matrix(matrix, weight).ok == ok, part
    C[0, 0] += 0.5
    assert EXAMPLE.check_matrix(C, weight, tolerance=0.5 + 1e-12).ok
    assert not EXAMPLE.check_matrix(C, weight, tolerance=0.5 - 1e-12).ok


def test_sums_at_borders_are_taken_apart():
    layer = ConvTranspose(4, 3, padding=1, padding_mode="reflect", in_channels=2, out_channels=3)
    weight = distinct(layer, 0)
    found = layer.check_matrix(layer.matrix(weight))
    assert found.ok
    np.testing.assert_array_equal(found.weight, weight)


def test_what_is_compared_stays_as_it_is():
    matrix = sparse.csr_array((np.array([1, 0, 2, 3, 4]), np.array([3, 1, 1, 0, 0]), np.array([0, 3, 5])), shape=(2, 4))
    before = matrix.copy()
    Conv((4,), 3).check_matrix(matrix)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(matrix, part), getattr(before, part))


@pytest.mark.parametrize("dtype", [bool, np.float16, np.uint64, np.longdouble])
def test_every_dtype_of_numbers_is_compared(dtype):
    layer = Conv((4,), 2)
    assert layer.check_matrix(layer.matrix([1, 1]).toarray().astype(dtype), [1, 1]).ok


def test_a_large_kernel_takes_no_table_of_its_taps():
    layer = Conv((9_100,), 9_000)
    weight = np.arange(1, 9_001)
    matrix = layer.matrix(weight)
    tracemalloc.start()
    found = layer.check_matrix(matrix)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.ok
    np.testing.assert_array_equal(found.weight.ravel(), weight)
    assert most < 9_000**2 * 4  # as float64, a row for each tap would be twice that


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        ([1, 2], r"^matrix has shape \(2,\) but needs two axes: rows and columns$"),
        ([["a"]], r"^matrix has dtype <U1, but needs numbers$"),
        ([[0, np.nan], [1, 2]], r"^matrix has nan in row 0, column 1, but needs finite numbers$"),
        (sparse.csr_array([[0.0, 1], [np.inf, 2]]), r"^matrix has inf in row 1, column 0, but needs finite numbers$"),
    ],
)
def test_what_is_no_matrix(matrix, sentence):
    with pytest.raises(ValueError, match=sentence):
        EXAMPLE.check_matrix(matrix)


def test_arguments_that_are_refused():
    C = EXAMPLE.matrix(WEIGHT)
    with pytest.raises(ValueError, match=r"^tolerance must be at least 0, got -1$"):
        EXAMPLE.check_matrix(C, tolerance=-1)
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        EXAMPLE.check_matrix(C, np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"^MaxPool has no matrix without an input, so there is none to compare with$"):
        MaxPool(4, 2).check_matrix(np.eye(4))


@pytest.mark.full
def test_a_million_entries_take_less_than_two_seconds():
    layer = Conv(340, 3)
    C = layer.matrix(WEIGHT)
    assert C.nnz > 10**6
    wrong = C.copy()
    wrong.data[len(wrong.data) // 2] = 99
    for matrix, kind in ((C, "right"), (C.T.tocsr(), "transposed"), (wrong, "row")):
        before = time.process_time()
        assert layer.check_matrix(matrix).kind == kind
        assert time.process_time() - before < 2  # 0.8 measured
