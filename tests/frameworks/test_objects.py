"""Whose code an object runs, its hooks, and values that are missing: with stand-ins, without the frameworks."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import AvgPool, Conv
from convmatrix.algebra.stack.arguments import as_network
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import blind_outputs, coordinate_map, crop_offset, receptive_field
from convmatrix.frameworks import torch
from convmatrix.frameworks.legacy import mxnet
from convmatrix.frameworks.shared.layouts import widened
from convmatrix.frameworks.shared.loaded import Loaded, MissingValues, chained
from convmatrix.frameworks.shared.overrides import base_of, comes_from, override_of, patch_of
from strategies import share

# -- missing values --------------------------------------------------------------------------------------------------

MISSING = MissingValues("the weight is on the device 'meta': load it first", (2, 1, 3))


LAYER = Conv((5,), 3, out_channels=2)
USES = {
    "asarray": np.asarray,
    "asarray of floats": lambda w: np.asarray(w, float),
    "matrix": LAYER.matrix,
    "operator": LAYER.operator,
    "gram": LAYER.gram,
    "bias_vector": LAYER.bias_vector,
    "matrix of a network": lambda w: Network([LAYER]).matrix([w]),
    "operator of a network": lambda w: Network([LAYER]).operator([w]),
    "NumPy's sum": np.sum,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_missing_values_say_why_wherever_they_are_used(use):
    with pytest.raises(TypeError, match=r"^the weight is on the device 'meta': load it first$"):
        use(MISSING)


def test_missing_values_have_their_shape():
    assert np.shape(MISSING) == MISSING.shape == (2, 1, 3)
    assert MissingValues(MISSING.reason, (2, 1, 3)) == MISSING


def test_a_chain_without_values_has_its_geometry():
    layers = [Conv(9, 3, stride=2, padding=1), AvgPool(5, 2), Conv(2, 2)]
    loaded = [Loaded(layer, MissingValues("none", ()) if isinstance(layer, Conv) else None) for layer in layers]
    chain = chained(((str(n), each) for n, each in enumerate(loaded)), (1, 9, 9), lambda each, _: each)
    network = Network(layers)
    for function in (receptive_field, blind_outputs, coordinate_map):
        assert function(chain) == function(layers) == function(tuple(layers)) == function(network)
        assert function(layers[0]) == function(Network(layers[:1]))
    assert crop_offset(Conv((8,), 3, padding=2), [Conv((8,), 1)]) == (1,)
    assert as_network(chain) == network
    assert as_network(network) is network


@pytest.mark.parametrize("stack", [3, None, 2.5, "ab", [1]])
def test_what_is_no_network(stack):
    with pytest.raises(
        TypeError,
        match=r"^layer must be a layer, a Network, or a list of layers, got|^layer 0 is .*, which is no layer",
    ):
        receptive_field(stack)


@share(0.5)
@given(st.sampled_from(["float16", "float32", "float64", "int8", "complex64"]), st.integers(0, 4))
def test_widened(dtype, count):
    array = np.arange(count).astype(dtype) / 3 if "int" not in dtype else np.arange(count).astype(dtype)
    array = array.astype(dtype)
    assert widened(array).dtype == ("float32" if dtype == "float16" else dtype)
    assert_array_equal(widened(array), array)


# -- whose code ------------------------------------------------------------------------------------------------------


def made(name, bases=(object,), package=None, **methods):
    """A class that a package defines, with methods."""
    return type(name, bases, {"__module__": package or "mine", **{each: lambda *_: None for each in methods}})


def test_packages_are_whole_names():
    assert comes_from(made("A", package="torch"), ["torch"])
    assert comes_from(made("A", package="torch.nn"), ["torch"])
    assert not comes_from(made("A", package="torchvision.ops"), ["torch"])
    assert not comes_from(eval("type('A', (), {})", {"type": type}), ["torch"])  # made by code without a module


def test_the_base_is_the_framework_s_where_there_is_one():
    genuine = made("Conv2d", package="torch.nn.modules.conv")
    same_name = made("Conv2d", (genuine,))
    other = made("Identity", (same_name,))
    assert base_of(other(), ["Conv2d", "Identity"], ["torch.nn"], ["torch"]) is genuine
    assert base_of(made("Identity")(), ["Conv2d", "Identity"], ["torch.nn"], ["torch"]).__name__ == "Identity"
    below_another = made("Identity", (made("Module", package="torch.nn"),))
    assert base_of(below_another(), ["Identity"], ["torch.nn"], ["torch"]) is None


def test_overrides_by_a_class_a_mixin_and_the_object():
    base = made("Conv2d", package="torch.nn", forward=True)
    owns = lambda cls: cls is base  # noqa: E731
    assert override_of(base(), ["forward"], owns) is None
    assert override_of(made("A", (base,))(), ["forward"], owns) is None
    assert override_of(made("A", (made("B", (base,), forward=True),))(), ["forward"], owns) == ("forward", "mine.B")
    mixin = made("Mixin", forward=True)
    assert override_of(made("A", (mixin, base))(), ["forward"], owns) == ("forward", "mine.Mixin")
    assert override_of(made("A", (base, mixin))(), ["forward"], owns) is None
    obj = base()
    obj.forward = obj.__call__ = print  # of which Python looks up the second in the class alone
    assert override_of(obj, ["__call__", "forward"], owns) == ("forward", "the object")


def test_a_method_put_on_a_class_of_the_framework(monkeypatch):
    home = ModuleType("mxnet.gluon.nn")
    exec("class Block:\n    def forward(self, x): return x\nclass Conv1D(Block): pass", vars(home))
    here = lambda self, x: 2 * x  # noqa: E731
    here.__module__ = here.__name__ = "mxnet.gluon.nn"  # as functools.wraps copies them
    assert patch_of(home.Conv1D, ["forward"], ["mxnet"]) is None
    home.Block.forward = here
    assert patch_of(home.Conv1D, ["forward"], ["mxnet"]) is None  # a stand-in, which its module does not have
    monkeypatch.setitem(sys.modules, "mxnet.gluon.nn", home)
    said = patch_of(home.Conv1D, ["call", "forward"], ["mxnet"])
    assert said == f"mxnet.gluon.nn.Block was given a forward of {__name__}, which may compute anything"
    with pytest.raises(TypeError, match=f"^Conv1D: {said}: read the block where the class is MXNet's own$"):
        mxnet.from_model(home.Conv1D(), 3)
    home.Block.forward = print
    assert "a forward of builtins," in patch_of(home.Conv1D, ["forward"], ["mxnet"])


def test_a_method_that_is_named_again_is_inherited():
    base = made("Conv2d", package="torch.nn", forward=True)
    again = type("Again", (base,), {"forward": base.forward})
    other = type("Other", (base,), {"forward": made("Else", package="torch.nn", forward=True).forward})
    assert override_of(again(), ["forward"], lambda cls: cls is base) is None
    assert override_of(other(), ["forward"], lambda cls: cls is base).method == "forward"


# -- PyTorch ---------------------------------------------------------------------------------------------------------


class Attributes:
    def __init__(self, **attributes):
        vars(self).update(attributes)


def torch_conv(bases=None, **attributes):
    """A stand-in for a Conv1d of torch.nn."""
    package = "torch.nn.modules.module"
    module = made("Module", (Attributes,), package, __call__=True, _call_impl=True)
    genuine = made("Conv1d", (module,), package, forward=True, _conv_forward=True)
    for cls in (module, genuine):  # as if their methods stood in that file
        for method in vars(cls).values():
            if callable(method):
                method.__module__ = package
    fields = {"in_channels": 1, "out_channels": 1, "kernel_size": (2,), "stride": (1,), "padding": (0,),
              "dilation": (1,), "groups": 1, "padding_mode": "zeros", "transposed": False, "output_padding": (0,),
              "weight": np.array([[[1.0, 2.0]]]), "bias": None, "_forward_pre_hooks": {},
              "_forward_hooks": {}}  # fmt: skip
    return (bases or (lambda base: base))(genuine)(**{**fields, **attributes})


def refused(module, message):
    with pytest.raises(TypeError, match=message):
        torch.from_layer(module, 4)


def test_methods_of_a_stand_in():
    assert torch.from_layer(torch_conv(), 4).layer == Conv((4,), 2)
    assert torch.from_layer(torch_conv(lambda base: made("Conv2d", (base,))), 4).layer == Conv((4,), 2)
    for method in ("forward", "_conv_forward", "__call__", "_call_impl"):
        module = torch_conv(lambda base: made("Conv1d", (base,), **{method: True}))  # noqa: B023
        refused(module, rf"^Conv1d has a forward of its own \({method} of mine\.Conv1d\), so that its numbers do not")
    refused(torch_conv(lambda base: made("Mine", (base,), forward=True)), r"^Mine has a forward of its own, so that")
    refused(torch_conv(forward=print), r"^Conv1d has a forward of its own \(forward of the object\)")
    refused(torch_conv(lambda base: setattr(base, "forward", print) or base), "was given a forward of builtins")
    alike = made("Anything", (SimpleNamespace,), forward=True)(**vars(torch_conv()))
    refused(alike, "^Anything has a forward of its own, so that")


def test_hooks_of_a_stand_in(monkeypatch):
    refused(torch_conv(_forward_hooks={0: refused}), r"^Conv1d has a forward hook, refused, which may change its "
            "result: remove it, by the handle that register_forward_hook returned")  # fmt: skip
    refused(torch_conv(_forward_pre_hooks={0: refused}), r"^Conv1d has a forward pre-hook, refused, which may change "
            "what it computes: remove it, by the handle that register_forward_pre_hook")  # fmt: skip
    everywhere = ModuleType("torch.nn.modules.module")
    monkeypatch.setitem(sys.modules, "torch.nn.modules.module", everywhere)
    for kind, when in (("forward_hook", "hook"), ("forward_pre_hook", "pre-hook")):
        monkeypatch.setattr(everywhere, f"_global_{kind}s", {7: refused}, raising=False)
        refused(torch_conv(), rf"^a global forward {when}, refused, runs on every call of Conv1d, and may change its "
                rf"result: remove it, by the handle that register_module_{kind} returned")  # fmt: skip
        monkeypatch.delattr(everywhere, f"_global_{kind}s")
    assert torch.from_layer(torch_conv(), 4).layer == Conv((4,), 2)


def hook_of(kind, package, methods=(), **attributes):
    return made(kind, (Attributes,), package, __call__=True, **dict.fromkeys(methods, True))(**attributes)


def test_renewed_weights_of_a_stand_in():
    """From what they are made of, not from the weight that is stale."""
    norm = hook_of("WeightNorm", "torch.nn.utils.weight_norm", ["compute_weight"], name="weight", dim=0)
    module = torch_conv(_forward_pre_hooks={0: norm}, weight_g=np.array([[[10.0]]]), weight_v=np.array([[[3.0, 4.0]]]))
    assert_array_equal(torch.from_layer(module, 4).weight, [[[6, 8]]])
    assert_array_equal(module.weight, [[[1, 2]]])
    pruning = hook_of("L1Unstructured", "torch.nn.utils.prune", ["apply_mask"], _tensor_name="weight")
    pruning = made("L1", (made("BasePruningMethod", (type(pruning),), "torch.nn.utils.prune"),))(_tensor_name="weight")
    module = torch_conv(
        _forward_pre_hooks={0: pruning}, weight_orig=np.array([[[3.0, 4.0]]]), weight_mask=np.array([[[0, 1]]])
    )
    assert_array_equal(torch.from_layer(module, 4).weight, [[[0, 4]]])
    spectral = hook_of("SpectralNorm", "torch.nn.utils.spectral_norm", name="weight", dim=0, eps=1e-12,
                       n_power_iterations=1)  # fmt: skip
    parts = {"weight_orig": np.array([[[3.0, 4.0]]]), "weight_u": np.array([1.0]), "weight_v": np.array([1.0, 0.0])}
    hooks = {"_forward_pre_hooks": {0: spectral}}
    assert_array_equal(torch.from_layer(torch_conv(**hooks, **parts, training=False), 4).weight, [[[1, 4 / 3]]])
    trained = torch_conv(**hooks, **parts, training=True)
    for _ in range(2):
        assert_array_equal(torch.from_layer(trained, 4).weight, [[[0.6, 0.8]]])
    assert_array_equal(trained.weight_v, [1, 0])


def test_a_hook_with_another_formula_is_refused():
    norm = hook_of("WeightNorm", "torch.nn.utils.weight_norm", ["compute_weight"], name="weight", dim=0)
    mine = made("Mine", (type(norm),), compute_weight=True)(name="weight", dim=0)
    refused(torch_conv(_forward_pre_hooks={0: mine}), "^Conv1d has a forward pre-hook, Mine, which may change")


def test_pads_of_a_border_mode_are_those_of_the_construction():
    module = torch_conv(padding_mode="reflect", padding=(3,), _reversed_padding_repeated_twice=[1, 1])
    assert torch.from_layer(module, 4).layer == Conv((4,), 2, padding=1, padding_mode="reflect")
    module = torch_conv(padding_mode="circular", padding="same", _reversed_padding_repeated_twice=[0, 1], stride=(2,))
    assert torch.from_layer(module, 4).layer == Conv((4,), 2, padding=((0, 1),), stride=2, padding_mode="circular")
    refuse = torch_conv(padding_mode="reflect", _reversed_padding_repeated_twice=[4, 4])
    with pytest.raises(ValueError, match=r"^padding 4 on axis 0 is too large for padding_mode 'reflect'"):
        torch.from_layer(refuse, 4)
    with pytest.raises(ValueError, match=r"^padding has 3 entries but needs 2"):
        torch.from_layer(torch_conv(padding_mode="reflect", _reversed_padding_repeated_twice=[1, 1, 1]), 4)


def test_weights_without_values_of_a_stand_in():
    tensor = made("Tensor", (Attributes,))
    cases = {
        "is on the device 'meta', where tensors have no values: load them first": {"is_meta": True},
        r"has dtype torch\.float8_e5m2, which scipy\.sparse cannot hold: cast it with \.float\(\)":
            {"dtype": "torch.float8_e5m2"},
        r"is a quantised tensor of dtype torch\.qint8: give what \.dequantize\(\) makes of it":
            {"dtype": "torch.qint8", "is_quantized": True},
    }  # fmt: skip
    for message, attributes in cases.items():
        loaded = torch.from_layer(torch_conv(weight=tensor(shape=(1, 1, 2), **attributes)), 4)
        assert loaded.layer == Conv((4,), 2)
        assert loaded.weight.shape == (1, 1, 2)
        with pytest.raises(TypeError, match=rf"^the weight of Conv1d {message}"):
            loaded.layer.matrix(loaded.weight)
    with pytest.raises(ValueError, match=r"weight has shape \(1, 1, 3\) but"):
        torch.from_layer(torch_conv(weight=tensor(shape=(1, 1, 3), is_meta=True)), 4)
    for attributes, message in (
        ({"weight": lambda: None}, "the weight of Conv1d is quantised, a method instead of an array: give the layer"),
        ({"weight_fake_quant": 1}, "Conv1d rounds its weight on every call, to prepare quantisation: give the plain"),
    ):
        loaded = torch.from_layer(torch_conv(**attributes), 4)
        with pytest.raises(TypeError, match=f"^{message}"):
            loaded.layer.matrix(loaded.weight)


# -- MXNet -----------------------------------------------------------------------------------------------------------

WORDS = {"kernel": (2,), "stride": (1,), "dilate": (1,), "pad": (0,), "num_filter": 2, "num_group": 1, "layout": "NCW"}


def gluon(name="Conv1D", bases=None, **attributes):
    """A stand-in for a block of gluon.nn."""
    package = "mxnet.gluon.nn.conv_layers"
    genuine = made(name, (Attributes,), package, __call__=True, forward=True, hybrid_forward=True)
    fields = {"_op_name": "Convolution", "_kwargs": WORDS, "weight": np.ones((2, 3, 2)), "bias": None}
    return (bases or (lambda base: base))(genuine)(**{**fields, **attributes})


def in_a_row(*blocks):
    return gluon("HybridSequential", _children={str(n): block for n, block in enumerate(blocks)})


METHODS = ("hybrid_forward", "forward", "__call__")


@share(0.5)
@given(st.sampled_from(METHODS), st.sampled_from(["Conv1D", "MaxPool1D", "Activation", "HybridSequential", "Mine"]),
       st.booleans())  # fmt: skip
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
    for loaded, message in zip(chain.weights, ("has no values yet: call .initialize", "does not know its in_channels"),
                               strict=True):  # fmt: skip
        with pytest.raises(TypeError, match=f"^Conv1D {message}"):
            np.asarray(loaded)
    with pytest.raises(ValueError, match=r"^Conv1D does not know its in_channels yet"):
        mxnet.from_layer(unknown, 5)
    half = mxnet.from_layer(gluon(weight=np.ones((2, 3, 2), "float16"), bias=np.ones(2, "float16")), 5)
    assert half.weight.dtype == half.bias.dtype == np.float32
    last = gluon(_kwargs=WORDS | {"kernel": (2, 2), "stride": (1, 1), "dilate": (1, 1), "pad": (0, 0),
                                  "layout": "NHWC"}, weight=Deferred(2, 2, 2, 3))  # fmt: skip
    assert mxnet.from_layer(last, 5).layer == Conv(5, 2, in_channels=3, out_channels=2)
