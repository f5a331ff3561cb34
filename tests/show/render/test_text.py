"""Pictures in text, read back cell by cell: labels, colours, half-blocks, braille, rulers and widths."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix import Conv, ConvTranspose
from convmatrix.show.model.palette import ink_on, rgb, tap_colours
from convmatrix.show.model.scene import Scene
from convmatrix.show.render.text import FORMS, Terminal, around_middle, draw, fitting_grid, markdown
from helpers import dense
from strategies import integers, layers, seeds, share
from symbols import taps_by_definition

ALL = 1 << 24
LEVELS = (0, 95, 135, 175, 215, 255)
WIDE = 10**6


def plain(line):
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def named(index, sizes):
    return ("," if len(sizes) > 1 and max(sizes) > 10 else "").join(map(str, index))


BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def labels(layer, *, unicode):
    """Names of all places of the matrix, and the names of rows and columns, by a second account of the rules.

    A transposed convolution takes y back to x.
    """
    kernel = layer.kernel_size
    channels = layer.weight_shape[:2]

    def tap_name(tap):
        index = np.unravel_index(tap, layer.weight_shape)
        name = named(index[2:], kernel)
        return "w" + (name if channels == (1, 1) else f"{named(index[:2], channels)}{'.' if name else ''}{name}")

    def names(letter, shape):
        for index in np.ndindex(shape):
            name = named(index[1:], shape[1:])
            yield as_shown(letter + (name if shape[0] == 1 else f"{index[0]}.{name}" if name else str(index[0])))

    def as_shown(label):
        return label.translate(BELOW) if unicode else label

    cells = [[as_shown("+".join(map(tap_name, taps))) for taps in row] for row in taps_by_definition(layer)]
    rows, cols = ("x", "y") if isinstance(layer, ConvTranspose) else ("y", "x")
    return cells, list(names(rows, layer.output_shape)), list(names(cols, layer.input_shape))


def layer_arguments(line):
    return re.sub("[│|]", " ", plain(line)).split()


def is_row(line):
    """Check whether a line of a grid is a row of the matrix: the header and the rulers have no bars."""
    return re.search("[│|]", line) is not None


def without_channels(lines, layer):
    """The lines without the first, if that has the numbers of the channels, which are checked."""
    numbers = re.findall(r"(channel|ch) (\d+) *", plain(lines[0]))
    if not numbers:
        return lines
    assert re.fullmatch(r" *((channel|ch) \d+ *)+", plain(lines[0]))
    assert [int(number) for _, number in numbers] == list(range(layer.in_channels))
    assert layer.in_channels > 1
    return lines[1:]


# -- the grid --------------------------------------------------------------------------------------------------------


@share(0.25)
@given(layer=layers(ndims=(0, 1, 2)), unicode=st.booleans(), colours=st.sampled_from((0, 256, ALL)))
def test_labels_read_back(layer, unicode, colours):
    lines = without_channels(draw(Scene(layer), Terminal(WIDE, colours, unicode), "grid"), layer)
    assert unicode or "".join(lines).isascii()
    cells, rows, cols = labels(layer, unicode=unicode)
    nothing = "·" if unicode else "."
    header, first, *body, last = lines
    assert header.split() == cols
    read = list(filter(is_row, body))
    assert [layer_arguments(line)[0] for line in read] == rows
    assert [layer_arguments(line)[1:] for line in read] == [[name or nothing for name in row] for row in cells]
    # Rulers stand where an image row ends, of the input and of the output; all lines are equally long.
    width, height = (layer.input_size or (1,))[-1], (layer.output_size or (1,))[-1]
    bars = [len(re.split("[│|]", plain(line))[1:-1]) for line in read]
    assert set(bars) == {-(-len(cols) // width)}
    for line in read:
        parts = re.split("[│|]", plain(line))[1:-1]
        assert all(len(part.split()) == width for part in parts)
    rulers = [number for number, line in enumerate(body) if line not in read]
    if height > 1 and len(rows) > height:
        assert rulers == [number * (height + 1) - 1 for number in range(1, len(rows) // height)]
    else:
        assert rulers == []
    assert len({len(plain(line)) for line in (first, *body, last)}) == 1
    assert len(header) <= len(first)


@share(0.25)
@given(layer=layers(ndims=(0, 1, 2)), seed=seeds())
def test_values_read_back(layer, seed):
    weight = integers(layer.weight_shape, seed)
    lines = draw(Scene(layer, weight), Terminal(WIDE), "grid")
    read = [layer_arguments(line)[1:] for line in filter(is_row, lines)]
    matrix, pattern = dense(layer, weight), taps_by_definition(layer)
    for texts, values, taps in zip(read, matrix.tolist(), pattern, strict=True):
        assert texts == [str(value) if some else "·" for value, some in zip(values, taps, strict=True)]


def test_columns_stand_below_each_other():
    lines = draw(Scene(Conv((12,), 3, padding=1, padding_mode="replicate"), [1, -20, 300]), Terminal(), "grid")
    assert lines[0].index("x₁₁") + 3 == lines[0].rindex("x₁₁") + 3 == len(lines[0])
    ends = {match.end() for match in re.finditer(r"\S+", lines[0])}
    for line in lines[2:-1]:
        cells = {match.end() for match in re.finditer(r"[-\d·]+", line[line.index("│") :])}
        assert {end + line.index("│") for end in cells} == ends


def test_the_drawing_of_the_4x16():
    """Three characters between cells of two blocks, one within a block."""
    assert draw(Scene(Conv(4, 3)), Terminal(80)) == [
        "      x₀₀ x₀₁ x₀₂ x₀₃   x₁₀ x₁₁ x₁₂ x₁₃   x₂₀ x₂₁ x₂₂ x₂₃   x₃₀ x₃₁ x₃₂ x₃₃",
        "    ┌─────────────────┬─────────────────┬─────────────────┬─────────────────┐",
        "y₀₀ │ w₀₀ w₀₁ w₀₂   · │ w₁₀ w₁₁ w₁₂   · │ w₂₀ w₂₁ w₂₂   · │   ·   ·   ·   · │",
        "y₀₁ │   · w₀₀ w₀₁ w₀₂ │   · w₁₀ w₁₁ w₁₂ │   · w₂₀ w₂₁ w₂₂ │   ·   ·   ·   · │",
        "    ├─────────────────┼─────────────────┼─────────────────┼─────────────────┤",
        "y₁₀ │   ·   ·   ·   · │ w₀₀ w₀₁ w₀₂   · │ w₁₀ w₁₁ w₁₂   · │ w₂₀ w₂₁ w₂₂   · │",
        "y₁₁ │   ·   ·   ·   · │   · w₀₀ w₀₁ w₀₂ │   · w₁₀ w₁₁ w₁₂ │   · w₂₀ w₂₁ w₂₂ │",
        "    └─────────────────┴─────────────────┴─────────────────┴─────────────────┘",
    ]


@pytest.mark.parametrize(("unicode", "names"), [(True, "w₀,₁₀ w₁₀,₀"), (False, "w0,10 w10,0")])
def test_indices_above_nine_have_commas(unicode, names):
    """Otherwise w with 1 and 10 would look like w with 11 and 0."""
    scene = Scene(Conv((11, 11), (11, 11)))
    found = " ".join(draw(scene, Terminal(WIDE, unicode=unicode), "grid"))
    assert all(name in found for name in names.split())
    assert names.split()[0] in " ".join(markdown(scene, Terminal(unicode=unicode)))


@pytest.mark.parametrize("unicode", [True, False])
def test_corners(unicode):
    lines = draw(Scene(Conv(2, 2, padding=1)), Terminal(unicode=unicode), "grid")
    first, between, last = (lines[number] for number in (1, 5, -1))
    rules = [line.strip() for line in (first, between, last)]
    across = "─" if unicode else "-"
    corners = ["┌┬┐", "├┼┤", "└┴┘"] if unicode else ["+++"] * 3
    assert [rule.replace(across, "") for rule in rules] == corners


# -- colours ---------------------------------------------------------------------------------------------------------


def cells_in_colour(line):
    """Each cell of a line of the grid: its text and what it is painted with."""
    line = line[re.search("[│|]", line).start() :]
    return [(match[2].strip(), match[1]) for match in re.finditer(r"\x1b\[([0-9;]*)m(.*?)\x1b\[0m", line)]


def code_of(colour, colours, *, paper=True):
    """Of 256 the closest: of the cube the closest in each channel, or a grey; and the ink that goes with it."""
    shown, code = colour, "2;" + ";".join(map(str, rgb(colour)))
    if colours == 256:
        steps = [int(np.argmin([abs(level - part) for level in LEVELS])) for part in rgb(colour)]
        grey = min(range(24), key=lambda step: sum((8 + 10 * step - part) ** 2 for part in rgb(colour)))
        cube, greys = [LEVELS[step] for step in steps], [8 + 10 * grey] * 3
        is_grey = distance(greys, rgb(colour)) < distance(cube, rgb(colour))
        shown = "#" + bytes(greys if is_grey else cube).hex()
        code = f"5;{232 + grey}" if is_grey else f"5;{16 + 36 * steps[0] + 6 * steps[1] + steps[2]}"
    if not paper:
        return code
    ink = ink_on(shown)
    assert contrast(ink, shown) >= 4.5
    return f"38;{code_of(ink, colours, paper=False)};48;{code}"


def distance(one, other):
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def contrast(one, other):
    """WCAG 2.1."""

    def luminance(colour):
        parts = [part / 255 for part in rgb(colour)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@share(0.2)
@given(layer=layers(ndims=(1, 2)), colours=st.sampled_from((256, ALL)))
def test_colours_follow_the_taps(layer, colours):
    lines = draw(Scene(layer), Terminal(WIDE, colours), "grid")
    palette = tap_colours(layer.kernel_size)
    read = [cells_in_colour(line) for line in filter(is_row, lines)]
    for cells, row in zip(read, taps_by_definition(layer), strict=True):
        for (text, codes), taps in zip(cells, row, strict=True):
            if not taps:
                assert (text, codes) == ("·", "2")
                continue
            paper = palette[taps[0] % len(palette)]
            assert codes == code_of(paper, colours)


@pytest.mark.parametrize("colours", [256, ALL])
def test_every_code_is_closed(colours):
    for form in FORMS:
        for line in draw(Scene(Conv(6, 3, padding=1)), Terminal(WIDE, colours), form):
            codes = re.findall(r"\x1b\[([0-9;]*)m", line)
            assert codes[1::2] == ["0"] * (len(codes) // 2)
            assert "0" not in codes[::2]


def test_paint_and_faint():
    assert Terminal(colours=0).paint("w", "#ffffff", "#000000") == "w"
    assert Terminal(colours=0).faint("w") == "w"
    assert Terminal(colours=ALL).paint("w") == "w"
    assert Terminal(colours=ALL).paint("w", "#102030") == "\x1b[38;2;16;32;48mw\x1b[0m"
    assert Terminal(colours=ALL).paint("w", None, "#102030") == "\x1b[48;2;16;32;48mw\x1b[0m"
    assert Terminal(colours=ALL).paint("w", "#000000", "#102030") == "\x1b[38;2;0;0;0;48;2;16;32;48mw\x1b[0m"
    assert Terminal(colours=256).paint("w", "#ffffff", "#000000") == "\x1b[38;5;231;48;5;16mw\x1b[0m"
    assert Terminal(colours=256).faint("w") == "\x1b[2mw\x1b[0m"


@given(st.integers(0, 0xFFFFFF))
def test_the_closest_of_256(colour):
    colour = f"#{colour:06x}"
    assert Terminal(colours=256).paint("w", colour) == f"\x1b[38;{code_of(colour, 256, paper=False)}mw\x1b[0m"
    for colours in (256, ALL):
        assert Terminal(colours=colours).label("w", colour) == f"\x1b[{code_of(colour, colours)}mw\x1b[0m"


# -- half-blocks -----------------------------------------------------------------------------------------------------

HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
ASCII_HALVES = {" ": (0, 0), "'": (1, 0), ".": (0, 1), "#": (1, 1)}


def inside(lines):
    """The lines within the frame, which is checked."""
    first, *body, last = [plain(line) for line in lines]
    width = len(first) - 2
    assert re.fullmatch(r"┌─+┐|\+-+\+", first)
    assert re.fullmatch(r"└─+┘|\+-+\+", last)
    assert len(last) == width + 2
    for line in body:
        assert len(line) == width + 2
        assert line[0] == line[-1] == ("│" if first[0] == "┌" else "|")
    return [line[1:-1] for line in body]


@share(0.25)
@given(layer=layers(), unicode=st.booleans())
def test_half_blocks_read_back(layer, unicode):
    lines = inside(without_channels(draw(Scene(layer), Terminal(WIDE, 0, unicode), "half"), layer))
    signs = HALVES if unicode else ASCII_HALVES
    read = np.array([[signs[sign] for sign in line] for line in lines]).transpose(0, 2, 1).reshape(-1, len(lines[0]))
    pattern = layer.matrix(np.ones(layer.weight_shape, dtype=bool)).toarray()
    rows = len(pattern)
    np.testing.assert_array_equal(read[:rows], pattern)
    assert not read[rows:].any()
    assert len(read) == rows + rows % 2


def half_cells(line):
    """Colours of the upper and the lower half of each character; None for nothing."""
    line, cells = line[1:-1], []
    for codes, sign, other in re.findall(r"\x1b\[([0-9;]+)m(.)\x1b\[0m|(.)", line):
        if other:
            assert other == " "
            cells.append((None, None))
            continue
        colour = r"(2;\d+;\d+;\d+|5;\d+)"
        ink, paper = re.fullmatch(rf"38;{colour}(?:;48;{colour})?", codes).groups()
        if sign == "▄":
            cells.append((None, ink))
        else:
            assert sign == "▀"
            cells.append((ink, paper))
    return cells


@share(0.2)
@given(layer=layers(), colours=st.sampled_from((256, ALL)))
def test_half_blocks_in_colour_read_back(layer, colours):
    lines = without_channels(draw(Scene(layer), Terminal(WIDE, colours), "half"), layer)
    palette = tap_colours(layer.kernel_size)
    expected = [
        [code_of(palette[taps[0] % len(palette)], colours, paper=False) if taps else None for taps in row]
        for row in taps_by_definition(layer)
    ]
    height = -(-len(expected) // 2)
    read = []
    for line in lines[1 : height + 1]:
        upper, lower = zip(*half_cells(line), strict=True)
        read += [list(upper), list(lower)]
    assert read[: len(expected)] == expected
    assert all(code is None for row in read[len(expected) :] for code in row)
    legend = [cell for line in lines[height + 2 :] for cell in re.findall(r"\x1b\[([0-9;]*)m(.*?)\x1b\[0m", line)]
    names = ["w" + named(index, layer.kernel_size).translate(BELOW) for index in np.ndindex(layer.kernel_size)]
    assert legend == [(code_of(colour, colours), name) for colour, name in zip(palette, names, strict=True)]


def test_the_legend_is_as_wide_as_the_terminal():
    scene = Scene(Conv(12, 7))
    for width in (3, 4, 20, 78, 79):
        legend = [plain(line) for line in draw(scene, Terminal(width, ALL), "half")][20:]
        assert " ".join(legend).split() == [f"w{row}{col}".translate(BELOW) for row in range(7) for col in range(7)]
        assert all(len(line) <= max(width, 3) for line in legend)
        assert len(legend) == -(-49 // ((width + 1) // 4))


def test_the_legend_has_the_names_of_the_scene():
    scene = Scene(Conv((3,), 2).T).inserted()
    assert plain(draw(scene, Terminal(20, ALL), "half")[-1]) == "w₁ w₀"
    scene = Scene(Conv((3,), 2, in_channels=2))
    assert plain(draw(scene, Terminal(20, ALL), "half")[-1]) == "w₀ w₁"


def test_the_legend_names_a_hundred_taps_at_most():
    assert len(draw(Scene(Conv((101,), 100)), Terminal(50, ALL), "half")) == 3 + 9
    assert len(draw(Scene(Conv((102,), 101)), Terminal(50, ALL), "half")) == 3
    assert len(draw(Scene(Conv((101,), 100)), Terminal(50, 0), "half")) == 3  # no colours, nothing to explain


# -- braille ---------------------------------------------------------------------------------------------------------


def dots(lines, unicode):
    """The dots of a picture as an array of bool."""
    lines = inside(lines)
    if not unicode:
        assert set("".join(lines)) <= {" ", "#"}
        return np.array([[sign == "#" for sign in line] for line in lines])
    rows = []
    for line in lines:
        codes = np.array([ord(sign) - 0x2800 for sign in line])
        assert codes.min() >= 0
        assert codes.max() <= 0xFF
        # Unicode numbers the dots 1 2 3 7 down the left, 4 5 6 8 down the right.
        for left, right in ((1, 4), (2, 5), (3, 6), (7, 8)):
            rows.append(np.stack([codes >> left - 1 & 1, codes >> right - 1 & 1], axis=1).ravel())
    return np.array(rows).astype(bool)


def scaled(pattern, row_step, col_step):
    """Blocks of a pattern that are not empty."""
    rows, cols = (-(-size // step) for size, step in zip(pattern.shape, (row_step, col_step), strict=True))
    padded = np.zeros((rows * row_step, cols * col_step), dtype=bool)
    padded[: pattern.shape[0], : pattern.shape[1]] = pattern
    return padded.reshape(rows, row_step, cols, col_step).any(axis=(1, 3))


@share(0.25)
@given(layer=layers(), unicode=st.booleans(), width=st.integers(4, 100))
def test_braille_reads_back(layer, unicode, width):
    lines = draw(Scene(layer), Terminal(width, 0, unicode), "braille")
    steps = (1, 1)
    last = max(number for number, line in enumerate(lines) if line[-1] in "┘+")
    lines, note = lines[: last + 1], lines[last + 1 :]
    assert all(len(line) <= width for line in note)
    if note:
        text = "".join(note).replace(" ", "")  # on several lines if it is wider than the terminal
        match = re.fullmatch(rf"one{'dot' if unicode else '#'}for(\d+)[x×](\d+)entries", text)
        steps = tuple(map(int, match.groups()))
        assert max(steps) > 1
    assert all(len(line) <= width for line in lines)
    assert len(lines) <= 48 + 2
    pattern = layer.matrix(np.ones(layer.weight_shape, dtype=bool)).toarray()
    expected = scaled(pattern, *steps)
    read = dots(lines, unicode)
    np.testing.assert_array_equal(read[: len(expected), : expected.shape[1]], expected)
    assert read.sum() == expected.sum()
    # No larger steps than needed, and no more characters.
    tall, wide = (4, 2) if unicode else (1, 1)
    assert read.shape == tuple(-(-size // unit) * unit for size, unit in zip(expected.shape, (tall, wide), strict=True))
    assert steps[0] == 1 or -(-len(pattern) // (steps[0] - 1)) > 48 * tall
    assert steps[1] == 1 or -(-pattern.shape[1] // (steps[1] - 1)) > (width - 2) * wide


@pytest.mark.parametrize(("unicode", "steps"), [(True, (5, 7)), (False, (19, 14))])
def test_a_large_matrix_is_scaled(unicode, steps):
    layer = Conv(32, 5, padding=1)
    lines = draw(Scene(layer), Terminal(80, 0, unicode), "braille")
    assert lines.pop() == f"one {'dot' if unicode else '#'} for {steps[0]} {'×' if unicode else 'x'} {steps[1]} entries"
    expected = scaled(layer.matrix(np.ones((5, 5), dtype=bool)).toarray(), *steps)
    read = dots(lines, unicode)
    np.testing.assert_array_equal(read[: len(expected), : expected.shape[1]], expected)
    assert read.sum() == expected.sum() > 100


# -- which form ------------------------------------------------------------------------------------------------------


@share(0.25)
@given(layer=layers(), width=st.integers(8, 120), colours=st.sampled_from((0, 256)), unicode=st.booleans())
def test_the_largest_form_that_fits(layer, width, colours, unicode):
    scene, style = Scene(layer), Terminal(width, colours, unicode)
    forms = {form: draw(scene, style, form) for form in FORMS}
    fitting = [
        form
        for form, lines in forms.items()
        if max(len(plain(line)) for line in lines if not line.startswith("one ")) <= width
    ]
    if layer.matrix_shape[0] > 64:
        fitting = [form for form in fitting if form not in ("grid", "narrow")]
    if layer.matrix_shape[0] > 200 and "half" in fitting:
        fitting.remove("half")
    assert draw(scene, style) == forms[fitting[0]]


@pytest.mark.parametrize(("rows", "form"), [(64, "grid"), (65, "half"), (200, "half"), (201, "braille")])
def test_tall_matrices_take_smaller_forms(rows, form):
    scene = Scene(Conv((3,), 3, out_channels=rows))
    assert draw(scene, Terminal(200)) == draw(scene, Terminal(200), form)
    assert draw(scene, Terminal(200), "grid")[2].lstrip().startswith("y₀.₀ │")


def test_a_wide_matrix_is_not_labelled_first():
    """A grid of many columns is given up before its labels are made."""

    class Unlabelled(Scene):
        def text(self, cell):
            raise AssertionError

    assert len(draw(Unlabelled(Conv((300,), 3)), Terminal(80))) == 38 + 3


# -- Markdown --------------------------------------------------------------------------------------------------------


@share(0.25)
@given(layer=layers(ndims=(0, 1, 2)), unicode=st.booleans())
def test_markdown_reads_back(layer, unicode):
    cells, rows, cols = labels(layer, unicode=unicode)
    lines = markdown(Scene(layer), Terminal(unicode=unicode))
    assert not unicode or lines == markdown(Scene(layer))
    assert unicode or "".join(lines).isascii()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert table[0] == ["", *cols]
    assert [row[0] for row in table[2:]] == rows
    assert [row[1:] for row in table[2:]] == cells
    assert re.fullmatch(r"-+", table[1][0])
    assert all(re.fullmatch(r"-+:", cell) for cell in table[1][1:])
    assert len(table[1]) == len(table[0])
    assert len({len(line) for line in lines}) == 1


def test_markdown_of_values():
    assert markdown(Scene(ConvTranspose((2,), 2), [5, -70])) == [
        "|    |  y₀ |  y₁ |",
        "|----|----:|----:|",
        "| x₀ |   5 |     |",
        "| x₁ | -70 |   5 |",
        "| x₂ |     | -70 |",
    ]


HUGE = Scene(Conv((3, 2**31), 3))
LARGE = Scene(Conv((2001,), 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: draw(HUGE, Terminal()),
            "is drawn with at most 20000000 rows, columns and entries: draw a smaller layer$",
        ),
        (lambda: markdown(HUGE), "is drawn with at most 20000000 rows"),
        (lambda: draw(Scene(Conv((10**400,), 3)), Terminal()), r"has 999999\.\.\.999998 \(400 digits\) x"),
        (
            lambda: draw(LARGE, Terminal(), "grid"),
            "= 4004001 places, but grids have at most 4000000: draw it in",
        ),
        (lambda: draw(LARGE, Terminal(), "half"), "but half-blocks have at most"),
        (lambda: markdown(LARGE), "but tables have at most"),
    ],
)
def test_what_is_too_large_for_text_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_too_large_for_a_grid_is_drawn_in_braille():
    assert draw(LARGE, Terminal())[-1].startswith("one dot for ")


@share(0.25)
@given(layer=layers(), width=st.integers(8, 120), height=st.integers(4, 40), numbers=st.booleans())
def test_a_picture_is_no_higher_than_it_may_be(layer, width, height, numbers):
    scene = Scene(layer, np.ones(layer.weight_shape, dtype=int) if numbers else None)
    for lines in (draw(scene, Terminal(width, height=height)), fitting_grid(scene, Terminal(width, height=height))):
        assert len(lines) <= height
    assert draw(scene, Terminal(width, height=height))


@share(0.25)
@given(layer=layers(ndims=(1, 2)), width=st.integers(20, 120), seed=seeds())
def test_rows_around_the_middle_have_the_entries_of_the_matrix(layer, width, seed):
    scene = Scene(layer, integers(layer.weight_shape, seed))
    lines = around_middle(scene, Terminal(width, unicode=False))
    dense = scene.matrix.toarray()
    names = [scene.row_name(row) for row in range(len(dense))]
    shown = [line.split("|", 1) for line in lines if "|" in line]
    rows = [names.index(name.strip()) for name, _ in shown]
    assert rows == list(range(rows[0], rows[0] + len(rows))) if rows else not lines
    for row, (_, cells) in zip(rows, shown, strict=True):
        stored = scene.matrix.data[scene.matrix.indptr[row] : scene.matrix.indptr[row + 1]]
        assert [int(text) for text in cells.replace("|", " ").split() if text != "."] == stored.tolist()
    assert all(len(line) <= width for line in lines)
