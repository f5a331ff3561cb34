"""Objects of Keras with a misleading class name, not built, or of half precision."""

import functools
import os

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix.algebra.stack.receptive import receptive_field
from convmatrix.frameworks import tensorflow as keras_layers
from convmatrix.frameworks.shared.loading import MissingValues
from strategies import share

os.environ.setdefault("KERAS_BACKEND", "torch")  # JAX compiles for every shape
keras = pytest.importorskip("keras")
layers = keras.layers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

FIXED = {
    "MaxPooling2D": {"pool_size": 2},
    "AveragePooling2D": {"pool_size": 2},
    "UpSampling2D": {"size": 2},
    "ZeroPadding2D": {"padding": 1},
    "Cropping2D": {"cropping": 1},
    "ReLU": {},
    "Dropout": {"rate": 0.5},
    "BatchNormalization": {},
    "Flatten": {},
    "GlobalAveragePooling2D": {},
}
CONVOLUTIONS = {
    "Conv2D": {"filters": 2, "kernel_size": 3},
    "Conv2DTranspose": {"filters": 4, "kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2},
}


class Helper:
    """A mixin without a call."""

    extra = 3


HARMLESS = {
    "another name": lambda base: type("Mine", (base,), {}),
    "the same name": lambda base: type(base.__name__, (base,), {}),
    "the name of another": lambda base: type("Softmax", (base,), {}),
    "a mixin": lambda base: type("Mixed", (Helper, base), {"more": 1}),
    "the same call again": lambda base: type("Mine", (base,), {"call": base.call}),
    "a config": lambda base: type("Mine", (base,), {"get_config": lambda self: base.get_config(self)}),
}


def model_of(layer, *first):
    return keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(1, 1), *first, layer])


@share(0.5)
@given(st.sampled_from([*FIXED, *CONVOLUTIONS]), st.sampled_from(sorted(HARMLESS)))
def test_harmless_subclasses_are_read_as_what_they_inherit(name, harmless):
    base, arguments = getattr(layers, name), (FIXED | CONVOLUTIONS)[name]
    plain = keras_layers.from_model(model_of(base(**arguments, name="one")))
    below = keras_layers.from_model(model_of(HARMLESS[harmless](base)(**arguments, name="one")))
    assert below == plain
    assert below.left_out == plain.left_out


def built(**arguments):
    layer = layers.Conv2D(2, 3, bias_initializer="ones", **arguments)
    layer.build((None, 6, 6, 1))
    return layer


def test_a_call_set_on_the_class_of_keras(monkeypatch):
    owner = next(cls for cls in layers.Conv2D.__mro__ if "call" in vars(cls))
    call = owner.call
    monkeypatch.setattr(owner, "call", functools.wraps(call)(lambda self, x: 2 * call(self, x)))
    with pytest.raises(
        TypeError, match=r"BaseConv was given a call of .*test_keras_objects, which may compute anything"
    ):
        keras_layers.from_layer(built(), 6)


def test_what_was_edited_after_the_layer_was_built():
    layer = built()
    layer.use_bias = False
    assert keras_layers.from_layer(layer, 6).bias is None
    layer.kernel_size = (1, 1)
    with pytest.raises(ValueError, match=r"^weight has shape \(2, 1, 3, 3\) but kernel_size=\(1, 1\) needs \(filters"):
        keras_layers.from_layer(layer, 6)


def test_activations_that_only_have_the_name_of_none():
    def linear(x):
        return 2 * x

    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    for activation, name in ((linear, "linear"), (Doubled(), "Doubled"), (functools.partial(linear), "partial")):
        chain = keras_layers.from_model(
            keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(1, 3, activation=activation)])
        )
        assert any(f"the activation {name} is not linear" in note for note in chain.left_out), name
    for activation in (None, "linear", keras.activations.linear):
        chain = keras_layers.from_model(
            keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(1, 3, activation=activation)])
        )
        assert not any("activation" in note for note in chain.left_out)


