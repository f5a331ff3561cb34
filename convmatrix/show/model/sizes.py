"""The arithmetic of sizes as sentences: formula, numbers, and the relationship of the guide that states it."""

from typing import Any, NamedTuple

from convmatrix.core.axis import Axis
from convmatrix.core.errors import pluralize, short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import check_kind, integer

__all__ = ["RELATIONSHIPS", "Relationship", "relationship"]


class Relationship(NamedTuple):
    """The size of one axis as arithmetic.

    `number` is the relationship's in Dumoulin & Visin, arXiv:1603.07285; None where the guide states none.
    """

    number: int | None
    formula: str
    arithmetic: str
    note: str = ""


def _axis_of(layer: Layer, axis: int) -> Axis:
    """The axis of that number, which may count from the end."""
    number = integer("axis", axis)
    if not -layer.ndim <= number < layer.ndim:
        raise ValueError(
            f"axis {short(number)} is not there: the layer has {pluralize(layer.ndim, 'spatial dimension')}"
        )
    return layer.axes[number]


def relationship(layer: Layer, axis: int) -> Relationship:
    """Explain the output size of one axis.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    axis : int

    Returns
    -------
    Relationship

    Examples
    --------
    >>> relationship(Conv(4, 3), 0)
    Relationship(number=1, formula='o = (i - k) + 1', arithmetic='(4 - 3) + 1 = 2', note='')
    >>> relationship(Conv(6, 3, stride=2, padding=1).T, 0)[:3]
    (14, "o' = s(i' - 1) + a + k - 2p", '2*(3 - 1) + 1 + 3 - 2*1 = 6')
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    forward = _axis_of(layer, axis)
    transposed = isinstance(layer, ConvTranspose)
    sizes, extra = (forward.input_size, forward.output_size), 0
    if isinstance(layer, ConvTranspose):
        sizes, extra = (layer.input_size[axis], layer.output_size[axis]), layer.output_padding[axis]
    before, after = layer.padding[axis]
    values = {
        "i": sizes[0],
        "o": sizes[1],
        "k": forward.kernel_size,
        "k_e": forward.span,
        "s": forward.stride,
        "p": before,
        "d": forward.dilation,
        "a": forward.input_dilation,
        "op": extra,
        "before": before,
        "after": after,
    }
    facts = _facts(values, transposed=transposed)
    row = next(row for row in RELATIONSHIPS if all(facts[name] == fact for name, fact in row["when"].items()))
    return Relationship(row["number"], row["formula"], row["arithmetic"].format(**values), row["note"].format(**values))


def _facts(values: dict[str, int], *, transposed: bool) -> dict[str, bool | str]:
    """Facts that decide which row of `RELATIONSHIPS` holds; the explorer's table.js has the same function."""
    p, reach = values["p"], values["k_e"] - 1
    kinds = {0: "none", reach / 2: "half", reach: "full"}  # a kernel of one pads nothing, half and in full: none
    return {
        "transposed": transposed,
        "general": values["a"] > 1 or p != values["after"] or p < 0 or 0 < values["s"] <= values["op"],
        "dilated": values["d"] > 1,
        "strided": values["s"] > 1,
        "extra": values["op"] > 0,
        "padding": "none" if p == 0 else kinds.get(p, "other"),
    }


def _row(number: int | None, formula: str, arithmetic: str, note: str = "", **when: bool | str) -> dict[str, Any]:
    return {"number": number, "formula": formula, "arithmetic": arithmetic, "note": note, "when": when}


_K_E = "with k_e = d(k - 1) + 1 = {k_e} for k"


def _of_convolutions() -> list[dict[str, Any]]:
    return [
        _row(
            None,
            "o = floor((a(i - 1) + 1 + p_b + p_e - k_e) / s) + 1, k_e = d(k - 1) + 1",
            "floor(({a}*({i} - 1) + 1 + {before} + {after} - {k_e}) / {s}) + 1 = {o}",
            "relationship 15, for any pads and a dilated input",
            general=True,
        ),
        _row(
            15,
            "o = floor((i + 2p - k - (k - 1)(d - 1)) / s) + 1",
            "floor(({i} + 2*{p} - {k} - ({k} - 1)*({d} - 1)) / {s}) + 1 = {o}",
            dilated=True,
        ),
        _row(5, "o = floor((i - k) / s) + 1", "floor(({i} - {k}) / {s}) + 1 = {o}", strided=True, padding="none"),
        _row(6, "o = floor((i + 2p - k) / s) + 1", "floor(({i} + 2*{p} - {k}) / {s}) + 1 = {o}", strided=True),
        _row(1, "o = (i - k) + 1", "({i} - {k}) + 1 = {o}", padding="none"),
        _row(3, "o = i", "{o}", "half padding, p = floor(k / 2), k odd", padding="half"),
        _row(4, "o = i + (k - 1)", "{i} + ({k} - 1) = {o}", "full padding, p = k - 1", padding="full"),
        _row(2, "o = (i - k) + 2p + 1", "({i} - {k}) + 2*{p} + 1 = {o}"),
    ]


def _of_transposes() -> list[dict[str, Any]]:
    rows = [
        _row(14, "o' = s(i' - 1) + a + k - 2p", "{s}*({i} - 1) + {op} + {k_e} - 2*{p} = {o}", "a = op", extra=True),
        _row(12, "o' = s(i' - 1) + k", "{s}*({i} - 1) + {k_e} = {o}", strided=True, padding="none"),
        _row(13, "o' = s(i' - 1) + k - 2p", "{s}*({i} - 1) + {k_e} - 2*{p} = {o}", strided=True),
        _row(8, "o' = i' + (k - 1)", "{i} + ({k_e} - 1) = {o}", padding="none"),
        _row(10, "o' = i'", "{o}", "transposed half padding", padding="half"),
        _row(11, "o' = i' - (k - 1)", "{i} - ({k_e} - 1) = {o}", "transposed full padding", padding="full"),
        _row(9, "o' = i' + (k - 1) - 2p", "{i} + ({k_e} - 1) - 2*{p} = {o}"),
    ]
    general = _row(
        None,
        "o' = (s(i' - 1) + k_e - p_b - p_e + op - 1) / a + 1, k_e = d(k - 1) + 1",
        "({s}*({i} - 1) + {k_e} - {before} - {after} + {op} - 1) / {a} + 1 = {o}",
        "relationship 14, for any pads and a dilated output",
        general=True,
    )
    # The guide has no dilation here: the same relationships hold with the span of the dilated kernel.
    dilated = [
        row | {"note": f"a = op; {_K_E}" if row["number"] == 14 else _K_E, "when": row["when"] | {"dilated": True}}
        for row in rows
    ]
    return [general, *dilated, *rows]


RELATIONSHIPS: list[dict[str, Any]] = [
    row | {"when": {"transposed": transposed, **row["when"]}}
    for transposed, rows in ((False, _of_convolutions()), (True, _of_transposes()))
    for row in rows
]
"""The relationships in the guide's notation; the first row whose `when` agrees with an axis's facts holds.

The explorer's page has this table too, as JSON.
"""
