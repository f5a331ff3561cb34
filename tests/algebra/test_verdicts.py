"""The verdict on one layer: its rank, and whether its transpose is its inverse on either side."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from convmatrix import Conv, presets
from convmatrix.algebra import checks, generic_weight, gram_is_identity, verdict
from convmatrix.algebra.verdicts import RANK_LIMIT
from helpers import dense
from strategies import covers, integers, layers, seeds, share

MODULE = sys.modules["convmatrix.algebra.verdicts"]


@pytest.fixture
def without_products(monkeypatch):
    """As if every layer were too large for its Gram matrix."""
    monkeypatch.setattr(MODULE, "_PRODUCTS", 0)


def deviations(C):
    """|M^H M - I| in Python's numbers, where M is dense."""
    C = C.astype(object) if C.dtype.kind in "biu" else C
    product = C.conj().T @ C if C.dtype.kind == "c" else C.T @ C
    return abs(product - np.eye(C.shape[1], dtype=int))


def agrees(check, C):
    """The finding holds, and its number and place are those of the whole product."""
    deviation = deviations(C)
    assert check.kind == "finding"
    assert check.holds is (not deviation.any())
    assert check.measured == deviation.max()
    assert check.bound == 0
    assert check.where is None or deviation[check.where] == deviation.max()
    assert (check.where is None) is check.holds


@share(0.4)
@given(layer=layers(), seed=seeds())
@covers()
def test_drawn_layers(layer, seed):
    weight = integers(layer.weight_shape, seed)
    C = dense(layer, weight)
    found = verdict(layer, weight)
    assert found.rank.value == np.linalg.matrix_rank(C)
    agrees(found.gram, C)
    agrees(found.cogram, C.T)
    assert not found.generic
    names = ("C^T C = I", "C C^T = I")
    assert (found.gram.name, found.cogram.name) == (names if isinstance(layer, Conv) else names[::-1])


@share(0.2)
@given(layer=layers(), seed=seeds())
def test_the_transpose_has_the_same_verdict_with_its_sides_swapped(layer, seed):
    weight = integers(layer.weight_shape, seed)
    one, other = verdict(layer, weight), verdict(layer.T, weight)
    assert one.rank.value == other.rank.value
    for here, there in ((one.gram, other.cogram), (one.cogram, other.gram)):
        assert (here.name, here.holds, here.measured) == (there.name, there.holds, there.measured)


@share(0.2)
@given(layer=layers(ndims=(1, 2)), seed=seeds(), dtype=st.sampled_from(("float64", "complex128", "int8", "bool")))
def test_other_dtypes(layer, seed, dtype):
    weight = integers(layer.weight_shape, seed, dtype)
    if np.abs(weight.astype(complex)).max() > 3:
        weight = (weight / 9 if dtype in ("float64", "complex128") else weight // 4).astype(dtype)
    C = layer.matrix(weight).toarray()
    found = verdict(layer, weight)
    for check, matrix in ((found.gram, C), (found.cogram, C.conj().T)):
        deviation = deviations(matrix).astype(float)
        assert check.measured == pytest.approx(deviation.max(), abs=1e-12)
        assert check.holds is bool(deviation.max() <= check.bound)
        assert check.where is None or deviation[check.where] == pytest.approx(deviation.max(), abs=1e-12)


# -- where the answer is yes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "weight"),
    [
        (Conv(4, 2, stride=2, out_channels=4), "haar"),
        (Conv((4, 4, 4), 2, stride=2, out_channels=8), "haar"),
        (Conv(4, 2, stride=2, out_channels=4).T, "haar"),
        (Conv(6, 3, stride=3, out_channels=9), "space_to_depth"),
        (Conv(5, 3, padding="same"), "delta"),
        (Conv(4, 1), "box"),
        (Conv(4, 1, groups=3, in_channels=3, out_channels=3), "box"),
    ],
)
def test_positive_controls(layer, weight):
    weight = presets.weight_for(layer, weight)
    for dtype in (weight.dtype, "float32", "complex64"):
        found = verdict(layer, weight.astype(dtype))
        assert found.gram.holds
        assert found.cogram.holds
        assert found.rank.value == layer.matrix_shape[0] == layer.matrix_shape[1]


