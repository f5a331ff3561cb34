"""``layer, weight = framework.conv(..., weight=w)``, compared with the frameworks that are installed."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from framework_calls import calls
from strategies import integers, seeds, share

os.environ.setdefault("KERAS_BACKEND", "torch")  # JAX compiles for every shape
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def computed(drawn, w, x):
    """Apply the matrix of the layer to one image, channels first."""
    layer, weight = drawn.function(**drawn.arguments, weight=w)
    return layer.unvec(layer.matrix(weight) @ layer.vec(x))


def drawn_with_arrays(data, name, seed):
    """Draw a call, its weight, and an image with channels first."""
    drawn = data.draw(calls(name))
    layer = drawn.layer()
    w, x = integers(drawn.weight_shape, seed), integers((1, *layer.input_shape), seed + 1)
    return drawn, w.astype(np.float32), x.astype(np.float32)


def last(x):
    return np.moveaxis(x, 1, -1)


def first(y):
    return np.moveaxis(np.asarray(y), -1, 1)


@pytest.mark.parametrize("name", ["torch.conv", "torch.conv_transpose"])
@given(data=st.data(), seed=seeds())
@share(0.6)
def test_torch(name, data, seed):
    torch = pytest.importorskip("torch")
    drawn, w, x = drawn_with_arrays(data, name, seed)
    n = dict(drawn.arguments)
    ndim = len(n.pop("input_size"))
    kind = getattr(torch.nn, f"Conv{'Transpose' * name.endswith('transpose')}{ndim}d")
    module = kind(**n, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(w))
        y = module(torch.from_numpy(x)).numpy()
    assert_array_equal(computed(drawn, module.weight, x), y)  # the module's own weight, which has a gradient


@pytest.mark.parametrize("name", ["jax.conv", "jax.conv_transpose"])
@given(data=st.data(), seed=seeds())
@share(0.4)
def test_jax(name, data, seed):
    lax = pytest.importorskip("jax").lax
    drawn, w, x = drawn_with_arrays(data, name, seed)
    arguments = {argument: value for argument, value in drawn.arguments.items() if argument not in ("lhs", "rhs")}
    numbers = arguments.get("dimension_numbers")
    channels_first = name == "jax.conv" if numbers is None else numbers[0].startswith("NC")
    function = lax.conv_general_dilated if name == "jax.conv" else lax.conv_transpose
    y = np.asarray(function(x if channels_first else last(x), w, **arguments))
    assert_array_equal(computed(drawn, w, x), y if channels_first else first(y))


@pytest.mark.parametrize("name", ["flax_conv", "flax_conv_transpose"])
@given(data=st.data(), seed=seeds())
@share(0.2)
def test_flax(name, data, seed):
    nnx = pytest.importorskip("flax.nnx")
    drawn, w, x = drawn_with_arrays(data, name, seed)
    arguments = {argument: value for argument, value in drawn.arguments.items() if argument != "input_size"}
    kind = nnx.Conv if name == "flax_conv" else nnx.ConvTranspose
    module = kind(**arguments, use_bias=False, rngs=nnx.Rngs(0))
    module.kernel[...] = w
    assert_array_equal(computed(drawn, w, x), first(module(last(x))))


KERAS = {
    "keras_conv": "Conv{}D",
    "keras_conv_transpose": "Conv{}DTranspose",
    "keras_depthwise_conv": "DepthwiseConv{}D",
}


@pytest.mark.parametrize("name", KERAS)
@given(data=st.data(), seed=seeds())
@share(0.5)
def test_keras(name, data, seed):
    keras = pytest.importorskip("keras")
    drawn, w, x = drawn_with_arrays(data, name, seed)
    arguments = dict(drawn.arguments)
    ndim = len(arguments.pop("input_shape")) - 1
    module = getattr(keras.layers, KERAS[name].format(ndim))(**arguments, use_bias=False)
    module.build((None, *last(x).shape[1:]))
    module.kernel.assign(w)
    assert_array_equal(computed(drawn, w, x), first(keras.ops.convert_to_numpy(module(last(x)))))


@pytest.mark.parametrize("name", ["onnx.conv", "onnx.conv_transpose"])
@given(data=st.data(), seed=seeds())
@share(0.6)
def test_onnx(name, data, seed):
    helper = pytest.importorskip("onnx.helper")
    evaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator
    runtime = pytest.importorskip("onnxruntime")
    drawn, w, x = drawn_with_arrays(data, name, seed)
    attributes = {argument: value for argument, value in drawn.arguments.items() if argument not in ("X", "W")}
    node = helper.make_node("Conv" if name == "onnx.conv" else "ConvTranspose", ["x", "w"], ["y"], **attributes)
    kinds = [helper.make_tensor_value_info(value, 1, None) for value in "xwy"]
    graph = helper.make_graph([node], "one", kinds[:2], kinds[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    # Each of the two takes what the other does not: groups of a transposed convolution, dilations beside SAME.
    is_direct = name == "onnx.conv"
    session = evaluator(model) if is_direct else runtime.InferenceSession(model.SerializeToString())
    (y,) = session.run(None, {"x": x.astype(np.float32), "w": w.astype(np.float32)})
    assert_array_equal(computed(drawn, w, x), y)
