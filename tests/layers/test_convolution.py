"""The contract of Conv and ConvTranspose, line by line."""

import copy
import dataclasses
import pickle
import subprocess
import sys
import tracemalloc
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose, flip
from convmatrix.core import memory
from convmatrix.core.axis import Axis
from helpers import by_definition, dense
from strategies import (
    BORDERS,
    MODES,
    NAMES,
    built,
    conv_arguments,
    convs,
    covers,
    integers,
    layers,
    seeds,
    share,
    transpose_arguments,
    transposes,
)

# -- sizes ---------------------------------------------------------------------------------------------------------


def test_the_first_example_of_the_contract():
    conv = Conv(input_size=(4, 4), kernel_size=(3, 3))
    assert conv.output_size == (2, 2)
    assert conv.input_shape == (1, 4, 4)
    assert conv.output_shape == (1, 2, 2)
    assert conv.weight_shape == (1, 1, 3, 3)
    assert conv.matrix_shape == (4, 16)
    assert conv.nnz == 36
    assert conv.nbytes(np.float64) == 36 * (8 + 4) + 5 * 4
    assert conv.matrix(np.arange(9).reshape(3, 3)).shape == (4, 16)
    assert conv == Conv(4, 3)


def test_the_transposed_example_of_the_contract():
    up = ConvTranspose(input_size=(2, 2), kernel_size=(3, 3))
    assert up.output_size == (4, 4)
    assert up.matrix_shape == (16, 4)
    assert up.weight_shape == (1, 1, 3, 3)
    assert up == Conv(4, 3).T
    assert up.nnz == 36


