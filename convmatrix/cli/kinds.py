"""The kinds of pictures that `figure` draws: a line for each, with the options it takes and what draws it.

matplotlib and what computes are imported when a picture is drawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np

from convmatrix.cli.arguments import UsageError
from convmatrix.layers import Conv, Layer

__all__ = ["KINDS", "OPTIONS", "Kind", "PictureOptions"]

_MOST = {"entries": 2 * 10**7, "products": 10**8}
"""Most matrix entries, and most products, that are computed for a picture."""


@dataclass(frozen=True)
class PictureOptions:
    """Options of a picture; None for the default."""

    layer: Layer
    weight: Any = None
    x: Any = None
    view: Literal["windows", "stamps"] | None = None
    step: int | Literal["none"] | None = None
    matrix: bool = True
    title: str = ""

    @property
    def singled(self) -> int | None:
        """The step given by the user."""
        return None if self.step == "none" else self.step

    @property
    def shown(self) -> int | None:
        """The step that a picture of one step shows: by default one in the middle, where the window is full."""
        if self.step is not None:
            return self.singled
        stamps = not isinstance(self.layer, Conv) if self.view is None else self.view == "stamps"
        channels, *sizes = self.layer.input_shape if stamps else self.layer.output_shape
        place = [(size - 1) // 2 for size in sizes[:-1]] + [size // 2 for size in sizes[-1:]]
        return int(np.ravel_multi_index((0, *place), (channels, *sizes)))

    @property
    def position(self) -> tuple[int, tuple[int, ...] | None]:
        """Channel and position of the output given by the user."""
        if self.singled is None:
            return 0, None
        if self.singled >= self.layer.matrix_shape[0]:
            raise UsageError(
                f"step {self.singled} is not there: the layer has outputs 0 to {self.layer.matrix_shape[0] - 1}"
            )
        channel, *place = np.unravel_index(self.singled, self.layer.output_shape)
        return int(channel), tuple(map(int, place))

    @property
    def numbers(self) -> Any:
        """The weight, or one whose integers are drawn."""
        from convmatrix.algebra import generic_weight

        return generic_weight(self.layer) if self.weight is None else self.weight


@dataclass(frozen=True)
class Kind:
    """A kind of picture.

    `draw` is called with the module `convmatrix.show.plot` and the options; `tikz` with
    `convmatrix.show.render.latex`. `transpose`: whether it is one of a transposed convolution only; `numeric`: whether
    it needs a weight.
    """

    about: str
    takes: tuple[str, ...]
    draw: Callable[[ModuleType, PictureOptions], Any]
    tikz: Callable[[ModuleType, PictureOptions], str] | None = None
    transpose: bool = False
    numeric: bool = False


OPTIONS = ("weight", "x", "view", "no_matrix", "step", "output", "input", "title", "labels", "fill", "captions")
"""Options that only some kinds take, under argparse's names."""


def _matrix(plot: ModuleType, a: PictureOptions) -> Any:
    titled = {"title": a.title} if a.title else {}
    return plot.matrix(a.layer, a.weight, **{"col" if a.view == "stamps" else "row": a.singled}, **titled)


def _direct(layer: Layer) -> Conv:
    """The convolution whose windows are drawn: for a transposed one, on its input with zeros inserted."""
    return layer if isinstance(layer, Conv) else layer.as_conv()


def _insertion(plot: ModuleType, a: PictureOptions) -> Any:
    channel, place = a.position
    return plot.insertion(a.layer, a.weight, a.x, output=place, channel=channel, title=a.title)


def _gram(plot: ModuleType, a: PictureOptions) -> Any:
    C = _small(a).matrix(a.numbers)
    products = int(np.sum(np.square(np.diff(C.indptr), dtype=np.int64)))
    if products > _MOST["products"]:
        raise UsageError(
            f"the product has {products} terms but a picture is computed from at most "
            f"{_MOST['products']}: take a smaller layer"
        )
    sign = "H" if C.dtype.kind == "c" else "T"
    name = f"C^{sign} C" if isinstance(a.layer, Conv) else f"C C^{sign}"
    return plot.gram(C.conj().T @ C, name=name, title=a.title)


def _same_output(plot: ModuleType, a: PictureOptions) -> Any:
    from convmatrix.algebra.inverse.same_output import same_output_pair

    layer, weight = _small(a), a.numbers
    pair = same_output_pair(layer, weight, a.x)
    y = layer.unvec(layer.operator(weight) @ layer.vec(pair.first))
    return plot.same_output(pair.first, pair.second, y, title=a.title)


