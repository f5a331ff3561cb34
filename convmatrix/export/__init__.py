"""Export of matrices to files: whole, or in blocks of rows for matrices larger than memory."""

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


def __dir__() -> list[str]:
    return __all__
