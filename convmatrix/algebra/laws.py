"""Laws (theorems) and findings (facts about one layer) as checks that carry their numbers.

Laws are checked on drawn integers, exactly, wherever the weight is integer. What a law is compared with is as
independent as it can be: plain loops (`core.reference`), the operator, or another matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix import presets
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

    For complex matrices the conjugate transpose is meant. Integers are multiplied exactly, in 64 bits, unless their
    products could leave these.

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
    exact = matrix.dtype.kind in "biu"
    if exact:
        largest = max((abs(int(matrix.data.min())), abs(int(matrix.data.max()))), default=0) if matrix.nnz else 0
        dtype = np.int64 if largest**2 * max(matrix.shape) < np.iinfo(np.int64).max else np.float64
        matrix = matrix.astype(dtype)
        exact = dtype is np.int64
    require_finite("the matrix", matrix)
    data, scale = scaled(matrix.data, down=True)  # a large float may have no square
    matrix = sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    gram = matrix.conj().T @ matrix
    one = gram.dtype.type(1 / scale / scale)
    deviation = abs(gram - one * sparse.eye_array(matrix.shape[1], dtype=gram.dtype, format="csr")).tocoo()
    most = int(np.argmax(deviation.data)) if deviation.nnz else None
    measured: Any = 0 if most is None else deviation.data[most].item()
    if scale > 1:
        measured = measured * scale * scale  # infinite where a float cannot hold it
    rows, cols = deviation.coords
    terms = int(np.bincount(matrix.indices, minlength=1).max()) if matrix.nnz else 0
    bound = 0 if exact else 4 * terms * float(np.finfo(gram.dtype).eps)
    return Check(
        name,
        "finding",
        measured <= bound,
        measured,
        bound,
        None if most is None or measured <= bound else (int(rows[most]), int(cols[most])),
    )


# -- laws ------------------------------------------------------------------------------------------------------------
#
# Each takes a layer and a weight. For a ConvTranspose, C is the matrix of the convolution that it transposes.


def shapes(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that the matrix takes a flattened input to a flattened output, and has as many entries as foretold."""
    case = _Case(layer, weight)
    found = (*case.matrix.shape, case.matrix.nnz, *(case.matrix @ case.x).shape)
    foretold = (case.y.size, case.x.size, case.conv.nnz, case.y.size)
    wrong = sum(a != b for a, b in zip(found, foretold, strict=True))
    return Check("C is outputs x inputs, with nnz entries", "law", wrong == 0, wrong, 0)


