"""What the matrix teaches: laws and findings, rank, and whether the transpose is an inverse."""

from convmatrix.algebra.inverse import Rank, rank
from convmatrix.algebra.laws import Check, checks, controls, gram_is_identity
from convmatrix.algebra.verdict import Verdict, generic_weight, verdict

__all__ = ["Check", "Rank", "Verdict", "checks", "controls", "generic_weight", "gram_is_identity", "rank", "verdict"]
