"""Sometimes C^T C is I: the four Haar kernels with stride 2 are undone by their transpose.

i=4, k=2, s=2: the 16 rows of C are orthogonal and of length 1, four of them for each window, so that the transpose is
the inverse, and "deconvolution" would be the right word. The kernels are halves of ones and minus ones.
"""

import numpy as np
from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.pieces import Stack, below, beside, numbers, together
from convmatrix.show.model.style import Style

HAAR = np.array([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]]) / 2


def figure() -> Axes:
    """Draw the four kernels above C, and C^T C, which is I."""
    style = Style(size="slide", captions="on")
    C = Conv(4, 2, stride=2, out_channels=4).matrix(HAAR[:, None]).toarray()
    kernels = [
        Stack((numbers(f"kernel{number}", "w", kernel, note=f"map {number}", style=style, limit=1),))
        for number, kernel in enumerate(HAAR)
    ]
    matrices = beside(
        Stack((numbers("matrix", "C", C, style=style, limit=1, unit=0.3),)),
        Stack((numbers("gram", "C^T C", C.T @ C, style=style, limit=1, unit=0.3),)),
        Stack((numbers("identity", "I", np.eye(16), style=style, limit=1, unit=0.3),), "="),
    )
    caption = f"rank {np.linalg.matrix_rank(C)} of 16: nothing of x is lost, and the transpose brings it back"
    return plot.film_frame(together(below(beside(*kernels), matrices), style=style, caption=caption))
