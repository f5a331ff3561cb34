"""Build the figures: each file of this folder has a ``figure()``, or ``pictures()``, which are films with names.

SVGs of what stands still are committed: beside its file if that has one figure, else in a folder of the file's name.
Under the pinned versions they have the same bytes every time. With the argument ``films`` all else is built too, and
goes to ``build/figures``: PDF and PNG, and films as SVG and GIF.
"""

import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import matplotlib as mpl

from convmatrix.show.model.film import Film
from convmatrix.show.plot import film_frame
from convmatrix.show.render import animate, saving
from convmatrix.show.render.svg import moving

HERE = Path(__file__).resolve().parent
OTHERS = HERE.parent / "build" / "figures"


class File(NamedTuple):
    """A picture in one format; its name is relative to the folder where it belongs."""

    name: str
    committed: bool
    content: bytes


def sources() -> Iterator[Path]:
    """The figures' files."""
    yield from sorted(path for path in HERE.glob("*.py") if path.name != "build.py")


def load(path: Path) -> ModuleType:
    """Import a figure's file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rendered(path: Path, *, only_committed: bool = False) -> Iterator[File]:
    """The pictures of a figure's file; equal bytes whenever versions are equal."""
    mpl.use("agg")
    module, more = load(path), () if only_committed else ("pdf", "png")
    if hasattr(module, "pictures"):
        for name, film in module.pictures():
            if len(film.frames) == 1:
                yield from _still(f"{path.stem}/{name}", film, more)
            elif not only_committed:
                yield from _moving(f"{path.stem}/{name}", film)
        return
    title, _, description = (module.__doc__ or "").strip().partition("\n\n")
    pictures = saving.rendered(module.figure, "svg", *more, title=title, description=description)
    yield from (File(f"{path.stem}.{ending}", ending == "svg", content) for ending, content in pictures.items())


def _still(name: str, film: Film, more: Sequence[str]) -> Iterator[File]:
    yield File(f"{name}.svg", True, moving(film).encode())
    if more:
        pictures = saving.rendered(lambda: film_frame(film), *more, title=film.title, description=film.about)
        yield from (File(f"{name}.{ending}", False, content) for ending, content in pictures.items())


def _moving(name: str, film: Film) -> Iterator[File]:
    yield File(f"{name}.svg", False, moving(film).encode())
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "film.gif")
        animate.save(film, made)
        yield File(f"{name}.gif", False, made.read_bytes())


def build(*, only_committed: bool = False) -> None:
    """Write the pictures; a file that has its bytes already is left alone."""
    for path in sources():
        for name, committed, content in rendered(path, only_committed=only_committed):
            target = (HERE if committed else OTHERS) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_bytes() != content:
                target.write_bytes(content)
                print(f"wrote {target.relative_to(HERE.parent)}")  # noqa: T201  make figures says what it wrote


if __name__ == "__main__":
    build(only_committed="films" not in sys.argv[1:])
