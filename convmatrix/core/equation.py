"""The matrix of a convolution, built from its definition: C = sum over t of W[:, :, t] (x) T_t.

Here t runs over the taps of the kernel, W[:, :, t] is the matrix of weights from each input channel to each output
channel at tap t, T_t is 1 where an output reads an input through tap t, and (x) is the Kronecker product. The other
modules that build matrices are faster and have to give the same result.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.core.axis import Axis

__all__ = ["matrix", "tap_matrix", "weight_block"]


def tap_matrix(axis: Axis, tap: int) -> sparse.coo_array:
    """Build T_t of one axis, which is true where an output reads an input through tap t.

    Returns
    -------
    (output_size, input_size) coo_array of bool
        The row of an output is empty where the tap reads a zero, of the padding or inserted by `input_dilation`.

    Examples
    --------
    >>> for tap in range(3):
    ...     print(tap_matrix(Axis(3, 3, before=1, after=1), tap).toarray().astype(int).tolist())
    [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    """
    inputs = axis.table()[:, tap]
    outputs = np.flatnonzero(inputs >= 0)
    ones = np.ones(len(outputs), dtype=bool)
    return sparse.coo_array((ones, (outputs, inputs[outputs])), shape=(axis.output_size, axis.input_size))


def weight_block(weight: NDArray[Any], groups: int) -> sparse.coo_array:
    """Build W[:, :, t] of one tap: block diagonal, with one dense block per group of channels.

    Parameters
    ----------
    weight : (out_channels, in_channels // groups) ndarray
        The weights of the tap.
    groups : int

    Returns
    -------
    (out_channels, in_channels) coo_array
        Zero weights are stored as entries.

    Examples
    --------
    >>> weight_block(np.array([[1, 2], [3, 4]]), groups=2).toarray()
    array([[1, 2, 0, 0],
           [0, 0, 3, 4]])
    """
    out_channels, in_per_group = weight.shape
    outputs, inputs = np.indices(weight.shape).reshape(2, -1)
    first_inputs = outputs // (out_channels // groups) * in_per_group
    return sparse.coo_array((weight.ravel(), (outputs, first_inputs + inputs)), (out_channels, in_per_group * groups))


def matrix(axes: Sequence[Axis], weight: NDArray[Any], groups: int = 1) -> sparse.csr_array:
    """Build C: add up, over all taps, the Kronecker product of W[:, :, t] and of T_t along each axis.

    Parameters
    ----------
    axes : sequence of Axis
    weight : (out_channels, in_channels // groups, *kernel_size) ndarray
    groups : int, default 1

    Returns
    -------
    (outputs, inputs) csr_array of the weight's dtype
        Outputs and inputs are flattened in C order, channels first. Taps of an output that read the same input are
        added (for bool: "or").

    Examples
    --------
    >>> print(matrix([Axis(4, 3)], np.array([[[1, 2, 3]]])).toarray())
    [[1 2 3 0]
     [0 1 2 3]]
    """
    terms = []
    for tap in np.ndindex(*weight.shape[2:]):
        factors = [weight_block(weight[(..., *tap)], groups), *map(tap_matrix, axes, tap)]
        terms.append(reduce(_kronecker, factors))
    entries, rows, cols = (np.concatenate([getattr(term, name) for term in terms]) for name in ("data", "row", "col"))
    return sparse.csr_array((entries.astype(weight.dtype), (rows, cols)), shape=terms[0].shape)


def _kronecker(a: sparse.coo_array, b: sparse.coo_array) -> sparse.coo_array:
    product: sparse.coo_array = sparse.kron(a, b, format="coo")
    return product
