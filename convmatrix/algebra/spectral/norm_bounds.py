"""The operator norm of a layer, and three numbers that are used in its place."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from convmatrix.algebra.progress import Progress
from convmatrix.algebra.spectral.frequencies import ring_values, rings_of, stays_inside
from convmatrix.algebra.spectral.spectrum import Checked, checked, extreme_singular_values, operator_norm
from convmatrix.algebra.stack.arguments import Stack, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.core.errors import TooLargeError, pluralize
from convmatrix.layers import Conv, ConvTranspose, Layer

__all__ = ["Estimate", "Norms", "norm_bound", "norms"]


def norm_bound(layer: Stack, weight: Weights | ArrayLike | None = None, *, progress: Progress | None = None) -> float:
    """Compute an upper bound of the operator norm by the FFT: the norm of a block-circulant matrix that contains C.

    Let n be the input size, with the zeros that input_dilation inserts. Windows that touch the input begin at one of
    n + dilation*(kernel_size-1) positions, so on a ring of as many entries, the input followed by zeros, they all
    begin at different places and meet no input twice. Output o is thus entry o*stride - before of a circular
    convolution of stride 1, or 0. So but for rows of zeros C is a part of that one's matrix: some rows (padding, crop,
    stride) of some columns (input, input_dilation), for any channels and groups, and a part has no larger norm. Where
    a border mode copies inputs C is no such part, and its norm may be larger. The bound of a stack is the product of
    its layers' bounds, of layers without a weight their norms.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer
        As `convmatrix.algebra.stack.arguments.with_weights` takes them.
    progress : callable, optional
        Called with (done, total) frequencies.

    Returns
    -------
    float
        The operator norm, or more.

    Raises
    ------
    ValueError
        As for `singular_values`; and if a window reaches beyond the input where the padding mode is not zeros.

    Examples
    --------
    >>> round(norm_bound(Conv(8, 3, padding=1), [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]), 3)
    7.608
    """
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _bound_of_stack(stack, weights, progress)
    problem = checked(stack, weights)
    assert isinstance(problem.conv, Conv)
    reason = _no_bound(problem.conv)
    if reason is not None:
        raise ValueError(reason)
    return _ring_norm(problem, _grid(problem.conv), (1,) * problem.conv.ndim, progress)


def _bound_of_stack(network: Network, weights: Sequence[Any], progress: Progress | None) -> float:
    """The product of the layers' bounds, since no product of matrices stretches an input by more."""
    bound = 1.0
    for number, (layer, weight) in enumerate(zip(network.layers, weights, strict=True)):
        try:
            if isinstance(layer, Layer):
                bound *= norm_bound(layer, weight, progress=progress)
            else:
                bound *= operator_norm(layer, weight, progress=progress)
        except ValueError as error:
            raise type(error)(f"layer {number} of the Network, {type(layer).__name__}: {error}") from error
    return bound


def _no_bound(conv: Conv) -> str | None:
    """Explain why the FFT bound does not hold."""
    if conv.padding_mode == "zeros" or all(map(stays_inside, conv.axes)):
        return None
    return (
        f"padding_mode {conv.padding_mode!r} reads inputs again beyond the border, so C is no part of the "
        "circulant on the larger grid, and its norm may exceed that: use operator_norm"
    )


def _no_circular(conv: Conv) -> str | None:
    """Explain why there is no circular layer to compare with."""
    for number, axis in enumerate(conv.axes):
        if axis.input_dilation > 1:
            return f"input_dilation {axis.input_dilation} on axis {number} has no circular layer"
        if axis.input_size % axis.stride:
            return f"stride {axis.stride} does not divide input_size {axis.input_size} on axis {number}"
    return None


def _grid(conv: Conv) -> tuple[int, ...]:
    return tuple(axis.dilated_size + axis.span - 1 for axis in conv.axes)


def _ring_norm(problem: Checked, size: Sequence[int], stride: Sequence[int], progress: Progress | None) -> float:
    """Operator norm of the circular convolution with the same kernel on an input of another size."""
    conv = problem.conv
    assert isinstance(conv, Conv)
    ring = Conv(
        size,
        conv.kernel_size,
        stride=stride,
        padding="causal",
        dilation=conv.dilation,
        groups=conv.groups,
        in_channels=conv.in_channels,
        out_channels=conv.out_channels,
        padding_mode="circular",
    )
    # It goes around by construction.
    values = ring_values(ring, problem.weight, rings_of(ring) or (), progress)
    return float(values.max()) * problem.scale


class Estimate(NamedTuple):
    """A number that stands for an operator norm.

    `error` is its relative error, negative where it is too small; `reason` describes the number, or why there is none.
    """

    value: float | None
    error: float | None
    reason: str


