"""What the examples in docstrings and docs share with the tests."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    """Close what an example, or a test, has drawn: pyplot keeps its figures, and warns of many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
