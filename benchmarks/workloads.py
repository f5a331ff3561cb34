"""Layers with names: from one window of a lecture to a hundred million entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from convmatrix import Conv

__all__ = ["BUILDS", "QUICK_BUILDS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """A layer by its arguments, and the dtype of its weight."""

    name: str
    arguments: Mapping[str, Any]
    dtype: str = "float64"
    transposed: bool = field(default=True)
    """Whether its transpose is measured as well."""

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


def _workload(name: str, input_size: Any, kernel_size: int, dtype: str = "float64", **others: Any) -> Workload:
    transposed = others.get("padding_mode", "zeros") == "zeros"
    return Workload(name, {"input_size": input_size, "kernel_size": kernel_size, **others}, dtype, transposed)


_IMAGE = ((1024, 1024), 5)

BUILDS = (
    _workload("tiny", (4, 4), 3, padding=1),
    _workload("lenet", (28, 28), 5, "float32", padding=2, out_channels=6),
    _workload("mid", (64, 64), 3, padding=1),
    _workload("depthwise", (28, 28), 3, "float32", padding=1, in_channels=256, out_channels=256, groups=256),
    _workload("volume", (64, 64, 64), 3, padding=1),
    _workload("image", *_IMAGE, padding=2),
    _workload("signal", (10**6,), 31, padding=15),
    _workload("dilated", (128, 128), 3, "float32", padding=2, dilation=2, in_channels=16, out_channels=16),
    _workload("stem", (224, 224), 7, "float32", stride=2, padding=3, in_channels=3, out_channels=64),
    _workload("residual", (56, 56), 3, "float32", padding=1, in_channels=64, out_channels=64),
    _workload("mid, reflect", (64, 64), 3, padding=1, padding_mode="reflect"),
    _workload("volume, circular", (64, 64, 64), 3, padding=1, padding_mode="circular"),
    *(
        _workload(f"image, {mode}", *_IMAGE, padding=2, padding_mode=mode)
        for mode in ("circular", "reflect", "replicate", "symmetric")
    ),
    _workload(
        "residual, circular", (56, 56), 3, "float32", padding=1, in_channels=64, out_channels=64,
        padding_mode="circular",
    ),
)  # fmt: skip

QUICK_BUILDS = ("tiny", "lenet", "mid", "depthwise", "volume", "image", "residual", "image, reflect")
