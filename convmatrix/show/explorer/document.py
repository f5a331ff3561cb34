"""An interactive page: matrix, window, kernel and output, linked; a changed number updates all of it.

The page is one file that needs nothing else. Its script is joined from the files in ``js``, of which ``table.js``
has all arithmetic and validation of convolutions; the errors are those of the layers, and the other sentences are
templates that Python writes into the page. Without scripts a coloured table of the layer's matrix remains.
"""

import base64
import html
import io
import math
import os
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from convmatrix import export
from convmatrix.core.errors import pluralize, short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import check_kind
from convmatrix.show.explorer.script import json_in_script, script
from convmatrix.show.explorer.sentences import DESCRIPTIONS
from convmatrix.show.model.palette import THEMES, family, ink_on, rgb, tap_colours
from convmatrix.show.model.printable import printable, shortened
from convmatrix.show.model.scene import Scene, number_label
from convmatrix.show.model.sizes import RELATIONSHIPS
from convmatrix.show.model.typeset import as_html

__all__ = ["ENDINGS", "InNotebook", "fragment", "in_notebook", "page", "save", "table"]

ENDINGS = (".html", ".htm")
"""Endings of the files that `save` writes."""

_TABLE_PLACES = 2_500
"""Most places of a matrix that stands in the page as a table; a larger one is an image."""
_IMAGE_SIDES = (512, 256, 128)
"""Most pixels on a side of that image; the first that is small enough."""
_BYTES = 25_000
"""Most bytes of table or image, together with the weight."""
_IMAGE_ENTRIES = 10**6
"""Most entries of a matrix that is drawn as an image."""
_TITLE = 300
"""Most letters of a title that are shown: some lines."""
_IMAGE_WEIGHTS = 10**5
"""Most weights of such a matrix: larger kernels take seconds to draw, and their taps cannot be distinguished."""
_WEIGHTS = 500
"""Most weights that are written into the page, which has to stay small."""
_LIGHT = THEMES["light"]


def page(layer: Layer, weight: ArrayLike | None = None, *, title: str | None = None) -> str:
    """Write the explorer of a layer as a whole page that needs no other file and no network.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        What the page shows first, with one or two axes. Its channels and groups stay; all other numbers can be changed.
    weight : weight_shape array_like, optional
        Values to write into the cells while the kernel has this shape; names of the taps by default.
    title : str, optional
        The layer's repr by default. Any text; one of more than 300 letters is shown shortened, and is whole in the
        page's description.

    Returns
    -------
    str
        HTML, below 110,000 bytes and the length of the title.

    Raises
    ------
    ValueError
        If the layer has not one or two axes, or if the weight is not the layer's, or has more than 500 entries.

    Examples
    --------
    >>> text = page(Conv(4, 3), title="4 x 16")
    >>> text.startswith("<!doctype html>"), "<title>4 x 16</title>" in text, len(text) < 110_000
    (True, True, True)
    """
    spec = specification(layer, weight, title) | {"link": True}
    name = html.escape(spec["title"])
    described = html.escape(_title(layer, title))
    # The policy forbids whatever is not in the page: so the browser enforces that it needs no network.
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<style>body{margin:0}@media(prefers-color-scheme:dark){html{background:#16191d}}</style>\n"
        f'<meta name="description" content="{described}">\n'
        f"<title>{name}</title>\n</head>\n<body>\n{_body(layer, weight, spec)}\n</body>\n</html>\n"
    )


def fragment(layer: Layer, weight: ArrayLike | None = None, *, title: str | None = None) -> str:
    """Write the explorer of a layer as a piece of HTML, for a notebook's ``text/html`` or a page of your own.

    Several may stand on one page, so that none uses the page's address for its settings.

    Parameters
    ----------
    layer, weight, title
        As for `page`.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ValueError
        As for `page`.

    Examples
    --------
    >>> fragment(Conv((4,), 3))[:32]
    '<div class="convmatrix-explorer"'
    """
    return _body(layer, weight, specification(layer, weight, title))


class InNotebook(NamedTuple):
    """The explorer as a notebook's output; its repr is a sentence."""

    html: str
    alt: str

    def __repr__(self) -> str:
        """Describe it in a sentence, since the HTML is long."""
        return self.alt

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}


def in_notebook(layer: Layer, weight: ArrayLike | None = None, *, title: str | None = None) -> InNotebook:
    """Show the explorer below a notebook's cell; it works there, in exported pages, and as a table without scripts.

    `convmatrix.show.explorer.explore` is the same as a widget, whose numbers Python can read and set.

    Parameters
    ----------
    layer, weight, title
        As for `fragment`, which it shows.

    Returns
    -------
    InNotebook

    Raises
    ------
    ValueError
        As for `fragment`.

    Examples
    --------
    >>> in_notebook(Conv((4,), 3))
    the explorer of Conv(input_size=(4,), kernel_size=(3,))
    """
    return InNotebook(fragment(layer, weight, title=title), f"the explorer of {_title(layer, title or None)}")


