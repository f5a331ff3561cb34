"""Reader of ONNX's models as chains of layers, for graphs without branches.

Linear nodes become layers, nodes that change no size are left out with a note, and all others raise an error that has
their name.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from functools import partial
from math import prod
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import pluralize, short
from convmatrix.core.memory import require_memory
from convmatrix.frameworks.onnx.attributes import NAMES, columns_of, numbers_of, pads_of, shortened
from convmatrix.frameworks.onnx.constants import Constants
from convmatrix.frameworks.onnx.files import model_at
from convmatrix.frameworks.onnx.graphs import Graph, graph_of
from convmatrix.frameworks.onnx.nodes import Header, Node, node_of, same_kind
from convmatrix.frameworks.onnx.resize import read_axes, read_resize
from convmatrix.frameworks.shared.calls import argument_names, named
from convmatrix.frameworks.shared.loading import Chain, LeftOut, Loaded, chained
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, PixelUnshuffle
from convmatrix.layers.arguments import PerAxis, check_word, entries_of, per_axis, positive

__all__ = ["read_model"]

Shape = tuple[int, ...]
"""(channels, *size)."""
Reader = Callable[[Node, Shape, Constants], Loaded]
"""Function from a node, its input shape and the constants of the model to a layer."""

_ACTIVATIONS = (
    "Celu",
    "Clip",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "LeakyRelu",
    "LogSoftmax",
    "Mish",
    "PRelu",
    "Relu",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
)
_NORMALISATIONS = (
    "BatchNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LpNormalization",
    "MeanVarianceNormalization",
    "RMSNormalization",
)
_PASSED: Mapping[str, str] = {
    **dict.fromkeys(_ACTIVATIONS, "an activation, which is not linear and changes no size"),
    **dict.fromkeys(_NORMALISATIONS, "a normalisation, which changes no size and has no matrix of its own here"),
    "Dropout": "dropout, which does nothing when a trained model runs",
    "Identity": "nothing to do",
    "Cast": "a cast to another floating point type",
}
_FLATTENS = ("Flatten", "Reshape", "Squeeze")
_CAST = {"to": "INT", "saturate": "INT", "round_mode": "STRING"}
_MOST_INPUTS = {"Conv": 3, "ConvTranspose": 3, "Resize": 4, "Upsample": 2, "Pad": 4}
"""Maximal number of inputs of the operators that become layers; the others have one."""

_FLOATS = (1, 10, 11, 16)
"""TensorProto.data_type of float, float16, double and bfloat16."""


# -- the whole model -------------------------------------------------------------------------------------------------


def read_model(obj: Any, input_size: PerAxis | None, in_channels: int | None, read_convolution: Reader) -> Chain:
    """Read a model, as documented for ``onnx.from_model``.

    Parameters
    ----------
    obj : onnx.ModelProto, onnx.GraphProto, str or os.PathLike
    input_size : int, sequence of int or None
    in_channels : int or None
    read_convolution : callable
        From a Conv or ConvTranspose node, the shape of its input and the constants to a layer.

    Returns
    -------
    Chain
        Its notes name the nodes that were passed over.

    Raises
    ------
    ValueError
        If there are branches, or a node is refused; with its name.
    WrongTypeError
        If it is no model, or of a kind that is not read: a TypeError as well.
    """
    graph = graph_of(*model_at(obj)) if isinstance(obj, str | PathLike) else graph_of(obj)
    name, lengths = _only_input(graph)
    pieces = list(_chain(graph, name))
    shape = _input_shape(name, lengths, input_size, in_channels, pieces, graph.constants)
    resize = partial(read_resize, batch=lengths[0] if lengths else None)
    readers: Mapping[str, Reader] = {
        **_READERS,
        "Resize": resize,
        "Upsample": resize,
        "Conv": read_convolution,
        "ConvTranspose": read_convolution,
    }
    flattened = False
    notes: list[str] = []
    known: dict[Hashable, Loaded] = {}  # equal nodes for equal shapes, of which a model may have thousands

    def read(labelled: tuple[str, Node], shape: Shape) -> Loaded | LeftOut:
        nonlocal flattened
        label, node = labelled
        if node.op_type in _FLATTENS:
            flattened = True
            return LeftOut("the order of the entries stays as it is")
        if node.op_type in _PASSED:
            return _passed(node, graph.constants)
        if node.op_type not in readers:
            raise ValueError(
                "it is no layer that is known here: cut the model before it, or read its convolutions one "
                "by one with from_layer"
            )
        if flattened:
            raise ValueError("it comes after the image was flattened or reshaped, which is read only at the end")
        _check_inputs(node)
        same = (node.op_type, shape, node.inputs[1:], *node.attributes.items())
        if "TENSOR" in node.kinds.values() or same not in known:
            known[same] = readers[node.op_type](node, shape, graph.constants)
        loaded = known[same]
        if why := _differs_in_onnxruntime(node, loaded):
            notes.append(f"{label}: {why}")
        return loaded

    chain = chained([(label, (label, node)) for label, node in pieces], shape, read)
    chain.left_out += tuple(notes)
    return chain


def _differs_in_onnxruntime(node: Node, loaded: Loaded) -> str | None:
    """Return a note if onnxruntime deviates from the specification of an operator, and thus from this package."""
    auto_pad = node.attributes.get("auto_pad", "NOTSET")
    layer = loaded.layer
    if isinstance(layer, ConvTranspose) and auto_pad.startswith("SAME") and min(map(min, layer.padding)) < 0:
        return (
            f"auto_pad {auto_pad!r} with a kernel_shape {list(layer.kernel_size)} that spans less than the "
            f"output_shape needs for strides {list(layer.stride)} adds zeros, as the text of the operator has it; "
            "onnxruntime differs: it adds none at the start, and without output_shape none at all"
        )
    return None


def _check_inputs(node: Node) -> None:
    """Check that a node has no inputs that its operator does not have."""
    most = _MOST_INPUTS.get(node.op_type, 1)
    if len(node.inputs) > most:
        raise ValueError(
            f"{node.op_type} has {len(node.inputs)} inputs, {shortened(list(node.inputs))}, but takes at most {most}"
        )


def _passed(node: Node, constants: Constants) -> LeftOut:
    if node.op_type == "Cast":
        same_kind(node, _CAST)
        if node.attributes.get("to") not in _FLOATS:
            raise ValueError(
                f"it casts to data_type {node.attributes.get('to')}, which is no floating point type, and "
                "rounds: cut the model before it"
            )
    if node.op_type == "Dropout" and node.has(2) and np.any(constants.array(*node.operand(2, "training_mode"))):
        raise ValueError(
            "its training_mode is true, so that it drops entries at random: export the model for inference"
        )
    return LeftOut(_PASSED[node.op_type])


def _only_input(graph: Graph) -> tuple[str, tuple[int | None, ...] | None]:
    if len(graph.inputs) != 1:
        raise ValueError(
            f"the graph has {len(graph.inputs)} inputs that are no initializers, "
            f"{shortened(list(graph.inputs))}, but only a chain from one input is read: give the weights "
            "as initializers"
        )
    return next(iter(graph.inputs.items()))


def _chain(graph: Graph, name: str) -> Iterator[tuple[str, Node]]:
    """Return the nodes from the input to the output, in order; those that do not lead to an output are ignored."""
    if not graph.outputs:
        raise ValueError("the graph has no output: give it the tensor that the chain ends with")
    outputs, start = set(graph.outputs), name
    takers = _takers(graph.nodes, outputs)
    while True:
        nodes = takers.get(name, [])
        if len(nodes) + (name in outputs) > 1:
            ends = [node.label for node in nodes[:3]] + ["the graph's output"] * (name in outputs)
            more = ", and more" if len(nodes) > 3 else ""
            raise ValueError(
                f"the model branches: {shortened(name)} goes to {' and to '.join(ends)}{more}; only a "
                "chain is read, so cut the model there"
            )
        if not nodes:
            break
        header = nodes[0]
        with named(header.label):
            node = node_of(header.proto, header)
        _refuse_joins(graph, header, takers, name)
        yield header.label, node
        name = node.outputs[0]
    missed = [output for output in graph.outputs if output != name]
    if missed:
        way = f"input {shortened(start)}" + (f", which ends at {shortened(name)}," if name != start else "")
        raise ValueError(
            f"the chain from {way} does not reach the graph's output {shortened(missed[0])}: only a chain "
            "from the input to the one output is read"
        )


def _takers(nodes: Sequence[Header], outputs: Collection[str]) -> dict[str, list[Header]]:
    """Map each tensor to the nodes that read it and lead to an output, listed once for each time they read it."""
    maker = {name: node for node in nodes for name in node.outputs if name}
    needed, open_names = set(outputs), list(outputs)
    while open_names:
        node = maker.get(open_names.pop())
        new = {name for name in node.inputs if name and name not in needed} if node else set()
        needed |= new
        open_names.extend(new)
    takers: dict[str, list[Header]] = {}
    for node in nodes:
        if any(name in needed for name in node.outputs):
            for name in filter(None, node.inputs):
                takers.setdefault(name, []).append(node)
    return takers


def _refuse_joins(graph: Graph, node: Header, takers: Mapping[str, Sequence[Header]], name: str) -> None:
    """Check that the other inputs of a node are constants, and that its other outputs are not used."""
    reads = node.inputs
    others = [other for other in reads if other and other != name and other not in graph.constants]
    if node.op_type in ("Conv", "ConvTranspose"):  # which say more clearly what becomes of their weights
        others = [other for other in others if other in graph.inputs]
    if others and reads[0] == name and node.op_type in _KNOWN:
        graph.constants.array(others[0], f"input {reads.index(others[0])} of {node.label}")
    if others or reads[0] != name:
        with_it = others or [read for read in reads if read and read != name]
        raise ValueError(
            f"{node.label}: it joins {shortened(name)} and {', '.join(map(shortened, with_it[:4]))}, but "
            "only a chain of layers is read: cut the model before it"
        )
    for output in node.outputs[1:]:
        if output and (output in graph.outputs or output in takers):
            raise ValueError(
                f"{node.label}: its second output {shortened(output)} is used, but only a chain of layers "
                "is read: cut the model there"
            )


def _input_shape(
    name: str,
    lengths: tuple[int | None, ...] | None,
    input_size: PerAxis | None,
    in_channels: int | None,
    pieces: Sequence[tuple[str, Node]],
    constants: Constants,
) -> Shape:
    """Return the shape (channels, *size) of the graph's input from the graph and the arguments."""
    if lengths is not None and len(lengths) < 3:
        raise ValueError(f"input {short(name)} has {len(lengths)} axes but needs (N, C, *size), at least 3")
    if lengths is None and input_size is None:
        raise ValueError(f"input {short(name)} has no shape in the graph: give input_size, one number for each axis")
    requested = entries_of(input_size)
    if lengths is None:
        lengths = (None, None, *([None, None] if requested is None else [None] * len(requested)))
    known, ndim = lengths[2:], len(lengths) - 2
    if input_size is None:
        for axis, length in enumerate(known):
            if length is None:
                raise ValueError(
                    f"input {short(name)} has no length on spatial axis {axis} in the graph: give input_size"
                )
        size = [length or 0 for length in known]
    else:
        if requested is not None and len(requested) != ndim:
            raise ValueError(
                f"input_size has {pluralize(len(requested), 'entry')}, {requested}, but input {short(name)} has "
                f"{ndim} spatial axes in the graph"
            )
        size = per_axis("input_size", input_size, ndim)
    for axis, (length, wanted) in enumerate(zip(known, size, strict=True)):
        if length not in (None, wanted):
            raise ValueError(
                f"input_size {wanted} on axis {axis} is not the {length} that input {short(name)} has in "
                "the graph: leave it out, or clear the shapes of the model"
            )
    channels = lengths[1]
    if in_channels is not None and channels not in (None, positive("in_channels", in_channels)):
        raise ValueError(f"in_channels {in_channels} is not the {channels} that input {short(name)} has in the graph")
    channels = in_channels or channels or _channels_of_first(pieces, constants)
    if channels is None:
        raise ValueError(
            f"input {short(name)} has no number of channels in the graph, and no convolution tells it: give in_channels"
        )
    return (channels, *size)


