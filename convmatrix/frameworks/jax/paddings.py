"""Conversion of JAX's paddings to numbers for each axis, and transposed layers; shared by JAX and Flax.

A padding, by name or in pairs, becomes the pads before and after each axis, of a convolution or of a transposed one. A
transposed layer is a convolution of the dilated input, or with a flipped kernel a `ConvTranspose`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convmatrix.core.axis import named_padding
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import entries_of, integer

__all__ = [
    "Pairs",
    "check_count",
    "name_of_padding",
    "named_pads",
    "pair_of",
    "pairs_of",
    "refuse_spread",
    "spans_of",
    "transposed_layer",
    "transposed_pads",
]

Pairs = list[tuple[int, int]]

_NAMES = ("SAME", "SAME_LOWER", "VALID")
"""Paddings that jax.lax.conv_general_dilated accepts, in small letters too."""


# -- one for each axis -----------------------------------------------------------------------------------------------


def check_count(name: str, entries: Sequence[Any], count: int) -> None:
    """Check that a sequence has one entry for each axis."""
    if len(entries) != count:
        raise ValueError(
            f"{name} has {pluralize(len(entries), 'entry')}, {short(tuple(entries))}, but the kernel has "
            f"{count} spatial {'axis' if count == 1 else 'axes'}: give one for each"
        )


def spans_of(kernel_size: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """Number of positions from the first tap to the last, k_e."""
    return [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]


# -- padding ---------------------------------------------------------------------------------------------------------


def name_of_padding(padding: str, others: Sequence[str] = ()) -> str:
    """Return the name of a padding in capital letters; JAX's names may have small letters.

    Parameters
    ----------
    padding : str
    others : sequence of str, optional
        Names that may stand beside JAX's, in capital letters only.

    Returns
    -------
    str
        In the spelling of JAX.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    upper = padding.upper()
    if upper in _NAMES:
        return upper
    if padding not in others:
        remedy = f": write {upper!r}, in capital letters" if upper in others else ""
        raise ValueError(f"padding {short(padding)} is not one of {', '.join((*_NAMES, *others))}{remedy}")
    return padding


def refuse_spread(name: str, word: str, spread: Sequence[int]) -> None:
    """Check that an input with a padding given by name is not dilated; `word` is the argument with the dilation."""
    for axis, number in enumerate(spread):
        if number != 1:
            raise ValueError(
                f"padding {short(name)} needs {word} 1 in JAX, got {number} on axis {axis}: give the "
                "padding as (low, high) pairs"
            )


def named_pads(name: str, sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int]) -> Pairs:
    """Return the pads before and after each axis for the name of a padding; the input is not dilated."""
    return [named_padding(name.lower(), *numbers) for numbers in zip(spans, strides, sizes, strict=True)]


def pairs_of(padding: Any, count: int) -> Pairs:
    """Return the pairs of a padding in numbers."""
    entries = entries_of(padding)
    if entries is None:
        raise WrongTypeError(
            f"padding must be a name or a sequence of (low, high) pairs, one for each axis, in JAX, "
            f"got {short(padding)}"
        )
    check_count("padding", entries, count)
    return [pair_of(axis, entry) for axis, entry in enumerate(entries)]


def pair_of(axis: int, entry: Any) -> tuple[int, int]:
    """Return the (low, high) padding of one axis."""
    ends = entries_of(entry)
    if ends is None or len(ends) != 2:
        remedy = f": write {(entry, entry)}" if type(entry) is int else ""
        raise WrongTypeError(f"padding on axis {axis} must be a (low, high) pair in JAX, got {short(entry)}{remedy}")
    return integer(f"padding on axis {axis}, low,", ends[0]), integer(f"padding on axis {axis}, high,", ends[1])


