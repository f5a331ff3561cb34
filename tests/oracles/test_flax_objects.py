"""Objects of Flax with overridden methods or parameters, without values, or of half precision."""

import functools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.frameworks import jax as jax_layers
from convmatrix.frameworks.shared.loading import MissingValues

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
linen = pytest.importorskip("flax.linen")
jnp = jax.numpy


def pluralize(key, shape, dtype, **others):
    """Initialise without compilation."""
    return jnp.asarray(np.arange(np.prod(shape)).reshape(shape) / 7, dtype)


def nnx_conv(kind=nnx.Conv, **kwargs):
    return kind(2, 4, (3,), rngs=nnx.Rngs(0), kernel_init=pluralize, bias_init=pluralize, **kwargs)


PARAMS = {"kernel": np.arange(24, dtype=np.float32).reshape(3, 2, 4), "bias": np.zeros(4, np.float32)}


class Plain(nnx.Conv):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.note = "mine"

    def penalty(self):
        return jnp.sum(self.kernel[...] ** 2)


class PlainLinen(linen.Conv):
    extra: int = 3

    def penalty(self):
        return self.extra


class Standardised(linen.Conv):
    """linen's Conv takes its kernel from the method param, which subclasses may override."""

    def param(self, name, *args, **more):
        value = super().param(name, *args, **more)
        return value - value.mean() if name == "kernel" else value


def test_harmless_subclasses_are_read():
    assert jax_layers.from_layer(nnx_conv(Plain), 6).layer == jax_layers.from_layer(nnx_conv(), 6).layer
    assert_array_equal(jax_layers.from_layer(nnx_conv(Plain), 6).weight, jax_layers.from_layer(nnx_conv(), 6).weight)
    for kind in (linen.Conv, PlainLinen, type("ConvTranspose", (linen.Conv,), {})):
        assert_array_equal(
            jax_layers.from_layer(kind(4, (3,)), 6, params=PARAMS).weight, PARAMS["kernel"].transpose(2, 1, 0)
        )


def test_the_same_call_again():
    again = type("Again", (nnx.Conv,), {"__call__": nnx.Conv.__call__})
    assert jax_layers.from_layer(nnx_conv(again), 6).layer == jax_layers.from_layer(nnx_conv(), 6).layer


@pytest.mark.parametrize("kind", [nnx.Conv, linen.Conv], ids=["nnx", "linen"])
def test_a_call_set_on_the_class_of_flax(monkeypatch, kind):
    owner = next(cls for cls in kind.__mro__ if "__call__" in vars(cls))
    call = vars(owner)["__call__"]
    monkeypatch.setattr(owner, "__call__", functools.wraps(call)(lambda self, x: 2 * call(self, x)))
    with pytest.raises(TypeError, match=r"was given a __call__ of .*test_flax_objects, which may compute anything"):
        jax_layers.from_layer(nnx_conv(), 6) if kind is nnx.Conv else jax_layers.from_layer(
            kind(4, (3,)), 6, params=PARAMS
        )


def test_a_param_of_its_own():
    with pytest.raises(
        TypeError,
        match=r"^Standardised has a param of its own, which may compute anything \(param of "
        r".*Standardised\): give the convolution in it",
    ):
        jax_layers.from_layer(Standardised(4, (3,)), 6, params=PARAMS)


def test_functions_of_their_own():
    def conv_general_dilated(*args, **more):  # which has the name of JAX's
        return 2 * jax.lax.conv_general_dilated(*args, **more)

    def halved(values, *, dtype):
        return [None if value is None else value / 2 for value in values]

    with pytest.raises(TypeError, match=r"^Conv has a conv_general_dilated of its own"):
        jax_layers.from_layer(nnx_conv(conv_general_dilated=conv_general_dilated), 6)
    for layer, params in ((nnx_conv(promote_dtype=halved), None), (linen.Conv(4, (3,), promote_dtype=halved), PARAMS)):
        with pytest.raises(TypeError, match=r"^Conv has a promote_dtype of its own, which may change the kernel"):
            jax_layers.from_layer(layer, 6, params=params)


class Twice(nnx.Param):
    def get_value(self, **kwargs):
        return 2 * super().get_value(**kwargs)


def test_a_value_that_is_computed_on_every_look():
    """The reader uses the method of nnx by which the call reads its parameters."""
    layer = nnx_conv()
    kernel = np.array(layer.kernel[...])
    layer.kernel = Twice(layer.kernel[...])
    x = np.eye(6, 2, dtype=np.float32)
    loaded = jax_layers.from_layer(layer, 6)
    assert_array_equal(loaded.weight, 2 * kernel.transpose(2, 1, 0))
    y = np.asarray(layer(x[None]))[0].T
    values = loaded.layer.matrix(loaded.weight) @ loaded.layer.vec(x.T) + loaded.layer.bias_vector(loaded.bias)
    assert_allclose(loaded.layer.unvec(values), y, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_widened(dtype):
    layer = nnx_conv(param_dtype=getattr(jnp, dtype), mask=jnp.ones((3, 2, 4)))
    loaded = jax_layers.from_layer(layer, 6)
    assert loaded.weight.dtype == loaded.bias.dtype == np.float32
    assert_array_equal(loaded.weight, np.asarray(layer.kernel[...].astype("float32")).transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: nnx.eval_shape(nnx_conv), r"the kernel of Conv has shape \(3, 2, 4\) but no values: initialise it"),
        (lambda: nnx_conv(param_dtype=jnp.float8_e4m3fn), r"the kernel of Conv has dtype float8_e4m3fn, which scipy"),
        (lambda: nnx.eval_shape(lambda: nnx_conv(nnx.ConvTranspose)), r"the kernel of ConvTranspose has shape"),
    ],
    ids=["abstract", "float8", "transposed"],
)
def test_layers_without_values_have_their_sizes(layer, message):
    loaded = jax_layers.from_layer(layer(), 6)
    kind = nnx.ConvTranspose if "Transpose" in message else nnx.Conv
    full = jax_layers.from_layer(nnx_conv(kind), 6)
    assert loaded.layer == full.layer
    assert isinstance(loaded.weight, MissingValues)
    assert loaded.weight.shape == full.weight.shape
    with pytest.raises(TypeError, match=f"^{message}"):
        loaded.layer.matrix(loaded.weight)
