"""Inverse problems: pseudo-inverses, least squares, and different images with the same output."""

from convmatrix.algebra.inverse.inverses import Recovery, compare_inverses, pseudo_inverse
from convmatrix.algebra.inverse.least_squares import Deconvolution, deconvolve
from convmatrix.algebra.inverse.same_output import SameOutput, same_output_pair

__all__ = [
    "Deconvolution",
    "Recovery",
    "SameOutput",
    "compare_inverses",
    "deconvolve",
    "pseudo_inverse",
    "same_output_pair",
]


def __dir__() -> list[str]:
    return __all__
