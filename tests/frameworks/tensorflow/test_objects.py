"""Keras' layers as objects: kernel, bias, and errors."""

from itertools import count

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import tensorflow
from helpers import assert_refused
from keras_stand_ins import KERNEL, convolution, made
from recording import filled


def test_from_layer_reads_kernel_and_bias():
    kernel, bias = filled((3, 3, 2, 4), 1), filled((4,), 2)
    loaded = tensorflow.from_layer(convolution("Conv2D", kernel, strides=(2, 1), groups=2, bias=bias), (7, 8))
    assert loaded.layer == Conv((7, 8), 3, stride=(2, 1), groups=2, in_channels=4, out_channels=4)
    assert_array_equal(loaded.weight, kernel.transpose(3, 2, 0, 1))
    assert_array_equal(loaded.bias, bias)
    loaded = tensorflow.from_layer(convolution("Conv2DTranspose", kernel, strides=(2, 2), padding="same"), 4)
    assert loaded.layer == ConvTranspose(4, 3, stride=2, padding="same", in_channels=4, out_channels=2)
    assert loaded.weight.shape == loaded.layer.weight_shape
    assert loaded.bias is None
    loaded = tensorflow.from_layer(convolution("DepthwiseConv2D", kernel, padding="same"), 5)
    assert loaded.layer == Conv(5, 3, padding="same", in_channels=2, out_channels=8, groups=2)
    assert_array_equal(loaded.weight[:, 0], kernel.transpose(2, 3, 0, 1).reshape(8, 3, 3))


def test_from_layer_reads_what_only_tensorflow_refuses():
    kernel = filled((4, 1, 1), 1)
    loaded = tensorflow.from_layer(
        convolution("Conv1DTranspose", kernel, padding="same", strides=(2,), output_padding=(0,)), 4
    )
    assert loaded.layer == ConvTranspose((4,), 4, stride=2, padding=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tensorflow.from_layer(convolution("Conv2D", KERNEL, built=False), 5),
            "Conv2D is not built, so it has no kernel yet: call it once, or its build(input_shape)",
        ),
        (
            lambda: np.asarray(
                tensorflow.from_layer(convolution("Conv2D", KERNEL, quantization_mode="int8"), 5).weight
            ),
            "Conv2D is quantized (int8)",
        ),
        (
            lambda: tensorflow.from_layer(made("SeparableConv2D", pointwise_kernel=KERNEL), 5),
            "SeparableConv2D is two convolutions, a depthwise one and one of single taps: give each of them",
        ),
        (
            lambda: tensorflow.from_layer(made("Dense", kernel=KERNEL), 5),
            "Dense is not a Keras convolution: it has no attribute 'kernel_size'; give the layer object itself",
        ),
        (
            lambda: tensorflow.from_layer(convolution("Conv2D", KERNEL), (5, 5, 5)),
            "input_size must be one integer or one for each of 2 axes, got 3, (5, 5, 5)",
        ),
        (
            lambda: tensorflow.from_layer(convolution("Conv2D", KERNEL, data_format="x"), 5),
            "data_format 'x' is not one of",
        ),
    ],
    ids=count(),
)
def test_objects_that_are_refused(call, message):
    assert_refused(call, message)
