"""What a refusal is, and how it counts.

Every refusal of convmatrix is a ``ValueError``, so that one ``except`` catches them all; where Python has a
more telling class, the refusal is that as well.
"""

__all__ = ["SumOverflowError", "TooLargeError", "WrongTypeError", "counted"]


class WrongTypeError(TypeError, ValueError):
    """A value of a kind that cannot be used, such as a float where a size belongs."""


class TooLargeError(MemoryError, ValueError):
    """A result that does not fit into the memory that is available."""


class SumOverflowError(OverflowError, ValueError):
    """Weights that meet on one input and whose sum leaves their integer dtype."""


def counted(number: int, noun: str) -> str:
    """Write a number of things, of a regular noun: one has no plural.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "entry"), counted(2, "entry"), counted(0, "layer")
    ('1 entry', '2 entries', '0 layers')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
