"""The option ``--full``: without it, tests marked `full` are left out, and the last line of the run says how many."""

from pathlib import Path

import pytest

LEFT_OUT = pytest.StashKey()
QUICK_NOTEBOOKS = ("01_build_the_matrix", "05_transpose_it")
"""The notebooks that every run executes."""


def pytest_addoption(parser):
    parser.addoption(
        "--full", action="store_true", help="run the tests marked full as well, and all examples of drawn tests"
    )
    parser.addoption(
        "--rest", action="store_true", help="as --full, without the tests that a run without either has run completely"
    )


def pytest_configure(config):
    config.stash[LEFT_OUT] = 0


@pytest.hookimpl(trylast=True)  # after hypothesis has marked what is drawn
def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.suffix == ".ipynb" and item.path.stem not in QUICK_NOTEBOOKS:
            item.add_marker("full")
    if config.getoption("--full"):
        return
    rest = config.getoption("--rest")
    kept, left_out = [], []
    for item in items:
        (kept if is_selected(item, rest=rest) else left_out).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT] = len(left_out)


def is_selected(item, *, rest):
    is_full = item.get_closest_marker("full") is not None
    is_drawn = item.get_closest_marker("hypothesis") is not None
    return is_full or is_drawn if rest else not is_full


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # in a process of xdist
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_unconfigure(config):
    left_out = config.stash.get(LEFT_OUT, 0)
    if (
        config.getoption("--full")
        or config.getoption("--rest")
        or config.getoption("collectonly")
        or hasattr(config, "workerinput")
    ):
        return
    oracles = len(list(Path(__file__).parents[1].glob("oracles/test_*.py")))
    print(
        f"Left out: {left_out} tests marked full, {oracles} modules that compare with other frameworks, and most "
        "examples of drawn tests. `make test-all` runs everything."
    )
