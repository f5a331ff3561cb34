"""A matrix of any size as few pixels, by the taps of its entries, counted block by block from the tables of the axes.

The matrix is not built, so that one of many millions of entries takes seconds and almost no memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.axis import NOTHING, Axis
from convmatrix.layers import ConvTranspose, Layer

__all__ = ["NONE", "tap_raster"]

NONE = -1
"""Value of a pixel without an entry."""
_MOST = 10**9
"""Most entries: about half a minute."""
_BLOCK = 2**17
"""Runs of entries that are counted at once."""

Ints = NDArray[np.int64]


def tap_raster(layer: Layer, side: int = 600) -> NDArray[np.int32]:
    """Find for each pixel of a picture of the matrix the most frequent tap of its entries.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    side : int, default 600
        Most pixels on a side; each stands for equally many rows and columns, but the last ones.

    Returns
    -------
    (height, width) ndarray of int32
        Flat kernel positions, the first of those that are equally frequent; -1 where there are no entries.

    Raises
    ------
    ValueError
        If the matrix has more than a thousand million entries.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> tap_raster(Conv((4,), 3, padding=1))
    array([[ 1,  2, -1, -1],
           [ 0,  1,  2, -1],
           [-1,  0,  1,  2],
           [-1, -1,  0,  1]], dtype=int32)
    """
    if layer.nnz > _MOST:
        raise ValueError(
            f"the matrix has {layer.nnz} entries but at most {_MOST} are drawn: draw a layer with fewer "
            "channels, or a smaller input"
        )
    steps = [-(-size // side) for size in layer.matrix_shape]
    height, width = (-(-size // step) for size, step in zip(layer.matrix_shape, steps, strict=True))
    most = np.zeros(height * width, dtype=np.int32)
    taps = np.full(height * width, NONE, dtype=np.int32)
    for number, tap in enumerate(product(*map(range, layer.kernel_size))):
        counts = np.zeros(height * width, dtype=np.int32)
        for rows, cols, run in _runs(layer, tap):
            _count(counts, width, steps, rows, cols, run)
        more = counts > most
        most[more], taps[more] = counts[more], number
    return taps.reshape(height, width)


class _Run(NamedTuple):
    """Entries of one tap along the last axis, evenly spaced: steps from one to the next, and their number."""

    down: int
    across: int
    length: int


def _count(counts: NDArray[np.int32], width: int, steps: list[int], rows: Ints, cols: Ints, run: _Run) -> None:
    """Count runs of entries that begin at these rows and columns, as many at once as lie in one pixel."""
    left = np.full(rows.shape, run.length)
    while len(rows):
        pixels = rows // steps[0], cols // steps[1]
        here = np.minimum(left, _within(rows, pixels[0], steps[0], run.down))
        here = np.minimum(here, _within(cols, pixels[1], steps[1], run.across))
        np.add.at(counts, pixels[0] * width + pixels[1], here.astype(np.int32))
        on = here < left
        here, left = here[on], (left - here)[on]
        rows, cols = rows[on] + run.down * here, cols[on] + run.across * here


def _within(places: Ints, pixels: Ints, step: int, each: int) -> Ints:
    """Number of places, evenly spaced from the first, that lie in the pixel of the first."""
    if each > 0:
        return -(-((pixels + 1) * step - places) // each)
    if each < 0:
        return (places - pixels * step) // -each + 1
    return np.full(places.shape, _MOST)


def _runs(layer: Layer, tap: tuple[int, ...]) -> Iterator[tuple[Ints, Ints, _Run]]:
    """Rows and columns of the first entries of runs that one tap has, block by block."""
    outputs, inputs = (prod(axis.output_size for axis in layer.axes), prod(axis.input_size for axis in layer.axes))
    transposed = isinstance(layer, ConvTranspose)
    to, of = (layer.in_channels, layer.out_channels) if transposed else (layer.out_channels, layer.in_channels)
    pairs = _channel_pairs(to, of, layer.groups)
    last = list(_along_last(layer.axes, tap))
    for reads, read in _lines(layer.axes[:-1], tap):
        at_once = max(_BLOCK // max(len(reads), 1), 1)
        for first in range(0, len(pairs), at_once):
            block = pairs[first : first + at_once]
            for (output, input_), run in last:
                size, of_input = _last_sizes(layer.axes)
                rows = (block[:, :1] * outputs + reads * size + output).ravel()
                cols = (block[:, 1:] * inputs + read * of_input + input_).ravel()
                yield (cols, rows, _Run(run.across, run.down, run.length)) if transposed else (rows, cols, run)


def _last_sizes(axes: tuple[Axis, ...]) -> tuple[int, int]:
    """Sizes of the last axis of output and input."""
    return (axes[-1].output_size, axes[-1].input_size) if axes else (1, 1)


def _along_last(axes: tuple[Axis, ...], tap: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], _Run]]:
    """Runs of entries along the last axis: the output and the input of the first, and how it goes on."""
    outputs, inputs = _along(axes[-1], tap[-1]) if axes else (_ZERO, _ZERO)
    steps = np.stack([np.diff(outputs), np.diff(inputs)])
    changes = np.flatnonzero((np.diff(steps) != 0).any(axis=0)) + 1
    at = 0
    while at < len(outputs):
        end = int(changes[np.searchsorted(changes, at, side="right") :].min(initial=len(outputs) - 1))
        down, across = steps[:, at].tolist() if at < len(outputs) - 1 else (0, 0)
        yield (int(outputs[at]), int(inputs[at])), _Run(down, across, end - at + 1)
        at = end + 1


def _channel_pairs(to: int, of: int, groups: int) -> Ints:
    """Pairs of connected output and input channels of the convolution, shape (pairs, 2)."""
    pairs = np.indices((groups, to // groups, of // groups)).reshape(3, -1)
    return np.stack([pairs[0] * (to // groups) + pairs[1], pairs[0] * (of // groups) + pairs[2]], axis=1)


def _lines(axes: tuple[Axis, ...], tap: tuple[int, ...]) -> Iterator[tuple[Ints, Ints]]:
    """Lines of outputs, and of the inputs that one tap reads for them, as flat positions, block by block."""
    along = [_along(axis, t) for axis, t in zip(axes, tap, strict=False)]
    first, *inner = along or [(_ZERO, _ZERO)]
    outputs, inputs = _ZERO, _ZERO
    for axis, (reads, read) in zip(axes[1:], inner, strict=True):
        outputs = (outputs[:, None] * axis.output_size + reads).ravel()
        inputs = (inputs[:, None] * axis.input_size + read).ravel()
    plane = [prod(sizes) for sizes in ((axis.output_size for axis in axes[1:]), (axis.input_size for axis in axes[1:]))]
    lines = max(_BLOCK // max(len(outputs), 1), 1)
    for start in range(0, len(first[0]), lines):
        reads, read = (part[start : start + lines, None] for part in first)
        for begin in range(0, len(outputs), _BLOCK):
            here = slice(begin, begin + _BLOCK)
            yield (reads * plane[0] + outputs[here]).ravel(), (read * plane[1] + inputs[here]).ravel()


_ZERO = np.zeros(1, dtype=np.int64)


def _along(axis: Axis, tap: int) -> tuple[Ints, Ints]:
    """The outputs of one axis for which a tap reads an input, and these inputs."""
    alone = replace(axis, kernel_size=1, before=axis.before - tap * axis.dilation)
    outputs = np.arange(axis.output_size, dtype=np.int64)
    inputs = alone.extend(alone.positions(outputs)[:, 0])
    reads = inputs != NOTHING
    return outputs[reads], inputs[reads]
