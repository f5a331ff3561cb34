"""Animations of a layer as files: its window slides, or its stamps add up, while its matrix lights up in step.

======================= ======================================================= ===========================
ending                  is                                                      made by
======================= ======================================================= ===========================
``.svg``                sharp, moves also inside ``<img>``                      `convmatrix.show.render.svg`
``.html``               a page to play, stop and step through                   `convmatrix.show.render.svg`
``.gif``                pixels, shown everywhere                                Pillow
``.png`` or ``.apng``   the same, shown by browsers                             Pillow
``.webp``               the same, shown by browsers, smaller                    Pillow
``.mp4``                a film, for slides                                      ffmpeg, if it is installed
======================= ======================================================= ===========================

What stays is drawn once; a step then draws only the cells that it changes. Between two steps the outlines of windows
move on in a few pictures, and the last step stays for twice as long. Equal versions give equal bytes.
"""

import math
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import IO

from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin, features

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.export import replacing
from convmatrix.layers.arguments import flag
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Label, Line, Mark
from convmatrix.show.model.film import Film, Key, Look
from convmatrix.show.model.films import FilmView, film_of
from convmatrix.show.model.palette import rgb
from convmatrix.show.model.printable import printable, shortened
from convmatrix.show.model.stage import Drawable
from convmatrix.show.model.style import Style
from convmatrix.show.render.glyphs import Face, face_file, placed
from convmatrix.show.render.svg import moving, page

__all__ = ["ENDINGS", "animate", "images", "save"]

ENDINGS = (".gif", ".png", ".apng", ".webp", ".mp4", ".svg", ".html")
"""File formats, by their endings."""

Progress = Callable[[int, int], object]

_PIXELS = 96
"""Pixels of an inch, unless the picture would be too large."""
_WIDEST, _TALLEST = 1920, 1440
_TWEENS = 3
"""Pictures between two steps."""
_MOVES = 0.24
"""The part of a step that they take."""
_QUICKEST = 0.02
"""Least seconds of a picture between two steps; there is none where it would be shorter."""
_FINER = 2
"""Factor of the size at which slanting lines are drawn."""
_REST = 1.0
"""Steps that the last picture stays for longer."""
_FASTEST, _SLOWEST = 0.02, 60.0
"""Seconds of a step. Faster than 50 pictures a second, viewers show a GIF at a speed of their own."""


