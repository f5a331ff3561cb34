"""Inspection of PyTorch modules, with stand-ins: methods, hooks, renewed weights, and weights without values."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.frameworks import torch
from stand_ins import Attributes, made


def torch_conv(bases=None, **attributes):
    """A stand-in for a Conv1d of torch.nn."""
    package = "torch.nn.modules.module"
    module = made("Module", (Attributes,), package, __call__=True, _call_impl=True)
    genuine = made("Conv1d", (module,), package, forward=True, _conv_forward=True)
    for cls in (module, genuine):  # as if their methods stood in that file
        for method in vars(cls).values():
            if callable(method):
                method.__module__ = package
    fields = {
        "in_channels": 1,
        "out_channels": 1,
        "kernel_size": (2,),
        "stride": (1,),
        "padding": (0,),
        "dilation": (1,),
        "groups": 1,
        "padding_mode": "zeros",
        "transposed": False,
        "output_padding": (0,),
        "weight": np.array([[[1.0, 2.0]]]),
        "bias": None,
        "_forward_pre_hooks": {},
        "_forward_hooks": {},
    }
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
    refused(
        torch_conv(_forward_hooks={0: refused}),
        r"^Conv1d has a forward hook, refused, which may change its "
        "result: remove it, by the handle that register_forward_hook returned",
    )
    refused(
        torch_conv(_forward_pre_hooks={0: refused}),
        r"^Conv1d has a forward pre-hook, refused, which may change "
        "what it computes: remove it, by the handle that register_forward_pre_hook",
    )
    everywhere = ModuleType("torch.nn.modules.module")
    monkeypatch.setitem(sys.modules, "torch.nn.modules.module", everywhere)
    for kind, when in (("forward_hook", "hook"), ("forward_pre_hook", "pre-hook")):
        monkeypatch.setattr(everywhere, f"_global_{kind}s", {7: refused}, raising=False)
        refused(
            torch_conv(),
            rf"^a global forward {when}, refused, runs on every call of Conv1d, and may change its "
            rf"result: remove it, by the handle that register_module_{kind} returned",
        )
        monkeypatch.delattr(everywhere, f"_global_{kind}s")
    assert torch.from_layer(torch_conv(), 4).layer == Conv((4,), 2)


def hook_of(kind, package, methods=(), **attributes):
    return made(kind, (Attributes,), package, __call__=True, **dict.fromkeys(methods, True))(**attributes)


def test_renewed_weights_of_a_stand_in():
    """Renewed weights are computed from their parts, not read from the stale attribute."""
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
    spectral = hook_of(
        "SpectralNorm", "torch.nn.utils.spectral_norm", name="weight", dim=0, eps=1e-12, n_power_iterations=1
    )
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
        r"has dtype torch\.float8_e5m2, which scipy\.sparse cannot hold: cast it with \.float\(\)": {
            "dtype": "torch.float8_e5m2"
        },
        r"is a quantised tensor of dtype torch\.qint8: give what \.dequantize\(\) makes of it": {
            "dtype": "torch.qint8",
            "is_quantized": True,
        },
    }
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
