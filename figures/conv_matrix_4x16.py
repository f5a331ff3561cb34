"""The convolution i=4, k=3 is a 4x16 matrix: each row is the window at one position, each colour one tap.

The window of output y00 is shaded on the input; its taps stand in the framed row of the matrix, at the columns of the
inputs that it covers. The other rows hold the same taps, moved on by one input, or by one image row.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.show import plot


def figure() -> Figure:
    """Draw input, kernel and output above the matrix."""
    conv = Conv(input_size=4, kernel_size=3)
    fig = plt.figure(figsize=(7.2, 4.4), layout="constrained")
    axes = fig.subplot_mosaic([["input", "kernel", "output"], ["matrix"] * 3], height_ratios=[4, 4.6])
    plot.input_map(conv, ax=axes["input"], output=(0, 0)).set_title("input x, 4 x 4")
    plot.kernel(conv, ax=axes["kernel"]).set_title("kernel w, 3 x 3")
    plot.output_map(conv, ax=axes["output"], output=(0, 0)).set_title("output y, 2 x 2")
    plot.matrix(conv, ax=axes["matrix"], row=0).set_title("y = C x, where C is 4 x 16")
    return fig