class Norms(NamedTuple):
    """The operator norm of a layer, and three numbers that are used in its place."""

    operator: Estimate
    reshaped: Estimate
    circular: Estimate
    fft_bound: Estimate

    def __str__(self) -> str:
        lines = []
        for name, (value, error, reason) in zip(self._fields, self, strict=True):
            number, percent = "-" if value is None else f"{value:.4g}", "" if error is None else f"{error:+.1%}"
            lines.append(f"{name.replace('_', ' '):<10}{number:>10}{percent:>9}  {reason}")
        return "\n".join(lines)


def norms(layer: Stack, weight: Weights | ArrayLike | None = None, *, progress: Progress | None = None) -> Norms:
    """Compute the operator norm of a layer beside three numbers that are taken for it, with their errors.

    The norm of the kernel reshaped to (out_channels, in_channels//groups * prod(kernel_size)) knows nothing of the
    windows' overlap. The circular norm is the norm of the layer with a circular border. Neither is a bound in general.
    The FFT bound is one, see `norm_bound`. A stack of layers has no kernel to be reshaped, and no circular layer.

    Parameters
    ----------
    layer, weight
        As for `norm_bound`.
    progress : callable, optional
        Called with (done, total) of one stage after the other.

    Returns
    -------
    Norms
        A number that does not exist, or does not fit in memory, is None, with the explanation in its `reason`.

    Raises
    ------
    ValueError
        As for `extreme_singular_values`.

    References
    ----------
    .. [1] Miyato, Kataoka, Koyama & Yoshida, Spectral Normalization for Generative Adversarial Networks,
       arXiv:1802.05957: the reshaped kernel.
    .. [2] Sedghi, Gupta & Long, arXiv:1805.10408: the circular norm.

    Examples
    --------
    >>> found = norms(Conv(8, 3, padding=1), [[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    >>> [round(estimate.value, 3) for estimate in found]
    [7.291, 3.464, 8.0, 7.608]
    """
    stack, weights = with_weights(layer, weight)
    spectrum = extreme_singular_values(stack, weights, which="largest", progress=progress)
    norm = float(spectrum.values[0])
    if isinstance(stack, Network):
        return _norms_of_stack(stack, weights, Estimate(norm, 0.0, spectrum.reason), progress)
    problem = checked(stack, weights)
    conv = problem.conv
    assert isinstance(conv, Conv)
    return Norms(
        Estimate(norm, 0.0, spectrum.reason),
        _reshaped(stack, problem, norm),
        _ring_estimate(norm, problem, (conv.input_size, conv.stride), _no_circular(conv), progress),
        _ring_estimate(norm, problem, (_grid(conv), (1,) * conv.ndim), _no_bound(conv), progress),
    )


def _norms_of_stack(network: Network, weights: Sequence[Any], exact: Estimate, progress: Progress | None) -> Norms:
    layers = f"a Network of {pluralize(len(network.layers), 'layer')}"
    reshaped = Estimate(None, None, f"{layers} has no single kernel to be reshaped")
    circular = Estimate(None, None, f"{layers} has no circular layer to be compared with")
    assert exact.value is not None
    try:
        value = norm_bound(network, weights, progress=progress)
    except ValueError as error:
        return Norms(exact, reshaped, circular, Estimate(None, None, str(error)))
    product = "product of the layers' bounds"
    return Norms(exact, reshaped, circular, Estimate(value, _error(value, exact.value), product))


def _ring_estimate(
    norm: float,
    problem: Checked,
    grid: tuple[Sequence[int], Sequence[int]],
    reason: str | None,
    progress: Progress | None,
) -> Estimate:
    """The norm on a ring of the given size and stride, or the reason why there is none."""
    if reason is not None:
        return Estimate(None, None, reason)
    size, stride = grid
    try:
        value = _ring_norm(problem, size, stride, progress)
    except TooLargeError as error:
        return Estimate(None, None, str(error))
    return Estimate(value, _error(value, norm), f"circular on the grid {' x '.join(map(str, size)) or 1}")


def _reshaped(layer: Layer, problem: Checked, norm: float) -> Estimate:
    # Turning the kernel changes no norm; it has the transposed layer's own channels in front.
    weight = layer.direct_weight(problem.weight) if isinstance(layer, ConvTranspose) else problem.weight
    rows = weight.reshape(len(weight), -1)
    value = float(np.linalg.norm(rows, 2)) * problem.scale
    return Estimate(value, _error(value, norm), f"kernel as a matrix of {rows.shape[0]} x {rows.shape[1]}")


def _error(value: float, norm: float) -> float:
    if norm == 0:
        return float("inf") if value else 0.0
    return value / norm - 1
