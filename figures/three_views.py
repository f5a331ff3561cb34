"""Three views of one transposed convolution: the matrix C^T, stamps that add up, and zero insertion.

i'=2, k=3, s=2: C^T has a column for each input, which is the stamp of that input. As a direct convolution it slides the
flipped kernel over the input with zeros inserted between and around its elements. All three give the same 25 numbers.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convmatrix import ConvTranspose
from convmatrix.show import plot


def figure() -> Figure:
    """Draw the matrix, the stamps and the insertion of one layer."""
    up = ConvTranspose(2, 3, stride=2)
    weight, x = np.arange(1, 10).reshape(3, 3), np.array([[1, 2], [3, 4]])
    fig = plt.figure(figsize=(11, 11), layout="constrained")
    axes = fig.subplot_mosaic(
        [["matrix", "stamps"], ["matrix", "insertion"]], width_ratios=[1, 3.2], height_ratios=[1.7, 1]
    )
    plot.matrix(up, weight, ax=axes["matrix"], col=0, key=False).set_title("1. C^T, 25 x 4")
    plot.stamps(up, weight, x, ax=axes["stamps"]).set_title("2. stamps that add up")
    plot.insertion(up, weight, x, output=(2, 2), ax=axes["insertion"]).set_title("3. zeros inserted, kernel flipped")
    return fig
