"""Laws: theorems about a layer or a stack of layers, checked on drawn numbers; and all checks of a layer in a list.

Laws are checked on drawn integers, exactly, wherever the weight is integer. The other side of each comparison is as
independent as possible: plain loops (`core.reference`), the operator, or another matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix import presets
from convmatrix.algebra.exact import digit_bits, digits, exact_product, from_digits
from convmatrix.algebra.factors import dual, frame_layer, padding_matrix
from convmatrix.algebra.findings import Check, gram_is_identity, product_names
from convmatrix.algebra.progress import Progress
from convmatrix.algebra.stack.arguments import Stack, each_weight, one_layer, scaled_weights, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.core import reference
from convmatrix.core.numbers import require_finite, scaled
from convmatrix.layers import Conv, ConvTranspose, NetworkLayer, flip
from convmatrix.layers.convolution import Layer

__all__ = [
    "adjoint",
    "backward",
    "checks",
    "controls",
    "linear_in_weight",
    "shapes",
    "sliding_window",
    "stamps",
    "unflipped_insertion",
    "weight_gradient",
    "zero_insertion",
]

LARGEST = 300_000
"""Most entries of a matrix that is checked against plain loops: some seconds."""

_PROBES = 64
"""Most finite differences that are taken along single inputs or weights."""

_DRAWN = 9
"""Largest absolute value of the integers that are drawn as inputs and outputs."""


# -- laws ------------------------------------------------------------------------------------------------------------
#
# Each takes a layer and a weight. For a ConvTranspose, C is the matrix of the convolution that it transposes. Laws that
# hold for any product of layers take several layers as well.


def shapes(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check that the matrix takes a flattened input to a flattened output, and has the predicted number of entries."""
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _shapes_of_stack(_StackCase.of(stack, weights))
    case = _cases(stack, weights).digits[0]
    counts = (*case.matrix.shape, case.matrix.nnz, *(case.matrix @ case.x).shape)
    predicted = (case.y.size, case.x.size, case.conv.nnz, case.y.size)
    wrong = sum(a != b for a, b in zip(counts, predicted, strict=True))
    return Check("C is outputs x inputs, with nnz entries", "law", wrong == 0, wrong, 0)


