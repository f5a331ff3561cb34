"""A stack of layers as one matrix: the product of the layers' matrices, the last layer leftmost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import islice, pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from convmatrix.algebra.stack.steps import Step, Window, joint_period, steps_of
from convmatrix.core.errors import SumOverflowError, WrongTypeError, pluralize, short
from convmatrix.core.fast.assembly import index_dtype
from convmatrix.core.memory import UNCHECKED, require_memory
from convmatrix.layers import FixedLayer, MaxPool, NetworkLayer, WeightedLayer

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["Network", "Weights"]

Weights = Sequence[ArrayLike | None]
"""One entry for each layer, None where the layer has no weight."""


@dataclass(frozen=True, init=False)
class Network:
    """Layers, each taking what the one before it gives: convolutions, pools, upsampling, pixel shuffles.

    It is linear, without biases. Weights come with `matrix` and `operator`, one entry for each layer:
    None for a layer that has none, and for a `MaxPool` its input, which determines the selection.

    Parameters
    ----------
    layers : iterable of layers
        The first one takes the input.

    Raises
    ------
    ValueError
        If there is no layer, if an entry is no layer (also a TypeError), or if a layer does not take what the one
        before it gives.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> network = Network([Conv((6,), 3), Conv((4,), 2, stride=2)])
    >>> print(network.matrix([[1, 2, 3], [1, 10]]).toarray())
    [[ 1 12 23 30  0  0]
     [ 0  0  1 12 23 30]]
    >>> print(*network.windows[0])  # each output's window moves on by 2, from input 0 to input 3
    2 0 3
    """

    layers: tuple[NetworkLayer, ...]

    def __init__(self, layers: Iterable[NetworkLayer]) -> None:
        object.__setattr__(self, "layers", tuple(_each_checked(layers)))
        _check_chain(self.layers)

    # -- sizes -----------------------------------------------------------------------------------------------------

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *size) of what the first layer takes."""
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(channels, *size) of what the last layer gives."""
        return self.layers[-1].output_shape

    @property
    def input_size(self) -> tuple[int, ...]:
        """Size of the input on each axis."""
        return self.input_shape[1:]

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis."""
        return self.output_shape[1:]

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """(number of outputs, number of inputs): rows and columns of the matrix."""
        return (prod(self.output_shape), prod(self.input_shape))

    @property
    def in_channels(self) -> int:
        """Number of channels of the input."""
        return self.input_shape[0]

    @property
    def out_channels(self) -> int:
        """Number of channels of the output."""
        return self.output_shape[0]

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.input_size)

    @cached_property
    def most_entries(self) -> int:
        """Number of entries that the matrix stores at most; known from the patterns of the axes."""
        *_, (_, entries) = self._entry_bounds()
        return entries

    def vec(self, x: ArrayLike) -> NDArray[Any]:
        """Flatten inputs to what the matrix multiplies, as the first layer's `vec` does.

        Parameters
        ----------
        x : (..., in_channels, *input_size) array_like

        Returns
        -------
        (n,) ndarray, or (n, batch) ndarray where x has leading axes
        """
        return self.layers[0].vec(x)

    def unvec(self, y: ArrayLike) -> NDArray[Any]:
        """Give a vector of outputs, or columns of them, the shape of images, as the last layer's `unvec` does.

        Parameters
        ----------
        y : (m,) or (m, batch) array_like

        Returns
        -------
        (out_channels, *output_size) or (batch, out_channels, *output_size) ndarray
        """
        return self.layers[-1].unvec(y)

    # -- one axis at a time ----------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> tuple[tuple[Step, ...], ...]:
        """For each axis, the layers along it, the first layer first."""
        return tuple(zip(*map(steps_of, self.layers), strict=True))

    @property
    def windows(self) -> tuple[Window, ...]:
        """The arithmetic receptive field on each axis: its stride, where it starts and ends, as exact fractions."""
        windows = ([step.window for step in steps] for steps in self.steps)
        return tuple(reduce(lambda earlier, later: later.after(earlier), axis) for axis in windows)

    @property
    def periods(self) -> tuple[tuple[int, int], ...]:
        """On each axis (p, q): p outputs further on, rows away from the borders are the same, q inputs further on."""
        return tuple(reduce(joint_period, [step.period for step in steps]) for steps in self.steps)

    def axis_patterns(self) -> tuple[sparse.csr_array, ...]:
        """Find on each axis the inputs that an output reads, in any channel.

        Returns
        -------
        tuple of (outputs, inputs) csr_array of bool
            One for each axis. Unless layers like `PixelShuffle` mix channels and axes, `pattern` is their Kronecker
            product, for every pair of channels that are connected.

        Raises
        ------
        ValueError
            If a pattern does not fit in the available memory (also a MemoryError).

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> network = Network([Conv((7,), 2, dilation=2), Conv((5,), 2, dilation=2)])
        >>> print(network.axis_patterns()[0].astype(int).toarray())
        [[1 0 1 0 1 0 0]
         [0 1 0 1 0 1 0]
         [0 0 1 0 1 0 1]]
        """
        *_, patterns = self._partial_patterns()
        for pattern in patterns:
            pattern.sort_indices()
        return patterns

    # -- the matrix ------------------------------------------------------------------------------------------------

    def matrix(self, weights: Weights) -> sparse.csr_array:
        """Multiply the layers' matrices.

        Parameters
        ----------
        weights : sequence of array_like or None
            One entry for each layer.

        Returns
        -------
        M : matrix_shape csr_array
            Of the dtype that holds all weights, with sorted indices. Entries that cancel are not stored.

        Raises
        ------
        ValueError
            If there is not one entry for each layer, if it is not what its layer needs, if a product does not fit in
            the available memory (also a MemoryError), or if integers could overflow in it (also an OverflowError).

        Examples
        --------
        >>> from convmatrix.layers import ConvTranspose
        >>> up = ConvTranspose((2,), 2, stride=2)
        >>> print(Network([up, up.T]).matrix([[3, 4], [3, 4]]).toarray())
        [[25  0]
         [ 0 25]]
        """
        checked, dtype = _checked_weights(self.layers, weights)
        self._require_memory(np.float64 if dtype is None else dtype)
        pairs = zip(self.layers, checked, strict=True)
        return _multiplied(_matrix(layer, weight, dtype) for layer, weight in pairs)

    def pattern(self) -> sparse.csr_array:
        """Build the pattern of the matrix: where it can have entries, whatever the weights are.

        Returns
        -------
        matrix_shape csr_array of bool
            With sorted indices.

        Raises
        ------
        ValueError
            If a product does not fit in the available memory, as for `matrix`.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> print(Network([MaxPool((4,), 2), Conv((2,), 2)]).pattern().astype(int).toarray())
        [[1 1 1 1]]
        """
        self._require_memory(bool)
        return _multiplied(map(_pattern, self.layers))

    def operator(self, weights: Weights) -> "LinearOperator":
        """Make the same map as `matrix` without a product: one layer's operator after the other.

        Parameters
        ----------
        weights : sequence of array_like or None
            As for `matrix`.

        Returns
        -------
        LinearOperator of shape matrix_shape
            With matvec, rmatvec (the conjugate transpose), matmat and rmatmat.

        Raises
        ------
        ValueError
            If there is not one entry for each layer, or if it is not what its layer needs.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> network = Network([Conv((6,), 3), Conv((4,), 2, stride=2)])
        >>> network.operator([[1, 2, 3], [1, 10]]) @ np.arange(6)
        array([148, 280])
        """
        checked, dtype = _checked_weights(self.layers, weights)
        operators = (_operator(layer, weight, dtype) for layer, weight in zip(self.layers, checked, strict=True))
        return reduce(lambda earlier, later: later @ earlier, operators)

    def gram(self, weights: Weights) -> sparse.csr_array:
        """Multiply the matrix by its conjugate transpose from the left: C^H C, the matrix of the normal equations.

        Parameters
        ----------
        weights : sequence of array_like or None
            As for `matrix`.

        Returns
        -------
        (n, n) csr_array
            n = prod(input_shape), with sorted indices. Entries that cancel are not stored.

        Raises
        ------
        ValueError
            As for `matrix`.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> print(Network([Conv((3,), 2), Conv((2,), 1)]).gram([[1, 2], [1]]).toarray())
        [[1 2 0]
         [2 5 2]
         [0 2 4]]
        """
        matrix = self.matrix(weights)
        n, products = matrix.shape[1], int((np.diff(matrix.indptr).astype(np.int64) ** 2).sum())
        entries = min(products, n * n)
        require_memory(
            entries * (matrix.dtype.itemsize + index_dtype(n, n, entries).itemsize),
            f"the Gram matrix of {n} x {n} with up to {entries} entries",
            "multiply by .operator(weights) and its .H",
        )
        return _multiplied([matrix, matrix.conj().T.tocsr()])

    @property
    def T(self) -> "Network":
        """The transposed layers in reverse: with the weights in reverse, the matrix is this one's transposed."""
        return Network(_transposed(number, layer) for number, layer in reversed(list(enumerate(self.layers))))

    # -- memory -------------------------------------------------------------------------------------------------

    def _partial_patterns(self) -> Iterator[tuple[sparse.csr_array, ...]]:
        """The pattern of each axis through the first layer, through the first two, and so on."""
        through: list[sparse.csr_array] = []
        for number in range(len(self.layers)):
            here = [steps[number].taps.astype(bool) for steps in self.steps]
            pairs = enumerate(zip(here, through or here, strict=True))
            through = [_joined(axis, *pair) for axis, pair in pairs] if number else here
            yield tuple(through)

    def _require_memory(self, dtype: DTypeLike) -> None:
        """Raise an error early for a product that does not fit; each layer checks its own matrix."""
        itemsize, cols = np.dtype(dtype).itemsize, self.matrix_shape[1]
        if max(layer.matrix_shape[0] for layer in self.layers) * cols * (itemsize + 8) <= UNCHECKED:
            return  # even if no entry were zero
        for count, (layer, entries) in islice(enumerate(self._entry_bounds(), start=1), 1, None):
            rows = layer.matrix_shape[0]
            require_memory(
                entries * (itemsize + index_dtype(rows, cols, entries).itemsize),
                f"the product of the first {count} layers, {rows} x {cols} with up to {entries} entries,",
                "use .operator(weights), which applies one layer after the other, or .axis_patterns()",
            )

    def _entry_bounds(self) -> Iterator[tuple[NetworkLayer, int]]:
        """Each layer, and how many entries the product of all layers up to it has at most."""
        for layer, patterns, pairs in zip(
            self.layers, self._partial_patterns(), _channel_pairs(self.layers), strict=True
        ):
            yield layer, pairs * prod(pattern.nnz for pattern in patterns)


