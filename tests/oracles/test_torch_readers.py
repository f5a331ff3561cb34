"""PyTorch's models and layers as objects: networks that people know, and objects that cannot be read."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import receptive_field
from convmatrix.frameworks import torch as torch_layers
from convmatrix.layers import MaxPool
from torch_modules import filled_module, of, random_input

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning"),
    pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning"),
]


# -- networks that people know ---------------------------------------------------------------------------------------


def alexnet():
    """Make the modules of torchvision's AlexNet.features (Krizhevsky, arXiv:1404.5997)."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
    )


def vgg(width=64):
    """Make the modules of VGG-16's features (Simonyan & Zisserman, arXiv:1409.1556, configuration D)."""
    modules, channels = [], 3
    for out in (1, 1, "M", 2, 2, "M", 4, 4, 4, "M", 8, 8, 8, "M", 8, 8, 8, "M"):
        if out == "M":
            modules.append(nn.MaxPool2d(2, stride=2))
            continue
        modules += [nn.Conv2d(channels, out * width, 3, padding=1), nn.ReLU(inplace=True)]
        channels = out * width
    return nn.Sequential(*modules)


@pytest.mark.parametrize(("model", "size", "field", "layers"), [(alexnet, 224, 195, 8), (vgg, 224, 212, 18)])
def test_receptive_fields_of_alexnet_and_vgg(model, size, field, layers):
    module = model() if model is alexnet else model(width=1)
    chain = torch_layers.from_model(module, size)
    network = Network(chain)
    assert len(chain) == layers
    assert all("ReLU" in note and "activation" in note for note in chain.left_out)
    with torch.no_grad():
        assert network.output_shape == tuple(module(torch.zeros(1, 3, size, size)).shape[1:])
    found = receptive_field(network)
    assert found.size == (field, field)
    assert found.stride == (32, 32)


def test_a_vgg_is_its_matrices():
    """A narrow VGG on a small image has the same values, behind every max pool too."""
    model = filled_module(nn.Sequential(*(m for m in vgg(width=1)[:10] if not isinstance(m, nn.ReLU))), 7)
    chain = torch_layers.from_model(model, 16)
    x, tensor = random_input(3, (16, 16), 8, batch=1)
    flat = x.ravel()
    for layer, weight, bias in zip(chain, chain.weights, chain.biases, strict=True):
        if isinstance(layer, MaxPool):
            flat = layer.matrix(flat.reshape(layer.input_shape)) @ flat
        else:
            flat = layer.matrix(weight) @ flat + layer.bias_vector(bias)
    assert_array_equal(flat.reshape(chain[-1].output_shape), model(tensor).numpy()[0])


# -- objects that cannot be read -------------------------------------------------------------------------------------


def test_a_lazy_layer_is_read_after_its_first_call():
    lazy = nn.LazyConv2d(3, 2)
    with pytest.raises(ValueError, match=r"LazyConv2d has no weight yet: call it once on data"):
        torch_layers.from_layer(lazy, 4)
    lazy(torch.zeros(1, 5, 4, 4))
    assert torch_layers.from_layer(lazy, 4).layer == Conv(4, 2, in_channels=5, out_channels=3)


@pytest.mark.filterwarnings(
    "ignore:torch.quantize_per_tensor:UserWarning", "ignore:torch.ao.quantization:DeprecationWarning"
)
def test_quantised_layers():
    quantised = pytest.importorskip("torch.ao.nn.quantized")
    with pytest.raises(TypeError, match=r"the weight of Conv2d is quantised, a method instead of an array"):
        np.asarray(torch_layers.from_layer(quantised.Conv2d(1, 1, 3), 4).weight)
    qat = pytest.importorskip("torch.ao.nn.qat")
    config = torch.ao.quantization.get_default_qat_qconfig()
    with pytest.raises(TypeError, match=r"rounds its weight on every call, to prepare quantisation"):
        np.asarray(torch_layers.from_layer(qat.Conv2d(1, 1, 3, qconfig=config), 4).weight)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_widened(dtype):
    module = nn.Conv2d(1, 1, 3, dtype=getattr(torch, dtype))
    loaded = torch_layers.from_layer(module, 4)
    assert loaded.weight.dtype == loaded.bias.dtype == np.float32
    assert_array_equal(loaded.weight, module.weight.detach().double())


