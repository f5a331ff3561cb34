"""Arrays in files of every ending: read back as they were written, or refused in one sentence, whatever their bytes."""

import io
import json
import pathlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import io as scipy_io
from scipy import sparse

from convmatrix.core import memory
from convmatrix.core.array_files import ENDINGS, is_file_name, read_array, read_array_of
from strategies import share

WHOLE = np.array([[1, -2, 0], [0, 0, 7]])
GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40


def saved(save, *arguments, **keywords):
    stream = io.BytesIO()
    save(stream, *arguments, **keywords)
    return stream.getvalue()


def image(kind, array, **options):
    return saved(lambda stream: Image.fromarray(array).save(stream, kind, **options))


CONTENTS = {
    "w.npy": saved(np.save, WHOLE),
    "w.npz": saved(np.savez, WHOLE),
    "C.npz": saved(sparse.save_npz, sparse.csr_array(WHOLE)),
    "w.csv": b"1,-2,0\n0,0,7\n",
    "semicolons.csv": b"\xef\xbb\xbf# a comment\r\n1;-2;0\r\n\r\n0; 0 ;7\r\n",
    "C.mtx": saved(scipy_io.mmwrite, sparse.coo_array(WHOLE)),
    "w.mtx": saved(scipy_io.mmwrite, WHOLE),
    "w.mat": saved(scipy_io.savemat, {"w": WHOLE}),
    "C.mat": saved(scipy_io.savemat, {"C": sparse.csc_array(WHOLE.astype(float))}),
    "w.json": b"[[1, -2, 0], [0, 0, 7]]",
    "C.json": json.dumps(
        {"data": [1, -2, 7], "indices": [0, 1, 2], "indptr": [0, 2, 3], "matrix_shape": [2, 3]}
    ).encode(),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name, content):
    with pathlib.Path(name).open("wb") as file:
        file.write(content)
    return name


def dense(array):
    return array.toarray() if sparse.issparse(array) else array


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_written_is_read(name):
    found = read_array(written(name, CONTENTS[name]), "the matrix")
    np.testing.assert_array_equal(dense(found), WHOLE)
    assert sparse.issparse(found) == name.startswith("C")


def test_every_ending_has_a_file():
    assert {*ENDINGS} == {"." + name.rpartition(".")[2] for name in CONTENTS} | {".png", ".jpg", ".jpeg"}


def test_images_are_grey():
    np.testing.assert_array_equal(read_array(written("a.png", image("PNG", GREY)), "x"), GREY)
    colours = np.stack([GREY, GREY, GREY], axis=-1)
    np.testing.assert_array_equal(read_array(written("b.PNG", image("PNG", colours)), "x"), GREY)
    found = read_array(written("c.jpg", image("JPEG", np.full((8, 8), 77, np.uint8))), "x")
    assert (found.shape, found.dtype) == ((8, 8), np.int64)
    assert np.abs(found - 77).max() <= 1


def test_numbers_of_a_text_are_integers_floats_or_complex():
    for text, expected in (("1,2", [[1, 2]]), ("1,2.5", [[1, 2.5]]), ("1+2j,3", [[1 + 2j, 3]])):
        found = read_array(written("w.csv", text.encode()), "w")
        assert found.dtype == np.array(expected).dtype
        np.testing.assert_array_equal(found, expected)


def test_one_of_several_arrays_has_a_name():
    written("w.npz", saved(np.savez, a=WHOLE, b=2 * WHOLE))
    written("w.mat", saved(scipy_io.savemat, {"a": WHOLE, "b": 2 * WHOLE, "text": "no"}))
    for file, what in (("w.npz", "array"), ("w.mat", "variable")):
        np.testing.assert_array_equal(read_array(f"{file}:b", "the weight"), 2 * WHOLE)
        with pytest.raises(
            ValueError,
            match=rf"^cannot read the weight from {file}: it has 2 {what}s, a, b: name one, as in FILE:a$",
        ):
            read_array(file, "the weight")
        with pytest.raises(
            ValueError, match=rf"^cannot read the weight from {file}: it has no {what} 'c'; it has a, b$"
        ):
            read_array(f"{file}:c", "the weight")


