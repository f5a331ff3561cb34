"""Test `compare`: rows written by hand, and invalid arguments."""

import re

import pytest

from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks.comparison.agreement import DIFFERENT_SHAPE, DIFFERENT_VALUES, EQUAL, REFUSED, compare

FRAMEWORKS = ("convmatrix", "torch", "tensorflow", "keras", "jax", "flax", "onnx", "theano", "mxnet", "caffe")
TRANSPOSED = (*FRAMEWORKS[:5], "jax, transpose_kernel", *FRAMEWORKS[5:])


def rows_of(*sizes, **kwargs):
    return {row.framework: row for row in compare(*sizes, **kwargs)}


def verdicts(rows):
    return {
        verdict: {name for name, row in rows.items() if row.verdict == verdict}
        for verdict in {row.verdict for row in rows.values()}
    }


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_same_with_a_stride():
    rows = rows_of((6,), 3, stride=2, padding="same")
    assert tuple(rows) == FRAMEWORKS
    agree = {"convmatrix", "tensorflow", "keras", "jax", "flax", "onnx"}
    assert verdicts(rows) == {EQUAL: agree, REFUSED: {"torch", "theano", "mxnet", "caffe"}}
    assert {rows[name].pads for name in agree} == {((0, 1),)}
    assert {rows[name].output_size for name in agree} == {(3,)}
    assert {rows[name].flipped for name in agree} == {False}
    assert rows["torch"].reason == (
        "padding 'same' needs stride 1 in PyTorch, got 2 on axis 0: give the padding in numbers, such as 1"
    )
    assert rows["mxnet"].reason == "there are no names for paddings, got 'same': say the pads in numbers"
    assert rows["caffe"].reason == rows["mxnet"].reason
    two = rows_of((6, 6), 3, stride=2, padding="same")["theano"]
    assert two.reason == "border_mode 'same' is not one of valid, half, full"


def test_a_row_with_an_error_has_only_its_call_and_the_message():
    row = rows_of((6, 6), 3, stride=2, padding="same")["torch"]
    assert (row.output_size, row.pads, row.flipped, row.layer) == (None, None, None, None)
    assert row.call == (
        "torch.nn.Conv2d(in_channels=1, out_channels=1, kernel_size=(3, 3), stride=(2, 2), padding='same')(x)"
    )
    assert row.arrays == "x (1, 1, 6, 6), w (1, 1, 3, 3)"


@pytest.mark.parametrize("axes", [2, 3])
def test_one_pad_on_both_ends(axes):
    rows = rows_of((6,) * axes, 3, stride=2, padding=1)
    refuse = {"keras"} | ({"tensorflow"} if axes == 3 else set())  # which takes pairs for two axes alone
    assert verdicts(rows) == {
        EQUAL: {*FRAMEWORKS} - {"theano"} - refuse,
        DIFFERENT_VALUES: {"theano"},
        REFUSED: refuse,
    }
    assert {row.pads for row in rows.values() if row.layer} == {((1, 1),) * axes}
    assert {row.output_size for row in rows.values() if row.layer} == {(3,) * axes}
    assert [name for name, row in rows.items() if row.flipped] == ["theano"]
    assert rows["keras"].reason.startswith(f"padding {(1,) * axes} is not one of valid, same")


def test_one_axis():
    rows = rows_of((6,), 3, stride=2, padding=1)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "jax", "flax", "onnx", "mxnet", "caffe"},
        REFUSED: {"tensorflow", "keras", "theano"},
    }
    assert "Theano has convolutions of 2 and 3 axes, and causal_conv1d" in rows["theano"].reason


