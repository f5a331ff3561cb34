"""Gluon's blocks: recorded results, models as chains, overridden methods, missing values, and every error."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import receptive_field
from convmatrix.frameworks.legacy import mxnet
from helpers import assert_refused
from recording import filled, read, result
from stand_ins import Attributes, made
from strategies import share

VERSIONS, CASES = read("mxnet")


def of(*calls):
    return [case for case in CASES if case["call"] in calls]


# -- as recorded -----------------------------------------------------------------------------------------------------


class Parameter:
    """A parameter as in Gluon: methods return the values, and raise an error as long as there are none."""

    def __init__(self, values, shape=None):
        self.values, self.shape = values, np.shape(values) if shape is None else shape

    def data(self):
        if self.values is None:
            raise RuntimeError("Parameter 'conv0_weight' has not been initialized.")
        return NDArray(self.values)


class NDArray:
    """An array that NumPy cannot read, with a method that returns one."""

    def __init__(self, values):
        self.values = values

    def asnumpy(self):
        return self.values


def block(kind, **attributes):
    return type(kind, (), attributes)()


def convolution(w, kind="Conv2D", bias=None, act=None, **kwargs):
    axes = int(kind[4])
    w = np.asarray(w)
    operator_kwargs = {
        "kernel": w.shape[2:],
        "stride": (1,) * axes,
        "dilate": (1,) * axes,
        "pad": (0,) * axes,
        "num_filter": w.shape[0],
        "num_group": 1,
        "no_bias": bias is None,
        "layout": ("NCW", "NCHW", "NCDHW")[axes - 1],
        **kwargs,
    }
    name = "Deconvolution" if "Transpose" in kind else "Convolution"
    return block(
        kind,
        _op_name=name,
        _kwargs=operator_kwargs,
        weight=Parameter(w),
        act=act,
        bias=None if bias is None else Parameter(np.asarray(bias)),
    )


def pool(kind="MaxPool2D", **kwargs):
    axes = int(kind[-2])
    operator_kwargs = {
        "kernel": (2,) * axes,
        "stride": (2,) * axes,
        "pad": (0,) * axes,
        "global_pool": "Global" in kind,
        "pool_type": "max" if "Max" in kind else "avg",
        "layout": "NCHW",
        "pooling_convention": "valid",
        **kwargs,
    }
    return block(kind, _kwargs=operator_kwargs)


def sequence(*blocks, kind="HybridSequential"):
    return block(kind, _children={str(number): each for number, each in enumerate(blocks)})


def rebuilt(case):
    """Make the block of a recorded case from its attributes."""
    attributes = dict(case["attributes"])
    if "_op_name" in attributes:
        out = attributes["_kwargs"]["num_filter"]
        attributes["weight"] = Parameter(filled(case["w_shape"], case["seed"] + 1))
        attributes["bias"] = Parameter(filled((out,), case["seed"] + 2))
    return block(case["kind"], **attributes)


@pytest.mark.parametrize("case", of("block"), ids=lambda case: f"{case['kind']}{case['seed']}")
def test_every_recorded_block(case):
    size = case["x_shape"][2:]
    x = filled(case["x_shape"], case["seed"]) * case["scale"]
    if "error" in case:
        with pytest.raises(ValueError, match=r"."):
            mxnet.from_model(rebuilt(case), size, case["x_shape"][1])
        return
    chain = mxnet.from_model(rebuilt(case), size, case["x_shape"][1])
    (layer,), (w,), (bias,) = chain, chain.weights, chain.biases
    vectors = layer.vec(x)
    if w is not None:
        loaded = mxnet.from_layer(rebuilt(case), size)
        assert loaded.layer == layer
        y = layer.matrix(w) @ vectors + layer.bias_vector(bias)[:, None]
    elif isinstance(layer, MaxPool):
        y = np.stack([layer.matrix(each) @ layer.vec(each) for each in x], axis=-1)
    else:
        y = layer.matrix() @ vectors
    assert_allclose(layer.unvec(y), result(case), rtol=0, atol=1e-8)


def test_the_recorded_blocks_have_everything():
    kept = Counter(case["kind"] for case in of("block") if "error" not in case)
    assert {f"{kind}{axes}D" for kind in ("AvgPool", "MaxPool", "Conv") for axes in (1, 2, 3)} <= set(kept)
    assert sum(count for kind, count in kept.items() if kind.endswith("Transpose")) >= 20
    assert sum(count for kind, count in kept.items() if "Global" in kind) >= 10
    assert sum(count for kind, count in kept.items() if "PixelShuffle" in kind) == 6
    assert sum("error" in case for case in of("block")) >= 3
    assert sum(case["words"].get("ceil_mode", False) for case in of("block") if "error" not in case) >= 15


# -- models ----------------------------------------------------------------------------------------------------------


def test_a_model_becomes_a_chain():
    w, v = filled((4, 2, 3, 3), 0), filled((4, 1, 2, 2), 1)
    relu = block("Activation")
    model = sequence(
        convolution(w, pad=(1, 1), bias=[1, 2, 3, 4], act=relu),
        block("BatchNorm"),
        block("Dropout"),
        sequence(pool("MaxPool2D"), pool("AvgPool2D", pooling_convention="full"), kind="Sequential"),
        block("PixelShuffle2D", _factors=(2, 2)),
        sequence(block("Identity")),
        block("Flatten"),
        relu,
    )
    chain = mxnet.from_model(model, 8)
    assert list(chain) == [
        Conv(8, 3, padding=1, in_channels=2, out_channels=4),
        MaxPool(8, 2, channels=4),
        AvgPool(4, 2, ceil_mode=True, channels=4),
        PixelShuffle(2, 2, channels=1),
    ]
    assert_array_equal(chain.weights[0], w)
    assert_array_equal(chain.biases[0], [1, 2, 3, 4])
    assert [note.split(":")[0] for note in chain.left_out] == ["0.act", "1", "2", "5.0", "6", "7"]
    assert chain.left_out[0] == "0.act: an activation, which is not linear"
    assert Network(chain).output_size == (4, 4)
    up = mxnet.from_model(convolution(v, "Conv2DTranspose", num_filter=2, num_group=2, adj=(0, 0)), (3, 2))
    assert list(up) == [ConvTranspose((3, 2), 2, groups=2, in_channels=4, out_channels=2)]
    assert mxnet.from_model(sequence(pool(), convolution(w)), 8)[0] == MaxPool(8, 2, channels=2)
    assert list(mxnet.from_model(block("PixelShuffle1D", _factor=3), 2, 6)) == [PixelShuffle((2,), 3, channels=2)]
    assert list(mxnet.from_model(pool("GlobalAvgPool2D"), (3, 4), 2)) == [AvgPool((3, 4), (3, 4), stride=1, channels=2)]


def test_a_subclass_is_read_by_what_it_inherits():
    mine = type("Mine", (type(convolution(np.ones((1, 1, 2, 2)))),), {})()
    assert list(mxnet.from_model(mine, 4)) == [Conv(4, 2)]


# -- overridden methods and missing values, with stand-ins -----------------------------------------------------------

KWARGS = {"kernel": (2,), "stride": (1,), "dilate": (1,), "pad": (0,), "num_filter": 2, "num_group": 1, "layout": "NCW"}


def gluon(name="Conv1D", bases=None, **attributes):
    """A stand-in for a block of gluon.nn."""
    package = "mxnet.gluon.nn.conv_layers"
    genuine = made(name, (Attributes,), package, __call__=True, forward=True, hybrid_forward=True)
    fields = {"_op_name": "Convolution", "_kwargs": KWARGS, "weight": np.ones((2, 3, 2)), "bias": None}
    return (bases or (lambda base: base))(genuine)(**{**fields, **attributes})


def in_a_row(*blocks):
    return gluon("HybridSequential", _children={str(n): block for n, block in enumerate(blocks)})


METHODS = ("hybrid_forward", "forward", "__call__")


@share(0.5)
@given(
    st.sampled_from(METHODS),
    st.sampled_from(["Conv1D", "MaxPool1D", "Activation", "HybridSequential", "Mine"]),
    st.booleans(),
)
def test_gluon_blocks_with_a_forward_of_their_own(method, name, on_object):
    if on_object and method != "__call__":
        block, owner = gluon(name, **{method: print}), "the object"
    else:
        block, owner = gluon(bases=lambda base: made(name, (base,), **{method: True})), f"mine.{name}"
    message = rf"{name} has a {method} of its own, that of {owner}, so that its numbers do not say what it computes"
    with pytest.raises(TypeError, match=f"^{message}"):
        mxnet.from_layer(block, 5)
    with pytest.raises(TypeError, match=f"^1: {message}"):
        mxnet.from_model(in_a_row(gluon(), block), 5)


def test_gluon_blocks_by_what_they_inherit():
    plain = mxnet.from_layer(gluon(), 5)
    assert plain.layer == Conv((5,), 2, in_channels=3, out_channels=2)
    below = gluon(bases=lambda base: made("Dropout", (made("Mixin"), base)))
    assert mxnet.from_model(in_a_row(below), 5) == [plain.layer]
    nothing_but_the_name = made("Conv1D", (Attributes,), hybrid_forward=True)(**vars(gluon()))
    with pytest.raises(TypeError, match=r"^Conv1D: Conv1D has a hybrid_forward of its own, that of mine\.Conv1D"):
        mxnet.from_model(nothing_but_the_name, 5)
    other = made("Activation", (made("Block", (Attributes,), "mxnet.gluon.block"),))()
    with pytest.raises(TypeError, match=r"^1: Activation is no block that is read as a layer"):
        mxnet.from_model(in_a_row(gluon(), other), 5)


def test_hooks_of_gluon_blocks():
    for kind, when in (("_forward_hooks", "hook"), ("_forward_pre_hooks", "pre-hook")):
        message = rf"has a forward {when}, made, which may change what it computes: detach it, by the handle"
        with pytest.raises(TypeError, match=f"^Conv1D {message}"):
            mxnet.from_layer(gluon(**{kind: {0: made}}), 5)
        with pytest.raises(TypeError, match=f"^0: Conv1D {message}"):
            mxnet.from_model(in_a_row(gluon(**{kind: {0: made}})), 5)


class Deferred:
    """A parameter without values."""

    def __init__(self, *shape):
        self.shape = shape

    def data(self):
        raise RuntimeError("a paragraph of MXNet's")


def test_gluon_blocks_without_values_have_their_sizes():
    known, unknown = gluon(weight=Deferred(2, 3, 2)), gluon(weight=Deferred(2, 0, 2), bias=Deferred(2))
    full = mxnet.from_model(in_a_row(gluon(), gluon(weight=np.ones((2, 2, 2)), bias=np.ones(2))), 5)
    chain = mxnet.from_model(in_a_row(known, unknown), 5)
    assert chain == full
    assert receptive_field(chain) == receptive_field(full)
    assert [w.shape for w in chain.weights] == [(2, 3, 2), (2, 2, 2)]
    for loaded, message in zip(
        chain.weights, ("has no values yet: call .initialize", "does not know its in_channels"), strict=True
    ):
        with pytest.raises(TypeError, match=f"^Conv1D {message}"):
            np.asarray(loaded)
    with pytest.raises(ValueError, match=r"^Conv1D does not know its in_channels yet"):
        mxnet.from_layer(unknown, 5)
    half = mxnet.from_layer(gluon(weight=np.ones((2, 3, 2), "float16"), bias=np.ones(2, "float16")), 5)
    assert half.weight.dtype == half.bias.dtype == np.float32
    last = gluon(
        _kwargs=KWARGS | {"kernel": (2, 2), "stride": (1, 1), "dilate": (1, 1), "pad": (0, 0), "layout": "NHWC"},
        weight=Deferred(2, 2, 2, 3),
    )
    assert mxnet.from_layer(last, 5).layer == Conv(5, 2, in_channels=3, out_channels=2)


# -- errors ----------------------------------------------------------------------------------------------------------

W = np.ones((3, 2, 2, 2))


def bare(kind, operator):
    return block(kind, _op_name=operator, _kwargs={}, weight=W, bias=None)


def without_values(shape):
    made = convolution(W)
    made.weight = Parameter(None, shape)
    return made


def model_with(*blocks, **kwargs):
    return lambda: mxnet.from_model(sequence(*blocks), 8, **kwargs)


ERRORS = {
    "no block": (lambda: mxnet.from_layer(3, 5), "int is not a Gluon convolution: it has no attribute '_op_name'"),
    "no convolution": (
        lambda: mxnet.from_layer(bare("Dense", "FullyConnected"), 5),
        "Dense applies FullyConnected, which is no convolution",
    ),
    "words": (lambda: mxnet.from_layer(bare("Conv2D", "Convolution"), 5), "Conv2D says no 'kernel' in its _kwargs"),
    "deferred": (
        lambda: mxnet.from_layer(without_values((3, 0, 2, 2)), 5),
        "Conv2D does not know its in_channels yet (its parameter has shape (3, 0, 2, 2))",
    ),
    "not initialised": (
        lambda: np.asarray(mxnet.from_layer(without_values((3, 2, 2, 2)), 5).weight),
        "Conv2D has no values yet: call .initialize() on it",
    ),
    "unsaid pool": (
        lambda: mxnet.from_model(block("MaxPool2D", _kwargs={}), 8, 1),
        "MaxPool2D: MaxPool2D says no 'kernel' in its _kwargs",
    ),
    "unsaid convolution": (model_with(block("Conv2D", weight=W, _kwargs={})), "Conv2D says no 'kernel' in its _kwargs"),
    "first without values": (
        lambda: mxnet.from_model(sequence(without_values((3, 0, 2, 2))), 8),
        "0: Conv2D does not know its in_channels yet",
    ),
    "size": (
        lambda: mxnet.from_layer(convolution(W), (5, 5, 5)),
        "input_size has 3 entries, (5, 5, 5), but the block has 2 axes",
    ),
    "dense": (model_with(convolution(W), block("Dense")), "1: Dense is no block that is read as a layer"),
    "own forward": (
        model_with(type("Mine", (type(convolution(W)),), {"hybrid_forward": lambda *_: None})()),
        "0: Mine has a hybrid_forward of its own, that of",
    ),
    "nothing": (model_with(block("Activation")), "there is no layer in HybridSequential that has a matrix"),
    "unknown channels": (model_with(pool()), "does not tell how many channels the input has: say in_channels"),
    "shuffled channels": (model_with(block("PixelShuffle2D", _factors=(2, 2)), convolution(W)), "say in_channels"),
    "channels": (
        model_with(convolution(W), convolution(W)),
        "1: Conv2D takes 2 channels but what comes before it gives 3",
    ),
    "flat": (
        model_with(convolution(W), block("Flatten"), pool()),
        "2: MaxPool2D comes after a Flatten, where no axes are left",
    ),
    "pool type": (
        model_with(pool(pool_type="lp"), in_channels=1),
        "0: MaxPool2D has pool_type 'lp' and pooling_convention 'valid'",
    ),
    "windows": (
        model_with(pool(kernel=(1, 1), stride=(6, 6), pooling_convention="full"), in_channels=1),
        "0: MXNet's pooling_convention 'full' has 3 windows on axis 0 (= ceil((size 8 + 2 * pad 0 - kernel 1) "
        "/ stride 6) + 1), of which 1 would see no input",
    ),
    "shuffle": (
        model_with(block("PixelShuffle2D", _factors=(2, 2)), in_channels=6),
        "0: PixelShuffle2D needs a multiple of 4 channels (the product of its factors (2, 2)), but 6 come",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    assert_refused(*ERRORS[name])


def test_the_input_size_is_required():
    message = "input_size is not given, and Gluon's blocks do not store the size of their input: give the spatial size"
    with pytest.raises(TypeError, match=re.escape(message)):
        mxnet.from_model(block("PixelShuffle2D", _factors=(2, 2)))
