"""Test the text of each framework's call, and rows of random arguments against an independent implementation.

The latter is a direct convolution as loops over taps, with kernels converted by `np.transpose` and names of paddings as
formulas. It has its own table of arguments that a framework does not have.
"""

import ast
import re
from collections import Counter
from itertools import product

import numpy as np
import pytest

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.comparison.agreement import DIFFERENT_SHAPE, DIFFERENT_VALUES, EQUAL, REFUSED, compare
from convmatrix.frameworks.legacy import caffe, mxnet, theano

FRAMEWORKS = ("convmatrix", "torch", "tensorflow", "keras", "jax", "flax", "onnx", "theano", "mxnet", "caffe")
TRANSPOSED = (*FRAMEWORKS[:5], "jax, transpose_kernel", *FRAMEWORKS[5:])

# -- text of the call -----------------------------------------------------------------------------------------------

PREFIXES = {
    "convmatrix": "Conv",
    "torch": "torch.nn.Conv",
    "tensorflow": "tf.nn.conv",
    "keras": "keras.layers.Conv",
    "jax": "jax.lax.conv_",
    "flax": "flax.nnx.Conv",
    "onnx": "onnx Conv",
    "theano": "theano.tensor.nnet.",
    "mxnet": "mxnet.nd.",
    "caffe": "caffe.layers.",
}
MAKERS = {  # for each framework: our function for its convolution, and for its transposed one
    "convmatrix": (Conv, ConvTranspose),
    "torch": (torch.conv, torch.conv_transpose),
    "keras": (tensorflow.keras_conv, tensorflow.keras_conv_transpose),
    "jax": (jax.conv, jax.conv_transpose),
    "flax": (jax.flax_conv, jax.flax_conv_transpose),
    "onnx": (onnx.conv, onnx.conv_transpose),
    "theano": (theano.conv, theano.conv_transpose),
    "mxnet": (mxnet.conv, mxnet.conv_transpose),
    "caffe": (caffe.conv, caffe.conv_transpose),
}


def layer_of_call(row, transpose):
    """Make the layer of a call by parsing its text, and the text of the shapes, as Python."""
    name = row.framework.partition(",")[0]
    assert row.call.startswith(PREFIXES[name]), row.call
    x, w = (ast.literal_eval(shape) for shape in re.fullmatch(r"x (\(.*\)), w (\(.*\))", row.arrays).groups())
    outer = ast.parse(row.call.removeprefix("onnx "), mode="eval").body
    inner = outer.func if isinstance(outer.func, ast.Call) else outer
    if inner.keywords and inner.keywords[0].arg == "convolution_param":
        inner = inner.keywords[0].value
    arguments = {keyword.arg: ast.literal_eval(keyword.value) for keyword in inner.keywords if keyword.arg != "rngs"}
    arguments |= {
        keyword.arg: ast.literal_eval(keyword.value)
        for keyword in outer.keywords
        if outer is not inner and keyword.arg == "output_size"
    }
    if name == "tensorflow":
        kinds = {3: tensorflow.conv1d, 4: tensorflow.conv2d, 5: tensorflow.conv3d}
        return (tensorflow.conv_transpose if transpose else kinds[len(x)])(x, w, **arguments)
    if name == "theano" and "causal_conv1d" in row.call:
        return theano.causal_conv1d(x, **arguments)
    beside = {
        "torch": {"input_size": x[2:]},
        "keras": {"input_shape": x[1:]},
        "flax": {"input_size": x[1:-1]},
        "jax": {"lhs": x, "rhs": w},
        "onnx": {"X": x, "W": w},
        "mxnet": {"data": x},
        "caffe": {"bottom": x},
        "theano": {"output_grad": x, "filters": w} if transpose else {"input_shape": x, "filter_shape": w},
        "convmatrix": {},
    }
    return MAKERS[name][transpose](**arguments, **beside[name])


# -- independent implementation ----------------------------------------------------------------------------------------

