"""Layers with names: from one window of a lecture to a hundred million entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convmatrix import Conv

__all__ = ["APPLICATIONS", "BLOCKS", "BUILDS", "GRAMS", "REFILLS", "SCALES", "TRANSPOSES", "Workload"]


@dataclass(frozen=True)
class Workload:
    """A layer by its arguments, and the dtype of its weight."""

    name: str
    arguments: Mapping[str, Any]
    dtype: str = "float64"
    slow: bool = False
    """True if quick runs leave it out."""

    def make(self) -> Conv:
        """Construct the layer."""
        return Conv(**self.arguments)

    @cached_property
    def layer(self) -> Conv:
        """The layer, constructed once."""
        return self.make()

    @cached_property
    def weight(self) -> np.ndarray:
        """Small whole numbers: sums are exact in any order, and none is zero, which some peers would not store."""
        return np.random.default_rng(0).integers(1, 10, self.layer.weight_shape).astype(self.dtype)

    @property
    def code(self) -> str:
        """The layer as its repr, and the dtype."""
        return f"{self.layer!r}, {self.dtype}"


def _workload(name: str, input_size: Any, kernel_size: int, **others: Any) -> Workload:
    """Create a workload, by default of one channel in float64."""
    dtype, slow = others.pop("dtype", "float64"), others.pop("slow", False)
    return Workload(name, {"input_size": input_size, "kernel_size": kernel_size, **others}, dtype, slow)


def _channels(inputs: int, outputs: int, groups: int = 1) -> dict[str, Any]:
    """Return the arguments of layers of several channels, in float32 as in networks."""
    return {"in_channels": inputs, "out_channels": outputs, "groups": groups, "dtype": "float32"}


TINY = _workload("tiny", (4, 4), 3, padding=1)
LENET = _workload("lenet", (28, 28), 5, padding=2, **_channels(1, 6))
MID = _workload("mid", (64, 64), 3, padding=1)
DEPTHWISE = _workload("depthwise", (28, 28), 3, padding=1, **_channels(256, 256, groups=256))
VOLUME = _workload("volume", (64, 64, 64), 3, padding=1)
IMAGE = _workload("image", (1024, 1024), 5, padding=2)
SIGNAL = _workload("signal", (10**6,), 31, padding=15, slow=True)
DILATED = _workload("dilated", (128, 128), 3, padding=2, dilation=2, slow=True, **_channels(16, 16))
STEM = _workload("stem", (224, 224), 7, stride=2, padding=3, slow=True, **_channels(3, 64))
RESIDUAL = _workload("residual", (56, 56), 3, padding=1, slow=True, **_channels(64, 64))

_LAYERS = (TINY, LENET, MID, DEPTHWISE, VOLUME, IMAGE, SIGNAL, DILATED, STEM, RESIDUAL)


def _with(workload: Workload, name: str, dtype: str | None = None, slow: bool | None = None, **others: Any) -> Workload:
    """A workload like another one."""
    return Workload(
        name, {**workload.arguments, **others}, dtype or workload.dtype, workload.slow if slow is None else slow
    )


def _mode(workload: Workload, mode: str, *, slow: bool = True) -> Workload:
    return _with(workload, f"{workload.name}, {mode}", slow=slow, padding_mode=mode)


BUILDS = (
    *_LAYERS,
    _mode(MID, "reflect", slow=False),
    _mode(VOLUME, "circular"),
    _mode(IMAGE, "circular", slow=False),
    _mode(IMAGE, "reflect"),
    _mode(IMAGE, "replicate"),
    _mode(IMAGE, "symmetric"),
    _mode(RESIDUAL, "circular"),
)
TRANSPOSES = _LAYERS
REFILLS = (MID, DEPTHWISE, VOLUME, IMAGE, STEM, RESIDUAL)
BLOCKS = (IMAGE, SIGNAL, DILATED, STEM)
GRAMS = (
    _workload("256^2", (256, 256), 3, padding=1),
    _with(IMAGE, "1024^2", slow=True),
    _workload("16 channels of 64^2", (64, 64), 3, padding=1, slow=True, **{**_channels(16, 16), "dtype": "float64"}),
)
SCALES = (_workload("256^3", (256, 256, 256), 3, padding=1, dtype="float32", slow=True),)
APPLICATIONS = (
    LENET,
    DEPTHWISE,
    _with(IMAGE, "image", "float32", slow=True),
    _with(IMAGE, "image", slow=True),
    _with(SIGNAL, "signal", "float32"),
    _with(VOLUME, "volume", "float32", slow=True),
    DILATED,
    STEM,
    RESIDUAL,
)
