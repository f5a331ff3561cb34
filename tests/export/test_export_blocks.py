"""Matrices written block by block: the same as written whole, resumed, interrupted, refused word by word."""

import hashlib
import json
import os
import re
import signal
import stat
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import io, sparse

from commandline import good, process, refused, run, start
from convmatrix.cli import terminal
from convmatrix.core import memory
from convmatrix.export import BlocksReport, blocks, export, export_blocks, layer_as_dict, read_blocks, replacing
from convmatrix.layers import Conv, ConvTranspose
from strategies import integers, layers, seeds, share

LAYER = Conv((6, 5), 3, padding=1, in_channels=2, out_channels=2)
WEIGHT = np.random.default_rng(0).integers(-9, 10, LAYER.weight_shape)
C = Conv(6, 3).matrix(np.arange(1, 10).reshape(3, 3))
REMEDY = "give the name of a new folder, or delete this one"


def names(folder):
    return sorted(entry.name for entry in Path(folder).iterdir())


def whole_message(message):
    return f"^{re.escape(message)}$"


def index_of(path):
    return json.loads(Path(path, "index.json").read_text(encoding="utf-8"))


def measured(path):
    """Size and digest of a file, as an index has them."""
    content = Path(path).read_bytes()
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def read(path):
    """The matrix from a folder of blocks."""
    parts = [sparse.load_npz(Path(path, block["file"])) for block in index_of(path)["blocks"]]
    return sparse.vstack(parts, format="csr")


def text_of(matrix, layer):
    """Return the bytes that `export` writes of the whole matrix."""
    export(matrix, "whole.mtx", layer=layer)
    return Path("whole.mtx").read_bytes()


# -- the same as the whole -------------------------------------------------------------------------------------------


@share(0.1)
@given(
    layer=layers(), seed=seeds(), dtype=st.sampled_from([np.int64, np.float32, np.complex128, np.bool_]), data=st.data()
)
def test_blocks_of_any_layer_are_its_matrix(tmp_path_factory, layer, seed, dtype, data):
    path = tmp_path_factory.mktemp("blocks") / "C.blocks"
    weight = integers(layer.weight_shape, seed, dtype)
    C = layer.matrix(weight)
    rows = data.draw(st.integers(1, C.shape[0] + 2))
    export_blocks(layer, path, weight, rows=rows)
    result = read(path)
    assert result.dtype == C.dtype
    for name in ("indptr", "indices", "data"):
        assert_array_equal(getattr(result, name), getattr(C, name))
    assert names(path) == sorted(["index.json", *(block["file"] for block in index_of(path)["blocks"])])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "int64", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("rows", [1, 7, 59, 60, 1000, None])
def test_a_stream_has_the_bytes_of_the_whole(folder, dtype, rows):
    weight = (WEIGHT / 7).astype(dtype) if dtype[0] in "fc" else WEIGHT.astype(dtype)
    export_blocks(LAYER, "C.mtx", weight, rows=rows)
    assert Path("C.mtx").read_bytes() == text_of(LAYER.matrix(weight), LAYER)
    assert_array_equal(io.mmread("C.mtx", spmatrix=False).toarray(), LAYER.matrix(weight).toarray())


@share(0.2)
@given(layer=layers(), seed=seeds(), data=st.data())
def test_a_stream_of_any_layer_is_read_as_its_matrix(tmp_path_factory, layer, seed, data):
    path = tmp_path_factory.mktemp("streams") / "C.mtx"
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    export_blocks(layer, path, weight, rows=data.draw(st.integers(1, C.shape[0] + 2)))
    result = io.mmread(path, spmatrix=False)
    assert result.nnz == C.nnz
    assert_array_equal(result.toarray(), C.toarray())


def test_the_text_of_a_block_beyond_32_bits():
    """The last row of 2,499,800,004, of 2,500,000,000 columns; its last entry is weight 9 at the last column."""
    layer = Conv(50_000, 3)
    first = layer.matrix_shape[0] - 1
    block = layer.matrix(np.arange(1, 10).reshape(3, 3), rows=slice(first, None))
    head, entries = blocks._as_text(block, first, layer)
    assert head.splitlines()[2] == b"2499800004 2500000000 22498200036"
    assert bytes(entries).splitlines()[-1] == b"2499800004 2500000000 9"
    assert bytes(entries).splitlines()[0] == b"2499800004 2499899998 1"


