"""The true inverse problem, an image from its output: least squares, with or without a penalty on rough images."""

from dataclasses import dataclass
from functools import reduce
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmatrix import presets
from convmatrix.algebra.elimination.ranks import rounding
from convmatrix.algebra.progress import Progress
from convmatrix.algebra.spectral.frequencies import Frequencies, why_not_diagonalizable
from convmatrix.algebra.stack.arguments import ConvOrNetwork, Stack, each_weight, with_weights
from convmatrix.algebra.stack.network import Network, Weights
from convmatrix.core.errors import WrongTypeError, short
from convmatrix.core.numbers import require_finite
from convmatrix.layers import Conv, Layer, WeightedLayer
from convmatrix.layers.arguments import array_of, positive, real_number

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

__all__ = ["Deconvolution", "Method", "Penalty", "deconvolve", "floating"]

Array = NDArray[Any]

Method = Literal["lsmr", "lsqr", "fft"]
Penalty = Literal["identity", "gradient", "laplacian"]

_STOPPED = {
    0: "zero is the solution",
    1: "equations hold to the tolerance",
    2: "least squares to the tolerance",
    4: "equations hold to machine precision",
    5: "least squares to machine precision",
    6: "the condition is beyond machine precision",
    7: "out of iterations",
}
"""Meaning of the numbers that lsmr and lsqr return for why they stopped; 3, a limit of the condition, is not set."""


@dataclass(frozen=True, eq=False)
class Deconvolution:
    """An image whose output is as near as possible to a given one, with its condition.

    Parameters
    ----------
    x : input_shape ndarray
        float64 or complex128.
    method, penalty : str
    damping : float
    residual : float
        ``|C x - y|``, measured with the operator afterwards.
    iterations : int
        0 for fft, which does not iterate.
    converged : bool
    condition : float
        Largest over smallest singular value of C, with the damping's rows below it: relative errors of y can be as
        much larger in x. Exact for fft. An iterative method gives the condition on the subspace that it has explored:
        a lower bound, near the condition of C without its null space after convergence; nan without an iteration.
    reason : str
        Why the method stopped, in one clause.
    """

    x: Array
    method: Method
    damping: float
    penalty: Penalty
    residual: float
    iterations: int
    converged: bool
    condition: float
    reason: str


def deconvolve(
    layer: Stack,
    weight: Weights | ArrayLike | None,
    y: ArrayLike,
    *,
    method: Method = "lsmr",
    damping: float = 0.0,
    penalty: Penalty = "identity",
    tolerance: float = 1e-8,
    iterations: int = 1000,
    progress: Progress | None = None,
) -> Deconvolution:
    """Find the x that makes ``|C x - y|^2 + damping * |D x|^2`` smallest, without building C.

    D is the penalty: x itself (Tikhonov), its differences along each axis, or its Laplacian; differences wrap around
    where the padding is circular, else they end at the border. Without damping, lsmr and lsqr find the smallest of all
    least-squares solutions, C^+ y; fft needs it to be the only one.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
    weight : weight_shape array_like, sequence with one entry for each layer, or None
        As `convmatrix.algebra.stack.arguments.with_weights` takes them; None where the layers have their weights, or
        need none.
    y : output_shape array_like
        One output, not a batch; flattened, as ``C @ x`` is, will do.
    method : {"lsmr", "lsqr", "fft"}
        fft does not iterate; C must be block-circulant, or both the border and the kernel symmetric.
    damping : float
    penalty : {"identity", "gradient", "laplacian"}
    tolerance, iterations : float and int
        Of lsmr and lsqr: atol and btol, which are relative, and the most steps they take.
    progress : callable, optional
        Called with (done, total) iterations; the last call has done equal to total.

    Returns
    -------
    Deconvolution

    Raises
    ------
    WrongTypeError
        If the weight is bool.
    ValueError
        If an argument is none of these, or if fft is not exact for the layer, or has no single solution.

    References
    ----------
    .. [1] D. C.-L. Fong, M. A. Saunders, LSMR, SIAM J. Sci. Comput. 33 (2011). C. C. Paige, M. A. Saunders, LSQR,
       ACM Trans. Math. Softw. 8 (1982).
    .. [2] B. R. Hunt, IEEE Trans. Audio Electroacoust. 19 (1971): the FFT. A. N. Tikhonov (1963): the penalty.

    Examples
    --------
    >>> conv = Conv((4,), 3, padding=1)
    >>> y = conv.operator([1.0, 3.0, 1.0]) @ np.array([1.0, 2.0, 3.0, 4.0])
    >>> deconvolve(conv, [1.0, 3.0, 1.0], y).x.round(6)
    array([[1., 2., 3., 4.]])
    """
    stack, weight_entries = with_weights(layer, weight)
    _check_arguments(stack, method, penalty, damping, tolerance, iterations)
    weights = each_weight(stack, weight_entries, _equations)
    operator = stack.operator(weights)
    image = _output(stack, floating(y))
    if method == "fft":
        if isinstance(stack, Network):
            raise ValueError(
                f"method 'fft' is not exact here: {why_not_diagonalizable(stack)}; use method='lsmr', "
                "which takes any stack"
            )
        solution = _by_frequencies(stack, weights, image, damping, penalty)
    else:
        solution = _by_iteration(
            stack, operator, image.ravel(), method, damping, penalty, tolerance, iterations, progress
        )
    x, steps, converged, condition, reason = solution
    residual = float(np.linalg.norm(operator @ x.ravel() - image.ravel()))
    if progress is not None:
        progress(iterations, iterations)
    return Deconvolution(
        x.reshape(stack.input_shape), method, damping, penalty, residual, steps, converged, condition, reason
    )


