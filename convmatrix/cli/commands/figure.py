"""`figure`: one lecture figure of a layer."""

import argparse

from convmatrix import export, presets
from convmatrix.cli import pictures
from convmatrix.cli.arguments import Commands, UsageError, add_layer, add_values, add_weight, layer_of
from convmatrix.cli.kinds import KINDS, OPTIONS
from convmatrix.cli.styles import add_style, styled
from convmatrix.cli.terminal import print_lines
from convmatrix.layers import Conv

__all__ = ["add_to"]

_ENDINGS = (*pictures.ENDINGS, ".tex")

_DESCRIPTION = """\
Draw a layer, as {endings}.
NAME is a published setting, such as padding_strides; or describe the layer.

kinds:
{kinds}

(T) of a transposed convolution only; (W) with integers drawn with seed 0
where there is no --weight.

.tex is a TikZ picture in a document that compiles by itself, of the kinds
{tikz}.
""".format(
    endings=" ".join(_ENDINGS),
    kinds="\n".join(
        f"  {name:<15}  {kind.about}{' (T)' * kind.transpose}{' (W)' * kind.numeric}" for name, kind in KINDS.items()
    ),
    tikz=" and ".join(name for name, kind in KINDS.items() if kind.tikz),
)


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "figure", help="a lecture figure, by name or by configuration", description=_DESCRIPTION
    )
    add_layer(parser, by_name=True)
    parser.add_argument("--save", metavar="FILE", help="where to, by its ending; default: a new file, NAME.svg")
    parser.add_argument("--list", action="store_true", help="list the names of settings, and draw nothing")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        metavar="KIND",
        help="see above; default: linked, or matrix where the layer is too large for it",
    )
    add_weight(parser)
    add_values(parser)
    pictures.add_view(parser)
    pictures.add_step(parser)
    add_style(parser)
    parser.set_defaults(run=_figure)


def _figure(arguments: argparse.Namespace) -> None:
    if arguments.list:
        print_lines(list(presets.settings()))
        return
    pictures.name_file(arguments, ".svg")
    pictures.require_other("film", "animate", arguments.save, pictures.FILMS, _ENDINGS)
    ending = export.ending_of(arguments.save, _ENDINGS)
    layer = layer_of(arguments)
    kind = arguments.kind or "linked"
    options = {name for name in OPTIONS if getattr(arguments, name) is not None}
    for name in OPTIONS:
        if name in options.difference(KINDS[kind].takes):
            raise UsageError(f"--kind {kind} does not take --{name.replace('_', '-')}: leave it out")
    if KINDS[kind].transpose and isinstance(layer, Conv):
        raise UsageError(
            f"--kind {kind} draws a transposed convolution only: add --transpose, or take a NAME that "
            "ends in transposed"
        )
    picture = pictures.options_of(arguments, layer)
    reason = ""
    with styled(arguments, ending):
        if ending == ".tex":
            pictures.save_tikz(picture, arguments.save, kind)
        elif arguments.kind is None and options <= {"weight", "title", "labels", "fill", "captions"}:
            reason = pictures.save_default(picture, arguments.save)
        else:
            pictures.save(picture, arguments.save, kind)
    subject = f"the matrix alone, since {reason}" if reason else kind
    generic = KINDS[kind].numeric and picture.weight is None
    print_lines([f"{arguments.save}: {subject}; {layer!r}" + "; weight drawn with seed 0" * generic])
