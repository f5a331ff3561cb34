"""Properties of all layers without a weight: sizes, transposes, operators, patterns, errors, memory."""

import inspect
import re
import tracemalloc
from functools import partial
from math import prod

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import AvgPool, Fold, MaxPool, PixelShuffle, PixelUnshuffle, Transposed, Unfold, Upsample
from convmatrix.core import memory
from convmatrix.layers import FixedLayer, LayerBase, Pool
from helpers import assert_canonical
from strategies import integers, seeds, share
from strategies_fixed import (
    KINDS,
    fixed_layers,
    max_pools,
)


def refused(message, kind=ValueError):
    """The whole message, as it is."""
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


# -- what all of them have -------------------------------------------------------------------------------------------


@given(fixed_layers())
def test_sizes_are_those_of_the_matrix(layer):
    C = layer.matrix()
    assert_canonical(C)
    assert C.shape == layer.matrix_shape == (prod(layer.output_shape), prod(layer.input_shape))
    assert (C.data != 0).all()
    assert layer.nnz == C.nnz
    assert layer.nbytes() == C.data.nbytes + C.indices.nbytes + C.indptr.nbytes
    assert layer.input_shape == (layer.in_channels, *layer.input_size)
    assert layer.output_shape == (layer.out_channels, *layer.output_size)
    assert layer.ndim == len(layer.input_size) == len(layer.output_size)


@share(0.5)
@given(fixed_layers())
def test_the_transpose_has_the_transposed_matrix(layer):
    assert_array_equal(layer.T.matrix().toarray(), layer.matrix().toarray().T)
    assert layer == layer.T.T
    assert hash(layer.T.T) == hash(layer)
    assert layer.T.matrix_shape == layer.matrix_shape[::-1]
    assert (layer.T.input_shape, layer.T.output_shape) == (layer.output_shape, layer.input_shape)


@share(0.5)
@given(fixed_layers(), seeds())
def test_the_operator_is_the_matrix(layer, seed):
    C, operator = layer.matrix(), layer.operator()
    assert (operator.shape, operator.dtype) == (C.shape, C.dtype)
    rows, cols = C.shape
    x, y = integers(cols, seed), integers(rows, seed)
    X, Y = integers((cols, 3), seed, complex), integers((rows, 2), seed, "float32")
    close = {"rtol": 1e-6, "atol": 1e-6}
    assert_allclose(operator @ x, C @ x, **close)
    assert_allclose(operator.rmatvec(y), C.T @ y, **close)
    assert_allclose(operator @ X, C @ X, **close)
    assert_allclose(operator.rmatmat(Y), C.T @ Y, **close)
    assert_allclose(layer.T.operator() @ y, C.T @ y, **close)


@share(0.5)
@given(fixed_layers())
def test_the_pattern_is_where_the_matrix_has_entries(layer):
    pattern = layer.pattern()
    assert_canonical(pattern)
    assert pattern.dtype == bool
    assert pattern.data.all()
    assert_array_equal(pattern.toarray(), layer.matrix().toarray() != 0)
    assert layer.operator(bool).dtype == bool


@share(0.5)
@given(fixed_layers() | max_pools())
def test_axis_patterns_tell_where_an_output_reads_in_any_channel(layer):
    shape = (layer.out_channels, prod(layer.output_size), layer.in_channels, prod(layer.input_size))
    anywhere = layer.pattern().toarray().reshape(shape).any(axis=(0, 2))
    whole = np.ones((1, 1), dtype=bool)
    for pattern, outputs, inputs in zip(layer.axis_patterns(), layer.output_size, layer.input_size, strict=True):
        assert_canonical(pattern)
        assert (pattern.shape, pattern.dtype) == ((outputs, inputs), bool)
        whole = np.kron(whole, pattern.toarray())
    assert_array_equal(anywhere & ~whole, np.zeros_like(whole))
    if not isinstance(layer, Transposed) or not isinstance(layer.T, AvgPool):
        assert_array_equal(anywhere, whole)


