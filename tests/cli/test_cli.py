"""The command line: what each option means, what is printed and written, and what is refused."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from commandline import TELLING, good, refused, run
from convmatrix import Conv, ConvTranspose, __version__, presets
from helpers import dense
from strategies import built, conv_arguments, covers, integers, layers, seeds, share, transpose_arguments
from symbols import taps_by_definition

COMMANDS = ("show", "size", "verify", "frameworks", "figure", "animate", "explore", "export", "presets")
FIELDS = [
    "input_size",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "in_channels",
    "out_channels",
    "padding_mode",
    "input_dilation",
]
SHAPES = ["input_shape", "output_shape", "matrix_shape", "nnz"]
ARITHMETIC = ["output_size", "leftover", "relationship", "formula", "input_sizes", "nbytes", "output_size_options"]
MATRIX = ["indptr", "indices", "data", "taps", "rank", "gram_is_identity"]
VERDICT = ["rank_reason", "generic", "seed", "weight", "entry"]

LAYER = ("--i", 4, "--k", 3)
HALF_BANK = "--weight=0.5,0.5,0.5,0.5,0.5,-0.5,0.5,-0.5"
OPTIONS = (  # short, long, what is typed, the field, what it becomes
    ("--i", "--input-size", "7x6", "input_size", [7, 6]),
    ("--k", "--kernel-size", "2x4", "kernel_size", [2, 4]),
    ("--s", "--stride", "3", "stride", [3, 3]),
    ("--p", "--padding", "1,2x0,1", "padding", [[1, 2], [0, 1]]),
    ("--d", "--dilation", "1x2", "dilation", [1, 2]),
    ("--a", "--input-dilation", "1x3", "input_dilation", [1, 3]),
    ("--g", "--groups", "1", "groups", 1),
    ("--cin", "--in-channels", "2", "in_channels", 2),
    ("--cout", "--out-channels", "3", "out_channels", 3),
    ("--mode", "--padding-mode", "circular", "padding_mode", "circular"),
    ("--op", "--output-padding", "1x0", "output_padding", [1, 0]),
    ("--o", "--output-size", "14x13", "output_size", [14, 13]),
)


@pytest.fixture(autouse=True, scope="module")
def _plain():
    with pytest.MonkeyPatch.context() as patch:
        for name in TELLING:
            patch.delenv(name, raising=False)
        patch.setenv("COLUMNS", "80")
        yield


def size_of(*arguments):
    return json.loads(good("size", *arguments, "--format", "json"))


def shown(*arguments):
    return json.loads(good("show", *arguments, "--format", "json"))


def matrix_of(result):
    """The matrix that JSON tells of, in numbers."""
    return sparse.csr_array((result["data"], result["indices"], result["indptr"]), shape=result["matrix_shape"])


# -- the layer, by its options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("short", "long", "typed", "field", "value"), OPTIONS, ids=lambda value: str(value))
def test_each_option_has_two_names_and_sets_its_field(short, long, typed, field, value):
    transpose = ["--transpose", "--s", "2"] if field.startswith("output") else []
    base = {"--i": "6", "--k": "3"}
    arguments = [word for name, number in base.items() if name != short for word in (name, number)]
    result = [size_of(*arguments, *transpose, option, typed) for option in (short, long)]
    assert result[0][field] == value
    assert result[0] == result[1]
    assert size_of(*arguments, *transpose, f"{short}={typed}") == result[0]
    if short in ("--i", "--k"):
        assert f"{short} is missing" in refused("size", *arguments)
    elif field != "groups":
        assert size_of(*arguments, *transpose).get(field) != value


def test_groups():
    assert size_of("--i", 4, "--k", 3, "--g", 2, "--cin", 4, "--cout", 6)["groups"] == 2
    assert size_of("--i", 4, "--k", 3, "--groups", 2, "--cin", 4, "--cout", 6)["nnz"] == 36 * 12


@pytest.mark.parametrize(
    ("typed", "padding"),
    [
        ("1", [[1, 1], [1, 1]]),
        ("1,2", [[1, 2], [1, 2]]),
        ("1,2x0,1", [[1, 2], [0, 1]]),
        ("-1x0", [[-1, -1], [0, 0]]),
        ("-1,2x+3", [[-1, 2], [3, 3]]),
        ("same", [[1, 1], [1, 1]]),
        ("samexfull", [[1, 1], [2, 2]]),
        ("causalx0,-1", [[2, 0], [0, -1]]),
        ("2xsame_lower", [[2, 2], [1, 1]]),
        ("validxhalf", [[0, 0], [1, 1]]),
    ],
)
def test_padding_as_numbers_pairs_names_and_mixtures(typed, padding):
    arguments = ("--i", "6x5", "--k", "3")
    assert size_of(*arguments, f"--p={typed}")["padding"] == padding
    assert size_of(*arguments, "--p", typed)["padding"] == padding  # a minus sign too
    assert size_of(*arguments, "--padding", typed)["padding"] == padding


@pytest.mark.parametrize(
    ("arguments", "ndim"),
    [
        (("--i", "5", "--p", "1,2"), 2),
        (("--i", "5", "--p", "1,2", "--ndim", "1"), 1),
        (("--i", "5", "--p", "1,2", "--ndim", "3"), 3),
        (("--i", "5x5x5", "--p", "1,2"), 3),
        (("--i", "5", "--p", "1,2", "--s", "1x1x1"), 3),
    ],
)
def test_one_pair_serves_all_axes(arguments, ndim):
    assert size_of("--k", "3", *arguments)["padding"] == [[1, 2]] * ndim


def test_number_of_axes():
    assert size_of("--i", 4, "--k", 3)["output_size"] == [2, 2]
    assert size_of("--i", 4, "--k", 3, "--ndim", 1)["output_size"] == [2]
    assert size_of("--i", 4, "--k", "3x3x3")["output_size"] == [2, 2, 2]
    assert size_of("--i", 4, "--k", 3, "--ndim", 0)["matrix_shape"] == [1, 1]


def test_a_transposed_layer_has_its_own_input():
    result = size_of("--i", 3, "--k", 3, "--s", 2, "--p", 1, "--op", "1x0", "--transpose")
    assert (result["input_size"], result["output_size"]) == ([3, 3], [6, 5])
    assert result["output_padding"] == [1, 0]
    assert result["transpose"] is True
    result = size_of("--i", 3, "--k", 3, "--s", 2, "--p", 1, "--o", "5x6", "--transpose")
    assert (result["input_size"], result["output_size"], result["output_padding"]) == ([3, 3], [5, 6], [0, 1])
    assert size_of("--i", 3, "--k", 3, "--s", 2, "--p", "same", "--transpose")["output_size"] == [6, 6]


@st.composite
def typed_options(draw, arguments):
    """One of the ways to type a layer's arguments."""
    ndim = len(arguments["input_size"])
    options = []

    def typed(name, text):
        short, long = next(pair[:2] for pair in OPTIONS if pair[3] == name)
        option = draw(st.sampled_from((short, long)))
        options.extend([f"{option}={text}"] if draw(st.booleans()) else [option, text])

    def entry(value):
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    for name, value in arguments.items():
        if name == "ndim":
            continue
        values = value if isinstance(value, tuple) else (value,)
        if ndim == 0 and isinstance(value, tuple):
            values = (1,) if name in ("input_size", "kernel_size") else ()
        if len(values) > 1 and len(set(values)) == 1 and draw(st.booleans()):
            values = values[:1]
        if values:
            typed(name, "x".join(map(entry, values)))
    if not any("x" in word for word in options) or draw(st.booleans()):
        options += ["--ndim", str(ndim)]
    return options + (["--transpose"] if "output_padding" in arguments or "output_size" in arguments else [])


