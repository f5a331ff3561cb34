"""LaTeX, read back token by token; and compiled, where pdflatex is installed."""

import re
import shutil
import string
import subprocess
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Label, lines_of
from convmatrix.show.model.palette import THEMES, over, tap_colours
from convmatrix.show.model.scene import Scene, number_label, tap_label
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style
from convmatrix.show.model.typeset import as_mathtext
from convmatrix.show.render.latex import array, document, escape, label, tikz
from helpers import dense, needs_pdflatex
from strategies import integers, layers, seeds, share
from symbols import taps_by_definition


def rows_of(text):
    """Rows and columns of an array, and its column specification."""
    if text.startswith(r"\mbox"):
        text = fitted(text)[1]
    head, *lines, last = text.split("\n")
    specification = re.fullmatch(r"\\left\[\\begin\{array\}\{(.*)\}", head)[1]
    assert last == r"\end{array}\right]"
    ends = [re.search(r" \\\\( \\hline)?$", line) for line in lines]
    assert all(ends[:-1])
    assert ends[-1] is None
    stripped = [line if end is None else line[: end.start()] for line, end in zip(lines, ends, strict=True)]
    return [line.split(" & ") for line in stripped], specification, [bool(end and end[1]) for end in ends]


def fitted(text):
    """What makes an array fit: its size and the gap beside a column; and the array alone."""
    match = re.fullmatch(
        r"\\mbox\{(\\[a-z]+)?(?:\\setlength\{\\arraycolsep\}\{([\d.]+)pt\})?\$\\displaystyle\n(.*)\$\}", text, re.DOTALL
    )
    return (match[1], match[2] and float(match[2])), match[3]


def name(layer, tap):
    index = tap_label(layer.weight_shape, tap).removeprefix("w")
    return f"w_{{{index}}}" if index else "w"


# -- the array -------------------------------------------------------------------------------------------------------


def written(layer, *args, **keywords):
    """The array of a layer, if it is not too large for pdflatex."""
    try:
        return rows_of(array(layer, *args, **keywords))
    except ValueError as error:
        assume("pdflatex" not in str(error) and "TeX's" not in str(error))
        raise


@share(0.4)
@given(layer=layers(), nothing=st.sampled_from(["0", "dot", "blank"]))
def test_names_read_back(layer, nothing):
    rows, specification, lines = written(layer, nothing=nothing)
    sign = {"0": "0", "dot": r"\cdot", "blank": ""}[nothing]
    table = taps_by_definition(layer)
    assert [["".join(cell.split()) for cell in row] for row in rows] == [
        ["+".join(name(layer, tap) for tap in taps) or sign for taps in row] for row in table
    ]
    assert specification == f"*{{{len(table[0])}}}{{c}}"
    assert not any(lines)


@share(0.2)
@given(layer=layers(), seed=seeds())
def test_numbers_read_back(layer, seed):
    weight = integers(layer.weight_shape, seed)
    rows, _, _ = written(layer, weight)
    np.testing.assert_array_equal(np.array(rows, dtype=int), dense(layer, weight))


@pytest.mark.parametrize(
    ("layer", "weight", "fit"),
    [
        (Conv((3,), 2), None, None),
        (Conv((9,), 3), None, None),  # wide, but not too wide
        (Conv(4, 3), None, (None, 2.4)),
        (Conv(5, 3), None, (r"\tiny", 2.3)),
        (Conv(4, 3), np.arange(1, 10).reshape(3, 3), None),
        (Conv(4, 3).T, None, (r"\small", None)),  # too tall
        (Conv(6, 3), None, None),  # fits in no size
    ],
)
def test_arrays_fit_a_slide_or_are_left_as_they_are(layer, weight, fit):
    text, plain = array(layer, weight), array(layer, weight, plain=True)
    assert plain.startswith(r"\left[")
    if fit is None:
        assert text == plain
    else:
        (size, gap), inner = fitted(text)
        assert inner == plain
        assert size == fit[0]
        assert gap == (fit[1] if fit[1] is None else pytest.approx(fit[1], abs=0.1))


