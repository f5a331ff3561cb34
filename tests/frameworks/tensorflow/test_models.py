"""Keras' models as chains of layers, overridden methods, and errors with the name of the layer."""

from collections import Counter
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, MaxPool, Upsample
from convmatrix.algebra.stack.network import Network
from convmatrix.frameworks import tensorflow
from helpers import assert_refused
from keras_stand_ins import KERNEL, Made, convolution, made, pool, sequential


def test_from_model_walks_through_what_follows_each_other():
    kernel = np.ones((3, 3, 1, 2), dtype=np.float32)
    inner = sequential(
        made("ZeroPadding2D", padding=((1, 0), (2, 1)), data_format="channels_last"),
        convolution("Conv2D", kernel, activation=SimpleNamespace(__name__="relu"), bias=np.ones(2)),
        made("BatchNormalization"),
        made("ReLU"),
        made("SpatialDropout2D"),
    )
    model = sequential(
        made("InputLayer"),
        inner,
        pool("MaxPooling2D", (2, 2), padding="same"),
        pool("AveragePooling2D", (3, 3), (1, 1), "same"),
        made("UpSampling2D", size=(2, 1), interpolation="bilinear", data_format="channels_last"),
        made("Cropping2D", cropping=((0, 1), (1, 0)), data_format="channels_last"),
        made("GlobalAveragePooling2D", keepdims=False, data_format="channels_last"),
        made("Flatten"),
        made("Dropout"),
    )
    chain = tensorflow.from_model(model, (6, 7))
    two = {"in_channels": 2, "out_channels": 2, "groups": 2}
    assert list(chain) == [
        Conv((6, 7), 1, padding=((1, 0), (2, 1))),
        Conv((7, 10), 3, out_channels=2),
        MaxPool((5, 8), 2, padding="same", channels=2),
        AvgPool((3, 4), 3, stride=1, padding="same", count_include_pad=False, channels=2),
        Upsample((3, 4), output_size=(6, 4), mode="linear", channels=2),
        Conv((6, 4), 1, padding=((0, -1), (-1, 0)), **two),
        AvgPool((5, 3), (5, 3), channels=2),
    ]
    assert [note.split(":")[0] for note in chain.left_out] == [
        "inputlayer",
        "conv2d",
        "batchnormalization",
        "relu",
        "spatialdropout2d",
        "flatten",
        "dropout",
    ]
    assert "conv2d: the activation relu is not linear" in chain.left_out
    assert_array_equal(chain.biases[1], np.ones(2))
    assert Network(chain).output_shape == (2, 1, 1)


def test_from_model_takes_the_input_shape_of_the_model():
    layers = made("UpSampling1D", size=2), pool("GlobalMaxPooling1D", None, 1, keepdims=True)
    assert list(tensorflow.from_model(sequential(*layers, input_shape=(None, 5, 3)))) == [
        Upsample((5,), output_size=10, channels=3),
        MaxPool((10,), 10, channels=3),
    ]
    crop = made("Cropping1D", cropping=(1, 2))
    assert list(tensorflow.from_model(sequential(crop), 9, 3)) == [
        Conv((9,), 1, padding=((-1, -2),), in_channels=3, out_channels=3, groups=3)
    ]
    first = made("ZeroPadding1D", padding=(1, 2), data_format="channels_first")
    assert list(tensorflow.from_model(sequential(first, input_shape=(None, 3, 9)))) == [
        Conv((9,), 1, padding=((1, 2),), in_channels=3, out_channels=3, groups=3)
    ]
    up = convolution("Conv1DTranspose", np.ones((2, 3, 5)))
    assert tensorflow.from_model(sequential(pool("MaxPooling1D", (2,)), up), 6)[0].in_channels == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tensorflow.from_model(made("Functional", layers=[]), 5),
            "Functional is no Sequential, whose layers follow each other: give one, or read each layer by from_layer",
        ),
        (
            lambda: tensorflow.from_model(sequential(convolution("Conv2D", KERNEL), made("Dense")), 5),
            "dense: Dense is none of the layers that have a matrix here, nor one that may be passed over",
        ),
        (
            lambda: tensorflow.from_model(sequential(convolution("Conv2D", KERNEL), made("Flatten"), made("Dense")), 5),
            "dense: Dense comes after Flatten, which leaves no axes: end the model before it",
        ),
        (
            lambda: tensorflow.from_model(
                sequential(convolution("Conv2D", KERNEL), made("GlobalMaxPooling2D"), made("UpSampling2D", size=2)), 5
            ),
            "upsampling2d: UpSampling2D comes after GlobalMaxPooling2D",
        ),
        (
            lambda: tensorflow.from_model(
                sequential(convolution("Conv2D", KERNEL), convolution("Conv2D", np.ones((1, 1, 2, 1)))), 5
            ),
            "conv2d: Conv2D takes 2 channels but is given 1",
        ),
        (
            lambda: tensorflow.from_model(sequential(convolution("Conv2D", KERNEL), pool("MaxPooling1D", (2,))), 5),
            "maxpooling1d: MaxPooling1D is given 2 spatial axes, of sizes (3, 3)",
        ),
        (
            lambda: tensorflow.from_model(
                sequential(convolution("Conv2D", KERNEL), made("ZeroPadding2D", data_format="channels_first")), 5
            ),
            "conv2d has data_format 'channels_last' but zeropadding2d has "
            "'channels_first': between them channels would be taken for an axis",
        ),
        (
            lambda: tensorflow.from_model(
                sequential(
                    made("ZeroPadding1D", padding=1, data_format="channels_first"), made("Cropping1D", cropping=1)
                ),
                5,
                1,
            ),
            "zeropadding1d has data_format 'channels_first' but cropping1d has 'channels_last'",
        ),
        (
            lambda: tensorflow.from_model(sequential(pool("MaxPooling2D", (2, 2))), 5),
            "no layer of the model tells the channels of its input: give in_channels",
        ),
        (
            lambda: tensorflow.from_model(sequential(convolution("Conv2D", KERNEL))),
            "the model does not tell the sizes of its input: give input_size",
        ),
        (
            lambda: tensorflow.from_model(sequential(convolution("Conv2D", KERNEL), input_shape=(None, None, None, 1))),
            "does not tell the sizes",
        ),
        (
            lambda: tensorflow.from_model(sequential(made("UpSampling2D", size=2, interpolation="bicubic")), 5, 1),
            "upsampling2d: interpolation 'bicubic' is not one of nearest, bilinear",
        ),
        (lambda: tensorflow.from_model(sequential(made("ReLU")), (5, 5), 1), "there is no layer in the model"),
    ],
    ids=count(),
)
def test_models_that_are_refused(call, message):
    assert_refused(call, message)


