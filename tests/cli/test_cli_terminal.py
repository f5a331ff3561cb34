"""The command line and its surroundings: width, colours, encodings, pipes, signals, and what is imported."""

import os
import re
import signal
import struct
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commandline import TELLING, environment, good, process, refused, run, start
from convmatrix.show.model.palette import ink_on, rgb, tap_colours
from selection import some
from strategies import share

LAYER = ("show", "--i", 4, "--k", 3)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in TELLING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return monkeypatch


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def pictures(text):
    """The lines of the pictures: those with a frame."""
    return [line for line in plain(text).splitlines() if re.search(r"[┌│├└]|^ *[+]-|[|].*[|]", line)]


def painted(text):
    """Each painted word, with the codes it is painted with."""
    return [(match[2].strip(), match[1]) for match in re.finditer(r"\x1b\[([0-9;]*)m(.*?)\x1b\[0m", text)]


# -- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),  # no-color.org: not where it is empty
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "3"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "0"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color"}, False, False),
        ({"COLORTERM": "truecolor"}, False, False),
    ],
)
def test_colour_follows_the_terminal_and_the_environment(surroundings, variables, terminal, coloured):
    for name, value in variables.items():
        surroundings.setenv(name, value)
    automatic = good(*LAYER, terminal=terminal)
    assert ("\x1b[" in automatic) is coloured
    assert good(*LAYER, "--color", "auto", terminal=terminal) == automatic
    # A word of the user goes before all of them.
    assert "\x1b[" in good(*LAYER, "--color", "always", terminal=terminal)
    assert "\x1b" not in good(*LAYER, "--color", "never", terminal=terminal)


def test_colours_change_nothing_but_colours():
    without = good(*LAYER)
    assert plain(good(*LAYER, "--color", "always")) == without
    assert "\x1b" not in without


@pytest.mark.parametrize("word", ["truecolor", "24bit"])
def test_each_tap_has_its_colour_in_24_bits(surroundings, word):
    surroundings.setenv("COLORTERM", word)
    cells = [(text, codes) for text, codes in painted(good(*LAYER, "--color", "always")) if text.startswith("w")]
    assert len(cells) == 2 * 36
    for text, codes in cells:
        row, col = (ord(index) - ord("₀") for index in text[1:])
        paper = tap_colours((3, 3))[row * 3 + col]
        ink, paper = (";".join(map(str, rgb(colour))) for colour in (ink_on(paper), paper))
        assert codes == f"38;2;{ink};48;2;{paper}"


@pytest.mark.parametrize("word", [None, "", "yes"])
def test_each_tap_has_its_colour_of_256(surroundings, word):
    if word is not None:
        surroundings.setenv("COLORTERM", word)
    cells = [(text, codes) for text, codes in painted(good(*LAYER, "--color", "always")) if text.startswith("w")]
    assert len(cells) == 2 * 36
    of_tap = {}
    for text, codes in cells:
        ink, paper = re.fullmatch(r"38;5;(\d+);48;5;(\d+)", codes).groups()
        of_tap.setdefault(text, set()).add((int(ink), int(paper)))
    assert all(len(codes) == 1 for codes in of_tap.values())
    assert len(set.union(*of_tap.values())) == 9
    # Of xterm's cube and greys, those closest to amber, teal and violet, with a dark or a light colour on them.
    papers = (94, 130, 215, 23, 66, 79, 61, 98, 147)
    inks = (231, 231, 234, 231, 16, 234, 231, 231, 234)
    names = [f"w{row}{col}" for row in "₀₁₂" for col in "₀₁₂"]
    palette = dict(zip(names, zip(inks, papers, strict=True), strict=True))
    assert of_tap == {name: {codes} for name, codes in palette.items()}


def test_empty_cells_are_faint():
    dots = [codes for text, codes in painted(good(*LAYER, "--color", "always")) if text == "·"]
    assert dots == ["2"] * (4 * 16 - 36) * 2


def test_json_and_files_have_no_colours(tmp_path):
    assert "\x1b" not in good(*LAYER, "--format", "json", "--color", "always")
    good(*LAYER, "--save", tmp_path / "C.txt", "--color", "always", terminal=True)
    assert b"\x1b" not in (tmp_path / "C.txt").read_bytes()


