"""Objects of PyTorch with a misleading name or weight: read as their next call computes, or an error."""

import copy
import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import coordinate_map, crop_offset, outputs_without_input, receptive_field
from convmatrix.frameworks import torch as torch_layers
from convmatrix.frameworks.shared.loaded import MissingValues
from strategies import seeds, share

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
nn = torch.nn
utils, parametrizations = nn.utils, nn.utils.parametrizations
prune = pytest.importorskip("torch.nn.utils.prune")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning"),
    pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Complex modules are a new feature:UserWarning"),
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning"),
    pytest.mark.filterwarnings("ignore:torch.ao.quantization:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
]

SIZES = {1: (7,), 2: (6, 5), 3: (4, 4, 3)}


@st.composite
def convolutions(draw, modes=("zeros",), most=3):
    """Return a class of torch.nn, arguments for it, and an input size."""
    ndim, groups = draw(st.integers(1, most)), draw(st.sampled_from([1, 1, 2]))
    transposed = draw(st.booleans())
    mode = "zeros" if transposed else draw(st.sampled_from(modes))
    arguments = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": draw(st.integers(1, 3)),
        "stride": draw(st.integers(1, 2)),
        "padding": draw(st.integers(0, 1)),
        "groups": groups,
        "padding_mode": mode,
        "bias": draw(st.booleans()),
        "dtype": torch.float64,
    }
    return f"Conv{'Transpose' if transposed else ''}{ndim}d", arguments, SIZES[ndim]


def called(module, size, seed=0):
    """Return an input, and the output of the module."""
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, module.in_channels, *size)))
    with torch.no_grad():
        return x.numpy().ravel(), module(x).numpy().ravel()


def by_matrix(loaded, x):
    y = loaded.layer.matrix(loaded.weight) @ x
    return y if loaded.bias is None else y + loaded.layer.bias_vector(loaded.bias)


def state_of(module):
    return {name: values.clone() for name, values in module.state_dict().items()}


def assert_unchanged(module, before):
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


# -- overridden methods ----------------------------------------------------------------------------------------------


class Helper:
    """A mixin without a forward."""

    extra = 3

    def help(self):
        return self.extra


def own_init(base):
    class WithInit(base):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.note, self.scale = "mine", torch.ones(3)
            self.register_buffer("counter", torch.zeros(1))

    return WithInit


HARMLESS = {
    "the class itself": lambda base: base,
    "another name": lambda base: type("Mine", (base,), {}),
    "the same name": lambda base: type(base.__name__, (base,), {}),
    "twice below": lambda base: type("Deeper", (type("Mine", (base,), {}),), {}),
    "the name of another": lambda base: type("Identity", (base,), {}),
    "an __init__": own_init,
    "a mixin in front": lambda base: type("Mixed", (Helper, base), {}),
    "a mixin behind": lambda base: type("Mixed", (base, Helper), {}),
    "an attribute": lambda base: type("Mine", (base,), {"temperature": 3}),
    "a method": lambda base: type("Mine", (base,), {"penalty": lambda self: self.weight.abs().sum()}),
    "a property": lambda base: type("Mine", (base,), {"fan_in": property(lambda self: self.weight[0].numel())}),
    "a static method": lambda base: type("Mine", (base,), {"make": staticmethod(lambda: 1)}),
    "a class method": lambda base: type("Mine", (base,), {"build": classmethod(lambda cls: cls)}),
    "a repr": lambda base: type("Mine", (base,), {"extra_repr": lambda self: "mine"}),
    "a train": lambda base: type("Mine", (base,), {"train": lambda self, mode=True: base.train(self, mode)}),
    "a reset": lambda base: type("Mine", (base,), {"reset_parameters": lambda self: base.reset_parameters(self)}),
    "slots": lambda base: type("Mine", (base,), {"__slots__": ("slot",)}),
    "a module of its own": lambda base: type("Mine", (base,), {"__module__": "somewhere.else"}),
    "no module": lambda base: eval("type('Mine', (base,), {})", {"base": base, "type": type}),
    "an annotation": lambda base: type("Mine", (base,), {"__annotations__": {"weight": torch.Tensor}}),
    "the same forward again": lambda base: type("Mine", (base,), {"forward": base.forward}),
    "an __iter__": lambda base: type("Mine", (base,), {"__iter__": lambda self: iter(())}),
}


