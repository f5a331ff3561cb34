"""Other ways to the same matrix: what one writes with NumPy, SciPy and torch, and packages that offer it.

Each is written as well as its idea allows, from the layer's public fields alone, and returns a canonical csr_array.
Packages count where they are installed (``make peers-env``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, reduce
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from math import prod

import numpy as np
from scipy import sparse

from convmatrix import Conv

__all__ = ["COO", "DIAGONALS", "GATHERED", "MASKED", "PEERS", "Peer", "load", "same"]

_MOST_CELLS = 2**25
"""Largest dense matrix that a peer is let make."""

_MOST_STEPS = 10**6
"""Longest loop in Python that a peer is let run."""

_NUMPY_PAD = {"circular": "wrap", "replicate": "edge", "reflect": "reflect", "symmetric": "symmetric"}

Build = Callable[[Conv, np.ndarray], sparse.csr_array]


@dataclass(frozen=True)
class Peer:
    """Another way to the matrix of some layers.

    Parameters
    ----------
    name : str
        As tables have it.
    build : callable
        Makes the matrix of a layer and a weight.
    describes : callable
        Whether it can describe a layer at all.
    needs : str, optional
        The module without which it does not run.
    dense : bool, optional
        Whether it makes the matrix with its zeros.
    steps : callable, optional
        How many steps of Python a layer takes.
    """

    name: str
    build: Build
    describes: Callable[[Conv], bool]
    needs: str | None = None
    dense: bool = False
    steps: Callable[[Conv], int] = lambda layer: 0

    @property
    def installed(self) -> bool:
        """True if its package is installed."""
        return self.needs is None or find_spec(self.needs) is not None

    @property
    def traced(self) -> bool:
        """True if NumPy allocates its memory, so that the peak can be measured."""
        return self.needs not in _WITH_TORCH

    def too_slow(self, layer: Conv) -> str | None:
        """Return the reason that it is left out, None if it is run."""
        cells = prod(layer.matrix_shape)
        if self.dense and cells > _MOST_CELLS:
            return f"left out: {cells:.2g} cells"
        if self.steps(layer) > _MOST_STEPS:
            return f"left out: {self.steps(layer):.2g} steps of Python"
        return None


_WITH_TORCH = ("torch", "einconv", "ptwt")


def load() -> None:
    """Import what the installed peers need, so that no first run waits for it."""
    for peer in PEERS:
        if peer.needs and peer.installed:
            import_module(peer.needs)


def same(C: sparse.csr_array, D: sparse.csr_array) -> bool:
    """Check whether two canonical matrices are equal, array by array and in their dtype."""
    return (
        C.shape == D.shape
        and C.dtype == D.dtype
        and all(np.array_equal(getattr(C, part), getattr(D, part)) for part in ("indptr", "indices", "data"))
    )


# -- what one writes with NumPy and SciPy ------------------------------------------------------------------------------


def _reads(layer: Conv, axis: int) -> np.ndarray:
    """Return the input that each output and tap of an axis reads, -1 for a zero; shape (outputs, taps)."""
    size, pads = layer.input_size[axis], layer.padding[axis]
    starts = np.arange(layer.output_size[axis], dtype=np.int32)[:, None] * layer.stride[axis]
    reads = starts + np.arange(layer.kernel_size[axis], dtype=np.int32) * layer.dilation[axis]
    if layer.padding_mode != "zeros":
        return np.pad(np.arange(size, dtype=np.int32), pads, _NUMPY_PAD[layer.padding_mode])[reads]
    reads -= pads[0]
    reads[(reads < 0) | (reads >= size)] = -1
    return reads


def _windows(layer: Conv) -> tuple[np.ndarray, np.ndarray]:
    """The columns that all windows read in one channel and whether they are inside; shape (outputs, taps)."""
    cols, inside = np.zeros((1, 1), dtype=np.int32), np.ones((1, 1), dtype=bool)
    for axis in range(layer.ndim):
        reads = _reads(layer, axis)
        shape = (len(cols) * len(reads), cols.shape[1] * reads.shape[1])
        cols = (cols[:, None, :, None] * layer.input_size[axis] + reads[:, None, :]).reshape(shape)
        inside = (inside[:, None, :, None] & (reads >= 0)[:, None, :]).reshape(shape)
    return cols, inside


def _canonical(C: sparse.csr_array, layer: Conv) -> sparse.csr_array:
    """Sum taps that meet on one input; without them, windows are sorted as they are."""
    if layer.padding_mode == "zeros":
        C.has_canonical_format = True
    else:
        C.sum_duplicates()
    return C


def masked_windows(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """Windows of column indices, masked into CSR, and the weights with them, channel by channel."""
    return _from_windows(layer, weight, _masked)


def gathered_windows(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """The same, but for weights that are taken from the kernel by places that are masked once for all channels."""
    return _from_windows(layer, weight, _gathered)


def _masked(kernels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    data = np.empty((len(kernels), np.count_nonzero(inside)), dtype=kernels.dtype)
    for row, kernel in zip(data, kernels, strict=True):
        row[:] = np.broadcast_to(kernel, inside.shape)[inside]
    return data


def _gathered(kernels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    places = np.broadcast_to(np.arange(inside.shape[1]), inside.shape)[inside]
    return np.take(kernels, places, axis=1)


def _from_windows(
    layer: Conv, weight: np.ndarray, values: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> sparse.csr_array:
    """Masked windows of one output channel, repeated for all; `values` says what these hold, channel by channel."""
    cols, inside = _windows(layer)
    channels, outs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    if channels > 1:
        plane = prod(layer.input_size)
        cols = (cols[:, None, :] + (np.arange(channels, dtype=np.int32) * plane)[:, None]).reshape(len(cols), -1)
        inside = np.tile(inside, channels)
    counts = np.count_nonzero(inside, axis=1)
    cols = cols[inside]
    data = values(weight.reshape(layer.out_channels, -1), inside).ravel()
    if layer.out_channels > 1:
        firsts = np.arange(layer.groups, dtype=np.int32) * (layer.matrix_shape[1] // layer.groups)
        cols = (cols + np.repeat(firsts, outs)[:, None]).ravel()
        counts = np.tile(counts, layer.out_channels)
    indptr = np.zeros(len(counts) + 1, dtype=np.int32)
    counts.cumsum(out=indptr[1:])
    return _canonical(sparse.csr_array((data, cols, indptr), shape=layer.matrix_shape), layer)


def coo(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """Rows, columns and weights broadcast to triples, then ``tocsr``."""
    cols, inside = _windows(layer)
    outputs, plane = len(cols), prod(layer.input_size)
    channels, outs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    out = np.arange(layer.out_channels, dtype=np.int32)[:, None, None, None]
    channel = np.arange(channels, dtype=np.int32)[:, None] + out // outs * channels
    shape = (layer.out_channels, outputs, channels, cols.shape[1])
    mask = np.broadcast_to(inside[:, None, :], shape)
    rows = np.broadcast_to(np.arange(outputs, dtype=np.int32)[:, None, None] + out * outputs, shape)[mask]
    columns = (cols[:, None, :] + channel * plane)[mask]
    data = np.broadcast_to(weight.reshape(layer.out_channels, 1, channels, -1), shape)[mask]
    C = sparse.coo_array((data, (rows, columns)), shape=layer.matrix_shape).tocsr()
    C.sum_duplicates()
    return C


def diagonals(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """One diagonal for each tap, where rows move as columns do."""
    inputs, sizes = layer.in_channels * prod(layer.input_size), layer.input_size
    strides = [prod(sizes[axis + 1 :]) for axis in range(layer.ndim)]
    taps = list(product(*(range(size) for size in layer.kernel_size)))
    shifts = [
        [tap * dilation - pads[0] for tap in range(size)]
        for size, dilation, pads in zip(layer.kernel_size, layer.dilation, layer.padding, strict=True)
    ]
    read = [  # by which tap an input is read, on each axis
        [(np.arange(size) >= shift) & (np.arange(size) - shift < size) for shift in each]
        for size, each in zip(sizes, shifts, strict=True)
    ]
    offsets = [sum(shifts[a][t] * strides[a] for a, t in enumerate(tap)) for tap in taps]
    data = np.empty((len(taps), layer.in_channels, *sizes), dtype=weight.dtype)
    flat = weight.reshape(layer.in_channels, -1)
    for number, tap in enumerate(taps):
        cells = reduce(np.multiply.outer, [read[a][t] for a, t in enumerate(tap)])
        np.multiply(flat[:, number].reshape(-1, *(1,) * layer.ndim), cells, out=data[number])
    return sparse.dia_array((data.reshape(len(taps), -1), offsets), shape=(inputs, inputs)).tocsr()


def kron_per_tap(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """The sum over taps of the tap's weights, channel by channel, times where the tap reads, axis by axis."""
    axes = [_reads(layer, axis) for axis in range(layer.ndim)]
    channels, outs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    out, channel = np.divmod(np.arange(layer.out_channels * channels), channels)
    C = sparse.csr_array(layer.matrix_shape, dtype=weight.dtype)
    for tap in product(*(range(size) for size in layer.kernel_size)):
        reads = [
            _ones(reads[:, t], size, weight.dtype) for reads, t, size in zip(axes, tap, layer.input_size, strict=True)
        ]
        where = (out, out // outs * channels + channel)
        shape = (layer.out_channels, layer.in_channels)
        mixed = sparse.coo_array((weight[:, :, *tap].ravel(), where), shape=shape)
        C = C + sparse.kron(mixed, reduce(partial(sparse.kron, format="csr"), reads), format="csr")
    C.sum_duplicates()
    return C


def _ones(reads: np.ndarray, inputs: int, dtype: np.dtype) -> sparse.csr_array:
    """A one wherever an output reads an input, by one tap of one axis."""
    outputs = np.flatnonzero(reads >= 0)
    ones = np.ones(len(outputs), dtype=dtype)
    return sparse.csr_array((ones, (outputs, reads[outputs])), shape=(len(reads), inputs))


# -- torch, and packages -----------------------------------------------------------------------------------------------


def probed(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """Apply the convolution of torch to every unit vector."""
    import torch
    from torch.nn import functional

    units = torch.eye(layer.matrix_shape[1], dtype=torch.from_numpy(weight).dtype).reshape(-1, *layer.input_shape)
    pads, padding = [pair[0] for pair in layer.padding], 0
    if layer.padding_mode == "zeros":
        padding = pads
    else:
        both = [pad for pair in reversed(layer.padding) for pad in pair]
        units = functional.pad(units, both, mode=layer.padding_mode)
    conv = (functional.conv1d, functional.conv2d, functional.conv3d)[layer.ndim - 1]
    kernel = torch.from_numpy(weight)
    y = conv(units, kernel, None, layer.stride, padding, layer.dilation, layer.groups)
    return sparse.csr_array(y.reshape(len(y), -1).numpy().T)


def einconv_patterns(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """The index patterns of all axes, by einconv, contracted with the weight."""
    import torch
    from einconv import index_pattern

    kernel = torch.from_numpy(weight)
    numbers = zip(layer.input_size, layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True)
    patterns = [
        index_pattern(size, taps, stride, pads[0], dilation, dtype=kernel.dtype)
        for size, taps, stride, pads, dilation in numbers
    ]
    taps, outputs, inputs = "abc"[: layer.ndim], "def"[: layer.ndim], "ghi"[: layer.ndim]
    each = ",".join(map("".join, zip(taps, outputs, inputs, strict=True)))
    C = torch.einsum(f"yx{taps},{each}->y{outputs}x{inputs}", kernel, *patterns)
    return sparse.csr_array(C.reshape(layer.matrix_shape).numpy())


def ptwt_matrix(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """The convolution matrix with which ptwt makes its wavelets; it flips the kernel and counts along columns."""
    import torch
    from ptwt import sparse_math

    torch.sparse.check_sparse_tensor_invariants.disable()  # else torch warns
    kernel = torch.from_numpy(np.flip(weight[0, 0]).copy())
    if layer.ndim == 1:
        C = sparse_math.construct_conv_matrix(kernel, *layer.input_size, mode="same")
    else:
        C = sparse_math.construct_conv2d_matrix(kernel.T, *reversed(layer.input_size), mode="same")
    C = C.coalesce()
    rows, cols = C.indices().numpy()
    return sparse.coo_array((C.values().numpy(), (rows, cols)), shape=layer.matrix_shape).tocsr()


def toeplitz_blocks(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """Apply the Toeplitz matrix of sparse_convolution to every unit vector; it flips the kernel."""
    from sparse_convolution import Toeplitz_convolution2d

    kernel = np.ascontiguousarray(np.flip(weight[0, 0]))
    convolve = Toeplitz_convolution2d(layer.input_size, kernel, mode="same", method="precomputed", backend="numpy")
    units = sparse.eye_array(layer.matrix_shape[1], dtype=weight.dtype, format="csr")
    C = sparse.csr_array(convolve(units, batching=True)).T.tocsr()
    C.sort_indices()
    return C


def pylops_probed(layer: Conv, weight: np.ndarray) -> sparse.csr_array:
    """Build the matrix of the operator of pylops; it flips the kernel."""
    from pylops.signalprocessing import ConvolveND

    offset = [pads[1] for pads in layer.padding]
    kernel = np.flip(weight[0, 0])
    A = ConvolveND(layer.input_size, kernel, offset, tuple(range(layer.ndim)), method="direct", dtype=weight.dtype)
    C = sparse.csr_array(A.tosparse())
    C.sort_indices()
    return C


# -- the table ---------------------------------------------------------------------------------------------------------


def _plain(layer: Conv) -> bool:
    """One channel of zeros beyond the border, moved by one, with as many outputs as inputs, around an odd kernel."""
    return (
        layer.in_channels == layer.out_channels == 1
        and _moves_by_one(layer)
        and not any(size % 2 == 0 for size in layer.kernel_size)
        and _all_ones(layer.dilation)
        and _even_pads(layer)
    )


def _moves_by_one(layer: Conv) -> bool:
    return layer.padding_mode == "zeros" and _all_ones(layer.stride) and layer.output_size == layer.input_size


def _all_ones(numbers: Iterable[int]) -> bool:
    return all(number == 1 for number in numbers)


def _even_pads(layer: Conv) -> bool:
    return all(before == after for before, after in layer.padding) and layer.ndim <= 3


COO = Peer("COO, tocsr", coo, lambda layer: True)
MASKED = Peer("masked windows", masked_windows, lambda layer: True)
GATHERED = Peer("masked windows, gathered", gathered_windows, lambda layer: layer.in_channels * layer.out_channels > 1)
DIAGONALS = Peer(
    "a diagonal per tap",
    diagonals,
    lambda layer: _moves_by_one(layer) and layer.in_channels == layer.out_channels == layer.groups,
)

PEERS = (
    COO,
    MASKED,
    GATHERED,
    DIAGONALS,
    Peer("kron per tap", kron_per_tap, lambda layer: True),
    Peer(
        "torch, unit vectors",
        probed,
        lambda layer: _even_pads(layer) and layer.padding_mode != "symmetric",
        needs="torch",
        dense=True,
    ),
    Peer(
        "einconv",
        einconv_patterns,
        lambda layer: _even_pads(layer) and layer.padding_mode == "zeros" and layer.groups == 1,
        needs="einconv",
        dense=True,
    ),
    Peer(
        "sparse_convolution",
        toeplitz_blocks,
        lambda layer: layer.ndim == 2 and _plain(layer),
        needs="sparse_convolution",
        steps=lambda layer: layer.input_size[0] ** 2,
    ),
    Peer(
        "ptwt",
        ptwt_matrix,
        lambda layer: layer.ndim <= 2 and _plain(layer),
        needs="ptwt",
        steps=lambda layer: layer.input_size[0] * prod(layer.kernel_size),
    ),
    Peer("pylops", pylops_probed, lambda layer: _plain(layer), needs="pylops", dense=True),
)
