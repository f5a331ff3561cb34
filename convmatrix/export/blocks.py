"""Export of matrices in blocks of rows, which are built, written and read one at a time to save memory.

=========== =============================================================== ===========================
ending      holds                                                           read with
=========== =============================================================== ===========================
``.blocks`` a folder: ``index.json``, and a ``.npz`` file for each block    `read_blocks`
``.mtx``    Matrix Market, byte for byte what `export` writes of the whole  ``scipy.io.mmread``, Julia, ...
=========== =============================================================== ===========================
"""

import hashlib
import io
import json
import os
import re
import reprlib
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO, Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import TooLargeError, pluralize
from convmatrix.core.memory import require_memory
from convmatrix.export.files import (
    explained,
    make_folder,
    reading,
    remove_leftovers,
    replacing,
    sync_folder,
    write_text,
)
from convmatrix.export.matrices import ending_of, layer_as_dict, write_mtx, write_npz
from convmatrix.layers import WeightedLayer
from convmatrix.layers.arguments import check_kind, positive

__all__ = ["BLOCK_ENDINGS", "BlocksReport", "export_blocks", "read_blocks"]

BLOCK_ENDINGS = (".blocks", ".mtx")
"""Endings of the names that `export_blocks` can write."""

_BYTES = 2**26
"""Default size of a block, approximately."""

_AS_TEXT = 4
"""Ratio of the memory of a block while it is converted to text to that of the block."""

_INDEX = "index.json"

_MOST_FILES = 10**5
"""Largest number of files in a folder."""

_LARGEST_INDEX = 2**26
"""Largest size of an index in bytes; an index of `_MOST_FILES` blocks has about a third."""

_CHECKPOINT = 1.0
"""Seconds of work after which the index is written again: a killed process loses no more than that."""

_REMEDY = "give the name of a new folder, or delete this one"
_AGAIN = "export the same matrix to this folder again"

_UNREADABLE = (
    ValueError,
    MemoryError,
    OverflowError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    SyntaxError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)
"""Errors that `scipy.sparse.load_npz` raises for files that are not matrices."""

Progress: TypeAlias = Callable[[int, int], object]


class BlocksReport(NamedTuple):
    """Report of `export_blocks` on the blocks of a folder.

    Attributes
    ----------
    written : int
        Number of blocks that were written.
    kept : int
        Number of blocks that were there, of the size and digest that the index has.
    damaged : tuple of str
        Files that were there with another size or digest; they are among those written.
    strays : tuple of str
        What else is in the folder; it is ignored.
    """

    written: int
    kept: int
    damaged: tuple[str, ...]
    strays: tuple[str, ...]


def export_blocks(
    layer: WeightedLayer,
    path: str | os.PathLike[str],
    weight: ArrayLike,
    *,
    rows: int | None = None,
    progress: Progress | None = None,
) -> BlocksReport:
    """Write the matrix of a layer with no more than one block of rows in memory at a time.

    ``.blocks`` is a folder. Its ``index.json`` has the layer's fields, the dtype, the rows of a block, a digest of the
    weight, the file, rows, shape, size and SHA-256 digest of each block, and ``complete``: whether all of them are
    there. Writing the same matrix again keeps the blocks of the right size and digest and writes the others, as after
    an interruption. ``.mtx`` is one file, which is there when it is complete.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    path : str or path-like
        Ends in one of `BLOCK_ENDINGS`.
    weight : layer.weight_shape array_like
    rows : int, optional
        Rows of a block; by default as many as take about 64 MiB, for ``.mtx`` as text.
    progress : callable, optional
        Called with (rows done, rows in all) after each block.

    Returns
    -------
    BlocksReport
        Numbers of blocks written and kept, names of damaged and of stray files.

    Raises
    ------
    ValueError
        If the ending is unknown, the weight is not the layer's, `rows` is less than 1, the folder has something else
        in it, or its index is damaged. A MemoryError as well if a block does not fit in the available memory.
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from convmatrix.layers import Conv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_blocks(Conv((4,), 2), f"{folder}/C.blocks", [5, -7], rows=2)
    ...     for rows, block in read_blocks(f"{folder}/C.blocks"):
    ...         print(rows, block.toarray().tolist())
    BlocksReport(written=2, kept=0, damaged=(), strays=())
    slice(0, 2, None) [[5, -7, 0, 0], [0, 5, -7, 0]]
    slice(2, 3, None) [[0, 0, 5, -7]]
    """
    ending = ending_of(path, BLOCK_ENDINGS)
    check_kind("layer", layer, WeightedLayer)
    weight = layer.checked_weight(weight)
    rows = _fitting(layer, weight, ending) if rows is None else positive("rows", rows)
    layer.row_blocks(weight, rows=rows)  # refuses what it cannot build, before anything is written
    write = _write_folder if ending == ".blocks" else _write_stream
    return write(layer, Path(path), weight, rows, (lambda done, total: None) if progress is None else progress)


