"""JAX and Flax: the words of jax.lax.conv_general_dilated and conv_transpose, and of Flax's Conv and ConvTranspose.

JAX says everything about a direct convolution: both dilations, pads at each end, any layout. Its `conv_transpose` is
one as well: the kernel is turned, and its channels swapped, only by ``transpose_kernel=True``. Pads in numbers are
there what is added to the spread input, but by ``use_consistent_padding=True``. Flax lays out channels last, and knows
borders.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.core.axis import named_padding
from convmatrix.core.errors import WrongTypeError, counted
from convmatrix.frameworks.layouts import array_of, moved, shape_of
from convmatrix.frameworks.loaded import Loaded, attributes_of
from convmatrix.layers import Conv, ConvTranspose, flip
from convmatrix.layers.arguments import PerAxis, entries_of, flag, integer, per_axis, positive

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
    "kernel": "Not turned: cross-correlation. Neither is it by conv_transpose, whose result is the transpose of a "
    "convolution with the kernel turned; with transpose_kernel=True it is that of the convolution itself.",
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
"""What JAX 0.10 and Flax 0.12 mean by the words."""

_NAMES = ("SAME", "SAME_LOWER", "VALID")
"""Paddings that jax.lax.conv_general_dilated knows, in small letters too."""

_FLAX_NAMES = ("CIRCULAR", "REFLECT", "CAUSAL")
"""Paddings that Flax's convolutions know beside these, in capital letters only."""

_BORDERS = {"CIRCULAR": "circular", "REFLECT": "reflect"}

Pairs = list[tuple[int, int]]


