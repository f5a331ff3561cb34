"""Pictures and text of a layer for its methods: HTML for notebooks, `plot` and `show`.

Each of them is imported when it is called.
"""

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from convmatrix.layers import Layer, LayerBase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["html", "plot", "show"]


def html(layer: LayerBase) -> str:
    """Write the card of a layer, `convmatrix.show.render.card.html`.

    Parameters
    ----------
    layer : LayerBase

    Returns
    -------
    str
    """
    from convmatrix.show.render import card

    return card.html(layer)


def plot(layer: Layer, weight: ArrayLike | None = None, x: ArrayLike | None = None, **options: Any) -> "Axes":
    """Draw the linked picture of a layer, `convmatrix.show.plot.linked`.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
    x : input_shape array_like, optional
    **options
        Further arguments of `linked`.

    Returns
    -------
    Axes
    """
    from convmatrix.show.plot import linked

    return linked(layer, weight, x, **options)


def show(layer: Layer, weight: ArrayLike | None = None) -> None:
    """Print what the command ``convmatrix show`` prints of a layer.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
    """
    from convmatrix.cli.showing import print_layer

    print_layer(layer, weight)


def __dir__() -> list[str]:
    return __all__
