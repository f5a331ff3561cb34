"""Films as files: each step read back from the pixels of every format, and files that are whole or not there."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from convmatrix import Conv
from convmatrix.show.model import drawing
from convmatrix.show.model.palette import THEMES, rgb
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style
from convmatrix.show.render import animate as animations
from convmatrix.show.render.animate import ENDINGS, animate, images, save
from convmatrix.show.render.svg import moving, page
from sample_films import FILMS
from selection import some

PICTURES = (".gif", ".png", ".apng", ".webp")


# -- pixels ----------------------------------------------------------------------------------------------------------


def assert_shows(picture, made, step, cell, tolerance=0):
    """Each cell has its colour, read near its corner, where no text stands and no line is drawn."""
    picture = picture.convert("RGB")
    for key, look in made.still(step).items():
        panel = made.panels[key[0]]
        x, y = panel.at(key[1], key[2])
        along = 0.16 if panel.bordered else 0.5
        place = (int((x + along * panel.unit) * cell), int((y + along * panel.cell_height) * cell))
        distances = np.subtract(picture.getpixel(place), rgb(look.paper))
        assert np.abs(distances).max() <= tolerance, (step, made.cell_id(key))


@pytest.mark.parametrize("name", FILMS)
def test_pictures_show_each_step(name):
    made = FILMS[name]
    pictures = list(images(made, cell=80))
    assert len(pictures) == len(made.frames)
    window = rgb(made.style.colours.window)
    for step, picture in enumerate(pictures):
        assert_shows(picture, made, step, 80)
        for outline in made.frames[step].outlines:
            box = drawing.outline(made, outline, "")
            assert picture.getpixel((round(box.x * 80), round((box.y + box.tall / 2) * 80))) == window


def test_windows_move_between_pictures():
    """Between two steps the outline is on its way, while cells and caption are still those of the step before."""
    made = FILMS["windows"]
    pictures = list(animations._pictures(made, 80, 3))
    assert [is_step for _, is_step in pictures] == [True, *[False, False, False, True] * 15]
    for number in (1, 2, 3):
        picture = pictures[number][0]
        start, end = (drawing.outline(made, made.frames[step].outlines[0], "") for step in (0, 1))
        x = start.x + (end.x - start.x) * [0.15625, 0.5, 0.84375][number - 1]  # quicker in the middle
        assert end.x - start.x == 1
        assert picture.getpixel((round(x * 80), round((start.y + 1.1) * 80))) == rgb(THEMES["light"].window)
        below = round((made.foot[1] - 0.3) * 80)
        box = (0, below, picture.width, picture.height)
        assert picture.crop(box).tobytes() == pictures[0][0].crop(box).tobytes()


def test_pictures_are_no_larger_than_a_screen():
    (wide, *_), (tall, *_) = images(film(Conv((60,), 59))), images(film(Conv((30,), 30, in_channels=10)))
    assert wide.width <= 1920
    assert tall.height <= 1500
    assert all(side % 2 == 0 for picture in (wide, tall) for side in picture.size)


@pytest.mark.parametrize("ending", PICTURES)
@pytest.mark.parametrize("name", some(["windows", "folded", "one step"], "one step"))
@pytest.mark.parametrize("smooth", [True, False])
def test_pictures_in_files(tmp_path, ending, name, smooth):
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    made, path = FILMS[name], tmp_path / f"film{ending}"
    total, between = len(made.frames), 3 if smooth else 0
    save(made, path, seconds_per_step=0.5, smooth=smooth)
    cell = animations._cell_of(made)
    with Image.open(path) as picture:
        assert picture.format == {".gif": "GIF", ".webp": "WEBP"}.get(ending, "PNG")
        assert getattr(picture, "n_frames", 1) == (total - 1) * (between + 1) + 1
        durations = []
        for number in range((total - 1) * (between + 1) + 1):
            picture.seek(number)
            picture.load()
            durations.append(picture.info.get("duration"))
            if number % (between + 1) == 0:
                assert_shows(picture, made, number // (between + 1), cell)
    if total > 1:
        step = [380, 40, 40, 40] if smooth else [500]
        assert durations == [*step * (total - 1), 1000]  # the last step rests
    again = tmp_path / f"again{ending}"
    save(made, again, seconds_per_step=0.5, smooth=smooth)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("ending", PICTURES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_transparent_grounds(tmp_path, ending, theme):
    """Around the panels nothing is opaque; on the theme's ground, the film is as it is with that ground."""
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    made, whole = (film(Conv((4,), 3), title="T", style=Style(theme=theme, ground=each)) for each in GROUNDS)
    path = tmp_path / f"film{ending}"
    save(made, path, seconds_per_step=0.1)
    with Image.open(path) as picture:
        for step, opaque in enumerate(images(whole)):
            picture.seek(step)
            shown = picture.convert("RGBA")
            assert shown.getpixel((1, 1))[3] == 0
            assert (np.asarray(shown)[..., 3] == 0).mean() > 0.3
            assert_shows(shown, made, step, animations._cell_of(made))
            ground = Image.new("RGBA", shown.size, made.style.colours.ground)
            ground.alpha_composite(shown)
            distances = np.abs(np.subtract(ground.convert("RGB"), opaque, dtype=int)).max(axis=2)
            assert (distances > (2 if ending != ".gif" else 130)).mean() < 0.001


