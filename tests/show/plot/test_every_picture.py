"""Every kind of picture at every size: one cell size, text that is large enough, and no empty page.

They are read back from the artists: units are the sides of a map's cells. Extents of text are estimated; with
``--full`` they are measured, and all sizes and themes are drawn.
"""

import re
from dataclasses import fields, replace
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from colour_vision import contrast
from convmatrix.show.model.style import Style
from convmatrix.show.model.typeset import width
from pictures import PICTURES, SIZES, THEMES
from selection import some

CELL = re.compile(r"(.*)-(\d+)-(\d+)")
SIGN_GAP, PART_GAP = 1.2, 0.84
"""Between parts with a sign between them and without, by the side of a map's cell, where text has the size of these."""
CHARTS = {"singular-values"}
"""Pictures without cells: a chart has axes."""
OF_MATRIX = ("matrix", "above", "beside")
KEYS = ("scale",)


class Read:
    """What is on a picture: boxes by name, texts, panels, and points of a unit."""

    def __init__(self, ax):
        self.ax = ax
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        assert (left, top) == (0, 0)
        self.wide, self.tall = right, bottom
        self.inch = ax.figure.get_size_inches()[0] / self.wide
        assert ax.figure.get_size_inches()[1] == pytest.approx(self.tall * self.inch)
        self.cells = {patch.get_gid(): patch for patch in ax.patches if CELL.fullmatch(patch.get_gid() or "")}
        self.texts = [text for text in ax.texts if text.label]
        self.panels = {}
        for gid, patch in self.cells.items():
            self._widen(CELL.fullmatch(gid)[1], box_of(patch))
        for patch in ax.patches:
            if (patch.get_gid() or "").endswith("-frame"):
                self._widen(patch.get_gid().removesuffix("-frame"), box_of(patch))
        for image in ax.images:
            left, right, bottom, top = image.get_extent()
            self._widen(image.get_gid().removesuffix("-cells"), (left, top, right, bottom))

    def _widen(self, name, box):
        old = self.panels.get(name, box)
        self.panels[name] = (*np.minimum(old[:2], box[:2]), *np.maximum(old[2:], box[2:]))

    def points(self, text):
        return text._height * self.inch * 72

    def box(self, text):
        """Estimated extent of a text."""
        x, y = text.get_position()
        wide, tall = width(text.label) * text._height * (1.05 if text.get_weight() == "bold" else 1), text._height
        left = x - wide * {"left": 0, "center": 0.5, "right": 1}[text.get_ha()]
        return left, y - tall / 2, left + wide, y + tall / 2


def box_of(patch):
    x, y, wide, tall = patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()
    return x, y, x + wide, y + tall


def overlap(one, other, slack=1e-6):
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > slack and min(one[3], other[3]) - max(one[1], other[1]) > slack
    )


def cell_name(text):
    return re.sub("-(text|value)$", "", text.get_gid() or "")


def drawn(kind, style):
    return PICTURES[kind](style=style)


def each():
    """Every third kind at one size; with ``--full``, all at every size, in one theme, and on a slide in each."""
    for number, kind in enumerate(kind for kind in PICTURES if kind not in CHARTS):
        for other, size in enumerate(SIZES):
            for theme in THEMES:
                in_turn = theme == THEMES[(number + other) % 3]
                if in_turn or size == "slide":
                    quick = in_turn and other == number % len(SIZES) and number % 3 == 0
                    marks = () if quick else (pytest.mark.full,)
                    yield pytest.param(kind, size, theme, marks=marks, id=f"{kind}-{size}-{theme}")


@pytest.mark.parametrize(("kind", "size", "theme"), list(each()))
def test_every_picture(kind, size, theme):
    style = Style(theme=theme, size=size)
    read = Read(drawn(kind, style))
    assert read.panels
    wide, tall = read.wide * read.inch, read.tall * read.inch
    assert wide <= style.page.wide + 1e-6
    assert tall <= style.page.tall + 1e-6
    # One cell size.
    sizes = {
        (round(patch.get_width(), 9), round(patch.get_height(), 9))
        for gid, patch in read.cells.items()
        if not gid.startswith((*OF_MATRIX, *KEYS))
    }
    assert sizes in ({(1.0, 1.0)}, set())
    # Nothing overflows, and no part lies on another.
    for box in [*read.panels.values(), *map(read.box, read.texts)]:
        assert box[0] >= -1e-6
        assert box[1] >= -1e-6
        assert box[2] <= read.wide + 1e-6
        assert box[3] <= read.tall + 1e-6
    for one, other in combinations(read.panels.values(), 2):
        assert not overlap(one, other)
    # Labels are large enough, readable, in their cells, and beside each other.
    for text in read.texts:
        assert read.points(text) >= style.page.smallest_text * 0.998, (text.get_gid(), text.label)
        cell = read.cells.get(cell_name(text))
        ground = to_hex(cell.get_facecolor()) if cell is not None else style.colours.ground
        ink = to_hex(text.get_color())
        assert ink == style.colours.zero or contrast(ink, ground) >= 4.5, (text.get_gid(), text.label)
        if cell is not None:
            inside, (left, top, right, bottom) = read.box(text), box_of(cell)
            assert inside[0] >= left - 0.01
            assert inside[2] <= right + 0.01
            assert inside[1] >= top
            assert inside[3] <= bottom
    outside = [read.box(text) for text in read.texts if cell_name(text) not in read.cells]
    for one, other in combinations(outside, 2):
        assert not overlap(one, other, 0.02)
    for one in outside:
        for name, panel in read.panels.items():
            assert not overlap(one, panel, 0.02), name
    assert coverage(read) >= 2 / 3


