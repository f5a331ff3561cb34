"""Analysis of the matrices, one subject in each module; the names exported here apply to every layer.

| module | subject |
|---|---|
| `laws` | theorems, checked on drawn numbers; all checks of a layer |
| `findings` | a check and its numbers; whether the transpose undoes a matrix |
| `verdicts` | rank, and whether the transpose undoes the matrix of a layer of any size |
| `factors` | products of simpler matrices |
| `structures` | Toeplitz, circulant, and what breaks them |
| `elimination` | ranks and null spaces |
| `inverse` | images with the same output, pseudo-inverses, true deconvolution |
| `spectral` | singular values, the operator norm, and its common substitutes |
| `stack` | stacks of layers: products, receptive fields, crops, uneven overlap |
"""

from convmatrix.algebra.elimination.ranks import Rank, rank
from convmatrix.algebra.findings import Check, gram_is_identity
from convmatrix.algebra.laws import checks, controls
from convmatrix.algebra.verdicts import Verdict, generic_weight, verdict

__all__ = ["Check", "Rank", "Verdict", "checks", "controls", "generic_weight", "gram_is_identity", "rank", "verdict"]
