"""Two different images with the same output, from the null space of a layer."""

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.algebra.elimination.null_spaces import MOST_MULTIPLICATIONS, integer_basis, null_space
from convmatrix.algebra.elimination.ranks import is_small, rank
from convmatrix.algebra.exact import digit_bits, digits, from_digits, largest_magnitude
from convmatrix.algebra.inverse.least_squares import deconvolve, floating
from convmatrix.algebra.progress import Progress
from convmatrix.algebra.stack.arguments import ConvOrNetwork, Stack, each_weight, most_entries, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.layers import Layer, WeightedLayer

__all__ = ["SameOutput", "same_output_pair"]

Array = NDArray[Any]

_NONZEROS = 5 * 10**7
"""Most entries of a matrix that is built to search for a patch of integers."""


class SameOutput(NamedTuple):
    """Two different images with the same output.

    `difference` is the largest absolute difference of their outputs: 0 for integers, rounding errors for floats;
    `reason` describes the difference of the images.
    """

    first: Array
    second: Array
    difference: float
    reason: str


def same_output_pair(
    layer: Stack,
    weight: Weights | ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    progress: Progress | None = None,
) -> SameOutput:
    """Make two different images with the same output: the proof that this layer has no inverse.

    For integers, a small patch in the null space of the layer is added to the image, and the outputs are equal exactly.
    For floats, and where no patch of integers is found, random noise projected onto the null space is added, scaled to
    the range of the image.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer
        As `convmatrix.algebra.stack.arguments.with_weights` takes them.
    x : input_shape array_like, optional
        The first image; integers from 0 to 9 by default.
    progress : callable, optional
        Called with (done, total) where the noise is recovered by iteration.

    Returns
    -------
    SameOutput
        With images of shape input_shape, int64 where weight and x are integers and such a pair is found.

    Raises
    ------
    ValueError
        If there is no such pair, with the rank, or if none is found.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> pair = same_output_pair(Conv((3,), 2), [1, 2])
    >>> pair.first, pair.second, pair.difference
    (array([[8, 6, 5]]), array([[12,  4,  6]]), 0.0)
    """
    stack, weight_entries = with_weights(layer, weight)
    weights = each_weight(stack, weight_entries, _signed)
    image = np.random.default_rng(0).integers(0, 10, stack.input_shape) if x is None else _one_image(stack, x)
    operator = stack.operator(weights)
    rows, cols = stack.matrix_shape
    if rows >= cols and is_small(stack.matrix_shape):
        matrix_rank = rank(stack.matrix(weights))
        if matrix_rank.value == cols:
            raise ValueError(
                f"no two images have the same output: the {rows} x {cols} matrix has rank {cols}, so every difference "
                f"of two images shows (rank {matrix_rank.reason})"
            )
    null_vector, reason = None, "a patch of integers that the layer maps to zero"
    if operator.dtype.kind in "biu" and image.dtype.kind in "biu" and most_entries(stack) <= _NONZEROS:
        null_vector = _null_space_patch(stack, weights)
    if null_vector is None:
        null_vector, reason = _null_space_noise(stack, weights, progress)
        image = floating(image)
        null_vector = null_vector * (float(np.ptp(np.abs(image))) or 1.0) / np.abs(null_vector).max()
    second = image + null_vector.reshape(stack.input_shape)
    if image.dtype.kind == "i" and not isinstance(stack, Network):
        return SameOutput(image, second, float(_exact_output(stack, weights, null_vector)), reason)
    outputs = [operator @ stack.vec(each) for each in (image, second)]
    return SameOutput(image, second, float(np.abs(outputs[1] - outputs[0]).max()), reason)


def _signed(layer: WeightedLayer, weight: Array) -> Array:
    """A weight with the dtype of an image of integers, where it fits: uint64 times int64 would be floats."""
    weight = layer.checked_weight(weight)
    small = weight.dtype.kind == "u" and largest_magnitude(weight) <= np.iinfo(np.int64).max
    return weight.astype(np.int64) if small else weight


def _exact_output(layer: Layer, weight: Array, x: Array) -> int:
    """The largest absolute output of a layer for an integer input, for any integers in its weight."""
    if weight.dtype == bool:
        return int(np.abs(layer.operator(weight) @ x).max())
    bits = digit_bits(largest_magnitude(x) * max(layer.nnz, 1))
    outputs = [layer.operator(part) @ x for part in digits(weight, bits)]
    return largest_magnitude(from_digits(outputs, bits))


def _one_image(layer: ConvOrNetwork, x: ArrayLike) -> Array:
    """One input as (in_channels, *input_size); integers as int64, small enough to add a patch."""
    image = layer.vec(x)
    if image.ndim == 2:
        raise ValueError(f"x has shape {np.shape(x)}, a batch of {image.shape[1]}: give one image")
    if image.dtype.kind in "biu":
        large = int(max(abs(int(image.max())), abs(int(image.min()))))
        image = image.astype(np.int64 if large < 2**62 else np.float64)
    return image.reshape(layer.input_shape)


def _null_space_patch(layer: ConvOrNetwork, weight: Any) -> Array | None:
    """A vector of integers in the null space that is zero outside of the smallest possible corner of the image."""
    columns = layer.matrix(weight).tocsc()
    for corner in _corners(layer.input_size):
        box = np.zeros(layer.input_shape, dtype=bool)
        box[(slice(None), *(slice(n) for n in corner))] = True
        inside = np.flatnonzero(box)
        submatrix = sparse.csr_array(columns[:, inside])
        submatrix = submatrix[np.diff(submatrix.indptr) > 0]
        if prod(submatrix.shape) * min(submatrix.shape) > MOST_MULTIPLICATIONS:
            return None
        least = min(integer_basis(submatrix).T, key=lambda vector: int(vector @ vector), default=None)
        if least is not None and np.abs(least).max() < 2**31:  # so that adding it to the image does not overflow
            null_vector = np.zeros(box.size, dtype=np.int64)
            null_vector[inside] = least.astype(np.int64)
            return null_vector
    return None


def _corners(size: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Boxes of 1, 2, 3, 4, 6, 9, 13, ... pixels on each axis, up to the whole image."""
    side = 1
    while True:
        corner = tuple(min(side, n) for n in size)
        yield corner
        if corner == size:
            return
        side += max(side // 2, 1)


def _null_space_noise(layer: ConvOrNetwork, weight: Any, progress: Progress | None) -> tuple[Array, str]:
    """Noise projected onto the null space of the layer, and a description of the projection."""
    rows, cols = layer.matrix_shape
    noise = np.random.default_rng(0).standard_normal(cols)
    if is_small((rows, cols)) and is_small((cols, cols)):
        basis = null_space(layer.matrix(weight))
        return basis @ (basis.conj().T @ noise), f"noise, projected onto the {basis.shape[1]} dimensions that are lost"
    operator = layer.operator(weight)
    solution = deconvolve(layer, weight, operator @ noise, tolerance=1e-14, progress=progress)
    null_vector = noise - solution.x.ravel()
    left, share = np.linalg.norm(operator @ null_vector), np.linalg.norm(null_vector) / np.linalg.norm(noise)
    if share < 1e-3 or left > 1e-9 * np.linalg.norm(operator @ noise):
        raise ValueError(
            f"no two images with the same output were found: {solution.iterations} iterations of lsmr recovered random "
            f"noise from its output up to {share:.2g} of its norm, and the output of the remainder has norm "
            f"{left:.2g}; the {rows} x {cols} matrix is too large to compute its rank, which would decide it"
        )
    return null_vector, f"noise less what {solution.iterations} iterations of lsmr recovered of it"
