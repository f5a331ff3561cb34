"""A photograph through C and back through C^T, beside the true inverse: the transpose blurs once more.

C blurs by a Gaussian of 9 × 9, with a border that is a mirror. C^T C x is blurred twice. This matrix has an inverse,
which gives the photograph back to nine digits; with noise on y it would not, as its condition number is large. The
photograph, of Grace Hopper, is the United States Navy's, in the public domain, and comes with matplotlib.
"""

import numpy as np
from matplotlib import cbook, image
from matplotlib.axes import Axes
from numpy.typing import NDArray

from convmatrix import Conv
from convmatrix.algebra.inverse import deconvolve
from convmatrix.presets import kernel
from convmatrix.show.model.film import Panel
from convmatrix.show.model.style import Style
from convmatrix.show.plot.sheet import Tile, sheet


def there_and_back() -> dict[str, NDArray[np.float64]]:
    """The photograph from 0 to 1, and what is computed of it, by the names in the picture."""
    x = image.imread(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))[40:240, 150:350, 1] / 255
    layer, weight = Conv(x.shape, 9, padding="same", padding_mode="symmetric"), kernel("gaussian", 9)
    C = layer.operator(weight)
    y = C @ layer.vec(x)
    inverse = deconvolve(layer, weight, layer.unvec(y), method="fft").x[0]
    return {"x": x, "y = C x": layer.unvec(y)[0], "C^T y": layer.unvec(C.T @ y)[0], "C^-1 y": inverse}


def figure() -> Axes:
    """Draw the four pictures in a row."""
    found = there_and_back()
    digits = int(-np.log10(np.abs(found["C^-1 y"] - found["x"]).max()))
    notes = ("the photograph", "blurred", "blurred twice", f"to {digits} digits")
    tiles = []
    for number, ((name, picture), note) in enumerate(zip(found.items(), notes, strict=True)):
        grey = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
        panel = Panel(f"picture-{number}", name, note, *picture.shape, unit=0.05, labelled=False, bordered=False)
        tiles.append(Tile(panel, np.stack([grey] * 3, axis=-1), ("", "⟶ C", "⟶ C^T", "")[number]))
    return sheet(tiles, style=Style(size="slide"), columns=4)