def test_the_index_describes_the_blocks(folder):
    export_blocks(LAYER, "C.blocks", WEIGHT.astype("float32"), rows=25)
    index = index_of("C.blocks")
    assert index.pop("blocks") == [
        {"file": "0.npz", "rows": [0, 25], "shape": [25, 60], **measured("C.blocks/0.npz")},
        {"file": "1.npz", "rows": [25, 50], "shape": [25, 60], **measured("C.blocks/1.npz")},
        {"file": "2.npz", "rows": [50, 60], "shape": [10, 60], **measured("C.blocks/2.npz")},
    ]
    digest = index.pop("weight_sha256")
    assert index == {"layer": layer_as_dict(LAYER), "dtype": "float32", "rows": 25, "complete": True}
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert names("C.blocks") == ["0.npz", "1.npz", "2.npz", "index.json"]


def test_files_are_in_the_order_of_their_names(folder):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=5)
    assert [block["file"] for block in index_of("C.blocks")["blocks"]] == [f"{number:02}.npz" for number in range(12)]


def test_blocks_are_about_as_large_as_memory_should_be(folder, monkeypatch):
    monkeypatch.setattr(blocks, "_BYTES", LAYER.nbytes(np.int64) // 3)
    export_blocks(LAYER, "C.blocks", WEIGHT)
    assert [block["rows"] for block in index_of("C.blocks")["blocks"]] == [[0, 19], [19, 38], [38, 57], [57, 60]]
    monkeypatch.setattr(blocks, "_BYTES", 1)
    export_blocks(LAYER, "rows.blocks", WEIGHT)
    assert len(index_of("rows.blocks")["blocks"]) == 60


@pytest.mark.parametrize(("path", "blocks"), [("C.mtx", 200), ("C.blocks", 20)])  # text takes more memory
def test_no_more_than_a_block_is_built_at_a_time(folder, monkeypatch, path, blocks):
    layer = Conv((4000,), 200)
    weight = np.ones(200)
    whole = layer.nbytes()
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: whole // 10)
    with pytest.raises(MemoryError):
        layer.matrix(weight)
    export_blocks(layer, path, weight, rows=layer.matrix_shape[0] // blocks)


def test_progress_is_called_after_each_block(folder):
    for path in ("C.blocks", "C.mtx"):
        calls = []
        export_blocks(LAYER, path, WEIGHT, rows=25, progress=lambda *done: calls.append(done))  # noqa: B023
        assert calls == [(25, 60), (50, 60), (60, 60)]


# -- interrupted, and again ------------------------------------------------------------------------------------------


def stopping_after(count):
    def stop(done, total):
        if done >= count:
            raise KeyboardInterrupt

    return stop


def test_what_is_missing_is_written_and_nothing_else(folder, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=25, progress=stopping_after(50))
    assert names("C.blocks") == ["0.npz", "1.npz", "index.json"]
    assert index_of("C.blocks")["complete"] is False
    before = [Path("C.blocks", name).stat().st_ino for name in ("0.npz", "1.npz")]
    built = []
    whole = Conv.matrix
    monkeypatch.setattr(Conv, "matrix", lambda *args, rows: built.append(rows) or whole(*args, rows=rows))
    export_blocks(LAYER, "C.blocks", WEIGHT.copy(), rows=25)
    assert built == [slice(50, 60)]
    assert [Path("C.blocks", name).stat().st_ino for name in ("0.npz", "1.npz")] == before
    assert index_of("C.blocks")["complete"] is True
    monkeypatch.undo()
    os.chdir(folder)
    assert_array_equal(read("C.blocks").toarray(), LAYER.matrix(WEIGHT).toarray())


def test_a_block_that_fails_half_way_is_not_there(folder, monkeypatch):
    real = blocks.write_npz

    def failing(matrix, file, layer):
        if matrix.shape[0] == 10:
            file.write(b"half")
            raise KeyboardInterrupt
        real(matrix, file, layer)

    monkeypatch.setattr(blocks, "write_npz", failing)
    with pytest.raises(KeyboardInterrupt):
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=25)
    assert names("C.blocks") == ["0.npz", "1.npz", "index.json"]


@pytest.mark.parametrize("before", [None, b"before"])
def test_a_stream_that_fails_half_way_is_not_there(folder, before):
    if before:
        Path("C.mtx").write_bytes(before)
    with pytest.raises(KeyboardInterrupt):
        export_blocks(LAYER, "C.mtx", WEIGHT, rows=25, progress=stopping_after(25))
    assert [path.read_bytes() for path in folder.iterdir()] == ([before] if before else [])


def test_what_a_killed_process_leaves_is_no_obstacle(folder):
    """It is removed, but for a file that a process holds, or that has the name an earlier version gave it."""
    Path("C.blocks").mkdir()
    Path("C.blocks/.0123456789abcdef.tmp").write_bytes(b"half")
    Path("C.blocks/.convmatrix-0123456789abcdef-01234567.tmp").write_bytes(b"half")
    with replacing("C.blocks/7.npz") as running:
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=25)
        assert_array_equal(read("C.blocks").toarray(), LAYER.matrix(WEIGHT).toarray())
        left = [name for name in names("C.blocks") if name.endswith(".tmp")]
        assert sorted(left) == sorted([".0123456789abcdef.tmp", Path(running.name).name])