def test_names_of_files():
    assert all(is_file_name(name) for name in ("w.npy", "a b/W.NPZ", "w.npz:kernel", "C:/w.mat:C", "x.jpeg"))
    assert not any(is_file_name(name) for name in ("sobel", "1,2,3", "random:1", "w.npy:kernel", "w.txt", ""))


REFUSED = {
    "it is empty": ("w.csv", b"\n# nothing\n"),
    "line 5 has 2 numbers, but line 2 has 3": ("w.csv", b"# sizes\n1,2,3\n\n4,5,6\n7,8\n"),
    "line 3 has 'two', which is no number": ("w.csv", b"1\n\ntwo\n"),
    "line 1 has '1_0', which is no number": ("w.csv", b"1_0,2\n"),
    "it has an integer beyond 64 bits: write it as a float": ("w.csv", b"1,36893488147419103232\n"),
    "it needs numbers in lists, or a matrix as convmatrix exports it": ("w.json", b'{"data": [1]}'),
    "it has dtype <U1, but needs numbers": ("w.json", b'["a", "b"]'),
    "it has 0 arrays": ("w.npz", saved(np.savez)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_array_of_numbers(reason):
    name, content = REFUSED[reason]
    written(name, content)
    with pytest.raises(ValueError, match=rf"^cannot read x from {name}: {re.escape(reason)}$"):
        read_array(name, "x")


def test_objects_are_not_unpickled():
    name = written("w.npz", saved(np.savez, np.array([{}], dtype=object)))
    with pytest.raises(ValueError, match=r"^cannot read x from w\.npz: it is damaged, or no \.npz file of numbers \("):
        read_array(name, "x")


def test_files_that_are_not_there_and_endings_that_are_not_known(folder):
    (folder / "w.csv").mkdir()
    for name, reason in (
        ("none.csv", "No such file or directory"),
        ("w.csv", "Is a directory"),
        ("w.txt", f"use a file that ends in {', '.join(ENDINGS)}"),
    ):
        with pytest.raises(ValueError, match=rf"^cannot read x from {name}: {re.escape(reason)}$"):
            read_array(name, "x")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("big.png", image("PNG", np.zeros((3000, 3000), np.uint8))),
        ("big.npz", saved(np.savez_compressed, np.zeros(10**7))),
        ("big.csv", b"1," * 10**6 * 2 + b"1\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sizes_are_compared_with_the_memory_before_anything_is_read(monkeypatch, name, content):
    written(name, content)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    with pytest.raises(MemoryError, match=r"of memory is available"):
        read_array(name, "x")


def test_one_shape_or_another():
    written("w.csv", CONTENTS["w.csv"])
    written("w.npy", CONTENTS["w.npy"])
    for name in ("w.csv", "w.npy"):
        assert read_array_of(name, "the weight", (1, 1, 2, 3), (2, 3)).shape == (1, 1, 2, 3)
        with pytest.raises(
            ValueError, match=rf"^weight in {name} has shape \(2, 3\) but the layer needs \(1, 1, 3, 3\) or \(3, 3\)$"
        ):
            read_array_of(name, "the weight", (1, 1, 3, 3), (3, 3))


@share(0.4)
@given(name=st.sampled_from(sorted(CONTENTS)), data=st.data())
def test_damaged_files_are_read_or_refused_in_one_line(name, data):
    content = bytearray(CONTENTS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    written(name, bytes(content))
    try:
        found = read_array(name, "the matrix")
    except ValueError as error:
        message = str(error)
        assert "\n" not in message
        assert name in message or "memory" in message
        assert len(message) < 500
    else:
        assert found.dtype.kind in "biufc"
