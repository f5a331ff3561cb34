"""The commands that draw: what each ending holds, what is refused, and that nothing half-written is left behind."""

import json
import re
import shutil
import signal
import subprocess
import webbrowser
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from commandline import TELLING, environment, good, process, refused, run, start
from convmatrix import Conv, ConvTranspose, presets
from convmatrix.cli import kinds, terminal
from convmatrix.show import explorer, plot
from convmatrix.show.explorer import document
from convmatrix.show.model.stage import film
from convmatrix.show.render import animate, latex, saving
from helpers import needs_pdflatex
from selection import some

LAYER = ("--i", 4, "--k", 3)
SMALL = ("--i", 3, "--k", 2, "--ndim", 1)
TITLE = '50% <b>&"$\\foo$</b> \\input{x} größer'
THREE_AXES = "maps are drawn for at most 2 axes, got 3: draw a layer of 2 of them"
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, and a plain terminal."""
    for name in TELLING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert plt.get_fignums() == []


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def gids(path):
    return {node.get("id") for node in ET.parse(path).iter() if node.get("id")}


def compiled(path):
    """Number of pages that pdflatex makes of a document."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False, timeout=120)
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output[-2000:]
    return int(re.search(r"\((\d+) pages?,", output)[1])


# -- show ------------------------------------------------------------------------------------------------------------


def test_show_latex_is_the_array_and_tikz_the_picture():
    conv, up = Conv(4, 3), ConvTranspose(2, 3)
    assert good("show", *LAYER, "--format", "latex") == latex.array(conv) + "\n"
    assert good("show", *LAYER, "--format", "tikz") == latex.tikz(conv, step=1) + "\n"
    weight = np.arange(1, 10).reshape(3, 3)
    arguments = ("show", "--i", 2, "--k", 3, "--transpose", "--weight", "arange", "--format")
    assert good(*arguments, "latex") == latex.array(up, weight) + "\n"
    assert good(*arguments, "tikz") == latex.tikz(up, weight, step=1) + "\n"
    assert good(*arguments, "latex").isascii()


def test_show_saves_the_linked_picture(folder):
    assert good("show", *LAYER, "--save", "C.svg") == ""
    assert names(folder) == ["C.svg"]
    places = {f"matrix-{row}-{col}" for row in range(4) for col in range(16)}
    entries = {f"matrix-{r}-{c}" for r, c in zip(*Conv(4, 3).matrix(np.ones((3, 3))).nonzero(), strict=True)}
    found = gids("C.svg")
    assert {name for name in found if re.fullmatch(r"matrix-\d+-\d+", name)} == places
    assert {name for name in found if re.fullmatch(r"matrix-\d+-\d+-text", name)} == {f"{e}-text" for e in entries}
    assert {name for name in found if name.endswith("-dot")} == {f"{place}-dot" for place in places - entries}
    assert {"input-3-3", "kernel-2-2", "output-1-1", "above-0-15", "beside-3-0", "caption"} <= found


@pytest.mark.full
def test_show_saves_the_linked_picture_in_other_formats(folder):
    for name in ("C.pdf", "C.PNG"):
        assert good("show", *LAYER, "--save", name) == ""
    assert names(folder) == ["C.PNG", "C.pdf"]
    assert (folder / "C.pdf").read_bytes().startswith(b"%PDF-")
    figure = plot.linked(Conv(4, 3)).get_figure()
    figure.set_dpi(200)
    pixels = figure.canvas.get_width_height()
    plt.close(figure)
    with Image.open("C.PNG") as picture:
        assert picture.size == pixels
        assert len(picture.convert("RGB").getcolors(10**6)) > 20


@pytest.mark.full
def test_show_saves_the_matrix_alone_where_the_layer_is_too_large(folder):
    message = good("show", "--i", "3x3x3", "--k", 2, "--save", "C.svg")
    assert message == f"C.svg: the matrix alone, since {THREE_AXES}\n"
    assert len([name for name in gids("C.svg") if re.fullmatch(r"matrix-\d+-\d+-text", name)]) == 64
    assert len([name for name in gids("C.svg") if re.fullmatch(r"matrix-\d+-\d+-dot", name)]) == 8 * 27 - 64
    message = good("show", "--i", 30, "--k", 3, "--save", "large.png")
    assert message.startswith(
        "large.png: the matrix alone, since the matrix has 784 x 900 places but at most 512 x 512"
    )
    with Image.open("large.png") as picture:
        assert len(picture.convert("RGB").getcolors(10**6)) > 3


