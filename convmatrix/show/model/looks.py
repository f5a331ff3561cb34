"""Looks of cells in a style: maps, padding, inserted zeros, taps, zeros of a matrix.

This is the only place that turns a role, such as padding, into colours, a border and a mark.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from numpy.typing import ArrayLike

from convmatrix.show.model.film import Look, Mark
from convmatrix.show.model.palette import ink_on, over, tap_colours, value_colours
from convmatrix.show.model.scene import number_label
from convmatrix.show.model.style import TINT, Style

__all__ = ["Looks"]


@dataclass(frozen=True)
class Looks:
    """Looks of cells in one style.

    Parameters
    ----------
    style : Style
    kernel_size : tuple of int
    limit : float, default 0
        The largest magnitude of the weights, for their colours by value; 0 colours them by their taps.
    """

    style: Style
    kernel_size: tuple[int, ...] = ()
    limit: float = 0.0

    @cached_property
    def _taps(self) -> list[str]:
        return tap_colours(self.kernel_size)

    def _mark(self, role: str) -> Mark:
        return cast("Mark", self.style.colours.marks[role])

    def text(self, symbol: str, value: Any = None) -> tuple[str, str]:
        """Label of a cell, and a second line of it, from its symbol and its value."""
        number = None if value is None else value if isinstance(value, str) else number_label(value)
        match self.style.labels:
            case "none":
                return "", ""
            case "symbols":
                return symbol, ""
            case "both":
                return symbol, number or ""
            case "values":
                return number or "", ""
            case _:
                return (symbol if number is None else number), ""

    # -- maps ----------------------------------------------------------------------------------------------------------

    def map(self, symbol: str = "", value: Any = None) -> Look:
        """A cell of a map."""
        return self.role("map", symbol, value)

    def padding(self, text: str = "0") -> Look:
        """A zero of the padding."""
        colours = self.style.colours
        shown = text if self.style.labels not in ("none", "symbols") else ""
        return Look(colours.padding, shown, colours.quiet, colours.line, self._mark("padding"))

    def inserted(self, text: str = "0") -> Look:
        """A zero that is inserted between inputs."""
        colours = self.style.colours
        shown = text if self.style.labels not in ("none", "symbols") else ""
        return Look(colours.inserted, shown, colours.quiet, colours.soft, self._mark("inserted"))

    def copied(self, symbol: str = "", value: Any = None) -> Look:
        """A copy of an input in the border."""
        return self.role("copied", symbol, value)

    def role(self, role: str, symbol: str = "", value: Any = None) -> Look:
        """A cell of a role of `convmatrix.show.model.palette.PAPERS`, such as ``cropped``."""
        colours = self.style.colours
        text, second = self.text(symbol, value)
        paper = getattr(colours, role)
        ink = colours.ink if role in ("map", "added") else colours.quiet
        return Look(paper, text, ink, colours.line, self._mark(role), second)

    def muted(self, look: Look) -> Look:
        """The same cell, standing back."""
        colours = self.style.colours
        paper = over(look.paper, colours.ground, TINT)
        return look._replace(paper=paper, ink=look.ink if look.ink in (colours.quiet, colours.zero) else ink_on(paper))

    def met(self, look: Look, tap: int) -> Look:
        """A cell of a map that a tap of the window meets."""
        paper = over(self._taps[tap], look.paper, TINT)
        return look._replace(paper=paper, ink=ink_on(paper))

    # -- kernel and matrix ---------------------------------------------------------------------------------------------

    def tap(self, tap: int, symbol: str = "", value: Any = None) -> Look:
        """A tap of the kernel, or an entry of the matrix."""
        by_value = self.limit and value is not None and not isinstance(value, str)
        paper = self.by_value([value])[0] if by_value else self._taps[tap]
        text, second = self.text(symbol, value)
        return Look(paper, text, ink_on(paper), self.style.colours.ground, "", second)

    def by_value(self, values: ArrayLike) -> list[str]:
        """Colours of weights by their values."""
        colours: list[str] = value_colours(values, limit=self.limit, theme=self.style.colours).tolist()
        return colours

    def zero(self, *, numbers: bool) -> Look:
        """A zero of the matrix: a faint dot among symbols, a faint 0 among numbers."""
        colours = self.style.colours
        numbers = (numbers and self.style.labels != "symbols") or self.style.labels == "values"
        text = "0" if numbers and self.style.labels != "none" else ""
        return Look(colours.ground, text, colours.zero, colours.soft, "" if text else "dot")
