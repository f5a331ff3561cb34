"""A layer or a stack of layers, with its weights: the arguments that the functions of this package take.

A stack is a `Network`, a list or tuple of layers or of what ``from_layer`` returns, or the chain that a framework's
``from_model`` returns; the last two know their weights. A stack of one convolution is that convolution, so that
results for single layers apply to it too.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from convmatrix.algebra.stack.network import Network, list_of_weights
from convmatrix.core.errors import WrongTypeError, pluralize, short
from convmatrix.core.memory import require_memory
from convmatrix.core.numbers import require_finite, scaled
from convmatrix.layers import FixedLayer, MaxPool, NetworkLayer, WeightedLayer
from convmatrix.layers.arguments import array_of, cast_for
from convmatrix.layers.convolution import Layer

__all__ = [
    "ConvOrNetwork",
    "Stack",
    "Weighted",
    "as_matrix",
    "as_network",
    "dtype_of",
    "each_weight",
    "known_weights",
    "most_entries",
    "one_layer",
    "require_input",
    "scaled_weights",
    "simplest",
    "with_optional_weights",
    "with_weights",
]

Array = NDArray[Any]
Stack = Network | NetworkLayer | Sequence[NetworkLayer]
"""A layer, or several of them, each taking what the one before it gives."""

ConvOrNetwork = Layer | Network
"""One convolution as itself, any other stack as a network."""

Weighted = tuple[ConvOrNetwork, Any]
"""One convolution and its weight, or a network and a list with one entry for each layer."""


# -- layers ----------------------------------------------------------------------------------------------------------


def as_network(layers: Stack) -> Network:
    """Take a layer, or several of them, as a network.

    Parameters
    ----------
    layers : Network, layer, or sequence of layers

    Returns
    -------
    Network

    Raises
    ------
    WrongTypeError
        If it is none of these; also a TypeError. Layers that do not follow each other are a ValueError.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> as_network([Conv((4,), 2), Conv((3,), 2)]).matrix_shape
    (2, 4)
    """
    if isinstance(layers, Network):
        return layers
    if isinstance(layers, NetworkLayer):
        return Network([layers])
    single = _loaded_layer(layers)
    if single is not None:
        return Network([single])
    if isinstance(layers, list | tuple):
        return Network([layer if (layer := _loaded_layer(entry)) is not None else entry for entry in layers])
    raise WrongTypeError(
        f"layer must be a layer, a Network, or a list of layers, got {_described(layers)}: read a framework's model by "
        "its from_model first"
    )


def with_weights(layers: Stack, weights: Any = None) -> Weighted:
    """Take a stack and its weights apart, as far as one convolution, if it is one.

    Parameters
    ----------
    layers : Network, layer, or sequence of layers
    weights : array_like, or sequence of array_like and None, optional
        Of one layer its weight; of a stack one entry for each layer. Not needed where the layers have their weights,
        as from ``from_model`` and ``from_layer``, or need none.

    Returns
    -------
    Conv, ConvTranspose or Network
    array_like or list
        The weight of the convolution, or one entry for each layer of the network.

    Raises
    ------
    ValueError
        If a layer is without its weight, or a `MaxPool` without its input.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> with_weights(Network([Conv((4,), 2)]), [[1, 2]])
    (Conv(input_size=(4,), kernel_size=(2,)), [1, 2])
    """
    network = as_network(layers)
    entries = _entries(layers, network, weights)
    for number, (layer, weight) in enumerate(zip(network.layers, entries, strict=True)):
        _require_entry(number, layer, weight, alone=len(entries) == 1)
    stack = simplest(network)
    return stack, entries if isinstance(stack, Network) else entries[0]


def with_optional_weights(layers: Stack, weights: Any = None) -> tuple[ConvOrNetwork, Any]:
    """Take a stack and its weights apart, where the weights may be missing: then None stands for all of them.

    Parameters
    ----------
    layers : Network, layer, or sequence of layers
    weights : array_like, or sequence of array_like and None, optional

    Returns
    -------
    Conv, ConvTranspose or Network
    array_like, list, or None
    """
    network = as_network(layers)
    needed = any(isinstance(layer, WeightedLayer) for layer in network.layers)
    if not needed or weights is not None or known_weights(layers) is not None:
        return with_weights(layers, weights)
    return simplest(network), None


def simplest(layers: Stack) -> ConvOrNetwork:
    """Return one convolution as itself, any other stack as a network.

    Returns
    -------
    Conv, ConvTranspose or Network
    """
    network = as_network(layers)
    first = network.layers[0]
    return first if len(network.layers) == 1 and isinstance(first, Layer) else network


def known_weights(layers: Any) -> Any:
    """The weights, or the weight, that come with layers which a framework's model was read as; None without."""
    if _loaded_layer(layers) is not None:
        return layers.weight
    if isinstance(layers, list | tuple) and any(_loaded_layer(entry) is not None for entry in layers):
        return [known_weights(entry) for entry in layers]
    return getattr(layers, "weights", None) if isinstance(layers, list) else None