def save(
    layer: Layer,
    path: str | os.PathLike[str],
    weight: ArrayLike | None = None,
    *,
    title: str | None = None,
) -> None:
    """Write the page of a layer to a file, whole or not at all.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    path : str or path-like
        Ends in ``.html`` or ``.htm``.
    weight : weight_shape array_like, optional
    title : str, optional
        As for `page`.

    Raises
    ------
    ValueError
        If the ending is another one; or as for `page`.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Conv(4, 3), f"{folder}/explorer.html")
    ...     Path(folder, "explorer.html").read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise ValueError(f"file name {short(os.fspath(path))} does not end in {' or '.join(ENDINGS)}, as a page must")
    export.write_text(page(layer, weight, title=title), path)


# -- data of the module -----------------------------------------------------------------------------------------


@cache
def source(name: str) -> str:
    """A file that stands beside this one."""
    return files("convmatrix.show.explorer").joinpath(name).read_text(encoding="utf-8")


def settings(layer: Layer) -> dict[str, Any]:
    """Describe a layer for the module: its numbers, one for each axis.

    Returns
    -------
    dict

    Examples
    --------
    >>> settings(Conv((4,), 3))["padding"]
    [[0, 0]]
    """
    axes = ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
    return {
        "transposed": isinstance(layer, ConvTranspose),
        **{name: list(getattr(layer, name)) for name in axes},
        "padding": [list(pair) for pair in layer.padding],
        "output_padding": list(layer.output_padding) if isinstance(layer, ConvTranspose) else [0] * layer.ndim,
        "padding_mode": layer.padding_mode,
        **{name: getattr(layer, name) for name in ("in_channels", "out_channels", "groups")},
    }


def specification(layer: Layer, weight: ArrayLike | None, title: str | None) -> dict[str, Any]:
    """Collect all data of the module, as values for JSON.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        As for `page`.

    Examples
    --------
    >>> specification(Conv(4, 3), None, "C")["title"]
    'C'
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    if layer.ndim not in (1, 2):
        raise ValueError(f"the explorer shows 1 or 2 axes, but the layer has {layer.ndim}")
    return {
        "title": _shown(layer, title),
        "layer": settings(layer),
        "weight": None if weight is None else _weight(layer, weight),
        "sentences": DESCRIPTIONS,
        "relationships": RELATIONSHIPS,
        # The numbers from which the module makes the colours of any kernel, as Python does.
        "palette": {
            "family": family(),
            "colours": {
                "input": _LIGHT.map,
                "input-selected": _LIGHT.line,
                "output": _LIGHT.map,
                "output-selected": _LIGHT.line,
                "frame": _LIGHT.window,
            },
        },
        "html": source("explorer.html"),
        "css": source("explorer.css"),
    }


def _title(layer: Layer, title: str | None) -> str:
    """The title that a page has, whole."""
    return repr(layer) if title is None else printable(title)


def _shown(layer: Layer, title: str | None) -> str:
    return shortened(_title(layer, title), _TITLE, len)


def _weight(layer: Layer, weight: ArrayLike) -> dict[str, Any]:
    """The weight's labels, and the numbers that the module may add up where taps coincide."""
    array = layer.checked_weight(weight)
    if array.size > _WEIGHTS:
        raise ValueError(
            f"the weight has {array.size} entries but a page holds at most {_WEIGHTS}: leave it out, and "
            "the page names the taps"
        )
    layer.operator(array)  # refuses integers whose sums overflow
    return {
        "shape": list(layer.weight_shape),
        "labels": [number_label(value) for value in array.ravel()],
        "values": [_exact(value) for value in array.ravel().tolist()],
        "integer": array.dtype.kind in "iu",
        "boolean": array.dtype.kind == "b",
    }


def _exact(value: Any) -> float | None:
    """A number that JSON and JavaScript represent exactly, or None."""
    if isinstance(value, complex) or not math.isfinite(value) or (isinstance(value, int) and abs(value) > 2**53):
        return None
    return float(value) if isinstance(value, float) else int(value)


# -- HTML ------------------------------------------------------------------------------------------------------------


def _body(layer: Layer, weight: ArrayLike | None, spec: dict[str, Any]) -> str:
    most_bytes = _BYTES - len(json_in_script(spec["weight"]))
    return (
        f'<div class="convmatrix-explorer">\n{_without_scripts(layer, weight, spec["title"], most_bytes)}\n'
        f'<script type="application/json">{json_in_script(spec)}</script>\n</div>\n'
        f'<script type="module">\n{script()}\nmountAll(document);\n</script>'
    )


