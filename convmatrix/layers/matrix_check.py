"""Comparison of a matrix that somebody made by other means with the matrix of a layer: right, or which mistake.

The usual mistakes rearrange the whole matrix, and each is undone and compared in turn; what is left is described by its
first wrong row. Without a weight, the matrix may be that of any: the weight is read off, each entry of it by the value
that most of its places have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import TooLargeError, WrongTypeError, pluralize, short
from convmatrix.layers.arguments import array_of, cast_for

__all__ = ["Expected", "MatrixCheck", "compare", "weighted"]

Csr = sparse.csr_array
Ints = NDArray[np.int64]

_ROUNDING = {"single": 1e-5, "double": 1e-9}
"""Largest deviation of a float that counts as equal, relative to the largest entry."""
_SAMPLED = 8
"""Rows that are compared before a whole matrix is rearranged."""


@dataclass(frozen=True)
class MatrixCheck:
    """Result of `check_matrix`: whether a matrix is that of a layer, and if not, what is wrong with it.

    Parameters
    ----------
    ok : bool
    kind : str
        ``right``. For mistakes in all of the matrix: ``transposed``, ``kernel flipped``, ``kernel transposed``,
        ``channels of the weight swapped``, or ``columns``, ``rows`` or ``rows and columns`` followed by ``in F order``
        (of each channel), ``in F order of all axes``, ``channels last`` or ``in reverse order``. Else ``shape`` or
        ``row``.
    reason : str
        One sentence.
    row, column : int, optional
        The first wrong row, and its first wrong column.
    weight : weight_shape ndarray, optional
        Weight with which the matrix was compared: the one that was given, or the one that was read off.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> C = Conv((4,), 2).matrix([1, 2]).toarray()
    >>> C[1] = np.roll(C[1], 1)
    >>> found = Conv((4,), 2).check_matrix(C)
    >>> found.ok, found.kind, found.reason
    (False, 'row', 'row 1 is shifted one column to the right: it has the entries of row 2')
    """

    ok: bool
    kind: str
    reason: str
    row: int | None = None
    column: int | None = None
    weight: NDArray[Any] | None = field(default=None, compare=False)


class Expected(NamedTuple):
    """Reference for a matrix: shapes of a layer, and functions of it; a layer without a weight has no taps."""

    name: str
    output_shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    build: Callable[[Any], Csr]
    weight_shape: tuple[int, ...] | None = None
    kernel_axes: int = 0
    taps: Callable[[], tuple[Ints, Ints]] | None = None
    checked_weight: Callable[[ArrayLike], NDArray[Any]] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return prod(self.output_shape), prod(self.input_shape)


def weighted(layer: Any) -> Expected:
    """Collect the parts of a layer with a weight that its matrix is compared with.

    Returns
    -------
    Expected
    """
    return Expected(
        short(layer),
        layer.output_shape,
        layer.input_shape,
        layer.matrix,
        layer.weight_shape,
        len(layer.kernel_size),
        layer.taps,
        layer.checked_weight,
    )


def compare(expected: Expected, matrix: Any, weight: ArrayLike | None, tolerance: float | None) -> MatrixCheck:
    """Compare a matrix with that of a layer.

    Parameters
    ----------
    expected : Expected
    matrix : (rows, cols) array_like or sparse array
    weight : weight_shape array_like, optional
    tolerance : float, optional
        Largest deviation that counts as equal.

    Returns
    -------
    MatrixCheck

    Raises
    ------
    ValueError
        If the matrix is not one of finite numbers, or the tolerance is negative.
    """
    given = _as_csr(matrix)
    if tolerance is not None and not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {short(tolerance)}")
    return _Comparison(expected, weight, tolerance).result(given)


def _as_csr(matrix: Any) -> Csr:
    """The matrix in canonical format, without zeros; its integers as int64 where that holds them."""
    checked: Any = matrix
    if sparse.issparse(matrix):
        checked = sparse.csr_array(checked)
    else:
        array = array_of("matrix", matrix)
        if array.ndim != 2:
            raise ValueError(f"matrix has shape {array.shape} but needs two axes: rows and columns")
        if array.dtype.kind not in "biufc":
            raise WrongTypeError(f"matrix has dtype {array.dtype}, but needs numbers")
        checked = sparse.csr_array(array.astype(cast_for(array.dtype) or array.dtype, copy=False))
    if prod(checked.shape) >= 2**63:
        raise TooLargeError(f"matrix has shape {checked.shape}, whose places 64-bit integers cannot number")
    kind = checked.dtype.kind
    if kind in "bi" or (kind == "u" and (not checked.nnz or checked.data.max() < 2**63)):
        checked = checked.astype(np.int64)
    elif kind == "u":
        checked = checked.astype(np.float64)
    else:
        checked = checked.astype(checked.dtype, copy=True)
    result: Csr = checked
    result.sum_duplicates()
    result.eliminate_zeros()
    if not np.isfinite(result.data).all():
        entry = int(np.argmin(np.isfinite(result.data)))
        row = int(np.searchsorted(result.indptr, entry, side="right")) - 1
        raise ValueError(
            f"matrix has {result.data[entry]} in row {row}, column {result.indices[entry]}, but needs finite numbers"
        )
    return result


class _Comparison:
    """Attempts to find a matrix equal to that of a layer."""

    def __init__(self, expected: Expected, weight: ArrayLike | None, tolerance: float | None) -> None:
        self.expected, self.tolerance = expected, tolerance
        check = expected.checked_weight
        self.given = None if weight is None or check is None else check(weight)
        self.reads_weight = weight is None and expected.weight_shape is not None

    def result(self, matrix: Csr) -> MatrixCheck:
        if matrix.shape != self.expected.shape:
            return self._other_shape(matrix)
        reader = _Reader(self.expected) if self.reads_weight else None
        weight = reader.weight(matrix) if reader else self.given
        expected = self._build(weight)
        if self._equal(matrix, expected):
            return MatrixCheck(True, "right", self._praise(weight), weight=weight)
        mistakes = [
            (kind, sentence, own)
            for kind, sentence, undone, changed in self._mistakes(matrix)
            for own in [reader.first_weight(undone) if reader else changed]
            if self._equal(undone, self._build(own))
        ]
        if mistakes:
            (kind, sentence, own), *others = mistakes
            same = "".join(f"; for this layer, that is the same as {other}" for other, *_ in others[:1])
            return MatrixCheck(False, kind, sentence + same, weight=own if reader else self.given)
        return self._first_row(matrix, expected, weight)

    def _mistakes(self, matrix: Csr) -> Iterator[tuple[str, str, Csr, NDArray[Any] | None]]:
        """Mistakes in the whole matrix, the usual ones first: what undoes each, and the weight that it would have."""
        if matrix.shape[0] == matrix.shape[1]:
            sentence = "it is transposed: rows and columns have changed places"
            yield "transposed", sentence, sparse.csr_array(matrix.T), self.given
        changed = [] if self.given is None else list(_changed_weights(self.given, self.expected.kernel_axes))
        flipped = min(self.expected.kernel_axes, 1)  # the first of them, if there are axes
        for kind, sentence, weight in changed[:flipped]:
            yield kind, sentence, matrix, weight
        for kind, sentence, undone in self._rearranged(matrix):
            yield kind, sentence, undone, self.given
        for kind, sentence, weight in changed[flipped:]:
            yield kind, sentence, matrix, weight

    def _build(self, weight: NDArray[Any] | None) -> Csr:
        built = self.expected.build(weight)
        return built.astype(np.int64) if built.dtype.kind in "biu" else built

    def _praise(self, weight: NDArray[Any] | None) -> str:
        sentence = f"it is the matrix of {self.expected.name}"
        if self.given is None and weight is not None:
            return (
                f"{sentence}, with the weight {_listed(weight)}; whether that is flipped shows only beside a weight "
                "that is given"
            )
        return sentence

    def _limit(self, matrix: Csr, expected: Csr) -> float:
        if self.tolerance is not None:
            return self.tolerance
        kinds = (matrix.dtype, expected.dtype)
        if all(dtype.kind == "i" for dtype in kinds):
            return 0.0
        single = any(dtype.kind in "fc" and np.finfo(dtype).eps > 1e-10 for dtype in kinds)
        largest = max((float(np.abs(each.data).max(initial=0)) for each in (matrix, expected)), default=0.0)
        return largest * _ROUNDING["single" if single else "double"]

    def _differences(self, matrix: Csr, expected: Csr) -> Csr:
        """Nonzero where the two differ by more than the rounding."""
        difference = sparse.csr_array(matrix - expected)
        difference.data = np.where(np.abs(difference.data) > self._limit(matrix, expected), difference.data, 0)
        difference.eliminate_zeros()
        return difference

    def _equal(self, matrix: Csr, expected: Csr) -> bool:
        rows = np.unique(np.linspace(0, matrix.shape[0] - 1, _SAMPLED).astype(np.int64))
        if self._differences(matrix[rows], expected[rows]).nnz:
            return False
        return self._differences(matrix, expected).nnz == 0

    def _other_shape(self, matrix: Csr) -> MatrixCheck:
        rows, cols = self.expected.shape
        sizes = (
            f"{rows} x {cols}: a row for each output, {_product(self.expected.output_shape)}, and a column for each "
            f"input, {_product(self.expected.input_shape)}"
        )
        if matrix.shape == (cols, rows):
            back = self.result(sparse.csr_array(matrix.T))
            if back.ok:
                sentence = f"it is transposed: {_shape(matrix)} instead of {sizes}"
                return MatrixCheck(False, "transposed", sentence, weight=back.weight)
            return MatrixCheck(
                False,
                "shape",
                f"it is {_shape(matrix)} but needs {sizes}; transposed, {back.reason}",
                weight=back.weight,
            )
        return MatrixCheck(False, "shape", f"it is {_shape(matrix)} but needs {sizes}")

    def _rearranged(self, matrix: Csr) -> Iterator[tuple[str, str, Csr]]:
        """The matrix with each other order of rows, columns or both undone."""
        rows, cols = (dict(_orders(shape)) for shape in (self.expected.output_shape, self.expected.input_shape))
        seen = set[tuple[bytes, bytes]]()
        for order in dict.fromkeys([*cols, *rows]):
            by_row, by_col = rows.get(order), cols.get(order)
            for what, row_order, col_order in (
                ("columns", None, by_col),
                ("rows", by_row, None),
                ("rows and columns", by_row, by_col),
            ):
                if (row_order is None) == ("rows" in what) or (col_order is None) == ("columns" in what):
                    continue  # one of them has no other order, as with one channel
                places = tuple(b"" if each is None else each.tobytes() for each in (row_order, col_order))
                if places in seen:
                    continue  # with one channel, all axes are those of the image
                seen.add((places[0], places[1]))
                undone = matrix if row_order is None else matrix[row_order]
                undone = undone if col_order is None else undone[:, col_order]
                undone.sort_indices()
                yield f"{what} {order}", f"its {what} are {_ORDERS[order]}", sparse.csr_array(undone)

    def _first_row(self, matrix: Csr, expected: Csr, weight: NDArray[Any] | None) -> MatrixCheck:
        wrong = np.flatnonzero(np.diff(self._differences(matrix, expected).indptr))
        row = int(wrong[0])
        column, sentence = self._fault(row, matrix, expected)
        if len(wrong) > 1:
            sentence += f"; {len(wrong)} of {matrix.shape[0]} rows are wrong"
        if self.reads_weight:
            sentence += f" (beside the weight {_listed(weight)}, which most entries have)" if len(wrong) > 1 else ""
        return MatrixCheck(False, "row", sentence, row, column, weight)

    def _fault(self, row: int, matrix: Csr, expected: Csr) -> tuple[int, str]:
        """The first wrong column of a row, and how the row is wrong."""
        limit = self._limit(matrix, expected)
        (cols, values), (right_cols, right) = _row(matrix, row), _row(expected, row)
        column = int(self._differences(matrix[[row]], expected[[row]]).indices.min())

        def same(one: NDArray[Any], other: NDArray[Any]) -> bool:
            return len(one) == len(other) and bool((np.abs(one - other) <= limit).all())

        if not len(cols):
            return column, f"row {row} is empty, but needs {pluralize(len(right_cols), 'entry')}"
        if not len(right_cols):
            return column, f"row {row} has {pluralize(len(cols), 'entry')}, but needs none"
        other = self._row_like(cols, values, expected, limit)
        if same(values, right):
            shifts = np.unique(cols - right_cols)
            if len(shifts) == 1:
                way = "right" if shifts[0] > 0 else "left"
                onto = "" if other is None else f": it has the entries of row {other}"
                return column, f"row {row} is shifted {_columns(abs(int(shifts[0])))} to the {way}{onto}"
        if other is not None:
            return column, f"row {row} has the entries of row {other}"
        if np.array_equal(cols, right_cols):
            if same(values[::-1], right):
                return column, f"row {row} has its entries in reverse order"
            factor = values[0] / right[0]
            if same(values, right * factor):
                return column, f"row {row} is {_number(factor)} times what it should be"
        return column, self._entry(row, column, matrix, expected, limit)

    @staticmethod
    def _row_like(cols: Any, values: Any, expected: Csr, limit: float) -> int | None:
        """Another row that has these entries."""
        starts = np.flatnonzero((expected.indices == cols[0]) & (np.abs(expected.data - values[0]) <= limit))
        for start in starts.tolist():
            row = int(np.searchsorted(expected.indptr, start, side="right")) - 1
            right_cols, right = _row(expected, row)
            if np.array_equal(cols, right_cols) and (np.abs(values - right) <= limit).all():
                return row
        return None

    def _entry(self, row: int, column: int, matrix: Csr, expected: Csr, limit: float) -> str:
        found, needed = matrix[row, column], expected[row, column]
        where = f"row {row}, column {column}"
        more = self._differences(matrix[[row]], expected[[row]]).nnz - 1
        rest = f", and {pluralize(more, 'entry')} more of this row" if more else ""
        if found == 0:
            return f"{where} is empty, but needs {_number(needed)}{self._tap(row, column)}{rest}"
        if needed == 0:
            return f"{where} is {_number(found)}, but needs 0{rest}"
        return f"{where} is {_number(found)}, but needs {_number(needed)}{self._tap(row, column)}{rest}"

    def _tap(self, row: int, column: int) -> str:
        """The entry of the weight that stands at a place of the matrix."""
        if self.expected.taps is None or self.expected.weight_shape is None:
            return ""
        indptr, ids = self.expected.taps()
        pattern = self.expected.build(np.ones(self.expected.weight_shape, dtype=bool))
        entry = int(pattern.indptr[row]) + int(np.searchsorted(_row_columns(pattern, row), column))
        if entry >= pattern.indptr[row + 1] or pattern.indices[entry] != column:
            return ""
        places = [
            tuple(int(at) for at in np.unravel_index(tap, self.expected.weight_shape))
            for tap in ids[indptr[entry] : indptr[entry + 1]]
        ]
        return " = " + " + ".join(f"weight[{', '.join(map(str, place))}]" for place in places)


# -- the weight of a matrix ------------------------------------------------------------------------------------------


class _Reader:
    """Reads the weight off a matrix: each entry of it is the value at its places, or the most frequent of them.

    Where a border brings several taps onto one input, entries are sums. All pairs of channels have the same sums, so a
    small system of equations gives the taps that never stand alone.
    """

    def __init__(self, expected: Expected) -> None:
        assert expected.taps is not None
        assert expected.weight_shape is not None
        self.shape = expected.weight_shape
        self.kernel = prod(self.shape[2:])
        self.pattern = expected.build(np.ones(self.shape, dtype=bool))
        indptr, ids = expected.taps()
        lengths = np.diff(indptr)
        self.alone = bool((lengths == 1).all())
        self.pairs = ids[indptr[:-1]] // self.kernel if len(lengths) else np.zeros(0, np.int64)
        if self.alone:
            self.sums, of_entry = self.kernel, ids % self.kernel
        else:
            # Sums of the same taps have the same sum of random numbers.
            marks = np.random.default_rng(0).integers(1, 2**40, self.kernel)
            keys = np.add.reduceat(marks[ids % self.kernel], indptr[:-1])
            _, first, of_entry = np.unique(keys, return_index=True, return_inverse=True)
            self.sums = len(first)
            rows = np.repeat(np.arange(self.sums), lengths[first])
            taps = np.concatenate([ids[indptr[entry] : indptr[entry + 1]] for entry in first.tolist()]) % self.kernel
            self.system = sparse.csr_array((np.ones(len(taps)), (rows, taps)), shape=(self.sums, self.kernel))
        self.places = self.pairs * self.sums + of_entry
        self.columns = _numbered(self.pattern)

    def weight(self, matrix: Csr) -> NDArray[Any]:
        """The weight by the value that is most frequent at its places."""
        values = self._values(matrix)
        order = np.lexsort((values, self.places))
        places, values = self.places[order], values[order]
        starts = np.flatnonzero(np.r_[True, (places[1:] != places[:-1]) | (values[1:] != values[:-1])])
        counts = np.diff(np.r_[starts, len(places)])
        best = np.lexsort((-counts, places[starts]))
        places, first = np.unique(places[starts][best], return_index=True)
        return self._solved(places, values[starts][best][first])

    def first_weight(self, matrix: Csr) -> NDArray[Any]:
        """The weight by the value at the first of its places; any will do where all are right."""
        places, first = np.unique(self.places, return_index=True)
        return self._solved(places, self._values(matrix, first))

    def _values(self, matrix: Csr, entries: Ints | None = None) -> NDArray[Any]:
        """Values of a matrix at the places of the pattern."""
        wanted = self.columns if entries is None else self.columns[entries]
        numbers = _numbered(matrix)
        if not len(numbers):
            return np.zeros(len(wanted), matrix.dtype)
        at = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        return np.where(numbers[at] == wanted, matrix.data[at], 0)

    def _solved(self, places: Ints, values: NDArray[Any]) -> NDArray[Any]:
        """The weight of the values of all sums of taps."""
        sums = np.zeros((prod(self.shape[:2]), self.sums), values.dtype)
        sums.reshape(-1)[places] = values
        if self.alone:
            return sums.reshape(self.shape)
        weight = np.zeros((len(sums), self.kernel), values.dtype)
        single = np.flatnonzero((np.diff(self.system.indptr) == 1) & (self.system.sum(axis=1) == 1))
        known = self.system.indices[self.system.indptr[single]]
        weight[:, known] = sums[:, single]
        unknown = np.setdiff1d(np.arange(self.kernel), known)
        if len(unknown):
            rest = sums.T - self.system @ weight.T
            solved = np.linalg.lstsq(self.system[:, unknown].toarray(), rest, rcond=None)[0].T
            whole = np.rint(solved.real)
            if values.dtype.kind == "i" and np.allclose(whole, solved, atol=1e-6):
                solved = whole.astype(values.dtype)
            weight = weight.astype(np.result_type(weight, solved))
            weight[:, unknown] = solved
        return weight.reshape(self.shape)


# -- rearrangements --------------------------------------------------------------------------------------------------

_ORDERS = {
    "in F order": "in F order: the first axis of the image varies fastest, as in MATLAB, instead of the last",
    "in F order of all axes": "in F order of all axes, channels too, instead of row-major with channels first",
    "channels last": "channels last: the channels of a pixel stand together, instead of channels first",
    "in reverse order": "in reverse order",
}


def _orders(shape: tuple[int, ...]) -> Iterator[tuple[str, Ints]]:
    """For each usual order of an image's entries, if it is not row-major: where the row-major entries stand in it."""
    channels, *size = shape
    count = prod(shape)
    standard = np.arange(count)
    for name, numbers in (
        ("in F order", standard.reshape(channels, *size[::-1]).transpose(0, *range(len(size), 0, -1))),
        ("in F order of all axes", standard.reshape(shape[::-1]).T),
        ("channels last", np.moveaxis(standard.reshape(*size, channels), -1, 0)),
        ("in reverse order", standard[::-1]),
    ):
        order = numbers.ravel()
        if not np.array_equal(order, standard):
            yield name, order


