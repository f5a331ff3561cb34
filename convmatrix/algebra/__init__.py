"""What the matrix teaches, a subject to each module; the names here are those that every layer has a use for.

| module | subject |
|---|---|
| `laws` | theorems and findings as checks with numbers |
| `verdict`, `ranks` | rank, and whether the transpose undoes the matrix |
| `factors` | products of simpler matrices, structure by its name |
| `unseen`, `inverse`, `solve` | null spaces, pseudo-inverses, true deconvolution |
| `spectrum`, `norms` | singular values, the operator norm, and what is taken for it |
| `network`, `receptive`, `checkerboard` | stacks of layers: products, receptive fields, crops, uneven overlap |
"""

from convmatrix.algebra.elimination.ranks import Rank, rank
from convmatrix.algebra.laws import Check, checks, controls, gram_is_identity
from convmatrix.algebra.verdicts import Verdict, generic_weight, verdict

__all__ = ["Check", "Rank", "Verdict", "checks", "controls", "generic_weight", "gram_is_identity", "rank", "verdict"]