def read_blocks(path: str | os.PathLike[str]) -> "Iterator[tuple[slice, sparse.csr_array]]":
    """Read the blocks of a ``.blocks`` folder, each checked against the size and digest that the index has.

    Parameters
    ----------
    path : str or path-like
        A folder that `export_blocks` wrote. Stray files in it are ignored.

    Returns
    -------
    iterator of (slice, csr_array)
        The rows of each block, and the block, in order.

    Raises
    ------
    ValueError
        If the folder is not complete, or the index or a block is damaged. A MemoryError as well if a block does not
        fit in the available memory.
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from convmatrix.layers import Conv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = export_blocks(Conv((4,), 2), f"{folder}/C.blocks", [5, -7], rows=2)
    ...     np.concatenate([block @ [1, 1, 1, 0] for rows, block in read_blocks(f"{folder}/C.blocks")])
    array([-2, -2,  5])
    """
    path = Path(path)
    index = _read_index(path, "export the matrix again, to a new folder")
    blocks = index["blocks"]
    known = sum(block["sha256"] is not None for block in blocks)
    if known < len(blocks) or not index["complete"]:
        raise ValueError(
            f"folder {path} is incomplete: its index has size and digest of {known} of "
            f"{pluralize(len(blocks), 'block')}: {_AGAIN}"
        )
    return (_read_block(path, block, index["dtype"]) for block in blocks)