def test_shifts_undo_each_other_in_a_circle_only():
    """A shifted delta moves everything by one: C is orthogonal where nothing falls off the edge."""
    for mode, holds in (("circular", True), ("zeros", False), ("replicate", False)):
        found = verdict(Conv((5,), 3, padding=1, padding_mode=mode), [1, 0, 0])
        assert (found.gram.holds, found.cogram.holds) == (holds, holds)


def test_one_side_alone():
    half = np.array([[[1, 1]]]) / np.sqrt(2)
    found = verdict(Conv((4,), 2, stride=2), half)
    assert not found.gram.holds
    assert found.gram.measured == pytest.approx(0.5)
    assert found.cogram.holds
    up = verdict(Conv((4,), 2, stride=2).T, half)
    assert up.gram.holds
    assert not up.cogram.holds
    # Exactly, in integers: every other input is read, none twice.
    found = verdict(Conv((5,), 1, stride=2), [1])
    assert (found.gram.holds, found.cogram.holds, found.gram.measured, found.gram.where) == (False, True, 1, (1, 1))


def test_complex_weights_take_the_conjugate():
    found = verdict(Conv((3,), 1), np.array([1j]))
    assert found.gram.holds
    assert found.cogram.holds
    up = verdict(Conv((3,), 1).T, np.array([1j]))
    assert up.gram.holds
    assert up.cogram.holds
    rotation = np.array([[[1], [1j]], [[1j], [1]]]) / np.sqrt(2)  # unitary, not orthogonal
    found = verdict(Conv((3,), 1, in_channels=2, out_channels=2), rotation)
    assert found.gram.holds
    assert found.cogram.holds
    assert not gram_is_identity(sparse.csr_array([[1, 1j]])).holds


@pytest.mark.parametrize("products", [0, 10**6])
def test_complex_weights_are_named_by_the_conjugate_transpose(products, monkeypatch):
    monkeypatch.setattr(MODULE, "_PRODUCTS", products)
    also = "" if products else " on the diagonal"
    for dtype, names in (("complex64", ["C^H C = I", "C C^H = I"]), ("float64", ["C^T C = I", "C C^T = I"])):
        weight = np.array([2, 3], dtype=dtype)
        found = verdict(Conv((3,), 2), weight)
        assert [found.gram.name, found.cogram.name] == [name + also for name in names]
        up = verdict(Conv((3,), 2).T, weight)
        assert [up.cogram.name, up.gram.name] == [name + also for name in names]
        assert gram_is_identity(Conv((3,), 2).matrix(weight)).name == names[0]
        assert [check.name for check in checks(Conv((3,), 2), weight)][-2:] == names


def test_no_entries_at_all():
    layer = Conv((1,), 1, padding=((3, -1),))
    assert layer.nnz == 0
    found = verdict(layer, [7])
    assert found.rank.value == 0
    assert (found.gram.holds, found.gram.measured, found.gram.where) == (False, 1, (0, 0))
    assert (found.cogram.holds, found.cogram.measured) == (False, 1)


# -- a generic weight ------------------------------------------------------------------------------------------------


@share(0.15)
@given(layer=layers())
def test_without_a_weight_the_verdict_is_that_of_a_drawn_one(layer):
    found = verdict(layer)
    weight = generic_weight(layer)
    assert found.generic
    assert weight.shape == layer.weight_shape
    assert 1 <= weight.min() <= weight.max() <= 9
    np.testing.assert_array_equal(weight, generic_weight(layer))
    C = dense(layer, weight)
    agrees(found.gram, C)
    agrees(found.cogram, C.T)
    if max(layer.matrix_shape) > RANK_LIMIT:
        assert found.rank is None
        found = verdict(layer, any_size=True)
    # No weight has a larger rank, but for one in two billion.
    assert found.rank.value >= np.linalg.matrix_rank(C)
    assert found.rank.value <= max(
        np.linalg.matrix_rank(dense(layer, np.random.default_rng(seed).integers(1, 10**6, layer.weight_shape)))
        for seed in range(2)
    )


