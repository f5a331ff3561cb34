"""Publish the notebooks as they are committed: a page each, which need no server and no network.

``python notebooks/site/build.py FOLDER`` writes them there; ``index.html`` is the first one.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbconvert import HTMLExporter

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent


class Page(NamedTuple):
    """A notebook, the file that it becomes, and its first heading."""

    source: Path
    page: str
    title: str

    @property
    def notebook(self) -> nbformat.NotebookNode:
        """What the notebook holds."""
        return nbformat.read(self.source, as_version=4)


def pages() -> list[Page]:
    """The notebooks in reading order."""
    found = []
    for number, source in enumerate(sorted(NOTEBOOKS.glob("*.ipynb"))):
        first = nbformat.read(source, as_version=4).cells[0].source
        title = re.match(r"# (.+)", first)
        if title is None:
            raise ValueError(f"{source.name} does not begin with a heading: its first line is {first[:40]!r}")
        found.append(Page(source, f"{source.stem}.html" if number else "index.html", title[1]))
    return found


def html(page: Page, before: Page | None, after: Page | None, number: int, links: dict[str, str]) -> str:
    """One page, with ways to its neighbours; links to notebooks lead to their pages."""
    exporter = HTMLExporter(template_name="site", extra_template_basedirs=[str(NOTEBOOKS)])
    exporter.embed_images = True
    exporter.environment.globals["site"] = {"before": before, "after": after, "number": number}
    notebook = page.notebook
    notebook.metadata["title"] = page.title
    body, _ = exporter.from_notebook_node(notebook)
    return re.sub(r'href="([^"/#]+\.ipynb)', lambda link: f'href="{links.get(link[1], link[1])}', body)


def build(folder: Path) -> None:
    """Write all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = pages()
    links = {page.source.name: page.page for page in found}
    for number, page in enumerate(found):
        before = found[number - 1] if number else None
        after = found[number + 1] if number + 1 < len(found) else None
        (folder / page.page).write_text(html(page, before, after, number, links), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