def test_causal_on_one_axis_is_a_separate_layer_of_theano_with_a_flipped_kernel():
    rows = rows_of((6,), 3, stride=2, dilation=2, padding="causal")
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "flax"},
        DIFFERENT_VALUES: {"theano"},
        REFUSED: {"torch", "tensorflow", "keras", "jax", "onnx", "mxnet", "caffe"},
    }
    assert {row.pads for row in rows.values() if row.layer} == {((4, 0),)}
    assert rows["theano"].call == (
        "theano.tensor.nnet.abstract_conv.causal_conv1d(x, w, filter_shape=(1, 1, 3), subsample=2, filter_dilation=2)"
    )
    assert rows["theano"].flipped is True
    keras = rows_of((6,), 3, padding="causal")["keras"]
    assert (keras.verdict, keras.pads) == (EQUAL, ((2, 0),))
    assert verdicts(rows_of((6, 6), 3, padding="causal"))[EQUAL] == {"convmatrix"}


@pytest.mark.parametrize(
    ("name", "kernel", "pads", "agree"),
    [
        ("full", 3, (2, 2), set()),
        ("half", 4, (2, 2), set()),
        ("valid", 3, (0, 0), {"torch", "tensorflow", "keras", "jax", "flax", "onnx"}),
        ("same_lower", 4, (2, 1), {"jax", "flax", "onnx"}),
        ("same", 4, (1, 2), {"torch", "tensorflow", "keras", "jax", "flax", "onnx"}),
    ],
)
def test_names(name, kernel, pads, agree):
    rows = rows_of((7, 6), kernel, padding=name)
    flipped = {"theano"} if name in ("full", "half", "valid") else set()
    assert {name for name, row in rows.items() if row.verdict == EQUAL} == {"convmatrix"} | agree
    assert {name for name, row in rows.items() if row.verdict == DIFFERENT_VALUES} == flipped
    assert {row.pads for row in rows.values() if row.layer} == {(pads, pads)}


def test_names_that_differ_between_axes_exist_in_convmatrix_only():
    rows = rows_of((6, 5), 3, padding=("same", (2, 2)))
    assert verdicts(rows) == {EQUAL: {"convmatrix"}, REFUSED: {*FRAMEWORKS[1:]}}
    assert rows["convmatrix"].pads == ((1, 1), (2, 2))
    message = "there is one name of a padding for all axes, got ('same', 2): say the pads in numbers"
    assert {row.reason for name, row in rows.items() if name != "convmatrix"} == {message}


def test_ends_that_differ():
    rows = rows_of((6, 6), 3, padding=((1, 0), (0, 2)))
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "tensorflow", "jax", "flax", "onnx"},
        DIFFERENT_VALUES: {"theano"},
        REFUSED: {"torch", "keras", "mxnet", "caffe"},
    }
    assert {row.pads for row in rows.values() if row.layer} == {((1, 0), (0, 2))}
    message = "both ends of an axis are padded alike, got (1, 0) on axis 0: pad the input by itself where they differ"
    assert rows["mxnet"].reason == rows["caffe"].reason == message


@pytest.mark.parametrize(
    ("mode", "who"), [("circular", {"torch", "flax"}), ("reflect", {"torch", "flax"}), ("replicate", {"torch"})]
)
def test_padding_modes(mode, who):
    rows = rows_of((6, 6), 3, padding="same", padding_mode=mode)
    assert verdicts(rows) == {EQUAL: {"convmatrix"} | who, REFUSED: {*FRAMEWORKS[1:]} - who}
    assert rows["onnx"].reason == f"there is no argument for padding_mode={mode!r}"
    numbers = rows_of((6, 6), 3, padding=1, padding_mode=mode)  # Flax has the mode as a name, not beside numbers
    assert verdicts(numbers)[EQUAL] == {"convmatrix", "torch"}


def test_same_around_a_circle_with_a_stride_is_another_layer_in_flax():
    row = rows_of((6,), 3, stride=2, padding="same", padding_mode="circular")["flax"]
    assert (row.verdict, row.output_size, row.pads) == (DIFFERENT_VALUES, (3,), ((1, 1),))