def _singular_values(plot: ModuleType, a: PictureOptions) -> Any:
    from convmatrix.algebra.elimination.ranks import rounding
    from convmatrix.algebra.spectral.spectrum import singular_values

    values = singular_values(a.layer, a.numbers).values
    return plot.singular_values(values, zero=rounding(values, a.layer.matrix_shape), title=a.title)


def _overlaps(plot: ModuleType, a: PictureOptions) -> Any:
    from convmatrix.algebra.stack.overlaps import overlap_counts

    return plot.overlaps(overlap_counts(a.layer), title=a.title)


def _receptive_field(plot: ModuleType, a: PictureOptions) -> Any:
    from convmatrix.algebra.stack.network import Network
    from convmatrix.algebra.stack.receptive import receptive_field

    return plot.receptive_field(receptive_field(Network([a.layer]), a.position[1]).mask, title=a.title)


def _factors(plot: ModuleType, a: PictureOptions) -> Any:
    from convmatrix.algebra.factors import unfolded

    layer, weight = _small(a), a.numbers
    factors = unfolded(layer, weight)
    names = ["C" if isinstance(layer, Conv) else "C^T", *(factor.name for factor in factors)]
    return plot.factors([layer.matrix(weight), *(factor.matrix for factor in factors)], names, title=a.title)


def _small(a: PictureOptions) -> Layer:
    """The layer, if its matrix is small enough for computations."""
    if a.layer.nnz > _MOST["entries"]:
        raise UsageError(
            f"the matrix has {a.layer.nnz} entries but a picture is computed from at most "
            f"{_MOST['entries']}: take a smaller layer"
        )
    return a.layer


KINDS: Mapping[str, Kind] = {
    "linked": Kind(
        "the matrix linked with its window, kernel and output",
        OPTIONS,
        lambda plot, a: plot.linked(a.layer, a.weight, a.x, view=a.view, step=a.shown, matrix=a.matrix, title=a.title),
        lambda latex, a: latex.tikz(a.layer, a.weight, a.x, view=a.view, step=a.shown, matrix=a.matrix, title=a.title),
    ),
    "matrix": Kind(
        "the matrix, each entry in the colour of its tap",
        ("weight", "step", "output", "input", "title", "labels", "fill"),
        _matrix,
        lambda latex, a: latex.tikz(
            a.layer,
            a.weight,
            maps=False,
            step=a.singled,
            title=a.title,
            view=None if a.singled is None else a.view or "windows",
        ),
    ),
    "windows": Kind(
        "the window at every output, side by side",
        ("title", "labels"),
        lambda plot, a: plot.windows(_direct(a.layer), title=a.title),
    ),
    "stamps": Kind(
        "what each input adds to the output, and the sum",
        ("weight", "x", "title", "labels", "fill"),
        lambda plot, a: plot.stamps(a.layer, a.weight, a.x, title=a.title),
        transpose=True,
    ),
    "insertion": Kind(
        "the direct convolution: zeros inserted, kernel flipped",
        ("weight", "x", "step", "output", "title", "labels", "fill", "captions"),
        _insertion,
        transpose=True,
    ),
    "crop": Kind(
        "all that is added up, and what padding crops of it",
        ("weight", "x", "title", "labels", "captions"),
        lambda plot, a: plot.crop(a.layer, a.weight, a.x, title=a.title),
        transpose=True,
    ),
    "gram": Kind(
        "the product C^T C beside the identity", ("weight", "title", "labels", "captions"), _gram, numeric=True
    ),
    "factors": Kind(
        "the matrix as weights times im2col times padding", ("weight", "title", "labels"), _factors, numeric=True
    ),
    "same_output": Kind(
        "two images that have the same output",
        ("weight", "x", "title", "labels", "captions"),
        _same_output,
        numeric=True,
    ),
    "singular_values": Kind(
        "from the largest to the smallest", ("weight", "title", "captions"), _singular_values, numeric=True
    ),
    "overlaps": Kind("how many taps reach each output", ("title", "labels", "captions"), _overlaps, transpose=True),
    "receptive_field": Kind(
        "the inputs that one output reads", ("step", "output", "title", "captions"), _receptive_field
    ),
}
