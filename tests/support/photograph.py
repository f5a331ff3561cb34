"""A real photograph, blurred and noisy: the same one for every method that is to make it sharp again."""

import numpy as np
from matplotlib import cbook, image

from convmatrix import Conv, presets

BLUR = presets.kernel("gaussian", 9)
GRID = np.logspace(-4, 0, 17)
"""Every method has the best of these regularisations, four for each power of ten."""


def photograph():
    """The green channel of matplotlib's sample photograph, 600 x 512, from 0 to 1."""
    return image.imread(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))[..., 1] / 255


def camera(x, padding_mode):
    """The layer that blurs an image of this size, and what it makes of it, with noise of 1% of the range, seed 0."""
    layer = Conv(x.shape, 9, padding="same", padding_mode=padding_mode)
    y = layer.unvec(layer.operator(BLUR) @ layer.vec(x))[0]
    return layer, y + 0.01 * np.random.default_rng(0).standard_normal(x.shape)


def psnr(found, x):
    """Peak signal-to-noise ratio in decibels of an image that is known to lie between 0 and 1."""
    return -10 * np.log10(np.mean((np.clip(found, 0, 1) - x) ** 2))


def best(method, x):
    """The highest PSNR that a method of one regularisation has on the grid, and the regularisation."""
    return max((psnr(method(value), x), value) for value in GRID)
