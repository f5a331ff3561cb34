"""Flax: layers by the arguments of Conv and ConvTranspose, after the input size, and readers of these objects.

Channels are last. Paddings are those of JAX, and CIRCULAR, REFLECT and CAUSAL. A transposed layer is that of JAX, but
with CIRCULAR, for which Flax wraps the whole result.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.jax.paddings import (
    Pairs,
    check_count,
    name_of_padding,
    named_pads,
    pair_of,
    refuse_spread,
    spans_of,
    transposed_layer,
    transposed_pads,
)
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import widened
from convmatrix.frameworks.shared.loading import Loaded, MissingValues, Values, attributes_of, convert_values
from convmatrix.frameworks.shared.overrides import comes_from, override_of, patch_of
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import PerAxis, entries_of, flag, per_axis, positive

__all__ = [
    "KERNEL",
    "flax_conv",
    "flax_conv_transpose",
    "from_layer",
    "layout_of_transposed_kernel",
    "transposed_kernel",
]

KERNEL = WeightLayout("*IO")
"""The layout of the kernel of a Conv of Flax, and of a ConvTranspose that is a direct convolution."""

_NAMES = ("CIRCULAR", "REFLECT", "CAUSAL")
"""Paddings that Flax's convolutions accept besides JAX's, in capital letters only."""

_BORDERS = {"CIRCULAR": "circular", "REFLECT": "reflect"}

_CALLED: Mapping[str, str] = {
    "stride": "strides",
    "dilation": "kernel_dilation",
    "groups": "feature_group_count",
    "in_channels": "in_features",
    "out_channels": "out_features",
}
"""Names of a layer's arguments in Flax."""


# -- layers ----------------------------------------------------------------------------------------------------------