@needs_pdflatex
def test_show_saves_a_document_that_compiles(folder):
    assert good("show", *LAYER, "--save", "C.tex") == ""
    text = (folder / "C.tex").read_text()
    assert latex.tikz(Conv(4, 3), step=1) in text
    assert latex.array(Conv(4, 3)) in text
    assert compiled(folder / "C.tex") == 2


@needs_pdflatex
def test_show_saves_a_document_without_the_picture_where_there_is_none(folder):
    assert good("show", "--i", "3x3x3", "--k", 2, "--save", "C.tex") == f"C.tex: the matrix alone, since {THREE_AXES}\n"
    assert (folder / "C.tex").read_text() == latex.document(latex.array(Conv((3, 3, 3), 2)))
    assert compiled(folder / "C.tex") == 1


def test_show_saves_pieces_of_latex(folder):
    for form in ("latex", "tikz"):
        for name in ("C.tex", "C.txt"):
            assert good("show", *LAYER, "--format", form, "--save", name) == ""
            assert (folder / name).read_text() == good("show", *LAYER, "--format", form)


def test_show_saves_the_page(folder):
    assert good("show", *LAYER, "--weight", "sobel", "--save", "C.html") == ""
    assert (folder / "C.html").read_text(encoding="utf-8") == explorer.page(Conv(4, 3), presets.kernel("sobel"))


@pytest.mark.parametrize(("form", "ending"), [("latex", ".svg"), ("grid", ".png"), ("tikz", ".html"), ("md", ".tex")])
def test_forms_that_a_file_does_not_hold(folder, form, ending):
    assert refused("show", *LAYER, "--format", form, "--save", f"C{ending}") == (
        f"convmatrix show: error: --format {form} does not go into a {ending} file: leave it out, or name a .txt file"
    )
    assert names(folder) == []


# -- export ----------------------------------------------------------------------------------------------------------


@needs_pdflatex
def test_export_writes_an_array_that_compiles_beyond_ten_columns(folder):
    assert good("export", "C.tex", *LAYER) == "C.tex: 4 × 16, 36 entries, weight arange\n"
    text = (folder / "C.tex").read_text()
    assert text == latex.array(Conv(4, 3), np.arange(1, 10).reshape(3, 3)) + "\n"
    assert text.splitlines()[1] == "1 & 2 & 3 & 0 & 4 & 5 & 6 & 0 & 7 & 8 & 9 & 0 & 0 & 0 & 0 & 0 \\\\"
    (folder / "slides.tex").write_text(
        "\\documentclass{article}\\begin{document}\\[ C = \\input{C.tex} \\]\\end{document}"
    )
    assert compiled(folder / "slides.tex") == 1


def test_export_of_an_array_that_is_too_large(folder):
    assert refused("export", "C.tex", "--i", 30, "--k", 3) == (
        "convmatrix export: error: the matrix has 784 x 900 = 705600 places but pdflatex has memory for 10000: write a "
        "smaller layer, or save the matrix as .mtx"
    )
    assert names(folder) == []


def test_one_entry_is_no_entries(folder):
    assert "C is 1 × 1: 1 entry, 1 different weight\n" in good("show", "--i", 1, "--k", 1)
    assert "\nmatrix: 1 × 1, 1 entry, 20 bytes as float64\n" in good("size", "--i", 1, "--k", 1)
    assert good("export", "C.npz", "--i", 1, "--k", 1) == "C.npz: 1 × 1, 1 entry, weight arange\n"
    good("explore", "--i", 1, "--k", 1, "--save", "page.html")
    assert "the matrix <i>C</i>, 1 × 1, with 1 entry<" in (folder / "page.html").read_text(encoding="utf-8")


# -- figure ----------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_a_figure_by_name_is_the_one_by_numbers(folder):
    stdout = good("figure", "padding_strides", "--save", "name.svg")
    assert stdout == f"name.svg: linked; {presets.setting('padding_strides')!r}\n"
    good("figure", "--save", "after.svg", "Padding-Strides")
    good("figure", "--i", 5, "--k", 3, "--s", 2, "--p", 1, "--save", "numbers.svg")
    good("figure", "padding_strides", "--kind", "linked", "--save", "kind.svg")
    one, *others = (path.read_bytes() for path in sorted(folder.iterdir()))
    assert others == [one] * 3


