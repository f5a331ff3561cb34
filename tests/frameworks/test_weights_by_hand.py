"""Weights in the layout of each framework: converted with the layer, separately, and back, against the definition."""

import re
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.legacy import caffe, mxnet, theano
from convmatrix.frameworks.shared.calls import WithWeight
from framework_calls import CALLS, FIRST, LAST, calls, matrix_by_definition
from strategies import integers, seeds, share


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data(), seed=seeds())
@share(0.1)
def test_the_weight_beside_the_layer_makes_the_matrix_by_definition(name, data, seed):
    drawn = data.draw(calls(name))
    w = integers(drawn.weight_shape, seed)
    layer, weight = drawn.function(**drawn.arguments, weight=w)
    assert layer == drawn.layer()
    assert weight.shape == layer.weight_shape
    assert_array_equal(layer.matrix(weight).toarray(), matrix_by_definition(layer, w, drawn.at))


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data(), seed=seeds())
@share(0.1)
def test_weights_converted_there_and_back(name, data, seed):
    drawn = data.draw(calls(name))
    w = integers(drawn.weight_shape, seed)
    layer, beside = drawn.function(**drawn.arguments, weight=w)
    weight = drawn.convert(w, **drawn.switches)
    assert_array_equal(weight, beside)
    assert_array_equal(drawn.convert(weight, **drawn.switches, inverse=True), w)
    weight = integers(layer.weight_shape, seed + 1)
    converted = drawn.convert(weight, **drawn.switches, inverse=True)
    assert converted.shape == drawn.weight_shape
    assert_array_equal(drawn.convert(converted, **drawn.switches), weight)


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
@share(0.1)
def test_a_weight_of_another_shape_is_refused(name, data):
    drawn = data.draw(calls(name))
    axis = data.draw(st.integers(0, len(drawn.weight_shape) - 1))
    shape = [n + (place == axis) for place, n in enumerate(drawn.weight_shape)]
    for wrong in (shape, drawn.weight_shape[1:], (*drawn.weight_shape, 1)):
        with pytest.raises(ValueError, match=re.escape(f"weight has shape {tuple(wrong)} but ")) as caught:
            drawn.function(**drawn.arguments, weight=np.ones(wrong))
        assert f"describe a weight of shape {drawn.weight_shape}, " in str(caught.value)


def test_a_pair_has_names():
    pair = theano.conv((1, 1, 3, 3), (1, 1, 1, 2), weight=[[[[1, 2]]]])
    assert isinstance(pair, WithWeight)
    assert pair.layer == Conv((3, 3), (1, 2))
    assert_array_equal(pair.weight, [[[[2, 1]]]])


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data(), seed=seeds())
@share(0.1)
def test_half_precision_is_widened(name, data, seed):
    drawn = data.draw(calls(name))
    w = integers(drawn.weight_shape, seed).astype("float16") / 3
    layer, weight = drawn.function(**drawn.arguments, weight=w)
    assert weight.dtype == np.float32
    assert_array_equal(weight, drawn.convert(w.astype("float32"), **drawn.switches))
    converted = drawn.convert(w, **drawn.switches)
    assert layer.matrix(converted).dtype == np.float32
    assert_array_equal(converted, weight)


def test_a_weight_that_cannot_be_stored_is_refused():
    with pytest.raises(TypeError, match=r"weight has dtype complex256, which scipy.sparse cannot hold: cast it with"):
        caffe.conv((1, 1, 3), 1, 2, weight=np.ones((1, 1, 2), "clongdouble"))


# -- missing arguments -----------------------------------------------------------------------------------------------

ONE, TWO = np.arange(6).reshape(1, 1, 6), np.arange(12).reshape(1, 2, 2, 3)
KERNEL = np.arange(3).reshape(3, 1, 1)

