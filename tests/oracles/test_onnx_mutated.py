"""Damaged and odd ONNX files: each is read as layers with onnxruntime's values, or refused in one sentence, soon."""

import time
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

from convmatrix import MaxPool
from convmatrix.frameworks.onnx import from_model

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from google.protobuf.message import DecodeError  # noqa: E402  only where they are installed
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

runtime.set_default_logger_severity(4)  # it writes what it refuses to stderr otherwise
OPTIONS = runtime.SessionOptions()
OPTIONS.intra_op_num_threads, OPTIONS.log_severity_level = 1, 4

SOON = 2.0
"""Seconds that an answer may take: what is promised is that no file makes the reader search or allocate for long."""
SMALL = 2**16
"""Entries up to which a model is run."""
EXACT = ("nothing to do", "dropout", "a cast to", "the order of the entries")
"""Notes of nodes that change no values."""


# -- one model -------------------------------------------------------------------------------------------------------


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
    """One image through the layers."""
    for layer, weight, bias in zip(chain, chain.weights, chain.biases, strict=True):
        if isinstance(layer, MaxPool):
            matrix = layer.matrix(x, dtype=float)
        else:
            matrix = layer.matrix() if weight is None else layer.matrix(weight.astype(float))
        y = matrix @ layer.vec(x).astype(float)
        x = layer.unvec(y if bias is None else y + layer.bias_vector(bias.astype(float)))
    return x


def by_runtime(model, x):
    """What onnxruntime gives for the one output, or None where it refuses."""
    try:
        session = runtime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: x})[0]
    except Exception as error:  # its classes have no base of their own, and it passes on those of its bindings
        if "onnxruntime" not in f"{type(error).__module__}{error}".lower() and not isinstance(error, RuntimeError):
            raise
        return None


def outcome(model):
    """How a model is answered, in one word; what is no proper answer fails."""
    start = time.perf_counter()
    try:
        chain = from_model(model)
    except (ValueError, TypeError, MemoryError) as error:
        assert time.perf_counter() - start < SOON, f"slow: {error}"
        sentence = str(error)
        assert sentence, type(error)
        assert "\n" not in sentence, sentence
        assert len(sentence) < 900, sentence
        assert type(error).__module__.startswith("convmatrix") or type(error) is ValueError, repr(error)
        return "refused"
    assert time.perf_counter() - start < SOON, "slow"
    if isinstance(model, str) or not all(np.prod(layer.matrix_shape, dtype=float) < SMALL**2 for layer in chain):
        return "read"
    sizes = [n for layer in chain for n in (*layer.matrix_shape, layer.nnz)]
    if max(sizes) > SMALL:
        return "large"
    x = np.random.default_rng(5).integers(-4, 5, chain[0].input_shape).astype(np.float32)
    batch = model.graph.input[0].type.tensor_type.shape.dim[:1]
    count = batch[0].dim_value if batch and 0 < batch[0].dim_value < 9 else 1
    theirs = by_runtime(model, np.stack([x] * count))
    if theirs is None:
        return "onnxruntime refuses"
    assert theirs.size == count * np.prod(chain[-1].output_shape), (theirs.shape, chain)
    if not all(any(why in note for why in EXACT) for note in chain.left_out):
        return "not linear"
    ours = through(chain, x)
    largest = np.max(np.abs(ours)) if np.all(np.isfinite(ours)) else np.inf
    if largest > 1e30:
        return "overflows"
    assert_allclose(theirs[0].ravel(), ours.ravel(), rtol=1e-3, atol=1e-4 * (largest + 1e-3), err_msg=str(chain))
    return "same values"


# -- damaged files ---------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(11)
W = RNG.integers(-4, 5, (3, 2, 3, 3)).astype(np.float32)
B = np.array([1, -2, 3], np.float32)
TYPED = helper.make_tensor("t", TensorProto.FLOAT, (2, 3, 2, 2), np.arange(24.0))
node = helper.make_node