def types_the_layer(data, arguments):
    layer = built(arguments)
    result = size_of(*data.draw(typed_options(arguments)))
    fields = FIELDS + ["output_padding"] * isinstance(layer, ConvTranspose)
    assert list(result)[: len(fields) + 5] == [*fields, *SHAPES, "transpose"]
    for name in [*fields, *SHAPES, "output_size"]:
        assert result[name] == json.loads(json.dumps(getattr(layer, name))), name
    assert result["transpose"] is isinstance(layer, ConvTranspose)
    assert result["leftover"] == [axis.leftover for axis in layer.axes]
    assert result["nbytes"] == layer.nbytes()
    assert list(result)[len(fields) + 5 :] == ARITHMETIC


@share(0.4)
@given(data=st.data(), arguments=conv_arguments())
@covers()
def test_drawn_convolutions_as_typed(data, arguments):
    types_the_layer(data, arguments)


@share(0.4)
@given(data=st.data(), arguments=transpose_arguments())
@covers()
def test_drawn_transposed_convolutions_as_typed(data, arguments):
    types_the_layer(data, arguments)


@pytest.mark.parametrize("name", presets.settings())
def test_every_setting(name):
    result, layer = size_of("--setting", name), presets.setting(name)
    assert result["transpose"] is isinstance(layer, ConvTranspose)
    assert (result["output_shape"], result["nnz"]) == (list(layer.output_shape), layer.nnz)
    assert size_of("--setting", name.upper().replace("_", "-")) == result


# -- show: JSON ------------------------------------------------------------------------------------------------------


def test_json_has_exactly_these_keys():
    assert list(shown("--i", 4, "--k", 3)) == [*FIELDS, *SHAPES, *MATRIX, "transpose", "verdict"]
    result = shown("--i", 2, "--k", 3, "--transpose")
    assert list(result) == [*FIELDS, "output_padding", *SHAPES, *MATRIX, "transpose", "verdict"]
    assert list(result["verdict"]) == VERDICT
    assert good("show", "--i", 4, "--k", 3, "--format", "json").count("\n") == 1


def test_json_of_the_4x16_example():
    result = shown("--i", 4, "--k", 3)
    assert result["data"] is None
    assert (result["rank"], result["gram_is_identity"], result["transpose"]) == (4, False, False)
    assert (result["matrix_shape"], result["nnz"], result["indptr"]) == ([4, 16], 36, [0, 9, 18, 27, 36])
    assert result["indices"][:9] == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert result["taps"] == [[tap] for tap in range(9)] * 4
    assert result["padding"] == [[0, 0], [0, 0]]
    weighted = shown("--i", 4, "--k", 3, "--weight", "arange")
    assert weighted["data"] == [*range(1, 10)] * 4
    entry = {"row": 10, "column": 10, "value": 206}
    reason = "modulo the prime 2147483647; proven, since the pattern allows no more"
    known = {"rank_reason": reason, "generic": False, "seed": None, "weight": None, "entry": entry}
    assert weighted.pop("verdict") == known
    assert result.pop("verdict") == {**known, "generic": True, "seed": 0, "weight": "w = 1, 2, ... 9"}
    assert {**weighted, "data": None} == result


def test_json_of_taps_that_meet_at_a_border():
    result = shown("--i", 3, "--k", 3, "--p", 1, "--ndim", 1, "--mode", "replicate", "--weight", "1,2,4")
    assert (result["taps"], result["data"]) == ([[0, 1], [2], [0], [1], [2], [0], [1, 2]], [3, 4, 1, 2, 4, 1, 6])
    result = shown("--i", 2, "--k", 5, "--p", 2, "--ndim", 1, "--mode", "circular", "--weight", "1,2,4,8,16")
    assert (result["taps"], result["data"]) == ([[0, 2, 4], [1, 3], [1, 3], [0, 2, 4]], [21, 10, 10, 21])


def as_options(layer):
    """A layer as it is typed with every field resolved."""

    def axes(values):
        return "x".join(map(str, values)) or "1"

    arguments = ["--i", axes(layer.input_size), "--k", axes(layer.kernel_size), "--ndim", str(layer.ndim)]
    arguments += ["--g", layer.groups, "--cin", layer.in_channels, "--cout", layer.out_channels]
    if layer.ndim:
        pads = axes(f"{before},{after}" for before, after in layer.padding)
        arguments += ["--s", axes(layer.stride), f"--p={pads}", "--d", axes(layer.dilation)]
        arguments += ["--a", axes(layer.input_dilation), "--mode", layer.padding_mode]
    if isinstance(layer, ConvTranspose):
        arguments += ["--transpose", *(["--op", axes(layer.output_padding)] if layer.ndim else [])]
    return arguments


@share(0.2)
@given(layer=layers(), seed=seeds())
def test_drawn_layers_as_json(layer, seed):
    weight = integers(layer.weight_shape, seed)
    result = shown(*as_options(layer), f"--weight={','.join(map(str, weight.ravel()))}")
    C = layer.matrix(weight)
    np.testing.assert_array_equal(result["indptr"], C.indptr)
    np.testing.assert_array_equal(result["indices"], C.indices)
    np.testing.assert_array_equal(result["data"], C.data)
    np.testing.assert_array_equal(matrix_of(result).toarray(), dense(layer, weight))
    assert result["data"] == [sum(weight.ravel()[taps].tolist()) for taps in result["taps"]]
    full = C.toarray()
    assert result["rank"] == np.linalg.matrix_rank(full)
    assert result["gram_is_identity"] is np.array_equal(full.T @ full, np.eye(full.shape[1]))


@share(0.1)
@given(layer=layers())
def test_taps_are_the_ones_of_the_definition(layer):
    result = shown(*as_options(layer))
    table = taps_by_definition(layer)
    rows = np.repeat(np.arange(layer.matrix_shape[0]), np.diff(result["indptr"]))
    assert [sorted(taps) for taps in result["taps"]] == [
        table[row][col] for row, col in zip(rows, result["indices"], strict=True)
    ]
    assert result["nnz"] == len(result["taps"]) == sum(bool(taps) for row in table for taps in row)


