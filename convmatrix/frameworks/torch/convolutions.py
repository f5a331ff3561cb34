"""PyTorch: layers by the arguments of torch.nn.Conv1d to 3d and ConvTranspose1d to 3d, after the input size.

Padding is the same at both ends of an axis, or ``same`` with stride 1, whose odd element goes to the end. A transposed
layer crops by its padding; `output_padding` and `output_size` choose among the sizes that one convolution maps to the
same output. PyTorch's weights have the layout of the layers.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.shared.calls import WithWeight, takes_weight, with_weight
from convmatrix.frameworks.shared.loading import Chain, Loaded, MissingValues, Values, attributes_of
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.frameworks.torch.models import (
    border_pads,
    check_borders,
    convolution_kind,
    padding_module,
    read_model,
    refuse_other_modules,
    rounds_its_weight,
)
from convmatrix.frameworks.torch.objects import is_graph, is_lazy, obstacle, values_of
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import PerAxis, check_word, count_axes, entries_of, integer, per_axis

__all__ = ["conv", "conv_transpose", "from_layer", "from_model"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

_ONE_FOR_ALL = ("stride", "padding", "dilation", "output_padding")
"""Arguments for which PyTorch broadcasts a sequence of one entry to all axes."""

_LAYOUT = WeightLayout()
_LAYOUT_TRANSPOSED = WeightLayout("IO*", "IO*")


# -- convolutions ----------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    input_size: PerAxis,
    in_channels: int,
    out_channels: int,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
    padding_mode: str = "zeros",
    *,
    ndim: int | None = None,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer that ``torch.nn.Conv2d(in_channels, ...)`` is for an input of this size; 1 to 3 axes.

    Parameters
    ----------
    input_size : int or sequence of int
        Spatial. One int for all axes, or one for each; the first sequence among the arguments says how many axes there
        are; if there is none, 2.
    in_channels, out_channels, kernel_size, stride, dilation, groups
        As in PyTorch.
    padding : int, sequence of int, or str
        Or ``same`` or ``valid``.
    bias : bool, default True
        Whether there is one; it is no part of the matrix.
    padding_mode : str, default "zeros"
        ``zeros``, ``reflect``, ``replicate`` or ``circular``.
    ndim : int, optional
        Number of axes, where no argument tells it.
    weight : (out_channels, in_channels // groups, *kernel_size) array_like, optional
        That of the module.

    Returns
    -------
    Conv
    WithWeight
        With `weight`, the pair of the layer and PyTorch's weight in its layout.

    Raises
    ------
    ValueError
        Where PyTorch refuses, on construction or on an input of this size; a TypeError as well where an argument is
        of a wrong kind. Beyond that, a layer without channels is refused, and a sequence of one dilation for several
        axes beside ``same`` and a border mode, where PyTorch pads the first axis alone.

    References
    ----------
    .. [1] PyTorch, documentation of torch.nn.Conv2d.

    Examples
    --------
    >>> conv((6,), 1, 1, 4, padding="same")
    Conv(input_size=(6,), kernel_size=(4,), padding=((1, 2),))
    """
    check_word("padding_mode", padding_mode, PADDING_MODES)
    numbers: dict[str, Any] = {
        "input_size": input_size,
        "kernel_size": kernel_size,
        "stride": stride,
        "dilation": dilation,
    }
    named = isinstance(padding, str)
    if not named:
        numbers["padding"] = padding
    # Border modes call functional.pad, which broadcasts no single entry; with `same` that concerns the dilations.
    only_one_each = () if padding_mode == "zeros" else ("padding", "dilation") if named else ("padding",)
    columns = _columns(numbers, ndim, only_one_each)
    pads = _named_pads(padding, columns) if named else [(pad, pad) for pad in columns.pop("padding")]
    check_borders(pads, padding_mode, columns["input_size"])
    channels: dict[str, Any] = {"groups": groups, "in_channels": in_channels, "out_channels": out_channels}
    layer = Conv(**columns, **channels, padding=pads, padding_mode=padding_mode)
    return with_weight(layer, weight, _LAYOUT)