def test_a_layer_without_values():
    with pytest.raises(TypeError, match=r"the weight of Conv2d is on the device 'meta', where tensors have no values"):
        np.asarray(torch_layers.from_layer(nn.Conv2d(1, 1, 3, device="meta"), 4).weight)


def test_weights_are_copies_and_may_be_parametrised_or_complex():
    module = filled_module(nn.Conv2d(2, 2, 3), 1)
    loaded = torch_layers.from_layer(module, 4)
    before = loaded.weight.copy()
    module.weight += 1
    assert_array_equal(loaded.weight, before)
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 3).double())
    assert type(normed).__name__ == "ParametrizedConv2d"
    assert_array_equal(torch_layers.from_layer(normed, 4).weight, normed.weight.detach().numpy())
    assert torch_layers.from_layer(nn.Conv2d(1, 1, 2, dtype=torch.complex64), 4).weight.dtype == np.complex64


def test_a_forward_of_its_own():
    class Centred(nn.Conv2d):
        def forward(self, x):
            return super().forward(x - x.mean())

    class Plain(nn.Conv2d):
        pass

    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

    with pytest.raises(TypeError, match=r"^Centred has a forward of its own, so that its numbers do not say"):
        torch_layers.from_layer(Centred(1, 1, 3), 4)
    with pytest.raises(TypeError, match=r"^0 \(Centred\): Centred has a forward of its own"):
        torch_layers.from_model(nn.Sequential(Centred(1, 1, 3)), 4)
    with pytest.raises(TypeError, match=r"^Residual: Residual has a forward of its own"):
        torch_layers.from_model(Residual(nn.Conv2d(1, 1, 1)), 4)
    with pytest.raises(TypeError, match=r"^Net: Net is no Sequential, and what it does with its modules is not known"):
        torch_layers.from_model(Net(), 4)
    assert torch_layers.from_layer(Plain(1, 1, 3), 4).layer == Conv(4, 3)
    assert torch_layers.from_model(nn.Sequential(Plain(1, 1, 3)), 4) == [Conv(4, 3)]


def test_every_module_of_torch_is_known_or_refused_by_its_name():
    """Modules that are left out do not change the shape."""
    made = {
        "Threshold": (0.1, 20),
        "GroupNorm": (1, 2),
        "LayerNorm": ([2, 4, 4],),
        "RMSNorm": ([2, 4, 4],),
        "LocalResponseNorm": (2,),
        "CrossMapLRN2d": (2,),
        "SyncBatchNorm": (2,),
        "Softmax": (1,),
        "Softmin": (1,),
        "LogSoftmax": (1,),
    }
    passed = 0
    for name in sorted(name for name in dir(nn) if isinstance(getattr(nn, name), type)):
        if name not in _passed_over():
            continue
        ndim = int(name[-2]) if name[-1] == "d" and name[-2] in "123" else 2
        module = getattr(nn, name)(*made.get(name, (2,) if "Norm" in name else ())).eval()
        x = torch.ones(1, 2, *[4] * ndim)
        assert name == "Flatten" or module(x).shape == x.shape
        chain = torch_layers.from_model(nn.Sequential(of("Conv", ndim)(2, 2, 1), module), 4)
        assert len(chain) == 1
        assert chain.left_out[0].startswith(f"1 ({name.removeprefix('Lazy')}): ")  # the call above made it one
        passed += 1
    assert passed > 40


def _passed_over():
    from convmatrix.frameworks.torch.models import _PASSED_OVER

    return [name for name in _PASSED_OVER if name != "Sequential"]
