"""The output size of a transposed convolution has to be specified, since two input sizes have the same output size.

k=3, s=2, p=1 maps 5 and 6 both to 3. Back from 3, output_padding selects one of them. The sixth row of C^T is a row of
weights, not of zeros: it is a column of the convolution of 6 inputs.
"""

from matplotlib.axes import Axes

from convmatrix import Conv, ConvTranspose
from convmatrix.show import plot
from convmatrix.show.model.pieces import Matrix, below, beside, pieces, together
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style

STYLE = Style(size="slide")


def equation(layer: Conv | ConvTranspose, name: str, note: str) -> Matrix:
    """The matrix of a layer, with its vectors."""
    found = pieces(film(layer, maps=False, moving=False, style=STYLE))
    return Matrix(found["matrix"], found["above"], found["beside"]).named(name, note=note)


def figure() -> Axes:
    """Draw the two convolutions, and their transposes below them."""
    columns = []
    for size in (5, 6):
        conv = Conv((size,), 3, stride=2, padding=1)
        back = equation(conv.T, f"-{size}-back", f"output_padding={conv.T.output_padding[0]}: 3 to {size}")
        if size == 6:
            back = back._replace(matrix=back.matrix._replace(framed=((5, 0, 1, 3),)))
        columns.append(below(equation(conv, f"-{size}", f"{size} to 3, leftover {conv.leftover[0]}"), back))
    return plot.film_frame(together(beside(*columns), style=STYLE))
