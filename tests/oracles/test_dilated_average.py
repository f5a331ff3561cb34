"""A dilated average pool, compared with onnxruntime's AveragePool with dilations."""

import numpy as np
import pytest
from hypothesis import assume, given
from numpy.testing import assert_allclose

from convmatrix import AvgPool
from strategies import integers, seeds
from strategies_fixed import avg_pool_arguments

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from onnx import helper  # noqa: E402  only where it is installed

OPTIONS = runtime.SessionOptions()
OPTIONS.intra_op_num_threads, OPTIONS.log_severity_level = 1, 4


@given(avg_pool_arguments(ndims=(1, 2, 3), style="pairs"), seeds())
def test_an_average_with_dilation_is_onnxruntimes(arguments, seed):
    pool = AvgPool(**arguments | {"divisor_override": None})
    # onnxruntime allows pads up to the kernel, not up to what a window spans.
    assume(all(max(pair) < size for pair, size in zip(pool.padding, pool.kernel_size, strict=True)))
    x = integers(pool.input_shape, seed).astype(np.float32)
    attributes = {
        "kernel_shape": pool.kernel_size,
        "strides": pool.stride,
        "dilations": pool.dilation,
        "pads": [before for before, _ in pool.padding] + [after for _, after in pool.padding],
        "ceil_mode": int(pool.ceil_mode),
        "count_include_pad": int(pool.count_include_pad),
    }
    values = [
        helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (1, *pool.input_shape)),
        helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(
        [helper.make_node("AveragePool", ["x"], ["y"], **attributes)], "pool", *[[v] for v in values]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    session = runtime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": x[None]})[0][0]
    assert_allclose(pool.unvec(pool.matrix() @ pool.vec(x)), y, rtol=1e-5, atol=1e-6)