def one_layer(layers: Stack, what: str) -> Layer:
    """Take a stack of one convolution as that layer, and raise an error for all others.

    Parameters
    ----------
    layers : Network, layer, or sequence of layers
    what : str
        The result that needs one layer, as the beginning of a sentence.

    Returns
    -------
    Conv or ConvTranspose

    Raises
    ------
    WrongTypeError
        If there are several layers, or one without a weight; also a TypeError.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> one_layer([Conv((4,), 2)], "a dual matrix")
    Conv(input_size=(4,), kernel_size=(2,))
    """
    stack = simplest(layers)
    if not isinstance(stack, Network):
        return stack
    count = len(stack.layers)
    description = f"a Network of {count} layers" if count > 1 else f"a {type(stack.layers[0]).__name__}"
    raise WrongTypeError(
        f"{what} needs one Conv or ConvTranspose, got {description}: take one layer of it, or the matrix of "
        "Network.matrix(weights)"
    )


def require_input(number: int | None, layer: NetworkLayer, x: Any) -> None:
    """Raise an error for a `MaxPool` without an input: it has no matrix then."""
    if isinstance(layer, MaxPool) and x is None:
        which = "MaxPool" if number is None else f"layer {number} of the Network, MaxPool,"
        raise ValueError(
            f"{which} has no matrix of its own, since it is linear only at a given input: give the input that it takes "
            "as its weight, or leave it out"
        )


def _loaded_layer(loaded: Any) -> NetworkLayer | None:
    """The layer of what ``from_layer`` returns, a tuple of a layer, its weight and its bias."""
    layer = getattr(loaded, "layer", None) if isinstance(loaded, tuple) and hasattr(loaded, "weight") else None
    return layer if isinstance(layer, NetworkLayer) else None


def _entries(layers: Any, network: Network, weights: Any) -> list[Any]:
    """One entry for each layer, or as many as there are."""
    single = not isinstance(layers, Network | list | tuple) or _loaded_layer(layers) is not None
    if single:
        return [known_weights(layers) if weights is None else weights]
    if weights is None:
        weights = known_weights(layers)
    if weights is None:
        return [None] * len(network.layers)
    if isinstance(weights, list | tuple) or (isinstance(weights, np.ndarray) and weights.ndim):
        return list_of_weights(weights, len(network.layers))
    raise WrongTypeError(
        f"weights of a Network of {pluralize(len(network.layers), 'layer')} must be a list with one entry for "
        "each, got "
        f"{_described(weights)}"
    )


def _require_entry(number: int, layer: NetworkLayer, weight: Any, *, alone: bool) -> None:
    require_input(None if alone else number, layer, weight)
    kind = type(layer).__name__
    which = kind if alone else f"layer {number} of the Network, {kind},"
    if isinstance(layer, WeightedLayer) and weight is None:
        raise ValueError(f"{which} needs a weight of shape {layer.weight_shape}, got None")
    if isinstance(layer, FixedLayer) and weight is not None:
        raise ValueError(f"{which} has no weight: give None, got shape {np.shape(weight)}")


def _described(value: Any) -> str:
    plain = value is None or (isinstance(value, int | float | str) and len(repr(value)) < 40)
    return repr(value) if plain else f"a {type(value).__name__}"


# -- weights ---------------------------------------------------------------------------------------------------------


def each_weight(layer: ConvOrNetwork, weight: Any, change: Callable[[WeightedLayer, Array], Array]) -> Any:
    """Change the weight of a layer, or the weights of a network; other entries of a network stay as they are.

    Returns
    -------
    ndarray or list
    """
    if not isinstance(layer, Network):
        return change(layer, array_of("weight", weight))
    pairs = zip(layer.layers, weight, strict=True)
    return [change(one, array_of("weight", entry)) if isinstance(one, WeightedLayer) else entry for one, entry in pairs]


