"""C^T C is not I: C^T takes y back to the size of x, and not to x, so "deconvolution" is the wrong word for it.

Above, an input, its output, and what C^T makes of that; below, the product of both matrices beside the identity. Its
rank is 4, as C has four rows: of 16 directions of x, twelve are lost, and no matrix brings them back.
"""

import numpy as np
from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.pieces import Stack, below, beside, numbers, together
from convmatrix.show.model.style import Style

X = np.array([[3, 1, 0, 2], [0, 2, 1, 1], [1, 0, 2, 3], [2, 1, 0, 1]])
WEIGHT = np.array([[1, 0, 2], [0, 1, 0], [2, 0, 1]])


def figure() -> Axes:
    """Draw x, y = C x and C^T y above C^T C and I."""
    style, layer = Style(size=(13.333, 7.5), captions="on"), Conv(4, 3)
    C = layer.matrix(WEIGHT).toarray()
    y = layer.unvec(C @ layer.vec(X))[0]
    back = (C.T @ y.ravel()).reshape(X.shape)
    maps = beside(
        Stack((numbers("x", "x", X, style=style),)),
        Stack((numbers("y", "y = C x", y, style=style),), "⟶ C"),
        Stack((numbers("back", "C^T y", back, style=style),), "⟶ C^T"),
    )
    product, identity = C.T @ C, np.eye(16, dtype=int)
    matrices = beside(
        Stack((numbers("gram", "C^T C", product, style=style, limit=product.max(), unit=0.31),)),
        Stack((numbers("identity", "I", identity, style=style, limit=1, unit=0.31),), "≠"),
    )
    rank = np.linalg.matrix_rank(product)
    caption = f"rank {rank} of 16: twelve directions of x are lost, and the transpose cannot bring them back"
    return plot.film_frame(together(below(maps, matrices), style=style, caption=caption))
