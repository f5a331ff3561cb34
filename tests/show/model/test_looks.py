"""Looks of cells: each label can be read on the paper of its cell, in every role and theme."""

import pytest

from colour_vision import contrast
from convmatrix.show.model.looks import Looks
from convmatrix.show.model.style import Style

THEMES = ("light", "dark", "print")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("side", [1, 3, 5, 7])
def test_labels_have_contrast(theme, side):
    looks = Looks(Style(theme=theme, labels="values"), (side, side))
    cells = [looks.map("x", 1), looks.padding(), looks.inserted(), looks.copied("x", 1), looks.role("cropped", "y", 1)]
    taps = [looks.tap(tap, "w", 1) for tap in range(side**2)]
    met = [looks.met(cell, tap) for cell in cells for tap in range(side**2)]
    for look in [*cells, *taps, *met, *map(looks.muted, [*cells, *taps])]:
        assert look.text
        assert contrast(look.ink, look.paper) >= 4.5
