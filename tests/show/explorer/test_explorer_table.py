"""The explorer's module beside Python: sizes, every entry with its taps, labels, sentences, errors."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convmatrix import Conv, ConvTranspose
from convmatrix.core.axis import PADDING_MODES, PADDING_NAMES
from convmatrix.layers.rules import RULES, SYNONYMS
from convmatrix.show.explorer import document
from convmatrix.show.explorer.script import LIMITS, script
from convmatrix.show.explorer.sentences import DESCRIPTIONS
from convmatrix.show.model import palette
from convmatrix.show.model.palette import ink_on, tap_colours
from convmatrix.show.model.scene import Scene, number_label, tap_label
from convmatrix.show.model.sizes import RELATIONSHIPS, relationship
from strategies import (
    built,
    conv_arguments,
    covers,
    invalid_conv_arguments,
    invalid_transpose_arguments,
    layers,
    share,
    transpose_arguments,
)

CHECK = Path(__file__).with_name("explorer_check.mjs")
FAMILY = palette.family()
UNLIMITED = {"entries": 10**9, "positions": 10**9, "number": 10**9}


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """A function that calls the module's functions: (name, arguments) to its answer."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not there to run the explorer's module")
    path = tmp_path_factory.mktemp("explorer") / "explorer.mjs"
    path.write_text(script(), encoding="utf-8")
    with subprocess.Popen([node, CHECK, path], stdin=-1, stdout=-1, encoding="utf-8") as process:

        def call(*arguments):
            process.stdin.write(json.dumps(arguments) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert "failure" not in answer, answer["failure"]
            return answer

        yield call
        process.stdin.close()


def table_of(ask, settings):
    return ask("table", settings, UNLIMITED)["result"]


def error_of(ask, settings):
    return table_of(ask, settings)["error"]["sentence"]


def settings_of(arguments):
    """Contents of the page's fields for the arguments of a layer: a name stays a name."""
    ndim = len(arguments["input_size"])
    one = [1] * ndim
    pads = arguments["padding"]
    pads = [pads] * ndim if isinstance(pads, str) else list(pads)
    axes = {
        name: list(arguments.get(name, one))
        for name in ("input_size", "kernel_size", "stride", "dilation", "input_dilation")
    }
    return axes | {
        "transposed": "output_padding" in arguments,
        "padding": [pad if isinstance(pad, str) else [pad, pad] if isinstance(pad, int) else list(pad) for pad in pads],
        "output_padding": list(arguments.get("output_padding", [0] * ndim)),
        "padding_mode": arguments.get("padding_mode", "zeros"),
        **{name: arguments.get(name, 1) for name in ("in_channels", "out_channels", "groups")},
    }


AXIS_FIELDS = (
    "input_size",
    "kernel_size",
    "stride",
    "dilation",
    "input_dilation",
    "before",
    "after",
    "mode",
    "span",
    "dilated_size",
    "padded_size",
    "output_size",
    "leftover",
)


# -- the table -------------------------------------------------------------------------------------------------------


def assert_same_table(layer, table):
    """Sizes, and every entry with its taps."""
    assert [[axis[name] for axis in table["axes"]] for name in AXIS_FIELDS] == [
        [getattr(axis, name) for axis in layer.axes] for name in AXIS_FIELDS
    ]
    assert table["padding"] == [list(pair) for pair in layer.padding]
    assert table["output_padding"] == list(getattr(layer, "output_padding", (0,) * layer.ndim))
    assert table["output_shape"] == list(layer.output_shape)
    assert table["input_shape"] == list(layer.input_shape)
    assert table["weight_shape"] == list(layer.weight_shape)
    assert (table["rows"], table["cols"]) == layer.matrix_shape
    assert table["nnz"] == layer.nnz
    matrix = layer.matrix(np.ones(layer.weight_shape, dtype=bool))
    indptr, taps = layer.taps()
    cells = table["cells"]
    assert cells["indptr"] == matrix.indptr.tolist()
    assert cells["indices"] == matrix.indices.tolist()
    assert cells["tap_indptr"] == indptr.tolist()
    assert cells["taps"] == taps.tolist()


ARGUMENTS = st.one_of(conv_arguments(ndims=(1, 2)), transpose_arguments(ndims=(1, 2)))


@share(0.4)
@given(arguments=ARGUMENTS)
def test_table(ask, arguments):
    check_table(ask, arguments)


@pytest.mark.full
@share(4)
@given(arguments=ARGUMENTS)
@covers(without=("3-D",))
def test_table_of_2000(ask, arguments):
    check_table(ask, arguments)


def check_table(ask, arguments):
    layer = built(arguments)
    named = "output_size" not in arguments  # the page has no field for it: its numbers instead
    settings = settings_of(arguments) if named else document.settings(layer)
    assert_same_table(layer, table_of(ask, settings))


@pytest.mark.parametrize("limit", ["entries", "positions"])
def test_what_is_too_large_is_not_drawn_but_has_sizes(ask, limit):
    layer = Conv(6, 3, padding=1)
    most = {"entries": layer.nnz, "positions": 64}[limit]  # 8 x 8 with the padding
    for less, drawn in ((0, True), (1, False)):
        answer = ask("table", document.settings(layer), UNLIMITED | {limit: most - less})
        assert (answer["result"]["cells"] is not None) == drawn
        assert answer["result"]["nnz"] == layer.nnz


def test_sizes_that_no_page_can_walk_through(ask):
    layer = Conv(10**6, 10**5, stride=3)
    table = table_of(ask, document.settings(layer))
    assert (table["rows"], table["cols"]) == layer.matrix_shape
    assert table["nnz"] is table["cells"] is None


# -- texts -----------------------------------------------------------------------------------------------------------


@share(0.6)
@given(layer=layers(ndims=(1, 2)))
def test_relationships(ask, layer):
    table = table_of(ask, document.settings(layer))
    for axis in range(layer.ndim):
        result = ask("relationship", {**table, "cells": None}, axis, RELATIONSHIPS)["result"]
        assert tuple(result) == relationship(layer, axis)


@share(0.4)
@given(layer=layers(ndims=(1, 2)), data=st.data())
def test_names(ask, layer, data):
    scene = Scene(layer)
    row, col = (data.draw(st.integers(0, count - 1)) for count in layer.matrix_shape)
    tap = data.draw(st.integers(0, int(np.prod(layer.weight_shape)) - 1))
    assert ask("placeName", "y", layer.output_shape, row)["result"] == "y" + scene.row_name(row)[1:]
    assert ask("placeName", "x", layer.input_shape, col)["result"] == "x" + scene.col_name(col)[1:]
    assert ask("tapName", layer.weight_shape, tap)["result"] == tap_label(layer.weight_shape, tap)


def test_names_with_more_than_one_digit(ask):
    layer = Conv((12, 3), (11, 2), in_channels=12, out_channels=2)
    for tap in (0, 25, 500):
        assert ask("tapName", layer.weight_shape, tap)["result"] == tap_label(layer.weight_shape, tap)
    for col in (0, 35, 400):
        assert ask("placeName", "x", layer.input_shape, col)["result"] == "x" + Scene(layer).col_name(col)[1:]


@pytest.mark.parametrize("value", [0, 7, -12, 123456])
def test_whole_numbers(ask, value):
    assert ask("numberText", value, True)["result"] == number_label(value)


@share(0.4)
@given(value=st.floats(-1e12, 1e12) | st.floats(-10, 10) | st.sampled_from((999.5, 1e-4, 9.995e-5, 1000.0, 0.1 + 0.2)))
def test_numbers(ask, value):
    result = ask("numberText", value, False)["result"]
    # Halves of the third digit may be rounded to either side: what is written names the same number.
    assert result == number_label(value) or float(result) == pytest.approx(float(number_label(value)), rel=0.011)
    assert ("e" in result) == ("e" in number_label(value))


def test_numbers_exactly(ask):
    for value in (0.5, 1.25, -2.0, 1 / 3, 1e-5, 12345.0, 100.0, 1e10, 3e-12):
        assert ask("numberText", value, False)["result"] == number_label(value)


@pytest.mark.parametrize(
    "size",
    [(), (1,), (3,), (7,), (9,), (150,), (2, 2), (3, 3), (5, 5), (7, 7), (3, 7), (11, 2), (1, 8), (8, 1), (13, 13)],
)
def test_colours(ask, size):
    colours = tap_colours(size)
    assert ask("tapColours", list(size), FAMILY)["result"] == colours
    assert [ask("inkOn", colour)["result"] for colour in colours] == [ink_on(colour) for colour in colours]


# -- errors ----------------------------------------------------------------------------------------------------------

# Kinds of wrong arguments that fields and links can say; a page has no field for the others.
SAYABLE = {
    "not positive",
    "no integer",
    "name",
    "mode",
    "mode and input_dilation",
    "same and input_dilation",
    "kernel too large",
    "output_padding too large",
    "output_padding negative",
    "empty",
    "beside",
    "between",
    "groups",
    "channels",
}


def sayable(drawn):
    kind, arguments = drawn
    known = kind in SAYABLE and len(arguments["input_size"]) < 3 and isinstance(arguments["padding_mode"], str)
    values = [value if isinstance(value, tuple) else (value,) for value in arguments.values()]
    entries = [entry for value in values for entry in value]
    return known and not any(entry is None or isinstance(entry, bool) or entry == "3" for entry in entries)


def typed(value):
    """Numbers that are no integers, as a field holds them: text."""
    if isinstance(value, dict):
        return {name: typed(entry) for name, entry in value.items()}
    return (
        [typed(entry) for entry in value]
        if isinstance(value, list)
        else str(value)
        if isinstance(value, float)
        else value
    )


@share(0.4)
@given(drawn=st.one_of(invalid_conv_arguments(), invalid_transpose_arguments()).filter(sayable))
def test_errors_are_the_errors_of_python(ask, drawn):
    _, arguments = drawn
    if isinstance(arguments["input_dilation"], int):
        arguments["input_dilation"] = (arguments["input_dilation"],) * len(arguments["input_size"])
    with pytest.raises(ValueError) as refused:  # noqa: PT011  the message is the test
        built(arguments)
    assert error_of(ask, typed(settings_of(arguments))) == str(refused.value)


NUMBERS = st.integers(0, 6) | st.integers(1, 3)
PADS = st.sampled_from((*PADDING_NAMES, "Same", "sam")) | st.tuples(st.integers(-3, 3), st.integers(-3, 3)) | NUMBERS


@st.composite
def any_arguments(draw):
    """Arguments of a layer that need not exist: each is drawn without a look at the others."""
    ndim = draw(st.integers(1, 2))
    per_axis = st.tuples(*[NUMBERS] * ndim)
    names = ["input_size", "kernel_size", "stride", "dilation", "input_dilation"]
    if draw(st.booleans()):
        names.append("output_padding")
    return {name: draw(per_axis) for name in names} | {
        "input_size": draw(st.tuples(*[st.integers(0, 9)] * ndim)),
        "padding": draw(st.tuples(*[PADS] * ndim)),
        "padding_mode": draw(st.sampled_from((*["zeros"] * 4, *PADDING_MODES, "wrap", "reflekt"))),
        "groups": draw(st.integers(1, 2)),
        "in_channels": draw(st.integers(1, 4)),
        "out_channels": draw(st.integers(1, 4)),
    }


@share(0.6)
@given(arguments=any_arguments())
def test_any_settings_have_the_geometry_or_the_error_of_python(ask, arguments):
    table = table_of(ask, settings_of(arguments))
    layer, sentence = built_or_error(arguments)
    if layer is not None:
        assert_same_table(layer, table)
    else:
        assert table["error"]["sentence"] == sentence
        assert table["error"]["field"] in arguments


def built_or_error(arguments):
    """The layer and None, or None and the error."""
    try:
        return built(arguments), None
    except ValueError as error:
        return None, str(error)


# An example of each rule that a page can violate, in the order of the rules.
VIOLATIONS = [
    ("input_dilation", {"input_dilation": (1, 2), "padding_mode": "circular"}),
    ("padding", {"input_dilation": (3, 1), "padding": ("same_lower", 0)}),
    ("groups", {"groups": 2, "in_channels": 4, "out_channels": 3}),
    ("kernel_size", {"kernel_size": (3, 3), "dilation": (1, 3), "input_dilation": (2, 1), "input_size": (2, 5)}),
    ("kernel_size", {"kernel_size": (3, 3), "input_dilation": (2, 2), "input_size": (1, 4)}),
    ("output_padding", {"output_padding": (0, 1), "padding": ("half", "valid"), "stride": (2, 2)}),
    ("output_padding", {"output_padding": (0, 3), "dilation": (1, 3), "stride": (2, 2)}),
    ("padding", {"output_padding": (0, 0), "input_size": (1, 2), "padding": (1, (3, 2))}),
    ("padding", {"output_padding": (0, 0), "input_dilation": (1, 4)}),
    (
        "padding",
        {
            "output_padding": (0, 0),
            "stride": (1, 2),
            "input_dilation": (1, 2),
            "padding": "valid",
            "kernel_size": (2, 2),
        },
    ),
    ("padding", {"output_padding": (0, 0), "stride": (1, 3), "input_dilation": (1, 5), "padding": "anticausal"}),
    ("output_padding", {"output_padding": (0, 0), "stride": (1, 2), "input_dilation": (1, 2), "kernel_size": (2, 2)}),
]


def test_each_rule_of_python_is_violated_on_the_page(ask):
    found = set()
    every = {rule.sentence for rules in RULES.values() for rule in rules}
    for field, changed in VIOLATIONS:
        arguments = {"input_size": (4, 4), "kernel_size": (3, 3), "padding": 0, **changed}
        if isinstance(arguments["padding"], int):
            arguments["padding"] = (arguments["padding"],) * 2
        with pytest.raises(ValueError, match=r"axis \d|groups=") as refused:
            built(arguments)
        error = {"field": field, "sentence": str(refused.value)}
        assert table_of(ask, settings_of(arguments)) == {"error": error}
        found |= {
            text
            for text in every
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^:;]+", re.escape(text)), str(refused.value))
        }
    # A page has neither pools nor the argument output_size.
    assert every - found == {text for text in every if "ceil_mode" in text or "output_size" in text}


