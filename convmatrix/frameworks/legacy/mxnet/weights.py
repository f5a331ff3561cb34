"""MXNet's layouts and weights: the axis of the channels, conversion to the layers' layout, the bilinear weight."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import pluralize, short
from convmatrix.frameworks.shared.bilinear import bilinear_weight
from convmatrix.frameworks.shared.layouts import between_layouts, shape_of, weight_of
from convmatrix.layers.arguments import check_word, positive

__all__ = [
    "LAYOUTS",
    "bilinear",
    "check_layout",
    "is_channels_last",
    "weight",
    "weight_in_layer_layout",
    "weight_transpose",
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


def weight(w: ArrayLike, layout: str | None = None, *, inverse: bool = False) -> NDArray[Any]:
    """Bring a weight of Convolution into the layout of `conv`.

    Parameters
    ----------
    w : (num_filter, channels // num_group, *kernel) array_like
        Or (num_filter, *kernel, channels // num_group) where the layout has the channels last.
    layout : str
        That of the operator, whose default is NCW, NCHW or NCDHW. It may be left out for one axis, which has only one.
    inverse : bool, default False
        Bring a weight of `conv` into the layout of the operator instead.

    Returns
    -------
    (num_filter, channels // num_group, *kernel) ndarray
        With `inverse`, in the order of the layout.

    Raises
    ------
    ValueError
        If the layout is none of MXNet's, or not given although there are several, or the array has another number of
        axes.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.Convolution.

    Examples
    --------
    >>> weight(np.zeros((4, 3, 3, 2)), layout="NHWC").shape
    (4, 2, 3, 3)
    """
    array = weight_of(w)
    known = [name for name, axes in LAYOUTS.items() if axes == array.ndim - 2]
    if layout is None and len(known) > 1:
        raise ValueError(
            f"layout is not given, but decides where a weight of shape {array.shape} has its channels: "
            f"give {' or '.join(map(repr, known))} as MXNet is called ({short(known[0])} is its default), "
            "or let conv(..., weight=w) give the weight beside the layer"
        )
    return weight_in_layer_layout(array, layout=layout, inverse=inverse)


def weight_transpose(w: ArrayLike, layout: str | None = None, *, inverse: bool = False) -> NDArray[Any]:
    """Bring a weight of Deconvolution into the layout of `conv_transpose`.

    Parameters
    ----------
    w : (channels, num_filter // num_group, *kernel) array_like
        Or (channels, *kernel, num_filter // num_group) where the layout has the channels last.
    layout, inverse
        As for `weight`.

    Returns
    -------
    (channels, num_filter // num_group, *kernel) ndarray
        With `inverse`, in the order of the layout.

    Raises
    ------
    ValueError
        As for `weight`.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.ndarray.Deconvolution.

    Examples
    --------
    >>> weight_transpose([[[1, 2, 3]]], "NCW").tolist()
    [[[1, 2, 3]]]
    """
    return weight(w, layout, inverse=inverse)


def weight_in_layer_layout(w: NDArray[Any], *, layout: str | None, inverse: bool = False) -> NDArray[Any]:
    """Bring an array with the weight of either operator into the layout of the layer, or back.

    Parameters
    ----------
    w, layout, inverse
        As for `weight`; without a layout, the channels are in front.

    Returns
    -------
    ndarray
        A view.

    Raises
    ------
    ValueError
        If the layout is none of MXNet's for so many axes, or the array has fewer than three.
    """
    check_layout(layout, w.ndim - 2)
    if w.ndim < 3:
        raise ValueError(f"weight has shape {w.shape} but MXNet's has two axes of channels and 1 to 3 of the kernel")
    order = "O*I" if is_channels_last(layout) else "OI*"
    return between_layouts(w, order, "OI*", inverse=inverse)


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
    >>> bilinear((1, 1, 4, 4))[0, 0, 1].tolist()
    [0.1875, 0.5625, 0.5625, 0.1875]
    """
    sizes = [positive(f"shape, axis {axis},", size) for axis, size in enumerate(shape_of("shape", shape))]
    if len(sizes) != 4:
        raise ValueError(
            f"shape has {pluralize(len(sizes), 'entry')}, {tuple(sizes)}, but a bilinear weight needs 4: "
            "channels, 1, height and width"
        )
    return bilinear_weight(sizes)