def test_an_index_without_blocks_is_no_obstacle(folder, monkeypatch):
    """The state after an export was interrupted at once, before one with another number of rows."""
    monkeypatch.setattr(blocks, "write_npz", lambda *args: stopping_after(0)(0, 0))
    for rows in (25, 24):
        with pytest.raises(KeyboardInterrupt):
            export_blocks(LAYER, "C.blocks", WEIGHT, rows=rows)
        assert names("C.blocks") == ["index.json"]
        assert index_of("C.blocks")["rows"] == rows


# -- what is found is checked ----------------------------------------------------------------------------------------


def flipped(content, place=-30):
    return content[:place] + bytes([content[place] ^ 1]) + content[place:][1:]


DAMAGE = {
    "empty": lambda content, other: b"",
    "truncated": lambda content, other: content[:-1],
    "longer": lambda content, other: content + b"\0",
    "a bit flipped": lambda content, other: flipped(content),
    "swapped": lambda content, other: other,
    "missing": lambda content, other: None,
}


def plant(path, content):
    Path(path).unlink()
    if content is not None:
        Path(path).write_bytes(content)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_blocks_are_written_again_and_no_others(folder, damage, complete):
    if complete:
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    else:
        with pytest.raises(KeyboardInterrupt):
            export_blocks(LAYER, "C.blocks", WEIGHT, rows=20, progress=stopping_after(40))
    whole = {name: Path("C.blocks", name).read_bytes() for name in ("0.npz", "1.npz")}
    plant("C.blocks/1.npz", DAMAGE[damage](whole["1.npz"], whole["0.npz"]))
    before = Path("C.blocks/0.npz").stat().st_ino
    report = export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    damaged = () if damage == "missing" else ("1.npz",)
    assert report == BlocksReport(written=2 - complete, kept=1 + complete, damaged=damaged, strays=())
    assert {name: Path("C.blocks", name).read_bytes() for name in whole} == whole
    assert Path("C.blocks/0.npz").stat().st_ino == before
    assert index_of("C.blocks")["complete"] is True
    assert_array_equal(read("C.blocks").toarray(), LAYER.matrix(WEIGHT).toarray())


def test_the_index_is_incomplete_while_a_damaged_block_is_written(folder, monkeypatch):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    plant("C.blocks/1.npz", b"")
    seen, real = [], blocks.write_npz
    monkeypatch.setattr(blocks, "write_npz", lambda *args: seen.append(index_of("C.blocks")["complete"]) or real(*args))
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    assert seen == [False]
    assert index_of("C.blocks")["complete"] is True


def test_blocks_of_an_index_without_digests_are_written_again(folder):
    """The index of an earlier version."""
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    index = index_of("C.blocks")
    for block in index["blocks"]:
        del block["size"], block["sha256"]
    Path("C.blocks/index.json").write_text(json.dumps(index))
    Path("C.blocks/1.npz").write_bytes(b"")
    assert export_blocks(LAYER, "C.blocks", WEIGHT, rows=20) == BlocksReport(3, 0, (), ())
    assert_array_equal(read("C.blocks").toarray(), LAYER.matrix(WEIGHT).toarray())


