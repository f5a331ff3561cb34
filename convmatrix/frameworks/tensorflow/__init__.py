"""TensorFlow and Keras: tf.nn's convolutions as calls, Keras' layers as calls and as objects, and models of these."""

from convmatrix.frameworks.tensorflow.convolutions import conv, conv1d, conv2d, conv3d, conv_transpose, depthwise_conv
from convmatrix.frameworks.tensorflow.framework import FRAMEWORK
from convmatrix.frameworks.tensorflow.keras import keras_conv, keras_conv_transpose, keras_depthwise_conv
from convmatrix.frameworks.tensorflow.objects import from_layer, from_model

__all__ = [
    "FRAMEWORK",
    "RULES",
    "conv",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose",
    "depthwise_conv",
    "from_layer",
    "from_model",
    "keras_conv",
    "keras_conv_transpose",
    "keras_depthwise_conv",
    "weight",
]

RULES = FRAMEWORK.rules
weight = FRAMEWORK.interfaces[0].weight


def __dir__() -> list[str]:
    return __all__
