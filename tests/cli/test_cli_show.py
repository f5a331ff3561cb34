"""What `show` prints: as much as a terminal holds, in every width, and sentences whose numbers are right."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commandline import TELLING, environment, good, refused
from convmatrix import Conv, ConvTranspose
from convmatrix.cli.descriptions import arithmetic_described, channels_described, setting_described
from convmatrix.cli.overview import Overview
from convmatrix.cli.verdicts import answer_of, sentences
from convmatrix.show.model.scene import Scene
from convmatrix.show.render.text import Terminal, visible_width
from helpers import dense
from strategies import integers, layers, seeds, share

LAYER = ("show", "--i", 4, "--k", 3)
AT_80 = """\
4 × 4 input, 3 × 3 kernel, stride 1, no padding  →  2 × 2 output
o = (i − k)/s + 1 = (4 − 3)/1 + 1 = 2

C is 4 × 16: 36 entries, 9 different weights
      x₀₀ x₀₁ x₀₂ x₀₃   x₁₀ x₁₁ x₁₂ x₁₃   x₂₀ x₂₁ x₂₂ x₂₃   x₃₀ x₃₁ x₃₂ x₃₃
    ┌─────────────────┬─────────────────┬─────────────────┬─────────────────┐
y₀₀ │ w₀₀ w₀₁ w₀₂   · │ w₁₀ w₁₁ w₁₂   · │ w₂₀ w₂₁ w₂₂   · │   ·   ·   ·   · │
y₀₁ │   · w₀₀ w₀₁ w₀₂ │   · w₁₀ w₁₁ w₁₂ │   · w₂₀ w₂₁ w₂₂ │   ·   ·   ·   · │
    ├─────────────────┼─────────────────┼─────────────────┼─────────────────┤
y₁₀ │   ·   ·   ·   · │ w₀₀ w₀₁ w₀₂   · │ w₁₀ w₁₁ w₁₂   · │ w₂₀ w₂₁ w₂₂   · │
y₁₁ │   ·   ·   ·   · │   · w₀₀ w₀₁ w₀₂ │   · w₁₀ w₁₁ w₁₂ │   · w₂₀ w₂₁ w₂₂ │
    └─────────────────┴─────────────────┴─────────────────┴─────────────────┘
Cᵀ is 16 × 4 and takes y back to the size of x: --full draws it

Does the transpose undo the convolution?  No: Cᵀ C ≠ I
  With w = 1, 2, ... 9, row x₂₂, column x₂₂ of Cᵀ C is
  9·9 + 8·8 + 6·6 + 5·5 = 206, not 1.
  C has rank 4: 12 of 16 directions of x are lost, and nothing brings them back.

See it move: convmatrix explore --save page.html
another layer: convmatrix show 5 3 --stride 2
"""
AT_40 = """\
4 x 4 input, 3 x 3 kernel, stride 1,
no padding  ->  2 x 2 output
o = (i - k)/s + 1 = (4 - 3)/1 + 1 = 2

C is 4 x 16: 36 entries, 9 different
weights
+----------------+
|'##.'##.'##.    |
|    '##.'##.'##.|
+----------------+
C^T is 16 x 4 and takes y back to the
size of x: --full draws it

Does the transpose undo the convolution?
No: C^T C != I
  With w = 1, 2, ... 9, row x22, column
  x22 of C^T C is
  9*9 + 8*8 + 6*6 + 5*5 = 206, not 1.
  C has rank 4: 12 of 16 directions of x
  are lost, and nothing brings them
  back.
