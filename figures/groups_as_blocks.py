"""Groups are blocks on the diagonal: one group, two, and as many as there are channels.

Every matrix is that of four channels of 6 x 6 pixels under 3 x 3 kernels with padding 1. The bold rulers stand between
channels. Two groups keep half of the entries, a depthwise layer a quarter: what is left out is the mixing of channels.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.show import plot


def figure() -> Figure:
    """Draw the matrix of one layer with 1, 2 and 4 groups."""
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.8), layout="constrained")
    for ax, groups in zip(axes, (1, 2, 4), strict=True):
        conv = Conv(6, 3, padding=1, in_channels=4, out_channels=4, groups=groups)
        rows, cols = conv.matrix_shape
        kind = {1: "all channels mix", 2: "two halves", 4: "depthwise"}[groups]
        plot.matrix(conv, ax=ax, key=False)
        ax.set_title(f"groups={groups}, {kind}: {rows} x {cols}, {conv.nnz} entries")
    return fig
