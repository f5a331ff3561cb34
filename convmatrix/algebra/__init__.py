"""Theorems and measurements on the matrix of a layer; each subject has a module or package, and all names are here too.

| module | subject |
|---|---|
| `laws` | theorems, checked on drawn numbers; all checks of a layer |
| `findings` | a check and its numbers; whether the transpose undoes a matrix |
| `verdicts` | rank, and whether the transpose undoes the matrix of a layer of any size |
| `factors` | products of simpler matrices; its names stand there alone |
| `structures` | Toeplitz, circulant, and what breaks them |
| `elimination` | ranks and null spaces |
| `inverse` | pseudo-inverses, least squares, two images with one output |
| `spectral` | singular values, the operator norm, and bounds that are taken for it |
| `stack` | stacks of layers: products, receptive fields, crops, uneven overlap |
"""

from convmatrix.algebra import factors
from convmatrix.algebra.elimination import Rank, null_space, nullity, rank, rank_modulo
from convmatrix.algebra.findings import Check, gram_is_identity
from convmatrix.algebra.inverse import (
    Deconvolution,
    Recovery,
    SameOutput,
    compare_inverses,
    deconvolve,
    pseudo_inverse,
    same_output_pair,
)
from convmatrix.algebra.laws import checks, controls
from convmatrix.algebra.spectral import (
    Estimate,
    Frequencies,
    Norms,
    Spectrum,
    condition_number,
    extreme_singular_values,
    norm_bound,
    norms,
    operator_norm,
    singular_values,
)
from convmatrix.algebra.stack import (
    Checkerboard,
    CoordinateMap,
    Network,
    Overlap,
    ReceptiveField,
    checkerboard,
    coordinate_map,
    crop_offset,
    outputs_without_input,
    overlap,
    overlap_counts,
    receptive_field,
    upsamplers,
)
from convmatrix.algebra.structures import Structure, structure
from convmatrix.algebra.verdicts import Verdict, generic_weight, verdict

__all__ = [
    "Check",
    "Checkerboard",
    "CoordinateMap",
    "Deconvolution",
    "Estimate",
    "Frequencies",
    "Network",
    "Norms",
    "Overlap",
    "Rank",
    "ReceptiveField",
    "Recovery",
    "SameOutput",
    "Spectrum",
    "Structure",
    "Verdict",
    "checkerboard",
    "checks",
    "compare_inverses",
    "condition_number",
    "controls",
    "coordinate_map",
    "crop_offset",
    "deconvolve",
    "extreme_singular_values",
    "factors",
    "generic_weight",
    "gram_is_identity",
    "norm_bound",
    "norms",
    "null_space",
    "nullity",
    "operator_norm",
    "outputs_without_input",
    "overlap",
    "overlap_counts",
    "pseudo_inverse",
    "rank",
    "rank_modulo",
    "receptive_field",
    "same_output_pair",
    "singular_values",
    "structure",
    "upsamplers",
    "verdict",
]


def __dir__() -> list[str]:
    return __all__