def _fitting(layer: WeightedLayer, weight: NDArray[Any], ending: str) -> int:
    """Return the number of rows that take about `_BYTES`, including the conversion to text if there is one."""
    size = layer.nbytes(weight.dtype) * (_AS_TEXT if ending == ".mtx" else 1)
    return max(layer.matrix_shape[0] * _BYTES // size, 1)


# -- a folder --------------------------------------------------------------------------------------------------------


def _write_folder(
    layer: WeightedLayer, path: Path, weight: NDArray[Any], rows: int, progress: Progress
) -> BlocksReport:
    index = _index(layer, weight, rows)
    strays = _prepare_folder(path, index)
    if not index["complete"]:
        _write_index(path, index)
    written, damaged, saved = 0, [], monotonic()
    try:
        for block in index["blocks"]:
            if _problem(path, block):
                if index["complete"]:
                    index["complete"] = False
                    _write_index(path, index)
                if block["sha256"] is not None and (path / block["file"]).exists():
                    damaged.append(block["file"])
                block |= _written_block(path, block, layer, weight)
                written += 1
                if monotonic() - saved > _CHECKPOINT:
                    _write_index(path, index)
                    saved = monotonic()
            progress(block["rows"][1], layer.matrix_shape[0])
    except BaseException:
        # The next export keeps what is written so far. Where the disk is full, the first error is the one to show.
        with suppress(OSError):
            _write_index(path, index)
        raise
    if not index["complete"]:
        _write_index(path, index | {"complete": True})
    return BlocksReport(written, len(index["blocks"]) - written, tuple(damaged), strays)


def _prepare_folder(path: Path, index: dict[str, Any]) -> tuple[str, ...]:
    """Create the folder, or take from its index what is known of the blocks; names of what does not belong to it."""
    others = _others(path)
    _require_own_files(path, {_INDEX, *(block["file"] for block in index["blocks"])} & {*others, _INDEX})
    existing = _read_index(path, _REMEDY) if (path / _INDEX).exists() else None
    if existing is None and others:
        raise ValueError(f"folder {path} has no {_INDEX} but {pluralize(len(others), 'other entry')}: {_REMEDY}")
    if existing is not None and others:
        _require_same(path, existing, index)
        index |= {"complete": existing["complete"], "blocks": existing["blocks"]}
    make_folder(path)
    remove_leftovers(path)
    return tuple(sorted(others - {block["file"] for block in index["blocks"]}))


def _require_own_files(path: Path, names: set[str]) -> None:
    """Check that no two names of a folder are links to the same file, which would overwrite each other."""
    links = sorted(name for name in names if (path / name).is_symlink())
    known = {os.path.realpath(path / name): name for name in names.difference(links)} if links else {}
    for name in links:
        other = known.setdefault(os.path.realpath(path / name), name)
        if other != name:
            raise ValueError(f"{name} in folder {path} is a symbolic link to the file that {other} is: delete it")


def _others(path: Path) -> set[str]:
    """Return what a folder has besides its index; temporary files, whose names begin with a point, do not count."""
    if not path.is_dir():
        return set()
    with explained(path, "read"):
        return {
            entry.name
            for entry in path.iterdir()
            if entry.name != _INDEX and not (entry.name.startswith(".") and entry.suffix == ".tmp")
        }


def _written_block(path: Path, block: Mapping[str, Any], layer: WeightedLayer, weight: NDArray[Any]) -> dict[str, Any]:
    """Write a block, and return its size and digest."""
    start, stop = block["rows"]
    with replacing(path / block["file"], batch=True) as file:
        write_npz(layer.matrix(weight, rows=slice(start, stop)), file, layer)
        file.flush()
        with Path(file.name).open("rb") as complete:
            digest = hashlib.file_digest(complete, "sha256").hexdigest()
            return {"size": complete.tell(), "sha256": digest}


def _problem(path: Path, block: Mapping[str, Any]) -> str:
    """Return why a file is not the block that the index describes, or nothing."""
    file = path / block["file"]
    if block["sha256"] is None or not file.is_file():
        return "is missing"
    size = file.stat().st_size
    if size != block["size"]:
        return f"has {pluralize(size, 'byte')}, not {block['size']} as in the index"
    with reading(file) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != block["sha256"]:
        return f"has the SHA-256 digest {digest}, not {block['sha256']} as in the index"
    return ""


def _read_block(path: Path, block: Mapping[str, Any], dtype: str) -> "tuple[slice, sparse.csr_array]":
    file = path / block["file"]
    problem, matrix = _problem(path, block), None
    if not problem:
        with reading(file) as stream:
            try:
                matrix = _loaded(stream, f"block {file}")
                if isinstance(matrix, sparse.csr_array):
                    matrix.check_format(full_check=True)  # else SciPy reads columns that are out of range
            except TooLargeError:
                raise
            except _UNREADABLE as error:
                problem = f"is no sparse matrix of scipy ({_shown(str(error))})"
            else:
                problem = _mismatch(matrix, block["shape"], dtype)
    if problem:
        raise ValueError(f"block {file} {problem}: {_AGAIN}")
    return slice(*block["rows"]), cast("sparse.csr_array", matrix)


def _loaded(stream: IO[bytes], what: str) -> Any:
    """Return the matrix in a .npz file, if there is memory for its arrays."""
    with zipfile.ZipFile(stream) as members:
        size = sum(member.file_size for member in members.infolist())
    require_memory(size, what, "export the matrix again with fewer rows in a block")
    stream.seek(0)
    return sparse.load_npz(cast("Any", stream))


def _mismatch(matrix: Any, shape: list[int], dtype: str) -> str:
    """Describe the difference of a matrix from its description in the index; empty if there is none."""
    if not isinstance(matrix, sparse.csr_array):
        return f"holds a {type(matrix).__name__}, not a csr_array"
    if list(matrix.shape) != shape or str(matrix.dtype) != dtype:
        return f"has shape {list(matrix.shape)} and dtype {matrix.dtype}, not {shape} and {dtype} as in the index"
    return ""


# -- its index -------------------------------------------------------------------------------------------------------


def _index(layer: WeightedLayer, weight: NDArray[Any], rows: int) -> dict[str, Any]:
    """Return the index of a folder in which no block is written yet, as JSON has it."""
    return {
        "layer": layer_as_dict(layer),
        "dtype": str(weight.dtype),
        "weight_sha256": hashlib.sha256(np.ascontiguousarray(weight).tobytes()).hexdigest(),
        "rows": rows,
        "complete": False,
        "blocks": _blocks(*layer.matrix_shape, rows),
    }


def _blocks(total: int, cols: int, rows: int) -> list[dict[str, Any]]:
    """Return the entries of the index for all blocks of a matrix."""
    count = -(-total // rows)
    if count > _MOST_FILES:
        raise ValueError(
            f"rows={rows} makes {count} blocks, a file each, but at most {_MOST_FILES} are written: "
            f"take at least {-(-total // _MOST_FILES)} rows"
        )
    digits = len(str(count - 1))
    return [
        {
            "file": f"{number:0{digits}}.npz",
            "rows": [start, min(start + rows, total)],
            "shape": [min(rows, total - start), cols],
            "size": None,
            "sha256": None,
        }
        for number, start in enumerate(range(0, total, rows))
    ]


_FIELDS: Mapping[str, type] = {
    "layer": dict,
    "dtype": str,
    "weight_sha256": str,
    "rows": int,
    "complete": bool,
    "blocks": list,
}


def _read_index(path: Path, remedy: str) -> dict[str, Any]:
    """Return the index of a folder, checked; its blocks are those that the other fields need."""
    file = path / _INDEX
    with reading(file) as stream:
        content = stream.read(_LARGEST_INDEX + 1)
    try:
        index = _parsed(content)
    except ValueError as error:
        raise ValueError(f"{file} is no index of blocks: {error}; {remedy}") from error
    return index


def _parsed(content: bytes) -> dict[str, Any]:
    """Parse the bytes of an index; a ValueError describes the fault."""
    if len(content) > _LARGEST_INDEX:
        raise ValueError(f"it is larger than {_LARGEST_INDEX} bytes")
    try:
        index = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(index, dict):
        raise ValueError(f"it is a JSON {type(index).__name__}, not an object")
    for name, kind in _FIELDS.items():
        if type(index.get(name)) is not kind:
            raise ValueError(f"its {name} is {_shown(index.get(name))}")
    index["blocks"] = _parsed_blocks(index)
    return index


def _parsed_blocks(index: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries for the blocks, with what is known of each; none has to be trusted as a file name."""
    shape, rows, entries = index["layer"].get("matrix_shape"), index["rows"], index["blocks"]
    if not (
        isinstance(shape, list) and len(shape) == 2 and all(type(side) is int and 0 < side < 2**63 for side in shape)
    ):
        raise ValueError(f"the matrix_shape of its layer is {_shown(shape)}")
    if rows < 1:
        raise ValueError(f"its rows is {_shown(rows)}")
    blocks = _blocks(shape[0], shape[1], rows)
    if len(entries) != len(blocks):
        raise ValueError(f"it has {pluralize(len(entries), 'block')}, not {len(blocks)}")
    for number, (entry, block) in enumerate(zip(entries, blocks, strict=True)):
        if not isinstance(entry, dict):
            raise ValueError(f"block {number} is {_shown(entry)}")
        # An index of an earlier version has neither size nor digest: its blocks count as not written.
        fields = {"size": None, "sha256": None} | entry
        checksum = fields["size"], fields["sha256"]
        if fields | {"size": None, "sha256": None} != block or not (checksum == (None, None) or _is_known(*checksum)):
            raise ValueError(f"block {number} is {_shown(entry)}")
        block |= {"size": fields["size"], "sha256": fields["sha256"]}
    return blocks


def _is_known(size: Any, digest: Any) -> bool:
    return type(size) is int and size >= 0 and isinstance(digest, str) and bool(re.fullmatch("[0-9a-f]{64}", digest))


def _require_same(path: Path, actual: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check that an index describes the same matrix."""
    for name in ("layer", "dtype", "weight_sha256", "rows"):
        if actual[name] != expected[name]:
            difference = _difference(name, actual[name], expected[name])
            raise ValueError(f"folder {path} has blocks of another matrix: {difference}; {_REMEDY}")


def _difference(name: str, actual: Any, expected: Any) -> str:
    """Describe the difference of two indices, as numbers or strings."""
    if name == "weight_sha256":
        return "its weight has other values"
    if isinstance(expected, dict):
        differing = [field for field in {**expected, **actual} if actual.get(field) != expected.get(field)]
        name = differing[0]
        actual, expected = actual.get(name), expected.get(name)
    return f"its {name} is {_shown(actual)}, not {_shown(expected)}"


_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = 12
_SHORT.maxstring = _SHORT.maxother = 80


def _shown(value: Any) -> str:
    """Return a value from a file as short text, however large or deep it is."""
    shown = _SHORT.repr(value)
    return shown[1:-1] if isinstance(value, str) else shown


def _write_index(path: Path, index: dict[str, Any]) -> None:
    sync_folder(path)  # the names of the blocks are on the disk before the index lists them
    write_text(json.dumps(index) + "\n", path / _INDEX)


# -- a stream --------------------------------------------------------------------------------------------------------


def _write_stream(
    layer: WeightedLayer, path: Path, weight: NDArray[Any], rows: int, progress: Progress
) -> BlocksReport:
    total, written = layer.matrix_shape[0], 0
    with replacing(path) as file:
        for part, block in layer.row_blocks(weight, rows=rows):
            head, entries = _as_text(block, part.start, layer)
            if part.start == 0:
                file.write(head)
            file.write(entries)
            written += 1
            progress(part.stop, total)
    return BlocksReport(written, 0, (), ())


_TEXT_BYTES = {"f": 80, "c": 110}
"""Bytes per entry while a block is converted to text, by the kind of its dtype; integers take less. Measured."""


def _as_text(block: sparse.csr_array, first: int, layer: WeightedLayer) -> tuple[bytes, memoryview]:
    """A block as Matrix Market text: the head that the whole file has, and the block's entries in their places."""
    shape = layer.matrix_shape
    require_memory(
        block.nnz * _TEXT_BYTES.get(block.dtype.kind, 40),
        f"the text of {pluralize(block.nnz, 'entry')}",
        "take fewer rows at a time, as with rows=1000 or --rows 1000",
    )
    coo = block.tocoo()
    places = (np.add(coo.row, first, dtype=np.int64), coo.col)
    text = io.BytesIO()
    write_mtx(sparse.coo_array((coo.data, places), shape=shape), text, layer)
    text.seek(0)
    banner, comment = text.readline(), text.readline()
    text.readline()  # the shape, with the number of entries of this block
    entries = text.getbuffer()[text.tell() :]
    return banner + comment + b"%d %d %d\n" % (*shape, layer.nnz), entries
