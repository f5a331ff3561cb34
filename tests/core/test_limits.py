"""Numbers far beyond what arrays hold, kernels and borders much longer than the input: answered at once."""

import re
import time
import warnings
from contextlib import contextmanager
from functools import partial
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, Fold, MaxPool, PixelShuffle, PixelUnshuffle, Unfold, Upsample
from convmatrix.core import memory
from convmatrix.core.axis import Axis, require_countable
from convmatrix.core.counting import axis_nnz, floor_sum, floor_sums
from convmatrix.core.errors import TooLargeError, WrongTypeError, short, shortens_errors
from convmatrix.core.fast.matrixfree import ScaledOperator
from convmatrix.core.pattern import pattern_of, transposed_pattern_of, windows_of
from convmatrix.show.model.stage import film
from helpers import assert_canonical
from strategies import conv_arguments, integers, seeds, share

SECONDS = 2
"""Seconds that a result may take on a slow machine; it usually takes milliseconds."""
MOST_LETTERS = 1000
"""Length of an error message, even about very large numbers."""


@contextmanager
def at_once():
    start = time.process_time()
    yield
    assert time.process_time() - start < SECONDS


def outcome(call):
    """A result, or the error that stands for it."""
    try:
        return call()
    except (ValueError, TypeError, MemoryError) as error:
        return error


def refused(message, kind=ValueError):
    return pytest.raises(kind, match=f"^{re.escape(message)}")


# -- the numbers that were reported ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Conv((5,), 3, stride=10**20, input_dilation=2).matrix([1, 2, 3]),
            "stride 100000000000000000000 leads to positions beyond 64 bits, of which neither a matrix nor an operator",
        ),
        (lambda: Conv((5,), 3, stride=10**20).operator([1, 2, 3]), "stride 100000000000000000000 leads to"),
        (lambda: ConvTranspose((1,), 3, stride=10**20).matrix([1, 2, 3]), "stride 100000000000000000000 leads to"),
        (lambda: Conv((2,), 1, input_dilation=10**20, stride=10**20).gram([1]), "input_dilation 100000000000000000000"),
        (lambda: Conv((5,), 1, dilation=10**20).matrix([1]), "dilation 100000000000000000000 leads to"),
        (lambda: Conv((5,), 3, padding=-(10**20)), "kernel does not fit on axis 0: it spans 3 "),
        (lambda: Conv((5,), 3, stride=10**19, padding=10**19).matrix([1, 2, 3]), "padding (10000000000000000000, 1000"),
        (lambda: MaxPool((4,), 1, dilation=2**63), "dilation on axis 0 must be less than 2**63, got 92233720368547"),
        (
            lambda: AvgPool((4,), 2, divisor_override=2**63),
            "divisor_override must be between -2**63 and 2**63, got 9223372036854775808",
        ),
        (lambda: Conv((10**20,), 1, stride=10**19).matrix([1]), "the matrix has 10 rows and 100000000000000000000 "),
        (
            lambda: Conv((10**400,), 3).matrix([1, 2, 3]),
            "the matrix has 999999...999998 (400 digits) rows and 100000...000000 (401 digits) columns",
        ),
        (lambda: Conv((3,), 10**400), "kernel does not fit on axis 0: it spans 100000...000000 (401 digits) (= "),
        (
            lambda: Conv((10**5000,), 3),
            "input_size on axis 0 must have at most 1000 digits, got an integer of about 5001 digits",
        ),
        (
            lambda: ConvTranspose((5,), 3, stride=10**20, output_size=3),
            "output_size 3 on axis 0 cannot come from input_size 5 with kernel_size 3, stride 100000000000000000000, "
            "padding 0: a convolution gives 5 outputs only for 400000000000000000003 to 500000000000000000002 inputs",
        ),
        (
            lambda: ConvTranspose((5,), 3, stride=10**20, input_dilation=3, dilation=2),
            "axis 0 gives 400000000000000000005 positions (= (input_size 5 - 1) * stride 100000000000000000000 + "
            "dilation 2 * (kernel_size 3 - 1) + 1 - padding 0 - 0 + output_padding 0), which is not 1 modulo "
            "input_dilation 3: output_padding 1 would fit",
        ),
        (lambda: Conv([1] * 10**6, 3), "a list of 1000000 entries is no argument for each axis, [1, 1, 1, 1, 1, 1, 1"),
        (lambda: Conv(range(10**30), 3), "range(0, 1000000000000000000000000000000) is no list of numbers: it raises"),
        (lambda: Conv(np.broadcast_to(4, (10**12,)), 3), "an array of shape (1000000000000,) is no argument for each"),
        (lambda: Conv(4, 3, padding_mode="z" * 10**6), "padding_mode 'zzzzzzzzzz"),
    ],
    ids=count(),
)
def test_what_leaves_64_bits_is_refused_in_a_sentence(build, message):
    with at_once(), refused(message) as caught:
        build()
    assert len(str(caught.value)) < MOST_LETTERS


