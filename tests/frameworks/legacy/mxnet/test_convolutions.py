"""MXNet's operators: recorded results of version 1.9.1, cases by hand, and every error."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks.legacy import mxnet
from helpers import assert_refused
from recording import filled, read, result

VERSIONS, CASES = read("mxnet")
OPERATORS = ("conv", "conv_transpose", "upsampling")


def layer_and_weight(case):
    """Make the layer and its weight from the arguments of a case."""
    kwargs, w = case["words"], filled(case["w_shape"], case["seed"] + 1)
    if case["call"] == "upsampling":
        return mxnet.upsampling(tuple(case["x_shape"]), **kwargs), mxnet.weight(w, transpose=True, layout="NCHW")
    make = {"conv": mxnet.conv, "conv_transpose": mxnet.conv_transpose}[case["call"]]
    return make(tuple(case["x_shape"]), **kwargs, weight=w)


def computed(case):
    layer, weight = layer_and_weight(case)
    return layer.unvec(layer.matrix(weight) @ layer.vec(filled(case["x_shape"], case["seed"])))


def is_refused(case):
    """MXNet raises an error, or returns an empty output, for which the layer raises one."""
    return "error" in case or 0 in case["y_shape"]


def of(*calls):
    return [case for case in CASES if case["call"] in calls]


@pytest.mark.parametrize("case", of(*OPERATORS), ids=lambda case: f"{case['call']}{case['seed']}")
def test_every_recorded_operator(case):
    if is_refused(case):
        with pytest.raises(ValueError, match=r"."):
            computed(case)
    else:
        assert_array_equal(computed(case), result(case))


def test_the_recorded_operators_have_everything():
    assert VERSIONS["mxnet"] == "1.9.1"
    kept = [case for case in of(*OPERATORS) if not is_refused(case)]
    counts = Counter((case["call"], case.get("axes")) for case in kept)
    refused = Counter((case["call"], case.get("axes")) for case in of(*OPERATORS) if is_refused(case))
    both = [(call, axes) for call in ("conv", "conv_transpose") for axes in (1, 2, 3)]
    assert len(kept) >= 300
    assert min(counts[each] for each in both) >= 20
    assert min(refused[each] for each in both) >= 10
    up = [case for case in kept if case["call"] == "conv_transpose"]
    assert sum("target_shape" in case["words"] for case in up) >= 50
    assert (
        sum(any(layer_and_weight(case)[0].output_padding) for case in up if "target_shape" not in case["words"]) >= 20
    )
    assert sum(max(case["words"].get("dilate", [1])) > 1 for case in up) >= 50
    assert sum(any(s > 1 and d > 1 for s, d in zip(*_steps(case), strict=True)) for case in up) >= 20
    for name in ("stride", "dilate", "num_group"):
        assert sum(np.max(case["words"].get(name, 1)) > 1 for case in kept) >= 80, name
    assert {case["words"]["scale"] for case in kept if case["call"] == "upsampling"} == {1, 2, 3, 4, 5}


def _steps(case):
    ones = [1] * case["axes"]
    return [case["words"].get(name, ones) for name in ("stride", "dilate")]


@pytest.mark.parametrize("case", of("shape"), ids=lambda case: f"{case['operator']}{case['seed']}")
def test_shapes_with_channels_last(case):
    """MXNet computes these on GPUs only, but infers their shapes anywhere."""
    w_shape, y_shape = result(case).tolist()
    forward = case["operator"] == "Convolution"
    layer = (mxnet.conv if forward else mxnet.conv_transpose)(tuple(case["x_shape"]), **case["words"])
    layout = case["words"]["layout"]
    w = mxnet.weight(np.zeros(w_shape), transpose=not forward, layout=layout)
    assert w.shape == layer.weight_shape
    last = layout.endswith("C")
    assert y_shape[1:] == [*layer.output_size, 6] if last else [6, *layer.output_size]


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_defaults_and_order_of_the_arguments():
    assert mxnet.conv((None, 4, 9, 8), (3, 2), 6) == Conv((9, 8), (3, 2), in_channels=4, out_channels=6)
    assert mxnet.conv((1, 4, 9), 3, 6, 2, 2, 1, 2) == Conv(
        (9,), 3, stride=2, dilation=2, padding=1, groups=2, in_channels=4, out_channels=6
    )
    assert mxnet.conv(np.zeros((1, 4, 9, 9)), (3, 3), 6, (), (), ()) == Conv(9, 3, in_channels=4, out_channels=6)


def test_a_target_shape_overrides_pad_and_adj():
    """The full size is stride 2 * (5 - 1) + 3 = 11; a target of 10 has pad 1 and adj 1, one of 9 has pad 1."""
    up = {n: mxnet.conv_transpose((1, 1, 5), 3, 1, 2, pad=7, adj=9, target_shape=n) for n in (11, 10, 9, 8)}
    assert [(n, up[n].padding[0], up[n].output_padding[0]) for n in up] == [
        (11, (0, 0), 0),
        (10, (1, 1), 1),
        (9, (1, 1), 0),
        (8, (2, 2), 1),
    ]
    assert mxnet.conv_transpose((1, 1, 5), 3, 1, 2, target_shape=0).output_size == (11,)


def test_layouts_with_channels_last():
    kwargs = {"kernel": (2, 3), "num_filter": 6, "num_group": 2, "layout": "NHWC"}
    conv, up = (make((1, 5, 7, 4), **kwargs) for make in (mxnet.conv, mxnet.conv_transpose))
    assert conv == Conv((5, 7), (2, 3), groups=2, in_channels=4, out_channels=6)
    assert up == ConvTranspose((5, 7), (2, 3), groups=2, in_channels=4, out_channels=6)
    w = filled((6, 2, 3, 2), 0)
    assert mxnet.weight(w, layout="NHWC")[5, 1, 0, 2] == w[5, 0, 2, 1]


def test_upsampling_keeps_a_constant_inside():
    layer = mxnet.upsampling((None, 2, 5, 4), 3)
    assert (layer.kernel_size, layer.padding, layer.groups) == ((5, 5), ((1, 1), (1, 1)), 2)
    y = layer.unvec(layer.matrix(mxnet.bilinear(layer.weight_shape)) @ np.ones(layer.matrix_shape[1]))
    assert y.shape == (2, 15, 12)
    assert_allclose(y[:, 1:-1, 1:-1], 1)


# -- errors ----------------------------------------------------------------------------------------------------------

DATA, PLANE = (1, 2, 5, 5), {"kernel": (3, 3), "num_filter": 3}
ERRORS = {
    "axes": (
        lambda: mxnet.conv((1, 2, 3, 3, 3, 3), (2,) * 4, 1),
        "kernel has 4 entries, (2, 2, 2, 2), but MXNet has convolutions of 1, 2 and 3 axes",
    ),
    "no axes": (lambda: mxnet.conv((1, 2), (), 1), "kernel has 0 entries, ()"),
    "data": (
        lambda: mxnet.conv((1, 2, 5), **PLANE),
        "data has 3 entries, (1, 2, 5), but a convolution of 2 axes needs 4, with batch and channels",
    ),
    "one number": (
        lambda: mxnet.conv(DATA, 3, 3),
        "data has 4 entries, (1, 2, 5, 5), but a convolution of 1 axis needs 3",
    ),
    "unknown": (lambda: mxnet.conv((None, 2, None, 5), **PLANE), "data[2] is None, but the matrix depends on it"),
    "stride": (
        lambda: mxnet.conv(DATA, **PLANE, stride=2),
        "stride must have 2 entries, one for each axis of the kernel, got 1, 2: MXNet spreads no number over "
        "the axes, write (2, 2)",
    ),
    "long stride": (
        lambda: mxnet.conv((1, 2, 5), 3, 3, stride=(2, 2)),
        "stride must have 1 entry, as the kernel, got 2",
    ),
    "zero stride": (lambda: mxnet.conv(DATA, **PLANE, stride=(1, 0)), "stride on axis 1 must be at least 1, got 0"),
    "negative pad": (lambda: mxnet.conv(DATA, **PLANE, pad=(-1, 0)), "pad on axis 0 must be at least 0, got -1"),
    "float": (
        lambda: mxnet.conv(DATA, **PLANE, dilate=(1.0, 1)),
        "dilate on axis 0 must be an integer, got 1.0",
    ),
    "fit": (lambda: mxnet.conv((1, 2, 2, 5), **PLANE), "kernel does not fit on axis 0: it spans 3"),
    "groups": (
        lambda: mxnet.conv((1, 3, 5, 5), **PLANE, num_group=2),
        "num_group=2 does not divide the channels of data, 3 (remainder 1)",
    ),
    "groups of filters": (
        lambda: mxnet.conv(DATA, **PLANE, num_group=2),
        "num_group=2 does not divide num_filter, 3 (remainder 1)",
    ),
    "layout": (
        lambda: mxnet.conv(DATA, **PLANE, layout="CHWN"),
        "layout 'CHWN' is not one of NCW, NCHW, NHWC, NCDHW, NDHWC",
    ),
    "layout of other axes": (
        lambda: mxnet.conv(DATA, **PLANE, layout="NDHWC"),
        "layout 'NDHWC' has 3 spatial letters but kernel has 2 axes: write NCHW or NHWC",
    ),
    "adj": (
        lambda: mxnet.conv_transpose(DATA, **PLANE, stride=(2, 2), adj=(1, 2)),
        "adj 2 on axis 1 must be less than stride 2: it chooses among the 2 sizes",
    ),
    "adj and dilate": (
        lambda: mxnet.conv_transpose(DATA, **PLANE, dilate=(2, 2), adj=(1, 0)),
        "adj 1 on axis 0 must be less than stride 1",
    ),
    "dilate in 3-D": (
        lambda: mxnet.conv_transpose((1, 1, 3, 3, 3), (2, 2, 2), 1, dilate=(1, 2, 1)),
        "dilate is (1, 2, 1), but MXNet has no dilation in a Deconvolution of 3 axes",
    ),
    "target": (
        lambda: mxnet.conv_transpose(DATA, **PLANE, stride=(2, 2), target_shape=(10, 12)),
        "target_shape 12 on axis 1 is too big: the full result has 11",
    ),
    "odd target": (
        lambda: mxnet.conv_transpose(DATA, **PLANE, target_shape=(4, 5)),
        "target_shape on axis 0 crops 3, an odd number, for which MXNet takes pad 2 and adj 1, but adj must "
        "be less than stride 1",
    ),
    "empty target": (
        lambda: mxnet.conv_transpose(DATA, **PLANE, stride=(2, 2), target_shape=(0, 9)),
        "target_shape is 0 on axis 0, an empty output",
    ),
    "short target": (
        lambda: mxnet.conv_transpose(DATA, **PLANE, target_shape=7),
        "target_shape must have 2 entries, one for each axis of the kernel, got 1, 7",
    ),
    "empty": (lambda: mxnet.conv_transpose(DATA, **PLANE, pad=(4, 0)), "output is empty on axis 0"),
    "upsampling": (
        lambda: mxnet.upsampling((1, 2, 5), 2),
        "data has 3 entries, (1, 2, 5), but a convolution of 2 axes",
    ),
    "scale": (lambda: mxnet.upsampling(DATA, 0), "scale must be at least 1, got 0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    assert_refused(*ERRORS[name])
