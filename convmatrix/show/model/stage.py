"""A layer's sliding window as a film: its panels, and the cells that each step highlights.

A convolution reads: each step is the window of one output, a row of the matrix. A transposed convolution can be seen
both ways: it stamps, where each step adds the stamp of one input, a column of the matrix; or it reads as well, from
the input with zeros inserted, through the flipped kernel (rotated by 180 degrees).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers import AvgPool, Conv, ConvTranspose, Layer, MaxPool, WeightedLayer
from convmatrix.layers.arguments import check_kind, flag
from convmatrix.show.model.film import SMALLEST, Film, Frame, Key, Look, Outline, Panel, arranged, text_size
from convmatrix.show.model.palette import INPUT, OUTPUT, SEEN, tint
from convmatrix.show.model.pools import scene_of_pool
from convmatrix.show.model.printable import ems, printable
from convmatrix.show.model.scene import Place, Reading, Scene, number_label

__all__ = ["Drawable", "View", "film", "one_input"]

Drawable = Layer | AvgPool | MaxPool

View = Literal["windows", "stamps"]

_NOTHING = "#f4f4f4"
"""Colour of a zero."""
_DONE = "#4fc0b5"
"""Output cyan, stronger: the output of this step."""
_STEPS = 400
"""Most steps: some minutes at one second each."""
_CAPTION = 0.29
"""Height of a caption that is still readable, in cells of a map."""
_SIDE = 512
"""Most rows, and most columns, of a panel."""
_LONGEST = 250
"""Longest side of a picture, in cells of a map."""
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
    title: str = "",
    moving: bool = True,
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
    title : str, optional
        Any text, made printable by `convmatrix.show.model.printable.printable`; a long one takes three lines at most.
    moving : bool, default True
        Whether to compute the steps.

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
    >>> [made.cell_id(key) for key in made.frames[1].looks if made.panels[key[0]].name == "matrix"]
    ['matrix-1-1', 'matrix-1-2']
    """
    check_kind("layer", layer, Conv, ConvTranspose, AvgPool, MaxPool)
    if layer.ndim > 2:
        raise ValueError(f"maps are drawn for at most 2 axes, got {layer.ndim}: draw a layer of 2 of them")
    if not (flag("maps", maps) | flag("matrix", matrix)):
        raise ValueError("maps=False and matrix=False leave nothing to draw: set one of them to True")
    chosen, shown_title = _view_of(layer, view), printable(title)
    scene = _scene(layer, weight, x)
    _require_drawable(scene, chosen, matrix=matrix, moving=moving)
    stage = _Stage(scene, x, chosen, maps=maps, matrix=matrix, moving=moving)
    panels, width, height = arranged(stage.panels, shown_title)
    if max(width, height) > _LONGEST:
        raise ValueError(
            f"the picture would be {width:.0f} x {height:.0f} cells but at most {_LONGEST} are drawn on a side: take "
            "fewer channels, as one group of the layer has"
        )
    frames = tuple(stage.frames(width)) if moving else ()
    return Film(panels, stage.base, stage.waiting, frames, width, height, shown_title)


def _scene(layer: Drawable, weight: ArrayLike | None, x: ArrayLike | None) -> Scene:
    if isinstance(layer, Layer):
        return Scene(layer, weight)
    if weight is not None:
        raise ValueError(f"{type(layer).__name__} has no weight, and one was given: leave it out")
    return scene_of_pool(layer, x)


def _view_of(layer: Drawable, view: str | None) -> View:
    if view is None:
        return "stamps" if isinstance(layer, ConvTranspose) else "windows"
    if view not in get_args(View):
        raise ValueError(f"view must be one of {', '.join(map(repr, get_args(View)))}, got {short(view)}")
    if view == "stamps" and not isinstance(layer, ConvTranspose):
        remedy = "take layer.T, or view 'windows'" if isinstance(layer, Conv) else "take view 'windows'"
        raise ValueError(
            "view 'stamps' shows what the inputs of a transposed convolution add, and this layer is none: " + remedy
        )
    return "stamps" if view == "stamps" else "windows"


