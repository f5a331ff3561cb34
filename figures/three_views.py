"""Three views of one transposed convolution: the matrix C^T, stamps that add up, and zero insertion.

i'=2, k=3, s=2: C^T has a column for each input, which is the stamp of that input. As a direct convolution it slides the
flipped kernel over the input with zeros inserted between and around its elements. All three give the same 25 numbers.
"""

import numpy as np
from matplotlib.axes import Axes

from convmatrix import ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.pieces import Matrix, Stack, below, beside, pieces, together
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style

UP = ConvTranspose(2, 3, stride=2)
WEIGHT, Y = np.arange(1, 10).reshape(3, 3), np.array([[1, 2], [3, 4]])


def figure() -> Axes:
    """Draw the matrix, the stamps and the insertion of one layer."""
    style = Style(size=(13.333, 6.2))
    stamped = film(UP, WEIGHT, Y, style=style)
    stamps = []
    for step in range(Y.size):
        unit = np.zeros(Y.size, dtype=int)
        unit[step] = Y.flat[step]
        alone = pieces(film(UP, WEIGHT, unit.reshape(Y.shape), style=style), step)["output"]
        name = f"stamp{step}"
        stamps.append(Stack((alone.named(name, f"y{step // 2}{step % 2} = {Y.flat[step]}", ""),), "+" if step else ""))
    whole = pieces(stamped)
    total = Stack((whole["output"].named("sum"),), "=")
    inserted = pieces(film(UP, WEIGHT, Y, view="windows", style=style), 12)
    windows = [Stack((inserted[name].named(f"{name}-windows"),), sign) for name, sign in SIGNS.items()]
    matrix = Matrix(whole["matrix"], whole["above"], whole["beside"])
    return plot.film_frame(together(beside(matrix, below(beside(*stamps, total), beside(*windows))), style=style))


SIGNS = {"input": "", "kernel": "∗", "output": "="}
