"""Theano, by its successor aesara: conv2d, conv3d and their gradients with respect to the input.

Filters are flipped before they slide over the input (``filter_flip=True``), which makes it a true convolution. A
transposed layer is the gradient of a convolution, and the input size of that convolution is a required argument.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from convmatrix.core.axis import Axis, input_sizes, named_padding
from convmatrix.core.errors import WrongTypeError, pluralize, short, shortened
from convmatrix.frameworks.shared.arguments import entries_for_axes
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, flag, integer, per_axis, positive
from convmatrix.layers.resolve import check_fit

__all__ = ["causal_conv1d", "conv", "conv_transpose", "deconvolution_layer", "filters_layout"]

BORDER_MODES = ("valid", "half", "full")

_NAMES: Mapping[str, str] = {
    "input_size": "input_shape",
    "kernel_size": "filter_shape",
    "stride": "subsample",
    "padding": "border_mode",
    "dilation": "filter_dilation",
    "groups": "num_groups",
}
"""Names of a layer's arguments in Theano."""

_NAMES_OF_A_GRADIENT: Mapping[str, str] = {
    **_NAMES,
    "input_size": "output_grad",
    "output_size": "input_shape",
    "kernel_size": "filters",
}


# -- convolutions ----------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    input_shape: Any,
    filter_shape: Any,
    border_mode: Any = "valid",
    subsample: Sequence[int] | None = None,
    filter_flip: bool = True,
    filter_dilation: Sequence[int] | None = None,
    num_groups: int = 1,
    unshared: bool = False,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer that ``theano.tensor.nnet.conv2d`` or ``conv3d`` is for this input and these filters.

    Parameters
    ----------
    input_shape : (batch, channels, *size) array or shape
        The batch may be None.
    filter_shape : (output channels, channels // num_groups, *filter size) array or shape
    border_mode : str, int or tuple, default "valid"
        ``valid``, ``half``, ``full``, an integer, or a tuple with an integer for each axis; in 2-D a (before, after)
        pair too.
    subsample, filter_dilation : sequence of int, optional
        Stride and dilation, an integer for each axis; Theano's default of ones.
    filter_flip : bool, default True
        Flips the filters, which are the weight; the layer does not depend on it.
    num_groups : int, default 1
    unshared : bool, default False
        True is refused: each output would have filters of its own.
    weight : filter_shape array_like, optional
        The filters as Theano is given them.

    Returns
    -------
    Conv
    WithWeight
        Instead, with `weight`: the pair (layer, weight), the weight flipped as the layer needs it.

    Raises
    ------
    ValueError
        Where Theano refuses, and where the output would be empty, which it lets pass; a TypeError as well where an
        argument is of a wrong kind.

    References
    ----------
    .. [1] Theano, documentation of theano.tensor.nnet.conv2d and conv3d.

    Examples
    --------
    >>> conv((1, 1, 5, 5), (1, 1, 2, 3), border_mode="half").padding
    ((1, 1), (1, 1))
    >>> layer, w = conv((1, 1, 1, 3), (1, 1, 1, 2), weight=[[[[1, 2]]]])
    >>> layer.matrix(w).toarray()
    array([[2, 1, 0],
           [0, 2, 1]])
    """
    _check_switches(filter_flip, unshared)
    data, filters = _shape("input_shape", input_shape), _shape("filter_shape", filter_shape)
    axes = _axes(data, filters, "input_shape", subsample, filter_dilation)
    groups = _checked_groups("input_shape", data[1], filters, num_groups)
    pads = _pads(border_mode, axes)
    with argument_names(_NAMES):
        layer = Conv(**_numbers(axes), padding=pads, groups=groups, in_channels=data[1], out_channels=filters[0])
    return with_weight(layer, weight, filters_layout(filter_flip))


@takes_weight
def conv_transpose(
    output_grad: Any,
    filters: Any,
    input_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] | None = None,
    filter_flip: bool = True,
    filter_dilation: Sequence[int] | None = None,
    num_groups: int = 1,
    unshared: bool = False,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer that ``conv2d_grad_wrt_inputs`` or ``conv3d_grad_wrt_inputs`` is, a gradient.

    All arguments are those of the convolution whose gradient it is, whose output has the shape of `output_grad`.

    Parameters
    ----------
    output_grad : (batch, channels, *size) array or shape
        What the layer takes. The batch may be None.
    filters : (channels of output_grad, channels // num_groups, *filter size) array or shape
    input_shape : (batch, channels, *size) sequence of int
        What the layer gives; batch and channels may be None. The channels are not looked at, as in Theano: they are
        those that the filters tell.
    filter_shape : sequence of int, optional
        A hint, whose entries are not looked at, as in Theano without its option conv.assert_shape.
    border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
        As for `conv`.
    weight : array_like, optional
        The filters as Theano is given them.

    Returns
    -------
    ConvTranspose
    WithWeight
        With `weight`, the pair of the layer and the filters of the gradient, flipped where it needs it.

    Raises
    ------
    ValueError
        Where Theano refuses, above all an `input_shape` that the convolution does not map to `output_grad`; a
        TypeError as well where an argument is of a wrong kind.

    References
    ----------
    .. [1] Theano, documentation of theano.tensor.nnet.abstract_conv.conv2d_grad_wrt_inputs.

    Examples
    --------
    >>> words = {"border_mode": (1, 1), "subsample": (2, 2)}
    >>> conv_transpose((1, 1, 3, 3), (1, 1, 3, 3), (1, 1, 6, 5), **words).output_size
    (6, 5)
    """
    _check_switches(filter_flip, unshared)
    grad, kernels = _shape("output_grad", output_grad), _shape("filters", filters)
    axes = _axes(grad, kernels, "output_grad", subsample, filter_dilation)
    _check_hint(filter_shape, kernels)
    if grad[1] != kernels[0]:
        raise ValueError(
            f"output_grad has {pluralize(grad[1], 'channel')} but filters, of shape {kernels}, give "
            f"{kernels[0]}: their first axis is that of the channels of output_grad"
        )
    groups = check_groups("num_groups", num_groups, {"the channels of output_grad": grad[1]})
    channels = kernels[1] * groups
    pads = _pads(border_mode, axes)
    sizes = _wanted_sizes(input_shape, grad)
    for number, (axis, pair, size) in enumerate(zip(axes, pads, sizes, strict=True)):
        _check_size(number, axis, pair, size)
    with argument_names(_NAMES_OF_A_GRADIENT):
        layer = ConvTranspose(
            **_numbers(axes), padding=pads, groups=groups, in_channels=grad[1], out_channels=channels, output_size=sizes
        )
    return with_weight(layer, weight, filters_layout(filter_flip, transpose=True))


@takes_weight
def deconvolution_layer(
    input_shape: Any,
    filter_shape: Any,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    filter_flip: bool = True,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the "deconvolution layer" that is often written with `conv_transpose`, of size o = s * (i - 1) + k - 2 * p.

    Of the sizes that the convolution maps to the layer's input it takes the smallest, and leaves the others out.

    Parameters
    ----------
    input_shape : (batch, channels, *size) array or shape
        What the layer takes.
    filter_shape : (channels, output channels, *filter size) array or shape
    stride, padding : int or sequence of int
        `subsample` and `border_mode` of the convolution.
    filter_flip : bool, default True
    weight : filter_shape array_like, optional
        The filters as Theano is given them.

    Returns
    -------
    ConvTranspose
    WithWeight
        With `weight`, the pair of the layer and the filters of a deconvolution layer, flipped where it needs it.

    Raises
    ------
    ValueError
        Where `conv_transpose` refuses, or where nothing is left of the output.

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, relationship 13.

    Examples
    --------
    >>> deconvolution_layer((1, 1, 3, 3), (1, 1, 3, 3), stride=2, padding=1).output_size
    (5, 5)
    """
    data, filters = _shape("input_shape", input_shape), _shape("filter_shape", filter_shape)
    axes = _axes(data, filters, "input_shape", None, None)
    strides = per_axis("stride", stride, len(axes))
    pads = per_axis("padding", padding, len(axes), least=0)
    _check_counts({"stride": strides, "padding": pads}, len(axes))
    sizes = []
    for number, (axis, s, p) in enumerate(zip(axes, strides, pads, strict=True)):
        size = s * (axis.input_size - 1) + axis.kernel_size - 2 * p
        if size < 1:
            raise ValueError(
                f"output is empty on axis {number}: its size would be {size} (= stride {s} * (input_shape "
                f"{axis.input_size} - 1) + filter_shape {axis.kernel_size} - 2 * padding {p}); use less padding"
            )
        sizes.append(size)
    shape = (data[0], None, *sizes)
    with argument_names({"output_grad": "input_shape", "filters": "filter_shape"}):
        layer = conv_transpose(
            data, filters, shape, border_mode=tuple(pads), subsample=tuple(strides), filter_flip=filter_flip
        )
    return with_weight(layer, weight, filters_layout(filter_flip, transpose=True))


@takes_weight
def causal_conv1d(
    input_shape: Any,
    filter_shape: Any,
    subsample: int = 1,
    filter_flip: bool = True,
    filter_dilation: int = 1,
    num_groups: int = 1,
    unshared: bool = False,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer that ``causal_conv1d`` is, Theano's one convolution of one axis: padded at the start alone.

    Parameters
    ----------
    input_shape : (batch, channels, size) array or shape
    filter_shape : (output channels, channels // num_groups, filter size) array or shape
    subsample, filter_dilation, num_groups : int, default 1
    filter_flip : bool, default True
        With it the filter is flipped, as in `conv`, so that its first entry multiplies the latest input.
    unshared : bool, default False
        True is refused.
    weight : filter_shape array_like, optional
        The filters as Theano is given them.

    Returns
    -------
    Conv
    WithWeight
        With `weight`, the pair of the layer and the causal filters, flipped where it needs it.

    Raises
    ------
    ValueError
        As for `conv`.

    References
    ----------
    .. [1] Theano, documentation of theano.tensor.nnet.abstract_conv.causal_conv1d.

    Examples
    --------
    >>> layer, w = causal_conv1d((1, 1, 3), (1, 1, 2), weight=[[[5, 7]]])
    >>> layer.matrix(w).toarray()
    array([[5, 0, 0],
           [7, 5, 0],
           [0, 7, 5]])
    """
    _check_switches(filter_flip, unshared)
    data, filters = _shape("input_shape", input_shape, (3,)), _shape("filter_shape", filter_shape, (3,))
    stride, dilation = positive("subsample", subsample), positive("filter_dilation", filter_dilation)
    (axis,) = _axes(data, filters, "input_shape", (stride,), (dilation,))
    groups = _checked_groups("input_shape", data[1], filters, num_groups)
    with argument_names(_NAMES):
        layer = Conv(
            **_numbers([axis]),
            padding=[(axis.span - 1, 0)],
            groups=groups,
            in_channels=data[1],
            out_channels=filters[0],
        )
    return with_weight(layer, weight, filters_layout(filter_flip))


# -- weights ---------------------------------------------------------------------------------------------------------


def filters_layout(filter_flip: bool, *, transpose: bool = False) -> WeightLayout:
    """Return the layout of filters, which are flipped along all axes with `filter_flip`.

    Parameters
    ----------
    filter_flip : bool
    transpose : bool, default False
        Whether they are those of a transposed convolution.

    Returns
    -------
    WeightLayout

    Examples
    --------
    >>> filters_layout(True).flipped
    True
    """
    axes = "IO*" if transpose else "OI*"
    return WeightLayout(axes, axes, flag("filter_flip", filter_flip))


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _check_switches(filter_flip: Any, unshared: Any) -> None:
    flag("filter_flip", filter_flip)
    if flag("unshared", unshared):
        raise ValueError(
            "unshared=True has filters of its own at each output position: no layer of ours, whose windows share one "
            "weight; write unshared=False, or build the rows of the matrix from one `conv` for each position"
        )


def _shape(name: str, value: Any, counts: Sequence[int] = (4, 5)) -> tuple[Any, ...]:
    """Return (batch or output channels, channels, *size), of which only the first may be unknown."""
    shape = shape_of(name, value, unknown=True)
    if len(shape) not in counts:
        wanted = " or ".join(map(str, counts))
        also = ": Theano has convolutions of 2 and 3 axes, and causal_conv1d" if len(counts) > 1 else ""
        raise ValueError(
            f"{name} has {pluralize(len(shape), 'entry')}, {shape}, but needs {wanted}, two for batch or "
            f"channels and one for each axis{also}"
        )
    sizes_in(name, shape, range(name in ("input_shape", "output_grad"), len(shape)))  # but for the batch
    return shape


def _axes(
    data: tuple[Any, ...], filters: tuple[Any, ...], name: str, subsample: Any, filter_dilation: Any
) -> list[Axis]:
    """Return the axes without padding."""
    count = len(data) - 2
    if len(filters) != len(data):
        raise ValueError(
            f"{name} has {pluralize(len(data), 'entry')}, {data}, but the filters have {len(filters)}, "
            f"{filters}: give both as many"
        )
    strides = _one_for_each("subsample", subsample, count)
    dilations = _one_for_each("filter_dilation", filter_dilation, count)
    numbers = zip(data[2:], filters[2:], strides, dilations, strict=True)
    return [Axis(n, k, s, dilation=d) for n, k, s, d in numbers]


def _one_for_each(name: str, value: Any, count: int) -> list[int]:
    if value is None:
        return [1] * count
    entries = entries_for_axes(name, value, count, f"have one entry for each of {count} axes in Theano")
    _check_counts({name: entries}, count)
    return per_axis(name, entries, count)


def _check_counts(arguments: Mapping[str, Sequence[Any]], count: int) -> None:
    for name, entries in arguments.items():
        if len(entries) != count:
            raise ValueError(
                f"{name} must have {count} entries, one for each axis, got {len(entries)}: {short(tuple(entries))}"
            )


def _numbers(axes: Sequence[Axis]) -> dict[str, Any]:
    names = ("input_size", "kernel_size", "stride", "dilation")
    return {name: tuple(getattr(axis, name) for axis in axes) for name in names}


def _pads(border_mode: Any, axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """Return the pads (before, after) of each axis."""
    if isinstance(border_mode, str):
        check_word("border_mode", border_mode, BORDER_MODES)
        return [named_padding(border_mode, axis.span, 1, axis.input_size) for axis in axes]
    if isinstance(border_mode, tuple):
        _check_counts({"border_mode": border_mode}, len(axes))
        return [_pair(number, entry, len(axes)) for number, entry in enumerate(border_mode)]
    if entries_of(border_mode) is not None:
        raise WrongTypeError(
            f"border_mode {short(border_mode)} is a {type(border_mode).__name__}, but Theano takes a "
            f"tuple: write {short(tuple(border_mode))}"
        )
    pad = _not_negative("border_mode", border_mode)
    return [(pad, pad)] * len(axes)


def _pair(number: int, entry: Any, count: int) -> tuple[int, int]:
    what = f"border_mode on axis {number}"
    if not isinstance(entry, tuple):
        if entries_of(entry) is not None or isinstance(entry, str):
            raise WrongTypeError(f"{what} must be an integer or a tuple (before, after), got {short(entry)}")
        pad = _not_negative(what, entry)
        return (pad, pad)
    if len(entry) != 2:
        raise ValueError(f"{what} must be an integer or (before, after), got {pluralize(len(entry), 'entry')}, {entry}")
    if count != 2:
        raise ValueError(
            f"{what} is {entry}, but Theano has different pads at the two ends only in 2-D, and here are "
            f"{count} axes: give one integer, or pad the input beforehand"
        )
    return (_not_negative(f"{what}, before,", entry[0]), _not_negative(f"{what}, after,", entry[1]))


def _not_negative(what: str, value: Any) -> int:
    number = integer(what, value)
    if number < 0:
        raise ValueError(f"{what} must be at least 0 in Theano, got {number}: crop the input instead")
    return number


def _checked_groups(name: str, channels: int, filters: tuple[Any, ...], num_groups: Any) -> int:
    """Return the groups, if they divide both channel counts and the filters have the channels of one group."""
    counts = {f"the channels of {name}": channels, "the number of filters": filters[0]}
    groups = check_groups("num_groups", num_groups, counts)
    if channels // groups != filters[1]:
        raise ValueError(
            f"filters of shape {filters} are for {pluralize(filters[1], 'channel')} but a group has "
            f"{channels // groups} (= {channels} channels of {name} / num_groups {groups}): give filters of shape "
            f"{(filters[0], channels // groups, *filters[2:])}"
        )
    return groups


def _check_hint(filter_shape: Any, filters: tuple[Any, ...]) -> None:
    """Check the number of entries of a hint, which is all that Theano compares."""
    if filter_shape is None:
        return
    hint = shape_of("filter_shape", filter_shape, unknown=True)
    if len(hint) != len(filters):
        raise ValueError(
            f"filter_shape has {pluralize(len(hint), 'entry')}, {hint}, but the filters have "
            f"{len(filters)}, {filters}: leave it out, or give the same"
        )


def _wanted_sizes(input_shape: Any, grad: tuple[Any, ...]) -> list[int]:
    """Return the spatial part of an input_shape, if its batch agrees with output_grad."""
    wanted = shape_of("input_shape", input_shape, unknown=True)
    if len(wanted) != len(grad):
        raise ValueError(
            f"input_shape has {pluralize(len(wanted), 'entry')}, {wanted}, but needs {len(grad)}, batch and "
            "channels first, as output_grad"
        )
    if None not in (wanted[0], grad[0]) and wanted[0] != grad[0]:
        raise ValueError(f"input_shape has batch {wanted[0]} but output_grad {grad[0]}: give the same, or None")
    for place, length in enumerate(wanted[2:], start=2):
        if length is None:
            raise WrongTypeError(
                f"input_shape[{place}] is None, but nothing else says which of the sizes that the "
                "convolution maps to output_grad is meant: give a number"
            )
    return list(sizes_in("input_shape", wanted, range(2, len(wanted))))


def _check_size(number: int, axis: Axis, pair: tuple[int, int], size: int) -> None:
    """Check that the convolution maps an input size to that of output_grad, which `axis` has."""
    outputs, pads = axis.input_size, sum(pair)
    fits = input_sizes(outputs, axis.span, axis.stride, pads, input_dilation=1)
    if size in fits:
        return
    with argument_names({**_NAMES, "kernel_size": "filters"}):
        check_fit(number, Axis(size, axis.kernel_size, axis.stride, dilation=axis.dilation), *pair)
    given = (size + pads - axis.span) // axis.stride + 1
    remedy = f"give {_listed(fits)}" if fits else "no size fits; use a smaller border_mode"
    raise ValueError(
        shortened(
            f"input_shape has {size} on axis {number}, of which the convolution makes {given} (= ({size} + border_mode "
            f"{pair[0]} + {pair[1]} - {axis.span}) // subsample {axis.stride} + 1), but output_grad has {outputs}: "
            f"{remedy}"
        )
    )


def _listed(sizes: range) -> str:
    """Format a range of sizes, the first and the last of many."""
    return " or ".join(map(str, sizes)) if not sizes[4:] else f"a size from {sizes[0]} to {sizes[-1]}"