def _require_drawable(scene: Scene, view: View, *, matrix: bool, moving: bool) -> None:
    rows, cols = scene.shape
    if matrix and max(rows, cols) > _SIDE:
        raise ValueError(
            f"the matrix has {short(rows)} x {short(cols)} places but at most {_SIDE} x {_SIDE} are drawn: draw the "
            "maps without it, or a smaller layer"
        )
    steps = rows if view == "windows" else cols
    if moving and steps > _STEPS:
        what = "outputs" if view == "windows" else "inputs"
        raise ValueError(
            f"the layer has {short(steps)} {what}, a step for each, but at most {_STEPS} steps are drawn: "
            "take a smaller layer"
        )


def _require_sides(layer: WeightedLayer, frame: Iterable[tuple[int, int]]) -> None:
    side = max((*(end - start for start, end in frame), *layer.kernel_size, *layer.output_size))
    if side > _SIDE:
        raise ValueError(
            f"a map has {short(side)} places on an axis, with its padding, but at most {_SIDE} are drawn: take a "
            "smaller layer"
        )


# -- contents --------------------------------------------------------------------------------------------


@dataclass
class _Stage:
    """Builder of the panels of a layer, and of its steps.

    Both views slide a window of the same kind over a map: for windows, the map is the input, and each position gives
    an output; for stamps, it is the output, and each position takes an input. That other map has a cell per step.
    """

    scene: Scene
    x: ArrayLike | None
    view: View
    maps: bool
    matrix: bool
    moving: bool
    panels: list[tuple[str, Panel]] = field(default_factory=list)  # with the group that stands together
    base: dict[Key, Look] = field(default_factory=dict)
    waiting: dict[Key, Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layer, scene = self.scene.layer, self.scene
        self.slider = scene if isinstance(layer, Conv) else scene.inserted() if self.reads else _forward(scene)
        self.frame = _plane(self.slider.frame(), (0, 1))
        if self.maps:
            _require_sides(self.slider.layer, self.frame)
        _ = scene.matrix  # built before anything is drawn: it raises the error for a weight of another shape
        self.colours = _colours(scene, flipped=self.flipped)
        self.values = None if self.x is None else one_input(layer, self.x)
        self.answers = scene.applied(self.values) if self.values is not None and scene.has_values else None
        self.matrix_panel = self.map_panel = self.point_panel = self.kernel_panel = -1
        if self.maps:
            make = [self._add_map, self._add_kernel, self._add_points]
            for one in make if self.reads else reversed(make):
                one()
        if self.matrix:
            self._add_matrix()

    @property
    def reads(self) -> bool:
        return self.view == "windows"

    @property
    def flipped(self) -> bool:
        return self.reads and isinstance(self.scene.layer, ConvTranspose)

    # -- panels ------------------------------------------------------------------------------------------------

    def _add(self, group: str, panel: Panel) -> int:
        self.panels.append((group, panel))
        return len(self.panels) - 1

    def _add_channels(self, group: str, title: str, count: int, rows: int, cols: int) -> int:
        """A panel for each channel; the number of the first."""
        unit = min(1.0, 24 / max(rows, cols))
        numbers = [
            self._add(
                group,
                Panel(
                    group + (str(channel) if count > 1 else ""),
                    title + (f", channel {channel}" if count > 1 else ""),
                    rows,
                    cols,
                    unit,
                ),
            )
            for channel in range(count)
        ]
        return numbers[0]

    def _add_map(self) -> None:
        (top, bottom), (left, right) = self.frame
        layer = self.slider.layer
        size = " x ".join(map(str, layer.input_size)) or "1"
        group, heading = ("input", f"input x, {size}") if self.reads else ("output", f"output y, {size}")
        if not self.reads and self.moving and self.answers is None:
            heading += ": terms added"
        self.map_panel = self._add_channels(group, heading, layer.in_channels, bottom - top, right - left)
        for channel in range(layer.in_channels):
            for place in self.slider.places():
                key = self._map_key(channel, place.place)
                self.base[key] = self._map_look(channel, place)
                if not self.reads:
                    waiting = self.base[key]._replace(text="" if place.source is None else "0", faint=True)
                    self.waiting[key] = waiting._replace(paper=tint(waiting.paper, 0.4))

    def _map_key(self, channel: int, place: tuple[int, ...]) -> Key:
        (top, _), (left, _) = self.frame
        row, col = _plane(place, 0)
        return (self.map_panel + channel, row - top, col - left)

    def _map_look(self, channel: int, place: Place) -> Look:
        if place.source is None:
            return Look(_NOTHING, self.scene.beyond if self.reads else "", faint=True)
        flat = self._flat(channel, place.source)
        text = self._x_text(flat) if self.reads else self._y_text(flat)
        colour = INPUT if self.reads else OUTPUT
        if place.kind == "copy" or not place.seen:
            return Look(tint(colour, 0.35), text, faint=True)
        return Look(colour, text)

    def _flat(self, channel: int, source: tuple[int, ...]) -> int:
        """Number of a place of the map, as an input or output of the matrix."""
        return int(np.ravel_multi_index((channel, *source), self.slider.layer.input_shape))

    def _x_text(self, col: int) -> str:
        return self.scene.col_name(col) if self.values is None else number_label(self.values[col])

    def _y_text(self, row: int) -> str:
        return self.scene.row_name(row) if self.answers is None else number_label(self.answers[row])

    def _add_points(self) -> None:
        layer = self.slider.layer
        rows, cols = _plane(layer.output_size, 1)
        size = " x ".join(map(str, layer.output_size)) or "1"
        group, heading = ("output", f"output y, {size}") if self.reads else ("input", f"input x, {size}")
        self.point_panel = self._add_channels(group, heading, layer.out_channels, rows, cols)
        for step in range(prod(layer.output_shape)):
            key, text = self._point_key(step), self._y_text(step) if self.reads else self._x_text(step)
            self.base[key] = Look(OUTPUT if self.reads else INPUT, text)
            if self.reads:
                self.waiting[key] = Look(tint(OUTPUT, 0.25), text if self.answers is None else "", faint=True)

    def _point_key(self, step: int) -> Key:
        channel, *position = self._position(step)
        return (self.point_panel + channel, *_plane(position, 0))

    def _position(self, step: int) -> tuple[int, ...]:
        """Channel and position on the map of points, which is the slider's output."""
        return self.slider.row_position(step)

    def _add_kernel(self) -> None:
        if not self.scene.has_kernel:
            return
        layer = self.slider.layer
        rows, cols = _plane(layer.kernel_size, 1)
        heading = "kernel w, flipped" if self.flipped else "kernel w"
        self.kernel_panel = self._add_channels("kernel", heading, layer.in_channels // layer.groups, rows, cols)
        self.base |= self._kernel_looks(0)

    def _kernel_looks(self, out_channel: int) -> dict[Key, Look]:
        layer = self.slider.layer
        looks = {}
        for within in range(layer.in_channels // layer.groups if self.maps else 0):
            for place in np.ndindex(layer.kernel_size):
                tap = self._tap(out_channel, within, place)
                key = (self.kernel_panel + within, *_plane(place, 0))
                looks[key] = Look(self._colour(place), self.slider.tap_text(tap))
        return looks

    def _tap(self, out_channel: int, within: int, place: tuple[int, ...]) -> int:
        return int(np.ravel_multi_index((out_channel, within, *place), self.slider.layer.weight_shape))

    def _colour(self, place: tuple[int, ...]) -> str:
        layer = self.slider.layer
        return self.colours[int(np.ravel_multi_index(place, layer.kernel_size)) if place else 0]

    def _add_matrix(self) -> None:
        scene, (rows, cols) = self.scene, self.scene.shape
        named = max(rows, cols) <= _LABELLED
        labels = [scene.text(cell) for cell in range(len(scene.cols))] if named else []
        unit = _unit_for(labels) if named else 24 / max(rows, cols)
        row_names = tuple(scene.row_name(row) for row in range(rows)) if named else ()
        col_names = tuple(scene.col_name(col) for col in range(cols)) if named else ()
        self.matrix_panel = self._add(
            "matrix",
            Panel(
                "matrix",
                f"{scene.equation} is {rows} x {cols}",
                rows,
                cols,
                unit,
                row_names,
                col_names,
                (scene.row_block, prod(scene.layer.output_size)),
                (scene.col_block, prod(scene.layer.input_size)),
            ),
        )
        for cell in range(len(scene.cols)):
            look = Look(scene.colour(cell), labels[cell] if labels else "")
            self.base[self._cell_key(cell)] = look
            self.waiting[self._cell_key(cell)] = look._replace(paper=tint(look.paper, 0.22), faint=True)

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
            looks = dict(lasting) | self._highlights(step)
            if self.maps:
                looks |= self._covered(step, readings, totals)
                if self.slider.layer.out_channels > 1 and self.scene.has_kernel:
                    looks |= self._kernel_looks(channel)
                looks |= {self._point_key(step): self._point_look(step)}
            yield Frame(looks, lasting, tuple(self._outlines(step, channel, readings)), self._caption(step, width))

    def _sums(self) -> Iterator[dict[int, str]]:
        """For each stamp, what has been added up in each output it reaches: the value, or the number of terms."""
        scene = self.scene
        sums: dict[int, Any] = {}
        by_col = np.argsort(scene.cols, kind="stable")
        ends = np.searchsorted(scene.cols[by_col], np.arange(scene.shape[1] + 1)).tolist()
        for step in range(scene.shape[0 if self.reads else 1]):
            reached = {}
            for cell in by_col[ends[step] : ends[step + 1]].tolist() if self.maps and not self.reads else ():
                row = int(scene.rows[cell])
                term = len(scene.taps(cell)) if self.answers is None else self._product(cell)
                sums[row] = sums[row] + term if row in sums else term
                reached[row] = number_label(sums[row])
            yield reached

    def _product(self, cell: int) -> Any:
        assert self.values is not None
        return self.scene.matrix.data[cell] * self.values[self.scene.cols[cell]]

    def _lasting(self, step: int, totals: Mapping[int, str]) -> dict[Key, Look]:
        if not self.maps:
            return {}
        if self.reads:
            return {self._point_key(step): Look(OUTPUT, self._y_text(step))}
        looks = {}
        for place in self.slider.places() if totals else ():
            if place.source is None:
                continue
            for channel in range(self.slider.layer.in_channels):
                total = totals.get(self._flat(channel, place.source))
                if total is not None:
                    colour = tint(OUTPUT, 0.35) if place.kind == "copy" else OUTPUT
                    looks[self._map_key(channel, place.place)] = Look(colour, total, faint=place.kind == "copy")
        return looks

    def _highlights(self, step: int) -> dict[Key, Look]:
        """Highlighted cells: the row, or the column, of the matrix."""
        if not self.matrix:
            return {}
        cells: Iterable[int] = self.scene.row_cells(step) if self.reads else self.scene.col_cells(step)
        return {self._cell_key(cell): self.base[self._cell_key(cell)] for cell in cells}

    def _covered(self, step: int, readings: list[Reading], totals: Mapping[int, str]) -> dict[Key, Look]:
        """The places that the window covers, each in the colour of its tap; pale where nothing is read."""
        channel = self._position(step)[0]
        read = {int(self.scene.cols[cell]) for cell in self.scene.row_cells(step)} if self.reads else totals
        looks = {}
        for within, map_channel in enumerate(self._channels(channel)):
            for reading in readings:
                key = self._map_key(map_channel, reading.place)
                note = self._note(step, self._tap(channel, within, reading.tap))
                colour = self._colour(reading.tap)
                if reading.source is None:
                    looks[key] = Look(tint(colour, 0.3), self.base[key].text, note, faint=True)
                    continue
                flat = self._flat(map_channel, reading.source)
                text = self.base[key].text if self.reads else totals[flat]
                looks[key] = Look(colour if flat in read else tint(colour, 0.3), text, note)
        return looks

    def _note(self, step: int, tap: int) -> str:
        """The factor of a place of the window; for a stamp of numbers, the summand."""
        if self.reads or self.answers is None:
            return self.slider.note(step, tap)
        assert self.values is not None
        added = number_label(np.ravel(np.asarray(self.slider.weight))[tap] * self.values[step])
        return added if added.startswith("-") else "+" + added

    def _channels(self, channel: int) -> range:
        """Channels of the map that a channel of the points is connected with: the channels of its group."""
        layer = self.slider.layer
        size = layer.in_channels // layer.groups
        group = channel // (layer.out_channels // layer.groups)
        return range(group * size, (group + 1) * size)

    def _point_look(self, step: int) -> Look:
        return Look(_DONE, self._y_text(step)) if self.reads else Look(SEEN, self._x_text(step))

    def _outlines(self, step: int, channel: int, readings: list[Reading]) -> Iterator[Outline]:
        if self.maps:
            for map_channel in self._channels(channel):
                keys = [self._map_key(map_channel, reading.place) for reading in readings]
                rows, cols = [key[1] for key in keys], [key[2] for key in keys]
                yield Outline(keys[0][0], min(rows), min(cols), max(rows) - min(rows) + 1, max(cols) - min(cols) + 1)
            yield Outline(*self._point_key(step), 1, 1)
        if self.matrix:
            rows_, cols_ = self.scene.shape
            yield (
                Outline(self.matrix_panel, step, 0, 1, cols_)
                if self.reads
                else Outline(self.matrix_panel, 0, step, rows_, 1)
            )

    def _caption(self, step: int, width: float) -> str:
        scene = self.scene
        if not self.reads:
            value = "" if self.values is None else f" = {number_label(self.values[step])}"
            return f"the stamp of {scene.col_name(step)}{value} is added: column {step} of C"
        result = "" if self.answers is None else f" = {self._y_text(step)}"
        terms = scene.terms(step, self._x_text)
        for most in range(min(len(terms), 12), 0, -1):
            shown = terms if len(terms) <= most else [*terms[: most - 1], "…", terms[-1]]
            caption = f"{scene.row_name(step)} = {scene.made_of(step, shown)}{result}"
            if ems(caption) * _CAPTION <= width:
                return caption
        return f"{scene.row_name(step)} = {'…' if terms else '0'}{result}"


def _forward(scene: Scene) -> Scene:
    """The forward convolution, whose windows are the stamps."""
    assert isinstance(scene.layer, ConvTranspose)
    return Scene(scene.layer.T, scene.weight, scene.names)


def _colours(scene: Scene, *, flipped: bool) -> list[str]:
    """Colours of the slider's taps: where the kernel is flipped, each tap keeps its own."""
    layer = scene.layer
    if not flipped:
        return scene.colours
    assert isinstance(layer, ConvTranspose)
    taps = layer.direct_weight(np.arange(prod(layer.weight_shape)).reshape(layer.weight_shape)).ravel()
    count = prod(layer.kernel_size)
    return [scene.colours[int(tap) % count] for tap in taps[:count]]


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


def _unit_for(labels: list[str]) -> float:
    """Side of a matrix cell: small, but its longest label can be read."""
    smallest = min((text_size(label) for label in labels), default=0.36)
    return min(max(0.62, SMALLEST / smallest), 1.4)
