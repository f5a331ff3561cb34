"""AlexNet's second convolution: two halves that do not see each other, because they were trained on two cards.

5 x 5 kernels with padding 2 and two groups, drawn with 4 -> 8 of its 96 -> 256 channels and on 9 x 9 of its 27 x 27
pixels. The whole matrix has 186,624 rows and 69,984 columns: with two groups it has two blocks and 204 million
entries, with one it would have 409 million. Settings: bvlc_alexnet of Caffe, after Krizhevsky, Sutskever & Hinton 2012.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.show import plot


def figure() -> Figure:
    """Draw the matrix with one group and with two."""
    fig, axes = plt.subplots(1, 2, figsize=(6, 6.2), layout="constrained")
    for ax, groups in zip(axes, (1, 2), strict=True):
        whole = Conv(27, 5, padding=2, in_channels=96, out_channels=256, groups=groups)
        plot.matrix(Conv(9, 5, padding=2, in_channels=4, out_channels=8, groups=groups), ax=ax, key=False)
        ax.set_title(f"groups={groups}: {whole.nnz / 1e6:.0f} million entries")
    return fig
