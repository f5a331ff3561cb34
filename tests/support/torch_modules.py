"""Modules of PyTorch with known weights, drawn convolutions, and comparisons with their results."""

import numpy as np
import pytest
from hypothesis import strategies as st

from recording import filled

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

WARNINGS = [
    pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning"),
    pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Complex modules are a new feature:UserWarning"),
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning"),
    pytest.mark.filterwarnings("ignore:torch.ao.quantization:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
]
"""Warnings of PyTorch about modules that are read all the same."""

SIZES = {1: (7,), 2: (6, 5), 3: (4, 4, 3)}


def of(name, ndim):
    """Return the class of torch.nn for a number of axes."""
    return getattr(torch.nn, f"{name}{ndim}d")


def filled_module(module, seed):
    """Set the weight and the bias to small integers, in doubles."""
    module = module.double().requires_grad_(False)
    for number, parameter in enumerate(module.parameters()):
        parameter.copy_(torch.from_numpy(filled(tuple(parameter.shape), seed + number).astype(float)))
    return module


def random_input(channels, size, seed, batch=2):
    """Return small integers as an array, and as a tensor of doubles."""
    x = filled((batch, channels, *size), seed)
    return x, torch.from_numpy(x.astype(float))


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