@pytest.mark.parametrize(
    ("build", "rows"),
    [
        (lambda: AvgPool((4, 4), 10**20, ceil_mode=True).matrix(), np.full((1, 16), 1 / 16)),
        (lambda: AvgPool((4, 4), 10**20, ceil_mode=True).T.matrix(), np.full((16, 1), 1 / 16)),
        (
            lambda: AvgPool((2,), 2**60, padding=2**59, stride=2**59, ceil_mode=True).matrix(),
            np.full((2, 2), [[2.0**-60], [1 / (2**59 + 2)]]),
        ),
        (
            lambda: AvgPool((2, 2), 2**33, padding=2**33 - 1, stride=2**34).matrix(),
            np.full((1, 4), [1, 0, 0, 0]) / 2.0**66,
        ),
        (lambda: MaxPool(8, 2**31, padding=1, ceil_mode=True).pattern(), np.ones((1, 64))),
        (lambda: MaxPool((4,), 2**40, stride=1, padding=2**39).pattern(), np.ones((5, 4))),
        (lambda: MaxPool((3,), 10**20, ceil_mode=True).matrix([1, 3, 2]), [[0, 1, 0]]),
        (lambda: Upsample((2,), scale=np.int8(3)).matrix(), np.repeat(np.eye(2), 3, axis=0)),
        (lambda: Upsample((2,), scale=np.uint8(1)).matrix(), np.eye(2)),
        (lambda: Conv((5,), 3, stride=2**61, input_dilation=2).matrix([1, 2, 3]), [[1, 3, 0, 0, 0]]),
        (lambda: Conv((3,), 1, dilation=2**61).matrix([2]), 2 * np.eye(3)),
        (lambda: Conv((2,), np.int8(2), stride=np.int8(100)).matrix([1, 2]), [[1, 2]]),
        (lambda: AvgPool((2,), 2, divisor_override=1 - 2**63).matrix(), np.full((1, 2), -(2.0**-63))),
    ],
    ids=count(),
)
def test_what_can_be_answered_is(build, rows):
    with at_once():
        C = build()
    assert_array_equal(C.toarray(), rows)
    assert_canonical(C)


def test_the_operator_of_a_pool_that_is_much_larger_than_its_input():
    with at_once():
        pool = AvgPool((4, 4), 10**20, ceil_mode=True, channels=2)
        x = np.arange(32.0)
        assert_array_equal(pool.operator() @ x, [7.5, 23.5])
        assert_array_equal(pool.operator().T @ np.array([16.0, 32.0]), np.repeat([1, 2], 16))
        assert_array_equal(pool.divisors(), [[16]])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("number", [2**58, 2**61])
def test_an_operator_takes_steps_that_it_never_makes(number, transposed):
    layer = Conv((5,), 1, stride=number, dilation=number, padding=1)
    layer = layer.T if transposed else layer
    x = np.arange(layer.matrix_shape[1]) + 1.0
    assert_array_equal(layer.operator([2.0]) @ x, layer.matrix([2.0]) @ x)


def test_divisors_beyond_64_bits_are_refused_and_entries_are_not():
    pool = AvgPool((2, 2), 2**33, padding=2**33 - 1, stride=2**34)
    with refused(f"a divisor is {2**66}, which 64 bits do not hold: take a smaller kernel"):
        pool.divisors()
    with refused(f"a window counts {10**20} cells, which 64 bits do not hold: take a smaller kernel"):
        AvgPool((2,), 10**20, padding=10**20 - 1, stride=10**21).divisors()