@share(0.5)
@given(convolutions(), st.sampled_from(sorted(HARMLESS)), seeds())
def test_harmless_subclasses_are_read(drawn, harmless, seed):
    name, arguments, size = drawn
    torch.manual_seed(seed)
    module = HARMLESS[harmless](getattr(nn, name))(**arguments)
    x, y = called(module, size, seed)
    assert_allclose(by_matrix(torch_layers.from_layer(module, size), x), y, atol=1e-12)
    chain = torch_layers.from_model(nn.Sequential(module), size)
    assert chain == torch_layers.from_model(module, size) == [torch_layers.from_layer(module, size).layer]


def test_twenty_kinds_of_harmless_subclasses():
    assert len(HARMLESS) > 20
    for make in HARMLESS.values():
        module = make(nn.Conv2d)(1, 1, 3)
        assert_array_equal(torch_layers.from_layer(module, 5).weight, module.weight.detach())


def twice(method):
    """Make a subclass whose method returns twice the result of the base."""
    return lambda base: type(base.__name__, (base,), {method: lambda self, *x: 2 * getattr(base, method)(self, *x)})


def by_a_mixin(base):
    class Mixin:
        def forward(self, x):
            return 2 * super().forward(x)

    return type(base.__name__, (Mixin, base), {})


OVERRIDES = {
    "forward": twice("forward"),
    "forward of a mixin": by_a_mixin,
    "forward twice below": lambda base: type("Plain", (twice("forward")(base),), {}),
    "__call__": twice("__call__"),
    "_call_impl": twice("_call_impl"),
    "__call__ twice below": lambda base: type("Wrapped", (twice("__call__")(base),), {}),
}
ON_THE_OBJECT = ("forward", "_call_impl")


@share(0.5)
@given(convolutions(), st.sampled_from([*OVERRIDES, *(f"object {name}" for name in ON_THE_OBJECT)]), seeds())
def test_code_of_its_own_is_refused_whatever_the_name(drawn, override, seed):
    name, arguments, size = drawn
    torch.manual_seed(seed)
    plain = getattr(nn, name)(**arguments)
    if override.startswith("object"):
        module, method = copy.deepcopy(plain), override.removeprefix("object ")
        setattr(module, method, lambda *x: 2 * getattr(plain, method)(*x))
    else:
        module = OVERRIDES[override](getattr(nn, name))(**arguments)
        module.load_state_dict(plain.state_dict())
    assert_allclose(called(module, size)[1], 2 * called(plain, size)[1])
    with pytest.raises(TypeError, match=r"has a forward of its own"):
        torch_layers.from_layer(module, size)
    with pytest.raises(TypeError, match=r"^1 \(.*\): .* has a forward of its own"):
        torch_layers.from_model(nn.Sequential(nn.Identity(), module), size)
    assert torch_layers.from_layer(plain, size).layer == torch_layers.from_model(plain, size)[0]


def test_the_error_names_the_method_and_its_class():
    here = __name__
    own = type("Conv2d", (nn.Conv2d,), {"__module__": here, "_conv_forward": lambda self, *x: x})
    with pytest.raises(TypeError) as caught:
        torch_layers.from_layer(own(1, 1, 3), 5)
    assert str(caught.value) == (
        f"Conv2d has a forward of its own (_conv_forward of {here}.Conv2d), so that its numbers do not say what it "
        "computes: give a plain module of torch.nn that computes the same"
    )
    module = nn.Conv2d(1, 1, 3)
    module.forward = lambda x: x
    with pytest.raises(TypeError, match=r"^Conv2d has a forward of its own \(forward of the object\), so that"):
        torch_layers.from_layer(module, 5)
    up = type("Up", (nn.ConvTranspose1d,), {"_output_padding": lambda self, *x: [0]})
    with pytest.raises(TypeError, match=r"^Up has a forward of its own \(_output_padding of "):
        torch_layers.from_layer(up(1, 1, 3), 5)


