"""Drawn attributes of ONNX's operators, against its evaluator and onnxruntime, in exact integers.

The two do not always agree, and each has configurations that it does not support; the functions `judges_of_*` return
which of them follow the specification, and the tests count them.
"""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import MaxPool
from convmatrix.frameworks.onnx import conv, conv_transpose, from_model, weight

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx import helper  # noqa: E402  only where it is installed
from onnx.reference import ReferenceEvaluator  # noqa: E402

DRAWN = 600
"""Number of cases of each operator."""
FLOAT = onnx.TensorProto.FLOAT
runtime.set_default_logger_severity(4)  # it writes what it refuses to stderr otherwise
OPTIONS = runtime.SessionOptions()
OPTIONS.intra_op_num_threads, OPTIONS.log_severity_level = 1, 4


# -- the judges ------------------------------------------------------------------------------------------------------


def model_of(op, x_shape, w_shape, attributes):
    node = helper.make_node(op, ["X", "W"], ["Y"], **attributes)
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (("X", x_shape), ("W", w_shape))]
    graph = helper.make_graph([node], "drawn", values, [helper.make_tensor_value_info("Y", FLOAT, None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def by_runtime(model, feeds):
    """Return onnxruntime's result, or None if it raises an error."""
    try:
        session = runtime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
        return session.run(None, feeds)[0]
    except Exception as error:  # its classes have no base of their own
        if "onnxruntime" not in f"{type(error).__module__}{error}".lower():
            raise
        return None


def by_reference(model, feeds):
    """Return the result of ONNX's own evaluator."""
    return ReferenceEvaluator(model).run(None, feeds)[0]


def by_matrix(layer, x, w):
    return layer.unvec(layer.matrix(w.astype(np.int64)) @ layer.vec(x.astype(np.int64)))


def made(make, *args, **keywords):
    """Return a layer, or None if the call raises a ValueError."""
    try:
        return make(*args, **keywords)
    except ValueError:
        return None


def filled(rng, shape):
    return rng.integers(-4, 5, shape).astype(np.float32)


# -- convolutions ----------------------------------------------------------------------------------------------------


def some(rng, attributes):
    """Leave out attributes at random; auto_pad and pads are rarely given together."""
    kept = {name: value for name, value in attributes.items() if rng.random() < 0.75}
    if kept.get("auto_pad", "NOTSET") != "NOTSET" and rng.random() < 0.9:
        kept.pop("pads", None)
    return kept


def drawn_conv(rng):
    """Draw shapes and attributes, about a quarter of them invalid."""
    ndim, groups = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 3]))
    size = [int(n) for n in rng.integers(2, 8 - ndim, ndim)]
    kernel = [int(k) for k in rng.integers(1, 4, ndim)]
    w_shape = [groups * int(rng.integers(1, 3)), int(rng.integers(1, 3)), *kernel]
    attributes = some(
        rng,
        {
            "auto_pad": str(rng.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])),
            "dilations": rng.choice([1, 1, 2, 3], ndim).tolist(),
            "pads": rng.integers(0, 4, 2 * ndim).tolist(),
            "strides": rng.integers(1, 4, ndim).tolist(),
            "kernel_shape": kernel,
        },
    )
    attributes |= {"group": groups} if groups > 1 or rng.random() < 0.5 else {}
    x_shape = [2, w_shape[1] * groups, *size]
    spoil(rng, attributes, x_shape, w_shape)
    return x_shape, w_shape, attributes


