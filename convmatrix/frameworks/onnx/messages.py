"""ONNX's messages, read by the names of their fields (onnx.proto): nodes, attributes, tensors and graphs.

Every field is checked where it is read, since a file may hold anything: what is no message of ONNX's, or contradicts
itself, is refused in one sentence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, counted, short
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.frameworks.onnx.files import external_bytes
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.loaded import attributes_of
from convmatrix.layers.arguments import MOST_AXES, check_word, integer

__all__ = ["Constants", "Graph", "Header", "Node", "constants_of", "decoded", "graph_of", "named", "node_of",
           "same_kind"]  # fmt: skip

_ATTRIBUTES = {1: ("FLOAT", "f"), 2: ("INT", "i"), 3: ("STRING", "s"), 4: ("TENSOR", "t"), 6: ("FLOATS", "floats"),
               7: ("INTS", "ints"), 8: ("STRINGS", "strings")}  # fmt: skip
"""AttributeProto.type: what it is called, and the field with the value."""

_CONSTANTS = {"value": "TENSOR", "value_float": "FLOAT", "value_floats": "FLOATS", "value_int": "INT",
              "value_ints": "INTS"}  # fmt: skip
"""The attributes of the operator Constant that are read, and their types."""

_TENSORS = {
    1: ("float32", "float_data"), 2: ("uint8", "int32_data"), 3: ("int8", "int32_data"), 4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"), 6: ("int32", "int32_data"), 7: ("int64", "int64_data"), 9: ("bool", "int32_data"),
    10: ("float16", "int32_data"), 11: ("float64", "double_data"), 12: ("uint32", "uint64_data"),
    13: ("uint64", "uint64_data"), 16: ("bfloat16", "int32_data"),
}  # fmt: skip
"""TensorProto.data_type: how it is called, and the field with the values where they are not raw."""

_STORED = {"bool": "uint8", "float16": "uint16", "bfloat16": "uint16"}
"""The NumPy dtype of the stored values, where it is not that of the name."""

_OTHER_TENSORS = {8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz",
                  19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1"}  # fmt: skip
_EXTERNAL = 1
"""TensorProto.data_location of values that stand in a file of their own."""

_MOST_DIMS = MOST_AXES + 2
"""Axes that a weight can have: those of a layer, and two of channels."""


# -- fields ----------------------------------------------------------------------------------------------------------


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put a name, such as that of a node, before the errors of a block.

    Parameters
    ----------
    name : str

    Yields
    ------
    None
    """
    try:
        yield
    except ValueError as error:
        raise type(error)(f"{name}: {error}") from error


