"""Weights of tf.nn and Keras that have too few axes."""

import numpy as np
import pytest

from convmatrix.frameworks import tensorflow


def test_a_weight_of_one_axis_is_refused():
    with pytest.raises(ValueError, match=r"an array of layout \*IO has 2 axes or more, got shape \(3,\)"):
        tensorflow.weight(np.zeros(3))