@pytest.mark.full
@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png", ".tex"])
def test_equal_bytes_on_every_run(folder, ending):
    for name in ("one", "two"):
        good("figure", *LAYER, "--title", TITLE, "--save", name + ending)
    one, two = (path.read_bytes() for path in sorted(folder.iterdir()))
    assert one == two


def test_titles_are_text(folder):
    for ending in (".svg", ".pdf", ".png"):
        good("figure", *SMALL, "--title", TITLE, "--save", f"C{ending}")
    tree = ET.parse("C.svg")
    assert tree.find("{http://www.w3.org/2000/svg}title").text == TITLE
    (described,) = (node.text for node in tree.iter() if node.tag.endswith("}description"))
    ax = plot.linked(Conv((3,), 2), title=TITLE, step=1)
    plt.close(ax.get_figure())
    assert described == ax.alt
    assert described.startswith(f"{TITLE}: x 3; ")
    assert "title" in gids("C.svg")
    with Image.open("C.png") as picture:
        assert picture.info["Title"] == TITLE
    good("figure", *SMALL, "--kind", "matrix", "--title", TITLE, "--save", "matrix.svg")
    assert ET.parse("matrix.svg").find("{http://www.w3.org/2000/svg}title").text == TITLE


@pytest.mark.full
def test_titles_that_no_format_can_hold():
    good("figure", *LAYER, "--title", "a\x1b[31m\n\udcffb", "--save", "C.svg")
    assert ET.parse("C.svg").find("{http://www.w3.org/2000/svg}title").text == "a\ufffd[31m \ufffdb"


@pytest.mark.full
@needs_pdflatex
def test_a_figure_as_a_document(folder):
    good("figure", *LAYER, "--title", TITLE, "--save", "linked.tex")
    good("figure", *LAYER, "--kind", "matrix", "--output", "1x0", "--save", "matrix.tex")
    made = (folder / "matrix.tex").read_text()
    assert made == latex.document(latex.tikz(Conv(4, 3), maps=False, step=2))
    assert compiled(folder / "linked.tex") == 1
    assert compiled(folder / "matrix.tex") == 1


def drawn(monkeypatch, *arguments, kind="linked"):
    """Arguments of the call of a kind's plot function."""
    seen = []
    real = getattr(plot, kind)
    with monkeypatch.context() as patch:
        patch.setattr(plot, kind, lambda *args, **keywords: seen.append((args, keywords)) or real(*args, **keywords))
        good("figure", *arguments, "--save", "f.svg")
    (call,) = seen
    return call


UP = ("--i", 3, "--k", 3, "--s", 2, "--transpose")


@pytest.mark.full
@pytest.mark.parametrize(
    ("arguments", "view", "step"),
    [
        (LAYER, None, 1),
        (("padding_strides",), None, 4),
        ((*LAYER, "--step", 0), None, 0),
        ((*LAYER, "--step", 3), None, 3),
        ((*LAYER, "--step", "none"), None, None),
        ((*LAYER, "--output", "1x0"), "windows", 2),
        (("--i", 7, "--k", 3, "--ndim", 1, "--output", 4), "windows", 4),
        (("--i", 4, "--k", 3, "--cout", 2, "--output", "1x0x1"), "windows", 5),
        (UP, None, 4),
        ((*UP, "--view", "windows"), "windows", 24),
        (("--i", 2, "--k", 4, "--s", 2, "--ndim", 1, "--cin", 2, "--transpose"), None, 1),
        ((*UP, "--input", "1x2"), "stamps", 5),
        ((*UP, "--output", "1x2"), "windows", 9),
        ((*UP, "--view", "windows", "--step", 48), "windows", 48),
        ((*UP, "--view", "stamps", "--input", "2x2"), "stamps", 8),
    ],
)
def test_the_step_by_its_number_or_position(monkeypatch, arguments, view, step):
    _, keywords = drawn(monkeypatch, *arguments)
    assert keywords == {"view": view, "step": step, "matrix": True, "title": ""}


def test_options_reach_the_picture(monkeypatch):
    (layer, weight, x), keywords = drawn(
        monkeypatch, *LAYER, "--weight", "sobel", "--x", "arange", "--no-matrix", "--title", "T", "--view", "windows"
    )
    assert layer == Conv(4, 3)
    np.testing.assert_array_equal(weight, presets.kernel("sobel").reshape(1, 1, 3, 3))
    np.testing.assert_array_equal(x, np.arange(1, 17).reshape(1, 4, 4))
    assert keywords == {"view": "windows", "step": 1, "matrix": False, "title": "T"}
    (layer, weight), keywords = drawn(monkeypatch, *LAYER, "--kind", "matrix", "--output", "1x1", kind="matrix")
    assert (layer, weight, keywords) == (Conv(4, 3), None, {"row": 3})