def animate(
    layer: Drawable,
    path: str | os.PathLike[str],
    *,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    view: FilmView | None = None,
    vector: ArrayLike | None = None,
    matrix: bool = True,
    title: str = "",
    seconds_per_step: float = 1.0,
    smooth: bool = True,
    style: Style | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a layer's sliding window as an animation, in the format that the file's ending names.

    Parameters
    ----------
    layer : Conv, ConvTranspose, AvgPool or MaxPool
        With at most two axes.
    path : str or path-like
        Ends in one of `ENDINGS`.
    weight : weight_shape array_like, optional
        Values for the kernel and the matrix; names without it.
    x : input_shape array_like, optional
        Values for the input; with `weight`, the output has its values too.
    view : {"windows", "stamps", "bare", "stacked", "round-trip", "null-space"}, optional
        ``windows``: a step for each output, and its row of the matrix; a transposed convolution slides over its input
        with zeros inserted. ``stamps``, for a transposed convolution and its default: a step for each input, and its
        column. The others are those of `convmatrix.show.model.films.film_of`.
    vector : input_shape array_like, optional
        Null-space vector that is added to `x`, for ``null-space``.
    matrix : bool, default True
        Whether to show the matrix.
    title : str, optional
    seconds_per_step : float, default 1
    smooth : bool, default True
        Whether windows move between steps, in a few pictures; otherwise they jump.
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.
    progress : callable, optional
        Called with (done, total) steps.

    Raises
    ------
    ValueError
        If the ending is unknown, the speed impossible, or the layer cannot be drawn, in one sentence.
    OSError
        If the file cannot be written, or a program or package for its format is not installed.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animate(Conv(4, 3), f"{folder}/window.gif")
    ...     with Image.open(f"{folder}/window.gif") as picture:
    ...         print(picture.n_frames)
    13
    """
    _checked(path, seconds_per_step)
    save(
        film_of(layer, weight, x, view=view, vector=vector, matrix=matrix, title=title, style=style),
        path,
        seconds_per_step=seconds_per_step,
        smooth=smooth,
        progress=progress,
    )


def save(
    film: Film,
    path: str | os.PathLike[str],
    *,
    seconds_per_step: float = 1.0,
    smooth: bool = True,
    progress: Progress | None = None,
) -> None:
    """Write a film to a file whose ending names the format; whole, or not at all.

    Parameters
    ----------
    film : Film
    path : str or path-like
        Ends in one of `ENDINGS`.
    seconds_per_step : float, default 1
    smooth : bool, default True
        Whether windows move between steps. In SVG and HTML they do unless the viewer asks for reduced motion.
    progress : callable, optional
        Called with (done, total) steps.

    Raises
    ------
    ValueError
        If the ending is unknown, or the speed impossible.
    OSError
        If the file cannot be written, or a program or package for its format is not installed.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show.model.stage import film
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(film(Conv((3,), 2)), f"{folder}/window.svg", progress=print)
    2 2
    """
    ending = _checked(path, seconds_per_step)
    with replacing(path) as file:
        if ending in (".svg", ".html"):
            drawn = (moving if ending == ".svg" else page)(film, seconds_per_step=seconds_per_step)
            file.write(drawn.encode())
            if progress is not None:
                progress(len(film.frames), len(film.frames))
            return
        timed = _timed(film, seconds_per_step, smooth=flag("smooth", smooth), progress=progress)
        if ending == ".mp4":
            _write_mp4(Path(file.name), timed, seconds_per_step, film.title)
        else:
            _write_pictures(file, ending, film, timed)


def _checked(path: str | os.PathLike[str], seconds: float) -> str:
    """The ending of a path that can be written at this speed, before anything is drawn."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        problem = f"ends in {ending!r}" if ending else "has no ending"
        raise ValueError(
            f"file name {short(os.fspath(path))} {problem}, which names no animation: use {', '.join(ENDINGS)}"
        )
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise WrongTypeError(f"seconds_per_step must be a number, got {short(seconds)}")
    if not _FASTEST <= seconds <= _SLOWEST:
        raise ValueError(f"seconds_per_step must be from {_FASTEST:g} to {_SLOWEST:g}, got {short(seconds)}")
    if ending == ".mp4" and shutil.which("ffmpeg") is None:
        raise FileNotFoundError(
            "an .mp4 file needs ffmpeg, which is not installed here: install it, or save .gif, "
            ".webp or .html, which need nothing more"
        )
    if ending == ".webp" and not features.check("webp"):
        raise OSError("a .webp file needs a Pillow with WebP, which the installed one has not: save .gif or .png")
    return ending


Timed = tuple[Image.Image, float]
"""A picture, and for how many seconds it is shown."""


def _timed(film: Film, seconds: float, *, smooth: bool, progress: Progress | None) -> Iterator[Timed]:
    """The pictures of a film with their times: steps, and what lies between them."""
    total = len(film.frames)
    between = _TWEENS if smooth and seconds * _MOVES / _TWEENS >= _QUICKEST else 0
    moves = _MOVES if between else 0.0
    for number, (picture, is_step) in enumerate(_pictures(film, _cell_of(film), between)):
        step = number // (between + 1)
        if not is_step:
            yield picture, seconds * moves / between
            continue
        yield picture, seconds * (1 + _REST if step == total - 1 else 1 - moves)
        if progress is not None:
            progress(step + 1, total)


# -- files -----------------------------------------------------------------------------------------------------------


def _write_pictures(file: IO[bytes], ending: str, film: Film, timed: Iterable[Timed]) -> None:
    palette = _palette(film)
    # Without dithering: areas of one colour stay so, and files stay small.
    shown = [(picture.quantize(palette=palette, dither=Image.Dither.NONE), seconds) for picture, seconds in timed]
    indexed = [picture for picture, _ in shown]
    duration, title = [round(1000 * seconds) for _, seconds in shown], printable(film.title)
    if ending == ".gif":
        comment = {"comment": title.encode()} if title else {}
        # "optimize" leaves out, with the palette's spare colour, what has not changed.
        indexed[0].save(
            file, "GIF", save_all=True, append_images=indexed[1:], duration=duration, loop=0, optimize=True, **comment
        )
    elif ending == ".webp":
        # Only the first picture is whole; each of the others is a difference. More effort than this takes
        # twice the time and saves an eighth of the bytes; with less, the differences are not found at all.
        full = [picture.convert("RGB") for picture in indexed]
        full[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=full[1:],
            duration=duration,
            loop=0,
            lossless=True,
            quality=20,
            method=1,
            kmin=len(full),
            kmax=2 * len(full),
        )
    else:
        metadata = PngImagePlugin.PngInfo()
        if title:
            metadata.add_itxt("Title", title)
        indexed[0].save(
            file, "PNG", save_all=True, append_images=indexed[1:], duration=duration, loop=0, pnginfo=metadata
        )


_COLOURS = 255
"""One less than a GIF has."""


def _palette(film: Film) -> Image.Image:
    """An image whose palette has every paper of a film, and shades between it and the ink on it."""
    looks = chain(film.base.values(), film.waiting.values(), *(frame.looks.values() for frame in film.frames))
    colours = film.style.colours
    ground = [(colours.ground, ink) for ink in (colours.ink, colours.window, colours.quiet)]
    pairs = list(dict.fromkeys([*ground, *((look.paper, look.ink) for look in looks)]))
    lines = {look.line for look in film.base.values() if look.line} | {colours.line, colours.soft}
    plain = list(dict.fromkeys([*(colour for pair in pairs for colour in pair), *sorted(lines)]))
    steps = max((_COLOURS - len(plain)) // len(pairs), 1)
    shades = [_mixed(*pair, step / (steps + 1)) for step in range(1, steps + 1) for pair in pairs]
    all_colours = list(dict.fromkeys([*map(rgb, plain), *shades]))
    if len(all_colours) > _COLOURS:
        strip = Image.new("RGB", (len(all_colours), 1))
        strip.putdata(all_colours)
        return strip.quantize(_COLOURS)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in all_colours for part in colour])
    return palette