@given(fixed_layers() | max_pools())
def test_repr_makes_an_equal_layer(layer):
    assert eval(repr(layer)) == layer
    assert hash(eval(repr(layer))) == hash(layer)


@pytest.mark.parametrize(
    ("up", "text"),
    [
        (Upsample(4, scale=2), "Upsample(input_size=(4, 4), output_size=(8, 8))"),
        (Upsample((5,), scale=1.5), "Upsample(input_size=(5,), output_size=(7,), scale=(1.5,))"),
        (Upsample((5, 4), scale=(1.5, 2)), "Upsample(input_size=(5, 4), output_size=(7, 8), scale=(1.5, 2))"),
        (
            Upsample((2,), scale=3, mode="linear", align_corners=True, channels=2),
            "Upsample(input_size=(2,), output_size=(6,), mode='linear', align_corners=True, channels=2)",
        ),
        (AvgPool(4, 2), "AvgPool(input_size=(4, 4), kernel_size=(2, 2))"),
        (
            AvgPool(4, 2, stride=1, count_include_pad=False, divisor_override=3),
            "AvgPool(input_size=(4, 4), kernel_size=(2, 2), stride=(1, 1), count_include_pad=False, "
            "divisor_override=3)",
        ),
        (
            MaxPool((4,), 2, dilation=2, ceil_mode=True),
            "MaxPool(input_size=(4,), kernel_size=(2,), dilation=(2,), ceil_mode=True)",
        ),
        (Unfold((4,), 2, in_channels=3), "Unfold(input_size=(4,), kernel_size=(2,), in_channels=3)"),
        (
            Fold((4,), 2, out_channels=3, stride=2),
            "Fold(output_size=(4,), kernel_size=(2,), stride=(2,), out_channels=3)",
        ),
        (PixelShuffle(4, (2, 3)), "PixelShuffle(input_size=(4, 4), factor=(2, 3))"),
        (PixelUnshuffle(4, 2, channels=2), "PixelUnshuffle(input_size=(4, 4), factor=(2, 2), channels=2)"),
        (Upsample((2,), scale=2).T, "Transposed(layer=Upsample(input_size=(2,), output_size=(4,)))"),
    ],
)
def test_a_repr_is_the_call_that_makes_the_layer(up, text):
    assert repr(up) == text
    assert eval(text) == up


def test_layers_are_equal_when_all_their_numbers_are():
    assert AvgPool(4, 2) == AvgPool((4, 4), (2, 2), stride=2, padding="valid")
    assert AvgPool(4, 2) != MaxPool(4, 2)
    assert MaxPool(4, 3, padding="same", stride=1) == MaxPool(4, 3, padding=1, stride=1)
    assert PixelUnshuffle(4, 2) != Unfold(4, 2, stride=2)
    assert Fold(4, 2) == Unfold(4, 2).T
    assert len({Fold(4, 2), Fold((4, 4), 2), Fold(4, 2, stride=1)}) == 1


def test_layers_are_frozen():
    with pytest.raises(AttributeError, match="cannot assign"):
        AvgPool(4, 2).stride = 3


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32", "float64", "complex64", ">i4", bool])
@pytest.mark.parametrize(
    "layer", [Unfold((4,), 2), PixelShuffle((2,), 2), Upsample((2,), scale=2), Fold((4,), 2)], ids=repr
)
def test_ones_of_any_dtype(layer, dtype):
    C = layer.matrix(dtype)
    assert C.dtype == layer.operator(dtype).dtype == np.dtype(dtype).newbyteorder("=")
    assert_array_equal(C.toarray(), layer.matrix().toarray())
    assert layer.matrix().dtype == np.int64