# -- encodings -------------------------------------------------------------------------------------------------------

COMMANDS = (
    LAYER,
    (*LAYER, "--format", "half"),
    (*LAYER, "--format", "braille"),
    (*LAYER, "--color", "always"),
    (*LAYER, "--format", "md"),
    (*LAYER, "--format", "json"),
    ("show", "--i", 30, "--k", 3, "--p", 1),
    ("show", "--i", 3, "--k", 3, "--s", 2, "--p", 1, "--op", 1, "--transpose"),
    ("size", "--i", 4, "--k", 3),
    ("verify", "--i", 4, "--k", 3),
    ("presets",),
    ("presets", "sobel"),
    ("--help",),
    ("show", "--help"),
    ("figure", "--help"),
    ("animate", "--help"),
    ("explore", "--help"),
    ("export", "--help"),
    (*LAYER, "--format", "latex"),
    (*LAYER, "--format", "tikz"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(map(str, arguments)))
@pytest.mark.parametrize("encoding", some(["ascii", "latin-1", "koi8-r", "cp437"], "ascii"))
def test_plain_ascii_where_the_stream_cannot_encode(arguments, encoding):
    text = good(*arguments, encoding=encoding)
    assert text.isascii()
    assert re.search(r"\\u[0-9a-f]{4}", text) is None
    typeset = arguments[0] in ("show", "size", "verify") and arguments[1] != "--help"
    assert (good(*arguments) != text) == (typeset and not {"json", "latex", "tikz", "md"} & set(arguments))


def test_the_example_in_ascii():
    assert good(*LAYER, encoding="ascii").splitlines()[4:11] == [
        "      x00 x01 x02 x03   x10 x11 x12 x13   x20 x21 x22 x23   x30 x31 x32 x33",
        "    +-----------------+-----------------+-----------------+-----------------+",
        "y00 | w00 w01 w02   . | w10 w11 w12   . | w20 w21 w22   . |   .   .   .   . |",
        "y01 |   . w00 w01 w02 |   . w10 w11 w12 |   . w20 w21 w22 |   .   .   .   . |",
        "    +-----------------+-----------------+-----------------+-----------------+",
        "y10 |   .   .   .   . | w00 w01 w02   . | w10 w11 w12   . | w20 w21 w22   . |",
        "y11 |   .   .   .   . |   . w00 w01 w02 |   . w10 w11 w12 |   . w20 w21 w22 |",
    ]


UP = ("show", "--i", 2, "--k", 2, "--s", 2, "--ndim", 1, "--transpose", "--weight", "1,-2")
UP_DRAWN = """\
Cᵀ is 4 × 2: 4 entries, 2 weights
     y₀ y₁
   ┌───────┐
x₀ │  1  · │
x₁ │ -2  · │
x₂ │  ·  1 │
x₃ │  · -2 │
   └───────┘

C is 2 × 4 and takes x to the size of y
     x₀ x₁ x₂ x₃
   ┌─────────────┐
y₀ │  1 -2  ·  · │
y₁ │  ·  ·  1 -2 │
   └─────────────┘

Does the transpose undo the convolution?  No: Cᵀ C ≠ I
  Row x₁, column x₁ of Cᵀ C is (-2)·(-2) = 4, not 1.
  C has rank 2: 2 of 4 directions of x are lost, and nothing brings them back.
"""
IN_ASCII = str.maketrans("₀₁₂₃│┌┐└┘─×", "0123|++++-x") | {ord("ᵀ"): "^T", ord("≠"): "!="}


def test_the_transpose_takes_y_to_x():
    assert UP_DRAWN in good(*UP)
    in_ascii = UP_DRAWN.replace(")·(", ")*(").replace("·", ".").translate(IN_ASCII)
    assert in_ascii in good(*UP, encoding="ascii")


def test_indices_above_nine_have_a_comma():
    arguments = ("show", "--i", "2x12", "--k", "2x11", "--format", "grid")
    for encoding, names in (("utf-8", ("x₁,₁₁", "x₁,₁", "w₁,₁₀")), ("ascii", ("x1,11", "x1,1", "w1,10"))):
        assert set(names) <= set(re.split(r"[ │|\n]+", good(*arguments, encoding=encoding))), encoding


def test_signs_of_the_laws_follow_the_encoding():
    arguments = ("verify", "--i", 4, "--k", 2, "--ndim", 1)
    for encoding, transpose, adjoint, size in (("utf-8", "Cᵀ", "Cᴴ", "3 × 4"), ("ascii", "C^T", "C^H", "3 x 4")):
        lines = good(*arguments, encoding=encoding).splitlines()[2:-1]
        assert f"<C x, y> = <x, {adjoint} y>" in lines[1]
        assert len({re.search(r"  (holds|no|yes) ", line).start() for line in lines}) == 1
        assert f"{transpose} C = I of 1x1 orthogonal channel mixing" in lines[-1]
        assert f"\nmatrix: {size}, 6 entries" in good("size", *arguments[1:], encoding=encoding)


def test_names_that_the_stream_cannot_encode(tmp_path):
    path = tmp_path / "größe.npz"
    assert good("export", path, "--i", 4, "--k", 3, encoding="ascii").endswith(
        "gr\\xf6\\xdfe.npz: 4 x 16, 36 entries, weight arange\n"
    )
    assert path.exists()


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_plain_ascii_by_the_environment(variables):
    code, out, err = process(*LAYER, env=environment(**variables))
    assert (code, err) == (0, "")
    assert out.isascii()
    assert "y01 |   . w00 w01 w02 |" in out


# -- width -----------------------------------------------------------------------------------------------------------


@share(0.1)
@given(
    width=st.integers(8, 200),
    layer=st.sampled_from(
        [
            "--i 4 --k 3",
            "--i 3 --k 2 --p 1",
            "--i 8 --k 3 --p 1",
            "--i 20 --k 3",
            "--i 6 --k 3 --cin 2 --cout 2",
            "--i 2 --k 3 --s 2 --transpose",
            "--i 11x3 --k 3",
            "--i 40 --k 3 --ndim 1 --weight random:0",
        ]
    ),
    encoding=st.sampled_from(["utf-8", "ascii"]),
    color=st.sampled_from(["always", "never"]),
)
def test_lines_are_never_wider_than_the_terminal(width, layer, encoding, color):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        text = good("show", *layer.split(), "--color", color, encoding=encoding)
    assert len(pictures(text)) >= 3
    assert all(len(line) <= width for line in plain(text).splitlines()), plain(text)


@pytest.mark.parametrize(
    ("width", "form"),
    [(80, "grid"), (77, "grid"), (76, "narrow"), (68, "narrow"), (67, "half"), (18, "half"), (17, "braille")],
)
def test_the_largest_form_that_fits(surroundings, width, form):
    surroundings.setenv("COLUMNS", str(width))
    first = good(*LAYER)
    surroundings.setenv("COLUMNS", "500")
    chosen = good(*LAYER, "--format", form)
    matrices = [re.search(r"[^\n]*[┌][^┘]*┘\n", text)[0] for text in (first, chosen)]
    assert matrices[0] == matrices[1]


@pytest.mark.parametrize(("form", "width"), [("grid", 77), ("half", 18)])
def test_a_form_on_request_may_be_wider(surroundings, form, width):
    surroundings.setenv("COLUMNS", "12")
    assert max(map(len, pictures(good(*LAYER, "--format", form)))) == width


# -- a real terminal -------------------------------------------------------------------------------------------------


def in_terminal(*arguments, columns, **variables):
    """Output of the command in a terminal of so many columns."""
    pty = pytest.importorskip("pty", reason="no terminals here")
    import fcntl
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with start(*arguments, stdout=slave, stdin=slave, env=environment(TERM="xterm-256color") | variables) as started:
        os.close(slave)
        parts = []
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            parts.append(part)
        err = started.stderr.read()
    os.close(master)
    assert (started.returncode, err) == (0, b"")
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_in_a_terminal():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "100")
        whole = good(*LAYER)
    text = in_terminal(*LAYER, columns=100)
    assert "\x1b[38;5;16;48;5;" in text
    assert plain(text) == whole
    text = in_terminal(*LAYER, columns=40, COLORTERM="truecolor")
    assert "\x1b[38;2;" in text
    lines = plain(text).splitlines()
    at = lines.index("┌────────────────┐")
    assert lines[at + 1 : at + 4] == ["│▀▀▀▄▀▀▀▄▀▀▀▄    │", "│    ▀▀▀▄▀▀▀▄▀▀▀▄│", "└────────────────┘"]
    assert lines[at + 4] == "w₀₀ w₀₁ w₀₂ w₁₀ w₁₁ w₁₂ w₂₀ w₂₁ w₂₂"
    assert in_terminal(*LAYER, columns=100, NO_COLOR="1") == whole
    assert in_terminal(*LAYER, columns=100, TERM="dumb") == whole


