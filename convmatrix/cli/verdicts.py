"""Sentences on whether the transpose undoes the convolution, with a number that can be checked by hand."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from convmatrix.cli.descriptions import unbroken, wrapped
from convmatrix.cli.interrupts import held_back
from convmatrix.cli.terminal import Bar
from convmatrix.core.errors import pluralize
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.show.model.scene import Scene
from convmatrix.show.render.text import Terminal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convmatrix.algebra import Check, Verdict

__all__ = ["Answer", "answer_of", "as_dict", "details", "sentences"]

_LARGEST_WEIGHT = 10**6
"""Most weights that are numbered 1, 2, 3, ... to compute an entry of C^T C."""
_BY_HAND = 9
"""Most products that one adds up by hand."""
_NEAR = 32
"""Inputs among which an entry with fewer products is looked for."""


@dataclass(frozen=True)
class _Entry:
    """An entry of C^T C, of column `row` of C with column `col`, as pairs of factors that are not zero."""

    row: int
    col: int
    factors: tuple[tuple[Any, Any], ...]

    @property
    def value(self) -> Any:
        return sum((first * second for first, second in self.factors), 0)

    @property
    def of_identity(self) -> int:
        return int(self.row == self.col)

    @property
    def deviates(self) -> bool:
        """Check whether it is not the identity's, by more than roundings."""
        return bool(abs(self.value - self.of_identity) > 1e-6)


