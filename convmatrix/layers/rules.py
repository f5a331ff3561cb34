"""Rules for the arguments of `Conv` and `ConvTranspose`, as data: comparisons of numbers, and error sentences.

The layers raise these sentences. The explorer's page, which runs without Python, gets the same tables as JSON, so that
it reports the same errors, and no sentence is written twice.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["DEFAULTS", "LEAST", "RULES", "SENTENCES", "SYNONYMS", "Rule", "check"]


class Rule(NamedTuple):
    """A combination of numbers that no layer has.

    Parameters
    ----------
    field : str
        The argument to change.
    violated : tuple of (str, str, int or str or list of str)
        Comparisons (left, operator, right), all true for an invalid layer: the name of a value, an operator of
        Python, and a number, the name of another value or a list of strings.
    sentence : str
        The error message, with the names of values in braces.
    """

    field: str
    violated: tuple[tuple[str, str, int | str | list[str]], ...]
    sentence: str


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, known: value in known,
    "not in": lambda value, known: value not in known,
}

LEAST = {
    "input_size": 1,
    "kernel_size": 1,
    "stride": 1,
    "dilation": 1,
    "input_dilation": 1,
    "output_padding": 0,
    "groups": 1,
    "in_channels": 1,
    "out_channels": 1,
}
"""The smallest valid value of each argument."""

DEFAULTS: Mapping[str, Any] = {
    "stride": 1,
    "padding": (0, 0),
    "dilation": 1,
    "groups": 1,
    "in_channels": 1,
    "out_channels": 1,
    "padding_mode": "zeros",
    "input_dilation": 1,
    "output_padding": 0,
}
"""The default of each argument, on every axis."""

SYNONYMS = {
    "constant": "zeros",
    "zero": "zeros",
    "wrap": "circular",
    "periodic": "circular",
    "edge": "replicate",
    "nearest": "replicate",
    "mirror": "reflect",
    "same_upper": "same",
    "bilinear": "linear",
    "trilinear": "linear",
}
"""Names in numpy.pad, scipy.ndimage, ONNX and PyTorch, and their equivalents in convmatrix."""

_NOT_INTEGER = "{what} must be an integer, got {value}"
_UNKNOWN = "{what} {word} is not one of {known}"

SENTENCES = {
    "on_axis": "{name} on axis {axis}",
    "end": "{what}, {end},",
    "not_integer": _NOT_INTEGER,
    "whole_float": _NOT_INTEGER + ": write {integer}",
    "too_small": "{what} must be at least {least}, got {value}",
    "unknown": _UNKNOWN,
    "misspelt": _UNKNOWN + ": did you mean {suggestion}?",
}
"""Names of arguments in error messages, and the errors of a single value."""

_NO_FIT = (
    "kernel does not fit on axis {axis}: it spans {span} (= dilation {dilation} * (kernel_size {kernel_size} - 1) + 1) "
    "but the padded input has {padded_size} (= "
)
_MORE_PADDING = "; add {missing} to the padding, or use a smaller kernel or dilation"
_PADDING_SUM = " + padding {before} + {after})"

_BESIDE = "output_padding {output_padding} on axis {axis} cannot stand beside "
_DECIDES = ", which decides the output size already: give one of the two"

_DILATED_OUTPUT = (
    "{dilated_size} {unit}(= (input_size {input_size} - 1) * stride {stride} + dilation {dilation} * (kernel_size "
    "{kernel_size} - 1) + 1 - padding {before} - {after} + output_padding {output_padding})"
)
_BETWEEN = (
    "axis {axis} gives "
    + _DILATED_OUTPUT.replace("{unit}", "positions ")
    + ", which is not 1 modulo input_dilation {input_dilation}: "
)
_FITS = "output_padding {fitting} would fit"


RULES = {
    # Values: the arguments, with the padding as it was given.
    "input_dilation": (
        Rule(
            "input_dilation",
            (("input_dilation", ">", 1), ("padding_mode", "not in", ["zeros"])),
            "input_dilation {input_dilation} on axis {axis} needs padding_mode 'zeros', got '{padding_mode}': a border "
            "that extends the input has no rule for the zeros between its entries",
        ),
        Rule(
            "padding",
            (("input_dilation", ">", 1), ("padding", "in", ["same", "same_lower"])),
            "padding '{padding}' needs input_dilation 1, got {input_dilation} on axis {axis}: give the padding in "
            "numbers",
        ),
    ),
    "groups": (
        Rule(
            "groups",
            (("remainder", ">", 0),),
            "groups={groups} does not divide {name}={channels} (remainder {remainder}): every group needs as many "
            "channels, so {name} must be a multiple of {groups}",
        ),
    ),
    # A pool in ceil_mode may extend `beyond` positions beyond the padded end; `reach` includes them.
    "fit": (
        Rule(
            "kernel_size",
            (("span", ">", "reach"), ("beyond", ">", 0)),
            f"{_NO_FIT}input_size {{input_size}}{_PADDING_SUM}, and ceil_mode lets it reach {{beyond}} beyond"
            f"{_MORE_PADDING}",
        ),
        Rule(
            "kernel_size",
            (("span", ">", "reach"), ("input_dilation", ">", 1)),
            f"{_NO_FIT}input_dilation {{input_dilation}} * (input_size {{input_size}} - 1) + 1{_PADDING_SUM}"
            f"{_MORE_PADDING}",
        ),
        Rule(
            "kernel_size", (("span", ">", "reach"),), f"{_NO_FIT}input_size {{input_size}}{_PADDING_SUM}{_MORE_PADDING}"
        ),
    ),
    # An output_size of 0 is one that is not given.
    "output_padding": (
        Rule(
            "output_padding",
            (("output_padding", ">", 0), ("output_size", ">", 0)),
            f"{_BESIDE}output_size {{output_size}}{_DECIDES}",
        ),
        Rule(
            "output_padding",
            (("output_padding", ">", 0), ("padding", "in", ["valid", "anticausal", "same", "same_lower"])),
            f"{_BESIDE}padding '{{padding}}'{_DECIDES}",
        ),
    ),
    # `fitting` is the smallest output_padding whose output has a whole number of entries, `bound` is above all of them.
    "output": (
        Rule(
            "output_padding",
            (("output_padding", ">=", "bound"),),
            "output_padding {output_padding} on axis {axis} is too large: it must be less than max(stride {stride}, "
            "dilation {dilation}) = {bound}, since it only chooses among the sizes that one convolution maps to the "
            "same output",
        ),
        Rule(
            "padding",
            (("dilated_size", "<", 1),),
            f"output is empty on axis {{axis}}: its size would be {_DILATED_OUTPUT.replace('{unit}', '')}; reduce the "
            "padding by {missing}",
        ),
        Rule(
            "padding",
            (("remainder", ">", 0), ("fitting", ">=", "bound")),
            f"{_BETWEEN}no output_padding below {{bound}} would fit; change the padding",
        ),
        Rule("padding", (("remainder", ">", 0), ("padding", "in", ["valid"])), f"{_BETWEEN}{_FITS} with padding=0"),
        Rule(
            "padding",
            (("remainder", ">", 0), ("padding", "in", ["anticausal"])),
            f"{_BETWEEN}{_FITS} with padding ({{before}}, {{after}})",
        ),
        Rule("output_padding", (("remainder", ">", 0),), f"{_BETWEEN}{_FITS}"),
    ),
}
"""The rules of each step of the validation, in the order in which they are checked."""


_COMPILED: dict[str, list[tuple[list[tuple[str, Callable[[Any, Any], bool], Any, bool]], str]]] = {
    step: [
        ([(left, _COMPARISONS[name], right, type(right) is str) for left, name, right in rule.violated], rule.sentence)
        for rule in rules
    ]
    for step, rules in RULES.items()
}
"""The rules with functions in place of operators: every layer that is made is checked."""


def check(step: str, values: Mapping[str, Any]) -> None:
    """Check the rules of one step of the validation.

    Parameters
    ----------
    step : str
        A key of `RULES`.
    values : mapping of str
        The values that the rules of this step name.

    Raises
    ------
    ValueError
        If a rule is violated, the first one.

    Examples
    --------
    >>> check("groups", {"groups": 2, "name": "in_channels", "channels": 4, "remainder": 0})
    >>> RULES["groups"][0].sentence.format(groups=2, name="in_channels", channels=3, remainder=1)[:41]
    'groups=2 does not divide in_channels=3 (r'
    """
    for violated, sentence in _COMPILED[step]:
        for left, compare, right, named in violated:
            if not compare(values[left], values[right] if named else right):
                break
        else:
            raise ValueError(sentence.format_map(values))