@given(arguments=conv_arguments(), seed=seeds())
@covers()
def test_all_sizes_of_a_convolution_are_those_of_its_results(arguments, seed):
    layer = Conv(**arguments)
    assert_sizes(layer, seed)
    assert layer.weight_shape == (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
    assert layer.leftover == tuple(axis.leftover for axis in layer.axes)


@given(arguments=transpose_arguments(), seed=seeds())
@covers()
def test_all_sizes_of_a_transposed_convolution_are_those_of_its_results(arguments, seed):
    layer = ConvTranspose(**arguments)
    assert_sizes(layer, seed)
    assert layer.weight_shape == (layer.in_channels, layer.out_channels // layer.groups, *layer.kernel_size)
    sizes = []
    for i, k, s, (before, after), d, a, op in zip(
        layer.input_size,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.input_dilation,
        layer.output_padding,
        strict=True,
    ):
        dilated = (i - 1) * s + d * (k - 1) + 1 - before - after + op
        assert (dilated - 1) % a == 0
        assert op < max(s, d)
        sizes.append((dilated - 1) // a + 1)
    assert layer.output_size == tuple(sizes)
    if "output_size" in arguments:
        assert layer.output_size == arguments["output_size"]


def assert_sizes(layer, seed):
    weight = integers(layer.weight_shape, seed)
    x = integers(layer.input_shape, seed + 1)
    y = by_definition(layer, x, weight)
    C = layer.matrix(weight)
    assert layer.ndim == len(layer.input_size) == len(layer.kernel_size)
    assert layer.input_shape == (layer.in_channels, *layer.input_size)
    assert layer.output_shape == (layer.out_channels, *layer.output_size) == y.shape
    assert layer.matrix_shape == C.shape == (prod(y.shape), prod(x.shape))
    assert layer.nnz == C.nnz
    for dtype in (bool, np.int64, np.complex128):
        typed = layer.matrix(weight.astype(dtype))
        assert layer.nbytes(dtype) == typed.data.nbytes + typed.indices.nbytes + typed.indptr.nbytes
    assert_array_equal(layer.unvec(C @ layer.vec(x)), y)


def test_a_batch_is_more_columns():
    layer = Conv((5, 4), 3, padding=1, in_channels=2, out_channels=3)
    weight = integers(layer.weight_shape, 1)
    images = integers((7, 2, 5, 4), 2)
    y = layer.unvec(layer.matrix(weight) @ layer.vec(images))
    assert y.shape == (7, 3, 5, 4)
    assert_array_equal(y, [by_definition(layer, image, weight) for image in images])


def test_nbytes_of_a_default_is_that_of_float64():
    assert Conv(4, 3).nbytes() == Conv(4, 3).nbytes("float64") == 452


# -- arguments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "ndim"),
    [
        ({}, 2),
        ({"ndim": 1}, 1),
        ({"ndim": 3}, 3),
        ({"ndim": 0}, 0),
        ({"ndim": np.int64(1)}, 1),
        ({"input_size": (5,)}, 1),
        ({"input_size": [5, 6, 7]}, 3),
        ({"kernel_size": (3,)}, 1),
        ({"stride": (1, 2, 1)}, 3),
        ({"padding": (1,)}, 1),
        ({"padding": ((1, 2),)}, 1),
        ({"padding": (1, 2)}, 2),
        ({"padding": ("same", "valid", (0, 1))}, 3),
        ({"dilation": [2]}, 1),
        ({"input_dilation": (1, 2, 1, 2)}, 4),
        ({"stride": (2,), "padding": 1, "ndim": 1}, 1),
        ({"input_size": ()}, 0),
    ],
)
def test_ndim_is_the_length_of_the_first_sequence_and_otherwise_two(arguments, ndim):
    layer = Conv(**{"input_size": 5, "kernel_size": 3} | arguments)
    assert layer.ndim == ndim
    assert len(layer.input_size) == len(layer.kernel_size) == len(layer.stride) == len(layer.padding) == ndim
    assert len(layer.dilation) == len(layer.input_dilation) == len(layer.output_size) == ndim


@pytest.mark.parametrize(
    ("arguments", "output_size"),
    [
        ({"output_padding": (1, 0, 1)}, (10, 9, 10)),
        ({"output_size": (9, 10, 10)}, (9, 10, 10)),
        ({"output_size": (9,)}, (9,)),
    ],
)
def test_ndim_from_what_only_a_transposed_convolution_has(arguments, output_size):
    assert ConvTranspose(5, 1, stride=2, **arguments).output_size == output_size


@pytest.mark.parametrize(
    "same",
    [
        Conv((5, 5), (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(1, 1), input_dilation=(1, 1)),
        Conv([5, 5], [3, 3], stride=[2, 2], padding=[[1, 1], [1, 1]]),
        Conv(np.array([5, 5]), np.array([3, 3]), stride=np.array([2, 2]), padding=np.array([[1, 1], [1, 1]])),
        Conv(np.int32(5), np.uint8(3), stride=np.int64(2), padding=np.int16(1), ndim=np.int64(2)),
        Conv(np.array(5), np.array(3), stride=np.array(2), padding=np.array(1)),
        Conv(5, 3, stride=2, padding=(1, (1, 1))),
        Conv(5, 3, stride=2, padding=1, groups=np.int64(1), in_channels=np.int8(1), out_channels=np.int8(1)),
    ],
)
def test_numbers_may_be_written_in_many_ways(same):
    layer = Conv(5, 3, stride=2, padding=1)
    assert same == layer
    assert hash(same) == hash(layer)
    assert repr(same) == repr(layer)


@given(layer=layers())
@share(0.4)
def test_fields_hold_plain_integers_one_for_each_axis(layer):
    for name in ("input_size", "kernel_size", "stride", "dilation", "input_dilation", "output_size"):
        values = getattr(layer, name)
        assert type(values) is tuple
        assert len(values) == layer.ndim
        assert all(type(value) is int for value in values)
    assert all(type(pair) is tuple and len(pair) == 2 for pair in layer.padding)
    assert all(type(pad) is int for pair in layer.padding for pad in pair)
    assert all(type(getattr(layer, name)) is int for name in ("groups", "in_channels", "out_channels", "nnz", "ndim"))
    assert all(type(size) is int for size in layer.matrix_shape)


def test_integers_of_numpy_become_pythons():
    layer = ConvTranspose(
        np.array([5]),
        np.int8(3),
        stride=np.uint8(2),
        padding=np.array([1]),
        output_padding=[np.int64(1)],
        groups=np.int64(2),
        in_channels=np.int64(2),
        out_channels=np.int64(4),
    )
    assert repr(layer) == (
        "ConvTranspose(input_size=(5,), kernel_size=(3,), stride=(2,), padding=((1, 1),), groups=2, in_channels=2, "
        "out_channels=4, output_padding=(1,))"
    )


# -- padding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("padding", "pairs"),
    [
        (0, ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        (-1, ((-1, -1), (-1, -1))),
        ((1, 2), ((1, 1), (2, 2))),
        ([(1, 2), (0, 3)], ((1, 2), (0, 3))),
        (((1, 2), 3), ((1, 2), (3, 3))),
        (((-1, 2), "valid"), ((-1, 2), (0, 0))),
        ("valid", ((0, 0), (0, 0))),
        ("full", ((4, 4), (2, 2))),
        ("half", ((2, 2), (1, 1))),
        ("causal", ((4, 0), (2, 0))),
        ("anticausal", ((0, 4), (0, 2))),
        ("same", ((1, 2), (1, 1))),
        ("same_lower", ((2, 1), (1, 1))),
        (("same", "causal"), ((1, 2), (2, 0))),
        ((np.int64(1), np.array([1, 2])), ((1, 1), (1, 2))),
    ],
)
def test_padding_is_an_int_or_pairs_or_a_name(padding, pairs):
    layer = Conv((10, 9), 3, stride=(2, 1), dilation=(2, 1), padding=padding)
    assert layer.padding == pairs
    assert layer == Conv((10, 9), 3, stride=(2, 1), dilation=(2, 1), padding=pairs)


def test_a_pair_of_ints_is_one_int_for_each_of_two_axes():
    assert Conv(5, 3, padding=(1, 2)).padding == ((1, 1), (2, 2))
    assert Conv((5,), 3, padding=((1, 2),)).padding == ((1, 2),)


@share(0.2)
@given(layer=layers())
def test_the_convolution_of_a_layer(layer):
    conv = layer.convolution
    assert isinstance(conv, Conv)
    assert conv == (layer if isinstance(layer, Conv) else layer.T)
    assert conv.convolution is conv


@given(layer=convs(spread=False), name=st.sampled_from(NAMES))
@share(0.6)
def test_a_name_equals_its_numbers(layer, name):
    if name == "valid":
        layer = Conv(
            [n + axis.span for n, axis in zip(layer.input_size, layer.axes, strict=True)],
            layer.kernel_size,
            stride=layer.stride,
            dilation=layer.dilation,
            ndim=layer.ndim,
        )
    keywords = {field: getattr(layer, field) for field in ("input_size", "kernel_size", "stride", "dilation", "ndim")}
    spans = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    named = Conv(**keywords, padding=name)
    if name.startswith("same"):
        assert named.output_size == tuple(-(-n // s) for n, s in zip(layer.input_size, layer.stride, strict=True))
        ends = [after - before if name == "same" else before - after for before, after in named.padding]
        assert set(ends) <= {0, 1}
    else:
        pairs = {"valid": (0, 0), "full": (-1, -1), "half": (None, None), "causal": (-1, 0), "anticausal": (0, -1)}[
            name
        ]
        expected = [tuple(span // 2 if p is None else span - 1 if p else 0 for p in pairs) for span in spans]
        assert named.padding == tuple(expected)
    assert named == Conv(**keywords, padding=named.padding)


def test_full_half_and_same_of_odd_kernels_without_stride():
    for size in range(1, 8):
        for kernel in (1, 3, 5):
            assert Conv(size, kernel, padding="full").output_size == (size + kernel - 1,) * 2
            assert Conv(size, kernel, padding="half").output_size == (size,) * 2
            assert Conv(size, kernel, padding="half") == Conv(size, kernel, padding="same")
            assert Conv(size, kernel, padding="causal").output_size == (size,) * 2


def test_causal_reads_nothing_later():
    C = Conv((6,), 3, dilation=2, padding="causal").matrix([1, 1, 1])
    assert_array_equal(C.toarray(), np.tril(C.toarray()))
    assert (C.diagonal() == 1).all()


@pytest.mark.parametrize("mode", MODES)
def test_padding_modes_are_numpys(mode):
    word = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}.get(mode, mode)
    x = integers((6, 5), 1)
    layer = Conv((6, 5), 3, padding=((2, 3), (4, 1)), padding_mode=mode)
    weight = integers((3, 3), 2)
    padded = np.pad(x, ((2, 3), (4, 1)), mode=word)
    plain = Conv(padded.shape, 3)
    assert_array_equal(layer.matrix(weight) @ layer.vec(x), plain.matrix(weight) @ plain.vec(padded))


# -- equality, hash, repr, pickle ----------------------------------------------------------------------------------


@given(arguments=st.one_of(conv_arguments(), transpose_arguments()))
@covers()
def test_a_layer_is_its_repr_its_pickle_and_its_copy(arguments):
    layer = built(arguments)
    twins = [
        eval(repr(layer), {"Conv": Conv, "ConvTranspose": ConvTranspose}),
        pickle.loads(pickle.dumps(layer)),
        copy.copy(layer),
        copy.deepcopy(layer),
        dataclasses.replace(layer),
        built(arguments),
    ]
    for twin in twins:
        assert twin == layer
        assert hash(twin) == hash(layer)
        assert repr(twin) == repr(layer)


def test_layers_that_differ_in_anything_are_not_equal():
    base = {"input_size": (8,), "kernel_size": (2,)}
    changes = [
        {},
        {"input_size": (9,)},
        {"kernel_size": (3,)},
        {"stride": 2},
        {"padding": 1},
        {"padding": ((0, 1),)},
        {"dilation": 2},
        {"in_channels": 2},
        {"out_channels": 2},
        {"in_channels": 2, "out_channels": 2},
        {"in_channels": 2, "out_channels": 2, "groups": 2},
        {"padding_mode": "reflect"},
        {"input_dilation": 2},
        {"input_size": (8, 8), "kernel_size": (2, 2)},
    ]
    layers = [kind(**base | change) for kind in (Conv, ConvTranspose) for change in changes]
    layers.append(ConvTranspose(**base, stride=2, output_padding=1))
    assert all((a == b) == (i == j) for i, a in enumerate(layers) for j, b in enumerate(layers))
    assert len(set(layers)) == len(layers)


def test_names_and_numbers_are_equal():
    assert Conv(5, 3, padding="same") == Conv(5, 3, padding=1)
    assert len({Conv(5, 3, padding="same"), Conv(5, 3, padding=1), Conv(5, 3, padding="half"), Conv(5, 3)}) == 2
    assert Conv(1, 1) != ConvTranspose(1, 1)
    assert Conv(4, 3) != "Conv(input_size=(4, 4), kernel_size=(3, 3))"


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Conv(4, 3), "Conv(input_size=(4, 4), kernel_size=(3, 3))"),
        (Conv((), ()), "Conv(input_size=(), kernel_size=())"),
        (
            Conv((5,), 3, stride=2, padding="causal", dilation=2, groups=2, in_channels=2, out_channels=4),
            "Conv(input_size=(5,), kernel_size=(3,), stride=(2,), padding=((4, 0),), dilation=(2,), groups=2, "
            "in_channels=2, out_channels=4)",
        ),
        (
            Conv((5, 6), 1, padding_mode="reflect", stride=(1, 2)),
            "Conv(input_size=(5, 6), kernel_size=(1, 1), stride=(1, 2), padding_mode='reflect')",
        ),
        (Conv((5,), 1, input_dilation=2), "Conv(input_size=(5,), kernel_size=(1,), input_dilation=(2,))"),
        (
            ConvTranspose(3, 3, stride=2, padding=1, output_size=(5, 6)),
            "ConvTranspose(input_size=(3, 3), kernel_size=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), "
            "output_padding=(0, 1))",
        ),
    ],
)
def test_repr_is_the_shortest_call_that_makes_it(layer, text):
    assert repr(layer) == str(layer) == text


def test_a_pickle_is_small_however_large_the_layer():
    assert len(pickle.dumps(Conv(10**9, 10**8, padding=5))) < 500
    layer = Conv(40, 3)
    before = len(pickle.dumps(layer))
    layer.matrix(np.ones((3, 3)))
    layer.operator(np.ones((3, 3)))
    layer.taps()
    assert len(pickle.dumps(layer)) == before


@pytest.mark.parametrize("layer", [Conv(4, 3), ConvTranspose(4, 3)])
@pytest.mark.parametrize("name", ["stride", "input_size", "groups", "padding_mode"])
def test_a_layer_is_frozen(layer, name):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(layer, name, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(layer, name)


def test_sizes_and_weights_cannot_be_given_by_position_beyond_two():
    with pytest.raises(TypeError):
        Conv(4, 3, 2)
    with pytest.raises(TypeError):
        ConvTranspose(4, 3, 2)


# -- the matrix ----------------------------------------------------------------------------------------------------


@given(layer=layers(), seed=seeds())
@covers()
def test_matrix_operator_and_definition_agree(layer, seed):
    weight = integers(layer.weight_shape, seed)
    x = integers((3, *layer.input_shape), seed + 1)
    C, A = layer.matrix(weight), layer.operator(weight)
    y = layer.unvec(C @ layer.vec(x))
    assert_array_equal(y, layer.unvec(A @ layer.vec(x)))
    assert_array_equal(y, [by_definition(layer, image, weight) for image in x])


@pytest.mark.parametrize("layer", [Conv((4, 5), (2, 3)), ConvTranspose((4, 5), (2, 3))])
def test_a_bare_kernel_will_do_for_one_channel(layer):
    weight = integers((2, 3), 1)
    whole = layer.matrix(weight[None, None])
    for bare in (weight, weight.tolist()):
        assert_array_equal(layer.matrix(bare).toarray(), whole.toarray())
        assert_array_equal(layer.operator(bare) @ np.arange(20), whole @ np.arange(20))


def test_the_kernel_is_not_flipped_and_flip_flips_it():
    x, weight = [1, 2, 3, 4], [1, 10, 100]
    layer = Conv((4,), 3)
    assert_array_equal(layer.matrix(weight) @ x, [321, 432])
    assert_array_equal(layer.matrix(flip(weight)) @ x, np.convolve(x, weight, "valid"))


@pytest.mark.parametrize(
    ("weight", "ndim", "flipped"),
    [
        ([1, 2, 3], None, [3, 2, 1]),
        ([[1, 2], [3, 4]], None, [[4, 3], [2, 1]]),
        ([[[1, 2], [3, 4]]], None, [[[2, 1], [4, 3]]]),
        ([[[[1, 2], [3, 4]]]], None, [[[[4, 3], [2, 1]]]]),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 3, [[[8, 7], [6, 5]], [[4, 3], [2, 1]]]),
        ([[1, 2], [3, 4]], 1, [[2, 1], [4, 3]]),
        ([[1, 2], [3, 4]], 0, [[1, 2], [3, 4]]),
        (5, None, 5),
    ],
)
def test_flip_turns_the_spatial_axes(weight, ndim, flipped):
    assert_array_equal(flip(weight) if ndim is None else flip(weight, ndim=ndim), flipped)


@pytest.mark.parametrize("layer", [Conv((), ()), Conv(5, 3, ndim=0), ConvTranspose((), ()), Conv((), ()).T])
def test_no_axes_is_the_one_by_one_case(layer):
    assert layer.ndim == 0
    assert layer.output_size == ()
    assert (layer.input_shape, layer.output_shape, layer.weight_shape) == ((1,), (1,), (1, 1))
    assert (layer.matrix_shape, layer.nnz) == ((1, 1), 1)
    assert_array_equal(layer.matrix(7).toarray(), [[7]])
    assert_array_equal(layer.operator(7) @ [3], [21])
    assert_array_equal(layer.vec(3), [3])
    assert_array_equal(layer.unvec([21]), [21])


def test_no_axes_with_channels_is_a_matrix_product():
    layer = Conv((), (), in_channels=4, out_channels=6, groups=2)
    weight = integers((6, 2), 1)
    expected = np.zeros((6, 4), dtype=int)
    expected[:3, :2], expected[3:, 2:] = weight[:3], weight[3:]
    assert_array_equal(layer.matrix(weight).toarray(), expected)
    assert layer == layer.T.T


def test_groups_make_the_matrix_block_diagonal():
    layer = Conv((5,), 3, in_channels=4, out_channels=6, groups=2)
    weight = integers(layer.weight_shape, 1)
    C = layer.matrix(weight).toarray()
    one = Conv((5,), 3, in_channels=2, out_channels=3)
    assert_array_equal(C[:9, :10], one.matrix(weight[:3]).toarray())
    assert_array_equal(C[9:, 10:], one.matrix(weight[3:]).toarray())
    assert not C[:9, 10:].any()
    assert not C[9:, :10].any()


def test_four_axes_and_five():
    for ndim in (4, 5):
        layer = Conv(3, 2, stride=2, padding=((0, 1),) * ndim, dilation=1, ndim=ndim, padding_mode="reflect")
        weight = integers(layer.weight_shape, 1)
        assert_array_equal(layer.matrix(weight).toarray(), dense(layer, weight))
        assert layer.output_size == (2,) * ndim


# -- vec, unvec, bias ----------------------------------------------------------------------------------------------


@given(layer=layers(), seed=seeds())
@share(0.6)
def test_vec_and_unvec_are_inverse_to_each_other(layer, seed):
    up = layer.T
    x = integers(layer.input_shape, seed)
    batch = integers((2, 3, *layer.input_shape), seed)
    assert_array_equal(layer.vec(x), x.ravel())
    assert_array_equal(up.unvec(layer.vec(x)), x)
    columns = layer.vec(batch)
    assert columns.shape == (prod(layer.input_shape), 6)
    assert_array_equal(columns, np.array([image.ravel() for image in batch.reshape(6, *layer.input_shape)]).T)
    assert_array_equal(up.unvec(columns), batch.reshape(6, *layer.input_shape))
    y = integers(layer.output_shape, seed)
    assert_array_equal(layer.unvec(up.vec(y)), y)


@pytest.mark.parametrize(
    ("in_channels", "shape", "result"),
    [
        (1, (4, 5), (20,)),
        (1, (1, 4, 5), (20,)),
        (1, (7, 4, 5), (20, 7)),
        (1, (7, 1, 4, 5), (20, 7)),
        (1, (2, 7, 4, 5), (20, 14)),
        (1, (2, 7, 1, 4, 5), (20, 14)),
        (1, (0, 4, 5), (20, 0)),
        (1, (1, 1, 4, 5), (20, 1)),
        (3, (3, 4, 5), (60,)),
        (3, (1, 3, 4, 5), (60, 1)),
        (3, (2, 3, 4, 5), (60, 2)),
        (3, (0, 3, 4, 5), (60, 0)),
    ],
)
def test_leading_axes_become_columns(in_channels, shape, result):
    layer = Conv((4, 5), 3, in_channels=in_channels)
    assert layer.vec(np.zeros(shape)).shape == result


def test_where_both_readings_fit_the_channel_is_read():
    """A (1, 1) array: one channel of one number, not a batch of one."""
    assert Conv((1,), 1).vec([[5]]).shape == (1,)
    assert Conv((1,), 1).vec([[5], [6]]).shape == (1, 2)
    assert Conv((), ()).vec([5]).shape == (1,)
    assert Conv((), ()).vec([5, 6]).shape == (1, 2)


def test_unvec_gives_channels_and_batch():
    layer = Conv(4, 3, out_channels=2)
    assert_array_equal(layer.unvec(np.arange(8)), np.arange(8).reshape(2, 2, 2))
    assert_array_equal(layer.unvec(np.arange(24).reshape(8, 3))[1], np.arange(24).reshape(8, 3)[:, 1].reshape(2, 2, 2))
    assert layer.unvec(np.zeros((8, 0))).shape == (0, 2, 2, 2)
    assert layer.unvec(list(range(8))).shape == (2, 2, 2)


def test_the_domain_of_the_transposed_matrix_is_that_of_the_transposed_layer():
    conv = Conv((5, 4), 3, padding=1, in_channels=2, out_channels=3)
    weight = integers(conv.weight_shape, 1)
    y = integers(conv.output_shape, 2)
    back = conv.T.unvec(conv.matrix(weight).T @ conv.T.vec(y))
    assert back.shape == conv.input_shape
    assert_array_equal(back, by_definition(conv.T, y, weight))


def test_the_bias_is_repeated_over_the_map():
    layer = Conv((3, 4), 2, in_channels=2, out_channels=3)
    bias = np.array([1, 20, 300])
    vector = layer.bias_vector(bias)
    assert vector.dtype == bias.dtype
    assert_array_equal(layer.unvec(vector), np.broadcast_to(bias[:, None, None], layer.output_shape))
    assert_array_equal(layer.T.bias_vector([5, 7]), [5] * 12 + [7] * 12)
    assert layer.bias_vector([0.5, 1, 2]).dtype == float


# -- transposition -------------------------------------------------------------------------------------------------


@given(layer=convs())
@covers()
def test_twice_transposed_is_the_layer_itself(layer):
    up = layer.T
    assert isinstance(up, ConvTranspose)
    assert layer == up.T
    assert (up.input_shape, up.output_shape) == (layer.output_shape, layer.input_shape)
    assert up.matrix_shape == layer.matrix_shape[::-1]
    assert up.weight_shape == layer.weight_shape
    assert up.nnz == layer.nnz
    assert up.output_padding == layer.leftover
    assert up.axes == layer.axes


@given(layer=transposes(), seed=seeds())
@covers()
def test_the_matrix_of_the_transposed_is_the_transposed_matrix(layer, seed):
    weight = integers(layer.weight_shape, seed)
    conv = layer.T
    assert isinstance(conv, Conv)
    C, forward = layer.matrix(weight), conv.matrix(weight)
    assert_array_equal(C.toarray(), forward.T.toarray())
    assert conv.output_shape == layer.input_shape
    assert conv.input_shape == layer.output_shape
    assert conv.weight_shape == layer.weight_shape
    rows = forward.T.tocsr()
    rows.sort_indices()
    for name in ("indptr", "indices", "data"):
        assert_array_equal(getattr(C, name), getattr(rows, name))


@given(layer=transposes(), seed=seeds())
@covers()
def test_twice_transposed_from_above(layer, seed):
    again = layer.T.T
    weight = integers(layer.weight_shape, seed)
    assert_array_equal(again.matrix(weight).toarray(), layer.matrix(weight).toarray())
    if all(op < s for op, s in zip(layer.output_padding, layer.stride, strict=True)):
        assert again == layer
    else:
        assert again != layer
        assert again.output_padding == tuple(
            0 if op >= s else op for op, s in zip(layer.output_padding, layer.stride, strict=True)
        )


@pytest.mark.parametrize("mode", MODES)
def test_an_output_padding_of_a_stride_or_more_is_trailing_padding_less(mode):
    up = ConvTranspose((4,), 3, dilation=3, padding=2, output_padding=2, padding_mode=mode)
    assert up.output_size == (4 + 6 - 4 + 2,)
    assert up.T.padding == ((2, 0),)
    assert up.T.output_size == (4,)
    assert up.T.T.output_padding == (0,)
    weight = [1, 10, 100]
    assert_array_equal(up.matrix(weight).toarray(), dense(up, np.reshape(weight, (1, 1, 3))))
    assert_array_equal(up.matrix(weight).toarray(), up.T.matrix(weight).toarray().T)


@given(arguments=conv_arguments())
@covers()
def test_the_output_size_of_a_transposed_convolution_is_the_forward_input_size(arguments):
    """Names and numbers alike: with output_size, a name means what it means for the forward convolution."""
    conv = Conv(**arguments)
    channels = {"in_channels": conv.out_channels, "out_channels": conv.in_channels}
    up = ConvTranspose(**arguments | channels | {"input_size": conv.output_size, "output_size": conv.input_size})
    assert up == conv.T


def test_complex_weights_are_transposed_without_conjugation():
    conv = Conv((3,), 2)
    weight = np.array([1 + 2j, 3 - 1j])
    assert_array_equal(conv.T.matrix(weight).toarray(), conv.matrix(weight).toarray().T)
    assert_array_equal(conv.T.matrix(weight).toarray()[0], [1 + 2j, 0])
    assert_array_equal(conv.operator(weight).rmatvec([1, 0]), [1 - 2j, 3 + 1j, 0])


@pytest.mark.parametrize("size", range(1, 5))
@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("kernel", range(1, 5))
@pytest.mark.parametrize("dilation", [1, 2])
def test_sizes_of_a_transposed_convolution_by_name_are_keras(size, stride, kernel, dilation):
    span = dilation * (kernel - 1) + 1
    keywords = {"stride": stride, "dilation": dilation, "ndim": 1}
    same = ConvTranspose(size, kernel, padding="same", **keywords)
    lower = ConvTranspose(size, kernel, padding="same_lower", **keywords)
    valid = ConvTranspose(size, kernel, padding="valid", **keywords)
    assert same.output_size == lower.output_size == (size * stride,)
    assert valid.output_size == ((size - 1) * stride + max(span, stride),)
    total = max(span - stride, 0)
    assert same.padding == ((total // 2, total - total // 2),)
    assert lower.padding == ((total - total // 2, total // 2),)
    assert same.output_padding == lower.output_padding == valid.output_padding == (max(stride - span, 0),)
    assert same == Conv(size * stride, kernel, padding="same", **keywords).T
    assert valid == Conv(valid.output_size[0], kernel, padding="valid", **keywords).T


@pytest.mark.parametrize(("name", "pads"), [("full", (4, 4)), ("half", (2, 2)), ("causal", (4, 0))])
def test_other_names_of_a_transposed_convolution_are_the_forward_pads(name, pads):
    up = ConvTranspose((9,), 3, stride=2, dilation=2, padding=name, output_padding=1)
    assert up.padding == (pads,)
    assert up.output_padding == (1,)
    assert up.output_size == (8 * 2 + 5 - sum(pads) + 1,)


@given(
    size=st.integers(1, 6),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    left_out=st.integers(0, 3),
)
@share(0.4)
def test_the_causal_trim_of_a_transposed_convolution(size, kernel, stride, dilation, left_out):
    """Every output reads inputs that stand where it does or earlier, and all of the first input's taps are kept."""
    numbers = {"stride": stride, "dilation": dilation}
    up = ConvTranspose((size,), kernel, padding="anticausal", **numbers)
    assert up.output_size == (size * stride,)
    assert up == Conv((size * stride,), kernel, padding="anticausal", **numbers).T
    shorter = size * stride - left_out % stride
    for layer in (up, ConvTranspose((size,), kernel, padding="anticausal", output_size=shorter, **numbers)):
        C = layer.matrix(np.arange(1, kernel + 1)).toarray()
        whole = ConvTranspose((size,), kernel, **numbers).matrix(np.arange(1, kernel + 1)).toarray()
        kept = min(len(C), len(whole))
        assert_array_equal(C[:kept], whole[:kept])
        assert not C[kept:].any()
        outputs, inputs = np.nonzero(C)
        assert (inputs * stride <= outputs).all()


def test_the_padding_of_a_causal_convolution_is_not_causal_in_its_transpose():
    """Its outputs read what comes later: (0, k_e - 1) is what has to be cropped there."""
    C = ConvTranspose((4,), 3, padding="causal").matrix([1, 2, 3]).toarray()
    assert_array_equal(C, [[3, 2, 1, 0], [0, 3, 2, 1], [0, 0, 3, 2], [0, 0, 0, 3]])
    C = ConvTranspose((4,), 3, padding="anticausal").matrix([1, 2, 3]).toarray()
    assert_array_equal(C, [[1, 0, 0, 0], [2, 1, 0, 0], [3, 2, 1, 0], [0, 3, 2, 1]])


def test_the_causal_trim_decides_the_size():
    with pytest.raises(ValueError, match="output_padding 1 on axis 0 cannot stand beside padding 'anticausal'"):
        ConvTranspose((4,), 3, stride=2, padding="anticausal", output_padding=1)
    with pytest.raises(
        ValueError, match=r"1 modulo input_dilation 2: output_padding 0 would fit with padding \(0, 2\)"
    ):
        ConvTranspose((4,), 3, stride=2, padding="anticausal", input_dilation=2)
    assert ConvTranspose((4,), 3, stride=2, padding=((0, 2),), output_padding=0, input_dilation=2).output_size == (4,)


@pytest.mark.parametrize(
    ("output_size", "padding"),
    [(5, (1, 1)), (6, (0, 1))],
)
def test_with_output_size_the_pads_of_same_are_tensorflows(output_size, padding):
    up = ConvTranspose((3,), 3, stride=2, padding="same", output_size=output_size)
    assert up.padding == (padding,)
    assert up.output_padding == (0,)
    assert up.output_size == (output_size,)


def test_with_output_size_valid_leaves_columns_over():
    sizes = [7, 8]
    ups = [ConvTranspose((3,), 3, stride=2, padding="valid", output_size=size) for size in sizes]
    assert [up.output_padding for up in ups] == [(0,), (1,)]
    assert_array_equal(ups[1].matrix([1, 2, 3]).toarray()[-1], [0, 0, 0])


@given(layer=convs())
@covers()
def test_every_output_size_that_fits_is_accepted(layer):
    up = layer.T
    keywords = {
        name: getattr(layer, name)
        for name in ("kernel_size", "stride", "padding", "dilation", "padding_mode", "input_dilation")
    }
    for number, axis in enumerate(layer.axes):
        for size in axis.input_sizes():
            sizes = (*up.output_size[:number], size, *up.output_size[number + 1 :])
            fitting = ConvTranspose(up.input_size, **keywords, output_size=sizes)
            assert fitting.output_size == sizes
            assert fitting.T.output_size == layer.output_size


# -- the direct convolution with the same matrix -------------------------------------------------------------------


@given(layer=transposes(modes=("zeros",)), seed=seeds())
@covers(without=BORDERS)
def test_the_direct_convolution_with_the_flipped_kernel_has_the_same_matrix(layer, seed):
    weight = integers(layer.weight_shape, seed)
    conv, flipped = layer.as_conv(), layer.direct_weight(weight)
    assert isinstance(conv, Conv)
    assert flipped.shape == conv.weight_shape
    C, direct = layer.matrix(weight), conv.matrix(flipped)
    for name in ("indptr", "indices", "data"):
        assert_array_equal(getattr(direct, name), getattr(C, name))
    assert (conv.stride, conv.input_dilation) == (layer.input_dilation, layer.stride)
    assert (conv.dilation, conv.groups) == (layer.dilation, layer.groups)
    assert (conv.input_shape, conv.output_shape) == (layer.input_shape, layer.output_shape)
    expected = [
        (axis.span - 1 - before, axis.span - 1 - after + op)
        for axis, (before, after), op in zip(layer.axes, layer.padding, layer.output_padding, strict=True)
    ]
    assert conv.padding == tuple(expected)


def test_a_pad_beyond_the_kernel_is_a_crop_of_the_direct_convolution():
    up = ConvTranspose((3,), 1, stride=2, padding=1)
    assert up.as_conv().padding == ((-1, -1),)
    assert_array_equal(up.matrix([5]).toarray(), [[0, 0, 0], [0, 5, 0], [0, 0, 0]])


def test_turn_turns_by_180_degrees_and_swaps_channels_within_groups():
    up = ConvTranspose((3, 3), 2, in_channels=4, out_channels=6, groups=2)
    weight = integers((4, 3, 2, 2), 1)
    flipped = up.direct_weight(weight)
    assert flipped.shape == (6, 2, 2, 2)
    for group in range(2):
        for i in range(2):
            for o in range(3):
                assert_array_equal(flipped[3 * group + o, i], np.rot90(weight[2 * group + i, o], 2))
    assert_array_equal(ConvTranspose(3, 2).direct_weight([[1, 2], [3, 4]]), [[[[4, 3], [2, 1]]]])


@pytest.mark.parametrize("mode", MODES[1:])
@given(data=st.data(), seed=seeds())
@share(0.2)
def test_with_borders_the_third_view_folds_the_padded_frame_back(mode, data, seed):
    """C^T = P^T F^T: the zeros layer onto the padded frame, then the transpose of the border's own matrix."""
    size, kernel, stride, outputs = (data.draw(st.integers(1, most)) for most in (5, 4, 3, 4))
    before = data.draw(st.integers(0, 5))
    after = max((outputs - 1) * stride + kernel - size - before, 0)
    conv = Conv((size,), kernel, stride=stride, padding=((before, after),), padding_mode=mode)
    weight = integers(kernel, seed)
    frame = Conv((size + before + after,), kernel, stride=stride)
    border = Conv((size,), 1, padding=((before, after),), padding_mode=mode).matrix([1])
    folded = border.T @ frame.T.as_conv().matrix(frame.T.direct_weight(weight))
    assert_array_equal(conv.T.matrix(weight).toarray(), folded.toarray())


def test_the_first_row_that_no_window_gives():
    """The reason that `as_conv` needs zeros: replicate, kernel_size 3, padding 1 begins with (w0 + w1, w0, 0)."""
    C = Conv((3,), 3, padding=1, padding_mode="replicate").T.matrix([1, 10, 100])
    assert_array_equal(C.toarray()[0], [1 + 10, 1, 0])


# -- gigantic layers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "spread"), [*((mode, 1) for mode in MODES), ("zeros", 3)])
def test_counts_of_a_gigantic_axis_continue_those_of_a_small_one(mode, spread):
    def layer(size):
        return Conv((size,), 5, stride=4, padding=((7, 6),), dilation=2, input_dilation=spread, padding_mode=mode)

    small, next_ = (int(np.count_nonzero(dense(layer(size), np.ones((1, 1, 5), int)))) for size in (41, 45))
    for steps in (10**6, 10**12, 10**30):
        huge = layer(41 + 4 * steps)
        assert huge.nnz == small + steps * (next_ - small) == huge.T.nnz
        assert huge.output_size[0] == layer(41).output_size[0] + steps * spread
        assert huge == huge.T.T


@pytest.mark.parametrize("mode", MODES)
def test_sizes_of_gigantic_layers_take_no_memory(mode):
    tracemalloc.start()
    try:
        conv = Conv(10**9, 5, stride=3, padding=2, ndim=3, padding_mode=mode, in_channels=64, out_channels=128)
        up = conv.T
        shapes = conv.output_shape, conv.matrix_shape
        assert (conv.nnz, conv.nbytes(), repr(conv), hash(conv)) != (up.nnz, up.nbytes(), repr(up), hash(up))
        assert conv == up.T
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    assert shapes == ((128, *[333333334] * 3), (128 * 333333334**3, 64 * 10**27))


def test_a_gigantic_kernel_and_gigantic_pads():
    assert Conv((10**9,), 10**6).nnz == 10**6 * (10**9 - 10**6 + 1)
    assert Conv((10**9,), 3, padding=10**12).nnz == 3 * 10**9
    assert Conv((10**9,), 3, padding=10**12, padding_mode="circular").nnz == 3 * (10**9 + 2 * 10**12 - 2)
    assert Conv((10**9,), 3, padding=-(10**6)).nnz == 3 * (10**9 - 2 * 10**6 - 2)


def test_input_sizes_of_a_gigantic_layer():
    (axis,) = Conv((10**15,), 3, stride=10**6).axes
    assert axis.input_sizes() == range(10**15 - 10**6 + 3, 10**15 + 3)


# -- memory --------------------------------------------------------------------------------------------------------


def peak_of(make):
    make()  # whatever is cached is cached
    tracemalloc.start()
    try:
        kept = make()
        return tracemalloc.get_traced_memory()[1], kept
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "layer",
    [
        Conv(300, 3, padding=1),
        Conv(300, 3, padding=1).T,
        Conv(60, 3, padding=1, in_channels=8, out_channels=8, padding_mode="reflect"),
        Conv(300, 3, stride=2, padding=1, input_dilation=3),
        Conv((90_000,), 9, padding=4),
        Conv((90_000,), 9, padding=4).T,
    ],
    ids=repr,
)
def test_building_takes_hardly_more_memory_than_the_matrix(layer):
    peak, C = peak_of(lambda: layer.matrix(np.ones(layer.weight_shape)))
    assert C.nnz == layer.nnz
    assert layer.nbytes() <= peak < 1.2 * layer.nbytes()


def test_the_table_of_taps_takes_no_more_memory_than_it_asks_for(monkeypatch):
    layer = Conv(100, 3, padding=1)
    peak, _ = peak_of(layer.taps)
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: int(peak * 0.8))
    with pytest.raises(MemoryError, match="the table of taps"):
        layer.taps()


# -- the package ---------------------------------------------------------------------------------------------------


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, convmatrix; sys.exit(any(name.split('.')[0] == 'matplotlib' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_layers_say_which_axes_they_have():
    assert Conv((4,), 3, stride=2, padding=1).axes == (Axis(4, 3, stride=2, before=1, after=1),)
    assert ConvTranspose((2,), 3, stride=2, padding=1, output_padding=1).axes == (
        Axis(4, 3, stride=2, before=1, after=1),
    )
