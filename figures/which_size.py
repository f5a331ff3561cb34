"""The output size of a transposed convolution has to be specified, since two input sizes have the same output size.

k=3, s=2, p=1 maps 5 and 6 both to 3. Back from 3, output_padding selects one of them. The sixth row of C^T is a row of
weights, not of zeros: it is a column of the convolution of 6 inputs.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.show import plot


def figure() -> Figure:
    """Draw the two convolutions, and their transposes below them."""
    fig, axes = plt.subplots(2, 2, figsize=(9, 7.4), layout="constrained", width_ratios=[5, 6], height_ratios=[3.4, 6])
    for (above, below), size in zip(axes.T, (5, 6), strict=True):
        conv = Conv((size,), 3, stride=2, padding=1)
        plot.matrix(conv, ax=above, key=False).set_title(f"C: {size} inputs, 3 outputs, leftover {conv.leftover[0]}")
        last = size - 1 if size == 6 else None
        plot.matrix(conv.T, ax=below, row=last, key=False)
        below.set_title(f"C^T with output_padding={conv.T.output_padding[0]}: 3 inputs, {size} outputs")
    return fig
