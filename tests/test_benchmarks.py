"""The benchmarks: they measure what they say, on sizes that take no time. No test looks at a real clock."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from benchmarks import __main__ as command
from benchmarks import applications, builds, peers, report, targets, timing, workloads
from convmatrix import Conv, scale

ONCE = timing.Effort(rounds=1, seconds=0, patience=60)

SMALL = (
    workloads.TINY,
    workloads.Workload(
        "strided",
        {
            "input_size": (7, 6),
            "kernel_size": (3, 2),
            "stride": (2, 1),
            "dilation": (1, 2),
            "padding": ((2, 1), (0, 1)),
            "groups": 2,
            "in_channels": 4,
            "out_channels": 6,
        },
    ),
    workloads.Workload("line", {"input_size": (9,), "kernel_size": 5, "padding": 2}, "float32"),
    workloads.Workload(
        "channels",
        {"input_size": (2, 3, 4), "kernel_size": 3, "padding": 1, "groups": 3, "in_channels": 3, "out_channels": 3},
    ),
    *(
        workloads.Workload(
            mode,
            {
                "input_size": (4, 5),
                "kernel_size": 3,
                "padding": ((2, 1), (1, 1)),
                "padding_mode": mode,
                "in_channels": 2,
                "out_channels": 2,
            },
        )
        for mode in ("circular", "reflect", "replicate", "symmetric")
    ),
)


class Clock:
    """A clock that stands still, but for what calls take."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def call(self, *seconds):
        """A call that takes so many seconds each time, the last of them from then on."""
        taken = itertools.chain(seconds, itertools.repeat(seconds[-1]))

        def called():
            self.now += next(taken)

        return called


def test_medians_of_turns_after_a_run_that_does_not_count():
    clock = Clock()
    # Of calls that are not long, one run warms up, and one tells how often to repeat: here once.
    calls = {"steady": clock.call(0.4, 0.2), "jumping": clock.call(0.4, 0.4, 0.1, 5, 0.2, 0.3, 0.4)}
    times = timing.medians(calls, timing.Effort(rounds=5, seconds=0, patience=100), clock=clock)
    assert times == {"steady": timing.Timed(pytest.approx(0.2)), "jumping": timing.Timed(pytest.approx(0.3))}


def test_long_calls_have_three_rounds():
    clock = Clock()
    times = timing.medians({"long": clock.call(1, 2, 9, 3, 50, 50)}, timing.Effort(5, 0, 100), clock=clock)
    assert times == {"long": timing.Timed(3)}


def test_a_call_beyond_patience_has_its_first_run_only():
    clock = Clock()
    times = timing.medians({"slow": clock.call(7, 1), "fast": clock.call(3, 1)}, timing.Effort(2, 0, 5), clock=clock)
    assert times == {"slow": timing.Timed(7, once=True), "fast": timing.Timed(1)}
    assert times["slow"].text == "7,000 once"


def test_short_calls_are_repeated_in_their_turn():
    clock, made = Clock(), []

    def short():
        made.append(None)
        clock.now += 1e-4

    (timed,) = timing.medians({"short": short}, timing.Effort(3, 0, 1), clock=clock).values()
    assert timed.seconds == pytest.approx(1e-4)
    assert len(made) == 2 + 3 * (
        1 + 20
    )  # one warms up, one tells how often to repeat; each turn: one that fills the caches, and 2 ms


def test_only_short_calls_go_on_while_there_is_time():
    clock = Clock()
    turns = []

    def taking(name, seconds):
        call = clock.call(seconds)
        return lambda: (turns.append(name), call())

    calls = {"short": taking("short", 1e-3), "long": taking("long", 1)}
    timing.medians(calls, timing.Effort(rounds=2, seconds=0.0299, patience=5), clock=clock)
    assert turns.count("long") == 1 + 2
    assert turns.count("short") == 2 + 3 * (2 + 10)  # a turn takes 3 ms: one more call, then two that count


def test_first_results_are_inspected():
    seen = []
    timing.medians({"a": lambda: 1, "b": lambda: 2}, ONCE, lambda *each: seen.append(each))
    assert seen == [("a", 1), ("b", 2)]


