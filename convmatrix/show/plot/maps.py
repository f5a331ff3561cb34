"""A layer's input, kernel and output on matplotlib axes, volumes slice by slice; and all windows of a convolution."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import array_of, check_kind, entries_of, integer
from convmatrix.show.model.film import Key, Look, Panel
from convmatrix.show.model.looks import Looks, scale
from convmatrix.show.model.palette import largest
from convmatrix.show.model.scene import Place, Scene, size_label
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style, current_style
from convmatrix.show.plot.picture import described, titled
from convmatrix.show.plot.sheet import Tile, sheet

__all__ = [
    "in_plane",
    "input_map",
    "kernel",
    "looks_of",
    "output_map",
    "require_channel",
    "require_output",
    "windows",
]

_SLICES = 32
"""Most slices of a volume."""
_SIDE = 256
"""Most rows and columns of a map."""
_MAPS = 144
"""Most maps on one sheet."""
_ACROSS = 26
"""Most cells of full size side by side: what fits on a slide."""

Box = tuple[int, int, int, int]


def input_map(
    layer: Layer,
    x: ArrayLike | None = None,
    *,
    output: Sequence[int] | None = None,
    channel: int = 0,
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one channel of a layer's input; of a convolution with its padding, and the window of one output on it.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With at most three axes; of three, each slice is drawn, beginning with the first axis.
    x : input_shape or (*input_size) array_like, optional
        Values to write; names of the inputs by default.
    output : sequence of int, optional
        Position on the output map of a convolution, whose window to shade.
    channel : int, default 0
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer has more than three axes or is too large, if there is no such channel or output, or `x` has
        another shape; if a window of a transposed convolution is requested.

    Examples
    --------
    >>> ax = input_map(Conv(2, 2, padding=1), output=(0, 0))
    >>> [patch.get_gid() for patch in ax.patches][-2:]
    ['input-3-3', 'input-outline']
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    require_channel(layer.in_channels, channel, "input")
    scene, style = Scene(layer), current_style(style)
    looks = Looks(style, layer.kernel_size)
    names = _names(scene.col_name, layer.input_shape, channel)
    values = _values(x, layer.input_shape, (channel,), "x")
    letter, alt = scene.letters[2], f"The input, {size_label(layer.input_size)}"
    if isinstance(layer, ConvTranspose):
        if output is not None:
            raise ValueError(
                "the windows of a transposed convolution lie on its input with zeros inserted: draw "
                "insertion(layer, output=...)"
            )
        drawn = {place: looks.map(name, _value(values, place)) for place, name in names.items()}
        return described(_slices("input", letter, layer.input_size, drawn, None, style, ax), f"{alt}.")
    frame = scene.frame()
    _require_drawable([end - start for start, end in frame])
    window = _window(scene, output)
    corner = [start for start, _ in frame]
    drawn = {}
    for place in scene.places():
        look = _input_look(place, looks, names, values)
        met = place.place in window and place.source is not None
        drawn[_shifted(place.place, corner)] = looks.met(look, window[place.place]) if met else look
    size = [end - start for start, end in frame]
    if tuple(size) != layer.input_size:
        alt += f", with its padding {size_label(size)}"
    if window:
        alt += f"; framed is the window of the output at {_position(output or ())}"
    framed = {_shifted(place, corner) for place in window}
    first = corner[0] if corner else 0
    return described(_slices("input", letter, layer.input_size, drawn, framed, style, ax, size, first=first), f"{alt}.")


def kernel(
    layer: Layer,
    weight: ArrayLike | None = None,
    *,
    channels: tuple[int, int] = (0, 0),
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the kernel between two channels, its taps in their colours.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With at most three axes.
    weight : weight_shape or (*kernel_size) array_like, optional
        Values to write; the taps' names by default.
    channels : tuple of int, default (0, 0)
        Where in the first two axes of the weight: output channel and input channel within its group; for a transposed
        convolution, input channel and output channel.
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer has more than three axes or is too large, if there are no such channels, or `weight` has another
        shape.
    WrongTypeError
        If `channels` are no two numbers: a TypeError as well.

    Examples
    --------
    >>> [text.label for text in kernel(Conv((4,), 3)).texts]
    ['w', '3', 'w0', 'w1', 'w2']
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    pair = entries_of(channels)
    if pair is None:
        raise WrongTypeError(f"channels must be two numbers, those of an output and an input, got {short(channels)}")
    channels = (*pair,)
    for channel, count, what in zip(channels, layer.weight_shape, ("first axis", "second axis"), strict=False):
        require_channel(count, channel, f"{what} of the weight")
    style = current_style(style)
    scene, first = Scene(layer), int(np.ravel_multi_index(channels, layer.weight_shape[:2])) * prod(layer.kernel_size)
    values = _values(weight, layer.weight_shape, channels, "weight")
    limit = largest(values) if values is not None and style.fill == "value" else 0.0
    looks = Looks(style, layer.kernel_size, limit)
    places = [tuple(map(int, place)) for place in np.ndindex(layer.kernel_size)]
    drawn = {
        place: looks.tap(tap, scene.tap_name(first + tap), _value(values, place)) for tap, place in enumerate(places)
    }
    bar = Tile(*scale(style, limit)) if limit else None
    return described(
        _slices("tap", "w", layer.kernel_size, drawn, None, style, ax, bar=bar),
        f"The kernel, {size_label(layer.kernel_size)}, each tap in its colour.",
    )


def output_map(
    layer: Layer,
    y: ArrayLike | None = None,
    *,
    output: Sequence[int] | None = None,
    channel: int = 0,
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one channel of a layer's output.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With at most three axes.
    y : output_shape or (*output_size) array_like, optional
        Values to write; names of the outputs by default.
    output : sequence of int, optional
        Position to frame.
    channel : int, default 0
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer has more than three axes or is too large, if there is no such channel or output, or `y` has
        another shape.

    Examples
    --------
    >>> [text.label for text in output_map(Conv((4,), 3), [7, 8]).texts]
    ['y', '2', '7', '8']
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    require_channel(layer.out_channels, channel, "output")
    scene, style = Scene(layer), current_style(style)
    looks = Looks(style, layer.kernel_size)
    values = _values(y, layer.output_shape, (channel,), "y")
    names = _names(scene.row_name, layer.output_shape, channel)
    drawn = {place: looks.map(name, _value(values, place)) for place, name in names.items()}
    alt = f"The output, {size_label(layer.output_size)}"
    framed = None
    if output is not None:
        require_output(layer, output)
        framed = {tuple(output)}
        alt += f"; the one at {_position(output)} is framed"
    return described(_slices("output", scene.letters[0], layer.output_size, drawn, framed, style, ax), f"{alt}.")


def windows(layer: Layer, *, title: str = "", style: Style | None = None, ax: Axes | None = None) -> Axes:
    """Draw the window of every output on its input: a small map for each, in the order of the output map.

    Where they are large enough, the cells of a window name their taps.

    Parameters
    ----------
    layer : Conv
        With at most two axes; all its channels have the same windows.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the layer is a transposed convolution, has more than two axes, or more than 144 outputs; or if its input
        is too large to be drawn.

    Examples
    --------
    >>> ax = windows(Conv((3,), 2))
    >>> [text.label for text in ax.texts if "title" in text.get_gid()]
    ['y0', 'y1']
    """
    if isinstance(layer, ConvTranspose):
        raise ValueError(
            "the windows of a transposed convolution lie on its input with zeros inserted: draw "
            "windows(layer.as_conv()), or the stamps"
        )
    check_kind("layer", layer, Conv)
    count = prod(layer.output_size)
    if count > _MAPS:
        raise ValueError(
            f"the layer has {count} output positions, a map for each, but at most {_MAPS} are drawn: draw "
            "one of them, input_map(layer, output=...)"
        )
    style = current_style(style)
    one = _one_channel_layer(layer)
    movie, scene, looks = film(one, matrix=False, style=style), Scene(one), Looks(style, layer.kernel_size)
    (number,) = [number for number, panel in enumerate(movie.panels) if panel.name == "input"]
    whole = movie.panels[number]
    columns = layer.output_size[-1] if layer.output_size else 1
    columns = columns if layer.ndim == 2 else min(columns, max(1, _ACROSS // whole.cols), 6)
    around = {place: look._replace(text="", second="") for place, look in looks_of(movie.base, number).items()}
    tiles = []
    corner = [start for start, _ in scene.frame()]
    for step, frame in enumerate(movie.frames):
        met = {}
        for tap, reading in enumerate(scene.window(scene.row_position(step)[1:])):
            if reading.source is not None:
                met[in_plane(_shifted(reading.place, corner))] = looks.tap(tap, scene.tap_name(tap))
        (framed,) = [outline for outline in frame.outlines if outline.panel == number]
        panel = Panel(f"window-{step}", scene.row_name(step), "", whole.rows, whole.cols)
        tiles.append(Tile(panel, around | met, framed=((framed.row, framed.col, framed.rows, framed.cols),)))
    ax = sheet(tiles, style=style, columns=columns, title=title, ax=ax)
    alt = f"The window of each of {count} outputs on the input, {size_label(layer.input_size)}."
    return described(ax, titled(title, alt))


def looks_of(looks: Mapping[Key, Look], panel: int) -> dict[tuple[int, int], Look]:
    """The looks of one panel."""
    return {(row, col): look for (number, row, col), look in looks.items() if number == panel}


def _one_channel_layer(layer: Conv) -> Conv:
    """The same convolution of one channel."""
    return replace(layer, groups=1, in_channels=1, out_channels=1)


# -- texts of the cells ----------------------------------------------------------------------------------------------


def _input_look(place: Place, looks: Looks, names: Mapping[tuple[int, ...], str], values: NDArray[Any] | None) -> Look:
    if place.source is None:
        return looks.inserted() if place.kind == "inserted" else looks.padding()
    symbol, value = names[place.source], _value(values, place.source)
    return looks.copied(symbol, value) if place.kind == "copy" else looks.map(symbol, value)


def _window(scene: Scene, output: Sequence[int] | None) -> dict[tuple[int, ...], int]:
    """The places of a window, and the tap that meets each."""
    if output is None:
        return {}
    require_output(scene.layer, output)
    return {reading.place: tap for tap, reading in enumerate(scene.window(output))}


def _names(name: Callable[[int], str], shape: tuple[int, ...], channel: int) -> dict[tuple[int, ...], str]:
    """Names of the places of one channel."""
    _require_drawable(shape[1:])
    first = channel * prod(shape[1:])
    return {tuple(map(int, place)): name(first + number) for number, place in enumerate(np.ndindex(shape[1:]))}


def _values(
    values: ArrayLike | None, shape: tuple[int, ...], channels: tuple[int, ...], name: str
) -> NDArray[Any] | None:
    return None if values is None else _one_channel(values, shape, channels, name)


def _value(values: NDArray[Any] | None, place: tuple[int, ...]) -> Any:
    return None if values is None else values[place]


def _one_channel(values: ArrayLike, shape: tuple[int, ...], channels: tuple[int, ...], name: str) -> NDArray[Any]:
    """The map of one channel, from an array of all channels or of this one."""
    array = array_of(name, values)
    if array.shape == shape:
        return np.asarray(array[channels])
    bare = shape[len(channels) :]
    if array.shape != bare:
        raise ValueError(f"{name} has shape {array.shape} but the layer's is {shape}, or {bare} for one channel of it")
    return array


# -- slices ----------------------------------------------------------------------------------------------------------


def _slices(
    name: str,
    letter: str,
    size: Sequence[int],
    looks: dict[tuple[int, ...], Look],
    framed: set[tuple[int, ...]] | None,
    style: Style,
    ax: Axes | None,
    shown: Sequence[int] | None = None,
    *,
    first: int = 0,
    bar: Tile | None = None,
) -> Axes:
    """Draw a map, with its padding if more is shown than its size; a volume as slices, the first at depth `first`."""
    note, shown = size_label(size), size if shown is None else shown
    _require_drawable(shown)
    rows, cols = (1, 1, *shown)[-2:]
    if len(shown) < 3:
        here = {in_plane(place): look for place, look in looks.items()}
        tiles = [Tile(Panel(name, letter, note, rows, cols), here, framed=_boxes(framed))]
        return sheet(tiles, style=style, scale=bar, ax=ax)
    tiles = []
    for depth in range(shown[0]):
        here = {(place[1], place[2]): look for place, look in looks.items() if place[0] == depth}
        framed_places = {place for place in framed or () if place[0] == depth}
        panel = Panel(f"{name}-{depth}", letter, f"depth {depth + first}", rows, cols)
        tiles.append(Tile(panel, here, framed=_boxes(framed_places)))
    return sheet(tiles, style=style, columns=min(shown[0], max(1, _ACROSS // (cols + 1))), scale=bar, ax=ax)


def _boxes(places: set[tuple[int, ...]] | None) -> tuple[Box, ...]:
    """A frame around all of some places: first row and column, and numbers of rows and columns."""
    if not places:
        return ()
    rows, cols = zip(*map(in_plane, places), strict=True)
    return ((min(rows), min(cols), max(rows) - min(rows) + 1, max(cols) - min(cols) + 1),)


def in_plane(place: Sequence[int]) -> tuple[int, int]:
    """Row and column; a single axis is drawn as a row."""
    row, col = (0, 0, *place)[-2:]
    return row, col


def _shifted(place: Sequence[int], corner: Sequence[int]) -> tuple[int, ...]:
    return tuple(p - c for p, c in zip(place, corner, strict=True))


def _position(place: Sequence[int]) -> str:
    return f"({', '.join(map(str, place))})"


# -- checks ----------------------------------------------------------------------------------------------------------


def _require_drawable(size: Sequence[int]) -> None:
    if len(size) > 3:
        raise ValueError(f"maps are drawn for at most 3 axes, got {len(size)}: draw a layer of 3 of them")
    if max(size, default=1) > _SIDE:
        raise ValueError(
            f"a map of {size_label(size)} places is too large to be drawn, at most {_SIDE} on an axis: "
            "draw a smaller layer"
        )
    if len(size) == 3 and size[0] > _SLICES:
        raise ValueError(f"the volume has {size[0]} slices but at most {_SLICES} are drawn: draw a smaller layer")


def require_channel(count: int, channel: int, what: str) -> None:
    """Raise an error for a channel that does not exist."""
    channel = integer("channel", channel)
    if not 0 <= channel < count:
        raise ValueError(f"channel {short(channel)} is not there: the {what} has channels 0 to {count - 1}")


def require_output(layer: Layer, output: Sequence[int]) -> tuple[int, ...]:
    """Validate a position on the output map."""
    position = entries_of(output)
    if position is None:
        raise WrongTypeError(f"output must be one index for each axis, got {short(output)}")
    inside = len(position) == layer.ndim and all(
        0 <= integer("output", o) < n for o, n in zip(position, layer.output_size, strict=True)
    )
    if not inside:
        raise ValueError(
            f"output {short(tuple(position))} is not there: the output map is {size_label(layer.output_size)}"
        )
    return tuple(position)
