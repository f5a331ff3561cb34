"""Rank and Gram matrices of one layer, and whether its transpose is its inverse, for a given or generic weight."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.algebra.elimination.ranks import PRIMES, Rank, rank
from convmatrix.algebra.findings import Check, gram_is_identity, product_names
from convmatrix.algebra.progress import Progress
from convmatrix.algebra.stack.arguments import Stack, as_network, scaled_weights, with_optional_weights, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.algebra.stack.smaller import shortened
from convmatrix.core.fast.weights import extended_weight
from convmatrix.core.memory import require_memory
from convmatrix.core.numbers import require_finite, scaled
from convmatrix.core.pattern import pattern_of
from convmatrix.layers import Conv, ConvTranspose, WeightedLayer
from convmatrix.layers.arguments import check_kind, flag, positive
from convmatrix.layers.convolution import Layer

__all__ = ["RANK_LIMIT", "Verdict", "generic_weight", "inverse_findings", "verdict"]

RANK_LIMIT = 2000
"""Most rows and columns for which a rank is computed by default."""

_ENTRIES = 5 * 10**6
"""Most entries of a matrix, and of any array, that a finding takes by default: a fraction of a second."""

_PRODUCTS = 2 * 10**7
"""Most multiplications for which a whole Gram matrix is computed by default."""

_WEIGHTS = 2 * 10**7
"""Most numbers that are drawn as a generic weight by default."""


@dataclass(frozen=True)
class Verdict:
    """Results for a layer's matrix M and its transpose.

    Parameters
    ----------
    rank : Rank or None
        None where the matrix is too large to compute it by default.
    gram, cogram : Check or None
        The findings ``M^H M = I`` and ``M M^H = I``, for inputs of any size; None where even on the shortest input
        with the same borders the products are too many, and their diagonals have ones only or are too large as well.
    generic : bool
        Whether they belong to a drawn weight, since none was given.
    """

    rank: Rank | None
    gram: Check | None
    cogram: Check | None
    generic: bool


def generic_weight(layer: Stack, *, largest: int = 9) -> Any:
    """Draw integers from 1 to `largest` as a weight, always the same for the same layer.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    largest : int, default 9

    Returns
    -------
    weight_shape ndarray of int64
        Of several layers, a list with one entry for each, None for a layer without a weight.

    Raises
    ------
    TooLargeError
        If the weight does not fit in the available memory.

    Examples
    --------
    >>> generic_weight(Conv((3,), 3))
    array([[[8, 6, 5]]])
    """
    network, largest = as_network(layer), positive("largest", largest)
    rng = np.random.default_rng(0)
    drawn = [_drawn(one, largest, rng) if isinstance(one, WeightedLayer) else None for one in network.layers]
    return drawn[0] if len(drawn) == 1 else drawn


def _drawn(layer: WeightedLayer, largest: int, rng: np.random.Generator) -> NDArray[np.int64]:
    require_memory(8 * prod(layer.weight_shape), f"a generic weight of shape {layer.weight_shape}", "give a weight")
    return rng.integers(1, largest + 1, size=layer.weight_shape)


def verdict(
    layer: Stack,
    weight: Weights | ArrayLike | None = None,
    *,
    any_size: bool = False,
    progress: Progress | None = None,
) -> Verdict:
    """Find the rank of a layer's matrix, and whether its transpose is its inverse on either side.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer, optional
        By default the weights that the layers have, or a generic weight: integers below a large prime for
        the rank, which is computed modulo that prime, and integers from 1 to 9 for the products. For several layers
        the integers are as large as their product allows.
    any_size : bool
        Compute the rank however large the matrix is.
    progress : callable, optional
        Called with (done, total) while the rank is computed; raising in it ends the work.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> found = verdict(Conv(4, 3))
    >>> found.rank.value, found.gram.holds, found.generic
    (4, False, True)
    """
    stack, weights = with_optional_weights(layer, weight)
    any_size = flag("any_size", any_size)
    if isinstance(stack, Network):
        return _verdict_of_stack(stack, weights, any_size, progress)
    return _verdict_of_layer(stack, weights, any_size, progress)


def _verdict_of_layer(layer: Layer, weight: ArrayLike | None, any_size: bool, progress: Progress | None) -> Verdict:
    conv = layer.convolution
    if weight is None and not any_size and prod(conv.weight_shape) > _WEIGHTS:
        return Verdict(None, None, None, generic=True)
    weight_values = layer.checked_weight(generic_weight(layer) if weight is None else weight)
    require_finite("weight", weight_values)
    matrix_rank = None
    if any_size or max(layer.matrix_shape) <= RANK_LIMIT:
        # A larger range than the weight's makes an accidental zero of a minor improbable.
        drawn = generic_weight(layer, largest=PRIMES[0] - 1) if weight is None else weight_values
        matrix_rank = rank(layer.matrix(drawn), limit=None, progress=progress)
    return Verdict(matrix_rank, *inverse_findings(layer, weight_values), generic=weight is None)


def inverse_findings(layer: Layer, weight: ArrayLike) -> tuple[Check | None, Check | None]:
    """Check whether the transpose of a layer's matrix M is its inverse on the left, and on the right.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like

    Returns
    -------
    tuple of Check or None
        The findings ``M^H M = I`` and ``M M^H = I``, as in `Verdict`, without the rank.

    Examples
    --------
    >>> left, right = inverse_findings(Conv(4, 3), [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    >>> left.name, left.measured, left.where
    ('C^T C = I', 205, (10, 10))
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    conv, values = layer.convolution, layer.checked_weight(weight)
    require_finite("weight", values)
    gram, cogram = _findings(conv, values)
    return (gram, cogram) if conv is layer else (cogram, gram)


def _verdict_of_stack(network: Network, weights: Any, any_size: bool, progress: Progress | None) -> Verdict:
    """The same of several layers, or of one without a weight; their matrix is built if it is not too large."""
    generic = weights is None
    ranked = any_size or max(network.matrix_shape) <= RANK_LIMIT
    if not ranked and max(network.most_entries, *network.matrix_shape) > _ENTRIES:
        return Verdict(None, None, None, generic)
    if generic:
        _, weights = with_weights(network, _generic_weights(network, 9))
    else:
        scaled_weights(network, weights)  # which refuses what is not finite
    matrix = network.matrix(weights)
    matrix_rank = None
    if ranked:
        wide = network.matrix(_generic_weights(network, max(_largest_generic(network), 9))) if generic else matrix
        matrix_rank = rank(wide, limit=None, progress=progress)
    gram, cogram = _products(matrix, product_names(matrix.dtype)) or (None, None)
    return Verdict(matrix_rank, gram, cogram, generic)


def _generic_weights(network: Network, largest: int) -> list[Any]:
    """Drawn weights, of integers, or of floats where products of integers would not fit in 64 bits."""
    fits = largest <= _largest_generic(network)
    drawn = generic_weight(network, largest=largest)
    return [entry if fits or entry is None else entry.astype(np.float64) for entry in drawn]


def _largest_generic(network: Network) -> int:
    """The largest integers whose products certainly add up within 64 bits; 0 where there are none."""
    sums, count = 1, 0
    for number, layer in enumerate(network.layers):
        # As the product bounds itself: the taps that meet on one input, in one row, times the inputs of another.
        for taps in (steps[number].taps for steps in network.steps):
            sums *= int(taps.data.max(initial=1)) * max(int(np.diff(taps.indptr).max(initial=1)), 1)
        if isinstance(layer, WeightedLayer):
            sums, count = sums * (layer.in_channels // layer.groups), count + 1
    most = int((2**62 / sums) ** (1 / count) * 0.999)
    return min(most, PRIMES[0] - 1)


def _findings(conv: Conv, weight: NDArray[Any]) -> tuple[Check | None, Check | None]:
    """Check whether C^H C and C C^H are the identity, on a shorter input on which all their entries occur."""
    short = shortened(conv)
    names = product_names(weight.dtype)
    # Where the border copies inputs, the sets of taps that meet are made one by one.
    most = _ENTRIES if conv.padding_mode == "zeros" else _ENTRIES // 10
    if any(max(axis.output_size, axis.input_size) * axis.kernel_size > most for axis in short.short.axes):
        return None, None
    checks = _by_products(short.short, weight, names) or _by_diagonals(short.short, weight, names)
    return _placed(checks[0], short.inputs), _placed(checks[1], short.outputs)


def _placed(check: Check | None, in_whole: Callable[[tuple[int, int]], tuple[int, int]]) -> Check | None:
    """The finding on the short layer, with its place on the whole one."""
    if check is None or check.where is None:
        return check
    row, column = check.where
    return replace(check, where=in_whole((row, column)))


def _by_products(conv: Conv, weight: NDArray[Any], names: tuple[str, str]) -> tuple[Check, Check] | None:
    """Both products, or None where they are too large."""
    if max(conv.nnz, *conv.matrix_shape) > _ENTRIES:
        return None
    return _products(conv.matrix(weight), names)


def _products(matrix: sparse.csr_array, names: tuple[str, str]) -> tuple[Check, Check] | None:
    sides = matrix, sparse.csr_array(matrix.conj().T)
    counts = [np.diff(side.indptr).astype(float) for side in sides]
    if max(count @ count for count in counts) > _PRODUCTS:
        return None
    return gram_is_identity(sides[0], name=names[0]), gram_is_identity(sides[1], name=names[1])


def _by_diagonals(conv: Conv, weight: NDArray[Any], names: tuple[str, str]) -> tuple[Check | None, Check | None]:
    """The findings from the diagonals of both products, only negative ones: None for ones or if too large."""
    terms = max(conv.matrix_shape)
    if terms > _ENTRIES:
        return None, None
    weight, scale = scaled(weight, down=True)  # a large float may have no square
    patterns = [pattern_of(axis) for axis in conv.axes]
    squares = _squares(extended_weight(weight, patterns), terms)
    by_group = squares.reshape(conv.groups, -1, *squares.shape[1:])
    by_input = by_group.sum(axis=1).reshape(conv.in_channels, *squares.shape[2:])
    by_output = squares.sum(axis=1)
    for pattern in patterns:  # contracts the first axis that is left, and puts its places last
        by_row, by_col = pattern.symbol_counts()
        by_input = np.tensordot(by_input, by_col, axes=(1, 1))
        by_output = np.tensordot(by_output, by_row, axes=(1, 1))
    return (
        _diagonal(by_input.ravel(), names[0], terms, scale),
        _diagonal(by_output.ravel(), names[1], terms, scale),
    )


def _diagonal(squares: NDArray[Any], name: str, terms: int, scale: float) -> Check | None:
    """The finding from the diagonal of a product, sums of at most `terms` squares; None where it has ones only."""
    one = squares.dtype.type(1 / scale / scale)
    worst = int(np.argmax(np.abs(squares - one)))
    measured = abs(squares[worst] - one).item()
    if scale > 1:
        measured = measured * scale * scale  # infinite where a float cannot hold it
    bound = 0.0 if squares.dtype.kind == "i" else float(np.finfo(squares.dtype).eps) * terms
    if measured <= bound:
        return None
    return Check(f"{name} on the diagonal", "finding", False, measured, bound, (worst, worst))


def _squares(weight: NDArray[Any], terms: int) -> NDArray[Any]:
    """Squared absolute values; of integers as integers, where `terms` of them add up within 64 bits."""
    if weight.dtype.kind not in "biu":
        return np.asarray(np.abs(weight) ** 2)
    largest = max(abs(int(weight.max())), abs(int(weight.min())))
    fits = largest**2 * terms <= np.iinfo(np.int64).max
    return np.asarray(weight.astype(np.int64 if fits else np.float64) ** 2)
