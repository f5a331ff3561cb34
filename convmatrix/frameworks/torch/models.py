"""Sequences of PyTorch modules, read by the classes that define their forward methods, and by their attributes.

Linear modules become layers, modules that change no size are left out with a note, and all others raise an error that
has their name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any

import numpy as np

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.shared.calls import argument_names
from convmatrix.frameworks.shared.loading import Chain, LeftOut, Loaded, attributes_of, chained, require_input_size
from convmatrix.frameworks.shared.overrides import comes_from
from convmatrix.frameworks.torch.objects import is_graph, is_quantised, known_base, obstacle
from convmatrix.layers import AvgPool, Conv, MaxPool, PixelShuffle, PixelUnshuffle, Upsample
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, integer, per_axis, positive

__all__ = [
    "border_pads",
    "check_borders",
    "convolution_kind",
    "read_model",
    "refuse_other_modules",
    "rounds_its_weight",
]

Shape = tuple[int, ...]
"""(channels, *size)."""
Reader = Callable[[Any, Shape], Loaded]
"""Function from a module and its input shape to a layer."""


# -- the whole model -------------------------------------------------------------------------------------------------


def read_model(obj: Any, input_size: PerAxis | None, in_channels: int | None, read_convolution: Reader) -> Chain:
    """Read a module, or a sequence of modules, as documented for ``torch.from_model``.

    Parameters
    ----------
    obj : torch.nn.Module
    input_size : int, sequence of int, or None
    in_channels : int or None
    read_convolution : callable
        Function from a convolution or transposed convolution and its input shape (channels, *size) to a layer.

    Returns
    -------
    Chain
        Its notes name the modules that were passed over.

    Raises
    ------
    ValueError
        If a module is refused; with its name.
    WrongTypeError
        If it is of a kind that is not read: a TypeError as well.
    """
    input_size = require_input_size(input_size, "PyTorch's modules")
    pieces = list(_pieces(obj))
    entries = entries_of(input_size)
    ndim = _axes_of_first(pieces) if entries is None else len(entries)
    size = tuple(per_axis("input_size", input_size, ndim))
    channels = _channels_of_first(pieces) if in_channels is None else positive("in_channels", in_channels)
    flattened = False

    def read(module: Any, shape: Shape) -> Loaded | LeftOut:
        nonlocal flattened
        kind = _kind(module)
        if kind is None:
            base = _base(module)
            known = base is not None or is_graph(module)
            raise WrongTypeError((obstacle(module, base) if known else None) or _unknown(module))
        if flattened:
            return _behind_a_flatten(kind)
        flattened = kind == "Flatten"
        _check_shape(kind, module, shape)
        if kind in _CONVOLUTIONS:
            return read_convolution(module, shape)
        return LeftOut(_PASSED_OVER[kind]) if kind in _PASSED_OVER else _READERS[kind](module, shape)

    return chained(pieces, (channels, *size), read)


def _pieces(module: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and modules in order, with nested sequences flattened."""
    if _kind(module) == "Sequential":
        for key, child in module._modules.items():
            yield from _pieces(child, f"{path}.{key}" if path else key)
    else:
        name = type(module).__name__
        yield (f"{path} ({name})" if path else name), module


def _base(module: Any) -> type | None:
    """Return the first class of an object that is a supported module."""
    return known_base(module, _KNOWN)


def _kind(module: Any) -> str | None:
    """Return the name of the module whose forward method an object inherits; None if that is not known."""
    base = _base(module)
    return None if base is None or obstacle(module, base) else base.__name__


def convolution_kind(module: Any) -> str | None:
    """Return the name of the convolution whose forward method an object inherits.

    Parameters
    ----------
    module : torch.nn.Module
        Or an object with the attributes of a convolution.

    Returns
    -------
    str or None
        None where it is of no class of PyTorch's, and its attributes are all that there is.

    Raises
    ------
    WrongTypeError
        If it computes in another way, or is another module: a TypeError as well.
    """
    base = _base(module)
    why = obstacle(module, base)
    if why is not None:
        raise WrongTypeError(why)
    if base is not None and base.__name__ in _CONVOLUTIONS:
        return base.__name__
    if base is not None or any(comes_from(cls, ["torch"]) for cls in type(module).__mro__):
        raise WrongTypeError(
            f"{type(module).__name__} is no convolution of torch.nn, whatever its attributes: give "
            "the layer object itself"
        )
    return None


