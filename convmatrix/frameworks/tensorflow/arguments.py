"""Checks that tf.nn's functions and Keras' layers share: one integer for each axis, names of paddings, strides."""

from typing import Any

from convmatrix.core.errors import short
from convmatrix.layers.arguments import check_word, entries_of, per_axis

__all__ = ["keras_padding", "one_each", "range_text", "refuse_stride_beside_dilation"]


def one_each(name: str, value: Any, ndim: int, least: int = 1) -> list[int]:
    """Return one integer for each axis, as Keras checks it.

    Parameters
    ----------
    name : str
        What Keras calls the argument.
    value : int or sequence of int
    ndim : int
        Number of axes.
    least : int, default 1
        The smallest number that is allowed.

    Returns
    -------
    list of int
        In the order of the axes.

    Raises
    ------
    ValueError
        If there is another number of entries, or one is too small; a TypeError as well if one is no integer.

    Examples
    --------
    >>> one_each("strides", 2, 3), one_each("strides", (1, 2), 2)
    ([2, 2, 2], [1, 2])
    """
    entries = entries_of(value)
    if entries is not None and len(entries) != ndim:
        raise ValueError(
            f"{name} must be one integer or one for each of {ndim} axes, got {len(entries)}, {short(value)}"
        )
    return per_axis(name, value, ndim, least)


def keras_padding(padding: Any, *, causal: bool = False) -> str:
    """Return the name of a padding in small letters, as Keras checks it.

    Parameters
    ----------
    padding : {"valid", "same", "causal"}
    causal : bool, default False
        Whether causal is allowed.

    Returns
    -------
    str
        One of the three names.

    Raises
    ------
    ValueError
        If it is none of these; a TypeError as well if it is no string.

    Examples
    --------
    >>> keras_padding("SAME")
    'same'
    """
    word = padding.lower() if isinstance(padding, str) else padding
    check_word("padding", word, ("valid", "same", "causal") if causal else ("valid", "same"))
    return str(word)


def refuse_stride_beside_dilation(
    who: str, stride: list[int], dilation: list[int], also: str = "", name: str = "dilations"
) -> None:
    """Check that strides and dilations are not both above 1, on the same axis or not.

    Parameters
    ----------
    who : str
        The function or the layer.
    stride, dilation : list of int
        One number for each axis.
    also : str, optional
        What to advise in place of ones.
    name : str, default "dilations"
        What the call names the dilation.

    Raises
    ------
    ValueError
        If there are both.
    """
    if max(stride) > 1 and max(dilation) > 1:
        raise ValueError(
            f"{who} takes no strides above 1 beside {name} above 1, also not on different axes, got "
            f"strides {tuple(stride)} and {name} {tuple(dilation)}{also or ': give ones for either'}"
        )


def range_text(sizes: range) -> str:
    """Format the first and the last number of a range, for an error message.

    Parameters
    ----------
    sizes : range
        Of at least one number.

    Returns
    -------
    str

    Examples
    --------
    >>> range_text(range(3, 6)), range_text(range(3, 4))
    ('3 to 5', '3')
    """
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
