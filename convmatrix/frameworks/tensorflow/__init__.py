"""TensorFlow and Keras: tf.nn's convolutions as calls, Keras' layers as calls and as objects, and models of these."""

from convmatrix.frameworks.tensorflow.convolutions import (
    RULES,
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose,
    depthwise_conv,
)
from convmatrix.frameworks.tensorflow.keras import keras_conv, keras_conv_transpose, keras_depthwise_conv
from convmatrix.frameworks.tensorflow.objects import from_layer, from_model
from convmatrix.frameworks.tensorflow.weights import depthwise_weight, weight, weight_transpose

__all__ = [
    "RULES",
    "conv",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose",
    "depthwise_conv",
    "depthwise_weight",
    "from_layer",
    "from_model",
    "keras_conv",
    "keras_conv_transpose",
    "keras_depthwise_conv",
    "weight",
    "weight_transpose",
]


def __dir__() -> list[str]:
    return __all__