# -- overridden methods ----------------------------------------------------------------------------------------------


def of_class(obj, *, package="keras.src.layers", name=None, **methods):
    """Change the class of an object to a subclass with these methods, defined in that package; return the object."""
    own = {method: lambda self, *inputs: None for method in methods}
    return type(name or type(obj).__name__, (type(obj),), {"__module__": package, **own})(**vars(obj))


COMPUTED = {
    "convolution": lambda: convolution("Conv2D", KERNEL),
    "transposed": lambda: convolution("Conv2DTranspose", KERNEL),
    "depthwise": lambda: convolution("DepthwiseConv2D", KERNEL),
    "pool": lambda: pool("AveragePooling2D", (2, 2)),
    "upsampling": lambda: made("UpSampling2D", size=2),
    "padding": lambda: made("ZeroPadding2D", padding=((1, 1), (1, 1))),
    "activation": lambda: made("ReLU"),
    "flatten": lambda: made("Flatten"),
}


def refused_call(call, message):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message + (
        ", so that its numbers do not say what it computes: give a plain layer of Keras that computes the same"
    )


@pytest.mark.parametrize("kind", COMPUTED)
@pytest.mark.parametrize("package", ["keras.src.layers", "tf_keras.src.layers", "tensorflow.python.keras.layers"])
def test_a_call_outside_keras_is_refused_in_a_model(kind, package):
    layer, others = COMPUTED[kind](), [convolution("Conv2D", np.ones((1, 1, 1, 1)))]
    keras_own = of_class(layer, package=package, call=True, __call__=True)
    read = tensorflow.from_model(sequential(*others, keras_own), 5)
    assert list(read) == list(tensorflow.from_model(sequential(*others, layer), 5))
    below = of_class(of_class(keras_own, package="mine", name="Mine", call=True), package="mine.too", name="Deeper")
    refused_call(
        lambda: tensorflow.from_model(sequential(*others, below), 5),
        f"{layer.name}: Deeper has a call of its own, that of mine.Mine",
    )


@pytest.mark.parametrize("kind", ["convolution", "transposed", "depthwise"])
@pytest.mark.parametrize("method", ["call", "__call__", "convolution_op"])
def test_a_call_outside_keras_is_refused_in_a_layer(kind, method):
    keras_own = of_class(COMPUTED[kind](), call=True, __call__=True, convolution_op=True)
    name = type(keras_own).__name__
    plain = of_class(keras_own, package="kerasmine", name="Mine")
    assert tensorflow.from_layer(plain, 5).layer == tensorflow.from_layer(COMPUTED[kind](), 5).layer
    same_name = of_class(keras_own, package="kerasmine", **{method: True})
    refused_call(
        lambda: tensorflow.from_layer(same_name, 5), f"{name} has a {method} of its own, that of kerasmine.{name}"
    )
    if method != "__call__":  # which Python takes from the class alone
        setattr(keras_own, method, lambda *inputs: None)
        refused_call(
            lambda: tensorflow.from_layer(keras_own, 5), f"{name} has a {method} of its own, that of the object"
        )


@pytest.mark.parametrize("name", ["Sequential", "Functional", "Residual"])
def test_a_model_with_a_call_outside_keras_is_refused(name):
    model = of_class(sequential(convolution("Conv2D", KERNEL)), package="keras.src.models", call=True)
    assert len(tensorflow.from_model(model, 5)) == 1
    its_own, message = of_class(model, package="mine", name=name, call=True), f"{name} has a call of its own, that of "
    refused_call(lambda: tensorflow.from_model(its_own, 5), f"{message}mine.{name}")
    refused_call(lambda: tensorflow.from_model(sequential(its_own), 5, 1), f"sequential: {message}mine.{name}")


@pytest.mark.parametrize("obj", [5, np.ones(3), Made, len, Counter()])
def test_what_is_no_layer_at_all_has_no_call_of_its_own(obj):
    with pytest.raises(TypeError, match="is not a Keras convolution: it has no attribute 'kernel'"):
        tensorflow.from_layer(obj, 5)
    with pytest.raises(TypeError, match="is no Sequential"):
        tensorflow.from_model(obj, 5)


def test_what_has_a_call_but_no_attributes_is_refused_too():
    slotted = type("Slotted", (), {"__slots__": (), "__module__": "mine", "call": lambda self, x: x})()
    refused_call(lambda: tensorflow.from_layer(slotted, 5), "Slotted has a call of its own, that of mine.Slotted")
