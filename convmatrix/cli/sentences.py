"""Descriptions of a layer that several commands print, in the guide's letters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convmatrix.cli.interrupts import held_back
from convmatrix.cli.terminal import Bar
from convmatrix.core.errors import pluralize
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.show.model.sizes import relationship

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["findings", "matrix_described", "pair", "settings_described", "sizes_described"]


def sizes_described(layer: Layer) -> list[str]:
    """The settings in the guide's letters, and how the output size comes about."""
    lines = [settings_described(layer)]
    relationships = [relationship(layer, axis) for axis in range(layer.ndim)]
    for axis, relation in enumerate(relationships):
        if axis and all(one == relation for one in relationships):
            break
        where = "" if all(one == relation for one in relationships) else f"axis {axis}: "
        number = "" if relation.number is None else f"relationship {relation.number}"
        source = "; ".join(filter(None, (number, relation.note)))
        line = f"  {where}{relation.formula} = {relation.arithmetic}   [{source}]"
        three_lines = [f"  {where}{relation.formula}", f"    = {relation.arithmetic}", f"    [{source}]"]
        lines += [line] if len(line) <= 120 else three_lines
    return lines


def settings_described(layer: Layer) -> str:
    """The settings in the guide's letters, on one line; channels, groups and mode only where they are unusual."""
    kind = "convolution" if isinstance(layer, Conv) else "transposed convolution"
    parts = [
        f"i={_joined(layer.input_size)}",
        f"k={_joined(layer.kernel_size)}",
        f"s={_joined(layer.stride, same=True)}",
        f"p={_joined([pair(*pads) for pads in layer.padding], same=True)}",
        f"d={_joined(layer.dilation, same=True)}",
    ]
    if any(a > 1 for a in layer.input_dilation):
        parts.append(f"a={_joined(layer.input_dilation, same=True)}")
    if isinstance(layer, ConvTranspose) and any(layer.output_padding):
        parts.append(f"op={_joined(layer.output_padding, same=True)}")
    for name, value, default in (
        ("g", layer.groups, 1),
        ("cin", layer.in_channels, 1),
        ("cout", layer.out_channels, 1),
        ("mode", layer.padding_mode, "zeros"),
    ):
        if value != default:
            parts.append(f"{name}={value}")
    return f"{kind}  {'  '.join(parts)}  ->  o={_joined(layer.output_size)}"


def matrix_described(layer: Layer) -> str:
    """Shape and number of entries of the matrix."""
    rows, cols = layer.matrix_shape
    return f"{rows} x {cols}, {pluralize(layer.nnz, 'entry')}"


def findings(layer: Layer, weight: "NDArray[Any] | None", *, any_size: bool) -> dict[str, Any]:
    """Rank and Gram findings for JSON: null where they are not computed."""
    with held_back():
        from convmatrix.algebra import verdict
    with Bar("rank") as bar:
        result = verdict(layer, weight, any_size=any_size, progress=bar)
    return {
        "rank": None if result.rank is None else result.rank.value,
        "gram_is_identity": None if result.gram is None else result.gram.holds,
    }


def pair(before: int, after: int) -> str:
    """The pads of one axis: one number where they are the same."""
    return str(before) if before == after else f"{before},{after}"


def _joined(values: Sequence[Any], *, same: bool = False) -> str:
    """Values of the axes joined by x; one of them where all are the same, if that is wanted."""
    if not values:
        return "()"
    if same and len(set(values)) == 1:
        return str(values[0])
    return "x".join(map(str, values))