def test_a_killed_process_loses_a_second_of_work_at_most(folder, monkeypatch):
    """The index is written when a second has passed: then what it knows of is kept by the next process."""
    times = iter([0, 0.5, 1.1, 1.5, 2.4])
    monkeypatch.setattr(blocks, "monotonic", lambda: next(times))
    known = []

    def look(done, total):
        known.append(sum(block["sha256"] is not None for block in index_of("C.blocks")["blocks"]))

    export_blocks(LAYER, "C.blocks", WEIGHT, rows=25, progress=look)
    assert known == [0, 2, 2]


def test_data_and_names_are_synced_before_the_index_names_them(folder, monkeypatch):
    events, sync, rename = [], os.fsync, os.replace

    def synced(descriptor):
        sync(descriptor)
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "data")

    def renamed(source, target, **keywords):
        rename(source, target, **keywords)
        events.append(Path(target).name)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "rename", renamed)
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=30)
    index = ["folder", "data", "index.json", "folder"]
    assert events == ["folder", *index, "data", "0.npz", "data", "1.npz", *index]  # first the folder is made


@pytest.mark.parametrize(
    "names_", [("thesis.txt",), ("3.npz", "a\n\x1b[31m.npz"), tuple(map("{:02}".format, range(12)))]
)
def test_stray_files_are_ignored_and_named(folder, names_):
    options = ("export", "C.blocks", "--i", 6, "--k", 3, "--rows", 8)
    good(*options)
    for name in names_:
        Path("C.blocks", name).write_bytes(b"all of it")
    report = export_blocks(Conv(6, 3), "C.blocks", np.arange(1, 10).reshape(3, 3), rows=8)
    assert report == BlocksReport(0, 2, (), tuple(sorted(names_)))
    listed = {1: "thesis.txt", 2: "3.npz, a \\x1b[31m.npz", 12: "00, 01, 02, 03, 04, 05, 06, 07, 08, 09, and 2 more"}
    assert good(*options) == (
        f"C.blocks: 16 × 36, 144 entries, weight arange\n  not part of it, ignored: {listed[len(names_)]}\n"
    )
    plant("C.blocks/1.npz", b"")
    assert good(*options).splitlines()[1:] == [
        "  damaged, written again: 1.npz",
        f"  not part of it, ignored: {listed[len(names_)]}",
    ]
    assert all(Path("C.blocks", name).read_bytes() == b"all of it" for name in names_)
    assert_array_equal(sparse.vstack([block for _, block in read_blocks("C.blocks")]).toarray(), C.toarray())


# -- reading ---------------------------------------------------------------------------------------------------------


@share(0.08)
@given(
    layer=layers(), seed=seeds(), dtype=st.sampled_from([np.int64, np.float32, np.complex128, np.bool_]), data=st.data()
)
def test_blocks_are_read_as_they_were_built(tmp_path_factory, layer, seed, dtype, data):
    path = tmp_path_factory.mktemp("blocks") / "C.blocks"
    weight = integers(layer.weight_shape, seed, dtype)
    rows = data.draw(st.integers(1, layer.matrix_shape[0] + 2))
    report = export_blocks(layer, path, weight, rows=rows)
    result = list(read_blocks(path))
    built = list(layer.row_blocks(weight, rows=rows))
    assert report == BlocksReport(len(built), 0, (), ())
    assert [part for part, _ in result] == [part for part, _ in built]
    for (_, block), (_, expected) in zip(result, built, strict=True):
        assert block.dtype == expected.dtype
        for name in ("indptr", "indices", "data"):
            assert_array_equal(getattr(block, name), getattr(expected, name))


