"""The transposed convolution in its views: stamps that add up, windows on inserted zeros, and what padding crops."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers import ConvTranspose
from convmatrix.show.model.film import Film, Look, Panel
from convmatrix.show.model.looks import Looks, scale
from convmatrix.show.model.palette import largest
from convmatrix.show.model.scene import Scene, number_label, size_label
from convmatrix.show.model.stage import film, one_input
from convmatrix.show.model.style import Style, current_style
from convmatrix.show.plot.maps import in_plane, looks_of, require_channel, require_output
from convmatrix.show.plot.picture import described, titled
from convmatrix.show.plot.sheet import Tile, sheet
from convmatrix.show.plot.still import linked

__all__ = ["crop", "insertion", "stamps"]

_STAMPS = 64
"""Most stamps on one sheet."""
_SIDE = 256
"""Most rows and columns of a whole result."""
_CAPTIONS = {
    "cropped": "crossed corners: cropped by padding",
    "inserted": "dotted: left out between the outputs",
    "added": "shaded: what output_padding keeps, with the values it has",
}


def stamps(
    layer: ConvTranspose,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    channel: int = 0,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each input of a transposed convolution adds to the output: its stamps, and their sum.

    Parameters
    ----------
    layer : ConvTranspose
        With at most two axes.
    weight : weight_shape array_like, optional
        Values of the kernel; names without it.
    x : input_shape array_like, optional
        With `weight`, the stamps are the kernel times each input.
    channel : int, default 0
        Of the output.
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
        If the layer is no transposed convolution (also a TypeError), has no such channel, more than two axes, or more
        than 64 inputs that reach this channel; and what the layer says about `weight` and `x`.

    Examples
    --------
    >>> ax = stamps(ConvTranspose((2,), 3), [1, 2, 3], [10, 1])
    >>> [text.label for text in ax.texts if text.get_gid().startswith("sum-0")]
    ['10', '21', '32', '3']
    """
    _require_transposed(layer)
    require_channel(layer.out_channels, channel, "output")
    inputs = _inputs_of(layer, channel)
    if len(inputs) > _STAMPS:
        raise ValueError(
            f"{len(inputs)} inputs reach this channel, a stamp for each, but at most {_STAMPS} are drawn: "
            "take a smaller layer, or linked(layer), which shows one"
        )
    style = current_style(style)
    movie = film(layer, weight, x, view="stamps", matrix=False, moving=False, style=style)
    scene, values = Scene(layer, weight), None if x is None else one_input(layer, x)
    limit = _limit(scene, values) if style.fill == "value" and weight is not None else 0.0
    looks = Looks(style, layer.kernel_size, limit)
    number, whole = _panel(movie, "output", layer.out_channels, channel)
    around = {place: look._replace(text="", second="") for place, look in looks_of(movie.base, number).items()}
    forward = Scene(layer.T)
    corner = [start for start, _ in forward.frame()]
    places = {each.source: each.place for each in forward.places() if each.kind == "input"}
    tiles = []
    for order, step in enumerate(inputs):
        stamped = {}
        for cell in scene.col_cells(step):
            out_channel, *position = scene.row_position(int(scene.rows[cell]))
            if out_channel == channel:
                place = in_plane([p - first for p, first in zip(places[tuple(position)], corner, strict=True)])
                value = None
                if weight is not None:
                    value = scene.matrix.data[cell] if values is None else scene.matrix.data[cell] * values[step]
                stamped[place] = looks.tap(int(scene.kernel_taps[cell]), scene.label(cell), value)
        name = scene.col_name(step) + ("" if values is None else f" = {number_label(values[step])}")
        panel = Panel(f"stamp-{order}", name, "", whole.rows, whole.cols)
        tiles.append(Tile(panel, around | stamped, "+" if order else ""))
    total = Panel("sum", scene.letters[0], size_label(layer.output_size), whole.rows, whole.cols)
    tiles.append(Tile(total, looks_of(movie.base, number), "="))
    bar = Tile(*scale(style, limit)) if limit else None
    ax = sheet(tiles, style=style, title=title, scale=bar, ax=ax)
    alt = (
        f"The stamps of {len(inputs)} inputs of a transposed convolution, and their sum, the output, "
        f"{size_label(layer.output_size)}."
    )
    return described(ax, titled(title, alt))


def _limit(scene: Scene, values: NDArray[Any] | None) -> float:
    """The largest magnitude in a stamp: that of a weight, or of one times its input."""
    entries = scene.matrix.data if values is None else scene.matrix.data * values[scene.cols]
    return largest(entries)


