"""Parts of a matrix, new values for it, and its Gram matrix: compared with the matrix itself, built whole."""

import itertools
import re
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.core import memory
from convmatrix.core.fast import assembly, tuning
from convmatrix.core.fast.boxes import index_ranges
from helpers import assert_canonical
from strategies import MODES, integers, layers, seeds, share

DTYPES = (np.int64, np.float64, np.complex128, np.bool_, np.int32)


def assert_same(result, wanted):
    """Equal as arrays, not only as numbers."""
    assert result.shape == wanted.shape
    assert result.dtype == wanted.dtype
    for name in ("indptr", "indices", "data"):
        assert_array_equal(getattr(result, name), getattr(wanted, name))
    assert_canonical(result)


# -- rows ------------------------------------------------------------------------------------------------------------


@given(layer=layers(), seed=seeds(), data=st.data())
def test_rows_are_those_of_the_whole_matrix(layer, seed, data):
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    ends = st.integers(0, C.shape[0])
    start, stop = sorted((data.draw(ends), data.draw(ends)))
    assert_same(layer.matrix(weight, rows=slice(start, stop)), C[start:stop])


def test_rows_of_a_layer_that_reads_nothing():
    up = ConvTranspose(
        (2,), 1, stride=4, padding=((-1, 0),), in_channels=2, out_channels=2, input_dilation=2, output_padding=3
    )
    weight = np.ones(up.weight_shape)
    assert up.nnz == 0
    for start in range(11):
        for stop in range(start, 11):
            assert_same(up.matrix(weight, rows=slice(start, stop)), up.matrix(weight)[start:stop])


