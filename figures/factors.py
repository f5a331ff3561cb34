"""C as a product: pad, unfold, weigh, the way frameworks compute it; and pad, convolve, select, the way stride is.

Above: P pads the image, U (im2col) copies every window into a column, W multiplies each by the weights. Below: P pads,
C1 is the convolution of stride 1, a Toeplitz matrix, and S selects every second of its outputs.
One axis: i=6, k=3, s=2, p=1, with a border that reflects.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.algebra.factors import selected, unfolded
from convmatrix.show import plot


def figure() -> Figure:
    """Draw both products."""
    layer, weight = Conv((6,), 3, stride=2, padding=1, padding_mode="reflect"), [1, 2, 3]
    fig, axes = plt.subplots(2, 1, figsize=(12, 7.2), layout="constrained")
    products = {"pad, unfold, weigh": unfolded(layer, weight), "pad, convolve, select": selected(layer, weight)}
    for ax, (title, found) in zip(axes, products.items(), strict=True):
        matrices = [layer.matrix(weight), *(factor.matrix for factor in found)]
        plot.factors(matrices, ["C", *(factor.name for factor in found)], title=title, ax=ax)
    return fig
