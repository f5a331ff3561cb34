"""The taps in each entry of a matrix, from the plain loops of the reference, with symbols instead of numbers."""

import numpy as np

from helpers import by_definition


class Symbol(frozenset):
    """A sum of products, as a set: of taps, of inputs, or of pairs of both."""

    def __mul__(self, other):
        return Symbol((tap, place) for tap in self for place in other)

    def __radd__(self, other):  # what a sum begins with
        assert other == 0
        return self

    def __add__(self, other):
        assert not self & other, "one tap reads one input once"
        return Symbol(self | other)


def symbols(shape):
    """One symbol for each place, its flat index."""
    made = np.empty(int(np.prod(shape)), dtype=object)
    made[:] = [Symbol([place]) for place in range(made.size)]
    return made.reshape(shape)


def taps_by_definition(layer):
    """For each row and column of a layer's matrix, the flat taps that stand there, in ascending order."""
    rows, cols = layer.matrix_shape
    table = [[[] for _ in range(cols)] for _ in range(rows)]
    outputs = by_definition(layer, symbols(layer.input_shape), symbols(layer.weight_shape))
    for row, reads in zip(table, outputs.ravel().tolist(), strict=True):
        for tap, place in sorted(reads or ()):
            row[place].append(tap)
    return table