def expanded(specification):
    """A column specification without repetitions."""
    while found := re.search(r"\*\{(\d+)\}\{([^{}]*)\}", specification):
        specification = specification.replace(found[0], int(found[1]) * found[2], 1)
    return specification


@pytest.mark.parametrize(
    ("layer", "columns", "after"),
    [
        (Conv(4, 3), "cccc|cccc|cccc|cccc", [2]),
        (Conv((3, 2), (2, 1), out_channels=2), "cc|cc|cc", [2, 4, 6]),
        (Conv((5,), 3), "ccccc", []),
        (Conv((5,), 5, in_channels=2, out_channels=2), "ccccc|ccccc", []),
        (Conv(4, 3).T, "cc|cc", [4, 8, 12]),
    ],
)
def test_rulers(layer, columns, after):
    _, specification, lines = rows_of(array(layer, rulers=True))
    assert expanded(specification) == columns
    assert [number for number, line in enumerate(lines, start=1) if line] == after


def test_kinds_of_numbers():
    weight = np.array([1e-7, -0.5, 1 / 3])
    assert rows_of(array(Conv((3,), 3), weight))[0] == [[r"1\cdot10^{-7}", "-0.5", "0.333"]]
    assert rows_of(array(Conv((1,), 1), [1.5 - 2e20j]))[0] == [[r"1.5-2\cdot10^{20}j"]]
    assert rows_of(array(Conv((2,), 2), [np.nan, -np.inf]))[0] == [[r"\mbox{nan}", r"\mbox{-inf}"]]
    assert rows_of(array(Conv((2,), 2), [True, False]))[0] == [["1", "0"]]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("w", "$w$"),
        ("why", "why"),
        ("w0", "$w_{0}$"),
        ("+w10.11", "$+w_{10.11}$"),
        ("w0+w10,2+w3", "$w_{0}+w_{10,2}+w_{3}$"),
        ("x12", "$x_{12}$"),
        ("-3", "$-3$"),
        ("+18", "$+18$"),
        ("1e+06", r"$1\cdot10^{6}$"),
        ("-1.5e-12", r"$-1.5\cdot10^{-12}$"),
        ("1+2j", "$1+2j$"),
        ("…", r"\ldots{}"),
        ("w_0", r"$w$\_0"),
        ("w0}", r"$w_{0}$\}"),
        ("v0", "v0"),
        ("1$", r"1\$"),
    ],
)
def test_labels(text, written):
    assert label(text) == written


# -- text that tries to break out ------------------------------------------------------------------------------------

NASTY = [
    r"\end{tikzpicture}\input{/etc/passwd}",
    r"}}} \def\x{",
    "{{{",
    "$$ x $",
    "100% & more",
    "#1 ##",
    "a_b^c~d",
    r"\\ \% \_",
    "<|> \"q\" 'a' `b`",
    "line\nbreak\r\n\ttab\n\npar",
    "];} ; [fill=red]",
    "^^41 ^^M",
    "%",
    "--- ?` !`",
]
KNOWN = re.compile(r"\\(text[a-z]+|ensuremath|cdot|times|ss|ae|AE|oe|OE|o|O|l|L|ldots|[a-zA-Z]+)\{\}|\\[{}$&#_%]")


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_latex_acts_upon_remains(text):
    written = escape(text)
    assert not re.search(r"[\\{}$&#_^~%\n\r\t<>|\"`]", KNOWN.sub("", written))


@given(text=st.text(alphabet=string.printable, max_size=30))
def test_escapes_tell_characters_apart(text):
    back = {
        r"\textbackslash{}": "\\",
        r"\textasciicircum{}": "^",
        r"\textasciitilde{}": "~",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
        r"\textquoteleft{}": "`",
        r"\textquotedblright{}": '"',
    }
    pattern = "|".join(map(re.escape, back)) + r"|\\([{}$&#_%])|."
    read = re.sub(pattern, lambda found: back.get(found[0], found[1] or found[0]), escape(text))
    assert read == " ".join(text.split())


