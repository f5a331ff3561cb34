"""`verify`: every law and finding, and an exit code that laws alone decide."""

import argparse
import dataclasses
import json

from convmatrix.cli.arguments import Commands, add_layer, add_weight, layer_of, weight_of
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.sentences import sizes_described
from convmatrix.cli.terminal import Bar, print_lines, typeset

__all__ = ["add_to"]

_RESULTS = {("law", True): "holds", ("law", False): "FAILS", ("finding", True): "yes", ("finding", False): "no"}


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "verify",
        help="every law and finding for this layer, one line each",
        description="Check every law; exit 0 if all hold, 1 if one fails.\nFindings and "
        "controls are reported beside them.",
    )
    add_layer(parser)
    add_weight(parser, default="arange")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    """Return exit code 1 if a law fails: then the package is wrong, not the layer."""
    with held_back():
        from convmatrix.algebra import checks, controls
    layer = layer_of(arguments)
    weight = weight_of(arguments, layer)
    with Bar("verify") as bar:
        results = [*checks(layer, weight, progress=bar), *controls()]
    failed = sum(check.kind == "law" and not check.holds for check in results)
    if arguments.format == "json":
        print_lines([json.dumps({"laws_hold": not failed, "checks": [dataclasses.asdict(check) for check in results]})])
        return int(failed > 0)
    names = [typeset(check.name) for check in results]
    wide = max(map(len, names))
    lines = sizes_described(layer)
    for check, name in zip(results, names, strict=True):
        where = f", at {check.where}" if check.where else ""
        lines.append(
            f"{check.kind:<7}  {name:<{wide}}  {_RESULTS[check.kind, check.holds]:<5}  "
            f"{check.measured:.6g} (bound {check.bound:.6g}){where}"
        )
    laws = sum(check.kind == "law" for check in results)
    lines.append(f"{laws - failed} of {laws} laws hold")
    print_lines(lines)
    return int(failed > 0)
