"""Shared parts of the modules of all frameworks: arguments, layouts of arrays, layers read from objects."""

from convmatrix.core.lazy import lazy_modules

__all__ = [
    "arguments",
    "bilinear",
    "calls",
    "framework",
    "generic",
    "layer_calls",
    "layouts",
    "loading",
    "overrides",
    "weights",
    "windows",
]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
