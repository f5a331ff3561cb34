"""Conversion of a matrix to data whose channels are the last axis, as in TensorFlow and JAX."""

from math import prod

import numpy as np
from scipy import sparse

__all__ = ["channels_last"]


def channels_last(matrix: sparse.csr_array, out_shape: tuple[int, ...], in_shape: tuple[int, ...]) -> sparse.csr_array:
    """Permute rows and columns from channels first to channels last.

    Parameters
    ----------
    matrix : csr_array
        Canonical.
    out_shape, in_shape : tuple of int
        (channels, *size) of what its rows and its columns are.

    Returns
    -------
    csr_array
        P_out @ matrix @ P_in.T, canonical; the matrix itself where there is nothing to permute.

    Examples
    --------
    >>> C = sparse.csr_array(np.arange(8).reshape(2, 4))
    >>> print(channels_last(C, (2, 1), (2, 2)).toarray())
    [[0 2 1 3]
     [4 6 5 7]]
    """
    (out_channels, *size), (in_channels, places) = out_shape, (in_shape[0], prod(in_shape[1:]))
    if out_channels > 1 and prod(size) > 1:
        matrix = matrix[np.arange(prod(out_shape)).reshape(out_channels, -1).T.ravel()]
    if in_channels > 1 and places > 1:
        channel, place = np.divmod(matrix.indices, matrix.indices.dtype.type(places))
        place *= in_channels
        place += channel
        matrix = sparse.csr_array((matrix.data, place, matrix.indptr), shape=matrix.shape)
        matrix.sort_indices()
    matrix.has_canonical_format = True
    return matrix
