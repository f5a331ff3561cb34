"""Calls of Theano: recorded results of its successor aesara, examples of its documentation, and every error."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks.legacy import theano
from helpers import assert_refused
from recording import filled, read, result

VERSIONS, CASES = read("theano")


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def layer_and_weight(case):
    """Make the layer and its weight from the arguments of a case."""
    kwargs = {name: tuples(value) for name, value in case["words"].items()}
    w = filled(case["w_shape"], case["seed"] + 1)
    x_shape, w_shape = tuple(case["x_shape"]), tuple(case["w_shape"])
    if case["call"] == "conv_transpose":
        return theano.conv_transpose(x_shape, w_shape, **kwargs, weight=w)
    make = theano.causal_conv1d if case["axes"] == 1 else theano.conv
    return make(x_shape, w_shape, **kwargs, weight=w)


def is_refused(case):
    """Theano raises an error, or returns an empty output, for which the layer raises one."""
    return "error" in case or 0 in case["y_shape"]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_recorded_case(number):
    case = CASES[number]
    if is_refused(case):
        with pytest.raises(ValueError, match=r"."):
            layer_and_weight(case)
    else:
        layer, weight = layer_and_weight(case)
        x = filled(case["x_shape"], case["seed"])
        assert_array_equal(layer.unvec(layer.matrix(weight) @ layer.vec(x)), result(case))


def test_the_recorded_cases_have_everything():
    assert VERSIONS["aesara"] == "2.9.4"
    kept = [case for case in CASES if not is_refused(case)]
    refused = Counter((case["call"], case["axes"]) for case in CASES if is_refused(case))
    counts = Counter((case["call"], case["axes"]) for case in kept)
    assert len(kept) >= 300
    assert min(counts[call, axes] for call in ("conv", "conv_transpose") for axes in (2, 3)) >= 20
    assert counts["conv", 1] >= 50
    assert sum("filter_shape" in case["words"] for case in kept) >= 8
    assert min(refused[call, axes] for call in ("conv", "conv_transpose") for axes in (2, 3)) >= 20
    modes = Counter(_kind(case["words"].get("border_mode")) for case in kept)
    assert all(modes[kind] >= 20 for kind in ("valid", "half", "full", "int", "ints", "pairs")), modes
    for has in (
        lambda case: case["words"].get("filter_flip") is False,
        lambda case: case["words"]["num_groups"] > 1,
        lambda case: _most(case["words"].get("filter_dilation")) > 1,
        lambda case: _most(case["words"].get("subsample")) > 1,
        lambda case: case["call"] == "conv_transpose" and any(layer_and_weight(case)[0].output_padding),
    ):
        assert sum(map(has, kept)) >= 40


def _most(value):
    return max(value) if isinstance(value, list) else value


def _kind(mode):
    if isinstance(mode, list):
        return "pairs" if any(isinstance(entry, list) for entry in mode) else "ints"
    return mode if isinstance(mode, str) or mode is None else "int"


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_a_convolution_turns_its_filters():
    layer = theano.conv((None, 1, 1, 3), (1, 1, 1, 2))
    assert layer == Conv((1, 3), (1, 2))
    filters = [[[[1, 2]]]]
    assert_array_equal(layer.matrix(theano.weight(filters, filter_flip=True)).toarray(), [[2, 1, 0], [0, 2, 1]])
    assert_array_equal(layer.matrix(theano.weight(filters, filter_flip=False)).toarray(), [[1, 2, 0], [0, 1, 2]])


def test_arrays_stand_for_their_shapes():
    x, w = np.zeros((2, 4, 7, 7)), np.zeros((6, 2, 3, 3))
    layer = theano.conv(x, w, "half", (2, 2), True, (2, 2), 2)
    assert layer == Conv(7, 3, padding=2, stride=2, dilation=2, groups=2, in_channels=4, out_channels=6)


def test_border_modes_of_the_documentation():
    """Sizes: valid i - k + 1, full i + k - 1, half i for odd k (and one more for even ones)."""
    sizes = {
        (mode, k): theano.conv((1, 1, 9, 9), (1, 1, k, k), mode).output_size[0]
        for mode in ("valid", "full", "half")
        for k in (3, 4)
    }
    assert sizes == {
        ("valid", 3): 7,
        ("valid", 4): 6,
        ("full", 3): 11,
        ("full", 4): 12,
        ("half", 3): 9,
        ("half", 4): 10,
    }
    assert theano.conv((1, 1, 9, 9), (1, 1, 3, 3), (1, (2, 3))).padding == ((1, 1), (2, 3))
    assert theano.conv((1, 1, 9, 9, 9), (1, 1, 3, 3, 3), (1, 2, 3)).padding == ((1, 1), (2, 2), (3, 3))


def test_the_input_shape_of_a_gradient_is_not_unique():
    """The padding is fixed, and yet input_shape is not unique."""
    kwargs = {"border_mode": (1, 1), "subsample": (2, 2)}
    layers = [theano.conv_transpose((1, 1, 3, 3), (1, 1, 3, 3), (1, 1, n, n), **kwargs) for n in (5, 6)]
    assert [layer.output_size for layer in layers] == [(5, 5), (6, 6)]
    for n in (4, 7):
        with pytest.raises(ValueError, match="but output_grad has 3: give 5 or 6"):
            theano.conv_transpose((1, 1, 3, 3), (1, 1, 3, 3), (1, 1, n, n), **kwargs)


def test_a_gradient_is_the_transpose():
    conv = theano.conv((1, 2, 6, 5), (4, 1, 3, 2), (1, 0), (2, 1), num_groups=2)
    up = theano.conv_transpose(
        (1, 4, *conv.output_size), (4, 1, 3, 2), (1, 2, 6, 5), (4, None, 3, 2), (1, 0), (2, 1), num_groups=2
    )
    w = filled((4, 1, 3, 2), 0)
    assert up == conv.T
    flipped = theano.weight(w, filter_flip=True)
    assert_array_equal(
        up.matrix(theano.weight(w, transpose=True, filter_flip=True)).toarray(), conv.matrix(flipped).T.toarray()
    )


def test_the_deconvolution_layer_has_the_smallest_size():
    layer = theano.deconvolution_layer((1, 1, 3, 4), (1, 2, 3, 4), stride=(2, 3), padding=(1, 0))
    assert isinstance(layer, ConvTranspose)
    assert layer.output_size == (5, 13)  # 2 * 2 + 3 - 2, 3 * 3 + 4
    assert layer.output_padding == (0, 0)
    assert (layer.in_channels, layer.out_channels) == (1, 2)
    assert theano.deconvolution_layer((None, 1, 3, 3), (1, 1, 3, 3), 2, 1).output_size == (5, 5)


def test_hints_are_not_looked_at():
    """The channels of the result are those of the filters, as in aesara."""
    layer = theano.conv_transpose((1, 3, 3, 3), (3, 2, 3, 3), (1, 7, 5, 5), (3, 2, 4, None))
    assert layer == ConvTranspose(3, 3, in_channels=3, out_channels=2)


# -- errors ----------------------------------------------------------------------------------------------------------

IMAGE, FILTERS = (1, 2, 5, 5), (3, 2, 3, 3)

ERRORS = {
    "unshared": (
        lambda: theano.conv(IMAGE, FILTERS, unshared=True),
        "unshared=True has filters of its own at each output position",
    ),
    "flip": (lambda: theano.conv(IMAGE, FILTERS, filter_flip=1), "filter_flip must be True or False, got 1"),
    "one axis": (
        lambda: theano.conv((1, 2, 5), (3, 2, 3)),
        "input_shape has 3 entries, (1, 2, 5), but needs 4 or 5, two for batch or channels and one for each "
        "axis: Theano has convolutions of 2 and 3 axes, and causal_conv1d",
    ),
    "axes": (
        lambda: theano.conv(IMAGE, (3, 2, 3, 3, 3)),
        "input_shape has 4 entries, (1, 2, 5, 5), but the filters have 5, (3, 2, 3, 3, 3): give both as many",
    ),
    "unknown size": (
        lambda: theano.conv((None, 2, None, 5), FILTERS),
        "input_shape[2] is None, but the matrix depends on it",
    ),
    "unknown filters": (lambda: theano.conv(IMAGE, (None, 2, 3, 3)), "filter_shape[0] is None"),
    "name": (lambda: theano.conv(IMAGE, FILTERS, "same"), "border_mode 'same' is not one of valid, half, full"),
    "list": (
        lambda: theano.conv(IMAGE, FILTERS, [1, 1]),
        "border_mode [1, 1] is a list, but Theano takes a tuple: write (1, 1)",
    ),
    "negative": (lambda: theano.conv(IMAGE, FILTERS, -1), "border_mode must be at least 0 in Theano, got -1"),
    "negative pair": (
        lambda: theano.conv(IMAGE, FILTERS, (0, (1, -2))),
        "border_mode on axis 1, after, must be at least 0 in Theano, got -2",
    ),
    "few pads": (
        lambda: theano.conv(IMAGE, FILTERS, (1,)),
        "border_mode must have 2 entries, one for each axis, got 1: (1,)",
    ),
    "triple": (
        lambda: theano.conv(IMAGE, FILTERS, ((1, 2, 3), 0)),
        "border_mode on axis 0 must be an integer or (before, after), got 3 entries, (1, 2, 3)",
    ),
    "named axis": (
        lambda: theano.conv(IMAGE, FILTERS, ("half", 0)),
        "border_mode on axis 0 must be an integer or a tuple (before, after), got 'half'",
    ),
    "float": (lambda: theano.conv(IMAGE, FILTERS, 1.0), "border_mode must be an integer, got 1.0: write 1"),
    "pair in 3-D": (
        lambda: theano.conv((1, 1, 5, 5, 5), (1, 1, 3, 3, 3), (1, 1, (1, 2))),
        "border_mode on axis 2 is (1, 2), but Theano has different pads at the two ends only in 2-D, and "
        "here are 3 axes",
    ),
    "single subsample": (
        lambda: theano.conv(IMAGE, FILTERS, subsample=2),
        "subsample must have one entry for each of 2 axes in Theano, got 2: write (2, 2)",
    ),
    "few subsamples": (
        lambda: theano.conv((1, 1, 5, 5, 5), (1, 1, 3, 3, 3), subsample=(2, 2)),
        "subsample must have 3 entries, one for each axis, got 2: (2, 2)",
    ),
    "subsample": (
        lambda: theano.conv(IMAGE, FILTERS, subsample=(0, 1)),
        "subsample on axis 0 must be at least 1, got 0",
    ),
    "dilation": (
        lambda: theano.conv(IMAGE, FILTERS, filter_dilation=(1, 0)),
        "filter_dilation on axis 1 must be at least 1, got 0",
    ),
    "fit": (lambda: theano.conv((1, 2, 2, 5), FILTERS), "kernel does not fit on axis 0: it spans 3"),
    "groups of input": (
        lambda: theano.conv((1, 3, 5, 5), (4, 2, 3, 3), num_groups=2),
        "num_groups=2 does not divide the channels of input_shape, 3 (remainder 1)",
    ),
    "groups of filters": (
        lambda: theano.conv((1, 4, 5, 5), (5, 2, 3, 3), num_groups=2),
        "num_groups=2 does not divide the number of filters, 5 (remainder 1)",
    ),
    "channels": (
        lambda: theano.conv((1, 4, 5, 5), (6, 4, 3, 3), num_groups=2),
        "filters of shape (6, 4, 3, 3) are for 4 channels but a group has 2 (= 4 channels of input_shape / "
        "num_groups 2)",
    ),
    "num_groups": (lambda: theano.conv(IMAGE, FILTERS, num_groups=0), "num_groups must be at least 1, got 0"),
    "input_shape": (
        lambda: theano.conv_transpose((1, 3, 3, 3), FILTERS, (1, 2, 5, 6)),
        "input_shape has 6 on axis 1, of which the convolution makes 4 (= (6 + border_mode 0 + 0 - 3) // "
        "subsample 1 + 1), but output_grad has 3: give 5",
    ),
    "no input_shape": (
        lambda: theano.conv_transpose((1, 3, 1, 1), FILTERS, (1, 2, 1, 1), border_mode=2),
        "input_shape has 1 on axis 0, of which the convolution makes 3 (= (1 + border_mode 2 + 2 - 3) "
        "// subsample 1 + 1), but output_grad has 1: no size fits; use a smaller border_mode",
    ),
    "input too small": (
        lambda: theano.conv_transpose((1, 3, 1, 1), FILTERS, (1, 2, 2, 3), subsample=(2, 2)),
        "kernel does not fit on axis 0: it spans 3",
    ),
    "unknown input_shape": (
        lambda: theano.conv_transpose((1, 3, 3, 3), FILTERS, (1, 2, None, 5)),
        "input_shape[2] is None, but nothing else says which of the sizes",
    ),
    "empty input_shape": (
        lambda: theano.conv_transpose((1, 3, 1, 1), FILTERS, (1, 2, 0, 1), border_mode=2),
        "input_shape[2] must be at least 1, got 0",
    ),
    "short input_shape": (
        lambda: theano.conv_transpose((1, 3, 3, 3), FILTERS, (5, 5)),
        "input_shape has 2 entries, (5, 5), but needs 4, batch and channels first",
    ),
    "batch": (
        lambda: theano.conv_transpose((2, 3, 3, 3), FILTERS, (1, 2, 5, 5)),
        "input_shape has batch 1 but output_grad 2",
    ),
    "channels of the gradient": (
        lambda: theano.conv_transpose((1, 4, 3, 3), FILTERS, (1, 2, 5, 5)),
        "output_grad has 4 channels but filters, of shape (3, 2, 3, 3), give 3",
    ),
    "filter_shape": (
        lambda: theano.conv_transpose((1, 3, 3, 3), FILTERS, (1, 2, 5, 5), (3, 2, 3)),
        "filter_shape has 3 entries, (3, 2, 3), but the filters have 4, (3, 2, 3, 3)",
    ),
    "groups of the gradient": (
        lambda: theano.conv_transpose((1, 3, 3, 3), (3, 3, 3, 3), (1, None, 5, 5), num_groups=2),
        "num_groups=2 does not divide the channels of output_grad, 3 (remainder 1)",
    ),
    "empty deconvolution": (
        lambda: theano.deconvolution_layer((1, 1, 1, 3), (1, 1, 3, 3), 2, 2),
        "output is empty on axis 0: its size would be -1 (= stride 2 * (input_shape 1 - 1) + "
        "filter_shape 3 - 2 * padding 2)",
    ),
    "strides of the deconvolution": (
        lambda: theano.deconvolution_layer((1, 1, 3, 3), (1, 1, 3, 3), (2,)),
        "stride must have 2 entries, one for each axis, got 1: (2,)",
    ),
    "causal": (
        lambda: theano.causal_conv1d(IMAGE, FILTERS),
        "input_shape has 4 entries, (1, 2, 5, 5), but needs 3, two for batch or channels and one for each axis",
    ),
    "weight": (lambda: theano.weight([[1, 2]]), "filters have shape (1, 2) but Theano's are (output channels"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    assert_refused(*ERRORS[name])