FIRST = {1: ("NCW", "OIW", "NCW"), 2: ("NCHW", "OIHW", "NCHW"), 3: ("NCDHW", "OIDHW", "NCDHW")}
LAST = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
LACKS = {  # besides output_size and output_padding of a convolution
    False: {
        "torch": {"input_dilation"},
        "tensorflow": {"input_dilation", "padding_mode"},
        "keras": {"input_dilation", "padding_mode"},
        "jax": {"padding_mode"},
        "flax": set(),
        "onnx": {"input_dilation", "padding_mode"},
        "theano": {"input_dilation", "padding_mode"},
        "mxnet": {"input_dilation", "padding_mode"},
        "caffe": {"input_dilation", "padding_mode"},
    },
    True: {
        "torch": {"input_dilation"},
        "tensorflow": {"groups", "output_padding", "padding_mode"},
        "keras": {"groups", "output_size", "padding_mode"},
        "jax": {"groups", "output_padding", "output_size", "padding_mode"},
        "jax, transpose_kernel": {"groups", "output_padding", "output_size", "padding_mode"},
        "flax": {"groups", "output_padding", "output_size"},
        "onnx": {"padding_mode"},
        "theano": {"output_padding", "padding_mode"},
        "mxnet": {"padding_mode"},
        "caffe": {"output_padding", "output_size", "padding_mode"},
    },
}
NOT_FLIPPED_TRANSPOSED = {"jax", "flax", "theano"}


def channels_spread(kernel, groups):
    """Expand a kernel (out, in // groups, *k) to (out, in, *k) with zeros between groups."""
    out, each = kernel.shape[:2]
    spread = np.zeros((out, each * groups, *kernel.shape[2:]), dtype=np.int64)
    for row in range(out):
        group = row // (out // groups)
        spread[row, group * each : (group + 1) * each] = kernel[row]
    return spread


def direct(kernel, groups, sizes, strides, pads, dilations, between, mode="zeros"):
    """Build the matrix of the direct convolution tap by tap; `between` is the input dilation."""
    reads = []
    for n, k, s, (before, after), d, a in zip(sizes, kernel.shape[2:], strides, pads, dilations, between, strict=True):
        line = np.zeros((n - 1) * a + 1, dtype=int)
        line[::a] = np.arange(1, n + 1)
        line = line[max(-before, 0) : len(line) - max(-after, 0)]
        line = np.pad(line, (max(before, 0), max(after, 0)), mode=MODES[mode])
        count = (len(line) - (k - 1) * d - 1) // s + 1
        reads.append([[line[o * s + t * d] for o in range(count)] for t in range(k)])
    spread, matrix = channels_spread(kernel, groups), 0
    for taps in np.ndindex(kernel.shape[2:]):
        places = np.ones((1, 1), dtype=np.int64)
        for axis, t in enumerate(taps):
            one = np.eye(sizes[axis] + 1, dtype=np.int64)[reads[axis][t]][:, 1:]
            places = np.kron(places, one)
        matrix = matrix + np.kron(spread[(..., *taps)], places)
    return matrix


def flip(kernel):
    return kernel[(slice(None), slice(None), *(slice(None, None, -1),) * (kernel.ndim - 2))]


