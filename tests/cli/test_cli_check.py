"""`check`: verdicts on matrices in files, several at a time, and what `export` writes is right."""

import json
import re

import numpy as np
import pytest
from scipy import io as scipy_io
from scipy import sparse

from commandline import good, refused, run
from convmatrix import Conv
from convmatrix.export import ENDINGS

LAYER = ("--i", 4, "--k", 3)
C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3)).toarray()
RIGHT = "right: it is the matrix of Conv(input_size=(4, 4), kernel_size=(3, 3))"
READ_OFF = (
    f"{RIGHT}, with the weight [[1, 2, 3], [4, 5, 6], [7, 8, 9]]; whether that is flipped shows only beside a weight "
    "that is given"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_export_writes_is_right():
    files = [f"C{ending}" for ending in ENDINGS]
    for file in files:
        good("export", file, *LAYER)
    assert good("check", *files, *LAYER, "--weight", "arange").splitlines() == [f"{file}: {RIGHT}" for file in files]
    assert good("check", "C.npy", *LAYER) == f"C.npy: {READ_OFF}\n"
    good("export", "F.mat", *LAYER, "--order", "F", "--weight", "random:3")
    code, out, _ = run("check", "F.mat", *LAYER, "--weight", "random:3")
    assert code == 1
    assert out.startswith("F.mat: its rows and columns are in F order: ")


def test_a_folder_is_marked_with_a_line_for_each():
    wrong = C.copy()
    wrong[1] = np.roll(wrong[1], 1)
    np.save("a.npy", C)
    np.savetxt("b.csv", C.T, fmt="%d", delimiter=",")
    sparse.save_npz("c.npz", sparse.csr_array(wrong))
    scipy_io.savemat("d.mat", {"C": C, "x": 1})
    code, out, err = run("check", "a.npy", "b.csv", "c.npz", *LAYER)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"a.npy: {READ_OFF}",
        "b.csv: it is transposed: 16 × 4 instead of 4 × 16: a row for each output, 2 × 2, and a column for each input, "
        "4 × 4",
        "c.npz: row 1 is shifted one column to the right",
    ]
    code, out, _ = run("check", "c.npz", "d.mat", "d.mat:C", "none.npy", *LAYER, "--format", "json")
    assert code == 2
    results = json.loads(out)
    assert [each["kind"] for each in results] == ["row", "unreadable", "right", "unreadable"]
    assert results[0] == {
        "file": "c.npz",
        "ok": False,
        "kind": "row",
        "reason": "row 1 is shifted one column to the right",
        "row": 1,
        "column": 1,
    }
    assert [each["ok"] for each in results] == [False, False, True, False]


def test_names_of_files_stay_as_they_are():
    np.save("C^T x0 4 x 4.npy", C)
    assert good("check", "C^T x0 4 x 4.npy", *LAYER, "--weight", "arange") == f"C^T x0 4 x 4.npy: {RIGHT}\n"


def test_the_help_has_its_own_examples():
    text = good("check", "--help")
    assert text.count("examples:") == 1
    assert re.findall(r"^  convmatrix (\w+)", text, re.MULTILINE) == ["check"] * 3


def test_one_file_that_cannot_be_read_is_an_error():
    assert refused("check", "none.npy", *LAYER) == (
        "convmatrix check: error: cannot read the matrix from none.npy: No such file or directory"
    )
    np.save("x.npy", np.ones(3))
    assert refused("check", "x.npy", *LAYER) == (
        "convmatrix check: error: matrix has shape (3,) but needs two axes: rows and columns"
    )


def test_weights_and_inputs_come_from_files():
    np.savetxt("w.csv", np.arange(1, 10).reshape(3, 3), fmt="%d", delimiter=",")
    np.savez("arrays.npz", w=np.arange(1, 10).reshape(3, 3), x=np.ones((4, 4)))
    np.save("C.npy", C)
    for weight in ("w.csv", "arrays.npz:w"):
        assert good("check", "C.npy", *LAYER, "--weight", weight) == f"C.npy: {RIGHT}\n"
    assert refused("show", *LAYER, "--weight", "arrays.npz:x") == (
        "convmatrix show: error: weight in arrays.npz:x has shape (4, 4) but the layer needs (1, 1, 3, 3) or (3, 3)"
    )
