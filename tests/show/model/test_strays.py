"""Colours, sizes of text and distances are named in `palette` and `style` alone; all other modules use the names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOW = ROOT / "convmatrix" / "show"
# The explorer's page is drawn by its own style sheet.
SOURCES = [
    path
    for path in sorted([*SHOW.rglob("*.py"), *(ROOT / "figures").glob("*.py")])
    if path.name not in ("palette.py", "style.py") and "explorer" not in path.parts
]
# These place parts and draw marks.
PLACING = ("layout", "blocks", "drawing", "pieces", "looks", "sheet", "still", "maps", "matrices", "views")
SEARCHED = {
    "_UNITS",
    "_BARE_CELLS",
    "_TEXTS",
    "_KEY",
    "_SIGNS",
    "_LABELS",
    "COVERED",
    "ALMOST",
    "_BORDERED",
    "_FLOATS",
}
"""Sizes that the layout tries, and what decides between them."""
COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3}){0,1}\b")
NAMED = re.compile("black|white|gr[ae]y|red|green|blue|orange|C[0-9]|[rgbkwmcy]|(?:tab|xkcd):.*")
SIZE = re.compile("font-?size: *[0-9.]+(?:px|pt)")
COLOURED = re.compile("color|colors|facecolor|edgecolor|markerfacecolor|c|fill|cmap")
SIZED = re.compile(
    r"fontsize|(?:axes\.)?(?:labelsize|titlesize)|font\.size|markersize|linewidth|lw|gap|pad|[wh]space|[wh]_pad"
)


def strays(source, *, placing=False):
    """Line and text of each colour, size of text and distance in a module's source that has no name."""
    tree = ast.parse(source)
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    tables = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and {getattr(each, "id", "") for each in node.targets} & SEARCHED
    ]
    allowed = {id(node) for table in tables for node in ast.walk(table)} | documentation
    named = [
        (each.arg or "", each.value) for node in ast.walk(tree) if isinstance(node, ast.Call) for each in node.keywords
    ]
    named += [
        (getattr(key, "value", ""), value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    for name, value in named:
        constant = getattr(value, "value", None)
        if isinstance(constant, str) and COLOURED.fullmatch(str(name)) and NAMED.fullmatch(constant):
            yield value.lineno, constant
        if type(constant) in (int, float) and constant and SIZED.fullmatch(str(name)):
            yield value.lineno, f"{name}={constant}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in allowed:
            continue
        if isinstance(node.value, str) and (COLOUR.search(node.value) or SIZE.search(node.value)):
            yield node.lineno, node.value
        if placing and isinstance(node.value, float) and node.value not in (0.0, 0.5, 1.0):
            yield node.lineno, str(node.value)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).with_suffix("").as_posix())
def test_a_module_names_no_colour_no_size_of_text_and_no_distance(path):
    assert list(strays(path.read_text(encoding="utf-8"), placing=path.stem in PLACING)) == []


def test_the_places_are_all_there():
    stems = {path.stem for path in SOURCES}
    assert {*PLACING, "svg", "latex", "animate", "charts", "guide", "conv_matrix_4x16"} <= stems
    files = [SHOW / "model" / name for name in ("layout.py", "blocks.py")]
    bodies = [ast.parse(path.read_text(encoding="utf-8")).body for path in files]
    assigned = {
        getattr(target, "id", "")
        for body in bodies
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    assert assigned >= SEARCHED


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = "#a0b1c2"', "#a0b1c2"),
        ("ax.plot(x, color='red')", "red"),
        ("ax.plot(x, c='k')", "k"),
        ("ax.imshow(x, cmap='gray')", "gray"),
        ("ax.set_title('a', fontsize=9)", "fontsize=9"),
        ("ax.plot(x, markersize=0.4)", "markersize=0.4"),
        ("rc = {'axes.titlesize': 10}", "axes.titlesize=10"),
        ("svg = 'font-size: 12px'", "font-size: 12px"),
        ("tile._replace(gap=0.12)", "gap=0.12"),
        ("y = top - 0.42 * unit", "0.42"),
        ("_OTHER = 0.42", "0.42"),
    ],
)
def test_a_stray_is_found(source, found):
    every = list(strays(source, placing=True))
    assert (1, found) in every
    assert {line for line, _ in every} == {1}


@pytest.mark.parametrize(
    "source",
    [
        '"""Colours are written #rrggbb, such as #a0b1c2."""',
        "ax.plot(x, color=theme.ink, lw=BORDER)",
        "_UNITS = (1.0, 0.85)",
        "y = top + 0.5 * unit",
        "s = '#rrggbb'",
    ],
)
def test_a_name_and_a_docstring_are_no_strays(source):
    assert list(strays(source, placing=True)) == []
