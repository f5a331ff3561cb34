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

What stays is drawn once; a step then draws only the cells that it changes. Equal versions give equal bytes.
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

import matplotlib as mpl
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin, features

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.export import replacing
from convmatrix.show.model.film import (
    FAINT,
    FOOT,
    GRID,
    HEADING_SIZE,
    LINE,
    PAPER,
    TITLE_SIZE,
    Film,
    Key,
    Look,
    Outline,
    Panel,
    lines_of,
    note_size,
    text_size,
)
from convmatrix.show.model.palette import WINDOW, ink_on, rgb
from convmatrix.show.model.printable import printable, shortened
from convmatrix.show.model.stage import Drawable, View, film
from convmatrix.show.render.svg import moving, page

__all__ = ["ENDINGS", "animate", "images", "save"]

ENDINGS = (".gif", ".png", ".apng", ".webp", ".mp4", ".svg", ".html")
"""File formats, by their endings."""

Progress = Callable[[int, int], object]

_CELL = 44
"""Pixels of a map's cell, unless the picture would be too large."""
_WIDEST, _TALLEST = 1920, 1440
_FASTEST, _SLOWEST = 0.02, 60.0
"""Seconds of a step. Faster than 50 pictures a second, viewers show a GIF at a speed of their own."""


def animate(
    layer: Drawable,
    path: str | os.PathLike[str],
    *,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    view: View | None = None,
    matrix: bool = True,
    title: str = "",
    seconds_per_step: float = 1.0,
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
    view : {"windows", "stamps"}, optional
        ``windows``: a step for each output, and its row of the matrix; a transposed convolution slides over its input
        with zeros inserted. ``stamps``, for a transposed convolution and its default: a step for each input, and its
        column.
    matrix : bool, default True
        Whether to show the matrix.
    title : str, optional
    seconds_per_step : float, default 1
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
    4
    """
    _checked(path, seconds_per_step)
    save(
        film(layer, weight, x, view=view, matrix=matrix, title=title),
        path,
        seconds_per_step=seconds_per_step,
        progress=progress,
    )


def save(
    film: Film, path: str | os.PathLike[str], *, seconds_per_step: float = 1.0, progress: Progress | None = None
) -> None:
    """Write a film to a file whose ending names the format; whole, or not at all.

    Parameters
    ----------
    film : Film
    path : str or path-like
        Ends in one of `ENDINGS`.
    seconds_per_step : float, default 1
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
        pictures = _with_progress(images(film), len(film.frames), progress)
        if ending == ".mp4":
            _write_mp4(Path(file.name), pictures, seconds_per_step, film.title)
        else:
            _write_pictures(file, ending, film, pictures, seconds_per_step)


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


def _with_progress(pictures: Iterable[Image.Image], total: int, progress: Progress | None) -> Iterator[Image.Image]:
    for done, picture in enumerate(pictures, start=1):
        yield picture
        if progress is not None:
            progress(done, total)


# -- files -----------------------------------------------------------------------------------------------------------


def _write_pictures(file: IO[bytes], ending: str, film: Film, pictures: Iterator[Image.Image], seconds: float) -> None:
    palette = _palette(film)
    # Without dithering: areas of one colour stay so, and files stay small.
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    duration, title = round(1000 * seconds), printable(film.title)
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
    pairs = list(dict.fromkeys([(PAPER, "#000000"), (PAPER, WINDOW), *((look.paper, _ink(look)) for look in looks)]))
    plain = list(dict.fromkeys([*(colour for pair in pairs for colour in pair), GRID]))
    steps = max((_COLOURS - len(plain)) // len(pairs), 1)
    shades = [_mixed(*pair, step / (steps + 1)) for step in range(1, steps + 1) for pair in pairs]
    colours = list(dict.fromkeys([*map(rgb, plain), *shades]))
    if len(colours) > _COLOURS:
        strip = Image.new("RGB", (len(colours), 1))
        strip.putdata(colours)
        return strip.quantize(_COLOURS)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in colours for part in colour])
    return palette


def _mixed(first: str, second: str, part: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(rgb(first), rgb(second), strict=True))
    return red, green, blue


_ARGUMENT = 10_000
"""Most characters of a title that ffmpeg is given: an argument of a program may have 128 KiB."""