def refuse_other_modules(module: Any) -> None:
    """Raise an error for a PyTorch module that is no convolution, with the function that reads it.

    Parameters
    ----------
    module : torch.nn.Module

    Raises
    ------
    WrongTypeError
        If it is one: a TypeError as well.
    """
    genuine = any(comes_from(cls, ["torch"]) for cls in type(module).__mro__)
    if not genuine or hasattr(module, "in_channels"):
        return
    name, kind = type(module).__name__, _kind(module)
    also = "" if kind is None else f", and from_model reads {kind}"
    raise WrongTypeError(
        f"{name} is not a torch convolution: it has no attribute 'in_channels'; from_layer reads "
        f"nn.Conv1d to nn.Conv3d and nn.ConvTranspose1d to nn.ConvTranspose3d{also}"
    )


def rounds_its_weight(module: Any) -> bool:
    """Check whether a convolution multiplies by a rounded weight, as those for quantisation do."""
    return hasattr(module, "weight_fake_quant") or is_quantised(module)


def _unknown(module: Any) -> str:
    name = type(module).__name__
    if isinstance(module, type):
        return f"{module.__name__} is a class, not a module: give an object of it, made with its arguments"
    if isinstance(module, list | tuple):
        return f"a {name} of {pluralize(len(module), 'module')} is no module: give nn.Sequential(*modules)"
    children = getattr(module, "_modules", None)
    if children:
        readable = [f"{key} ({type(child).__name__})" for key, child in children.items() if _kind(child) is not None]
        instead = f", or one of them by itself, such as {', '.join(readable[:3])}" if readable else ""
        return f"{name} is no Sequential, and what it does with its modules is not known: give them as one{instead}"
    return (
        f"{name} is no convolution, pool, resize, pixel shuffle or pad that has a layer here: end the model before it"
    )


def _axes_in(kind: str | None, module: Any) -> int | None:
    """Return the number of spatial axes that a module needs; None if it takes any number."""
    if kind is None or kind.startswith("Dropout"):
        return None
    if kind == "Upsample" or kind.startswith("Upsampling"):
        return {"linear": 1, "bilinear": 2, "trilinear": 3}.get(getattr(module, "mode", ""))
    found = re.search("([123])d$", kind)
    return int(found[1]) if found else 2 if kind in ("PixelShuffle", "PixelUnshuffle") else None


def _axes_of_first(pieces: Iterable[tuple[str, Any]]) -> int:
    """Return the number of spatial axes of the first module that needs a certain number."""
    needed = (_axes_in(_kind(module), module) for _, module in pieces)
    return next((count for count in needed if count is not None), 2)


def _channels_of_first(pieces: Iterable[tuple[str, Any]]) -> int:
    """Return the input channels of the model that match the first module with channels, behind any shuffles."""
    factor, least = Fraction(1), 1
    for _, module in pieces:
        kind = _kind(module) or ""
        if kind == "PixelShuffle":
            factor /= _factor(kind, module) ** 2
        elif kind == "PixelUnshuffle":
            factor *= _factor(kind, module) ** 2
        elif (field := _channels_field(kind)) is not None:
            wanted = getattr(module, field, 1) or getattr(module, "groups", 1)  # a lazy module has none yet
            return max(ceil(wanted / factor), 1)
        least = lcm(least, factor.denominator)
    return least


def _check_shape(kind: str, module: Any, shape: Shape) -> None:
    """Check that the input of a module has the number of axes and of channels that it takes."""
    needed, ndim = _axes_in(kind, module), len(shape) - 1
    if needed is not None and needed != ndim:
        raise ValueError(
            f"{kind} takes {_axes(needed)} but is given size {shape[1:]}, which has {ndim}: use the "
            f"module for {_axes(ndim)}"
        )
    field = _channels_field(kind)
    wanted = None if field is None else getattr(module, field, None)
    if wanted and wanted != shape[0]:  # a lazy module has none yet
        raise ValueError(
            f"{kind} has {field}={wanted} but is given {pluralize(shape[0], 'channel')}: let the one before "
            f"it give {wanted}"
        )
    if kind == "Flatten":
        _check_flatten(module, ndim)
    if kind in ("LayerNorm", "RMSNorm"):
        _check_normalized(kind, tuple(*_read(module, "normalized_shape")), shape)