def test_the_guides_numbers(folder):
    arguments = ("numerical_padding_strides", "--weight", "guide", "--x", "guide", "--output", "1x1")
    good("figure", *arguments, "--save", "f.tex")
    layer, (x, weight) = presets.setting(arguments[0]), presets.numerical_data()
    assert (folder / "f.tex").read_text() == latex.document(latex.tikz(layer, weight, x, view="windows", step=4))
    assert "$17$" in (folder / "f.tex").read_text()  # of the guide's [[6, 17, 3], [8, 17, 13], [6, 4, 4]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--save f.gif", "--save f.gif is the name of a film: convmatrix animate writes it"),
        ("--save f.txt", "file name 'f.txt' ends in '.txt', which names no format: use .svg, .pdf, .png, .tex"),
        ("--save f", "file name 'f' has no ending, which names no format: use .svg, .pdf, .png, .tex"),
        ("--save f.svg", "--i is missing: give --i and --k, as in --i 4 --k 3, or a NAME"),
        (
            "padding_strides --i 4 --save f.svg",
            "NAME padding_strides is a whole layer and stands alone: leave out the other numbers, or give them all "
            "without NAME",
        ),
        (
            "padding_stride --save f.svg",
            "there is no setting 'padding_stride': did you mean padding_strides or "
            "no_padding_strides or padding_strides_odd?",
        ),
        ("--i 4 --k 3 --step 4 --save f.svg", "step 4 is not there: the layer has steps 0 to 3"),
        ("--i 4 --k 3 --output 1x2 --save f.svg", "--output 1x2 is not there: number 2 has to be from 0 to 1"),
        ("--i 4 --k 3 --output 1x-1 --save f.svg", "--output 1x-1 is not there: number 2 has to be from 0 to 1"),
        ("--i 4 --k 3 --output 3 --save f.svg", "--output 3 has 1 number but the output is 2x2"),
        ("--i 4 --k 3 --cout 2 --output 1x1 --save f.svg", "--output 1x1 has 2 numbers but the output is 2x2x2"),
        (
            "--i 4 --k 3 --output 0x0 --step 1 --save f.svg",
            "--output chooses a step, and so does --step or another position: give one of them",
        ),
        (
            "--i 4 --k 3 --transpose --input 0x0 --output 0x0 --save f.svg",
            "--input chooses a step, and so does --step or another position: give one of them",
        ),
        (
            "--i 4 --k 3 --transpose --input 0x0 --view windows --save f.svg",
            "--input needs --view stamps, got --view windows",
        ),
        (
            "--i 4 --k 3 --input 0x0 --save f.svg",
            "view 'stamps' shows what the inputs of a transposed convolution add, and this layer is none: take "
            "layer.T, "
            "or view 'windows'",
        ),
        ("--i 4 --k 3 --kind matrix --x arange --save f.svg", "--kind matrix does not take --x: leave it out"),
        ("--i 4 --k 3 --kind matrix --no-matrix --save f.svg", "--kind matrix does not take --no-matrix: leave it out"),
        ("--i 4 --k 3 --kind matrix --view windows --save f.svg", "--kind matrix does not take --view: leave it out"),
        ("--i 4 --k 3 --kind matrix --step 4 --save f.svg", "row 4 is not there: the matrix has rows 0 to 3"),
        (
            "--i 4 --k 3 --kind receptive_field --step 4 --save f.svg",
            "step 4 is not there: the layer has outputs 0 to 3",
        ),
        (
            "--i 4 --k 3 --kind stamps --save f.svg",
            "--kind stamps draws a transposed convolution only: add --transpose, or take a NAME that ends in "
            "transposed",
        ),
        ("--i 4 --k 3 --kind gram --save f.tex", "--kind gram is not drawn as TikZ: save one of .svg, .pdf, .png"),
        (
            "--i 4 --k 3 --kind overlaps --transpose --weight ones --save f.svg",
            "--kind overlaps does not take --weight: leave it out",
        ),
        (
            "--i 3 --k 3 --kind same_output --transpose --weight ones --save f.svg",
            "no two images have the same output: the 25 x 9 matrix has rank 9, so every difference of two images shows "
            "(rank modulo the prime 2147483647; proven, since the pattern allows no more)",
        ),
        (
            "resnet_conv1 --kind gram --save f.svg",
            "the matrix has 116214528 entries but a picture is computed from at most 20000000: take a smaller layer",
        ),
        (
            "--i 200 --k 16 --kind gram --save f.svg",
            "the product has 2242969600 terms but a picture is computed from at most 100000000: take a smaller layer",
        ),
        (
            "--i 4 --k 3 --x 1,2 --save f.svg",
            "input has 2 numbers but the layer's input (1, 4, 4) needs 16 (= 1 * 4 * 4), in C order",
        ),
        (
            "--i 4 --k 3 --x guide --save f.svg",
            "input 'guide' has shape (5, 5) but the layer needs (1, 4, 4): it fits the settings whose names begin with "
            "'numerical'",
        ),
        (
            "--i 4 --k 3 --x sobel --save f.svg",
            "there is no input 'sobel': known are ones, arange, random:SEED, guide, numbers such as 1,0,-1 or a file "
            "such as w.npy",
        ),
        (
            "--i 4 --k 3 --x random:x --save f.svg",
            "input 'random:x' needs a seed, a whole number of at least 0: write random:0",
        ),
        ("--i 3x3x3 --k 2 --x ones --save f.svg", THREE_AXES),
        ("--i 3x3x3 --k 2 --kind linked --save f.svg", THREE_AXES),
    ],
)
def test_figures_that_are_refused(folder, arguments, message):
    assert refused("figure", *arguments.split()) == f"convmatrix figure: error: {message}"
    assert names(folder) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "figure --i 4 --k 3 --step -1 --save f.svg",
            "argument --step: '-1' is no step: write a number from 0, or none",
        ),
        ("figure --i 4 --k 3 --save f.svg one two", "unrecognized arguments: two"),
        ("figure one --i 4 --k 3 --save f.svg two", "unrecognized arguments: two"),
        ("show --i 4 --k 3 one", "unrecognized arguments: one"),
        ("animate --i 4 --k 3 --save f.gif --seconds x", "argument --seconds: 'x' is not a number of seconds"),
        ("animate --i 4 --k 3 --save f.gif --step 1", "unrecognized arguments: --step"),
        ("explore", "the following arguments are required: --save"),
    ],
)
def test_arguments_that_are_refused(folder, arguments, message):
    command = arguments.split()[0]
    assert refused(*arguments.split()) == f"convmatrix {command}: error: {message} (see convmatrix {command} --help)"
    assert names(folder) == []


