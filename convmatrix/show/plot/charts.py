"""Pictures of the results of `convmatrix.algebra`, given as arrays: products, counts, factors.

Only the picture's scale, deviations and texts are computed here.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy import sparse

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers.arguments import entries_of, flag
from convmatrix.show.model.printable import printable, shortened
from convmatrix.show.model.scene import number_label, size_label
from convmatrix.show.model.style import (
    Style,
    current_style,
)
from convmatrix.show.plot.numbers import Matrix, Shades, columns_of, numbers_of, slices_of, sparse_of, stacked, tile_of
from convmatrix.show.plot.picture import described, titled
from convmatrix.show.plot.sheet import sheet

__all__ = ["factors", "gram", "overlaps", "receptive_field", "same_output"]

_NAME = 20.0
"""Width of a matrix's name, in ems, beyond which it is shortened; the description has all of it."""


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
    whole = sparse_of(product, name)
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
    shades = Shades(style, whole, identity, *([deviation] if flag("difference", difference) else []))
    shown = [(label, whole, ""), ("I", identity, "=" if worst is None else "≠")]
    if difference:
        shown = [(label, whole, ""), ("I", identity, "−"), (f"{label} − I", deviation, "=")]
    tiles = [
        tile_of(f"gram-{number}", each, size_label(matrix.shape) if not number else "", matrix, shades, sign)
        for number, (each, matrix, sign) in enumerate(shown)
    ]
    ax = sheet(tiles, style=style, title=title, caption=caption, scale=shades.key(rows), ax=ax)
    return described(ax, titled(title, f"{name}, {size_label(whole.shape)}, beside I: {caption}."))


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
    images = [numbers_of("an image", each) for each in (first, second)]
    output = numbers_of("output", output)
    if images[0].shape != images[1].shape:
        raise ValueError(f"the two images have to have one shape, got {images[0].shape} and {images[1].shape}")
    stacks = [stacked(each, what) for each, what in zip((*images, output), ("image", "image", "output"), strict=True)]
    difference = stacks[1] - stacks[0] if stacks[0].dtype != bool else stacks[1] ^ stacks[0]
    if not np.any(difference):
        raise ValueError("the two images are equal, and so are their outputs for any layer: pass two different images")
    caption = f"differ by up to {number_label(np.abs(difference).max())}"
    style = current_style(style)
    both = Shades(style, *stacks[:2])
    shown = (
        ("x", stacks[0], both, ""),
        ("x'", stacks[1], both, "≠"),
        ("x' − x", difference, Shades(style, difference), ""),
        ("C x = C x'", stacks[2], Shades(style, stacks[2]), "→"),
    )
    heights = [each.shape[-2] if each.ndim == 3 and len(each) > 1 else 0 for each in (*images, images[0], output)]
    tiles = [
        tile_of(f"image-{number}", name, size_label(array.shape), array, shades, sign, block=heights[number])
        for number, (name, array, shades, sign) in enumerate(shown)
    ]
    ax = sheet(tiles, style=style, title=title, caption=f"two images that {caption}, and one output", ax=ax)
    return described(
        ax, titled(title, f"Two images that {caption}, and their one output, {size_label(np.shape(output))}.")
    )


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
    array = numbers_of("counts", counts)
    low, high = number_label(array.min()), number_label(array.max())
    caption = f"{low} to {high}" if low != high else f"{low} everywhere"
    style = current_style(style)
    shades = Shades(style, array.reshape(1, -1))
    ax = sheet(
        slices_of("count", array, shades),
        style=style,
        columns=columns_of(array),
        title=title,
        caption=f"taps that reach an output: {caption}",
        scale=shades.key(max(array.shape, default=1)),
        ax=ax,
    )
    return described(ax, titled(title, f"How many taps reach each output, {size_label(array.shape)}: {caption}."))


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
    array = numbers_of("pattern", pattern)
    read = array != 0
    style = current_style(style)
    shades = Shades(style, array.reshape(1, -1), most=2.0 if array.dtype == bool else None)
    tiles = slices_of("read", array, shades)
    box = [(int(at.min()), int(at.max()) + 1) for at in np.nonzero(read)] if read.ndim and read.any() else []
    caption = f"{np.count_nonzero(read)} of {prod(read.shape)}"
    if box:
        caption += f", within {size_label([end - start for start, end in box])}"
        (top, bottom), (left, right) = [(0, 1), *box][-2:]
        inside = range(*box[0]) if len(box) == 3 else range(1)
        for depth in inside:
            tiles[depth] = tiles[depth]._replace(framed=((top, left, bottom - top, right - left),))
    key = None if array.dtype == bool else shades.key(max(array.shape, default=1))
    caption_line = f"inputs that are read: {caption}"
    ax = sheet(tiles, style=style, columns=columns_of(array), title=title, caption=caption_line, scale=key, ax=ax)
    return described(ax, titled(title, f"Which of the {size_label(read.shape)} inputs are read: {caption}."))


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
    all_ = [sparse_of(matrix, name) for matrix, name in zip(matrices, names, strict=True)]
    shapes = [each.shape for each in all_]
    inner = [left[1] == right[0] for left, right in pairwise(shapes[1:])]
    if not all(inner) or shapes[0] != (shapes[1][0], shapes[-1][1]):
        caption = " times ".join(map(size_label, shapes[1:]))
        raise ValueError(f"the shapes make no product: {size_label(shapes[0])} is not {caption}")
    style = current_style(style)
    signs = ["", "=", *["·"] * (len(all_) - 2)]
    tiles = [
        tile_of(
            f"factor-{number}",
            shortened(name, _NAME),
            size_label(matrix.shape),
            matrix,
            Shades(style, matrix),
            sign,
            zeros=False,
        )
        for number, (name, matrix, sign) in enumerate(zip(names, all_, signs, strict=True))
    ]
    ax = sheet(tiles, style=style, title=title, ax=ax)
    whole, *parts = [f"{name} ({size_label(matrix.shape)})" for name, matrix in zip(names, all_, strict=True)]
    return described(ax, titled(title, f"A product of matrices: {whole} = {' times '.join(parts)}."))
