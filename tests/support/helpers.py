"""Functions for several tests: the reference as a dense matrix, checks for canonical matrices and for errors."""

import re
import shutil

import numpy as np
import pytest
from scipy import sparse

from convmatrix import Conv
from convmatrix.core import reference


def by_definition(layer, x, weight):
    """Apply a layer to one input with the plain loops of the reference."""
    keywords = {
        name: getattr(layer, name)
        for name in ("stride", "padding", "dilation", "groups", "padding_mode", "input_dilation")
    }
    if isinstance(layer, Conv):
        return reference.convolve(x, weight, **keywords)
    return reference.convolve_transposed(x, weight, output_size=layer.output_size, **keywords)


def dense(layer, weight):
    """Return the matrix of the reference, by applying it once to an input whose elements are rows of the identity."""
    rows, cols = layer.matrix_shape
    unit = np.empty(cols, dtype=object)
    unit[:] = list(np.eye(cols, dtype=np.int64))
    y = by_definition(layer, unit.reshape(layer.input_shape), weight)
    return np.array([np.broadcast_to(row, cols) for row in y.ravel()]).reshape(rows, cols)


def assert_canonical(C, index_dtype=np.int32):
    """Check from the arrays themselves that every row's columns strictly increase, and that the flag says so."""
    assert type(C) is sparse.csr_array
    assert C.indices.dtype == C.indptr.dtype == index_dtype
    assert C.indptr.shape == (C.shape[0] + 1,)
    assert (C.indptr[0], C.indptr[-1]) == (0, C.nnz)
    assert C.data.shape == C.indices.shape == (C.nnz,)
    assert (np.diff(C.indptr) >= 0).all()
    same_row = np.diff(np.repeat(np.arange(C.shape[0]), np.diff(C.indptr))) == 0
    assert (np.diff(C.indices)[same_row] > 0).all()
    assert C.nnz == 0 or (C.indices.min() >= 0 and C.indices.max() < C.shape[1])
    assert C.has_canonical_format
    assert C.has_sorted_indices


def needs_pdflatex(test):
    """Mark a test that compiles LaTeX: it takes long, and skips where pdflatex is not installed."""
    skips = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
    return pytest.mark.full(skips(test))


def assert_refused(call, sentence):
    """Check that a call raises a ValueError whose message contains this sentence."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()


def raises_error(kind, *sentences):
    """Expect an error with exactly this message."""
    return pytest.raises(kind, match=f"^{re.escape(' '.join(sentences))}$")
