"""Unfold and Fold, PixelUnshuffle and PixelShuffle: layers that rearrange inputs without changing their values.

Unfold (im2col) has a separate output channel for every tap; Fold (col2im) is its transpose. If windows do not overlap,
each input is read once: these are the pixel shuffles, permutations whose transpose is their inverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.axis import NOTHING, Axis
from convmatrix.core.counting import axis_nnz
from convmatrix.core.errors import shortens_errors
from convmatrix.core.fast.assembly import index_dtype
from convmatrix.layers.arguments import Padding, PerAxis, count_axes, per_axis, positive
from convmatrix.layers.base import FixedLayer, LayerBase, Transposed, reads_of
from convmatrix.layers.convolution import Conv

__all__ = ["Fold", "PixelShuffle", "PixelUnshuffle", "Unfold"]


_WINDOW_DEFAULTS: Mapping[str, Any] = {
    "stride": 1,
    "padding": (0, 0),
    "dilation": 1,
    "padding_mode": "zeros",
    "input_dilation": 1,
}


def _window_fields(layer: LayerBase) -> dict[str, Any]:
    """Return the fields that have the same names in a convolution, an unfolding and a fold."""
    return {name: getattr(layer, name) for name in _WINDOW_DEFAULTS}


@dataclass(frozen=True, init=False, repr=False)
class Unfold(FixedLayer):
    """Im2col: the output has a channel for each input channel and tap, with the inputs that the tap reads.

    Channels are those of PyTorch's `unfold`, ``in_channel * taps + tap`` with taps in C order; `output_size` is the
    shape of its last axis. A convolution is its weight times this matrix.

    Parameters
    ----------
    input_size, kernel_size, stride, padding, dilation, in_channels, padding_mode, input_dilation, ndim
        As for `Conv`.

    Raises
    ------
    ValueError
        As for `Conv`.

    Notes
    -----
    `dataclasses.replace` keeps the numbers of `padding`, not a name, as of a `Conv`.

    References
    ----------
    .. [1] PyTorch, documentation of Unfold and Fold.

    Examples
    --------
    >>> U = Unfold((4,), 3).matrix()
    >>> print(U.toarray())
    [[1 0 0 0]
     [0 1 0 0]
     [0 1 0 0]
     [0 0 1 0]
     [0 0 1 0]
     [0 0 0 1]]
    >>> print(np.kron([[1, 2, 3]], np.eye(2, dtype=int)) @ U)  # the matrix of Conv((4,), 3) with weight [1, 2, 3]
    [[1 2 3 0]
     [0 1 2 3]]
    """

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    in_channels: int
    padding_mode: str
    input_dilation: tuple[int, ...]

    @shortens_errors
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        in_channels: int = 1,
        padding_mode: str = "zeros",
        input_dilation: PerAxis = 1,
        ndim: int | None = None,
    ) -> None:
        conv = Conv(
            input_size,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            in_channels=in_channels,
            padding_mode=padding_mode,
            input_dilation=input_dilation,
            ndim=ndim,
        )
        self._set(
            input_size=conv.input_size,
            kernel_size=conv.kernel_size,
            in_channels=conv.in_channels,
            **_window_fields(conv),
        )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the windows, outermost first."""
        return self._windows.axes

    @property
    def output_size(self) -> tuple[int, ...]:
        """Number of windows on each axis."""
        return self._windows.output_size

    @property
    def out_channels(self) -> int:
        """Number of channels of the output: in_channels * taps."""
        return self.in_channels * prod(self.kernel_size)

    @property
    def nnz(self) -> int:
        """Number of entries the matrix stores: the taps that do not read a zero; known without building it."""
        return self.in_channels * prod(
            axis_nnz(axis) if axis.mode == "zeros" else axis.output_size * axis.kernel_size for axis in self.axes
        )

    @property
    def T(self) -> "Fold":
        """The layer whose matrix is this layer's transposed."""
        return Fold(self.input_size, self.kernel_size, **_window_fields(self), out_channels=self.in_channels)

    def axis_patterns(self) -> tuple[sparse.csr_array, ...]:
        """Build a matrix for each axis that is true where a window reads an input.

        Returns
        -------
        tuple of (outputs, inputs) csr_array of bool
            One for each axis.
        """
        return tuple(map(reads_of, self.axes))

    def _matrix(self, dtype: np.dtype[Any]) -> sparse.csr_array:
        rows, cols = self.matrix_shape
        index = index_dtype(rows, cols, self.nnz)
        places, reads = self._reads(index)
        firsts = np.arange(self.in_channels, dtype=index)[:, None] * prod(self.input_size)
        indptr = np.zeros(rows + 1, dtype=index)
        np.cumsum(np.tile(reads.ravel(), self.in_channels), out=indptr[1:])
        indices = (firsts + places[reads]).ravel()
        U = sparse.csr_array((np.ones(len(indices), dtype=dtype), indices, indptr), shape=(rows, cols))
        U.has_canonical_format = True
        return U

    def _reads(self, index: np.dtype[np.signedinteger]) -> tuple[NDArray[np.signedinteger], NDArray[np.bool_]]:
        """Return the input that each tap of each window reads in a channel, and a mask; shapes (taps, windows)."""
        places, reads = np.zeros((1, 1), dtype=index), np.ones((1, 1), dtype=bool)
        for axis in self.axes:
            table = axis.table().T.astype(index)[None, :, None, :]  # shape (1, kernel_size, 1, output_size)
            shape = (len(places) * axis.kernel_size, -1)
            places = (places[:, None, :, None] * axis.input_size + table).reshape(shape)
            reads = (reads[:, None, :, None] & (table != NOTHING)).reshape(shape)
        return places, reads

    def _peak(self, dtype: np.dtype[Any]) -> int:
        index = index_dtype(*self.matrix_shape, self.nnz).itemsize
        return self.nbytes(dtype) + 2 * self.matrix_shape[0] * (index + 1)

    @property
    def _windows(self) -> Conv:
        """A convolution with these windows."""
        return Conv(self.input_size, self.kernel_size, **_window_fields(self))

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {**_WINDOW_DEFAULTS, "in_channels": 1}


