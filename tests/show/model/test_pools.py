"""Films of pools, against plain loops over their windows."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix import AvgPool, Conv, MaxPool
from convmatrix.presets import numerical_data
from convmatrix.show.model.palette import THEMES, over, tap_colours
from convmatrix.show.model.scene import number_label
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import HEADING, TINT, Style
from convmatrix.show.model.typeset import width
from convmatrix.show.render.svg import moving
from strategies import share
from strategies_fixed import avg_pools, max_pools

SMALL = {"ndims": (0, 1, 2)}
MAP = THEMES["light"].map
LARGE = Style(size=(60, 60))
"""A page on which every label fits."""
SEEDS = st.integers(0, 99)


def windows(pool):
    """For each output, channel first: the tap and the position of each input that its window sees."""
    for channel, output in product(range(pool.channels), np.ndindex(pool.output_size)):
        seen = []
        for tap in np.ndindex(pool.kernel_size):
            at = [
                o * s + t * d - before
                for o, s, t, d, (before, _) in zip(output, pool.stride, tap, pool.dilation, pool.padding, strict=True)
            ]
            if all(0 <= place < size for place, size in zip(at, pool.input_size, strict=True)):
                seen.append((tap, (channel, *at)))
        yield seen


def tinted(pool, tap):
    return over(coloured(pool, tap), MAP, TINT)


def entries(made, matrix, row):
    """Texts and colours of the entries of a row of the matrix, by column."""
    looks = {key[2]: look for key, look in made.base.items() if key[:2] == (matrix, row)}
    return {col: (look.text, look.paper) for col, look in looks.items() if look.text != "0"}


def drawn_input(pool, seed):
    return np.random.default_rng(seed).integers(-9, 10, pool.input_shape)


def divisor(pool, number):
    return int(pool.divisors().ravel()[number % pool.divisors().size])


def panel(made, word):
    return [number for number, one in enumerate(made.panels) if one.name.rstrip("0123456789") == word]


def colours_seen(made, frame):
    """Colours of the covered cells that are read."""
    return [look.paper for key, look in frame.looks.items() if key[0] in panel(made, "input")]


def coloured(pool, tap):
    colours = tap_colours(pool.kernel_size)
    return colours[int(np.ravel_multi_index(tap, pool.kernel_size)) if tap else 0]


@given(avg_pools(**SMALL), SEEDS)
@share(0.12)
def test_an_average_divides_what_its_window_sees(pool, seed):
    x = drawn_input(pool, seed)
    made = film(pool, None, x, style=LARGE)
    assert panel(made, "kernel") == []
    (matrix,) = panel(made, "matrix")
    for number, (frame, seen) in enumerate(zip(made.frames, windows(pool), strict=True)):
        by = divisor(pool, number)
        share = "1" if by == 1 else f"1/{by}"
        written = share if max(pool.matrix_shape) <= 64 else ""  # larger matrices have no labels
        row = entries(made, matrix, number)
        expected = {int(np.ravel_multi_index(at, pool.input_shape)): (written, coloured(pool, tap)) for tap, at in seen}
        assert row == expected
        assert sorted(colours_seen(made, frame)) == sorted(tinted(pool, tap) for tap, _ in seen)
        above = {key[2]: look.paper for key, look in frame.looks.items() if key[0] in panel(made, "above")}
        assert above == {int(np.ravel_multi_index(at, pool.input_shape)): tinted(pool, tap) for tap, at in seen}
        mean = number_label(sum(x[at] for _, at in seen) / by)
        assert frame.caption.endswith(f" = {mean}")
        if "…" not in frame.caption:
            terms = " + ".join(str(x[at]) for _, at in seen)
            terms = f"({terms})" if len(seen) > 1 else terms
            assert frame.caption.split(" = ")[1] == (terms if by == 1 else f"{terms}/{by}")
        assert [look.text for key, look in frame.lasting.items()] == [mean] * 2  # in the map, and beside its row


@given(max_pools(**SMALL), SEEDS)
@share(0.12)
def test_a_maximum_lights_the_first_of_the_largest(pool, seed):
    x = drawn_input(pool, seed)
    made = film(pool, None, x, style=LARGE)
    (matrix,) = panel(made, "matrix")
    for number, (frame, seen) in enumerate(zip(made.frames, windows(pool), strict=True)):
        largest = max(x[at] for _, at in seen)
        chosen = next(at for _, at in seen if x[at] == largest)
        tap = next(tap for tap, at in seen if at == chosen)
        flat = int(np.ravel_multi_index(chosen, pool.input_shape))
        written = "1" if max(pool.matrix_shape) <= 64 else ""  # larger matrices have no labels
        assert entries(made, matrix, number) == {flat: (written, coloured(pool, tap))}
        assert colours_seen(made, frame) == [tinted(pool, tap)]  # the outline alone shows the rest of the window
        above = {key[2]: look.paper for key, look in frame.looks.items() if key[0] in panel(made, "above")}
        assert above == {flat: tinted(pool, tap)}
        assert frame.caption.endswith(f" = {largest}")
        if "…" not in frame.caption:
            assert frame.caption.split(" = ")[1] == f"max({', '.join(str(x[at]) for _, at in seen)})"


def test_the_padding_of_a_maximum_is_no_zero():
    for kind, beyond in ((MaxPool, ""), (AvgPool, "0")):
        made = film(kind((2,), 2, stride=1, padding=1), None, [5, 7])
        assert [made.base[0, 0, col].text for col in range(4)] == [beyond, "5", "7", beyond]


def test_the_first_of_equals_is_selected():
    x, _ = numerical_data()
    made = film(MaxPool(5, 3, stride=1), None, x)
    selected = [next(key for key in frame.looks if key[0] == panel(made, "above")[0])[1:] for frame in made.frames]
    assert selected[0] == (0, 0)  # of the threes at x00, x01 the first
    titles = [(one.title, one.note) for one in made.panels if one.title]
    assert titles == [("x", "5 × 5"), ("y", "3 × 3"), ("y = S x", "S is 9 × 25")]
    assert "max(3, 3, 2, 0, 0, 1, 3, 1, 2) = 3" in moving(made)


def test_an_average_without_values_names_them():
    made = film(AvgPool((5,), 3, stride=2, padding=1, count_include_pad=False))
    assert [frame.caption for frame in made.frames] == ["y0 = (x0 + x1)/2", "y1 = (x1 + x2 + x3)/3", "y2 = (x3 + x4)/2"]
    texts = [look.text for key, look in made.base.items() if made.panels[key[0]].name == "matrix" and look.text != "0"]
    assert texts == [
        *["1/2"] * 2,
        *["1/3"] * 3,
        *["1/2"] * 2,
    ]


def test_a_caption_leaves_out_the_middle_of_a_large_window():
    made = film(MaxPool((20,), 20), None, range(20))
    (frame,) = made.frames
    assert frame.caption.startswith("y0 = max(0, 1, ")
    assert frame.caption.endswith(", …, 19) = 19")
    assert width(frame.caption) * HEADING * 0.85 * made.text <= made.width


@pytest.mark.parametrize(
    ("layer", "keywords", "message"),
    [
        (MaxPool(4, 2), {}, "^what max pooling selects depends on the input: give x to draw it$"),
        (MaxPool(4, 2), {"x": np.ones((2, 4, 4))}, r"x has shape \(2, 4, 4\) but a selection is that of one input"),
        (AvgPool(4, 2), {"weight": np.ones((2, 2))}, "^AvgPool has no weight, and one was given: leave it out$"),
        (MaxPool((4,), 2), {"weight": 1, "x": range(4)}, "^MaxPool has no weight, and one was given: leave it out$"),
        (AvgPool(4, 2), {"view": "stamps"}, "^view 'stamps' shows .* and this layer is none: take view 'windows'$"),
        (Conv(4, 2), {"view": "stamps"}, "take layer.T, or view 'windows'$"),
    ],
)
def test_what_cannot_be_drawn(layer, keywords, message):
    with pytest.raises(ValueError, match=message):
        film(layer, **keywords)
