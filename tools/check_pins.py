"""Check that every version in constraints.txt serves every Python that `requires-python` in pyproject.toml admits.

What a version needs is read from the metadata of the packages themselves, which pip fetches without installing them;
the environments that are here do not matter, nor does the Python that runs this.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PINS = ROOT / "constraints.txt"
PYTHONS = [f"3.{minor}.{micro}" for minor in range(15) for micro in range(30)]
"""Releases of Python, past and to come, up to the newest line that there is."""


def admitted(project):
    """The Pythons that a project's metadata admits."""
    return list(SpecifierSet(project["requires-python"]).filter(PYTHONS))


def requirements(text):
    """The pins of a file of constraints, by name."""
    pins = (Requirement(line) for line in text.splitlines() if line and not line.startswith("#"))
    return {canonicalize_name(pin.name): pin for pin in pins}


def metadata_of(path):
    """Name, version and the Pythons that each pinned package admits, from its own metadata."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--no-deps",
            "--ignore-requires-python",
            "--report",
            str(report),
            "--requirement",
            str(path),
        ]
        subprocess.run(command, check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [entry["metadata"] for entry in found]


def faults(pins, metadata, pythons):
    """One sentence for each pin that some admitted Python cannot install."""
    for package in metadata:
        needs = package.get("requires_python")
        marker = pins[canonicalize_name(package["name"])].marker
        lacking = [python for python in pythons if needs and python not in SpecifierSet(needs)]
        lacking = [python for python in lacking if marker is None or marker.evaluate({"python_full_version": python})]
        if lacking:
            yield (
                f"{package['name']}=={package['version']} needs Python {needs}, but {lacking[0]} to {lacking[-1]} are "
                "admitted too: take an older version, and hold it back in the group 'pins' of pyproject.toml"
            )


def main():
    """Print the faults; the exit status says whether there are any."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = requirements(PINS.read_text(encoding="utf-8"))
    found = list(faults(pins, metadata_of(PINS), admitted(project)))
    print(*found, sep="\n") if found else print(f"{len(pins)} pins serve every Python {project['requires-python']}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
