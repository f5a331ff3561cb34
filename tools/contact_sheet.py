"""Draw every kind of picture in every theme and size, as PNG, and a page that shows them all.

The names of kinds that are given as arguments are drawn alone.
"""

import sys
from html import escape
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from convmatrix.show.model.style import Style  # noqa: E402  after the path is set
from pictures import PICTURES, SIZES, THEMES  # type: ignore[import-not-found]  # noqa: E402

FOLDER = ROOT / "build" / "contact-sheet"
PIXELS = 1280
"""Width of the picture of a slide; all others have the same pixels for each inch."""
STYLE = """body { font: 15px sans-serif; margin: 2em; color: #1b1f24 }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top }
figure img { max-width: 420px; max-height: 320px; border: 1px solid #c8ced8 }
figcaption { color: #5b6470 }"""


def main(names: list[str]) -> None:
    """Draw the kinds with these names, or all of them."""
    mpl.use("agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    sections = [_section(kind) for kind in PICTURES if not names or kind in names]
    page = f"<!doctype html><meta charset=utf-8><title>Contact sheet</title><style>{STYLE}</style>" + "".join(sections)
    (FOLDER / "index.html").write_text(page, encoding="utf-8")
    print(f"{len(sections)} kinds of pictures: {FOLDER.relative_to(ROOT) / 'index.html'}")


def _section(kind: str) -> str:
    """Draw a kind in all themes and sizes, and show it on the page."""
    figures = []
    for size in SIZES:
        for theme in THEMES:
            name = f"{kind}-{size}-{theme}.png"
            ax = PICTURES[kind](style=Style(theme=theme, size=size))
            ax.figure.savefig(FOLDER / name, dpi=PIXELS / 13.333, metadata={"Software": None})
            plt.close("all")
            link = f'<a href="{name}"><img src="{name}" alt="{escape(ax.alt)}" loading="lazy"></a>'
            figures.append(f"<figure>{link}<figcaption>{size}, {theme}</figcaption></figure>")
    return f"<h2>{kind}</h2>" + "".join(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
