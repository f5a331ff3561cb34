"""Files in column-major order: what MATLAB's A(:) needs, beside explicit permutations."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import io, sparse

from commandline import good, refused
from convmatrix.core import memory
from convmatrix.export import export, matrix_as_dict
from convmatrix.layers import AvgPool, Conv, ConvTranspose
from strategies import integers, layers, seeds, share

READERS = {
    ".npz": lambda path: sparse.load_npz(path).toarray(),
    ".mtx": lambda path: io.mmread(path, spmatrix=False).toarray(),
    ".mat": lambda path: io.loadmat(path, spmatrix=False)["C"].toarray(),
    ".csv": lambda path: np.loadtxt(path, delimiter=",", ndmin=2),
    ".npy": np.load,
    ".json": lambda path: dense_of(json.loads(Path(path).read_text())),
}


def dense_of(described):
    """The matrix that JSON describes."""
    parts = (described["data"], described["indices"], described["indptr"])
    return sparse.csr_array(parts, shape=described["matrix_shape"]).toarray()


def permuted(dense, layer):
    """By a plain loop: the row of each output and the column of each input in Fortran order."""
    rows, cols = (
        [np.ravel_multi_index(place[::-1], shape) for place in np.ndindex(*shape[::-1])]
        for shape in (layer.output_shape, layer.input_shape)
    )
    return dense[np.ix_(rows, cols)]


@pytest.mark.parametrize("ending", READERS)
def test_arrays_in_fortran_order_go_through_the_matrix(folder, ending):
    layer = Conv((3, 4, 2), (2, 3, 1), padding=((1, 0), (0, 1), (0, 0)), groups=2, in_channels=4, out_channels=2)
    weight = integers(layer.weight_shape, 1)
    export(layer.matrix(weight), f"C{ending}", layer=layer, order="F")
    C = READERS[ending](f"C{ending}")
    x = integers(layer.input_shape, 2)
    y = (layer.matrix(weight) @ x.ravel()).reshape(layer.output_shape)
    assert_array_equal(C @ x.reshape(-1, order="F"), y.reshape(-1, order="F"))
    assert_array_equal(C, permuted(layer.matrix(weight).toarray(), layer))
    assert (permuted(layer.matrix(weight).toarray(), layer) != layer.matrix(weight).toarray()).any()


@share(0.3)
@given(layer=layers(), seed=seeds(), ending=st.sampled_from(sorted(READERS)))
def test_any_layer_is_permuted(tmp_path_factory, layer, seed, ending):
    path = tmp_path_factory.getbasetemp() / f"ordered{ending}"
    matrix = layer.matrix(integers(layer.weight_shape, seed))
    export(matrix, path, layer=layer, order="F")
    assert_array_equal(READERS[ending](path), permuted(matrix.toarray(), layer))


def test_fixed_layers_are_permuted(folder):
    pool = AvgPool((4, 3), 2, stride=1, channels=3)
    export(pool.matrix(), "C.npz", layer=pool, order="F")
    x = np.arange(36.0).reshape(3, 4, 3)
    y = pool.unvec(pool.matrix() @ pool.vec(x))
    assert_array_equal(sparse.load_npz("C.npz") @ x.ravel(order="F"), y.ravel(order="F"))


@pytest.mark.parametrize("ending", READERS)
def test_order_c_is_the_default(folder, ending):
    layer = ConvTranspose(2, 3, in_channels=2)
    matrix = layer.matrix(integers(layer.weight_shape, 3))
    export(matrix, f"a{ending}", layer=layer)
    export(matrix, f"b{ending}", layer=layer, order="C")
    assert Path(f"a{ending}").read_bytes() == Path(f"b{ending}").read_bytes()
    assert_array_equal(READERS[ending](f"a{ending}"), matrix.toarray())


def test_what_is_stored_stays_stored(folder):
    layer = Conv((2, 3), 2)
    matrix = layer.matrix([[0, 1], [2, 0]])
    for ending in (".npz", ".mtx"):
        export(matrix, f"C{ending}", layer=layer, order="F")
    back = sparse.load_npz("C.npz")
    assert back.nnz == layer.nnz
    assert back.has_canonical_format
    sparse_arrays = {"spmatrix": False} if "spmatrix" in inspect.signature(io.mmread).parameters else {}
    assert io.mmread("C.mtx", **sparse_arrays).nnz == layer.nnz


def test_json_permutes_the_taps_as_well(folder):
    layer = Conv((2, 3), 2, padding=1, padding_mode="replicate")
    weight = np.array([[1, 10], [100, 1000]])
    export(layer.matrix(weight), "C.json", layer=layer, order="F")
    described = json.loads(Path("C.json").read_text())
    assert described["order"] == "F"
    assert described["data"] == [sum(weight.ravel()[taps].tolist()) for taps in described["taps"]]
    assert max(map(len, described["taps"])) == 4
    assert "order" not in matrix_as_dict(layer, weight)


def test_files_say_their_order(folder):
    layer = Conv((2, 2), 2)
    for order, result in (("C", b"row-major"), ("F", b"column-major")):
        export(layer.matrix([[1, 2], [3, 4]]), "C.mat", layer=layer, order=order)
        header = Path("C.mat").read_bytes()[:116]
        assert header.startswith(b"MATLAB 5.0 MAT-file, written by convmatrix: vectors are in ")
        assert result in header
        assert header.isascii()
    assert b"A(:)" in header
    export(layer.matrix([[1, 2], [3, 4]]), "C.mtx", layer=layer, order="F")
    assert Path("C.mtx").read_text().splitlines()[1] == f"%{layer!r}, rows and columns in Fortran order"


def test_orders_that_cannot_be(folder):
    matrix = Conv((2,), 2).matrix([1, 2])
    with pytest.raises(ValueError, match=r"^order must be 'C' or 'F', got 'A'$"):
        export(matrix, "C.npz", order="A")
    with pytest.raises(ValueError, match=r"^order must be 'C' or 'F', got None$"):
        export(matrix, "C.npz", order=None)
    with pytest.raises(
        ValueError,
        match=r"^order 'F' permutes rows and columns by the layer's shapes, but no layer is given: pass it as layer=$",
    ):
        export(matrix, "C.npz", order="F")
    assert list(folder.iterdir()) == []


def test_a_permuted_copy_that_does_not_fit(folder, monkeypatch):
    layer = Conv((3,), 2)
    matrix = layer.matrix([1, 2])
    monkeypatch.setattr(memory, "UNCHECKED", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 10)
    with pytest.raises(MemoryError, match=r"a column-major copy of the matrix with 4 entries .* order 'C'$"):
        export(matrix, "C.npz", layer=layer, order="F")


# -- the command line ------------------------------------------------------------------------------------------------

ARGUMENTS = ("--i", "3x4", "--k", 2, "--cin", 2)


@pytest.mark.parametrize("ending", READERS)
def test_the_option(folder, ending):
    layer = Conv((3, 4), 2, in_channels=2)
    matrix = layer.matrix(np.arange(1, 9).reshape(layer.weight_shape))
    result = good("export", f"C{ending}", *ARGUMENTS, "--order", "F")
    assert result == f"C{ending}: 6 × 24, 48 entries, weight arange\n"
    assert_array_equal(READERS[ending](f"C{ending}"), permuted(matrix.toarray(), layer))
    good("export", f"D{ending}", *ARGUMENTS, "--order", "C")
    assert_array_equal(READERS[ending](f"D{ending}"), matrix.toarray())


def test_the_option_where_it_cannot_be(folder):
    name = "convmatrix export: error: "
    for ending in (".tex", ".blocks"):
        assert refused("export", f"C{ending}", *ARGUMENTS, "--order", "F") == (
            f"{name}--order F is for .npz .mtx .mat .csv .npy .json, but a {ending} file has row-major order: leave it "
            "out, or write another file"
        )
    assert refused("export", "C.mtx", *ARGUMENTS, "--order", "F", "--rows", 2) == (
        f"{name}--order F permutes the whole matrix, but --rows 2 builds it block by block: leave one of them out"
    )
    assert "argument --order: invalid choice: 'A'" in refused("export", "C.mtx", *ARGUMENTS, "--order", "A")
    assert list(folder.iterdir()) == []
