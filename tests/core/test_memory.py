"""Available memory, read from files as Linux writes them, and errors where it is not enough."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from convmatrix import Conv
from convmatrix.core import memory
from convmatrix.core.errors import TooLargeError
from convmatrix.core.memory import UNCHECKED, Available, available_memory, require_memory

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    3000000 kB\nBuffers:  12 kB\n"


WORKSPACE = memory._WORKSPACE
"""Bytes that stay free within a limit, for temporary blocks."""


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Write files as Linux has them below a folder, and return what is available there; the process has no limits."""
    monkeypatch.setattr(memory, "resource", None)

    def write(texts):
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return available_memory(tmp_path)

    return write


MACHINE = {"proc/meminfo": MEMINFO}
MACHINE_HAS = 3_000_000 * 1024


def version_2(limit, used, inactive=0, group="", **places):
    folder = f"sys/fs/cgroup{group}/"
    return {
        f"{folder}memory.max": f"{limit}\n",
        f"{folder}memory.current": f"{used}\n",
        f"{folder}memory.stat": f"anon 5\nfile 6\ninactive_file {inactive}\nactive_file 8\n",
        **where("0::", "cgroup2 cgroup2 rw", "/sys/fs/cgroup", group, **places),
    }


def version_1(limit, used, inactive=0, group="", **places):
    folder = f"sys/fs/cgroup/memory{group}/"
    return {
        f"{folder}memory.limit_in_bytes": f"{limit}\n",
        f"{folder}memory.usage_in_bytes": f"{used}\n",
        f"{folder}memory.stat": f"cache 5\ninactive_file 99\ntotal_inactive_file {inactive}\n",
        **where("4:memory:", "cgroup cgroup rw,memory", "/sys/fs/cgroup/memory", group, **places),
    }


def where(hierarchy, kind, mounted, group, *, path=None, top="/"):
    """Write the files in which a process finds its control group: its path, and the mounts."""
    return {
        "proc/self/cgroup": f"9:name=systemd:/\n{hierarchy}{path or group or '/'}\n",
        "proc/self/mountinfo": "22 1 0:20 / / rw - ext4 /dev/sda rw\n"
        f"35 31 0:32 {top} {mounted} rw,relatime shared:9 - {kind}\n",
    }


def test_no_files_no_answer(system):
    assert system({}) is None


def test_memory_of_the_machine(system):
    assert system(MACHINE) == MACHINE_HAS
    assert system(MACHINE).limit == ""


def test_an_old_machine_does_not_say_it(system):
    assert system({"proc/meminfo": "MemTotal: 16000000 kB\nMemFree: 1000000 kB\n"}) is None


@pytest.mark.parametrize(("version", "name"), [(version_2, "memory.max"), (version_1, "memory/memory.limit_in_bytes")])
def test_a_group_has_its_limit_less_its_use(system, version, name):
    available = system(version(2**30, 300))
    assert available == 2**30 - 300 - WORKSPACE
    assert available.limit == f"the limit of 1 GiB of its control group (/sys/fs/cgroup/{name})"


@pytest.mark.parametrize("version", [version_2, version_1])
def test_file_cache_can_be_given_back(system, version):
    assert system(version(2**30, 300, inactive=120)) == 2**30 - 180 - WORKSPACE


def test_a_group_without_a_limit_has_the_machines(system):
    assert system(version_2("max", 300)) is None


@pytest.mark.parametrize(("limit", "result"), [(9223372036854771712, None), (2**60 - 1, 2**60 - 301 - WORKSPACE)])
def test_the_first_version_writes_no_limit_as_a_number(system, limit, result):
    assert system(version_1(limit, 300)) == result


@pytest.mark.parametrize("version", [version_2, version_1])
def test_a_group_that_is_full_has_nothing(system, version):
    assert system(version(1000, 1300)) == 0
    assert system(version(1000, 1000)) == 0


@pytest.mark.parametrize("version", [version_2, version_1])
@pytest.mark.parametrize("tightest", range(3))
def test_every_group_around_a_process_counts(system, version, tightest):
    groups = ["/user", "/user/session", "/user/session/job"]
    for number, group in enumerate(groups):
        available = system(version(2**30 if number == tightest else 2**40, 300, group=group))
    assert available == 2**30 - 300 - WORKSPACE
    assert f"{groups[tightest]}/memory." in available.limit


@pytest.mark.parametrize("version", [version_2, version_1])
def test_groups_beside_a_process_do_not_count(system, version):
    system(version(1000, 300, group="/other"))
    assert system(version(2**30, 300, group="/own")) == 2**30 - 300 - WORKSPACE


