"""The matrix against the reference's plain loops, and what the three arrays of a CSR matrix must be."""

import re
from itertools import pairwise
from time import perf_counter
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import Conv, ConvTranspose
from convmatrix.core.fast import assembly, tuning
from helpers import assert_canonical, dense
from selection import some
from strategies import convs, covers, integers, layers, seeds, share, transposes

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
)


def assert_is_the_definition(layer, seed):
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    assert_array_equal(C.toarray(), dense(layer, weight))
    assert_canonical(C)


@given(layer=convs(), seed=seeds())
@covers()
def test_the_matrix_of_a_convolution_is_the_definition(layer, seed):
    assert_is_the_definition(layer, seed)


@given(layer=transposes(), seed=seeds())
@covers()
def test_the_matrix_of_a_transposed_convolution_is_the_definition(layer, seed):
    assert_is_the_definition(layer, seed)


@given(layer=layers())
@covers()
def test_an_entry_is_stored_where_a_tap_connects_and_nowhere_else(layer):
    C = layer.matrix(np.zeros(layer.weight_shape))
    connected = dense(layer, np.ones(layer.weight_shape, dtype=int)) > 0
    assert_canonical(C)
    assert_array_equal(C.indices, np.nonzero(connected)[1])
    assert_array_equal(np.diff(C.indptr), connected.sum(axis=1))
    assert_array_equal(C.data, np.zeros(layer.nnz))


@given(layer=layers(), seed=seeds())
@covers()
def test_taps_say_which_weights_each_entry_is_the_sum_of(layer, seed):
    weight = integers(layer.weight_shape, seed)
    indptr, ids = layer.taps()
    assert indptr.dtype == ids.dtype == np.int64
    assert indptr.shape == (layer.nnz + 1,)
    assert (indptr[0], indptr[-1]) == (0, len(ids))
    assert (np.diff(indptr) > 0).all()
    assert_array_equal(layer.matrix(weight).data, np.add.reduceat(weight.ravel()[ids], indptr[:-1]) if len(ids) else [])
    assert all(len(set(ids[a:b])) == b - a for a, b in pairwise(indptr))


@given(
    layer=layers(),
    block=st.sampled_from((1, 2, 7, 30)),
    image=st.sampled_from((0, 10**6)),
    gathered=st.sampled_from((1, 50, 10**6)),
    period=st.sampled_from((1, 10**6)),
    page=st.sampled_from((1, 10**6)),
    keeping=st.sampled_from((0, 1)),
    seed=seeds(),
)
@covers()
def test_the_blocks_that_rows_are_written_in_change_nothing(layer, block, image, gathered, period, page, keeping, seed):
    weight = integers(layer.weight_shape, seed)
    with (
        mock.patch.multiple(tuning, BLOCK_ENTRIES=block, SHORTEST_BLOCK_ENTRIES=block, PERIOD_ENTRIES=period),
        mock.patch.multiple(tuning, GATHERED_BYTES=gathered, WHOLE_CHANNEL_ENTRIES=image),
        mock.patch.multiple(tuning, CHANNELWISE_ENTRIES=page, CHANNEL_PER_BLOCKS=keeping),
        mock.patch.object(assembly, "is_small", return_value=False),
    ):
        C = layer.matrix(weight)
    assert_array_equal(C.toarray(), layer.matrix(weight).toarray())
    assert_canonical(C)


@given(layer=layers(), seed=seeds())
@covers()
def test_the_same_matrix_with_wide_indices(layer, seed):
    weight = integers(layer.weight_shape, seed)
    narrow = layer.matrix(weight)
    with mock.patch.object(assembly, "index_dtype", return_value=np.dtype(np.int64)):
        wide = layer.matrix(weight)
    assert_canonical(wide, np.int64)
    for name in ("indptr", "indices", "data"):
        assert_array_equal(getattr(wide, name), getattr(narrow, name))


@pytest.mark.parametrize("dtype", ["bool", "int8", "float32", "complex128"])
def test_the_arrays_of_a_large_matrix_lie_in_one_piece_of_memory(dtype):
    C = Conv((300, 301), 3, padding=1).matrix(np.ones((3, 3), dtype))
    assert C.data.base is C.indices.base is C.indptr.base is not None  # or SciPy has copied what it was given
    assert_canonical(C)
    assert_array_equal(C.data, np.ones(C.nnz, dtype))


# -- axes long enough to be written in blocks --------------------------------------------------------------------------