def spoil(rng, attributes, x_shape, w_shape):
    """Make the arguments invalid at random."""
    ndim = len(x_shape) - 2
    ways = {
        0: lambda: attributes.update(pads=[-1] + [1] * (2 * ndim - 1)),
        1: lambda: attributes.update(pads=[1] * (2 * ndim - 1)),
        2: lambda: attributes.update(strides=[0] * ndim),
        3: lambda: attributes.update(dilations=[1] * (ndim + 1)),
        4: lambda: attributes.update(kernel_shape=[k + 1 for k in w_shape[2:]]),
        5: lambda: attributes.update(group=attributes.get("group", 1) + 1),
        6: lambda: x_shape.__setitem__(1, x_shape[1] + 1),
        7: lambda: attributes.update(auto_pad="SAME"),
        8: lambda: attributes.update(strides=[1] * (ndim + 1)),
        9: lambda: attributes.update(dilations=[-1] * ndim),
    }
    ways.get(int(rng.integers(0, 80)), lambda: None)()


def features(attributes, x_shape, w_shape):
    """Return the features of a configuration."""
    ndim = len(x_shape) - 2
    pads = attributes.get("pads", [0])
    return {
        f"{ndim} axes",
        attributes.get("auto_pad", "NOTSET"),
        *(["pads differ"] if pads[:ndim] != pads[ndim:] else []),
        *(["dilated"] if max(attributes.get("dilations", [1])) > 1 else []),
        *(["strided"] if max(attributes.get("strides", [1])) > 1 else []),
        *(["groups"] if attributes.get("group", 1) > 1 else []),
        *(
            ["pads beside auto_pad"]
            if "pads" in attributes and attributes.get("auto_pad", "NOTSET") != "NOTSET"
            else []
        ),
        *(name for name in ("output_shape", "output_padding", "kernel_shape") if name in attributes),
    }


def test_convolutions():
    rng = np.random.default_rng(1)
    counts = Counter()
    for _ in range(DRAWN):
        x_shape, w_shape, attributes = drawn_conv(rng)
        x, w = filled(rng, x_shape), filled(rng, w_shape)
        model, feeds = model_of("Conv", x_shape, w_shape, attributes), {"X": x, "W": w}
        layer, expected = made(conv, x_shape, w_shape, **attributes), by_runtime(model, feeds)
        special = features(attributes, x_shape, w_shape)
        if {"dilated"} <= special and special & {"SAME_UPPER", "SAME_LOWER"} and layer is not None:
            assert expected is None, attributes  # a limit of onnxruntime, no rule of the text
            counts["dilated SAME by the evaluator alone"] += 1
        else:
            assert (layer is None) == (expected is None), (x_shape, w_shape, attributes)
        if layer is None:
            counts["refused"] += 1
            continue
        result = by_matrix(layer, x, weight(w))
        assert_array_equal(result, by_reference(model, feeds), err_msg=str((x_shape, w_shape, attributes)))
        if expected is not None:
            assert_array_equal(result, expected, err_msg=str((x_shape, w_shape, attributes)))
            counts["by both"] += 1
        counts.update(special)
    few = {name: count for name, count in counts.items() if count < 20 and name != "pads beside auto_pad"}
    assert not few, counts
    assert counts["by both"] >= 300, counts
    assert counts["refused"] >= 100, counts
    assert {"SAME_LOWER", "SAME_UPPER", "VALID", "NOTSET", "3 axes", "pads differ", "groups"} <= set(counts)


# -- transposed convolutions -----------------------------------------------------------------------------------------


