"""Gluon's blocks: a convolution with its weight and bias, and a sequence of blocks as a chain of layers."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np  # noqa: F401  the examples use it

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.legacy.mxnet.convolutions import conv, conv_transpose
from convmatrix.frameworks.legacy.mxnet.weights import check_layout, is_channels_last, weight_layout
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.loading import (
    Chain,
    LeftOut,
    Loaded,
    MissingValues,
    Values,
    attributes_of,
    chained,
    convert_values,
    require_input_size,
)
from convmatrix.frameworks.shared.overrides import base_of, comes_from, override_of, patch_of, what_to_give
from convmatrix.layers import AvgPool, Layer, MaxPool, PixelShuffle
from convmatrix.layers.arguments import PerAxis, entries_of, integer, per_axis, positive

__all__ = ["from_layer", "from_model"]

# -- one block -------------------------------------------------------------------------------------------------------

_POOL_KEYWORDS = ("kernel", "stride", "pad", "global_pool", "pool_type", "pooling_convention")
_CONV_KEYWORDS = ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "layout")


def from_layer(obj: Any, input_size: PerAxis) -> Loaded:
    """Read a gluon.nn.Conv1D to Conv3D, or Conv1DTranspose to Conv3DTranspose, by the names of its attributes.

    An activation that the block applies afterwards is not part of it.

    Parameters
    ----------
    obj : gluon block
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each.

    Returns
    -------
    Loaded
        Weights of float16 are widened to float32, without loss. A block that is not initialised has `MissingValues` in
        place of a weight, and its sizes all the same.

    Raises
    ------
    ValueError
        If the block does not take an input of this size, or does not know its channels yet.
    WrongTypeError
        If it is no convolution, has a forward of its own, or a hook: a TypeError as well.

    References
    ----------
    .. [1] MXNet, documentation of mxnet.gluon.nn.Conv2D and Conv2DTranspose.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> kwargs = {"kernel": (2,), "stride": (1,), "dilate": (1,), "pad": (0,), "num_filter": 1, "num_group": 1,
    ...     "layout": "NCW"}
    >>> obj = SimpleNamespace(_op_name="Convolution", _kwargs=kwargs, weight=np.array([[[1, 2]]]), bias=None)
    >>> layer, w, bias = from_layer(obj, 3)
    >>> layer.matrix(w).toarray()
    array([[1, 2, 0],
           [0, 1, 2]])
    """
    return _read(obj, input_size)


def _read(obj: Any, input_size: PerAxis, channels: int | None = None) -> Loaded:
    """Read a convolution; one whose weight has no shape yet takes the number of channels that it is given."""
    operator, parameter, bias = attributes_of(obj, ("_op_name", "weight", "bias"), "a Gluon convolution")
    name = type(obj).__name__
    _refuse_other_code(obj)
    if operator not in ("Convolution", "Deconvolution"):
        raise WrongTypeError(f"{name} applies {operator}, which is no convolution: give a Conv or ConvTranspose block")
    all_keywords = _keywords_of(obj, _CONV_KEYWORDS, "a Gluon convolution")
    keywords = {keyword: all_keywords[keyword] for keyword in _CONV_KEYWORDS}
    layout = keywords["layout"]
    array = _parameter(parameter, name, None if channels is None else _weight_shape(operator, keywords, channels))
    entries = entries_of(keywords["kernel"])
    size = _spatial(input_size, 1 if entries is None else len(entries))
    layer: Layer
    rows, cols, *_ = _channels_in_front(array.shape, layout)
    if operator == "Deconvolution":
        layer = conv_transpose(
            _data_shape(rows, size, layout),
            **keywords,
            adj=all_keywords.get("adj"),
            target_shape=all_keywords.get("target_shape"),
        )
    else:
        layer = conv(_data_shape(cols * integer("num_group", keywords["num_group"]), size, layout), **keywords)
    biases = None if bias is None else _parameter(bias, name, (layer.out_channels,))
    layout_of = weight_layout(layout, transpose=operator == "Deconvolution")
    values = convert_values(array, layer.weight_shape, lambda w: layer.checked_weight(layout_of.convert(w)))
    return Loaded(layer, values, biases)


def _channels_in_front(shape: tuple[int, ...], layout: str | None) -> tuple[int, ...]:
    """Return the shape of a weight with the channels first."""
    check_layout(layout, len(shape) - 2)
    first, second, *kernel = (shape[0], shape[-1], *shape[1:-1]) if is_channels_last(layout) else shape
    return (first, second, *kernel)


def _weight_shape(operator: str, keywords: Mapping[str, Any], channels: int) -> tuple[int, ...]:
    """Return the shape that a weight will have for data with these channels."""
    entries, groups = entries_of(keywords["kernel"]), integer("num_group", keywords["num_group"])
    kernel = (keywords["kernel"],) if entries is None else tuple(entries)
    rows, cols = keywords["num_filter"], channels
    if operator == "Deconvolution":
        rows, cols = cols, rows
    return (rows, *kernel, cols // groups) if is_channels_last(keywords["layout"]) else (rows, cols // groups, *kernel)


def _keywords_of(block: Any, needed: Sequence[str], what: str) -> Mapping[str, Any]:
    """Return the keywords with which a block calls its operator, if all required ones are present."""
    keywords: Mapping[str, Any] = attributes_of(block, ("_kwargs",), what)[0]
    missing = [keyword for keyword in needed if keyword not in keywords]
    if missing:
        raise WrongTypeError(
            f"{type(block).__name__} says no {short(missing[0])} in its _kwargs: give a block of mxnet.gluon.nn"
        )
    return keywords


def _data_shape(channels: int, size: Sequence[int], layout: str | None) -> tuple[int | None, ...]:
    """Return the shape of data with an unknown batch."""
    return (None, *size, channels) if is_channels_last(layout) else (None, channels, *size)


def _spatial(input_size: PerAxis, count: int) -> list[int]:
    sizes = per_axis("input_size", input_size, count)
    if len(sizes) != count:
        raise ValueError(
            f"input_size has {pluralize(len(sizes), 'entry')}, {tuple(sizes)}, but the block has {count} "
            f"{'axis' if count == 1 else 'axes'}: give one entry for each"
        )
    return sizes


def _parameter(parameter: Any, name: str, shape_when_known: tuple[int, ...] | None = None) -> Values:
    """Return the values of a parameter, float16 widened to float32, or `MissingValues` if it has none yet."""
    if not callable(getattr(parameter, "data", None)):
        return weight_of(parameter)
    shape = getattr(parameter, "shape", None)
    if shape is None or any(length is None or length < 1 for length in shape):
        reason = (
            f"{name} does not know its in_channels yet (its parameter has shape {shape}): give them when it is "
            "made, or call it once on data"
        )
        if shape_when_known is None:
            raise ValueError(reason)
        return MissingValues(reason, shape_when_known)
    try:
        return weight_of(parameter.data())
    except RuntimeError:  # MXNet's own, which says so in a paragraph
        reason = f"{name} has no values yet: call .initialize() on it, or load its parameters"
        return MissingValues(reason, tuple(shape))


_PACKAGES = ("mxnet",)

_COMPUTING = ("__call__", "forward", "hybrid_forward")
"""Methods by which Gluon's blocks compute their result."""


