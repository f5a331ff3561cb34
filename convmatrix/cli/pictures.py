"""Pictures of a layer as files: the options that choose what they show, and how they are written."""

import argparse
import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np

from convmatrix import export
from convmatrix.cli.arguments import Parser, UsageError, integer, sizes, values_of, weight_of
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.kinds import KINDS, PictureOptions
from convmatrix.core.errors import pluralize, short_name
from convmatrix.layers import Layer
from convmatrix.show.render.saving import ENDINGS

__all__ = [
    "ENDINGS",
    "FILMS",
    "VIEWS",
    "add_step",
    "add_view",
    "name_file",
    "options_of",
    "require_other",
    "save",
    "save_default",
    "save_tikz",
]


# -- options ---------------------------------------------------------------------------------------------------------


VIEWS = {
    "windows": "a step for each output and its row of the matrix",
    "stamps": "of a transposed convolution, and its default: a step for each input and its column",
}


def add_view(parser: Parser, views: Mapping[str, str] = VIEWS) -> None:
    """Add the options that figures and animations share; each view has its line of help."""
    shown = "; ".join(f"{name}: {text}" for name, text in views.items())
    parser.add_argument("--view", choices=tuple(views), metavar="VIEW", help=shown)
    parser.add_argument(
        "--no-matrix", action="store_true", default=None, help="leave out the matrix: input, kernel and output alone"
    )
    parser.add_argument("--title", metavar="TEXT", help="above the picture; nothing in it is markup")


def add_step(parser: Parser) -> None:
    """Add the options that choose one step."""
    parser.add_argument(
        "--step", type=_step, metavar="N", help="which step, from 0, or none; default: one in the middle"
    )
    parser.add_argument(
        "--output",
        type=sizes,
        metavar="POSITION",
        help="the step of this output, as in 1x2; with several channels, that first",
    )
    parser.add_argument("--input", type=sizes, metavar="POSITION", help="the stamp of this input, with --transpose")


def _step(text: str) -> int | Literal["none"]:
    if text == "none":
        return "none"
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no step: write a number from 0, or none")
    return integer(text)


def options_of(arguments: argparse.Namespace, layer: Layer) -> PictureOptions:
    """Options of the picture, from the arguments."""
    view, step = arguments.view, getattr(arguments, "step", None)
    for name, needed_view in (("output", "windows"), ("input", "stamps")):
        position = getattr(arguments, name, None)
        if position is None:
            continue
        if step is not None:
            raise UsageError(f"--{name} chooses a step, and so does --step or another position: give one of them")
        if view not in (None, needed_view):
            raise UsageError(f"--{name} needs --view {needed_view}, got --view {view}")
        view, step = needed_view, _numbered(name, position, getattr(layer, f"{name}_shape"))
    weight, x = weight_of(arguments, layer), values_of(arguments, layer)
    return PictureOptions(layer, weight, x, view, step, not arguments.no_matrix, arguments.title or "")


def _numbered(name: str, position: int | tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Number of a position on a map, with its channel or, where there is only one, without."""
    place = position if isinstance(position, tuple) else (position,)
    extent = shape[1:] if shape[0] == 1 and len(place) == len(shape) - 1 else shape
    if len(place) != len(extent):
        needed = "x".join(map(str, shape[1:] if shape[0] == 1 else shape))
        raise UsageError(f"--{name} {_joined(place)} has {pluralize(len(place), 'number')} but the {name} is {needed}")
    for axis, (at, size) in enumerate(zip(place, extent, strict=True)):
        if not 0 <= at < size:
            raise UsageError(
                f"--{name} {_joined(place)} is not there: number {axis + 1} has to be from 0 to {size - 1}"
            )
    return int(np.ravel_multi_index(place, extent))


def _joined(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


# -- names of files --------------------------------------------------------------------------------------------------

FILMS = (".gif", ".apng", ".webp", ".mp4", ".html")
"""Endings of films that are none of stills."""


def name_file(arguments: argparse.Namespace, ending: str) -> None:
    """Name the file after the setting where no name is given: a new one, so that no file is replaced."""
    if arguments.save is None:
        stem = arguments.setting or "convmatrix"
        names = (f"{stem}{'' if number == 1 else f'-{number}'}{ending}" for number in count(1))
        arguments.save = next(name for name in names if not os.path.lexists(name))


def require_other(what: str, command: str, path: str, endings: Sequence[str], known: Sequence[str]) -> None:
    """Raise an error that names the other command for a file that only it writes."""
    ending = Path(path).suffix.lower()
    if ending in endings and ending not in known:
        raise UsageError(f"--save {short_name(path)} is the name of a {what}: convmatrix {command} writes it")


# -- files -----------------------------------------------------------------------------------------------------------


def save(picture: PictureOptions, path: str, kind: str) -> None:
    """Draw a picture of a kind and write it to a file, whole or not at all."""
    with held_back():
        import matplotlib as mpl

        from convmatrix.show import plot
        from convmatrix.show.render import saving

    mpl.use("agg")  # no windows
    saving.save(lambda: KINDS[kind].draw(plot, picture), path, title=picture.title or repr(picture.layer))


def save_tikz(picture: PictureOptions, path: str, kind: str) -> None:
    """Draw a picture of a kind as TikZ, in a document that compiles by itself."""
    from convmatrix.show.render import latex

    tikz = KINDS[kind].tikz
    if tikz is None:
        raise UsageError(f"--kind {kind} is not drawn as TikZ: save one of {', '.join(ENDINGS)}")
    export.write_text(latex.document(tikz(latex, picture)), path)


def save_default(picture: PictureOptions, path: str) -> str:
    """Draw the linked picture, or the matrix alone where the layer is too large for it; then the reason."""
    try:
        save(picture, path, "linked")
    except ValueError as error:
        save(picture, path, "matrix")
        return str(error)
    return ""