def test_every_kind_is_in_the_help():
    text = good("figure", "--help")
    for name, kind in kinds.KINDS.items():
        marks = " (T)" * kind.transpose + " (W)" * kind.numeric
        assert re.search(rf"^  {name} +{re.escape(kind.about + marks)}$", text, re.MULTILINE)


@pytest.mark.parametrize("kind", some(kinds.KINDS, "matrix", "stamps", "same_output"))
def test_every_kind_draws(folder, kind):
    generic = "; weight drawn with seed 0" * kinds.KINDS[kind].numeric
    layer = Conv(2, 2) if kind == "same_output" else ConvTranspose(2, 2)
    arguments = ("--i", 2, "--k", 2, *(() if kind == "same_output" else ("--transpose",)))
    for ending in (".svg", ".png"):
        stdout = good("figure", *arguments, "--kind", kind, "--title", TITLE, "--save", f"f{ending}")
        assert stdout == f"f{ending}: {kind}; {layer!r}{generic}\n"
    assert len(gids("f.svg")) > 10
    tree = ET.parse("f.svg")
    assert tree.find("{http://www.w3.org/2000/svg}title").text == TITLE
    (described,) = (node.text for node in tree.iter() if node.tag.endswith("}description"))
    with Image.open("f.png") as picture:
        assert picture.info["Description"] == described
    assert len(described) > 20


def described(*arguments):
    """Description that a picture has."""
    good("figure", *arguments, "--save", "f.svg")
    (found,) = (node.text for node in ET.parse("f.svg").iter() if node.tag.endswith("}description"))
    return found


HAAR = ("--i", 4, "--k", 2, "--s", 2, "--cout", 4, "--weight", "haar")


