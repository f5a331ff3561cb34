"""Conversion of command-line options to layers and arrays."""

import argparse
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from convmatrix import presets
from convmatrix.cli.errors import UsageError
from convmatrix.cli.guesses import nearest
from convmatrix.cli.terminal import print_error, write
from convmatrix.core.array_files import ENDINGS
from convmatrix.core.errors import shortened_text
from convmatrix.layers import Conv, ConvTranspose, Layer

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = [
    "EXAMPLES",
    "Commands",
    "Parser",
    "UsageError",
    "add_layer",
    "add_values",
    "add_weight",
    "given_names",
    "integer",
    "layer_arguments",
    "layer_of",
    "sizes",
    "values_of",
    "weight_of",
    "with_values_attached",
]

EXAMPLES = """\
examples:
  convmatrix show 4 3
  convmatrix show --i 5 --k 3 --s 2 --p 1 --weight sobel
  convmatrix show --i 3 --k 3 --s 2 --p 1 --op 1 --transpose
  convmatrix size --i 6 --k 3 --s 2 --p 1
  convmatrix export C.npz --i 28 --k 5 --cout 6 --weight random:0
  convmatrix figure padding_strides --save window.svg
  convmatrix figure padding_strides --size slide --theme dark --save slide.svg
  convmatrix animate --i 5 --k 3 --s 2 --p 1 --save window.gif
  convmatrix explore --save page.html

Axes are joined by x, a (before, after) pair by a comma:
  --i 4x6 --p 1,2x0,1
"""


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line.

    A description that takes long to make is given as `describe`, and made when help is printed.
    """

    def __init__(self, *, describe: Callable[[], str] | None = None, **kwargs: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **{"epilog": EXAMPLES, **kwargs})
        self._describe = describe

    def format_help(self) -> str:
        """The help, with its description."""
        if self._describe is not None:
            self.description = self._describe()
        return super().format_help()

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        """Print the help as commands print; argparse would not flush it, and would ignore errors."""
        if file is None:
            write(self.format_help())
        else:
            super().print_help(file)

    def error(self, message: str) -> NoReturn:
        """Exit with one line."""
        print_error(f"{self.prog}: error: {shortened_text(message)} (see {self.prog} --help)")
        self.exit(2)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Raise the error for unknown arguments here, where the command is known and its help can be named."""
        for word in args or ():
            if word.endswith("=--"):  # from which argparse makes an empty list
                self.error(f"argument {word[:-3]}: expected one argument")
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].partition("=")[0]
            close = nearest(name, [*self._option_string_actions], {}) if name.startswith("-") else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}" + (f"; did you mean {close}?" if close else ""))
        return known, unknown


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""Type of what `add_subparsers` returns, which has no public name."""


def with_values_attached(argv: Sequence[str]) -> list[str]:
    """Join an option and a value that begins with a minus sign, which argparse would take for an option."""
    joined: list[str] = []
    for part in argv:
        if joined and re.fullmatch(r"--[a-z-]+", joined[-1]) and re.match(r"-[\d.]", part):
            joined[-1] += f"={part}"
        else:
            joined.append(part)
    return joined


# -- options to numbers ------------------------------------------------------------------------------------------------


def integer(text: str) -> int:
    """Read an integer."""
    if not re.fullmatch(r"[+-]?\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer")
    try:
        return int(text)
    except ValueError:  # Python does not read thousands of digits
        raise argparse.ArgumentTypeError(
            f"{text!r} is too large: an integer has at most {sys.get_int_max_str_digits()} digits"
        ) from None


def sizes(text: str) -> int | tuple[int, ...]:
    """Read integers joined by x or, where no pair can be meant, by commas; or one for all axes."""
    numbers = tuple(integer(part) for part in re.split("[x,]", text))
    return numbers if len(numbers) > 1 else numbers[0]


def _padding(text: str) -> Any:
    """Entries for each axis, or one for all; a pair for all axes stays a list until their number is known."""
    entries = [_padding_entry(part) for part in text.split("x")]
    return tuple(entries) if len(entries) > 1 else entries[0]


def _padding_entry(text: str) -> Any:
    if "," not in text:
        return integer(text) if re.search(r"\d", text) else text
    pair = tuple(integer(part) for part in text.split(","))
    if len(pair) != 2:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a before,after pair; axes are joined by x, as in {'x'.join(text.split(','))}"
        )
    return list(pair)


# -- the layer -------------------------------------------------------------------------------------------------------


def add_layer(parser: Parser, *, by_name: bool = False) -> None:
    """Add the options that describe a layer; a setting is `--setting NAME`, or the NAME alone."""
    layer = parser.add_argument_group("layer (axes joined by x, as in 4x6)")
    about = "a named setting instead of numbers; see convmatrix presets"
    if by_name:
        layer.add_argument("setting", nargs="?", metavar="NAME", help=about)
    else:
        layer.add_argument("--setting", metavar="NAME", help=about)
    parser.set_defaults(setting_is="NAME" if by_name else "--setting")
    layer.add_argument("--i", "--input-size", dest="input_size", metavar="I", type=sizes)
    layer.add_argument("--k", "--kernel-size", dest="kernel_size", metavar="K", type=sizes)
    layer.add_argument("--s", "--stride", dest="stride", metavar="S", type=sizes, help="default: 1")
    layer.add_argument(
        "--p",
        "--padding",
        dest="padding",
        metavar="P",
        type=_padding,
        help="numbers, before,after pairs, or a name such as same or full; of a transposed "
        "convolution anticausal is the causal trim, not causal; default: 0",
    )
    layer.add_argument("--d", "--dilation", dest="dilation", metavar="D", type=sizes, help="default: 1")
    layer.add_argument(
        "--a",
        "--input-dilation",
        dest="input_dilation",
        metavar="A",
        type=sizes,
        help="spreads the input with zeros; default: 1",
    )
    layer.add_argument("--g", "--groups", dest="groups", metavar="G", type=integer, help="default: 1")
    layer.add_argument("--cin", "--in-channels", dest="in_channels", metavar="C", type=integer, help="default: 1")
    layer.add_argument("--cout", "--out-channels", dest="out_channels", metavar="C", type=integer, help="default: 1")
    layer.add_argument(
        "--mode",
        "--padding-mode",
        dest="padding_mode",
        metavar="MODE",
        help="zeros, reflect, replicate, circular or symmetric; default: zeros",
    )
    layer.add_argument(
        "--ndim", dest="ndim", metavar="N", type=integer, help="number of axes, where no argument sets it; default: 2"
    )
    layer.add_argument("--transpose", action="store_true", help="the transposed convolution; --i is then its own input")
    layer.add_argument(
        "--op", "--output-padding", dest="output_padding", metavar="OP", type=sizes, help="with --transpose; default: 0"
    )
    layer.add_argument("--o", "--output-size", dest="output_size", metavar="O", type=sizes, help="with --transpose")


_LAYER = tuple(signature(ConvTranspose).parameters)


def given_names(arguments: argparse.Namespace) -> set[str]:
    """The arguments of a layer that are given, and `setting`."""
    return {name for name in (*_LAYER, "setting") if getattr(arguments, name) is not None}


def layer_arguments(
    arguments: argparse.Namespace,
    needed: Collection[str] = ("input_size", "kernel_size"),
    default: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The options that describe a layer, as keyword arguments of its class; a setting gives all of them."""
    given = given_names(arguments)
    settings: dict[str, Any] = {name: getattr(arguments, name) for name in _LAYER if name in given}
    setting, setting_is = arguments.setting, arguments.setting_is
    if setting is not None:
        if settings or arguments.transpose:
            raise UsageError(
                f"{setting_is} {setting} is a whole layer and stands alone: leave out the other "
                f"numbers, or give them all without {setting_is}"
            )
        layer = presets.setting(setting)
        kwargs = {name: getattr(layer, name) for name in _LAYER if hasattr(layer, name)}
        del kwargs["ndim"]
        if isinstance(layer, Conv):
            del kwargs["output_size"]  # which follows from the others
            return kwargs
        return {**kwargs, "transpose": True, "output_size": None}
    settings = {**(default or {}), **settings}
    for name, option in (("input_size", "--i"), ("kernel_size", "--k")):
        if name in needed and name not in settings:
            raise UsageError(f"{option} is missing: give --i and --k, as in --i 4 --k 3, or a {setting_is}")
    if not arguments.transpose:
        for name, option in (("output_padding", "--op"), ("output_size", "--o")):
            if name in settings:
                raise UsageError(f"{option} needs --transpose: a convolution has only one output size")
    if isinstance(settings.get("padding"), list):
        settings["padding"] = [settings["padding"]] * _axes(settings)
    return {**settings, "transpose": True} if arguments.transpose else settings


