"""`animate --view`: the films beside the linked one, from the command line."""

import re

import numpy as np
import pytest
from PIL import Image

from commandline import good, refused
from convmatrix import Conv
from convmatrix.show.model.films import film_of


@pytest.mark.parametrize(("view", "steps"), [("bare", 4), ("stacked", 4), ("round-trip", 12), ("null-space", 7)])
def test_each_view_is_a_film_of_its_own(tmp_path, view, steps):
    file = tmp_path / "film.svg"
    assert f"{steps} steps of 1 s" in good("animate", "--i", 4, "--k", 3, "--view", view, "--save", file)
    shown = file.read_text(encoding="utf-8")
    assert len(set(re.findall(r'data-steps="(\d+ \d+)"', shown))) >= steps
    linked = tmp_path / "linked.svg"
    good("animate", "--i", 4, "--k", 3, "--save", linked)
    assert shown != linked.read_text(encoding="utf-8")


def test_the_null_space_film_has_the_given_numbers(tmp_path):
    file, x = tmp_path / "film.gif", np.arange(1, 6)
    good(
        "animate",
        "--i",
        5,
        "--k",
        2,
        "--ndim",
        1,
        "--weight",
        "1,-2",
        "--x",
        "arange",
        "--view",
        "null-space",
        "--save",
        file,
    )
    layer = Conv((5,), 2)
    vector = [16, 8, 4, 2, 1]
    assert (layer.matrix([1, -2]) @ vector).tolist() == [0, 0, 0, 0]
    expected = film_of(layer, [1, -2], x, view="null-space", vector=vector)
    with Image.open(file) as picture:
        durations = []
        for frame in range(picture.n_frames):
            picture.seek(frame)
            durations.append(picture.info["duration"])
    assert sum(durations) == 1000 * (len(expected.frames) + 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--i", 4, "--k", 1), "C takes no input but 0 to 0, so that every change of x changes y: take another layer"),
        (("--i", 9, "--k", 3), "--view null-space is drawn for at most 64 inputs, got 81: take a smaller layer"),
        (
            ("--i", 4, "--k", 3, "--weight", "gaussian"),
            "--view null-space needs whole numbers as its weight, got float64: round it",
        ),
    ],
)
def test_null_spaces_that_are_not_drawn(tmp_path, arguments, sentence):
    file = tmp_path / "film.gif"
    assert sentence in refused("animate", *arguments, "--view", "null-space", "--save", file)
    assert not file.exists()