def test_damaged_blocks_are_not_read(folder):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    content, other = (Path("C.blocks", name).read_bytes() for name in ("1.npz", "0.npz"))
    known, digest = len(content), hashlib.sha256(content).hexdigest()
    for damage, change in DAMAGE.items():
        changed = change(content, other)
        Path("C.blocks/1.npz").write_bytes(content)
        plant("C.blocks/1.npz", changed)
        if damage == "missing":
            fault = "is missing"
        elif len(changed) != known:
            fault = f"has {len(changed)} bytes, not {known} as in the index"
        else:
            fault = f"has the SHA-256 digest {hashlib.sha256(changed).hexdigest()}, not {digest} as in the index"
        result = read_blocks("C.blocks")
        assert next(result)[0] == slice(0, 20)
        with pytest.raises(
            ValueError,
            match=whole_message(f"block C.blocks/1.npz {fault}: export the same matrix to this folder again"),
        ):
            next(result)


def saved(matrix):
    file = BytesIO()
    sparse.save_npz(file, matrix)
    return file.getvalue()


def archived(**arrays):
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is no sparse matrix of scipy (File is not a zip file)"),
        (archived(x=np.arange(3)), "is no sparse matrix of scipy ("),
        (archived(format=b"csr", x=np.arange(3)), "is no sparse matrix of scipy ("),
        (archived(format=b"dream"), "is no sparse matrix of scipy ("),
        (archived(format=np.array([{}], dtype=object)), "is no sparse matrix of scipy ("),
        (
            saved(sparse.csr_array((5, 60))),
            "has shape [5, 60] and dtype float64, not [20, 60] and int64 as in the index",
        ),
        (saved(sparse.coo_array((20, 60))), "holds a coo_array, not a csr_array"),
        (saved(sparse.csr_matrix((20, 60))), "holds a csr_matrix, not a csr_array"),
    ],
)
def test_files_that_are_no_blocks_are_not_read_even_if_they_are_in_the_index(folder, content, fault):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    Path("C.blocks/0.npz").write_bytes(content)
    index = index_of("C.blocks")
    index["blocks"][0] |= measured("C.blocks/0.npz")
    Path("C.blocks/index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=f"^block C.blocks/0.npz {re.escape(fault)}") as error:
        list(read_blocks("C.blocks"))
    assert str(error.value).endswith(": export the same matrix to this folder again")
    assert "\n" not in str(error.value)


def test_a_block_that_does_not_fit_in_memory_is_not_read(folder, monkeypatch):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 2**12)
    with pytest.raises(MemoryError, match=r"^block C.blocks/0.npz needs .* with fewer rows in a block$"):
        list(read_blocks("C.blocks"))


def test_incomplete_folders_are_not_read(folder):
    with pytest.raises(KeyboardInterrupt):
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=20, progress=stopping_after(40))
    with pytest.raises(
        ValueError,
        match=whole_message(
            "folder C.blocks is incomplete: its index has size and digest of 2 of 3 blocks: export the same "
            "matrix to this "
            "folder again"
        ),
    ):
        read_blocks("C.blocks")
    with pytest.raises(
        FileNotFoundError, match=whole_message("cannot read D.blocks/index.json: No such file or directory")
    ):
        read_blocks("D.blocks")


# -- an index that is none -------------------------------------------------------------------------------------------

INDICES = {
    b"": "it is not JSON (Expecting value: line 1 column 1 (char 0))",
    b"not JSON": "it is not JSON (Expecting value: line 1 column 1 (char 0))",
    b"\xff": "it is not UTF-8",
    b"[" * 100_000: "it is nested too deep",
    b'{"a":' * 100_000: "it is nested too deep",
    b"[]": "it is a JSON list, not an object",
    b"3": "it is a JSON int, not an object",
    b"{}": "its layer is None",
}


@pytest.mark.parametrize("content", INDICES, ids=[str(content[:8]) for content in INDICES])
def test_what_is_no_index_is_a_sentence(folder, content):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    Path("C.blocks/index.json").write_bytes(content)
    message = f"C.blocks/index.json is no index of blocks: {INDICES[content]}; "
    with pytest.raises(ValueError, match=whole_message(message + REMEDY)):
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=20)
    with pytest.raises(ValueError, match=whole_message(message + "export the matrix again, to a new folder")):
        read_blocks("C.blocks")
    assert Path("C.blocks/index.json").read_bytes() == content
    assert names("C.blocks") == ["0.npz", "1.npz", "2.npz", "index.json"]


