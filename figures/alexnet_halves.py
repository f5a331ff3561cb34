"""AlexNet's second convolution: two halves that do not see each other, because they were trained on two cards.

5 × 5 kernels with padding 2 and two groups, drawn with 4 → 8 of its 96 → 256 channels and on 7 × 7 of its 27 × 27
pixels. The whole matrix has 186,624 rows and 69,984 columns: with two groups it has two blocks and 204 million
entries, with one it would have 409 million. Settings: bvlc_alexnet of Caffe, after Krizhevsky, Sutskever & Hinton 2012.
"""

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.pieces import Matrix, Stack, beside, pieces, together
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style


def figure() -> Axes:
    """Draw the kernel, and the matrix with one group and with two."""
    style = Style(size="slide")
    kernel = pieces(film(Conv(7, 5, padding=2), maps=False, key=True, moving=False, style=style))["key"]
    matrices = []
    for groups in (1, 2):
        whole = Conv(27, 5, padding=2, in_channels=96, out_channels=256, groups=groups)
        drawn = Conv(7, 5, padding=2, in_channels=4, out_channels=8, groups=groups)
        found = pieces(film(drawn, maps=False, moving=False, style=style))["matrix"]
        note = f"{whole.nnz / 1e6:.0f} million entries"
        matrices.append(Matrix(found.named(f"matrix{groups}", f"groups={groups}", note)))
    return plot.film_frame(together(beside(Stack((kernel,)), *matrices), style=style))