def test_other_letters():
    assert escape("naïve Çédille Ångström õ ĵ ő ž ě") == (
        r"na\"{\i}ve \c{C}\'{e}dille \r{A}ngstr\"{o}m \~{o} \^{\j} \H{o} \v{z} \v{e}"
    )
    assert escape("e\u0301") == r"\'{e}"
    assert escape("ß æ Ø ł") == r"\ss{} \ae{} \O{} \l{}"
    assert escape("Ω·∞ ≤ ς") == (
        r"\ensuremath{\Omega}\ensuremath{\cdot}\ensuremath{\infty} \ensuremath{\leq} \ensuremath{\varsigma}"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a 猫", r"'猫' \(U\+732B\)"),
        ("\0", r"U\+0000"),
        ("ǘ", r"'ǘ' \(U\+01D8\)"),
        ("\U0001f600", r"'😀' \(U\+1F600\)"),
    ],
)
def test_letters_that_pdflatex_has_not(text, shown):
    with pytest.raises(ValueError, match=rf"^the text has the character {shown}, which plain pdflatex has not: leave"):
        escape(text)


# -- pictures --------------------------------------------------------------------------------------------------------

PICTURES = {
    "matrix": (Conv(4, 3), {"maps": False}),
    "maps": (Conv(5, 3, padding=1), {"matrix": False, "step": 3}),
    "both": (Conv(4, 3, padding=1, padding_mode="reflect"), {"step": 0}),
    "values": (Conv(4, 3), {"weight": np.arange(9).reshape(3, 3) - 4, "x": np.arange(16).reshape(4, 4), "step": 2}),
    "stamps": (Conv(5, 3, stride=2, padding=1).T, {"step": 4}),
    "inserted": (Conv(5, 3, stride=2).T, {"step": 12, "view": "windows"}),
    "channels": (Conv((4,), 2, in_channels=4, out_channels=2, groups=2), {"step": 5}),
    "large": (Conv((70,), 3, padding=1), {"step": 69}),
    "no step": (Conv(5, 3, stride=2, padding=1).T, {}),
}
NUMBER = r"-?[\d.e-]+"


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_read_back(case):
    layer, keywords = PICTURES[case]
    text = tikz(layer, **keywords)
    step = keywords.get("step")
    made = film(layer, **{key: value for key, value in keywords.items() if key != "step"}, moving=step is not None)
    still = made.still(step)
    colours = dict(re.findall(r"\\definecolor\{(\w+)\}\{HTML\}\{([0-9A-F]{6})\}", text))
    box = rf"\(({NUMBER}),({NUMBER})\) rectangle \(({NUMBER}),({NUMBER})\)"
    names = {made.cell_id(key) for key in still}
    cells = [cell for cell in re.findall(rf"\\path\[fill=(\w+).*\] {box}; % (.+)", text) if cell[-1] in names]
    assert [cell[-1] for cell in cells] == [made.cell_id(key) for key in still]
    written = []
    for (colour, *corners, _), (key, look) in zip(cells, still.items(), strict=True):
        panel = made.panels[key[0]]
        assert "#" + colours[colour].lower() == look.paper
        expected = (*panel.at(key[1], key[2]), *panel.until(key[1], key[2]))
        assert [float(corner) for corner in corners] == pytest.approx(expected, abs=1e-3)
        if panel.labelled and look.text:
            lines = [*([look.second] if look.second else []), *lines_of(look.text)]
            written += [(look.ink, label(line)) for line in lines]
    nodes = re.findall(rf"\\node\[scale={NUMBER}, text=(\w+)\] at \({NUMBER},{NUMBER}\) \{{(.*)\}};", text)
    around = Counter(
        (mark.ink, label(mark.text))
        for mark in [*drawing.ground(made), *(drawing.caption(made, made.frames[step]) if step is not None else ())]
        if isinstance(mark, Label) and mark.anchor == "middle" and not mark.bold
    )
    shown = Counter(("#" + colours[ink].lower(), content) for ink, content in nodes)
    assert shown == Counter(written) + around
    assert bool(written) == (case != "large")
    # Names of the parts, and sizes beside them, begin where they stand.
    titles = re.findall(r"\\node\[.*, anchor=mid west\] at .* \{(.*)\};", text)
    assert titles == [label(part) for panel in made.panels for part in (panel.title, panel.note) if part]
    framed = re.findall(rf"\\path\[draw=(\w+), line width=\S+, rounded corners=\S+\] {box}; % outline-\d+", text)
    assert len(framed) == (0 if step is None else len(made.frames[step].outlines))
    for (colour, *corners), outline in zip(framed, made.frames[step].outlines if framed else (), strict=True):
        assert "#" + colours[colour].lower() == THEMES["light"].window
        panel = made.panels[outline.panel]
        end = panel.until(outline.row + outline.rows - 1, outline.col + outline.cols - 1)
        if panel.bordered:
            assert [float(corner) for corner in corners] == pytest.approx((*panel.at(*outline[1:3]), *end), abs=1e-3)
    used = set(re.findall(r"convmatrix[0-9a-f]{6}", text))
    assert used == set(colours)
    assert text.isascii()


