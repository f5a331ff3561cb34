"""ONNX: the attributes of the operators Conv and ConvTranspose, for the arrays X and W or their shapes.

Pads are all begins, then all ends. The pads of a transposed layer crop; with an output_shape, or SAME, they follow from
it, and the odd element is at the start for all but SAME_UPPER. ONNX's weights have the layout of the layers. Nodes and
models are read by the names of their fields, whether they come from the package onnx or not.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from numpy.typing import ArrayLike, NDArray

from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.frameworks.onnx.attributes import NAMES, columns_of, name_of_pads, numbers_of, pads_of, split
from convmatrix.frameworks.onnx.constants import Constants
from convmatrix.frameworks.onnx.graphs import constants_of
from convmatrix.frameworks.onnx.models import read_model
from convmatrix.frameworks.onnx.nodes import Node, node_of, same_kind
from convmatrix.frameworks.shared.calls import WithWeight, argument_names, check_groups, takes_weight, with_weight
from convmatrix.frameworks.shared.layouts import shape_of, sizes_in, weight_of
from convmatrix.frameworks.shared.loading import Chain, Loaded
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import PerAxis, cast_for, per_axis, positive

__all__ = [
    "CONV_WEIGHT",
    "TRANSPOSED_WEIGHT",
    "checked_layout",
    "conv",
    "conv_transpose",
    "from_layer",
    "from_model",
    "read_weight",
]

# -- layers ----------------------------------------------------------------------------------------------------------


@takes_weight
def conv(
    X: Any,
    W: Any,
    auto_pad: str | bytes = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
    *,
    weight: ArrayLike | None = None,
) -> Conv | WithWeight[Conv]:
    """Make the layer that ONNX's operator Conv is, with the attributes of its node.

    Parameters
    ----------
    X : (N, C, *size) array_like or sequence of int
        The input, or its shape; N may be None.
    W : (M, C // group, *kernel_shape) array_like or sequence of int
        The weight, or its shape.
    auto_pad : str or bytes, default "NOTSET"
        Or ``SAME_UPPER``, ``SAME_LOWER``, ``VALID``.
    dilations, strides : sequence of int, optional
        One for each axis; ones by default.
    group : int, default 1
    kernel_shape : sequence of int, optional
        What W says already.
    pads : sequence of int, optional
        All begins, then all ends; zeros by default.
    weight : (M, C // group, *kernel_shape) array_like, optional
        The values of W.

    Returns
    -------
    Conv
    WithWeight
        With `weight`, the pair of the layer and W in its layout.

    Raises
    ------
    ValueError
        If the numbers are none that ONNX takes; a TypeError as well where they are of a wrong kind.

    References
    ----------
    .. [1] ONNX, operator Conv (docs/Operators.md).

    Examples
    --------
    >>> conv((1, 3, 224, 224), (64, 3, 7, 7), strides=[2, 2], pads=[3, 3, 3, 3]).output_shape
    (64, 112, 112)
    >>> conv((1, 1, 5), (1, 1, 2), auto_pad="SAME_LOWER").padding
    ((1, 0),)
    """
    channels, size = _data(X)
    out, per_group, *kernel = _weight_shape(W, len(size), kernel_shape)
    group = positive("group", group)
    if channels != per_group * group:
        raise ValueError(
            f"X has {pluralize(channels, 'channel')} but W of shape {(out, per_group, *kernel)} takes "
            f"{per_group * group} (= {per_group} * group {group}): W is (M, C / group, *kernel_shape)"
        )
    check_groups("group", group, {"the first axis of W": out})
    columns = columns_of(kernel, strides, dilations)
    padding = pads_of(auto_pad, pads, size, columns)
    with argument_names(NAMES):
        layer = Conv(
            size,
            kernel,
            stride=columns["stride"],
            dilation=columns["dilation"],
            groups=group,
            padding=padding,
            in_channels=channels,
            out_channels=out,
        )
    return with_weight(layer, weight, CONV_WEIGHT)


@takes_weight
def conv_transpose(
    X: Any,
    W: Any,
    auto_pad: str | bytes = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
    *,
    weight: ArrayLike | None = None,
) -> ConvTranspose | WithWeight[ConvTranspose]:
    """Make the layer that ONNX's operator ConvTranspose is, with the attributes of its node.

    Parameters
    ----------
    X : (N, C, *size) array_like or sequence of int
        The layer's own input, or its shape; N may be None.
    W : (C, M // group, *kernel_shape) array_like or sequence of int
        The weight, or its shape.
    auto_pad, dilations, group, kernel_shape, strides
        As for `conv`; ``SAME_UPPER`` and ``SAME_LOWER`` give size * strides.
    output_padding : sequence of int, optional
        Less than the stride. With an output_shape, or SAME, the crop is so much larger instead.
    output_shape : sequence of int, optional
        Spatial. Pads follow from it, and those that are given are not looked at.
    pads : sequence of int, optional
        What is cropped: all begins, then all ends; zeros by default.
    weight : (C, M // group, *kernel_shape) array_like, optional
        The values of W.

    Returns
    -------
    ConvTranspose
    WithWeight
        With `weight`, the pair of the layer and W of ConvTranspose in its layout.

    Raises
    ------
    ValueError
        If the numbers are none that ONNX takes; a TypeError as well where they are of a wrong kind.

    Notes
    -----
    With SAME and a kernel that spans less than the strides, zeros are added, as the text of the operator has it.
    onnxruntime differs there: it adds none at the start, and without an output_shape none at all.

    References
    ----------
    .. [1] ONNX, operator ConvTranspose (docs/Operators.md).

    Examples
    --------
    >>> conv_transpose((1, 1, 3, 3), (1, 2, 3, 3), strides=[3, 2], pads=[1, 2, 1, 2]).output_shape
    (2, 7, 3)
    >>> conv_transpose((1, 1, 3), (1, 1, 4), strides=[2], output_shape=[7]).padding
    ((1, 0),)
    >>> conv_transpose((1, 1, 3), (1, 1, 4), strides=[2], output_shape=[7], auto_pad="SAME_UPPER").padding
    ((0, 1),)
    """
    channels, size = _data(X)
    inputs, per_group, *kernel = _weight_shape(W, len(size), kernel_shape)
    group = positive("group", group)
    if channels != inputs:
        raise ValueError(
            f"X has {pluralize(channels, 'channel')} but W of shape {(inputs, per_group, *kernel)} takes "
            f"{inputs}: W is (C, M / group, *kernel_shape)"
        )
    check_groups("group", group, {"the channels of X": channels})
    columns = columns_of(kernel, strides, dilations)
    extra = numbers_of("output_padding", output_padding, len(size), least=0, default=0)
    for axis, (op, stride) in enumerate(zip(extra, columns["stride"], strict=True)):
        if op >= stride:
            raise ValueError(
                f"output_padding {op} on axis {axis} must be less than strides {stride}: a convolution "
                "of the larger output would have more outputs than X has entries"
            )
    full = [(n - 1) * s + span for n, s, span in zip(size, columns["stride"], columns["span"], strict=True)]
    name, given = name_of_pads(auto_pad, pads), pads_of(auto_pad, pads, size, columns)
    if output_shape is not None or name.startswith("SAME"):
        wanted = numbers_of("output_shape", output_shape, len(size), least=1)
        if output_shape is None:
            wanted = [n * s for n, s in zip(size, columns["stride"], strict=True)]
        crops = [
            _crop(axis, name, *numbers)
            for axis, numbers in enumerate(zip(full, wanted, extra, columns["stride"], strict=True))
        ]
    else:
        crops = list(zip(given, extra, strict=True))
    with argument_names(NAMES):
        layer = ConvTranspose(
            size,
            kernel,
            stride=columns["stride"],
            dilation=columns["dilation"],
            groups=group,
            in_channels=channels,
            out_channels=per_group * group,
            padding=[pair for pair, _ in crops],
            output_padding=[op for _, op in crops],
        )
    return with_weight(layer, weight, TRANSPOSED_WEIGHT)


def _crop(axis: int, name: str, full: int, wanted: int, extra: int, stride: int) -> tuple[tuple[int, int], int]:
    """Return the pads and the output_padding of one axis for an output size."""
    total = full + extra - wanted
    if total >= 0 or name.startswith("SAME"):
        return split(name, total), extra
    # ONNX's own evaluator and onnxruntime agree here: nothing is added at the start.
    if wanted - full >= stride:
        raise ValueError(
            f"output_shape {wanted} on axis {axis} is too large: without pads the output has {full}, and with strides "
            f"{stride} it can have at most {stride - 1} more; use at most {full + stride - 1}"
        )
    return (0, 0), wanted - full


def _data(X: Any) -> tuple[int, list[int]]:
    """Return the channels and the spatial size of a layer's input."""
    shape = shape_of("X", X, unknown=True)
    if len(shape) < 3:
        raise ValueError(f"X has shape {shape} but needs (N, C, *size), at least 3 axes")
    channels, *size = sizes_in("X", shape, range(1, len(shape)))
    return channels, size


def _weight_shape(W: Any, ndim: int, kernel_shape: Any) -> list[int]:
    """Return the shape of W, if it has as many axes as X, and the kernel_shape of the node."""
    lengths = shape_of("W", W)
    if len(lengths) != ndim + 2:
        raise ValueError(f"W has shape {lengths} but X has {ndim} spatial axes, so W needs {ndim + 2} axes in all")
    shape = list(sizes_in("W", lengths, range(len(lengths))))
    given = numbers_of("kernel_shape", kernel_shape, ndim, least=1)
    if kernel_shape is not None and given != shape[2:]:
        raise ValueError(f"kernel_shape {given} is not that of W, {shape[2:]}: leave it out, or say the same")
    return shape


# -- weights ---------------------------------------------------------------------------------------------------------

CONV_WEIGHT = WeightLayout()
TRANSPOSED_WEIGHT = WeightLayout("IO*", "IO*")


def read_weight(W: Any) -> NDArray[Any]:
    """Return the values of a weight W of either operator.

    Parameters
    ----------
    W : array_like

    Returns
    -------
    ndarray
        Of a dtype that scipy.sparse can hold.

    Raises
    ------
    WrongTypeError
        If it has a dtype that scipy.sparse cannot hold: a TypeError as well.

    Examples
    --------
    >>> read_weight([[[1, 2]]])
    array([[[1, 2]]])
    """
    array = weight_of(W)
    cast = "float32" if "float" in str(array.dtype) and array.dtype.itemsize < 4 else cast_for(array.dtype)
    if cast is not None:
        raise WrongTypeError(
            f"W has dtype {array.dtype}, which scipy.sparse cannot hold: cast it with .astype({short(cast)})"
        )
    return array


def checked_layout(shape: tuple[int, ...], layout: WeightLayout) -> WeightLayout:
    """Return a layout after checking that a weight has enough axes for it.

    Parameters
    ----------
    shape : tuple of int
        Of the weight W.
    layout : WeightLayout

    Returns
    -------
    WeightLayout
        The same layout.

    Raises
    ------
    ValueError
        If it has fewer than three axes.

    Examples
    --------
    >>> checked_layout((8, 3, 5), CONV_WEIGHT) == CONV_WEIGHT
    True
    """
    if len(shape) < 3:
        first, second = ("M", "C") if layout == CONV_WEIGHT else ("C", "M")
        raise ValueError(f"W has shape {shape} but needs ({first}, {second} / group, *kernel_shape), at least 3 axes")
    return layout


# -- nodes and models ------------------------------------------------------------------------------------------------


def from_layer(obj: Any, input_size: PerAxis, initializers: Any) -> Loaded:
    """Read a Conv or ConvTranspose node, by the names of its fields.

    Parameters
    ----------
    obj : onnx.NodeProto
    input_size : int or sequence of int
        Spatial; one int for all axes, or one for each.
    initializers : mapping, onnx.GraphProto or onnx.ModelProto
        What the node's inputs W and B name: arrays or TensorProtos.

    Returns
    -------
    Loaded
        With the arrays of W and B as weight and bias.

    Raises
    ------
    ValueError
        If the node is another one, if its weight is not among the initializers, or if ONNX would refuse its numbers.
    WrongTypeError
        If it is no node, or a tensor of a kind that is not read: a TypeError as well.

    References
    ----------
    .. [1] ONNX, onnx/onnx.proto.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> strides = SimpleNamespace(name="strides", type=7, ints=[2])
    >>> node = SimpleNamespace(op_type="Conv", input=["x", "w"], output=["y"], attribute=[strides])
    >>> from_layer(node, 5, {"w": np.ones((1, 1, 3))}).layer
    Conv(input_size=(5,), kernel_size=(3,), stride=(2,))
    """
    read = node_of(obj)
    if read.op_type not in _OPERATORS:
        raise ValueError(
            f"{read.op_type} is neither Conv nor ConvTranspose: give such a node, or read the whole model "
            "with from_model"
        )
    constants = constants_of(initializers)
    W = _weight(read, constants)
    return _loaded(read, (0, *per_axis("input_size", input_size, W.ndim - 2)), constants)


def from_model(obj: Any, input_size: PerAxis | None = None, in_channels: int | None = None) -> Chain:
    """Read a model, or a graph, whose nodes come one after the other.

    Conv, ConvTranspose, average and max pools, Resize and Upsample (the nearest and linear modes of `Upsample`), space
    to depth and back, and Pad become layers, a pad the depthwise convolution with one tap. Activations, normalisation,
    dropout, Identity, and a Flatten or Reshape at the end are left out with a note. Nodes that do not lead to the
    graph's output are ignored, as by onnxruntime.

    Parameters
    ----------
    obj : str, os.PathLike, onnx.ModelProto or onnx.GraphProto
        The path of an .onnx file is read with the package onnx; tensors in other files only from the model's folder.
    input_size : int or sequence of int, optional
        Spatial; needed where the graph's input has no lengths.
    in_channels : int, optional
        Likewise; without it, what the first convolution takes.

    Returns
    -------
    Chain
        Its notes also tell where onnxruntime differs from the text of an operator.

    Raises
    ------
    ValueError
        If there is a branch or a cycle, or the chain does not reach the graph's output; if a node is none of these,
        with its name; or if ONNX would refuse its numbers. An OSError as well where a file cannot be read, an
        ImportError where the package onnx is needed and missing, a MemoryError where a weight does not fit in memory.
    WrongTypeError
        If it is no model, or a tensor of a kind that is not read: a TypeError as well.

    Examples
    --------
    >>> from types import SimpleNamespace as Fake
    >>> nodes = [Fake(op_type="Relu", input=["x"], output=["a"], attribute=[]),
    ...          Fake(op_type="GlobalAveragePool", input=["a"], output=["y"], attribute=[])]
    >>> graph = Fake(node=nodes, initializer=[], input=[Fake(name="x")], output=[Fake(name="y")])
    >>> chain = from_model(graph, (2, 2), in_channels=3)
    >>> chain[0]
    AvgPool(input_size=(2, 2), kernel_size=(2, 2), channels=3)
    >>> print(*chain.left_out)
    node 0 (Relu): an activation, which is not linear and changes no size
    """
    return read_model(obj, input_size, in_channels, _loaded)


_OPERATORS: Mapping[str, Callable[..., Layer]] = {"Conv": conv, "ConvTranspose": conv_transpose}
_KINDS = {
    "auto_pad": "STRING",
    "dilations": "INTS",
    "group": "INT",
    "kernel_shape": "INTS",
    "output_padding": "INTS",
    "output_shape": "INTS",
    "pads": "INTS",
    "strides": "INTS",
}
_OF_CONV = {name: kind for name, kind in _KINDS.items() if not name.startswith("output")}


def _weight(node: Node, constants: Constants) -> NDArray[Any]:
    """Return the values of the input W of a node, whose layout is ours."""
    W = read_weight(constants.array(*node.operand(1, "W")))
    checked_layout(W.shape, CONV_WEIGHT if node.op_type == "Conv" else TRANSPOSED_WEIGHT)
    return W


@lru_cache(maxsize=256)  # a deep model has many equal layers
def _layer(
    op_type: str, shape: tuple[int, ...], W_shape: tuple[int, ...], attributes: tuple[tuple[str, Any], ...]
) -> Layer:
    return _OPERATORS[op_type]((None, *shape), W_shape, **dict(attributes))


def _loaded(node: Node, shape: tuple[int, ...], constants: Constants) -> Loaded:
    """Make a convolution for an input shape; 0 channels stand for those of the weight."""
    same_kind(node, _OF_CONV if node.op_type == "Conv" else _KINDS)
    W = _weight(node, constants)
    needed = W.shape[0]
    if node.op_type == "Conv":
        needed = W.shape[1] * positive("group", node.attributes.get("group", 1))
    layer = _layer(node.op_type, (shape[0] or needed, *shape[1:]), W.shape, tuple(node.attributes.items()))
    bias = constants.array(*node.operand(2, "B")) if node.has(2) else None
    if bias is not None and bias.shape != (layer.out_channels,):
        raise ValueError(
            f"B has shape {bias.shape} but must have shape ({layer.out_channels},), one number for each output channel"
        )
    return Loaded(layer, W, bias)