@pytest.mark.parametrize("layer", [AvgPool((4,), 3, stride=1), Upsample((2,), scale=3, mode="linear")], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_fractions_of_a_smaller_dtype(layer, dtype):
    C = layer.matrix(dtype)
    assert C.dtype == layer.operator(dtype).dtype == dtype
    assert_array_equal(C.toarray(), layer.matrix().toarray().astype(dtype))
    assert layer.matrix().dtype == np.float64


def test_no_axis_at_all():
    """One pixel with channels."""
    assert_array_equal(AvgPool((), ()).matrix().toarray(), [[1.0]])
    assert_array_equal(MaxPool((), (), channels=2).matrix([5, 3]).toarray(), np.eye(2))
    assert_array_equal(Upsample((), scale=(), channels=2).matrix().toarray(), np.eye(2))
    assert_array_equal(Upsample(1, scale=3, ndim=0).matrix().toarray(), [[1]])
    assert_array_equal(Unfold(1, 1, ndim=0, in_channels=3).matrix().toarray(), np.eye(3))
    assert_array_equal(PixelShuffle(1, 2, ndim=0).matrix().toarray(), [[1]])


@pytest.mark.parametrize("kind", [AvgPool, MaxPool, Unfold, Fold])
def test_the_number_of_axes(kind):
    assert kind(8, 2).ndim == 2
    assert kind(8, 2, ndim=3).ndim == kind(8, (2, 2, 2)).ndim == kind(8, 2, padding=((1, 0),) * 3).ndim == 3
    assert kind(8, 2, stride=(1,)).ndim == 1


def test_the_number_of_axes_of_a_resize():
    assert Upsample(8, scale=2).ndim == 2
    assert Upsample(8, scale=2, ndim=1).ndim == Upsample(8, scale=(2.5,)).ndim == Upsample(8, output_size=[3]).ndim == 1
    assert PixelShuffle(8, [2]).ndim == PixelUnshuffle(8, 2, ndim=1).ndim == 1


def test_constructions_and_sizes_make_no_arrays():
    huge = 10**9
    assert AvgPool((huge,), 3).nnz == huge - huge % 3
    assert MaxPool((huge,), 3, stride=2, ceil_mode=True).output_size == (huge // 2,)
    assert Upsample((huge,), scale=2).nnz == 2 * huge
    assert Upsample((huge,), scale=2, mode="linear").nnz == 4 * huge - 2
    assert Upsample((huge,), output_size=2 * huge - 1, mode="linear", align_corners=True).nnz == 3 * huge - 2
    assert Unfold((huge,), 3, padding=1).nnz == 3 * huge - 2
    assert PixelShuffle((huge,), 2).nnz == 2 * huge


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("AvgPool(4, 0)", "kernel_size on axis 0 must be at least 1, got 0"),
        (
            "AvgPool((4, 4), 2, stride=(1, 2, 3))",
            "input_size has 2 but stride has 3 entries, (1, 2, 3): give one entry for each axis, or one number for all",
        ),
        ("MaxPool(4, 2.0)", "kernel_size on axis 0 must be an integer, got 2.0: write 2"),
        (
            "AvgPool((4,), 5)",
            "kernel does not fit on axis 0: it spans 5 (= dilation 1 * (kernel_size 5 - 1) + 1) but the padded "
            "input has "
            "4 (= input_size 4 + padding 0 + 0); add 1 to the padding, or use a smaller kernel or dilation",
        ),
        (
            "MaxPool((4,), 4, dilation=3, stride=3, padding=1, ceil_mode=True)",
            "kernel does not fit on axis 0: it spans 10 (= dilation 3 * (kernel_size 4 - 1) + 1) but the padded "
            "input has "
            "6 (= input_size 4 + padding 1 + 1), and ceil_mode lets it reach 2 beyond; add 2 to the padding, or use a "
            "smaller kernel or dilation",
        ),
        (
            "AvgPool((4, 5), 2, padding=((0, 0), (0, -1)))",
            "padding on axis 1, after, must be at least 0 in a pool, got -1: crop the input instead",
        ),
        (
            "MaxPool(4, 2, dilation=2, padding=3)",
            "padding 3 on axis 0, before, must be less than the 3 that a window spans (= dilation 2 * "
            "(kernel_size 2 - 1) "
            "+ 1): a window of padding alone has no largest entry; use at most 2",
        ),
        (
            "AvgPool((4,), 3, padding=((0, 3),))",
            "padding 3 on axis 0, after, must be less than kernel_size 3: a window of padding alone has no input to "
            "average; use at most 2",
        ),
        (
            "MaxPool((1,), 2, dilation=2, padding=1)",
            "window 0 on axis 0 sees no input: its 2 taps are dilation 2 apart and step over the whole "
            "input_size 1; use "
            "a smaller dilation or less padding",
        ),
        (
            "MaxPool((2,), 3, dilation=4, padding=6)",
            "window 0 on axis 0 sees no input: its 3 taps are dilation 4 apart and step over the whole "
            "input_size 2; use "
            "a smaller dilation or less padding",
        ),
        (
            "MaxPool((1,), 3, dilation=2, stride=1, padding=4)",
            "window 1 on axis 0 sees no input: its 3 taps are dilation 2 apart and step over the whole "
            "input_size 1; use "
            "a smaller dilation or less padding",
        ),
        (
            'AvgPool(4, 2, padding="sam")',
            "padding 'sam' is not one of valid, full, half, causal, anticausal, same, same_lower: did you mean 'same'?",
        ),
        ("AvgPool(4, 2, ceil_mode=1)", "ceil_mode must be True or False, got 1 (int)"),
        ("AvgPool(4, 2, count_include_pad=None)", "count_include_pad must be True or False, got None (NoneType)"),
        (
            "AvgPool(4, 2, divisor_override=0)",
            "divisor_override must not be 0, by which no sum can be divided: leave it out for the mean",
        ),
        ("AvgPool(4, 2, divisor_override=2.5)", "divisor_override must be an integer, got 2.5"),
        ("MaxPool(4, 2, channels=0)", "channels must be at least 1, got 0"),
        ("Upsample(4)", "a resize needs a scale or an output_size, got neither: give one of the two"),
        (
            "Upsample((4,), scale=2, output_size=(9, 9))",
            "input_size has 1 but output_size has 2 entries, (9, 9): give one entry for each axis, or one number "
            "for all",
        ),
        (
            "Upsample((4, 4), scale=(2,))",
            "input_size has 2 but scale has 1 entry, (2,): give one entry for each axis, or one number for all",
        ),
        (
            "Upsample(4, scale=2, output_size=10)",
            "output_size 10 on axis 0 does not go with scale 2, which makes 8 of input_size 4: give one of the two",
        ),
        (
            "Upsample((4, 5), scale=0.2)",
            "output is empty on axis 0: its size would be 0 (= floor(input_size 4 * scale 0.2)); use a scale of "
            "at least "
            "0.25",
        ),
        ('Upsample(4, scale="2")', "scale on axis 0 must be a number, got '2' (str)"),
        ("Upsample(4, scale=True)", "scale on axis 0 must be a number, got True (bool)"),
        ("Upsample(4, scale=(2, 1j))", "scale on axis 1 must be a number, got 1j (complex)"),
        ('Upsample((), scale="2")', "scale must be a number, got '2' (str)"),
        ("Upsample(4, scale=-1)", "scale on axis 0 must be between 1/2**31 and 2**31, got -1"),
        ('Upsample(4, scale=float("nan"))', "scale on axis 0 must be between 1/2**31 and 2**31, got nan"),
        ('Upsample(4, scale=float("inf"))', "scale on axis 0 must be between 1/2**31 and 2**31, got inf"),
        ("Upsample(4, output_size=0)", "output_size on axis 0 must be at least 1, got 0"),
        (
            'Upsample(4, scale=2, mode="bilinear")',
            "mode 'bilinear' is not one of nearest, nearest-exact, linear: did you mean 'linear'?",
        ),
        ('Upsample(4, scale=2, mode="bicubic")', "mode 'bicubic' is not one of nearest, nearest-exact, linear"),
        (
            "Upsample(4, scale=2, align_corners=True)",
            "align_corners needs mode 'linear', got 'nearest': with one input for each output there is nothing "
            "to align",
        ),
        ("Upsample(4, scale=2, align_corners=0)", "align_corners must be True or False, got 0 (int)"),
        (
            "Upsample(4, scale=2, channels=True)",
            "channels must be an integer, got True (a bool): write 1 if that is meant",
        ),
        (
            "Unfold((4,), 5)",
            "kernel does not fit on axis 0: it spans 5 (= dilation 1 * (kernel_size 5 - 1) + 1) but the padded "
            "input has "
            "4 (= input_size 4 + padding 0 + 0); add 1 to the padding, or use a smaller kernel or dilation",
        ),
        ("Unfold(4, 2, in_channels=0)", "in_channels must be at least 1, got 0"),
        ("PixelShuffle(4, 0)", "factor on axis 0 must be at least 1, got 0"),
        ("PixelShuffle(4, 2, channels=0)", "channels must be at least 1, got 0"),
        (
            "PixelUnshuffle((4, 5), 2)",
            "factor 2 does not divide input_size 5 on axis 1 (remainder 1): blocks of 2 fit into a size of 4 or 6",
        ),
        (
            "PixelUnshuffle((2,), 3)",
            "factor 3 does not divide input_size 2 on axis 0 (remainder 2): blocks of 3 fit into a size of 3",
        ),
        ('AvgPool(4, 2).matrix("float16")', "dtype float16 is none that scipy.sparse can hold: use 'float32'"),
        ('AvgPool(4, 2).matrix("floot")', "dtype 'floot' is none that NumPy knows: use 'float64', say"),
        (
            "AvgPool((4,), 2).operator(int)",
            "dtype int64 cannot hold the fractions in the matrix of AvgPool(input_size=(4,), kernel_size=(2,)): use "
            "float64, or bool for the pattern",
        ),
        (
            'Upsample((4,), scale=2, mode="linear").T.matrix("uint8")',
            "dtype uint8 cannot hold the fractions in the matrix of Upsample(input_size=(4,), output_size=(8,), "
            "mode='linear'): use float64, or bool for the pattern",
        ),
        ("Upsample(4, scale=2).nbytes(object)", "dtype object is none that scipy.sparse can hold: use 'float64'"),
        (
            "MaxPool(4, 2).matrix()",
            "max pooling is not linear: what each window selects depends on the input, so say which, as in .matrix(x); "
            ".pattern() is what the windows see",
        ),
        (
            "MaxPool(4, 2).matrix(np.zeros((3, 4, 4)))",
            "x has shape (3, 4, 4) but a selection is that of one input, (1, 4, 4): build one for each entry of the "
            "batch",
        ),
        (
            "MaxPool(4, 2).matrix(np.zeros((4, 5)))",
            "x has shape (4, 5) but this layer's input needs (..., *(1, 4, 4)) or (..., *(4, 4))",
        ),
        (
            "MaxPool((4,), 2).matrix([1j, 0, 0, 0])",
            "x has dtype complex128, of which no entry is the largest: give real numbers",
        ),
        (
            'MaxPool((2,), 2).matrix([1, 2], dtype="longdouble")',
            f"dtype {np.dtype('longdouble')} is none that scipy.sparse can hold: use 'float64'",
        ),
    ],
)
def test_what_is_refused_and_how(call, message):
    with refused(message):
        eval(call)