@pytest.mark.parametrize("version", [version_2, version_1])
def test_in_a_container_the_hierarchy_begins_at_its_own_group(system, version):
    assert system(version(2**30, 300, path="/docker/1f", top="/docker/1f")) == 2**30 - 300 - WORKSPACE
    assert system(version(2**30, 300, group="/job", path="/docker/1f/job", top="/docker/1f")) == 2**30 - 300 - WORKSPACE
    # With a name space of its own, what lies outside is seen with dots; nothing better is known than the outermost.
    assert system(version(2**30, 300, path="/../../other")) == 2**30 - 300 - WORKSPACE


def test_a_place_with_spaces(system):
    files = version_2(2**30, 300, group="/a job")
    assert system(files) == 2**30 - 300 - WORKSPACE
    moved = {name.replace("sys/fs/cgroup", "my groups"): text for name, text in files.items()}
    info = files["proc/self/mountinfo"].replace("/sys/fs/cgroup", r"/my\040groups")
    assert system({**moved, "proc/self/mountinfo": info}) == 2**30 - 300 - WORKSPACE


def test_statistics_without_the_cache(system):
    files = {**version_2(2**30, 400), "sys/fs/cgroup/memory.stat": "anon 5\n"}
    assert system(files) == 2**30 - 400 - WORKSPACE
    del files["sys/fs/cgroup/memory.stat"]
    assert system(files) == 2**30 - 400 - WORKSPACE


def test_the_smallest_answer_counts(system):
    assert system({**MACHINE, **version_2(2**30, 1_000)}) == 2**30 - 1_000 - WORKSPACE
    assert system({**MACHINE, **version_2(10**12, 1_000)}) == MACHINE_HAS


@pytest.mark.parametrize("missing", ["memory.max", "memory.current"])
def test_half_a_group_is_none(system, missing):
    files = version_2(1000, 300)
    del files[f"sys/fs/cgroup/{missing}"]
    assert system(files) is None


@pytest.mark.parametrize(("most", "used"), [(2**30, 2**28), (2**28, 2**29)])
@pytest.mark.parametrize(
    ("limit", "field", "name"),
    [
        ("RLIMIT_AS", "VmSize", "address space of this process (ulimit -v)"),
        ("RLIMIT_DATA", "VmData", "data segment of this process (ulimit -d)"),
    ],
)
def test_a_process_has_its_own_limits(system, monkeypatch, most, used, limit, field, name):
    limits = SimpleNamespace(RLIM_INFINITY=2**64 - 1, RLIMIT_AS=9, RLIMIT_DATA=2)
    limits.getrlimit = lambda number: (most if number == getattr(limits, limit) else 2**64 - 1, 2**64 - 1)
    monkeypatch.setattr(memory, "resource", limits)
    available = system({**MACHINE, "proc/self/status": f"Name:\tpython\n{field}:\t{used // 1024} kB\nThreads: 1\n"})
    assert available == max(most - used - WORKSPACE, 0)
    assert available.limit == f"the limit of {most / 2**30:.3g} GiB on the {name}"
    assert system({"proc/self/status": "Name:\tpython\n"}) == MACHINE_HAS


def test_memory_of_this_machine_is_known_or_none():
    assert (available := available_memory()) is None or available >= 0


# -- real limits -----------------------------------------------------------------------------------------------------

BUILD = """
import numpy as np
from convmatrix import Conv
for size in (500, 3000):  # 30 MB, and 1 GB
    try:
        print(Conv(size, 3, padding=1).matrix(np.ones((3, 3))).nnz)
    except MemoryError as error:
        print(type(error).__name__, error)
"""


