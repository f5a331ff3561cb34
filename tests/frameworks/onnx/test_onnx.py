"""ONNX's words: cases from its documentation, fakes of its messages, and every refusal with its numbers."""

import re
from types import SimpleNamespace as Fake

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, PixelUnshuffle, Upsample
from convmatrix.algebra.stack.network import Network
from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.onnx import (
    RULES,
    conv,
    conv_transpose,
    from_layer,
    from_model,
    weight,
    weight_transpose,
)

# -- words -----------------------------------------------------------------------------------------------------------


def test_rules_have_the_keys_of_the_page():
    assert list(RULES) == ["data", "weight", "transposed weight", "kernel", "padding", "same", "transposed padding",
                           "output size", "groups", "refused"]  # fmt: skip


def test_conv_of_the_documentation():
    """Operator Conv, example conv_with_strides_and_asymmetric_padding."""
    x, W = np.arange(35).reshape(1, 1, 7, 5), np.ones((1, 1, 3, 3), int)
    layer = conv(x, W, kernel_shape=[3, 3], pads=[1, 0, 1, 0], strides=[2, 2])
    y = layer.unvec(layer.matrix(weight(W)) @ layer.vec(x[0]))
    assert y[0].tolist() == [[21, 33], [99, 117], [189, 207], [171, 183]]


def test_conv_transpose_of_the_documentation():
    """Operator ConvTranspose, example convtranspose_1d."""
    x, W = np.arange(3).reshape(1, 1, 3), np.ones((1, 2, 3), int)
    layer = conv_transpose(x, W)
    assert (layer.matrix(weight_transpose(W)) @ x.ravel()).tolist() == [0, 1, 3, 3, 2] * 2


def test_output_shape_of_the_documentation_ends_in_zeros():
    """Operator ConvTranspose, example convtranspose_output_shape: one more than there is without pads, at the end."""
    layer = conv_transpose((1, 1, 3, 3), (1, 2, 3, 3), strides=[3, 2], output_shape=[10, 8])
    assert layer.output_shape == (2, 10, 8)
    y = layer.unvec(layer.matrix(np.ones((1, 2, 3, 3), int)) @ np.arange(9))
    assert y[0, 0].tolist() == [0, 0, 1, 1, 3, 2, 2, 0]
    assert y[1, 9].tolist() == [0] * 8


def test_attributes_of_every_kind_make_the_same_layer():
    plain = conv((1, 4, 9, 9), (6, 2, 3, 3), strides=[2, 1], dilations=[1, 2], group=2, auto_pad="SAME_LOWER")
    other = conv(
        np.zeros((3, 4, 9, 9)), np.zeros((6, 2, 3, 3)), b"SAME_LOWER", np.array([1, 2]), 2, (3, 3), None, (2, 1)
    )
    assert plain == other == Conv((9, 9), 3, stride=(2, 1), dilation=(1, 2), groups=2, in_channels=4, out_channels=6,
                                  padding="same_lower")  # fmt: skip
    assert conv((None, 1, 5), (1, 1, 3)) == Conv((5,), 3)


@pytest.mark.parametrize(
    ("size", "words", "padding", "output_size"),
    [
        (5, {"auto_pad": "SAME_UPPER"}, (0, 1), 5),
        (5, {"auto_pad": "SAME_LOWER"}, (1, 0), 5),
        (5, {"auto_pad": "VALID"}, (0, 0), 4),
        (5, {"auto_pad": "NOTSET", "pads": [0, 2]}, (0, 2), 6),
        (6, {"auto_pad": "SAME_UPPER", "strides": [3]}, (0, 0), 2),
    ],
)
def test_pads(size, words, padding, output_size):
    layer = conv((1, 1, size), (1, 1, 2), **words)
    assert (layer.padding, layer.output_size) == ((padding,), (output_size,))


