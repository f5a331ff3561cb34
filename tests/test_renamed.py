"""Every name that was public once is there, or docs/renamed.json says what it is now."""

import importlib
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
RENAMED = TESTS.parent / "docs" / "renamed.json"

pytestmark = pytest.mark.skipif(not RENAMED.exists(), reason="the tests run apart from the documentation")


def once_public():
    return (TESTS / "support" / "public_names.txt").read_text().split()


def renamed():
    return json.loads(RENAMED.read_text())


def found(name):
    """Import by the longest module path there is, then follow the attributes; None where it leads nowhere."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError:
        return None


def test_what_was_public_is_found():
    needs = {"convmatrix.show.explorer.widget": "anywidget", "convmatrix.scale": "dask"}
    absent = tuple(module for module, package in needs.items() if find_spec(package) is None)
    names = [name for name in once_public() if not name.startswith(absent)]
    assert [name for name in names if found(renamed().get(name, name)) is None] == []


def test_no_old_name_is_left_as_an_alias():
    for name in renamed():
        module, _, attribute = name.rpartition(".")
        if find_spec(module.rpartition(".")[0]) and find_spec(module):
            assert attribute not in importlib.import_module(module).__all__, name


def test_every_entry_was_public_once():
    assert set(renamed()) <= set(once_public())
