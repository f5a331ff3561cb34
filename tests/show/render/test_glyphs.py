"""Letters of the font: places, outlines, and characters that it does not have."""

from itertools import pairwise

import pytest

from convmatrix.show.model.printable import REPLACEMENT
from convmatrix.show.render.glyphs import Letter, letters, outline, placed


def test_runs_follow_each_other():
    runs, wide = placed("y = C^T x10")
    assert [(run.text, run.face, run.size) for run in runs] == [
        ("y", "italic", 1.0),
        (" = ", "regular", 1.0),
        ("C", "italic", 1.0),
        ("T", "regular", 0.7),
        (" ", "regular", 1.0),
        ("x", "italic", 1.0),
        ("10", "regular", 0.7),
    ]
    for before, run in pairwise(runs):
        assert run.x == pytest.approx(before.x + before.wide)
    assert wide == pytest.approx(runs[-1].x + runs[-1].wide)
    assert [run.y < 0 for run in runs] == [False, False, False, True, False, False, False]
    assert runs[-1].y > 0
    assert [letter.char for run in runs for letter, _ in letters(run)] == list("y=CTx10")  # spaces have no outline


def test_text_that_is_no_mathematics_has_one_run():
    ((run,), _) = placed("x10 <b>", math=False, face="bold")
    assert (run.text, run.face) == ("x10 <b>", "bold")


def test_letters_that_the_font_does_not_have():
    """Warnings are errors here: matplotlib would warn of each."""
    ((run,), wide) = placed("é 猫 \N{COMBINING LATIN SMALL LETTER A}", math=False)
    assert run.text == f"é {REPLACEMENT} {REPLACEMENT}"
    assert wide > 0
    assert all(outline(letter) for letter, _ in letters(run))


def test_outlines_are_those_of_each_face():
    drawn = {outline(Letter("w", face)) for face in ("regular", "italic", "bold")}
    assert len(drawn) == 3
    assert all(each.startswith("M") and each.endswith("Z") for each in drawn)
