"""Models of pictures, independent of renderers: scenes, films, colours, sizes as sentences, printable text."""

from convmatrix.core.lazy import lazy_modules

__all__ = [
    "blocks",
    "drawing",
    "film",
    "films",
    "journeys",
    "layout",
    "limits",
    "looks",
    "overview",
    "palette",
    "pieces",
    "pools",
    "printable",
    "scene",
    "sizes",
    "stacked",
    "stage",
    "style",
    "typeset",
]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