MISSING_ARGUMENTS = {
    "theano.weight": (
        lambda **given: theano.weight(TWO, **given),
        {"filter_flip": True},
        "filter_flip is not given, but decides whether filters of shape (1, 2, 2, 3) are turned: give it "
        "as Theano is called (True is its default), or let conv(..., weight=w) do both",
    ),
    "theano.weight, inverse": (
        lambda **given: theano.weight(TWO, inverse=True, **given),
        {"filter_flip": False},
        "filter_flip is not given",
    ),
    "theano.weight, transpose": (
        lambda **given: theano.weight(TWO, transpose=True, **given),
        {"filter_flip": False},
        "filter_flip is not given, but decides whether",
    ),
    "flax, padding": (
        lambda **given: jax.flax_weight(KERNEL, transpose=True, transpose_kernel=False, **given),
        {"padding": "CIRCULAR"},
        "padding is not given, but decides whether the kernel is flipped, by padding='CIRCULAR' without "
        "transpose_kernel: give it as Flax is called ('SAME' is its default), or let "
        "flax_conv_transpose(..., weight=w)",
    ),
    "flax, nothing": (
        lambda **given: jax.flax_weight(KERNEL, transpose=True, **given),
        {"padding": 1},
        "padding is not",
    ),
    "flax, transpose_kernel": (
        lambda **given: jax.flax_weight(KERNEL, transpose=True, padding="CIRCULAR", **given),
        {"transpose_kernel": True},
        "transpose_kernel is not given, but decides whether the kernel is flipped",
    ),
    "jax.weight": (
        lambda **given: jax.weight(TWO, **given),
        {"dimension_numbers": FIRST[2]},
        "dimension_numbers are not given, but decide the order of the axes: give them as JAX is called "
        "(('NCHW', 'OIHW', 'NCHW') is its default for two axes), or let conv(..., weight=w)",
    ),
    "jax.weight, transpose": (
        lambda **given: jax.weight(TWO, transpose=True, **given),
        {"dimension_numbers": LAST[2]},
        "(('NHWC', 'HWIO', 'NHWC') is its default for two axes), or let conv_transpose(",
    ),
    "mxnet.weight": (
        lambda **given: mxnet.weight(TWO, **given),
        {"layout": "NHWC"},
        "layout is not given, but decides where a weight of shape (1, 2, 2, 3) has its channels: give "
        "'NCHW' or 'NHWC' as MXNet is called ('NCHW' is its default), or let conv(..., weight=w)",
    ),
    "mxnet.weight, transpose": (
        lambda **given: mxnet.weight(TWO[..., None], transpose=True, **given),
        {"layout": "NCDHW"},
        "give 'NCDHW' or 'NDHWC' as MXNet is called",
    ),
    "depthwise, inverse": (
        lambda **given: tensorflow.weight(TWO.reshape(4, 1, 3), depthwise=True, inverse=True, **given),
        {"in_channels": 2},
        "in_channels are not given, but decide how the 4 channels on axis 0 of a weight of shape "
        "(4, 1, 3) are in_channels and their multiples",
    ),
}


@pytest.mark.parametrize("name", MISSING_ARGUMENTS)
def test_a_function_of_weights_refuses_a_missing_argument(name):
    call, kwargs, message = MISSING_ARGUMENTS[name]
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
    call(**kwargs)


def test_arguments_without_effect_may_be_left_out():
    one_tap = np.arange(4).reshape(2, 2, 1, 1)
    assert_array_equal(theano.weight(one_tap), one_tap)
    assert_array_equal(theano.weight(one_tap, transpose=True, inverse=True), one_tap)
    assert_array_equal(mxnet.weight(ONE), ONE)  # of one axis there is only NCW
    for padding in ("SAME", "VALID", 1, [(0, 1)]):
        assert_array_equal(jax.flax_weight(KERNEL, transpose=True, padding=padding), KERNEL.T)
    assert_array_equal(jax.flax_weight(KERNEL, transpose=True, transpose_kernel=True), KERNEL.T)
    assert jax.flax_weight([[[5]]], transpose=True).tolist() == [[[5]]]
    assert tensorflow.weight([[[5]]], depthwise=True, inverse=True).tolist() == [[[5]]]
    for weight in (torch.weight, onnx.weight, caffe.weight):
        for transpose in (False, True):
            assert_array_equal(weight(TWO, transpose=transpose), TWO)


@pytest.mark.parametrize(
    "call",
    [
        lambda: theano.weight(TWO, filter_flip=True, inverse=1),
        lambda: theano.weight(TWO, filter_flip=1),
        lambda: jax.flax_weight(KERNEL, inverse="no"),
        lambda: jax.flax_weight(KERNEL, transpose=True, transpose_kernel=1),
        lambda: jax.weight(TWO, dimension_numbers=FIRST[2], inverse=None),
        lambda: mxnet.weight(TWO, layout="NCHW", inverse=0),
        lambda: tensorflow.weight(TWO, inverse=0),
        lambda: tensorflow.weight(TWO, transpose=1),
        lambda: tensorflow.weight(TWO, depthwise=0),
        lambda: torch.weight(TWO, inverse=0),
        lambda: onnx.weight(TWO, inverse=0),
        lambda: caffe.weight(TWO, inverse=0),
    ],
    ids=count(),
)
def test_switches_are_bools(call):
    with pytest.raises(TypeError, match="must be True or False, got "):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: tensorflow.weight(TWO, depthwise=True, in_channels=2, inverse=True),
            "weight has shape (1, 2, 2, 3) but a depthwise layer of 2 input channels has (a multiple of 2, 1",
        ),
        (
            lambda: tensorflow.weight([[5]], depthwise=True, in_channels=0, inverse=True),
            "in_channels must be at least 1",
        ),
        (
            lambda: theano.weight([[1, 2]], filter_flip=True),
            "filters have shape (1, 2) but Theano's are (output channels",
        ),
    ],
    ids=count(),
)
def test_weights_of_a_wrong_shape(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_the_circular_kernel_of_flax_by_hand():
    """VALID gives (3, 2, 1, 0) and (0, 3, 2, 1) transposed, which wrap around two places."""
    layer, weight = jax.flax_conv_transpose(2, 1, 1, (3,), padding="CIRCULAR", weight=[[[1]], [[2]], [[3]]])
    assert isinstance(layer, ConvTranspose)
    assert layer.matrix(weight).toarray().tolist() == [[2, 4], [4, 2]]
