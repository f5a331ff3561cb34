"""The walkthroughs as published pages, offline: explorers work, solutions are folded, and links lead on."""

import importlib.util
import itertools
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that `make html` fills."""
    pytest.importorskip("nbconvert")
    spec = importlib.util.spec_from_file_location("site_build", ROOT / "notebooks" / "site" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    folder = tmp_path_factory.mktemp("site")
    build.build(folder)
    return folder


def pages():
    return sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))[1:]


def test_every_page_leads_to_the_next(new_page, site):
    page, seen = new_page(), []
    page.goto((site / "index.html").as_uri())
    assert page.title() == "Start here: find your way through twelve walkthroughs"
    while page.locator("a[rel=next]").count():
        page.locator("a[rel=next]").first.click()
        seen.append(Path(page.url).stem)
    assert seen == pages()
    page.locator("nav a", has_text="All walkthroughs").first.click()
    assert Path(page.url).name == "index.html"
    links = page.locator("main a[href$='.html']").evaluate_all(
        "links => links.map((link) => link.getAttribute('href'))"
    )
    assert {Path(link).stem for link in links} == set(pages())
    assert all((site / link).exists() for link in links)
    assert not page.locator("a[href$='.ipynb']").count()


@pytest.mark.parametrize("name", pages())
def test_a_page_explores_and_folds(new_page, site, name):
    """A place of the matrix that is pointed at says a sentence; three solutions open one by one."""
    page = new_page()
    page.goto((site / f"{name}.html").as_uri())
    explorer = page.locator(".convmatrix-explorer").first
    explorer.scroll_into_view_if_needed()
    before = explorer.locator(".sentence").text_content()
    explorer.locator("[data-board=output]").hover(position={"x": 12, "y": 12})
    assert explorer.locator(".sentence").text_content() not in ("", before)
    solutions = page.locator("details.solution")
    assert solutions.count() == 3
    for number in range(3):
        code = solutions.nth(number).locator(".jp-InputArea")
        assert not code.is_visible()
        solutions.nth(number).locator("summary").click()
        assert code.is_visible()
        assert "assert" in code.text_content()


def test_nothing_is_wider_than_the_page(new_page, site):
    for name, width in itertools.product(("index", *pages()), (1200, 700)):
        page = new_page(viewport={"width": width, "height": 900})
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        page.close()
