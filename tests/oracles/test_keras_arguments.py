"""Drawn Keras layers and models on torch: layers have the same values, and raise errors where Keras does."""

import os
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.algebra.stack.network import Network
from convmatrix.frameworks import tensorflow as keras_layers
from convmatrix.frameworks.tensorflow import models as keras_models
from convmatrix.layers import MaxPool
from recording import filled

os.environ.setdefault("KERAS_BACKEND", "torch")  # JAX compiles for every shape
keras = pytest.importorskip("keras")
layers = keras.layers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

CASES = {"Conv": 150, "Transpose": 220, "Depthwise": 110}
LARGEST = {1: 9, 2: 6, 3: 4}


def drawn(random, family):
    """Draw the arguments of one layer, some of them invalid, and its input shape."""
    chance = lambda share: random.random() < share  # noqa: E731
    ndim = int(random.integers(1, 3 if family == "Depthwise" else 4))
    each = lambda low, high: [int(n) for n in random.integers(low, high + 1, ndim)]  # noqa: E731
    kwargs = {
        "kernel_size": each(1, 4 - ndim // 3),
        "padding": str(random.choice(["same", "same", "valid", "SAME"])),
        "strides": each(1, 3),
    }
    if chance(0.4):
        kwargs["dilation_rate"] = each(1, 3)
        if chance(0.75):
            kwargs["strides"] = 1
    if chance(0.2 if ndim == 1 and family == "Conv" else 0.03):
        kwargs["padding"] = "causal"
    channels = int(random.integers(1, 4))
    if family == "Depthwise":
        kwargs["depth_multiplier"] = int(random.integers(1, 3))
    else:
        groups = int(random.integers(1, 4)) if family == "Conv" else 1
        channels, kwargs["filters"] = (
            groups * channels + chance(0.04),
            groups * int(random.integers(1, 3)) + chance(0.04),
        )
        if groups > 1:
            kwargs["groups"] = groups
    if family == "Transpose" and chance(0.7):
        strides = [kwargs["strides"]] * ndim if kwargs["strides"] == 1 else kwargs["strides"]
        kwargs["output_padding"] = [int(random.integers(0, s)) + chance(0.05) for s in strides]
    if chance(0.03):
        kwargs["strides"] = [2] * (ndim + 1)
    if chance(0.25):
        kwargs["data_format"] = str(random.choice(["channels_first", "channels_last"]))
    size = each(1, LARGEST[ndim] - 2 * (family == "Transpose" and ndim < 3))
    first = kwargs.get("data_format") == "channels_first"
    return ndim, kwargs, (channels, *size) if first else (*size, channels)


def of_keras(family, ndim, kwargs, input_shape, seed):
    """Make a layer with small integers as weights, and its output for an input of small integers."""
    name = {"Conv": "Conv{}D", "Transpose": "Conv{}DTranspose", "Depthwise": "DepthwiseConv{}D"}[family].format(ndim)
    layer = getattr(layers, name)(**kwargs)
    layer.build((2, *input_shape))
    layer.kernel.assign(filled(layer.kernel.shape, seed + 1))
    layer.bias.assign(filled(layer.bias.shape, seed + 2))
    return layer, keras.ops.convert_to_numpy(layer(filled((2, *input_shape), seed).astype("float32")))


MAKERS = {
    "Conv": keras_layers.keras_conv,
    "Transpose": keras_layers.keras_conv_transpose,
    "Depthwise": keras_layers.keras_depthwise_conv,
}
ON_TENSORFLOW = "so that TensorFlow refuses it"
"""An even span with same and output_padding 0: others crop to (i - 1) * s, and TensorFlow has no such transpose."""


@pytest.mark.parametrize("family", CASES)
def test_layers_as_keras_computes_them(family):
    random, seen = np.random.default_rng(sum(map(ord, family))), Counter()
    for case in range(CASES[family]):
        ndim, kwargs, input_shape = drawn(random, family)
        try:
            layer, y = of_keras(family, ndim, kwargs, input_shape, 10 * case)
        except (ValueError, TypeError):
            with pytest.raises(ValueError):  # noqa: PT011  matched in the tests of the arguments
                MAKERS[family](input_shape, **kwargs)
            seen["refused"] += 1
            continue
        if y.size == 0:  # which is none that a layer can have
            with pytest.raises(ValueError, match="output is empty"):
                MAKERS[family](input_shape, **kwargs)
            continue
        first = kwargs.get("data_format") == "channels_first"
        size = input_shape[1:] if first else input_shape[:-1]
        converted, weight, bias = keras_layers.from_layer(layer, size)
        try:
            assert MAKERS[family](input_shape, **kwargs) == converted
        except ValueError as error:
            if ON_TENSORFLOW not in str(error):
                raise
            seen[ON_TENSORFLOW] += 1
        x = filled((2, *input_shape), 10 * case)
        made = (
            converted.matrix(weight) @ converted.vec(x if first else np.moveaxis(x, -1, 1))
            + converted.bias_vector(bias)[:, None]
        )
        made = converted.unvec(made)
        assert_array_equal(made if first else np.moveaxis(made, 1, -1), y, err_msg=f"{ndim} {kwargs} {input_shape}")
        extra = kwargs.get("output_padding")
        seen.update(
            [
                "equal",
                ndim,
                kwargs["padding"].lower(),
                "first" if first else "last",
                "grouped" * ("groups" in kwargs),
                "dilated" * ("dilation_rate" in kwargs),
                "strided" * bool(np.max(kwargs["strides"]) > 1),
            ]
        )
        seen["output_padding", "none" if extra is None else "zero" if not any(extra) else "more"] += 1
    wanted = {
        "equal": 60,
        "refused": 10,
        1: 10,
        2: 10,
        "same": 20,
        "valid": 10,
        "first": 5,
        "dilated": 15,
        "strided": 20,
    }
    own = {
        "Conv": {"causal": 4, "grouped": 20, 3: 10},
        "Transpose": {
            ("output_padding", "none"): 20,
            ("output_padding", "zero"): 15,
            ("output_padding", "more"): 15,
            3: 10,
        },
        "Depthwise": {},
    }
    print(family, dict(seen))
    assert {what: seen[what] for what, least in (wanted | own[family]).items() if seen[what] < least} == {}


# -- models ----------------------------------------------------------------------------------------------------------


def drawn_model(random):
    """Draw a Sequential of three to seven linear layers, with others between them."""
    ndim, first = int(random.integers(1, 4)), random.random() < 0.3
    size = [int(n) for n in random.integers(5, LARGEST[ndim] + 5, ndim)]
    channels = int(random.integers(1, 3))
    kwargs = {"data_format": "channels_first" if first else "channels_last"}
    same = str(random.choice(["same", "valid"]))
    pairs = [[int(n) for n in pair] for pair in random.integers(0, 2, (ndim, 2))]
    pairs = pairs[0] if ndim == 1 else pairs
    upsampling = {"size": 2, "interpolation": str(random.choice(["nearest", "bilinear"]))} if ndim == 2 else {"size": 2}
    plain = kwargs if ndim > 1 else {}  # UpSampling1D has no data_format, and takes channels last
    kinds = [
        ("Conv", "", {"filters": 2, "kernel_size": 2, "padding": same, **kwargs}),
        ("Conv", "Transpose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": same, **kwargs}),
        ("AveragePooling", "", {"pool_size": 2, "strides": 1, "padding": same, **kwargs}),
        ("MaxPooling", "", {"pool_size": 2, "strides": 2, "padding": "same", **kwargs}),
        ("ZeroPadding", "", {"padding": pairs, **kwargs}),
        ("Cropping", "", {"cropping": pairs, **(kwargs if ndim > 1 else {})}),
    ]
    if not first or ndim > 1:
        kinds.append(("UpSampling", "", {**upsampling, **plain}))
    if ndim == 1 and first:
        kinds = [kind for kind in kinds if kind[0] != "Cropping"]
    if ndim < 3:
        kinds.append(("DepthwiseConv", "", {"kernel_size": 2, "depth_multiplier": 2, "padding": same, **kwargs}))
    picks = [kinds[int(n)] for n in random.integers(0, len(kinds), int(random.integers(3, 6)))]
    model = [layers.Input((channels, *size) if first else (*size, channels))]
    for kind, end, arguments in picks:
        model.append(getattr(layers, f"{kind}{ndim}D{end}")(**arguments))
        if random.random() < 0.3:
            model.append(layers.Dropout(0.5))
    end = random.random()
    if end < 0.3:
        model.append(getattr(layers, f"GlobalAveragePooling{ndim}D")(keepdims=end < 0.15, **kwargs))
    if random.random() < 0.3:
        model = [model[0], keras.Sequential(model[1:])]
    return keras.Sequential(model), [kind + end for kind, end, _ in picks], size, channels, first