LONG = [
    Conv((9001,), 3),
    Conv((9001,), 3, padding=2, padding_mode="reflect", in_channels=2, out_channels=3),
    Conv((5003,), 4, stride=3, padding=((5, 2),), dilation=2),
    Conv((3001,), 4, stride=3, padding=((5, 2),), dilation=2, input_dilation=5),
    Conv((3001,), 7, stride=4, padding=9, dilation=3, input_dilation=6, in_channels=4, out_channels=2, groups=2),
    Conv((7001,), 3, stride=2, padding=3, padding_mode="circular"),
    Conv((90, 70), 3, padding=1),
    Conv((90, 70), (3, 5), stride=(2, 1), padding=((1, 2), (4, 3)), dilation=(1, 2), padding_mode="symmetric"),
    Conv((60, 41), (4, 3), stride=(2, 3), padding=2, input_dilation=(3, 2), in_channels=2, out_channels=2, groups=2),
    Conv((3, 4000), (2, 3), stride=(1, 2), padding=(1, 2), padding_mode="replicate"),
    Conv((4000, 3), (2, 3), stride=(2, 1), padding=(1, 2), input_dilation=(3, 1)),
    Conv((30, 20, 25), 3, padding=1, stride=(1, 2, 1), in_channels=2),
    Conv((5, 6, 4, 7), (2, 1, 3, 2), stride=(1, 2, 1, 3), padding=1, dilation=(2, 1, 1, 2), padding_mode="reflect"),
    Conv((3, 4, 3, 2, 5), 2, padding=((0, 1),) * 5, out_channels=2),
    Conv((20, 30), 3, in_channels=32, out_channels=16, groups=4, padding=1),
    Conv((5000,), 1, stride=5),
    Conv((6000,), 1, padding=-1, dilation=7),
    ConvTranspose((3000,), 5, stride=7, padding=3, output_padding=4),
    ConvTranspose((5000,), 2, dilation=4, output_padding=3),
]


@pytest.mark.parametrize("layer", [twin for conv in LONG for twin in (conv, conv.T)], ids=repr)
def test_long_axes_are_the_product_of_their_tables(layer):
    weight = integers(layer.weight_shape, seed=1)
    C = layer.matrix(weight)
    assert_canonical(C)
    expected = layer.matrix(weight, method="equation")
    assert C.shape == expected.shape
    assert abs(C - expected).max() == 0
    assert C.nnz == layer.nnz


@given(data=st.data())
@share(0.1)
def test_drawn_long_axes_are_the_product_of_their_tables(data):
    conv = data.draw(convs(ndims=(1,)))
    long = data.draw(st.integers(100, 3000))
    extra = (long - 1) * conv.stride[0] // conv.input_dilation[0]
    arguments = {name: getattr(conv, name) for name in conv.__dataclass_fields__}
    layer = Conv(**arguments | {"input_size": (conv.input_size[0] + extra,)})
    for twin in (layer, layer.T):
        weight = integers(twin.weight_shape, seed=long)
        C = twin.matrix(weight)
        assert_canonical(C)
        assert abs(C - twin.matrix(weight, method="equation")).max() == 0
        assert C.nnz == twin.nnz


# -- sums of taps --------------------------------------------------------------------------------------------------


def test_taps_that_meet_on_one_input_are_summed():
    C = Conv((3,), 3, padding=1, padding_mode="replicate").matrix([10, 200, 3000])
    assert_array_equal(C.toarray(), [[210, 3000, 0], [10, 200, 3000], [0, 10, 3200]])
    C = Conv((3,), 3, padding=1, padding_mode="reflect").matrix([10, 200, 3000])
    assert_array_equal(C.toarray(), [[200, 3010, 0], [10, 200, 3000], [0, 3010, 200]])
    C = Conv((3,), 3, padding=1, padding_mode="symmetric").matrix([10, 200, 3000])
    assert_array_equal(C.toarray(), [[210, 3000, 0], [10, 200, 3000], [0, 10, 3200]])
    C = Conv((2,), 3, padding=1, padding_mode="circular").matrix([10, 200, 3000])
    assert_array_equal(C.toarray(), [[200, 3010], [3010, 200]])