def _mixed(first: str, second: str, part: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(rgb(first), rgb(second), strict=True))
    return red, green, blue


_SLOTS = 12
"""Pictures of a step in an .mp4 file."""
_SLOWEST_STEP = 0.25
"""Seconds of a step from which it has so many; shorter ones have one."""
_ARGUMENT = 10_000
"""Most characters of a title that ffmpeg is given: an argument of a program may have 128 KiB."""


def _write_mp4(path: Path, timed: Iterator[Timed], seconds: float, title: str) -> None:
    """Let ffmpeg write the film over an empty file; one thread and no dates, so that bytes are equal on every run."""
    first, first_seconds = next(timed)
    # Each picture is repeated for as long as it is shown.
    rate = Fraction(_SLOTS / seconds).limit_denominator(1000) if seconds >= _SLOWEST_STEP else Fraction(1 / seconds)
    repeated = (
        picture
        for picture, shown in chain([(first, first_seconds)], timed)
        for _ in range(max(round(shown * float(rate)), 1))
    )
    command = [
        "ffmpeg",
        "-loglevel",
        "error",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{first.width}x{first.height}",
        "-framerate",
        str(rate),
        "-i",
        "-",
        # Players cannot seek in films of one picture a second.
        "-r",
        str(max(rate, Fraction(5))),
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-crf",
        "18",
        "-threads",
        "1",
        "-preset",
        "veryfast",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
        "-map_metadata",
        "-1",
        *(["-metadata", f"title={shortened(printable(title), _ARGUMENT, len)}"] if title else []),
        "-movflags",
        "+faststart",
        "-f",
        "mp4",
        "-y",
        f"file:{path}",
    ]
    with (
        tempfile.TemporaryFile() as messages,
        _waiting_signals() as release,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages) as process,
    ):
        _feed(process, repeated, release)
        if process.returncode:
            messages.seek(0)
            lines = messages.read().decode(errors="replace").strip().splitlines()
            raise OSError(f"ffmpeg could not make the film: {lines[-1] if lines else f'code {process.returncode}'}")


