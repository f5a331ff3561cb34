"""Block-circulant matrices: where every output of a layer reads what the one before it reads, around a ring.

The Fourier transform splits such a matrix into one small block for each frequency, and the singular values of the
blocks are those of the matrix.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.algebra.stack.arguments import Stack, simplest
from convmatrix.algebra.stack.network import Network
from convmatrix.core.axis import Axis
from convmatrix.core.errors import counted
from convmatrix.core.memory import require_memory
from convmatrix.layers import Conv

__all__ = ["Progress", "Turn", "ring_values", "stays_inside", "turns_of", "why_no_turns"]

Progress = Callable[[int, int], object]
"""Called with (done, total) while the work goes on; raising in it ends the work."""
Array = NDArray[Any]

_CHUNK = 2**20
"""Numbers in the blocks that are decomposed between two reports of progress."""


# -- is it one? ------------------------------------------------------------------------------------------------------


class Turn(NamedTuple):
    """An axis on which every output reads what the one before it reads, `width` inputs further on, around the ring.

    `reads` is the input that output 0 reads through each tap; -1 for a zero.
    """

    blocks: int
    width: int
    reads: NDArray[np.int64]


def turns_of(conv: Stack) -> tuple[Turn, ...] | None:
    """Find the turns of all axes.

    Parameters
    ----------
    conv : layer, Network, or sequence of layers

    Returns
    -------
    tuple of Turn, or None
        None unless it is one layer whose matrix is block-circulant on every axis.

    Examples
    --------
    >>> turns_of(Conv((6,), 3, stride=2, padding=1, padding_mode="circular"))
    (Turn(blocks=3, width=2, reads=array([5, 0, 1])),)
    """
    stack = simplest(conv)
    if isinstance(stack, Network):
        return None
    turns = []
    for axis in stack.axes:
        turn = _turn(axis)
        if turn is None:
            return None
        turns.append(turn)
    return tuple(turns)


def _turn(axis: Axis) -> Turn | None:
    """Ask the axis' table whether its outputs take turns."""
    width, rest = divmod(axis.input_size, axis.output_size)
    if rest:
        return None
    (first,) = axis.extend(axis.positions(np.zeros(1, dtype=np.int64)))

    def turned(outputs: NDArray[np.int64]) -> bool:
        expected = np.where(first < 0, first, (first + outputs[:, None] * width) % axis.input_size)
        return np.array_equal(axis.extend(axis.positions(outputs)), expected)

    # On a ring the first step is as all others. Elsewhere the border shows at the ends, before all is looked at.
    ends = np.arange(axis.output_size)[[0, min(1, axis.output_size - 1), -1]]
    if turned(ends) and (axis.mode == "circular" or turned(np.arange(axis.output_size))):
        return Turn(axis.output_size, width, first)
    return None


def stays_inside(axis: Axis) -> bool:
    """Whether no window reaches beyond the input, so that the padding mode does not matter."""
    return axis.interior_outputs() == (0, axis.output_size)


def why_no_turns(conv: Stack) -> str:
    """Tell why the matrix of a layer is not block-circulant.

    Returns
    -------
    str
        Of the first axis on which it is not.

    Examples
    --------
    >>> why_no_turns(Conv(9, 3, stride=2, padding=1, padding_mode="circular"))
    'stride 2 does not divide input_size 9 on axis 0'
    """
    stack = simplest(conv)
    if isinstance(stack, Network):
        return f"a Network of {counted(len(stack.layers), 'layer')} has no single kernel to be transformed"
    number, axis = next((number, axis) for number, axis in enumerate(stack.axes) if _turn(axis) is None)
    if axis.mode != "circular" and not stays_inside(axis):
        there = "zeros" if axis.mode == "zeros" else "inputs of that end again"
        return f"padding_mode {axis.mode!r}: beyond an end of axis {number}, windows read {there}, not the other end"
    n, stride, spread = axis.input_size, axis.stride, axis.input_dilation
    if axis.period > 1:
        return (f"input_dilation {spread} with stride {stride} on axis {number} makes {axis.period} kinds of outputs, "
                "which read different taps")  # fmt: skip
    step = f"stride {stride}" if spread == 1 else f"stride {stride} / input_dilation {spread}"
    if n % axis.shift:
        return f"{step} does not divide input_size {n} on axis {number}"
    return f"output_size {axis.output_size} on axis {number} is not input_size {n} / {step} = {n // axis.shift}"


# -- its singular values ---------------------------------------------------------------------------------------------


