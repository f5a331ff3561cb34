"""Text of a layer for `show`: all of it, or as much as a terminal's height holds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from convmatrix.cli.descriptions import (
    arithmetic_described,
    channels_described,
    letters,
    output_described,
    setting_described,
    unbroken,
    wrapped,
)
from convmatrix.cli.sentences import sizes_described
from convmatrix.cli.verdicts import Answer, details, sentences
from convmatrix.core.errors import pluralize
from convmatrix.layers import ConvTranspose, Layer
from convmatrix.show.model.scene import Scene
from convmatrix.show.render import text as drawing

__all__ = ["Overview"]

_DRAWN = 2 * 10**7
"""Most entries of a matrix that is built for display."""
_TALL = 64
"""Most columns of a matrix whose transpose is drawn by default: a tall one has the rows above as its columns."""
_OUTPUT_LINES = 16
"""Most lines of the output in numbers."""
_LEAST = 3
"""Lines of the smallest picture."""
_PICTURES: tuple[tuple[Callable[[Scene, drawing.Terminal], list[str]], tuple[str, ...]], ...] = (
    (drawing.fitting_grid, ("next", "transpose", "output")),
    (drawing.around_middle, ("next", "transpose")),
    (drawing.draw, ("next", "transpose", "output", "entry", "arithmetic", "setting")),
)
"""Pictures of the matrix, the best first, each with the parts that are left out, in this order, to fit it in."""
_NEXT = (
    "See it move: convmatrix explore --save page.html",
    "another layer: convmatrix show 5 3 --stride 2",
)


@dataclass(frozen=True)
class Overview:
    """A layer as text: its setting, the matrix, the transpose and the answer.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    weight : weight_shape ndarray or None
    x : input_shape ndarray or None
        An input, whose output is written in numbers.
    answer : Answer
    shown : Terminal
    form : {"grid", "narrow", "half", "braille", "md"}, optional
    verbose : bool
    """

    layer: Layer
    weight: Any
    x: Any
    answer: Answer
    shown: drawing.Terminal
    form: str | None = None
    verbose: bool = False

    # -- parts ---------------------------------------------------------------------------------------------------------

    @cached_property
    def scene(self) -> Scene:
        """The matrix."""
        return Scene(self.layer, self.weight)

    @property
    def is_large(self) -> bool:
        """Check whether the matrix is too large to be built for display."""
        return max(self.layer.nnz, *self.layer.matrix_shape) > _DRAWN

    @property
    def draws_transpose(self) -> bool:
        """Check whether the transpose is drawn below the matrix."""
        return not self.is_large and (self.layer.matrix_shape[1] <= _TALL or self.form is not None)

    def wrapped(self, text: str, indent: str = "") -> list[str]:
        """Lines of a text."""
        return wrapped(text, self.shown, indent)

    def setting(self) -> list[str]:
        """The setting."""
        return self.wrapped(setting_described(self.layer))

    def arithmetic(self) -> list[str]:
        """The output size; with the guide's letters and relationships, if all is wanted."""
        lines = [line for text in arithmetic_described(self.layer, self.shown) for line in self.wrapped(text)]
        if self.verbose:
            lines += [line for text in sizes_described(self.layer) for line in self.wrapped(text, "  ")]
        return lines

    def heading(self) -> list[str]:
        """Shape and counts of the matrix, and its channels."""
        rows, cols = self.layer.matrix_shape
        text = f"{letters(self.layer)[0]} is {rows} × {cols}: {pluralize(self.layer.nnz, 'entry')}"
        if not self.is_large:
            kind = "different weight" if self.weight is None else "weight"
            text += f", {pluralize(self.scene.weight_count, kind)}"
        channels = channels_described(self.layer)
        return self.wrapped(text) + (self.wrapped(channels, "  ") if channels else [])

    def picture(self, scene: Scene, height: int | None = None) -> list[str]:
        """A matrix, in at most so many lines."""
        if self.is_large:
            size = f"{self.layer.nbytes() / 2**30:.3g} GiB as float64"
            return self.wrapped(f"too large to draw: {size} (convmatrix export writes it)")
        if self.form == "md":
            return drawing.markdown(scene, drawing.Terminal(unicode=False))
        return drawing.draw(scene, replace(self.shown, height=height), self.form)

    def transpose(self, end: str) -> list[str]:
        """Shape of the transpose, and what it does."""
        rows, cols = self.layer.matrix_shape
        does = "takes x to the size of y" if isinstance(self.layer, ConvTranspose) else "takes y back to the size of x"
        return self.wrapped(f"{letters(self.layer)[1]} is {cols} × {rows} and {does}{end}")

    @property
    def _same(self) -> str:
        return f": its columns are the rows of {letters(self.layer)[0]}"

    def output(self, most: int) -> list[str]:
        """The output in numbers, if there is an input."""
        return [] if self.x is None else output_described(self.scene, self.x, self.shown, most)

    # -- the whole -----------------------------------------------------------------------------------------------------

    def whole(self) -> list[str]:
        """All of it, however long."""
        # In Markdown, sentences with signs in them are code, and a table begins after an empty line.
        fence, gap = (["```"], [""]) if self.form == "md" else ([], [])
        lines = [*fence, *self.setting(), *self.arithmetic(), *fence, ""]
        lines += [*self.heading(), *gap, *self.picture(self.scene), ""]
        if self.x is not None:
            lines += [*fence, *self.output(_OUTPUT_LINES), *fence, ""]
        lines += self.transpose("" if self.draws_transpose else self._same)
        if self.draws_transpose:
            lines += [*gap, *self.picture(Scene(self.layer.T, self.weight))]
        answer = [line for part in sentences(self.answer, self.shown) for line in part]
        return [*lines, "", *fence, *answer, *(details(self.answer, self.shown) if self.verbose else []), *fence]

    # -- what fits -----------------------------------------------------------------------------------------------------

    def fitting(self, height: int) -> list[str]:
        """As much as so many lines hold: all of it, else C in the largest form that fits beside the rest."""
        whole = self.whole()
        if len(whole) <= height and max(map(drawing.visible_width, whole)) <= self.shown.width:
            return whole
        question, *numbers = sentences(self.answer, self.shown)
        end = unbroken(": --full draws it") if self.draws_transpose else self._same
        parts = {
            "setting": self.setting(),
            "arithmetic": self.arithmetic(),
            "heading": ["", *self.heading()],
            "picture": [],  # which keeps its place
            "output": self.output(2),
            "transpose": self.transpose(end),
            "question": ["", *question],
            "entry": numbers[0] if len(numbers) > 1 else [],
            "rank": numbers[-1] if numbers else [],
            "next": ["", *self._next()],
        }
        for draw, droppable in _PICTURES:
            left = dict(parts)
            for name in ("", *droppable):
                left.pop(name, None)
                if picture := self._drawn(draw, height - _lines(left)):
                    return _joined({**left, "picture": picture})
        while len(left) > 1 and _lines(left) > height:
            left.popitem()
        return _joined(left)[:height]

    def _drawn(self, draw: Callable[[Scene, drawing.Terminal], list[str]], height: int) -> list[str]:
        """A picture in at most so many lines, or none."""
        if height < _LEAST or self.is_large:
            return self.picture(self.scene) if self.is_large and height > 1 else []
        lines = draw(self.scene, replace(self.shown, height=height))
        fits = len(lines) <= height and all(drawing.visible_width(line) <= self.shown.width for line in lines)
        return lines if fits else []

    def _next(self) -> list[str]:
        """Two commands to go on with, on one line if they fit."""
        line = "      ".join(_NEXT)
        return [line] if len(line) <= self.shown.width else [part for text in _NEXT for part in self.wrapped(text)]


def _lines(parts: dict[str, list[str]]) -> int:
    return sum(map(len, parts.values()))


def _joined(parts: dict[str, list[str]]) -> list[str]:
    lines = [line for part in parts.values() for line in part]
    return lines[1:] if lines and not lines[0] else lines