def _channels_of_first(pieces: Sequence[tuple[str, Node]], constants: Constants) -> int | None:
    """Return the channels that the first convolution takes, if all nodes before it keep the channels."""
    for label, node in pieces:
        if node.op_type in ("Conv", "ConvTranspose"):
            with named(label):
                W = constants.array(*node.operand(1, "W"))
                if W.ndim < 3:
                    raise ValueError(f"W has shape {W.shape} but needs two axes of channels and at least one more")
                group = positive("group", node.attributes.get("group", 1))
                return int(W.shape[1] * group if node.op_type == "Conv" else W.shape[0])
        if node.op_type in ("DepthToSpace", "SpaceToDepth"):
            return None
    return None


# -- pools -----------------------------------------------------------------------------------------------------------

_POOL = {
    "auto_pad": "STRING",
    "kernel_shape": "INTS",
    "pads": "INTS",
    "strides": "INTS",
    "ceil_mode": "INT",
    "dilations": "INTS",
}


def _pool(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    average = node.op_type == "AveragePool"
    same_kind(node, {**_POOL, ("count_include_pad" if average else "storage_order"): "INT"})
    given, size = node.attributes, shape[1:]
    if "kernel_shape" not in given:
        raise ValueError(f"{node.op_type} needs the attribute kernel_shape, got {shortened(sorted(given))}")
    kernel = numbers_of("kernel_shape", given["kernel_shape"], len(size), least=1)
    columns = columns_of(kernel, given.get("strides"), given.get("dilations"))
    auto_pad = given.get("auto_pad", "NOTSET")
    pads = pads_of(auto_pad, given.get("pads"), size, columns)
    ceil_mode, counts = node.switch("ceil_mode"), node.switch("count_include_pad")
    if auto_pad != "NOTSET":
        _refuse_unsettled(auto_pad, ceil_mode, size, columns)
    ceil_mode = ceil_mode and auto_pad == "NOTSET"  # the size of SAME is rounded up in any case
    windows: dict[str, Any] = {
        "stride": columns["stride"],
        "padding": pads,
        "ceil_mode": ceil_mode,
        "channels": shape[0],
    }
    with argument_names(NAMES):
        if not average:
            return Loaded(MaxPool(size, kernel, dilation=columns["dilation"], **windows))
        if set(columns["dilation"]) <= {1}:
            return Loaded(AvgPool(size, kernel, count_include_pad=counts, **windows))
    return _dilated_average(shape, kernel, columns, pads, counts, ceil_mode)


def _refuse_unsettled(auto_pad: str, ceil_mode: bool, size: Shape, columns: Mapping[str, list[int]]) -> None:
    """Refuse an auto_pad with negative pads, or leftover entries, for which implementations differ."""
    for axis, (n, span, stride) in enumerate(zip(size, columns["span"], columns["stride"], strict=True)):
        rest = (n - span) % stride
        if auto_pad == "VALID" and ceil_mode and rest:
            raise ValueError(
                f"ceil_mode=1 beside auto_pad 'VALID' leaves {rest} entries on axis {axis} (= (size {n} - {span}) mod "
                f"strides {stride}), and it is not agreed whether they have a window: give pads instead of auto_pad"
            )
        outputs = -(-n // stride)
        total = (outputs - 1) * stride + span - n
        if auto_pad.startswith("SAME") and total < 0:
            raise ValueError(
                f"auto_pad {short(auto_pad)} of a pool would pad by {total} on axis {axis} (= ({outputs} outputs - 1) "
                f"* strides {stride} + {span} - size {n}), and it is not agreed what it reads: onnxruntime leaves out "
                "entries at the start or at the end, ONNX's own evaluator others; give pads instead of auto_pad"
            )


def _dilated_average(
    shape: Shape,
    kernel: list[int],
    columns: Mapping[str, list[int]],
    pads: list[tuple[int, int]],
    counts: bool,
    ceil_mode: bool,
) -> Loaded:
    """Make the depthwise convolution that a dilated average pool with one divisor is."""
    rests = [
        (n + sum(pair) - span) % s
        for n, pair, span, s in zip(shape[1:], pads, columns["span"], columns["stride"], strict=True)
    ]
    causes = ["the pads, or set count_include_pad=1"] * (any(map(any, pads)) and not counts)
    causes += ["ceil_mode"] * (ceil_mode and any(rests))
    if causes:
        raise ValueError(
            f"an AveragePool with dilations {columns['dilation']} whose windows count different numbers of cells, with "
            f"pads {pads}, count_include_pad={int(counts)} and ceil_mode={int(ceil_mode)}, is no layer of ours: leave "
            f"out {' and '.join(causes)}; or leave out the dilations"
        )
    return _depthwise(
        shape, kernel, 1 / prod(kernel), stride=columns["stride"], dilation=columns["dilation"], padding=pads
    )


def _depthwise(shape: Shape, kernel: Sequence[int], value: float, **numbers: Any) -> Loaded:
    """Make a depthwise convolution with the same value in all taps."""
    channels = shape[0]
    with argument_names(NAMES):
        layer = Conv(shape[1:], kernel, groups=channels, in_channels=channels, out_channels=channels, **numbers)
    return Loaded(layer, _full(layer.weight_shape, value))


def _full(shape: Shape, value: float) -> NDArray[Any]:
    """Return an array of one value, which is stored once, if results computed with it fit in memory."""
    require_memory(8 * prod(shape), f"a weight of shape {shape}", "use fewer channels or a smaller kernel")
    return np.broadcast_to(np.float64(value), shape)


def _global_pool(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    same_kind(node, {})
    pool = AvgPool if node.op_type == "GlobalAveragePool" else MaxPool
    return Loaded(pool(shape[1:], shape[1:], channels=shape[0]))


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
    weight = _one_hot(node, channels, block)
    layer = ConvTranspose(shape[1:], (block, block), stride=block, in_channels=shape[0], out_channels=channels)
    return Loaded(layer, weight)


def _space_to_depth(node: Node, shape: Shape, _constants: Constants) -> Loaded:
    block, mode = _block(node, shape)
    with argument_names(NAMES):
        blocks = PixelUnshuffle(shape[1:], block, channels=shape[0])  # refuses what does not divide
    if mode == "CRD" or shape[0] == 1:
        return Loaded(blocks)
    weight = _one_hot(node, shape[0], block)
    layer = Conv(shape[1:], (block, block), stride=block, in_channels=shape[0], out_channels=blocks.out_channels)
    return Loaded(layer, weight)


def _block(node: Node, shape: Shape) -> tuple[int, str]:
    same_kind(node, {"blocksize": "INT", "mode": "STRING"})
    if len(shape) != 3:
        raise ValueError(f"{node.op_type} needs an image of 2 spatial axes, got {len(shape) - 1}")
    mode = node.attributes.get("mode", "DCR")
    check_word("mode", mode, ("DCR", "CRD"))
    if "blocksize" not in node.attributes:
        raise ValueError(f"{node.op_type} needs the attribute blocksize")
    return positive("blocksize", node.attributes["blocksize"]), mode


def _one_hot(node: Node, channels: int, block: int) -> NDArray[Any]:
    """Channel (row * block + column) * channels + c of the small image is tap (row, column) of channel c (DCR)."""
    many = block**2 * channels
    require_memory(
        8 * many * many,
        f"the weight of {node.op_type} in mode DCR, of {many} x {many} taps,",
        "export the model with mode CRD, whose layer has no weight",
    )
    # The identity, as a view: its many zeros need not be stored.
    line = np.zeros(2 * many - 1)
    line[many - 1] = 1  # entry (i, j) of the identity is line[many - 1 + i - j]
    step = line.itemsize
    return np.lib.stride_tricks.as_strided(
        line[many - 1 :],
        (many, channels, block, block),
        (step, -step, -step * block * channels, -step * channels),
        writeable=False,
    )


_PAD_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _pad(node: Node, shape: Shape, constants: Constants) -> Loaded:
    """Read a pad as the depthwise convolution with one tap."""
    same_kind(node, {"mode": "STRING", "pads": "INTS", "value": "FLOAT"})
    mode, count = node.attributes.get("mode", "constant"), len(shape) + 1
    check_word("mode", mode, tuple(_PAD_MODES))
    if mode == "constant":
        _refuse_constant(node, constants)
    axes: Sequence[int] = range(count)
    if node.has(3):
        axes = read_axes(constants.integers(*node.operand(3, "axes")), count)
    pads = node.attributes.get("pads")
    if pads is None:
        pads = constants.integers(*node.operand(1, "pads"))
    if len(pads) != 2 * len(axes):
        raise ValueError(
            f"pads has {pluralize(len(pads), 'entry')}, {shortened(list(pads))}, but needs {2 * len(axes)} "
            "(a begin for each axis, then an end for each)"
        )
    pairs: list[tuple[int, int]] = [(0, 0)] * count
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        pairs[axis] = (before, after)
    if any(map(any, pairs[:2])):
        raise ValueError(
            f"pads {shortened(list(pads))} change the batch or the channels: only spatial axes are padded here"
        )
    for axis, (size, (before, after)) in enumerate(zip(shape[1:], pairs[2:], strict=True)):
        if size + before + after < 1:
            raise ValueError(
                f"pads {before} and {after} on axis {axis} leave nothing of size {size}: add at least "
                f"{1 - size - before - after}"
            )
    ends = [end for pair in pairs for end in pair]
    if mode != "constant" and min(ends) < 0 < max(ends):
        raise ValueError(
            f"pads {shortened(list(pads))} with mode {short(mode)} crop and extend at once, and which "
            "comes first is not said: use two Pad nodes"
        )
    return _depthwise(shape, (1,) * len(shape[1:]), 1, padding=pairs[2:], padding_mode=_PAD_MODES[mode])


def _refuse_constant(node: Node, constants: Constants) -> None:
    """Check that a pad has the value zero."""
    value = np.asarray(node.attributes.get("value", 0))
    if node.has(2):
        value = constants.array(*node.operand(2, "constant_value"))
    if value.size != 1:
        raise ValueError(f"constant_value has shape {value.shape} but must be one number")
    if value.item():
        raise ValueError(f"a Pad with constant_value {value.item()} is not linear: only zeros are added")


_READERS: Mapping[str, Reader] = {
    "AveragePool": _pool,
    "MaxPool": _pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Pad": _pad,
}
_KNOWN = {*_READERS, "Resize", "Upsample", *_PASSED, *_FLATTENS}
"""Operators whose other inputs must be constants; errors name these by their position."""