@dataclass(frozen=True)
class Answer:
    """Results for a layer's matrix C, the one that takes x to y.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    verdict : Verdict
        For the given weight, or for drawn ones.
    left, right : Check or None
        The findings ``C^T C = I`` and ``C C^T = I``, for the given weight, or for 1, 2, 3, ...
    entry : _Entry or None
        The entry of ``C^T C`` that shows it.
    weight : str
        The weight that the entry belongs to, as text; empty for a given one.
    is_complex : bool
    """

    layer: Layer
    verdict: "Verdict"
    left: "Check | None"
    right: "Check | None"
    entry: _Entry | None
    weight: str
    is_complex: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of C."""
        rows, cols = self.layer.matrix_shape
        return (rows, cols) if isinstance(self.layer, Conv) else (cols, rows)

    @property
    def product(self) -> str:
        """Name of the product of the transpose and C."""
        return "C^H C" if self.is_complex else "C^T C"

    @property
    def cogram(self) -> str:
        """Name of the product of C and the transpose."""
        return "C C^H" if self.is_complex else "C C^T"

    @property
    def transposed(self) -> str:
        """Symbol of the transpose."""
        return "C^H" if self.is_complex else "C^T"


def answer_of(layer: Layer, weight: "NDArray[Any] | None", *, any_size: bool) -> Answer:
    """Find out whether the transpose undoes the convolution, and an entry that shows it."""
    with held_back():
        import numpy as np

        from convmatrix.algebra import verdict
        from convmatrix.algebra.verdicts import inverse_findings
    with Bar("rank") as bar:
        found = verdict(layer, weight, any_size=any_size, progress=bar)
    gram, cogram, described, values = found.gram, found.cogram, "", weight
    size = prod(layer.weight_shape)
    if weight is None and size <= _LARGEST_WEIGHT:
        for first in (1, 2):  # the only weight of a layer may be 1, whose C is I
            values = np.arange(first, first + size).reshape(layer.weight_shape)
            gram, cogram = inverse_findings(layer, values)
            described = "w = " + _listed(first, first + size - 1)
            if gram is None or not gram.holds:
                break
    left, right = (gram, cogram) if isinstance(layer, Conv) else (cogram, gram)
    entry = None if values is None or left is None else _shown_entry(layer, values, left)
    if weight is None and entry is not None and len(entry.factors) > _BY_HAND:
        # The number of outputs that read both inputs, which one counts.
        up, described = _transpose(layer), "every w = 1"
        ones = np.ones(layer.weight_shape, dtype=np.int64)
        entry = _entry(_columns(up, ones, [entry.row, entry.col]), entry.row, entry.col)
    return Answer(layer, found, left, right, entry, described, weight is not None and weight.dtype.kind == "c")


def _listed(first: int, last: int) -> str:
    if last - first < 3:
        return ", ".join(map(str, range(first, last + 1)))
    return f"{first}, {first + 1}, ... {last}"


def _transpose(layer: Layer) -> ConvTranspose:
    """The layer whose matrix is the transpose of C."""
    return layer if isinstance(layer, ConvTranspose) else layer.T


# -- the entry -------------------------------------------------------------------------------------------------------


def _shown_entry(layer: Layer, weight: "NDArray[Any]", finding: "Check") -> _Entry | None:
    """The entry that deviates most; one with fewer products where it has too many; without any, one on the diagonal."""
    up = _transpose(layer)
    inputs = up.matrix_shape[0]
    if finding.where is None:
        middle = inputs // 2
        return _entry(_columns(up, weight, [middle]), middle, middle)
    row, col = finding.where
    largest = _entry(_columns(up, weight, [row, col]), row, col)
    if len(largest.factors) <= _BY_HAND:
        return largest
    near = _columns(up, weight, range(min(inputs, _NEAR)))
    candidates = (_entry(near, one, other) for one in near for other in near if one <= other)
    deviating = (entry for entry in candidates if entry.factors and entry.deviates)
    return min((largest, *deviating), key=lambda entry: len(entry.factors))


def _columns(up: ConvTranspose, weight: "NDArray[Any]", columns: Any) -> dict[int, dict[int, Any]]:
    """Columns of C, the rows of its transpose, each as its entries by their rows."""
    result = {}
    for column in columns:
        part = up.matrix(weight, rows=slice(column, column + 1))
        result[column] = dict(zip(part.indices.tolist(), part.data.tolist(), strict=True))
    return result


def _entry(columns: dict[int, dict[int, Any]], row: int, col: int) -> _Entry:
    first, second = columns[row], columns[col]
    pairs = [(_conjugate(first[at]), second[at]) for at in first if at in second]
    return _Entry(row, col, tuple(pair for pair in pairs if pair[0] and pair[1]))


def _conjugate(value: Any) -> Any:
    return value.conjugate() if isinstance(value, complex) else value


# -- sentences -------------------------------------------------------------------------------------------------------


def sentences(answer: Answer, shown: Terminal) -> list[list[str]]:
    """The question with its answer, the number that shows it, and the rank: the lines of each."""
    texts = [_entry_described(answer, shown), _rank_described(answer)]
    return [wrapped(_question(answer), shown), *(wrapped(text, shown, "  ") for text in texts if text)]


def _question(answer: Answer) -> str:
    transposed = "conjugate transpose" if answer.is_complex else "transpose"
    rows, cols = answer.shape
    if answer.left is None and rows >= cols:
        return f"Does the {transposed} undo the convolution?  Not computed: it takes too many products"
    sign, word = ("=", "Yes") if answer.left is not None and answer.left.holds else ("!=", "No")
    return f"Does the {transposed} undo the convolution?  {word}: {answer.product} {sign} I"


def _entry_described(answer: Answer, shown: Terminal) -> str:
    """One entry of C^T C, with its sum where that fits beside it."""
    entry = answer.entry
    if entry is None:
        return ""
    scene = Scene(_transpose(answer.layer))
    start = f"With {answer.weight}, row" if answer.weight else "Row"
    place = f"{start} {scene.row_name(entry.row)}, column {scene.row_name(entry.col)} of {answer.product} is "
    of_identity = str(entry.of_identity)
    value = _number(entry.value)
    if value == of_identity and entry.deviates:
        value = repr(entry.value)
    end = f"{value}, not {of_identity}." if entry.deviates else f"{value}, as in I."
    products = " + ".join(f"{_factor(first)}·{_factor(second)}" for first, second in entry.factors)
    exact = all(len(_factor(factor)) <= 6 for pair in entry.factors for factor in pair)
    if 0 < len(entry.factors) <= _BY_HAND and exact:
        end = f"{products} = {end}"
    return place + (unbroken(end) if len(end) + 2 <= shown.width else end)


def _factor(value: Any) -> str:
    """A factor as it is, in brackets if it has a sign."""
    text = str(value).strip("()") if isinstance(value, complex) else f"{value!r}".removesuffix(".0")
    return f"({text})" if isinstance(value, complex) or text.startswith("-") else text


def _number(value: Any) -> str:
    if isinstance(value, complex):
        return _number(value.real) if not value.imag else f"{value.real:.6g}{value.imag:+.6g}j"
    return str(int(value)) if isinstance(value, int) else f"{value:.6g}"


def _rank_described(answer: Answer) -> str:
    rows, cols = answer.shape
    if answer.verdict.rank is None:
        return _unknown_rank(answer)
    rank = answer.verdict.rank.value
    if rank < cols:
        return _lost(answer, rank, cols)
    almost = " for almost every w" if answer.verdict.generic else ""
    known = f"C has rank {rank}{almost}: no direction of x is lost"
    if answer.left is not None and answer.left.holds:
        return f"{known}" + (
            f"; {answer.transposed} is the inverse of C." if rows == cols else ", and no length changes."
        )
    if rows == cols == 1:
        return f"{known}, and dividing by C undoes it."
    if rows == cols:
        return f"{known}. C has an inverse, but it is not {answer.transposed}."
    return f"{known}. Least squares brings x back, {answer.transposed} does not."


def _lost(answer: Answer, rank: int, cols: int) -> str:
    lost = cols - rank
    if cols == 1:
        text = f"C has rank {rank}: x is lost, and nothing brings it back."
    elif rank == 0:
        text = f"C has rank 0: all {cols} directions of x are lost, and nothing brings them back."
    elif lost == 1:
        text = f"C has rank {rank}: 1 of {cols} directions of x is lost, and nothing brings it back."
    else:
        text = f"C has rank {rank}: {lost} of {cols} directions of x are lost, and nothing brings them back."
    if answer.right is not None and answer.right.holds:
        text += f" But {answer.cogram} = I: the convolution undoes its transpose."
    return text


def _unknown_rank(answer: Answer) -> str:
    rows, cols = answer.shape
    unknown = f"The rank is not computed for {rows} × {cols}, above 2000: --rank computes it."
    if answer.left is not None and answer.left.holds:
        return f"C has rank {cols}, since {answer.product} = I: no direction of x is lost."
    if rows < cols:
        lost = f"at least {cols - rows} of {cols} directions of x {'is' if cols - rows == 1 else 'are'} lost"
        return f"C has {pluralize(rows, 'row')}: {lost}, and nothing brings them back. {unknown}"
    return unknown


# -- details ---------------------------------------------------------------------------------------------------------


def details(answer: Answer, shown: Terminal) -> list[str]:
    """Sources of the rank, and both products: for --verbose."""
    found = answer.verdict
    conv = isinstance(answer.layer, Conv)
    first, second = (found.gram, found.cogram) if conv else (found.cogram, found.gram)
    texts = [_product_described(answer.product, first), _product_described(answer.cogram, second)]
    if found.rank is not None:
        texts.append(f"rank {found.rank.value}: {found.rank.reason}")
    if found.generic:
        texts.append("rank and products are generic: of integers drawn with seed 0, since no --weight is given")
    return [line for text in texts for line in wrapped(text, shown, "  ")]


def _product_described(product: str, check: "Check | None") -> str:
    if check is None:
        return f"{product} is not computed: it takes too many products"
    if check.holds:
        return f"{product} = I"
    where = f"{check.name.partition(' = I')[2]} is {_number(check.measured)}, at {check.where}"
    return f"{product} != I: the largest deviation |{product} - I|{where}"


def as_dict(answer: Answer) -> dict[str, Any]:
    """Sources of the results, for JSON: reasons, seed and entry; null where they are not computed."""
    found, entry = answer.verdict, answer.entry
    return {
        "rank_reason": None if found.rank is None else found.rank.reason,
        "generic": found.generic,
        "seed": 0 if found.generic else None,
        "weight": answer.weight or None,
        "entry": None if entry is None else {"row": entry.row, "column": entry.col, "value": _as_json(entry.value)},
    }


def _as_json(value: Any) -> Any:
    return [value.real, value.imag] if isinstance(value, complex) else value
