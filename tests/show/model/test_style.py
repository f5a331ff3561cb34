"""Styles: what their fields may be, the pages of sizes, and the style of a block."""

import pytest

from convmatrix.show.model.style import Style, current_style, style


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"theme": "red"}, r"^theme must be one of 'light', 'dark', 'print', got 'red'$"),
        ({"labels": 3}, r"^labels must be one of 'auto', 'symbols', 'values', 'both', 'none', got 3$"),
        (
            {"size": "poster"},
            r"^size must be one of 'auto', 'slide', 'half', 'column', 'page', or inches, got 'poster'$",
        ),
        ({"size": 0.5}, r"^size must be from 1 to 60 inches, got 0.5$"),
        ({"size": (4, 61)}, r"^size must be from 1 to 60 inches, got 61$"),
        ({"size": (4, 3, 2)}, r"^size must be a name, a width, or width and height, got \(4, 3, 2\)$"),
    ],
)
def test_what_no_style_has(fields, message):
    with pytest.raises(ValueError, match=message):
        Style(**fields)


def test_pages():
    assert (Style(size="slide").page.wide, Style(size="slide").page.tall) == (13.333, 7.5)
    assert Style(size="slide").page.smallest_text == 12
    assert [Style(size=size).page.wide for size in ("half", "column", "page")] == [6.4, 3.4, 6.5]
    assert (Style(size=(4, 3)).page.wide, Style(size=(4, 3)).page.tall, Style(size=(4, 3)).page.fixed) == (4, 3, 0)


def test_captions_are_left_out_on_slides():
    assert [Style(size=size).captioned for size in ("slide", "auto")] == [False, True]
    assert [Style(size="slide", captions=each).captioned for each in ("on", "off")] == [True, False]


def test_the_style_of_a_block_ends_with_it():
    with style(theme="dark"):
        with style(size="column") as inner:
            assert (inner.theme, inner.size) == ("dark", "column")
            assert current_style() is inner
        assert (current_style().theme, current_style().size) == ("dark", "auto")
    assert current_style() == Style()
    with pytest.raises(TypeError, match=r"^a style has no field 'colour', only theme, size, labels"), style(colour=1):
        pass
    with pytest.raises(TypeError, match=r"^style must be a Style, got 'dark': write Style\(theme='dark'\)$"):
        current_style("dark")