def test_generic_weights_in_a_range():
    layer = Conv(10, 5, out_channels=8)
    weight = generic_weight(layer, largest=100)
    assert weight.dtype == np.int64
    assert 1 <= weight.min() < 10
    assert 90 < weight.max() <= 100
    assert generic_weight(layer, largest=2**31 - 2).max() > 2**30


def test_a_generic_rank_where_small_numbers_meet_by_accident():
    """From 1 to 9, the kernel that is drawn with seed 0 is (8, 6): its circular matrix has a rank like all others'."""
    found = verdict(Conv((6,), 2, padding=((0, 1),), padding_mode="circular"))
    assert found.rank.value == 6


# -- large layers ----------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_rank_is_left_out_above_two_thousand():
    small, large = Conv((2000,), 1), Conv((2001,), 1)
    assert verdict(small, [2]).rank.value == 2000
    assert verdict(large, [2]).rank is None
    assert verdict(large.T, [2]).rank is None
    assert verdict(Conv((3000,), 2, stride=2000), [1, 1]).rank is None
    assert verdict(Conv((3000,), 2, stride=2000), [1, 1], any_size=True).rank.value == 2
    assert MODULE.RANK_LIMIT == 2000


@share(0.5)
@given(layer=layers().filter(lambda layer: layer.nnz), seed=seeds())
@covers()
def test_of_layers_with_many_products_only_the_diagonal_is_looked_at(layer, seed):
    weight = integers(layer.weight_shape, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "_PRODUCTS", 0)
        found = verdict(layer, weight)
    C = dense(layer, weight)
    names = ("C^T C = I on the diagonal", "C C^T = I on the diagonal")
    names = names if isinstance(layer, Conv) else names[::-1]
    for check, matrix, name in zip((found.gram, found.cogram), (C, C.T), names, strict=True):
        diagonal = abs((matrix * matrix).sum(axis=0) - 1)
        if not diagonal.any():
            assert check is None  # ones on the diagonal prove nothing
            continue
        assert (check.name, check.kind, check.holds) == (name, "finding", False)
        assert check.measured == diagonal.max()
        assert check.where[0] == check.where[1]
        assert diagonal[check.where[0]] == diagonal.max()


@pytest.mark.usefixtures("without_products")
def test_a_large_layer_that_might_be_undone_is_left_open():
    haar = presets.kernel("haar")
    found = verdict(Conv(4, 2, stride=2, out_channels=4), haar)
    assert (found.gram, found.cogram) == (None, None)
    found = verdict(Conv(4, 2, stride=2, out_channels=4), haar * [[[[1]]], [[[1]]], [[[1]]], [[[2]]]])
    assert not found.gram.holds
    assert found.gram.measured == pytest.approx(3 / 4)
    assert found.cogram.measured == pytest.approx(3)


@pytest.mark.usefixtures("without_products")
def test_complex_weights_on_the_diagonal():
    assert verdict(Conv((3,), 1), np.array([1j])).gram is None
    found = verdict(Conv((3,), 1), np.array([3 + 4j]))
    assert (found.gram.measured, found.cogram.measured) == (24, 24)


def test_a_real_large_layer():
    found = verdict(presets.setting("resnet_conv1"))
    weight = generic_weight(presets.setting("resnet_conv1")).astype(float)
    assert found.rank is None
    assert found.generic
    # In the middle, every input is read by every fourth tap of every kernel, and every output reads all of its kernel.
    assert found.cogram.measured == (weight**2).sum(axis=(1, 2, 3)).max() - 1
    phases = [(weight[:, :, row::2, col::2] ** 2).sum(axis=(0, 2, 3)).max() for row in (0, 1) for col in (0, 1)]
    assert found.gram.measured == max(phases) - 1


