"""PyTorch's pools, resizing, pixel shuffles and unfolding, compared value by value."""

import numpy as np
import pytest
from hypothesis import assume, event, given
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import AvgPool, Fold, MaxPool, PixelShuffle, Unfold, Upsample
from strategies import integers, seeds
from strategies_fixed import (
    avg_pool_arguments,
    fraction,
    pool_arguments,
    shuffles,
    unfolds,
    upsample_arguments,
)

torch = pytest.importorskip("torch", reason="torch is in the group of oracles: make oracles-env")
F = torch.nn.functional

AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


def tensor(x, dtype=torch.float64):
    return torch.tensor(np.asarray(x), dtype=dtype)[None]


def values(y):
    return y[0].numpy()


def applied(layer, x):
    return layer.unvec(layer.matrix() @ layer.vec(x))


# -- pools -----------------------------------------------------------------------------------------------------------


def at_both_ends(padding):
    return [before for before, _ in padding]


@given(avg_pool_arguments(ndims=(1, 2, 3), dilation=False, half=True, style="ints"), seeds())
def test_average_pooling(arguments, seed):
    ndim = len(arguments["input_size"])
    if ndim == 1:
        arguments["divisor_override"] = None  # torch has none on one axis
    if ndim == 3:
        arguments["input_size"] = at_least_the_kernel(arguments)  # without the padding, for torch on three axes
    pool = AvgPool(**arguments)
    x = integers(pool.input_shape, seed)
    override = {} if ndim == 1 else {"divisor_override": pool.divisor_override}
    expected = AVG[ndim](
        tensor(x),
        pool.kernel_size,
        pool.stride,
        at_both_ends(pool.padding),
        pool.ceil_mode,
        pool.count_include_pad,
        **override,
    )
    assert_allclose(applied(pool, x), values(expected), rtol=1e-14, atol=1e-14)


@given(avg_pool_arguments(ndims=(1, 2, 3), dilation=False, style="pairs"), seeds())
def test_average_pooling_of_asymmetric_pads(arguments, seed):
    """Pads of torch.nn.functional.pad count like padding, except if the size is rounded up."""
    arguments |= {"ceil_mode": False, "count_include_pad": True, "divisor_override": None}
    pool = AvgPool(**arguments | {"input_size": at_least_the_kernel(arguments)})
    x = integers(pool.input_shape, seed)
    padded = F.pad(tensor(x), [pad for pair in reversed(pool.padding) for pad in pair])
    expected = AVG[pool.ndim](padded, pool.kernel_size, pool.stride)
    assert_allclose(applied(pool, x), values(expected), rtol=1e-14, atol=1e-14)


def at_least_the_kernel(arguments):
    return tuple(map(max, arguments["input_size"], arguments["kernel_size"]))


@given(pool_arguments(ndims=(1, 2, 3), dilation=True, half=True, style="ints"), seeds())
def test_max_pooling_and_its_indices(arguments, seed):
    pool = MaxPool(**arguments)
    x = integers(pool.input_shape, seed)
    expected, indices = MAX[pool.ndim](
        tensor(x),
        pool.kernel_size,
        pool.stride,
        at_both_ends(pool.padding),
        pool.dilation,
        pool.ceil_mode,
        return_indices=True,
    )
    S = pool.matrix(x)
    assert_array_equal(pool.unvec(S @ pool.vec(x)), values(expected))
    within = S.indices % np.prod(pool.input_size)
    assert_array_equal(within.reshape(pool.output_shape), values(indices))


@given(pool_arguments(ndims=(1, 2, 3), half=True, style="ints"), seeds())
def test_max_unpooling(arguments, seed):
    """An input that several windows select is written once in torch, and added once for each window in S^T y."""
    pool = MaxPool(**arguments)
    x = np.random.default_rng(seed).permutation(np.prod(pool.input_shape)).reshape(pool.input_shape) + 1
    pads = at_both_ends(pool.padding)
    pooled, indices = MAX[pool.ndim](
        tensor(x), pool.kernel_size, pool.stride, pads, ceil_mode=pool.ceil_mode, return_indices=True
    )
    for n, o, k, stride, pad in zip(
        pool.input_size, pool.output_size, pool.kernel_size, pool.stride, pads, strict=True
    ):
        assume(abs(n - ((o - 1) * stride + k - 2 * pad)) < stride)  # the only sizes that torch unpools to
    expected = UNPOOL[pool.ndim](pooled, indices, pool.kernel_size, pool.stride, pads, pool.input_size)
    S = pool.matrix(x)
    times = (S.T @ np.ones(len(S.indices), dtype=int)).reshape(pool.input_shape)
    back = (S.T @ (S @ x.ravel())).reshape(pool.input_shape)
    assert_array_equal(back, values(expected) * times)
    event(f"inputs selected at most {min(times.max(), 2)} times")


