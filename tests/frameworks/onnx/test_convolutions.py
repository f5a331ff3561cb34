"""Calls of ONNX's operators: cases from the documentation, nodes as layers, and every error with its numbers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.onnx import (
    conv,
    conv_transpose,
    from_layer,
    weight,
)
from onnx_fakes import W, graph, node, tensor


def test_conv_of_the_documentation():
    """Operator Conv, example conv_with_strides_and_asymmetric_padding."""
    x, W = np.arange(35).reshape(1, 1, 7, 5), np.ones((1, 1, 3, 3), int)
    layer = conv(x, W, kernel_shape=[3, 3], pads=[1, 0, 1, 0], strides=[2, 2])
    y = layer.unvec(layer.matrix(weight(W)) @ layer.vec(x[0]))
    assert y[0].tolist() == [[21, 33], [99, 117], [189, 207], [171, 183]]


def test_conv_transpose_of_the_documentation():
    """Operator ConvTranspose, example convtranspose_1d."""
    x, W = np.arange(3).reshape(1, 1, 3), np.ones((1, 2, 3), int)
    layer = conv_transpose(x, W)
    assert (layer.matrix(weight(W, transpose=True)) @ x.ravel()).tolist() == [0, 1, 3, 3, 2] * 2


def test_output_shape_of_the_documentation_ends_in_zeros():
    """Operator ConvTranspose, example convtranspose_output_shape: one more than there is without pads, at the end."""
    layer = conv_transpose((1, 1, 3, 3), (1, 2, 3, 3), strides=[3, 2], output_shape=[10, 8])
    assert layer.output_shape == (2, 10, 8)
    y = layer.unvec(layer.matrix(np.ones((1, 2, 3, 3), int)) @ np.arange(9))
    assert y[0, 0].tolist() == [0, 0, 1, 1, 3, 2, 2, 0]
    assert y[1, 9].tolist() == [0] * 8


def test_attributes_of_every_kind_make_the_same_layer():
    plain = conv((1, 4, 9, 9), (6, 2, 3, 3), strides=[2, 1], dilations=[1, 2], group=2, auto_pad="SAME_LOWER")
    other = conv(
        np.zeros((3, 4, 9, 9)), np.zeros((6, 2, 3, 3)), b"SAME_LOWER", np.array([1, 2]), 2, (3, 3), None, (2, 1)
    )
    assert (
        plain
        == other
        == Conv(
            (9, 9), 3, stride=(2, 1), dilation=(1, 2), groups=2, in_channels=4, out_channels=6, padding="same_lower"
        )
    )
    assert conv((None, 1, 5), (1, 1, 3)) == Conv((5,), 3)


@pytest.mark.parametrize(
    ("size", "kwargs", "padding", "output_size"),
    [
        (5, {"auto_pad": "SAME_UPPER"}, (0, 1), 5),
        (5, {"auto_pad": "SAME_LOWER"}, (1, 0), 5),
        (5, {"auto_pad": "VALID"}, (0, 0), 4),
        (5, {"auto_pad": "NOTSET", "pads": [0, 2]}, (0, 2), 6),
        (6, {"auto_pad": "SAME_UPPER", "strides": [3]}, (0, 0), 2),
    ],
)
def test_pads(size, kwargs, padding, output_size):
    layer = conv((1, 1, size), (1, 1, 2), **kwargs)
    assert (layer.padding, layer.output_size) == ((padding,), (output_size,))


@pytest.mark.parametrize(
    ("kernel", "kwargs", "padding", "extra", "output_size"),
    [
        (4, {}, (0, 0), 0, 8),
        (4, {"pads": [1, 0]}, (1, 0), 0, 7),
        (4, {"output_padding": [1]}, (0, 0), 1, 9),
        (4, {"output_shape": [7]}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "pads": [2, 2]}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "auto_pad": "VALID"}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "auto_pad": "SAME_LOWER"}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "auto_pad": "SAME_UPPER"}, (0, 1), 0, 7),
        (4, {"output_shape": [6], "output_padding": [1]}, (2, 1), 1, 6),
        (4, {"output_shape": [9]}, (0, 0), 1, 9),
        (4, {"auto_pad": "SAME_UPPER"}, (1, 1), 0, 6),
        (4, {"auto_pad": "SAME_UPPER", "output_padding": [1]}, (1, 2), 1, 6),
        (4, {"auto_pad": "SAME_LOWER", "output_padding": [1]}, (2, 1), 1, 6),
        (1, {"auto_pad": "SAME_UPPER"}, (-1, 0), 0, 6),
        (1, {"auto_pad": "SAME_LOWER"}, (0, -1), 0, 6),
        (4, {"output_shape": [12], "auto_pad": "SAME_UPPER"}, (-2, -2), 0, 12),
    ],
)
def test_transposed_pads(kernel, kwargs, padding, extra, output_size):
    layer = conv_transpose((1, 1, 3), (1, 1, kernel), strides=[2], **kwargs)
    assert (layer.padding, layer.output_padding, layer.output_size) == ((padding,), (extra,), (output_size,))


def test_weights_stay_as_they_are():
    W = np.arange(24, dtype="float32").reshape(4, 2, 3)
    assert weight(W) is not None
    assert_array_equal(weight(W), W)
    assert_array_equal(weight(W, transpose=True), W)
    assert conv((1, 4, 5), W, group=2).weight_shape == (4, 2, 3)
    assert conv_transpose((1, 4, 5), W, group=2).output_shape == (4, 7)


REFUSED = [
    ({"auto_pad": "SAME"}, "auto_pad 'SAME' is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID"),
    ({"auto_pad": "same_upper"}, "auto_pad 'same_upper' is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID"),
    (
        {"auto_pad": "VALID", "pads": [0, 0]},
        "pads [0, 0] cannot stand beside auto_pad 'VALID', which decides them: leave one of the two out",
    ),
    ({"pads": [1]}, "pads has 1 entry, [1], but needs 2 (a begin for each axis, then an end for each)"),
    ({"pads": [-1, 2]}, "pads, entry 0, must be at least 0, got -1; crop by a Pad or Slice before"),
    ({"strides": [1, 1]}, "strides has 2 entries, [1, 1], but needs 1, one each axis"),
    ({"strides": [0]}, "strides, entry 0, must be at least 1, got 0"),
    ({"strides": 2}, "strides must have one entry for each axis, got 2: write [2] for the same on all"),
    ({"dilations": [1.5]}, "dilations, entry 0, must be an integer, got 1.5"),
    ({"kernel_shape": [2]}, "kernel_shape [2] is not that of W, [3]: leave it out, or say the same"),
    ({"group": 0}, "group must be at least 1, got 0"),
]


@pytest.mark.parametrize(("kwargs", "message"), REFUSED)
@pytest.mark.parametrize("make", [conv, conv_transpose])
def test_errors_of_both(make, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make((1, 1, 5), (1, 1, 3), **kwargs)


@pytest.mark.parametrize(
    ("make", "args", "kwargs", "message"),
    [
        (conv, ((1, 1), (1, 1)), {}, "X has shape (1, 1) but needs (N, C, *size), at least 3 axes"),
        (conv, ((1, 1, None), (1, 1, 2)), {}, "X[2] is None, but the matrix depends on it: give a number"),
        (conv, ((1, 0, 3), (1, 1, 2)), {}, "X[1] must be at least 1, got 0"),
        (conv, ((1, 1, 3), (1, 1, 0)), {}, "W[2] must be at least 1, got 0"),
        (
            conv,
            ((1, 1, 3, 3), (1, 1, 2)),
            {},
            "W has shape (1, 1, 2) but X has 2 spatial axes, so W needs 4 axes in all",
        ),
        (
            conv,
            ((1, 4, 3), (4, 2, 2)),
            {},
            "X has 4 channels but W of shape (4, 2, 2) takes 2 (= 2 * group 1): W is (M, C / group, *kernel_shape)",
        ),
        (conv, ((1, 4, 3), (3, 2, 2)), {"group": 2}, "group=2 does not divide the first axis of W, 3 (remainder 1)"),
        (conv, ((1, 1, 3), (1, 1, 4)), {}, "kernel does not fit on axis 0: it spans 4"),
        (
            conv_transpose,
            ((1, 4, 3), (3, 2, 2)),
            {},
            "X has 4 channels but W of shape (3, 2, 2) takes 3: W is (C, M / group, *kernel_shape)",
        ),
        (
            conv_transpose,
            ((1, 3, 3), (3, 2, 2)),
            {"group": 2},
            "group=2 does not divide the channels of X, 3 (remainder 1): every group needs as many channels",
        ),
        (
            conv_transpose,
            ((1, 1, 3), (1, 1, 2)),
            {"strides": [2], "dilations": [4], "output_padding": [2]},
            "output_padding 2 on axis 0 must be less than strides 2: a convolution of the larger output would have "
            "more outputs than X has entries",
        ),
        (
            conv_transpose,
            ((1, 1, 3), (1, 1, 4)),
            {"strides": [2], "output_shape": [10]},
            "output_shape 10 on axis 0 is too large: without pads the output has 8, and with strides 2 it can have at "
            "most 1 more; use at most 9",
        ),
        (
            conv_transpose,
            ((1, 1, 3), (1, 1, 4)),
            {"output_shape": [1, 1, 5]},
            "output_shape has 3 entries, [1, 1, 5], but needs 1, one each axis",
        ),
        (
            conv_transpose,
            ((1, 1, 3), (1, 1, 3)),
            {"output_padding": [-1]},
            "output_padding, entry 0, must be at least 0, got -1",
        ),
        (conv_transpose, ((1, 1, 3), (1, 1, 3)), {"pads": [2, 3]}, "output is empty on axis 0: its size would be 0"),
        (
            conv_transpose,
            ((1, 1, 3), (1, 1, 3)),
            {"pads": [2], "output_shape": [4]},
            "pads has 1 entry, [2], but needs 2",
        ),
    ],
)
def test_errors(make, args, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(*args, **kwargs)


def test_errors_of_weights():
    with pytest.raises(
        ValueError, match=re.escape("W has shape (2, 2) but needs (M, C / group, *kernel_shape), at le")
    ):
        weight(np.zeros((2, 2)))
    with pytest.raises(
        ValueError, match=re.escape("W has shape (3,) but needs (C, M / group, *kernel_shape), at least")
    ):
        weight(np.zeros(3), transpose=True)
    with pytest.raises(
        WrongTypeError, match=re.escape("W has dtype object, which scipy.sparse cannot hold: cast it wit")
    ):
        weight(np.zeros((1, 1, 3), object))


# -- nodes -----------------------------------------------------------------------------------------------------------

B = np.array([1, 2], "float32")


def test_from_layer():
    proto = node("Conv", "x,w,b", strides=[2, 2], pads=[1, 1, 0, 0], auto_pad="NOTSET", group=1, kernel_shape=[3, 3])
    loaded = from_layer(proto, (6, 5), {"w": W, "b": tensor("b", B)})
    assert loaded.layer == Conv((6, 5), 3, stride=2, padding=((1, 0), (1, 0)), in_channels=2, out_channels=2)
    assert_array_equal(loaded.weight, W)
    assert_array_equal(loaded.bias, B)
    up = from_layer(node("ConvTranspose", "x,w", strides=[2, 2], output_padding=[1, 1]), 3, graph([], w=W))
    assert up.layer == ConvTranspose((3, 3), 3, stride=2, output_padding=1, in_channels=2, out_channels=2)
    assert up.bias is None


def test_depthwise_nodes():
    proto = node("Conv", "x,w", group=4)
    assert from_layer(proto, 5, {"w": np.ones((4, 1, 3))}).layer == Conv(
        (5,), 3, groups=4, in_channels=4, out_channels=4
    )


# -- terms -----------------------------------------------------------------------------------------------------------

LAYER_ARGUMENTS = re.compile(
    r"kernel_size|groups|in_channels|out_channels|input_size|output_size|padding_mode|"
    r"\b(stride|padding|dilation) [\d(-]"
)
"""Names of arguments of layers, which are not those of ONNX's operators."""


