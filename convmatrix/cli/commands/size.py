"""The command `size`: the arithmetic of sizes."""

import argparse
import json
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from convmatrix import export
from convmatrix.cli.arguments import Commands, UsageError, add_layer, given_names, layer_of
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.sentences import matrix_described, pair, sizes_described
from convmatrix.cli.terminal import print_lines, style, typeset
from convmatrix.core.errors import pluralize
from convmatrix.layers import Layer
from convmatrix.layers.size_search import settings_between
from convmatrix.show.model.sizes import relationship

if TYPE_CHECKING:
    from convmatrix.frameworks.comparison.output_sizes import OutputSizeOptions, Size

__all__ = ["add_to"]

_OF_SEARCH = {"input_size", "output_size", "stride"}
"""Arguments of a layer that a search for settings takes."""
_MOST_SETTINGS = 12
"""Most settings between two sizes that are printed."""

_MOST = 4
"""Most sizes for which the calls of all frameworks are listed; of more sizes, the smallest, that of the layer, and the
largest."""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "size",
        help="only the arithmetic: output size, leftover, what output_padding is for",
        description="Work out sizes. With --i and --o but without --k, list the settings that\n"
        "take one to the other: size --i 224 --o 112, size --i 7 --o 14 --transpose.",
    )
    add_layer(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_size)


def _size(arguments: argparse.Namespace) -> None:
    if arguments.output_size is not None and arguments.kernel_size is None:
        print_lines(_between(arguments))
        return
    layer = layer_of(arguments)
    print_lines([json.dumps(_as_dict(layer))] if arguments.format == "json" else _described(layer))


def _between(arguments: argparse.Namespace) -> list[str]:
    """The settings that take --i to --o, one line each; as JSON, all of them."""
    for name in sorted(given_names(arguments) - _OF_SEARCH):
        raise UsageError(
            f"--{name.replace('_', '-')} does not go with a search for --k, which takes --i, --o, --s and --transpose: "
            "leave it out, or give --k"
        )
    ends = arguments.input_size, arguments.output_size
    if not all(isinstance(size, int) for size in ends):
        raise UsageError("--i and --o are one number each where --k is to be found: give --i 224 --o 112")
    found = settings_between(*ends, transpose=arguments.transpose)
    if arguments.stride is not None:
        if not isinstance(arguments.stride, int):
            raise UsageError("--s is one number where --k is to be found: give --s 2")
        found = [setting for setting in found if setting.stride == arguments.stride]
    if arguments.format == "json":
        return [json.dumps([setting._asdict() for setting in found])]
    noun = "transposed convolution" if arguments.transpose else "convolution"
    if not found:
        return [f"no small {noun} takes {ends[0]} to {ends[1]}: it takes several layers, or a resize"]
    lines = [f"from {ends[0]} to {ends[1]} by a {noun}, the usual first:"]
    for kernel, stride, padding, rest in found[:_MOST_SETTINGS]:
        lines.append(f"  k={kernel}  s={stride}  p={padding}" + f"  op={rest}" * arguments.transpose)
    if len(found) > _MOST_SETTINGS:
        lines.append(f"and {len(found) - _MOST_SETTINGS} more: --format json lists all, --s S those of one stride")
    return lines


def _options(layer: Layer) -> "OutputSizeOptions":
    with held_back():  # slow to import: it uses all frameworks
        from convmatrix.frameworks.comparison.output_sizes import output_size_options
    return output_size_options(layer)


def _described(layer: Layer) -> list[str]:
    lines = sizes_described(layer)
    forward, options = layer.convolution, _options(layer)
    for axis, choices in enumerate(options.sizes):
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
                f"transposed with output_padding {choice.leftover}{mark}"
            )
    lines += ["", typeset(f"matrix: {matrix_described(layer)}, {layer.nbytes()} bytes as float64")]
    return [*lines, *_output_sizes_described(_options(layer))]


def _output_sizes_described(options: "OutputSizeOptions") -> Iterator[str]:
    """Explain why padding does not determine the size of the transposed layer, and list the calls that do."""
    if not options.sizes:
        return
    forward, width = options.forward, style("never").width
    same = len(set(options.reason)) == 1
    yield from ("", "size of the transposed layer:")
    for axis, why in enumerate(options.reason[:1] if same else options.reason):
        yield from _wrapped(f"  {why}" if same else f"  axis {axis}: {why}", width)
    if all(len(sizes) == 1 for sizes in options.sizes):
        return
    for size in _sizes_to_list(options):
        mark = "  <- this layer" if size == forward.input_size else ""
        yield from ("", f"to get {_joined(size)} from {_joined(forward.output_size)}{mark}")
        for call in options.calls(size):
            yield from _wrapped(f"  {call}", width)


def _sizes_to_list(options: "OutputSizeOptions") -> list[tuple[int, ...]]:
    """Return the smallest size of each axis, the next ones, and so on; an axis with fewer sizes repeats its largest."""
    most = max((len(sizes) for sizes in options.sizes), default=1)
    ranks = range(most) if most <= _MOST else (0, most - 1)
    selection = {tuple(sizes[min(rank, len(sizes) - 1)].size for sizes in options.sizes) for rank in ranks}
    return sorted(selection | {options.forward.input_size})


def _wrapped(line: str, width: int) -> list[str]:
    """Wrap a line of a list, but not between the numbers in brackets."""
    text = re.sub(r", (?=[^\[(]*[\])])", ",\N{NO-BREAK SPACE}", line)
    lines = textwrap.wrap(text, width, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _joined(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def _as_dict(layer: Layer) -> dict[str, Any]:
    relationships = [relationship(layer, axis) for axis in range(layer.ndim)]
    forward, options = layer.convolution, _options(layer)
    return {
        **export.layer_as_dict(layer),
        "output_size": list(layer.output_size),
        "leftover": [axis.leftover for axis in forward.axes],
        "relationship": [one.number for one in relationships],
        "formula": [one.formula for one in relationships],
        "input_sizes": [[_size_as_dict(size) for size in sizes] for sizes in options.sizes],
        "nbytes": layer.nbytes(),
        "output_size_options": _options_as_dict(options),
    }


def _size_as_dict(size: "Size") -> dict[str, int]:
    return {"size": size.size, "leftover": size.leftover, "output_padding": size.leftover}


def _options_as_dict(options: "OutputSizeOptions") -> dict[str, Any]:
    sizes = [
        {
            "size": list(size),
            "calls": [
                {
                    "framework": call.framework,
                    "layer": call.layer_name,
                    "arguments": call.arguments,
                    "possible": call.kwargs is not None,
                }
                for call in options.calls(size)
            ],
        }
        for size in (_sizes_to_list(options) if options.sizes else [])
    ]
    return {"reason": list(options.reason), "sizes": sizes}