@pytest.mark.parametrize("mode", ["zeros", "circular"])
@pytest.mark.parametrize("pads", [((1, 1), (1, 655360)), ((1, 655360), (1, 1))])
def test_a_border_that_is_much_longer_than_the_input(mode, pads):
    layer = Conv((4, 4), 1, padding=pads, groups=2, in_channels=2, out_channels=2, padding_mode=mode)
    with at_once():
        C = layer.matrix(np.array([2, 3], np.int8).reshape(2, 1, 1, 1))
    assert C.nnz == layer.nnz
    assert C.sum() == (5 * 16 if mode == "zeros" else 5 * 6 * 655365)


@given(conv_arguments(ndims=(1, 2)), st.integers(0, 150), st.integers(0, 150), seeds())
@share(0.5)
def test_the_matrix_with_wide_borders_is_the_table(arguments, before, after, seed):
    """Rows of a wide border are written side by side."""
    axes = len(arguments["input_size"])
    pads = ((before, after), *((1, 1),) * (axes - 1)) if seed % 2 else (*((1, 1),) * (axes - 1), (before, after))
    spans = [d * (k - 1) + 1 for d, k in zip(arguments["dilation"], arguments["kernel_size"], strict=True)]
    arguments |= {"padding": pads, "input_size": tuple(map(max, arguments["input_size"], spans))}
    for layer in (Conv(**arguments), Conv(**arguments).T):
        weight = integers(layer.weight_shape, seed)
        C = layer.matrix(weight)
        assert_canonical(C)
        assert not (layer.matrix(weight, method="equation") != C).nnz


# -- patterns --------------------------------------------------------------------------------------------------------

numbers = st.integers(1, 12)
axes = st.builds(
    lambda n, k, s, d, a, before, extra: Axis(
        n, k, s, before, max(d * (k - 1) - (n - 1) * a - before, -before) + extra, d, a
    ),
    numbers,
    st.integers(1, 6),
    numbers,
    numbers,
    numbers,
    st.integers(-5, 60),
    st.integers(0, 60),
).filter(lambda axis: axis.padded_size >= axis.span)


@given(axes)
def test_windows_are_what_the_table_reads(axis):
    rows, cols, symbols = windows_of(axis).entries()
    table = axis.table()
    expected = sorted({(o, int(i)) for o, row in enumerate(table) for i in row if i >= 0})
    assert sorted(zip(rows.tolist(), cols.tolist(), strict=True)) == expected
    assert set(symbols.tolist()) <= {0}


@given(axes)
def test_patterns_read_what_the_table_reads(axis):
    table = axis.table()
    expected = sorted((o, int(i), t) for o, row in enumerate(table) for t, i in enumerate(row) if i >= 0)
    assert sorted(zip(*map(np.ndarray.tolist, pattern_of(axis).entries()), strict=True)) == expected
    inputs, outputs, taps = map(np.ndarray.tolist, transposed_pattern_of(axis).entries())
    assert sorted(zip(outputs, inputs, taps, strict=True)) == expected


@given(axes, st.integers(2, 2**40))
def test_a_longer_kernel_whose_taps_read_nothing_changes_no_window(axis, times):
    if axis.input_dilation > 1:
        axis = Axis(axis.input_size, axis.kernel_size, axis.stride, max(axis.before, 0), axis.after, axis.dilation)
    kernel = (axis.input_size - 1 + max(axis.before, 0)) // axis.dilation + 1  # all that some window can read
    one = Axis(axis.input_size, kernel, axis.stride, max(axis.before, 0), 0, axis.dilation)
    outputs = max(one.output_size, 1)

    def axis_of(kernel):
        span = axis.dilation * (kernel - 1) + 1
        after = (outputs - 1) * axis.stride + span - one.before - axis.input_size
        return Axis(axis.input_size, kernel, axis.stride, one.before, after, axis.dilation)

    for result, expected in zip(
        windows_of(axis_of(kernel * times)).entries(), windows_of(axis_of(kernel)).entries(), strict=True
    ):
        assert_array_equal(result, expected)