# -- pipes, files and signals ----------------------------------------------------------------------------------------

LONG = ("show", "--i", 30, "--k", 3, "--format", "grid")  # more than a pipe holds


def test_a_reader_that_has_seen_enough():
    with start(*LONG, stdout=subprocess.PIPE) as started:
        assert started.stdout.readline().startswith("30 × 30 input".encode())
        started.stdout.close()
        err = started.stderr.read()
    assert (started.returncode, err) == (0, b"")


@pytest.mark.parametrize("arguments", [LAYER, ("presets",), ("export", "--help")], ids=lambda arguments: arguments[0])
def test_a_reader_that_is_gone_before_there_is_anything_to_read(arguments):
    read, write = os.pipe()
    os.close(read)
    with start(*arguments, stdout=write) as started:
        os.close(write)
        err = started.stderr.read()
    assert (started.returncode, err) == (0, b"")


def test_a_pipe_has_no_colours_and_eighty_columns():
    code, out, err = process(*LAYER)
    assert (code, err) == (0, "")
    assert out == good(*LAYER)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_an_output_that_is_full():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        code, _, err = process(*LAYER, stdout=full)
    assert code == 1
    assert err == "convmatrix show: error: cannot write to the standard output: No space left on device\n"


def test_an_output_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    from convmatrix.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream := __import__("io").StringIO())
        assert main([*map(str, LAYER)]) == 1
    assert stream.getvalue() == "convmatrix show: error: the standard output is closed\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_interrupted_from_the_keyboard(tmp_path):
    """It waits for a weight, from a pipe that never gives one."""
    path = tmp_path / "w.npy"
    os.mkfifo(path)
    # The pipe opens when the other side begins to read it.
    with start(*LAYER, "--weight", path, stdout=subprocess.PIPE) as started, path.open("wb"):
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert (started.returncode, out, err) == (130, b"", b"convmatrix show: interrupted\n")