@pytest.mark.full
def test_rank_is_null_above_two_thousand():
    arguments = ("--ndim", 1, "--k", 1, "--weight", "3")
    assert shown(*arguments, "--i", 2000)["rank"] == 2000
    above = shown(*arguments, "--i", 2001)
    assert above["rank"] is None
    assert above["gram_is_identity"] is False
    assert shown(*arguments, "--i", 2001, "--rank")["rank"] == 2001
    text = good("show", *arguments, "--i", 2001)
    assert "The rank is not computed for 2001 × 2001, above 2000: --rank computes it.\n" in text
    # Either side counts.
    assert shown("--ndim", 1, "--i", 2002, "--k", 3, "--s", 1000)["rank"] is None


def test_what_no_memory_holds_is_shown_but_for_its_picture():
    lines = good("show", "--i", 100000, "--k", 3, "--weight", "1,2,1,0,0,0,-1,-2,-1").splitlines()
    assert lines[4] == "C is 9999600004 × 10000000000: 89996400036 entries"
    assert lines[5].startswith("too large to draw: 1.42e+03 GiB")
    assert lines[-4] == "  (-1)·(-1) + (-2)·(-2) + (-1)·(-1) + 1·1 + 2·2 + 1·1 = 12, not 1."
    assert lines[-3] == "  C has 9999600004 rows: at least 399996 of 10000000000 directions of x are"
    lines = good("show", "--i", 1, "--k", 1, "--p", 10**9).splitlines()
    assert "Does the transpose undo the convolution?  Not computed: it takes too many products" in " ".join(lines)
    assert "C is 4000000004000000001 × 1: 1 entry" in lines
    text = good("show", "--i", 1, "--k", 1, "--p", 10**9, "--verbose")
    assert "C Cᵀ is not computed: it takes too many products" in text


def test_json_reports_when_the_transpose_is_the_inverse():
    conv, up = ("--i", 4, "--k", 2, "--s", 2, "--cout"), ("--i", 2, "--k", 2, "--s", 2, "--transpose", "--cin")
    for arguments in (conv, up):
        assert shown(*arguments, 4, "--weight", "haar")["gram_is_identity"] is True
        assert shown(*arguments, 4, "--weight", "arange")["gram_is_identity"] is False
    # Of one half of the bank, only C C^T is I: each layer reports on its own matrix.
    assert shown(*conv, 2, HALF_BANK)["gram_is_identity"] is False
    assert shown(*up, 2, HALF_BANK)["gram_is_identity"] is True


# -- show: text ------------------------------------------------------------------------------------------------------

EXAMPLE = """\
4 × 4 input, 3 × 3 kernel, stride 1, no padding  →  2 × 2 output
o = (i − k)/s + 1 = (4 − 3)/1 + 1 = 2

C is 4 × 16: 36 entries, 9 different weights
      x₀₀ x₀₁ x₀₂ x₀₃   x₁₀ x₁₁ x₁₂ x₁₃   x₂₀ x₂₁ x₂₂ x₂₃   x₃₀ x₃₁ x₃₂ x₃₃
    ┌─────────────────┬─────────────────┬─────────────────┬─────────────────┐
y₀₀ │ w₀₀ w₀₁ w₀₂   · │ w₁₀ w₁₁ w₁₂   · │ w₂₀ w₂₁ w₂₂   · │   ·   ·   ·   · │
y₀₁ │   · w₀₀ w₀₁ w₀₂ │   · w₁₀ w₁₁ w₁₂ │   · w₂₀ w₂₁ w₂₂ │   ·   ·   ·   · │
    ├─────────────────┼─────────────────┼─────────────────┼─────────────────┤
y₁₀ │   ·   ·   ·   · │ w₀₀ w₀₁ w₀₂   · │ w₁₀ w₁₁ w₁₂   · │ w₂₀ w₂₁ w₂₂   · │
y₁₁ │   ·   ·   ·   · │   · w₀₀ w₀₁ w₀₂ │   · w₁₀ w₁₁ w₁₂ │   · w₂₀ w₂₁ w₂₂ │
    └─────────────────┴─────────────────┴─────────────────┴─────────────────┘

Cᵀ is 16 × 4 and takes y back to the size of x
      y₀₀ y₀₁   y₁₀ y₁₁
    ┌─────────┬─────────┐
x₀₀ │ w₀₀   · │   ·   · │
x₀₁ │ w₀₁ w₀₀ │   ·   · │
x₀₂ │ w₀₂ w₀₁ │   ·   · │
x₀₃ │   · w₀₂ │   ·   · │
    ├─────────┼─────────┤
x₁₀ │ w₁₀   · │ w₀₀   · │
x₁₁ │ w₁₁ w₁₀ │ w₀₁ w₀₀ │
x₁₂ │ w₁₂ w₁₁ │ w₀₂ w₀₁ │
x₁₃ │   · w₁₂ │   · w₀₂ │
    ├─────────┼─────────┤
x₂₀ │ w₂₀   · │ w₁₀   · │
x₂₁ │ w₂₁ w₂₀ │ w₁₁ w₁₀ │
x₂₂ │ w₂₂ w₂₁ │ w₁₂ w₁₁ │
x₂₃ │   · w₂₂ │   · w₁₂ │
    ├─────────┼─────────┤
x₃₀ │   ·   · │ w₂₀   · │
x₃₁ │   ·   · │ w₂₁ w₂₀ │
x₃₂ │   ·   · │ w₂₂ w₂₁ │
x₃₃ │   ·   · │   · w₂₂ │
    └─────────┴─────────┘

Does the transpose undo the convolution?  No: Cᵀ C ≠ I
  With w = 1, 2, ... 9, row x₂₂, column x₂₂ of Cᵀ C is
  9·9 + 8·8 + 6·6 + 5·5 = 206, not 1.
  C has rank 4: 12 of 16 directions of x are lost, and nothing brings them back.
"""


IN_A_FILE = EXAMPLE.replace(" is\n  9·9", " is 9·9")
"""Lines of a file are up to 120 characters long."""


def test_the_example():
    assert good("show", "--i", 4, "--k", 3) == EXAMPLE


def test_the_numbers_of_the_example_are_right():
    C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3)).toarray()
    assert (C.T @ C)[10, 10] == np.abs(C.T @ C - np.eye(16, dtype=int)).max() + 1 == 206
    assert np.linalg.matrix_rank(C) == 4


def verdict_of(*arguments):
    """The lines of the verdict: those after the last picture."""
    lines = good("show", *arguments).splitlines()
    return lines[max(number for number, line in enumerate(lines) if not line) + 1 :]


