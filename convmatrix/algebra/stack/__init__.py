"""Layers one after the other, and their product: networks, receptive fields, uneven overlap."""

from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.overlaps import Checkerboard, Overlap, checkerboard, overlap, overlap_counts, upsamplers
from convmatrix.algebra.stack.receptive import (
    CoordinateMap,
    ReceptiveField,
    coordinate_map,
    crop_offset,
    outputs_without_input,
    receptive_field,
)

__all__ = [
    "Checkerboard",
    "CoordinateMap",
    "Network",
    "Overlap",
    "ReceptiveField",
    "checkerboard",
    "coordinate_map",
    "crop_offset",
    "outputs_without_input",
    "overlap",
    "overlap_counts",
    "receptive_field",
    "upsamplers",
]


def __dir__() -> list[str]:
    return __all__
