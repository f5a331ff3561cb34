"""The package as a whole: what importing it brings, who writes to streams, and what is shipped."""

import ast
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import convmatrix
from selection import some

ROOT = Path(convmatrix.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
PACKAGES = [
    "convmatrix",
    *(found.name for found in pkgutil.walk_packages(convmatrix.__path__, "convmatrix.") if found.ispkg),
]
TOP_LEVEL = [f"convmatrix.{name}" for name in ("presets", "scale")]
"""Modules that stand beside the packages."""


def loaded_by(statement):
    """Top-level packages that a statement brings into a new interpreter."""
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    some(
        [
            "import convmatrix; convmatrix.Conv",
            "from convmatrix import layers",
            "import convmatrix.show, convmatrix.show.render.text, convmatrix.show.model.scene",
            "import convmatrix.show.model.sizes",
            "import convmatrix.cli.commands",
            "import convmatrix.algebra",
            "import convmatrix.export, convmatrix.presets, convmatrix.scale",
            "from convmatrix import *",
            "import convmatrix; convmatrix.Conv, convmatrix.show.render.text, convmatrix.frameworks.legacy.theano",
        ],
        "from convmatrix import layers",
        "from convmatrix import *",
    ),
)
def test_importing_brings_no_matplotlib(statement):
    loaded = loaded_by(statement)
    assert {"convmatrix", "numpy"} <= loaded
    assert not {"matplotlib", "PIL", "torch", "jax", "IPython", "anywidget", "hypothesis", "pytest", "dask"} & loaded


def test_the_command_line_begins_before_numpy_is_imported():
    assert not {"numpy", "scipy"} & loaded_by("import convmatrix.cli")


@pytest.mark.full
def test_the_control_brings_matplotlib():
    assert "matplotlib" in loaded_by("import convmatrix.show.plot")


def test_version():
    assert convmatrix.__version__ == importlib.metadata.version("convmatrix")
    assert all(part.isdecimal() for part in convmatrix.__version__.split(".")[:2])


def test_public_names():
    assert set(convmatrix.__all__) <= set(dir(convmatrix))
    with pytest.raises(AttributeError, match=r"^module 'convmatrix' has no attribute 'Convolution'$"):
        _ = convmatrix.Convolution
    assert sorted(convmatrix.__all__) == convmatrix.__all__
    assert all(hasattr(convmatrix, name) for name in convmatrix.__all__)
    assert {"Conv", "ConvTranspose", "flip", "__version__"} <= set(convmatrix.__all__)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_names_what_there_is(path):
    """All names in ``__all__`` of a module are defined."""
    if path.name == "__main__.py":
        pytest.skip("it runs the command line")
    name = ".".join(("convmatrix", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), public
    assert module.__doc__


@pytest.mark.parametrize("name", [*PACKAGES, *TOP_LEVEL])
def test_a_package_lists_its_public_names_and_nothing_else(name):
    package = importlib.import_module(name)
    assert len(package.__all__) == len(set(package.__all__)) > 0
    assert dir(package) == sorted(package.__all__)
    wrong = f"^module '{re.escape(name)}' has no attribute 'annotations_of'$"
    with pytest.raises(AttributeError, match=wrong):
        _ = package.annotations_of


def test_a_package_of_modules_lists_all_of_them():
    listed, there = {}, {}
    for package in map(importlib.import_module, PACKAGES):
        names = [name for name in package.__all__ if name != "__version__"]
        if all(inspect.ismodule(getattr(package, name)) for name in names):
            listed[package.__name__] = names
            there[package.__name__] = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    assert listed == there
    assert {"convmatrix.core", "convmatrix.frameworks", "convmatrix.show.render"} <= set(listed)


CALLS = ("print", "input", "breakpoint")
STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__", "displayhook")


def writes(tree):
    """Calls of print, and names of the standard streams."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node.func.id
        if isinstance(node, ast.Attribute) and node.attr in STREAMS:
            yield node.attr
        if isinstance(node, ast.ImportFrom) and node.module == "sys":
            yield from (alias.name for alias in node.names if alias.name in ("stdout", "stderr"))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in ("logging", "warnings"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_writes_to_streams(path):
    found = set(writes(ast.parse(path.read_text(encoding="utf-8"))))
    assert found == ({"stdout", "stderr"} if path == ROOT / "cli" / "terminal.py" else set())


def test_typed():
    assert (ROOT / "py.typed").exists()
    assert (ROOT / "py.typed").read_bytes() == b""
    shipped = {str(path) for path in importlib.metadata.files("convmatrix")}
    assert shipped


def test_the_command_is_installed():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="convmatrix")
    assert script.load() is importlib.import_module("convmatrix.cli").main


def test_run_as_a_module():
    done = subprocess.run([sys.executable, "-m", "convmatrix", "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"convmatrix {convmatrix.__version__}\n", "")
