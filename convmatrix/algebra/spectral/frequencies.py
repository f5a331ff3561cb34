"""Where a layer's matrix falls apart into one small block for each frequency.

A circular border makes the axis a circle, whose waves are the Fourier modes; a symmetric border under a kernel that is
its own mirror image makes it half of a circle twice as long, whose waves are cosines. With a stride, the frequencies
that look the same on the coarser grid share a block.
"""

from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import scipy  # scipy.fft loads when it is used
from numpy.typing import NDArray

from convmatrix.algebra.stack.arguments import Stack, simplest
from convmatrix.algebra.stack.network import Network
from convmatrix.core.errors import counted, shortened
from convmatrix.core.memory import require_memory
from convmatrix.layers import Conv, ConvTranspose

__all__ = ["Frequencies", "why_no_frequencies"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Frequencies:
    """A layer's matrix between the waves of its input and those of its output.

    With B = `blocks`, ``analyse(C x, "output")[f, g] = B[f, g] @ analyse(x, "input")[f, g]`` for every frequency f and
    every group g; both changes of basis are unitary, so that the singular values of C are those of the blocks.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like

    Raises
    ------
    ValueError
        If the matrix does not fall apart into such blocks.

    References
    ----------
    .. [1] H. Sedghi, V. Gupta, P. M. Long, The singular values of convolutional layers, ICLR 2019: stride 1. With a
       stride, the waves that alias are the columns of one block.
    .. [2] G. Strang, The discrete cosine transform, SIAM Review 41 (1999): the symmetric border.

    Examples
    --------
    >>> waves = Frequencies(Conv((4,), 2, padding=((0, 1),), padding_mode="circular"), np.array([[[1, 1]]]))
    >>> np.abs(waves.blocks.ravel()).round(3)
    array([2.   , 1.414, 0.   , 1.414])
    """

    layer: Conv | ConvTranspose
    weight: Array

    def __post_init__(self) -> None:
        reason = why_no_frequencies(self.layer, self.weight)
        if reason:
            raise ValueError(shortened(reason))

    @property
    def forward(self) -> Conv:
        """The convolution itself, or that which a transposed convolution transposes."""
        return self.layer.convolution

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of frequencies on each axis."""
        return self.forward.output_size

    @property
    def mirrored(self) -> bool:
        """Whether the waves are cosines: on a symmetric border, and for single pixels, of which all waves are such."""
        return self.layer.padding_mode != "circular" and set(self.layer.stride) <= {1}

    @property
    def blocks(self) -> Array:
        """The blocks, shape (frequencies, groups, rows, cols), with as many waves as alias for each strided channel."""
        conv, weight = self.forward, self.weight
        if conv is not self.layer:
            weight = weight.conj()  # for the plain transpose of C is the conjugate transpose of its conjugate
        count = prod(conv.weight_shape[:2]) * prod(conv.input_size)
        require_memory(
            4 * 16 * count * (2**conv.ndim if self.mirrored else 1),
            f"the transform of {prod(self.grid)} blocks, {count} numbers,",
            "solve by method='lsmr'",
        )
        around = [2 * n if self.mirrored else n for n in conv.input_size]
        taps = np.zeros((*conv.weight_shape[:2], *around), dtype=np.result_type(weight, np.float64))
        places = [
            (axis.positions(np.zeros(1, dtype=np.int64))[0] % n) for axis, n in zip(conv.axes, around, strict=True)
        ]
        np.add.at(taps, (slice(None), slice(None), *np.ix_(*places)), weight)
        axes = tuple(range(2, taps.ndim))
        response: Array = scipy.fft.ifftn(taps, axes=axes, norm="forward")  # sum of w[t] exp(+2 pi i f t / n)
        if self.mirrored:
            half: tuple[Any, ...] = (..., *(slice(n) for n in conv.input_size))
            response = response[half] if np.iscomplexobj(weight) else response[half].real
        rows, cols = conv.out_channels // conv.groups, conv.in_channels // conv.groups
        aliased = _aliased(response, conv.stride)  # shape (frequencies, out, in / groups, aliases)
        blocks = aliased.reshape(len(aliased), conv.groups, rows, cols * prod(conv.stride)) / np.sqrt(prod(conv.stride))
        return blocks if conv is self.layer else np.swapaxes(blocks.conj(), -1, -2)

    def analyse(self, images: Array, side: str) -> Array:
        """The waves of an image on the "input" or "output" side, shape (frequencies, groups, waves).

        Returns
        -------
        ndarray
            With channels outermost among the waves, then those that alias.
        """
        axes = tuple(range(1, images.ndim))
        waves: Array = (
            scipy.fft.dctn(images, axes=axes, norm="ortho")
            if self.mirrored
            else scipy.fft.fftn(images, axes=axes, norm="ortho")
        )
        return _aliased(waves, self._stride(side)).reshape(prod(self.grid), self.layer.groups, -1)

    def synthesise(self, waves: Array, side: str) -> Array:
        """The image of these waves, as `analyse` has them.

        Returns
        -------
        input_shape or output_shape ndarray
        """
        stride = self._stride(side)
        shape = self.layer.input_shape if side == "input" else self.layer.output_shape
        images = waves.reshape(*self.grid, shape[0], *stride)
        ndim = len(stride)
        order = [
            ndim,
            *(axis for pair in zip(range(ndim + 1, 2 * ndim + 1), range(ndim), strict=True) for axis in pair),
        ]
        images = images.transpose(order).reshape(shape)
        axes = tuple(range(1, images.ndim))
        if self.mirrored:
            return np.asarray(scipy.fft.idctn(images, axes=axes, norm="ortho"))
        return np.asarray(scipy.fft.ifftn(images, axes=axes, norm="ortho"))

    def differences(self) -> Array:
        """What second differences make of each wave of the input, shape (frequencies, 1, aliases): 2 - 2 cos of it."""
        size = self.layer.input_size
        turns = [np.arange(n) / (2 * n if self.mirrored else n) for n in size]
        squares = reduce(np.add.outer, (2 - 2 * np.cos(2 * np.pi * turn) for turn in turns), np.zeros(()))
        return _aliased(squares[None], self._stride("input")).reshape(prod(self.grid), 1, -1)

    def name(self, frequency: int) -> tuple[int, ...]:
        """A frequency as the number of its waves on each axis."""
        return tuple(int(entry) for entry in np.unravel_index(frequency, self.grid))

    def _stride(self, side: str) -> tuple[int, ...]:
        fine = "input" if isinstance(self.layer, Conv) else "output"
        return self.layer.stride if side == fine else (1,) * self.layer.ndim


def why_no_frequencies(layer: Stack, weight: Array | None = None) -> str | None:
    """Tell why a layer has no such blocks.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape ndarray, optional
        A symmetric border needs it: only kernels that are their own mirror image will do.

    Returns
    -------
    str or None
        One clause; None where there are blocks.

    Examples
    --------
    >>> why_no_frequencies(Conv(4, 3, padding=1))
    "padding_mode 'zeros' has windows that reach over the border, and neither circles nor mirrors there"
    """
    layer = simplest(layer)
    if isinstance(layer, Network):
        return f"a Network of {counted(len(layer.layers), 'layer')} has no single kernel to be transformed"
    conv = layer.convolution
    for number, axis in enumerate(conv.axes):
        n, stride, outputs = axis.input_size, axis.stride, axis.output_size
        if axis.input_dilation > 1:
            return f"input_dilation {axis.input_dilation} on axis {number} puts zeros between the inputs"
        if n % stride:
            return f"stride {stride} does not divide input_size {n} on axis {number} (remainder {n % stride})"
        if outputs != n // stride:
            return (
                f"axis {number} has {outputs} windows, a circle has {n // stride} (= input_size {n} / stride {stride})"
            )
    if layer.padding_mode == "circular" or _inside(conv):
        return None
    if layer.padding_mode != "symmetric":
        return (
            f"padding_mode {layer.padding_mode!r} has windows that reach over the border, and neither circles nor "
            "mirrors there"
        )
    if any(stride > 1 for stride in conv.stride):
        return f"stride {conv.stride} with padding_mode 'symmetric' mixes its cosines"
    for number, (before, after) in enumerate(conv.padding):
        if before != after:
            return f"padding ({before}, {after}) on axis {number} with padding_mode 'symmetric' is off the centre"
        if weight is not None and not np.array_equal(weight, np.flip(weight, 2 + number)):
            return f"padding_mode 'symmetric' needs a kernel that is its own mirror image, on axis {number} it is not"
    return None


def _inside(conv: Conv) -> bool:
    """Whether all windows lie on the input, so that the padding mode does not matter."""
    return all(axis.interior_outputs() == (0, axis.output_size) for axis in conv.axes)


def _aliased(waves: Array, stride: tuple[int, ...]) -> Array:
    """Bring the last axes, n frequencies each, to (frequencies that the strided grid tells apart, ..., aliases)."""
    lead, size = waves.shape[: waves.ndim - len(stride)], waves.shape[waves.ndim - len(stride) :]
    coarse = tuple(n // s for n, s in zip(size, stride, strict=True))
    split = waves.reshape(*lead, *(part for pair in zip(stride, coarse, strict=True) for part in pair))
    first = len(lead)
    fine_axes = range(first, split.ndim, 2)
    coarse_axes = range(first + 1, split.ndim, 2)
    return split.transpose(*coarse_axes, *range(first), *fine_axes).reshape(prod(coarse), *lead, prod(stride))
