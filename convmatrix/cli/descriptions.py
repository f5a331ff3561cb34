"""A layer in sentences, as `show` prints them: its setting, the arithmetic, its channels and its output."""

import re
import textwrap
from collections.abc import Sequence
from math import prod
from typing import Any

from convmatrix.core.errors import pluralize
from convmatrix.layers import ConvTranspose, Layer
from convmatrix.show.model.scene import Scene, number_label, size_label
from convmatrix.show.render.text import Terminal

__all__ = [
    "arithmetic_described",
    "channels_described",
    "letters",
    "output_described",
    "setting_described",
    "unbroken",
    "wrapped",
]

_TIE = "~"  # as in TeX: a space at which lines are not broken
_NO_BREAK = "\xa0"
_MOST_TERMS = 12
"""Most terms of an output that is written out."""


def wrapped(text: str, shown: Terminal, indent: str = "") -> list[str]:
    """Lines of a text in the terminal's signs; sizes such as 4 × 4 stay on one line, and so do `unbroken` parts."""
    signs = re.sub(r"(?<=\d) ([×x]) (?=\d)", r"~\1~", shown.set_label(text)).replace(_TIE, _NO_BREAK)
    lines = textwrap.wrap(
        signs, max(shown.width, 8), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]


def unbroken(text: str) -> str:
    """A part of a text that stays on one line if it fits."""
    return text.replace(" ", _TIE)


def letters(layer: Layer) -> tuple[str, str]:
    """Letters of the layer's matrix and of its transpose."""
    return ("C^T", "C") if isinstance(layer, ConvTranspose) else ("C", "C^T")


# -- the setting -----------------------------------------------------------------------------------------------------


def setting_described(layer: Layer) -> str:
    """The setting as a line, such as ``4 × 4 input, 3 × 3 kernel, stride 1, no padding  →  2 × 2 output``."""
    parts = [
        _sized(layer.input_size, "input") + _with_channels(layer.in_channels),
        _sized(layer.kernel_size, "kernel"),
        f"stride {_each(layer.stride)}",
        _padding_described(layer),
    ]
    for name, values in (("dilation", layer.dilation), ("input dilation", layer.input_dilation)):
        if any(value > 1 for value in values):
            parts.append(f"{name} {_each(values)}")
    if isinstance(layer, ConvTranspose) and any(layer.output_padding):
        parts.append(f"output padding {_each(layer.output_padding)}")
    if layer.groups > 1:
        parts.append(f"{layer.groups} groups")
    kind = "transposed convolution: " if isinstance(layer, ConvTranspose) else ""
    output = _sized(layer.output_size, "output") + _with_channels(layer.out_channels)
    return f"{kind}{', '.join(map(unbroken, parts))}  {unbroken(f'→  {output}')}"


def _sized(size: Sequence[int], what: str) -> str:
    return f"{size_label(size)} {what}" if len(size) > 1 else f"{what} of {size_label(size)}"


def _with_channels(count: int) -> str:
    return f" with {count} channels" if count > 1 else ""


def _each(values: Sequence[int]) -> str:
    """One value for all axes, or one for each."""
    return _signed(values[0]) if len(set(values)) == 1 else " × ".join(map(_signed, values)) or "1"


def _signed(value: int) -> str:
    return str(value).replace("-", "−")


def _padding_described(layer: Layer) -> str:
    pads = set(layer.padding)
    mode = "" if layer.padding_mode == "zeros" else f"{layer.padding_mode} "
    if pads <= {(0, 0)}:
        return "no padding"
    if len(pads) == 1:
        before, after = pads.pop()
        both = f"{_signed(before)} before and {_signed(after)} after"
        return f"{mode}padding {_signed(before) if before == after else both}"
    if all(before == after for before, after in pads):
        return f"{mode}padding {_each([before for before, _ in layer.padding])}"
    return f"{mode}padding " + " × ".join(f"{_signed(before)},{_signed(after)}" for before, after in layer.padding)


# -- the arithmetic --------------------------------------------------------------------------------------------------


def arithmetic_described(layer: Layer, shown: Terminal) -> list[str]:
    """The output size in letters and in numbers: a line, or a line for each axis if they differ."""
    lines = [_size_formula(layer, axis, shown) for axis in range(layer.ndim)]
    if len(set(lines)) <= 1:
        return lines[:1]
    return [f"axis {axis}: {line}" for axis, line in enumerate(lines)]


