"""The call of each framework as it is written, and drawn words whose rows are computed anew by plain means.

The other means are a direct convolution written as loops over taps, kernels laid out by `np.transpose`, and the padding
names as formulas of their own. Which words a framework lacks is written down here once more.
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

# -- the call as it is written ---------------------------------------------------------------------------------------

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


def made_anew(row, transpose):
    """The layer of the call as it is written, and of the shapes beside it, read as Python."""
    name = row.framework.partition(",")[0]
    assert row.call.startswith(PREFIXES[name]), row.call
    x, w = (ast.literal_eval(shape) for shape in re.fullmatch(r"x (\(.*\)), w (\(.*\))", row.arrays).groups())
    outer = ast.parse(row.call.removeprefix("onnx "), mode="eval").body
    inner = outer.func if isinstance(outer.func, ast.Call) else outer
    if inner.keywords and inner.keywords[0].arg == "convolution_param":
        inner = inner.keywords[0].value
    words = {word.arg: ast.literal_eval(word.value) for word in inner.keywords if word.arg != "rngs"}
    words |= {
        word.arg: ast.literal_eval(word.value)
        for word in outer.keywords
        if outer is not inner and word.arg == "output_size"
    }
    if name == "tensorflow":
        kinds = {3: tensorflow.conv1d, 4: tensorflow.conv2d, 5: tensorflow.conv3d}
        return (tensorflow.conv_transpose if transpose else kinds[len(x)])(x, w, **words)
    if name == "theano" and "causal_conv1d" in row.call:
        return theano.causal_conv1d(x, **words)
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
    return MAKERS[name][transpose](**words, **beside[name])


# -- by plain means --------------------------------------------------------------------------------------------------

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
NOT_TURNED_TRANSPOSED = {"jax", "flax", "theano"}


def channels_spread(kernel, groups):
    """(out, in // groups, *k) as (out, in, *k) with zeros between groups."""
    out, each = kernel.shape[:2]
    spread = np.zeros((out, each * groups, *kernel.shape[2:]), dtype=np.int64)
    for row in range(out):
        group = row // (out // groups)
        spread[row, group * each : (group + 1) * each] = kernel[row]
    return spread


def direct(kernel, groups, sizes, strides, pads, dilations, between, mode="zeros"):
    """The matrix of the direct convolution, tap by tap; `between` is one more than the zeros between inputs."""
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


def flipped(kernel):
    return kernel[(slice(None), slice(None), *(slice(None, None, -1),) * (kernel.ndim - 2))]


def laid_out(framework, kernel, transpose, padding):
    """Our weight for the framework's layer, from the kernel as the framework has it."""
    first, second, *spatial = range(kernel.ndim)
    swapped, kept = np.transpose(kernel, (*spatial, second, first)), np.transpose(kernel, (*spatial, first, second))
    if not transpose:
        return {
            "convmatrix": lambda: kernel,
            "torch": lambda: torch.weight(kernel),
            "tensorflow": lambda: tensorflow.weight(swapped),
            "keras": lambda: tensorflow.weight(swapped),
            "jax": lambda: jax.weight(kernel, FIRST[len(spatial)]),
            "flax": lambda: jax.flax_weight(swapped),
            "onnx": lambda: onnx.weight(kernel),
            "theano": lambda: theano.weight(kernel, True),
            "mxnet": lambda: mxnet.weight(kernel, FIRST[len(spatial)][0]),
            "caffe": lambda: caffe.weight(kernel),
        }[framework]()
    numbers = LAST[len(spatial)]
    return {
        "convmatrix": lambda: kernel,
        "torch": lambda: torch.weight_transpose(kernel),
        "tensorflow": lambda: tensorflow.weight_transpose(swapped),
        "keras": lambda: tensorflow.weight_transpose(swapped),
        "jax": lambda: jax.weight_transpose(kept, numbers),
        "jax, transpose_kernel": lambda: jax.weight_transpose(swapped, numbers, True),
        "flax": lambda: jax.flax_weight_transpose(kept, False, padding),
        "onnx": lambda: onnx.weight_transpose(kernel),
        "theano": lambda: theano.weight_transpose(kernel, True),
        "mxnet": lambda: mxnet.weight_transpose(kernel, FIRST[len(spatial)][0]),
        "caffe": lambda: caffe.weight_transpose(kernel),
    }[framework]()


def pads_by_formula(framework, words):
    """What the padding of a convolution adds on each axis."""
    pads = []
    for axis, entry in enumerate(words["padding"]):
        i, k, s, d, a = (
            words[name][axis] for name in ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
        )
        span, long = (k - 1) * d + 1, (i - 1) * a + 1
        total = max((-(-long // s) - 1) * s + span - long, 0)
        if framework == "flax" and words["padding_mode"] != "zeros":
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
    """Words with one entry for each axis."""
    axes = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))

    def each(low, high):
        return tuple(rng.integers(low, high + 1, axes).tolist())

    def seldom(value, usual, often=0.2):
        return value if rng.random() < often else usual

    ones = (1,) * axes
    groups = int(seldom(2, 1, 0.25))
    words = {
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
        words["output_padding"] = each(0, 1)
    if transpose and rng.random() < 0.3:  # most of these sizes lead back to the input
        columns = zip(*(words[name] for name in ("input_size", "stride", "kernel_size", "dilation")), strict=True)
        full = [(i - 1) * s + (k - 1) * d + 1 for i, s, k, d in columns]
        cropped = [0 if isinstance(pad, str) else sum(pad) for pad in words["padding"]]
        if words["padding"][0] == "same":
            sizes = [i * s for i, s in zip(words["input_size"], words["stride"], strict=True)]
        else:
            sizes = [f - c + int(rng.integers(0, s)) for f, c, s in zip(full, cropped, words["stride"], strict=True)]
        words["output_size"] = tuple(max(size, 1) for size in sizes)
    return words


def checked(words, transpose, rng):
    """All rows against what plain means say; what occurred."""
    rows = compare(**words, transpose=transpose)
    assert tuple(row.framework for row in rows) == (TRANSPOSED if transpose else FRAMEWORKS)
    rows_of, cols_of = words["out_channels"], words["in_channels"]
    rows_of, cols_of = (cols_of, rows_of) if transpose else (rows_of, cols_of)
    shape = (rows_of, cols_of // words["groups"], *words["kernel_size"])
    kernel = rng.permutation(np.arange(1, np.prod(shape) + 1)).reshape(shape)  # no two taps are the same
    usual = {
        "groups": 1,
        "padding_mode": "zeros",
        "input_dilation": (1,) * len(words["stride"]),
        "output_size": None,
        "output_padding": (0,) * len(words["stride"]),
    }
    unusual = {name for name, value in usual.items() if words.get(name, value) != value}
    occurred, wanted = Counter(), None
    for row in rows:
        occurred[row.framework, row.verdict] += 1
        lacks = LACKS[transpose].get(row.framework, set()) & unusual
        if row.verdict == REFUSED:
            assert (row.output_size, row.pads, row.turned, row.layer) == (None,) * 4
            assert row.message
            assert not lacks or "there is no argument for" in row.message
            continue
        assert not lacks, (row, words)
        assert not row.message
        padding = "CIRCULAR" if words["padding_mode"] == "circular" else "SAME"
        weight = laid_out(row.framework, kernel, transpose, padding)
        matrix = row.layer.matrix(weight).toarray()
        assert row.output_size == row.layer.output_size
        if row.framework != "jax, transpose_kernel" or transpose:
            anew = made_anew(row, transpose)
            assert (anew, type(anew)) == (row.layer, type(row.layer)), row
        shapes = (row.layer.input_shape, row.layer.output_shape)
        wanted = wanted or (shapes, matrix)
        if shapes != wanted[0]:
            assert row.verdict == DIFFERENT_SHAPE, (row, words)
        else:
            same = np.array_equal(matrix, wanted[1])
            assert row.verdict == (EQUAL if same else DIFFERENT_VALUES), (row, words)
        occurred.update(by_windows(row, matrix, kernel, words, transpose))
    return occurred


def by_windows(row, matrix, kernel, words, transpose):
    """Pads and turning, from windows over the input, or over what is between its inserted zeros."""
    sizes = [words[name] for name in ("input_size", "stride", "dilation", "input_dilation")]
    n, s, d, a = sizes
    k, mode = words["kernel_size"], words["padding_mode"]
    turned = bool(row.turned)
    if not transpose:
        assert row.pads == pads_by_formula(row.framework, words), (row, words)
        made = [direct(one, words["groups"], n, s, row.pads, d, a, mode) for one in (kernel, flipped(kernel))]
    elif mode == "zeros":
        g = words["groups"]
        swapped = kernel.reshape(g, kernel.shape[0] // g, *kernel.shape[1:]).swapaxes(1, 2)
        swapped = swapped.reshape(-1, kernel.shape[0] // g, *k)
        pads = [((kk - 1) * dd - b, (kk - 1) * dd - e) for kk, dd, (b, e) in zip(k, d, row.pads, strict=True)]
        full = [(nn - 1) * ss + (kk - 1) * dd + 1 for nn, ss, kk, dd in zip(n, s, k, d, strict=True)]
        assert row.output_size == tuple(f - b - e for f, (b, e) in zip(full, row.pads, strict=True)), (row, words)
        made = [direct(one, g, n, (1,) * len(n), pads, d, s) for one in (swapped, flipped(swapped))]
    else:  # C^T, of the convolution that pads the output
        made = [
            direct(one, words["groups"], row.output_size, s, row.pads, d, a, mode).T
            for one in (flipped(kernel), kernel)
        ]
    assert np.array_equal(matrix, made[turned]), (row, words)
    if max(k) == 1:
        assert row.turned is None
        return ["one tap"]
    expected = row.framework not in NOT_TURNED_TRANSPOSED if transpose else row.framework == "theano"
    assert row.turned is expected, (row, words)
    # Where windows read so little that turning changes nothing, the matrix cannot tell.
    return ["ambiguous" if np.array_equal(*made) else "turning told"]


SEEDS = 20
EACH = 20


def check_drawn_words(seed, transpose):
    """Check what all frameworks make of drawn words, and count what occurred."""
    occurred = Counter()
    rng = np.random.default_rng([seed, transpose])
    for _ in range(EACH):
        words = drawn(rng, transpose)
        occurred["words"] += 1
        occurred.update(name for name in ("output_size", "output_padding") if name in words)
        occurred["groups"] += words["groups"] > 1
        occurred["ends"] += any(not isinstance(pad, str) and pad[0] != pad[1] for pad in words["padding"])
        occurred.update([f"{len(words['stride'])} axes", words["padding_mode"]])
        occurred.update(checked(words, transpose, rng))
    return occurred


@pytest.mark.parametrize("transpose", [False, True])
def test_some_drawn_words(transpose):
    occurred = check_drawn_words(SEEDS, transpose)
    assert occurred["words"] == EACH
    assert occurred["turning told"] > 0


@pytest.mark.full
@pytest.mark.parametrize("transpose", [False, True])
def test_drawn_words(transpose):
    occurred = sum((check_drawn_words(seed, transpose) for seed in range(SEEDS)), Counter())
    assert occurred["words"] == SEEDS * EACH
    assert occurred["turning told"] > 1000
    assert occurred["ambiguous"] < occurred["turning told"] / 10
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
