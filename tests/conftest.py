"""Selection of tests, and numbers of examples of drawn tests: few by default, all with ``--full``."""

import os
import signal

# Before NumPy is imported, here and in the processes of xdist: small products that wake every thread of BLAS on a busy
# machine take many times as long as with one.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A process that is started in the background, or under nohup, ignores interrupts, and so would what it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest  # noqa: E402  after what NumPy reads once
from hypothesis import HealthCheck, settings  # noqa: E402

pytest_plugins = ["plugin_coverage", "plugin_messages", "plugin_selection"]

# The same draws on every run: a failure here is a failure everywhere. A busy machine is no reason to fail.
settings.register_profile(
    "full",
    max_examples=500,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# `make test`: enough to see that a test runs and can fail.
settings.register_profile("quick", parent=settings.get_profile("full"), max_examples=6)
# `make test-random`: as few, but others for each `--hypothesis-seed`.
settings.register_profile("random", parent=settings.get_profile("quick"), derandomize=False)
# `make fuzz`: new random examples on every run, in the requested number.
settings.register_profile(
    "fuzz",
    parent=settings.get_profile("full"),
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")),
    derandomize=False,
)


@pytest.hookimpl(tryfirst=True)  # before test modules are imported, whose shares are those of the profile
def pytest_configure(config):
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("full" if config.getoption("--full") or config.getoption("--rest") else "quick")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
