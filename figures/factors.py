"""C as a product: pad, unfold, weigh, the way frameworks compute it; and pad, convolve, select, the way stride is.

Above: P pads, U (im2col) copies every window into a column, W multiplies each by the weights. Below: P pads, C1 is the
convolution of stride 1, a Toeplitz matrix, and S selects every second of its outputs.
One axis: i=6, k=3, s=2, p=1, with a border that reflects.
"""

from matplotlib.axes import Axes

from convmatrix import Conv
from convmatrix.algebra.factors import selected, unfolded
from convmatrix.show import plot
from convmatrix.show.model.pieces import Stack, below, beside, numbers, together
from convmatrix.show.model.style import Style


def figure() -> Axes:
    """Draw both products."""
    layer, weight, style = Conv((6,), 3, stride=2, padding=1, padding_mode="reflect"), [1, 2, 3], Style(size=13.333)
    rows = []
    for found in (unfolded(layer, weight), selected(layer, weight)):
        matrices = [("C", layer.matrix(weight)), *((factor.name, factor.matrix) for factor in found)]
        rows.append(
            beside(
                *(
                    Stack(
                        (numbers(f"row{len(rows)}-factor{number}", name, matrix.toarray(), style=style, limit=3),),
                        ("", "=", "·", "·")[number],
                    )
                    for number, (name, matrix) in enumerate(matrices)
                )
            )
        )
    return plot.film_frame(together(below(*rows), style=style))