@pytest.mark.parametrize(
    "call",
    [
        "AvgPool(4, 2.0)",
        "Upsample(4, scale='2')",
        "MaxPool(4, 2).matrix()",
        "AvgPool(4, 2, ceil_mode=1)",
        "AvgPool(4, 2).matrix(int)",
    ],
)
def test_a_wrong_kind_is_a_type_error_too(call):
    with pytest.raises(TypeError):
        eval(call)


def test_what_is_allowed_right_beside_what_is_refused():
    MaxPool((4,), 4, dilation=3, stride=5, padding=1, ceil_mode=True)
    MaxPool((1,), 2, dilation=2, padding=((2, 0),))
    MaxPool((2,), 3, dilation=4, padding=4)
    MaxPool((1,), 2, dilation=2, stride=2, padding=((2, 1),))
    AvgPool((4,), 5, padding=((1, 0),))
    Upsample(4, scale=2, output_size=9)
    Upsample((4, 5), scale=(0.25, 0.2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (AvgPool(40, 3).matrix, "the matrix of 169 x 1600 with 1521 entries needs .* use .operator\\(\\), which "),
        (AvgPool(40, 3).T.matrix, "the matrix of 1600 x 169 with 1521 entries needs .* use .operator\\(\\), which "),
        (Upsample(40, scale=2).matrix, "the matrix of 6400 x 1600 with 6400 entries needs .* use .operator\\(\\), "),
        (Unfold(40, 3).matrix, "the matrix of 12996 x 1600 with 12996 entries needs .* take fewer channels at a time"),
        (Unfold(40, 3).operator, "the matrix of 12996 x 1600 with 12996 entries needs .* take fewer channels at a "),
        (PixelShuffle(20, 2).matrix, "the matrix of 1600 x 1600 with 1600 entries needs .* take fewer channels at a "),
        (MaxPool(40, 3).pattern, "the pattern of 169 x 1600 with 1521 entries needs .* take fewer channels at a time"),
        (lambda: MaxPool(40, 3).matrix(np.zeros((40, 40))), "the selection of 169 x 1600 with 169 entries needs .*"),
    ],
)
def test_what_does_not_fit_in_memory_is_refused(monkeypatch, build, message):
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=f"^{message}"):
        build()