def error_of_stride(value):
    """The error of Python for a stride."""
    with pytest.raises(ValueError, match="must be an integer") as refused:
        Conv((4,), 3, stride=(value,))
    return str(refused.value)


@share(0.4)
@given(text=st.text(max_size=30) | st.text(st.sampled_from("'\"\\\n\t a9\u2028\U0001f600"), max_size=400))
def test_any_text_in_a_field(ask, text):
    assume(not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", text, re.IGNORECASE))
    settings = document.settings(Conv((4,), 3)) | {"stride": [text]}
    assert error_of(ask, settings) == error_of_stride(text)


@pytest.mark.parametrize(
    "text",
    [
        "it's",
        'a "word"',
        'it\'s a "word"',
        "\\",
        "a\tb\n",
        "\x00\x7f\xa0\u2028\ue000\U000e0001",
        "é中\U0001f600",
        "x" * 161,
        "'" * 170,
        "9" * 41 + "x",
    ],
)
def test_texts_in_a_field(ask, text):
    assert error_of(ask, document.settings(Conv((4,), 3)) | {"stride": [text]}) == error_of_stride(text)


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("zebras", "zeros"),  # 8 of 11 letters
        ("sym", None),  # 6 of 12 letters
        ("refl", "reflect"),  # 8 of 11 letters
        ("zerxy", "zeros"),  # 6 of 10 letters, just enough
        ("zerxyz", None),  # 6 of 11 letters
        ("circus", "circular"),  # 10 of 14 letters
        ("Mirror", "reflect"),
        ("linear", None),
        ("bilinear", None),
        ("constructor", None),
        ("zeros" * 9, None),
        ("", None),
    ],
)
def test_suggestions(ask, word, suggestion):
    with pytest.raises(ValueError, match="is not one of") as refused:
        Conv((4,), 3, padding_mode=word)
    assert str(refused.value).endswith(f": did you mean '{suggestion}'?" if suggestion else "symmetric")
    assert error_of(ask, document.settings(Conv((4,), 3)) | {"padding_mode": word}) == str(refused.value)


