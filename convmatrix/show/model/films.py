"""All films of a layer by the name of their view."""

from typing import Literal, get_args

from numpy.typing import ArrayLike

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.layers import Conv, ConvTranspose
from convmatrix.layers.arguments import check_text, flag
from convmatrix.show.model.film import Film
from convmatrix.show.model.journeys import null_space_film, round_trip_film
from convmatrix.show.model.stacked import bare_film, stacked_film
from convmatrix.show.model.stage import Drawable, film
from convmatrix.show.model.style import Style

__all__ = ["FilmView", "film_of"]

FilmView = Literal["windows", "stamps", "bare", "stacked", "round-trip", "null-space"]
"""Views: the linked film's two, its maps alone without text, these as planes, C^T C x, and x + n."""


def film_of(
    layer: Drawable,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    view: FilmView | None = None,
    vector: ArrayLike | None = None,
    matrix: bool = True,
    title: str = "",
    style: Style | None = None,
) -> Film:
    """Compute a film of a layer.

    ============== ====================================================================
    view           film
    ============== ====================================================================
    ``windows``    `convmatrix.show.model.stage.film`: a step for each output
    ``stamps``     the same, of a transposed convolution: a step for each input
    ``bare``       `convmatrix.show.model.stacked.bare_film`: no text, no matrix
    ``stacked``    `convmatrix.show.model.stacked.stacked_film`: one map above the other
    ``round-trip`` `convmatrix.show.model.journeys.round_trip_film`: x, C x, C^T C x
    ``null-space`` `convmatrix.show.model.journeys.null_space_film`: x + n has the same y
    ============== ====================================================================

    Parameters
    ----------
    layer : Conv, ConvTranspose, AvgPool or MaxPool
        With at most two axes; ``round-trip`` and ``null-space`` take a `Conv`.
    weight : weight_shape array_like, optional
    x : input_shape array_like, optional
    view : str, optional
        By default ``stamps`` for a transposed convolution, ``windows`` for all others.
    vector : input_shape array_like, optional
        The vector that is added to `x`, for ``null-space``.
    matrix : bool, default True
        Whether to show the matrix, for ``windows`` and ``stamps``; the others have none.
    title, style
        As for `convmatrix.show.model.stage.film`.

    Returns
    -------
    Film
        Of the view.

    Raises
    ------
    ValueError
        If there is no such view, an argument is missing for it or does not belong to it, or the layer cannot be drawn.

    Examples
    --------
    >>> [len(film_of(Conv((3,), 2), view=view).frames) for view in ("windows", "stacked", "round-trip")]
    [2, 2, 8]
    """
    if view is not None:
        check_text("view", view)
    if view is not None and view not in get_args(FilmView):
        raise ValueError(f"view must be one of {', '.join(map(repr, get_args(FilmView)))}, got {short(view)}")
    if (vector is not None) != (view == "null-space"):
        needs = "needs a vector that C takes to 0: pass vector="
        raise ValueError(
            f"view 'null-space' {needs}" if vector is None else f"only view 'null-space' takes a vector, got {view!r}"
        )
    flag("matrix", matrix)
    match view:
        case "bare":
            return bare_film(layer, weight, x, title=title, style=style)
        case "stacked":
            return stacked_film(layer, weight, x, title=title, style=style)
        case "round-trip":
            return round_trip_film(_conv(layer, view), weight, x, title=title, style=style)
        case "null-space":
            if weight is None or x is None:
                missing = "weight" if weight is None else "x"
                raise ValueError(f"view 'null-space' shows numbers and {missing} is missing: pass {missing}=")
            assert vector is not None
            return null_space_film(_conv(layer, view), weight, x, vector, title=title, style=style)
        case _:
            return film(layer, weight, x, view=view, matrix=matrix, title=title, style=style)


def _conv(layer: Drawable, view: str) -> Conv:
    if not isinstance(layer, Conv):
        remedy = ": take layer.T" if isinstance(layer, ConvTranspose) else ""
        raise WrongTypeError(f"view {view!r} begins with a Conv, got {type(layer).__name__}{remedy}")
    return layer