def ring_values(
    conv: Conv, weight: Array, turns: Sequence[Turn], progress: Progress | None = None
) -> NDArray[np.float64]:
    """Compute all singular values of a block-circulant matrix, from its blocks and without itself.

    Parameters
    ----------
    conv : Conv
    weight : weight_shape ndarray of float64 or complex128
    turns : sequence of Turn
        What `turns_of` returns.
    progress : callable, optional
        Called with (done, total) frequencies.

    Returns
    -------
    (min(matrix_shape),) ndarray
        Each as often as it occurs, in no order.

    References
    ----------
    .. [1] Sedghi, Gupta & Long, The Singular Values of Convolutional Layers, arXiv:1805.10408: stride 1. Here with
       stride, each residue of the input's index modulo the stride being a channel of its own (polyphase).

    Examples
    --------
    >>> ring = Conv((4,), 2, padding="causal", padding_mode="circular")
    >>> ring_values(ring, np.array([[[1.0, 1.0]]]), turns_of(ring)).round(3)
    array([2.   , 1.414, 0.   , 1.414])
    """
    found = [_without_copies(turn) for turn in turns]
    turns, copies = [turn for turn, _ in found], prod(copies for _, copies in found)
    blocks = _frequency_blocks(conv, weight, turns)
    values = _values_of_blocks(blocks.reshape(-1, *blocks.shape[-2:]), progress)
    values = values.reshape(*blocks.shape[:-2], -1)
    if turns and weight.dtype.kind != "c":
        # Half of the last axis' frequencies have not been computed: their blocks are conjugates of others.
        twice = np.moveaxis(values, len(turns) - 1, 0)[1 : (turns[-1].blocks + 1) // 2]
        values = np.concatenate([values.ravel(), twice.ravel()])
    return np.tile(values.ravel(), copies)


def _without_copies(turn: Turn) -> tuple[Turn, int]:
    """One block for all frequencies, and their number, where windows do not overlap: 1 x 1 kernels, and patches."""
    width = turn.width
    # If all taps read from one turn, the blocks of all frequencies are alike but for a phase.
    if len(np.unique(turn.reads[turn.reads >= 0] // width)) > 1:
        return turn, 1
    return Turn(1, width, np.where(turn.reads < 0, turn.reads, turn.reads % width)), turn.blocks


def _frequency_blocks(conv: Conv, weight: Array, turns: Sequence[Turn]) -> Array:
    """Transform the kernel, laid on the ring, into one block for each frequency.

    Input ``q * width + p`` of an axis is entry q of channel p; then C is a circular convolution of stride 1 on rings
    of `blocks` entries, which the Fourier transform makes a product for each frequency.

    Returns
    -------
    (*frequencies, groups, out channels of a group, in channels of a group * prod(width)) ndarray of complex128
        For a real weight only with the non-negative frequencies of the last axis.
    """
    size = conv.out_channels * conv.in_channels // conv.groups * prod(turn.blocks * turn.width for turn in turns)
    require_memory(
        3 * weight.dtype.itemsize * size,
        f"the transform of {prod(turn.blocks for turn in turns)} blocks",
        "use extreme_singular_values with method='lanczos', or the layer on a smaller input",
    )
    ring = weight.reshape(conv.groups, -1, *weight.shape[1:])  # shape (groups, out, in, *kernel_size)
    for axis, turn in enumerate(turns, start=3):
        ring = _laid_on_ring(ring, axis, turn)
    ring = ring.reshape(*ring.shape[:3], *(size for turn in turns for size in (turn.blocks, turn.width)))
    stop = 3 + 2 * len(turns)
    blocks = np.ascontiguousarray(ring.transpose([*range(3, stop, 2), 0, 1, 2, *range(4, stop, 2)]))
    blocks = blocks.reshape(*(turn.blocks for turn in turns), *ring.shape[:2], -1)
    if not turns:
        return blocks
    transform = np.fft.fftn if weight.dtype.kind == "c" else np.fft.rfftn
    return transform(blocks, axes=tuple(range(len(turns))))


def _laid_on_ring(ring: Array, axis: int, turn: Turn) -> Array:
    """Put the taps of an axis onto the inputs that output 0 reads through them; those that meet add up."""
    out = np.zeros((*ring.shape[:axis], turn.blocks * turn.width, *ring.shape[axis + 1 :]), dtype=ring.dtype)
    places, taps = np.moveaxis(out, axis, 0), np.moveaxis(ring, axis, 0)
    for tap, read in enumerate(turn.reads.tolist()):
        if read >= 0:
            places[read] += taps[tap]
    return out


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
