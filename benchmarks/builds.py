"""Building the matrix, and its transpose: beside the limit, and beside the peers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from scipy import sparse

from benchmarks import targets
from benchmarks.peers import COO, DIAGONALS, GATHERED, MASKED, PEERS, Peer, same
from benchmarks.report import Table
from benchmarks.targets import Figure
from benchmarks.timing import Effort, medians, peak_bytes, rounded, written
from benchmarks.workloads import Workload
from convmatrix import Conv, ConvTranspose

__all__ = ["build_table", "transpose_table"]

CONVMATRIX = "convmatrix"
CONSTRUCTED = "convmatrix, Conv(...) included"
TWO_THREADS = "convmatrix, two threads"
OWN_TRANSPOSED = "convmatrix, .T.tocsr()"
LIMIT = "limit"

_WORTH_A_PEAK = 0.5
"""Seconds up to which another run is made, for its peak of memory."""

_COLUMNS = ("ms", "x limit", "x best peer", "convmatrix / this", "peak / result")

Calls = Mapping[str, Callable[[], object]]


def build_table(workload: Workload, effort: Effort) -> Table:
    """Time building a matrix: for an existing layer, with construction of the layer, on two threads; and by peers."""
    layer, weight = workload.layer, workload.weight
    peers = [peer for peer in PEERS if peer.installed and peer.describes(layer)]
    running = [peer for peer in peers if not peer.too_slow(layer)]
    own_calls = {
        CONVMATRIX: partial(layer.matrix, weight),
        CONSTRUCTED: lambda: workload.make().matrix(weight),
        TWO_THREADS: partial(layer.matrix, weight, threads=2),
    }
    reach = targets.build_targets(layer)
    rows = _Rows(
        layer,
        workload.dtype,
        own_calls,
        {peer.name: partial(peer.build, layer, weight) for peer in running},
        effort,
        not_peers=[GATHERED.name],
    )
    table = Table(workload.name, _subject(workload, layer), _COLUMNS)
    rows.add_limit(table)
    rows.add(table, CONVMATRIX, limit=reach.get("limit"), best=reach.get("best peer"), peak=reach.get("peak"))
    rows.add(table, CONSTRUCTED, best=targets.CONSTRUCTED if workload.name == "tiny" else None)
    rows.add(table, TWO_THREADS, limit=targets.TWO_THREADS if layer.nnz >= targets.LARGE else None)
    aims = {COO: reach.get("COO"), GATHERED: targets.NEVER_SLOWER}
    for peer in peers:
        if peer in running:
            rows.add(table, peer.name, this=aims.get(peer), traced=peer.traced)
        else:
            table.add(peer.name, {"ms": peer.too_slow(layer)})
    return table


def transpose_table(workload: Workload, effort: Effort) -> Table:
    """The matrix of the transposed layer, built directly: beside builds that are transposed and converted."""
    layer, weight = workload.layer, workload.weight
    reach = targets.transpose_targets(layer.T)
    peers = {_transposed(peer): peer.build for peer in (MASKED, DIAGONALS) if peer.describes(layer)}
    ways = {OWN_TRANSPOSED: Conv.matrix, **peers}
    rows = _Rows(
        layer.T,
        workload.dtype,
        {CONVMATRIX: partial(layer.T.matrix, weight)},
        {name: partial(_built_then_transposed, build, layer, weight) for name, build in ways.items()},
        effort,
        not_peers=[OWN_TRANSPOSED],
    )
    table = Table(f"{workload.name}, transposed", _subject(workload, layer.T), _COLUMNS)
    rows.add_limit(table)
    rows.add(table, CONVMATRIX, limit=reach.get("limit"), peak=reach.get("peak"))
    aims = {OWN_TRANSPOSED: reach.get("own"), _transposed(MASKED): reach.get("masked")}
    for name in ways:
        rows.add(table, name, this=aims.get(name))
    return table


def _transposed(peer: Peer) -> str:
    return f"{peer.name}, .T.tocsr()"


def _built_then_transposed(build: Callable[..., sparse.csr_array], *arguments: object) -> sparse.csr_array:
    return build(*arguments).T.tocsr()


def _subject(workload: Workload, layer: Conv | ConvTranspose) -> str:
    size = layer.nbytes(workload.dtype) / 2**20
    return f"`{workload.code}`: {layer.nnz:,} entries, {rounded(size)} MiB"


class _Rows:
    """The calls of one table, timed in turn when this is made; then they are written row by row."""

    def __init__(
        self,
        layer: Conv | ConvTranspose,
        dtype: str,
        own_calls: Calls,
        others: Calls,
        effort: Effort,
        not_peers: Sequence[str] = (),
    ) -> None:
        self._calls = {**own_calls, **others}
        self._nbytes, self._effort = layer.nbytes(dtype), effort
        first: dict[str, object] = {}

        def inspect(name: str, result: object) -> None:
            if name == LIMIT:
                return
            if not same(first.setdefault(CONVMATRIX, result), result):
                raise AssertionError(f"{name} makes another matrix of {layer} than convmatrix")
            if name == list(self._calls)[-1]:
                first.clear()  # not held while others are timed

        self._times = medians({LIMIT: partial(written, layer, dtype), **self._calls}, effort, inspect, fresh=True)
        self._limit = self._times[LIMIT].seconds
        self._best = min(self._times[name].seconds for name in others if name not in not_peers)

    def add_limit(self, table: Table) -> None:
        table.add(LIMIT, {"ms": self._times[LIMIT].text})

    def add(
        self,
        table: Table,
        name: str,
        *,
        limit: float | None = None,
        best: float | None = None,
        this: float | None = None,
        peak: float | None = None,
        traced: bool = True,
    ) -> None:
        """Add the row of a call, with what its figures may be at most."""
        timed = self._times[name]
        cells = {
            "ms": timed.text,
            "x limit": Figure(timed.seconds / self._limit, limit),
            "x best peer": Figure(timed.seconds / self._best, best),
        }
        if name != CONVMATRIX:
            cells["convmatrix / this"] = Figure(self._times[CONVMATRIX].seconds / timed.seconds, this)
        if name == CONVMATRIX or (traced and timed.seconds < _WORTH_A_PEAK):
            cells["peak / result"] = Figure(peak_bytes(self._calls[name]) / self._nbytes, peak)
        table.add(name, cells)