def test_errors_and_exit_codes_of_the_process(tmp_path):
    code, out, err = process("show", "--i", 4, "--k", 5)
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, err = process("show", "--i", 4, "--k", "three")
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, err = process(*LAYER, "--save", tmp_path / "nowhere" / "C.json")
    assert (code, out, err.count("\n")) == (1, "", 1)
    code, out, err = process("--version")
    assert (code, err) == (0, "")


def test_matplotlib_is_not_imported_for_text(tmp_path):
    program = """if True:
        import contextlib, sys
        from convmatrix.cli import main
        for words in sys.argv[2:]:
            with contextlib.redirect_stdout(open(sys.argv[1], "w")):
                assert main(words.split("|")) == 0, words
        loaded = [name for name in sys.modules if name.partition(".")[0] in ("matplotlib", "PIL", "pandas")]
        assert not loaded, loaded
    """
    arguments = [
        "show|--i|4|--k|3",
        "show|--i|4|--k|2|--s|2|--cout|4|--weight|haar",
        "show|--i|40|--k|3|--color|always",
        "show|--i|4|--k|3|--format|json",
        "show|--i|4|--k|3|--format|md",
        "size|--i|4|--k|3",
        f"export|{tmp_path}/C.npz|--i|4|--k|3",
        "verify|--i|4|--k|3",
        "presets|sobel",
        "show|--i|4|--k|3|--format|latex",
        "show|--i|4|--k|3|--format|tikz",
        f"export|{tmp_path}/C.tex|--i|4|--k|3",
        f"show|--i|4|--k|3|--save|{tmp_path}/C.tex",
        f"explore|--save|{tmp_path}/page.html",
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "out.txt", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


# -- what is mistyped ------------------------------------------------------------------------------------------------

ODD = (
    *("", " ", "x", "xx", ",", "1,", ",1", "1x", "x1", "1xx1", "1,2,3", "1,2x", "--", "-", "-1", "-x", "+2", "0", "00"),
    *("1.5", "1e3", "0x10", "1_000", "nan", "inf", "None", "true", "٣", "²", "½", "۲x۳", "same", "SAME", "samex1"),
    *("same,1", "-1,same", "zeros", "Reflect", "4x4x4x4", "1,1x1,1x1,1", "🙂", "\x00", "a\nb", "\x1b[31m", "\udcff"),
    *("@file", "=", "=3", "random:", "random:-1", "random:x", "1+2j", "1,j", "1e999", ".npy", "/", "..", "~", "%s"),
    *("{}", "9" * 30, "-" + "9" * 30, "9" * 5000),
)
ARGUMENTS = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=6),
    st.integers(-9, 9).map(str),
    st.lists(st.integers(-3, 6).map(str), min_size=2, max_size=3).map("x".join),
)
NUMBERS = (
    "--i",
    "--k",
    "--s",
    "--p",
    "--d",
    "--g",
    "--cin",
    "--cout",
    "--mode",
    "--op",
    "--o",
    "--ndim",
    "--setting",
    "--input-size",
    "--padding",
    "--transpose",
    "--in",
    "--foo",
)


