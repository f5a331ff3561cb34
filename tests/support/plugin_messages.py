"""The option ``--messages FILE``: the errors of the package that the tests cause, by the line that raises them.

For reading all of them at once. Each line of the file is a JSON object; `python tests/support/plugin_messages.py FILE`
prints them sorted by place, one test for each text, and then the lines that raise and that no test has reached.
"""

import ast
import json
import re
import sys
import traceback
from itertools import groupby
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "convmatrix"
MOST_TEXTS = 4
"""Of one line, texts that differ in more than numbers."""

_running = [""]


def pytest_addoption(parser):
    parser.addoption("--messages", metavar="FILE", help="append the package's errors, and the tests that cause them")


def pytest_configure(config):
    target = config.getoption("--messages")
    if target:
        _record_into(Path(target).absolute())


def pytest_runtest_logstart(nodeid):
    _running[0] = nodeid


def _record_into(target):
    original_exit = pytest.RaisesExc.__exit__

    def exit_and_record(self, kind, error, trace):
        place = error and _place_of(error)
        if place:
            entry = {"place": place, "type": kind.__name__, "text": str(error), "test": _running[0]}
            with target.open("a") as file:
                file.write(json.dumps(entry) + "\n")
        return original_exit(self, kind, error, trace)

    pytest.RaisesExc.__exit__ = exit_and_record


def _place_of(error):
    """Return the line of convmatrix that raised an error, None if another package did."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or not Path(frames[-1].filename).is_relative_to(PACKAGE):
        return None
    return f"{Path(frames[-1].filename).relative_to(PACKAGE)}:{frames[-1].lineno}"


def _raising_lines():
    """Each `raise` of the package, as first and last line."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and node.exc is not None:
                yield str(path.relative_to(PACKAGE)), node.lineno, node.end_lineno


def _print_summary(recorded):
    def order(entry):
        path, line = entry["place"].split(":")
        return path, int(line)

    reached = set()
    for (path, line), entries in groupby(sorted(recorded, key=order), order):
        reached.add((path, line))
        texts = {}
        for entry in entries:
            texts.setdefault(re.sub(r"\d+", "0", entry["text"]), entry)
        print(f"\n{path}:{line}")
        for entry in list(texts.values())[:MOST_TEXTS]:
            print(f"  {entry['type']}: {entry['text']}\n      {entry['test']}")
    print("\nNot reached:")
    for path, first, last in _raising_lines():
        if not any((path, line) in reached for line in range(first, last + 1)):
            print(f"  {path}:{first}")


if __name__ == "__main__":
    _print_summary([json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()])
