"""Products in slabs: the slabs by themselves, then on dask's schedulers, and on a cluster whose worker is killed."""

import os
import pickle
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from convmatrix import Conv, ConvTranspose, scale
from recipes import run_recipe
from strategies import MODES, convs, integers, layers, seeds, share

DTYPES = (np.int64, np.float64, np.complex128, np.bool_, np.int32)
VOLUME = Conv(
    (12, 5, 4), (3, 3, 2), padding=(1, 2, 0), padding_mode="circular", in_channels=2, out_channels=4, groups=2
)


@pytest.fixture
def dask():
    pytest.importorskip("dask.array", reason="dask is not installed: pip install convmatrix[scale]")
    return pytest.importorskip("dask")


@pytest.fixture
def no_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "dask.array", None)


def inputs_of(C, seed):
    """Small integers to multiply C and its transpose by."""
    return integers(C.shape[1], seed + 1, C.dtype), integers(C.shape[0], seed + 2, C.dtype)


# -- slabs -----------------------------------------------------------------------------------------------------------


@given(layer=convs(ndims=(1, 2, 3)), seed=seeds(), data=st.data())
def test_slabs_multiply_as_their_rows(layer, seed, data):
    weight = integers(layer.weight_shape, seed)
    C = layer.matrix(weight)
    x, y = inputs_of(C, seed)
    images, outputs = x.reshape(layer.input_shape), y.reshape(layer.output_shape)
    result, back, next_output = [], np.zeros_like(images), 0
    for slab in scale.slabs_of(layer, data.draw(st.integers(1, layer.output_size[0] + 1))):
        assert slab.outputs.start == next_output
        next_output = slab.outputs.stop
        small = slab.layer.matrix(weight)
        result.append(
            (small @ slab.gather([images[:, lo:hi] for lo, hi in slab.reads])).reshape(slab.layer.output_shape)
        )
        part = slab.scatter(small.T @ outputs[:, slab.outputs.start : slab.outputs.stop].ravel())
        for (lo, hi), first in slab.overlaps(0, layer.input_size[0]):
            back[:, lo:hi] += part[:, first : first + hi - lo]
    assert next_output == layer.output_size[0]
    assert_array_equal(np.concatenate(result, axis=1).ravel(), C @ x)
    assert_array_equal(back.ravel(), C.T @ y)


@share(0.5)
@given(layer=convs(ndims=(1, 2)), data=st.data())
def test_slabs_read_no_more_than_their_halo(layer, data):
    """From the first to the last input that a window covers, by the axis' definition, and no input twice."""
    axis = layer.axes[0]
    for slab in scale.slabs_of(layer, data.draw(st.integers(1, layer.output_size[0]))):
        start = slab.outputs[0] * axis.stride - axis.before
        stop = slab.outputs[-1] * axis.stride - axis.before + axis.span
        covered = set(axis.extend(np.arange(start, stop)).tolist()) - {-1}
        read = [place for lo, hi in slab.reads for place in range(lo, hi)]
        assert read == sorted(set(read))
        assert set(read) == covered or (not covered and len(read) == 1)
        assert all(before[1] < after[0] for before, after in zip(slab.reads, slab.reads[1:], strict=False))


def test_the_halo_of_a_wrapping_border_has_both_ends_and_nothing_between():
    slabs = list(scale.slabs_of(Conv((100, 4), 3, padding=1, padding_mode="circular"), 10))
    assert slabs[0].reads == ((0, 11), (99, 100))
    assert slabs[0].order == (11, *range(11))
    assert slabs[5].reads == ((49, 61),)
    assert slabs[5].order is None
    assert slabs[-1].reads == ((0, 1), (89, 100))
    assert next(scale.slabs_of(Conv((100, 4), 3, padding=1, padding_mode="reflect"), 10)).reads == ((0, 11),)


@pytest.mark.parametrize("mode", MODES)
def test_slabs_pickle_small(mode):
    layer = Conv((10_000, 300), 5, padding=2, padding_mode=mode)
    assert all(len(pickle.dumps(slab)) < 2000 for slab in scale.slabs_of(layer, 100))


# -- products --------------------------------------------------------------------------------------------------------


