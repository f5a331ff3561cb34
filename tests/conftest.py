"""What all tests stand on: how configurations are drawn, and when the slow tests run."""

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["plugin_coverage"]

# The same draws on every run: a failure here is a failure everywhere. A busy machine is no reason to fail.
settings.register_profile(
    "ci",
    max_examples=500,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# `make fuzz`: fresh draws on every run, as many as asked for.
settings.register_profile(
    "fuzz",
    parent=settings.get_profile("ci"),
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")),
    derandomize=False,
)
settings.load_profile("ci")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, as where CI is set")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow") or os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: runs with --slow, or where CI is set"))
