"""The matrix as a product of simpler ones: pad, unfold, weigh; or pad, slide, select; or one factor for each axis."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.algebra.exact import largest_magnitude
from convmatrix.algebra.stack.arguments import ConvOrNetwork, Stack, one_layer, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.core.axis import Axis
from convmatrix.core.errors import SumOverflowError, WrongTypeError
from convmatrix.core.memory import require_memory
from convmatrix.core.numbers import require_finite
from convmatrix.layers import Conv, WeightedLayer
from convmatrix.layers.arguments import array_of
from convmatrix.layers.convolution import Layer

__all__ = [
    "Factor",
    "blocks",
    "dual",
    "frame_layer",
    "kronecker",
    "padding_matrix",
    "product",
    "selected",
    "separated",
    "unfold_matrix",
    "unfolded",
    "zero_insertion",
]

_BYTES_OF_A_ROW = 48
"""Of a matrix that is put together from rows of the identity: its number, its entry and their copies."""


class Factor(NamedTuple):
    """One matrix of a product, and a description of it."""

    name: str
    matrix: sparse.csr_array


def product(factors: Sequence[Factor]) -> sparse.csr_array:
    """Multiply factors, the first one leftmost.

    Returns
    -------
    csr_array
        With sorted indices; entries that cancel are not stored.
    """
    result = sparse.csr_array(reduce(lambda left, right: left @ right, (factor.matrix for factor in factors)))
    result.sort_indices()
    return result


def unfolded(layer: Stack, weight: Weights | ArrayLike | None = None) -> list[Factor]:
    """Factor a layer's matrix into weights, im2col and padding: ``C = W U P``.

    P lays the input into the padded frame, U copies every window of it into a column (im2col), W multiplies each
    column with the weights: the route that frameworks take. For a `ConvTranspose` the factors are transposed and
    stand in reverse: ``C^T = P^T U^T W^T``, where U^T adds the columns back (col2im) and P^T crops, or folds the
    border back. Several layers have the factors of each, the last layer's first; one without a weight is one factor.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer
        As `convmatrix.algebra.stack.arguments.with_weights` takes them.

    Returns
    -------
    list of Factor
        W, U and P, whose product is ``layer.matrix(weight)``.

    Raises
    ------
    ValueError
        If the weight's shape is not the layer's.

    References
    ----------
    .. [1] Chellapilla, Puri & Simard, *High performance convolutional neural networks for document processing*, 2006.

    Examples
    --------
    >>> layer = Conv((3,), 2, padding=((1, 0),))
    >>> for name, matrix in unfolded(layer, [5, 7]):
    ...     print(name, matrix.shape)
    weights (3, 6)
    im2col (6, 4)
    padding (4, 3)
    """
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _factors_of_stack(stack, weights, unfolded)
    forward, weight = _forward(stack, weights)
    windows = prod(forward.output_size)
    by_group = weight.reshape(forward.groups, forward.out_channels // forward.groups, -1)
    weights = sparse.block_diag([sparse.csr_array(block) for block in by_group], format="csr")
    spread = sparse.csr_array(sparse.kron(weights, sparse.eye_array(windows, dtype=weight.dtype), format="csr"))
    factors = [
        Factor("weights", spread),
        Factor("im2col", _copying(unfold_matrix(forward), weight)),
        Factor("padding", _copying(padding_matrix(forward), weight)),
    ]
    return factors if isinstance(stack, Conv) else _transposed(factors)


def selected(layer: Stack, weight: Weights | ArrayLike | None = None) -> list[Factor]:
    """Factor a layer's matrix into selection, stride-1 convolution and padding: ``C = S C1 P``.

    C1 slides the window by single steps over the padded frame, so that along one axis it is a Toeplitz matrix; S keeps
    every stride-th row. This is where stride breaks the structure: S C1 is no longer Toeplitz. For a `ConvTranspose`
    the factors are transposed, in reverse: S^T inserts zeros. Several layers have the factors of each, as for
    `unfolded`.

    Parameters
    ----------
    layer, weight
        As for `unfolded`.

    Returns
    -------
    list of Factor
        S, C1 and P, whose product is ``layer.matrix(weight)``.

    Raises
    ------
    ValueError
        As for `unfolded`.

    Examples
    --------
    >>> for name, matrix in selected(Conv((5,), 3, stride=2), [1, 2, 3]):
    ...     print(name, matrix.toarray().tolist())
    selection [[1, 0, 0], [0, 0, 1]]
    stride 1 [[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]]
    padding [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    """
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _factors_of_stack(stack, weights, selected)
    forward, weight = _forward(stack, weights)
    dense = replace(frame_layer(forward), stride=(1,) * forward.ndim)
    keep = [
        _rows_of_identity(np.arange(n) * s, size)
        for n, s, size in zip(forward.output_size, forward.stride, dense.output_size, strict=True)
    ]
    factors = [
        Factor("selection", _copying(_over_channels(keep, forward.out_channels), weight)),
        Factor("stride 1", dense.matrix(weight)),
        Factor("padding", _copying(padding_matrix(forward), weight)),
    ]
    return factors if isinstance(stack, Conv) else _transposed(factors)


def padding_matrix(layer: Stack) -> sparse.csr_array:
    """Build P, which lays a layer's input into its padded frame: zeros inserted, borders extended, or cropped.

    Every row has one 1, or none where the frame has a zero. ``P.T`` crops the frame; for border modes it folds what
    stands beyond the border back onto the inputs that it was copied from.

    Parameters
    ----------
    layer : Conv

    Returns
    -------
    (in_channels * prod(padded sizes), in_channels * prod(input_size)) csr_array of int64

    Examples
    --------
    >>> padding_matrix(Conv((3,), 3, padding=1, padding_mode="reflect")).toarray()
    array([[0, 1, 0],
           [1, 0, 0],
           [0, 1, 0],
           [0, 0, 1],
           [0, 1, 0]])
    """
    conv = _one_conv(layer, "a padding matrix")
    return _over_channels([_padding_of(axis) for axis in conv.axes], conv.in_channels)


def zero_insertion(layer: Stack) -> sparse.csr_array:
    """Build the matrix that spreads a map with zeros before a stride-1 window slides over it.

    For a `Conv` that is the input with its input_dilation. For a `ConvTranspose` it is the input with stride - 1 zeros
    between its entries: the "fractional stride".

    Parameters
    ----------
    layer : Conv or ConvTranspose

    Returns
    -------
    (channels * prod(spread sizes), channels * prod(input_size)) csr_array of int64

    Examples
    --------
    >>> zero_insertion(Conv((5,), 3, stride=2).T).toarray()
    array([[1, 0],
           [0, 0],
           [0, 1]])
    """
    layer = one_layer(layer, "a matrix of zero insertion")
    steps = layer.input_dilation if isinstance(layer, Conv) else layer.stride
    rows = layer.in_channels * prod((n - 1) * step + 1 for n, step in zip(layer.input_size, steps, strict=True))
    require_memory(_BYTES_OF_A_ROW * rows, f"the matrix of zero insertion, of {rows} rows,", "use a smaller layer")
    spread = [
        _rows_of_identity(np.arange(n) * step, (n - 1) * step + 1)
        for n, step in zip(layer.input_size, steps, strict=True)
    ]
    return sparse.csr_array(_over_channels(spread, layer.in_channels).T)


def unfold_matrix(layer: Stack) -> sparse.csr_array:
    """Build U, which copies every window of a layer's padded frame into a column (im2col).

    Parameters
    ----------
    layer : Conv

    Returns
    -------
    (in_channels * prod(kernel_size) * prod(output_size), in_channels * prod(padded sizes)) csr_array of int64
        Rows: channel, tap, window, in C order. ``U.T`` is col2im.

    Examples
    --------
    >>> unfold_matrix(Conv((3,), 2)).toarray()
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    layer = _one_conv(layer, "an im2col matrix")
    frame = frame_layer(layer)
    taps = prod(layer.kernel_size)
    copying = replace(frame, groups=1, in_channels=1, out_channels=taps)
    # One output channel for each tap copies what that tap sees; a stored zero is no copy.
    one = copying.matrix(np.eye(taps, dtype=np.int64).reshape(copying.weight_shape))
    one.eliminate_zeros()
    return _channelwise(one, layer.in_channels)


def frame_layer(layer: Stack) -> Conv:
    """Give the layer that remains when the input is padded already: ``C = frame.matrix(weight) P``.

    Returns
    -------
    Conv
        Without padding and input dilation, on the padded frame.

    Examples
    --------
    >>> frame_layer(Conv(4, 3, padding=1, padding_mode="circular"))
    Conv(input_size=(6, 6), kernel_size=(3, 3))
    """
    layer = _one_conv(layer, "a padded frame")
    return replace(
        layer,
        input_size=tuple(axis.padded_size for axis in layer.axes),
        padding=((0, 0),) * layer.ndim,
        padding_mode="zeros",
        input_dilation=(1,) * layer.ndim,
    )


def blocks(layer: Stack, weight: Weights | ArrayLike | None = None) -> list[sparse.csr_array]:
    """Give the diagonal blocks of a layer's matrix, one for each group; of several layers, for each joint group.

    Parameters
    ----------
    layer, weight
        As for `unfolded`.

    Returns
    -------
    list of csr_array
        ``scipy.sparse.block_diag(blocks)`` is ``layer.matrix(weight)``.

    Examples
    --------
    >>> [block.toarray().tolist() for block in blocks(Conv((2,), 2, groups=2, in_channels=2, out_channels=2),
    ...                                               [[[1, 2]], [[3, 4]]])]
    [[[1, 2]], [[3, 4]]]
    """
    stack, weights = with_weights(layer, weight)
    whole, groups = stack.matrix(weights), _groups_of(stack)
    rows, cols = (size // groups for size in stack.matrix_shape)
    return [whole[group * rows : (group + 1) * rows, group * cols : (group + 1) * cols] for group in range(groups)]


def _groups_of(stack: ConvOrNetwork) -> int:
    """Number of diagonal blocks of one shape; for several layers, the number that all of them share."""
    if not isinstance(stack, Network):
        return stack.groups
    # A layer without a weight moves channels, or their parts, nowhere but in order.
    return gcd(
        *(
            layer.groups if isinstance(layer, WeightedLayer) else min(layer.in_channels, layer.out_channels)
            for layer in stack.layers
        )
    )


def dual(layer: Stack, x: ArrayLike) -> sparse.csr_array:
    """Build X, which multiplies the weight where C multiplies the input: ``C(w) x = X(x) w``.

    A layer is linear in its weight too; the weight's gradient is ``X.T`` times the output's.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    x : input_shape array_like

    Returns
    -------
    (prod(output_shape), prod(weight_shape)) csr_array

    Raises
    ------
    ValueError
        If x is not one input of the layer.

    Examples
    --------
    >>> X = dual(Conv((4,), 2), [1, 2, 3, 4])
    >>> X.toarray()
    array([[1, 2],
           [2, 3],
           [3, 4]])
    """
    layer = one_layer(layer, "a dual matrix, which multiplies the weight,")
    vector = layer.vec(x)
    if vector.ndim != 1:
        raise ValueError(f"x has shape {np.shape(x)}, a batch, but the dual matrix is made of one input")
    if vector.dtype.kind in "biu" and vector.dtype != np.uint64:
        vector = vector.astype(np.int64)  # small ones wrap around where several of them share one weight
    pattern = layer.matrix(np.ones(layer.weight_shape, dtype=bool))
    ptr, ids = layer.taps()
    # Entry (r, c) of C, a sum of weights t, says that x[c] is multiplied by weight t in output r.
    per_entry = np.diff(ptr)
    rows = np.repeat(np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)), per_entry)
    values = np.repeat(vector[pattern.indices], per_entry)
    shape = (pattern.shape[0], prod(layer.weight_shape))
    incidence = sparse.csr_array(sparse.coo_array((np.ones(len(ids), dtype=np.int64), (rows, ids)), shape=shape))
    if vector.dtype.kind in "iu":
        _require_sums(vector, int(incidence.data.max(initial=0)))
    return sparse.csr_array(sparse.coo_array((values, (rows, ids)), shape=shape))