def is_answered(arguments):
    """Good, or refused in one line."""
    code, out, err = run(*arguments)
    if code == 0:
        assert err == ""
        assert out.endswith("\n")
        return
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert re.match(r"convmatrix( show| size| presets| verify| export| figure| animate| explore)?: error: .", err)
    assert not any(unicodedata.category(letter) == "Cc" for letter in err[:-1])


@share(0.4)
@given(
    st.sampled_from(["show", "size", "verify"]),
    st.dictionaries(st.sampled_from(NUMBERS), ARGUMENTS, max_size=3),
    st.booleans(),
)
def test_layers_as_mistyped(command, options, joined):
    typed = [[f"{name}={word}"] if joined else [name, word] for name, word in options.items()]
    base = [] if "--setting" in options else ["--i", "6", "--k", "3"]
    is_answered([command, *base, *(word for pair in typed for word in pair)])


@share(0.4)
@given(
    st.dictionaries(
        st.sampled_from(["--weight", "--format", "--color", "--save", "--rank", "--colour"]), ARGUMENTS, max_size=2
    )
)
def test_other_options_as_mistyped(options):
    is_answered([*LAYER, *(f"{name}={word}" for name, word in options.items())])


@share(0.4)
@given(
    st.lists(
        st.one_of(ARGUMENTS, st.sampled_from(["show", "size", "presets", "--version", "--help", "-h"])), max_size=3
    )
)
def test_commands_as_mistyped(arguments):
    is_answered(arguments)


@pytest.mark.parametrize("option", ["--i", "--k", "--s", "--p", "--d", "--cin", "--cout", "--op", "--o"])
@pytest.mark.parametrize("number", [10**9, 10**18, 10**19, 10**30, 10**400])
@pytest.mark.parametrize("transpose", [[], ["--transpose"]], ids=["", "transpose"])
def test_numbers_that_are_far_too_large(option, number, transpose):
    arguments = [word for pair in (("--i", 6), ("--k", 3)) if pair[0] != option for word in pair]
    is_answered(["size", *arguments, option, number, *transpose])


def test_too_many_axes_for_one_pair():
    assert (
        refused("size", "--i", 4, "--k", 3, "--p", "1,2", "--ndim", 10**12) == "convmatrix size: error: out of memory"
    )
