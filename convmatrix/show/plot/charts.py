"""Pictures of the results of `convmatrix.algebra`, given as arrays: products, spectra, counts, factors.

Only the picture's scale, deviations and texts are computed here.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers.arguments import array_of, entries_of, flag, real_number
from convmatrix.show.model.film import Look, Panel
from convmatrix.show.model.palette import ink_on, rgb, value_scale
from convmatrix.show.model.printable import printable, shortened
from convmatrix.show.model.scene import number_label
from convmatrix.show.model.style import (
    CHANNEL_GAP,
    CHART_SHAPE,
    CHART_TEXT,
    CHART_TITLE,
    CHART_WIDE,
    MARKERS,
    Style,
    current_style,
)
from convmatrix.show.plot.maps import times
from convmatrix.show.plot.picture import described, new_picture, titled
from convmatrix.show.plot.sheet import Tile, sheet
from convmatrix.show.render.lettering import write_title

__all__ = ["factors", "gram", "overlaps", "receptive_field", "same_output", "singular_values"]

_ACROSS = 26
"""Most cells side by side: what fits on a slide."""
_PIXELS = 512
"""Most pixels on a side of a picture whose cells are too small to be labelled."""
_LEAST, _ROUNDING = 0.15, 1e-9
"""In units of the largest number: the colour of the smallest that is not zero, and the bound below which it is zero."""
_MOST_NUMBERS = 10**8
"""Of an array that is drawn."""
_SLICES = 32
"""Most slices of a volume."""
_NAME = 20.0
"""Width of a matrix's name, in ems, beyond which it is shortened; the description has all of it."""

Matrix = ArrayLike | sparse.sparray