def _write_mp4(path: Path, pictures: Iterator[Image.Image], seconds: float, title: str) -> None:
    """Let ffmpeg write the film over an empty file; one thread and no dates, so that bytes are equal on every run."""
    first = next(pictures)
    rate = Fraction(1 / seconds).limit_denominator(1000)
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
        _feed(process, chain([first], pictures), release)
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
        Pixels of a map's cell; by default 44, or fewer where the picture would be larger than 1920 x 1440.

    Yields
    ------
    PIL.Image.Image
        In RGB, with even sides, as films need them.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> [picture.size for picture in images(film(Conv((3,), 2), matrix=False), cell=20)]
    [(108, 104), (108, 104)]
    """
    stays = _Canvas.begun(film, cell or _cell_of(film))
    for frame in film.frames:
        stays.cells(frame.lasting)
        now = stays.copy()
        now.cells(frame.looks)
        now.rulers({key[0] for key in frame.looks})
        for outline in frame.outlines:
            now.outline(outline)
        now.text(film.width / 2, film.height + 0.15, film.caption_size(frame.caption), frame.caption)
        yield now.image


def _cell_of(film: Film) -> int:
    return max(min(_CELL, int(_WIDEST / film.width), int(_TALLEST / film.height)), 12)


def _ink(look: Look) -> str:
    return FAINT if look.faint else ink_on(look.paper)


def _even(length: float) -> int:
    return 2 * math.ceil(length / 2)


@lru_cache(maxsize=64)
def _font(size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along; laid out in the one way that every Pillow knows."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(mpl.get_data_path(), "fonts", "ttf", name)
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


class _Canvas:
    """A picture that parts of a film are drawn onto; lengths are in cells of a map, until they become pixels."""

    def __init__(self, film: Film, cell: int, image: Image.Image) -> None:
        self.film, self.cell, self.image = film, cell, image
        self.draw = ImageDraw.Draw(image)

    @classmethod
    def begun(cls, film: Film, cell: int) -> "_Canvas":
        """Return the canvas with the state before the first step."""
        size = _even(film.width * cell), _even((film.height + FOOT) * cell)
        canvas = cls(film, cell, Image.new("RGB", size, PAPER))
        for y, line in film.heading():
            canvas.text(film.width / 2, y, HEADING_SIZE, line, bold=True)
        for panel in film.panels:
            canvas.panel(panel)
        canvas.cells({**film.base, **film.waiting})
        canvas.rulers(set(range(len(film.panels))))
        return canvas

    def copy(self) -> "_Canvas":
        """Another canvas with the same picture."""
        return _Canvas(self.film, self.cell, self.image.copy())

    def panel(self, panel: Panel) -> None:
        """Title, names and the border."""
        self.text(panel.x, panel.title_y, TITLE_SIZE, panel.title, anchor="lm")
        for x, y, name, anchor in panel.names():
            self.text(x, y, panel.name_size, name, anchor="rm" if anchor == "end" else "mm")
        self.draw.rectangle(self.box(panel, 0, 0, panel.rows, panel.cols), outline=GRID)

    def cells(self, looks: Mapping[Key, Look]) -> None:
        """Colour, text and note of cells."""
        for (number, row, col), look in looks.items():
            panel = self.film.panels[number]
            self.draw.rectangle(self.box(panel, row, col, 1, 1), look.paper, GRID if panel.labelled else None)
            if panel.labelled:
                self.label(*panel.at(row, col), panel.unit, look)

    def label(self, x: float, y: float, unit: float, look: Look) -> None:
        """Draw the text of a cell whose corner is (x, y)."""
        ink, lines, size = _ink(look), lines_of(look.text), text_size(look.text) * unit
        first = y + unit * (0.42 if look.note else 0.5) - (len(lines) - 1) / 2 * LINE * size
        for number, line in enumerate(lines):
            self.text(x + unit / 2, first + number * LINE * size, size, line, ink=ink)
        self.text(x + 0.95 * unit, y + 0.82 * unit, note_size(look.note) * unit, look.note, ink=ink, anchor="rm")

    def rulers(self, panels: set[int]) -> None:
        """Lines between image rows and channels, which cells have been drawn over."""
        for number in panels:
            panel = self.film.panels[number]
            for across, at, bold in panel.rulers():
                line = (at, 0, 0, panel.cols) if across else (0, at, panel.rows, 0)
                self.draw.line(self.box(panel, *line), "#000000", 2 if bold else 1)

    def outline(self, outline: Outline) -> None:
        """A frame around cells."""
        left, top, right, bottom = self.box(self.film.panels[outline.panel], *outline[1:])
        self.draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=WINDOW, width=3)

    def text(
        self,
        x: float,
        y: float,
        size: float,
        text: str,
        *,
        ink: str = "#000000",
        anchor: str = "mm",
        bold: bool = False,
    ) -> None:
        """Text on one line, its middle at y."""
        if text:
            text = printable(text, "text")
            font = _font(max(round(size * self.cell), 1), bold=bold)
            self.draw.text((round(x * self.cell), round(y * self.cell)), text, ink, font, anchor)

    def box(self, panel: Panel, row: int, col: int, rows: int, cols: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom pixel of some cells."""
        (x, y), (right, bottom) = panel.at(row, col), panel.at(row + rows, col + cols)
        return round(x * self.cell), round(y * self.cell), round(right * self.cell), round(bottom * self.cell)
