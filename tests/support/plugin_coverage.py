"""After a drawn test, assert what its configurations have covered; after all of them, print the table."""

import pytest

PROPERTY = "drawn configurations"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    coverage = getattr(getattr(item, "function", None), "coverage", None)
    if coverage is not None:
        coverage.require()
        if coverage.drawn >= coverage.LEAST:  # percentages of a few examples say nothing
            # A property of the report, since with xdist another process than the test's prints the table.
            item.user_properties.append((PROPERTY, (coverage.heading(), coverage.row())))
    return result


def pytest_terminal_summary(terminalreporter):
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    rows = sorted(
        (report.head_line, *value)
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY and report.when == "call"
    )
    if not rows:
        return
    width = max(len(name) for name, *_ in rows)
    terminalreporter.section(PROPERTY)
    terminalreporter.line(" " * width + rows[0][1])
    for name, _, row in rows:
        terminalreporter.line(f"{name:{width}}{row}")