@contextmanager
def _waiting_signals() -> Iterator[Callable[[], object]]:
    """Let signals that end the process wait until `release` is called: one of them could leave a program running.

    A program that is started meanwhile inherits the blocked signals. It is killed where we end, or ends with its input.

    Yields
    ------
    callable
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield lambda: None
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    release = partial(signal.pthread_sigmask, signal.SIG_SETMASK, before)
    try:
        yield release
    finally:
        release()


def _feed(process: "subprocess.Popen[bytes]", pictures: Iterable[Image.Image], release: Callable[[], object]) -> None:
    """Write the pictures to a process and wait until it has ended; it does not outlive an error."""
    assert process.stdin is not None
    try:
        release()
        with suppress(BrokenPipeError):  # why it ended early, the process reports itself
            for picture in pictures:
                process.stdin.write(picture.tobytes())
        with suppress(BrokenPipeError):  # some of the last picture may still be buffered
            process.stdin.close()
        process.wait()
    except BaseException:
        process.kill()
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()  # leaving its context does not, after KeyboardInterrupt
        raise


# -- pixels ----------------------------------------------------------------------------------------------------------


def images(film: Film, *, cell: int | None = None) -> Iterator[Image.Image]:
    """Draw the steps of a film.

    Parameters
    ----------
    film : Film
    cell : int, optional
        Pixels of a map's cell; by default 96 to an inch, or fewer where the picture would be larger than 1920 x 1440.

    Yields
    ------
    PIL.Image.Image
        In RGB, with even sides, as films need them.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> from convmatrix.show.model.stage import film
    >>> [picture.size for picture in images(film(Conv((3,), 2), matrix=False), cell=20)]
    [(200, 66), (200, 66)]
    """
    for picture, _ in _pictures(film, cell or _cell_of(film), 0):
        yield picture


def _pictures(film: Film, cell: float, between: int) -> Iterator[tuple[Image.Image, bool]]:
    """The pictures of a film, and whether each is a step or lies between two of them."""
    stays = _Canvas.begun(film, cell)
    before: list[Box | Line] = []
    for frame in film.frames:
        marks = drawing.moving(film, frame)
        if before and len(before) == len(marks):
            for number in range(1, between + 1):
                moving = stays.copy()
                moving.marks(map(partial(drawing.tween, part=number / (between + 1)), before, marks))
                yield moving.picture(), False
        elif before:
            for _ in range(between):
                yield stays.copy().picture(), False
        stays.cells(frame.lasting)
        now = stays.copy()
        now.cells(frame.looks)
        now.marks(marks)
        now.marks(drawing.caption(film, frame))
        before = marks
        yield now.picture(), True


def _cell_of(film: Film) -> float:
    """Pixels of a map's cell."""
    return max(min(film.cell * _PIXELS, _WIDEST / film.width, _TALLEST / film.height), 2.0)


def _even(length: float) -> int:
    return 2 * math.ceil(round(length, 6) / 2)


@lru_cache(maxsize=64)
def _font(size: int, face: Face) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, laid out in the one way that every Pillow knows."""
    return ImageFont.truetype(face_file(face), size, layout_engine=ImageFont.Layout.BASIC)


class _Canvas:
    """A picture that parts of a film are drawn onto; lengths are in cells of a map, until they become pixels.

    With slanting lines it is drawn larger than it will be: Pillow draws them without shades.
    """

    def __init__(self, film: Film, cell: float, image: Image.Image, factor: int) -> None:
        self.film, self.cell, self.image, self.factor = film, cell, image, factor
        self.draw = ImageDraw.Draw(image)

    @classmethod
    def begun(cls, film: Film, cell: float) -> "_Canvas":
        """Return the canvas with the state before the first step."""
        factor = _FINER if any(panel.shear for panel in film.panels) else 1
        size = factor * _even(film.width * cell), factor * _even(film.height * cell)
        canvas = cls(film, factor * cell, Image.new("RGB", size, film.style.colours.ground), factor)
        canvas.marks(drawing.ground(film))
        for panel in film.panels:
            canvas.marks(drawing.around_panel(panel, film.style))
        canvas.cells({**film.base, **film.waiting})
        return canvas

    def copy(self) -> "_Canvas":
        """Another canvas with the same picture."""
        return _Canvas(self.film, self.cell, self.image.copy(), self.factor)

    def picture(self) -> Image.Image:
        """The picture at its size."""
        return self.image if self.factor == 1 else self.image.reduce(self.factor)

    def cells(self, looks: Mapping[Key, Look]) -> None:
        """Cells with some looks."""
        self.marks(drawing.cells(self.film, looks))

    def marks(self, marks: Iterable[Mark]) -> None:
        """Boxes, lines and label."""
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
