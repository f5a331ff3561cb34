"""Scenes: the contents of pictures, computed once for all renderers.

A scene is a layer's matrix as cells (row, column, taps, label, value), with the rulers that cut its rows and columns
into image rows; the map that the windows slide over, with its padding; the window of each output, which is a row of
the matrix; and the stamp of each input, which is a column. No renderer contains convolution logic.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.axis import Axis
from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import entries_of, integer, positive
from convmatrix.show.model.palette import tap_colours

__all__ = ["Place", "Reading", "Scene", "number_label", "size_label", "tap_label"]


class Reading(NamedTuple):
    """The place that one tap of a window reads.

    `tap` is the position in the kernel, `place` the one on the map, which lies outside of it where there is padding,
    and `source` the position of the input that is read, or None for a zero.
    """

    tap: tuple[int, ...]
    place: tuple[int, ...]
    source: tuple[int, ...] | None


Kind = Literal["input", "zero", "inserted", "copy"]
_KINDS: tuple[Kind, ...] = ("zero", "inserted", "copy")


class Place(NamedTuple):
    """One place of the map that the windows slide over.

    `place` counts from the first input, on the map with the zeros that input dilation inserts. `kind` is its
    content: an ``input``, a ``zero`` of the padding, an ``inserted`` zero, or a ``copy`` made by a border mode;
    `source` is the input that is read there, or None. `seen` is False where no window lies: beyond a negative
    padding, in the leftover, and between windows whose stride is longer than they are. What a dilated kernel's taps
    skip lies under its window all the same, and is seen.
    """

    place: tuple[int, ...]
    kind: Kind
    source: tuple[int, ...] | None
    seen: bool


@dataclass(frozen=True)
class Scene:
    """A layer's matrix as something to draw.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape ndarray, optional
        Without it, cells have labels but no values.
    names : tuple of str, optional
        Names of the weight entries, in C order; by default from `tap_label`.

    Examples
    --------
    >>> scene = Scene(Conv((3,), 2))
    >>> scene.rows.tolist(), scene.cols.tolist(), [scene.label(cell) for cell in range(4)]
    ([0, 0, 1, 1], [0, 1, 1, 2], ['w0', 'w1', 'w0', 'w1'])
    """

    layer: Layer
    weight: ArrayLike | None = None
    names: tuple[str, ...] | None = None

    # -- the matrix ------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix."""
        return self.layer.matrix_shape

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """The matrix; without a weight its values only mark the entries."""
        weight = np.ones(self.layer.weight_shape, dtype=bool) if self.weight is None else self.weight
        return self.layer.matrix(weight)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Row of each cell, in the order of ``matrix.data``."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.matrix.indptr))

    @property
    def cols(self) -> NDArray[Any]:
        """Column of each cell."""
        return self.matrix.indices

    @cached_property
    def _taps(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.layer.taps()

    def taps(self, cell: int) -> list[int]:
        """Flat indices of the weight entries that a cell is the sum of."""
        ptr, ids = self._taps
        return [int(tap) for tap in ids[ptr[cell] : ptr[cell + 1]]]

    @property
    def weight_count(self) -> int:
        """Number of weight entries that occur in the matrix."""
        return int(np.count_nonzero(np.bincount(self._taps[1], minlength=1)))

    @cached_property
    def kernel_taps(self) -> NDArray[np.int64]:
        """Flat kernel position of each cell's first tap: what its colour follows."""
        ptr, ids = self._taps
        return ids[ptr[:-1]] % prod(self.layer.kernel_size)

    @cached_property
    def colours(self) -> list[str]:
        """Colour of each kernel position."""
        return tap_colours(self.layer.kernel_size)

    def colour(self, cell: int) -> str:
        """Colour of a cell: the colour of its (first) tap."""
        return self.colours[int(self.kernel_taps[cell])]

    def label(self, cell: int) -> str:
        """Name of a cell's weight, or of the sum of its weights."""
        return "+".join(map(self.tap_name, self.taps(cell)))

    def tap_name(self, tap: int) -> str:
        """Name of a weight entry, given as a flat index."""
        return tap_label(self.layer.weight_shape, tap) if self.names is None else self.names[tap]

    def text(self, cell: int) -> str:
        """Text of a cell: its value, or its label where there is no weight."""
        return self.label(cell) if self.weight is None else number_label(self.matrix.data[cell])

    # -- texts --------------------------------------------------------------------------------------------

    @property
    def letters(self) -> tuple[str, str, str]:
        """Letters of the output, of the matrix and of the input.

        A transposed convolution takes y back to x: its matrix is C^T.
        """
        return ("x", "C^T", "y") if isinstance(self.layer, ConvTranspose) else ("y", "C", "x")

    @property
    def equation(self) -> str:
        """The equation, such as ``y = C x``."""
        return "{} = {} {}".format(*self.letters)

    beyond: ClassVar[str] = "0"
    """Text for places of a window without an input."""
    has_kernel: ClassVar[bool] = True
    """True if the layer has a weight that can be shown."""

    @property
    def has_values(self) -> bool:
        """Check whether its entries are numbers."""
        return self.weight is not None

    def applied(self, values: NDArray[Any]) -> NDArray[Any]:
        """The outputs for a vector of inputs."""
        outputs: NDArray[Any] = self.matrix @ values
        return outputs

    def tap_text(self, tap: int) -> str:
        """Value of a weight entry, or its name where there is no weight."""
        return self.tap_name(tap) if self.weight is None else number_label(np.ravel(np.asarray(self.weight))[tap])

    def note(self, row: int, tap: int) -> str:
        """The factor in the window of a row at one of its taps, a flat index into the weight."""
        return self.tap_text(tap)

    def terms(self, row: int, input_text: Callable[[int], str]) -> list[str]:
        """Terms of an output; `input_text` formats an input."""
        return [
            f"{_factor(self.text(cell))}·{_factor(input_text(int(self.cols[cell])))}" for cell in self.row_cells(row)
        ]

    def made_of(self, row: int, terms: Sequence[str]) -> str:
        """An output as an expression of its terms."""
        return " + ".join(terms) or "0"

    @property
    def row_block(self) -> int:
        """Rows of the matrix in one row of the output map: where a ruler cuts."""
        return _block(self.layer.output_size)

    @property
    def col_block(self) -> int:
        """Columns of the matrix in one row of the input map."""
        return _block(self.layer.input_size)

    def row_name(self, row: int) -> str:
        """Name of an output, such as ``y01``; of a transposed convolution ``x01``."""
        return self.letters[0] + _position_label(self.layer.output_shape, row)

    def col_name(self, col: int) -> str:
        """Name of an input, such as ``x23``; of a transposed convolution ``y23``."""
        return self.letters[2] + _position_label(self.layer.input_shape, col)

    def row_cells(self, row: int) -> range:
        """Cells of one row: what the window of one output reads."""
        return range(int(self.matrix.indptr[row]), int(self.matrix.indptr[row + 1]))

    def col_cells(self, col: int) -> list[int]:
        """Cells of one column: the stamp of one input in the transpose."""
        return [int(cell) for cell in np.flatnonzero(self.matrix.indices == col)]

    def row_position(self, row: int) -> tuple[int, ...]:
        """Channel and position of the output behind a row."""
        return tuple(int(i) for i in np.unravel_index(row, self.layer.output_shape))

    def col_position(self, col: int) -> tuple[int, ...]:
        """Channel and position of the input behind a column."""
        return tuple(int(i) for i in np.unravel_index(col, self.layer.input_shape))

    # -- the map and its windows --------------------------------------------------------------------------------------

    def window(self, output: Sequence[int]) -> list[Reading]:
        """Find the places that the forward convolution's window reads at one position of its output map.

        Parameters
        ----------
        output : sequence of int
            Position on the map, without a channel.

        Returns
        -------
        list of Reading
            One for each tap, in the kernel's C order. Places count from the first input (of the dilated map, where
            there is input dilation).

        Examples
        --------
        >>> Scene(Conv((4,), 3, padding=1)).window((0,))[0]
        Reading(tap=(0,), place=(-1,), source=None)
        """
        axes = self.layer.axes
        places = [axis.positions(np.array([o]))[0] for axis, o in zip(axes, output, strict=True)]
        sources = [axis.extend(place).tolist() for axis, place in zip(axes, places, strict=True)]
        readings = []
        for tap in product(*map(range, self.layer.kernel_size)):
            source = tuple(along[t] for along, t in zip(sources, tap, strict=True))
            place = tuple(int(along[t]) for along, t in zip(places, tap, strict=True))
            readings.append(Reading(tap, place, None if -1 in source else source))
        return readings

    def frame(self) -> list[tuple[int, int]]:
        """First place and one past the last on each axis that the map with its padding has."""
        return [_frame(axis) for axis in self.layer.axes]

    def places(self) -> list[Place]:
        """All places of the forward convolution's input map with its padding, in C order.

        Returns
        -------
        list of Place

        Examples
        --------
        >>> for place in Scene(Conv((2,), 2, padding=((1, -1),), input_dilation=2)).places():
        ...     print(*place)
        (-1,) zero None True
        (0,) input (0,) True
        (1,) inserted None True
        (2,) input (1,) False
        """
        along = [_along(axis) for axis in self.layer.axes]
        result = []
        for each in product(*along):
            sources = [one.source for one in each]
            kinds = {one.kind for one in each}
            kind: Kind = next((kind for kind in _KINDS if kind in kinds), "input")
            source = None if None in sources else tuple(one for (one,) in filter(None, sources))
            result.append(Place(tuple(one.place[0] for one in each), kind, source, all(one.seen for one in each)))
        return result

    def inserted(self) -> "Scene":
        """The scene of the direct convolution that a transposed one is: zeros inserted, kernel flipped, names kept.

        Returns
        -------
        Scene
            Of ``layer.as_conv()``, with the flipped weight.

        Raises
        ------
        ValueError
            If the layer is no transposed convolution, or its padding mode is not zeros.

        Examples
        --------
        >>> scene = Scene(Conv((3,), 2).T).inserted()
        >>> scene.names, [scene.label(cell) for cell in scene.row_cells(1)]
        (('w1', 'w0'), ['w1', 'w0'])
        """
        if not isinstance(self.layer, ConvTranspose):
            raise ValueError("only a transposed convolution inserts zeros: take the scene of layer.T")
        direct = self.layer.as_conv()
        shape = self.layer.weight_shape
        flipped = self.layer.direct_weight(np.arange(prod(shape)).reshape(shape)).ravel()
        names = tuple(self.tap_name(int(tap)) for tap in flipped)
        return Scene(direct, None if self.weight is None else self.layer.direct_weight(self.weight), names)

    def forward(self) -> "Scene":
        """The forward convolution of a transposed one, whose windows are the stamps."""
        assert isinstance(self.layer, ConvTranspose)
        return Scene(self.layer.T, self.weight, self.names)

    def own_taps(self, *, flipped: bool) -> list[int]:
        """The layer's tap at each position of the kernel: where that is flipped, each tap keeps its colour."""
        count = prod(self.layer.kernel_size)
        if not flipped:
            return list(range(count))
        assert isinstance(self.layer, ConvTranspose)
        shape = self.layer.weight_shape
        taps = self.layer.direct_weight(np.arange(prod(shape)).reshape(shape)).ravel()
        return [int(tap) % count for tap in taps[:count]]

    def uncropped(self) -> "Scene":
        """The scene of the transposed convolution onto the whole frame, out of which its padding crops.

        Returns
        -------
        Scene
            Its output has the size of `frame` of ``layer.T``: the output, what is cropped, and for a dilated output
            what stands between. The weight and the input are the same.

        Raises
        ------
        ValueError
            If the layer is no transposed convolution, or its padding mode is not zeros, so that it folds the border
            back instead.

        Examples
        --------
        >>> Scene(ConvTranspose(3, 3, stride=2, padding=1)).uncropped().layer
        ConvTranspose(input_size=(3, 3), kernel_size=(3, 3), stride=(2, 2))
        """
        if not isinstance(self.layer, ConvTranspose):
            raise ValueError("only a transposed convolution crops its result: take the scene of layer.T")
        if self.layer.padding_mode != "zeros":
            raise ValueError(
                f"padding_mode {short(self.layer.padding_mode)} folds the border back onto the result and "
                "crops nothing: draw the stamps"
            )
        forward = self.layer.T
        whole = Conv(
            tuple(end - start for start, end in Scene(forward).frame()),
            forward.kernel_size,
            stride=forward.stride,
            padding=tuple((min(before, 0), min(after, 0)) for before, after in forward.padding),
            dilation=forward.dilation,
            groups=forward.groups,
            in_channels=forward.in_channels,
            out_channels=forward.out_channels,
        )
        return Scene(whole.T, self.weight, self.names)


def _frame(axis: Axis) -> tuple[int, int]:
    return -max(axis.before, 0), axis.dilated_size + max(axis.after, 0)


def _along(axis: Axis) -> list[Place]:
    """The places of one axis."""
    lo, hi = _frame(axis)
    sources = axis.extend(np.arange(lo, hi, dtype=np.int64)).tolist()
    places = []
    for place, source in zip(range(lo, hi), sources, strict=True):
        inside = 0 <= place < axis.dilated_size
        kind: Kind = ("inserted" if inside else "zero") if source < 0 else "input" if inside else "copy"
        places.append(Place((place,), kind, None if source < 0 else (source,), _is_seen(axis, place)))
    return places


def _factor(text: str) -> str:
    return f"({text})" if re.search(r"(?<=.)[+-]|^-", text) else text


def _is_seen(axis: Axis, place: int) -> bool:
    """Check whether a place lies between the first and the last tap of some window."""
    position = place + axis.before
    last = min(position // axis.stride, axis.output_size - 1)  # of the windows that begin here or before
    return last >= 0 and position - last * axis.stride < axis.span


def _block(size: tuple[int, ...]) -> int:
    return size[-1] if size else 1


def _position_label(shape: tuple[int, ...], flat: int) -> str:
    """Indices of a position on a map, its channel before a point where there are several."""
    index = [int(i) for i in np.unravel_index(flat, shape)]
    name = _joined(index[1:], shape[1:])
    return name if shape[0] == 1 else f"{index[0]}." + name if name else str(index[0])


def tap_label(weight_shape: tuple[int, ...], tap: int) -> str:
    """Name a weight entry: ``w12`` for kernel position (1, 2); channels stand before a point where there are several.

    Indices of more than one digit are joined by commas.

    Returns
    -------
    str
        ``w``, channels, a point and indices.

    Raises
    ------
    ValueError
        If there is no such entry.
    WrongTypeError
        If it is no shape of a weight: a TypeError as well.

    Examples
    --------
    >>> tap_label((1, 1, 3, 3), 5), tap_label((2, 1, 3, 3), 14), tap_label((1, 1, 11), 10)
    ('w12', 'w10.12', 'w10')
    """
    if entries_of(weight_shape) is None or len(weight_shape) < 2:
        raise WrongTypeError(
            f"weight_shape must have two entries for channels and one for each axis, got {short(weight_shape)}"
        )
    weight_shape = tuple(positive("an entry of weight_shape", entry) for entry in weight_shape)
    if not 0 <= integer("tap", tap) < prod(weight_shape):
        raise ValueError(f"tap must be from 0 to {prod(weight_shape) - 1}, got {tap}")
    channels, position = weight_shape[:2], weight_shape[2:]
    index = [int(i) for i in np.unravel_index(tap, weight_shape)]
    name = _joined(index[2:], position)
    return "w" + (name if channels == (1, 1) else _joined(index[:2], channels) + ("." if name else "") + name)


def _joined(index: Sequence[int], sizes: Sequence[int]) -> str:
    comma = "," if len(sizes) > 1 and max(sizes) > 10 else ""
    return comma.join(map(str, index))


def number_label(value: Any) -> str:
    """A number as short as three digits allow.

    Returns
    -------
    str

    Examples
    --------
    >>> number_label(np.int64(-12)), number_label(np.float64(1 / 3)), number_label(np.float32(2)), number_label(1 + 2j)
    ('-12', '0.333', '2', '1+2j')
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, complex):
        return f"{value.real:.3g}{value.imag:+.3g}j"
    return f"{value:.3g}"


def size_label(size: Iterable[int]) -> str:
    """A size as text.

    Returns
    -------
    str

    Examples
    --------
    >>> size_label((4, 4)), size_label(())
    ('4 × 4', '1')
    """
    return " × ".join(map(str, size)) or "1"
