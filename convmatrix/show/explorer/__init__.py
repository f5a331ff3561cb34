"""A page that reacts: matrix, window, kernel and output, linked; change a number and all of it follows."""

from convmatrix.show.explorer.document import (
    ENDINGS,
    InNotebook,
    fragment,
    in_notebook,
    page,
    save,
    table,
)
from convmatrix.show.explorer.widget import explore

__all__ = [
    "ENDINGS",
    "InNotebook",
    "explore",
    "fragment",
    "in_notebook",
    "page",
    "save",
    "table",
]
