"""Drawn layers of flax.nnx and flax.linen: converted layers have the same values, and raise errors where Flax does."""

import os
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import jax as jax_layers
from drawing import AXES, check_counts, each, layer_or_none, picked
from recording import filled

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # almost all the time here goes to compiling
jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
linen = pytest.importorskip("flax.linen")
FlaxError = pytest.importorskip("flax.errors").FlaxError

EXACT = 2**24  # all integers up to here are float32's
LARGEST = {1: 8, 2: 4, 3: 3}
HIGHEST = jax.lax.Precision.HIGHEST


def spread(rng, count, most, *more):
    """Draw one number for all axes, or one for each, or None."""
    return picked(rng, None, int(rng.integers(1, most + 1)), *[each(rng, count, most)] * 2, *more)


def numbers(rng, count):
    """Draw a padding in numbers, in any form that Flax accepts."""
    one = [int(n) for n in rng.integers(-1, 4, count)]
    pairs = [(int(a), int(b)) for a, b in rng.integers(-2, 4, (count, 2))]
    mixed = [picked(rng, a, b) for a, b in zip(one, pairs, strict=True)]
    return picked(rng, one[0], one, tuple(pairs), pairs, mixed)


class Linen:
    """A linen module with its parameters, which are bound to it or separate."""

    def __init__(self, module, params, bound):
        self.module, self.variables, self.bound = module, {"params": params}, bound

    def __call__(self, x):
        return jax.jit(self.module.apply)(self.variables, x)

    def read(self, size):
        if self.bound:
            return jax_layers.from_layer(self.module.bind(self.variables), size)
        return jax_layers.from_layer(self.module, size, self.variables)


class Nnx:
    """A module of nnx, which contains its parameters."""

    def __init__(self, module, params):
        self.module = module
        module.kernel.set_value(jax.numpy.asarray(params["kernel"]))
        if "bias" in params:
            module.bias.set_value(jax.numpy.asarray(params["bias"]))

    def __call__(self, x):
        return jax.jit(lambda x: self.module(x))(x)

    def read(self, size):
        return jax_layers.from_layer(self.module, size)


def zeros(key, shape, dtype):
    """Initialise with zeros, without compilation."""
    return np.zeros(shape, dtype)


def made(rng, name, takes, gives, kernel_size, strides, params, kwargs):
    """Make a layer of nnx or of linen."""
    kwargs = {**kwargs, "precision": HIGHEST, "use_bias": "bias" in params, "kernel_init": zeros, "bias_init": zeros}
    if rng.random() < 0.5 or kwargs["padding"] == [[1, 1]] * len(
        params["kernel"].shape[:-2]
    ):  # linen makes tuples of it
        layer = getattr(nnx, name)(takes, gives, kernel_size, strides, rngs=nnx.Rngs(0), **kwargs)
        return Nnx(layer, params)
    layer = getattr(linen, name)(gives, kernel_size, strides, **kwargs)
    return Linen(layer, params, bound=bool(rng.integers(2)))


def flax_result(call):
    """Return Flax's result; None if it raises an error, or if the result is empty, for which there is no matrix."""
    try:
        y = np.asarray(call())
    except (ValueError, TypeError, RuntimeError, AssertionError, FlaxError):
        return None
    return y if y.size else None


def assert_same(layer, w, bias, x, y):
    expected = layer.matrix(w) @ layer.vec(x)
    expected = layer.unvec(expected if bias is None else expected + layer.bias_vector(bias)[:, None])
    assert np.abs(expected).max(initial=0) < EXACT
    assert_array_equal(np.moveaxis(y, -1, 1), expected)


def params_of(rng, shape, channels, seed):
    params = {"kernel": np.float32(filled(shape, seed)), "bias": np.float32(filled((channels,), seed + 1))}
    if rng.random() < 0.3:
        del params["bias"]
    return params


def masked(rng, params, kwargs):
    if rng.random() < 0.2:
        kwargs["mask"] = np.float32(rng.integers(0, 2, params["kernel"].shape))


