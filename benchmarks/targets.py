"""Targets of the benchmarks: upper bounds of ratios to other times of the same run."""

from dataclasses import dataclass

from benchmarks.timing import rounded
from convmatrix import Conv, ConvTranspose

__all__ = [
    "CONSTRUCTED",
    "NEVER_SLOWER",
    "REFILL",
    "ROW_BLOCKS",
    "SCALE",
    "TWO_THREADS",
    "Figure",
    "application_target",
    "build_targets",
    "gram_target",
    "transpose_targets",
]

LARGE = 20 * 10**6
"""Entries from which memory alone decides."""

REFILL = 0.7
ROW_BLOCKS = 1.15
SCALE = 1 / 1.6
PEAK = 1.05
CONSTRUCTED = 1.4
"""A tiny layer, constructed and built, against the best peer."""
TWO_THREADS = 1.0
NEVER_SLOWER = 1.0


@dataclass(frozen=True)
class Figure:
    """A measured number, and what it may be at most, where that was set."""

    value: float
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """True if the number is at most the target."""
        return self.at_most is None or self.value <= self.at_most

    def __str__(self) -> str:
        if self.at_most is None:
            return rounded(self.value)
        return f"{rounded(self.value)} ({'met' if self.met else '**not met**'}: {rounded(self.at_most)})"


def build_targets(layer: Conv) -> dict[str, float]:
    """Return the highest ratios allowed for a build, to "limit", "best peer", "COO" and "peak"."""
    targets = {"best peer": NEVER_SLOWER}
    if layer.nnz >= LARGE:
        targets |= {"limit": 1.15, "best peer": 1 / 4.4, "COO": 1 / 15, "peak": PEAK}
    elif layer.groups > 1:
        targets |= {"limit": 1.6}
    elif layer.ndim == 3:
        targets |= {"limit": 1.35}
    elif layer.nnz >= 1000:
        targets |= {"best peer": 0.6}
    else:
        targets |= {"best peer": 0.75}
    return targets


def transpose_targets(layer: ConvTranspose) -> dict[str, float]:
    """The same for a transpose, against both ways to it: "masked" and "own", each with ``.T.tocsr()``."""
    targets = {}
    if layer.nnz >= LARGE:
        targets |= {"limit": 1.25, "peak": PEAK}
    elif layer.groups > 1:
        targets |= {"limit": 2.1}
    elif layer.ndim == 3:
        targets |= {"limit": 1.6}
    if targets:
        targets |= {"own": 1 / 3}
        if layer.in_channels * layer.out_channels > 1:
            targets |= {"masked": 1 / 10}
    return targets


def application_target(layer: Conv, dtype: str, batch: int, *, adjoint: bool) -> float | None:
    """Return the highest ratio to torch allowed for applying the layer without its matrix."""
    one_channel = layer.in_channels == layer.out_channels == 1
    if layer.groups > 1:
        return {1: 7.0, 32: 4.0}[batch]
    if adjoint:
        if one_channel or max(layer.stride) > 1:
            return 1.0
        return {1: None, 32: 1.3}[batch]
    if one_channel:
        return {"float32": 0.45, "float64": 0.2}[dtype]
    return {1: 2.5, 32: 1.3}[batch]


def gram_target(layer: Conv) -> float:
    """Return the highest ratio to the product of two matrices allowed for ``gram``."""
    return 1 / 2.5 if layer.in_channels == 1 else 1 / 50
