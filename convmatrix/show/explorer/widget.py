"""The explorer as a notebook's widget: numbers changed on the page are changed in Python, and vice versa.

The same module draws as on the page. Needs anywidget, the extra ``notebook``, which is imported when the first widget
is made.
"""

import importlib
from functools import cache
from typing import Any

from numpy.typing import ArrayLike

from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.show.explorer import document
from convmatrix.show.explorer.script import script

__all__ = ["explore"]

_NUMBERS = ("input_size", "kernel_size", "stride", "padding", "dilation", "input_dilation", "output_padding")


def explore(layer: Layer, weight: ArrayLike | None = None, *, title: str | None = None) -> Any:
    """Make the explorer of a layer as a widget.

    Its traits are the layer's numbers, ``input_size kernel_size stride padding dilation input_dilation output_padding``
    (lists, one entry for each axis; pads as [before, after]), ``padding_mode``, ``transposed``, and the selection:
    ``row``, ``col`` and ``tap``, each None or a number. All can be set, and follow what is done on the page; its
    ``layer`` is the layer of these numbers.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like, optional
    title : str, optional
        As for `explorer.page`.

    Returns
    -------
    anywidget.AnyWidget
        Where a notebook is exported without the widgets' state, the result of `explorer.fragment` takes its place.

    Raises
    ------
    ModuleNotFoundError
        If anywidget is not installed.
    ValueError
        As for `explorer.page`.

    Examples
    --------
    >>> widget = explore(Conv((7,), 3, stride=2))  # doctest: +SKIP
    >>> widget.stride = [1]  # doctest: +SKIP
    >>> widget.layer  # doctest: +SKIP
    Conv(input_size=(7,), kernel_size=(3,))
    """
    specification = document.specification(layer, weight, title)
    html = document.fragment(layer, weight, title=title)
    return _widget_class()(specification, html)


@cache
def _widget_class() -> Any:
    """The class, defined on demand, since anywidget is optional."""
    try:
        anywidget: Any = importlib.import_module("anywidget")
        t: Any = importlib.import_module("traitlets")
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "the widget needs anywidget: install convmatrix[notebook], or use convmatrix.show.explorer.fragment"
        ) from missing

    def number() -> Any:
        return t.Int(None, allow_none=True, min=0).tag(sync=True)

    class Explorer(anywidget.AnyWidget):  # type: ignore[misc]  # a class that exists at run time only
        """The explorer; its traits are described at `explore`."""

        _esm = script()
        spec = t.Dict().tag(sync=True)
        input_size, kernel_size, stride, dilation, input_dilation, output_padding = (
            t.List(t.Int()).tag(sync=True) for _ in range(6)
        )
        padding = t.List(t.List(t.Int(), minlen=2, maxlen=2)).tag(sync=True)
        padding_mode = t.Unicode().tag(sync=True)
        transposed = t.Bool().tag(sync=True)
        row, col, tap = number(), number(), number()

        def __init__(self, specification: dict[str, Any], html: str) -> None:
            numbers = specification["layer"]
            names = (*_NUMBERS, "padding_mode", "transposed")
            super().__init__(spec=specification, **{name: numbers[name] for name in names})
            self._html = html

        @property
        def layer(self) -> Layer:
            """The layer that the widget shows."""
            numbers: dict[str, Any] = {name: tuple(getattr(self, name)) for name in _NUMBERS}
            channels = dict(self._channels())
            extra = numbers.pop("output_padding")
            if self.transposed:
                return ConvTranspose(**numbers, **channels, padding_mode=self.padding_mode, output_padding=extra)
            return Conv(**numbers, **channels, padding_mode=self.padding_mode)

        @layer.setter
        def layer(self, layer: Layer) -> None:
            described = document.settings(layer)
            for name, value in self._channels(described["transposed"]).items():
                if described[name] != value:
                    raise ValueError(f"{name} stays {value} in a widget, got {described[name]}: make another widget")
            with self.hold_sync():
                for name in (*_NUMBERS, "padding_mode", "transposed"):
                    setattr(self, name, described[name])

        def _channels(self, transposed: bool | None = None) -> dict[str, int]:
            """Channels and groups of the first layer, with in and out swapped for a layer of the other kind."""
            first = self.spec["layer"]
            pair = first["in_channels"], first["out_channels"]
            if first["transposed"] != (self.transposed if transposed is None else transposed):
                pair = pair[::-1]
            return {"in_channels": pair[0], "out_channels": pair[1], "groups": first["groups"]}

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            """The widget, and the explorer as HTML for viewers without widgets."""
            bundle = super()._repr_mimebundle_(**kwargs)
            if bundle is None:
                return None
            data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
            return {**data, "text/html": self._html}, metadata

    return Explorer
