"""Docstrings begin as those of NumPy do, and the linter for language finds what its list names."""

import ast
import importlib.util
from pathlib import Path

import pytest

import convmatrix

PACKAGE = Path(convmatrix.__file__).parent
TOOL = Path(__file__).parents[1] / "tools" / "check_language.py"
QUESTIONS = {"What", "Which", "Whether", "How", "Why", "Where", "Who", "When"}

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tests run apart from the tools")


def tool():
    spec = importlib.util.spec_from_file_location("check_language", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def docstrings():
    """All docstrings of the package, with their places."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield f"{file.relative_to(PACKAGE)}: {getattr(node, 'name', 'module')}", text


def test_docstrings_begin_with_a_noun_or_a_verb():
    found = list(docstrings())
    assert len(found) > 1000
    assert [place for place, text in found if text.split()[0].strip("`,") in QUESTIONS] == []


@pytest.mark.parametrize(
    ("source", "findings"),
    [
        ("said = 1\n", [(1, "said")]),
        ("def kernel_turned():\n    pass\n", [(1, "turned")]),
        ('x = f"{a.said} and {said}"\n', [(1, "said")]),
        ('def f():\n    """Return what is asked for."""\n', [(2, "asked")]),
        ("x = 1  # as theirs\n", [(1, "theirs")]),
        ('x = 1\n"""A constant in other words."""\n', [(2, "words")]),
        # Strings of the program are no prose, nor are the names that a docstring's example or backticks quote.
        ('x = "said"\n', []),
        ('def f():\n    """Return it.\n\n    >>> said\n    """\n', []),
        ("x = 1  # see `said`\n", []),
        ("from math import floor\ny = floor(x)  # floor(x)\n", []),
        ("asking_price = 1\n", [(1, "asking")]),
        ("basking = 1\n", []),
    ],
)
def test_listed_terms_are_found(source, findings):
    module = tool()
    rules = module.rules()
    found = {
        (text.line, word)
        for text in module.texts(source)
        for word, rule in rules.items()
        if module.matches(text, word, rule)
    }
    assert found == set(findings)


def test_findings_are_printed_and_fail(tmp_path, capsys):
    file = tmp_path / "one.py"
    file.write_text("said = 1\n")
    assert tool().main([str(file)]) == 1
    assert capsys.readouterr().out == (
        f"{file}:1: identifier has 'said': write given, stated, named\n1 words to replace\n"
    )
    file.write_text("given = 1\n")
    assert tool().main([str(file)]) == 0
