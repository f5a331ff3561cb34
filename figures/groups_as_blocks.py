"""Groups are blocks on the diagonal: one group, two, and as many as there are channels.

Every matrix is that of four channels of 6 × 6 pixels under 3 × 3 kernels with padding 1. Two groups keep half of the
entries, a depthwise layer a quarter: what is left out is the mixing of channels.
"""

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.pieces import Matrix, beside, pieces, together
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style


def figure() -> Axes:
    """Draw the matrix of one layer with 1, 2 and 4 groups."""
    style, matrices = Style(size="slide"), []
    for groups in (1, 2, 4):
        conv = Conv(6, 3, padding=1, in_channels=4, out_channels=4, groups=groups)
        found = pieces(film(conv, maps=False, moving=False, style=style))
        matrices.append(Matrix(found["matrix"].named(f"matrix{groups}", f"groups={groups}", f"{conv.nnz} entries")))
    return plot.film_frame(together(beside(*matrices), style=style))