@pytest.mark.parametrize("name", ["unet_up", "fcn32s_up", "alexnet_conv2", "dcgan_up", "mobilenet_depthwise"])
def test_settings_of_many_entries_by_their_kernels(name):
    """The diagonals from the kernels alone: what reads an input is every stride-th tap, an output reads its kernel."""
    layer = presets.setting(name)
    conv, forward = (layer, True) if isinstance(layer, Conv) else (layer.T, False)
    weight = generic_weight(layer)
    found = verdict(layer)
    gram, cogram = (found.gram, found.cogram) if forward else (found.cogram, found.gram)
    squares = (weight**2).reshape(conv.groups, -1, *weight.shape[1:])
    step = conv.stride[0]
    phases = [
        squares[..., row::step, col::step].sum(axis=(1, 3, 4)).max() for row in range(step) for col in range(step)
    ]
    assert gram.measured == max(phases) - 1
    assert cogram.measured == squares.sum(axis=(2, 3, 4)).max() - 1


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular", "symmetric"])
def test_the_whole_product_of_a_layer_that_no_memory_holds(mode):
    """In the middle every input meets its neighbours with the kernel's correlation with itself."""
    pad = 1 if mode != "zeros" else 0
    weight = np.array([1, -2, 5])
    found = verdict(Conv((10**20,), 3, padding=pad, padding_mode=mode), weight)
    assert (found.cogram.name, found.cogram.holds, found.rank) == ("C C^T = I", False, None)
    if mode in ("zeros", "circular"):
        assert found.gram.measured == found.cogram.measured == (weight @ weight) - 1 == 29
    far = verdict(Conv((10**20,), 3, padding=((0, 1),), padding_mode="zeros"), [2, 0, 0])
    assert (far.gram.measured, far.cogram.measured) == (3, 3)


def test_a_layer_that_no_memory_holds_may_be_undone():
    haar = presets.kernel("haar")
    found = verdict(Conv(10**12, 2, stride=2, out_channels=4), haar)
    assert (found.gram.holds, found.cogram.holds) == (True, True)
    # But for the last input, which no window reads.
    found = verdict(Conv((2 * 10**12 + 1,), 2, stride=2, out_channels=2), presets.kernel("haar", ndim=1))
    assert (found.gram.holds, found.gram.measured, found.gram.where) == (False, 1, (2 * 10**12, 2 * 10**12))
    assert found.cogram.holds
    # But for the first input, which is cropped, and the last output, which reads a zero.
    found = verdict(Conv((10**12,), 3, padding=((-1, 3),)), [1, 0, 0])
    assert (found.gram.measured, found.gram.where) == (1, (0, 0))
    assert found.cogram.where == (10**12 - 1, 10**12 - 1)


@pytest.mark.parametrize(
    "layer",
    [
        Conv(10**5, 10**5),  # as many weights
        Conv((10**6,), 10**4),  # as many taps for each place
        Conv((5,), 3, padding=10**9, padding_mode="reflect"),  # all border
        Conv(1, 1, padding=10**9),
        Conv(10**5, 3, padding=-40000),  # all cropped but the middle
    ],
)
def test_what_has_no_short_form_is_left_open(layer):
    found = verdict(layer)
    assert (found.rank, found.gram, found.cogram, found.generic) == (None, None, None, True)


def test_a_requested_rank_is_an_error_if_its_weight_does_not_fit():
    with pytest.raises(
        ValueError, match=r"^a generic weight of shape \(1, 1, 10000000, 10000000\) needs 7.45e\+05 GiB but"
    ):
        verdict(Conv(10**7, 10**7), any_size=True)


# -- floats that have no square ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("products", [0, 10**6])
@pytest.mark.parametrize("dtype", ["float64", "complex128", "float32"])
def test_large_floats_are_found_to_be_large(products, dtype, monkeypatch):
    monkeypatch.setattr(MODULE, "_PRODUCTS", products)
    unit = 1e30 if dtype == "float32" else 1e200
    for layer in (Conv(4, 3), Conv((9,), 3, padding=1, padding_mode="replicate"), Conv(4, 3).T):
        weight = np.full(layer.weight_shape, unit, dtype=dtype)
        found = verdict(layer, weight)
        assert not found.gram.holds
        assert not found.cogram.holds
        assert found.rank.value == verdict(layer, np.ones(layer.weight_shape, dtype=dtype)).rank.value
        if layer.ndim == 2:  # an output reads nine inputs; 1e400 is no float64
            largest = max(found.gram.measured, found.cogram.measured)
            assert largest == pytest.approx(np.inf if unit == 1e200 else 9e60, rel=1e-6)
    # One large number among small ones: what they are is still seen where they stand alone.
    found = verdict(Conv((4,), 1, groups=2, in_channels=2, out_channels=2), np.array([[[1.0]], [[1e160]]]))
    assert found.gram.where in {(4, 4), (5, 5), (6, 6), (7, 7)}
    assert found.gram.measured == np.inf


