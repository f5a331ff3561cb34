"""Pictures of what algebra finds, read back: numbers, colours, signs and sentences."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_hex
from scipy import sparse

from convmatrix import Conv, ConvTranspose
from convmatrix.algebra import factors as algebra
from convmatrix.algebra.inverse.same_output import same_output_pair
from convmatrix.algebra.stack.overlaps import overlap_counts
from convmatrix.show import plot
from convmatrix.show.plot import numbers
from convmatrix.show.plot.numbers import reduced
from strategies import share


def texts(ax, start):
    """Texts in the cells of a panel, by place."""
    found = {}
    for text in ax.texts:
        gid = text.get_gid() or ""
        if gid.startswith(f"{start}-") and gid.endswith("-text"):
            row, col = gid.removesuffix("-text").split("-")[-2:]
            found[int(row), int(col)] = text.label
    return found


def papers(ax, start):
    """Colours of the cells of a panel, by place."""
    found = {}
    for patch in ax.patches:
        parts = patch.get_gid().removeprefix(f"{start}-").split("-")
        if patch.get_gid().startswith(f"{start}-") and len(parts) == 2:
            found[int(parts[0]), int(parts[1])] = to_hex(patch.get_facecolor())
    return found


def written(ax, gid):
    return [text.label for text in ax.texts if (text.get_gid() or "").startswith(gid)]


def as_texts(array):
    return {place: str(value) for place, value in np.ndenumerate(array)}


# -- C^T C -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_gram_beside_the_identity(kind):
    C = Conv((4,), 2).matrix([1, -2]).toarray()
    product = C.T @ C
    ax = plot.gram(kind(product), difference=True)
    assert texts(ax, "gram-0") == as_texts(product)
    assert texts(ax, "gram-1") == as_texts(np.eye(4, dtype=int))
    assert texts(ax, "gram-2") == as_texts(product - np.eye(4, dtype=int))
    assert written(ax, "sign") == ["\N{MINUS SIGN}", "="]
    assert written(ax, "caption") == ["the largest deviation is 4, at row 1 and column 1"]
    alone = plot.gram(kind(product))
    assert written(alone, "sign") == ["≠"]
    assert (texts(alone, "gram-0"), texts(alone, "gram-1")) == (texts(ax, "gram-0"), texts(ax, "gram-1"))
    assert not texts(alone, "gram-2")
    # One scale: what is equal in two of the pictures has one colour in both.
    colours = {}
    for panel in range(3):
        for place, text in texts(ax, f"gram-{panel}").items():
            assert colours.setdefault(text, papers(ax, f"gram-{panel}")[place]) == papers(ax, f"gram-{panel}")[place]
    assert len(set(colours.values())) == len(colours)


def test_gram_that_is_the_identity():
    ax = plot.gram(np.eye(3, dtype=int), name="C C^T")
    assert written(ax, "caption") == ["C C^T = I"]
    assert written(ax, "sign") == ["="]
    ax = plot.gram(np.eye(3, dtype=int), name="C C^T", difference=True)
    assert set(texts(ax, "gram-2").values()) == {"0"}


def test_a_large_gram_is_an_image_with_a_key():
    product = sparse.diags_array([np.full(1999, -3.0), np.full(2000, 7.0)], offsets=[1, 0], format="csr")
    ax = plot.gram(product, difference=True)
    assert [image.get_array().shape for image in ax.images] == [(500, 500, 3)] * 3
    assert list(texts(ax, "scale").values()) == ["7", "3.5", "0", "-3.5", "-7"]
    key = papers(ax, "scale")
    diagonal = ax.images[0].get_array()[7, 7]
    assert "#" + bytes(diagonal).hex() == key[0, 0]
    assert "#" + bytes(ax.images[0].get_array()[7, 20]).hex() == key[2, 0]
    # Small numbers are seen beside large ones, roundings are not.
    assert "#" + bytes(ax.images[1].get_array()[3, 3]).hex() != key[2, 0]
    rounded = plot.gram(np.eye(50) * (1 + 1e-15), difference=True)
    assert (rounded.images[2].get_array() == rounded.images[2].get_array()[0, 0]).all()


@share(0.3)
@given(matrix=arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(-5, 5)))
def test_each_pixel_has_the_largest_number_of_its_block(matrix):
    before, numbers._PIXELS = numbers._PIXELS, 4
    try:
        pixels = reduced(matrix)
    finally:
        numbers._PIXELS = before
    steps = [-(-size // 4) for size in matrix.shape]
    for row, col in np.ndindex(pixels.shape):
        block = matrix[row * steps[0] : (row + 1) * steps[0], col * steps[1] : (col + 1) * steps[1]]
        assert abs(pixels[row, col]) == np.abs(block).max()
        assert pixels[row, col] in block


# -- two images ------------------------------------------------------------------------------------------------------


def test_same_output_shows_both_images_and_their_one_output():
    layer = Conv(4, 3, in_channels=2)
    weight = np.arange(18).reshape(1, 2, 3, 3)
    pair = same_output_pair(layer, weight)
    y = layer.unvec(layer.matrix(weight) @ layer.vec(pair.second))
    ax = plot.same_output(pair.first, pair.second, y)
    assert texts(ax, "image-0") == as_texts(pair.first.reshape(8, 4))
    assert texts(ax, "image-1") == as_texts(pair.second.reshape(8, 4))
    assert texts(ax, "image-2") == as_texts((pair.second - pair.first).reshape(8, 4))
    assert texts(ax, "image-3") == as_texts(y[0])
    assert written(ax, "sign") == ["\N{NOT EQUAL TO}", "\N{RIGHTWARDS ARROW}"]
    tops = {patch.get_gid(): patch.get_y() for patch in ax.patches}
    for image in range(3):  # a gap parts the channels
        down = np.diff([tops[f"image-{image}-{row}-0"] for row in range(8)])
        assert down == pytest.approx([1, 1, 1, 1.12, 1, 1, 1])
    largest = int(np.abs(pair.second - pair.first).max())
    assert ax.alt == f"Two images that differ by up to {largest}, and their one output, 1 × 2 × 2."


# -- singular values -------------------------------------------------------------------------------------------------


def line(ax, gid):
    (found,) = [each for each in ax.lines if each.get_gid() == gid]
    return found.get_xdata().tolist(), found.get_ydata().tolist()


@pytest.mark.parametrize("log", [False, True])
def test_singular_values_in_order_and_the_zeros(log):
    ax = plot.singular_values([0, 4.0, 1e-14, 8.0], log=log, zero=1e-12, title="$C")
    assert line(ax, "values") == ([1, 2], [8.0, 4.0])
    assert line(ax, "zeros")[0] == [3, 4]
    assert ax.get_yscale() == ("log" if log else "linear")
    assert ax.get_title() == "$C\n2 are 0, the condition number is infinite"
    ax.figure.canvas.draw()
    places = ax.transAxes.inverted().transform(
        [each.get_transform().transform(each.get_xydata())[-1] for each in ax.lines]
    )
    assert 0 <= places[1][1] < places[0][1]  # zeros stand below the rest


def test_condition_number():
    ax = plot.singular_values([0.5, 8])
    assert ax.get_title() == "the condition number is 16"
    assert ax.alt == "2 singular values from 8 to 0.5: the condition number is 16."
    assert len(ax.lines) == 1
    assert plot.singular_values([0.0, 0.0], log=True).get_title() == "2 are 0, the condition number is infinite"


# -- counts and patterns ---------------------------------------------------------------------------------------------


def test_overlaps():
    counts = overlap_counts(ConvTranspose(3, 3, stride=2))
    ax = plot.overlaps(counts)
    assert texts(ax, "count") == as_texts(counts)
    colours = papers(ax, "count")
    assert len({colours[place] for place, count in np.ndenumerate(counts) if count == 4}) == 1
    assert len(set(colours.values())) == 3
    assert written(ax, "caption") == ["taps that reach an output: 1 to 4"]
    # Below a narrow picture it takes several lines.
    lines = written(plot.overlaps(np.full((2, 2), 3)), "caption")
    assert lines == ["taps that", "reach an", "output: 3", "everywhere"]


def test_overlaps_of_volumes_and_rows():
    counts = overlap_counts(ConvTranspose((2, 2, 2), 2))
    ax = plot.overlaps(counts)
    for depth in range(3):
        assert texts(ax, f"count-{depth}") == as_texts(counts[depth])
    assert texts(plot.overlaps([1, 2, 1]), "count") == as_texts(np.array([[1, 2, 1]]))


def test_receptive_field():
    mask = np.zeros((5, 6), dtype=bool)
    mask[1:4:2, 2:5] = True
    ax = plot.receptive_field(mask)
    colours = papers(ax, "read")
    assert {place for place in np.ndindex(5, 6) if colours[place] == colours[1, 2]} == set(
        zip(*np.nonzero(mask), strict=True)
    )
    (frame,) = [patch for patch in ax.patches if patch.get_gid() == "read-outline"]
    (first,) = [patch for patch in ax.patches if patch.get_gid() == "read-1-2"]
    assert (frame.get_x(), frame.get_y()) == pytest.approx(first.get_xy())
    assert (frame.get_width(), frame.get_height()) == pytest.approx((3, 3))
    assert ax.alt == "Which of the 5 × 6 inputs are read: 6 of 30, within 3 × 3."


def test_receptive_field_of_nothing_of_chains_and_of_volumes():
    assert plot.receptive_field(np.zeros(3, dtype=bool)).alt == "Which of the 3 inputs are read: 0 of 3."
    assert texts(plot.receptive_field([[0, 2], [1, 0]]), "read") == as_texts(np.array([[0, 2], [1, 0]]))
    volume = np.zeros((3, 2, 2), dtype=bool)
    volume[1:, 0] = True
    framed = [patch.get_gid() for patch in plot.receptive_field(volume).patches if patch.get_gid().endswith("outline")]
    assert framed == ["read-1-outline", "read-2-outline"]


# -- factors ---------------------------------------------------------------------------------------------------------


def test_factors_as_an_equation():
    found = algebra.unfolded(Conv((4,), 3, padding=1), [1, -2, 3])
    matrices = [algebra.product(found), *(factor.matrix for factor in found)]
    ax = plot.factors(matrices, ["C", *(factor.name for factor in found)])
    assert written(ax, "sign") == ["=", "·", "·"]
    for number, matrix in enumerate(matrices):
        expected = {place: str(value) for place, value in np.ndenumerate(matrix.toarray()) if value}
        assert texts(ax, f"factor-{number}") == expected
    units = {patch.get_width() for patch in ax.patches if patch.get_gid().count("-") == 3}
    assert max(units) == pytest.approx(min(units))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.gram(np.ones((2, 3))), r"^C\^T C has to be square to be compared with I, got 2 x 3$"),
        (lambda: plot.gram([[np.nan]]), r"^C\^T C has to be a matrix of finite numbers, got shape \(1, 1\) and dtype"),
        (lambda: plot.same_output([1], [1, 2], [1]), r"^the two images have to have one shape, got \(1,\) and \(2,\)$"),
        (
            lambda: plot.same_output([1], [1], [1]),
            r"^the two images are equal, and so are their outputs for any layer: pass",
        ),
        (
            lambda: plot.same_output(np.ones((1,) * 4), np.zeros((1,) * 4), 1),
            r"^an image is drawn with at most 3 axes, channels first, got 4: draw one slice$",
        ),
        (
            lambda: plot.singular_values([]),
            r"^singular values have to be a row of real numbers, got an array of shape \(0,\) and dtype float64$",
        ),
        (lambda: plot.singular_values([1.0, -2.0]), r"^singular values are finite and not negative, got -2$"),
        (lambda: plot.singular_values([np.inf, 1.0]), r"^singular values are finite and not negative, got inf$"),
        (lambda: plot.overlaps(np.ones((1,) * 4)), r"^maps are drawn for at most 3 axes, got 4: draw slices of them$"),
        (
            lambda: plot.receptive_field(np.ones((33, 1, 1))),
            r"^the volume has 33 slices but at most 32 are drawn: draw",
        ),
        (
            lambda: plot.factors([np.eye(2)], ["C"]),
            r"^a product and its factors are needed, and a name for each: got 1 matrices and 1 names$",
        ),
        (
            lambda: plot.factors([np.eye(2), np.ones((2, 3)), np.ones((2, 2))], "CAB"),
            r"^the shapes make no product: 2 × 2 is not 2 × 3 times 2 × 2$",
        ),
    ],
)
def test_what_charts_refuse(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
    assert not plt.get_fignums()
