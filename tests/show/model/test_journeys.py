"""The round trip and the null-space film, against loops: numbers, colours, steps and sentences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from convmatrix import Conv, ConvTranspose
from convmatrix.algebra.elimination.null_spaces import integer_basis
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Label
from convmatrix.show.model.journeys import null_space_film, round_trip_film
from convmatrix.show.model.palette import value_colours
from convmatrix.show.model.style import Style
from convmatrix.show.render.glyphs import placed
from selection import some
from strategies import integers, seeds, share

SIZES = ("auto", "slide", "half", "column", "page", 4.0, (9, 4))
WEIGHT = [[1, 0, 2], [0, 1, 0], [2, 0, 1]]
X = [[3, 1, 0, 2], [0, 2, 1, 1], [1, 0, 2, 3], [2, 1, 0, 1]]
VECTOR = [[-2, -3, 1, 0], [-3, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def there(weight, x, padding=0):
    """C x by loops, stride 1."""
    x = np.pad(x, padding)
    k, o = len(weight), len(x) - len(weight) + 1
    return np.array(
        [[sum(weight[a][b] * x[r + a][c + b] for a in range(k) for b in range(k)) for c in range(o)] for r in range(o)]
    )


def back(weight, y, padding=0):
    """C^T y by loops: stamps that add up, less the padding."""
    k, o = len(weight), len(y)
    total = np.zeros((o + k - 1,) * 2, int)
    for r in range(o):
        for c in range(o):
            total[r : r + k, c : c + k] += y[r][c] * np.asarray(weight)
    return total[padding : len(total) - padding, padding : len(total) - padding]


def texts(looks, panel, made, padding=0):
    """Numbers of a panel without its padding; None where there is no text."""
    shown = made.panels[panel]
    cells = range(padding, shown.rows - padding), range(padding, shown.cols - padding)
    return [[looks[panel, row, col].text or None for col in cells[1]] for row in cells[0]]


def as_text(values):
    return [[str(value) for value in row] for row in np.asarray(values).tolist()]


@pytest.mark.parametrize("padding", [0, 1])
def test_the_round_trip_is_the_one_of_loops(padding):
    made = round_trip_film(
        Conv(4 - 2 * padding, 3, padding=padding), WEIGHT, np.asarray(X)[: 4 - 2 * padding, : 4 - 2 * padding]
    )
    x = np.asarray(X)[: 4 - 2 * padding, : 4 - 2 * padding]
    y = there(WEIGHT, x, padding)
    result = back(WEIGHT, y, padding)
    last = made.still(len(made.frames) - 1)
    assert texts(last, 0, made, padding) == as_text(x)
    assert texts(last, 1, made) == as_text(y)
    assert texts(last, 2, made, padding) == as_text(result)
    theme = made.style.colours
    colours = value_colours(result - x, theme=theme)
    for (row, col), colour in np.ndenumerate(colours):
        expected = colour if result[row, col] != x[row, col] else theme.map
        assert last[2, row + padding, col + padding].paper == expected


def test_one_part_after_the_other_appears():
    made = round_trip_film(Conv(4, 3), WEIGHT, X)
    y = there(WEIGHT, X)
    assert [len(frame.outlines) for frame in made.frames] == [0, *4 * [2], 0, *4 * [2], 0, 0]
    first = made.still(0)
    assert texts(first, 0, made) == as_text(X)
    assert all(text is None for panel in (1, 2) for row in texts(first, panel, made) for text in row)
    assert texts(made.still(2), 1, made) == [[str(y[0, 0]), str(y[0, 1])], [None, None]]
    assert [tuple(each) for each in made.frames[2].outlines] == [(0, 0, 1, 3, 3), (1, 0, 1, 1, 1)]
    assert all(text is None for row in texts(made.still(5), 2, made) for text in row)
    assert [tuple(each) for each in made.frames[6].outlines] == [(2, 0, 0, 3, 3), (1, 0, 0, 1, 1)]
    half = np.zeros((4, 4), int)
    half[:3, :3] += y[0, 0] * np.asarray(WEIGHT)
    half[:3, 1:] += y[0, 1] * np.asarray(WEIGHT)
    assert texts(made.still(7), 2, made) == as_text(half)
    gram = {key for key in made.base if key[0] in (3, 4)}
    assert len(gram) == 2 * 16 * 16
    assert {made.still(10)[key].paper for key in gram} == {made.style.colours.map}


def test_the_last_step_shows_c_transpose_c_beside_the_identity():
    made = round_trip_film(Conv((4,), 3), [1, -2, 1], [1, 2, 4, 8])
    c = np.array([[1, -2, 1, 0], [0, 1, -2, 1]])
    last = made.still(len(made.frames) - 1)
    assert texts(last, 3, made) == as_text(c.T @ c)
    assert texts(last, 4, made) == as_text(np.eye(4, dtype=int))
    colours = value_colours(c.T @ c, theme=made.style.colours)
    for place, colour in np.ndenumerate(colours):
        assert last[3, *place].paper == (colour if (c.T @ c)[place] else made.style.colours.map)
    assert [sign.text for sign in made.signs] == ["⟶", "C", "⟶", "C^T", "≠"]
    assert [frame.caption for frame in made.frames] == [
        "x has 4 numbers",
        "y0 = 1·1 + (-2)·2 + 1·4 = 1",
        "y1 = 1·2 + (-2)·4 + 1·8 = 2",
        "y = C x has 2 numbers",
        "the stamp of y0 = 1 is added: column 0 of C^T",
        "the stamp of y1 = 2 is added: column 1 of C^T",
        "C^T y differs from x in 3 of 4 places: orange is smaller",
        "C^T C ≠ I: rank 2 of 4, 2 directions of x lost",
    ]


def test_a_c_with_orthonormal_columns_comes_back():
    for weight, x in (([[1]], [[3, 1], [0, 2]]), ([[1.0]], [[0.5, 1], [0, 2]])):
        made = round_trip_film(Conv(2, 1), weight, x)
        assert [frame.caption for frame in made.frames[-2:]] == [
            "C^T y is x again, place for place",
            "C^T C = I: C^T takes every y = C x back to x",
        ]
        assert [sign.text for sign in made.signs][-1] == "="
        assert {look.paper for key, look in made.base.items() if key[0] == 2} == {made.style.colours.map}
    rotation = round_trip_film(Conv((6,), 3, padding=1), [1, 1, 0], [1, 0, 0, 0, 0, 0])
    assert rotation.frames[-1].caption == "C^T C ≠ I: rank 6 of 6, so nothing is lost, but C^T is not the way back"


def test_many_outputs_are_computed_at_once():
    made = round_trip_film(Conv(6, 3))
    assert [frame.caption for frame in made.frames] == [
        "x has 36 numbers",
        "y = C x has 16 numbers",
        "C^T y has 36 numbers again: a stamp for each of y, added up",
        "C^T y differs from x in 36 of 36 places: blue is larger",
        "C^T C ≠ I: rank 16 of 36, 20 directions of x lost",
    ]
    x = np.resize((3, 1, 0, 2, 0, 2, 1, 1, 1, 0, 2, 3, 2, 1, 0, 1), (6, 6))
    y = there(WEIGHT, x)  # the weight by default
    assert texts(made.still(1), 1, made) == as_text(y)
    assert texts(made.still(2), 2, made) == as_text(back(WEIGHT, y))


def test_the_null_space_vector_changes_x_and_not_y():
    made = null_space_film(Conv(4, 3), WEIGHT, X, VECTOR)
    y = there(WEIGHT, X)
    assert not there(WEIGHT, VECTOR).any()
    assert [panel.title for panel in made.panels] == ["x", "n", "x + n", "y = C x", "C n", "C (x + n)"]
    assert [sign.text for sign in made.signs] == ["+", "=", "+", "="]
    last = made.still(6)
    shown = [X, VECTOR, np.add(X, VECTOR), y, np.zeros((2, 2), int), y]
    assert [texts(last, panel, made) for panel in range(6)] == [as_text(each) for each in shown]
    colours = value_colours(VECTOR, theme=made.style.colours)
    for panel in (1, 2):
        for place, value in np.ndenumerate(VECTOR):
            assert last[panel, *place].paper == (colours[place] if value else made.style.colours.map)
    assert [tuple(each) for each in made.frames[6].outlines] == [(3, 0, 0, 2, 2), (5, 0, 0, 2, 2)]
    first = made.still(0)
    assert [texts(first, panel, made) for panel in (0, 3)] == [as_text(X), as_text(y)]
    assert not any(first[key].text for key in made.base if key[0] in (1, 2, 4, 5))
    assert texts(made.still(2), 4, made) == [["0", "0"], [None, None]]
    assert not any(made.still(4)[key].text for key in made.base if key[0] in (2, 5))
    assert [frame.caption for frame in made.frames[-2:]] == [
        "x + n differs from x in 6 of 16 places",
        "C (x + n) = C x + C n = C x: x has changed, y has not",
    ]


def test_panels_of_a_column_stand_on_one_centre_line():
    made = null_space_film(Conv(4, 3), WEIGHT, X, VECTOR)
    middles = [panel.x + panel.wide / 2 for panel in made.panels]
    assert middles[:3] == pytest.approx(middles[3:])
    assert middles[0] < middles[1] < middles[2]


def test_symbols_name_the_vector():
    both = null_space_film(Conv((3,), 2), [1, 2], [5, 6, 7], [4, -2, 1], style=Style(labels="both")).base
    assert (both[1, 0, 1].text, both[1, 0, 1].second) == ("n1", "-2")
    assert (both[2, 0, 1].text, both[2, 0, 1].second) == ("4", "")
    symbols = null_space_film(Conv((3,), 2), [1, 2], [5, 6, 7], [4, -2, 1], style=Style(labels="symbols")).base
    assert [symbols[panel, 0, 1].text for panel in range(6)] == ["x1", "n1", "x1+n1", "y1", "0", "y1"]
    bare = null_space_film(Conv((3,), 2), [1, 2], [5, 6, 7], [4, -2, 1], style=Style(labels="none"))
    assert not any(look.text for look in bare.base.values())


@share(0.05)
@given(size=st.integers(3, 8), padding=st.integers(0, 1), stride=st.integers(1, 2), seed=seeds(), data=st.data())
def test_vectors_of_the_exact_null_space_are_drawn(size, padding, stride, seed, data):
    layer = Conv((size,), 2, padding=padding, stride=stride)
    weight, x = integers(layer.weight_shape, seed), integers(layer.input_shape, seed + 1)
    basis = integer_basis(sparse.csr_array(layer.matrix(weight)))
    if basis.shape[1]:
        vector = basis[:, data.draw(st.integers(0, basis.shape[1] - 1))]
        made = null_space_film(layer, weight, x, vector)
        last = made.still(len(made.frames) - 1)
        assert texts(last, 3, made) == texts(last, 5, made)
        assert texts(last, 0, made) != texts(last, 2, made)
    else:
        with pytest.raises(ValueError, match=r"^vector is not in the null space: "):
            null_space_film(layer, weight, x, np.ones(size, int))


def test_floats_are_compared_up_to_rounding():
    weight, vector = [0.1, 0.2, 0.3], [1.0, 1.0, -1.0, 0.0]
    vector[3] = -(0.1 * vector[1] + 0.2 * vector[2]) / 0.3
    made = null_space_film(Conv((4,), 3), weight, [1.0, 2, 3, 4], vector)
    assert made.frames[-1].caption.endswith("y has not")


LONG_TITLE = "There and back: a title that is long enough for several lines of text"


def boxes(made, step):
    for mark in drawing.still(made, step):
        if isinstance(mark, Label):
            wide = placed(mark.text, math=mark.math)[1] * mark.size
            left = mark.x - {"start": 0, "middle": 0.5, "end": 1}[mark.anchor] * wide
            yield left, mark.y - 0.5 * mark.size, left + wide, mark.y + 0.5 * mark.size
        elif isinstance(mark, drawing.Box):
            yield mark.x, mark.y, mark.x + mark.wide, mark.y + mark.tall


@pytest.mark.parametrize("size", some(SIZES, "slide"))
@pytest.mark.parametrize("title", some(["", LONG_TITLE], LONG_TITLE))
def test_everything_lies_on_the_page(size, title):
    style = Style(size=size)
    made = [
        round_trip_film(Conv(4, 3), title=title, style=style),
        round_trip_film(Conv((8,), 3, padding=1), title=title, style=style),
        round_trip_film(Conv(8, 3, padding=1), title=title, style=style),
        null_space_film(Conv(4, 3), WEIGHT, X, VECTOR, title=title, style=style),
        null_space_film(Conv((3,), 2), [1, 2], [5, 6, 7], [4, -2, 1], title=title, style=style),
    ]
    for film in made:
        for step in (0, len(film.frames) // 2, len(film.frames) - 1):
            for left, top, right, bottom in boxes(film, step):
                assert left > -0.02
                assert top > -0.02
                assert right < film.width + 0.02
                assert bottom < film.height + 0.02
    # Numbers are what these films are about: those of the example are shown at every size.
    assert made[0].panels[0].labelled
    assert made[3].panels[0].labelled
    if size == "slide":
        # The slide has a title of its own.
        assert round_trip_film(Conv(5, 3, stride=2, padding=1), style=style).panels[0].labelled


@pytest.mark.parametrize(
    ("change", "sees"),
    [("theme", "dark"), ("size", "slide"), ("labels", "none"), ("fill", "value"), ("captions", "off")],
)
def test_every_field_of_the_style_changes_the_films(change, sees):
    def marks(style):
        films = (
            round_trip_film(Conv(4, 3), style=style),
            null_space_film(Conv(4, 3), WEIGHT, X, VECTOR, style=style),
        )
        return [[*drawing.still(film, 1), film.width] for film in films]

    for before, after in zip(marks(Style()), marks(Style(**{change: sees})), strict=True):
        assert before != after


def test_films_describe_themselves():
    assert round_trip_film(Conv((3,), 2), [1, 2], [5, 6, 7]).about == (
        "x, of 3, becomes y = C x, of 2, and C^T y, of 3 again. C^T y differs from x in 3 of 3 places: blue is larger. "
        "C^T C ≠ I: rank 2 of 3, 1 direction of x lost."
    )
    assert null_space_film(Conv((3,), 2), [1, 2], [5, 6, 7], [4, -2, 1]).about == (
        "n is added to x, of 3. It changes 3 of 3 places, but C n = 0, so that C (x + n) is the same y as C x."
    )


def test_errors_of_the_round_trip():
    with pytest.raises(
        ValueError, match=r"^the round trip is drawn for one channel, got in_channels=3 and out_ch.*=2:"
    ):
        round_trip_film(Conv(4, 3, in_channels=3, out_channels=2))
    with pytest.raises(
        ValueError, match=r"^the round trip shows C\^T C, which here has 81 rows and columns, .* 64 are"
    ):
        round_trip_film(Conv(9, 3))
    with pytest.raises(TypeError, match=r"^layer must be a Conv, got ConvTranspose"):
        round_trip_film(ConvTranspose(2, 3))
    with pytest.raises(
        TypeError, match=r"^weight is complex \(complex128\), but real numbers are drawn: pass its real"
    ):
        round_trip_film(Conv((3,), 2), [1j, 2])
    with pytest.raises(ValueError, match=r"^x has numbers that are not finite: leave out infinity and NaN$"):
        round_trip_film(Conv((3,), 2), [1, 2], [1, np.nan, 3])
    with pytest.raises(ValueError, match=r"^maps are drawn for at most 2 axes, got 3"):
        round_trip_film(Conv((3, 3, 3), 2))
    with pytest.raises(ValueError, match=r"^x has shape \(4,\) but this layer's input needs"):
        round_trip_film(Conv((3,), 2), [1, 2], [1, 2, 3, 4])


def test_errors_of_the_null_space_film():
    layer, weight, x = Conv((3,), 2), [1, 2], [5, 6, 7]
    with pytest.raises(ValueError, match=r"^vector is 0 everywhere, and adding it changes nothing"):
        null_space_film(layer, weight, x, [0, 0, 0])
    with pytest.raises(
        ValueError,
        match=r"^vector is not in the null space: 1 of the 2 places of C n are not 0, the first, y1, is 4: pass",
    ):
        null_space_film(layer, weight, x, [4, -2, 3])
    with pytest.raises(
        ValueError, match=r"^vector has shape \(2,\) but is added to x, whose shape is \(3,\): reshape it$"
    ):
        null_space_film(layer, weight, x, [4, -2])
    with pytest.raises(ValueError, match=r"^the null-space film is drawn for one channel, got in_channels=2 and out_"):
        null_space_film(Conv((3,), 2, in_channels=2), weight, x, [4, -2, 1])
    with pytest.raises(TypeError, match=r"^layer must be a Conv, got ConvTranspose"):
        null_space_film(layer.T, weight, x, [4, -2, 1])
    with pytest.raises(TypeError, match=r"^vector is complex"):
        null_space_film(layer, weight, x, [4j, -2j, 1j])
