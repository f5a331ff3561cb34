"""The page of a film in a browser: it plays, stops, steps and is scrubbed, and stands where motion is not wanted."""

import pytest

from convmatrix import Conv
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style
from convmatrix.show.render.animate import save

pytestmark = pytest.mark.full


@pytest.fixture
def player(new_page, tmp_path):
    """A function that opens the page of a film of 16 steps."""

    def open_player(*, theme="light", **options):
        made = film(Conv(4, 3, padding=1), style=Style(theme=theme))
        save(made, tmp_path / "film.html", seconds_per_step=0.2)
        page = new_page(**options)
        page.goto((tmp_path / "film.html").as_uri())
        return page, made

    return open_player


def at(page):
    return int(page.input_value("#step"))


def standing(page):
    """Where the window stands: the moving one, and that of each step."""
    moving = page.evaluate("document.querySelector('.moves rect').x.animVal.value")
    steps = page.evaluate(
        "[...document.querySelectorAll('.steps g')].map(g => g.querySelector('rect').x.baseVal.value)"
    )
    return moving, steps


def test_a_film_plays_and_stops(player):
    page, _ = player()
    assert page.inner_text("#play") == "Pause"
    page.wait_for_function("document.querySelector('#step').value > 2")
    page.click("#play")
    assert page.inner_text("#play") == "Play"
    before = at(page)
    page.wait_for_timeout(500)
    assert at(page) == before
    page.click("#play")
    page.wait_for_function(f"document.querySelector('#step').value != {before}")


def test_steps_by_buttons_keys_and_slider(player):
    page, made = player()
    page.locator("body").press("Home")
    assert at(page) == 0
    moves = [("#on", 1), ("#on", 2), ("#back", 1)]
    for button, step in moves:
        page.click(button)
        assert at(page) == step
    page.evaluate("document.activeElement.blur()")
    for key, step in (("ArrowRight", 2), ("End", 15), ("ArrowRight", 0), ("ArrowLeft", 15)):
        page.keyboard.press(key)
        assert at(page) == step
    page.locator("#step").fill("6")
    assert page.inner_text("#sentence") == made.frames[6].caption
    moving, steps = standing(page)
    assert moving == steps[6] != steps[5]
    assert page.inner_text("#play") == "Play"


def test_reduced_motion(player):
    page, _ = player(reduced_motion="reduce")
    assert page.inner_text("#play") == "Play"
    shown = [
        page.evaluate(f"getComputedStyle(document.querySelector('.{name}')).display") for name in ("moves", "steps")
    ]
    assert shown == ["none", "inline"]


@pytest.mark.parametrize(("theme", "ground"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 28)")])
def test_the_page_has_the_ground_of_its_film(player, theme, ground):
    page, _ = player(theme=theme)
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == ground