def test_a_bool_matrix_is_or():
    layer = Conv((3,), 3, padding=1, padding_mode="replicate")
    C = layer.matrix([True, True, False])
    assert C.dtype == bool
    assert_array_equal(C.toarray(), [[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    assert_array_equal(layer.T.matrix([True, True, False]).toarray(), [[1, 1, 0], [0, 1, 1], [0, 0, 1]])


@given(layer=layers(), seed=seeds())
@covers()
def test_a_bool_matrix_is_the_pattern_of_its_weight(layer, seed):
    weight = integers(layer.weight_shape, seed, bool)
    C = layer.matrix(weight)
    assert C.dtype == bool
    assert_canonical(C)
    assert_array_equal(C.toarray(), dense(layer, weight.astype(int)) > 0)


@pytest.mark.parametrize(
    ("dtype", "weight", "worst", "end", "cast"),
    [
        ("int8", [100, 28, 0], 128, 127, "int16"),
        ("int8", [-100, -29, 0], -129, -128, "int16"),
        ("uint8", [0, 200, 100], 300, 255, "int16"),
        ("int16", [2**15 - 1, 1, 0], 2**15, 2**15 - 1, "int32"),
        ("uint16", [0, 2**16 - 1, 1], 2**16, 2**16 - 1, "int32"),
        ("int32", [0, 2**31 - 1, 1], 2**31, 2**31 - 1, "int64"),
        ("uint32", [0, 2**32 - 1, 1], 2**32, 2**32 - 1, "int64"),
        ("int64", [0, -(2**63), -1], -(2**63) - 1, -(2**63), "float64"),
        ("uint64", [0, 2**64 - 1, 1], 2**64, 2**64 - 1, "float64"),
    ],
)
def test_an_integer_sum_that_overflows_is_refused(dtype, weight, worst, end, cast):
    message = (
        f"weights that meet on one input add up to {worst}, but {dtype} ends at {end}: "
        f"cast the weight with .astype('{cast}')"
    )
    weight = np.array(weight, dtype)
    layer = Conv((3,), 3, padding=1, padding_mode="replicate")
    for twin in (layer, layer.T):
        for make in (twin.matrix, twin.operator):
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as caught:
                make(weight)
            assert isinstance(caught.value, OverflowError)
    exact = [[int(weight[0]) + int(weight[1]), int(weight[2]), 0]]
    assert_array_equal(layer.matrix(weight.astype(cast)).toarray()[:1], np.array(exact, dtype=cast))


@pytest.mark.parametrize(
    ("dtype", "weight", "row"),
    [
        ("int8", [100, 27, 0], [127, 0, 0]),
        ("int8", [-100, -28, 0], [-128, 0, 0]),
        ("int8", [127, -128, 127], [-1, 127, 0]),
        ("uint8", [0, 155, 100], [155, 100, 0]),
        ("int64", [2**62, 2**62 - 1, 1], [2**63 - 1, 1, 0]),
        ("uint64", [2**63, 2**63 - 1, 1], [2**64 - 1, 1, 0]),
    ],
)
def test_an_integer_sum_that_just_fits_is_exact(dtype, weight, row):
    C = Conv((3,), 3, padding=1, padding_mode="replicate").matrix(np.array(weight, dtype))
    assert C.dtype == dtype
    assert_array_equal(C.toarray()[0], np.array(row, dtype))


def test_weights_that_never_meet_may_be_as_large_as_their_dtype_holds():
    C = Conv((3,), 3, padding=1).matrix(np.array([127, 127, -128], np.int8))
    assert_array_equal(C.toarray(), [[127, -128, 0], [127, 127, -128], [0, 127, 127]])


def test_only_sums_that_are_entries_can_overflow():
    """All four taps meet on the one input: 100 - 100 + 100 - 100. No entry holds the 200 of a single column."""
    layer = Conv((1, 1), 2, padding=((0, 1), (0, 1)), padding_mode="circular")
    C = layer.matrix(np.array([[100, -100], [100, -100]], np.int8))
    assert C.dtype == np.int8
    assert_array_equal(C.toarray(), [[0]])


# -- dtypes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_the_dtype_of_the_weight_is_kept(mode, dtype):
    layer = Conv((4, 5), 3, padding=2, padding_mode=mode, in_channels=2, out_channels=4, groups=2)
    for twin in (layer, layer.T):
        weight = integers(twin.weight_shape, seed=3, dtype=dtype)
        C = twin.matrix(weight)
        assert C.dtype == dtype
        exact = dense(twin, weight.astype(complex if np.dtype(dtype).kind == "c" else int))
        assert_array_equal(C.toarray(), exact > 0 if dtype == "bool" else exact)
        assert twin.nbytes(dtype) == C.data.nbytes + C.indices.nbytes + C.indptr.nbytes


@pytest.mark.parametrize("dtype", [">i2", ">i8", ">f4", ">f8", ">c16"])
def test_a_foreign_byte_order_becomes_the_machines(dtype):
    C = Conv(3, 2).matrix(np.arange(4).reshape(2, 2).astype(dtype))
    assert C.dtype == np.dtype(dtype).newbyteorder("=")
    assert C.dtype.isnative
    assert_array_equal(C.toarray()[0], [0, 1, 0, 2, 3, 0, 0, 0, 0])


def test_lists_become_what_numpy_makes_of_them():
    assert Conv((3,), 2).matrix([1, 2]).dtype == np.int64
    assert Conv((3,), 2).matrix([1.0, 2]).dtype == np.float64
    assert Conv((3,), 2).matrix([1j, 2]).dtype == np.complex128


def test_the_weight_and_the_matrix_share_no_memory():
    weight = np.array([[1.0]])
    C = Conv(1, 1).matrix(weight)
    C.data[:] = 7
    assert_array_equal(weight, [[1]])


# -- index dtype ---------------------------------------------------------------------------------------------------


def test_indices_are_narrow_wherever_shape_and_count_fit():
    most = 2**31 - 1
    assert assembly.index_dtype(most, most, most) == np.int32
    for numbers in ((most + 1, 1, 1), (1, most + 1, 1), (1, 1, most + 1)):
        assert assembly.index_dtype(*numbers) == np.int64


@pytest.mark.parametrize(("size", "dtype"), [(2**31 - 1, np.int32), (2**31, np.int64)])
def test_the_index_dtype_changes_where_the_columns_no_longer_fit(size, dtype):
    C = Conv((size,), 1, stride=2**30 - 1).matrix([5])
    assert_canonical(C, dtype)
    assert_array_equal(C.indices, [0, 2**30 - 1, 2**31 - 2])


def test_columns_beyond_32_bits_are_exact():
    layer = Conv((2, 2**33), (1, 2), stride=(1, 2**32), dilation=(1, 2**20), in_channels=2)
    C = layer.matrix(np.arange(1, 5).reshape(1, 2, 1, 2))
    assert_canonical(C, np.int64)
    first = np.array([0, 2**20])
    row = np.concatenate([first, first + 2**34])
    assert_array_equal(C.indices.reshape(4, 4), [row, row + 2**32, row + 2**33, row + 2**33 + 2**32])
    assert_array_equal(C.data.reshape(4, 4), [[1, 2, 3, 4]] * 4)
    assert layer.nbytes(np.int64) == C.data.nbytes + C.indices.nbytes + C.indptr.nbytes


# -- canonical form ------------------------------------------------------------------------------------------------


def test_a_stored_zero_stays():
    C = Conv((4,), 3).matrix([1, 0, 2])
    assert (C.nnz, C.count_nonzero()) == (6, 4)
    assert_array_equal(C.data, [1, 0, 2, 1, 0, 2])
    C.eliminate_zeros()
    assert C.nnz == 4


def test_weights_that_cancel_stay_as_a_stored_zero():
    C = Conv((3,), 3, padding=1, padding_mode="replicate").matrix([1, -1, 5])
    assert_array_equal(C.data, [0, 5, 1, -1, 5, 1, 4])


@given(layer=layers(), seed=seeds())
@covers()
def test_the_canonical_flag_is_what_scipy_finds(layer, seed):
    C = layer.matrix(integers(layer.weight_shape, seed))
    fresh = sparse.csr_array((C.data, C.indices, C.indptr), shape=C.shape)
    assert fresh.has_canonical_format  # computed by scipy from the arrays
    assert C.has_canonical_format


def test_a_row_of_zeros_is_an_empty_row():
    C = Conv((1,), 1, padding=2).matrix([7])
    assert_array_equal(C.indptr, [0, 0, 0, 1, 1, 1])
    assert Conv((2,), 1, padding=((5, -5),)).matrix([7]).nnz == 0


RAGGED = (
    {"dilation": 4},
    {"dilation": 3, "stride": 2},
    {"dilation": 5, "stride": 3, "padding": 7},
    {"dilation": 2, "in_channels": 2, "out_channels": 3},
    {"dilation": 3, "in_channels": 4, "out_channels": 4, "groups": 2},
)


@pytest.mark.parametrize("arguments", RAGGED)
@pytest.mark.parametrize("axes", [(), (2,)])
@pytest.mark.parametrize("block", some([1, 64, 4096], 64))
def test_rows_between_inserted_zeros_are_written_many_at_a_time(arguments, axes, block):
    ndim = 1 + len(axes)
    kwargs = {
        name: value if "channels" in name or name == "groups" else (*(1 for _ in axes), value)
        for name, value in arguments.items()
    }
    kwargs["padding"] = (*((0, 0) for _ in axes), (arguments.get("padding", 0),) * 2)
    layer = ConvTranspose((*axes, 5), (*axes, 40), **kwargs)
    assert layer.ndim == ndim
    weight = integers(layer.weight_shape, 0)
    with mock.patch.object(tuning, "BLOCK_ENTRIES", block), mock.patch.object(assembly, "is_small", return_value=False):
        C = layer.matrix(weight)
        assert_canonical(C)
        assert_array_equal(C.toarray(), layer.matrix(weight, method="equation").toarray())
        assert_array_equal(layer.refill(C, 2 * weight).data, layer.matrix(2 * weight, method="equation").data)


def test_a_long_kernel_between_inserted_zeros_is_written_at_once():
    layer = ConvTranspose((3,), 300_000, dilation=4)
    started = perf_counter()
    assert layer.matrix(np.ones(layer.weight_shape)).nnz == 900_000
    assert perf_counter() - started < 10  # it took a second for each 10,000 taps
