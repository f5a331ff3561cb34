"""Singular values of a matrix on axes with a scale."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from convmatrix.layers.arguments import array_of, flag, real_number
from convmatrix.show.model.scene import number_label
from convmatrix.show.model.style import CHART_SHAPE, CHART_WIDE, Style, current_style
from convmatrix.show.plot.picture import described, new_picture, titled
from convmatrix.show.render.lettering import set_ground, write_title

__all__ = ["singular_values"]


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
    ax = _new_chart(style) if ax is None else ax
    _themed(ax, style)
    marker = _marker(count) * _chart_text(style) / 10
    order = np.arange(1, count + 1)
    ax.plot(
        order[: count - zeros],
        array[: count - zeros],
        "o",
        color=colours.positive,
        gid="values",
        markersize=marker,
    )
    if log and zeros < count:
        _log_scale(ax, array[: count - zeros])
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
            markersize=marker,
        )
        ax.annotate(
            "0",
            (float(order[count - zeros :].mean()), height),
            xycoords=place,
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            color=colours.negative,
            fontsize=_chart_text(style),
        )
    if zeros:
        condition = f"{zeros} {'is' if zeros == 1 else 'are'} 0, the condition number is infinite"
    else:
        condition = f"the condition number is {number_label(array[0] / array[-1])}"
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("number, from the largest")
    ax.set_ylabel("singular value")
    write_title(ax, title, *([condition] if style.captioned else []), size=_chart_text(style) * 1.15)
    last = number_label(array[-1]) if array[-1] > zero else "0"
    alt = f"{count} singular values from {number_label(array[0])} to {last}: {condition}."
    return described(ax, titled(title, alt))


def _new_chart(style: Style) -> Axes:
    """Axes on a page of their own, with its margin around them."""
    ax = new_picture(*_chart_size(style))
    figure = ax.get_figure(root=True)
    assert figure is not None
    margin = max(style.page.margin * min(figure.get_size_inches()), _PAD)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(w_pad=margin, h_pad=margin)
    return ax


_PAD = 0.06
"""Least margin of a chart, in inches."""


def _log_scale(ax: Axes, values: NDArray[Any]) -> None:
    """A logarithmic scale with plain numbers, also between powers of ten where there are few of these."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number_label(value)))
    few = values[0] < 100 * values[-1]
    ax.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0) if few else tuple(range(2, 10))))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: number_label(value)) if few else NullFormatter())


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
    set_ground(figure, style)
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(colours.quiet)
    ax.tick_params(which="both", colors=colours.quiet, labelsize=_chart_text(style))
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(colours.ink)
        label.set_fontsize(_chart_text(style))


def _chart_text(style: Style) -> float:
    """Points of a chart's text."""
    return max(style.page.smallest_text * 1.15, 8.0)


def _marker(count: int) -> float:
    return max(1.5, min(6.0, 400 / count))
