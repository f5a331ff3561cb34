"""Pictures: one scene, drawn by every renderer."""

from convmatrix.core.lazy import lazy_modules
from convmatrix.show.model.scene import Scene

__all__ = ["Scene", "explorer", "model", "plot", "render"]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