_FRESH = """
import resource
import numpy as np
from benchmarks import timing

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(2**20 + 2**18, np.uint8).fill(1)  # too small for huge pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

timing.fresh_pages()
small = [np.ones(2**19, np.uint8) for _ in range(20)]
del small
recycled = faults()
remove_fences = timing.divide_heap()
fresh = faults(), faults()
remove_fences()
print(recycled, *fresh, faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc's malloc")
def test_large_arrays_are_fresh_after_many_small_ones():
    done = subprocess.run([sys.executable, "-c", _FRESH], capture_output=True, text=True, check=True)
    recycled, *fresh, again = map(int, done.stdout.split())
    assert recycled < 10
    assert min(fresh) > 300  # pages of 4 KiB
    assert again < 10  # without the fences, memory is used again


def test_the_limit_writes_what_the_matrix_has():
    layer = Conv((5, 6), 3, padding=1)
    C = layer.matrix(np.ones((3, 3), np.float32))
    arrays = timing.written(layer, "float32")
    assert [(a.dtype, a.shape) for a in arrays] == [(a.dtype, a.shape) for a in (C.data, C.indices, C.indptr)]


def test_peak_counts_what_is_freed_before_the_end():
    def call():
        del_me = np.ones(10**6)
        return del_me.sum()

    assert 8 * 10**6 <= timing.peak_bytes(call) < 8.1 * 10**6


@pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)
def test_every_peer_that_is_installed_makes_our_matrix(workload):
    layer, weight = workload.layer, workload.weight
    C = layer.matrix(weight)
    describing = [peer for peer in peers.PEERS if peer.installed and peer.describes(layer)]
    assert {peers.COO, peers.MASKED} < set(describing)
    for peer in describing:
        assert peers.same(peer.build(layer, weight), C), peer.name
    assert (peers.DIAGONALS in describing) == (workload.name in ("tiny", "line", "channels"))


@pytest.mark.parametrize("change", ["data", "indices", "dtype"])
def test_same_distinguishes_matrices(change):
    C = workloads.TINY.layer.matrix(workloads.TINY.weight)
    D = C.astype("float32") if change == "dtype" else C.copy()
    if change != "dtype":
        getattr(D, change)[:2] = getattr(D, change)[1::-1]
    assert peers.same(C, C.copy())
    assert not peers.same(C, D)


def test_peers_are_left_out_by_rule():
    (einconv,) = (peer for peer in peers.PEERS if peer.name == "einconv")
    (ptwt,) = (peer for peer in peers.PEERS if peer.name == "ptwt")
    assert einconv.too_slow(workloads.MID.layer) is None
    assert einconv.too_slow(workloads.IMAGE.layer) == "left out: 1.1e+12 cells"
    assert ptwt.too_slow(workloads.SIGNAL.layer) == "left out: 3.1e+07 steps of Python"


def test_a_peer_with_another_matrix_is_refused(monkeypatch):
    wrong = peers.Peer("wrong", lambda layer, weight: peers.COO.build(layer, 2 * weight), lambda layer: True)
    monkeypatch.setattr(builds, "PEERS", (peers.COO, wrong))
    with pytest.raises(AssertionError, match=r"wrong makes another matrix of Conv\(input_size=\(4, 4\)"):
        builds.build_table(workloads.TINY, ONCE)


def test_figures_say_whether_they_are_met():
    assert str(targets.Figure(1.234)) == "1.23"
    assert str(targets.Figure(1.15, 1.15)) == "1.15 (met: 1.15)"
    assert str(targets.Figure(1.16, 1.15)) == "1.16 (**not met**: 1.15)"
    assert [timing.rounded(number) for number in (0.00091, 0.2273, 9.876, 99.9, 12345.6)] == [
        "0.00091",
        "0.227",
        "9.88",
        "99.9",
        "12,346",
    ]


def test_targets_are_those_of_the_size():
    assert targets.build_targets(workloads.TINY.layer) == {"best peer": 0.75}
    assert targets.build_targets(workloads.MID.layer) == {"best peer": 0.6}
    assert targets.build_targets(workloads.VOLUME.layer) == {"best peer": 1.0, "limit": 1.35}
    assert targets.build_targets(workloads.STEM.layer)["limit"] == 1.15
    assert targets.transpose_targets(workloads.IMAGE.layer.T) == {"limit": 1.25, "peak": 1.05, "own": 1 / 3}
    assert targets.application_target(workloads.STEM.layer, "float32", 1, adjoint=True) == 1
    assert targets.application_target(workloads.RESIDUAL.layer, "float32", 1, adjoint=True) is None


@pytest.mark.full
def test_the_page_has_every_table_and_what_is_not_met(tmp_path, monkeypatch, capsys):
    written = tmp_path / "performance.md"
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--write", str(written), "tiny", "none"])
    monkeypatch.setattr(command, "QUICK", ONCE)
    monkeypatch.setattr(command, "fresh_pages", lambda: None)
    monkeypatch.setattr(command, "_installed", lambda package: package == "numpy")
    command.main()
    page = written.read_text()
    assert re.findall("^##+ (.*)$", page, re.MULTILINE) == [
        "The matrix",
        "tiny",
        "The transpose, built directly",
        "tiny, transposed",
    ]
    assert "Generated by `make bench`" in page
    assert f"numpy {np.__version__}" in page
    table = [line.split("|") for line in page.partition("### tiny\n")[2].splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in table[0]] == ["", "", *builds._COLUMNS, ""]
    names = [line[1].strip() for line in table[2:]]
    assert names[:4] == ["limit", "convmatrix", "convmatrix, Conv(...) included", "convmatrix, two threads"]
    seconds, best = (float(table[2 + names.index(name)][2]) for name in ("convmatrix", "COO, tocsr"))
    assert seconds > 0
    assert best > 0
    missed = page.count("**not met**") // 2
    assert re.search(rf"^{2 - missed} of 2 targets are met", page, re.MULTILINE)
    printed = capsys.readouterr().out
    assert all("|".join(line) in printed for line in table)


@pytest.mark.full
@pytest.mark.parametrize("measure", [applications.refill_table, applications.row_blocks_table, applications.gram_table])
def test_what_else_is_measured_is_compared(measure):
    workload = SMALL[1]
    table = measure(workload, ONCE)
    (base, _), (name, cells) = table.rows
    assert cells[f"x {base}"].at_most is not None
    assert f"| {name} " in table.markdown()


@pytest.mark.full
def test_slabs_are_compared_with_one_matrix():
    pytest.importorskip("dask")
    table = applications.scale_table(SMALL[1], ONCE)
    (base, cells), *slabs = table.rows
    assert list(cells) == ["ms"]
    assert len(slabs) == 2
    for _, cells in slabs:
        assert cells[f"x {base}"].at_most == 1 / 1.6


@pytest.mark.full
def test_a_wrong_product_of_slabs_is_refused(monkeypatch):
    pytest.importorskip("dask")
    monkeypatch.setattr(applications, "split", lambda layer, weight: scale.split(layer, 2 * weight))
    with pytest.raises(AssertionError, match="is another one than that of one matrix"):
        applications.scale_table(SMALL[0], ONCE)


def test_a_wrong_gram_is_refused(monkeypatch):
    monkeypatch.setattr(Conv, "gram", lambda layer, weight: sparse.eye_array(layer.matrix_shape[1], format="csr"))
    with pytest.raises(AssertionError, match=r"gram of .* is not C.T @ C"):
        applications.gram_table(SMALL[0], ONCE)


@pytest.mark.parametrize("workload", SMALL[:1] + SMALL[2:3], ids=lambda workload: workload.name)
def test_the_operator_is_compared_with_torch(workload):
    pytest.importorskip("torch")
    table = applications.application_table(workload, ONCE, batches=(1,))
    assert [name for name, _ in table.rows] == ["forward, batch 1", "adjoint, batch 1"]


def test_summary_counts():
    table = report.Table("a", "b", ("ms", "x"))
    table.add("good", {"x": targets.Figure(1, 2)})
    table.add("bad", {"ms": "3", "x": targets.Figure(3, 2)})
    table.add("free", {"x": targets.Figure(3)})
    page = report.page([("c", [table]), ("nothing of it", [])], "a machine")
    assert "1 of 2 targets are met; these are not:\n\n- a, bad, x: 3 (**not met**: 2)\n" in page
    assert "nothing of it" not in page
