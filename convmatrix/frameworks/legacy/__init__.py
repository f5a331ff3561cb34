"""Frameworks that are no longer developed, but still in use: Theano, MXNet, Caffe."""

from convmatrix.core.lazy import lazy_modules

__all__ = ["caffe", "mxnet", "theano"]

__getattr__ = lazy_modules(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
