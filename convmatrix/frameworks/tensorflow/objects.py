"""Keras' objects: a convolution with its weight and bias, and a Sequential as a chain of layers."""

from typing import Any

import numpy as np  # noqa: F401  the examples use it

from convmatrix.frameworks.shared.calls import argument_names
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.loading import Chain, Loaded, MissingValues, Values, attributes_of
from convmatrix.frameworks.tensorflow.arguments import one_each
from convmatrix.frameworks.tensorflow.keras import (
    NAMES,
    data_format_of,
    keras_conv,
    keras_depthwise_conv,
    transposed_layer,
)
from convmatrix.frameworks.tensorflow.models import check_call, read_model
from convmatrix.frameworks.tensorflow.weights import FILTERS, TRANSPOSED_FILTERS, depthwise_filters
from convmatrix.layers import Layer
from convmatrix.layers.arguments import PerAxis, entries_of

__all__ = ["from_layer", "from_model"]


def from_layer(obj: Any, input_size: PerAxis) -> Loaded:
    """Read a Keras convolution, transposed or depthwise convolution, on any of its backends.

    Its activation is not a part of the layer. Kernels of float16 and bfloat16 are widened to float32, without loss. A
    transposed layer that TensorFlow alone refuses, for an output_padding of 0, is read as the other backends compute
    it. The matrix is channels first, whatever the object's data_format.

    Parameters
    ----------
    obj : Keras layer
        Built.
    input_size : int or sequence of int
        For all axes, or one for each; without channels.

    Returns
    -------
    Loaded
        The layer, its weight in the layout of the layer, and its bias; `MissingValues` for both if it is quantised.

    Raises
    ------
    ValueError
        If the object is none of these layers or has a call of its own (also a TypeError), is not built, or is refused
        for its arguments.

    References
    ----------
    .. [1] Keras, documentation of the convolution layers.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> layer = SimpleNamespace(kernel=np.ones((3, 1, 1)), bias=None, kernel_size=(3,), strides=(1,), padding="same",
    ...                         dilation_rate=(1,), data_format="channels_last", groups=1, filters=1)
    >>> from_layer(layer, 4).layer
    Conv(input_size=(4,), kernel_size=(3,), padding=((1, 1),))
    """
    if not getattr(obj, "built", True):
        check_call(obj)
        raise ValueError(_not_built(obj))
    return _read(obj, input_size)


def _not_built(obj: Any) -> str:
    return f"{type(obj).__name__} is not built, so it has no kernel yet: call it once, or its build(input_shape)"


def _read(obj: Any, input_size: PerAxis, channels: int | None = None) -> Loaded:
    """Read a convolution; one that is not built takes the number of channels that it is given."""
    kind = type(obj).__name__
    check_call(obj)
    if hasattr(obj, "pointwise_kernel"):
        raise ValueError(f"{kind} is two convolutions, a depthwise one and one of single taps: give each of them")
    built = getattr(obj, "built", True)
    names = ("kernel_size", "strides", "padding", "dilation_rate", "data_format")
    *_, taps, strides, padding, dilation, data_format = attributes_of(
        obj, ("kernel", *names) if built else names, "a Keras convolution"
    )
    kernel = _kernel(obj) if built else MissingValues(_not_built(obj), _shape_when_built(obj, channels))
    size = one_each("input_size", input_size, len(kernel.shape) - 2)
    kwargs = {"kernel_size": taps, "strides": strides, "padding": padding, "dilation_rate": dilation}
    data_format_of(data_format)
    *_, second, first = kernel.shape
    layer: Layer
    if hasattr(obj, "depth_multiplier"):
        layer = keras_depthwise_conv((*size, second), **kwargs, depth_multiplier=first)
        layout = depthwise_filters(second)
    elif hasattr(obj, "output_padding"):
        layer = transposed_layer((*size, first), second, **kwargs, data_format=None, output_padding=obj.output_padding)
        layout = TRANSPOSED_FILTERS
    else:
        (groups,) = attributes_of(obj, ("groups",), "a Keras convolution")
        layer = keras_conv((*size, second * groups), first, **kwargs, groups=groups)
        layout = FILTERS
    if isinstance(kernel, MissingValues):
        bias = MissingValues(kernel.reason, (layer.out_channels,)) if getattr(obj, "use_bias", True) else None
        return Loaded(layer, MissingValues(kernel.reason, layer.weight_shape), bias)
    bias = getattr(obj, "bias", None) if getattr(obj, "use_bias", True) else None
    with argument_names(NAMES):
        weights = layer.checked_weight(layout.convert(kernel))
    return Loaded(layer, weights, None if bias is None else weight_of(bias))


def _kernel(obj: Any) -> Values:
    """Return the kernel of a built layer in Keras' layout."""
    mode = getattr(obj, "quantization_mode", None)
    if mode:
        return MissingValues(
            f"{type(obj).__name__} is quantized ({mode}): give the layer before that, whose kernel "
            "has the numbers it multiplies",
            tuple(obj.kernel.shape),
        )
    return weight_of(obj.kernel)


def _shape_when_built(obj: Any, channels: int | None) -> tuple[int, ...]:
    """Return the shape that the kernel will have for an input with these channels."""
    if channels is None:
        raise ValueError(_not_built(obj))
    taps = tuple(entries_of(obj.kernel_size) or ())
    if hasattr(obj, "depth_multiplier"):
        return (*taps, channels, obj.depth_multiplier)
    if hasattr(obj, "output_padding"):
        return (*taps, obj.filters, channels)
    return (*taps, channels // obj.groups, obj.filters)


def from_model(obj: Any, input_size: PerAxis | None = None, in_channels: int | None = None) -> Chain:
    """Read a Keras Sequential: its convolutions, pools, upsampling, zero padding and cropping.

    Activations, normalisation and dropout are passed over with a note, as is what flattens at the end. Zero padding and
    cropping are depthwise convolutions of a single tap.

    Parameters
    ----------
    obj : Sequential
        Sequentials in it are walked through. Layers that are not built have `MissingValues` in place of a weight.
    input_size : int or sequence of int, optional
        For all axes, or one for each; without it, that of the model's input_shape.
    in_channels : int, optional
        Where neither a convolution at the beginning nor the model's input_shape tells it.

    Returns
    -------
    Chain
        Its notes name the layers that were passed over.

    Raises
    ------
    ValueError
        If the object is no Sequential or has a call of its own (also a TypeError), if a layer is refused, with its
        name, or if layers have different data formats.

    References
    ----------
    .. [1] Keras, documentation of the Sequential model and its layers.

    Examples
    --------
    >>> class AveragePooling1D:
    ...     name, pool_size, strides, padding, data_format = "mean", (2,), (2,), "valid", "channels_last"
    >>> class Sequential:
    ...     layers = (AveragePooling1D(),)
    >>> list(from_model(Sequential(), 6, in_channels=1))
    [AvgPool(input_size=(6,), kernel_size=(2,))]
    """
    return read_model(obj, input_size, in_channels, _read)