def adjoint(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check ``<C x, y> = <x, C^H y>``, with C from the matrix and C^H from the operator."""
    case = _Case(layer, weight)
    left = np.vdot(case.matrix @ case.x, case.y)
    right = np.vdot(case.x, case.conv.operator(case.weight).rmatvec(case.y))
    return case.law("<C x, y> = <x, C^H y>", left, right, terms=case.matrix.nnz)


def sliding_window(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that C x is the window, slid over x in plain loops."""
    case = _Case(layer, weight)
    slid = reference.convolve(case.x_map, case.weight, **case.keywords())
    return case.law("C x = the window slid over x", case.matrix @ case.x, slid.ravel())


def stamps(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that C^T y is the kernel, stamped once for each entry of y and added up in plain loops."""
    case = _Case(layer, weight)
    added = reference.convolve_transposed(
        case.y.reshape(case.conv.output_shape), case.weight, output_size=case.conv.input_size, **case.keywords()
    )
    return case.law("C^T y = stamps of the kernel added up", case.matrix.T @ case.y, added.ravel())


def zero_insertion(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that C^T y is a direct convolution of y with zeros inserted and the kernel turned by 180 degrees.

    For border modes, of y onto the padded frame, whose border is then folded back by ``P.T``.

    Returns
    -------
    Check
        A law.
    """
    case = _Case(layer, weight)
    return case.law("C^T y = zeros inserted, kernel turned", case.matrix.T @ case.y, case.inserted(turned=True))


def unturned_insertion(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Find out whether the same holds with the kernel as it is: only where taps equal their mirror images."""
    case = _Case(layer, weight)
    found = case.law("C^T y = zeros inserted, kernel not turned", case.matrix.T @ case.y, case.inserted(turned=False))
    return Check(found.name, "finding", found.holds, found.measured, found.bound)


def linear_in_weight(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check ``C(w) x = X(x) w``, where X is the matrix of the windows of x."""
    case = _Case(layer, weight)
    return case.law("C(w) x = X(x) w", case.matrix @ case.x, dual(case.conv, case.x_map) @ case.weight.ravel())


def weight_gradient(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that ``X^T y`` is the gradient of ``<y, C(w) x>`` in w, by differences of one in single weights."""
    case = _Case(layer, weight)

    def value(moved: NDArray[Any]) -> Any:
        return case.y @ (case.conv.operator(moved.reshape(case.weight.shape)) @ case.x)

    gradient = dual(case.conv, case.x_map).T @ case.y
    return case.differences("gradient in w = X^T y", value, case.weight.ravel(), gradient)


def backward(layer: Conv | ConvTranspose, weight: ArrayLike) -> Check:
    """Check that a layer's backward pass is its matrix transposed, by differences of one in single inputs.

    The backward pass of the convolution is C^T, that of the transposed convolution is C.

    Returns
    -------
    Check
        A law.
    """
    case = _Case(layer, weight)
    conv = isinstance(layer, Conv)
    x, y = (case.x, case.y) if conv else (case.y, case.x)
    operator = layer.operator(case.weight)
    name = "backward of the convolution = C^T" if conv else "backward of the transposed convolution = C"
    return case.differences(name, lambda moved: y @ (operator @ moved), x, layer.matrix(case.weight).T @ y)


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
            f"the matrix has {layer.nnz} entries but is compared with plain loops for at most {LARGEST}: check a "
            "smaller input_size or fewer channels, where borders and interior are the same"
        )
    laws = (shapes, adjoint, sliding_window, stamps, zero_insertion, linear_in_weight, weight_gradient, backward)
    matrix = _Case(layer, weight).matrix
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


class _Case:
    """A convolution, its weight and matrix, and integers drawn as its input and output."""

    def __init__(self, layer: Conv | ConvTranspose, weight: ArrayLike) -> None:
        weight = np.asarray(weight)
        if weight.dtype == bool:  # a pattern, whose sums are "or": not linear
            weight = weight.astype(np.int64)
        self.conv = layer if isinstance(layer, Conv) else layer.T
        self.up = layer.T if isinstance(layer, Conv) else layer
        self.matrix = self.conv.matrix(weight)
        self.weight = weight.reshape(self.conv.weight_shape)
        rng = np.random.default_rng(0)
        self.y, self.x = (rng.integers(-9, 10, size) for size in self.matrix.shape)
        self.x_map = self.x.reshape(self.conv.input_shape)

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

    def law(self, name: str, left: Any, right: Any, *, terms: int | None = None) -> Check:
        """Compare two results, of which each entry is the sum of at most `terms` products."""
        measured = np.max(np.abs(np.asarray(left) - np.asarray(right)), initial=0).item()
        bound: float = 0
        if self.weight.dtype.kind in "fc":
            terms = self.weight.size if terms is None else terms
            largest = 81 * float(np.max(np.abs(self.weight), initial=0))  # inputs and outputs are at most 9
            bound = 4 * terms * largest * float(np.finfo(self.weight.dtype).eps)
        return Check(name, "law", measured <= bound, measured, bound)

    def differences(
        self, name: str, value: Callable[[NDArray[Any]], Any], at: NDArray[Any], gradient: NDArray[Any]
    ) -> Check:
        """Compare a gradient with differences of one along some coordinates: exact, since the value is linear."""
        places = np.sort(np.random.default_rng(0).permutation(len(at))[:_PROBES])
        here, there = value(at), []
        for place in places:
            moved = at.copy()
            moved[place] += 1
            there.append(value(moved))
        return self.law(name, np.array(there) - here, gradient[places], terms=self.matrix.nnz)