def run(*prefix):
    """Build two matrices in a process of its own, and return what it prints of each."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", BUILD], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of processes are those of Linux")
@pytest.mark.parametrize(("letter", "name"), [("v", "address space"), ("d", "data segment")])
def test_a_process_with_a_limit_refuses_by_its_name(letter, name):
    limited = ("sh", "-c", f'ulimit -{letter} 900000 && exec "$@"', "sh")
    built, message = run(*limited)
    assert built == "2244004"
    assert message.startswith(
        "TooLargeError the matrix of 9000000 x 9000000 with 80964004 entries needs 0.938 GiB but "
    )
    assert f"within the limit of 0.858 GiB on the {name} of this process (ulimit -{letter}): use .operator" in message


@pytest.fixture
def child_group():
    """A group within the one of this process, limited to 700 MiB, and a group within that one."""
    groups = [folder for folder, _ in memory._memory_groups(memory._ROOT)]
    if not groups:
        pytest.skip("no hierarchy of control groups counts memory here")
    outer = groups[0] / f"convmatrix-{os.getpid()}"
    inner = outer / "inner"
    try:
        outer.mkdir()
    except OSError:
        pytest.skip("control groups cannot be made here")
    try:
        limit = next(
            (outer / name for name in ("memory.max", "memory.limit_in_bytes") if (outer / name).exists()), None
        )
        if limit is None:
            pytest.skip("the child group does not count memory")
        inner.mkdir()
        limit.write_text(str(700 * 2**20))
        yield inner
    finally:
        for folder in (inner, outer):
            if folder.exists():
                folder.rmdir()


def test_a_process_in_a_child_group_refuses_instead_of_being_killed(child_group):
    joined = ("sh", "-c", f'echo $$ > {child_group}/cgroup.procs && exec "$@"', "sh")
    built, message = run(*joined)
    assert built == "2244004"
    assert message.startswith(
        "TooLargeError the matrix of 9000000 x 9000000 with 80964004 entries needs 0.938 GiB but "
    )
    assert (
        f"of memory is available within the limit of 0.684 GiB of its control group ({child_group.parent}/" in message
    )


# -- errors --------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    message = "the cake needs 1.5 GiB but 1 GiB of memory is available: eat less"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as caught:
        require_memory(3 * 2**29, "the cake", "eat less")
    assert isinstance(caught.value, MemoryError)
    with pytest.raises(ValueError, match="needs"):
        require_memory(2**30 + 1, "the cake", "eat less")
    assert require_memory(2**30, "the cake", "eat less") is None


def test_without_known_memory_there_is_no_error(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert require_memory(2**60, "the cake", "eat less") is None


def test_the_error_names_the_limit(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: Available(2**30, "the limit of 2 GiB on cake"))
    message = "the cake needs 1.5 GiB but 1 GiB of memory is available within the limit of 2 GiB on cake: eat less"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        require_memory(3 * 2**29, "the cake", "eat less")


@pytest.mark.parametrize("power", [300, 308, 309, 400, 5000])
def test_a_size_beyond_all_floats_is_refused_with_its_number(monkeypatch, power):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    with pytest.raises(TooLargeError, match=r"^the cake needs \d\.\d+e\+\d+ GiB but 1 GiB of memory"):
        require_memory(10**power, "the cake", "eat less")


def test_limits_of_the_process_count_from_a_mebibyte_on(monkeypatch):
    monkeypatch.setattr(memory, "_process_limits", lambda root: iter([Available(2**20, "the limit on cake")]))
    require_memory(2**20, "the cake", "eat less")
    with pytest.raises(
        TooLargeError, match=r"^the cake needs 0\.00195 GiB but 0\.000977 GiB .* the limit on cake: eat"
    ):
        require_memory(2**21, "the cake", "eat less")


def test_up_to_64_mib_memory_is_not_checked(monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "available_memory", lambda: calls.append(1) or 0)
    assert UNCHECKED == 64 * 2**20
    require_memory(UNCHECKED, "the cake", "eat less")
    assert not calls
    with pytest.raises(ValueError, match=re.escape("the cake needs 0.0625 GiB but 0 GiB")):
        require_memory(UNCHECKED + 1, "the cake", "eat less")
    assert calls


REMEDY = (
    "use .operator(weight), which applies the same map without it, or .row_blocks(weight, rows=...), which builds it "
    "block by block"
)


def test_a_matrix_that_does_not_fit_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**30)
    layer = Conv(10**4, 3, padding=1)
    message = (
        "the matrix of 100000000 x 100000000 with 899880004 entries needs 10.4 GiB but 10 GiB of memory is available: "
    )
    for twin in (layer, layer.T):
        with pytest.raises(ValueError, match=f"^{re.escape(message + REMEDY)}$") as caught:
            twin.matrix(np.ones((3, 3)))
        assert isinstance(caught.value, MemoryError)


@pytest.mark.full
def test_narrow_weights_need_less(monkeypatch):
    layer = Conv(3000, 3, padding=1)
    assert layer.nbytes("int8") < layer.nbytes("float64")
    monkeypatch.setattr(memory, "available_memory", lambda: layer.nbytes("float32") - 1)
    with pytest.raises(MemoryError):
        layer.matrix(np.ones((3, 3), np.float32))
    monkeypatch.setattr(memory, "available_memory", lambda: layer.nbytes("int8"))
    assert layer.matrix(np.ones((3, 3), np.int8)).nnz == layer.nnz


def test_a_table_of_taps_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * 2**30)
    message = (
        "the table of taps of 100000000 x 100000000 with 899880004 entries needs 26.8 GiB but 10 GiB of memory is "
        "available: "
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Conv(10**4, 3, padding=1).taps()


def test_no_machine_holds_this_one():
    if available_memory() is None:
        pytest.skip("this system does not tell its memory")
    with pytest.raises(
        MemoryError, match="the matrix of 1000000000000000000 x 1000000000000000000 with 8999999988000000004 entries"
    ):
        Conv(10**9, 3, padding=1).matrix(np.ones((3, 3)))
