"""Files: each is read back by a library of its format, has reproducible bytes, and is whole or missing; errors."""

import errno
import json
import os
import re
import stat
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import io, sparse

from convmatrix.core import memory
from convmatrix.export import ending_of, export, layer_as_dict, matrix_as_dict, replacing, write_text
from convmatrix.export import matrices as module
from convmatrix.layers import Conv, ConvTranspose

SHAPE = (4, 5)
INDPTR, INDICES = [0, 3, 3, 5, 6], [0, 2, 4, 1, 2, 4]  # row 1 is empty

DATA = {
    "bool": [True, False, True, True, True, False],
    "int8": [-128, 0, 127, 1, -1, 5],
    "uint8": [255, 0, 127, 1, 2, 5],
    "int32": [-(2**31), 0, 2**31 - 1, 1, -1, 5],
    "int64": [-(2**63), 0, 2**63 - 1, 2**53 + 1, -1, 5],
    "uint64": [2**64 - 1, 0, 2**53 + 1, 1, 2, 5],
    "float32": [0.1, -0.0, 1 / 3, 1e-45, 3e38, 5],
    "float64": [0.1, -0.0, 1 / 3, 5e-324, 1.7976931348623157e308, 5],
    "complex64": [0.1 - 0.2j, complex(-0.0, 1), 1 / 3, -2.5j, 3e38, 5],
    "complex128": [0.1 - 0.2j, complex(-0.0, 1), 1 / 3, -2.5j, 1e-300 + 1e300j, 5],
}

WIDE = {"b": "float64", "i": "float64", "u": "float64", "f": "float64", "c": "complex128"}


def matrix_of(dtype):
    return sparse.csr_array((np.array(DATA[dtype], dtype=dtype), INDICES, INDPTR), shape=SHAPE)


def assert_same(actual, expected):
    """Equal entry by entry, to the dtype and to the sign of a zero."""
    assert actual.dtype == expected.dtype
    assert_array_equal(actual, expected)
    if expected.dtype.kind in "fc":
        assert_array_equal(np.signbit(actual.real), np.signbit(expected.real))
        assert_array_equal(np.signbit(actual.imag), np.signbit(expected.imag))


def whole_message(*parts):
    """Return a pattern that matches the whole message of an error."""
    return "^" + re.escape("".join(parts)) + "$"


# -- what the readers get --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DATA)
def test_npz_comes_back_as_the_same_csr_array(folder, dtype):
    matrix = matrix_of(dtype)
    export(matrix, "C.npz")
    back = sparse.load_npz("C.npz")
    assert type(back) is sparse.csr_array
    assert back.shape == SHAPE
    assert_same(back.data, matrix.data)
    assert_same(back.indices, matrix.indices)
    assert_same(back.indptr, matrix.indptr)


@pytest.mark.parametrize("dtype", DATA)
def test_mtx_comes_back_in_the_widest_dtype_of_its_kind(folder, dtype):
    matrix = matrix_of(dtype)
    export(matrix, "C.mtx")
    back = io.mmread("C.mtx", spmatrix=False).tocsr()
    widest = {"b": "int64", "i": "int64", "u": "int64", **{kind: WIDE[kind] for kind in "fc"}}[matrix.dtype.kind]
    assert_same(back.data, matrix.data.astype("uint64" if dtype == "uint64" else widest))
    assert_array_equal(back.indices, INDICES)  # with the zeros that are stored
    assert_array_equal(back.indptr, INDPTR)


@pytest.mark.parametrize("dtype", sorted(set(DATA) - {"int64", "uint64"}))
def test_mat_comes_back_in_double_precision(folder, dtype):
    matrix = matrix_of(dtype)
    export(matrix, "C.mat")
    back = io.loadmat("C.mat", spmatrix=False)
    assert sorted(name for name in back if not name.startswith("_")) == ["C"]
    C = back["C"].tocsr()
    assert C.dtype == WIDE[matrix.dtype.kind]
    assert_array_equal(C.data, matrix.data.astype(C.dtype))  # loadmat loses the sign of a complex zero
    assert_array_equal(C.indices, INDICES)
    assert_array_equal(C.indptr, INDPTR)


