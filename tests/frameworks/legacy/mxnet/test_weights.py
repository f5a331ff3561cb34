"""MXNet's weights: recorded results of the bilinear initialiser, and errors of layouts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from convmatrix.frameworks.legacy import mxnet
from helpers import assert_refused
from recording import read, result

VERSIONS, CASES = read("mxnet")


def of(*calls):
    return [case for case in CASES if case["call"] in calls]


@pytest.mark.parametrize("case", of("bilinear"), ids=lambda case: str(case["w_shape"]))
def test_the_bilinear_initialiser(case):
    w = mxnet.bilinear(case["w_shape"])
    assert_allclose(w * (2 * -(-case["w_shape"][3] // 2)) ** 2, result(case), rtol=0, atol=1e-12)


ERRORS = {
    "bilinear": (lambda: mxnet.bilinear((1, 4, 4)), "shape has 3 entries, (1, 4, 4), but a bilinear weight needs 4"),
    "weight": (
        lambda: mxnet.weight(np.ones((1, 1, 2)), layout="NHWC"),
        "layout 'NHWC' has 2 spatial letters but kernel has 1 axis: write NCW",
    ),
    "weight without axes": (
        lambda: mxnet.weight([[1, 2]], layout="NCW"),
        "layout 'NCW' has 1 spatial letter but kernel has 0 axes: MXNet has convolutions of 1, 2",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    assert_refused(*ERRORS[name])
