"""Block diagonalization of a layer's matrix, one small block for each frequency, and the blocks' singular values.

A block-circulant axis is a ring: every output reads what the one before it reads, some inputs further on, and the
Fourier transform makes a product of that. A symmetric border under a kernel that is its own mirror image makes the axis
half of a ring twice as long, whose waves are cosines. Where the outputs are fewer than the inputs, the frequencies that
look the same on the coarser grid, the aliases, share a block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np
import scipy  # scipy.fft loads when it is used
from numpy.typing import NDArray

from convmatrix.algebra.progress import Progress
from convmatrix.algebra.stack.arguments import Stack, simplest
from convmatrix.algebra.stack.network import Network
from convmatrix.core.axis import Axis
from convmatrix.core.errors import pluralize, shortened
from convmatrix.core.memory import require_memory
from convmatrix.layers import Conv, Layer

__all__ = ["Frequencies", "Ring", "ring_values", "rings_of", "stays_inside", "why_not_diagonalizable"]

Array = NDArray[Any]

_CHUNK = 2**20
"""Numbers in the blocks that are decomposed between two reports of progress."""


# -- conditions for blocks ------------------------------------------------------------------------------------------


class Ring(NamedTuple):
    """An axis on which every output reads what the one before it reads, `width` inputs further on, around a ring.

    `reads` is the position on the ring that output 0 reads through each tap; -1 for a zero. The ring is the input; of a
    `mirrored` one it is the input and its mirror image, twice as long, and the taps on it are their own mirror image.
    """

    outputs: int
    width: int
    reads: NDArray[np.int64]
    mirrored: bool = False

    @property
    def places(self) -> int:
        """Number of places to lay taps on: of a mirrored ring one half, with both places that are their own image."""
        return self.outputs + 1 if self.mirrored else self.outputs * self.width

    @property
    def is_pointwise(self) -> bool:
        """Check whether each output reads only the input of its own number, so that all waves stay themselves."""
        return self.width == 1 and bool((self.reads <= 0).all())


def rings_of(layer: Stack, weight: Array | None = None) -> tuple[Ring, ...] | None:
    """Find the ring of each axis.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape ndarray, optional
        As for `why_not_diagonalizable`.

    Returns
    -------
    tuple of Ring, or None
        None unless it is one layer, each axis of which is block-circulant or has cosines.

    Examples
    --------
    >>> rings_of(Conv((6,), 3, stride=2, padding=1, padding_mode="circular"))
    (Ring(outputs=3, width=2, reads=array([5, 0, 1]), mirrored=False),)
    """
    stack = simplest(layer)
    if isinstance(stack, Network):
        return None
    rings = []
    for number, axis in enumerate(stack.convolution.axes):
        ring = _ring(axis, number, weight)
        if ring is None:
            return None
        rings.append(ring)
    return tuple(rings)


def why_not_diagonalizable(layer: Stack, weight: Array | None = None) -> str | None:
    """Explain why the matrix of a layer has no block for each frequency.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape ndarray, optional
        A symmetric border needs it: only kernels that are their own mirror image will do.

    Returns
    -------
    str or None
        One clause, of the first axis that is neither block-circulant nor has cosines; None where there are blocks.

    Examples
    --------
    >>> why_not_diagonalizable(Conv(9, 3, stride=2, padding=1, padding_mode="circular"))
    'stride 2 does not divide input_size 9 on axis 0 (remainder 1)'
    """
    stack = simplest(layer)
    if isinstance(stack, Network):
        return f"a Network of {pluralize(len(stack.layers), 'layer')} has no single kernel to be transformed"
    for number, axis in enumerate(stack.convolution.axes):
        if _ring(axis, number, weight) is None:
            return _why_no_ring(axis, number, weight)
    return None


def _ring(axis: Axis, number: int, weight: Array | None) -> Ring | None:
    return _block_circulant(axis) or _mirrored(axis, number, weight)


def _mirrored(axis: Axis, number: int, weight: Array | None) -> Ring | None:
    if _why_no_ring(axis, number, weight) is not None:
        return None
    (first,) = axis.positions(np.zeros(1, dtype=np.int64))
    return Ring(axis.output_size, 1, first % (2 * axis.input_size), mirrored=True)


def _with_cosines(ring: Ring, number: int, axis: Axis, weight: Array) -> Ring:
    """The same axis with cosines, if it has them too: in these, differences that end at the border are diagonal."""
    if ring.is_pointwise:
        return ring._replace(mirrored=True)
    return _mirrored(axis, number, weight) or ring


def _block_circulant(axis: Axis) -> Ring | None:
    """The ring of an axis by its table, whatever its padding mode."""
    width, rest = divmod(axis.input_size, axis.output_size)
    if rest:
        return None
    (first,) = axis.extend(axis.positions(np.zeros(1, dtype=np.int64)))

    def moved_on(outputs: NDArray[np.int64]) -> bool:
        expected = np.where(first < 0, first, (first + outputs[:, None] * width) % axis.input_size)
        return np.array_equal(axis.extend(axis.positions(outputs)), expected)

    # On a ring the first step is as all others. Elsewhere the border shows at the ends, before all is looked at.
    ends = np.arange(axis.output_size)[[0, min(1, axis.output_size - 1), -1]]
    if moved_on(ends) and (axis.mode == "circular" or moved_on(np.arange(axis.output_size))):
        return Ring(axis.output_size, width, first)
    return None


def stays_inside(axis: Axis) -> bool:
    """Check whether no window reaches beyond the input, so that the padding mode does not matter."""
    return axis.interior_outputs() == (0, axis.output_size)


def _why_no_ring(axis: Axis, number: int, weight: Array | None) -> str | None:
    """Explain why an axis that is not block-circulant has no cosine basis either; None if it has."""
    n, stride, spread = axis.input_size, axis.stride, axis.input_dilation
    if axis.mode != "circular" and not stays_inside(axis):
        if axis.mode != "symmetric":
            there = "zeros" if axis.mode == "zeros" else "inputs of that end again"
            border = f"beyond an end of axis {number}, windows read {there}, not the other end"
            return f"padding_mode {axis.mode!r}: {border}"
        if stride > 1:
            return f"stride {stride} on axis {number} with padding_mode 'symmetric' mixes its cosines"
        if axis.output_size == n:
            return _why_no_cosines(axis, number, weight)
    if axis.period > 1:
        return (
            f"input_dilation {spread} with stride {stride} on axis {number} makes {axis.period} kinds of outputs, "
            "which read different taps"
        )
    step = f"stride {stride}" if spread == 1 else f"stride {stride} / input_dilation {spread}"
    if n % axis.shift:
        return f"{step} does not divide input_size {n} on axis {number} (remainder {n % axis.shift})"
    return f"output_size {axis.output_size} on axis {number} is not input_size {n} / {step} = {n // axis.shift}"


def _why_no_cosines(axis: Axis, number: int, weight: Array | None) -> str | None:
    """The same for a symmetric border with stride 1 and as many outputs as inputs."""
    if axis.before != axis.after:
        pads = (axis.before, axis.after)
        return f"padding {pads} on axis {number} with padding_mode 'symmetric' is off the centre"
    if weight is not None and not np.array_equal(weight, np.flip(weight, 2 + number)):
        return f"padding_mode 'symmetric' needs a kernel that is its own mirror image, on axis {number} it is not"
    return None


# -- the blocks ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Frequencies:
    """A layer's matrix in Fourier or cosine bases of its input and its output.

    With B = `blocks`, ``analyse(C x, "output")[f, g] = B[f, g] @ analyse(x, "input")[f, g]`` for every frequency f and
    every group g; both changes of basis are unitary, so that C has the singular values of the blocks.

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
    .. [1] H. Sedghi, V. Gupta, P. M. Long, The singular values of convolutional layers, ICLR 2019, arXiv:1805.10408:
       stride 1. With a stride, the waves that alias are the columns of one block.
    .. [2] G. Strang, The discrete cosine transform, SIAM Review 41 (1999): the symmetric border.

    Examples
    --------
    >>> waves = Frequencies(Conv((4,), 2, padding=((0, 1),), padding_mode="circular"), np.array([[[1, 1]]]))
    >>> np.abs(waves.blocks.ravel()).round(3)
    array([2.   , 1.414, 0.   , 1.414])
    """

    layer: Layer
    weight: Array
    rings: tuple[Ring, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rings = rings_of(self.layer, self.weight)
        if rings is None:
            raise ValueError(shortened(str(why_not_diagonalizable(self.layer, self.weight))))
        if self.layer.padding_mode != "circular":
            axes = enumerate(self.forward.axes)
            rings = tuple(_with_cosines(ring, *axis, self.weight) for ring, axis in zip(rings, axes, strict=True))
        object.__setattr__(self, "rings", rings)

    @property
    def forward(self) -> Conv:
        """The convolution itself, or that which a transposed convolution transposes."""
        return self.layer.convolution

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of frequencies on each axis."""
        return tuple(ring.outputs for ring in self.rings)

    @property
    def mirrored(self) -> bool:
        """Check whether all waves are cosines: on a symmetric border, and for a single pixel."""
        return all(ring.mirrored for ring in self.rings)

    @property
    def blocks(self) -> Array:
        """The blocks, shape (frequencies, groups, rows, cols), with as many waves as alias for each strided channel."""
        conv, weight = self.forward, np.asarray(self.weight)
        if conv is not self.layer:
            weight = weight.conj()  # for the plain transpose of C is the conjugate transpose of its conjugate
        count = prod(conv.weight_shape[:2]) * prod(conv.input_size)
        require_memory(
            4 * 16 * count, f"the transform of {prod(self.grid)} blocks, {count} numbers,", "solve by method='lsmr'"
        )
        blocks = _transform(conv, weight, self.rings)
        blocks = blocks.reshape(-1, *blocks.shape[-3:])
        return blocks if conv is self.layer else np.swapaxes(blocks.conj(), -1, -2)

    def analyse(self, images: Array, side: str) -> Array:
        """The waves of an image on the "input" or "output" side, shape (frequencies, groups, waves).

        Returns
        -------
        ndarray
            With channels outermost among the waves, then those that alias.
        """
        circular, mirrored = self._axes()
        waves = np.asarray(images)
        if mirrored:
            waves = np.asarray(scipy.fft.dctn(waves, axes=mirrored, norm="ortho"))
        if circular:
            waves = np.asarray(scipy.fft.fftn(waves, axes=circular, norm="ortho"))
        return _aliased(waves, self._widths(side)).reshape(prod(self.grid), self.layer.groups, -1)

    def synthesise(self, waves: Array, side: str) -> Array:
        """The image of these waves, in the layout that `analyse` returns.

        Returns
        -------
        input_shape or output_shape ndarray
        """
        widths, ndim = self._widths(side), len(self.rings)
        shape = self.layer.input_shape if side == "input" else self.layer.output_shape
        images = waves.reshape(*self.grid, shape[0], *widths)
        pairs = ((ndim + 1 + axis, axis) for axis in range(ndim))  # aliases outside of the frequencies they look like
        images = images.transpose(ndim, *(axis for pair in pairs for axis in pair)).reshape(shape)
        circular, mirrored = self._axes()
        if circular:
            images = np.asarray(scipy.fft.ifftn(images, axes=circular, norm="ortho"))
        if mirrored:
            images = np.asarray(scipy.fft.idctn(images, axes=mirrored, norm="ortho"))
        return images

    def differences(self) -> Array:
        """Eigenvalues 2 - 2 cos of the second differences by wave of the input, shape (frequencies, 1, aliases)."""
        periods = [
            np.arange(n) / (2 * n if ring.mirrored else n)
            for n, ring in zip(self.layer.input_size, self.rings, strict=True)
        ]
        squares = reduce(np.add.outer, (2 - 2 * np.cos(2 * np.pi * period) for period in periods), np.zeros(()))
        return _aliased(squares[None], self._widths("input")).reshape(prod(self.grid), 1, -1)

    def name(self, frequency: int) -> tuple[int, ...]:
        """A frequency as the number of its waves on each axis."""
        return tuple(int(entry) for entry in np.unravel_index(frequency, self.grid))

    def _widths(self, side: str) -> tuple[int, ...]:
        """Number of aliases on each axis of one side."""
        fine = "input" if isinstance(self.layer, Conv) else "output"
        return tuple(ring.width if side == fine else 1 for ring in self.rings)

    def _axes(self) -> tuple[list[int], list[int]]:
        """The axes of an image with Fourier modes, and those with cosines."""
        circular, mirrored = (
            [1 + axis for axis, ring in enumerate(self.rings) if ring.mirrored == kind] for kind in (False, True)
        )
        return circular, mirrored


