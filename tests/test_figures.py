"""The figures: each builds, the same every time, and says what it shows; the committed pictures are theirs."""

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]


def loaded(path):
    spec = importlib.util.spec_from_file_location(f"figures.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = loaded(ROOT / "figures" / "build.py")
SOURCES = list(BUILD.sources())


@pytest.fixture(autouse=True)
def _closed():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def source(request):
    return request.param


def gids(figure):
    return [artist.get_gid() for artist in figure.findobj() if artist.get_gid()]


def ids(picture):
    return [node.get("id") for node in ET.fromstring(picture).iter() if node.get("id")]


def titles(picture):
    return [node.text for node in ET.fromstring(picture).iter() if node.tag.rpartition("}")[2] == "title" and node.text]


def test_every_figure_is_found():
    named = {path.stem for path in (ROOT / "figures").glob("*.py")} - {"build"}
    assert {path.stem for path in SOURCES} == named
    assert "conv_matrix_4x16" in named
    assert {path.stem for path in (ROOT / "figures").glob("*.svg")} == named


def test_importing_a_figure_draws_nothing(source, monkeypatch):
    monkeypatch.setattr(plt, "figure", lambda *_, **__: pytest.fail("drawn"))
    monkeypatch.setattr(plt, "subplots", lambda *_, **__: pytest.fail("drawn"))
    loaded(source)
    assert plt.get_fignums() == []


def test_a_figure_is_a_figure_with_a_caption(source):
    module = loaded(source)
    figure = module.figure()
    assert isinstance(figure, Figure)
    caption, _, rest = module.__doc__.strip().partition("\n\n")
    assert "\n" not in caption
    assert rest.strip()
    assert any(ax.get_title() for ax in figure.axes)
    assert len(set(gids(figure))) > 10


def test_built_twice_it_has_the_same_bytes(source):
    first, second = (BUILD.rendered(source, "svg", "pdf", "png") for _ in range(2))
    assert list(first) == ["svg", "pdf", "png"]
    assert first == second
    assert first["pdf"].startswith(b"%PDF")
    assert first["png"].startswith(b"\x89PNG")


def test_the_committed_picture_is_the_figures(source):
    picture = source.with_suffix(".svg").read_bytes()
    found = ids(picture)
    assert set(gids(loaded(source).figure())) <= set(found)
    caption = loaded(source).__doc__.strip().partition("\n\n")[0]
    assert caption in titles(picture)
    assert ids(BUILD.rendered(source, "svg")["svg"]).count("cell-0-0") == found.count("cell-0-0")


def test_the_4x16_figure_shows_the_4x16_matrix():
    path = ROOT / "figures" / "conv_matrix_4x16.py"
    # Cells and rows, not what is written in them.
    found = [name for name in ids(path.with_suffix(".svg").read_bytes()) if re.fullmatch(r"[a-z]+(-\d+)+", name)]
    cells = {
        f"cell-{r * 2 + c}-{(r + p) * 4 + c + q}" for r in (0, 1) for c in (0, 1) for p in range(3) for q in range(3)
    }
    assert {name for name in found if name.startswith("cell-")} == cells
    assert len([name for name in found if name.startswith("cell-")]) == 36
    for kind, count in (("input-", 16), ("tap-", 9), ("output-", 4), ("row-", 1)):
        assert len([name for name in found if name.startswith(kind)]) == count
    texts = [text.get_text() for ax in loaded(path).figure().axes for text in ax.texts]
    assert sorted(set(texts)) == sorted({f"{letter}{p}{q}" for letter, size in (("x", 4), ("w", 3), ("y", 2))
                                         for p in range(size) for q in range(size)})  # fmt: skip


def test_building_writes_what_differs_and_leaves_the_rest_alone(tmp_path, capsys, monkeypatch):
    here = tmp_path / "figures"
    here.mkdir()
    (here / "one.py").write_text(
        '"""One.\n\nIt is one.\n"""\nimport matplotlib.pyplot as plt\n\n\ndef figure():\n    return plt.figure()\n'
    )
    monkeypatch.setattr(BUILD, "HERE", here)
    monkeypatch.setattr(BUILD, "OTHERS", tmp_path / "build" / "figures")
    BUILD.build()
    assert capsys.readouterr().out.split() == [
        "wrote", "figures/one.svg", "wrote", "build/figures/one.pdf", "wrote", "build/figures/one.png"
    ]  # fmt: skip
    BUILD.build()
    assert capsys.readouterr().out == ""
    (here / "one.svg").write_text("stale")
    BUILD.build()
    assert capsys.readouterr().out.split() == ["wrote", "figures/one.svg"]
