"""Animations of a layer as files: its window slides, or its stamps add up, while its matrix lights up in step.

======================= ======================================================= ==============================
ending                  is                                                      made by
======================= ======================================================= ==============================
``.svg``                sharp, moves also inside ``<img>``                      `convmatrix.show.render.svg`
``.html``               a page to play, stop and step through                   `convmatrix.show.render.svg`
``.gif``                pixels, shown everywhere                                Pillow
``.png`` or ``.apng``   the same, shown by browsers                             Pillow
``.webp``               the same, shown by browsers, smaller                    Pillow
``.mp4``                a film, for slides                                      ffmpeg 5.1, if it is installed
======================= ======================================================= ==============================

What stays is drawn once; a step then draws only the cells that it changes. Between two steps the outlines of windows
move on in a few pictures, and the last step stays for twice as long. With a transparent ground, a GIF has pixels that
are either opaque or not, and an ``.mp4`` has the ground's colour. Equal versions give equal bytes.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import partial
from itertools import chain
from math import ceil, floor
from pathlib import Path
from typing import IO, Any, NamedTuple

from numpy.typing import ArrayLike
from PIL import Image, PngImagePlugin, features

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.export import replacing
from convmatrix.layers.arguments import flag
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Line
from convmatrix.show.model.film import Film
from convmatrix.show.model.films import FilmView, film_of
from convmatrix.show.model.printable import printable, shortened
from convmatrix.show.model.stage import Drawable
from convmatrix.show.model.style import Style
from convmatrix.show.render.canvas import Canvas, opaque
from convmatrix.show.render.indexed import CLEAR, Colours, differences
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
    >>> from convmatrix.show.model.stage import film
    >>> import tempfile
    >>> from convmatrix.layers import Conv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(film(Conv((3,), 2)), f"{folder}/window.svg", progress=print)
    2 2
    """
    ending = _checked(path, seconds_per_step)
    with replacing(path) as file:
        if ending in (".svg", ".html"):
            write = moving if ending == ".svg" else page
            drawn = write(film, seconds_per_step=seconds_per_step, smooth=flag("smooth", smooth))
            file.write(drawn.encode())
            if progress is not None:
                progress(len(film.frames), len(film.frames))
            return
        pace = _Pace.of(seconds_per_step, smooth=flag("smooth", smooth))
        pictures = _pictures(film, _cell_of(film), pace.between)
        timed = _timed(pictures, pace, len(film.frames), progress)
        if ending == ".mp4":
            _write_mp4(
                Path(file.name),
                (opaque(picture, film.style.colours.ground) for picture, _ in timed),
                _timing(pace, len(film.frames)),
                film.title,
            )
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


class _Pace(NamedTuple):
    """Seconds of a step, the pictures between it and the next, and the part of it that these take."""

    seconds: float
    between: int
    moves: float

    @classmethod
    def of(cls, seconds: float, *, smooth: bool) -> "_Pace":
        """Pace of a film: a quick one has no pictures between steps."""
        if smooth and seconds * _MOVES / _TWEENS >= _QUICKEST:
            return cls(seconds, _TWEENS, _MOVES)
        return cls(seconds, 0, 0.0)


Timed = tuple[Image.Image, float]
"""A picture, and for how many seconds it is shown."""


def _timed(
    pictures: Iterable[tuple[Image.Image, bool]], pace: _Pace, total: int, progress: Progress | None
) -> Iterator[Timed]:
    """The pictures of a film with their times: steps, and pictures between them."""
    step = 0
    for picture, is_step in pictures:
        if not is_step:
            yield picture, pace.seconds * pace.moves / pace.between
            continue
        step += 1
        yield picture, pace.seconds * (1 + _REST if step == total else 1 - pace.moves)
        if progress is not None:
            progress(step, total)


# -- files -----------------------------------------------------------------------------------------------------------


def _write_pictures(file: IO[bytes], ending: str, film: Film, timed: Iterable[Timed]) -> None:
    colours = Colours(film)
    shown = [(_stored(picture, ending, colours), seconds) for picture, seconds in timed]
    (first, *rest), seconds = [picture for picture, _ in shown], [seconds for _, seconds in shown]
    duration, title = [round(1000 * each) for each in seconds], printable(film.title)
    common: dict[str, Any] = {"save_all": True, "append_images": rest, "duration": duration, "loop": 0}
    transparent = film.style.ground == "transparent"
    if ending == ".gif":
        looks: dict[str, Any] = {"comment": title.encode()} if title else {}
        looks |= {"transparency": CLEAR, "disposal": 2} if transparent else {}
        # "optimize" leaves out, with the palette's last colour, what has not changed.
        first.save(file, "GIF", optimize=True, **common, **looks)
    elif ending == ".webp":
        # Only the first picture is whole; each of the others is a difference. More effort than this takes
        # twice the time and saves an eighth of the bytes; with less, the differences are not found at all.
        effort = {"quality": 20, "method": 1, "kmin": len(shown), "kmax": 2 * len(shown)}
        first.save(file, "WEBP", lossless=True, **common, **effort)
    else:
        metadata = PngImagePlugin.PngInfo()
        if title:
            metadata.add_itxt("Title", title)
        if not transparent:
            common["append_images"] = differences(first, rest)
            common |= {"transparency": CLEAR, "blend": [0, *[1] * len(rest)]}
        first.save(file, "PNG", pnginfo=metadata, **common)


