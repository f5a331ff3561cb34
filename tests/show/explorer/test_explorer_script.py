"""The explorer's script: its files, and how they are joined."""

import json
import re
from importlib.resources import files

import pytest

from convmatrix.layers.rules import RULES
from convmatrix.show.explorer.script import FILES, rules, script

FOLDER = files("convmatrix.show.explorer").joinpath("js")
TEXTS = {name: FOLDER.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in FILES}
IMPORT = re.compile(r'^import \{ (?P<names>.*) \} from "\./(?P<file>\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:const|class|function\*?) (\w+)", re.MULTILINE)


def exports(name):
    return {"PYTHON"} if name == "python" else set(EXPORT.findall(TEXTS[name]))


def used(name):
    """The names that a file calls, and those with capitals, which no variable of a function shares with other files."""
    text = re.sub(r"/\*\*.*?\*/|(?<!:)//[^\n]*", "", IMPORT.sub("", TEXTS[name]), flags=re.DOTALL)
    methods = re.sub(r"^\t(static )?\w+\(", "", text, flags=re.MULTILINE)
    called = re.findall(r"(?:\.\.\.|(?<![.\w]))(\w+)\(", methods)
    return {*called, *re.findall(r"(?<![.\w])\w*[A-Z]\w*", text)}


def test_all_files_are_joined():
    assert {entry.name for entry in FOLDER.iterdir()} == {f"{name}.js" for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_imports_are_of_exports_of_earlier_files(name):
    earlier = {"python", *FILES[: FILES.index(name)]}
    found = [(match["file"], match["names"].split(", ")) for match in IMPORT.finditer(TEXTS[name])]
    assert len(found) == len(re.findall(r"^import\b", TEXTS[name], re.MULTILINE))
    for file, names in found:
        assert file in earlier
        assert set(names) <= exports(file)


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_uses_of_others_is_imported(name):
    imported = {found for match in IMPORT.finditer(TEXTS[name]) for found in match["names"].split(", ")}
    assert all(re.search(rf"\b{found}\b", IMPORT.sub("", TEXTS[name])) for found in imported)
    others = set().union(*(exports(other) for other in ("python", *FILES) if other != name))
    assert used(name) & others <= imported


@pytest.mark.parametrize("name", FILES)
def test_files_are_short_and_have_no_string_over_several_lines(name):
    lines = TEXTS[name].splitlines()
    assert len(lines) <= 600
    assert [line for line in lines if line.count("`") % 2] == []


def test_script_is_the_code_of_all_files():
    first, _, rest = script().partition("\n")
    found = re.fullmatch(r"export const PYTHON = (.*);", first)[1]
    assert json.loads(found) == json.loads(json.dumps(rules()))
    assert not re.search(r"^(\s|//|/\*|import )", rest, re.MULTILINE)
    kept = [
        line.strip()
        for name in FILES
        for line in re.sub(r"^\s*/\*\*.*?\*/$", "", TEXTS[name], flags=re.DOTALL | re.MULTILINE).splitlines()
        if line.strip() and not line.strip().startswith(("//", "import "))
    ]
    assert rest.splitlines() == kept


def test_script_has_each_error_sentence_of_the_layers_once():
    for all_of_step in RULES.values():
        for rule in all_of_step:
            assert script().count(json.dumps(rule.sentence)) == 1