def test_a_verdict_on_given_numbers_does_not_say_generic():
    arguments = ("--i", 2, "--k", 2, "--ndim", 1)
    expected = [
        "Does the transpose undo the convolution?  No: Cᵀ C ≠ I",
        "  Row x₁, column x₁ of Cᵀ C is (-4)·(-4) = 16, not 1.",
        "  C has rank 1: 1 of 2 directions of x is lost, and nothing brings it back.",
    ]
    assert verdict_of(*arguments, "--weight", "3,-4") == expected
    details = [
        "  Cᵀ C ≠ I: the largest deviation |Cᵀ C - I| is 15, at (1, 1)",
        "  C Cᵀ ≠ I: the largest deviation |C Cᵀ - I| is 24, at (0, 0)",
        "  rank 1: modulo the prime 2147483647; proven, since the pattern allows no more",
    ]
    assert verdict_of(*arguments, "--weight", "3,-4", "--verbose") == [*expected, *details]
    generic = verdict_of(*arguments, "--verbose")
    known = "rank and products are generic: of integers drawn with seed 0, since no --weight is given"
    assert " ".join(" ".join(generic[-2:]).split()) == known
    for word in ("prime", "generic", "seed"):
        assert word not in good("show", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--i", 4, "--k", 2, "--s", 2, "--cout", 4, "--weight", "haar"),
        ("--i", 4, "--k", 2, "--s", 2, "--cout", 4, "--weight", "space_to_depth"),
        ("--i", 4, "--k", 1, "--weight", "1"),
        ("--i", 4, "--k", 3, "--p", "same", "--weight", "delta"),
        ("--i", 4, "--k", 1, "--weight", "-1"),
        ("--i", 2, "--k", 2, "--s", 2, "--cin", 4, "--weight", "haar", "--transpose"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_where_the_transpose_is_the_inverse_the_verdict_reports_it(arguments):
    verdict = verdict_of(*arguments)
    assert verdict[0] == "Does the transpose undo the convolution?  Yes: Cᵀ C = I"
    assert verdict[1].startswith("  Row x₂₀, column x₂₀ of Cᵀ C is")
    assert verdict[-2].endswith("= 1, as in I.")
    assert verdict[-1] == "  C has rank 16: no direction of x is lost; Cᵀ is the inverse of C."


def test_each_side_has_a_verdict_of_its_own():
    """Half an orthonormal bank keeps half of the directions: C C^T = I alone."""
    conv = verdict_of("--i", 4, "--k", 2, "--s", 2, "--cout", 2, HALF_BANK)
    up = verdict_of("--i", 2, "--k", 2, "--s", 2, "--cin", 2, "--transpose", HALF_BANK)
    assert conv == up
    assert conv == [
        "Does the transpose undo the convolution?  No: Cᵀ C ≠ I",
        "  Row x₀₀, column x₀₀ of Cᵀ C is 0.5·0.5 + 0.5·0.5 = 0.5, not 1.",
        "  C has rank 8: 8 of 16 directions of x are lost, and nothing brings them back.",
        "  But C Cᵀ = I: the convolution undoes its transpose.",
    ]


def test_numbers_of_the_verdict_are_whole():
    text = good("show", "--i", 1, "--k", 1, "--weight", "12345")
    assert "  Row x₀₀, column x₀₀ of Cᵀ C is 12345·12345 = 152399025, not 1.\n" in text


def test_a_complex_verdict_names_the_conjugate_transpose():
    assert verdict_of("--i", 2, "--k", 1, "--ndim", 1, "--weight", "1j")[:2] == [
        "Does the conjugate transpose undo the convolution?  Yes: Cᴴ C = I",
        "  Row x₁, column x₁ of Cᴴ C is (-1j)·(1j) = 1, as in I.",
    ]
    assert verdict_of("--i", 2, "--k", 1, "--ndim", 1, "--weight", "1+1j") == [
        "Does the conjugate transpose undo the convolution?  No: Cᴴ C ≠ I",
        "  Row x₀, column x₀ of Cᴴ C is (1-1j)·(1+1j) = 2, not 1.",
        "  C has rank 2: no direction of x is lost. C has an inverse, but it is not Cᴴ.",
    ]


def test_large_layers_are_described_without_a_picture():
    text = good("show", "--setting", "resnet_conv1")
    assert "\nC is 802816 × 150528: 116214528 entries\n" in text
    assert "\ntoo large to draw: 1.3 GiB as float64 (convmatrix export writes it)\n" in text
    assert "\nCᵀ is 150528 × 802816 and takes y back to the size of x: " in text
    assert "Does the transpose undo the convolution?  No: Cᵀ C ≠ I\n" in text
    # 64 kernels, and two windows of each read both inputs.
    assert "  With every w = 1, row x₀.₀,₀, column x₀.₀,₄ of Cᵀ C is 128, not 0.\n" in text
    assert "  The rank is not computed for 802816 × 150528, above 2000: --rank computes it.\n" in text


def test_symbols_or_numbers_in_the_cells():
    arguments = ("show", "--i", 2, "--k", 2, "--ndim", 1)
    assert "y₀ │ w₀ w₁ │" in good(*arguments)
    assert "y₀ │  7 -8 │" in good(*arguments, "--weight", "7,-8")


def test_the_transpose_is_drawn_where_it_is_narrow():
    assert good("show", "--i", 8, "--k", 3, "--p", 1).count("┌") == 2  # 64 columns
    assert good("show", "--i", "5x13", "--k", 3, "--p", 1).count("┌") == 1  # 65: its shape will do
    assert good("show", "--i", "5x13", "--k", 3, "--p", 1, "--format", "half").count("┌") == 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--i 5 --k 3", "convolution  i=5x5  k=3x3  s=1  p=0  d=1  ->  o=3x3"),
        ("--i 5x6 --k 3 --s 2x1 --p 1", "convolution  i=5x6  k=3x3  s=2x1  p=1  d=1  ->  o=3x6"),
        ("--i 5 --k 3 --p 1,2x0,1", "convolution  i=5x5  k=3x3  s=1  p=1,2x0,1  d=1  ->  o=6x4"),
        ("--i 5 --k 3 --a 2 --ndim 1", "convolution  i=5  k=3  s=1  p=0  d=1  a=2  ->  o=7"),
        (
            "--i 5 --k 3 --d 2 --p half --g 2 --cin 2 --cout 4 --mode reflect",
            "convolution  i=5x5  k=3x3  s=1  p=2  d=2  g=2  cin=2  cout=4  mode=reflect  ->  o=5x5",
        ),
        (
            "--i 3 --k 3 --s 2 --p 1 --op 1x0 --transpose",
            "transposed convolution  i=3x3  k=3x3  s=2  p=1  d=1  op=1x0  ->  o=6x5",
        ),
        ("--i 3 --k 3 --ndim 0", "convolution  i=()  k=()  s=()  p=()  d=()  ->  o=()"),
    ],
)
def test_the_first_line_names_what_is_not_the_default(monkeypatch, arguments, line):
    monkeypatch.setenv("COLUMNS", "120")
    assert good("size", *arguments.split()).splitlines()[0] == line
    assert f"\n  {line}\n" in good("show", *arguments.split(), "--verbose")


# -- formats and files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "sample"),
    [
        ("grid", "y₀₀ │ w₀₀ w₀₁ w₀₂   · │ w₁₀"),
        ("half", "\n│▀██▄▀██▄▀██▄    │\n│    ▀██▄▀██▄▀██▄│\n"),
        ("braille", "\n│⠙⠓⢽⣗⢽⣗⢤⣄│\n"),
    ],
)
def test_forms_on_request(form, sample):
    stdout = good("show", *LAYER, "--format", form)
    assert sample in stdout
    assert stdout.count("└") == 2
    assert "C has rank 4: 12 of 16 directions of x are lost" in stdout


