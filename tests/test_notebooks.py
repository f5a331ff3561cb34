"""The notebooks as they are committed: executed in order, without errors, small, reproducible, and full of claims."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def texts(cell, *, pictures=True):
    """Everything that outputs say in letters; pictures in base64 are letters too."""
    for output in cell["outputs"]:
        data = {kind: part for kind, part in output.get("data", {}).items() if pictures or kind != "image/png"}
        for part in (output.get("text", []), *data.values()):
            yield "".join(part) if isinstance(part, list) else str(part)


def python(cell):
    """A cell's code, without the lines that only IPython knows."""
    lines = "".join(cell["source"]).splitlines()
    return ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in lines))


def is_claim(node):
    """`assert ...`, or a call of numpy.testing's assertions."""
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("assert_")
    )


def claims(notebook):
    return [node for cell in code_cells(notebook) for node in ast.walk(python(cell)) if is_claim(node)]


def markdown(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def test_all_are_there_in_reading_order():
    assert [path.stem for path in NOTEBOOKS] == [
        "00_start_here",
        "01_build_the_matrix",
        "02_slide_the_window",
        "03_dilate_pad_wrap",
        "04_channels_and_groups",
        "05_transpose_it",
        "06_which_size_comes_out",
        "07_it_is_not_an_inverse",
        "08_invert_it_properly",
        "09_train_with_it",
        "10_checkerboards_and_fcn",
        "11_stack_layers",
        "12_spectrum_and_norms",
    ]


def test_the_first_one_leads_to_all_others():
    text = "\n".join(markdown(json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))))
    assert re.findall(r"\]\((\d\d_\w+\.ipynb)\)", text)[:12] == [path.name for path in NOTEBOOKS[1:]]


def test_common_mistakes_are_named_where_the_first_one_refers_to():
    """Each common mistake has a section that names it, has a counterexample, and corrects it."""
    (table,) = [
        text for text in markdown(json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))) if "| People say |" in text
    ]
    rows = re.findall(r"^\| (.+?) \| .*\]\((\d\d_\w+\.ipynb)(?:#[\w-]*)?\)", table, re.MULTILINE)
    assert len(rows) >= 12
    for _, name in rows:
        text = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
        wanted = sum(other == name for _, other in rows)
        assert text.count("**People say:**") >= wanted, name


def test_executed_in_order(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    assert counts == [*range(1, len(counts) + 1)]
    assert all("".join(cell["source"]).strip() for cell in notebook["cells"])


def test_without_errors_or_warnings(notebook):
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            assert output["output_type"] in ("stream", "display_data", "execute_result")
            assert output.get("name") != "stderr"


def test_without_what_changes_from_run_to_run(notebook):
    """No addresses, times, paths, versions or state of widgets."""
    for cell in code_cells(notebook):
        for text in texts(cell, pictures=False):  # whose letters may happen to spell an address
            assert not re.search(r"\b0x[0-9a-f]{6,}", text)
        for text in texts(cell):
            assert str(Path(__file__).parent.parent) not in text
            assert "/home/" not in text
            assert "/tmp/" not in text
        assert not {"execution", "collapsed", "scrolled"} & set(cell["metadata"])
        assert cell["execution_count"] is not None
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert set(notebook["metadata"]["language_info"]) == {"name"}
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_without_state_of_widgets(path):
    assert "application/vnd.jupyter.widget-state" not in path.read_text(encoding="utf-8")


def test_small(path):
    assert path.stat().st_size < 300 * 1024


def test_every_lesson_has_an_explorer(path, notebook):
    shown = [text for cell in code_cells(notebook) for text in texts(cell, pictures=False)]
    explorers = [text for text in shown if text.startswith('<div class="convmatrix-explorer"')]
    assert explorers or path.stem == "00_start_here"
    assert all(len(text.encode()) <= 110_000 for text in explorers)
    assert all("<table" in text or "<img" in text for text in explorers)  # what stands there without scripts


def test_every_lesson_has_three_exercises_with_folded_solutions(path, notebook):
    solutions = [cell for cell in code_cells(notebook) if "solution" in cell["metadata"].get("tags", [])]
    exercises = [text for text in markdown(notebook) if text.startswith("**Exercise ")]
    if path.stem == "00_start_here":
        assert not solutions
        return
    assert [text[:13] for text in exercises] == ["**Exercise 1.", "**Exercise 2.", "**Exercise 3."]
    assert len(solutions) == 3
    for cell in solutions:
        assert cell["metadata"]["jupyter"] == {"source_hidden": True}
        assert claims({"cells": [cell]})


def test_nothing_waits_for_a_formula_to_be_set(notebook):
    """Formulas are letters: nothing has to be fetched to read them."""
    assert not [text for text in markdown(notebook) if "$" in text]


def test_every_section_ends_in_a_claim(path, notebook):
    assert len(claims(notebook)) >= (1 if path.stem == "00_start_here" else 5)
    sections = [[]]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and re.match(r"## ", "".join(cell["source"])):
            sections.append([])
        sections[-1].append(cell)
    for section in sections[1:]:
        if any(cell["cell_type"] == "code" for cell in section):
            assert claims({"cells": section}), "".join(section[0]["source"]).splitlines()[0]
        else:  # prose alone: a map, or what to remember
            assert path.stem == "00_start_here", "".join(section[0]["source"]).splitlines()[0]


def test_public_names_only(notebook):
    for cell in code_cells(notebook):
        for node in ast.walk(python(cell)):
            if isinstance(node, ast.ImportFrom):
                assert not any(part.startswith("_") for part in f"{node.module}".split("."))
                assert not any(alias.name.startswith("_") for alias in node.names)
                assert not (node.module or "").startswith("convmatrix.core")
            if isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_")
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 5


def test_pictures_have_one_title(notebook):
    """Pictures write their titles themselves, `title=`: one of matplotlib's would stand above it."""
    for cell in code_cells(notebook):
        for node in ast.walk(python(cell)):
            if isinstance(node, ast.Attribute) and node.attr in ("set_title", "set_xlabel", "set_ylabel"):
                assert not ast.unparse(node.value).startswith("plot."), ast.unparse(node)


def test_it_begins_with_its_purpose(notebook):
    first = "".join(notebook["cells"][0]["source"])
    assert notebook["cells"][0]["cell_type"] == "markdown"
    assert first.startswith("# ")
    assert "**You will**" in first
    assert "**You need**" in first