@takes_weight
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
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
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
    weight : (*kernel_size, in_features // feature_group_count, out_features) array_like, optional
        The kernel of the Flax module.

    Returns
    -------
    Conv
    WithWeight
        With `weight`, the pair of the layer and Flax's kernel in its layout.

    Raises
    ------
    ValueError
        Where Flax refuses, on construction or on an input of this size, and where the output is empty; a TypeError as
        well where an argument is of a wrong kind.

    References
    ----------
    .. [1] Flax, documentation of flax.nnx.Conv; flax.linen.Conv has the same arguments.

    Examples
    --------
    >>> flax_conv(6, 1, 1, (4,), padding="CIRCULAR")
    Conv(input_size=(6,), kernel_size=(4,), padding=((1, 2),), padding_mode='circular')
    """
    sizes, kernel = _sizes(input_size, kernel_size)
    strides, dilation = _each("strides", strides, kernel), _each("kernel_dilation", kernel_dilation, kernel)
    spread = _each("input_dilation", input_dilation, kernel)
    spans, mode = spans_of(kernel, dilation), "zeros"
    if isinstance(padding, str):
        name = name_of_padding(padding, _NAMES)
        pads = _named_pads(name, sizes, spans, strides, spread)
        mode = _BORDERS.get(name, mode)
    else:
        pads = _pads(padding, len(kernel))
    groups = _groups(feature_group_count, in_features, out_features)
    with argument_names(_CALLED):
        layer = Conv(
            sizes,
            kernel,
            stride=strides,
            padding=pads,
            dilation=dilation,
            groups=groups,
            in_channels=in_features,
            out_channels=out_features,
            padding_mode=mode,
            input_dilation=spread,
            ndim=len(kernel),
        )
    return with_weight(layer, weight, KERNEL)


@takes_weight
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
    weight: ArrayLike | None = None,
) -> Layer | WithWeight[Layer]:
    """Make the layer that ``flax.nnx.ConvTranspose(in_features, ...)`` is for an input of this size; 1 to 3 axes.

    Parameters
    ----------
    input_size, in_features, out_features, kernel_size, use_bias
        As for `flax_conv`.
    strides, kernel_dilation : int or sequence of int, optional
        None is 1.
    padding : str, int, or sequence, default "SAME"
        Also ``VALID`` or ``CIRCULAR``; numbers are added to the spread input, an int to both ends of every axis, or for
        each axis an int or a (low, high) tuple.
    transpose_kernel : bool, default False
        Turn the kernel, and swap its channels.
    weight : array_like, optional
        The kernel of the Flax module: (*kernel_size, in_features, out_features), or with transpose_kernel
        (*kernel_size, out_features, in_features).

    Returns
    -------
    Conv
        Of the spread input.
    ConvTranspose
        Instead, with transpose_kernel, or where the result is wrapped around, with ``CIRCULAR``.
    WithWeight
        With `weight`, the pair of the layer and the kernel of Flax's ConvTranspose in its layout.

    Raises
    ------
    ValueError
        As for `flax_conv`; also for more than three axes.

    References
    ----------
    .. [1] Flax, documentation of flax.nnx.ConvTranspose; flax.linen.ConvTranspose has the same arguments.

    Examples
    --------
    >>> flax_conv_transpose(3, 1, 1, (3,), (2,), padding="CIRCULAR")
    ConvTranspose(input_size=(3,), kernel_size=(3,), stride=(2,), padding=((0, 1),), padding_mode='circular')
    """
    sizes, kernel = _sizes(input_size, kernel_size)
    if len(kernel) > 3:
        raise ValueError(
            f"kernel_size has {len(kernel)} entries, one for each axis, but JAX's conv_transpose has "
            "default layouts for 3 axes at most, and Flax gives it no other: use fewer axes"
        )
    strides, dilation = _each("strides", strides, kernel), _each("kernel_dilation", kernel_dilation, kernel)
    spans, flipped = spans_of(kernel, dilation), flag("transpose_kernel", transpose_kernel)
    layer: Layer
    if _is_circular(padding):
        with argument_names(_CALLED):
            layer = _wrapped_layer(sizes, kernel, strides, dilation, spans, in_features, out_features, flipped)
    else:
        if isinstance(padding, str) and padding in _NAMES:
            raise ValueError(
                f"padding {short(padding)} is none of a transposed convolution in Flax, which knows SAME, "
                "VALID and CIRCULAR: use one of these, or numbers"
            )
        numbers = padding if isinstance(padding, str) else _pads(padding, len(kernel))
        with argument_names({"size of lhs": "input_size"}):
            pads = transposed_pads(numbers, sizes, spans, strides, False)
        with argument_names({**_CALLED, "input_dilation": "strides"}):
            layer = transposed_layer(sizes, kernel, strides, dilation, pads, in_features, out_features, flipped)
    return with_weight(layer, weight, transposed_kernel(flipped, padding))


def transposed_kernel(transpose_kernel: bool, padding: Any) -> WeightLayout:
    """Return the layout of the kernel of a ConvTranspose of Flax.

    With ``CIRCULAR`` and without transpose_kernel our layer is a `ConvTranspose`, which flips the kernel, so that the
    weight is flipped as well.

    Parameters
    ----------
    transpose_kernel : bool
    padding : str, int, or sequence
        As for `flax_conv_transpose`.

    Returns
    -------
    WeightLayout

    Examples
    --------
    >>> transposed_kernel(False, "SAME") == KERNEL, transposed_kernel(False, "CIRCULAR").flipped
    (True, True)
    """
    if flag("transpose_kernel", transpose_kernel):
        return WeightLayout("*OI", "IO*")
    return WeightLayout("*IO", "IO*", flipped=True) if _is_circular(padding) else KERNEL


def layout_of_transposed_kernel(
    shape: tuple[int, ...], _inverse: bool, transpose_kernel: bool | None = None, padding: Any = None
) -> WeightLayout:
    """Return the layout of a kernel, for arguments that may be left out where they do not matter.

    Parameters
    ----------
    shape : tuple of int
        Of the array to convert.
    _inverse : bool
        Whether it is a weight of our layer.
    transpose_kernel, padding
        As for `flax_conv_transpose`. The padding may be left out with ``transpose_kernel=True``, and transpose_kernel
        with another padding than ``CIRCULAR``.

    Returns
    -------
    WeightLayout
        That of `transposed_kernel`.

    Raises
    ------
    ValueError
        If one of the two is not given but decides whether the kernel is flipped.

    Examples
    --------
    >>> layout_of_transposed_kernel((3, 1, 1), False, padding="SAME").flipped
    False
    """
    flipped = None if transpose_kernel is None else flag("transpose_kernel", transpose_kernel)
    circular = None if padding is None else _is_circular(padding)
    if not flipped and circular is not False:
        for name, value, default in (("padding", circular, "'SAME'"), ("transpose_kernel", flipped, "False")):
            if value is None and prod(shape) > 1:
                raise ValueError(
                    f"{name} is not given, but decides whether the kernel is flipped, by padding='CIRCULAR' without "
                    f"transpose_kernel: give it as Flax is called ({default} is its default), or let "
                    "flax_conv_transpose(..., weight=w) give the weight beside the layer"
                )
    return transposed_kernel(bool(flipped), "CIRCULAR" if circular is None else padding)


def _is_circular(padding: Any) -> bool:
    return isinstance(padding, str) and padding == "CIRCULAR"


# -- arguments -------------------------------------------------------------------------------------------------------


def _sizes(input_size: Any, kernel_size: Any) -> tuple[list[int], list[int]]:
    """Return the sizes of input and kernel; the kernel determines the number of axes."""
    entries = entries_of(kernel_size)
    kernel = per_axis("kernel_size", [kernel_size] if entries is None else entries, 0)
    return _each("input_size", input_size, kernel), kernel


def _each(name: str, value: Any, kernel: Sequence[int]) -> list[int]:
    """Return one integer for each axis, from one for all, or from None."""
    entries = entries_of(value)
    if entries is not None and len(entries) != len(kernel):
        raise ValueError(
            f"{name} has {pluralize(len(entries), 'entry')}, {tuple(entries)}, but kernel_size has "
            f"{len(kernel)}, {tuple(kernel)}: give one for each axis"
        )
    return per_axis(name, 1 if value is None else value, len(kernel))


def _named_pads(
    name: str, sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int], spread: Sequence[int]
) -> Pairs:
    """Return the pads before and after each axis for a padding name of JAX or of Flax."""
    if name == "CAUSAL" and len(sizes) != 1:
        raise ValueError(f"padding 'CAUSAL' is for one axis in Flax, got {len(sizes)}: give (low, high) pairs")
    refuse_spread(name, "input_dilation", spread)
    if name in _BORDERS:
        return [((span - 1) // 2, span // 2) for span in spans]
    return named_pads(name, sizes, spans, strides)


def _pads(padding: Any, count: int) -> Pairs:
    """Return the pairs of a padding in numbers, which may be one for both ends."""
    entries = [padding] * count if isinstance(padding, int) else entries_of(padding)
    if entries is None:
        raise WrongTypeError(
            f"padding must be a name, an int or a sequence of one entry for each axis in Flax, got {short(padding)}"
        )
    check_count("padding", entries, count)
    pairs = []
    for axis, entry in enumerate(entries):
        if not isinstance(entry, int) and not (isinstance(entry, tuple) and len(entry) == 2):
            raise WrongTypeError(
                f"padding on axis {axis} must be an int or a (low, high) tuple in nnx, got {short(entry)}"
            )
        pairs.append(pair_of(axis, entry if isinstance(entry, tuple) else (entry, entry)))
    return pairs


def _groups(feature_group_count: Any, in_features: Any, out_features: Any) -> int:
    groups = positive("feature_group_count", feature_group_count)
    for name, value in (("in_features", in_features), ("out_features", out_features)):
        number = positive(name, value)
        if number % groups:
            raise ValueError(
                f"feature_group_count {groups} does not divide {name} {number} (remainder "
                f"{number % groups}): give a divisor of both"
            )
    return groups


# -- on a circle -----------------------------------------------------------------------------------------------------


def _wrapped_layer(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    spans: Sequence[int],
    takes: int,
    gives: int,
    flipped: bool,
) -> ConvTranspose:
    """Make the transpose of a circular convolution: Flax wraps the result of ``VALID`` to input_size * stride."""
    pads, extra = [], []
    for span, stride in zip(spans, strides, strict=True):
        beyond = max(span - stride, 0)
        less, more = beyond // 2, beyond - beyond // 2
        pads.append((more, less) if flipped else (less, more))
        extra.append(max(stride - span, 0))
    return ConvTranspose(
        sizes,
        kernel,
        stride=strides,
        padding=pads,
        dilation=dilation,
        in_channels=takes,
        out_channels=gives,
        padding_mode="circular",
        output_padding=extra,
        ndim=len(kernel),
    )


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
        Weight, with the mask on it if there is one, and bias are copies, as NumPy arrays; float16 and bfloat16 are
        widened to float32, without loss. Of an abstract module, which has shapes alone, they are `MissingValues`, and
        the layer has its sizes all the same.

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
    """
    turns = hasattr(obj, "transpose_kernel")
    own = ("transpose_kernel",) if turns else ("input_dilation", "feature_group_count")
    fields = ("kernel_size", "strides", "padding", "kernel_dilation", *own)
    kwargs = dict(zip(fields, attributes_of(obj, fields, "a Flax convolution"), strict=True))
    _refuse_other_code(obj)
    kernel, bias = _parameters(obj, variables, params)
    _check_kernel(obj, kernel, kwargs["kernel_size"])
    *_, second, first = kernel.shape  # (*kernel_size, I, O)
    if turns:
        flipped = kwargs["transpose_kernel"]
        takes, gives = (first, second) if flipped else (second, first)
        layer = flax_conv_transpose(input_size, takes, gives, kwargs.pop("kernel_size"), **kwargs)
        layout = transposed_kernel(flipped, kwargs["padding"])
    else:
        takes = second * positive("feature_group_count", kwargs["feature_group_count"])
        layer = flax_conv(input_size, takes, first, kwargs.pop("kernel_size"), **kwargs)
        layout = KERNEL
    if bias is not None and bias.shape != (layer.out_channels,):
        raise ValueError(
            f"the bias of {type(obj).__name__} has shape {bias.shape}, but the layer has "
            f"{layer.out_channels} channels: ({layer.out_channels},) is needed"
        )
    return Loaded(layer, convert_values(kernel, layer.weight_shape, layout.convert), bias)


_COMPUTING = ("__call__", "param")
"""Methods by which Flax's convolutions compute their result; linen's get their kernel from ``param``."""


def _refuse_other_code(obj: Any) -> None:
    """Check that no method by which the object computes is overridden."""
    name = type(obj).__name__
    if not getattr(obj, "shared_weights", True):
        raise WrongTypeError(f"{name} has a kernel of its own for each place, and is no convolution: give a Conv")
    convolve = getattr(obj, "conv_general_dilated", None)
    known = getattr(convolve, "__name__", "") == "conv_general_dilated" and _package(convolve) == "jax"
    if getattr(obj, "conv_general_dilated_cls", None) is not None or not (convolve is None or known):
        raise WrongTypeError(
            f"{name} has a conv_general_dilated of its own, which may compute anything: give a layer without it"
        )
    promote = getattr(obj, "promote_dtype", None)
    if promote is not None and _package(promote) != "flax":
        raise WrongTypeError(
            f"{name} has a promote_dtype of its own, which may change the kernel: give a layer without it"
        )
    found = override_of(obj, _COMPUTING, lambda cls: comes_from(cls, ["flax"]))
    if found is not None:
        raise WrongTypeError(
            f"{name} has a {found.method} of its own, which may compute anything ({found.method} of "
            f"{found.owner}): give the convolution in it"
        )
    patched = patch_of(type(obj), _COMPUTING, ["flax"])
    if patched is not None:
        raise WrongTypeError(f"{patched}: read the layer where the class is Flax' own")


def _package(function: Any) -> str:
    """Return the package in which a function is defined."""
    return str(getattr(function, "__module__", "")).partition(".")[0]


def _parameters(
    obj: Any, variables: Mapping[str, Any] | None, params: Mapping[str, Any] | None
) -> tuple[Values, Values | None]:
    """Return the kernel, with its mask applied, and the bias."""
    name = type(obj).__name__
    if variables is None and params is None and getattr(obj, "scope", None) is not None:
        variables = obj.variables  # of a module that linen has bound
    for what, given in (("variables", variables), ("params", params)):
        if given is not None and not (hasattr(given, "get") and hasattr(given, "keys")):
            raise WrongTypeError(
                f"{what} must be a mapping of names to arrays, got {short(given)} ({type(given).__name__})"
            )
    if params is None and variables is not None:
        params = variables.get("params", variables)
    if params is None:
        if not hasattr(obj, "kernel"):
            raise ValueError(
                f"{name} keeps its parameters apart, as linen's modules do: give variables=, what its "
                "init() returned, too"
            )
        params = {"kernel": obj.kernel, "bias": getattr(obj, "bias", None)}
    if "kernel" not in params:
        raise ValueError(
            f"the parameters of {name} have no 'kernel' among {', '.join(map(short, params)) or 'them'}: "
            "give those of this layer alone"
        )
    kernel = _values(f"the kernel of {name}", params["kernel"])
    mask = getattr(obj, "mask", None)
    if mask is not None:
        mask = _values(f"the mask of {name}", mask)
        if mask.shape != kernel.shape:
            raise ValueError(
                f"the mask of {name} has shape {mask.shape}, but its kernel {kernel.shape}: Flax needs the same"
            )
        missing = next((each for each in (kernel, mask) if isinstance(each, MissingValues)), None)
        kernel = np.multiply(kernel, mask) if missing is None else missing
    if not getattr(obj, "use_bias", True):
        return kernel, None
    bias = params.get("bias")
    return kernel, None if bias is None else _values(f"the bias of {name}", bias)


def _values(what: str, value: Any) -> Values:
    """Return a copy of an array that may be boxed by Flax, float16 and bfloat16 widened to float32."""
    if hasattr(value, "unbox"):  # linen's, which tell about devices
        value = value.unbox()
    if hasattr(value, "get_value"):  # nnx's variables
        value = value.get_value()
    elif hasattr(value, "value"):  # those of older versions
        value = value.value
    shape = tuple(getattr(value, "shape", ()))
    if hasattr(value, "shape") and not hasattr(value, "__array__"):
        return MissingValues(f"{what} has shape {shape} but no values: initialise it first", shape)
    array = widened(np.array(value))
    if array.dtype.isbuiltin == 2:  # of JAX's own, such as float8
        return MissingValues(
            f"{what} has dtype {array.dtype}, which scipy.sparse cannot hold: cast it with .astype('float32')", shape
        )
    return array


def _check_kernel(obj: Any, kernel: Values, kernel_size: Any) -> None:
    entries = entries_of(kernel_size)
    size = (kernel_size,) if entries is None else tuple(entries)
    if len(kernel.shape) != len(size) + 2 or kernel.shape[:-2] != size:
        raise ValueError(
            f"the kernel of {type(obj).__name__} has shape {kernel.shape}, but kernel_size {size} needs "
            "that and two axes of channels behind: give the parameters of this layer"
        )