def _text(value: Any, what: str) -> str:
    """A string; protobuf gives bytes in place of one that is no UTF-8."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        raise WrongTypeError(f"{what} must be a string, got {shortened(value)} ({type(value).__name__})")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{what} is {shortened(value)}, which is no UTF-8 text: write the model again") from None


def _entries(value: Any, what: str) -> list[Any]:
    """The entries of a repeated field."""
    if not isinstance(value, str | bytes | Mapping):
        try:
            return list(value)
        except TypeError:  # protobuf's own sequences have no method by which they could be known before
            pass
    raise WrongTypeError(f"{what} must be a sequence, got {shortened(value)} ({type(value).__name__})")


def _whole(value: Any, what: str) -> int:
    """An integer of at most 64 bits, as all in a file are."""
    try:
        number = integer(what, value)
    except WrongTypeError:
        raise WrongTypeError(f"{what} must be an integer, got {shortened(value)} ({type(value).__name__})") from None
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"{what} has more than 64 bits: give a smaller integer")
    return number


def _real(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise WrongTypeError(f"{what} must be a number, got {shortened(value)} ({type(value).__name__})")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is {shortened(value)}, which is larger than any floating point number") from None


# -- nodes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Header:
    """What a graph needs of a node: all but its attributes.

    Parameters
    ----------
    label : str
        How errors call the node.
    proto : object
        The NodeProto.
    op_type, name : str
    inputs, outputs : tuple of str
        Names of tensors; an empty one stands for none.
    """

    label: str
    proto: Any
    op_type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


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

    def has(self, place: int) -> bool:
        """Whether there is an input at a place; optional ones are left out, or named by an empty string.

        Parameters
        ----------
        place : int

        Returns
        -------
        bool
        """
        return len(self.inputs) > place and bool(self.inputs[place])

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
        if not self.has(place):
            raise ValueError(f"{self.op_type} has {counted(len(self.inputs), 'input')}, {shortened(list(self.inputs))}"
                             f", and none that is {letter} (input {place})")  # fmt: skip
        return self.inputs[place], letter

    def switch(self, name: str) -> bool:
        """An attribute that is 0 or 1, and 0 where it is left out.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool

        Raises
        ------
        ValueError
            If it is another number.
        """
        value = self.attributes.get(name, 0)
        if value not in (0, 1):
            raise ValueError(f"{name} of {self.op_type} must be 0 or 1, got {shortened(value)}")
        return bool(value)


def node_of(obj: Any, header: Header | None = None) -> Node:
    """Read a NodeProto.

    Parameters
    ----------
    obj : onnx.NodeProto
    header : Header, optional
        What is known of the node already.

    Returns
    -------
    Node

    Raises
    ------
    WrongTypeError
        If it is none; also a TypeError.
    ValueError
        If it is of another domain than ONNX's own, or an attribute of a kind that no such operator has.
    """  # noqa: DOC502  raised by what reads the fields
    header = _header(obj, "node") if header is None else header
    (attributes,) = attributes_of(obj, ("attribute",), "an ONNX node")
    domain = getattr(obj, "domain", "")
    if domain not in ("", "ai.onnx"):
        raise ValueError(f"{header.op_type} is of the domain {shortened(domain)}, not of ONNX's own operators, and "
                         "nothing is known of it: export the model without it")  # fmt: skip
    read: dict[str, tuple[str, Any]] = {}
    for attribute in _entries(attributes, f"the attributes of {header.op_type}"):
        name, kind, value = _attribute(attribute)
        if name in read:
            raise ValueError(f"attribute {short(name)} of {header.op_type} is there twice: give it once")
        read[name] = (kind, value)
    return Node(header.op_type, header.name, header.inputs, header.outputs,
                {name: value for name, (_, value) in read.items()},
                {name: kind for name, (kind, _) in read.items()})  # fmt: skip


def _header(obj: Any, place: str) -> Header:
    """All of a NodeProto but its attributes; `place` is such as ``node 3``."""
    op_type, inputs, outputs = attributes_of(obj, ("op_type", "input", "output"), "an ONNX node")
    op_type, name = _text(op_type, "its op_type"), _text(getattr(obj, "name", ""), "its name")
    if not (op_type.isprintable() and 0 < len(op_type) < 100):  # from here on it stands in messages as it is
        raise ValueError(f"its op_type is {shortened(op_type)}, which is no name of an operator")
    label = f"{place} ({op_type}{f' {shortened(name)}' if name else ''})"
    reads = tuple(_text(each, "an input") for each in _entries(inputs, "its inputs"))
    writes = tuple(_text(each, "an output") for each in _entries(outputs, "its outputs"))
    return Header(label, obj, op_type, name, reads, writes)


def _attribute(attribute: Any) -> tuple[str, str, Any]:
    """Name, kind and value of an AttributeProto."""
    name, number = attributes_of(attribute, ("name", "type"), "an ONNX attribute")
    name = _text(name, "the name of an attribute")
    number = _whole(number, f"the type of attribute {shortened(name)}")
    if number not in _ATTRIBUTES or getattr(attribute, "ref_attr_name", "") != "":
        what = "a graph or a reference" if number in _ATTRIBUTES or number in (5, 10) else "which is not read here"
        raise ValueError(f"attribute {shortened(name)} is of type {number}, {what}: give a model whose functions are "
                         "inlined")  # fmt: skip
    kind, place = _ATTRIBUTES[number]
    (value,) = attributes_of(attribute, (place,), f"an ONNX attribute of type {kind}")
    return name, kind, _value(kind, value, f"attribute {shortened(name)}")


def _value(kind: str, value: Any, what: str) -> Any:
    """The value of an attribute, if it is of its kind."""
    if kind == "TENSOR":
        return value
    if kind in _ENTRIES:
        return _ENTRIES[kind](value, what)
    read = _ENTRIES[kind[:-1]]
    return tuple(read(each, what) for each in _entries(value, what))


_ENTRIES: Mapping[str, Callable[[Any, str], Any]] = {"INT": _whole, "FLOAT": _real, "STRING": _text}


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
        if not known:
            raise ValueError(f"{node.op_type} has no attributes, got {shortened(name)}")
        check_word(f"attribute of {node.op_type},", name, tuple(known))
        if kind != known[name]:
            raise ValueError(f"attribute {short(name)} of {node.op_type} is of type {kind}, "
                             f"{shortened(node.attributes[name])}, but needs {known[name]}")  # fmt: skip


# -- tensors ---------------------------------------------------------------------------------------------------------


def decoded(name: str, tensor: Any, folder: Path | None = None) -> NDArray[Any]:
    """The values of a TensorProto, or of an array. Half precision is widened to float32, which holds all its values.

    Parameters
    ----------
    name : str
        How errors call it.
    tensor : onnx.TensorProto or array_like
    folder : Path, optional
        Of the model, beside which files with values stand.

    Returns
    -------
    ndarray

    Raises
    ------
    WrongTypeError
        If its values are of a kind that scipy.sparse cannot hold; also a TypeError.
    ValueError
        If they stand in a file that is not read, or are more or fewer than its dims need, or a part of others.
    """
    if not hasattr(tensor, "data_type"):
        return _plain_array(name, tensor)
    what = f"tensor {shortened(name)}"
    dims, number = attributes_of(tensor, ("dims", "data_type"), "an ONNX tensor")
    number = _whole(number, f"the data_type of {what}")
    if number not in _TENSORS:
        kind = _OTHER_TENSORS.get(number, f"of data_type {number}")
        raise WrongTypeError(f"{what} is {kind}, which scipy.sparse cannot hold: cast it to float32 first, as "
                             "onnx.numpy_helper.to_array(tensor).astype('float32')")  # fmt: skip
    kind, place = _TENSORS[number]
    shape = _shape_of_dims(what, dims)
    stored = np.dtype(_STORED.get(kind, kind))
    segment = getattr(tensor, "segment", None)
    if getattr(segment, "begin", 0) or getattr(segment, "end", 0):
        raise ValueError(
            f"{what} is one segment of a larger tensor, which is read only as a whole: save the model again"
        )
    external = getattr(tensor, "data_location", 0) == _EXTERNAL
    raw = getattr(tensor, "raw_data", b"")
    if external:
        raw = _external(name, tensor, folder, prod(shape) * stored.itemsize)
    if not isinstance(raw, bytes):
        raise WrongTypeError(f"raw_data of {what} must be bytes, got {shortened(raw)} ({type(raw).__name__})")
    if raw or external:
        values = _from_raw(what, raw, shape, stored, kind)
    else:
        (entries,) = attributes_of(tensor, (place,), f"an ONNX tensor of {kind}")
        values = _from_field(what, entries, place, shape, stored)
    if kind == "bool":
        values = values != 0
    elif kind == "float16":
        values = values.view(np.float16).astype(np.float32)
    elif kind == "bfloat16":  # the upper half of a float32
        values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.reshape(shape)


def _plain_array(name: str, value: Any) -> NDArray[Any]:
    try:
        array = weight_of(value)
    except (ValueError, TypeError) as error:
        raise WrongTypeError(f"tensor {shortened(name)} is no array: {error}") from None
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(f"tensor {shortened(name)} must be an array of numbers or a TensorProto, got "
                             f"{shortened(value)} ({type(value).__name__})")  # fmt: skip
    return array


def _shape_of_dims(what: str, dims: Any) -> tuple[int, ...]:
    """The dims of a tensor, if an array can have them."""
    shape = tuple(_whole(each, f"a dim of {what}") for each in _entries(dims, f"the dims of {what}"))
    if len(shape) > _MOST_DIMS:
        raise ValueError(f"{what} has {len(shape)} dims, but a weight has at most {_MOST_DIMS}")
    if any(length < 0 for length in shape):
        raise ValueError(f"{what} has dims {list(shape)}, but none can be less than 0")
    if prod(length or 1 for length in shape) >= 2**60:  # as an array, whatever it holds: 8 bytes each in 63 bits
        raise ValueError(f"{what} has dims {list(shape)}, which no array can have")
    return shape


def _from_raw(what: str, raw: bytes, shape: tuple[int, ...], stored: np.dtype[Any], kind: str) -> NDArray[Any]:
    count, needed = len(raw), prod(shape) * stored.itemsize
    if count != needed:
        raise ValueError(f"{what} has {count} bytes but its dims {list(shape)} of {kind} need {needed}")
    return np.frombuffer(raw, stored.newbyteorder("<")).astype(stored)


def _from_field(what: str, entries: Any, place: str, shape: tuple[int, ...], stored: np.dtype[Any]) -> NDArray[Any]:
    """The values of a field with one number for each entry."""
    listed = _entries(entries, f"{place} of {what}")
    if len(listed) != prod(shape):
        raise ValueError(f"{what} has {counted(len(listed), 'value')} in {place} but its dims {list(shape)} need "
                         f"{prod(shape)}")  # fmt: skip
    if stored.kind == "f":
        return _floats([_real(each, f"{place} of {what}") for each in listed], stored)
    numbers = [_whole(each, f"{place} of {what}") for each in listed]
    limits = np.iinfo(stored)
    for number in numbers:
        if not limits.min <= number <= limits.max:
            raise ValueError(f"{what} has {number} in {place}, but its values are from {limits.min} to {limits.max}")
    return np.array(numbers, dtype=stored)


def _floats(values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # what single precision cannot hold is infinite, as in a file
        return np.asarray(np.asarray(values, dtype=np.float64), dtype=dtype)


def _external(name: str, tensor: Any, folder: Path | None, needed: int) -> bytes:
    """The bytes of a tensor that stand in a file beside the model."""
    if folder is None:
        raise ValueError(f"tensor {shortened(name)} has its values in a file of their own: load the model with "
                         "onnx.load, which reads them, or give from_model the path of the model")  # fmt: skip
    entries = {}
    for entry in _entries(getattr(tensor, "external_data", ()), f"external_data of tensor {shortened(name)}"):
        key, value = attributes_of(entry, ("key", "value"), "an entry of external_data")
        entries[_text(key, "a key of external_data")] = _text(value, "a value of external_data")
    return external_bytes(name, entries, folder, needed)


@dataclass(frozen=True)
class Constants:
    """Tensors that do not depend on the model's input, by name; decoded when they are needed, each once.

    Parameters
    ----------
    tensors : dict
        TensorProtos, arrays, and the headers of Constant nodes.
    makers : dict
        For other tensors, the operator that computes each.
    aliases : dict
        For the output of each Identity node, its input.
    folder : Path, optional
        Of the model, beside which files with values stand.
    """

    tensors: dict[str, Any]
    makers: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    _arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether a tensor is known, perhaps by another name."""
        return self._source(name) in self.tensors

    def _source(self, name: str) -> str:
        """The name of what Identity nodes copy; the way there is shortened, so that no chain is walked twice."""
        passed = []
        while name in self.aliases and name not in self.tensors:
            passed.append(name)
            name = self.aliases[name]
        for each in passed:
            self.aliases[each] = name
        return name

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
        source = self._source(name)
        if source not in self.tensors:
            raise ValueError(f"{letter} is {shortened(name)}, which is none of the initializers, {self._why(source)}")
        if source not in self._arrays:
            tensor = self.tensors[source]
            value = _constant(tensor) if isinstance(tensor, Header) else tensor
            self._arrays[source] = decoded(source, value, self.folder)
        return self._arrays[source]

    def _why(self, name: str) -> str:
        if name in self.makers:
            made = self.makers[name]
            return f"but what a {made} node computes: fold the constants of the model, unquantised, first"
        names = [str(key) for key in self.tensors]
        return f"which are {shortened(sorted(names)) if len(names) < 9 else len(names)}"

    def integers(self, name: str, letter: str) -> list[int]:
        """The values of a tensor of one axis that holds integers.

        Parameters
        ----------
        name, letter : str
            As for `array`.

        Returns
        -------
        list of int

        Raises
        ------
        ValueError
            If it has another number of axes.
        WrongTypeError
            If it holds other values than integers; also a TypeError.
        """  # noqa: DOC502  raised by _line
        array = self._line(name, letter)
        if array.dtype.kind not in "iu":
            raise WrongTypeError(f"{letter} must hold integers, got {array.dtype}")
        return [int(each) for each in array.tolist()]

    def numbers(self, name: str, letter: str) -> list[float]:
        """The values of a tensor of one axis that holds real numbers.

        Parameters
        ----------
        name, letter : str
            As for `array`.

        Returns
        -------
        list of float

        Raises
        ------
        ValueError
            If it has another number of axes.
        WrongTypeError
            If it holds other values than real numbers; also a TypeError.
        """  # noqa: DOC502  raised by _line
        array = self._line(name, letter)
        if array.dtype.kind not in "iuf":
            raise WrongTypeError(f"{letter} must hold real numbers, got {array.dtype}")
        return [float(each) for each in array.tolist()]

    def _line(self, name: str, letter: str) -> NDArray[Any]:
        array = self.array(name, letter)
        if array.ndim != 1:
            raise ValueError(f"{letter} has shape {array.shape} but must have one axis")
        return array


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