@dataclass(frozen=True, init=False, repr=False)
class Fold(Transposed):
    """Col2im: put windows back to where they were read, and add them where they overlap; the transpose of `Unfold`.

    All arguments are those of the `Unfold`, whose input is this layer's output, as in PyTorch. Its input has
    ``out_channels * taps`` channels. It undoes the unfolding only where no windows overlap: otherwise each entry comes
    back as many times as windows read it.

    Parameters
    ----------
    output_size : int or sequence of int
        Size of what was unfolded.
    kernel_size, stride, padding, dilation, padding_mode, input_dilation, ndim
        As for `Unfold`.
    out_channels : int, default 1

    Raises
    ------
    ValueError
        As for `Unfold`.

    Notes
    -----
    `dataclasses.replace` keeps the numbers of `padding`, not a name, as of a `Conv`.

    References
    ----------
    .. [1] PyTorch, documentation of Fold.

    Examples
    --------
    >>> fold = Fold((4,), 3)
    >>> fold.input_shape, fold.output_shape
    ((3, 2), (1, 4))
    >>> unfold = fold.T
    >>> fold.matrix() @ (unfold.matrix() @ [1, 1, 1, 1])
    array([1, 2, 2, 1])
    """

    layer: Unfold = field(init=False)
    output_size: tuple[int, ...] = field()
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    out_channels: int = field()
    padding_mode: str
    input_dilation: tuple[int, ...]

    @shortens_errors
    def __init__(
        self,
        output_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        out_channels: int = 1,
        padding_mode: str = "zeros",
        input_dilation: PerAxis = 1,
        ndim: int | None = None,
    ) -> None:
        unfold = Unfold(
            output_size,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            in_channels=out_channels,
            padding_mode=padding_mode,
            input_dilation=input_dilation,
            ndim=ndim,
        )
        self._set(
            layer=unfold,
            output_size=unfold.input_size,
            kernel_size=unfold.kernel_size,
            out_channels=unfold.in_channels,
            **_window_fields(unfold),
        )

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {**_WINDOW_DEFAULTS, "out_channels": 1}