def test_a_step_through_residues_of_more_than_32_bits():
    """Products of residues leave 64 bits there."""
    a, s = 2**33 + 3, 2**33 - 5
    axis = Axis(3, 4, stride=s, dilation=2**31 + 1, input_dilation=a, before=7, after=2**34)
    rows, cols, taps = pattern_of(axis).entries()
    expected = [
        (o, p // a, t)
        for o in range(axis.output_size)
        for t in range(4)
        if 0 <= (p := o * s + t * axis.dilation - 7) <= 2 * a and p % a == 0
    ]
    assert [*zip(rows.tolist(), cols.tolist(), taps.tolist(), strict=True)] == expected


@pytest.mark.parametrize("name", ["input_size", "stride", "dilation", "before", "input_dilation", "kernel_size"])
@pytest.mark.parametrize("make", [pattern_of, transposed_pattern_of, windows_of])
def test_an_axis_is_countable_or_refused(name, make):
    for power in range(50, 80, 2):
        numbers = {"input_size": 3, "kernel_size": 2, "stride": 2, "before": 0, "dilation": 1, "input_dilation": 1}
        numbers[name] = 2**power
        axis = Axis(**numbers)
        short_of = axis.span - axis.padded_size
        axis = Axis(**numbers | {"after": short_of})
        with at_once():
            found = outcome(partial(make, axis))
        if isinstance(found, Exception):
            assert "64 bits" in str(found) or isinstance(found, TooLargeError)
        else:
            assert found.nnz == axis_nnz(axis)


def test_a_countable_axis_is_not_refused():
    assert require_countable(Axis(2**60, 3)) is None
    assert require_countable(Axis(3, 3, before=2**60, after=2**60 - 4)) is None
    with refused("input_size 4611686018427387904 leads to"):
        require_countable(Axis(2**62, 3))


# -- counting --------------------------------------------------------------------------------------------------------


def test_sums_of_floors_take_thousands_of_steps():
    """The numbers of Fibonacci take the most of Euclid's steps for their size."""
    a, b = 1, 1
    for _ in range(4000):
        a, b = b, a + b
    with at_once():
        total = floor_sum(a, b, a, 0)
    # j*a/b and (a-j)*a/b are no whole numbers for 0 < j < b, but their sum nearly is
    assert 0 < total < a * a
    with at_once():
        assert Conv((a,), 3, stride=b // 3, input_dilation=a // 7).nnz > 0


@given(*[st.integers(0, 30)] * 2, st.integers(1, 20), st.integers(-40, 40))
def test_sums_of_floors_are_sums(count, slope, modulus, offset):
    floors = [(slope * j + offset) // modulus for j in range(count)]
    expected = (sum(floors), sum(j * f for j, f in enumerate(floors)), sum(f * f for f in floors))
    assert floor_sums(count, modulus, slope, offset) == expected


# -- extreme integers, drawn -----------------------------------------------------------------------------------------

EXTREME = [
    0,
    -1,
    2**31 - 1,
    2**31,
    2**32,
    10**9 + 7,
    2**53 + 1,
    2**62,
    2**63 - 1,
    2**63,
    2**64,
    10**20,
    10**100,
    10**400,
    -(2**31),
    -(2**63),
    -(10**20),
    -(10**400),
    10**1000,
    10**5000,
]
OF_CONV = ("stride", "padding", "dilation", "groups", "in_channels", "out_channels", "input_dilation", "ndim")
KINDS = {
    Conv: ({"input_size": 5, "kernel_size": 3}, OF_CONV),
    ConvTranspose: ({"input_size": 5, "kernel_size": 3}, (*OF_CONV, "output_padding", "output_size")),
    AvgPool: (
        {"input_size": 5, "kernel_size": 3},
        ("stride", "padding", "dilation", "channels", "ndim", "divisor_override"),
    ),
    MaxPool: ({"input_size": 5, "kernel_size": 3}, ("stride", "padding", "dilation", "channels", "ndim")),
    Upsample: ({"input_size": 5, "scale": 2}, ("output_size", "channels", "ndim")),
    Unfold: ({"input_size": 5, "kernel_size": 3}, ("stride", "padding", "dilation", "in_channels", "input_dilation")),
    Fold: ({"output_size": 5, "kernel_size": 3}, ("stride", "padding", "dilation", "out_channels", "input_dilation")),
    PixelShuffle: ({"input_size": 5, "factor": 3}, ("channels", "ndim")),
    PixelUnshuffle: ({"input_size": 6, "factor": 3}, ("channels", "ndim")),
}
FACE = (
    "output_size",
    "input_shape",
    "output_shape",
    "matrix_shape",
    "nnz",
    "weight_shape",
    "leftover",
    "axes",
    "T",
    "ndim",
    "in_channels",
    "out_channels",
    "factor",
)
CALLS = (
    "nbytes",
    "matrix",
    "pattern",
    "operator",
    "axis_patterns",
    "axis_matrices",
    "divisors",
    "taps",
    "as_conv",
    "__repr__",
    "__hash__",
)


@st.composite
def extremes(draw):
    """A kind of layer with one to three arguments that are extreme, of Python's type or NumPy's."""
    kind = draw(st.sampled_from(list(KINDS)))
    arguments, more = KINDS[kind]
    arguments = {**arguments, "ndim": draw(st.integers(1, 2))}
    for name in draw(st.sets(st.sampled_from([*arguments, *more]), min_size=1, max_size=3)):
        number = draw(st.sampled_from(EXTREME)) + draw(st.sampled_from((0, 0, 0, 1, -1, 3)))
        if name == "scale" and abs(number) > 10**300:
            number = 3
        if abs(number) < 2**31 and draw(st.booleans()):
            number = np.int64(number)
        arguments[name] = number
    return kind, arguments


def answer(call):
    """Return a result, or None after checking that an error is raised in time and has a short message."""
    with at_once(), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = outcome(call)
    if not isinstance(found, Exception):
        return found
    text = str(found)
    assert not isinstance(found, OverflowError)
    assert type(found).__module__.startswith("convmatrix") or type(found) is ValueError
    assert 20 < len(text) < MOST_LETTERS
    assert not re.search(r"\d{50}", text)
    assert "Exceeds the limit" not in text
    return None


def face(layer):
    """Use all properties and methods of a layer, those with a weight only if it is small."""
    for name in FACE:
        answer(partial(getattr, layer, name, None))
    for name in CALLS:
        if not hasattr(layer, name):
            continue
        if name in ("matrix", "operator") and isinstance(layer, Conv | ConvTranspose):
            continue
        arguments = () if name != "matrix" or not isinstance(layer, MaxPool) else (np.zeros(1),)
        answer(partial(getattr(layer, name), *arguments))
    shape = answer(lambda: getattr(layer, "weight_shape", None))
    if shape is not None and all(size < 50 for size in shape):
        for name in ("matrix", "operator", "gram"):
            answer(partial(getattr(layer, name), np.ones(shape, np.float32)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extremes())
@example((ConvTranspose, {"input_size": 5, "kernel_size": 3, "stride": 10**20, "input_dilation": 7, "ndim": 1}))
@example((Upsample, {"input_size": 10**400, "scale": 0.5, "ndim": 1}))
@example((Upsample, {"input_size": 2**62, "output_size": 3, "scale": None, "mode": "linear", "ndim": 1}))
@example((Upsample, {"input_size": 10**30, "output_size": 3, "scale": None, "mode": "linear", "ndim": 1}))
@example((Upsample, {"input_size": 10**30, "output_size": 10**25, "scale": None, "mode": "linear", "ndim": 1}))
def test_extreme_integers_are_answered_at_once(monkeypatch, drawn):
    kind, arguments = drawn
    monkeypatch.setattr(memory, "available_memory", lambda: 100 * 2**20)  # what is larger takes longer
    layer = answer(lambda: kind(**arguments))
    if layer is not None:
        face(layer)


# -- values in error messages ----------------------------------------------------------------------------------------


class Wordless:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (-(10**39), "-1" + 39 * "0"),
        (-(10**400), "-100000...000000 (401 digits)"),
        (True, "True"),
        ("same", "'same'"),
        ((1, 2), "(1, 2)"),
        ([[1, 2], (3,)], "[[1, 2], (3,)]"),
        (None, "None"),
        (1.5, "1.5"),
        (10**5000, "an integer of about 5001 digits"),
        (np.int8(3), "np.int8(3)"),
        (b"ab", "b'ab'"),
        ([10**50], "[100000...000000 (51 digits)]"),
        (Wordless(), "<Wordless instance>"),
        (object(), "<object object>"),
    ],
    ids=count(),
)
def test_a_value_is_repeated_as_it_was_typed_or_shortened(value, text):
    assert short(value) == text


@share(0.2)
@given(st.recursive(st.integers() | st.text(max_size=500) | st.binary(max_size=500), lambda inner: st.lists(inner)))
def test_no_value_is_long(value):
    assert len(short(value)) <= 303
    if len(repr(value)) < 12:
        assert short(value) == repr(value)


def test_an_error_is_shortened_where_it_is_raised_and_stays_the_same_error():
    @shortens_errors
    def refuse(error):
        raise error

    long = WrongTypeError(f"got {10**60} and 12")
    with refused("got 100000...000000 (61 digits) and 12", WrongTypeError) as caught:
        refuse(long)
    assert caught.value is long
    for other in (KeyError(10**60), ValueError(10**60), ValueError("a", "b"), ValueError()):
        with pytest.raises(type(other)) as caught:
            refuse(other)
        assert caught.value is other


# -- memory that products and patterns take --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: pattern_of(Axis(10, 1, before=10**9)),
            "the pattern of 1000000010 rows along an axis, 1000000001 of which do not repeat others, for a ",
        ),
        (
            lambda: transposed_pattern_of(Axis(10**6, 3, before=10**8, mode="circular")),
            "the pattern of 1000000 rows along an axis, 1000000 of which do not repeat others, for a ",
        ),
        (lambda: ConvTranspose((4,), 3, stride=10**9).operator(np.ones(3)) @ np.ones(4), "a product of shape (300000"),
        (
            lambda: ConvTranspose((4,), 3, stride=10**9).operator(np.ones(3)) @ np.ones((4, 2)),
            "a product of shape (3000000003, 2) needs 44.7 GiB but 1 GiB of memory is available: multiply by fewer",
        ),
        (lambda: AvgPool((10**9,), 2, stride=1).divisors(), "an array of 999999999 divisors needs 14.9 GiB"),
        (lambda: AvgPool((10**9,), 2, stride=1).operator(), "an array of 999999999 divisors needs 22.4 GiB"),
        (lambda: Upsample((10**9,), scale=2).axis_matrices(), "the matrix of axis 0, 2000000000 x 1000000000, needs "),
    ],
    ids=count(),
)
def test_what_a_product_or_a_pattern_takes_is_known_before(monkeypatch, build, message):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    with at_once(), refused(message, TooLargeError):
        build()


