"""Labels as mathematics in every medium."""

import pytest

from convmatrix.show.model.typeset import as_ascii, as_html, as_mathtext, as_unicode, runs, width

LABELS = ["w00", "w1,10", "y0.01", "C^T C", "y0 = w0·x0 + w1·x1", "x = C^T y", "12", "the stamp of y1"]


@pytest.mark.parametrize("label", LABELS)
def test_pieces_hold_the_whole_label(label):
    assert "".join(("^" if run.shift == "sup" else "") + run.text for run in runs(label)) == label


@pytest.mark.parametrize(
    ("label", "mathtext", "html", "unicode"),
    [
        ("w00", "$w_{00}$", "<i>w</i><sub>00</sub>", "w₀₀"),
        ("w1,10", "$w_{1,10}$", "<i>w</i><sub>1,10</sub>", "w₁,₁₀"),
        ("C^T", r"$C^{\mathrm{T}}$", "<i>C</i><sup>T</sup>", "Cᵀ"),
        ("100 % of x", r"100 \% of $x$", "100 % of <i>x</i>", "100 % of x"),
        ("max", "max", "max", "max"),
        ("C != I", "$C$ != $I$", "<i>C</i> != <i>I</i>", "C ≠ I"),
    ],
)
def test_media(label, mathtext, html, unicode):
    assert (as_mathtext(label), as_html(label), as_unicode(label)) == (mathtext, html, unicode)


def test_indices_above_nine_are_distinct():
    assert as_unicode("w1,10") != as_unicode("w110")
    assert width("w1,10") > width("w110") > width("w10")


def test_ascii():
    assert as_ascii("y0 ∗ w → 4 × 4, C ≠ I") == "y0 * w -> 4 x 4, C != I"