OTHERS = {
    "AvgPool2d": (2,),
    "MaxPool2d": (2,),
    "AdaptiveAvgPool2d": (1,),
    "Upsample": (None, 2),
    "PixelShuffle": (1,),
    "PixelUnshuffle": (1,),
    "ZeroPad2d": (1,),
    "ReflectionPad2d": (1,),
    "Identity": (),
    "ReLU": (),
    "Flatten": (),
    "BatchNorm2d": (1,),
    "Dropout": (),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_modules_with_a_forward_of_their_own(name):
    base, made = getattr(nn, name), nn.Conv2d(1, 1, 1)
    plain = type(name, (base,), {})(*OTHERS[name])
    torch_layers.from_model(nn.Sequential(made, plain), 6)
    own = type(name, (base,), {"forward": lambda self, x: 2 * x})(*OTHERS[name])
    with pytest.raises(TypeError, match=rf"^1 \({name}\): {name} has a forward of its own"):
        torch_layers.from_model(nn.Sequential(made, own), 6)
    below_module = type(name, (nn.Module,), {"forward": lambda self, x: 2 * x})()  # which has nothing but the name
    with pytest.raises(TypeError, match=rf"^1 \({name}\): {name} is no convolution"):
        torch_layers.from_model(nn.Sequential(made, below_module), 6)


def test_sequences_with_a_forward_or_an_order_of_their_own():
    parts = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 2)
    for changed in (
        {"forward": lambda self, x: x + self[0](x)},
        {"__iter__": lambda self: reversed(self._modules.values())},
    ):
        own = type("Sequential", (nn.Sequential,), changed)(*parts)
        with pytest.raises(TypeError, match=r"^Sequential: Sequential has a forward of its own \("):
            torch_layers.from_model(own, 6)
        with pytest.raises(TypeError, match=r"^1 \(Sequential\): Sequential has a forward of its own \("):
            torch_layers.from_model(nn.Sequential(nn.ReLU(), own), 6)
    plain = type("Stack", (Helper, nn.Sequential), {"depth": property(len)})(*parts)
    assert torch_layers.from_model(plain, 6) == torch_layers.from_model(nn.Sequential(*parts), 6)


def test_a_class_with_the_attributes_and_any_forward():
    class Mine(nn.modules.conv._ConvNd):
        def __init__(self):
            super().__init__(1, 1, (3,), (1,), (0,), (1,), False, (0,), 1, True, "zeros")

        def forward(self, x):
            return 2 * x

    with pytest.raises(TypeError, match=r"^Mine has a forward of its own"):
        torch_layers.from_layer(Mine(), 5)
    with pytest.raises(TypeError, match=r"^RecursiveScriptModule has a forward of its own"):
        torch_layers.from_layer(torch.jit.script(nn.Conv2d(1, 1, 3)), 5)


def test_a_forward_set_on_the_class_of_torch(monkeypatch):
    forward = nn.Conv2d.forward
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: 2 * forward(self, x))
    with pytest.raises(TypeError, match=r"^torch\.nn\.modules\.conv\.Conv2d was given a forward of .*test_torch_obj"):
        torch_layers.from_layer(nn.Conv2d(1, 1, 3), 5)