def insertion(
    layer: ConvTranspose,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    output: Sequence[int] | None = None,
    channel: int = 0,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a transposed convolution as a direct one: its input with zeros inserted, the flipped kernel, and a window.

    Parameters
    ----------
    layer : ConvTranspose
        With at most two axes, and padding mode zeros.
    weight : weight_shape array_like, optional
        Values of the kernel; names without it, which it keeps when it is flipped.
    x : input_shape array_like, optional
        Values of the input.
    output : sequence of int, optional
        Position on the output map whose window to show; the first by default.
    channel : int, default 0
        Of the output.
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
        If the layer is no transposed convolution (also a TypeError), has another padding mode, no such output, or is
        too large to be drawn.

    Examples
    --------
    >>> ax = insertion(ConvTranspose((2,), 3, stride=2), output=(2,))
    >>> [text.label for text in ax.texts if text.get_gid() in ("kernel-note", "caption")]
    ['3, flipped', 'x2 = w2·y0 + w0·y1']
    """
    _require_transposed(layer)
    require_channel(layer.out_channels, channel, "output")
    place = require_output(layer, (0,) * layer.ndim if output is None else output)
    step = int(np.ravel_multi_index((channel, *place), layer.output_shape))
    return linked(layer, weight, x, view="windows", step=step, matrix=False, title=title, style=style, ax=ax)


def crop(
    layer: ConvTranspose,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    channel: int = 0,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the whole result of a transposed convolution, what its padding crops, and what output_padding restores.

    With a weight and an input all of it has values; output_padding adds zeros only where no stamp reaches.

    Parameters
    ----------
    layer : ConvTranspose
        With at most two axes, and padding mode zeros.
    weight : weight_shape array_like, optional
    x : input_shape array_like, optional
        Values, with `weight`; names of the outputs without them.
    channel : int, default 0
        Of the output.
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
        If the layer is no transposed convolution (also a TypeError), has another padding mode, no such channel, more
        than two axes, or a map that is too large; and what the layer says about `weight` and `x`.

    Examples
    --------
    >>> ax = crop(ConvTranspose((2,), 3, stride=2, padding=1, output_padding=1), [1, 2, 3], [10, 1])
    >>> [text.label for text in ax.texts if text.get_gid().startswith("whole-0")]
    ['10', '20', '31', '2', '3']
    >>> [text.label for text in ax.texts if text.get_gid().startswith("output-0")]
    ['20', '31', '2', '3']
    """
    _require_transposed(layer)
    require_channel(layer.out_channels, channel, "output")
    if layer.ndim > 2:
        raise ValueError(f"maps are drawn for at most 2 axes, got {layer.ndim}: draw a layer of 2 of them")
    whole = Scene(layer, weight).uncropped()
    if max(whole.layer.output_size, default=1) > _SIDE:
        raise ValueError(
            f"the whole result is {size_label(whole.layer.output_size)} but at most {_SIDE} places on an axis "
            "are drawn: take a smaller layer"
        )
    style = current_style(style)
    x_values = None if weight is None or x is None else one_input(layer, x)
    found = _cropping(layer, whole, x_values, channel, Looks(style, layer.kernel_size))
    rows, cols = (1 + max(place[axis] for place in found.looks) for axis in (0, 1))
    tall, wide = in_plane((1, 1, *layer.output_size))
    output = {divmod(number, wide): found.looks[place] for number, place in enumerate(found.outputs)}
    places = list(zip(*found.outputs, strict=True))
    box = min(places[0]), min(places[1]), max(places[0]) - min(places[0]) + 1, max(places[1]) - min(places[1]) + 1
    captions = [caption for role, caption in _CAPTIONS.items() if role in found.roles]
    letter = Scene(layer).letters[0]
    tiles = [
        Tile(Panel("whole", "", f"all stamps added up, {rows} × {cols}", rows, cols), found.looks, framed=(box,)),
        Tile(Panel("output", letter, size_label(layer.output_size), tall, wide), output, "→"),
    ]
    ax = sheet(tiles, style=style, title=title, caption="\n".join(captions), ax=ax)
    alt = (
        f"The whole result of a transposed convolution, {rows} × {cols}, and the output that is cropped out of it, "
        f"{size_label(layer.output_size)}. {'; '.join(captions)}"
    )
    return described(ax, titled(title, alt.strip() + "."))


class _Cropping(NamedTuple):
    """Looks of the places of a whole result, those that are kept, in the order of the output, and their roles."""

    looks: dict[tuple[int, int], Look]
    outputs: list[tuple[int, int]]
    roles: set[str]


def _cropping(layer: ConvTranspose, whole: Scene, x: NDArray[Any] | None, channel: int, looks: Looks) -> _Cropping:
    """Find what padding crops, what output padding adds, and what stays."""
    forward, scene = Scene(layer.T), Scene(layer)
    values = None if x is None else (whole.matrix @ x).reshape(whole.layer.output_shape)[channel]
    corner = [start for start, _ in forward.frame()]
    added = [axis.dilated_size - more for axis, more in zip(layer.axes, layer.output_padding, strict=True)]
    found = _Cropping({}, [], set())
    for place in forward.places():
        if not place.seen and place.source is None:
            continue  # no stamp reaches it, and it is no output
        index = tuple(p - first for p, first in zip(place.place, corner, strict=True))
        value = None if values is None else values[index]
        if place.source is None:
            role, symbol = ("inserted" if place.kind == "inserted" else "cropped"), ""
        else:
            later = any(p >= first for p, first in zip(place.place, added, strict=True))
            role = "added" if later else "map"
            symbol = scene.row_name(int(np.ravel_multi_index((channel, *place.source), layer.output_shape)))
            found.outputs.append(in_plane(index))
        found.looks[in_plane(index)] = looks.role(role, symbol, value)
        found.roles.add(role)
    return found


def _inputs_of(layer: ConvTranspose, channel: int) -> range:
    """Flat inputs of the group that an output channel is in."""
    group = channel // (layer.out_channels // layer.groups)
    size = layer.in_channels // layer.groups * prod(layer.input_size)
    return range(group * size, (group + 1) * size)


def _panel(movie: Film, name: str, count: int, channel: int) -> tuple[int, Panel]:
    """A channel's panel, and its number."""
    panel_name = f"{name}{channel}" if count > 1 else name
    return next((number, panel) for number, panel in enumerate(movie.panels) if panel.name == panel_name)


def _require_transposed(layer: ConvTranspose) -> None:
    if not isinstance(layer, ConvTranspose):
        raise WrongTypeError(f"this picture is one of a ConvTranspose, got {short(layer)}: take layer.T")
