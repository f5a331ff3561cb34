"""Singular values of a layer's matrix: the largest, the smallest, or all of them.

There are three methods, and each result names the one that was used and the reason. Where C is block-circulant, or
both the border and the kernel are symmetric, the Fourier transform splits it into one small block for each frequency,
and the values are exact. A small matrix gets a dense decomposition. Otherwise the extreme values come from Lanczos'
method.

A transposed layer has the singular values of the convolution that it transposes, so only convolutions are decomposed. A
stack of layers has no kernel for the Fourier transform; its matrix, or its operator, takes the two other ways.
Everything is computed in double precision, of integers and of single precision too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix.algebra.progress import Progress
from convmatrix.algebra.spectral.frequencies import Ring, ring_values, rings_of, why_not_diagonalizable
from convmatrix.algebra.spectral.lanczos import SUBSPACE, TallConv
from convmatrix.algebra.stack.arguments import Stack, dtype_of, each_weight, scaled_weights, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.core.errors import WrongTypeError, short
from convmatrix.core.memory import require_memory
from convmatrix.layers import Conv, ConvTranspose, WeightedLayer

__all__ = [
    "Checked",
    "Spectrum",
    "checked",
    "condition_number",
    "extreme_singular_values",
    "operator_norm",
    "singular_values",
]

Method = Literal["fft", "dense", "lanczos"]

_ALL = 2000**2
"""Most entries of a matrix that is decomposed by default for all values: some seconds."""

_EXTREME = 500**2
"""The same for the extreme values only: above it Lanczos' method is faster."""


