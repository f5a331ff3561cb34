"""Objects of PyTorch with a misleading name or weight: read as their next call computes, or an error."""

import copy
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.frameworks import torch as torch_layers
from strategies import seeds, share
from torch_modules import WARNINGS, by_matrix, called, convolutions

torch = pytest.importorskip("torch")
nn = torch.nn
utils, parametrizations = nn.utils, nn.utils.parametrizations
prune = pytest.importorskip("torch.nn.utils.prune")

pytestmark = WARNINGS


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
