"""Drawn layers whose matrix has a small block for each frequency."""

import numpy as np
from hypothesis import strategies as st

from convmatrix import Conv
from strategies import integers, seeds


@st.composite
def block_circulants(draw, transposes=True):
    """A circular layer whose stride divides its input and the windows of which go round once, and its transpose."""
    ndim = draw(st.sampled_from((1, 1, 2, 2, 3)))
    groups = draw(st.sampled_from((1, 1, 2)))
    axes = [_axis(draw, ndim) for _ in range(ndim)]
    layer = _layer(
        axes,
        padding_mode="circular",
        groups=groups,
        in_channels=groups * draw(st.integers(1, 2)),
        out_channels=groups * draw(st.integers(1, 3)),
    )
    return layer.T if transposes and draw(st.booleans()) else layer


def _layer(axes, **others):
    """Make a convolution of the numbers of each axis; of axes that are not spread, there are five."""
    names = ("input_size", "kernel_size", "stride", "padding", "dilation", "input_dilation")
    return Conv(**dict(zip(names, zip(*axes, strict=True), strict=False)), **others)


def _axis(draw, ndim):
    stride, outputs = draw(st.integers(1, 3 if ndim < 3 else 2)), draw(st.integers(1, 5 - ndim))
    kernel = draw(st.integers(1, 4))
    dilation, before = draw(st.integers(1, 2)), draw(st.integers(-3, 4))
    size, span = stride * outputs, dilation * (kernel - 1) + 1
    # The last window ends here, and up to stride - 1 positions are left over.
    after = (outputs - 1) * stride + span - size - before + draw(st.integers(0, stride - 1))
    return size, kernel, stride, (before, after), dilation


@st.composite
def spread_patches(draw):
    """A layer whose windows do not overlap, on an input that is spread with zeros: no border is read."""
    ndim = draw(st.integers(1, 2))
    axes = [_patches(draw, draw(st.integers(1, 3))) for _ in range(ndim)]
    layer = _layer(axes, in_channels=draw(st.integers(1, 2)), out_channels=draw(st.integers(1, 3)))
    return layer.T if draw(st.booleans()) else layer


def _patches(draw, spread):
    outputs, width = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation, skipped = draw(st.integers(1, 2)), draw(st.integers(0, (width - 1) * spread))
    kernel = draw(st.integers(1, ((width - 1) * spread - skipped) // dilation + 1))
    stride, span = width * spread, dilation * (kernel - 1) + 1
    dilated = (outputs * width - 1) * spread + 1
    after = (outputs - 1) * stride + span + skipped - dilated + draw(st.integers(0, stride - 1))
    return outputs * width, kernel, stride, (-skipped, after), dilation, spread


def _with_symmetric_border(draw, *sizes, **numbers):
    """A layer of these numbers with drawn channels, and a weight for it."""
    channels = {name: draw(st.integers(1, 2)) for name in ("in_channels", "out_channels")}
    layer = Conv(*sizes, **numbers, **channels, padding_mode="symmetric")
    return layer, integers(layer.weight_shape, draw(seeds()), draw(st.sampled_from((np.float64, np.complex128))))


@st.composite
def mirrors_beside_patches(draw):
    """A layer with a symmetric border that is reached on one axis only, whose kernel is its own mirror image there."""
    size, half, patch = draw(st.integers(2, 5)), draw(st.integers(1, 3)), _patches(draw, spread=1)
    mirror = (size, 2 * half + 1, 1, (half, half), 1, 1)
    first = draw(st.booleans())
    sizes, kernels, strides, pads, dilations, _ = zip(*((mirror, patch) if first else (patch, mirror)), strict=True)
    layer, weight = _with_symmetric_border(draw, sizes, kernels, stride=strides, padding=pads, dilation=dilations)
    weight = weight + np.flip(weight, 2 if first else 3)
    return layer.T if draw(st.booleans()) else layer, weight


@st.composite
def mirrors(draw):
    """A layer with a symmetric border, and a kernel that is its own mirror image on every axis."""
    ndim = draw(st.integers(1, 2))
    numbers = [(draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(1, 2))) for _ in range(ndim)]
    sizes, kernels, dilations = zip(*numbers, strict=True)
    dilations = tuple(2 if k % 2 == 0 else d for k, d in zip(kernels, dilations, strict=True))  # to have a centre
    pads = [d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True)]
    layer, weight = _with_symmetric_border(draw, sizes, kernels, padding=pads, dilation=dilations)
    for axis in range(2, 2 + ndim):
        weight = weight + np.flip(weight, axis)
    return layer.T if draw(st.booleans()) else layer, weight
