"""The origin of checkerboards: the stride does not divide the kernel size, so that outputs are reached unevenly.

The number of taps that reach each output, for i'=3. k=3, s=2 gives 1, 2 and 4; k=4, s=2 is even inside; k=3 with
dilation 2 leaves holes, since all its taps reach outputs of one parity.
After Odena, Dumoulin & Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016.
"""

from matplotlib.axes import Axes

from convmatrix import ConvTranspose
from convmatrix.algebra.stack.overlaps import overlap_counts
from convmatrix.show import plot
from convmatrix.show.model.pieces import Stack, beside, numbers, together
from convmatrix.show.model.style import Style


def figure() -> Axes:
    """Draw the overlap counts of three layers."""
    style, maps = Style(size="slide", captions="on"), []
    for number, (kernel, dilation) in enumerate(((3, 1), (4, 1), (3, 2))):
        counts = overlap_counts(ConvTranspose(3, kernel, stride=2, dilation=dilation))
        title = f"k={kernel}, s=2" + (f", d={dilation}" if dilation > 1 else "")
        note = f"{counts.min()} to {counts.max()} taps"
        maps.append(Stack((numbers(f"count{number}", title, counts, note=note, style=style, limit=9),)))
    return plot.film_frame(together(beside(*maps), style=style, caption="taps that reach each output"))