def test_markdown():
    assert (
        good("show", "--i", 2, "--k", 2, "--ndim", 1, "--weight", "5,-7", "--format", "md")
        == """\
```
input of 2, kernel of 2, stride 1, no padding  ->  output of 1
o = (i - k)/s + 1 = (2 - 2)/1 + 1 = 1
```

C is 1 x 2: 2 entries, 2 weights

|    | x0 | x1 |
|----|---:|---:|
| y0 |  5 | -7 |

C^T is 2 x 1 and takes y back to the size of x

|    | y0 |
|----|---:|
| x0 |  5 |
| x1 | -7 |

```
Does the transpose undo the convolution?  No: C^T C != I
  Row x1, column x1 of C^T C is (-7)*(-7) = 49, not 1.
  C has rank 1: 1 of 2 directions of x is lost, and nothing brings it back.
```
"""
    )


def test_saved_by_ending(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    for name, form in (("C.json", "json"), ("C.md", "md"), ("C.MD", "md")):
        path = tmp_path / name
        assert good("show", *LAYER, "--save", path) == ""
        assert path.read_text(encoding="utf-8") == good("show", *LAYER, "--format", form)
    path = tmp_path / "C.txt"
    assert good("show", *LAYER, "--save", path) == ""
    assert path.read_text(encoding="utf-8") == IN_A_FILE
    for form in ("grid", "half", "braille", "md", "json"):
        assert good("show", *LAYER, "--save", path, "--format", form) == ""
        assert path.read_text(encoding="utf-8") == good("show", *LAYER, "--format", form)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["C.MD", "C.json", "C.md", "C.txt"]


def test_saved_text_has_no_colours_and_the_width_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    path = tmp_path / "C.txt"
    assert good("show", *LAYER, "--save", path, "--color", "always") == ""
    assert path.read_text(encoding="utf-8") == IN_A_FILE


@pytest.mark.parametrize(
    ("name", "ending"),
    [("C.gif", ".gif"), ("C", ""), ("json", ""), (".txt", ""), ("C.txt.gz", ".gz"), ("C.json ", ".json "), ("", "")],
)
def test_endings_that_tell_nothing(tmp_path, monkeypatch, name, ending):
    monkeypatch.chdir(tmp_path)
    end = f"ends in {ending!r}" if ending else "has no ending"
    assert refused("show", *LAYER, "--save", name) == (
        f"convmatrix show: error: file name {name!r} {end}, which names no format: use .json, .md, .txt, .tex, .html, "
        ".svg, .pdf, .png"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("form", "name"), [("md", "C.json"), ("json", "C.md"), ("grid", "C.json"), ("half", "C.md")])
def test_formats_that_contradict_the_ending(tmp_path, form, name):
    message = refused("show", *LAYER, "--format", form, "--save", tmp_path / name)
    ending = name[1:]
    assert message.endswith(f"--format {form} does not go into a {ending} file: leave it out, or name a .txt file")
    assert good("show", *LAYER, "--format", {"C.json": "json", "C.md": "md"}[name], "--save", tmp_path / name) == ""


@pytest.mark.parametrize("arguments", [("show", *LAYER, "--save"), ("export", *LAYER)], ids=["show", "export"])
def test_a_file_that_cannot_be_written(tmp_path, arguments):
    path = tmp_path / "nowhere" / "C.json"
    code, out, err = run(*arguments, path)
    assert (code, out) == (1, "")
    assert err.startswith(f"convmatrix {arguments[0]}: error: ")
    assert f"{path.parent}" in err
    assert err.count("\n") == 1


def test_export_writes_and_prints_what(tmp_path):
    path = tmp_path / "C.npz"
    assert good("export", path, *LAYER) == f"{path}: 4 × 16, 36 entries, weight arange\n"
    C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3))
    np.testing.assert_array_equal(sparse.load_npz(path).toarray(), C.toarray())
    good("export", path, *LAYER, "--weight", "ones")
    assert sparse.load_npz(path).sum() == 36
    path = tmp_path / "C.json"
    good("export", path, *LAYER, "--weight", "sobel")
    described = shown(*LAYER, "--weight", "sobel")
    del described["verdict"]
    assert json.loads(path.read_text()) == described


def test_export_of_a_transposed_layer(tmp_path):
    good("export", tmp_path / "up.npz", "--i", 2, "--k", 3, "--transpose", "--weight", "random:1")
    good("export", tmp_path / "C.npz", "--i", 4, "--k", 3, "--weight", "random:1")
    up, C = (sparse.load_npz(tmp_path / name).toarray() for name in ("up.npz", "C.npz"))
    np.testing.assert_array_equal(up, C.T)


def test_export_checks_the_ending_before_it_works(tmp_path):
    message = refused("export", tmp_path / "C.pdf", "--i", 10**6, "--k", 3)
    assert (
        "C.pdf' ends in '.pdf', which names no format: use .npz, .mtx, .mat, .csv, .npy, .json, .tex, .blocks"
        in message
    )


# -- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "weight"),
    [
        ("ones", [1] * 9),
        ("arange", [*range(1, 10)]),
        ("sobel", [1, 2, 1, 0, 0, 0, -1, -2, -1]),
        ("Sobel-X", [1, 0, -1, 2, 0, -2, 1, 0, -1]),
        ("1,0,-1,2,0,-2,1,0,-1", [1, 0, -1, 2, 0, -2, 1, 0, -1]),
        ("-1,0,1,-2,0,2,-1,0,1", [-1, 0, 1, -2, 0, 2, -1, 0, 1]),
        ("-.5,0,0,0,0,0,0,0,1e-3", [-0.5, 0, 0, 0, 0, 0, 0, 0, 0.001]),
        ("0,0,0,0,2.0,0,0,0,0", [0.0, 0, 0, 0, 2, 0, 0, 0, 0]),
    ],
)
def test_weights_in_all_forms(typed, weight):
    for arguments in (["--weight", typed], [f"--weight={typed}"]):
        assert shown(*LAYER, *arguments)["data"] == weight * 4


def test_complex_weights():
    result = shown("--i", 2, "--k", 1, "--ndim", 1, "--weight", "-1-2j")
    assert result["data"] == [[-1, -2], [-1, -2]]


def test_random_weights_have_a_seed():
    first, again, other = (shown(*LAYER, "--weight", f"random:{seed}")["data"] for seed in (0, 0, 1))
    assert first == again != other
    assert 0 not in first
    assert max(map(abs, first + other)) <= 9


def test_weights_from_a_file(tmp_path):
    weight = np.arange(9, dtype=np.int16).reshape(3, 3)
    np.save(tmp_path / "w.npy", weight)
    assert shown(*LAYER, "--weight", tmp_path / "w.npy")["data"] == [*range(9)] * 4
    np.save(tmp_path / "w.npy", weight.reshape(1, 1, 3, 3))
    assert shown(*LAYER, "--weight", tmp_path / "w.npy")["data"] == [*range(9)] * 4
    np.save(tmp_path / "w.npy", np.array([None] * 9).reshape(3, 3))
    assert "it is not a .npy file of numbers" in refused("show", *LAYER, "--weight", tmp_path / "w.npy")