SOUND = {
    "conv": model_of([node("Conv", ["x", "w", "b"], ["y"], pads=[1, 0, 1, 2], strides=[2, 1])], w=W, b=B),
    "conv, same": model_of([node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", strides=[2, 2])], w=W),
    "transposed": model_of(
        [node("Conv", ["x", "w"], ["a"], name="one"), node("ConvTranspose", ["a", "v"], ["y"], strides=[2, 2],
              output_padding=[1, 0], name="two")], w=W, v=W.reshape(3, 2, 3, 3)),
    "dilated groups": model_of([node("Conv", ["x", "w"], ["y"], dilations=[2, 1], group=2)],
                               w=W.reshape(6, 1, 3, 3)),
    "pools": model_of([node("MaxPool", ["x"], ["a"], kernel_shape=[2, 3], pads=[0, 1, 1, 0]),
                       node("AveragePool", ["a"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)]),
    "global": model_of([node("GlobalAveragePool", ["x"], ["a"]), node("Flatten", ["a"], ["y"])]),
    "typed": model_of([node("Conv", ["x", "t"], ["y"])], (1, 3, 5, 4), typed=[TYPED]),
    "scales": model_of([node("Resize", ["x", "", "s"], ["y"], mode="nearest", nearest_mode="floor",
                             coordinate_transformation_mode="asymmetric")], s=np.array([1, 1, 2, 1.5], np.float32)),
    "sizes": model_of([node("Resize", ["x", "", "", "z"], ["y"], mode="linear")], z=np.array([1, 2, 9, 5])),
    "depth": model_of([node("DepthToSpace", ["x"], ["y"], blocksize=2)], (1, 8, 2, 3)),
    "space": model_of([node("SpaceToDepth", ["x"], ["a"], blocksize=2), node("Conv", ["a", "w"], ["y"])],
                      (1, 2, 4, 6), w=np.ones((2, 8, 1, 1), np.float32)),
    "pad": model_of([node("Pad", ["x", "p"], ["a"], mode="reflect"), node("Identity", ["a"], ["y"])],
                    p=np.array([0, 0, 1, 2, 0, 0, 0, 1])),
    "constants": model_of(
        [node("Constant", [], ["k"], value=numpy_helper.from_array(W)), node("Identity", ["k"], ["w"]),
         node("Relu", ["x"], ["unused"]), node("Conv", ["x", "w"], ["y"])]),
    "notes": model_of([node("Relu", ["x"], ["a"]), node("Dropout", ["a"], ["d"]), node("Conv", ["d", "w"], ["y"])],
                      w=W),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_have_the_values_of_onnxruntime(name):
    assert outcome(SOUND[name]) == ("not linear" if name == "notes" else "same values")


def damaged(rng, data):
    """A file with some bits flipped, or bytes lost, doubled or cut off."""
    data = bytearray(data)
    way = rng.integers(0, 10)
    place = int(rng.integers(0, len(data)))
    if way == 0:
        del data[place : place + int(rng.integers(1, 4))]
    elif way == 1:
        data[place:place] = data[place : place + int(rng.integers(1, 9))]
    elif way == 2:
        del data[place:]
    else:
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(0, len(data)))] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)


def parsed(rng, data):
    """A damaged file, and its model if it is still protobuf; most of those that are not are drawn anew."""
    for _ in range(4):
        bad = damaged(rng, data)
        try:
            return bad, onnx.load_model_from_string(bad)
        except DecodeError:
            continue
    return bad, None


def answers(seed, count, folder):
    """How damaged files are answered: as models, or from their path where they are no protobuf."""
    rng, counts, path = np.random.default_rng(seed), Counter(), folder / "damaged.onnx"
    files = [model.SerializeToString() for model in SOUND.values()]
    for number in range(count):
        bad, model = parsed(rng, files[number % len(files)])
        if model is None:
            path.write_bytes(bad)
        try:
            counts[outcome(str(path) if model is None else model)] += 1
        except BaseException:
            print(f"seed {seed}, number {number}, of {list(SOUND)[number % len(files)]!r}")
            raise
    return counts


def test_damaged_files(tmp_path):
    counts = answers(1, 210, tmp_path)
    assert counts["refused"] >= 80, counts
    assert counts["same values"] >= 40, counts


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 22))
def test_many_damaged_files(seed, tmp_path):
    counts = answers(seed, 200, tmp_path)
    assert counts["refused"] >= 80, counts
    assert counts["same values"] >= 40, counts
