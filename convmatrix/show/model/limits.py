"""Layers and sizes that are drawn: the views of a layer, and the errors for what is too large."""

from collections.abc import Iterable
from typing import Literal, get_args

from numpy.typing import ArrayLike

from convmatrix.core.errors import short
from convmatrix.layers import AvgPool, Conv, ConvTranspose, Layer, MaxPool, WeightedLayer
from convmatrix.show.model.pools import scene_of_pool
from convmatrix.show.model.scene import Scene

__all__ = ["Drawable", "View", "require_drawable", "require_sides", "scene_of", "view_of"]

Drawable = Layer | AvgPool | MaxPool

View = Literal["windows", "stamps"]

_STEPS = 400
"""Most steps: some minutes at one second each."""

_SIDE = 512
"""Most rows, and most columns, of a panel."""


def scene_of(layer: Drawable, weight: ArrayLike | None, x: ArrayLike | None) -> Scene:
    """The scene of a layer or a pool; a pool with a weight is an error."""
    if isinstance(layer, Layer):
        return Scene(layer, weight)
    if weight is not None:
        raise ValueError(f"{type(layer).__name__} has no weight, and one was given: leave it out")
    return scene_of_pool(layer, x)


def view_of(layer: Drawable, view: str | None) -> View:
    """A view that the layer has; by default its own."""
    if view is None:
        return "stamps" if isinstance(layer, ConvTranspose) else "windows"
    if view not in get_args(View):
        raise ValueError(f"view must be one of {', '.join(map(repr, get_args(View)))}, got {short(view)}")
    if view == "stamps" and not isinstance(layer, ConvTranspose):
        remedy = "take layer.T, or view 'windows'" if isinstance(layer, Conv) else "take view 'windows'"
        raise ValueError(
            "view 'stamps' shows what the inputs of a transposed convolution add, and this layer is none: " + remedy
        )
    return "stamps" if view == "stamps" else "windows"


def require_drawable(scene: Scene, view: View, *, matrix: bool, moving: bool) -> None:
    """Raise an error for a matrix, or a number of steps, that is too large."""
    rows, cols = scene.shape
    if matrix and max(rows, cols) > _SIDE:
        raise ValueError(
            f"the matrix has {short(rows)} x {short(cols)} places but at most {_SIDE} x {_SIDE} are drawn: draw the "
            "maps without it, or a smaller layer"
        )
    steps = rows if view == "windows" else cols
    if moving and steps > _STEPS:
        what = "outputs" if view == "windows" else "inputs"
        raise ValueError(
            f"the layer has {short(steps)} {what}, a step for each, but at most {_STEPS} steps are drawn: "
            "take a smaller layer"
        )


def require_sides(layer: WeightedLayer, frame: Iterable[tuple[int, int]]) -> None:
    """Raise an error for maps that are too large."""
    side = max((*(end - start for start, end in frame), *layer.kernel_size, *layer.output_size))
    if side > _SIDE:
        raise ValueError(
            f"a map has {short(side)} places on an axis, with its padding, but at most {_SIDE} are drawn: take a "
            "smaller layer"
        )
