"""Benchmarks of everything but building the matrix: new weights, C^T C, blocks of rows, and the operator."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy import sparse

from benchmarks import targets
from benchmarks.peers import same
from benchmarks.report import Table
from benchmarks.targets import Figure
from benchmarks.timing import Effort, medians
from benchmarks.workloads import Workload
from convmatrix.scale import SplitMatrix, split

__all__ = ["application_table", "gram_table", "refill_table", "row_blocks_table", "scale_table"]

_BLOCKS = 16


def refill_table(workload: Workload, effort: Effort) -> Table:
    """New weights into a matrix that is there, beside another build."""
    layer, weight = workload.layer, workload.weight
    C = layer.matrix(weight[::-1])
    calls = {"matrix": partial(layer.matrix, weight), "refill": partial(layer.refill, C, weight)}
    return _compared(workload, "refill", calls, effort, targets.REFILL)


def row_blocks_table(workload: Workload, effort: Effort) -> Table:
    """All blocks of rows, one after the other, beside one build."""
    layer, weight = workload.layer, workload.weight
    rows = -(-layer.matrix_shape[0] // _BLOCKS)

    def all_blocks() -> int:
        return sum(block.nnz for _, block in layer.row_blocks(weight, rows=rows))

    stacked = sparse.vstack([block for _, block in layer.row_blocks(weight, rows=rows)], format="csr")
    if not same(layer.matrix(weight), sparse.csr_array(stacked)):
        raise AssertionError(f"the blocks of {layer} are not its matrix")
    del stacked
    calls = {"matrix": partial(layer.matrix, weight), f"row_blocks, {_BLOCKS} in total": all_blocks}
    return _compared(workload, "row blocks", calls, effort, targets.ROW_BLOCKS)


def gram_table(workload: Workload, effort: Effort) -> Table:
    """C^T C without a product of sparse matrices, beside SciPy's product of matrices that are there."""
    layer, weight = workload.layer, workload.weight
    C = layer.matrix(weight)
    calls = {"C.T @ C": lambda: C.T @ C, "gram": partial(layer.gram, weight)}
    return _compared(workload, "gram", calls, effort, targets.gram_target(layer))


def scale_table(workload: Workload, effort: Effort) -> Table:
    """Build and multiply: one matrix on one thread, beside slabs that two threads of dask build and multiply by."""
    import dask

    layer, weight = workload.layer, workload.weight
    x = np.random.default_rng(1).integers(-4, 5, layer.input_shape).astype(workload.dtype)

    def of_slabs(matrix: SplitMatrix) -> np.ndarray:
        with dask.config.set(scheduler="threads", num_workers=2):
            return matrix.matvec(x).compute()

    def of_kept_slabs() -> np.ndarray:
        with dask.config.set(scheduler="threads", num_workers=2):
            return of_slabs(split(layer, weight).persist())

    base = "one matrix, and a product"
    calls = {
        base: lambda: layer.unvec(layer.matrix(weight) @ layer.vec(x)),
        "dask, two threads, slabs kept": of_kept_slabs,
        "dask, two threads, slabs dropped": lambda: of_slabs(split(layer, weight)),
    }
    results: list[object] = []

    def inspect(name: str, result: object) -> None:
        results.append(result)
        if not np.array_equal(results[0], result):
            raise AssertionError(f"the product of {name} is another one than that of {base}")

    times = medians(calls, effort, inspect)
    table = Table(f"{workload.name}, scale", f"`{workload.code}`: {layer.nnz:,} entries", ("ms", f"x {base}"))
    for name, timed in times.items():
        ratio = Figure(timed.seconds / times[base].seconds, None if name == base else targets.SCALE)
        table.add(name, {"ms": timed.text} | ({} if name == base else {f"x {base}": ratio}))
    return table


def _compared(workload: Workload, what: str, calls: dict, effort: Effort, at_most: float) -> Table:
    """Two calls, the first of which is the measure of the second."""
    (base, _), (own, _) = calls.items()
    results: dict[str, object] = {}

    def inspect(name: str, result: object) -> None:
        if not sparse.issparse(result):
            return
        result.sort_indices()
        if not same(results.setdefault(base, result), result):
            raise AssertionError(f"{name} of {workload.code} is not {base}")
        if name == own:
            results.clear()

    times = medians(calls, effort, inspect)
    table = Table(f"{workload.name}, {what}", f"`{workload.code}`", ("ms", f"x {base}"))
    table.add(base, {"ms": times[base].text})
    ratio = times[own].seconds / times[base].seconds
    table.add(own, {"ms": times[own].text, f"x {base}": Figure(ratio, at_most)})
    return table


# -- without the matrix, beside torch ----------------------------------------------------------------------------------


def application_table(workload: Workload, effort: Effort, batches: tuple[int, ...] = (1, 32)) -> Table:
    """The operator and its adjoint on batches of inputs, beside torch's convolution on one thread."""
    table = Table(f"{workload.name}, {workload.dtype}", f"`{workload.code}`", ("ms", "torch ms", "x torch"))
    for batch in batches:
        for adjoint in (False, True):
            name = f"{'adjoint' if adjoint else 'forward'}, batch {batch}"
            calls = dict(_application(workload, batch, adjoint=adjoint))
            times = medians(calls, effort, _Agreement(f"{name} of {workload.code}"))
            at_most = targets.application_target(workload.layer, workload.dtype, batch, adjoint=adjoint)
            ratio = Figure(times["operator"].seconds / times["torch"].seconds, at_most)
            table.add(name, {"ms": times["operator"].text, "torch ms": times["torch"].text, "x torch": ratio})
    return table


def _application(workload: Workload, batch: int, *, adjoint: bool) -> Iterator[tuple[str, object]]:
    """The same map of the same memory, by torch and by the operator: a batch of flattened images, one after another."""
    import torch
    from torch.nn import functional

    layer = workload.layer
    shape = layer.output_shape if adjoint else layer.input_shape
    x = np.random.default_rng(1).integers(-4, 5, (batch, *shape)).astype(workload.dtype)
    operator = layer.operator(workload.weight)
    columns = x.reshape(batch, -1).T  # shape (inputs, batch)
    images, kernel = torch.from_numpy(x), torch.from_numpy(workload.weight)
    pads = [pair[0] for pair in layer.padding]
    if adjoint:
        convolve = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
        arguments = (None, layer.stride, pads, layer.leftover, layer.groups, layer.dilation)
        yield "operator", lambda: operator.rmatmat(columns)
    else:
        convolve = (functional.conv1d, functional.conv2d, functional.conv3d)
        arguments = (None, layer.stride, pads, layer.dilation, layer.groups)
        yield "operator", lambda: operator.matmat(columns)
    yield "torch", lambda: convolve[layer.ndim - 1](images, kernel, *arguments).numpy()


class _Agreement:
    """Refuses a second result that is not the first; in floating point, for torch may sum in another order."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._first: np.ndarray | None = None

    def __call__(self, name: str, result: object) -> None:
        if self._first is None:
            self._first = result
            return
        y = result.reshape(len(result), -1).T
        scale = np.abs(y).max()
        if not np.allclose(self._first, y, rtol=0, atol=1e-5 * scale):
            raise AssertionError(f"{self._what} is not what {name} makes of it")
        self._first = None
