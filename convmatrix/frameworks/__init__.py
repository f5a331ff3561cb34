"""Layers from the calls of each framework, with the framework's arguments, defaults, layouts and errors.

Everything that is known of a framework is in its record, `FRAMEWORK`: argument names, layouts, flips, rules and
readers. The module of each framework has `conv` and `conv_transpose`, `weight`, and `from_layer` if the framework has
layer objects. No framework is ever imported: objects are read by the names of their attributes.

In `comparison`, `compare` makes the same call in all of them, `output_size_options` lists the arguments by which each
gives an output size, and `diagnose` finds from arrays which convention another framework has.
"""

from convmatrix.core.lazy import lazy_modules

__all__ = ["comparison", "jax", "legacy", "onnx", "shared", "tensorflow", "torch"]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
