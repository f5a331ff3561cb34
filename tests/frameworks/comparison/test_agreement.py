"""One set of words said to every framework: rows by hand, and drawn words whose rows are computed anew by plain means.

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
from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.comparison.agreement import DIFFERENT_SHAPE, DIFFERENT_VALUES, EQUAL, REFUSED, compare
from convmatrix.frameworks.legacy import caffe, mxnet, theano

FRAMEWORKS = ("convmatrix", "torch", "tensorflow", "keras", "jax", "flax", "onnx", "theano", "mxnet", "caffe")
TRANSPOSED = (*FRAMEWORKS[:5], "jax, transpose_kernel", *FRAMEWORKS[5:])


def told(*sizes, **words):
    return {row.framework: row for row in compare(*sizes, **words)}


def verdicts(rows):
    return {verdict: {name for name, row in rows.items() if row.verdict == verdict}
            for verdict in {row.verdict for row in rows.values()}}  # fmt: skip


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_same_with_a_stride():
    rows = told((6,), 3, stride=2, padding="same")
    assert tuple(rows) == FRAMEWORKS
    agree = {"convmatrix", "tensorflow", "keras", "jax", "flax", "onnx"}
    assert verdicts(rows) == {EQUAL: agree, REFUSED: {"torch", "theano", "mxnet", "caffe"}}
    assert {rows[name].pads for name in agree} == {((0, 1),)}
    assert {rows[name].output_size for name in agree} == {(3,)}
    assert {rows[name].turned for name in agree} == {False}
    assert rows["torch"].message == ("padding 'same' needs stride 1 in PyTorch, got 2 on axis 0: give the padding in "
                                     "numbers, such as 1")  # fmt: skip
    assert rows["mxnet"].message == "there are no names for paddings, got 'same': say the pads in numbers"
    assert rows["caffe"].message == rows["mxnet"].message
    two = told((6, 6), 3, stride=2, padding="same")["theano"]
    assert two.message == "border_mode 'same' is not one of valid, half, full"


def test_a_row_that_refuses_has_nothing_but_its_call_and_why():
    row = told((6, 6), 3, stride=2, padding="same")["torch"]
    assert (row.output_size, row.pads, row.turned, row.layer) == (None, None, None, None)
    assert row.call == ("torch.nn.Conv2d(in_channels=1, out_channels=1, kernel_size=(3, 3), stride=(2, 2), "
                        "padding='same')(x)")  # fmt: skip
    assert row.arrays == "x (1, 1, 6, 6), w (1, 1, 3, 3)"


@pytest.mark.parametrize("axes", [2, 3])
def test_one_pad_on_both_ends(axes):
    rows = told((6,) * axes, 3, stride=2, padding=1)
    refuse = {"keras"} | ({"tensorflow"} if axes == 3 else set())  # which takes pairs for two axes alone
    assert verdicts(rows) == {
        EQUAL: {*FRAMEWORKS} - {"theano"} - refuse, DIFFERENT_VALUES: {"theano"}, REFUSED: refuse,
    }  # fmt: skip
    assert {row.pads for row in rows.values() if row.layer} == {((1, 1),) * axes}
    assert {row.output_size for row in rows.values() if row.layer} == {(3,) * axes}
    assert [name for name, row in rows.items() if row.turned] == ["theano"]
    assert rows["keras"].message.startswith(f"padding {(1,) * axes} is not one of valid, same")


def test_one_axis():
    rows = told((6,), 3, stride=2, padding=1)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "jax", "flax", "onnx", "mxnet", "caffe"},
        REFUSED: {"tensorflow", "keras", "theano"},
    }
    assert "Theano has convolutions of 2 and 3 axes, and causal_conv1d" in rows["theano"].message


def test_causal_on_one_axis_has_theano_s_own_layer_and_there_the_kernel_is_turned():
    rows = told((6,), 3, stride=2, dilation=2, padding="causal")
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "flax"}, DIFFERENT_VALUES: {"theano"},
        REFUSED: {"torch", "tensorflow", "keras", "jax", "onnx", "mxnet", "caffe"},
    }  # fmt: skip
    assert {row.pads for row in rows.values() if row.layer} == {((4, 0),)}
    assert rows["theano"].call == ("theano.tensor.nnet.abstract_conv.causal_conv1d(x, w, filter_shape=(1, 1, 3), "
                                   "subsample=2, filter_dilation=2)")  # fmt: skip
    assert rows["theano"].turned is True
    keras = told((6,), 3, padding="causal")["keras"]
    assert (keras.verdict, keras.pads) == (EQUAL, ((2, 0),))
    assert verdicts(told((6, 6), 3, padding="causal"))[EQUAL] == {"convmatrix"}


@pytest.mark.parametrize(
    ("name", "kernel", "pads", "agree"),
    [
        ("full", 3, (2, 2), set()),
        ("half", 4, (2, 2), set()),
        ("valid", 3, (0, 0), {"torch", "tensorflow", "keras", "jax", "flax", "onnx"}),
        ("same_lower", 4, (2, 1), {"jax", "flax", "onnx"}),
        ("same", 4, (1, 2), {"torch", "tensorflow", "keras", "jax", "flax", "onnx"}),
    ],
)
def test_names(name, kernel, pads, agree):
    rows = told((7, 6), kernel, padding=name)
    turned = {"theano"} if name in ("full", "half", "valid") else set()
    assert {name for name, row in rows.items() if row.verdict == EQUAL} == {"convmatrix"} | agree
    assert {name for name, row in rows.items() if row.verdict == DIFFERENT_VALUES} == turned
    assert {row.pads for row in rows.values() if row.layer} == {(pads, pads)}


def test_names_that_differ_from_axis_to_axis_are_ours_alone():
    rows = told((6, 5), 3, padding=("same", (2, 2)))
    assert verdicts(rows) == {EQUAL: {"convmatrix"}, REFUSED: {*FRAMEWORKS[1:]}}
    assert rows["convmatrix"].pads == ((1, 1), (2, 2))
    said = "there is one name of a padding for all axes, got ('same', 2): say the pads in numbers"
    assert {row.message for name, row in rows.items() if name != "convmatrix"} == {said}


def test_ends_that_differ():
    rows = told((6, 6), 3, padding=((1, 0), (0, 2)))
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "tensorflow", "jax", "flax", "onnx"}, DIFFERENT_VALUES: {"theano"},
        REFUSED: {"torch", "keras", "mxnet", "caffe"},
    }  # fmt: skip
    assert {row.pads for row in rows.values() if row.layer} == {((1, 0), (0, 2))}
    said = "both ends of an axis are padded alike, got (1, 0) on axis 0: pad the input by itself where they differ"
    assert rows["mxnet"].message == rows["caffe"].message == said


@pytest.mark.parametrize(("mode", "who"), [("circular", {"torch", "flax"}), ("reflect", {"torch", "flax"}),
                                           ("replicate", {"torch"})])  # fmt: skip
def test_padding_modes(mode, who):
    rows = told((6, 6), 3, padding="same", padding_mode=mode)
    assert verdicts(rows) == {EQUAL: {"convmatrix"} | who, REFUSED: {*FRAMEWORKS[1:]} - who}
    assert rows["onnx"].message == f"there is no argument for padding_mode={mode!r}"
    numbers = told((6, 6), 3, padding=1, padding_mode=mode)  # Flax has the mode as a name, not beside numbers
    assert verdicts(numbers)[EQUAL] == {"convmatrix", "torch"}


def test_same_around_a_circle_with_a_stride_is_another_layer_in_flax():
    row = told((6,), 3, stride=2, padding="same", padding_mode="circular")["flax"]
    assert (row.verdict, row.output_size, row.pads) == (DIFFERENT_VALUES, (3,), ((1, 1),))


def test_groups():
    rows = told((5, 5), 3, groups=2, in_channels=4, out_channels=6)
    assert verdicts(rows) == {EQUAL: {*FRAMEWORKS} - {"theano"}, DIFFERENT_VALUES: {"theano"}}
    assert {name: row.arrays for name, row in rows.items()} == dict.fromkeys(
        FRAMEWORKS, "x (1, 4, 5, 5), w (6, 2, 3, 3)"
    ) | dict.fromkeys(("tensorflow", "keras", "flax"), "x (1, 5, 5, 4), w (3, 3, 2, 6)")
    rows = told((5, 5), 3, groups=2, in_channels=4, out_channels=6, transpose=True)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "torch", "onnx", "mxnet", "caffe"}
    assert rows["flax"].message == "there is no argument for groups=2"


def test_an_input_with_zeros_between_its_numbers():
    rows = told((4,), 2, input_dilation=2)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "jax", "flax"},
        REFUSED: {*FRAMEWORKS} - {"convmatrix", "jax", "flax"},
    }
    assert rows["torch"].message == "there is no argument for input_dilation=(2,)"


def test_transposed_of_a_stride_and_a_pad():
    rows = told((3, 3), 3, transpose=True, stride=2, padding=1)
    assert tuple(rows) == TRANSPOSED
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "jax, transpose_kernel", "onnx", "mxnet", "caffe"},
        DIFFERENT_VALUES: {"jax", "flax"}, REFUSED: {"tensorflow", "keras", "theano"},
    }  # fmt: skip
    assert {row.output_size for row in rows.values() if row.layer} == {(5, 5)}
    assert {row.pads for row in rows.values() if row.layer} == {((1, 1), (1, 1))}
    assert [name for name, row in rows.items() if row.turned is False] == ["jax", "flax"]
    assert rows["tensorflow"].message == ("there is no output size but the one that is asked for: say output_size, its "
                                          "output_shape, which the forward rule then checks")  # fmt: skip
    assert "its input_shape, which" in rows["theano"].message


def test_transposed_without_a_pad_jax_means_another_size():
    rows = told((3, 3), 3, transpose=True, stride=2)
    different = {"jax", "jax, transpose_kernel", "flax"}
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "keras", "onnx", "mxnet", "caffe"}, DIFFERENT_SHAPE: different,
        REFUSED: {"tensorflow", "theano"},
    }  # fmt: skip
    assert {rows[name].output_size for name in different} == {(3, 3)}
    assert {rows[name].pads for name in different} == {((2, 2), (2, 2))}
    assert {row.output_size for name, row in rows.items() if row.layer and name not in different} == {(7, 7)}


def test_transposed_valid_by_name_is_the_full_result_in_jax_too():
    rows = told((3,), 3, transpose=True, stride=2, padding="valid")
    assert {rows[name].output_size for name in ("convmatrix", "keras", "jax", "flax", "onnx")} == {(7,)}
    assert rows["jax"].verdict == DIFFERENT_VALUES


def test_an_output_size_that_is_asked_for():
    rows = told((3, 3), 3, transpose=True, stride=2, padding=1, output_size=6)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "tensorflow", "onnx", "mxnet"}, DIFFERENT_VALUES: {"theano"},
        REFUSED: {"keras", "jax", "jax, transpose_kernel", "flax", "caffe"},
    }  # fmt: skip
    assert {row.pads for row in rows.values() if row.layer} == {((1, 0), (1, 0))}
    assert rows["theano"].turned is False
    assert {rows[name].message for name in verdicts(rows)[REFUSED]} == {"there is no argument for output_size=(6, 6)"}
    assert rows["torch"].call.endswith("(x, output_size=[6, 6])")


def test_an_output_size_of_same():
    rows = told((3, 3), 3, transpose=True, stride=2, padding="same", output_size=6)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "tensorflow", "onnx"}
    assert {row.pads for row in rows.values() if row.layer} == {((0, 1), (0, 1))}


def test_an_output_padding():
    rows = told((3,), 3, transpose=True, stride=2, padding=1, output_padding=1)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "torch", "onnx", "mxnet"}
    assert {row.pads for row in rows.values() if row.layer} == {((1, 0),)}
    beyond = told((3,), 2, transpose=True, stride=2, output_padding=1)["torch"]
    assert (beyond.output_size, beyond.pads) == ((7,), ((0, -1),))  # one more than the full result


def test_words_of_a_transposed_layer_are_none_of_a_convolution():
    for name, value in (("output_size", (6,)), ("output_padding", (1,))):
        rows = told((6,), 3, **{name: value})
        assert {row.message for row in rows.values()} == {f"there is no argument for {name}={value}"}


def test_no_axes():
    assert verdicts(told((), ())) == {
        EQUAL: {"convmatrix", "jax", "flax"},
        REFUSED: {*FRAMEWORKS} - {"convmatrix", "jax", "flax"},
    }
    rows = told((), (), transpose=True, in_channels=2, out_channels=3)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "jax", "jax, transpose_kernel", "flax"}
    assert {(row.output_size, row.pads, row.turned) for row in rows.values() if row.layer} == {((), (), None)}


def test_four_axes():
    rows = told((3,) * 4, 2)
    assert verdicts(rows) == {EQUAL: {"convmatrix", "jax", "flax", "onnx", "caffe"},
                              REFUSED: {"torch", "tensorflow", "keras", "theano", "mxnet"}}  # fmt: skip


def test_a_kernel_of_one_tap_is_neither_turned_nor_not():
    for transpose in (False, True):
        rows = told((4, 4), 1, in_channels=2, out_channels=2, transpose=transpose)
        assert {row.turned for row in rows.values()} == {None}
        assert set(verdicts(rows)) <= {EQUAL, REFUSED}


def test_the_first_row_that_is_not_refused_is_compared_with():
    rows = told((2,), 3)
    assert set(verdicts(rows)) == {REFUSED}
    rows = told((3, 3), 3, transpose=True, stride=2, padding=4)
    assert rows["convmatrix"].verdict == REFUSED
    assert "jax" in verdicts(rows)[EQUAL]
    assert rows["jax, transpose_kernel"].verdict == DIFFERENT_VALUES


# -- what is refused altogether --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"input_size": (6, 6), "kernel_size": (3,)}, "input_size has 2 but kernel_size has 1 entry, (3,)"),
        ({"input_size": 0, "kernel_size": 3}, "input_size on axis 0 must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "stride": 0}, "stride on axis 0 must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "output_padding": -1},
         "output_padding on axis 0 must be at least 0, got -1"),
        ({"input_size": 6, "kernel_size": 3, "padding": "smae"}, "padding 'smae' is not one of "),
        ({"input_size": (6,), "kernel_size": 3, "padding": (1, 2)},
         "input_size has 1 but padding has 2 entries, (1, 2)"),
        ({"input_size": 6, "kernel_size": 3, "groups": 0}, "groups must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "out_channels": -2}, "out_channels must be at least 1, got -2"),
        ({"input_size": 6, "kernel_size": 3, "groups": 2, "in_channels": 3, "out_channels": 6},
         "groups=2 does not divide in_channels=3 (remainder 1): make in_channels a multiple of 2"),
        ({"input_size": 6, "kernel_size": 3, "groups": 3, "in_channels": 3, "out_channels": 2},
         "groups=3 does not divide out_channels=2 (remainder 2): make out_channels a multiple of 3"),
    ],
)  # fmt: skip
def test_words_that_nobody_could_say(words, message):
    for transpose in (False, True):
        with pytest.raises(ValueError, match=re.escape(message)):
            compare(**words, transpose=transpose)


def test_words_of_a_wrong_type():
    with pytest.raises(WrongTypeError, match=r"kernel_size on axis 0 must be an integer, got 2.5 \(float\)"):
        compare(6, 2.5)


def test_a_padding_mode_that_nobody_knows_is_refused_row_by_row():
    rows = told(6, 3, padding_mode="mirror")
    assert set(verdicts(rows)) == {REFUSED}
    assert "'mirror' is not one of" in rows["convmatrix"].message


# -- the call as it is written ---------------------------------------------------------------------------------------

PREFIXES = {
    "convmatrix": "Conv", "torch": "torch.nn.Conv", "tensorflow": "tf.nn.conv", "keras": "keras.layers.Conv",
    "jax": "jax.lax.conv_", "flax": "flax.nnx.Conv", "onnx": "onnx Conv", "theano": "theano.tensor.nnet.",
    "mxnet": "mxnet.nd.", "caffe": "caffe.layers.",
}  # fmt: skip
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
        "torch": {"input_size": x[2:]}, "keras": {"input_shape": x[1:]}, "flax": {"input_size": x[1:-1]},
        "jax": {"lhs": x, "rhs": w}, "onnx": {"X": x, "W": w}, "mxnet": {"data": x}, "caffe": {"bottom": x},
        "theano": {"output_grad": x, "filters": w} if transpose else {"input_shape": x, "filter_shape": w},
        "convmatrix": {},
    }  # fmt: skip
    return MAKERS[name][transpose](**words, **beside[name])


# -- by plain means --------------------------------------------------------------------------------------------------

FIRST = {1: ("NCW", "OIW", "NCW"), 2: ("NCHW", "OIHW", "NCHW"), 3: ("NCDHW", "OIDHW", "NCDHW")}
LAST = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
LACKS = {  # besides output_size and output_padding of a convolution
    False: {
        "torch": {"input_dilation"}, "tensorflow": {"input_dilation", "padding_mode"},
        "keras": {"input_dilation", "padding_mode"}, "jax": {"padding_mode"}, "flax": set(),
        "onnx": {"input_dilation", "padding_mode"}, "theano": {"input_dilation", "padding_mode"},
        "mxnet": {"input_dilation", "padding_mode"}, "caffe": {"input_dilation", "padding_mode"},
    },
    True: {
        "torch": {"input_dilation"}, "tensorflow": {"groups", "output_padding", "padding_mode"},
        "keras": {"groups", "output_size", "padding_mode"},
        "jax": {"groups", "output_padding", "output_size", "padding_mode"},
        "jax, transpose_kernel": {"groups", "output_padding", "output_size", "padding_mode"},
        "flax": {"groups", "output_padding", "output_size"}, "onnx": {"padding_mode"},
        "theano": {"output_padding", "padding_mode"}, "mxnet": {"padding_mode"},
        "caffe": {"output_padding", "output_size", "padding_mode"},
    },
}  # fmt: skip
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
            "convmatrix": lambda: kernel, "torch": lambda: torch.weight(kernel),
            "tensorflow": lambda: tensorflow.weight(swapped), "keras": lambda: tensorflow.weight(swapped),
            "jax": lambda: jax.weight(kernel, FIRST[len(spatial)]), "flax": lambda: jax.flax_weight(swapped),
            "onnx": lambda: onnx.weight(kernel), "theano": lambda: theano.weight(kernel, True),
            "mxnet": lambda: mxnet.weight(kernel, FIRST[len(spatial)][0]), "caffe": lambda: caffe.weight(kernel),
        }[framework]()  # fmt: skip
    numbers = LAST[len(spatial)]
    return {
        "convmatrix": lambda: kernel, "torch": lambda: torch.weight_transpose(kernel),
        "tensorflow": lambda: tensorflow.weight_transpose(swapped),
        "keras": lambda: tensorflow.weight_transpose(swapped),
        "jax": lambda: jax.weight_transpose(kept, numbers),
        "jax, transpose_kernel": lambda: jax.weight_transpose(swapped, numbers, True),
        "flax": lambda: jax.flax_weight_transpose(kept, False, padding),
        "onnx": lambda: onnx.weight_transpose(kernel), "theano": lambda: theano.weight_transpose(kernel, True),
        "mxnet": lambda: mxnet.weight_transpose(kernel, FIRST[len(spatial)][0]),
        "caffe": lambda: caffe.weight_transpose(kernel),
    }[framework]()  # fmt: skip


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
        names = {"valid": (0, 0), "full": (span - 1, span - 1), "half": (span // 2, span // 2), "causal": (span - 1, 0),
                 "same": (total // 2, total - total // 2), "same_lower": (total - total // 2, total // 2)}  # fmt: skip
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
        "input_size": each(2, 6 if axes < 3 else 4), "kernel_size": each(1, 4 if axes < 3 else 3),
        "stride": seldom(each(1, 3), ones, 0.6), "padding": drawn_padding(rng, axes, transpose),
        "dilation": seldom(each(1, 2), ones, 0.3), "input_dilation": seldom(each(1, 2), ones, 0 if transpose else 0.1),
        "groups": groups, "in_channels": groups * int(rng.integers(1, 3)),
        "out_channels": groups * int(rng.integers(1, 3)),
        "padding_mode": str(seldom(rng.choice(["circular", "reflect", "replicate"]), "zeros", 0.15)),
    }  # fmt: skip
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
    usual = {"groups": 1, "padding_mode": "zeros", "input_dilation": (1,) * len(words["stride"]), "output_size": None,
             "output_padding": (0,) * len(words["stride"])}  # fmt: skip
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
        made = [direct(one, words["groups"], row.output_size, s, row.pads, d, a, mode).T
                for one in (flipped(kernel), kernel)]  # fmt: skip
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
