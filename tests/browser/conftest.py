"""A headless Chromium for the tests of pages; without one, or without playwright, they skip and say so."""

import os
import shutil

import pytest

LOCAL = ("file:", "data:", "about:", "blob:http://127.0.0.1:", "http://127.0.0.1:")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="session")
def chromium():
    """The browser of the system; none is ever downloaded."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install --group browser")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium is installed to open pages in")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """A function that opens an empty page, offline; errors on a page fail the test."""
    contexts, errors = [], []

    def open_page(*, strict=True, **options):
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, "offline": True} | options)
        contexts.append(context)
        page = context.new_page()
        if not strict:  # the page is somebody else's
            return page
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: None if request.url.startswith(LOCAL) else errors.append(request.url))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
