"""The way from a layer to its pictures and texts, which stand above it: the root package registers where they are.

Layers import nothing above them. Their methods call what is registered here, which is imported at the first call.
"""

TYPE_CHECKING = False  # that of `typing`, which is slow to import: the root package imports this module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from matplotlib.axes import Axes

    class Displays(Protocol):
        """Functions that show a layer; the module `convmatrix.display` has them."""

        def html(self, layer: Any) -> str:
            """Write HTML for notebooks."""

        def plot(self, layer: Any, weight: Any = None, x: Any = None, **options: Any) -> Axes:
            """Draw a layer and return the Axes."""

        def show(self, layer: Any, weight: Any = None) -> None:
            """Print a layer."""


__all__ = ["displays", "register"]

_loaders: "list[Callable[[], Displays]]" = []


def register(load: "Callable[[], Displays]") -> None:
    """Register how the module with the functions is imported; the last one counts.

    Parameters
    ----------
    load : callable
        Returns the module.
    """
    _loaders.append(load)


def displays() -> "Displays":
    """Return the functions that show a layer.

    Returns
    -------
    Displays

    Examples
    --------
    >>> displays().__name__
    'convmatrix.display'
    """
    return _loaders[-1]()
