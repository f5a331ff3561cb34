"""New values go into the matrix that the layer built, into no other; and what is computed later keeps its weight."""

import re
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import Conv, ConvTranspose
from convmatrix.layers import weighted
from convmatrix.layers.index_check import sample_rows
from strategies import integers, layers, seeds, share

OTHER_FORMATS = ("csc", "coo", "bsr", "lil", "dok", "dia")
MANY_DIAGONALS = pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
LAYER = Conv((5, 4), 3, padding=((0, 2), 1), in_channels=2, out_channels=2)
WEIGHT = np.arange(1.0, 1 + LAYER.in_channels * LAYER.out_channels * 9).reshape(LAYER.weight_shape)


def sampled(entries=0):
    """Compare indices as those of large matrices are."""
    return mock.patch.object(weighted, "EXACT_ENTRIES", entries)


def refused(kind, *parts):
    """Refused with a message that is exactly this."""
    return pytest.raises(kind, match=f"^{re.escape(' '.join(parts))}$")


def rebuilt(C, **arrays):
    """The matrix with some of its arrays replaced."""
    parts = {"data": C.data.copy(), "indices": C.indices.copy(), "indptr": C.indptr.copy()} | arrays
    return sparse.csr_array((parts["data"], parts["indices"], parts["indptr"]), shape=C.shape)


def reversed_rows(C):
    """The same matrix, each row written from right to left."""
    rows = [np.arange(stop - 1, start - 1, -1) for start, stop in pairwise(C.indptr)]
    order = np.concatenate(rows).astype(int)
    return rebuilt(C, data=C.data[order], indices=C.indices[order])


# -- what is refilled ----------------------------------------------------------------------------------------------


@share(0.3)
@given(layer=layers(), seed=seeds(), exact=st.booleans(), kind=st.sampled_from((sparse.csr_array, sparse.csr_matrix)))
def test_the_matrix_of_the_layer_takes_new_values(layer, seed, exact, kind):
    old, new = (integers(layer.weight_shape, each) for each in (seed, seed + 1))
    C = kind(layer.matrix(old))
    with sampled(10**9 if exact else 0):
        assert layer.refill(C, new) is C
        assert layer.refill(rebuilt(C), new).shape == C.shape  # indices that SciPy knows nothing of
    assert_array_equal(C.toarray(), layer.matrix(new).toarray())


def test_a_copy_and_wide_indices_are_refilled_too():
    C = LAYER.matrix(WEIGHT)
    for same in (C.copy(), rebuilt(C, indices=C.indices.astype(np.int64), indptr=C.indptr.astype(np.int64))):
        assert_array_equal(LAYER.refill(same, 2 * WEIGHT).toarray(), 2 * C.toarray())


def test_a_weight_that_is_part_of_the_matrix_is_read_before_it_is_written_over():
    layer = Conv(60, 3, padding=1, in_channels=4, out_channels=4)
    assert layer.nnz > weighted.EXACT_ENTRIES
    C = layer.matrix(np.zeros(layer.weight_shape))
    C.data[:144] = np.arange(144)
    weight = C.data[:144].reshape(layer.weight_shape)
    expected = layer.matrix(weight.copy())
    assert_array_equal(layer.refill(C, weight).data, expected.data)


# -- what is not ---------------------------------------------------------------------------------------------------


@MANY_DIAGONALS
@share(0.2)
@given(layer=layers(), other=layers(), seed=seeds(), exact=st.booleans())
def test_a_matrix_that_is_not_the_layers_is_refused_and_left_as_it_was(layer, other, seed, exact):
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    wrong = [None, C.toarray(), C.toarray().tolist(), layer, C.T.tocsc(), reversed_rows(C), C.astype(np.float64)]
    wrong += [other.matrix(integers(other.weight_shape, seed)), *map(C.asformat, OTHER_FORMATS)]
    with sampled(10**9 if exact else 0):
        for matrix in wrong:
            same = sparse.issparse(matrix) and matrix.format == "csr" and matrix.dtype == C.dtype
            if same and matrix.shape == C.shape and matrix.nnz == C.nnz and (matrix.indices == C.indices).all():
                continue  # rows of one entry have no order, and drawn layers may be alike
            before = matrix.copy() if sparse.issparse(matrix) else matrix
            with pytest.raises(ValueError, match=r"matrix\(\)$|\.astype\('float64'\)$"):
                layer.refill(matrix, weight)
            if sparse.issparse(matrix):
                assert_array_equal(matrix.toarray(), before.toarray())


@share(0.3)
@given(layer=layers(), seed=seeds(), place=st.integers(0, 10**6))
def test_one_changed_index_of_a_small_matrix_is_found(layer, seed, place):
    assume(layer.nnz and layer.matrix_shape[1] > 1)
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    place %= C.nnz
    C.indices[place] = (C.indices[place] + 1) % C.shape[1]
    with pytest.raises(ValueError, match=f"^stored entry {place} of the matrix, in row "):
        layer.refill(C, weight)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"padding": ((1, 2), 1)}, {"padding": ((2, 1), 1)}),
        ({"padding": 1, "padding_mode": "reflect"}, {"padding": 1, "padding_mode": "circular"}),
        ({"padding": (2, 1), "dilation": (2, 1)}, {"padding": (1, 2), "dilation": (1, 2)}),
    ],
)
def test_large_layers_of_one_shape_are_distinguished(first, second, transposed):
    layer, other = (Conv(200, 3, **arguments) for arguments in (first, second))
    assert layer.nnz > weighted.EXACT_ENTRIES
    layer, other = (layer.T, other.T) if transposed else (layer, other)
    matrix = other.matrix(np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"of another layer|^the matrix is"):
        layer.refill(matrix, np.ones((3, 3)))
    assert_array_equal(matrix.data, 1)
    assert other.refill(matrix, np.full((3, 3), 2.0)).data[-1] == 2


