"""Build the pages of this folder that are generated from the code: ``python docs/build.py [FOLDER]``.

``frameworks.md`` compares the conventions of all frameworks: their arguments, their rules, and the layers of the
same call. ``migration.md`` lists the names of ``renamed.json``, and ``api.txt`` the signatures of all public
names. The pages are reproducible byte for byte.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import convmatrix
from convmatrix import Conv
from convmatrix.cli.commands.frameworks import markdown
from convmatrix.frameworks.comparison.agreement import compare
from convmatrix.frameworks.comparison.diagnosis import conventions
from convmatrix.frameworks.comparison.output_sizes import output_size_options
from convmatrix.frameworks.comparison.registry import CONVMATRIX, frameworks, interfaces
from convmatrix.frameworks.shared.framework import RULE_NAMES
from convmatrix.frameworks.shared.layer_calls import LayerCall
from convmatrix.frameworks.shared.windows import OutputSizeCall

HERE = Path(__file__).resolve().parent
WIDTH = 120

ARGUMENTS = (
    "input_size",
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "padding_mode",
    "input_dilation",
    "output_padding",
    "output_size",
)
"""Our arguments, in the order of the rows of the tables."""

SETTINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "`same` with a stride: input 6, kernel 3, stride 2",
        "One element has to be added in all. Where `same` exists for strides, it goes to the end.",
        {"input_size": (6, 6), "kernel_size": 3, "stride": 2, "padding": "same"},
    ),
    (
        "`same` of a large image: input 224, kernel 7, stride 2",
        "Five elements in all: two before, three after. With `padding=3`, as layers of PyTorch are often written, it "
        "would be three at both ends: the same shape, other values.",
        {"input_size": (224, 224), "kernel_size": 7, "stride": 2, "padding": "same"},
    ),
    (
        "`same` of an even kernel: input 4, kernel 2",
        "The one element goes to the end, in PyTorch too.",
        {"input_size": (4, 4), "kernel_size": 2, "padding": "same"},
    ),
    (
        "One pad on both ends: input 6, kernel 3, stride 2, padding 1",
        "Numbers mean the same to all who take them. Theano alone flips the kernel.",
        {"input_size": (6, 6), "kernel_size": 3, "stride": 2, "padding": 1},
    ),
    (
        "Transposed: input 3, kernel 3, stride 2, padding 1",
        "JAX and Flax add the pads to the input between whose numbers zeros stand, the others crop them from the full "
        "result. Here both give 5, since k - 1 - 1 is 1; the kernel is what differs.",
        {"transpose": True, "input_size": (3, 3), "kernel_size": 3, "stride": 2, "padding": 1},
    ),
    (
        "Transposed without a pad: input 3, kernel 3, stride 2",
        "Now the two meanings of the pads give two sizes.",
        {"transpose": True, "input_size": (3, 3), "kernel_size": 3, "stride": 2},
    ),
    (
        "Transposed `same`, with an output size: input 3, kernel 3, stride 2, output 6",
        "A name crops what `same` adds to an input of 6: nothing before, one after.",
        {"transpose": True, "input_size": (3, 3), "kernel_size": 3, "stride": 2, "padding": "same", "output_size": 6},
    ),
    (
        "Transposed, with an output size: input 3, kernel 3, stride 2, padding 1, output 6",
        "The same size from padding 1: one before, nothing after.",
        {"transpose": True, "input_size": (3, 3), "kernel_size": 3, "stride": 2, "padding": 1, "output_size": 6},
    ),
)

INTRODUCTION = """
The same call, with the same numbers, is not the same layer in every framework: names of paddings, pads of transposed
layers, and the way the kernel lies differ, and often only the values show it. This page sets side by side what each
framework means, as implemented in `convmatrix.frameworks`. It is written by `docs/build.py` from the code that the
tests compare with the frameworks themselves.
"""


# -- Markdown --------------------------------------------------------------------------------------------------------


def wrapped(text: str, indent: str = "") -> str:
    """Wrap a paragraph, or an item whose further lines are indented; no line begins a list by accident."""
    stays = "\0"
    text = re.sub(r"\s([-+*=]|\d+[.)])(?=\s)", stays + r"\1", " ".join(text.split()))
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(stays, " ")


def escaped(text: str) -> str:
    """Escape prose so that Markdown shows it literally; text in backticks remains code."""
    parts = re.split(r"(`[^`]*`)", text.replace("``", "`"))
    return "".join(part if number % 2 else re.sub(r"([*<])", r"\\\1", part) for number, part in enumerate(parts))


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    headings = list(headings)
    yield f"| {' | '.join(headings)} |"
    yield f"| {' | '.join('---' for _ in headings)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


# -- sections of the page ---------------------------------------------------------------------------------------------


def page() -> str:
    """Return the page `frameworks.md`."""
    parts = ["# Conventions, side by side", wrapped(INTRODUCTION)]
    parts += ["## Names of arguments", *_arguments()]
    parts += [
        "## Rules",
        wrapped("Here k_e is the extent of the kernel, dilation \\* (kernel_size - 1) + 1."),
        *_rules(),
    ]
    parts += ["## The same arguments in all frameworks", *_settings()]
    parts += ["## Which size is meant?", *_sizes()]
    parts += ["## Whose convention is it?", *_conventions()]
    parts += ["## Layers and models, read as objects", *_objects()]
    return "\n\n".join(parts) + "\n"


def _arguments() -> Iterator[str]:
    yield wrapped(
        "What each framework calls our arguments, with its default. Where the framework takes arrays, their shapes "
        "tell sizes and channels; layers of PyTorch, Keras and Flax see the input's size when they are called, so "
        "that there the first argument is ours. Those in the last row have no name in ours: some say in which order "
        "the axes stand, some change nothing of the matrix. Every function takes `weight` as well, the array that the "
        "framework is given, and then returns the pair (layer, weight) with the weight in the layout of the layer. "
        "Errors name the arguments of the call."
    )
    for transpose, kind in enumerate(("convolution", "transposed convolution")):
        yield f"### Of a {kind}"
        columns = [CONVMATRIX, *interfaces()]
        calls = [interface.transposed if transpose else interface.convolution for interface in columns]
        reference, *others = map(names_by_argument, calls)
        rows = [
            [f"`{argument}`", *(", ".join(names[argument]) or "-" for names in others)]
            for argument in (*(argument for argument in ARGUMENTS if reference[argument]), "others")
        ]
        rows[-1][0] = "others"
        yield "\n".join(table([interface.name for interface in columns], rows))


def names_by_argument(call: LayerCall) -> dict[str, list[str]]:
    """Group the arguments of a call by our names of them."""
    argument_of = call.our_names()
    found: dict[str, list[str]] = {argument: [] for argument in (*ARGUMENTS, "others")}
    for name, parameter in inspect.signature(call.make).parameters.items():
        argument = argument_of.get(name, "others")
        default = "" if parameter.default in (parameter.empty, None) else f"={parameter.default!r}"
        if not (argument == "others" and name in ("ndim", "weight")):  # arguments of convmatrix in all modules
            found[argument].append(f"`{name}{default}`")
    return found


def _rules() -> Iterator[str]:
    for key in RULE_NAMES:
        yield f"### {key[0].upper()}{key[1:]}"
        yield "\n".join(
            wrapped(f"- **{framework.title}**: {escaped(framework.rules[key])}", "  ") for framework in frameworks()
        )


def _settings() -> Iterator[str]:
    yield wrapped(
        "One kernel, in the layout of each framework, and the same arguments. *Values* are beside the first row; "
        "*kernel* is how the windows read it (of a transposed layer, those between its inserted zeros, where "
        "C^T reads it flipped along all axes); *pads* stand before and after the input, and *cropped* is what "
        "the full result loses there. `x` and `w` are the input and the weight. On the command line, "
        "`convmatrix frameworks` makes such a table of any arguments."
    )
    for title, sentence, arguments in SETTINGS:
        yield f"### {title}"
        yield wrapped(sentence)
        yield "\n".join(markdown(compare(**arguments), arguments.get("transpose", False)))


def _sizes() -> Iterator[str]:
    options = output_size_options(Conv((5, 5), 3, stride=2, padding=1))
    yield wrapped(
        f"With a stride, {escaped(options.reason[0])}. A transposed layer needs an argument that selects one of them, "
        "and each framework has another one. `convmatrix.frameworks.comparison.output_size_options` lists them for any "
        "layer."
    )
    for size in options.sizes[0]:
        yield f"### {size.size} from 3"
        yield "\n".join(table(("layer", "arguments", "in convmatrix"), map(_size_row, options.calls(size.size))))


def _size_row(call: OutputSizeCall) -> list[str]:
    if call.kwargs is None:
        return [call.layer_name, escaped(call.arguments), "-"]
    kwargs = ", ".join(f"{name}={value!r}" for name, value in call.kwargs.items())
    return [call.layer_name, escaped(call.arguments), f"`{call.framework}.{call.function}({kwargs})`"]


def _conventions() -> Iterator[str]:
    yield wrapped(
        "Same shape, different values: `convmatrix.frameworks.comparison.diagnose(x, y, weight, ...)` tries "
        "these, one by one and two by two, and names those that explain y. For two "
        "axes:"
    )
    rows = (
        [f"`{one.name}`", escaped(one.sentence), escaped(one.remedy.replace("{ours}", "'OI*'"))]
        for one in conventions(2)
    )
    yield "\n".join(table(("name", "difference", "to get y"), rows))
    yield wrapped(
        "`moved` is `convmatrix.frameworks.shared.layouts.moved`; for a transposed layer its target is "
        "`'IO*'`. `flip` is along all axes of the kernel."
    )


def _objects() -> Iterator[str]:
    yield wrapped(
        "No framework is imported: objects are read by the names of their attributes. `from_layer` gives a "
        "layer with its weight and bias, `from_model` a list of layers with their weights and biases, and "
        "in `left_out` what was passed over. Anything else is refused by its name."
    )
    for framework in frameworks():
        readers = {"from_layer": framework.from_layer, "from_model": framework.from_model}
        items = [
            wrapped(f"- `{name}`: {escaped(_summary(reader))}", "  ") for name, reader in readers.items() if reader
        ]
        yield f"### {framework.title}"
        yield "\n".join(items) or "It has no layer objects that are read."


def _summary(function: Callable[..., Any]) -> str:
    """Return the part of a docstring before its sections."""
    return (inspect.getdoc(function) or "").partition("\n\nParameters\n")[0]


def migration() -> str:
    """Return the page of names that have changed, grouped by their former module."""
    modules: dict[str, list[tuple[str, str]]] = {}
    for old, new in json.loads((HERE / "renamed.json").read_text()).items():
        module, _, name = old.rpartition(".")
        modules.setdefault(module, []).append((name, new))
    lines = [
        "# Names that have changed",
        "",
        wrapped(
            "Before version 1.0 a public name changes where a better one is found, and no alias is left behind. This "
            "page is written from [renamed.json](renamed.json), which a program can read."
        ),
    ]
    for module, names in modules.items():
        lines += ["", f"## {module}", "", "| name | now |", "|---|---|"]
        lines += [f"| `{name}` | `{new}` |" for name, new in names]
    return "\n".join(lines) + "\n"


def signatures() -> str:
    """Return the signatures of all public names but the core's, to be read for their consistency."""
    lines = []
    for module in _public_modules():
        lines += ["", module.__name__]
        for name in sorted(module.__all__, key=str.lower):
            lines += [f"    {name}{signature}" for signature in _signatures(getattr(module, name))]
    return "\n".join(lines[1:]) + "\n"