def _equations(layer: WeightedLayer, weight: Array) -> Array:
    """A weight in double precision, of finite numbers."""
    if weight.dtype == bool:
        raise WrongTypeError("weight has dtype bool, a pattern and no equations: cast it with .astype(float)")
    checked = layer.checked_weight(floating(weight))
    require_finite("weight", weight)
    return checked


# -- iteration -------------------------------------------------------------------------------------------------------


def _by_iteration(
    layer: ConvOrNetwork,
    operator: "LinearOperator",
    y: Array,
    method: Method,
    damping: float,
    penalty: Penalty,
    tolerance: float,
    iterations: int,
    progress: Progress | None,
) -> tuple[Array, int, bool, float, str]:
    """Solve by lsmr or lsqr: x, iterations, converged, condition, reason."""
    from scipy.sparse.linalg import lsmr, lsqr  # slow to import

    damp = 0.0
    if damping and penalty == "identity":
        damp = sqrt(damping)  # what the solvers offer themselves
    elif damping:
        operator = _stacked([operator, *_penalties(layer, penalty)], sqrt(damping))
        y = np.concatenate([y, np.zeros(operator.shape[0] - len(y), dtype=y.dtype)])
    y = y.astype(np.result_type(y, operator.dtype), copy=False)  # the solvers add to it in place
    recorder = _recording_operator(operator, iterations, progress)
    solve: Any = {"lsmr": lsmr, "lsqr": lsqr}[method]
    most = {"lsmr": "maxiter", "lsqr": "iter_lim"}[method]
    x, stop, steps, *_ = solve(recorder, y, damp=damp, atol=tolerance, btol=tolerance, conlim=0, **{most: iterations})
    return x, int(steps), stop in (0, 1, 2, 4, 5), _condition(recorder.entries, damp), _STOPPED[int(stop)]


def _recording_operator(operator: "LinearOperator", iterations: int, progress: Progress | None) -> Any:
    """The operator, which reports each iteration and keeps the bidiagonal matrix that both solvers work with."""
    from scipy.sparse.linalg import LinearOperator

    class RecordingOperator(LinearOperator):
        """Given unit vectors u1, v1, u2, v2, ..., of which each is made by subtracting the last from what this gives.

        So the product of each with what was given last is an entry of the bidiagonal matrix U^H C V.
        """

        def __init__(self) -> None:
            super().__init__(operator.dtype, operator.shape)  # type: ignore[call-arg]  # scipy-stubs know __new__ only
            self.entries: list[float] = []
            self.last: Array | None = None

        def _matvec(self, x: Array) -> Array:
            return self._keep(x, operator.matvec(x))

        def _rmatvec(self, x: Array) -> Array:
            done = len(self.entries) // 2 + 1
            if progress is not None and self.last is not None:
                progress(min(done, iterations), iterations)
            return self._keep(x, operator.rmatvec(x))

        def _keep(self, unit: Array, product: Array) -> Array:
            if self.last is not None:
                self.entries.append(float(np.vdot(unit, self.last).real))
            self.last = product
            return product

    return RecordingOperator()


