"""ONNX's models: nodes that become layers, nodes that are left out, and errors for all others."""

import re
from types import SimpleNamespace as Fake

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, MaxPool, PixelShuffle, PixelUnshuffle
from convmatrix.algebra.stack.network import Network
from convmatrix.core import memory
from convmatrix.core.errors import TooLargeError, WrongTypeError
from convmatrix.frameworks.onnx import (
    from_model,
)
from onnx_fakes import W, graph, node, one, refused, tensor, value_info

B = np.array([1, 2], "float32")


def test_a_whole_model():
    nodes = [
        node("Constant", "", "v", value=tensor("", W)),
        node("Identity", "v", "w"),
        node("Pad", "x,p", "a", mode="reflect"),
        node("Conv", "a,w,b", "c", name="first"),
        node("BatchNormalization", "c,b,b,b,b", "d"),
        node("Clip", "d,,six", "e"),
        node("MaxPool", "e", "f", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("Dropout", "f", "g,mask"),
        node("Cast", "g", "h", to=1),
        node("GlobalAveragePool", "h", "i"),
        node("Flatten", "i", "j"),
        node("Softmax", "j", "y"),
    ]
    model = Fake(graph=graph(nodes, (None, 2, 5, 5), p=np.array([0, 0, 1, 1, 0, 0, 1, 1]), b=B, six=np.float32(6)))
    chain = from_model(model)
    assert chain == [
        Conv((5, 5), 1, padding=1, padding_mode="reflect", groups=2, in_channels=2, out_channels=2),
        Conv((7, 7), 3, in_channels=2, out_channels=2),
        MaxPool((5, 5), 2, stride=2, ceil_mode=True, channels=2),
        AvgPool((3, 3), 3, channels=2),
    ]
    assert chain.left_out == (
        "node 4 (BatchNormalization): a normalisation, which changes no size and has no matrix of its own here",
        "node 5 (Clip): an activation, which is not linear and changes no size",
        "node 7 (Dropout): dropout, which does nothing when a trained model runs",
        "node 8 (Cast): a cast to another floating point type",
        "node 10 (Flatten): the order of the entries stays as it is",
        "node 11 (Softmax): an activation, which is not linear and changes no size",
    )
    assert_array_equal(chain.weights[1], W)
    assert_array_equal(chain.biases[1], B)
    assert Network(chain).output_shape == (2, 1, 1)


def test_the_size_of_the_input():
    nodes = [node("Relu", "x", "a"), node("Conv", "a,w", "y")]
    assert from_model(graph(nodes, (1, 2, 6, 5), w=W))[0].input_size == (6, 5)
    assert from_model(graph(nodes, (1, 2, 6, 5), w=W), (6, 5))[0].input_size == (6, 5)
    assert from_model(graph(nodes, (None, None, 6, None), w=W), 6)[0].input_shape == (2, 6, 6)
    unknown = graph(nodes, w=W)
    unknown.input = [Fake(name="x")]
    assert from_model(unknown, 4)[0].input_size == (4, 4)
    assert from_model(graph([node("GlobalMaxPool", "x")], (None, None, None)), 4, in_channels=3)[0] == MaxPool(
        (4,), 4, channels=3
    )
    for shape, kwargs, message in [
        ((1, 2, None, 5), {}, "input 'x' has no length on spatial axis 0 in the graph: give input_size"),
        (
            (1, 2, 6, 5),
            {"input_size": 6},
            "input_size 6 on axis 1 is not the 5 that input 'x' has in the graph: leave it",
        ),
        ((1, 2, 6, 5), {"input_size": (6,)}, "input_size has 1 entry, [6], but input 'x' has 2 spatial axes in the"),
        ((1, 2, 6, 5), {"in_channels": 3}, "in_channels 3 is not the 2 that input 'x' has in the graph"),
        ((1, 2), {}, "input 'x' has 2 axes but needs (N, C, *size), at least 3"),
        ((), {}, "input 'x' has no shape in the graph: give input_size, one number for each axis"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            from_model(graph(nodes, shape, w=W), **kwargs)
    with pytest.raises(
        ValueError, match="input 'x' has no number of channels in the graph, and no convolution tells it"
    ):
        from_model(graph([node("DepthToSpace", "x", "a", blocksize=2), node("Conv", "a,w")], (1, None, 4, 4), w=W))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [node("Relu", "x", "a"), node("Add", "a,x")],
            "the model branches: 'x' goes to node 0 (Relu) and to node 1 (Add); only a chain is read, so cut the "
            "model there",
        ),
        ([node("Mul", "x,x")], "the model branches: 'x' goes to node 0 (Mul) and to node 0 (Mul)"),
        (
            [node("Exotic", "k", "o"), node("Concat", "x,o")],
            "node 1 (Concat): it joins 'x' and 'o', but only a chain of layers is read: cut the model before it",
        ),
        ([node("Exotic", "k", "o"), node("MatMul", "o,x")], "node 1 (MatMul): it joins 'x' and 'o'"),
        ([node("Conv", "w,x")], "node 0 (Conv): it joins 'x' and 'w'"),
        (
            [node("MaxPool", "x", "a,y", kernel_shape=[2, 2])],
            "node 0 (MaxPool): its second output 'y' is used, but only a chain of layers is read: cut the model there",
        ),
        (
            [node("Gemm", "x,w", name="fc")],
            "node 0 (Gemm 'fc'): it is no layer that is known here: cut the model before",
        ),
        (
            [node("Flatten", "x", "a"), node("Conv", "a,w")],
            "node 1 (Conv): it comes after the image was flattened or reshaped, which is read only at the end",
        ),
        (
            [node("Cast", "x", to=6)],
            "node 0 (Cast): it casts to data_type 6, which is no floating point type, and rounds",
        ),
        ([node("Relu", "x")], "there is no layer in the model that has a matrix"),
        (
            [node("Exotic", "k", "o"), node("Resize", "x,,o")],
            "input 2 of node 1 (Resize) is 'o', which is none of the initializers, but what a Exotic node computes",
        ),
        ([node("FusedConv", "x,w", domain="com.microsoft")], "node 0 (FusedConv): FusedConv is of the domain"),
        ([node("Conv", "x,w", strides=[9, 0])], "node 0 (Conv): strides, entry 1, must be at least 1, got 0"),
    ],
)
def test_errors_of_models(nodes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_model(graph(nodes, w=W))


def test_two_inputs_are_refused():
    two = graph([node("Conv", "x,w")])
    two.input.append(value_info("w", (2, 2, 3, 3)))
    message = "the graph has 2 inputs that are no initializers, ['x', 'w'], but only a chain from one input is read"
    with pytest.raises(ValueError, match=re.escape(message)):
        from_model(two)
    two.initializer.append(tensor("w", W))  # listed among the inputs as well, as old models have it
    assert from_model(two)[0].kernel_size == (3, 3)


def test_a_note_where_onnxruntime_differs():
    up = [node("ConvTranspose", "x,w", auto_pad="SAME_UPPER", strides=[4, 1])]
    chain = from_model(graph(up, w=W))
    assert chain.left_out == (
        "node 0 (ConvTranspose): auto_pad 'SAME_UPPER' with a kernel_shape [3, 3] that spans less than the "
        "output_shape needs for strides [4, 1] adds zeros, as the text of the operator has it; onnxruntime differs: it "
        "adds none at the start, and without output_shape none at all",
    )
    vars(up[0])["attribute"][1].ints = [3, 1]
    assert from_model(graph(up, w=W)).left_out == ()
    pool = node("AveragePool", "x", auto_pad="SAME_LOWER", kernel_shape=[1, 1], strides=[4, 4])
    refused("onnxruntime leaves out entries at the start or at the end", graph([pool], (1, 2, 6, 7)))


def test_a_pool_of_the_input_alone():
    """Positive control: small and valid nodes become layers."""
    assert from_model(graph([node("MaxPool", "x", kernel_shape=[2, 2])])) == [MaxPool((6, 6), 2, stride=1, channels=2)]
    with pytest.raises(
        WrongTypeError, match=r"bytes is not an ONNX model: .*give a path as a str, by os\.fsdecode, or"
    ):
        from_model(b"model")
    for other in (3, None, [], open):
        with pytest.raises(
            WrongTypeError, match=r"is not an ONNX model: .*; give a ModelProto or a GraphProto, as onnx\."
        ):
            from_model(other)


def test_weights_that_cannot_fit_are_refused_before_they_are_built(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    deep = (1, 40_000, 8, 8)
    refused(
        "node 0 (DepthToSpace): the weight of DepthToSpace in mode DCR, of 40000 x 40000 taps, needs 11.9 GiB but "
        "1 GiB of memory is available: export the model with mode CRD, whose layer has no weight",
        graph([node("DepthToSpace", "x", blocksize=2)], deep),
        kind=TooLargeError,
    )
    refused(
        "a weight of shape (1000000000000000000, 1, 1, 1) needs",
        kind=TooLargeError,
        model=graph([node("Pad", "x,p")], (1, 10**18, 8, 8), p=np.zeros(8, int)),
    )
    (layer,) = from_model(graph([node("DepthToSpace", "x", blocksize=2, mode="CRD")], deep))
    assert layer.out_channels == 10_000


# -- pools -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "kwargs", "wanted"),
    [
        ("AveragePool", {}, AvgPool((6, 6), 2, stride=1, count_include_pad=False, channels=2)),
        (
            "AveragePool",
            {"count_include_pad": 1, "pads": [1, 0, 0, 1]},
            AvgPool((6, 6), 2, stride=1, padding=((1, 0), (0, 1)), channels=2),
        ),
        (
            "AveragePool",
            {"strides": [3, 3], "ceil_mode": 1},
            AvgPool((6, 6), 2, stride=3, ceil_mode=True, count_include_pad=False, channels=2),
        ),
        (
            "MaxPool",
            {"auto_pad": "SAME_LOWER", "strides": [1, 2], "storage_order": 0},
            MaxPool((6, 6), 2, stride=(1, 2), padding=((1, 0), (0, 0)), channels=2),
        ),
        ("MaxPool", {"auto_pad": "SAME_UPPER", "strides": [2, 2], "ceil_mode": 1}, MaxPool((6, 6), 2, channels=2)),
        ("MaxPool", {"auto_pad": "VALID", "strides": [2, 2], "ceil_mode": 1}, MaxPool((6, 6), 2, channels=2)),
        ("MaxPool", {"dilations": [2, 1]}, MaxPool((6, 6), 2, stride=1, dilation=(2, 1), channels=2)),
    ],
)
def test_pools(op, kwargs, wanted):
    assert one(op, kernel_shape=[2, 2], **kwargs) == [wanted]


def test_an_average_with_gaps_is_a_convolution():
    chain = one("AveragePool", kernel_shape=[2, 2], dilations=[2, 1], pads=[1, 0, 0, 0], count_include_pad=1)
    assert chain == [
        Conv((6, 6), 2, dilation=(2, 1), padding=((1, 0), (0, 0)), groups=2, in_channels=2, out_channels=2)
    ]
    assert_array_equal(chain.weights[0], np.full((2, 1, 2, 2), 0.25))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "MaxPool needs the attribute kernel_shape, got []"),
        ({"kernel_shape": [2]}, "kernel_shape has 1 entry, [2], but needs 2, one each axis"),
        ({"kernel_shape": [2, 2], "auto_pad": "VALID", "pads": [0, 0, 0, 0]}, "cannot stand beside auto_pad 'VALID'"),
        ({"kernel_shape": [2, 2], "ceil": 1}, "attribute of MaxPool, 'ceil' is not one of"),
        (
            {"kernel_shape": [3, 1], "auto_pad": "VALID", "strides": [2, 1], "ceil_mode": 1},
            "ceil_mode=1 beside auto_pad 'VALID' leaves 1 entries on axis 0 (= (size 6 - 3) mod strides 2), and "
            "it is not "
            "agreed whether they have a window: give pads instead of auto_pad",
        ),
        (
            {"kernel_shape": [1, 1], "auto_pad": "SAME_UPPER", "strides": [1, 3]},
            "auto_pad 'SAME_UPPER' of a pool would pad by -2 on axis 1 (= (2 outputs - 1) * strides 3 + 1 - size "
            "6), and "
            "it is not agreed what it reads: onnxruntime leaves out entries at the start or at the end, ONNX's own "
            "evaluator others; give pads instead of auto_pad",
        ),
        ({"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "pads 2 on axis 0, before, must be less than kernel_shape 2"),
    ],
)
def test_errors_of_pools(kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        one("MaxPool", **kwargs)


@pytest.mark.parametrize("kwargs", [{"pads": [1, 0, 0, 0]}, {"ceil_mode": 1, "strides": [2, 2]}])
def test_averages_with_gaps_that_count_differently_are_refused(kwargs):
    message = "an AveragePool with dilations [2, 2] whose windows count different numbers of cells, with pads"
    with pytest.raises(ValueError, match=re.escape(message)):
        one("AveragePool", kernel_shape=[2, 2], dilations=[2, 2], **kwargs)


# -- permutations of entries -----------------------------------------------------------------------------------------


def test_depth_and_space():
    assert one("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode="CRD") == [PixelShuffle((2, 3), 2, channels=2)]
    assert one("DepthToSpace", (1, 4, 2, 3), blocksize=2) == [PixelShuffle((2, 3), 2)]
    assert one("SpaceToDepth", (1, 2, 4, 6), blocksize=2, mode="CRD") == [PixelUnshuffle((4, 6), 2, channels=2)]
    assert one("SpaceToDepth", (1, 1, 4, 6), blocksize=2) == [PixelUnshuffle((4, 6), 2)]


def test_depth_and_space_in_the_other_order():
    """Operator DepthToSpace in the default mode, by the NumPy code of its specification."""
    x = np.arange(8 * 2 * 3).reshape(8, 2, 3)
    wanted = x.reshape(2, 2, 2, 2, 3).transpose(2, 3, 0, 4, 1).reshape(2, 4, 6)
    down = one("DepthToSpace", (1, 8, 2, 3), blocksize=2)
    assert_array_equal(down[0].unvec(down[0].matrix(down.weights[0]) @ down[0].vec(x)), wanted)
    up = one("SpaceToDepth", (1, 2, 4, 6), blocksize=2)
    assert_array_equal(up[0].unvec(up[0].matrix(up.weights[0]) @ up[0].vec(wanted)), x)


@pytest.mark.parametrize(
    ("op", "shape", "kwargs", "message"),
    [
        (
            "DepthToSpace",
            (1, 6, 2, 2),
            {"blocksize": 2},
            "blocksize 2 needs a multiple of 4 channels, got 6 (remainder 2)",
        ),
        ("DepthToSpace", (1, 4, 2), {"blocksize": 2}, "DepthToSpace needs an image of 2 spatial axes, got 1"),
        ("DepthToSpace", (1, 4, 2, 2), {}, "DepthToSpace needs the attribute blocksize"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": 0}, "blocksize must be at least 1, got 0"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": 2, "mode": "RDC"}, "mode 'RDC' is not one of DCR, CRD"),
        ("SpaceToDepth", (1, 1, 5, 2), {"blocksize": 2}, "blocksize 2 does not divide size of X 5 on axis 0"),
    ],
)
def test_errors_of_depth_and_space(op, shape, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        one(op, shape, **kwargs)


def padded(pads, reads="x,p", *, extra=None, **attributes):
    constants = {"p": np.array(pads), **(extra or {})}
    return from_model(graph([node("Pad", reads, **attributes)], (1, 2, 4, 5), **constants))


@pytest.mark.parametrize(
    ("mode", "expected"), {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}.items()
)
def test_pad_nodes(mode, expected):
    chain = padded([0, 0, 1, 0, 0, 0, 2, 3], mode=mode)
    assert chain == [
        Conv((4, 5), 1, padding=((1, 2), (0, 3)), padding_mode=expected, groups=2, in_channels=2, out_channels=2)
    ]
    assert_array_equal(chain.weights[0], np.ones((2, 1, 1, 1)))


def test_other_ways_to_say_a_pad():
    wanted = padded([0, 0, 1, 0, 0, 0, 2, 0])
    assert one("Pad", (1, 2, 4, 5), pads=[0, 0, 1, 0, 0, 0, 2, 0], value=0.0) == wanted  # version 2
    extra = {"v": np.float32(0), "a": np.array([-2])}
    assert padded([1, 2], "x,p,v,a", extra=extra) == wanted
    assert padded([0, 0, -1, 0, 0, 0, 2, 0])[0].padding == ((-1, 2), (0, 0))


@pytest.mark.parametrize(
    ("pads", "kwargs", "message"),
    [
        ([0] * 8, {"mode": "symmetric"}, "mode 'symmetric' is not one of constant, reflect, edge, wrap"),
        (
            [0] * 8,
            {"reads": "x,p,v", "extra": {"v": np.float32(1.5)}},
            "a Pad with constant_value 1.5 is not linear: only zeros are added",
        ),
        (
            [0] * 6,
            {},
            "pads has 6 entries, [0, 0, 0, 0, 0, 0], but needs 8 (a begin for each axis, then an end for each)",
        ),
        ([0, 1, 0, 0, 0, 0, 0, 0], {}, "pads [0, 1, 0, 0, 0, 0, 0, 0] change the batch or the channels: only spatial"),
        (
            [0, 0, -1, 0, 0, 0, 1, 0],
            {"mode": "edge"},
            (
                "pads [0, 0, -1, 0, 0, 0, 1, 0] with mode 'edge' crop and extend at once, and which comes first is "
                "not said"
            ),
        ),
    ],
)
def test_errors_of_pad_nodes(pads, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        padded(pads, **kwargs)