def drawn_transpose(rng):
    ndim, groups = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 3]))
    size = [int(n) for n in rng.integers(1, 6 - ndim, ndim)]
    kernel = [int(k) for k in rng.integers(1, 4, ndim)]
    w_shape = [groups * int(rng.integers(1, 3)), int(rng.integers(1, 3)), *kernel]
    strides, dilations = rng.integers(1, 5, ndim).tolist(), rng.choice([1, 1, 2, 3], ndim).tolist()
    attributes = some(
        rng,
        {
            "auto_pad": str(rng.choice(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])),
            "dilations": dilations,
            "pads": rng.integers(0, 3, 2 * ndim).tolist(),
            "strides": strides,
            "kernel_shape": kernel,
        },
    )
    strides = attributes.get("strides", [1] * ndim)
    spans = [d * (k - 1) + 1 for d, k in zip(attributes.get("dilations", [1] * ndim), kernel, strict=True)]
    if rng.random() < 0.4:
        attributes["output_padding"] = [int(rng.integers(0, s + (rng.random() < 0.1))) for s in strides]
    if rng.random() < 0.35:
        full = [(n - 1) * s + span for n, s, span in zip(size, strides, spans, strict=True)]
        attributes["output_shape"] = [
            max(1, f - int(rng.integers(-s, s + 2))) for f, s in zip(full, strides, strict=True)
        ]
    attributes |= {"group": groups} if groups > 1 or rng.random() < 0.5 else {}
    x_shape = [2, w_shape[0], *size]
    spoil(rng, attributes, x_shape, w_shape)
    return x_shape, w_shape, attributes


def runtime_follows(x_shape, w_shape, attributes):
    """Check whether onnxruntime follows the specification for a negative total padding, which only SAME splits.

    It adds no zeros at the start. Without an output_shape it adds none at all, and for one that no convolution maps to
    the input it raises an error.
    """
    ndim, name = len(x_shape) - 2, attributes.get("auto_pad", "NOTSET")
    strides, dilations = attributes.get("strides", [1] * ndim), attributes.get("dilations", [1] * ndim)
    wanted = attributes.get("output_shape", [n * s for n, s in zip(x_shape[2:], strides, strict=True)])
    extra = attributes.get("output_padding", [0] * ndim)
    for n, k, s, d, op, o in zip(x_shape[2:], w_shape[2:], strides, dilations, extra, wanted, strict=True):
        full = s * (n - 1) + (k - 1) * d + 1
        total = full + op - o
        if total < 0 and ("output_shape" not in attributes or name == "SAME_UPPER" or total < -1 or o - full >= s):
            return False
    return True


def judges_of_transpose(x_shape, w_shape, attributes):
    """Return which of the two follow the specification if the layer exists.

    The evaluator does not with an output_shape without SAME, for which it applies the pads unchanged.
    """
    judges = {"runtime", "reference"}
    same = attributes.get("auto_pad", "NOTSET").startswith("SAME")
    if "output_shape" in attributes and not same:
        judges.discard("reference")
    if same and not runtime_follows(x_shape, w_shape, attributes):
        judges.discard("runtime")
    return judges


def test_transposed_convolutions():
    rng = np.random.default_rng(2)
    counts = Counter()
    for _ in range(DRAWN):
        x_shape, w_shape, attributes = drawn_transpose(rng)
        x, w = filled(rng, x_shape), filled(rng, w_shape)
        model, feeds = model_of("ConvTranspose", x_shape, w_shape, attributes), {"X": x, "W": w}
        layer, expected = made(conv_transpose, x_shape, w_shape, **attributes), by_runtime(model, feeds)
        if layer is None:
            assert expected is None, (x_shape, w_shape, attributes)
            counts["refused"] += 1
            continue
        judges = judges_of_transpose(x_shape, w_shape, attributes)
        result = by_matrix(layer, x, weight(w, transpose=True))
        case = str((x_shape, w_shape, attributes))
        if "runtime" in judges:
            assert expected is not None, case
            assert_array_equal(result, expected, err_msg=case)
        else:
            differ = expected is None or expected.shape != result.shape or not np.array_equal(result, expected)
            counts["onnxruntime differs"] += differ  # but where all that is left is zeros
            counts["onnxruntime does not follow the text"] += 1
        if "reference" in judges:
            assert_array_equal(result, by_reference_in_groups(x, w, attributes), err_msg=case)
        assert judges, case
        counts.update(judges)
        counts["by both"] += len(judges) == 2
        counts.update(features(attributes, x_shape, w_shape))
    assert min(counts.values()) >= 40, counts
    assert counts["by both"] >= 150, counts
    assert counts["onnxruntime differs"] >= 0.9 * counts["onnxruntime does not follow the text"], counts
    assert counts["refused"] >= 150, counts
    assert {
        "SAME_LOWER",
        "SAME_UPPER",
        "VALID",
        "NOTSET",
        "3 axes",
        "pads differ",
        "groups",
        "dilated",
        "output_shape",
        "output_padding",
        "kernel_shape",
    } <= set(counts)