@given(conv_arguments(ndims=(1, 2)), seeds())
@share(0.3)
def test_a_scaled_operator_is_a_diagonal_times_a_matrix(arguments, seed):
    layer = Conv(**arguments)
    weight = integers(layer.weight_shape, seed).astype(float)
    scale = np.random.default_rng(seed).random(layer.matrix_shape[0])
    dense = scale[:, None] * layer.matrix(weight).toarray()
    scaled = ScaledOperator(layer.operator(weight), scale)
    eyes = [np.eye(size) for size in scaled.shape]
    for found, expected in (
        (scaled @ eyes[1], dense),
        (scaled.T @ eyes[0], dense.T),
        (scaled.H @ eyes[0], dense.T),
        (scaled.T.T @ eyes[1][:, 0], dense[:, 0]),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv((10**20,), 1).bias_vector([1.0]), "^the bias of 100000000000000000000 outputs needs "),
        (
            lambda: Conv((10**400,), 1).bias_vector([1.0]),
            r"^the bias of 100000\.\.\.000000 \(401 digits\) outputs needs",
        ),
        (lambda: film(Conv((10**50,), 1)), r"^the matrix has 100000\.\.\.000000 \(51 digits\) x"),
        (lambda: film(Conv((10**50,), 1), matrix=False), r"^the layer has 100000\.\.\.000000 \(51 digits\) outputs"),
    ],
)
def test_vectors_and_films_of_extreme_layers_raise_short_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_integers_of_numpys_beside_larger_ones():
    sentence = "groups=2147483647 does not divide in_channels=9223372036854775808 (remainder 2)"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Conv(2**31, 1, groups=np.int64(2**31 - 1), in_channels=2**63)