def test_a_subclass_of_a_sequential_is_one():
    parts = lambda: [layers.Input((8, 8, 1)), layers.Conv2D(1, 3), layers.MaxPooling2D(2)]  # noqa: E731
    plain = keras_layers.from_model(keras.Sequential(parts()))
    assert keras_layers.from_model(type("Stack", (keras.Sequential,), {})(parts())) == plain
    inner = type("Stack", (keras.Sequential,), {})(parts()[1:])
    assert keras_layers.from_model(keras.Sequential([layers.Input((8, 8, 1)), inner])) == plain


def test_the_name_of_a_layer_that_is_left_out_is_not_enough():
    """A Dense named Softmax is no activation, and a user-defined layer named ReLU may be any."""
    below = type("Softmax", (layers.Dense,), {})(1)
    with pytest.raises(ValueError, match=r"^softmax: user-defined Softmax is none of the layers that have a matrix"):
        keras_layers.from_model(model_of(below))
    own = type("ReLU", (layers.Layer,), {"call": lambda self, x: 2 * x})(name="own")
    with pytest.raises(TypeError, match=r"^own: ReLU has a call of its own"):
        keras_layers.from_model(model_of(own))


def test_the_pads_of_a_causal_convolution_set_on_the_object():
    layer = layers.Conv1D(1, 3, padding="causal")
    layer.build((None, 8, 1))
    keras_layers.from_layer(layer, 8)
    layer._compute_causal_padding = lambda: [[0, 0]] * 3
    with pytest.raises(TypeError, match=r"^Conv1D has a _compute_causal_padding of its own, that of the object"):
        keras_layers.from_layer(layer, 8)


def test_a_sequential_that_was_changed_after_it_was_built():
    model = model_of(layers.MaxPooling2D(2))
    assert len(keras_layers.from_model(model)) == 2
    model._layers.append(layers.MaxPooling2D(2))
    with pytest.raises(ValueError, match=r"^Sequential was built with other layers than it has now"):
        keras_layers.from_model(model)


@given(
    st.lists(st.sampled_from([*CONVOLUTIONS, "MaxPooling2D", "UpSampling2D"]), min_size=1, max_size=4),
    st.integers(1, 2),
    st.sampled_from(["same", "valid"]),
    st.booleans(),
)
@example([*CONVOLUTIONS], 1, "same", True)
@share(0.5)
def test_models_that_are_not_built_have_their_geometry(names, strides, padding, use_bias):
    def made(*first):
        more = {"strides": strides, "padding": padding, "use_bias": use_bias}
        parts = [
            getattr(layers, name)(**(FIXED | CONVOLUTIONS)[name], **(more if name in CONVOLUTIONS else {}))
            for name in names
        ]
        return keras.Sequential([*first, *parts])

    full = keras_layers.from_model(made(layers.Input((40, 40, 3))))
    chain = keras_layers.from_model(made(), 40, 3)
    assert chain == full
    assert receptive_field(chain) == receptive_field(full)
    for values, expected in zip((*chain.weights, *chain.biases), (*full.weights, *full.biases), strict=True):
        assert (values is None) == (expected is None)
        if values is not None:
            assert isinstance(values, MissingValues)
            assert values.shape == expected.shape
            with pytest.raises(TypeError, match=r"^\w+2D(Transpose)? is not built, so it has no kernel yet: call it"):
                np.asarray(values)


def test_a_model_that_is_not_built_needs_the_channels_of_its_input():
    with pytest.raises(ValueError, match=r"no layer of the model tells the channels of its input: give in_channels"):
        keras_layers.from_model(keras.Sequential([layers.Conv2D(2, 3)]), 8)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_halves_are_widened(name, dtype):
    layer = getattr(layers, name)(**CONVOLUTIONS[name], dtype=dtype)
    layer.build((None, 8, 8, 2))
    loaded = keras_layers.from_layer(layer, 8)
    assert loaded.weight.dtype == loaded.bias.dtype == np.float32
    expected = keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel, "float32"))
    assert_array_equal(np.sort(loaded.weight, None), np.sort(expected, None))
