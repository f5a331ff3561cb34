"""After a drawn test, assert what its configurations have covered; after all of them, print the table."""

import pytest

RUNS = pytest.StashKey()


def pytest_configure(config):
    config.stash[RUNS] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    coverage = getattr(getattr(item, "function", None), "coverage", None)
    if coverage is not None:
        item.config.stash[RUNS].append((item.name, coverage))
        coverage.require()
    return result


def pytest_terminal_summary(terminalreporter, config):
    runs = config.stash[RUNS]
    if not runs:
        return
    width = max(len(name) for name, _ in runs)
    terminalreporter.section("drawn configurations")
    terminalreporter.line(" " * width + runs[0][1].heading())
    for name, coverage in runs:
        terminalreporter.line(f"{name:{width}}{coverage.row()}")
