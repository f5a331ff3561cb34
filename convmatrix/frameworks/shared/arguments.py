"""The arguments of a convolution with one entry for each axis, before a framework's call is made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers.arguments import entries_of

__all__ = ["OPTIONAL", "ConvArguments", "entries_for_axes"]

OPTIONAL = ("dilation", "input_dilation", "output_padding", "output_size", "groups", "padding_mode")
"""Arguments that a framework need not have."""


def entries_for_axes(name: str, value: Any, count: int, needs: str) -> list[Any]:
    """Return the entries of an argument that has to be a sequence, as `needs` says; one number is an error."""
    entries = entries_of(value)
    if entries is None:
        remedy = f": write {short((value,) * count)}" if type(value) is int and value > 0 else ""
        raise WrongTypeError(f"{name} must {needs}, got {short(value)}{remedy}")
    return entries


@dataclass(frozen=True)
class ConvArguments:
    """The arguments of a layer with one entry for each axis; paddings are numbers or names, as given."""

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[str | tuple[int, int], ...]
    dilation: tuple[int, ...]
    input_dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    output_size: tuple[int, ...] | None
    groups: int
    in_channels: int
    out_channels: int
    padding_mode: str

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Default values of the optional arguments."""
        ones, zeros = (1,) * self.ndim, (0,) * self.ndim
        return {
            "dilation": ones,
            "input_dilation": ones,
            "output_padding": zeros,
            "output_size": None,
            "groups": 1,
            "padding_mode": "zeros",
            "stride": ones,
            "in_channels": 1,
            "out_channels": 1,
        }

    def is_default(self, name: str) -> bool:
        """Check whether an argument has its default value; False for one that has none."""
        return name in self.defaults and getattr(self, name) == self.defaults[name]

    def unusual(self) -> dict[str, Any]:
        """Arguments that a framework need not have, with values other than the defaults."""
        return {name: getattr(self, name) for name in OPTIONAL if not self.is_default(name)}

    def weight_shape(self, transpose: bool = False) -> tuple[int, ...]:
        """Shape of the kernel in our layout."""
        rows, cols = self.out_channels, self.in_channels
        rows, cols = (cols, rows) if transpose else (rows, cols)
        return (rows, cols // self.groups, *self.kernel_size)

    def padding_name(self, spelling: Mapping[str, str]) -> str | None:
        """The name of the padding of all axes in the framework's spelling; None if there are numbers, or several."""
        names = {entry for entry in self.padding if isinstance(entry, str)}
        if len(names) != 1 or not all(isinstance(entry, str) for entry in self.padding):
            return None
        (name,) = names
        return spelling.get(name, name)

    @property
    def padding_numbers(self) -> tuple[Any, ...]:
        """For each axis one number, or a pair where the pads before and after differ."""
        return tuple(entry[0] if entry[0] == entry[1] else entry for entry in self.padding)

    @property
    def no_padding(self) -> bool:
        """True if all pads are zero."""
        return all(entry == (0, 0) for entry in self.padding)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.input_size)