@share(0.4)
@given(number=st.floats(-1e6, 1e6) | st.floats(-1, 1) | st.integers(-99, 99).map(float))
def test_any_float_in_a_field(ask, number):
    settings = document.settings(Conv((4,), 3)) | {"stride": [repr(number)]}
    assert error_of(ask, settings) == error_of_stride(number)


@share(0.4)
@given(data=st.data())
def test_misspelt_names(ask, data):
    for name, known in (("padding", PADDING_NAMES), ("padding_mode", PADDING_MODES)):
        word = data.draw(st.sampled_from((*known, *SYNONYMS, "constructor")))
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(word)))
            word = (
                word[:at] + data.draw(st.sampled_from(("", "e", "X", "_"))) + word[at + data.draw(st.integers(0, 2)) :]
            )
        assume(word not in known)
        with pytest.raises(ValueError, match="is not one of") as refused:
            Conv((4,), 3, **{name: word})
        changed = {name: [word] if name == "padding" else word}
        error = {"field": name, "sentence": str(refused.value)}
        assert table_of(ask, document.settings(Conv((4,), 3)) | changed) == {"error": error}


@pytest.mark.parametrize(
    ("changed", "python"),
    [
        ({"stride": ["", 1]}, {"stride": ("", 1)}),
        ({"kernel_size": [3, "2.50"]}, {"kernel_size": (3, 2.5)}),
        ({"kernel_size": [3, "2.0"]}, {"kernel_size": (3, 2.0)}),
        ({"input_size": ["four", 4]}, {"input_size": ("four", 4)}),
        ({"padding": [[0, 0], [0, ""]]}, {"padding": ((0, 0), (0, ""))}),
        ({"padding": [["1.5", 0], [0, 0]]}, {"padding": ((1.5, 0), (0, 0))}),
    ],
)
def test_what_is_typed_and_is_no_integer(ask, changed, python):
    settings = document.settings(Conv(4, 3)) | changed
    with pytest.raises(ValueError, match="must be an integer") as refused:
        Conv(**{"input_size": (4, 4), "kernel_size": (3, 3)} | python)
    assert error_of(ask, settings) == str(refused.value)


