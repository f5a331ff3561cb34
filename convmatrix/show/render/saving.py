"""The one saver of pictures on matplotlib: SVG, PDF and PNG, whose bytes are equal whenever versions are equal.

Text in SVG is outlines or text, and the ground a colour or transparent, by the style in which a picture is drawn.
matplotlib is imported when a picture is drawn, so that reading the endings costs nothing.
"""

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from convmatrix import export
from convmatrix.show.model.printable import printable
from convmatrix.show.model.style import TITLE_POINTS

if TYPE_CHECKING:
    from matplotlib.artist import Artist

__all__ = ["ENDINGS", "rendered", "save"]

ENDINGS = (".svg", ".pdf", ".png")
"""File formats, by their endings."""

_RC: Any = {
    "svg.hashsalt": "convmatrix",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "font.family": "DejaVu Sans",
    "axes.titlesize": TITLE_POINTS,
}
_FONT_TYPES = {"paths": "path", "text": "none"}
"""matplotlib's word for each `Style.text`."""


def save(
    draw: Callable[[], "Artist"], path: str | os.PathLike[str], *, title: str, description: str | None = None
) -> None:
    """Draw a picture and write it to a file whose ending names the format; whole, or not at all.

    Parameters
    ----------
    draw : callable
        Returns a Figure, or any artist on one; called with this project's style. The figure is closed.
    path : str or path-like
        Ends in one of `ENDINGS`.
    title : str
        Title of the picture, for the file's metadata.
    description : str, optional
        Description; by default, the `alt` of a `convmatrix.show.plot.picture.Picture`.

    Raises
    ------
    ValueError
        If the ending is another one.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show import plot
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(lambda: plot.matrix(Conv((3,), 2)), f"{folder}/C.pdf", title="C", description="2 x 3")
    ...     Path(folder, "C.pdf").read_bytes()[:5]
    b'%PDF-'
    """
    format_ = export.ending_of(path, ENDINGS)[1:]
    picture = rendered(draw, format_, title=title, description=description)[format_]
    with export.replacing(path) as file:
        file.write(picture)


def rendered(
    draw: Callable[[], "Artist"], *formats: str, title: str, description: str | None = None
) -> dict[str, bytes]:
    """Draw a picture once, and give it in several formats.

    Parameters
    ----------
    draw : callable
    *formats : str
        Such as ``svg``: endings without their points.
    title : str
    description : str, optional
        As for `save`.

    Returns
    -------
    dict
        From each format to the bytes of a file.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show import plot
    >>> made = rendered(lambda: plot.matrix(Conv((3,), 2)), "png", title="C", description="2 x 3")
    >>> made["png"][1:4]
    b'PNG'
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from convmatrix.show.render.lettering import print_all, text_as

    with mpl.rc_context(_RC):
        drawn = draw()
        figure = drawn.get_figure(root=True)
        assert figure is not None
        print_all(figure)
        mpl.rcParams["svg.fonttype"] = _FONT_TYPES[text_as(figure)]
        title = printable(title)
        description = printable(getattr(drawn, "alt", "") if description is None else description, "description")
        metadata: dict[str, dict[str, Any]] = {
            "svg": {"Date": None, "Title": title, "Description": description},
            "pdf": {"CreationDate": None, "Title": title, "Subject": description},
            "png": {"Title": title, "Description": description},
        }
        try:
            pictures = {}
            for format_ in formats:
                stream = io.BytesIO()
                figure.savefig(stream, format=format_, metadata=metadata[format_])
                pictures[format_] = stream.getvalue()
        finally:
            plt.close(figure)
    return pictures