# -- jax.lax ---------------------------------------------------------------------------------------------------------


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
) -> Conv:
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

    Returns
    -------
    Conv

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
    """  # noqa: DOC502  raised by the checks
    shapes = _shapes(lhs, rhs, dimension_numbers)
    count = len(shapes.input_size)
    _refuse_batch_groups(batch_group_count)
    groups = positive("feature_group_count", feature_group_count)
    _check_groups(shapes, groups)
    strides = _each("window_strides", window_strides, count)
    spread = _each("lhs_dilation", lhs_dilation, count)
    dilation = _each("rhs_dilation", rhs_dilation, count)
    if isinstance(padding, str):
        spans = _spans(shapes.kernel_size, dilation)
        pads = _named_pads(_name(padding), shapes.input_size, spans, strides, "lhs_dilation", spread)
    else:
        pads = _pairs(padding, count)
    return Conv(shapes.input_size, shapes.kernel_size, stride=strides, padding=pads, dilation=dilation, groups=groups,
                in_channels=shapes.in_channels, out_channels=shapes.first, input_dilation=spread,
                ndim=count)  # fmt: skip


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
) -> Conv | ConvTranspose:
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

    Returns
    -------
    Conv
        Of the spread input, as JAX has it.
    ConvTranspose
        Instead, with transpose_kernel.

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
    turned = flag("transpose_kernel", transpose_kernel)
    consistent = flag("use_consistent_padding", use_consistent_padding)
    takes, gives = (shapes.first, shapes.second) if turned else (shapes.second, shapes.first)
    if takes != shapes.in_channels:
        raise ValueError(
            f"rhs has length {takes} on its axis {'O' if turned else 'I'}, but lhs has {shapes.in_channels} channels: "
            f"with transpose_kernel={turned} the two are the same"
        )
    strides, dilation = _each("strides", strides, count), _each("rhs_dilation", rhs_dilation, count)
    spans = _spans(shapes.kernel_size, dilation)
    pads = _transposed_pads(padding, shapes.input_size, spans, strides, consistent)
    return _transposed_layer(shapes.input_size, shapes.kernel_size, strides, dilation, pads, takes, gives, turned)


def weight(w: ArrayLike, dimension_numbers: Any = None) -> NDArray[Any]:
    """Bring the rhs of jax.lax.conv_general_dilated into the layout of `conv`.

    Parameters
    ----------
    w : array_like
    dimension_numbers : (str, str, str) or ConvDimensionNumbers, optional
        As for `conv`.

    Returns
    -------
    (out_channels, in_channels // groups, *kernel_size) ndarray

    Raises
    ------
    ValueError
        If the dimension numbers are none of an array of so many axes.

    References
    ----------
    .. [1] JAX, documentation of jax.lax.conv_general_dilated.

    Examples
    --------
    >>> weight(np.zeros((3, 5, 1, 2)), ("NHWC", "HWIO", "NHWC")).shape
    (2, 1, 3, 5)
    """  # noqa: DOC502  raised by what both share
    return _laid_out(w, dimension_numbers, channels_last=False)


def weight_transpose(w: ArrayLike, dimension_numbers: Any = None, transpose_kernel: bool = False) -> NDArray[Any]:
    """Bring the rhs of jax.lax.conv_transpose into the layout of `conv_transpose`.

    Parameters
    ----------
    w : array_like
    dimension_numbers : (str, str, str) or ConvDimensionNumbers, optional
        As for `conv_transpose`.
    transpose_kernel : bool, default False
        As for `conv_transpose`. The axes go the same way: what turns the kernel is the layer.

    Returns
    -------
    ndarray
        (out_channels, in_channels, *kernel_size), or with transpose_kernel (in_channels, out_channels, *kernel_size).

    Raises
    ------
    ValueError
        If the dimension numbers are none of an array of so many axes.

    References
    ----------
    .. [1] JAX, documentation of jax.lax.conv_transpose.

    Examples
    --------
    >>> w = np.array([1, 2, 3]).reshape(3, 1, 1)
    >>> conv_transpose((1, 2, 1), w, (1,), "VALID").matrix(weight_transpose(w)).T.toarray()
    array([[3, 2, 1, 0],
           [0, 3, 2, 1]])
    >>> conv_transpose((1, 2, 1), w, (1,), "VALID", transpose_kernel=True).matrix(weight_transpose(w)).T.toarray()
    array([[1, 2, 3, 0],
           [0, 1, 2, 3]])
    """  # noqa: DOC502  raised by what both share
    flag("transpose_kernel", transpose_kernel)
    return _laid_out(w, dimension_numbers, channels_last=True)


# -- Flax ------------------------------------------------------------------------------------------------------------


def flax_conv(
    input_size: PerAxis,
    in_features: int,
    out_features: int,
    kernel_size: PerAxis,
    strides: PerAxis | None = 1,
    *,
    padding: str | int | Sequence[int | tuple[int, int]] = "SAME",
    input_dilation: PerAxis | None = 1,
    kernel_dilation: PerAxis | None = 1,
    feature_group_count: int = 1,
    use_bias: bool = True,
) -> Conv:
    """Make the layer that ``flax.nnx.Conv(in_features, ...)`` is for an input of this size; any number of axes.

    Parameters
    ----------
    input_size : int or sequence of int
        Spatial. One int for all axes, or one for each.
    in_features, out_features : int
    kernel_size : int or sequence of int
        It says how many axes there are; an int is one axis.
    strides, input_dilation, kernel_dilation : int or sequence of int, default 1
        None is 1 as well.
    padding : str, int, or sequence, default "SAME"
        Also ``SAME_LOWER``, ``VALID``, ``CIRCULAR``, ``REFLECT``, ``CAUSAL`` (one axis only); an int for both ends of
        every axis, or for each axis an int or a (low, high) tuple.
    feature_group_count : int, default 1
    use_bias : bool, default True
        Whether there is one; it is no part of the matrix.

    Returns
    -------
    Conv

    Raises
    ------
    ValueError
        Where Flax refuses, on construction or on an input of this size, and where the output is empty; a TypeError as
        well where an argument is of a wrong kind.

    References
    ----------
    .. [1] Flax, documentation of flax.nnx.Conv; flax.linen.Conv has the same words.

    Examples
    --------
    >>> flax_conv(6, 1, 1, (4,), padding="CIRCULAR")
    Conv(input_size=(6,), kernel_size=(4,), padding=((1, 2),), padding_mode='circular')
    """  # noqa: DOC502  raised by the checks
    sizes, kernel = _flax_sizes(input_size, kernel_size)
    strides, dilation = _flax_each("strides", strides, kernel), _flax_each("kernel_dilation", kernel_dilation, kernel)
    spread = _flax_each("input_dilation", input_dilation, kernel)
    spans, mode = _spans(kernel, dilation), "zeros"
    if isinstance(padding, str):
        name = _name(padding, _FLAX_NAMES)
        pads = _named_pads(name, sizes, spans, strides, "input_dilation", spread)
        mode = _BORDERS.get(name, mode)
    else:
        pads = _flax_pads(padding, len(kernel))
    groups = _flax_groups(feature_group_count, in_features, out_features)
    return Conv(sizes, kernel, stride=strides, padding=pads, dilation=dilation, groups=groups, in_channels=in_features,
                out_channels=out_features, padding_mode=mode, input_dilation=spread, ndim=len(kernel))  # fmt: skip


def flax_conv_transpose(
    input_size: PerAxis,
    in_features: int,
    out_features: int,
    kernel_size: PerAxis,
    strides: PerAxis | None = None,
    *,
    padding: str | int | Sequence[int | tuple[int, int]] = "SAME",
    kernel_dilation: PerAxis | None = None,
    use_bias: bool = True,
    transpose_kernel: bool = False,
) -> Conv | ConvTranspose:
    """Make the layer that ``flax.nnx.ConvTranspose(in_features, ...)`` is for an input of this size; 1 to 3 axes.

    Parameters
    ----------
    input_size : int or sequence of int
        Spatial. One int for all axes, or one for each.
    in_features, out_features : int
    kernel_size : int or sequence of int
        It says how many axes there are; an int is one axis.
    strides, kernel_dilation : int or sequence of int, optional
        None is 1.
    padding : str, int, or sequence, default "SAME"
        Also ``VALID`` or ``CIRCULAR``; numbers are added to the spread input, an int to both ends of every axis, or for
        each axis an int or a (low, high) tuple.
    use_bias : bool, default True
        Whether there is one; it is no part of the matrix.
    transpose_kernel : bool, default False
        Turn the kernel, and swap its channels.

    Returns
    -------
    Conv
        Of the spread input.
    ConvTranspose
        Instead, with transpose_kernel, or where the result is wrapped around, with ``CIRCULAR``.

    Raises
    ------
    ValueError
        Where Flax refuses, on construction or on an input of this size, and where the output is empty; a TypeError as
        well where an argument is of a wrong kind.

    References
    ----------
    .. [1] Flax, documentation of flax.nnx.ConvTranspose; flax.linen.ConvTranspose has the same words.

    Examples
    --------
    >>> flax_conv_transpose(3, 1, 1, (3,), (2,), padding="CIRCULAR")
    ConvTranspose(input_size=(3,), kernel_size=(3,), stride=(2,), padding=((0, 1),), padding_mode='circular')
    """
    sizes, kernel = _flax_sizes(input_size, kernel_size)
    if len(kernel) > 3:
        raise ValueError(f"kernel_size has {len(kernel)} entries, one for each axis, but JAX's conv_transpose has "
                         "default layouts for 3 axes at most, and Flax gives it no other: use fewer axes")  # fmt: skip
    strides, dilation = _flax_each("strides", strides, kernel), _flax_each("kernel_dilation", kernel_dilation, kernel)
    spans, turned = _spans(kernel, dilation), flag("transpose_kernel", transpose_kernel)
    if padding == "CIRCULAR":
        return _wrapped_layer(sizes, kernel, strides, dilation, spans, in_features, out_features, turned)
    if isinstance(padding, str) and padding in _FLAX_NAMES:
        raise ValueError(f"padding {padding!r} is none of a transposed convolution in Flax, which knows SAME, VALID "
                         "and CIRCULAR: use one of these, or numbers")  # fmt: skip
    if not isinstance(padding, str):
        padding = _flax_pads(padding, len(kernel))
    pads = _transposed_pads(padding, sizes, spans, strides, False)
    return _transposed_layer(sizes, kernel, strides, dilation, pads, in_features, out_features, turned)


def flax_weight(w: ArrayLike) -> NDArray[Any]:
    """Bring the kernel of flax.nnx.Conv or flax.linen.Conv into the layout of `flax_conv`.

    Parameters
    ----------
    w : (*kernel_size, in_features // feature_group_count, out_features) array_like

    Returns
    -------
    (out_features, in_features // feature_group_count, *kernel_size) ndarray

    Raises
    ------
    ValueError
        If it has not two axes at least.

    References
    ----------
    .. [1] Flax, documentation of flax.nnx.Conv.

    Examples
    --------
    >>> flax_weight(np.zeros((3, 5, 1, 2))).shape
    (2, 1, 3, 5)
    """  # noqa: DOC502  raised by the layouts
    return moved(array_of(w), "*IO", "OI*")


def flax_weight_transpose(
    w: ArrayLike, transpose_kernel: bool = False, padding: str | int | Sequence[int | tuple[int, int]] = "SAME"
) -> NDArray[Any]:
    """Bring the kernel of flax.nnx.ConvTranspose or flax.linen.ConvTranspose into that of `flax_conv_transpose`.

    Parameters
    ----------
    w : array_like
        (*kernel_size, in_features, out_features), or with transpose_kernel (*kernel_size, out_features, in_features).
    transpose_kernel, padding
        As for `flax_conv_transpose`: with ``CIRCULAR`` alone its layer is a `ConvTranspose`, whose windows read the
        kernel turned, and so it is turned once more.

    Returns
    -------
    ndarray
        Of the layer's weight_shape.

    Raises
    ------
    ValueError
        If it has not two axes at least.

    References
    ----------
    .. [1] Flax, documentation of flax.nnx.ConvTranspose.

    Examples
    --------
    >>> w = np.array([1, 2, 3]).reshape(3, 1, 1)
    >>> flax_weight_transpose(w), flax_weight_transpose(w, padding="CIRCULAR")
    (array([[[1, 2, 3]]]), array([[[3, 2, 1]]]))
    """  # noqa: DOC502  raised by the layouts
    if isinstance(padding, str) and padding == "CIRCULAR" and not flag("transpose_kernel", transpose_kernel):
        ours = moved(array_of(w), "*IO", "IO*")
        return flip(ours, ndim=ours.ndim - 2)
    return moved(array_of(w), "*IO", "OI*")


# -- layouts ---------------------------------------------------------------------------------------------------------


class _Shapes(NamedTuple):
    """What both arrays tell, whatever their layouts."""

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
        raise ValueError(f"lhs has shape {data} but rhs {kernel}: JAX needs as many axes in both, "
                         "two of them for batch and channels")  # fmt: skip
    lhs_spec, rhs_spec = _permutations(dimension_numbers, len(data), channels_last)
    for axis in lhs_spec[1:]:
        if data[axis] is None:
            raise ValueError(f"lhs has no length on axis {axis}, but only that of the batch, axis {lhs_spec[0]}, may "
                             "be None: give the others")  # fmt: skip
    _, channels, *sizes = (data[axis] or 0 for axis in lhs_spec)
    first, second, *kernel_size = (kernel[axis] or 0 for axis in rhs_spec)
    return _Shapes(channels, tuple(sizes), first, second, tuple(kernel_size))


def _permutations(numbers: Any, rank: int, channels_last: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the axes (batch, channels, *size) of lhs are, and (O, I, *kernel_size) of rhs."""
    if rank < 2:
        raise ValueError(f"lhs and rhs have {rank} axes in all, but need 2 at least, for batch and channels: add those "
                         "of length 1")  # fmt: skip
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
        raise ValueError(f"lhs has {rank - 2} spatial axes, but jax.lax.conv_transpose has default dimension_numbers "
                         "for 3 at most: give them")  # fmt: skip
    spatial = range(rank - 2)
    return (0, rank - 1, *(axis + 1 for axis in spatial)), (rank - 1, rank - 2, *spatial)


_WHICH = ("lhs_spec", "rhs_spec", "out_spec")


def _places(which: str, spec: Any, rank: int) -> tuple[int, ...]:
    entries = entries_of(spec)
    if entries is None or sorted(integer(f"{which} of dimension_numbers", entry) for entry in entries) != [
        *range(rank)
    ]:
        raise ValueError(f"{which} of dimension_numbers is {spec!r}, but the arrays have {rank} axes: give each of 0 "
                         f"to {rank - 1} once")  # fmt: skip
    return tuple(int(entry) for entry in entries)


def _spelled(numbers: Any, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The same from three words, the axes of rhs in the order of its letters."""
    words = entries_of(numbers)
    if words is None or len(words) != 3 or not all(isinstance(word, str) for word in words):
        raise WrongTypeError(f"dimension_numbers must be three words for lhs, rhs and the output, such as ('NCHW', "
                             f"'OIHW', 'NCHW'), got {numbers!r}")  # fmt: skip
    for which, word, channels in zip(("lhs", "rhs", "the output"), words, ("NC", "OI", "NC"), strict=True):
        if len(word) != rank:
            raise ValueError(f"dimension_numbers say {word!r} of {which}, {counted(len(word), 'letter')}, but the "
                             f"arrays have {rank} axes: give one letter for each")  # fmt: skip
        if not set(channels) <= set(word) or len(set(word)) != rank:
            raise ValueError(f"dimension_numbers say {word!r} of {which}, which needs {channels[0]} and {channels[1]}, "
                             "and no letter twice")  # fmt: skip
    lhs, rhs, out = words
    letters = [letter for letter in rhs if letter not in "OI"]
    if not set(letters) == set(lhs) - set("NC") == set(out) - set("NC"):
        raise ValueError(f"dimension_numbers {tuple(words)} have other letters for the axes of one than of another: "
                         "name the same axes in all three")  # fmt: skip
    return tuple(map(lhs.index, ["N", "C", *letters])), tuple(map(rhs.index, ["O", "I", *letters]))


def _laid_out(w: ArrayLike, dimension_numbers: Any, channels_last: bool) -> NDArray[Any]:
    array = array_of(w)
    _, rhs_spec = _permutations(dimension_numbers, array.ndim, channels_last)
    return array.transpose(rhs_spec)


# -- numbers for each axis -------------------------------------------------------------------------------------------


def _each(name: str, value: Any, count: int) -> list[int]:
    """One integer for each axis, from the sequence that JAX asks for."""
    if value is None and name != "window_strides" and name != "strides":
        return [1] * count
    entries = entries_of(value)
    if entries is None:
        remedy = f": write {(value,) * count}" if isinstance(value, int) else ""
        raise WrongTypeError(f"{name} must be a sequence of one integer for each axis in JAX, got {value!r}{remedy}")
    _check_count(name, entries, count)
    return per_axis(name, entries, count)


def _check_count(name: str, entries: Sequence[Any], count: int) -> None:
    if len(entries) != count:
        raise ValueError(f"{name} has {counted(len(entries), 'entry')}, {tuple(entries)}, but the kernel has "
                         f"{count} {'axis' if count == 1 else 'axes'} of its own: give one for each")  # fmt: skip


def _spans(kernel_size: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """Number of positions from the first tap to the last, k_e."""
    return [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]


def _check_groups(shapes: _Shapes, groups: int) -> None:
    if shapes.in_channels % groups:
        raise ValueError(f"feature_group_count {groups} does not divide the {shapes.in_channels} channels of lhs "
                         f"(remainder {shapes.in_channels % groups}): give a divisor")  # fmt: skip
    if shapes.second != shapes.in_channels // groups:
        raise ValueError(
            f"rhs has length {shapes.second} on its axis I, but lhs has {shapes.in_channels} channels: JAX needs "
            f"{shapes.in_channels // groups} (= {shapes.in_channels} / feature_group_count {groups})"
        )
    if shapes.first % groups:
        raise ValueError(f"rhs has length {shapes.first} on its axis O, which feature_group_count {groups} does not "
                         f"divide (remainder {shapes.first % groups}): give a multiple of {groups}")  # fmt: skip


def _refuse_batch_groups(batch_group_count: Any) -> None:
    count = positive("batch_group_count", batch_group_count)
    if count > 1:
        raise ValueError(
            f"batch_group_count {count} makes one image of {count} of the batch, so that there is no matrix of one "
            f"image: stack the channels of these {count} images, and give feature_group_count={count} instead"
        )


# -- padding ---------------------------------------------------------------------------------------------------------


def _name(padding: str, others: Sequence[str] = ()) -> str:
    """The name of a padding in capital letters, which all but the others need not have."""
    upper = padding.upper()
    if upper in _NAMES:
        return upper
    if padding not in others:
        remedy = f": write {upper!r}, in capital letters" if upper in others else ""
        raise ValueError(f"padding {padding!r} is not one of {', '.join((*_NAMES, *others))}{remedy}")
    return padding


def _named_pads(
    name: str,
    sizes: Sequence[int],
    spans: Sequence[int],
    strides: Sequence[int],
    spread_name: str,
    spread: Sequence[int],
) -> Pairs:
    """What a name pads before and after each axis of an input that is not spread."""
    if name == "CAUSAL" and len(sizes) != 1:
        raise ValueError(f"padding 'CAUSAL' is for one axis in Flax, got {len(sizes)}: give (low, high) pairs")
    for axis, number in enumerate(spread):
        if number != 1:
            raise ValueError(f"padding {name!r} needs {spread_name} 1 in JAX, got {number} on axis {axis}: give the "
                             "padding as (low, high) pairs")  # fmt: skip
    if name in _BORDERS:
        return [((span - 1) // 2, span // 2) for span in spans]
    return [named_padding(name.lower(), *numbers) for numbers in zip(spans, strides, sizes, strict=True)]


def _pairs(padding: Any, count: int) -> Pairs:
    """The pairs of a padding in numbers."""
    entries = entries_of(padding)
    if entries is None:
        raise WrongTypeError(f"padding must be a name or a sequence of (low, high) pairs, one for each axis, in JAX, "
                             f"got {padding!r}")  # fmt: skip
    _check_count("padding", entries, count)
    return [_pair(axis, entry) for axis, entry in enumerate(entries)]


def _pair(axis: int, entry: Any) -> tuple[int, int]:
    ends = entries_of(entry)
    if ends is None or len(ends) != 2:
        remedy = f": write {(entry, entry)}" if isinstance(entry, int) else ""
        raise WrongTypeError(f"padding on axis {axis} must be a (low, high) pair in JAX, got {entry!r}{remedy}")
    return integer(f"padding on axis {axis}, low,", ends[0]), integer(f"padding on axis {axis}, high,", ends[1])


def _transposed_pads(
    padding: Any, sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int], consistent: bool
) -> Pairs:
    """What is added before and after each axis of the spread input."""
    if not isinstance(padding, str):
        pairs = _pairs(padding, len(sizes))
        if not consistent:
            return pairs
        for axis, entry in enumerate(entries_of(padding) or ()):
            if not isinstance(entry, tuple):
                raise WrongTypeError(f"padding on axis {axis} must be a tuple with use_consistent_padding=True in JAX, "
                                     f"got {entry!r}: write {tuple(entry)}")  # fmt: skip
        return [(span - 1 - low, span - 1 - high) for span, (low, high) in zip(spans, pairs, strict=True)]
    if padding in _TRANSPOSED_NAMES:
        return [_TRANSPOSED_NAMES[padding](span, stride) for span, stride in zip(spans, strides, strict=True)]
    if consistent:
        raise ValueError(f"padding {padding!r} is not one of SAME, VALID: jax.lax.conv_transpose with "
                         "use_consistent_padding=True knows these two, in capital letters")  # fmt: skip
    return _named_pads(_name(padding), sizes, spans, [1] * len(sizes), "strides", strides)


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


def _transposed_layer(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    pads: Pairs,
    takes: int,
    gives: int,
    turned: bool,
) -> Conv | ConvTranspose:
    """The convolution of the spread input; with its kernel turned, what it is the transpose of is said instead."""
    if not turned:
        return Conv(sizes, kernel, padding=pads, dilation=dilation, in_channels=takes, out_channels=gives,
                    input_dilation=strides, ndim=len(kernel))  # fmt: skip
    crops = [
        (span - 1 - low, span - 1 - high) for span, (low, high) in zip(_spans(kernel, dilation), pads, strict=True)
    ]
    # What stands beyond the last stamp, up to a stride, is an output_padding, as other frameworks have it.
    extra = [min(max(-after, 0), stride - 1) for (_, after), stride in zip(crops, strides, strict=True)]
    crops = [(before, after + more) for (before, after), more in zip(crops, extra, strict=True)]
    return ConvTranspose(sizes, kernel, stride=strides, padding=crops, dilation=dilation, in_channels=takes,
                         out_channels=gives, output_padding=extra, ndim=len(kernel))  # fmt: skip


def _wrapped_layer(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    spans: Sequence[int],
    takes: int,
    gives: int,
    turned: bool,
) -> ConvTranspose:
    """Flax wraps the result of ``VALID`` around a circle of input_size * stride, which is a border mode's transpose."""
    pads, extra = [], []
    for span, stride in zip(spans, strides, strict=True):
        beyond = max(span - stride, 0)
        less, more = beyond // 2, beyond - beyond // 2
        pads.append((more, less) if turned else (less, more))
        extra.append(max(stride - span, 0))
    return ConvTranspose(sizes, kernel, stride=strides, padding=pads, dilation=dilation, in_channels=takes,
                         out_channels=gives, padding_mode="circular", output_padding=extra,
                         ndim=len(kernel))  # fmt: skip


# -- Flax's arguments ------------------------------------------------------------------------------------------------


def _flax_sizes(input_size: Any, kernel_size: Any) -> tuple[list[int], list[int]]:
    """Input and kernel, which says how many axes there are."""
    entries = entries_of(kernel_size)
    kernel = per_axis("kernel_size", [kernel_size] if entries is None else entries, 0)
    return _flax_each("input_size", input_size, kernel), kernel


def _flax_each(name: str, value: Any, kernel: Sequence[int]) -> list[int]:
    """One integer for each axis, from one for all, or from None."""
    entries = entries_of(value)
    if entries is not None:
        _check_count(name, entries, len(kernel))
    return per_axis(name, 1 if value is None else value, len(kernel))


def _flax_pads(padding: Any, count: int) -> Pairs:
    entries = [padding] * count if isinstance(padding, int) else entries_of(padding)
    if entries is None:
        raise WrongTypeError(f"padding must be a name, an int or a sequence of one entry for each axis in Flax, got "
                             f"{padding!r}")  # fmt: skip
    _check_count("padding", entries, count)
    pairs = []
    for axis, entry in enumerate(entries):
        if not isinstance(entry, int) and not (isinstance(entry, tuple) and len(entry) == 2):
            raise WrongTypeError(f"padding on axis {axis} must be an int or a (low, high) tuple in nnx, got {entry!r}")
        pairs.append(_pair(axis, entry if isinstance(entry, tuple) else (entry, entry)))
    return pairs


def _flax_groups(feature_group_count: Any, in_features: Any, out_features: Any) -> int:
    groups = positive("feature_group_count", feature_group_count)
    for name, value in (("in_features", in_features), ("out_features", out_features)):
        number = positive(name, value)
        if number % groups:
            raise ValueError(f"feature_group_count {groups} does not divide {name} {number} (remainder "
                             f"{number % groups}): give a divisor of both")  # fmt: skip
    return groups


# -- one layer object ------------------------------------------------------------------------------------------------


def from_layer(
    obj: Any,
    input_size: PerAxis,
    variables: Mapping[str, Any] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read a Conv or a ConvTranspose of flax.nnx or flax.linen, by the names of its attributes.

    Parameters
    ----------
    obj : flax.nnx.Module or flax.linen.Module
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each.
    variables : mapping, optional
        For linen, whose modules keep their parameters apart unless they are bound: what ``init`` returned.
    params : mapping, optional
        The same without the name of the collection: its ``kernel`` and its ``bias``.

    Returns
    -------
    Loaded
        Weight, with the mask on it if there is one, and bias are copies, as NumPy arrays.

    Raises
    ------
    ValueError
        If the layer does not take an input of this size, or there are no values for its parameters.
    WrongTypeError
        If it is neither, calls other code than Flax's, or has a kernel for each place: a TypeError as well.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> obj = SimpleNamespace(kernel_size=(2,), strides=1, padding="VALID", input_dilation=1, kernel_dilation=1,
    ...     feature_group_count=1, kernel=np.array([[[1]], [[2]]]), bias=None)
    >>> layer, w, bias = from_layer(obj, 3)
    >>> layer.matrix(w).toarray()
    array([[1, 2, 0],
           [0, 1, 2]])
    """  # noqa: DOC502  raised by the checks
    turns = hasattr(obj, "transpose_kernel")
    own = ("transpose_kernel",) if turns else ("input_dilation", "feature_group_count")
    fields = ("kernel_size", "strides", "padding", "kernel_dilation", *own)
    words = dict(zip(fields, attributes_of(obj, fields, "a Flax convolution"), strict=True))
    _refuse_other_code(obj)
    kernel, bias = _parameters(obj, variables, params)
    _check_kernel(obj, kernel, words["kernel_size"])
    *_, second, first = kernel.shape  # (*kernel_size, I, O)
    if turns:
        turned = words["transpose_kernel"]
        takes, gives = (first, second) if turned else (second, first)
        layer = flax_conv_transpose(input_size, takes, gives, words.pop("kernel_size"), **words)
        ours = flax_weight_transpose(kernel, turned, words["padding"])
    else:
        takes = second * positive("feature_group_count", words["feature_group_count"])
        layer = flax_conv(input_size, takes, first, words.pop("kernel_size"), **words)
        ours = flax_weight(kernel)
    if bias is not None and bias.shape != (layer.out_channels,):
        raise ValueError(f"the bias of {type(obj).__name__} has shape {bias.shape}, but the layer has "
                         f"{layer.out_channels} channels: ({layer.out_channels},) is needed")  # fmt: skip
    return Loaded(layer, ours, bias)


def _refuse_other_code(obj: Any) -> None:
    """Refuse what computes something else from the same attributes."""
    name = type(obj).__name__
    if not getattr(obj, "shared_weights", True):
        raise WrongTypeError(f"{name} has a kernel of its own for each place, and is no convolution: give a Conv")
    convolve = getattr(obj, "conv_general_dilated", None)
    if getattr(obj, "conv_general_dilated_cls", None) is not None or (
        convolve is not None and getattr(convolve, "__name__", "") != "conv_general_dilated"
    ):
        raise WrongTypeError(f"{name} has a conv_general_dilated of its own, which may compute anything: give a layer "
                             "without it")  # fmt: skip
    bases = [cls.__module__.startswith("flax.") for cls in type(obj).__mro__]
    if any(bases) and any("__call__" in vars(cls) for cls in type(obj).__mro__[: bases.index(True)]):
        raise WrongTypeError(
            f"{name} has a __call__ of its own, which may compute anything: give the convolution in it"
        )


def _parameters(
    obj: Any, variables: Mapping[str, Any] | None, params: Mapping[str, Any] | None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Kernel, with its mask on it, and bias."""
    name = type(obj).__name__
    if variables is None and params is None and getattr(obj, "scope", None) is not None:
        variables = obj.variables  # of a module that linen has bound
    if params is None and variables is not None:
        params = variables.get("params", variables)
    if params is None:
        if not hasattr(obj, "kernel"):
            raise ValueError(f"{name} keeps its parameters apart, as linen's modules do: give variables=, what its "
                             "init() returned, too")  # fmt: skip
        params = {"kernel": obj.kernel, "bias": getattr(obj, "bias", None)}
    if "kernel" not in params:
        raise ValueError(f"the parameters of {name} have no 'kernel' among {', '.join(map(repr, params)) or 'them'}: "
                         "give those of this layer alone")  # fmt: skip
    kernel = _values(f"the kernel of {name}", params["kernel"])
    mask = getattr(obj, "mask", None)
    if mask is not None:
        mask = _values(f"the mask of {name}", mask)
        if mask.shape != kernel.shape:
            raise ValueError(
                f"the mask of {name} has shape {mask.shape}, but its kernel {kernel.shape}: Flax needs the same"
            )
        kernel = kernel * mask
    if not getattr(obj, "use_bias", True):
        return kernel, None
    bias = params.get("bias")
    return kernel, None if bias is None else _values(f"the bias of {name}", bias)


def _values(what: str, value: Any) -> NDArray[Any]:
    """A copy of an array that may be in one of Flax's boxes."""
    if hasattr(value, "unbox"):  # linen's, which tell about devices
        value = value.unbox()
    if hasattr(value, "get_value"):  # nnx's variables
        value = value.get_value()
    elif hasattr(value, "value"):  # those of older versions
        value = value.value
    if hasattr(value, "shape") and not hasattr(value, "__array__"):
        raise ValueError(f"{what} has shape {tuple(value.shape)} but no values: initialise it first")
    return np.array(value)


def _check_kernel(obj: Any, kernel: NDArray[Any], kernel_size: Any) -> None:
    entries = entries_of(kernel_size)
    size = (kernel_size,) if entries is None else tuple(entries)
    if kernel.ndim != len(size) + 2 or kernel.shape[:-2] != size:
        raise ValueError(f"the kernel of {type(obj).__name__} has shape {kernel.shape}, but kernel_size {size} needs "
                         "that and two axes of channels behind: give the parameters of this layer")  # fmt: skip
