"""Cards of layers for notebooks: their structure, their size, their colours, and that there always is one."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix import (
    AvgPool,
    Conv,
    ConvTranspose,
    Fold,
    MaxPool,
    PixelShuffle,
    PixelUnshuffle,
    Transposed,
    Unfold,
    Upsample,
)
from convmatrix.core.errors import WrongTypeError
from convmatrix.layers import FixedLayer
from convmatrix.show.model.palette import THEMES, tap_colours
from convmatrix.show.render.card import html, sentence
from strategies import layers, share
from strategies_fixed import fixed_layers, max_pools

SVG = "{http://www.w3.org/2000/svg}"
MOST = 40_000

KINDS = {
    "0-D": Conv((), (), in_channels=2, out_channels=3),
    "1-D": Conv((7,), 3, padding=1),
    "2-D": Conv(4, 3),
    "3-D": Conv((4, 4, 4), 2),
    "4-D": Conv((2, 3, 4, 5), 2),
    "transposed": ConvTranspose(3, 3, stride=2, padding=1, output_padding=1),
    "circular": Conv(6, 3, padding=1, padding_mode="circular"),
    "spread": Conv(3, 3, stride=2, padding=1, input_dilation=2),
    "grouped": Conv(8, 3, padding=1, in_channels=4, out_channels=6, groups=2),
    "cropped": Conv(6, 3, padding=-1),
    "average": AvgPool(5, 2, ceil_mode=True),
    "maximum": MaxPool((5,), 3, stride=2),
    "resized": Upsample((4, 3), scale=2, mode="linear"),
    "unfolded": Unfold(4, 3),
    "folded": Fold(4, 3),
    "shuffled": PixelShuffle((3, 3), 2, channels=2),
    "unshuffled": PixelUnshuffle((8,), 2),
    "backward": Transposed(AvgPool(4, 2)),
}
LARGE = {
    "stem": Conv(224, 7, stride=2, padding=3, in_channels=3, out_channels=64),
    "channels": Conv(28, 3, padding=1, in_channels=10**4, out_channels=10**4),
    "long": Conv((16_000,), 400, stride=160),
    "kernel": Conv(40, 40, padding="same"),
    "kernel as large as the input": Conv(224, 224, padding="same", padding_mode="circular"),
    "trillion": Conv((10**12,), 3),
    "tall": Conv((1, 10**6), 1, out_channels=10**6),
    "beyond 64 bits": Conv((10**30,), 3, in_channels=10**30),
    "much resized": Upsample(10**8, scale=2),
}


def elements(layer):
    """The card, and its picture or None."""
    card = ElementTree.fromstring(html(layer))
    return card, card.find(f"{SVG}svg")


def texts(picture):
    """Labels of the parts, and the signs between them."""
    return ["".join(each.itertext()) for each in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("layer", [*KINDS.values(), *LARGE.values()], ids=[*KINDS, *LARGE])
def test_the_card_of_every_kind_of_layer(layer):
    card, picture = elements(layer)
    assert card.attrib == {"class": "convmatrix-layer"}
    assert card.find("div/b").text == type(layer).__name__
    assert len(html(layer)) < MOST
    assert (picture.get("role"), picture.get("aria-label")) == ("img", sentence(layer))
    assert picture.find(f"{SVG}title").text == sentence(layer)
    wide, tall = picture.get("width"), picture.get("height")
    assert picture.get("viewBox") == f"0 0 {wide} {tall}"
    assert 40 < float(wide) < 1000
    assert 30 < float(tall) < 220
    assert not any(each.get("id") for each in card.iter())  # several cards stand on one page
    for name in ("x", "y"):
        assert sum(text.startswith(name) for text in texts(picture)) == 1


def require_inside(picture):
    """Check that every coordinate lies within the picture."""
    wide, tall = float(picture.get("width")), float(picture.get("height"))
    for path in picture.findall(f"{SVG}path"):
        for x, y in re.findall(r"M([-\d.]+) ([-\d.]+)", path.get("d")):
            assert 0 <= float(x) <= wide
            assert 0 <= float(y) <= tall
    for frame in picture.findall(f"{SVG}rect"):
        x, y, width, height = (float(frame.get(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + width <= wide
        assert 0 <= y <= y + height <= tall


@share(0.5)
@given(layer=st.one_of(layers(), fixed_layers(), max_pools()))
def test_every_layer_is_drawn_within_the_picture(layer):
    card, picture = elements(layer)
    require_inside(picture)
    assert len(picture.findall(f".//{SVG}path")) > 2
    assert len(html(layer)) < MOST
    assert len(card.findall("div")) == 2


def test_the_4_by_16():
    card, picture = elements(Conv(4, 3))
    assert texts(picture) == ["x4 × 4", "∗", "w3 × 3", "=", "y2 × 2", "C4 × 16"]
    first, last = card.findall("div")
    assert "".join(first.itertext()) == "Conv 4 × 4 → 2 × 2kernel 3 × 3"
    assert "".join(last.itertext()) == "C is 4 × 16, with 36 entries"
    # The window tints 9 cells, the kernel has 9, and each of its taps is 4 times in the matrix.
    counts = {}
    for path in picture.iter(f"{SVG}path"):
        key = (path.get("class"), path.get("fill"))
        counts[key] = counts.get(key, 0) + path.get("d").count("M")
    for colour in tap_colours((3, 3)):
        assert counts.pop(("t", colour)) == 1
        assert counts.pop((None, colour)) == 1 + 4
    assert counts == {("m", None): 16 + 4, ("o", None): 64 - 36}
    assert len(picture.findall(f"{SVG}rect")) == 3  # the window, its output, its row


def test_the_transpose_stamps():
    _, picture = elements(Conv(4, 3).T)
    assert texts(picture) == ["y2 × 2", "·", "w3 × 3", "→", "x4 × 4", "Cᵀ16 × 4"]


@pytest.mark.parametrize(
    ("layer", "described"),
    [
        (Conv((), ()), "Conv, 1 → 1, kernel 1; the matrix C is 1 × 1, with 1 entry."),
        (
            Conv(5, (3, 2), stride=2, padding=((1, 1), (0, 1)), in_channels=2),
            "Conv, 2 × 5 × 5 → 1 × 3 × 3, kernel 3 × 2, stride 2, padding (1, 0 before 1 after); the matrix C is "
            "9 × 50, with 70 entries.",
        ),
        (
            ConvTranspose(3, 3, stride=2, padding=1, output_padding=1),
            "ConvTranspose, 3 × 3 → 6 × 6, kernel 3 × 3, stride 2, padding 1, output padding 1; the matrix Cᵀ is "
            "36 × 9, with 64 entries.",
        ),
        (
            Conv((1000,), 3, padding=1, dilation=4, padding_mode="reflect"),
            "Conv, 1,000 → 994, kernel 3, padding 1, dilation 4, border reflect; the matrix C is 994 × 1,000, with "
            "2,982 entries.",
        ),
        (
            AvgPool(5, 2, ceil_mode=True, count_include_pad=False, divisor_override=3),
            "AvgPool, 5 × 5 → 3 × 3, kernel 2 × 2, stride 2, ceil mode on, count include pad off, divisor 3; the "
            "matrix C is 9 × 25, with 25 entries.",
        ),
        (
            MaxPool((4,), 2),
            "MaxPool, 4 → 2, kernel 2, stride 2; the matrix S is 2 × 4, with 2 entries: the largest input of each "
            "window.",
        ),
        (PixelUnshuffle((8,), 2), "PixelUnshuffle, 1 × 8 → 2 × 4, factor 2; the matrix C is 8 × 8, with 8 entries."),
        (Transposed(AvgPool((4,), 2)), "Transposed, 2 → 4; the matrix Cᵀ is 4 × 2, with 4 entries."),
    ],
)
def test_sentences(layer, described):
    assert sentence(layer) == described


def test_numbers_of_any_length():
    card, picture = elements(Conv((10**400,), 3))
    assert picture is None  # no float is a part of it
    assert "Conv 1e400 → 1e400kernel 3" in "".join(card.itertext())
    assert "x1.15e18" in texts(elements(Conv((2**60,), 3))[1])


class Broken(FixedLayer):
    """A layer of a user's that has no more than sizes."""

    input_size = output_size = (3,)
    in_channels = out_channels = 1
    nnz = 3