def _aliased(waves: Array, widths: tuple[int, ...]) -> Array:
    """Bring the last axes, all their frequencies, to (frequencies of the coarse grid, ..., aliases)."""
    lead, size = waves.shape[: waves.ndim - len(widths)], waves.shape[waves.ndim - len(widths) :]
    coarse = tuple(n // width for n, width in zip(size, widths, strict=True))
    split = waves.reshape(*lead, *(part for pair in zip(widths, coarse, strict=True) for part in pair))
    first = len(lead)
    alias_axes = range(first, split.ndim, 2)
    coarse_axes = range(first + 1, split.ndim, 2)
    return split.transpose(*coarse_axes, *range(first), *alias_axes).reshape(prod(coarse), *lead, prod(widths))


# -- from taps to blocks ---------------------------------------------------------------------------------------------


def _transform(
    conv: Conv, weight: Array, rings: Sequence[Ring], halved: int | None = None, *, polyphase: bool = False
) -> Array:
    """Transform the taps, laid on the rings, into one block for each frequency.

    The first axis to be transformed, while numbers are real and other axes have the kernel's size, is the `halved`
    one: the upper half of its frequencies is left out. With `polyphase` an axis of one frequency keeps the inputs of
    its one step in place of their aliases: another basis, which changes no singular value and keeps real blocks real.

    Returns
    -------
    (*frequencies, groups, out channels of a group, in channels of a group * prod(width)) ndarray
    """
    ndim, groups = len(rings), conv.groups
    taps = weight.reshape(groups, conv.out_channels // groups, conv.in_channels // groups, *conv.kernel_size)
    taps = taps.transpose(*range(3, 3 + ndim), 0, 1, 2).astype(np.result_type(taps, np.float64), copy=False)
    taps = taps.reshape(*taps.shape, *(1,) * ndim)  # the last axes are to hold the aliases of the first
    for axis in sorted(range(ndim), key=lambda axis: axis != halved):
        if polyphase and rings[axis].outputs == 1:
            taps = _split_axis(_laid_on_ring(taps, axis, rings[axis]), axis, rings[axis])
        else:
            taps = _transform_axis(taps, axis, rings[axis], half=axis == halved)
    return taps.reshape(*taps.shape[: ndim + 2], -1)


def _transform_axis(taps: Array, axis: int, ring: Ring, *, half: bool) -> Array:
    """Sum of the taps times exp(2 pi i f t / n) / sqrt(width) for each frequency f, up to the middle with `half`."""
    laid = _laid_on_ring(taps if ring.width == 1 else taps / sqrt(ring.width), axis, ring)
    if ring.mirrored:
        response = np.asarray(scipy.fft.dct(laid, type=1, axis=axis, overwrite_x=True))
        return response[(slice(None),) * axis + (slice(ring.outputs),)]
    if half and ring.width == 1:
        return np.asarray(scipy.fft.ihfft(laid, axis=axis, norm="forward"))
    response = np.asarray(scipy.fft.ifft(laid, axis=axis, norm="forward", overwrite_x=True))
    response = _split_axis(response, axis, ring)
    return response[(slice(None),) * axis + (slice(ring.outputs // 2 + 1),)] if half else response


def _split_axis(response: Array, axis: int, ring: Ring) -> Array:
    """Leave frequencies f on their axis, and put their aliases f + outputs, f + 2 * outputs, ... on the axis for them.

    Parameters
    ----------
    response : (*frequencies or taps, groups, out channels, in channels, *aliases) ndarray

    Returns
    -------
    ndarray
        Of as many axes.
    """
    ndim = (response.ndim - 3) // 2
    split = response.reshape(*response.shape[:axis], ring.width, ring.outputs, *response.shape[axis + 1 :])
    return split.swapaxes(axis, ndim + 4 + axis).squeeze(axis)


def _laid_on_ring(taps: Array, axis: int, ring: Ring) -> Array:
    """Put the taps of an axis onto the places that output 0 reads through them; taps on one place add up."""
    laid = np.zeros((*taps.shape[:axis], ring.places, *taps.shape[axis + 1 :]), dtype=taps.dtype)
    places, from_tap = np.moveaxis(laid, axis, 0), np.moveaxis(taps, axis, 0)
    for tap, place in enumerate(ring.reads.tolist()):
        if 0 <= place < ring.places:  # beyond there are the mirror images of others
            places[place] += from_tap[tap]
    return laid


# -- singular values -------------------------------------------------------------------------------------------------


def ring_values(
    conv: Conv, weight: Array, rings: Sequence[Ring], progress: Progress | None = None
) -> NDArray[np.float64]:
    """Compute all singular values of a matrix that has a block for each frequency, from the blocks alone.

    For a real weight one block of each conjugate pair is decomposed; for an axis on which windows do not overlap, one
    block for all frequencies.

    Parameters
    ----------
    conv : Conv
    weight : weight_shape ndarray of float64 or complex128
    rings : sequence of Ring
        What `rings_of` returns.
    progress : callable, optional
        Called with (done, total) frequencies.

    Returns
    -------
    (min(matrix_shape),) ndarray
        Each as often as it occurs, in no order.

    Raises
    ------
    TooLargeError
        If the blocks do not fit in memory: a MemoryError as well.

    Examples
    --------
    >>> ring = Conv((4,), 2, padding="causal", padding_mode="circular")
    >>> np.sort(ring_values(ring, np.array([[[1.0, 1.0]]]), rings_of(ring))).round(3)
    array([0.   , 1.414, 1.414, 2.   ])
    """
    pairs = [_without_copies(ring) for ring in rings]
    rings, copies = [ring for ring, _ in pairs], prod(copies for _, copies in pairs)
    frequencies = prod(ring.outputs for ring in rings)
    size = prod(conv.weight_shape[:2]) * frequencies * prod(ring.width for ring in rings)
    require_memory(
        3 * weight.dtype.itemsize * size,
        f"the transform of {frequencies} blocks",
        "use extreme_singular_values with method='lanczos', or the layer on a smaller input",
    )
    halved = None if weight.dtype.kind == "c" else _halved_axis(rings)
    blocks = _transform(conv, weight, rings, halved, polyphase=True)
    values = _values_of_blocks(blocks.reshape(-1, *blocks.shape[-2:]), progress)
    if halved is not None:  # the frequencies left out on this axis have the conjugates of others
        shaped = values.reshape(*blocks.shape[: len(rings)], -1)
        twice = np.moveaxis(shaped, halved, 0)[1 : (rings[halved].outputs + 1) // 2]
        values = np.concatenate([values.ravel(), twice.ravel()])
    return np.tile(values.ravel(), copies)


def _without_copies(ring: Ring) -> tuple[Ring, int]:
    """One block for all frequencies, and their number, where windows do not overlap: 1 x 1 kernels, and patches."""
    # If all taps read from one step, the blocks of all frequencies are alike but for a phase.
    if len(np.unique(ring.reads[ring.reads >= 0] // ring.width)) > 1:
        return ring, 1
    reads = np.where(ring.reads < 0, ring.reads, ring.reads % ring.width)
    return Ring(1, ring.width, reads), ring.outputs


def _halved_axis(rings: Sequence[Ring]) -> int | None:
    """The axis with most conjugate pairs of frequencies, if any has some."""
    pairs = [0 if ring.mirrored else (ring.outputs - 1) // 2 for ring in rings]
    return int(np.argmax(pairs)) if any(pairs) else None


def _values_of_blocks(blocks: Array, progress: Progress | None) -> NDArray[np.float64]:
    """Singular values of blocks (count, m, n), shape (count, min(m, n))."""
    count, rows, cols = blocks.shape
    if min(rows, cols) == 1:
        return np.asarray(np.linalg.norm(blocks, axis=(1, 2)))[:, None]
    values = np.empty((count, min(rows, cols)))
    step = max(_CHUNK // (rows * cols), 1)
    for start in range(0, count, step):
        values[start : start + step] = np.linalg.svd(blocks[start : start + step], compute_uv=False)
        if progress is not None:
            progress(min(start + step, count), count)
    return values
