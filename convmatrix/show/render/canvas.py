"""A picture of pixels that the marks of a film are drawn onto."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Label, Line, Mark
from convmatrix.show.model.film import Film, Key, Look
from convmatrix.show.model.palette import rgb
from convmatrix.show.model.printable import printable
from convmatrix.show.render.glyphs import Face, face_file, placed

__all__ = ["Canvas", "opaque"]


_FINER = 2
"""Factor of the size at which pictures with slanting lines are drawn."""


def _even(length: float) -> int:
    return 2 * math.ceil(round(length, 6) / 2)


@lru_cache(maxsize=64)
def _font(size: int, face: Face) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, laid out in the one way that every Pillow knows."""
    return ImageFont.truetype(face_file(face), size, layout_engine=ImageFont.Layout.BASIC)


class Canvas:
    """A picture that parts of a film are drawn onto; lengths are in cells of a map, until they become pixels.

    With slanting lines it is drawn larger than it will be: Pillow draws them without shades.
    """

    def __init__(self, film: Film, cell: float, image: Image.Image, factor: int) -> None:
        self.film, self.cell, self.image, self.factor = film, cell, image, factor
        self.draw = ImageDraw.Draw(image)

    @classmethod
    def begun(cls, film: Film, cell: float) -> "Canvas":
        """Return the canvas with the state before the first step."""
        factor = _FINER if any(panel.shear for panel in film.panels) else 1
        size = factor * _even(film.width * cell), factor * _even(film.height * cell)
        cell *= factor
        ground = film.style.colours.ground
        if film.style.ground == "transparent":
            canvas = cls(film, cell, Image.new("RGBA", size, (*rgb(ground), 0)), factor)
        else:
            canvas = cls(film, cell, Image.new("RGB", size, ground), factor)
        canvas.marks(drawing.ground(film))
        for panel in film.panels:
            canvas.marks(drawing.around_panel(panel, film.style))
        canvas.cells({**film.base, **film.waiting})
        return canvas

    def copy(self) -> "Canvas":
        """Another canvas with the same picture."""
        return Canvas(self.film, self.cell, self.image.copy(), self.factor)

    def picture(self) -> Image.Image:
        """The picture at its size."""
        return self.image if self.factor == 1 else self.image.reduce(self.factor)

    def cells(self, looks: Mapping[Key, Look]) -> None:
        """Cells with some looks."""
        self.marks(drawing.cells(self.film, looks))

    def marks(self, marks: Iterable[Mark]) -> None:
        """Boxes, lines and labels."""
        for mark in marks:
            match mark:
                case Box():
                    self.box(mark)
                case Line():
                    self.line(mark)
                case Label():
                    self.label(mark)

    def box(self, box: Box) -> None:
        """A rectangle; its border lies on its edge, as in the other formats."""
        cell, width = self.cell, self.width(box.stroke)
        left, top, right, bottom = (
            round(length * cell) for length in (box.x, box.y, box.x + box.wide, box.y + box.tall)
        )
        if not box.line:
            self.draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), box.fill or None)
            return
        grown = (width - 1) // 2
        place = (left - grown, top - grown, right + grown, bottom + grown)
        if box.dashed:
            self.draw.rectangle(place, box.fill or None)
            self.dashes(place, box.line)
        elif box.corner:
            self.draw.rounded_rectangle(place, max(round(box.corner * cell), 1), box.fill or None, box.line, width)
        else:
            self.draw.rectangle(place, box.fill or None, box.line, width)

    def dashes(self, place: tuple[int, int, int, int], colour: str) -> None:
        """A dashed border, its dashes counted from the picture's corner so that those of neighbours coincide."""
        left, top, right, bottom = place
        dash = max(round(0.07 * self.cell), 2)
        for at in range(left - left % (2 * dash), right, 2 * dash):
            start, end = max(at, left), min(at + dash, right)
            if start < end:
                for y in (top, bottom):
                    self.draw.line((start, y, end, y), colour)
        for at in range(top - top % (2 * dash), bottom, 2 * dash):
            start, end = max(at, top), min(at + dash, bottom)
            if start < end:
                for x in (left, right):
                    self.draw.line((x, start, x, end), colour)

    def line(self, line: Line) -> None:
        """A line, or a filled polygon."""
        points = [(round(x * self.cell), round(y * self.cell)) for x, y in line.points]
        if line.fill:
            self.draw.polygon(points, line.fill)
        if line.fill or line.closed:
            # Twice over the first side, so that the last corner is joined as well.
            points += points[:2]
        if line.colour:
            self.draw.line(points, line.colour, self.width(line.stroke), joint="curve")

    def width(self, stroke: float) -> int:
        """Width of a line in pixels."""
        return max(round(stroke * self.cell), 1)

    def label(self, label: Label) -> None:
        """Text on one line, its middle at y."""
        text = printable(label.text, "text")
        if not text:
            return
        size = label.size * self.cell
        shown, wide = placed(text, math=label.math, face="bold" if label.bold else "regular")
        left = label.x * self.cell - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * wide * size
        baseline = label.y * self.cell + 0.36 * size
        for run in shown:
            font = _font(max(round(size * run.size), 1), run.face)
            at = (round(left + run.x * size), round(baseline + run.y * size))
            self.draw.text(at, run.text, label.ink, font, "ls")


def opaque(image: Image.Image, ground: str) -> Image.Image:
    """Put a picture onto its ground.

    Parameters
    ----------
    image : PIL.Image.Image
        In RGB or RGBA.
    ground : str
        Its colour.

    Returns
    -------
    PIL.Image.Image
        In RGB.

    Examples
    --------
    >>> opaque(Image.new("RGBA", (1, 1), (0, 0, 0, 51)), "#ffffff").getpixel((0, 0))
    (204, 204, 204)
    """
    if image.mode == "RGB":
        return image
    whole = Image.new("RGBA", image.size, ground)
    whole.alpha_composite(image)
    return whole.convert("RGB")