def _constant(node: Header) -> Any:
    """What a Constant node holds: a tensor, or numbers."""
    with named(node.label):
        read = node_of(node.proto, node)
        if len(read.attributes) != 1:
            raise ValueError(f"a Constant has one attribute, one of {', '.join(_CONSTANTS)}, got "
                             f"{shortened(sorted(read.attributes))}")  # fmt: skip
        same_kind(read, _CONSTANTS)
        ((kind, value),) = zip(read.kinds.values(), read.attributes.values(), strict=True)
        return _floats(value, np.dtype(np.float32)) if kind.startswith("FLOAT") else value


# -- graphs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Graph:
    """A graph: its nodes but those that are constants, and what flows in and out.

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
    """  # noqa: DOC502  raised by what reads the fields
    graph = getattr(obj, "graph", obj)
    _refuse_others(obj, graph)
    nodes, tensors, inputs, outputs = attributes_of(graph, ("node", "initializer", "input", "output"), "an ONNX model")
    constants = Constants({}, folder=folder)
    for tensor in _entries(tensors, "the initializers of the graph"):
        (name,) = attributes_of(tensor, ("name",), "an ONNX tensor")
        name = _text(name, "the name of an initializer")
        if name in constants.tensors:
            raise ValueError(f"two initializers have the name {shortened(name)}: which one is meant is not settled")
        constants.tensors[name] = tensor
    given = _inputs(_entries(inputs, "the inputs of the graph"), constants)
    headers: list[Header] = []
    try:
        for node in _entries(nodes, "the nodes of the graph"):
            headers.append(_header(node, f"node {len(headers)}"))
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
        if node.op_type == "Identity" and _is_of_onnx(node.proto):
            constants.aliases[node.outputs[0]] = node.inputs[0]
        else:
            constants.makers.update(dict.fromkeys(node.outputs, node.op_type))
        others.append(node)
    names = []
    for entry in _entries(outputs, "the outputs of the graph"):
        (name,) = attributes_of(entry, ("name",), "an output of the graph")
        names.append(_text(name, "the name of an output"))
    return Graph(others, constants, given, names)


