"""The text of the command `show`, printed for the method `show` of a layer."""

from numpy.typing import ArrayLike

from convmatrix.cli.commands import parse
from convmatrix.cli.commands.show import text_of
from convmatrix.cli.terminal import write
from convmatrix.layers import Layer

__all__ = ["print_layer"]


def print_layer(layer: Layer, weight: ArrayLike | None = None) -> None:
    """Print a layer as ``convmatrix show`` does without further options.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
    """
    checked = None if weight is None else layer.checked_weight(weight)
    write(text_of(layer, checked, parse(["show", "--i", "1", "--k", "1"])))  # all other options have their defaults
