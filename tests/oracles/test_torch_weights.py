"""Weights of PyTorch's modules that the next call renews or that have no values, and edited attributes."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import coordinate_map, crop_offset, outputs_without_input, receptive_field
from convmatrix.frameworks import torch as torch_layers
from convmatrix.frameworks.shared.loading import MissingValues
from strategies import seeds, share
from torch_modules import SIZES, WARNINGS, assert_unchanged, by_matrix, called, convolutions, state_of

torch = pytest.importorskip("torch")
nn = torch.nn
utils, parametrizations = nn.utils, nn.utils.parametrizations
prune = pytest.importorskip("torch.nn.utils.prune")

pytestmark = WARNINGS


# -- weights that the next call renews -------------------------------------------------------------------------------


class CallCounter(nn.Module):
    """A parametrisation that changes with every access."""

    def __init__(self):
        super().__init__()
        self.register_buffer("looks", torch.zeros((), dtype=torch.float64))

    def forward(self, weight):
        self.looks += 1
        return weight * self.looks


def parametrised(module, name="weight"):
    nn.utils.parametrize.register_parametrization(module, name, CallCounter())
    return module


def pruned(module):
    prune.random_unstructured(module, "weight", 0.4)
    prune.random_structured(module, "weight", 0.4, dim=0)  # so that they become a container
    if module.bias is not None:
        prune.random_unstructured(module, "bias", 0.4)
    return module


RENEWED = {
    "weight_norm": utils.weight_norm,
    "weight_norm of dim 1": lambda module: utils.weight_norm(module, dim=1),
    "weight_norm of all": lambda module: utils.weight_norm(module, dim=None),
    "spectral_norm": utils.spectral_norm,
    "spectral_norm of 3 steps": lambda module: utils.spectral_norm(module, n_power_iterations=3),
    "prune": pruned,
    "pruned weight_norm": lambda module: prune.random_unstructured(utils.weight_norm(module), "weight_v", 0.4),
    "parametrised weight_norm": parametrizations.weight_norm,
    "parametrised spectral_norm": parametrizations.spectral_norm,
    "parametrised, counted": parametrised,
    "parametrised twice": lambda module: parametrised(parametrizations.weight_norm(module)),
    "none": lambda module: module,
}


@given(convolutions(), st.sampled_from(sorted(RENEWED)), st.booleans(), seeds())
def test_the_weight_is_that_of_the_next_call(drawn, renewed, training, seed):
    name, arguments, size = drawn
    torch.manual_seed(seed)
    module = RENEWED[renewed](getattr(nn, name)(**arguments)).train(training)
    with torch.no_grad():
        for parameter in module.parameters():  # as a state dict does that is loaded
            parameter.normal_()
    before = state_of(module)
    loaded, again = (torch_layers.from_layer(module, size) for _ in range(2))
    assert_array_equal(loaded.weight, again.weight)
    assert_unchanged(module, before)
    x, y = called(module, size, seed)
    finite = np.isfinite(y).all()
    assert np.isfinite(loaded.weight).all() == finite  # zeros have no direction
    if finite:
        assert_allclose(by_matrix(loaded, x), y, rtol=1e-9, atol=1e-9 * (1 + np.abs(y).max()))


def test_a_parametrised_bias_and_an_orthogonal_weight():
    module = parametrised(nn.Conv1d(2, 2, 3, dtype=torch.float64), "bias")
    loaded = torch_layers.from_layer(module, 5)
    x, y = called(module, (5,))
    assert_allclose(by_matrix(loaded, x), y)
    module = parametrizations.orthogonal(nn.Conv1d(4, 2, 3, dtype=torch.float64))
    before = state_of(module)
    x, y = called(module, (5,))
    assert_allclose(by_matrix(torch_layers.from_layer(module, 5), x), y)
    assert_unchanged(module, before)


def test_a_parametrised_weight_that_is_cached_is_the_one_that_the_block_computes_with():
    module = parametrizations.weight_norm(nn.Conv2d(1, 2, 3, dtype=torch.float64))
    with utils.parametrize.cached():
        called(module, (5, 4))
        with torch.no_grad():
            module.parametrizations.weight.original0.mul_(3)
        x, y = called(module, (5, 4))
        assert_allclose(by_matrix(torch_layers.from_layer(module, (5, 4)), x), y, atol=1e-12)
    x, y = called(module, (5, 4))
    assert_allclose(by_matrix(torch_layers.from_layer(module, (5, 4)), x), y, atol=1e-12)


def test_a_weight_that_is_a_property():
    class Standardised(nn.Conv1d):
        reads = 0

        @property
        def weight(self):
            if "weight" not in self._parameters:
                raise AttributeError("weight")
            self.reads += 1
            held = self._parameters["weight"]
            return (held - held.mean()) * self.reads

    module = Standardised(1, 2, 3, dtype=torch.float64)
    before = module.reads
    loaded = torch_layers.from_layer(module, 5)
    assert module.reads == before
    x, y = called(module, (5,))
    assert_allclose(by_matrix(loaded, x), y)


def test_weights_that_are_drawn_or_renewed_by_others_are_refused():
    module = nn.Conv2d(1, 1, 3)
    nn.utils.parametrize.register_parametrization(module, "weight", nn.Dropout(0.5))
    torch.manual_seed(0)
    with pytest.raises(
        TypeError,
        match=r"^the weight of ParametrizedConv2d is parametrised by Dropout, which gives "
        r"other values on every call: call \.eval\(\) on the module",
    ):
        torch_layers.from_layer(module, 5)
    torch_layers.from_layer(module.eval(), 5)

    class Halved(utils.weight_norm.__globals__["WeightNorm"]):
        def compute_weight(self, module):
            return super().compute_weight(module) / 2

    module = utils.weight_norm(nn.Conv2d(1, 1, 3))
    (number,) = module._forward_pre_hooks
    module._forward_pre_hooks[number] = Halved("weight", 0)
    with pytest.raises(TypeError, match=r"has a forward pre-hook, .*Halved, which may change what it computes"):
        torch_layers.from_layer(module, 5)


def test_a_parametrisation_that_cannot_be_copied_is_not_run():
    class Held(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = torch.ones(1, requires_grad=True) * 2  # no leaf

        def forward(self, weight):
            return weight * self.factor

    module = nn.Conv2d(1, 1, 3)
    nn.utils.parametrize.register_parametrization(module, "weight", Held())
    loaded = torch_layers.from_layer(module, 5)
    assert loaded.layer.output_size == (3, 3)
    with pytest.raises(TypeError, match=r"parametrised by Held, which cannot be copied, and reading it could change"):
        loaded.layer.matrix(loaded.weight)


# -- attributes that are edited --------------------------------------------------------------------------------------

MODES = ("zeros", "reflect", "replicate", "circular")


@given(
    convolutions(modes=MODES, most=2),
    st.sampled_from(["padding", "padding_mode", "stride", "dilation", "groups", "output_padding", "pads", "same"]),
    st.sampled_from(MODES),
    st.integers(0, 2),
    seeds(),
)
def test_edited_attributes_count_as_they_do_in_the_call(drawn, edited, mode, number, seed):
    name, arguments, size = drawn
    transposed, ndim = "Transpose" in name, len(size)
    if edited == "same" and not transposed:
        arguments = arguments | {"padding": "same", "stride": 1, "kernel_size": (2, 3)[:ndim]}
    module = getattr(nn, name)(**arguments)
    if edited == "same":
        module.dilation, module.padding_mode = (2,) * ndim, "zeros" if transposed else mode
    elif edited == "padding_mode":
        module.padding_mode = "zeros" if transposed else mode
    elif edited == "pads":
        module._reversed_padding_repeated_twice = [number, 1] * ndim
    elif edited == "groups":
        module.groups = 1
    else:
        module.__dict__[edited] = (max(number, int(edited in ("stride", "dilation"))),) * ndim
    try:
        x, y = called(module, size, seed)
    except (RuntimeError, ValueError):
        with pytest.raises(ValueError):  # noqa: PT011  one of many
            torch_layers.from_layer(module, size)
        return
    try:
        loaded = torch_layers.from_layer(module, size)
    except ValueError as error:
        assert edited in ("groups", "output_padding"), error  # noqa: PT017  of which the shape of the weight tells
        return
    assert_allclose(by_matrix(loaded, x), y, atol=1e-12)


# -- geometry without weights ----------------------------------------------------------------------------------------

WEIGHTLESS = {
    "float16": lambda model: model.half(),
    "bfloat16": lambda model: model.bfloat16(),
    "float8": lambda model: model.to(torch.float8_e4m3fn),
    "meta": lambda model: model.to("meta"),
    "sparse": lambda model: sparse(model),
}


def sparse(model):
    for module in model:
        if hasattr(module, "weight"):
            module.weight = nn.Parameter(module.weight.detach().to_sparse(), requires_grad=False)
    return model


@share(0.5)
@given(st.lists(convolutions(most=2), min_size=1, max_size=3), st.sampled_from(sorted(WEIGHTLESS)), seeds())
def test_models_without_values_have_their_geometry(drawn, kind, seed):
    ndim = len(drawn[0][2])
    size, channels, modules = tuple(6 * n for n in SIZES[ndim]), 2, []
    torch.manual_seed(seed)
    for name, arguments, _ in drawn:
        out = 2 * arguments["out_channels"]
        arguments = arguments | {"in_channels": channels, "out_channels": out, "dtype": torch.float32}
        modules.append(getattr(nn, f"{name[:-2]}{ndim}d")(**arguments))
        channels = out
    model = nn.Sequential(*modules)
    full = torch_layers.from_model(model, size)
    chain = torch_layers.from_model(WEIGHTLESS[kind](copy.deepcopy(model)), size)
    assert chain == full
    assert receptive_field(chain) == receptive_field(Network(full))
    assert outputs_without_input(chain) == outputs_without_input(Network(full))
    assert coordinate_map(chain) == coordinate_map(Network(full))
    assert [weight.shape for weight in chain.weights] == [weight.shape for weight in full.weights]
    assert [None if b is None else b.shape for b in chain.biases] == [
        None if b is None else b.shape for b in full.biases
    ]
    for values, weight in zip(chain.weights, full.weights, strict=True):
        if kind.endswith("16"):
            assert values.dtype == np.float32
            assert_array_equal(values, torch.from_numpy(weight).to(getattr(torch, kind)).float())
        else:
            assert isinstance(values, MissingValues)
    if not kind.endswith("16"):
        with pytest.raises(TypeError, match=r"^the weight of Conv\w+ (has dtype|is on the device|cannot be read)"):
            Network(chain).matrix(chain.weights)


def test_lazy_models_have_their_geometry():
    def model(lazy):
        if lazy:
            return nn.Sequential(
                nn.LazyConv2d(4, 3, 2),
                nn.LazyBatchNorm2d(),
                nn.ReLU(),
                nn.AvgPool2d(2),
                nn.LazyConvTranspose2d(2, 3, groups=2, bias=False),
            )
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, 2),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.ConvTranspose2d(4, 2, 3, groups=2, bias=False),
        )

    chain, full = torch_layers.from_model(model(True), 20, 3), torch_layers.from_model(model(False), 20)
    assert chain == full
    assert chain.biases[-1] is None
    with pytest.raises(TypeError, match=r"^LazyConv2d has no weight yet: call it once on data"):
        chain[0].matrix(chain.weights[0])
    with pytest.raises(TypeError, match=r"^LazyConv2d has no bias yet"):
        chain[0].bias_vector(chain.biases[0])
    assert receptive_field(torch_layers.from_model(model(True), 20)) == receptive_field(full)  # with the least channels
    assert torch_layers.from_model(nn.LazyConv2d(4, 3, groups=2), 8)[0].in_channels == 2
    with pytest.raises(
        ValueError, match=r"^LazyConv2d has no weight yet: .* for sizes alone, use from_model with in_c"
    ):
        torch_layers.from_layer(nn.LazyConv2d(4, 3), 20)
    called_once = model(True)
    called_once(torch.zeros(2, 3, 20, 20))
    assert torch_layers.from_model(called_once, 20) == full


def test_quantised_models_have_their_geometry():
    quantisation = pytest.importorskip("torch.ao.quantization")
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 2, 3))
    full = torch_layers.from_model(plain, 20)
    nnq = pytest.importorskip("torch.ao.nn.quantized")
    quantised = nn.Sequential(
        nnq.Quantize(1.0, 0, torch.quint8),
        nnq.Conv2d(3, 4, 3, 2, 1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        torch.ao.nn.intrinsic.quantized.ConvReLU2d(4, 2, 3),
        nnq.DeQuantize(),
    )
    config = quantisation.get_default_qat_qconfig()
    prepared = nn.Sequential(
        quantisation.QuantStub(),
        torch.ao.nn.qat.Conv2d(3, 4, 3, 2, 1, qconfig=config),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        torch.ao.nn.intrinsic.qat.ConvBn2d(4, 2, 3, qconfig=config),
        quantisation.DeQuantStub(),
    )
    for model in (quantised, prepared):
        chain = torch_layers.from_model(model, 20)
        assert chain == full
        assert receptive_field(chain) == receptive_field(full)
        for layer, weight in zip(chain, chain.weights, strict=True):
            if weight is not None:
                with pytest.raises(TypeError, match=r"quantised|rounds its weight on every call"):
                    layer.matrix(weight)


@pytest.mark.filterwarnings("ignore:Please use quant_min and quant_max:UserWarning")
@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning")
@pytest.mark.parametrize("training", [False, True])
def test_models_that_are_prepared_for_quantisation_have_their_geometry(training):
    plain = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2)).train(training)
    quantization = torch.ao.quantization
    named = quantization.get_default_qat_qconfig if training else quantization.get_default_qconfig
    copied = copy.deepcopy(plain)
    copied.qconfig = named("fbgemm")
    model = (quantization.prepare_qat if training else quantization.prepare)(copied)
    chain = torch_layers.from_model(model, (12, 11))
    assert chain == torch_layers.from_model(plain, (12, 11))
    assert isinstance(chain.weights[0], MissingValues) == training
    if not training:
        model.eval()
        x = np.random.default_rng(0).normal(size=(1, 2, 12, 11)).astype(np.float32)
        first = torch_layers.from_layer(model[0], (12, 11))
        with torch.no_grad():
            assert_allclose(by_matrix(first, x.ravel()), model[0](torch.from_numpy(x)).numpy().ravel(), atol=1e-5)
    model[0].activation_post_process = type("Own", (nn.Identity,), {"forward": lambda self, x: 2 * x})()
    with pytest.raises(TypeError, match=r"^0 \(Conv2d\): Conv2d has a forward hook, _observer_forward_hook, which may"):
        torch_layers.from_model(model, (12, 11))


def test_complex32_is_refused():
    with pytest.raises(
        TypeError,
        match=r"^the weight of Conv2d has dtype torch\.complex32, which NumPy does not have: "
        r"cast it with \.to\(torch\.complex64\)",
    ):
        torch_layers.from_layer(nn.Conv2d(1, 1, 3).to(torch.complex32), 5)
    assert torch_layers.from_layer(nn.Conv2d(1, 1, 3).to(torch.complex64), 5).weight.dtype == np.complex64


def test_views_that_numpy_cannot_read_are_computed():
    module = nn.Conv2d(1, 1, 3, dtype=torch.complex64)
    weight = module.weight.detach()
    module.weight = nn.Parameter(weight.conj())
    assert_array_equal(torch_layers.from_layer(module, 5).weight, weight.numpy().conj())


def test_crops_of_what_from_model_returns():
    model = nn.Sequential(nn.Conv2d(1, 1, 2, 2), nn.ConvTranspose2d(1, 1, 4, 2)).to("meta")
    assert crop_offset(torch_layers.from_model(model, 8)) == (1, 1)
    same = torch_layers.from_model(nn.ConstantPad2d(0, 0.0), 8)
    assert crop_offset(torch_layers.from_model(model, 8), same) == (1, 1)
