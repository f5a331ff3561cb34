"""ONNX's nodes, read by the names of their fields (onnx.proto): operator, inputs, outputs and attributes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convmatrix.core.errors import pluralize, short
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.frameworks.onnx.fields import as_float, as_integer, as_list, as_text
from convmatrix.frameworks.shared.loading import attributes_of
from convmatrix.layers.arguments import check_word

__all__ = ["Header", "Node", "header_of", "is_of_onnx", "node_of", "same_kind"]

_ATTRIBUTES = {
    1: ("FLOAT", "f"),
    2: ("INT", "i"),
    3: ("STRING", "s"),
    4: ("TENSOR", "t"),
    6: ("FLOATS", "floats"),
    7: ("INTS", "ints"),
    8: ("STRINGS", "strings"),
}
"""Names of AttributeProto.type, and the fields with the values."""


@dataclass(frozen=True)
class Header:
    """The fields of a node that a graph needs: all but its attributes.

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
        """Check whether there is an input at a place; optional ones are left out, or named by an empty string.

        Parameters
        ----------
        place : int

        Returns
        -------
        bool
        """
        return len(self.inputs) > place and bool(self.inputs[place])

    def operand(self, place: int, letter: str) -> tuple[str, str]:
        """Return the name of an input in the graph and in the operator, or raise an error if there is none.

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
            raise ValueError(
                f"{self.op_type} has {pluralize(len(self.inputs), 'input')}, {shortened(list(self.inputs))}"
                f", and none that is {letter} (input {place})"
            )
        return self.inputs[place], letter

    def switch(self, name: str) -> bool:
        """Return an attribute that is 0 or 1, by default 0.

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
    """
    header = header_of(obj, "node") if header is None else header
    (attributes,) = attributes_of(obj, ("attribute",), "an ONNX node")
    if not is_of_onnx(obj):
        raise ValueError(
            f"{header.op_type} is of the domain {shortened(obj.domain)}, not of ONNX's own operators, and "
            "nothing is known of it: export the model without it"
        )
    read: dict[str, tuple[str, Any]] = {}
    for attribute in as_list(attributes, f"the attributes of {header.op_type}"):
        name, kind, value = _attribute(attribute)
        if name in read:
            raise ValueError(f"attribute {short(name)} of {header.op_type} is there twice: give it once")
        read[name] = (kind, value)
    return Node(
        header.op_type,
        header.name,
        header.inputs,
        header.outputs,
        {name: value for name, (_, value) in read.items()},
        {name: kind for name, (kind, _) in read.items()},
    )


def header_of(obj: Any, place: str) -> Header:
    """Read a NodeProto without its attributes.

    Parameters
    ----------
    obj : onnx.NodeProto
    place : str
        Where it stands, such as ``node 3``, for error messages.

    Returns
    -------
    Header

    Raises
    ------
    WrongTypeError
        If it is none; also a TypeError.
    ValueError
        If its op_type cannot be the name of an operator.
    """
    op_type, inputs, outputs = attributes_of(obj, ("op_type", "input", "output"), "an ONNX node")
    op_type, name = as_text(op_type, "its op_type"), as_text(getattr(obj, "name", ""), "its name")
    if not (op_type.isprintable() and 0 < len(op_type) < 100):  # from here on it stands in messages as it is
        raise ValueError(f"its op_type is {shortened(op_type)}, which is no name of an operator")
    label = f"{place} ({op_type}{f' {shortened(name)}' if name else ''})"
    reads = tuple(as_text(each, "an input") for each in as_list(inputs, "its inputs"))
    writes = tuple(as_text(each, "an output") for each in as_list(outputs, "its outputs"))
    return Header(label, obj, op_type, name, reads, writes)


def _attribute(attribute: Any) -> tuple[str, str, Any]:
    """Return name, type and value of an AttributeProto."""
    name, number = attributes_of(attribute, ("name", "type"), "an ONNX attribute")
    name = as_text(name, "the name of an attribute")
    number = as_integer(number, f"the type of attribute {shortened(name)}")
    if number not in _ATTRIBUTES or getattr(attribute, "ref_attr_name", "") != "":
        what = "a graph or a reference" if number in _ATTRIBUTES or number in (5, 10) else "which is not read here"
        raise ValueError(
            f"attribute {shortened(name)} is of type {number}, {what}: give a model whose functions are inlined"
        )
    kind, place = _ATTRIBUTES[number]
    (value,) = attributes_of(attribute, (place,), f"an ONNX attribute of type {kind}")
    return name, kind, _value(kind, value, f"attribute {shortened(name)}")


def _value(kind: str, value: Any, what: str) -> Any:
    """Return the value of an attribute, if it has its type."""
    if kind == "TENSOR":
        return value
    if kind in _READERS:
        return _READERS[kind](value, what)
    read = _READERS[kind[:-1]]
    return tuple(read(each, what) for each in as_list(value, what))


_READERS: Mapping[str, Callable[[Any, str], Any]] = {"INT": as_integer, "FLOAT": as_float, "STRING": as_text}


def same_kind(node: Node, known: Mapping[str, str]) -> None:
    """Check that an operator has the attributes of a node, with these types.

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
            raise ValueError(
                f"attribute {short(name)} of {node.op_type} is of type {kind}, "
                f"{shortened(node.attributes[name])}, but needs {known[name]}"
            )


def is_of_onnx(proto: Any) -> bool:
    """Check whether a node or a function is in the domain of ONNX's own operators.

    Parameters
    ----------
    proto : onnx.NodeProto or onnx.FunctionProto

    Returns
    -------
    bool
    """
    return getattr(proto, "domain", "") in ("", "ai.onnx")