def _refuse_others(obj: Any, graph: Any) -> None:
    """Refuse what is no graph, such as a path in bytes or an open file."""
    if hasattr(graph, "node"):
        return
    content = isinstance(obj, bytes | bytearray | memoryview)
    remedy = ("give a path as a str, by os.fsdecode, or the content of a file by onnx.load_model_from_string" if content
              else "give a ModelProto or a GraphProto, as onnx.load makes them, or the path of the file")  # fmt: skip
    raise WrongTypeError(f"{type(obj).__name__} is not an ONNX model: it has no attribute 'node'; {remedy}")


def _is_of_onnx(proto: Any) -> bool:
    """Whether a node or a function is in the domain of ONNX's own operators."""
    return getattr(proto, "domain", "") in ("", "ai.onnx")


def _refuse_own_functions(obj: Any, nodes: Sequence[Header]) -> None:
    """Refuse nodes that may call a function of the model's own, which has the name of an operator."""
    functions = _entries(getattr(obj, "functions", ()), "the functions of the model")
    names = {getattr(each, "name", "") for each in functions if _is_of_onnx(each)}
    for node in nodes:
        if node.op_type in names and _is_of_onnx(node.proto):
            raise ValueError(f"{node.label}: the model has a function of its own that is named {node.op_type}, and "
                             "which of the two runs is not settled: inline the functions of the model, by "
                             "onnx.inliner.inline_local_functions")  # fmt: skip


