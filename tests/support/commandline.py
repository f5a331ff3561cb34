"""The command line as a function: words in; exit code, output and errors out. And as a process of its own."""

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
    """What a terminal, or a pipe, is to Python."""

    def __init__(self, encoding="utf-8", terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def run(*words, encoding="utf-8", terminal=False):
    """Run the command line in this process."""
    out, err = Stream(encoding, terminal), Stream(encoding, terminal)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
    return Result(code, out.text(), err.text())


def good(*words, **streams):
    """What a command prints that has to succeed and to say nothing else."""
    code, out, err = run(*words, **streams)
    assert (code, err) == (0, ""), (words, code, err)
    return out


def refused(*words):
    """The one line that a command says which has to be refused."""
    code, out, err = run(*words)
    assert (code, out) == (2, ""), (words, code, out, err)
    assert err.count("\n") == 1, err
    assert err.endswith("\n"), err
    return err.rstrip("\n")


def environment(**values):
    """This process's environment without what would change the output, and with `values`."""
    kept = {name: value for name, value in os.environ.items() if name not in TELLING}
    return kept | {"PYTHONIOENCODING": "utf-8", "PYTHONFAULTHANDLER": "0"} | values


def start(*words, **keywords):
    """Start the command line as a process of its own."""
    command = [sys.executable, "-m", "convmatrix", *map(str, words)]
    return subprocess.Popen(command, **{"env": environment(), "stderr": subprocess.PIPE} | keywords)


def process(*words, **keywords):
    """Run the command line as a process of its own."""
    with start(*words, **{"stdout": subprocess.PIPE} | keywords) as started:
        out, err = started.communicate(timeout=120)
    return Result(started.returncode, (out or b"").decode(), (err or b"").decode())
