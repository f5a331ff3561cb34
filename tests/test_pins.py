"""The check of the pins: a pin that an admitted Python cannot install is named, one that serves all is not."""

import importlib.util
from pathlib import Path

import pytest

packaging = pytest.importorskip("packaging")
PATH = Path(__file__).parents[1] / "tools" / "check_pins.py"
spec = importlib.util.spec_from_file_location("check_pins", PATH)
check_pins = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_pins)

PYTHONS = check_pins.admitted({"requires-python": ">=3.11"})


def faults(pin, needs):
    name, version = pin.partition(";")[0].strip().split("==")
    package = {"name": name, "version": version} | ({"requires_python": needs} if needs else {})
    return list(check_pins.faults(check_pins.requirements(f"# pins\n\n{pin}\n"), [package], PYTHONS))


def test_the_pythons_are_those_that_the_project_admits():
    assert PYTHONS[0] == "3.11.0"
    assert {"3.11.2", "3.12.1", "3.13.0", "3.14.0"} <= set(PYTHONS)
    assert "3.10.13" not in PYTHONS


@pytest.mark.parametrize(
    ("pin", "needs"),
    [
        ("soupsieve==2.10", ">=3.8"),
        ("soupsieve==2.10", ">=3.11"),
        ("soupsieve==2.10", None),
        ("soupsieve==4.1.2; python_full_version >= '3.11.5'", ">=3.11.5"),
    ],
)
def test_a_pin_that_serves_all(pin, needs):
    assert faults(pin, needs) == []


def test_a_pin_that_some_cannot_install():
    assert faults("soupsieve==4.1.2", ">=3.11.5") == [
        "soupsieve==4.1.2 needs Python >=3.11.5, but 3.11.0 to 3.11.4 are admitted too: take an older version, and "
        "hold it back in the group 'pins' of pyproject.toml"
    ]
    (fault,) = faults("numpy==2.5.5", ">=3.12")
    assert "but 3.11.0 to 3.11.29 are admitted too" in fault
    assert len(faults("soupsieve==4.1.2; python_full_version >= '3.11.3'", ">=3.11.5")) == 1