@pytest.mark.parametrize(
    ("owner", "method"),
    [(nn.Conv2d, "forward"), (nn.Conv2d, "_conv_forward"), (nn.Sequential, "forward"), (nn.Module, "__call__")],
)
def test_a_wrapped_method_set_on_the_class_of_torch(monkeypatch, owner, method):
    given = vars(owner)[method]
    monkeypatch.setattr(owner, method, functools.wraps(given)(lambda self, *x: 2 * given(self, *x)))
    with pytest.raises(TypeError, match=rf"was given a {method} of .*test_torch_objects, which may compute anything"):
        torch_layers.from_model(nn.Sequential(nn.Conv2d(1, 1, 3)), 5)
    monkeypatch.setattr(owner, method, functools.partial(given))
    with pytest.raises(TypeError, match=rf"was given a {method} of "):
        torch_layers.from_model(nn.Sequential(nn.Conv2d(1, 1, 3)), 5)


def test_a_getattribute_that_gives_another_forward():
    class Handing(nn.Conv2d):
        def __getattribute__(self, name):
            return (lambda x: x) if name == "forward" else super().__getattribute__(name)

    class Looking(nn.Conv2d):
        def __getattribute__(self, name):
            return super().__getattribute__(name)

    with pytest.raises(TypeError, match=r"^Handing has a forward of its own \(__getattribute__ of .*Handing\)"):
        torch_layers.from_layer(Handing(1, 1, 3), 5)
    assert torch_layers.from_layer(Looking(1, 1, 3), 5).layer == torch_layers.from_layer(nn.Conv2d(1, 1, 3), 5).layer


@pytest.mark.parametrize("part", ["weight", "bias"])
def test_a_tensor_with_operations_of_its_own(part):
    class Doubling(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            result = super().__torch_function__(function, types, args, kwargs or {})
            return result * 2 if function is nn.functional.conv2d else result

    module = nn.Conv2d(1, 1, 3)
    setattr(module, part, nn.Parameter(getattr(module, part).detach().as_subclass(Doubling)))
    with pytest.raises(TypeError, match=rf"^the {part} of Conv2d is a Doubling of .*, a tensor with operations of its"):
        torch_layers.from_layer(module, 5)
    setattr(module, part, nn.Parameter(getattr(module, part).detach().as_subclass(type("Plain", (torch.Tensor,), {}))))
    torch_layers.from_layer(module, 5)


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 1), ()])
def test_a_bias_of_another_shape(shape):
    module = nn.Conv2d(1, 2, 3)
    module.bias = nn.Parameter(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"^the bias of Conv2d has shape \(.*\) but out_channels=2 needs \(2,\)"):
        torch_layers.from_layer(module, 5)


def test_a_wrapper_is_refused_with_what_is_in_it():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.main, self.head = nn.Sequential(nn.Conv2d(1, 1, 3)), nn.Linear(1, 1)

        def forward(self, x):
            return self.main(x)

    for wrapper, inner in ((Net(), "main"), (nn.DataParallel(nn.Sequential()), "module")):
        with pytest.raises(TypeError, match=rf"give them as one, or one of them by itself, such as {inner} \(Sequen"):
            torch_layers.from_model(wrapper, 5)


@pytest.mark.full  # to import torch's compiler takes long
@pytest.mark.parametrize(
    ("module", "also"),
    [
        (nn.MaxPool2d(2), ", and from_model reads MaxPool2d"),
        (nn.Sequential(nn.Conv2d(1, 1, 3)), ", and from_model reads Sequential"),
        (nn.Linear(2, 3), ""),
    ],
)
def test_what_reads_a_module_that_is_no_convolution(module, also):
    message = "is not a torch convolution: it has no attribute 'in_channels'; from_layer reads nn.Conv1d to nn.Conv3d"
    with pytest.raises(TypeError, match=rf"{message} and nn.ConvTranspose1d to nn.ConvTranspose3d{also}$"):
        torch_layers.from_layer(module, 6)
    if also:
        torch_layers.from_model(module, 6)