@pytest.mark.parametrize(
    ("kernel", "words", "padding", "extra", "output_size"),
    [
        (4, {}, (0, 0), 0, 8),
        (4, {"pads": [1, 0]}, (1, 0), 0, 7),
        (4, {"output_padding": [1]}, (0, 0), 1, 9),
        (4, {"output_shape": [7]}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "pads": [2, 2]}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "auto_pad": "VALID"}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "auto_pad": "SAME_LOWER"}, (1, 0), 0, 7),
        (4, {"output_shape": [7], "auto_pad": "SAME_UPPER"}, (0, 1), 0, 7),
        (4, {"output_shape": [6], "output_padding": [1]}, (2, 1), 1, 6),
        (4, {"output_shape": [9]}, (0, 0), 1, 9),
        (4, {"auto_pad": "SAME_UPPER"}, (1, 1), 0, 6),
        (4, {"auto_pad": "SAME_UPPER", "output_padding": [1]}, (1, 2), 1, 6),
        (4, {"auto_pad": "SAME_LOWER", "output_padding": [1]}, (2, 1), 1, 6),
        (1, {"auto_pad": "SAME_UPPER"}, (-1, 0), 0, 6),
        (1, {"auto_pad": "SAME_LOWER"}, (0, -1), 0, 6),
        (4, {"output_shape": [12], "auto_pad": "SAME_UPPER"}, (-2, -2), 0, 12),
    ],
)
def test_transposed_pads(kernel, words, padding, extra, output_size):
    layer = conv_transpose((1, 1, 3), (1, 1, kernel), strides=[2], **words)
    assert (layer.padding, layer.output_padding, layer.output_size) == ((padding,), (extra,), (output_size,))


def test_weights_stay_as_they_are():
    W = np.arange(24, dtype="float32").reshape(4, 2, 3)
    assert weight(W) is not None
    assert_array_equal(weight(W), W)
    assert_array_equal(weight_transpose(W), W)
    assert conv((1, 4, 5), W, group=2).weight_shape == (4, 2, 3)
    assert conv_transpose((1, 4, 5), W, group=2).output_shape == (4, 7)


REFUSED = [
    ({"auto_pad": "SAME"}, "auto_pad 'SAME' is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID"),
    ({"auto_pad": "same_upper"}, "auto_pad 'same_upper' is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID"),
    ({"auto_pad": "VALID", "pads": [0, 0]},
     "pads [0, 0] cannot stand beside auto_pad 'VALID', which decides them: leave one of the two out"),
    ({"pads": [1]}, "pads has 1 entry, [1], but needs 2 (a begin for each axis, then an end for each)"),
    ({"pads": [-1, 2]}, "pads, entry 0, must be at least 0, got -1; crop by a Pad or Slice before"),
    ({"strides": [1, 1]}, "strides has 2 entries, [1, 1], but needs 1, one each axis"),
    ({"strides": [0]}, "strides, entry 0, must be at least 1, got 0"),
    ({"strides": 2}, "strides must have one entry for each axis, got 2: write [2] for the same on all"),
    ({"dilations": [1.5]}, "dilations, entry 0, must be an integer, got 1.5 (float)"),
    ({"kernel_shape": [2]}, "kernel_shape [2] is not that of W, [3]: leave it out, or say the same"),
    ({"group": 0}, "group must be at least 1, got 0"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), REFUSED)
