"""The matrix C is made of Toeplitz blocks: each block has one hue, the kernel's row, each of its diagonals one shade.

i=5, k=3: nine rows, one for each output, and 25 columns, one for each input. A block connects a row of the input with
a row of the output through one row of the kernel, so that its diagonals hold that row's three taps.
"""

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.style import Style


def figure() -> Axes:
    """Draw the kernel beside its matrix."""
    return plot.matrix(Conv(5, 3), row=4, key=True, style=Style(size="slide"))