@pytest.mark.full
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        # C of the 4 × 16 example with ones: sqrt(25), sqrt(5) twice, 1; of the orthonormal bank, all are 1.
        (
            (*LAYER, "--weight", "ones", "--kind", "singular_values"),
            "4 singular values from 5 to 1: the condition number is 5.",
        ),
        ((*HAAR, "--kind", "singular_values"), "16 singular values from 1 to 1: the condition number is 1."),
        ((*HAAR, "--kind", "gram"), "C^T C, 16 × 16, beside I: C^T C = I."),
        (
            (*LAYER, "--weight", "arange", "--kind", "gram"),
            "C^T C, 16 × 16, beside I: the largest deviation is 205, at row 10 and column 10.",
        ),
        (
            (*UP, "--weight", "ones", "--kind", "gram"),
            "C C^T, 9 × 9, beside I: the largest deviation is 8, at row 0 and column 0.",
        ),
        (
            ("--i", 2, "--k", 1, "--ndim", 1, "--weight", "2j", "--kind", "gram"),
            "C^H C, 2 × 2, beside I: the largest deviation is 3, at row 0 and column 0.",
        ),
        ((*UP, "--kind", "overlaps"), "How many taps reach each output, 7 × 7: 1 to 4."),
        (
            ("--i", 9, "--k", 3, "--d", 2, "--kind", "receptive_field", "--output", "1x2"),
            "Which of the 9 × 9 inputs are read: 9 of 81, within 5 × 5.",
        ),
        (
            ("--i", 4, "--k", 3, "--p", 1, "--kind", "receptive_field", "--step", 0),
            "Which of the 4 × 4 inputs are read: 4 of 16, within 2 × 2.",
        ),
        (
            ("--i", 4, "--k", 3, "--p", 1, "--kind", "receptive_field"),
            "Which of the 4 × 4 inputs are read: 9 of 16, within 3 × 3.",
        ),
        (
            ("--i", 3, "--k", 2, "--p", 1, "--ndim", 1, "--kind", "factors"),
            "A product of matrices: C (4 × 3) = weights (4 × 8) times im2col (8 × 5) times padding (5 × 3).",
        ),
    ],
)
def test_what_algebra_finds_reaches_the_picture(arguments, found):
    assert described(*arguments) == found


def test_the_images_with_the_same_output_belong_to_the_given_layer(monkeypatch):
    (first, second, output), _ = drawn(
        monkeypatch, *LAYER, "--kind", "same_output", "--weight", "arange", "--x", "arange", kind="same_output"
    )
    C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3))
    np.testing.assert_array_equal(first, np.arange(1, 17).reshape(1, 4, 4))
    assert (first != second).any()
    np.testing.assert_array_equal(C @ first.ravel(), C @ second.ravel())
    np.testing.assert_array_equal(output.ravel(), C @ first.ravel())


@pytest.mark.full
def test_positions_and_channels_reach_the_insertion(monkeypatch):
    arguments = (*UP, "--cin", 2, "--cout", 2, "--kind", "insertion", "--output", "1x3x4")
    _, keywords = drawn(monkeypatch, *arguments, kind="insertion")
    assert keywords == {"output": (3, 4), "channel": 1, "title": ""}


def test_windows_of_a_transposed_layer_are_those_on_inserted_zeros(monkeypatch):
    arguments = ("--i", 2, "--k", 2, "--s", 2, "--ndim", 1, "--transpose", "--kind", "windows")
    (layer,), _ = drawn(monkeypatch, *arguments, kind="windows")
    assert layer == ConvTranspose((2,), 2, stride=2).as_conv()


@pytest.mark.full
@pytest.mark.parametrize(("arguments", "line"), [(("--output", "1x2"), {"row": 9}), (("--input", "1x2"), {"col": 5})])
def test_a_row_or_a_column_of_the_matrix(monkeypatch, arguments, line):
    _, keywords = drawn(monkeypatch, *UP, "--kind", "matrix", *arguments, kind="matrix")
    assert keywords == line


# -- animate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", some([".gif", ".png", ".apng", ".webp"], ".gif"))
def test_an_animation_has_a_picture_for_each_step_and_three_between(folder, ending):
    stdout = good("animate", "padding_strides", "--seconds", 0.5, "--save", f"a{ending}")
    assert stdout == f"a{ending}: 9 steps of 0.5 s; {presets.setting('padding_strides')!r}\n"
    with Image.open(f"a{ending}") as picture:
        durations = []
        for number in range(picture.n_frames):
            picture.seek(number)
            picture.load()
            durations.append(picture.info["duration"])
    # A step takes half a second: 380 ms at rest, and 3 pictures of 40 ms on the way; the last one rests for two steps.
    assert durations == [380, 40, 40, 40] * 8 + [1000]
    written = (folder / f"a{ending}").read_bytes()
    good("animate", "padding_strides", "--seconds", 0.5, "--save", f"a{ending}")
    assert (folder / f"a{ending}").read_bytes() == written


