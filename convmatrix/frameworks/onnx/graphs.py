"""Readers of ONNX's graphs: nodes, constants, inputs and outputs; inconsistent or cyclic graphs raise an error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convmatrix.core.errors import WrongTypeError, pluralize
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.frameworks.onnx.constants import Constants
from convmatrix.frameworks.onnx.fields import as_integer, as_list, as_text
from convmatrix.frameworks.onnx.nodes import Header, header_of, is_of_onnx
from convmatrix.frameworks.shared.loading import attributes_of

__all__ = ["Graph", "constants_of", "graph_of"]


@dataclass(frozen=True)
class Graph:
    """A graph: its nodes that are not constants, its inputs and its outputs.

    Parameters
    ----------
    nodes : list of Header
    constants : Constants
    inputs : dict
        For each input that is no constant the lengths of its axes, None for one that is not known; and None in place
        of the lengths where their number is not known.
    outputs : list of str
    """

    nodes: list[Header]
    constants: Constants
    inputs: dict[str, tuple[int | None, ...] | None]
    outputs: list[str]


def graph_of(obj: Any, folder: Path | None = None) -> Graph:
    """Read a GraphProto, or the one of a ModelProto.

    Parameters
    ----------
    obj : onnx.ModelProto or onnx.GraphProto
    folder : Path, optional
        Of the model, beside which files with values stand.

    Returns
    -------
    Graph

    Raises
    ------
    WrongTypeError
        If it is none; also a TypeError.
    ValueError
        If a tensor is written twice, or nodes form a cycle.
    """
    graph = getattr(obj, "graph", obj)
    _refuse_others(obj, graph)
    nodes, tensors, inputs, outputs = attributes_of(graph, ("node", "initializer", "input", "output"), "an ONNX model")
    constants = Constants({}, folder=folder)
    for tensor in as_list(tensors, "the initializers of the graph"):
        (name,) = attributes_of(tensor, ("name",), "an ONNX tensor")
        name = as_text(name, "the name of an initializer")
        if name in constants.tensors:
            raise ValueError(f"two initializers have the name {shortened(name)}: which one is meant is not settled")
        constants.tensors[name] = tensor
    given = _inputs(as_list(inputs, "the inputs of the graph"), constants)
    headers: list[Header] = []
    try:
        for node in as_list(nodes, "the nodes of the graph"):
            headers.append(header_of(node, f"node {len(headers)}"))
    except ValueError as error:
        raise type(error)(f"node {len(headers)}: {error}") from error
    _refuse_second_writers(headers, given, constants)
    _refuse_cycles(headers)
    _refuse_own_functions(obj, headers)
    others = []
    for node in headers:
        if node.op_type == "Constant":
            constants.tensors[node.outputs[0]] = node
            continue
        if node.op_type == "Identity" and is_of_onnx(node.proto):
            constants.aliases[node.outputs[0]] = node.inputs[0]
        else:
            constants.makers.update(dict.fromkeys(node.outputs, node.op_type))
        others.append(node)
    names = []
    for entry in as_list(outputs, "the outputs of the graph"):
        (name,) = attributes_of(entry, ("name",), "an output of the graph")
        names.append(as_text(name, "the name of an output"))
    return Graph(others, constants, given, names)


def constants_of(source: Any) -> Constants:
    """Return the constants of a mapping, a graph or a model.

    Parameters
    ----------
    source : mapping, onnx.GraphProto or onnx.ModelProto

    Returns
    -------
    Constants

    Raises
    ------
    WrongTypeError
        If it is none of these; also a TypeError.
    """
    if isinstance(source, Mapping):
        return Constants(dict(source))
    if not hasattr(source, "graph") and not hasattr(source, "initializer"):
        raise WrongTypeError(
            f"initializers must be a mapping from names to arrays, a graph or a model, got {type(source).__name__}"
        )
    return graph_of(source).constants


def _refuse_others(obj: Any, graph: Any) -> None:
    """Check that an object is a graph, and not a path in bytes or an open file."""
    if hasattr(graph, "node"):
        return
    content = isinstance(obj, bytes | bytearray | memoryview)
    remedy = (
        "give a path as a str, by os.fsdecode, or the content of a file by onnx.load_model_from_string"
        if content
        else "give a ModelProto or a GraphProto, as onnx.load makes them, or the path of the file"
    )
    raise WrongTypeError(f"{type(obj).__name__} is not an ONNX model: it has no attribute 'node'; {remedy}")


def _refuse_own_functions(obj: Any, nodes: Sequence[Header]) -> None:
    """Check that no node may call a function of the model that has the name of an operator."""
    functions = as_list(getattr(obj, "functions", ()), "the functions of the model")
    names = {getattr(each, "name", "") for each in functions if is_of_onnx(each)}
    for node in nodes:
        if node.op_type in names and is_of_onnx(node.proto):
            raise ValueError(
                f"{node.label}: the model has a function of its own that is named {node.op_type}, and "
                "which of the two runs is not settled: inline the functions of the model, by "
                "onnx.inliner.inline_local_functions"
            )


def _inputs(entries: Sequence[Any], constants: Constants) -> dict[str, tuple[int | None, ...] | None]:
    """Return the lengths of the inputs that are no initializers."""
    given: dict[str, tuple[int | None, ...] | None] = {}
    for entry in entries:
        (name,) = attributes_of(entry, ("name",), "an input of the graph")
        name = as_text(name, "the name of an input")
        if name in given:
            raise ValueError(f"two inputs of the graph have the name {shortened(name)}: give each its own")
        if name not in constants.tensors:
            given[name] = _lengths(name, entry)
    return given


def _refuse_second_writers(nodes: Sequence[Header], given: Mapping[str, Any], constants: Constants) -> None:
    """Check that each name is written once, and that each node writes something and has the required fields."""
    writers = dict.fromkeys(constants.tensors, "an initializer") | dict.fromkeys(given, "the graph's input")
    for node in nodes:
        _refuse_more(node)
        if not any(node.outputs) or (node.op_type == "Constant" and not node.outputs[0]):
            raise ValueError(f"{node.label} has no output: every node writes a tensor")
        if node.op_type == "Identity" and not (node.inputs and node.inputs[0] and node.outputs[0]):
            raise ValueError(f"{node.label} has no input: an Identity copies one")
        for name in filter(None, node.outputs):
            if name in writers:
                raise ValueError(
                    f"{shortened(name)} is written by {writers[name]} and by {node.label}: in a graph "
                    "each name stands for one tensor"
                )
            writers[name] = node.label


def _refuse_more(node: Header) -> None:
    """Check the numbers of inputs and outputs of a Constant or an Identity; an empty name is none."""
    most = {"Constant": (0, 1), "Identity": (1, 1)}.get(node.op_type)
    if most is None or not is_of_onnx(node.proto):
        return
    for what, names, count in zip(("input", "output"), (node.inputs, node.outputs), most, strict=True):
        if any(names[count:]):
            raise ValueError(
                f"{node.label} has {pluralize(len(names), what)}, {shortened(list(names))}, but takes {count or 'none'}"
            )


def _refuse_cycles(nodes: Sequence[Header]) -> None:
    """Check that the graph has no cycle; its nodes may be in any order."""
    maker = {name: number for number, node in enumerate(nodes) for name in node.outputs if name}
    needs = [[maker[name] for name in node.inputs if name in maker] for node in nodes]
    feeds: list[list[int]] = [[] for _ in nodes]
    for number, sources in enumerate(needs):
        for source in sources:
            feeds[source].append(number)
    open_needs = [len(sources) for sources in needs]
    ready = [number for number, count in enumerate(open_needs) if not count]
    while ready:
        for number in feeds[ready.pop()]:
            open_needs[number] -= 1
            if not open_needs[number]:
                ready.append(number)
    stuck = next((number for number, count in enumerate(open_needs) if count), None)
    if stuck is None:
        return
    walked: dict[int, None] = {}
    while stuck not in walked:  # every node that is stuck needs another one that is
        walked[stuck] = None
        stuck = next(source for source in needs[stuck] if open_needs[source])
    cycle = [*walked][list(walked).index(stuck) :][::-1]
    first = cycle.index(min(cycle))
    cycle = cycle[first:] + cycle[:first]
    labels = ", ".join(nodes[number].label for number in cycle[:4]) + (", ..." if len(cycle) > 4 else "")
    raise ValueError(
        f"the graph has a cycle: {labels} need{'s' * (len(cycle) == 1)} what "
        f"{'it writes itself' if len(cycle) == 1 else 'they write themselves'}"
    )


def _lengths(name: str, entry: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a ValueInfoProto with None for unknown lengths, for which exporters write 0 or -1."""
    for place in ("type", "tensor_type", "shape", "dim"):
        entry = getattr(entry, place, None)
        if entry is None:
            return None
    lengths: list[int | None] = []
    for axis, dim in enumerate(as_list(entry, f"the dims of input {shortened(name)}")):
        what = f"the length of input {shortened(name)} on axis {axis}"
        length = as_integer(getattr(dim, "dim_value", 0), what)
        if length < -1:
            raise ValueError(f"{what} is {length}: give one of at least 1, or none")
        lengths.append(length if length > 0 else None)
    return tuple(lengths) or None
