"""JAX's calls: jax.lax.conv_general_dilated and conv_transpose; of layer objects, Flax's Conv and ConvTranspose.

JAX says everything about a direct convolution: both dilations, pads at each end, any layout. Its `conv_transpose` is
one as well: the kernel is flipped, and its channels swapped, only by ``transpose_kernel=True``. Its pads in numbers are
added to the dilated input, unless ``use_consistent_padding=True``. Flax's layers are in `flax`, and are exported here
as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.jax.flax import (
    flax_conv,
    flax_conv_transpose,
    flax_weight,
    flax_weight_transpose,
    from_layer,
)
from convmatrix.frameworks.jax.paddings import (
    check_count,
    name_of_padding,
    named_pads,
    pairs_of,
    refuse_spread,
    spans_of,
    transposed_layer,
    transposed_pads,
)
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in, weight_of
from convmatrix.frameworks.shared.loading import attributes_of
from convmatrix.layers import Conv, Layer
from convmatrix.layers.arguments import entries_of, flag, integer, per_axis, positive

__all__ = [
    "RULES",
    "conv",
    "conv_transpose",
    "flax_conv",
    "flax_conv_transpose",
    "flax_weight",
    "flax_weight_transpose",
    "from_layer",
    "weight",
    "weight_transpose",
]

RULES: Mapping[str, str] = {
    "data": "(batch, channels, *size) in conv_general_dilated, (batch, *size, channels) in conv_transpose and Flax; "
    "any order by dimension_numbers, whose kernel says which axis is the first (jax.lax.conv_general_dilated).",
    "weight": "(out_channels, in_channels // groups, *kernel_size) in conv_general_dilated, (*kernel_size, in_channels "
    "// groups, out_channels) in Flax (flax.nnx.Conv).",
    "transposed weight": "(*kernel_size, in_channels, out_channels); with transpose_kernel=True (*kernel_size, "
    "out_channels, in_channels), the array of the convolution that is transposed (jax.lax.conv_transpose).",
    "kernel": "Not flipped: cross-correlation. Neither is it by conv_transpose, whose result is the transpose of a "
    "convolution with the kernel flipped; with transpose_kernel=True it is that of the convolution itself.",
    "padding": "A (low, high) pair for each axis, negative ones crop, or a name; Flax also takes one number for both "
    "ends, CIRCULAR and REFLECT with (k_e - 1) // 2 before and k_e // 2 after, and CAUSAL on one axis.",
    "same": "ceil(input_size / stride) outputs, the odd element at the end; SAME_LOWER at the start. Only without "
    "dilation of the input.",
    "transposed padding": "Pairs are added to the spread input, or with use_consistent_padding=True cropped from the "
    "result; of SAME's crop the odd element is at the end. Flax's CIRCULAR wraps the whole result around, the odd "
    "element at the end, or at the start with transpose_kernel=True (flax.nnx.ConvTranspose).",
    "output size": "SAME and CIRCULAR give input_size * stride, VALID (input_size - 1) * stride + max(k_e, stride); no "
    "other one can be asked for but by pairs.",
    "groups": "feature_group_count divides both channel counts, a block of consecutive channels is a group; transposed "
    "layers have none.",
    "refused": "A name of a padding with lhs_dilation, other names than SAME and VALID with strides in conv_transpose, "
    "REFLECT and CAUSAL transposed. Here also what JAX lets pass: an output that is empty since the kernel does not "
    "fit, and batch_group_count, which makes one image of several.",
}
"""Conventions of JAX 0.10 and Flax 0.12."""

_NAMES: Mapping[str, str] = {
    "input_size": "size of lhs",
    "kernel_size": "size of rhs",
    "stride": "window_strides",
    "dilation": "rhs_dilation",
    "input_dilation": "lhs_dilation",
    "groups": "feature_group_count",
}
"""Names of a layer's arguments in jax.lax.conv_general_dilated."""


