"""JAX's calls: jax.lax.conv_general_dilated and conv_transpose.

JAX says everything about a direct convolution: both dilations, pads at each end, any layout. Its `conv_transpose` is
one as well: the kernel is flipped, and its channels swapped, only by ``transpose_kernel=True``. Its pads in numbers are
added to the dilated input, unless ``use_consistent_padding=True``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from convmatrix.core.errors import WrongTypeError, pluralize, short
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
from convmatrix.frameworks.shared.arguments import entries_for_axes
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in
from convmatrix.frameworks.shared.loading import attributes_of
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Conv, Layer
from convmatrix.layers.arguments import entries_of, flag, integer, per_axis, positive

__all__ = ["conv", "conv_transpose", "rhs_layout"]

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
        With `weight`, the pair of the layer and rhs in its layout.

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
    return with_weight(layer, weight, rhs_layout(dimension_numbers, count + 2))


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
        With `weight`, the pair of the layer and rhs of the transposed call in its layout.

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
    return with_weight(layer, weight, rhs_layout(dimension_numbers, count + 2, channels_last=True))


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


def rhs_layout(dimension_numbers: Any, rank: int, *, channels_last: bool = False) -> WeightLayout:
    """Return the layout of rhs, whose spatial axes are in the order of the kernel.

    Parameters
    ----------
    dimension_numbers : (str, str, str), ConvDimensionNumbers or None
    rank : int
        Number of all axes.
    channels_last : bool, default False
        Whether the default is that of jax.lax.conv_transpose.

    Returns
    -------
    WeightLayout
        With a letter for each axis of rhs.

    Raises
    ------
    ValueError
        If the dimension numbers are none of arrays with so many axes; also a TypeError if they are no strings.

    Examples
    --------
    >>> rhs_layout(("NHWC", "HWIO", "NHWC"), 4)
    WeightLayout(axes='abIO', layer='OIab', flipped=False, in_channels=None)
    """
    _, rhs_spec = _permutations(dimension_numbers, rank, channels_last)
    layer = "OI" + "".join(chr(ord("a") + axis) for axis in range(rank - 2))
    axes = dict(zip(rhs_spec, layer, strict=True))
    return WeightLayout("".join(axes[place] for place in range(rank)), layer)


# -- one number for each axis ----------------------------------------------------------------------------------------


def _each(name: str, value: Any, count: int) -> list[int]:
    """Return one integer for each axis from a sequence, which JAX requires."""
    if value is None and name != "window_strides" and name != "strides":
        return [1] * count
    entries = entries_for_axes(name, value, count, "be a sequence of one integer for each axis in JAX")
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
