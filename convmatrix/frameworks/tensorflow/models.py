"""Keras' sequential models, read by the Keras classes of their layers and by the attributes of these.

Linear layers are converted; activations, normalisation and dropout are left out with a note; all others, and layers
with overridden methods, raise an error that has their name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.shared.loading import Chain, LeftOut, Loaded, attributes_of, chained
from convmatrix.frameworks.shared.overrides import Override, base_of, comes_from, override_of, patch_of, what_to_give
from convmatrix.frameworks.tensorflow.arguments import keras_padding, one_each
from convmatrix.layers import AvgPool, Conv, MaxPool, Upsample
from convmatrix.layers.arguments import PerAxis, check_word, count_axes, entries_of, per_axis, positive

__all__ = ["check_call", "read_model"]


ReadsConvolution = Callable[[Any, PerAxis, int], Loaded]
"""Function from a convolution, its input size and its input channels to a layer."""


# -- the whole model -------------------------------------------------------------------------------------------------


def read_model(
    obj: Any, input_size: PerAxis | None, in_channels: int | None, read_convolution: ReadsConvolution
) -> Chain:
    """Read a Sequential, as documented for ``tensorflow.from_model``.

    Parameters
    ----------
    obj : Sequential
    input_size : int or sequence of int, or None
    in_channels : int or None
    read_convolution : callable
        From a convolution, a transposed or a depthwise one, the size of its input and the channels that it is given to
        a layer.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        If a layer is refused, with its name; or if layers have different data formats.
    WrongTypeError
        If the object is no Sequential, or has a call of its own: a TypeError as well.
    """
    pieces = list(_pieces(obj))
    data_format = _common_data_format(pieces)
    shape = _first_shape(obj, [piece for _, piece in pieces], data_format, input_size, in_channels)
    return chained(pieces, shape, _Reader(read_convolution).read)


class _Reader:
    """Reader of a sequence of layers, which records whether a flatten has removed the spatial axes."""

    def __init__(self, read_convolution: ReadsConvolution) -> None:
        self.read_convolution = read_convolution
        self.flattened_by = ""

    def read(self, piece: Any, shape: tuple[int, ...]) -> Loaded | LeftOut:
        if isinstance(piece, _Activation):
            return LeftOut(f"the activation {piece.function} is not linear")
        check_call(piece)
        kind = _kind(piece)
        if kind in _PASSED_OVER:
            return LeftOut(_PASSED_OVER[kind])
        if kind == "Flatten":
            self.flattened_by = self.flattened_by or kind
            return LeftOut("it only flattens, in the order of the data_format; the matrix has channels first")
        if self.flattened_by:
            raise ValueError(f"{kind} comes after {self.flattened_by}, which leaves no axes: end the model before it")
        if kind[:-2] in _GLOBAL and not getattr(piece, "keepdims", False):
            self.flattened_by = kind
        return self._layer(piece, shape)

    def _layer(self, piece: Any, shape: tuple[int, ...]) -> Loaded:
        kind, (channels, *size) = _kind(piece), shape
        reader = _FIXED.get(kind[:-2])
        if reader is not None and kind[-2:] in ("1D", "2D", "3D"):
            if int(kind[-2]) != len(size):
                raise ValueError(f"{kind} is given {len(size)} spatial axes, of sizes {tuple(size)}")
            return reader(piece, channels, tuple(size))
        if not any(hasattr(piece, name) for name in ("kernel_size", "pointwise_kernel")):
            raise ValueError(
                f"{kind} is none of the layers that have a matrix here, nor one that may be passed over: "
                "end the model before it, or give its parts"
            )
        loaded = self.read_convolution(piece, size, channels)
        if loaded.layer.in_channels != channels:
            raise ValueError(f"{kind} takes {loaded.layer.in_channels} channels but is given {channels}")
        return loaded


def _pieces(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and layers of a model and of nested models; an activation follows its layer."""
    check_call(model)
    if _kind(model) != "Sequential":
        raise WrongTypeError(
            f"{type(model).__name__} is no Sequential, whose layers follow each other: give one, or "
            "read each layer by from_layer"
        )
    layers = attributes_of(model, ("layers",), "a Keras Sequential")[0]
    _check_built(model, layers)
    for piece in layers:
        if _kind(piece) == "Sequential" and _override(piece) is None:
            yield from _pieces(piece)
            continue
        name = str(getattr(piece, "name", type(piece).__name__))
        yield name, piece
        function = getattr(piece, "activation", None)
        if not _does_nothing(function) and hasattr(piece, "kernel_size"):
            yield name, _Activation(getattr(function, "__name__", type(function).__name__))


