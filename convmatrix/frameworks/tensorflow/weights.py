"""Conversion of filters of tf.nn and kernels of Keras' layers to weights of layers, and back."""

from typing import Any

import numpy as np  # noqa: F401  the examples use it
from numpy.typing import ArrayLike, NDArray

from convmatrix.frameworks.shared.layouts import between_layouts, moved, weight_of
from convmatrix.layers.arguments import flag, positive

__all__ = [
    "depthwise_filter_to_weight",
    "depthwise_weight",
    "filters_to_weight",
    "transposed_filters_to_weight",
    "weight",
    "weight_transpose",
]


def weight(w: ArrayLike, *, inverse: bool = False) -> NDArray[Any]:
    """Bring filters, or a Keras kernel, into the layout of a `Conv`.

    Parameters
    ----------
    w : (*kernel_size, in_channels // groups, out_channels) array_like
    inverse : bool, default False
        Bring a weight of a layer into the layout of filters instead.

    Returns
    -------
    (out_channels, in_channels // groups, *kernel_size) ndarray
        With `inverse`, of the shape that `w` has without it.

    Raises
    ------
    ValueError
        If it has fewer than two axes.

    Examples
    --------
    >>> weight(np.zeros((3, 5, 2, 8))).shape
    (8, 2, 3, 5)
    """
    return filters_to_weight(weight_of(w), inverse=inverse)


def weight_transpose(w: ArrayLike, *, inverse: bool = False) -> NDArray[Any]:
    """Bring the filters of a transposed convolution, or a Keras kernel, into the layout of a `ConvTranspose`.

    Parameters
    ----------
    w : (*kernel_size, out_channels // groups, in_channels) array_like
    inverse : bool, default False
        Bring a weight of a layer into the layout of filters instead.

    Returns
    -------
    (in_channels, out_channels // groups, *kernel_size) ndarray
        With `inverse`, of the shape that `w` has without it.

    Raises
    ------
    ValueError
        If it has fewer than two axes.

    Examples
    --------
    >>> weight_transpose(np.zeros((3, 5, 2, 8))).shape
    (8, 2, 3, 5)
    """
    return transposed_filters_to_weight(weight_of(w), inverse=inverse)


def depthwise_weight(w: ArrayLike, *, in_channels: int | None = None, inverse: bool = False) -> NDArray[Any]:
    """Bring a depthwise filter, or a Keras kernel, into the layout of a `Conv`, each channel's multiples together.

    Parameters
    ----------
    w : (*kernel_size, in_channels, multiplier) array_like
    in_channels : int, optional
        Needed by the inverse, since the layer's weight has the channels and their multiples on one axis.
    inverse : bool, default False
        Bring a weight of a layer into the layout of the filter instead.

    Returns
    -------
    (in_channels * multiplier, 1, *kernel_size) ndarray
        With `inverse`, of the shape that `w` has without it.

    Raises
    ------
    ValueError
        If it has fewer than two axes, or in_channels are not given for the inverse, or do not divide its first axis.

    Examples
    --------
    >>> depthwise_weight(np.zeros((3, 5, 4, 2))).shape
    (8, 1, 3, 5)
    """
    array = weight_of(w)
    if flag("inverse", inverse) and in_channels is None and array.ndim and array.shape[0] > 1:
        raise ValueError(
            f"in_channels are not given, but decide how the {array.shape[0]} channels on axis 0 of a "
            f"weight of shape {array.shape} are in_channels and their multiples: give the number of "
            "channels of the input"
        )
    return depthwise_filter_to_weight(array, in_channels=1 if in_channels is None else in_channels, inverse=inverse)


def filters_to_weight(w: NDArray[Any], *, inverse: bool = False) -> NDArray[Any]:
    """Bring an array of filters into the layout of a `Conv`, or back.

    Parameters
    ----------
    w, inverse
        As for `weight`.

    Returns
    -------
    ndarray
        A view.
    """
    return between_layouts(w, "*IO", "OI*", inverse=inverse)


def transposed_filters_to_weight(w: NDArray[Any], *, inverse: bool = False) -> NDArray[Any]:
    """Bring an array of filters of a transposed convolution into the layout of a `ConvTranspose`, or back.

    Parameters
    ----------
    w, inverse
        As for `weight_transpose`.

    Returns
    -------
    ndarray
        A view.
    """
    return between_layouts(w, "*OI", "IO*", inverse=inverse)


def depthwise_filter_to_weight(w: NDArray[Any], *, in_channels: int, inverse: bool = False) -> NDArray[Any]:
    """Bring an array of depthwise filters into the layout of a `Conv`, or back.

    Parameters
    ----------
    w, in_channels, inverse
        As for `depthwise_weight`.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If in_channels do not divide the first axis that the inverse is given.
    """
    if not inverse:
        by_channels = moved(w, "*IM", "IM*")
        return by_channels.reshape(by_channels.shape[0] * by_channels.shape[1], 1, *by_channels.shape[2:])
    if w.ndim < 2 or w.shape[1] != 1 or w.shape[0] % positive("in_channels", in_channels):
        raise ValueError(
            f"weight has shape {w.shape} but a depthwise layer of {in_channels} input channels has "
            f"(a multiple of {in_channels}, 1, *kernel_size)"
        )
    return moved(w.reshape(in_channels, -1, *w.shape[2:]), "IM*", "*IM")
