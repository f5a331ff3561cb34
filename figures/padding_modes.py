"""The effect of a padding mode on the matrix: weights beyond the border are folded back onto inputs that exist.

One axis with six inputs, five taps and padding 2. With zeros, weights beyond the border are lost; the other modes put
them onto an input at the other end (circular) or at this end, where they are added to the weight that is there already.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.show import plot

READS = {
    "zeros": "0 0 | x0 x1 x2 x3 x4 x5 | 0 0",
    "circular": "x4 x5 | x0 x1 x2 x3 x4 x5 | x0 x1",
    "replicate": "x0 x0 | x0 x1 x2 x3 x4 x5 | x5 x5",
    "reflect": "x2 x1 | x0 x1 x2 x3 x4 x5 | x4 x3",
    "symmetric": "x1 x0 | x0 x1 x2 x3 x4 x5 | x5 x4",
}


def figure() -> Figure:
    """Draw the matrix of one axis in each padding mode."""
    fig, axes = plt.subplots(2, 3, figsize=(11, 7.6), layout="constrained")
    for ax, (mode, reads) in zip(axes.flat, READS.items(), strict=False):
        plot.matrix(Conv((6,), 5, padding=2, padding_mode=mode), ax=ax, key=False)
        ax.set_title(f"{mode}:  {reads}", fontsize=9)
    axes.flat[-1].set_axis_off()
    return fig