def _require_sums(inputs: NDArray[Any], terms: int) -> None:
    """Raise an error if the sum of the integers that share one weight may exceed 64 bits."""
    most = largest_magnitude(inputs) * terms
    if most > np.iinfo(inputs.dtype).max:
        raise SumOverflowError(
            f"up to {terms} inputs meet one weight and may add up to {most}, but {inputs.dtype} ends at "
            f"{np.iinfo(inputs.dtype).max}: cast x with .astype('float64')"
        )


# -- one factor for each axis ----------------------------------------------------------------------------------------


def separated(kernel: ArrayLike) -> list[NDArray[Any]]:
    """Write a kernel as an outer product of one vector for each axis; integers stay integers.

    Parameters
    ----------
    kernel : (*kernel_size) array_like

    Returns
    -------
    list of ndarray
        One vector for each axis.

    Raises
    ------
    ValueError
        If the kernel is no outer product; the message has the largest difference from the closest one.

    Examples
    --------
    >>> [vector.tolist() for vector in separated([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])]
    [[1, 0, -1], [1, 2, 1]]
    """
    kernel = array_of("kernel", kernel)
    require_finite("kernel", kernel)
    exact = kernel.dtype.kind in "biu"
    numbers = kernel.astype(object if exact else np.result_type(kernel, np.float32))
    vectors = _vectors(numbers)
    left = np.abs(numbers - reduce(np.multiply.outer, vectors))
    bound = 0 if exact else 8 * np.finfo(kernel.dtype).eps * np.abs(numbers).max(initial=0)
    if kernel.size and left.max() > bound:
        raise ValueError(
            f"kernel is not an outer product of one vector per axis: the closest one differs by {left.max():.3g} at "
            f"{tuple(int(i) for i in np.unravel_index(int(np.argmax(left)), left.shape))}; use the matrix as it is"
        )
    return [vector.astype(kernel.dtype) for vector in vectors]