def _stored(picture: Image.Image, ending: str, colours: Colours) -> Image.Image:
    """A picture as a file of some format holds it: in the colours of a palette, where it can."""
    if picture.mode == "RGBA" and ending != ".gif":
        return picture
    indexed = colours.indexed(picture)
    return indexed.convert("RGB") if ending == ".webp" else indexed


_SLOTS = 12
"""Places of a step in an .mp4 file at which a picture can begin."""
_QUICK_STEP = 0.25
"""Seconds of a step up to which it has one, and one picture."""
_LEAST_RATE = 5
"""Such places of a second: slow steps have more."""
_LONGEST = 0.5
"""Most seconds of a picture before it is written again: players cannot seek to the middle of one, or of a few."""
_BETWEEN_KEYS = 100
"""Most pictures that a player decodes to show one: about twenty steps."""
_ARGUMENT = 10_000
"""Most characters of a title that ffmpeg is given: an argument of a program may have 128 KiB."""


def _write_mp4(path: Path, pictures: Iterator[Image.Image], timing: str, title: str) -> None:
    """Let ffmpeg write the film over an empty file; one thread and no dates, so that bytes are equal on every run."""
    first = next(pictures)
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
        "1000",
        "-i",
        "-",
        "-vf",
        timing,
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
        "-g",
        f"{_BETWEEN_KEYS}",
        "-fps_mode",
        "vfr",
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
            if any("fps_mode" in line for line in lines):
                raise OSError("an .mp4 file needs ffmpeg 5.1 or later: update it, or save .gif, .webp or .html")
            raise OSError(f"ffmpeg could not make the film: {lines[-1] if lines else f'code {process.returncode}'}")


def _timing(pace: _Pace, total: int) -> str:
    """Filters that show each picture for its time, by unequal durations; of long ones there are several pictures."""
    # With all of them repeated at the rate at which windows move, the encoder takes twice the time.
    slots = 1 if pace.seconds < _QUICK_STEP else max(_SLOTS, ceil(_LEAST_RATE * pace.seconds))
    rate = Fraction(slots / pace.seconds).limit_denominator(1000)
    number = f"mod(N\\,{pace.between + 1})"  # of the picture after its step
    moved = f"if({number}\\,{1 - pace.moves:g}+({number}-1)*{pace.moves / max(pace.between, 1):g}\\,0)"
    at = f"{1000 * pace.seconds:g}*(floor(N/{pace.between + 1})+{moved})"
    rest, whole = round(slots * (1 + _REST)), round(slots * (total + _REST))
    place = f"mod(n\\,{slots})"
    again = f"not(mod({place}\\,{max(floor(_LONGEST * rate), 1)}))"
    # The last one ends the film.
    shown = f"{again}+gte({place}\\,{floor((1 - pace.moves) * slots)})+eq(n\\,{whole - 1})"
    return (
        f"format=yuv420p,settb=1/1000,setpts='round({at})',fps={rate},"
        f"tpad=stop_mode=clone:stop={rest},trim=end_frame={whole},select='{shown}'"
    )


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
        In RGB, or in RGBA with a transparent ground; with even sides, as films need them.

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
    stays = Canvas.begun(film, cell)
    shown, before = stays, list[Box | Line]()
    for number, frame in enumerate(film.frames):
        marks = drawing.moving(film, frame)
        for part in range(1, between + 1) if number else ():
            moving = shown.copy()
            if len(before) == len(marks):
                moving.marks(map(partial(drawing.tween, part=part / (between + 1)), before, marks))
            yield moving.picture(), False
        stays.cells(frame.lasting)
        shown, before = stays.copy(), marks
        shown.cells(frame.looks)
        shown.marks(drawing.caption(film, frame))
        now = shown.copy()
        now.marks(marks)
        yield now.picture(), True


def _cell_of(film: Film) -> float:
    """Pixels of a map's cell."""
    return max(min(film.cell * _PIXELS, _WIDEST / film.width, _TALLEST / film.height), 2.0)