def test_an_index_of_any_length_is_not_read_into_memory(folder):
    Path("C.blocks").mkdir()
    with Path("C.blocks/index.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match=r"^C.blocks/index.json is no index of blocks: it is larger than 67108864 byt"):
        export_blocks(LAYER, "C.blocks", WEIGHT)


DEEP = json.loads("[" * 200 + "]" * 200)
VALUES = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            -1,
            0,
            1,
            2**63,
            10**400,
            1.5,
            float("nan"),
            "",
            "../../0.npz",
            "/etc/passwd",
            "x" * 10**4,
            [],
            {},
            [[]],
            DEEP,
            [1] * 1000,
            "int64",
            "0" * 64,
            "A" * 64,
            "\ud800",
        ]
    ),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.integers(-1, 70), max_size=3),
)


@share(0.3)
@given(data=st.data())
def test_a_changed_index_is_a_sentence_or_changes_nothing(tmp_path_factory, data):
    """One value of it is another, or is not there, or is there twice; nothing outside the folder is read or written."""
    path = tmp_path_factory.mktemp("index") / "C.blocks"
    export_blocks(LAYER, path, WEIGHT, rows=20)
    index = index_of(path)
    place = data.draw(st.sampled_from([index, index, index["layer"], *index["blocks"]]))
    name = data.draw(st.sampled_from(sorted(place)))
    if data.draw(st.booleans()):
        place[name] = data.draw(VALUES)
    else:
        del place[name]
    (path / "index.json").write_text(json.dumps(index))
    expected = LAYER.matrix(WEIGHT).toarray()
    try:
        assert_array_equal(sparse.vstack([block for _, block in read_blocks(path)]).toarray(), expected)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 1000 + len(str(path))  # noqa: PT017
    try:
        export_blocks(LAYER, path, WEIGHT, rows=20)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 1000 + len(str(path))  # noqa: PT017
        assert json.loads((path / "index.json").read_text()) == index or "nan" in str(index)
    else:
        assert_array_equal(read(path).toarray(), expected)
    assert names(path.parent) == ["C.blocks"]
    assert names(path) == ["0.npz", "1.npz", "2.npz", "index.json"]


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "weight", "rows", "fault"),
    [
        (LAYER, WEIGHT, 24, "its rows is 25, not 24"),
        (LAYER, WEIGHT + 1, 25, "its weight has other values"),
        (LAYER, WEIGHT.astype("int32"), 25, "its dtype is int64, not int32"),
        (
            Conv((6, 5), 3, padding=1, in_channels=2, out_channels=2, padding_mode="circular"),
            WEIGHT,
            25,
            "its padding_mode is zeros, not circular",
        ),
        (
            ConvTranspose((6, 5), 3, padding=1, in_channels=2, out_channels=2),
            WEIGHT,
            25,
            "its output_padding is None, not [0, 0]",
        ),
    ],
)
def test_blocks_of_another_matrix_are_refused(folder, layer, weight, rows, fault):
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=25)
    before = {path.name: path.read_bytes() for path in Path("C.blocks").iterdir()}
    with pytest.raises(
        ValueError, match=whole_message(f"folder C.blocks has blocks of another matrix: {fault}; {REMEDY}")
    ):
        export_blocks(layer, "C.blocks", weight, rows=rows)
    assert {path.name: path.read_bytes() for path in Path("C.blocks").iterdir()} == before


def test_a_folder_of_something_else_is_refused(folder):
    Path("C.blocks").mkdir()
    Path("C.blocks/thesis.txt").write_text("all of it")
    with pytest.raises(
        ValueError, match=whole_message(f"folder C.blocks has no index.json but 1 other entry: {REMEDY}")
    ):
        export_blocks(LAYER, "C.blocks", WEIGHT)
    assert names("C.blocks") == ["thesis.txt"]


@pytest.mark.parametrize(
    ("path", "rows", "message"),
    [
        ("C.npz", 5, "file name 'C.npz' ends in '.npz', which names no format: use .blocks, .mtx"),
        ("C.blocks", 0, "rows must be at least 1, got 0"),
        ("C.mtx", -1, "rows must be at least 1, got -1"),
    ],
)
def test_what_is_refused_leaves_nothing(folder, path, rows, message):
    with pytest.raises(ValueError, match=whole_message(message)):
        export_blocks(LAYER, path, WEIGHT, rows=rows)
    with pytest.raises(ValueError, match=r"^weight has shape \(3, 3\)"):
        export_blocks(LAYER, "C.blocks", np.ones((3, 3)))
    assert names(folder) == []


