"""ONNX's messages, read by the names of their fields (onnx.proto): nodes, attributes, tensors and graphs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, counted
from convmatrix.frameworks.layouts import array_of
from convmatrix.frameworks.loaded import attributes_of
from convmatrix.layers.arguments import check_word

__all__ = ["Constants", "Graph", "Node", "constants_of", "decoded", "graph_of", "node_of", "same_kind"]

_ATTRIBUTES = {1: ("FLOAT", "f"), 2: ("INT", "i"), 3: ("STRING", "s"), 4: ("TENSOR", "t"), 6: ("FLOATS", "floats"),
               7: ("INTS", "ints"), 8: ("STRINGS", "strings")}  # fmt: skip
"""AttributeProto.type: what it is called, and the field with the value."""

_TENSORS = {
    1: ("float32", "float_data"), 2: ("uint8", "int32_data"), 3: ("int8", "int32_data"), 4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"), 6: ("int32", "int32_data"), 7: ("int64", "int64_data"), 9: ("bool", "int32_data"),
    11: ("float64", "double_data"), 12: ("uint32", "uint64_data"), 13: ("uint64", "uint64_data"),
}  # fmt: skip
"""TensorProto.data_type: NumPy's dtype, and the field with the values where they are not raw."""

_OTHER_TENSORS = {8: "string", 10: "float16", 14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn",
                  18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
                  23: "float4e2m1"}  # fmt: skip
_EXTERNAL = 1
"""TensorProto.data_location of values that stand in a file of their own."""


# -- nodes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A node, its attributes as plain values: numbers, strings, tuples, and tensors as they are.

    Parameters
    ----------
    op_type, name : str
    inputs, outputs : tuple of str
        Names of tensors; an empty one stands for none.
    attributes : dict
    kinds : dict
        How ONNX calls the type of each attribute.
    """

    op_type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def operand(self, place: int, letter: str) -> tuple[str, str]:
        """The name of an input, and what the operator calls it; refused where there is none.

        Parameters
        ----------
        place : int
        letter : str

        Returns
        -------
        tuple of str

        Raises
        ------
        ValueError
            If the node has no such input.
        """
        if len(self.inputs) <= place or not self.inputs[place]:
            raise ValueError(f"{self.op_type} has {counted(len(self.inputs), 'input')}, {list(self.inputs)}, and none "
                             f"that is {letter} (input {place})")  # fmt: skip
        return self.inputs[place], letter


def node_of(obj: Any) -> Node:
    """Read a NodeProto.

    Parameters
    ----------
    obj : onnx.NodeProto

    Returns
    -------
    Node

    Raises
    ------
    WrongTypeError
        If it is none; also a TypeError.
    ValueError
        If it is of another domain than ONNX's own, or an attribute of a kind that no such operator has.
    """  # noqa: DOC502  raised by attributes_of
    op_type, inputs, outputs, attributes = attributes_of(
        obj, ("op_type", "input", "output", "attribute"), "an ONNX node"
    )
    domain = getattr(obj, "domain", "")
    if domain not in ("", "ai.onnx"):
        raise ValueError(f"{op_type} is of the domain {domain!r}, not of ONNX's own operators, and nothing is known of "
                         "it: export the model without it")  # fmt: skip
    read = {attribute.name: _attribute(attribute) for attribute in attributes}
    return Node(op_type, getattr(obj, "name", ""), tuple(inputs), tuple(outputs),
                {name: value for name, (_, value) in read.items()},
                {name: kind for name, (kind, _) in read.items()})  # fmt: skip


def _attribute(attribute: Any) -> tuple[str, Any]:
    """Kind and value of an AttributeProto."""
    name, number = attributes_of(attribute, ("name", "type"), "an ONNX attribute")
    if number not in _ATTRIBUTES or getattr(attribute, "ref_attr_name", "") != "":
        raise ValueError(f"attribute {name!r} is of type {number}, a graph or a reference: give a model whose "
                         "functions are inlined")  # fmt: skip
    kind, place = _ATTRIBUTES[number]
    value = getattr(attribute, place)
    if kind == "STRING":
        value = _text(value)
    elif kind == "STRINGS":
        value = tuple(map(_text, value))
    elif kind in ("INTS", "FLOATS"):
        value = tuple(value)
    return kind, value


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def same_kind(node: Node, known: Mapping[str, str]) -> None:
    """Refuse attributes that an operator does not have, or that are of another kind.

    Parameters
    ----------
    node : Node
    known : mapping
        The operator's attributes, and how ONNX calls their types.

    Raises
    ------
    ValueError
        If there is one.
    """
    for name, kind in node.kinds.items():
        check_word(f"attribute of {node.op_type},", name, tuple(known))
        if kind != known[name]:
            raise ValueError(f"attribute {name!r} of {node.op_type} is of type {kind}, {node.attributes[name]!r}, but "
                             f"needs {known[name]}")  # fmt: skip


# -- tensors ---------------------------------------------------------------------------------------------------------


def decoded(name: str, tensor: Any) -> NDArray[Any]:
    """The values of a TensorProto, or of an array.

    Parameters
    ----------
    name : str
        By which refusals call it.
    tensor : onnx.TensorProto or array_like

    Returns
    -------
    ndarray

    Raises
    ------
    WrongTypeError
        If its values are of a kind that scipy.sparse cannot hold; also a TypeError.
    ValueError
        If they stand in another file, or are more or fewer than its dims say.
    """
    if not hasattr(tensor, "data_type"):
        return array_of(tensor)
    if getattr(tensor, "data_location", 0) == _EXTERNAL:
        raise ValueError(f"tensor {name!r} has its values in a file of their own: load the model with onnx.load, which "
                         "reads them, from the folder where they are")  # fmt: skip
    if tensor.data_type not in _TENSORS:
        kind = _OTHER_TENSORS.get(tensor.data_type, f"of data_type {tensor.data_type}")
        raise WrongTypeError(f"tensor {name!r} is {kind}, which scipy.sparse cannot hold: cast it to float32 first, as "
                             "onnx.numpy_helper.to_array(tensor).astype('float32')")  # fmt: skip
    kind, place = _TENSORS[tensor.data_type]
    raw, shape = getattr(tensor, "raw_data", b""), tuple(tensor.dims)
    dtype = np.dtype(kind)
    if raw:
        count, needed = len(raw), prod(shape) * dtype.itemsize
        if count != needed:
            raise ValueError(f"tensor {name!r} has {count} bytes but its dims {list(shape)} of {kind} need {needed}")
        values = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)
    else:
        values = np.array(list(getattr(tensor, place)), dtype=dtype)
        if values.size != prod(shape):
            raise ValueError(f"tensor {name!r} has {counted(values.size, 'value')} in {place} but its dims "
                             f"{list(shape)} need {prod(shape)}")  # fmt: skip
    return values.reshape(shape)


@dataclass(frozen=True)
class Constants:
    """Tensors that do not depend on the model's input, by name; decoded when they are asked for.

    Parameters
    ----------
    tensors : dict
        TensorProtos and arrays.
    makers : dict
        For other tensors, the operator that computes each.
    """

    tensors: dict[str, Any]
    makers: dict[str, str] = field(default_factory=dict)

    def array(self, name: str, letter: str) -> NDArray[Any]:
        """The values of a tensor.

        Parameters
        ----------
        name : str
        letter : str
            What the operator that reads it calls it.

        Returns
        -------
        ndarray

        Raises
        ------
        ValueError
            If there is no such tensor, or it is not read.
        """
        if name in self.tensors:
            return decoded(name, self.tensors[name])
        if name in self.makers:
            why = f"but what a {self.makers[name]} node computes: fold the constants of the model, unquantised, first"
        else:
            why = f"which are {sorted(self.tensors) if len(self.tensors) < 9 else len(self.tensors)}"
        raise ValueError(f"{letter} is {name!r}, which is none of the initializers, {why}")


def constants_of(source: Any) -> Constants:
    """The constants of a mapping, a graph or a model.

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
        raise WrongTypeError(f"initializers must be a mapping from names to arrays, a graph or a model, got "
                             f"{type(source).__name__}")  # fmt: skip
    return graph_of(source).constants


