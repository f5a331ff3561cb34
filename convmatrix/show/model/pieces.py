"""Pictures put together from parts of films: maps and matrices of several layers on one page, their cells of one size.

`pieces` takes a film apart; `together` places what is chosen of it, with signs in between, and makes a film of one
step of it, which every renderer draws.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from convmatrix.show.model.blocks import Equation, Group
from convmatrix.show.model.drawing import label_size
from convmatrix.show.model.film import Film, Frame, Look, Outline, Panel
from convmatrix.show.model.layout import Column, Part, Row, compose
from convmatrix.show.model.looks import Looks
from convmatrix.show.model.palette import ink_on
from convmatrix.show.model.printable import printable
from convmatrix.show.model.style import LABEL_IN_C, Style

__all__ = ["Matrix", "Piece", "Pieces", "Stack", "below", "beside", "pieces", "together"]

Box = tuple[int, int, int, int]


class Piece(NamedTuple):
    """A panel with its cells, and frames on it: first row and column, numbers of rows and of columns."""

    panel: Panel
    looks: Mapping[tuple[int, int], Look]
    framed: tuple[Box, ...] = ()

    def named(self, name: str, title: str | None = None, note: str | None = None) -> "Piece":
        """The same under another name, for ids, and with another title."""
        panel = self.panel._replace(name=name)
        panel = panel if title is None else panel._replace(title=title)
        return self._replace(panel=panel if note is None else panel._replace(note=note))

    def changed(self, change: Callable[[tuple[int, int], Look], Look]) -> "Piece":
        """The same with other looks."""
        return self._replace(looks={at: change(at, look) for at, look in self.looks.items()})


class Stack(NamedTuple):
    """Pieces one below the other, as the channels of a map are, and the sign before them."""

    pieces: tuple[Piece, ...]
    sign: str = ""


class Matrix(NamedTuple):
    """A matrix, with the flattened maps above its columns and beside its rows, if they are to be shown."""

    matrix: Piece
    above: Piece | None = None
    beside: Piece | None = None

    def named(self, suffix: str, title: str | None = None, note: str | None = None) -> "Matrix":
        """The same with names that end in a suffix."""
        above, beside = (each and each.named(each.panel.name + suffix) for each in (self.above, self.beside))
        return Matrix(self.matrix.named(self.matrix.panel.name + suffix, title, note), above, beside)


class Beside(NamedTuple):
    """Parts side by side."""

    parts: "tuple[Pieces, ...]"


class Below(NamedTuple):
    """Parts one below the other."""

    parts: "tuple[Pieces, ...]"


Pieces = Stack | Matrix | Beside | Below


def beside(*parts: Pieces) -> Pieces:
    """Put parts side by side.

    Returns
    -------
    Beside
    """
    return Beside(parts)


def below(*parts: Pieces) -> Pieces:
    """Put parts one below the other.

    Returns
    -------
    Below
    """
    return Below(parts)


def pieces(film: Film, step: int | None = None) -> dict[str, Piece]:
    """Take a film apart at a step, in which nothing is waiting for its turn.

    Parameters
    ----------
    film : Film
    step : int, optional
        By default the still picture.

    Returns
    -------
    dict of str to Piece
        By the names of the panels.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show.model.stage import film
    >>> found = pieces(film(Conv((3,), 2)), 1)
    >>> list(found), found["input"].framed
    (['input', 'kernel', 'output', 'matrix', 'above', 'beside'], ((0, 1, 1, 2),))
    """
    frame = Frame({}, {}, (), "") if step is None else film.frames[step]
    looks: list[dict[tuple[int, int], Look]] = [{} for _ in film.panels]
    for (number, row, col), look in {**film.base, **frame.looks}.items():
        looks[number][row, col] = look
    framed: list[list[Box]] = [[] for _ in film.panels]
    for number, *box in frame.outlines:
        framed[number].append((box[0], box[1], box[2], box[3]))
    return {
        panel.name: Piece(panel._replace(title_y=None), looks[number], tuple(framed[number]))
        for number, panel in enumerate(film.panels)
    }


def together(whole: Pieces, *, style: Style, title: str = "", caption: str = "", about: str = "") -> Film:
    """Place pieces on a page.

    Parameters
    ----------
    whole : Stack, Matrix, or what `beside` and `below` return
    style : Style
    title, caption : str, optional
        Above and below; the caption as the style says.
    about : str, optional
        Alternative text.

    Returns
    -------
    Film
        Of one step.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show.model.stage import film
    >>> parts = [pieces(film(Conv((3,), size)))["kernel"].named(f"kernel{size}") for size in (2, 3)]
    >>> made = together(beside(Stack((parts[0],)), Stack((parts[1],), "+")), style=Style())
    >>> [panel.name for panel in made.panels], [sign.text for sign in made.signs]
    (['kernel2', 'kernel3'], ['+'])
    """
    title, caption = printable(title), caption if style.captioned else ""
    place = compose(_part(whole), style=style, title=title, captions=1 if caption else 0)
    parts = list(_flat(whole))
    base = {(number, *at): look for number, part in enumerate(parts) for at, look in part.looks.items()}
    outlines = tuple(Outline(number, *box) for number, part in enumerate(parts) for box in part.framed)
    return place.film(base, {}, [Frame({}, {}, outlines, caption)], title=title, about=about, style=style)


def _part(whole: Pieces) -> Part:
    match whole:
        case Stack():
            return Group(whole.pieces[0].panel.name, tuple(piece.panel for piece in whole.pieces), whole.sign)
        case Matrix():
            labels = [look.text for look in whole.matrix.looks.values() if look.text]
            smallest = min((label_size(label, LABEL_IN_C) for label in labels), default=LABEL_IN_C)
            above, beside = (each and each.panel for each in (whole.above, whole.beside))
            return Equation(whole.matrix.panel, above, beside, smallest if labels else 0.0)
        case Beside():
            return Row(tuple(map(_part, whole.parts)))
        case Below():
            return Column(tuple(map(_part, whole.parts)))


def _flat(whole: Pieces) -> Iterator[Piece]:
    """All pieces, in the order of the panels that `convmatrix.show.model.layout.compose` places."""
    match whole:
        case Stack():
            yield from whole.pieces
        case Matrix():
            yield whole.matrix
            yield from (each for each in (whole.above, whole.beside) if each)
        case Beside() | Below():
            for part in whole.parts:
                yield from _flat(part)


def numbers(
    name: str,
    title: str,
    array: ArrayLike,
    *,
    style: Style,
    note: str | None = None,
    limit: float | None = None,
    unit: float = 1.0,
) -> Piece:
    """Make a piece of an array: a map with its numbers, or where there is a limit, cells coloured by value.

    Parameters
    ----------
    name, title : str
        As for `convmatrix.show.model.film.Panel`.
    array : (rows, cols) array_like
    style : Style
    note : str, optional
        By default the size.
    limit : float, optional
        Magnitude of the strongest colours.
    unit : float, default 1
        Side of a cell.

    Returns
    -------
    Piece

    Examples
    --------
    >>> [look.text for look in numbers("x", "x", [[1, 0.5]], style=Style()).looks.values()]
    ['1', '0.5']
    """
    values = np.asarray(array)
    looks, colours = Looks(style, limit=limit or 0.0), style.colours
    rows, cols = values.shape
    panel = Panel(name, title, f"{rows} × {cols}" if note is None else note, rows, cols, unit)
    if limit is None:
        return Piece(panel, {divmod(at, cols): looks.map("", value) for at, value in enumerate(values.flat)})
    cells = {}
    for at, (value, paper) in enumerate(zip(values.flat, looks.by_value(values.ravel()), strict=True)):
        ink = ink_on(paper) if value else colours.zero
        cells[divmod(at, cols)] = Look(paper, looks.text("", value)[0], ink, colours.soft)
    return Piece(panel, cells)