def _inputs(entries: Sequence[Any], constants: Constants) -> dict[str, tuple[int | None, ...] | None]:
    """The lengths of the inputs that are no initializers."""
    given: dict[str, tuple[int | None, ...] | None] = {}
    for entry in entries:
        (name,) = attributes_of(entry, ("name",), "an input of the graph")
        name = _text(name, "the name of an input")
        if name in given:
            raise ValueError(f"two inputs of the graph have the name {shortened(name)}: give each its own")
        if name not in constants.tensors:
            given[name] = _lengths(name, entry)
    return given


def _refuse_second_writers(nodes: Sequence[Header], given: Mapping[str, Any], constants: Constants) -> None:
    """Refuse names that are written more than once, and nodes that write nothing or miss what all of them have."""
    writers = dict.fromkeys(constants.tensors, "an initializer") | dict.fromkeys(given, "the graph's input")
    for node in nodes:
        _refuse_more(node)
        if not any(node.outputs) or (node.op_type == "Constant" and not node.outputs[0]):
            raise ValueError(f"{node.label} has no output: every node writes a tensor")
        if node.op_type == "Identity" and not (node.inputs and node.inputs[0] and node.outputs[0]):
            raise ValueError(f"{node.label} has no input: an Identity copies one")
        for name in filter(None, node.outputs):
            if name in writers:
                raise ValueError(f"{shortened(name)} is written by {writers[name]} and by {node.label}: in a graph "
                                 "each name stands for one tensor")  # fmt: skip
            writers[name] = node.label


