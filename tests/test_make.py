"""The Makefile: a short list of commands that `make help` shows whole; its scripts, and the environments they leave."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "tools"
SCRIPTS = sorted(TOOLS.glob("*.sh"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PERMANENT = {".venv", ".venv-oracles", ".venv-peers", ".venv-lowest", ".venv-docs"}
"""The environments that may stay on the disk."""

# It stands for Python, pip and uv: makes environments, notes that it did, and can install nothing.
INSTALLER = """#!/bin/sh
case "$*" in
  "-m venv "* | "venv "*)
    for folder; do :; done
    mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python" && cp "$0" "$folder/bin/pip" && echo "$folder" >> made ;;
  "-c "*) ;;
  *) echo "there is no network" >&2; exit 1 ;;
esac
"""
BUILDER = "#!/bin/sh\nmkdir -p build/dist && touch build/dist/convmatrix.whl\n"


def make(*arguments):
    """Return the output of make, without the options of a make that runs this test."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def recipes(text):
    """The lines of each recipe, by the line of the rule that stands before them."""
    found, rule = {}, None
    for line in text.splitlines():
        if line.startswith("\t"):
            found.setdefault(rule, []).append(line)
        elif not line.endswith("\\"):
            rule = line
    return found


def test_recipes_are_distinguished_from_rules():
    assert recipes("a:\n\tone\n\ttwo\nb: ## help\nc:\n\tthree\n") == {"a:": ["\tone", "\ttwo"], "c:": ["\tthree"]}


def test_it_is_a_short_list():
    assert len(MAKEFILE.splitlines()) <= 100
    assert {rule: lines for rule, lines in recipes(MAKEFILE).items() if len(lines) > 3} == {}


def test_help_lists_every_phony_target_with_one_line():
    listed = re.findall(r"^  make ([a-z-]+) +\S", make("help"), re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", make("-pn", "help"), re.MULTILINE)[1].split()
    assert listed == phony == COMMANDS
    assert make() == make("help")
    assert len(make("help").splitlines()) == len(listed)
    assert {"help", "show", "test", "check", "wheel", "anew", "clean"} <= set(listed)


def test_a_dry_run_does_nothing():
    """A line that calls make runs under `make -n` as well, and must not do anything else."""
    calls = [line for lines in recipes(MAKEFILE).values() for line in lines if "$(MAKE)" in line]
    assert calls
    assert [line for line in calls if not re.fullmatch(r"\t@?\$\(MAKE\) [\w=\- ]+", line)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_name_commands_that_there_are(page):
    text = page.read_text(encoding="utf-8")
    named = {name for names in re.findall(r"(?m)(?:`|^)make ([a-z][a-z -]*)", text) for name in names.split()}
    assert named <= set(COMMANDS)
    assert named or page.name not in ("README.md", "CONTRIBUTING.md")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_begins_with_its_purpose_and_stops_at_an_error(path):
    first, second, *others = path.read_text(encoding="utf-8").splitlines()
    assert first == "#!/usr/bin/env bash"
    assert second.startswith("# ")
    assert "set -euo pipefail" in others
    assert os.access(path, os.X_OK)


def test_few_environments_stay():
    texts = [MAKEFILE, *(path.read_text(encoding="utf-8") for path in SCRIPTS)]
    named = {name for text in texts for name in re.findall(r"\.venv(?:-[a-z]+)?(?![\w-])", text)}
    assert {".venv", ".venv-oracles", ".venv-peers", ".venv-lowest"} <= named <= PERMANENT


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        (["wheel.sh"], "venv-wheel"),
        (["newest.sh"], "venv-newest"),
        (["record_oracle.sh", "tensorflow"], "venv-record-tensorflow"),
        (["record_oracle.sh", "theano"], "venv-record-theano"),
        (["record_oracle.sh", "mxnet"], "venv-record-mxnet"),
        (["resolve_pins.sh"], "venv-pins"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_environment_for_once_is_removed_after_a_failure(tmp_path, command, environment):
    checkout = tmp_path / "a b"
    shutil.copytree(TOOLS, checkout / "tools")
    for name in ("constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    commands = tmp_path / "bin"
    build = checkout / ".venv" / "bin" / "pyproject-build"
    for path, text in ((commands / "python", INSTALLER), (commands / "uv", INSTALLER), (build, BUILDER)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    variables = {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHON": str(commands / "python"), "PORTABLE": "tests"}
    command = [checkout / "tools" / command[0], *command[1:]]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "there is no network" in done.stderr
    if environment != "venv-pins":  # whose installer speaks for itself
        assert f"Setting up build/{environment} failed: " in done.stderr
    assert (checkout / "made").read_text() == f"build/{environment}\n"
    assert list((checkout / "build").glob("venv*")) == []
    assert (checkout / "constraints.txt").read_bytes() == (ROOT / "constraints.txt").read_bytes()
