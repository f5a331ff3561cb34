"""First guesses at the prompt, translated to the options that the commands have, before argparse reads it.

Sizes without names (``show 4 3``), one hyphen (``-i 4 -k 3``), names of torch, Keras and the papers (``--kernel_size``,
``--strides``, ``--filters``), the name of a setting in place of numbers (``show padding_strides``), and ``help``.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["nearest", "translated"]

_SIZES = re.compile(r"\d+([x,]\d+)*")

_LETTER = re.compile(r"-([ikspdgo])(?:=?(\d.*))?")

_OPTIONS: Mapping[str, str] = {
    "--image": "--i",
    "--image-size": "--i",
    "--in-size": "--i",
    "--input-shape": "--i",
    "--kernel": "--k",
    "--filter-size": "--k",
    "--kernel-shape": "--k",
    "--window": "--k",
    "--window-size": "--k",
    "--pool-size": "--k",
    "--strides": "--s",
    "--step-size": "--s",
    "--window-strides": "--s",
    "--pad": "--p",
    "--pads": "--p",
    "--dilations": "--d",
    "--dilation-rate": "--d",
    "--rate": "--d",
    "--rhs-dilation": "--d",
    "--lhs-dilation": "--a",
    "--feature-group-count": "--g",
    "--group": "--g",
    "--channels-in": "--cin",
    "--input-channels": "--cin",
    "--channels-out": "--cout",
    "--output-channels": "--cout",
    "--filters": "--cout",
    "--features": "--cout",
    "--num-filter": "--cout",
    "--border-mode": "--mode",
    "--pad-mode": "--mode",
    "--trans": "--transpose",
    "--transposed": "--transpose",
    "--deconv": "--transpose",
    "--out-padding": "--op",
    "--weights": "--weight",
    "--kernel-weights": "--weight",
    "--output-file": "--save",
    "--out": "--save",
    "--colour": "--color",
}
"""Other names of options, with hyphens and in small letters."""

_COMMANDS: Mapping[str, str] = {
    "matrix": "show",
    "print": "show",
    "view": "show",
    "shape": "size",
    "sizes": "size",
    "arithmetic": "size",
    "test": "verify",
    "laws": "verify",
    "compare": "check",
    "grade": "check",
    "mark": "check",
    "torch": "frameworks",
    "framework": "frameworks",
    "plot": "figure",
    "draw": "figure",
    "picture": "figure",
    "svg": "figure",
    "film": "animate",
    "gif": "animate",
    "movie": "animate",
    "page": "explore",
    "html": "explore",
    "save": "export",
    "write": "export",
    "list": "presets",
    "kernels": "presets",
    "settings": "presets",
}
"""Names for a command elsewhere; they are not run, but named in the error."""

_OF_LAYERS = ("show", "size", "verify", "frameworks", "figure", "animate", "explore")
"""Commands that take a layer and nothing else before their options."""

_WITH_NAME = ("figure", "animate", "explore")
"""Those whose setting has no option's name."""


def translated(argv: Sequence[str]) -> list[str]:
    """Translate arguments to those that argparse knows.

    Returns
    -------
    list of str

    Examples
    --------
    >>> translated(["show", "4", "3", "-s2", "--Padding_Mode=reflect"])
    ['show', '--i', '4', '--k', '3', '--s=2', '--padding-mode=reflect']
    >>> translated(["help", "show"]), translated(["size", "padding_strides"])
    (['show', '--help'], ['size', '--setting=padding_strides'])
    """
    if argv and argv[0] == "help":
        return [*argv[1:2], "--help"]
    if not argv or argv[0].startswith("-"):
        return list(argv)
    command, *rest = argv
    return [command, *_layer(command, rest)]


def _layer(command: str, rest: list[str]) -> Iterator[str]:
    """Sizes or a setting without option names, then the options."""
    first = next((at for at, word in enumerate(rest) if word.startswith("-")), len(rest))
    leading = rest[:first] if command in _OF_LAYERS else []
    if leading and len(leading) <= 2 and all(map(_SIZES.fullmatch, leading)):
        for name, word in zip(("--i", "--k"), leading, strict=False):
            yield from (name, word)
    elif len(leading) == 1 and command not in _WITH_NAME and not _SIZES.fullmatch(leading[0]):
        yield f"--setting={leading[0]}"
    else:
        first = 0
    for word in rest[first:]:
        yield _option(command, word)


def _option(command: str, word: str) -> str:
    if letter := _LETTER.fullmatch(word):
        return f"--{letter[1]}" + ("" if letter[2] is None else f"={letter[2]}")
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    name = name.lower().replace("_", "-")
    if name == "--input" and command not in ("figure", "animate", "frameworks"):
        name = "--i"
    return _OPTIONS.get(name, name) + equals + value


def nearest(word: str, known: Collection[str], others: Mapping[str, str] | None = None) -> str:
    """Find the known word that is probably meant.

    Parameters
    ----------
    word : str
    known : collection of str
    others : mapping of str, optional
        Other names, and what each stands for; by default other names of commands.

    Returns
    -------
    str
        Empty if there is none.

    Examples
    --------
    >>> nearest("shw", ["show", "size"]), nearest("gif", ["animate"]), nearest("xyz", ["show"])
    ('show', 'animate', '')
    """
    others = _COMMANDS if others is None else others
    if others.get(word) in known:
        return others[word]
    close = difflib.get_close_matches(word, [*known, *others], n=1, cutoff=0.75)
    return others.get(close[0], close[0]) if close else ""
