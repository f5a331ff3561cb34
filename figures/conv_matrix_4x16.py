"""The convolution i=4, k=3 is a 4 × 16 matrix: each row is the window at one position, each colour one tap.

The window of output y01 stands on the input; its taps stand in the framed row of the matrix, at the columns of the
inputs that it covers. The other rows hold the same taps, moved on by one input, or by one image row. Hue names the
kernel's row and lightness its column.
"""

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.style import Style


def figure() -> Axes:
    """Draw input, kernel and output above the matrix."""
    return plot.linked(Conv(input_size=4, kernel_size=3), step=1, style=Style(size="slide"))