def assert_too_small(error):
    assert any(phrase in str(error) for phrase in ("zero or negative", "greater than the input", "cropping"))


def test_models_as_keras_computes_them():
    random, seen = np.random.default_rng(5), Counter()
    while sum(seen.values()) < 240:
        case = sum(seen.values())
        try:
            model, kinds, size, channels, first = drawn_model(random)
        except ValueError as error:  # a map that became too small for the next kernel
            assert_too_small(error)
            continue
        for number, variable in enumerate(model.weights):
            variable.assign(filled(variable.shape, 100 * case + number))
        x = filled((1, channels, *size), case + 7).astype("float32")
        expected = keras.ops.convert_to_numpy(model(x if first else np.moveaxis(x, 1, -1)))
        chain = keras_layers.from_model(model, tuple(size))
        assert list(chain) == list(keras_layers.from_model(model))
        y = np.asarray(x[0], dtype=float)
        for layer, weight, bias in zip(chain, chain.weights, chain.biases, strict=True):
            matrix = (
                layer.matrix(y)
                if isinstance(layer, MaxPool)
                else layer.matrix(*[w for w in (weight,) if w is not None])
            )
            vector = matrix @ layer.vec(y) + (0 if bias is None else layer.bias_vector(bias))
            y = layer.unvec(vector)
        if y.ndim == expected.ndim - 1:
            y = y if first else np.moveaxis(y, 0, -1)
        assert_allclose(
            y.reshape(expected.shape[1:]),
            expected[0],
            rtol=1e-4,
            atol=1e-4 * (1 + np.abs(expected).max()),
            err_msg=str(kinds),
        )
        assert all(a.output_shape == b.input_shape for a, b in pairwise(chain))
        assert Network(chain).output_shape == chain[-1].output_shape
        seen.update(kinds)
    wanted = (
        "Conv",
        "ConvTranspose",
        "AveragePooling",
        "MaxPooling",
        "ZeroPadding",
        "Cropping",
        "UpSampling",
        "DepthwiseConv",
    )
    assert {kind: seen[kind] for kind in wanted if seen[kind] < 8} == {}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: layers.SeparableConv2D(2, 3), "SeparableConv2D is two convolutions"),
        (lambda: layers.Dense(2), "Dense is none of the layers that have a matrix here"),
        (lambda: layers.Reshape((25, 2)), "Reshape is none of the layers"),
        (lambda: layers.Permute((2, 1, 3)), "Permute is none of the layers"),
        (
            lambda: layers.UpSampling2D(2, interpolation="bicubic"),
            "interpolation 'bicubic' is not one of nearest, bilinear",
        ),
    ],
    ids=["separable", "dense", "reshape", "permute", "bicubic"],
)
def test_models_that_are_refused(layer, message):
    model = keras.Sequential([layers.Input((5, 5, 2)), layers.Conv2D(2, 3, padding="same"), layer()])
    with pytest.raises(ValueError, match=message):
        keras_layers.from_model(model, 5)


