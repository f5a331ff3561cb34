"""Matrices as files: whole, or block by block of rows where they are larger than memory."""

from convmatrix.export.blocks import BLOCK_ENDINGS, BlocksReport, export_blocks, read_blocks
from convmatrix.export.files import replacing, write_text
from convmatrix.export.matrices import ENDINGS, ending_of, export, layer_as_dict, matrix_as_dict

__all__ = [
    "BLOCK_ENDINGS",
    "ENDINGS",
    "BlocksReport",
    "ending_of",
    "export",
    "export_blocks",
    "layer_as_dict",
    "matrix_as_dict",
    "read_blocks",
    "replacing",
    "write_text",
]
