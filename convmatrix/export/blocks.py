"""Matrices that need not fit in memory: built, written and forgotten block by block of rows.

=========== =============================================================== ===========================
ending      holds                                                           read with
=========== =============================================================== ===========================
``.blocks`` a folder: ``index.json``, and a ``.npz`` file for each block    ``scipy.sparse.load_npz``
``.mtx``    Matrix Market, byte for byte what `export` writes of the whole  ``scipy.io.mmread``, Julia, ...
=========== =============================================================== ===========================
"""

import hashlib
import io
import json
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import counted
from convmatrix.export.files import make_folder, replacing, write_text
from convmatrix.export.matrices import ending_of, layer_as_dict, write_mtx, write_npz
from convmatrix.layers import Layer

__all__ = ["BLOCK_ENDINGS", "export_blocks"]

BLOCK_ENDINGS = (".blocks", ".mtx")
"""What `export_blocks` can write."""

_BYTES = 2**26
"""About how large a block is if nobody says; as text it takes several times as much."""

_INDEX = "index.json"

_MOST_FILES = 10**5
"""Files in a folder; more of them are no help to anyone."""

Progress: TypeAlias = Callable[[int, int], object]


def export_blocks(
    layer: Layer,
    weight: ArrayLike,
    path: str | os.PathLike[str],
    *,
    rows: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a layer's matrix, of which no more than one block of rows is in memory at a time.

    ``.blocks`` is a folder. Its ``index.json`` has the layer's fields, the dtype, the rows of a block, a digest of the
    weight, the file, rows and shape of each block, and ``complete``: whether all of them are there. Blocks are there
    when they are complete; writing the same matrix again writes those that are missing, as after an interruption.
    ``.mtx`` is one file, which is there when it is complete.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : layer.weight_shape array_like
    path : str or path-like
        Ends in one of `BLOCK_ENDINGS`.
    rows : int, optional
        Rows of a block; by default as many as take about 64 MiB.
    progress : callable, optional
        Called with (rows done, rows in all) after each block.

    Raises
    ------
    ValueError
        If the ending is unknown, the weight is not the layer's, `rows` is less than 1, or the folder has something
        else in it. A MemoryError as well if a block does not fit in the available memory.
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from convmatrix.layers import Conv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_blocks(Conv((4,), 2), [5, -7], f"{folder}/C.blocks", rows=2)
    ...     index = json.loads(Path(folder, "C.blocks/index.json").read_text())
    ...     for block in index["blocks"]:
    ...         print(block["rows"], sparse.load_npz(f"{folder}/C.blocks/{block['file']}").toarray().tolist())
    [0, 2] [[5, -7, 0, 0], [0, 5, -7, 0]]
    [2, 3] [[0, 0, 5, -7]]
    """  # noqa: DOC502  what its helpers raise is documented here, where the user meets it
    ending = ending_of(path, BLOCK_ENDINGS)
    weight = layer.checked_weight(weight)
    rows = _fitting(layer, weight) if rows is None else operator.index(rows)
    layer.row_blocks(weight, rows=rows)  # refuses what it cannot build, before anything is written
    write = _write_folder if ending == ".blocks" else _write_stream
    write(layer, weight, Path(path), rows, progress or (lambda done, total: None))


def _fitting(layer: Layer, weight: NDArray[Any]) -> int:
    """How many rows take about `_BYTES`."""
    return max(layer.matrix_shape[0] * _BYTES // layer.nbytes(weight.dtype), 1)


# -- a folder --------------------------------------------------------------------------------------------------------


def _write_folder(layer: Layer, weight: NDArray[Any], path: Path, rows: int, progress: Progress) -> None:
    index = _index(layer, weight, rows)
    _require_same(path, index)
    make_folder(path)
    _write_index(path, index)
    total = layer.matrix_shape[0]
    for block in index["blocks"]:
        start, stop = block["rows"]
        if not (path / block["file"]).exists():
            matrix = layer.matrix(weight, rows=slice(start, stop))
            with replacing(path / block["file"]) as file:
                write_npz(file, matrix, layer)
        progress(stop, total)
    _write_index(path, index | {"complete": True})


def _index(layer: Layer, weight: NDArray[Any], rows: int) -> dict[str, Any]:
    """What the folder holds when all of it is there, as JSON has it."""
    total, cols = layer.matrix_shape
    starts = range(0, total, rows)
    if len(starts) > _MOST_FILES:
        raise ValueError(f"rows={rows} makes {len(starts)} blocks, a file each, but at most {_MOST_FILES} are written: "
                         f"take at least {-(-total // _MOST_FILES)} rows")  # fmt: skip
    digits = len(str(len(starts) - 1))
    blocks = [
        {
            "file": f"{number:0{digits}}.npz",
            "rows": [start, min(start + rows, total)],
            "shape": [min(rows, total - start), cols],
        }
        for number, start in enumerate(starts)
    ]
    return {
        "layer": layer_as_dict(layer),
        "dtype": str(weight.dtype),
        "weight_sha256": hashlib.sha256(np.ascontiguousarray(weight).tobytes()).hexdigest(),
        "rows": rows,
        "complete": False,
        "blocks": blocks,
    }


def _require_same(path: Path, index: dict[str, Any]) -> None:
    """Refuse a folder with anything else in it than blocks of just this matrix."""
    others = [entry for entry in path.iterdir() if entry.name != _INDEX] if path.is_dir() else []
    if all(entry.name.startswith(".") and entry.suffix == ".tmp" for entry in others):  # left by a process that died
        return
    remedy = "give the name of a new folder, or delete this one"
    if not (path / _INDEX).is_file():
        raise ValueError(f"folder {path} has no {_INDEX} but {counted(len(others), 'other entry')}: {remedy}")
    found = _read_index(path / _INDEX)
    differing = next((name for name in index if name != "complete" and found.get(name) != index[name]), None)
    if differing is not None:
        said = _difference(differing, found.get(differing), index[differing])
        raise ValueError(f"folder {path} has blocks of another matrix: {said}; {remedy}")


def _read_index(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _difference(name: str, found: Any, wanted: Any) -> str:
    """What two indices differ in, where that is a number or a word."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        name = next(field for field in wanted if found.get(field) != wanted[field])
        found, wanted = found.get(name), wanted[name]
    if name == "weight_sha256":
        return "its weight has other values"
    return f"its {name} is {found}, not {wanted}"


def _write_index(path: Path, index: dict[str, Any]) -> None:
    write_text(json.dumps(index) + "\n", path / _INDEX)


# -- a stream --------------------------------------------------------------------------------------------------------


def _write_stream(layer: Layer, weight: NDArray[Any], path: Path, rows: int, progress: Progress) -> None:
    total = layer.matrix_shape[0]
    with replacing(path) as file:
        for part, block in layer.row_blocks(weight, rows=rows):
            head, entries = _as_text(block, part.start, layer)
            if part.start == 0:
                file.write(head)
            file.write(entries)
            progress(part.stop, total)


def _as_text(block: sparse.csr_array, first: int, layer: Layer) -> tuple[bytes, memoryview]:
    """A block as Matrix Market text: the head that the whole file has, and the block's entries in their places."""
    shape = layer.matrix_shape
    coo = block.tocoo()
    places = (np.add(coo.row, first, dtype=np.int64), coo.col)
    text = io.BytesIO()
    write_mtx(text, sparse.coo_array((coo.data, places), shape=shape), layer)
    text.seek(0)
    banner, comment = text.readline(), text.readline()
    text.readline()  # the shape, with the number of entries of this block
    entries = text.getbuffer()[text.tell() :]
    return banner + comment + b"%d %d %d\n" % (*shape, layer.nnz), entries
