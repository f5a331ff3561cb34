"""Input sizes that a convolution maps to the same output size, and the calls of each framework that give one of them.

The output size of a convolution is rounded down, so that several input sizes have the same one. A transposed layer
needs an argument that selects one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convmatrix.core.axis import Axis
from convmatrix.frameworks.comparison.registry import interfaces
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import PerAxis, check_kind, per_axis

__all__ = ["OutputSizeOptions", "Size", "output_size_options"]

_LISTED = 10_000
"""Most input sizes of an axis that are listed."""


@dataclass(frozen=True)
class Size:
    """One of the sizes of an axis that the convolution maps to the same output.

    Parameters
    ----------
    size : int
    leftover : int
        Positions at the end that no window reaches; the output_padding of a transposed layer of this size.
    """

    size: int
    leftover: int


@dataclass(frozen=True)
class OutputSizeOptions:
    """All input sizes that a convolution maps to the same output size, and the calls that give each of them.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    sizes : tuple of tuple of Size
        For each axis, ascending.
    reason : tuple of str
        For each axis one sentence that explains, with the numbers, whether padding determines the size.
    """

    layer: Layer
    sizes: tuple[tuple[Size, ...], ...]
    reason: tuple[str, ...]

    @property
    def forward(self) -> Conv:
        """The convolution that maps all these sizes to one output size."""
        return self.layer.convolution

    def transposed(self, output_size: PerAxis) -> ConvTranspose:
        """Make the transposed layer with an output size; `ConvTranspose` raises a ValueError for sizes not in `sizes`.

        Parameters
        ----------
        output_size : int or sequence of int

        Returns
        -------
        ConvTranspose
        """
        ndim = self.layer.ndim
        new: dict[str, Any] = {
            "output_size": per_axis("output_size", output_size, ndim),
            "output_padding": (0,) * ndim,
        }
        return replace(self.forward.T, **new)

    def calls(self, output_size: PerAxis) -> tuple[OutputSizeCall, ...]:
        """Return the calls by which each framework gives a size, or the reasons why it cannot; some have two calls.

        Parameters
        ----------
        output_size : int or sequence of int
            One of `sizes` on each axis.

        Returns
        -------
        tuple of OutputSizeCall
        """
        window = Window(self.transposed(output_size))
        return tuple(call for interface in interfaces() for call in interface.output_size_calls(window))


def output_size_options(layer: Layer) -> OutputSizeOptions:
    """Find all input sizes that a convolution maps to the same output size, and the calls that give each of them.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        A convolution, or a transposed layer of which other output sizes are of interest.

    Returns
    -------
    OutputSizeOptions

    Raises
    ------
    ValueError
        If there are more than 10,000 sizes on an axis, as for a stride of that size.

    Examples
    --------
    >>> options = output_size_options(Conv((5,), 3, stride=2, padding=1))
    >>> print(options.reason[0].partition("; ")[2])
    with kernel_size 3, stride 2 and padding 1, both 5 and 6 give 3
    >>> for call in options.calls(6)[:2]:
    ...     print(call)
    torch.nn.ConvTranspose1d: padding=1, output_padding=1
    torch.nn.ConvTranspose1d: padding=1, and output_size=[6] in the call
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    forward = layer.convolution
    sizes = [_sizes_of(number, axis) for number, axis in enumerate(forward.axes)]
    why = (_why(forward, number, axis_sizes) for number, axis_sizes in enumerate(sizes))
    return OutputSizeOptions(layer, tuple(sizes), tuple(why))


def _sizes_of(number: int, axis: Axis) -> tuple[Size, ...]:
    """List the input sizes of an axis that give its output size."""
    sizes = axis.input_sizes()
    if (count := sizes.stop - sizes.start) > _LISTED:
        raise ValueError(
            f"on axis {number}, {count} input sizes, from {sizes.start} to {sizes.stop - 1}, have the output size "
            f"{axis.output_size}: too many to list, at most {_LISTED} are"
        )
    return tuple(Size(size, replace(axis, input_size=size).leftover) for size in sizes)


def _why(forward: Conv, number: int, sizes: Sequence[Size]) -> str:
    """Explain with the numbers of an axis whether padding determines its size."""
    axis = forward.axes[number]
    pads = f"2*{axis.before}" if axis.before == axis.after else f"{axis.before} + {axis.after}"
    padding = str(axis.before) if axis.before == axis.after else f"({axis.before}, {axis.after})"
    span = f", dilation {axis.dilation}" if axis.dilation > 1 else ""
    span += f", input_dilation {axis.input_dilation}" if axis.input_dilation > 1 else ""
    numbers = f"with kernel_size {axis.kernel_size}, stride {axis.stride}{span} and padding {padding}"

    def formula(n: int) -> str:
        dilated = str(n) if axis.input_dilation == 1 else f"{axis.input_dilation}*({n} - 1) + 1"
        return f"({dilated} + {pads} - {axis.span}) / {axis.stride} + 1"

    first, last = sizes[0].size, sizes[-1].size
    if len(sizes) == 1:
        return f"padding alone decides: {numbers}, only {first} gives {axis.output_size}"
    which = f"both {first} and {last}" if len(sizes) == 2 else f"all sizes from {first} to {last}"
    return (
        f"padding alone does not decide: {formula(first)} is {axis.output_size}, rounded down, and so is "
        f"{formula(last)}; {numbers}, {which} give {axis.output_size}"
    )
