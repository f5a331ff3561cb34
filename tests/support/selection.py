"""Parameters of which `make test` runs some, and ``--full`` all."""

import pytest


def some(values, *quick):
    """Mark all parameters but the quick ones as `full`."""
    values = list(values)
    assert set(quick) <= set(values)
    return [value if value in quick else pytest.param(value, marks=pytest.mark.full) for value in values]
