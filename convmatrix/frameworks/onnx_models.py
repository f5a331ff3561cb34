"""ONNX's graphs without branches, node after node.

What is a layer of ours becomes one; what changes no size is passed over with a note; all else is refused by its name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import counted
from convmatrix.frameworks.loaded import Chain, LeftOut, Loaded, chained
from convmatrix.frameworks.onnx_numbers import columns_of, numbers_of, pads_of
from convmatrix.frameworks.onnx_protos import Constants, Graph, Node, graph_of, node_of, same_kind
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, PixelUnshuffle, Upsample
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, per_axis, positive

__all__ = ["read_model"]

Shape = tuple[int, ...]
"""(channels, *size)."""
Reader = Callable[[Node, Shape, Constants], Loaded]
"""From a node, the shape that it is given and the constants of the model to a layer."""

_ACTIVATIONS = (
    "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "Hardmax", "LeakyRelu", "LogSoftmax", "Mish", "PRelu",
    "Relu", "Selu", "Shrink", "Sigmoid", "Softmax", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
)  # fmt: skip
_NORMALISATIONS = ("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LRN", "LayerNormalization",
                   "LpNormalization", "MeanVarianceNormalization", "RMSNormalization")  # fmt: skip
_PASSED: Mapping[str, str] = {
    **dict.fromkeys(_ACTIVATIONS, "an activation, which is not linear and changes no size"),
    **dict.fromkeys(_NORMALISATIONS, "a normalisation, which changes no size and has no matrix of its own here"),
    "Dropout": "dropout, which does nothing when a trained model runs",
    "Identity": "nothing to do",
    "Cast": "a cast to another floating point type",
}
_FLATTENS = ("Flatten", "Reshape", "Squeeze")

_FLOATS = (1, 10, 11, 16)
"""TensorProto.data_type of float, float16, double and bfloat16."""


# -- the whole model -------------------------------------------------------------------------------------------------


def read_model(obj: Any, input_size: PerAxis | None, in_channels: int | None, read_convolution: Reader) -> Chain:
    """Read a model, as ``onnx.from_model`` says.

    Parameters
    ----------
    obj : onnx.ModelProto or onnx.GraphProto
    input_size : int, sequence of int or None
    in_channels : int or None
    read_convolution : callable
        From a Conv or ConvTranspose node, the shape of its input and the constants to a layer.

    Returns
    -------
    Chain

    Raises
    ------
    ValueError
        If there are branches, or a node is refused; with its name.
    WrongTypeError
        If it is no model, or of a kind that is not read: a TypeError as well.
    """  # noqa: DOC502  raised by what reads the nodes
    graph = graph_of(obj)
    name, lengths = _only_input(graph)
    pieces = list(_chain(graph, name))
    readers = {**_READERS, "Conv": read_convolution, "ConvTranspose": read_convolution}
    shape = _input_shape(name, lengths, input_size, in_channels, pieces, graph.constants)
    flattened = False

    def read(node: Node, shape: Shape) -> Loaded | LeftOut:
        nonlocal flattened
        if node.op_type in _FLATTENS:
            flattened = True
            return LeftOut("the order of the entries stays as it is")
        if node.op_type in _PASSED:
            return _passed(node)
        if node.op_type not in readers:
            raise ValueError("it is no layer that is known here: cut the model before it, or read its convolutions one "
                             "by one with from_layer")  # fmt: skip
        if flattened:
            raise ValueError("it comes after the image was flattened or reshaped, which is read only at the end")
        return readers[node.op_type](node, shape, graph.constants)

    return chained(pieces, shape, read)


def _passed(node: Node) -> LeftOut:
    if node.op_type == "Cast" and node.attributes.get("to") not in _FLOATS:
        raise ValueError(f"it casts to data_type {node.attributes.get('to')}, which is no floating point type, and "
                         "rounds: cut the model before it")  # fmt: skip
    return LeftOut(_PASSED[node.op_type])


def _only_input(graph: Graph) -> tuple[str, tuple[int | None, ...] | None]:
    if len(graph.inputs) != 1:
        raise ValueError(f"the graph has {len(graph.inputs)} inputs that are no initializers, {list(graph.inputs)}, "
                         "but only a chain from one input is read: give the weights as initializers")  # fmt: skip
    return next(iter(graph.inputs.items()))


def _chain(graph: Graph, name: str) -> Iterator[tuple[str, Node]]:
    """The nodes on the way of the input, in order."""
    nodes = [(said, node, tuple(node.input)) for said, node in graph.nodes]
    for _ in nodes:
        takers = [(said, node, reads) for said, node, reads in nodes for _ in range(reads.count(name))]
        if len(takers) + (name in graph.outputs) > 1:
            ends = [said for said, _, _ in takers] + ["the graph's output"] * (name in graph.outputs)
            raise ValueError(f"the model branches: {name!r} goes to {' and to '.join(ends)}; only a chain is read, so "
                             "cut the model there")  # fmt: skip
        if not takers:
            return
        said, proto, reads = takers[0]
        try:
            node = node_of(proto)
        except ValueError as error:
            raise type(error)(f"{said}: {error}") from error
        _refuse_joins(graph, said, node, reads, name)
        yield said, node
        name = node.outputs[0]


def _refuse_joins(graph: Graph, said: str, node: Node, reads: Sequence[str], name: str) -> None:
    """Refuse a node whose other inputs are no constants, or whose other outputs are used."""
    others = [other for other in reads if other and other != name and other not in graph.constants.tensors]
    if node.op_type in ("Conv", "ConvTranspose"):  # which say more clearly what becomes of their weights
        others = [other for other in others if other in graph.inputs]
    if others and reads[0] == name and node.op_type in (*_READERS, *_PASSED, *_FLATTENS):
        graph.constants.array(others[0], f"input {list(reads).index(others[0])} of {said}")
    if others or reads[0] != name:
        with_it = others or [read for read in reads if read and read != name]
        raise ValueError(f"{said}: it joins {name!r} and {', '.join(map(repr, with_it))}, but only a chain of layers "
                         "is read: cut the model before it")  # fmt: skip
    for output in node.outputs[1:]:
        if output and (output in graph.outputs or any(output in other.input for _, other in graph.nodes)):
            raise ValueError(f"{said}: its second output {output!r} is used, but only a chain of layers is read: cut "
                             "the model there")  # fmt: skip


def _input_shape(
    name: str,
    lengths: tuple[int | None, ...] | None,
    input_size: PerAxis | None,
    in_channels: int | None,
    pieces: Sequence[tuple[str, Node]],
    constants: Constants,
) -> Shape:
    """(channels, *size) of the graph's input, as the graph and the arguments say it."""
    if lengths is not None and len(lengths) < 3:
        raise ValueError(f"input {name!r} has {len(lengths)} axes but needs (N, C, *size), at least 3")
    if lengths is None and input_size is None:
        raise ValueError(f"input {name!r} has no shape in the graph: give input_size, one number for each axis")
    asked = entries_of(input_size)
    if lengths is None:
        lengths = (None, None, *([None, None] if asked is None else [None] * len(asked)))
    known, ndim = lengths[2:], len(lengths) - 2
    if input_size is None:
        for axis, length in enumerate(known):
            if length is None:
                raise ValueError(f"input {name!r} has no length on spatial axis {axis} in the graph: give input_size")
        size = [length or 0 for length in known]
    else:
        if asked is not None and len(asked) != ndim:
            raise ValueError(f"input_size has {counted(len(asked), 'entry')}, {asked}, but input {name!r} has {ndim} "
                             "spatial axes in the graph")  # fmt: skip
        size = per_axis("input_size", input_size, ndim)
    for axis, (length, said) in enumerate(zip(known, size, strict=True)):
        if length not in (None, said):
            raise ValueError(f"input_size {said} on axis {axis} is not the {length} that input {name!r} has in the "
                             "graph: leave it out, or clear the shapes of the model")  # fmt: skip
    channels = lengths[1]
    if in_channels is not None and channels not in (None, positive("in_channels", in_channels)):
        raise ValueError(f"in_channels {in_channels} is not the {channels} that input {name!r} has in the graph")
    channels = in_channels or channels or _channels_of_first(pieces, constants)
    if channels is None:
        raise ValueError(f"input {name!r} has no number of channels in the graph, and no convolution tells it: give "
                         "in_channels")  # fmt: skip
    return (channels, *size)