# -- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular values, and how they were found.

    Parameters
    ----------
    values : (r,) ndarray of float64
        In descending order; read-only.
    method : {"fft", "dense", "lanczos"}
    reason : str
        Why this method and none before it, in one sentence.
    """

    values: NDArray[np.float64]
    method: Method
    reason: str


def singular_values(
    layer: Stack,
    weight: Weights | ArrayLike | None = None,
    *,
    method: Literal["fft", "dense"] | None = None,
    progress: Progress | None = None,
) -> Spectrum:
    """Compute all singular values of a layer's matrix, each as often as it occurs.

    If C is block-circulant (padding_mode circular, or no window reaches beyond the input; stride divides input_size;
    output_size == input_size / stride; on every axis), they are the values of one block for each frequency, of shape
    (out_channels, in_channels * prod(stride)), and C is never built. So it is with cosines for frequencies on an axis
    with padding_mode symmetric, stride 1, and a kernel that is its own mirror image. Else C is decomposed, if it is
    small.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer
        As `convmatrix.algebra.stack.arguments.with_weights` takes them.
    method : {"fft", "dense"}, optional
        To insist on one; "dense" then stops only where the memory does.
    progress : callable, optional
        Called with (done, total) frequencies.

    Returns
    -------
    Spectrum
        Of min(matrix_shape) values, right to some roundings of the largest.

    Raises
    ------
    ValueError
        If the weight is not the layer's, or not finite; if there is no such method, or the FFT is insisted on where C
        has no such blocks; if C is too large to be decomposed.

    References
    ----------
    .. [1] Sedghi, Gupta & Long, The Singular Values of Convolutional Layers, arXiv:1805.10408.

    Examples
    --------
    >>> ring = Conv((8,), 3, padding=1, padding_mode="circular")
    >>> found = singular_values(ring, [1, 0, -1])
    >>> found.method, found.values.round(3).tolist()
    ('fft', [2.0, 2.0, 1.414, 1.414, 1.414, 1.414, 0.0, 0.0])
    """
    _require_method(method, ("fft", "dense"))
    stack, weights = with_weights(layer, weight)
    problem = checked(stack, weights)
    rings = rings_of(problem.conv, problem.weight)
    if rings is not None and method != "dense" and isinstance(problem.conv, Conv):
        values = ring_values(problem.conv, problem.weight, rings, progress)
        return _spectrum(problem, values, "fft", _why_fft(rings))
    no_fft = _no_fft(problem, method)
    rows, cols = stack.matrix_shape
    if method != "dense" and rows * cols > _ALL:
        raise ValueError(
            f"a {rows} x {cols} matrix is too large to be decomposed by default ({no_fft}): use "
            'extreme_singular_values or operator_norm, which need no dense matrix, or do it with method="dense"'
        )
    return _spectrum(problem, _dense_values(problem), "dense", f"{no_fft}; dense decomposition of {rows} x {cols}")


class Checked(NamedTuple):
    """A convolution, and its weight in double precision, as numbers of about 1: the true one is `scale` times that.

    For several layers it is their network, with one entry for each layer, and the product of the layers' scales.
    """

    conv: Conv | Network
    weight: Any
    scale: float


def checked(layer: Stack, weight: Weights | ArrayLike | None = None) -> Checked:
    """Check weights, and find the convolution, or the network, that has a layer's singular values.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer

    Returns
    -------
    Checked

    Raises
    ------
    WrongTypeError
        If a weight is bool: a TypeError as well.
    ValueError
        If it is not the layer's, or not finite.

    Examples
    --------
    >>> checked(Conv((4,), 2), [3, 6])
    Checked(conv=Conv(input_size=(4,), kernel_size=(2,)), weight=array([[[0.75, 1.5 ]]]), scale=4.0)
    """
    stack, weights = with_weights(layer, weight)
    # Squares of very large or small weights would leave the range.
    weights, scale = scaled_weights(stack, each_weight(stack, weights, _doubled))
    return Checked(stack.T if isinstance(stack, ConvTranspose) else stack, weights, scale)


def _doubled(layer: WeightedLayer, weight: NDArray[Any]) -> NDArray[Any]:
    """A weight in double precision, in which integers are let off the check of their sums."""
    weight = layer.checked_weight(weight)
    if weight.dtype.kind == "b":
        raise WrongTypeError(
            "weight has dtype bool, whose matrix is a pattern without singular values: cast it with .astype('int64')"
        )
    return weight.astype(np.complex128 if weight.dtype.kind == "c" else np.float64)


def _require_method(method: str | None, choices: Sequence[str]) -> None:
    if method is not None and method not in choices:
        raise ValueError(f"method {short(method)} is not one of {', '.join(choices)}")


def _why_fft(rings: Sequence[Ring]) -> str:
    outputs, width = (" x ".join(str(getattr(ring, name)) for ring in rings) or "1" for name in ("outputs", "width"))
    cosines = [str(number) for number, ring in enumerate(rings) if ring.mirrored]
    if cosines:
        axes = f"ax{'e' if len(cosines) > 1 else 'i'}s {' and '.join(cosines)}"
        return (
            f"the border and the kernel are symmetric on {axes}, where the frequencies are cosines: a block for "
            f"each of {outputs} frequencies"
        )
    return f"C is block-circulant: {outputs} turns by {width} inputs each, and a block for each frequency"


def _no_fft(problem: Checked, method: Method | None) -> str:
    """Explain why the FFT is not used; raise an error if it was requested."""
    if method in ("dense", "lanczos"):
        return f"{method} was requested"
    reason = f"no FFT, since C is not block-circulant: {why_not_diagonalizable(problem.conv, problem.weight)}"
    if method == "fft":
        raise ValueError(f'{reason}; use method="dense" or None, or the layer with padding_mode "circular"')
    return reason


def _dense_values(problem: Checked) -> NDArray[np.float64]:
    rows, cols = problem.conv.matrix_shape
    require_memory(
        2 * rows * cols * dtype_of(problem.conv, problem.weight).itemsize,  # LAPACK works on a copy
        f"the decomposition of a dense {rows} x {cols} matrix",
        "use extreme_singular_values or operator_norm, or the layer on a smaller input",
    )
    dense = problem.conv.matrix(problem.weight).toarray()
    return np.asarray(np.linalg.svd(dense, compute_uv=False), dtype=np.float64)


def _spectrum(problem: Checked, values: NDArray[np.float64], method: Method, reason: str) -> Spectrum:
    values = np.sort(values * problem.scale)[::-1]
    values.flags.writeable = False
    return Spectrum(values, method, reason)


# -- the largest and the smallest ------------------------------------------------------------------------------------


def extreme_singular_values(
    layer: Stack,
    weight: Weights | ArrayLike | None = None,
    *,
    which: Literal["both", "largest", "smallest"] = "both",
    method: Method | None = None,
    progress: Progress | None = None,
) -> Spectrum:
    """Compute the largest and the smallest of the min(matrix_shape) singular values.

    The smallest is not one of a kernel: a matrix of fewer rows than columns sends inputs to zero however large its
    smallest singular value is. Without FFT, and for more than 500 x 500 entries, they come from Lanczos' method, to
    1e-6 of themselves: the largest from products with C^H C, without the matrix; the smallest from its inverse, by an
    elimination of some seconds at most, or else from products too, if it stands apart from its neighbours.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer
        As `convmatrix.algebra.stack.arguments.with_weights` takes them.
    which : {"both", "largest", "smallest"}
    method : {"fft", "dense", "lanczos"}, optional
        To insist on one; where there are hardly more than 40 rows or columns, Lanczos' method is a dense decomposition.
    progress : callable, optional
        Called with (done, total) products of Lanczos' method; total is a limit that is seldom reached.

    Returns
    -------
    Spectrum
        Of two values or one; the largest first. A smallest value of less than max(matrix_shape) * 2.2e-16 of the
        largest may as well be 0. Lanczos' method gives one below 1e-12 of the largest as 0, and says so.

    Raises
    ------
    ValueError
        As for `singular_values`; also a numpy.linalg.LinAlgError where Lanczos' method does not get there.

    Examples
    --------
    >>> found = extreme_singular_values(Conv(100, 3, padding="same"), [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    >>> found.method, found.values.round(6).tolist()  # 8 * cos(pi/202)**2 and 8 * sin(pi/202)**2
    ('lanczos', [7.998065, 0.001935])
    """
    _require_method(method, ("fft", "dense", "lanczos"))
    if which not in ("both", "largest", "smallest"):
        raise ValueError(f"which={short(which)} is not one of both, largest, smallest")
    stack, weights = with_weights(layer, weight)
    problem = checked(stack, weights)
    rings = rings_of(problem.conv, problem.weight)
    if rings is not None and method in (None, "fft") and isinstance(problem.conv, Conv):
        values = ring_values(problem.conv, problem.weight, rings, progress)
        return _spectrum(problem, _ends(values, which), "fft", _why_fft(rings))
    no_fft = _no_fft(problem, method)
    rows, cols = stack.matrix_shape
    if method == "dense" or (method is None and rows * cols <= _EXTREME):
        return _spectrum(
            problem, _ends(_dense_values(problem), which), "dense", f"{no_fft}; dense decomposition of {rows} x {cols}"
        )
    if min(rows, cols) <= SUBSPACE + 1:
        few = f"{no_fft}; dense decomposition of {rows} x {cols}, as Lanczos' method would keep {SUBSPACE} vectors"
        return _spectrum(problem, _ends(_dense_values(problem), which), "dense", few)
    values, reason = _by_lanczos(TallConv(problem.conv, problem.weight, problem.scale, progress), which)
    return _spectrum(problem, values, "lanczos", f"{no_fft}; {rows} x {cols}: {reason}")


def _ends(values: NDArray[np.float64], which: str) -> NDArray[np.float64]:
    """The values that are wanted, the largest first."""
    ends = {"largest": [values.max()], "smallest": [values.min()], "both": [values.max(), values.min()]}
    return np.array(ends[which])


def _by_lanczos(tall: TallConv, which: str) -> tuple[NDArray[np.float64], str]:
    largest = tall.largest()
    if which == "largest":
        return np.array([largest.value]), largest.reason
    smallest = tall.smallest(largest.value)
    values = np.array([largest.value, min(smallest.value, largest.value)])
    return _ends(values, which), f"{largest.reason}; {smallest.reason}"


# -- one number ------------------------------------------------------------------------------------------------------


def operator_norm(
    layer: Stack,
    weight: Weights | ArrayLike | None = None,
    *,
    method: Method | None = None,
    progress: Progress | None = None,
) -> float:
    """Compute how much a layer stretches an input at most: the largest singular value, ``max |C x| / |x|``.

    Parameters
    ----------
    layer, weight, method, progress
        As for `extreme_singular_values`, which also says how the value was found.

    Returns
    -------
    float
        The largest singular value.

    Raises
    ------
    ValueError
        As for `extreme_singular_values`.

    Examples
    --------
    >>> [round(operator_norm(Conv(8, 3, padding=p), [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]), 3) for p in (0, 1)]
    [7.054, 7.291]
    """
    spectrum = extreme_singular_values(layer, weight, which="largest", method=method, progress=progress)
    return float(spectrum.values[0])


def condition_number(
    layer: Stack,
    weight: Weights | ArrayLike | None = None,
    *,
    method: Method | None = None,
    progress: Progress | None = None,
) -> float:
    """Compute how much a solution of C x = y may suffer from errors: largest by smallest singular value.

    Of the min(matrix_shape) values: where C has fewer rows than columns, it is the condition of the solution of least
    norm; where more, of the least-squares solution.

    Parameters
    ----------
    layer, weight, method, progress
        As for `extreme_singular_values`, which also says how the values were found.

    Returns
    -------
    float
        inf where the smallest value is below max(matrix_shape) * 2.2e-16 of the largest, or Lanczos' method gives it
        as 0: it may be 0 then.

    Raises
    ------
    ValueError
        As for `extreme_singular_values`.

    Examples
    --------
    >>> [round(condition_number(Conv(n, 3, padding="same"), np.ones((3, 3))), 1) for n in (4, 5)]
    [47.0, inf]
    """
    stack, weights = with_weights(layer, weight)
    spectrum = extreme_singular_values(stack, weights, method=method, progress=progress)
    largest, smallest = spectrum.values.tolist()
    if smallest <= max(stack.matrix_shape) * float(np.finfo(np.float64).eps) * largest:
        return float("inf")
    return float(largest / smallest)
