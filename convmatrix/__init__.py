"""convmatrix: see, and compute with, a convolution as the sparse matrix it is.

>>> from convmatrix import Conv
>>> C = Conv(input_size=(4, 4), kernel_size=(3, 3)).matrix([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
>>> C.shape, C.nnz
((4, 16), 36)
"""

from convmatrix.core import __version__
from convmatrix.core.displays import register
from convmatrix.core.lazy import lazy_modules

TYPE_CHECKING = False  # that of `typing`, whose import would be most of the time that this one takes
if TYPE_CHECKING:
    from convmatrix import algebra, export, frameworks, layers, presets, scale, show
    from convmatrix.core.displays import Displays
    from convmatrix.layers import (
        AvgPool,
        Conv,
        ConvTranspose,
        Fold,
        MaxPool,
        PixelShuffle,
        PixelUnshuffle,
        Transposed,
        Unfold,
        Upsample,
        flip,
    )

__all__ = [
    "AvgPool",
    "Conv",
    "ConvTranspose",
    "Fold",
    "MaxPool",
    "PixelShuffle",
    "PixelUnshuffle",
    "Transposed",
    "Unfold",
    "Upsample",
    "__version__",
    "algebra",
    "export",
    "flip",
    "frameworks",
    "layers",
    "presets",
    "scale",
    "show",
]

_MODULES = ("algebra", "export", "frameworks", "layers", "presets", "scale", "show")

_module = lazy_modules(__name__, __all__)


def _displays() -> "Displays":
    from convmatrix import display

    return display


register(_displays)


def __getattr__(name: str) -> object:
    """Import the layers, and packages, when they are first used.

    The command line begins with this module, and has to answer interrupts while NumPy and SciPy are imported.

    Returns
    -------
    object

    Raises
    ------
    AttributeError
        If the package has no such name.
    """
    if name in _MODULES or name not in __all__:
        return _module(name)
    layers = _module("layers")
    globals().update({public: getattr(layers, public) for public in __all__ if hasattr(layers, public)})
    return globals()[name]


def __dir__() -> list[str]:
    return __all__
