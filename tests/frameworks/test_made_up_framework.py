"""A framework that does not exist, of the record in CONTRIBUTING.md, and all that is derived of it."""

import importlib.util
import re
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks import comparison
from convmatrix.frameworks.comparison.agreement import DIFFERENT_VALUES, EQUAL, REFUSED
from convmatrix.frameworks.shared.framework import RULE_NAMES, Framework
from convmatrix.frameworks.shared.windows import Window, calls_by_trial
from strategies import integers

ROOT = Path(__file__).parents[2]


def record_of_the_recipe():
    """Execute the code of the recipe, and return its names."""
    recipe = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("**Add a framework.**")[2]
    names = {}
    exec(re.search(r"```python\n(.*?)```", recipe, re.DOTALL)[1], names)
    return SimpleNamespace(**names)


RECIPE = record_of_the_recipe()
SLATE = RECIPE.SLATE
(INTERFACE,) = SLATE.interfaces


@pytest.fixture
def slate():
    """Add the framework, and remove it afterwards."""
    comparison.register(SLATE)
    yield SLATE
    comparison.unregister(SLATE)


# -- an independent implementation -----------------------------------------------------------------------------------


def slid(x, taps, step, gap, edge, groups):
    """Compute slate.slide of an image (height, width, channels) in plain loops."""
    each, height, width, outputs = taps.shape
    x = np.pad(x, ((edge, edge), (edge, edge), (0, 0)))
    rows, cols = ((n - gap * (k - 1) - 1) // step + 1 for n, k in ((x.shape[0], height), (x.shape[1], width)))
    y = np.zeros((rows, cols, outputs), dtype=np.int64)
    for row, col, o, i, a, b in np.ndindex(rows, cols, outputs, each, height, width):
        channel = o // (outputs // groups) * each + i
        y[row, col, o] += x[row * step + a * gap, col * step + b * gap, channel] * taps[i, -1 - a, -1 - b, o]
    return y


def spread(x, taps, step, gap, edge, grow):
    """Compute slate.spread of an image (height, width, channels) in plain loops."""
    outputs, height, width, inputs = taps.shape
    rows, cols = ((n - 1) * step + gap * (k - 1) + 1 + grow for n, k in ((x.shape[0], height), (x.shape[1], width)))
    y = np.zeros((rows, cols, outputs), dtype=np.int64)
    for row, col, o, i, a, b in np.ndindex(*x.shape[:2], outputs, inputs, height, width):
        y[row * step + a * gap, col * step + b * gap, o] += x[row, col, i] * taps[o, -1 - a, -1 - b, i]
    return y[edge : rows - edge, edge : cols - edge]


def by_matrix(layer, weight, x):
    """Compute a layer's output of an image with channels last by its matrix."""
    y = layer.matrix(weight) @ np.moveaxis(x, -1, 0).ravel()
    return np.moveaxis(y.reshape(layer.output_shape), 0, -1)


# -- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "gap", "edge", "groups"), [(1, 1, 0, 1), (2, 1, 1, 2), (1, 2, 2, 1), (3, 2, 1, 3)])
def test_weights_of_a_convolution(step, gap, edge, groups):
    x, taps = integers((7, 8, 2 * groups), 0), integers((2, 2, 3, 2 * groups), 1)
    layer, beside = RECIPE.SLIDE.make(image=(1, *x.shape), taps=taps, step=step, gap=gap, edge=edge, weight=taps)
    assert layer == Conv(
        (7, 8),
        (2, 3),
        stride=step,
        dilation=gap,
        padding=edge,
        groups=groups,
        in_channels=2 * groups,
        out_channels=2 * groups,
    )
    weight = INTERFACE.weight(taps)
    assert_array_equal(weight, beside)
    assert_array_equal(by_matrix(layer, weight, x), slid(x, taps, step, gap, edge, groups))
    assert_array_equal(INTERFACE.weight(weight, inverse=True), taps)


@pytest.mark.parametrize(("step", "gap", "edge", "grow"), [(1, 1, 0, 0), (2, 1, 1, 1), (2, 2, 1, 0), (3, 1, 0, 2)])
def test_weights_of_a_transposed_convolution(step, gap, edge, grow):
    x, taps = integers((3, 4, 2), 0), integers((3, 3, 2, 2), 1)
    arguments = {"step": step, "gap": gap, "edge": edge, "grow": grow}
    layer = RECIPE.SPREAD.make(image=(1, *x.shape), taps=taps, **arguments)
    assert isinstance(layer, ConvTranspose)
    weight = INTERFACE.weight(taps, transpose=True)
    assert_array_equal(by_matrix(layer, weight, x), spread(x, taps, **arguments))
    assert_array_equal(INTERFACE.weight(weight, transpose=True, inverse=True), taps)


def test_the_reader_of_its_objects():
    x, taps = integers((7, 8, 4), 0), integers((2, 2, 3, 4), 1)
    obj = SimpleNamespace(channels=4, taps=taps, step=2, gap=1, edge=1)
    layer, weight, bias = SLATE.from_layer(obj, (7, 8))
    assert_array_equal(by_matrix(layer, weight, x), slid(x, taps, 2, 1, 1, groups=2))
    assert bias is None
    up = SimpleNamespace(channels=4, taps=taps, step=2, gap=1, edge=0, grow=0)
    assert SLATE.from_layer(up, 3).layer.output_shape == (2, 6, 7)
    with pytest.raises(WrongTypeError, match="SimpleNamespace is not a layer of Slate: it has no attribute 'taps'"):
        SLATE.from_layer(SimpleNamespace(channels=4), 3)


# -- what is derived -------------------------------------------------------------------------------------------------


def page():
    """Return the page of documentation."""
    spec = importlib.util.spec_from_file_location("docs.build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_its_arguments_and_rules_stand_in_the_docs(slate):
    text = page()
    (headings, *rows) = (
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.partition("### Of a transposed convolution")[2].partition("## Rules")[0].splitlines()
        if line.startswith("|")
    )
    column = {row[0].strip("`"): row[headings.index("slate")] for row in rows}
    assert column["input_size"] == "`image`"
    assert column["kernel_size"] == "`taps`"
    assert column["stride"] == "`step=1`"
    assert column["output_padding"] == "`grow=0`"
    assert column["groups"] == "-"
    for name in RULE_NAMES:
        section = text.partition(f"### {name.capitalize()}\n")[2].partition("\n#")[0]
        assert f"- **Slate**: {slate.rules[name].replace('*', chr(92) + '*')}" in " ".join(section.split()), name


def test_it_is_in_the_docs_only_while_it_is_added():
    assert "Slate" not in page()
    assert [row.framework for row in comparison.compare(6, 3)][-1] == "caffe"


def rows_of(*args, **kwargs):
    return {row.framework: row for row in comparison.compare(*args, **kwargs)}


def test_a_call_beside_that_of_torch(slate):
    rows = rows_of((6, 6), 3, stride=2, padding=1, in_channels=2, out_channels=4, groups=2)
    row, torch = rows["slate"], rows["torch"]
    assert row.call == "slate.slide(x, w, step=(2, 2), edge=(1, 1))"
    assert row.arrays == "x (1, 6, 6, 2), w (1, 3, 3, 4)"
    assert (row.output_size, row.pads) == (torch.output_size, torch.pads)
    assert (row.flipped, torch.flipped) == (True, False)
    assert (row.verdict, torch.verdict) == (DIFFERENT_VALUES, EQUAL)
    assert rows_of((6, 6), 1, stride=2)["slate"].verdict == EQUAL  # one tap has no flip
    same = rows_of((6, 6), 3, stride=2, padding="same")["slate"]
    assert same.call == "slate.slide(x, w, step=(2, 2), edge='keep')"
    assert same.pads == ((0, 1), (0, 1))


def test_a_transposed_call_beside_that_of_torch(slate):
    arguments = {"transpose": True, "stride": 2, "padding": 1, "output_padding": 1}
    rows = rows_of((3, 3), 3, **arguments)
    assert rows["slate"].call == "slate.spread(x, w, step=(2, 2), edge=(1, 1), grow=(1, 1))"
    assert (rows["slate"].output_size, rows["torch"].output_size) == ((6, 6), (6, 6))
    assert (rows["slate"].flipped, rows["torch"].flipped) == (False, True)
    refused = rows_of((3, 3), 3, **arguments, in_channels=2, out_channels=2, groups=2)["slate"]
    assert (refused.verdict, refused.reason) == (REFUSED, "there is no argument for groups=2")


def test_its_calls_of_each_output_size(slate):
    options = comparison.output_size_options(Conv((5, 5), 3, stride=2, padding=1, in_channels=2, out_channels=3))
    for size in (5, 6):
        up = options.transposed(size)
        (call,) = (call for call in options.calls(size) if call.framework == "slate")
        grow = {5: "", 6: ", grow=(1, 1)"}[size]  # the default is not written
        assert str(call) == f"slate.spread: edge=(1, 1){grow}"
        assert RECIPE.SPREAD.make(**call.kwargs) == up
    groups = comparison.output_size_options(Conv((5,), 3, stride=2, in_channels=2, out_channels=2, groups=2))
    (call,) = (call for call in groups.calls(5) if call.framework == "slate")
    assert (call.kwargs, call.arguments) == (None, "cannot: there is no argument for groups=2")


@pytest.mark.parametrize(
    ("size", "found"), [(5, ["edge=(1,)"]), (6, ["edge=(1,), grow=(1,)", "size=(1, 6, 1), edge=(1,)"])]
)
def test_calls_by_an_output_size(size, found):
    arguments = {"size": "output_shape", **RECIPE.SPREAD.arguments}
    call = replace(RECIPE.SPREAD, arguments=arguments, defaults={"size": None, **RECIPE.SPREAD.defaults})
    up = ConvTranspose((3,), 3, stride=2, padding=1, output_size=size)
    calls = list(calls_by_trial("slate", call, Window(up)))
    assert [one.arguments for one in calls] == found
    assert all(call.make(**one.kwargs) == up for one in calls)


def test_a_call_that_makes_another_layer_does_not_give_the_size():
    call = replace(RECIPE.SPREAD, function=lambda image, taps, step=1, gap=1, edge=0, grow=0: ConvTranspose(3, 3))
    (found,) = calls_by_trial("slate", call, Window(ConvTranspose((3,), 3, stride=2)))
    assert found.kwargs is None
    assert found.arguments == "cannot: the call makes ConvTranspose(input_size=(3, 3), kernel_size=(3, 3))"


def test_the_diagnosis_names_its_convention(slate):
    x, taps = integers((7, 8, 2), 0), integers((2, 2, 3, 4), 1)
    y = slid(x, taps, step=2, gap=1, edge=1, groups=1)
    found = comparison.diagnose(np.moveaxis(x, -1, 0), np.moveaxis(y, -1, 0), taps, stride=2, padding=1, ndim=2)
    assert found.found == (("weight_IHWO", "kernel_flipped"),)
    layout, flip = found.explanations[0].conventions
    assert layout.sentence == "the weight is laid out IHWO (Slate; transposed layers of MXNet with layout NHWC)"
    assert "(mathematical convolution: scipy.signal, Theano and Slate; " in flip.sentence


# -- what is refused -------------------------------------------------------------------------------------------------


def test_a_record_without_a_rule_is_refused():
    rules = {name: rule for name, rule in SLATE.rules.items() if name != "groups"}
    with pytest.raises(ValueError, match=r"the rules of Slate are data, .*: give one sentence for each of data, "):
        Framework(rules=rules, interfaces=SLATE.interfaces)


def test_a_name_that_is_taken_is_refused(slate):
    with pytest.raises(ValueError, match=r"'slate' already, among caffe, .*: give that of Slate another name"):
        comparison.register(slate)


def test_a_framework_that_was_not_added_is_refused():
    with pytest.raises(ValueError, match="Slate was not added: give a framework that was registered before"):
        comparison.unregister(SLATE)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: INTERFACE.weight(np.ones((1, 2, 2, 1)), filter_flip=True),
            TypeError,
            "weight has no argument 'filter_flip': give some of transpose, inverse",
        ),
        (
            lambda: RECIPE.SLIDE.make(image=(1, 5, 1), tops=(1, 3, 1)),
            TypeError,
            "missing a required argument: 'taps': slate.slide takes image, taps, step, gap, edge, weight",
        ),
        (
            lambda: RECIPE.SLIDE.make(image=(5, 1), taps=(1, 3, 1)),
            ValueError,
            "image has shape (5, 1) but is laid out N*C, with at least 3 axes",
        ),
        (
            lambda: RECIPE.SLIDE.make(image=(1, 5, 3), taps=(2, 3, 1)),
            ValueError,
            "the input has 3 channels but taps takes 2",
        ),
        (
            lambda: RECIPE.SLIDE.make(image=(1, 5, 5), taps=(2, 3, 2)),
            ValueError,
            "the input has 5 channels but taps takes 4 (= 2 * 2 groups)",
        ),
        (
            lambda: RECIPE.SPREAD.make(image=(1, 5, 3), taps=(1, 3, 2)),
            ValueError,
            "the input has 3 channels but taps takes 2",
        ),
        (
            lambda: RECIPE.SLIDE.make(image=(1, 5, 1), taps=(1, 6, 1)),
            ValueError,
            "size of taps 6",
        ),
        (
            lambda: RECIPE.SLIDE.make(image=(1, 5, 1), taps=(1, 3, 1), step=0),
            ValueError,
            "step on axis 0 must be at least 1, got 0",
        ),
    ],
    ids=count(),
)
def test_errors_of_its_functions(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