# -- patterns --------------------------------------------------------------------------------------------------------


def _joined(axis: int, later: sparse.csr_array, earlier: sparse.csr_array) -> sparse.csr_array:
    """The pattern of an axis through one more layer."""
    most = int(np.diff(earlier.indptr)[later.indices].sum())
    require_memory(
        most * (1 + earlier.indices.itemsize),
        f"the pattern of axis {axis}, {later.shape[0]} x {earlier.shape[1]} with up to {most} entries,",
        "take fewer layers or a smaller input, since away from the borders the pattern repeats",
    )
    return sparse.csr_array(later @ earlier)


def _channel_pairs(layers: Iterable[NetworkLayer]) -> Iterator[int]:
    """Numbers of pairs (output channel, input channel) connected by the first layer, by the first two, and so on."""
    # Groups are consecutive channels, so that what a channel reads through any number of layers is an interval.
    first = last = None
    for layer in layers:
        channels, outputs = layer.input_shape[0], layer.output_shape[0]
        if first is None or last is None:
            first = last = np.arange(channels)
        groups = layer.groups if isinstance(layer, WeightedLayer) else min(channels, outputs)
        group, width = np.repeat(np.arange(groups), outputs // groups), channels // groups
        first, last = first[group * width], last[group * width + width - 1]
        yield int((last - first + 1).sum())


# -- one layer -------------------------------------------------------------------------------------------------------


def _matrix(layer: NetworkLayer, weight: Any, dtype: np.dtype[Any] | None) -> sparse.csr_array:
    if isinstance(layer, FixedLayer):
        # Averages and interpolations are fractions, also among integers.
        return layer.matrix(None if dtype is None or dtype.kind in "iu" else dtype)
    return layer.matrix(weight, dtype=dtype or np.int64) if isinstance(layer, MaxPool) else layer.matrix(weight)


def _operator(layer: NetworkLayer, weight: Any, dtype: np.dtype[Any] | None) -> "LinearOperator":
    if isinstance(layer, FixedLayer):
        return layer.operator(None if dtype is None or dtype.kind in "iu" else dtype)
    if isinstance(layer, MaxPool):
        from scipy.sparse.linalg import aslinearoperator  # slow to import

        return aslinearoperator(layer.matrix(weight, dtype=dtype or np.int64))
    return layer.operator(weight)


def _pattern(layer: NetworkLayer) -> sparse.csr_array:
    if isinstance(layer, FixedLayer | MaxPool):
        return layer.pattern()
    return layer.matrix(np.ones(layer.weight_shape, dtype=bool))


def _transposed(number: int, layer: NetworkLayer) -> NetworkLayer:
    if isinstance(layer, MaxPool):
        raise ValueError(
            f"layer {number}, MaxPool, has no transpose: it is linear only at a given input; transpose the result of "
            ".matrix(weights)"
        )
    return layer.T


# -- the product -----------------------------------------------------------------------------------------------------


def _multiplied(matrices: Iterable[sparse.csr_array]) -> sparse.csr_array:
    """The product, the last matrix leftmost; integers are multiplied in 64 bits, and refused where these may not do."""
    product, dtype, bound = None, np.dtype(bool), 1
    for count, matrix in enumerate(matrices):
        dtype = np.result_type(dtype, matrix.dtype)
        if dtype.kind in "iu":
            # No entry exceeds the largest of the first matrix, times the largest sums of absolute values along a row.
            bound *= max(map(abs, _extremes(matrix))) * (int(np.diff(matrix.indptr).max()) if count else 1)
            if count:  # one matrix is no product
                _require_bound(bound)
                matrix = matrix.astype(np.int64, copy=False)
        product = matrix if product is None else sparse.csr_array(matrix @ _integers_widened(product))
    assert product is not None
    product.sort_indices()
    if dtype.kind not in "iu":
        return product
    for reached in _extremes(product):
        if not np.iinfo(dtype.str).min <= reached <= np.iinfo(dtype.str).max:
            raise SumOverflowError(
                f"entries of the product reach {reached}, but {dtype} ends at "
                f"{np.iinfo(dtype.str).max if reached > 0 else np.iinfo(dtype.str).min}: cast a weight with "
                ".astype('int64')"
            )
    return product.astype(dtype)


def _integers_widened(product: sparse.csr_array) -> sparse.csr_array:
    return product.astype(np.int64, copy=False) if product.dtype.kind in "iu" else product


def _require_bound(bound: int) -> None:
    most = np.iinfo(np.int64).max
    if bound > most:
        raise SumOverflowError(
            f"entries of the product may reach {bound:.2g}, but int64 ends at {most:.2g}: cast a weight with "
            ".astype('float64')"
        )


def _extremes(matrix: sparse.csr_array) -> tuple[int, int]:
    return (int(matrix.data.min()), int(matrix.data.max())) if matrix.nnz else (0, 0)


# -- checks ----------------------------------------------------------------------------------------------------------


def _each_checked(layers: Iterable[NetworkLayer]) -> Iterator[NetworkLayer]:
    """The layers, one by one: there may be no end to what is none."""
    try:
        entries = iter(layers)
        for number, layer in enumerate(entries):
            if not isinstance(layer, NetworkLayer):
                raise WrongTypeError(
                    f"layer {number} is {short(layer)}, of type {type(layer).__name__}, which is no layer"
                )
            yield layer
    except ValueError:
        raise
    except Exception as error:  # objects of any class
        raise WrongTypeError(f"{short(layers)} is no sequence of layers: it raises {type(error).__name__}") from error


def _check_chain(layers: Sequence[NetworkLayer]) -> None:
    if not layers:
        raise ValueError("a network needs at least one layer, got none")
    for number, (earlier, later) in enumerate(pairwise(layers), start=1):
        if earlier.output_shape != later.input_shape:
            raise ValueError(
                f"layers {number - 1} and {number} do not chain: layer {number - 1}, {type(earlier).__name__}, gives "
                f"{earlier.output_shape} (channels, *size) but layer {number}, {type(later).__name__}, takes "
                f"{later.input_shape}"
            )


def list_of_weights(weights: Any, layers: int) -> list[Any]:
    """The entries of a sequence with one for each layer.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    if len(weights) != layers:  # checked first, since a view of one number may have any length
        raise ValueError(
            f"Network has {pluralize(layers, 'layer')} but got {pluralize(len(weights), 'weight')}: give one entry for "
            "each, None for a layer without a weight"
        )
    return list(weights)


def _listed(weights: Any, layers: int) -> list[Any]:
    """The entries of weights, however they are held."""
    if isinstance(weights, list | tuple) or (isinstance(weights, np.ndarray) and weights.ndim):
        return list_of_weights(weights, layers)
    raise WrongTypeError(
        f"weights must be a list with one entry for each of {pluralize(layers, 'layer')}, got a "
        f"{type(weights).__name__}"
    )


def _checked_weights(layers: Sequence[NetworkLayer], weights: Weights) -> tuple[list[Any], np.dtype[Any] | None]:
    """The entries, with the weights as arrays of the one dtype that holds them all, and this dtype if there is one."""
    weights = _listed(weights, len(layers))
    for number, (layer, weight) in enumerate(zip(layers, weights, strict=True)):
        kind = type(layer).__name__
        if isinstance(layer, FixedLayer) and weight is not None:
            raise ValueError(f"layer {number}, {kind}, has no weight: give None, got shape {np.shape(weight)}")
        if isinstance(layer, WeightedLayer) and weight is None:
            raise ValueError(f"layer {number}, {kind}, needs a weight of shape {layer.weight_shape}, got None")
    arrays: dict[int, Any] = {
        n: np.asarray(weights[n]) for n, layer in enumerate(layers) if isinstance(layer, WeightedLayer)
    }
    if not arrays:
        return list(weights), None
    dtype = np.result_type(*(array.dtype for array in arrays.values()))
    return [arrays[n].astype(dtype) if n in arrays else weight for n, weight in enumerate(weights)], dtype