@pytest.mark.parametrize("dtype", DATA)
def test_npy_comes_back_dense(folder, dtype):
    matrix = matrix_of(dtype)
    export(matrix, "C.npy")
    assert_same(np.load("C.npy", allow_pickle=False), matrix.toarray())


@pytest.mark.parametrize("dtype", DATA)
def test_csv_comes_back_dense(folder, dtype):
    matrix = matrix_of(dtype)
    export(matrix, "C.csv")
    kind = "uint8" if dtype == "bool" else dtype
    assert_same(np.loadtxt("C.csv", delimiter=",", dtype=kind), matrix.toarray().astype(kind))


@pytest.mark.parametrize("ending", [".npz", ".mtx", ".mat", ".npy", ".csv"])
def test_what_is_not_finite_comes_back(folder, ending):
    dense = np.array([[np.nan, np.inf, -np.inf], [complex(1, -np.inf), 0, 2]])
    # The file is right, but loadmat reads the imaginary part as a multiple of 1j, and so infinity as nan.
    for values in (dense[:1].real,) if ending == ".mat" else (dense, dense[:1].real):
        export(sparse.csr_array(values), f"C{ending}")
        back = {
            ".npz": lambda: sparse.load_npz("C.npz").toarray(),
            ".mtx": lambda: io.mmread("C.mtx", spmatrix=False).toarray(),
            ".mat": lambda: io.loadmat("C.mat", spmatrix=False)["C"].toarray(),
            ".npy": lambda: np.load("C.npy"),
            ".csv": lambda dtype=values.dtype: np.loadtxt("C.csv", delimiter=",", dtype=dtype, ndmin=2),
        }[ending]()
        assert_array_equal(back, values)


@given(values=st.lists(st.floats(), min_size=1, max_size=20), ending=st.sampled_from([".mtx", ".csv"]))
def test_text_is_exact_for_every_float64(tmp_path_factory, values, ending):
    path = tmp_path_factory.getbasetemp() / f"drawn{ending}"
    export(sparse.csr_array((values, range(len(values)), [0, len(values)]), shape=(1, len(values))), path)
    back = io.mmread(path, spmatrix=False).data if ending == ".mtx" else np.loadtxt(path, delimiter=",", ndmin=1)
    assert_array_equal(back, values)


def test_a_matrix_without_entries(folder):
    empty = sparse.csr_array((2, 3), dtype=np.int64)
    for ending in (".npz", ".mtx", ".mat", ".npy", ".csv"):
        export(empty, f"C{ending}")
    assert sparse.load_npz("C.npz").shape == io.mmread("C.mtx", spmatrix=False).shape == (2, 3)
    assert io.loadmat("C.mat", spmatrix=False)["C"].nnz == 0
    assert Path("C.csv").read_text() == "0,0,0\n0,0,0\n"


def test_other_sparse_formats_will_do(folder):
    matrix = matrix_of("int8")
    for other in (matrix.tocsc(), matrix.tocoo(), sparse.csr_matrix(matrix)):
        export(other, "C.npz")
        back = sparse.load_npz("C.npz")
        assert type(back) is sparse.csr_array
        assert_array_equal(back.toarray(), matrix.toarray())


# -- the bytes -------------------------------------------------------------------------------------------------------


def test_mtx_and_csv_are_literally_this(folder):
    layer = Conv((3,), 2)
    export(layer.matrix([5, -7]), "C.mtx", layer=layer)
    assert Path("C.mtx").read_text() == (
        "%%MatrixMarket matrix coordinate integer general\n"
        "%Conv(input_size=(3,), kernel_size=(2,))\n"
        "2 3 4\n1 1 5\n1 2 -7\n2 2 5\n2 3 -7\n"
    )
    export(layer.matrix([0.1, 2]), "C.csv", layer=layer)
    assert Path("C.csv").read_bytes() == b"0.1,2.0,0.0\n0.0,0.1,2.0\n"
    export(layer.matrix([0.5 - 2j, 1]), "C.csv")
    assert Path("C.csv").read_bytes() == b"0.5-2j,1+0j,0j\n0j,0.5-2j,1+0j\n"
    export(layer.matrix([True, False]), "C.csv")
    assert Path("C.csv").read_bytes() == b"1,0,0\n0,1,0\n"