def transposed_pads(
    padding: Any, sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int], consistent: bool
) -> Pairs:
    """Return the pads before and after each axis of the dilated input.

    Parameters
    ----------
    padding : str or sequence of (low, high)
    sizes, spans, strides : sequence of int
    consistent : bool
        Whether pairs are the padding of the convolution whose transpose the layer is.

    Returns
    -------
    list of (int, int)
        The pads of the spread input, (low, high) for each axis.

    Raises
    ------
    ValueError
        If a name is none of JAX's, or one that it refuses with strides, or there is not one pair for each axis, or the
        output is empty.
    WrongTypeError
        If something else stands for a pair, or a consistent one is no tuple: a TypeError as well.
    """
    if not isinstance(padding, str):
        pairs = pairs_of(padding, len(sizes))
        for axis, entry in enumerate(entries_of(padding) or ()):
            if consistent and not isinstance(entry, tuple):
                raise WrongTypeError(
                    f"padding on axis {axis} must be a tuple with use_consistent_padding=True in JAX, "
                    f"got {short(entry)}: write {tuple(entry)}"
                )
        for axis, numbers in enumerate(zip(sizes, spans, strides, pairs, strict=True)):
            _refuse_empty(axis, *numbers, consistent)
        if not consistent:
            return pairs
        return [(span - 1 - low, span - 1 - high) for span, (low, high) in zip(spans, pairs, strict=True)]
    if padding in _TRANSPOSED_NAMES:
        return [_TRANSPOSED_NAMES[padding](span, stride) for span, stride in zip(spans, strides, strict=True)]
    if consistent:
        raise ValueError(
            f"padding {short(padding)} is not one of SAME, VALID: jax.lax.conv_transpose with "
            "use_consistent_padding=True knows these two, in capital letters"
        )
    name = name_of_padding(padding)
    refuse_spread(name, "strides", strides)
    return named_pads(name, sizes, spans, [1] * len(sizes))


def _refuse_empty(axis: int, size: int, span: int, stride: int, pair: tuple[int, int], consistent: bool) -> None:
    """Check that the pads of a transposed layer do not leave an empty output."""
    (low, high), spread = pair, (size - 1) * stride + 1
    outputs = spread + span - 1 - low - high if consistent else spread + low + high - span + 1
    if outputs >= 1:
        return
    full = f"strides {stride} * (size of lhs {size} - 1) + 1"
    if consistent:
        raise ValueError(
            f"output is empty on axis {axis}: its size would be {outputs} (= {full} + {span - 1} - padding {low} - "
            f"{high}, where the kernel spans {span}); reduce the padding by {1 - outputs}"
        )
    raise ValueError(
        f"kernel does not fit on axis {axis}: it spans {span} but the spread and padded input has {spread + low + high}"
        f" (= {full} + padding {low} + {high}); add {1 - outputs} to the padding"
    )


def _transposed_same(span: int, stride: int) -> tuple[int, int]:
    total = span + stride - 2
    low = span - 1 if stride >= span else total - total // 2
    return low, total - low


def _transposed_valid(span: int, stride: int) -> tuple[int, int]:
    return span - 1, max(span, stride) - 1


_TRANSPOSED_NAMES: Mapping[str, Callable[[int, int], tuple[int, int]]] = {
    "SAME": _transposed_same,
    "VALID": _transposed_valid,
}


# -- transposed layers -----------------------------------------------------------------------------------------------


def transposed_layer(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    pads: Pairs,
    takes: int,
    gives: int,
    flipped: bool,
) -> Layer:
    """Make the convolution of the dilated input, or the `ConvTranspose` if the kernel is flipped.

    Parameters
    ----------
    sizes, kernel, strides, dilation : sequence of int
    pads : list of (int, int)
        Pads of the dilated input.
    takes, gives : int
        Channels.
    flipped : bool

    Returns
    -------
    Conv
        If the kernel is not flipped.
    ConvTranspose
        If it is.
    """
    if not flipped:
        return Conv(
            sizes,
            kernel,
            padding=pads,
            dilation=dilation,
            in_channels=takes,
            out_channels=gives,
            input_dilation=strides,
            ndim=len(kernel),
        )
    crops = [
        (span - 1 - low, span - 1 - high) for span, (low, high) in zip(spans_of(kernel, dilation), pads, strict=True)
    ]
    # Elements after the last window, fewer than a stride, are an output_padding, as in other frameworks.
    extra = [min(max(-after, 0), stride - 1) for (_, after), stride in zip(crops, strides, strict=True)]
    crops = [(before, after + more) for (before, after), more in zip(crops, extra, strict=True)]
    return ConvTranspose(
        sizes,
        kernel,
        stride=strides,
        padding=crops,
        dilation=dilation,
        in_channels=takes,
        out_channels=gives,
        output_padding=extra,
        ndim=len(kernel),
    )