def test_both_kinds_refuse_the_first_of_two_faults(ask):
    for kind, kwargs in ((Conv, {}), (ConvTranspose, {"output_padding": (0, 5)})):
        arguments = {
            "input_size": (2, 2),
            "kernel_size": (3, 5),
            "stride": (1, 2),
            "padding": ((-3, 0), (0, -9)),
            "dilation": (1, 1),
            "input_dilation": (1, 1),
            "padding_mode": "zeros",
            **kwargs,
        }
        with pytest.raises(ValueError, match="on axis") as refused:
            kind(**arguments)
        assert error_of(ask, settings_of(arguments)) == str(refused.value)


def test_a_number_beyond_the_page(ask):
    assert LIMITS["number"] == 10**6
    for value in (10**7, "1e7", "-10000000.5"):
        settings = document.settings(Conv(4, 3)) | {"input_size": [4, value]}
        assert ask("table", settings)["result"]["error"] == {
            "field": "input_size",
            "sentence": f"input_size on axis 1 is {value}, but this page takes numbers up to 1000000",
        }


# -- links -----------------------------------------------------------------------------------------------------------


@share(0.4)
@given(arguments=ARGUMENTS, choice=st.tuples(*[st.none() | st.integers(0, 99)] * 3))
def test_links_restore_settings_and_choice(ask, arguments, choice):
    named = "output_size" not in arguments
    settings = settings_of(arguments) if named else document.settings(built(arguments))
    chosen = dict(zip(("row", "col", "tap"), choice, strict=True))
    link = ask("toLink", settings, chosen)["result"]
    assert link.isascii()
    assert not set(link) & set(" <>\"'%")
    other = document.settings(
        Conv(
            4, 3, in_channels=settings["in_channels"], out_channels=settings["out_channels"], groups=settings["groups"]
        )
    )
    if settings["transposed"]:  # the channels of the page's own layer, a convolution
        other |= {"in_channels": settings["out_channels"], "out_channels": settings["in_channels"]}
    read = ask("fromLink", link, other, DESCRIPTIONS)["result"]
    assert read == {"settings": settings, "choice": {**chosen, "place": None}}


@pytest.mark.parametrize("link", ["", "section-3", "i=4", "row=2"])
def test_a_link_without_a_layer_is_the_page_s_own(ask, link):
    original = document.settings(Conv((7,), 3))
    read = ask("fromLink", link, original, DESCRIPTIONS)["result"]
    assert read["settings"] == original
    assert read["choice"]["row"] == (2 if "row" in link else None)


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("i=4x4&k=3x3x3", "the link gives 3 entries for kernel_size, but there are 2 axes"),
        ("i=4x4x4&k=3", "the link gives 3 entries for input_size, but there are 2 axes"),
    ],
)
def test_a_link_with_another_number_of_axes(ask, link, message):
    assert ask("fromLink", link, document.settings(Conv(4, 3)), DESCRIPTIONS)["result"] == {
        "error": {"field": message.split()[6].rstrip(","), "sentence": message}
    }


def test_a_link_that_is_no_link_is_refused_as_python_would(ask):
    link = "i=4&k=%3Cb%3E&mode=%E0%A4%A"
    read = ask("fromLink", link, document.settings(Conv(4, 3)), DESCRIPTIONS)["result"]
    message = error_of(ask, read["settings"])
    assert message == "kernel_size on axis 0 must be an integer, got '<b>'"
