"""y = C x with numbers: the same equation twice, as a window on the map and as a row of the matrix.

The input is flattened row by row, above the columns; each output stands beside the row that computes it. The framed
row times x is 1·1 + 0·0 + 2·2 + 0·2 + 1·1 + 0·1 + 2·0 + 0·2 + 1·3 = 9, as is the window times the kernel.
"""

from dataclasses import replace

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style

X = [[3, 1, 0, 2], [0, 2, 1, 1], [1, 0, 2, 3], [2, 1, 0, 1]]
WEIGHT = [[1, 0, 2], [0, 1, 0], [2, 0, 1]]


def figure() -> Axes:
    """Draw the convolution of numbers, dark, at its second output."""
    made = film(Conv(4, 3), WEIGHT, X, style=Style(theme="dark", size="slide", captions="on"))
    return plot.film_frame(replace(made, waiting={}), 1)