@dataclass(frozen=True, init=False, repr=False)
class PixelUnshuffle(Unfold):
    """Space to depth: every block of pixels becomes one pixel with as many times the channels; a permutation.

    It is the `Unfold` whose windows lie side by side: channel ``c * taps + tap`` of the output holds pixel `tap` of the
    blocks of channel c, with taps in C order.

    Parameters
    ----------
    input_size : int or sequence of int
        A multiple of `factor` on each axis. One int for all axes, or one for each; the first sequence among the
        arguments says how many axes there are; if there is none, 2.
    factor : int or sequence of int
        Size of the blocks.
    channels : int, default 1
        Channels of the input, the larger image.
    ndim : int, optional
        Number of axes, where no argument tells it.

    Raises
    ------
    ValueError
        As for `Conv`; also if `factor` does not divide the input.

    References
    ----------
    .. [1] PyTorch, documentation of PixelUnshuffle.

    Examples
    --------
    >>> layer = PixelUnshuffle((4,), 2)
    >>> layer.output_shape
    (2, 2)
    >>> print(layer.matrix().toarray())
    [[1 0 0 0]
     [0 0 1 0]
     [0 1 0 0]
     [0 0 0 1]]
    """

    factor: tuple[int, ...]
    channels: int

    # The windows of the unfolding follow from these two and the input size.
    kernel_size: tuple[int, ...] = field(init=False)
    stride: tuple[int, ...] = field(init=False)
    padding: tuple[tuple[int, int], ...] = field(init=False)
    dilation: tuple[int, ...] = field(init=False)
    in_channels: int = field(init=False)
    padding_mode: str = field(init=False)
    input_dilation: tuple[int, ...] = field(init=False)

    @shortens_errors
    def __init__(self, input_size: PerAxis, factor: PerAxis, *, channels: int = 1, ndim: int | None = None) -> None:
        sizes, factors, channels = _blocks(input_size, factor, channels, ndim)
        for axis, (n, r) in enumerate(zip(sizes, factors, strict=True)):
            if n % r:
                fits = f"{n - n % r} or {n - n % r + r}" if n > r else f"{r}"
                raise ValueError(
                    f"factor {r} does not divide input_size {n} on axis {axis} (remainder {n % r}): blocks of {r} fit "
                    f"into a size of {fits}"
                )
        super().__init__(sizes, factors, stride=factors, in_channels=channels)
        self._set(factor=factors, channels=channels)

    @property
    def T(self) -> "PixelShuffle":  # type: ignore[override]  # a fold as well, by another name
        """The shuffle that undoes this one, whose matrix is this layer's transposed."""
        return PixelShuffle(self.output_size, self.factor, channels=self.channels)

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {"channels": 1}


@dataclass(frozen=True, init=False, repr=False)
class PixelShuffle(Transposed):
    """Depth to space: the channels of every pixel become a block of pixels; a permutation.

    Pixel `tap` of the blocks of channel c comes from channel ``c * taps + tap`` of the input, with taps in C order.

    Parameters
    ----------
    input_size : int or sequence of int
        One int for all axes, or one for each; the first sequence among the arguments determines the number of axes;
        if there is none, 2.
    factor : int or sequence of int
        Size of the blocks.
    channels : int, default 1
        Channels of the output, the larger image; the input has ``channels * taps``.
    ndim : int, optional
        Number of axes, where no argument tells it.

    Raises
    ------
    ValueError
        For numbers that make no layer, in one sentence; a TypeError as well where an argument is not an integer.

    References
    ----------
    .. [1] Shi et al., arXiv:1609.05158.
    .. [2] PyTorch, documentation of PixelShuffle.

    Examples
    --------
    >>> layer = PixelShuffle((2,), 2)
    >>> layer.input_shape, layer.output_shape
    ((2, 2), (1, 4))
    >>> layer.matrix() @ layer.vec([[1, 3], [2, 4]])
    array([1, 2, 3, 4])
    """

    layer: PixelUnshuffle = field(init=False)
    input_size: tuple[int, ...] = field()
    factor: tuple[int, ...]
    channels: int

    @shortens_errors
    def __init__(self, input_size: PerAxis, factor: PerAxis, *, channels: int = 1, ndim: int | None = None) -> None:
        sizes, factors, channels = _blocks(input_size, factor, channels, ndim)
        larger = [n * r for n, r in zip(sizes, factors, strict=True)]
        self._set(
            layer=PixelUnshuffle(larger, factors, channels=channels),
            input_size=sizes,
            factor=factors,
            channels=channels,
        )

    @property
    def _defaults(self) -> Mapping[str, Any]:
        return {"channels": 1}


def _blocks(
    input_size: PerAxis, factor: PerAxis, channels: int, ndim: int | None
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Check the common arguments of both shuffles."""
    count = count_axes({"input_size": input_size, "factor": factor}, ndim)
    sizes, factors = (per_axis(name, value, count) for name, value in (("input_size", input_size), ("factor", factor)))
    return tuple(sizes), tuple(factors), positive("channels", channels)
