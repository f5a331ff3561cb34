"""The effect of a padding mode on the matrix: weights beyond the border are folded back onto inputs that exist.

One axis with six inputs, five taps and padding 2. With zeros, weights beyond the border are lost; the other modes put
them onto an input at the other end (circular) or at this end, where they are added to the weight that is there already.
"""

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.pieces import Matrix, below, beside, pieces, together
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style

READS = {
    "zeros": "0 0 | x0 x1 x2 x3 x4 x5 | 0 0",
    "circular": "x4 x5 | x0 x1 x2 x3 x4 x5 | x0 x1",
    "replicate": "x0 x0 | x0 x1 x2 x3 x4 x5 | x5 x5",
    "reflect": "x2 x1 | x0 x1 x2 x3 x4 x5 | x4 x3",
    "symmetric": "x1 x0 | x0 x1 x2 x3 x4 x5 | x5 x4",
}


def figure() -> Axes:
    """Draw the matrix of one axis in each padding mode."""
    style, matrices = Style(size=13.333), []
    for mode, reads in READS.items():
        found = pieces(film(Conv((6,), 5, padding=2, padding_mode=mode), maps=False, moving=False, style=style))
        whole = Matrix(found["matrix"], found["above"], found["beside"])
        matrices.append(whole.named(f"-{mode}", mode, reads))
    return plot.film_frame(together(below(beside(*matrices[:3]), beside(*matrices[3:])), style=style))
