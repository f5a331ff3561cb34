"""Pictures are drawn without a screen; the conftest above closes them after each test."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _without_a_screen():
    plt.switch_backend("agg")