def test_step_is_the_right_one():
    """The window's outline around the row, and its taps' tints on the flattened input above it."""
    layer, taps = Conv(4, 3), tap_colours((3, 3))
    for step in range(4):
        text = tikz(layer, maps=False, step=step)
        lit = {
            int(col): paper
            for paper, col in re.findall(r"\\path\[fill=convmatrix(\w+), .*% above-0-(\d+)$", text, re.MULTILINE)
            if "#" + paper != THEMES["light"].map
        }
        read = Scene(layer).row_cells(step)
        assert sorted(lit) == [int(Scene(layer).cols[cell]) for cell in read]
        met = [over(taps[int(Scene(layer).kernel_taps[cell])], THEMES["light"].map, 0.3) for cell in read]
        assert ["#" + lit[col] for col in sorted(lit)] == met
        made = film(layer, maps=False)
        (top,) = re.findall(rf"\(({NUMBER},{NUMBER})\) rectangle .*; % outline-0", text)
        assert [float(part) for part in top.split(",")] == pytest.approx(made.panels[0].at(step, 0), abs=1e-3)


@share(0.06)
@given(layer=layers(ndims=(1, 2)), seed=seeds(), numbers=st.booleans())
def test_tikz_and_mathtext_agree_with_the_scene(layer, seed, numbers):
    weight = integers(layer.weight_shape, seed) if numbers else None
    scene = Scene(layer, weight)
    assume(max(scene.shape) <= 24)
    style = Style(size=(40, 40))  # large enough for labels
    text = tikz(layer, weight, maps=False, style=style)
    made = film(layer, weight, maps=False, moving=False, style=style)
    assert made.panels[0].labelled
    entries = [made.base[0, int(row), int(col)] for row, col in zip(scene.rows, scene.cols, strict=True)]
    assert [look.text for look in entries] == [scene.text(cell) for cell in range(len(entries))]
    nodes = set(re.findall(r"\\node\[.*\] at .* \{(.*)\};", text))
    names = [*map(scene.row_name, range(scene.shape[0])), *map(scene.col_name, range(scene.shape[1]))]
    for one in [*names, *(look.text for look in entries)]:
        for line in lines_of(one):
            assert label(line) in nodes
            # Letters, indices and digits are the same in all three; the marks of each medium are not.
            plain = re.sub(r"\W", "", line)
            assert re.sub(r"[\W_]", "", label(line)) == plain
            assert re.sub(r"[\W_]", "", as_mathtext(line)) == plain