@pytest.mark.parametrize("make", [conv, conv_transpose])
def test_refusals_of_both(make, words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make((1, 1, 5), (1, 1, 3), **words)


@pytest.mark.parametrize(
    ("make", "args", "words", "message"),
    [
        (conv, ((1, 1), (1, 1)), {}, "X has shape (1, 1) but needs (N, C, *size), at least 3 axes"),
        (conv, ((1, 1, None), (1, 1, 2)), {}, "X[2] is None, but the matrix depends on it: give a number"),
        (conv, ((1, 0, 3), (1, 1, 2)), {}, "X[1] must be at least 1, got 0"),
        (conv, ((1, 1, 3), (1, 1, 0)), {}, "W[2] must be at least 1, got 0"),
        (conv, ((1, 1, 3, 3), (1, 1, 2)), {},
         "W has shape (1, 1, 2) but X has 2 spatial axes, so W needs 4 axes in all"),
        (conv, ((1, 4, 3), (4, 2, 2)), {},
         "X has 4 channels but W of shape (4, 2, 2) takes 2 (= 2 * group 1): W is (M, C / group, *kernel_shape)"),
        (conv, ((1, 4, 3), (3, 2, 2)), {"group": 2}, "group=2 does not divide the first axis of W, 3 (remainder 1)"),
        (conv, ((1, 1, 3), (1, 1, 4)), {}, "kernel does not fit on axis 0: it spans 4"),
        (conv_transpose, ((1, 4, 3), (3, 2, 2)), {},
         "X has 4 channels but W of shape (3, 2, 2) takes 3: W is (C, M / group, *kernel_shape)"),
        (conv_transpose, ((1, 3, 3), (3, 2, 2)), {"group": 2},
         "group=2 does not divide the channels of X, 3 (remainder 1): every group needs as many channels"),
        (conv_transpose, ((1, 1, 3), (1, 1, 2)), {"strides": [2], "dilations": [4], "output_padding": [2]},
         "output_padding 2 on axis 0 must be less than strides 2: a convolution of the larger output would have "
         "more outputs than X has entries"),
        (conv_transpose, ((1, 1, 3), (1, 1, 4)), {"strides": [2], "output_shape": [10]},
         "output_shape 10 on axis 0 is too large: without pads the output has 8, and with strides 2 it can have at "
         "most 1 more; use at most 9"),
        (conv_transpose, ((1, 1, 3), (1, 1, 4)), {"output_shape": [1, 1, 5]},
         "output_shape has 3 entries, [1, 1, 5], but needs 1, one each axis"),
        (conv_transpose, ((1, 1, 3), (1, 1, 3)), {"output_padding": [-1]},
         "output_padding, entry 0, must be at least 0, got -1"),
        (conv_transpose, ((1, 1, 3), (1, 1, 3)), {"pads": [2, 3]}, "output is empty on axis 0: its size would be 0"),
        (conv_transpose, ((1, 1, 3), (1, 1, 3)), {"pads": [2], "output_shape": [4]},
         "pads has 1 entry, [2], but needs 2"),
    ],
)  # fmt: skip
def test_refusals(make, args, words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(*args, **words)


def test_refusals_of_weights():
    with pytest.raises(
        ValueError, match=re.escape("W has shape (2, 2) but needs (M, C / group, *kernel_shape), at le")
    ):
        weight(np.zeros((2, 2)))
    with pytest.raises(
        ValueError, match=re.escape("W has shape (3,) but needs (C, M / group, *kernel_shape), at least")
    ):
        weight_transpose(np.zeros(3))
    with pytest.raises(
        WrongTypeError, match=re.escape("W has dtype object, which scipy.sparse cannot hold: cast it wit")
    ):
        weight(np.zeros((1, 1, 3), object))


# -- fakes of ONNX's messages ----------------------------------------------------------------------------------------


def attribute(name, value):
    if isinstance(value, str):
        return Fake(name=name, type=3, s=value.encode())
    if isinstance(value, list):
        kind, place = (6, "floats") if value and isinstance(value[0], float) else (7, "ints")
        return Fake(name=name, type=kind, **{place: value})
    if isinstance(value, Fake):
        return Fake(name=name, type=4, t=value)
    return Fake(name=name, type=1, f=value) if isinstance(value, float) else Fake(name=name, type=2, i=value)


def node(op_type, reads, writes="y", *, name="", domain="", **attributes):
    return Fake(op_type=op_type, name=name, domain=domain, input=reads.split(","), output=writes.split(","),
                attribute=[attribute(key, value) for key, value in attributes.items()])  # fmt: skip


TYPES = {"float32": 1, "int32": 6, "int64": 7, "float64": 11}


def tensor(name, array):
    array = np.asarray(array)
    return Fake(name=name, dims=list(array.shape), data_type=TYPES[str(array.dtype)], raw_data=array.tobytes(),
                data_location=0)  # fmt: skip


def value_info(name, lengths):
    """None is a length that has a name only."""
    dims = [Fake(dim_value=0, dim_param="n") if n is None else Fake(dim_value=n, dim_param="") for n in lengths]
    return Fake(name=name, type=Fake(tensor_type=Fake(shape=Fake(dim=dims))))


def graph(nodes, shape=(1, 2, 6, 6), *, outputs="y", **constants):
    tensors = [tensor(name, array) for name, array in constants.items()]
    return Fake(node=nodes, initializer=tensors, input=[value_info("x", shape)],
                output=[Fake(name=name) for name in outputs.split(",")])  # fmt: skip


def one(op_type, shape=(1, 2, 6, 6), reads="x", **attributes):
    """The chain of one node with no constants."""
    return from_model(graph([node(op_type, reads, **attributes)], shape))


W = np.arange(36, dtype="float32").reshape(2, 2, 3, 3)
B = np.array([1, 2], "float32")

# -- nodes -----------------------------------------------------------------------------------------------------------


def test_from_layer():
    proto = node("Conv", "x,w,b", strides=[2, 2], pads=[1, 1, 0, 0], auto_pad="NOTSET", group=1, kernel_shape=[3, 3])
    loaded = from_layer(proto, (6, 5), {"w": W, "b": tensor("b", B)})
    assert loaded.layer == Conv((6, 5), 3, stride=2, padding=((1, 0), (1, 0)), in_channels=2, out_channels=2)
    assert_array_equal(loaded.weight, W)
    assert_array_equal(loaded.bias, B)
    up = from_layer(node("ConvTranspose", "x,w", strides=[2, 2], output_padding=[1, 1]), 3, graph([], w=W))
    assert up.layer == ConvTranspose((3, 3), 3, stride=2, output_padding=1, in_channels=2, out_channels=2)
    assert up.bias is None


def test_depthwise_nodes():
    proto = node("Conv", "x,w", group=4)
    assert from_layer(proto, 5, {"w": np.ones((4, 1, 3))}).layer == Conv(
        (5,), 3, groups=4, in_channels=4, out_channels=4
    )


@pytest.mark.parametrize(
    ("kind", "place", "values"),
    [(1, "float_data", [1.5, 2.0, 3.0]), (11, "double_data", [1.5, 2.0, 3.0]), (6, "int32_data", [1, 2, 3]),
     (3, "int32_data", [1, -2, 3]), (9, "int32_data", [1, 0, 1]), (7, "int64_data", [1, 2, 3]),
     (12, "uint64_data", [1, 2, 3])],
)  # fmt: skip
def test_typed_fields_of_tensors(kind, place, values):
    w = Fake(name="w", dims=[1, 1, 3], data_type=kind, raw_data=b"", **{place: values})
    loaded = from_layer(node("Conv", "x,w"), 4, {"w": w})
    assert loaded.weight.ravel().tolist() == values


def broken(**changes):
    return {"w": Fake(**{**vars(tensor("w", np.ones((1, 1, 3), "float32"))), **changes})}


@pytest.mark.parametrize(
    ("proto", "constants", "message"),
    [
        (node("Relu", "x"), {},
         "Relu is neither Conv nor ConvTranspose: give such a node, or read the whole model with"),
        (node("Conv", "x"), {}, "Conv has 1 input, ['x'], and none that is W (input 1)"),
        (node("Conv", "x,w"), {"v": W}, "W is 'w', which is none of the initializers, which are ['v']"),
        (node("Conv", "x,w"), graph([node("DequantizeLinear", "q,s", "w")]),
         "W is 'w', which is none of the initializers, but what a DequantizeLinear node computes: fold the constants"),
        (node("Conv", "x,w,b"), {"w": W, "b": np.ones(3)}, "B has shape (3,) but must have shape (2,), one number for"),
        (node("Conv", "x,w", stride=[2, 2]), {"w": W},
         "attribute of Conv, 'stride' is not one of auto_pad, dilations, group, kernel_shape, pads, strides: did you "
         "mean 'strides'?"),
        (node("Conv", "x,w", output_padding=[0, 0]), {"w": W}, "attribute of Conv, 'output_padding' is not one of"),
        (node("Conv", "x,w", strides=2), {"w": W}, "attribute 'strides' of Conv is of type INT, 2, but needs INTS"),
        (node("Conv", "x,w", domain="com.microsoft"), {"w": W}, "Conv is of the domain 'com.microsoft', not of ONNX's"),
        (Fake(op_type="Conv", input=["x"], output=["y"], attribute=[Fake(name="body", type=5)]), {},
         "attribute 'body' is of type 5, a graph or a reference: give a model whose functions are inlined"),
        (node("Conv", "x,w"), broken(data_location=1),
         "tensor 'w' has its values in a file of their own: load the model"),
        (node("Conv", "x,w"), broken(raw_data=b"1234"),
         "tensor 'w' has 4 bytes but its dims [1, 1, 3] of float32 need 12"),
        (node("Conv", "x,w"), broken(raw_data=b"", float_data=[1.0]),
         "tensor 'w' has 1 value in float_data but its dims [1, 1, 3] need 3"),
    ],
)  # fmt: skip
def test_refusals_of_nodes(proto, constants, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_layer(proto, 6, constants)


def test_refusals_of_kinds():
    for kind, name in {14: "complex64", 17: "float8e4m3fn", 99: "of data_type 99"}.items():
        message = (
            f"tensor 'w' is {name}, which scipy.sparse cannot hold: cast it to float32 first, as onnx.numpy_helper"
        )
        with pytest.raises(WrongTypeError, match=re.escape(message)):
            from_layer(node("Conv", "x,w"), 6, broken(data_type=kind))
    with pytest.raises(WrongTypeError, match=re.escape("int is not an ONNX node: it has no attribute 'op_type'")):
        from_layer(3, 6, {})
    with pytest.raises(
        WrongTypeError, match="initializers must be a mapping from names to arrays, a graph or a model, got"
    ):
        from_layer(node("Conv", "x,w"), 6, [W])
    with pytest.raises(WrongTypeError, match="int is not an ONNX model: it has no attribute 'node'"):
        from_model(3)


# -- models ----------------------------------------------------------------------------------------------------------


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
    for shape, words, message in [
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
            from_model(graph(nodes, shape, w=W), **words)
    with pytest.raises(
        ValueError, match="input 'x' has no number of channels in the graph, and no convolution tells it"
    ):
        from_model(graph([node("DepthToSpace", "x", "a", blocksize=2), node("Conv", "a,w")], (1, None, 4, 4), w=W))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Relu", "x", "a"), node("Add", "a,x")],
         "the model branches: 'x' goes to node 0 (Relu) and to node 1 (Add); only a chain is read, so cut the "
         "model there"),
        ([node("Mul", "x,x")], "the model branches: 'x' goes to node 0 (Mul) and to node 0 (Mul)"),
        ([node("Exotic", "k", "o"), node("Concat", "x,o")],
         "node 1 (Concat): it joins 'x' and 'o', but only a chain of layers is read: cut the model before it"),
        ([node("Exotic", "k", "o"), node("MatMul", "o,x")], "node 1 (MatMul): it joins 'x' and 'o'"),
        ([node("Conv", "w,x")], "node 0 (Conv): it joins 'x' and 'w'"),
        ([node("MaxPool", "x", "a,y", kernel_shape=[2, 2])],
         "node 0 (MaxPool): its second output 'y' is used, but only a chain of layers is read: cut the model there"),
        ([node("Gemm", "x,w", name="fc")],
         "node 0 (Gemm 'fc'): it is no layer that is known here: cut the model before"),
        ([node("Flatten", "x", "a"), node("Conv", "a,w")],
         "node 1 (Conv): it comes after the image was flattened or reshaped, which is read only at the end"),
        ([node("Cast", "x", to=6)],
         "node 0 (Cast): it casts to data_type 6, which is no floating point type, and rounds"),
        ([node("Relu", "x")], "there is no layer in the model that has a matrix"),
        ([node("Exotic", "k", "o"), node("Resize", "x,,o")],
         "input 2 of node 1 (Resize) is 'o', which is none of the initializers, but what a Exotic node computes"),
        ([node("FusedConv", "x,w", domain="com.microsoft")], "node 0 (FusedConv): FusedConv is of the domain"),
        ([node("Conv", "x,w", strides=[9, 0])], "node 0 (Conv): strides, entry 1, must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_refusals_of_models(nodes, message):
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


# -- pools -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "words", "wanted"),
    [
        ("AveragePool", {}, AvgPool((6, 6), 2, stride=1, count_include_pad=False, channels=2)),
        ("AveragePool", {"count_include_pad": 1, "pads": [1, 0, 0, 1]},
         AvgPool((6, 6), 2, stride=1, padding=((1, 0), (0, 1)), channels=2)),
        ("AveragePool", {"strides": [3, 3], "ceil_mode": 1},
         AvgPool((6, 6), 2, stride=3, ceil_mode=True, count_include_pad=False, channels=2)),
        ("MaxPool", {"auto_pad": "SAME_LOWER", "strides": [1, 2], "storage_order": 0},
         MaxPool((6, 6), 2, stride=(1, 2), padding=((1, 0), (0, 0)), channels=2)),
        ("MaxPool", {"auto_pad": "SAME_UPPER", "strides": [2, 2], "ceil_mode": 1}, MaxPool((6, 6), 2, channels=2)),
        ("MaxPool", {"auto_pad": "VALID", "strides": [2, 2], "ceil_mode": 1}, MaxPool((6, 6), 2, channels=2)),
        ("MaxPool", {"dilations": [2, 1]}, MaxPool((6, 6), 2, stride=1, dilation=(2, 1), channels=2)),
    ],
)  # fmt: skip
def test_pools(op, words, wanted):
    assert one(op, kernel_shape=[2, 2], **words) == [wanted]


def test_an_average_with_gaps_is_a_convolution():
    chain = one("AveragePool", kernel_shape=[2, 2], dilations=[2, 1], pads=[1, 0, 0, 0], count_include_pad=1)
    assert chain == [
        Conv((6, 6), 2, dilation=(2, 1), padding=((1, 0), (0, 0)), groups=2, in_channels=2, out_channels=2)
    ]
    assert_array_equal(chain.weights[0], np.full((2, 1, 2, 2), 0.25))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "MaxPool needs the attribute kernel_shape, got []"),
        ({"kernel_shape": [2]}, "kernel_shape has 1 entry, [2], but needs 2, one each axis"),
        ({"kernel_shape": [2, 2], "auto_pad": "VALID", "pads": [0, 0, 0, 0]}, "cannot stand beside auto_pad 'VALID'"),
        ({"kernel_shape": [2, 2], "ceil": 1}, "attribute of MaxPool, 'ceil' is not one of"),
        ({"kernel_shape": [3, 1], "auto_pad": "VALID", "strides": [2, 1], "ceil_mode": 1},
         "ceil_mode=1 beside auto_pad 'VALID' leaves 1 entries on axis 0 (= (size 6 - 3) mod strides 2), and it is not "
         "agreed whether they have a window: give pads instead of auto_pad"),
        ({"kernel_shape": [1, 1], "auto_pad": "SAME_UPPER", "strides": [1, 3]},
         "auto_pad 'SAME_UPPER' of a pool would pad by -2 on axis 1 (= (2 outputs - 1) * strides 3 + 1 - size 6), and "
         "it is not agreed what it reads: onnxruntime leaves out entries at the start or at the end, ONNX's own "
         "evaluator others; give pads instead of auto_pad"),
        ({"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "pads 2 on axis 0, before, must be less than kernel_shape 2"),
    ],
)  # fmt: skip
def test_refusals_of_pools(words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        one("MaxPool", **words)


@pytest.mark.parametrize("words", [{"pads": [1, 0, 0, 0]}, {"ceil_mode": 1, "strides": [2, 2]}])
def test_averages_with_gaps_that_count_differently_are_refused(words):
    message = "an AveragePool with dilations [2, 2] whose windows count different numbers of cells, with pads"
    with pytest.raises(ValueError, match=re.escape(message)):
        one("AveragePool", kernel_shape=[2, 2], dilations=[2, 2], **words)


# -- resizes ---------------------------------------------------------------------------------------------------------


def resized(scales=None, sizes=None, op="Resize", reads="x,,s", **attributes):
    constants = {"s": np.array(scales, "float32")} if scales is not None else {"z": np.array(sizes)}
    if sizes is not None:
        reads = "x,,,z"
    (layer,) = from_model(graph([node(op, reads, **attributes)], (1, 2, 4, 5), **constants))
    return layer


ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric"}


def test_resizes():
    doubled = Upsample((4, 5), scale=2, channels=2)
    assert resized([1, 1, 2, 2], op="Upsample", reads="x,s", mode="nearest") == doubled
    assert resized([1, 1, 2, 2], reads="x,s") == doubled  # version 10
    assert from_model(graph([node("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0])], (1, 2, 4, 5))) == [doubled]  # 7
    assert resized([1, 1, 2, 2], nearest_mode="floor", **ASYMMETRIC) == doubled
    assert resized([1, 1, 2, 2], **ASYMMETRIC) == doubled  # halves are rounded down
    assert resized([2, 3], axes=[2, 3]) == resized([3, 2], axes=[-1, -2]) == Upsample((4, 5), scale=(2, 3), channels=2)
    assert resized([1, 1, 2, 2], mode="linear") == Upsample((4, 5), scale=2, mode="linear", channels=2)
    aligned = resized(sizes=[1, 2, 7, 9], mode="linear", coordinate_transformation_mode="align_corners")
    assert aligned == Upsample((4, 5), output_size=(7, 9), mode="linear", align_corners=True, channels=2)
    exact = resized([1, 1, 1.5, 1.4], nearest_mode="round_prefer_ceil")
    assert exact == Upsample((4, 5), scale=(1.5, 1.4), mode="nearest-exact", channels=2)
    assert resized([1, 1, 0.75, 0.6], nearest_mode="floor", **ASYMMETRIC).output_size == (3, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"scales": [1, 1, 2, 2], "mode": "cubic"}, "mode 'cubic' is not one of nearest, linear"),
        ({"scales": [1, 1, 2, 2], "coordinate_transformation_mode": "tf_crop_and_resize"},
         "coordinate_transformation_mode 'tf_crop_and_resize' is not one of half_pixel, half_pixel_symmetric"),
        ({"scales": [1, 1, 2, 2], "mode": "linear", **ASYMMETRIC},
         "mode 'linear' with coordinate_transformation_mode 'asymmetric' from size (4, 5) to (8, 10) reads other "
         "entries than any mode of Upsample"),
        ({"scales": [1, 1, 2, 2], "nearest_mode": "ceil"},
         "mode 'nearest' with coordinate_transformation_mode 'half_pixel' and nearest_mode 'ceil' from size (4, 5)"),
        ({"scales": [1, 1, 2, 2], "nearest_mode": "round"}, "nearest_mode 'round' is not one of round_prefer_floor"),
        ({"scales": [1, 1, 0.5, 1], "mode": "linear", "antialias": 1},
         "antialias=1 spreads the filter where the image"),
        ({"sizes": [1, 2, 8, 8], "keep_aspect_ratio_policy": "not_larger"},
         "keep_aspect_ratio_policy 'not_larger' is not one of stretch"),
        ({"scales": [1, 2, 2, 2]},
         "scales [1.0, 2.0, 2.0, 2.0] resize the batch or the channels: only spatial axes are"),
        ({"sizes": [1, 3, 8, 8]}, "sizes [1, 3, 8, 8] change the 2 channels: only spatial axes are resized here"),
        ({"scales": [2, 2]}, "scales has 2 entries, [2.0, 2.0], but there are 4 axes: give one for each"),
        ({"scales": [1, 1, 0.6, 0.6], "mode": "linear", "coordinate_transformation_mode": "align_corners"},
         "scale 0.6 makes 2.4 of size 4 on axis 0, no integer, and with 'align_corners' it is not agreed whether the "
         "last output stands on the last input: give sizes"),
        ({"scales": [1, 1, 0.1, 1]},
         "output is empty on axis 0: its size would be 0 (= floor(4 * scale 0.1)); use a scale of at least 0.25"),
    ],
)  # fmt: skip
def test_refusals_of_resizes(words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        resized(**words)


# -- what only moves entries -----------------------------------------------------------------------------------------


def test_depth_and_space():
    assert one("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode="CRD") == [PixelShuffle((2, 3), 2, channels=2)]
    assert one("DepthToSpace", (1, 4, 2, 3), blocksize=2) == [PixelShuffle((2, 3), 2)]
    assert one("SpaceToDepth", (1, 2, 4, 6), blocksize=2, mode="CRD") == [PixelUnshuffle((4, 6), 2, channels=2)]
    assert one("SpaceToDepth", (1, 1, 4, 6), blocksize=2) == [PixelUnshuffle((4, 6), 2)]


def test_depth_and_space_in_the_other_order():
    """Operator DepthToSpace, the default mode: as the lines of NumPy in its text have it."""
    x = np.arange(8 * 2 * 3).reshape(8, 2, 3)
    wanted = x.reshape(2, 2, 2, 2, 3).transpose(2, 3, 0, 4, 1).reshape(2, 4, 6)
    down = one("DepthToSpace", (1, 8, 2, 3), blocksize=2)
    assert_array_equal(down[0].unvec(down[0].matrix(down.weights[0]) @ down[0].vec(x)), wanted)
    up = one("SpaceToDepth", (1, 2, 4, 6), blocksize=2)
    assert_array_equal(up[0].unvec(up[0].matrix(up.weights[0]) @ up[0].vec(wanted)), x)


@pytest.mark.parametrize(
    ("op", "shape", "words", "message"),
    [
        ("DepthToSpace", (1, 6, 2, 2), {"blocksize": 2},
         "blocksize 2 needs a multiple of 4 channels, got 6 (remainder 2)"),
        ("DepthToSpace", (1, 4, 2), {"blocksize": 2}, "DepthToSpace needs an image of 2 spatial axes, got 1"),
        ("DepthToSpace", (1, 4, 2, 2), {}, "DepthToSpace needs the attribute blocksize"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": 0}, "blocksize must be at least 1, got 0"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": 2, "mode": "RDC"}, "mode 'RDC' is not one of DCR, CRD"),
        ("SpaceToDepth", (1, 1, 5, 2), {"blocksize": 2}, "blocksize 2 does not divide size of X 5 on axis 0"),
    ],
)  # fmt: skip
def test_refusals_of_depth_and_space(op, shape, words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        one(op, shape, **words)


def padded(pads, reads="x,p", *, extra=None, **attributes):
    constants = {"p": np.array(pads), **(extra or {})}
    return from_model(graph([node("Pad", reads, **attributes)], (1, 2, 4, 5), **constants))


@pytest.mark.parametrize(
    ("mode", "ours"), {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}.items()
)
def test_pad_nodes(mode, ours):
    chain = padded([0, 0, 1, 0, 0, 0, 2, 3], mode=mode)
    assert chain == [
        Conv((4, 5), 1, padding=((1, 2), (0, 3)), padding_mode=ours, groups=2, in_channels=2, out_channels=2)
    ]
    assert_array_equal(chain.weights[0], np.ones((2, 1, 1, 1)))


def test_other_ways_to_say_a_pad():
    wanted = padded([0, 0, 1, 0, 0, 0, 2, 0])
    assert one("Pad", (1, 2, 4, 5), pads=[0, 0, 1, 0, 0, 0, 2, 0], value=0.0) == wanted  # version 2
    extra = {"v": np.float32(0), "a": np.array([-2])}
    assert padded([1, 2], "x,p,v,a", extra=extra) == wanted
    assert padded([0, 0, -1, 0, 0, 0, 2, 0])[0].padding == ((-1, 2), (0, 0))


@pytest.mark.parametrize(
    ("pads", "words", "message"),
    [
        ([0] * 8, {"mode": "symmetric"}, "mode 'symmetric' is not one of constant, reflect, edge, wrap"),
        ([0] * 8, {"reads": "x,p,v", "extra": {"v": np.float32(1.5)}},
         "a Pad with constant_value 1.5 is not linear: only zeros are added"),
        ([0] * 6, {},
         "pads has 6 entries, [0, 0, 0, 0, 0, 0], but needs 8 (a begin for each axis, then an end for each)"),
        ([0, 1, 0, 0, 0, 0, 0, 0], {}, "pads [0, 1, 0, 0, 0, 0, 0, 0] change the batch or the channels: only spatial"),
        ([0, 0, -1, 0, 0, 0, 1, 0], {"mode": "edge"},
         "pads [0, 0, -1, 0, 0, 0, 1, 0] with mode 'edge' crop and extend at once, and which comes first is not said"),
    ],
)  # fmt: skip
def test_refusals_of_pad_nodes(pads, words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        padded(pads, **words)
