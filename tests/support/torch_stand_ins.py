"""Stand-ins for PyTorch's modules and tensors: classes of their names, with their attributes."""

from types import SimpleNamespace

import numpy as np


class Module(SimpleNamespace):
    """A stand-in for a module: an object with attributes."""


def kind(name):
    """Make a subclass of `Module` with this name."""
    return type(name, (Module,), {})


class Tensor:
    """A tensor whose values are returned by ``detach().cpu()``, as in PyTorch."""

    def __init__(self, values):
        self.values, self.dtype = np.asarray(values), "torch.float64"

    def detach(self):
        return SimpleNamespace(cpu=lambda: self.values)

    shape = (1,)


def convolution(ndim=2, transposed=False, **changes):
    """Make a stand-in for torch.nn.Conv1d to Conv3d or ConvTranspose1d to ConvTranspose3d."""
    fields = {
        "in_channels": 1,
        "out_channels": 1,
        "kernel_size": (2,) * ndim,
        "stride": (1,) * ndim,
        "padding": (0,) * ndim,
        "dilation": (1,) * ndim,
        "groups": 1,
        "padding_mode": "zeros",
        "transposed": transposed,
        "output_padding": (0,) * ndim,
        "bias": None,
    } | changes
    first, second = fields["in_channels"], fields["out_channels"]
    rows, cols = (first, second) if transposed else (second, first)
    shape = (rows, cols // fields["groups"], *fields["kernel_size"])
    fields.setdefault("weight", Tensor(np.arange(1, 1 + np.prod(shape)).reshape(shape)))
    return kind(f"Conv{'Transpose' if transposed else ''}{ndim}d")(**fields)
