"""Calls of Keras' layers by hand: the sizes of transposed layers, and every error."""

from itertools import count

import pytest

from convmatrix.frameworks import tensorflow
from helpers import assert_refused


@pytest.mark.parametrize(
    ("padding", "kernel", "stride", "output_padding", "size", "first"),
    [
        ("same", 3, 2, None, 8, 0),
        ("same", 3, 2, 0, 7, 1),
        ("same", 3, 2, 1, 8, 0),
        ("same", 4, 2, None, 8, 1),
        ("same", 4, 2, 1, 7, 1),
        ("same", 2, 3, None, 12, 0),
        ("valid", 3, 2, None, 9, 0),
        ("valid", 2, 3, None, 12, 0),
        ("valid", 2, 3, 0, 11, 0),
        ("valid", 2, 3, 2, 13, 0),
    ],
)
def test_keras_chooses_sizes_and_output_padding_shifts_them(padding, kernel, stride, output_padding, size, first):
    up = tensorflow.keras_conv_transpose((4, 1), 1, kernel, stride, padding, output_padding)
    assert up.output_size == (size,)
    assert up.padding[0][0] == first


def test_output_padding_none_is_no_zero_and_shifts():
    """With an odd span, None gives the size of the largest number; with an even one, it shifts the pixel."""
    none, zero = (tensorflow.keras_conv_transpose((3, 1), 1, 5, 3, "same", extra) for extra in (None, 0))
    assert (none.output_size, zero.output_size) == ((9,), (7,))
    assert (none.padding[0][0], zero.padding[0][0]) == (1, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tensorflow.keras_conv((None, 8, 8, 3), 2, 3),
            "input_shape has None on axis 0, (None, 8, 8, 3): give sizes, without a batch",
        ),
        (
            lambda: tensorflow.keras_conv((3,), 2, 3),
            "input_shape must have 1 to 3 sizes and the channels, without a batch, got (3,)",
        ),
        (
            lambda: tensorflow.keras_conv((8, 8, 3), 2, (3, 3, 3)),
            "kernel_size must be one integer or one for each of 2 axes, got 3, (3, 3, 3)",
        ),
        (
            lambda: tensorflow.keras_conv((8, 8, 3), 2, 3, padding="causal"),
            "padding 'causal' is not one of valid, same",
        ),
        (lambda: tensorflow.keras_conv((8, 8, 3), 2, 3, padding=1), "padding 1 is not one of valid, same"),
        (
            lambda: tensorflow.keras_conv((8, 8, 3), 2, 3, data_format="NHWC"),
            "data_format 'nhwc' is not one of channels_last, channels_first",
        ),
        (
            lambda: tensorflow.keras_conv((8, 8, 3), 2, 3, 2, dilation_rate=2),
            "Keras' Conv2D takes no strides above 1 beside "
            "dilation_rate above 1, also not on different axes, got strides (2, 2) and dilation_rate (2, 2)",
        ),
        (
            lambda: tensorflow.keras_conv((8, 8, 3), 4, 3, groups=2),
            "groups=2 does not divide the channels of input_shape, 3 (remainder 1): every group needs as many channels",
        ),
        (lambda: tensorflow.keras_conv((8, 8, 3), 0, 3), "filters must be at least 1, got 0"),
        (
            lambda: tensorflow.keras_conv_transpose((4, 1), 1, 3, 2, output_padding=2),
            "output_padding 2 on axis 0 must be less than strides, 2: give 0 to 1, or larger strides, or leave it out",
        ),
        (
            lambda: tensorflow.keras_conv_transpose((4, 1), 1, 4, 2, "same", 0),
            "output_padding 0 on axis 0 gives 6 outputs "
            "(= (input_shape 4 - 1) * strides 2 + span 4 % 2 + output_padding 0), of which the convolution makes 3, "
            "so that TensorFlow refuses it: leave output_padding out, which gives 8 outputs, or give 1",
        ),
        (
            lambda: tensorflow.keras_conv_transpose((4, 1), 1, 3, 2, dilation_rate=2),
            "Keras' Conv1DTranspose takes no strides above 1 beside dilation_rate above 1",
        ),
        (
            lambda: tensorflow.keras_depthwise_conv((5, 5, 5, 1), 3),
            "input_shape must have 1 to 2 sizes and the channels",
        ),
        (
            lambda: tensorflow.keras_depthwise_conv((5, 5, 1), 3, depth_multiplier=0),
            "depth_multiplier must be at least 1",
        ),
    ],
    ids=count(),
)
def test_errors(call, message):
    assert_refused(call, message)