def test_weights_of_a_transposed_layer():
    up = shown("--i", 2, "--k", 3, "--transpose", "--weight", "sobel")
    np.testing.assert_array_equal(matrix_of(up).toarray(), matrix_of(shown(*LAYER, "--weight", "sobel")).T.toarray())


# -- size ------------------------------------------------------------------------------------------------------------


def test_size():
    assert (
        good("size", "--i", "6x4", "--k", 3, "--s", "2x3", "--p", "1x1,0")
        == """\
convolution  i=6x4  k=3x3  s=2x3  p=1x1,0  d=1  ->  o=3x1
  axis 0: o = floor((i + 2p - k) / s) + 1 = floor((6 + 2*1 - 3) / 2) + 1 = 3   [relationship 6]
  axis 1: o = floor((a(i - 1) + 1 + p_b + p_e - k_e) / s) + 1, k_e = d(k - 1) + 1
    = floor((1*(4 - 1) + 1 + 1 + 0 - 3) / 3) + 1 = 1
    [relationship 15, for any pads and a dilated input]

axis 0: a convolution gives 3 for 2 input sizes; leftover here 1
  input size 5: leftover 0, transposed with output_padding 0
  input size 6: leftover 1, transposed with output_padding 1  <- this layer

axis 1: a convolution gives 1 for 3 input sizes; leftover here 2
  input size 2: leftover 0, transposed with output_padding 0
  input size 3: leftover 1, transposed with output_padding 1
  input size 4: leftover 2, transposed with output_padding 2  <- this layer

matrix: 3 × 24, 16 entries, 208 bytes as float64

size of the transposed layer:
  axis 0: padding alone does not decide: (5 + 2*1 - 3) / 2 + 1 is 3, rounded
      down, and so is (6 + 2*1 - 3) / 2 + 1; with kernel_size 3, stride 2 and
      padding 1, both 5 and 6 give 3
  axis 1: padding alone does not decide: (2 + 1 + 0 - 3) / 3 + 1 is 1, rounded
      down, and so is (4 + 1 + 0 - 3) / 3 + 1; with kernel_size 3, stride 3 and
      padding (1, 0), all sizes from 2 to 4 give 1

to get 5x2 from 3x1
  torch.nn.ConvTranspose2d: padding=1, output_padding=(0, 1)
  torch.nn.ConvTranspose2d: padding=1, and output_size=[5, 2] in the call
  tf.nn.conv2d_transpose: padding=[[0, 0], [1, 1], [1, 0], [0, 0]],
      output_shape=[batch, 5, 2, 1]
  keras.layers.Conv2DTranspose: padding='valid', output_padding=0 gives 7x3, and
      Cropping2D(((1, 1), (1, 0))) the 5x2
  jax.lax.conv_transpose: padding=[(1, 1), (1, 2)], transpose_kernel=True: these
      pads decide the size
  ONNX ConvTranspose: pads=[1, 1, 1, 0], output_padding=[0, 0]
  ONNX ConvTranspose: output_shape=[5, 2], without pads
  theano conv2d_grad_wrt_inputs: input_shape=(None, 1, 5, 2),
      border_mode=(1, 1), filter_flip=False
  mxnet Deconvolution: pad=(1, 1), adj=(0, 1)
  mxnet Deconvolution: target_shape=(5, 2), whatever pad and adj are
  caffe Deconvolution: pad: 0, and a Crop layer to 5x2 at offset 1x1, since it
      has no output padding

to get 6x3 from 3x1
  torch.nn.ConvTranspose2d: padding=1, output_padding=(1, 2)
  torch.nn.ConvTranspose2d: padding=1, and output_size=[6, 3] in the call
  tf.nn.conv2d_transpose: padding=[[0, 0], [1, 1], [1, 0], [0, 0]],
      output_shape=[batch, 6, 3, 1]
  keras.layers.Conv2DTranspose: padding='valid', output_padding=(0, 1) gives
      7x4, and Cropping2D(((1, 0), (1, 0))) the 6x3
  jax.lax.conv_transpose: padding=[(1, 2), (1, 3)], transpose_kernel=True: these
      pads decide the size
  ONNX ConvTranspose: pads=[1, 1, 1, 0], output_padding=[1, 1]
  theano conv2d_grad_wrt_inputs: input_shape=(None, 1, 6, 3),
      border_mode=(1, 1), filter_flip=False
  mxnet Deconvolution: pad=(1, 1), adj=(1, 2)
  caffe Deconvolution: cannot: it has no output padding, and on axis 1 the
      result without padding has positions 0 to 2 at most, of 1 to 3 that are
      wanted

to get 6x4 from 3x1  <- this layer
  torch.nn.ConvTranspose2d: padding=0, output_padding=(0, 2) gives 7x5, and
      nn.ZeroPad2d((-1, 0, -1, 0)) the 6x4
  tf.nn.conv2d_transpose: padding=[[0, 0], [1, 1], [1, 0], [0, 0]],
      output_shape=[batch, 6, 4, 1]
  keras.layers.Conv2DTranspose: padding='valid', output_padding=(0, 2) gives
      7x5, and Cropping2D(((1, 0), (1, 0))) the 6x4
  jax.lax.conv_transpose: padding=[(1, 2), (1, 4)], transpose_kernel=True: these
      pads decide the size
  ONNX ConvTranspose: pads=[1, 1, 1, 0], output_padding=[1, 2]
  theano conv2d_grad_wrt_inputs: input_shape=(None, 1, 6, 4),
      border_mode=((1, 1), (1, 0)), filter_flip=False
  mxnet Deconvolution: adj=(0, 2) without pad, and the slice [:, :, 1:7, 1:5] of
      it
  caffe Deconvolution: cannot: it has no output padding, and on axis 1 the
      result without padding has positions 0 to 2 at most, of 1 to 4 that are
      wanted
"""
    )