@pytest.mark.parametrize("size", [3.4, 4.77, 6.5, "column", "page", "slide", (5.5, 3.0)])
def test_the_size_is_that_of_the_picture(size):
    """At its size's width and height a picture fits; one of a slide fills it."""
    text = tikz(Conv(4, 3), step=1, style=Style(size=size))
    unit, wide, tall = (
        float(part)
        for part in re.search(
            rf"x=({NUMBER})cm.*\\useasboundingbox \(0,0\) rectangle \(({NUMBER}),({NUMBER})\)", text, re.DOTALL
        ).groups()
    )
    page = Style(size=size).page
    assert unit * wide / 2.54 <= page.wide * 1.001
    assert unit * tall / 2.54 <= page.tall * 1.001
    assert max(unit * wide / 2.54 / page.wide, unit * tall / 2.54 / page.tall) >= (0.999 if size == "slide" else 0.8)


def test_titles_are_escaped():
    for text in NASTY[:-1]:
        assert f"{{{escape(text)}}};" in tikz(Conv((2,), 2), title=text)
    with pytest.raises(ValueError, match=r"the text has the character '猫'"):
        tikz(Conv((2,), 2), title="猫")


def test_documents():
    text = document(array(Conv((3,), 2)), tikz(Conv((3,), 2)))
    assert text.startswith("\\documentclass{article}\n\\usepackage{tikz}\n")
    assert text.count("\\onpage{") == 2
    with pytest.raises(ValueError, match=r"^a document needs at least one array or picture, got none$"):
        document()


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: array(Conv((101,), 1)), r"has 101 x 101 = 10201 places but pdflatex has memory for 10000: write"),
        (
            lambda: array(Conv((100,), 400, padding=199, padding_mode="circular")),
            r"would be about \d+ x 12 pt but TeX's lengths end at 16384 pt|has \d+ characters",
        ),
        (
            lambda: array(Conv((9,), 1100, padding=595, padding_mode="circular")),
            r"would be about \d{5} x \d+ pt but TeX's lengths end at 16384 pt: write a smaller layer, or numbers",
        ),
        (
            lambda: array(Conv((100,), 99, padding=49, padding_mode="circular"), np.full(99, -1.23e-100)),
            r"the array has \d{6} characters but pdflatex has memory for about 150000: take a smaller layer",
        ),
        (lambda: array(Conv(4, 3), nothing="-"), r"nothing must be one of '0', 'dot', 'blank', got '-'"),
        (lambda: array(Conv(4, 3), np.ones(3)), r"weight has shape \(3,\)"),
        (lambda: tikz(Conv(110, 3), matrix=False), r"the picture has 23\d\d\d cells but pdflatex draws at most 10000"),
        (lambda: tikz(Conv(9, 9, out_channels=100), maps=False), r"the picture has \d{6} characters but pdflatex has"),
        (lambda: tikz(Conv((4, 4, 4), 3)), r"maps are drawn for at most 2 axes, got 3"),
        (lambda: tikz(Conv(4, 3), step=4), r"step 4 is not there: the layer has steps 0 to 3"),
    ],
)
def test_what_cannot_be_written(write, message):
    with pytest.raises(ValueError, match=message) as refused:
        write()
    assert "\n" not in str(refused.value)


# -- compiled --------------------------------------------------------------------------------------------------------