def _refuse_other_code(block: Any) -> None:
    """Check that no method by which a block computes is overridden, and that it has no hooks."""
    name = type(block).__name__
    found = override_of(block, _COMPUTING, lambda cls: comes_from(cls, _PACKAGES))
    if found is not None:
        raise WrongTypeError(found.message(name, what_to_give(getattr(block, "_children", None), "block", "Gluon")))
    patched = patch_of(type(block), _COMPUTING, _PACKAGES)
    if patched is not None:
        raise WrongTypeError(f"{patched}: read the block where the class is MXNet's own")
    for kind, when in (("_forward_pre_hooks", "pre-hook"), ("_forward_hooks", "hook")):
        for hook in dict(getattr(block, "__dict__", {}).get(kind) or {}).values():
            function = getattr(hook, "__qualname__", type(hook).__name__).rpartition("<locals>.")[-1]
            raise WrongTypeError(
                f"{name} has a forward {when}, {function}, which may change what it computes: detach "
                "it, by the handle that its registration returned"
            )


# -- Gluon's models --------------------------------------------------------------------------------------------------

_SEQUENTIAL = ("HybridSequential", "Sequential")
_PASSED = {
    **dict.fromkeys(
        ("Activation", "LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "Swish", "SiLU"),
        "an activation, which is not linear",
    ),
    **dict.fromkeys(
        ("BatchNorm", "SyncBatchNorm", "BatchNormReLU", "InstanceNorm", "LayerNorm", "GroupNorm"),
        "a normalisation, which keeps sizes",
    ),
    "Dropout": "dropout, which does nothing in use",
    "Identity": "does nothing",
    "Flatten": "a flatten at the end, which the rows of a matrix are already",
}
_CONVOLUTIONS = tuple(f"Conv{axes}D{kind}" for axes in (1, 2, 3) for kind in ("", "Transpose"))
_POOLS = tuple(f"{kind}Pool{axes}D" for axes in (1, 2, 3) for kind in ("Max", "Avg", "GlobalMax", "GlobalAvg"))
_SHUFFLES = tuple(f"PixelShuffle{axes}D" for axes in (1, 2, 3))
_KNOWN = frozenset((*_SEQUENTIAL, *_PASSED, *_CONVOLUTIONS, *_POOLS, *_SHUFFLES))


def from_model(obj: Any, input_size: PerAxis | None = None, in_channels: int | None = None) -> Chain:
    """Read a gluon.nn.HybridSequential or Sequential, which may be nested, or a single block, as a chain of layers.

    Convolutions, average and max pools and pixel shuffles become layers; activations, normalisation, dropout and a
    flatten at the end are passed over with a note.

    Parameters
    ----------
    obj : gluon block
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each. Required, since blocks do not store it.
    in_channels : int, optional
        Channels of the input, where the first layer does not tell them.

    Returns
    -------
    Chain
        Its notes name the blocks that were passed over.

    Raises
    ------
    ValueError
        If there is no layer in it, one does not take what comes before it, or the number of channels is not known.
    WrongTypeError
        If it has a block that is none of these, which is named: a TypeError as well.

    Examples
    --------
    >>> kwargs = {"kernel": (2,), "stride": (1,), "dilate": (1,), "pad": (0,), "num_filter": 1, "num_group": 1,
    ...     "layout": "NCW"}
    >>> values = {"_op_name": "Convolution", "_kwargs": kwargs, "weight": np.array([[[1, 2]]]), "bias": None}
    >>> block = type("Conv1D", (), values)()
    >>> from_model(type("Sequential", (), {"_children": {"0": block, "1": block}})(), 5)[1].output_size
    (3,)
    """
    input_size = require_input_size(input_size, "Gluon's blocks")
    pieces = list(_pieces(obj, ""))
    first = next((piece for _, piece in pieces if _kind(piece) in (*_CONVOLUTIONS, *_POOLS, *_SHUFFLES)), None)
    if first is None:
        raise ValueError(
            f"there is no layer in {type(obj).__name__} that has a matrix: give one with a convolution or a pool"
        )
    size = _spatial(input_size, int(_kind(first).removesuffix("Transpose")[-2]))
    channels = _first_channels(pieces) if in_channels is None else positive("in_channels", in_channels)
    return chained(pieces, (channels, *size), _Reader())


class _Reader:
    """Reader of a sequence of blocks, which accepts no layer after a flatten."""

    def __init__(self) -> None:
        self.flat = False

    def __call__(self, block: Any, shape: tuple[int, ...]) -> Loaded | LeftOut:
        kind = _kind(block)
        if kind in _PASSED:
            self.flat |= kind == "Flatten"
            return LeftOut(_PASSED[kind])
        if self.flat:
            raise WrongTypeError(f"{type(block).__name__} comes after a Flatten, where no axes are left: end before it")
        if kind in _CONVOLUTIONS:
            return _convolution(block, shape)
        if kind in _POOLS:
            return Loaded(_pool(block, shape))
        return Loaded(_shuffle(block, shape))


def _kind(block: Any) -> str:
    """Return the name of the Gluon class of a block, unless it overrides the computation."""
    _refuse_other_code(block)
    base = base_of(block, _KNOWN, _PACKAGES, _PACKAGES)
    if base is not None:
        return base.__name__
    raise WrongTypeError(
        f"{type(block).__name__} is no block that is read as a layer: those are convolutions, pools, "
        "pixel shuffles and sequences of them; read its parts one by one with from_layer"
    )


def _pieces(block: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield all blocks in order; an activation follows its block."""
    own = name or type(block).__name__
    try:
        kind = _kind(block)
    except WrongTypeError as error:
        raise WrongTypeError(f"{own}: {error}") from None
    if kind in _SEQUENTIAL:
        for key, child in attributes_of(block, ("_children",), "a Gluon sequence")[0].items():
            yield from _pieces(child, f"{name}.{key}".removeprefix("."))
        return
    yield own, block
    if getattr(block, "act", None) is not None and kind in _CONVOLUTIONS:
        yield f"{own}.act", block.act


def _first_channels(pieces: Sequence[tuple[str, Any]]) -> int:
    """Return the channels of the input, which are those of the first convolution, since pools keep them."""
    for name, block in pieces:
        kind = _kind(block)
        if kind in _CONVOLUTIONS:
            (parameter,) = attributes_of(block, ("weight",), "a Gluon convolution")
            keywords = _keywords_of(block, _CONV_KEYWORDS, "a Gluon convolution")
            shape = _channels_in_front(_parameter(parameter, f"{name}: {kind}").shape, keywords["layout"])
            return shape[0] if kind.endswith("Transpose") else shape[1] * integer("num_group", keywords["num_group"])
        if kind in _SHUFFLES:
            break
    raise ValueError("the first layer with a weight does not tell how many channels the input has: say in_channels")


def _convolution(block: Any, shape: tuple[int, ...]) -> Loaded:
    loaded = _read(block, shape[1:], shape[0])
    if loaded.layer.in_channels != shape[0]:
        raise ValueError(
            f"{type(block).__name__} takes {pluralize(loaded.layer.in_channels, 'channel')} but what comes "
            f"before it gives {shape[0]}"
        )
    return loaded


def _pool(block: Any, shape: tuple[int, ...]) -> AvgPool | MaxPool:
    keywords = _keywords_of(block, _POOL_KEYWORDS, "a Gluon pool")
    kind, convention = keywords["pool_type"], keywords["pooling_convention"]
    channels, size = shape[0], shape[1:]
    if kind not in ("max", "avg") or convention not in ("valid", "full"):
        raise WrongTypeError(
            f"{type(block).__name__} has pool_type {short(kind)} and pooling_convention "
            f"{convention!r}, but only 'max' and 'avg' with 'valid' and 'full' are read"
        )
    if keywords["global_pool"]:
        kernel, stride, pads, ceil_mode = size, (1,) * len(size), (0,) * len(size), False
    else:
        kernel, stride, pads, ceil_mode = keywords["kernel"], keywords["stride"], keywords["pad"], convention == "full"
    arguments: dict[str, Any] = {"stride": stride, "padding": pads, "ceil_mode": ceil_mode, "channels": channels}
    pool: AvgPool | MaxPool
    if kind == "max":
        pool = MaxPool(size, kernel, **arguments)
    else:
        pool = AvgPool(size, kernel, **arguments, count_include_pad=keywords.get("count_include_pad", True))
    if ceil_mode:
        _check_windows(pool)
    return pool


def _check_windows(pool: AvgPool | MaxPool) -> None:
    """Check that no window is beyond all input, as in MXNet's 'full' convention."""
    for axis, (n, k, s, (pad, _), o) in enumerate(
        zip(pool.input_size, pool.kernel_size, pool.stride, pool.padding, pool.output_size, strict=True)
    ):
        windows = -((k - n - 2 * pad) // s) + 1
        if windows != o:
            raise ValueError(
                f"MXNet's pooling_convention 'full' has {windows} windows on axis {axis} (= ceil((size {n} + 2 * pad "
                f"{pad} - kernel {k}) / stride {s}) + 1), of which {windows - o} would see no input: use 'valid', or "
                "less stride or padding"
            )


def _shuffle(block: Any, shape: tuple[int, ...]) -> PixelShuffle:
    factors = block._factors if hasattr(block, "_factors") else attributes_of(block, ("_factor",), "a PixelShuffle")[0]
    size = shape[1:]
    each = per_axis("factor", factors, len(size))
    if shape[0] % prod(each):
        raise ValueError(
            f"{type(block).__name__} needs a multiple of {prod(each)} channels (the product of its "
            f"factors {tuple(each)}), but {shape[0]} come"
        )
    return PixelShuffle(size, tuple(each), channels=shape[0] // prod(each))
