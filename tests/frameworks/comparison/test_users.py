"""Users of a convention: each framework is named where its record has the convention, and only there."""

import pytest

from convmatrix.frameworks.comparison.registry import interfaces
from convmatrix.frameworks.comparison.users import users_of_channels_last, users_of_flips, users_of_layout

FORWARD = {  # the layout of the weight of a convolution; whether data has the channels last
    "PyTorch": ("OI*", False),
    "TensorFlow": ("*IO", True),
    "Keras": ("*IO", True),
    "JAX": ("OI*", False),
    "Flax": ("*IO", True),
    "ONNX": ("OI*", False),
    "Theano": ("OI*", False),
    "MXNet": ("OI*", False),
    "Caffe": ("OI*", False),
}
TRANSPOSED = {
    "PyTorch": "IO*",
    "TensorFlow": "*OI",
    "Keras": "*OI",
    "JAX": "*IO",
    "JAX with transpose_kernel": "*OI",
    "Flax": "*IO",
    "ONNX": "IO*",
    "Theano": "IO*",
    "MXNet": "IO*",
    "Caffe": "IO*",
}


def names(text):
    return {name for part in text.split(" and ") for name in part.split(", ") if name}


@pytest.mark.parametrize("layout", ["OI*", "IO*", "*IO", "*OI", "O*I", "I*O"])
def test_users_of_a_layout(layout):
    plain, _, transposed = users_of_layout(layout, interfaces(), ["others"]).partition("; transposed layers of ")
    mxnet = {"O*I": {"MXNet with layout NHWC"}}.get(layout, set())
    assert names(plain) == {"others"} | {name for name, (axes, _) in FORWARD.items() if axes == layout} | mxnet
    mxnet = {"I*O": {"MXNet with layout NHWC"}}.get(layout, set())
    assert names(transposed) == {name for name, axes in TRANSPOSED.items() if axes == layout} | mxnet


def test_users_of_data_with_channels_last():
    assert names(users_of_channels_last(interfaces())) == {name for name, (_, last) in FORWARD.items() if last}


def test_users_of_flips():
    assert users_of_flips(interfaces(), ["scipy.signal"]) == (
        "scipy.signal and Theano; transposed layers of JAX, Flax and Theano"
    )
    assert users_of_flips(interfaces()[:1]) == ""