def test_a_symmetric_matrix_is_written_whole(folder):
    layer = Conv((3,), 3, padding=1)
    export(layer.matrix([1, 2, 1]), "C.mtx")
    assert Path("C.mtx").read_text().splitlines()[0] == "%%MatrixMarket matrix coordinate integer general"
    assert Path("C.mtx").read_text().splitlines()[1:3] == ["%", "3 3 7"]  # no layer to name


def test_mat_and_npz_have_no_date_and_no_platform(folder):
    export(matrix_of("int8"), "C.mat")
    content = Path("C.mat").read_bytes()
    text = b"MATLAB 5.0 MAT-file, written by convmatrix: vectors are in row-major order, A(:) needs order='F'"
    assert content[:116] == text.ljust(116)
    assert content[116:128] == b"\0" * 8 + b"\x00\x01IM"
    export(matrix_of("int8"), "C.npz")
    with zipfile.ZipFile("C.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("ending", module.ENDINGS)
def test_a_second_write_has_the_same_bytes(folder, ending):
    layer = Conv(4, 3, stride=2, padding=((0, 1), (1, 0)))
    matrix = layer.matrix(np.arange(9.0).reshape(3, 3))
    export(matrix, f"a{ending}", layer=layer)
    export(matrix.copy(), f"b{ending.upper()}", layer=layer)
    first = Path(f"a{ending}").read_bytes()
    assert first
    assert first == Path(f"b{ending.upper()}").read_bytes()


# -- as plain data ---------------------------------------------------------------------------------------------------


def test_json_is_literally_this(folder):
    layer = ConvTranspose((2,), 2, stride=2, output_padding=1)
    export(layer.matrix([1.5, -2]), "C.json", layer=layer, rank=np.int64(2), gram_is_identity=np.bool_(False))
    assert Path("C.json").read_text() == (
        '{"input_size": [2], "kernel_size": [2], "stride": [2], "padding": [[0, 0]], "dilation": [1], "groups": 1, '
        '"in_channels": 1, "out_channels": 1, "padding_mode": "zeros", "input_dilation": [1], "output_padding": [1], '
        '"input_shape": [1, 2], "output_shape": [1, 5], "matrix_shape": [5, 2], "nnz": 4, '
        '"indptr": [0, 1, 2, 3, 4, 4], "indices": [0, 0, 1, 1], "data": [1.5, -2.0, 1.5, -2.0], '
        '"taps": [[0], [1], [0], [1]], "rank": 2, "gram_is_identity": false, "transpose": true}\n'
    )


def test_json_without_weight_and_findings_has_nulls():
    described = matrix_as_dict(Conv((3,), 2))
    assert {name: described[name] for name in ("indptr", "indices", "data", "rank", "gram_is_identity")} == {
        "indptr": [0, 2, 4],
        "indices": [0, 1, 1, 2],
        "data": None,
        "rank": None,
        "gram_is_identity": None,
    }
    assert described["transpose"] is False
    assert "output_padding" not in described


LAYERS = [
    Conv((3,), 2),
    Conv((), ()),
    Conv((5, 4, 3), (2, 3, 2), stride=(2, 1, 1), padding=((1, 0), (0, 1), (-1, 2)), dilation=(1, 1, 2)),
    Conv((4, 5), 3, padding=2, padding_mode="reflect", in_channels=2, out_channels=4, groups=2),
    Conv((4, 5), 3, padding=1, input_dilation=2),
    ConvTranspose((3, 2), 3, stride=2, padding=1, output_size=(6, 3), in_channels=4, out_channels=2, groups=2),
    ConvTranspose((4,), 3, padding=1, padding_mode="replicate"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("dtype", ["int64", "float32", "complex128", "bool"])
def test_json_gives_back_layer_and_matrix(layer, dtype):
    weight = np.random.default_rng(0).integers(1, 9, layer.weight_shape).astype(dtype)
    if dtype == "complex128":
        weight = weight * (1 - 0.5j)
    back = json.loads(json.dumps(matrix_as_dict(layer, weight)))
    assert type(layer)(**{field.name: back[field.name] for field in fields(layer)}) == layer
    assert back["transpose"] is isinstance(layer, ConvTranspose)
    assert (tuple(back["matrix_shape"]), back["nnz"]) == (layer.matrix_shape, layer.nnz)
    assert (tuple(back["input_shape"]), tuple(back["output_shape"])) == (layer.input_shape, layer.output_shape)
    data = [complex(*pair) for pair in back["data"]] if dtype == "complex128" else back["data"]
    assert {type(number) for number in data} == {type(np.zeros(1, dtype).tolist()[0])}
    C = sparse.csr_array((data, back["indices"], back["indptr"]), shape=back["matrix_shape"])
    assert_array_equal(C.toarray(), layer.matrix(weight).toarray())
    flat = weight.ravel()
    assert len(back["taps"]) == layer.nnz
    assert_array_equal(data, [np.add.reduce(flat[taps], dtype=flat.dtype) for taps in back["taps"]])


def test_json_keeps_large_integers_and_shortest_floats():
    described = matrix_as_dict(Conv((1,), 1), [2**63 - 1])
    assert json.dumps(described["data"]) == "[9223372036854775807]"
    assert json.dumps(matrix_as_dict(Conv((1,), 1), [-0.1])["data"]) == "[-0.1]"


def test_layer_as_dict_is_the_part_without_the_matrix():
    layer = Conv(4, 3, padding="same")
    described = layer_as_dict(layer)
    whole = matrix_as_dict(layer, np.ones((3, 3)))
    assert described == {name: whole[name] for name in described}
    assert set(whole) - set(described) == {"indptr", "indices", "data", "taps", "rank", "gram_is_identity"}


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("C.tex", "ends in '.tex'"),
        ("C", "has no ending"),
        ("npz", "has no ending"),
        ("x/.npz", "has no ending"),
        ("C.npz.gz", "ends in '.gz'"),
    ],
)
def test_unknown_endings_are_refused(folder, path, fault):
    message = whole_message(
        f"file name '{path}' {fault}, which names no format: use .npz, .mtx, .mat, .csv, .npy, .json"
    )
    with pytest.raises(ValueError, match=message):
        ending_of(path)
    with pytest.raises(ValueError, match=message):
        export(matrix_of("int8"), Path(path))
    assert list(folder.iterdir()) == []


def test_capital_endings_are_known(folder):
    assert ending_of(Path("a.b/C.Npz")) == ".npz"


LAYER = Conv((3,), 2)


@pytest.mark.parametrize(
    ("matrix", "path", "layer", "error", "message"),
    [
        (
            np.ones((2, 3)),
            "C.npz",
            None,
            TypeError,
            "matrix must be sparse, got ndarray: pass what layer.matrix(weight) gives, or wrap it in "
            "scipy.sparse.csr_array",
        ),
        (
            sparse.csr_array(np.ones((2, 3), "longdouble")),
            "C.npy",
            None,
            TypeError,
            f"matrix has dtype {np.dtype('longdouble')}, which no format can hold: cast it with .astype('float64')",
        ),
        (
            sparse.csr_array(np.ones((2, 3), "clongdouble")),
            "C.mtx",
            None,
            TypeError,
            f"matrix has dtype {np.dtype('clongdouble')}, which no format can hold: cast it with .astype('complex128')",
        ),
        (
            sparse.csr_array(np.ones((2, 4))),
            "C.mtx",
            LAYER,
            ValueError,
            "matrix has shape (2, 4) but that of the layer has (2, 3)",
        ),
        (
            sparse.csr_array(np.ones((2, 3))),
            "C.json",
            None,
            ValueError,
            "a .json file describes the layer as well, but none is given: pass it as layer=",
        ),
        (
            sparse.csr_array([[1, 0, 0], [0, 1, 0]]),
            "C.json",
            LAYER,
            ValueError,
            "matrix stores 2 entries, but not at the positions of the layer's 4: give it as layer.matrix(weight) "
            "builds it, with its stored zeros",
        ),
        (
            sparse.csr_array([[1, 1, 0], [1, 0, 1]]),
            "C.json",
            LAYER,
            ValueError,
            "matrix stores 4 entries, but not at the positions of the layer's 4: give it as layer.matrix(weight) "
            "builds it, with its stored zeros",
        ),
        (
            sparse.csr_array(([1, 2, 3, 4], [0, 1, 1, 2], [0, 1, 4]), shape=(2, 3)),
            "C.json",
            LAYER,
            ValueError,
            "matrix stores 4 entries, but not at the positions of the layer's 4: give it as layer.matrix(weight) "
            "builds it, with its stored zeros",
        ),
        (
            LAYER.matrix([1, np.nan]),
            "C.json",
            LAYER,
            ValueError,
            "stored entry 1 is nan, for which JSON has no number: save .npz or .mtx",
        ),
        (
            LAYER.matrix([complex(0, np.inf), 1]),
            "C.json",
            LAYER,
            ValueError,
            "stored entry 0 is infj, for which JSON has no number: save .npz or .mtx",
        ),
        (
            LAYER.matrix([2**53 + 1, -3]),
            "C.mat",
            None,
            ValueError,
            "matrix has the entry 9007199254740993 but a .mat file has float64, exact up to 2**53 = 9007199254740992: "
            "save .npz or .mtx",
        ),
        (
            LAYER.matrix([-(2**63), 3]),
            "C.mat",
            None,
            ValueError,
            "matrix has the entry -9223372036854775808 but a .mat file has float64, exact up to 2**53 = "
            "9007199254740992: save .npz or .mtx",
        ),
    ],
)
def test_an_error_does_not_change_the_file(folder, matrix, path, layer, error, message):
    Path(path).write_bytes(b"before")
    with pytest.raises(ValueError, match=whole_message(message)) as refused:
        export(matrix, path, layer=layer)
    assert isinstance(refused.value, error)
    assert Path(path).read_bytes() == b"before"
    assert [entry.name for entry in folder.iterdir()] == [path]


def test_integers_that_float64_just_holds_go_to_mat(folder):
    export(LAYER.matrix([2**53, -(2**53)]), "C.mat")
    assert_array_equal(io.loadmat("C.mat", spmatrix=False)["C"].toarray()[0], [2.0**53, -(2.0**53), 0])


def test_what_a_mat_file_cannot_hold_is_refused(folder, monkeypatch):
    # 4 entries of 8 + 4 bytes, 4 column starts of 4
    monkeypatch.setattr(module, "_MAT_END", 65)
    export(LAYER.matrix([1, 2]), "C.mat")
    monkeypatch.setattr(module, "_MAT_END", 64)
    with pytest.raises(
        ValueError,
        match=whole_message(
            "matrix of 4 entries needs 64 bytes but a variable of a .mat file ends at 64: save .npz or .mtx"
        ),
    ):
        export(LAYER.matrix([1, 2]), "C.mat")


@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_dense_matrices_that_do_not_fit_in_memory_are_refused(folder, monkeypatch, ending):
    layer = Conv((10_000,), 2)
    matrix = layer.matrix(np.ones(2, dtype="float32"))
    monkeypatch.setattr(memory, "available_memory", lambda: 2**28)
    with pytest.raises(
        MemoryError,
        match=whole_message(
            "dense matrix of 9999 x 10000 needs 0.372 GiB but 0.25 GiB of memory is available: save .npz, .mtx "
            "or .mat, "
            "which hold the stored entries only"
        ),
    ):
        export(matrix, f"C{ending}")
    assert list(folder.iterdir()) == []
    for other in (".npz", ".mat"):
        export(matrix, f"C{other}")


@pytest.mark.full
def test_json_that_does_not_fit_in_memory_is_refused(folder, monkeypatch):
    layer = Conv((100_001,), 2)
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * 10**7)
    message = whole_message(
        "JSON of 200000 entries needs 0.0838 GiB but 0.0745 GiB of memory is available: save .npz or .mtx"
    )
    with pytest.raises(ValueError, match=message):
        matrix_as_dict(layer)
    with pytest.raises(ValueError, match=message):
        export(layer.matrix([1, 2]), "C.json", layer=layer)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    assert matrix_as_dict(layer)["nnz"] == 200_000