@pytest.mark.parametrize(
    ("make", "args", "kwargs", "message"),
    [
        (
            conv,
            ((1, 1, 3), (1, 1, 4)),
            {},
            "kernel does not fit on axis 0: it spans 4 (= dilations 1 * (kernel_shape 4 - 1) + 1) but the padded input "
            "has 3 (= size of X 3 + pads 0 + 0); add 1 to the pads, or use a smaller kernel or dilations",
        ),
        (
            conv,
            ((1, 4, 3), (3, 2, 2)),
            {"group": 2},
            "group=2 does not divide the first axis of W, 3 (remainder 1): every group needs as many channels, "
            "so that it "
            "must be a multiple of 2",
        ),
        (
            conv_transpose,
            ((1, 1, 3), (1, 1, 3)),
            {"pads": [2, 3]},
            "its size would be 0 (= (size of X 3 - 1) * strides 1 + dilations 1 * (kernel_shape 3 - 1) + 1 - "
            "pads 2 - 3 + "
            "output_padding 0)",
        ),
    ],
)
def test_errors_name_the_attributes(make, args, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(*args, **kwargs)


small = st.integers(-1, 4)


@given(
    make=st.sampled_from([conv, conv_transpose]),
    shapes=st.tuples(st.lists(small, min_size=3, max_size=4), st.lists(small, min_size=3, max_size=4)),
    kwargs=st.fixed_dictionaries(
        {},
        optional={
            "strides": st.lists(small, max_size=2),
            "dilations": st.lists(small, max_size=2),
            "group": small,
            "pads": st.lists(small, max_size=4),
            "auto_pad": st.sampled_from(["SAME_UPPER", "VALID", "same"]),
            "kernel_shape": st.lists(small, max_size=2),
        },
    ),
)
def test_no_error_names_the_arguments_of_layers(make, shapes, kwargs):
    message = ""
    try:
        make(*shapes, **kwargs)
    except ValueError as error:
        message = str(error)
    assert not LAYER_ARGUMENTS.search(message), message