@share(0.3)
@given(layer=layers(), seed=seeds(), place=st.integers(0, 10**6), step=st.sampled_from((-1, 1, 7, -(10**6), 10**8)))
def test_one_changed_index_of_a_large_matrix_is_found_by_the_sum_of_columns(layer, seed, place, step):
    assume(layer.nnz)
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    C.indices[place % C.nnz] += step
    with sampled(), pytest.raises(ValueError, match=r"indices were changed|rows of the matrix"):
        layer.refill(C, weight)


def test_unsorted_rows_of_a_large_matrix_are_found_wherever_they_are():
    layer = Conv(200, 3)
    C = layer.matrix(np.ones((3, 3)))
    row = next(row for row in range(layer.matrix_shape[0]) if row not in sample_rows(layer.output_shape))
    indices = C.indices.copy()
    indices[C.indptr[row] : C.indptr[row + 1]] = indices[C.indptr[row] : C.indptr[row + 1]][::-1]
    with refused(
        ValueError,
        "the matrix has rows whose columns are not in rising order: its indices were changed;",
        "build it with this layer's matrix()",
    ):
        layer.refill(rebuilt(C, indices=indices), np.ones((3, 3)))


def test_every_fault_is_named():
    C = LAYER.matrix(WEIGHT)
    build = "build it with this layer's matrix()"
    into = "refill writes into the csr_array that this layer's matrix() returned, got"
    moved = C.indptr.copy()
    moved[1] -= 1
    swapped, bare = C.copy(), C.copy()
    swapped.data, bare.indices = C.data.astype(">f8"), None
    faults = [
        (None, TypeError, f"{into} None: {build}"),
        ([[1]], TypeError, f"{into} a list: {build}"),
        (C.toarray(), TypeError, f"{into} a dense array of shape {C.shape}: {build}"),
        (C.tocsc(), TypeError, f"{into} a csc_array, which stores its entries in another order: {build}"),
        (bare, TypeError, f"the indices of the matrix is None, not an array of one axis: {build}"),
        (
            swapped,
            TypeError,
            f"the matrix has dtype >f8 and the weight float64: its numbers are in the other byte order; {build}",
        ),
        (
            rebuilt(C, indptr=moved),
            ValueError,
            "the rows of the matrix do not have as many entries as those of this layer's: it is the matrix of another "
            f"layer, or its indptr was changed; {build}",
        ),
        (
            reversed_rows(C),
            ValueError,
            f"stored entry 0 of the matrix, in row 0, is in column {C.indices[C.indptr[1] - 1]} but that of this "
            f"layer's "
            f"is in column {C.indices[0]}: it is the matrix of another layer, or its indices were changed; {build}",
        ),
    ]
    for matrix, kind, message in faults:
        with refused(kind, message):
            LAYER.refill(matrix, WEIGHT)


def test_data_that_cannot_be_written_over_is_refused():
    C = LAYER.matrix(WEIGHT)
    again = "so no values can be written over it: refill a .copy() of it"
    C.data.flags.writeable = False
    with refused(ValueError, "the data of the matrix is read-only,", again):
        LAYER.refill(C, WEIGHT)
    C = LAYER.matrix(WEIGHT)
    C.data = np.repeat(C.data, 2)[::2]
    with refused(ValueError, "the data of the matrix is not contiguous,", again):
        LAYER.refill(C, WEIGHT)
    C = LAYER.matrix(WEIGHT)
    C.data = np.append(C.data, 0.0)
    with refused(
        ValueError,
        f"the matrix has room for {C.nnz + 1} numbers and {C.nnz} columns but {C.nnz} entries:",
        "call its prune(), or build it with this layer's matrix()",
    ):
        LAYER.refill(C, WEIGHT)


# -- what is computed later ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["zeros", "replicate"])
@pytest.mark.parametrize("kind", [Conv, ConvTranspose])
def test_blocks_and_operators_keep_the_weight_that_they_were_given(kind, mode):
    layer = kind((6,), 3, padding=1, padding_mode=mode)
    weight = np.array([[[1.0, 2.0, 3.0]]])
    C = layer.matrix(weight).toarray()
    blocks, operator = layer.row_blocks(weight, rows=2), layer.operator(weight)
    _, first = next(blocks)
    weight[:] = 9
    assert_array_equal(np.vstack([first.toarray(), *(block.toarray() for _, block in blocks)]), C)
    assert_array_equal(operator @ np.eye(C.shape[1]), C)


@pytest.mark.full
def test_slabs_keep_the_weight_that_they_were_given():
    pytest.importorskip("dask.array")
    from convmatrix.scale import split

    layer = Conv((6,), 3)
    weight = np.array([[[1.0, 2.0, 3.0]]])
    expected = layer.matrix(weight) @ np.arange(6.0)
    product = split(layer, weight, outputs=2).matvec(np.arange(6.0))
    weight[:] = 9
    assert_array_equal(product.compute(scheduler="synchronous").ravel(), expected)
