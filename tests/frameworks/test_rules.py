"""The RULES of each framework's module, and the page of documentation that compares them."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from convmatrix import frameworks
from convmatrix.frameworks.comparison import registry

ROOT = Path(__file__).parents[2]
KEYS = [
    "data",
    "weight",
    "transposed weight",
    "kernel",
    "padding",
    "same",
    "transposed padding",
    "output size",
    "groups",
    "refused",
]
INTERFACES = ("convmatrix", "torch", "tensorflow", "keras", "jax", "flax", "onnx", "theano", "mxnet", "caffe")
MODULES = ("caffe", "jax", "mxnet", "onnx", "tensorflow", "theano", "torch")
PACKAGES = {
    name: f"convmatrix.frameworks.{'legacy.' if name in ('caffe', 'mxnet', 'theano') else ''}{name}" for name in MODULES
}


def loaded():
    spec = importlib.util.spec_from_file_location("docs.build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = loaded()
PAGE = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf-8")


def test_no_module_with_rules_is_forgotten():
    names = [found.name for found in pkgutil.walk_packages(frameworks.__path__, "convmatrix.frameworks.")]
    with_rules = [name for name in names if "RULES" in getattr(importlib.import_module(name), "__all__", ())]
    assert {name.rpartition(".")[2] for name in with_rules} == set(MODULES)
    assert {framework.interfaces[0].name for framework in registry.frameworks()} == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_rules_are_ten_sentences_in_order(name):
    rules = next(each for each in registry.frameworks() if each.interfaces[0].name == name).rules
    assert list(rules) == KEYS
    assert importlib.import_module(PACKAGES[name]).RULES is rules
    for sentence in rules.values():
        assert re.fullmatch(r"\S.*\.", sentence), sentence  # one line that ends as a sentence does
        assert "  " not in sentence
        assert sentence.count("`") % 2 == 0


def test_readers_of_models_have_the_same_signature():
    readers = [framework.from_model for framework in registry.frameworks() if framework.from_model]
    assert len(readers) == 4
    for reader in readers:
        parameters = inspect.signature(reader).parameters.values()
        assert [(one.name, one.default) for one in parameters] == [
            ("obj", inspect.Parameter.empty),
            ("input_size", None),
            ("in_channels", None),
        ]


def test_the_page_is_what_the_code_makes():
    assert BUILD.page() == PAGE, "make docs"


@pytest.mark.full
def test_the_page_is_built_into_a_folder_and_left_alone_there(tmp_path):
    command = [sys.executable, ROOT / "docs" / "build.py", tmp_path]
    stdout = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert stdout == ["wrote frameworks.md\nwrote migration.md\nwrote api.txt\n", ""]
    assert (tmp_path / "frameworks.md").read_text(encoding="utf-8") == PAGE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api.txt", "frameworks.md", "migration.md"]
    for name in ("api.txt", "migration.md"):
        assert (tmp_path / name).read_bytes() == (ROOT / "docs" / name).read_bytes()


def test_lines_are_no_longer_than_they_should_be_and_end_in_no_space():
    for line in PAGE.splitlines():
        assert line.startswith("|") or len(line) <= 120, line
        assert line == line.rstrip()
    assert PAGE.endswith(".\n")
    assert ">>>" not in PAGE
    assert "\0" not in PAGE
    assert str(ROOT) not in PAGE


def test_every_table_has_as_many_cells_in_each_row():
    width = None
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            width = None
            continue
        assert line.endswith("|")
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (None, cells), line
        width = cells


def test_every_argument_of_every_function_has_its_place():
    by_name = {interface.name: interface for interface in (registry.CONVMATRIX, *registry.interfaces())}
    assert tuple(by_name) == INTERFACES
    for interface in by_name.values():
        for call in (interface.convolution, interface.transposed):
            arguments = BUILD.names_by_argument(call)
            listed = [re.match(r"`(\w+)", word)[1] for names in arguments.values() for word in names]
            assert sorted(listed) == sorted(set(inspect.signature(call.make).parameters) - {"ndim", "weight"})
    keras, theano = (BUILD.names_by_argument(by_name[name].transposed) for name in ("keras", "theano"))
    assert (keras["out_channels"], keras["kernel_size"]) == (["`filters`"], ["`kernel_size`"])
    assert (theano["output_size"], theano["input_size"]) == (["`input_shape`"], ["`output_grad`"])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("- a *b* `c*` < d", r"- a \*b\* `c*` \< d"),
        ("the sum is of ``x*``", "the sum is of `x*`"),
    ],
)
def test_what_markdown_would_take_for_more_is_escaped(text, made):
    assert BUILD.escaped(text) == made


def test_no_wrapped_line_begins_a_list():
    for sign in ("-", "+", "*", "=", "1.", "2)"):
        for length in range(100, 121):
            lines = BUILD.wrapped("a" * length + f" {sign} b" * 3, "  ").splitlines()
            assert not any(line.lstrip().startswith(sign) for line in lines), lines
            assert " ".join(" ".join(lines).split()) == "a" * length + f" {sign} b" * 3


@pytest.mark.full
def test_rendered_it_has_its_sections_and_tables():
    mistune = pytest.importorskip("mistune")
    html = mistune.create_markdown(plugins=["table"])(PAGE)
    titles = re.findall(r"<h2>(.*?)</h2>", html)
    assert titles == [
        "Names of arguments",
        "Rules",
        "The same arguments in all frameworks",
        "Which size is meant?",
        "Whose convention is it?",
        "Layers and models, read as objects",
    ]
    assert html.count("<table>") == 2 + len(BUILD.SETTINGS) + 2 + 1
    rules = html.partition("<h2>Rules</h2>")[2].partition("<h2>")[0]
    assert rules.count("<li>") == len(KEYS) * len(MODULES)
    assert "<ol>" not in html
    assert rules.count("<ul>") == len(KEYS)
    assert "<em>" not in rules
    assert "(batch, channels, *size)" in rules