def _condition(entries: list[float], damp: float) -> float:
    """Largest over smallest singular value of a bidiagonal matrix, from its entries in order; nan without any."""
    # They are the positive eigenvalues of the tridiagonal matrix that has these entries beside a diagonal of zeros
    # (Golub and Kahan, SIAM J. Numer. Anal. 2 (1965)).
    from scipy.linalg import eigvalsh_tridiagonal

    count = len(entries) // 2
    if not count:
        return float("nan")
    values = eigvalsh_tridiagonal(np.zeros(2 * count + 1), np.array(entries[: 2 * count]))[-count:]
    largest, least = np.hypot(values[-1], damp), np.hypot(max(values[0], 0.0), damp)
    return float(largest / least) if least else float("inf")


def _stacked(operators: "list[LinearOperator]", factor: float) -> "LinearOperator":
    """The first operator above all others, these times a factor."""
    from scipy.sparse.linalg import LinearOperator

    ends = np.cumsum([part.shape[0] for part in operators])
    factors = [1.0] + [factor] * (len(operators) - 1)

    def matvec(x: Array) -> Array:
        return np.concatenate([f * part.matvec(x) for f, part in zip(factors, operators, strict=True)])

    def rmatvec(y: Array) -> Array:
        pieces = np.split(y, ends[:-1])
        terms = (f * part.rmatvec(piece) for f, part, piece in zip(factors, operators, pieces, strict=True))
        return reduce(np.add, terms)

    shape = (int(ends[-1]), operators[0].shape[1])
    return LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=operators[0].dtype)


def _penalties(layer: ConvOrNetwork, penalty: Penalty) -> "list[LinearOperator]":
    """The differences of the layer's input in each channel, as convolutions."""
    size, channels = layer.input_size, layer.in_channels
    circular = not isinstance(layer, Network) and layer.padding_mode == "circular"
    common: dict[str, Any] = {"groups": channels, "in_channels": channels, "out_channels": channels}
    if penalty == "laplacian":
        kernel = presets.kernel("laplacian", ndim=len(size)).astype(float)
        mode = "circular" if circular else "symmetric"  # symmetric: no difference across the border
        conv = Conv(size, kernel.shape, padding=1, padding_mode=mode, **common)
        return [conv.operator(np.broadcast_to(kernel, conv.weight_shape))]
    parts = []
    for axis, n in enumerate(size):
        if n == 1:
            continue  # nothing to differ from
        kernel_size = tuple(2 if other == axis else 1 for other in range(len(size)))
        padding = tuple((0, int(circular and other == axis)) for other in range(len(size)))
        conv = Conv(size, kernel_size, padding=padding, padding_mode="circular" if circular else "zeros", **common)
        parts.append(conv.operator(np.broadcast_to(np.array([-1.0, 1.0]).reshape(kernel_size), conv.weight_shape)))
    return parts


# -- frequencies -----------------------------------------------------------------------------------------------------


def _by_frequencies(
    layer: Layer, weight: Array, y: Array, damping: float, penalty: Penalty
) -> tuple[Array, int, bool, float, str]:
    """Solve one small least-squares problem for each frequency: as `_by_iteration` returns."""
    reason = why_not_diagonalizable(layer, weight)
    if reason:
        raise ValueError(
            f"method 'fft' is not exact for this layer: {reason}; use method='lsmr', which takes any layer"
        )
    waves = Frequencies(layer, weight)
    if damping and penalty != "identity" and not waves.mirrored and layer.padding_mode != "circular":
        raise ValueError(
            f"method 'fft' is not exact for penalty {penalty!r} here: with padding_mode {layer.padding_mode!r} its "
            f"differences end at the border, with stride {layer.stride} the frequencies go around; use method='lsmr'"
        )
    blocks, right = waves.blocks, waves.analyse(y, "output")
    rows, cols = blocks.shape[-2:]
    if damping:
        blocks = np.concatenate([blocks, _damped_rows(waves, blocks.shape, damping, penalty)], axis=-2)
        right = np.concatenate([right, np.zeros((*right.shape[:-1], cols), dtype=right.dtype)], axis=-1)
    elif rows < cols:
        raise ValueError(
            f"plain inversion has no single answer: each of {len(blocks)} frequencies has {cols} unknowns and {rows} "
            f"equation{'s' * (rows > 1)}; {_WAY_OUT}"
        )
    values = np.linalg.norm(blocks, axis=-2) if cols == 1 else np.linalg.svd(blocks, compute_uv=False)
    largest, least = float(values.max()), values.min(axis=(1, 2))
    _check_regular(waves, least, rounding(values, layer.matrix_shape), largest, damped=damping > 0)
    x = waves.synthesise(_least_squares(blocks, right, values), "input")
    if np.isrealobj(weight) and np.isrealobj(y):
        x = x.real
    return (
        x,
        0,
        True,
        largest / float(least.min()),
        f"one block of {rows} x {cols} for each of {len(blocks)} frequencies",
    )