CONV_REASONS = (
    "kernel does not fit",
    "does not divide",
    "needs input_dilation 1",
    "is not one of",
    "give one for each",
    "is for one axis",
    "must be an int or a (low, high) tuple",
    "must be at least 1",
)


def test_conv():
    rng, seen = np.random.default_rng(3), Counter()
    for number in range(250):
        count = int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))
        groups, per_in, per_out = each(rng, 3, 2)
        takes, gives = groups * per_in, groups * per_out
        size, kernel = each(rng, count, LARGEST[count]), each(rng, count, 4 if count < 2 else 2)
        kernel_size = picked(rng, kernel, kernel[0] if count == 1 else kernel, list(kernel))
        strides = spread(rng, count, 3)
        causal = "CAUSAL" if count == 1 or rng.random() < 0.2 else "REFLECT"
        kwargs = {
            "padding": picked(
                rng, "SAME", "SAME_LOWER", "VALID", *["CIRCULAR", "REFLECT"] * 2, causal, *[numbers(rng, count)] * 3
            ),
            "kernel_dilation": spread(rng, count, 3),
            "feature_group_count": groups,
        }
        named = isinstance(kwargs["padding"], str)
        if not named or rng.random() < 0.1:
            kwargs["input_dilation"] = spread(rng, count, 3)
        spoilt = picked(
            rng,
            *[None] * 10,
            {"padding": "circular"},
            {"padding": [[1, 1]] * count},
            {"padding": [0] * (count + 1)},
            {"feature_group_count": int(rng.integers(2, 5))},
            {"kernel_dilation": (1,) * (count + 1)},
            {"kernel_dilation": 0},
        )
        kwargs.update(spoilt or {})
        params = params_of(rng, (*kernel, takes // kwargs["feature_group_count"], gives), gives, number)
        if spoilt is None:
            masked(rng, params, kwargs)
        x = filled((2, takes, *size), number + 2)
        try:
            flax_layer = made(rng, "Conv", takes, gives, kernel_size, strides, params, kwargs)
        except (ValueError, TypeError, AssertionError):
            flax_layer = None
        y = None if flax_layer is None else flax_result(lambda: flax_layer(np.float32(np.moveaxis(x, 1, -1))))  # noqa: B023
        mask = kwargs.pop("mask", 1)
        layer = layer_or_none(
            lambda: jax_layers.flax_conv(size, takes, gives, kernel_size, strides, **kwargs),  # noqa: B023
            seen,
            CONV_REASONS,
        )
        assert (layer is None) == (y is None), (size, kernel, strides, kwargs, layer)
        seen["refused" if layer is None else "taken"] += 1
        if layer is None:
            continue
        assert type(layer) is Conv
        assert_same(layer, jax_layers.flax_weight(params["kernel"] * mask), params.get("bias"), x, y)
        read = flax_layer.read(size)
        assert read.layer == layer
        assert_same(*read, x, y)
        padding, widest = kwargs["padding"], max(layer.stride)
        seen.update(
            {
                f"{count} axes": 1,
                "numbers": not named,
                "groups": groups > 1,
                "spread": max(layer.input_dilation) > 1,
                "mask": not np.isscalar(mask),
                type(flax_layer).__name__: 1,
                "dilation": max(layer.dilation) > 1,
                "CIRCULAR with stride": padding == "CIRCULAR" and widest > 1,
                "CAUSAL": padding == "CAUSAL",
                "REFLECT with stride": padding == "REFLECT" and widest > 1,
                "no bias": "bias" not in params,
                "uneven border": padding in ("CIRCULAR", "REFLECT") and any(a != b for a, b in layer.padding),
                "around twice": padding in ("CIRCULAR", "REFLECT")
                and any(b > n for n, (_, b) in zip(size, layer.padding, strict=True)),
            }
        )
    features = (
        "numbers, groups, spread, mask, Nnx, Linen, dilation, CIRCULAR with stride, CAUSAL, REFLECT with "
        "stride, no bias, uneven border, around twice"
    )
    check_counts(seen, (("taken",), 120), (("refused",), 50), (AXES, 6), (features.split(", "), 6), (CONV_REASONS, 2))


TRANSPOSE_REASONS = (
    "kernel does not fit",
    "needs strides 1",
    "is not one of",
    "give one for each",
    "must be at least 1",
    "is none of a transposed convolution",
    "must be an int or a (low, high) tuple",
)


def test_conv_transpose():
    rng, seen = np.random.default_rng(4), Counter()
    for number in range(250):
        count = int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))
        takes, gives = each(rng, 2, 3)
        size, kernel = each(rng, count, LARGEST[count] - 1), each(rng, count, 5 if count < 3 else 2)
        kernel_size = picked(rng, kernel, kernel[0] if count == 1 else kernel, list(kernel))
        strides, flipped = spread(rng, count, 4), bool(rng.integers(2))
        kwargs = {
            "padding": picked(rng, "SAME", "VALID", *["CIRCULAR"] * 3, *[numbers(rng, count)] * 2),
            "kernel_dilation": spread(rng, count, 3 if count < 3 else 2),
            "transpose_kernel": flipped,
        }
        spoilt = picked(
            rng,
            *[None] * 14,
            {"padding": picked(rng, "circular", "FULL")},
            {"padding": [[1, 1]] * count},
            {"padding": picked(rng, "REFLECT", "CAUSAL")},
            {"padding": picked(rng, "same", "SAME_LOWER")},
            {"kernel_dilation": (1,) * (count + 1)},
            {"kernel_dilation": 0},
            {"padding": [(-3, -2)] * count},
        )
        kwargs.update(spoilt or {})
        channels = (gives, takes) if flipped else (takes, gives)
        params = params_of(rng, (*kernel, *channels), gives, number)
        if spoilt is None:
            masked(rng, params, kwargs)
        x = filled((2, takes, *size), number + 2)
        flax_layer = made(rng, "ConvTranspose", takes, gives, kernel_size, strides, params, kwargs)
        y = flax_result(lambda: flax_layer(np.float32(np.moveaxis(x, 1, -1))))  # noqa: B023
        mask, padding = kwargs.pop("mask", 1), kwargs["padding"]
        layer = layer_or_none(
            lambda: jax_layers.flax_conv_transpose(size, takes, gives, kernel_size, strides, **kwargs),  # noqa: B023
            seen,
            TRANSPOSE_REASONS,
        )
        assert (layer is None) == (y is None), (size, kernel, strides, kwargs, layer)
        seen["refused" if layer is None else "taken"] += 1
        if layer is None:
            continue
        assert type(layer) is (ConvTranspose if flipped or padding == "CIRCULAR" else Conv)
        w = jax_layers.flax_weight(params["kernel"] * mask, transpose=True, transpose_kernel=flipped, padding=padding)
        assert_same(layer, w, params.get("bias"), x, y)
        read = flax_layer.read(size)
        assert read.layer == layer
        assert_same(*read, x, y)
        wrapped, named = padding == "CIRCULAR", isinstance(padding, str)
        axes = [*zip(layer.stride, layer.padding, size, layer.kernel_size, layer.dilation, strict=True)]
        seen.update(
            {
                f"{count} axes": 1,
                "wrapped": wrapped and not flipped,
                "wrapped and turned": wrapped and flipped,
                "turned": flipped and not wrapped,
                "not turned": not flipped and not wrapped,
                "numbers": not named,
                type(flax_layer).__name__: 1,
                "no bias": "bias" not in params,
                "mask": not np.isscalar(mask),
                "uneven wrap": wrapped and any(a != b for _, (a, b), *_ in axes),
                "wrapped twice": wrapped and any(d * (k - 1) + 1 > 2 * n * s for s, _, n, k, d in axes),
                "wrapped beyond": wrapped and max(layer.output_padding) > 0,
            }
        )
    features = (
        "wrapped, wrapped and turned, turned, not turned, numbers, Nnx, Linen, no bias, mask, uneven wrap, "
        "wrapped twice, wrapped beyond"
    )
    check_counts(
        seen, (("taken",), 150), (("refused",), 50), (AXES, 6), (features.split(", "), 6), (TRANSPOSE_REASONS, 2)
    )