def _public_modules() -> list[ModuleType]:
    """Find all packages but those of the core, and the modules among their public names, sorted by name."""
    walked = [found.name for found in pkgutil.walk_packages(convmatrix.__path__, "convmatrix.") if found.ispkg]
    names = {name for name in walked if not name.startswith("convmatrix.core")}
    packages = [convmatrix, *map(importlib.import_module, names)]
    public = [getattr(package, name) for package in packages for name in package.__all__]
    modules = {module.__name__: module for module in [*packages, *public] if inspect.ismodule(module)}
    return [modules[name] for name in sorted(modules)]


def _signatures(value: Any) -> Iterator[str]:
    """Yield the signature of a function, or of a class and its public methods; for constants their type."""
    if not callable(value) or not hasattr(value, "__module__"):
        yield f": {type(value).__name__}"
        return
    yield _signature(value)
    if not inspect.isclass(value):
        return
    for name, member in sorted(inspect.getmembers(value)):
        if name.startswith("_") or not (getattr(member, "__module__", "") or "").startswith("convmatrix"):
            continue
        if inspect.isfunction(member) or inspect.ismethod(member):
            yield f".{name}{_signature(member)}"


def _signature(function: Callable[..., Any]) -> str:
    """Format the names and defaults of the arguments, without their types."""
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):  # for aliases of types
        return ""
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty, default=_named(parameter.default))
        for parameter in found.parameters.values()
    ]
    return str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty))


class _Name(str):
    """Text whose representation has no quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _named(default: Any) -> Any:
    """Replace a function or a type by its name, since the representation of a function has an address in it."""
    is_named = inspect.isfunction(default) or (inspect.isclass(default) and default is not inspect.Parameter.empty)
    return _Name(default.__name__) if is_named else default


def build(folder: Path) -> None:
    """Write the pages whose content has changed."""
    for name, text in (("frameworks.md", page()), ("migration.md", migration()), ("api.txt", signatures())):
        target, content = folder / name, text.encode()
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)
            print(f"wrote {target.name}")  # noqa: T201  make docs says what it wrote


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