def test_more_files_than_a_folder_should_have_are_refused(folder):
    with pytest.raises(
        ValueError,
        match=whole_message(
            "rows=9 makes 111111 blocks, a file each, but at most 100000 are written: take at least 10 rows"
        ),
    ):
        export_blocks(Conv((10**6,), 2), "C.blocks", [1, 2], rows=9)
    assert names(folder) == []


def test_a_block_that_does_not_fit_is_refused_and_fewer_rows_are_not(folder, monkeypatch):
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 2**12)
    with pytest.raises(MemoryError, match=r"take fewer rows at a time$"):
        export_blocks(LAYER, "C.blocks", WEIGHT, rows=60)
    export_blocks(LAYER, "C.blocks", WEIGHT, rows=6)  # the error has not bound the folder to another matrix


def test_places_that_cannot_be_written_are_named(folder):
    with pytest.raises(
        FileNotFoundError,
        match=whole_message(f"cannot write gone/C.blocks: there is no directory {folder.resolve()}/gone"),
    ):
        export_blocks(LAYER, "gone/C.blocks", WEIGHT)
    Path("C.blocks").write_bytes(b"before")
    with pytest.raises(
        FileExistsError,
        match=whole_message("cannot write C.blocks: it is a regular file, not a directory: give another name"),
    ):
        export_blocks(LAYER, "C.blocks", WEIGHT)


# -- on the command line ---------------------------------------------------------------------------------------------

ARGUMENTS = ("--i", 6, "--k", 3)


def test_the_command_writes_blocks_and_streams(folder):
    assert good("export", "C.blocks", *ARGUMENTS, "--rows", 5) == "C.blocks: 16 × 36, 144 entries, weight arange\n"
    assert len(index_of("C.blocks")["blocks"]) == 4
    assert_array_equal(read("C.blocks").toarray(), C.toarray())
    assert good("export", "C.mtx", *ARGUMENTS, "--rows", 5) == "C.mtx: 16 × 36, 144 entries, weight arange\n"
    assert Path("C.mtx").read_bytes() == text_of(C, Conv(6, 3))


def test_the_command_updates_the_bar(folder, monkeypatch):
    calls = []
    monkeypatch.setattr(terminal.Bar, "__call__", lambda self, done, total: calls.append((done, total)))
    good("export", "C.blocks", *ARGUMENTS, "--rows", 8)
    assert calls == [(8, 16), (16, 16)]


def test_long_exports_draw_a_bar(folder, monkeypatch):
    monkeypatch.setattr(terminal, "_PATIENCE", 0)
    code, _, err = run("export", "C.mtx", *ARGUMENTS, "--rows", 8, terminal=True)
    assert code == 0
    assert re.match(r"\rexport \[#+\.+\]  50%, \d+ s left\x1b\[K\rexport \[#+\] 100%\x1b\[K", err)
    assert err.endswith("\r\x1b[K")


def test_the_command_refuses_rows_where_there_are_no_blocks(folder):
    assert refused("export", "C.npz", *ARGUMENTS, "--rows", 5) == (
        "convmatrix export: error: --rows 5 is for .blocks and .mtx, but a .npz file is written whole: leave it out, "
        "or write .blocks, a folder of .npz files"
    )
    assert (
        refused("export", "C.blocks", *ARGUMENTS, "--rows", 0)
        == "convmatrix export: error: rows must be at least 1, got 0"
    )