@pytest.mark.parametrize(
    "layer",
    [
        AvgPool(200, 3, stride=1),
        AvgPool(200, 2, channels=3).T,
        Upsample(100, scale=2, channels=2),
        Upsample(100, scale=2, mode="linear"),
        Unfold(100, 3, padding=1),
        Fold(100, 3, padding=1),
        PixelShuffle(100, 2),
        MaxPool(200, 3, stride=1),
    ],
    ids=repr,
)
def test_building_takes_no_more_memory_than_is_required(monkeypatch, layer):
    build = partial(layer.matrix, np.ones(layer.input_shape)) if isinstance(layer, MaxPool) else layer.matrix
    build()  # whatever is cached is cached
    tracemalloc.start()
    try:
        C = build()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert C.nnz == layer.nnz
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: int(peak * 0.95))
    with pytest.raises(MemoryError, match="entries needs"):
        build()


@pytest.mark.parametrize(
    "layer", [AvgPool(40, 9, stride=1), AvgPool(40, 9, stride=1).T, Upsample(40, scale=2, mode="linear")], ids=repr
)
def test_operators_need_no_memory_for_a_matrix(monkeypatch, layer):
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    available = 200_000  # the product and the matrices of the axes take less, the matrix more
    assert layer.nbytes() > available
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    assert (layer.operator() @ np.ones(layer.matrix_shape[1])).shape == (layer.matrix_shape[0],)


# -- the face --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_fixed_layer_has_the_same_face(kind):
    assert issubclass(kind, FixedLayer)
    assert issubclass(kind, LayerBase)
    assert issubclass(MaxPool, LayerBase)
    assert not issubclass(MaxPool, FixedLayer)  # a maximum is no matrix
    assert issubclass(AvgPool, Pool)
    assert issubclass(MaxPool, Pool)
    parameters = inspect.signature(kind).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters)[2:])


def test_layers_of_both_kinds_take_vectors_the_same_way():
    pool = AvgPool((4,), 2, channels=2)
    assert pool.vec(np.zeros((5, 3, 2, 4))).shape == (8, 15)
    assert pool.unvec(np.zeros((4, 15))).shape == (15, 2, 2)
    with refused("x has shape (4,) but this layer's input needs (..., *(2, 4))"):
        pool.vec(np.zeros(4))
    with refused("y has shape (5,) but this layer's output (2, 2) needs (4,) or (4, batch)"):
        pool.unvec(np.zeros(5))
