"""What is known of the memory, read from files as Linux writes them, and what is refused with it."""

import re

import numpy as np
import pytest

from convmatrix import Conv
from convmatrix.core import memory
from convmatrix.core.memory import UNCHECKED, available_memory, require_memory

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    3000000 kB\nBuffers:  12 kB\n"


@pytest.fixture
def files(tmp_path):
    """Write files below two roots; ask for the memory with them."""

    def ask(**texts):
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return available_memory(tmp_path / "meminfo", tmp_path)

    return ask


def version_2(limit, used, inactive=0):
    return {"memory_DOT_max": f"{limit}\n", "memory_DOT_current": f"{used}\n",
            "memory_DOT_stat": f"anon 5\nfile 6\ninactive_file {inactive}\nactive_file 8\n"}  # fmt: skip


def version_1(limit, used, inactive=0):
    return {"memory__memory_DOT_limit_in_bytes": f"{limit}\n", "memory__memory_DOT_usage_in_bytes": f"{used}\n",
            "memory__memory_DOT_stat": f"cache 5\ninactive_file 99\ntotal_inactive_file {inactive}\n"}  # fmt: skip


def test_no_files_no_answer(files):
    assert files() is None


def test_the_system_says_what_is_available(files):
    assert files(meminfo=MEMINFO) == 3_000_000 * 1024


def test_an_old_system_does_not_say_it(files):
    assert files(meminfo="MemTotal: 16000000 kB\nMemFree: 1000000 kB\n") is None


def test_a_container_has_its_limit_less_its_use(files):
    assert files(**version_2(1000, 300)) == 700


def test_file_cache_can_be_given_back(files):
    assert files(**version_2(1000, 300, inactive=120)) == 820


def test_a_container_without_a_limit_has_the_systems(files):
    assert files(**version_2("max", 300)) is None


@pytest.mark.parametrize(("limit", "found"), [(9223372036854771712, None), (2**60 - 1, 2**60 - 301)])
def test_an_older_container_writes_no_limit_as_a_number(files, limit, found):
    assert files(**version_1(limit, 300)) == found
    assert files(meminfo=MEMINFO, **version_2("max", 300)) == 3_000_000 * 1024


def test_a_container_of_the_first_version(files):
    assert files(**version_1(1000, 300, inactive=50)) == 750


def test_a_container_that_is_full_has_nothing(files):
    assert files(**version_2(1000, 1300)) == 0
    assert files(**version_1(1000, 1300)) == 0


def test_statistics_without_the_cache(files):
    assert files(memory_DOT_max="1000", memory_DOT_current="400", memory_DOT_stat="anon 5\n") == 600


def test_the_smallest_answer_counts(files):
    assert files(meminfo=MEMINFO, **version_2(5_000, 1_000), **version_1(10**15, 500)) == 4_000
    assert files(meminfo=MEMINFO, **version_2(10**12, 1_000)) == 3_000_000 * 1024


@pytest.mark.parametrize("missing", ["memory_DOT_max", "memory_DOT_current", "memory_DOT_stat"])
def test_half_a_container_is_none(files, missing):
    assert files(**{name: text for name, text in version_2(1000, 300).items() if name != missing}) is None


def test_this_machine_answers_or_says_nothing():
    assert (available := available_memory()) is None or available >= 0


# -- refusals ------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    message = "the cake needs 1.5 GiB but 1 GiB of memory is available: eat less"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as caught:
        require_memory(3 * 2**29, "the cake", "eat less")
    assert isinstance(caught.value, MemoryError)
    with pytest.raises(ValueError, match="needs"):
        require_memory(2**30 + 1, "the cake", "eat less")
    assert require_memory(2**30, "the cake", "eat less") is None


def test_where_the_system_does_not_tell_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert require_memory(2**60, "the cake", "eat less") is None


def test_up_to_64_mib_nobody_asks(monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "available_memory", lambda: asked.append(1) or 0)
    assert UNCHECKED == 64 * 2**20
    require_memory(UNCHECKED, "the cake", "eat less")
    assert not asked
    with pytest.raises(ValueError, match=re.escape("the cake needs 0.0625 GiB but 0 GiB")):
        require_memory(UNCHECKED + 1, "the cake", "eat less")
    assert asked


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