GROUNDS = ("transparent", "colour")


@pytest.mark.parametrize("ending", [".gif", ".png", ".webp"])
def test_colours_in_files_are_exact(tmp_path, ending):
    """The ground of a light film is white, also where a palette has a shade beside it."""
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    save(FILMS["values"], tmp_path / f"film{ending}")
    with Image.open(tmp_path / f"film{ending}") as picture:
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("ending", PICTURES)
def test_pictures_play_for_ever(tmp_path, ending):
    if ending == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    save(FILMS["folded"], tmp_path / f"film{ending}")
    with Image.open(tmp_path / f"film{ending}") as picture:
        assert picture.info["loop"] == 0
    if ending == ".gif":
        content = (tmp_path / "film.gif").read_bytes()
        assert b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0" in content  # as often as wanted: 0 is without end


@pytest.mark.full
def test_more_colours_than_a_gif_has(tmp_path):
    made = film(Conv((40,), (20,), padding=10), matrix=False)
    many = film(Conv((150,), (140,), padding=3))
    counts = [
        len({look.paper for looks in (each.base, *(frame.looks for frame in each.frames)) for look in looks.values()})
        for each in (made, many)
    ]
    assert counts[0] > 40
    assert counts[1] > 256
    for number, each in enumerate((made, many)):
        save(each, tmp_path / f"{number}.gif")
        with Image.open(tmp_path / f"{number}.gif") as picture:
            assert picture.n_frames == 4 * len(each.frames) - 3


# -- films -----------------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not installed")
@pytest.mark.parametrize("seconds", [0.1, 1])
def test_mp4(tmp_path, seconds):
    made = FILMS["folded"]
    path, again = tmp_path / "film.mp4", tmp_path / "again.mp4"
    for each in (path, again):
        save(made, each, seconds_per_step=seconds)
    assert path.read_bytes() == again.read_bytes()
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    probed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (stream,) = probed["streams"]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"]) == next(images(made)).size
    assert float(stream["duration"]) == pytest.approx(6 * seconds, abs=0.02 * seconds)
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", str(path)]
    times = sorted(map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))
    # Each step, again after half a second, and while the window moves; the end of the last step's rest as well.
    begins = [0, 0.5, 0.75, 0.8333, 0.9167] if seconds == 1 else [0]
    assert times == pytest.approx([(step + begin) * seconds for step in range(6) for begin in begins], abs=1e-3)
    at = 3 * seconds - 0.01  # ffmpeg takes the first picture that begins after it
    command = ["ffmpeg", "-v", "error", "-ss", f"{at}", "-i", str(path), "-frames:v", "1", str(tmp_path / "3.png")]
    subprocess.run(command, check=True)
    with Image.open(tmp_path / "3.png") as picture:
        shown = np.asarray(picture.convert("RGB"), dtype=int)
    distances = [np.abs(shown - np.asarray(each, dtype=int)).mean() for each in images(made)]
    assert np.argmin(distances) == 3
    assert distances[3] < 6


