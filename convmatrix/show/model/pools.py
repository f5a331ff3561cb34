"""A pool as a scene: its windows are those of a depthwise convolution, its matrix is its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import WrongTypeError
from convmatrix.layers import AvgPool, Conv, MaxPool
from convmatrix.layers.arguments import check_kind
from convmatrix.show.model.scene import Scene, number_label

__all__ = ["AverageScene", "MaximumScene", "scene_of_pool"]


def scene_of_pool(pool: AvgPool | MaxPool, x: ArrayLike | None) -> Scene:
    """Make the scene of a pool; what a maximum selects depends on the input.

    Parameters
    ----------
    pool : AvgPool or MaxPool
    x : input_shape array_like or None
        One input; only an average can do without.

    Returns
    -------
    Scene
        Its layer is the depthwise convolution that has the pool's windows.

    Raises
    ------
    ValueError
        If a maximum has no x, and what the pool says about x.

    Examples
    --------
    >>> scene = scene_of_pool(AvgPool((4,), 2), None)
    >>> scene.text(0), scene.made_of(1, scene.terms(1, scene.col_name))
    ('1/2', '(x2 + x3)/2')
    >>> scene = scene_of_pool(MaxPool((4,), 2), [3, 1, 4, 5])
    >>> scene.cols.tolist(), scene.made_of(1, scene.terms(1, "abcd".__getitem__))
    ([0, 3], 'max(c, d)')
    """
    check_kind("pool", pool, AvgPool, MaxPool)
    windows = Conv(
        pool.input_size,
        pool.kernel_size,
        stride=pool.stride,
        padding=_pads(pool),
        dilation=pool.dilation,
        groups=pool.channels,
        in_channels=pool.channels,
        out_channels=pool.channels,
        ndim=pool.ndim,
    )
    if isinstance(pool, AvgPool):
        return AverageScene(windows, pool=pool)
    return MaximumScene(windows, selection=_selection(pool, x))


def _selection(pool: MaxPool, x: ArrayLike | None) -> sparse.csr_array:
    if x is None:
        raise WrongTypeError("what max pooling selects depends on the input: give x to draw it")
    return pool.matrix(x)


def _pads(pool: AvgPool | MaxPool) -> tuple[tuple[int, int], ...]:
    """The pool's pads, and as much behind them as the last window of `ceil_mode` reaches."""
    return tuple(
        (before, max(after, axis.after)) for (before, after), axis in zip(pool.padding, pool.axes, strict=True)
    )


@dataclass(frozen=True)
class _PoolScene(Scene):
    """Base class: windows without weights."""

    has_kernel: ClassVar[bool] = False

    @property
    def has_values(self) -> bool:
        """Check whether its entries are numbers."""
        return True

    @cached_property
    def _windows(self) -> sparse.csr_array:
        return self.layer.matrix(np.ones(self.layer.weight_shape, dtype=bool))

    def _seen(self, row: int) -> slice:
        """Indices of the stored entries in a window."""
        return slice(*self._windows.indptr[row : row + 2])

    def note(self, row: int, tap: int) -> str:
        """An empty text: only averages multiply."""
        return ""

    def terms(self, row: int, input_text: Callable[[int], str]) -> list[str]:
        """The inputs that a window sees; `input_text` writes an input."""
        return [input_text(int(col)) for col in self._windows.indices[self._seen(row)]]


@dataclass(frozen=True, kw_only=True)
class AverageScene(_PoolScene):
    """Average pooling: a row's entries are one over its divisor.

    Parameters
    ----------
    layer : Conv
        The windows.
    pool : AvgPool
    """

    pool: AvgPool

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """The matrix of the pool."""
        return self.pool.matrix()

    @cached_property
    def _divisors(self) -> NDArray[np.int64]:
        return np.tile(self.pool.divisors().ravel(), self.pool.channels)

    def applied(self, values: NDArray[Any]) -> NDArray[Any]:
        """The outputs for a vector of inputs: divided once, so that sums of integers stay exact until then."""
        means: NDArray[Any] = self._windows.astype(values.dtype) @ values / self._divisors
        return means

    def text(self, cell: int) -> str:
        """An entry, as a fraction."""
        return _divided("1", self._divisors[self.rows[cell]])

    def note(self, row: int, tap: int) -> str:
        """The factor of all inputs in the window of a row."""
        return _divided("1", self._divisors[row])

    def made_of(self, row: int, terms: Sequence[str]) -> str:
        """The sum of the terms, divided."""
        added = " + ".join(terms)
        return _divided(f"({added})" if len(terms) > 1 else added, self._divisors[row])


def _divided(text: str, divisor: int) -> str:
    return f"{text}/{divisor}" if divisor != 1 else text


@dataclass(frozen=True, kw_only=True)
class MaximumScene(_PoolScene):
    """Max pooling at one input: a row's one entry selects.

    Parameters
    ----------
    layer : Conv
        The windows.
    selection : csr_array
        The matrix of the pool at its input.
    """

    letters: ClassVar[tuple[str, str, str]] = ("y", "S", "x")
    beyond: ClassVar[str] = ""

    selection: sparse.csr_array

    @property
    def matrix(self) -> sparse.csr_array:
        """The selection."""
        return self.selection

    @cached_property
    def _taps(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each window, the tap at the selected input: zeros are the only border, so there is one."""
        count = len(self.selection.indices)
        chosen = self._windows.indices == np.repeat(self.selection.indices, np.diff(self._windows.indptr))
        return np.arange(count + 1), self.layer.taps()[1][chosen]

    def text(self, cell: int) -> str:
        """An entry, which is one."""
        return number_label(self.selection.data[cell])

    def made_of(self, row: int, terms: Sequence[str]) -> str:
        """The largest of the terms."""
        return f"max({', '.join(terms)})"