"""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in TELLING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    return monkeypatch


# -- as much as fits -------------------------------------------------------------------------------------------------


def test_at_eighty_by_twenty_four():
    assert good(*LAYER, terminal=True) == AT_80


def test_at_forty_columns_in_ascii(surroundings):
    surroundings.setenv("COLUMNS", "40")
    assert good(*LAYER, terminal=True, encoding="ascii") == AT_40


def test_all_of_it_where_it_fits_with_the_option_and_in_a_pipe(surroundings):
    whole = good(*LAYER)
    assert whole.count("┌") == 2
    assert good(*LAYER, "--full", terminal=True) == whole
    for height, fits in ((whole.count("\n") + 1, True), (whole.count("\n"), False)):  # a line is the prompt's
        surroundings.setenv("LINES", str(height))
        assert (good(*LAYER, terminal=True) == whole) is fits
    assert good(*LAYER, "--verbose", terminal=True).startswith(whole[: whole.index("\n") + 1])


def test_the_commands_of_the_last_lines_are_accepted(tmp_path):
    for line in AT_80.splitlines()[-2:]:
        command = line.partition(": convmatrix ")[2].replace("page.html", str(tmp_path / "page.html"))
        assert good(*command.split())


@share(0.25)
@given(
    layer=layers(),
    width=st.integers(32, 120),
    height=st.integers(3, 60),
    unicode=st.booleans(),
    colours=st.sampled_from((0, 256)),
    seed=st.none() | seeds(),
)
def test_neither_wider_nor_higher_than_the_terminal(layer, width, height, unicode, colours, seed):
    weight = None if seed is None else integers(layer.weight_shape, seed)
    answer = answer_of(layer, weight, any_size=False)
    lines = Overview(layer, weight, None, answer, Terminal(width, colours, unicode)).fitting(height)
    assert 1 <= len(lines) <= height
    assert max(map(visible_width, lines)) <= width
    assert unicode or "".join(lines).isascii()


def test_numbers_are_drawn_in_narrow_cells_and_around_the_middle(surroundings):
    sobel = ("show", "--i", 5, "--k", 3, "--s", 2, "--p", 1, "--weight", "sobel")
    assert "y₁₀│· · · · ·│ 2  1  ·  ·  ·│0 0 · · ·│-2 -1  ·  ·  ·│· · · · ·│\n" in good(*sobel, terminal=True)
    surroundings.setenv("COLUMNS", "40")
    text = good(*sobel, terminal=True)
    assert "y₁₁│1 2 1│0 0 0│-1 -2 -1│\n" in text
    assert "the middle one of 9 rows; columns without entries in it are left out" in " ".join(text.split())


def test_the_output_in_numbers():
    text = good(*LAYER, "--weight", "arange", "--x", "arange", terminal=True)
    y = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3)) @ np.arange(1, 17)
    named = [f"y{at} = {value}" for at, value in zip(("₀₀", "₀₁", "₁₀", "₁₁"), y, strict=True)]
    assert f"y = C x in numbers:\n  {'   '.join(named)}\n" in text
    assert f"  y₁₀ = 1·5 + 2·6 + 3·7 + 4·9 + 5·10 + 6·11 + 7·13 + 8·14 + 9·15 = {y[2]}\n" in text
    long = good("show", "--i", 30, "--k", 3, "--weight", "ones", "--x", "ones")
    assert long.count("= 9   ") > 50
    assert re.search(r"= 9 \.\.\.\n", long)
    assert refused(*LAYER, "--x", "ones") == (
        "convmatrix show: error: --x ones needs --weight, since y = C x has no numbers without: add --weight arange"
    )


# -- sentences -------------------------------------------------------------------------------------------------------

VERDICTS = {
    "--i 6 --k 3 --p 1 --ndim 1 --mode circular": (
        "No: Cᵀ C ≠ I With w = 1, 2, 3, row x₀, column x₀ of Cᵀ C is 2·2 + 1·1 + 3·3 = 14, not 1. C has rank 6 for "
        "almost every w: no direction of x is lost. C has an inverse, but it is not Cᵀ."
    ),
    "--i 6 --k 3 --p 1 --ndim 1 --mode circular --weight 1,-2,1": (
        "No: Cᵀ C ≠ I Row x₀, column x₀ of Cᵀ C is (-2)·(-2) + 1·1 + 1·1 = 6, not 1. C has rank 5: 1 of 6 directions "
        "of x is lost, and nothing brings it back."
    ),
    "--i 3 --k 1": (
        "No: Cᵀ C ≠ I With w = 2, row x₀₀, column x₀₀ of Cᵀ C is 2·2 = 4, not 1. C has rank 9 for almost every w: no "
        "direction of x is lost. C has an inverse, but it is not Cᵀ."
    ),
    "--i 5 --k 3 --p 2,0 --ndim 1 --weight 1,1,2": (
        "No: Cᵀ C ≠ I Row x₀, column x₀ of Cᵀ C is 2·2 + 1·1 + 1·1 = 6, not 1. C has rank 5: no direction of x is "
        "lost. C has an inverse, but it is not Cᵀ."
    ),
    "--i 4 --k 2 --s 2 --cout 4": (
        "No: Cᵀ C ≠ I With w = 1, 2, ... 16, row x₁₁, column x₁₁ of Cᵀ C is 4·4 + 8·8 + 12·12 + 16·16 = 480, not 1. C "
        "has rank 16 for almost every w: no direction of x is lost. C has an inverse, but it is not Cᵀ."
    ),
    "--i 4 --k 2 --s 2 --cout 4 --weight haar": (
        "Yes: Cᵀ C = I Row x₂₀, column x₂₀ of Cᵀ C is 0.5·0.5 + 0.5·0.5 + 0.5·0.5 + 0.5·0.5 = 1, as in I. C has rank "
        "16: no direction of x is lost; Cᵀ is the inverse of C."
    ),
    "--i 3 --k 3 --p full --ndim 1": (
        "No: Cᵀ C ≠ I With w = 1, 2, 3, row x₀, column x₀ of Cᵀ C is 3·3 + 2·2 + 1·1 = 14, not 1. C has rank 3 for "
        "almost every w: no direction of x is lost. Least squares brings x back, Cᵀ does not."
    ),
    "--i 2 --k 1 --cout 2 --ndim 1 --weight 0.6,0.8": (
        "Yes: Cᵀ C = I Row x₁, column x₁ of Cᵀ C is 0.6·0.6 + 0.8·0.8 = 1, as in I. C has rank 2: no direction of x is "
        "lost, and no length changes."
    ),
    "--i 2 --k 2 --weight 0,0,0,0": (
        "No: Cᵀ C ≠ I Row x₀₀, column x₀₀ of Cᵀ C is 0, not 1. C has rank 0: all 4 directions of x are lost, and "
        "nothing brings them back."
    ),
    "--i 1 --k 1": (
        "No: Cᵀ C ≠ I With w = 2, row x₀₀, column x₀₀ of Cᵀ C is 2·2 = 4, not 1. C has rank 1 for almost every w: no "
        "direction of x is lost, and dividing by C undoes it."
    ),
    "--i 1 --k 1 --weight 0": (
        "No: Cᵀ C ≠ I Row x₀₀, column x₀₀ of Cᵀ C is 0, not 1. C has rank 0: x is lost, and nothing brings it back."
    ),
    "--i 3 --k 3 --s 2 --p 1 --op 1 --transpose": (
        "No: Cᵀ C ≠ I With w = 1, 2, ... 9, row x₁₁, column x₁₁ of Cᵀ C is 9·9 + 7·7 + 3·3 + 1·1 = 140, not 1. C has "
        "rank 9: 27 of 36 directions of x are lost, and nothing brings them back."
    ),
}


@pytest.mark.parametrize("arguments", VERDICTS)
def test_verdicts(arguments):
    text = " ".join(good("show", *arguments.split()).split())
    assert text.endswith(f"Does the transpose undo the convolution? {VERDICTS[arguments]}")


@share(0.4)
@given(layer=layers(), seed=st.none() | seeds())
def test_the_numbers_of_the_verdict_are_those_of_numpy(layer, seed):
    weight = None if seed is None else integers(layer.weight_shape, seed)
    answer = answer_of(layer, weight, any_size=False)
    text = " ".join(" ".join(part) for part in sentences(answer, Terminal(10**6, unicode=False)))
    values = weight
    if weight is None:
        count = int(np.prod(layer.weight_shape))
        first = 0 if "every w = 1" in text else int(re.search(r"w = (\d+)", text)[1])
        values = np.arange(first, first + count) if first else np.ones(count, dtype=int)
        values = values.reshape(layer.weight_shape)
    M = dense(layer, values)
    C = M if isinstance(layer, Conv) else M.T
    gram, cols = C.T @ C, C.shape[1]
    is_identity = np.array_equal(gram, np.eye(cols))
    assert ("Yes: C^T C = I" in text) is is_identity
    up = Scene(layer.T if isinstance(layer, Conv) else layer)
    names = {up.row_name(col): col for col in range(cols)}
    row, col, value, expected = re.search(
        r"[rR]ow (\S+), column (\S+) of C\^T C is .*?(-?\d+)(?:, as in I|, not ([01]))\.", text
    ).groups()
    assert gram[names[row], names[col]] == int(value)
    if not is_identity:
        assert int(value) != int(expected) == int(names[row] == names[col])
    if products := re.search(r"C is ((?:\S+\*\S+ \+ )*\S+\*\S+) = ", text):
        assert eval(products[1]) == int(value)
    rank = int(re.search(r"C has rank (\d+)", text)[1])
    if weight is not None:
        assert rank == np.linalg.matrix_rank(C)
    lost = re.search(r"(\d+) of (\d+) directions of x (?:is|are) lost", text)
    if lost:
        assert (int(lost[1]), int(lost[2])) == (cols - rank, cols)
    else:
        assert rank in (0, cols)


@share(0.4)
@given(layer=layers(), unicode=st.booleans())
def test_the_arithmetic_is_right(layer, unicode):
    lines = arithmetic_described(layer, Terminal(unicode=unicode))
    assert len(lines) in (min(layer.ndim, 1), layer.ndim)
    for axis, line in enumerate(lines):
        *_, numbers, result = line.split(" = ")
        assert int(result) == layer.output_size[axis]
        signs = str.maketrans({"⌊": "floor(", "⌋": ")", "−": "-", "·": "*"})
        assert eval(numbers.translate(signs), {"floor": np.floor}) == layer.output_size[axis]
        assert ("⌊" in line or "floor" in line) is (isinstance(layer, Conv) and layer.axes[axis].leftover > 0)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Conv((6,), 3, padding=1, padding_mode="circular"), "input of 6, kernel of 3, stride 1, circular padding 1"),
        (Conv((5, 6), 3, stride=(2, 1)), "5 × 6 input, 3 × 3 kernel, stride 2 × 1, no padding"),
        (Conv(5, 3, padding=((1, 2), (0, 1))), "5 × 5 input, 3 × 3 kernel, stride 1, padding 1,2 × 0,1"),
        (Conv((5,), 3, padding=((2, -1),)), "input of 5, kernel of 3, stride 1, padding 2 before and −1 after"),
        (
            Conv(5, 3, dilation=2, groups=2, in_channels=2, out_channels=4),
            "5 × 5 input with 2 channels, 3 × 3 kernel, stride 1, no padding, dilation 2, 2 groups",
        ),
        (
            ConvTranspose(3, 3, stride=2, padding=1, output_padding=1),
            "transposed convolution: 3 × 3 input, 3 × 3 kernel, stride 2, padding 1, output padding 1",
        ),
        (Conv((), (), ndim=0), "input of 1, kernel of 1, stride 1, no padding"),
    ],
)
def test_settings(layer, text):
    assert setting_described(layer).replace("~", " ").startswith(f"{text}  →  ")


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Conv(3, 2), ""),
        (Conv(1, 1, out_channels=2), "1 row for each of y's 2 channels"),
        (Conv(3, 2, in_channels=2), "9 columns for each of x's 2 channels"),
        (
            Conv((3,), 2, groups=2, in_channels=4, out_channels=6),
            "2 rows for each of y's 6 channels, 3 columns for each of x's 4 channels; 2 groups: "
            "y's channels 0 to 2 read x's 0 to 1, 3 to 5 read 2 to 3",
        ),
        (
            ConvTranspose((3,), 1, groups=3, in_channels=3, out_channels=3),
            "3 rows for each of x's 3 channels, 3 columns for each of y's 3 channels; 3 groups: "
            "x's channel 0 reads y's 0, ..., 2 reads 2",
        ),
    ],
)
def test_channels(layer, text):
    assert channels_described(layer).replace("~", " ") == text


def test_channels_stand_above_their_columns():
    text = good("show", "--i", 3, "--k", 2, "--cin", 2, "--ndim", 1, "--cout", 2, "--g", 2)
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if "channel 0  " in line)
    assert lines[at].index("channel 0") < lines[at + 1].index("x₀.₀") < lines[at].index("channel 1")
    assert lines[at].index("channel 1") < lines[at + 1].index("x₁.₀")
    assert " ch 0     ch 1\n┌" in good("show", "--i", 3, "--k", 2, "--cin", 2, "--cout", 2, "--g", 2)


# -- what is imported ------------------------------------------------------------------------------------------------


def test_show_imports_neither_matplotlib_nor_the_frameworks():
    program = """if True:
        import sys
        from convmatrix.cli import main
        assert main(["show", "--i", "4", "--k", "3"]) == 0
        names = [name for name in sys.modules if name.startswith(("matplotlib", "convmatrix.frameworks"))]
        assert not names, names
    """
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
