"""Values from a file, which may have any length, are shortened in messages."""

import pytest

from convmatrix.frameworks.onnx import (
    from_model,
)
from convmatrix.frameworks.onnx.attributes import shortened
from onnx_fakes import W, graph, node


def test_long_values_are_shortened():
    assert shortened([1, 2]) == "[1, 2]"
    assert len(shortened("a" * 10**6)) < 100
    assert len(shortened([["a" * 1000] * 1000] * 1000)) <= 400
    assert "\n" not in shortened("a\nb")
    many = graph([node("Conv", "x,w", name="n" * 10**5, strides=[0, 0])], w=W)
    with pytest.raises(ValueError, match=r"node 0 \(Conv 'nnn") as caught:
        from_model(many)
    assert len(str(caught.value)) < 300