def _vectors(kernel: NDArray[Any]) -> list[NDArray[Any]]:
    """One vector for each axis, through the largest entry; Python's integers, which never wrap around, stay exact."""
    vectors: list[NDArray[Any]] = []
    rest = kernel
    while rest.ndim > 1:
        place, *inner = (int(i) for i in np.unravel_index(int(np.argmax(np.abs(rest))), rest.shape))
        along: tuple[Any, ...] = (slice(None), *inner)
        row, line = rest[place], rest[along]
        if row.any() and kernel.dtype == object:
            row = row // gcd(*row.ravel().tolist())
            if row[*inner] == -1:
                row = -row  # the line keeps its signs: -128 in int8 cannot be negated
            line = line // row[*inner]
        elif row.any():
            line = line / row[*inner]
        vectors.append(line)
        rest = row
    return [*vectors, rest]


def kronecker(layer: Stack, weight: Weights | ArrayLike | None = None) -> list[sparse.csr_array]:
    """Factor the matrix of a one-channel layer with a separable kernel into a Kronecker product over the axes.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With one channel in and out.
    weight : kernel_size or weight_shape array_like

    Returns
    -------
    list of csr_array
        ``functools.reduce(scipy.sparse.kron, factors)`` is ``layer.matrix(weight)``.

    Raises
    ------
    ValueError
        If the layer has several channels, or the kernel is not separable.

    Examples
    --------
    >>> [factor.toarray().tolist() for factor in kronecker(Conv((3, 2), 2), [[1, 2], [3, 6]])]
    [[[1, 3, 0], [0, 1, 3]], [[1, 2]]]
    """
    _, weight_values = with_weights(layer, weight)
    layer = one_layer(layer, "a Kronecker product over the axes")
    if layer.in_channels != 1 or layer.out_channels != 1:
        raise ValueError(
            f"a Kronecker product over the axes needs one channel, got in_channels={layer.in_channels} and "
            f"out_channels={layer.out_channels}: factor the kernel of each pair of channels"
        )
    vectors = separated(layer.checked_weight(weight_values).reshape(layer.kernel_size))
    return [_one_axis(layer, axis).matrix(vector) for axis, vector in enumerate(vectors)]