# -- all or nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError, SystemExit])
@pytest.mark.parametrize("before", [None, b"before"])
def test_a_failure_leaves_nothing_behind(folder, error, before):
    if before is not None:
        Path("C.npz").write_bytes(before)
    seen = []

    def half_written():
        with replacing("C.npz") as file:
            file.write(b"half")
            file.flush()
            seen.extend(sorted(entry.name for entry in folder.iterdir()))
            raise error

    with pytest.raises(error):
        half_written()
    assert any(name.endswith(".tmp") for name in seen)  # beside the target, under another name
    assert [entry.read_bytes() for entry in folder.iterdir()] == ([] if before is None else [before])


def test_a_full_disk_is_an_error_that_leaves_nothing_behind(folder, monkeypatch):
    def full(matrix, file, layer):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(module._WRITERS, ".npz", full)
    Path("C.npz").write_bytes(b"before")
    with pytest.raises(
        OSError,
        match=whole_message(
            "cannot write C.npz: the disk is full (No space left on device): make room, or give a path on another disk"
        ),
    ) as refused:
        export(matrix_of("int8"), "C.npz")
    assert refused.value.errno == errno.ENOSPC
    assert [entry.read_bytes() for entry in folder.iterdir()] == [b"before"]


def test_a_missing_directory_is_named(folder):
    with pytest.raises(
        FileNotFoundError,
        match=whole_message(f"cannot write gone/C.npz: there is no directory {folder.resolve()}/gone"),
    ) as refused:
        export(matrix_of("int8"), "gone/C.npz")
    assert refused.value.errno == errno.ENOENT


