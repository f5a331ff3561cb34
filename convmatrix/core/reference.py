"""Convolution and transposed convolution in plain loops: slow, simple, and a reference for the tests.

This module shares no code with the rest of the package, so that the two are unlikely to have the same mistake.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["convolve", "convolve_transposed"]


def convolve(
    x: ArrayLike,
    weight: ArrayLike,
    *,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int = 1,
    padding_mode: str = "zeros",
    input_dilation: Sequence[int],
) -> NDArray[Any]:
    """Convolve by sliding the kernel over x: a cross-correlation, as in deep-learning frameworks.

    Parameters
    ----------
    x : (in_channels, *input_size) array_like
    weight : (out_channels, in_channels // groups, *kernel_size) array_like
    stride, dilation, input_dilation : sequence of int
        One number per axis.
    padding : sequence of (int, int)
        (before, after) of each axis.
    groups : int
    padding_mode : str
        ``zeros``, ``reflect``, ``replicate``, ``circular`` or ``symmetric``.

    Returns
    -------
    (out_channels, *output_size) ndarray

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, relationships 6 and 15.

    Examples
    --------
    >>> convolve([[1, 2, 3, 4]], [[[1, 0, -1]]], stride=[1], padding=[(0, 0)], dilation=[1], input_dilation=[1])
    array([[-2, -2]])
    """
    x, weight = np.asarray(x), np.asarray(weight)
    sizes = _output_size(x.shape[1:], weight.shape[2:], stride, padding, dilation, input_dilation)
    y = np.zeros((len(weight), *sizes), dtype=np.result_type(x, weight))
    for out, source, tap in _reads(
        x.shape, weight.shape, sizes, stride, padding, dilation, groups, padding_mode, input_dilation
    ):
        y[out] += weight[tap] * x[source]
    return y


def convolve_transposed(
    y: ArrayLike,
    weight: ArrayLike,
    *,
    output_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int = 1,
    padding_mode: str = "zeros",
    input_dilation: Sequence[int],
) -> NDArray[Any]:
    """Apply the transpose of `convolve`: add each entry of y, times the kernel, to the inputs that its window reads.

    Parameters
    ----------
    y : (in_channels, *input_size) array_like
        Of the same shape as the output of the convolution.
    weight : (in_channels, out_channels // groups, *kernel_size) array_like
        The weight of the convolution, unchanged.
    output_size : sequence of int
        Input size of the convolution.
    stride, padding, dilation, groups, padding_mode, input_dilation
        Arguments of the convolution, as in `convolve`.

    Returns
    -------
    (out_channels, *output_size) ndarray

    Examples
    --------
    >>> kwargs = dict(stride=[2], padding=[(1, 1)], dilation=[1], input_dilation=[1])
    >>> convolve_transposed([[1, 1]], [[[1, 1, 1]]], output_size=[4], **kwargs)
    array([[1, 2, 1, 1]])
    """
    y, weight = np.asarray(y), np.asarray(weight)
    x = np.zeros((weight.shape[1] * groups, *output_size), dtype=np.result_type(y, weight))
    for out, source, tap in _reads(
        x.shape, weight.shape, y.shape[1:], stride, padding, dilation, groups, padding_mode, input_dilation
    ):
        x[source] += weight[tap] * y[out]
    return x


def _output_size(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    input_dilation: Sequence[int],
) -> list[int]:
    """Count the windows that fit, one after another."""
    counts = []
    for n, k, s, (before, after), d, a in zip(sizes, kernel, stride, padding, dilation, input_dilation, strict=True):
        stop = n + (n - 1) * (a - 1) + after  # one past the last position of the padded input
        start, count = -before, 0
        while start + d * (k - 1) < stop:
            start, count = start + s, count + 1
        counts.append(count)
    return counts


def _reads(
    x_shape: Sequence[int],
    weight_shape: Sequence[int],
    sizes: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    padding_mode: str,
    input_dilation: Sequence[int],
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Yield the (output index, input index, weight index) of every product that the convolution adds up."""
    out_channels, in_per_group, *kernel = weight_shape
    out_per_group = out_channels // groups
    for o, *output in product(range(out_channels), *map(range, sizes)):
        for c, *tap in product(range(in_per_group), *map(range, kernel)):
            source: list[int] = []
            for axis, n in enumerate(x_shape[1:]):
                position = output[axis] * stride[axis] + tap[axis] * dilation[axis] - padding[axis][0]
                index = _input_at(position, n, padding_mode, input_dilation[axis])
                if index is None:  # the tap reads a zero, which adds nothing
                    break
                source.append(index)
            else:
                yield (o, *output), (o // out_per_group * in_per_group + c, *source), (o, c, *tap)


def _input_at(position: int, n: int, mode: str, input_dilation: int) -> int | None:
    """Return the index of the input at a position, which is moved onto the n inputs step by step; None for a zero."""
    if mode == "zeros":
        index, remainder = divmod(position, input_dilation)
        return index if remainder == 0 and 0 <= index < n else None
    while not 0 <= position < n:
        if mode == "circular":
            position += n if position < 0 else -n
        elif mode == "replicate" or n == 1:
            position = 0 if position < 0 else n - 1
        elif mode == "reflect":
            position = -position if position < 0 else 2 * (n - 1) - position
        else:  # symmetric
            position = -1 - position if position < 0 else 2 * n - 1 - position
    return position