def _one_axis(layer: Layer, number: int) -> Layer:
    axis = layer.axes[number]
    line = Conv(
        (axis.input_size,),
        axis.kernel_size,
        stride=axis.stride,
        padding=((axis.before, axis.after),),
        dilation=axis.dilation,
        input_dilation=axis.input_dilation,
        padding_mode=axis.mode,
    )
    return line if isinstance(layer, Conv) else line.T


# -- small matrices --------------------------------------------------------------------------------------------------


def _one_conv(layer: Stack, what: str) -> Conv:
    """The layer, if it is a convolution."""
    conv = one_layer(layer, what)
    if not isinstance(conv, Conv):
        raise WrongTypeError(f"{what} is that of a Conv, got a {type(conv).__name__}: give its .T")
    return conv


def _factors_of_stack(
    network: Network, weights: Sequence[Any], factors_of: Callable[[Stack, Any], list[Factor]]
) -> list[Factor]:
    """The factors of all layers, the last layer's first."""
    factors = []
    for layer, weight in reversed(list(zip(network.layers, weights, strict=True))):
        if isinstance(layer, Layer):
            factors += factors_of(layer, weight)
        else:
            factors.append(Factor(type(layer).__name__, Network([layer]).matrix([weight])))
    return factors


def _forward(layer: Layer, weight: ArrayLike) -> tuple[Conv, NDArray[Any]]:
    """The convolution behind a layer, and its weight in full shape."""
    weight = layer.checked_weight(weight)
    layer.operator(weight)  # which refuses weights whose sums overflow, as the matrix does
    return layer.convolution, weight