@share(0.4)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from(DTYPES), data=st.data())
def test_blocks_of_rows_are_the_whole_matrix(layer, seed, dtype, data):
    weight = integers(layer.weight_shape, seed, dtype)
    C = layer.matrix(weight)
    size = data.draw(st.integers(1, C.shape[0] + 2))
    first = data.draw(st.integers(0, -(-C.shape[0] // size)))
    expected = first * size
    for rows, block in layer.row_blocks(weight, rows=size, first=first):
        assert rows == slice(expected, min(expected + size, C.shape[0]))
        assert_same(block, C[rows])
        expected = rows.stop
    assert expected == C.shape[0] or first * size > C.shape[0]


@pytest.mark.full
@pytest.mark.parametrize(
    "layer",
    [
        Conv((20,), 3, padding=2, padding_mode="reflect"),
        Conv((20,), 3, stride=2, padding=1).T,
        Conv((15,), 2, stride=2, padding=1, input_dilation=3),
        Conv((3, 9), 2, padding=1, in_channels=4, out_channels=4, groups=2),
    ],
)
def test_all_ranges_of_rows_of_layers_that_are_long_enough_to_repeat(layer):
    weight = integers(layer.weight_shape, 7)
    C = layer.matrix(weight)
    assert any(pattern.repeats > 2 for pattern in layer._patterns())
    for start in range(C.shape[0]):
        for stop in range(start + 1, C.shape[0] + 1, 1 + C.shape[0] // 40):
            assert_same(layer.matrix(weight, rows=slice(start, stop)), C[start:stop])


def test_rows_are_a_slice_as_python_has_them():
    layer, weight = Conv(4, 3), np.arange(9).reshape(3, 3)
    C = layer.matrix(weight)
    for rows in (slice(None), slice(-1, None), slice(1, 100), slice(2, 2), slice(3, 1)):
        assert_array_equal(layer.matrix(weight, rows=rows).toarray(), C.toarray()[rows])


def test_rows_with_a_step_are_refused():
    with pytest.raises(
        ValueError,
        match=r"^rows=slice\(0, 4, 2\) has step 2, but only consecutive rows are built: "
        r"take matrix\(weight\)\[0:4:2\]$",
    ):
        Conv(4, 3).matrix(np.ones((3, 3)), rows=slice(0, 4, 2))
    with pytest.raises(
        TypeError, match=r"^rows is 3 but has to be a slice of consecutive rows, such as slice\(0, 100\)$"
    ):
        Conv(4, 3).matrix(np.ones((3, 3)), rows=3)


def test_blocks_that_do_not_exist_are_refused_at_once():
    with pytest.raises(ValueError, match=r"^rows must be at least 1, got 0$"):
        Conv(4, 3).row_blocks(np.ones((3, 3)), rows=0)
    message = "first=3 but there are 2 blocks (= 4 rows / 3, rounded up), numbered from 0"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Conv(4, 3).row_blocks(np.ones((3, 3)), rows=3, first=3)
    with pytest.raises(ValueError, match=r"^weight has shape \(2, 2\)"):
        Conv(4, 3).row_blocks(np.ones((2, 2)), rows=3)


def test_a_block_of_a_matrix_whose_columns_need_64_bits():
    """Of 2,500,000,000 columns; the window of output (o, p) begins at input o * 50,000 + p."""
    layer = Conv(50_000, 3)
    size = layer.output_size[1]
    weight = np.arange(1, 10).reshape(3, 3)
    block = layer.matrix(weight, rows=slice(-3, None))
    assert block.indices.dtype == np.int64
    assert block.shape == (3, 2_500_000_000)
    assert block.nnz == 27
    for row in range(3):
        corner = (size - 1) * 50_000 + size - 3 + row
        assert_array_equal(
            block.indices[9 * row : 9 * row + 9], np.add.outer([0, 50_000, 100_000], corner + np.arange(3)).ravel()
        )
    assert_array_equal(block.data, np.tile(np.arange(1, 10), 3))
    assert Conv(40_000, 3).matrix(weight, rows=slice(0, 2)).indices.dtype == np.int32


def test_a_block_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    layer = Conv(4000, 3)
    message = (
        "15984000 rows of the matrix, with 143856000 entries, needs 1.67 GiB but 0.0931 GiB of memory is available: "
        "take fewer rows at a time"
    )
    with pytest.raises(MemoryError, match=f"^{re.escape(message)}$"):
        layer.matrix(np.ones((3, 3)), rows=slice(4, None))
    assert layer.matrix(np.ones((3, 3)), rows=slice(0, 1000)).nnz == 9000


@share(0.4)
@given(shape=st.lists(st.integers(1, 4), max_size=4), data=st.data())
def test_ranges_cover_consecutive_indices_in_order(shape, data):
    total = int(np.prod(shape))
    start = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(start, total))
    numbers = np.arange(total).reshape(shape)
    boxes = list(index_ranges(tuple(shape), start, stop))
    result = [numbers[tuple(slice(*ends) for ends in box)].ravel() for box in boxes]
    assert_array_equal(np.concatenate([np.zeros(0, dtype=int), *result]), np.arange(start, stop))
    assert len(boxes) <= max(2 * len(shape) - 1, 1)


# -- threads ---------------------------------------------------------------------------------------------------------


@share(0.4)
@given(layer=layers(), seed=seeds(), threads=st.integers(2, 5))
def test_several_threads_write_the_same_matrix(layer, seed, threads):
    weight = integers(layer.weight_shape, seed)
    with mock.patch.object(tuning, "THREADED_ENTRIES", 0), mock.patch.object(assembly, "is_small", return_value=False):
        assert_same(layer.matrix(weight, threads=threads), layer.matrix(weight))
        rows = slice(1, layer.matrix_shape[0])
        assert_same(layer.matrix(weight, rows=rows, threads=threads), layer.matrix(weight, rows=rows))


def test_a_matrix_of_few_entries_needs_no_threads(monkeypatch):
    monkeypatch.setattr(assembly, "ThreadPoolExecutor", None)
    assert Conv(100, 7).matrix(np.ones((7, 7)), threads=2).nnz < 10**7
    with pytest.raises(TypeError):
        Conv(1000, 4).matrix(np.ones((4, 4)), threads=2)
    with pytest.raises(ValueError, match=r"^threads must be at least 1, got 0$"):
        Conv(4, 3).matrix(np.ones((3, 3)), threads=0)


# -- new values ------------------------------------------------------------------------------------------------------


@share(0.4)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from(DTYPES))
def test_new_values_are_those_of_the_new_weight(layer, seed, dtype):
    old, new = (integers(layer.weight_shape, each, dtype) for each in (seed, seed + 1))
    C = layer.matrix(old)
    before = C.data
    assert layer.refill(C, new) is C
    assert C.data is before
    assert_same(C, layer.matrix(new))


@share(0.4)
@given(layer=layers(), seed=seeds(), dtype=st.sampled_from(DTYPES))
def test_small_matrices_are_the_same_with_lines_that_are_copied(layer, seed, dtype):
    old, new = (integers(layer.weight_shape, each, dtype) for each in (seed, seed + 1))
    with mock.patch.object(assembly, "is_small", return_value=False):
        C = layer.matrix(new)
    for fewest in (0, 10**9):
        with mock.patch.object(tuning, "COPIED_ENTRIES", fewest):
            D = layer.matrix(old)
            assert_same(layer.refill(D, new), C)
            assert_same(layer.matrix(new), C)


def test_what_is_done_to_a_matrix_does_not_reach_the_next_one():
    for layer in (Conv(4, 3), Conv((5,), 1), Conv((40, 40), 3, padding=1), Conv((6,), 2).T):
        weight = np.ones(layer.weight_shape)
        C = layer.matrix(weight)
        arrays = [part.copy() for part in (C.data, C.indices, C.indptr)]
        for part in (C.data, C.indices, C.indptr):
            part[:] = 7
        D = layer.matrix(weight)
        for part, before in zip((D.data, D.indices, D.indptr), arrays, strict=True):
            assert_array_equal(part, before)
        assert_array_equal(weight, 1)


def test_new_values_for_another_matrix_are_refused():
    layer, weight = Conv(4, 3), np.ones((3, 3))
    C = Conv(5, 3).matrix(weight)
    with pytest.raises(
        ValueError,
        match=r"^the matrix is 9 x 25 with 81 entries but this layer's is 4 x 16 with 36: "
        r"make it with this layer's matrix\(\)$",
    ):
        layer.refill(C, weight)
    C = layer.matrix(weight)
    with pytest.raises(
        TypeError,
        match=r"^the matrix has dtype float64 and the weight int64: cast the weight with "
        r"\.astype\('float64'\)$",
    ):
        layer.refill(C, np.full((3, 3), 2))
    assert_array_equal(C.data, 1)


# -- the Gram matrix -------------------------------------------------------------------------------------------------


@given(layer=layers(), seed=seeds(), dtype=st.sampled_from(DTYPES))
def test_the_gram_matrix_is_the_product(layer, seed, dtype):
    weight = integers(layer.weight_shape, seed, dtype)
    C = layer.matrix(weight)
    result = layer.gram(weight)
    assert result.dtype == C.dtype
    assert_array_equal(result.toarray(), (C.conj().T @ C).toarray())
    assert_canonical(result)
    pattern = layer.matrix(np.ones(layer.weight_shape, dtype=bool))
    assert result.nnz == (pattern.T @ pattern).nnz


@pytest.mark.full
@pytest.mark.parametrize("mode", MODES)
def test_the_gram_matrix_of_every_axis_that_is_long_enough_to_repeat(mode):
    """Interiors that are long enough to have both ends: drawn layers are mostly too short."""
    numbers = itertools.product((13, 16), (1, 2, 3), (1, 2, 3), (-1, 0, 2), (-1, 0, 2), (1, 2), (1, 2, 3))
    repeated = 0
    for n, k, stride, before, after, dilation, spread in numbers:
        if spread > 1 and mode != "zeros":
            continue
        layer = Conv(
            (n,),
            k,
            stride=stride,
            padding=((before, after),),
            dilation=dilation,
            padding_mode=mode,
            input_dilation=spread,
        )
        weight = integers(layer.weight_shape, n + before)
        for twin in (layer, layer.T):
            C = twin.matrix(weight)
            result = twin.gram(weight)
            repeated += twin._gram_patterns()[0].repeats > 1
            assert_canonical(result)
            assert_array_equal(result.toarray(), (C.T @ C).toarray(), err_msg=repr(twin))
    assert repeated > 200


def test_the_gram_matrix_of_a_long_axis_is_a_handful_of_arrays():
    """The autocorrelation of 1, 2, 3 in the interior."""
    for layer in (Conv((10**6,), 3, padding=1, padding_mode="circular"), Conv((10**6,), 3).T):
        G = layer.gram([1, 2, 3])
        assert G[[5000]].data.tolist() == [3, 8, 14, 8, 3]
        assert G[[5000]].indices.tolist() == [4998, 4999, 5000, 5001, 5002]


def test_products_that_no_entry_can_hold_are_refused():
    layer = Conv((4,), 2)
    message = (
        "products of weights add up to 20000 in C^T C, but int8 ends at 127: cast the weight with .astype('float64')"
    )
    with pytest.raises(OverflowError, match=f"^{re.escape(message)}$"):
        layer.gram(np.array([100, 100], dtype=np.int8))
    wide = layer.gram(np.array([2**31 - 1, 2**30]))  # too close to the end for the first look, exact at the second
    assert wide[1, 1] == (2**31 - 1) ** 2 + 2**60


def test_a_gram_matrix_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    with pytest.raises(
        MemoryError,
        match=r"^the Gram matrix of 16000000 x 16000000 with 399760036 entries needs "
        r"4\.47 GiB but 0\.0931 GiB of memory is available: multiply by \.operator",
    ):
        Conv(4000, 3).gram(np.ones((3, 3)))


def test_layers_pickle_small():
    import pickle

    layer = ConvTranspose((224, 224), 7, stride=2, padding=3, in_channels=64, out_channels=3, output_padding=1)
    packed = pickle.dumps(layer)
    assert len(packed) < 1000
    assert pickle.loads(packed) == layer
