"""Deconvolution of a photograph, at least as good as by scikit-image, with the same picture and the same grid."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from convmatrix import Conv
from convmatrix.algebra.inverse.least_squares import deconvolve
from photograph import BLUR, GRID, best, camera, photograph, psnr

restoration = pytest.importorskip("skimage.restoration")


def wiener(y, damping):
    """Deconvolve by scikit-image, whose default penalty is the Laplacian and whose border is circular."""
    return restoration.wiener(y, BLUR, damping, clip=False)


def test_on_a_circular_border_the_filters_are_equal():
    x = photograph()
    layer, y = camera(x, "circular")
    for damping in GRID[::4]:
        found = deconvolve(layer, BLUR, y, method="fft", damping=damping, penalty="laplacian").x[0]
        assert_allclose(found, wiener(y, damping), atol=1e-9)


@pytest.mark.full
@pytest.mark.parametrize(
    ("padding_mode", "found_psnr", "known_psnr"), [("circular", 27.56, 27.56), ("symmetric", 27.80, 26.83)]
)
def test_the_best_of_the_grid_is_at_least_as_good(padding_mode, found_psnr, known_psnr):
    x = photograph()
    layer, y = camera(x, padding_mode)

    def damped(damping):
        return deconvolve(layer, BLUR, y, method="fft", damping=damping, penalty="laplacian").x[0]

    (found, _), (known, _) = best(damped, x), best(lambda damping: wiener(y, damping), x)
    assert known == pytest.approx(known_psnr, abs=0.01)
    assert found == pytest.approx(found_psnr, abs=0.01)
    assert found >= known - 1e-9  # on the circle both are the same, but for roundings


@pytest.mark.full
def test_a_camera_that_sees_only_the_inside_is_no_circle_either():
    x = photograph()
    layer, inside = Conv(x.shape, 9), x[4:-4, 4:-4]
    y = layer.unvec(layer.operator(BLUR) @ x.ravel())[0]
    y = y + 0.01 * np.random.default_rng(0).standard_normal(y.shape)
    found = deconvolve(layer, BLUR, y, damping=GRID[7], penalty="laplacian", tolerance=1e-3)  # one, not the best of all
    assert psnr(found.x[0][4:-4, 4:-4], inside) > best(lambda damping: wiener(y, damping), inside)[0] + 0.9