# -- graphs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Graph:
    """A graph: its nodes but those that are constants, and what flows in and out.

    Parameters
    ----------
    nodes : list of (str, object)
        The name by which refusals call a node, and the NodeProto.
    constants : Constants
    inputs : dict
        For each input that is no constant the lengths of its axes, None for one that is not known; and None in place
        of the lengths where their number is not known.
    outputs : list of str
    """

    nodes: list[tuple[str, Any]]
    constants: Constants
    inputs: dict[str, tuple[int | None, ...] | None]
    outputs: list[str]


def graph_of(obj: Any) -> Graph:
    """Read a GraphProto, or the one of a ModelProto.

    Parameters
    ----------
    obj : onnx.ModelProto or onnx.GraphProto

    Returns
    -------
    Graph

    Raises
    ------
    WrongTypeError
        If it is none; also a TypeError.
    """  # noqa: DOC502  raised by attributes_of
    graph = getattr(obj, "graph", obj)
    nodes, tensors, inputs, outputs = attributes_of(graph, ("node", "initializer", "input", "output"), "an ONNX model")
    constants = Constants({tensor.name: tensor for tensor in tensors})
    others = []
    for number, node in enumerate(nodes):
        op_type, reads, writes = attributes_of(node, ("op_type", "input", "output"), "an ONNX node")
        if op_type == "Constant":
            constants.tensors[writes[0]] = _constant(node)
        elif op_type == "Identity" and reads[0] in constants.tensors:
            constants.tensors[writes[0]] = constants.tensors[reads[0]]
        else:
            name = getattr(node, "name", "")
            others.append((f"node {number} ({op_type}{f' {name!r}' if name else ''})", node))
            constants.makers.update(dict.fromkeys(writes, op_type))
    given = {entry.name: _lengths(entry) for entry in inputs if entry.name not in constants.tensors}
    return Graph(others, constants, given, [entry.name for entry in outputs])


def _constant(node: Any) -> Any:
    """What a Constant node holds: a tensor, or numbers."""
    values: Sequence[Any] = [value for _, value in map(_attribute, node.attribute)]
    return values[0] if len(values) == 1 else None


def _lengths(entry: Any) -> tuple[int | None, ...] | None:
    """The shape of a ValueInfoProto, as far as it is known."""
    for name in ("type", "tensor_type", "shape", "dim"):
        entry = getattr(entry, name, None)
        if entry is None:
            return None
    lengths = [int(getattr(length, "dim_value", 0)) or None for length in entry]
    return tuple(lengths) or None
