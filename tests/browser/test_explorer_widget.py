"""The explorer as a widget: the same module against a model, in an exported notebook, and in JupyterLab."""

import base64
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

from convmatrix import Conv, ConvTranspose
from convmatrix.show import explorer
from convmatrix.show.explorer import document, widget
from convmatrix.show.explorer.script import script

pytestmark = pytest.mark.full

NUMBERS = (
    "input_size",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "input_dilation",
    "output_padding",
    "padding_mode",
    "transposed",
    "row",
    "col",
    "tap",
)

NOTHING = "data:text/javascript,"  # in place of what nbconvert's own template asks of the network

# What anywidget hands to a module: get, set, on, off, save_changes.
MODEL = """([source, state]) => import(`data:text/javascript;base64,${source}`).then((module) => {
  const answers = new Map();
  window.saved = [];
  window.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; answers.get(`change:${name}`)?.forEach((answer) => answer()); },
    on: (name, answer) => answers.set(name, [...(answers.get(name) ?? []), answer]),
    off: () => {},
    save_changes: () => saved.push(JSON.parse(JSON.stringify({ ...state, spec: null }))),
  };
  window.stop = module.default.render({ model, el: document.body });
})"""


@pytest.fixture
def make():
    pytest.importorskip("anywidget", reason="anywidget is not installed: the extra notebook")
    widget._widget_class.cache_clear()
    return widget.explore


@pytest.fixture
def shown(new_page):
    """A function that shows a layer with a model of its own."""

    def show(layer, **state):
        spec = document.specification(layer, None, None)
        page = new_page()
        page.goto("about:blank")
        source = base64.b64encode(script().encode()).decode()
        numbers = {name: value for name, value in spec["layer"].items() if name in NUMBERS}
        page.evaluate(MODEL, [source, {"spec": spec, "row": None, "col": None, "tap": None} | numbers | state])
        return page

    return show


def last(page):
    return page.evaluate("saved.at(-1)")


# -- the module against a model --------------------------------------------------------------------------------------


def test_the_page_sets_the_model(shown):
    page = shown(Conv(4, 3))
    page.locator("[name=stride-0]").fill("2")
    page.locator("[name=padding-0]").select_option("full")
    assert {name: last(page)[name] for name in ("stride", "padding", "input_size", "row")} == {
        "stride": [2, 2],
        "padding": [[2, 2], [2, 2]],
        "input_size": [4, 4],
        "row": None,
    }
    assert page.locator("[name=padding-0]").input_value() == "full"  # a name stays a name on the page
    page.locator("[name=transposed]").check()
    assert (last(page)["transposed"], last(page)["input_size"]) == (True, [3, 3])


def test_what_is_lit_follows(shown):
    page = shown(Conv(4, 3))
    page.locator("[data-board=output]").hover(position={"x": 60, "y": 20})
    assert (last(page)["row"], last(page)["col"], last(page)["tap"]) == (1, None, None)
    page.locator("[data-board=kernel]").click(position={"x": 10, "y": 10})
    assert (last(page)["row"], last(page)["tap"]) == (None, 0)


def test_impossible_numbers_stay_on_the_page(shown):
    page = shown(Conv(4, 3))
    page.locator("[name=kernel_size-0]").fill("9")
    assert page.evaluate("saved.length") == 0
    assert page.locator(".error").inner_text().startswith("kernel does not fit on axis 0")


def test_the_model_sets_the_page(shown):
    page = shown(Conv(4, 3), row=2)
    assert "row 2 of C" in page.locator(".sentence").inner_text()
    page.evaluate("model.set('row', 1)")
    assert "row 1 of C" in page.locator(".sentence").inner_text()
    page.evaluate("model.set('input_size', [5, 5])")
    assert "C: 9 x 25" in page.locator(".pictures").inner_text()
    page.evaluate("model.set('kernel_size', [7, 7])")
    assert page.locator(".error").inner_text().startswith("kernel does not fit on axis 0")
    assert page.evaluate("saved.length") == 0
    assert page.evaluate("typeof stop") == "function"


# -- the widget in Python --------------------------------------------------------------------------------------------