def test_groups():
    rows = rows_of((5, 5), 3, groups=2, in_channels=4, out_channels=6)
    assert verdicts(rows) == {EQUAL: {*FRAMEWORKS} - {"theano"}, DIFFERENT_VALUES: {"theano"}}
    assert {name: row.arrays for name, row in rows.items()} == dict.fromkeys(
        FRAMEWORKS, "x (1, 4, 5, 5), w (6, 2, 3, 3)"
    ) | dict.fromkeys(("tensorflow", "keras", "flax"), "x (1, 5, 5, 4), w (3, 3, 2, 6)")
    rows = rows_of((5, 5), 3, groups=2, in_channels=4, out_channels=6, transpose=True)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "torch", "onnx", "mxnet", "caffe"}
    assert rows["flax"].reason == "there is no argument for groups=2"


def test_an_input_with_zeros_between_its_numbers():
    rows = rows_of((4,), 2, input_dilation=2)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "jax", "flax"},
        REFUSED: {*FRAMEWORKS} - {"convmatrix", "jax", "flax"},
    }
    assert rows["torch"].reason == "there is no argument for input_dilation=(2,)"


def test_transposed_of_a_stride_and_a_pad():
    rows = rows_of((3, 3), 3, transpose=True, stride=2, padding=1)
    assert tuple(rows) == TRANSPOSED
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "jax, transpose_kernel", "onnx", "mxnet", "caffe"},
        DIFFERENT_VALUES: {"jax", "flax"},
        REFUSED: {"tensorflow", "keras", "theano"},
    }
    assert {row.output_size for row in rows.values() if row.layer} == {(5, 5)}
    assert {row.pads for row in rows.values() if row.layer} == {((1, 1), (1, 1))}
    assert [name for name, row in rows.items() if row.flipped is False] == ["jax", "flax"]
    assert rows["tensorflow"].reason == (
        "there is no default output size: give output_size, its output_shape, which the forward rule then checks"
    )
    assert "its input_shape, which" in rows["theano"].reason


def test_transposed_without_a_pad_jax_means_another_size():
    rows = rows_of((3, 3), 3, transpose=True, stride=2)
    different = {"jax", "jax, transpose_kernel", "flax"}
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "keras", "onnx", "mxnet", "caffe"},
        DIFFERENT_SHAPE: different,
        REFUSED: {"tensorflow", "theano"},
    }
    assert {rows[name].output_size for name in different} == {(3, 3)}
    assert {rows[name].pads for name in different} == {((2, 2), (2, 2))}
    assert {row.output_size for name, row in rows.items() if row.layer and name not in different} == {(7, 7)}


def test_transposed_valid_by_name_is_the_full_result_in_jax_too():
    rows = rows_of((3,), 3, transpose=True, stride=2, padding="valid")
    assert {rows[name].output_size for name in ("convmatrix", "keras", "jax", "flax", "onnx")} == {(7,)}
    assert rows["jax"].verdict == DIFFERENT_VALUES


def test_a_given_output_size():
    rows = rows_of((3, 3), 3, transpose=True, stride=2, padding=1, output_size=6)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "torch", "tensorflow", "onnx", "mxnet"},
        DIFFERENT_VALUES: {"theano"},
        REFUSED: {"keras", "jax", "jax, transpose_kernel", "flax", "caffe"},
    }
    assert {row.pads for row in rows.values() if row.layer} == {((1, 0), (1, 0))}
    assert rows["theano"].flipped is False
    assert {rows[name].reason for name in verdicts(rows)[REFUSED]} == {"there is no argument for output_size=(6, 6)"}
    assert rows["torch"].call.endswith("(x, output_size=[6, 6])")


def test_an_output_size_of_same():
    rows = rows_of((3, 3), 3, transpose=True, stride=2, padding="same", output_size=6)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "tensorflow", "onnx"}
    assert {row.pads for row in rows.values() if row.layer} == {((0, 1), (0, 1))}


def test_an_output_padding():
    rows = rows_of((3,), 3, transpose=True, stride=2, padding=1, output_padding=1)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "torch", "onnx", "mxnet"}
    assert {row.pads for row in rows.values() if row.layer} == {((1, 0),)}
    beyond = rows_of((3,), 2, transpose=True, stride=2, output_padding=1)["torch"]
    assert (beyond.output_size, beyond.pads) == ((7,), ((0, -1),))  # one more than the full result