def compiled(folder, text):
    """The log of pdflatex, which has to be content, and the number of pages."""
    (folder / "made.tex").write_text(text, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "made.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300)
    log = (folder / "made.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert not re.search(r"Overfull|Missing character|LaTeX Warning(?!: Label)", log)
    return log, int(re.search(r"Output written on made\.pdf \((\d+) page", log)[1])


def text_on(folder):
    return subprocess.run(
        ["pdftotext", "-layout", "made.pdf", "-"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@needs_pdflatex
def test_arrays_compile(tmp_path):
    contents = [
        array(Conv(4, 3)),
        array(Conv(4, 3), rulers=True, nothing="dot"),
        array(Conv((12,), 3, padding=1, padding_mode="replicate"), nothing="blank", rulers=True),
        array(Conv(3, 2, in_channels=2, out_channels=2), np.linspace(-1, 1e-7, 16).reshape(2, 2, 2, 2)),
        array(Conv((2, 2, 2), 2, padding=1).T),
        array(Conv((2,), 2), [np.nan, 1 + 2j]),
    ]
    assert compiled(tmp_path, document(*contents))[1] == len(contents)


@needs_pdflatex
def test_pictures_compile_with_any_title(tmp_path):
    contents = [
        tikz(layer, **keywords, title=text) for (layer, keywords), text in zip(PICTURES.values(), NASTY, strict=False)
    ]
    contents += [
        tikz(Conv((2,), 2), title=text)
        for text in [*NASTY[len(contents) :], "naïve Ångström ß õ ĵ \N{GREEK SMALL LETTER ALPHA}≤Ω ᵀ“”—"]
    ]
    assert compiled(tmp_path, document(*contents))[1] == len(contents)
    if shutil.which("pdftotext") is None:
        pytest.skip("compiled; pdftotext, which would read the titles back, is not installed")
    shown = text_on(tmp_path)
    assert "100% & more" in shown
    assert "#1 ##" in shown
    assert "$$ x $" in shown
    assert "root:" not in shown


@needs_pdflatex
def test_beamer(tmp_path):
    """Slides of 16:9: the arrays of 4 x 16 and 16 x 4, and pictures of a size that fits, in each theme."""
    frames = [
        r"\[" + array(Conv(4, 3)) + r"\]",
        r"\[" + array(Conv(4, 3), rulers=True, nothing="dot") + r"\]",
        r"\[" + array(Conv(4, 3).T) + r"\]",
        r"\[" + array(Conv(5, 3)) + r"\]",
        *(tikz(Conv(4, 3), step=1, style=Style(theme=theme, size=(5.4, 2.6))) for theme in THEMES),
        r"\resizebox{!}{0.7\textheight}{" + tikz(Conv(5, 3, padding=1), step=7, title="50% & #1") + "}",
    ]
    body = "".join(rf"\begin{{frame}}{{Title}}{frame}\end{{frame}}" for frame in frames)
    head = r"\documentclass[aspectratio=169]{beamer}\usepackage{tikz}\begin{document}"
    if subprocess.run(["kpsewhich", "beamer.cls"], capture_output=True, check=False).returncode:
        pytest.skip("beamer is not installed")
    assert compiled(tmp_path, head + body + r"\end{document}")[1] == len(frames)


@needs_pdflatex
def test_article(tmp_path):
    """The array of 4 x 16 and pictures of the text's width, of 345 pt, fit."""
    pictures = [tikz(layer, step=0, style=Style(size=4.77)) for layer in (Conv(4, 3), Conv(5, 3, stride=2).T)]
    body = "\n\n".join([r"\[" + array(Conv(4, 3)) + r"\]", *(r"\noindent " + picture for picture in pictures)])
    head = r"\documentclass{article}\usepackage{tikz}\begin{document}"
    assert compiled(tmp_path, head + body + r"\end{document}")[1] >= 1


@needs_pdflatex
@pytest.mark.full
def test_the_largest_compile(tmp_path):
    for content in (
        array(Conv((100,), 3, padding=1)),
        array(Conv(10, 10, out_channels=100)),
        tikz(Conv(8, 8, out_channels=64), maps=False),
        tikz(Conv((400,), 1), step=399),
    ):
        assert compiled(tmp_path, document(content))[1] == 1


def test_transposes_write_the_same_entries_in_columns():
    rows, _, _ = rows_of(array(Conv(4, 3)))
    columns, _, _ = rows_of(array(Conv(4, 3).T))
    assert [list(row) for row in zip(*columns, strict=True)] == rows
    assert isinstance(Conv(4, 3).T, ConvTranspose)
    assert number_label(1) == "1"