# -- jax.lax ---------------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer of ``jax.lax.conv_general_dilated``, called with these arguments; any number of axes.

    Parameters
    ----------
    lhs, rhs : array or shape
        The data, whose batch may have any length or None, and the kernel.
    window_strides : sequence of int
        One for each axis, as the next three.
    padding : str or sequence of (low, high)
        ``SAME``, ``SAME_LOWER`` or ``VALID``; negative numbers crop.
    lhs_dilation, rhs_dilation : sequence of int, optional
    dimension_numbers : (str, str, str) or ConvDimensionNumbers, optional
        Layouts of lhs, rhs and the output, such as ``("NHWC", "HWIO", "NHWC")``; without it ``("NCHW", "OIHW",
        "NCHW")``. The layer's axes are in the order of rhs.
    feature_group_count : int, default 1
    batch_group_count : int, default 1
        There is no matrix of one image with another one.
    precision, preferred_element_type, out_sharding
        How JAX computes; not looked at.
    weight : array_like, optional
        The kernel as JAX is given it.

    Returns
    -------
    Conv
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        Where JAX refuses, and where the output is empty; a TypeError as well where an argument is of a wrong kind.

    References
    ----------
    .. [1] JAX, documentation of jax.lax.conv_general_dilated.

    Examples
    --------
    >>> conv((1, 6, 6, 3), (3, 3, 3, 8), (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")).padding
    ((0, 1), (0, 1))
    """
    shapes = _shapes(lhs, rhs, dimension_numbers)
    count = len(shapes.input_size)
    _refuse_batch_groups(batch_group_count)
    groups = positive("feature_group_count", feature_group_count)
    _check_groups(shapes, groups)
    strides = _each("window_strides", window_strides, count)
    spread = _each("lhs_dilation", lhs_dilation, count)
    dilation = _each("rhs_dilation", rhs_dilation, count)
    if isinstance(padding, str):
        spans = spans_of(shapes.kernel_size, dilation)
        name = name_of_padding(padding)
        refuse_spread(name, "lhs_dilation", spread)
        pads = named_pads(name, shapes.input_size, spans, strides)
    else:
        pads = pairs_of(padding, count)
    with argument_names(_NAMES):
        layer = Conv(
            shapes.input_size,
            shapes.kernel_size,
            stride=strides,
            padding=pads,
            dilation=dilation,
            groups=groups,
            in_channels=shapes.in_channels,
            out_channels=shapes.first,
            input_dilation=spread,
            ndim=count,
        )
    return with_weight(layer, weight, _laid_out, dimension_numbers=dimension_numbers, channels_last=False)


@takes_weight
def conv_transpose(
    lhs: Any,
    rhs: Any,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
    *,
    weight: ArrayLike | None = None,
) -> Layer | WithWeight[Layer]:
    """Make the layer of ``jax.lax.conv_transpose``, called with these arguments.

    Parameters
    ----------
    lhs, rhs : array or shape
        The data, whose batch may have any length or None, and the kernel.
    strides : sequence of int
        One for each axis: how far the input is spread.
    padding : str or sequence of (low, high)
        ``SAME`` or ``VALID``, of the convolution that is meant to be transposed. Pairs are added to the spread input.
    rhs_dilation : sequence of int, optional
    dimension_numbers : (str, str, str) or ConvDimensionNumbers, optional
        As for `conv`; without it ``("NHWC", "HWIO", "NHWC")``, for 3 axes at most.
    transpose_kernel : bool, default False
        Turn the kernel, and swap its channels: the letter ``O`` of rhs then stands for the channels of lhs.
    precision, preferred_element_type
        How JAX computes; not looked at.
    use_consistent_padding : bool, default False
        Whether pairs, too, are of the convolution that is meant to be transposed. They are tuples then.
    weight : array_like, optional
        The kernel as JAX is given it.

    Returns
    -------
    Conv
        Of the spread input, as JAX has it.
    ConvTranspose
        Instead, with transpose_kernel.
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight in the layout of the layer.

    Raises
    ------
    ValueError
        Where JAX refuses, and where the output is empty, or there are more pairs than axes, which JAX drops; a
        TypeError as well where an argument is of a wrong kind.

    References
    ----------
    .. [1] JAX, documentation of jax.lax.conv_transpose.

    Examples
    --------
    >>> conv_transpose((1, 3, 1), (3, 1, 1), (2,), "SAME")
    Conv(input_size=(3,), kernel_size=(3,), padding=((2, 1),), input_dilation=(2,))
    >>> conv_transpose((1, 3, 1), (3, 1, 1), (2,), "SAME", transpose_kernel=True)
    ConvTranspose(input_size=(3,), kernel_size=(3,), stride=(2,), padding=((0, 1),))
    """
    shapes = _shapes(lhs, rhs, dimension_numbers, channels_last=True)
    count = len(shapes.input_size)
    flipped = flag("transpose_kernel", transpose_kernel)
    consistent = flag("use_consistent_padding", use_consistent_padding)
    takes, gives = (shapes.first, shapes.second) if flipped else (shapes.second, shapes.first)
    if takes != shapes.in_channels:
        raise ValueError(
            f"rhs has length {takes} on its axis {'O' if flipped else 'I'}, but lhs has "
            f"{pluralize(shapes.in_channels, 'channel')}: with transpose_kernel={flipped} the two are the same"
        )
    strides, dilation = _each("strides", strides, count), _each("rhs_dilation", rhs_dilation, count)
    spans = spans_of(shapes.kernel_size, dilation)
    pads = transposed_pads(padding, shapes.input_size, spans, strides, consistent)
    with argument_names({**_NAMES, "input_dilation": "strides", "stride": "strides"}):
        layer = transposed_layer(shapes.input_size, shapes.kernel_size, strides, dilation, pads, takes, gives, flipped)
    return with_weight(layer, weight, _laid_out, dimension_numbers=dimension_numbers, channels_last=True)


def weight(w: ArrayLike, dimension_numbers: Any = None, *, inverse: bool = False) -> NDArray[Any]:
    """Bring the rhs of jax.lax.conv_general_dilated into the layout of `conv`.

    Parameters
    ----------
    w : array_like
    dimension_numbers : (str, str, str) or ConvDimensionNumbers
        As in the call of JAX, whose default is ``("NCHW", "OIHW", "NCHW")``.
    inverse : bool, default False
        Bring a weight of `conv` into the layout of rhs instead.

    Returns
    -------
    (out_channels, in_channels // groups, *kernel_size) ndarray
        With `inverse`, in the order of rhs.

    Raises
    ------
    ValueError
        If the dimension numbers are not given, or are none of an array of so many axes.

    References
    ----------
    .. [1] JAX, documentation of jax.lax.conv_general_dilated.

    Examples
    --------
    >>> weight(np.zeros((3, 5, 1, 2)), ("NHWC", "HWIO", "NHWC")).shape
    (2, 1, 3, 5)
    """
    _require_numbers(dimension_numbers, "('NCHW', 'OIHW', 'NCHW')", "conv")
    return _laid_out(weight_of(w), dimension_numbers, channels_last=False, inverse=inverse)


def weight_transpose(
    w: ArrayLike, dimension_numbers: Any = None, transpose_kernel: bool = False, *, inverse: bool = False
) -> NDArray[Any]:
    """Bring the rhs of jax.lax.conv_transpose into the layout of `conv_transpose`.

    Parameters
    ----------
    w : array_like
    dimension_numbers : (str, str, str) or ConvDimensionNumbers
        As in the call of JAX, whose default is ``("NHWC", "HWIO", "NHWC")``.
    transpose_kernel : bool, default False
        As for `conv_transpose`. The result does not depend on it: what turns the kernel is the layer.
    inverse : bool, default False
        Bring a weight of `conv_transpose` into the layout of rhs instead.

    Returns
    -------
    ndarray
        (out_channels, in_channels, *kernel_size), or with transpose_kernel (in_channels, out_channels, *kernel_size).
        With `inverse`, in the order of rhs.

    Raises
    ------
    ValueError
        If the dimension numbers are not given, or are none of an array of so many axes.

    References
    ----------
    .. [1] JAX, documentation of jax.lax.conv_transpose.

    Examples
    --------
    >>> w, numbers = np.array([1, 2, 3]).reshape(3, 1, 1), ("NWC", "WIO", "NWC")
    >>> weight = weight_transpose(w, numbers)
    >>> conv_transpose((1, 2, 1), w, (1,), "VALID").matrix(weight).T.toarray()
    array([[3, 2, 1, 0],
           [0, 3, 2, 1]])
    >>> conv_transpose((1, 2, 1), w, (1,), "VALID", transpose_kernel=True).matrix(weight).T.toarray()
    array([[1, 2, 3, 0],
           [0, 1, 2, 3]])
    >>> weight_transpose(weight, numbers, inverse=True).shape
    (3, 1, 1)
    """
    flag("transpose_kernel", transpose_kernel)
    _require_numbers(dimension_numbers, "('NHWC', 'HWIO', 'NHWC')", "conv_transpose")
    return _laid_out(weight_of(w), dimension_numbers, channels_last=True, inverse=inverse)


# -- layouts ---------------------------------------------------------------------------------------------------------


class _Shapes(NamedTuple):
    """Lengths of the axes of both arrays, independent of their layouts."""

    in_channels: int
    input_size: tuple[int, ...]
    first: int
    """Length of the kernel's axis O."""
    second: int
    """Length of the kernel's axis I."""
    kernel_size: tuple[int, ...]


def _shapes(lhs: Any, rhs: Any, dimension_numbers: Any, *, channels_last: bool = False) -> _Shapes:
    data, kernel = shape_of("lhs", lhs, unknown=True), shape_of("rhs", rhs)
    if len(data) != len(kernel):
        raise ValueError(
            f"lhs has shape {data} but rhs {kernel}: JAX needs as many axes in both, two of them for batch and channels"
        )
    lhs_spec, rhs_spec = _permutations(dimension_numbers, len(data), channels_last)
    channels, *sizes = sizes_in("lhs", data, lhs_spec[1:])
    first, second, *kernel_size = sizes_in("rhs", kernel, rhs_spec)
    return _Shapes(channels, tuple(sizes), first, second, tuple(kernel_size))


def _permutations(numbers: Any, rank: int, channels_last: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the positions of the axes (batch, channels, *size) of lhs, and of (O, I, *kernel_size) of rhs."""
    if rank < 2:
        raise ValueError(
            f"lhs and rhs have {rank} axes in all, but need 2 at least, for batch and channels: add those of length 1"
        )
    if numbers is None:
        return _usual_permutations(rank, channels_last)
    if hasattr(numbers, "lhs_spec"):  # a tuple as well, and so looked at first
        specs = attributes_of(numbers, ("lhs_spec", "rhs_spec", "out_spec"), "jax.lax.ConvDimensionNumbers")
        lhs, rhs, _ = (_places(which, spec, rank) for which, spec in zip(_WHICH, specs, strict=True))
        return lhs, rhs
    return _spelled(numbers, rank)


def _usual_permutations(rank: int, channels_last: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if not channels_last:
        return tuple(range(rank)), tuple(range(rank))
    if rank > 5:
        raise ValueError(
            f"lhs has {rank - 2} spatial axes, but jax.lax.conv_transpose has default dimension_numbers "
            "for 3 at most: give them"
        )
    spatial = range(rank - 2)
    return (0, rank - 1, *(axis + 1 for axis in spatial)), (rank - 1, rank - 2, *spatial)


_WHICH = ("lhs_spec", "rhs_spec", "out_spec")


def _places(which: str, spec: Any, rank: int) -> tuple[int, ...]:
    entries = entries_of(spec)
    if entries is None or sorted(integer(f"{which} of dimension_numbers", entry) for entry in entries) != [
        *range(rank)
    ]:
        raise ValueError(
            f"{which} of dimension_numbers is {short(spec)}, but the arrays have {rank} axes: give each "
            f"of 0 to {rank - 1} once"
        )
    return tuple(int(entry) for entry in entries)


def _spelled(numbers: Any, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return these positions for a dimension_numbers of three strings, the spatial axes in the order of rhs."""
    layouts = entries_of(numbers)
    if layouts is None or len(layouts) != 3 or not all(isinstance(layout, str) for layout in layouts):
        raise WrongTypeError(
            f"dimension_numbers must be three words for lhs, rhs and the output, such as ('NCHW', "
            f"'OIHW', 'NCHW'), got {short(numbers)}"
        )
    for which, layout, channels in zip(("lhs", "rhs", "the output"), layouts, ("NC", "OI", "NC"), strict=True):
        if len(layout) != rank:
            raise ValueError(
                f"dimension_numbers say {short(layout)} of {which}, {pluralize(len(layout), 'letter')}, but the "
                f"arrays have {rank} axes: give one letter for each"
            )
        if not set(channels) <= set(layout) or len(set(layout)) != rank:
            raise ValueError(
                f"dimension_numbers say {short(layout)} of {which}, which needs {channels[0]} and "
                f"{channels[1]}, and no letter twice"
            )
    lhs, rhs, out = layouts
    letters = [letter for letter in rhs if letter not in "OI"]
    if not set(letters) == set(lhs) - set("NC") == set(out) - set("NC"):
        raise ValueError(
            f"dimension_numbers {tuple(layouts)} have other letters for the axes of one than of another: "
            "name the same axes in all three"
        )
    return tuple(map(lhs.index, ["N", "C", *letters])), tuple(map(rhs.index, ["O", "I", *letters]))


def _require_numbers(dimension_numbers: Any, default: str, function: str) -> None:
    if dimension_numbers is None:
        raise ValueError(
            f"dimension_numbers are not given, but decide the order of the axes: give them as JAX is "
            f"called ({default} is its default for two axes), or let {function}(..., weight=w) give the "
            "weight beside the layer"
        )


def _laid_out(w: NDArray[Any], dimension_numbers: Any, *, channels_last: bool, inverse: bool = False) -> NDArray[Any]:
    _, rhs_spec = _permutations(dimension_numbers, w.ndim, channels_last)
    return w.transpose(np.argsort(rhs_spec) if flag("inverse", inverse) else rhs_spec)


# -- one number for each axis ----------------------------------------------------------------------------------------


def _each(name: str, value: Any, count: int) -> list[int]:
    """Return one integer for each axis from a sequence, which JAX requires."""
    if value is None and name != "window_strides" and name != "strides":
        return [1] * count
    entries = entries_of(value)
    if entries is None:
        remedy = f": write {short((value,) * count)}" if type(value) is int and value > 0 else ""
        raise WrongTypeError(
            f"{name} must be a sequence of one integer for each axis in JAX, got {short(value)}{remedy}"
        )
    check_count(name, entries, count)
    return per_axis(name, entries, count)


# -- groups ----------------------------------------------------------------------------------------------------------


def _check_groups(shapes: _Shapes, groups: int) -> None:
    if shapes.in_channels % groups:
        raise ValueError(
            f"feature_group_count {groups} does not divide the {shapes.in_channels} channels of lhs "
            f"(remainder {shapes.in_channels % groups}): give a divisor"
        )
    if shapes.second != shapes.in_channels // groups:
        raise ValueError(
            f"rhs has length {shapes.second} on its axis I, but lhs has "
            f"{pluralize(shapes.in_channels, 'channel')}: JAX "
            f"needs {shapes.in_channels // groups} (= {shapes.in_channels} / feature_group_count {groups})"
        )
    if shapes.first % groups:
        raise ValueError(
            f"rhs has length {shapes.first} on its axis O, which feature_group_count {groups} does not "
            f"divide (remainder {shapes.first % groups}): give a multiple of {groups}"
        )


def _refuse_batch_groups(batch_group_count: Any) -> None:
    count = positive("batch_group_count", batch_group_count)
    if count > 1:
        raise ValueError(
            f"batch_group_count {count} makes one image of {count} of the batch, so that there is no matrix of one "
            f"image: stack the channels of these {count} images, and give feature_group_count={count} instead"
        )
