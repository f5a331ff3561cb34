"""Every kind of picture, each of a layer that shows what is hard about it, for tests and for the contact sheet."""

import numpy as np

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.algebra import factors as algebra
from convmatrix.algebra.inverse.same_output import same_output_pair
from convmatrix.algebra.stack.overlaps import overlap_counts
from convmatrix.show import plot
from convmatrix.show.model.stage import film

__all__ = ["PICTURES", "SIZES", "THEMES"]

SIZES = ("auto", "slide", "half", "column", "page")
THEMES = ("light", "dark", "print")

_RNG = np.random.default_rng(0)
_W3 = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
_X4 = _RNG.integers(-9, 10, (4, 4))
_SMALL, _UP = Conv(4, 3), ConvTranspose(2, 3)
_ODD = ConvTranspose(3, 3, stride=2, padding=1, output_padding=1)
_TWO = Conv(3, 2, in_channels=2, out_channels=2)
_PAIR_LAYER, _PAIR_WEIGHT = Conv(4, 3, in_channels=2), np.arange(18).reshape(1, 2, 3, 3)
_PAIR = same_output_pair(_PAIR_LAYER, _PAIR_WEIGHT)
_GRAM = (_SMALL.matrix(np.ones((3, 3), dtype=int)).T @ _SMALL.matrix(np.ones((3, 3), dtype=int))).toarray()
_FOUND = algebra.unfolded(Conv((4,), 3, padding=1), [1, -2, 3])
_FACTORS = [algebra.product(_FOUND), *(factor.matrix for factor in _FOUND)]
_FACTOR_NAMES = ["C", *(factor.name for factor in _FOUND)]
_MASK = np.zeros((9, 9), dtype=bool)
_MASK[1:8:2, 1:8:2] = True


def _pool(pool, x, style, ax):
    return plot.film_frame(film(pool, None, x, style=style), 4, ax=ax)


def _by_args(draw, *args, **keywords):
    return lambda style=None, ax=None: draw(*args, **keywords, style=style, ax=ax)


PICTURES = {
    "matrix": _by_args(plot.matrix, _SMALL),
    "matrix-values": _by_args(plot.matrix, _SMALL, _W3),
    "matrix-transposed": _by_args(plot.matrix, _UP),
    "matrix-tall": _by_args(plot.matrix, ConvTranspose(5, 3)),
    "matrix-channels": _by_args(plot.matrix, _TWO),
    "matrix-large": _by_args(plot.matrix, Conv(16, 5), row=65),
    "matrix-volume": _by_args(plot.matrix, Conv((4, 4, 4), 3)),
    "linked": _by_args(plot.linked, _SMALL, step=1),
    "linked-values": _by_args(plot.linked, _SMALL, _W3, _X4, step=1),
    "linked-padded": _by_args(plot.linked, Conv(4, 3, padding=1, stride=2), _W3, _X4, step=2),
    "linked-reflected": _by_args(plot.linked, Conv(4, 3, padding=1, padding_mode="reflect"), step=5, matrix=False),
    "linked-large": _by_args(plot.linked, Conv(16, 5), step=65),
    "linked-line": _by_args(plot.linked, Conv((7,), 3, padding=1), [1, 2, 3], range(7), step=3),
    "linked-channels": _by_args(plot.linked, _TWO, step=5),
    "linked-stamps": _by_args(plot.linked, _UP, step=1),
    "linked-tall": _by_args(plot.linked, ConvTranspose(4, 3), step=5),
    "linked-flipped": _by_args(plot.linked, ConvTranspose(2, 3), view="windows", step=5),
    "linked-average": lambda style=None, ax=None: _pool(AvgPool(5, 3, stride=1), None, style, ax),
    "linked-maximum": lambda style=None, ax=None: _pool(
        MaxPool(5, 3, stride=1), np.arange(25).reshape(5, 5) % 7, style, ax
    ),
    "input": _by_args(plot.input_map, Conv(5, 3, padding=1), output=(1, 2)),
    "input-volume": _by_args(plot.input_map, Conv((3, 4, 4), 2), output=(0, 1, 1)),
    "kernel": _by_args(plot.kernel, _SMALL, _W3),
    "kernel-volume": _by_args(plot.kernel, Conv((3, 3, 3), 3)),
    "output": _by_args(plot.output_map, Conv(5, 3), output=(1, 1)),
    "windows": _by_args(plot.windows, _SMALL),
    "stamps": _by_args(plot.stamps, _UP),
    "stamps-values": _by_args(plot.stamps, _UP, _W3, np.array([[1, 2], [3, 4]])),
    "stamps-many": _by_args(plot.stamps, ConvTranspose(3, 3, stride=2)),
    "insertion": _by_args(plot.insertion, _ODD, output=(2, 3)),
    "crop": _by_args(plot.crop, _ODD, np.arange(1, 10).reshape(3, 3), np.arange(1, 10).reshape(3, 3)),
    "gram": _by_args(plot.gram, _GRAM),
    "gram-large": _by_args(plot.gram, np.kron(np.eye(60), [[3, 1], [1, -2]]), difference=True),
    "same-output": _by_args(
        plot.same_output,
        _PAIR.first,
        _PAIR.second,
        _PAIR_LAYER.unvec(_PAIR_LAYER.matrix(_PAIR_WEIGHT) @ _PAIR_LAYER.vec(_PAIR.first)),
    ),
    "singular-values": _by_args(plot.singular_values, [8.0, 5, 3, 2, 1, 0.5, 0, 0], log=True, zero=1e-9),
    "overlaps": _by_args(plot.overlaps, overlap_counts(ConvTranspose(3, 3, stride=2))),
    "receptive-field": _by_args(plot.receptive_field, _MASK),
    "factors": _by_args(plot.factors, _FACTORS, _FACTOR_NAMES),
}