def gram(
    product: Matrix,
    *,
    name: str = "C^T C",
    difference: bool = False,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw C^T C beside the identity, in the same colours.

    Parameters
    ----------
    product : (n, n) array_like or sparse array
    name : str, default "C^T C"
        ``C C^T`` for the other one.
    difference : bool, default False
        Whether to draw their difference as well.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the product is not square, or not finite.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> C = Conv((3,), 2).matrix([1, 2])
    >>> gram(C.T @ C).alt
    'C^T C, 3 × 3, beside I: the largest deviation is 4, at row 1 and column 1.'
    """
    name = printable(name, "name")
    whole = _sparse(product, name)
    rows, cols = whole.shape
    if rows != cols:
        raise ValueError(f"{name} has to be square to be compared with I, got {rows} x {cols}")
    identity = sparse.eye_array(rows, dtype=whole.dtype, format="coo")
    deviation = sparse.coo_array(whole - identity)
    worst = int(np.argmax(np.abs(deviation.data))) if deviation.nnz and np.any(deviation.data) else None
    label = shortened(name, _NAME)
    caption = f"{label} = I"
    if worst is not None:
        row, col = int(deviation.row[worst]), int(deviation.col[worst])
        largest = number_label(np.abs(deviation.data[worst]))
        caption = f"the largest deviation is {largest}, at row {row} and column {col}"
    style = current_style(style)
    shades = _Shades(style, whole, identity, *([deviation] if flag("difference", difference) else []))
    shown = [(label, whole, ""), ("I", identity, "=" if worst is None else "≠")]
    if difference:
        shown = [(label, whole, ""), ("I", identity, "−"), (f"{label} − I", deviation, "=")]
    tiles = [
        _tile(f"gram-{number}", each, times(matrix.shape) if not number else "", matrix, shades, sign)
        for number, (each, matrix, sign) in enumerate(shown)
    ]
    ax = sheet([*tiles, *shades.key(rows)], style=style, title=title, caption=caption, ax=ax)
    return described(ax, titled(title, f"{name}, {times(whole.shape)}, beside I: {caption}."))


def same_output(
    first: ArrayLike,
    second: ArrayLike,
    output: ArrayLike,
    *,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw two different images that have the same output, and their difference.

    Parameters
    ----------
    first, second : (*size) or (channels, *size) array_like
        Of at most three axes; the channels stand one below the other.
    output : array_like
        The output of the layer for both.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the images are equal or of different shapes, or have more than three axes.

    Examples
    --------
    >>> from convmatrix.algebra.inverse import same_output_pair
    >>> from convmatrix.layers import Conv
    >>> layer, weight = Conv((3,), 2), [1, 2]
    >>> pair = same_output_pair(layer, weight)
    >>> same_output(pair.first, pair.second, layer.operator(weight) @ layer.vec(pair.first)).alt
    'Two images that differ by up to 4, and their one output, 2.'
    """
    images = [_numbers("an image", each) for each in (first, second)]
    output = _numbers("output", output)
    if images[0].shape != images[1].shape:
        raise ValueError(f"the two images have to have one shape, got {images[0].shape} and {images[1].shape}")
    stacks = [_stacked(each, what) for each, what in zip((*images, output), ("image", "image", "output"), strict=True)]
    difference = stacks[1] - stacks[0] if stacks[0].dtype != bool else stacks[1] ^ stacks[0]
    if not np.any(difference):
        raise ValueError("the two images are equal, and so are their outputs for any layer: pass two different images")
    caption = f"differ by up to {number_label(np.abs(difference).max())}"
    style = current_style(style)
    both = _Shades(style, *stacks[:2])
    shown = (
        ("x", stacks[0], both, ""),
        ("x'", stacks[1], both, "≠"),
        ("x' − x", difference, _Shades(style, difference), ""),
        ("C x = C x'", stacks[2], _Shades(style, stacks[2]), "→"),
    )
    heights = [each.shape[-2] if each.ndim == 3 and len(each) > 1 else 0 for each in (*images, images[0], output)]
    tiles = [
        _tile(f"image-{number}", name, times(array.shape), array, shades, sign, block=heights[number])
        for number, (name, array, shades, sign) in enumerate(shown)
    ]
    ax = sheet(tiles, style=style, title=title, caption=f"two images that {caption}, and one output", ax=ax)
    return described(ax, titled(title, f"Two images that {caption}, and their one output, {times(np.shape(output))}."))


def singular_values(
    values: ArrayLike,
    *,
    log: bool = False,
    zero: float = 0.0,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw singular values from the largest to the smallest, and the quotient of both, the condition number.

    Parameters
    ----------
    values : (r,) array_like
        In any order.
    log : bool, default False
        Whether the scale is logarithmic; values of zero then stand at its lower end.
    zero : float, default 0
        Values up to this one count as zero, and are marked.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are no values, if they are no row of finite numbers, or if some are negative.

    Examples
    --------
    >>> from convmatrix.algebra.spectral import singular_values as spectrum_of
    >>> from convmatrix.layers import Conv
    >>> ring = Conv((8,), 3, padding=1, padding_mode="circular")
    >>> singular_values(spectrum_of(ring, [1, 0, -1]).values).alt
    '8 singular values from 2 to 0: 2 are 0, the condition number is infinite.'
    """
    array, zero, log = array_of("values", values), real_number("zero", zero), flag("log", log)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iuf":
        raise ValueError(
            f"singular values have to be a row of real numbers, got an array of shape {array.shape} and "
            f"dtype {array.dtype}"
        )
    wrong = array[~(np.isfinite(array) & (array >= 0))]
    if wrong.size:
        raise ValueError(f"singular values are finite and not negative, got {number_label(wrong[0])}")
    array = np.sort(array)[::-1]
    count, zeros = len(array), int(np.count_nonzero(array <= zero))
    style = current_style(style)
    colours = style.colours
    ax = new_picture(*_chart_size(style)) if ax is None else ax
    _themed(ax, style)
    order = np.arange(1, count + 1)
    ax.plot(
        order[: count - zeros],
        array[: count - zeros],
        "o",
        color=colours.positive,
        gid="values",
        markersize=_marker(count),
    )
    if log and zeros < count:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=-0.05 * float(array[0] or 1))
    if zeros:
        # On a logarithmic scale, zero is below all that can be drawn.
        place = ax.get_xaxis_transform() if log and zeros < count else ax.transData
        height = 0.03 if log and zeros < count else 0.0
        ax.plot(
            order[count - zeros :],
            np.full(zeros, height),
            "x",
            color=colours.negative,
            transform=place,
            gid="zeros",
            markersize=_marker(count),
        )
        ax.annotate(
            "0",
            (float(order[count - zeros :].mean()), height),
            xycoords=place,
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            color=colours.negative,
        )
    if zeros:
        condition = f"{zeros} {'is' if zeros == 1 else 'are'} 0, the condition number is infinite"
    else:
        condition = f"the condition number is {number_label(array[0] / array[-1])}"
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("number, from the largest")
    ax.set_ylabel("singular value")
    write_title(ax, title, *([condition] if style.captioned else []), size=_chart_text(style) * CHART_TITLE)
    last = number_label(array[-1]) if array[-1] > zero else "0"
    alt = f"{count} singular values from {number_label(array[0])} to {last}: {condition}."
    return described(ax, titled(title, alt))


def _chart_size(style: Style) -> tuple[float, float]:
    """Inches of a chart: most of its page."""
    page = style.page
    if page.fixed:
        return page.wide, page.tall
    wide = min(page.wide, CHART_WIDE)
    return wide, min(page.tall, wide * CHART_SHAPE)


def _themed(ax: Axes, style: Style) -> None:
    """Colours of a chart: ground, lines and text."""
    colours = style.colours
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_facecolor("none" if style.ground == "transparent" else colours.ground)
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(colours.quiet)
    ax.tick_params(colors=colours.quiet, labelsize=_chart_text(style))
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(colours.ink)
        label.set_fontsize(_chart_text(style))


def _chart_text(style: Style) -> float:
    """Points of a chart's text."""
    return max(style.page.smallest_text * CHART_TITLE, CHART_TEXT)


def _marker(count: int) -> float:
    return max(MARKERS[0], min(MARKERS[1], 400 / count))


def overlaps(counts: ArrayLike, *, title: str = "", style: Style | None = None, ax: Axes | None = None) -> Axes:
    """Draw the number of taps that reach each output of a transposed convolution: if uneven, a checkerboard.

    Parameters
    ----------
    counts : (*output_size) array_like
        Of at most three axes; of three, each slice is drawn.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are more than three axes, or more than 32 slices.

    Examples
    --------
    >>> from convmatrix.algebra.stack import overlap_counts
    >>> from convmatrix.layers import ConvTranspose
    >>> overlaps(overlap_counts(ConvTranspose((3,), 3, stride=2))).alt
    'How many taps reach each output, 7: 1 to 2.'
    """
    array = _numbers("counts", counts)
    low, high = number_label(array.min()), number_label(array.max())
    caption = f"{low} to {high}" if low != high else f"{low} everywhere"
    style = current_style(style)
    shades = _Shades(style, array.reshape(1, -1))
    ax = sheet(
        [*_slices("count", array, shades), *shades.key(max(array.shape, default=1))],
        style=style,
        columns=_columns(array),
        title=title,
        caption=f"taps that reach an output: {caption}",
        ax=ax,
    )
    return described(ax, titled(title, f"How many taps reach each output, {times(array.shape)}: {caption}."))


def receptive_field(pattern: ArrayLike, *, title: str = "", style: Style | None = None, ax: Axes | None = None) -> Axes:
    """Draw the inputs that an output reads, or their counts, and a frame around them.

    Parameters
    ----------
    pattern : (*input_size) array_like
        True, or a number that is not zero, where an input is read; of at most three axes, of three each slice is drawn.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are more than three axes, or more than 32 slices.

    Examples
    --------
    >>> from convmatrix.algebra.stack import Network
    >>> from convmatrix.algebra.stack import receptive_field as field_of
    >>> from convmatrix.layers import Conv
    >>> net = Network([Conv(9, 3, dilation=2), Conv(5, 3)])
    >>> receptive_field(field_of(net, (0, 0)).mask).alt
    'Which of the 9 × 9 inputs are read: 49 of 81, within 7 × 7.'
    """
    array = _numbers("pattern", pattern)
    read = array != 0
    style = current_style(style)
    shades = _Shades(style, array.reshape(1, -1), most=2.0 if array.dtype == bool else None)
    tiles = _slices("read", array, shades)
    box = [(int(at.min()), int(at.max()) + 1) for at in np.nonzero(read)] if read.ndim and read.any() else []
    caption = f"{np.count_nonzero(read)} of {prod(read.shape)}"
    if box:
        caption += f", within {times([end - start for start, end in box])}"
        (top, bottom), (left, right) = [(0, 1), *box][-2:]
        inside = range(*box[0]) if len(box) == 3 else range(1)
        for depth in inside:
            tiles[depth] = tiles[depth]._replace(framed=((top, left, bottom - top, right - left),))
    key = [] if array.dtype == bool else shades.key(max(array.shape, default=1))
    caption_line = f"inputs that are read: {caption}"
    ax = sheet([*tiles, *key], style=style, columns=_columns(array), title=title, caption=caption_line, ax=ax)
    return described(ax, titled(title, f"Which of the {times(read.shape)} inputs are read: {caption}."))


def factors(
    matrices: Sequence[Matrix],
    names: Sequence[str],
    *,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a product of matrices as an equation of pictures: C = A B D.

    All are drawn to one scale of length, so that adjacent sides have the same length, and each in its own colours.

    Parameters
    ----------
    matrices : sequence of (m, n) array_like or sparse array
        The product, then its factors, the first one leftmost.
    names : sequence of str
        One for each.
    title : str, optional
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are fewer than two matrices or not as many names, or if their shapes make no such product.
    WrongTypeError
        If one of the two is no list: a TypeError as well.

    Examples
    --------
    >>> from convmatrix.algebra import factors as algebra
    >>> from convmatrix.layers import Conv
    >>> found = algebra.unfolded(Conv((4,), 3, padding=1), [1, 2, 3])
    >>> ax = factors([algebra.product(found), *(factor.matrix for factor in found)],
    ...              ["C", *(factor.name for factor in found)])
    >>> ax.alt
    'A product of matrices: C (4 × 4) = weights (4 × 12) times im2col (12 × 6) times padding (6 × 4).'
    """
    name_list, matrix_list = [*names] if isinstance(names, str) else entries_of(names), entries_of(matrices)
    if name_list is None or matrix_list is None:
        raise WrongTypeError(
            f"a list of matrices and one of names are needed, got {short(matrices)} and {short(names)}"
        )
    if len(matrix_list) < 2 or len(name_list) != len(matrix_list):
        raise ValueError(
            f"a product and its factors are needed, and a name for each: got {len(matrix_list)} matrices and "
            f"{len(name_list)} names"
        )
    matrices, names = matrix_list, [printable(name, "name") for name in name_list]
    all_ = [_sparse(matrix, name) for matrix, name in zip(matrices, names, strict=True)]
    shapes = [each.shape for each in all_]
    inner = [left[1] == right[0] for left, right in pairwise(shapes[1:])]
    if not all(inner) or shapes[0] != (shapes[1][0], shapes[-1][1]):
        caption = " times ".join(map(times, shapes[1:]))
        raise ValueError(f"the shapes make no product: {times(shapes[0])} is not {caption}")
    style = current_style(style)
    signs = ["", "=", *["·"] * (len(all_) - 2)]
    tiles = [
        _tile(
            f"factor-{number}",
            shortened(name, _NAME),
            times(matrix.shape),
            matrix,
            _Shades(style, matrix),
            sign,
            zeros=False,
        )
        for number, (name, matrix, sign) in enumerate(zip(names, all_, signs, strict=True))
    ]
    ax = sheet(tiles, style=style, columns=len(tiles), title=title, ax=ax)
    whole, *parts = [f"{name} ({times(matrix.shape)})" for name, matrix in zip(names, all_, strict=True)]
    return described(ax, titled(title, f"A product of matrices: {whole} = {' times '.join(parts)}."))


# -- arrays as tiles -------------------------------------------------------------------------------------------------


class _Shades:
    """Colours of numbers: diverging around 0, with symmetric limits, in a style."""

    def __init__(self, style: Style, *matrices: Any, most: float | None = None) -> None:
        self.style = style
        real = [_real(each.data if isinstance(each, sparse.coo_array) else each) for each in matrices]
        self.most = most or max((float(np.abs(each).max()) for each in real if each.size), default=0.0) or 1.0
        self.signed = any(each.size and each.min() < 0 for each in real)
        scale = value_scale(1.0, style.colours, 2 * _STEPS + 1)
        self._table = np.array([rgb(colour) for _, colour in scale], dtype=np.uint8)

    def pixels(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """Colours, of one more axis of length 3."""
        part = np.clip(_real(numbers) / self.most, -1, 1)
        # Beside large numbers, a one would be as pale as a zero.
        part = np.where(np.abs(part) > _ROUNDING, np.sign(part) * (_LEAST + (1 - _LEAST) * np.abs(part)), 0.0)
        return self._table[np.rint(part * _STEPS).astype(np.int64) + _STEPS]

    def key(self, cells: int) -> Iterator[Tile]:
        """A colour bar, where cells are too small for numbers."""
        if cells > _NUMBERED:
            steps = np.linspace(self.most, -self.most if self.signed else 0.0, 5)
            yield _tile("key", "", "", steps[:, None], self, scale=max(cells / 24, 1.0))


_STEPS = 255
"""Steps of a scale of colours, from 0 to its end."""
_NUMBERED = 40
"""Most rows and columns whose numbers are written, where the style's size leaves space for them."""


def _tile(
    name: str,
    title: str,
    note: str,
    matrix: Any,
    shades: _Shades,
    sign: str = "",
    *,
    zeros: bool = True,
    block: int = 0,
    scale: float = 1.0,
) -> Tile:
    """A matrix as cells with their numbers, or where there are many, as an image; cut after each `block` rows."""
    rows, cols = matrix.shape
    small = max(rows, cols) > _NUMBERED
    panel = Panel(name, title, note, rows, cols, scale, labelled=not small, bordered=not small)
    if block and not small:
        panel = panel._replace(row_blocks=(block, block), col_blocks=(cols, cols), gap=CHANNEL_GAP)
    if small:
        return Tile(panel, shades.pixels(_reduced(matrix)), sign)
    array = matrix.toarray() if isinstance(matrix, sparse.coo_array) else matrix
    papers, colours = shades.pixels(array), shades.style.colours
    looks = {}
    for row, col in np.ndindex(rows, cols):
        value, paper = array[row, col], "#" + bytes(papers[row, col]).hex()
        text = number_label(value) if array.dtype != bool and (zeros or value != 0) else ""
        text = "" if shades.style.labels in ("none", "symbols") else text
        looks[row, col] = Look(paper, text, colours.zero if value == 0 else ink_on(paper), colours.soft)
    return Tile(panel, looks, sign)


def _slices(name: str, array: NDArray[Any], shades: _Shades) -> list[Tile]:
    """A map, or the slices of a volume."""
    if array.ndim > 3:
        raise ValueError(f"maps are drawn for at most 3 axes, got {array.ndim}: draw slices of them")
    if array.ndim < 3:
        return [_tile(name, "", "", array.reshape((1, 1, *array.shape)[-2:]), shades)]
    if len(array) > _SLICES:
        raise ValueError(f"the volume has {len(array)} slices but at most {_SLICES} are drawn: draw some of them")
    return [_tile(f"{name}-{depth}", "", f"depth {depth}", each, shades) for depth, each in enumerate(array)]


def _columns(array: NDArray[Any]) -> int | None:
    """Slices of a volume in a row."""
    return max(1, int(_ACROSS // (array.shape[-1] + 1))) if array.ndim == 3 else None


def _stacked(image: ArrayLike, what: str) -> NDArray[Any]:
    """An image as rows and columns, its channels one below the other."""
    array = _numbers(what, image)
    if array.ndim > 3:
        raise ValueError(f"an {what} is drawn with at most 3 axes, channels first, got {array.ndim}: draw one slice")
    return array.reshape(-1, array.shape[-1] if array.ndim else 1)


def _numbers(name: str, values: Any) -> NDArray[Any]:
    """An array of numbers that is not too large to be looked at."""
    array = array_of(name, values)
    if array.dtype.kind not in "biufc":
        raise WrongTypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    if array.size > _MOST_NUMBERS:
        raise ValueError(f"{name} of shape {array.shape} has more than {_MOST_NUMBERS} numbers: give a part of it")
    return array


def _sparse(matrix: Any, name: str) -> Any:
    """Its entries, as a coo_array."""
    array: Any = matrix if sparse.issparse(matrix) else _numbers(name, matrix)
    entries: Any = sparse.coo_array(array) if len(array.shape) == 2 else None
    if entries is None or entries.dtype.kind not in "biufc" or not np.all(np.isfinite(entries.data)):
        raise ValueError(
            f"{name} has to be a matrix of finite numbers, got shape {array.shape} and dtype {array.dtype}"
        )
    if max(entries.shape) > _MOST_NUMBERS:
        raise ValueError(
            f"{name} of shape {entries.shape} has more than {_MOST_NUMBERS} rows or columns: give a part of it"
        )
    return entries


def _real(numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers that have a sign; of complex ones, the size."""
    return np.asarray(np.abs(numbers) if numbers.dtype.kind == "c" else numbers, dtype=np.float64)


def _reduced(matrix: Any) -> NDArray[np.float64]:
    """A matrix as at most 512 x 512 numbers: of each block, the one of the largest size."""
    entries = sparse.coo_array(matrix)
    rows, cols = entries.shape
    steps = [-(-size // _PIXELS) for size in (rows, cols)]
    pixels = np.zeros((-(-rows // steps[0]), -(-cols // steps[1])))
    data = _real(entries.data)
    order = np.argsort(np.abs(data), kind="stable")
    pixels[entries.row[order] // steps[0], entries.col[order] // steps[1]] = data[order]  # the last one stays
    return pixels
