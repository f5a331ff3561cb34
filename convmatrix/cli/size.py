"""`size`: only the arithmetic."""

import argparse
import json
from typing import Any

from convmatrix import export
from convmatrix.cli.arguments import Commands, add_layer, layer_of
from convmatrix.cli.sentences import matrix_described, pair, sizes_described
from convmatrix.cli.terminal import print_lines
from convmatrix.core.errors import counted
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.show.sizes import relationship, size_choices

__all__ = ["add_to"]


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("size", help="only the arithmetic: output size, leftover, what output_padding is for",
                                 description="Work out sizes.")  # fmt: skip
    add_layer(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_size)


def _size(arguments: argparse.Namespace) -> None:
    layer = layer_of(arguments)
    print_lines([json.dumps(_as_dict(layer))] if arguments.format == "json" else _described(layer))


def _described(layer: Conv | ConvTranspose) -> list[str]:
    lines = sizes_described(layer)
    forward = layer if isinstance(layer, Conv) else layer.T
    for axis in range(layer.ndim):
        choices = size_choices(layer, axis)
        output = forward.output_size[axis]
        lines.append("")
        pads = f" with padding {pair(*forward.padding[axis])}" if forward.padding != layer.padding else ""
        lines.append(f"axis {axis}: a convolution{pads} gives {output} for "
                     f"{counted(len(choices), 'input size')}; "
                     f"leftover here {forward.axes[axis].leftover}")  # fmt: skip
        for choice in choices:
            mark = "  <- this layer" if choice.size == forward.input_size[axis] else ""
            lines.append(f"  input size {choice.size}: leftover {choice.leftover}, "
                         f"transposed with output_padding {choice.output_padding}{mark}")  # fmt: skip
    return [*lines, "", f"matrix: {matrix_described(layer)}, {layer.nbytes()} bytes as float64"]


def _as_dict(layer: Conv | ConvTranspose) -> dict[str, Any]:
    stated = [relationship(layer, axis) for axis in range(layer.ndim)]
    forward = layer if isinstance(layer, Conv) else layer.T
    return {
        **export.layer_as_dict(layer),
        "output_size": list(layer.output_size),
        "leftover": [axis.leftover for axis in forward.axes],
        "relationship": [said.number for said in stated],
        "formula": [said.formula for said in stated],
        "input_sizes": [[choice._asdict() for choice in size_choices(layer, axis)] for axis in range(layer.ndim)],
        "nbytes": layer.nbytes(),
    }
