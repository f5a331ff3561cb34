"""Small ONNX models, and the outcome of reading them, compared with onnxruntime."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from convmatrix import MaxPool
from convmatrix.frameworks.onnx import from_model

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

runtime.set_default_logger_severity(4)  # it writes what it refuses to stderr otherwise
OPTIONS = runtime.SessionOptions()
OPTIONS.intra_op_num_threads, OPTIONS.log_severity_level = 1, 4

SOON = 2.0
"""Limit of the time to read a file, in seconds: no file makes the reader search or allocate for long."""
SMALL = 2**16
"""Largest number of entries of a model that is run."""
EXACT = ("nothing to do", "dropout", "a cast to", "the order of the entries")
"""Notes of nodes that change no values."""
W = np.random.default_rng(11).integers(-4, 5, (3, 2, 3, 3)).astype(np.float32)
"""Weight of a convolution."""


def tensor(dims=(3, 2, 3, 3), data_type=TensorProto.FLOAT, **fields):
    made = TensorProto(name="w", data_type=data_type, dims=dims)
    for name, value in fields.items():
        if name in ("raw_data", "data_location"):
            setattr(made, name, value)
        else:
            getattr(made, name).extend(value)
    return made


def model_of(nodes, shape=(1, 2, 6, 7), *, outputs=("y",), typed=(), opset=22, **constants):
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [*tensors, *typed],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def through(chain, x):
    """Apply the layers to one image."""
    for layer, weight, bias in zip(chain, chain.weights, chain.biases, strict=True):
        if isinstance(layer, MaxPool):
            matrix = layer.matrix(x, dtype=float)
        else:
            matrix = layer.matrix() if weight is None else layer.matrix(weight.astype(float))
        y = matrix @ layer.vec(x).astype(float)
        x = layer.unvec(y if bias is None else y + layer.bias_vector(bias.astype(float)))
    return x


def by_runtime(model, x):
    """Return onnxruntime's result for the one output, or None if it raises an error."""
    try:
        session = runtime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: x})[0]
    except Exception as error:  # its classes have no base of their own, and it passes on those of its bindings
        if "onnxruntime" not in f"{type(error).__module__}{error}".lower() and not isinstance(error, RuntimeError):
            raise
        return None


def outcome(model):
    """Read a model and classify the outcome; an outcome that is not allowed fails."""
    start, chain, raised = time.process_time(), None, None
    try:
        chain = from_model(model)
    except (ValueError, TypeError, MemoryError) as error:
        raised = error
    assert time.process_time() - start < SOON, "slow"
    if chain is None:
        sentence = str(raised)
        assert sentence, type(raised)
        assert "\n" not in sentence, sentence
        assert len(sentence) < 900, sentence
        assert type(raised) is ValueError or type(raised).__module__.startswith("convmatrix"), repr(raised)
        return "refused"
    if isinstance(model, str) or not all(np.prod(layer.matrix_shape, dtype=float) < SMALL**2 for layer in chain):
        return "read"
    sizes = [n for layer in chain for n in (*layer.matrix_shape, layer.nnz)]
    if max(sizes) > SMALL:
        return "large"
    x = np.random.default_rng(5).integers(-4, 5, chain[0].input_shape).astype(np.float32)
    batch = model.graph.input[0].type.tensor_type.shape.dim[:1]
    count = batch[0].dim_value if batch and 0 < batch[0].dim_value < 9 else 1
    expected = by_runtime(model, np.stack([x] * count))
    if expected is None:
        return "onnxruntime refuses"
    assert expected.size == count * np.prod(chain[-1].output_shape), (expected.shape, chain)
    if not all(any(why in note for why in EXACT) for note in chain.left_out):
        return "not linear"
    try:
        result = through(chain, x)
    except ValueError as error:
        if "beyond 64 bits" not in str(error):  # sizes are known without a matrix
            raise
        return "large"
    largest = np.max(np.abs(result)) if np.all(np.isfinite(result)) else np.inf
    if largest > 1e30:
        return "overflows"
    assert_allclose(expected[0].ravel(), result.ravel(), rtol=1e-3, atol=1e-4 * (largest + 1e-3), err_msg=str(chain))
    return "same values"
