"""Conversion of ONNX's attributes of convolutions and pools to one number for each axis."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from convmatrix.core.axis import split_same
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.layers.arguments import check_word, entries_of, integer

__all__ = ["AUTO_PADS", "NAMES", "columns_of", "name_of_pads", "numbers_of", "pads_of", "shortened", "split"]

AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")

NAMES: Mapping[str, str] = {
    "input_size": "size of X",
    "output_size": "output_shape",
    "kernel_size": "kernel_shape",
    "stride": "strides",
    "padding": "pads",
    "padding_mode": "mode",
    "dilation": "dilations",
    "groups": "group",
    "in_channels": "C",
    "out_channels": "M",
    "factor #": "blocksize",
    "scale on": "scales on",
}
"""Names of a layer's arguments in ONNX."""

_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = 16
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 80
_MOST_LETTERS = 400
"""Limit of the length of a value in an error message, enough for 16 integers of 64 bits."""


def shortened(value: Any) -> str:
    """Return a shortened repr of a value from a file, which may have any length, for an error message.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        On one line.

    Examples
    --------
    >>> print(shortened("w"), shortened([7] * 1000))
    'w' [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, ...]
    """
    text = " ".join(_REPR.repr(value).split())
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 23]}...{text[-20:]}"


def name_of_pads(auto_pad: Any, pads: Any) -> str:
    """Return the name in auto_pad, which is bytes in a node, if it is compatible with the pads.

    Parameters
    ----------
    auto_pad : str or bytes
    pads : sequence of int or None

    Returns
    -------
    str
        NOTSET where there is none.

    Raises
    ------
    ValueError
        If the name is none of ONNX's, or stands beside pads.
    """
    name = auto_pad.decode("utf-8", "replace") if isinstance(auto_pad, bytes) else auto_pad
    check_word("auto_pad", name, AUTO_PADS)
    if name != "NOTSET" and pads is not None:
        raise ValueError(
            f"pads {_pads_text(pads)} cannot stand beside auto_pad {short(name)}, which decides them: leave "
            "one of the two out"
        )
    return str(name)


def numbers_of(name: str, value: Any, count: int, *, least: int, default: int = 1) -> list[int]:
    """Return the entries of an attribute that has one for each axis.

    Parameters
    ----------
    name : str
    value : sequence of int or None
    count : int
        How many entries there must be.
    least : int
        The smallest number that is allowed.
    default : int, default 1
        What stands for an attribute that is not there.

    Returns
    -------
    list of int

    Raises
    ------
    WrongTypeError
        If it is no sequence, or an entry no integer; also a TypeError.
    ValueError
        If there are more or fewer entries than axes, or one is too small.
    """
    if value is None:
        return [default] * count
    entries = entries_of(value)
    if entries is None:
        raise WrongTypeError(
            f"{name} must have one entry for each axis, got {shortened(value)}: write "
            f"{shortened([value] * count)} for the same on all"
        )
    if len(entries) != count:
        axes = f"{count} (a begin for each axis, then an end for each)" if name == "pads" else f"{count}, one each axis"
        raise ValueError(f"{name} has {pluralize(len(entries), 'entry')}, {_pads_text(entries)}, but needs {axes}")
    numbers = [integer(f"{name}, entry {place},", entry) for place, entry in enumerate(entries)]
    for place, number in enumerate(numbers):
        if number < least:
            crops = "; crop by a Pad or Slice before" if name == "pads" else ""
            raise ValueError(f"{name}, entry {place}, must be at least {least}, got {number}{crops}")
    return numbers


def columns_of(kernel: Sequence[int], strides: Any, dilations: Any) -> Mapping[str, list[int]]:
    """Return strides, dilations, and the number of positions that the kernel spans, for each axis.

    Parameters
    ----------
    kernel : sequence of int
    strides, dilations : sequence of int or None

    Returns
    -------
    mapping
        Lists named stride, dilation and span.

    Raises
    ------
    ValueError
        If they do not have one number of at least 1 for each axis.
    """
    stride = numbers_of("strides", strides, len(kernel), least=1)
    dilation = numbers_of("dilations", dilations, len(kernel), least=1)
    span = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    return {"stride": stride, "dilation": dilation, "span": span}


def pads_of(
    auto_pad: Any, pads: Any, sizes: Sequence[int], columns: Mapping[str, Sequence[int]]
) -> list[tuple[int, int]]:
    """Return the pads (before, after) of each axis of a convolution or a pool.

    Parameters
    ----------
    auto_pad : str or bytes
    pads : sequence of int or None
        All begins, then all ends.
    sizes : sequence of int
        Of the input.
    columns : mapping
        As `columns_of` gives them.

    Returns
    -------
    list of (int, int)
        Of each axis, (begin, end).

    Raises
    ------
    ValueError
        If the pads are not numbers of at least 0, two for each axis, or stand beside a name.
    """
    name = name_of_pads(auto_pad, pads)
    count = len(sizes)
    if name in ("NOTSET", "VALID"):
        numbers = numbers_of("pads", pads, 2 * count, least=0, default=0)
        return list(zip(numbers[:count], numbers[count:], strict=True))
    totals = [
        max((-(-n // s) - 1) * s + span - n, 0)
        for n, s, span in zip(sizes, columns["stride"], columns["span"], strict=True)
    ]
    return [split(name, total) for total in totals]


def split(name: str, total: int) -> tuple[int, int]:
    """Split a total padding into (before, after): the larger part at the start, but at the end for SAME_UPPER.

    Parameters
    ----------
    name : str
        One of `AUTO_PADS`.
    total : int
        A negative one is split likewise: -1 is (-1, 0) for SAME_UPPER, whose end is the larger part, and else (0, -1).

    Returns
    -------
    tuple of int
    """
    return split_same(total, lower=name != "SAME_UPPER")


def _pads_text(pads: Any) -> str:
    entries = entries_of(pads)
    return shortened(pads if entries is None else entries)