def layer_of(arguments: argparse.Namespace, **default: int) -> Layer:
    """The layer that is described; `default` stands in for sizes that may be left out."""
    kwargs = layer_arguments(arguments, default=default)
    return ConvTranspose(**kwargs) if kwargs.pop("transpose", False) else Conv(**kwargs)


def _axes(settings: dict[str, Any]) -> int:
    """Number of axes of a configuration whose padding is one pair for all."""
    lengths = [len(value) for value in settings.values() if isinstance(value, tuple)]
    return int(settings.get("ndim", lengths[0] if lengths else 2))


# -- weights and inputs ----------------------------------------------------------------------------------------------


def add_weight(parser: Parser, default: str | None = None) -> None:
    """Add the option for the weight."""
    parser.add_argument(
        "--weight",
        metavar="W",
        default=default,
        help="ones, arange (1, 2, 3, ...), random:SEED, a kernel's name (see convmatrix presets), "
        "numbers in C order joined by commas, or a file "
        f"({' '.join(ENDINGS)})" + (f"; default: {default}" if default else "; default: symbols"),
    )


def add_values(parser: Parser) -> None:
    """Add the option for the input."""
    parser.add_argument(
        "--x",
        metavar="X",
        help="values of the input: ones, arange, random:SEED, guide, numbers in C order joined by "
        "commas, or a file as for --weight; default: symbols",
    )


def weight_of(arguments: argparse.Namespace, layer: Layer) -> Any:
    """The weight that is described, or None for symbols."""
    return None if arguments.weight is None else presets.parse_weight(layer, arguments.weight)


def values_of(arguments: argparse.Namespace, layer: Layer) -> Any:
    """The input that is described, or None for symbols."""
    return None if arguments.x is None else presets.parse_input(layer, arguments.x)