def laid_out(framework, kernel, transpose, padding):
    """Convert a kernel in the framework's layout to the weight of its layer."""
    first, second, *spatial = range(kernel.ndim)
    swapped, kept = np.transpose(kernel, (*spatial, second, first)), np.transpose(kernel, (*spatial, first, second))
    if not transpose:
        return {
            "convmatrix": lambda: kernel,
            "torch": lambda: torch.weight(kernel),
            "tensorflow": lambda: tensorflow.weight(swapped),
            "keras": lambda: tensorflow.weight(swapped),
            "jax": lambda: jax.weight(kernel, dimension_numbers=FIRST[len(spatial)]),
            "flax": lambda: jax.flax_weight(swapped),
            "onnx": lambda: onnx.weight(kernel),
            "theano": lambda: theano.weight(kernel, filter_flip=True),
            "mxnet": lambda: mxnet.weight(kernel, layout=FIRST[len(spatial)][0]),
            "caffe": lambda: caffe.weight(kernel),
        }[framework]()
    numbers = LAST[len(spatial)]
    return {
        "convmatrix": lambda: kernel,
        "torch": lambda: torch.weight(kernel, transpose=True),
        "tensorflow": lambda: tensorflow.weight(swapped, transpose=True),
        "keras": lambda: tensorflow.weight(swapped, transpose=True),
        "jax": lambda: jax.weight(kept, transpose=True, dimension_numbers=numbers),
        "jax, transpose_kernel": lambda: jax.weight(
            swapped, transpose=True, dimension_numbers=numbers, transpose_kernel=True
        ),
        "flax": lambda: jax.flax_weight(kept, transpose=True, transpose_kernel=False, padding=padding),
        "onnx": lambda: onnx.weight(kernel, transpose=True),
        "theano": lambda: theano.weight(kernel, transpose=True, filter_flip=True),
        "mxnet": lambda: mxnet.weight(kernel, transpose=True, layout=FIRST[len(spatial)][0]),
        "caffe": lambda: caffe.weight(kernel, transpose=True),
    }[framework]()


