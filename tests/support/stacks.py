"""Drawn stacks of layers: each takes what the one before it gives, and all are small enough for a dense product."""

from math import prod

import numpy as np
from hypothesis import strategies as st

from convmatrix.algebra.stack.network import Network
from convmatrix.layers import (
    UPSAMPLE_MODES,
    AvgPool,
    Conv,
    ConvTranspose,
    FixedLayer,
    MaxPool,
    PixelShuffle,
    PixelUnshuffle,
    Unfold,
    Upsample,
    WeightedLayer,
)
from helpers import dense
from strategies import MODES, integers

MOST = {1: 60, 2: 100}
"""Most numbers between two layers."""


@st.composite
def stacks(draw, kinds=None, ndims=(1, 2), most=4, modes=MODES, sizes=(1, 7)):
    """Networks of one to `most` layers; `kinds` are names of this module's drawers."""
    ndim = draw(st.sampled_from(ndims))
    channels = draw(st.integers(1, 3 if ndim == 1 else 2))
    shape = (channels, *(draw(st.integers(*sizes)) for _ in range(ndim)))
    layers = []
    for _ in range(draw(st.integers(1, most))):
        layer = draw(DRAWERS[draw(st.sampled_from(kinds or list(DRAWERS)))](shape, modes))
        if layer is None or prod(layer.output_shape) > MOST[ndim]:
            layer = Conv(shape[1:], 1, in_channels=shape[0], out_channels=shape[0], groups=shape[0])  # fits everywhere
        layers.append(layer)
        shape = layer.output_shape
    return Network(layers)


@st.composite
def _numbers(draw, shape, modes):
    """Draw the common arguments of convolutions, except for padding that makes them fit."""
    ndim = len(shape) - 1
    each = {"kernel_size": (1, 3), "stride": (1, 3), "dilation": (1, 2)}
    numbers = {name: tuple(draw(st.integers(*ends)) for _ in range(ndim)) for name, ends in each.items()}
    mode = draw(st.sampled_from(modes))
    spread = tuple(draw(st.sampled_from((1, 1, 1, 2))) if mode == "zeros" else 1 for _ in range(ndim))
    groups = draw(st.sampled_from((1, shape[0])))
    pads = [(draw(st.integers(-1, 2)), draw(st.integers(-1, 2))) for _ in range(ndim)]
    channels = {"groups": groups, "in_channels": shape[0], "out_channels": groups * draw(st.integers(1, 2))}
    return {"input_size": shape[1:], "padding_mode": mode, "input_dilation": spread, **numbers, **channels}, pads


@st.composite
def _convs(draw, shape, modes):
    numbers, pads = draw(_numbers(shape, modes))
    each = zip(*(numbers[name] for name in ("input_size", "kernel_size", "dilation", "input_dilation")), strict=True)
    for axis, (n, k, d, a) in enumerate(each):
        before, after = pads[axis]
        missing = d * (k - 1) + 1 - ((n - 1) * a + 1 + before + after)
        pads[axis] = (before, after + max(missing, 0))
    return Conv(**numbers, padding=pads)


@st.composite
def _transposes(draw, shape, modes):
    numbers, pads = draw(_numbers(shape, modes))
    names = ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
    extra = []
    for axis, (n, k, s, d, a) in enumerate(zip(*(numbers[name] for name in names), strict=True)):
        before, after = pads[axis]
        extra.append(draw(st.integers(0, max(s, d) - 1)))
        positions = (n - 1) * s + d * (k - 1) + 1 - before - after + extra[-1]
        after -= max(1 - positions, 0)
        positions = max(positions, 1)
        pads[axis] = (before, after - (1 - positions) % a)
    return ConvTranspose(**numbers, padding=pads, output_padding=extra)