def _channels_field(kind: str) -> str | None:
    """Return the name of the attribute with the input channels of a module of this kind."""
    if kind in _CONVOLUTIONS:
        return "in_channels"
    return "num_features" if "BatchNorm" in kind else "num_channels" if kind == "GroupNorm" else None


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def _behind_a_flatten(kind: str) -> LeftOut:
    if kind not in _PASSED_OVER:
        raise ValueError(f"{kind} stands behind a Flatten, where there are no axes left: end the model at the Flatten")
    return LeftOut(_PASSED_OVER[kind])


def _check_flatten(module: Any, ndim: int) -> None:
    start = getattr(module, "start_dim", 1)
    if (start + ndim + 2 if start < 0 else start) < 1:
        raise ValueError(f"Flatten has start_dim {start}, which joins the batch to the rest: use start_dim 1")


def _check_normalized(kind: str, normalized: Shape, shape: Shape) -> None:
    if normalized != shape[-len(normalized) :]:
        raise ValueError(
            f"{kind} has normalized_shape {normalized} but is given {shape} (channels, *size), which does "
            "not end in it: use the last axes of that"
        )


def padding_module(count: int) -> str:
    """Return the name of the PyTorch module or function that pads each end of `count` axes separately."""
    return f"nn.ZeroPad{count}d" if 1 <= count <= 3 else "torch.nn.functional.pad"


def check_borders(pads: Iterable[tuple[int, int]], mode: str, sizes: Iterable[int]) -> None:
    """Check that zero padding is not negative, and that a border is no longer than the input it repeats."""
    pads = list(pads)
    for axis, (pair, size) in enumerate(zip(pads, sizes, strict=True)):
        pad = max(pair)
        if mode == "zeros" and pad < 0:
            raise ValueError(
                f"padding {pad} on axis {axis} is negative, which PyTorch refuses with padding_mode "
                f"'zeros': crop the input beforehand, as {padding_module(len(pads))} does"
            )
        most = {"reflect": size - 1, "circular": size}.get(mode, pad)
        if pad > most:
            why = "reflects the input without its end" if mode == "reflect" else "wraps around the input once"
            raise ValueError(
                f"padding {pad} on axis {axis} is too large for padding_mode {short(mode)}, which {why}: "
                f"with input_size {size} it can be {most} at most"
            )


# -- what becomes a layer --------------------------------------------------------------------------------------------


def _read(module: Any, *names: str) -> tuple[Any, ...]:
    """Return attributes that PyTorch's modules of this name have."""
    return attributes_of(module, names, "a torch module of this name")


def _for_axes(value: Any, count: int) -> Any:
    """Return an argument of a pool; PyTorch broadcasts a sequence of one entry to all axes."""
    entries = entries_of(value)
    return entries[0] if entries is not None and len(entries) == 1 < count else value


def _windows(module: Any, shape: Shape) -> dict[str, Any]:
    """Return the arguments that both pools have, if PyTorch accepts the padding."""
    count = len(shape) - 1
    *numbers, ceil_mode = _read(module, "kernel_size", "stride", "padding", "ceil_mode")
    kernel, stride, padding = (_for_axes(number, count) for number in numbers)
    kernels, pads = (
        per_axis(name, value, count, least)
        for name, value, least in (("kernel_size", kernel, 1), ("padding", padding, 0))
    )
    for axis, (k, pad) in enumerate(zip(kernels, pads, strict=True)):
        if pad > k // 2:
            raise ValueError(
                f"padding {pad} on axis {axis} is more than half of kernel_size {k}, which a pool of "
                f"PyTorch refuses: use at most {k // 2}"
            )
    return {
        "input_size": shape[1:],
        "kernel_size": kernels,
        "stride": kernels if stride is None else stride,
        "padding": pads,
        "ceil_mode": ceil_mode,
        "channels": shape[0],
    }


def _average(module: Any, shape: Shape) -> Loaded:
    kwargs = _windows(module, shape)
    if len(shape) == 4:
        for axis, (k, n) in enumerate(zip(kwargs["kernel_size"], shape[1:], strict=True)):
            if k > n:
                raise ValueError(
                    f"kernel_size {k} on axis {axis} is larger than input_size {n}, which AvgPool3d "
                    "refuses whatever the padding: use a smaller one"
                )
    (counts_pads,), divisor = _read(module, "count_include_pad"), getattr(module, "divisor_override", None)
    return Loaded(AvgPool(**kwargs, count_include_pad=counts_pads, divisor_override=divisor))


