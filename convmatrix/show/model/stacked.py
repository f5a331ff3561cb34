"""Films of the maps alone: bare ones without text, and stacked ones, in which one map floats above the other.

Both show what `convmatrix.show.model.stage.film` shows, without the kernel: its taps lie in their colours over the
places that the window covers, also over the padding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from convmatrix.show.model.film import Film, Frame, Key, Link, Look, Panel
from convmatrix.show.model.layout import arrange, floating
from convmatrix.show.model.printable import printable
from convmatrix.show.model.scene import Reading, size_label
from convmatrix.show.model.stage import Drawable, Parts, Stage, View, filmed, stage_of
from convmatrix.show.model.style import PALE, STRONG, Style, current_style

__all__ = ["bare_film", "stacked_film"]

MAPS_ALONE = Parts(matrix=False)


class Maps(Stage):
    """Builder of two maps without a kernel: the window itself has its colours."""

    def _add_kernel(self) -> None:
        self.kernel_panel = -1

    def _kernel_looks(self, out_channel: int) -> dict[Key, Look]:
        return {}

    def _sign(self, group: str) -> str:
        return "→" if self.groups else ""

    def _covered(self, step: int, readings: list[Reading], totals: Mapping[int, Any]) -> dict[Key, Look]:
        """The places under the window, also those without an input, in the colours of its taps."""
        met = super()._covered(step, readings, totals)
        channel, *_ = self._position(step)
        channels = self._channels(channel)
        looks = {}
        for within, map_channel in enumerate(channels):
            for reading in readings:
                key = self._map_key(map_channel, reading.place)
                value = self._weight(self._tap(channel, within, reading.tap)) if self.scene.has_kernel else None
                look, part = (met[key], STRONG) if key in met else (self.base[key], PALE)
                # Its own paper, not the tint that it has beside a kernel.
                look = look._replace(paper=self.base[key].paper)
                if key in met or reading.source is None:
                    looks[key] = self.looks.met(look, self._own_tap(reading.tap), part, value)
        return looks


class _Planes(Maps):
    """Builder of two maps, each window linked with the place that belongs to it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # The borders of the map lie over the fainter ones of its padding.
        self.base = dict(sorted(self.base.items(), key=lambda item: item[1].mark != "dashed"))

    def frames(self, width: float) -> Iterator[Frame]:
        for frame in super().frames(width):
            *windows, point = frame.outlines
            yield frame._replace(links=tuple(Link(window, point) for window in windows))


def bare_film(
    layer: Drawable,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    view: View | None = None,
    title: str = "",
    style: Style | None = None,
) -> Film:
    """Compute the film of a layer's two maps without any text but a title: the window slides, nothing is named.

    Parameters
    ----------
    layer, x, view, title
        As for `convmatrix.show.model.stage.film`.
    weight : weight_shape array_like, optional
        For colours by value, where the style fills cells by it.
    style : Style, optional
        By default the one that `convmatrix.show.style` has set; its labels and captions are left out.

    Returns
    -------
    Film
        Of the input and the output, side by side.

    Raises
    ------
    ValueError
        As for `convmatrix.show.model.stage.film`.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> made = bare_film(Conv(5, 3, stride=2, padding=1))
    >>> [(panel.name, panel.rows, panel.cols) for panel in made.panels], len(made.frames)
    ([('input', 7, 7), ('output', 3, 3)], 9)
    """
    style = replace(current_style(style), labels="none", captions="off")
    stage, title = stage_of(Maps, layer, weight, x, view, style, MAPS_ALONE), printable(title)
    groups = [
        group._replace(panels=tuple(panel._replace(title="", note="") for panel in group.panels))
        for group in stage.groups
    ]
    # Without values the captions name the places: a page reads them out.
    return filmed(stage, arrange(groups, None, style=style, title=title), title, _about(stage))


def stacked_film(
    layer: Drawable,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    view: View | None = None,
    title: str = "",
    style: Style | None = None,
) -> Film:
    """Compute the film of a layer's two maps as planes: one floats above the other, and the window is projected.

    Below lies the map that the window slides over: the input of a convolution; for the stamps of a transposed one, the
    output. The taps of the kernel lie in their colours over the places that they meet, paler over padding.

    Parameters
    ----------
    layer, x, view, title
        As for `convmatrix.show.model.stage.film`.
    weight : weight_shape array_like, optional
        With `x`, the cells show values.
    style : Style, optional
        By default the one that `convmatrix.show.style` has set. Cells without values stay without text, unless its
        labels are symbols.

    Returns
    -------
    Film
        Of the two planes, with a link from each window to its output.

    Raises
    ------
    ValueError
        As for `convmatrix.show.model.stage.film`.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> made = stacked_film(Conv(4, 3))
    >>> made.frames[0].links[0]
    Link(source=Outline(panel=0, row=0, col=0, rows=3, cols=3), target=Outline(panel=1, row=0, col=0, rows=1, cols=1))
    """
    style = current_style(style)
    if x is None and style.labels == "auto":
        style = replace(style, labels="none")
    stage, title = stage_of(_Planes, layer, weight, x, view, style, MAPS_ALONE), printable(title)
    # Stamps have the map that they fall onto behind the one that they come from.
    lower, upper = (group.panels for group in (stage.groups if stage.reads else reversed(stage.groups)))
    lower, upper = _noted(lower, _geometry(stage)), _noted(upper, "")
    place = floating(lower, upper, style=style, title=title, caption=style.captioned)
    if not stage.reads:
        count = len(lower)
        place = replace(place, panels=place.panels[count:] + place.panels[:count])
    return filmed(stage, place, title, _about(stage))


def _noted(panels: tuple[Panel, ...], more: str) -> tuple[Panel, ...]:
    """Channels of a map with one note for all of them."""
    *others, last = panels
    size = last.note.replace(f", channel {len(others)}", f", {len(panels)} channels") if others else last.note
    return (*others, last._replace(note=size + more))


def _geometry(stage: Stage) -> str:
    """Padding, stride and dilation, where they are not the plain ones."""
    layer, parts = stage.slider.layer, []
    for name, plain in (("padding", 0), ("stride", 1), ("dilation", 1)):
        values = [value for axis in getattr(layer, name) for value in (axis if name == "padding" else (axis,))]
        if set(values) == {plain} or not values:
            continue
        parts.append(f"{name} {values[0]}" if len(set(values)) == 1 else name)
    return "".join(f", {part}" for part in parts)


def _about(stage: Stage) -> str:
    layer = stage.scene.layer
    sizes = [size_label(size) for size in (layer.input_size, layer.kernel_size, layer.output_size)]
    moved = "A window" if stage.reads else "A stamp"
    over = ("input", "output") if stage.reads else ("output", "input")
    size = dict(zip(("input", "kernel", "output"), sizes, strict=True))
    return (
        f"{moved} of {size['kernel']} moves over the {over[0]} of {size[over[0]]}, with its frame, "
        f"and each of its places belongs to one of the {over[1]}, of {size[over[1]]}."
    )
