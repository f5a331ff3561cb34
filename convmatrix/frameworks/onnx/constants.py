"""The constants of an ONNX graph: its initializers and Constant nodes, by name, as arrays."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.onnx.attributes import shortened
from convmatrix.frameworks.onnx.nodes import Header, node_of, same_kind
from convmatrix.frameworks.onnx.tensors import as_floats, decoded
from convmatrix.frameworks.shared.calls import named

__all__ = ["Constants"]

_CONSTANTS = {
    "value": "TENSOR",
    "value_float": "FLOAT",
    "value_floats": "FLOATS",
    "value_int": "INT",
    "value_ints": "INTS",
}
"""The attributes of the operator Constant that are read, and their types."""


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
        """Check whether a tensor is a constant, also by an alias."""
        return self._source(name) in self.tensors

    def _source(self, name: str) -> str:
        """Return the name of the tensor that a chain of Identity nodes copies; the chain is shortened."""
        passed = []
        while name in self.aliases and name not in self.tensors:
            passed.append(name)
            name = self.aliases[name]
        for each in passed:
            self.aliases[each] = name
        return name

    def array(self, name: str, letter: str) -> NDArray[Any]:
        """Return the values of a tensor.

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
        """Return the values of a tensor of one axis that holds integers.

        Parameters
        ----------
        name, letter : str
            As for `array`, of a tensor with integers.

        Returns
        -------
        list of int
            As Python's integers.

        Raises
        ------
        ValueError
            If it has another number of axes.
        WrongTypeError
            If it holds other values than integers; also a TypeError.
        """
        array = self._line(name, letter)
        if array.dtype.kind not in "iu":
            raise WrongTypeError(f"{letter} must hold integers, got {array.dtype}")
        return [int(each) for each in array.tolist()]

    def numbers(self, name: str, letter: str) -> list[float]:
        """Return the values of a tensor of one axis that holds real numbers.

        Parameters
        ----------
        name, letter : str
            As for `array`, of a tensor with real numbers.

        Returns
        -------
        list of float
            As Python's floats.

        Raises
        ------
        ValueError
            If it has another number of axes.
        WrongTypeError
            If it holds other values than real numbers; also a TypeError.
        """
        array = self._line(name, letter)
        if array.dtype.kind not in "iuf":
            raise WrongTypeError(f"{letter} must hold real numbers, got {array.dtype}")
        return [float(each) for each in array.tolist()]

    def _line(self, name: str, letter: str) -> NDArray[Any]:
        array = self.array(name, letter)
        if array.ndim != 1:
            raise ValueError(f"{letter} has shape {array.shape} but must have one axis")
        return array


def _constant(node: Header) -> Any:
    """Return the value of a Constant node: a tensor, or numbers."""
    with named(node.label):
        read = node_of(node.proto, node)
        if len(read.attributes) != 1:
            raise ValueError(
                f"a Constant has one attribute, one of {', '.join(_CONSTANTS)}, got "
                f"{shortened(sorted(read.attributes))}"
            )
        same_kind(read, _CONSTANTS)
        ((kind, value),) = zip(read.kinds.values(), read.attributes.values(), strict=True)
        return as_floats(value, np.dtype(np.float32)) if kind.startswith("FLOAT") else value