def _channels_of_first(pieces: Sequence[tuple[str, Node]], constants: Constants) -> int | None:
    """Channels that the first convolution takes, where all nodes before keep them."""
    for _, node in pieces:
        if node.op_type in ("Conv", "ConvTranspose"):
            W = constants.array(*node.operand(1, "W"))
            return int(W.shape[1] * node.attributes.get("group", 1) if node.op_type == "Conv" else W.shape[0])
        if node.op_type in ("DepthToSpace", "SpaceToDepth"):
            return None
    return None


# -- pools -----------------------------------------------------------------------------------------------------------

_POOL = {"auto_pad": "STRING", "kernel_shape": "INTS", "pads": "INTS", "strides": "INTS", "ceil_mode": "INT",
         "dilations": "INTS"}  # fmt: skip


def _pool(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    average = node.op_type == "AveragePool"
    same_kind(node, {**_POOL, ("count_include_pad" if average else "storage_order"): "INT"})
    asked, size = node.attributes, shape[1:]
    if "kernel_shape" not in asked:
        raise ValueError(f"{node.op_type} needs the attribute kernel_shape, got {sorted(asked)}")
    kernel = numbers_of("kernel_shape", asked["kernel_shape"], len(size), least=1)
    columns = columns_of(kernel, asked.get("strides"), asked.get("dilations"))
    auto_pad = asked.get("auto_pad", "NOTSET")
    pads = pads_of(auto_pad, asked.get("pads"), size, columns)
    ceil_mode = bool(asked.get("ceil_mode", 0))
    if auto_pad != "NOTSET":
        _refuse_unsettled(auto_pad, ceil_mode, size, columns)
    ceil_mode = ceil_mode and auto_pad == "NOTSET"  # the size of SAME is rounded up in any case
    windows: dict[str, Any] = {
        "stride": columns["stride"],
        "padding": pads,
        "ceil_mode": ceil_mode,
        "channels": shape[0],
    }
    if not average:
        return Loaded(MaxPool(size, kernel, dilation=columns["dilation"], **windows))
    counts = bool(asked.get("count_include_pad", 0))
    if set(columns["dilation"]) <= {1}:
        return Loaded(AvgPool(size, kernel, count_include_pad=counts, **windows))
    return _dilated_average(shape, kernel, columns, pads, counts, ceil_mode)


def _refuse_unsettled(auto_pad: str, ceil_mode: bool, size: Shape, columns: Mapping[str, list[int]]) -> None:
    """Refuse names where they mean no pads of at least 0: the text, the evaluator and onnxruntime differ there."""
    for axis, (n, span, stride) in enumerate(zip(size, columns["span"], columns["stride"], strict=True)):
        rest = (n - span) % stride
        if auto_pad == "VALID" and ceil_mode and rest:
            raise ValueError(
                f"ceil_mode=1 beside auto_pad 'VALID' leaves {rest} entries on axis {axis} (= (size {n} - {span}) mod "
                f"stride {stride}), and it is not agreed whether they have a window: give pads instead of auto_pad"
            )
        outputs = -(-n // stride)
        total = (outputs - 1) * stride + span - n
        if auto_pad.startswith("SAME") and total < 0:
            raise ValueError(
                f"auto_pad {auto_pad!r} of a pool would pad by {total} on axis {axis} (= ({outputs} outputs - 1) * "
                f"stride {stride} + {span} - size {n}), which no pool of ours can: give pads instead of auto_pad"
            )


def _dilated_average(
    shape: Shape, kernel: list[int], columns: Mapping[str, list[int]], pads: list[tuple[int, int]], counts: bool,
    ceil_mode: bool,
) -> Loaded:  # fmt: skip
    """An average whose windows have gaps, where each has the same divisor: a depthwise convolution."""
    rests = [(n + sum(pair) - span) % s
             for n, pair, span, s in zip(shape[1:], pads, columns["span"], columns["stride"], strict=True)]  # fmt: skip
    if (ceil_mode and any(rests)) or (any(map(any, pads)) and not counts):
        raise ValueError(
            f"an AveragePool with dilations {columns['dilation']} whose windows count different numbers of cells, with "
            f"pads {pads}, count_include_pad={int(counts)} and ceil_mode={int(ceil_mode)}, is no layer of ours: leave "
            "out the dilations, or the pads"
        )
    layer = Conv(shape[1:], kernel, stride=columns["stride"], dilation=columns["dilation"], padding=pads,
                 groups=shape[0], in_channels=shape[0], out_channels=shape[0])  # fmt: skip
    return Loaded(layer, np.full(layer.weight_shape, 1 / prod(kernel)))


def _global_pool(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    pool = AvgPool if node.op_type == "GlobalAveragePool" else MaxPool
    return Loaded(pool(shape[1:], shape[1:], channels=shape[0]))


# -- resizes ---------------------------------------------------------------------------------------------------------

_COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")
_ROUNDINGS: Mapping[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda position: ceil(position - Fraction(1, 2)),
    "round_prefer_ceil": lambda position: floor(position + Fraction(1, 2)),
    "floor": floor,
    "ceil": ceil,
}
_RESIZE = {"mode": "STRING", "coordinate_transformation_mode": "STRING", "nearest_mode": "STRING",
           "cubic_coeff_a": "FLOAT", "exclude_outside": "INT", "extrapolation_value": "FLOAT", "antialias": "INT",
           "axes": "INTS", "keep_aspect_ratio_policy": "STRING", "scales": "FLOATS"}  # fmt: skip


def _resize(node: Node, shape: Shape, constants: Constants) -> Loaded:
    """A resize, if one of the modes of `Upsample` reads the same entries."""
    same_kind(node, _RESIZE)
    asked = node.attributes
    early = node.op_type == "Upsample" or len(node.inputs) == 2  # before version 11, with neither roi nor modes
    mode = {"bilinear": "linear"}.get(asked.get("mode", "nearest"), asked.get("mode", "nearest"))
    coordinates = asked.get("coordinate_transformation_mode", "asymmetric" if early else "half_pixel")
    rounding = asked.get("nearest_mode", "floor" if early else "round_prefer_floor")
    check_word("mode", mode, ("nearest", "linear"))
    check_word("coordinate_transformation_mode", coordinates, _COORDINATES)
    check_word("nearest_mode", rounding, tuple(_ROUNDINGS))
    size = shape[1:]
    scales, outputs = _scales_and_outputs(node, shape, constants, early)
    if asked.get("antialias", 0) and mode == "linear" and any(scale < 1 for scale in scales):
        raise ValueError("antialias=1 spreads the filter where the image becomes smaller, and no layer of ours does: "
                         "export the model without it")  # fmt: skip
    spoken = [
        [_position(coordinates, place, n, o, scale) for place in range(o)]
        for n, o, scale in zip(size, outputs, scales, strict=True)
    ]
    for candidate in ({"mode": "nearest"}, {"mode": "nearest-exact"}, {"mode": "linear"},
                      {"mode": "linear", "align_corners": True}):  # fmt: skip
        if candidate["mode"].startswith(mode):  # type: ignore[attr-defined]
            layer = Upsample(size, scale=scales, output_size=outputs, channels=shape[0], **candidate)
            ours = [
                _read(mode, _ROUNDINGS["floor"], n, positions) for n, positions in zip(size, _ours(layer), strict=True)
            ]
            theirs = [
                _read(mode, _ROUNDINGS[rounding], n, positions) for n, positions in zip(size, spoken, strict=True)
            ]
            if ours == theirs:
                return Loaded(layer)
    also = f" and nearest_mode {rounding!r}" if mode == "nearest" else ""
    raise ValueError(
        f"mode {mode!r} with coordinate_transformation_mode {coordinates!r}{also} from size {size} to {tuple(outputs)} "
        "reads other entries than any mode of Upsample: use 'asymmetric' with 'floor' for nearest, 'half_pixel' or "
        "'align_corners' for linear"
    )


def _position(coordinates: str, place: int, inputs: int, outputs: int, scale: Fraction) -> Fraction:
    """Where an output stands on the inputs (operator Resize)."""
    if coordinates == "align_corners":
        return Fraction(place * (inputs - 1), max(outputs - 1, 1))
    if coordinates == "asymmetric":
        return place / scale
    if coordinates == "pytorch_half_pixel" and outputs == 1:
        return Fraction(0)
    moved = Fraction(0)
    if coordinates == "half_pixel_symmetric":
        moved = Fraction(inputs, 2) * (1 - outputs / (inputs * scale))
    return moved + (place + Fraction(1, 2)) / scale - Fraction(1, 2)


def _ours(layer: Upsample) -> list[list[Fraction]]:
    """Where the outputs of a layer of ours stand on its inputs; those of the nearest modes are rounded down."""
    return [
        [
            _position("align_corners", o, n, outputs, scale) if layer.align_corners
            else o / scale if layer.mode == "nearest"
            else (o + Fraction(1, 2)) / scale - (Fraction(1, 2) if layer.mode == "linear" else 0)
            for o in range(outputs)
        ]
        for n, outputs, scale in zip(layer.input_size, layer.output_size, layer.scale, strict=True)
    ]  # fmt: skip


def _read(
    mode: str, rounding: Callable[[Fraction], int], inputs: int, positions: Sequence[Fraction]
) -> list[Fraction | int]:
    """What is read at positions: the entry, or the place between two, never beyond the ends."""
    places = positions if mode == "linear" else [rounding(position) for position in positions]
    return [min(max(place, 0), inputs - 1) for place in places]


def _scales_and_outputs(
    node: Node, shape: Shape, constants: Constants, early: bool
) -> tuple[list[Fraction], list[int]]:
    """The scale and the output size of each spatial axis."""
    asked, size = node.attributes, shape[1:]
    policy = asked.get("keep_aspect_ratio_policy", "stretch")
    check_word("keep_aspect_ratio_policy", policy, ("stretch",))
    count = len(size) + 2
    axes = [axis % count for axis in asked.get("axes", range(count))]
    place = 1 if early else 2
    values: NDArray[Any] = np.zeros(0)
    if "scales" in asked:
        values = np.asarray(asked["scales"])
    elif len(node.inputs) > place and node.inputs[place]:
        values = constants.array(*node.operand(place, "scales"))
    if values.size:
        given = _spread(axes, [_as_written(value) for value in values.ravel()], "scales", [Fraction(1)] * count)
        if given[:2] != [1, 1]:
            raise ValueError(f"scales {values.ravel().tolist()} resize the batch or the channels: only spatial axes "
                             "are resized here")  # fmt: skip
        outputs = [floor(n * scale) for n, scale in zip(size, given[2:], strict=True)]
        for axis, (n, o, scale) in enumerate(zip(size, outputs, given[2:], strict=True)):
            if o < 1:
                raise ValueError(f"output is empty on axis {axis}: its size would be {o} (= floor({n} * scale "
                                 f"{float(scale)})); use a scale of at least {1 / n:.3g}")  # fmt: skip
            if asked.get("coordinate_transformation_mode") == "align_corners" and o != n * scale:
                raise ValueError(
                    f"scale {float(scale)} makes {float(n * scale)} of size {n} on axis {axis}, no integer, and with "
                    f"'align_corners' it is not agreed whether the last output stands on the last input: give sizes"
                )
        return given[2:], outputs
    wanted = constants.array(*node.operand(3, "sizes")).ravel().tolist()
    _, channels, *spatial = _spread(axes, wanted, "sizes", [0, *shape])
    if channels != shape[0]:
        raise ValueError(f"sizes {wanted} change the {shape[0]} channels: only spatial axes are resized here")
    return [Fraction(o, n) for n, o in zip(size, spatial, strict=True)], spatial


def _spread(axes: Sequence[int], values: Sequence[Any], name: str, unsaid: list[Any]) -> list[Any]:
    """Values that are said for some axes, for all of them."""
    if len(values) != len(axes):
        raise ValueError(f"{name} has {len(values)} entries, {[float(value) for value in values]}, but there are "
                         f"{len(axes)} axes: give one for each")  # fmt: skip
    for axis, value in zip(axes, values, strict=True):
        unsaid[axis] = value
    return unsaid


def _as_written(scale: Any) -> Fraction:
    """The simplest fraction that rounds to a scale in single precision: 0.6 is 3/5."""
    exact = Fraction(float(scale))
    for power in range(1, 9):
        simple = exact.limit_denominator(10**power)
        if np.float32(float(simple)) == np.float32(scale):
            return simple
    return exact


# -- what only moves entries -----------------------------------------------------------------------------------------


def _depth_to_space(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    block, mode = _block(node, shape)
    channels, rest = divmod(shape[0], block**2)
    if rest:
        raise ValueError(
            f"blocksize {block} needs a multiple of {block**2} channels, got {shape[0]} (remainder {rest})"
        )
    if mode == "CRD" or channels == 1:
        return Loaded(PixelShuffle(shape[1:], block, channels=channels))
    layer = ConvTranspose(shape[1:], (block, block), stride=block, in_channels=shape[0], out_channels=channels)
    return Loaded(layer, _one_hot(channels, block))


def _space_to_depth(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    block, mode = _block(node, shape)
    blocks = PixelUnshuffle(shape[1:], block, channels=shape[0])  # refuses what does not divide
    if mode == "CRD" or shape[0] == 1:
        return Loaded(blocks)
    layer = Conv(shape[1:], (block, block), stride=block, in_channels=shape[0], out_channels=blocks.out_channels)
    return Loaded(layer, _one_hot(shape[0], block))


def _block(node: Node, shape: Shape) -> tuple[int, str]:
    same_kind(node, {"blocksize": "INT", "mode": "STRING"})
    if len(shape) != 3:
        raise ValueError(f"{node.op_type} needs an image of 2 spatial axes, got {len(shape) - 1}")
    mode = node.attributes.get("mode", "DCR")
    check_word("mode", mode, ("DCR", "CRD"))
    if "blocksize" not in node.attributes:
        raise ValueError(f"{node.op_type} needs the attribute blocksize")
    return positive("blocksize", node.attributes["blocksize"]), mode


def _one_hot(channels: int, block: int) -> NDArray[Any]:
    """Channel (row * block + column) * channels + c of the small image is tap (row, column) of channel c (DCR)."""
    taps = np.eye(block**2 * channels).reshape(block**2 * channels, block, block, channels)
    return np.moveaxis(taps, 3, 1)  # shape (block**2 * channels, channels, block, block)


_PAD_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _pad(node: Node, shape: Shape, constants: Constants) -> Loaded:
    """A pad as the depthwise convolution with one tap."""
    same_kind(node, {"mode": "STRING", "pads": "INTS", "value": "FLOAT"})
    mode, count = node.attributes.get("mode", "constant"), len(shape) + 1
    check_word("mode", mode, tuple(_PAD_MODES))
    value = node.attributes.get("value", 0)
    if len(node.inputs) > 2 and node.inputs[2]:
        value = constants.array(*node.operand(2, "constant_value"))
    if mode == "constant" and np.any(np.asarray(value)):
        raise ValueError(f"a Pad with constant_value {np.asarray(value).item()} is not linear: only zeros are added")
    axes: Sequence[int] = range(count)
    if len(node.inputs) > 3 and node.inputs[3]:
        axes = [int(axis) % count for axis in constants.array(*node.operand(3, "axes")).ravel()]
    pads = node.attributes.get("pads")
    if pads is None:
        pads = constants.array(*node.operand(1, "pads")).ravel().tolist()
    if len(pads) != 2 * len(axes):
        raise ValueError(f"pads has {len(pads)} entries, {list(pads)}, but needs {2 * len(axes)} (a begin for each "
                         "axis, then an end for each)")  # fmt: skip
    pairs: list[tuple[int, int]] = [(0, 0)] * count
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        pairs[axis] = (int(before), int(after))
    if any(map(any, pairs[:2])):
        raise ValueError(f"pads {list(pads)} change the batch or the channels: only spatial axes are padded here")
    ends = [end for pair in pairs for end in pair]
    if mode != "constant" and min(ends) < 0 < max(ends):
        raise ValueError(f"pads {list(pads)} with mode {mode!r} crop and extend at once, and which comes first is not "
                         "said: use two Pad nodes")  # fmt: skip
    layer = Conv(shape[1:], (1,) * len(shape[1:]), padding=pairs[2:], padding_mode=_PAD_MODES[mode], groups=shape[0],
                 in_channels=shape[0], out_channels=shape[0])  # fmt: skip
    return Loaded(layer, np.ones(layer.weight_shape))


_READERS: Mapping[str, Reader] = {
    "AveragePool": _pool, "MaxPool": _pool, "GlobalAveragePool": _global_pool, "GlobalMaxPool": _global_pool,
    "Resize": _resize, "Upsample": _resize, "DepthToSpace": _depth_to_space, "SpaceToDepth": _space_to_depth,
    "Pad": _pad,
}  # fmt: skip