def pads_by_formula(framework, arguments):
    """Compute the pads of a convolution on each axis."""
    pads = []
    for axis, entry in enumerate(arguments["padding"]):
        i, k, s, d, a = (
            arguments[name][axis] for name in ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
        )
        span, long = (k - 1) * d + 1, (i - 1) * a + 1
        total = max((-(-long // s) - 1) * s + span - long, 0)
        if framework == "flax" and arguments["padding_mode"] != "zeros":
            total, entry = span - 1, "same"
        names = {
            "valid": (0, 0),
            "full": (span - 1, span - 1),
            "half": (span // 2, span // 2),
            "causal": (span - 1, 0),
            "same": (total // 2, total - total // 2),
            "same_lower": (total - total // 2, total // 2),
        }
        pads.append(names[entry] if isinstance(entry, str) else tuple(entry))
    return tuple(pads)


def drawn_padding(rng, axes, transpose):
    kind = rng.choice(["number", "pairs", "negative", "name", "mixed"], p=[0.4, 0.15, 0.1, 0.3, 0.05])
    if kind == "number":
        return tuple((p, p) for p in rng.integers(0, 3, axes).tolist())
    if kind == "pairs":
        return tuple(map(tuple, rng.integers(0, 3, (axes, 2)).tolist()))
    if kind == "negative":
        return tuple(map(tuple, rng.integers(-1, 2, (axes, 2)).tolist()))
    names = ["same", "same", "same", "valid", "same_lower", "full", "half", "causal"]
    if kind == "mixed" and axes > 1:
        return (str(rng.choice(names)), *((1, 1),) * (axes - 1))
    return (str(rng.choice(names[:4] if transpose else names)),) * axes


def drawn(rng, transpose):
    """Draw arguments with one entry for each axis."""
    axes = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))

    def each(low, high):
        return tuple(rng.integers(low, high + 1, axes).tolist())

    def seldom(value, usual, often=0.2):
        return value if rng.random() < often else usual

    ones = (1,) * axes
    groups = int(seldom(2, 1, 0.25))
    arguments = {
        "input_size": each(2, 6 if axes < 3 else 4),
        "kernel_size": each(1, 4 if axes < 3 else 3),
        "stride": seldom(each(1, 3), ones, 0.6),
        "padding": drawn_padding(rng, axes, transpose),
        "dilation": seldom(each(1, 2), ones, 0.3),
        "input_dilation": seldom(each(1, 2), ones, 0 if transpose else 0.1),
        "groups": groups,
        "in_channels": groups * int(rng.integers(1, 3)),
        "out_channels": groups * int(rng.integers(1, 3)),
        "padding_mode": str(seldom(rng.choice(["circular", "reflect", "replicate"]), "zeros", 0.15)),
    }
    if transpose and rng.random() < 0.2:
        arguments["output_padding"] = each(0, 1)
    if transpose and rng.random() < 0.3:  # most of these sizes lead back to the input
        columns = zip(*(arguments[name] for name in ("input_size", "stride", "kernel_size", "dilation")), strict=True)
        full = [(i - 1) * s + (k - 1) * d + 1 for i, s, k, d in columns]
        cropped = [0 if isinstance(pad, str) else sum(pad) for pad in arguments["padding"]]
        if arguments["padding"][0] == "same":
            sizes = [i * s for i, s in zip(arguments["input_size"], arguments["stride"], strict=True)]
        else:
            stride = arguments["stride"]
            sizes = [f - c + int(rng.integers(0, s)) for f, c, s in zip(full, cropped, stride, strict=True)]
        arguments["output_size"] = tuple(max(size, 1) for size in sizes)
    return arguments


def checked(arguments, transpose, rng):
    """Check all rows against the independent implementation, and count the cases."""
    rows = compare(**arguments, transpose=transpose)
    assert tuple(row.framework for row in rows) == (TRANSPOSED if transpose else FRAMEWORKS)
    rows_of, cols_of = arguments["out_channels"], arguments["in_channels"]
    rows_of, cols_of = (cols_of, rows_of) if transpose else (rows_of, cols_of)
    shape = (rows_of, cols_of // arguments["groups"], *arguments["kernel_size"])
    kernel = rng.permutation(np.arange(1, np.prod(shape) + 1)).reshape(shape)  # no two taps are the same
    usual = {
        "groups": 1,
        "padding_mode": "zeros",
        "input_dilation": (1,) * len(arguments["stride"]),
        "output_size": None,
        "output_padding": (0,) * len(arguments["stride"]),
    }
    unusual = {name for name, value in usual.items() if arguments.get(name, value) != value}
    occurred, expected = Counter(), None
    for row in rows:
        occurred[row.framework, row.verdict] += 1
        lacks = LACKS[transpose].get(row.framework, set()) & unusual
        if row.verdict == REFUSED:
            assert (row.output_size, row.pads, row.flipped, row.layer) == (None,) * 4
            assert row.reason
            assert not lacks or "there is no argument for" in row.reason
            continue
        assert not lacks, (row, arguments)
        assert not row.reason
        padding = "CIRCULAR" if arguments["padding_mode"] == "circular" else "SAME"
        weight = laid_out(row.framework, kernel, transpose, padding)
        matrix = row.layer.matrix(weight).toarray()
        assert row.output_size == row.layer.output_size
        if row.framework != "jax, transpose_kernel" or transpose:
            expected_layer = layer_of_call(row, transpose)
            assert (expected_layer, type(expected_layer)) == (row.layer, type(row.layer)), row
        shapes = (row.layer.input_shape, row.layer.output_shape)
        expected = expected or (shapes, matrix)
        if shapes != expected[0]:
            assert row.verdict == DIFFERENT_SHAPE, (row, arguments)
        else:
            same = np.array_equal(matrix, expected[1])
            assert row.verdict == (EQUAL if same else DIFFERENT_VALUES), (row, arguments)
        occurred.update(by_windows(row, matrix, kernel, arguments, transpose))
    return occurred


def by_windows(row, matrix, kernel, arguments, transpose):
    """Check pads and flipping by windows over the input, with zeros inserted for a transposed layer."""
    sizes = [arguments[name] for name in ("input_size", "stride", "dilation", "input_dilation")]
    n, s, d, a = sizes
    k, mode = arguments["kernel_size"], arguments["padding_mode"]
    flipped = bool(row.flipped)
    if not transpose:
        assert row.pads == pads_by_formula(row.framework, arguments), (row, arguments)
        made = [direct(one, arguments["groups"], n, s, row.pads, d, a, mode) for one in (kernel, flip(kernel))]
    elif mode == "zeros":
        g = arguments["groups"]
        swapped = kernel.reshape(g, kernel.shape[0] // g, *kernel.shape[1:]).swapaxes(1, 2)
        swapped = swapped.reshape(-1, kernel.shape[0] // g, *k)
        pads = [((kk - 1) * dd - b, (kk - 1) * dd - e) for kk, dd, (b, e) in zip(k, d, row.pads, strict=True)]
        full = [(nn - 1) * ss + (kk - 1) * dd + 1 for nn, ss, kk, dd in zip(n, s, k, d, strict=True)]
        assert row.output_size == tuple(f - b - e for f, (b, e) in zip(full, row.pads, strict=True)), (row, arguments)
        made = [direct(one, g, n, (1,) * len(n), pads, d, s) for one in (swapped, flip(swapped))]
    else:  # C^T, of the convolution that pads the output
        made = [
            direct(one, arguments["groups"], row.output_size, s, row.pads, d, a, mode).T
            for one in (flip(kernel), kernel)
        ]
    assert np.array_equal(matrix, made[flipped]), (row, arguments)
    if max(k) == 1:
        assert row.flipped is None
        return ["one tap"]
    expected_flip = row.framework not in NOT_FLIPPED_TRANSPOSED if transpose else row.framework == "theano"
    assert row.flipped is expected_flip, (row, arguments)
    # If a flip does not change the matrix, it cannot be seen there.
    return ["ambiguous" if np.array_equal(*made) else "flip visible"]


SEEDS = 20
EACH = 20


def check_drawn_arguments(seed, transpose):
    """Check the rows of drawn arguments, and count the cases."""
    occurred = Counter()
    rng = np.random.default_rng([seed, transpose])
    for _ in range(EACH):
        arguments = drawn(rng, transpose)
        occurred["calls"] += 1
        occurred.update(name for name in ("output_size", "output_padding") if name in arguments)
        occurred["groups"] += arguments["groups"] > 1
        occurred["ends"] += any(not isinstance(pad, str) and pad[0] != pad[1] for pad in arguments["padding"])
        occurred.update([f"{len(arguments['stride'])} axes", arguments["padding_mode"]])
        occurred.update(checked(arguments, transpose, rng))
    return occurred


@pytest.mark.parametrize("transpose", [False, True])
def test_some_drawn_arguments(transpose):
    occurred = check_drawn_arguments(SEEDS, transpose)
    assert occurred["calls"] == EACH
    assert occurred["flip visible"] > 0


@pytest.mark.full
@pytest.mark.parametrize("transpose", [False, True])
def test_drawn_arguments(transpose):
    occurred = sum((check_drawn_arguments(seed, transpose) for seed in range(SEEDS)), Counter())
    assert occurred["calls"] == SEEDS * EACH
    assert occurred["flip visible"] > 1000
    assert occurred["ambiguous"] < occurred["flip visible"] / 10
    assert min(occurred[what] for what in ("one tap", "groups", "ends", "circular", "1 axes", "2 axes", "3 axes")) > 10
    for framework, verdict in product(TRANSPOSED if transpose else FRAMEWORKS, (EQUAL, REFUSED)):
        if transpose and framework in ("jax", "flax", "theano") and verdict == EQUAL:
            continue
        least = 3 if framework == "theano" else 10
        assert occurred[framework, verdict] >= least, (framework, verdict, occurred)
    if transpose:
        assert min(occurred["output_size"], occurred["output_padding"]) > 50
        assert min(occurred[name, DIFFERENT_VALUES] for name in ("jax", "flax", "theano")) >= 3
        assert min(occurred[name, DIFFERENT_SHAPE] for name in ("jax", "jax, transpose_kernel", "flax")) >= 20
    else:
        assert occurred["theano", DIFFERENT_VALUES] >= 20