def _size_formula(layer: Layer, axis: int, shown: Terminal) -> str:
    forward = layer.axes[axis]
    before, after = layer.padding[axis]
    numbers = {
        "i": layer.input_size[axis],
        "k": forward.kernel_size,
        "s": forward.stride,
        "d": forward.dilation,
        "a": forward.input_dilation,
        "p": before,
        "p_b": before,
        "p_e": after,
        "op": layer.output_padding[axis] if isinstance(layer, ConvTranspose) else 0,
    }
    pads = "" if before == after == 0 else "2·{p}" if before == after else "{p_b} + {p_e}"
    if isinstance(layer, ConvTranspose):
        formula = "{s}·({i} − 1)" + (" + {k}" if forward.dilation == 1 else " + {d}·({k} − 1) + 1")
        formula += "".join(f" − {pad}" for pad in pads.split(" + ") if pad) + (" + {op}" if numbers["op"] else "")
        if forward.input_dilation > 1:
            formula = f"({formula} − 1)/{{a}} + 1"
    else:
        spread = "{i}" if forward.input_dilation == 1 else "{a}·({i} − 1) + 1"
        span = "{k}" if forward.dilation == 1 else "{d}·({k} − 1) − 1"
        formula = f"{spread}{' + ' * bool(pads)}{pads} − {span}"
        first, last = ("(", ")") if not forward.leftover else ("⌊(", ")") if shown.unicode else ("floor((", ")")
        rounded = "" if not forward.leftover else "⌋" if shown.unicode else ")"
        formula = f"{first}{formula}{last}/{{s}}{rounded} + 1"
    in_letters = formula.format(**{name: name for name in numbers})
    in_letters = in_letters.replace("·(", "(").replace("2·", "2")
    in_numbers = formula.format(
        **{name: f"({_signed(value)})" if value < 0 else str(value) for name, value in numbers.items()}
    )
    return f"o = {in_letters} = {in_numbers} = {layer.output_size[axis]}"


# -- channels, and the output in numbers -----------------------------------------------------------------------------


def channels_described(layer: Layer) -> str:
    """Rows and columns of each channel, and which channels a group connects; empty with one channel on each side."""
    if layer.in_channels == layer.out_channels == 1:
        return ""
    maps = [(letter, *rest) for letter, rest in zip(Scene(layer).letters[::2], _maps(layer), strict=True)]
    text = ", ".join(
        f"{pluralize(prod(size), kind)} for each of {letter}'s {channels} channels"
        for letter, kind, size, channels in maps
        if channels > 1
    )
    if layer.groups == 1:
        return text
    (row, *_, outputs), (col, *_, inputs) = maps
    first, last = (
        [_range(group, channels // layer.groups) for channels in (outputs, inputs)] for group in (0, layer.groups - 1)
    )
    several = outputs > layer.groups
    verb, dots = "read" if several else "reads", "..., " if layer.groups > 2 else ""
    connected = f"{row}'s channel{'s' * several} {first[0]} {verb} {col}'s {first[1]}, {dots}{last[0]} {verb} {last[1]}"
    return f"{text}; {unbroken(f'{layer.groups} groups')}: {connected}"


def _maps(layer: Layer) -> list[tuple[str, tuple[int, ...], int]]:
    """Rows of the output and columns of the input: their name, the size of a channel, and the number of channels."""
    return [("row", layer.output_size, layer.out_channels), ("column", layer.input_size, layer.in_channels)]


def _range(group: int, count: int) -> str:
    """Channels of a group."""
    return f"{group}" if count == 1 else f"{group * count} to {(group + 1) * count - 1}"


def output_described(scene: Scene, x: Any, shown: Terminal, most: int) -> list[str]:
    """The outputs for an input in at most so many lines, and one of them as a sum."""
    layer = scene.layer
    values = layer.vec(x)
    outputs = scene.applied(values)
    width = min(shown.width, 120)
    lines, line = [], "  "
    for row in range(min(len(outputs), most * width)):
        entry = shown.set_label(f"{scene.row_name(row)} = {number_label(outputs[row])}")
        if len(line) > 2 and len(line) + len(entry) > width:
            lines.append(line.rstrip())
            line = "  "
        if len(lines) == most:
            break
        line += entry + "   "
    else:
        lines.append(line.rstrip())
    if len(lines) == most and row + 1 < len(outputs):
        lines[-1] = lines[-1][: width - 4].rstrip() + " ..."
    middle = len(outputs) // 2
    cells = scene.row_cells(middle)
    made = []
    if 0 < len(cells) <= _MOST_TERMS:
        terms = scene.made_of(middle, scene.terms(middle, lambda col: number_label(values[col])))
        result = unbroken(f"= {number_label(outputs[middle])}")
        made = wrapped(f"{scene.row_name(middle)} = {terms} {result}", shown, "  ")
    return [shown.set_label(f"{scene.equation} in numbers:"), *lines, *made]