def test_animations_as_text(folder):
    arguments = (
        "animate",
        *UP,
        "--view",
        "windows",
        "--no-matrix",
        "--weight",
        "arange",
        "--x",
        "random:1",
        "--title",
        TITLE,
    )
    good(*arguments, "--save", "a.svg")
    good(*arguments, "--save", "a.html")
    tree = ET.parse("a.svg")
    assert tree.find("{http://www.w3.org/2000/svg}title").text == TITLE
    layer = ConvTranspose(3, 3, stride=2)
    made = film(
        layer,
        np.arange(1, 10).reshape(3, 3),
        presets.parse_input(layer, "random:1"),
        view="windows",
        matrix=False,
        title=TITLE,
    )
    animate.save(made, "b.svg")
    assert (folder / "a.svg").read_bytes() == (folder / "b.svg").read_bytes()
    assert made.frames[7].caption in (folder / "a.html").read_text(encoding="utf-8")


@needs_ffmpeg
def test_a_film(folder):
    assert good("animate", *LAYER, "--save", "a.mp4").startswith("a.mp4: 4 steps of 1 s; ")
    assert (folder / "a.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_film_without_ffmpeg(folder, monkeypatch):
    monkeypatch.setattr(animate.shutil, "which", lambda _: None)
    assert run("animate", *LAYER, "--save", "a.mp4") == (
        1,
        "",
        "convmatrix animate: error: an .mp4 file needs ffmpeg, which is not installed here: install it, or save .gif, "
        ".webp or .html, which need nothing more\n",
    )
    assert names(folder) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--i 4 --k 3 --save a.pdf",
            "--save a.pdf is the name of a still: convmatrix figure writes it",
        ),
        ("--save a.gif", "--i is missing: give --i and --k, as in --i 4 --k 3, or a NAME"),
        ("--i 4 --k 3 --seconds 0.01 --save a.gif", "seconds_per_step must be from 0.02 to 60, got 0.01"),
        ("--i 4 --k 3 --seconds nan --save a.gif", "seconds_per_step must be from 0.02 to 60, got nan"),
        (
            "--i 23 --k 3 --save a.gif",
            "the matrix has 441 x 529 places but at most 512 x 512 are drawn: draw the maps "
            "without it, or a smaller layer",
        ),
        (
            "--i 23 --k 3 --no-matrix --save a.gif",
            "the layer has 441 outputs, a step for each, but at most 400 steps are drawn: take a smaller layer",
        ),
    ],
)
def test_animations_that_are_refused(folder, arguments, message):
    assert refused("animate", *arguments.split()) == f"convmatrix animate: error: {message}"
    assert names(folder) == []


def test_animate_reports_its_progress_to_the_bar(monkeypatch):
    calls = []
    monkeypatch.setattr(terminal.Bar, "__call__", lambda self, done, total: calls.append((done, total)))
    good("animate", *LAYER, "--save", "a.gif")
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_help_of_animate_lists_all_endings():
    assert f"\n{' '.join(animate.ENDINGS)} (.mp4 needs ffmpeg).\n" in good("animate", "--help")


# -- explore ---------------------------------------------------------------------------------------------------------


def specification(path):
    return json.loads(
        re.search(r'<script type="application/json">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1]
    )


def test_explore_begins_with_the_4x16_matrix(folder):
    assert good("explore", "--save", "page.html") == "page.html: Conv(input_size=(4, 4), kernel_size=(3, 3))\n"
    assert (folder / "page.html").read_text(encoding="utf-8") == explorer.page(Conv(4, 3))
    good("explore", "--i", 6, "--save", "page.htm")
    assert specification(folder / "page.htm")["layer"]["input_size"] == [6, 6]


def test_explore_a_layer(folder):
    arguments = ("padding_strides_transposed", "--weight", "arange", "--title", TITLE)
    good("explore", *arguments, "--save", "page.html")
    data = specification(folder / "page.html")
    assert data["layer"] == document.settings(presets.setting(arguments[0]))
    assert data["weight"]["values"] == [*range(1, 10)]
    assert data["title"] == TITLE
    assert "<title>50% &lt;b&gt;&amp;&quot;$\\foo$&lt;/b&gt;" in (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--save p.svg", "file name 'p.svg' does not end in .html or .htm, as a page must"),
        ("--i 3x3x3 --k 2 --save p.html", "the explorer shows 1 or 2 axes, but the layer has 3"),
    ],
)
def test_pages_that_are_refused(folder, arguments, message):
    assert refused("explore", *arguments.split()) == f"convmatrix explore: error: {message}"
    assert names(folder) == []


