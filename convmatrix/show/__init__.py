"""Pictures: one scene, drawn by every renderer in one style.

>>> from convmatrix import Conv, show
>>> with show.style(theme="dark", size="slide"):
...     ax = show.plot.linked(Conv(4, 3))
>>> ax.get_figure().get_facecolor() == show.plot.linked(Conv(4, 3)).get_figure().get_facecolor()
False
"""

from convmatrix.core.lazy import lazy_modules
from convmatrix.show.model.scene import Scene
from convmatrix.show.model.style import Style, style

__all__ = ["Scene", "Style", "explorer", "model", "plot", "render", "style"]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