def adjoint(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check ``<C x, y> = <x, C^H y>``, with C from the matrix and C^H from the operator."""
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _adjoint_of_stack(_StackCase.of(stack, weights))

    def sides(case: "_Case") -> Sides:
        left = np.vdot(case.matrix @ case.x, case.y)
        return left, np.vdot(case.x, case.conv.operator(case.weight).rmatvec(case.y))

    return _law("<C x, y> = <x, C^H y>", stack, weights, sides, all_entries=True)


def sliding_window(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check that C x is the window, slid over x in plain loops."""
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _windows_of_stack(_StackCase.of(stack, weights))

    def sides(case: "_Case") -> Sides:
        return case.matrix @ case.x, reference.convolve(case.x_map, case.weight, **_keywords(case.conv)).ravel()

    return _law("C x = the window slid over x", stack, weights, sides)


def stamps(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check that C^T y is the kernel, stamped once for each entry of y and added up in plain loops."""
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _stamps_of_stack(_StackCase.of(stack, weights))

    def sides(case: "_Case") -> Sides:
        added = reference.convolve_transposed(
            case.y.reshape(case.conv.output_shape),
            case.weight,
            output_size=case.conv.input_size,
            **_keywords(case.conv),
        )
        return case.matrix.T @ case.y, added.ravel()

    return _law("C^T y = stamps of the kernel added up", stack, weights, sides)


def zero_insertion(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check that C^T y is a direct convolution of y with zeros inserted and the kernel flipped.

    For border modes the convolution covers the padded frame, whose border is then folded back by ``P.T``.

    Returns
    -------
    Check
        A law.
    """

    def sides(case: "_Case") -> Sides:
        return case.matrix.T @ case.y, case.inserted(flipped=True)

    return _law(
        "C^T y = zeros inserted, kernel flipped",
        *_single(layer, weight, "a direct convolution of the transpose"),
        sides,
    )


def unflipped_insertion(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check whether `zero_insertion` holds with the kernel as it is: only where taps equal their mirror images."""

    def sides(case: "_Case") -> Sides:
        return case.matrix.T @ case.y, case.inserted(flipped=False)

    return replace(
        _law(
            "C^T y = zeros inserted, kernel not flipped",
            *_single(layer, weight, "a direct convolution of the transpose"),
            sides,
        ),
        kind="finding",
    )


def linear_in_weight(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check ``C(w) x = X(x) w``, where X is the matrix of the windows of x."""

    def sides(case: "_Case") -> Sides:
        return case.matrix @ case.x, dual(case.conv, case.x_map) @ case.weight.ravel()

    return _law("C(w) x = X(x) w", *_single(layer, weight, "a dual matrix, which multiplies the weight,"), sides)


def weight_gradient(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check that ``X^T y`` is the gradient of ``<y, C(w) x>`` in w, by differences of one in single weights."""

    def sides(case: "_Case") -> Sides:
        def value(shifted: NDArray[Any]) -> Any:
            return case.y @ (case.conv.operator(shifted.reshape(case.weight.shape)) @ case.x)

        return _differences(value, case.weight.ravel(), dual(case.conv, case.x_map).T @ case.y)

    # A difference of one is one of the lowest digit.
    return _law(
        "gradient in w = X^T y",
        *_single(layer, weight, "the gradient in one weight"),
        sides,
        all_entries=True,
        lowest_digit=True,
    )


def backward(layer: Stack, weight: Weights | ArrayLike | None = None) -> Check:
    """Check that a layer's backward pass is its matrix transposed, by differences of one in single inputs.

    The backward pass of the convolution is C^T, the one of the transposed convolution is C.

    Returns
    -------
    Check
        A law.
    """
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _backward_of_stack(_StackCase.of(stack, weights))
    forward = isinstance(stack, Conv)

    def sides(case: "_Case") -> Sides:
        x, y = (case.x, case.y) if forward else (case.y, case.x)
        operator = stack.operator(case.weight)
        return _differences(lambda shifted: y @ (operator @ shifted), x, stack.matrix(case.weight).T @ y)

    name = "backward of the convolution = C^T" if forward else "backward of the transposed convolution = C"
    return _law(name, stack, weights, sides, all_entries=True)


def checks(layer: Stack, weight: Weights | ArrayLike | None = None, *, progress: Progress | None = None) -> list[Check]:
    """Run every law and every finding on one layer, or those that hold of several on their stack.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, or sequence with one entry for each layer
        As `convmatrix.algebra.stack.arguments.with_weights` takes them.
    progress : callable, optional
        Called with (done, total) after each claim on one layer; raising in it ends the work.

    Returns
    -------
    list of Check
        Laws first.

    Raises
    ------
    ValueError
        If the matrices have more than 300,000 entries, too many for plain loops.

    Examples
    --------
    >>> for check in checks(Conv(4, 3), np.arange(9).reshape(3, 3)):
    ...     print(check.kind, "yes" if check.holds else "no", check.name)
    law yes C is outputs x inputs, with nnz entries
    law yes <C x, y> = <x, C^H y>
    law yes C x = the window slid over x
    law yes C^T y = stamps of the kernel added up
    law yes C^T y = zeros inserted, kernel flipped
    law yes C(w) x = X(x) w
    law yes gradient in w = X^T y
    law yes backward of the convolution = C^T
    finding no C^T y = zeros inserted, kernel not flipped
    finding no C^T C = I
    finding no C C^T = I
    """
    stack, weights = with_weights(layer, weight)
    if isinstance(stack, Network):
        return _checks_of_stack(stack, weights)
    if stack.nnz > LARGEST:
        raise ValueError(
            f"the matrix has {stack.nnz} entries but is compared with plain loops for at most {LARGEST}: check a "
            "smaller input_size or fewer channels, where borders and interior are the same"
        )
    laws = (shapes, adjoint, sliding_window, stamps, zero_insertion, linear_in_weight, weight_gradient, backward)
    values = stack.checked_weight(weights)
    matrix = stack.convolution.matrix(_as_numbers(values))
    claims = [partial(law, stack, values) for law in (*laws, unflipped_insertion)]
    results = []
    for number, claim in enumerate(claims, 1):
        results.append(claim())
        if progress is not None:
            progress(number, len(claims) + 2)
    return [*results, *_both_identities(matrix)]


def _both_identities(matrix: sparse.csr_array) -> list[Check]:
    names = product_names(matrix.dtype)
    return [gram_is_identity(matrix, name=names[0]), gram_is_identity(sparse.csr_array(matrix.conj().T), name=names[1])]


def controls() -> list[Check]:
    """Check layers whose transpose is their inverse: a finding that is always negative would prove nothing.

    Returns
    -------
    list of Check
        Laws, since their kernels are orthonormal.

    Examples
    --------
    >>> [(check.name, check.holds) for check in controls()][0]
    ('C^T C = I of the Haar bank, stride 2', True)
    """
    mixing = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    layers = (
        ("the Haar bank, stride 2", Conv(4, 2, stride=2, out_channels=4), presets.kernel("haar")),
        ("space-to-depth, stride 2", Conv(4, 2, stride=2, out_channels=4), presets.kernel("space_to_depth")),
        ("1x1 orthogonal channel mixing", Conv(2, 1, in_channels=4, out_channels=4), mixing[:, :, None, None]),
    )
    results = (gram_is_identity(layer.matrix(weight), name=f"C^T C = I of {name}") for name, layer, weight in layers)
    return [Check(check.name, "law", check.holds, check.measured, check.bound, check.where) for check in results]


Sides = tuple[Any, Any]
"""Both sides of the equation of a law."""


@dataclass(frozen=True, eq=False)
class _Case:
    """A convolution, numbers drawn as its input and output, and a weight and its matrix, or one digit of these."""

    conv: Conv
    up: ConvTranspose
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    weight: NDArray[Any]
    matrix: sparse.csr_array

    @property
    def x_map(self) -> NDArray[np.int64]:
        """The input as an image."""
        return self.x.reshape(self.conv.input_shape)

    def inserted(self, *, flipped: bool) -> NDArray[Any]:
        """The transpose C^T y as a direct convolution, with the kernel flipped or as it is."""
        folded = self.conv.padding_mode != "zeros"
        up = frame_layer(self.conv).T if folded else self.up
        kernel = up.direct_weight(self.weight)
        image = up.as_conv().matrix(kernel if flipped else flip(kernel, ndim=up.ndim)) @ self.y
        return padding_matrix(self.conv).T @ image if folded else image


def _keywords(conv: Conv) -> dict[str, Any]:
    """A convolution's numbers as the plain loops take them."""
    names = ("stride", "padding", "dilation", "groups", "padding_mode", "input_dilation")
    return {name: getattr(conv, name) for name in names}


def _as_numbers(weight: NDArray[Any]) -> NDArray[Any]:
    """A weight that adds up: a bool one is a pattern, whose sums are "or"."""
    return weight.astype(np.int64) if weight.dtype == bool else weight


class _Cases(NamedTuple):
    """One case for each digit of a weight, the lowest first; the true weight of a single one is `scale` times it."""

    digits: list[_Case]
    bits: int
    scale: float = 1.0


def _cases(layer: Layer, weight: ArrayLike) -> _Cases:
    """The case of a float weight, divided to be about 1; of integers one for each digit, with 64 bits for sums."""
    conv = layer.convolution
    values = _as_numbers(layer.checked_weight(weight))
    require_finite("weight", np.asarray(weight))
    rng = np.random.default_rng(0)
    y, x = (rng.integers(-_DRAWN, _DRAWN + 1, size) for size in conv.matrix_shape)
    up = layer.T if isinstance(layer, Conv) else layer
    bits = digit_bits(2 * _DRAWN**2 * max(conv.nnz, 1))
    if values.dtype.kind not in "iu":
        # Sums of the largest floats are infinite, and a difference of one hides small ones.
        values, scale = scaled(values)
        return _Cases([_Case(conv, up, x, y, values, conv.matrix(values))], bits, scale)
    matrix = conv.matrix(values)
    weights, entries = digits(values, bits), digits(matrix.data, bits)
    zeros = np.zeros_like(values, dtype=np.int64), np.zeros_like(matrix.data, dtype=np.int64)
    count = max(len(weights), len(entries))  # sums may have more digits, and taps that reach no input are not stored
    pairs = zip(
        *(part + [zero] * (count - len(part)) for part, zero in zip((weights, entries), zeros, strict=True)),
        strict=True,
    )
    return _Cases(
        [
            _Case(conv, up, x, y, part, sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape))
            for part, data in pairs
        ],
        bits,
    )


def _law(
    name: str,
    layer: Layer,
    weight: ArrayLike,
    sides: Callable[[_Case], Sides],
    *,
    all_entries: bool = False,
    lowest_digit: bool = False,
) -> Check:
    """Compare both sides, each entry of which is a sum of as many products as a window has, or the matrix entries."""
    cases = _cases(layer, weight)
    lowest = cases.digits[0]
    pairs = map(sides, [lowest] if lowest_digit else cases.digits)
    left, right = (from_digits(parts, cases.bits) for parts in zip(*pairs, strict=True))
    measured = np.max(np.abs(left - right), initial=0)
    measured = measured.item() if isinstance(measured, np.generic) else measured
    bound: float = 0
    if lowest.weight.dtype.kind in "fc":
        terms = lowest.matrix.nnz if all_entries else lowest.weight.size
        largest = _DRAWN**2 * float(np.max(np.abs(lowest.weight), initial=0))
        bound = 4 * terms * largest * float(np.finfo(lowest.weight.dtype).eps)
    holds = bool(measured <= bound)
    if cases.scale != 1:
        measured, bound = measured * cases.scale, bound * cases.scale
    return Check(name, "law", holds, measured, bound)


def _differences(value: Callable[[NDArray[Any]], Any], at: NDArray[Any], gradient: NDArray[Any]) -> Sides:
    """Differences of one along some coordinates, and a gradient there: equal, since the value is linear."""
    places = np.sort(np.random.default_rng(0).permutation(len(at))[:_PROBES])
    here, there = value(at), []
    for place in places:
        shifted = at.copy()
        shifted[place] += 1
        there.append(value(shifted))
    return np.array(there) - here, gradient[places]


def _single(layer: Stack, weight: Any, what: str) -> tuple[Layer, Any]:
    """One convolution and its weight, for laws that hold of no product."""
    _, weight_values = with_weights(layer, weight)
    return one_layer(layer, what), weight_values


# -- laws of a stack -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _StackCase:
    """Several layers, their weights and matrix, and numbers drawn as input and output."""

    network: Network
    weights: list[Any]
    scale: float
    matrix: sparse.csr_array
    x: NDArray[np.int64]
    y: NDArray[np.int64]

    @classmethod
    def of(cls, network: Network, weights: list[Any]) -> "_StackCase":
        """The case of weights that are finite, floats divided to be about 1."""
        weights, scale = scaled_weights(network, each_weight(network, weights, lambda _, weight: _as_numbers(weight)))
        matrix = network.matrix(weights)
        rng = np.random.default_rng(0)
        y, x = (rng.integers(-_DRAWN, _DRAWN + 1, size) for size in network.matrix_shape)
        if matrix.dtype.kind in "iu":  # whose product fits in int64, or there would be no matrix
            weights = each_weight(network, weights, lambda _, weight: weight.astype(np.int64))
        return cls(network, weights, scale, matrix, x, y)

    @property
    def is_exact(self) -> bool:
        """Check whether all numbers are integers."""
        return self.matrix.dtype.kind in "iu"

    def law(self, name: str, left: Any, right: Any, *, wraps: bool = False) -> Check:
        """Compare two results; integers that an operator computes are those modulo 2**64."""
        difference = np.atleast_1d(np.asarray(left) - np.asarray(right))
        if self.is_exact:
            difference = difference.astype(object)
            difference = (difference + 2**63) % 2**64 - 2**63 if wraps else difference
        measured = np.max(np.abs(difference), initial=0)
        measured = measured.item() if isinstance(measured, np.generic) else measured
        bound = 0.0 if self.is_exact else self._bound()
        holds = bool(measured <= bound)
        if self.scale != 1:
            measured, bound = measured * self.scale, bound * self.scale
        return Check(name, "law", holds, measured, bound)

    def _bound(self) -> float:
        """Bound of the rounding errors of a sum of products, from the same product with absolute values."""
        largest, terms = float(_DRAWN**2), self.matrix.shape[0]
        for layer, weight in zip(self.network.layers, self.weights, strict=True):
            matrix = abs(_layer_matrix(layer, weight))
            sums = [np.asarray(matrix.sum(axis=axis)).max(initial=0) for axis in (0, 1)]
            largest *= max(float(max(sums)), np.finfo(np.float64).tiny)
            terms += int(max(np.diff(side.indptr).max(initial=0) for side in (matrix, matrix.T.tocsr())))
        return 4 * terms * self.matrix.shape[0] * largest * float(np.finfo(self.matrix.dtype).eps)

    def slid(self) -> NDArray[Any]:
        """C x, one layer after the other, convolutions in plain loops."""
        values: NDArray[Any] = self.x.astype(object) if self.is_exact else self.x
        for layer, weight in zip(self.network.layers, self.weights, strict=True):
            values = _slid(layer, weight, values, self.is_exact)
        return values

    def stamped(self) -> NDArray[Any]:
        """C^T y, one layer after the other from the last to the first."""
        values: NDArray[Any] = self.y.astype(object) if self.is_exact else self.y
        for layer, weight in reversed(list(zip(self.network.layers, self.weights, strict=True))):
            values = _stamped(layer, weight, values, self.is_exact)
        return values


def _layer_matrix(layer: NetworkLayer, weight: Any) -> sparse.csr_array:
    return Network([layer]).matrix([weight])


def _slid(layer: NetworkLayer, weight: Any, x: NDArray[Any], exact: bool) -> NDArray[Any]:
    """One layer's output for a flattened input."""
    if isinstance(layer, ConvTranspose):
        return _added_up(layer.T, weight, x, exact)
    if isinstance(layer, Conv):
        return _windowed(layer, weight, x, exact)
    matrix = _layer_matrix(layer, weight)
    return exact_product(matrix, x) if exact else np.asarray(matrix @ x)


def _stamped(layer: NetworkLayer, weight: Any, y: NDArray[Any], exact: bool) -> NDArray[Any]:
    """The transpose of one layer for a flattened output."""
    if isinstance(layer, ConvTranspose):
        return _windowed(layer.T, weight, y, exact)
    if isinstance(layer, Conv):
        return _added_up(layer, weight, y, exact)
    matrix = _layer_matrix(layer, weight).T.tocsr()
    return exact_product(matrix, y) if exact else np.asarray(matrix @ y)


def _windowed(conv: Conv, weight: NDArray[Any], x: NDArray[Any], exact: bool) -> NDArray[Any]:
    kernel = weight.astype(object) if exact else weight
    return reference.convolve(x.reshape(conv.input_shape), kernel, **_keywords(conv)).ravel()


def _added_up(conv: Conv, weight: NDArray[Any], y: NDArray[Any], exact: bool) -> NDArray[Any]:
    kernel, image = weight.astype(object) if exact else weight, y.reshape(conv.output_shape)
    return reference.convolve_transposed(image, kernel, output_size=conv.input_size, **_keywords(conv)).ravel()


def _shapes_of_stack(case: _StackCase) -> Check:
    counts = (
        *case.matrix.shape,
        *exact_product(case.matrix, case.x).shape,
        case.matrix.nnz > case.network.most_entries,
    )
    wrong = sum(a != b for a, b in zip(counts, (case.y.size, case.x.size, case.y.size, False), strict=True))
    return Check("C is outputs x inputs, with at most as many entries as its pattern", "law", wrong == 0, wrong, 0)


def _adjoint_of_stack(case: _StackCase) -> Check:
    left = np.vdot(exact_product(case.matrix, case.x), case.y)
    with np.errstate(over="ignore"):  # integers are those modulo 2**64
        right = np.vdot(case.x, case.network.operator(case.weights).rmatvec(case.y))
    return case.law("<C x, y> = <x, C^H y>", left, right, wraps=True)


def _windows_of_stack(case: _StackCase) -> Check:
    name = "C x = the windows slid over x, layer by layer"
    return case.law(name, exact_product(case.matrix, case.x), case.slid())


def _stamps_of_stack(case: _StackCase) -> Check:
    name = "C^T y = stamps of the kernels added up, layer by layer"
    return case.law(name, exact_product(case.matrix.T.tocsr(), case.y), case.stamped())


def _backward_of_stack(case: _StackCase) -> Check:
    operator = case.network.operator(case.weights)
    gradient = exact_product(case.matrix.T.tocsr(), case.y)
    with np.errstate(over="ignore"):  # integers are those modulo 2**64
        sides = _differences(lambda shifted: case.y @ (operator @ shifted), case.x, gradient)
    return case.law("backward of the stack = C^T", *sides, wraps=True)


def _checks_of_stack(network: Network, weights: list[Any]) -> list[Check]:
    entries = sum(layer.nnz for layer in network.layers) + network.most_entries
    if entries > LARGEST:
        raise ValueError(
            f"the layers of the Network and their product have {entries} entries but plain loops are used for at most "
            f"{LARGEST}: check a smaller input or fewer channels, where borders and interior are the same"
        )
    case = _StackCase.of(network, weights)
    numbers = each_weight(network, weights, lambda _, weight: _as_numbers(weight))
    laws = (_shapes_of_stack, _adjoint_of_stack, _windows_of_stack, _stamps_of_stack, _backward_of_stack)
    return [*(law(case) for law in laws), *_both_identities(network.matrix(numbers))]