def _refuse_more(node: Header) -> None:
    """Refuse a Constant or an Identity with more inputs or outputs than it has; an empty name stands for none."""
    most = {"Constant": (0, 1), "Identity": (1, 1)}.get(node.op_type)
    if most is None or not _is_of_onnx(node.proto):
        return
    for what, names, count in zip(("input", "output"), (node.inputs, node.outputs), most, strict=True):
        if any(names[count:]):
            raise ValueError(f"{node.label} has {counted(len(names), what)}, {shortened(list(names))}, but takes "
                             f"{count or 'none'}")  # fmt: skip


def _refuse_cycles(nodes: Sequence[Header]) -> None:
    """Refuse nodes that need, perhaps by others, what they write themselves; in any order of the nodes."""
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
    raise ValueError(f"the graph has a cycle: {labels} need{'s' * (len(cycle) == 1)} what "
                     f"{'it writes itself' if len(cycle) == 1 else 'they write themselves'}")  # fmt: skip


def _lengths(name: str, entry: Any) -> tuple[int | None, ...] | None:
    """The shape of a ValueInfoProto, as far as it is known; exporters write 0 or -1 for a length that is not."""
    for place in ("type", "tensor_type", "shape", "dim"):
        entry = getattr(entry, place, None)
        if entry is None:
            return None
    lengths: list[int | None] = []
    for axis, dim in enumerate(_entries(entry, f"the dims of input {shortened(name)}")):
        what = f"the length of input {shortened(name)} on axis {axis}"
        length = _whole(getattr(dim, "dim_value", 0), what)
        if length < -1:
            raise ValueError(f"{what} is {length}: give one of at least 1, or none")
        lengths.append(length if length > 0 else None)
    return tuple(lengths) or None