_WAY_OUT = (
    "give a damping > 0 (Tikhonov), or use method='lsmr', which finds the smallest of all least-squares solutions"
)


def _damped_rows(waves: Frequencies, shape: tuple[int, ...], damping: float, penalty: Penalty) -> Array:
    """The square root of the penalty, which is diagonal, to stand below each block."""
    cols = shape[-1]
    power = {"identity": 0.0, "gradient": 0.5, "laplacian": 1.0}[penalty]
    differences = waves.differences()  # shape (frequencies, 1, aliases)
    diagonal = sqrt(damping) * np.tile(differences**power, cols // differences.shape[-1])
    return np.broadcast_to(diagonal[..., None] * np.eye(cols), (*shape[:2], cols, cols))


def _check_regular(waves: Frequencies, least: Array, tolerance: float, largest: float, *, damped: bool) -> None:
    """Raise an error if a frequency is lost; `least` has the smallest singular value of each."""
    if float(least.min()) > tolerance:
        return
    lost = int(np.count_nonzero(least <= tolerance))
    first = int(np.argmin(least))
    what = "the penalty does not hold what the matrix loses" if damped else "the matrix is singular"
    raise ValueError(
        f"{what}: at frequency {waves.name(first)} of {' x '.join(map(str, waves.grid))} the smallest singular value "
        f"is {least[first]:.2g}, zero to the tolerance of {tolerance:.2g} (the largest is {largest:.2g}); {lost} of "
        f"{len(least)} frequencies are lost; " + ("use penalty='identity'" if damped else _WAY_OUT)
    )


def _least_squares(blocks: Array, right: Array, values: Array) -> Array:
    """Solve every block; shape (frequencies, groups, cols)."""
    if blocks.shape[-1] == 1:
        return np.asarray((blocks.conj()[..., 0] * right).sum(axis=-1, keepdims=True) / values**2)
    q, r = np.linalg.qr(blocks)
    return np.asarray(np.linalg.solve(r, np.swapaxes(q.conj(), -1, -2) @ right[..., None])[..., 0])


# -- arguments -------------------------------------------------------------------------------------------------------


def _check_arguments(
    layer: ConvOrNetwork, method: str, penalty: str, damping: float, tolerance: float, iterations: int
) -> None:
    for name, choice, choices in (("method", method, get_args(Method)), ("penalty", penalty, get_args(Penalty))):
        if choice not in choices:
            raise ValueError(f"{name} {short(choice)} is not one of {', '.join(choices)}")
    if penalty != "identity" and layer.ndim == 0:
        raise ValueError(
            f"penalty {short(penalty)} needs at least one axis to take differences along, this layer has none"
        )
    for name, number in (("damping", damping), ("tolerance", tolerance)):
        if real_number(name, number) < 0:
            raise ValueError(f"{name} must be at least 0 and finite, got {short(number)}")
    positive("iterations", iterations)


def floating(array: ArrayLike) -> Array:
    """The array in double precision, real or complex; entries that are no numbers stay, for a later error."""
    array = array_of("the array", array)
    return array.astype(np.result_type(array.dtype, np.float64), copy=False) if array.dtype.kind in "biufc" else array


def _output(layer: ConvOrNetwork, y: Array) -> Array:
    """One output as (out_channels, *output_size), of finite numbers."""
    rows = layer.matrix_shape[0]
    if y.shape == (rows,):
        y = y.reshape(layer.output_shape)
    elif y.shape == layer.output_size and layer.out_channels == 1:
        y = y[None]
    if y.shape != layer.output_shape:
        also = f", {layer.output_size}" if layer.out_channels == 1 else ""
        raise ValueError(
            f"y has shape {y.shape} but one output of this layer has {layer.output_shape}{also} or ({rows},): give "
            "several one at a time"
        )
    require_finite("y", y)
    return y