def _changed_weights(weight: NDArray[Any], axes: int) -> Iterator[tuple[str, str, NDArray[Any]]]:
    kernel = tuple(range(weight.ndim - axes, weight.ndim))
    if axes:
        yield "kernel flipped", "its kernel is flipped, by 180 degrees, on every axis", np.flip(weight, kernel)
    if axes > 1 and len(set(weight.shape[-axes:])) == 1:
        swapped = weight.transpose(*range(weight.ndim - axes), *kernel[::-1])
        yield "kernel transposed", "its kernel is transposed: rows and columns of the weight changed places", swapped
    if weight.ndim > axes and weight.shape[0] == weight.shape[1] > 1:
        yield (
            "channels of the weight swapped",
            "the first two axes of its weight have changed places: inputs and outputs",
            weight.swapaxes(0, 1),
        )


# -- text ------------------------------------------------------------------------------------------------------------


def _numbered(matrix: Csr) -> Ints:
    """The number of each entry's place, in the order of rows and columns."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * matrix.shape[1] + matrix.indices


def _row(matrix: Csr, row: int) -> tuple[Ints, NDArray[Any]]:
    """Columns and values of a row that are not 0."""
    part = slice(matrix.indptr[row], matrix.indptr[row + 1])
    cols, values = matrix.indices[part].astype(np.int64), matrix.data[part]
    return cols[values != 0], values[values != 0]


def _row_columns(matrix: Csr, row: int) -> NDArray[Any]:
    return np.asarray(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])


def _columns(number: int) -> str:
    return "one column" if number == 1 else f"{number} columns"


def _number(value: Any) -> str:
    return f"{float(value):.12g}" if isinstance(value, np.floating) else f"{value}"


def _shape(matrix: Csr) -> str:
    return f"{matrix.shape[0]} x {matrix.shape[1]}"


def _product(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape if shape[0] > 1 else shape[1:] or shape))


def _listed(weight: NDArray[Any] | None) -> str:
    assert weight is not None
    bare = weight[0, 0] if weight.shape[:2] == (1, 1) else weight
    return short(bare.tolist())
