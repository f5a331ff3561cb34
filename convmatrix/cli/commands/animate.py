"""`animate`: the sliding window of a layer, step by step."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from convmatrix import export
from convmatrix.cli import pictures
from convmatrix.cli.arguments import Commands, add_layer, add_values, add_weight, layer_of
from convmatrix.cli.errors import UsageError
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.styles import add_style, style_of
from convmatrix.cli.terminal import Bar, print_lines
from convmatrix.core.errors import pluralize
from convmatrix.layers import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

__all__ = ["add_to"]


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "animate", help="the window slides and the matrix lights up, as a file", describe=_description
    )
    add_layer(parser, by_name=True)
    parser.add_argument("--save", metavar="FILE", help="where to, by its ending; default: a new file, NAME.gif")
    parser.add_argument("--seconds", type=_seconds, default=1.0, metavar="S", help="of each step; default: 1")
    add_weight(parser)
    add_values(parser)
    pictures.add_view(parser, _VIEWS)
    add_style(parser)
    parser.set_defaults(run=_animate)


_VIEWS = {
    **pictures.VIEWS,
    "bare": "the maps alone, without text",
    "stacked": "the output floats above the input",
    "round-trip": "x, C x and C^T C x, then C^T C beside I",
    "null-space": "x changes by what C takes to 0, and y stays",
}
_MOST_INPUTS = 64
"""Most inputs of a layer whose null space is computed for a film."""


def _description() -> str:
    with held_back():
        from convmatrix.show.render.animate import ENDINGS
    return (
        "Animate a layer: its window slides, or its stamps add up, while its matrix\nlights up in step. The file's "
        f"ending is one of\n{' '.join(ENDINGS)} (.mp4 needs ffmpeg).\n\n"
        "NAME is a published setting, such as padding_strides; or describe the layer."
    )


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def _animate(arguments: argparse.Namespace) -> None:
    with held_back():
        from convmatrix.show.model.films import film_of
        from convmatrix.show.render import animate

    pictures.name_file(arguments, ".gif")
    pictures.require_other("still", "figure", arguments.save, (".pdf", ".tex"), animate.ENDINGS)
    ending = export.ending_of(arguments.save, animate.ENDINGS)
    layer = layer_of(arguments)
    picture = pictures.options_of(arguments, layer)
    style = style_of(arguments, ending)
    weight, x, vector = picture.weight, picture.x, None
    if arguments.view == "null-space":
        weight, x, vector = _null_space_of(layer, weight, x)
    movie = film_of(
        layer, weight, x, view=arguments.view, vector=vector, matrix=picture.matrix, title=picture.title, style=style
    )
    with Bar("animate") as bar:
        animate.save(movie, arguments.save, seconds_per_step=arguments.seconds, progress=bar)
    steps = pluralize(len(movie.frames), "step")
    print_lines([f"{arguments.save}: {steps} of {arguments.seconds:g} s; {layer!r}"])


def _null_space_of(layer: Layer, weight: "Numbers | None", x: "Numbers | None") -> "tuple[Numbers, Numbers, Numbers]":
    """Weight, input, and an input that the layer takes to 0, in small integers; ones and small integers by default."""
    with held_back():
        import numpy as np

        from convmatrix.algebra.elimination.null_spaces import integer_basis

    inputs = math.prod(layer.input_shape)
    if inputs > _MOST_INPUTS:
        raise UsageError(
            f"--view null-space is drawn for at most {_MOST_INPUTS} inputs, got {inputs}: take a smaller layer"
        )
    weight = np.ones(layer.weight_shape, dtype=np.int64) if weight is None else weight
    x = (np.arange(inputs) * 7 % 5).reshape(layer.input_shape) if x is None else x
    if weight.dtype.kind not in "biu":
        raise UsageError(f"--view null-space needs whole numbers as its weight, got {weight.dtype}: round it")
    basis = integer_basis(layer.matrix(weight))
    if not basis.shape[1]:
        raise UsageError("C takes no input but 0 to 0, so that every change of x changes y: take another layer")
    smallest = min(range(basis.shape[1]), key=lambda column: abs(basis[:, column]).max())
    return weight, x, basis[:, smallest]
