"""`size`: only the arithmetic."""

import argparse
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from convmatrix import export
from convmatrix.cli.arguments import Commands, add_layer, layer_of
from convmatrix.cli.sentences import matrix_described, pair, sizes_described
from convmatrix.cli.terminal import print_lines, style
from convmatrix.core.errors import pluralize
from convmatrix.frameworks.comparison.output_sizes import Ways, output_size_options
from convmatrix.layers import Layer
from convmatrix.show.model.sizes import relationship, size_choices

__all__ = ["add_to"]

_MOST = 4
"""Sizes for which the words of each framework are said; of more, the smallest, the layer's own and the largest."""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "size",
        help="only the arithmetic: output size, leftover, what output_padding is for",
        description="Work out sizes.",
    )
    add_layer(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_size)


def _size(arguments: argparse.Namespace) -> None:
    layer = layer_of(arguments)
    print_lines([json.dumps(_as_dict(layer))] if arguments.format == "json" else _described(layer))


def _described(layer: Layer) -> list[str]:
    lines = sizes_described(layer)
    forward = layer.convolution
    for axis in range(layer.ndim):
        choices = size_choices(layer, axis)
        output = forward.output_size[axis]
        lines.append("")
        pads = f" with padding {pair(*forward.padding[axis])}" if forward.padding != layer.padding else ""
        lines.append(
            f"axis {axis}: a convolution{pads} gives {output} for "
            f"{pluralize(len(choices), 'input size')}; "
            f"leftover here {forward.axes[axis].leftover}"
        )
        for choice in choices:
            mark = "  <- this layer" if choice.size == forward.input_size[axis] else ""
            lines.append(
                f"  input size {choice.size}: leftover {choice.leftover}, "
                f"transposed with output_padding {choice.output_padding}{mark}"
            )
    lines += ["", f"matrix: {matrix_described(layer)}, {layer.nbytes()} bytes as float64"]
    return [*lines, *_asking(output_size_options(layer))]


def _asking(ways: Ways) -> Iterator[str]:
    """Why padding does not decide the size of the transposed layer, and the words that do."""
    if not ways.sizes:
        return
    forward, width = ways.forward, style("never").width
    same = len(set(ways.why)) == 1
    yield from ("", "size of the transposed layer:")
    for axis, why in enumerate(ways.why[:1] if same else ways.why):
        yield from _wrapped(f"  {why}" if same else f"  axis {axis}: {why}", width)
    if all(len(sizes) == 1 for sizes in ways.sizes):
        return
    for size in _sizes_to_ask(ways):
        mark = "  <- this layer" if size == forward.input_size else ""
        yield from ("", f"to get {_joined(size)} from {_joined(forward.output_size)}{mark}")
        for asking in ways.ask(size):
            yield from _wrapped(f"  {asking}", width)


def _sizes_to_ask(ways: Ways) -> list[tuple[int, ...]]:
    """The smallest size of each axis, the next ones, and so on; an axis that has fewer stays at its largest."""
    most = max((len(sizes) for sizes in ways.sizes), default=1)
    ranks = range(most) if most <= _MOST else (0, most - 1)
    chosen = {tuple(sizes[min(rank, len(sizes) - 1)].size for sizes in ways.sizes) for rank in ranks}
    return sorted(chosen | {ways.forward.input_size})


def _wrapped(line: str, width: int) -> list[str]:
    """A line of a list, broken where it has to be, but not within the numbers of a bracket."""
    kept = re.sub(r", (?=[^\[(]*[\])])", ",\N{NO-BREAK SPACE}", line)
    lines = textwrap.wrap(kept, width, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _joined(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def _as_dict(layer: Layer) -> dict[str, Any]:
    stated = [relationship(layer, axis) for axis in range(layer.ndim)]
    forward = layer.convolution
    return {
        **export.layer_as_dict(layer),
        "output_size": list(layer.output_size),
        "leftover": [axis.leftover for axis in forward.axes],
        "relationship": [said.number for said in stated],
        "formula": [said.formula for said in stated],
        "input_sizes": [[choice._asdict() for choice in size_choices(layer, axis)] for axis in range(layer.ndim)],
        "nbytes": layer.nbytes(),
        "asking": _asking_as_dict(output_size_options(layer)),
    }


def _asking_as_dict(ways: Ways) -> dict[str, Any]:
    asked = [
        {
            "size": list(size),
            "words": [
                {"framework": one.framework, "layer": one.says, "asks": one.asks, "possible": one.words is not None}
                for one in ways.ask(size)
            ],
        }
        for size in (_sizes_to_ask(ways) if ways.sizes else [])
    ]
    return {"why": list(ways.why), "sizes": asked}
