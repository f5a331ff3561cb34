"""Damaged and odd ONNX files: each becomes layers with onnxruntime's values, or an error of one sentence, in time."""

from collections import Counter

import numpy as np
import pytest

from convmatrix.frameworks.onnx import from_model
from onnx_models import W, model_of, outcome, tensor

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from google.protobuf.message import DecodeError  # noqa: E402  only where they are installed
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

# -- damaged files ---------------------------------------------------------------------------------------------------

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
