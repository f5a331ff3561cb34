"""C^T C is not I, and sometimes it is: why "deconvolution" is the wrong word, and when it is the right one.

Above, an ordinary convolution: C^T C has other numbers than 1 on its diagonal, and others than 0 beside it. Below, the
four Haar kernels with stride 2: their C is orthogonal, so that its transpose is its inverse.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convmatrix import Conv
from convmatrix.show import plot

HAAR = np.array([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]]) / 2


def figure() -> Figure:
    """Draw C^T C beside I for a convolution that has no inverse, and for one whose inverse is its transpose."""
    fig, axes = plt.subplots(2, 1, figsize=(11, 8.6), layout="constrained")
    C = Conv(4, 3).matrix(np.ones((3, 3), dtype=int))
    plot.gram(C.T @ C, title="i=4, k=3, all weights 1", ax=axes[0])
    C = Conv(4, 2, stride=2, out_channels=4).matrix(HAAR[:, None])
    plot.gram(C.T @ C, title="i=4, k=2, s=2: the four Haar kernels", ax=axes[1])
    return fig