def _copying(matrix: sparse.csr_array, weight: NDArray[Any]) -> sparse.csr_array:
    """A matrix of zeros and ones, in the dtype of the weight where products with int64 would have another dtype."""
    # bool and uint64 with int64 make int64 and float64: no "or", and no exact integers.
    return matrix.astype(weight.dtype) if weight.dtype in (np.bool_, np.uint64) else matrix


def _transposed(factors: list[Factor]) -> list[Factor]:
    return [Factor(f"{name}, transposed", sparse.csr_array(matrix.T)) for name, matrix in reversed(factors)]


def _padding_of(axis: Axis) -> sparse.csr_array:
    places = np.arange(-axis.before, axis.dilated_size + axis.after, dtype=np.int64)
    return _rows_of_identity(axis.extend(places), axis.input_size)


def _rows_of_identity(rows: NDArray[np.int64], size: int) -> sparse.csr_array:
    """Rows of the identity, by their numbers; -1 for an empty row."""
    real = rows >= 0
    ptr = np.concatenate([[0], np.cumsum(real)])
    return sparse.csr_array((np.ones(ptr[-1], dtype=np.int64), rows[real], ptr), shape=(len(rows), size))


def _over_channels(per_axis: Sequence[sparse.csr_array], channels: int) -> sparse.csr_array:
    """The Kronecker product over the axes, the same for every channel."""
    one = sparse.csr_array(np.ones((1, 1), dtype=np.int64))
    return _channelwise(reduce(lambda a, b: sparse.csr_array(sparse.kron(a, b, format="csr")), per_axis, one), channels)


def _channelwise(matrix: sparse.csr_array, channels: int) -> sparse.csr_array:
    return sparse.csr_array(sparse.kron(sparse.eye_array(channels, dtype=np.int64), matrix, format="csr"))