def _does_nothing(activation: Any) -> bool:
    """Check whether an activation is None or Keras' ``linear``, which is the identity."""
    name, home = (str(getattr(activation, field, "")) for field in ("__name__", "__module__"))
    return activation is None or (name == "linear" and home.partition(".")[0] in _KERAS)


def _check_built(model: Any, layers: Iterable[Any]) -> None:
    """Check that a Sequential still has the layers with which it was built, which are those that it calls."""
    built = getattr(getattr(model, "_functional", None), "layers", None)
    if built is None:
        return
    current, called = ([id(layer) for layer in each if _kind(layer) != "InputLayer"] for each in (layers, built))
    if current != called:
        raise ValueError(
            f"{type(model).__name__} was built with other layers than it has now, and computes with "
            "those: make a new Sequential of them"
        )


class _Activation:
    """The activation of a layer."""

    def __init__(self, function: str) -> None:
        self.function = function


def _common_data_format(pieces: Iterable[tuple[str, Any]]) -> str | None:
    known: tuple[str, str] | None = None
    for name, piece in pieces:
        data_format = getattr(piece, "data_format", None)
        if _kind(piece) in ("Cropping1D", "UpSampling1D"):  # which have none
            data_format = "channels_last"
        if data_format is None:
            continue
        known = known or (name, data_format)
        if data_format != known[1]:
            raise ValueError(
                f"{known[0]} has data_format {known[1]!r} but {name} has {data_format!r}: between "
                "them channels would be taken for an axis; give a model with one data_format"
            )
    return None if known is None else known[1]


def _first_shape(
    model: Any, pieces: Iterable[Any], data_format: str | None, input_size: PerAxis | None, in_channels: int | None
) -> tuple[int, ...]:
    """Return the input shape (channels, *size) of the first layer."""
    known_shape = (entries_of(getattr(model, "input_shape", None)) or [])[1:]
    known_channels = known_shape.pop(0 if data_format == "channels_first" else -1) if len(known_shape) > 1 else None
    layers = [piece for piece in pieces if _kind(piece) not in _PASSED_OVER]
    if in_channels is not None:
        positive("in_channels", in_channels)
    channels = in_channels or known_channels or next(filter(None, map(_channels_of, layers)), None)
    if channels is None:
        raise ValueError("no layer of the model tells the channels of its input: give in_channels")
    if input_size is None:
        if known_channels is None or None in known_shape:
            raise ValueError("the model does not tell the sizes of its input: give input_size")
        input_size = known_shape
    ndim = next(filter(None, map(_ndim_of, layers)), None)
    size = per_axis("input_size", input_size, count_axes({"input_size": input_size}, ndim))
    return (positive("in_channels", channels), *size)


def _channels_of(piece: Any) -> int | None:
    """Return the input channels of a built convolution."""
    if not hasattr(piece, "kernel_size") or getattr(piece, "kernel", None) is None:
        return None
    shape = piece.kernel.shape
    at_end = hasattr(piece, "output_padding")
    return int(shape[-1] if at_end else shape[-2] * getattr(piece, "groups", 1))


def _ndim_of(piece: Any) -> int | None:
    """Return the number of spatial axes from the name of a layer or its kernel_size."""
    if hasattr(piece, "kernel_size"):
        return len(entries_of(piece.kernel_size) or ()) or None
    kind = _kind(piece)
    return int(kind[-2]) if kind[:-2] in _FIXED and kind[-2:] in ("1D", "2D", "3D") else None


# -- whose code computes ---------------------------------------------------------------------------------------------

_KERAS = ("keras", "tf_keras", "tensorflow")
"""Packages that define Keras' own classes, whatever the backend and the version."""

_COMPUTING = ("call", "__call__", "convolution_op", "_compute_causal_padding")
"""Methods by which Keras' classes compute their result."""


def _kind(piece: Any) -> str:
    """Return the name of the first class of an object that Keras defines, or of its own class if there is none."""
    base = base_of(piece, _KNOWN, _KERAS, _KERAS)
    if base is not None:
        return base.__name__
    # A user's class below another one of Keras may have a name that stands for something else.
    name = type(piece).__name__
    return f"user-defined {name}" if name in _KNOWN else name