@st.composite
def _pools(draw, shape, _):
    kernel = [draw(st.integers(1, min(3, n))) for n in shape[1:]]
    pads = [(draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))) for k in kernel]
    stride = [draw(st.integers(1, 3)) for _ in kernel]
    kwargs = {"stride": stride, "padding": pads, "ceil_mode": draw(st.booleans()), "channels": shape[0]}
    if draw(st.booleans()):
        return MaxPool(shape[1:], kernel, **kwargs)
    return AvgPool(shape[1:], kernel, **kwargs, count_include_pad=draw(st.booleans()))


@st.composite
def _upsamples(draw, shape, _):
    mode = draw(st.sampled_from(UPSAMPLE_MODES))
    corners = mode == "linear" and draw(st.booleans())
    if draw(st.booleans()):
        scale = draw(st.sampled_from((1, 2, 3, 1.5, 2.5, 0.75)))
        if min(shape[1:]) * scale < 1:
            return None
        return Upsample(shape[1:], scale=scale, mode=mode, align_corners=corners, channels=shape[0])
    sizes = tuple(draw(st.integers(1, 2 * n)) for n in shape[1:])
    return Upsample(shape[1:], output_size=sizes, mode=mode, align_corners=corners, channels=shape[0])


@st.composite
def _transposed_fixed(draw, shape, _):
    if draw(st.booleans()):
        return AvgPool(tuple(2 * n for n in shape[1:]), 2, channels=shape[0]).T
    smaller = tuple(draw(st.integers(1, n)) for n in shape[1:])
    return Upsample(smaller, output_size=shape[1:], mode=draw(st.sampled_from(UPSAMPLE_MODES)), channels=shape[0]).T


@st.composite
def _shuffles(draw, shape, _):
    kind = draw(st.sampled_from(("shuffle", "unshuffle", "unfold")))
    taps = 2 ** (len(shape) - 1)
    if kind == "shuffle" and shape[0] % taps == 0:
        return PixelShuffle(shape[1:], 2, channels=shape[0] // taps)
    if kind == "unshuffle" and all(n % 2 == 0 for n in shape[1:]):
        return PixelUnshuffle(shape[1:], 2, channels=shape[0])
    return Unfold(shape[1:], 2, padding=draw(st.integers(1, 2)), in_channels=shape[0])


DRAWERS = {
    "convs": _convs,
    "transposes": _transposes,
    "pools": _pools,
    "upsamples": _upsamples,
    "transposed fixed": _transposed_fixed,
    "shuffles": _shuffles,
}


def weights_of(network, seed, dtype=np.int64):
    """One entry for each layer: small integers, None, or for a max pool some input."""
    entries = []
    for number, layer in enumerate(network.layers):
        if isinstance(layer, WeightedLayer):
            entries.append(integers(layer.weight_shape, seed + number, dtype))
        else:
            entries.append(integers(layer.input_shape, seed + number) if isinstance(layer, MaxPool) else None)
    return entries


def dense_product(network, weights):
    """The product of dense matrices; a convolution's is the one of the reference's plain loops."""
    product = np.eye(network.matrix_shape[1], dtype=np.int64)
    for layer, weight in zip(network.layers, weights, strict=True):
        product = _dense_layer(layer, weight) @ product
    return product


def dense_pattern(network):
    """Multiply the patterns of all layers: true where an output reads an input."""
    product = np.eye(network.matrix_shape[1], dtype=bool)
    for layer in network.layers:
        product = _dense_reads(layer).astype(np.int64) @ product.astype(np.int64) > 0
    return product


def collapsed_pattern(network):
    """Combine the pattern over channels, shape (*output_size, *input_size)."""
    whole = dense_pattern(network).reshape(*network.output_shape, *network.input_shape)
    return whole.any(axis=(0, len(network.output_shape)))


def _dense_layer(layer, weight):
    if isinstance(layer, WeightedLayer):
        return dense(layer, weight)
    if isinstance(layer, FixedLayer):
        return layer.matrix().toarray()
    return layer.matrix(weight).toarray()


def _dense_reads(layer):
    if isinstance(layer, WeightedLayer):
        return dense(layer, np.ones(layer.weight_shape, dtype=np.int64)) > 0
    return layer.pattern().toarray()
