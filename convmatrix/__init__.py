"""convmatrix: see, and compute with, a convolution as the sparse matrix it is.

>>> from convmatrix import Conv
>>> C = Conv(input_size=(4, 4), kernel_size=(3, 3)).matrix([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
>>> C.shape, C.nnz
((4, 16), 36)
"""

from convmatrix.core import __version__

TYPE_CHECKING = False  # that of `typing`, whose import would be most of the time that this one takes
if TYPE_CHECKING:
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
    "flip",
]


def __getattr__(name: str) -> object:
    """Import the layers when they are first used.

    The command line begins with this module, and has to answer interrupts while NumPy and SciPy are imported.

    Returns
    -------
    object

    Raises
    ------
    AttributeError
        If the package has no such name.
    """
    if name not in __all__ and name != "layers":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    import importlib

    layers = importlib.import_module("convmatrix.layers")
    globals().update({public: getattr(layers, public) for public in __all__ if public != "__version__"})
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "layers"})
