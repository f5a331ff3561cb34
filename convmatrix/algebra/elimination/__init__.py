"""Ranks and null spaces, by elimination: exact for integers."""

from convmatrix.algebra.elimination.null_spaces import null_space
from convmatrix.algebra.elimination.ranks import Rank, nullity, rank, rank_modulo

__all__ = ["Rank", "null_space", "nullity", "rank", "rank_modulo"]


def __dir__() -> list[str]:
    return __all__