def table(layer: Layer, weight: ArrayLike | None = None, *, title: str | None = None) -> str:
    """Write a layer's matrix as HTML without scripts: a coloured table, or an image where it is too large for one.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        Of any number of axes.
    weight : weight_shape array_like, optional
    title : str, optional
        The layer's repr by default.

    Returns
    -------
    str
        HTML, below 40,000 bytes.

    Raises
    ------
    ValueError
        If the matrix has more than a million entries, or the weight more than a hundred thousand.

    Examples
    --------
    >>> table(Conv((3,), 2), title="C & its taps").splitlines()[0]
    '<p><strong>C &amp; its taps</strong></p>'
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    if layer.nnz > _IMAGE_ENTRIES:
        raise ValueError(
            f"the matrix has {short(layer.nnz)} entries but at most {_IMAGE_ENTRIES} are drawn: take a smaller layer"
        )
    if (weights := math.prod(layer.weight_shape)) > _IMAGE_WEIGHTS:
        raise ValueError(
            f"the weight has {short(weights)} entries but at most {_IMAGE_WEIGHTS} are drawn: take a smaller kernel"
        )
    return _without_scripts(layer, weight, _shown(layer, title), _BYTES)


def _without_scripts(layer: Layer, weight: ArrayLike | None, title: str, most_bytes: int) -> str:
    """The layer's matrix for pages without scripts: a table, or an image."""
    rows, cols = layer.matrix_shape
    kind = "C" if isinstance(layer, Conv) else "C^T"
    caption = f"the matrix {kind}, {rows} × {cols}, with {pluralize(layer.nnz, 'entry')}"
    forms: list[Callable[[], str]] = [partial(str, f"<p>{as_html(caption)}</p>")]
    if layer.nnz <= _IMAGE_ENTRIES and math.prod(layer.weight_shape) <= _IMAGE_WEIGHTS:
        forms = [partial(_image, Scene(layer), caption, side) for side in _IMAGE_SIDES]
    if rows * cols <= _TABLE_PLACES:
        forms.insert(0, partial(_table, Scene(layer, weight), caption))
    # As small as it gets is good enough, if nothing is small enough.
    form = next((text for form in forms if len(text := form()) <= most_bytes), None) or forms[-1]()
    return f"<p><strong>{html.escape(title)}</strong></p>\n{form}"


def _table(scene: Scene, caption: str) -> str:
    """A row for each output; places without an entry are joined, which keeps a sparse table small."""
    rows, cols = scene.shape
    columns, ptr = scene.cols.tolist(), scene.matrix.indptr.tolist()
    lines = ["<th>" + "".join(f"<th>{as_html(scene.col_name(col), italic=False)}" for col in range(cols))]
    for row in range(rows):
        line, reached = f"<th>{as_html(scene.row_name(row), italic=False)}", 0
        for cell in range(ptr[row], ptr[row + 1]):
            colour = scene.colour(cell)
            style = f"background:{colour};color:{ink_on(colour)}"
            text = as_html(scene.text(cell), italic=False)
            line += _empty(columns[cell] - reached) + f'<td style="{style}">{text}'
            reached = columns[cell] + 1
        lines.append(line + _empty(cols - reached))
    body = "\n".join(f"<tr>{line}" for line in lines)
    return (
        f'<table border="1" style="border-collapse:collapse">\n<caption>{as_html(caption)}</caption>\n{body}\n</table>'
    )


def _empty(places: int) -> str:
    return "" if not places else "<td>" if places == 1 else f"<td colspan={places}>"


def _image(scene: Scene, caption: str, side: int) -> str:
    """One pixel for each place, or for as many as it takes to stay small; as a data URI."""
    from PIL import Image  # comes with matplotlib, and is slow to import

    rows, cols = scene.shape
    step = -(-max(rows, cols) // side)
    # 256 colours are what the format holds: of a kernel with more taps, neighbours share one.
    kernel = math.prod(scene.layer.kernel_size)
    count = min(kernel, 255)
    colours = tap_colours(scene.layer.kernel_size)
    shades = [(255, 255, 255), *(rgb(colours[number * kernel // count]) for number in range(count))]
    taps = scene.kernel_taps * count // kernel
    pixels = np.zeros((-(-rows // step), -(-cols // step)), dtype=np.uint8)
    pixels[scene.rows // step, scene.cols // step] = taps + 1
    image = Image.frombytes("P", pixels.shape[::-1], pixels.tobytes())
    image.putpalette([part for shade in shades for part in shade])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    zoom = max(_IMAGE_SIDES[0] // max(pixels.shape), 1)
    return (
        f'<p>{as_html(caption)}</p>\n<img src="data:image/png;base64,{data}" alt="{html.escape(caption)}" '
        f'width="{pixels.shape[1] * zoom}" height="{pixels.shape[0] * zoom}" '
        'style="image-rendering:pixelated;border:1px solid #888">'
    )