def _override(obj: Any) -> Override | None:
    if not hasattr(type(obj), "call"):
        return None
    return override_of(obj, _COMPUTING, lambda cls: comes_from(cls, _KERAS))


def check_call(obj: Any) -> None:
    """Check that no method by which a layer or a model computes is overridden, on its class or on the object.

    Parameters
    ----------
    obj : Keras layer or model

    Raises
    ------
    WrongTypeError
        If a method that computes is defined outside Keras, or was put on a class of Keras: a TypeError as well.
    """
    found = _override(obj)
    if found is not None:
        remedy = what_to_give(getattr(obj, "_layers", None), "layer", "Keras")
        raise WrongTypeError(found.message(type(obj).__name__, remedy))
    patched = patch_of(type(obj), _COMPUTING, _KERAS)
    if patched is not None:
        raise WrongTypeError(f"{patched}: read the layer where the class is Keras' own")


# -- layers without a weight, and those that are passed over ---------------------------------------------------------


def _pool(kind: type[AvgPool] | type[MaxPool], piece: Any, channels: int, size: tuple[int, ...]) -> Loaded:
    taps, strides, padding = attributes_of(piece, ("pool_size", "strides", "padding"), "a Keras pool")
    taps = one_each("pool_size", taps, len(size))
    stride = one_each("strides", strides, len(size))
    kwargs: dict[str, Any] = {"stride": stride, "padding": keras_padding(padding), "channels": channels}
    if kind is AvgPool:  # an average excludes the padding of SAME
        kwargs["count_include_pad"] = kwargs["padding"] != "same"
    return Loaded(kind(size, taps, **kwargs))


def _global_pool(kind: type[AvgPool] | type[MaxPool], piece: Any, channels: int, size: tuple[int, ...]) -> Loaded:
    return Loaded(kind(size, size, channels=channels))


def _upsampling(piece: Any, channels: int, size: tuple[int, ...]) -> Loaded:
    (factors,) = attributes_of(piece, ("size",), "a Keras upsampling")
    word = getattr(piece, "interpolation", "nearest")
    check_word("interpolation", word, ("nearest", "bilinear"))
    factors = one_each("size", factors, len(size))
    outputs = tuple(n * factor for n, factor in zip(size, factors, strict=True))
    return Loaded(
        Upsample(size, output_size=outputs, mode="nearest" if word == "nearest" else "linear", channels=channels)
    )


def _framed(attribute: str, sign: int, piece: Any, channels: int, size: tuple[int, ...]) -> Loaded:
    """Make the depthwise convolution with one tap that pads with zeros, or that crops by negative pads."""
    (pairs,) = attributes_of(piece, (attribute,), "a Keras layer that pads or crops")
    pairs = [pairs] if len(size) == 1 and not isinstance(pairs[0], tuple | list) else pairs
    padding = tuple((sign * before, sign * after) for before, after in pairs)
    layer = Conv(size, (1,) * len(size), padding=padding, groups=channels, in_channels=channels, out_channels=channels)
    return Loaded(layer, np.ones(layer.weight_shape, dtype=np.float32))


_GLOBAL = ("GlobalAveragePooling", "GlobalMaxPooling")
_FIXED: Mapping[str, Callable[[Any, int, tuple[int, ...]], Loaded]] = {
    "AveragePooling": partial(_pool, AvgPool),
    "MaxPooling": partial(_pool, MaxPool),
    "GlobalAveragePooling": partial(_global_pool, AvgPool),
    "GlobalMaxPooling": partial(_global_pool, MaxPool),
    "UpSampling": _upsampling,
    "ZeroPadding": partial(_framed, "padding", 1),
    "Cropping": partial(_framed, "cropping", -1),
}
"""Readers of Keras' layers without a kernel, by class name without the number of axes."""

_PASSED_OVER: Mapping[str, str] = {
    "InputLayer": "it only names the input",
    "Identity": "it does nothing",
    "ActivityRegularization": "it only adds to the loss",
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"), "an activation is not linear"),
    **dict.fromkeys(
        ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"),
        "normalisation is no part of the matrix",
    ),
    **dict.fromkeys(
        (
            "Dropout",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
            "AlphaDropout",
            "GaussianDropout",
            "GaussianNoise",
        ),
        "it acts in training alone",
    ),
}

_KNOWN = frozenset(("Sequential", "Flatten", *_PASSED_OVER, *(f"{kind}{n}D" for kind in _FIXED for n in (1, 2, 3))))
"""Layers that are known by the names of their classes; a convolution is known by its attributes."""
