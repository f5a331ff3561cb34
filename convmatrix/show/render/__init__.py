"""Scenes and films as text, LaTeX, SVG, animations and files."""

from convmatrix.core.lazy import lazy_modules

__all__ = ["animate", "canvas", "card", "glyphs", "indexed", "latex", "lettering", "raster", "saving", "svg", "text"]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