def dtype_of(layer: ConvOrNetwork, weight: Any) -> np.dtype[Any]:
    """The dtype in which a layer, or a network, computes with floating weights; at least double precision."""
    if not isinstance(layer, Network):
        return np.result_type(np.asarray(weight), np.float64)
    arrays = [entry for one, entry in zip(layer.layers, weight, strict=True) if isinstance(one, WeightedLayer)]
    return np.result_type(np.float64, *(np.asarray(entry).dtype for entry in arrays))


def scaled_weights(layer: ConvOrNetwork, weight: Any) -> tuple[Any, float]:
    """Check weights for what is not finite, and divide floats by powers of two, so that they are of about 1.

    Returns
    -------
    ndarray or list
        Of the layers' shapes. Integers stay as they are.
    float
        The product of all that was divided by; inf where a float cannot hold it.
    """
    scales = [1.0]

    def change(one: WeightedLayer, entry: Array) -> Array:
        numbers, scale = scaled(one.checked_weight(entry))
        require_finite("weight", entry)  # the error names places of the user's array
        scales[0] *= scale
        return numbers

    changed = each_weight(layer, weight, change)
    return changed, scales[0]


def most_entries(layer: ConvOrNetwork) -> int:
    """Entries of the matrix; of a network, at most."""
    return layer.most_entries if isinstance(layer, Network) else layer.nnz


# -- matrices --------------------------------------------------------------------------------------------------------


def as_matrix(matrix: Any) -> sparse.csr_array:
    """Take a matrix as a `csr_array` with one entry in each place, whatever form it is given in.

    Parameters
    ----------
    matrix : sparse array, dense array_like, or what ``from_model`` returns
        A stack of layers that knows its weights stands for its matrix.

    Returns
    -------
    csr_array
        The matrix itself, if it is one already.

    Raises
    ------
    WrongTypeError
        If it is no matrix, or of a dtype that scipy.sparse cannot hold; also a TypeError.

    Examples
    --------
    >>> as_matrix([[1, 0], [2, 3]]).indices
    array([0, 0, 1], dtype=int32)
    """
    if isinstance(matrix, sparse.csr_array) and matrix.ndim == 2 and matrix.has_canonical_format:
        return matrix
    if sparse.issparse(matrix):
        return _canonical(matrix)
    if isinstance(matrix, Network | NetworkLayer) or _holds_layers(matrix):
        return _matrix_of_stack(matrix)
    try:
        dense = array_of("matrix", matrix)
    except WrongTypeError:
        dense = np.asarray(None)  # rows of different lengths
    if dense.ndim != 2 or cast_for(dense.dtype) is not None:
        raise WrongTypeError(
            f"matrix must be a csr_array, got {_described(matrix)}"
            + (f" of shape {dense.shape} and dtype {dense.dtype}" if isinstance(matrix, np.ndarray) else "")
            + ": give layer.matrix(weight), or wrap it in scipy.sparse.csr_array"
        )
    # An array that repeats one entry has its shape for nothing, and every place of it is looked at.
    require_memory(dense.size * dense.itemsize, f"the dense matrix of shape {dense.shape}", "give a csr_array")
    return sparse.csr_array(dense)


def _holds_layers(value: Any) -> bool:
    if _loaded_layer(value) is not None:
        return True
    if not (isinstance(value, list | tuple) and value):
        return False
    return isinstance(value[0], NetworkLayer) or _loaded_layer(value[0]) is not None


def _matrix_of_stack(stack: Any) -> sparse.csr_array:
    layer, weight = with_optional_weights(stack)
    if weight is None:
        what = f"a Network of {pluralize(len(layer.layers), 'layer')}" if isinstance(layer, Network) else repr(layer)
        raise WrongTypeError(f"a matrix is needed, got {what} without its weight: give its matrix(weight)")
    return layer.matrix(weight)


def _canonical(matrix: Any) -> sparse.csr_array:
    if matrix.ndim != 2:
        raise WrongTypeError(f"matrix must have two axes, got a {type(matrix).__name__} of shape {matrix.shape}")
    if cast_for(matrix.dtype) is not None:
        raise WrongTypeError(
            f"matrix has dtype {matrix.dtype}, which nothing is computed in: cast it with "
            f".astype({short(cast_for(matrix.dtype))})"
        )
    if matrix.format == "csr":
        copied = sparse.csr_array(matrix, copy=True)
        copied.sum_duplicates()
        return copied
    return sparse.csr_array(matrix)
