"""Test that the frameworks run the calls of `compare`, and return its sizes or raise errors."""

import ast
import re
from collections import Counter

import numpy as np
import pytest

from convmatrix.frameworks.comparison.agreement import compare

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
flax = pytest.importorskip("flax")
nnx = pytest.importorskip("flax.nnx")

DRAWN = 25
UNSUPPORTED = "there is "  # begins errors about arguments that the framework does not have


def drawn(rng, transpose):
    axes = int(rng.integers(1, 4))

    def each(low, high):
        return tuple(rng.integers(low, high + 1, axes).tolist())

    kind = rng.choice(["number", "pairs", "same", "valid", "same_lower"], p=[0.4, 0.2, 0.2, 0.1, 0.1])
    padding = {"number": tuple((p, p) for p in each(0, 2)), "pairs": tuple(zip(each(0, 2), each(0, 2), strict=True))}
    groups = int(rng.choice([1, 2]))
    arguments = {
        "input_size": each(3, 5),
        "kernel_size": each(1, 3),
        "stride": each(1, 2),
        "padding": padding.get(kind, str(kind)),
        "dilation": each(1, 2) if rng.random() < 0.3 else (1,) * axes,
        "groups": groups,
        "in_channels": 2 * groups,
        "out_channels": groups * int(rng.integers(1, 3)),
        "padding_mode": "circular" if rng.random() < 0.15 else "zeros",
    }
    if transpose and rng.random() < 0.3:
        arguments["output_padding"] = each(0, 1)
    return arguments


def results(call, framework, x, w):
    """Run the call in the framework, and return the shape of its result, or the error."""
    arrays = (
        (torch.tensor(x), torch.tensor(w)) if framework == "torch" else (jax.numpy.asarray(x), jax.numpy.asarray(w))
    )
    names = {"torch": torch, "jax": jax, "flax": flax, "rngs": nnx.Rngs(0), "x": arrays[0], "w": arrays[1]}
    try:
        return tuple(eval(call, names).shape)  # our own text
    except (TypeError, ValueError, RuntimeError, NotImplementedError, AssertionError) as error:
        return error


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("transpose", [False, True])
def test_a_call_is_python_that_the_framework_takes(transpose):
    rng = np.random.default_rng([7, transpose])
    counts = Counter()
    for _ in range(DRAWN):
        arguments = drawn(rng, transpose)
        for row in compare(**arguments, transpose=transpose):
            framework = row.framework.partition(",")[0]
            if framework not in ("torch", "jax", "flax") or row.reason.startswith(UNSUPPORTED):
                continue
            x, w = (
                np.ones(ast.literal_eval(shape), dtype=np.float32)
                for shape in re.fullmatch(r"x (\(.*\)), w (\(.*\))", row.arrays).groups()
            )
            result = results(row.call, framework, x, w)
            if row.layer is None:
                assert isinstance(result, Exception) or 0 in result, (row, result)
                counts[framework, "refused"] += 1
                continue
            channels, *size = row.layer.output_shape
            first = framework == "torch" or "conv_general_dilated" in row.call
            assert result == ((1, channels, *size) if first else (1, *size, channels)), (row, result)
            counts[framework, "made"] += 1
    for framework in ("torch", "jax", "flax"):
        assert counts[framework, "made"] > 5, counts
    assert counts["torch", "refused"] > 3, counts