# -- resizing --------------------------------------------------------------------------------------------------------


def interpolated(x, arguments):
    ndim = len(arguments["input_size"])
    mode = LINEAR[ndim] if arguments["mode"] == "linear" else arguments["mode"]
    corners = {"align_corners": arguments["align_corners"]} if arguments["mode"] == "linear" else {}
    return values(
        F.interpolate(
            tensor(x), size=arguments.get("output_size"), scale_factor=arguments.get("scale"), mode=mode, **corners
        )
    )


@given(upsample_arguments(ndims=(1, 2, 3), modes=("linear",)), seeds())
def test_linear_interpolation(arguments, seed):
    up = Upsample(**arguments)
    x = integers(up.input_shape, seed)
    assert_allclose(applied(up, x), interpolated(x, arguments), rtol=1e-12, atol=1e-12)


@given(upsample_arguments(ndims=(2,), modes=("nearest", "nearest-exact"), largest=12), seeds())
def test_nearest_neighbours_of_images(arguments, seed):
    up = Upsample(**arguments)
    x = integers(up.input_shape, seed)
    assert_array_equal(applied(up, x), interpolated(x, arguments))


@given(upsample_arguments(ndims=(1, 3), modes=("nearest", "nearest-exact"), largest=12), seeds())
def test_nearest_neighbours_of_signals_and_volumes(arguments, seed):
    """Scales that keep or double a size are excluded: torch reads other inputs on one and three axes."""
    up = Upsample(**arguments)
    sizes = zip(up.input_size, up.output_size, up.scale, arguments.get("scale", up.scale), strict=True)
    assume(all(o not in (n, 2 * n) or fraction(given) == f for n, o, f, given in sizes))
    x = integers(up.input_shape, seed)
    assert_array_equal(applied(up, x), interpolated(x, arguments))


def test_where_torch_rounds_positions_and_this_does_not():
    """The position of output 41 of 82 is input 1 of 2 exactly; in float32 it is 0.99999994."""
    up = Upsample((2, 2), output_size=(82, 2))
    x = np.array([[[0, 0], [1, 1]]])
    result, expected = (
        applied(up, x)[0, :, 0],
        interpolated(x, {"input_size": (2, 2), "output_size": (82, 2), "mode": "nearest"})[0, :, 0],
    )
    assert_array_equal(np.flatnonzero(result != expected), [41])
    assert result[41] == 1


def test_where_torchs_signals_differ_from_its_images():
    """With a scale of 1.05, five inputs have five outputs; torch shifts them on one axis, and not on two."""
    x = np.arange(5)
    one = interpolated(x[None], {"input_size": (5,), "scale": (1.05,), "mode": "nearest"})
    two = interpolated(np.tile(x[None, :, None], 5), {"input_size": (5, 5), "scale": (1.05, 1.05), "mode": "nearest"})
    assert_array_equal(one, [[0, 0, 1, 2, 3]])
    assert_array_equal(two[0, :, 0], x)
    assert_array_equal(Upsample((5,), scale=1.05).matrix() @ x, x)


# -- rearranging -----------------------------------------------------------------------------------------------------


@given(shuffles(ndims=(2,)), seeds())
def test_pixel_shuffles(layer, seed):
    layer = PixelShuffle(layer.input_size, layer.factor[0], channels=layer.channels)  # torch has one factor
    x = integers(layer.input_shape, seed)
    y = applied(layer, x)
    assert_array_equal(y, values(F.pixel_shuffle(tensor(x), layer.factor[0])))
    assert_array_equal(applied(layer.T, y), values(F.pixel_unshuffle(tensor(y), layer.factor[0])))


@given(unfolds(ndims=(2,), modes=("zeros",), spread=False), seeds())
def test_unfolding_and_folding(unfold, seed):
    before = [max(pair[0], 0) for pair in unfold.padding]  # torch pads both ends alike, and does not crop
    numbers = {"kernel_size": unfold.kernel_size, "stride": unfold.stride, "dilation": unfold.dilation}
    size = [n + sum(abs(pad) for pad in pair) for n, pair in zip(unfold.input_size, unfold.padding, strict=True)]
    unfold = Unfold(size, **numbers, padding=before, in_channels=unfold.in_channels)
    x = integers(unfold.input_shape, seed)
    expected = values(F.unfold(tensor(x), **numbers, padding=before))
    y = applied(unfold, x)
    assert_array_equal(y.reshape(len(expected), -1), expected)

    fold = Fold(size, **numbers, padding=before, out_channels=unfold.in_channels)
    z = integers(fold.input_shape, seed)
    columns = tensor(z.reshape(len(z), -1))
    assert_array_equal(applied(fold, z), values(F.fold(columns, size, **numbers, padding=before)))
