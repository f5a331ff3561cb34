"""Pictures of a film in the 256 colours that a GIF has, or a PNG with a palette."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convmatrix.show.model.film import Film
from convmatrix.show.model.palette import over, rgb
from convmatrix.show.render.canvas import opaque

__all__ = ["CLEAR", "Colours", "differences"]

CLEAR = 255
"""Index for transparent pixels, which no colour has."""


class Colours:
    """A palette that has every paper of a film exactly, with shades between each and the ink on it.

    Parameters
    ----------
    film : Film

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show.model.stage import film
    >>> colours = Colours(film(Conv((3,), 2)))
    >>> picture = colours.indexed(Image.new("RGB", (1, 1), "#ffffff"))
    >>> picture.mode, picture.convert("RGB").getpixel((0, 0))
    ('P', (255, 255, 255))
    """

    def __init__(self, film: Film) -> None:
        self._ground = film.style.colours.ground
        self._palette = np.array(_palette(film), dtype=np.uint8)  # shape (colours, 3)
        self._indices = np.full(1 << 24, -1, dtype=np.int16)  # of the closest colour, once it has been looked for
        self._before: tuple[NDArray[np.uint32], NDArray[np.uint8]]  # pixels of the last picture, and their indices
        self._before = np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.uint8)

    def indexed(self, picture: Image.Image) -> Image.Image:
        """A picture in the closest colours, without dithering: areas of one colour stay so, and files stay small.

        Parameters
        ----------
        picture : PIL.Image.Image
            In RGB, or in RGBA: its pixels are made opaque or, where they are less than half so, transparent.

        Returns
        -------
        PIL.Image.Image
        """
        pixels: NDArray[np.uint32] = np.frombuffer(opaque(picture, self._ground).tobytes("raw", "RGBX"), dtype="<u4")
        keys = pixels & np.uint32(0xFFFFFF)
        if len(keys) != len(self._before[0]):
            self._before = ~keys, np.zeros(len(keys), dtype=np.uint8)
        before, indices = self._before
        changed = np.flatnonzero(keys != before)  # few, from one picture to the next
        indices[changed] = self._looked_up(keys[changed])
        self._before = keys, indices
        shown = indices.reshape(picture.height, picture.width).copy()
        if picture.mode == "RGBA":
            shown = np.where(np.asarray(picture)[..., 3] < 128, np.uint8(CLEAR), shown)
        return self._with_palette(shown)

    def _looked_up(self, keys: NDArray[np.uint32]) -> NDArray[np.int16]:
        """Indices of the closest colours."""
        new = np.unique(keys[self._indices[keys] < 0]).astype(np.int32)
        if len(new):
            colours = np.stack([new & 255, new >> 8 & 255, new >> 16], axis=1)
            distances = ((colours[:, None] - self._palette[None].astype(np.int32)) ** 2).sum(axis=2)
            self._indices[new] = distances.argmin(axis=1)
        return self._indices[keys]

    def _with_palette(self, indices: NDArray[np.uint8]) -> Image.Image:
        image = Image.fromarray(indices)
        # All 256 colours, so that the last one can be transparent.
        image.putpalette(self._palette.ravel().tolist() + [0] * (3 * (256 - len(self._palette))))
        return image


def _palette(film: Film) -> list[tuple[int, int, int]]:
    """At most 255 colours."""
    looks = chain(film.base.values(), film.waiting.values(), *(frame.looks.values() for frame in film.frames))
    colours = film.style.colours
    ground = [(colours.ground, ink) for ink in (colours.ink, colours.window, colours.quiet)]
    pairs = list(dict.fromkeys([*ground, *((look.paper, look.ink) for look in looks)]))
    lines = {look.line for look in film.base.values() if look.line} | {colours.line, colours.soft}
    plain = dict.fromkeys(map(rgb, [*(colour for pair in pairs for colour in pair), *sorted(lines)]))
    if len(plain) > CLEAR:
        strip = Image.new("RGB", (len(plain), 1))
        strip.putdata(list(plain))
        entries = strip.quantize(CLEAR).getpalette() or []
        return [(red, green, blue) for red, green, blue in zip(entries[::3], entries[1::3], entries[2::3], strict=True)]
    steps = max((CLEAR - len(plain)) // len(pairs), 1)
    shades = [rgb(over(ink, paper, step / (steps + 1))) for step in range(1, steps + 1) for paper, ink in pairs]
    return list(dict.fromkeys([*plain, *shades]))[:CLEAR]


def differences(first: Image.Image, rest: Sequence[Image.Image]) -> list[Image.Image]:
    """Make indexed pictures transparent wherever they are as the picture before.

    Parameters
    ----------
    first : PIL.Image.Image
    rest : sequence of PIL.Image.Image
        The pictures after it.

    Returns
    -------
    list of PIL.Image.Image
        One for each of the rest.

    Examples
    --------
    >>> first, second = (Image.fromarray(np.array([row], dtype=np.uint8)) for row in ([1, 2], [1, 3]))
    >>> np.asarray(differences(first, [second])[0]).tolist()
    [[255, 3]]
    """
    made, before = [], np.asarray(first)
    for picture in rest:
        now = np.asarray(picture)
        changes = Image.fromarray(np.where(now == before, np.uint8(CLEAR), now))
        changes.putpalette(picture.getpalette() or [])
        made.append(changes)
        before = now
    return made
