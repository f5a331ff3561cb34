"""Models of pictures, independent of renderers: scenes, films, colours, sizes as sentences, printable text."""

from convmatrix.core.lazy import lazy_modules

__all__ = ["film", "films", "journeys", "palette", "pools", "printable", "scene", "sizes", "stacked", "stage"]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
