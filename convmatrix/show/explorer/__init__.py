"""An interactive page: matrix, window, kernel and output, linked; a changed number updates all of it."""

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


def __dir__() -> list[str]:
    return __all__