def test_size_of_a_transposed_layer():
    assert (
        good("size", "--i", 3, "--k", 3, "--s", 2, "--p", 1, "--op", 1, "--transpose", "--ndim", 1)
        == """\
transposed convolution  i=3  k=3  s=2  p=1  d=1  op=1  ->  o=6
  o' = s(i' - 1) + a + k - 2p = 2*(3 - 1) + 1 + 3 - 2*1 = 6   [relationship 14; a = op]

axis 0: a convolution gives 3 for 2 input sizes; leftover here 1
  input size 5: leftover 0, transposed with output_padding 0
  input size 6: leftover 1, transposed with output_padding 1  <- this layer

matrix: 6 × 3, 8 entries, 124 bytes as float64

size of the transposed layer:
  padding alone does not decide: (5 + 2*1 - 3) / 2 + 1 is 3, rounded down, and
      so is (6 + 2*1 - 3) / 2 + 1; with kernel_size 3, stride 2 and padding 1,
      both 5 and 6 give 3

to get 5 from 3
  torch.nn.ConvTranspose1d: padding=1, output_padding=0
  torch.nn.ConvTranspose1d: padding=1, and output_size=[5] in the call
  tf.nn.conv1d_transpose: padding='SAME', output_shape=[batch, 5, 1]
  keras.layers.Conv1DTranspose: padding='same', output_padding=0
  jax.lax.conv_transpose: padding=[(1, 1)], transpose_kernel=True: these pads
      decide the size
  ONNX ConvTranspose: pads=[1, 1], output_padding=[0]
  ONNX ConvTranspose: output_shape=[5], without pads
  theano conv1d_grad_wrt_inputs: cannot: no layer of theano has 1 axis
  mxnet Deconvolution: pad=(1,), adj=(0,)
  mxnet Deconvolution: target_shape=(5,), whatever pad and adj are
  caffe Deconvolution: pad: 1

to get 6 from 3  <- this layer
  torch.nn.ConvTranspose1d: padding=1, output_padding=1
  torch.nn.ConvTranspose1d: padding=1, and output_size=[6] in the call
  tf.nn.conv1d_transpose: padding='VALID', output_shape=[batch, 7, 1], and the
      slice [:, 1:7, :] of it
  keras.layers.Conv1DTranspose: padding='valid', output_padding=0 gives 7, and
      Cropping1D((1, 0)) the 6
  jax.lax.conv_transpose: padding=[(1, 2)], transpose_kernel=True: these pads
      decide the size
  ONNX ConvTranspose: pads=[1, 1], output_padding=[1]
  ONNX ConvTranspose: output_shape=[6], without pads
  theano conv1d_grad_wrt_inputs: cannot: no layer of theano has 1 axis
  mxnet Deconvolution: pad=(1,), adj=(1,)
  mxnet Deconvolution: target_shape=(6,), whatever pad and adj are
  caffe Deconvolution: pad: 0, and a Crop layer to 6 at offset 1, since it has
      no output padding
"""
    )


def test_size_with_an_output_padding_that_no_leftover_is():
    """The forward convolution then has another padding, and the choices are its."""
    text = good("size", "--i", 3, "--k", 3, "--d", 2, "--op", 1, "--transpose", "--ndim", 1)
    assert text.count("to get") == 0  # where padding decides, there is nothing to ask for
    assert "\naxis 0: a convolution with padding 0,-1 gives 3 for 1 input size; leftover here 0\n" in text


def test_size_as_json():
    result = size_of("--i", 6, "--k", 3, "--s", 2, "--p", 1, "--ndim", 1)
    assert result["relationship"] == [6]
    assert result["formula"] == ["o = floor((i + 2p - k) / s) + 1"]
    assert result["leftover"] == [1]
    assert result["input_sizes"] == [
        [{"size": 5, "leftover": 0, "output_padding": 0}, {"size": 6, "leftover": 1, "output_padding": 1}]
    ]
    assert result["nbytes"] == 8 * 12 + 4 * 4
    (why,), (five, six) = result["output_size_options"]["reason"], result["output_size_options"]["sizes"]
    assert why.endswith("with kernel_size 3, stride 2 and padding 1, both 5 and 6 give 3")
    assert (five["size"], six["size"]) == ([5], [6])
    assert six["calls"][0] == {
        "framework": "torch",
        "layer": "torch.nn.ConvTranspose1d",
        "possible": True,
        "arguments": "padding=1, output_padding=1",
    }
    assert [one["layer"] for one in six["calls"] if not one["possible"]] == ["theano conv1d_grad_wrt_inputs"]
    assert size_of("--i", 6, "--k", 3, "--p", "0,1", "--ndim", 1)["relationship"] == [None]


def test_of_many_sizes_three_are_listed():
    result = size_of("--i", 30, "--k", 3, "--s", "11", "--ndim", 1)
    assert [one["size"] for one in result["output_size_options"]["sizes"]] == [[25], [30], [35]]
    text = good("size", "--i", "30x7", "--k", 3, "--s", "11x1")
    assert re.findall("to get (.*)", text) == ["25x7 from 3x5", "30x7 from 3x5  <- this layer", "35x7 from 3x5"]
    assert size_of("--i", 3, "--k", 3, "--ndim", 0)["output_size_options"] == {"reason": [], "sizes": []}
    assert good("size", "--i", 4, "--k", 3).endswith(
        "size of the transposed layer:\n  padding alone decides: with kernel_size 3, stride 1 and padding 0, only 4\n"
        "      gives 2\n"
    )


def test_sizes_need_no_memory():
    result = size_of("--i", 10**9, "--k", 3, "--p", 1, "--s", 2)
    assert result["matrix_shape"] == [25 * 10**16, 10**18]
    assert "too many to list" in refused("size", "--i", 10**9, "--k", 3, "--s", 10**8)


# -- presets ---------------------------------------------------------------------------------------------------------


def test_presets_lists_everything():
    lines = good("presets").splitlines()
    gap = lines.index("")
    assert (lines[0], lines[gap + 1]) == ("kernels, for --weight:", "settings, for --setting:")
    for part, entries in ((lines[1:gap], presets.kernels()), (lines[gap + 2 :], presets.settings())):
        assert [line.split(maxsplit=1) for line in part] == [[name, about] for name, about in entries.items()]


def test_presets_shows_one():
    assert good("presets", "roberts") == "roberts: difference along the diagonal, 2x2\n[[ 1  0]\n [ 0 -1]]\n"
    assert good("presets", "ROBERTS") == good("presets", "roberts")
    lines = good("presets", "Padding-Strides-Odd").splitlines()
    assert lines == [
        "padding_strides_odd: guide: as padding_strides, with a leftover position",
        "Conv(input_size=(6, 6), kernel_size=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)))",
        "convolution  i=6x6  k=3x3  s=2  p=1  d=1  ->  o=3x3",
        "  o = floor((i + 2p - k) / s) + 1 = floor((6 + 2*1 - 3) / 2) + 1 = 3   [relationship 6]",
    ]


@pytest.mark.parametrize("name", [*presets.kernels(), *presets.settings()])
def test_every_preset_is_shown(name):
    assert good("presets", name).startswith(f"{name}: ")


# -- verify ----------------------------------------------------------------------------------------------------------


def test_verify_counts_its_laws():
    result = json.loads(good("verify", *LAYER, "--format", "json"))
    laws = [check for check in result["checks"] if check["kind"] == "law"]
    assert result["laws_hold"] is True
    assert all(check["holds"] for check in laws)
    lines = good("verify", *LAYER).splitlines()
    assert lines[-1] == f"{len(laws)} of {len(laws)} laws hold"
    assert lines[0] == "convolution  i=4x4  k=3x3  s=1  p=0  d=1  ->  o=2x2"
    assert sum(line.startswith("law ") for line in lines) == len(laws)