@takes_weight
def conv_transpose(
    input_size: PerAxis,
    in_channels: int,
    out_channels: int,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    bias: bool = True,
    dilation: PerAxis = 1,
    padding_mode: str = "zeros",
    output_size: Sequence[int] | None = None,
    *,
    ndim: int | None = None,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer that ``torch.nn.ConvTranspose2d(in_channels, ...)`` is for an input of this size; 1 to 3 axes.

    Parameters
    ----------
    input_size : int or sequence of int
        Spatial, as for `conv`.
    in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, dilation
        As in PyTorch.
    bias : bool, default True
        Whether there is one; it is no part of the matrix.
    padding_mode : str, default "zeros"
        PyTorch knows no other one here.
    output_size : sequence of int, optional
        As in the call of PyTorch's module: one entry for each axis, or those of channels, or of batch and channels, in
        front, which are not looked at. Neither is `output_padding` then.
    ndim : int, optional
        Number of axes, where no argument tells it.
    weight : (in_channels, out_channels // groups, *kernel_size) array_like, optional
        That of the module.

    Returns
    -------
    ConvTranspose
    WithWeight
        With `weight`, the pair of the layer and the weight of PyTorch's transposed module in its layout.

    Raises
    ------
    ValueError
        Where PyTorch refuses, on construction or on an input of this size; a TypeError as well where an argument is
        of a wrong kind.

    References
    ----------
    .. [1] PyTorch, documentation of torch.nn.ConvTranspose2d.

    Examples
    --------
    >>> conv_transpose((3,), 1, 1, 3, stride=2, padding=1, output_size=(6,))
    ConvTranspose(input_size=(3,), kernel_size=(3,), stride=(2,), padding=((1, 1),), output_padding=(1,))
    """
    check_word("padding_mode", padding_mode, PADDING_MODES)
    if padding_mode != "zeros":
        raise ValueError(
            f"padding_mode {short(padding_mode)} is none of a transposed convolution in PyTorch, which "
            "knows only 'zeros': transpose the matrix of the convolution, conv(...).T"
        )
    _refuse_names(padding)
    numbers: dict[str, Any] = {
        "input_size": input_size,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
    }
    if output_size is None:
        columns = _columns({**numbers, "output_padding": output_padding}, ndim)
    else:
        if ndim is None and all(entries_of(number) is None for number in numbers.values()):
            ndim = _ndim_of_output_size(output_size)
        columns = _columns(numbers, ndim, _ONE_FOR_ALL)
        columns["output_size"] = _spatial(output_size, len(columns["input_size"]))
    pads = [(pad, pad) for pad in columns.pop("padding")]
    _refuse_negative(pads)
    with _alike_at_both_ends(padding_module(len(pads))):
        layer = ConvTranspose(
            **columns, padding=pads, groups=groups, in_channels=in_channels, out_channels=out_channels
        )
    return with_weight(layer, weight, _LAYOUT_TRANSPOSED)


# -- from arguments to numbers ---------------------------------------------------------------------------------------


def _columns(numbers: Mapping[str, Any], ndim: int | None, only_one_each: Sequence[str] = ()) -> dict[str, Any]:
    """Convert each argument to one integer per axis; a single entry of those in `only_one_each` is not broadcast."""
    axes = [entries_of(entry) for entry in entries_of(numbers.get("padding")) or ()]
    for axis, pair in enumerate(axes):
        if pair is not None:
            raise WrongTypeError(
                f"padding on axis {axis} is {short(tuple(pair))}, but PyTorch pads both ends of an axis alike: give "
                f"one integer, and pad beforehand where the ends differ, as {padding_module(len(axes))} does"
            )
    lone = {}
    for name in set(_ONE_FOR_ALL).difference(only_one_each).intersection(numbers):
        entries = entries_of(numbers[name])
        if entries is not None and len(entries) == 1:
            lone[name] = entries[0]
    others = [entries_of(number) for name, number in numbers.items() if name not in lone]
    if ndim is not None or any(entries is not None for entries in others):
        numbers = {**numbers, **lone}
    count = count_axes(numbers, ndim)
    if not 1 <= count <= 3:
        raise ValueError(
            f"the arguments are for {count} axes, but PyTorch has convolutions of 1, 2 and 3: give a "
            "size for each of these"
        )
    return {name: _integers(name, number, count) for name, number in numbers.items()}


def _integers(name: str, number: Any, count: int) -> list[int]:
    if name != "padding":
        return per_axis(name, number, count, least=0 if name == "output_padding" else 1)
    entries = entries_of(number)
    return [
        integer(f"padding on axis {axis}", entry)
        for axis, entry in enumerate([number] * count if entries is None else entries)
    ]


def _named_pads(padding: Any, columns: Mapping[str, Sequence[int]]) -> list[tuple[int, int]]:
    """Return the pads of ``same``, the smaller half first, or of ``valid``."""
    check_word("padding", padding, ("same", "valid"))
    if padding == "valid":
        return [(0, 0)] * len(columns["stride"])
    totals = [d * (k - 1) for d, k in zip(columns["dilation"], columns["kernel_size"], strict=True)]
    for axis, (stride, total) in enumerate(zip(columns["stride"], totals, strict=True)):
        if stride != 1:
            raise ValueError(
                f"padding 'same' needs stride 1 in PyTorch, got {stride} on axis {axis}: give the padding "
                f"in numbers, such as {total // 2}"
            )
    return [(total // 2, total - total // 2) for total in totals]


@contextmanager
def _alike_at_both_ends(module: str) -> Iterator[None]:
    """Replace advice in errors to use a padding that PyTorch refuses, negative or unequal at the ends, by `module`."""
    try:
        yield
    except ValueError as error:
        sentence = re.sub(
            r"padding (-\d+|\((-\d+, -?\d+|-?\d+, -\d+)\)) on this axis would make it (\d+)",
            rf"pad the result to \3 afterwards, as {module} does",
            str(error),
        )
        sentence = re.sub(r"padding \(-?\d+, -?\d+\) on this axis", "no padding alike at both ends", sentence)
        raise type(error)(sentence) from None


def _refuse_names(padding: Any) -> None:
    if isinstance(padding, str):
        raise WrongTypeError(
            f"padding {short(padding)} is none of a transposed convolution in PyTorch, which takes "
            "numbers only: give the elements to crop at both ends"
        )


def _refuse_negative(pads: Sequence[tuple[int, int]]) -> None:
    for axis, (pad, _) in enumerate(pads):
        if pad < 0:
            raise ValueError(
                f"padding {pad} on axis {axis} is negative, which PyTorch refuses: pad the result by "
                f"{-pad} afterwards, as {padding_module(len(pads))} does"
            )


def _ndim_of_output_size(output_size: Any) -> int | None:
    """Count the spatial axes of an output size: all of its entries if they are at most 3, else all but two."""
    entries = entries_of(output_size)
    return None if entries is None else len(entries) if len(entries) <= 3 else len(entries) - 2


def _spatial(output_size: Any, count: int) -> list[int]:
    """Return the spatial part of an output size, which may have batch and channels in front."""
    entries = entries_of(output_size)
    if entries is None:
        raise WrongTypeError(
            f"output_size must be a sequence, as in the call of PyTorch's module, got "
            f"{short(output_size)}: write {short((output_size,) * count)}"
        )
    if len(entries) not in (count, count + 1, count + 2):
        raise ValueError(
            f"output_size has {pluralize(len(entries), 'entry')}, {short(tuple(entries))}, but needs {count}, one for "
            f"each axis, or {count + 1} with the channels in front, or {count + 2} with batch and channels"
        )
    return [integer(f"output_size on axis {axis}", entry) for axis, entry in enumerate(entries[-count:])]


# -- one layer object ------------------------------------------------------------------------------------------------

_FIELDS = (
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "padding_mode",
    "transposed",
)


def from_layer(obj: Any, input_size: PerAxis) -> Loaded:
    """Read a torch.nn.Conv1d to Conv3d or ConvTranspose1d to ConvTranspose3d, by the names of its attributes.

    The class that defines ``forward`` decides what it is, not the name of its own class. Weight and bias are those with
    which the next call computes, also where a parametrisation or a hook of torch.nn.utils renews them (weight_norm,
    spectral_norm, prune); the module is neither run nor changed.

    Parameters
    ----------
    obj : torch.nn.Module
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each.

    Returns
    -------
    Loaded
        Weight and bias are copies, as NumPy arrays; float16 and bfloat16 are widened to float32, without loss. Where
        there are no values that can be read (on the device meta, quantised, float8) they are `MissingValues`, which
        say why when they are used; the layer has its sizes all the same.

    Raises
    ------
    ValueError
        If the layer does not take an input of this size, or is lazy and has not learnt its channels.
    WrongTypeError
        If it is no convolution, has a forward of its own, a hook that may change its result, or a weight of complex32:
        a TypeError as well.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> obj = SimpleNamespace(in_channels=1, out_channels=1, kernel_size=(2,), stride=(1,), padding=(0,), dilation=(1,),
    ...     groups=1, padding_mode="zeros", transposed=False, weight=np.array([[[1, 2]]]), bias=None)
    >>> layer, w, bias = from_layer(obj, 3)
    >>> layer.matrix(w).toarray()
    array([[1, 2, 0],
           [0, 1, 2]])
    """
    if is_lazy(obj):
        raise ValueError(
            f"{type(obj).__name__} has no weight yet: call it once on data, from which it learns its in_channels, and "
            "give it again; for sizes alone, use from_model with in_channels"
        )
    return _read(obj, input_size)


def _read(obj: Any, input_size: PerAxis, channels: int | None = None) -> Loaded:
    """Read a convolution; a lazy one takes the number of channels that it is given."""
    if is_graph(obj):
        raise WrongTypeError(obstacle(obj, None))
    refuse_other_modules(obj)
    kwargs = dict(zip(_FIELDS, attributes_of(obj, _FIELDS, "a torch convolution"), strict=True))
    kind, name = convolution_kind(obj), type(obj).__name__
    weight, bias = (_waiting(name, part) if is_lazy(obj) else values_of(obj, part) for part in ("weight", "bias"))
    if weight is None:
        raise WrongTypeError(f"{name} has no weight, so that it is no torch convolution: give the layer object itself")
    if is_lazy(obj):
        kwargs["in_channels"] = channels
        bias = None if obj.bias is None else bias
    if rounds_its_weight(obj) and not isinstance(weight, MissingValues):
        weight = MissingValues(
            f"{name} rounds its weight on every call, to prepare quantisation: give the plain layer", ()
        )
    entries = entries_of(obj.kernel_size)
    kwargs["ndim"] = None if entries is None else len(entries)
    transposed = kwargs.pop("transposed")
    layer: Layer
    if transposed if kind is None else "Transpose" in kind:
        layer = conv_transpose(input_size, **kwargs, output_padding=getattr(obj, "output_padding", 0))
    elif kwargs["padding_mode"] != "zeros" and hasattr(obj, "_reversed_padding_repeated_twice"):
        layer = _padded_conv(input_size, kwargs, obj._reversed_padding_repeated_twice)
    else:
        layer = conv(input_size, **kwargs)
    return Loaded(layer, _fitting(layer, weight), _one_each(name, bias, layer.out_channels))


def _waiting(name: str, part: str) -> Values:
    return MissingValues(
        f"{name} has no {part} yet: call it once on data, from which it learns its in_channels, and give it again", ()
    )


def _padded_conv(input_size: PerAxis, kwargs: Mapping[str, Any], reversed_pads: Any) -> Conv:
    """Make a convolution with a border mode, whose pads PyTorch stores when the module is constructed."""
    kwargs = dict(kwargs)
    mode, ndim = kwargs.pop("padding_mode"), kwargs.pop("ndim")
    check_word("padding_mode", mode, PADDING_MODES)
    spatial = {name: kwargs[name] for name in ("kernel_size", "stride", "dilation")}
    columns = _columns({"input_size": input_size, **spatial}, ndim)
    pads = border_pads(reversed_pads, mode, columns["input_size"])
    channels = {name: kwargs[name] for name in ("in_channels", "out_channels", "groups")}
    return Conv(**columns, **channels, padding=pads, padding_mode=mode)


def _fitting(layer: Layer, weight: Values) -> Values:
    """Return the weight, if it has the layer's shape."""
    if not isinstance(weight, MissingValues):
        return layer.checked_weight(weight)
    if weight.shape:
        layer.checked_weight(np.broadcast_to(np.int8(0), weight.shape))
    return MissingValues(weight.reason, layer.weight_shape)


def _one_each(name: str, bias: Values | None, channels: int) -> Values | None:
    """Return the bias, if it has one number for each output channel."""
    if isinstance(bias, MissingValues):
        return MissingValues(bias.reason, (channels,))
    if bias is not None and bias.shape != (channels,):
        raise ValueError(
            f"the bias of {name} has shape {bias.shape} but out_channels={channels} needs ({channels},): "
            "give it one number for each channel, or set it to None"
        )
    return bias


# -- models ----------------------------------------------------------------------------------------------------------


def from_model(obj: Any, input_size: PerAxis | None = None, in_channels: int | None = None) -> Chain:
    """Read a torch.nn.Sequential, which may be nested, or a single module, as a chain of layers.

    Convolutions, average and max pools, Upsample, pixel shuffles and pads become layers, a pad the depthwise
    convolution with one tap. Activations, normalisation, dropout and a flatten at the end are passed over with a note.
    Weights are read as by `from_layer`; a model without values that can be read, such as a lazy one, has its sizes and
    receptive fields all the same.

    Parameters
    ----------
    obj : torch.nn.Module
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each. Required, since modules do not store it.
    in_channels : int, optional
        Channels of the input; without it, what the first module that has a number of channels needs, and the least
        that it can take where that one is lazy.

    Returns
    -------
    Chain
        Where the values of a weight cannot be read, there is a `MissingValues` in its place.

    Raises
    ------
    ValueError
        If a module is none of these, has a forward of its own or a hook that may change its result, with its name; if
        PyTorch would refuse its numbers; or without an input_size.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> class AvgPool1d(SimpleNamespace): pass
    >>> class ReLU(SimpleNamespace): pass
    >>> class Sequential(SimpleNamespace): pass
    >>> pool = AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,), ceil_mode=False, count_include_pad=True)
    >>> chain = from_model(Sequential(_modules={"pool": pool, "act": ReLU()}), 6)
    >>> chain[0]
    AvgPool(input_size=(6,), kernel_size=(2,))
    >>> print(*chain.left_out)
    act (ReLU): an activation, which is not linear and changes no size
    """
    return read_model(obj, input_size, in_channels, lambda module, shape: _read(module, shape[1:], shape[0]))