def test_a_class_and_a_list_are_no_modules():
    with pytest.raises(TypeError, match=r"Conv2d is a class, not a module: give an object of it, made with its argum"):
        torch_layers.from_model(nn.Conv2d, 6)
    with pytest.raises(TypeError, match=r"a list of 2 modules is no module: give nn\.Sequential\(\*modules\)$"):
        torch_layers.from_model([nn.Conv2d(1, 1, 3), nn.ReLU()], 6)
    with pytest.raises(ValueError, match=r"^PixelUnshuffle: downscale_factor 4 does not divide input_size 6 on axis 0"):
        torch_layers.from_model(nn.PixelUnshuffle(4), 6)


def test_a_compiled_call_is_that_of_the_module():
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    model.compile()
    assert len(torch_layers.from_model(model, 5)) == 1
    model._compiled_call_impl = lambda x: 2 * x
    with pytest.raises(TypeError, match=r"^Sequential: Sequential has a call of its own in _compiled_call_impl"):
        torch_layers.from_model(model, 5)
    compiled = torch.compile(nn.Sequential(nn.Conv2d(1, 1, 3)))
    with pytest.raises(TypeError, match=r"^OptimizedModule: .* such as _orig_mod \(Sequential\)"):
        torch_layers.from_model(compiled, 5)


def test_a_graph_is_refused_whatever_its_name():
    traced = torch.fx.symbolic_trace(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1)))
    *_, last, output = traced.graph.nodes
    with traced.graph.inserting_before(output):
        output.args = (traced.graph.call_function(torch.add, (last, last)),)
    traced.recompile()
    assert type(traced).__name__ == "Sequential"
    for model in (traced, torch.fx.symbolic_trace(nn.Sequential(nn.Conv2d(1, 1, 3)))):
        with pytest.raises(TypeError, match=r"^Sequential: Sequential is a GraphModule of torch\.fx, which computes"):
            torch_layers.from_model(model, 5)
    with pytest.raises(TypeError, match=r"^Conv2d is a GraphModule of torch\.fx"):
        torch_layers.from_layer(torch.fx.symbolic_trace(nn.Conv2d(1, 1, 3)), 5)


# -- hooks -----------------------------------------------------------------------------------------------------------


def doubles(module, inputs, output=None):
    return tuple(2 * x for x in inputs) if output is None else 2 * output


HOOKS = {
    "pre-hook": lambda module: module.register_forward_pre_hook(doubles),
    "hook": lambda module: module.register_forward_hook(doubles),
    "global forward pre-hook": lambda module: nn.modules.module.register_module_forward_pre_hook(doubles),
    "global forward hook": lambda module: nn.modules.module.register_module_forward_hook(doubles),
}


@share(0.5)
@given(convolutions(), st.sampled_from(sorted(HOOKS)), st.sampled_from(["layer", "activation", "model"]))
def test_hooks_are_refused_by_name(drawn, hook, where):
    name, arguments, size = drawn
    model = nn.Sequential(getattr(nn, name)(**arguments), nn.ReLU())
    plain = torch_layers.from_model(model, size)
    handle = HOOKS[hook]({"layer": model[0], "activation": model[1], "model": model}[where])
    try:
        with pytest.raises(TypeError, match=rf"{hook}, doubles, .*: remove it, by the handle that register_"):
            torch_layers.from_model(model, size)
        if where == "layer":
            with pytest.raises(TypeError, match=rf"{hook}, doubles, "):
                torch_layers.from_layer(model[0], size)
    finally:
        handle.remove()
    assert torch_layers.from_model(model, size) == plain


def test_hooks_of_the_backward_pass_and_of_state_dicts_change_nothing():
    module = nn.Conv2d(1, 1, 3)
    module.register_full_backward_hook(lambda *_: None)
    module.register_full_backward_pre_hook(lambda *_: None)
    module.register_state_dict_pre_hook(lambda *_: None)
    module.register_load_state_dict_post_hook(lambda *_: None)
    assert_array_equal(torch_layers.from_layer(module, 5).weight, module.weight.detach())


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