def test_verify_fails_with_a_failed_law(monkeypatch):
    import convmatrix.algebra

    real = convmatrix.algebra.checks

    def spoilt(layer, weight, *, progress):
        *others, last = (check for check in real(layer, weight) if check.kind == "law")
        return [*others, type(last)(last.name, "law", False, 2, 0, (0, 1))]

    monkeypatch.setattr(convmatrix.algebra, "checks", spoilt)
    code, out, err = run("verify", *LAYER)
    assert (code, err) == (1, "")
    assert re.search(r"^law  .*FAILS +2 \(bound 0\), at \(0, 1\)$", out, re.MULTILINE)
    assert re.search(r"(\d+) of (\d+) laws hold\n$", out)
    code, out, err = run("verify", *LAYER, "--format", "json")
    assert (code, err, json.loads(out)["laws_hold"]) == (1, "", False)


# -- help, version, errors -------------------------------------------------------------------------------------------


def test_version():
    assert good("--version") == f"convmatrix {__version__}\n"


@pytest.mark.parametrize("arguments", [[], *([command] for command in COMMANDS)], ids=" ".join)
def test_help(arguments):
    text = good(*arguments, "--help")
    assert text.startswith(f"usage: {' '.join(['convmatrix', *arguments])} ")
    if arguments and arguments[0] != "presets":
        for short, long, *_ in OPTIONS:
            assert f"{short} {short[2:].upper()[0]}" in text
            assert long in text
        by_name = arguments[0] in ("figure", "animate", "explore")
        for option in ("NAME" if by_name else "--setting", "--transpose", "--ndim"):
            assert option in text
    if not arguments:
        for command in COMMANDS:
            assert re.search(rf"^    {command}\s", text, re.MULTILINE)
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("short", "whole"),
    [("--trans", "--transpose"), ("--kernel=2", "--k=2"), ("--input-s=5", "--i=5"), ("--form=md", "--format=md")],
)
def test_unambiguous_beginnings_of_options(short, whole):
    assert good("show", "--k", 3, short) == good("show", "--k", 3, whole)


def test_ambiguous_beginnings_of_options():
    assert refused("show", "--out", 1, "--in", 1) == (
        "convmatrix show: error: ambiguous option: --in could match --input-size, --input-dilation, --in-channels "
        "(see convmatrix show --help)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--i 4x --k 3", "argument --i/--input-size: '' is not an integer"),
        ("--i= --k 3", "argument --i/--input-size: '' is not an integer"),
        ("--i 4X6 --k 3", "argument --i/--input-size: '4X6' is not an integer"),
        ("--i 4 --k 3.0", "argument --k/--kernel-size: '3.0' is not an integer"),
        ("--i 4 --k 3 --g 2x2", "argument --g/--groups: '2x2' is not an integer"),
        (
            "--i 4 --k 3 --p 1,2,3",
            "argument --p/--padding: '1,2,3' is not a before,after pair; axes are joined by x, as in 1x2x3",
        ),
        ("--i 4 --k 3 --p 1,same", "argument --p/--padding: 'same' is not an integer"),
        ("--i 4 --k 3 --p p1", "argument --p/--padding: 'p1' is not an integer"),
        ("--i 4 --k 3 --i", "argument --i/--input-size: expected one argument"),
        (
            "--i 4 --k 3 --format png",
            "argument --format: invalid choice: 'png' (choose from 'grid', 'narrow', 'half', 'braille', "
            "'json', 'md', 'latex', 'tikz')",
        ),
        ("--i 4 --k 3 5", "unrecognized arguments: 5"),
        ("--i 4 --k 3 --weight --save C.md", "argument --weight: expected one argument"),
    ],
)
def test_arguments_that_are_refused(arguments, message):
    assert refused("show", *arguments.split()) == f"convmatrix show: error: {message} (see convmatrix show --help)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("show --i 4 --k 3 --weight=--", "argument --weight: expected one argument"),
        ("--verson", "the following arguments are required: COMMAND"),
        (
            "shw",
            "there is no command 'shw': did you mean show?",
        ),
    ],
)
def test_commands_that_are_refused(arguments, message):
    assert refused(*arguments.split()) == f"convmatrix: error: {message} (see convmatrix --help)"
    assert refused("export") == (
        "convmatrix export: error: the following arguments are required: FILE (see convmatrix export --help)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("size --k 3", "--i is missing: give --i and --k, as in --i 4 --k 3, or a --setting"),
        ("verify --i 4", "--k is missing: give --i and --k, as in --i 4 --k 3, or a --setting"),
        ("export C.npz", "--i is missing: give --i and --k, as in --i 4 --k 3, or a --setting"),
        ("show --i 4 --k 3 --op 1", "--op needs --transpose: a convolution has only one output size"),
        ("show --i 4 --k 3 --o 2", "--o needs --transpose: a convolution has only one output size"),
        (
            "show --setting dilation --i 4",
            "--setting dilation is a whole layer and stands alone: leave out the other numbers, or give them all "
            "without --setting",
        ),
        (
            "show --setting dilation --transpose",
            "--setting dilation is a whole layer and stands alone: leave out the other numbers, or give them all "
            "without --setting",
        ),
        (
            "show --i 4 --k 3 --weight 1,2",
            "weight has 2 numbers but the layer's weight (1, 1, 3, 3) needs 9 (= 1 * 1 * 3 * 3), in C order",
        ),
        (
            "export C.npz --i 4 --k 5",
            "kernel does not fit on axis 0: it spans 5 (= dilation 1 * (kernel_size 5 - 1) + 1) but the padded input "
            "has 4 (= input_size 4 + padding 0 + 0); add 1 to the padding, or use a smaller kernel or dilation",
        ),
        ("presets sobl", "there is no kernel or setting 'sobl': did you mean sobel or sobel_y or sobel_x?"),
        ("presets xyz", "there is no kernel or setting 'xyz': convmatrix presets lists them"),
        (
            "size --i 100000 --k 1 --s 20000 --ndim 1",
            "on axis 0, 20000 input sizes, from 80001 to 100000, have the output size 5: too many to list, at most "
            "10000 are",
        ),
    ],
)
def test_layers_that_are_refused(arguments, message):
    assert refused(*arguments.split()) == f"convmatrix {arguments.split()[0]}: error: {message}"


def test_a_message_stays_on_one_line():
    assert refused("show", *LAYER, "a\nb") == (
        "convmatrix show: error: unrecognized arguments: a b (see convmatrix show --help)"
    )
    assert refused("show", *LAYER, "--mode", "zero\nes").count("\n") == 0


def test_interrupted(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(presets, "parse_weight", interrupted)
    assert run("show", *LAYER, "--weight", "ones") == (130, "", "convmatrix show: interrupted\n")


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("no room"), OverflowError("too large")])
def test_what_does_not_fit_is_refused(monkeypatch, error):
    def fails(*_):
        raise error

    monkeypatch.setattr(presets, "parse_weight", fails)
    assert refused("show", *LAYER, "--weight", "ones") == f"convmatrix show: error: {str(error) or 'out of memory'}"
