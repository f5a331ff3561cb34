"""Names for the structure of a layer's matrix, such as doubly block Toeplitz or circulant, or what breaks it."""

from typing import NamedTuple

from convmatrix.algebra.stack.arguments import Stack, one_layer
from convmatrix.core.axis import Axis

__all__ = ["Structure", "structure"]


class Structure(NamedTuple):
    """The name for the structure of the matrix of one channel, and the reason."""

    name: str
    reason: str


def structure(layer: Stack) -> Structure:
    """Name the structure of a layer's matrix, or say what breaks it.

    Toeplitz: an entry depends on row - column only; circulant: on that difference modulo the size. Several axes nest:
    blocks that are themselves arranged like that. Several channels put one such matrix into each channel block.

    Parameters
    ----------
    layer : Conv or ConvTranspose

    Returns
    -------
    Structure

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> structure(Conv(4, 3)).name, structure(Conv((4,), 3, padding=1, padding_mode="circular")).name
    ('doubly block Toeplitz', 'circulant')
    >>> print(structure(Conv((5,), 3, stride=2)).reason)
    axis 0: stride 2 keeps every 2nd row of a Toeplitz matrix, so that rows move on by 2 columns
    """
    layer = one_layer(layer, "the structure of a matrix")
    kinds = [_kind_of(axis) for axis in layer.axes]
    reasons = [f"axis {number}: {reason}" for number, (kind, reason) in enumerate(kinds) if not kind]
    if reasons:
        return Structure("sparse, with rows that repeat", "; ".join(reasons))
    names = {kind for kind, _ in kinds}
    kind = "circulant" if names == {"circulant"} else "Toeplitz"
    depth = {1: "", 2: "doubly block ", 3: "triply block "}.get(len(kinds), f"{len(kinds)}-fold block ")
    reason = "every row is the one above, moved on by one" + (" and around" if kind == "circulant" else "")
    if layer.in_channels * layer.out_channels > 1:
        return Structure(f"channel blocks, each {depth}{kind}", reason)
    return Structure(f"{depth}{kind}" if kinds else "a single entry", reason)


def _kind_of(axis: Axis) -> tuple[str, str]:
    """Circulant, Toeplitz, or nothing and the reason."""
    if axis.stride != axis.input_dilation:
        if axis.stride > 1 and axis.input_dilation == 1:
            inner = "circulant" if axis.mode == "circular" else "Toeplitz"
            return "", (
                f"stride {axis.stride} keeps every {_ordinal(axis.stride)} row of a {inner} matrix, so that rows move "
                f"on by {axis.stride} columns"
            )
        return "", f"rows move on by stride {axis.stride} where columns move on by input_dilation {axis.input_dilation}"
    if axis.mode == "circular" and axis.output_size == axis.input_size:
        return "circulant", ""
    reaches = axis.interior_outputs() != (0, axis.output_size)
    if axis.mode == "zeros" or not reaches:
        return "Toeplitz", ""
    return "", {
        "circular": f"output_size {axis.output_size} differs from input_size {axis.input_size}, so that the rows do "
        "not come around",
        "reflect": "reflect folds the border back: Toeplitz plus Hankel entries",
        "symmetric": "symmetric folds the border back: Toeplitz plus Hankel entries",
        "replicate": "replicate adds the border's taps to the first and last column of a Toeplitz matrix",
    }[axis.mode]


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