def coverage(read):
    """Part of the page that the parts cover, each widened by one gap."""
    texts = [read.box(text) for text in read.texts if cell_name(text) not in read.cells]
    rows, cols = (np.linspace(0, side, 200) for side in (read.tall, read.wide))
    covered = np.zeros((200, 200), dtype=bool)
    notes = [text._height for text in read.texts if (text.get_gid() or "").endswith("-note")]
    signs = [text for text in read.texts if (text.get_gid() or "").startswith("sign") and text.label != "="]
    gap = (SIGN_GAP if signs else PART_GAP) * max([note / 0.29 for note in notes], default=1.0)
    for left, top, right, bottom in [*read.panels.values(), *texts]:
        covered |= ((rows >= top - gap) & (rows <= bottom + gap))[:, None] & (
            (cols >= left - gap) & (cols <= right + gap)
        )
    return covered.mean()


@pytest.mark.full
@pytest.mark.parametrize("size", ["slide", "column"])
@pytest.mark.parametrize("kind", [kind for kind in PICTURES if kind not in CHARTS])
def test_text_that_is_measured_lies_in_its_cell(kind, size):
    read = Read(drawn(kind, Style(size=size)))
    read.ax.figure.draw_without_rendering()
    whole = read.ax.figure.bbox
    for text in read.texts:
        box, cell = text.get_window_extent(), read.cells.get(cell_name(text))
        assert whole.x0 - 1 <= box.x0 < box.x1 <= whole.x1 + 1
        if cell is not None:
            around = cell.get_window_extent()
            assert around.x0 <= box.x0 < box.x1 <= around.x1
            assert around.y0 <= box.y0 < box.y1 <= around.y1


# -- each field of a style ---------------------------------------------------------------------------------------------

CHANGES = {
    "theme": "dark",
    "size": "column",
    "labels": "none",
    "fill": "value",
    "text": "text",
    "captions": "off",
    "ground": "transparent",
}
UNCHANGED = {
    "labels": "charts have no labels in cells, and others none at this size",
    "fill": "without a weight, nothing can be coloured by its value; results are always coloured so",
    "text": "on axes there are no letters yet: it says how an SVG holds them",
    "captions": "a picture whose parts say all has no caption",
}
"""Why a field may leave a picture as it is."""
FILLED = {"matrix-values", "linked-values", "linked-padded", "linked-line", "kernel", "stamps-values"}
FILLED |= {"linked-average", "linked-maximum"}  # whose entries are known
CAPTIONED = {
    *(kind for kind in PICTURES if kind.startswith("linked")),
    "insertion",
    "crop",
    *("gram", "gram-large", "same-output", "singular-values", "overlaps", "receptive-field"),
}
BARE = {"singular-values", "receptive-field", "gram-large", "linked-large"}
"""Without labels in cells; the numbers of a colour bar stay."""


def artists(ax):
    """All that is drawn, and the colour of the ground."""
    figure = ax.figure
    found = [tuple(figure.get_size_inches()), figure.get_facecolor(), ax.get_title()]
    for patch in ax.patches:
        found.append((patch.get_gid(), patch.get_extents().bounds, patch.get_facecolor(), patch.get_edgecolor()))
    found += [(text.get_text(), text.get_position(), text.get_color()) for text in ax.texts]
    found += [(line.get_gid(), line.get_color(), *map(tuple, line.get_xydata())) for line in ax.lines]
    return [*found, *(image.get_array().tobytes() for image in ax.images)]


def test_every_field_has_a_change():
    assert set(CHANGES) == {field.name for field in fields(Style)}


@pytest.mark.parametrize("kind", some(PICTURES, *list(PICTURES)[::18]))
def test_every_field_changes_the_picture(kind):
    before = artists(drawn(kind, Style()))
    for name, value in CHANGES.items():
        after = artists(drawn(kind, replace(Style(), **{name: value})))
        plt.close("all")
        same = {
            "labels": kind in BARE,
            "fill": kind not in FILLED,
            "text": True,
            "captions": kind not in CAPTIONED,
        }.get(name, False)
        assert (after == before) == same, (name, UNCHANGED.get(name))