def test_the_browser_is_opened_on_request_only(folder, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    good("explore", "--save", "page.html")
    assert opened == []
    good("explore", "--save", "my page.html", "--open")
    assert opened == [(folder / "my page.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    code, out, err = run("explore", "--save", "page.html", "--open")
    assert (code, out) == (1, "page.html: Conv(input_size=(4, 4), kernel_size=(3, 3))\n")
    assert err == "convmatrix explore: error: no browser could be opened here: open page.html in one\n"


# -- files -----------------------------------------------------------------------------------------------------------

WRITERS = (
    ("show", *LAYER, "--save", "f.svg"),
    ("show", *LAYER, "--save", "f.tex"),
    ("show", *LAYER, "--save", "f.html"),
    ("export", "f.tex", *LAYER),
    ("figure", *LAYER, "--save", "f.png"),
    ("figure", *LAYER, "--save", "f.tex"),
    ("animate", *LAYER, "--save", "f.gif"),
    ("animate", *LAYER, "--save", "f.html"),
    ("explore", "--save", "f.html"),
)


@pytest.mark.parametrize(
    "arguments", some(WRITERS, WRITERS[1], WRITERS[3], WRITERS[5], WRITERS[-1]), ids=lambda a: f"{a[0]} {a[-1]}"
)
def test_what_cannot_be_written(folder, arguments):
    missing = [f"nowhere/{word}" if str(word).startswith("f.") else word for word in arguments]
    code, out, err = run(*missing)
    assert (code, out) == (1, "")
    path = next(word for word in missing if "nowhere" in str(word))
    assert err == f"convmatrix {arguments[0]}: error: cannot write {path}: there is no directory {folder / 'nowhere'}\n"
    assert names(folder) == []


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (OSError("no space left"), 1), (ValueError("no"), 2)], ids=repr
)
def test_what_fails_while_it_draws_leaves_the_old_file(folder, monkeypatch, error, code):
    def fails(*_, **__):
        raise error

    for name in ("f.svg", "f.gif"):
        (folder / name).write_text("old")
    monkeypatch.setattr(plt.Figure, "savefig", fails)
    assert run("figure", *LAYER, "--kind", "linked", "--save", "f.svg").code == code
    monkeypatch.setattr(terminal.Bar, "__call__", fails)
    assert run("animate", *LAYER, "--save", "f.gif").code == code
    assert [path.read_text() for path in sorted(folder.iterdir())] == ["old", "old"]


@pytest.mark.full
def test_interrupted_from_the_keyboard_while_it_draws(folder):
    arguments = ("animate", "--i", 17, "--k", 3, "--save", "f.gif")
    with start(*arguments, cwd=folder, stdout=subprocess.PIPE) as started:
        for _ in range(600):
            if names(folder):  # the temporary file: it draws now
                break
            started.poll()
            assert started.returncode is None, started.stderr.read()
            signal.sigtimedwait([], 0.05)
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert (started.returncode, out, err) == (130, b"", b"convmatrix animate: interrupted\n")
    assert names(folder) == []


def test_in_a_pipe_without_a_display(folder):
    code, out, err = process("figure", *LAYER, "--save", "f.png", cwd=folder, env=environment(MPLBACKEND="tkagg"))
    assert (code, out, err) == (0, "f.png: linked; Conv(input_size=(4, 4), kernel_size=(3, 3))\n", "")
    assert names(folder) == ["f.png"]


def test_no_window_is_opened():
    plt.switch_backend("pdf")
    good("figure", *LAYER, "--save", "f.png")
    assert plt.get_backend() == "agg"


def test_the_endings_of_the_saver():
    with pytest.raises(ValueError, match=r"'f\.gif' ends in '\.gif', which names no format: use \.svg, \.pdf, \.png"):
        saving.save(lambda: pytest.fail("drawn"), "f.gif", title="", description="")
