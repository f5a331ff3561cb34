"""The origin of checkerboards: the stride does not divide the kernel size, so that outputs are reached unevenly.

The number of taps that reach each output, for i'=5. k=3, s=2 gives 1, 2 and 4; k=4, s=2 is even inside; with dilation 2
the same kernel leaves holes, since all its taps reach outputs of one parity.
After Odena, Dumoulin & Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import ConvTranspose
from convmatrix.algebra.stack.overlaps import overlap_counts
from convmatrix.show import plot


def figure() -> Figure:
    """Draw the overlap counts of three layers."""
    fig, axes = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained")
    for ax, (kernel, dilation) in zip(axes, ((3, 1), (4, 1), (4, 2)), strict=True):
        up = ConvTranspose(5, kernel, stride=2, dilation=dilation)
        spread = f", d={dilation}" if dilation > 1 else ""
        plot.overlaps(overlap_counts(up), title=f"k={kernel}, s=2{spread}", ax=ax)
    return fig