@pytest.mark.parametrize(("kernel", "adjoint"), [(3, True), (5, True), (2, False), (4, False)])
def test_circular_transposed_is_the_adjoint_of_circular_where_the_kernel_is_odd(kernel, adjoint):
    """With an even kernel, Flax's two layers of the same arguments are shifted by one relative to each other."""
    w = np.float32(filled((kernel, 1, 1), 1))
    kwargs = {"padding": "CIRCULAR", "use_bias": False, "rngs": nnx.Rngs(0), "precision": HIGHEST}
    forward = Nnx(nnx.Conv(1, 1, (kernel,), **kwargs), {"kernel": w})
    back = Nnx(nnx.ConvTranspose(1, 1, (kernel,), transpose_kernel=True, **kwargs), {"kernel": w})
    eye = np.float32(np.eye(6)[..., None])
    C, B = (np.asarray(layer(eye))[..., 0].T for layer in (forward, back))
    assert_array_equal(forward.read(6).layer.matrix(jax_layers.flax_weight(w)).toarray(), C)
    assert np.array_equal(C.T, B) == adjoint
    assert np.array_equal(np.roll(C.T, -1, axis=0), B) == (not adjoint)


class DoublesItsInput(nnx.Conv):
    def __call__(self, x):
        return super().__call__(2 * x)


