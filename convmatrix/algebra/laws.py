"""Laws (theorems) and findings (facts about one layer) as checks that carry their numbers.

Laws are checked on drawn integers, exactly, wherever the weight is integer. What a law is compared with is as
independent as it can be: plain loops (`core.reference`), the operator, or another matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix import presets
from convmatrix.algebra.exact import digit_bits, digits, from_digits, gram_entries
from convmatrix.algebra.factors import dual, frame_layer, padding_matrix
from convmatrix.core import reference
from convmatrix.core.numbers import require_finite, scaled
from convmatrix.layers import Conv, ConvTranspose, flip

__all__ = [
    "Check",
    "adjoint",
    "backward",
    "checks",
    "controls",
    "gram_is_identity",
    "linear_in_weight",
    "product_names",
    "shapes",
    "sliding_window",
    "stamps",
    "unturned_insertion",
    "weight_gradient",
    "zero_insertion",
]

LARGEST = 300_000
"""Most entries of a matrix that is checked against plain loops: some seconds."""

_PROBES = 64
"""Most finite differences that are taken along single inputs or weights."""

_DRAWN = 9
"""Largest absolute value of the integers that are drawn as inputs and outputs."""


@dataclass(frozen=True)
class Check:
    """One claim about a layer, and what was measured.

    Parameters
    ----------
    name : str
        The claim, such as ``C^T C = I``.
    kind : {"law", "finding"}
        A law is a theorem and must hold; a finding is reported, yes or no.
    holds : bool
    measured, bound : float
        The claim holds where measured <= bound.
    where : tuple of int, optional
        Row and column of what was measured.
    """

    name: str
    kind: Literal["law", "finding"]
    holds: bool
    measured: float
    bound: float
    where: tuple[int, ...] | None = None


def product_names(dtype: np.dtype[Any]) -> tuple[str, str]:
    """Name the claims that the transpose undoes a matrix on the left, and on the right: for complex numbers, ``C^H``.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> product_names(np.dtype(float)), product_names(np.dtype(complex))
    (('C^T C = I', 'C C^T = I'), ('C^H C = I', 'C C^H = I'))
    """
    sign = "H" if dtype.kind == "c" else "T"
    return f"C^{sign} C = I", f"C C^{sign} = I"


def gram_is_identity(matrix: sparse.csr_array, name: str | None = None) -> Check:
    """Find out whether the transpose undoes a matrix: the largest entry of ``C^H C - I``, and where it stands.

    For complex matrices the conjugate transpose is meant. Integers are multiplied exactly, also where their products
    leave 64 bits.

    Parameters
    ----------
    matrix : (m, n) csr_array
    name : str, optional
        Name of the claim; without it, ``C^T C = I``, or ``C^H C = I`` for complex numbers.

    Returns
    -------
    Check
        A finding. Its bound is 0 for integers and a few roundings of the largest entry for floats.

    Examples
    --------
    >>> C = sparse.csr_array([[1, 2, 0], [0, 1, 2]])
    >>> check = gram_is_identity(C)
    >>> check.holds, check.measured, check.where
    (False, 4, (1, 1))
    """
    name = product_names(matrix.dtype)[0] if name is None else name
    if matrix.dtype.kind in "biu":
        return _found_identity(name, *_deviations_of_integers(matrix))
    require_finite("the matrix", matrix)
    data, scale = scaled(matrix.data, down=True)  # a large float may have no square
    matrix = sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    gram = matrix.conj().T @ matrix
    one = gram.dtype.type(1 / scale / scale)
    deviation = abs(gram - one * sparse.eye_array(matrix.shape[1], dtype=gram.dtype, format="csr")).tocoo()
    terms = int(np.bincount(matrix.indices, minlength=1).max()) if matrix.nnz else 0
    bound = 4 * terms * float(np.finfo(gram.dtype).eps)
    rows, cols = deviation.coords
    return _found_identity(name, rows, cols, deviation.data, bound, scale)


def _deviations_of_integers(matrix: sparse.csr_array) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Rows, columns and absolute values of the entries of ``C^T C - I``, exact."""
    rows, cols, values = gram_entries(matrix)
    values = values - (rows == cols)
    # A column of zeros has no entry on the diagonal.
    absent = np.setdiff1d(np.arange(matrix.shape[1]), rows[rows == cols])
    return (
        np.concatenate([rows, absent]),
        np.concatenate([cols, absent]),
        np.concatenate([np.abs(values), np.ones(len(absent), dtype=values.dtype)]),
    )


def _found_identity(
    name: str, rows: NDArray[Any], cols: NDArray[Any], deviation: NDArray[Any], bound: float = 0, scale: float = 1
) -> Check:
    """The finding from the absolute values of the entries of ``C^H C - I``, divided by the square of the scale."""
    most = int(np.argmax(deviation)) if deviation.size else None
    measured: Any = 0 if most is None else deviation[most]
    measured = measured.item() if isinstance(measured, np.generic) else measured
    if scale > 1:
        measured = measured * scale * scale  # infinite where a float cannot hold it
    where = None if most is None or measured <= bound else (int(rows[most]), int(cols[most]))
    return Check(name, "finding", measured <= bound, measured, bound, where)


