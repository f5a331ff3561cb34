"""Objects that look like PyTorch's modules and tensors: whatever has the attributes."""

from types import SimpleNamespace

import numpy as np


class Module(SimpleNamespace):
    """Whatever has the attributes."""


def kind(name):
    """A class of this name."""
    return type(name, (Module,), {})


class Tensor:
    """An array that has to be asked for, as those of PyTorch."""

    def __init__(self, values):
        self.values, self.dtype = np.asarray(values), "torch.float64"

    def detach(self):
        return SimpleNamespace(cpu=lambda: self.values)

    shape = (1,)


def convolution(ndim=2, transposed=False, **changes):
    """A torch.nn.Conv2d, or another one of the family, as its attributes are after construction."""
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
