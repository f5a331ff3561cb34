"""Agreement of a trial with the target, to the precision of its numbers."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from convmatrix.core.axis import Axis
from convmatrix.frameworks.comparison.trials import Array, Trial
from convmatrix.layers import ConvTranspose, Layer

__all__ = ["BYTES_PER_VALUE", "Precision", "explains", "terms_of", "values_of"]

BYTES_PER_VALUE = 40
"""Peak memory of a diagnosis in bytes per value of x, y and the weight, arrays included. Measured with tracemalloc:
24 to 33 for float32 and float64, 40 for complex128."""


@dataclass(frozen=True)
class Precision:
    """The precision of a comparison: exact integers, or floats up to rounding errors.

    `unit` is the unit roundoff of the coarsest dtype, 0 where all sums are exact.
    """

    unit: float

    @classmethod
    def of(cls, x: Array, y: Array, weight: Array, bias: Array | None) -> "Precision":
        """Return the precision for arrays with their original dtypes."""
        floats = [array.dtype for array in (x, y, weight) if array.dtype.kind in "fc"]
        unit = max([float(np.finfo(dtype).eps) / 2 for dtype in floats] or [2.0**-53])
        bias = np.zeros(1) if bias is None else bias
        largest = 2 * magnitude_of(x) * magnitude_of(weight) * weight.size + magnitude_of(
            bias
        )  # 2: complex products are sums of two
        whole = all(bool(np.all(array == np.rint(array))) for array in (x, y, weight, bias))
        return cls(0.0 if whole and max(largest, magnitude_of(y)) <= 1 / unit else unit)

    def allowed(self, sums: Array, terms: int) -> Array | float:
        """The largest error of sums of `terms` products, of absolute sums `sums`; 4 allows for fast algorithms."""
        return 4 * (terms + 2) * self.unit * sums if self.unit else 0.0


def magnitude_of(array: Array) -> float:
    """The largest magnitude of an array."""
    return float(np.max(np.abs(array.astype(complex if array.dtype.kind == "c" else float))))


def terms_of(layer: Layer) -> int:
    """Most products that an output is the sum of."""
    return layer.in_channels // layer.groups * prod(layer.kernel_size)


def explains(trial: Trial, precision: Precision) -> float | None:
    """Return the largest deviation if the layer of a trial gives the target, else None; try a few outputs first."""
    try:
        expected = trial.expected
    except ValueError:
        return None
    if expected is None or trial.images is None or any(np.any(part) for part in trial.target.zeros):
        return None
    # From cheap to expensive: most trials differ at the first place already.
    if not all(agree(trial, trial.images, expected, precision) for agree in (agrees_at_peak, agrees_at_some)):
        return None
    result, sums = values_of(trial, bool(precision.unit))
    deviation = np.abs(result - expected)
    return float(np.max(deviation)) if np.all(deviation <= precision.allowed(sums, terms_of(trial.layer))) else None


def values_of(trial: Trial, with_sums: bool) -> tuple[Array, Array]:
    """Return the output of the layer and, with `with_sums`, the sum of absolute products of each of its values."""
    layer, images = trial.layer, trial.images
    assert images is not None, "a trial without a layer for its x"
    bias = np.zeros(1) if trial.bias is None else trial.bias
    bias = bias.reshape(-1, *[1] * layer.ndim)  # shape (out_channels, 1, ...)
    result = layer.unvec(layer.operator(trial.weight) @ layer.vec(images)) + bias  # shape (batch, out_channels, *size)
    if not with_sums:
        return result, result
    sums = layer.unvec(layer.operator(np.abs(trial.weight)) @ layer.vec(np.abs(images))) + np.abs(bias)
    return result, sums


def agrees_at_peak(trial: Trial, images: Array, expected: Array, precision: Precision) -> bool:
    """Compare the output with the target at its largest value."""
    layer, transposed = trial.layer, isinstance(trial.layer, ConvTranspose)
    number, channel, *place = (int(at) for at in np.unravel_index(trial.target.peak, expected.shape))
    group, member = divmod(channel, layer.out_channels // layer.groups)
    size = layer.in_channels // layer.groups
    channels = slice(group * size, (group + 1) * size)
    patch = images[number, channels]
    kernel = trial.weight[channels, member] if transposed else trial.weight[channel]
    for position, (axis, at) in enumerate(zip(layer.axes, place, strict=True), start=1):
        inputs, taps = _pairs_at(axis, at, transposed)
        patch, kernel = patch.take(inputs, position), kernel.take(taps, position)
    products = patch * kernel  # shape (in_channels // groups, *pairs of an input and a tap)
    bias = 0 if trial.bias is None else trial.bias[channel]
    deviation = abs(products.sum() + bias - expected[(number, channel, *place)])
    return bool(deviation <= precision.allowed(np.abs(products).sum() + abs(bias), terms_of(layer)))


@lru_cache(maxsize=4096)
def _pairs_at(axis: Axis, place: int, transposed: bool) -> tuple[Array, Array]:
    """Return the inputs of an axis that the output at `place` reads, and the tap that reads each of them."""
    inputs, reads = _reads(axis, (place,), transposed)
    taps, columns = np.nonzero(reads[:, 0])
    return inputs[columns], taps


def agrees_at_some(trial: Trial, images: Array, expected: Array, precision: Precision) -> bool:
    """Compare the output with the target at its largest value, the neighbours of that, and the ends of each axis."""
    layer = trial.layer
    number, _, *peak = np.unravel_index(trial.target.peak, expected.shape)
    places = [
        tuple(sorted({0, max(at - 1, 0), int(at), min(at + 1, n - 1), n - 1}))
        for at, n in zip(peak, expected.shape[2:], strict=True)
    ]
    patches = images[number]  # shape (in_channels, *size)
    for axis, (one, at) in enumerate(zip(layer.axes, places, strict=True)):
        inputs, reads = _reads(one, at, isinstance(layer, ConvTranspose))
        patches = np.take(patches, inputs, axis=axis + 1)
        patches = np.moveaxis(np.tensordot(patches, reads, (axis + 1, 2)), -1, axis + 1)
    # shape (in_channels, *places, *taps), since each axis has moved its taps to the end
    result = at_places(layer, trial.weight, patches)
    target = expected[number][(slice(None), *np.ix_(*places))]
    bias = 0 if trial.bias is None else trial.bias.reshape(-1, *[1] * layer.ndim)
    if not precision.unit:
        return np.array_equal(result + bias, target)
    sums = at_places(layer, np.abs(trial.weight), np.abs(patches)) + np.abs(bias)
    return bool(np.all(np.abs(result + bias - target) <= precision.allowed(sums, terms_of(layer))))


@lru_cache(maxsize=4096)
def _reads(axis: Axis, places: tuple[int, ...], transposed: bool) -> tuple[Array, Array]:
    """Return the inputs of an axis that outputs at `places` read, and how often: shape (taps, places, inputs)."""
    if transposed:
        table = axis.table()  # shape (inputs, taps), of outputs
        reads = (table.T[:, None, :] == np.array(places)[:, None]).astype(float)
    else:
        table = axis.extend(axis.positions(np.array(places, dtype=np.int64)))  # shape (places, taps), of inputs
        reads = (table.T[:, :, None] == np.arange(axis.input_size)).astype(float)
    inputs = np.flatnonzero(reads.any(axis=(0, 1)))
    return inputs, reads[:, :, inputs]


def at_places(layer: Layer, weight: Array, patches: Array) -> Array:
    """Multiply the inputs of outputs at some places by the weight; shape (out_channels, *places)."""
    ndim, groups = layer.ndim, layer.groups
    places, taps = patches.shape[1 : 1 + ndim], patches.shape[1 + ndim :]
    blocks = weight.reshape(groups, -1, weight.shape[1], prod(taps))
    if not isinstance(layer, ConvTranspose):
        blocks = blocks.swapaxes(1, 2)  # shape (groups, in, out, taps)
    read = patches.reshape(groups, blocks.shape[1], prod(places), prod(taps))
    left = blocks.transpose(0, 2, 1, 3).reshape(groups, blocks.shape[2], -1)
    right = read.transpose(0, 1, 3, 2).reshape(groups, -1, prod(places))
    product: Array = (left @ right).reshape(-1, *places)
    return product