def test_arguments_of_a_transposed_layer_are_errors_for_a_convolution():
    for name, value in (("output_size", (6,)), ("output_padding", (1,))):
        rows = rows_of((6,), 3, **{name: value})
        assert {row.reason for row in rows.values()} == {f"there is no argument for {name}={value}"}


def test_no_axes():
    assert verdicts(rows_of((), ())) == {
        EQUAL: {"convmatrix", "jax", "flax"},
        REFUSED: {*FRAMEWORKS} - {"convmatrix", "jax", "flax"},
    }
    rows = rows_of((), (), transpose=True, in_channels=2, out_channels=3)
    assert verdicts(rows)[EQUAL] == {"convmatrix", "jax", "jax, transpose_kernel", "flax"}
    assert {(row.output_size, row.pads, row.flipped) for row in rows.values() if row.layer} == {((), (), None)}


def test_four_axes():
    rows = rows_of((3,) * 4, 2)
    assert verdicts(rows) == {
        EQUAL: {"convmatrix", "jax", "flax", "onnx", "caffe"},
        REFUSED: {"torch", "tensorflow", "keras", "theano", "mxnet"},
    }


def test_flipped_is_none_for_a_kernel_of_one_tap():
    for transpose in (False, True):
        rows = rows_of((4, 4), 1, in_channels=2, out_channels=2, transpose=transpose)
        assert {row.flipped for row in rows.values()} == {None}
        assert set(verdicts(rows)) <= {EQUAL, REFUSED}


def test_rows_are_compared_with_the_first_one_that_has_a_layer():
    rows = rows_of((2,), 3)
    assert set(verdicts(rows)) == {REFUSED}
    rows = rows_of((3, 3), 3, transpose=True, stride=2, padding=4)
    assert rows["convmatrix"].verdict == REFUSED
    assert "jax" in verdicts(rows)[EQUAL]
    assert rows["jax, transpose_kernel"].verdict == DIFFERENT_VALUES


# -- what is refused altogether --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"input_size": (6, 6), "kernel_size": (3,)}, "input_size has 2 but kernel_size has 1 entry, (3,)"),
        ({"input_size": 0, "kernel_size": 3}, "input_size on axis 0 must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "stride": 0}, "stride on axis 0 must be at least 1, got 0"),
        (
            {"input_size": 6, "kernel_size": 3, "output_padding": -1},
            "output_padding on axis 0 must be at least 0, got -1",
        ),
        ({"input_size": 6, "kernel_size": 3, "padding": "smae"}, "padding 'smae' is not one of "),
        (
            {"input_size": (6,), "kernel_size": 3, "padding": (1, 2)},
            "input_size has 1 but padding has 2 entries, (1, 2)",
        ),
        ({"input_size": 6, "kernel_size": 3, "groups": 0}, "groups must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"input_size": 6, "kernel_size": 3, "out_channels": -2}, "out_channels must be at least 1, got -2"),
        (
            {"input_size": 6, "kernel_size": 3, "groups": 2, "in_channels": 3, "out_channels": 6},
            "groups=2 does not divide in_channels=3 (remainder 1): make in_channels a multiple of 2",
        ),
        (
            {"input_size": 6, "kernel_size": 3, "groups": 3, "in_channels": 3, "out_channels": 2},
            "groups=3 does not divide out_channels=2 (remainder 2): make out_channels a multiple of 3",
        ),
    ],
)
def test_arguments_that_are_invalid_in_all_frameworks(kwargs, message):
    for transpose in (False, True):
        with pytest.raises(ValueError, match=re.escape(message)):
            compare(**kwargs, transpose=transpose)


def test_arguments_of_a_wrong_type():
    with pytest.raises(WrongTypeError, match=r"kernel_size on axis 0 must be an integer, got 2.5"):
        compare(6, 2.5)


def test_an_unknown_padding_mode_is_an_error_in_each_row():
    rows = rows_of(6, 3, padding_mode="mirror")
    assert set(verdicts(rows)) == {REFUSED}
    assert "'mirror' is not one of" in rows["convmatrix"].reason