class ALayer(linen.Conv):
    @linen.compact
    def __call__(self, x):
        return 2 * x


def unreadable_layers():
    rngs = nnx.Rngs(0)
    kernel = np.ones((3, 1, 1), np.float32)
    yield linen.ConvLocal(1, 3), {}, "ConvLocal has a kernel of its own for each place"
    yield linen.Conv(1, 3), {}, "Conv keeps its parameters apart, as linen's modules do: give variables="
    yield linen.ConvTranspose(1, 3), {"variables": {"params": {"Conv_0": {}}}}, "have no 'kernel' among 'Conv_0'"
    yield linen.Conv(1, (3, 3)), {"params": {"kernel": kernel}}, r"has shape \(3, 1, 1\), but kernel_size \(3, 3\)"
    yield linen.BatchNorm(), {}, "BatchNorm is not a Flax convolution: it has no attribute 'kernel_size'"
    yield nnx.Linear(2, 3, rngs=rngs), {}, "Linear is not a Flax convolution"
    yield DoublesItsInput(1, 1, 3, rngs=rngs), {}, "DoublesItsInput has a __call__ of its own"
    yield ALayer(1, 3), {"params": {"kernel": kernel}}, "ALayer has a __call__ of its own"
    own = nnx.Conv(1, 1, 3, conv_general_dilated=lambda *a, **k: None, rngs=rngs)
    yield own, {}, "Conv has a conv_general_dilated of its own"
    masked = nnx.Conv(1, 1, 3, mask=np.ones((3, 1)), rngs=rngs)
    yield masked, {}, r"the mask of Conv has shape \(3, 1\), but its kernel \(3, 1, 1\)"


@pytest.mark.parametrize(
    ("layer", "apart", "message"), [*unreadable_layers()], ids=lambda each: each if isinstance(each, str) else ""
)
def test_refused_layers(layer, apart, message):
    with pytest.raises(ValueError, match=message):
        jax_layers.from_layer(layer, 5, **apart)


def test_boxed_parameters_and_a_subclass_that_changes_nothing():
    class Plain(linen.Conv):
        pass

    init = linen.with_partitioning(linen.initializers.ones, (None, None, None))
    layer = Plain(1, 3, padding="VALID", kernel_init=init)
    variables = layer.init(jax.random.key(0), np.ones((1, 5, 1)))
    read = jax_layers.from_layer(layer, 5, variables)
    assert read.layer == Conv((5,), 3)
    assert_array_equal(read.weight, np.ones((1, 1, 3)))
    assert_array_equal(read.bias, [0])
