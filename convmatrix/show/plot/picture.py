"""Axes that plot functions return by default: a notebook shows them in the best form that it supports.

Axes and pyplot's figure are as usual, so that ``ax.set_title``, ``ax.figure.savefig`` and ``plt.show`` work. What is
more: as the last line of a notebook's cell, they give their figure as a picture, as HTML, as text, and as LaTeX where
there is such a form.
"""

import base64
import io
from collections.abc import Callable, Collection
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from convmatrix.show.model.printable import printable

__all__ = ["Form", "Picture", "described", "new_picture", "titled"]

Form = Callable[[], str | None]
"""Makes a form on demand; None where there is none; a ValueError means the same."""

_LEAST = (2.0, 0.8)
"""Least width and height of a chart, in inches."""
_PIXELS = 2000
"""Most pixels on a side."""
_HTML = 90_000
"""Most bytes of a picture within HTML."""
_SHRUNK = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
"""Parts of its size that are tried for that."""


class Picture(Axes):
    """Axes with an alternative text and more forms for notebooks.

    Examples
    --------
    >>> picture = described(new_picture(2, 1), "Nothing yet.")
    >>> picture._repr_mimebundle_(include={"text/plain"})
    {'text/plain': 'Nothing yet.'}
    """

    _alt = ""
    _forms: dict[str, Form] = {}  # noqa: RUF012  replaced, never changed

    @property
    def alt(self) -> str:
        """Description of the picture, in a sentence or two."""
        return self._alt

    def describe(self, alt: str, forms: dict[str, Form]) -> None:
        """Describe what has been drawn; after more than one call, no other form shows all of it."""
        alt = printable(alt, "alt")
        self._alt, self._forms = (f"{self._alt} {alt}", {}) if self._alt else (alt, forms)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Forms of the picture for notebooks: each is made only if it is wanted, and the figure is not shown again."""
        makers: dict[str, Form] = {
            "text/plain": lambda: self._form("text/plain") or self.alt,
            "text/html": lambda: self._form("text/html") or self._image_tag(),
            "image/png": lambda: base64.b64encode(self._pixels()).decode(),
            "text/latex": lambda: self._form("text/latex"),
        }
        kinds = [kind for kind in makers if (not include or kind in include) and kind not in (exclude or ())]
        bundle = {kind: content for kind in kinds if (content := makers[kind]()) is not None}
        self._hand_over()
        return bundle

    def _form(self, kind: str) -> str | None:
        maker = self._forms.get(kind)
        if maker is None:
            return None
        try:
            return maker()
        except ValueError:
            return None  # a renderer that cannot draw this layer says so; other forms can

    def _pixels(self, part: float = 1.0) -> bytes:
        """The whole figure as PNG."""
        figure = self.get_figure(root=True)
        assert figure is not None
        dpi = min(figure.dpi, _PIXELS / max(figure.get_size_inches())) * part
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
        return file.getvalue()

    def _image_tag(self) -> str:
        """The figure within HTML, as large as it may be."""
        from PIL import Image  # comes with matplotlib, and is slow to import

        data, size = b"", (0, 0)
        for part in _SHRUNK:
            file = io.BytesIO()
            with Image.open(io.BytesIO(self._pixels(part))) as image:
                # Few colours are enough for pictures of cells, and take half of the bytes.
                image.convert("RGB").quantize(255, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
                data, size = base64.b64encode(file.getvalue()), image.size
            if len(data) <= _HTML:
                break
        return (
            f'<img src="data:image/png;base64,{data.decode()}" alt="{escape(self.alt)}" width="{size[0]}" '
            f'height="{size[1]}">'
        )

    def _hand_over(self) -> None:
        """Take the figure from pyplot unless it has a window: the inline backend would show it once more."""
        figure = self.get_figure(root=True)
        assert figure is not None
        if figure.canvas.required_interactive_framework is None:
            plt.close(figure)


def new_picture(wide: float, tall: float, *, bare: bool = False, beside: float = 0.0) -> Picture:
    """Make a pyplot figure of a size in inches that has one `Picture`.

    Parameters
    ----------
    wide, tall : float
    bare : bool, default False
        Whether the axes fill the figure until they get a title.
    beside : float, default 0
        What is added to the figure on the right, by its width, and kept free.

    Returns
    -------
    Picture
    """
    pads = {"w_pad": 0.0, "h_pad": 0.0} if bare else {}
    # Less would not leave space for a title and labels of axes.
    least = (0.1, 0.1) if bare else _LEAST
    figure = plt.figure(figsize=(max(wide, least[0]) * (1 + beside), max(tall, least[1])))
    figure.set_layout_engine("constrained", rect=(0, 0, 1 / (1 + beside), 1), **pads)
    picture = figure.add_subplot(axes_class=Picture)
    assert isinstance(picture, Picture)
    picture.set_anchor("W" if beside else "C")
    return picture


def described(
    ax: Axes, alt: str, *, plain: Form | None = None, html: Form | None = None, latex: Form | None = None
) -> Axes:
    """Describe what has been drawn on a `Picture`; other axes are not changed.

    Parameters
    ----------
    ax : Axes
    alt : str
        Description of the picture.
    plain, html, latex : callable, optional
        Other forms of it.

    Returns
    -------
    Axes
        The same.
    """
    if isinstance(ax, Picture):
        forms = {"text/plain": plain, "text/html": html, "text/latex": latex}
        ax.describe(alt, {kind: form for kind, form in forms.items() if form is not None})
    return ax


def titled(title: str, alt: str) -> str:
    """Put a picture's title before its description, where it is never shortened.

    Parameters
    ----------
    title, alt : str

    Returns
    -------
    str

    Examples
    --------
    >>> titled("Padding", "The input, 4 x 4."), titled("", "The input, 4 x 4.")
    ('Padding: The input, 4 x 4.', 'The input, 4 x 4.')
    """
    title = printable(title)
    return f"{title}: {alt}" if title else alt
