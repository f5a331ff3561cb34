"""The arithmetic of a convolution: one axis, its patterns, and what is assembled from them."""

from convmatrix.core.lazy import lazy_modules

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "array_files",
    "axis",
    "channels",
    "counting",
    "displays",
    "equation",
    "errors",
    "fast",
    "incidence",
    "kronecker",
    "lazy",
    "memory",
    "npy",
    "numbers",
    "pattern",
    "reference",
]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