# -- laws ------------------------------------------------------------------------------------------------------------
#
# Each takes a layer and a weight. For a ConvTranspose, C is the matrix of the convolution that it transposes.


def shapes(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that the matrix takes a flattened input to a flattened output, and has as many entries as foretold."""
    case = _cases(layer, weight).digits[0]
    found = (*case.matrix.shape, case.matrix.nnz, *(case.matrix @ case.x).shape)
    foretold = (case.y.size, case.x.size, case.conv.nnz, case.y.size)
    wrong = sum(a != b for a, b in zip(found, foretold, strict=True))
    return Check("C is outputs x inputs, with nnz entries", "law", wrong == 0, wrong, 0)


def adjoint(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check ``<C x, y> = <x, C^H y>``, with C from the matrix and C^H from the operator."""

    def sides(case: "_Case") -> Sides:
        left = np.vdot(case.matrix @ case.x, case.y)
        return left, np.vdot(case.x, case.conv.operator(case.weight).rmatvec(case.y))

    return _law("<C x, y> = <x, C^H y>", layer, weight, sides, all_entries=True)


def sliding_window(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that C x is the window, slid over x in plain loops."""

    def sides(case: "_Case") -> Sides:
        return case.matrix @ case.x, reference.convolve(case.x_map, case.weight, **case.keywords()).ravel()

    return _law("C x = the window slid over x", layer, weight, sides)


def stamps(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that C^T y is the kernel, stamped once for each entry of y and added up in plain loops."""

    def sides(case: "_Case") -> Sides:
        added = reference.convolve_transposed(
            case.y.reshape(case.conv.output_shape), case.weight, output_size=case.conv.input_size, **case.keywords()
        )
        return case.matrix.T @ case.y, added.ravel()

    return _law("C^T y = stamps of the kernel added up", layer, weight, sides)


def zero_insertion(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that C^T y is a direct convolution of y with zeros inserted and the kernel turned by 180 degrees.

    For border modes, of y onto the padded frame, whose border is then folded back by ``P.T``.

    Returns
    -------
    Check
        A law.
    """

    def sides(case: "_Case") -> Sides:
        return case.matrix.T @ case.y, case.inserted(turned=True)

    return _law("C^T y = zeros inserted, kernel turned", layer, weight, sides)


def unturned_insertion(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Find out whether the same holds with the kernel as it is: only where taps equal their mirror images."""

    def sides(case: "_Case") -> Sides:
        return case.matrix.T @ case.y, case.inserted(turned=False)

    return replace(_law("C^T y = zeros inserted, kernel not turned", layer, weight, sides), kind="finding")


def linear_in_weight(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check ``C(w) x = X(x) w``, where X is the matrix of the windows of x."""

    def sides(case: "_Case") -> Sides:
        return case.matrix @ case.x, dual(case.conv, case.x_map) @ case.weight.ravel()

    return _law("C(w) x = X(x) w", layer, weight, sides)


def weight_gradient(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that ``X^T y`` is the gradient of ``<y, C(w) x>`` in w, by differences of one in single weights."""

    def sides(case: "_Case") -> Sides:
        def value(moved: NDArray[Any]) -> Any:
            return case.y @ (case.conv.operator(moved.reshape(case.weight.shape)) @ case.x)

        return _differences(value, case.weight.ravel(), dual(case.conv, case.x_map).T @ case.y)

    # A difference of one is one of the lowest digit.
    return _law("gradient in w = X^T y", layer, weight, sides, all_entries=True, lowest_digit=True)


def backward(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that a layer's backward pass is its matrix transposed, by differences of one in single inputs.

    The backward pass of the convolution is C^T, that of the transposed convolution is C.

    Returns
    -------
    Check
        A law.
    """
    forward = isinstance(layer, Conv)

    def sides(case: "_Case") -> Sides:
        x, y = (case.x, case.y) if forward else (case.y, case.x)
        operator = layer.operator(case.weight)
        return _differences(lambda moved: y @ (operator @ moved), x, layer.matrix(case.weight).T @ y)

    name = "backward of the convolution = C^T" if forward else "backward of the transposed convolution = C"
    return _law(name, layer, weight, sides, all_entries=True)


def checks(layer: Conv | ConvTranspose, weight: ArrayLike) -> list[Check]:
    """Run every law and every finding on one layer.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape array_like

    Returns
    -------
    list of Check
        Laws first.

    Raises
    ------
    ValueError
        If the matrix has more than 300,000 entries, too many for plain loops.

    Examples
    --------
    >>> for check in checks(Conv(4, 3), np.arange(9).reshape(3, 3)):
    ...     print(check.kind, "yes" if check.holds else "no", check.name)
    law yes C is outputs x inputs, with nnz entries
    law yes <C x, y> = <x, C^H y>
    law yes C x = the window slid over x
    law yes C^T y = stamps of the kernel added up
    law yes C^T y = zeros inserted, kernel turned
    law yes C(w) x = X(x) w
    law yes gradient in w = X^T y
    law yes backward of the convolution = C^T
    finding no C^T y = zeros inserted, kernel not turned
    finding no C^T C = I
    finding no C C^T = I
    """
    if layer.nnz > LARGEST:
        raise ValueError(
            f"the matrix has {layer.nnz} entries but plain loops are used for at most {LARGEST}: check a smaller "
            "input_size or fewer channels, where borders and interior are the same"
        )
    laws = (shapes, adjoint, sliding_window, stamps, zero_insertion, linear_in_weight, weight_gradient, backward)
    given = layer.checked_weight(weight)
    matrix = (layer if isinstance(layer, Conv) else layer.T).matrix(_as_numbers(given))
    return [
        *(law(layer, weight) for law in laws),
        unturned_insertion(layer, weight),
        *map(gram_is_identity, (matrix, sparse.csr_array(matrix.conj().T)), product_names(matrix.dtype)),
    ]


def controls() -> list[Check]:
    """Check layers that their transpose does undo: a finding that always says no would prove nothing.

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
    undone = (
        ("the Haar bank, stride 2", Conv(4, 2, stride=2, out_channels=4), presets.kernel("haar")),
        ("space-to-depth, stride 2", Conv(4, 2, stride=2, out_channels=4), presets.kernel("space_to_depth")),
        ("1x1 orthogonal channel mixing", Conv(2, 1, in_channels=4, out_channels=4), mixing[:, :, None, None]),
    )
    found = (gram_is_identity(layer.matrix(weight), f"C^T C = I of {name}") for name, layer, weight in undone)
    return [Check(check.name, "law", check.holds, check.measured, check.bound, check.where) for check in found]


Sides = tuple[Any, Any]
"""What a law says is equal."""


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

    def keywords(self) -> dict[str, Any]:
        """The layer's numbers as the plain loops take them."""
        names = ("stride", "padding", "dilation", "groups", "padding_mode", "input_dilation")
        return {name: getattr(self.conv, name) for name in names}

    def inserted(self, *, turned: bool) -> NDArray[Any]:
        """C^T y as a direct convolution, with the kernel turned or as it is."""
        folded = self.conv.padding_mode != "zeros"
        up = frame_layer(self.conv).T if folded else self.up
        kernel = up.turn(self.weight)
        image = up.as_conv().matrix(kernel if turned else flip(kernel, ndim=up.ndim)) @ self.y
        return padding_matrix(self.conv).T @ image if folded else image


def _as_numbers(weight: NDArray[Any]) -> NDArray[Any]:
    """A weight that adds up: a bool one is a pattern, whose sums are "or"."""
    return weight.astype(np.int64) if weight.dtype == bool else weight


class _Cases(NamedTuple):
    """One case for each digit of a weight, the lowest first; the true weight of a single one is `scale` times it."""

    digits: list[_Case]
    bits: int
    scale: float = 1.0


def _cases(layer: Conv | ConvTranspose, weight: ArrayLike) -> _Cases:
    """The case of a float weight, divided to be about 1; of integers one for each digit, with 64 bits for sums."""
    conv = layer if isinstance(layer, Conv) else layer.T
    given = _as_numbers(layer.checked_weight(weight))
    require_finite("weight", given)
    rng = np.random.default_rng(0)
    y, x = (rng.integers(-_DRAWN, _DRAWN + 1, size) for size in conv.matrix_shape)
    up = layer.T if isinstance(layer, Conv) else layer
    bits = digit_bits(2 * _DRAWN**2 * max(conv.nnz, 1))
    if given.dtype.kind not in "iu":
        given, scale = scaled(
            given
        )  # sums of the largest floats are infinite, and a difference of one hides small ones
        return _Cases([_Case(conv, up, x, y, given, conv.matrix(given))], bits, scale)
    matrix = conv.matrix(given)
    weights, entries = digits(given, bits), digits(matrix.data, bits)
    nothing = np.zeros_like(given, dtype=np.int64), np.zeros_like(matrix.data, dtype=np.int64)
    count = max(len(weights), len(entries))  # sums may have more digits, and taps that reach no input are not stored
    pairs = zip(*(part + [zero] * (count - len(part)) for part, zero in zip((weights, entries), nothing, strict=True)),
                strict=True)  # fmt: skip
    return _Cases(
        [
            _Case(conv, up, x, y, part, sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape))
            for part, data in pairs
        ],
        bits,
    )


def _law(
    name: str,
    layer: Conv | ConvTranspose,
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
        moved = at.copy()
        moved[place] += 1
        there.append(value(moved))
    return np.array(there) - here, gradient[places]