def test_the_command_points_to_what_needs_no_memory(folder, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    for path in ("C.npz", "C.json"):
        assert refused("export", path, "--i", 4000, "--k", 3) == (
            "convmatrix export: error: the matrix of 15984004 x 16000000 with 143856036 entries needs 1.67 GiB but "
            "0.0931 GiB of memory is available: write .blocks or .mtx, for which --rows N of it are in memory at a time"
        )
    assert names(folder) == []


@pytest.mark.full
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize("path", ["C.blocks", "C.mtx"])
def test_interrupted_from_the_keyboard(folder, path):
    """Of a matrix that would take minutes; whatever is there is complete, and the same command goes on."""
    message = ("export", path, "--i", 4000, "--k", 5, "--rows", 4000)
    with start(*message) as started:
        part = Path(path, "0000.npz") if path == "C.blocks" else None
        while not (part.exists() if part else any(folder.glob(".*.tmp"))):
            assert started.poll() is None, started.stderr.read()
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (130, b"convmatrix export: interrupted\n")
    if path == "C.mtx":
        assert names(folder) == []
        return
    result = names(path)
    assert result[-1] == "index.json"
    assert result[:-1] == [f"{number:04}.npz" for number in range(len(result) - 1)]
    weight = np.arange(1, 26).reshape(5, 5)
    last = sparse.load_npz(BytesIO(Path(path, result[-2]).read_bytes()))
    number = len(result) - 2
    expected = Conv(4000, 5).matrix(weight, rows=slice(number * 4000, number * 4000 + 4000))
    assert (last != expected).nnz == 0


def test_help_names_blocks():
    assert "\n.npz .mtx .mat .csv .npy .json .tex .blocks\n" in process("export", "--help").out


@pytest.mark.parametrize(("name", "target"), [("0.npz", "1.npz"), ("0.npz", "index.json"), ("1.npz", "../x/0.npz")])
def test_links_between_the_files_of_a_folder_are_refused(folder, name, target):
    path = folder / "C.blocks"
    layer, weight = Conv((6,), 2), [1, 2]
    export_blocks(layer, path, weight, rows=2)
    (folder / "x").symlink_to(path, target_is_directory=True)
    (path / name).unlink()
    (path / name).symlink_to(target)
    before = {entry: entry.read_bytes() for entry in path.iterdir()}
    with pytest.raises(
        ValueError, match=rf"^{name} in folder .* is a symbolic link to the file that .* is: delete it$"
    ):
        export_blocks(layer, path, weight, rows=2)
    assert {entry: entry.read_bytes() for entry in path.iterdir()} == before
    (path / name).unlink()
    assert export_blocks(layer, path, weight, rows=2).kept == 2


def test_a_link_to_a_file_elsewhere_is_followed(folder):
    path = folder / "C.blocks"
    layer, weight = Conv((6,), 2), [1, 2]
    export_blocks(layer, path, weight, rows=2)
    (path / "0.npz").rename(folder / "other.npz")
    (path / "0.npz").symlink_to("../other.npz")
    assert export_blocks(layer, path, weight, rows=2).kept == 3


def test_a_block_whose_columns_are_out_of_range_is_not_read(folder):
    path = folder / "C.blocks"
    export_blocks(Conv((4,), 2), path, [5, -7], rows=2)
    index = json.loads((path / "index.json").read_text())
    block = sparse.csr_array(([1, 2], ([0, 1], [0, 1])), shape=(2, 4))
    block.indices[0] = 10**6
    sparse.save_npz(path / "0.npz", block)
    content = (path / "0.npz").read_bytes()
    index["blocks"][0] |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (path / "index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"0\.npz is no sparse matrix of scipy"):
        list(read_blocks(path))


def test_a_text_that_does_not_fit_in_memory_is_refused_before_it_is_made(folder, monkeypatch):
    layer = Conv((300, 300), 5)
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    monkeypatch.setattr(memory, "UNCHECKED", 2**23)
    with pytest.raises(MemoryError, match=r"^the text of \d+ entries needs .* rows=1000 or --rows 1000$"):
        export_blocks(layer, folder / "C.mtx", np.ones(layer.weight_shape, dtype=np.int8), rows=60_000)
    assert not list(folder.iterdir())


def test_blocks_of_a_stream_are_smaller_since_they_become_text(folder, monkeypatch):
    layer = Conv((50, 50), 5)
    monkeypatch.setattr(blocks, "_BYTES", layer.nbytes() // 2)
    assert export_blocks(layer, folder / "C.mtx", np.ones(layer.weight_shape)).written == 9
    assert export_blocks(layer, folder / "C.blocks", np.ones(layer.weight_shape)).written == 2