def test_layers_that_are_passed_over_are_keras_own():
    """Each name in the list exists in Keras."""
    names = [*keras_models._PASSED_OVER, *(f"{kind}2D" for kind in keras_models._FIXED)]
    assert [name for name in names if not hasattr(layers, name)] == []


def test_what_is_no_layer_of_these_or_is_not_built_is_refused():
    with pytest.raises(ValueError, match="Conv2D is not built"):
        keras_layers.from_layer(layers.Conv2D(2, 3), 5)
    with pytest.raises(ValueError, match="Conv2DTranspose is not built"):
        keras_layers.from_layer(layers.Conv2DTranspose(2, 3), 5)
    inputs = layers.Input((5, 5, 1))
    functional = keras.Model(inputs, layers.Conv2D(1, 3)(inputs))
    with pytest.raises(TypeError, match="Functional is no Sequential"):
        keras_layers.from_model(functional, 5)


# -- overridden methods ----------------------------------------------------------------------------------------------


OF_ITS_OWN = "has a {} of its own, that of .*{}, so that its numbers do not say what it computes: give "


def below(kind, method):
    """Make a subclass that doubles the result, and one that overrides nothing."""

    def call(self, inputs):
        return 2 * getattr(kind, method)(self, inputs)

    def convolution_op(self, inputs, kernel):
        return 2 * kind.convolution_op(self, inputs, kernel)

    doubled = convolution_op if method == "convolution_op" else call
    return type("Doubled", (kind,), {method: doubled}), type("Plain", (kind,), {})