def test_large_floats_whose_squares_still_are_floats():
    found = verdict(Conv((4,), 1), np.array([2.0**500]))
    assert (found.gram.measured, found.cogram.measured) == (2.0**1000, 2.0**1000)
    found = verdict(Conv((4,), 1), np.array([2.0**-500]))
    assert (found.gram.measured, found.cogram.measured) == (1, 1)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([[1.0, np.nan], [2, 3]], r"^weight has nan at \(0, 0, 0, 1\): nothing can be solved or decided with it$"),
        ([[1.0, 1], [-np.inf, 3]], r"^weight has -inf at \(0, 0, 1, 0\): nothing can be"),
        (
            [[1.0, 1], [complex(0, np.inf), np.nan]],
            r"^weight has infj at \(0, 0, 1, 0\), the first of 2 entries that are ",
        ),
    ],
)
def test_what_is_not_finite_has_no_verdict(weight, message):
    for layer in (Conv(4, 2), Conv(10**6, 2), Conv(4, 2).T):
        with pytest.raises(ValueError, match=message):
            verdict(layer, np.array(weight))
    with pytest.raises(ValueError, match=r"^the matrix has nan at \(0, 1\): "):
        gram_is_identity(sparse.csr_array([[1, np.nan], [0, 1]]))


# -- integers that do not fit ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [2**31 - 1, 2**31, -(2**31), 3037000499, 3037000500, 2**32, 2**62, 2**63 - 1, -(2**63)]
)
def test_large_integers_do_not_wrap_around(value):
    """2**32 squared is 0 in 64 bits, and 2**31 + 2**31 of its squares are -2**63."""
    for layer in (Conv((3,), 1), Conv((5,), 2), Conv((4,), 4)):
        weight = np.full(layer.weight_shape, value)
        found = verdict(layer, weight)
        for check, matrix in ((found.gram, dense(layer, weight.astype(object))), (found.cogram, None)):
            matrix = dense(layer.T, weight.astype(object)) if matrix is None else matrix
            assert not check.holds
            assert check.measured == pytest.approx(int(deviations(np.array(matrix, dtype=object)).max()), rel=1e-15)
        assert found.rank.value == np.linalg.matrix_rank(dense(layer, np.ones(layer.weight_shape)))


@pytest.mark.parametrize(("value", "dtype"), [(2**64 - 1, "uint64"), (2**63, "uint64"), (-128, "int8"), (200, "uint8")])
def test_the_ends_of_other_dtypes(value, dtype):
    found = verdict(Conv((2,), 1), np.array([value], dtype=dtype))
    assert found.gram.measured == pytest.approx(value**2 - 1, rel=1e-15)
    assert not found.gram.holds
    assert not found.cogram.holds


def test_ones_at_the_ends_of_a_dtype_are_exact():
    for dtype in ("int8", "uint8", "uint64", "bool"):
        found = verdict(Conv((2,), 1), np.array([1], dtype=dtype))
        assert (found.gram.holds, found.gram.measured, found.gram.bound) == (True, 0, 0)


@pytest.mark.usefixtures("without_products")
@pytest.mark.parametrize("value", [2**32, 2**62, 3037000499])
def test_large_integers_do_not_wrap_around_on_the_diagonal(value):
    found = verdict(Conv((4,), 2), np.full(2, value))
    assert found.gram.measured == pytest.approx(2 * value**2 - 1, rel=1e-15)
    assert found.cogram.measured == pytest.approx(2 * value**2 - 1, rel=1e-15)