def test_a_directory_is_not_replaced(folder):
    Path("C.npz").mkdir()
    with pytest.raises(
        IsADirectoryError,
        match=whole_message("cannot write C.npz: it is a directory, not a regular file: give another name"),
    ):
        export(matrix_of("int8"), "C.npz")
    assert [entry.name for entry in folder.iterdir()] == ["C.npz"]


def test_what_open_refuses_is_refused(folder):
    Path("C.npz").write_bytes(b"before")
    Path("C.npz").chmod(0o444)
    if os.access("C.npz", os.W_OK):
        pytest.skip("permissions do not bind this user")
    with pytest.raises(PermissionError, match=whole_message("cannot write C.npz: Permission denied")):
        export(matrix_of("int8"), "C.npz")
    assert Path("C.npz").read_bytes() == b"before"
    Path("shut").mkdir(mode=0o555)
    with pytest.raises(PermissionError, match=whole_message("cannot write shut/C.npz: Permission denied")):
        export(matrix_of("int8"), "shut/C.npz")


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_an_ordinary_open(folder, mask):
    before = os.umask(mask)
    try:
        Path("ordinary").write_bytes(b"")
        export(matrix_of("int8"), "new.npz")
        Path("old.npz").write_bytes(b"")
        Path("old.npz").chmod(0o604)
        export(matrix_of("int8"), "old.npz")
    finally:
        os.umask(before)
    assert (
        stat.S_IMODE(Path("new.npz").stat().st_mode) == stat.S_IMODE(Path("ordinary").stat().st_mode) == 0o666 & ~mask
    )
    assert stat.S_IMODE(Path("old.npz").stat().st_mode) == 0o604
    assert sparse.load_npz("old.npz").nnz == 6


