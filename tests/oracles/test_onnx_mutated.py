"""Damaged and odd ONNX files: each becomes layers with onnxruntime's values, or an error of one sentence, in time."""

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
"""Limit of the time to read a file, in seconds: no file makes the reader search or allocate for long."""
SMALL = 2**16
"""Largest number of entries of a model that is run."""
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
        [
            node("Conv", ["x", "w"], ["a"], name="one"),
            node("ConvTranspose", ["a", "v"], ["y"], strides=[2, 2], output_padding=[1, 0], name="two"),
        ],
        w=W,
        v=W.reshape(3, 2, 3, 3),
    ),
    "dilated groups": model_of([node("Conv", ["x", "w"], ["y"], dilations=[2, 1], group=2)], w=W.reshape(6, 1, 3, 3)),
    "pools": model_of(
        [
            node("MaxPool", ["x"], ["a"], kernel_shape=[2, 3], pads=[0, 1, 1, 0]),
            node("AveragePool", ["a"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        ]
    ),
    "global": model_of([node("GlobalAveragePool", ["x"], ["a"]), node("Flatten", ["a"], ["y"])]),
    "typed": model_of([node("Conv", ["x", "t"], ["y"])], (1, 3, 5, 4), typed=[TYPED]),
    "scales": model_of(
        [
            node(
                "Resize",
                ["x", "", "s"],
                ["y"],
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            )
        ],
        s=np.array([1, 1, 2, 1.5], np.float32),
    ),
    "sizes": model_of([node("Resize", ["x", "", "", "z"], ["y"], mode="linear")], z=np.array([1, 2, 9, 5])),
    "depth": model_of([node("DepthToSpace", ["x"], ["y"], blocksize=2)], (1, 8, 2, 3)),
    "space": model_of(
        [node("SpaceToDepth", ["x"], ["a"], blocksize=2), node("Conv", ["a", "w"], ["y"])],
        (1, 2, 4, 6),
        w=np.ones((2, 8, 1, 1), np.float32),
    ),
    "pad": model_of(
        [node("Pad", ["x", "p"], ["a"], mode="reflect"), node("Identity", ["a"], ["y"])],
        p=np.array([0, 0, 1, 2, 0, 0, 0, 1]),
    ),
    "constants": model_of(
        [
            node("Constant", [], ["k"], value=numpy_helper.from_array(W)),
            node("Identity", ["k"], ["w"]),
            node("Relu", ["x"], ["unused"]),
            node("Conv", ["x", "w"], ["y"]),
        ]
    ),
    "notes": model_of(
        [node("Relu", ["x"], ["a"]), node("Dropout", ["a"], ["d"]), node("Conv", ["d", "w"], ["y"])], w=W
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_have_the_values_of_onnxruntime(name):
    assert outcome(SOUND[name]) == ("not linear" if name == "notes" else "same values")


def damaged(rng, data):
    """Flip some bits of a file, or delete, double or cut off bytes."""
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
    """Damage a file, and return it with its model if it is still protobuf; most others are drawn again."""
    for _ in range(4):
        bad = damaged(rng, data)
        try:
            return bad, onnx.load_model_from_string(bad)
        except DecodeError:
            continue
    return bad, None


def answers(seed, count, folder):
    """Count the outcomes of damaged files, read as models, or from a path if they are no protobuf."""
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


# -- odd attributes --------------------------------------------------------------------------------------------------

HUGE = 2**62
OPERATORS = {
    "Conv": (
        ["x", "w"],
        {
            "auto_pad": "VALID",
            "dilations": [1, 2],
            "group": 1,
            "kernel_shape": [3, 3],
            "pads": [1, 0, 1, 0],
            "strides": [2, 1],
        },
    ),
    "ConvTranspose": (
        ["x", "v"],
        {
            "auto_pad": "SAME_UPPER",
            "dilations": [1, 2],
            "group": 1,
            "kernel_shape": [3, 3],
            "output_padding": [1, 0],
            "output_shape": [12, 9],
            "pads": [1, 0, 1, 0],
            "strides": [2, 1],
        },
    ),
    "MaxPool": (
        ["x"],
        {
            "auto_pad": "VALID",
            "ceil_mode": 1,
            "dilations": [1, 2],
            "kernel_shape": [2, 3],
            "pads": [1, 0, 1, 0],
            "storage_order": 0,
            "strides": [2, 1],
        },
    ),
    "AveragePool": (
        ["x"],
        {
            "auto_pad": "VALID",
            "ceil_mode": 1,
            "count_include_pad": 1,
            "dilations": [1, 2],
            "kernel_shape": [2, 3],
            "pads": [1, 0, 1, 0],
            "strides": [2, 1],
        },
    ),
    "GlobalAveragePool": (["x"], {"kernel_shape": [1, 1]}),
    "Resize": (
        ["x", "", "s"],
        {
            "antialias": 1,
            "axes": [2, 3],
            "coordinate_transformation_mode": "asymmetric",
            "cubic_coeff_a": 0.5,
            "exclude_outside": 1,
            "extrapolation_value": 0.5,
            "keep_aspect_ratio_policy": "stretch",
            "mode": "nearest",
            "nearest_mode": "floor",
        },
    ),
    "DepthToSpace": (["x"], {"blocksize": 2, "mode": "CRD"}),
    "SpaceToDepth": (["x"], {"blocksize": 2, "mode": "CRD"}),
    "Pad": (["x", "p"], {"mode": "edge", "pads": [0, 0, 1, 0, 0, 0, 0, 2], "value": 0.0}),
    "Cast": (["x"], {"to": 1, "saturate": 1}),
}
"""Inputs and attributes of sound nodes."""
NEEDED = {"kernel_shape", "blocksize", "axes", "to"}
TENSORS = {"w": W, "v": W.reshape(2, 3, 3, 3), "s": np.array([2, 3], np.float32), "p": np.array([0] * 8)}


def odd_values(value):
    """Return values of the type of an attribute, and of all other types."""
    if isinstance(value, list):
        count = len(value)
        own = [[0] * count, [-1] * count, [HUGE] * count, [2**63 - 1, *value[1:]], value[1:], [*value, 1], []]
    elif isinstance(value, int):
        own = [0, -1, 2, 3, HUGE, -HUGE]
    elif isinstance(value, float):
        own = [float("nan"), float("inf"), -1.0, 1e38]
    else:
        own = ["", value.lower(), value + " ", b"\xff\xfe", "notset", "NOTSET"]
    others = [
        1,
        1.5,
        "1",
        [1, 1],
        [1.5],
        ["a"],
        numpy_helper.from_array(np.ones(2, np.int64)),
        "graph",
        "untyped",
        "reference",
        "twice",
    ]
    return own + others


def with_attribute(name, odd, value):
    """Return the attributes of a node in which one is odd."""
    if odd == "graph":
        return [helper.make_attribute(name, helper.make_graph([], "g", [], []))]
    if odd == "twice":
        return [helper.make_attribute(name, value)] * 2
    attribute = helper.make_attribute(
        name,
        value if odd in ("untyped", "reference") else odd,
        **({"attr_type": onnx.AttributeProto.INTS} if odd == [] else {}),
    )
    if odd == "untyped":
        attribute.type = 0
    if odd == "reference":
        attribute.ref_attr_name = "outer"
    return [attribute]


def odd_nodes(op):
    """Yield models of one node, each with one odd attribute besides the required ones."""
    inputs, attributes = OPERATORS[op]
    for name, value in attributes.items():
        for odd in odd_values(value):
            made = node(op, inputs, ["y"])
            for other in attributes:
                if other in NEEDED and other != name:
                    made.attribute.append(helper.make_attribute(other, attributes[other]))
            made.attribute.extend(with_attribute(name, odd, value))
            shape = (1, 8, 4, 6) if op == "DepthToSpace" else (1, 2, 6, 8)
            constants = {each: TENSORS[each] for each in inputs if each in TENSORS}
            yield f"{op}, {name}={odd!r}"[:80], model_of([made], shape, opset=19, **constants)


@pytest.mark.parametrize(
    ("op", "least"),
    [
        ("Conv", 90),
        ("ConvTranspose", 120),
        ("MaxPool", 105),
        ("AveragePool", 105),
        ("GlobalAveragePool", 15),
        ("Resize", 130),
        ("DepthToSpace", 30),
        ("SpaceToDepth", 30),
        ("Pad", 40),
        ("Cast", 30),
    ],
)
def test_odd_attributes(op, least):
    counts = Counter()
    for name, model in odd_nodes(op):
        try:
            counts[outcome(model)] += 1
        except BaseException:
            print(name)
            raise
    assert sum(counts.values()) >= least, counts
    assert counts["refused"] >= least // 2, counts


# -- odd tensors -----------------------------------------------------------------------------------------------------


def tensor(dims=(3, 2, 3, 3), data_type=TensorProto.FLOAT, **fields):
    made = TensorProto(name="w", data_type=data_type, dims=dims)
    for name, value in fields.items():
        if name in ("raw_data", "data_location"):
            setattr(made, name, value)
        else:
            getattr(made, name).extend(value)
    return made


def odd_tensors():
    raw = W.tobytes()
    for kind in (*range(25), 99, -1, 2**31 - 1):
        for size in (1, 2, 4, 8):
            yield f"{size} bytes of type {kind}", tensor(data_type=kind, raw_data=bytes(54 * size))
        yield f"no values of type {kind}", tensor(data_type=kind)
    for dims in (
        (),
        (54,),
        (3, 18),
        (3, 2, 9),
        (54, 1, 1, 1),
        (3, 2, 3, 3, 1),
        (3, -2, -3, 3),
        (-1, 2, 3, 3),
        (0, 2, 3, 3),
        (10**18,) * 4,
        (2**63 - 1, 0, 3, 3),
        (1,) * 70,
        (3, 2, 3, 2),
    ):
        yield f"dims {dims}", tensor(dims, raw_data=raw)
        yield f"dims {dims}, no values", tensor(dims)
    for kind, values in {
        TensorProto.UINT8: [300] * 54,
        TensorProto.INT8: [-129] * 54,
        TensorProto.BOOL: [2] * 54,
        TensorProto.FLOAT16: [-1] * 54,
        TensorProto.INT16: [2**20] * 54,
        TensorProto.BFLOAT16: [16256] * 54,
        TensorProto.INT32: [1] * 54,
    }.items():
        yield f"int32_data of type {kind}", tensor(data_type=kind, int32_data=values)
    yield "uint32 beyond", tensor(data_type=TensorProto.UINT32, uint64_data=[2**40] * 54)
    yield "floats not finite", tensor(float_data=[float("inf"), float("nan")] * 27)
    yield "wrong field", tensor(double_data=[1.0] * 54)
    yield "external", tensor(data_location=1)
    yield "bytes and values", tensor(raw_data=raw, float_data=[1.0] * 54)
    yield "cut off", tensor(raw_data=raw[:-1])


def test_odd_tensors():
    counts = Counter()
    for name, typed in odd_tensors():
        for op in ("Conv", "ConvTranspose"):
            try:
                counts[
                    outcome(model_of([node(op, ["x", "w"], ["y"])], (1, 2 + (op != "Conv"), 6, 7), typed=[typed]))
                ] += 1
            except BaseException:
                print(name)
                raise
    assert sum(counts.values()) >= 300, counts
    assert counts["refused"] >= 200, counts
    assert counts["same values"] >= 4, counts


def odd_operands():
    """Yield nodes with odd constants: scales, sizes, axes, pads and one value."""
    nan, inf = float("nan"), float("inf")
    resize, f32, i64 = ["x", "", "s"], np.float32, np.int64
    for values in (
        [1, 1, inf, 2],
        [1, 1, nan, 2],
        [1, 1, -2, 2],
        [1, 1, 0, 2],
        [1, 1, 1e38, 1],
        [1, 1, 1e-38, 1],
        [1, 1, 2],
        [],
        [1, 1, 2, 2, 1],
        [2, 1, 2, 2],
        [1, 1, 3e9, 1],
        [1, 1, 1e-40, 1],
    ):
        yield f"scales {values}", node("Resize", resize, ["y"]), {"s": np.array(values, f32)}
        yield f"scales {values}, Upsample", node("Upsample", ["x", "s"], ["y"]), {"s": np.array(values, f32)}
    yield "scales of integers", node("Resize", resize, ["y"]), {"s": np.array([1, 1, 2, 2])}
    yield "scales of bools", node("Resize", resize, ["y"]), {"s": np.array([True] * 4)}
    yield "scales of two axes", node("Resize", resize, ["y"]), {"s": np.ones((1, 4), f32)}
    yield "one scale", node("Resize", resize, ["y"]), {"s": f32(2)}
    sizes = ["x", "", "", "z"]
    for mode in ("nearest", "linear"):
        for coordinates in ("half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric", "pytorch_half_pixel"):
            for values in (
                [1, 2, 2 * 10**9, 8],
                [1, 2, 10**18, 8],
                [1, 2, 0, 8],
                [1, 2, -5, 8],
                [3, 2, 6, 7],
                [1, 2, 70000, 7],
                [1, 2, 1, 1],
            ):
                yield (
                    f"{mode}, {coordinates}, sizes {values}",
                    node("Resize", sizes, ["y"], mode=mode, coordinate_transformation_mode=coordinates),
                    {"z": np.array(values)},
                )
    yield "sizes of floats", node("Resize", sizes, ["y"]), {"z": np.array([1, 2, 6, 7], f32)}
    yield (
        "sizes and scales",
        node("Resize", ["x", "", "s", "z"], ["y"]),
        {"s": np.array([1, 1, 2, 2], f32), "z": np.array([1, 2, 12, 14])},
    )
    yield "neither", node("Resize", ["x"], ["y"]), {}
    for values in (
        [0] * 8,
        [HUGE] * 8,
        [0, 0, HUGE, 0, 0, 0, 0, 0],
        [0, 0, -9, 0, 0, 0, 0, 0],
        [0] * 7,
        [],
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, -1, 0, 0, 0, 1, 0],
        [0, 0, 30, 0, 0, 0, 0, 40],
    ):
        for mode in ("constant", "edge", "reflect", "wrap"):
            yield f"pads {values}, {mode}", node("Pad", ["x", "p"], ["y"], mode=mode), {"p": np.array(values, i64)}
    yield "pads of floats", node("Pad", ["x", "p"], ["y"]), {"p": np.zeros(8, f32)}
    yield "pads of two axes", node("Pad", ["x", "p"], ["y"]), {"p": np.zeros((2, 4), i64)}
    for axes in ([7], [-5], [2, 2], [2.0], [[2]], [], [2, 3]):
        yield (
            f"axes {axes}",
            node("Pad", ["x", "p", "", "a"], ["y"]),
            {"p": np.ones(2 * np.size(axes), i64), "a": np.array(axes, f32 if axes == [2.0] else i64)},
        )
    for value in (1.0, nan, inf, [0.0, 0.0], [], 0.0, [0.0]):
        yield f"value {value}", node("Pad", ["x", "p", "c"], ["y"]), {"p": np.ones(8, i64) * 0, "c": f32(value)}
    for bias in (np.ones(2, f32), np.ones((3, 1), f32), f32(1), np.ones(3), np.ones(3, np.int32), np.array(["a"] * 3)):
        yield f"bias {bias.dtype} {bias.shape}", node("Conv", ["x", "w", "b"], ["y"]), {"w": W, "b": bias}
    for training in (True, False):
        yield f"dropout {training}", node("Dropout", ["x", "r", "t"], ["y"]), {"r": f32(0.5), "t": np.bool_(training)}


def test_odd_operands():
    counts = Counter()
    for name, made, constants in odd_operands():
        try:
            opset = 9 if made.op_type == "Upsample" else 19
            counts[outcome(model_of([made], opset=opset, **constants))] += 1
        except BaseException:
            print(name)
            raise
    assert sum(counts.values()) >= 150, counts
    assert counts["refused"] >= 100, counts
    assert counts["same values"] >= 10, counts


# -- odd graphs ------------------------------------------------------------------------------------------------------


def changed(change, *, shape=(1, 2, 6, 7)):
    """Make a model of a convolution and a pool, and change it."""
    model = model_of(
        [node("Conv", ["x", "w"], ["a"], name="one"), node("MaxPool", ["a"], ["y"], kernel_shape=[2, 2])], shape, w=W
    )
    change(model.graph)
    return model


def rename(graph, old, new):
    for made in graph.node:
        for names in (made.input, made.output):
            names[:] = [new if name == old else name for name in names]


ODD = {
    "no nodes": lambda g: g.ClearField("node"),
    "no inputs": lambda g: g.ClearField("input"),
    "no outputs": lambda g: g.ClearField("output"),
    "no initializers": lambda g: g.ClearField("initializer"),
    "a node without inputs": lambda g: g.node[0].ClearField("input"),
    "a node without outputs": lambda g: g.node[0].ClearField("output"),
    "a last node without outputs": lambda g: g.node[1].ClearField("output"),
    "empty names": lambda g: rename(g, "a", ""),
    "a node without op_type": lambda g: g.node[0].ClearField("op_type"),
    "an unknown op_type": lambda g: setattr(g.node[0], "op_type", "Coonv"),
    "another domain": lambda g: setattr(g.node[0], "domain", "org.pytorch"),
    "a cycle of one": lambda g: rename(g, "a", "x"),
    "a cycle of two": lambda g: rename(g, "x", "y"),
    "the output is the input": lambda g: setattr(g.output[0], "name", "x"),
    "the output is a weight": lambda g: setattr(g.output[0], "name", "w"),
    "the output is unknown": lambda g: setattr(g.output[0], "name", "nowhere"),
    "the output is in between": lambda g: setattr(g.output[0], "name", "a"),
    "two outputs": lambda g: g.output.add(name="a"),
    "an output twice": lambda g: g.output.add(name="y"),
    "an unknown second output": lambda g: g.output.add(name="nowhere"),
    "an initializer twice": lambda g: g.initializer.append(g.initializer[0]),
    "an input twice": lambda g: g.input.append(g.input[0]),
    "two inputs": lambda g: g.input.add(name="z"),
    "a weight that is an input too": lambda g: g.input.add(name="w"),
    "nodes in reverse": lambda g: g.node.sort(key=lambda made: made.op_type, reverse=True),
    "a node twice": lambda g: g.node.append(g.node[0]),
    "a name is written twice": lambda g: g.node.add(op_type="Relu", input=["x"], output=["a"]),
    "a weight is written": lambda g: g.node.add(op_type="Relu", input=["x"], output=["w"]),
    "a dead branch": lambda g: g.node.add(op_type="Relu", input=["x"], output=["unused"]),
    "a dead end of two": lambda g: g.node.extend([node("Exotic", ["a"], ["b"]), node("Exotic", ["b"], ["c"])]),
    "a dead cycle": lambda g: g.node.extend([node("Relu", ["b"], ["c"]), node("Relu", ["c"], ["b"])]),
    "a dead node of another domain": lambda g: g.node.append(node("Exotic", ["x"], ["b"], domain="org")),
    "an Identity without inputs": lambda g: g.node.add(op_type="Identity", output=["b"]),
    "an Identity without outputs": lambda g: g.node.add(op_type="Identity", input=["w"]),
    "a Constant without outputs": lambda g: g.node.add(op_type="Constant"),
    "a Constant without values": lambda g: g.node.add(op_type="Constant", output=["b"]),
    "the weight is a Constant without values": lambda g: (
        g.ClearField("initializer"),
        g.node.add(op_type="Constant", output=["w"]),
    ),
    "the weight is text": lambda g: (
        g.ClearField("initializer"),
        g.node.append(node("Constant", [], ["w"], value_string="w")),
    ),
    "the weight is a number": lambda g: (
        g.ClearField("initializer"),
        g.node.append(node("Constant", [], ["w"], value_float=1.0)),
    ),
    "the weight is a line": lambda g: (
        g.ClearField("initializer"),
        g.node.append(node("Constant", [], ["w"], value_ints=[1, 2])),
    ),
    "the weight is copied, later": lambda g: (rename(g, "w", "v"), g.node.append(node("Identity", ["w"], ["v"]))),
    "the weight is copied in a ring": lambda g: (
        rename(g, "w", "v"),
        g.node.append(node("Identity", ["u"], ["v"])),
        g.node.append(node("Identity", ["v"], ["u"])),
    ),
    "the weight is computed": lambda g: (rename(g, "w", "v"), g.node.append(node("Relu", ["w"], ["v"]))),
    "the weight is the input": lambda g: rename(g, "w", "x"),
    "too many inputs": lambda g: g.node[0].input.extend(["w", "w"]),
    "an empty bias": lambda g: g.node[0].input.append(""),
    "a second output": lambda g: g.node[0].output.append("b"),
    "a second output that is read": lambda g: (
        g.node[1].output.append("i"),
        g.node.append(node("Exotic", ["i", "y"], ["q"])),
        setattr(g.output[0], "name", "q"),
    ),
    "no first output": lambda g: (g.node[1].ClearField("output"), g.node[1].output.extend(["", "y"])),
    "no type": lambda g: g.input[0].ClearField("type"),
    "no dims": lambda g: g.input[0].type.tensor_type.shape.ClearField("dim"),
    "two dims": lambda g: g.input[0].type.tensor_type.shape.dim.pop(),
    "a sequence": lambda g: g.input[0].type.sequence_type.elem_type.tensor_type.SetInParent(),
    "a join": lambda g: (g.node.append(node("Add", ["y", "x"], ["q"])), setattr(g.output[0], "name", "q")),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_graphs(name):
    sound = {
        "an unknown second output": 0,
        "the output is in between": 1,
        "a dead branch": 1,
        "a dead end of two": 0,
        "a dead node of another domain": 0,
        "nodes in reverse": 1,
        "the weight is copied, later": 1,
        "an empty bias": 1,
        "a weight that is an input too": 1,
    }
    found = outcome(changed(ODD[name]))
    assert (found == "same values") if sound.get(name) else True, found
    if name.startswith(("no ", "a cycle", "an Identity", "a Constant without o", "two", "a name is", "an init")):
        assert found == "refused"


def test_odd_lengths():
    counts = Counter()
    for axis in range(4):
        for length in (0, -1, -2, 1, 3, HUGE, 2**63 - 1, 10**18, 2**31):
            shape = [1, 2, 6, 7]
            shape[axis] = length
            counts[outcome(changed(lambda graph: None, shape=shape))] += 1
    assert counts["refused"] >= 15, counts
    assert counts["same values"] >= 2, counts


@pytest.mark.parametrize("name", ["x", "w", "a", "y", "one", "Conv", "kernel_shape"])
def test_names_that_are_no_text(name):
    """A name in the file may be any bytes; protobuf returns bytes for a name that is not UTF-8."""
    data = changed(lambda graph: None).SerializeToString()
    old = bytes([len(name)]) + name.encode()
    new = bytes([len(name)]) + b"\xff" * len(name)
    for place in range(data.count(old)):
        parts = data.split(old)
        bad = old.join(parts[: place + 1]) + new + old.join(parts[place + 1 :])
        assert outcome(onnx.load_model_from_string(bad)) == "refused", place
    assert old in data


def weight_by(op, reads=("v",), writes=("w",), **attributes):
    """Make a model of a convolution whose weight is the output of a node."""
    made = node(op, list(reads), list(writes), **attributes)
    return model_of([made, node("Conv", ["x", "w"], ["y"])], v=W, u=W)


def with_function(name, domain=""):
    model = changed(lambda graph: None)
    double = node("Add", ["X", "X"], ["Y"])
    model.functions.append(helper.make_function(domain, name, ["X"], ["Y"], [double], model.opset_import))
    return model


def in_segments():
    made = tensor(W.shape, raw_data=W.tobytes())
    made.segment.begin, made.segment.end = 0, 4
    return model_of([node("Conv", ["x", "w"], ["y"])], typed=[made])


NOT_AS_NAMED = {
    "an Identity of another domain": (lambda: weight_by("Identity", domain="org.mine"), "but what a Identity node"),
    "an Identity of two": (lambda: weight_by("Identity", ("v", "u")), r"has 2 inputs, \['v', 'u'\], but takes 1$"),
    "a Constant of another": (
        lambda: weight_by("Constant", ("v",), value=numpy_helper.from_array(W)),
        r"has 1 input, \['v'\], but takes none$",
    ),
    "a Constant with two outputs": (
        lambda: weight_by("Constant", (), ("w", "z"), value=numpy_helper.from_array(W)),
        r"has 2 outputs, \['w', 'z'\], but takes 1$",
    ),
    "a function Conv": (lambda: with_function("Conv"), "the model has a function of its own that is named Conv"),
    "a function MaxPool": (lambda: with_function("MaxPool", "ai.onnx"), "a function of its own that is named MaxPool"),
    "a segment": (in_segments, "tensor 'w' is one segment of a larger tensor"),
}


@pytest.mark.parametrize("name", NOT_AS_NAMED)
def test_nodes_and_tensors_whose_name_is_misleading(name):
    make, message = NOT_AS_NAMED[name]
    with pytest.raises(ValueError, match=message):
        from_model(make())


def test_functions_of_another_name_or_domain_change_nothing():
    for model in (with_function("Double"), with_function("Conv", "org.mine")):
        assert from_model(model) == from_model(changed(lambda graph: None))


def test_the_error_of_a_pad_that_crops_all():
    model = model_of([node("Pad", ["x", "p"], ["y"])], p=np.array([0, 0, -4, 0, 0, 0, -5, 0]))
    with pytest.raises(ValueError, match=r"pads -4 and -5 on axis 0 leave nothing of size 6: add at least 4$"):
        from_model(model)
    model = model_of([node("Pad", ["x", "p"], ["y"])], p=np.array([0, 0, -4, 0, 0, 0, -1, 0]))
    assert from_model(model)[0].output_size == (1, 7)


# -- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_path", [str, lambda path: path])
@pytest.mark.parametrize("external", [False, True])
def test_a_saved_model_is_read_from_its_path(tmp_path, external, as_path):
    model = SOUND["transposed"]
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    path = tmp_path / "model.onnx"
    onnx.save(copy, path, save_as_external_data=external, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists() == external
    chain, wanted = from_model(as_path(path)), from_model(model)
    assert chain == wanted
    for weight, sound in zip(chain.weights, wanted.weights, strict=True):
        assert np.array_equal(weight, sound)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "link.bin", "a/../../secret.bin", "missing.bin"])
def test_no_file_outside_the_folder_is_read(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(W.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    made = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=W.shape, data_location=TensorProto.EXTERNAL)
    made.external_data.add(key="location", value=location)
    path = folder / "model.onnx"
    path.write_bytes(model_of([node("Conv", ["x", "w"], ["y"])], typed=[made]).SerializeToString())
    message = "does not exist" if location == "missing.bin" else "leads out of the model's folder"
    with pytest.raises(ValueError, match=message):
        from_model(path)