def test_layer_both_ways(make):
    for layer in (
        Conv((4, 5), 3, stride=2, padding=((1, 2), (0, -1)), padding_mode="reflect", in_channels=2, out_channels=2),
        ConvTranspose((3,), 3, stride=2, padding=1, output_padding=1),
    ):
        shown = make(layer)
        assert shown.layer == layer
        shown.layer = layer.T
        assert shown.layer == layer.T
        assert shown.input_size == list(layer.output_size)
    shown.transposed = False
    shown.set_trait("stride", [3])
    assert shown.layer.stride == (3,)


def test_impossible_layers_are_refused_by_python(make):
    shown = make(Conv(4, 3))
    shown.kernel_size = [9, 9]
    with pytest.raises(ValueError, match="kernel does not fit on axis 0"):
        _ = shown.layer
    with pytest.raises(ValueError, match=r"^in_channels stays 1 in a widget, got 2: make another widget$"):
        shown.layer = Conv(4, 3, in_channels=2)


def test_mimebundle_has_both(make):
    data, _ = make(Conv(4, 3), title="<b>")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == explorer.fragment(Conv(4, 3), title="<b>")


def notebook(cells):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    return nbformat.v4.new_notebook(cells=cells)


def test_export_without_widget_state_is_the_explorer(make, new_page, tmp_path):
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    import nbformat

    data, metadata = make(Conv(4, 3))._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    text, _ = nbconvert.HTMLExporter(require_js_url=NOTHING, mathjax_url=NOTHING).from_notebook_node(
        notebook([nbformat.v4.new_code_cell("explore(Conv(4, 3))", outputs=[output])])
    )
    path = tmp_path / "export.html"
    path.write_text(text, encoding="utf-8")
    page = new_page()
    page.goto(path.as_uri())
    page.locator("[name=stride-0]").fill("1")
    page.locator("[data-board=output]").hover(position={"x": 60, "y": 20})
    assert "row 1 of C" in page.locator(".sentence").inner_text()


# -- JupyterLab ------------------------------------------------------------------------------------------------------


def wait_for(url, server, log):
    """Wait until a server answers; a minute is much more than it takes."""
    for _ in range(240):
        with contextlib.suppress(OSError), urlopen(url):
            return
        assert server.poll() is None, f"JupyterLab ended with {server.returncode}: {log.read_text()}"
        time.sleep(0.25)
    pytest.fail(f"JupyterLab does not answer: {log.read_text()}")


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab of this environment on a free port, and the folder it serves."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed: the extra notebook")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex()
    folders = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    }
    arguments = [
        f"--ServerApp.port={port}",
        "--no-browser",
        "--allow-root",
        f"--IdentityProvider.token={token}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *arguments],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            env=os.environ | folders,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/api?token={token}", server, tmp_path / "lab.log")
            yield f"{url}/lab/tree/explore.ipynb?token={token}", tmp_path
        finally:
            server.terminate()
            server.wait(30)


def run_until(page, cell, selector):
    """Run a cell until something is there: a kernel that is not ready yet asks which one is meant, and forgets."""
    for _ in range(12):
        page.wait_for_selector(".jp-CodeCell .cm-content", timeout=60_000)
        for button in page.locator(".jp-Dialog .jp-mod-accept").all():
            button.click()
        page.locator(".jp-CodeCell .cm-content").nth(cell).click()
        page.keyboard.press("Shift+Enter")
        for _ in range(25):
            page.wait_for_timeout(200)
            if page.locator(selector).count():
                return
    pytest.fail(f"JupyterLab ran the cell, but there is no {selector}")


def test_jupyterlab(make, lab, new_page):
    import nbformat

    url, folder = lab
    cells = [
        "from convmatrix import Conv\nfrom convmatrix.show.explorer import explore\nw = explore(Conv(4, 3))\nw",
        "print('lit', w.row, w.stride)\nw.row = 2",
    ]
    made = notebook([nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / "explore.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    page = new_page(strict=False, offline=False)
    page.goto(url)
    run_until(page, 0, "[data-board=output]")
    page.locator("[name=stride-0]").fill("1")
    page.locator("[data-board=output]").click(position={"x": 60, "y": 20})
    assert "row 1 of C" in page.locator(".sentence").inner_text()
    run_until(page, 1, "text=lit 1 [1, 1]")
    page.wait_for_function(
        """() => document.querySelector(".convmatrix-explorer").shadowRoot
      .querySelector(".sentence").textContent.includes("row 2 of C")""",
        timeout=30_000,
    )
    if shot := os.environ.get("SCREENSHOT"):
        page.screenshot(path=shot)