def _maximum(module: Any, shape: Shape) -> Loaded:
    if getattr(module, "return_indices", False):
        raise ValueError(
            "MaxPool has return_indices=True, so that it gives a pair, which no module behind it takes: "
            "use return_indices=False"
        )
    (dilation,) = _read(module, "dilation")
    return Loaded(MaxPool(**_windows(module, shape), dilation=_for_axes(dilation, len(shape) - 1)))


def _adaptive(module: Any, shape: Shape) -> Loaded:
    (output_size,) = _read(module, "output_size")
    entries = entries_of(output_size)
    requested = [output_size] * (len(shape) - 1) if entries is None else entries
    if len(requested) != len(shape) - 1:
        raise ValueError(
            f"output_size has {pluralize(len(requested), 'entry')} but the input has {_axes(len(shape) - 1)}: "
            "give one for each"
        )
    if len(requested) == 1 and requested[0] is None:
        raise ValueError(f"output_size is {short(output_size)}, but AdaptiveAvgPool1d takes no None: write {shape[1]}")
    kernel = []
    for axis, (n, o) in enumerate(zip(shape[1:], requested, strict=True)):
        outputs = n if o is None else positive(f"output_size on axis {axis}", o)
        if n % outputs:
            raise ValueError(
                f"output_size {outputs} does not divide input_size {n} on axis {axis} (remainder {n % outputs}), so "
                "that the windows of the adaptive pool need not be alike: use a size that it divides, or AvgPool"
            )
        kernel.append(n // outputs)
    return Loaded(AvgPool(shape[1:], kernel, channels=shape[0]))


def _resize(module: Any, shape: Shape) -> Loaded:
    size, scale, mode, align = _read(module, "size", "scale_factor", "mode", "align_corners")
    mode = "linear" if mode in ("bilinear", "trilinear") else mode
    check_word("mode", mode, ("nearest", "nearest-exact", "linear"))
    if (size is None) == (scale is None):
        given = "neither" if size is None else "both"
        raise ValueError(f"Upsample needs a size or a scale_factor, got {given}: give one of the two")
    if align is not None and mode != "linear":
        raise ValueError(f"align_corners={align} with mode {short(mode)}, which PyTorch refuses: leave it out")
    recompute = bool(getattr(module, "recompute_scale_factor", False))
    if recompute and scale is None:
        raise ValueError("recompute_scale_factor=True with a size, which PyTorch refuses: leave one of the two out")
    if recompute:
        scales = entries_of(scale) or [scale] * (len(shape) - 1)
        if len(scales) != len(shape) - 1:
            raise ValueError(
                f"scale_factor has {pluralize(len(scales), 'entry')} but the input has "
                f"{_axes(len(shape) - 1)}: give one for each"
            )
        size, scale = [floor(n * f) for n, f in zip(shape[1:], scales, strict=True)], None
    return Loaded(
        Upsample(shape[1:], scale=scale, output_size=size, mode=mode, align_corners=bool(align), channels=shape[0])
    )


def _shuffle(module: Any, shape: Shape) -> Loaded:
    factor = _factor("PixelShuffle", module)
    if shape[0] % factor**2:
        raise ValueError(
            f"upscale_factor {factor} needs a multiple of {factor**2} channels (= {factor}**2), is given {shape[0]}"
        )
    return Loaded(PixelShuffle(shape[1:], factor, channels=shape[0] // factor**2))


def _factor(kind: str, module: Any) -> int:
    name = "upscale_factor" if kind == "PixelShuffle" else "downscale_factor"
    return positive(name, *_read(module, name))


def _unshuffle(module: Any, shape: Shape) -> Loaded:
    with argument_names({"factor #": "downscale_factor"}):
        return Loaded(PixelUnshuffle(shape[1:], _factor("PixelUnshuffle", module), channels=shape[0]))


def _pad(mode: str) -> Reader:
    """Return a reader of padding modules, which makes a padded depthwise convolution with one tap."""

    def read(module: Any, shape: Shape) -> Loaded:
        if getattr(module, "value", 0) != 0:
            raise ValueError(f"the pad has value {module.value}, which adds to what is linear: use value 0")
        count = len(shape) - 1
        (padding,) = _read(module, "padding")
        if mode == "zeros":
            pairs = _pairs(padding, count, mode)
            for axis, (pair, size) in enumerate(zip(pairs, shape[1:], strict=True)):
                _check_crop(axis, pair, size, mode)
        else:
            pairs = border_pads(padding, mode, shape[1:])
        layer = Conv(
            shape[1:],
            (1,) * count,
            padding=pairs,
            padding_mode=mode,
            groups=shape[0],
            in_channels=shape[0],
            out_channels=shape[0],
        )
        return Loaded(layer, np.ones(layer.weight_shape, dtype=np.int8))  # int8 promotes no other dtype

    return read


def _pairs(padding: Any, count: int, mode: str) -> list[tuple[int, int]]:
    """Return the pads of a module in the order of the axes; PyTorch lists the last axis first."""
    entries = entries_of(padding)
    numbers = [integer("padding", number) for number in ([padding] * 2 * count if entries is None else entries)]
    if mode == "zeros" and len(numbers) % 2 == 0:
        numbers += [0] * (2 * count - len(numbers))  # for the axes that are not listed
    if len(numbers) != 2 * count:
        raise ValueError(
            f"padding has {pluralize(len(numbers), 'entry')} but needs {2 * count}, two for each axis, the last "
            "one first"
        )
    return list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]


def border_pads(reversed_pads: Any, mode: str, size: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pads of each axis from the argument of torch.nn.functional.pad, if PyTorch accepts them.

    Parameters
    ----------
    reversed_pads : sequence of int
        Two for each axis, the last axis first.
    mode : str
    size : sequence of int

    Returns
    -------
    list of (int, int)

    Raises
    ------
    ValueError
        If there are not two for each axis, or they are more than the mode can give.
    """
    pairs = _pairs(reversed_pads, len(size), mode)
    for axis, (pair, n) in enumerate(zip(pairs, size, strict=True)):
        _check_crop(axis, pair, n, mode)
    check_borders(pairs, mode, size)
    return pairs


def _check_crop(axis: int, pair: tuple[int, int], size: int, mode: str) -> None:
    if mode == "circular" and min(pair) < 0 < max(pair):
        raise ValueError(
            f"padding {pair} on axis {axis} crops one end and wraps the other, where CircularPad does not "
            "give the periodic extension: crop in a module of its own"
        )
    cropped = -min(pair[0], 0) - min(pair[1], 0)
    if mode == "zeros" and cropped > size:
        raise ValueError(
            f"padding {pair} on axis {axis} crops {cropped} of input_size {size}, which PyTorch "
            f"refuses: crop {size} at most"
        )


# -- which modules are read ------------------------------------------------------------------------------------------

_ACTIVATIONS = (
    "CELU",
    "ELU",
    "GELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
)
_NORMALISATIONS = (
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "SyncBatchNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "GroupNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "CrossMapLRN2d",
    "RMSNorm",
    *(f"Lazy{kind}Norm{ndim}d" for kind in ("Batch", "Instance") for ndim in (1, 2, 3)),
)
_DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")

_PASSED_OVER: Mapping[str, str] = {
    **dict.fromkeys(_ACTIVATIONS, "an activation, which is not linear and changes no size"),
    **dict.fromkeys(_NORMALISATIONS, "a normalisation, which scales and shifts what it is given and changes no size"),
    **dict.fromkeys(_DROPOUTS, "dropout, which does nothing outside training"),
    "Identity": "it does nothing",
    **dict.fromkeys(("QuantStub", "DeQuantStub"), "it does nothing before the model is quantised"),
    **dict.fromkeys(("Quantize", "DeQuantize"), "it changes the type of the numbers, and no size"),
    "Flatten": "a flatten, which keeps the order that the rows of the matrix have",
    "Sequential": "its modules are read one after the other",
}
"""Notes on the modules that are left out, by class name."""

_CONVOLUTIONS = tuple(f"{name}{ndim}d" for name in ("Conv", "ConvTranspose") for ndim in (1, 2, 3))

_READERS: Mapping[str, Reader] = {
    **{
        f"{name}{ndim}d": reader
        for ndim in (1, 2, 3)
        for name, reader in {
            "AvgPool": _average,
            "MaxPool": _maximum,
            "AdaptiveAvgPool": _adaptive,
            "ZeroPad": _pad("zeros"),
            "ConstantPad": _pad("zeros"),
            "ReflectionPad": _pad("reflect"),
            "ReplicationPad": _pad("replicate"),
            "CircularPad": _pad("circular"),
        }.items()
    },
    "Upsample": _resize,
    "UpsamplingNearest2d": _resize,
    "UpsamplingBilinear2d": _resize,
    "PixelShuffle": _shuffle,
    "PixelUnshuffle": _unshuffle,
}
"""Readers of the modules that become layers, by class name."""

_KNOWN = frozenset((*_CONVOLUTIONS, *_READERS, *_PASSED_OVER))
