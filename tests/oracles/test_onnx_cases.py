"""Test cases of the package onnx: those of its operators, and models converted from PyTorch."""

import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from convmatrix import MaxPool
from convmatrix.frameworks.onnx import from_layer, from_model

onnx = pytest.importorskip("onnx")
from onnx import numpy_helper  # noqa: E402  only where it is installed

CONVERTED = Path(onnx.__file__).parent / "backend" / "test" / "data" / "pytorch-converted"
FOLDERS = sorted(CONVERTED.glob("test_Conv*"))

COLLECT = """
import pickle, sys, warnings
warnings.simplefilter("ignore")
from onnx.backend.test.case.node import collect_testcases
cases = [(case.name, case.model.SerializeToString(), case.data_sets)
         for case in collect_testcases(None) if len(case.model.graph.node) == 1]
sys.stdout.buffer.write(pickle.dumps(cases))
"""


@cache
def all_cases():
    """Return name, model and data of every case with one node, from a separate process, since they fill a global."""
    done = subprocess.run([sys.executable, "-c", COLLECT], capture_output=True, check=True, timeout=300)
    return [(name, onnx.load_model_from_string(model), data) for name, model, data in pickle.loads(done.stdout)]


def cases_of(op):
    """Return the cases of an operator."""
    return [(name, model, data) for name, model, data in all_cases() if model.graph.node[0].op_type == op]


def applied(layer, weight, bias, x):
    """Apply the matrix of a layer to a batch."""
    if isinstance(layer, MaxPool):
        return np.stack([layer.unvec(layer.matrix(image, dtype=float) @ layer.vec(image)) for image in x])
    matrix = layer.matrix() if weight is None else layer.matrix(weight.astype(np.float64))
    y = matrix @ layer.vec(x)
    return layer.unvec(y if bias is None else y + layer.bias_vector(bias.astype(np.float64))[:, None])


# -- convolutions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("op", "count"), [("Conv", 6), ("ConvTranspose", 11)])
def test_all_cases_of_the_operator(op, count):
    ran = 0
    for name, model, data_sets in cases_of(op):
        for inputs, (y,) in data_sets:
            (node,) = model.graph.node
            arrays = dict(zip(node.input, inputs, strict=True))
            x = arrays[node.input[0]].astype(np.float64)
            got = applied(*from_layer(node, x.shape[2:], arrays), x)
            assert got.shape == y.shape, name
            assert_allclose(got, y, rtol=1e-6, atol=1e-6, err_msg=name)
            ran += 1
    assert ran == count


def test_all_folders_are_there():
    assert len(FOLDERS) == 28
    assert sum("Transpose" in folder.name for folder in FOLDERS) == 2


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_models_converted_from_pytorch(folder):
    model = onnx.load(folder / "model.onnx")
    (chain,) = [from_model(model)]
    assert len(chain) == 1
    sets = sorted(folder.glob("test_data_set_*"))
    assert sets
    for data in sets:
        x, y = (numpy_helper.to_array(onnx.load_tensor(data / f"{name}_0.pb")) for name in ("input", "output"))
        got = applied(chain[0], chain.weights[0], chain.biases[0], x.astype(np.float64))
        assert got.shape == y.shape
        assert_allclose(got, y, rtol=1e-5, atol=2e-6)
        loaded = from_layer(model.graph.node[0], x.shape[2:], model)
        assert loaded.layer == chain[0]


# -- what is no convolution ------------------------------------------------------------------------------------------

OTHERS = {
    "AveragePool": 18,
    "MaxPool": 17,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 2,
    "Resize": 10,
    "Upsample": 1,
    "DepthToSpace": 2,
    "SpaceToDepth": 4,
    "Pad": 3,
}
"""Number of cases of each operator that become layers; the others raise errors."""

EXPECTED_ERRORS = (
    "whose windows count different numbers",
    "second output",
    "mode 'cubic'",
    "tf_crop_and_resize",
    "reads other entries",
    "antialias=1",
    "keep_aspect_ratio_policy",
    "with 'align_corners' it is not agreed",
    "is not linear",
)


@pytest.mark.parametrize("op", OTHERS)
def test_other_operators_are_layers_or_refused(op):
    ran = 0
    for name, model, data_sets in cases_of(op):
        (inputs, outputs), *_ = data_sets
        names = [entry.name for entry in model.graph.input]
        for number, array in enumerate(inputs[1:], 1):
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), names[number]))
        try:
            chain = from_model(model)
        except ValueError as error:
            assert any(reason in str(error) for reason in EXPECTED_ERRORS), f"{name}: {error}"  # noqa: PT017  some of them
            continue
        got = applied(chain[0], chain.weights[0], None, inputs[0].astype(np.float64))
        assert got.shape == outputs[0].shape, name
        assert_allclose(got, outputs[0], rtol=1e-3, atol=1e-4, err_msg=name)  # some are written with four digits
        ran += 1
    assert ran == OTHERS[op]