def by_reference_in_groups(x, w, attributes):
    """Return the result of ONNX's evaluator group by group, whose transposed convolution fails for several groups."""
    groups = attributes.get("group", 1)
    parts = [
        {"X": x_part, "W": w_part}
        for x_part, w_part in zip(np.split(x, groups, axis=1), np.split(w, groups), strict=True)
    ]
    return np.concatenate(
        [
            by_reference(model_of("ConvTranspose", part["X"].shape, part["W"].shape, attributes | {"group": 1}), part)
            for part in parts
        ],
        axis=1,
    )


@pytest.mark.parametrize("auto_pad", ["NOTSET", "VALID"])
@pytest.mark.parametrize("size", [6, 7, 8])
def test_both_add_zeros_at_the_end_for_a_large_output_shape(auto_pad, size):
    """Without SAME, both differ from the equation in the specification, which adds half of the zeros at the start."""
    attributes = {"auto_pad": auto_pad, "strides": [3], "output_shape": [size]}
    x, w = np.array([[[2, 3]]], np.float32), np.array([[[1, 2, 3]]], np.float32)
    model, feeds = model_of("ConvTranspose", x.shape, w.shape, attributes), {"X": x, "W": w}
    result = by_matrix(conv_transpose(x, w, **attributes), x, weight(w, transpose=True))
    assert result.ravel().tolist() == [2, 4, 6, 3, 6, 9, 0, 0][:size]
    assert_array_equal(result, by_runtime(model, feeds))
    assert_array_equal(result, by_reference(model, feeds))


# -- models ----------------------------------------------------------------------------------------------------------


def whole_model(op, x_shape, inputs=(), **attributes):
    """Make a model of one node, whose other inputs are initializers."""
    names = [f"c{number}" if array is not None else "" for number, array in enumerate(inputs)]
    node = helper.make_node(op, ["X", *names], ["Y"], **attributes)
    tensors = [onnx.numpy_helper.from_array(array, name) for array, name in zip(inputs, names, strict=True) if name]
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (("X", x_shape), ("Y", None))]
    graph = helper.make_graph([node], "drawn", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=10)


def through(chain, x):
    (layer,), (w,) = chain, chain.weights
    if isinstance(layer, MaxPool):
        return np.stack([layer.unvec(layer.matrix(image, dtype=float) @ layer.vec(image)) for image in x])
    return layer.unvec((layer.matrix() if w is None else layer.matrix(w)) @ layer.vec(x.astype(float)))


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
def test_pools(op):
    rng = np.random.default_rng(3)
    counts = Counter()
    for _ in range(150):
        ndim = int(rng.integers(1, 4))
        size, kernel = rng.integers(3, 7, ndim).tolist(), rng.integers(1, 4, ndim).tolist()
        attributes = some(
            rng,
            {
                "auto_pad": str(rng.choice(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])),
                "pads": [int(rng.integers(0, k)) for k in (*kernel, *kernel)],
                "strides": rng.integers(1, 4, ndim).tolist(),
                "ceil_mode": int(rng.integers(0, 2)),
            }
            | ({"count_include_pad": int(rng.integers(0, 2))} if op == "AveragePool" else {}),
        )
        if attributes.get("auto_pad", "NOTSET") != "NOTSET":
            attributes.pop("pads", None)  # onnxruntime takes both, against the text
        x = filled(rng, (2, 2, *size))
        model = whole_model(op, x.shape, kernel_shape=kernel, **attributes)
        chain, expected = made(from_model, model), by_runtime(model, {"X": x})
        if chain is None and expected is not None:
            with pytest.raises(ValueError, match=r"it is not agreed|which no pool of ours can"):
                from_model(model)
            counts["unsettled"] += 1
            continue
        assert (chain is None) == (expected is None), (x.shape, kernel, attributes)
        counts["refused" if chain is None else "made"] += 1
        if chain is not None:
            assert_allclose(
                through(chain, x), expected, rtol=1e-5, atol=1e-5, err_msg=str((x.shape, kernel, attributes))
            )
            counts.update(name for name in attributes if attributes[name])
    assert counts["made"] >= 100, counts
    assert min(counts[name] for name in ("auto_pad", "pads", "strides", "ceil_mode")) >= 30, counts


