"""Build every figure of this folder: each file here that has a ``figure()``.

The SVG stands beside its file and is committed; under the pinned versions it has the same bytes every time. PDF and
PNG go to ``build/figures``.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib as mpl

from convmatrix.show import saving

HERE = Path(__file__).resolve().parent
OTHERS = HERE.parent / "build" / "figures"


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


def rendered(path: Path, *formats: str) -> dict[str, bytes]:
    """One figure in the given formats; equal bytes whenever versions are equal."""
    mpl.use("agg")
    module = load(path)
    title, _, description = (module.__doc__ or "").strip().partition("\n\n")
    return saving.rendered(module.figure, *formats, title=title, description=description)


def build() -> None:
    """Write all pictures; a file that has its bytes already is left alone."""
    OTHERS.mkdir(parents=True, exist_ok=True)
    for path in sources():
        for format_, picture in rendered(path, "svg", "pdf", "png").items():
            target = (HERE if format_ == "svg" else OTHERS) / f"{path.stem}.{format_}"
            if not target.exists() or target.read_bytes() != picture:
                target.write_bytes(picture)
                print(f"wrote {target.relative_to(HERE.parent)}")  # noqa: T201  make figures says what it wrote


if __name__ == "__main__":
    build()
