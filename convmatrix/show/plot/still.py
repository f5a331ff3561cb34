"""One step of a film on matplotlib axes: matrix, window, kernel and output, linked, in one picture.

The axes' units are the film's. Artists have the gids of `convmatrix.show.plot.cells`, and ``outline-0`` and so on,
``caption`` and ``title``.
"""

from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from convmatrix.layers import Layer
from convmatrix.layers.arguments import check_kind
from convmatrix.show import explorer
from convmatrix.show.model import drawing
from convmatrix.show.model.film import Film
from convmatrix.show.model.scene import Scene
from convmatrix.show.model.stage import View, film
from convmatrix.show.model.style import Style
from convmatrix.show.plot.cells import blank, draw, put
from convmatrix.show.plot.picture import described, new_picture, titled
from convmatrix.show.render import latex, text

__all__ = ["draw_film", "film_frame", "linked"]


def linked(
    layer: Layer,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    view: View | None = None,
    step: int | None = 0,
    matrix: bool = True,
    title: str = "",
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one step of a layer's sliding window: the window, the kernel, the output, and its row of the matrix.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With at most two axes.
    weight : weight_shape array_like, optional
        Values for the kernel and the matrix; names without it. With `x`, the output has values too.
    x : input_shape array_like, optional
        Values for the input.
    view : {"windows", "stamps"}, optional
        As for `convmatrix.show.model.stage.film`: for a transposed convolution, ``stamps`` is the default.
    step : int or None, default 0
        Number of the output whose window, or of the input whose stamp, is shown; None highlights nothing.
    matrix : bool, default True
        Whether to show the matrix.
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
        If the layer cannot be drawn, or has no such step.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> ax = linked(Conv((3,), 2), [1, 2], [5, 6, 7], step=1)
    >>> [text.label for text in ax.texts if text.get_gid() == "caption"]
    ['y1 = 1·6 + 2·7 = 20']
    """
    movie = film(layer, weight, x, view=view, matrix=matrix, title=title, moving=step is not None, style=style)
    ax = draw_film(movie, step, ax)
    alt = _alt(movie, step)
    return described(
        ax,
        alt,
        plain=lambda: "\n".join([*text.draw(Scene(layer, weight), text.Terminal()), alt]),
        html=lambda: explorer.fragment(layer, weight, title=title or None),
        latex=lambda: latex.tikz(layer, weight, x, matrix=matrix, step=step, view=view, title=title),
    )


def film_frame(film: Film, step: int | None = 0, *, ax: Axes | None = None) -> Axes:
    """Draw one step of a film on one Axes, in the film's units.

    Parameters
    ----------
    film : Film
    step : int or None, default 0
        None highlights nothing.
    ax : Axes, optional
        A new one by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the film has no such step.

    Examples
    --------
    >>> from convmatrix import Conv
    >>> ax = film_frame(film(Conv((3,), 2), matrix=False))
    >>> [patch.get_gid() for patch in ax.patches if patch.get_gid().startswith("kernel")]
    ['kernel-0-0', 'kernel-0-1']
    """
    check_kind("film", film, Film)
    ax = draw_film(film, step, ax)
    return described(ax, _alt(film, step))


def draw_film(film: Film, step: int | None, ax: Axes | None) -> Axes:
    """Draw a film at a step, or without one its still picture."""
    still = film.still(step)
    inches = film.width * film.cell, film.height * film.cell
    ax = blank(new_picture(*inches, bare=True) if ax is None else ax, film.width, film.height, film.style)
    put(ax, drawing.ground(film))
    for number, panel in enumerate(film.panels):
        looks = {(key[1], key[2]): look for key, look in still.items() if key[0] == number}
        draw(ax, panel, looks, film.style)
    if step is not None:
        put(ax, drawing.around_step(film, film.frames[step]))
    return ax


def _alt(film: Film, step: int | None) -> str:
    """Alternative text: the panels, and the step."""
    named = "; ".join(f"{panel.title} {panel.note}".strip() for panel in film.panels if panel.title)
    shown_step = "" if step is None else f" Step {step} of 0 to {len(film.frames) - 1}: {film.frames[step].caption}."
    return titled(film.title, (film.about or f"{named}.") + shown_step)
