"""Films of what a convolution does to an input, in numbers: there and back again, and along a null-space vector.

The first takes x to y = C x, and y to C^T y, which is not x: C^T C is not the identity. The second adds a vector to x
that C takes to 0: x changes, y does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.layers import Conv, Layer
from convmatrix.layers.arguments import array_of, check_kind
from convmatrix.show.model.film import Film, Frame, Key, Look, Outline, Panel
from convmatrix.show.model.layout import Arrangement, grid
from convmatrix.show.model.looks import Looks
from convmatrix.show.model.palette import ink_on, largest
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import number_label, size_label
from convmatrix.show.model.stacked import MAPS_ALONE, Maps
from convmatrix.show.model.stage import View, stage_of
from convmatrix.show.model.style import Style, current_style

__all__ = ["null_space_film", "round_trip_film"]

_EACH = 9
"""Most outputs that are computed one by one."""
_GRAM = 64
"""Most rows of C^T C: those of an 8 x 8 input."""
_SQUARE = 5.0
"""Side of C^T C below maps of four rows, by a cell of the maps."""
_WEIGHT = (1, 0, 2, 0)
_X = (3, 1, 0, 2, 0, 2, 1, 1, 1, 0, 2, 3, 2, 1, 0, 1)
"""Weight and input by default, repeated as often as necessary."""


def round_trip_film(
    layer: Conv,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    title: str = "",
    style: Style | None = None,
) -> Film:
    """Compute the film of a round trip: x, y = C x, C^T y beside x, and last C^T C beside the identity.

    Parameters
    ----------
    layer : Conv
        With at most two axes, one channel on each side, and at most 64 inputs.
    weight : weight_shape array_like, optional
        Small integers by default.
    x : input_shape array_like, optional
        Small integers by default.
    title, style
        As for `convmatrix.show.model.stage.film`.

    Returns
    -------
    Film
        With a step for each output, and for each stamp, where there are at most nine.

    Raises
    ------
    ValueError
        If the layer is too large or has several channels, the numbers are complex or not finite, or they do not belong
        to the layer.
    WrongTypeError
        If the layer is no `Conv`.

    Examples
    --------
    >>> made = round_trip_film(Conv((3,), 2), [1, 2], [5, 6, 7])
    >>> [frame.caption for frame in made.frames[-2:]]
    ['C^T y differs from x in 3 of 3 places: blue is larger', 'C^T C ≠ I: rank 2 of 3, 1 direction of x lost']
    """
    _require_one_channel(layer, "the round trip")
    inputs = prod(layer.input_shape)
    if inputs > _GRAM:
        raise ValueError(
            f"the round trip shows C^T C, which here has {short(inputs)} rows and columns, but at most {_GRAM} are "
            "drawn: take a smaller input"
        )
    weight = np.resize(_WEIGHT, layer.weight_shape) if weight is None else weight
    x = np.resize(_X, layer.input_shape) if x is None else x
    return _RoundTrip(layer, weight, x, current_style(style), printable(title)).film()


def null_space_film(
    layer: Conv,
    weight: ArrayLike,
    x: ArrayLike,
    vector: ArrayLike,
    *,
    title: str = "",
    style: Style | None = None,
) -> Film:
    """Compute the film of adding a null-space vector n to an input: x changes, and y = C x does not.

    Parameters
    ----------
    layer : Conv
        With at most two axes, and one channel on each side.
    weight : weight_shape array_like
    x : input_shape array_like
    vector : input_shape array_like
        It may be flattened. C takes it to 0, and it is not 0; such as a column of
        `convmatrix.algebra.elimination.null_spaces.integer_basis`.
    title, style
        As for `convmatrix.show.model.stage.film`.

    Returns
    -------
    Film
        With a step for each output of n, where there are at most nine.

    Raises
    ------
    ValueError
        If the vector is 0 or C does not take it to 0, the layer has several channels, the numbers are complex or not
        finite, or they do not belong to the layer.
    WrongTypeError
        If the layer is no `Conv`.

    Examples
    --------
    >>> made = null_space_film(Conv((3,), 2), [1, 2], [5, 6, 7], [4, -2, 1])
    >>> [frame.caption for frame in made.frames[1:4]]
    ['C n at y0: 1·4 + 2·(-2) = 0', 'C n at y1: 1·(-2) + 2·1 = 0', 'x + n differs from x in 3 of 3 places']
    """
    _require_one_channel(layer, "the null-space film")
    vector = array_of("vector", vector)
    if vector.shape not in (layer.input_shape, layer.input_size, (prod(layer.input_size),)):
        raise ValueError(
            f"vector has shape {vector.shape} but is added to x, whose shape is {layer.input_size}: reshape it"
        )
    # Exact elimination gives Python's integers.
    vector = np.asarray(vector.tolist()).reshape(layer.input_shape)
    return _NullSpace(layer, weight, x, vector, current_style(style), printable(title)).film()


def _require_one_channel(layer: Conv, what: str) -> None:
    check_kind("layer", layer, Conv)
    if (layer.in_channels, layer.out_channels) != (1, 1):
        raise ValueError(
            f"{what} is drawn for one channel, got in_channels={layer.in_channels} and "
            f"out_channels={layer.out_channels}: take a layer of one"
        )


# -- parts of both ---------------------------------------------------------------------------------------------------


def _maps(layer: Layer, weight: ArrayLike, x: ArrayLike, view: View, style: Style, what: str = "x") -> Maps:
    """Two maps with real numbers."""
    made = stage_of(Maps, layer, weight, x, view, style, MAPS_ALONE)
    for name, values in (("weight", made.scene.matrix.data), (what, made.values)):
        array = np.asarray(values)
        if array.dtype.kind == "c":
            raise WrongTypeError(f"{name} is complex ({array.dtype}), but real numbers are drawn: pass its real part")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite: leave out infinity and NaN")
    return made


@dataclass
class _Journey:
    """Looks and steps, as they are put together; panels of several builders get numbers of their own."""

    style: Style
    base: dict[Key, Look] = field(default_factory=dict)
    waiting: dict[Key, Look] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)

    def put(self, looks: Mapping[Key, Look]) -> None:
        """Add cells, which are empty in the beginning."""
        self.base |= looks
        self.waiting |= {key: self.empty(look) for key, look in looks.items()}

    def begin_with(self, *panels: int) -> None:
        """Show the cells of some panels from the beginning."""
        self.waiting = {key: look for key, look in self.waiting.items() if key[0] not in panels}

    def empty(self, look: Look) -> Look:
        """The cell before its step."""
        paper = look.paper if look.mark else self.style.colours.map
        return look._replace(paper=paper, text="", second="")

    def of_panel(self, panel: int) -> dict[Key, Look]:
        """The cells of a panel."""
        return {key: look for key, look in self.base.items() if key[0] == panel}

    def show(self, looks: Mapping[Key, Look], caption: str, *outlined: Outline) -> None:
        """A step from which on some cells are shown."""
        self.frames.append(Frame(looks, looks, outlined, caption))

    def film(self, place: Arrangement, title: str, about: str) -> Film:
        """The whole film on its page."""
        return place.film(self.base, self.waiting, self.frames, title=title, about=about, style=self.style)


def _renumbered(looks: Mapping[Key, Look], panels: Mapping[int, int]) -> dict[Key, Look]:
    """Looks of the panels that are kept, under their new numbers."""
    return {(panels[key[0]], key[1], key[2]): look for key, look in looks.items() if key[0] in panels}


def _frames(maps: Maps, panels: Mapping[int, int], width: float) -> list[Frame]:
    """Steps of a builder, with other numbers of its panels."""
    return [
        Frame(
            _renumbered(frame.looks, panels),
            _renumbered(frame.lasting, panels),
            tuple(each._replace(panel=panels[each.panel]) for each in frame.outlines),
            frame.caption,
        )
        for frame in maps.frames(width)
    ]


def _shaded(style: Style, values: NDArray[Any]) -> Callable[[Look, float], Look]:
    """A function that colours a cell by a value; a 0 has the colour of a map."""
    looks = Looks(style, limit=largest(values))

    def shade(look: Look, value: float) -> Look:
        paper = looks.by_value([value])[0] if value else style.colours.map
        return look._replace(paper=paper, ink=ink_on(paper))

    return shade


def _flats(maps: Maps) -> dict[tuple[int, int], int]:
    """Number of the input, or output, at each row and column of the map that has a frame."""
    return {
        maps._map_key(0, place.place)[1:]: maps._flat(0, place.source)
        for place in maps.slider.places()
        if place.source is not None and place.kind == "input"
    }


def _panels(maps: Maps) -> tuple[Panel, Panel]:
    """The panels of the map that the window slides over, and of the other one."""
    first, second = (group.panels[0] for group in (maps.groups if maps.reads else reversed(maps.groups)))
    return first, second


def _width(place: Arrangement) -> float:
    return (place.foot[2] if place.foot else place.width) / place.text


def _whole(panel: int, place: Arrangement) -> Outline:
    return Outline(panel, 0, 0, place.panels[panel].rows, place.panels[panel].cols)


def _is_zero(values: NDArray[Any], scale: float) -> NDArray[np.bool_]:
    """Check which values are 0; floats, up to rounding."""
    zero: NDArray[np.bool_] = values == 0 if values.dtype.kind in "biu" else np.abs(values) <= 1e-9 * scale
    return zero


# -- there and back --------------------------------------------------------------------------------------------------


class _RoundTrip:
    """Builder of the round trip: panels x, y, C^T y, C^T C and I, in this order."""

    def __init__(self, layer: Conv, weight: ArrayLike, x: ArrayLike, style: Style, title: str) -> None:
        self.layer, self.style, self.title = layer, style, title
        self.there = _maps(layer, weight, x, "windows", style)
        assert self.there.values is not None
        assert self.there.answers is not None
        self.y = self.there.answers
        self.back = _maps(layer.T, weight, self.y.reshape(layer.output_shape), "stamps", style)
        assert self.back.answers is not None
        self.difference = self.back.answers - self.there.values
        matrix = self.there.scene.matrix
        self.gram = np.asarray((matrix.T @ matrix).toarray())
        self.identity = np.eye(len(self.gram), dtype=np.int64)
        scale = float(np.abs(self.gram).max(initial=1))
        self.equal = bool(_is_zero(self.gram - self.identity, scale).all())
        self.journey = _Journey(style)

    def film(self) -> Film:
        """The film."""
        journey, place = self.journey, self._placed()
        shade = _shaded(self.style, self.difference)
        flats = _flats(self.back)
        journey.put(_renumbered(self.there.base, {0: 0, 1: 1}))
        journey.begin_with(0)

        def compared(key: Key, look: Look) -> Look:
            return shade(look, self.difference[flats[key[1:]]]) if key[1:] in flats else look

        compared_looks = {key: compared(key, look) for key, look in self._result().items()}
        journey.put(compared_looks)
        for panel, values in ((3, self.gram), (4, self.identity)):
            journey.put(self._square(panel, values))
        self._steps(_width(place))
        journey.show(compared_looks, self._verdict())
        journey.show({**journey.of_panel(3), **journey.of_panel(4)}, self._last())
        return journey.film(place, self.title, self._about())

    def _placed(self) -> Arrangement:
        (x, y), (back, _) = _panels(self.there), _panels(self.back)
        inputs = len(self.gram)
        # The taller the maps, the less space is left for it on a slide.
        side = max(_SQUARE - 1.0, _SQUARE + 2.0 - x.rows / 2) if self.layer.ndim == 2 else max(_SQUARE, x.cols)
        square = Panel("gram", "C^T C", f"{inputs} × {inputs}", inputs, inputs, min(1.0, side / inputs))
        panels = [
            x,
            y._replace(title="y = C x"),
            back._replace(name="back", title="C^T y"),
            square,
            square._replace(name="identity", title="I"),
        ]
        signs = ["", "⟶ C", "⟶ C^T", "", "=" if self.equal else "≠"]
        return grid(panels, signs, columns=3, style=self.style, title=self.title, captions=int(self.style.captioned))

    def _square(self, panel: int, values: NDArray[Any]) -> dict[Key, Look]:
        """Cells of a square matrix, coloured by value."""
        shade, looks = _shaded(self.style, values), Looks(self.style)
        return {
            (panel, row, col): shade(Look("", looks.text("", values[row, col])[0], "", line), float(values[row, col]))
            for line in [self.style.colours.ground]
            for row, col in np.ndindex(*values.shape)
        }

    def _steps(self, width: float) -> None:
        """The maps: x, the windows, y, the stamps."""
        journey, outputs, inputs = self.journey, len(self.y), len(self.gram)
        journey.show({}, f"x has {pluralize(inputs, 'number')}")
        if outputs <= _EACH:
            journey.frames += _frames(self.there, {0: 0, 1: 1}, width)
        journey.show(journey.of_panel(1), f"y = C x has {pluralize(outputs, 'number')}")
        stamps = _frames(self.back, {0: 1, 1: 2}, width)
        if outputs <= _EACH:
            # The result begins with zeros.
            zeros = _renumbered({**self.back.base, **self.back.waiting}, {0: 1, 1: 2})
            begun = {key: look for key, look in zeros.items() if key[0] == 2}
            first = stamps[0]
            stamps[0] = first._replace(lasting={**begun, **first.lasting}, looks={**begun, **first.looks})
            journey.frames += stamps
        else:
            journey.show(
                self._result(), f"C^T y has {pluralize(inputs, 'number')} again: a stamp for each of y, added up"
            )

    def _result(self) -> dict[Key, Look]:
        """Cells of C^T y."""
        return _renumbered({key: look for key, look in self.back.base.items() if key[0] == 1}, {1: 2})

    def _verdict(self) -> str:
        """The comparison of C^T y with x."""
        scale = float(np.abs(self.back.answers).max(initial=1)) if self.back.answers is not None else 1.0
        other = int(np.count_nonzero(~_is_zero(self.difference, scale)))
        if not other:
            return "C^T y is x again, place for place"
        signs = (("blue is larger", self.difference > 0), ("orange is smaller", self.difference < 0))
        meaning = ", ".join(text for text, places in signs if places.any())
        return f"C^T y differs from x in {other} of {len(self.difference)} places: {meaning}"

    def _last(self) -> str:
        """The comparison of C^T C with the identity."""
        if self.equal:
            return "C^T C = I: C^T takes every y = C x back to x"
        rank = int(np.linalg.matrix_rank(self.there.scene.matrix.toarray().astype(np.float64)))
        lost = len(self.gram) - rank
        if lost:
            return f"C^T C ≠ I: rank {rank} of {len(self.gram)}, {pluralize(lost, 'direction')} of x lost"
        return f"C^T C ≠ I: rank {rank} of {rank}, so nothing is lost, but C^T is not the way back"

    def _about(self) -> str:
        size, result = size_label(self.layer.input_size), size_label(self.layer.output_size)
        way = f"x, of {size}, becomes y = C x, of {result}, and C^T y, of {size} again."
        return f"{way} {self._verdict()}. {self._last()}."


# -- along a null-space vector ---------------------------------------------------------------------------------------


class _NullSpace:
    """Builder of the null-space film: panels x, n, x + n, and below them C x, C n and C (x + n)."""

    def __init__(
        self, layer: Conv, weight: ArrayLike, x: ArrayLike, vector: ArrayLike, style: Style, title: str
    ) -> None:
        self.layer, self.style, self.title = layer, style, title
        self.x = _maps(layer, weight, x, "windows", style)
        self.n = _maps(layer, weight, vector, "windows", style, "vector")
        assert self.x.values is not None
        assert self.n.values is not None
        self.vector = self.n.values
        self._require_null()
        total = (self.x.values + self.vector).reshape(layer.input_shape)
        self.sum = _maps(layer, weight, total, "windows", style)
        self.journey = _Journey(style)

    def _require_null(self) -> None:
        """Raise an error for a vector that is 0, or that C does not take to 0."""
        if not self.vector.any():
            raise ValueError("vector is 0 everywhere, and adding it changes nothing: pass another of the null space")
        assert self.n.answers is not None
        matrix = self.n.scene.matrix
        scale = float(np.abs(matrix.data).max(initial=0) * np.abs(self.vector).max()) or 1.0
        wrong = np.flatnonzero(~_is_zero(self.n.answers, scale))
        if len(wrong):
            raise ValueError(
                f"vector is not in the null space: {len(wrong)} of the {len(self.n.answers)} places of C n are not 0, "
                f"the first, {self.n.scene.row_name(int(wrong[0]))}, is {number_label(self.n.answers[wrong[0]])}: "
                "pass one from convmatrix.algebra.elimination.null_spaces"
            )

    def film(self) -> Film:
        """The film."""
        journey, place = self.journey, self._placed()
        shade, flats = _shaded(self.style, self.vector), _flats(self.n)

        def shaded(key: Key, look: Look) -> Look:
            return shade(look, self.vector[flats[key[1:]]]) if key[0] < 3 and key[1:] in flats else look

        journey.put(_renumbered(self.x.base, {0: 0, 1: 3}))
        for maps, panels, named in ((self.n, {0: 1, 1: 4}, _of_vector), (self.sum, {0: 2, 1: 5}, _of_sum)):
            looks = _renumbered(maps.base, panels)
            journey.put({key: shaded(key, named(key, look)) for key, look in looks.items()})
        journey.begin_with(0, 3)
        journey.show({}, f"y = C x has {pluralize(self.n.scene.shape[0], 'number')}")
        self._windows(_width(place))
        changed = np.count_nonzero(self.vector)
        journey.show(journey.of_panel(2), f"x + n differs from x in {changed} of {len(self.vector)} places")
        same = "C (x + n) = C x + C n = C x: x has changed, y has not"
        journey.show(journey.of_panel(5), same, _whole(3, place), _whole(5, place))
        return journey.film(place, self.title, self._about(int(changed)))

    def _placed(self) -> Arrangement:
        inputs, outputs = zip(*(_panels(maps) for maps in (self.x, self.n, self.sum)), strict=True)
        names = ("input", "vector", "sum", "output", "zero", "same")
        titles = ("x", "n", "x + n", "y = C x", "C n", "C (x + n)")
        panels = [
            panel._replace(name=name, title=title, note="" if number % 3 else panel.note)
            for number, (panel, name, title) in enumerate(zip([*inputs, *outputs], names, titles, strict=True))
        ]
        signs = ["", "+", "="] * 2
        captions = int(self.style.captioned)
        return grid(panels, signs, columns=3, style=self.style, title=self.title, captions=captions, aligned=True)

    def _windows(self, width: float) -> None:
        """The windows on n, each of which adds up to 0."""
        journey = self.journey
        shown = journey.of_panel(1)
        if self.n.scene.shape[0] > _EACH:
            journey.show({**shown, **journey.of_panel(4)}, "C n = 0: under each window, the products add up to 0")
            return
        for step, frame in enumerate(_frames(self.n, {0: 1, 1: 4}, width - 5)):
            lasting = {key: journey.base[key] for key in frame.lasting}
            first = shown if step == 0 else {}
            looks = {key: _of_vector(key, look) for key, look in frame.looks.items()}
            caption = f"C n at {self.n.scene.row_name(step)}: {frame.caption.partition(' = ')[2]}"
            journey.frames.append(
                frame._replace(looks={**first, **looks}, lasting={**first, **lasting}, caption=caption)
            )

    def _about(self, changed: int) -> str:
        size = size_label(self.layer.input_size)
        return (
            f"n is added to x, of {size}. It changes {changed} of {len(self.vector)} places, but C n = 0, so that "
            "C (x + n) is the same y as C x."
        )


def _of_vector(key: Key, look: Look) -> Look:
    """A cell of n or of C n, which have no symbols of x and y."""
    if key[0] == 4 and look.text.startswith("y"):
        return look._replace(text="0", second="")
    return look._replace(text=look.text.replace("x", "n"))


def _of_sum(key: Key, look: Look) -> Look:
    """A cell of x + n, or of what becomes of it."""
    if key[0] == 2 and look.text.startswith("x"):
        symbols = f"{look.text}+{look.text.replace('x', 'n')}"
        return look._replace(text=look.second or symbols, second="")
    return look