@share(0.15)
@given(layer=layers(ndims=(1, 2, 3)), seed=seeds(), dtype=st.sampled_from(DTYPES), data=st.data())
def test_products_are_those_of_the_matrix(layer, seed, dtype, data):
    dask = pytest.importorskip("dask", reason="dask is not installed: pip install convmatrix[scale]")
    weight = integers(layer.weight_shape, seed, dtype)
    C = layer.matrix(weight)
    x, y = inputs_of(C, seed)
    split = scale.split(layer, weight, outputs=data.draw(st.integers(1, 6)))
    with dask.config.set(scheduler="synchronous"):
        result, back = split.matvec(x).compute(), split.T.matvec(y).compute()
    assert (result.dtype, result.shape) == (C.dtype, layer.output_shape)
    assert (back.dtype, back.shape) == (C.dtype, layer.input_shape)
    assert_array_equal(result.ravel(), C @ x)
    assert_array_equal(back.ravel(), C.T @ y)
    assert_array_equal(back.ravel(), layer.T.operator(weight) @ y)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("layer", [VOLUME, VOLUME.T], ids=["forward", "transposed"])
def test_products_on_dasks_own_schedulers(dask, scheduler, kept, layer):
    weight = integers(layer.weight_shape, 0)
    C = layer.matrix(weight)
    x, y = inputs_of(C, 0)
    with dask.config.set(scheduler=scheduler):
        split = scale.split(layer, weight, outputs=5)
        split = split.persist() if kept else split
        assert_array_equal(split.matvec(x).compute().ravel(), C @ x)
        assert_array_equal(split.T.matvec(y).compute().ravel(), C.T @ y)
        assert_array_equal(split.T.T.matvec(x.reshape(layer.input_shape)).compute().ravel(), C @ x)


@pytest.mark.parametrize("chunks", [1, 5, 100, (2, 3, 4, 2)])
def test_dask_arrays_are_multiplied_whatever_their_chunks(dask, chunks):
    weight = integers(VOLUME.weight_shape, 0)
    C = VOLUME.matrix(weight)
    x, _ = inputs_of(C, 0)
    split = scale.split(VOLUME, weight, outputs=5)
    array = dask.array.from_array(x.reshape(VOLUME.input_shape), chunks=chunks)
    assert_array_equal(split.matvec(array).compute().ravel(), C @ x)
    assert_array_equal(split.matvec(array.ravel()).compute().ravel(), C @ x)
    # C^T C x without any of the three in one place.
    assert_array_equal(split.T.matvec(split.matvec(array)).compute().ravel(), C.T @ (C @ x))


def test_only_the_halo_travels(dask):
    """Each task is given its slab's part of x: of 100 rows 10 to 12."""
    layer = Conv((100, 7), 3, padding=1)
    split = scale.split(layer, np.ones((3, 3)), outputs=10)
    seen = []
    with pytest.MonkeyPatch.context() as patch, dask.config.set(scheduler="synchronous"):
        real = scale._multiply
        patch.setattr(
            scale,
            "_multiply",
            lambda slab, weight, kept, *parts: (
                seen.append([part.shape for part in parts]) or real(slab, weight, kept, *parts)
            ),
        )
        split.matvec(np.ones((100, 7))).compute()
    assert sorted(seen) == [[(1, 11, 7)], [(1, 11, 7)], *[[(1, 12, 7)]] * 8]


@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
def test_slabs_between_the_borders_are_built_once(dask, padding_mode):
    layer = Conv((100, 7), 3, padding=1, padding_mode=padding_mode)
    weight = integers(layer.weight_shape, 1)
    split, x = scale.split(layer, weight, outputs=10), integers(layer.matrix_shape[1], 2)
    built = []
    with pytest.MonkeyPatch.context() as patch, dask.config.set(scheduler="synchronous"):
        real = Conv.matrix
        patch.setattr(Conv, "matrix", lambda layer, weight: built.append(layer) or real(layer, weight))
        y = split.matvec(x).compute()
        back = split.T.matvec(y).compute()
    C = layer.matrix(weight)
    assert_array_equal(y.ravel(), C @ x)
    assert_array_equal(back.ravel(), C.T @ (C @ x))
    assert len(set(built)) <= 3
    assert len(built) <= 2 * 5  # each product: the borders', and twice at most the one between


def test_a_weight_travels_without_the_matrix_that_was_built_of_it():
    weight = scale._Weight(np.ones((1, 1, 3, 3)))
    empty = len(pickle.dumps(weight))
    assert weight.matrix(Conv((300, 300), 3)).nnz == 9 * 298**2
    assert len(pickle.dumps(weight)) == empty
    assert_array_equal(pickle.loads(pickle.dumps(weight)).values, weight.values)


