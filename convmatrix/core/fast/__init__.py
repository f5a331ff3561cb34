"""Fast versions of `convmatrix.core.equation`: the same matrices and products, in far less time and memory."""

from convmatrix.core.lazy import lazy_modules

__all__ = [
    "assembly",
    "blocks",
    "boxes",
    "entries",
    "gram",
    "matrixfree",
    "padding",
    "per_pattern",
    "runs",
    "small",
    "table",
    "tuning",
    "weights",
    "windows",
    "writing",
]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