def test_a_class_of_a_users_never_fails_to_be_shown(monkeypatch):
    card, picture = elements(Broken())
    assert card.find("div/b").text == "Broken"
    assert texts(picture) == ["x3", "→", "y3", "C3 × 3"]
    monkeypatch.setattr("convmatrix.show.render.card.overview", lambda layer: 1 / 0)
    card, picture = elements(AvgPool(4, 2))
    assert "".join(card.find("div").itertext()) == "AvgPool 4 × 4 → 2 × 2kernel 2 × 2, stride 2"
    assert picture is None


def test_other_objects():
    with pytest.raises(WrongTypeError, match=r"^layer must be a LayerBase, got 3"):
        html(3)


# -- light and dark ----------------------------------------------------------------------------------------------------


def rules():
    """Declarations by the condition, which most have not, and the selector."""
    sheet = elements(Conv(4, 3))[0].find("style").text
    found = {}
    for condition, selectors, body in re.findall(r"(@media\([^)]*\)\{)?([^{}]+)\{([^{}]*)\}", sheet):
        for selector in selectors.split(","):
            declared = dict(part.split(":", 1) for part in body.strip(";").split(";"))
            found.setdefault((condition.strip("{"), selector), {}).update(declared)
    return found


def test_colours_follow_jupyters_theme_then_the_browsers():
    found = rules()
    for theme, condition, pages in (
        ("light", "", ["", "[data-jp-theme-light=true] ", "[data-theme=light] ", ".vscode-light "]),
        ("dark", "", ["[data-jp-theme-light=false] ", "[data-theme=dark] ", ".vscode-dark "]),
        ("dark", "@media(prefers-color-scheme:dark)", [""]),
    ):
        for page in pages:
            declared = found[condition, f"{page}.convmatrix-layer"]
            for role in ("ground", "ink", "quiet", "line", "soft", "map", "window"):
                assert declared[f"--{role}"] == getattr(THEMES[theme], role)


def test_no_rule_reaches_beyond_the_card_and_every_colour_but_the_taps_is_a_role():
    for (_, selector), body in rules().items():
        assert ".convmatrix-layer" in selector
        for name, value in body.items():
            assert name.startswith("--") or "#" not in value
    card = html(Conv(4, 3)).partition("</style>")[2]
    assert set(re.findall(r"#[0-9a-f]{6}", card)) == set(tap_colours((3, 3)))