def test_resizes():
    """Each rounds positions such as 0.5 / (1 / 3) - 0.5 and may miss an exact one, but never both of them."""
    rng = np.random.default_rng(4)
    counts = Counter()
    for _ in range(300):
        size = rng.integers(1, 6, 2).tolist()
        mode = str(rng.choice(["nearest", "linear"]))
        attributes = {
            "mode": mode,
            "coordinate_transformation_mode": str(
                rng.choice(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"])
            ),
        }
        if mode == "nearest":
            attributes["nearest_mode"] = str(rng.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
        x = filled(rng, (2, 2, *size))
        if rng.random() < 0.5:
            inputs = (None, np.array([1, 1, *rng.choice([0.5, 1, 1.5, 2, 3, 0.6, 1.7], 2)], np.float32))
        else:
            inputs = (None, None, np.array([2, 2, *rng.integers(1, 9, 2)]))
        model = whole_model("Resize", x.shape, inputs, **attributes)
        chain = made(from_model, model)
        if chain is None:
            counts["refused"] += 1
            continue
        result = through(chain, x)
        same = [
            np.shape(expected) == result.shape and np.allclose(result, expected, rtol=1e-5, atol=2e-5)
            for expected in (by_runtime(model, {"X": x}), by_reference(model, {"X": x}))
        ]
        assert any(same), (x.shape, inputs, attributes)
        counts.update(["made", *attributes.values()])
        counts.update({"runtime": int(same[0]), "reference": int(same[1])})
    assert counts["made"] >= 150, counts
    assert counts["refused"] >= 80, counts
    assert min(counts["runtime"], counts["reference"]) >= 0.95 * counts["made"], counts
    kwargs = ("linear", "nearest", "half_pixel", "align_corners", "asymmetric", "round_prefer_floor", "floor")
    assert min(counts[name] for name in kwargs) >= 10, counts


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_pads(mode):
    rng = np.random.default_rng(7)
    for _ in range(25):
        ndim = int(rng.integers(1, 4))
        size = rng.integers(3, 6, ndim).tolist()
        least = -1 if mode == "constant" else 0
        pads = [0, 0, *rng.integers(least, 3, ndim), 0, 0, *rng.integers(least, 3, ndim)]
        x = filled(rng, (2, 2, *size))
        model = whole_model("Pad", x.shape, (np.array(pads),), mode=mode)
        assert_array_equal(through(from_model(model), x), by_runtime(model, {"X": x}))


@pytest.mark.parametrize(
    ("op", "shape", "kwargs"),
    [
        ("DepthToSpace", (2, 8, 4, 6), {"mode": "DCR"}),
        ("DepthToSpace", (2, 8, 4, 6), {"mode": "CRD"}),
        ("SpaceToDepth", (2, 3, 4, 6), {}),
    ],
)
def test_space_and_depth(op, shape, kwargs):
    """The mode of SpaceToDepth is newer than onnxruntime; ONNX's own cases have it."""
    x = filled(np.random.default_rng(8), shape)
    model = whole_model(op, x.shape, blocksize=2, **kwargs)
    assert_array_equal(through(from_model(model), x), by_runtime(model, {"X": x}))
