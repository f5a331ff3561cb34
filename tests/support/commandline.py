"""The command line as a function that returns exit code, output and errors; and as a separate process."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from convmatrix.cli import main

TELLING = (
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLORTERM",
    "TERM",
    "PYTHONIOENCODING",
    "PYTHONUTF8",
    "LC_ALL",
    "LC_CTYPE",
    "LANG",
)
"""Variables that change what is shown."""


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


class Stream(io.TextIOWrapper):
    """A text stream in memory, as of a terminal or a pipe."""

    def __init__(self, encoding="utf-8", terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def run(*arguments, encoding="utf-8", terminal=False):
    """Run the command line in this process."""
    out, err = Stream(encoding, terminal), Stream(encoding, terminal)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    return Result(code, out.text(), err.text())


def good(*arguments, **streams):
    """Return the output of a command, which has to succeed without errors or warnings."""
    code, out, err = run(*arguments, **streams)
    assert (code, err) == (0, ""), (arguments, code, err)
    return out


def refused(*arguments):
    """Return the error of a command, which has to fail with a single line."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, ""), (arguments, code, out, err)
    assert err.count("\n") == 1, err
    assert err.endswith("\n"), err
    return err.rstrip("\n")


def environment(**values):
    """Return the environment of this process without variables that change the output, and with `values`."""
    kept = {name: value for name, value in os.environ.items() if name not in TELLING}
    return kept | {"PYTHONIOENCODING": "utf-8", "PYTHONFAULTHANDLER": "0"} | values


def start(*arguments, **keywords):
    """Start the command line as a separate process."""
    command = [sys.executable, "-m", "convmatrix", *map(str, arguments)]
    return subprocess.Popen(command, **{"env": environment(), "stderr": subprocess.PIPE} | keywords)


def process(*arguments, **keywords):
    """Run the command line as a separate process."""
    with start(*arguments, **{"stdout": subprocess.PIPE} | keywords) as started:
        out, err = started.communicate(timeout=120)
    return Result(started.returncode, (out or b"").decode(), (err or b"").decode())