def test_a_link_stays_a_link(folder):
    Path("data").mkdir()
    Path("data/C.npz").write_bytes(b"before")
    Path("C.npz").symlink_to("data/C.npz")
    export(matrix_of("int8"), "C.npz")
    assert Path("C.npz").is_symlink()
    assert sparse.load_npz("data/C.npz").nnz == 6
    assert [entry.name for entry in Path("data").iterdir()] == ["C.npz"]


def test_the_longest_file_name_is_written(folder):
    name = "C" * 251 + ".npz"
    export(matrix_of("int8"), name)
    assert [entry.name for entry in folder.iterdir()] == [name]


def test_write_text_is_utf8_with_the_newlines_it_has(folder):
    write_text("C x = y\nCᵀ y ≠ x\n", "C.txt")
    assert Path("C.txt").read_bytes() == b"C x = y\nC\xe1\xb5\x80 y \xe2\x89\xa0 x\n"


@pytest.mark.parametrize(("ending", "each"), [(".mtx", 16), (".mat", 32)])
def test_what_scipy_copies_is_refused_before_numpy_has_no_memory(tmp_path, monkeypatch, ending, each):
    matrix = Conv((5000,), 100).matrix(np.ones(100, dtype=np.float32))
    path = tmp_path / f"C{ending}"
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: each * matrix.nnz - 1)
    with pytest.raises(MemoryError, match=rf"^the {ending} file of {matrix.nnz} entries needs .*: save \.npz$"):
        export(matrix, path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(memory, "available_memory", lambda: each * matrix.nnz)
    export(matrix, path)
