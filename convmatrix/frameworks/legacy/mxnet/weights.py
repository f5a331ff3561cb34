"""MXNet's layouts of data and of weights, and the bilinear weight."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import pluralize, short
from convmatrix.frameworks.shared.bilinear import bilinear_weight, weight_sizes
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers.arguments import check_word

__all__ = [
    "LAYOUTS",
    "bilinear",
    "check_layout",
    "is_channels_last",
    "layout_of_weight",
    "weight_layout",
]

LAYOUTS = {"NCW": 1, "NCHW": 2, "NHWC": 2, "NCDHW": 3, "NDHWC": 3}
"""Layouts that both operators accept, and their numbers of spatial axes."""


# -- layouts ---------------------------------------------------------------------------------------------------------


def check_layout(layout: Any, count: int) -> None:
    """Check that both operators accept a layout for a number of spatial axes.

    Parameters
    ----------
    layout : str, optional
    count : int
        Number of spatial axes.

    Raises
    ------
    ValueError
        If it is no layout of MXNet's, or one of another number of axes; a TypeError as well if it is no string.
    """
    if layout is None:
        return
    check_word("layout", layout, tuple(LAYOUTS))
    if LAYOUTS[layout] != count:
        fits = " or ".join(word for word, axes in LAYOUTS.items() if axes == count)
        remedy = f"write {fits}" if fits else "MXNet has convolutions of 1, 2 and 3 axes"
        raise ValueError(
            f"layout {short(layout)} has {pluralize(LAYOUTS[layout], 'spatial letter')} but kernel has "
            f"{count} {'axis' if count == 1 else 'axes'}: {remedy}"
        )


def is_channels_last(layout: str | None) -> bool:
    """Check whether a layout has the channels last.

    Parameters
    ----------
    layout : str, optional

    Returns
    -------
    bool

    Examples
    --------
    >>> is_channels_last("NHWC"), is_channels_last(None)
    (True, False)
    """
    return layout is not None and layout.endswith("C")


# -- weights ---------------------------------------------------------------------------------------------------------


def weight_layout(layout: str | None, *, transpose: bool = False) -> WeightLayout:
    """Return the layout of a weight of either operator.

    Parameters
    ----------
    layout : str, optional
        That of the operator; without one, the channels are in front.
    transpose : bool, default False
        Whether it is the weight of Deconvolution.

    Returns
    -------
    WeightLayout

    Examples
    --------
    >>> weight_layout("NHWC").shape_of((4, 2, 3, 3))
    (4, 3, 3, 2)
    """
    first, second = "IO" if transpose else "OI"
    last = is_channels_last(layout)
    return WeightLayout(f"{first}*{second}" if last else f"{first}{second}*", f"{first}{second}*")


def layout_of_weight(shape: tuple[int, ...], layout: str | None, *, transpose: bool = False) -> WeightLayout:
    """Return the layout of a weight after checking the operator's layout, which may be left out for one axis.

    Parameters
    ----------
    shape : tuple of int
        Of the array to convert.
    layout, transpose
        As for `weight_layout`.

    Returns
    -------
    WeightLayout
        That of `weight_layout`.

    Raises
    ------
    ValueError
        If the layout is none of MXNet's, or not given although there are several, or the array has another number of
        axes.

    Examples
    --------
    >>> layout_of_weight((4, 3, 3, 2), "NHWC").axes
    'O*I'
    """
    known = [name for name, axes in LAYOUTS.items() if axes == len(shape) - 2]
    if layout is None and len(known) > 1:
        raise ValueError(
            f"layout is not given, but decides where a weight of shape {shape} has its channels: "
            f"give {' or '.join(map(repr, known))} as MXNet is called ({short(known[0])} is its default), "
            "or let conv(..., weight=w) give the weight beside the layer"
        )
    check_layout(layout, len(shape) - 2)
    if len(shape) < 3:
        raise ValueError(f"weight has shape {shape} but MXNet's has two axes of channels and 1 to 3 of the kernel")
    return weight_layout(layout, transpose=transpose)


def bilinear(shape: Sequence[int]) -> NDArray[np.float64]:
    """Make the weight that ``mxnet.initializer.Bilinear`` makes: the same tent in every channel.

    Parameters
    ----------
    shape : (channels, 1, height, width)
        Of the weight. The width decides the tent on both axes.

    Returns
    -------
    ndarray of that shape

    Raises
    ------
    ValueError
        If it has other than four axes.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.initializer.Bilinear.

    Examples
    --------
    >>> bilinear((1, 1, 2, 4))[0, 0, 1].tolist()
    [0.1875, 0.5625, 0.5625, 0.1875]
    """
    return bilinear_weight(weight_sizes(shape, "a bilinear weight needs 4: channels, 1, height and width"))