def test_dask_computes_the_size_of_a_kept_slab(dask):
    """Else it takes the matrix for a trifle, and moves it to the input instead of the input to it."""
    (slab,) = scale.split(Conv((100, 7), 3), np.ones((3, 3))).slabs
    kept = scale._arrays(slab, np.ones((1, 1, 3, 3)))
    assert pytest.importorskip("dask.sizeof").sizeof(kept) > slab.layer.nbytes()
    assert sum(array.nbytes for array in kept) == slab.layer.nbytes()


def test_slabs_are_about_as_large_as_memory_should_be(dask, monkeypatch):
    layer = Conv((100, 7), 3, padding=1)
    monkeypatch.setattr(scale, "_BYTES", layer.nbytes(np.float64) // 4 + 1)
    assert [len(slab.outputs) for slab in scale.split(layer, np.ones((3, 3))).slabs] == [25, 25, 25, 25] or [24] * 4 + [
        4
    ]
    monkeypatch.setattr(scale, "_BYTES", 1)
    assert len(scale.split(layer, np.ones((3, 3))).slabs) == 100


# -- errors ----------------------------------------------------------------------------------------------------------


def whole_message(message):
    return f"^{re.escape(message)}$"


def test_without_dask_the_extra_is_named(no_dask):
    message = (
        "convmatrix.scale needs dask: install convmatrix[scale], or multiply block by block of "
        "layer.row_blocks(weight, rows=...)"
    )
    with pytest.raises(ImportError, match=whole_message(message)):
        scale.split(Conv(4, 3), np.ones((3, 3)))


def test_what_cannot_be_split_is_refused(dask):
    with pytest.raises(ValueError, match=r"^weight has shape \(2, 2\)"):
        scale.split(Conv(4, 3), np.ones((2, 2)))
    with pytest.raises(ValueError, match=whole_message("outputs must be at least 1, got 0")):
        scale.split(Conv(4, 3), np.ones((3, 3)), outputs=0)
    message = (
        "Conv(input_size=(), kernel_size=()) has no axis to be split along: use its matrix(weight), which has 1 entry"
    )
    with pytest.raises(ValueError, match=whole_message(message)):
        scale.split(Conv((), ()), 3)


def test_an_input_of_another_shape_is_refused(dask):
    split = scale.split(Conv(4, 3), np.ones((3, 3)))
    message = "x has shape (4,) but has to have one of (1, 4, 4), (16,), (4, 4)"
    with pytest.raises(ValueError, match=whole_message(message)):
        split.matvec(np.ones(4))
    with pytest.raises(
        ValueError, match=whole_message("x has shape (16,) but has to have one of (1, 2, 2), (4,), (2, 2)")
    ):
        split.T.matvec(np.ones(16))


class LostFuture:
    """Placeholder in a graph for a result that a client kept, once it is closed."""

    status = "cancelled"


def test_matrices_that_are_kept_no_longer_are_missed_at_once(dask):
    layer = Conv((40, 3), 3, padding=1)
    kept = scale.split(layer, np.ones((3, 3)), outputs=10).persist()
    kept.matvec(np.ones((40, 3)))
    lost = [type(kept.kept[0])("lost", {"lost": LostFuture()}), *kept.kept[1:]]
    message = (
        "1 of the matrices of 4 slabs that persist() kept are gone, since the client that kept them was closed or "
        "restarted, or cancelled them: call persist() again"
    )
    for split in (replace(kept, kept=tuple(lost)), replace(kept.T, kept=tuple(lost))):
        with pytest.raises(ValueError, match=whole_message(message)):
            split.matvec(np.ones((40, 3)))
        assert_array_equal(split.persist().matvec(np.ones((40, 3))).compute(), kept.matvec(np.ones((40, 3))).compute())


# -- a cluster -------------------------------------------------------------------------------------------------------


def dying_once(part, marker):
    """Kill the process that computes this first, as a machine that fails would."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part


@pytest.fixture
def client():
    distributed = pytest.importorskip("distributed", reason="distributed is not installed: install convmatrix[scale]")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.full
@pytest.mark.filterwarnings("default")  # what the cluster says of a worker that dies, and sockets that it leaves
def test_a_cluster_of_two_processes_of_which_one_is_killed(dask, client, tmp_path):
    layer = Conv((40, 30, 20), 3, padding=1, padding_mode="circular")
    weight = integers(layer.weight_shape, 0)
    C = layer.matrix(weight)
    x, y = inputs_of(C, 0)
    split = scale.split(layer, weight, outputs=4)
    assert_array_equal(split.matvec(x).compute().ravel(), C @ x)
    assert_array_equal(split.T.matvec(y).compute().ravel(), C.T @ y)

    # A worker that dies while it computes.
    array = dask.array.from_array(x.reshape(layer.input_shape), chunks=(1, 8, 30, 20))
    before = set(client.run(os.getpid).values())
    deadly = array.map_blocks(dying_once, marker=str(tmp_path / "killed"), meta=array._meta)
    assert_array_equal(split.matvec(deadly).compute().ravel(), C @ x)
    assert (tmp_path / "killed").exists()

    # A worker that dies with the blocks that it keeps.
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != before
    kept = split.persist()
    assert_array_equal(kept.matvec(x).compute().ravel(), C @ x)
    places = client.who_has()
    assert len({worker for workers in places.values() for worker in workers}) == 2
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    assert_array_equal(kept.matvec(x).compute().ravel(), C @ x)
    assert_array_equal(kept.T.matvec(y).compute().ravel(), C.T @ y)


@pytest.mark.full
@pytest.mark.filterwarnings("default")
def test_products_after_the_client_was_closed(dask):
    distributed = pytest.importorskip("distributed", reason="distributed is not installed: install convmatrix[scale]")
    layer = Conv((40, 3), 3, padding=1)
    x = np.ones((40, 3))
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        kept = scale.split(layer, np.ones((3, 3)), outputs=10).persist()
        expected = kept.matvec(x).compute()
        client.cancel(distributed.futures_of(kept.kept[0]))
        with pytest.raises(ValueError, match=r"^1 of the matrices of 4 slabs that persist\(\) kept are gone, since"):
            kept.matvec(x)
        kept = kept.persist()
        assert_array_equal(kept.matvec(x).compute(), expected)
    for split in (kept, kept.T):
        with pytest.raises(ValueError, match=r"^4 of the matrices of 4 slabs that persist\(\) kept are gone, since"):
            split.matvec(x)
    assert_array_equal(kept.persist().matvec(x).compute(), expected)  # with dask's own scheduler


def test_a_transposed_layer_is_split_as_its_convolution(dask):
    layer = ConvTranspose((9, 3), 3, stride=2, padding=1, output_padding=1)
    split = scale.split(layer, np.ones((3, 3)), outputs=4)
    assert [slab.outputs for slab in split.slabs] == [range(4), range(4, 8), range(8, 9)]
    assert split.matvec(np.ones((9, 3))).chunks == ((1,), (6, 6, 6), (6,))


# -- recipes ---------------------------------------------------------------------------------------------------------


def test_the_recipe_for_dask(dask):
    made = run_recipe("dask")
    C = made["layer"].matrix(made["weight"])
    assert len(made["C"].slabs) == 8
    assert_array_equal(made["result"].ravel(), C.T @ (C @ np.ones(C.shape[1], dtype=int)))


@pytest.mark.full
@pytest.mark.parametrize("size", [1, 3])
def test_what_the_recipe_for_petsc_hands_over_is_the_matrix(monkeypatch, size):
    """Not PETSc itself, but the arrays and sizes that it is given on each rank."""
    blocks, columns = [], 0
    for rank in range(size):
        petsc = MagicMock(IntType=np.int32)
        petsc.COMM_WORLD.getRank.return_value, petsc.COMM_WORLD.getSize.return_value = rank, size
        petsc.Mat().createAIJ().createVecs.return_value = MagicMock(), MagicMock()
        monkeypatch.setitem(sys.modules, "petsc4py", MagicMock(PETSc=petsc))
        made = run_recipe("PETSc")
        given = petsc.Mat().createAIJ.call_args.kwargs
        (rows, all_rows), (cols, all_cols) = given["size"]
        assert (all_rows, all_cols) == made["layer"].matrix_shape
        indptr, indices, data = given["csr"]
        assert indptr.dtype == indices.dtype == np.int32
        blocks.append(sparse.csr_array((data, indices, indptr), shape=(rows, all_cols)))
        columns += cols
    C = made["layer"].matrix(made["weight"])
    assert columns == C.shape[1]
    result = sparse.vstack(blocks, format="csr")
    assert result.shape == C.shape
    assert (result != C).nnz == 0
