"""Checkerboards: how unevenly a transposed convolution treats its outputs, by counts and by sums of entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.algebra.exact import largest_magnitude
from convmatrix.algebra.stack.arguments import Stack, as_network, one_layer, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.algebra.stack.steps import Step, steps_of
from convmatrix.core.axis import Axis
from convmatrix.core.errors import WrongTypeError
from convmatrix.layers import Conv, ConvTranspose, MaxPool, PixelShuffle, Upsample

__all__ = ["Checkerboard", "Overlap", "checkerboard", "overlap", "overlap_counts", "upsamplers"]


# -- counts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overlap:
    """Numbers of taps that reach the outputs of one axis of a transposed convolution.

    Parameters
    ----------
    counts : tuple of int
        One for each output, with the true borders.
    phases : tuple of int
        Away from the borders the counts repeat; entry r belongs to the outputs r, r + len(phases), ...
    even : bool
        Whether all phases have one count.
    reason : str
        Why, in one clause.
    """

    counts: tuple[int, ...]
    phases: tuple[int, ...]
    even: bool
    reason: str


def overlap(layer: Stack) -> tuple[Overlap, ...]:
    """Count the overlaps of a transposed convolution on each axis.

    They are the column sums of its convolution's matrix, with a kernel of ones: tap t of input o lands on output
    ``o*stride + t*dilation - before``. They are even iff stride divides kernel_size and gcd(dilation, stride) = 1: the
    taps are then spread over all phases, and equally.

    Parameters
    ----------
    layer : ConvTranspose
        Or a stack of one; for a `Conv`, give its ``conv.T``, and see `overlap_counts` for several layers.

    Returns
    -------
    tuple of Overlap

    Raises
    ------
    WrongTypeError
        If it is no `ConvTranspose`.

    References
    ----------
    .. [1] Odena, Dumoulin & Olah, *Deconvolution and checkerboard artifacts*, Distill, 2016: without dilation.

    Examples
    --------
    >>> (axis,) = overlap(ConvTranspose((4,), 3, stride=2))
    >>> axis.counts, axis.phases, axis.even
    ((1, 1, 2, 1, 2, 1, 2, 1, 1), (2, 1), False)
    >>> axis.reason
    'stride 2 does not divide kernel_size 3'
    """
    up = one_layer(layer, "the overlap of one layer's taps")
    if not isinstance(up, ConvTranspose):
        raise WrongTypeError(
            f"overlaps are counted on a ConvTranspose, got a {type(up).__name__}: for a Conv give conv.T"
        )
    counts = (step.taps.sum(axis=1) for step in steps_of(up))
    return tuple(_overlap(axis, np.asarray(count)) for axis, count in zip(up.axes, counts, strict=True))


def _overlap(axis: Axis, counts: NDArray[np.int64]) -> Overlap:
    # An output's position modulo the stride decides which taps land on it; with input dilation not all are met.
    positions = np.arange(axis.shift)[:, None] * axis.input_dilation + axis.before
    is_on_phase = (positions - np.arange(axis.kernel_size) * axis.dilation) % axis.stride == 0  # shape (phases, taps)
    phases = tuple(is_on_phase.sum(axis=1).tolist())
    even = len(set(phases)) == 1
    return Overlap(tuple(counts.tolist()), phases, even, _reason(axis, phases))


def _reason(axis: Axis, phases: Sequence[int]) -> str:
    common = gcd(axis.dilation, axis.stride)
    if axis.stride == 1:
        return "stride 1 has one phase"
    if axis.input_dilation > 1:
        return f"input_dilation {axis.input_dilation} meets {len(phases)} of the {axis.stride} phases of the stride"
    if common > 1:
        return (
            f"dilation {axis.dilation} and stride {axis.stride} have the factor {common} in common: the taps meet "
            f"{axis.stride // common} of {axis.stride} phases"
        )
    if axis.kernel_size % axis.stride:
        return f"stride {axis.stride} does not divide kernel_size {axis.kernel_size}"
    shares = f"has no factor in common with dilation {axis.dilation}"
    return f"stride {axis.stride} divides kernel_size {axis.kernel_size} and {shares}"


def overlap_counts(layer: Stack) -> NDArray[Any]:
    """Count the taps, or chains of taps, that lead from the input to every output, including the borders.

    It is the output for an input of ones where every entry of every layer is a one, channels aside. For a
    transposed convolution that is the column sums of the convolution's matrix.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers

    Returns
    -------
    output_size ndarray
        The product of the counts on each axis; int64, or float64 where these could outgrow 64 bits.

    Examples
    --------
    >>> overlap_counts(ConvTranspose(3, 3, stride=2, padding=1, output_padding=1))
    array([[1, 2, 1, 2, 1, 1],
           [2, 4, 2, 4, 2, 2],
           [1, 2, 1, 2, 1, 1],
           [2, 4, 2, 4, 2, 2],
           [1, 2, 1, 2, 1, 1],
           [1, 2, 1, 2, 1, 1]])
    """
    network = as_network(layer)
    axes = [[step.taps for step in steps] for steps in network.steps]
    most = prod(int(taps.sum(axis=1).max()) for axis in axes for taps in axis)
    dtype = np.dtype(np.int64 if most <= np.iinfo(np.int64).max else np.float64)
    counts = (_counts(size, axis, dtype) for size, axis in zip(network.input_size, axes, strict=True))
    return reduce(np.multiply.outer, counts, np.ones((), dtype))


def _counts(size: int, axis: Sequence[sparse.csr_array], dtype: np.dtype[Any]) -> NDArray[Any]:
    counts: NDArray[Any] = np.ones(size, dtype)
    for taps in axis:
        counts = np.asarray(taps @ counts)
    return counts


# -- a real kernel ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Checkerboard:
    """Outputs of a stack for an even input: of ones, and of white noise.

    Parameters
    ----------
    gain : output_shape ndarray
        Row sums of the matrix: the output for an input of ones; of integers int64, or float64 where these could outgrow
        64 bits.
    energy : output_shape ndarray
        Row sums of the squares of its entries: the variance of the output for noise of variance one.
    phase_gain, phase_energy : (out_channels, *period) ndarray
        The same away from the borders, where they repeat with the period: entry r belongs to the outputs r, r + period,
        ...; nan for a phase that stands at borders only.
    """

    gain: NDArray[Any]
    energy: NDArray[Any]
    phase_gain: NDArray[Any]
    phase_energy: NDArray[Any]

    @property
    def ratio(self) -> float:
        """Largest phase energy over the smallest of the same channel, of the channel where that is most.

        1 is even, inf has a phase that gets nothing, nan one that stands at borders only.
        """
        axes = tuple(range(1, self.phase_energy.ndim))
        most, least = self.phase_energy.max(axis=axes), self.phase_energy.min(axis=axes)
        return float(np.max(np.divide(most, least, where=least != 0, out=np.where(most > 0, np.inf, 1.0))))


def checkerboard(layer: Stack, weight: Weights | None = None) -> Checkerboard:
    """Compute gain and energy of every output of a stack for given kernels, and of every phase away from the borders.

    Even counts (see `overlap`) do not make even outputs: a kernel's taps of one phase may still weigh more than those
    of another. Nor does a pixel shuffle, whose phases are kernels of their own. The matrix is built: for the phases, a
    small input will do.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : sequence of array_like or None
        One entry for each layer, as for `Network.matrix`; not needed where the layers have their weights.

    Returns
    -------
    Checkerboard

    Raises
    ------
    ValueError
        If there is a `MaxPool`, or as `Network.matrix` does.

    Examples
    --------
    >>> up = ConvTranspose((4,), 4, stride=2, padding=1)
    >>> even = checkerboard(up, [[1, 3, 3, 1]])
    >>> even.phase_gain, even.ratio
    (array([[4., 4.]]), 1.0)
    >>> checkerboard(up, [[1, 3, 0, 1]]).phase_energy
    array([[10.,  1.]])
    """
    network = as_network(layer)
    for number, each in enumerate(network.layers):
        if isinstance(each, MaxPool):
            raise ValueError(
                f"layer {number}, MaxPool, is linear only at a given input, where no phase repeats: leave "
                "it out, or take an AvgPool"
            )
    stack, weight_entries = with_weights(layer) if weight is None else with_weights(network, weight)
    matrix = stack.matrix(weight_entries)
    squares = abs(matrix.astype(np.result_type(matrix, np.float64))).power(2)  # int8's -128 has no absolute value
    sums = (_summable(matrix).sum(axis=1), squares.sum(axis=1))
    gain, energy = (np.asarray(row_sums).reshape(network.output_shape) for row_sums in sums)
    clean = [
        _representatives(size, steps, period)
        for size, steps, (period, _) in zip(network.input_size, network.steps, network.periods, strict=True)
    ]
    return Checkerboard(gain, energy, _by_phase(gain, clean), _by_phase(energy, clean))


def _summable(matrix: sparse.csr_array) -> sparse.csr_array:
    """The matrix, in floats where sums of its integers could outgrow 64 bits."""
    if matrix.dtype.kind not in "iu" or not matrix.nnz:
        return matrix
    most = largest_magnitude(matrix.data) * int(np.diff(matrix.indptr).max())
    return matrix if most <= np.iinfo(np.int64).max else matrix.astype(np.float64)


def _representatives(size: int, steps: Sequence[Step], period: int) -> NDArray[np.intp]:
    """For each phase one output that no border touches in any layer; -1 where there is none."""
    near_border = np.zeros(size, dtype=np.int64)
    for step in steps:
        near_border = np.minimum(np.asarray(step.taps @ near_border), 1)
        near_border[: step.interior.start] = 1
        near_border[step.interior.stop :] = 1
    outputs = np.full(period, -1)
    clean = np.flatnonzero(near_border == 0)
    outputs[clean % period] = clean
    return outputs


def _by_phase(image: NDArray[Any], representatives: Sequence[NDArray[np.intp]]) -> NDArray[Any]:
    """Pick the outputs that stand for the phases from (channels, *size)."""
    where = np.ix_(np.arange(len(image)), *representatives)
    missing = reduce(np.logical_or, (index < 0 for index in where))
    return np.where(missing, np.nan, image[where])


# -- other ways up ---------------------------------------------------------------------------------------------------


def upsamplers(
    input_size: int | Sequence[int],
    factor: int,
    kernel_size: int,
    *,
    in_channels: int = 1,
    out_channels: int = 1,
) -> dict[str, Network]:
    """Build the usual ways to a larger image, to be compared: all have one kernel and outputs of one shape.

    Parameters
    ----------
    input_size : int or sequence of int
    factor, kernel_size : int
    in_channels, out_channels : int, default 1

    Returns
    -------
    dict from str to Network
        ``transposed``: a transposed convolution. ``nearest`` and ``linear``: resize-convolution. ``shuffle``: a
        convolution to more channels, and a pixel shuffle.

    References
    ----------
    .. [1] Odena, Dumoulin & Olah, *Deconvolution and checkerboard artifacts*, Distill, 2016.
    .. [2] Shi et al., arXiv:1609.05158.

    Examples
    --------
    >>> for name, network in upsamplers((4,), factor=2, kernel_size=3).items():
    ...     print(f"{name:10}", overlap_counts(network))
    transposed [1 1 2 1 2 1 2 1]
    nearest    [2 3 3 3 3 3 3 2]
    linear     [3 5 6 6 6 6 5 3]
    shuffle    [2 2 3 3 3 3 2 2]
    """
    up = ConvTranspose(
        input_size, kernel_size, stride=factor, padding="same", in_channels=in_channels, out_channels=out_channels
    )
    networks = {"transposed": Network([up])}
    for mode in ("nearest", "linear"):
        resize = Upsample(up.input_size, scale=factor, mode=mode, channels=in_channels)
        conv = Conv(up.output_size, kernel_size, padding="same", in_channels=in_channels, out_channels=out_channels)
        networks[mode] = Network([resize, conv])
    shuffle = PixelShuffle(up.input_size, factor, channels=out_channels)
    conv = Conv(up.input_size, kernel_size, padding="same", in_channels=in_channels, out_channels=shuffle.in_channels)
    return {**networks, "shuffle": Network([conv, shuffle])}
