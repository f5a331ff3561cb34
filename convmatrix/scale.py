"""C x and C^T y with dask, in slabs: on many threads, processes or machines, none of which holds all of C.

A *slab* is a range of a convolution's outputs along its first axis. These are all the outputs of a smaller convolution,
whose input is the slab's *halo*, the inputs that its windows read. So a task gets the smaller layer, the weight and the
halo, builds the smaller layer's matrix, and multiplies. Needs dask, the extra ``scale``.
"""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import pluralize, short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import check_kind, positive

__all__ = ["Slab", "SplitMatrix", "slabs_of", "split"]

Arrays: TypeAlias = tuple[NDArray[Any], NDArray[np.signedinteger], NDArray[np.signedinteger]]
"""Data, indices and indptr."""

_MOST_SLABS = 10**5
"""Largest number of slabs of a layer: each is a task of about 256 MiB."""

_BYTES = 2**28
"""Default size of the matrix of a slab, approximately."""

_GONE = ("cancelled", "lost")
"""States of a distributed future whose result is lost."""


# -- slabs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slab:
    """Some outputs of a convolution along its first axis, as a smaller layer.

    Parameters
    ----------
    layer : Conv
        The smaller layer. Its output is this part of the larger one's.
    outputs : range
        Of the larger layer, along the first axis.
    reads : tuple of (start, stop)
        The halo: ranges of the larger layer's inputs along the first axis, in order.
    order : tuple of int, optional
        Which of the inputs in the halo each input of the smaller layer is; without it, each in turn.
    """

    layer: Conv
    outputs: range
    reads: tuple[tuple[int, int], ...]
    order: tuple[int, ...] | None = None

    def gather(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The input of the smaller layer, flattened, from the ranges that the slab reads."""
        x = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        return (x if self.order is None else x.take(self.order, axis=1)).ravel()

    def scatter(self, x: NDArray[Any]) -> NDArray[Any]:
        """Apply the transpose of `gather`: add up the values for each input that the slab reads."""
        x = x.reshape(self.layer.input_shape)
        if self.order is None:
            return x
        count = sum(stop - start for start, stop in self.reads)
        sums = np.zeros((x.shape[0], count, *x.shape[2:]), dtype=x.dtype)
        for place, read in enumerate(self.order):
            sums[:, read] += x[:, place]
        return sums

    def overlaps(self, lo: int, hi: int) -> Iterator[tuple[tuple[int, int], int]]:
        """Yield the reads among inputs lo to hi, as ((start, stop), index of start in the sums of `scatter`)."""
        place = 0
        for start, stop in self.reads:
            first, last = max(start, lo), min(stop, hi)
            if first < last:
                yield (first, last), place + first - start
            place += stop - start


def slabs_of(layer: Conv, outputs: int) -> Iterator[Slab]:
    """Cut a convolution into slabs.

    Parameters
    ----------
    layer : Conv
        With at least one axis.
    outputs : int
        Of a slab, along the first axis; the last one may have fewer.

    Yields
    ------
    Slab
        In order; together they have every output once.

    Raises
    ------
    ValueError
        If the layer has no axis.

    Examples
    --------
    >>> for slab in slabs_of(Conv((6,), 3, padding=1, padding_mode="circular"), 3):
    ...     print(slab.outputs, slab.reads, slab.order)
    range(0, 3) ((0, 4), (5, 6)) (4, 0, 1, 2, 3)
    range(3, 6) ((0, 1), (2, 6)) (1, 2, 3, 4, 0)
    """
    check_kind("layer", layer, Conv)
    if layer.ndim == 0:
        raise ValueError("slabs are cut along the first axis, but this layer has none: build its matrix(weight)")
    outputs = positive("outputs", outputs)
    cut = _cut_zeros if layer.padding_mode == "zeros" else _cut_extended
    total = layer.output_size[0]
    for start in range(0, total, outputs):
        yield cut(layer, range(start, min(start + outputs, total)))


def _window(layer: Conv, outputs: range) -> tuple[int, int]:
    """Return the range of positions on the first axis, after input dilation, that the windows of `outputs` cover."""
    axis = layer.axes[0]
    return outputs[0] * axis.stride - axis.before, outputs[-1] * axis.stride - axis.before + axis.span


def _cut_zeros(layer: Conv, outputs: range) -> Slab:
    """A slab of a layer with zeros around it: an interval of the input, and the rest is again padding."""
    start, stop = _window(layer, outputs)
    size, spread = layer.input_size[0], layer.input_dilation[0]
    # Of windows that see only padding the halo is one input, which is cropped away: no layer is without an input.
    lo = min(max(-(-start // spread), 0), size - 1)
    hi = min(max((stop - 1) // spread + 1, lo + 1), size)
    pads = (lo * spread - start, stop - ((hi - 1) * spread + 1))
    return Slab(_with_first_axis(layer, hi - lo, pads), outputs, ((lo, hi),))


def _cut_extended(layer: Conv, outputs: range) -> Slab:
    """A slab of a layer whose border repeats inputs: each position that the windows cover becomes an input."""
    inputs = layer.axes[0].extend(np.arange(*_window(layer, outputs)))
    read, order = np.unique(inputs, return_inverse=True)
    ends = np.flatnonzero(np.diff(read) > 1) + 1
    runs = tuple((int(run[0]), int(run[-1]) + 1) for run in np.split(read, ends))
    in_turn = np.array_equal(order, np.arange(len(read)))
    return Slab(_with_first_axis(layer, len(inputs), (0, 0)), outputs, runs, None if in_turn else tuple(order.tolist()))


def _with_first_axis(layer: Conv, size: int, pads: tuple[int, int]) -> Conv:
    return Conv(
        (size, *layer.input_size[1:]),
        layer.kernel_size,
        stride=layer.stride,
        padding=(pads, *layer.padding[1:]),
        dilation=layer.dilation,
        groups=layer.groups,
        in_channels=layer.in_channels,
        out_channels=layer.out_channels,
        padding_mode=layer.padding_mode,
        input_dilation=layer.input_dilation,
    )


# -- with dask -------------------------------------------------------------------------------------------------------


def split(layer: Layer, weight: ArrayLike, *, outputs: int | None = None) -> "SplitMatrix":
    """Split the matrix of a layer into slabs, for dask to multiply by.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : layer.weight_shape array_like
    outputs : int, optional
        Of a slab, along the first axis; of a ConvTranspose, of the convolution that it transposes. By default as many
        as make a matrix of about 256 MiB.

    Returns
    -------
    SplitMatrix

    Raises
    ------
    ImportError
        If dask is not installed.
    ValueError
        If the weight is not the layer's, the layer has no axis, or `outputs` is less than 1.
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    _dask("dask.array")
    checked = layer.checked_weight(weight, copy=True)  # products are computed later
    conv = layer.convolution
    if conv.ndim == 0:
        raise ValueError(
            f"{short(layer)} has no axis to be split along: use its matrix(weight), which has "
            f"{pluralize(layer.nnz, 'entry')}"
        )
    if outputs is None:
        outputs = max(conv.output_size[0] * _BYTES // conv.nbytes(checked.dtype), 1)
    outputs = positive("outputs", outputs)
    count = -(-conv.output_size[0] // outputs)
    if count > _MOST_SLABS:
        least = -(-conv.output_size[0] // _MOST_SLABS)
        raise ValueError(
            f"outputs={short(outputs)} cuts the layer into {short(count)} slabs, but at most "
            f"{_MOST_SLABS} are kept: take at least {short(least)}"
        )
    return SplitMatrix(layer, checked, tuple(slabs_of(conv, outputs)))


@dataclass(frozen=True, eq=False)
class SplitMatrix:
    """The matrix of a layer in slabs, as `split` returns it.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        Whose matrix it is.
    weight : layer.weight_shape ndarray
    slabs : tuple of Slab
        Of the convolution, or of the one that is transposed.
    kept : tuple of dask.delayed.Delayed, optional
        The slabs' matrices, as their three arrays, where they are kept; else those of the borders and one for all
        between are built for a product, and dropped.
    """

    layer: Layer
    weight: NDArray[Any]
    slabs: tuple[Slab, ...]
    kept: tuple[Any, ...] | None = None

    @property
    def T(self) -> "SplitMatrix":
        """The transpose, of the same slabs."""
        return replace(self, layer=self.layer.T)

    def persist(self) -> "SplitMatrix":
        """Build the matrices of the slabs and keep them on their workers, for many products.

        Returns
        -------
        SplitMatrix
            With `kept`.
        """
        dask = _dask("dask")
        build, weight = dask.delayed(_arrays, pure=False), dask.delayed(self.weight, pure=False)
        kept = dask.persist(*(build(slab, weight) for slab in self.slabs))
        return replace(self, kept=kept)

    def matvec(self, x: Any) -> Any:
        """Multiply C by a vector, each slab by the part of it that it reads.

        Parameters
        ----------
        x : layer.input_shape array_like or dask array
            Or flattened; or of shape input_size where there is one channel. A NumPy array travels with the tasks, each
            part with its own; what is large, or already spread over machines, is better a dask array, cut along the
            first spatial axis.

        Returns
        -------
        layer.output_shape dask array
            Nothing is computed yet.

        Raises
        ------
        ValueError
            If x is not the layer's input, or if the client that kept the slabs' matrices has them no longer: it was
            closed or restarted. (Where that happens later, `compute` ends in an error of dask's.)
        """
        self._require_kept()
        dask, array = _dask("dask"), _dask("dask.array")
        x = self._shaped(x, array)
        dtype = np.result_type(self.weight, x)
        weight = dask.delayed(_Weight(self.weight), pure=False)
        tasks = zip(self.slabs, self.kept or [None] * len(self.slabs), strict=True)
        if isinstance(self.layer, Conv):
            multiply = dask.delayed(_multiply, pure=False)
            parts = [
                (slab.layer.output_shape, multiply(slab, weight, kept, *(x[:, lo:hi] for lo, hi in slab.reads)))
                for slab, kept in tasks
            ]
        else:
            multiply = dask.delayed(_multiply_transposed, pure=False)
            sums = [multiply(slab, weight, kept, x[:, slab.outputs[0] : slab.outputs[-1] + 1]) for slab, kept in tasks]
            parts = list(self._added(sums, dtype, dask))
        return array.concatenate([array.from_delayed(part, shape, dtype=dtype) for shape, part in parts], axis=1)

    def _require_kept(self) -> None:
        """Check that the matrices of the slabs still exist; the error of dask would be unclear."""
        # In the graph, results that a client keeps are futures; results that dask itself keeps are arrays.
        lost = sum(
            any(getattr(value, "status", None) in _GONE for value in dict(kept.dask).values())
            for kept in self.kept or ()
        )
        if lost:
            raise ValueError(
                f"{lost} of the matrices of {pluralize(len(self.slabs), 'slab')} that persist() kept are gone, since "
                "the "
                "client that kept them was closed or restarted, or cancelled them: call persist() again"
            )

    def _shaped(self, x: Any, array: Any) -> Any:
        x = x if isinstance(x, array.Array) else np.asarray(x)
        shape = self.layer.input_shape
        allowed = [shape, (self.layer.matrix_shape[1],)] + [shape[1:]] * (shape[0] == 1)
        if x.shape not in allowed:
            raise ValueError(f"x has shape {x.shape} but has to have one of {', '.join(map(str, allowed))}")
        return x.reshape(shape)

    def _added(self, sums: Sequence[Any], dtype: np.dtype[Any], dask: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
        """Add up what the slabs give to each part of the output, as (shape, task)."""
        channels, size, *rest = self.layer.output_shape
        cut, add = dask.delayed(_cut, pure=False), dask.delayed(_add, pure=False)
        count = min(len(self.slabs), size)
        for lo, hi in pairwise(size * number // count for number in range(count + 1)):
            shape = (channels, hi - lo, *rest)
            places, parts = [], []
            for slab, partial in zip(self.slabs, sums, strict=True):
                for (start, stop), first in slab.overlaps(lo, hi):
                    places.append((start - lo, stop - lo))
                    parts.append(cut(partial, first, first + stop - start))
            yield shape, add(shape, dtype, places, *parts)


def _dask(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            "convmatrix.scale needs dask: install convmatrix[scale], or multiply block by block of "
            "layer.row_blocks(weight, rows=...)"
        ) from error


# What tasks do, where they run:


def _arrays(slab: Slab, weight: NDArray[Any]) -> Arrays:
    """The matrix of a slab as arrays, whose size dask can compute, so that it does not move them."""
    matrix = slab.layer.matrix(weight)
    return matrix.data, matrix.indices, matrix.indptr


class _Weight:
    """A weight, and the last matrix that was built of it here: slabs between the borders are one and the same layer.

    It lives as long as the product does, and travels without the matrix.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values
        self._last: tuple[Conv, sparse.csr_array] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Weight, (self.values,)

    def matrix(self, layer: Conv) -> sparse.csr_array:
        """The matrix of a slab's layer."""
        last = self._last  # another thread may set it meanwhile
        if last is None or last[0] != layer:
            last = self._last = layer, layer.matrix(self.values)
        return last[1]


def _matrix(slab: Slab, weight: _Weight, kept: Arrays | None) -> sparse.csr_array:
    return weight.matrix(slab.layer) if kept is None else sparse.csr_array(kept, shape=slab.layer.matrix_shape)


def _multiply(slab: Slab, weight: _Weight, kept: Arrays | None, *parts: NDArray[Any]) -> NDArray[Any]:
    return slab.layer.unvec(_matrix(slab, weight, kept) @ slab.gather(parts))


def _multiply_transposed(slab: Slab, weight: _Weight, kept: Arrays | None, y: NDArray[Any]) -> NDArray[Any]:
    return slab.scatter(_matrix(slab, weight, kept).T @ y.ravel())


def _cut(partial: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    return partial[:, start:stop]


def _add(
    shape: tuple[int, ...], dtype: np.dtype[Any], places: Sequence[tuple[int, int]], *parts: NDArray[Any]
) -> NDArray[Any]:
    total = np.zeros(shape, dtype=dtype)
    for (start, stop), part in zip(places, parts, strict=True):
        total[:, start:stop] += part
    return total


def __dir__() -> list[str]:
    return __all__