def fake_ffmpeg(folder, monkeypatch, script):
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ffmpeg is a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo one >&2; echo Unknown encoder libx264 >&2; exit 3", "Unknown encoder libx264"),
        ("exec 0<&-; exit 4", "code 4"),
    ],
)
def test_ffmpeg_fails(tmp_path, monkeypatch, script, message):
    fake_ffmpeg(tmp_path, monkeypatch, script)
    target = tmp_path / "film.mp4"
    target.write_bytes(b"before")
    with pytest.raises(OSError, match=rf"^cannot write .*film\.mp4: ffmpeg could not make the film: {message}$"):
        animate(Conv(4, 3), target)
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffmpeg", "film.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ffmpeg is a shell script")
def test_ffmpeg_is_too_old(tmp_path, monkeypatch):
    fake_ffmpeg(
        tmp_path, monkeypatch, "echo \"Unrecognized option 'fps_mode'.\" >&2; echo Option not found >&2; exit 1"
    )
    message = r"film\.mp4: an \.mp4 file needs ffmpeg 5\.1 or later: update it, or save \.gif, \.webp or \.html$"
    with pytest.raises(OSError, match=message):
        animate(Conv(4, 3), tmp_path / "film.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]


def test_ffmpeg_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = "^an .mp4 file needs ffmpeg, which is not installed here: install it, or save .gif, .webp or .html"
    with pytest.raises(FileNotFoundError, match=message):
        animate(Conv(4, 3), tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_webp_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(animations.features, "check", lambda name: name != "webp")
    with pytest.raises(OSError, match=r"^a \.webp file needs a Pillow with WebP, which the installed one has not"):
        animate(Conv(4, 3), tmp_path / "film.webp")


# -- files, whole or not at all --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_progress_and_what_a_failure_leaves(tmp_path, ending):
    if ending == ".mp4" and shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    calls, path = [], tmp_path / f"film{ending}"
    animate(Conv(4, 3), path, progress=lambda done, total: calls.append((done, total)))
    assert calls == ([(4, 4)] if ending in {".svg", ".html"} else [(1, 4), (2, 4), (3, 4), (4, 4)])
    before = path.read_bytes()

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        animate(Conv(4, 3, padding=1), path, progress=stop)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_animate_hands_everything_on(tmp_path):
    up = Conv(5, 3, stride=2).T
    weight, x = np.arange(9).reshape(3, 3), [[1, 2], [3, 4]]
    animate(
        up, tmp_path / "film.SVG", weight=weight, x=x, view="windows", matrix=False, title="up", seconds_per_step=0.5
    )
    made = film(up, weight, x, view="windows", matrix=False, title="up")
    assert (tmp_path / "film.SVG").read_text(encoding="utf-8") == moving(made, seconds_per_step=0.5)
    animate(up, str(tmp_path / "film.html"))
    assert (tmp_path / "film.html").read_text(encoding="utf-8") == page(film(up, view="stamps"))


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "message"), [("film.avi", "ends in '.avi'"), ("film", "has no ending")])
def test_unknown_endings(tmp_path, name, message):
    with pytest.raises(
        ValueError, match=rf"^file name '.*{name}' {message}, which names no animation: use \.gif, \.png"
    ):
        animate(Conv(4, 3), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (0, "seconds_per_step must be from 0.02 to 60, got 0"),
        (61, "got 61"),
        (float("nan"), "got nan"),
        (True, "must be a number, got True"),
        ("1", "must be a number, got '1'"),
    ],
)
def test_impossible_speeds(tmp_path, seconds, message):
    with pytest.raises(ValueError, match=message):
        animate(Conv(4, 3), tmp_path / "film.gif", seconds_per_step=seconds)
    assert list(tmp_path.iterdir()) == []


def test_only_pixels_need_pillow_and_matplotlib():
    script = (
        "import sys; import convmatrix.show.model.stage, convmatrix.show.render.svg, convmatrix.show.render.latex; "
        "print([name for name in ('PIL', 'matplotlib') if name in sys.modules]); "
        "import convmatrix.show.render.animate; print('PIL' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True False"]