@pytest.mark.parametrize(
    ("family", "ndim", "method"),
    [
        (family, ndim, method)
        for family, axes in (("Conv{}D", (1, 2, 3)), ("Conv{}DTranspose", (1, 2, 3)), ("DepthwiseConv{}D", (1, 2)))
        for ndim in axes
        for method in ("call", "__call__")
    ]
    + [("Conv{}D", ndim, "convolution_op") for ndim in (2, 3)],  # Conv1D has one, and computes without
)
def test_convolutions_with_a_call_of_their_own(family, ndim, method):
    kind, size = getattr(layers, family.format(ndim)), (5,) * ndim
    x = filled((1, *size, 2), 1).astype("float32")
    keras_own, doubled, plain = (
        made(kernel_size=3, **({} if "Depthwise" in family else {"filters": 2}))
        for made in (kind, *below(kind, method))
    )
    keras_own.build(x.shape)
    keras_own.kernel.assign(filled(keras_own.kernel.shape, 2))
    y = keras.ops.convert_to_numpy(keras_own(x))
    for layer, times in ((doubled, 2), (plain, 1)):
        layer.build(x.shape)
        layer.set_weights(keras_own.get_weights())
        assert_array_equal(keras.ops.convert_to_numpy(layer(x)), times * y)
    message = "Doubled " + OF_ITS_OWN.format(method, "Doubled")
    with pytest.raises(TypeError, match=f"^{message}"):
        keras_layers.from_layer(doubled, size)
    with pytest.raises(TypeError, match=f"^{doubled.name}: {message}"):
        keras_layers.from_model(keras.Sequential([layers.Input((*size, 2)), doubled]))
    read, weight, _ = keras_layers.from_layer(plain, size)
    assert read == keras_layers.from_layer(keras_own, size).layer
    assert_array_equal(weight, keras_layers.from_layer(keras_own, size).weight)
    assert keras_layers.from_model(keras.Sequential([layers.Input((*size, 2)), plain])) == [read]
    plain.call = doubled.call
    with pytest.raises(TypeError, match=r"^Plain has a call of its own, that of the object"):
        keras_layers.from_layer(plain, size)


@pytest.mark.parametrize("kind", ["MaxPooling2D", "UpSampling2D", "ZeroPadding2D", "Cropping2D", "ReLU", "Flatten"])
def test_other_layers_and_models_with_a_call_of_their_own(kind):
    own, _ = below(getattr(layers, kind), "call")
    own.__name__ = kind  # by its name alone it would be read, or passed over
    model = keras.Sequential([layers.Input((5, 5, 1)), layers.Conv2D(1, 1), own(name="own")])
    with pytest.raises(TypeError, match=f"^own: {kind} " + OF_ITS_OWN.format("call", kind)):
        keras_layers.from_model(model)


def test_models_with_a_call_of_their_own():
    residual, plain = below(keras.Sequential, "call")
    functional, _ = below(keras.Model, "call")
    inputs, stack = layers.Input((5, 5, 1)), [layers.Input((5, 5, 1)), layers.Conv2D(1, 3)]
    for model in (residual(stack), functional(inputs, layers.Conv2D(1, 3)(inputs))):
        with pytest.raises(TypeError, match="^Doubled " + OF_ITS_OWN.format("call", "Doubled")):
            keras_layers.from_model(model)
    with pytest.raises(TypeError, match="^doubled.*: Doubled " + OF_ITS_OWN.format("call", "Doubled")):
        keras_layers.from_model(keras.Sequential([layers.Input((5, 5, 1)), layers.Conv2D(1, 1), residual(stack)]))
    residual.__name__ = "Sequential"
    with pytest.raises(TypeError, match="^Sequential " + OF_ITS_OWN.format("call", "Sequential")):
        keras_layers.from_model(residual(stack))
    assert len(keras_layers.from_model(plain(stack))) == 1  # a subclass that computes what Keras does


def test_every_layer_of_keras_has_calls_of_keras():
    """Classes that Keras generates stay readable: their methods are defined in packages of Keras."""
    kinds = [kind for kind in vars(layers).values() if isinstance(kind, type)]
    assert len(kinds) > 100
    for kind in kinds:
        keras_models.check_call(object.__new__(kind))
