"""A layer's sliding window as a film: its panels, and the cells that each step highlights.

A convolution reads: each step is the window of one output, a row of the matrix. A transposed convolution can be seen
both ways: it stamps, where each step adds the stamp of one input, a column of the matrix; or it reads as well, from
the input with zeros inserted, through the flipped kernel (rotated by 180 degrees).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError
from convmatrix.layers import AvgPool, Conv, ConvTranspose, Layer, MaxPool
from convmatrix.layers.arguments import check_kind, flag
from convmatrix.show.model.blocks import Equation, Group
from convmatrix.show.model.drawing import smallest_label
from convmatrix.show.model.film import Film, Frame, Key, Look, Outline, Panel
from convmatrix.show.model.layout import Arrangement, arrange
from convmatrix.show.model.limits import Drawable, View, require_drawable, require_sides, scene_of, view_of
from convmatrix.show.model.looks import Looks, kernel_panel, scale
from convmatrix.show.model.palette import largest
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Place, Reading, Scene, number_label, size_label
from convmatrix.show.model.style import HEADING, LABEL_IN_C, LEAST_CAPTION, Style, current_style
from convmatrix.show.model.typeset import width

__all__ = ["Drawable", "View", "film", "one_input"]


_Kind = TypeVar("_Kind", bound="Stage")

_PANELS = 99
"""Most panels of a picture: a map for each channel."""
_LABELLED = 64
"""Most rows and columns of a matrix whose cells are labelled."""


def film(
    layer: Drawable,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    view: View | None = None,
    maps: bool = True,
    matrix: bool = True,
    key: bool = False,
    title: str = "",
    moving: bool = True,
    style: Style | None = None,
) -> Film:
    """Compute the panels of a layer and its steps.

    Parameters
    ----------
    layer : Conv, ConvTranspose, AvgPool or MaxPool
        With at most two axes.
    weight : weight_shape array_like, optional
        Values for the kernel and the matrix; names without it. With `x`, outputs have values as well. A pool has none.
    x : input_shape array_like, optional
        A bare map will do where there is one channel. A `MaxPool` needs it: it says what is selected.
    view : {"windows", "stamps"}, optional
        ``windows`` shows each output's window; for a transposed convolution, on the input with zeros inserted.
        ``stamps`` shows what each input of a transposed convolution adds, and is its default.
    maps, matrix : bool, default True
        What to show.
    key : bool, default False
        Whether to show the kernel beside a matrix without maps.
    title : str, optional
        Any text, made printable by `convmatrix.show.model.printable.printable`; a long one takes three lines at most.
    moving : bool, default True
        Whether to compute the steps.
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.

    Returns
    -------
    Film

    Raises
    ------
    ValueError
        If the layer has more than two axes, its view does not exist, or it is too large to be drawn; and what the
        layer says about `weight` and `x`.

    Examples
    --------
    >>> made = film(Conv((3,), 2), [1, 2], [5, 6, 7])
    >>> [frame.caption for frame in made.frames]
    ['y0 = 1·5 + 2·6 = 17', 'y1 = 1·6 + 2·7 = 20']
    >>> [made.cell_id(key) for key in made.frames[1].looks if made.panels[key[0]].name == "above"]
    ['above-0-1', 'above-0-2']
    """
    if not (flag("maps", maps) | flag("matrix", matrix)):
        raise ValueError("maps=False and matrix=False leave nothing to draw: set one of them to True")
    shown_title = printable(title)
    parts = Parts(maps, matrix, moving, flag("key", key))
    stage = stage_of(Stage, layer, weight, x, view, style, parts)
    if stage.count > _PANELS:
        raise ValueError(
            f"the picture would have {stage.count} parts but at most {_PANELS} are drawn: take fewer channels, as one "
            "group of the layer has"
        )
    caption = moving and stage.style.captioned
    place = arrange(
        stage.labelled_groups(),
        stage.equation,
        style=stage.style,
        title=shown_title,
        caption=caption,
        scale=stage.scale,
    )
    return filmed(stage, place, shown_title)


class Parts(NamedTuple):
    """Parts of a picture: maps, matrix, steps, and the kernel beside a matrix without maps."""

    maps: bool = True
    matrix: bool = True
    moving: bool = True
    key: bool = False


def stage_of(
    kind: type[_Kind],
    layer: Drawable,
    weight: ArrayLike | None,
    x: ArrayLike | None,
    view: str | None,
    style: Style | None,
    parts: Parts,
) -> _Kind:
    """A builder of some kind for a layer that can be drawn."""
    check_kind("layer", layer, Conv, ConvTranspose, AvgPool, MaxPool)
    if layer.ndim > 2 and (parts.maps or parts.moving):
        raise ValueError(f"maps are drawn for at most 2 axes, got {layer.ndim}: draw a layer of 2 of them")
    chosen, scene = view_of(layer, view), scene_of(layer, weight, x)
    require_drawable(scene, chosen, matrix=parts.matrix, moving=parts.moving)
    return kind(scene, x, chosen, current_style(style), *parts)


def filmed(stage: "Stage", place: Arrangement, title: str, about: str = "") -> Film:
    """The film of a builder whose panels have their places."""
    width = (place.foot[2] if place.foot else place.width) / place.text
    frames = stage.frames(width) if stage.moving else ()
    return place.film(stage.base, stage.waiting, frames, title=title, about=about, style=stage.style)


# -- contents --------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """Builder of the panels of a layer, and of its steps.

    Both views slide a window of the same kind over a map: for windows, the map is the input, and each position gives
    an output; for stamps, it is the output, and each position takes an input. That other map has a cell per step.
    """

    scene: Scene
    x: ArrayLike | None
    view: View
    style: Style
    maps: bool
    matrix: bool
    moving: bool
    key: bool
    groups: list[Group] = field(default_factory=list)
    equation: Equation | None = None
    base: dict[Key, Look] = field(default_factory=dict)
    waiting: dict[Key, Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layer, scene = self.scene.layer, self.scene
        self.slider = scene if isinstance(layer, Conv) else scene.inserted() if self.reads else scene.forward()
        if self.maps:
            self.frame = _plane(self.slider.frame(), (0, 1))
            require_sides(self.slider.layer, self.frame)
        _ = scene.matrix  # built before anything is drawn: it raises the error for a weight of another shape
        self.looks = Looks(self.style, layer.kernel_size, self._limit())
        self.taps = scene.own_taps(flipped=self.flipped)
        self.values = None if self.x is None else one_input(layer, self.x)
        self.answers = scene.applied(self.values) if self.values is not None and scene.has_values else None
        self.count = 0
        self.matrix_panel = self.map_panel = self.point_panel = self.kernel_panel = -1
        self.above_panel = self.beside_panel = -1
        if self.maps:
            make = [self._add_map, self._add_kernel, self._add_points]
            for one in make if self.reads else reversed(make):
                one()
        elif self.key:
            self._add_kernel()
        if self.matrix:
            self._add_matrix()
        self.scale = self._add_scale() if self.looks.limit else None

    def labelled_groups(self) -> list[Group]:
        """The groups, each panel with the size of its smallest label."""
        known: dict[int, set[Look]] = {}
        for looks in (self.base, self.waiting):
            for key, look in looks.items():
                known.setdefault(key[0], set()).add(look)
        numbers = iter(range(self.count))
        return [
            group._replace(
                panels=tuple(panel._replace(label=smallest_label(known[next(numbers)])) for panel in group.panels)
            )
            for group in self.groups
        ]

    def _add_scale(self) -> Panel:
        """A colour bar of the weights."""
        panel, looks = scale(self.style, self.looks.limit)
        self.base |= {(self.count, *place): look for place, look in looks.items()}
        self.count += 1
        return panel

    def _limit(self) -> float:
        """The largest magnitude of a weight, if weights are coloured by it."""
        if self.style.fill == "tap" or not self.scene.has_values:
            return 0.0
        return largest(self.scene.matrix.data, () if self.scene.weight is None else self.scene.weight)

    @property
    def reads(self) -> bool:
        return self.view == "windows"

    @property
    def flipped(self) -> bool:
        return self.reads and isinstance(self.scene.layer, ConvTranspose)

    # -- panels ------------------------------------------------------------------------------------------------

    def _add_channels(self, group: str, panel: Panel, count: int) -> int:
        """A panel like this for each channel; the number of the first."""
        panels: tuple[Panel, ...] = (panel,)
        if count > 1:
            panels = tuple(
                panel._replace(name=f"{group}{channel}", note=f"{panel.note}, channel {channel}")
                for channel in range(count)
            )
        self.groups.append(Group(group, panels, self._sign(group)))
        first = self.count
        self.count += count
        return first

    def _sign(self, group: str) -> str:
        """The sign before a group."""
        if not self.groups:
            return ""
        if self.reads:
            return "∗" if group == "kernel" else "=" if self.scene.has_kernel else "→"
        return "·" if group == "kernel" else "→"

    def _add_map(self) -> None:
        (top, bottom), (left, right) = self.frame
        layer = self.slider.layer
        group, letter = ("input", self.scene.letters[2]) if self.reads else ("output", self.scene.letters[0])
        note = size_label(layer.input_size)
        if self.flipped and any(axis.dilated_size > axis.input_size for axis in layer.axes):
            note += ", zeros inserted"
        self.map_panel = self._add_channels(
            group, Panel(group, letter, note, bottom - top, right - left), layer.in_channels
        )
        for channel in range(layer.in_channels):
            for place in self.slider.places():
                key = self._map_key(channel, place.place)
                self.base[key] = self._map_look(channel, place)
                if self.answers is not None and not self.reads and self.moving and place.source is not None:
                    self.waiting[key] = self._with_total(self.base[key], 0)._replace(ink=self.style.colours.quiet)

    def _map_key(self, channel: int, place: tuple[int, ...]) -> Key:
        (top, _), (left, _) = self.frame
        row, col = _plane(place, 0)
        return (self.map_panel + channel, row - top, col - left)

    def _map_look(self, channel: int, place: Place) -> Look:
        looks = self.looks
        if place.source is None:
            text = self.scene.beyond if self.reads else ""
            return looks.inserted(text) if place.kind == "inserted" else looks.padding(text)
        flat = self._flat(channel, place.source)
        symbol, value = self._x(flat) if self.reads else self._y(flat)
        if place.kind == "copy":
            return looks.copied(symbol, value)
        look = looks.map(symbol, value)
        return look if place.seen else looks.muted(look)

    def _flat(self, channel: int, source: tuple[int, ...]) -> int:
        """Number of a place of the map, as an input or output of the matrix."""
        return int(np.ravel_multi_index((channel, *source), self.slider.layer.input_shape))

    def _x(self, col: int) -> tuple[str, Any]:
        """Symbol and value of an input."""
        return self.scene.col_name(col), None if self.values is None else self.values[col]

    def _y(self, row: int) -> tuple[str, Any]:
        """Symbol and value of an output."""
        return self.scene.row_name(row), None if self.answers is None else self.answers[row]

    def _add_points(self) -> None:
        layer = self.slider.layer
        rows, cols = _plane(layer.output_size, 1)
        group, letter = ("output", self.scene.letters[0]) if self.reads else ("input", self.scene.letters[2])
        self.point_panel = self._add_channels(
            group, Panel(group, letter, size_label(layer.output_size), rows, cols), layer.out_channels
        )
        for step in range(prod(layer.output_shape)):
            key = self._point_key(step)
            self.base[key] = self.looks.map(*(self._y(step) if self.reads else self._x(step)))
            if self.reads and self.answers is not None:
                self.waiting[key] = self.base[key]._replace(text="", second="")

    def _point_key(self, step: int) -> Key:
        channel, *position = self._position(step)
        return (self.point_panel + channel, *_plane(position, 0))

    def _position(self, step: int) -> tuple[int, ...]:
        """Channel and position on the map of points, which is the slider's output."""
        return self.slider.row_position(step)

    def _add_kernel(self) -> None:
        if not self.scene.has_kernel:
            return
        layer, (rows, cols) = self.slider.layer, self.scene.shape
        note = size_label(layer.kernel_size) + (", flipped" if self.flipped else "")
        group = "kernel" if self.maps else "key"
        panel, self.places = kernel_panel(group, note, layer.kernel_size, wide=cols > rows)
        self.kernel_panel = self._add_channels(group, panel, layer.in_channels // layer.groups)
        self.base |= self._kernel_looks(0)

    def _kernel_looks(self, out_channel: int) -> dict[Key, Look]:
        layer = self.slider.layer
        looks = {}
        for within in range(layer.in_channels // layer.groups):
            for number, place in enumerate(np.ndindex(layer.kernel_size)):
                tap = self._tap(out_channel, within, place)
                key = (self.kernel_panel + within, *self.places[number])
                looks[key] = self.looks.tap(self.taps[number], self.slider.tap_name(tap), self._weight(tap))
        return looks

    def _weight(self, tap: int) -> Any:
        """Value of a weight entry of the slider, None without a weight."""
        return None if self.slider.weight is None else np.ravel(np.asarray(self.slider.weight))[tap]

    def _tap(self, out_channel: int, within: int, place: tuple[int, ...]) -> int:
        return int(np.ravel_multi_index((out_channel, within, *place), self.slider.layer.weight_shape))

    def _own_tap(self, place: tuple[int, ...]) -> int:
        """The layer's tap at a position of the slider's kernel, which may be flipped."""
        return self.taps[int(np.ravel_multi_index(place, self.slider.layer.kernel_size)) if place else 0]

    def _add_matrix(self) -> None:
        scene, (rows, cols) = self.scene, self.scene.shape
        labelled = max(rows, cols) <= _LABELLED
        row_blocks = (scene.row_block, prod(scene.layer.output_size))
        col_blocks = (scene.col_block, prod(scene.layer.input_size))
        letter = scene.letters[1]
        self.matrix_panel, self.above_panel, self.beside_panel = range(self.count, self.count + 3)
        self.count += 3
        matrix = Panel(
            "matrix",
            scene.equation,
            f"{letter} is {rows} × {cols}",
            rows,
            cols,
            row_blocks=row_blocks,
            col_blocks=col_blocks,
        )
        labels = self._matrix_looks(labelled=labelled)
        above = Panel("above", "", "", 1, cols, row_blocks=(1, 1), col_blocks=col_blocks)
        beside = Panel("beside", "", "", rows, 1, row_blocks=row_blocks, col_blocks=(1, 1))
        for col in range(cols):
            self.base[self.above_panel, 0, col] = self.looks.map(*self._x(col))
        for row in range(rows):
            key = (self.beside_panel, row, 0)
            self.base[key] = self.looks.map(*self._y(row))
            if self.answers is not None and self.reads and self.moving:
                self.waiting[key] = self.base[key]._replace(text="", second="")
        vectors = [look for key, look in self.base.items() if key[0] in (self.above_panel, self.beside_panel)]
        smallest = smallest_label([*labels, *vectors], LABEL_IN_C)
        self.equation = Equation(matrix, above, beside, smallest if labelled else 0.0)

    def _matrix_looks(self, *, labelled: bool) -> list[Look]:
        """Looks of all entries, and of the zeros where they are drawn."""
        scene, (rows, cols) = self.scene, self.scene.shape
        if labelled:
            zero = self.looks.zero(numbers=scene.has_values)
            self.base |= {(self.matrix_panel, row, col): zero for row in range(rows) for col in range(cols)}
        for cell in range(len(scene.cols)):
            symbol = scene.label(cell) if labelled and scene.has_kernel else ""
            value = scene.text(cell) if scene.has_values and not scene.has_kernel else self._entry(cell)
            tap = int(scene.kernel_taps[cell])
            self.base[self._cell_key(cell)] = self.looks.tap(
                tap, symbol, value if labelled or self.looks.limit else None
            )
        return [look for key, look in self.base.items() if key[0] == self.matrix_panel]

    def _entry(self, cell: int) -> Any:
        return self.scene.matrix.data[cell] if self.scene.has_values else None

    def _cell_key(self, cell: int) -> Key:
        return (self.matrix_panel, int(self.scene.rows[cell]), int(self.scene.cols[cell]))

    # -- steps -------------------------------------------------------------------------------------------------

    def frames(self, width: float) -> Iterator[Frame]:
        """One for each row (windows) or column (stamps) of the matrix, with captions that fit into a width."""
        sums = self._sums()
        for step in range(self.scene.shape[0 if self.reads else 1]):
            channel, *position = self._position(step)
            readings = self.slider.window(position)
            totals = next(sums)
            lasting = self._lasting(step, totals)
            looks = dict(lasting)
            if self.maps:
                looks |= self._covered(step, readings, totals)
                if self.slider.layer.out_channels > 1 and self.scene.has_kernel:
                    looks |= self._kernel_looks(channel)
            if self.matrix:
                looks |= self._covered_vector(step)
            yield Frame(looks, lasting, tuple(self._outlines(step, channel, readings)), self._caption(step, width))

    def _sums(self) -> Iterator[dict[int, Any]]:
        """For each stamp, what has been added up in each output it reaches; None without values."""
        scene = self.scene
        sums: dict[int, Any] = {}
        by_col = np.argsort(scene.cols, kind="stable")
        ends = np.searchsorted(scene.cols[by_col], np.arange(scene.shape[1] + 1)).tolist()
        for step in range(scene.shape[0 if self.reads else 1]):
            reached = {}
            for cell in by_col[ends[step] : ends[step + 1]].tolist() if self.maps and not self.reads else ():
                row = int(scene.rows[cell])
                if self.answers is not None:
                    sums[row] = sums.get(row, 0) + self._product(cell)
                reached[row] = sums.get(row)
            yield reached

    def _product(self, cell: int) -> Any:
        assert self.values is not None
        return self.scene.matrix.data[cell] * self.values[self.scene.cols[cell]]

    def _lasting(self, step: int, totals: Mapping[int, Any]) -> dict[Key, Look]:
        if self.reads:
            looks = {self._point_key(step): self.base[self._point_key(step)]} if self.maps else {}
            if self.matrix and self.answers is not None:
                looks[self.beside_panel, step, 0] = self.base[self.beside_panel, step, 0]
            return looks
        looks = {}
        for place in self.slider.places() if self.answers is not None and totals and self.maps else ():
            if place.source is None:
                continue
            for channel in range(self.slider.layer.in_channels):
                total = totals.get(self._flat(channel, place.source))
                if total is not None:
                    key = self._map_key(channel, place.place)
                    looks[key] = self._with_total(self.base[key], total)
        return looks

    def _with_total(self, look: Look, total: Any) -> Look:
        """An output to which some stamps have been added."""
        if self.style.labels in ("none", "symbols"):
            return look
        number = number_label(total)
        return look._replace(second=number) if self.style.labels == "both" else look._replace(text=number, second="")

    def _covered(self, step: int, readings: list[Reading], totals: Mapping[int, Any]) -> dict[Key, Look]:
        """The places that the window covers, each with a tint of its tap; without one where nothing is read."""
        channel = self._position(step)[0]
        read = {int(self.scene.cols[cell]) for cell in self.scene.row_cells(step)} if self.reads else totals
        looks = {}
        for map_channel in self._channels(channel):
            for reading in readings:
                if reading.source is None:
                    continue
                key = self._map_key(map_channel, reading.place)
                flat = self._flat(map_channel, reading.source)
                if flat in read:
                    look = self.base[key]
                    if not self.reads and self.answers is not None:
                        look = self._with_total(look, totals[flat])
                    looks[key] = self.looks.met(look, self._own_tap(reading.tap))
        return looks

    def _covered_vector(self, step: int) -> dict[Key, Look]:
        """The flattened input, or output, tinted where the row, or the column, of the matrix has entries."""
        scene = self.scene
        if self.reads:
            keys = [(cell, (self.above_panel, 0, int(scene.cols[cell]))) for cell in scene.row_cells(step)]
        else:
            keys = [(cell, (self.beside_panel, int(scene.rows[cell]), 0)) for cell in scene.col_cells(step)]
        return {key: self.looks.met(self.base[key], int(scene.kernel_taps[cell])) for cell, key in keys}

    def _channels(self, channel: int) -> range:
        """Channels of the map that a channel of the points is connected with: the channels of its group."""
        layer = self.slider.layer
        size = layer.in_channels // layer.groups
        group = channel // (layer.out_channels // layer.groups)
        return range(group * size, (group + 1) * size)

    def _outlines(self, step: int, channel: int, readings: list[Reading]) -> Iterator[Outline]:
        if self.maps:
            for map_channel in self._channels(channel):
                keys = [self._map_key(map_channel, reading.place) for reading in readings]
                rows, cols = [key[1] for key in keys], [key[2] for key in keys]
                yield Outline(keys[0][0], min(rows), min(cols), max(rows) - min(rows) + 1, max(cols) - min(cols) + 1)
            yield Outline(*self._point_key(step), 1, 1)
        if self.matrix:
            rows_, cols_ = self.scene.shape
            if self.reads:
                yield Outline(self.matrix_panel, step, 0, 1, cols_)
                yield Outline(self.beside_panel, step, 0, 1, 1)
            else:
                yield Outline(self.matrix_panel, 0, step, rows_, 1)
                yield Outline(self.above_panel, 0, step, 1, 1)

    def _caption(self, step: int, width_limit: float) -> str:
        scene = self.scene
        if not self.reads:
            value = "" if self.values is None else f" = {number_label(self.values[step])}"
            name, column = scene.col_name(step) + value, f"column {step} of {scene.letters[1]}"
            sentences = f"the stamp of {name} is added: {column}", f"stamp of {name}: {column}", column, name
            fitting = [each for each in sentences if width(each) * HEADING * LEAST_CAPTION <= width_limit]
            return fitting[0] if fitting else sentences[-1]
        result = "" if self.answers is None else f" = {number_label(self.answers[step])}"
        terms = scene.terms(step, self._x_text)
        for most in range(min(len(terms), 12), 0, -1):
            shown = terms if len(terms) <= most else [*terms[: most - 1], "…", terms[-1]]
            caption = f"{scene.row_name(step)} = {scene.made_of(step, shown)}{result}"
            if width(caption) * HEADING * LEAST_CAPTION <= width_limit:
                return caption
        return f"{scene.row_name(step)} = {'…' if terms else '0'}{result}"

    def _x_text(self, col: int) -> str:
        return self.scene.col_name(col) if self.values is None else number_label(self.values[col])


def one_input(layer: Layer, x: ArrayLike) -> NDArray[Any]:
    """Flatten the one input that is drawn; small integers are made large ones, so that sums of them stay right.

    Returns
    -------
    (inputs,) ndarray

    Raises
    ------
    ValueError
        If it is a batch, or is not the layer's.
    WrongTypeError
        If it has no numbers.

    Examples
    --------
    >>> one_input(Conv((3,), 2), np.array([1, 2, 3], dtype=np.int8)).dtype
    dtype('int64')
    """
    values = layer.vec(x)
    if values.ndim > 1:
        raise ValueError(f"x has shape {np.shape(x)}, a batch of {values.shape[1]}, but one input is drawn: pass one")
    if values.dtype.kind not in "biufc":
        raise WrongTypeError(f"x has dtype {values.dtype}, which is not numeric: pass an array of numbers")
    # Sums of small integers in their own dtype could leave it.
    return values.astype(np.int64) if values.dtype.kind in "bi" else values


def _plane(values: Iterable[Any], missing: Any) -> tuple[Any, Any]:
    """One value for each of two axes; a single axis is drawn as a row."""
    known = tuple(values)
    first, second = (missing,) * (2 - len(known)) + known
    return first, second
