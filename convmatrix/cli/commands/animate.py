"""`animate`: the sliding window of a layer, step by step."""

import argparse

from convmatrix import export
from convmatrix.cli import pictures
from convmatrix.cli.arguments import Commands, add_layer, add_values, add_weight, layer_of
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.styles import add_style, style_of
from convmatrix.cli.terminal import Bar, print_lines
from convmatrix.core.errors import pluralize

__all__ = ["add_to"]


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "animate", help="the window slides and the matrix lights up, as a file", describe=_description
    )
    add_layer(parser, by_name=True)
    parser.add_argument("--save", metavar="FILE", required=True, help="where to, by its ending")
    parser.add_argument("--seconds", type=_seconds, default=1.0, metavar="S", help="of each step; default: 1")
    add_weight(parser)
    add_values(parser)
    pictures.add_view(parser)
    add_style(parser)
    parser.set_defaults(run=_animate)


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
        from convmatrix.show.model.stage import film
        from convmatrix.show.render import animate

    ending = export.ending_of(arguments.save, animate.ENDINGS)
    layer = layer_of(arguments)
    picture = pictures.options_of(arguments, layer)
    style = style_of(arguments, ending)
    movie = film(
        layer, picture.weight, picture.x, view=picture.view, matrix=picture.matrix, title=picture.title, style=style
    )
    with Bar("animate") as bar:
        animate.save(movie, arguments.save, seconds_per_step=arguments.seconds, progress=bar)
    steps = pluralize(len(movie.frames), "step")
    print_lines([f"{arguments.save}: {steps} of {arguments.seconds:g} s; {layer!r}"])
