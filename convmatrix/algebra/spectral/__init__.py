"""Singular values of convolutions: from blocks of frequencies where these exist, else by Lanczos' method; norms."""

from convmatrix.algebra.spectral.frequencies import Frequencies
from convmatrix.algebra.spectral.norm_bounds import Estimate, Norms, norm_bound, norms
from convmatrix.algebra.spectral.spectrum import (
    Spectrum,
    condition_number,
    extreme_singular_values,
    operator_norm,
    singular_values,
)

__all__ = [
    "Estimate",
    "Frequencies",
    "Norms",
    "Spectrum",
    "condition_number",
    "extreme_singular_values",
    "norm_bound",
    "norms",
    "operator_norm",
    "singular_values",
]


def __dir__() -> list[str]:
    return __all__
