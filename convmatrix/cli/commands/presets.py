"""`presets`: the named kernels and settings."""

import argparse
import difflib
from collections.abc import Mapping

from convmatrix import presets
from convmatrix.cli.arguments import Commands, UsageError
from convmatrix.cli.sentences import sizes_described
from convmatrix.cli.terminal import print_lines

__all__ = ["add_to"]


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "presets",
        help="the named kernels and settings",
        description="List the named kernels and settings, or show one.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one kernel or setting")
    parser.set_defaults(run=_presets)


def _presets(arguments: argparse.Namespace) -> None:
    kernels, settings = presets.kernels(), presets.settings()
    name = None if arguments.name is None else arguments.name.lower().replace("-", "_")
    if name is None:
        lines = ["kernels, for --weight:", *_table(kernels), "", "settings, for --setting:", *_table(settings)]
    elif name in kernels:
        lines = [f"{name}: {kernels[name]}", str(presets.kernel(name))]
    elif name in settings:
        layer = presets.setting(name)
        lines = [f"{name}: {settings[name]}", repr(layer), *sizes_described(layer)]
    else:
        close = difflib.get_close_matches(name, [*kernels, *settings])
        remedy = f"did you mean {' or '.join(close)}?" if close else "convmatrix presets lists them"
        raise UsageError(f"there is no kernel or setting {arguments.name!r}: {remedy}")
    print_lines(lines)


def _table(entries: Mapping[str, str]) -> list[str]:
    wide = max(map(len, entries))
    return [f"  {name:<{wide}}  {about}" for name, about in entries.items()]
