"""What a refusal is.

Every refusal of convmatrix is a ``ValueError``, so that one ``except`` catches them all; where Python has a
more telling class, the refusal is that as well.
"""

__all__ = ["SumOverflowError", "TooLargeError", "WrongTypeError"]


class WrongTypeError(TypeError, ValueError):
    """A value of a kind that cannot be used, such as a float where a size belongs."""


class TooLargeError(MemoryError, ValueError):
    """A result that does not fit into the memory that is available."""


class SumOverflowError(OverflowError, ValueError):
    """Weights that meet on one input and whose sum leaves their integer dtype."""
